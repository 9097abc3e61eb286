/* check_gate.c - each branch of the admission decisions: room, order, the limits of a
 * source, own ports. */
#include "bug_help.h"
#include "gate_help.h"

/* ---- room ---- */

static const struct {
	unsigned active, max_sessions, service_active, instances;
	enum gate_reason reason;
	bool has_room;
} rooms[] = {
	{ 0, 1, 0, 1, GATE_ADMIT, true },
	{ 4, 5, 2, 3, GATE_ADMIT, true },
	{ 3, 5, 3, 3, GATE_INSTANCES, true },
	{ 4, 5, 4, 3, GATE_INSTANCES, true }, /* a reload may lower the limit below what runs */
	{ 5, 5, 0, 3, GATE_MAX_SESSIONS, false },
	{ 6, 5, 0, 3, GATE_MAX_SESSIONS, false },
	{ 5, 5, 3, 3, GATE_INSTANCES, false }, /* the nearer limit is named */
	{ 0, 1, 0, 0, GATE_INSTANCES, true },
	{ 0, 0, 0, 1, GATE_MAX_SESSIONS, false },
};

START_TEST(room)
{
	uint64_t at_ns = 77;

	gate.active = rooms[_i].active;
	gate.max_sessions = rooms[_i].max_sessions;
	service.active = rooms[_i].service_active;
	service.instances = rooms[_i].instances;
	ck_assert_int_eq(gate_room(&gate, &service, START, &at_ns), rooms[_i].reason);
	ck_assert_uint_eq(at_ns, 77);
	ck_assert_int_eq(gate_has_room(&gate), rooms[_i].has_room);
	ck_reason(rooms[_i].reason);
	/* Before the rate has anything to say about it, and after. */
	limits.rate = (struct rate){ .count = 1, .burst = 1, .per_ns = NS_PER_S };
	service.rate_ns = START + NS_PER_S;
	ck_assert_int_eq(gate_room(&gate, &service, START, &at_ns), GATE_RATE);
	ck_assert_uint_eq(at_ns, START + NS_PER_S);
	ck_assert_int_eq(gate_room(&gate, &service, START + NS_PER_S, &at_ns), rooms[_i].reason);
}
END_TEST

START_TEST(take_and_give)
{
	struct gate_service other = service;
	struct gate_ticket tickets[3];
	uint64_t at_ns;

	gate.max_sessions = 3;
	service.instances = other.instances = 2;
	tickets[0] = take();
	tickets[1] = take();
	ck_assert_int_eq(gate_room(&gate, &service, START, &at_ns), GATE_INSTANCES);
	ck_assert_int_eq(gate_room(&gate, &other, START, &at_ns), GATE_ADMIT);
	tickets[2] = gate_take(&gate, &other, &client);
	ck_assert_int_eq(gate_room(&gate, &other, START, &at_ns), GATE_MAX_SESSIONS);
	gate_give(&gate, &service, tickets[0]);
	ck_assert_int_eq(gate_room(&gate, &other, START, &at_ns), GATE_ADMIT);
	gate_give(&gate, &service, tickets[1]);
	gate_give(&gate, &other, tickets[2]);
	ck_assert_uint_eq(gate.active, 0);
	ck_assert_uint_eq(service.active, 0);
	ck_assert_uint_eq(other.active, 0);
	ck_assert_uint_eq(sources_count(gate.sources), 0); /* no limit needed an entry */
}
END_TEST

START_TEST(give_without_take)
{
	ck_assert_bug(gate_give(&gate, &service, (struct gate_ticket){ 0 }));
}
END_TEST

START_TEST(give_to_another)
{
	struct gate_service other = service;
	struct gate_ticket ticket = take();

	ck_assert_bug(gate_give(&gate, &other, ticket));
	gate_give(&gate, &service, ticket);
	ck_assert_uint_eq(service.active, 0);
}
END_TEST

