/* service.c - how a bundled service was started, and datagrams.
 *
 * Owns the decision which datagrams are answered at all. Two such services that
 * answer each other would do so for ever, and one forged packet is enough to
 * begin it, so nothing is said to a source port where such a service may live,
 * nor to an address that is not one host's. Never allocates, never blocks on a
 * datagram's sender. */
#include "service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define IDLE_MS 10000
#define NFS_PORT 2049

enum service_mode { SERVICE_STREAM, SERVICE_FILTER, SERVICE_DATAGRAMS, SERVICE_LISTENER };

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

/* Room for the control messages of one datagram: packet info, and whatever else
 * was switched on for the socket. */
union control {
	struct cmsghdr header;
	char room[256];
};

static void wait_for(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	poll(&ready, 1, -1);
}

ssize_t service_read(void *buffer, size_t room)
{
	for (;;) {
		ssize_t length = read(STDIN_FILENO, buffer, room);

		if (length >= 0)
			return length;
		if (errno == EAGAIN)
			wait_for(STDIN_FILENO, POLLIN);
		else if (errno != EINTR)
			return -errno;
	}
}

/* As write(2), but a socket's peer that is gone is an error like any other. */
static ssize_t write_quietly(const void *data, size_t length)
{
	ssize_t written = send(STDOUT_FILENO, data, length, MSG_NOSIGNAL);

	if (written < 0 && errno == ENOTSOCK)
		written = write(STDOUT_FILENO, data, length);
	return written;
}

int service_write(const void *data, size_t length)
{
	const char *next = data;

	/* At least once: an empty datagram is a datagram. */
	do {
		ssize_t written = write_quietly(next, length);

		if (written >= 0) {
			next += written;
			length -= (size_t)written;
		} else if (errno == EAGAIN) {
			wait_for(STDOUT_FILENO, POLLOUT);
		} else if (errno != EINTR) {
			return -errno;
		}
	} while (length > 0);
	return 0;
}

int service_ended(const char *name, int error)
{
	switch (-error) {
	case 0:
	case EPIPE:
	case ECONNRESET:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return EX_OK;
	}
	dprintf(STDERR_FILENO, "%s: reading or writing failed: %s\n", name, strerror(-error));
	return EX_OSERR;
}

size_t service_reply_limit(size_t length, size_t most)
{
	size_t limit = length > SERVICE_REPLY_FREE ? length : SERVICE_REPLY_FREE;

	return limit < most ? limit : most;
}

int service_no_arguments(const char *name, int argc)
{
	if (argc <= 1)
		return 0;
	dprintf(STDERR_FILENO, "%s: takes no arguments; it serves standard input and output\n", name);
	return EX_USAGE;
}

/* Whether an IPv4 address (host order) can be one host's. */
static bool is_host_address(uint32_t ip)
{
	return ip >> 24 != 0 && ip >> 28 != 0xe && ip != INADDR_BROADCAST;
}

static bool is_host_address6(const struct in6_addr *ip)
{
	if (IN6_IS_ADDR_V4MAPPED(ip)) {
		uint32_t mapped;

		memcpy(&mapped, &ip->s6_addr[12], sizeof(mapped));
		return is_host_address(ntohl(mapped));
	}
	return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_MULTICAST(ip);
}

/* Port 0 stands for one that is not known. */
static uint16_t address_port(const union address *address)
{
	if (address->sa.sa_family == AF_INET)
		return ntohs(address->in.sin_port);
	if (address->sa.sa_family == AF_INET6)
		return ntohs(address->in6.sin6_port);
	return 0;
}

/* Whether usherd itself serves this UDP port: USHERD_UDP_PORTS lists them as
 * "7,19,7007-7009". Programs of two of its services would answer each other. */
static bool is_usherds(uint16_t port)
{
	const char *text = getenv("USHERD_UDP_PORTS");

	while (text != NULL && *text != '\0') {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (port >= first && port <= last)
			return true;
		text = *end == ',' ? end + 1 : NULL;
	}
	return false;
}

