/* bug_help.h - that a broken invariant stops the program (BUG() in base.h), told without the end of the test.
 */
#ifndef USHERD_TESTS_BUG_HELP_H
#define USHERD_TESTS_BUG_HELP_H

#include "run.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>

/* What a statement had when it ended is lost: LeakSanitizer is not to count it. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static sigjmp_buf bug_return;

static inline void bug_leaks(bool may)
{
	if (__lsan_disable != NULL && may)
		__lsan_disable();
	if (__lsan_enable != NULL && !may)
		__lsan_enable();
}

static inline void bug_found(int signo)
{
	siglongjmp(bug_return, signo);
}

/* Fails unless the statement ends in abort(). */
#define ck_assert_bug(statement)                                                                             \
	do {                                                                                                 \
		signal(SIGABRT, bug_found);                                                                  \
		bug_leaks(true);                                                                             \
		if (sigsetjmp(bug_return, 1) == 0) {                                                         \
			statement;                                                                           \
			signal(SIGABRT, SIG_DFL);                                                            \
			ck_abort_msg("no BUG: " #statement);                                                 \
		}                                                                                            \
		bug_leaks(false);                                                                            \
		signal(SIGABRT, SIG_DFL);                                                                    \
	} while (0)

#endif
