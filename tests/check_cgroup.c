/* check_cgroup.c - places for sessions: made, used again, left aside; everything in one is
 * killed whatever it did. All in a cgroup of the test's own; without one they are skipped. */
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

static void nap(void)
{
	poll(NULL, 0, 1);
}

/* A directory for the test alone, not made yet. Without one the test is over. */
static bool begin(void)
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

static struct cgroup_pool *new_pool(void)
{
	struct cgroup_pool *pool = NULL;

	memset(reason, 'x', sizeof(reason));
	ck_assert_msg(cgroup_pool_new(where, &pool, reason) == 0, "%s", reason);
	ck_assert_ptr_nonnull(pool);
	ck_assert_str_eq(reason, "");
	return pool;
}

static bool exists(const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	return access(path, F_OK) == 0;
}

static void make(const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static bool write_in(const char *name, const char *text)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", where, name);

	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* As sessions begin: born in the cgroup. */
static pid_t start_in(int fd, void (*what)(void))
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

static void sleep_on(void)
{
	for (;;)
		pause();
}

static int collect_all(void)
{
	int count = 0;
	siginfo_t info;

	while (waitid(P_ALL, 0, &info, WEXITED) == 0)
		count++;
	return count;
}

static bool eventually_empty(const struct cgroup_place *place)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (!cgroup_is_populated(place))
			return true;
		nap();
	}
	return false;
}

static bool eventually_removed(const char *path)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return true;
		nap();
	}
	return false;
}

/* ---- places ---- */

START_TEST(made_and_removed)
{
	struct cgroup_place first = { .number = 0 }, second = { .number = 0 };
	int fd = -1, other = -1;

	if (!begin())
		return;

	struct cgroup_pool *pool = new_pool();

	ck_assert_int_eq(cgroup_take(pool, &first, &fd), 0);
	ck_assert_int_eq(cgroup_take(pool, &second, &other), 0);
	ck_assert_uint_eq(first.number, 1);
	ck_assert_uint_eq(second.number, 2);
	ck_assert_ptr_eq(first.pool, pool);
	ck_assert_int_ne(fd, other);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert(exists("session-1") && exists("session-2"));
	ck_assert(!cgroup_is_populated(&first));
	cgroup_give(&first);
	ck_assert_ptr_null(first.pool);
	ck_assert_uint_eq(first.number, 0);
	cgroup_give(&first);
	ck_assert_msg(exists("session-1"), "it is used again");
	ck_assert_int_eq(cgroup_take(pool, &first, &fd), 0);
	ck_assert_uint_eq(first.number, 1);
	/* One that is still taken when all ends. */
	cgroup_pool_free(pool);
	ck_assert_msg(access(where, F_OK) != 0, "what was made is removed");
	cgroup_pool_free(NULL);
}
END_TEST

START_TEST(none)
{
	struct cgroup_place place = { .pool = NULL };

	cgroup_give(&place);
	ck_assert(!cgroup_is_populated(&place));
}
END_TEST

START_TEST(given_twice)
{
	struct cgroup_place place = { .number = 0 }, copy;
	int fd = -1;

	if (!begin())
		abort();

	struct cgroup_pool *pool = new_pool();

	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	/* What the abort leaves behind is empty. */
	copy = place;
	cgroup_give(&place);
	if (fork() == 0) {
		cgroup_give(&copy);
		_exit(0);
	}

	siginfo_t info;

	ck_assert_int_eq(waitid(P_ALL, 0, &info, WEXITED), 0);
	cgroup_pool_free(pool);
	ck_assert_int_ne(info.si_code, CLD_EXITED);
	abort();
}
END_TEST

