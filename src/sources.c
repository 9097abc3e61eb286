/* sources.c - the table of sources: two hash tables of fixed size, IPv6 and all
 * others, each with lists by last use to find who makes room.
 *
 * Entries are numbered from 1, so that memory that was never touched (calloc
 * takes it from the kernel page by page) is already empty chains and lists. What
 * has a session is on no list; all others are on two, that of the table and that
 * of their neighbourhood, each once for those that are banned and once for the rest.
 * Since a share is an eighth of the table, at most 7 neighbourhoods have more
 * than theirs: these are noted, and nothing is ever searched for. */
#include "sources.h"

#include "base.h"

#include <errno.h>
#include <string.h>

#define GROUPS         4096
#define SHARES         8                   /* of a table */
#define CAPACITY_MOST  (UINT32_C(1) << 30) /* a handle is an index and one bit */
#define BANS_LOOKED_AT 2 /* more than the one entry that a client makes: the list is overtaken */

enum { TABLE_IPV6, TABLE_OTHERS, TABLES };
enum { LIST_NONE, LIST_IDLE, LIST_BANNED, LISTS };
enum { LINK_ALL, LINK_GROUP };

struct list {
	uint32_t oldest, newest;
	uint32_t length;
};

struct group {
	struct list lists[LISTS];
	uint32_t count; /* with those that are on no list */
};

struct table {
	struct source *entries; /* [0] is nobody */
	uint32_t *buckets;
	unsigned bucket_bits;
	uint32_t capacity, used;
	uint32_t share;
	struct list lists[LISTS];
	struct group groups[GROUPS];
	uint16_t greedy[SHARES]; /* groups with more than their share */
	unsigned greedy_count;
};

struct sources {
	uint64_t seed[4];
	struct table tables[TABLES];
};

/* ---- hash ---- */

struct wide {
	uint64_t high, low;
};

static struct wide multiply(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;

	return (struct wide){ .high = (uint64_t)(product >> 64), .low = (uint64_t)product };
#else
	/* As on paper, with halves for digits. */
	uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX);
	uint64_t middle = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
	uint64_t other = (a & UINT32_MAX) * (b >> 32) + (middle & UINT32_MAX);

	return (struct wide){ .high = (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32),
			      .low = other << 32 | (low & UINT32_MAX) };
#endif
}

static struct wide sum_of(struct wide a, struct wide b)
{
	uint64_t low = a.low + b.low;

	return (struct wide){ .high = a.high + b.high + (low < a.low), .low = low };
}

/* Both halves: the upper one alone hardly depends on the low bits of what was multiplied, nor
 * the lower one on the high bits. */
static uint64_t fold(struct wide product)
{
	return product.high ^ product.low;
}

/* Pairs of words are multiplied, each offset by a secret one: who does not know the secret
 * cannot tell which sources meet. */
static uint64_t hash(const struct sources *sources, uint32_t service, const struct peer_key *key)
{
	const uint64_t *seed = sources->seed;
	uint64_t words[3] = { (uint64_t)key->family << 32 | service };

	memcpy(&words[1], key->bytes, sizeof(key->bytes));

	uint64_t sum = fold(sum_of(multiply(words[0] + seed[0], words[1] + seed[1]),
				   multiply(words[2] + seed[2], seed[3])));

	return fold(multiply(sum + seed[1], seed[3] | 1));
}

static uint32_t *bucket_of(const struct sources *sources, const struct table *table, uint32_t service,
			   const struct peer_key *key)
{
	return &table->buckets[hash(sources, service, key) >> (64 - table->bucket_bits)];
}

/* The neighbourhood: the same for all services, so that many services are no way to many shares. */
static uint16_t group_of(const struct sources *sources, const struct peer_key *key)
{
	struct peer_key first = *key;

	if (key->family == PEER_IPV6)
		memset(first.bytes + 4, 0, sizeof(first.bytes) - 4);
	else if (key->family == PEER_IPV4)
		memset(first.bytes + 2, 0, sizeof(first.bytes) - 2);
	return (uint16_t)(hash(sources, 0, &first) % GROUPS);
}

static struct table *table_of(struct sources *sources, const struct peer_key *key)
{
	return &sources->tables[key->family == PEER_IPV6 ? TABLE_IPV6 : TABLE_OTHERS];
}

/* ---- lists ---- */

static void push_newest(struct table *table, struct list *list, unsigned link, uint32_t index)
{
	struct source *entries = table->entries;

	entries[index].links[link].older = list->newest;
	entries[index].links[link].newer = 0;
	if (list->newest != 0)
		entries[list->newest].links[link].newer = index;
	else
		list->oldest = index;
	list->newest = index;
	list->length++;
}

static void take_out(struct table *table, struct list *list, unsigned link, uint32_t index)
{
	struct source *entries = table->entries;
	uint32_t older = entries[index].links[link].older, newer = entries[index].links[link].newer;

	if (older != 0)
		entries[older].links[link].newer = newer;
	else
		list->oldest = newer;
	if (newer != 0)
		entries[newer].links[link].older = older;
	else
		list->newest = older;
	list->length--;
}

