/* family-left.c - processes of sessions whose usherd did not end in order: they go
 * on, as children of somebody else. They are only counted. */
#include "family.h"

#include "base.h"
#include "family-proc.h"

#include <fcntl.h>
#include <string.h>

#define NAME_SIZE  32 /* more than the kernel keeps of a process's name */
#define DEPTH_MOST 64

static bool read_name(int proc, pid_t pid, char name[static NAME_SIZE])
{
	_cleanup_fd_ int fd = -1;
	char path[32];
	ssize_t length;

	snprintf(path, sizeof(path), "%d/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	length = fd >= 0 ? read(fd, name, NAME_SIZE - 1) : -1;
	if (length <= 0)
		return false;
	name[length] = '\0';
	return true;
}

/* Whether a usherd is among the parents: then it is that one's. */
static bool has_usherd_above(int proc, const struct process_table *table, const struct process *process,
			     const char *own_name)
{
	char name[NAME_SIZE];

	for (unsigned depth = 0; process != NULL && depth < DEPTH_MOST; depth++) {
		pid_t parent = process->parent;

		if (parent == getpid() || (read_name(proc, parent, name) && strcmp(name, own_name) == 0))
			return true;
		process = parent > 1 ? family_proc_find(table, parent) : NULL;
	}
	return false;
}

size_t family_count_left(void)
{
	struct process_table table = { .entries = NULL };
	_cleanup_fd_ int proc = family_proc_open();
	char own_name[NAME_SIZE];
	size_t count = 0;

	if (proc < 0 || !read_name(proc, getpid(), own_name))
		return 0;
	(void)family_proc_read_all(proc, &table);
	for (size_t i = 0; i < table.count; i++) {
		const struct process *process = &table.entries[i];

		if (process->pid != getpid() && process->state != 'Z' &&
		    family_proc_session(proc, process->pid) != 0 &&
		    !has_usherd_above(proc, &table, process, own_name))
			count++;
	}
	free(table.entries);
	return count;
}
