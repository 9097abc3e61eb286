/* kernel.h - system calls as they are. The names that libc has for them belong to the program, which may have others
 * in their place (and usherd-warm-input.so has). Each returns what syscall(2) does. */
#ifndef USHERD_PRELOAD_KERNEL_H
#define USHERD_PRELOAD_KERNEL_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long kernel_send(int fd, const void *data, size_t length)
{
	return syscall(SYS_sendto, (long)fd, data, length, (long)MSG_NOSIGNAL, NULL, 0L);
}

static inline long kernel_receive(int fd, struct msghdr *header)
{
	return syscall(SYS_recvmsg, (long)fd, header, (long)MSG_CMSG_CLOEXEC);
}

static inline long kernel_close(int fd)
{
	return syscall(SYS_close, (long)fd);
}

static inline long kernel_duplicate(int fd, int target)
{
	return syscall(SYS_dup3, (long)fd, (long)target, 0L);
}

/* fcntl(2) with a number. */
static inline long kernel_control(int fd, int command, long argument)
{
#ifdef SYS_fcntl64
	return syscall(SYS_fcntl64, (long)fd, (long)command, argument);
#else
	return syscall(SYS_fcntl, (long)fd, (long)command, argument);
#endif
}

static inline int kernel_is_open(int fd)
{
	return kernel_control(fd, F_GETFD, 0) >= 0;
}

static inline void kernel_set_dumpable(void)
{
	(void)syscall(SYS_prctl, (long)PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

_Noreturn static inline void kernel_exit(int status)
{
	for (;;)
		syscall(SYS_exit_group, (long)status);
}

#endif
