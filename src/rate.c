/* rate.c - token buckets (GCRA). One passes each `interval`; a bucket that is
 * full again `tolerance` from now has one token left.
 *
 * The interval is rounded up, to whole nanoseconds: in the long run never more
 * than `count` pass in a time, and less by at most one in a thousand for the
 * highest rate there is (a million a second). Sums stop at the end of time
 * instead of beginning anew. */
#include "rate.h"

/* Bursts that take longer than this (146 years) to gather again count as one that takes this long:
 * so that a bucket, which is a time, always has room for what is taken from it. */
#define TOLERANCE_MOST (UINT64_C(1) << 62)

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t interval(const struct rate *rate)
{
	uint64_t whole = rate->per_ns / rate->count;

	return whole + (rate->per_ns % rate->count != 0);
}

static uint64_t tolerance(const struct rate *rate)
{
	uint64_t each = interval(rate), more = rate->burst > 0 ? rate->burst - 1 : 0;

	return each != 0 && more > TOLERANCE_MOST / each ? TOLERANCE_MOST : more * each;
}

bool rate_allows(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns)
{
	return rate_allows_at(rate, bucket_ns, now_ns) == now_ns;
}

uint64_t rate_allows_at(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns)
{
	if (rate->count == 0)
		return now_ns;

	uint64_t spare = tolerance(rate), at = bucket_ns > spare ? bucket_ns - spare : 0;

	return at > now_ns ? at : now_ns;
}

uint64_t rate_pass(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns)
{
	if (rate->count == 0)
		return bucket_ns;
	return add(bucket_ns > now_ns ? bucket_ns : now_ns, interval(rate));
}

uint64_t rate_return(const struct rate *rate, uint64_t bucket_ns)
{
	if (rate->count == 0)
		return bucket_ns;

	uint64_t each = interval(rate);

	return bucket_ns > each ? bucket_ns - each : 0;
}

uint64_t rate_clamp(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns)
{
	if (rate->count == 0)
		return 0;

	uint64_t empty_ns = add(now_ns, add(tolerance(rate), interval(rate)));

	return bucket_ns < empty_ns ? bucket_ns : empty_ns;
}
