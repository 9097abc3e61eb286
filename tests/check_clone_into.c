/* check_clone_into.c - a child on a stack of its own, by clone3(2). */
#include "clone-into.h"

#include "base.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STACK_SIZE (64 * 1024)
#define IN_CHILD   23

struct seen {
	int number;        /* what the child was given */
	bool aligned;      /* its frame, as the ABI wants it */
	bool on_its_stack;
	char *stack;
};

static struct seen seen;
static char *stack;

static void set_up(void)
{
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(stack, MAP_FAILED);
	seen = (struct seen){ .stack = stack };
}

static void tear_down(void)
{
	munmap(stack, STACK_SIZE);
}

/* Runs on our memory, as the child of a spawn does: writes what it found and goes. */
static int run(void *argument)
{
	_Alignas(16) volatile char here[16] = { 1 };
	int *number = argument;

	seen.number = *number;
	seen.aligned = ((uintptr_t)__builtin_frame_address(0) & 15) == 0 && ((uintptr_t)here & 15) == 0;
	seen.on_its_stack = (char *)(uintptr_t)here >= stack && (char *)(uintptr_t)here < stack + STACK_SIZE;
	syscall(SYS_exit, IN_CHILD);
	return 0;
}

static pid_t start(uint64_t flags, int cgroup, int *number)
{
	const struct clone_args arguments = {
		.flags = CLONE_VM | CLONE_VFORK | flags,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = STACK_SIZE,
		.cgroup = (unsigned)cgroup,
	};

	return clone_into(&arguments, run, number);
}

static bool is_here(pid_t pid)
{
	return pid != -ENOSYS;
}

START_TEST(the_function_runs_on_its_stack_with_its_argument)
{
	int number = 4711, status;
	pid_t pid = start(0, 0, &number);

	if (!is_here(pid))
		return; /* another processor: the answer is the contract */
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), IN_CHILD);
	ck_assert_int_eq(seen.number, 4711);
	ck_assert(seen.aligned);
	ck_assert(seen.on_its_stack);
}
END_TEST

START_TEST(many_one_after_the_other)
{
	for (int i = 0; i < 200; i++) {
		pid_t pid = start(0, 0, &i);
		int status;

		if (!is_here(pid))
			return;
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(WEXITSTATUS(status), IN_CHILD);
		ck_assert_int_eq(seen.number, i);
	}
}
END_TEST

START_TEST(a_failure_is_told)
{
	int number = 1, file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid = start(CLONE_INTO_CGROUP, file, &number);

	ck_assert_int_ge(file, 0);
	close(file);
	if (is_here(pid))
		ck_assert_int_eq(pid, -EBADF); /* not a directory of a cgroup */
	ck_assert_int_eq(seen.number, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("clone-into");
	TCase *cases = tcase_create("clone3");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, the_function_runs_on_its_stack_with_its_argument);
	tcase_add_test(cases, many_one_after_the_other);
	tcase_add_test(cases, a_failure_is_told);
	suite_add_tcase(suite, cases);
	return suite;
}

RUN_SUITE(make_suite)