START_TEST(give_source_twice)
{
	struct gate_ticket ticket;

	limits.per_source = 5;
	ticket = take();
	client.peer = NULL;
	take();
	gate_give(&gate, &service, ticket);
	ck_assert_bug(gate_give(&gate, &service, ticket));
}
END_TEST

/* A service that waits takes a slot for nobody known. */
START_TEST(nobody)
{
	struct peer none = { .family = PEER_NONE };
	struct gate_ticket ticket;

	limits.per_source = 1;
	limits.ban_ns = MINUTE;
	limits.rate_per_source = (struct rate){ .count = 1, .burst = 1, .per_ns = NS_PER_S };
	client.peer = NULL;
	ticket = take();
	ck_assert_uint_eq(ticket.source, 0);
	gate_give(&gate, &service, ticket);
	client.peer = &none;
	ck_assert_uint_eq(take().source, 0);
	ck_assert_uint_eq(take().source, 0);
	ck_reason(GATE_ADMIT);
	gate_pause_source(&gate, &service, &none, START + 1);
	ck_reason(GATE_ADMIT);
	ck_assert_uint_eq(sources_count(gate.sources), 0);
	ck_assert_uint_eq(service.active, 2);
}
END_TEST

/* ---- the order ---- */

/* All that can refuse does; one after the other is taken away. */
START_TEST(order)
{
	struct source *source;
	struct peer_key key = gate_source_key(&service, &peer);

	gate_own_port_add(&gate, peer.port);
	client.answered = true;
	limits.ban_ns = MINUTE;
	limits.per_source = 1;
	limits.max_load = 1500;
	client.load = 1500;
	limits.rate = limits.rate_per_source = (struct rate){ .count = 1, .burst = 1, .per_ns = NS_PER_S };
	service.instances = gate.max_sessions = 1;
	deny("192.0.2.0/24");
	close_hours();
	take();
	source = source_get(gate.sources, service.id, &key);
	source_ban(gate.sources, source, START + 1);
	gate_pause_source(&gate, &service, &peer, START + 1);

	ck_reason(GATE_LOOP);
	client.answered = false;
	ck_reason(GATE_BAN);
	source_ban(gate.sources, source, START);
	ck_reason(GATE_DENY);
	limits.access = NULL;
	ck_reason(GATE_ACCESS_TIMES);
	limits.access_times.count = 0;
	ck_reason(GATE_MAX_LOAD);
	client.load = 1499;
	ck_reason(GATE_THROTTLE);
	gate_pause_source(&gate, &service, &peer, START);
	ck_reason(GATE_RATE_PER_SOURCE);
	limits.rate_per_source.count = 0;
	ck_reason(GATE_RATE);
	limits.rate.count = 0;
	ck_reason(GATE_PER_SOURCE);
	limits.per_source = 2;
	ck_reason(GATE_INSTANCES);
	service.instances = 2;
	ck_reason(GATE_MAX_SESSIONS);
	gate.max_sessions = 2;
	ck_reason(GATE_ADMIT);
	ck_assert_uint_eq(service.refused[GATE_ADMIT], 0);
	for (unsigned reason = GATE_LOOP; reason < GATE_REASONS; reason++)
		ck_assert_msg(service.refused[reason] == 1, "%s", gate_reason_name(reason));
}
END_TEST

/* Who is refused pays nothing, and costs the others nothing. */
START_TEST(nothing_is_taken)
{
	limits.rate = (struct rate){ .count = 1, .burst = 2, .per_ns = HOUR };
	limits.rate_per_source = (struct rate){ .count = 1, .burst = 2, .per_ns = HOUR };
	limits.per_source = 9;
	deny("192.0.2.0/24");
	for (unsigned i = 0; i < 50; i++)
		ck_reason(GATE_DENY);
	ck_assert_uint_eq(service.rate_ns, 0);
	ck_assert_uint_eq(sources_count(gate.sources), 0);
	limits.access = NULL;
	take();
	service.instances = 1;
	for (unsigned i = 0; i < 50; i++)
		ck_reason(GATE_INSTANCES);
	service.instances = 2;
	ck_reason(GATE_ADMIT);
	ck_reason(GATE_ADMIT); /* to ask is not to take */
	take();
	ck_reason(GATE_RATE_PER_SOURCE);
	peer = peer_of("198.51.100.1");
	ck_reason(GATE_RATE);
}
END_TEST

