/* import-check.c - the last look at what was imported: a section that the daemon would refuse is switched off
 * and told, so that the file loads whatever was in the files of the others. */
#include "import-internal.h"

#include "arena.h"
#include "base.h"
#include "conf-key.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define LISTENS_MAX 20000 /* addresses that are compared */

/* Types whose values mean the same on every machine; users, programs and files are looked at elsewhere. */
static bool is_plain(const struct conf_type *type)
{
	const struct conf_type *const plain[] = {
		&conf_type_bool,           &conf_type_count,        &conf_type_count_or_auto,
		&conf_type_optional_count, &conf_type_size,         &conf_type_duration,
		&conf_type_mode,           &conf_type_optional_int, &conf_type_rlimit_count,
		&conf_type_rlimit_size,    &conf_type_rlimit_time,  &conf_type_endpoints,
		&conf_type_decimal,        &conf_type_rate,         &conf_type_prefixes,
		&conf_type_when_full,      &conf_type_on_hangup,    &conf_type_warm,
		&conf_type_path,           &conf_type_path_or_none,
	};

	for (size_t i = 0; i < ELEMENTS(plain); i++)
		if (type == plain[i])
			return true;
	return false;
}

static void switch_off(struct import_service *service, enum import_class class, const char *what,
		       const char *why)
{
	import_tell(service->import, service->where, class,
		    "%s: %s, so the service is switched off (disable = yes)", what, why);
	if (service != import_defaults(service->import))
		import_set(service, "disable", "yes");
}

/* ---- values ---- */

static void check_value(struct import_service *service, const char *name, const char *value)
{
	static struct conf_service scratch;
	const struct conf_key *key = conf_key_find(CONF_SCOPE_SERVICE, name);
	char reason[CONF_REASON_MAX] = "";
	struct conf_input input = { .text = value, .arena = import_arena(service->import) };

	if (key == NULL || !is_plain(key->type))
		return;
	input.min = key->min;
	input.max = key->max;
	if (key->type->parse(&input, conf_key_field(key, &scratch), reason) != -EINVAL)
		return;
	import_set(service, name, NULL);
	switch_off(service, IMPORT_UNSUPPORTED, import_printf(service->import, "%s = %.60s", name, value),
		   reason);
}

static void check_values(struct import_service *service)
{
	for (const struct import_key *at = service->keys; at != NULL; at = at->next)
		if (at->value != NULL)
			check_value(service, at->name, at->value);
}

/* ---- what must be there ---- */

static bool is_there(const char *program)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					       "/usr/bin",        "/sbin",          "/bin" };
	static const char *const bundled[] = { "relay", "status" };
	char path[300];

	if (import_internal(program) != NULL)
		return true;
	for (size_t i = 0; i < ELEMENTS(bundled); i++)
		if (strcmp(bundled[i], program) == 0)
			return true;
	for (size_t i = 0; i < ELEMENTS(folders) && strlen(program) < 200; i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* A name without a slash; a path was looked at when it was set. */
static void check_program(struct import_service *service)
{
	const char *exec = import_get(service, "exec");
	char word[200];

	if (exec == NULL || import_get(service, "disable") != NULL)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(exec, " "), exec);
	if (strpbrk(word, "/'\"\\") == NULL && !is_there(word))
		switch_off(service, IMPORT_CHANGED, word, "there is no program of this name here");
}

static void check_folder(struct import_service *service, const char *key)
{
	const char *path = import_get(service, key);
	struct stat about;

	if (path == NULL || path[0] != '/' || import_get(service, "disable") != NULL)
		return;
	if (stat(path, &about) < 0 || !S_ISDIR(about.st_mode))
		switch_off(service, IMPORT_CHANGED, import_printf(service->import, "%s = %.200s", key, path),
			   "there is no such directory here");
}

/* ---- where several listen ---- */

struct listens {
	const char *items[LISTENS_MAX];
	size_t count;
};

static bool is_taken(const struct listens *listens, const char *item)
{
	for (size_t i = 0; i < listens->count; i++)
		if (strcmp(listens->items[i], item) == 0)
			return true;
	return false;
}

/* The first one has the address, as the one that was started first. */
static void check_listen(struct listens *listens, struct import_service *service)
{
	const char *value = import_get(service, "listen");
	char *copy, *save = NULL;

	if (value == NULL || import_get(service, "disable") != NULL)
		return;
	copy = arena_strdup(import_arena(service->import), value);
	for (char *item = copy != NULL ? strtok_r(copy, ", ", &save) : NULL; item != NULL;
	     item = strtok_r(NULL, ", ", &save)) {
		if (is_taken(listens, item)) {
			switch_off(service, IMPORT_UNSUPPORTED, item, "another section listens there");
			return;
		}
		if (listens->count < LISTENS_MAX)
			listens->items[listens->count++] = item;
	}
}

void import_check(struct import *import)
{
	struct listens *listens = import_take(import, sizeof(*listens));

	if (listens == NULL)
		return;
	check_values(import_defaults(import));
	for (struct import_service *at = import_next(import, NULL); at != NULL;
	     at = import_next(import, at)) {
		check_values(at);
		check_program(at);
		check_folder(at, "chroot");
		check_listen(listens, at);
	}
}
