/* import-inetd-limits.c - how often a service of inetd.conf may start, how many run at once, with which
 * buffers, and as whom. */
#include "import-inetd.h"

#include "base.h"

#include <inttypes.h>
#include <string.h>

/* ---- how many, how often ---- */

/* Only what a daemon that accepts itself can count. */
static void set_counts(struct inetd_entry *entry)
{
	struct import_service *section = entry->section;

	if (entry->instances.is_set)
		import_setf(section, "instances", "%u", entry->instances.number);
	if (entry->per_source.is_set)
		import_setf(section, "per_source", "%u", entry->per_source.number);
	if (!entry->per_source_minute.is_set)
		return;
	import_setf(section, "rate_per_source", "%u/min", entry->per_source_minute.number);
	inetd_tell(entry, IMPORT_CHANGED,
		   "%u a minute of one source are counted by a bucket that fills evenly, IPv6 by networks "
		   "of 64 bits",
		   entry->per_source_minute.number);
}

static void set_rate(struct inetd_entry *entry)
{
	if (entry->per_minute.is_set) {
		import_setf(entry->section, "rate", "%u/min", entry->per_minute.number);
		if (!entry->waits && !entry->is_udp)
			import_set(entry->section, "when_full", "refuse");
		inetd_tell(entry, IMPORT_CHANGED,
			   "above %u starts a minute clients are refused, and the service stays open: inetd "
			   "closes it for everybody, for minutes",
			   entry->per_minute.number);
	} else if (entry->inetd->dialect != IMPORT_BUSYBOX) {
		inetd_tell(entry, IMPORT_CHANGED,
			   "no limit of starts a minute, at which inetd closes a service for ten minutes "
			   "(rate)");
	}
}

/* `64k` to bytes. */
static bool parse_size(const char *text, uint64_t *ret_size)
{
	size_t digits = strspn(text, "0123456789");
	unsigned shift = text[digits] == 'k' ? 10 : text[digits] == 'm' ? 20 : 0;
	uint64_t number;

	if (digits == 0 || digits > 9 || text[digits + (shift > 0)] != '\0')
		return false;
	number = strtoul(text, NULL, 10);
	*ret_size = number << shift;
	return number > 0 && *ret_size <= 1073741823;
}

static void set_buffer(struct inetd_entry *entry, const char *key, const char *text)
{
	uint64_t size;

	if (text == NULL)
		return;
	if (parse_size(text, &size))
		import_setf(entry->section, key, "%" PRIu64, size);
	else
		inetd_switch_off(entry, IMPORT_EXACT,
				 import_printf(entry->inetd->import,
					       "'%.40s' is no size of a buffer; inetd does not serve it, "
					       "and it is imported switched off",
					       text));
}

/* What inetd does not limit is not limited. */
static void set_common(struct import *import)
{
	struct import_service *defaults = import_defaults(import);

	if (import_get(defaults, "instances") != NULL)
		return;
	import_comment(defaults, NULL,
		       "As in inetd: there is no limit but those that a service names. What usherd does "
		       "without these\nlines is kinder to all clients but the greedy one.");
	import_set(defaults, "instances", "1000000");
	import_set(defaults, "per_source", "none");
}

void inetd_set_limits(struct inetd_entry *entry)
{
	bool has_counts =
		entry->instances.is_set || entry->per_source.is_set || entry->per_source_minute.is_set;

	set_common(entry->inetd->import);
	if (!entry->waits)
		set_counts(entry);
	else if (has_counts && (entry->instances.number != 1 || entry->per_source.is_set ||
				entry->per_source_minute.is_set))
		inetd_tell(entry, IMPORT_APPROXIMATED,
			   "with wait one program runs at a time, and what it accepts is not counted; the "
			   "numbers are left out");
	set_rate(entry);
	set_buffer(entry, "rcvbuf", entry->receive_buffer);
	set_buffer(entry, "sndbuf", entry->send_buffer);
	if (!entry->has_filter || entry->is_udp || entry->is_unix)
		return;
	import_set(entry->section, "defer_accept", "30s");
	inetd_tell(entry, IMPORT_APPROXIMATED,
		   "there are no accept filters on Linux: defer_accept waits for the first data of a "
		   "client, 30 s at most");
}

/* ---- as whom ---- */

/* Takes `user.group` apart: a whole word that is a user is one; a colon is surer than a dot, the last dot
 * than others. */
static void split_user(struct inetd_entry *entry)
{
	const char *text = entry->user, *end = strrchr(text, '/');
	struct import *import = entry->inetd->import;
	bool is_freebsd = entry->inetd->dialect == IMPORT_FREEBSD;

	if (is_freebsd && end != NULL) {
		inetd_tell(entry, IMPORT_APPROXIMATED,
			   "there are no login classes: write the limits of '%.40s' as rlimit_..., umask "
			   "and nice",
			   end + 1);
		text = entry->user = import_printf(import, "%.*s", (int)(end - text), text);
	}
	if (import_has_user(text)) {
		if (strpbrk(text, is_freebsd ? ":" : ".:") != NULL)
			inetd_tell(entry, IMPORT_CHANGED,
				   "%.40s is a user here; inetd may take it for a user and a group", text);
		return;
	}
	end = is_freebsd ? strrchr(text, ':') : strchr(text, ':');
	if (end == NULL && !is_freebsd)
		end = strrchr(text, '.');
	if (end == NULL)
		return;
	entry->group = end + 1;
	entry->user = import_printf(import, "%.*s", (int)(end - text), text);
}

static bool is_plain(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return name[0] != '\0' && name[0] != '-' && name[strspn(name, allowed)] == '\0' && strlen(name) < 256;
}

/* Sets `user` or `group`, and switches off what has none here. */
static void set_name(struct inetd_entry *entry, const char *key, const char *name, bool exists)
{
	if (is_plain(name))
		import_set(entry->section, key, name);
	if (!exists)
		inetd_switch_off(entry, IMPORT_CHANGED,
				 import_printf(entry->inetd->import,
					       "there is no %s '%.40s' here, so the service is switched off "
					       "(disable = yes) until there is",
					       key, name));
}

void inetd_set_user(struct inetd_entry *entry)
{
	if (entry->is_internal) {
		inetd_tell(entry, IMPORT_CHANGED, "it runs as nobody, which is enough for it");
		return;
	}
	if (!entry->has_values)
		split_user(entry);
	set_name(entry, "user", entry->user, import_has_user(entry->user));
	if (entry->group != NULL && entry->group[0] != '\0')
		set_name(entry, "group", entry->group, import_has_group(entry->group));
	if (strcmp(entry->user, "root") == 0)
		import_set(entry->section, "no_new_privileges", "no");
	else
		inetd_tell(entry, IMPORT_CHANGED,
			   "it cannot gain rights by programs such as sudo(8) unless it says "
			   "no_new_privileges = no");
}
