/* service-refuse.c - a client that is not served. Each is counted by its reason;
 * one line a second, service and reason tells of them. Those left out are told by
 * the next such line, or, when none comes in ten seconds, by one of their own. */
#include "service.h"

#include "base.h"

#include <sys/socket.h>

#define LOG_EVERY_NS  NS_PER_S
#define TOLD_AFTER_NS (10 * NS_PER_S)
#define WAITS_EVERY_NS (10 * NS_PER_S)

void service_greet(int fd, const struct conf_message *message)
{
	if (message->bytes != NULL)
		(void)send(fd, message->bytes, message->length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void tell_rest(struct service *service, struct log_limit *limit, const char *what, const char *reason)
{
	struct log_event *event;

	if (limit->left_out == 0)
		return;
	event = log_begin(service->set->log, LOG_LEVEL_NOTICE, what);
	log_text(event, "service", service->settings->name);
	log_text(event, "reason", reason);
	log_number(event, "count", limit->left_out);
	log_end(event);
	limit->left_out = 0;
}

void service_tell_left_out(struct loop_timer *timer)
{
	struct service *service = container_of(timer, struct service, refusals_told);

	if (service->settings == NULL) /* it never served */
		return;
	for (size_t reason = 0; reason < GATE_REASONS; reason++)
		tell_rest(service, &service->refusals[reason], "refuse-left-out",
			  gate_reason_name((enum gate_reason)reason));
	tell_rest(service, &service->bans, "ban-left-out", NULL);
}

/* Once a second; for the others, later. */
static bool may_tell(struct service *service, struct log_limit *limit, uint64_t *ret_left_out)
{
	struct loop *loop = service->set->loop;
	uint64_t now_ns = loop_now_ns(loop);

	if (log_limit_pass(limit, now_ns, LOG_EVERY_NS, ret_left_out))
		return true;
	if (service->refusals_told.place == 0)
		(void)loop_arm(loop, &service->refusals_told, now_ns + TOLD_AFTER_NS);
	return false;
}

void service_tell_waiting(struct service *service, enum gate_reason reason)
{
	struct log_event *event;
	uint64_t left_out;

	if (!log_limit_pass(&service->waits, loop_now_ns(service->set->loop), WAITS_EVERY_NS, &left_out))
		return;
	event = log_begin(service->set->log, LOG_LEVEL_NOTICE, "full");
	log_text(event, "service", service->settings->name);
	log_text(event, "reason", gate_reason_name(reason));
	log_number(event, "active", service->gate.active);
	log_text(event, "message", "clients wait until there is room");
	log_end(event);
}

static void tell(struct service *service, const struct peer *peer, enum gate_reason reason)
{
	uint64_t left_out;

	if (!may_tell(service, &service->refusals[reason], &left_out))
		return;

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

	if (!may_tell(service, &service->bans, &left_out))
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
	linger_close(service->set->farewells, fd, message->bytes != NULL ? service->settings->linger_ns : 0);
}
