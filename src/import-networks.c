/* import-networks.c - see import-networks.h: a binary tree for each family, of which each leaf has a value. */
#include "import-networks.h"

#include "arena.h"
#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define NODES_MAX  400000   /* of a pool */
#define VISITS_MAX 60000000 /* steps that may be taken in a pool */
#define BITS_MAX   128

struct networks_node {
	struct networks_node *child[2]; /* both, or none: a leaf. The first one links nodes that are free */
	uint8_t mask;                   /* 1 << value, of all leaves below */
	uint32_t cost[NETWORKS_VALUES]; /* while lists are made: their words, by the value that comes from above */
};

struct networks_pool {
	struct import *import; /* borrowed: it hears of memory that ran out */
	struct arena *arena;
	struct networks_node *unused;
	unsigned nodes, visits;
	bool failed;
};

struct networks_pool *networks_pool_new(struct import *import)
{
	struct arena *arena = arena_new();
	struct networks_pool *pool = arena != NULL ? arena_alloc(arena, sizeof(*pool)) : NULL;

	if (pool == NULL) {
		import_lacks_memory(import);
		arena_free(arena);
		return NULL;
	}
	pool->import = import;
	pool->arena = arena;
	return pool;
}

void networks_pool_free(struct networks_pool *pool)
{
	if (pool != NULL)
		arena_free(pool->arena);
}

bool networks_failed(const struct networks_pool *pool)
{
	return pool->failed;
}

/* ---- nodes ---- */

static struct networks_node *new_leaf(struct networks_pool *pool, uint8_t mask)
{
	struct networks_node *node = pool->unused;

	if (node != NULL)
		pool->unused = node->child[0];
	else if (pool->nodes < NODES_MAX)
		node = arena_alloc(pool->arena, sizeof(*node));
	if (node == NULL) {
		if (arena_failed(pool->arena))
			import_lacks_memory(pool->import);
		pool->failed = true;
		return NULL;
	}
	pool->nodes++;
	*node = (struct networks_node){ .mask = mask };
	return node;
}

static void drop_leaf(struct networks_pool *pool, struct networks_node *node)
{
	node->child[0] = pool->unused;
	pool->unused = node;
	pool->nodes--;
}

static bool split(struct networks_pool *pool, struct networks_node *leaf)
{
	struct networks_node *left = new_leaf(pool, leaf->mask), *right = new_leaf(pool, leaf->mask);

	if (left == NULL || right == NULL)
		return false;
	leaf->child[0] = left;
	leaf->child[1] = right;
	return true;
}

/* Two leaves of one value are one. */
static void join(struct networks_pool *pool, struct networks_node *node)
{
	struct networks_node *left = node->child[0], *right = node->child[1];

	node->mask = left->mask | right->mask;
	if (left->child[0] != NULL || right->child[0] != NULL || left->mask != right->mask)
		return;
	drop_leaf(pool, left);
	drop_leaf(pool, right);
	node->child[0] = node->child[1] = NULL;
}

static unsigned value_of(uint8_t mask)
{
	return (unsigned)__builtin_ctz(mask);
}

static bool may_go_on(struct networks_pool *pool)
{
	if (++pool->visits > VISITS_MAX)
		pool->failed = true;
	return !pool->failed;
}

/* No value that is below becomes another one. */
static bool stays(uint8_t mask, networks_table table, unsigned column)
{
	for (unsigned value = 0; value < NETWORKS_VALUES; value++)
		if ((mask & 1U << value) != 0 && table[value][column] != value)
			return false;
	return true;
}

/* All of the first becomes what the table says of one value of the second. Depth: bits of an address. */
static void map(struct networks_pool *pool, struct networks_node *to, networks_table table, unsigned column)
{
	if (stays(to->mask, table, column) || !may_go_on(pool))
		return;
	if (to->child[0] == NULL) {
		to->mask = (uint8_t)(1U << table[value_of(to->mask)][column]);
		return;
	}
	map(pool, to->child[0], table, column);
	map(pool, to->child[1], table, column);
	join(pool, to);
}

static void combine(struct networks_pool *pool, struct networks_node *to, const struct networks_node *from,
		    networks_table table)
{
	bool same = true;

	if (from->child[0] == NULL) {
		map(pool, to, table, value_of(from->mask));
		return;
	}
	for (unsigned value = 0; value < NETWORKS_VALUES; value++)
		same = same && ((from->mask & 1U << value) == 0 || stays(to->mask, table, value));
	if (same || !may_go_on(pool) || (to->child[0] == NULL && !split(pool, to)))
		return;
	combine(pool, to->child[0], from->child[0], table);
	combine(pool, to->child[1], from->child[1], table);
	join(pool, to);
}

