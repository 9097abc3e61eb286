/* check_family_strays.c - who left the group of his session is found by descent and by
 * environment; who only looks like it is left alone. */
#include "family.h"

#include "base.h"
#include "family_help.h"
#include "run.h"

#include <stdio.h>

#define SESSION 12
#define VARIABLE "USHERD_SESSION=12"

static size_t search(const struct family *family, int signo)
{
	return family_signal_strays(&family, 1, signo);
}

static struct family start_session(void (*what)(void), uint64_t session)
{
	struct family family = start_leader(what);

	family.session = session;
	return family;
}

/* ---- by descent ---- */

static void be_stray_with_child(void)
{
	setsid();
	prctl(PR_SET_NAME, ") Z 1 1 (");
	start(wait_for_end);
	wait_for_end();
}

static void have_strays(void)
{
	start(wait_for_end);
	start(be_stray_with_child);
	wait_for_end();
}

START_TEST(by_descent)
{
	struct family family;

	begin(_i);
	family = start_session(have_strays, SESSION);
	ck_assert_uint_eq(search(&family, 0), 2);
	ck_assert_uint_eq(search(&family, SIGTERM), 2);
	hear('t');
	hear('t');
	ck_assert_msg(!heard_anything(), "the group itself is not signalled");
	ck_assert(is_running(family.group));
	/* The stray is a zombie, for its parent sleeps. */
	while (search(&family, 0) != 0)
		nap();
	finish(&family);
}
END_TEST

static void have_strays_below(void)
{
	start(have_strays);
}

START_TEST(below_a_member)
{
	struct family family;

	begin(_i);
	family = start_session(have_strays_below, SESSION);
	collect_leader(&family, 0);
	/* As the copy of a family tells that was made before. */
	family.leader_gone = _i == NEW_KERNEL;
	ck_assert_uint_eq(search(&family, SIGKILL), 2);
	family.leader_gone = true;
	ck_assert(family_is_alive(&family));
	finish(&family);
}
END_TEST

/* Nobody knows any more whose the number is. */
START_TEST(without_pidfd)
{
	struct family family, copy;

	begin(_i);
	family = start_session(have_strays, SESSION);
	copy = family;
	copy.pidfd = -1;
	ck_assert_uint_eq(search(&copy, SIGKILL), 0);
	copy.leader_gone = true;
	ck_assert_uint_eq(search(&copy, SIGKILL), 0);
	finish(&family);
	family = start_session(have_strays_below, SESSION);
	collect_leader(&family, 0);
	copy = family;
	copy.pidfd = -1;
	ck_assert_uint_eq(search(&copy, SIGKILL), 0);
	finish(&family);
}
END_TEST

START_TEST(another_session)
{
	struct family one, other, stale;

	begin(_i);
	one = start_session(wait_for_end, SESSION);
	other = start_session(have_strays, SESSION + 1);
	ck_assert_uint_eq(search(&one, SIGKILL), 0);
	/* A family that ended, and the number is that of the other one now. */
	end_all_children();
	one.leader_gone = true;
	close(other.pidfd);
	other = start_session(have_strays, SESSION + 1);
	stale = one;
	stale.group = other.group;
	ck_assert_uint_eq(search(&stale, SIGKILL), 0);
	/* Both may be asked for at once. */
	ck_assert_uint_eq(family_signal_strays((const struct family *const[]){ &stale, &other, &stale }, 3, SIGKILL),
			  2);
	close(one.pidfd);
	finish(&other);
}
END_TEST

START_TEST(many_families)
{
	struct family families[3];
	const struct family *list[3];

	begin(_i);
	for (size_t i = 0; i < 3; i++) {
		families[i] = start_session(have_strays, SESSION + i);
		list[i] = &families[i];
	}
	ck_assert_uint_eq(family_signal_strays(list, 0, SIGKILL), 0);
	ck_assert_uint_eq(family_signal_strays(list, 3, 0), 6);
	ck_assert_uint_eq(family_signal_strays(list + 1, 2, SIGKILL), 4);
	while (family_signal_strays(list, 3, 0) != 2)
		nap();
	for (size_t i = 0; i < 3; i++)
		close(families[i].pidfd);
	end_all_children();
}
END_TEST

/* ---- by environment ---- */

