/* check_rate.c - token buckets: boundaries to the nanosecond, the highest and the
 * lowest rates, and that in the long run neither more nor much less passes. */
#include "rate.h"

#include "base.h"
#include "run.h"

#define DAY_NS (UINT64_C(86400) * NS_PER_S)
#define START  UINT64_C(1000000000000)

/* Takes all that is to be had at one time; returns how many that were. */
static unsigned drain(const struct rate *rate, uint64_t *bucket_ns, uint64_t now_ns, unsigned most)
{
	unsigned passed = 0;

	while (passed < most && rate_allows(rate, *bucket_ns, now_ns)) {
		ck_assert_uint_eq(rate_allows_at(rate, *bucket_ns, now_ns), now_ns);
		*bucket_ns = rate_pass(rate, *bucket_ns, now_ns);
		passed++;
	}
	return passed;
}

/* `each`: nanoseconds from one token to the next. */
static const struct {
	const char *name;
	struct rate rate;
	uint64_t each;
} rates[] = {
	{ "one a second", { 1, 1, NS_PER_S }, NS_PER_S },
	{ "one a second, five at once", { 1, 5, NS_PER_S }, NS_PER_S },
	{ "50/s", { 50, 50, NS_PER_S }, 20000000 },
	{ "10/min burst 30", { 10, 30, 60 * NS_PER_S }, 6 * NS_PER_S },
	{ "3/s, which has no whole interval", { 3, 3, NS_PER_S }, 333333334 },
	{ "7/h burst 1", { 7, 1, 3600 * NS_PER_S }, UINT64_C(514285714286) },
	{ "a million a second", { 1000000, 1000, NS_PER_S }, 1000 },
	{ "999999 a second", { 999999, 10, NS_PER_S }, 1001 },
	{ "one a week", { 1, 2, 7 * DAY_NS }, 7 * DAY_NS },
	{ "a million a week", { 1000000, 7, 7 * DAY_NS }, 604800000 },
	{ "more than one a nanosecond", { 1000000, 3, 1000 }, 1 },
};

START_TEST(boundaries)
{
	const struct rate *rate = &rates[_i].rate;
	uint64_t bucket_ns = 0, each = rates[_i].each;

	/* A fresh bucket has the burst, exactly. */
	ck_assert_msg(drain(rate, &bucket_ns, START, rate->burst + 1) == rate->burst, "%s", rates[_i].name);
	ck_assert_msg(rate_allows_at(rate, bucket_ns, START) == START + each, "%s", rates[_i].name);
	ck_assert(!rate_allows(rate, bucket_ns, START));

	/* The next token comes at its time and not a nanosecond before, and is one. */
	if (each > 1)
		ck_assert(!rate_allows(rate, bucket_ns, START + each - 1));
	ck_assert_uint_eq(drain(rate, &bucket_ns, START + each, 10), 1);
	ck_assert_uint_eq(rate_allows_at(rate, bucket_ns, START + each), START + 2 * each);

	/* Two have gathered after two intervals, if the burst is not one. */
	ck_assert_uint_eq(drain(rate, &bucket_ns, START + 3 * each, 10), rate->burst > 1 ? 2 : 1);

	/* All of the burst, and no more, however long one waits. */
	ck_assert_uint_eq(drain(rate, &bucket_ns, START + 365 * DAY_NS, rate->burst + 1), rate->burst);
}
END_TEST

START_TEST(one_below_the_burst)
{
	const struct rate *rate = &rates[_i].rate;
	uint64_t bucket_ns = 0, each = rates[_i].each;

	for (unsigned i = 0; i + 1 < rate->burst; i++)
		bucket_ns = rate_pass(rate, bucket_ns, START);
	ck_assert(rate_allows(rate, bucket_ns, START));
	bucket_ns = rate_pass(rate, bucket_ns, START);
	ck_assert(!rate_allows(rate, bucket_ns, START));

	/* Full again one nanosecond too early: one is missing. */
	uint64_t full_ns = START + rate->burst * each, early = bucket_ns;

	if (each > 1)
		ck_assert_uint_eq(drain(rate, &early, full_ns - 1, rate->burst + 1), rate->burst - 1);
	ck_assert_uint_eq(drain(rate, &bucket_ns, full_ns, rate->burst + 1), rate->burst);
}
END_TEST