/* ---- maps ---- */

struct networks networks_new(struct networks_pool *pool, enum networks_value value)
{
	return (struct networks){ .pool = pool, .ip4 = new_leaf(pool, (uint8_t)(1U << value)),
				  .ip6 = new_leaf(pool, (uint8_t)(1U << value)) };
}

static bool is_whole(const struct networks *networks)
{
	return networks->ip4 != NULL && networks->ip6 != NULL;
}

void networks_combine(struct networks *to, const struct networks *from, networks_table table)
{
	if (!is_whole(to) || !is_whole(from)) {
		to->pool->failed = true;
		return;
	}
	combine(to->pool, to->ip4, from->ip4, table);
	combine(to->pool, to->ip6, from->ip6, table);
}

/* Changes one network by a column of the table. */
static void change(struct networks_pool *pool, struct networks_node *root, const struct access_rule *rule,
		   networks_table table, unsigned column)
{
	struct networks_node *path[BITS_MAX + 1];
	unsigned depth = 0;

	for (path[0] = root; depth < rule->bits && depth < BITS_MAX; depth++) {
		unsigned bit = rule->ip[depth / 8] >> (7 - depth % 8) & 1U;

		if (stays(path[depth]->mask, table, column) || !may_go_on(pool) ||
		    (path[depth]->child[0] == NULL && !split(pool, path[depth])))
			break;
		path[depth + 1] = path[depth]->child[bit];
	}
	if (depth == rule->bits)
		map(pool, path[depth], table, column);
	while (depth-- > 0)
		join(pool, path[depth]);
}

static void put(struct networks *networks, const struct access_rule *rule, networks_table table, unsigned column)
{
	static const struct access_rule all = { .bits = 0 };

	if (!is_whole(networks))
		return;
	if (rule->kind == ACCESS_ALL || rule->kind == ACCESS_IPV4)
		change(networks->pool, networks->ip4, rule->kind == ACCESS_ALL ? &all : rule, table, column);
	if (rule->kind == ACCESS_ALL || rule->kind == ACCESS_IPV6)
		change(networks->pool, networks->ip6, rule->kind == ACCESS_ALL ? &all : rule, table, column);
}

void networks_put(struct networks *networks, const struct access_rule *rule, enum networks_value value)
{
	static networks_table last = { { 0, 1, 2 }, { 0, 1, 2 }, { 0, 1, 2 } };

	put(networks, rule, last, value);
}

void networks_put_first(struct networks *networks, const struct access_rule *rule, enum networks_value value)
{
	static networks_table first = { { 0, 1, 2 }, { 1, 1, 1 }, { 2, 2, 2 } };

	put(networks, rule, first, value);
}

bool networks_has(const struct networks *networks, enum networks_value value)
{
	uint8_t mask = (uint8_t)(1U << value);

	return is_whole(networks) && ((networks->ip4->mask | networks->ip6->mask) & mask) != 0;
}

bool networks_is_all(const struct networks *networks, enum networks_value value)
{
	uint8_t mask = (uint8_t)(1U << value);

	return is_whole(networks) && networks->ip4->mask == mask && networks->ip6->mask == mask;
}

/* ---- lists ---- */

#define WORDS_MAX 4000  /* of a list; services.ini takes 4,096 */
#define TEXT_MAX  60000 /* of a list; a line of services.ini has 64 KiB */

struct lists {
	FILE *out[NETWORKS_VALUES]; /* [NETWORKS_ALLOW], [NETWORKS_DENY]; NULL: only count */
	unsigned words[NETWORKS_VALUES];
	struct access_rule at; /* where we are */
};

/* IPv4 addresses as IPv6 are looked at as IPv4: what this tree has for them means nothing. */
static bool is_mapped(const struct access_rule *at)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return at->kind == ACCESS_IPV6 && at->bits == 96 && memcmp(at->ip, prefix, sizeof(prefix)) == 0;
}

static void set_bit(struct access_rule *at, unsigned depth, unsigned bit)
{
	uint8_t mask = (uint8_t)(0x80U >> depth % 8);

	at->ip[depth / 8] = (uint8_t)((at->ip[depth / 8] & ~mask) | (bit != 0 ? mask : 0));
}

