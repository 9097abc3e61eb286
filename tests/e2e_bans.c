/* e2e_bans.c - sources that run into refusals again and again: banned, longer each
 * time, and free again; and how refusals are told, counted and not told. */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAD  "192.0.2.5"
#define GOOD "192.0.2.6"

/* A source that holds its one session is refused the next; that it has none any more
 * makes it welcome, unless it is banned. */
#define HOLD(keys) "[hello]\nlisten = $1\nexec = $PROBE hold\nper_source = 1\n" keys
#define SAY(keys)  "[hello]\nlisten = $1\nexec = $PROBE say hello\n" keys

static bool has_place(void)
{
	if (!test_is_alone() || !net_has_ipv6()) {
		harness_skip("needs IPv6 in a network of its own");
		return false;
	}
	net_add("192.0.2.1", 24);
	return true;
}

/* A session, or -1 when it was refused. */
static int try_hold(const char *from)
{
	int fd = tcp_from(from, 1);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_ptr_nonnull(text);
	bool served = strcmp(text, "ready\n") == 0;

	ck_assert_msg(served || text[0] == '\0', "%s got \"%s\"", from, text);
	free(text);
	if (served)
		return fd;
	close(fd);
	return -1;
}

static int hold_from(const char *from)
{
	int fd = try_hold(from);

	ck_assert_msg(fd >= 0, "%s was refused", from);
	return fd;
}

static void finish(struct daemon *daemon, int fd)
{
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(read_clean(fd, NULL), "bye\n");
	close(fd);
	daemon_wait_log(daemon, " end service=hello ");
}

static void be_refused(const char *from, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		char *reply = ask_from(from, 1);

		ck_assert_msg(reply[0] == '\0', "%s got \"%s\" in place of refusal %u", from, reply, i);
		free(reply);
	}
}

/* Tries until it is served; returns the session. */
static int wait_hold(const char *from)
{
	int fd = -1;

	WAIT_UNTIL((fd = try_hold(from)) >= 0);
	return fd;
}

/* Is refused until a line says so: one line a second tells. */
static void expect_reason(struct daemon *daemon, const char *from, const char *reason)
{
	char expression[128];

	snprintf(expression, sizeof(expression), " refuse service=hello peer=\\[?%s\\]?:[0-9]+ reason=%s( |$)",
		 from, reason);
	while (daemon_find_log(daemon, " refuse ") != NULL)
		; /* those of before */
	WAIT_UNTIL((be_refused(from, 1), daemon_find_log(daemon, expression) != NULL));
}

