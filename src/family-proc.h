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
	int threads;
	uint64_t started; /* clock ticks since the start of the machine */

	enum process_mark mark;
	bool is_same; /* looked at again: still the same process */
	struct process *below; /* the child that asked for this one's mark */
};

struct process_table {
	struct process *entries; /* by pid, ascending */
	size_t count, room;
	size_t most; /* entries, 0: any number; one more is -E2BIG */
};

/* The root of /proc, or -errno. -ESRCH: it shows another pid namespace than ours, so its numbers mean nothing. */
int family_proc_open(void);

/* Returns 0 or -errno (-ESRCH: there is none). The part below `started` is zero. */
int family_proc_read(int proc, pid_t pid, struct process *ret_process);

/* All there are. On -ENOMEM the table has those that found room. */
int family_proc_read_all(int proc, struct process_table *table);

/* So many are read below each level of what is ours: nobody can keep us reading by starting processes
 * faster than we read. */
#define FAMILY_DESCENDANTS_MOST 8192

/* The given processes, our own children but for leaders, and all their descendants, as far as seen; may read
 * a number that is used anew. The table is empty before. -ENOSYS: the kernel lists no children, read all instead;
 * with other errors the table has what was found before. */
int family_proc_read_below(int proc, const pid_t *pids, size_t count,
			   bool (*is_leader)(void *context, pid_t pid), void *context,
			   struct process_table *table);

struct process *family_proc_find(const struct process_table *table, pid_t pid);

/* The USHERD_SESSION that a process was started with; 0: none, or it cannot be seen. */
uint64_t family_proc_session(int proc, pid_t pid);

/* Our own children. Returns 0 or -errno; the caller frees. */
int family_proc_children(pid_t **ret_pids, size_t *ret_count);

/* The same for kernels without CONFIG_PROC_CHILDREN: everybody is asked for his parent. */
int family_proc_search_children(pid_t **ret_pids, size_t *ret_count);

struct family;

/* family_signal_strays() for such kernels; in family-strays.c. */
size_t family_proc_search_strays(const struct family *const *families, size_t count, int signo,
				 bool (*is_leader)(void *context, pid_t pid), void *context);

#endif
