/* check_cgroup_where.c - where places for sessions are made: named, found by itself, or
 * nowhere, and a word about it. */
#include "cgroup_help.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

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

/* As RestrictNamespaces= of systemd does it. */
static bool forbid_clone3(void)
{
	static struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { .len = 4, .filter = instructions };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* Delegated, but clone3(2) is filtered, as under the unit: sessions are served without, and a word about it. */
START_TEST(automatic_without_clone3)
{
	if (!begin())
		return;
	ck_assert_int_eq(mkdir(where, 0755), 0);
	if (setxattr(where, "user.delegate", "1", 1, 0) != 0) {
		puts("# skipped: no such attribute can be set");
		rmdir(where);
		return;
	}

	pid_t pid = fork();

	if (pid == 0) {
		struct cgroup_pool *pool = (struct cgroup_pool *)where;

		if (!write_in("cgroup.procs", "0") || !forbid_clone3())
			_exit(1);
		if (cgroup_pool_new("auto", &pool, reason) != 0 || pool != NULL ||
		    strstr(reason, "clone3(2) is not permitted") == NULL)
			_exit(2);
		_exit(cgroup_pool_new(where, &pool, reason) == -ENOSYS && strncmp(reason, where, strlen(where)) == 0 ? 0 : 3);
	}

	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(eventually_removed(where));
	ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cgroup-where");
	TCase *tests = tcase_create("cgroup");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, no_cgroup);
	tcase_add_test(tests, not_allowed);
	tcase_add_test(tests, odd_mounts);
	tcase_add_loop_test(tests, automatic, 0, ELEMENTS(attributes));
	tcase_add_test(tests, automatic_but_full);
	tcase_add_test(tests, automatic_without_clone3);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
