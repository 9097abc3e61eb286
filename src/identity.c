/* identity.c - looks up users and groups with the re-entrant calls of the C
 * library (so that LDAP and the like work), and keeps every answer. */
#include "identity.h"

#include "base.h"

/* uthash would end the process when there is no memory; its usual hash function
 * falls through switch cases in a way that clang warns of. */
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, length, hash) HASH_FNV(key, length, hash)

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define LOOKUP_ROOM_MAX ((size_t)16 * 1024 * 1024)
#define GROUPS_MAX 65536 /* the kernel's own limit */

struct user_entry {
	UT_hash_handle hh;
	const char *text;
	int status;    /* of the look-up */
	bool has_name; /* false: a number without an entry */
	uid_t uid;
	gid_t gid;
	const char *name, *home, *shell;
};

struct group_entry {
	UT_hash_handle hh;
	const char *text;
	int status;
	gid_t gid;
	const char *name;
};

struct identity_entry {
	UT_hash_handle hh;
	struct identity identity;
	char key[];
};

struct identity_cache {
	struct arena *arena;
	struct user_entry *users;
	struct group_entry *groups;
	struct identity_entry *identities;
};

struct identity_cache *identity_cache_new(struct arena *arena)
{
	struct identity_cache *cache = calloc(1, sizeof(*cache));

	if (cache != NULL)
		cache->arena = arena;
	return cache;
}

void identity_cache_free(struct identity_cache *cache)
{
	if (cache == NULL)
		return;
	HASH_CLEAR(hh, cache->users);
	HASH_CLEAR(hh, cache->groups);
	HASH_CLEAR(hh, cache->identities);
	free(cache);
}

/* All digits: a number, and then it must be a good one. Returns 1 when it is no
 * number, 0 when it is, -EINVAL when it is none that an identity can have. The highest
 * means "no change" to the kernel. */
static int parse_id(const char *text, uint32_t *ret_id)
{
	uint64_t id = 0;

	if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
		return 1;
	if (text[0] == '0' && text[1] != '\0')
		return -EINVAL;
	for (const char *digit = text; *digit != '\0'; digit++) {
		id = id * 10 + (uint64_t)(*digit - '0');
		if (id >= UINT32_MAX)
			return -EINVAL;
	}
	*ret_id = (uint32_t)id;
	return 0;
}

static int fill_user(struct arena *arena, const struct passwd *entry, struct user_entry *user)
{
	user->has_name = true;
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	user->name = arena_strdup(arena, entry->pw_name);
	user->home =
		arena_strdup(arena, entry->pw_dir != NULL && entry->pw_dir[0] != '\0' ? entry->pw_dir : "/");
	user->shell = arena_strdup(
		arena, entry->pw_shell != NULL && entry->pw_shell[0] != '\0' ? entry->pw_shell : "/bin/sh");
	return user->name != NULL && user->home != NULL && user->shell != NULL ? 0 : -ENOMEM;
}

/* Asks passwd(5) by name, or by `uid` when `name` is NULL. Returns 0, -ENOENT or -errno. */
static int look_up_user(struct arena *arena, const char *name, uid_t uid, struct user_entry *user)
{
	for (size_t room = 4096; room <= LOOKUP_ROOM_MAX; room *= 4) {
		_cleanup_free_ char *buffer = malloc(room);
		struct passwd entry, *found = NULL;

		if (buffer == NULL)
			return -ENOMEM;

		int r = name != NULL ? getpwnam_r(name, &entry, buffer, room, &found)
				     : getpwuid_r(uid, &entry, buffer, room, &found);

		if (r == 0 && found != NULL)
			return fill_user(arena, found, user);
		/* The C library says "not there" in several ways. */
		if (r == 0 || r == ENOENT || r == ESRCH)
			return -ENOENT;
		if (r != ERANGE)
			return -r;
	}
	return -ERANGE;
}

