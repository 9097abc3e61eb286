/* thread.c - see thread.h.
 *
 * fork() cannot make a child of the parent, so clone3(2) is called directly; what fork() does beside that is done here: the
 * number of the thread, which raise() and mutexes use, is written by the kernel where the C library has it, and
 * the list of robust mutexes is registered again. Locks inside the library need nothing: there is no other thread. */
#include "thread.h"

#include "kernel.h"

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define DESCRIPTOR_SIZE 4096 /* of a thread, in which the number stands; glibc's is 2304 */

static int *number;        /* of the thread, in the C library's memory */
static void *robust_list;
static size_t robust_size;

/* The kernel's word, where there is /proc; else -1. */
static int count_threads(void)
{
	char text[1024];
	const char *at;
	int fd = (int)syscall(SYS_openat, (long)AT_FDCWD, "/proc/self/stat", (long)(O_RDONLY | O_CLOEXEC));
	long length = fd < 0 ? -1 : syscall(SYS_read, (long)fd, text, sizeof(text) - 1);

	if (fd >= 0)
		kernel_close(fd);
	if (length <= 0)
		return -1;
	text[length] = '\0';
	at = strrchr(text, ')'); /* pid (name) state ppid ...; the 20th is num_threads */
	for (int field = 2; at != NULL && field < 20; field++)
		at = strchr(at + 1, ' ');
	return at == NULL ? -1 : atoi(at + 1);
}

int thread_is_alone(void)
{
	int count, error;

	/* Asked to leave its thread group, the kernel refuses if it is not alone in it, and else does nothing. */
	if (syscall(SYS_unshare, (long)CLONE_THREAD) == 0)
		return 1;
	error = errno; /* any other: a filter does not let it be asked */
	count = count_threads();
	return count < 0 ? error != EINVAL : count == 1;
}

static int is_mapped(uintptr_t page, size_t size)
{
	unsigned char present;

	return syscall(SYS_mincore, page, size, &present) == 0;
}

/* The only word of the thread's descriptor that is its number. */
static int *search(int tid)
{
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)pthread_self() & ~(uintptr_t)3;
	uintptr_t end = at + DESCRIPTOR_SIZE;
	int *found = NULL;

	for (; at < end; at += sizeof(int)) {
		int *word = (int *)at; /* NOLINT: an address is what it is */

		if (at % size == 0 && !is_mapped(at, size))
			break;
		if (*word != tid)
			continue;
		if (found != NULL)
			return NULL;
		found = word;
	}
	return found;
}

int thread_prepare(void)
{
	int tid = (int)syscall(SYS_gettid);
	/* A kernel with 64 bits writes all of them, to a program with 32 as well; see prctl(2). */
	union {
		int *pointer;
		uint64_t bits;
	} told = { .bits = 0 };

	/* Needs a kernel with checkpoint/restore, and a C library that has the kernel clear this very word. */
	number = prctl(PR_GET_TID_ADDRESS, &told) == 0 && told.pointer != NULL && *told.pointer == tid ? told.pointer :
														 search(tid);
	if (syscall(SYS_get_robust_list, 0L, &robust_list, &robust_size) != 0)
		robust_list = NULL;
	return number == NULL ? -1 : 0;
}

int thread_can_clone(void)
{
	/* No arguments at all: where it is known, that is the complaint. */
	return syscall(SYS_clone3, NULL, 0L) < 0 && errno == EINVAL;
}

int thread_clone(void)
{
	const struct clone_args arguments = {
		.flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
		.child_tid = (uint64_t)(uintptr_t)number,
	};
	long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (pid == 0 && robust_list != NULL)
		syscall(SYS_set_robust_list, robust_list, robust_size);
	return (int)pid;
}
