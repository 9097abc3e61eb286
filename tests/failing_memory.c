/* failing_memory.c - see failing_memory.h. */
#include "failing_memory.h"

#include "base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct arena;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__real_reallocarray(void *pointer, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
int __real_vasprintf(char **ret_text, const char *format, va_list arguments);
FILE *__real_open_memstream(char **ret_text, size_t *ret_length);
void *__real_arena_alloc(struct arena *arena, size_t size);
char *__real_arena_strdup(struct arena *arena, const char *text);
char *__real_arena_strndup(struct arena *arena, const char *text, size_t length);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_asprintf(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments);
int __wrap___vasprintf_chk(char **ret_text, int flag, const char *format, va_list arguments);
FILE *__wrap_open_memstream(char **ret_text, size_t *ret_length);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
char *__wrap_arena_strdup(struct arena *arena, const char *text);
char *__wrap_arena_strndup(struct arena *arena, const char *text, size_t length);
char *__wrap_arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

static unsigned taken, fail_at;
static bool armed, for_good;

void memory_fail_at(unsigned number, bool from_there_on)
{
	taken = 0;
	fail_at = number;
	for_good = from_there_on;
	armed = true;
}

unsigned memory_is_back(void)
{
	armed = false;
	return taken;
}

static bool is_refused(void)
{
	if (!armed || ++taken < fail_at || (taken > fail_at && !for_good))
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
	return is_refused() ? NULL : __real_realloc(pointer, size);
}

void *__wrap_reallocarray(void *pointer, size_t count, size_t size)
{
	return is_refused() ? NULL : __real_reallocarray(pointer, count, size);
}

char *__wrap_strdup(const char *text)
{
	return is_refused() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
	return is_refused() ? NULL : __real_strndup(text, length);
}

/* What it leaves in *ret_text then is nothing that may be freed. */
_printf_(2, 0) int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments)
{
	if (is_refused()) {
		*ret_text = (char *)1;
		return -1;
	}
	return __real_vasprintf(ret_text, format, arguments);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = __wrap_vasprintf(ret_text, format, arguments);
	va_end(arguments);
	return length;
}

/* What vasprintf is when the compiler fortifies. */
_printf_(3, 0) int __wrap___vasprintf_chk(char **ret_text, int flag, const char *format, va_list arguments)
{
	(void)flag;
	return __wrap_vasprintf(ret_text, format, arguments);
}

int __wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = __wrap___vasprintf_chk(ret_text, flag, format, arguments);
	va_end(arguments);
	return length;
}

FILE *__wrap_open_memstream(char **ret_text, size_t *ret_length)
{
	return is_refused() ? NULL : __real_open_memstream(ret_text, ret_length);
}

/* More than there ever is: an arena knows that it failed. */
void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
	return __real_arena_alloc(arena, is_refused() ? SIZE_MAX : size);
}

char *__wrap_arena_strdup(struct arena *arena, const char *text)
{
	return __wrap_arena_strndup(arena, text, strlen(text));
}

char *__wrap_arena_strndup(struct arena *arena, const char *text, size_t length)
{
	return __real_arena_strndup(arena, text, is_refused() ? SIZE_MAX : length);
}

char *__wrap_arena_printf(struct arena *arena, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	int length;

	if (is_refused())
		return __real_arena_alloc(arena, SIZE_MAX);
	va_start(arguments, format);
	length = __real_vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text = NULL;
		return NULL;
	}
	return __real_arena_strdup(arena, text);
}
