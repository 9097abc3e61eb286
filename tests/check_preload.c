/* check_preload.c - the library of warm services (src/preload), with this test as the daemon: what programs and
 * their copies see. */
#include "preload_help.h"

static char program[4096];

static void locate(void)
{
	snprintf(program, sizeof(program), "%s/tests/warmed", build_folder());
}

static struct server start_warmed(const char *what, const char *const extra[])
{
	struct server server = start_server(WARM_MAIN, (char *[]){ program, (char *)(uintptr_t)what, NULL }, extra, NULL);

	expect_ready(&server);
	return server;
}

START_TEST(a_copy_is_the_program_that_was_started_for_its_client)
{
	struct server server = start_warmed("tell", NULL);
	pid_t pid = _i == 0 ? 0 : expect_copy(&server, 0);
	const char *told = read_all(_i == 0 ? start_copy(&server, 0, &pid) : hand_over(&server, 0, 0));

	ck_assert_line(told, "pid %d %d 1", (int)pid, (int)pid);
	ck_assert_line(told, "parent %d", (int)getpid());
	ck_assert_line(told, "session %d %d", (int)pid, (int)pid);
	ck_assert_line(told, "dumpable 1");
	ck_assert_line(told, "descriptors 0 1 2");
	ck_assert_line(told, "cloexec 0 0");
	ck_assert_line(told, "stderr other");
	ck_assert_line(told, "shown USHERD_SESSION=812");
	ck_assert_line(told, "variable USHERD_SESSION=812");
	ck_assert_line(told, "variable PROTO=TCP");
	ck_assert_line(told, "variable REMOTE_ADDR=192.0.2.7");
	ck_assert_line(told, "variable HOME=/");
	ck_assert_line(told, "asked 192.0.2.7");
	ck_assert_line(told, "set 1");
	ck_assert_line(told, "same 1");
	ck_assert_line(told, "trace b2 b1 c1 c2 ");
	ck_assert_ptr_null(strstr(told, "USHERD_WARM"));
	ck_assert_ptr_null(strstr(told, "variable LD_"));
	ck_assert_int_eq(collect(pid), 0);
	/* Nothing of it is left to the next. */
	told = read_all(start_copy(&server, 0, &pid));
	ck_assert_line(told, "pid %d %d 1", (int)pid, (int)pid);
	ck_assert_line(told, "descriptors 0 1 2");
	ck_assert_int_eq(collect(pid), 0);
	end_server(&server);
}
END_TEST

static const struct {
	const char *what;
	int signal;
} deaths[] = { { "raise", SIGABRT }, { "abort", SIGABRT } };

START_TEST(a_copy_can_end_itself_by_a_signal)
{
	struct server server = start_warmed(deaths[_i].what, NULL);
	pid_t pid = expect_copy(&server, 3);
	int client = hand_over(&server, 3, 0), status = collect(pid);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), deaths[_i].signal);
	close(client);
	end_server(&server);
}
END_TEST

START_TEST(a_copy_can_do_what_a_program_can)
{
	struct server server = start_warmed("make", NULL);
	pid_t pid = expect_copy(&server, 0);
	const char *told = read_all(hand_over(&server, 0, 0));

	ck_assert_line(told, "system %d", 3 << 8);
	ck_assert_line(told, "popen from a pipe");
	ck_assert_line(told, "fork 7");
	ck_assert_line(told, "thread 1");
	ck_assert_line(told, "mutex 3");
	ck_assert_line(told, "malloc");
	ck_assert_int_eq(collect(pid), 0);
	end_server(&server);
}
END_TEST

