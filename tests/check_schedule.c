/* check_schedule.c - hours of services: their bounds to the second, over midnight,
 * over the end of the week, and over changes of clocks. */
#include "schedule.h"

#include "arena.h"
#include "zone_help.h"

#include <stdio.h>
#include <time.h>

#define NOW_S 1767225600 /* the beginning of 2026 */

enum { MON = 1, TUE = 2, WED = 4, THU = 8, FRI = 16, SAT = 32, SUN = 64, WEEK = 127 };
#define H(hour, minute) ((hour)*60 + (minute))

static struct arena *arena;

static void set_up(void)
{
	zones_set_up();
	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
}

static void tear_down(void)
{
	arena_free(arena);
	zones_tear_down();
}

/* Seconds since 1970 of "2026-03-29 00:59:59", UTC. */
static int64_t at(const char *text)
{
	struct tm tm = { 0 };

	ck_assert_int_eq(sscanf(text, "%d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
				&tm.tm_min, &tm.tm_sec),
			 6);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm);
}

static struct schedule_window window_of(uint8_t days, unsigned from, unsigned until, const char *name)
{
	struct schedule_window window = {
		.days = days, .from = (uint16_t)from, .until = (uint16_t)until, .zone_name = name
	};
	char reason[ZONE_REASON_MAX] = "";

	ck_assert_msg(zone_load(name, NOW_S, arena, &window.zone, reason) == 0, "%s", reason);
	return window;
}

/* ---- one window ---- */

