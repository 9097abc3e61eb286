/* service-wait.c - wait = yes: a program gets the listening socket itself, and
 * it is not polled until that program ends.
 *
 * A program that ends without having taken what it was started for would be
 * started again at once, for ever. So the queue is compared with what it was at
 * the hand-over: for datagrams the sender and size of the first one, for TCP the
 * number of connections that wait (TCP_INFO of a listening socket), for others
 * whether anything waits. An unchanged queue after a short life pauses
 * the listener, longer each time. A datagram that outlived several programs is
 * thrown away, because those behind it could never be reached. */
#include "service.h"

#include "base.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define LONG_LIFE_NS NS_PER_S
#define UNTOUCHED_MOST 4

/* Connections in the accept queue, 0 where the kernel does not tell. */
static unsigned waiting_connections(const struct listener *listener)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	if (listener->endpoint->kind != ENDPOINT_TCP ||
	    getsockopt(listener->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
		return 0;
	return info.tcpi_unacked;
}

static bool something_waits(const struct listener *listener)
{
	struct pollfd look = { .fd = listener->socket.fd, .events = POLLIN };

	return poll(&look, 1, 0) == 1;
}

static bool same_peer(const struct peer *a, const struct peer *b)
{
	struct peer_key x, y;

	peer_key(a, 32, 128, &x);
	peer_key(b, 32, 128, &y);
	if (x.family != y.family || a->port != b->port)
		return false;
	for (size_t i = 0; i < sizeof(x.bytes); i++)
		if (x.bytes[i] != y.bytes[i])
			return false;
	return true;
}

/* The program before may have left it otherwise; the next one expects it so. */
static void make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) != 0)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

void listener_hand_over(struct listener *listener)
{
	struct datagram_route route;
	struct peer nobody = { .family = PEER_NONE };
	struct spawn_failure failure;
	struct session *session;

	listener->head = (struct datagram_head){ .size = 0 };
	if (endpoint_is_stream(listener->endpoint))
		listener->backlog = waiting_connections(listener);
	else if (datagram_peek(listener->socket.fd, &listener->head, &route) < 0)
		return; /* an error of the past, cleared by looking at it */

	make_blocking(listener->socket.fd);

	struct admission admission = { SPAWN_WAIT, listener->socket.fd, &listener->head.peer, &listener->local, NULL };

	if (listener->local.family == PEER_NONE)
		admission.local = &nobody;
	if (service_begin(listener, &admission, &session, &failure) == 0) {
		listener->holder = session;
		listener_settle(listener);
	}
}

/* Whether the program left the queue as it found it. */
static bool took_nothing(struct listener *listener, const struct session_outcome *outcome)
{
	struct datagram_head head;
	struct datagram_route route;

	if (outcome->lasted_ns >= LONG_LIFE_NS || !something_waits(listener))
		return false;
	if (listener->endpoint->kind == ENDPOINT_TCP)
		return waiting_connections(listener) >= listener->backlog;
	if (endpoint_is_stream(listener->endpoint))
		return true;
	return datagram_peek(listener->socket.fd, &head, &route) == 0 && head.size == listener->head.size &&
	       same_peer(&head.peer, &listener->head.peer);
}

static void log_took_nothing(const struct listener *listener, uint64_t pause_ns)
{
	char address[ENDPOINT_TEXT_MAX];
	struct log_event *event = log_begin(listener->service->set->log, LOG_LEVEL_WARNING, "pause");

	log_text(event, "service", listener->service->settings->name);
	log_text(event, "address", endpoint_print(listener->endpoint, address));
	log_text(event, "reason", "took_nothing");
	log_seconds(event, "seconds", pause_ns);
	log_text(event, "message", "the program ended without taking what waits; wait = yes is for programs that "
				   "accept or receive themselves");
	log_end(event);
}

void listener_take_back(struct listener *listener, const struct session_outcome *outcome)
{
	const struct conf_service *settings = listener->service->settings;
	char reason[LISTEN_REASON_MAX];

	listener->holder = NULL;
	/* A reload may have put other rules in force while it was away. */
	if (!settings->wait)
		(void)listen_adjust(&listener->socket, listener->endpoint, &settings->socket, false, reason);
	if (!took_nothing(listener, outcome)) {
		throttle_succeed(&listener->throttle);
		listener->untouched = 0;
		listener_settle(listener);
		return;
	}

	uint64_t pause_ns = throttle_fail(&listener->throttle, &throttle_wait);

	if (!endpoint_is_stream(listener->endpoint) && ++listener->untouched >= UNTOUCHED_MOST) {
		datagram_discard(listener->socket.fd);
		listener->untouched = 0;
	}
	log_took_nothing(listener, pause_ns);
	listener_pause(listener, pause_ns);
}
