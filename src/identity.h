/* identity.h - users and groups: names to numbers, once, when the configuration
 * is loaded. A name that is not known is an error and never somebody else. */
#ifndef USHERD_IDENTITY_H
#define USHERD_IDENTITY_H

#include "arena.h"
#include "conf.h"

/* Remembers every answer, so that ten thousand services cost one look-up. */
struct identity_cache;

#define IDENTITY_REASON_MAX 256

/* What is found lives in `arena`, which must outlive the cache. NULL: no memory. */
struct identity_cache *identity_cache_new(struct arena *arena);
void identity_cache_free(struct identity_cache *cache);

/* A user or group by name or number (strict decimal; a number needs no entry in
 * the data base). Returns 0, -ENOMEM, or -EINVAL with a reason. */
int identity_user(struct identity_cache *cache, const char *text, uid_t *ret_uid,
		  char reason[static IDENTITY_REASON_MAX]);
int identity_group(struct identity_cache *cache, const char *text, gid_t *ret_gid,
		   char reason[static IDENTITY_REASON_MAX]);

/* What of the three keys an error is about. */
enum identity_key { IDENTITY_USER, IDENTITY_GROUP, IDENTITY_GROUPS };

/* The rights that `user`, `group` and `groups` give together; "auto" and an empty
 * list mean the defaults (services.ini(5)). When usherd is not root only its own
 * user and group may be named. The result, the fixed part of the environment
 * (HOME, USER, LOGNAME, SHELL) and the names found are shared: the same texts give the same pointers. */
struct identity {
	struct conf_identity rights;
	const char *user_text, *group_text; /* names, or numbers where there is no name */
	char *environment[4];
};
int identity_resolve(struct identity_cache *cache, const char *user, const char *group,
		     const struct conf_words *groups, const struct identity **ret_identity,
		     enum identity_key *ret_key, char reason[static IDENTITY_REASON_MAX]);

#endif