/* Puts the entry at the young end of its lists of that kind, wherever it was before. */
static void move_to(struct table *table, uint32_t index, uint8_t list)
{
	struct source *entry = &table->entries[index];
	struct group *group = &table->groups[entry->group];

	if (entry->list != LIST_NONE) {
		take_out(table, &table->lists[entry->list], LINK_ALL, index);
		take_out(table, &group->lists[entry->list], LINK_GROUP, index);
	}
	entry->list = list;
	if (list != LIST_NONE) {
		push_newest(table, &table->lists[list], LINK_ALL, index);
		push_newest(table, &group->lists[list], LINK_GROUP, index);
	}
}

/* ---- shares ---- */

static void note_greedy(struct table *table)
{
	table->greedy_count = 0;
	for (unsigned i = 0; i < GROUPS; i++)
		if (table->groups[i].count > table->share)
			table->greedy[table->greedy_count++] = (uint16_t)i;
}

static void join_group(struct table *table, uint16_t group)
{
	if (table->groups[group].count++ == table->share)
		table->greedy[table->greedy_count++] = group;
}

static void leave_group(struct table *table, uint16_t group)
{
	if (--table->groups[group].count != table->share)
		return;

	unsigned kept = 0;

	for (unsigned i = 0; i < table->greedy_count; i++)
		if (table->greedy[i] != group)
			table->greedy[kept++] = table->greedy[i];
	table->greedy_count = kept;
}

static uint32_t oldest_of(const struct list lists[static LISTS])
{
	return lists[LIST_IDLE].oldest != 0 ? lists[LIST_IDLE].oldest : lists[LIST_BANNED].oldest;
}

/* Who makes room for one more of that group; 0: nobody can. */
static uint32_t victim_for(const struct table *table, uint16_t group)
{
	uint32_t index;

	if (table->groups[group].count >= table->share) {
		index = oldest_of(table->groups[group].lists);
		if (index != 0)
			return index;
	}
	for (unsigned list = LIST_IDLE; list < LISTS; list++)
		for (unsigned i = 0; i < table->greedy_count; i++) {
			index = table->groups[table->greedy[i]].lists[list].oldest;
			if (index != 0)
				return index;
		}
	return oldest_of(table->lists);
}

/* ---- entries ---- */

static struct source *find_in(struct table *table, uint32_t first, uint32_t service,
			      const struct peer_key *key)
{
	for (uint32_t index = first; index != 0; index = table->entries[index].next) {
		struct source *entry = &table->entries[index];

		if (entry->service == service && entry->key.family == key->family &&
		    memcmp(entry->key.bytes, key->bytes, sizeof(key->bytes)) == 0)
			return entry;
	}
	return NULL;
}

static void forget(struct sources *sources, struct table *table, uint32_t index)
{
	struct source *entry = &table->entries[index];
	uint32_t *at = bucket_of(sources, table, entry->service, &entry->key);

	while (*at != index)
		at = &table->entries[*at].next;
	*at = entry->next;
	move_to(table, index, LIST_NONE);
	leave_group(table, entry->group);
}

struct source *source_find(struct sources *sources, uint32_t service, const struct peer_key *key)
{
	struct table *table = table_of(sources, key);

	return find_in(table, *bucket_of(sources, table, service, key), service, key);
}

struct source *source_get(struct sources *sources, uint32_t service, const struct peer_key *key)
{
	struct table *table = table_of(sources, key);
	uint32_t *bucket = bucket_of(sources, table, service, key);
	struct source *entry = find_in(table, *bucket, service, key);
	uint32_t index;

	if (entry != NULL) {
		if (entry->list != LIST_NONE)
			move_to(table, (uint32_t)(entry - table->entries), entry->list);
		return entry;
	}

	uint16_t group = group_of(sources, key);

	if (table->used < table->capacity) {
		index = ++table->used;
	} else {
		index = victim_for(table, group);
		if (index == 0)
			return NULL;
		forget(sources, table, index);
	}
	entry = &table->entries[index];
	*entry = (struct source){ .key = *key, .service = service, .next = *bucket, .group = group };
	*bucket = index;
	join_group(table, group);
	move_to(table, index, LIST_IDLE);
	return entry;
}

source_handle source_hold(struct sources *sources, struct source *source)
{
	struct table *table = table_of(sources, &source->key);
	uint32_t index = (uint32_t)(source - table->entries);

	source->active++;
	move_to(table, index, LIST_NONE);
	return index << 1 | (table == &sources->tables[TABLE_OTHERS]);
}

struct source *source_of(struct sources *sources, source_handle handle)
{
	struct table *table = &sources->tables[(handle & 1) != 0 ? TABLE_OTHERS : TABLE_IPV6];

	if (handle >> 1 == 0 || handle >> 1 > table->used)
		BUG("a handle of no source");
	return &table->entries[handle >> 1];
}

