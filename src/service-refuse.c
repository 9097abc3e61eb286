/* service-refuse.c - a client that is not served. Each is counted by its reason;
 * one line a second and service tells of them, with the number of those it leaves out. */
#include "service.h"

#include "base.h"

#include <sys/socket.h>

#define LOG_EVERY_NS NS_PER_S

void service_greet(int fd, const struct conf_message *message)
{
	if (message->bytes != NULL)
		(void)send(fd, message->bytes, message->length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void tell(struct service *service, const struct peer *peer, enum gate_reason reason)
{
	uint64_t left_out;

	if (!log_limit_pass(&service->refusals, loop_now_ns(service->set->loop), LOG_EVERY_NS, &left_out))
		return;

	struct log_event *event = log_begin(service->set->log, LOG_LEVEL_NOTICE, "refuse");

	log_text(event, "service", service->settings->name);
	log_peer(event, "peer", peer);
	log_text(event, "reason", gate_reason_name(reason));
	if (left_out > 0)
		log_number(event, "left_out", left_out);
	log_end(event);
}

void service_refuse(struct listener *listener, int fd, const struct peer *peer, enum gate_reason reason)
{
	struct service *service = listener->service;
	const struct conf_message *message = &service->settings->banner_refused;

	tell(service, peer, reason);
	if (fd < 0)
		return;
	/* Only a message is worth a clean end: a plain close may reset the connection. */
	service_greet(fd, message);
	linger_close(service->set->linger, fd, message->bytes != NULL ? service->settings->linger_ns : 0);
}
