/* conf-origin.c - where a value was set, while the configuration is read and
 * afterwards: so that an error, or an explanation, names the line to change. */
#include "conf-internal.h"

#include <errno.h>
#include <string.h>

const struct conf_setting *conf_setting_origin(const struct conf_loader *loader,
					       const struct conf_section *section, const char *key,
					       const struct conf_section **ret_section)
{
	const struct conf_setting *setting = conf_section_find(section, key);

	*ret_section = section;
	if (setting == NULL) {
		setting = conf_section_find(loader->defaults, key);
		*ret_section = loader->defaults;
	}
	return setting;
}

void conf_refuse(struct conf_loader *loader, const struct conf_section *section, const char *key,
		 const char *reason)
{
	const struct conf_section *where;
	const struct conf_setting *setting = conf_setting_origin(loader, section, key, &where);

	if (setting == NULL)
		conf_error_at(loader, section, key, section->where.line, "%s", reason);
	else if (where == section)
		conf_error_at(loader, section, key, setting->line, "%s", reason);
	else
		conf_error_at(loader, where, key, setting->line, "%s (for the service [%s])", reason,
			      section->name);
}

int conf_origins_make(struct arena *arena, const struct conf_section *section,
		      const struct conf_origin **ret_origins, size_t *ret_count)
{
	struct conf_origin *origins;
	size_t count = 0;

	for (const struct conf_setting *setting = section->settings; setting != NULL; setting = setting->next)
		count++;
	origins = arena_alloc(arena, (count + 1) * sizeof(*origins));
	if (origins == NULL)
		return -ENOMEM;
	count = 0;
	for (const struct conf_setting *setting = section->settings; setting != NULL; setting = setting->next)
		origins[count++] = (struct conf_origin){
			.key = setting->key,
			.where = { .path = section->where.path, .line = setting->line },
		};
	*ret_origins = origins;
	*ret_count = count;
	return 0;
}

static const struct conf_origin *find(const struct conf_origin *origins, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(origins[i].key->name, key) == 0)
			return &origins[i];
	return NULL;
}

struct conf_where conf_origin_of(const struct conf_service *service, const char *key)
{
	const struct conf_origin *origin = find(service->origins, service->origin_count, key);

	if (origin == NULL)
		origin = find(service->default_origins, service->default_origin_count, key);
	return origin != NULL ? origin->where : (struct conf_where){ .path = NULL };
}

struct conf_where conf_daemon_origin_of(const struct conf_daemon *daemon, const char *key)
{
	const struct conf_origin *origin = find(daemon->origins, daemon->origin_count, key);

	return origin != NULL ? origin->where : (struct conf_where){ .path = NULL };
}
