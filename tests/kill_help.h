/* kill_help.h - services of many processes, which leave their groups, their sessions and
 * their parents, and a FIFO that tells who is left: all processes of a service inherit its
 * writing end, and when its reader finds no writer any more there is no process left,
 * wherever it went. The test program is also the services it needs. */
#ifndef USHERD_TESTS_KILL_HELP_H
#define USHERD_TESTS_KILL_HELP_H

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the services ---- */

static inline void mark(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	dup2(fd, 9); /* stays open in whatever is started */
	close(fd);
}

static inline void ready(void)
{
	(void)!write(9, "r", 1);
}

static inline int stay(void)
{
	ready();
	for (;;)
		poll(NULL, 0, 1000);
	return 0;
}

/* Leader, child, grandchild: all of one group. */
static inline int do_group(void)
{
	if (fork() == 0 && fork() == 0)
		return stay();
	return pause();
}

static inline int do_stubborn_group(void)
{
	if (fork() == 0) {
		signal(SIGTERM, SIG_IGN);
		return stay();
	}
	return pause();
}

/* A child with a process group of its own, in the same session. */
static inline int do_setpgid(void)
{
	if (fork() == 0) {
		setpgid(0, 0);
		return stay();
	}
	return pause();
}

/* A child that left by setsid(2); its parent is there. */
static inline int do_setsid(void)
{
	if (fork() == 0) {
		setsid();
		return stay();
	}
	return pause();
}

static inline int do_stubborn_setsid(void)
{
	if (fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		return stay();
	}
	return pause();
}

/* A daemon as it was done of old: its parent is gone. */
static inline int do_orphan(void)
{
	if (fork() == 0) {
		setsid();
		return fork() == 0 ? stay() : 0;
	}
	return pause();
}

/* The same, and the program itself ends, too, when it is told to; the orphan does not. */
static inline int do_stubborn_orphan(void)
{
	if (fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		return fork() == 0 ? stay() : 0;
	}
	return pause();
}

/* An orphan that is always another process. */
static inline int do_hopper(void)
{
	if (fork() != 0)
		return pause();
	setsid();
	signal(SIGCHLD, SIG_IGN);
	if (fork() != 0)
		return 0;
	ready();
	for (;;) {
		poll(NULL, 0, 50);
		if (fork() > 0)
			return 0;
	}
}

static inline int do_stay(void)
{
	return stay();
}

/* An orphan that wiped out its environment: nothing tells where it came from. */
static inline int do_erased(void)
{
	static char *const nothing[] = { NULL };
	char self[512] = "", *arguments[] = { self, (char[]){ "stay" }, (char[]){ "-" }, NULL };

	(void)!readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (fork() == 0) {
		setsid();
		if (fork() == 0)
			execve(self, arguments, nothing);
		return 0;
	}
	return pause();
}

/* Forks all the time: children that end by themselves, some of them orphans in the group. */
static inline int do_storm(void)
{
	signal(SIGCHLD, SIG_IGN);
	ready();
	for (;;) {
		if (fork() == 0) {
			if (fork() == 0)
				poll(NULL, 0, 60);
			poll(NULL, 0, 30);
			_exit(0);
		}
		poll(NULL, 0, 50);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} behaviours[] = {
	{ "group", do_group },
	{ "stubborn-group", do_stubborn_group },
	{ "setpgid", do_setpgid },
	{ "setsid", do_setsid },
	{ "stubborn-setsid", do_stubborn_setsid },
	{ "orphan", do_orphan },
	{ "stubborn-orphan", do_stubborn_orphan },
	{ "hopper", do_hopper },
	{ "erased", do_erased },
	{ "storm", do_storm },
	{ "stay", do_stay },
};

static inline int behave(const char *how, const char *fifo)
{
	if (fifo[0] != '-')
		mark(fifo);
	for (size_t i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++)
		if (strcmp(how, behaviours[i].name) == 0)
			return behaviours[i].run();
	return 2;
}

/* ---- who is left ---- */

static inline int open_marks(void)
{
	int fd;

	ck_assert_int_eq(mkfifo(test_path("marks"), 0600), 0);
	ck_assert_int_eq(chmod(test_path("marks"), 0666), 0);
	fd = open(test_path("marks"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* So many processes said that they are there. */
static inline void wait_ready(int marks, unsigned count)
{
	for (unsigned seen = 0; seen < count;) {
		struct pollfd wait = { .fd = marks, .events = POLLIN };
		char bytes[256];

		ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "%u of %u are ready", seen, count);
		ssize_t n = read(marks, bytes, count - seen < sizeof(bytes) ? count - seen : sizeof(bytes));

		if (n > 0)
			seen += (unsigned)n;
		else
			nap();
	}
}

/* Nobody has the FIFO any more. */
static inline bool nobody_left(int marks, int timeout_ms)
{
	uint64_t end = now_ms() + (uint64_t)timeout_ms;
	char bytes[256];
	ssize_t n;

	do {
		n = read(marks, bytes, sizeof(bytes));
		if (n == 0)
			return true;
		if (n < 0)
			nap();
	} while (now_ms() < end);
	return false;
}

static inline struct daemon *start(const char *daemon_keys, const char *keys, const char *tree)
{
	char config[2048];

	test_copy_self();
	snprintf(config, sizeof(config),
		 "[usherd]\n%s[s]\nlisten = 127.0.0.1:$1\nexec = $DIR/self %s $DIR/marks\nkill_after = "
		 "300ms\n%s",
		 daemon_keys, tree, keys);
	return daemon_start(config);
}

#endif
