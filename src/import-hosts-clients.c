/* import-hosts-clients.c - lists of clients of hosts_access(5) as sets of addresses. What libwrap would look up (names,
 * users, netgroups) is not looked up here, so that of a list two sets are known: a lower and an upper bound. Rules that let
 * in take the lower one, rules that refuse the upper one. */
#include "import-hosts.h"

#include "arena.h"
#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define DEPTH_MAX  3    /* of files that name files */
#define WORDS_MAX  5000 /* of such a file */
#define FILES_MAX  50   /* of all lists */
#define TOLD_MAX   20   /* sentences about one list */
#define EXCEPT_MAX 16   /* in one list */
#define PUTS_MAX   1024 /* networks of one pattern */
#define WILD_MAX   2000 /* patterns with * and ? of all lists */

static networks_table joined = { { 0, 1, 2 }, { 1, 1, 1 }, { 2, 2, 2 } };
static networks_table without = { { 0, 0, 0 }, { 1, 0, 1 }, { 2, 2, 2 } };

struct reader {
	struct import *import;
	struct networks_pool *pool;
	struct import_where where;
	bool denies, is_exception; /* an odd number of EXCEPT is in front */
	unsigned depth;
	unsigned *told; /* sentences about this list */
	struct hosts_bounds *bounds;
};

/* Whether there is anything left to be said of a list: the class of its line stays the worst that was told. */
static bool may_tell(const struct reader *reader)
{
	if (++*reader->told == TOLD_MAX)
		import_tell(reader->import, reader->where, IMPORT_UNSUPPORTED, "and more of that sort");
	return *reader->told < TOLD_MAX;
}

char *hosts_next_word(char **list)
{
	static const char between[] = ", \t\r\n";
	char *word = *list + strspn(*list, between);
	size_t length = strcspn(word, between);

	if (length == 0)
		return NULL;
	*list = word + length;
	if (**list != '\0')
		*(*list)++ = '\0';
	return word;
}

bool hosts_match_name(const char *pattern, const char *name)
{
	size_t length = strlen(pattern), size = strlen(name);

	if (strpbrk(pattern, "*?") != NULL)
		return length < 256 && size < 256 && strpbrk(pattern, "[\\") == NULL &&
		       fnmatch(pattern, name, FNM_NOESCAPE | FNM_CASEFOLD) == 0;
	if (pattern[0] == '.')
		return size > length && strcasecmp(name + size - length, pattern) == 0;
	if (strcasecmp(pattern, "ALL") == 0)
		return true;
	if (strcasecmp(pattern, "KNOWN") == 0)
		return strcasecmp(name, "unknown") != 0;
	if (length > 0 && pattern[length - 1] == '.')
		return strncasecmp(pattern, name, length) == 0;
	return strcasecmp(pattern, name) == 0;
}

/* ---- patterns that are about addresses ---- */

static void put(struct hosts_clients *clients, const struct access_rule *rule)
{
	networks_put(&clients->sure, rule, NETWORKS_IN);
	networks_put(&clients->maybe, rule, NETWORKS_IN);
}

static void never(const struct reader *reader, const char *word, const char *why)
{
	if (may_tell(reader))
		import_tell(reader->import, reader->where, IMPORT_CHANGED,
			    "'%.60s' never matched, and is left out: %s", word, why);
}

static const char *of_names(const struct reader *reader)
{
	if (reader->is_exception)
		return reader->denies ? "the exception is lost, and more are refused" :
					"so as to let in nobody by mistake, nobody is let in by this";
	return reader->denies ? "sections that it is about are switched off until addresses are refused instead" :
				"they are not let in by this; allow their addresses";
}

/* Something that is only known of a client after a look-up. */
static void by_name(const struct reader *reader, struct hosts_clients *clients, const char *word)
{
	static const struct access_rule all = { .kind = ACCESS_ALL };

	if (may_tell(reader))
		import_tell(reader->import, reader->where,
			    reader->is_exception && reader->denies ? IMPORT_APPROXIMATED : IMPORT_UNSUPPORTED,
			    "'%.60s' is about names or users, which are never looked up here: %s", word,
			    of_names(reader));
	if (reader->is_exception)
		networks_put(&clients->maybe, &all, NETWORKS_IN);
	else
		clients->by_name = true;
}

