/* conf-security.h - whether others could have written what root is about to
 * believe. */
#ifndef USHERD_CONF_SECURITY_H
#define USHERD_CONF_SECURITY_H

#include "conf-file.h"

/* Walks from / to `path`, through symbolic links too. Everything on the way must
 * belong to root or to usherd's own user and be writable by nobody else; a
 * sticky directory (/tmp) will do, since what lies in it is checked as well.
 * Returns 0, -EPERM with a reason that names the path and its mode, or -errno. */
int conf_security_check(const char *path, char reason[static CONF_FILE_REASON_MAX]);

#endif
