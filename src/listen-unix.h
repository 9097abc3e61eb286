/* listen-unix.h - the file of a Unix socket: put in place, looked after,
 * removed. The half of listen.c that deals with directories; nobody else uses it. */
#ifndef USHERD_LISTEN_UNIX_H
#define USHERD_LISTEN_UNIX_H

#include "listen.h"

/* Binds `fd` under a temporary name beside the endpoint's path, gives the file
 * its owner and mode, listens (where the kind does) and only then moves it to
 * the path. What was at the path is replaced if it is a socket nobody answers on, and
 * left untouched otherwise. No temporary name outlives a failure.
 *
 * Returns 0 and the identity of the file, or -errno with a reason; the caller keeps `fd`. */
int listen_unix_bind(int fd, const struct endpoint *endpoint, const struct socket_options *options,
		     struct listen_socket *ret_file, char reason[static LISTEN_REASON_MAX]);

/* Gives the file the owner and mode of `options` if it is still ours. */
int listen_unix_adjust(const struct listen_socket *socket, const struct endpoint *endpoint,
		       const struct socket_options *options, char reason[static LISTEN_REASON_MAX]);

/* Removes the file if it is still ours. To be called before the socket is
 * closed: until then its inode number cannot belong to anything else. */
void listen_unix_remove(const struct listen_socket *socket, const struct endpoint *endpoint);

#endif
