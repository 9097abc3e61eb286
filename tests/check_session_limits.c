/* check_session_limits.c - the limits that end a session, and what moves them. */
#include "session_help.h"

/* ---- limits ---- */

enum act { SILENT, RESET, CLOSE, HALF_CLOSE, ONE_BYTE };

/* Each ends the session after `ms`, and with that reason. */
static const struct {
	const char *name;
	bool tcp;
	uint64_t time_ms, first_ms, idle_ms;
	bool hangup;
	enum act act;
	enum session_reason reason;
	unsigned ms;
} limits[] = {
	{ "time", true, 150, 0, 0, false, SILENT, SESSION_TIME_LIMIT, 150 },
	{ "time on Unix", false, 150, 0, 0, false, SILENT, SESSION_TIME_LIMIT, 150 },
	{ "first byte", true, 0, 150, 0, false, SILENT, SESSION_FIRST_BYTE, 150 },
	{ "first byte came", true, 400, 150, 0, false, ONE_BYTE, SESSION_TIME_LIMIT, 400 },
	{ "first byte will never come", true, 400, 150, 0, false, HALF_CLOSE, SESSION_TIME_LIMIT, 400 },
	{ "first byte on Unix is not known", false, 400, 150, 150, false, SILENT, SESSION_TIME_LIMIT, 400 },
	{ "idle", true, 0, 0, 150, false, SILENT, SESSION_IDLE, 150 },
	{ "idle after a byte", true, 0, 0, 150, false, ONE_BYTE, SESSION_IDLE, 150 },
	{ "the earliest", true, 600, 150, 400, false, SILENT, SESSION_FIRST_BYTE, 150 },
	{ "the earliest is idle", true, 600, 400, 150, false, SILENT, SESSION_IDLE, 150 },
	{ "reset", true, 0, 0, 0, true, RESET, SESSION_HANGUP, 0 },
	{ "close", true, 0, 0, 0, true, CLOSE, SESSION_HANGUP, 1000 },
	{ "half a close", true, 0, 0, 0, true, HALF_CLOSE, SESSION_HANGUP, 1000 },
	{ "Unix close", false, 0, 0, 0, true, CLOSE, SESSION_HANGUP, 0 },
	{ "Unix half a close", false, 0, 0, 0, true, HALF_CLOSE, SESSION_HANGUP, 1000 },
	{ "hang-up ignored", true, 400, 0, 0, false, RESET, SESSION_TIME_LIMIT, 400 },
};

static void do_act(enum act act, int *client)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	switch (act) {
	case SILENT:
		return;
	case ONE_BYTE:
		ck_assert_int_eq(send(*client, "x", 1, 0), 1);
		return;
	case HALF_CLOSE:
		shutdown(*client, SHUT_WR);
		return;
	case RESET:
		setsockopt(*client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		break;
	case CLOSE:
		break;
	}
	close(*client);
	*client = -1;
}

START_TEST(limit)
{
	int client = -1, fd = limits[_i].tcp ? tcp_pair(&client) : fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
	uint64_t began_ns = clock_now_ns(), took_ms;
	char text[64];

	if (!limits[_i].tcp) {
		client = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
		close(ends[0]);
		close(ends[1]); /* so that nobody but the two ends is there */
		ends[0] = ends[1] = -1;
	}
	settings->time_limit_ns = limits[_i].time_ms * NS_PER_MS;
	settings->first_byte_ns = limits[_i].first_ms * NS_PER_MS;
	settings->idle_ns = limits[_i].idle_ms * NS_PER_MS;
	settings->kill_on_hangup = limits[_i].hangup;
	begin_on(fd, "exec sleep 60");
	do_act(limits[_i].act, &client);
	wait_for_ends(1);
	took_ms = (clock_now_ns() - began_ns) / NS_PER_MS;
	ck_assert_msg(outcome.reason == limits[_i].reason, "%s: %s", limits[_i].name,
		      session_reason_name(outcome.reason));
	ck_assert_msg(took_ms + 5 >= limits[_i].ms && took_ms <= limits[_i].ms + PATIENCE_MS / 20,
		      "%s: after %llu ms, not %u", limits[_i].name, (unsigned long long)took_ms,
		      limits[_i].ms);
	ck_assert(outcome.signalled);
	ck_assert_int_eq(outcome.status, SIGTERM);
	snprintf(text, sizeof(text), "reason=%s signal=TERM ", session_reason_name(limits[_i].reason));
	wait_for_log(text);
	if (client >= 0)
		close(client);
}
END_TEST

/* Data either way move the end. */
START_TEST(idle_is_moved)
{
	int client, fd = tcp_pair(&client);
	uint64_t last_ns = 0;

	/* Shorter than what follows, and much longer than each step of it, on a busy machine, too. */
	settings->idle_ns = 900 * NS_PER_MS;
	begin_on(fd, "for i in 1 2 3 4 5; do sleep 0.1; echo $i; done; exec sleep 60");
	for (int i = 0; i < 5; i++) {
		run_until(loop, log_, answered, &client);
		ck_assert_int_eq(recv(client, (char[8]){ 0 }, 8, 0), 2);
		ck_assert_uint_eq(ended, 0);
	}
	for (int i = 0; i < 5; i++) {
		ck_assert(!run_for(loop, log_, 100 * NS_PER_MS, never, NULL));
		ck_assert_uint_eq(ended, 0);
		last_ns = clock_now_ns();
		ck_assert_int_eq(send(client, "x", 1, 0), 1);
	}
	wait_for_ends(1);
	ck_assert_int_eq(outcome.reason, SESSION_IDLE);
	ck_assert_uint_ge(clock_now_ns() - last_ns + 5 * NS_PER_MS, settings->idle_ns);
	ck_assert_uint_eq(outcome.facts.bytes_in, 5);
	ck_assert_uint_eq(outcome.facts.bytes_out, 10);
	close(client);
}
END_TEST

/* A client that only ended its side is not gone while it takes the reply. */
START_TEST(hangup_waits_for_the_reply)
{
	int client, fd = tcp_pair(&client);

	settings->kill_on_hangup = true;
	begin_on(fd, "for i in 1 2 3 4 5; do sleep 0.3; echo $i; done");
	shutdown(client, SHUT_WR);
	wait_for_ends(1);
	ck_assert_int_eq(outcome.reason, SESSION_EXIT);
	ck_assert_uint_eq(outcome.facts.bytes_out, 10);
	close(client);
}
END_TEST

START_TEST(reason_names)
{
	static const char *const names[] = {
		[SESSION_EXIT] = "exit",
		[SESSION_SIGNAL] = "signal",
		[SESSION_TIME_LIMIT] = "time_limit",
		[SESSION_FIRST_BYTE] = "first_byte_timeout",
		[SESSION_IDLE] = "idle_timeout",
		[SESSION_HANGUP] = "hangup",
		[SESSION_DRAIN] = "drain",
		[SESSION_KILL] = "kill",
	};

	ck_assert_uint_eq(ELEMENTS(names), SESSION_REASONS);
	for (size_t i = 0; i < ELEMENTS(names); i++)
		ck_assert_str_eq(session_reason_name((enum session_reason)i), names[i]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("session-limits");
	TCase *tests = tcase_create("session");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 20);
	tcase_add_loop_test(tests, limit, 0, ELEMENTS(limits));
	tcase_add_test(tests, idle_is_moved);
	tcase_add_test(tests, hangup_waits_for_the_reply);
	tcase_add_test(tests, reason_names);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
