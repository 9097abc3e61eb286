/* import-xinetd-attribute.c - the attributes of xinetd.conf: which there are, how many values each takes, and
 * the lists of words among them. What is wrong is passed over or switches the service off, as xinetd does. */
#include "import-xinetd.h"

#include "arena.h"
#include "base.h"

#include <string.h>

/* How many values. */
#define ANY  -1 /* as many as there are */
#define LIST -2 /* the same, with += and -= */
#define NONE -3 /* not in this kind of section */

static xinetd_take take_types, take_flags, take_success, take_failure, take_env, take_passenv, take_enabled,
	take_disabled, take_arguments;

static const struct attribute {
	const char *name;
	enum xinetd_attribute attribute;
	int in_service, in_defaults;
	xinetd_take *take;
} attributes[] = {
	{ "access_times", XINETD_ACCESS_TIMES, ANY, NONE, xinetd_take_times },
	{ "banner", XINETD_BANNER, 1, 1, xinetd_take_banner },
	{ "banner_fail", XINETD_BANNER_FAIL, 1, 1, xinetd_take_banner },
	{ "banner_success", XINETD_BANNER_SUCCESS, 1, 1, xinetd_take_banner },
	{ "bind", XINETD_BIND, 1, 1, xinetd_take_any },
	{ "cps", XINETD_CPS, 2, 2, xinetd_take_cps },
	{ "deny_time", XINETD_DENY_TIME, 1, NONE, xinetd_take_deny_time },
	{ "disable", XINETD_DISABLE, 1, NONE, xinetd_take_disable },
	{ "disabled", XINETD_DISABLED, NONE, LIST, take_disabled },
	{ "enabled", XINETD_ENABLED, NONE, LIST, take_enabled },
	{ "env", XINETD_ENV, LIST, NONE, take_env },
	{ "flags", XINETD_FLAGS, ANY, NONE, take_flags },
	{ "group", XINETD_GROUP, 1, NONE, xinetd_take_group },
	{ "groups", XINETD_GROUPS, 1, 1, xinetd_take_groups },
	{ "id", XINETD_ID, 1, NONE, xinetd_take_any },
	{ "instances", XINETD_INSTANCES, 1, 1, xinetd_take_count },
	{ "interface", XINETD_BIND, 1, 1, xinetd_take_any },
	{ "leaky_bucket", XINETD_LEAKY_BUCKET, 4, 4, xinetd_take_any },
	{ "libwrap", XINETD_LIBWRAP, 1, NONE, xinetd_take_any },
	{ "log_on_failure", XINETD_LOG_ON_FAILURE, LIST, LIST, take_failure },
	{ "log_on_success", XINETD_LOG_ON_SUCCESS, LIST, LIST, take_success },
	{ "log_type", XINETD_LOG_TYPE, ANY, LIST, xinetd_take_log_type },
	{ "max_load", XINETD_MAX_LOAD, 1, 1, xinetd_take_load },
	{ "mdns", XINETD_MDNS, 1, 1, xinetd_take_mdns },
	{ "nice", XINETD_NICE, 1, NONE, xinetd_take_nice },
	{ "no_access", XINETD_NO_ACCESS, LIST, LIST, xinetd_take_networks },
	{ "only_from", XINETD_ONLY_FROM, LIST, LIST, xinetd_take_networks },
	{ "passenv", XINETD_PASSENV, LIST, LIST, take_passenv },
	{ "per_source", XINETD_PER_SOURCE, 1, 1, xinetd_take_count },
	{ "port", XINETD_PORT, 1, NONE, xinetd_take_port },
	{ "protocol", XINETD_PROTOCOL, 1, NONE, xinetd_take_protocol },
	{ "redirect", XINETD_REDIRECT, 2, NONE, xinetd_take_redirect },
	{ "rlimit_as", XINETD_RLIMIT_AS, 1, NONE, xinetd_take_limit },
	{ "rlimit_cpu", XINETD_RLIMIT_CPU, 1, NONE, xinetd_take_limit },
	{ "rlimit_data", XINETD_RLIMIT_DATA, 1, NONE, xinetd_take_limit },
	{ "rlimit_files", XINETD_RLIMIT_FILES, 1, NONE, xinetd_take_limit },
	{ "rlimit_rss", XINETD_RLIMIT_RSS, 1, NONE, xinetd_take_limit },
	{ "rlimit_stack", XINETD_RLIMIT_STACK, 1, NONE, xinetd_take_limit },
	{ "rpc_number", XINETD_RPC_NUMBER, 1, NONE, xinetd_take_any },
	{ "rpc_version", XINETD_RPC_VERSION, 1, NONE, xinetd_take_any },
	{ "server", XINETD_SERVER, 1, NONE, xinetd_take_any },
	{ "server_args", XINETD_SERVER_ARGS, ANY, NONE, take_arguments },
	{ "socket_type", XINETD_SOCKET_TYPE, 1, NONE, xinetd_take_socket_type },
	{ "type", XINETD_TYPE, ANY, NONE, take_types },
	{ "umask", XINETD_UMASK, 1, 1, xinetd_take_umask },
	{ "user", XINETD_USER, 1, NONE, xinetd_take_user },
	{ "v6only", XINETD_V6ONLY, 1, 1, xinetd_take_v6only },
	{ "wait", XINETD_WAIT, 1, NONE, xinetd_take_yes_no },
};

