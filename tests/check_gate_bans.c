/* check_gate_bans.c - the admission decisions over time: strikes, bans, what is remembered,
 * and jumps of the clock. */
#include "gate_help.h"

/* ---- bans ---- */

static void strike_out(void)
{
	for (unsigned i = 0; i < GATE_STRIKES; i++)
		ck_reason(GATE_DENY);
}

START_TEST(ban)
{
	limits.ban_ns = 10 * MINUTE;
	deny("192.0.2.0/24");
	for (unsigned i = 0; i < GATE_STRIKES - 1; i++)
		ck_reason(GATE_DENY);
	ck_assert_uint_eq(source_now()->banned_ns, 0);
	ck_reason(GATE_DENY); /* the tenth in a minute */
	ck_assert_uint_eq(source_now()->banned_ns, START + 10 * MINUTE);
	client.now_ns += 10 * MINUTE - 1;
	ck_reason(GATE_BAN);
	for (unsigned i = 0; i < 100; i++)
		ck_reason(GATE_BAN); /* and no strikes */
	client.now_ns++;
	ck_reason(GATE_DENY);
	for (unsigned i = 0; i < GATE_STRIKES - 2; i++)
		ck_reason(GATE_DENY);
	ck_assert_uint_eq(source_now()->ban_level, 1);
	ck_reason(GATE_DENY);
	ck_reason(GATE_BAN);
	ck_assert_uint_eq(source_now()->banned_ns, client.now_ns + 20 * MINUTE);
	ck_assert_uint_eq(service.refused[GATE_BAN], 102);
	/* Others are not concerned, and another service neither. */
	peer = peer_of("192.0.2.8");
	ck_reason(GATE_DENY);
	peer = peer_of("192.0.2.7");
	service.id = 2;
	ck_reason(GATE_DENY);
	/* A reload that bans nobody any more. */
	service.id = 1;
	limits.ban_ns = 0;
	ck_reason(GATE_DENY);
}
END_TEST

/* Who runs into refusals no faster than that is never banned; a little faster, and it is. */
START_TEST(slow_strikes)
{
	limits.ban_ns = MINUTE;
	deny("192.0.2.0/24");
	for (unsigned i = 0; i < 1000; i++) {
		ck_reason(GATE_DENY);
		client.now_ns += GATE_STRIKES_NS / GATE_STRIKES;
	}
	for (unsigned i = 0; i < GATE_STRIKES - 1; i++)
		ck_reason(GATE_DENY);
	client.now_ns += GATE_STRIKES_NS / GATE_STRIKES - 1;
	ck_reason(GATE_DENY);
	ck_reason(GATE_BAN);
}
END_TEST

START_TEST(ban_escalates_and_decays)
{
	uint64_t length_ns = MINUTE;

	limits.ban_ns = MINUTE;
	deny("192.0.2.0/24");
	ck_assert_uint_eq(gate_ban_length(&limits, NULL, START), MINUTE);
	for (unsigned level = 0; level < GATE_BAN_DOUBLINGS + 3; level++) {
		ck_assert_uint_eq(gate_ban_length(&limits, source_now(), client.now_ns), length_ns);
		strike_out();
		ck_assert_uint_eq(source_now()->banned_ns, client.now_ns + length_ns);
		client.now_ns += length_ns;
		if (level < GATE_BAN_DOUBLINGS)
			length_ns *= 2;
	}
	ck_assert_uint_eq(length_ns, 64 * MINUTE);
	/* One level less for each time as long as the last, exactly. */
	uint64_t end_ns = client.now_ns;
	struct source *source = source_now();

	ck_assert_uint_eq(gate_ban_length(&limits, source, end_ns + 64 * MINUTE - 1), 64 * MINUTE);
	ck_assert_uint_eq(gate_ban_length(&limits, source, end_ns + 64 * MINUTE), 64 * MINUTE);
	ck_assert_uint_eq(gate_ban_length(&limits, source, end_ns + 128 * MINUTE - 1), 64 * MINUTE);
	ck_assert_uint_eq(gate_ban_length(&limits, source, end_ns + 128 * MINUTE), 32 * MINUTE);
	ck_assert_uint_eq(gate_ban_length(&limits, source, end_ns + 6 * 64 * MINUTE), 2 * MINUTE);
	ck_assert_uint_eq(gate_ban_length(&limits, source, end_ns + 7 * 64 * MINUTE), MINUTE);
	ck_assert_uint_eq(gate_ban_length(&limits, source, end_ns + YEAR), MINUTE);
	client.now_ns = end_ns + 6 * 64 * MINUTE;
	strike_out();
	ck_assert_uint_eq(source->banned_ns, client.now_ns + 2 * MINUTE);
	ck_assert_uint_eq(source->ban_level, 2);
}
END_TEST