/* More at rest than descriptors are kept for: all are used again all the same. */
START_TEST(many_at_rest)
{
	enum { MANY = 100 };
	struct cgroup_place places[MANY];
	bool seen[MANY + 1] = { false };
	int fd = -1;

	if (!begin())
		return;

	struct cgroup_pool *pool = new_pool();

	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(cgroup_take(pool, &places[i], &fd), 0);
	for (int i = 0; i < MANY; i++)
		cgroup_give(&places[i]);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(cgroup_take(pool, &places[i], &fd), 0);
		ck_assert_uint_ge(places[i].number, 1);
		ck_assert_uint_le(places[i].number, MANY);
		ck_assert(!seen[places[i].number]);
		seen[places[i].number] = true;
		ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	}
	for (int i = 0; i < MANY; i++)
		cgroup_give(&places[i]);
	/* Again, so that those without a descriptor are counted once. */
	for (int round = 0; round < 3 * MANY; round++) {
		ck_assert_int_eq(cgroup_take(pool, &places[0], &fd), 0);
		cgroup_give(&places[0]);
	}
	cgroup_pool_free(pool);
	ck_assert(!exists(""));
}
END_TEST

START_TEST(no_descriptor_left)
{
	struct cgroup_place place = { .number = 77 };
	struct rlimit old, low;
	int fd = -77;

	if (!begin())
		return;

	/* The first one was made, but nobody has opened it. */
	struct cgroup_pool *pool = new_pool();

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	ck_assert_int_eq(cgroup_take(pool, &place, &fd), -EMFILE);
	ck_assert_int_eq(fd, -77);
	ck_assert_uint_eq(place.number, 77);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	ck_assert_uint_eq(place.number, 1);
	cgroup_pool_free(pool);
}
END_TEST

/* ---- processes ---- */

#define CHAIN 20

/* Each one leaves the session and the group, and dies but for the last. */
static void run_away(void)
{
	for (int i = 0; i < CHAIN; i++) {
		setsid();
		if (fork() == 0) {
			if (i % 4 == 0)
				sleep_on();
			continue;
		}
		if (i % 2 == 0)
			_exit(0);
	}
	sleep_on();
}

START_TEST(killed_whole)
{
	struct cgroup_place place = { .number = 0 };
	int fd = -1;

	if (!begin())
		return;

	struct cgroup_pool *pool = new_pool();

	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	start_in(fd, run_away);
	ck_assert(cgroup_is_populated(&place));
	for (int i = 0; i < 20; i++)
		nap();
	ck_assert_int_eq(cgroup_kill(&place), 0);
	ck_assert(eventually_empty(&place));
	ck_assert_int_ge(collect_all(), 1);
	ck_assert_int_eq(cgroup_kill(&place), 0);
	cgroup_give(&place);
	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	ck_assert_uint_eq(place.number, 1);
	cgroup_pool_free(pool);
	ck_assert(!exists(""));
}
END_TEST

static void have_many_sleepers(void)
{
	for (int i = 0; i < 150; i++)
		if (fork() == 0)
			sleep_on();
	run_away();
}

/* As before Linux 5.14: what stands in the place of cgroup.kill cannot be written. */
START_TEST(killed_one_by_one)
{
	char path[PATH_MAX + 32];
	struct cgroup_place place = { .number = 0 };
	int fd = -1;

	if (!begin())
		return;
	/* Before the pool, which then sees what is mounted later. */
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		puts("# skipped: nothing may be mounted");
		return;
	}

	struct cgroup_pool *pool = new_pool();

	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	snprintf(path, sizeof(path), "%s/session-1/cgroup.kill", where);
	ck_assert_int_eq(mount("/dev/full", path, NULL, MS_BIND, NULL), 0);
	ck_assert(!write_in("session-1/cgroup.kill", "1"));
	start_in(fd, have_many_sleepers);
	for (int i = 0; i < 20; i++)
		nap();
	ck_assert_int_eq(cgroup_kill(&place), 0);
	ck_assert(eventually_empty(&place));
	ck_assert_int_ge(collect_all(), 1);
	ck_assert_int_eq(umount(path), 0);
	cgroup_give(&place);
	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	ck_assert_msg(place.number == 1, "it was thawed");
	cgroup_pool_free(pool);
}
END_TEST

