/* import-hosts.c - hosts.allow and hosts.deny of the TCP wrappers. There the first rule that matches decides, those of
 * hosts.allow before those of hosts.deny, and whom none matches may. For each section the rules of its program are put in
 * in that order, and come out as lists of which the longest prefix decides. */
#include "import.h"

#include "arena.h"
#include "base.h"
#include "import-hosts.h"
#include "import-rules.h"
#include "words.h"

#include <string.h>
#include <strings.h>

#define RULES_MAX    5000 /* of both files */
#define SECTIONS_MAX 500  /* that are made of them */
#define EXCEPT_MAX   16   /* in a list of daemons */
#define NAME_MAX_HERE 64  /* bytes of the name of a daemon */

struct rule {
	struct import_where where;
	const char *daemons;
	struct hosts_clients clients;
	struct hosts_options options;
	bool is_used;
};

struct hosts {
	struct import *import;
	struct networks_pool *pool;
	struct rule *rules;
	unsigned count;
	struct hosts_bounds bounds;
	bool overflows;
	struct import_where end; /* for what concerns all of it */
};

/* ---- reading ---- */

/* At the next colon that is not in brackets; the rest, or NULL. */
static char *cut_field(char *text)
{
	int brackets = 0;

	for (; *text != '\0'; text++) {
		brackets += (*text == '[') - (*text == ']');
		if (*text == ':' && brackets == 0) {
			*text = '\0';
			return text + 1;
		}
	}
	return NULL;
}

static void add_rule(struct hosts *hosts, char *line, bool denies, struct import_where where)
{
	char *clients = cut_field(line), *options = clients != NULL ? cut_field(clients) : NULL;
	struct rule *rule = &hosts->rules[hosts->count];

	if (clients == NULL) {
		import_tell(hosts->import, where, IMPORT_CHANGED,
			    "a rule is DAEMONS : CLIENTS; libwrap ignores this line, and so it is left out");
		return;
	}
	if (hosts->count == RULES_MAX) {
		hosts->overflows = true;
		import_tell(hosts->import, where, IMPORT_UNSUPPORTED, "there are more than %d rules", RULES_MAX);
		return;
	}
	import_tell(hosts->import, where, IMPORT_EXACT, "%s", "");
	*rule = (struct rule){ .where = where, .daemons = line, .options.denies = denies };
	if (options != NULL)
		hosts_read_options(hosts->import, options, where, &rule->options);
	rule->clients = hosts_read_clients(hosts->import, hosts->pool, clients, rule->options.denies, where, &hosts->bounds);
	hosts->count++;
}

/* Takes the next line with those that continue it; malloc'ed, NULL at the end. Continued ones are told. */
static char *next_rule(struct import_lines *lines, struct import_where *ret_where, bool *ret_ended)
{
	char *joined = NULL, *line;
	size_t length = 0;
	FILE *out = import_open_text(lines->import, &joined, &length);
	bool more = out != NULL, any = false;

	while (more && (line = import_next_line(lines)) != NULL) {
		size_t size = strlen(line);

		*ret_ended = lines->at[-1] == '\n';
		more = size > 0 && line[size - 1] == '\\';
		fprintf(out, "%.*s", (int)(size - more), line);
		if (any)
			import_tell(lines->import, import_here(lines), IMPORT_EXACT, "%s", "");
		else
			*ret_where = import_here(lines);
		any = true;
	}
	if (import_close_text(lines->import, out, &joined) && any)
		return joined;
	free(joined);
	return NULL;
}

