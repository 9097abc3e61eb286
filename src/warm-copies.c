/* warm-copies.c - copies of a warm program: ordered ahead of clients, taken in when they report, and handed one
 * connection each.
 *
 * A copy reports itself, so that the kernel says who it is; nothing that the report claims is believed but which
 * order it answers. It waits on a channel that only it reads from now on. The channel is used again when the job has
 * been taken from it (SIOCOUTQ): a pair of sockets for each client would cost more than all the rest here.
 *
 * How many wait: warm_spares at the least. When a client finds none, twice as many from then on; every two seconds
 * those that nobody needed in that time are sent away. */
#include "warm-internal.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TRIM_NS   (2 * NS_PER_S)
#define ANSWER_NS (2 * NS_PER_S)
#define AGAIN_NS  (100 * NS_PER_MS)

/* Room for so many descriptors in one message. */
#define DESCRIPTORS_MOST WARM_BATCH

/* ---- messages ---- */

struct message {
	struct msghdr header;
	struct iovec parts[2];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(DESCRIPTORS_MOST * sizeof(int))];
};

static void attach(struct message *message, const int *fds, size_t count)
{
	struct cmsghdr *rights = (struct cmsghdr *)(void *)message->control;

	message->header.msg_control = message->control;
	message->header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	memset(message->control, 0, message->header.msg_controllen);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
}

