/* cgroup-kill.c - kills the processes of a cgroup one after the other, where the kernel has
 * no cgroup.kill (before Linux 5.14). Frozen, they have no children meanwhile. */
#include "cgroup-internal.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#define BATCH       64
#define PASSES_MOST 4

struct victim {
	pid_t pid;
	int pidfd;
};

struct batch {
	struct victim victims[BATCH];
	size_t count;
};

/* Who reads it through one open file meets everybody once. */
static FILE *open_members(int above, const char *name)
{
	char path[64];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	fd = openat(above, path, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "re");
	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

/* The next ones of the list. Returns how many were listed, or -errno. */
static int open_batch(FILE *members, struct batch *batch)
{
	int pid, listed = 0;

	for (; listed < BATCH && fscanf(members, "%d", &pid) == 1; listed++) {
		int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

		if (pidfd >= 0)
			batch->victims[batch->count++] = (struct victim){ pid, pidfd };
		else if (errno != ESRCH)
			return -errno;
	}
	return listed;
}

/* A number may have been used anew before its pidfd was opened. But one that is still in the list
 * after that is no stranger's: either the pidfd is of the one in the list, or of one that ended. */
static int kill_batch(int above, const char *name, const struct batch *batch)
{
	_cleanup_file_ FILE *members = open_members(above, name);
	int pid, r = members == NULL ? -errno : 0;

	while (members != NULL && fscanf(members, "%d", &pid) == 1)
		for (size_t i = 0; i < batch->count; i++)
			if (batch->victims[i].pid == pid &&
			    syscall(SYS_pidfd_send_signal, batch->victims[i].pidfd, SIGKILL, NULL, 0) != 0 &&
			    errno != ESRCH)
				r = -errno;
	return r;
}

static void close_batch(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		close(batch->victims[i].pidfd);
	batch->count = 0;
}

/* Goes over the list once. Returns whether anybody was there, or -errno. */
static int kill_listed(int above, const char *name)
{
	_cleanup_file_ FILE *members = open_members(above, name);
	struct batch batch = { .count = 0 };
	int listed, r = 0, anybody = 0;

	if (members == NULL)
		return -errno;
	do {
		listed = open_batch(members, &batch);
		if (listed < 0)
			r = listed;
		else if (batch.count > 0)
			r = kill_batch(above, name, &batch);
		anybody |= batch.count > 0;
		close_batch(&batch);
	} while (listed > 0 && r == 0);
	return r < 0 ? r : anybody;
}

static void set_frozen(int above, const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", name);

	_cleanup_fd_ int fd = openat(above, path, O_WRONLY | O_CLOEXEC);

	/* Without it, a process that forks all the time may get away. */
	if (fd >= 0 && write(fd, value, 1) != 1)
		return;
}

int cgroup_kill_each(int above, const char *name)
{
	int r = 1;

	set_frozen(above, name, "1");
	/* Freezing takes a moment, in which somebody may still be born. Those that were killed may be
	 * there a little longer; so a few passes, not until nobody is there. */
	for (unsigned pass = 0; pass < PASSES_MOST && r > 0; pass++)
		r = kill_listed(above, name);
	set_frozen(above, name, "0");
	return r < 0 ? r : 0;
}
