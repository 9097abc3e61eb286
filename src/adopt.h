/* adopt.h - listening sockets that somebody else opened for us: a service manager (LISTEN_FDS,
 * sd_listen_fds(3)), or the program that we were before an upgrade. They are known by their
 * own address (getsockname(2)), type and protocol, not by their place or name. */
#ifndef USHERD_ADOPT_H
#define USHERD_ADOPT_H

#include "endpoint.h"

#include <stdbool.h>
#include <stddef.h>

struct adopted;

/* Takes the descriptors from `first` on, `count` of them: CLOEXEC is set. One that is no listening (or bound
 * datagram) socket is closed and counted as odd. Returns 0 or -ENOMEM (then all are closed). */
int adopted_new(int first, size_t count, struct adopted **ret_adopted);

/* Says what the socket `fd` is called, where the kernel knows an older name: the file of a Unix socket of our
 * own was renamed after bind(2). Of a descriptor that is not among them nothing is kept. */
void adopted_name(struct adopted *adopted, int fd, const struct endpoint *endpoint);

/* Closes those that nobody asked for. */
void adopted_free(struct adopted *adopted);

/* The descriptor that is bound to this endpoint, now the caller's; or -1. It comes as it is: its options
 * are the caller's to adjust. */
int adopted_take(struct adopted *adopted, const struct endpoint *endpoint);

size_t adopted_count_taken(const struct adopted *adopted);

/* Whether a passed socket is why this endpoint, which was not among them, cannot be opened: one of another
 * type, or one for IPv6 that serves IPv4 as well. Then a sentence is in `reason`. */
bool adopted_explain(const struct adopted *adopted, const struct endpoint *endpoint, char *reason,
		     size_t size);

/* Those that are left, for a warning: their addresses as text, at most `most`. Returns how many are left in
 * all (odd ones included). */
size_t adopted_left(const struct adopted *adopted, char (*texts)[ENDPOINT_TEXT_MAX], size_t most,
		    size_t *ret_told);

#endif
