/* view-keys.c - the keys of a section as JSON: each with its value, and where it was set. */
#include "view.h"

#include "base.h"
#include "conf-key.h"

#include <stdio.h>
#include <string.h>

static json_t *value_of(const struct conf_key *key, const void *base)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	json_t *value = NULL;

	if (stream == NULL)
		return NULL;
	key->type->print((const char *)base + key->offset, stream);
	if (fclose(stream) == 0)
		value = view_text(text);
	free(text);
	return value;
}

/* A list that goes on in indented lines stands in one here. */
static void join_lines(json_t *value)
{
	const char *text = json_string_value(value);
	_cleanup_free_ char *joined = text != NULL ? strdup(text) : NULL;
	size_t used = 0;

	if (joined == NULL || strchr(joined, '\n') == NULL)
		return;
	for (const char *from = joined; *from != '\0'; from++) {
		if (*from == '\n' || (*from == '\t' && used > 0 && joined[used - 1] == ' '))
			joined[used++] = ' ';
		else if (*from != ' ' || used == 0 || joined[used - 1] != ' ')
			joined[used++] = *from;
	}
	joined[used] = '\0';
	json_string_set(value, joined);
}

static json_t *describe(const struct conf_key *key, const void *base, const struct conf_where *where,
			const char *origin)
{
	json_t *value = value_of(key, base);

	join_lines(value);
	return json_pack("{s:s, s:o, s:s, s:o}", "key", key->name, "value", value, "origin", origin, "where",
			 view_where(where));
}

static bool is_own(const struct conf_service *settings, const char *name)
{
	for (size_t i = 0; i < settings->origin_count; i++)
		if (strcmp(settings->origins[i].key->name, name) == 0)
			return true;
	return false;
}

json_t *view_service_keys(const struct conf_service *settings)
{
	json_t *array = json_array();
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++) {
		if (keys[i].name == NULL || keys[i].scope != CONF_SCOPE_SERVICE)
			continue;

		struct conf_where where = conf_origin_of(settings, keys[i].name);
		const char *origin = where.path == NULL             ? "default" :
				     is_own(settings, keys[i].name) ? "section" :
								      "defaults";

		json_array_append_new(array, describe(&keys[i], settings, &where, origin));
	}
	return array;
}

json_t *view_daemon_keys(const struct conf_daemon *settings)
{
	json_t *array = json_array();
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++) {
		if (keys[i].name == NULL || keys[i].scope != CONF_SCOPE_DAEMON)
			continue;

		struct conf_where where = conf_daemon_origin_of(settings, keys[i].name);

		json_array_append_new(array, describe(&keys[i], settings, &where,
						      where.path == NULL ? "default" : "section"));
	}
	return array;
}
