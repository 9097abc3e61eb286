/* check_family.c - signals reach all of a group and nobody else, whoever of it is
 * left, with and without the kernel's help (Linux 6.9): a filter makes
 * pidfd_send_signal(2) answer as older kernels do. */
#include "family.h"

#include "base.h"
#include "cgroup-internal.h"
#include "family_help.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>

/* ---- one group ---- */

START_TEST(leader_alone)
{
	struct family family;

	begin(_i);
	family = start_leader(wait_for_end);
	ck_assert(family_is_alive(&family));
	family_signal(&family, 0);
	family_signal(&family, SIGTERM);
	wait_for_zombie(family.group);
	ck_assert_msg(family_is_alive(&family), "a leader that was not collected counts");
	family_signal(&family, SIGTERM);
	collect_leader(&family, SIGTERM);
	ck_assert(!family_is_alive(&family));
	family_signal(&family, SIGKILL);
	finish(&family);
}
END_TEST

static void leave_two(void)
{
	start(wait_for_end);
	start(wait_for_end);
}

START_TEST(leader_first)
{
	struct family family;

	begin(_i);
	family = start_leader(leave_two);
	collect_leader(&family, 0);
	ck_assert(family_is_alive(&family));
	family_signal(&family, 0);
	ck_assert(family_is_alive(&family));
	family_signal(&family, SIGTERM);
	ck_assert(eventually_gone(&family));
	ck_assert_msg(!have_children(), "the dead ones were collected");
	finish(&family);
}
END_TEST

static void have_three(void)
{
	leave_two();
	start(wait_for_end);
	wait_for_end();
}

START_TEST(everybody_gets_it)
{
	struct family family;

	begin(_i);
	family = start_leader(have_three);
	family_signal(&family, SIGTERM);
	collect_leader(&family, SIGTERM);
	ck_assert(eventually_gone(&family));
	ck_assert_int_eq(hear_all_end(), 4);
	finish(&family);
}
END_TEST

static void stop_here(void)
{
	raise(SIGSTOP);
	wait_for_end();
}

static void leave_stopped(void)
{
	pid_t pid = start_silent(stop_here);
	siginfo_t info;

	while (waitid(P_PID, (id_t)pid, &info, WSTOPPED) != 0 && errno == EINTR)
		continue;
}

START_TEST(stopped_member)
{
	struct family family;

	begin(_i);
	family = start_leader(leave_stopped);
	collect_leader(&family, 0);
	ck_assert(family_is_alive(&family));
	family_signal(&family, SIGKILL);
	ck_assert(eventually_gone(&family));
	finish(&family);
}
END_TEST

static void leave_dead(void)
{
	for (int i = 0; i < 3; i++)
		start_silent(end_at_once);
}

START_TEST(only_zombies)
{
	struct family family;
	siginfo_t info;

	begin(_i);
	family = start_leader(leave_dead);
	collect_leader(&family, 0);
	ck_assert_int_eq(hear_all_end(), 0);
	ck_assert_int_eq(waitid(P_PGID, (id_t)family.group, &info, WEXITED | WNOWAIT), 0);
	ck_assert(eventually_gone(&family));
	ck_assert(!have_children());
	finish(&family);
}
END_TEST

/* Its child stays in the group, and it leaves. */
static void leave_child_behind(void)
{
	start(wait_for_end);
	setsid();
	say('s');
	wait_for_end();
}

static void have_deserter(void)
{
	start_silent(leave_child_behind);
}

/* What older kernels cannot know: it is left alone there. */
START_TEST(members_of_another_parent)
{
	struct family family;
	bool knows;

	begin(_i);
	knows = is_new_kernel();
	ck_assert(!knows || _i == NEW_KERNEL);
	family = start_leader(have_deserter);
	collect_leader(&family, 0);
	hear('s');
	ck_assert_int_eq(family_is_alive(&family), knows);
	family_signal(&family, SIGTERM);
	if (knows)
		hear('t');
	else
		ck_assert(!heard_anything());
	finish(&family);
}
END_TEST

