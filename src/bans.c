/* bans.c - see bans.h. The list is compiled anew with each change (access.h); the
 * number of a ban goes as the line of its rule. */
#include "bans.h"

#include "base.h"

#include <errno.h>
#include <string.h>

struct bans {
	struct ban *items;
	size_t count;
	struct access *access; /* NULL: none is banned */
};

int bans_new(struct bans **ret_bans)
{
	struct bans *bans = calloc(1, sizeof(*bans));

	if (bans == NULL)
		return -ENOMEM;
	*ret_bans = bans;
	return 0;
}

void bans_free(struct bans *bans)
{
	if (bans == NULL)
		return;
	access_free(bans->access);
	free(bans->items);
	free(bans);
}

static int compile(const struct ban *items, size_t count, struct access **ret_access)
{
	_cleanup_free_ struct access_rule *rules = NULL;

	*ret_access = NULL;
	if (count == 0)
		return 0;
	rules = calloc(count, sizeof(*rules));
	if (rules == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		rules[i] = items[i].rule;
		rules[i].deny = true;
		rules[i].line = (uint32_t)i;
	}
	return access_compile(rules, count, ret_access);
}

/* Puts a list in the place of the one before; takes `items` when it succeeds. */
static int replace(struct bans *bans, struct ban *items, size_t count)
{
	struct access *access;
	int r = compile(items, count, &access);

	if (r < 0)
		return r;
	access_free(bans->access);
	free(bans->items);
	bans->access = access;
	bans->items = items;
	bans->count = count;
	return 0;
}

bool bans_contains(const struct access_rule *outer, const struct access_rule *inner)
{
	unsigned whole = outer->bits / 8, rest = outer->bits % 8;

	if (outer->kind == ACCESS_ALL)
		return true;
	if (outer->kind != inner->kind)
		return false;
	if (outer->kind != ACCESS_IPV4 && outer->kind != ACCESS_IPV6)
		return outer->id == inner->id;
	if (inner->bits < outer->bits || memcmp(outer->ip, inner->ip, whole) != 0)
		return false;
	return rest == 0 || (outer->ip[whole] ^ inner->ip[whole]) >> (8 - rest) == 0;
}

static bool is_same(const struct access_rule *a, const struct access_rule *b)
{
	return bans_contains(a, b) && bans_contains(b, a);
}

int bans_add(struct bans *bans, const struct access_rule *rule, uint64_t until_ns)
{
	for (size_t i = 0; i < bans->count; i++)
		if (is_same(&bans->items[i].rule, rule)) {
			bans->items[i].until_ns = until_ns;
			return 0;
		}
	if (bans->count >= BANS_MOST)
		return -ENOSPC;

	struct ban *items = calloc(bans->count + 1, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	if (bans->count > 0)
		memcpy(items, bans->items, bans->count * sizeof(*items));
	items[bans->count] = (struct ban){ .rule = *rule, .until_ns = until_ns };

	int r = replace(bans, items, bans->count + 1);

	if (r < 0)
		free(items);
	return r;
}

/* Keeps those for which `goes` is false. Returns how many went, or -ENOMEM. */
static int sift(struct bans *bans, bool (*goes)(const struct ban *ban, const void *context),
		const void *context)
{
	struct ban *items = calloc(bans->count + 1, sizeof(*items));
	size_t kept = 0, before = bans->count;

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < bans->count; i++)
		if (!goes(&bans->items[i], context))
			items[kept++] = bans->items[i];

	int r = kept == before ? -EALREADY : replace(bans, items, kept);

	if (r < 0)
		free(items);
	return r == -EALREADY ? 0 : r < 0 ? r : (int)(before - kept);
}

static bool is_inside(const struct ban *ban, const void *context)
{
	return context == NULL || bans_contains(context, &ban->rule);
}

int bans_lift(struct bans *bans, const struct access_rule *rule)
{
	return sift(bans, is_inside, rule);
}

static bool is_over(const struct ban *ban, const void *context)
{
	return ban->until_ns <= *(const uint64_t *)context;
}

uint64_t bans_expire(struct bans *bans, uint64_t now_ns)
{
	uint64_t next_ns = BANS_FOR_EVER;

	/* Without memory they hold a little longer: until the next try. */
	if (sift(bans, is_over, &now_ns) < 0)
		return now_ns + NS_PER_S;
	for (size_t i = 0; i < bans->count; i++)
		if (bans->items[i].until_ns < next_ns)
			next_ns = bans->items[i].until_ns;
	return next_ns;
}

const struct ban *bans_find(const struct bans *bans, const struct peer *peer)
{
	const struct access_rule *rule = NULL;

	/* All rules deny: who meets one is banned. */
	if (bans->access != NULL)
		(void)access_allows(bans->access, peer, NULL, 0, &rule);
	return rule != NULL ? &bans->items[rule->line] : NULL;
}

size_t bans_count(const struct bans *bans)
{
	return bans->count;
}

const struct ban *bans_at(const struct bans *bans, size_t index)
{
	return &bans->items[index];
}
