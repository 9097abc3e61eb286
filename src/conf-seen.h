/* conf-seen.h - files as a service sees them: below its root directory, with the rights of its user. */
#ifndef USHERD_CONF_SEEN_H
#define USHERD_CONF_SEEN_H

#include "conf.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Whose eyes. */
struct conf_seen {
	const char *chroot; /* or NULL */
	const struct conf_identity *rights;
};

/* Opens a file; links that lead out of the root directory are taken from there. Returns the descriptor or -errno. */
int conf_seen_open(const struct conf_seen *seen, const char *path, int flags);

/* Whether the user may do what this bit says to an open file: S_IROTH, S_IXOTH. As the kernel decides, but
 * for access control lists: where there is one the answer is yes, and the kernel will know. It is also yes
 * where the user's groups are not known here (rights of an unprivileged usherd). */
bool conf_seen_may(const struct conf_seen *seen, int fd, const struct stat *status, mode_t bit);

/* Whether the user may pass the directories above a path: the file's own mode is worth nothing in the home of
 * somebody else. Returns 0; 1: not this directory, of this mode; or -errno, with the directory, too. */
int conf_seen_way(const struct conf_seen *seen, const char *path, char directory[static PATH_MAX],
		  mode_t *ret_mode);

#endif
