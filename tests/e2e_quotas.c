/* e2e_quotas.c - how many may connect: rates, sessions of a source, of a service
 * and of all; what queues and what is refused. Each source is an address of the
 * test's own network or of 127.0.0.0/8. */
#include "hold_help.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOLD(keys)  "[hello]\nlisten = $1\nexec = $PROBE hold\n" keys
#define SAY(keys)   "[hello]\nlisten = $1\nexec = $PROBE say hello\n" keys
#define OTHER       "[other]\nlisten = 127.0.0.1:$9\nexec = $PROBE say other\n"

static bool is_silent(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, 0) == 0;
}

/* ---- rates ---- */

/* More than the rate allows: they wait, at no cost, and all are served at its pace. */
START_TEST(rate_queues)
{
	struct daemon *daemon = daemon_start(SAY("rate = 5/s burst 2\n") OTHER);
	uint64_t start = now_ms(), at[12];
	int clients[12];

	for (int i = 0; i < 12; i++)
		clients[i] = tcp_connect(1);
	for (int i = 0; i < 12; i++) {
		char *reply = read_all(clients[i], NULL);

		ck_assert_str_eq(reply, "hello");
		at[i] = now_ms() - start;
		if (i == 5)
			ask_many(9, NULL, "other", 10, 0); /* nobody else waits */
	}
	/* Two at once, ten more at 5 a second. */
	ck_assert_msg(at[11] >= 1900 && at[11] < 10000 + late_ms(daemon), "the last of 12 came after %llu ms",
		      (unsigned long long)at[11]);
	ck_assert_msg(at[6] >= 900, "the seventh came after %llu ms", (unsigned long long)at[6]);
	ck_assert_uint_lt(daemon_cpu_ms(daemon), 1000);
	ck_assert_uint_eq(daemon_count_log(daemon, " refuse "), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Who waits for the rate does not wait longer than it says, when nothing else happens at all. */
START_TEST(rate_wakes_up)
{
	struct daemon *daemon = daemon_start(SAY("rate = 1/s burst 1\n"));
	uint64_t start;

	start = now_ms();
	free(ask(1, NULL));
	for (int i = 1; i <= 3; i++) {
		char *reply = ask(1, NULL);
		uint64_t took = now_ms() - start;

		ck_assert_str_eq(reply, "hello");
		ck_assert_msg(took >= (unsigned)i * 1000 - 300 && took < (unsigned)i * 1000 + 2000 + late_ms(daemon),
			      "client %d was served after %llu ms", i, (unsigned long long)took);
	}
	daemon_stop(daemon);
}
END_TEST

START_TEST(rate_refuses)
{
	struct daemon *daemon = daemon_start(SAY("rate = 1/h burst 3\nwhen_full = refuse\n") OTHER);

	ask_many(1, NULL, "hello", 3, 0);
	for (int i = 0; i < 5; i++)
		expect_refused(daemon, i % 2 == 0 ? "127.0.0.1" : "127.0.0.2", 1);
	expect_reason(daemon, "rate");
	ask_many(9, NULL, "other", 5, 0);
	/* The bucket is the service's: a reload does not fill it, a higher rate does. */
	daemon_configure(SAY("rate = 1/h burst 3\nwhen_full = refuse\nnice = 1\n") OTHER);
	daemon_reload(daemon, true);
	expect_refused(daemon, "127.0.0.1", 1);
	daemon_configure(SAY("rate = 1000/s\nwhen_full = refuse\n") OTHER);
	daemon_reload(daemon, true);
	WAIT_UNTIL(strcmp(ask(1, NULL), "hello") == 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Each source has its own, and it never makes anybody wait. */
START_TEST(rate_per_source)
{
	struct daemon *daemon = daemon_start(SAY("rate_per_source = 1/h burst 2\n"));

	for (int i = 0; i < 3; i++) {
		const char *const sources[] = { "127.0.0.1", "127.0.0.2", "127.7.7.7" };

		for (int n = 0; n < 2; n++)
			ck_assert_str_eq(ask_from(sources[i], 1), "hello");
		for (int n = 0; n < 3; n++)
			expect_refused(daemon, sources[i], 1);
	}
	expect_reason(daemon, "rate_per_source");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Who is refused takes nothing from the others. */
START_TEST(refused_ones_cost_no_token)
{
	struct daemon *daemon = daemon_start(SAY("rate = 1/h burst 4\nwhen_full = refuse\n"
						 "rate_per_source = 1/h burst 1\ndeny = 127.0.0.9\n"));

	for (int i = 0; i < 20; i++)
		expect_refused(daemon, "127.0.0.9", 1);
	ck_assert_str_eq(ask_from("127.0.0.2", 1), "hello");
	for (int i = 0; i < 20; i++)
		expect_refused(daemon, "127.0.0.2", 1);
	ck_assert_str_eq(ask_from("127.0.0.3", 1), "hello");
	ck_assert_str_eq(ask_from("127.0.0.4", 1), "hello");
	ck_assert_str_eq(ask_from("127.0.0.5", 1), "hello");
	expect_refused(daemon, "127.0.0.6", 1);
	daemon_stop(daemon);
}
END_TEST

/* ---- sessions of a source ---- */

static const struct {
	const char *config;
	int limit;
} automatic[] = {
	{ HOLD("instances = 40\n"), 10 }, /* a quarter */
	{ HOLD("instances = 12\n"), 8 },  /* and at least 8 */
	{ HOLD("instances = 40\nper_source = auto\nwhen_full = refuse\n"), 10 },
};

START_TEST(per_source_auto)
{
	struct daemon *daemon;
	int remote[10] = { 0 }, local[12], limit = automatic[_i].limit;

	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add("192.0.2.1", 24);
	daemon = daemon_start(automatic[_i].config);
	for (int i = 0; i < limit; i++)
		remote[i] = hold_from("192.0.2.5", 1);
	expect_refused(daemon, "192.0.2.5", 1);
	expect_refused(daemon, "192.0.2.5", 1);
	expect_reason(daemon, "per_source");
	finish(daemon, hold_from("192.0.2.6", 1));
	finish(daemon, remote[0]);
	remote[0] = hold_from("192.0.2.5", 1);
	expect_refused(daemon, "192.0.2.5", 1);
	for (int i = 0; i < limit; i++)
		finish(daemon, remote[i]);
	/* This machine is spared. */
	for (int i = 0; i < 12; i++)
		local[i] = hold_from("127.0.0.1", 1);
	for (int i = 0; i < 12; i++)
		finish(daemon, local[i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static const struct {
	const char *config;
	const char *one[2], *another; /* two addresses of one source, or the same twice */
} explicit[] = {
	{ HOLD("per_source = 2\n"), { "127.0.0.2", "127.0.0.2" }, "127.0.0.3" },
	{ HOLD("per_source = 2\nsource_prefix = 24 64\n"), { "127.0.0.2", "127.0.0.3" }, "127.0.1.2" },
	{ HOLD("per_source = 2\nsource_prefix = 31 64\n"), { "127.0.0.2", "127.0.0.3" }, "127.0.0.4" },
	{ HOLD("per_source = 2\n"), { "::1", "::1" }, "127.0.0.1" },
	{ HOLD("per_source = 2\n"), { "2001:db8:1::1", "2001:db8:1::2" }, "2001:db8:1:1::1" },
	{ HOLD("per_source = 2\nsource_prefix = 32 128\n"),
	  { "2001:db8:1::1", "2001:db8:1::1" },
	  "2001:db8:1::2" },
	{ HOLD("per_source = 2\nsource_prefix = 32 48\n"),
	  { "2001:db8:1::1", "2001:db8:1:1::1" },
	  "127.0.0.1" },
};

START_TEST(per_source_explicit)
{
	const char *const *one = explicit[_i].one, *another = explicit[_i].another;
	int held[4];

	if (strchr(one[0], ':') != NULL) {
		SKIP_IF(!test_is_alone() || !net_has_ipv6(), "needs IPv6 in a network of its own");
		net_add("2001:db8:1::1", 128);
		net_add("2001:db8:1::2", 128);
		net_add("2001:db8:1:1::1", 128);
	}
	struct daemon *daemon = daemon_start(explicit[_i].config);

	held[0] = hold_from(one[0], 1);
	held[1] = hold_from(one[1], 1);
	expect_refused(daemon, one[0], 1);
	expect_refused(daemon, one[1], 1);
	held[2] = hold_from(another, 1);
	held[3] = hold_from(another, 1);
	expect_refused(daemon, another, 1);
	expect_reason(daemon, "per_source");
	finish(daemon, held[1]);
	held[1] = hold_from(one[0], 1);
	expect_refused(daemon, one[1], 1);
	for (int i = 0; i < 4; i++)
		finish(daemon, held[i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* What is counted stays counted over a reload, with the limit that is in force then. */
START_TEST(per_source_over_reload)
{
	struct daemon *daemon = daemon_start(HOLD("per_source = 2\n"));
	int first = hold_from("127.0.0.2", 1), second = hold_from("127.0.0.2", 1);

	daemon_configure(HOLD("per_source = 2\nnice = 1\n") OTHER);
	daemon_reload(daemon, true);
	expect_refused(daemon, "127.0.0.2", 1);
	daemon_configure(HOLD("per_source = 3\n"));
	daemon_reload(daemon, true);
	int third = hold_from("127.0.0.2", 1);

	expect_refused(daemon, "127.0.0.2", 1);
	daemon_configure(HOLD("per_source = 1\n"));
	daemon_reload(daemon, true);
	finish(daemon, third);
	finish(daemon, second);
	expect_refused(daemon, "127.0.0.2", 1);
	finish(daemon, first);
	finish(daemon, hold_from("127.0.0.2", 1));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- sessions of a service, and of all ---- */

START_TEST(instances_refuse)
{
	struct daemon *daemon = daemon_start(HOLD("instances = 2\nwhen_full = refuse\n") OTHER);
	int first = hold_from("127.0.0.1", 1), second = hold_from("127.0.0.2", 1);

	expect_refused(daemon, "127.0.0.3", 1);
	expect_refused(daemon, "127.0.0.1", 1);
	expect_reason(daemon, "instances");
	ask_many(9, NULL, "other", 3, 0);
	finish(daemon, first);
	finish(daemon, hold_from("127.0.0.3", 1));
	finish(daemon, second);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The daemon is full: one service refuses at once, the other's clients wait for their turn. */
START_TEST(max_sessions_refuse)
{
	struct daemon *daemon = daemon_start("[usherd]\nmax_sessions = 2\n" HOLD("when_full = refuse\n") "[queue]\n"
					     "listen = 127.0.0.1:$2\nexec = $PROBE hold\n");
	int first = hold_from("127.0.0.1", 1), second = hold_from("127.0.0.1", 2);
	int waiting[3];

	for (int i = 0; i < 3; i++)
		waiting[i] = tcp_connect(2);
	for (int i = 0; i < 5; i++) {
		uint64_t start = now_ms();

		expect_refused(daemon, "127.0.0.1", 1);
		ck_assert_uint_lt(now_ms() - start, 2000 + late_ms(daemon));
	}
	expect_reason(daemon, "max_sessions");
	for (int i = 0; i < 3; i++)
		ck_assert(is_silent(waiting[i]));
	ck_assert_uint_eq(daemon_count_log(daemon, " start service="), 2);
	uint64_t cpu = daemon_cpu_ms(daemon);

	free(read_piece(waiting[0], 300, NULL)); /* a bound: nothing may come */
	ck_assert_uint_lt(daemon_cpu_ms(daemon) - cpu, 50);
	finish(daemon, first);
	expect_ready(waiting[0]);
	expect_refused(daemon, "127.0.0.1", 1);
	finish(daemon, second);
	expect_ready(waiting[1]);
	finish(daemon, waiting[0]);
	expect_ready(waiting[2]);
	finish(daemon, waiting[1]);
	finish(daemon, waiting[2]);
	finish(daemon, hold_from("127.0.0.1", 1));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* On a Unix socket a user is a source. */
START_TEST(unix_sources)
{
	SKIP_IF(getuid() != 0, "needs to be started as root");
	struct daemon *daemon = daemon_start("[hello]\nlisten = unix:$DIR/socket\nsocket_mode = 0666\n"
					     "exec = $PROBE hold\nper_source = 2\nban_time = 1h\n");
	int first = unix_connect(test_path("socket"), SOCK_STREAM),
	    second = unix_connect(test_path("socket"), SOCK_STREAM);

	expect_ready(first);
	expect_ready(second);
	for (int i = 0; i < 20; i++) {
		int third = unix_connect(test_path("socket"), SOCK_STREAM);

		ck_assert_str_eq(read_all(third, NULL), "");
		close(third);
	}
	expect_reason(daemon, "per_source");
	ck_assert_int_eq(seteuid(1501), 0); /* what connect(2) tells */
	int other = unix_connect(test_path("socket"), SOCK_STREAM);

	ck_assert_int_eq(seteuid(0), 0);
	expect_ready(other);
	finish(daemon, other);
	finish(daemon, first);
	first = unix_connect(test_path("socket"), SOCK_STREAM);
	expect_ready(first); /* nobody on this machine is banned */
	finish(daemon, first);
	finish(daemon, second);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A program that accepts itself is started at the rate that it may, and no other one is. */
START_TEST(rate_of_wait)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE accept\n"
					     "rate = 2/s burst 1\n");
	uint64_t start = now_ms();
	int clients[4];

	for (int i = 0; i < 4; i++)
		clients[i] = tcp_connect(1);
	for (int i = 0; i < 4; i++)
		ck_assert_match(read_all(clients[i], NULL), "^env LISTEN_FDS=1$");
	ck_assert_uint_ge(now_ms() - start, 1400);
	daemon_configure("[hello]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE accept\n"
			 "rate = 1/h burst 1\nwhen_full = refuse\n");
	daemon_reload(daemon, true);
	WAIT_UNTIL(strcmp(ask(1, NULL), "") == 0);
	for (int i = 0; i < 5; i++)
		expect_refused(daemon, "127.0.0.1", 1);
	expect_reason(daemon, "rate");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Who is refused for another reason is so while the service is full, too: at his turn. */
START_TEST(refusals_need_no_slot)
{
	struct daemon *daemon = daemon_start(HOLD("instances = 1\ndeny = 127.0.0.2\n"));
	int first = hold_from("127.0.0.1", 1), denied = tcp_from("127.0.0.2", 1), next = tcp_connect(1);

	finish(daemon, first);
	ck_assert_str_eq(read_all(denied, NULL), "");
	expect_ready(next);
	expect_reason(daemon, "deny");
	finish(daemon, next);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* All at once: whoever comes first, the counts are exact, and come down to nothing. */
START_TEST(counts_are_exact)
{
	struct daemon *daemon = daemon_start(
		HOLD("instances = 6\nper_source = 3\nwhen_full = refuse\nbanner_refused = no\\n\n"));
	int clients[30], ready = 0;

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 30; i++) {
			char from[16];

			snprintf(from, sizeof(from), "127.0.0.%d", 1 + i % 3);
			clients[i] = tcp_from(from, 1);
		}
		ready = 0;
		for (int i = 0; i < 30; i++) {
			char *text = read_piece(clients[i], PATIENCE_MS, NULL);

			ck_assert_ptr_nonnull(text);
			ck_assert_msg(strcmp(text, "ready\n") == 0 || strcmp(text, "no\n") == 0, "\"%s\"", text);
			ready += text[0] == 'r';
		}
		ck_assert_int_eq(ready, 6);
		for (int i = 0; i < 30; i++)
			close(clients[i]);
		for (int i = 0; i < 6; i++)
			daemon_wait_log(daemon, " end service=hello ");
	}
	ck_assert_uint_eq(daemon_count_log(daemon, " start .*active=([7-9]|[1-9][0-9])"), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("quotas");
	TCase *rate = harness_case(suite, "rate", 60);

	tcase_add_test(rate, rate_queues);
	tcase_add_test(rate, rate_wakes_up);
	tcase_add_test(rate, rate_refuses);
	tcase_add_test(rate, rate_per_source);
	tcase_add_test(rate, refused_ones_cost_no_token);
	tcase_add_test(rate, rate_of_wait);

	TCase *places = harness_case(suite, "places", 60);

	tcase_add_loop_test(places, per_source_auto, 0, (int)(sizeof(automatic) / sizeof(automatic[0])));
	tcase_add_loop_test(places, per_source_explicit, 0, (int)(sizeof(explicit) / sizeof(explicit[0])));
	tcase_add_test(places, per_source_over_reload);
	tcase_add_test(places, instances_refuse);
	tcase_add_test(places, max_sessions_refuse);
	tcase_add_test(places, unix_sources);
	tcase_add_test(places, refusals_need_no_slot);
	tcase_add_test(places, counts_are_exact);

	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
