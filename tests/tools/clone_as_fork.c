/* clone_as_fork.c - clone(2) for valgrind, which refuses one that shares memory: in place of spawn.c's it is a fork(2),
 * and what the child would have written into the memory of the daemon is carried there.
 *
 * The child has a copy of all memory but of one page, where its failure goes. When it has come to its exec, or its end, its
 * end of a pipe is closed; then the failure is copied, and the word is emptied that the kernel would have
 * emptied. Linked with --wrap=clone by tests/tools/valgrind.lib. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma weak child_run /* tests that stand in for it have none */

int __real_clone(int (*work)(void *), void *stack, int flags, void *argument, ...);
int __wrap_clone(int (*work)(void *), void *stack, int flags, void *argument, ...);

static int run(const struct child_plan *plan, struct child_failure *failure, int (*work)(void *))
{
	struct child_plan own = *plan;

	own.failure = failure;
	_exit(work(&own));
}

int __wrap_clone(int (*work)(void *), void *stack, int flags, void *argument, ...)
{
	const struct child_plan *plan = argument;
	struct child_failure *failure;
	int ends[2], *ret_pidfd, *word;
	char byte;
	pid_t pid;
	va_list list;

	va_start(list, argument);
	ret_pidfd = va_arg(list, int *);
	(void)va_arg(list, void *);
	word = va_arg(list, int *);
	va_end(list);
	if (work != child_run)
		return __real_clone(work, stack, flags, argument, ret_pidfd, NULL, word);

	failure = mmap(NULL, sizeof(*failure), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (failure == MAP_FAILED || pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run(plan, failure, work);
	close(ends[1]);
	while (pid > 0 && read(ends[0], &byte, 1) < 0 && errno == EINTR)
		continue;
	close(ends[0]);
	if (pid > 0) {
		*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (failure->stage != CHILD_STAGE_NONE)
			*plan->failure = *failure;
		__atomic_store_n(word, 0, __ATOMIC_RELEASE);
	}
	munmap(failure, sizeof(*failure));
	return pid;
}
