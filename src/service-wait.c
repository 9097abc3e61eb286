/* service-wait.c - wait = yes: a program gets the listening socket itself, and
 * no client is served by us until that program ends.
 *
 * A program that ends without having taken what it was started for would be
 * started again at once, for ever. So the queue is compared with what it was at
 * the hand-over. For TCP: the connections that wait (TCP_INFO of a listening
 * socket) before and after, and whether others came meanwhile. For
 * datagrams: sender and size of the first one, and when that is not enough, its
 * time of arrival. A queue from which nothing was taken in a short life pauses
 * the listener, longer each time. A datagram that outlived several programs is
 * thrown away, because those behind it could never be reached. */
#include "service.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LONG_LIFE_NS   NS_PER_S
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

/* The program before may have left it otherwise; the next one expects it blocking. */
static int make_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL), wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;

	if (flags < 0 || (flags != wanted && fcntl(fd, F_SETFL, wanted) != 0))
		return -errno;
	return 0;
}

/* Looks at the first datagram, with its time of arrival when that is wanted. */
static int look(struct listener *listener, struct datagram_head *ret_head)
{
	struct datagram_route route;
	int fd = listener->socket.fd, r;

	if (listener->look_closely)
		datagram_stamp(fd, true);
	r = datagram_peek(fd, endpoint_is_ip(listener->endpoint), ret_head, &route);
	if (listener->look_closely)
		datagram_stamp(fd, false);
	return r;
}

/* Begins to look out for connections that come while a program has the socket:
 * an edge-triggered epoll set of its own, asked when the program has ended. The
 * event for what waits already is taken out at once. */
static void watch_arrivals(struct listener *listener)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	listener->arrivals = epoll_create1(EPOLL_CLOEXEC);
	if (listener->arrivals < 0)
		return;
	(void)epoll_ctl(listener->arrivals, EPOLL_CTL_ADD, listener->socket.fd, &event);
	(void)epoll_wait(listener->arrivals, &event, 1, 0);
}

static bool others_came(const struct listener *listener)
{
	struct epoll_event event;

	return listener->arrivals >= 0 && epoll_wait(listener->arrivals, &event, 1, 0) == 1;
}

void listener_let_go(struct listener *listener)
{
	listener->holder = NULL;
	if (listener->arrivals >= 0)
		close(fd_take(&listener->arrivals));
}

/* The one that waits first is not served: it must not stay, or the socket would be ready for
 * ever. A connection is accepted for it, without waiting should it have gone. */
static void turn_away(struct listener *listener, enum gate_reason reason)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int fd = listener->socket.fd, client;

	if (!endpoint_is_stream(listener->endpoint)) {
		service_refuse(listener, -1, &listener->head.peer, reason);
		datagram_discard(fd);
		return;
	}
	/* It may have gone already, and nobody may be waited for here. */
	if (make_blocking(fd, false) < 0)
		client = -1;
	else
		client = accept4(fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
	if (client < 0 && errno == EAGAIN)
		return;
	if (client < 0) {
		listener_pause(listener, throttle_fail(&listener->throttle, &throttle_accept));
		return;
	}

	struct peer peer;

	peer_from_sockaddr((const struct sockaddr *)&address, length, &peer);
	service_refuse(listener, client, &peer, reason);
}

