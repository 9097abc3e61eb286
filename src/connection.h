/* connection.h - what the kernel tells of a connection whose socket we hold: how
 * much went each way, how long ago, what is still under way; and throwing input
 * away unread. Never reads a byte that came from a client: TCP discards it in the
 * kernel (MSG_TRUNC, tcp(7)); of other sockets it passes through a buffer that nobody looks at. */
#ifndef USHERD_CONNECTION_H
#define USHERD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct connection_facts {
	bool known;            /* false: not a TCP socket, the rest is 0 */
	uint64_t bytes_in;     /* that the client sent, its FIN not counted */
	uint64_t bytes_out;    /* that the service wrote, whether they arrived or not */
	uint64_t unacknowledged; /* of them */
	uint32_t rtt_us;
	uint64_t quiet_ns;     /* since data last went either way (since the beginning, if none did) */
	bool ended_in;         /* the client has ended its side */
	bool closed;           /* there is no connection any more (reset, timed out, or ended by both) */
};

/* Asks TCP_INFO and SIOCOUTQ. MPTCP: of its first subflow. Data sent again is not counted again, and is
 * no sign of life. When `closed`, each count may be wrong by one byte. */
struct connection_facts connection_facts(int fd);

/* Bytes written that the other side has not acknowledged (TCP) or taken (Unix); 0 when unknown. */
uint64_t connection_unsent(int fd);

/* Throws away what has come, a bounded amount. Returns 1: more may come; 0: the client has ended
 * its side and nothing is left; -errno: the connection is gone. */
int connection_discard(int fd);

#endif
