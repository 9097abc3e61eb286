/* rate.h - so many in a time, with a burst: token buckets in their smallest form
 * (GCRA, the generic cell rate algorithm; ITU-T I.371). A bucket is one
 * time: when it will be full again. A fresh bucket, full, is 0. Pure; times are
 * of the monotonic clock, and one that goes back is only a longer wait. */
#ifndef USHERD_RATE_H
#define USHERD_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint32_t count; /* 0: no limit */
	uint32_t burst; /* at once; at least 1 when there is a limit */
	uint64_t per_ns;
};

/* Whether one more may pass now. */
bool rate_allows(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns);

/* When one more may pass: `now_ns` if that is now. */
uint64_t rate_allows_at(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns);

/* One passes: the bucket afterwards. Whether it may is not asked. */
uint64_t rate_pass(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns);

/* One that passed did not come to anything: the bucket as if it had not. */
uint64_t rate_return(const struct rate *rate, uint64_t bucket_ns);

/* The bucket, but no emptier than empty: one that was filled by another rate (before a reload)
 * may be full only years from now. */
uint64_t rate_clamp(const struct rate *rate, uint64_t bucket_ns, uint64_t now_ns);

#endif
