/* libc.h - what glibc has and musl, with which usherd is also built, has not or has otherwise. */
#ifndef USHERD_LIBC_H
#define USHERD_LIBC_H

#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

static inline int libc_close_range(unsigned first, unsigned last)
{
	return (int)syscall(SYS_close_range, first, last, 0U);
}

static inline int libc_rename(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

/* What is free is given back to the system. */
static inline void libc_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* What strerror() says, without a look for a translation and without memory of its own. NULL: not known. */
static inline const char *libc_error_text(int error)
{
#ifdef __GLIBC__
	return strerrordesc_np(error);
#else
	return strerror(error);
#endif
}

/* Where a long has 32 bits and a time 64, the kernel has a call of its own. */
#define LIBC_LONG_TIME (sizeof(time_t) > sizeof(long))
#ifdef SYS_futex_time64
#define LIBC_FUTEX (LIBC_LONG_TIME ? SYS_futex_time64 : SYS_futex)
#else
#define LIBC_FUTEX SYS_futex
#endif

/* Sleeps while *word is `value`, as long as `patience` says, or less. */
static inline void libc_wait_while(const void *word, int value, const struct timespec *patience)
{
	(void)syscall(LIBC_FUTEX, word, FUTEX_WAIT, value, patience, NULL, 0);
}

/* waitid(2) as the kernel has it: it also tells what was used, which the function of the C library leaves out. */
static inline int libc_wait_pidfd(int pidfd, siginfo_t *ret_info, int options, struct rusage *ret_usage)
{
	if (!LIBC_LONG_TIME)
		return (int)syscall(SYS_waitid, P_PIDFD, pidfd, ret_info, options, ret_usage);

	long usage[18] = { 0 }; /* in its own form, with times of 32 bits */
	int r = (int)syscall(SYS_waitid, P_PIDFD, pidfd, ret_info, options, usage);

	memset(ret_usage, 0, sizeof(*ret_usage));
	ret_usage->ru_utime = (struct timeval){ .tv_sec = usage[0], .tv_usec = usage[1] };
	ret_usage->ru_stime = (struct timeval){ .tv_sec = usage[2], .tv_usec = usage[3] };
	ret_usage->ru_maxrss = usage[4];
	return r;
}

/* TERM for SIGTERM. NULL: it has no name. */
static inline const char *libc_signal_name(int signal)
{
#ifdef __GLIBC__
	return sigabbrev_np(signal);
#else
	static const char *const names[] = {
		[SIGHUP] = "HUP",   [SIGINT] = "INT",	    [SIGQUIT] = "QUIT",	  [SIGILL] = "ILL",
		[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",	    [SIGBUS] = "BUS",	  [SIGFPE] = "FPE",
		[SIGKILL] = "KILL", [SIGUSR1] = "USR1",	    [SIGSEGV] = "SEGV",	  [SIGUSR2] = "USR2",
		[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",	    [SIGTERM] = "TERM",	  [SIGSTKFLT] = "STKFLT",
		[SIGCHLD] = "CHLD", [SIGCONT] = "CONT",	    [SIGSTOP] = "STOP",	  [SIGTSTP] = "TSTP",
		[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",	    [SIGURG] = "URG",	  [SIGXCPU] = "XCPU",
		[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",	  [SIGWINCH] = "WINCH",
		[SIGIO] = "POLL",   [SIGPWR] = "PWR",	    [SIGSYS] = "SYS",
	};

	return signal > 0 && signal < (int)(sizeof(names) / sizeof(names[0])) ? names[signal] : NULL;
#endif
}

#endif
