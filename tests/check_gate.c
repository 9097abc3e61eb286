/* check_gate.c - each branch of the admission decisions, with a clock that the
 * tests move: order, boundaries, bans, jumps of the clock, and many sources. */
#include "gate.h"

#include "base.h"
#include "run.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define MINUTE (60 * NS_PER_S)
#define HOUR   (60 * MINUTE)
#define YEAR   (365 * 24 * HOUR)
#define START  (1000 * HOUR)

static const uint64_t seed[4] = { 11, 222, 3333, 44444 };
static struct gate gate;
static struct gate_limits limits;
static struct gate_service service;
static struct peer peer;
static struct gate_client client;
static struct access *access_rules;
static struct arena *arena;

static struct peer peer_of(const char *address)
{
	struct peer of = { .port = 40000 };

	of.family = strchr(address, ':') != NULL ? PEER_IPV6 : PEER_IPV4;
	ck_assert_int_eq(inet_pton(of.family == PEER_IPV6 ? AF_INET6 : AF_INET, address, of.ip), 1);
	return of;
}

static void set_up(void)
{
	memset(&gate, 0, sizeof(gate));
	gate.max_sessions = 1000;
	ck_assert_int_eq(sources_new(1000, seed, &gate.sources), 0);
	limits = (struct gate_limits){
		.instances = 100,
		.source_prefix = { 32, 64 },
		.refuse_when_full = true,
		.per_source_spares_local = true,
	};
	service = (struct gate_service){ .limits = &limits, .id = 1, .instances = 100 };
	peer = peer_of("192.0.2.7");
	client = (struct gate_client){ .peer = &peer, .proven = true, .now_ns = START };
	access_rules = NULL;
	arena = NULL;
}

static void tear_down(void)
{
	sources_free(gate.sources);
	access_free(access_rules);
	arena_free(arena);
}

static void deny(const char *word)
{
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	char reason[ACCESS_REASON_MAX];
	int count = access_parse(word, rules, reason);

	ck_assert_int_gt(count, 0);
	for (int i = 0; i < count; i++)
		rules[i].deny = true;
	access_free(access_rules);
	ck_assert_int_eq(access_compile(rules, (size_t)count, &access_rules), 0);
	limits.access = access_rules;
}

/* Never open: windows of no day. */
static void close_hours(void)
{
	static struct schedule_window never = { .days = 0, .from = 0, .until = 60 };
	char reason[ZONE_REASON_MAX];

	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
	ck_assert_int_eq(zone_load(NULL, 0, arena, &never.zone, reason), 0);
	limits.access_times = (struct schedule){ .windows = &never, .count = 1 };
}

/* The verdict, and that to ask for it changes nothing. */
static enum gate_reason check(void)
{
	struct gate_service before = service;
	enum gate_reason peeked = gate_peek(&gate, &service, &client), reason;

	ck_assert_int_eq(memcmp(&before, &service, sizeof(service)), 0);
	reason = gate_check(&gate, &service, &client);
	ck_assert_str_eq(gate_reason_name(peeked), gate_reason_name(reason));
	return reason;
}

#define ck_reason(expected) ck_assert_str_eq(gate_reason_name(check()), gate_reason_name(expected))

static struct gate_ticket take(void)
{
	return gate_take(&gate, &service, &client);
}

static struct source *source_now(void)
{
	struct peer_key key = gate_source_key(&service, &peer);

	return source_find(gate.sources, service.id, &key);
}

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
	gate_give(&gate, &service, (struct gate_ticket){ 0 });
}
END_TEST

