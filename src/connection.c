/* connection.c - TCP_INFO and SIOCOUTQ of a socket, and discarding its input.
 *
 * The kernel counts in sequence numbers, and an end of the stream (FIN) is one
 * of them: it stands in tcpi_bytes_received, in tcpi_bytes_acked and in SIOCOUTQ like a
 * byte of data. Whether it does is read off the state of the connection, and taken away here.
 *
 * The kernel's own header is used, because the C library's struct tcp_info ends early; a kernel
 * older than the header answers with fewer bytes, so that each member is asked for by has(). */
#include "connection.h"

#include "base.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#define DISCARD_CALLS  16
#define DISCARD_MOST   (1024 * 1024) /* bytes, of one connection_discard() */
#define DISCARD_BUFFER (16 * 1024)

/* The states of RFC 9293 by the numbers of the kernel; its header has them only for itself. */
enum state {
	STATE_FIN_WAIT1 = 4,
	STATE_FIN_WAIT2 = 5,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_CLOSING = 11,
};

#define BIT(state)        (1U << (state))
#define CLIENT_HAS_ENDED  (BIT(STATE_CLOSE_WAIT) | BIT(STATE_LAST_ACK) | BIT(STATE_CLOSING))
#define OUR_END_UNDER_WAY (BIT(STATE_FIN_WAIT1) | BIT(STATE_CLOSING) | BIT(STATE_LAST_ACK))

/* Whether the kernel filled the member, given how many bytes it filled. */
#define has(length, member) \
	((length) >= offsetof(struct tcp_info, member) + sizeof(((struct tcp_info *)NULL)->member))

static bool is_in(uint8_t state, unsigned set)
{
	return state < 32 && (BIT(state) & set) != 0;
}

/* How many bytes TCP_INFO brought; 0 when the socket has none. */
static socklen_t ask(int fd, struct tcp_info *ret_info)
{
	struct tcp_info info = { .tcpi_state = 0 };
	socklen_t length = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || !has(length, tcpi_rtt))
		return 0;
	*ret_info = info;
	return length;
}

static uint64_t out_queue(int fd)
{
	int queued = 0;

	return ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0 ? (uint64_t)queued : 0;
}

static short events_of(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLRDHUP };

	return poll(&look, 1, 0) > 0 ? look.revents : 0;
}

static bool is_plain_tcp(int fd)
{
	int protocol = 0;
	socklen_t length = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == IPPROTO_TCP;
}

/* The kernel tells when a segment with data was sent last, sent again included. A client that has gone
 * away is sent the same again and again, which is no sign of life: then it counts when it answered last.
 * Before the first datum both clocks show the time since the connection was made. */
static uint64_t quiet_ns(const struct tcp_info *info)
{
	uint32_t sent_ms = info->tcpi_last_data_sent, ms = info->tcpi_last_data_recv;

	if (info->tcpi_retransmits > 0 && info->tcpi_last_ack_recv > sent_ms)
		sent_ms = info->tcpi_last_ack_recv;
	if (sent_ms < ms)
		ms = sent_ms;
	return ms * NS_PER_MS;
}

/* The end of a stream is no byte of it. */
static void leave_out_ends(struct connection_facts *facts, uint64_t *acknowledged, bool ours_under_way,
			   bool ours_arrived)
{
	if (facts->ended_in && facts->bytes_in > 0)
		facts->bytes_in--;
	if (ours_under_way && facts->unacknowledged > 0)
		facts->unacknowledged--;
	if (ours_arrived && *acknowledged > 0)
		(*acknowledged)--;
}

struct connection_facts connection_facts(int fd)
{
	struct connection_facts facts = { .known = false };
	struct tcp_info info;
	socklen_t length = ask(fd, &info);

