/* listen.h - listening sockets: open, adjust, close. Knows addresses and socket
 * options, and no policy: who is served, and when, is for service.c. */
#ifndef USHERD_LISTEN_H
#define USHERD_LISTEN_H

#include "endpoint.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a service wants its sockets; filled by the configuration. */
struct socket_options {
	unsigned backlog;
	const char *interface;     /* SO_BINDTODEVICE; NULL or "": any */
	bool freebind;             /* IP_FREEBIND, IPV6_FREEBIND */
	uint64_t keepalive_ns;     /* idle time before the first probe; 0: no keepalive */
	bool nodelay;              /* TCP_NODELAY */
	uint64_t defer_accept_ns;  /* TCP_DEFER_ACCEPT; 0: off */
	uint64_t rcvbuf, sndbuf;   /* bytes; 0: the kernel's default */
	uid_t socket_uid;          /* (uid_t)-1: leave */
	gid_t socket_gid;          /* (gid_t)-1: leave */
	mode_t socket_mode;        /* of a Unix socket's file */
};

/* One open socket. `device` and `inode` tell our own Unix socket file from
 * another that took its place. */
struct listen_socket {
	int fd;
	dev_t device;
	ino_t inode;
	bool replaced; /* the file took the place of one that nobody answered on */
};

#define LISTEN_REASON_MAX 256

/* Opens, binds and (for streams) listens. The descriptor is CLOEXEC; it is
 * non-blocking unless `blocking` is true (sockets that are handed to a program
 * whole, `wait = yes`). Datagram sockets ask for the local address of each
 * datagram (IP_PKTINFO, IPV6_RECVPKTINFO). Options that accepted sockets inherit (keepalive, nodelay) are set
 * here once. SO_REUSEADDR is set on TCP only, SO_REUSEPORT never.
 *
 * A Unix socket path is taken over only from a socket that nobody answers on,
 * and put in place by rename(2), with its mode and owner already right.
 *
 * Returns 0 and the socket, or -errno with a sentence in `reason` that says
 * what failed and what to do, without the service or the address, which the
 * caller adds. listen_is_absent() tells whether waiting may help. */
int listen_open(const struct endpoint *endpoint, const struct socket_options *options, bool blocking,
		struct listen_socket *ret_socket, char reason[static LISTEN_REASON_MAX]);

/* Makes of `fd` (taken), which somebody else bound to this endpoint, what listen_open() would have opened, as far as
 * that can be done now. The file of a Unix socket stays somebody else's: it is neither changed nor removed.
 * Returns as listen_open() does. */
int listen_adopt(int fd, const struct endpoint *endpoint, const struct socket_options *options, bool blocking,
		 struct listen_socket *ret_socket, char reason[static LISTEN_REASON_MAX]);

/* Whether -errno of listen_open() means that the address or the interface does
 * not exist yet (EADDRNOTAVAIL, ENODEV). */
bool listen_is_absent(int error);

/* Brings an open socket to other options and another blocking mode (after a
 * reload) without closing it. Returns 0, or -errno with a reason. What only bind(2)
 * could change (interface, freebind) is reported by listen_can_adjust(). */
int listen_adjust(const struct listen_socket *socket, const struct endpoint *endpoint,
		  const struct socket_options *options, bool blocking, char reason[static LISTEN_REASON_MAX]);

/* Whether a socket opened under `before` can serve under `after`. */
bool listen_can_adjust(const struct socket_options *before, const struct socket_options *after);

/* Whether the file of a Unix socket is still the one that was made for it; true
 * for every other kind of socket, and for one that is not open. */
bool listen_is_in_place(const struct listen_socket *socket, const struct endpoint *endpoint);

/* Closes the socket and, where its Unix socket file is still ours, removes it. */
void listen_close(struct listen_socket *socket, const struct endpoint *endpoint);

#endif
