/* throttle.c - growing pauses: from a first one, doubled up to a longest one,
 * forgotten at the first success. Nothing is ever switched off. */
#include "throttle.h"

#include "base.h"

const struct throttle_rule throttle_accept = { 10 * NS_PER_MS, 500 * NS_PER_MS };
const struct throttle_rule throttle_spawn = { 100 * NS_PER_MS, 5 * NS_PER_S };
const struct throttle_rule throttle_failures = { 100 * NS_PER_MS, NS_PER_S };
const struct throttle_rule throttle_wait = { 50 * NS_PER_MS, 60 * NS_PER_S };
const struct throttle_rule throttle_wait_doubt = { 50 * NS_PER_MS, NS_PER_S };

uint64_t throttle_fail(struct throttle *throttle, const struct throttle_rule *rule)
{
	uint64_t pause_ns = throttle->pause_ns * 2;

	if (pause_ns < rule->first_ns)
		pause_ns = rule->first_ns;
	if (pause_ns > rule->most_ns)
		pause_ns = rule->most_ns;
	throttle->pause_ns = pause_ns;
	return pause_ns;
}

void throttle_succeed(struct throttle *throttle)
{
	throttle->pause_ns = 0;
}
