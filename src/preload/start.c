/* start.c - the library's first moments in a process. The one that USHERD_WARM names says to the daemon that the library
 * is there, and puts its private socket out of the program's way; it stays open across an exec, as `#!/usr/bin/env
 * NAME` does one. Every other process is none of our business: it loses what it has inherited of this. */
#include "start.h"

#include "environment.h"
#include "kernel.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define DESCRIPTOR_HIGH   250 /* tables of descriptors grow at 256 */
#define DESCRIPTOR_DIGITS 3

struct start start = { .socket = -1 };

/* What pthread_atfork() tells this library by; from the compiler's start files otherwise. */
extern const void *const __dso_handle;
__attribute__((visibility("hidden"))) const void *const __dso_handle = &__dso_handle;

static pid_t process(void)
{
	return (pid_t)syscall(SYS_getpid);
}

int start_is_meant(void)
{
	return start.armed && process() == start.pid;
}

int start_report(enum warm_report_kind kind, int32_t detail)
{
	const struct warm_report report = { .kind = kind, .detail = detail };

	return kernel_send(start.socket, &report, sizeof(report)) == sizeof(report) ? 0 : -1;
}

void *start_next(const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);
	static const char message[] = "usherd: the C library lacks a function that the program uses\n";

	if (next == NULL) {
		(void)!syscall(SYS_write, 2L, message, sizeof(message) - 1);
		abort();
	}
	return next;
}

/* The number may have become another descriptor's: only what looks like ours is closed. */
static void close_inherited(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	if (syscall(SYS_getsockopt, (long)fd, (long)SOL_SOCKET, (long)SO_DOMAIN, &domain, &size) == 0 &&
	    syscall(SYS_getsockopt, (long)fd, (long)SOL_SOCKET, (long)SO_TYPE, &type, &size) == 0 &&
	    domain == AF_UNIX && type == SOCK_SEQPACKET)
		kernel_close(fd);
}

static void become_inert(int fd)
{
	start.armed = 0;
	close_inherited(fd);
	environment_clean();
}

/* After fork(), not after vfork(), whose memory is the parent's. */
static void forked(void)
{
	if (start.armed)
		become_inert(start.socket);
}

/* "003 4711" as FD and PID. */
static int parse(const char *value, int *ret_fd, pid_t *ret_pid)
{
	char *end;
	long fd = strtol(value, &end, 10), pid;

	if (end != value + DESCRIPTOR_DIGITS || *end != ' ' || fd < 3)
		return -1;
	pid = strtol(end + 1, NULL, 10);
	*ret_fd = (int)fd;
	*ret_pid = (pid_t)pid;
	return pid > 1 ? 0 : -1;
}

/* Programs like low numbers, and some expect the next one to be 3. */
static void move_socket(char *value)
{
	struct rlimit limit = { .rlim_cur = 0 };
	long target = DESCRIPTOR_HIGH, moved;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= DESCRIPTOR_HIGH)
		target = (long)limit.rlim_cur - 1;
	if (start.socket >= target)
		return;
	moved = kernel_control(start.socket, F_DUPFD, target);
	if (moved < 0 || moved > 999)
		return;
	kernel_close(start.socket);
	start.socket = (int)moved;
	for (int i = DESCRIPTOR_DIGITS; i-- > 0; moved /= 10)
		value[i] = (char)('0' + moved % 10);
}

static __attribute__((constructor)) void begin(void)
{
	char *value = environment_find(WARM_VARIABLE "=");
	int saved = errno, fd;
	pid_t pid;

	if (value == NULL || parse(value, &fd, &pid) < 0)
		return;
	if (process() != pid) {
		become_inert(fd);
		errno = saved;
		return;
	}
	start.pid = pid;
	start.socket = fd;
	/* No other process of its user may look into what all copies will be made of. */
	start.dumpable = prctl(PR_GET_DUMPABLE);
	(void)prctl(PR_SET_DUMPABLE, 0);
	/* One that has not been stopped would not see the end of the daemon. Forks do not inherit it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (start_report(WARM_REPORT_LOADED, WARM_PROTOCOL) < 0) {
		become_inert(fd);
		return;
	}
	move_socket(value);
	start.session = environment_find(WARM_SESSION_VARIABLE "=");
	(void)environment_begin();
	start.armed = pthread_atfork(NULL, NULL, forked) == 0;
	errno = saved;
}
