/* conf-merge.c - from settings as written to values: the defaults of the table,
 * then [usherd] and [defaults], then what each service says itself. */
#include "conf-internal.h"

#include "base.h"

#include <errno.h>
#include <string.h>

static struct conf_input make_input(struct conf_loader *loader, const struct conf_key *key, const char *text)
{
	return (struct conf_input){
		.text = text,
		.min = key->min,
		.max = key->max,
		.arena = loader->arena,
		.identities = loader->identities,
		.zones = &loader->zones,
		.digest = &loader->digest,
	};
}

/* Fills in the table's own defaults. "" leaves the field zero: an empty list, no text. */
static int apply_fallbacks(struct conf_loader *loader, enum conf_scope scope, void *base)
{
	char reason[CONF_REASON_MAX];
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = &keys[i];

		if (key->name == NULL || key->scope != scope || key->fallback[0] == '\0')
			continue;

		struct conf_input input = make_input(loader, key, key->fallback);
		int r = key->type->parse(&input, conf_key_field(key, base), reason);

		if (r == -EINVAL)
			BUG("a default in conf-keys.def is not a value of its type");
		if (r < 0)
			return r;
	}
	return 0;
}

static int apply_settings(struct conf_loader *loader, const struct conf_section *section, void *base)
{
	char reason[CONF_REASON_MAX];

	for (struct conf_setting *setting = section->settings; setting != NULL; setting = setting->next) {
		const struct conf_key *key = setting->key;
		struct conf_input input = make_input(loader, key, setting->value);

		if (setting->is_bad)
			continue;

		int r = key->type->parse(&input, conf_key_field(key, base), reason);

		if (r == -EINVAL) {
			setting->is_bad = true;
			conf_error_at(loader, section, key->name, setting->line, "%s%s", reason,
				      strstr(setting->value, " #") != NULL
					      ? "; # begins a comment at the start of a line only, ' ;' after a value"
					      : "");
		} else if (r < 0) {
			return r;
		} else if (key->type == &conf_type_access) {
			r = conf_access_place(loader, section, setting, conf_key_field(key, base));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int merge_service(struct conf_loader *loader, const struct conf_section *section,
			 const struct conf_service *defaults, struct conf_service *service)
{
	*service = *defaults;
	service->name = section->name;
	service->where = section->where;

	int r = conf_origins_make(loader->arena, section, &service->origins, &service->origin_count);

	if (r == 0)
		r = apply_settings(loader, section, service);
	return r < 0 ? r : conf_finish_service(loader, section, service);
}

/* An error in the arena of the snapshot. */
static const struct conf_error *keep_error(struct arena *arena, const struct conf_error *error)
{
	struct conf_error *kept = arena_alloc(arena, sizeof(*kept));

	if (kept == NULL)
		return NULL;
	kept->path = arena_strdup(arena, error->path);
	kept->line = error->line;
	kept->subject = error->subject != NULL ? arena_strdup(arena, error->subject) : NULL;
	kept->reason = arena_strdup(arena, error->reason);
	return kept->path != NULL && kept->reason != NULL ? kept : NULL;
}

/* What is disabled may be offered by hand: what it lacks for that is no error now. After all
 * others, so that files they share were read, and told, with them. */
static int finish_disabled(struct conf_loader *loader, const struct conf_section *section,
			   struct conf_service *service)
{
	struct conf_errors *errors = loader->errors, warnings = loader->warnings, lacks = { .count = 0 };
	int r;

	loader->errors = &lacks;
	loader->warnings = (struct conf_errors){ .count = 0 };
	r = conf_finish_offer(loader, section, service);
	conf_errors_free(&loader->warnings);
	loader->errors = errors;
	loader->warnings = warnings;
	if (r == 0 && lacks.count + lacks.left_out > 0) {
		service->lacks = lacks.count > 0 ? keep_error(loader->arena, &lacks.items[0]) : NULL;
		service->limits.access = NULL; /* it may not be whole */
		if (service->lacks == NULL)
			r = -ENOMEM;
	}
	conf_errors_free(&lacks);
	return r;
}

static int finish_all_disabled(struct conf_loader *loader, struct conf *conf)
{
	const struct conf_section *section = loader->services;
	int r = 0;

	for (size_t i = 0; i < conf->service_count && r == 0; i++, section = section->next)
		if (conf->services[i].disable)
			r = finish_disabled(loader, section, &conf->services[i]);
	return r;
}

int conf_merge(struct conf_loader *loader, struct conf *conf)
{
	struct conf_service defaults = {.description = ""};
	size_t i = 0;
	int r = apply_fallbacks(loader, CONF_SCOPE_DAEMON, &conf->daemon);

	if (r == 0)
		r = apply_fallbacks(loader, CONF_SCOPE_SERVICE, &defaults);
	if (r == 0 && loader->daemon != NULL)
		r = apply_settings(loader, loader->daemon, &conf->daemon);
	if (r == 0 && loader->daemon != NULL)
		r = conf_origins_make(loader->arena, loader->daemon, &conf->daemon.origins,
				      &conf->daemon.origin_count);
	if (r == 0 && loader->defaults != NULL)
		r = apply_settings(loader, loader->defaults, &defaults);
	if (r == 0 && loader->defaults != NULL)
		r = conf_origins_make(loader->arena, loader->defaults, &defaults.default_origins,
				      &defaults.default_origin_count);
	if (r < 0)
		return r;

	conf->services = arena_alloc(loader->arena, (loader->service_count + 1) * sizeof(*conf->services));
	if (conf->services == NULL)
		return -ENOMEM;
	for (const struct conf_section *section = loader->services; section != NULL && r == 0;
	     section = section->next)
		r = merge_service(loader, section, &defaults, &conf->services[i++]);
	conf->service_count = i;
	if (r == 0)
		r = conf_finish_all(loader, conf);
	return r < 0 || loader->errors->count > 0 ? r : finish_all_disabled(loader, conf);
}
