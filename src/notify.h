/* notify.h - tells a service manager how the daemon is: the protocol of
 * sd_notify(3). Everything is a no-op when nobody asked (NOTIFY_SOCKET). */
#ifndef USHERD_NOTIFY_H
#define USHERD_NOTIFY_H

#include "loop.h"

struct notify;

#define NOTIFY_STATUS_MAX 128

/* Takes NOTIFY_SOCKET and WATCHDOG_USEC from `environment`. With a watchdog (of this process, where
 * WATCHDOG_PID names one) it keeps telling from the loop that it goes round, at half the interval asked for.
 * Returns 0, and NULL when nobody asked; -EAFNOSUPPORT when NOTIFY_SOCKET is neither a path nor an abstract
 * name; or another -errno. */
int notify_new(char *const *environment, struct loop *loop, struct notify **ret_notify);
void notify_free(struct notify *notify);

void notify_ready(struct notify *notify);     /* READY=1: started, or reloaded */
void notify_reloading(struct notify *notify); /* RELOADING=1 */
void notify_stopping(struct notify *notify);  /* STOPPING=1 */

/* STATUS=: one line for people, cut at NOTIFY_STATUS_MAX. What was told before is not told again, and no two
 * are told within a second: the last one is, when that has passed. */
void notify_status(struct notify *notify, const char *text);

#endif
