/* bans.h - addresses and networks that are banned by hand, for all services: few, each until a
 * time or until it is lifted. Looking one up is O(log n). Pure; the bans that limits lead to are kept
 * in sources.h. */
#ifndef USHERD_BANS_H
#define USHERD_BANS_H

#include "access.h"
#include "peer.h"

#include <stdbool.h>
#include <stdint.h>

#define BANS_MOST     4096
#define BANS_FOR_EVER UINT64_MAX

struct ban {
	struct access_rule rule; /* a network, or a uid, gid or CID */
	uint64_t until_ns;       /* monotonic, or BANS_FOR_EVER */
};

struct bans;

int bans_new(struct bans **ret_bans); /* 0 or -ENOMEM */
void bans_free(struct bans *bans);

/* One more, or another time for the same. Returns 0, -ENOMEM, or -ENOSPC when there are BANS_MOST; then
 * nothing has changed. */
int bans_add(struct bans *bans, const struct access_rule *rule, uint64_t until_ns);

/* Lifts those that are equal to `rule` or inside it; NULL: all. Returns how many; or -ENOMEM, and none is
 * lifted. */
int bans_lift(struct bans *bans, const struct access_rule *rule);

/* Lets go of those that are over. Until that is done they hold. Returns when to do it next, or BANS_FOR_EVER.
 */
uint64_t bans_expire(struct bans *bans, uint64_t now_ns);

/* The ban that holds for this peer, or NULL. */
const struct ban *bans_find(const struct bans *bans, const struct peer *peer);

size_t bans_count(const struct bans *bans);
const struct ban *bans_at(const struct bans *bans, size_t index);

/* Whether `inner` is the same as `outer` or inside it. ACCESS_ALL holds everything. */
bool bans_contains(const struct access_rule *outer, const struct access_rule *inner);

#endif