/* A child is signalled before it has its group, and we are not. */
START_TEST(before_the_group)
{
	struct family family = { .pidfd = -1 };

	begin(_i);
	family.group = start(wait_for_end);
	family.pidfd = open_pidfd(family.group);
	family_signal(&family, SIGTERM);
	collect_leader(&family, SIGTERM);
	finish(&family);
}
END_TEST

/* The number belongs to the leader of another family by now. */
START_TEST(number_used_anew)
{
	struct family old, fresh, stale;

	begin(_i);
	old = start_leader(end_at_once);
	collect_leader(&old, 0);
	fresh = start_leader(wait_for_end);
	stale = old;
	stale.group = fresh.group;
	ck_assert(!family_is_alive(&stale));
	family_signal(&stale, SIGKILL);
	family_signal(&fresh, SIGTERM);
	wait_for_zombie(fresh.group);
	ck_assert_msg(!family_is_alive(&stale), "nor is its leader collected");
	collect_leader(&fresh, SIGTERM);
	finish(&old);
	finish(&fresh);
}
END_TEST

/* -0 would be the test itself, and -1 everybody. */
START_TEST(no_group)
{
	struct family family = { .group = _i, .pidfd = -1 };

	(void)family_is_alive(&family);
}
END_TEST

START_TEST(no_group_to_signal)
{
	struct family family = { .group = _i, .pidfd = -1 };

	family_signal(&family, 0);
}
END_TEST

/* Only SIGKILL goes to the cgroup, and there to everybody. */
START_TEST(with_cgroup)
{
	char own[PATH_MAX], where[PATH_MAX], reason[CGROUP_REASON_MAX];
	struct cgroup_pool *pool = NULL;
	struct family family;
	int fd = -1;

	begin(_i);
	where[0] = '\0';
	if (cgroup_find_own(own) == 0)
		snprintf(where, sizeof(where), "%.3000s/usherd-check-%d", own, (int)getpid());
	if (where[0] == '\0' || cgroup_pool_new(where, &pool, reason) != 0) {
		puts("# skipped: no cgroup of version 2 may be made here");
		return;
	}
	family = start_leader(wait_for_end);
	ck_assert_int_eq(cgroup_take(pool, &family.cgroup, &fd), 0);

	pid_t elsewhere = start(wait_for_end);
	char path[PATH_MAX + 64], number[16];

	snprintf(path, sizeof(path), "%s/session-1/cgroup.procs", where);
	snprintf(number, sizeof(number), "%d", (int)elsewhere);
	ck_assert(write_text(path, number));
	family_signal(&family, SIGTERM);
	collect_leader(&family, SIGTERM);
	ck_assert(is_running(elsewhere));
	/* Though the group is gone. */
	family_signal(&family, SIGKILL);
	expect_end(elsewhere, SIGKILL);
	cgroup_give(&family.cgroup);
	cgroup_pool_free(pool);
	finish(&family);
}
END_TEST

/* ---- numbers come round ---- */

#define LEADERS 3000
#define NUMBERS 512

/* Waits for the end of its life, which closes the pipe; a signal that was meant for another one
 * shows in how it ends. */
static pid_t start_short_lived(int *ret_end)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		alarm(LIFE_S);
		setsid();
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(ends[0]);
	*ret_end = ends[1];
	return pid;
}

static bool end_short_lived(pid_t pid, int end)
{
	siginfo_t info;

	close(end);
	return waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_code == CLD_EXITED && info.si_status == 0;
}

/* Returns 0, or what was wrong. */
static int run_with_few_numbers(void)
{
	static struct family ended[NUMBERS];
	int sentinel_end, used_anew = 0;
	pid_t sentinel = start_short_lived(&sentinel_end);

	if (mount("proc", "/proc", "proc", 0, NULL) != 0 || !write_text("/proc/sys/kernel/pid_max", "400"))
		return SKIPPED;
	for (int i = 0; i < LEADERS; i++) {
		int end;
		pid_t pid = start_short_lived(&end);
		struct family *before, family = { .group = pid };

		if (pid < 0 || pid >= NUMBERS)
			return 1;
		before = &ended[pid];
		family.pidfd = open_pidfd(pid);
		if (before->group != 0) {
			used_anew++;
			family_signal(before, SIGKILL);
			if (family_is_alive(before))
				return 2;
			(void)family_signal_strays((const struct family *const[]){ before }, i % 16 == 0, SIGKILL,
						   leads_nothing, NULL);
			close(before->pidfd);
		}
		if (i % 3 == 0) {
			family_signal(&family, SIGCONT);
			if (!family_is_alive(&family))
				return 3;
		}
		if (!end_short_lived(pid, end))
			return 4;
		family.leader_gone = true;
		family_signal(&family, SIGKILL);
		if (family_is_alive(&family))
			return 5;
		*before = family;
	}
	if (used_anew < LEADERS / 2)
		return 6;
	return end_short_lived(sentinel, sentinel_end) ? 0 : 7;
}

