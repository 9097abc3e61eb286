/* libc.h - what glibc has and musl, with which usherd is also built, has not or has otherwise. */
#ifndef USHERD_LIBC_H
#define USHERD_LIBC_H

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
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

	return signal > 0 && (size_t)signal < sizeof(names) / sizeof(names[0]) ? names[signal] : NULL;
#endif
}

#endif
