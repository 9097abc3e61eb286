/* server.c - see server.h. What can be done once is done before the first order: each copy begins with it.
 *
 * Its own descriptors stand together above those of the program, as low as can be: a fork copies the table up to the
 * highest. All of them close at exec; a copy closes them with one call. */
#include "server.h"

#include "atfork.h"
#include "copy.h"
#include "epoll.h"
#include "files.h"
#include "kernel.h"
#include "python.h"
#include "start.h"
#include "thread.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>

#define EXIT_PROTOCOL   76   /* EX_PROTOCOL of sysexits */
#define DESCRIPTORS_MOST 65536 /* to be looked at, where there is no /proc */

static struct copy_means means;
static int channels[WARM_CHANNELS]; /* descriptors; 0: none */

/* It ends without a sound: the daemon says what there is to say. */
_Noreturn static void refuse(enum warm_unsuitable reason)
{
	(void)start_report(WARM_REPORT_UNSUITABLE, reason);
	kernel_exit(0);
}

int server_refuse_thread(void)
{
	if (start_is_meant())
		refuse(WARM_UNSUITABLE_THREADS);
	return 0;
}

/* ---- descriptors ---- */

/* How large the table of descriptors is: what is open is below. */
static int table_size(void)
{
	char text[4096];
	const char *at;
	struct rlimit limit;
	int fd = (int)syscall(SYS_openat, (long)AT_FDCWD, "/proc/self/status", (long)(O_RDONLY | O_CLOEXEC));
	long length = fd < 0 ? -1 : syscall(SYS_read, (long)fd, text, sizeof(text) - 1);

	if (fd >= 0)
		kernel_close(fd);
	text[length > 0 ? length : 0] = '\0';
	at = strstr(text, "\nFDSize:");
	if (at != NULL)
		return atoi(at + strlen("\nFDSize:"));
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > DESCRIPTORS_MOST)
		return DESCRIPTORS_MOST;
	return (int)limit.rlim_cur;
}

/* The first number above all that the program has open. */
static int find_base(void)
{
	int highest = table_size() - 1;

	while (highest > 2 && (highest == start.socket || !kernel_is_open(highest)))
		highest--;
	return highest < 2 ? 3 : highest + 1;
}

static void place_socket(void)
{
	int moved;

	means.base = find_base();
	moved = (int)kernel_control(start.socket, F_DUPFD_CLOEXEC, means.base);
	if (moved < 0)
		refuse(WARM_UNSUITABLE_MEMORY);
	kernel_close(start.socket);
	means.socket = start.socket = moved;
}

/* ---- messages ---- */

struct message {
	long length;
	unsigned fd_count;
	int fds[WARM_BATCH];
};

/* The next one; its bytes are in means.received. */
static void receive(struct message *message)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(WARM_BATCH * sizeof(int))];
	struct iovec part = { means.received, sizeof(*means.received) };
	struct msghdr header;
	const struct cmsghdr *rights;

	do {
		header = (struct msghdr){
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		message->length = kernel_receive(means.socket, &header);
	} while (message->length < 0 && errno == EINTR);
	if (message->length <= 0)
		kernel_exit(0); /* the daemon is gone, or wants no more of it */
	message->fd_count = 0;
	rights = CMSG_FIRSTHDR(&header);
	if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
		message->fd_count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(message->fds, CMSG_DATA(rights), message->fd_count * sizeof(int));
	}
}

static void report_failure(uint32_t channel, uint32_t ticket, int error)
{
	copy_report(&means, &(struct warm_report){
		.kind = WARM_REPORT_FAILED, .channel = channel, .ticket = ticket, .detail = error });
}

/* As fork(2) for the program: its handlers run. Returns as thread_clone(). */
static int fork_copy(void)
{
	int pid, error;

	atfork_before();
	pid = thread_clone();
	if (pid == 0)
		return 0;
	error = pid < 0 ? errno : 0;
	atfork_in_parent();
	if (pid < 0)
		errno = error; /* else it is not touched: that would be one more page to copy */
	return pid;
}

/* In a copy, what fork(2) would do for the program, and what it may not share. */
static void become_program(void)
{
	atfork_in_child();
	python_in_child();
	epoll_renew();
	if (files_renew() < 0)
		kernel_exit(EXIT_PROTOCOL);
}

/* ---- spares ---- */

