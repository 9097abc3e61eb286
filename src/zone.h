/* zone.h - what the clocks on the wall show in a time zone. The table of changes
 * (summer time) is worked out once, when a configuration is loaded, for the years to come; asking it
 * afterwards is pure and fast. */
#ifndef USHERD_ZONE_H
#define USHERD_ZONE_H

#include "arena.h"

#include <stdint.h>

struct zone;

/* `name` as in /usr/share/zoneinfo ("Europe/Paris"), or NULL for the machine's own. `now_s` is
 * the time from which changes are wanted (15 years of them; later than that the last stays).
 * Belongs to the arena. Changes TZ of the process for a moment and puts it back. Returns 0;
 * -EINVAL with a reason (no such zone: say where it was looked for, and that the package tzdata
 * has them); or -ENOMEM. */
#define ZONE_REASON_MAX 256
int zone_load(const char *name, int64_t now_s, struct arena *arena, const struct zone **ret_zone,
	      char reason[static ZONE_REASON_MAX]);

/* Seconds to add to UTC at that time (seconds since 1970). */
int32_t zone_offset(const struct zone *zone, int64_t at_s);

#endif
