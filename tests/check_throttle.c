/* check_throttle.c - the three tables of growing pauses, written out. */
#include "throttle.h"

#include "base.h"
#include "run.h"

static const struct {
	const struct throttle_rule *rule;
	unsigned pauses_ms[13];
} tables[] = {
	{ &throttle_accept, { 10, 20, 40, 80, 160, 320, 500, 500, 500, 500, 500, 500, 500 } },
	{ &throttle_spawn, { 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000, 5000, 5000 } },
	{ &throttle_wait, { 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000 } },
};

START_TEST(grows)
{
	struct throttle throttle = { 0 };

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ELEMENTS(tables[_i].pauses_ms); i++)
			ck_assert_uint_eq(throttle_fail(&throttle, tables[_i].rule),
					  tables[_i].pauses_ms[i] * NS_PER_MS);
		throttle_succeed(&throttle);
		ck_assert_uint_eq(throttle.pause_ns, 0);
	}
}
END_TEST

/* A pause made under one rule is within the bounds of the next one. */
START_TEST(other_rule)
{
	struct throttle throttle = { .pause_ns = 60 * NS_PER_S };

	ck_assert_uint_eq(throttle_fail(&throttle, &throttle_accept), 500 * NS_PER_MS);
	ck_assert_uint_eq(throttle_fail(&throttle, &throttle_spawn), 1000 * NS_PER_MS);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("throttle");
	TCase *tests = tcase_create("throttle");

	tcase_add_loop_test(tests, grows, 0, ELEMENTS(tables));
	tcase_add_test(tests, other_rule);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
