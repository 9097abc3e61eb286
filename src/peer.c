/* peer.c - addresses in one canonical form: from the kernel's structures to
 * text and to the key that limits are counted by.
 *
 * Owns nothing, allocates nothing, resolves nothing. An IPv4-mapped IPv6
 * address becomes IPv4 here and nowhere else, so that no rule, limit or log
 * line can be passed by with it. The other embeddings (::a.b.c.d,
 * 64:ff9b::/96) are addresses of their own and stay IPv6. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>

static void take_ipv4(const struct sockaddr *address, struct peer *peer)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	peer->family = PEER_IPV4;
	peer->port = ntohs(in.sin_port);
	memcpy(peer->ip, &in.sin_addr, 4);
}

static void take_ipv6(const struct sockaddr *address, struct peer *peer)
{
	struct sockaddr_in6 in6;

	memcpy(&in6, address, sizeof(in6));
	peer->port = ntohs(in6.sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		peer->family = PEER_IPV4;
		memcpy(peer->ip, &in6.sin6_addr.s6_addr[12], 4);
		return;
	}
	peer->family = PEER_IPV6;
	memcpy(peer->ip, &in6.sin6_addr, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&in6.sin6_addr))
		peer->scope = in6.sin6_scope_id;
}

static void take_vsock(const struct sockaddr *address, struct peer *peer)
{
	struct sockaddr_vm vm;

	memcpy(&vm, address, sizeof(vm));
	peer->family = PEER_VSOCK;
	peer->vsock.cid = vm.svm_cid;
	peer->vsock.port = vm.svm_port;
}

static void take_unix(uid_t uid, gid_t gid, pid_t pid, struct peer *peer)
{
	peer->family = PEER_UNIX;
	peer->unix_peer.uid = uid;
	peer->unix_peer.gid = gid;
	peer->unix_peer.pid = pid;
}

void peer_from_sockaddr(const struct sockaddr *address, socklen_t length, struct peer *ret_peer)
{
	struct peer peer;
	sa_family_t family = AF_UNSPEC;

	/* Also the unused part of the union: a peer may be compared or hashed as bytes. */
	memset(&peer, 0, sizeof(peer));
	if (address != NULL && length >= sizeof(family))
		memcpy(&family, address, sizeof(family));

	if (family == AF_INET && length >= sizeof(struct sockaddr_in))
		take_ipv4(address, &peer);
	else if (family == AF_INET6 && length >= sizeof(struct sockaddr_in6))
		take_ipv6(address, &peer);
	else if (family == AF_VSOCK && length >= sizeof(struct sockaddr_vm))
		take_vsock(address, &peer);
	else if (family == AF_UNIX)
		take_unix((uid_t)-1, (gid_t)-1, 0, &peer);
	*ret_peer = peer;
}

int peer_from_credentials(int fd, struct peer *ret_peer)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	int domain;
	socklen_t domain_length = sizeof(domain);

	/* Other families answer SO_PEERCRED too, with nobody's credentials. */
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_length) < 0)
		return -errno;
	if (domain != AF_UNIX)
		return -EAFNOSUPPORT;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	/* What a socket that is not connected answers. */
	if (credentials.uid == (uid_t)-1)
		return -ENOTCONN;

	memset(ret_peer, 0, sizeof(*ret_peer));
	take_unix(credentials.uid, credentials.gid, credentials.pid, ret_peer);
	return 0;
}

static char *put(char *at, const char *text)
{
	size_t length = strlen(text);

	memcpy(at, text, length + 1);
	return at + length;
}

static char *put_number(char *at, uint64_t number)
{
	char digits[20];
	size_t length = 0;

	do {
		digits[length++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (length > 0)
		*at++ = digits[--length];
	*at = '\0';
	return at;
}

/* inet_ntop() would do, at ten times the cost, and this is printed twice for each connection. */
static char *put_ipv4(char *at, const uint8_t ip[static 4])
{
	for (size_t i = 0; i < 4; i++) {
		at = put_number(at, ip[i]);
		*at++ = '.';
	}
	*--at = '\0';
	return at;
}

static char *put_ipv6(char *at, const struct peer *peer)
{
	inet_ntop(AF_INET6, peer->ip, at, INET6_ADDRSTRLEN);
	at += strlen(at);
	if (peer->scope != 0)
		at = put_number(put(at, "%"), peer->scope);
	return at;
}

static char *put_credentials(char *at, const struct peer *peer)
{
	at = put(at, "unix");
	if (peer->unix_peer.uid == (uid_t)-1)
		return at; /* known by its address only, which says nothing */
	at = put_number(put(at, ":uid="), peer->unix_peer.uid);
	at = put_number(put(at, ",gid="), peer->unix_peer.gid);
	return put_number(put(at, ",pid="), (uint64_t)peer->unix_peer.pid);
}

const char *peer_print(const struct peer *peer, char text[static PEER_TEXT_MAX])
{
	char *at = text;

	switch (peer->family) {
	case PEER_NONE:
		put(at, "-");
		break;
	case PEER_IPV4:
		put_number(put(put_ipv4(at, peer->ip), ":"), peer->port);
		break;
	case PEER_IPV6:
		put_number(put(put_ipv6(put(at, "["), peer), "]:"), peer->port);
		break;
	case PEER_UNIX:
		put_credentials(at, peer);
		break;
	case PEER_VSOCK:
		at = put_number(put(at, "vsock:"), peer->vsock.cid);
		put_number(put(at, ":"), peer->vsock.port);
		break;
	}
	return text;
}

const char *peer_print_address(const struct peer *peer, char text[static PEER_TEXT_MAX])
{
	text[0] = '\0';
	switch (peer->family) {
	case PEER_NONE:
	case PEER_UNIX:
		break;
	case PEER_IPV4:
		put_ipv4(text, peer->ip);
		break;
	case PEER_IPV6:
		put_ipv6(text, peer);
		break;
	case PEER_VSOCK:
		put_number(put(text, "vsock:"), peer->vsock.cid);
		break;
	}
	return text;
}

static void copy_prefix(uint8_t *to, const uint8_t *from, unsigned bits, unsigned most)
{
	unsigned kept = bits < most ? bits : most;

	memcpy(to, from, kept / 8);
	if (kept % 8 != 0)
		to[kept / 8] = (uint8_t)(from[kept / 8] & (0xffu << (8 - kept % 8)));
}

void peer_key(const struct peer *peer, unsigned bits4, unsigned bits6, struct peer_key *ret_key)
{
	struct peer_key key = {.family = (uint8_t)peer->family};

	switch (peer->family) {
	case PEER_NONE:
		break;
	case PEER_IPV4:
		copy_prefix(key.bytes, peer->ip, bits4, 32);
		break;
	case PEER_IPV6:
		copy_prefix(key.bytes, peer->ip, bits6, 128);
		break;
	case PEER_UNIX:
		memcpy(key.bytes, &peer->unix_peer.uid, sizeof(peer->unix_peer.uid));
		break;
	case PEER_VSOCK:
		memcpy(key.bytes, &peer->vsock.cid, sizeof(peer->vsock.cid));
		break;
	}
	*ret_key = key;
}
