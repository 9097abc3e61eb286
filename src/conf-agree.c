/* conf-agree.c - whether the values of a service agree with each other, where
 * clients are admitted and watched: what was written and cannot be kept is an error, never a
 * rule that is silently none. */
#include "conf-internal.h"

#include "access.h"
#include "base.h"

#include <string.h>

/* What the daemon does with connections it has accepted; with wait = yes it accepts none. */
static const char *const not_with_wait[] = {
	"banner", "banner_refused", "per_source", "first_byte_timeout", "idle_timeout", "on_hangup", "linger",
	"warm", "warm_spares", "warm_sessions", "warm_time",
};

bool conf_agree_waits(const char *key)
{
	for (size_t i = 0; i < ELEMENTS(not_with_wait); i++)
		if (strcmp(not_with_wait[i], key) == 0)
			return false;
	return true;
}

/* Whether the setting behind a value is an error that was told already. */
static bool is_bad(const struct conf_loader *loader, const struct conf_section *section, const char *key)
{
	const struct conf_section *where;
	const struct conf_setting *setting = conf_setting_origin(loader, section, key, &where);

	return setting != NULL && setting->is_bad;
}

/* ---- wait = yes ---- */

static bool allows_everybody(const struct conf_service *service)
{
	bool all = service->allow.count == 0;

	for (size_t i = 0; i < service->allow.count; i++)
		all = all || service->allow.rules[i].kind == ACCESS_ALL;
	return all && service->deny.count == 0;
}

/* A program that accepts for itself asks nobody. Datagrams are looked at before it starts. */
static void check_rules(struct conf_loader *loader, const struct conf_section *section,
			const struct conf_service *service)
{
	if (service->listen.count == 0 || !endpoint_is_stream(&service->listen.items[0]) ||
	    allows_everybody(service) || is_bad(loader, section, "allow") || is_bad(loader, section, "deny"))
		return;
	if (service->deny.count > 0)
		conf_refuse(
			loader, section, "deny",
			"with wait = yes the program accepts connections for itself, so that nobody can be "
			"refused; write an empty deny in the service, and allow = all");
	else
		conf_refuse(
			loader, section, "allow",
			"with wait = yes the program accepts connections for itself, so that nobody can be "
			"refused; write allow = all in the service");
}

static void check_wait(struct conf_loader *loader, const struct conf_section *section,
		       struct conf_service *service)
{
	for (const struct conf_setting *setting = section->settings; setting != NULL; setting = setting->next)
		if (!conf_agree_waits(setting->key->name) && !setting->is_bad &&
		    conf_key_applies(setting->key, &service->listen))
			conf_error_at(loader, section, setting->key->name, setting->line,
				      "with wait = yes the program accepts for itself, and this key does "
				      "nothing; take it away");
	check_rules(loader, section, service);

	/* From [defaults] they are meant for the others. */
	service->banner = service->banner_refused = (struct conf_message){ .bytes = NULL };
	service->per_source = (struct conf_optional_count){ .kind = CONF_COUNT_NONE };
	service->first_byte_ns = service->idle_ns = service->linger_ns = 0;
	service->kill_on_hangup = false;
	service->warm = WARM_NONE;
}

/* ---- linger = 0 ---- */

static void check_linger(struct conf_loader *loader, const struct conf_section *section,
			 const struct conf_service *service)
{
	const struct {
		const char *key;
		bool is_set;
	} needs[] = {
		{ "first_byte_timeout", service->first_byte_ns > 0 },
		{ "idle_timeout", service->idle_ns > 0 },
		{ "on_hangup", service->kill_on_hangup },
	};
	char reason[CONF_REASON_MAX];

	if (service->linger_ns > 0 || is_bad(loader, section, "linger"))
		return;
	for (size_t i = 0; i < ELEMENTS(needs); i++) {
		const struct conf_key *key = conf_key_find(CONF_SCOPE_SERVICE, needs[i].key);
		const struct conf_section *where;

		if (!needs[i].is_set || !conf_key_applies(key, &service->listen) ||
		    is_bad(loader, section, key->name))
			continue;
		conf_type_refuse(
			reason,
			"%s needs the duplicate of the connection that linger = 0 does without; give "
			"linger a time, or turn %s off",
			key->name, key->name);
		conf_setting_origin(loader, section, key->name, &where);
		/* Told where the service itself says something, if it does. */
		conf_refuse(loader, section, where == section ? key->name : "linger", reason);
	}
}

/* ---- per_source ---- */

#define PER_SOURCE_LEAST 8

/* Out of the box one source cannot take a service away from the others; programs on this
 * machine, a proxy in front of usherd for one, speak for many. */
static void settle_per_source(struct conf_service *service)
{
	struct gate_limits *limits = &service->limits;

	limits->per_source = 0;
	limits->per_source_spares_local = false;
	switch (service->per_source.kind) {
	case CONF_COUNT_AUTO:
		limits->per_source = limits->instances / 4;
		if (limits->per_source < PER_SOURCE_LEAST)
			limits->per_source = PER_SOURCE_LEAST;
		limits->per_source_spares_local = true;
		break;
	case CONF_COUNT_NONE:
		break;
	case CONF_COUNT_SET:
		limits->per_source = service->per_source.value;
		break;
	}
}

void conf_agree(struct conf_loader *loader, const struct conf_section *section, struct conf_service *service)
{
	if (service->wait)
		check_wait(loader, section, service);
	else
		check_linger(loader, section, service);
	settle_per_source(service);
	/* From [defaults] it is meant for others. */
	if (!conf_key_applies(conf_key_find(CONF_SCOPE_SERVICE, "warm"), &service->listen))
		service->warm = WARM_NONE;
}
