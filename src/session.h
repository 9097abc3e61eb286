/* session.h - the life of a session: one admitted connection and the processes
 * that serve it, from spawn to end. Logs its `start` and `end`, and what the
 * service writes to stderr. Knows no policy: who is admitted, and what follows
 * from an end, is for service.c.
 *
 * A session lasts until the process group of its program is empty. Until then we
 * hold a duplicate of the client's socket (unless `linger` is 0), from which no
 * byte is ever read: it tells how much went each way and how long ago, and
 * lets the connection end cleanly (linger.h).
 *
 * session.c begins and terminates, session-limits.c watches the clock, session-end.c
 * ends and accounts, session-strays.c looks after processes that went astray;
 * session-table.h is what they share. */
#ifndef USHERD_SESSION_H
#define USHERD_SESSION_H

#include "cgroup.h"
#include "conf.h"
#include "connection.h"
#include "datagram.h"
#include "family.h"
#include "gate.h"
#include "holders.h"
#include "linger.h"
#include "log.h"
#include "loop.h"
#include "peer.h"
#include "replies.h"
#include "spawn.h"
#include "stderr-tap.h"
#include "warm.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct session_table;
struct service;
struct listener;

/* Why a session ended: by itself, or because it was told to. */
enum session_reason {
	SESSION_EXIT,
	SESSION_SIGNAL,
	SESSION_TIME_LIMIT,
	SESSION_FIRST_BYTE,
	SESSION_IDLE,
	SESSION_HANGUP,
	SESSION_DRAIN,
	SESSION_KILL, /* by hand */
	SESSION_REASONS
};

/* "exit", "time_limit" ...: the word that stands in the log. */
const char *session_reason_name(enum session_reason reason);

/* What a session waits for; each has a time at which it is due, or 0. */
enum session_due {
	SESSION_DUE_TIME_LIMIT,
	SESSION_DUE_FIRST_BYTE,
	SESSION_DUE_IDLE,
	SESSION_DUE_HANGUP,
	SESSION_DUE_KILL,    /* it was told to end, and has not */
	SESSION_DUE_HOLDERS, /* to look whether its processes still have the socket */
	SESSION_DUE_GROUP,   /* the program has ended: to look whether its group is empty */
	SESSION_DUES
};

/* How a session ended. */
struct session_outcome {
	enum session_reason reason;
	bool signalled; /* the program; else it exited */
	int status;     /* exit status, or the signal */
	uint64_t lasted_ns;
	struct connection_facts facts;
};

struct session {
	uint64_t id;
	uint64_t started_ns;
	struct conf *conf; /* a reference: the rules it began with stay */
	const struct conf_service *settings;
	struct service *service;
	struct listener *listener; /* wait = yes: whose socket it holds; else NULL */
	struct gate_ticket ticket;
	unsigned active, limit;  /* as the log tells them */

	/* while a copy of a warm program is being forked for it; see session-copy.c */
	bool warm;    /* it is served by a copy */
	bool waiting; /* it has no process yet */
	struct warm_client copy;
	const struct endpoint *endpoint;
	int cgroup_fd;

	struct peer peer, local; /* local: of no family when it is not known */

	/* its processes */
	pid_t pid;
	bool live;                  /* false: only its stderr is still open */
	struct loop_source process; /* the pidfd, watched until the program is collected */
	struct family family;
	bool collected; /* the program has ended: outcome and usage are known */
	uint64_t collected_ns;
	struct session_outcome outcome;
	struct rusage usage;

	/* its connection */
	struct loop_source socket; /* our duplicate; fd -1: none (any more). Watched for on_hangup only */
	struct holder_hint holder;
	uint64_t look_every_ns;
	struct connection_facts facts; /* as they were when the socket was given up */

	/* its clock */
	bool ending; /* was told to end */
	enum session_reason reason;
	uint64_t due_ns[SESSION_DUES];
	struct loop_timer timer; /* at the earliest of them */

