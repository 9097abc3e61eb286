/* sweep_inject.h - lets system calls of a daemon and of its children fail, each one that is asked for,
 * without a tracer: the kernel asks us about the calls of sweep.def (seccomp_unotify(2)), and a thread
 * answers. */
#ifndef USHERD_TESTS_SWEEP_INJECT_H
#define USHERD_TESTS_SWEEP_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who calls: the daemon; a child of it that is about to become a program. Programs themselves are left alone.
 */
enum sweep_who { SWEEP_DAEMON, SWEEP_CHILD, SWEEP_WHO };

#define SWEEP_ERRORS 10

struct sweep_row {
	int number; /* of the system call */
	const char *name;
	int lasting[SWEEP_ERRORS], passing[SWEEP_ERRORS]; /* errno, 0 at the end */
};

/* The rows of sweep.def. */
extern const struct sweep_row sweep_rows[];
extern const size_t sweep_row_count;

struct sweep_fault {
	enum sweep_who who;
	size_t row;
	unsigned turn; /* the how many-th of its name since sweep_arm(), from 1 */
	int error;
	bool from_there_on;
};

/* For a process that is about to execute the daemon (struct daemon_spec.prepare): from here on the kernel
 * asks. Its calls stand still until sweep_follow(). */
void sweep_prepare(void *context);

/* Answers for the process of that pid, which has called sweep_prepare(), and for its children, from a thread.
 * False: the kernel cannot do this, or may not. Ends with the last of the processes, or when another is
 * followed. */
bool sweep_follow(pid_t pid);

/* Counts from now on, and lets that call fail; NULL: only counts. `begun_by`: nothing is counted before the
 * daemon has made this call (a name of sweep.def or "rt_sigaction"); NULL: at once. */
void sweep_arm(const struct sweep_fault *fault, const char *begun_by);
void sweep_disarm(void);

/* Since sweep_arm(): how often it was called; how often a call failed because of us. */
unsigned sweep_calls(enum sweep_who who, size_t row);
unsigned sweep_hits(void);

#endif
