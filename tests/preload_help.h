/* preload_help.h - plays the daemon for check_preload.c: starts programs under the library of warm services, orders
 * copies and hands them clients. */
#ifndef USHERD_TESTS_PRELOAD_HELP_H
#define USHERD_TESTS_PRELOAD_HELP_H

#include "run.h"
#include "warm-protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

struct server {
	pid_t pid;
	int socket;   /* the private one */
	int standard; /* the far end of its 0 and 1 */
	uint32_t tickets;
	int channels[WARM_CHANNELS]; /* near ends, -1: none */
};

/* ---- starting ---- */

#define VARIABLES_MOST 16

static inline const char *build_folder(void)
{
	const char *folder = getenv("BUILD");

	return folder != NULL ? folder : ".";
}

/* As src/child.c does it for the daemon. `extra` ends with NULL; its first may be a preloaded library of the service. */
static inline void run_program(enum warm_mode mode, char *const arguments[], const char *const extra[], const char *preload,
			       const int ends[2])
{
	static char session[] = WARM_SESSION_VARIABLE "=00000000000000000000", bind_now[] = WARM_BIND_NOW, own[32];
	static char library[4096], path[] = "PATH=/usr/local/bin:/usr/bin:/bin", home[] = "HOME=/";
	char *names[VARIABLES_MOST + 8];
	unsigned count = 0;

	snprintf(own, sizeof(own), WARM_VARIABLE "=003 %d", (int)getpid());
	snprintf(library, sizeof(library), "LD_PRELOAD=%s/services/%s%s%s", build_folder(),
		 mode == WARM_MAIN ? WARM_LIBRARY_MAIN : WARM_LIBRARY_INPUT, preload == NULL ? "" : ":",
		 preload == NULL ? "" : preload);
	names[count++] = path;
	for (; extra != NULL && *extra != NULL; extra++)
		names[count++] = (char *)(uintptr_t)*extra;
	names[count++] = home;
	names[count++] = session;
	names[count++] = own;
	names[count++] = bind_now;
	names[count++] = library;
	names[count] = NULL;
	/* Out of each other's way. */
	int standard = fcntl(ends[1], F_DUPFD, 100), private_socket = fcntl(ends[0], F_DUPFD, 100);

	dup2(standard, 0);
	dup2(standard, 1);
	dup2(private_socket, 3);
	syscall(SYS_close_range, 4, ~0U, 0);
	setsid();
	execve(arguments[0], arguments, names);
	_exit(127);
}

static inline struct server start_server(enum warm_mode mode, char *const arguments[], const char *const extra[],
					 const char *preload)
{
	static const int on = 1;
	struct server server = { .tickets = 100 };
	int private_ends[2], standard_ends[2];

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < WARM_CHANNELS; i++)
		server.channels[i] = -1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, private_ends), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, standard_ends), 0);
	ck_assert_int_eq(setsockopt(private_ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	server.pid = fork();
	ck_assert_int_ge(server.pid, 0);
	if (server.pid == 0)
		run_program(mode, arguments, extra, preload, (int[2]){ private_ends[1], standard_ends[1] });
	close(private_ends[1]);
	close(standard_ends[1]);
	server.socket = private_ends[0];
	server.standard = standard_ends[0];
	return server;
}

/* ---- reports ---- */

static inline bool wait_readable(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, PATIENCE_MS) == 1;
}

/* The next one, and who sent it. Returns its kind, or -1 at the end. */
static inline int next_report(const struct server *server, struct warm_report *ret_report, pid_t *ret_pid)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec part = { ret_report, sizeof(*ret_report) };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct ucred sender;

	ck_assert(wait_readable(server->socket));

	ssize_t length = recvmsg(server->socket, &header, MSG_CMSG_CLOEXEC);

	if (length <= 0)
		return -1;
	ck_assert_int_eq(length, sizeof(*ret_report));

	const struct cmsghdr *first = CMSG_FIRSTHDR(&header);

	ck_assert(first != NULL && first->cmsg_type == SCM_CREDENTIALS);
	memcpy(&sender, CMSG_DATA(first), sizeof(sender));
	*ret_pid = sender.pid;
	return (int)ret_report->kind;
}

static inline struct warm_report expect_report(const struct server *server, enum warm_report_kind kind, pid_t *ret_pid)
{
	struct warm_report report;
	pid_t pid;

	ck_assert_int_eq(next_report(server, &report, &pid), kind);
	if (ret_pid != NULL)
		*ret_pid = pid;
	else
		ck_assert_int_eq(pid, server->pid);
	return report;
}

/* LOADED, once or after each exec, then READY. */
static inline void expect_ready(const struct server *server)
{
	struct warm_report report;
	unsigned loaded = 0;
	int kind;
	pid_t pid;

	while ((kind = next_report(server, &report, &pid)) == WARM_REPORT_LOADED) {
		ck_assert_int_eq(pid, server->pid);
		loaded++;
	}
	ck_assert_int_ge(loaded, 1);
	ck_assert_int_eq(kind, WARM_REPORT_READY);
	ck_assert_int_eq(pid, server->pid);
}

/* ---- orders and jobs ---- */

