/* base.h - the few things every file of usherd may use: ownership that can be
 * seen in the code, and a way to die on our own mistakes.
 *
 * Conventions of the whole tree: functions return 0 or -errno, outputs are
 * named ret_* and stay untouched on failure, times are uint64_t nanoseconds of
 * CLOCK_MONOTONIC and end in _ns, a free function accepts NULL. */
#ifndef USHERD_BASE_H
#define USHERD_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of type `type` whose member `member` is at `pointer`. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A broken invariant of usherd itself: say where, and stop with a core. */
#define BUG(what)                                                                                              \
	do {                                                                                                   \
		fprintf(stderr, "usherd: BUG at %s:%d: %s\n", __FILE__, __LINE__, what);                       \
		abort();                                                                                       \
	} while (0)

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text, first) __attribute__((format(printf, text, first)))

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}
#define _cleanup_free_ _cleanup_(cleanup_free)

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_fd_ _cleanup_(cleanup_fd)

static inline void cleanup_file(FILE **file)
{
	if (*file != NULL)
		fclose(*file);
}
#define _cleanup_file_ _cleanup_(cleanup_file)

/* Hands a descriptor over: returns it and leaves -1, so that it is closed once. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