static char *environment[8];
static const char *script;

static void run_program(void)
{
	setsid();
	if (script == NULL)
		execle("/bin/sleep", "sleep", "60", NULL, environment);
	else
		execle("/bin/sh", "sh", "-c", script, NULL, environment);
	_exit(99);
}

static const struct {
	const char *variable;
	bool is_found;
} variables[] = {
	{ VARIABLE, true },
	{ "USHERD_SESSION=123", false },
	{ "USHERD_SESSION=1", false },
	{ "USHERD_SESSION=2", false },
	{ "USHERD_SESSION=", false },
	{ "USHERD_SESSION", false },
	{ "USHERD_SESSION=0", false },
	{ "USHERD_SESSION=012", false },
	{ "USHERD_SESSION=+12", false },
	{ "USHERD_SESSION= 12", false },
	{ "USHERD_SESSION=12 ", false },
	{ "USHERD_SESSION=12x", false },
	{ "USHERD_SESSION=-12", false },
	{ "USHERD_SESSION=18446744073709551628", false }, /* 2^64 + 12 */
	{ "USHERD_SESSION=184467440737095516160012", false },
	{ "XUSHERD_SESSION=12", false },
	{ "X=USHERD_SESSION=12", false },
	{ "USHERD_SESSIONS=12", false },
	{ "usherd_session=12", false },
};

START_TEST(by_environment)
{
	struct family family;
	pid_t pid;

	begin(NEW_KERNEL);
	family = start_session(wait_for_end, SESSION);
	family.pidfd = -1;
	environment[0] = strdup(variables[_i].variable);
	pid = start(run_program);
	ck_assert_uint_eq(search(&family, SIGTERM), variables[_i].is_found);
	if (variables[_i].is_found)
		expect_end(pid, SIGTERM);
	else
		ck_assert(is_running(pid));
	ck_assert(is_running(family.group));
	free(environment[0]);
	end_all_children();
}
END_TEST

static void leave_daemon(void)
{
	start(run_program);
}

static void have_daemon(void)
{
	start(leave_daemon);
	wait_for_end();
}

/* The usual way to become a daemon; a child of it belongs to it. */
START_TEST(daemon_of_a_service)
{
	char variable[] = VARIABLE;
	struct family family;

	begin(_i);
	environment[0] = variable;
	script = "sleep 60 & echo > /dev/null; wait";
	family = start_session(have_daemon, SESSION);
	for (int tries = 0; tries < TRIES && search(&family, 0) != 2; tries++)
		nap();
	ck_assert_uint_eq(search(&family, SIGKILL), 2);
	for (int tries = 0; tries < TRIES && search(&family, 0) != 0; tries++)
		nap();
	ck_assert_uint_eq(search(&family, 0), 0);
	finish(&family);
}
END_TEST

/* Wherever the variable stands it is seen whole, up to 256 KiB. */
START_TEST(environment_in_pieces)
{
	char variable[] = VARIABLE, *filler = malloc(100001);
	int proc;

	begin(NEW_KERNEL);
	proc = family_proc_open();
	ck_assert_int_ge(proc, 0);
	for (size_t length = 4096 - sizeof(variable) - 1; length < 4096 + 2; length++) {
		memset(filler, 'x', length);
		filler[length] = '\0';
		environment[0] = filler;
		environment[1] = variable;
		environment[2] = NULL;

		pid_t pid = start(run_program);

		ck_assert_uint_eq(family_proc_session(proc, pid), SESSION);
		end_all_children();
	}
	memset(filler, 'x', 100000);
	filler[100000] = '\0';
	for (size_t count = 2; count < 4; count++) {
		for (size_t i = 0; i < count; i++)
			environment[i] = filler;
		environment[count] = variable;

		pid_t pid = start(run_program);

		ck_assert_uint_eq(family_proc_session(proc, pid), count == 2 ? SESSION : 0);
		end_all_children();
	}
	free(filler);
	close(proc);
}
END_TEST

