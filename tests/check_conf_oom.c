/* check_conf_oom.c - every allocation of a load fails once: no crash, no leak,
 * and never half a configuration. This program has its own malloc. */
#include "base.h"
#include "conf-internal.h"
#include "run.h"

#include <errno.h>
#include <string.h>

/* A sanitizer has a malloc of its own already. */
#if defined(__SANITIZE_ADDRESS__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_MALLOC 0
#else
#define OWN_MALLOC 1
#endif
#else
#define OWN_MALLOC 1
#endif

#if OWN_MALLOC

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void __libc_free(void *pointer);

static bool counting;
static size_t taken, fail_at;
static long alive;

static bool is_refused(void)
{
	return counting && ++taken == fail_at;
}

void *malloc(size_t size)
{
	void *pointer = is_refused() ? NULL : __libc_malloc(size);

	alive += pointer != NULL;
	if (pointer == NULL)
		errno = ENOMEM;
	return pointer;
}

void *calloc(size_t count, size_t size)
{
	void *pointer = is_refused() ? NULL : __libc_calloc(count, size);

	alive += pointer != NULL;
	if (pointer == NULL)
		errno = ENOMEM;
	return pointer;
}

void *realloc(void *pointer, size_t size)
{
	void *moved = is_refused() ? NULL : __libc_realloc(pointer, size);

	alive += pointer == NULL && moved != NULL;
	if (moved == NULL)
		errno = ENOMEM;
	return moved;
}

void *reallocarray(void *pointer, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(pointer, count * size);
}

void free(void *pointer)
{
	alive -= pointer != NULL;
	__libc_free(pointer);
}

static const struct conf_environment environment = {.services_directory = "/nonexistent"};

static int load(const char *text, size_t refuse, size_t *ret_errors)
{
	struct conf_errors errors = {0};
	struct conf *conf = NULL;

	taken = 0;
	fail_at = refuse;
	counting = true;

	int r = conf_load_bytes("oom.ini", text, strlen(text), &environment, &conf, &errors);

	counting = false;
	*ret_errors = errors.count;
	/* Not ck_assert(): it allocates. */
	if ((r == 0) != (conf != NULL))
		BUG("a snapshot and an error, or neither");
	conf_unref(conf);
	conf_errors_free(&errors);
	return r;
}

#define BODY                                                                                                 \
	"[usherd]\nlog = file:/var/log/x\n[defaults]\nenv = A=1, B=2\nkeepalive = 1min\n"                    \
	"[ports]\n7001 = /bin/cat 'a;b'\n7002 = cat\n"                                                       \
	"[a]\nlisten = 127.0.0.1:7003-7010, unix:/tmp/x\nexec = /bin/cat a\n b\nsocket_user = root\n"        \
	"[b]\nlisten = 127.0.0.1:7100\nexec = /bin/sh -c 'x'\ndescription = some\n"

/* Fails the first allocation, then the second ...; returns how many there were. */
static size_t fail_each(const char *text, int expected, size_t *ret_out_of_memory)
{
	size_t n = 1, errors;

	*ret_out_of_memory = 0;
	/* What the C library keeps for good is taken now. */
	ck_assert_int_eq(load(text, 0, &errors), expected);
	for (;; n++) {
		long before = alive;
		int r = load(text, n, &errors);

		ck_assert_msg(alive == before, "allocation %zu: %ld leaked", n, alive - before);
		ck_assert_msg(r == expected || r == -ENOMEM || (r == -EINVAL && errors > 0),
			      "allocation %zu: %d", n, r);
		*ret_out_of_memory += r == -ENOMEM;
		if (taken < n) {
			ck_assert_int_eq(r, expected);
			return n - 1;
		}
	}
}

START_TEST(good_file)
{
	size_t failed, count = fail_each(BODY, 0, &failed);

	ck_assert_uint_gt(count, 20);
	/* All but those that the C library gets by without. */
	ck_assert_uint_ge(failed, count / 2);
}
END_TEST

START_TEST(bad_file)
{
	size_t failed,
		count = fail_each(BODY "[b]\n[a\nx\n[c]\ninstnaces = 1\nuser = nosuchuser\nlisten = 7100,\n"
				       "exec = nosuchprogram\numask = 9\n",
				  -EINVAL, &failed);

	ck_assert_uint_gt(count, 30);
	ck_assert_uint_ge(failed, 10);
}
END_TEST

/* A list of networks long enough to grow, and one that is wrong here and there. */
static void put_list(char path[static 32], bool is_bad)
{
	strcpy(path, "/tmp/check_conf_oom.XXXXXX");

	int fd = mkstemp(path);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	ck_assert_ptr_nonnull(file);
	for (unsigned i = 0; i < 200; i++)
		fprintf(file, "10.0.%u.0/24\n2001:db8:%x::/48\n%s", i, i, is_bad && i % 50 == 0 ? "x\n" : "");
	ck_assert_int_eq(fclose(file), 0);
}

/* Compiled rules, shared and not, and warnings: they belong to the snapshot, and lie beside it. */
START_TEST(lists)
{
	char path[32], text[2000];
	size_t failed, count;

	for (int is_bad = 0; is_bad < 2; is_bad++) {
		put_list(path, is_bad);
		snprintf(text, sizeof(text),
			 "[defaults]\ndeny = file:%s\n"
			 "[a]\nlisten = 7101\nexec = /bin/cat\n"
			 "[b]\nlisten = 7102\nexec = /bin/cat\nallow = uid:0, gid:0, cid:3, loopback\n"
			 "[c]\nlisten = 7103\nexec = /bin/cat\ndeny = 192.0.2.0/24\nallow =\n"
			 "[d]\nlisten = 7104\nexec = /bin/cat\ndeny = file:%s\n%s",
			 path, path, is_bad ? "allow = file:/nonexistent/list\n" : "");
		count = fail_each(text, is_bad ? -EINVAL : 0, &failed);
		ck_assert_int_eq(unlink(path), 0);
		ck_assert_uint_gt(count, 40);
		ck_assert_uint_ge(failed, is_bad ? 10 : count / 2);
	}
}
END_TEST

#else

START_TEST(lists)
{
}
END_TEST

START_TEST(good_file)
{
}
END_TEST

START_TEST(bad_file)
{
}
END_TEST

#endif

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_oom");
	TCase *all = tcase_create("oom");

	tcase_add_test(all, good_file);
	tcase_add_test(all, bad_file);
	tcase_add_test(all, lists);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