START_TEST(numbers_come_round)
{
	int status;

	begin(_i);
	status = run_apart(run_with_few_numbers);
	if (status == SKIPPED)
		puts("# skipped: no namespace with few process numbers may be made");
	else
		ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- orphans ---- */

static bool is_this(void *context, pid_t pid)
{
	const struct family *leader = context;

	return leader->group == pid;
}

static void leave_many_dead(void)
{
	for (int i = 0; i < 900; i++)
		if (fork() == 0)
			_exit(0);
}

START_TEST(orphans)
{
	struct family none = { .group = 0 }, leader;
	size_t collected = 0;

	begin(NEW_KERNEL);
	ck_assert_uint_eq(family_collect_orphans(is_this, &none), 0);
	/* The dead leader is named first by the kernel and must stay, whatever comes after it. */
	leader = start_leader(_i == 0 ? leave_many_dead : leave_dead);
	wait_for_zombie(leader.group);
	for (int tries = 0; tries < TRIES && collected < (_i == 0 ? 900 : 3); tries++) {
		collected += family_collect_orphans(is_this, &leader);
		nap();
	}
	ck_assert_uint_eq(collected, _i == 0 ? 900 : 3);
	ck_assert_uint_eq(family_collect_orphans(is_this, &leader), 0);
	ck_assert(family_is_alive(&leader));
	collect_leader(&leader, 0);
	finish(&leader);
}
END_TEST

START_TEST(orphans_without_leader)
{
	struct family none = { .group = 0 };
	size_t collected = 0;
	pid_t living;

	begin(NEW_KERNEL);
	living = start(wait_for_end);
	leave_dead();
	for (int tries = 0; tries < TRIES && collected < 3; tries++) {
		collected += family_collect_orphans(is_this, &none);
		nap();
	}
	ck_assert_uint_eq(collected, 3);
	ck_assert_int_eq(kill(living, 0), 0);
	end_all_children();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("family");
	TCase *groups = tcase_create("groups"), *round = tcase_create("round"), *dead = tcase_create("orphans");

	tcase_add_loop_test(groups, leader_alone, 0, KERNELS);
	tcase_add_loop_test(groups, leader_first, 0, KERNELS);
	tcase_add_loop_test(groups, everybody_gets_it, 0, KERNELS);
	tcase_add_loop_test(groups, stopped_member, 0, KERNELS);
	tcase_add_loop_test(groups, only_zombies, 0, KERNELS);
	tcase_add_loop_test(groups, members_of_another_parent, 0, KERNELS);
	tcase_add_loop_test(groups, before_the_group, 0, KERNELS);
	tcase_add_loop_test(groups, number_used_anew, 0, KERNELS);
	tcase_add_loop_test(groups, with_cgroup, 0, KERNELS);
	tcase_add_loop_test_raise_signal(groups, no_group, SIGABRT, -1, 2);
	tcase_add_loop_test_raise_signal(groups, no_group_to_signal, SIGABRT, -1, 2);
	tcase_set_timeout(groups, 30);
	tcase_add_loop_test(round, numbers_come_round, 0, KERNELS);
	tcase_set_timeout(round, 120);
	tcase_add_loop_test(dead, orphans, 0, 2);
	tcase_add_test(dead, orphans_without_leader);
	tcase_set_timeout(dead, 30);
	suite_add_tcase(suite, groups);
	suite_add_tcase(suite, round);
	suite_add_tcase(suite, dead);
	return suite;
}

RUN_SUITE(make_suite)