/* Who is left waiting was not refused. */
START_TEST(waiting)
{
	limits.refuse_when_full = false;
	limits.rate = (struct rate){ .count = 1, .burst = 1, .per_ns = NS_PER_S };
	limits.per_source = 9;
	take();
	ck_reason(GATE_RATE);
	client.now_ns += NS_PER_S;
	service.instances = 1;
	ck_reason(GATE_INSTANCES);
	service.instances = 2;
	gate.max_sessions = 1;
	ck_reason(GATE_MAX_SESSIONS);
	for (unsigned reason = 0; reason < GATE_REASONS; reason++)
		ck_assert_uint_eq(service.refused[reason], 0);
	limits.per_source = 1;
	ck_reason(GATE_PER_SOURCE);
	ck_assert_uint_eq(service.refused[GATE_PER_SOURCE], 1);
}
END_TEST

/* ---- limits of a source ---- */

START_TEST(per_source)
{
	struct gate_ticket tickets[3];

	limits.per_source = 3;
	for (unsigned i = 0; i < 3; i++) {
		ck_reason(GATE_ADMIT);
		tickets[i] = take();
		ck_assert_uint_ne(tickets[i].source, 0);
	}
	ck_reason(GATE_PER_SOURCE);
	peer = peer_of("192.0.2.8");
	ck_reason(GATE_ADMIT);
	peer = peer_of("192.0.2.7");
	peer.port = 1; /* another port is no other source */
	ck_reason(GATE_PER_SOURCE);
	gate_give(&gate, &service, tickets[1]);
	ck_reason(GATE_ADMIT);
	gate_give(&gate, &service, tickets[0]);
	gate_give(&gate, &service, tickets[2]);
	ck_assert_uint_eq(source_now()->active, 0);
	/* A reload that lowers the limit below what runs, and one that takes it away. */
	take();
	take();
	limits.per_source = 1;
	ck_reason(GATE_PER_SOURCE);
	limits.per_source = 0;
	ck_reason(GATE_ADMIT);
}
END_TEST

static const struct {
	const char *name, *address;
	enum peer_family family;
	uint32_t number;
	bool local;
} places[] = {
	{ "127.0.0.1", "127.0.0.1", PEER_IPV4, 0, true },
	{ "127.255.255.255", "127.255.255.255", PEER_IPV4, 0, true },
	{ "128.0.0.1", "128.0.0.1", PEER_IPV4, 0, false },
	{ "126.255.255.255", "126.255.255.255", PEER_IPV4, 0, false },
	{ "::1", "::1", PEER_IPV6, 0, true },
	{ "::2", "::2", PEER_IPV6, 0, false },
	{ "::", "::", PEER_IPV6, 0, false },
	{ "100::1", "100::1", PEER_IPV6, 0, false },
	{ "a Unix peer", NULL, PEER_UNIX, 1000, true },
	{ "another machine's vsock", NULL, PEER_VSOCK, 3, false },
	{ "this machine's vsock", NULL, PEER_VSOCK, 1, true },
	{ "nobody", NULL, PEER_NONE, 0, false },
};