START_TEST(left_aside)
{
	struct cgroup_place place = { .number = 0 }, next = { .number = 0 }, old[6];
	int fd = -1;

	if (!begin())
		return;

	struct cgroup_pool *pool = new_pool();

	/* More than are looked at in one go. */
	for (size_t i = 0; i < ELEMENTS(old); i++) {
		ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
		start_in(fd, sleep_on);
		old[i] = place;
		cgroup_give(&place);
	}
	ck_assert_int_eq(cgroup_take(pool, &next, &fd), 0);
	ck_assert_uint_eq(next.number, ELEMENTS(old) + 1);
	for (size_t i = 0; i < ELEMENTS(old); i++)
		ck_assert_int_eq(cgroup_kill(&old[i]), 0);
	for (size_t i = 0; i < ELEMENTS(old); i++)
		ck_assert(eventually_empty(&old[i]));
	collect_all();
	for (size_t i = 0; i < ELEMENTS(old); i++) {
		ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
		ck_assert_uint_le(place.number, ELEMENTS(old));
	}
	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	ck_assert_uint_eq(place.number, ELEMENTS(old) + 2);
	cgroup_pool_free(pool);
	ck_assert(!exists(""));
}
END_TEST

/* What a session with the right to do so may leave, and what somebody else may do. */
static const struct {
	const char *name, *make, *file, *text;
	bool remove;
} changes[] = {
	{ .name = "directories", .make = "session-1/a" },
	{ .name = "frozen", .file = "session-1/cgroup.freeze", .text = "1" },
	{ .name = "removed", .remove = true },
};

START_TEST(changed)
{
	struct cgroup_place place = { .number = 0 };
	char path[PATH_MAX + 32];
	int fd = -1;

	if (!begin())
		return;

	struct cgroup_pool *pool = new_pool();

	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	if (changes[_i].make != NULL) {
		make(changes[_i].make);
		make("session-1/a/b");
	}
	if (changes[_i].file != NULL)
		ck_assert(write_in(changes[_i].file, changes[_i].text));
	snprintf(path, sizeof(path), "%s/session-1", where);
	if (changes[_i].remove)
		ck_assert_int_eq(rmdir(path), 0);
	ck_assert(!cgroup_is_populated(&place));
	cgroup_give(&place);
	ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
	ck_assert_uint_eq(place.number, 1);
	ck_assert(!exists("session-1/a"));

	pid_t pid = start_in(fd, sleep_on);

	ck_assert_int_eq(cgroup_kill(&place), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(eventually_empty(&place));
	cgroup_pool_free(pool);
	ck_assert(!exists(""));
}
END_TEST

START_TEST(leftovers)
{
	struct cgroup_place place = { .number = 0 };
	char path[PATH_MAX + 32];
	int fd = -1, busy;

	if (!begin())
		return;
	ck_assert_int_eq(mkdir(where, 0755), 0);
	make("session-1");
	make("session-2");
	make("session-2/below");
	make("session-3");
	make("session-03");
	make("session-x");
	make("session-");
	make("other");
	snprintf(path, sizeof(path), "%s/session-1", where);
	busy = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(busy, 0);

	pid_t pid = start_in(busy, sleep_on);
	struct cgroup_pool *pool = new_pool();

	ck_assert(exists("session-1") && exists("session-2") && !exists("session-3"));
	ck_assert(!exists("session-2/below"));
	ck_assert(exists("session-03") && exists("session-x") && exists("session-") && exists("other"));
	for (unsigned number = 2; number < 5; number++) {
		ck_assert_int_eq(cgroup_take(pool, &place, &fd), 0);
		ck_assert_msg(place.number == number, "%u, for somebody is in the first", place.number);
	}
	cgroup_pool_free(pool);
	ck_assert(exists("session-1") && !exists("session-2") && exists("other"));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(busy);
	ck_assert(eventually_removed(path));
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", where,
			 ((const char *[]){ "session-03", "session-x", "session-", "other" })[i]);
		ck_assert_int_eq(rmdir(path), 0);
	}
	ck_assert_msg(rmdir(where) == 0, "it was there before");
}
END_TEST

/* ---- where ---- */

static void expect_failure(const char *path, int error, const char *words)
{
	struct cgroup_pool *pool = (struct cgroup_pool *)where;

	ck_assert_int_eq(cgroup_pool_new(path, &pool, reason), error);
	ck_assert_ptr_eq(pool, (struct cgroup_pool *)where);
	ck_assert_msg(strstr(reason, words) != NULL, "%s", reason);
	ck_assert_msg(strncmp(reason, path, strlen(path)) == 0, "%s", reason);
}

