/* service-bans.c - see service-bans.h. Bans by hand are the set's own (bans.h); the others stand
 * in the table of sources, one for each service that they concern. */
#include "service-bans.h"

#include "base.h"
#include "service.h"

#include <errno.h>
#include <string.h>

#define ENTRIES_A_TIME 1024

static void arm(struct service_set *set)
{
	uint64_t next_ns = bans_expire(set->bans, loop_now_ns(set->loop));

	if (next_ns == BANS_FOR_EVER)
		loop_disarm(set->loop, &set->bans_over);
	else
		(void)loop_arm(set->loop, &set->bans_over, next_ns); /* room is reserved */
}

void service_bans_over(struct loop_timer *timer)
{
	arm(container_of(timer, struct service_set, bans_over));
}

int service_set_ban(struct service_set *set, const struct access_rule *rule, uint64_t length_ns)
{
	uint64_t now_ns = loop_now_ns(set->loop);
	uint64_t until_ns =
		length_ns == 0 || length_ns >= BANS_FOR_EVER - now_ns ? BANS_FOR_EVER : now_ns + length_ns;
	int r = bans_add(set->bans, rule, until_ns);

	if (r == 0)
		arm(set);
	return r;
}

/* ---- bans by limits ---- */

static const struct service *service_of(const struct service_set *set, uint32_t id)
{
	for (size_t i = 0; i < set->service_count; i++)
		if (set->services[i]->gate.id == id)
			return set->services[i];
	return NULL;
}

/* The network that an entry stands for, as its service counts sources. */
static bool rule_of(const struct gate_limits *limits, const struct source *source,
		    struct access_rule *ret_rule)
{
	struct access_rule rule = { .kind = ACCESS_ALL };

	if (source->key.family == PEER_IPV4) {
		rule.kind = ACCESS_IPV4;
		rule.bits = (uint8_t)limits->source_prefix.ipv4;
	} else if (source->key.family == PEER_IPV6) {
		rule.kind = ACCESS_IPV6;
		rule.bits = (uint8_t)limits->source_prefix.ipv6;
	} else {
		return false; /* never banned by limits */
	}
	memcpy(rule.ip, source->key.bytes, sizeof(rule.ip));
	*ret_rule = rule;
	return true;
}

struct lifting {
	struct service_set *set;
	const struct access_rule *rule;
	int count;
};

static void lift(void *context, struct source *source)
{
	struct lifting *lifting = context;
	struct access_rule rule;

	if (source->banned_ns <= loop_now_ns(lifting->set->loop))
		return;

	const struct service *service = service_of(lifting->set, source->service);

	if (service == NULL || !rule_of(service->gate.limits, source, &rule) ||
	    (lifting->rule != NULL && !bans_contains(lifting->rule, &rule) &&
	     !bans_contains(&rule, lifting->rule)))
		return;
	source_forgive(lifting->set->gate.sources, source);
	lifting->count++;
}

int service_set_unban(struct service_set *set, const struct access_rule *rule)
{
	struct lifting lifting = { .set = set, .rule = rule };
	uint32_t place = 0;
	int count = bans_lift(set->bans, rule);

	if (count < 0)
		return count;
	sources_each(set->gate.sources, &place, SIZE_MAX, lift, &lifting);
	arm(set);
	return count + lifting.count;
}

/* ---- listing ---- */

struct listing {
	const struct service_set *set;
	bool (*tell)(void *context, const struct service_ban *ban);
	void *context;
	bool full;
};

static void list(void *context, struct source *source)
{
	struct listing *listing = context;
	uint64_t now_ns = loop_now_ns(listing->set->loop);
	struct service_ban ban = { .service = NULL };

	if (source->banned_ns <= now_ns)
		return;

	const struct service *service = service_of(listing->set, source->service);

	if (service == NULL || !rule_of(service->gate.limits, source, &ban.rule))
		return;
	ban.service = service->settings->name;
	ban.left_ns = source->banned_ns - now_ns;
	listing->full = !listing->tell(listing->context, &ban);
}

/* Those by hand come first. */
static bool list_by_hand(struct listing *listing, uint64_t *place)
{
	const struct service_set *set = listing->set;
	uint64_t now_ns = loop_now_ns(set->loop);

	for (; *place < bans_count(set->bans) && !listing->full; (*place)++) {
		const struct ban *by_hand = bans_at(set->bans, *place);
		struct service_ban ban = {
			.rule = by_hand->rule,
			.left_ns = by_hand->until_ns == BANS_FOR_EVER ? BANS_FOR_EVER :
				   by_hand->until_ns > now_ns         ? by_hand->until_ns - now_ns :
									0,
		};

		listing->full = !listing->tell(listing->context, &ban);
	}
	return *place < bans_count(set->bans);
}

bool service_set_each_ban(const struct service_set *set, uint64_t *place,
			  bool (*tell)(void *context, const struct service_ban *ban), void *context)
{
	struct listing listing = { .set = set, .tell = tell, .context = context };
	uint32_t entry;
	bool more = true;

	if (*place < BANS_MOST) {
		if (list_by_hand(&listing, place))
			return true;
		*place = BANS_MOST; /* the entries are counted from here */
	}
	entry = (uint32_t)(*place - BANS_MOST);
	for (size_t i = 0; i < ENTRIES_A_TIME && more && !listing.full; i++)
		more = sources_each(set->gate.sources, &entry, 1, list, &listing);
	*place = BANS_MOST + entry;
	return more;
}

size_t service_set_ban_count(const struct service_set *set)
{
	return bans_count(set->bans) + sources_banned(set->gate.sources, loop_now_ns(set->loop));
}