/* Whether an answer to `source` reaches a client, and no service that would
 * answer in its turn. Unix sockets have no forged senders and no ports. */
static bool may_answer(const union address *source, uint16_t local_port)
{
	uint16_t port = address_port(source);

	if (source->sa.sa_family == AF_INET && !is_host_address(ntohl(source->in.sin_addr.s_addr)))
		return false;
	if (source->sa.sa_family == AF_INET6 && !is_host_address6(&source->in6.sin6_addr))
		return false;
	if (source->sa.sa_family != AF_INET && source->sa.sa_family != AF_INET6)
		return true;
	return port >= IPPORT_RESERVED && port != NFS_PORT && port != local_port && !is_usherds(port);
}

static bool parse_port(const char *text, uint16_t *ret_port)
{
	unsigned port = 0;

	if (text == NULL || *text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		port = port * 10 + (unsigned)(*text - '0');
		if (port > UINT16_MAX)
			return false;
	}
	*ret_port = (uint16_t)port;
	return true;
}

/* The address that the environment names; a %SCOPE plays no part here. */
static bool parse_address(const char *ip, const char *port_text, union address *ret_address)
{
	char text[INET6_ADDRSTRLEN];
	size_t length = ip == NULL ? 0 : strcspn(ip, "%");
	union address address = { .storage = { .ss_family = AF_UNSPEC } };
	uint16_t port;

	if (length == 0 || length >= sizeof(text) || !parse_port(port_text, &port))
		return false;
	memcpy(text, ip, length);
	text[length] = '\0';
	if (inet_pton(AF_INET, text, &address.in.sin_addr) == 1) {
		address.in.sin_family = AF_INET;
		address.in.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &address.in6.sin6_addr) == 1) {
		address.in6.sin6_family = AF_INET6;
		address.in6.sin6_port = htons(port);
	} else {
		return false;
	}
	*ret_address = address;
	return true;
}

static bool is_udp(void)
{
	const char *proto = getenv("PROTO");

	return proto != NULL && strcmp(proto, "UDP") == 0;
}

/* One datagram on standard input; its sender, if it has an address that could
 * be forged, in the environment. */
static int serve_filter(const struct service *service, void *context, char *datagram)
{
	size_t length = 0;

	if (is_udp()) {
		union address source, local;

		if (!parse_address(getenv("UDPREMOTEIP"), getenv("UDPREMOTEPORT"), &source) ||
		    !parse_address(getenv("UDPLOCALIP"), getenv("UDPLOCALPORT"), &local)) {
			dprintf(STDERR_FILENO,
				"%s: PROTO is UDP, so UDPREMOTEIP, UDPREMOTEPORT, UDPLOCALIP and "
				"UDPLOCALPORT must name both ends\n",
				service->name);
			return EX_USAGE;
		}
		if (!may_answer(&source, address_port(&local)))
			return EX_OK;
	}
	while (length < SERVICE_DATAGRAM_ROOM) {
		ssize_t got = service_read(datagram + length, SERVICE_DATAGRAM_ROOM - length);

		if (got < 0)
			return service_ended(service->name, (int)got);
		if (got == 0)
			break;
		length += (size_t)got;
	}

	ssize_t reply = service->datagram(context, datagram, length);

	return reply < 0 ? EX_OK : service_ended(service->name, service_write(datagram, (size_t)reply));
}

/* Makes `size` bytes of packet info the only control message. */
static void set_packet_info(struct msghdr *message, int level, int type, const void *info, size_t size)
{
	struct cmsghdr *header = message->msg_control;

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), info, size);
	message->msg_controllen = CMSG_SPACE(size);
}

/* Makes the packet info that came with a datagram the one its answer leaves
 * with: the same address, and the interface only where the address needs it.
 * False when the datagram was meant for many hosts: those get no answer, or one
 * forged packet would have a whole network answer. */
static bool turn_packet_info(struct msghdr *message)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(header), sizeof(info));
			info.ipi_ifindex = 0;
			set_packet_info(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
			return info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
		}
		if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(header), sizeof(info));
			if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				info.ipi6_ifindex = 0;
			set_packet_info(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
			return is_host_address6(&info.ipi6_addr);
		}
	}
	message->msg_controllen = 0;
	return true;
}