static const struct {
	uint8_t days;
	unsigned from, until;
	const char *zone;
	const char *at; /* UTC */
	bool open;
} times[] = {
	/* bounds; 2026-11-23 is a Monday */
	{ MON, H(8, 0), H(18, 0), "UTC", "2026-11-23 07:59:59", false },
	{ MON, H(8, 0), H(18, 0), "UTC", "2026-11-23 08:00:00", true },
	{ MON, H(8, 0), H(18, 0), "UTC", "2026-11-23 17:59:59", true },
	{ MON, H(8, 0), H(18, 0), "UTC", "2026-11-23 18:00:00", false },
	{ MON, H(8, 0), H(18, 0), "UTC", "2026-11-22 12:00:00", false },
	{ MON, H(8, 0), H(18, 0), "UTC", "2026-11-24 12:00:00", false },
	{ MON, H(8, 0), H(18, 0), "UTC", "2026-11-30 12:00:00", true },
	/* one minute */
	{ MON, H(8, 0), H(8, 1), "UTC", "2026-11-23 08:00:59", true },
	{ MON, H(8, 0), H(8, 1), "UTC", "2026-11-23 08:01:00", false },
	/* the whole day */
	{ WED, H(0, 0), H(24, 0), "UTC", "2026-11-24 23:59:59", false },
	{ WED, H(0, 0), H(24, 0), "UTC", "2026-11-25 00:00:00", true },
	{ WED, H(0, 0), H(24, 0), "UTC", "2026-11-25 23:59:59", true },
	{ WED, H(0, 0), H(24, 0), "UTC", "2026-11-26 00:00:00", false },
	{ WEEK, H(0, 0), H(24, 0), "UTC", "2026-11-26 00:00:00", true },
	/* over midnight it belongs to the day it begins */
	{ FRI, H(22, 0), H(6, 0), "UTC", "2026-11-27 05:59:59", false },
	{ FRI, H(22, 0), H(6, 0), "UTC", "2026-11-27 21:59:59", false },
	{ FRI, H(22, 0), H(6, 0), "UTC", "2026-11-27 22:00:00", true },
	{ FRI, H(22, 0), H(6, 0), "UTC", "2026-11-28 00:00:00", true },
	{ FRI, H(22, 0), H(6, 0), "UTC", "2026-11-28 05:59:59", true },
	{ FRI, H(22, 0), H(6, 0), "UTC", "2026-11-28 06:00:00", false },
	{ FRI, H(22, 0), H(6, 0), "UTC", "2026-11-28 22:00:00", false },
	/* and over the end of the week */
	{ SUN, H(23, 30), H(0, 30), "UTC", "2026-11-29 23:29:59", false },
	{ SUN, H(23, 30), H(0, 30), "UTC", "2026-11-29 23:30:00", true },
	{ SUN, H(23, 30), H(0, 30), "UTC", "2026-11-30 00:29:59", true },
	{ SUN, H(23, 30), H(0, 30), "UTC", "2026-11-30 00:30:00", false },
	{ SUN, H(23, 30), H(0, 30), "UTC", "2026-11-29 00:10:00", false },
	/* up to midnight, written 00:00 */
	{ MON, H(22, 0), H(0, 0), "UTC", "2026-11-23 23:59:59", true },
	{ MON, H(22, 0), H(0, 0), "UTC", "2026-11-24 00:00:00", false },
	{ MON, H(22, 0), H(0, 0), "UTC", "2026-11-23 00:00:00", false },
	/* the machine's own zone: XYZ-3 */
	{ MON, H(0, 0), H(1, 0), NULL, "2026-11-22 21:00:00", true },
	{ MON, H(0, 0), H(1, 0), NULL, "2026-11-22 20:59:59", false },
	/* half an hour off: Monday 08:00 is 02:30 UTC */
	{ MON, H(8, 0), H(18, 0), "Asia/Kolkata", "2026-11-23 02:29:59", false },
	{ MON, H(8, 0), H(18, 0), "Asia/Kolkata", "2026-11-23 02:30:00", true },
	{ MON, H(8, 0), H(18, 0), "Asia/Kolkata", "2026-11-23 12:29:59", true },
	{ MON, H(8, 0), H(18, 0), "Asia/Kolkata", "2026-11-23 12:30:00", false },
	/* another day than in UTC, on both sides */
	{ MON, H(0, 0), H(24, 0), "Asia/Kolkata", "2026-11-22 18:30:00", true },
	{ MON, H(0, 0), H(24, 0), "America/New_York", "2026-11-24 04:59:59", true },
	{ MON, H(0, 0), H(24, 0), "America/New_York", "2026-11-23 04:59:59", false },
	/* summer and winter: 08:00 is 06:00 or 07:00 UTC */
	{ WEEK, H(8, 0), H(18, 0), "Europe/Paris", "2026-03-28 06:59:59", false },
	{ WEEK, H(8, 0), H(18, 0), "Europe/Paris", "2026-03-28 07:00:00", true },
	{ WEEK, H(8, 0), H(18, 0), "Europe/Paris", "2026-03-29 05:59:59", false },
	{ WEEK, H(8, 0), H(18, 0), "Europe/Paris", "2026-03-29 06:00:00", true },
	{ WEEK, H(8, 0), H(18, 0), "Europe/Paris", "2026-10-24 06:00:00", true },
	{ WEEK, H(8, 0), H(18, 0), "Europe/Paris", "2026-10-25 06:00:00", false },
	{ WEEK, H(8, 0), H(18, 0), "Europe/Paris", "2026-10-25 07:00:00", true },
	/* an hour that is left out: from 01:59:59 to 03:00:00 */
	{ SUN, H(2, 0), H(3, 0), "Europe/Paris", "2026-03-29 00:59:59", false },
	{ SUN, H(2, 0), H(3, 0), "Europe/Paris", "2026-03-29 01:00:00", false },
	{ SUN, H(1, 0), H(4, 0), "Europe/Paris", "2026-03-29 00:00:00", true },
	{ SUN, H(1, 0), H(4, 0), "Europe/Paris", "2026-03-29 01:59:59", true },
	{ SUN, H(1, 0), H(4, 0), "Europe/Paris", "2026-03-29 02:00:00", false },
	/* an hour that comes twice */
	{ SUN, H(2, 0), H(3, 0), "Europe/Paris", "2026-10-24 23:59:59", false },
	{ SUN, H(2, 0), H(3, 0), "Europe/Paris", "2026-10-25 00:00:00", true },
	{ SUN, H(2, 0), H(3, 0), "Europe/Paris", "2026-10-25 01:59:59", true },
	{ SUN, H(2, 0), H(3, 0), "Europe/Paris", "2026-10-25 02:00:00", false },
	/* over midnight and the change: Saturday 22:00 to Sunday 06:00 */
	{ SAT, H(22, 0), H(6, 0), "America/New_York", "2026-03-08 02:59:59", false },
	{ SAT, H(22, 0), H(6, 0), "America/New_York", "2026-03-08 03:00:00", true },
	{ SAT, H(22, 0), H(6, 0), "America/New_York", "2026-03-08 09:59:59", true },
	{ SAT, H(22, 0), H(6, 0), "America/New_York", "2026-03-08 10:00:00", false },
	{ SAT, H(22, 0), H(6, 0), "America/New_York", "2026-11-01 02:00:00", true },
	{ SAT, H(22, 0), H(6, 0), "America/New_York", "2026-11-01 10:59:59", true },
	{ SAT, H(22, 0), H(6, 0), "America/New_York", "2026-11-01 11:00:00", false },
	/* the south: summer in January */
	{ WEEK, H(9, 0), H(10, 0), "Australia/Sydney", "2026-01-14 22:00:00", true },
	{ WEEK, H(9, 0), H(10, 0), "Australia/Sydney", "2026-07-14 22:00:00", false },
	{ WEEK, H(9, 0), H(10, 0), "Australia/Sydney", "2026-07-14 23:00:00", true },
	/* a clock that was never set, and one before the beginning: Thursday and Wednesday */
	{ THU, H(0, 0), H(1, 0), "UTC", "1970-01-01 00:00:00", true },
	{ WED, H(23, 0), H(24, 0), "UTC", "1969-12-31 23:59:59", true },
	{ THU, H(23, 0), H(24, 0), "UTC", "1969-12-31 23:59:59", false },
	{ WED, H(0, 0), H(0, 1), "UTC", "1969-12-31 00:00:00", true },
	{ TUE, H(23, 59), H(24, 0), "UTC", "1969-12-30 23:59:59", true },
	{ MON, H(0, 0), H(24, 0), "UTC", "1969-12-01 12:00:00", true },
	{ MON, H(0, 0), H(24, 0), "UTC", "1969-11-30 23:59:59", false },
	{ SUN, H(23, 0), H(24, 0), "UTC", "1969-11-30 23:59:59", true },
	{ SUN, H(22, 0), H(2, 0), "UTC", "1900-01-01 01:59:59", true },
	/* far ahead; a Friday */
	{ FRI, H(12, 0), H(13, 0), "UTC", "2100-01-01 12:30:00", true },
};

