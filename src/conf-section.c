/* conf-section.c - sections and settings as they are written, gathered from what
 * the reader tells. Knows which sections and keys there are, and where each may
 * stand; conf-merge.c makes values of them. */
#include "conf-internal.h"

#include "base.h"
#include "conf-read.h"
#include "suggest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const special_sections[] = {"usherd", "defaults", "ports"};

/* ---- sections ---- */

/* Names of [ports] are addresses, and -T writes them as sections: so both kinds of
 * names are allowed everywhere. */
bool conf_is_service_name(const char *name)
{
	if (name[0] == '\0' || name[0] == '-')
		return false;
	for (const char *byte = name; *byte != '\0'; byte++)
		if (!isalnum((unsigned char)*byte) && strchr("._-/:*%[]@", *byte) == NULL)
			return false;
	return true;
}

/* The special section that a name was probably meant for, or NULL. */
const char *conf_meant_section(const char *name)
{
	for (size_t i = 0; i < ELEMENTS(special_sections); i++) {
		const char *special = special_sections[i];
		size_t length = strlen(special);

		if (strcasecmp(name, special) == 0)
			return special;
		/* [default], [port]; and any single slip in the two long ones. */
		if (special[length - 1] == 's' && strlen(name) == length - 1 &&
		    strncasecmp(name, special, length - 1) == 0)
			return special;
		if (length > 5 && suggest_distance(name, special, 1) <= 1)
			return special;
	}
	return NULL;
}

static struct conf_section *new_section(struct conf_loader *loader, const char *name, unsigned line)
{
	struct conf_section *section = arena_alloc(loader->scratch, sizeof(*section));

	if (section == NULL)
		return NULL;
	section->name = arena_strdup(loader->arena, name);
	section->where = (struct conf_where){.path = loader->path, .line = line};
	return section->name != NULL ? section : NULL;
}

/* Enters a section under its name, unless the name is taken. Returns 0, -EEXIST
 * (and the error is listed) or -ENOMEM. */
static int enter_section(struct conf_loader *loader, struct conf_section *section)
{
	struct conf_section *other;

	HASH_FIND_STR(loader->by_name, section->name, other);
	if (other != NULL) {
		conf_error_at(loader, section, NULL, section->where.line,
			      "this %s is given twice; it is already at %s:%u",
			      section->is_port || other->is_port ? "service" : "section", other->where.path,
			      other->where.line);
		return -EEXIST;
	}
	HASH_ADD_KEYPTR(hh, loader->by_name, section->name, strlen(section->name), section);
	return section->hh.tbl != NULL ? 0 : -ENOMEM;
}

static void append_service(struct conf_loader *loader, struct conf_section *section)
{
	if (loader->last_service != NULL)
		loader->last_service->next = section;
	else
		loader->services = section;
	loader->last_service = section;
	loader->service_count++;
}

/* [usherd] and [defaults]: once, and in the main file. */
static int open_main_section(struct conf_loader *loader, struct conf_section *section,
			     struct conf_section **place)
{
	if (!loader->is_main) {
		conf_error_at(
			loader, section, NULL, section->where.line,
			"this section belongs in the main file, %s; here it would reach beyond this file",
			loader->sources[0].path);
		return 0;
	}

	int r = enter_section(loader, section);

	if (r < 0)
		return r == -EEXIST ? 0 : r;
	*place = section;
	loader->section = section;
	return 0;
}

/* [ports] may stand in every file, once. */
static int open_ports(struct conf_loader *loader, struct conf_section *section)
{
	if (loader->ports_line != 0) {
		conf_error_at(loader, section, NULL, section->where.line,
			      "this section is given twice; it is already at %s:%u", loader->path,
			      loader->ports_line);
		return 0;
	}
	loader->ports_line = section->where.line;
	loader->section = section;
	return 0;
}

