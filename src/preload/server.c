/* server.c - see server.h. What can be done once is done before the first order: each copy begins with it.
 *
 * Its own descriptors stand together above those of the program, as low as can be: a fork copies the table up to the
 * highest. All of them close at exec; a copy closes them with one call. */
#include "server.h"

#include "atfork.h"
#include "copy.h"
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

/* ---- orders ---- */

struct message {
	struct warm_orders orders;
	unsigned fd_count;
	int fds[WARM_BATCH];
};

/* Returns false when it makes no sense. */
static int is_sound(const struct message *message, long length)
{
	const struct warm_orders *orders = &message->orders;
	unsigned opened = 0;

	if ((size_t)length < offsetof(struct warm_orders, items) || orders->count < 1 ||
	    orders->count > WARM_BATCH ||
	    (size_t)length != offsetof(struct warm_orders, items) + orders->count * sizeof(struct warm_order))
		return 0;
	for (unsigned i = 0; i < orders->count; i++) {
		if (orders->items[i].channel >= WARM_CHANNELS || orders->items[i].opened > 1)
			return 0;
		opened += orders->items[i].opened;
	}
	/* With fewer there were no descriptors left: that is told order by order. */
	return message->fd_count <= opened;
}

static void receive(struct message *message)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(WARM_BATCH * sizeof(int))];
	struct iovec part = { &message->orders, sizeof(message->orders) };
	struct msghdr header;
	const struct cmsghdr *rights;
	long length;

	do {
		header = (struct msghdr){
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		length = kernel_receive(means.socket, &header);
	} while (length < 0 && errno == EINTR);
	if (length <= 0)
		kernel_exit(0); /* the daemon is gone, or wants no more of it */
	message->fd_count = 0;
	rights = CMSG_FIRSTHDR(&header);
	if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
		message->fd_count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(message->fds, CMSG_DATA(rights), message->fd_count * sizeof(int));
	}
	if (!is_sound(message, length))
		kernel_exit(EXIT_PROTOCOL);
}

/* New channels, put where private descriptors stand. */
static void take_channels(const struct message *message)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < message->orders.count; i++) {
		const struct warm_order *order = &message->orders.items[i];
		int *channel = &channels[order->channel];

		if (!order->opened)
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

static void report_failure(const struct warm_order *order, int error)
{
	const struct warm_report report = {
		.kind = WARM_REPORT_FAILED,
		.channel = order->channel,
		.ticket = order->ticket,
		.detail = error,
	};

	while (kernel_send(means.socket, &report, sizeof(report)) < 0)
		if (errno != EINTR)
			kernel_exit(0);
}

/* Returns whether this is the copy. */
static int make_copy(const struct warm_order *order)
{
	int pid = -1, error = EMFILE;

	if (channels[order->channel] > 0) {
		atfork_before();
		pid = thread_clone();
		error = errno;
		if (pid == 0)
			return 1;
		atfork_in_parent();
	}
	if (pid < 0)
		report_failure(order, error);
	return 0;
}

/* Returns in a copy, with its order. */
static void take_orders(struct warm_order *ret_order)
{
	struct message message;

	for (;;) {
		receive(&message);
		take_channels(&message);
		for (unsigned i = 0; i < message.orders.count; i++) {
			*ret_order = message.orders.items[i];
			if (make_copy(ret_order))
				return;
		}
	}
}

void server_enter(void)
{
	struct warm_order order;
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
	python_before();
	if (start_report(WARM_REPORT_READY, 0) < 0)
		kernel_exit(0);
	take_orders(&order);
	atfork_in_child();
	python_in_child();
	copy_begin(&means, channels[order.channel], &order);
	errno = saved;
}
