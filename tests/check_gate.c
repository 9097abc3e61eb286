/* check_gate.c - each branch of the admission decisions. */
#include "gate.h"

#include "run.h"

#include <signal.h>
#include <string.h>

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
	struct gate gate = { .active = rooms[_i].active, .max_sessions = rooms[_i].max_sessions };
	struct gate_service service = { rooms[_i].service_active, rooms[_i].instances };

	ck_assert_int_eq(gate_room(&gate, &service), rooms[_i].reason);
	ck_assert_int_eq(gate_has_room(&gate), rooms[_i].has_room);
}
END_TEST

START_TEST(take_and_give)
{
	struct gate gate = { .max_sessions = 3 };
	struct gate_service a = { .instances = 2 }, b = { .instances = 2 };

	gate_take(&gate, &a);
	gate_take(&gate, &a);
	ck_assert_int_eq(gate_room(&gate, &a), GATE_INSTANCES);
	ck_assert_int_eq(gate_room(&gate, &b), GATE_ADMIT);
	gate_take(&gate, &b);
	ck_assert_int_eq(gate_room(&gate, &b), GATE_MAX_SESSIONS);
	gate_give(&gate, &a);
	ck_assert_int_eq(gate_room(&gate, &b), GATE_ADMIT);
	gate_give(&gate, &a);
	gate_give(&gate, &b);
	ck_assert_uint_eq(gate.active, 0);
	ck_assert_uint_eq(a.active, 0);
	ck_assert_uint_eq(b.active, 0);
}
END_TEST

START_TEST(give_without_take)
{
	struct gate gate = { .max_sessions = 3 };
	struct gate_service service = { .instances = 3 };

	gate_give(&gate, &service);
}
END_TEST

START_TEST(give_to_another)
{
	struct gate gate = { .max_sessions = 3 };
	struct gate_service a = { .instances = 3 }, b = { .instances = 3 };

	gate_take(&gate, &a);
	gate_give(&gate, &b);
}
END_TEST

START_TEST(own_ports)
{
	static struct gate gate;
	static const uint16_t own[] = { 1, 7, 8, 19, 13000, 65535 };
	struct peer peer = { .family = PEER_IPV4 };

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

START_TEST(names)
{
	ck_assert_str_eq(gate_reason_name(GATE_ADMIT), "admit");
	ck_assert_str_eq(gate_reason_name(GATE_INSTANCES), "instances");
	ck_assert_str_eq(gate_reason_name(GATE_MAX_SESSIONS), "max_sessions");
	ck_assert_str_eq(gate_reason_name(GATE_LOOP), "loop");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("gate");
	TCase *tests = tcase_create("gate");

	tcase_add_loop_test(tests, room, 0, sizeof(rooms) / sizeof(rooms[0]));
	tcase_add_test(tests, take_and_give);
	tcase_add_test_raise_signal(tests, give_without_take, SIGABRT);
	tcase_add_test_raise_signal(tests, give_to_another, SIGABRT);
	tcase_add_test(tests, own_ports);
	tcase_add_test(tests, names);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
