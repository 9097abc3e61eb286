/* arena.c - memory that is given back all at once. Chunks come from malloc and
 * are filled from front to back; what is larger than a quarter of a chunk gets
 * one of its own, so that a big table wastes nothing. */
#include "arena.h"

#include "base.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

/* Few and large: ten thousand services are some forty chunks. */
#define CHUNK_SIZE ((size_t)256 * 1024)

/* The first chunk is small: most configurations name a handful of services. */
#define FIRST_CHUNK_SIZE ((size_t)16 * 1024)

struct chunk {
	struct chunk *next;
	size_t used, room;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct chunk *current; /* the one that is being filled; older ones follow */
	bool grown, failed;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;

	for (struct chunk *chunk = arena->current, *next; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

/* calloc and not malloc: zeroed pages straight from the kernel cost nothing. */
static struct chunk *chunk_new(size_t room)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + room);

	if (chunk != NULL)
		chunk->room = room;
	return chunk;
}

static void *alloc_alone(struct arena *arena, size_t size)
{
	struct chunk *chunk = chunk_new(size);

	if (chunk == NULL)
		return NULL;
	chunk->used = size;
	if (arena->current == NULL) {
		arena->current = chunk;
	} else {
		/* Behind the current one, whose room is still to be used. */
		chunk->next = arena->current->next;
		arena->current->next = chunk;
	}
	return chunk->bytes;
}

static void *find_room(struct arena *arena, size_t size, size_t alignment)
{
	size_t room = arena->grown ? CHUNK_SIZE : FIRST_CHUNK_SIZE;
	struct chunk *chunk = arena->current;

	if (size > SIZE_MAX / 2)
		return NULL;
	if (chunk != NULL) {
		size_t start = (chunk->used + alignment - 1) & ~(alignment - 1);

		if (start <= chunk->room && size <= chunk->room - start) {
			chunk->used = start + size;
			return chunk->bytes + start;
		}
	}
	if (size > room / 4)
		return alloc_alone(arena, size);

	chunk = chunk_new(room);
	if (chunk == NULL)
		return NULL;
	chunk->next = arena->current;
	chunk->used = size;
	arena->current = chunk;
	arena->grown = true;
	return chunk->bytes;
}

static void *alloc_aligned(struct arena *arena, size_t size, size_t alignment)
{
	void *memory = find_room(arena, size, alignment);

	arena->failed |= memory == NULL;
	return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return alloc_aligned(arena, size, alignof(max_align_t));
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = alloc_aligned(arena, length < SIZE_MAX ? length + 1 : length, 1);

	if (copy != NULL)
		memcpy(copy, text, length); /* the rest is zero already */
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);

	char *text = alloc_aligned(arena, length < 0 ? SIZE_MAX : (size_t)length + 1, 1);

	if (text == NULL)
		return NULL;
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

bool arena_failed(const struct arena *arena)
{
	return arena->failed;
}