static void read_rules(struct hosts *hosts, const char *path, const char *text, size_t length, bool denies)
{
	struct import_lines lines = { .import = hosts->import, .path = path, .at = text, .left = length };
	struct import_where where;
	bool ended = true;
	char *line;

	if (path == NULL)
		return;
	hosts->end = (struct import_where){ .path = path, .line = 1 };
	while ((line = next_rule(&lines, &where, &ended)) != NULL) {
		char *kept = arena_strdup(import_arena(hosts->import), line);
		bool blank = line[0] == '#' || line[strspn(line, " \t\r")] == '\0';

		free(line);
		if (kept == NULL)
			return;
		if (blank) {
			import_tell(hosts->import, where, IMPORT_EXACT, "%s", "");
			continue;
		}
		if (!ended)
			import_tell(hosts->import, where, denies ? IMPORT_APPROXIMATED : IMPORT_CHANGED,
				    "libwrap ignores a last line without a line feed: %s",
				    denies ? "here it refuses" : "it is left out");
		if (ended || denies)
			add_rule(hosts, kept, denies, where);
	}
	import_count_lines(hosts->import, path, lines.number);
}

/* ---- which rules are about a program ---- */

/* What libwrap calls a section: by its program. By its own name only what has no program, as services of inetd itself;
 * else a rule for that name may be meant for it, which counts where it refuses. */
struct names {
	const char *program, *section;
	bool is_own; /* one of the bundled services */
};

/* A list of daemons: whether the program is one of them in any case, and whether it may be one. */
struct daemons {
	bool sure, maybe;
};

static struct daemons match_daemons(struct import *import, const struct rule *rule, const struct names *names)
{
	struct daemons groups[EXCEPT_MAX] = { { false, false } };
	_cleanup_free_ char *copy = strdup(rule->daemons);
	char *list = copy, *word;
	unsigned last = 0;

	if (copy == NULL)
		import_lacks_memory(import);
	while (list != NULL && (word = hosts_next_word(&list)) != NULL) {
		char *at = word[0] != '\0' ? strchr(word + 1, '@') : NULL;
		bool by_program, matches;

		if (strcasecmp(word, "EXCEPT") == 0) {
			if (++last == EXCEPT_MAX)
				return (struct daemons){ .maybe = true };
			continue;
		}
		if (at != NULL)
			*at = '\0';
		by_program = hosts_match_name(word, names->program);
		matches = by_program || hosts_match_name(word, names->section);
		groups[last].maybe = groups[last].maybe || matches;
		groups[last].sure = groups[last].sure || (matches && at == NULL && (by_program || names->is_own));
	}
	for (; last > 0; last--) {
		groups[last - 1].sure = groups[last - 1].sure && !groups[last].maybe;
		groups[last - 1].maybe = groups[last - 1].maybe && !groups[last].sure;
	}
	return groups[0];
}

/* ---- a section ---- */

static void set_options(struct import_service *service, const struct rule *rule)
{
	for (unsigned i = 0; i < rule->options.setting_count; i++) {
		const char *key = rule->options.settings[i].key, *value = rule->options.settings[i].value;

		if (strcmp(key, "env") != 0)
			import_set(service, key, value);
		else
			(void)rules_set_env(service, value);
	}
}

/* Puts the rules in, in their order, until everything is decided. Returns whether any was about the program. */
static bool decide(struct hosts *hosts, struct networks *decision, struct import_service *service,
		   const struct names *names, bool *ret_off)
{
	static networks_table first_allow = { { 0, 1, 1 }, { 1, 1, 1 }, { 2, 2, 2 } };
	static networks_table first_deny = { { 0, 2, 2 }, { 1, 1, 1 }, { 2, 2, 2 } };
	bool any = false;

	for (unsigned i = 0; i < hosts->count; i++) {
		struct rule *rule = &hosts->rules[i];
		struct daemons match = match_daemons(hosts->import, rule, names);

		if (!match.maybe)
			continue;
		any = rule->is_used = true;
		if (rule->options.denies) {
			*ret_off = *ret_off || rule->clients.by_name;
			networks_combine(decision, &rule->clients.maybe, first_deny);
		} else if (match.sure) {
			if (networks_is_all(&rule->clients.sure, NETWORKS_IN) && networks_is_all(decision, NETWORKS_NONE))
				set_options(service, rule);
			networks_combine(decision, &rule->clients.sure, first_allow);
		}
		if (!networks_has(decision, NETWORKS_NONE))
			break;
	}
	return any;
}