	struct stderr_tap tap;
	struct replies replies; /* of a datagram filter */
	struct session_table *table;
	struct session *previous, *next; /* in the list of those that live */
	struct session *same_hash;       /* in the map of pids */
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
	struct gate_ticket ticket;
	struct warm *warm;      /* has copies to hand the connection to; or NULL */
	unsigned active, limit; /* for the log: active=3/100 */
};

/* What all sessions work with; borrowed. */
struct session_means {
	struct loop *loop;
	struct log *log;
	struct spawn *spawn;
	struct linger_pool *linger;
	struct warm_table *warm;

	/* What becomes of sessions that were begun without a process; needed with `warm` only. They began; or they
	 * did not, and are gone when this returns. */
	void (*started)(void *context, struct session *session);
	void (*failed)(void *context, struct session *session, const struct spawn_failure *failure);
};

/* Returns 0 or -errno. */
int session_table_new(const struct session_means *means, session_ended *ended, void *context,
		      struct session_table **ret_table);
void session_table_free(struct session_table *table);

/* Takes the memory for `count` sessions at once (and some whose stderr outlives
 * them), so that none is taken when a client comes. Untouched until used.
 * Returns 0 or -ENOMEM. */
int session_table_reserve(struct session_table *table, size_t count);

/* Where the sessions that begin from now on get their cgroups; NULL: nowhere. Borrowed. */
void session_table_use_cgroups(struct session_table *table, struct cgroup_pool *pool);

/* For warm_means: the answer to a session that waits for a copy. */
void session_copy_came(struct warm_client *client, const struct spawn_child *child);

/* No session begins any more: those that wait are dropped when they are answered. */
void session_table_close(struct session_table *table);

/* A session that begins, in two halves as those of spawn.h, so that several can begin beside each other: at most
 * SPAWN_OVERLAP. session_launch() sends its program on the way; session_await() learns what came of it, watches it, and
 * has taken the socket of a SPAWN_CONNECTION (when the session is `waiting`, `started` or `failed` follows). Each
 * returns 0; or -errno and what failed: then there is no session. */
struct session_start {
	struct session_origin origin; /* these two are filled in by the caller */
	struct spawn_request request;
	struct session *session;
	struct spawn_launch *launch; /* NULL: there is nothing to wait for, and session_await() is due at once */
	struct spawn_child child;
};
int session_launch(struct session_table *table, struct session_start *start, struct spawn_failure *ret_failure);
int session_await(struct session_start *start, struct spawn_failure *ret_failure);

/* Both at once; `request->session` is filled in. */
int session_begin(struct session_table *table, const struct session_origin *origin,
		  struct spawn_request *request, struct session **ret_session,
		  struct spawn_failure *ret_failure);

/* Adds how its program ended: status=0, or signal=KILL. */
void session_log_status(struct log_event *event, const struct session_outcome *outcome);

size_t session_count(const struct session_table *table);

/* Those that have no process yet: they wait for a copy, or for what the machine lacks. */
size_t session_count_waiting(const struct session_table *table);

/* Those that a drain waits for: not of services that `serve_while_draining`. */
size_t session_count_awaited(const struct session_table *table);

/* Shows living sessions from `*place` (0: the first) on, and moves it; looks at `most` entries, used or not.
 * Ends early when `look` returns false. Returns false behind the last one. One that begins or ends meanwhile is
 * shown or not. `look` may terminate it. */
bool session_each(const struct session_table *table, size_t *place, size_t most,
		  bool (*look)(void *context, struct session *session), void *context);

/* Ends a session: SIGTERM to its processes, SIGKILL when kill_after has
 * passed; with `at_once` SIGKILL now. Idempotent; the first reason stays. */
void session_terminate(struct session *session, enum session_reason reason, bool at_once);
void session_terminate_all(struct session_table *table, enum session_reason reason, bool at_once);

#endif