START_TEST(copies_do_not_see_each_other)
{
	struct server server = start_warmed("echo", NULL);
	int clients[WARM_BATCH];
	pid_t pids[WARM_BATCH];

	order(&server, 0, WARM_BATCH);
	for (unsigned i = 0; i < WARM_BATCH; i++) {
		pid_t pid = 0;
		struct warm_report report = expect_report(&server, WARM_REPORT_COPY, &pid);

		ck_assert_int_lt(report.channel, WARM_BATCH);
		ck_assert_int_eq(report.ticket, 101 + report.channel);
		pids[report.channel] = pid;
	}
	for (unsigned i = 0; i < WARM_BATCH; i++) {
		int ends[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		send_job(server.channels[i], 101 + i, 0, usual, &ends[1], 1);
		close(ends[1]);
		clients[i] = ends[0];
		dprintf(clients[i], "line %u\n", i);
	}
	for (unsigned i = 0; i < WARM_BATCH; i++) {
		shutdown(clients[i], SHUT_WR);
		ck_assert_line(read_all(clients[i]), "line %u", i);
		ck_assert_int_eq(collect(pids[i]), 0);
	}
	end_server(&server);
}
END_TEST

START_TEST(an_old_job_is_dropped_and_a_channel_is_used_again)
{
	struct server server = start_warmed("echo", NULL);
	int ends[2], client;
	pid_t pid;

	for (unsigned round = 0; round < 3; round++) {
		pid = expect_copy(&server, 5);
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		send_job(server.channels[5], server.tickets - 1, 0, usual, &ends[1], 1);
		close(ends[1]);
		ck_assert_str_eq(read_all(ends[0]), ""); /* its end: the copy closed it */
		client = hand_over(&server, 5, 0);
		dprintf(client, "round %u\n", round);
		shutdown(client, SHUT_WR);
		ck_assert_line(read_all(client), "round %u", round);
		ck_assert_int_eq(collect(pid), 0);
	}
	end_server(&server);
}
END_TEST

START_TEST(a_copy_leaves_when_it_is_told)
{
	struct server server = start_warmed("echo", NULL);
	pid_t pid = expect_copy(&server, 0);

	send_job(server.channels[0], server.tickets, WARM_JOB_LEAVE, NULL, NULL, 0);
	ck_assert_int_eq(collect(pid), 0);
	end_server(&server);
}
END_TEST

START_TEST(all_end_when_the_daemon_is_gone)
{
	struct server server = start_warmed("echo", NULL);
	pid_t first = expect_copy(&server, 0), second = expect_copy(&server, 1);

	close(server.channels[0]);
	server.channels[0] = -1;
	ck_assert_int_eq(collect(first), 0);
	ck_assert_int_eq(waitpid(second, NULL, WNOHANG | __WALL), 0);
	end_server(&server);
	ck_assert_int_eq(collect(second), 0);
}
END_TEST

START_TEST(a_job_that_makes_no_sense_ends_its_copy)
{
	struct server server = start_warmed("echo", NULL);
	pid_t pid = expect_copy(&server, 0);
	struct warm_job job = { .message = WARM_MESSAGE_JOB, .ticket = server.tickets, .length = 10 };
	int fd = server.standard;

	ck_assert_int_gt(send_parts(server.channels[0], &job, sizeof(job), "A=", 3, &fd, 1), 0);
	ck_assert_int_eq(collect(pid), 76 << 8);
	end_server(&server);
}
END_TEST

START_TEST(orders_that_make_no_sense_end_the_fork_server)
{
	struct server server = start_warmed("echo", NULL);
	struct warm_orders orders = { .message = WARM_MESSAGE_ORDERS, .count = 1, .items = { { .channel = WARM_CHANNELS } } };

	ck_assert_int_gt(send_parts(server.socket, &orders, offsetof(struct warm_orders, items), orders.items,
				    sizeof(struct warm_order), NULL, 0), 0);
	ck_assert_int_eq(collect(server.pid), 76 << 8);
	close(server.socket);
}
END_TEST

START_TEST(a_job_without_its_socket_ends_the_fork_server)
{
	struct server server = start_warmed("echo", NULL);

	send_job(server.socket, 1, 0, usual, NULL, 0);
	ck_assert_int_eq(collect(server.pid), 76 << 8);
	close(server.socket);
}
END_TEST

START_TEST(an_order_without_its_channel_fails)
{
	struct server server = start_warmed("echo", NULL);
	struct warm_orders orders = { .message = WARM_MESSAGE_ORDERS, .count = 1, .items = { { .channel = 7, .ticket = 9 } } };
	struct warm_report report;

	ck_assert_int_gt(send_parts(server.socket, &orders, offsetof(struct warm_orders, items), orders.items,
				    sizeof(struct warm_order), NULL, 0), 0);
	report = expect_report(&server, WARM_REPORT_FAILED, NULL);
	ck_assert_int_eq(report.channel, 7);
	ck_assert_int_eq(report.ticket, 9);
	ck_assert_int_eq(report.detail, EMFILE);
	end_server(&server);
}
END_TEST

static const struct {
	uint32_t flags;
	const char *line;
} errors[] = { { WARM_JOB_STDERR_SOCKET, "stderr socket" }, { WARM_JOB_STDERR, "stderr other" } };

START_TEST(stderr_goes_where_the_job_says)
{
	struct server server = start_warmed("tell", NULL);
	int ends[2], pipes[2];

	expect_copy(&server, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	send_job(server.channels[0], server.tickets, errors[_i].flags, usual, (int[]){ ends[1], pipes[1] },
		 errors[_i].flags == WARM_JOB_STDERR ? 2 : 1);
	close(ends[1]);
	close(pipes[1]);
	const char *told = read_all(ends[0]);

	ck_assert_line(told, "%s", errors[_i].line);
	ck_assert_line(told, "descriptors 0 1 2");
	close(pipes[0]);
	end_server(&server);
}
END_TEST

static const char *const opened[] = { "4", "20", "249", "300" };

START_TEST(what_the_program_has_open_stays_open)
{
	char variable[32];
	const char *const extra[] = { variable, NULL };
	struct server server;

	snprintf(variable, sizeof(variable), "WARMED_OPEN=%s", opened[_i]);
	server = start_warmed("tell", extra);
	expect_copy(&server, 0);
	/* It opens 3 for that. */
	ck_assert_line(read_all(hand_over(&server, 0, 0)), "descriptors 0 1 2 3 %s", opened[_i]);
	end_server(&server);
}
END_TEST

START_TEST(threads_are_refused)
{
	const char *const extra[] = { "WARMED_THREAD=1", NULL };
	struct server server = start_server(WARM_MAIN, (char *[]){ program, NULL }, extra, NULL);

	expect_report(&server, WARM_REPORT_LOADED, NULL);
	ck_assert_int_eq(expect_report(&server, WARM_REPORT_UNSUITABLE, NULL).detail, WARM_UNSUITABLE_THREADS);
	ck_assert_int_eq(collect(server.pid), 0);
	close(server.socket);
	close(server.standard);
}
END_TEST

static const char *const ways[] = { "WARMED_FORK=1", "WARMED_VFORK=1" };

/* A child of before the stop is started as if there were no library. */
START_TEST(others_that_it_starts_are_left_alone)
{
	char path[] = "/tmp/usherd-preload-XXXXXX", variable[64], text[8192] = "";
	const char *const extra[] = { variable, ways[_i], NULL };
	struct server server;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	snprintf(variable, sizeof(variable), "WARMED_CHILD=%s", path);
	server = start_warmed("echo", extra);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	unlink(path);
	close(fd);
	ck_assert_line(text, "HOME=/");
	ck_assert_ptr_null(strstr(text, "LD_PRELOAD"));
	ck_assert_ptr_null(strstr(text, "LD_BIND_NOW"));
	/* ls has 0 to 2, and the folder; the shell's variables are its own. */
	ck_assert_ptr_null(strstr(text, " 250 ->"));
	ck_assert_ptr_null(strstr(text, "USHERD_WARM"));
	end_server(&server);
}
END_TEST

START_TEST(what_the_service_preloads_itself_stays)
{
	char library[4096], line[4200];
	struct server server;
	const char *told;

	snprintf(library, sizeof(library), "%s/tests/wallclock.so", build_folder());
	server = start_server(WARM_MAIN, (char *[]){ program, (char[]){ "tell" }, NULL }, NULL, library);
	expect_ready(&server);
	expect_copy(&server, 0);
	told = read_all(hand_over(&server, 0, 0));
	snprintf(line, sizeof(line), "variable LD_PRELOAD=%s", library);
	ck_assert_msg(has_line(told, line), "no '%s' in:\n%s", line, told);
	end_server(&server);
}
END_TEST

START_TEST(the_fork_server_cannot_be_looked_into)
{
	struct server server = start_warmed("echo", NULL);
	pid_t pid = expect_copy(&server, 0);
	char path[64];
	struct stat state;

	/* What is not dumpable belongs to root there, whoever runs it. */
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/mem", (int)(i == 0 ? server.pid : pid));
		ck_assert_int_eq(stat(path, &state), 0);
		ck_assert_int_eq(state.st_uid, 0);
	}
	if (geteuid() != 0)
		ck_assert_int_lt(open(path, O_RDONLY | O_CLOEXEC), 0);
	end_server(&server);
	collect(pid);
}
END_TEST

static Suite *preload_suite(void)
{
	Suite *suite = suite_create("preload");
	TCase *main_case = tcase_create("main");

	tcase_add_checked_fixture(main_case, locate, NULL);
	tcase_add_loop_test(main_case, a_copy_is_the_program_that_was_started_for_its_client, 0, 2);
	tcase_add_loop_test(main_case, a_copy_can_end_itself_by_a_signal, 0, 2);
	tcase_add_test(main_case, a_copy_can_do_what_a_program_can);
	tcase_add_test(main_case, copies_do_not_see_each_other);
	tcase_add_test(main_case, an_old_job_is_dropped_and_a_channel_is_used_again);
	tcase_add_test(main_case, a_copy_leaves_when_it_is_told);
	tcase_add_test(main_case, all_end_when_the_daemon_is_gone);
	tcase_add_test(main_case, a_job_that_makes_no_sense_ends_its_copy);
	tcase_add_test(main_case, orders_that_make_no_sense_end_the_fork_server);
	tcase_add_test(main_case, a_job_without_its_socket_ends_the_fork_server);
	tcase_add_test(main_case, an_order_without_its_channel_fails);
	tcase_add_loop_test(main_case, stderr_goes_where_the_job_says, 0, 2);
	tcase_add_loop_test(main_case, what_the_program_has_open_stays_open, 0, 4);
	tcase_add_test(main_case, threads_are_refused);
	tcase_add_loop_test(main_case, others_that_it_starts_are_left_alone, 0, 2);
	tcase_add_test(main_case, what_the_service_preloads_itself_stays);
	tcase_add_test(main_case, the_fork_server_cannot_be_looked_into);
	suite_add_tcase(suite, main_case);
	return suite;
}

RUN_SUITE(preload_suite)