/* Sends two parts as one message, without waiting. Returns 0 or -errno. */
static int deliver(int socket, const struct iovec parts[static 2], const int *fds, size_t count)
{
	struct message message;

	message.header = (struct msghdr){ .msg_iov = message.parts, .msg_iovlen = 2 };
	memcpy(message.parts, parts, sizeof(message.parts));
	if (count > 0)
		attach(&message, fds, count);
	return sendmsg(socket, &message.header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ---- sending away ---- */

static void forget_copy(struct warm *warm, struct warm_channel *channel)
{
	warm_process_remove(warm->table, &channel->copy);
	cleanup_fd(&channel->pidfd);
	channel->pidfd = -1;
	channel->state = WARM_CHANNEL_IDLE;
}

/* It ends by itself; it is collected as an orphan. */
static void dismiss(struct warm *warm, struct warm_channel *channel)
{
	struct warm_job job = { .ticket = channel->ticket, .flags = WARM_JOB_LEAVE };
	const struct iovec parts[2] = { { &job, sizeof(job) }, { NULL, 0 } };

	(void)deliver(channel->fd, parts, NULL, 0);
	forget_copy(warm, channel);
}

static void trim_due(struct loop_timer *timer)
{
	struct warm *warm = container_of(timer, struct warm, trim);
	unsigned spares = warm->settings->warm_spares, idle = warm->least;

	if (idle > warm->wanted - spares)
		idle = warm->wanted - spares;
	warm->wanted -= idle;
	for (; idle > 0 && warm->waiting > 0; idle--)
		dismiss(warm, &warm->channels[warm->ready[--warm->waiting]]);
	warm->least = warm->waiting;
	if (warm->wanted > spares)
		(void)loop_arm(warm->table->means.loop, timer, loop_now_ns(warm->table->means.loop) + TRIM_NS);
}

void warm_copies_drop(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	loop_disarm(loop, &warm->trim);
	loop_disarm(loop, &warm->again);
	for (size_t i = 0; i < WARM_CHANNELS; i++) {
		struct warm_channel *channel = &warm->channels[i];

		forget_copy(warm, channel);
		cleanup_fd(&channel->fd); /* which ends who waits there */
		channel->fd = -1;
	}
	warm->waiting = warm->ordered = 0;
}

/* ---- ordering ---- */

static void order_again(struct loop_timer *timer)
{
	struct warm *warm = container_of(timer, struct warm, again);

	warm_copies_order(warm);
}

void warm_copies_init(struct warm *warm)
{
	for (size_t i = 0; i < WARM_CHANNELS; i++)
		warm->channels[i].fd = warm->channels[i].pidfd = -1;
	warm->trim.expired = trim_due;
	warm->again.expired = order_again;
}

/* Whether the job of the copy before has been taken out of the channel. */
static bool is_empty(const struct warm_channel *channel)
{
	int left = 0;

	return ioctl(channel->fd, SIOCOUTQ, &left) == 0 && left == 0;
}

/* A channel for one more copy: one that is there, or a new one, whose far end is returned, too. Returns its number, or
 * -1: there is none, or no descriptor for one. */
static int find_channel(struct warm *warm, int *ret_far)
{
	int ends[2], fresh = -1;

	*ret_far = -1;
	for (int i = 0; i < WARM_CHANNELS; i++) {
		struct warm_channel *channel = &warm->channels[i];

		if (channel->fd < 0 && fresh < 0)
			fresh = i;
		if (channel->fd >= 0 && channel->state == WARM_CHANNEL_IDLE && is_empty(channel))
			return i;
	}
	if (fresh < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	warm->channels[fresh].fd = ends[0];
	*ret_far = ends[1];
	return fresh;
}

/* The orders of one message, and what goes with them. */
struct batch {
	struct warm_orders orders;
	int fars[WARM_BATCH];
	unsigned far_count;
};

static bool add_order(struct warm *warm, struct batch *batch)
{
	int far, number = find_channel(warm, &far);
	struct warm_channel *channel;

	if (number < 0)
		return false;
	channel = &warm->channels[number];
	channel->ticket = ++warm->last_ticket;
	channel->state = WARM_CHANNEL_ORDERED;
	batch->orders.items[batch->orders.count++] = (struct warm_order){
		.channel = (uint32_t)number,
		.ticket = channel->ticket,
		.opened = far >= 0,
	};
	if (far >= 0)
		batch->fars[batch->far_count++] = far;
	return true;
}

/* What could not be sent was never ordered; a new channel whose far end got lost is none. */
static void take_back(struct warm *warm, const struct batch *batch)
{
	for (unsigned i = 0; i < batch->orders.count; i++) {
		struct warm_channel *channel = &warm->channels[batch->orders.items[i].channel];

		channel->state = WARM_CHANNEL_IDLE;
		if (batch->orders.items[i].opened)
			close(fd_take(&channel->fd));
	}
}

static int send_batch(struct warm *warm, const struct batch *batch)
{
	const struct iovec parts[2] = {
		{ (void *)(uintptr_t)&batch->orders, offsetof(struct warm_orders, items) },
		{ (void *)(uintptr_t)batch->orders.items, batch->orders.count * sizeof(struct warm_order) },
	};
	int r = deliver(warm->socket.fd, parts, batch->fars, batch->far_count);

	for (unsigned i = 0; i < batch->far_count; i++)
		close(batch->fars[i]);
	return r;
}

void warm_copies_order(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;
	struct batch batch = { .far_count = 0 };

	if (warm->state != WARM_READY || warm->again.place != 0)
		return;
	while (warm->waiting + warm->ordered + batch.orders.count < warm->wanted &&
	       batch.orders.count < WARM_BATCH && add_order(warm, &batch))
		continue;
	if (batch.orders.count == 0)
		return;
	if (send_batch(warm, &batch) < 0) {
		take_back(warm, &batch);
		(void)loop_arm(loop, &warm->again, loop_now_ns(loop) + AGAIN_NS);
		return;
	}
	if (warm->ordered == 0)
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + ANSWER_NS);
	warm->ordered += batch.orders.count;
}

/* ---- reports ---- */

/* The channel whose order this answers, which is no longer on its way; or NULL. */
static struct warm_channel *answered(struct warm *warm, const struct warm_report *report)
{
	struct loop *loop = warm->table->means.loop;
	struct warm_channel *channel;

	if (report->channel >= WARM_CHANNELS)
		return NULL;
	channel = &warm->channels[report->channel];
	if (channel->state != WARM_CHANNEL_ORDERED || channel->ticket != report->ticket)
		return NULL;
	channel->state = WARM_CHANNEL_IDLE;
	if (--warm->ordered > 0)
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + ANSWER_NS);
	else
		loop_disarm(loop, &warm->deadline);
	return channel;
}

/* Whether it is a child of ours that has not been collected: then its number is still its own. */
static bool is_child(int pidfd)
{
	siginfo_t info;

	return waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int warm_copy_came(struct warm *warm, const struct warm_report *report, pid_t pid)
{
	struct warm_table *table = warm->table;
	struct warm_channel *channel = answered(warm, report);

	if (channel == NULL || pid <= 1 || warm_table_knows(table, pid) ||
	    table->means.is_taken(table->means.is_taken_context, pid))
		return -EPROTO;
	channel->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (channel->pidfd < 0) {
		/* It has ended since; or we have no descriptor for it, and it has to. */
		channel->pidfd = -1;
		dismiss(warm, channel);
		return 0;
	}
	if (!is_child(channel->pidfd)) {
		forget_copy(warm, channel);
		return -EPROTO;
	}
	warm_process_add(table, &channel->copy, pid);
	channel->state = WARM_CHANNEL_WAITING;
	warm->ready[warm->waiting++] = report->channel;
	warm->late = false;
	if (warm->waiting == 1)
		table->means.happened(warm->context, warm, WARM_COPY_CAME, NULL);
	return 0;
}

int warm_copy_failed(struct warm *warm, const struct warm_report *report)
{
	struct loop *loop = warm->table->means.loop;

	if (answered(warm, report) == NULL)
		return -EPROTO;
	/* There is no room for processes: nobody is to wait for one, and it is tried again. */
	warm->late = true;
	(void)loop_arm(loop, &warm->again, loop_now_ns(loop) + AGAIN_NS);
	return 0;
}

/* ---- clients ---- */

bool warm_expect(struct warm *warm, unsigned most)
{
	struct loop *loop = warm->table->means.loop;
	unsigned wanted = warm->wanted == 0 ? 1 : 2 * warm->wanted;

	if (warm->state != WARM_READY || warm->late)
		return false;
	if (wanted > most)
		wanted = most;
	if (wanted > warm->wanted) {
		warm->wanted = wanted;
		warm->least = 0;
		if (warm->trim.place == 0)
			(void)loop_arm(loop, &warm->trim, loop_now_ns(loop) + TRIM_NS);
	}
	warm_copies_order(warm);
	return warm->ordered > 0;
}

void warm_late(struct warm *warm)
{
	warm->late = true;
}

static bool has_exited(const struct warm_channel *channel)
{
	struct pollfd process = { .fd = channel->pidfd, .events = POLLIN };

	return poll(&process, 1, 0) == 1;
}

/* The next one that lives, or NULL. */
static struct warm_channel *next_copy(struct warm *warm)
{
	while (warm->waiting > 0) {
		struct warm_channel *channel = &warm->channels[warm->ready[--warm->waiting]];

		if (!has_exited(channel))
			return channel;
		forget_copy(warm, channel);
	}
	return NULL;
}

/* A session in a cgroup of its own begins there when it is spawned; a copy was born elsewhere. */
static int move_to_cgroup(int cgroup, pid_t pid)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", pid);

	if (cgroup < 0)
		return 0;

	_cleanup_fd_ int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, (size_t)length) == length ? 0 : -errno;
}

