/* fault_memory.c - F05 inside one process: each allocation of loading, starting,
 * reloading and ending the daemon fails in turn, once and from there on. Built
 * with sanitizers it finds what was lost or used after it was freed; descriptors
 * are counted in any case. The allocations are wrapped by the linker. */
#include "base.h"
#include "conf-internal.h"
#include "daemon.h"
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__real_reallocarray(void *pointer, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static unsigned taken, fail_at;
static bool armed, from_there_on;

static bool is_refused(void)
{
	if (!armed || ++taken < fail_at || (taken > fail_at && !from_there_on))
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

static const struct conf_environment environment = {.services_directory = "/nonexistent"};
static unsigned loads;

/* The second configuration has another service, and one less. */
static int load(void *context, struct conf **ret_conf, struct conf_errors *errors)
{
	char text[512];

	(void)context;
	snprintf(text, sizeof(text),
		 "[usherd]\ndrain_timeout = 1s\n"
		 "[a]\nlisten = unix:@usherd-memory-a-%d\nexec = /bin/cat x y\nenv = A=1, B=2\n"
		 "[%s]\nlisten = unix:@usherd-memory-%s-%d, unix-dgram:@usherd-memory-d%s-%d\nexec = /bin/cat\n",
		 getpid(), loads > 0 ? "c" : "b", loads > 0 ? "c" : "b", getpid(), loads > 0 ? "c" : "b", getpid());
	loads++;
	return conf_load_bytes("memory.ini", text, strlen(text), &environment, ret_conf, errors);
}

/* From nothing to nothing; `reloading`: only the reload has trouble. */
static void live(bool reloading)
{
	const struct daemon_source source = {.load = load, .reloadable = true};
	struct conf_errors errors = {0};
	struct conf *conf = NULL;
	struct daemon *daemon;
	int status = 0;

	loads = taken = 0;
	armed = !reloading;
	if (load(NULL, &conf, &errors) == 0 && daemon_start(&source, conf, false, &daemon) == 0) {
		armed = reloading;
		raise(SIGHUP); /* read in the order of their numbers */
		raise(SIGTERM);
		status = daemon_run(daemon);
		daemon_free(daemon);
	}
	armed = false; /* libcheck allocates */
	ck_assert_int_eq(status, 0);
	conf_unref(conf);
	conf_errors_free(&errors);
}

static int count_descriptors(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(fds) != NULL)
		count++;
	closedir(fds);
	return count;
}

START_TEST(each_allocation)
{
	unsigned n;

	(void)!freopen("/dev/null", "w", stderr); /* what it says is e2e_fault_oom's */
	fail_at = ~0U;
	live(_i >= 2);
	int descriptors = count_descriptors();

	from_there_on = _i % 2 != 0;
	for (n = 1; n < 5000; n++) {
		fail_at = n;
		live(_i >= 2);
		ck_assert_msg(count_descriptors() == descriptors, "allocation %u: %d descriptors, %d before", n,
			      count_descriptors(), descriptors);
		if (__lsan_do_recoverable_leak_check != NULL)
			ck_assert_msg(__lsan_do_recoverable_leak_check() == 0, "allocation %u: something was lost", n);
		if (taken < n)
			break;
	}
	ck_assert_uint_gt(n, 30);
	ck_assert_uint_lt(n, 5000);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_memory");
	TCase *all = tcase_create("memory");

	tcase_set_timeout(all, 120);
	tcase_add_loop_test(all, each_allocation, 0, 4);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