static inline ssize_t send_parts(int socket, const void *head, size_t head_length, const void *rest, size_t rest_length,
				 const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(WARM_BATCH * sizeof(int))];
	const struct iovec parts[2] = {
		{ (void *)(uintptr_t)head, head_length }, { (void *)(uintptr_t)rest, rest_length }
	};
	struct msghdr header = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = 2 };

	if (count > 0) {
		struct cmsghdr *rights = (struct cmsghdr *)(void *)control;

		memset(control, 0, sizeof(control));
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL);
}

/* Orders `count` copies, on channels from `first` on, new ones where there is none. */
static inline void order(struct server *server, unsigned first, unsigned count)
{
	struct warm_orders orders = { .message = WARM_MESSAGE_ORDERS, .count = count };
	int fars[WARM_BATCH], ends[2];
	unsigned opened = 0;

	for (unsigned i = 0; i < count; i++) {
		bool is_new = server->channels[first + i] < 0;

		orders.items[i] = (struct warm_order){
			.channel = first + i, .ticket = ++server->tickets, .opened = is_new
		};
		if (!is_new)
			continue;
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
		server->channels[first + i] = ends[0];
		fars[opened++] = ends[1];
	}
	ck_assert_int_gt(send_parts(server->socket, &orders, offsetof(struct warm_orders, items), orders.items,
				    count * sizeof(struct warm_order), fars, opened), 0);
	while (opened > 0)
		close(fars[--opened]);
}

/* One copy on this channel: returns its pid. */
static inline pid_t expect_copy(struct server *server, unsigned channel)
{
	struct warm_report report;
	pid_t pid = 0;

	order(server, channel, 1);
	report = expect_report(server, WARM_REPORT_COPY, &pid);
	ck_assert_int_eq(report.channel, channel);
	ck_assert_int_eq(report.ticket, server->tickets);
	ck_assert_int_ne(pid, server->pid);
	ck_assert_int_gt(pid, 1);
	return pid;
}

struct variables {
	char text[WARM_JOB_TEXT];
	size_t length, count;
};

static inline void add_variable(struct variables *variables, const char *text)
{
	memcpy(variables->text + variables->length, text, strlen(text) + 1);
	variables->length += strlen(text) + 1;
	variables->count++;
}

static const char *const usual[] = { WARM_SESSION_VARIABLE "=812", "PROTO=TCP", "REMOTE_ADDR=192.0.2.7", NULL };

static inline void send_job(int socket, uint32_t ticket, uint32_t flags,
			    const char *const names[], const int *fds, size_t count)
{
	struct variables variables = { .length = 0 };

	for (; names != NULL && *names != NULL; names++)
		add_variable(&variables, *names);

	const struct warm_job job = {
		.message = WARM_MESSAGE_JOB,
		.ticket = ticket,
		.flags = flags,
		.length = (uint32_t)variables.length,
		.variables = (uint32_t)variables.count,
	};

	ck_assert_int_gt(send_parts(socket, &job, sizeof(job), variables.text, variables.length, fds,
				    count), 0);
}

/* Hands over a client to a spare. Returns its side. */
static inline int hand_over(const struct server *server, unsigned channel, uint32_t flags)
{
	struct warm_report report;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	send_job(server->channels[channel], server->tickets, flags, usual, &ends[1], 1);
	close(ends[1]);
	report = expect_report(server, WARM_REPORT_STARTED, &pid);
	ck_assert_int_eq(report.ticket, server->tickets);
	return ends[0];
}

/* A client for whom there is no spare. Returns its side, and who serves it. */
static inline int start_copy(struct server *server, uint32_t flags, pid_t *ret_pid)
{
	struct warm_report report;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	send_job(server->socket, ++server->tickets, flags, usual, &ends[1], 1);
	close(ends[1]);
	report = expect_report(server, WARM_REPORT_STARTED, ret_pid);
	ck_assert_int_eq(report.ticket, server->tickets);
	ck_assert_int_gt(*ret_pid, 1);
	ck_assert_int_ne(*ret_pid, server->pid);
	return ends[0];
}

/* ---- clients ---- */

/* All that comes until the end. */
static inline const char *read_all(int fd)
{
	static char text[65536];
	size_t length = 0;
	ssize_t n;

	while (wait_readable(fd) && (n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	close(fd);
	return text;
}

static inline bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line))
		if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
			return true;
	return false;
}

#define ck_assert_line(text, ...)                                                                                      \
	do {                                                                                                           \
		char line_[256];                                                                                       \
		snprintf(line_, sizeof(line_), __VA_ARGS__);                                                           \
		ck_assert_msg(has_line(text, line_), "no line '%s' in:\n%s", line_, text);                             \
	} while (0)

/* Its wait status; it is a child of ours. */
static inline int collect(pid_t pid)
{
	int status = -1;

	for (int i = 0; i < PATIENCE_MS; i++) {
		pid_t r = waitpid(pid, &status, WNOHANG | __WALL);

		if (r == pid)
			return status;
		ck_assert_msg(r == 0, "waitpid(%d): %s", (int)pid, strerror(errno));
		usleep(1000);
	}
	kill(pid, SIGKILL);
	ck_abort_msg("%d did not end", (int)pid);
}

static inline void end_server(struct server *server)
{
	for (int i = 0; i < WARM_CHANNELS; i++)
		if (server->channels[i] >= 0)
			close(server->channels[i]);
	close(server->socket);
	close(server->standard);
	ck_assert_int_eq(collect(server->pid), 0);
}

#endif
