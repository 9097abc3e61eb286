/* schedule.c - is it open now? What counts is the clock on the wall of the
 * window's zone: an hour that a change of clocks leaves out is not there, one
 * that comes twice is there twice. */
#include "schedule.h"

#include "base.h"

#include <stdarg.h>
#include <string.h>

#define DAY_S     86400
#define WEEK_DAYS 7
#define ALL_DAYS  0x7f

/* What a clock on the wall shows. */
struct wall {
	unsigned day; /* 0: Monday */
	unsigned minute;
};

static struct wall look_at_wall(const struct zone *zone, int64_t at_s)
{
	int64_t local = at_s + (zone != NULL ? zone_offset(zone, at_s) : 0);
	int64_t second = local % DAY_S;

	/* Downwards, before 1970 too. */
	if (second < 0)
		second += DAY_S;

	/* The first day of 1970 was a Thursday. */
	int64_t day = ((local - second) / DAY_S + 3) % WEEK_DAYS;

	if (day < 0)
		day += WEEK_DAYS;
	return (struct wall){ .day = (unsigned)day, .minute = (unsigned)second / 60 };
}

static bool has_day(const struct schedule_window *window, unsigned day)
{
	return (window->days >> day & 1) != 0;
}

static bool is_open(const struct schedule_window *window, struct wall wall)
{
	if (window->from < window->until)
		return has_day(window, wall.day) && wall.minute >= window->from &&
		       wall.minute < window->until;

	unsigned yesterday = (wall.day + WEEK_DAYS - 1) % WEEK_DAYS;

	return (has_day(window, wall.day) && wall.minute >= window->from) ||
	       (has_day(window, yesterday) && wall.minute < window->until);
}

bool schedule_open(const struct schedule *schedule, int64_t at_s, const struct schedule_window **ret_window)
{
	*ret_window = NULL;
	if (schedule->count == 0)
		return true;
	for (size_t i = 0; i < schedule->count; i++) {
		const struct schedule_window *window = &schedule->windows[i];

		if (is_open(window, look_at_wall(window->zone, at_s))) {
			*ret_window = window;
			return true;
		}
	}
	return false;
}

/* Adds to a text that has room for all there is to say. */
static void add(char text[static SCHEDULE_TEXT_MAX], const char *format, ...) _printf_(2, 3);

static void add(char text[static SCHEDULE_TEXT_MAX], const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, SCHEDULE_TEXT_MAX - used, format, arguments);
	va_end(arguments);
}

/* Runs of days, the week being a circle: "mon-fri", "fri-mon", "mon wed". */
static void print_days(uint8_t days, char text[static SCHEDULE_TEXT_MAX])
{
	static const char names[WEEK_DAYS][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	if ((days & ALL_DAYS) == ALL_DAYS)
		return;
	for (unsigned first = 0; first < WEEK_DAYS; first++) {
		unsigned last = first;

		if ((days >> first & 1) == 0 || (days >> (first + WEEK_DAYS - 1) % WEEK_DAYS & 1) != 0)
			continue;
		while ((days >> (last + 1) % WEEK_DAYS & 1) != 0)
			last = (last + 1) % WEEK_DAYS;
		add(text, "%s", names[first]);
		if (last != first)
			add(text, "-%s", names[last]);
		add(text, " ");
	}
}

const char *schedule_print(const struct schedule_window *window, char text[static SCHEDULE_TEXT_MAX])
{
	text[0] = '\0';
	print_days(window->days, text);
	add(text, "%02u:%02u-%02u:%02u", window->from / 60u, window->from % 60u, window->until / 60u,
	    window->until % 60u);
	if (window->zone_name != NULL)
		add(text, " %s", window->zone_name);
	return text;
}
