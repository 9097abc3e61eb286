/* zone.c - asks the C library, once, what a time zone will do in the years to
 * come, and keeps the answer as a table of changes.
 *
 * The library tells nobody that it could not use a zone: it goes on in UTC, and a service
 * would be open at the wrong hours. So the file is looked at first, and what the library then
 * says must have come from it. */
#include "zone.h"

#include "base.h"
#include "read-full.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NAME_LENGTH_MAX 64
#define FILE_SIZE_MAX   65536 /* the largest there are have 4 KiB */
#define WEEK_S          (7 * 86400)
#define YEARS           15
#define WEEKS           (YEARS * 366 / 7)

/* Twice a year is usual, four times the most there is. */
#define CHANGES_MAX 128

struct zone {
	size_t count;
	struct change {
		int64_t from_s; /* of the first: does not matter */
		int32_t offset;
	} changes[];
};

/* ---- the files ---- */

static int refuse(char reason[static ZONE_REASON_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(char reason[static ZONE_REASON_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, ZONE_REASON_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* Nothing that leads out of the directory of zones, and nothing that the C library
 * would take for a rule. */
static int check_name(const char *name, char reason[static ZONE_REASON_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-_/";
	size_t length = strlen(name);

	if (length == 0)
		return refuse(reason, "the name of a time zone is missing");
	if (length > NAME_LENGTH_MAX || strspn(name, allowed) != length || name[0] == '/' ||
	    name[length - 1] == '/' || strstr(name, "//") != NULL)
		return refuse(reason, "'%.80s' is not the name of a time zone, such as Europe/Paris or UTC",
			      name);
	return 0;
}

static const char *zone_directory(void)
{
	const char *directory = secure_getenv("TZDIR");

	return directory != NULL && directory[0] == '/' ? directory : "/usr/share/zoneinfo";
}

static int refuse_open(const char *name, const char *path, int error, char reason[static ZONE_REASON_MAX])
{
	if (error == ENOENT && access(zone_directory(), F_OK) < 0)
		return refuse(reason,
			      "no time zones are known here: there is no %.100s; the package tzdata has it",
			      zone_directory());
	if (error == ENOENT || error == ENOTDIR)
		return refuse(reason,
			      "there is no time zone '%s': no %.100s (the package tzdata has them; capitals "
			      "matter)",
			      name, path);
	return refuse(reason, "the time zone '%s' cannot be read: %.100s: %s", name, path, strerror(error));
}

/* The bytes of a zone's file, malloc'ed. */
static int read_zone(const char *name, const char *path, char **ret_bytes, size_t *ret_length,
		     char reason[static ZONE_REASON_MAX])
{
	/* O_NONBLOCK: a FIFO there must not hold us up. */
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return refuse_open(name, path, errno, reason);
	if (!S_ISREG(status.st_mode))
		return refuse(reason, "'%s' is not a time zone, but a part of names such as Europe/Paris",
			      name);

	_cleanup_free_ char *bytes = malloc(FILE_SIZE_MAX);

	if (bytes == NULL)
		return -ENOMEM;

	ssize_t length = read_full(fd, bytes, FILE_SIZE_MAX);

	if (length < 0)
		return refuse_open(name, path, (int)-length, reason);
	if (length < 4 || memcmp(bytes, "TZif", 4) != 0)
		return refuse(reason, "'%s' is not a time zone: %.100s is another kind of file", name, path);
	*ret_bytes = bytes;
	*ret_length = (size_t)length;
	bytes = NULL;
	return 0;
}

/* ---- what the C library says ---- */

static int32_t offset_at(int64_t at_s)
{
	time_t at = (time_t)at_s;
	struct tm local;

	return localtime_r(&at, &local) != NULL ? (int32_t)local.tm_gmtoff : 0;
}

/* Whether the library uses the file with these bytes: the name it has for the time
 * of the zone stands there. It has none when it fell back to UTC. */
static bool is_in_use(const char *bytes, size_t length, int64_t now_s)
{
	time_t at = (time_t)now_s;
	struct tm local;

	if (localtime_r(&at, &local) == NULL || local.tm_zone == NULL || local.tm_zone[0] == '\0')
		return false;
	return memmem(bytes, length, local.tm_zone, strlen(local.tm_zone)) != NULL;
}

/* The first second, after `low` and up to `high`, with another offset than at `low`. */
static int64_t find_change(int64_t low, int64_t high, int32_t offset)
{
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (offset_at(middle) == offset)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* Two changes within a week would be missed; the closest there are lie a month apart (Ramadan in Morocco). */
static int probe(int64_t now_s, struct arena *arena, const struct zone **ret_zone)
{
	struct change changes[CHANGES_MAX] = { { now_s, offset_at(now_s) } };
	size_t count = 1;

	for (int64_t week = 0; week < WEEKS && count < CHANGES_MAX; week++) {
		int64_t start_s = now_s + week * WEEK_S, end_s = start_s + WEEK_S;

		if (offset_at(end_s) == changes[count - 1].offset)
			continue;
		start_s = find_change(start_s, end_s, changes[count - 1].offset);
		changes[count++] = (struct change){ start_s, offset_at(start_s) };
	}

	struct zone *zone = arena_alloc(arena, sizeof(*zone) + count * sizeof(changes[0]));

	if (zone == NULL)
		return -ENOMEM;
	zone->count = count;
	memcpy(zone->changes, changes, count * sizeof(changes[0]));
	*ret_zone = zone;
	return 0;
}

/* An environment of one variable is lent to the library: nothing is copied or
 * kept, as setenv() would, and whoever holds the real one sees no change. */
static int probe_file(const char *name, const char *path, int64_t now_s, struct arena *arena,
		      const struct zone **ret_zone, char reason[static ZONE_REASON_MAX])
{
	char variable[PATH_MAX + 8];
	char *const lent[] = { variable, NULL };
	char **own = environ;
	_cleanup_free_ char *bytes = NULL;
	size_t length = 0;
	int r = read_zone(name, path, &bytes, &length, reason);

	if (r < 0)
		return r;

	/* With the whole path no name can be mistaken for a rule (EST5EDT). */
	snprintf(variable, sizeof(variable), "TZ=:%s", path);
	environ = (char **)(uintptr_t)lent;
	tzset();
	if (bytes != NULL && is_in_use(bytes, length, now_s))
		r = probe(now_s, arena, ret_zone);
	else
		r = refuse(reason, "the time zone '%s' cannot be used: %.100s is damaged", name, path);
	environ = own;
	tzset();
	return r;
}

/* ---- zones ---- */

int zone_load(const char *name, int64_t now_s, struct arena *arena, const struct zone **ret_zone,
	      char reason[static ZONE_REASON_MAX])
{
	char path[PATH_MAX];

	if (name == NULL) {
		tzset();
		return probe(now_s, arena, ret_zone);
	}

	int r = check_name(name, reason);

	if (r < 0)
		return r;
	/* These need no file. */
	if (strcmp(name, "UTC") == 0 || strcmp(name, "GMT") == 0) {
		struct zone *zone = arena_alloc(arena, sizeof(*zone) + sizeof(zone->changes[0]));

		if (zone == NULL)
			return -ENOMEM;
		zone->count = 1;
		*ret_zone = zone;
		return 0;
	}
	if (snprintf(path, sizeof(path), "%s/%s", zone_directory(), name) >= (int)sizeof(path))
		return refuse(reason, "the path of the time zone '%s' is too long", name);
	return probe_file(name, path, now_s, arena, ret_zone, reason);
}

int32_t zone_offset(const struct zone *zone, int64_t at_s)
{
	size_t low = 0, high = zone->count;

	/* The last change that is not after `at_s`, or the first. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (zone->changes[middle].from_s <= at_s)
			low = middle;
		else
			high = middle;
	}
	return zone->changes[low].offset;
}
