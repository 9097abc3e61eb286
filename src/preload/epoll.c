/* epoll.c - see epoll.h. */
#include "epoll.h"

#include "kernel.h"
#include "start.h"

#include <errno.h>
#include <sys/epoll.h>

#define INSTANCES_MOST 16

static int instances[INSTANCES_MOST]; /* some may be closed by now, or be something else */
static unsigned count;

/* Asked to forget what it does not watch: what is no epoll instance has another complaint. */
static int is_epoll(int fd)
{
	struct epoll_event none = { .events = 0 };

	return syscall(SYS_epoll_ctl, (long)fd, (long)EPOLL_CTL_DEL, (long)start.socket, &none) < 0 && errno == ENOENT;
}

void epoll_made(int fd)
{
	for (unsigned i = 0; i < count; i++)
		if (instances[i] == fd)
			return;
	if (fd >= 0 && count < INSTANCES_MOST)
		instances[count++] = fd;
}

int epoll_is_full(void)
{
	return count == INSTANCES_MOST;
}

int epoll_is_there(void)
{
	unsigned kept = 0;
	int saved = errno;

	for (unsigned i = 0; i < count; i++)
		if (is_epoll(instances[i]))
			instances[kept++] = instances[i];
	count = kept;
	errno = saved;
	return count > 0;
}

void epoll_renew(void)
{
	for (unsigned i = 0; i < count; i++) {
		int flags = (int)kernel_control(instances[i], F_GETFD, 0);
		int fresh = (int)syscall(SYS_epoll_create1, 0L);

		if (fresh < 0)
			kernel_exit(1);
		syscall(SYS_dup3, (long)fresh, (long)instances[i], (flags & FD_CLOEXEC) != 0 ? (long)O_CLOEXEC : 0L);
		kernel_close(fresh);
	}
}
