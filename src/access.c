/* access.c - rules compiled for the look-up. The networks of a family nest or
 * are apart, never anything between: so they flatten into intervals, each with
 * the rule of the narrowest network around it, and a peer is found by bisection
 * however many rules there are. Users, groups and CIDs stand in sorted arrays.
 *
 * Owns a copy of the rules, so that the one that decides can be named. Never
 * looks anything up, and takes no memory after it was compiled. */
#include "access.h"

#include "base.h"

#include <errno.h>
#include <string.h>

#define NO_RULE   UINT32_MAX
#define DEPTH_MAX 129 /* of networks in each other: one for each length of a prefix */

/* An address as a number; IPv4 in the upper 32 bits of `high`. */
struct key {
	uint64_t high, low;
};

/* Interval i is from starts[i] to just before starts[i + 1]; the first one starts at 0. */
struct networks {
	struct key *starts;
	uint32_t *deciders; /* indices of rules, or NO_RULE */
	size_t count;
};

struct id {
	uint32_t id, rule;
};

struct ids {
	struct id *items; /* by id, each once */
	size_t count;
};

struct access {
	struct access_rule *rules;
	size_t count;
	struct networks ipv4, ipv6;
	struct ids uids, gids, cids;
	uint32_t all; /* a rule, or NO_RULE */
	struct access_summary summary;
};

/* ---- addresses as numbers ---- */

static uint64_t take_64(const uint8_t *bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < 8; i++)
		number = number << 8 | bytes[i];
	return number;
}

static struct key key_of(const uint8_t ip[static 16], bool is_ipv4)
{
	if (is_ipv4)
		return (struct key){ .high = (uint64_t)ip[0] << 56 | (uint64_t)ip[1] << 48 |
					     (uint64_t)ip[2] << 40 | (uint64_t)ip[3] << 32 };
	return (struct key){ .high = take_64(ip), .low = take_64(ip + 8) };
}

static int compare_keys(struct key a, struct key b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

/* The first address behind a network; 0 behind the last one. For IPv4 this counts in `high`
 * too: the length of its prefix is at most 32. */
static struct key key_behind(struct key start, unsigned bits)
{
	if (bits == 0)
		return (struct key){ 0 };
	if (bits <= 64)
		return (struct key){ .high = start.high + (UINT64_C(1) << (64 - bits)) };

	uint64_t low = start.low + (UINT64_C(1) << (128 - bits));

	return (struct key){ .high = start.high + (low == 0), .low = low };
}

/* ---- networks ---- */

struct network {
	struct key start;
	unsigned bits;
	bool deny;
	uint32_t rule;
};

/* The wider before the narrower one; of the same, the one that decides first. */
static int compare_networks(const void *a, const void *b)
{
	const struct network *left = a, *right = b;
	int order = compare_keys(left->start, right->start);

	if (order != 0)
		return order;
	if (left->bits != right->bits)
		return left->bits < right->bits ? -1 : 1;
	if (left->deny != right->deny)
		return left->deny ? -1 : 1;
	return (left->rule > right->rule) - (left->rule < right->rule);
}

/* The networks around the place that is reached. */
struct nest {
	const struct network *items[DEPTH_MAX];
	size_t depth;
};

static void begin_interval(struct networks *networks, struct key start, const struct nest *nest)
{
	uint32_t rule = nest->depth > 0 ? nest->items[nest->depth - 1]->rule : NO_RULE;

	/* One that would be empty makes room. */
	if (networks->count > 0 && compare_keys(networks->starts[networks->count - 1], start) == 0)
		networks->count--;
	networks->starts[networks->count] = start;
	networks->deciders[networks->count] = rule;
	networks->count++;
}

/* Leaves the networks that end before `next`, or at the end (NULL) all. */
static void leave(struct networks *networks, struct nest *nest, const struct key *next)
{
	while (nest->depth > 0) {
		const struct network *inner = nest->items[nest->depth - 1];
		struct key behind = key_behind(inner->start, inner->bits);
		bool is_last = behind.high == 0 && behind.low == 0;

		if (next != NULL && (is_last || compare_keys(*next, behind) < 0))
			return;
		nest->depth--;
		if (!is_last)
			begin_interval(networks, behind, nest);
	}
}

static void flatten(const struct network *sorted, size_t count, struct networks *networks)
{
	struct nest nest = { .depth = 0 };

	begin_interval(networks, (struct key){ 0 }, &nest);
	for (size_t i = 0; i < count; i++) {
		const struct network *before = i > 0 ? &sorted[i - 1] : NULL;

		if (before != NULL && before->bits == sorted[i].bits &&
		    compare_keys(before->start, sorted[i].start) == 0)
			continue;
		leave(networks, &nest, &sorted[i].start);
		if (nest.depth == DEPTH_MAX)
			BUG("networks that neither nest nor are apart");
		nest.items[nest.depth++] = &sorted[i];
		begin_interval(networks, sorted[i].start, &nest);
	}
	leave(networks, &nest, NULL);
}

static int compile_networks(const struct access *access, enum access_kind kind, struct networks *networks)
{
	_cleanup_free_ struct network *sorted = calloc(access->count + 1, sizeof(*sorted));
	size_t count = 0;

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < access->count; i++) {
		const struct access_rule *rule = &access->rules[i];

		if (rule->kind == kind)
			sorted[count++] = (struct network){ .start = key_of(rule->ip, kind == ACCESS_IPV4),
							    .bits = rule->bits,
							    .deny = rule->deny,
							    .rule = (uint32_t)i };
	}
	if (count == 0)
		return 0;
	qsort(sorted, count, sizeof(*sorted), compare_networks);

	/* Each network has two ends. */
	networks->starts = calloc(2 * count + 1, sizeof(*networks->starts));
	networks->deciders = calloc(2 * count + 1, sizeof(*networks->deciders));
	if (networks->starts == NULL || networks->deciders == NULL)
		return -ENOMEM;
	flatten(sorted, count, networks);
	return 0;
}