/* usherd under usherd: a child of ours that has no exec behind it shows our own environment. */
START_TEST(own_environment)
{
	static const char variable[] = VARIABLE;
	struct family family = { .group = 0, .pidfd = -1, .session = SESSION };
	size_t room = 0;

	begin(NEW_KERNEL);
	family.group = start(wait_for_end);
	end_all_children();
	/* What the kernel shows are the texts that we were started with, one after the other. */
	for (size_t i = 0; environ[i] != NULL && environ[i] == environ[0] + room; i++)
		room += strlen(environ[i]) + 1;
	if (room < sizeof(variable)) {
		puts("# skipped: our own environment has no room");
		return;
	}
	memcpy(environ[0], variable, sizeof(variable));

	int proc = family_proc_open();
	pid_t pid = start(wait_for_end);

	ck_assert_uint_eq(family_proc_session(proc, pid), SESSION);
	ck_assert_uint_eq(search(&family, SIGKILL), 0);
	ck_assert(is_running(pid));
	close(proc);
	end_all_children();
}
END_TEST

/* ---- /proc itself ---- */

START_TEST(processes)
{
	struct process_table table = { .count = 0 };
	struct process process, untouched = { .pid = 77 };
	int proc;

	begin(NEW_KERNEL);
	proc = family_proc_open();
	ck_assert_int_ge(proc, 0);
	ck_assert_int_eq(family_proc_read_all(proc, &table), 0);
	for (size_t i = 1; i < table.count; i++)
		ck_assert_int_lt(table.entries[i - 1].pid, table.entries[i].pid);
	ck_assert_ptr_nonnull(family_proc_find(&table, getpid()));
	ck_assert_int_eq(family_proc_find(&table, getpid())->parent, getppid());
	ck_assert_int_eq(family_proc_find(&table, getpid())->group, getpgrp());
	ck_assert_ptr_null(family_proc_find(&table, 0));
	ck_assert_int_eq(family_proc_read(proc, getpid(), &process), 0);
	ck_assert_uint_eq(process.started, family_proc_find(&table, getpid())->started);
	ck_assert_int_eq(process.state, 'R');
	ck_assert_int_eq(family_proc_read(proc, 0, &untouched), -ESRCH);
	ck_assert_int_eq(untouched.pid, 77);
	free(table.entries);
	table = (struct process_table){ .count = 0 };
	ck_assert_ptr_null(family_proc_find(&table, getpid()));
	close(proc);
}
END_TEST

/* With and without CONFIG_PROC_CHILDREN. */
START_TEST(children)
{
	int (*const ways[])(pid_t **, size_t *) = { family_proc_children, family_proc_search_children };
	_cleanup_free_ pid_t *pids = NULL;
	size_t count = 77;
	pid_t first, second;

	begin(NEW_KERNEL);
	ck_assert_int_eq(ways[_i](&pids, &count), 0);
	ck_assert_uint_eq(count, 0);
	free(pids);
	first = start(wait_for_end);
	second = start(have_strays);
	ck_assert_int_eq(ways[_i](&pids, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert((pids[0] == first && pids[1] == second) || (pids[0] == second && pids[1] == first));
	end_all_children();
}
END_TEST

/* /proc shows the numbers of another namespace. */
static int look_at_foreign_proc(void)
{
	struct family family = { .group = 2, .pidfd = -1, .session = 1 };

	return family_proc_open() == -ESRCH && search(&family, SIGKILL) == 0 ? 0 : 1;
}

START_TEST(foreign_proc)
{
	int status;

	begin(NEW_KERNEL);
	status = run_apart(look_at_foreign_proc);
	if (status == SKIPPED)
		puts("# skipped: no namespace for processes may be made");
	else
		ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("family-strays");
	TCase *tests = tcase_create("strays");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, by_descent, 0, KERNELS);
	tcase_add_loop_test(tests, below_a_member, 0, KERNELS);
	tcase_add_loop_test(tests, without_pidfd, 0, KERNELS);
	tcase_add_loop_test(tests, another_session, 0, KERNELS);
	tcase_add_loop_test(tests, many_families, 0, KERNELS);
	tcase_add_loop_test(tests, by_environment, 0, ELEMENTS(variables));
	tcase_add_loop_test(tests, daemon_of_a_service, 0, KERNELS);
	tcase_add_test(tests, environment_in_pieces);
	tcase_add_test(tests, own_environment);
	tcase_add_test(tests, processes);
	tcase_add_loop_test(tests, children, 0, 2);
	tcase_add_test(tests, foreign_proc);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
