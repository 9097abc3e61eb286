/* service.h - what the bundled services have in common: finding out what kind
 * of socket (if any) they were given, and taking datagrams.
 *
 * The bundled services are ordinary programs that read standard input and write
 * standard output. They know nothing of usherd and share no code with it; any
 * super-server, or a shell pipe, can run them. Functions return 0 or -errno,
 * or an exit code of sysexits(3) where the prototype says so. */
#ifndef USHERD_SERVICES_SERVICE_H
#define USHERD_SERVICES_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Room for any datagram of IP, and then some. */
#define SERVICE_DATAGRAM_ROOM 65536

/* A datagram may be answered with this much however short it was. With its 28
 * bytes of IPv4 and UDP header the answer to an empty datagram is at most 3.3
 * times as large on the wire as the question; every longer question gives less. */
#define SERVICE_REPLY_FREE 64

struct service {
	const char *name;

	/* Serves a connection, a pipe or a file. Returns an exit code. */
	int (*stream)(void *context);

	/* Turns one request into its reply, in place: `datagram` holds `length`
	 * bytes and has room for SERVICE_DATAGRAM_ROOM. Returns the length of the
	 * reply, or -1 for none. NULL: datagrams are refused with a message. */
	ssize_t (*datagram)(void *context, char *datagram, size_t length);
};

/* Finds out from descriptors 0 and 1 and from PROTO how the program was started
 * and serves accordingly: a connection, pipe or file; one datagram on standard
 * input (usherd's wait = no); or a bound datagram socket (wait = yes), until
 * none has come for 10 seconds. Datagrams from sources that no honest client
 * has are dropped without an answer. A listening socket is refused with a
 * message. Returns the program's exit code. */
int service_run(const struct service *service, void *context);

/* Reads at most `room` bytes of standard input. Returns how many, 0 at the end,
 * or -errno. */
ssize_t service_read(void *buffer, size_t room);

/* Writes all of it to standard output; a peer that is gone is -EPIPE, not a signal. */
int service_write(const void *data, size_t length);

/* The exit code for a stream that ended with `error` (0 or -errno): a client
 * that went away is no failure; anything else is, and is told on standard error. */
int service_ended(const char *name, int error);

/* The longest reply that a request of `length` bytes is worth, at most `most`. */
size_t service_reply_limit(size_t length, size_t most);

/* For programs without arguments: 0, or EX_USAGE with a message. */
int service_no_arguments(const char *name, int argc);

#endif