START_TEST(local)
{
	bool known = places[_i].family != PEER_NONE;

	if (places[_i].address != NULL) {
		peer = peer_of(places[_i].address);
	} else {
		peer = (struct peer){ .family = places[_i].family };
		if (peer.family == PEER_UNIX)
			peer.unix_peer.uid = places[_i].number;
		else if (peer.family == PEER_VSOCK)
			peer.vsock.cid = places[_i].number;
	}
	ck_assert_msg(gate_is_local(&peer) == places[_i].local, "%s", places[_i].name);

	/* auto spares them, a number does not. */
	limits.per_source = 1;
	take();
	ck_reason(places[_i].local || !known ? GATE_ADMIT : GATE_PER_SOURCE);
	limits.per_source_spares_local = false;
	ck_reason(places[_i].local || !known ? GATE_ADMIT : GATE_PER_SOURCE);
	take();
	ck_reason(known ? GATE_PER_SOURCE : GATE_ADMIT);

	/* Bans never meet them, whatever they do. */
	limits.ban_ns = HOUR;
	for (unsigned i = 0; i < 100; i++)
		check();
	ck_reason(!known ? GATE_ADMIT : places[_i].local ? GATE_PER_SOURCE : GATE_BAN);
}
END_TEST

/* A prefix of 0 makes one source of all: what remote clients did is not laid at a local one's door. */
START_TEST(local_in_one_source_with_all)
{
	limits.source_prefix = (struct gate_prefixes){ 0, 0 };
	limits.per_source = 1;
	limits.ban_ns = HOUR;
	take();
	for (unsigned i = 0; i < GATE_STRIKES; i++)
		ck_reason(GATE_PER_SOURCE);
	ck_reason(GATE_BAN);
	peer = peer_of("198.51.100.77");
	ck_reason(GATE_BAN);
	peer = peer_of("127.0.0.1");
	ck_reason(GATE_ADMIT);
	ck_assert_uint_eq(take().source, 0);
	ck_assert_uint_eq(source_now()->active, 1);
}
END_TEST

