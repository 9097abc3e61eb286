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
	int pidfd;      /* of the leader; borrowed; stays valid when the leader is collected. -1: unknown, which
			 * makes do for what only looks for strays by their environment */
	bool leader_gone; /* it has been collected (waited for) */
	uint64_t session; /* USHERD_SESSION */
	struct cgroup_place cgroup;
};

/* Makes the daemon the reaper of orphans. Once, at the start. Returns 0 or -errno. */
int family_adopt_orphans(void);

/* Whether any process of the group is left, stopped ones too. A zombie counts when it is the leader, or when
 * its parent lives, is not us, and does not collect it (Linux 6.9 and later).
 * Exact at any time: by PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9), else, once the leader
 * is gone, by whether we have a living child in the group. Then dead children of the group are collected, too. */
bool family_is_alive(const struct family *family);

/* Sends a signal to the whole group. SIGKILL also goes to the cgroup, if there is one. Only while
 * the leader has not been collected, or the group is alive as above (asked within). */
void family_signal(const struct family *family, int signo);

/* Looks for living processes that belong to these families but left their groups, and sends them the signal
 * (pidfd_send_signal(2), after looking again whether it is still the same process). Returns how many were
 * found; signal 0 only counts. They are
 * - descendants of the families' processes and of strays; this needs the pidfd, and ancestors that live: so
 *   SIGKILL for strays comes before that for the group, or what is found depends on the environment alone;
 * - our children that are in no family's group and were started with a family's USHERD_SESSION, but not those
 *   for which `is_leader` says that they lead a session and were not collected.
 * What is read is the list of our children once, the given families whose pidfd is known, our children that lead
 * no session, and what descends from these; but everybody where the kernel has no CONFIG_PROC_CHILDREN.
 * One that is born meanwhile, or whose ancestor or whose siblings end meanwhile, may be missed: search until
 * none is found. */
size_t family_signal_strays(const struct family *const *families, size_t count, int signo,
			    bool (*is_leader)(void *context, pid_t pid), void *context);

/* How many living processes were started by a usherd (USHERD_SESSION in their environment) and have none above them
 * any more. Reads all of /proc. */
size_t family_count_left(void);

/* Collects dead orphans that no session waits for: each dead child for which `is_leader` does not say that it is a
 * leader that was not collected; its session collects that. Returns how many children were collected. */
size_t family_collect_orphans(bool (*is_leader)(void *context, pid_t pid), void *context);

#endif