START_TEST(first_ban_decays)
{
	limits.ban_ns = MINUTE;
	deny("192.0.2.0/24");
	strike_out();
	uint64_t end_ns = source_now()->banned_ns;

	ck_assert_uint_eq(gate_ban_length(&limits, source_now(), end_ns + MINUTE - 1), 2 * MINUTE);
	ck_assert_uint_eq(gate_ban_length(&limits, source_now(), end_ns + MINUTE), MINUTE);
}
END_TEST

/* Strangers of many neighbourhoods, as many as the table has places. */
static void fill_table(void)
{
	struct peer before = peer;

	for (unsigned i = 0; i < SOURCES_LEAST; i++) {
		peer = peer_of("2001:db8::1");
		peer.ip[3] = (uint8_t)i;
		memcpy(peer.ip + 4, &i, sizeof(i));
		gate_give(&gate, &service, take());
	}
	peer = before;
}

/* A ban is remembered whoever comes, and no longer than it lasts. */
START_TEST(ban_remembered)
{
	limits.ban_ns = HOUR;
	limits.per_source = 1;
	deny("2001:dead::/32");
	peer = peer_of("2001:dead::1");
	strike_out();
	fill_table();
	fill_table();
	ck_reason(GATE_BAN);
	client.now_ns += HOUR;
	fill_table();
	service.id = 2;
	fill_table();
	service.id = 1;
	ck_assert_ptr_null(source_now());
}
END_TEST

/* Who goes on trying does not get a fresh bucket by being forgotten. */
START_TEST(refused_remembered)
{
	struct peer trying = peer_of("2001:dead::1");

	limits.rate_per_source = (struct rate){ .count = 1, .burst = 1, .per_ns = HOUR };
	peer = trying;
	gate_give(&gate, &service, take());
	for (unsigned i = 0; i < 100000; i++) {
		peer = peer_of("2001:db8::1");
		peer.ip[3] = (uint8_t)i;
		memcpy(peer.ip + 4, &i, sizeof(i));
		gate_give(&gate, &service, take());
		if (i % 50000 != 0)
			continue;
		peer = trying;
		ck_reason(GATE_RATE_PER_SOURCE);
	}
	peer = trying;
	ck_reason(GATE_RATE_PER_SOURCE);
}
END_TEST

START_TEST(immense_ban)
{
	limits.ban_ns = UINT64_MAX / 2;
	deny("192.0.2.0/24");
	client.now_ns = UINT64_MAX / 2 + 10 * MINUTE;
	strike_out();
	ck_assert_uint_eq(source_now()->banned_ns, UINT64_MAX);
	source_ban(gate.sources, source_now(), 0);
	strike_out();
	ck_assert_uint_eq(source_now()->banned_ns, UINT64_MAX);
}
END_TEST

/* A ban that doubles beyond the end of time lasts until then; one of no length is none. */
START_TEST(length_of_a_ban)
{
	struct source source = { .ban_level = 2, .banned_ns = START };

	limits.ban_ns = UINT64_MAX / 4;
	ck_assert_uint_eq(gate_ban_length(&limits, &source, START), UINT64_MAX / 4 << 2);
	limits.ban_ns++;
	ck_assert_uint_eq(gate_ban_length(&limits, &source, START), UINT64_MAX);
	limits.ban_ns = 0;
	ck_assert_uint_eq(gate_ban_length(&limits, &source, START), 0);
	ck_assert_uint_eq(gate_ban_length(&limits, NULL, START), 0);
}
END_TEST

