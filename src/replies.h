/* replies.h - what a datagram filter writes to its standard output, sent back to
 * the client: each message of the filter is one datagram. */
#ifndef USHERD_REPLIES_H
#define USHERD_REPLIES_H

#include "conf.h"
#include "datagram.h"
#include "loop.h"

#include <stdbool.h>

struct replies {
	struct loop *loop;
	struct loop_source source; /* our end of the filter's output; fd -1: none */
	int socket;                /* our own duplicate of the socket that was asked */
	char *buffer;              /* borrowed: REPLIES_BUFFER bytes */
	struct datagram_route route;
	const struct conf_identity *identity; /* of the service */
};

#define REPLIES_BUFFER 65536

/* Keeps the socket (duplicated) and the way back; before the filter is started,
 * because it is the step that may find no descriptor left. Returns 0 or -errno. */
int replies_prepare(struct replies *replies, struct loop *loop, int socket,
		    const struct datagram_route *route, const struct conf_identity *identity, char *buffer);

/* Takes `output`, a SOCK_SEQPACKET socket, and passes on from now. Returns 0 or
 * -errno; replies_close() is still due. */
int replies_open(struct replies *replies, int output);

/* Goes on with what another program began: takes both descriptors (`output` -1: it has ended). Returns 0 or
 * -errno; replies_close() is still due. */
int replies_resume(struct replies *replies, struct loop *loop, int socket, int output,
		   const struct datagram_route *route, const struct conf_identity *identity, char *buffer);

/* The filter has ended: passes on all that it left, and closes. Idempotent. */
void replies_close(struct replies *replies);

#endif
