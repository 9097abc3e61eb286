/* check_histogram.c - the unit tests of histogram.c. */
#include "histogram.h"

#include <check.h>
#include <stdlib.h>

#include "base.h"
#include "run.h"

static const struct {
	const char *name;
	uint64_t ns;
	size_t place;
} times[] = {
	{ "nothing", 0, 0 },
	{ "on the first bound", 250 * 1000, 0 },
	{ "above the first bound", 250 * 1000 + 1, 1 },
	{ "in the middle", 3 * NS_PER_MS, 4 },
	{ "on the last bound", NS_PER_S, HISTOGRAM_BOUNDS - 1 },
	{ "beyond all", NS_PER_S + 1, HISTOGRAM_BOUNDS },
	{ "the longest there is", UINT64_MAX, HISTOGRAM_BOUNDS },
};

START_TEST(a_time_is_counted_under_its_bound_only)
{
	struct histogram histogram = { .sum_ns = 0 };

	histogram_add(&histogram, &histogram_spawn, times[_i].ns);
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		ck_assert_msg(histogram.counts[i] == (i == times[_i].place), "%s: bucket %zu", times[_i].name,
			      i);
	ck_assert_uint_eq(histogram.sum_ns, times[_i].ns);
	ck_assert_uint_eq(histogram_count(&histogram), 1);
}
END_TEST

START_TEST(the_bounds_of_each_scale_rise)
{
	static const struct histogram_scale *const scales[] = { &histogram_spawn, &histogram_session };

	for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
		ck_assert_uint_lt(scales[_i]->bounds_ns[i - 1], scales[_i]->bounds_ns[i]);
}
END_TEST

START_TEST(all_are_counted_and_summed)
{
	struct histogram histogram = { .sum_ns = 0 };

	for (uint64_t i = 0; i < 1000; i++)
		histogram_add(&histogram, &histogram_session, i * NS_PER_MS);
	ck_assert_uint_eq(histogram_count(&histogram), 1000);
	ck_assert_uint_eq(histogram.sum_ns, 499500 * NS_PER_MS);
	ck_assert_uint_eq(histogram.counts[0], 2); /* 0 and 1 ms */
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("histogram");
	TCase *tcase = tcase_create("histogram");

	tcase_add_loop_test(tcase, a_time_is_counted_under_its_bound_only, 0, ELEMENTS(times));
	tcase_add_loop_test(tcase, the_bounds_of_each_scale_rise, 0, 2);
	tcase_add_test(tcase, all_are_counted_and_summed);
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