/* Ten refusals make a ban, and nine do not. */
START_TEST(ten_refusals)
{
	if (!has_place())
		return;
	struct daemon *daemon = daemon_start(HOLD("ban_time = 1h\n"));
	int first = hold_from(BAD);

	be_refused(BAD, 9);
	finish(daemon, first);
	first = hold_from(BAD);
	be_refused(BAD, 1);
	daemon_wait_log(daemon, " ban service=hello peer=192\\.0\\.2\\.5:[0-9]+ seconds=3600\\.000$");
	finish(daemon, first);
	expect_reason(daemon, BAD, "ban");
	be_refused(BAD, 5);
	/* Nobody else. */
	finish(daemon, hold_from(GOOD));
	finish(daemon, hold_from("127.0.0.1"));
	/* A reload that leaves ban_time as it is forgives nothing; without it nobody is banned. */
	daemon_configure(HOLD("ban_time = 1h\nnice = 1\n"));
	daemon_reload(daemon, true);
	be_refused(BAD, 2);
	daemon_configure(HOLD(""));
	daemon_reload(daemon, true);
	finish(daemon, hold_from(BAD));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Over after ban_time; the next one lasts twice as long. */
START_TEST(bans_end_and_grow)
{
	if (!has_place())
		return;
	struct daemon *daemon = daemon_start(HOLD("ban_time = 1s\n"));
	int held = hold_from(BAD);

	for (unsigned seconds = 1; seconds <= 4; seconds *= 2) {
		uint64_t start = now_ms();

		be_refused(BAD, 10);
		finish(daemon, held);
		held = wait_hold(BAD);
		uint64_t took = now_ms() - start;

		ck_assert_msg(took >= seconds * 1000 - 200 && took < seconds * 2000 + late_ms(daemon),
			      "a ban of %u s lasted %llu ms; log:\n%s", seconds, (unsigned long long)took,
			      daemon_log_tail(daemon));
	}
	finish(daemon, held);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* What counts: deny, rate_per_source, per_source. */
static const struct {
	const char *config;
	unsigned served; /* first */
	const char *reason;
	bool bans;
} reasons[] = {
	{ SAY("ban_time = 1h\ndeny = 192.0.2.5\n"), 0, "deny", true },
	{ SAY("ban_time = 1h\nallow = 127.0.0.1\n"), 0, "deny", true },
	{ SAY("ban_time = 1h\nrate_per_source = 1/h burst 3\n"), 3, "rate_per_source", true },
	/* What the service lacks is not the client's fault. */
	{ SAY("ban_time = 1h\nrate = 1/h burst 3\nwhen_full = refuse\n"), 3, "rate", false },
	{ SAY("ban_time = 0\ndeny = 192.0.2.5\n"), 0, "deny", false },
};

START_TEST(what_bans)
{
	if (!has_place())
		return;
	struct daemon *daemon = daemon_start(reasons[_i].config);

	for (unsigned i = 0; i < reasons[_i].served; i++)
		ck_assert_str_eq(ask_from(BAD, 1), "hello");
	be_refused(BAD, 10);
	daemon_wait_log(daemon, " refuse service=hello peer=192\\.0\\.2\\.5:[0-9]+ reason=%s",
			reasons[_i].reason);
	be_refused(BAD, 10);
	expect_reason(daemon, BAD, reasons[_i].bans ? "ban" : reasons[_i].reason);
	if (!reasons[_i].bans)
		ck_assert_uint_eq(daemon_count_log(daemon, "reason=ban"), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Clients on this machine are never banned. */
START_TEST(loopback_is_never_banned)
{
	static const char *const locals[] = { "127.0.0.1", "127.0.0.2", "127.255.0.9", "::1" };

	SKIP_IF(!net_has_ipv6(), "no IPv6 here");
	struct daemon *daemon = daemon_start(HOLD("ban_time = 1h\n"));

	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
		int held = hold_from(locals[i]);

		be_refused(locals[i], 30);
		finish(daemon, held);
		finish(daemon, hold_from(locals[i]));
	}
	ck_assert_uint_eq(daemon_count_log(daemon, "reason=ban"), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A ban is for one service, and for the whole of a source. */
START_TEST(whom_a_ban_is_for)
{
	if (!has_place())
		return;
	net_add("2001:db8:1::1", 128);
	net_add("2001:db8:1::2", 128);
	net_add("2001:db8:2::1", 128);
	struct daemon *daemon = daemon_start(SAY("ban_time = 1h\nsource_prefix = 24 64\n"
						 "deny = 192.0.2.5, 2001:db8:1::1\n")
					     "[other]\nlisten = $2\nexec = $PROBE say other\nban_time = 1h\n");

	ck_assert_str_eq(ask_from(GOOD, 1), "hello");
	be_refused(BAD, 10);
	be_refused(GOOD, 1); /* of the same /24 */
	expect_reason(daemon, GOOD, "ban");
	ck_assert_str_eq(ask_from(GOOD, 2), "other");
	ck_assert_str_eq(ask_from(BAD, 2), "other");
	ck_assert_str_eq(ask_from("2001:db8:1::2", 1), "hello");
	be_refused("2001:db8:1::1", 10);
	expect_reason(daemon, "2001:db8:1::2", "ban");
	ck_assert_str_eq(ask_from("2001:db8:2::1", 1), "hello");
	ck_assert_str_eq(ask_from("127.0.0.1", 1), "hello");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The sender of a datagram may be a lie: no address is banned for it. */
START_TEST(datagrams_ban_nobody)
{
	if (!has_place())
		return;
	struct daemon *daemon = daemon_start("[hello]\nlisten = 0.0.0.0:$1/udp\nexec = /bin/cat\n"
					     "ban_time = 1h\nsource_prefix = 24 64\ndeny = 192.0.2.5\n");
	int bad = udp_from(BAD, 1), good = udp_from(GOOD, 1);

	for (int i = 0; i < 100; i++) {
		send_text(bad, "bad");
		if (i % 20 != 19)
			continue;
		send_text(good, "good");
		char *reply = read_piece(good, PATIENCE_MS, NULL);

		ck_assert_msg(reply != NULL && strcmp(reply, "good") == 0, "got \"%s\"; log:\n%s", reply,
			      daemon_log_tail(daemon));
		free(reply);
	}
	ck_assert_uint_eq(daemon_count_log(daemon, "reason=ban"), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- what is told ---- */

/* Lines that told of refusals of a service, and all that they stand for. */
static void count_refusals(struct daemon *daemon, const char *service, unsigned *ret_lines, unsigned *ret_all)
{
	const char *at = daemon_read_log(daemon);
	char wanted[64], line[1024];

	snprintf(wanted, sizeof(wanted), " refuse service=%s ", service);
	*ret_lines = *ret_all = 0;
	while ((at = strstr(at, wanted)) != NULL && strchr(at, '\n') != NULL) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		++*ret_lines;
		*ret_all += 1;
		if (strstr(line, " left_out=") != NULL)
			*ret_all += (unsigned)line_number(line, "left_out");
		at += strlen(wanted);
	}
}

/* When no further refusal tells of those that were left out, a line of their own does; and
 * one reason hides no other. */
START_TEST(last_ones_are_told)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n"
					     "deny = 127.0.0.2\nwhen_full = refuse\ninstances = 1\n");
	int first = hold_from("127.0.0.1");
	unsigned told = 0;

	be_refused("127.0.0.2", 20);
	be_refused("127.0.0.1", 3);
	daemon_wait_log(daemon, " refuse service=hello peer=127\\.0\\.0\\.1:[0-9]+ reason=instances$");
	told = daemon_count_log(daemon, " refuse service=hello .* reason=deny") +
	       (unsigned)line_number(daemon_wait_log(daemon, " refuse-left-out service=hello reason=deny count="),
				     "count");
	ck_assert_uint_eq(told, 20);
	ck_assert_int_eq(line_number(daemon_wait_log(daemon, " refuse-left-out service=hello reason=instances "),
				     "count"),
			 2);
	finish(daemon, first);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* One line a second and service; those it leaves out are counted, each of them once. */
START_TEST(lines_are_few_and_exact)
{
	struct daemon *daemon = daemon_start(SAY("deny = 127.0.0.2\n")
					     "[other]\nlisten = 127.0.0.1:$2\nexec = $PROBE say other\n"
					     "deny = 127.0.0.2, 127.0.0.3\n");
	uint64_t start = now_ms();
	unsigned refused = 0, lines, all;

	for (; refused < 300; refused++) {
		be_refused("127.0.0.2", 1);
		if (refused % 10 == 0)
			ck_assert_str_eq(ask_from("127.0.0.1", 1), "hello");
	}
	count_refusals(daemon, "hello", &lines, &all);
	ck_assert_uint_ge(lines, 1);
	ck_assert_uint_le(lines, (now_ms() - start) / 1000 + 1);
	/* Another service's lines are its own. */
	ck_assert_str_eq(ask_from("127.0.0.3", 2), "");
	daemon_wait_log(daemon, " refuse service=other peer=127\\.0\\.0\\.3:[0-9]+ reason=deny$");
	/* The next line, a second later, tells of all before. */
	for (uint64_t end = now_ms() + PATIENCE_MS;;) {
		be_refused("127.0.0.2", 1);
		refused++;
		count_refusals(daemon, "hello", &lines, &all);
		ck_assert_uint_le(all, refused);
		if (all == refused)
			break;
		ck_assert_msg(now_ms() < end, "%u of %u refusals were told; log:\n%s", all, refused,
			      daemon_log_tail(daemon));
		nap();
	}
	ck_assert_uint_le(lines, (now_ms() - start) / 1000 + 2);
	daemon_stop(daemon);
}
END_TEST

/* No more of an address than log_address allows. */
static const struct {
	const char *how, *shape;
} shapes[] = {
	{ "full", "127\\.0\\.0\\.2:[0-9]+" },
	{ "prefix", "127\\.0\\.0\\.0/24" },
	{ "hash", "\"?#[0-9a-f]{16}\"?" },
	{ "none", "-" },
};

START_TEST(addresses_of_refused)
{
	char config[256], expression[128];

	snprintf(config, sizeof(config), "[usherd]\nlog_address = %s\n" SAY("deny = 127.0.0.2\n"),
		 shapes[_i].how);
	struct daemon *daemon = daemon_start(config);

	be_refused("127.0.0.2", 1);
	snprintf(expression, sizeof(expression), " refuse service=hello peer=%s reason=deny$", shapes[_i].shape);
	daemon_wait_log(daemon, "%s", expression);
	ck_assert_str_eq(ask_from("127.0.0.1", 1), "hello");
	daemon_wait_log(daemon, " end service=hello ");
	if (_i > 0)
		ck_assert_no_match(daemon_read_log(daemon), "peer=[^ ]*127\\.0\\.0\\.[12]");
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("bans");
	TCase *bans = harness_case(suite, "bans", 60);

	tcase_add_test(bans, ten_refusals);
	tcase_add_test(bans, bans_end_and_grow);
	tcase_add_loop_test(bans, what_bans, 0, (int)(sizeof(reasons) / sizeof(reasons[0])));
	tcase_add_test(bans, loopback_is_never_banned);
	tcase_add_test(bans, whom_a_ban_is_for);
	tcase_add_test(bans, datagrams_ban_nobody);

	TCase *told = harness_case(suite, "told", 60);

	tcase_add_test(told, lines_are_few_and_exact);
	tcase_add_test(told, last_ones_are_told);
	tcase_add_loop_test(told, addresses_of_refused, 0, (int)(sizeof(shapes) / sizeof(shapes[0])));
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