/* Takes one datagram and answers it. Returns 0 or -errno of receiving. */
static int serve_one_datagram(const struct service *service, void *context, char *datagram,
			      uint16_t local_port)
{
	union address source = { .storage = { .ss_family = AF_UNSPEC } };
	union control control;
	struct iovec data = { .iov_base = datagram, .iov_len = SERVICE_DATAGRAM_ROOM };
	struct msghdr message = {
		.msg_name = &source,
		.msg_namelen = sizeof(source),
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(STDIN_FILENO, &message, MSG_DONTWAIT);

	if (length < 0)
		return -errno;
	if (!may_answer(&source, local_port) || !turn_packet_info(&message))
		return 0;
	length = service->datagram(context, datagram, (size_t)length);
	if (length < 0)
		return 0;
	data.iov_len = (size_t)length;
	message.msg_flags = 0;
	/* An answer that cannot leave now is lost, as datagrams are: a sender
	 * that does not read must not hold up the others. */
	(void)sendmsg(STDIN_FILENO, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return 0;
}

static int serve_datagrams(const struct service *service, void *context, char *datagram)
{
	union address local = { .storage = { .ss_family = AF_UNSPEC } };
	socklen_t size = sizeof(local);
	int yes = 1;

	if (getsockname(STDIN_FILENO, &local.sa, &size) < 0)
		return service_ended(service->name, -errno);
	/* Under usherd it is on already; elsewhere it may not be. */
	if (local.sa.sa_family == AF_INET)
		(void)setsockopt(STDIN_FILENO, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
	else if (local.sa.sa_family == AF_INET6)
		(void)setsockopt(STDIN_FILENO, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));

	for (;;) {
		struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
		int count = poll(&ready, 1, IDLE_MS);

		if (count == 0)
			return EX_OK;
		if (count < 0)
			continue; /* EINTR */

		int error = serve_one_datagram(service, context, datagram, address_port(&local));

		/* ECONNREFUSED and its like tell of an earlier answer. */
		if (error == -EBADF || error == -ENOTSOCK || error == -EINVAL || error == -ENOMEM)
			return service_ended(service->name, error);
	}
}

static int socket_option(int fd, int option, int otherwise)
{
	int value;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : otherwise;
}

static enum service_mode find_mode(void)
{
	int type = socket_option(STDIN_FILENO, SO_TYPE, 0);

	if (type == SOCK_DGRAM)
		return SERVICE_DATAGRAMS;
	if (type != 0)
		return socket_option(STDIN_FILENO, SO_ACCEPTCONN, 0) ? SERVICE_LISTENER : SERVICE_STREAM;
	/* A Unix datagram is known by the socket that keeps replies apart. */
	if (is_udp() || socket_option(STDOUT_FILENO, SO_TYPE, 0) == SOCK_SEQPACKET)
		return SERVICE_FILTER;
	return SERVICE_STREAM;
}

int service_run(const struct service *service, void *context)
{
	static char datagram[SERVICE_DATAGRAM_ROOM];
	enum service_mode mode = find_mode();

	if (service->datagram == NULL && (mode == SERVICE_FILTER || mode == SERVICE_DATAGRAMS)) {
		dprintf(STDERR_FILENO,
			"%s: serves connections, not datagrams; listen on TCP or a Unix stream\n",
			service->name);
		return EX_USAGE;
	}
	switch (mode) {
	case SERVICE_STREAM:
		return service->stream(context);
	case SERVICE_FILTER:
		return serve_filter(service, context, datagram);
	case SERVICE_DATAGRAMS:
		return serve_datagrams(service, context, datagram);
	case SERVICE_LISTENER:
		break;
	}
	dprintf(STDERR_FILENO,
		"%s: standard input is a listening socket, but this program serves one connection; "
		"say wait = no (or nowait)\n",
		service->name);
	return EX_USAGE;
}
