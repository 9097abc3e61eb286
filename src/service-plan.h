/* service-plan.h - how a configuration becomes the live set: what is kept,
 * opened and closed is worked out first and can be dropped without a trace;
 * only plan_commit(), which cannot fail, changes the set. */
#ifndef USHERD_SERVICE_PLAN_H
#define USHERD_SERVICE_PLAN_H

#include "service.h"
#include "service-set.h"

struct plan_listener {
	struct listener *listener; /* of the set when `kept`, else made by the plan */
	struct service *service;
	const struct conf_service *settings; /* the new ones, which the service gets at the commit */
	const struct endpoint *endpoint;
	bool kept;
	bool deferred; /* in the way is a listener of ours that goes */
};

struct plan_service {
	struct service *service; /* of the set when `kept`, else made by the plan */
	const struct conf_service *settings;
	unsigned listener_count;
	bool kept;
	bool disabled;
};

/* What a plan is for. */
enum plan_purpose {
	PLAN_APPLY,
	PLAN_TRY,      /* never committed: takes no memory for good, and lets everything be served as it is */
	PLAN_RESUME,   /* of the first snapshot after an upgrade: overrides stay */
	PLAN_OVERRIDE, /* of the snapshot in force: one service is offered or withdrawn, all else is left alone */
};

struct plan {
	enum plan_purpose purpose;
	const struct service *overridden; /* PLAN_OVERRIDE: the one whose `disabled` is to be the contrary */
	struct service_set *set;
	struct conf *conf;
	struct conf_errors *errors;
	struct plan_service *services; /* by name */
	size_t service_count;
	struct plan_listener *listeners; /* by address */
	size_t listener_count;
	bool *claimed; /* for each listener of the set: it stays */
	bool *closed;  /* it had to be closed ahead of the commit */
	struct service **new_services;
	struct listener **new_listeners;
	unsigned max_sessions;
};

/* Works out and opens; `plan` says the purpose, the set, the snapshot and where errors go.
 * Returns 0, -EINVAL (errors added) or -ENOMEM. */
int plan_make(struct plan *plan);

/* What would change; for a plan that was made, before it is committed. Returns 0 or -ENOMEM. */
int plan_tell_changes(const struct plan *plan, struct service_changes *ret_changes);

/* Puts it in force; takes all that the plan made. */
void plan_commit(struct plan *plan, struct service_summary *ret_summary);

/* Gives back what was not committed. */
void plan_free(struct plan *plan);

/* The service of that name in the set, or NULL; the place in the set of the listener of an
 * address, or -1. O(log n). */
struct service *plan_find_service(const struct service_set *set, const char *name);
ssize_t plan_find_listener(const struct service_set *set, const struct endpoint *endpoint);

/* The order of the set's arrays, and of the plan's. */
int plan_compare_endpoints(const struct endpoint *a, const struct endpoint *b);

/* Opens (or tries again) the socket of a listener. */
int plan_open(struct listener *listener, const struct endpoint *endpoint, const struct conf_service *settings,
	      char reason[static LISTEN_REASON_MAX]);

#endif
