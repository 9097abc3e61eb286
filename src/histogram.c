/* histogram.c - see histogram.h. */
#include "histogram.h"

#include "base.h"

#define US UINT64_C(1000)

const struct histogram_scale histogram_spawn = { {
	250 * US,
	500 * US,
	1 * NS_PER_MS,
	2500 * US,
	5 * NS_PER_MS,
	10 * NS_PER_MS,
	25 * NS_PER_MS,
	50 * NS_PER_MS,
	100 * NS_PER_MS,
	250 * NS_PER_MS,
	500 * NS_PER_MS,
	1 * NS_PER_S,
} };

const struct histogram_scale histogram_session = { {
	1 * NS_PER_MS,
	5 * NS_PER_MS,
	25 * NS_PER_MS,
	100 * NS_PER_MS,
	500 * NS_PER_MS,
	1 * NS_PER_S,
	5 * NS_PER_S,
	30 * NS_PER_S,
	60 * NS_PER_S,
	300 * NS_PER_S,
	900 * NS_PER_S,
	3600 * NS_PER_S,
} };

void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, uint64_t ns)
{
	size_t low = 0, high = HISTOGRAM_BOUNDS;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ns <= scale->bounds_ns[middle])
			high = middle;
		else
			low = middle + 1;
	}
	histogram->counts[low]++;
	histogram->sum_ns += ns;
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (size_t i = 0; i < ELEMENTS(histogram->counts); i++)
		count += histogram->counts[i];
	return count;
}