static int look_up_group(struct arena *arena, const char *name, gid_t gid, struct group_entry *group)
{
	for (size_t room = 4096; room <= LOOKUP_ROOM_MAX; room *= 4) {
		_cleanup_free_ char *buffer = malloc(room);
		struct group entry, *found = NULL;

		if (buffer == NULL)
			return -ENOMEM;

		int r = name != NULL ? getgrnam_r(name, &entry, buffer, room, &found)
				     : getgrgid_r(gid, &entry, buffer, room, &found);

		if (r == 0 && found != NULL) {
			group->gid = found->gr_gid;
			group->name = arena_strdup(arena, found->gr_name);
			return group->name != NULL ? 0 : -ENOMEM;
		}
		if (r == 0 || r == ENOENT || r == ESRCH)
			return -ENOENT;
		if (r != ERANGE)
			return -r;
	}
	return -ERANGE;
}

/* A number stands for itself, known or not. */
static int fill_user_by_id(struct arena *arena, uid_t uid, struct user_entry *user)
{
	int r = look_up_user(arena, NULL, uid, user);

	if (r != -ENOENT)
		return r;
	user->uid = uid;
	user->gid = (gid_t)-1;
	user->name = user->text;
	user->home = "/";
	user->shell = "/bin/sh";
	return 0;
}

/* Remembers also what is not known. NULL: no memory. */
static const struct user_entry *find_user(struct identity_cache *cache, const char *text)
{
	struct user_entry *user;
	uint32_t id;

	HASH_FIND_STR(cache->users, text, user);
	if (user != NULL)
		return user;

	user = arena_alloc(cache->arena, sizeof(*user));
	if (user == NULL || (user->text = arena_strdup(cache->arena, text)) == NULL)
		return NULL;

	int r = parse_id(text, &id);

	if (r == 1)
		user->status = look_up_user(cache->arena, text, 0, user);
	else
		user->status = r < 0 ? r : fill_user_by_id(cache->arena, id, user);
	if (user->status == -ENOMEM)
		return NULL;
	HASH_ADD_KEYPTR(hh, cache->users, user->text, strlen(user->text), user);
	return user;
}

static const struct group_entry *find_group(struct identity_cache *cache, const char *text)
{
	struct group_entry *group;
	uint32_t id;

	HASH_FIND_STR(cache->groups, text, group);
	if (group != NULL)
		return group;

	group = arena_alloc(cache->arena, sizeof(*group));
	if (group == NULL || (group->text = arena_strdup(cache->arena, text)) == NULL)
		return NULL;

	int r = parse_id(text, &id);

	if (r == 1) {
		group->status = look_up_group(cache->arena, text, 0, group);
	} else if (r < 0) {
		group->status = r;
	} else {
		group->status = look_up_group(cache->arena, NULL, id, group);
		if (group->status == -ENOENT) {
			group->gid = id;
			group->name = group->text;
			group->status = 0;
		}
	}
	if (group->status == -ENOMEM)
		return NULL;
	HASH_ADD_KEYPTR(hh, cache->groups, group->text, strlen(group->text), group);
	return group;
}

static int explain(const char *what, const char *text, int status, char reason[static IDENTITY_REASON_MAX])
{
	if (status == -ENOENT)
		snprintf(reason, IDENTITY_REASON_MAX, "there is no %s '%.64s' on this machine", what, text);
	else if (status == -EINVAL)
		snprintf(reason, IDENTITY_REASON_MAX,
			 "'%.64s' is not the number of a %s: a decimal number from 0 to 4294967294", text,
			 what);
	else
		snprintf(reason, IDENTITY_REASON_MAX, "cannot look up the %s '%.64s': %s", what, text,
			 strerror(-status));
	return -EINVAL;
}

int identity_user(struct identity_cache *cache, const char *text, uid_t *ret_uid,
		  char reason[static IDENTITY_REASON_MAX])
{
	const struct user_entry *user = find_user(cache, text);

	if (user == NULL)
		return -ENOMEM;
	if (user->status < 0)
		return explain("user", text, user->status, reason);
	*ret_uid = user->uid;
	return 0;
}