START_TEST(one_window)
{
	ck_assert_int_eq(setenv("TZ", "XYZ-3", 1), 0);

	struct schedule_window window =
		window_of(times[_i].days, times[_i].from, times[_i].until, times[_i].zone);
	struct schedule schedule = { .windows = &window, .count = 1 };
	const struct schedule_window *says = (const struct schedule_window *)&schedule;
	char text[SCHEDULE_TEXT_MAX];

	ck_assert_msg(schedule_open(&schedule, at(times[_i].at), &says) == times[_i].open, "%s at %s",
		      schedule_print(&window, text), times[_i].at);
	ck_assert_ptr_eq(says, times[_i].open ? &window : NULL);
}
END_TEST

/* ---- several ---- */

START_TEST(always)
{
	struct schedule schedule = { 0 };
	const struct schedule_window *says = (const struct schedule_window *)&schedule;

	ck_assert(schedule_open(&schedule, NOW_S, &says));
	ck_assert_ptr_null(says);
}
END_TEST

START_TEST(first_that_says_so)
{
	struct schedule_window windows[] = {
		window_of(MON | TUE, H(8, 0), H(12, 0), "UTC"),
		window_of(MON, H(11, 0), H(14, 0), "UTC"),
		window_of(MON, H(8, 0), H(18, 0), "America/New_York"),
	};
	struct schedule schedule = { .windows = windows, .count = ELEMENTS(windows) };
	const struct schedule_window *says = NULL;

	ck_assert(schedule_open(&schedule, at("2026-11-23 11:30:00"), &says));
	ck_assert_ptr_eq(says, &windows[0]);
	ck_assert(schedule_open(&schedule, at("2026-11-23 12:00:00"), &says));
	ck_assert_ptr_eq(says, &windows[1]);
	ck_assert(schedule_open(&schedule, at("2026-11-23 22:59:59"), &says));
	ck_assert_ptr_eq(says, &windows[2]);
	ck_assert(!schedule_open(&schedule, at("2026-11-24 12:00:00"), &says));
	ck_assert_ptr_null(says);
}
END_TEST