void source_release(struct sources *sources, source_handle handle)
{
	struct source *source = source_of(sources, handle);

	if (source->active == 0)
		BUG("a session of a source ended twice");
	if (--source->active == 0)
		move_to(table_of(sources, &source->key), handle >> 1,
			source->banned_ns != 0 ? LIST_BANNED : LIST_IDLE);
}

void source_ban(struct sources *sources, struct source *source, uint64_t until_ns)
{
	struct table *table = table_of(sources, &source->key);

	source->banned_ns = until_ns;
	if (source->list != LIST_NONE)
		move_to(table, (uint32_t)(source - table->entries), until_ns != 0 ? LIST_BANNED : LIST_IDLE);
}

void sources_end_bans(struct sources *sources, uint64_t now_ns)
{
	for (struct table *table = sources->tables; table < sources->tables + TABLES; table++)
		for (unsigned i = 0; i < BANS_LOOKED_AT; i++) {
			uint32_t index = table->lists[LIST_BANNED].oldest;

			if (index == 0)
				break;
			/* Bans differ in length. One that is not over goes to the other end, or
			 * those behind it would never be looked at. */
			move_to(table, index,
				table->entries[index].banned_ns > now_ns ? LIST_BANNED : LIST_IDLE);
		}
}

void source_forgive(struct sources *sources, struct source *source)
{
	source->strikes_ns = 0;
	source->ban_level = 0;
	source_ban(sources, source, 0);
}

bool sources_each(struct sources *sources, uint32_t *place, size_t most,
		  void (*look)(void *context, struct source *source), void *context)
{
	const struct table *first = &sources->tables[0], *second = &sources->tables[1];
	uint32_t end = first->used + second->used;

	for (; most > 0 && *place < end; most--, (*place)++)
		look(context, *place < first->used ? &first->entries[*place + 1] :
						     &second->entries[*place - first->used + 1]);
	return *place < end;
}

static size_t count_banned(const struct table *table, uint64_t now_ns)
{
	const struct list *list = &table->lists[LIST_BANNED];
	size_t count = 0;

	if (list->length > SOURCES_COUNTED_BANS)
		return list->length;
	for (uint32_t i = list->oldest; i != 0; i = table->entries[i].links[LINK_ALL].newer)
		count += table->entries[i].banned_ns > now_ns;
	return count;
}

size_t sources_banned(const struct sources *sources, uint64_t now_ns)
{
	return count_banned(&sources->tables[0], now_ns) + count_banned(&sources->tables[1], now_ns);
}

size_t sources_count(const struct sources *sources)
{
	return (size_t)sources->tables[TABLE_IPV6].used + sources->tables[TABLE_OTHERS].used;
}

/* ---- memory ---- */

/* Either all of it is done, or the table is what it was. */
static int grow(struct sources *sources, struct table *table, uint32_t capacity)
{
	unsigned bits = 1;

	while (UINT64_C(1) << bits < capacity)
		bits++;

	uint32_t *buckets = calloc((size_t)1 << bits, sizeof(*buckets));
	struct source *entries =
		buckets == NULL        ? NULL :
		table->entries == NULL ? calloc((size_t)capacity + 1, sizeof(*entries)) :
					 reallocarray(table->entries, (size_t)capacity + 1, sizeof(*entries));

	if (entries == NULL) {
		free(buckets);
		return -ENOMEM;
	}
	free(table->buckets);
	table->entries = entries;
	table->buckets = buckets;
	table->bucket_bits = bits;
	table->capacity = capacity;
	table->share = capacity / SHARES;
	note_greedy(table);
	for (uint32_t i = 1; i <= table->used; i++) {
		uint32_t *bucket = bucket_of(sources, table, entries[i].service, &entries[i].key);

		entries[i].next = *bucket;
		*bucket = i;
	}
	return 0;
}

int sources_reserve(struct sources *sources, size_t count)
{
	if (count > CAPACITY_MOST)
		return -ENOMEM;
	for (unsigned i = 0; i < TABLES; i++) {
		struct table *table = &sources->tables[i];

		if (count <= table->capacity)
			continue;

		int r = grow(sources, table, (uint32_t)count);

		if (r < 0)
			return r;
	}
	return 0;
}

int sources_new(size_t count, const uint64_t seed[static 4], struct sources **ret_sources)
{
	struct sources *sources = calloc(1, sizeof(*sources));

	if (sources == NULL)
		return -ENOMEM;
	memcpy(sources->seed, seed, sizeof(sources->seed));

	int r = sources_reserve(sources, count > SOURCES_LEAST ? count : SOURCES_LEAST);

	if (r < 0) {
		sources_free(sources);
		return r;
	}
	*ret_sources = sources;
	return 0;
}

void sources_free(struct sources *sources)
{
	if (sources == NULL)
		return;
	for (unsigned i = 0; i < TABLES; i++) {
		free(sources->tables[i].entries);
		free(sources->tables[i].buckets);
	}
	free(sources);
}
