/* histogram.h - how often a time was how long: counts under fixed bounds, as Prometheus
 * has them. Pure values, O(log bounds). */
#ifndef USHERD_HISTOGRAM_H
#define USHERD_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 12

/* The upper bounds of a kind of time, rising. What is above the last is counted beyond them. */
struct histogram_scale {
	uint64_t bounds_ns[HISTOGRAM_BOUNDS];
};

extern const struct histogram_scale histogram_spawn;   /* 250 us to 1 s */
extern const struct histogram_scale histogram_session; /* 1 ms to 1 h */

struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* each under its own bound only, not cumulative */
	uint64_t sum_ns;
};

void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, uint64_t ns);
uint64_t histogram_count(const struct histogram *histogram); /* of all */

#endif
