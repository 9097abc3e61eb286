/* check_session.c - the life of sessions with real programs: what is logged,
 * how they end, what outlives them. */
#include "session.h"

#include "core_help.h"

static const char *folder, *log_path;
static struct loop *loop;
static struct log *log_;
static struct spawn *spawn;
static struct session_table *table;
static struct conf *conf;
static struct conf_service *settings;
static int ends[2];

static unsigned ended;
static struct session_outcome outcome;
static bool was_service_told;

static void on_ended(void *context, const struct session *session, const struct session_outcome *result)
{
	ck_assert_ptr_eq(context, &ended);
	was_service_told = session->service == (struct service *)&ended;
	outcome = *result;
	ended++;
}

static void set_up(void)
{
	static const struct rlimit descriptors = { 4096, 4096 };

	setrlimit(RLIMIT_NOFILE, &descriptors);
	folder = make_folder();
	log_path = path_in(folder, "log");
	ck_assert_int_eq(loop_new(&loop), 0);
	log_ = open_log(log_path);
	ck_assert_int_eq(spawn_new(&spawn), 0);
	ck_assert_int_eq(session_table_new(loop, log_, spawn, on_ended, &ended, &table), 0);
	ck_assert_int_eq(session_table_reserve(table, 10), 0);
	conf = conf_of(folder, "[s]\nlisten = 127.0.0.1:7\nexec = /bin/sh -c 'exit 0'\nkill_after = 200ms\n");
	settings = &conf->services[0];
	ck_assert_int_eq(spawn_reserve(spawn, settings->environment.count, 16), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void tear_down(void)
{
	session_table_free(table);
	spawn_free(spawn);
	log_close(log_);
	loop_free(loop);
	conf_unref(conf);
	close(ends[0]);
	close(ends[1]);
	remove_folder(folder);
}

static int try_begin(const char *script, struct session **ret_session, struct spawn_failure *failure)
{
	static char texts[8][512];
	static unsigned next;
	static const struct peer nobody = { .family = PEER_NONE };
	char *text = texts[next++ % ELEMENTS(texts)];
	struct session_origin origin = {
		.conf = conf, .service = (struct service *)&ended, .active = 3, .limit = 100
	};
	struct spawn_request request = {
		.kind = SPAWN_CONNECTION,
		.service = settings,
		.endpoint = &settings->listen.items[0],
		.socket = ends[1],
		.peer = &nobody,
		.local = &nobody,
	};

	snprintf(text, sizeof(texts[0]), "%s", script);
	settings->exec.items[2] = text;
	return session_begin(table, &origin, &request, ret_session, failure);
}

static struct session *begin(const char *script)
{
	struct spawn_failure failure = { .step = "none" };
	struct session *session = NULL;
	int r = try_begin(script, &session, &failure);

	ck_assert_msg(r == 0, "%s: %s", failure.step, strerror(-r));
	ck_assert(session->live);
	return session;
}

static bool have_ended(void *context)
{
	return ended == *(unsigned *)context;
}

static void wait_for_ends(unsigned count)
{
	run_until(loop, log_, have_ended, &count);
}

static bool log_has(void *text)
{
	log_flush(log_);
	return strstr(read_file(log_path), text) != NULL;
}

static void wait_for_log(const char *text)
{
	ck_assert_msg(run_for(loop, log_, PATIENCE_NS, log_has, (void *)(uintptr_t)text), "no '%s' in:\n%s",
		      text, read_file(log_path));
}

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

/* The program has ended, another process of it goes on writing. */
START_TEST(stderr_outlives)
{
	size_t before = count_descriptors();
	int gate[2];
	char script[128];

	ck_assert_int_eq(mkfifo(path_in(folder, "fifo"), 0600), 0);
	ck_assert_int_eq(chmod(path_in(folder, "fifo"), 0666), 0);
	snprintf(script, sizeof(script), "{ read x <%s/fifo; echo $x >&2; } & exit 0", folder);
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
	session_terminate(session, false);
	session_terminate(session, false);
	wait_for_ends(1);
	ck_assert(!outcome.signalled);
	ck_assert_int_eq(outcome.status, 5);
}
END_TEST

START_TEST(kill_after_term)
{
	struct session *session = begin(READY("trap '' TERM"));
	uint64_t began_ns;

	wait_for_log("text=ready");
	began_ns = clock_now_ns();
	session_terminate(session, false);
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
	session_terminate_all(table, false);
	ck_assert(!run_for(loop, log_, 30 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(ended, 0);
	session_terminate_all(table, true);
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
	session_terminate(session, false);
	wait_for_ends(1);
	ck_assert_int_eq(outcome.status, 6);
}
END_TEST

/* The whole group: a grandchild has the only other end of the pipe. */
START_TEST(group)
{
	int fds[2];
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	dup2(fds[1], ends[1]);
	close(fds[1]);
	begin("sleep 60 & sleep 60 & echo ready >&2; wait");
	wait_for_log("text=ready");
	dup2(STDERR_FILENO, ends[1]);
	session_terminate_all(table, false);
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
	tcase_add_loop_test(tests, filter_replies, 0, ELEMENTS(filters));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