static const struct {
	unsigned bits4, bits6;
	const char *one, *other;
	bool same;
} prefixes[] = {
	{ 32, 64, "192.0.2.7", "192.0.2.7", true },
	{ 32, 64, "192.0.2.7", "192.0.2.6", false },
	{ 24, 64, "192.0.2.7", "192.0.2.250", true },
	{ 24, 64, "192.0.2.7", "192.0.3.7", false },
	{ 23, 64, "192.0.2.7", "192.0.3.7", true },
	{ 0, 64, "192.0.2.7", "8.8.8.8", true },
	{ 32, 64, "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true },
	{ 32, 64, "2001:db8::1", "2001:db8:0:1::1", false },
	{ 32, 48, "2001:db8::1", "2001:db8:0:ffff::1", true },
	{ 32, 48, "2001:db8::1", "2001:db8:1::1", false },
	{ 32, 128, "2001:db8::1", "2001:db8::2", false },
	{ 32, 0, "2001:db8::1", "fe80::1", true },
	{ 0, 0, "192.0.2.7", "2001:db8::1", false }, /* families are never one source */
};

START_TEST(source_prefix)
{
	limits.per_source = 1;
	limits.source_prefix = (struct gate_prefixes){ prefixes[_i].bits4, prefixes[_i].bits6 };
	peer = peer_of(prefixes[_i].one);
	take();
	peer = peer_of(prefixes[_i].other);
	ck_reason(prefixes[_i].same ? GATE_PER_SOURCE : GATE_ADMIT);
}
END_TEST

START_TEST(rate_of_a_source)
{
	limits.rate_per_source = (struct rate){ .count = 10, .burst = 3, .per_ns = MINUTE };
	for (unsigned i = 0; i < 3; i++) {
		ck_reason(GATE_ADMIT);
		take();
	}
	ck_reason(GATE_RATE_PER_SOURCE);
	client.now_ns += 6 * NS_PER_S - 1;
	ck_reason(GATE_RATE_PER_SOURCE);
	client.now_ns += 1;
	ck_reason(GATE_ADMIT);
	peer = peer_of("192.0.2.8");
	ck_reason(GATE_ADMIT);
	peer = peer_of("127.0.0.1"); /* local ones have a rate like all others */
	for (unsigned i = 0; i < 3; i++)
		take();
	ck_reason(GATE_RATE_PER_SOURCE);
	/* What one service saw is nothing to another. */
	service.id = 2;
	ck_reason(GATE_ADMIT);
}
END_TEST

START_TEST(rate_of_the_service)
{
	uint64_t at_ns = 0;

	limits.rate = (struct rate){ .count = 50, .burst = 50, .per_ns = NS_PER_S };
	for (unsigned i = 0; i < 50; i++) {
		peer.ip[3] = (uint8_t)i;
		ck_reason(GATE_ADMIT);
		take();
	}
	ck_reason(GATE_RATE);
	ck_assert_int_eq(gate_room(&gate, &service, client.now_ns, &at_ns), GATE_RATE);
	ck_assert_uint_eq(at_ns, START + 20 * NS_PER_MS);
	client.now_ns = at_ns - 1;
	ck_reason(GATE_RATE);
	client.now_ns = at_ns;
	ck_reason(GATE_ADMIT);
	ck_assert_int_eq(gate_room(&gate, &service, at_ns, &at_ns), GATE_ADMIT);
}
END_TEST

/* From one a week to 50 a second: nobody waits out the week. */
START_TEST(rate_after_reload)
{
	limits.rate = limits.rate_per_source = (struct rate){ .count = 1, .burst = 1, .per_ns = 168 * HOUR };
	take();
	ck_reason(GATE_RATE_PER_SOURCE);
	limits.rate = limits.rate_per_source = (struct rate){ .count = 50, .burst = 1, .per_ns = NS_PER_S };
	ck_reason(GATE_RATE_PER_SOURCE);
	client.now_ns += 20 * NS_PER_MS;
	ck_reason(GATE_ADMIT);
}
END_TEST

START_TEST(paused_source)
{
	gate_pause_source(&gate, &service, &peer, 0); /* nothing to forget, and nothing made for it */
	ck_assert_uint_eq(sources_count(gate.sources), 0);
	gate_pause_source(&gate, &service, &peer, START + NS_PER_S);
	ck_assert_uint_eq(source_now()->failures, 1);
	ck_reason(GATE_THROTTLE);
	client.now_ns += NS_PER_S - 1;
	ck_reason(GATE_THROTTLE);
	client.now_ns++;
	ck_reason(GATE_ADMIT);
	gate_pause_source(&gate, &service, &peer, START + 9 * NS_PER_S);
	ck_assert_uint_eq(source_now()->failures, 2);
	ck_reason(GATE_THROTTLE);
	peer = peer_of("192.0.2.8");
	ck_reason(GATE_ADMIT);
	peer = peer_of("192.0.2.7");
	gate_pause_source(&gate, &service, &peer, 0);
	ck_assert_uint_eq(source_now()->failures, 0);
	ck_reason(GATE_ADMIT);
}
END_TEST

START_TEST(load)
{
	client.load = UINT32_MAX;
	ck_reason(GATE_ADMIT);
	limits.max_load = 2000;
	client.load = 1999;
	ck_reason(GATE_ADMIT);
	client.load = 2000;
	ck_reason(GATE_MAX_LOAD);
}
END_TEST

/* Other limits, and nobody waits longer for that than they say. */
START_TEST(limited_anew)
{
	struct gate_limits fast = limits;

	limits.rate = (struct rate){ .count = 1, .burst = 1, .per_ns = HOUR };
	take();
	ck_reason(GATE_RATE);
	fast.rate = (struct rate){ .count = 1, .burst = 1, .per_ns = NS_PER_S };
	gate_limit(&service, &fast, 2, START);
	ck_assert_ptr_eq(service.limits, &fast);
	ck_assert_uint_eq(service.instances, 2);
	ck_reason(GATE_RATE);
	client.now_ns += NS_PER_S - 1;
	ck_reason(GATE_RATE);
	client.now_ns++;
	ck_reason(GATE_ADMIT);
}
END_TEST

/* ---- own ports, names ---- */

START_TEST(own_ports)
{
	static const uint16_t own[] = { 1, 7, 8, 19, 13000, 65535 };

	peer = (struct peer){ .family = PEER_IPV4 };
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		gate_own_port_add(&gate, own[i]);
	for (unsigned port = 0, next = 0; port < GATE_PORTS; port++) {
		bool is_own = next < sizeof(own) / sizeof(own[0]) && own[next] == port;

		next += is_own;
		peer.port = (uint16_t)port;
		peer.family = port % 2 == 0 ? PEER_IPV4 : PEER_IPV6;
		ck_assert_msg(gate_datagram(&gate, &peer) == (is_own ? GATE_LOOP : GATE_ADMIT), "port %u",
			      port);
	}
	peer = (struct peer){ .family = PEER_UNIX, .port = 7 };
	ck_assert_int_eq(gate_datagram(&gate, &peer), GATE_ADMIT);
	peer.family = PEER_NONE;
	ck_assert_int_eq(gate_datagram(&gate, &peer), GATE_ADMIT);
	gate_own_ports_clear(&gate);
	peer = (struct peer){ .family = PEER_IPV4, .port = 7 };
	ck_assert_int_eq(gate_datagram(&gate, &peer), GATE_ADMIT);
}
END_TEST

START_TEST(own_ports_printed)
{
	char text[GATE_PORTS_TEXT];

	ck_assert_str_eq(gate_own_ports_print(&gate, text), "");
	gate_own_port_add(&gate, 19);
	gate_own_port_add(&gate, 7);
	ck_assert_str_eq(gate_own_ports_print(&gate, text), "7,19");
	for (uint16_t port = 7007; port < 7010; port++)
		gate_own_port_add(&gate, port);
	gate_own_port_add(&gate, 65535);
	ck_assert_str_eq(gate_own_ports_print(&gate, text), "7,19,7007-7009,65535");
	gate_own_ports_clear(&gate);
	for (uint16_t port = 0; port < 3; port++)
		gate_own_port_add(&gate, port);
	ck_assert_str_eq(gate_own_ports_print(&gate, text), "0-2");
	for (unsigned port = 1; port < GATE_PORTS; port += 2)
		gate_own_port_add(&gate, (uint16_t)port);
	gate_own_ports_print(&gate, text);
	ck_assert_uint_gt(strlen(text), GATE_PORTS_TEXT - 8);
	ck_assert_uint_lt(strlen(text), GATE_PORTS_TEXT);
}
END_TEST

START_TEST(names)
{
	static const char *const expected[] = { "admit",        "loop",       "ban",       "deny",
						"access_times", "max_load",   "throttle",  "rate_per_source",
						"rate",         "per_source", "instances", "max_sessions" };

	ck_assert_uint_eq(ELEMENTS(expected), GATE_REASONS);
	for (unsigned i = 0; i < ELEMENTS(expected); i++)
		ck_assert_str_eq(gate_reason_name(i), expected[i]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("gate");
	TCase *tests = tcase_create("gate");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, room, 0, ELEMENTS(rooms));
	tcase_add_test(tests, take_and_give);
	tcase_add_test(tests, give_without_take);
	tcase_add_test(tests, give_to_another);
	tcase_add_test(tests, give_source_twice);
	tcase_add_test(tests, nobody);
	tcase_add_test(tests, order);
	tcase_add_test(tests, nothing_is_taken);
	tcase_add_test(tests, waiting);
	tcase_add_test(tests, per_source);
	tcase_add_loop_test(tests, local, 0, ELEMENTS(places));
	tcase_add_test(tests, local_in_one_source_with_all);
	tcase_add_loop_test(tests, source_prefix, 0, ELEMENTS(prefixes));
	tcase_add_test(tests, rate_of_a_source);
	tcase_add_test(tests, rate_of_the_service);
	tcase_add_test(tests, rate_after_reload);
	tcase_add_test(tests, paused_source);
	tcase_add_test(tests, load);
	tcase_add_test(tests, limited_anew);
	tcase_add_test(tests, own_ports);
	tcase_add_test(tests, own_ports_printed);
	tcase_add_test(tests, names);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