void listener_hand_over(struct listener *listener)
{
	struct spawn_failure failure;
	struct session *session;

	listener->head = (struct datagram_head){ .size = 0 };
	if (!endpoint_is_stream(listener->endpoint) && look(listener, &listener->head) < 0)
		return; /* an error of the past, cleared by looking at it */

	struct service *service = listener->service;

	service->counters.accepted++;

	struct gate_client client = service_client(service, &listener->head.peer, -1);
	enum gate_reason reason = gate_check(&service->set->gate, &service->gate, &client);

	if (reason != GATE_ADMIT) {
		turn_away(listener, reason);
		return;
	}
	if (endpoint_is_stream(listener->endpoint)) {
		watch_arrivals(listener);
		listener->backlog = waiting_connections(listener);
	}
	(void)make_blocking(listener->socket.fd, true);

	struct peer bound = { .family = PEER_NONE };
	struct admission admission = {
		clock_now_ns(), SPAWN_WAIT, listener->socket.fd, &client, &bound, NULL
	};

	peer_from_sockaddr(&listener->endpoint->address.sa, listener->endpoint->length, &bound);

	if (service_begin(listener, &admission, &session, &failure) == 0) {
		listener->holder = session;
		listener_settle(listener);
	} else {
		listener_let_go(listener);
	}
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

/* What can be said of what the program did with the queue. */
enum verdict { TOOK_SOMETHING, TOOK_NOTHING, TOOK_NOTHING_IT_SEEMS };

static enum verdict judge_datagrams(struct listener *listener)
{
	if (!took_no_datagram(listener))
		return TOOK_SOMETHING;
	/* Unix sockets tell little about their queue. */
	return endpoint_is_ip(listener->endpoint) ? TOOK_NOTHING : TOOK_NOTHING_IT_SEEMS;
}

/* First the length of the queue, then whether others came: one that comes in
 * between only counts in the program's favour. Where the length is not known, so
 * does one that came at all. A queue that grew may have been served all the same. */
static enum verdict judge_connections(struct listener *listener)
{
	bool known = listener->endpoint->kind == ENDPOINT_TCP;
	unsigned waiting = waiting_connections(listener);
	bool came = others_came(listener);

	if (known ? waiting < listener->backlog + came : came)
		return TOOK_SOMETHING;
	return came || !known ? TOOK_NOTHING_IT_SEEMS : TOOK_NOTHING;
}

static enum verdict judge(struct listener *listener, const struct session_outcome *outcome)
{
	if (outcome->lasted_ns >= LONG_LIFE_NS || !something_waits(listener)) {
		listener->look_closely = false;
		return TOOK_SOMETHING;
	}
	return endpoint_is_stream(listener->endpoint) ? judge_connections(listener) :
							judge_datagrams(listener);
}

static void log_took_nothing(const struct listener *listener, uint64_t pause_ns)
{
	char address[ENDPOINT_TEXT_MAX];
	struct log_event *event = log_begin(listener->service->set->log, LOG_LEVEL_WARNING, "pause");

	log_text(event, "service", listener->service->settings->name);
	log_text(event, "address", endpoint_print(listener->endpoint, address));
	log_text(event, "reason", "took_nothing");
	log_seconds(event, "seconds", pause_ns);
	log_text(event, "message",
		 "the program ended without taking what waits; wait = yes is for programs that "
		 "accept or receive themselves");
	log_end(event);
}

static void log_thrown_away(const struct listener *listener)
{
	struct log_event *event = log_begin(listener->service->set->log, LOG_LEVEL_NOTICE, "refuse");

	log_text(event, "service", listener->service->settings->name);
	log_peer(event, "peer", &listener->head.peer);
	log_text(event, "reason", "untouched");
	log_end(event);
}

void listener_take_back(struct listener *listener, const struct session_outcome *outcome)
{
	const struct conf_service *settings = listener->service->settings;
	enum verdict verdict = judge(listener, outcome);
	char reason[LISTEN_REASON_MAX];

	listener_let_go(listener);
	/* A reload may have put other rules in force while it was away. */
	(void)listen_adjust(&listener->socket, listener->endpoint, &settings->socket, settings->wait, reason);
	if (verdict == TOOK_SOMETHING) {
		throttle_succeed(&listener->throttle);
		listener->untouched = 0;
		listener_settle(listener);
		return;
	}

	bool certain = verdict == TOOK_NOTHING;
	uint64_t pause_ns =
		throttle_fail(&listener->throttle, certain ? &throttle_wait : &throttle_wait_doubt);

	if (certain && !endpoint_is_stream(listener->endpoint) && ++listener->untouched >= UNTOUCHED_MOST) {
		log_thrown_away(listener);
		datagram_discard(listener->socket.fd);
		listener->untouched = 0;
	}
	log_took_nothing(listener, pause_ns);
	listener_pause(listener, pause_ns);
}