/* net/mask, where both are dotted, or the mask is a length; [net]/length. */
static void take_masked(const struct reader *reader, struct hosts_clients *clients, const char *word)
{
	struct access_rule rule, whole;
	char network[64];
	const char *slash = strchr(word, '/');

	snprintf(network, sizeof(network), "%.*s", (int)(slash - word), word);
	if (!networks_parse(word, &rule) || !networks_parse(network, &whole) || (rule.kind == ACCESS_IPV4 && rule.bits == 0 &&
	    strchr(slash, '.') == NULL)) {
		if (strchr(slash, '.') != NULL && networks_parse(network, &whole)) {
			by_name(reader, clients, word); /* a mask with holes: too rare to be had */
			return;
		}
		never(reader, word, "it is no network such as 192.0.2.0/255.255.255.0, 192.0.2.0/24 or [2001:db8::]/32");
		return;
	}
	if (rule.kind == ACCESS_IPV6 && word[0] != '[') {
		never(reader, word, "IPv6 addresses stand in brackets");
		return;
	}
	if (rule.kind == ACCESS_IPV4 && memcmp(rule.ip, whole.ip, 4) != 0) {
		never(reader, word, "its address has bits that its mask has not");
		return;
	}
	put(clients, &rule);
}

/* Which numbers of an address match a pattern that may have wildcards. */
static unsigned find_matching(const char *pattern, uint8_t numbers[static 256])
{
	unsigned count = 0;
	char text[8];

	for (unsigned number = 0; number < 256; number++) {
		snprintf(text, sizeof(text), "%u", number);
		if (fnmatch(pattern, text, FNM_NOESCAPE) == 0)
			numbers[count++] = (uint8_t)number;
	}
	return count;
}

/* Puts all addresses whose first `count` numbers match. Returns false when there are too many. */
static bool put_matching(struct hosts_clients *clients, char *const *patterns, unsigned count)
{
	struct access_rule rule = { .kind = ACCESS_IPV4, .bits = (uint8_t)(count * 8) };
	unsigned found[4], products = 1;
	uint8_t numbers[4][256];

	for (unsigned place = 0; place < count; place++) {
		found[place] = find_matching(patterns[place], numbers[place]);
		products *= found[place]; /* at most 256 times PUTS_MAX */
		if (products > PUTS_MAX)
			return false;
	}
	for (unsigned i = 0; i < products; i++) {
		for (unsigned place = 0, rest = i; place < count; rest /= found[place++])
			rule.ip[place] = numbers[place][rest % found[place]];
		put(clients, &rule);
	}
	return true;
}

/* 192.0.2.* and 10.0.0.1?: what they mean of addresses. Names may have them, too. */
static void take_wildcards(const struct reader *reader, struct hosts_clients *clients, const char *word)
{
	char text[64], *patterns[4], *at = text;
	unsigned count = 0, dots = 0, stars = 0;
	size_t length = strlen(word);

	for (const char *byte = word; *byte != '\0'; byte++) {
		dots += *byte == '.';
		stars += *byte == '*';
	}
	/* with fewer than three dots only a star at the end is sure to be all that is missing */
	if (length >= sizeof(text) || word[strspn(word, "0123456789.*?")] != '\0' || dots > 3 || strcmp(word, "*") == 0 ||
	    (dots < 3 && (stars != 1 || word[length - 1] != '*'))) {
		static const struct access_rule all = { .kind = ACCESS_ALL };

		if (word[strspn(word, "*")] == '\0')
			put(clients, &all);
		else
			by_name(reader, clients, word);
		return;
	}
	snprintf(text, sizeof(text), "%s", word);
	while (at != NULL && count < 4)
		patterns[count++] = strsep(&at, ".");
	if (strcmp(patterns[count - 1], "*") == 0)
		count--;
	if (count > 0 && (++reader->bounds->wildcards > WILD_MAX || !put_matching(clients, patterns, count)))
		by_name(reader, clients, word);
}

static void take_address(const struct reader *reader, struct hosts_clients *clients, const char *word)
{
	struct access_rule rule;

	if (strcasecmp(word, "localhost") == 0) {
		(void)networks_parse("127.0.0.1", &rule);
		put(clients, &rule);
		(void)networks_parse("::1", &rule);
		put(clients, &rule);
		import_tell(reader->import, reader->where, IMPORT_APPROXIMATED, "localhost is taken for 127.0.0.1 and ::1");
		return;
	}
	if (word[strspn(word, "0123456789.")] == '\0') {
		if (networks_parse_prefix(word, &rule))
			put(clients, &rule);
		else
			never(reader, word, "it is no address, and no beginning of one with its final dot");
		return;
	}
	if (word[0] == '[' && networks_parse(word, &rule))
		put(clients, &rule);
	else if (word[0] == '[')
		never(reader, word, "it is no IPv6 address");
	else
		by_name(reader, clients, word);
}

/* ---- files ---- */

static void take_pattern(struct reader *reader, struct hosts_clients *clients, char *word);

