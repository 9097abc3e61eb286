/* view.h - the live services and sessions as JSON (jansson), for those who look: control socket,
 * status service. Reads everything and changes nothing. Each function returns a new
 * reference, or NULL when there is no memory. */
#ifndef USHERD_VIEW_H
#define USHERD_VIEW_H

#include "conf.h"
#include "service.h"
#include "session.h"

#include <jansson.h>
#include <stdbool.h>

/* ---- values ---- */

json_t *view_seconds(uint64_t ns);
json_t *view_point_in_time(int64_t wall_s);         /* RFC 3339, UTC; 0: null */
json_t *view_where(const struct conf_where *where); /* null when path is NULL */
json_t *view_text(const char *text);                /* bytes that are not UTF-8 become ?; NULL: null */

/* ---- services ---- */

/* In the order of what is worse. */
enum view_state {
	VIEW_SERVING,
	VIEW_FULL, /* as many sessions as it may */
	VIEW_DISABLED,
	VIEW_DRAINING, /* no new clients, but sessions that go on */
	VIEW_ABSENT,  /* an address does not exist yet */
	VIEW_FAILING, /* its programs end at once, and badly */
	VIEW_PAUSED,  /* it cannot be started */
	VIEW_STATES
};

const char *view_state_name(enum view_state state);

/* A service of the configuration in force; `service` NULL: it is not offered. */
enum view_state view_state_of(const struct service_set *set, const struct conf_service *settings,
			      const struct service *service);

/* With the histograms when `detailed`. */
json_t *view_service(const struct service_set *set, const struct conf_service *settings, bool detailed);

/* What comes of its `warm`; null without that. */
json_t *view_warm(const struct conf_service *settings, const struct service *service);

/* Why it is not warm though it is to be, or null. */
json_t *view_warm_problem(const struct conf_service *settings, const struct service *service);

/* Its keys with their values and where they come from; of the daemon's. */
json_t *view_service_keys(const struct conf_service *settings);
json_t *view_daemon_keys(const struct conf_daemon *settings);

/* What is told of a service that is not well, or NULL. */
const char *view_problem(enum view_state state);

/* ---- all of them ---- */

/* "services", "listeners", "sessions", "accepted" ... of DAEMON in usherctl(8), put into `object`.
 * O(services). Returns 0 or -ENOMEM. */
int view_totals(const struct service_set *set, json_t *object);

/* Those that are not well, `most` at most; those that serve, but are not warm though they are to be, are "cold". */
json_t *view_problems(const struct service_set *set, size_t most);

/* ---- sessions ---- */

json_t *view_session(const struct session *session, uint64_t now_ns);

#endif
