/* session.h - the life of a session: one admitted connection and the processes
 * that serve it, from spawn to end. Logs its `start` and `end`, and what the
 * service writes to stderr. Knows no policy: who is admitted, and what follows
 * from an end, is for service.c. */
#ifndef USHERD_SESSION_H
#define USHERD_SESSION_H

#include "conf.h"
#include "datagram.h"
#include "log.h"
#include "loop.h"
#include "peer.h"
#include "replies.h"
#include "spawn.h"
#include "stderr-tap.h"

#include <stdbool.h>
#include <stdint.h>

struct session_table;
struct service;
struct listener;

struct session {
	uint64_t id;
	uint64_t started_ns;
	struct conf *conf; /* a reference: the rules it began with stay */
	const struct conf_service *settings;
	struct service *service;
	struct listener *listener; /* wait = yes: whose socket it holds; else NULL */
	struct peer peer;
	pid_t pid;                  /* ours to signal until it is collected */
	bool live;                  /* false: only its stderr is still open */
	struct loop_source process; /* the pidfd */
	struct loop_timer kill_timer;
	struct stderr_tap tap;
	struct replies replies; /* of a datagram filter */
	struct session_table *table;
	struct session *previous, *next; /* in the list of those that live */
};

/* How a session ended. */
struct session_outcome {
	bool signalled;
	int status; /* exit status, or the signal */
	uint64_t lasted_ns;
};

/* Told once for each session, after its `end` line; the session's struct is
 * gone when this returns. */
typedef void session_ended(void *context, const struct session *session,
			   const struct session_outcome *outcome);

/* What a session is begun with, beside the spawn request. */
struct session_origin {
	struct conf *conf;
	struct service *service;
	struct listener *listener;          /* wait = yes only */
	const struct datagram_route *route; /* filters only */
	unsigned active, limit;             /* for the log: active=3/100 */
};

/* Borrows loop, log and spawn. Returns 0 or -errno. */
int session_table_new(struct loop *loop, struct log *log, struct spawn *spawn, session_ended *ended,
		      void *context, struct session_table **ret_table);
void session_table_free(struct session_table *table);

/* Takes the memory for `count` sessions at once (and some whose stderr outlives
 * them), so that none is taken when a client comes. Untouched until used.
 * Returns 0 or -ENOMEM. */
int session_table_reserve(struct session_table *table, size_t count);

/* Spawns the service and watches it; `request->session` is filled in. Returns 0, or -errno and
 * what failed; then there is no session. */
int session_begin(struct session_table *table, const struct session_origin *origin,
		  struct spawn_request *request, struct session **ret_session,
		  struct spawn_failure *ret_failure);

size_t session_count(const struct session_table *table);

/* Ends a session: SIGTERM to its process group, SIGKILL when kill_after has
 * passed; with `at_once` SIGKILL now. Idempotent. */
void session_terminate(struct session *session, bool at_once);
void session_terminate_all(struct session_table *table, bool at_once);

#endif