static void apply(struct hosts *hosts, struct import_service *service, const struct names *names)
{
	struct networks_pool *pool = networks_pool_new(hosts->import);
	struct networks decision;
	bool off = hosts->overflows || networks_failed(hosts->pool);

	if (pool == NULL)
		return;
	decision = networks_new(pool, NETWORKS_NONE);
	if (decide(hosts, &decision, service, names, &off) && !networks_is_all(&decision, NETWORKS_NONE))
		networks_apply(hosts->import, service, &decision, hosts->end);
	networks_pool_free(pool);
	if (off)
		rules_switch_off(hosts->import, service,
				 "its rules of hosts.allow and hosts.deny cannot all be had: see the report, then switch it on");
}

/* The last part of the first word of exec. */
static const char *program_of(struct import *import, const struct import_service *service)
{
	const char *command = import_get(service, "exec"), *slash;
	char reason[200], **words;
	size_t count;

	if (command == NULL || words_split(command, import_arena(import), &words, &count, reason, sizeof(reason)) < 0)
		return "";
	slash = strrchr(words[0], '/');
	return slash != NULL ? slash + 1 : words[0];
}

static bool is_bundled(const struct import_service *service)
{
	const char *command = import_get(service, "exec");

	return command != NULL && strchr(command, '/') == NULL;
}

/* Whether there is no client of it that has an address. */
static bool is_local(const struct import_service *service)
{
	const char *listen = import_get(service, "listen");

	return listen != NULL && strncmp(listen, "unix", 4) == 0 && strchr(listen, ',') == NULL &&
	       strchr(listen, ' ') == NULL;
}

/* ---- without sections ---- */

static int guess_port(struct import *import, const char *name)
{
	size_t length = strlen(name);
	int port;

	if (strncmp(name, "in.", 3) == 0 && length > 3)
		return guess_port(import, name + 3);
	port = import_port(name, "tcp");
	if (port < 0 && length > 1 && name[length - 1] == 'd')
		port = import_port(import_printf(import, "%.*s", (int)length - 1, name), "tcp");
	return port > 0 ? port : 9;
}

static bool is_plain_name(const char *word)
{
	size_t length = strlen(word);

	return length > 0 && length < NAME_MAX_HERE && word[0] != '.' && word[0] != '-' && word[length - 1] != '.' &&
	       word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0' &&
	       strcasecmp(word, "ALL") != 0 && strcasecmp(word, "KNOWN") != 0 && strcasecmp(word, "UNKNOWN") != 0;
}

static bool has_section(struct import *import, const char *name)
{
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		if (strcasecmp(import_name(at), name) == 0)
			return true;
	return false;
}

static void add_section(struct hosts *hosts, const char *name, struct import_where where)
{
	struct import_service *service = import_add(hosts->import, name, where);

	import_comment(service, NULL, "only the rules are known: write listen and exec, then switch it on");
	import_setf(service, "listen", "%d", guess_port(hosts->import, name));
	import_setf(service, "exec", "/usr/sbin/%s", name);
	import_set(service, "disable", "yes");
}

/* A section for each daemon that is named. */
static void add_sections(struct hosts *hosts)
{
	unsigned count = 0;

	for (unsigned i = 0; i < hosts->count; i++) {
		_cleanup_free_ char *copy = strdup(hosts->rules[i].daemons);
		char *list = copy, *word;

		if (copy == NULL)
			import_lacks_memory(hosts->import);
		while (list != NULL && count < SECTIONS_MAX && (word = hosts_next_word(&list)) != NULL) {
			word[strcspn(word, "@")] = '\0';
			if (strcasecmp(word, "EXCEPT") == 0)
				break;
			if (!is_plain_name(word) || has_section(hosts->import, word))
				continue;
			add_section(hosts, word, hosts->rules[i].where);
			count++;
		}
	}
	if (count == SECTIONS_MAX)
		import_tell(hosts->import, hosts->end, IMPORT_UNSUPPORTED, "more than %d daemons: the others have no section",
			    SECTIONS_MAX - 1);
}