static uint32_t find_network(const struct networks *networks, struct key key)
{
	size_t low = 0, high = networks->count;

	if (networks->count == 0)
		return NO_RULE;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (compare_keys(networks->starts[middle], key) <= 0)
			low = middle;
		else
			high = middle;
	}
	return networks->deciders[low];
}

/* ---- numbers ---- */

static int compare_ids(const void *a, const void *b)
{
	const struct id *left = a, *right = b;

	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return (left->rule > right->rule) - (left->rule < right->rule);
}

/* Keeps of each number one rule: the first that denies, else the first. */
static void drop_doubles(const struct access *access, struct ids *ids)
{
	size_t kept = 0;

	for (size_t i = 0; i < ids->count; i++) {
		if (kept == 0 || ids->items[kept - 1].id != ids->items[i].id)
			ids->items[kept++] = ids->items[i];
		else if (access->rules[ids->items[i].rule].deny &&
			 !access->rules[ids->items[kept - 1].rule].deny)
			ids->items[kept - 1] = ids->items[i];
	}
	ids->count = kept;
}

static int compile_ids(const struct access *access, enum access_kind kind, struct ids *ids)
{
	size_t count = 0;

	for (size_t i = 0; i < access->count; i++)
		count += access->rules[i].kind == kind;
	if (count == 0)
		return 0;
	ids->items = calloc(count, sizeof(*ids->items));
	if (ids->items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < access->count; i++)
		if (access->rules[i].kind == kind)
			ids->items[ids->count++] =
				(struct id){ .id = access->rules[i].id, .rule = (uint32_t)i };
	qsort(ids->items, ids->count, sizeof(*ids->items), compare_ids);
	drop_doubles(access, ids);
	return 0;
}

static uint32_t find_id(const struct ids *ids, uint32_t id)
{
	size_t low = 0, high = ids->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ids->items[middle].id == id)
			return ids->items[middle].rule;
		if (ids->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NO_RULE;
}

/* ---- the whole ---- */

static void summarise(const struct access_rule *rule, struct access_summary *summary)
{
	enum access_kind kind = rule->kind;
	bool is_ip = kind == ACCESS_IPV4 || kind == ACCESS_IPV6;

	if (rule->deny) {
		summary->denies = true;
		summary->denies_all |= kind == ACCESS_ALL;
		summary->denies_ipv4 |= kind == ACCESS_IPV4;
		summary->denies_ipv6 |= kind == ACCESS_IPV6;
		summary->denies_ids |= kind == ACCESS_UID || kind == ACCESS_GID;
		return;
	}
	summary->allows = true;
	summary->allows_all |= kind == ACCESS_ALL;
	summary->allows_ip |= is_ip;
	summary->allows_ids |= kind == ACCESS_UID || kind == ACCESS_GID;
	summary->allows_cid |= kind == ACCESS_CID;
}

