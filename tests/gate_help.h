/* gate_help.h - a gate, a service and a client for the tests of the admission decisions, and
 * a clock that the tests move. */
#ifndef USHERD_TESTS_GATE_HELP_H
#define USHERD_TESTS_GATE_HELP_H

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

static inline struct peer peer_of(const char *address)
{
	struct peer of = { .port = 40000 };

	of.family = strchr(address, ':') != NULL ? PEER_IPV6 : PEER_IPV4;
	ck_assert_int_eq(inet_pton(of.family == PEER_IPV6 ? AF_INET6 : AF_INET, address, of.ip), 1);
	return of;
}

static inline void set_up(void)
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

static inline void tear_down(void)
{
	sources_free(gate.sources);
	access_free(access_rules);
	arena_free(arena);
}

static inline void deny(const char *word)
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
static inline void close_hours(void)
{
	static struct schedule_window never = { .days = 0, .from = 0, .until = 60 };
	char reason[ZONE_REASON_MAX];

	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
	ck_assert_int_eq(zone_load(NULL, 0, arena, &never.zone, reason), 0);
	limits.access_times = (struct schedule){ .windows = &never, .count = 1 };
}

/* The verdict, and that to ask for it changes nothing. */
static inline enum gate_reason check(void)
{
	struct gate_service before = service;
	enum gate_reason peeked = gate_peek(&gate, &service, &client), reason;

	ck_assert_int_eq(memcmp(&before, &service, sizeof(service)), 0);
	reason = gate_check(&gate, &service, &client);
	ck_assert_str_eq(gate_reason_name(peeked), gate_reason_name(reason));
	return reason;
}

#define ck_reason(expected) ck_assert_str_eq(gate_reason_name(check()), gate_reason_name(expected))

static inline struct gate_ticket take(void)
{
	return gate_take(&gate, &service, &client);
}

static inline struct source *source_now(void)
{
	struct peer_key key = gate_source_key(&service, &peer);

	return source_find(gate.sources, service.id, &key);
}

#endif
