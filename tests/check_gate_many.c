/* check_gate_many.c - the admission decisions with many sources: memory stays bounded, and
 * what is active is what is held. */
#include "gate_help.h"

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

static Suite *make_suite(void)
{
	Suite *suite = suite_create("gate-many");
	TCase *tests = tcase_create("gate");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, flood, 0, ELEMENTS(floods));
	tcase_add_test(tests, table_full_of_sessions);
	tcase_add_test(tests, held_is_active);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
