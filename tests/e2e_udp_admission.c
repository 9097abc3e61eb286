/* e2e_udp_admission.c - datagrams that are refused are thrown away, one by one, and cost
 * those behind them nothing; those that wait for their turn stay where they are. */
#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* That the refusals of the test had this reason: the only one that was told. */
static void expect_reason(struct daemon *daemon, const char *reason)
{
	char expression[128];

	snprintf(expression, sizeof(expression), " refuse service=hello peer=.* reason=%s( left_out=[0-9]+)?$",
		 reason);
	WAIT_UNTIL(daemon_count_log(daemon, expression) > 0);
	ck_assert_msg(daemon_count_log(daemon, " refuse ") == daemon_count_log(daemon, expression),
		      "other reasons than %s; log:\n%s", reason, daemon_log_tail(daemon));
}

static void expect_piece(struct daemon *daemon, int fd, const char *expression)
{
	char *got = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(got != NULL && has_match(got, expression), "got \"%s\"; log:\n%s", got,
		      daemon_log_tail(daemon));
	free(got);
}

/* Refused datagrams are thrown away, one by one; one behind them is served. */
static const struct {
	const char *config, *reply, *reason;
} datagrams[] = {
	{ "[hello]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/cat\ndeny = 127.0.0.2\n", "^good$", "deny" },
	{ "[hello]\nlisten = 127.0.0.1:$1/udp\nexec = $PROBE receive\nwait = yes\ndeny = 127.0.0.2\n",
	  "^env LISTEN_FDS=1$", "deny" },
	{ "[hello]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/cat\nallow = 127.0.0.1\n", "^good$", "deny" },
	{ "[hello]\nlisten = 127.0.0.1:$1/udp\nexec = $PROBE receive\nwait = yes\nallow = 127.0.0.1\n",
	  "^env LISTEN_FDS=1$", "deny" },
};

START_TEST(datagrams_are_refused)
{
	struct daemon *daemon = daemon_start(datagrams[_i].config);
	int bad = udp_from("127.0.0.2", 1), good = udp_from("127.0.0.1", 1);

	for (int i = 0; i < 40; i++)
		send_text(bad, "bad");
	send_text(good, "good");
	expect_piece(daemon, good, datagrams[_i].reply);
	ck_assert_ptr_null(read_piece(bad, 0, NULL));
	expect_reason(daemon, datagrams[_i].reason);
	daemon_oracle(daemon);
	/* Nothing but refused ones: no start, and no spin. */
	uint64_t cpu = daemon_cpu_ms(daemon);

	for (int i = 0; i < 20; i++)
		send_text(bad, "bad");
	free(read_piece(bad, 300, NULL)); /* a bound: nothing may come */
	ck_assert_uint_lt(daemon_cpu_ms(daemon) - cpu, 50);
	ck_assert_uint_eq(daemon_count_log(daemon, " start service="), 1);
	send_text(good, "good");
	expect_piece(daemon, good, datagrams[_i].reply);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(datagrams_of_a_source)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/cat\n"
					     "rate_per_source = 1/h burst 3\n");
	int greedy = udp_from("127.0.0.2", 1), other = udp_from("127.0.0.3", 1);

	for (int i = 0; i < 10; i++)
		send_text(greedy, "more");
	send_text(other, "mine");
	expect_piece(daemon, other, "^mine$");
	for (int i = 0; i < 3; i++)
		expect_piece(daemon, greedy, "^more$");
	daemon_oracle(daemon);
	ck_assert_ptr_null(read_piece(greedy, 0, NULL));
	expect_reason(daemon, "rate_per_source");
	daemon_stop(daemon);
}
END_TEST

/* With when_full = refuse those that find no place are lost, and counted. */
START_TEST(datagrams_find_no_place)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1/udp\n"
					     "exec = /bin/sh -c 'cat; exec sleep 1000'\n"
					     "instances = 3\nper_source = 2\nwhen_full = refuse\n");
	int first = udp_from("127.0.0.2", 1), second = udp_from("127.0.0.3", 1);

	for (int i = 0; i < 5; i++)
		send_text(first, "one");
	send_text(second, "two");
	for (int i = 0; i < 2; i++)
		expect_piece(daemon, first, "^one$");
	expect_piece(daemon, second, "^two$");
	expect_reason(daemon, "per_source");
	send_text(second, "three");
	WAIT_UNTIL((send_text(second, "three"), daemon_find_log(daemon, " reason=instances left_out=[0-9]+$")));
	ck_assert_ptr_null(read_piece(first, 0, NULL));
	ck_assert_ptr_null(read_piece(second, 0, NULL));
	ck_assert_uint_eq(daemon_count_log(daemon, " start service="), 3);
	daemon_signal(daemon, SIGQUIT);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* A rate makes datagrams wait, too, and costs nothing meanwhile. */
START_TEST(datagrams_queue)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/cat\n"
					     "rate = 4/s burst 1\n");
	int fd = udp_from("127.0.0.2", 1);
	uint64_t start = now_ms();

	for (int i = 0; i < 6; i++)
		send_text(fd, "more");
	for (int i = 0; i < 6; i++)
		expect_piece(daemon, fd, "^more$");
	ck_assert_uint_ge(now_ms() - start, 1150);
	ck_assert_uint_lt(daemon_cpu_ms(daemon), 500);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("udp_admission");
	TCase *datagram = harness_case(suite, "datagram", 60);

	tcase_add_loop_test(datagram, datagrams_are_refused, 0, (int)(sizeof(datagrams) / sizeof(datagrams[0])));
	tcase_add_test(datagram, datagrams_of_a_source);
	tcase_add_test(datagram, datagrams_find_no_place);
	tcase_add_test(datagram, datagrams_queue);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
