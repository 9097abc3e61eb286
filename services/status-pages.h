/* status-pages.h - what the status service answers to which path. */
#ifndef USHERD_SERVICES_STATUS_PAGES_H
#define USHERD_SERVICES_STATUS_PAGES_H

#include "status-http.h"

#include <stdbool.h>
#include <stddef.h>

/* How many services and sessions /status.json lists; it tells how many there are. */
#define STATUS_SERVICES_MAX 1000
#define STATUS_SESSIONS_MAX 500

struct status_reply {
	enum http_verdict status;
	const char *type; /* of the body */
	const void *body;
	size_t length;
	void *owned; /* the body, if status_reply_free() is to free it; or NULL */
	bool last;   /* the connection should not be kept */
};

/* The answer to GET `path`, with what the daemon says at the control socket `control` (NULL: the
 * usual one). Without memory, or a daemon, that is an answer, too. */
void status_answer(const char *path, const char *control, struct status_reply *ret_reply);

/* The answer to a request that is none: its status as a sentence. */
void status_refuse(enum http_verdict status, struct status_reply *ret_reply);

void status_reply_free(struct status_reply *reply);

#endif