/* A file of patterns. Its own lines are told as they are taken. */
static void take_file(struct reader *reader, struct hosts_clients *clients, const char *path)
{
	struct import_lines lines = { .import = reader->import, .path = path };
	struct reader inner = *reader;
	unsigned count = 0;
	struct stat status;
	char *line, *word;
	int r = -EINVAL;

	if (reader->depth < DEPTH_MAX && ++reader->bounds->files <= FILES_MAX && stat(path, &status) == 0 &&
	    S_ISREG(status.st_mode))
		r = import_read(reader->import, path, &lines.at, &lines.left);
	if (r < 0) {
		by_name(reader, clients, path);
		return;
	}
	inner.depth++;
	while ((line = import_next_line(&lines)) != NULL) {
		inner.where = import_here(&lines);
		import_tell(reader->import, inner.where, IMPORT_EXACT, "%s", "");
		while ((word = hosts_next_word(&line)) != NULL) {
			if (++count == WORDS_MAX)
				by_name(&inner, clients, word);
			if (count < WORDS_MAX)
				take_pattern(&inner, clients, word);
		}
	}
	import_count_lines(reader->import, path, lines.number);
}

/* ---- patterns and lists ---- */

static void join(struct hosts_clients *to, const struct hosts_clients *from)
{
	networks_combine(&to->sure, &from->sure, joined);
	networks_combine(&to->maybe, &from->maybe, joined);
	to->by_name = to->by_name || from->by_name;
}

static struct hosts_clients nobody(struct networks_pool *pool)
{
	return (struct hosts_clients){ .sure = networks_new(pool, NETWORKS_NONE),
				       .maybe = networks_new(pool, NETWORKS_NONE) };
}

/* user@host: whether it is that user is never known. */
static void take_user(struct reader *reader, struct hosts_clients *clients, char *word)
{
	struct hosts_clients hosts = nobody(reader->pool);
	char *sign = strchr(word + 1, '@');

	if (sign == NULL)
		return;
	*sign = '\0';
	take_pattern(reader, &hosts, sign + 1);
	if (strcasecmp(word, "ALL") != 0) {
		if (may_tell(reader))
			import_tell(reader->import, reader->where,
			    reader->denies != reader->is_exception ? IMPORT_APPROXIMATED : IMPORT_UNSUPPORTED,
			    "users are never asked for (ident): this is taken to be about %s user of %.60s",
			    reader->denies != reader->is_exception ? "any" : "no", sign + 1);
		hosts.sure = networks_new(reader->pool, NETWORKS_NONE);
	}
	join(clients, &hosts);
}

static void take_pattern(struct reader *reader, struct hosts_clients *clients, char *word)
{
	static const struct access_rule all = { .kind = ACCESS_ALL };

	if (word[0] != '\0' && word[0] != '/' && strchr(word + 1, '@') != NULL && reader->depth < DEPTH_MAX) {
		reader->depth++;
		take_user(reader, clients, word);
		reader->depth--;
	} else if (strcasecmp(word, "ALL") == 0) {
		put(clients, &all);
	} else if (strcasecmp(word, "PARANOID") == 0 && !reader->is_exception) {
		import_tell(reader->import, reader->where, IMPORT_CHANGED,
			    "names of clients are never looked up, so that none can be false (PARANOID)");
	} else if (word[0] == '/') {
		take_file(reader, clients, import_keep(reader->import, word));
	} else if (word[0] == '@' || word[0] == '.' || strcasecmp(word, "KNOWN") == 0 || strcasecmp(word, "UNKNOWN") == 0 ||
		   strcasecmp(word, "LOCAL") == 0 || strcasecmp(word, "PARANOID") == 0) {
		by_name(reader, clients, word);
	} else if (strchr(word, '/') != NULL) {
		take_masked(reader, clients, word);
	} else if (strpbrk(word, "*?") != NULL) {
		take_wildcards(reader, clients, word);
	} else {
		take_address(reader, clients, word);
	}
}

/* Without exceptions that are sure only some remain possible, and the other way round. */
static void except(struct hosts_clients *clients, const struct hosts_clients *exceptions)
{
	networks_combine(&clients->sure, &exceptions->maybe, without);
	networks_combine(&clients->maybe, &exceptions->sure, without);
}

struct hosts_clients hosts_read_clients(struct import *import, struct networks_pool *pool, char *list, bool denies,
					struct import_where where, struct hosts_bounds *bounds)
{
	unsigned told = 0;
	struct reader reader = { .import = import, .pool = pool, .where = where, .denies = denies, .told = &told,
				 .bounds = bounds };
	struct hosts_clients groups[EXCEPT_MAX] = { nobody(pool) };
	unsigned last = 0;
	char *word;

	while ((word = hosts_next_word(&list)) != NULL) {
		if (strcasecmp(word, "EXCEPT") != 0) {
			take_pattern(&reader, &groups[last], word);
			continue;
		}
		if (last + 1 == EXCEPT_MAX) {
			import_tell(import, where, IMPORT_UNSUPPORTED, "EXCEPT stands there more than %d times",
				    EXCEPT_MAX - 1);
			groups[0].by_name = true;
			break;
		}
		groups[++last] = nobody(pool);
		reader.is_exception = last % 2 == 1;
	}
	for (; last > 0; last--) {
		except(&groups[last - 1], &groups[last]);
		groups[0].by_name = groups[0].by_name || groups[last].by_name;
	}
	return groups[0];
}
