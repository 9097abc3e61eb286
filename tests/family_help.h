/* family_help.h - processes for the tests of family-*.c: leaders with groups, those that
 * leave them, and a kernel that is as old as wanted. Each process ends by itself after a while. */
#ifndef USHERD_TESTS_FAMILY_HELP_H
#define USHERD_TESTS_FAMILY_HELP_H

#include "base.h"
#include "family-proc.h"
#include "family.h"
#include "patience.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LIFE_S 60
#define TRIES  10000 /* of a millisecond and more */

enum kernel { NEW_KERNEL, OLD_KERNEL, KERNELS };

static int words[2];       /* what processes say to the test */
static int ready_fd = -1; /* closed by a process that is where it was to come to */

static inline void nap(void)
{
	poll(NULL, 0, 1);
}

/* From now on flags of pidfd_send_signal(2) are refused, as before Linux 6.9. */
static inline void make_kernel_old(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ELEMENTS(code), .filter = code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static inline int open_pidfd(pid_t pid)
{
	return fcntl((int)syscall(SYS_pidfd_open, pid, 0), F_DUPFD_CLOEXEC, 3);
}

/* Whether signals go to groups by pidfd here. */
static inline bool is_new_kernel(void)
{
	int own = open_pidfd(getpid());
	bool is_new = syscall(SYS_pidfd_send_signal, own, 0, NULL, 1U << 2) == 0 || errno != EINVAL;

	close(own);
	return is_new;
}

static inline void begin(int kernel)
{
	signal(SIGALRM, SIG_DFL); /* the test runner has a handler, which children would inherit */
	alarm(LIFE_S);
	ck_assert_int_eq(family_adopt_orphans(), 0);
	ck_assert_int_eq(pipe2(words, O_CLOEXEC), 0);
	if (kernel == OLD_KERNEL)
		make_kernel_old();
}

/* ---- what processes do ---- */

static inline void say(char word)
{
	if (write(words[1], &word, 1) != 1)
		_exit(99);
}

/* Says that it got the signal, and dies of it. */
static inline void tell(int signo)
{
	signal(signo, SIG_DFL);
	say('t');
	raise(signo);
}

static inline void be_ready(void)
{
	cleanup_fd(&ready_fd);
	ready_fd = -1;
}

static inline void wait_for_end(void)
{
	signal(SIGTERM, tell);
	be_ready();
	for (;;)
		pause();
}

static inline void end_at_once(void)
{
}

/* Returns when it is ready, or has ended. */
static inline pid_t start_as(void (*what)(void), bool is_leader, bool wait)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) != 0)
		abort();
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		close(ready[0]);
		be_ready();
		ready_fd = ready[1];
		signal(SIGTERM, SIG_DFL);
		alarm(LIFE_S);
		if (is_leader)
			setsid();
		what();
		_exit(0);
	}
	close(ready[1]);
	while (wait && read(ready[0], &byte, 1) != 0)
		continue;
	close(ready[0]);
	return pid;
}

static inline pid_t start(void (*what)(void))
{
	return start_as(what, false, true);
}

static inline pid_t start_silent(void (*what)(void))
{
	return start_as(what, false, false);
}

static inline struct family start_leader(void (*what)(void))
{
	struct family family = { .group = start_as(what, true, true) };

	family.pidfd = open_pidfd(family.group);
	return family;
}

/* ---- what the test sees ---- */

static inline void hear(char word)
{
	struct pollfd wait = { .fd = words[0], .events = POLLIN };
	char heard = '\0';

	ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "nobody said '%c'", word);
	ck_assert_int_eq(read(words[0], &heard, 1), 1);
	ck_assert_int_eq(heard, word);
}

static inline bool heard_anything(void)
{
	struct pollfd wait = { .fd = words[0], .events = POLLIN };

	return poll(&wait, 1, 50) != 0;
}

/* For tests that know no sessions: none of our children leads one that was not asked for. */
static inline bool leads_nothing(void *context, pid_t pid)
{
	(void)context;
	(void)pid;
	return false;
}

/* Until all have ended. Returns how many told that they got a signal. */
static inline int hear_all_end(void)
{
	struct pollfd wait = { .fd = words[0], .events = POLLIN };
	int told = 0;
	char word;

	close(words[1]);
	words[1] = -1;
	do {
		ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "somebody lives on");
		word = '\0';
		ck_assert_int_ge(read(words[0], &word, 1), 0);
		told += word == 't';
	} while (word != '\0');
	return told;
}

static inline void wait_for_zombie(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static inline bool is_running(pid_t child)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

static inline void expect_end(pid_t child, int signo)
{
	siginfo_t info = { .si_pid = 0 };

	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED), 0);
	ck_assert_int_eq(info.si_code, signo == 0 ? CLD_EXITED : CLD_KILLED);
	ck_assert_int_eq(info.si_status, signo);
}

static inline void collect_leader(struct family *family, int signo)
{
	expect_end(family->group, signo);
	family->leader_gone = true;
}

static inline bool eventually_gone(const struct family *family)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (!family_is_alive(family))
			return true;
		nap();
	}
	return false;
}

static inline bool have_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Orphans come to us, so that in the end nobody is left. */
static inline void end_all_children(void)
{
	for (int tries = 0; tries < TRIES && have_children(); tries++) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t count = 0;
		siginfo_t info;

		ck_assert_int_eq(family_proc_children(&pids, &count), 0);
		for (size_t i = 0; i < count; i++) {
			kill(pids[i], SIGKILL);
			waitid(P_PID, (id_t)pids[i], &info, WEXITED);
		}
	}
	ck_assert(!have_children());
}

static inline void finish(struct family *family)
{
	end_all_children();
	close(family->pidfd);
}

#define SKIPPED 77

/* Runs it as the first process of a pid namespace. Returns what it returns; SKIPPED: that is not allowed.
 * The test itself stays outside: a leak checker could start no thread in it any more. */
static inline int run_apart(int (*what)(void))
{
	siginfo_t info = { .si_pid = 0 };
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
			_exit(SKIPPED);
		pid = fork();
		if (pid == 0)
			_exit(what());
		_exit(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_code == CLD_EXITED ? info.si_status :
												     98);
	}
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	ck_assert_int_eq(info.si_code, CLD_EXITED);
	return info.si_status;
}

static inline bool write_text(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

#endif