START_TEST(no_cgroup)
{
	char made[] = "/tmp/check_cgroup.XXXXXX", below[64];

	expect_failure("/nowhere/at/all", -ENOENT, "directory above");
	ck_assert_ptr_nonnull(mkdtemp(made));
	expect_failure(made, -EINVAL, "not a cgroup of version 2");
	snprintf(below, sizeof(below), "%s/below", made);
	expect_failure(below, -EINVAL, "not a cgroup of version 2");
	ck_assert_msg(access(below, F_OK) != 0, "what was made in vain is removed");
	ck_assert_int_eq(rmdir(made), 0);
	expect_failure("/dev/null", -ENOTDIR, "cannot be opened");
}
END_TEST

START_TEST(not_allowed)
{
	if (!begin())
		return;
	ck_assert_int_eq(mkdir(where, 0755), 0);

	pid_t pid = fork();

	if (pid == 0) {
		struct cgroup_pool *pool = NULL;
		char below[PATH_MAX + 32];

		snprintf(below, sizeof(below), "%s/below", where);
		if (setresuid(65534, 65534, 65534) != 0)
			_exit(3);
		if (cgroup_pool_new(where, &pool, reason) != -EACCES || strstr(reason, "no directory") == NULL)
			_exit(1);
		_exit(cgroup_pool_new(below, &pool, reason) == -EACCES && strstr(reason, "delegate") != NULL ? 0 : 2);
	}

	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(rmdir(where), 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
		puts("# skipped: nobody else can be become");
	else
		ck_assert_int_eq(status, 0);
}
END_TEST

/* Takes away all that shows cgroups of version 2. */
static bool unmount_all(void)
{
	for (int tries = 0; tries < 64; tries++) {
		_cleanup_file_ FILE *file = fopen("/proc/self/mountinfo", "re");
		char line[PATH_MAX], point[PATH_MAX] = "";

		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
			if (strstr(line, " - cgroup2 ") != NULL)
				sscanf(line, "%*s %*s %*s %*s %s", point);
		if (point[0] == '\0')
			return true;
		if (umount2(point, MNT_DETACH) != 0)
			return false;
	}
	return false;
}

/* Only our own part is mounted, at a place with a blank; then a part that we are not in; then none. */
static int look_at_odd_mounts(void)
{
	char made[] = "/tmp/check cgroup\\XXXXXX", below[64], own[PATH_MAX];
	struct cgroup_pool *pool = NULL;
	int status = 0;

	if (!write_in("cgroup.procs", "0") || mkdtemp(made) == NULL)
		return 77;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		rmdir(made);
		return 77;
	}
	snprintf(below, sizeof(below), "%s/session-7", made);

	/* A copy that is mounted again when the rest was taken away. */
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, where, OPEN_TREE_CLONE | O_CLOEXEC);

	if (tree < 0 || !unmount_all())
		status = 77;
	else if (cgroup_find_own(own) != -ENOENT || cgroup_pool_new("auto", &pool, reason) != 0 || pool != NULL)
		status = 1;
	else if (cgroup_pool_new("/tmp", &pool, reason) != -EINVAL || strstr(reason, "none is mounted") == NULL)
		status = 2;
	else if (syscall(SYS_move_mount, tree, "", -1, made, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		status = 77;
	else if (cgroup_find_own(own) != 0 || strcmp(own, made) != 0)
		status = 3;
	else if (cgroup_pool_new("/tmp", &pool, reason) != -EINVAL || strstr(reason, made) == NULL)
		status = 4;
	else if (mkdir(below, 0755) != 0 || mount(below, "/mnt", NULL, MS_BIND, NULL) != 0 ||
		 umount2(made, MNT_DETACH) != 0)
		status = 5;
	else if (cgroup_find_own(own) != -ENOENT)
		status = 6;
	umount2("/mnt", MNT_DETACH);
	rmdir(made);
	return status;
}

START_TEST(odd_mounts)
{
	char below[PATH_MAX + 32];
	int status;

	if (!begin())
		return;
	ck_assert_int_eq(mkdir(where, 0755), 0);

	pid_t pid = fork();

	if (pid == 0)
		_exit(look_at_odd_mounts());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	snprintf(below, sizeof(below), "%s/session-7", where);
	ck_assert(eventually_removed(below));
	ck_assert(eventually_removed(where));
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		puts("# skipped: nothing may be mounted");
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* The part that says 1 is all that counts. */
static const struct {
	const char *name, *value;
	bool is_delegated;
} attributes[] = {
	{ NULL, NULL, false },
	{ "user.delegate", "1", true },
	{ "trusted.delegate", "1", true },
	{ "user.delegate", "0", false },
	{ "user.delegate", "10", false },
	{ "user.delegated", "1", false },
};

START_TEST(automatic)
{
	if (!begin())
		return;
	ck_assert_int_eq(mkdir(where, 0755), 0);
	if (attributes[_i].name != NULL &&
	    setxattr(where, attributes[_i].name, attributes[_i].value, strlen(attributes[_i].value), 0) != 0) {
		puts("# skipped: no such attribute can be set");
		rmdir(where);
		return;
	}
	ck_assert_int_eq(cgroup_is_delegated(where), attributes[_i].is_delegated);

	pid_t pid = fork();

	if (pid == 0) {
		struct cgroup_pool *pool = (struct cgroup_pool *)where;
		struct cgroup_place place;
		char own[PATH_MAX];
		int fd, r;

		/* As usherd stands in the cgroup that it was given. */
		if (!write_in("cgroup.procs", "0") || cgroup_find_own(own) != 0 || strcmp(own, where) != 0)
			_exit(1);
		r = cgroup_pool_new("auto", &pool, reason);
		if (r != 0 || (pool != NULL) != attributes[_i].is_delegated || reason[0] != '\0')
			_exit(2);
		if (pool == NULL)
			_exit(0);
		if (cgroup_take(pool, &place, &fd) != 0 || !exists("session-1"))
			_exit(3);

		pid_t child = start_in(fd, sleep_on);

		if (cgroup_kill(&place) != 0 || waitpid(child, NULL, 0) != child || !eventually_empty(&place))
			_exit(4);
		cgroup_pool_free(pool);
		_exit(exists("session-1") ? 5 : 0);
	}

	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(eventually_removed(where));
	ck_assert_msg(status == 0, "status 0x%x", (unsigned)status);
}
END_TEST

/* Delegated, but nothing can be made in it: there is no pool, and a word about it. */
START_TEST(automatic_but_full)
{
	if (!begin())
		return;
	ck_assert_int_eq(mkdir(where, 0755), 0);
	if (setxattr(where, "user.delegate", "1", 1, 0) != 0) {
		puts("# skipped: no such attribute can be set");
		rmdir(where);
		return;
	}
	ck_assert(write_in("cgroup.max.descendants", "0"));

	pid_t pid = fork();

	if (pid == 0) {
		struct cgroup_pool *pool = (struct cgroup_pool *)where;

		_exit(write_in("cgroup.procs", "0") && cgroup_pool_new("auto", &pool, reason) == 0 &&
				      pool == NULL && strstr(reason, "no directory can be made") != NULL ?
			      0 :
			      1);
	}

	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(eventually_removed(where));
	ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cgroup");
	TCase *tests = tcase_create("cgroup");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, made_and_removed);
	tcase_add_test(tests, none);
	tcase_add_test_raise_signal(tests, given_twice, SIGABRT);
	tcase_add_test(tests, many_at_rest);
	tcase_add_test(tests, no_descriptor_left);
	tcase_add_test(tests, killed_whole);
	tcase_add_test(tests, killed_one_by_one);
	tcase_add_test(tests, left_aside);
	tcase_add_loop_test(tests, changed, 0, ELEMENTS(changes));
	tcase_add_test(tests, leftovers);
	tcase_add_test(tests, no_cgroup);
	tcase_add_test(tests, not_allowed);
	tcase_add_test(tests, odd_mounts);
	tcase_add_loop_test(tests, automatic, 0, ELEMENTS(attributes));
	tcase_add_test(tests, automatic_but_full);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
