/* import-systemd.c - .socket units with their .service units: finds the files, as systemd does, reads them with their
 * drop-ins, and makes one section of both. */
#include "import-systemd.h"

#include "arena.h"
#include "base.h"
#include "import-internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define DROP_INS_MAX 2000 /* of a unit */
#define PLACES       5

/* ---- one section ---- */

static bool ends(const char *text, const char *with)
{
	size_t length = strlen(text), end = strlen(with);

	return length > end && strcmp(text + length - end, with) == 0;
}

/* "ssh" and "x" of /etc/ssh@x.socket. */
static void name_unit(struct unit *unit, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t length = dot != NULL ? (size_t)(dot - base) : strlen(base);
	const char *at = memchr(base, '@', length);

	unit->instance = at != NULL ? import_printf(unit->import, "%.*s", (int)(length - (size_t)(at - base) - 1), at + 1) : "";
	if (at != NULL)
		length = (size_t)(at - base);
	unit->name = import_printf(unit->import, "%.*s", (int)(length < 255 ? length : 255), base);
	unit->full[0] = import_keep(unit->import, base);
	unit->full[1] = "";
}

static struct unit *begin_unit(struct import *import, const char *path)
{
	struct unit *unit = import_take(import, sizeof(*unit));

	if (unit == NULL)
		return NULL;
	unit->import = import;
	unit->last = &unit->first;
	unit->trigger_us = unit->trigger_burst = unit->poll_us = unit->poll_burst = UINT64_MAX;
	unit->keepalive_us = UINT64_C(7200000000);
	unit->begin = (struct import_where){ import_keep(import, path), 1 };
	name_unit(unit, path);
	return unit;
}

/* A part of the sandbox that is not used: its default. */
static bool is_off(const struct unit_setting *setting)
{
	static const char *const beginnings[] = { "Private",	     "Protect",	   "Restrict",
						  "LockPersonality", "MemoryDeny", "MountAPIVFS" };
	bool on = true;

	for (size_t i = 0; i < ELEMENTS(beginnings); i++)
		if (strncmp(setting->key, beginnings[i], strlen(beginnings[i])) == 0)
			return unit_parse_bool(setting->value, &on) && !on;
	return false;
}

static void take_one(struct unit *unit, struct unit_setting *setting)
{
	const struct unit_key *row = setting->row;

	if (row == NULL && strncmp(setting->key, "X-", 2) == 0)
		unit_say(unit, setting, IMPORT_EXACT, "systemd leaves this key to others, too");
	else if (row == NULL && setting->section == UNIT_SOCKET && unit_find_key(setting->key, UNIT_SERVICE) != NULL)
		unit_say(unit, setting, IMPORT_CHANGED,
			 "in [Socket] it is for the commands that are run around the socket, of which there are none");
	else if (row == NULL)
		unit_say(unit, setting, IMPORT_UNSUPPORTED,
			 "no key of this name is known in this section; look whether it is misspelt, or newer than this");
	else if (row->take != NULL)
		row->take(unit, setting);
	else if (setting->value[0] == '\0' || is_off(setting))
		unit_say(unit, setting, IMPORT_EXACT, "%s", "");
	else
		unit_say(unit, setting, row->class, "%s", row->text);
}

static void take_all(struct unit *unit, bool listens)
{
	for (struct unit_setting *at = unit->first; at != NULL; at = at->next) {
		bool is_listen = at->row != NULL && at->row->take == unit_take_listen;

		if (!at->replaced && is_listen == listens)
			take_one(unit, at);
	}
}

