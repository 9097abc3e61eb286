/* service-wait.c - wait = yes: a program gets the listening socket itself, and
 * no client is served by us until that program ends.
 *
 * A program that ends without having taken what it was started for would be
 * started again at once, for ever. So the queue is compared with what it was at
 * the hand-over. For TCP: connections that waited (TCP_INFO of a listening socket)
 * and that came since (edges in epoll) against those that wait now. For
 * datagrams: sender and size of the first one, and when that is not enough, its
 * time of arrival. A queue from which nothing was taken in a short life pauses
 * the listener, longer each time. A datagram that outlived several programs is
 * thrown away, because those behind it could never be reached. */
#include "service.h"

#include "base.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
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

/* Looks at the first datagram, with its time of arrival when that is wanted. */
static int look(struct listener *listener, struct datagram_head *ret_head)
{
	struct datagram_route route;
	int fd = listener->socket.fd, r;

	if (listener->look_closely)
		datagram_stamp(fd, true);
	r = datagram_peek(fd, ret_head, &route);
	if (listener->look_closely)
		datagram_stamp(fd, false);
	return r;
}

/* Each connection that comes while a program has the socket wakes us once. Events that
 * melt into one, or are taken by the program before we look, only make the
 * count smaller, and one of them is for what waited already. */
void listener_watch_held(struct listener *listener)
{
	struct loop *loop = listener->service->set->loop;

	loop_remove(loop, &listener->source);
	listener->arrivals = 0;
	if (endpoint_is_stream(listener->endpoint))
		(void)loop_add(loop, &listener->source, EPOLLIN | EPOLLET);
}

void listener_hand_over(struct listener *listener)
{
	struct peer nobody = { .family = PEER_NONE };
	struct spawn_failure failure;
	struct session *session;

	listener->head = (struct datagram_head){ .size = 0 };
	if (endpoint_is_stream(listener->endpoint))
		listener->backlog = waiting_connections(listener);
	else if (look(listener, &listener->head) < 0)
		return; /* an error of the past, cleared by looking at it */

	make_blocking(listener->socket.fd);

	struct admission admission = { SPAWN_WAIT, listener->socket.fd, &listener->head.peer, &listener->local, NULL };

	if (listener->local.family == PEER_NONE)
		admission.local = &nobody;
	if (service_begin(listener, &admission, &session, &failure) == 0) {
		listener->holder = session;
		listener_watch_held(listener);
	}
}

static bool took_no_connection(const struct listener *listener)
{
	unsigned came = listener->arrivals > 0 ? listener->arrivals - 1 : 0;

	/* Where the length of the queue is not known, a new one gives the program
	 * the benefit of the doubt. */
	if (listener->endpoint->kind != ENDPOINT_TCP)
		return came == 0;
	return waiting_connections(listener) >= listener->backlog + came;
}

/* Many clients send datagrams that look alike. The first time that one like it
 * still waits the next ones are looked at more closely. */
static bool took_no_datagram(struct listener *listener)
{
	struct datagram_head head;
	bool closely = listener->look_closely;
	bool alike = look(listener, &head) == 0 && head.size == listener->head.size &&
		     same_peer(&head.peer, &listener->head.peer);

	listener->look_closely = alike;
	return alike && closely && head.stamp_ns == listener->head.stamp_ns;
}

/* Whether the program left the queue as it found it. */
static bool took_nothing(struct listener *listener, const struct session_outcome *outcome)
{
	if (outcome->lasted_ns >= LONG_LIFE_NS || !something_waits(listener)) {
		listener->look_closely = false;
		return false;
	}
	return endpoint_is_stream(listener->endpoint) ? took_no_connection(listener) : took_no_datagram(listener);
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
	loop_remove(listener->service->set->loop, &listener->source);
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
