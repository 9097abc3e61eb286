/* warm-spares.c - spares: copies that are forked ahead of clients, ordered, and taken in when they report.
 *
 * A spare reports itself, so that the kernel says who it is; nothing that the report claims is believed but which
 * order it answers. It waits on a channel that only it reads from now on. The channel is used again when the job has
 * been taken from it (SIOCOUTQ): a pair of sockets for each client would cost more than all the rest.
 *
 * They are for the client that comes alone. While many come a spare for each would only be one more process to wake, so
 * those that are missing are ordered when it has become quieter. */
#include "warm-internal.h"

#include "base.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define AGAIN_NS  (100 * NS_PER_MS)
#define REFILL_NS (2 * NS_PER_MS)
#define MANY      8 /* clients in REFILL_NS */

#define DESCRIPTORS_LEFT 48 /* of the program */

/* ---- sending away ---- */

void warm_spare_forget(struct warm *warm, struct warm_channel *channel)
{
	warm_process_remove(warm->table, &channel->copy);
	cleanup_fd(&channel->pidfd);
	channel->pidfd = -1;
	channel->state = WARM_CHANNEL_IDLE;
}

void warm_spare_dismiss(struct warm *warm, struct warm_channel *channel)
{
	struct warm_job job = {
		.message = WARM_MESSAGE_JOB,
		.ticket = channel->ticket,
		.flags = WARM_JOB_LEAVE,
	};
	const struct iovec parts[2] = { { &job, sizeof(job) }, { NULL, 0 } };

	(void)warm_deliver(channel->fd, parts, NULL, 0);
	warm_spare_forget(warm, channel);
}

void warm_spares_drop(struct warm *warm, bool all)
{
	loop_disarm(warm->table->means.loop, &warm->refill);
	for (size_t i = 0; i < WARM_CHANNELS; i++) {
		struct warm_channel *channel = &warm->channels[i];

		cleanup_fd(&channel->fd); /* which ends who comes there later */
		channel->fd = -1;
		if (channel->state == WARM_CHANNEL_GIVEN && !all)
			continue;
		/* At once, since it might be stopped by a signal, and have a client's socket on its way. */
		if (channel->pidfd >= 0)
			syscall(SYS_pidfd_send_signal, channel->pidfd, SIGKILL, NULL, 0);
		warm_spare_forget(warm, channel);
	}
	warm->waiting = warm->ordered = 0;
}

/* ---- ordering ---- */

/* Whether something lies in the channel that its spare has not taken. */
static bool is_empty(const struct warm_channel *channel)
{
	int left = 0;

	return ioctl(channel->fd, SIOCOUTQ, &left) == 0 && left == 0;
}

/* The program must have descriptors left for a job, beside the channels and what it has open itself. */
static unsigned channels_most(const struct warm *warm)
{
	const struct conf_rlimit *limit = &warm->settings->rlimit[CONF_RLIMIT_NOFILE];

	if (!limit->set || limit->soft > DESCRIPTORS_LEFT + WARM_CHANNELS)
		return WARM_CHANNELS;
	return limit->soft > DESCRIPTORS_LEFT ? (unsigned)(limit->soft - DESCRIPTORS_LEFT) : 0;
}

/* A channel for one more spare: one that is there, or a new one, whose far end is returned, too. Returns its number, or
 * -1: there is none, or no descriptor for one. */