static int compile(struct access *access)
{
	int r;

	for (size_t i = 0; i < access->count; i++) {
		const struct access_rule *rule = &access->rules[i];

		summarise(rule, &access->summary);
		if (rule->kind == ACCESS_ALL &&
		    (access->all == NO_RULE || (rule->deny && !access->rules[access->all].deny)))
			access->all = (uint32_t)i;
	}
	r = compile_networks(access, ACCESS_IPV4, &access->ipv4);
	if (r == 0)
		r = compile_networks(access, ACCESS_IPV6, &access->ipv6);
	if (r == 0)
		r = compile_ids(access, ACCESS_UID, &access->uids);
	if (r == 0)
		r = compile_ids(access, ACCESS_GID, &access->gids);
	if (r == 0)
		r = compile_ids(access, ACCESS_CID, &access->cids);
	return r;
}

int access_compile(const struct access_rule *rules, size_t count, struct access **ret_access)
{
	struct access *access = count < NO_RULE ? calloc(1, sizeof(*access)) : NULL;

	if (access == NULL)
		return -ENOMEM;
	access->all = NO_RULE;
	access->count = count;
	access->rules = calloc(count + 1, sizeof(*rules));

	if (access->rules != NULL && count > 0)
		memcpy(access->rules, rules, count * sizeof(*rules));
	if (access->rules == NULL || compile(access) < 0) {
		access_free(access);
		return -ENOMEM;
	}
	*ret_access = access;
	return 0;
}

void access_free(struct access *access)
{
	if (access == NULL)
		return;
	free(access->rules);
	free(access->ipv4.starts);
	free(access->ipv4.deciders);
	free(access->ipv6.starts);
	free(access->ipv6.deciders);
	free(access->uids.items);
	free(access->gids.items);
	free(access->cids.items);
	free(access);
}

/* All groups of a peer count alike: one that is denied decides. */
static uint32_t find_groups(const struct access *access, gid_t gid, const gid_t *groups, size_t group_count)
{
	uint32_t found = find_id(&access->gids, gid);

	for (size_t i = 0; i < group_count && (found == NO_RULE || !access->rules[found].deny); i++) {
		uint32_t rule = find_id(&access->gids, groups[i]);

		if (rule != NO_RULE && (found == NO_RULE || access->rules[rule].deny))
			found = rule;
	}
	return found;
}

static uint32_t find_rule(const struct access *access, const struct peer *peer, const gid_t *groups,
			  size_t group_count)
{
	uint32_t rule = NO_RULE;

	if (peer->family == PEER_IPV4) {
		rule = find_network(&access->ipv4, key_of(peer->ip, true));
	} else if (peer->family == PEER_IPV6) {
		rule = find_network(&access->ipv6, key_of(peer->ip, false));
	} else if (peer->family == PEER_UNIX) {
		rule = find_id(&access->uids, peer->unix_peer.uid);
		if (rule == NO_RULE && access->gids.count > 0)
			rule = find_groups(access, peer->unix_peer.gid, groups, group_count);
	} else if (peer->family == PEER_VSOCK) {
		rule = find_id(&access->cids, peer->vsock.cid);
	}
	return rule != NO_RULE ? rule : access->all;
}

bool access_allows(const struct access *access, const struct peer *peer, const gid_t *groups,
		   size_t group_count, const struct access_rule **ret_rule)
{
	uint32_t rule = find_rule(access, peer, groups, group_count);

	if (ret_rule != NULL)
		*ret_rule = rule != NO_RULE ? &access->rules[rule] : NULL;
	return rule != NO_RULE ? !access->rules[rule].deny : !access->summary.allows;
}

bool access_asks_groups(const struct access *access)
{
	return access->gids.count > 0;
}

struct access_summary access_summarise(const struct access *access)
{
	return access->summary;
}
