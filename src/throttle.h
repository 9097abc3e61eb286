/* throttle.h - how long to leave a listener alone after trouble. A pause is
 * always the same thing: it is not polled until a time on the monotonic clock.
 * Pure values; the caller arms the timer. */
#ifndef USHERD_THROTTLE_H
#define USHERD_THROTTLE_H

#include <stdint.h>

struct throttle {
	uint64_t pause_ns; /* the last pause; 0: healthy */
};

/* The bounds of the growing pause for one kind of trouble. */
struct throttle_rule {
	uint64_t first_ns, most_ns;
};

extern const struct throttle_rule throttle_accept; /* accept(2) has no resources: 10 ms to 500 ms */
extern const struct throttle_rule throttle_spawn;  /* the program cannot be started: 100 ms to 5 s */
extern const struct throttle_rule throttle_failures; /* it ends at once, and badly: 100 ms to 1 s */
extern const struct throttle_rule throttle_wait;   /* a wait program took nothing: 50 ms to 60 s */
extern const struct throttle_rule throttle_wait_doubt; /* it seems so: 50 ms to 1 s */

/* Another failure: the pause to make now, twice the last one within the rule. */
uint64_t throttle_fail(struct throttle *throttle, const struct throttle_rule *rule);

/* It worked: healthy again. */
void throttle_succeed(struct throttle *throttle);

#endif
