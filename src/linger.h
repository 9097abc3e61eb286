/* linger.h - closing a connection so that nothing is lost (RFC 9112, 9.6 tells the
 * problem for HTTP): our side is ended (FIN), the client takes what is under way, what it still
 * sends is thrown away unread, and only when it has ended its side, or time is up, the socket is closed.
 * A plain close(2) with unread input resets the connection, and the reply with it.
 *
 * Time is up `silence_ns` after the client last took something of the reply (all of it is
 * acknowledged: after that moment). Sockets that linger are held in a pool of fixed size; when it is full
 * the one that waits longest is closed at once. */
#ifndef USHERD_LINGER_H
#define USHERD_LINGER_H

#include "loop.h"
#include "state.h"

#include <stddef.h>
#include <stdint.h>

struct linger_pool;

/* `most` sockets at a time; `emptied` (may be NULL) is called whenever the last one has gone, as the
 * last thing that is done, so that it may free the pool; not by linger_pool_free(). Borrows the loop.
 * Returns 0 or -errno. */
int linger_pool_new(struct loop *loop, size_t most, void (*emptied)(void *context), void *context,
		    struct linger_pool **ret_pool);
void linger_pool_free(struct linger_pool *pool); /* closes all at once */

/* More room than before (never less). Returns 0 or -ENOMEM. */
int linger_pool_reserve(struct linger_pool *pool, size_t most);

/* Ends our side of the connection and closes it as above; takes `fd`, which no loop watches any more. Cannot
 * fail: where something is lacking the socket is closed at once. `silence_ns` 0: a plain close. A client that
 * has ended its side already costs no wait: then nothing is put in the pool. Never blocks, whatever
 * SO_LINGER the service left on the socket; where that asks for a reset, it gets one. */
void linger_close(struct linger_pool *pool, int fd, uint64_t silence_ns);

/* To the next program: a record `kind` for each, and back, in their order (there is room). `pool` NULL: only to look
 * whether it makes sense. Returns 0 or -errno. */
void linger_save(const struct linger_pool *pool, const char *kind, struct state_writer *writer);
int linger_restore(struct linger_pool *pool, struct state_record *record);

size_t linger_count(const struct linger_pool *pool);
void linger_close_all(struct linger_pool *pool);

#endif
