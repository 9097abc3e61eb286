/* endpoint.h - where a service listens: the text forms of `listen`, and the
 * socket addresses they stand for. Pure: opens no socket; looks up port names
 * in services(5) and nothing else. */
#ifndef USHERD_ENDPOINT_H
#define USHERD_ENDPOINT_H

#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

enum endpoint_kind {
	ENDPOINT_TCP,
	ENDPOINT_MPTCP,
	ENDPOINT_UDP,
	ENDPOINT_UNIX_STREAM,
	ENDPOINT_UNIX_DGRAM,
	ENDPOINT_UNIX_SEQPACKET,
	ENDPOINT_VSOCK,
};

/* One socket to open. Bytes that are not used are zero, so that two endpoints
 * of the same address have the same bytes. */
struct endpoint {
	enum endpoint_kind kind;
	socklen_t length; /* of the address */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un; /* abstract: sun_path[0] is NUL, length counts the name */
		struct sockaddr_vm vm;
	} address;
	char scope[IF_NAMESIZE]; /* interface named in [V6%if]; resolved when the socket is opened */
};

struct endpoint_list {
	struct endpoint *items;
	size_t count;
};

/* Room for the text of any endpoint: a path of which each byte is escaped. */
#define ENDPOINT_TEXT_MAX 448

/* Called for each endpoint a text stands for. Returns 0, or -errno to stop. */
typedef int endpoint_sink(void *context, const struct endpoint *endpoint);

/* Parses one word of `listen` (usherd's services.ini(5), "Endpoints"): a bare port gives
 * two endpoints (0.0.0.0 and ::), localhost two (127.0.0.1 and ::1), a range
 * as many as it has ports. Returns 0; -EINVAL with a sentence in `reason` (of
 * `size` bytes) that says what is wrong and what to write; or what the sink
 * returned. Nothing is guessed: numbers are strict decimal, 1 to 65535. */
int endpoint_parse(const char *text, endpoint_sink *sink, void *context, char *reason, size_t size);

/* The canonical text: 127.0.0.1:80, [::1]:80, [fe80::1%eth0]:80, with /udp or
 * /mptcp where it is not TCP; unix:/path, unix-dgram:/path,
 * unix-seqpacket:/path, unix:@name; vsock:5 or vsock:CID:5. endpoint_parse()
 * of it gives the same endpoint. Bytes that do not print, and those that mean
 * something in a list (blank, comma, quotes, backslash), are escaped \xHH. */
const char *endpoint_print(const struct endpoint *endpoint, char text[static ENDPOINT_TEXT_MAX]);

/* Whether connections are accepted on it (TCP, MPTCP, Unix stream and
 * seqpacket, vsock), and whether it is an IP or a Unix address. */
bool endpoint_is_stream(const struct endpoint *endpoint);
bool endpoint_is_ip(const struct endpoint *endpoint);
bool endpoint_is_unix(const struct endpoint *endpoint);

/* A Unix socket with a file, as opposed to an abstract one. */
bool endpoint_has_path(const struct endpoint *endpoint);

/* Whether both name the same thing to bind (TCP and MPTCP share their ports;
 * the three Unix types share their paths), and a hash that agrees with that. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
unsigned endpoint_hash(const struct endpoint *endpoint);

#endif
