/* clock.h - the only two clocks: a monotonic one that rules every timer, and
 * the wall clock that is printed and never compared. */
#ifndef USHERD_CLOCK_H
#define USHERD_CLOCK_H

#include <stdint.h>
#include <time.h>

uint64_t clock_now_ns(void);         /* CLOCK_MONOTONIC */
struct timespec clock_wall(void);    /* CLOCK_REALTIME, for printing only */

#endif
