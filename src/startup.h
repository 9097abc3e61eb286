/* startup.h - whatever usherd was started with is put right first: nothing of
 * it may reach a service, and nothing of it may change how usherd behaves. */
#ifndef USHERD_STARTUP_H
#define USHERD_STARTUP_H

#include <stddef.h>

#define STARTUP_FIRST_PASSED 3 /* SD_LISTEN_FDS_START of sd_listen_fds(3) */

/* How many sockets a service manager passed, from STARTUP_FIRST_PASSED on: what LISTEN_FDS says, if
 * LISTEN_PID is this process. Numbers that make no sense count as none, and stderr hears of it.
 * The variables are removed from the environment in any case. */
size_t startup_count_passed(void);

/* Signals at their defaults, 0 to 2 open, every other descriptor closed but the `passed` ones, umask 022, no ambient
 * capabilities, as many descriptors as the hard limit allows. Returns 0 or -errno; call it before anything else. */
int startup_clean(size_t passed);

/* As many descriptors as the hard limit allows: also of a program that takes over, as its trial was made with them. */
void startup_raise_limit(void);

/* Goes to the background: in the child returns 0 and a descriptor to report to;
 * the parent never returns: it exits with what the child reports, or with the
 * child's exit status when that ends first. Returns -errno when fork(2) fails. */
int startup_background(int *ret_report);

/* Tells the waiting parent that all is well (takes `report`), and lets go of the
 * terminal: 0 to 2 become /dev/null. */
void startup_background_ready(int report);

#endif
