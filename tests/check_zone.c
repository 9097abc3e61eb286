/* check_zone.c - offsets around changes of clocks to the second, and zones that
 * are not there, damaged, or not zones. */
#include "zone.h"

#include "arena.h"
#include "zone_help.h"

#include <errno.h>
#include <time.h>

#define NOW_S 1767225600 /* the beginning of 2026 */

static struct arena *arena;
static char reason[ZONE_REASON_MAX];

static void set_up(void)
{
	zones_set_up();
	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
	ck_assert_int_eq(setenv("TZ", "XYZ-3", 1), 0);
	tzset();
}

static void tear_down(void)
{
	arena_free(arena);
	zones_tear_down();
}

static const struct zone *load(const char *name)
{
	const struct zone *zone = NULL;

	reason[0] = '\0';
	ck_assert_msg(zone_load(name, NOW_S, arena, &zone, reason) == 0, "%s: %s", name, reason);
	ck_assert_ptr_nonnull(zone);
	return zone;
}

/* ---- offsets ---- */

static const struct {
	const char *zone;
	int64_t at_s;
	int32_t offset;
} offsets[] = {
	{ "Europe/Paris", NOW_S, 3600 },
	{ "Europe/Paris", 1774745999, 3600 }, /* 2026-03-29 00:59:59 UTC */
	{ "Europe/Paris", 1774746000, 7200 },
	{ "Europe/Paris", 1792889999, 7200 }, /* 2026-10-25 00:59:59 UTC */
	{ "Europe/Paris", 1792890000, 3600 },
	{ "Europe/Paris", 2216250000 - 1, 3600 }, /* 2040-03-25 */
	{ "Europe/Paris", 2216250000, 7200 },
	{ "Europe/Paris", NOW_S - 86400 * 180, 3600 }, /* before it begins: as at the beginning */
	{ "Europe/Paris", INT64_MIN, 3600 },
	{ "Europe/Paris", 2540246400, 3600 }, /* summer of 2050: as the winter that is known last */
	{ "Europe/Paris", INT64_MAX, 3600 },
	{ "America/New_York", 1772953199, -18000 }, /* 2026-03-08 06:59:59 UTC */
	{ "America/New_York", 1772953200, -14400 },
	{ "America/New_York", 1793512799, -14400 }, /* 2026-11-01 05:59:59 UTC */
	{ "America/New_York", 1793512800, -18000 },
	{ "Australia/Sydney", NOW_S, 39600 },      /* summer */
	{ "Australia/Sydney", 1775318399, 39600 }, /* 2026-04-04 15:59:59 UTC */
	{ "Australia/Sydney", 1775318400, 36000 },
	{ "Australia/Sydney", 1791043199, 36000 }, /* 2026-10-03 15:59:59 UTC */
	{ "Australia/Sydney", 1791043200, 39600 },
	{ "Asia/Kolkata", NOW_S, 19800 },
	{ "Asia/Kolkata", 1783000000, 19800 },
	{ "EST5EDT", NOW_S, 3600 }, /* the file, not the rule */
	{ "UTC", NOW_S, 0 },
	{ "UTC", INT64_MIN, 0 },
	{ "UTC", INT64_MAX, 0 },
	{ "GMT", 1783000000, 0 },
	{ NULL, NOW_S, 10800 }, /* TZ of the process */
	{ NULL, 1783000000, 10800 },
};

START_TEST(offset)
{
	const struct zone *zone = load(offsets[_i].zone);

	ck_assert_int_eq(zone_offset(zone, offsets[_i].at_s), offsets[_i].offset);
}
END_TEST

/* Each quarter of an hour of 15 years, as the C library has it. */
START_TEST(every_quarter)
{
	const struct zone *zone = load("America/New_York");

	ck_assert_int_eq(setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1), 0);
	tzset();
	for (int64_t i = 0; i < INT64_C(15) * 365 * 96; i++) {
		time_t at = (time_t)(NOW_S + i * 900);
		struct tm local;

		ck_assert_ptr_nonnull(localtime_r(&at, &local));
		if (zone_offset(zone, at) != local.tm_gmtoff)
			ck_abort_msg("at %jd: %d", (intmax_t)at, zone_offset(zone, at));
	}
}
END_TEST

/* ---- the process is left as it was ---- */

START_TEST(process_keeps_its_zone)
{
	time_t at = NOW_S;
	struct tm local;
	char **before = environ;

	load("Europe/Paris");
	ck_assert_ptr_eq(environ, before);
	ck_assert_str_eq(getenv("TZ"), "XYZ-3");
	ck_assert_ptr_nonnull(localtime_r(&at, &local));
	ck_assert_int_eq(local.tm_gmtoff, 10800);
	ck_assert_str_eq(tzname[0], "XYZ");
}
END_TEST

START_TEST(process_keeps_its_zone_after_failure)
{
	const struct zone *zone = NULL;
	time_t at = NOW_S;
	struct tm local;

	ck_assert_int_eq(truncate(zone_path("Europe/Paris"), 60), 0);
	ck_assert_int_eq(zone_load("Europe/Paris", NOW_S, arena, &zone, reason), -EINVAL);
	ck_assert_str_eq(getenv("TZ"), "XYZ-3");
	ck_assert_ptr_nonnull(localtime_r(&at, &local));
	ck_assert_int_eq(local.tm_gmtoff, 10800);
}
END_TEST