int identity_group(struct identity_cache *cache, const char *text, gid_t *ret_gid,
		   char reason[static IDENTITY_REASON_MAX])
{
	const struct group_entry *group = find_group(cache, text);

	if (group == NULL)
		return -ENOMEM;
	if (group->status < 0)
		return explain("group", text, group->status, reason);
	*ret_gid = group->gid;
	return 0;
}

/* ---- the three keys together ---- */

/* What one resolution works on. */
struct request {
	struct identity_cache *cache;
	const char *user, *group;
	const struct conf_words *groups;
	bool is_root;
	enum identity_key key; /* what an error is about */
	char *reason;
};

static bool is_auto(const char *text)
{
	return strcmp(text, "auto") == 0;
}

static int refuse(struct request *request, enum identity_key key, const char *why)
{
	request->key = key;
	snprintf(request->reason, IDENTITY_REASON_MAX, "%s", why);
	return -EINVAL;
}

/* The groups that initgroups(3) would give. */
static int own_groups(struct arena *arena, const char *name, gid_t gid, struct conf_identity *rights)
{
	for (int room = 32; room <= GROUPS_MAX; room *= 2) {
		int count = room;
		_cleanup_free_ gid_t *groups = calloc((size_t)room, sizeof(*groups));

		if (groups == NULL)
			return -ENOMEM;
		if (getgrouplist(name, gid, groups, &count) < 0)
			continue;

		gid_t *kept = arena_alloc(arena, (size_t)count * sizeof(*kept));

		if (kept == NULL)
			return -ENOMEM;
		memcpy(kept, groups, (size_t)count * sizeof(*kept));
		rights->groups = kept;
		rights->group_count = (size_t)count;
		return 0;
	}
	return -E2BIG;
}

static int listed_groups(struct request *request, struct conf_identity *rights)
{
	const struct conf_words *words = request->groups;

	if (words->count == 1 && strcmp(words->items[0], "none") == 0)
		return 0;

	gid_t *groups = arena_alloc(request->cache->arena, words->count * sizeof(*groups));

	if (groups == NULL)
		return -ENOMEM;
	request->key = IDENTITY_GROUPS;
	if (words->count > GROUPS_MAX)
		return refuse(request, IDENTITY_GROUPS, "more groups than the kernel takes (65536)");
	for (size_t i = 0; i < words->count; i++) {
		int r = identity_group(request->cache, words->items[i], &groups[i], request->reason);

		if (r < 0)
			return r;
	}
	rights->groups = groups;
	rights->group_count = words->count;
	return 0;
}

static bool groups_are_auto(const struct conf_words *groups)
{
	return groups->count == 0 || (groups->count == 1 && is_auto(groups->items[0]));
}

static int resolve_user(struct request *request, const struct user_entry **ret_user)
{
	char number[16];
	const char *text = request->user;

	if (is_auto(text) && request->is_root) {
		text = "nobody";
	} else if (is_auto(text)) {
		snprintf(number, sizeof(number), "%u", geteuid());
		text = number;
	}

	const struct user_entry *user = find_user(request->cache, text);

	if (user == NULL)
		return -ENOMEM;
	request->key = IDENTITY_USER;
	if (user->status < 0)
		return explain("user", text, user->status, request->reason);
	if (user->uid == 0 && text[0] == '0')
		return refuse(request, IDENTITY_USER, "uid 0 has to be asked for by its name: user = root");
	if (!request->is_root && user->uid != geteuid())
		return refuse(
			request, IDENTITY_USER,
			"only root can start services as another user; start usherd as root, or leave 'user' out");
	*ret_user = user;
	return 0;
}

