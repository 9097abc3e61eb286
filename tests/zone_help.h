/* zone_help.h - a directory of time zones for tests: their rules are the real
 * ones, the files are made here, and the machine needs none. */
#ifndef USHERD_TESTS_ZONE_HELP_H
#define USHERD_TESTS_ZONE_HELP_H

#include "base.h"
#include "run.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static char zones[] = "/tmp/check_zone.XXXXXX";

/* Name, names of its times, offset at first, and the rule in the form of TZ. */
static const struct {
	const char *name, *first, *second;
	int32_t offset;
	const char *rule;
} zone_rules[] = {
	{ "Europe/Paris", "CET", "CEST", 3600, "CET-1CEST,M3.5.0,M10.5.0/3" },
	{ "America/New_York", "EST", "EDT", -18000, "EST5EDT,M3.2.0,M11.1.0" },
	{ "Australia/Sydney", "AEST", "AEDT", 36000, "AEST-10AEDT,M10.1.0,M4.1.0/3" },
	{ "Asia/Kolkata", "IST", "", 19800, "IST-5:30" },
	{ "EST5EDT", "WAT", "", 3600, "WAT-1" }, /* its name is a rule, too: another one */
};

static inline void put_number(FILE *file, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		fputc((int)(number >> shift & 0xff), file);
}

/* One block of the format TZif: one change in the year 1970, where the rule begins. */
static inline void put_block(FILE *file, size_t zone, bool is_long)
{
	size_t first = strlen(zone_rules[zone].first) + 1, second = strlen(zone_rules[zone].second) + 1;

	fwrite("TZif2", 1, 5, file);
	for (int i = 0; i < 15; i++)
		fputc(0, file);
	put_number(file, 0); /* indicators, of UTC and of standard time */
	put_number(file, 0);
	put_number(file, 0);       /* leap seconds */
	put_number(file, is_long); /* changes */
	put_number(file, 1);       /* kinds of time */
	put_number(file, (uint32_t)(first + second));
	if (is_long) {
		put_number(file, 0);
		put_number(file, 0);
		fputc(0, file);
	}
	put_number(file, (uint32_t)zone_rules[zone].offset);
	fputc(0, file);
	fputc(0, file);
	fwrite(zone_rules[zone].first, 1, first, file);
	fwrite(zone_rules[zone].second, 1, second, file);
}

static inline const char *zone_path(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", zones, name);
	return path;
}

/* Makes them, and has them looked for there. */
static inline void zones_set_up(void)
{
	strcpy(zones, "/tmp/check_zone.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(zones));
	ck_assert_int_eq(mkdir(zone_path("Europe"), 0755), 0);
	ck_assert_int_eq(mkdir(zone_path("America"), 0755), 0);
	ck_assert_int_eq(mkdir(zone_path("Australia"), 0755), 0);
	ck_assert_int_eq(mkdir(zone_path("Asia"), 0755), 0);
	for (size_t i = 0; i < ELEMENTS(zone_rules); i++) {
		FILE *file = fopen(zone_path(zone_rules[i].name), "we");

		ck_assert_ptr_nonnull(file);
		put_block(file, i, false);
		put_block(file, i, true);
		fprintf(file, "\n%s\n", zone_rules[i].rule);
		ck_assert_int_eq(fclose(file), 0);
	}
	ck_assert_int_eq(setenv("TZDIR", zones, 1), 0);
}

static inline void zones_tear_down(void)
{
	char command[PATH_MAX];

	unsetenv("TZDIR");
	snprintf(command, sizeof(command), "rm -rf '%s'", zones);
	ck_assert_int_eq(system(command), 0);
}

#endif