	if (length == 0)
		return facts;
	facts.known = true;
	facts.rtt_us = info.tcpi_rtt;
	facts.quiet_ns = quiet_ns(&info);
	if (!has(length, tcpi_notsent_bytes) || info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0)
		facts.unacknowledged = out_queue(fd);
	facts.closed = info.tcpi_state == STATE_CLOSE;
	facts.ended_in = is_in(info.tcpi_state, CLIENT_HAS_ENDED);
	if (has(length, tcpi_bytes_received))
		facts.bytes_in = info.tcpi_bytes_received;

	uint64_t acknowledged = has(length, tcpi_bytes_acked) ? info.tcpi_bytes_acked : 0;
	bool ours_arrived = info.tcpi_state == STATE_FIN_WAIT2;
	bool ours_under_way = is_in(info.tcpi_state, OUR_END_UNDER_WAY);

	/* What ended a connection is not told. Both sides did when nothing is under way and no error
	 * waits to be read; where the service has read the error of a reset already, this is wrong by one byte. */
	if (facts.closed && facts.unacknowledged == 0 && acknowledged > 0 && facts.bytes_in > 0 &&
	    (events_of(fd) & POLLERR) == 0)
		facts.ended_in = ours_arrived = true;
	leave_out_ends(&facts, &acknowledged, ours_under_way, ours_arrived);
	facts.bytes_out = acknowledged + facts.unacknowledged;

	/* Of MPTCP the subflow goes on when a side has ended: its end is no FIN, and takes no byte. */
	if (!facts.ended_in && !facts.closed && !is_plain_tcp(fd))
		facts.ended_in = (events_of(fd) & POLLRDHUP) != 0;
	return facts;
}

uint64_t connection_unsent(int fd)
{
	struct tcp_info info;
	uint64_t unsent = out_queue(fd);

	if (unsent > 0 && ask(fd, &info) > 0 && is_in(info.tcpi_state, OUR_END_UNDER_WAY))
		unsent--;
	return unsent;
}

/* ---- throwing input away ---- */

/* What discard_once() answers besides a number of bytes. */
enum { NOTHING_YET = -1 };

/* One call; the number of bytes, 0 at the client's end, NOTHING_YET, or below that the error - 1. */
static ssize_t discard_once(int fd, bool in_kernel, size_t most)
{
	char buffer[DISCARD_BUFFER];
	ssize_t n;

	do {
		/* There is no room for control messages: descriptors that a client sends are dropped by the
		 * kernel, and none gets in here. */
		if (in_kernel)
			n = recv(fd, NULL, most, MSG_TRUNC | MSG_DONTWAIT);
		else
			n = recv(fd, buffer, most < sizeof(buffer) ? most : sizeof(buffer), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EWOULDBLOCK ? NOTHING_YET : -errno - 1;
}

/* 0 from a socket of packets may be an empty packet, or the end; behind the end nothing else comes. */
static bool is_end(int fd, bool packets)
{
	return !packets || (events_of(fd) & (POLLRDHUP | POLLHUP)) != 0;
}

static bool is_of_packets(int fd)
{
	int type = SOCK_STREAM;
	socklen_t length = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

int connection_discard(int fd)
{
	bool in_kernel = is_plain_tcp(fd), packets = !in_kernel && is_of_packets(fd), ended = false;
	size_t room = DISCARD_MOST;

	for (int calls = 0; calls < DISCARD_CALLS && room > 0; calls++) {
		ssize_t n = discard_once(fd, in_kernel, room);

		if (n == -EFAULT - 1 && in_kernel) {
			in_kernel = false; /* a service may have put TLS of the kernel upon the socket */
			continue;
		}
		if (n < NOTHING_YET)
			return (int)n + 1;
		if (n == NOTHING_YET)
			return 1;
		room -= (size_t)n < room ? (size_t)n : room;
		ended = n == 0 && is_end(fd, packets);
		if (ended && !packets)
			return 0; /* of packets: empty ones may stand before the end, so go on to look */
	}
	return ended ? 0 : 1;
}
