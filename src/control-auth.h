/* control-auth.h - what the process at the other end of a Unix socket may do. */
#ifndef USHERD_CONTROL_AUTH_H
#define USHERD_CONTROL_AUTH_H

#include "control-request.h"

#include <sys/types.h>

/* By who it was when it connected (SO_PEERCRED, SO_PEERGROUPS): root and our own effective user
 * CONTROL_ALL; members of `group` ((gid_t)-1: none), be it their first or a supplementary one,
 * CONTROL_READ; everybody else, and who cannot be told, CONTROL_NOTHING. */
enum control_right control_auth(int fd, gid_t group);

#endif
