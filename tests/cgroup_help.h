/* cgroup_help.h - a cgroup of the test's own, and processes in it. Without one the tests are
 * skipped. */
#ifndef USHERD_TESTS_CGROUP_HELP_H
#define USHERD_TESTS_CGROUP_HELP_H

#include "cgroup-internal.h"
#include "cgroup.h"

#include "base.h"
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define LIFE_S 60
#define TRIES  10000

static char where[PATH_MAX];
static char reason[CGROUP_REASON_MAX];

/* ---- help ---- */

static inline void nap(void)
{
	poll(NULL, 0, 1);
}

/* A directory for the test alone, not made yet. Without one the test is over. */
static inline bool begin(void)
{
	char own[PATH_MAX];

	signal(SIGALRM, SIG_DFL); /* the test runner has a handler, which children would inherit */
	alarm(LIFE_S);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (cgroup_find_own(own) == 0) {
		snprintf(where, sizeof(where), "%.3000s/usherd-check-%d", own, (int)getpid());
		if (mkdir(where, 0755) == 0) {
			rmdir(where);
			return true;
		}
	}
	puts("# skipped: no cgroup of version 2 may be made here");
	return false;
}

static inline struct cgroup_pool *new_pool(void)
{
	struct cgroup_pool *pool = NULL;

	memset(reason, 'x', sizeof(reason));
	ck_assert_msg(cgroup_pool_new(where, &pool, reason) == 0, "%s", reason);
	ck_assert_ptr_nonnull(pool);
	ck_assert_str_eq(reason, "");
	return pool;
}

static inline bool exists(const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	return access(path, F_OK) == 0;
}

static inline void make(const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static inline bool write_in(const char *name, const char *text)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", where, name);

	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* As sessions begin: born in the cgroup. */
static inline pid_t start_in(int fd, void (*what)(void))
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64)fd };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0) {
		alarm(LIFE_S);
		what();
		_exit(0);
	}
	ck_assert_msg(pid > 0, "clone3: %s", strerror(errno));
	return pid;
}

static inline void sleep_on(void)
{
	for (;;)
		pause();
}

static inline int collect_all(void)
{
	int count = 0;
	siginfo_t info;

	while (waitid(P_ALL, 0, &info, WEXITED) == 0)
		count++;
	return count;
}

static inline bool eventually_empty(const struct cgroup_place *place)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (!cgroup_is_populated(place))
			return true;
		nap();
	}
	return false;
}

static inline bool eventually_removed(const char *path)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return true;
		nap();
	}
	return false;
}

#endif
