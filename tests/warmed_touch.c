/* warmed_touch.c - a program for check_preload_input.c: does the one thing that its argument names, and tells whether
 * another process than before went on from there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wchar.h>

static char bytes[64] = "\n", *line;
static struct iovec part = { bytes, 1 };
static struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
static struct pollfd look[2] = { { .fd = 2 }, { .fd = 0, .events = POLLIN } };
static struct stat status;
static socklen_t size = sizeof(int);
static size_t room;
static int number;
static fd_set set;

static void *nothing(void *argument)
{
	return argument;
}

static int wait_select(void)
{
	FD_SET(0, &set);
	return select(1, &set, NULL, NULL, NULL);
}

/* Both, so that a copy's own instance is seen to work in the place of that which was there. */
static int wait_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event) != 0)
		return -1;
	return epoll_wait(epoll, &event, 1, -1);
}

static int make_pipe(void)
{
	int ends[2];

	return epoll_create1(EPOLL_CLOEXEC) < 0 ? -1 : pipe(ends);
}

static int probe_epoll(void)
{
	int ends[2];

	return close(epoll_create1(EPOLL_CLOEXEC)) == 0 ? pipe(ends) : -1;
}

static int start_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) == 0 ? pthread_join(thread, NULL) : -1;
}

static int read_stream(void)
{
	FILE *stream = fdopen(0, "r");

	return fgetc(stream);
}

/* The client has sent "12 words of it\n". Each row is run by a process of its own. */
#define ROWS \
	ROW(read, read(0, bytes, 1)) \
	ROW(readv, readv(0, &part, 1)) \
	ROW(recv, recv(0, bytes, 1, 0)) \
	ROW(recvfrom, recvfrom(0, bytes, 1, 0, NULL, NULL)) \
	ROW(recvmsg, recvmsg(0, &message, 0)) \
	ROW(write, write(1, "x\n", 2)) \
	ROW(writev, writev(1, &part, 1)) \
	ROW(send, send(1, "x\n", 2, 0)) \
	ROW(sendto, sendto(1, "x\n", 2, 0, NULL, 0)) \
	ROW(sendmsg, sendmsg(1, &message, 0)) \
	ROW(sendfile, sendfile(1, 2, NULL, 1)) \
	ROW(poll, poll(look, 2, -1)) \
	ROW(select, wait_select()) \
	ROW(epoll, wait_epoll()) \
	ROW(epoll_new, make_pipe()) \
	ROW(eventfd, eventfd(0, 0)) \
	ROW(getpeername, getpeername(0, (struct sockaddr *)bytes, &size)) \
	ROW(getsockname, getsockname(0, (struct sockaddr *)bytes, &size)) \
	ROW(getsockopt, getsockopt(0, SOL_SOCKET, SO_TYPE, &number, &size)) \
	ROW(setsockopt, setsockopt(0, SOL_SOCKET, SO_KEEPALIVE, &number, sizeof(number))) \
	ROW(shutdown, shutdown(0, SHUT_RD)) \
	ROW(ioctl, ioctl(0, FIONREAD, &number)) \
	ROW(setfl, fcntl(1, F_SETFL, 0)) \
	ROW(dupfd, fcntl(1, F_DUPFD, 10)) \
	ROW(dup, dup(0)) \
	ROW(dup2, dup2(1, 9)) \
	ROW(close, close(0)) \
	ROW(alarm, (int)alarm(60)) \
	ROW(thread, start_thread()) \
	ROW(fread, fread(bytes, 1, 1, stdin)) \
	ROW(fgets, fgets(bytes, 10, stdin) != NULL) \
	ROW(getchar, getchar()) \
	ROW(getc_unlocked, getc_unlocked(stdin)) \
	ROW(getline, getline(&line, &room, stdin)) \
	ROW(scanf, scanf("%d", &number)) \
	ROW(fgetwc, fgetwc(stdin)) \
	ROW(fdopen, read_stream()) \
	ROW(printf, printf("%d\n", number)) \
	ROW(fprintf, fprintf(stdout, "%d\n", number)) \
	ROW(puts, puts("x")) \
	ROW(fputs, fputs("x\n", stdout)) \
	ROW(putchar, putchar('\n')) \
	ROW(putc_unlocked, putc_unlocked('\n', stdout)) \
	ROW(fwrite, fwrite("x\n", 1, 2, stdout)) \
	ROW(dprintf, dprintf(1, "x\n")) \
	ROW(no_fstat, fstat(0, &status)) \
	ROW(no_isatty, isatty(0)) \
	ROW(no_lseek, lseek(0, 0, SEEK_CUR)) \
	ROW(no_getfd, fcntl(0, F_GETFD)) \
	ROW(no_getfl, fcntl(1, F_GETFL)) \
	ROW(no_winsize, ioctl(1, TIOCGWINSZ, bytes)) \
	ROW(no_stderr, write(2, "", 0)) \
	ROW(no_flush, fflush(stdout)) \
	ROW(no_poll, poll(look, 1, 0)) \
	ROW(no_alarm, (int)alarm(0)) \
	ROW(no_epoll, probe_epoll())

#define ROW(name, call) \
	static long do_##name(void) \
	{ \
		return (long)(call); \
	}
ROWS
#undef ROW

static const struct {
	const char *name;
	long (*run)(void);
} rows[] = {
#define ROW(name, call) { #name, do_##name },
	ROWS
#undef ROW
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && argc > 1; i++) {
		if (strcmp(rows[i].name, argv[1]) != 0)
			continue;

		pid_t before = (pid_t)syscall(SYS_getpid);

		errno = 33;
		long result = rows[i].run();
		int stopped = before != (pid_t)syscall(SYS_getpid);

		fflush(stdout);
		dprintf(1, "stopped %d result %ld\n", stopped, result);
		return 0;
	}
	if (argc == 1)
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			dprintf(1, "%s\n", rows[i].name);
	return 0;
}
