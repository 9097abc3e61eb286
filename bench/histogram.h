/* histogram.h - a log-linear histogram of nanoseconds: 64 steps to each power of
 * two, so a quantile is right within 1.6 %, whatever its size; the maximum is exact. */
#ifndef USHERD_BENCH_HISTOGRAM_H
#define USHERD_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_BITS = 6,
	HISTOGRAM_STEPS = 1 << HISTOGRAM_BITS,
	HISTOGRAM_SIZE = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS
};

struct histogram {
	uint64_t counts[HISTOGRAM_SIZE];
	uint64_t total, max;
};

static inline unsigned histogram_index(uint64_t value)
{
	unsigned shift;

	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
	return ((shift + 1) << HISTOGRAM_BITS) + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
}

/* The largest value that falls into the step. */
static inline uint64_t histogram_upper(unsigned index)
{
	unsigned shift = index >> HISTOGRAM_BITS;

	if (shift == 0)
		return index;
	shift--;
	return ((((uint64_t)(index & (HISTOGRAM_STEPS - 1)) + HISTOGRAM_STEPS) + 1) << shift) - 1;
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->counts[histogram_index(value)]++;
	histogram->total++;
	if (value > histogram->max)
		histogram->max = value;
}

/* The value that the share `quantile` (0 to 1) of all values does not exceed; 0 when there is none. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
	uint64_t wanted = (uint64_t)(quantile * (double)histogram->total), seen = 0;

	if (histogram->total == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_SIZE; i++) {
		seen += histogram->counts[i];
		if (seen > wanted || seen == histogram->total)
			return histogram_upper(i) < histogram->max ? histogram_upper(i) : histogram->max;
	}
	return histogram->max;
}

#endif
