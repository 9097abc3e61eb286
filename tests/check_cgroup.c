/* check_cgroup.c - places for sessions: made, used again, left aside; everything in one is
 * killed whatever it did. */
#include "cgroup_help.h"

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
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
