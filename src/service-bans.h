/* service-bans.h - bans by hand, and those that limits led to: made, lifted, listed. */
#ifndef USHERD_SERVICE_BANS_H
#define USHERD_SERVICE_BANS_H

#include "bans.h"
#include "service-set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bans for `length_ns` (0: until it is lifted) and for all services; sessions that run go on.
 * Returns 0, -ENOSPC (BANS_MOST) or -ENOMEM. */
int service_set_ban(struct service_set *set, const struct access_rule *rule, uint64_t length_ns);

/* Lifts every ban of what is the same as `rule` or inside it, made by hand or by limits; NULL: all.
 * Returns how many, or -ENOMEM. */
int service_set_unban(struct service_set *set, const struct access_rule *rule);

/* One that holds. */
struct service_ban {
	struct access_rule rule;
	const char *service; /* NULL: all */
	uint64_t left_ns;    /* BANS_FOR_EVER: until it is lifted */
};

/* Tells bans from `*place` (0: the first) on and moves it; looks at a bounded number of entries each time.
 * `tell` returns whether it has room for another. Returns false behind the last one. */
bool service_set_each_ban(const struct service_set *set, uint64_t *place,
			  bool (*tell)(void *context, const struct service_ban *ban), void *context);

/* By hand, and by limits: see sources_banned(). */
size_t service_set_ban_count(const struct service_set *set);

#endif