static int open_service(struct conf_loader *loader, struct conf_section *section)
{
	const char *meant = conf_meant_section(section->name);

	if (meant != NULL) {
		conf_error_at(loader, section, NULL, section->where.line,
			      "unknown section; did you mean [%s]?", meant);
		return 0;
	}
	if (!conf_is_service_name(section->name)) {
		conf_error_at(
			loader, section, NULL, section->where.line,
			"not a name for a service; letters, digits, dots, dashes and underscores make one");
		return 0;
	}

	int r = enter_section(loader, section);

	if (r < 0)
		return r == -EEXIST ? 0 : r;
	append_service(loader, section);
	loader->section = section;
	return 0;
}

static int take_section(void *context, const char *name, unsigned line)
{
	struct conf_loader *loader = context;
	struct conf_section *section = new_section(loader, name, line);

	loader->section = NULL;
	if (section == NULL)
		return -ENOMEM;
	if (strcmp(name, "usherd") == 0) {
		loader->kind = CONF_SECTION_DAEMON;
		return open_main_section(loader, section, &loader->daemon);
	}
	if (strcmp(name, "defaults") == 0) {
		loader->kind = CONF_SECTION_DEFAULTS;
		return open_main_section(loader, section, &loader->defaults);
	}
	if (strcmp(name, "ports") == 0) {
		loader->kind = CONF_SECTION_PORTS;
		return open_ports(loader, section);
	}
	loader->kind = CONF_SECTION_SERVICE;
	return open_service(loader, section);
}

/* ---- settings ---- */

struct conf_setting *conf_section_find(const struct conf_section *section, const char *key)
{
	if (section == NULL)
		return NULL;
	for (struct conf_setting *setting = section->settings; setting != NULL; setting = setting->next)
		if (strcmp(setting->key->name, key) == 0)
			return setting;
	return NULL;
}

int conf_setting_add(struct conf_loader *loader, struct conf_section *section, const struct conf_key *key,
		     const char *value, unsigned line)
{
	struct conf_setting *setting = arena_alloc(loader->scratch, sizeof(*setting));

	if (setting == NULL)
		return -ENOMEM;
	setting->key = key;
	setting->line = line;
	setting->value = arena_strdup(loader->scratch, value);
	if (setting->value == NULL)
		return -ENOMEM;
	if (section->last_setting != NULL)
		section->last_setting->next = setting;
	else
		section->settings = setting;
	section->last_setting = setting;
	return 0;
}

/* A line of [ports]: a service of its own. */
static int add_port(struct conf_loader *loader, const char *name, const char *value, unsigned line)
{
	struct conf_section *section = new_section(loader, name, line);

	if (section == NULL)
		return -ENOMEM;
	section->is_port = true;
	if (!conf_is_service_name(name)) {
		const struct conf_key *key = conf_key_find(CONF_SCOPE_SERVICE, name);

		conf_error_at(loader, section, NULL, line, "not an address: %s",
			      key != NULL ? "keys of a service belong in a section of its own"
					  : "write PORT[/PROTOCOL] = COMMAND");
		return 0;
	}

	int r = enter_section(loader, section);

	if (r < 0)
		return r == -EEXIST ? 0 : r;
	append_service(loader, section);
	r = conf_setting_add(loader, section, conf_key_find(CONF_SCOPE_SERVICE, "listen"), name, line);
	return r < 0 ? r
		     : conf_setting_add(loader, section, conf_key_find(CONF_SCOPE_SERVICE, "exec"), value,
					line);
}

static enum conf_scope scope_of(enum conf_section_kind kind)
{
	return kind == CONF_SECTION_DAEMON ? CONF_SCOPE_DAEMON : CONF_SCOPE_SERVICE;
}