/* ---- what is refused ---- */

static const struct {
	const char *name, *part;
} refused[] = {
	{ "", "missing" },
	{ "Europe/Lutetia", "there is no time zone 'Europe/Lutetia'" },
	{ "Europe/Lutetia", "tzdata" },
	{ "europe/paris", "capitals matter" },
	{ "Europe/Paris/Montmartre", "there is no time zone" },
	{ "Europe", "a part of names" },
	{ "Europe/", "not the name" },
	{ "/etc/passwd", "not the name" },
	{ "../Europe/Paris", "not the name" },
	{ "Europe//Paris", "not the name" },
	{ "Europe Paris", "not the name" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "not the name" },
	{ "a234567890b234567890c234567890d234567890e234567890f2345678901234", "there is no time zone" },
	{ "a234567890b234567890c234567890d234567890e234567890f23456789012345", "not the name" },
	{ "text", "another kind of file" },
	{ "short", "another kind of file" },
	{ "fifo", "not a time zone" },
	{ "memory", "cannot be read" },
	{ "head", "damaged" },
	{ "cut", "damaged" },
};

START_TEST(refuse)
{
	const struct zone *zone = NULL;
	FILE *file = fopen(zone_path("text"), "we");

	fputs("not a zone\n", file);
	fclose(file);
	file = fopen(zone_path("short"), "we");
	fputs("TZi", file);
	fclose(file);
	file = fopen(zone_path("head"), "we");
	fputs("TZif", file);
	fclose(file);
	ck_assert_int_eq(mkfifo(zone_path("fifo"), 0600), 0);
	/* A file whose first byte cannot be read. */
	ck_assert_int_eq(symlink("/proc/self/mem", zone_path("memory")), 0);

	char from[PATH_MAX];

	snprintf(from, sizeof(from), "%s", zone_path("Asia/Kolkata"));
	ck_assert_int_eq(rename(from, zone_path("cut")), 0);
	ck_assert_int_eq(truncate(zone_path("cut"), 100), 0);

	ck_assert_int_eq(zone_load(refused[_i].name, NOW_S, arena, &zone, reason), -EINVAL);
	ck_assert_ptr_null(zone);
	ck_assert_msg(strstr(reason, refused[_i].part) != NULL, "'%s': %s", refused[_i].name, reason);
}
END_TEST

START_TEST(unreadable)
{
	const struct zone *zone = NULL;

	ck_assert_int_eq(chmod(zones, 0755), 0);
	ck_assert_int_eq(chmod(zone_path("Asia/Kolkata"), 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);

	int r = zone_load("Asia/Kolkata", NOW_S, arena, &zone, reason);

	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_msg(strstr(reason, "Permission denied") != NULL, "%s", reason);
}
END_TEST

/* ---- where they are looked for ---- */

START_TEST(no_directory)
{
	const struct zone *zone = NULL;

	ck_assert_int_eq(setenv("TZDIR", "/nonexistent", 1), 0);
	ck_assert_int_eq(zone_load("Europe/Paris", NOW_S, arena, &zone, reason), -EINVAL);
	ck_assert_msg(strstr(reason, "no time zones are known here") != NULL, "%s", reason);
	ck_assert_int_eq(zone_offset(load("UTC"), NOW_S), 0);
	ck_assert_int_eq(zone_offset(load("GMT"), NOW_S), 0);
}
END_TEST

START_TEST(directory_too_long)
{
	const struct zone *zone = NULL;
	char path[PATH_MAX];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(setenv("TZDIR", path, 1), 0);
	ck_assert_int_eq(zone_load("Europe/Paris", NOW_S, arena, &zone, reason), -EINVAL);
	ck_assert_msg(strstr(reason, "too long") != NULL, "%s", reason);
}
END_TEST

/* A TZDIR that is relative or missing stands for the directory of the system, which may lack, too. */
START_TEST(system_directory)
{
	const struct zone *zone = NULL;
	bool has_zones = access("/usr/share/zoneinfo/Europe/Paris", R_OK) == 0;

	ck_assert_int_eq(setenv("TZDIR", "tmp", 1), 0);
	for (int i = 0; i < 2; i++) {
		int r = zone_load("Europe/Paris", NOW_S, arena, &zone, reason);

		ck_assert_int_eq(r, has_zones ? 0 : -EINVAL);
		if (has_zones)
			ck_assert_int_eq(zone_offset(zone, 1774746000), 7200);
		else
			ck_assert_msg(strstr(reason, "/usr/share/zoneinfo") != NULL, "%s", reason);
		unsetenv("TZDIR");
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("zone");
	TCase *tests = tcase_create("zone");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, offset, 0, ELEMENTS(offsets));
	tcase_add_test(tests, every_quarter);
	tcase_add_test(tests, process_keeps_its_zone);
	tcase_add_test(tests, process_keeps_its_zone_after_failure);
	tcase_add_loop_test(tests, refuse, 0, ELEMENTS(refused));
	tcase_add_test(tests, unreadable);
	tcase_add_test(tests, no_directory);
	tcase_add_test(tests, directory_too_long);
	tcase_add_test(tests, system_directory);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
