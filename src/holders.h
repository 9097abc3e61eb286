/* holders.h - whether a process still has a socket of which we hold a duplicate.
 * The kernel does not tell when the others have closed it, so it is looked for: kcmp(2)
 * of single descriptors, the likely one first, then /proc of the processes of the session. */
#ifndef USHERD_HOLDERS_H
#define USHERD_HOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

/* Where it was found last: looked at first the next time. All zero at the start. */
struct holder_hint {
	pid_t pid;
	int fd;
};

enum holders { HOLDERS_NONE, HOLDERS_SOME, HOLDERS_UNKNOWN /* we may not look */ };

/* Whether it is where it was last, or at 0 or 1 of the leader: some system calls, whatever else runs.
 * False says nothing. */
bool holders_likely(int fd, pid_t leader, struct holder_hint *hint);

/* HOLDERS_SOME also when there were no descriptors or memory to look: ask again later.
 * Whether a process of the group `group` (or of the session of that number, setsid(2)) has the socket `fd`
 * open. `leader`: the process that most likely has it, or 0 when it is gone. One system call
 * when the hint is right; else the leader is looked through, and then all processes: that is dear, so ask
 * holders_likely() first, and not too often. */
enum holders holders_of(int fd, pid_t leader, pid_t group, struct holder_hint *hint);

#endif
