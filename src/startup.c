/* startup.c - see startup.h. Signal dispositions are reset by the system call,
 * because the C library refuses the two signals it keeps to itself, which a
 * parent may have left ignored. */
#include "startup.h"

#include "base.h"
#include "libc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define KERNEL_SIGSET_SIZE 8
#define SIGRTMIN_KERNEL    32
#define TIMER_SLACK_NS     50000 /* the kernel's default, see prctl(2) */

/* The kernel's own struct sigaction, large enough on every machine. */
union kernel_action {
	void (*handler)(int);
	unsigned long words[8];
};

static void set_disposition(int signo, void (*handler)(int))
{
	union kernel_action action = { .words = { 0 } };

	action.handler = handler;
	syscall(SYS_rt_sigaction, signo, &action, NULL, KERNEL_SIGSET_SIZE);
}

/* Signals that the starter left pending are thrown away, by ignoring them for a
 * moment: letting them in would end us before we could say why. Handlers cannot
 * have survived exec: those which are there (a sanitizer's) are this program's
 * own and stay. The mask is opened last. */
static void reset_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo <= 64; signo++) {
		union kernel_action action = { .words = { 0 } };

		if (syscall(SYS_rt_sigaction, signo, NULL, &action, KERNEL_SIGSET_SIZE) != 0 ||
		    (action.handler != SIG_IGN && action.handler != SIG_DFL))
			continue;
		set_disposition(signo, SIG_IGN);
		set_disposition(signo, SIG_DFL);
	}
	/* These two belong to the C library, whose functions (name services, for
	 * one) put back masks without them: blocking them would not last. The
	 * child of a spawn has them at their defaults again. */
	set_disposition(SIGRTMIN_KERNEL, SIG_IGN);
	set_disposition(SIGRTMIN_KERNEL + 1, SIG_IGN);
	memset(&none, 0, sizeof(none));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET_SIZE);
}

static int open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

/* A number in digits alone, from 0 to `most`. */
static bool parse_count(const char *text, unsigned long most, unsigned long *ret_number)
{
	char *end;
	unsigned long number;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*end != '\0' || errno != 0 || number > most)
		return false;
	*ret_number = number;
	return true;
}

static size_t read_passed(const char *pid_text, const char *count_text)
{
	unsigned long pid, count;
	struct rlimit limit;

	if (pid_text == NULL || count_text == NULL)
		return 0;
	if (!parse_count(pid_text, INT_MAX, &pid)) {
		fputs("usherd: LISTEN_PID is no process id; the sockets that were passed are not used\n",
		      stderr);
		return 0;
	}
	/* Meant for the process that started us. */
	if (pid != (unsigned long)getpid())
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > INT_MAX)
		limit.rlim_max = INT_MAX;
	if (!parse_count(count_text, limit.rlim_max - STARTUP_FIRST_PASSED, &count)) {
		fputs("usherd: LISTEN_FDS is no number of descriptors; the sockets that were passed are not "
		      "used\n",
		      stderr);
		return 0;
	}
	return count;
}

size_t startup_count_passed(void)
{
	static const char *const variables[] = { "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
						 "LISTEN_PIDFDID" };
	size_t count = read_passed(getenv("LISTEN_PID"), getenv("LISTEN_FDS"));

	for (size_t i = 0; i < ELEMENTS(variables); i++)
		unsetenv(variables[i]);
	return count;
}

void startup_raise_limit(void)
{
	struct rlimit descriptors;

	if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
		descriptors.rlim_cur = descriptors.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &descriptors);
	}
}

int startup_clean(size_t passed)
{
	int r;

	reset_signals();
	r = open_standard_descriptors();
	if (r < 0)
		return r;
	if (libc_close_range(STARTUP_FIRST_PASSED + (unsigned)passed, ~0U) != 0)
		return -errno;
	umask(022);
	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	startup_raise_limit();
	return 0;
}

/* The parent's part: the exit status of the start is the status of the command. */
static _Noreturn void wait_for_child(pid_t pid, int report)
{
	char byte;
	int status;
	ssize_t n;

	do {
		n = read(report, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

int startup_background(int *ret_report)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int error = errno;

		close(ends[0]);
		close(ends[1]);
		return -error;
	}
	if (pid > 0) {
		close(ends[1]);
		wait_for_child(pid, ends[0]);
	}
	close(ends[0]);
	setsid();
	*ret_report = ends[1];
	return 0;
}

void startup_background_ready(int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	(void)!write(report, "", 1);
	close(report);
}