/* ---- words ---- */

bool xinetd_words_add(struct xinetd *xinetd, struct xinetd_words *list, const char *word)
{
	if (list->count == list->room) {
		size_t room = list->room * 2 + 8;
		const char **items = arena_alloc(import_arena(xinetd->import), room * sizeof(*items));

		if (items == NULL)
			return false;
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = word;
	return true;
}

static size_t find_word(const struct xinetd_words *list, const char *word)
{
	size_t place = 0;

	while (place < list->count && strcmp(list->items[place], word) != 0)
		place++;
	return place;
}

struct bit {
	const char *name;
	unsigned bit;
	enum import_class class;
	const char *text; /* to be told of it, or "" */
};

/* Sets (or with -= clears) the bits that the words name; as far as the first that is not known. */
static const char *take_bits(struct xinetd *xinetd, const struct xinetd_line *line, const struct bit *bits,
			     size_t count, unsigned *set)
{
	for (size_t i = 0; i < line->count; i++) {
		size_t at = 0;

		while (at < count && strcmp(bits[at].name, line->words[i]) != 0)
			at++;
		if (at == count)
			return import_printf(xinetd->import, "'%.80s' is nothing that %s can be",
					     line->words[i], line->name);
		if (line->operator== XINETD_REMOVE) {
			*set &= ~bits[at].bit;
			continue;
		}
		if (bits[at].text[0] != '\0' && (*set & bits[at].bit) == 0)
			import_tell(xinetd->import, line->where, bits[at].class, "%s: %s", bits[at].name,
				    bits[at].text);
		*set |= bits[at].bit;
	}
	return NULL;
}

static const char *take_types(struct xinetd *xinetd, struct xinetd_section *section,
			      const struct xinetd_line *line)
{
	static const struct bit bits[] = {
		{ "RPC", XINETD_RPC, IMPORT_UNSUPPORTED,
		  "there are no services of rpcbind(8) here; let the program register itself and run without "
		  "usherd" },
		{ "INTERNAL", XINETD_INTERNAL, IMPORT_EXACT, "" },
		{ "UNLISTED", XINETD_UNLISTED, IMPORT_EXACT, "" },
		{ "SPECIAL", XINETD_SPECIAL, IMPORT_EXACT, "means nothing in a file" },
		{ "TCPMUX", XINETD_TCPMUX, IMPORT_UNSUPPORTED,
		  "there is no tcpmux here (RFC 7805 made it history); give the service a port of its own" },
		{ "TCPMUXPLUS", XINETD_TCPMUXPLUS, IMPORT_UNSUPPORTED,
		  "there is no tcpmux here (RFC 7805 made it history); give the service a port of its own" },
	};

	if (line->count == 0)
		return "type has no value";
	return take_bits(xinetd, line, bits, ELEMENTS(bits), &section->types);
}

static const char *take_flags(struct xinetd *xinetd, struct xinetd_section *section,
			      const struct xinetd_line *line)
{
	static const struct bit bits[] = {
		{ "REUSE", XINETD_REUSE, IMPORT_EXACT, "always so, in xinetd and here" },
		{ "INTERCEPT", XINETD_INTERCEPT, IMPORT_EXACT, "" },
		{ "NORETRY", XINETD_NORETRY, IMPORT_EXACT, "nothing is tried again here" },
		{ "IDONLY", XINETD_IDONLY, IMPORT_EXACT, "" },
		{ "NAMEINARGS", XINETD_NAMEINARGS, IMPORT_EXACT, "" },
		{ "NODELAY", XINETD_NODELAY, IMPORT_EXACT, "" },
		{ "KEEPALIVE", XINETD_KEEPALIVE, IMPORT_CHANGED,
		  "the kernel asks after five minutes of silence, not after two hours; see keepalive" },
		{ "NOLIBWRAP", XINETD_NOLIBWRAP, IMPORT_EXACT, "" },
		{ "SENSOR", XINETD_SENSOR, IMPORT_UNSUPPORTED,
		  "no service here closes others to who touches it; it is imported as one that refuses "
		  "everybody, and "
		  "usherctl ban ADDRESS TIME closes all services to an address" },
		{ "IPv4", XINETD_IPV4, IMPORT_EXACT, "" },
		{ "IPv6", XINETD_IPV6, IMPORT_EXACT, "" },
		{ "LABELED", XINETD_LABELED, IMPORT_UNSUPPORTED,
		  "programs do not get the SELinux context of the client here; the service is switched off" },
	};

	if (line->count == 0)
		return "flags has no value";
	return take_bits(xinetd, line, bits, ELEMENTS(bits), &section->flags);
}

#define NO_IDENT                                                                                             \
	"nobody is asked who the user of a connection is (ident, RFC 1413); all else is always logged"

static const char *take_success(struct xinetd *xinetd, struct xinetd_section *section,
				const struct xinetd_line *line)
{
	static const struct bit bits[] = {
		{ "PID", XINETD_LOG_OTHER, IMPORT_EXACT, "" },
		{ "HOST", XINETD_LOG_OTHER, IMPORT_EXACT, "" },
		{ "USERID", XINETD_LOG_USERID, IMPORT_UNSUPPORTED, NO_IDENT },
		{ "EXIT", XINETD_LOG_OTHER, IMPORT_EXACT, "" },
		{ "DURATION", XINETD_LOG_OTHER, IMPORT_EXACT, "" },
		{ "TRAFFIC", XINETD_LOG_TRAFFIC, IMPORT_EXACT, "" },
	};

	if (line->operator== XINETD_SET && !section->is_defaults)
		section->log_success = 0;
	return take_bits(xinetd, line, bits, ELEMENTS(bits), &section->log_success);
}

static const char *take_failure(struct xinetd *xinetd, struct xinetd_section *section,
				const struct xinetd_line *line)
{
	static const struct bit bits[] = {
		{ "HOST", XINETD_LOG_OTHER, IMPORT_EXACT, "" },
		{ "USERID", XINETD_LOG_USERID, IMPORT_UNSUPPORTED, NO_IDENT },
		{ "ATTEMPT", XINETD_LOG_OTHER, IMPORT_EXACT, "" },
	};

	if (line->operator== XINETD_SET && !section->is_defaults)
		section->log_failure = 0;
	return take_bits(xinetd, line, bits, ELEMENTS(bits), &section->log_failure);
}

static const char *take_env(struct xinetd *xinetd, struct xinetd_section *section,
			    const struct xinetd_line *line)
{
	if (line->operator== XINETD_REMOVE)
		return "env knows no -=";
	if (line->operator== XINETD_SET)
		section->env.count = 0;
	for (size_t i = 0; i < line->count; i++) {
		if (strchr(line->words[i], '=') == NULL)
			return import_printf(xinetd->import, "'%.80s' has no =", line->words[i]);
		if (!xinetd_words_add(xinetd, &section->env, line->words[i]))
			return "there is no memory";
	}
	return NULL;
}

static const char *take_passenv(struct xinetd *xinetd, struct xinetd_section *section,
				const struct xinetd_line *line)
{
	if (line->operator== XINETD_SET && !section->is_defaults)
		section->passenv.count = 0;
	for (size_t i = 0; i < line->count; i++) {
		size_t place;

		if (!xinetd_may_work(xinetd, section->passenv.count))
			return "there are too many variables";
		place = find_word(&section->passenv, line->words[i]);
		if (line->operator== XINETD_REMOVE && place<section->passenv.count)
			section->passenv.items[place] = section->passenv.items[--section->passenv.count];
		if (line->operator!= XINETD_REMOVE && place ==
		    section->passenv.count && !xinetd_words_add(xinetd, &section->passenv, line->words[i]))
			return "there is no memory";
	}
	return NULL;
}

/* -= adds as well: these lists are never made shorter. */
static const char *take_ids(struct xinetd *xinetd, struct xinetd_words *list, const struct xinetd_line *line)
{
	for (size_t i = 0; i < line->count; i++)
		if (!xinetd_words_add(xinetd, list, line->words[i]))
			return "there is no memory";
	if (line->operator== XINETD_REMOVE)
		import_tell(xinetd->import, line->where, IMPORT_EXACT,
			    "xinetd adds with -= here, and so does the import");
	return NULL;
}

static const char *take_enabled(struct xinetd *xinetd, struct xinetd_section *section,
				const struct xinetd_line *line)
{
	return take_ids(xinetd, &section->enabled, line);
}

static const char *take_disabled(struct xinetd *xinetd, struct xinetd_section *section,
				 const struct xinetd_line *line)
{
	return take_ids(xinetd, &section->disabled, line);
}

static const char *take_arguments(struct xinetd *xinetd, struct xinetd_section *section,
				  const struct xinetd_line *line)
{
	(void)xinetd;
	section->name_in_args = (section->flags & XINETD_NAMEINARGS) != 0;
	return line->count == 0 ? "server_args has no value" : NULL;
}

/* ---- sections ---- */

static void copy_value(struct xinetd_section *section, const struct xinetd_section *defaults,
		       enum xinetd_attribute attribute)
{
	/* It may be given once more in the section. */
	section->values[attribute] = defaults->values[attribute];
	section->values[attribute].is_set = false;
}

void xinetd_inherit(struct xinetd *xinetd, struct xinetd_section *section)
{
	const struct xinetd_section *defaults = &xinetd->defaults;

	section->log_success = defaults->log_success;
	section->log_failure = defaults->log_failure;
	copy_value(section, defaults, XINETD_BANNER);
	copy_value(section, defaults, XINETD_BANNER_SUCCESS);
	copy_value(section, defaults, XINETD_BANNER_FAIL);
	copy_value(section, defaults, XINETD_PASSENV);
	for (size_t i = 0; i < defaults->passenv.count; i++)
		if (!xinetd_may_work(xinetd, 1) ||
		    !xinetd_words_add(xinetd, &section->passenv, defaults->passenv.items[i]))
			break;
	if (!xinetd_networks_copy(xinetd, &section->only_from, &defaults->only_from) ||
	    !xinetd_networks_copy(xinetd, &section->no_access, &defaults->no_access))
		section->only_from.is_too_long = true;
}

static const struct attribute *find_attribute(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(attributes); i++)
		if (strcmp(attributes[i].name, name) == 0)
			return &attributes[i];
	return NULL;
}