static uint32_t cost_within(const struct networks_node *node, enum networks_value value)
{
	return node->child[0]->cost[value] + node->child[1]->cost[value];
}

/* Whether it takes fewer words to say the other one here. */
static bool is_turned(const struct networks_node *node, enum networks_value above)
{
	enum networks_value other = above == NETWORKS_ALLOW ? NETWORKS_DENY : NETWORKS_ALLOW;

	if (node->child[0] == NULL)
		return node->mask != 1U << above;
	return cost_within(node, other) + 1 < cost_within(node, above);
}

/* Depth of these: bits of an address. */
static void count_costs(struct networks_node *node, struct access_rule *at)
{
	unsigned depth = at->bits;

	if (is_mapped(at)) {
		memset(node->cost, 0, sizeof(node->cost));
		return;
	}
	for (unsigned bit = 0; node->child[0] != NULL && bit < 2; bit++) {
		set_bit(at, depth, bit);
		at->bits = (uint8_t)(depth + 1);
		count_costs(node->child[bit], at);
		at->bits = (uint8_t)depth;
	}
	if (node->child[0] != NULL)
		set_bit(at, depth, 0);
	for (enum networks_value above = NETWORKS_ALLOW; above <= NETWORKS_DENY; above++) {
		enum networks_value other = above == NETWORKS_ALLOW ? NETWORKS_DENY : NETWORKS_ALLOW;

		if (node->child[0] == NULL)
			node->cost[above] = node->mask != 1U << above;
		else
			node->cost[above] = is_turned(node, above) ? cost_within(node, other) + 1 :
								     cost_within(node, above);
	}
}

static void add_word(struct lists *lists, enum networks_value value, const char *word)
{
	if (lists->out[value] != NULL)
		fprintf(lists->out[value], "%s%s", lists->words[value] > 0 ? ", " : "", word);
	lists->words[value]++;
}

static void list_tree(const struct networks_node *node, enum networks_value above, struct lists *lists)
{
	unsigned depth = lists->at.bits;
	char text[ACCESS_TEXT_MAX];

	if (is_mapped(&lists->at) || lists->words[NETWORKS_ALLOW] + lists->words[NETWORKS_DENY] > 2 * WORDS_MAX)
		return;
	if (is_turned(node, above)) {
		above = above == NETWORKS_ALLOW ? NETWORKS_DENY : NETWORKS_ALLOW;
		add_word(lists, above, access_print(&lists->at, text));
	}
	for (unsigned bit = 0; node->child[0] != NULL && bit < 2; bit++) {
		set_bit(&lists->at, depth, bit);
		lists->at.bits = (uint8_t)(depth + 1);
		list_tree(node->child[bit], above, lists);
		lists->at.bits = (uint8_t)depth;
	}
	if (node->child[0] != NULL)
		set_bit(&lists->at, depth, 0);
}

/* The words, when those whom no word is about are treated like this. Returns how many. */
static unsigned list_all(const struct networks *networks, enum networks_value rest, struct lists *lists)
{
	lists->words[NETWORKS_ALLOW] = lists->words[NETWORKS_DENY] = 0;
	lists->at = (struct access_rule){ .kind = ACCESS_IPV4 };
	list_tree(networks->ip4, rest, lists);
	lists->at = (struct access_rule){ .kind = ACCESS_IPV6 };
	list_tree(networks->ip6, rest, lists);
	/* any word of allow refuses the rest; without one the rest is let in */
	if ((lists->words[NETWORKS_ALLOW] > 0) == (rest == NETWORKS_ALLOW))
		if (rest == NETWORKS_DENY || lists->words[NETWORKS_ALLOW] > 0)
			add_word(lists, rest, "all");
	return lists->words[NETWORKS_ALLOW] + lists->words[NETWORKS_DENY];
}

