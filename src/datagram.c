/* datagram.c - see datagram.h. IP_PKTINFO and IPV6_PKTINFO (ip(7), RFC 3542)
 * carry the local address in both directions, so that a host with several addresses answers
 * from the one that was asked. */
#include "datagram.h"

#include "base.h"

#include <errno.h>
#include <string.h>
#include <time.h>

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)) +
		  CMSG_SPACE(sizeof(struct timespec))];
};

static void take_local(struct msghdr *message, struct datagram_route *route, struct peer *ret_local)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	route->local_family = 0;
	ret_local->family = PEER_NONE;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&route->local.in, CMSG_DATA(c), sizeof(route->local.in));
			route->local_family = AF_INET;
			in.sin_addr = route->local.in.ipi_addr;
			peer_from_sockaddr((const struct sockaddr *)&in, sizeof(in), ret_local);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&route->local.in6, CMSG_DATA(c), sizeof(route->local.in6));
			route->local_family = AF_INET6;
			in6.sin6_addr = route->local.in6.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
				in6.sin6_scope_id = route->local.in6.ipi6_ifindex;
			peer_from_sockaddr((const struct sockaddr *)&in6, sizeof(in6), ret_local);
		}
	}
}

static uint64_t take_stamp(struct msghdr *message)
{
	struct timespec stamp;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		return (uint64_t)stamp.tv_sec * NS_PER_S + (uint64_t)stamp.tv_nsec;
	}
	return 0;
}

void datagram_stamp(int fd, bool on)
{
	int value = on;

	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &value, sizeof(value));
}

int datagram_peek(int fd, bool ip, struct datagram_head *ret_head, struct datagram_route *ret_route)
{
	union control control;
	struct datagram_route route = { .local_family = 0 };
	struct datagram_head head = { .size = 0 };
	struct msghdr message = {
		.msg_name = &route.peer,
		.msg_namelen = sizeof(route.peer),
		.msg_control = ip ? &control : NULL,
		.msg_controllen = ip ? sizeof(control) : 0,
	};
	ssize_t size = recvmsg(fd, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (size < 0)
		return -errno;
	route.peer_length = message.msg_namelen;
	head.size = (size_t)size;
	peer_from_sockaddr(&route.peer.sa, route.peer_length, &head.peer);
	take_local(&message, &route, &head.local);
	head.stamp_ns = take_stamp(&message);
	*ret_head = head;
	*ret_route = route;
	return 0;
}

void datagram_discard(int fd)
{
	struct msghdr nothing = { .msg_iovlen = 0 };

	(void)recvmsg(fd, &nothing, MSG_DONTWAIT | MSG_TRUNC);
}

/* Fills in the control message that names our address. The interface is left to
 * the routing table, but for link-local addresses, which mean nothing without. */
static void put_local(struct msghdr *message, union control *control, const struct datagram_route *route)
{
	if (route->local_family == 0)
		return;

	bool v4 = route->local_family == AF_INET;
	size_t size = v4 ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);

	memset(control, 0, sizeof(*control));
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(size);

	struct cmsghdr *c = CMSG_FIRSTHDR(message);

	c->cmsg_len = CMSG_LEN(size);
	if (v4) {
		/* ipi_spec_dst is the source of what is sent; broadcasts have none. */
		struct in_pktinfo info = { .ipi_spec_dst = route->local.in.ipi_spec_dst };

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = route->local.in6;

		if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			info.ipi6_ifindex = 0;
		if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
			info.ipi6_addr = in6addr_any;
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

int datagram_reply(int fd, const struct datagram_route *route, const void *bytes, size_t size)
{
	union control control;
	struct iovec piece = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = {
		.msg_name = (void *)(uintptr_t)&route->peer,
		.msg_namelen = route->peer_length,
		.msg_iov = &piece,
		.msg_iovlen = 1,
	};

	put_local(&message, &control, route);
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
