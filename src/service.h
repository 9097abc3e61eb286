/* service.h - the live services: which listeners are polled, and what happens
 * when one of them is ready. The one place of policy: mechanisms (listen, gate,
 * spawn, throttle, session) return values, and here it is decided what follows.
 *
 * Shared by service.c (state), service-admit.c (a client comes), service-wait.c
 * (wait = yes) and service-plan.c (a configuration is applied). What the rest of
 * the daemon sees is service-set.h. */
#ifndef USHERD_SERVICE_H
#define USHERD_SERVICE_H

#include "conf.h"
#include "datagram.h"
#include "gate.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "session.h"
#include "throttle.h"

#include <stdbool.h>

/* One listening socket of a service. */
struct listener {
	struct service *service;
	struct loop_source source;       /* polled only while a client could be served */
	struct listen_socket socket;     /* fd -1: the address does not exist yet */
	const struct endpoint *endpoint; /* in the configuration of `service` */
	struct peer local;               /* the address, unless it is a wildcard */
	struct loop_timer pause;         /* accept(2) has no resources, or a wait program took nothing */
	struct throttle throttle;
	struct listener *parked_next; /* in service->parked */
	bool parked;
	bool absent_told;
	int client;           /* accepted, but there was nothing to start it with: tried again; or -1 */
	struct peer client_peer, client_local;
	unsigned passed_over; /* errors of accept(2) in a row that only concern one connection */

	/* wait = yes */
	struct session *holder;    /* the session that has the socket now */
	struct datagram_head head; /* what waited when it was handed over */
	unsigned untouched;        /* times that it still waited afterwards */
	bool look_closely;         /* a datagram like it waited afterwards: compare times of arrival */
	unsigned backlog;          /* connections that waited at the hand-over */
	int arrivals;              /* an epoll descriptor that tells whether others came since, or -1 */
};

struct service {
	struct service_set *set;
	struct conf *conf; /* a reference; settings points into it */
	const struct conf_service *settings;
	struct gate_service gate;
	struct loop_timer pause; /* its program cannot be started */
	struct throttle throttle;
	struct listener *parked; /* ready, but no client may come now */
	bool retired;            /* no longer configured; goes with its last session */
	struct log_limit refusals;
};

/* Everything the services share. */
struct service_set {
	struct loop *loop;
	struct log *log;
	struct spawn *spawn;
	struct session_table *sessions;
	struct gate gate;
	struct conf *conf;         /* the one in force, or NULL */
	struct service **services; /* by name */
	size_t service_count;
	struct listener **listeners; /* by address */
	size_t listener_count;
	unsigned generation;
	struct loop_timer absent; /* tries addresses again that did not exist */
	bool missing;             /* one could not be opened again after a plan was dropped */
	struct log_limit accept_trouble, start_trouble;
	bool draining;
	void (*drained)(void *context); /* no session is left after a drain began */
	void *drained_context;
};

/* ---- service.c ---- */

/* Recomputes whether the listeners are polled, and applies the difference.
 * Idempotent; called after every change of state. O(parked listeners). */
void service_settle(struct service *service);
void listener_settle(struct listener *listener);

/* Stops polling a listener on which a client waits that cannot be served now,
 * until service_settle() finds that it can. */
void listener_park(struct listener *listener);

/* Whether a client of this listener may be served at this moment. */
bool listener_may_serve(const struct listener *listener);

/* Leaves a service or a listener alone for a while; logged with a reason. */
void service_pause(struct service *service, uint64_t pause_ns, const char *reason);
void listener_pause(struct listener *listener, uint64_t pause_ns);

void service_free(struct service *service); /* with no session and no listener left */

/* Initialises a new service (no listener) and a new listener (no socket). */
void service_init(struct service *service, struct service_set *set);
void listener_init(struct listener *listener, struct service *service);

/* Puts a listener into the loop; takes it out for a while (its program keeps the
 * socket), or for good. */
void listener_start(struct listener *listener);
void listener_rest(struct listener *listener);
void listener_stop(struct listener *listener);

/* The callback of the session table. */
void service_session_ended(void *context, const struct session *session,
			   const struct session_outcome *outcome);

/* ---- service-admit.c ---- */

/* A listener is ready: serves what waits there, a bounded number. */
void listener_ready(struct loop_source *source, uint32_t events);

/* Begins a session on `socket` (borrowed), slot taken, failure logged and
 * throttled. Returns 0 or -errno with `ret_failure` filled in. */
struct admission {
	enum spawn_kind kind;
	int socket;
	const struct peer *peer, *local;
	const struct datagram_route *route;
};
int service_begin(struct listener *listener, const struct admission *admission, struct session **ret_session,
		  struct spawn_failure *ret_failure);

/* ---- service-wait.c ---- */

void listener_hand_over(struct listener *listener);
void listener_let_go(struct listener *listener); /* of its holder; idempotent */
void listener_take_back(struct listener *listener, const struct session_outcome *outcome);

#endif
