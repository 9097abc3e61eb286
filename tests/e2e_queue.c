/* e2e_queue.c - those who wait for their turn: in which order they are served, what a
 * reload means to them, and what becomes of them when the machine lacks something. */
#include "hold_help.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOLD(keys) "[hello]\nlisten = $1\nexec = $PROBE hold\n" keys

/* Nothing else shows that clients wait, and for what. */
static const struct {
	const char *config, *reason;
} waits[] = {
	{ HOLD("instances = 1\n"), "instances" },
	{ HOLD("rate = 1/h burst 1\n"), "rate" },
	{ "[usherd]\nmax_sessions = 1\n" HOLD(""), "max_sessions" },
};

START_TEST(waiting_is_told)
{
	struct daemon *daemon = daemon_start(waits[_i].config);
	int first = hold_from("127.0.0.1", 1), waiting[5];
	char expression[64];

	for (int i = 0; i < 5; i++)
		waiting[i] = tcp_connect(1);
	snprintf(expression, sizeof(expression), " full service=[a-z]+ reason=%s active=1 message=",
		 waits[_i].reason);
	daemon_wait_log(daemon, "%s", expression);
	ck_assert_uint_eq(daemon_count_log(daemon, " full "), 1); /* and not for each of them */
	for (int i = 0; i < 5; i++)
		reset_close(waiting[i]);
	finish(daemon, first);
	daemon_signal(daemon, SIGQUIT);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* Who waits is looked at anew when the limits change: at once, not when something else happens. */
static const struct {
	const char *before, *after;
} changes[] = {
	{ HOLD("rate = 1/h burst 1\n"), HOLD("") },
	{ HOLD("rate = 1/h burst 1\n"), HOLD("rate = 100/s\n") },
	{ HOLD("instances = 1\n"), HOLD("instances = 9\n") },
	{ "[usherd]\nmax_sessions = 1\n" HOLD(""), "[usherd]\nmax_sessions = 9\n" HOLD("") },
};

START_TEST(reload_frees_who_waits)
{
	struct daemon *daemon = daemon_start(changes[_i].before);
	int first = hold_from("127.0.0.1", 1), waiting[3];

	for (int i = 0; i < 3; i++)
		waiting[i] = tcp_connect(1);
	ck_assert_ptr_null(read_piece(waiting[0], 100, NULL)); /* a bound: nothing may come */
	daemon_configure(changes[_i].after);
	daemon_reload(daemon, true);
	for (int i = 0; i < 3; i++)
		expect_ready(waiting[i]);
	for (int i = 0; i < 3; i++)
		finish(daemon, waiting[i]);
	finish(daemon, first);
	ck_assert_uint_eq(daemon_count_log(daemon, " refuse "), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* And the other way: who waits is refused when waiting is over. */
START_TEST(reload_refuses_who_waits)
{
	struct daemon *daemon = daemon_start(HOLD("instances = 1\n"));
	int first = hold_from("127.0.0.1", 1), waiting = tcp_connect(1);

	daemon_configure(HOLD("instances = 1\nwhen_full = refuse\n"));
	daemon_reload(daemon, true);
	ck_assert_str_eq(read_all(waiting, NULL), "");
	expect_reason(daemon, "instances");
	finish(daemon, first);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Places that become free go round: no service, and no socket of one, gets them all while
 * others wait, too. */
static const struct {
	const char *config;
	const char *first, *second; /* where twelve clients wait each */
	unsigned second_port;
} turns[] = {
	{ "[usherd]\nmax_sessions = 1\n" HOLD("") "[b]\nlisten = $2\nexec = $PROBE hold\n", "127.0.0.1",
	  "127.0.0.1", 2 },
	{ "[usherd]\nmax_sessions = 1\n[b]\nlisten = $2\nexec = $PROBE hold\n" HOLD(""), "127.0.0.1",
	  "127.0.0.1", 2 },
	{ HOLD("instances = 1\n"), "127.0.0.1", "::1", 1 },
	{ HOLD("instances = 1\n"), "::1", "127.0.0.1", 1 },
};

START_TEST(places_go_round)
{
	int first[12], second[12], served = 0;

	SKIP_IF(!net_has_ipv6(), "no IPv6 here");
	struct daemon *daemon = daemon_start(turns[_i].config);
	int holder = hold_from("127.0.0.1", 1);

	for (int i = 0; i < 12; i++) {
		first[i] = tcp_from(turns[_i].first, 1);
		second[i] = tcp_from(turns[_i].second, turns[_i].second_port);
	}
	finish(daemon, holder);
	/* Until the last client of the first queue is served. */
	for (int i = 0; i < 12; i++) {
		for (;;) {
			struct pollfd wait[2] = { { .fd = first[i], .events = POLLIN },
						  { .fd = second[served % 12], .events = POLLIN } };

			ck_assert_int_ge(poll(wait, served < 12 ? 2 : 1, PATIENCE_MS), 1);
			if (wait[0].revents != 0)
				break;
			expect_ready(second[served]);
			finish(daemon, second[served++]);
		}
		expect_ready(first[i]);
		finish(daemon, first[i]);
		ck_assert_msg(served + 4 >= i && served <= i + 4, "%d of the first queue, %d of the second", i + 1,
			      served);
	}
	while (served < 12) {
		expect_ready(second[served]);
		finish(daemon, second[served++]);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A client that was let in, and waits for the machine to have a process for it, takes no more
 * places than there are either: others may have got them meanwhile. */
static const char *const kept[] = { "", "when_full = refuse\n" };

START_TEST(kept_client_needs_a_place)
{
	char config[512];

	snprintf(config, sizeof(config),
		 "[usherd]\nmax_sessions = 1\n" HOLD("%s") "[b]\nlisten = 127.0.0.1:$2\nexec = $PROBE hold\n",
		 kept[_i]);
	struct daemon *daemon = daemon_start(config);
	pid_t tracer = inject_start(daemon, "clone,clone3,vfork:error=EAGAIN");

	SKIP_IF(tracer == 0, "system calls cannot be made to fail here");
	int client = tcp_connect(1);

	daemon_wait_log(daemon, " fail service=hello ");
	poll(NULL, 0, 900); /* the pauses grow: time enough for the other one */
	inject_stop(daemon, tracer);
	int other = hold_from("127.0.0.1", 2);

	char *early = read_piece(client, 2000, NULL); /* a bound: nothing may come */

	ck_assert_msg(early == NULL, "\"%s\"; log:\n%s", early, daemon_log_tail(daemon));
	finish(daemon, other);
	expect_ready(client);
	finish(daemon, client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A start that the machine refuses is no session: it costs no token, however often it is tried. */
static const char *const buckets[] = { "rate = 1/h burst 3\n", "rate_per_source = 1/h burst 3\n" };

START_TEST(failed_starts_cost_no_token)
{
	char config[256];

	snprintf(config, sizeof(config), HOLD("when_full = refuse\n%s"), buckets[_i]);
	struct daemon *daemon = daemon_start(config);
	pid_t tracer = inject_start(daemon, "clone,clone3,vfork:error=EAGAIN");
	int clients[3];

	SKIP_IF(tracer == 0, "system calls cannot be made to fail here");
	clients[0] = tcp_connect(1);
	daemon_wait_log(daemon, " fail service=hello ");
	poll(NULL, 0, 900); /* it is tried some times */
	inject_stop(daemon, tracer);
	expect_ready(clients[0]);
	clients[1] = hold_from("127.0.0.1", 1);
	clients[2] = hold_from("127.0.0.1", 1);
	expect_refused(daemon, "127.0.0.1", 1);
	for (int i = 0; i < 3; i++)
		finish(daemon, clients[i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("queue");
	TCase *queue = harness_case(suite, "queue", 60);

	tcase_add_loop_test(queue, waiting_is_told, 0, 3);
	tcase_add_loop_test(queue, reload_frees_who_waits, 0, (int)(sizeof(changes) / sizeof(changes[0])));
	tcase_add_test(queue, reload_refuses_who_waits);
	tcase_add_loop_test(queue, places_go_round, 0, (int)(sizeof(turns) / sizeof(turns[0])));
	tcase_add_loop_test(queue, kept_client_needs_a_place, 0, (int)(sizeof(kept) / sizeof(kept[0])));
	tcase_add_loop_test(queue, failed_starts_cost_no_token, 0,
			    (int)(sizeof(buckets) / sizeof(buckets[0])));
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
