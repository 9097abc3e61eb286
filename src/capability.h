/* capability.h - what a daemon that began as root does not need once it serves, it gives up
 * (capabilities(7)). The bounding set stays, so that programs that it starts as root, and itself
 * after an upgrade, get by execve(2) what root gets. */
#ifndef USHERD_CAPABILITY_H
#define USHERD_CAPABILITY_H

#include <stdbool.h>

/* Gives up, for good, everything that serving, reloading and ending sessions do not need.
 *
 * `keep_permitted`: they only stop being in effect. With no_new_privileges the kernel gives a
 * program of root no more than the daemon itself is permitted (execve(2)).
 *
 * Returns 0, also where there was nothing to give up, or -errno: then nothing has changed. */
int capability_reduce(bool keep_permitted);

#endif
