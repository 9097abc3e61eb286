/* probe.c - a service that prints, in a fixed order and form, everything that
 * services.ini(5) promises to a program that usherd starts; or behaves as the
 * end-to-end tests want (see `behaviours`). Numbers that differ from run to run
 * are printed as what they must be equal to ("pid", "self"), so that the view
 * of two runs can be compared byte for byte.
 *
 * Stands alone: uses nothing of the daemon, and no library but libc. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/* Built with a sanitizer, the probe must still look like a plain program: no
 * handlers, and no look for leaks, which fails under strace. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0";
}

/* The whole view is gathered here and leaves in one write: one datagram. */
struct page {
	char text[60000];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct page *page, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	int length = vsnprintf(page->text + page->length, sizeof(page->text) - page->length, format, list);
	va_end(list);
	if (length > 0)
		page->length += (size_t)length;
	if (page->length >= sizeof(page->text))
		page->length = sizeof(page->text) - 1;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			bytes += done;
			length -= (size_t)done;
		}
	}
	return 0;
}

static int socket_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) < 0 ? -1 : value;
}

static void say_socket(struct page *page, int fd)
{
	int domain = socket_option(fd, SOL_SOCKET, SO_DOMAIN);
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	bool connected = getpeername(fd, (struct sockaddr *)&address, &size) == 0;

	say(page, " domain=%s type=%s listening=%d connected=%d reuseport=%d keepalive=%d",
	    domain == AF_INET  ? "inet" :
	    domain == AF_INET6 ? "inet6" :
	    domain == AF_UNIX  ? "unix" :
				 "other",
	    socket_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM ? "stream" :
	    socket_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM  ? "dgram" :
								    "other",
	    socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN), connected,
	    socket_option(fd, SOL_SOCKET, SO_REUSEPORT), socket_option(fd, SOL_SOCKET, SO_KEEPALIVE));
	if (socket_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP)
		say(page, " keepidle=%d nodelay=%d", socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
		    socket_option(fd, IPPROTO_TCP, TCP_NODELAY));
}

static void say_descriptor(struct page *page, int fd)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);
	static const char *const modes[] = { "read", "write", "both", "none" };

	if (fstat(fd, &status) < 0)
		return;
	say(page, "fd %d %s mode=%s nonblock=%d cloexec=%d", fd,
	    S_ISSOCK(status.st_mode) ? "socket" :
	    S_ISFIFO(status.st_mode) ? "pipe" :
	    S_ISREG(status.st_mode)  ? "file" :
	    S_ISCHR(status.st_mode)  ? "device" :
				       "other",
	    modes[flags & O_ACCMODE], (flags & O_NONBLOCK) != 0, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	if (S_ISSOCK(status.st_mode))
		say_socket(page, fd);
	say(page, "\n");
}

