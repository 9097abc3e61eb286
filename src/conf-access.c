/* conf-access.c - from the lists of `allow` and `deny` to the rules that the gate
 * asks: paths made whole, lists read, both compiled. Services that have the same
 * two lists share what was compiled, which lives as long as the snapshot. */
#include "conf-internal.h"

#include "access.h"
#include "base.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* ---- lists as they are written ---- */

/* A relative path begins where the file is that names it, as that of a program does. */
static const char *make_absolute(struct conf_loader *loader, const char *source, const char *path)
{
	const char *slash = strrchr(source, '/');
	int directory = slash != NULL ? (int)(slash - source) + 1 : 0;
	char here[PATH_MAX] = "";

	if (path[0] == '/')
		return path;
	/* Without a working directory the path stays as it is, and is not found. */
	if (source[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		here[0] = '\0';
	if (strncmp(path, "./", 2) == 0)
		path += 2;
	return arena_printf(loader->arena, "%s%s%.*s%s", here, here[0] != '\0' ? "/" : "", directory, source,
			    path);
}

/* The same lists of files alone are one, whoever names them: so services share them though
 * each has a line of its own. Where other rules stand, their lines tell the lists apart. */
static int share_list(struct conf_loader *loader, struct conf_access_list *list, bool deny)
{
	struct conf_access_words *words;
	size_t length = 1;

	for (size_t i = 0; i < list->count; i++) {
		if (list->rules[i].kind != ACCESS_FILE)
			return 0;
		length += strlen(list->rules[i].path) + 1;
	}

	_cleanup_free_ char *key = malloc(length);
	char *at = key;

	if (key == NULL)
		return -ENOMEM;
	*at++ = deny ? '-' : '+';
	for (size_t i = 0; i < list->count; i++) {
		size_t size = strlen(list->rules[i].path) + 1;

		memcpy(at, list->rules[i].path, size);
		at += size;
	}

	HASH_FIND(hh, loader->access_words, key, length, words);
	if (words != NULL) {
		*list = words->list;
		return 0;
	}
	words = arena_alloc(loader->scratch, sizeof(*words) + length);
	if (words == NULL)
		return -ENOMEM;
	words->list = *list;
	memcpy(words->key, key, length);
	HASH_ADD(hh, loader->access_words, key, length, words);
	return words->hh.tbl != NULL ? 0 : -ENOMEM;
}

int conf_access_place(struct conf_loader *loader, const struct conf_section *section,
		      const struct conf_setting *setting, struct conf_access_list *list)
{
	bool deny = strcmp(setting->key->name, "deny") == 0;
	struct access_rule *rules = arena_alloc(loader->arena, (list->count + 1) * sizeof(*rules));

	if (rules == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		rules[i] = list->rules[i];
		rules[i].deny = deny;
		rules[i].line = setting->line;
		rules[i].path = rules[i].kind != ACCESS_FILE ?
					section->where.path :
					make_absolute(loader, section->where.path, rules[i].path);
		if (rules[i].path == NULL)
			return -ENOMEM;
	}
	/* An empty list is the same as none, wherever it is written. */
	list->rules = list->count > 0 ? rules : NULL;
	return list->count > 0 ? share_list(loader, list, deny) : 0;
}

/* ---- compiling ---- */

/* Rules of both lists, those in files too. */
struct vector {
	struct access_rule *items;
	size_t count, room;
};

static void free_vector(struct vector *vector)
{
	free(vector->items);
}

static int append(struct vector *vector, const struct access_rule *rules, size_t count, bool deny)
{
	if (vector->room - vector->count < count) {
		size_t room = vector->room * 2 + count;
		struct access_rule *items = reallocarray(vector->items, room, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		vector->items = items;
		vector->room = room;
	}
	for (size_t i = 0; i < count; i++) {
		vector->items[vector->count] = rules[i];
		vector->items[vector->count++].deny = deny;
	}
	return 0;
}

/* Takes note of the content of its files in `ret_content`. */
static int gather(struct conf_loader *loader, const struct conf_section *section, const char *key,
		  const struct conf_access_list *list, struct conf_access *made, struct vector *vector,
		  const char **ret_content)
{
	char reason[CONF_REASON_MAX], content[DIGEST_TEXT_MAX];
	struct digest digest;
	bool files = false;
	int r = append(vector, list->rules, list->count, strcmp(key, "deny") == 0);

	digest_begin(&digest);

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		const struct conf_access_file *file;

		if (list->rules[i].kind != ACCESS_FILE)
			continue;
		r = conf_access_file_get(loader, list->rules[i].path, &file, reason);
		if (r == -EINVAL) {
			conf_refuse(loader, section, key, reason);
			made->broken = list->rules[i].path;
			r = 0;
		} else if (r == 0) {
			r = append(vector, file->rules, file->count, list->rules[i].deny);
			digest_add(&digest, file->hash, sizeof(file->hash));
			files = true;
			made->broken = file->is_broken ? file->path : made->broken;
		}
	}
	if (r < 0 || !files)
		return r;
	digest_end(&digest, content);
	*ret_content = arena_strdup(loader->arena, content);
	return *ret_content != NULL ? 0 : -ENOMEM;
}

static int compile(struct conf_loader *loader, const struct conf_section *section,
		   const struct conf_service *service, struct conf_access **ret_access)
{
	_cleanup_(free_vector) struct vector vector = { 0 };
	struct conf_access *made = arena_alloc(loader->arena, sizeof(*made));
	int r = -ENOMEM;

	if (made != NULL)
		r = gather(loader, section, "allow", &service->allow, made, &vector, &made->allow_content);
	if (r == 0)
		r = gather(loader, section, "deny", &service->deny, made, &vector, &made->deny_content);
	if (r == 0)
		r = access_compile(vector.items, vector.count, &made->access);
	if (r < 0)
		return r;
	made->next = loader->compiled;
	loader->compiled = made;
	made->key = (struct conf_access_key){ .allow = service->allow.rules, .deny = service->deny.rules };
	HASH_ADD(hh, loader->access_by_lists, key, sizeof(made->key), made);
	if (made->hh.tbl == NULL)
		return -ENOMEM;
	*ret_access = made;
	return 0;
}

void conf_access_free(struct conf_access *compiled)
{
	for (; compiled != NULL; compiled = compiled->next)
		access_free(compiled->access);
}

/* ---- what is allowed but probably not meant ---- */

enum {
	WARN_FAMILY = 1 << 0,
	WARN_IP = 1 << 1,
	WARN_UNIX = 1 << 2,
	WARN_VSOCK = 1 << 3,
};

/* What stands in [defaults] is told of one service, not of ten thousand. */
static void warn(struct conf_loader *loader, const struct conf_section *section, const char *key,
		 struct conf_access *made, unsigned what, const char *reason)
{
	const struct conf_section *where;
	const struct conf_setting *setting = conf_setting_origin(loader, section, key, &where);

	if (setting == NULL)
		BUG("a list that nobody set");
	if (where == section) {
		conf_warning_at(loader, section, key, setting->line, "%s", reason);
	} else if ((made->warned & what) == 0) {
		made->warned |= what;
		conf_warning_at(loader, where, key, setting->line, "%s (for the service [%s])", reason,
				section->name);
	}
}

static void look_at_families(struct conf_loader *loader, const struct conf_section *section,
			     const struct conf_service *service, struct conf_access *made)
{
	struct access_summary summary = access_summarise(made->access);
	bool ipv4 = false, ipv6 = false, is_unix = false, vsock = false;

	for (size_t i = 0; i < service->listen.count; i++) {
		const struct endpoint *endpoint = &service->listen.items[i];

		ipv4 |= endpoint->address.sa.sa_family == AF_INET;
		ipv6 |= endpoint->address.sa.sa_family == AF_INET6;
		is_unix |= endpoint_is_unix(endpoint);
		vsock |= endpoint->kind == ENDPOINT_VSOCK;
	}
	if (ipv4 && ipv6 && !summary.allows && !summary.denies_all &&
	    summary.denies_ipv4 != summary.denies_ipv6)
		warn(loader, section, "deny", made, WARN_FAMILY,
		     summary.denies_ipv4 ? "only IPv4 networks are denied, and the service listens on IPv6 "
					   "too, where everybody "
					   "may connect" :
					   "only IPv6 networks are denied, and the service listens on IPv4 "
					   "too, where everybody "
					   "may connect");
	if (!summary.allows || summary.allows_all)
		return;
	if ((ipv4 || ipv6) && !summary.allows_ip)
		warn(loader, section, "allow", made, WARN_IP,
		     "the service listens on IP addresses, and no network is allowed: nobody may connect "
		     "there");
	if (is_unix && !summary.allows_ids)
		warn(loader, section, "allow", made, WARN_UNIX,
		     "the service listens on Unix sockets, and no uid: or gid: is allowed: nobody may "
		     "connect "
		     "there");
	if (vsock && !summary.allows_cid)
		warn(loader, section, "allow", made, WARN_VSOCK,
		     "the service listens on vsock, and no cid: is allowed: nobody may connect there");
}

/* The kernel does not tell who sent a datagram to a Unix socket: a rule about users would
 * refuse nobody. */
static void check_senders(struct conf_loader *loader, const struct conf_section *section,
			  const struct conf_service *service, const struct conf_access *made)
{
	struct access_summary summary = access_summarise(made->access);
	bool datagrams = false;

	for (size_t i = 0; i < service->listen.count; i++)
		datagrams |= service->listen.items[i].kind == ENDPOINT_UNIX_DGRAM;
	if (datagrams && (summary.denies_ids || summary.allows_ids))
		conf_refuse(loader, section, summary.denies_ids ? "deny" : "allow",
			    "the sender of a datagram on a Unix socket is not known, so that uid: and gid: cannot be "
			    "kept; socket_mode and socket_group say who may write to it");
}

int conf_access_finish(struct conf_loader *loader, const struct conf_section *section,
		       struct conf_service *service)
{
	struct conf_access_key key;
	struct conf_access *made;

	service->limits.access = NULL;
	if (service->allow.count + service->deny.count == 0)
		return 0;

	memset(&key, 0, sizeof(key)); /* all its bytes count */
	key.allow = service->allow.rules;
	key.deny = service->deny.rules;
	HASH_FIND(hh, loader->access_by_lists, &key, sizeof(key), made);
	if (made == NULL) {
		int r = compile(loader, section, service, &made);

		if (r < 0)
			return r;
	}
	service->limits.access = made->access;
	service->allow.content = made->allow_content;
	service->deny.content = made->deny_content;
	/* What is wrong with a list is told once, and that was of another service that is not offered. */
	if (service->disable && made->broken != NULL && loader->errors->count == 0)
		conf_error_at(loader, section, service->allow.count > 0 ? "allow" : "deny",
			      section->where.line, "the list %s could not be read whole", made->broken);
	check_senders(loader, section, service, made);
	look_at_families(loader, section, service, made);
	return 0;
}
