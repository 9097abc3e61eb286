/* import-rules.c - see import-rules.h. */
#include "import-rules.h"

#include "arena.h"
#include "base.h"
#include "import-networks.h"

#include <ctype.h>
#include <string.h>

#define RULES_MAX 200000
#define MESSAGE_MAX 1024
#define ENV_MAX   8000 /* bytes of the variables of a rule */

void rules_switch_off(struct import *import, struct import_service *service, const char *why)
{
	bool common = service == import_defaults(import);
	const char *key = common ? "deny" : "disable";

	import_set(service, key, common ? "all" : "yes");
	if (common)
		import_set(service, "allow", NULL);
	import_comment(service, key, "%s", why);
}

void rules_set_message(struct import *import, struct import_service *service, const char *key, const char *message,
		       bool escapes, struct import_where where)
{
	char *text = arena_alloc(import_arena(import), 4 * strlen(message) + 1), *at = text;

	if (text == NULL || strlen(message) > MESSAGE_MAX) {
		import_tell(import, where, IMPORT_UNSUPPORTED,
			    "the message is too long: %s has up to %d bytes", key, MESSAGE_MAX);
		return;
	}
	for (; *message != '\0'; message++) {
		unsigned char byte = (unsigned char)*message;

		if (escapes && byte == '\\' && message[1] != '\0' && strchr("nr\\", message[1]) != NULL) {
			*at++ = '\\';
			*at++ = *++message;
		} else if (byte < ' ' || byte >= 0x7f || strchr("\\;'\"", byte) != NULL ||
			   (byte == ' ' && (at == text || message[1] == '\0')) ||
			   (at == text && (byte == 'n' || byte == 'f'))) {
			at += snprintf(at, 5, "\\x%02x", byte); /* blanks at the ends, and "none" and "file:" */
		} else {
			*at++ = (char)byte;
		}
	}
	*at = '\0';
	import_set(service, key, text);
}

/* ---- variables ---- */

/* Also those are no names that are set for each session, see env in services.ini(5). */
static bool is_name(const char *name)
{
	static const char *const taken[] = { "USHERD_", "LISTEN_", "TCPLOCAL", "TCPREMOTE", "UDPLOCAL", "UDPREMOTE",
					     "UNIXLOCAL", "UNIXREMOTE", "IPC", "PROTO", "REMOTE_" };

	for (size_t i = 0; i < ELEMENTS(taken); i++)
		if (strncmp(name, taken[i], strlen(taken[i])) == 0)
			return false;
	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

/* Whether a list may set this name already; it is so, too, when it stands in the midst of a value. */
static bool has_name(const char *env, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strstr(env, name); at != NULL; at = strstr(at + 1, name))
		if (at[length] == '=' && (at == env || at[-1] == ' ' || at[-1] == '"'))
			return true;
	return false;
}

/* Of lists a backslash in quotes escapes itself and the quote; nothing else does. */
static const char *quote_item(struct import *import, const char *name, const char *value)
{
	char *text = arena_alloc(import_arena(import), strlen(name) + 2 * strlen(value) + 4), *at = text;
	bool plain = value[0] != '\0';

	for (const char *byte = value; *byte != '\0'; byte++) {
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			return NULL;
		plain = plain && (isalnum((unsigned char)*byte) || strchr("_./:=@%+-", *byte) != NULL);
	}
	if (text == NULL)
		return NULL;
	if (plain)
		return import_printf(import, "%s=%s", name, value);
	*at++ = '"';
	memcpy(at, name, strlen(name));
	at += strlen(name);
	*at++ = '=';
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			*at++ = '\\';
		*at++ = *value;
	}
	*at++ = '"';
	*at = '\0';
	return text;
}

const char *rules_add_variable(struct import *import, const char *env, const char *name, const char *value)
{
	const char *item;

	if (!is_name(name) || strlen(env) + strlen(value) > ENV_MAX || has_name(env, name))
		return NULL;
	item = quote_item(import, name, value);
	return item == NULL ? NULL : env[0] == '\0' ? item : import_printf(import, "%s %s", env, item);
}

/* The name of the item at `env`, and what is behind the item: the lists are our own, see quote_item(). */
static const char *take_name(const char *env, char *name, size_t size)
{
	size_t length = strcspn(env, "=");
	bool quoted = env[0] == '"';

	snprintf(name, size, "%.*s", (int)(length - quoted), env + quoted);
	for (env += length; *env != '\0' && (quoted || *env != ' '); env++) {
		if (*env == '\\' && env[1] != '\0')
			env++;
		else if (*env == '"')
			quoted = !quoted;
	}
	return env + (*env == ' ');
}

bool rules_set_env(struct import_service *service, const char *env)
{
	const char *before = import_get(service, "env");
	char name[ENV_MAX];

	if (env[0] == '\0')
		return true;
	if (before == NULL) {
		import_set(service, "env", env);
		return true;
	}
	for (const char *at = env; *at != '\0';) {
		at = take_name(at, name, sizeof(name));
		if (has_name(before, name))
			return false;
	}
	if (strlen(before) + strlen(env) > 4 * ENV_MAX)
		return false;
	import_setf(service, "env", "%s %s", before, env);
	return true;
}