/* New channels, put where private descriptors stand. */
static void take_channels(const struct warm_orders *orders, const struct message *message)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < orders->count; i++) {
		int *channel = &channels[orders->items[i].channel];

		if (!orders->items[i].opened)
			continue;
		if (*channel > 0)
			kernel_close(*channel);
		*channel = 0;
		if (taken < message->fd_count) {
			int fd = copy_raise(message->fds[taken++], means.base);

			*channel = fd > 0 ? fd : 0;
		}
	}
}

/* Whether the message is orders, and they make sense. */
static int read_orders(const struct message *message, struct warm_orders *ret_orders)
{
	size_t head = offsetof(struct warm_orders, items), length = (size_t)message->length;
	unsigned opened = 0;

	if (length < head || length > sizeof(*ret_orders))
		return 0;
	memcpy(ret_orders, means.received, length);
	if (ret_orders->message != WARM_MESSAGE_ORDERS || ret_orders->count < 1 || ret_orders->count > WARM_BATCH ||
	    length != head + ret_orders->count * sizeof(struct warm_order))
		return 0;
	for (unsigned i = 0; i < ret_orders->count; i++) {
		if (ret_orders->items[i].channel >= WARM_CHANNELS || ret_orders->items[i].opened > 1)
			return 0;
		opened += ret_orders->items[i].opened;
	}
	/* Fewer came when there were no descriptors left: that is told order by order. */
	return message->fd_count <= opened;
}

/* Returns in a spare that has its job. */
static int take_orders(const struct message *message)
{
	struct warm_orders orders;

	if (!read_orders(message, &orders))
		kernel_exit(EXIT_PROTOCOL);
	take_channels(&orders, message);
	for (unsigned i = 0; i < orders.count; i++) {
		const struct warm_order *order = &orders.items[i];
		int pid = -1, error = EMFILE;

		if (channels[order->channel] > 0) {
			pid = fork_copy();
			error = errno;
		}
		if (pid == 0) {
			copy_begin(&means, &(struct warm_report){ .kind = WARM_REPORT_COPY,
								  .channel = order->channel,
								  .ticket = order->ticket });
			become_program();
			copy_wait(&means, channels[order->channel], order->ticket);
			return 1;
		}
		if (pid < 0)
			report_failure(order->channel, order->ticket, error);
	}
	return 0;
}

/* ---- a client that no spare waits for ---- */

/* Returns whether this is its copy. The environment is made here: the page that changes is copied once, not twice. */
static int take_job(const struct message *message)
{
	const struct warm_job *job = &means.received->job;
	int pid;

	if (!copy_is_sound(means.received, message->length, message->fd_count) ||
	    environment_complete(means.received) < 0)
		kernel_exit(EXIT_PROTOCOL);
	pid = fork_copy();
	if (pid == 0) {
		copy_begin(&means, &(struct warm_report){ .kind = WARM_REPORT_STARTED, .ticket = job->ticket });
		become_program();
		copy_take(&means, message->fds);
		return 1;
	}
	if (pid < 0)
		report_failure(0, job->ticket, errno);
	for (unsigned i = 0; i < message->fd_count; i++)
		kernel_close(message->fds[i]);
	return 0;
}

/* Returns in copies. */
static void serve(void)
{
	struct message message;
	int is_copy = 0;

	while (!is_copy) {
		receive(&message);
		if (means.received->job.message == WARM_MESSAGE_JOB && (size_t)message.length >= sizeof(struct warm_job))
			is_copy = take_job(&message);
		else
			is_copy = take_orders(&message);
	}
}

void server_enter(void)
{
	int saved = errno;

	start.armed = 0;
	if (!thread_is_alone())
		refuse(WARM_UNSUITABLE_THREADS);
	if (!thread_can_clone())
		refuse(WARM_UNSUITABLE_KERNEL);
	if (thread_prepare() < 0)
		refuse(WARM_UNSUITABLE_LIBRARY);
	means.received = environment_prepare(start.session);
	if (means.received == NULL || atfork_settle() < 0)
		refuse(WARM_UNSUITABLE_MEMORY);
	place_socket();
	if (files_prepare(means.base) < 0)
		refuse(WARM_UNSUITABLE_FILES);
	(void)epoll_is_there();
	python_before();
	if (start_report(WARM_REPORT_READY, 0) < 0)
		kernel_exit(0);
	serve();
	errno = saved;
}
