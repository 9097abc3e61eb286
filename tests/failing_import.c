/* failing_import.c - linked into the tests of the importers: before a text is imported, it is imported into
 * others, with memory that runs out at each allocation in turn, once and from there on. What comes of that
 * says that it failed, or is what comes of it with all memory: nothing that an import leaves out is left out
 * in silence. */
#include "failing_memory.h"
#include "import_help.h"

/* Of so many bytes that are read in all each allocation fails; of those behind them, fewer and fewer. */
#define BYTES_READ 20000

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* The texts of one call. */
struct texts {
	void (*read)(struct import *import, const struct texts *texts);
	const char *path, *text, *second_path, *second;
	size_t length, second_length;
	enum import_dialect dialect;
};

/* What was written, and the report behind it; NULL: there was no memory, as usherctl would say. */
static char *result(const struct texts *texts)
{
	struct import *into = import_new();
	char *text = NULL;
	size_t length;
	FILE *out;

	if (into == NULL)
		return NULL;
	texts->read(into, texts);
	import_check(into);
	memory_is_back();
	if (!import_failed(into)) {
		out = open_memstream(&text, &length);
		import_write(into, "test", out);
		import_report(into, false, out);
		fclose(out);
	}
	import_free(into);
	return text;
}

static void check_each_allocation(const struct texts *texts, bool from_there_on)
{
	_cleanup_free_ char *whole = result(texts);
	const size_t each = BYTES_READ / (texts->length + texts->second_length + 100);
	unsigned n = 0, runs = 0, taken;

	ck_assert_ptr_nonnull(whole);
	do {
		_cleanup_free_ char *text = NULL;

		runs++;
		n += 1 + (n < each ? 0 : n / 10);
		memory_fail_at(n, from_there_on);
		text = result(texts);
		taken = memory_is_back();
		ck_assert_msg(text != NULL ? strcmp(text, whole) == 0 : taken >= n,
			      "allocation %u of %u%s: said to be whole, and is\n%s\nin place of\n%s", n,
			      taken, from_there_on ? " and all behind it" : "", text, whole);
	} while (taken >= n);
	if (getenv("USHERD_COUNT_RUNS") != NULL)
		fprintf(stderr, "# memory-import: %u runs, %u of them hit, 0 violations\n", runs, runs - 1);
}

static void check(const struct texts *texts)
{
	check_each_allocation(texts, false);
	check_each_allocation(texts, true);
	if (__lsan_do_recoverable_leak_check != NULL)
		ck_assert_msg(__lsan_do_recoverable_leak_check() == 0, "something was lost without memory");
}

/* ---- what is called in place of the importers ---- */

void __real_import_inetd_text(struct import *import, const char *path, const char *text, size_t length,
			      enum import_dialect dialect);
void __wrap_import_inetd_text(struct import *import, const char *path, const char *text, size_t length,
			      enum import_dialect dialect);

static void read_inetd(struct import *import, const struct texts *texts)
{
	__real_import_inetd_text(import, texts->path, texts->text, texts->length, texts->dialect);
}

void __wrap_import_inetd_text(struct import *import, const char *path, const char *text, size_t length,
			      enum import_dialect dialect)
{
	check(&(struct texts){
		.read = read_inetd, .path = path, .text = text, .length = length, .dialect = dialect });
	__real_import_inetd_text(import, path, text, length, dialect);
}

/* Those that take one text. */
#define ONE_TEXT(name)                                                                                       \
	void __real_##name(struct import *import, const char *path, const char *text, size_t length);        \
	void __wrap_##name(struct import *import, const char *path, const char *text, size_t length);        \
	static void read_##name(struct import *import, const struct texts *texts)                            \
	{                                                                                                    \
		__real_##name(import, texts->path, texts->text, texts->length);                              \
	}                                                                                                    \
	void __wrap_##name(struct import *import, const char *path, const char *text, size_t length)         \
	{                                                                                                    \
		check(&(struct texts){ .read = read_##name, .path = path, .text = text, .length = length }); \
		__real_##name(import, path, text, length);                                                   \
	}

ONE_TEXT(import_xinetd_text)
ONE_TEXT(import_tcpserver_text)
ONE_TEXT(import_rlinetd_text)

void __real_import_tcprules_text(struct import *import, struct import_service *service, const char *path,
				 const char *text, size_t length);
void __wrap_import_tcprules_text(struct import *import, struct import_service *service, const char *path,
				 const char *text, size_t length);

/* A section for rules to be of. */
static struct import_service *add_service(struct import *import)
{
	struct import_service *service = import_add(import, "ssh", (struct import_where){ "other", 1 });

	import_set(service, "listen", "127.0.0.1:7001");
	import_set(service, "exec", "/bin/sh");
	import_wrapped(service, "sshd");
	return service;
}

static void read_tcprules(struct import *import, const struct texts *texts)
{
	__real_import_tcprules_text(import, add_service(import), texts->path, texts->text, texts->length);
}

void __wrap_import_tcprules_text(struct import *import, struct import_service *service, const char *path,
				 const char *text, size_t length)
{
	check(&(struct texts){ .read = read_tcprules, .path = path, .text = text, .length = length });
	__real_import_tcprules_text(import, service, path, text, length);
}

/* Those that take two. */
#define TWO_TEXTS(name, prepare)                                                                             \
	void __real_##name(struct import *import, const char *path, const char *text, size_t length,         \
			   const char *second_path, const char *second, size_t second_length);               \
	void __wrap_##name(struct import *import, const char *path, const char *text, size_t length,         \
			   const char *second_path, const char *second, size_t second_length);               \
	static void read_##name(struct import *import, const struct texts *texts)                            \
	{                                                                                                    \
		prepare;                                                                                     \
		__real_##name(import, texts->path, texts->text, texts->length, texts->second_path,           \
			      texts->second, texts->second_length);                                          \
	}                                                                                                    \
	void __wrap_##name(struct import *import, const char *path, const char *text, size_t length,         \
			   const char *second_path, const char *second, size_t second_length)                \
	{                                                                                                    \
		check(&(struct texts){ .read = read_##name,                                                  \
				       .path = path,                                                         \
				       .text = text,                                                         \
				       .length = length,                                                     \
				       .second_path = second_path,                                           \
				       .second = second,                                                     \
				       .second_length = second_length });                                    \
		__real_##name(import, path, text, length, second_path, second, second_length);               \
	}

TWO_TEXTS(import_systemd_text, (void)0)
TWO_TEXTS(import_hosts_text, add_service(import))