/* By hand: whoever asks for which service, but for this machine itself. */
START_TEST(banned_by_hand)
{
	struct access_rule rule = { .kind = ACCESS_IPV4, .bits = 0 };
	struct bans *bans;

	ck_assert_int_eq(bans_new(&bans), 0);
	gate.bans = bans;
	ck_reason(GATE_ADMIT);
	ck_assert_int_eq(bans_add(bans, &rule, BANS_FOR_EVER), 0);
	ck_reason(GATE_BAN);
	ck_assert_uint_eq(service.refused[GATE_BAN], 1);
	peer = peer_of("127.0.0.1");
	ck_reason(GATE_ADMIT);
	peer = peer_of("2001:db8::7");
	ck_reason(GATE_ADMIT);
	ck_assert_uint_eq(sources_count(gate.sources), 0);
	ck_assert_int_eq(bans_lift(bans, NULL), 1);
	peer = peer_of("192.0.2.7");
	ck_reason(GATE_ADMIT);
	bans_free(bans);
}
END_TEST

static const struct {
	const char *name;
	enum gate_reason reason;
	bool strikes;
} refusals[] = {
	{ "deny", GATE_DENY, true },
	{ "rate_per_source", GATE_RATE_PER_SOURCE, true },
	{ "per_source", GATE_PER_SOURCE, true },
	{ "access_times", GATE_ACCESS_TIMES, false },
	{ "max_load", GATE_MAX_LOAD, false },
	{ "throttle", GATE_THROTTLE, false },
	{ "rate", GATE_RATE, false },
	{ "instances", GATE_INSTANCES, false },
	{ "max_sessions", GATE_MAX_SESSIONS, false },
	{ "loop", GATE_LOOP, false },
};

static void make_refuse(enum gate_reason reason)
{
	const struct rate slow = { .count = 1, .burst = 1, .per_ns = HOUR };

	limits.max_load = reason == GATE_MAX_LOAD ? 1 : 0;
	client.load = 1;
	if (reason == GATE_DENY)
		deny("192.0.2.0/24");
	if (reason == GATE_ACCESS_TIMES)
		close_hours();
	if (reason == GATE_RATE_PER_SOURCE)
		limits.rate_per_source = slow;
	if (reason == GATE_RATE)
		limits.rate = slow;
	limits.per_source = reason == GATE_PER_SOURCE ? 1 : 50;
	service.instances = reason == GATE_INSTANCES ? 1 : 100;
	gate.max_sessions = reason == GATE_MAX_SESSIONS ? 1 : 100;
	if (reason == GATE_THROTTLE)
		gate_pause_source(&gate, &service, &peer, YEAR);
	if (reason == GATE_LOOP)
		gate_own_port_add(&gate, peer.port);
	take();
}

/* Only deny, rate_per_source and per_source are the client's own doing; and only if it was it. */
START_TEST(what_earns_strikes)
{
	enum gate_reason reason = refusals[_i].reason;

	limits.ban_ns = HOUR;
	make_refuse(reason);
	client.proven = false; /* a datagram may say it comes from anybody */
	client.answered = true;
	for (unsigned i = 0; i < 3 * GATE_STRIKES; i++)
		ck_reason(reason);
	client.proven = true;
	client.answered = false;
	for (unsigned i = 0; i < GATE_STRIKES; i++)
		ck_reason(reason == GATE_LOOP ? GATE_ADMIT : reason);
	ck_reason(reason == GATE_LOOP ? GATE_ADMIT : refusals[_i].strikes ? GATE_BAN : reason);
}
END_TEST

/* A session that did not come about costs nobody anything. */
START_TEST(undone)
{
	struct gate_ticket ticket;

	limits.rate = limits.rate_per_source =
		(struct rate){ .count = 1, .burst = 1, .per_ns = 3600 * NS_PER_S };
	limits.per_source = 1;
	for (unsigned i = 0; i < 5; i++) {
		ck_reason(GATE_ADMIT);
		ticket = gate_take(&gate, &service, &client);
		ck_reason(GATE_RATE_PER_SOURCE);
		gate_undo(&gate, &service, &client, ticket);
		ck_assert_uint_eq(service.active, 0);
	}
	ticket = gate_take(&gate, &service, &client);
	gate_give(&gate, &service, ticket);
	ck_reason(GATE_RATE_PER_SOURCE);

	/* Where nothing is known of the client, the service alone gets back. */
	limits.rate_per_source.count = limits.per_source = 0;
	peer = peer_of("192.0.2.8");
	service.rate_ns = 0;
	ticket = gate_take(&gate, &service, &client);
	ck_assert_uint_eq(ticket.source, 0);
	ck_reason(GATE_RATE);
	gate_undo(&gate, &service, &client, ticket);
	ck_reason(GATE_ADMIT);
}
END_TEST

