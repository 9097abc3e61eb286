/* service.h - the live services: which listeners are polled, and what happens
 * when one of them is ready. The one place of policy: mechanisms (listen, gate,
 * spawn, throttle, session) return values, and here it is decided what follows.
 *
 * Shared by service.c (state), service-admit.c (a client comes), service-refuse.c (and is not
 * served), service-wait.c (wait = yes), service-failures.c (programs that keep
 * failing), service-bans.c (bans by hand) and service-plan.c (a configuration is applied). What the rest of
 * the daemon sees is service-set.h. */
#ifndef USHERD_SERVICE_H
#define USHERD_SERVICE_H

#include "adopt.h"
#include "conf.h"
#include "datagram.h"
#include "gate.h"
#include "histogram.h"
#include "linger.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "session.h"
#include "throttle.h"
#include "warm.h"

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
	uint64_t client_since_ns;
	unsigned passed_over; /* errors of accept(2) in a row that only concern one connection */

	/* wait = yes */
	struct session *holder;    /* the session that has the socket now */
	struct datagram_head head; /* what waited when it was handed over */
	unsigned untouched;        /* times that it still waited afterwards */
	bool look_closely;         /* a datagram like it waited afterwards: compare times of arrival */
	unsigned backlog;          /* connections that waited at the hand-over */
	int arrivals;              /* an epoll descriptor that tells whether others came since, or -1 */
};

/* Programs of a service that ended at once, and badly, one after the other. */
#define FAILURES_SOURCES 3
struct service_failures {
	unsigned in_a_row;
	uint64_t first_ns; /* when the running count began */
	struct peer_key sources[FAILURES_SOURCES];
	unsigned source_count;
	struct throttle throttle;
	struct log_limit told;
	bool known; /* it was told: so is the end of it */
};

/* What has happened since the daemon began. Refusals are counted by the gate. */
struct service_counters {
	uint64_t accepted; /* connections, datagrams, hand-overs: whoever was looked at */
	uint64_t started;
	uint64_t warm; /* of them: served by copies of a warm program */
	uint64_t warm_ready; /* times that a program was ready to be copied */
	uint64_t ended[SESSION_REASONS];
	uint64_t failed[CHILD_STAGES]; /* CHILD_STAGE_NONE: before there was a child */
	uint64_t bytes_in, bytes_out;  /* of sessions that have ended */
	struct histogram spawn;        /* from accept to exec */
	struct histogram lasted;
};

/* The program of a service, started ahead of its clients. */
struct service_warm {
	struct warm *server;       /* or NULL */
	struct loop_timer due;     /* to be started, or started anew */
	struct throttle throttle;
	uint64_t looked_ns, stamp, output; /* its files, as they were when it was started */
	uint64_t begun_ns;
	const char *trouble;       /* why it is not warm, or NULL */
	bool worked;               /* as it is, it was ready once: what fails now may work later */
	bool given_up;             /* it is not tried again, unless its settings or files change */
};

struct service {
	struct service_set *set;
	struct conf *conf; /* a reference; settings points into it */
	const struct conf_service *settings;
	struct gate_service gate;
	struct loop_timer pause;  /* its program cannot be started, or keeps failing */
	struct loop_timer refill; /* `rate` has nothing left: until it has */
	struct throttle throttle;
	struct service_failures failures;
	bool cannot_start; /* the last try to start its program failed */
	struct listener *parked; /* ready, but no client may come now */
	bool retired;            /* no longer configured; goes with its last session */
	bool disabled;           /* not offered: it has no listener; its sessions go on */
	bool overridden;         /* `disabled` is not what the configuration says */
	struct service_counters counters;
	struct service_warm warm;
	struct log_limit refusals[GATE_REASONS], bans, waits;
	struct loop_timer refusals_told; /* tells how many were left out, when no more come */
};

/* A client that was let in, and whose program is on its way. */
struct service_beginning {
	struct listener *listener;
	struct gate_client client; /* of the peer below */
	struct peer peer, local;
	uint64_t since_ns;
	struct session_start start;
};