static void refuse_key(struct conf_loader *loader, const char *name, unsigned line)
{
	enum conf_scope scope = scope_of(loader->kind);
	enum conf_scope other = scope == CONF_SCOPE_DAEMON ? CONF_SCOPE_SERVICE : CONF_SCOPE_DAEMON;
	const char *nearest = conf_key_suggest(scope, name);

	if (nearest != NULL)
		loader->section->is_broken = true;
	if (conf_key_find(other, name) != NULL)
		conf_error_at(loader, loader->section, name, line, "this key belongs in %s",
			      other == CONF_SCOPE_DAEMON ? "[usherd]"
							 : "the section of a service, or in [defaults]");
	else if (nearest != NULL)
		conf_error_at(loader, loader->section, name, line, "unknown key '%s'; did you mean '%s'?",
			      name, nearest);
	else
		conf_error_at(loader, loader->section, name, line,
			      "unknown key '%s'; 'usherd keys' lists them all", name);
}

/* A key that is there, but wrong, must not be missed as well. */
static int remember_bad(struct conf_loader *loader, const char *name, unsigned line)
{
	const struct conf_key *key = conf_key_find(scope_of(loader->kind), name);

	if (key == NULL || loader->section == NULL || conf_section_find(loader->section, name) != NULL)
		return 0;

	int r = conf_setting_add(loader, loader->section, key, "", line);

	if (r == 0)
		loader->section->last_setting->is_bad = true;
	return r;
}

static int take_setting(struct conf_loader *loader, const char *name, const char *value, unsigned line,
			unsigned continued)
{
	struct conf_section *section = loader->section;
	const struct conf_key *key = conf_key_find(scope_of(loader->kind), name);

	if (section == NULL)
		BUG("a key of no section");

	const struct conf_setting *before = conf_section_find(section, name);

	if (key == NULL) {
		refuse_key(loader, name, line);
		return 0;
	}
	if (before != NULL) {
		conf_error_at(loader, section, name, line, "this key is given twice; it is already at %s:%u",
			      loader->path, before->line);
		return 0;
	}
	if (continued != 0 && !key->type->continues) {
		conf_error_at(loader, section, name, continued,
			      "an indented line continues lists and commands only; take the blanks away");
		return remember_bad(loader, name, line);
	}
	if (loader->kind == CONF_SECTION_DEFAULTS && (key->flags & CONF_KEY_OWN) != 0) {
		conf_error_at(loader, section, name, line,
			      "each service needs its own; this key cannot have a default");
		return 0;
	}
	return conf_setting_add(loader, section, key, value, line);
}

static int take_pair(void *context, const char *key, const char *value, unsigned line, unsigned continued)
{
	struct conf_loader *loader = context;

	if (loader->section == NULL) {
		/* Below a section that is an error its keys are not looked at. */
		if (loader->kind == CONF_SECTION_NONE)
			conf_error_add(
				loader->errors, loader->path, line, key,
				"this key stands before the first section; put [defaults] or [NAME] above it");
		return 0;
	}
	if (loader->kind == CONF_SECTION_PORTS)
		return add_port(loader, key, value, line);
	return take_setting(loader, key, value, line, continued);
}

static int take_error(void *context, unsigned line, const char *key, const char *reason)
{
	struct conf_loader *loader = context;

	if (loader->section != NULL)
		loader->section->is_broken = true;
	if (key == NULL || loader->section == NULL) {
		conf_error_add(loader->errors, loader->path, line, key, "%s", reason);
		return 0;
	}
	conf_error_at(loader, loader->section, key, line, "%s", reason);
	return loader->kind == CONF_SECTION_PORTS ? 0 : remember_bad(loader, key, line);
}

static bool is_key(void *context, const char *name)
{
	const struct conf_loader *loader = context;

	return conf_key_find(scope_of(loader->kind), name) != NULL;
}

int conf_section_read(struct conf_loader *loader, const char *bytes, size_t length)
{
	static const struct conf_read_sink sink = {
		.section = take_section,
		.pair = take_pair,
		.error = take_error,
		.is_key = is_key,
	};

	loader->kind = CONF_SECTION_NONE;
	loader->section = NULL;
	loader->ports_line = 0;
	return conf_read(bytes, length, &sink, loader);
}
