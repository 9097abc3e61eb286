/* peer.h - who is at the other end: one canonical form for an address, whatever
 * family the socket had, and its text. Never resolves a name. */
#ifndef USHERD_PEER_H
#define USHERD_PEER_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum peer_family { PEER_NONE, PEER_IPV4, PEER_IPV6, PEER_UNIX, PEER_VSOCK };

struct peer {
	enum peer_family family;
	uint16_t port;   /* host order; IPv4 and IPv6 */
	uint32_t scope;  /* interface index of a link-local IPv6 address, else 0 */
	union {
		uint8_t ip[16]; /* network order; IPv4 in the first 4 */
		struct {
			uid_t uid;
			gid_t gid;
			pid_t pid;
		} unix_peer;
		struct {
			uint32_t cid, port;
		} vsock;
	};
};

/* Room for any text below, NUL included. */
#define PEER_TEXT_MAX 80

/* From what accept(2), recvmsg(2) or getsockname(2) gave. An IPv4-mapped IPv6
 * address becomes the IPv4 address it is (RFC 4291 2.5.5.2). Unknown families
 * give PEER_NONE. */
void peer_from_sockaddr(const struct sockaddr *address, socklen_t length, struct peer *ret_peer);

/* The process at the other end of a connected Unix socket (SO_PEERCRED).
 * Returns 0 or -errno. */
int peer_from_credentials(int fd, struct peer *ret_peer);

/* For the log: 192.0.2.7:40112, [2001:db8::1]:443, [fe80::1%2]:80,
 * unix:uid=0,gid=0,pid=17, vsock:3:1024, or "-". Returns `text`. */
const char *peer_print(const struct peer *peer, char text[static PEER_TEXT_MAX]);

/* For the environment: the address alone (no brackets, no port; the scope of a
 * link-local one as %INDEX). Returns `text`, "" where there is none. */
const char *peer_print_address(const struct peer *peer, char text[static PEER_TEXT_MAX]);

/* The first `bits4` or `bits6` bits of an IP address in `ret_key`, the rest
 * zero; other families fill in what identifies them (uid, CID). Two peers that
 * count as one source have equal keys. */
struct peer_key {
	uint8_t family; /* enum peer_family */
	uint8_t bytes[16];
};
void peer_key(const struct peer *peer, unsigned bits4, unsigned bits6, struct peer_key *ret_key);

#endif