static int make_lists(const struct networks *networks, char *texts[static NETWORKS_VALUES])
{
	struct lists lists = { .at = { .kind = ACCESS_IPV4 } };
	size_t lengths[NETWORKS_VALUES] = { 0 };
	enum networks_value rest;
	int r = 0;

	count_costs(networks->ip4, &lists.at);
	lists.at = (struct access_rule){ .kind = ACCESS_IPV6 };
	count_costs(networks->ip6, &lists.at);
	rest = list_all(networks, NETWORKS_ALLOW, &lists) <= list_all(networks, NETWORKS_DENY, &lists) ? NETWORKS_ALLOW :
													   NETWORKS_DENY;
	for (enum networks_value value = NETWORKS_ALLOW; value <= NETWORKS_DENY; value++) {
		lists.out[value] = import_open_text(networks->pool->import, &texts[value], &lengths[value]);
		if (lists.out[value] == NULL)
			r = -ENOMEM;
	}
	if (r == 0)
		(void)list_all(networks, rest, &lists);
	for (enum networks_value value = NETWORKS_ALLOW; value <= NETWORKS_DENY; value++) {
		if (!import_close_text(networks->pool->import, lists.out[value], &texts[value]))
			r = -ENOMEM;
		if (r == 0 && (lists.words[value] > WORDS_MAX || lengths[value] > TEXT_MAX))
			r = -E2BIG;
	}
	return r;
}

/* ---- together with what is there ---- */

/* Puts the words of a list that is there into rules. Returns 0, -EINVAL, or -E2BIG. */
static int take_list(const char *list, bool deny, struct access_rule *rules, size_t *count)
{
	static const char between[] = ", \t";
	struct access_rule found[ACCESS_RULES_OF_WORD];
	char reason[ACCESS_REASON_MAX], word[ACCESS_REASON_MAX];

	for (list += strspn(list, between); *list != '\0'; list += strspn(list, between)) {
		size_t length = strcspn(list, between);
		int n;

		snprintf(word, sizeof(word), "%.*s", (int)(length < sizeof(word) ? length : sizeof(word) - 1), list);
		list += length;
		n = length < sizeof(word) ? access_parse(word, found, reason) : -EINVAL;
		if (n < 0)
			return -EINVAL;
		for (int i = 0; i < n; i++) {
			if (found[i].kind != ACCESS_ALL && found[i].kind != ACCESS_IPV4 && found[i].kind != ACCESS_IPV6)
				return -EINVAL;
			if (*count == 2 * WORDS_MAX)
				return -E2BIG;
			found[i].deny = deny;
			rules[(*count)++] = found[i];
		}
	}
	return 0;
}

/* From short prefixes to long ones, and of equally long ones those that refuse last. */
static int compare_rules(const void *a, const void *b)
{
	const struct access_rule *first = a, *second = b;
	int x = first->kind == ACCESS_ALL ? -1 : first->bits, y = second->kind == ACCESS_ALL ? -1 : second->bits;

	return x != y ? (x > y) - (x < y) : (int)first->deny - (int)second->deny;
}

/* Refuses in `networks` whom the lists refuse that are there. */
static int take_together(struct networks *networks, const char *allow, const char *deny)
{
	static networks_table refused = { { 0, 0, 2 }, { 1, 1, 2 }, { 2, 2, 2 } };
	_cleanup_free_ struct access_rule *rules = calloc(2 * WORDS_MAX, sizeof(*rules));
	struct networks there;
	size_t count = 0, allowed;
	int r;

	if (rules == NULL) {
		import_lacks_memory(networks->pool->import);
		return -ENOMEM;
	}
	r = take_list(allow, false, rules, &count);
	allowed = count;
	if (r == 0)
		r = take_list(deny, true, rules, &count);
	if (r < 0)
		return r;
	there = networks_new(networks->pool, allowed > 0 ? NETWORKS_DENY : NETWORKS_ALLOW);
	qsort(rules, count, sizeof(*rules), compare_rules);
	for (size_t i = 0; i < count; i++)
		networks_put(&there, &rules[i], rules[i].deny ? NETWORKS_DENY : NETWORKS_ALLOW);
	networks_combine(networks, &there, refused);
	return 0;
}

static const char *list_of(struct import *import, const struct import_service *service, const char *key)
{
	const char *own = import_get(service, key), *common = import_get(import_defaults(import), key);

	return own != NULL ? own : common != NULL ? common : "";
}

/* An empty list is written only where there is one of [defaults] to be dropped. */
static void set_list(struct import *import, struct import_service *service, const char *key, const char *list)
{
	const char *common = service == import_defaults(import) ? NULL : import_get(import_defaults(import), key);

	import_set(service, key, list[0] != '\0' ? list : common != NULL && common[0] != '\0' ? "" : NULL);
}

