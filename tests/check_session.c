/* check_session.c - the life of sessions with real programs: what is logged, stderr, ends,
 * the group, filters. */
#include "session_help.h"

static const struct {
	const char *script;
	bool signalled;
	int status;
	const char *text;
} ways[] = {
	{ "exit 0", false, 0, "reason=exit status=0 " },
	{ "exit 3", false, 3, "reason=exit status=3 " },
	{ "kill -TERM $$", true, SIGTERM, "reason=signal signal=TERM " },
	{ "kill -SEGV $$", true, SIGSEGV, "reason=signal signal=SEGV " },
	{ "kill -64 $$", true, 64, "reason=signal signal=64 " },
};

/* One start and one end line; everything given back. */
START_TEST(ends_in_order)
{
	size_t before = count_descriptors();
	struct session *session = begin(ways[_i].script);
	char text[128];

	snprintf(text, sizeof(text), "start service=s session=1 pid=%d peer=- local=127.0.0.1:7 active=3/100\n",
		 session->pid);
	ck_assert_uint_eq(session_count(table), 1);
	wait_for_ends(1);
	ck_assert_int_eq(outcome.signalled, ways[_i].signalled);
	ck_assert_int_eq(outcome.reason, ways[_i].signalled ? SESSION_SIGNAL : SESSION_EXIT);
	ck_assert_int_eq(outcome.status, ways[_i].status);
	ck_assert(was_service_told);
	ck_assert_uint_eq(session_count(table), 0);
	wait_for_log("end service=s session=1 pid=");
	wait_for_log(text);
	wait_for_log(ways[_i].text);
	wait_for_log(" cpu_ms=");
	ck_assert_uint_eq(count_in(read_file(log_path), "start "), 1);
	ck_assert_uint_eq(count_in(read_file(log_path), "end "), 1);
	ck_assert(!run_for(loop, log_, 20 * NS_PER_MS, never, NULL)); /* stderr has its last event */
	ck_assert_uint_eq(linger_count(linger), 1); /* the client has not closed */
	linger_close_all(linger);
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

START_TEST(fails)
{
	size_t before = count_descriptors();
	struct spawn_failure failure;
	struct session *session = NULL;

	settings->program = "/nonexistent/program";
	for (int i = 0; i < 3000; i++) { /* more than there are entries */
		ck_assert_int_eq(try_begin("", &session, &failure), -ENOENT);
		ck_assert_int_eq(failure.stage, CHILD_STAGE_EXEC);
	}
	ck_assert_ptr_null(session);
	ck_assert_uint_eq(session_count(table), 0);
	ck_assert_uint_eq(ended, 0);
	ck_assert_uint_eq(count_descriptors(), before);
	log_flush(log_);
	ck_assert_str_eq(read_file(log_path), "");
}
END_TEST

/* ---- stderr ---- */

START_TEST(stderr_lines)
{
	begin("echo one >&2; echo two >&2; printf 'no end' >&2");
	wait_for_log("end service=s");
	wait_for_log("text=\"no end\"");
	wait_for_log("stderr service=s pid=");
	wait_for_log("text=one\n");
	wait_for_log("text=two\n");
}
END_TEST

/* The session has ended, another process of it goes on writing. */
START_TEST(stderr_outlives)
{
	size_t before = count_descriptors();
	int gate[2];
	char script[128];

	ck_assert_int_eq(mkfifo(path_in(folder, "fifo"), 0600), 0);
	ck_assert_int_eq(chmod(path_in(folder, "fifo"), 0666), 0);
	/* It left the group: one that did not would keep the session. */
	snprintf(script, sizeof(script), "setsid sh -c 'read x <%s/fifo; echo $x >&2' & exit 0", folder);
	begin(script);
	wait_for_ends(1);
	ck_assert_uint_eq(session_count(table), 0);
	/* The entry is not used for another session while it has its stderr. */
	begin("exit 7");
	wait_for_ends(2);
	ck_assert_int_eq(outcome.status, 7);
	gate[0] = open(path_in(folder, "fifo"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write(gate[0], "later\n", 6), 6);
	close(gate[0]);
	wait_for_log("text=later\n");
	ck_assert(!run_for(loop, log_, 50 * NS_PER_MS, never, NULL));
	linger_close_all(linger);
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert_uint_eq(ended, 2);
}
END_TEST

/* ---- terminate ---- */

#define READY(script) script "; echo ready >&2; while :; do sleep 0.01; done"

START_TEST(term)
{
	struct session *session = begin(READY("trap 'exit 5' TERM"));

	wait_for_log("text=ready");
	session_terminate(session, SESSION_TIME_LIMIT, false);
	session_terminate(session, SESSION_DRAIN, false); /* the first reason stays */
	wait_for_ends(1);
	ck_assert(!outcome.signalled);
	ck_assert_int_eq(outcome.status, 5);
	ck_assert_int_eq(outcome.reason, SESSION_TIME_LIMIT);
	wait_for_log("reason=time_limit status=5 ");
}
END_TEST

START_TEST(kill_after_term)
{
	struct session *session = begin(READY("trap '' TERM"));
	uint64_t began_ns;

	wait_for_log("text=ready");
	began_ns = clock_now_ns();
	session_terminate(session, SESSION_TIME_LIMIT, false);
	wait_for_ends(1);
	ck_assert(outcome.signalled);
	ck_assert_int_eq(outcome.status, SIGKILL);
	ck_assert_uint_ge(clock_now_ns() - began_ns, 150 * NS_PER_MS);
}
END_TEST

START_TEST(at_once)
{
	settings->kill_after_ns = 3600 * NS_PER_S;
	begin(READY("trap '' TERM"));
	wait_for_log("text=ready");
	session_terminate_all(table, SESSION_DRAIN, false);
	ck_assert(!run_for(loop, log_, 30 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(ended, 0);
	session_terminate_all(table, SESSION_DRAIN, true);
	wait_for_ends(1);
	ck_assert_int_eq(outcome.status, SIGKILL);
}
END_TEST

/* A stopped one is woken, so that it can end. */
START_TEST(stopped)
{
	struct session *session = begin(READY("trap 'exit 6' TERM"));

	settings->kill_after_ns = 3600 * NS_PER_S;
	wait_for_log("text=ready");
	kill(session->pid, SIGSTOP);
	session_terminate(session, SESSION_TIME_LIMIT, false);
	wait_for_ends(1);
	ck_assert_int_eq(outcome.status, 6);
}
END_TEST

/* The whole group: a grandchild has the only other end of the pipe. */
START_TEST(group)
{
	int fds[2];
	char byte;

	settings->linger_ns = 0; /* the service alone has it */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	begin_on(fds[1], "sleep 60 & sleep 60 & echo ready >&2; wait");
	wait_for_log("text=ready");
	session_terminate_all(table, SESSION_DRAIN, false);
	wait_for_ends(1);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0); /* nobody has it any more */
	close(fds[0]);
}
END_TEST

/* What is left when the table goes: descriptors closed once, memory given back. */
START_TEST(freed_with_sessions)
{
	struct session *session = begin("exec sleep 60");
	pid_t pid = session->pid;

	session_table_free(table);
	table = NULL;
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* ---- the group outlives its program ---- */

static void make_fifo(const char *name)
{
	ck_assert_int_eq(mkfifo(path_in(folder, name), 0600), 0);
	ck_assert_int_eq(chmod(path_in(folder, name), 0666), 0);
}

static void open_fifo(const char *name)
{
	close(open(path_in(folder, name), O_WRONLY | O_CLOEXEC));
}

/* The session lasts until the last of the group has ended, and tells the status of the program. */
START_TEST(group_outlives_program)
{
	int client, fd = tcp_pair(&client);
	char script[160], text[16] = "";
	struct session *session;

	make_fifo("fifo");
	snprintf(script, sizeof(script), "{ read x <%s/fifo; echo late; } & exit 3", folder);
	session = begin_on(fd, script);
	ck_assert(!run_for(loop, log_, 100 * NS_PER_MS, never, NULL));
	ck_assert(session->collected);
	ck_assert_uint_eq(ended, 0);
	ck_assert_uint_eq(session_count(table), 1);
	ck_assert_uint_eq(count_in(read_file(log_path), "end "), 0);
	open_fifo("fifo");
	wait_for_ends(1);
	ck_assert_int_eq(outcome.status, 3);
	ck_assert_int_eq(outcome.reason, SESSION_EXIT);
	ck_assert_uint_eq(outcome.facts.bytes_out, 5);
	ck_assert_int_eq(recv(client, text, sizeof(text), 0), 5);
	ck_assert_str_eq(text, "late\n");
	ck_assert_int_eq(recv(client, text, sizeof(text), 0), 0);
	close(client);
}
END_TEST

/* What is left of the group is told to end when the time is up, and killed if it does not. */
START_TEST(group_is_terminated)
{
	uint64_t began_ns;

	begin("(trap '' TERM; echo ready >&2; while :; do sleep 0.01; done) & exit 0");
	wait_for_log("text=ready");
	ck_assert(!run_for(loop, log_, 20 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(ended, 0);
	began_ns = clock_now_ns();
	session_terminate_all(table, SESSION_DRAIN, false);
	wait_for_ends(1);
	ck_assert_uint_ge(clock_now_ns() - began_ns, 195 * NS_PER_MS); /* kill_after */
	ck_assert_int_eq(outcome.reason, SESSION_DRAIN);
	ck_assert(!outcome.signalled);
	ck_assert_int_eq(outcome.status, 0);
}
END_TEST

/* ---- our duplicate of the socket ---- */

static bool has_ended_side(void *context)
{
	struct pollfd look = { .fd = *(int *)context, .events = POLLRDHUP };

	return poll(&look, 1, 0) == 1;
}

/* The program runs on without the socket: its client is told, and what it came to is kept. */
START_TEST(program_lets_go)
{
	int client, fd = tcp_pair(&client);
	struct session *session = begin_on(fd, READY("echo bye; exec <&- >&-"));

	ck_assert_int_eq(session->socket.fd, fd);
	run_until(loop, log_, has_ended_side, &client);
	ck_assert_int_eq(session->socket.fd, -1);
	ck_assert_uint_eq(session_count(table), 1);
	session_terminate(session, SESSION_IDLE, true);
	wait_for_ends(1);
	ck_assert_uint_eq(outcome.facts.bytes_out, 4);
	close(client);
}
END_TEST

START_TEST(no_duplicate)
{
	int client, fd = tcp_pair(&client);
	struct session *session;
	size_t before = count_descriptors();

	settings->linger_ns = 0;
	session = begin_on(fd, "read x; exit 0");
	ck_assert_int_eq(session->socket.fd, -1);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
	close(client);
	wait_for_ends(1);
	ck_assert(!outcome.facts.known);
	ck_assert_ptr_null(strstr(read_file(log_path), "bytes_"));
	ck_assert(!run_for(loop, log_, 20 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(count_descriptors(), before - 2);
}
END_TEST

/* ---- filters ---- */

static void begin_filter(const char *script, int server, const struct datagram_route *route)
{
	static const struct peer nobody = { .family = PEER_NONE };
	struct session_origin origin = { .conf = conf, .service = (struct service *)&ended, .route = route };
	struct spawn_request request = {
		.kind = SPAWN_FILTER,
		.service = settings,
		.endpoint = &settings->listen.items[0],
		.socket = server,
		.peer = &nobody,
		.local = &nobody,
	};
	struct spawn_failure failure;
	struct session *session;

	settings->exec.items[2] = (char *)(uintptr_t)script;
	ck_assert_int_eq(session_begin(table, &origin, &request, &session, &failure), 0);
}

static const struct {
	const char *script;
	unsigned replies;
} filters[] = {
	{ "cat", 1 },
	{ "cat >/dev/null", 0 },
	{ "cat; echo two; echo three", 3 },
	{ "i=0; while [ $i -lt 150 ]; do echo $i; i=$((i+1)); done", 150 }, /* more than a round's */
};

START_TEST(filter_replies)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), client;
	struct datagram_head head;
	struct datagram_route route;
	size_t before;
	char bytes[64];

	ck_assert_int_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(server, (struct sockaddr *)&address, &length), 0);
	client = client_of(SOCK_DGRAM, ntohs(address.sin_port));
	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &(int){ 1 << 20 }, sizeof(int));
	before = count_descriptors();
	ck_assert_int_eq(send(client, "hello\n", 6, 0), 6);
	ck_assert_int_eq(datagram_peek(server, true, &head, &route), 0);
	begin_filter(filters[_i].script, server, &route);
	wait_for_ends(1);
	ck_assert_int_eq(outcome.status, 0);
	for (unsigned i = 0; i < filters[_i].replies; i++)
		ck_assert_msg(recv(client, bytes, sizeof(bytes), MSG_DONTWAIT) > 0, "reply %u is missing", i);
	ck_assert_int_eq(recv(client, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	ck_assert(!run_for(loop, log_, 20 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(count_descriptors(), before);
	close(server);
	close(client);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("session");
	TCase *tests = tcase_create("session");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 20);
	tcase_add_loop_test(tests, ends_in_order, 0, ELEMENTS(ways));
	tcase_add_test(tests, fails);
	tcase_add_test(tests, stderr_lines);
	tcase_add_test(tests, stderr_outlives);
	tcase_add_test(tests, term);
	tcase_add_test(tests, kill_after_term);
	tcase_add_test(tests, at_once);
	tcase_add_test(tests, stopped);
	tcase_add_test(tests, group);
	tcase_add_test(tests, freed_with_sessions);
	tcase_add_test(tests, group_outlives_program);
	tcase_add_test(tests, group_is_terminated);
	tcase_add_test(tests, program_lets_go);
	tcase_add_test(tests, no_duplicate);
	tcase_add_loop_test(tests, filter_replies, 0, ELEMENTS(filters));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