/* Everything the services share. */
struct service_set {
	struct loop *loop;
	struct log *log;
	struct spawn *spawn;
	struct session_table *sessions;
	struct linger_pool *linger;    /* sessions that ended */
	struct linger_pool *farewells; /* clients that were refused: few, and they push out only each other */
	struct cgroup_pool *cgroups; /* or NULL */
	struct gate gate;
	struct service_beginning crowd[SPAWN_OVERLAP]; /* clients of one listener that begin beside each other */
	unsigned crowd_count;
	struct warm_table *warm;     /* programs that are started ahead of clients */
	struct stderr_tap_shared warm_taps;
	uint64_t warm_next_ns;       /* they are started one after the other */
	struct bans *bans;           /* by hand */
	struct loop_timer bans_over; /* the first of them is */
	struct service_counters gone; /* of services that are no longer there */
	uint64_t gone_refused[GATE_REASONS];
	uint32_t last_id; /* of a service, for the table of sources */
	unsigned load;    /* thousandths, at load_ns */
	uint64_t load_ns;
	gid_t *groups; /* room for those of a Unix peer */
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
	bool closed;  /* no listener is served any more, not even while draining */
	bool awaited; /* those that a drain waits for have ended: the others are told to */
	struct adopted *adopted; /* sockets that are open already; or NULL */
	bool hurried; /* the end of the drain no longer waits for connections to end cleanly */
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

/* Leaves a service or a listener alone for a while. */
void service_pause(struct service *service, uint64_t pause_ns);
void listener_pause(struct listener *listener, uint64_t pause_ns);

/* Tells the end of a drain when nothing is left. */
void service_set_settle_drain(struct service_set *set);

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

/* ---- service-refuse.c ---- */

/* A client that is not served: counted, logged (but not too often), sent `banner_refused` and
 * let go. Takes `fd`; -1: a datagram. */
void service_refuse(struct listener *listener, int fd, const struct peer *peer, enum gate_reason reason);

/* Clients wait: told now and then, because nothing else shows it. */
void service_tell_waiting(struct service *service, enum gate_reason reason);

/* Callback of refusals_told. */
void service_tell_left_out(struct loop_timer *timer);

/* Sends a message of the configuration without waiting: what does not fit is cut. */
void service_greet(int fd, const struct conf_message *message);

/* ---- service-bans.c ---- */

/* Callback of bans_over. */
void service_bans_over(struct loop_timer *timer);

/* ---- service-warm.c ---- */

/* Takes what warm programs need. Returns 0 or -ENOMEM; service_warm_free() is due in any case. */
int service_warm_new(struct service_set *set);
void service_warm_free(struct service_set *set);

/* Ends all of them, and waits until those who stand in line for a copy have their answers. They are started again a
 * second later, if the daemon goes on. */
void service_warm_end_all(struct service_set *set);

/* Sets up the part of a new service. */
void service_warm_init(struct service *service);

/* The service has new settings in force, in place of `before` (or NULL): its program is started, started anew, or
 * ended, if need be. */
void service_warm_adjust(struct service *service, const struct conf_service *before);

/* Starts the program anew, whatever became of it before: by hand. Returns 0, -ENOTSUP when the service is not warm,
 * -EBUSY when it is not offered. */
int service_warm_renew(struct service *service);

/* No client will come any more. Idempotent. */
void service_warm_end(struct service *service);

/* A client is there: who may have a copy for it, or NULL: then its program is started for it. */
struct warm *service_warm_server(struct service *service);

/* ---- service-failures.c ---- */

/* Looks at how a session ended: a service whose programs keep failing at once is slowed down. */
void service_judge(struct service *service, const struct session *session,
		   const struct session_outcome *outcome);

/* What was told to be wrong is so no more. */
void service_tell_recovered(struct service *service);

/* ---- service-admit.c ---- */

/* What the gate is to know of a client. `fd` is its socket, or -1. */
struct gate_client service_client(struct service *service, const struct peer *peer, int fd);

/* A listener is ready: serves what waits there, a bounded number. */
void listener_ready(struct loop_source *source, uint32_t events);

/* Begins a session for a client that the gate lets in: slot taken, failure logged and
 * throttled. Returns 0 or -errno with `ret_failure` filled in. */
struct admission {
	uint64_t since_ns; /* the client came */
	enum spawn_kind kind;
	int socket; /* of a connection: taken when the session begins */
	const struct gate_client *client;
	const struct peer *local;
	const struct datagram_route *route;
};
int service_begin(struct listener *listener, const struct admission *admission, struct session **ret_session,
		  struct spawn_failure *ret_failure);

/* Callbacks of the session table: a session that waited for its process has begun, or will not. */
void service_session_started(void *context, struct session *session);
void service_session_failed(void *context, struct session *session, const struct spawn_failure *failure);

/* ---- service-wait.c ---- */

void listener_hand_over(struct listener *listener);
void listener_let_go(struct listener *listener); /* of its holder; idempotent */
void listener_take_back(struct listener *listener, const struct session_outcome *outcome);

#endif
