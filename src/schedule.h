/* schedule.h - `access_times`: the hours in which a service is open. Pure. */
#ifndef USHERD_SCHEDULE_H
#define USHERD_SCHEDULE_H

#include "zone.h"

#include <stdbool.h>
#include <stddef.h>

struct schedule_window {
	uint8_t days;         /* bit 0: Monday, of the day on which it begins */
	uint16_t from, until; /* minutes of the day, until up to 1440; until <= from: goes on after midnight */
	const char *zone_name; /* NULL: the machine's own */
	const struct zone *zone;
};

struct schedule {
	const struct schedule_window *windows;
	size_t count; /* 0: always open */
};

/* Whether it is open at that time (seconds since 1970, UTC), and which window says so (or NULL).
 * `until` is the first moment that no longer belongs to it. */
bool schedule_open(const struct schedule *schedule, int64_t at_s, const struct schedule_window **ret_window);

/* "mon-fri 08:00-18:00 Europe/Paris", as it is written. Returns `text`. */
#define SCHEDULE_TEXT_MAX 128
const char *schedule_print(const struct schedule_window *window, char text[static SCHEDULE_TEXT_MAX]);

#endif