/* What products of two times are exact in: without 128 bits in the mantissa of an i386, whose 64 do for these rates. */
#ifdef __SIZEOF_INT128__
typedef unsigned __int128 exact_number;
#else
typedef long double exact_number;
#endif

/* Who asks all the time gets, over 10,000 tokens, never more than the rate and the burst, and
 * at least 999 in a thousand of it (where an interval is a microsecond or more). */
START_TEST(long_run)
{
	const struct rate *rate = &rates[_i].rate;
	uint64_t bucket_ns = 0, now_ns = START;
	exact_number passed = 0;

	for (unsigned i = 0; i < 10000; i++) {
		now_ns = rate_allows_at(rate, bucket_ns, now_ns);
		ck_assert(rate_allows(rate, bucket_ns, now_ns));
		bucket_ns = rate_pass(rate, bucket_ns, now_ns);
		passed++;

		exact_number due = (exact_number)(now_ns - START) * rate->count;

		ck_assert_msg((passed - rate->burst) * rate->per_ns <= due || passed <= rate->burst, "%s: %u",
			      rates[_i].name, i);
		if (rates[_i].each >= 1000)
			ck_assert_msg(passed * rate->per_ns * 1000 >= due * 998, "%s: %u", rates[_i].name, i);
	}
}
END_TEST

START_TEST(no_limit)
{
	const struct rate rate = { 0 };

	ck_assert(rate_allows(&rate, 0, 0));
	ck_assert(rate_allows(&rate, UINT64_MAX, 0));
	ck_assert_uint_eq(rate_allows_at(&rate, UINT64_MAX, 17), 17);
	ck_assert_uint_eq(rate_pass(&rate, 5, 17), 5);
	ck_assert_uint_eq(rate_clamp(&rate, 5, 17), 0);
}
END_TEST

START_TEST(clock_jumps)
{
	const struct rate rate = { .count = 2, .burst = 2, .per_ns = 2 * NS_PER_S };
	uint64_t bucket_ns = 0, hour_ns = 3600 * NS_PER_S, now_ns = START + 2 * hour_ns;

	ck_assert_uint_eq(drain(&rate, &bucket_ns, now_ns, 5), 2);
	/* Back by an hour: a longer wait, nothing worse. */
	ck_assert(!rate_allows(&rate, bucket_ns, now_ns - hour_ns));
	ck_assert_uint_eq(rate_allows_at(&rate, bucket_ns, now_ns - hour_ns), now_ns + NS_PER_S);
	/* What passes all the same takes from the same bucket. */
	ck_assert_uint_eq(rate_pass(&rate, bucket_ns, now_ns - hour_ns), bucket_ns + NS_PER_S);
	/* Forward by a year: the burst. */
	ck_assert_uint_eq(drain(&rate, &bucket_ns, now_ns + 365 * DAY_NS, 5), 2);
	/* At both ends of time. */
	bucket_ns = 0;
	ck_assert_uint_eq(drain(&rate, &bucket_ns, 0, 5), 2);
	bucket_ns = rate_pass(&rate, UINT64_MAX - 1, UINT64_MAX);
	ck_assert_uint_eq(bucket_ns, UINT64_MAX);
	ck_assert_uint_eq(rate_pass(&rate, bucket_ns, 0), UINT64_MAX);
}
END_TEST

/* The highest burst at the lowest rate: 19,000 years, which 64 bits of nanoseconds do not hold.
 * It counts as 146 years' worth of tokens, and is still a limit. */
START_TEST(immense)
{
	const struct rate rate = { .count = 1, .burst = 1000000, .per_ns = 7 * DAY_NS };
	uint64_t bucket_ns = 0;
	unsigned passed = drain(&rate, &bucket_ns, START, rate.burst + 1);

	ck_assert_uint_gt(passed, 7000);
	ck_assert_uint_lt(passed, 8000);
	ck_assert(!rate_allows(&rate, bucket_ns, START + 6 * DAY_NS));
	ck_assert_uint_eq(drain(&rate, &bucket_ns, START + 7 * DAY_NS, 5), 1);
	/* What 64 bits do hold is exact. */
	const struct rate large = { .count = 1000000, .burst = 1000000, .per_ns = 7 * DAY_NS };

	bucket_ns = 0;
	ck_assert_uint_eq(drain(&large, &bucket_ns, START, 1000001), 1000000);
}
END_TEST

