/* conf-key.c - expands conf-keys.def, once. */
#include "conf-key.h"

#include "base.h"
#include "suggest.h"

#include <string.h>

#define REQUIRED CONF_KEY_REQUIRED
#define OWN CONF_KEY_OWN
#define FOR_IP CONF_KEY_FOR_IP
#define FOR_TCP CONF_KEY_FOR_TCP
#define FOR_FILE CONF_KEY_FOR_FILE
#define FOR_STREAM CONF_KEY_FOR_STREAM

/* A group's title is a row without a name, so that the table needs no second list. */
#define GROUP(title) {.group = (title)},
#define DAEMON(key, kind, field, text, low, high, placeholder, bits, sentence)                               \
	{                                                                                                    \
		.scope = CONF_SCOPE_DAEMON,                                                                  \
		.name = (key),                                                                               \
		.type = &conf_type_##kind,                                                                   \
		.offset = offsetof(struct conf_daemon, field),                                               \
		.size = sizeof(((struct conf_daemon *)NULL)->field),                                         \
		.fallback = (text),                                                                          \
		.min = (low),                                                                                \
		.max = (high),                                                                               \
		.argument = (placeholder),                                                                   \
		.flags = (bits),                                                                             \
		.description = (sentence),                                                                   \
	},
#define SERVICE(key, kind, field, text, low, high, placeholder, bits, sentence)                              \
	{                                                                                                    \
		.scope = CONF_SCOPE_SERVICE,                                                                 \
		.name = (key),                                                                               \
		.type = &conf_type_##kind,                                                                   \
		.offset = offsetof(struct conf_service, field),                                              \
		.size = sizeof(((struct conf_service *)NULL)->field),                                        \
		.fallback = (text),                                                                          \
		.min = (low),                                                                                \
		.max = (high),                                                                               \
		.argument = (placeholder),                                                                   \
		.flags = (bits),                                                                             \
		.description = (sentence),                                                                   \
	},

static const struct conf_key keys[] = {
#include "conf-keys.def"
};

const struct conf_key *conf_keys(size_t *ret_count)
{
	*ret_count = ELEMENTS(keys);
	return keys;
}

const struct conf_key *conf_key_find(enum conf_scope scope, const char *name)
{
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		if (keys[i].name != NULL && keys[i].scope == scope && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

const char *conf_key_suggest(enum conf_scope scope, const char *name)
{
	const char *names[ELEMENTS(keys)];
	size_t count = 0;

	for (size_t i = 0; i < ELEMENTS(keys); i++)
		if (keys[i].name != NULL && keys[i].scope == scope)
			names[count++] = keys[i].name;
	return suggest_nearest(name, names, count);
}

bool conf_key_applies(const struct conf_key *key, const struct endpoint_list *list)
{
	const unsigned kinds = CONF_KEY_FOR_IP | CONF_KEY_FOR_TCP | CONF_KEY_FOR_FILE | CONF_KEY_FOR_STREAM;

	if ((key->flags & kinds) == 0)
		return true;
	for (size_t i = 0; i < list->count; i++) {
		const struct endpoint *endpoint = &list->items[i];
		bool is_ip = endpoint_is_ip(endpoint);

		if ((key->flags & CONF_KEY_FOR_IP) != 0 && is_ip)
			return true;
		if ((key->flags & CONF_KEY_FOR_TCP) != 0 && is_ip && endpoint_is_stream(endpoint))
			return true;
		if ((key->flags & CONF_KEY_FOR_FILE) != 0 && endpoint_has_path(endpoint))
			return true;
		if ((key->flags & CONF_KEY_FOR_STREAM) != 0 && endpoint_is_stream(endpoint))
			return true;
	}
	return false;
}
