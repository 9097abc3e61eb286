/* conf-key.h - conf-keys.def as a table that can be searched. */
#ifndef USHERD_CONF_KEY_H
#define USHERD_CONF_KEY_H

#include "conf-type.h"

#include <stddef.h>

enum conf_scope { CONF_SCOPE_DAEMON, CONF_SCOPE_SERVICE };

enum {
	CONF_KEY_REQUIRED = 1 << 0,
	CONF_KEY_OWN = 1 << 1,
	CONF_KEY_FOR_IP = 1 << 2,
	CONF_KEY_FOR_TCP = 1 << 3,
	CONF_KEY_FOR_FILE = 1 << 4,
	CONF_KEY_FOR_STREAM = 1 << 5,
};

struct conf_key {
	enum conf_scope scope;
	const char *name;
	const struct conf_type *type;
	size_t offset, size;  /* of the field in struct conf_daemon or struct conf_service */
	const char *fallback; /* the default, as one would write it; "": nothing */
	int64_t min, max;
	const char *argument;
	unsigned flags;
	const char *description;
	const char *group; /* a row without a name: the title of the rows that follow */
};

/* All rows, in their order. */
const struct conf_key *conf_keys(size_t *ret_count);

/* The row of that name, or NULL. */
const struct conf_key *conf_key_find(enum conf_scope scope, const char *name);

/* The nearest name in that scope, or NULL. */
const char *conf_key_suggest(enum conf_scope scope, const char *name);

/* The field of a row in what is configured. */
static inline void *conf_key_field(const struct conf_key *key, void *base)
{
	return (char *)base + key->offset;
}

/* Whether a key means something for a service that listens there. */
bool conf_key_applies(const struct conf_key *key, const struct endpoint_list *list);

#endif
