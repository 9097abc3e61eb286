/* notify.h - tells a service manager how the daemon is: the protocol of
 * sd_notify(3). Everything is a no-op when nobody asked (NOTIFY_SOCKET). */
#ifndef USHERD_NOTIFY_H
#define USHERD_NOTIFY_H

#include "loop.h"

struct notify;

/* Takes NOTIFY_SOCKET and WATCHDOG_USEC from `environment`. With a watchdog it keeps
 * telling from the loop that it goes round, at half the interval asked for. NULL when nobody asked, or
 * without memory. */
struct notify *notify_new(char *const *environment, struct loop *loop);
void notify_free(struct notify *notify);

void notify_ready(struct notify *notify);     /* READY=1: started, or reloaded */
void notify_reloading(struct notify *notify); /* RELOADING=1 */
void notify_stopping(struct notify *notify);  /* STOPPING=1 */

#endif