static void finish_unit(struct unit *unit)
{
	struct import *import = unit->import;

	unit->service = import_add(import, unit->name, unit->begin);
	unit_mark_replaced(unit);
	unit_find_facts(unit);
	take_all(unit, true);
	take_all(unit, false);
	unit_finish_exec(unit);
	unit_finish_socket(unit);
	unit_finish_service(unit);
	unit_tell_continued(unit);
	if (import_get(unit->service, "listen") == NULL) {
		import_tell(import, unit->begin, IMPORT_UNSUPPORTED,
			    "no address of a .socket unit is left to listen on, so that there is no service");
		import_drop(unit->service);
	} else if (import_get(unit->service, "exec") == NULL) {
		import_tell(import, unit->begin, IMPORT_UNSUPPORTED,
			    "no command of a .service unit is left to start, so that there is no service; look for the unit "
			    "%s%s.service",
			    unit->name, unit->accept ? "@" : "");
		import_drop(unit->service);
	}
}

void import_systemd_text(struct import *import, const char *socket_path, const char *socket_text,
			 size_t socket_length, const char *service_path, const char *service_text,
			 size_t service_length)
{
	struct unit *unit = begin_unit(import, socket_path);

	if (unit == NULL)
		return;
	unit->full[1] = strrchr(service_path, '/') != NULL ? strrchr(service_path, '/') + 1 : service_path;
	unit_read(unit, socket_path, socket_text, socket_length, UNIT_UNIT | UNIT_SOCKET | UNIT_INSTALL);
	unit_read(unit, service_path, service_text, service_length, UNIT_UNIT | UNIT_SERVICE | UNIT_INSTALL);
	finish_unit(unit);
}

/* ---- the files ---- */

struct finder {
	struct unit *unit;
	const char *beside; /* the directory of the file that was given */
};

static const char *place(const struct finder *finder, size_t number)
{
	static const char *const places[PLACES - 1] = { "/etc/systemd/system", "/run/systemd/system",
							"/usr/lib/systemd/system", "/lib/systemd/system" };

	return number == 0 ? finder->beside : places[number - 1];
}

struct drop_in {
	const char *name, *path;
};

static int compare_drop_ins(const void *a, const void *b)
{
	return strcmp(((const struct drop_in *)a)->name, ((const struct drop_in *)b)->name);
}

struct drop_ins {
	struct drop_in *items;
	size_t count;
	bool overflows;
};

/* Adds what is in a directory, but for names that one before it has. */
static void list_directory(struct finder *finder, const char *path, struct drop_ins *drop_ins)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		bool seen = !ends(entry->d_name, ".conf") || entry->d_name[0] == '.';

		for (size_t i = 0; i < drop_ins->count && !seen; i++)
			seen = strcmp(drop_ins->items[i].name, entry->d_name) == 0;
		if (seen)
			continue;
		if (drop_ins->count == DROP_INS_MAX) {
			drop_ins->overflows = true;
			break;
		}
		drop_ins->items[drop_ins->count++] = (struct drop_in){
			import_keep(finder->unit->import, entry->d_name),
			import_printf(finder->unit->import, "%s/%s", path, entry->d_name),
		};
	}
	if (directory != NULL)
		closedir(directory);
}

/* Those of a unit's own name, of its beginnings at each dash, and of its type: systemd.unit(5). */
static void list_drop_ins(struct finder *finder, const char *name, struct drop_ins *drop_ins)
{
	struct import *import = finder->unit->import;
	const char *dot = strrchr(name, '.');
	size_t length = dot != NULL ? (size_t)(dot - name) : 0;

	for (size_t i = 0; i < PLACES; i++)
		list_directory(finder, import_printf(import, "%s/%s.d", place(finder, i), name), drop_ins);
	for (; length > 0; length--)
		for (size_t i = 0; i < PLACES && name[length - 1] == '-'; i++)
			list_directory(finder,
				       import_printf(import, "%s/%.*s%s.d", place(finder, i), (int)length, name, dot), drop_ins);
	for (size_t i = 0; i < PLACES && dot != NULL; i++)
		list_directory(finder, import_printf(import, "%s/%s.d", place(finder, i), dot + 1), drop_ins);
}