START_TEST(give_to_another)
{
	struct gate_service other = service;

	gate_give(&gate, &other, take());
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
	gate_give(&gate, &service, ticket);
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

/* ---- many sources ---- */

static size_t resident_bytes(void)
{
	unsigned long size, resident;
	FILE *file = fopen("/proc/self/statm", "re");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%lu %lu", &size, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

#ifdef __SANITIZE_ADDRESS__
static const unsigned floods[] = { 100000, 200000 };
#else
static const unsigned floods[] = { 100000, 1000000 };
#endif

/* One hand with all of a /32 of IPv6: memory stays bounded, and neither who has a session
 * nor who came a while ago from somewhere else is forgotten. */
START_TEST(flood)
{
	const char *const honest[] = { "2001:db8:1::1", "2001:db9:1::1", "192.0.2.7" };
	struct gate_ticket session, attack[2];

	gate.max_sessions = 1u << 20;
	service.instances = 1u << 20;
	limits.per_source = 4;
	limits.rate_per_source = (struct rate){ .count = 2, .burst = 2, .per_ns = 24 * HOUR };
	limits.ban_ns = HOUR;
	peer = peer_of("2001:db8:1::1");
	session = take();
	for (unsigned i = 1; i < ELEMENTS(honest); i++) {
		peer = peer_of(honest[i]);
		gate_give(&gate, &service, take());
	}

	size_t before = resident_bytes();

	peer = peer_of("2001:dba::1");
	for (unsigned i = 0; i < floods[_i]; i++) {
		peer.ip[4] = (uint8_t)(i >> 24);
		peer.ip[5] = (uint8_t)(i >> 16);
		peer.ip[6] = (uint8_t)(i >> 8);
		peer.ip[7] = (uint8_t)i;
		client.now_ns += NS_PER_MS;
		ck_assert_int_eq(gate_check(&gate, &service, &client), GATE_ADMIT);
		attack[0] = take();
		attack[1] = take();
		ck_assert_int_eq(gate_check(&gate, &service, &client), GATE_RATE_PER_SOURCE);
		gate_give(&gate, &service, attack[0]);
		gate_give(&gate, &service, attack[1]);
	}
	ck_assert_uint_eq(sources_count(gate.sources), SOURCES_LEAST + 1);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_uint_lt(resident_bytes() - before, 9u << 20);
#else
	(void)before;
#endif
	/* Each of the honest has one token left of two, as before. */
	for (unsigned i = 0; i < ELEMENTS(honest); i++) {
		peer = peer_of(honest[i]);
		ck_assert_ptr_nonnull(source_now());
		ck_assert_uint_eq(source_now()->active, i == 0);
		ck_reason(GATE_ADMIT);
		gate_give(&gate, &service, take());
		ck_reason(GATE_RATE_PER_SOURCE);
	}
	gate_give(&gate, &service, session);
	ck_assert_uint_eq(gate.active, 0);
}
END_TEST

/* Each entry has a session (the table is larger than there can be sessions, but for want of memory):
 * others are admitted, and not counted. */
START_TEST(table_full_of_sessions)
{
	gate.max_sessions = service.instances = 1u << 20;
	limits.per_source = 1;
	peer = peer_of("2001:db8::1");
	for (unsigned i = 1; i <= SOURCES_LEAST; i++) { /* 0 would be ::1 */
		memcpy(peer.ip, &i, sizeof(i));
		ck_assert_uint_ne(take().source, 0);
	}
	peer = peer_of("2001:db8::1");
	ck_reason(GATE_ADMIT);
	ck_assert_uint_eq(take().source, 0);
	ck_reason(GATE_ADMIT);
	gate_pause_source(&gate, &service, &peer, YEAR);
	ck_reason(GATE_ADMIT);
	limits.ban_ns = HOUR;
	deny("2001:db8::/32");
	for (unsigned i = 0; i < 2 * GATE_STRIKES; i++)
		ck_reason(GATE_DENY);
	gate_give(&gate, &service, (struct gate_ticket){ 0 });
}
END_TEST

/* Random comings and goings at three services: what is active is what is held, always. */
#define HELD_MOST 300
START_TEST(held_is_active)
{
	static struct {
		struct gate_ticket ticket;
		struct peer_key key;
		unsigned service;
	} held[HELD_MOST];
	struct gate_service services[3];
	uint64_t state = 7;
	unsigned count = 0;

	limits.per_source = 20;
	limits.per_source_spares_local = false;
	limits.rate_per_source = (struct rate){ .count = 1000, .burst = 1000, .per_ns = NS_PER_S };
	gate.max_sessions = HELD_MOST;
	for (unsigned i = 0; i < 3; i++)
		services[i] = (struct gate_service){ .limits = &limits, .id = i + 1, .instances = 120 };
	for (unsigned round = 0; round < 100000; round++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;

		unsigned random = (unsigned)(state >> 33), which = random % 3;
		unsigned phase = round / 10000 % 2; /* filling and emptying in turns */

		client.now_ns += random % NS_PER_MS;
		peer = peer_of(random / 3 % 2 == 0 ? "192.0.2.1" : "2001:db8::1");
		peer.ip[3] = (uint8_t)(random / 6 % 20);
		if (random / 128 % 3 != phase && gate_check(&gate, &services[which], &client) == GATE_ADMIT) {
			held[count].ticket = gate_take(&gate, &services[which], &client);
			held[count].key = gate_source_key(&services[which], &peer);
			held[count++].service = which;
		} else if (count > 0) {
			unsigned n = random / 512 % count;

			gate_give(&gate, &services[held[n].service], held[n].ticket);
			held[n] = held[--count];
		}
		ck_assert_uint_eq(gate.active, count);
		if (round % 50 != 0)
			continue;
		for (unsigned i = 0; i < count; i++) {
			unsigned same = 0, in_service = 0;

			for (unsigned j = 0; j < count; j++) {
				in_service += held[j].service == held[i].service;
				same += held[j].service == held[i].service &&
					memcmp(&held[j].key, &held[i].key, sizeof(held[i].key)) == 0;
			}
			ck_assert_uint_eq(services[held[i].service].active, in_service);
			ck_assert_uint_eq(source_of(gate.sources, held[i].ticket.source)->active, same);
			ck_assert_uint_le(same, 20);
		}
	}
	while (count > 0) {
		count--;
		gate_give(&gate, &services[held[count].service], held[count].ticket);
		ck_assert_uint_eq(gate.active, count);
	}
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(services[i].active, 0);
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

static void add_limits(TCase *tests)
{
	tcase_add_loop_test(tests, room, 0, ELEMENTS(rooms));
	tcase_add_test(tests, take_and_give);
	tcase_add_test_raise_signal(tests, give_without_take, SIGABRT);
	tcase_add_test_raise_signal(tests, give_to_another, SIGABRT);
	tcase_add_test_raise_signal(tests, give_source_twice, SIGABRT);
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
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("gate");
	TCase *tests = tcase_create("gate");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	add_limits(tests);
	tcase_add_test(tests, ban);
	tcase_add_test(tests, slow_strikes);
	tcase_add_test(tests, ban_escalates_and_decays);
	tcase_add_test(tests, first_ban_decays);
	tcase_add_test(tests, ban_remembered);
	tcase_add_test(tests, refused_remembered);
	tcase_add_test(tests, immense_ban);
	tcase_add_loop_test(tests, what_earns_strikes, 0, ELEMENTS(refusals));
	tcase_add_test(tests, no_needless_entries);
	tcase_add_test(tests, undone);
	tcase_add_test(tests, no_table);
	tcase_add_test(tests, clock_back);
	tcase_add_test(tests, clock_forward);
	tcase_add_loop_test(tests, flood, 0, ELEMENTS(floods));
	tcase_add_test(tests, table_full_of_sessions);
	tcase_add_test(tests, held_is_active);
	tcase_add_test(tests, own_ports);
	tcase_add_test(tests, own_ports_printed);
	tcase_add_test(tests, names);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
