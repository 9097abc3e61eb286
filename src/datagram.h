/* datagram.h - datagrams that the daemon handles without reading them: who sent
 * the next one and to which of our addresses, throwing one away, and sending a
 * service's reply back the way the question came. */
#ifndef USHERD_DATAGRAM_H
#define USHERD_DATAGRAM_H

#include "peer.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Where a reply goes to, and which address of ours it comes from. */
struct datagram_route {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} peer;
	socklen_t peer_length;
	union {
		struct in_pktinfo in;
		struct in6_pktinfo in6;
	} local;
	int local_family; /* AF_INET, AF_INET6, or 0: unknown */
};

/* What tells one waiting datagram from another, as far as can be seen from outside. */
struct datagram_head {
	struct peer peer, local;
	size_t size;
	uint64_t stamp_ns; /* when it arrived (or was first looked at), with datagram_stamp(); else 0 */
};

/* Looks at the datagram at the head of the queue: nothing is taken and none of
 * its bytes is read (recvmsg(2) with MSG_PEEK, MSG_TRUNC and no room). Returns 0,
 * -EAGAIN when there is none, or another -errno (a pending socket error, which
 * is cleared by this). `local` has the address asked, without the port; only on
 * IP sockets (`ip`): room for control messages on a Unix socket would let any client
 * put descriptors into the daemon (SCM_RIGHTS). */
int datagram_peek(int fd, bool ip, struct datagram_head *ret_head, struct datagram_route *ret_route);

/* Lets datagram_peek() tell times of arrival (SO_TIMESTAMPNS), or not. To be
 * off while a program has the socket: it would get control messages it did not ask for. */
void datagram_stamp(int fd, bool on);

/* Throws the datagram at the head away, unread. */
void datagram_discard(int fd);

/* Sends one reply. Returns 0 or -errno; never blocks. */
int datagram_reply(int fd, const struct datagram_route *route, const void *bytes, size_t size);

#endif