static int read_drop_ins(struct finder *finder, const char *name, unsigned sections)
{
	struct import *import = finder->unit->import;
	struct drop_ins drop_ins = { import_take(import, DROP_INS_MAX * sizeof(struct drop_in)), 0, false };
	const char *text;
	size_t length;

	if (drop_ins.items == NULL)
		return -ENOMEM;
	list_drop_ins(finder, name, &drop_ins);
	qsort(drop_ins.items, drop_ins.count, sizeof(drop_ins.items[0]), compare_drop_ins);
	if (drop_ins.overflows)
		import_tell(import, finder->unit->begin, IMPORT_UNSUPPORTED, "%s has more than %d drop-ins, and not all are read",
			    name, DROP_INS_MAX);
	for (size_t i = 0; i < drop_ins.count; i++) {
		int r = import_read(import, drop_ins.items[i].path, &text, &length);

		if (r == 0)
			unit_read(finder->unit, drop_ins.items[i].path, text, length, sections);
		else if (r != -EINVAL) /* a link to /dev/null takes away what is elsewhere */
			import_tell(import, (struct import_where){ drop_ins.items[i].path, 1 }, IMPORT_UNSUPPORTED,
				    "this drop-in cannot be read: %s", strerror(-r));
	}
	return 0;
}

/* Reads a unit, from the first place that has it. Returns 0 or -errno. */
static int read_unit(struct finder *finder, const char *name, unsigned sections)
{
	struct import *import = finder->unit->import;
	const char *text, *path;
	size_t length;
	int r = -ENOENT;

	for (size_t i = 0; i < PLACES && (r == -ENOENT || r == -ENOTDIR); i++) {
		path = import_printf(import, "%s/%s", place(finder, i), name);
		r = import_read(import, path, &text, &length);
		if (r == 0)
			unit_read(finder->unit, path, text, length, sections);
	}
	return r == 0 ? read_drop_ins(finder, name, sections) : r;
}

/* The service that a socket names, or that has its name. */
static const char *service_name(struct unit *unit)
{
	const char *named = NULL;
	bool accept = false;

	for (const struct unit_setting *at = unit->first; at != NULL; at = at->next) {
		if (at->section == UNIT_SOCKET && strcmp(at->key, "Service") == 0)
			named = at->value[0] != '\0' ? at->value : NULL;
		if (at->section == UNIT_SOCKET && strcmp(at->key, "Accept") == 0)
			(void)unit_parse_bool(at->value, &accept);
	}
	if (named != NULL && !accept && strchr(named, '/') == NULL)
		return named;
	return import_printf(unit->import, "%s%s.service", unit->name, accept || unit->instance[0] != '\0' ? "@" : "");
}

static int read_both(struct finder *finder, const char *socket, const char *service)
{
	const unsigned in_socket = UNIT_UNIT | UNIT_SOCKET | UNIT_INSTALL, in_service = UNIT_UNIT | UNIT_SERVICE | UNIT_INSTALL;
	struct unit *unit = finder->unit;
	int r = read_unit(finder, socket, in_socket);

	if (r < 0 && service == NULL)
		return r;
	if (r < 0)
		import_tell(unit->import, unit->begin, IMPORT_UNSUPPORTED,
			    "there is no %s beside it or in the directories of systemd (%s): only what a socket starts can be "
			    "served",
			    socket, strerror(-r));
	if (service == NULL)
		service = service_name(unit);
	unit->full[1] = service;
	r = read_unit(finder, service, in_service);
	if (r < 0)
		import_tell(unit->import, unit->begin, IMPORT_UNSUPPORTED, "%s cannot be read: %s", service, strerror(-r));
	finish_unit(unit);
	return 0;
}

int import_systemd(struct import *import, const char *path)
{
	struct unit *unit = begin_unit(import, path);
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	struct finder finder = { .unit = unit };
	bool is_service = ends(base, ".service");

	if (unit == NULL)
		return -ENOMEM;
	unit->may_read = true;
	finder.beside = slash == NULL ? "." : import_printf(import, "%.*s", (int)(slash - path), path);
	if (!is_service)
		return read_both(&finder, base, NULL);
	unit->full[0] = import_printf(import, "%s.socket", unit->name);
	if (access(path, R_OK) < 0)
		return -errno;
	return read_both(&finder, unit->full[0], base);
}