/* What has xinetd pass over a line with a warning, or NULL. */
static const char *why_ignored(struct import *import, const struct xinetd_section *section,
			       const struct attribute *known, const struct xinetd_line *line)
{
	int count = section->is_defaults ? known->in_defaults : known->in_service;

	if (count == NONE)
		return section->is_defaults ?
			       import_printf(import, "%s cannot stand in defaults", known->name) :
			       import_printf(import, "%s stands in defaults only", known->name);
	if (count != LIST && section->values[known->attribute].is_set)
		return import_printf(import, "%s is given a second time, and the first holds", known->name);
	if (count != LIST && line->operator!= XINETD_SET)
		return import_printf(import, "%s takes no %s", known->name,
				     line->operator== XINETD_ADD ? "+=" : "-=");
	if (count > 0 && (size_t)count != line->count)
		return import_printf(import, "%s takes %d %s, not %zu", known->name, count,
				     count == 1 ? "value" : "values", line->count);
	return NULL;
}

/* What xinetd does about a value that it refuses. */
static void tell_failure(struct xinetd *xinetd, struct xinetd_section *section,
			 const struct xinetd_line *line, const char *wrong)
{
	if (section->is_defaults) {
		import_tell(xinetd->import, line->where, IMPORT_CHANGED,
			    "%s; xinetd ends at this line, and serves nothing: here it is left out, and all "
			    "else is imported",
			    wrong);
		return;
	}
	section->is_off = true;
	section->failures++;
	if (section->is_stopped)
		import_tell(xinetd->import, line->where, IMPORT_EXACT,
			    "%s; xinetd does not see it behind disable = yes, and it is left out", wrong);
	else
		import_tell(xinetd->import, line->where, IMPORT_EXACT,
			    "%s; xinetd switches the service off for that, unless it is named in enabled, "
			    "and so does the "
			    "import (disable = yes)",
			    wrong);
}