START_TEST(clamp)
{
	const struct rate slow = { .count = 1, .burst = 1, .per_ns = 7 * DAY_NS };
	const struct rate fast = { .count = 50, .burst = 10, .per_ns = NS_PER_S };
	uint64_t bucket_ns = rate_pass(&slow, 0, START);

	/* After a reload from one a week to 50 a second nobody waits for a week. */
	ck_assert_uint_eq(rate_allows_at(&fast, bucket_ns, START), START + 7 * DAY_NS - 9 * 20 * NS_PER_MS);
	bucket_ns = rate_clamp(&fast, bucket_ns, START);
	ck_assert_uint_eq(rate_allows_at(&fast, bucket_ns, START), START + 20 * NS_PER_MS);
	/* A bucket of its own rate is never changed, not even an empty one. */
	bucket_ns = 0;
	ck_assert_uint_eq(rate_clamp(&fast, bucket_ns, START), 0);
	drain(&fast, &bucket_ns, START, 20);
	ck_assert_uint_eq(rate_clamp(&fast, bucket_ns, START), bucket_ns);
	ck_assert_uint_eq(rate_clamp(&fast, UINT64_MAX, UINT64_MAX - 5), UINT64_MAX);
}
END_TEST

/* A burst of 0 does not come out of a configuration; it is one of 1. */
START_TEST(no_burst)
{
	const struct rate rate = { .count = 1, .burst = 0, .per_ns = NS_PER_S };
	uint64_t bucket_ns = 0;

	ck_assert_uint_eq(drain(&rate, &bucket_ns, START, 5), 1);
}
END_TEST

/* Neither does a time of 0: no time passes between any two. */
START_TEST(no_time)
{
	const struct rate rate = { .count = 5, .burst = 3, .per_ns = 0 };
	uint64_t bucket_ns = 0;

	ck_assert_uint_eq(drain(&rate, &bucket_ns, START, 100), 100);
	ck_assert_uint_eq(bucket_ns, START);
	ck_assert_uint_eq(rate_clamp(&rate, START + 5, START), START);
}
END_TEST

/* Giving back leaves the bucket as it was, or as full as it can be told from that. */
START_TEST(returned)
{
	const struct rate rate = { .count = 10, .burst = 3, .per_ns = NS_PER_S };
	uint64_t bucket = 0, now = NS_PER_S;

	for (unsigned i = 0; i < 3; i++)
		bucket = rate_pass(&rate, bucket, now);
	ck_assert(!rate_allows(&rate, bucket, now));
	bucket = rate_return(&rate, bucket);
	ck_assert(rate_allows(&rate, bucket, now));
	bucket = rate_pass(&rate, bucket, now);
	ck_assert(!rate_allows(&rate, bucket, now));
	for (unsigned i = 0; i < 3; i++)
		bucket = rate_return(&rate, bucket);
	ck_assert_uint_le(bucket, now);
	ck_assert_uint_eq(rate_return(&rate, 5), 0);
	ck_assert_uint_eq(rate_return(&(struct rate){ .count = 0 }, 7), 7);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("rate");
	TCase *tests = tcase_create("rate");

	tcase_set_timeout(tests, 60); /* a million at a time, also under sanitizers */

	tcase_add_loop_test(tests, boundaries, 0, ELEMENTS(rates));
	tcase_add_loop_test(tests, one_below_the_burst, 0, ELEMENTS(rates));
	tcase_add_loop_test(tests, long_run, 0, ELEMENTS(rates));
	tcase_add_test(tests, returned);
	tcase_add_test(tests, no_limit);
	tcase_add_test(tests, clock_jumps);
	tcase_add_test(tests, immense);
	tcase_add_test(tests, clamp);
	tcase_add_test(tests, no_burst);
	tcase_add_test(tests, no_time);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