/* Where nobody is ever banned, who is denied leaves no trace. */
START_TEST(no_needless_entries)
{
	deny("192.0.2.0/24");
	for (unsigned i = 0; i < 30; i++) {
		peer.ip[3] = (uint8_t)i;
		ck_reason(GATE_DENY);
	}
	limits.ban_ns = HOUR;
	client.proven = false;
	ck_reason(GATE_DENY);
	peer = peer_of("127.0.0.1");
	client.proven = true;
	ck_reason(GATE_ADMIT);
	take();
	ck_assert_uint_eq(sources_count(gate.sources), 0);
	peer = peer_of("192.0.2.7");
	ck_reason(GATE_DENY);
	ck_assert_uint_eq(sources_count(gate.sources), 1);
}
END_TEST

/* A gate without a table, as explain makes one. */
START_TEST(no_table)
{
	struct sources *sources = gate.sources;

	gate.sources = NULL;
	limits.per_source = 1;
	limits.ban_ns = HOUR;
	limits.rate_per_source = (struct rate){ .count = 1, .burst = 1, .per_ns = HOUR };
	ck_assert_uint_eq(take().source, 0);
	ck_reason(GATE_ADMIT);
	deny("192.0.2.0/24");
	for (unsigned i = 0; i < 2 * GATE_STRIKES; i++)
		ck_reason(GATE_DENY);
	gate_pause_source(&gate, &service, &peer, YEAR);
	ck_reason(GATE_DENY);
	gate.sources = sources;
}
END_TEST

/* ---- clocks ---- */

/* Back by an hour: buckets are empty then, but no emptier, so that nobody waits for that hour;
 * bans last as long as they last. */
START_TEST(clock_back)
{
	limits.rate_per_source = limits.rate = (struct rate){ .count = 1, .burst = 2, .per_ns = MINUTE };
	take();
	take();
	ck_reason(GATE_RATE_PER_SOURCE);
	client.now_ns -= HOUR;
	ck_reason(GATE_RATE_PER_SOURCE);
	client.now_ns += MINUTE - 1;
	ck_reason(GATE_RATE_PER_SOURCE);
	client.now_ns++;
	ck_reason(GATE_ADMIT);

	limits.rate_per_source.count = limits.rate.count = 0;
	limits.ban_ns = MINUTE;
	deny("192.0.2.0/24");
	strike_out();
	uint64_t end_ns = source_now()->banned_ns;

	client.now_ns -= HOUR;
	ck_reason(GATE_BAN);
	ck_assert_uint_eq(gate_ban_length(&limits, source_now(), client.now_ns), 2 * MINUTE);
	client.now_ns = end_ns;
	ck_reason(GATE_DENY);
}
END_TEST

START_TEST(clock_forward)
{
	limits.rate_per_source = limits.rate = (struct rate){ .count = 1, .burst = 2, .per_ns = MINUTE };
	limits.per_source = 50;
	limits.ban_ns = MINUTE;
	struct gate_ticket first = take(), second = take();

	for (unsigned i = 0; i < GATE_STRIKES; i++)
		ck_reason(GATE_RATE_PER_SOURCE);
	ck_reason(GATE_BAN);
	gate_pause_source(&gate, &service, &peer, client.now_ns + MINUTE);
	client.now_ns += YEAR;
	ck_reason(GATE_ADMIT);
	take();
	take();
	ck_reason(GATE_RATE_PER_SOURCE); /* a burst, and not a year's worth */
	ck_assert_uint_eq(source_now()->active, 4);
	gate_give(&gate, &service, first);
	gate_give(&gate, &service, second);
	ck_assert_uint_eq(source_now()->active, 2);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("gate-bans");
	TCase *tests = tcase_create("gate");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, ban);
	tcase_add_test(tests, slow_strikes);
	tcase_add_test(tests, ban_escalates_and_decays);
	tcase_add_test(tests, first_ban_decays);
	tcase_add_test(tests, ban_remembered);
	tcase_add_test(tests, refused_remembered);
	tcase_add_test(tests, immense_ban);
	tcase_add_test(tests, length_of_a_ban);
	tcase_add_test(tests, banned_by_hand);
	tcase_add_loop_test(tests, what_earns_strikes, 0, ELEMENTS(refusals));
	tcase_add_test(tests, no_needless_entries);
	tcase_add_test(tests, undone);
	tcase_add_test(tests, no_table);
	tcase_add_test(tests, clock_back);
	tcase_add_test(tests, clock_forward);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