void xinetd_take_line(struct xinetd *xinetd, struct xinetd_section *section, const struct xinetd_line *line)
{
	const struct attribute *known = find_attribute(line->name);
	struct xinetd_value *value;
	const char *wrong;

	if (known == NULL) {
		import_tell(
			xinetd->import, line->where, IMPORT_EXACT,
			"xinetd has no attribute '%.80s' and passes the line over, and so does the import",
			line->name);
		return;
	}
	wrong = why_ignored(xinetd->import, section, known, line);
	if (wrong != NULL) {
		import_tell(xinetd->import, line->where, IMPORT_EXACT,
			    "%s; xinetd passes the line over, and so does the import", wrong);
	} else if (section->failures >= XINETD_FAILURES_MAX) {
		import_tell(xinetd->import, line->where, IMPORT_UNSUPPORTED,
			    "the section has too many mistakes; mend them and import again");
	} else {
		value = &section->values[known->attribute];
		wrong = known->take(xinetd, section, line);
		if (wrong == NULL || !value->is_set)
			*value = (struct xinetd_value){ .words = line->words,
							.count = line->count,
							.where = line->where };
		value->is_set |= wrong == NULL;
		import_tell(xinetd->import, line->where, IMPORT_EXACT, "%s", "");
		if (wrong != NULL)
			tell_failure(xinetd, section, line, wrong);
	}
	/* Here xinetd stops reading whenever the service is off by now. */
	if (strcmp(line->name, "disable") == 0 && section->is_off && !section->is_defaults)
		section->is_stopped = true;
}