/* ---- all of it ---- */

/* What is said of rules once it is known whom they were for. */
static void tell_rules(struct hosts *hosts)
{
	for (unsigned i = 0; i < hosts->count; i++) {
		const struct rule *rule = &hosts->rules[i];

		if (!rule->is_used)
			import_tell(hosts->import, rule->where, IMPORT_CHANGED,
				    "it decides about no section here, because of the programs it is for or of rules before it");
		if (rule->options.setting_count > 0 && !networks_is_all(&rule->clients.sure, NETWORKS_IN))
			import_tell(hosts->import, rule->where, IMPORT_UNSUPPORTED,
				    "options for some clients only: settings are the same for all clients of a section");
		if (strchr(rule->daemons, '@') != NULL)
			import_tell(hosts->import, rule->where,
				    rule->options.denies ? IMPORT_APPROXIMATED : IMPORT_UNSUPPORTED,
				    "addresses of the server (daemon@host) are not looked at: %s",
				    rule->options.denies ? "these clients are refused on all of them" :
							   "this lets in nobody; write a section with that address in listen");
	}
}

/* What is decided of a section is not changed by the lists of [defaults], which are those of all others. */
static void keep_apart(struct import *import)
{
	static const char *const keys[] = { "allow", "deny" };

	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		for (size_t i = 0; i < ELEMENTS(keys); i++)
			if (import_get(import_defaults(import), keys[i]) != NULL && import_get(at, keys[i]) == NULL)
				import_set(at, keys[i], "");
}

static void apply_to_section(struct hosts *hosts, struct import_service *service)
{
	struct names names = { .section = import_name(service), .is_own = is_bundled(service) };

	if (is_local(service) || !import_is_wrapped(service, &names.program))
		return;
	if (names.program != NULL)
		names.section = names.program;
	else
		names.program = program_of(hosts->import, service);
	apply(hosts, service, &names);
}

static void apply_all(struct hosts *hosts)
{
	static const struct names nothing = { "", "", false };
	struct import *import = hosts->import;
	bool any = import_next(import, NULL) != NULL;

	if (!any && hosts->count > 0)
		add_sections(hosts);
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		apply_to_section(hosts, at);
	if (!any && hosts->count > 0) {
		apply(hosts, import_defaults(import), &nothing);
		keep_apart(import);
	}
	tell_rules(hosts);
}

void import_hosts_text(struct import *import, const char *allow_path, const char *allow, size_t allow_length,
		       const char *deny_path, const char *deny, size_t deny_length)
{
	struct hosts hosts = { .import = import, .pool = networks_pool_new(import) };

	hosts.rules = calloc(RULES_MAX, sizeof(*hosts.rules));
	if (hosts.rules == NULL) {
		import_lacks_memory(import);
	} else if (hosts.pool != NULL) {
		read_rules(&hosts, allow_path, allow, allow_length, false);
		read_rules(&hosts, deny_path, deny, deny_length, true);
		apply_all(&hosts);
	}
	free(hosts.rules);
	networks_pool_free(hosts.pool);
}

int import_hosts(struct import *import, const char *allow, const char *deny)
{
	const char *allow_text = "", *deny_text = "";
	size_t allow_length = 0, deny_length = 0;
	int r = allow != NULL ? import_read(import, allow, &allow_text, &allow_length) : 0;

	if (r == 0 && deny != NULL)
		r = import_read(import, deny, &deny_text, &deny_length);
	if (r == 0)
		import_hosts_text(import, allow, allow_text, allow_length, deny, deny_text, deny_length);
	return r;
}