/* A window without a zone is one of UTC. */
START_TEST(no_zone)
{
	struct schedule_window window = { .days = MON, .from = H(8, 0), .until = H(12, 0) };
	struct schedule schedule = { .windows = &window, .count = 1 };
	const struct schedule_window *says;

	ck_assert(!schedule_open(&schedule, at("2026-11-23 07:59:59"), &says));
	ck_assert(schedule_open(&schedule, at("2026-11-23 08:00:00"), &says));
	ck_assert(schedule_open(&schedule, at("2026-11-23 11:59:59"), &says));
	ck_assert(!schedule_open(&schedule, at("2026-11-23 12:00:00"), &says));
}
END_TEST

/* Nothing is remembered: a clock that goes back and forth is answered as each time is. */
START_TEST(clock_jumps)
{
	struct schedule_window window = window_of(MON, H(8, 0), H(18, 0), "Europe/Paris");
	struct schedule schedule = { .windows = &window, .count = 1 };
	const struct schedule_window *says = NULL;

	for (int i = 0; i < 3; i++) {
		ck_assert(schedule_open(&schedule, at("2026-11-23 12:00:00"), &says));
		ck_assert(!schedule_open(&schedule, at("1970-01-01 00:00:00"), &says));
		ck_assert(schedule_open(&schedule, at("2026-11-16 12:00:00"), &says));
		ck_assert(!schedule_open(&schedule, at("2039-11-20 12:00:00"), &says));
	}
}
END_TEST

/* ---- how they are written ---- */

static const struct {
	uint8_t days;
	unsigned from, until;
	const char *zone, *text;
} texts[] = {
	{ WEEK, H(8, 0), H(18, 0), NULL, "08:00-18:00" },
	{ MON | TUE | WED | THU | FRI, H(8, 0), H(18, 0), "Europe/Paris",
	  "mon-fri 08:00-18:00 Europe/Paris" },
	{ MON | WED | FRI, H(9, 5), H(24, 0), "UTC", "mon wed fri 09:05-24:00 UTC" },
	{ SAT | SUN, 0, H(24, 0), NULL, "sat-sun 00:00-24:00" },
	{ FRI | SAT | SUN | MON, H(22, 0), H(6, 0), NULL, "fri-mon 22:00-06:00" },
	{ SUN | MON, H(22, 0), H(6, 0), NULL, "sun-mon 22:00-06:00" },
	{ MON | TUE | THU | SAT, H(1, 0), H(2, 0), NULL, "mon-tue thu sat 01:00-02:00" },
	{ WEEK & ~MON, H(1, 0), H(2, 0), NULL, "tue-sun 01:00-02:00" },
	{ WEEK & ~THU, H(1, 0), H(2, 0), NULL, "fri-wed 01:00-02:00" },
	{ SUN, H(23, 59), 0, NULL, "sun 23:59-00:00" },
	/* the longest there is */
	{ MON | WED | FRI | SAT, H(10, 0), H(20, 0),
	  "a234567890b234567890c234567890d234567890e234567890f2345678901234",
	  "mon wed fri-sat 10:00-20:00 a234567890b234567890c234567890d234567890e234567890f2345678901234" },
};

START_TEST(print)
{
	struct schedule_window window = { .days = texts[_i].days,
					  .from = (uint16_t)texts[_i].from,
					  .until = (uint16_t)texts[_i].until,
					  .zone_name = texts[_i].zone };
	char text[SCHEDULE_TEXT_MAX];

	ck_assert_ptr_eq(schedule_print(&window, text), text);
	ck_assert_str_eq(text, texts[_i].text);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tests = tcase_create("schedule");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, one_window, 0, ELEMENTS(times));
	tcase_add_test(tests, always);
	tcase_add_test(tests, first_that_says_so);
	tcase_add_test(tests, no_zone);
	tcase_add_test(tests, clock_jumps);
	tcase_add_loop_test(tests, print, 0, ELEMENTS(texts));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