static int compare_numbers(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void say_descriptors(struct page *page)
{
	int numbers[1024], count = 0;
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat first, second;

	while (directory != NULL && (entry = readdir(directory)) != NULL && count < 1024)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
			numbers[count++] = atoi(entry->d_name);
	if (directory != NULL)
		closedir(directory);
	qsort(numbers, (size_t)count, sizeof(numbers[0]), compare_numbers);
	for (int i = 0; i < count; i++)
		say_descriptor(page, numbers[i]);
	say(page, "fds %d\n", count);
	if (fstat(0, &first) == 0 && fstat(1, &second) == 0)
		say(page, "same-0-1 %d\n", first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

/* Lines of /proc/self/status that say who we are and what signals do. */
static void say_status(struct page *page)
{
	static const char *const wanted[] = { "SigPnd", "ShdPnd", "SigBlk",     "SigIgn",  "SigCgt",
					      "Uid",    "Gid",    "Groups",     "CapInh",  "CapPrm",
					      "CapEff", "CapAmb", "NoNewPrivs", "Seccomp", "Umask" };
	char line[4096];
	FILE *file = fopen("/proc/self/status", "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			size_t length = strlen(wanted[i]);

			if (strncmp(line, wanted[i], length) != 0 || line[length] != ':')
				continue;
			for (char *c = line; *c != '\0'; c++)
				if (*c == '\t')
					*c = ' ';
			say(page, "%s", line);
		}
	if (file != NULL)
		fclose(file);
}

static void say_limit(struct page *page, const char *name, __rlimit_resource_t resource)
{
	struct rlimit limit = { 0, 0 };

	getrlimit(resource, &limit);
	say(page, "rlimit %s %lld %lld\n", name, (long long)limit.rlim_cur, (long long)limit.rlim_max);
}

static void say_process(struct page *page)
{
	char cwd[4096] = "?", text[64] = "";
	int death = -1, tty = open("/dev/tty", O_RDWR | O_CLOEXEC), score;

	say(page, "session %s\n", getsid(0) == getpid() ? "own" : "foreign");
	say(page, "group %s\n", getpgrp() == getpid() ? "own" : "foreign");
	say(page, "tty %s\n", tty < 0 ? "none" : "yes");
	if (tty >= 0)
		close(tty);
	say(page, "cwd %s\n", getcwd(cwd, sizeof(cwd)) != NULL ? cwd : "?");
	errno = 0;
	say(page, "nice %d\n", getpriority(PRIO_PROCESS, 0));
	prctl(PR_GET_PDEATHSIG, &death);
	say(page, "pdeathsig %d\n", death);
	score = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	if (score >= 0) {
		if (read(score, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(score);
	}
	say(page, "oom_score_adj %d\n", atoi(text));
	say(page, "root %s\n", access("/proc/self", F_OK) == 0 ? "real" : "changed");
	say_limit(page, "nofile", RLIMIT_NOFILE);
	say_limit(page, "core", RLIMIT_CORE);
	say_limit(page, "nproc", RLIMIT_NPROC);
	say_limit(page, "fsize", RLIMIT_FSIZE);
	say_limit(page, "cpu", RLIMIT_CPU);
	say_limit(page, "stack", RLIMIT_STACK);
}

/* The kernel's own account: libc hides signals 32 and 33. */
static void say_dispositions(struct page *page)
{
	unsigned ignored = 0, caught = 0;

	for (int number = 1; number <= 64; number++) {
		struct {
			void *handler;
			unsigned long flags;
			void *restorer;
			unsigned long mask;
		} action = { 0 };

		if (syscall(SYS_rt_sigaction, number, NULL, &action, 8) < 0)
			continue;
		ignored += (unsigned long)action.handler == 1;
		caught += (unsigned long)action.handler > 1;
	}
	say(page, "signals ignored=%u caught=%u\n", ignored, caught);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void say_environment(struct page *page)
{
	size_t count = 0;

	while (environ[count] != NULL)
		count++;
	qsort(environ, count, sizeof(environ[0]), compare_text);
	for (size_t i = 0; i < count; i++) {
		if (strncmp(environ[i], "LISTEN_PID=", 11) == 0 && atoi(environ[i] + 11) == getpid())
			say(page, "env LISTEN_PID=self\n");
		else
			say(page, "env %s\n", environ[i]);
	}
	say(page, "envs %zu\n", count);
}

static void gather(struct page *page, int argc, char **argv)
{
	page->length = 0;
	say_descriptors(page); /* first: nothing of our own is open yet */
	for (int i = 0; i < argc; i++)
		say(page, "argv %d %s\n", i, argv[i]);
	say_status(page);
	say_dispositions(page);
	say_process(page);
	say_environment(page);
}

static struct page view;

static int do_facts(int argc, char **argv)
{
	gather(&view, argc, argv);
	return write_all(1, view.text, view.length) == 0 ? 0 : 1;
}

/* Standard input up to its end, then one line that tells what it was. */
static int do_input(int argc, char **argv)
{
	size_t length = 0, reads = 0;
	ssize_t got;

	(void)argc, (void)argv;
	while ((got = read(0, view.text + length, sizeof(view.text) - 1 - length)) > 0) {
		length += (size_t)got;
		reads++;
	}
	char text[256];
	int size = snprintf(text, sizeof(text), "input bytes=%zu reads=%zu end=%s text=%.100s", length, reads,
			    got == 0 ? "eof" : strerror(errno), view.text);

	return write_all(1, text, (size_t)size) == 0 ? 0 : 1;
}

/* The arguments, each in one write: one datagram each. */
static int do_say(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (write_all(1, argv[i], strlen(argv[i])) < 0)
			return 1;
	return 0;
}

static int do_cat(int argc, char **argv)
{
	ssize_t got;

	(void)argc, (void)argv;
	while ((got = read(0, view.text, sizeof(view.text))) > 0)
		if (write_all(1, view.text, (size_t)got) < 0)
			return 1;
	return got == 0 ? 0 : 1;
}

/* "ready", then until end of input, then "bye". */
static int do_hold(int argc, char **argv)
{
	char byte[256];

	(void)argc, (void)argv;
	if (write_all(1, "ready\n", 6) < 0)
		return 1;
	while (read(0, byte, sizeof(byte)) > 0)
		;
	return write_all(1, "bye\n", 4) == 0 ? 0 : 1;
}

static int do_exit(int argc, char **argv)
{
	return argc > 2 ? atoi(argv[2]) : 0;
}

static int do_kill(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	raise(argc > 2 ? atoi(argv[2]) : SIGKILL);
	return 0;
}

/* Ignores SIGTERM and waits: ends by SIGKILL only, or at the end of input. */
static int do_stubborn(int argc, char **argv)
{
	signal(SIGTERM, SIG_IGN);
	return do_hold(argc, argv);
}

/* `stderr BYTES [TEXT]`: so many bytes of lines on standard error, then "done". */
static int do_stderr(int argc, char **argv)
{
	long long left = argc > 2 ? atoll(argv[2]) : 100;
	char line[128];
	size_t length =
		(size_t)snprintf(line, sizeof(line), "%.100s\n", argc > 3 ? argv[3] : "a line of noise");

	for (; left > 0; left -= (long long)length)
		if (write_all(2, line, length) < 0)
			break;
	return write_all(1, "done\n", 5) == 0 ? 0 : 1;
}

/* Raw bytes on standard error, none of which may reach a log as they are. */
static int do_dirt(int argc, char **argv)
{
	char bytes[257];

	(void)argc, (void)argv;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)(i == '\n' ? ' ' : i);
	bytes[256] = '\n';
	(void)!write(2, bytes, sizeof(bytes));
	return write_all(1, "done\n", 5) == 0 ? 0 : 1;
}

/* The first process ends at once; its child answers at the end of input. */
static int do_fork(int argc, char **argv)
{
	if (fork() != 0)
		return 0;
	char byte[256];

	(void)argc, (void)argv;
	while (read(0, byte, sizeof(byte)) > 0)
		;
	return write_all(1, "late\n", 5) == 0 ? 0 : 1;
}

/* For wait = yes: one connection of the listening socket gets the view. */
static int do_accept(int argc, char **argv)
{
	gather(&view, argc, argv);
	int client = accept4(0, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return 1;
	return write_all(client, view.text, view.length) == 0 ? 0 : 1;
}

/* For wait = yes: one datagram, answered with the view. */
static int do_receive(int argc, char **argv)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char byte[2048];

	gather(&view, argc, argv);
	if (recvfrom(0, byte, sizeof(byte), 0, (struct sockaddr *)&from, &size) < 0)
		return 1;
	return sendto(0, view.text, view.length, 0, (struct sockaddr *)&from, size) < 0;
}

/* Tries to become root again in each way the kernel knows. */
static int do_regain(int argc, char **argv)
{
	int won = 0;

	(void)argc, (void)argv;
	won += setuid(0) == 0;
	won += setresuid(0, 0, 0) == 0;
	won += seteuid(0) == 0;
	won += setgid(0) == 0;
	won += setresgid((gid_t)-1, 0, (gid_t)-1) == 0;
	char text[32];
	int length = snprintf(text, sizeof(text), "regained %d\n", won);

	return write_all(1, text, (size_t)length) == 0 ? 0 : 1;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} behaviours[] = {
	{ "facts", do_facts },       { "input", do_input },   { "say", do_say },
	{ "cat", do_cat },           { "hold", do_hold },     { "exit", do_exit },
	{ "kill", do_kill },         { "stderr", do_stderr }, { "dirt", do_dirt },
	{ "fork", do_fork },         { "accept", do_accept }, { "receive", do_receive },
	{ "stubborn", do_stubborn }, { "regain", do_regain },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(behaviours) / sizeof(behaviours[0]); i++)
		if (strcmp(argv[1], behaviours[i].name) == 0)
			return behaviours[i].run(argc, argv);
	return do_facts(argc, argv);
}
