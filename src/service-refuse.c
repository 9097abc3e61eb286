/* service-refuse.c - a client that is not served. Each is counted by its reason;
 * one line a second, service and reason tells of them. Those left out are told by
 * the next such line, or, when none comes in ten seconds, by one of their own. */
#include "service.h"

#include "base.h"

#include <sys/socket.h>

#define LOG_EVERY_NS  NS_PER_S
#define TOLD_AFTER_NS (10 * NS_PER_S)

void service_greet(int fd, const struct conf_message *message)
{
	if (message->bytes != NULL)
		(void)send(fd, message->bytes, message->length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void service_tell_left_out(struct loop_timer *timer)
{
	struct service *service = container_of(timer, struct service, refusals_told);

	for (size_t reason = 0; reason < GATE_REASONS; reason++) {
		struct log_limit *limit = &service->refusals[reason];
		struct log_event *event;

		if (limit->left_out == 0)
			continue;
		event = log_begin(service->set->log, LOG_LEVEL_NOTICE, "refuse-left-out");
		log_text(event, "service", service->settings->name);
		log_text(event, "reason", gate_reason_name((enum gate_reason)reason));
		log_number(event, "count", limit->left_out);
		log_end(event);
		limit->left_out = 0;
	}
}

static void tell(struct service *service, const struct peer *peer, enum gate_reason reason)
{
	struct loop *loop = service->set->loop;
	uint64_t left_out, now_ns = loop_now_ns(loop);

	if (!log_limit_pass(&service->refusals[reason], now_ns, LOG_EVERY_NS, &left_out)) {
		if (service->refusals_told.place == 0)
			(void)loop_arm(loop, &service->refusals_told, now_ns + TOLD_AFTER_NS);
		return;
	}

	struct log_event *event = log_begin(service->set->log, LOG_LEVEL_NOTICE, "refuse");

	log_text(event, "service", service->settings->name);
	log_peer(event, "peer", peer);
	log_text(event, "reason", gate_reason_name(reason));
	if (left_out > 0)
		log_number(event, "left_out", left_out);
	log_end(event);
}

static void tell_ban(struct service *service, const struct peer *peer)
{
	struct log_event *event;
	uint64_t left_out;

	if (!log_limit_pass(&service->bans, loop_now_ns(service->set->loop), LOG_EVERY_NS, &left_out))
		return;
	event = log_begin(service->set->log, LOG_LEVEL_NOTICE, "ban");
	log_text(event, "service", service->settings->name);
	log_peer(event, "peer", peer);
	log_seconds(event, "seconds", service->gate.ban_begun_ns);
	if (left_out > 0)
		log_number(event, "left_out", left_out);
	log_end(event);
}

void service_refuse(struct listener *listener, int fd, const struct peer *peer, enum gate_reason reason)
{
	struct service *service = listener->service;
	const struct conf_message *message = &service->settings->banner_refused;

	tell(service, peer, reason);
	if (service->gate.ban_begun_ns != 0)
		tell_ban(service, peer);
	service->gate.ban_begun_ns = 0;
	if (fd < 0)
		return;
	/* Only a message is worth a clean end: a plain close may reset the connection. */
	service_greet(fd, message);
	linger_close(service->set->linger, fd, message->bytes != NULL ? service->settings->linger_ns : 0);
}
