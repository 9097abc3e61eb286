/* spawn-fds.c - see spawn-fds.h. Why slots have low numbers is told in spawn.c. */
#include "spawn-fds.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>

int spawn_fds_open(struct spawn_fds *fds)
{
	for (size_t i = 0; i < ELEMENTS(fds->slots); i++)
		fds->slots[i] = -1;
	for (size_t i = 0; i < SPAWN_RESERVE; i++)
		fds->reserve[i] = -1;
	fds->table_size = 0;
	fds->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fds->null < 0)
		return -errno;

	int r = spawn_slots_mend(fds);

	if (r == 0)
		spawn_reserve_fill(fds);
	return r;
}

void spawn_fds_close(struct spawn_fds *fds)
{
	for (size_t i = 0; i < ELEMENTS(fds->slots); i++)
		cleanup_fd(&fds->slots[i]);
	spawn_reserve_release(fds);
	cleanup_fd(&fds->null);
}

int spawn_slots_mend(struct spawn_fds *fds)
{
	for (size_t i = 0; i < ELEMENTS(fds->slots); i++) {
		if (fds->slots[i] >= 0)
			continue;
		fds->slots[i] = fcntl(fds->null, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (fds->slots[i] < 0)
			return -errno;
		if ((unsigned)fds->slots[i] >= fds->table_size)
			fds->table_size = (unsigned)fds->slots[i] + 1;
	}
	return 0;
}

int spawn_slot_fill(struct spawn_fds *fds, unsigned slot, int fd)
{
	if (dup3(fd, fds->slots[slot], O_CLOEXEC) >= 0)
		return 0;
	return errno == EBADF ? -EMFILE : -errno;
}

void spawn_slot_clear(struct spawn_fds *fds, unsigned slot)
{
	if (fds->slots[slot] >= 0 && dup3(fds->null, fds->slots[slot], O_CLOEXEC) < 0)
		close(fd_take(&fds->slots[slot]));
}

void spawn_reserve_fill(struct spawn_fds *fds)
{
	for (size_t i = 0; i < SPAWN_RESERVE; i++)
		if (fds->reserve[i] < 0)
			fds->reserve[i] = fcntl(fds->null, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

bool spawn_reserve_release(struct spawn_fds *fds)
{
	bool released = false;

	for (size_t i = 0; i < SPAWN_RESERVE; i++) {
		if (fds->reserve[i] < 0)
			continue;
		close(fd_take(&fds->reserve[i]));
		released = true;
	}
	return released;
}
