/* family.h - the processes of a session: all of its process group, and those
 * that left it. Signals reach them and nobody else: a number that may have been used
 * anew is never signalled.
 *
 * What is reached where:
 * - the process group: always, and atomically (kill(2) of a group);
 * - with a cgroup of its own (cgroup.h): everything (cgroup.kill), whatever it did;
 * - without: processes that left the group by setsid(2) or setpgid(2) are ours to look
 *   after since usherd is their reaper (PR_SET_CHILD_SUBREAPER). They are found as
 *   descendants of the session's processes, or, when their parents are gone, by USHERD_SESSION
 *   in their environment. One that removes that variable AND outlives its parents escapes. */
#ifndef USHERD_FAMILY_H
#define USHERD_FAMILY_H

#include "cgroup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct family {
	pid_t group;    /* the leader's pid: its group's and its session's number */
	int pidfd;      /* of the leader; borrowed; stays valid when the leader is collected */
	bool leader_gone; /* it has been collected (waited for) */
	uint64_t session; /* USHERD_SESSION */
	struct cgroup_place cgroup;
};

/* Makes the daemon the reaper of orphans. Once, at the start. Returns 0 or -errno. */
int family_adopt_orphans(void);

/* Whether any process of the group is left (zombies not collected count only for the leader).
 * Exact at any time: by PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9), else, once the leader
 * is gone, by whether we have a living child in the group. Collects dead children of the group. */
bool family_is_alive(const struct family *family);

/* Sends a signal to the whole group. SIGKILL also goes to the cgroup, if there is one. Only while
 * the leader has not been collected, or family_is_alive() (asked within). */
void family_signal(const struct family *family, int signo);

/* Looks for processes that belong to these families but left their groups, and sends them the signal
 * (pidfd_send_signal(2), after looking again whether it is still the same process). Goes over /proc once,
 * whatever the number of families. Returns how many were found. */
size_t family_signal_strays(const struct family *const *families, size_t count, int signo);

/* Collects dead orphans that no session waits for. `leader_dead` is called for each dead child that
 * `is_leader` knows, instead of collecting it: its session collects it. Returns how many children were collected. */
size_t family_collect_orphans(bool (*is_leader)(void *context, pid_t pid), void *context);

#endif
