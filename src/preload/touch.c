/* touch.c - where a program of `warm = input` is stopped: at its first touch of descriptor 0 or 1. The functions of
 * touch.def stand before those of the C library; in a copy each costs one branch. */
#include "epoll.h"
#include "kernel.h"
#include "server.h"
#include "start.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <wchar.h>

#if defined(__GLIBC__) && __SIZEOF_POINTER__ == 4
#define LONG_TIMES /* names of its own for functions that have to do with times of 64 bits */
#endif

/* musl has it for another name of freopen(). */
#undef freopen64

/* Functions have names of their own here, and those of the C library for the linker: its headers need not agree. */
#define EXPORTED(type, name, parameters) \
	__attribute__((visibility("default"))) type touch_##name parameters __asm__(#name)

/* ---- conditions ---- */

static inline int ours(int fd)
{
	return fd == 0 || fd == 1;
}

static int stream(FILE *file)
{
	int saved = errno, fd = fileno_unlocked(file);

	errno = saved;
	return ours(fd);
}

static int polled(const struct pollfd *items, nfds_t count)
{
	for (nfds_t i = 0; i < count; i++)
		if (ours(items[i].fd))
			return 1;
	return 0;
}

static int is_set(const fd_set *set, int count)
{
	return set != NULL && ((count > 0 && FD_ISSET(0, set)) || (count > 1 && FD_ISSET(1, set)));
}

static int selected(int count, const fd_set *readable, const fd_set *writable, const fd_set *except)
{
	return is_set(readable, count) || is_set(writable, count) || is_set(except, count);
}

/* Whether it is asked for more than what it is. */
static int controlled(int fd, int command)
{
	return ours(fd) && command != F_GETFD && command != F_GETFL && command != F_SETFD;
}

static int commanded(int fd, unsigned long request)
{
	return ours(fd) && request != TCGETS && request != TIOCGWINSZ;
}

/* ---- what is behind ---- */

#define TOUCH(type, name, parameters, arguments, condition) static type(*next_##name) parameters;
#define FORMAT(name, parameters, last, arguments, behind, condition)
#include "touch.def"
#undef TOUCH
#undef FORMAT
static int (*next_fcntl)(int fd, int command, void *argument);
static int (*next_fcntl64)(int fd, int command, void *argument);
#ifdef LONG_TIMES
static int (*next___fcntl_time64)(int fd, int command, void *argument);
static int (*next___ioctl_time64)(int fd, unsigned long request, void *argument);
#endif
static int (*next_epoll_create)(int argument);
static int (*next_epoll_create1)(int argument);
static int (*next_ioctl)(int fd, unsigned long request, void *argument);

#define RESOLVE(name) \
	if (next_##name == NULL) \
		*(void **)&next_##name = dlsym(RTLD_NEXT, #name);

/* All at once, so that no copy has to look. Some C libraries lack some of them. */
static void resolve_all(void)
{
#define TOUCH(type, name, parameters, arguments, condition) RESOLVE(name)
#define FORMAT(name, parameters, last, arguments, behind, condition)
#include "touch.def"
#undef TOUCH
#undef FORMAT
	RESOLVE(fcntl)
	RESOLVE(fcntl64)
	RESOLVE(ioctl)
#ifdef LONG_TIMES
	RESOLVE(__fcntl_time64)
	RESOLVE(__ioctl_time64)
#endif
	RESOLVE(epoll_create)
	RESOLVE(epoll_create1)
	(void)dlerror();
}

static __attribute__((cold, noinline)) void touched(void)
{
	if (!start_is_meant())
		return;
	resolve_all();
	server_enter();
}

/* ---- the functions ---- */

#define STOP_IF(condition) \
	if (__builtin_expect(start.armed, 0) && (condition)) \
		touched();
#define NEED(name) \
	if (__builtin_expect(next_##name == NULL, 0)) \
		*(void **)&next_##name = start_next(#name);

#define TOUCH(type, name, parameters, arguments, condition) \
	EXPORTED(type, name, parameters); \
	type touch_##name parameters \
	{ \
		STOP_IF(condition) \
		NEED(name) \
		return next_##name arguments; \
	}
#define FORMAT(name, parameters, last, arguments, behind, condition) \
	EXPORTED(int, name, parameters); \
	int touch_##name parameters \
	{ \
		va_list list; \
		int result; \
\
		STOP_IF(condition) \
		NEED(behind) \
		va_start(list, last); \
		result = next_##behind arguments; \
		va_end(list); \
		return result; \
	}
#include "touch.def"
#undef TOUCH
#undef FORMAT

/* One argument, of at most a pointer's size: as libc reads it. */
#define WITH_ARGUMENT(name, command_type, condition) \
	EXPORTED(int, name, (int fd, command_type command, ...)); \
	int touch_##name(int fd, command_type command, ...) \
	{ \
		va_list list; \
		void *argument; \
\
		STOP_IF(condition) \
		NEED(name) \
		va_start(list, command); \
		argument = va_arg(list, void *); \
		va_end(list); \
		return next_##name(fd, command, argument); \
	}
WITH_ARGUMENT(fcntl, int, controlled(fd, command))
WITH_ARGUMENT(fcntl64, int, controlled(fd, command))
WITH_ARGUMENT(ioctl, unsigned long, commanded(fd, command))
#ifdef LONG_TIMES
WITH_ARGUMENT(__fcntl_time64, int, controlled(fd, command))
WITH_ARGUMENT(__ioctl_time64, unsigned long, commanded(fd, command))
#endif

/* No touch, but to be remembered. */
#define EPOLL(name) \
	EXPORTED(int, name, (int argument)); \
	int touch_##name(int argument) \
	{ \
		int fd; \
\
		STOP_IF(epoll_is_full()) \
		NEED(name) \
		fd = next_##name(argument); \
		if (__builtin_expect(start.armed, 0)) \
			epoll_made(fd); \
		return fd; \
	}
EPOLL(epoll_create)
EPOLL(epoll_create1)
