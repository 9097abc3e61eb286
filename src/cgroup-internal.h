/* cgroup-internal.h - where cgroups of version 2 are, and what to do where the kernel
 * cannot kill one whole; for cgroup-*.c and cgroup.c alone. */
#ifndef USHERD_CGROUP_INTERNAL_H
#define USHERD_CGROUP_INTERNAL_H

#include "cgroup.h"

#include <limits.h>
#include <stdbool.h>

/* The directory of the cgroup that we are in. Returns 0, or -ENOENT when none can be seen, or another -errno. */
int cgroup_find_own(char ret_path[static PATH_MAX]);

/* Whether the service manager gave this directory to us. */
bool cgroup_is_delegated(const char *path);

/* Whether a directory is one of cgroup version 2. */
bool cgroup_is_unified(int fd);

/* Why this is no place for cgroups, and where there is one. */
void cgroup_explain_where(const char *path, char reason[static CGROUP_REASON_MAX]);

/* Freezes the cgroup, kills one process after the other, and thaws it. Returns 0 when all were
 * signalled, or -errno. Processes of cgroups within it are not reached. */
int cgroup_kill_each(int above, const char *name);

#endif