int networks_write(struct import *import, struct import_service *service, const struct networks *networks)
{
	static networks_table decided = { { 1, 1, 2 }, { 1, 1, 1 }, { 2, 2, 2 } };
	char *texts[NETWORKS_VALUES] = { NULL };
	struct networks result = networks_new(networks->pool, NETWORKS_NONE);
	int r;

	networks_combine(&result, networks, decided);
	r = take_together(&result, list_of(import, service, "allow"), list_of(import, service, "deny"));
	if (r == 0 && networks_failed(networks->pool))
		r = -E2BIG;
	if (r == 0)
		r = make_lists(&result, texts);
	if (r == 0) {
		set_list(import, service, "allow", texts[NETWORKS_ALLOW]);
		set_list(import, service, "deny", texts[NETWORKS_DENY]);
	}
	free(texts[NETWORKS_ALLOW]);
	free(texts[NETWORKS_DENY]);
	return r;
}

void networks_apply(struct import *import, struct import_service *service, const struct networks *networks,
		    struct import_where where)
{
	int r = networks_write(import, service, networks);

	if (r == 0)
		return;
	import_set(service, "deny", "all");
	set_list(import, service, "allow", "");
	import_comment(service, "deny", "nobody is let in: see the report");
	import_tell(import, where, IMPORT_UNSUPPORTED,
		    r == -E2BIG ? "the rules are too many for lists in one line, so that %s lets in nobody; write them to a "
				  "file, one network a line, and name it: allow = file:PATH" :
				  "the rules cannot be put together with those that %s has already, so that it lets in "
				  "nobody; write allow and deny by hand",
		    import_name(service)[0] != '\0' ? import_name(service) : "the section");
}

/* ---- texts ---- */

static void clear_host_bits(struct access_rule *rule)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = rule->bits >= (i + 1) * 8 ? 8 : rule->bits > i * 8 ? rule->bits - i * 8 : 0;

		rule->ip[i] &= (uint8_t)(0xff00U >> kept);
	}
}

/* The length of a prefix: a number, or a mask of IPv4. */
static bool take_bits(const char *text, enum access_kind kind, uint8_t *ret_bits)
{
	unsigned most = kind == ACCESS_IPV4 ? 32 : 128, bits = 0;
	struct in_addr mask;
	uint32_t rest;

	if (kind == ACCESS_IPV4 && strchr(text, '.') != NULL) {
		if (inet_pton(AF_INET, text, &mask) != 1)
			return false;
		for (rest = ntohl(mask.s_addr); (rest & UINT32_C(1) << 31) != 0; rest <<= 1)
			bits++;
		*ret_bits = (uint8_t)bits;
		return rest == 0;
	}
	if (text[0] == '\0' || strlen(text) > 3 || text[strspn(text, "0123456789")] != '\0')
		return false;
	bits = (unsigned)strtoul(text, NULL, 10);
	*ret_bits = (uint8_t)bits;
	return bits <= most;
}

bool networks_parse(const char *text, struct access_rule *ret_rule)
{
	bool brackets = text[0] == '[';
	size_t length = strcspn(text += brackets, brackets ? "]" : "/");
	const char *behind = text + length + (brackets && text[length] == ']');
	struct access_rule rule = { .kind = ACCESS_IPV4, .bits = 32 };
	char address[INET6_ADDRSTRLEN];

	if (length >= sizeof(address) || (brackets && text[length] != ']') || (behind[0] != '\0' && behind[0] != '/'))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (brackets || inet_pton(AF_INET, address, rule.ip) != 1) {
		rule = (struct access_rule){ .kind = ACCESS_IPV6, .bits = 128 };
		if (inet_pton(AF_INET6, address, rule.ip) != 1)
			return false;
	}
	if (behind[0] == '/' && !take_bits(behind + 1, rule.kind, &rule.bits))
		return false;
	clear_host_bits(&rule);
	*ret_rule = rule;
	return true;
}

bool networks_parse_prefix(const char *text, struct access_rule *ret_rule)
{
	struct access_rule rule = { .kind = ACCESS_IPV4 };
	unsigned numbers = 0;

	for (; *text != '\0'; numbers++) {
		size_t digits = strspn(text, "0123456789");
		unsigned number = digits > 0 && digits <= 3 ? (unsigned)strtoul(text, NULL, 10) : 256;

		if (numbers == 4 || number > 255 || (digits > 1 && text[0] == '0'))
			return false;
		rule.ip[numbers] = (uint8_t)number;
		text += digits;
		if ((*text == '.') != (numbers < 3))
			return false;
		text += *text == '.';
	}
	rule.bits = (uint8_t)(numbers * 8);
	*ret_rule = rule;
	return numbers > 0;
}