static int resolve_group(struct request *request, const struct user_entry *user, gid_t *ret_gid,
			 const char **ret_text)
{
	char number[16];
	const char *text = request->group;
	gid_t own = request->is_root ? user->gid : getegid();

	if (is_auto(text)) {
		if (own == (gid_t)-1)
			return refuse(
				request, IDENTITY_USER,
				"a user number without an entry in passwd(5) has no group; set 'group' as well");
		snprintf(number, sizeof(number), "%u", own);
		text = number;
	}

	const struct group_entry *group = find_group(request->cache, text);

	if (group == NULL)
		return -ENOMEM;
	request->key = IDENTITY_GROUP;
	if (group->status < 0)
		return explain("group", text, group->status, request->reason);
	if (!request->is_root && group->gid != own)
		return refuse(request, IDENTITY_GROUP, "only root can start services with another group");
	*ret_gid = group->gid;
	*ret_text = group->name;
	return 0;
}

static int resolve_groups(struct request *request, const struct user_entry *user,
			  struct conf_identity *rights)
{
	if (!groups_are_auto(request->groups)) {
		if (!request->is_root)
			return refuse(request, IDENTITY_GROUPS,
				      "only root can change the groups of a service");
		return listed_groups(request, rights);
	}
	if (!request->is_root || !user->has_name)
		return 0;

	int r = own_groups(request->cache->arena, user->name, rights->gid, rights);

	return r == -E2BIG
		       ? refuse(request, IDENTITY_USER, "the user is in more groups than the kernel takes")
		       : r;
}

static int fill_environment(struct arena *arena, struct identity *identity)
{
	const struct conf_identity *rights = &identity->rights;

	identity->environment[0] = arena_printf(arena, "HOME=%s", rights->home);
	identity->environment[1] = arena_printf(arena, "USER=%s", rights->name);
	identity->environment[2] = arena_printf(arena, "LOGNAME=%s", rights->name);
	identity->environment[3] = arena_printf(arena, "SHELL=%s", rights->shell);
	for (size_t i = 0; i < ELEMENTS(identity->environment); i++)
		if (identity->environment[i] == NULL)
			return -ENOMEM;
	return 0;
}

static int resolve(struct request *request, struct identity *identity)
{
	const struct user_entry *user = NULL;
	struct conf_identity *rights = &identity->rights;
	int r = resolve_user(request, &user);

	if (r < 0)
		return r;
	r = resolve_group(request, user, &rights->gid, &identity->group_text);
	if (r < 0)
		return r;

	rights->change = request->is_root;
	rights->uid = user->uid;
	rights->name = user->name;
	rights->home = user->home;
	rights->shell = user->shell;
	identity->user_text = user->name;
	r = resolve_groups(request, user, rights);
	return r < 0 ? r : fill_environment(request->cache->arena, identity);
}

/* The three texts in one, apart by a byte that no value has. NULL: no memory. */
static char *make_key(const char *user, const char *group, const struct conf_words *groups)
{
	char *key = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&key, &size);

	if (stream == NULL)
		return NULL;
	fprintf(stream, "%s\n%s", user, group);
	for (size_t i = 0; i < groups->count; i++)
		fprintf(stream, "\n%s", groups->items[i]);
	if (fclose(stream) != 0) {
		free(key);
		return NULL;
	}
	return key;
}

int identity_resolve(struct identity_cache *cache, const char *user, const char *group,
		     const struct conf_words *groups, const struct identity **ret_identity,
		     enum identity_key *ret_key, char reason[static IDENTITY_REASON_MAX])
{
	struct request request = {
		.cache = cache, .user = user, .group = group, .groups = groups, .reason = reason};
	_cleanup_free_ char *key = make_key(user, group, groups);
	struct identity_entry *entry;

	if (key == NULL)
		return -ENOMEM;
	HASH_FIND_STR(cache->identities, key, entry);
	if (entry == NULL) {
		size_t length = strlen(key);

		request.is_root = geteuid() == 0;
		entry = arena_alloc(cache->arena, sizeof(*entry) + length + 1);
		if (entry == NULL)
			return -ENOMEM;
		memcpy(entry->key, key, length + 1);

		int r = resolve(&request, &entry->identity);

		if (r == -EINVAL)
			*ret_key = request.key;
		if (r < 0)
			return r;
		HASH_ADD_STR(cache->identities, key, entry);
	}
	*ret_identity = &entry->identity;
	return 0;
}