static int send_job(struct warm *warm, const struct warm_channel *channel, const struct spawn_request *request,
		    int stderr_fd)
{
	struct spawn_variables variables = spawn_describe(warm->table->means.spawn, request);
	bool is_socket = request->service->stderr_target.kind == CONF_STDERR_SOCKET;
	struct warm_job job = {
		.ticket = channel->ticket,
		.flags = stderr_fd >= 0 ? WARM_JOB_STDERR : is_socket ? WARM_JOB_STDERR_SOCKET : 0,
		.length = (uint32_t)variables.length,
		.variables = variables.count,
	};
	const struct iovec parts[2] = {
		{ &job, sizeof(job) },
		{ (void *)(uintptr_t)variables.text, variables.length },
	};
	const int fds[2] = { request->socket, stderr_fd };

	return deliver(channel->fd, parts, fds, stderr_fd >= 0 ? 2 : 1);
}

/* Off the way of this client, and together for some: orders cost a wake-up of the fork server. */
static void refill(struct warm *warm)
{
	unsigned there = warm->waiting + warm->ordered;

	if (warm->waiting < warm->least)
		warm->least = warm->waiting;
	if (there <= warm->wanted - warm->wanted / 4)
		warm_copies_order(warm);
}

int warm_hand_over(struct warm *warm, const struct spawn_request *request, struct spawn_child *ret_child)
{
	struct spawn_pipe pipe;
	struct warm_channel *channel;
	int r;

	if (warm->waiting == 0 || spawn_open_stderr(request->service, &pipe) < 0)
		return -EAGAIN;
	channel = next_copy(warm);
	r = channel == NULL ? -EAGAIN : move_to_cgroup(request->cgroup, channel->copy.pid);
	if (r == 0)
		r = send_job(warm, channel, request, pipe.write_end);
	cleanup_fd(&pipe.write_end);
	if (r < 0) {
		cleanup_fd(&pipe.read_end);
		if (channel != NULL)
			dismiss(warm, channel);
	} else {
		*ret_child = (struct spawn_child){
			.pid = channel->copy.pid,
			.pidfd = fd_take(&channel->pidfd),
			.stderr_pipe = pipe.read_end,
			.replies = -1,
		};
		forget_copy(warm, channel);
		warm->served++;
	}
	refill(warm);
	return r < 0 ? -EAGAIN : 0;
}
