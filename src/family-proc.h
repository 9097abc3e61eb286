/* family-proc.h - processes as /proc shows them, for family-*.c alone. What is read is
 * of one moment each: a number may have been used anew between two looks,
 * and `started` tells whether it was. */
#ifndef USHERD_FAMILY_PROC_H
#define USHERD_FAMILY_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a search found out about a process; see family-strays.c. */
enum process_mark {
	PROCESS_UNKNOWN,
	PROCESS_BUSY,   /* being decided: its parent is looked at */
	PROCESS_NOBODY, /* of no family */
	PROCESS_MEMBER, /* in the group of a family */
	PROCESS_STRAY,
};

struct process {
	pid_t pid, parent, group;
	char state; /* Z: zombie */
	uint64_t started; /* clock ticks since the start of the machine */

	enum process_mark mark;
	bool is_same; /* looked at again: still the same process */
	struct process *below; /* the child that asked for this one's mark */
};

struct process_table {
	struct process *entries; /* by pid, ascending */
	size_t count, room;
};

/* The root of /proc, or -errno. -ESRCH: it shows another pid namespace than ours, so its numbers mean nothing. */
int family_proc_open(void);

/* Returns 0 or -errno (-ESRCH: there is none). The part below `started` is zero. */
int family_proc_read(int proc, pid_t pid, struct process *ret_process);

/* All there are. On -ENOMEM the table has those that found room. */
int family_proc_read_all(int proc, struct process_table *table);

struct process *family_proc_find(const struct process_table *table, pid_t pid);

/* The USHERD_SESSION that a process was started with; 0: none, or it cannot be seen. */
uint64_t family_proc_session(int proc, pid_t pid);

/* Our own children. Returns 0 or -errno; the caller frees. */
int family_proc_children(pid_t **ret_pids, size_t *ret_count);

/* The same for kernels without CONFIG_PROC_CHILDREN: everybody is asked for his parent. */
int family_proc_search_children(pid_t **ret_pids, size_t *ret_count);

#endif
