/* check_family_strays.c - who left the group of his session is found by descent and by
 * environment; who only looks like it is left alone. */
#include "strays_help.h"

/* ---- by descent ---- */

START_TEST(by_descent)
{
	struct family family;

	begin_kind(_i);
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

	begin_kind(_i);
	family = start_session(have_strays_below, SESSION);
	collect_leader(&family, 0);
	/* As the copy of a family tells that was made before. */
	family.leader_gone = _i < KINDS / 2;
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

	begin_kind(_i);
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

	begin_kind(_i);
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
	ck_assert_uint_eq(search_list((const struct family *const[]){ &stale, &other, &stale }, 3, SIGKILL),
			  2);
	close(one.pidfd);
	finish(&other);
}
END_TEST

START_TEST(many_families)
{
	struct family families[3];
	const struct family *list[3];

	begin_kind(_i);
	for (size_t i = 0; i < 3; i++) {
		families[i] = start_session(have_strays, SESSION + i);
		list[i] = &families[i];
	}
	ck_assert_uint_eq(search_list(list, 0, SIGKILL), 0);
	ck_assert_uint_eq(search_list(list, 3, 0), 6);
	ck_assert_uint_eq(search_list(list + 1, 2, SIGKILL), 4);
	while (search_list(list, 3, 0) != 2)
		nap();
	for (size_t i = 0; i < 3; i++)
		close(families[i].pidfd);
	end_all_children();
}
END_TEST

static void *have_strays_of_thread(void *nothing)
{
	start(be_stray_with_child);
	be_ready();
	for (;;)
		pause();
	return nothing;
}

static void *look_on(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

static void be_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, have_strays_of_thread, NULL) != 0 ||
	    pthread_create(&thread, NULL, look_on, NULL) != 0)
		abort();
	look_on(NULL);
}

/* The process looks like a zombie then, though it is none. */
static void leave_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, have_strays_of_thread, NULL) != 0)
		abort();
	syscall(SYS_exit, 0); /* of this thread alone */
}

/* Each thread has a list of children of its own. */
START_TEST(below_threads)
{
	struct family family;

	begin_kind(_i / 2);
	family = start_session(_i % 2 == 0 ? be_threads : leave_threads, SESSION);
	ck_assert_uint_eq(search(&family, 0), 2);
	ck_assert_uint_eq(search(&family, SIGKILL), 2);
	finish(&family);
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
	const typeof(variables[0]) *row = &variables[(size_t)_i / ELEMENTS(ways)];
	struct family family;
	pid_t pid;

	begin(NEW_KERNEL);
	way = (size_t)_i % ELEMENTS(ways);
	family = start_session(wait_for_end, SESSION);
	family.pidfd = -1;
	environment[0] = strdup(row->variable);
	pid = start(run_program);
	ck_assert_uint_eq(search(&family, SIGTERM), row->is_found);
	if (row->is_found)
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
	size_t left = 1;

	begin_kind(_i);
	environment[0] = variable;
	script = "sleep 60 & echo > /dev/null; wait";
	family = start_session(have_daemon, SESSION);
	for (int tries = 0; tries < TRIES && search(&family, 0) != 2; tries++)
		nap();
	ck_assert_uint_eq(search(&family, SIGKILL), 2);
	for (int tries = 0; tries < TRIES && (left = search(&family, 0)) != 0; tries++)
		nap();
	/* While they end one search may overlook what the next one finds. */
	ck_assert_uint_eq(left, 0);
	finish(&family);
}
END_TEST

static void have_run_program(void)
{
	start(run_program);
	setsid();
	wait_for_end();
}

/* The program of another session, whatever it has in its environment, and what is below it. */
START_TEST(leader_of_another_session)
{
	struct family family;
	const struct family *list = &family;
	struct families families = { &list, 1, 0 };
	char variable[] = VARIABLE;
	pid_t alone, parent;

	begin_kind(_i);
	environment[0] = variable;
	family = start_session(wait_for_end, SESSION);
	alone = families.stranger = start(run_program);
	ck_assert_uint_eq(ways[way](&list, 1, SIGKILL, is_leader, &families), 0);
	ck_assert(is_running(alone));
	families.stranger = 0;
	ck_assert_uint_eq(ways[way](&list, 1, SIGKILL, is_leader, &families), 1);
	expect_end(alone, SIGKILL);
	parent = families.stranger = start(have_run_program);
	ck_assert_uint_eq(ways[way](&list, 1, SIGKILL, is_leader, &families), 0);
	ck_assert(is_running(parent));
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

static Suite *make_suite(void)
{
	Suite *suite = suite_create("family-strays");
	TCase *tests = tcase_create("strays");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, by_descent, 0, KINDS);
	tcase_add_loop_test(tests, below_a_member, 0, KINDS);
	tcase_add_loop_test(tests, without_pidfd, 0, KINDS);
	tcase_add_loop_test(tests, another_session, 0, KINDS);
	tcase_add_loop_test(tests, many_families, 0, KINDS);
	tcase_add_loop_test(tests, below_threads, 0, KINDS * 2);
	tcase_add_loop_test(tests, by_environment, 0, ELEMENTS(variables) * ELEMENTS(ways));
	tcase_add_loop_test(tests, daemon_of_a_service, 0, KINDS);
	tcase_add_loop_test(tests, leader_of_another_session, 0, KINDS);
	tcase_add_test(tests, environment_in_pieces);
	tcase_add_test(tests, own_environment);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