static int find_channel(struct warm *warm, int *ret_far)
{
	int ends[2], fresh = -1, most = (int)channels_most(warm);

	*ret_far = -1;
	for (int i = 0; i < most; i++) {
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

static int send_batch(struct warm *warm, struct batch *batch)
{
	const struct iovec parts[2] = {
		{ &batch->orders, offsetof(struct warm_orders, items) },
		{ batch->orders.items, batch->orders.count * sizeof(struct warm_order) },
	};
	int r = warm_deliver(warm->socket.fd, parts, batch->fars, batch->far_count);

	for (unsigned i = 0; i < batch->far_count; i++)
		close(batch->fars[i]);
	return r;
}

static void refill_at(struct warm *warm, uint64_t pause_ns)
{
	struct loop *loop = warm->table->means.loop;

	(void)loop_arm(loop, &warm->refill, loop_now_ns(loop) + pause_ns);
}

void warm_spares_order(struct warm *warm)
{
	struct batch batch = { .orders = { .message = WARM_MESSAGE_ORDERS } };

	if (warm->state != WARM_READY || warm->refill.place != 0)
		return;
	while (warm->waiting + warm->ordered + batch.orders.count < warm->settings->warm_spares &&
	       batch.orders.count < WARM_BATCH && add_order(warm, &batch))
		continue;
	if (batch.orders.count == 0)
		return;
	if (send_batch(warm, &batch) < 0) {
		take_back(warm, &batch);
		refill_at(warm, AGAIN_NS);
		return;
	}
	warm->ordered += batch.orders.count;
	warm_asked(warm);
}

static void refill_due(struct loop_timer *timer)
{
	struct warm *warm = container_of(timer, struct warm, refill);
	uint64_t served = warm->served - warm->served_before;

	warm->served_before = warm->served;
	if (served > MANY)
		refill_at(warm, REFILL_NS);
	else
		warm_spares_order(warm);
}

void warm_spares_refill(struct warm *warm)
{
	if (warm->state != WARM_READY || warm->refill.place != 0 ||
	    warm->waiting + warm->ordered >= warm->settings->warm_spares)
		return;
	warm->served_before = warm->served;
	refill_at(warm, REFILL_NS);
}

void warm_spares_init(struct warm *warm)
{
	for (size_t i = 0; i < WARM_CHANNELS; i++)
		warm->channels[i].fd = warm->channels[i].pidfd = -1;
	warm->refill.expired = refill_due;
}

/* ---- reports ---- */

/* The channel whose order this answers, which is no longer on its way; or NULL. */
static struct warm_channel *answered(struct warm *warm, const struct warm_report *report)
{
	struct warm_channel *channel;

	if (report->channel >= WARM_CHANNELS)
		return NULL;
	channel = &warm->channels[report->channel];
	if (channel->state != WARM_CHANNEL_ORDERED || channel->ticket != report->ticket)
		return NULL;
	channel->state = WARM_CHANNEL_IDLE;
	warm->ordered--;
	return channel;
}

int warm_spare_came(struct warm *warm, const struct warm_report *report, pid_t pid)
{
	struct warm_channel *channel = answered(warm, report);
	int r;

	if (channel == NULL)
		return -EPROTO;
	r = warm_child_open(warm->table, pid, &channel->pidfd);
	if (r == -EPROTO)
		return r;
	if (r < 0) {
		warm_spare_dismiss(warm, channel); /* no descriptor to watch it by */
		return 0;
	}
	warm_process_add(warm->table, &channel->copy, pid);
	channel->state = WARM_CHANNEL_WAITING;
	warm->ready[warm->waiting++] = report->channel;
	return 0;
}

int warm_spare_failed(struct warm *warm, const struct warm_report *report)
{
	if (answered(warm, report) == NULL)
		return -EPROTO;
	refill_at(warm, AGAIN_NS); /* there is no room for processes now */
	return 0;
}

/* ---- clients ---- */

static bool has_exited(const struct warm_channel *channel)
{
	struct pollfd process = { .fd = channel->pidfd, .events = POLLIN };

	return poll(&process, 1, 0) == 1;
}

struct warm_channel *warm_spare_take(struct warm *warm)
{
	while (warm->waiting > 0) {
		struct warm_channel *channel = &warm->channels[warm->ready[--warm->waiting]];

		if (!has_exited(channel))
			return channel;
		warm_spare_forget(warm, channel);
	}
	return NULL;
}

struct warm_channel *warm_spare_given(struct warm *warm, uint32_t ticket)
{
	for (size_t i = 0; i < WARM_CHANNELS; i++)
		if (warm->channels[i].state == WARM_CHANNEL_GIVEN && warm->channels[i].ticket == ticket)
			return &warm->channels[i];
	return NULL;
}

bool warm_spares_look(struct warm *warm)
{
	unsigned left = 0;

	for (size_t i = 0; i < WARM_CHANNELS; i++)
		if (warm->channels[i].state == WARM_CHANNEL_GIVEN && has_exited(&warm->channels[i]))
			return false;
	for (unsigned i = 0; i < warm->waiting; i++) {
		struct warm_channel *channel = &warm->channels[warm->ready[i]];

		if (has_exited(channel))
			warm_spare_forget(warm, channel);
		else
			warm->ready[left++] = warm->ready[i];
	}
	warm->waiting = left;
	warm_spares_refill(warm);
	return true;
}
