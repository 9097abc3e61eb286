/* service-state.h - the services, their listeners, sessions and counters, handed to the next program. */
#ifndef USHERD_SERVICE_STATE_H
#define USHERD_SERVICE_STATE_H

#include "service-set.h"
#include "state.h"

/* Writes it all. Returns 0, -ENOMEM, or -EBUSY: clients have no process yet, and would be lost. */
int service_set_save(struct service_set *set, struct state_writer *writer);

/* Makes a set that is new what the other one was; then `conf` is put in force as on a reload, but for
 * overrides, which stay. Returns 0; or -errno with errors added or a sentence in `reason`: then the
 * process is of no use, but what the state names is untouched: another may take it. */
int service_set_resume(struct service_set *set, struct state *state, struct conf *conf,
		       struct conf_errors *errors, struct service_summary *ret_summary,
		       char reason[static STATE_REASON_MAX]);

/* Whether the state makes sense, as far as that can be seen without being the one to take it. */
int service_set_look(struct state *state, char reason[static STATE_REASON_MAX]);

#endif