/* ---- rules ---- */

void rules_add(struct rules *rules, const struct access_rule *network, bool deny, const char *env,
	       struct import_where where)
{
	if (rules->count == RULES_MAX) {
		rules->overflows = true;
		return;
	}
	if (rules->count == rules->room) {
		size_t room = rules->room == 0 ? 64 : rules->room * 2;
		struct rules_item *items = arena_alloc(import_arena(rules->import), room * sizeof(*items));

		if (items == NULL) {
			rules->overflows = true;
			return;
		}
		if (rules->count > 0)
			memcpy(items, rules->items, rules->count * sizeof(*items));
		rules->items = items;
		rules->room = room;
	}
	rules->items[rules->count] =
		(struct rules_item){ .network = *network, .env = env, .where = where, .order = rules->count };
	rules->items[rules->count++].network.deny = deny;
}

void rules_cannot_refuse(struct rules *rules, struct import_where where, const char *what)
{
	rules->must_decide = true;
	import_tell(rules->import, where, IMPORT_UNSUPPORTED,
		    "it refuses by %s, which is never looked up here; refuse addresses instead, then switch the section on",
		    what);
}

/* The variables that all who are let in have, or NULL: they differ. */
static const char *common_env(const struct rules *rules)
{
	const char *env = rules->allows_rest ? "" : NULL;
	bool has_rest = false;

	for (size_t i = 0; i < rules->count; i++)
		has_rest = has_rest || rules->items[i].network.kind == ACCESS_ALL;
	if (has_rest)
		env = NULL;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rules_item *item = &rules->items[i];

		if (item->network.deny)
			continue;
		if (env != NULL && strcmp(env, item->env) != 0)
			return NULL;
		env = item->env;
	}
	return env != NULL ? env : "";
}

static void give_env(struct rules *rules, const char *env)
{
	if (rules_set_env(rules->service, env))
		return;
	for (size_t i = 0; i < rules->count; i++)
		if (!rules->items[i].network.deny && rules->items[i].env[0] != '\0')
			import_tell(rules->import, rules->items[i].where, IMPORT_UNSUPPORTED,
				    "its variables are set already, or are too many; write env by hand");
}

/* Those of the rule for the rest become those of all, when rules differ; the others are told. */
static void set_env(struct rules *rules)
{
	const char *env = common_env(rules), *rest = "";

	if (env != NULL) {
		give_env(rules, env);
		return;
	}
	for (size_t i = rules->count; i-- > 0;)
		if (rules->items[i].network.kind == ACCESS_ALL && !rules->items[i].network.deny)
			rest = rules->items[i].env;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rules_item *item = &rules->items[i];

		if (item->network.deny || strcmp(item->env, rest) == 0)
			continue;
		import_tell(rules->import, item->where, IMPORT_UNSUPPORTED,
			    "variables by address: these clients are let in, and get %s; give them a section of their "
			    "own, or let the program look at REMOTE_ADDR",
			    rest[0] != '\0' ? "those of the rule for all others" : "none");
	}
	give_env(rules, rest);
}

/* From short prefixes to long ones; of equally long ones the first is the last, which stays. */
static int compare(const void *a, const void *b)
{
	const struct rules_item *first = a, *second = b;
	int x = first->network.kind == ACCESS_ALL ? -1 : first->network.bits;
	int y = second->network.kind == ACCESS_ALL ? -1 : second->network.bits;

	return x != y ? (x > y) - (x < y) : (first->order < second->order) - (first->order > second->order);
}

void rules_apply(struct rules *rules, struct import_where where)
{
	struct networks_pool *pool = networks_pool_new(rules->import);
	struct networks networks;

	set_env(rules);
	if (pool == NULL || rules->overflows) {
		networks_pool_free(pool);
		import_tell(rules->import, where, IMPORT_UNSUPPORTED,
			    "more than %d rules: the section is switched off; write them to a file, one network a line, "
			    "and name it: allow = file:PATH, deny = file:PATH",
			    RULES_MAX);
		rules_switch_off(rules->import, rules->service, "its rules are too many: see the report");
		return;
	}
	networks = networks_new(pool, rules->allows_rest ? NETWORKS_ALLOW : NETWORKS_DENY);
	if (rules->count > 0)
		qsort(rules->items, rules->count, sizeof(*rules->items), compare);
	for (size_t i = 0; i < rules->count; i++)
		networks_put(&networks, &rules->items[i].network,
			     rules->items[i].network.deny ? NETWORKS_DENY : NETWORKS_ALLOW);
	networks_apply(rules->import, rules->service, &networks, where);
	networks_pool_free(pool);
	if (rules->must_decide)
		rules_switch_off(rules->import, rules->service,
				 "rules that refuse by name are not had here: see the report, then switch it on");
}
