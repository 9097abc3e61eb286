/* warm-reports.c - what fork servers and copies say: each message is of one size, its sender is named by the kernel, and
 * what makes no sense where it comes ends the fork server. */
#include "warm-internal.h"

#include "base.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define STOPPED_NS   (60 * NS_PER_S) /* from the library's first word to where the program stops: modules may be many */
#define REPORTS_MOST 64              /* a round */

/* ---- what it says ---- */

static void loaded(struct warm *warm, int32_t protocol)
{
	struct loop *loop = warm->table->means.loop;

	if (protocol != WARM_PROTOCOL) {
		warm_give_up(warm, WARM_END_VERSION);
		return;
	}
	/* Once more after an exec of its own: the time goes on. */
	if (!warm->loaded)
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + STOPPED_NS);
	warm->loaded = true;
}

static void became_ready(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	warm->state = WARM_READY;
	warm->ready_ns = loop_now_ns(loop);
	loop_disarm(loop, &warm->deadline);
	warm_let_go(loop, &warm->standard);
	warm_spares_order(warm);
	if (warm->context != NULL)
		warm->table->means.happened(warm->context, warm, WARM_BECAME_READY, NULL);
}

static void cannot_copy(struct warm *warm, int32_t error)
{
	warm->copy_error = error > 0 ? error : EAGAIN;
	if (warm->cannot_told || warm->context == NULL)
		return;
	warm->cannot_told = true;
	warm->table->means.happened(warm->context, warm, WARM_CANNOT_COPY, NULL);
}

/* Returns false when it makes no sense. */
static bool take_report(struct warm *warm, const struct warm_report *report, pid_t sender)
{
	bool is_server = sender == warm->process.pid;

	switch (report->kind) {
	case WARM_REPORT_LOADED:
		if (warm->state == WARM_STARTING && is_server)
			loaded(warm, report->detail);
		return warm->state == WARM_STARTING && is_server;
	case WARM_REPORT_READY:
		if (warm->state != WARM_STARTING || !warm->loaded || !is_server)
			return false;
		became_ready(warm);
		return true;
	case WARM_REPORT_UNSUITABLE:
		if (!is_server || report->detail < 0 || report->detail >= WARM_UNSUITABLE_REASONS)
			return false;
		warm_finish(warm, (struct warm_outcome){ .end = WARM_END_UNSUITABLE,
						    .unsuitable = (enum warm_unsuitable)report->detail });
		return true;
	case WARM_REPORT_STARTED:
		warm_answered(warm);
		warm->copy_error = 0;
		return warm_client_started(warm, report, sender) == 0;
	case WARM_REPORT_COPY:
		warm_answered(warm);
		warm->copy_error = 0;
		/* Who leaves has dropped its spares: they end by themselves. */
		return warm->state == WARM_LEAVING || warm_spare_came(warm, report, sender) == 0;
	case WARM_REPORT_FAILED:
		if (!is_server)
			return false;
		warm_answered(warm);
		cannot_copy(warm, report->detail);
		return warm_client_failed(warm, report) == 0 || warm->state == WARM_LEAVING ||
		       warm_spare_failed(warm, report) == 0;
	}
	return false;
}

enum received { RECEIVED_NOTHING, RECEIVED_REPORT, RECEIVED_END, RECEIVED_NONSENSE };

/* One report and its sender, as the kernel names it. */
static enum received receive(int socket, struct warm_report *ret_report, pid_t *ret_sender)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec part = { ret_report, sizeof(*ret_report) };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *first;
	struct ucred sender;

	/* The far end was closed with something unread: that is told once, ahead of reports that still lie here. */
	if (length < 0 && errno == ECONNRESET)
		length = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return RECEIVED_NOTHING;
	if (length == 0 || (length < 0 && errno == ECONNRESET))
		return RECEIVED_END;
	first = CMSG_FIRSTHDR(&header);
	/* Descriptors that came with it have no room, and are closed by the kernel. */
	if (length != sizeof(*ret_report) || (header.msg_flags & MSG_TRUNC) != 0 || first == NULL ||
	    first->cmsg_type != SCM_CREDENTIALS)
		return RECEIVED_NONSENSE;
	memcpy(&sender, CMSG_DATA(first), sizeof(sender));
	*ret_sender = sender.pid;
	return RECEIVED_REPORT;
}

/* The far end is closed everywhere: no copy will report any more. */
static void far_end_closed(struct warm *warm)
{
	loop_remove(warm->table->means.loop, &warm->socket);
	warm_clients_refuse(warm);
	if (warm->state == WARM_LEAVING)
		warm_end(warm);
	else if (warm->state == WARM_READY)
		warm_closed(warm);
}

void warm_listen(struct warm *warm)
{
	struct warm_report report;
	pid_t sender = 0;

	for (int i = 0; i < REPORTS_MOST && !warm->over && warm->socket.fd >= 0; i++) {
		switch (receive(warm->socket.fd, &report, &sender)) {
		case RECEIVED_NOTHING:
			return;
		case RECEIVED_END:
			far_end_closed(warm);
			return;
		case RECEIVED_REPORT:
			if (take_report(warm, &report, sender))
				continue;
			break;
		case RECEIVED_NONSENSE:
			break;
		}
		/* Who leaves has nothing to lose: its copies' reports count all the same. */
		if (warm->state == WARM_LEAVING)
			continue;
		warm_give_up(warm, WARM_END_NONSENSE);
		return;
	}
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, socket);

	(void)events;
	warm_listen(warm);
	warm_settle(warm);
}

/* Something is at the far end of 0 and 1: bytes, or nobody any more. */
static void standard_ready(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, standard);
	char byte;

	(void)events;
	/* It may have stopped before what it wrote came here. */
	warm_listen(warm);
	if (warm->state == WARM_STARTING && recv(source->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
		warm_give_up(warm, WARM_END_WROTE);
	else
		loop_remove(warm->table->means.loop, source);
	warm_settle(warm);
}

void warm_reports_init(struct warm *warm)
{
	warm->socket = (struct loop_source){ .fd = -1, .ready = socket_ready, .set = LOOP_WORK };
	warm->standard = (struct loop_source){ .fd = -1, .ready = standard_ready, .set = LOOP_WORK };
}
