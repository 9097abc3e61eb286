/* service-set.h - the services as the rest of the daemon sees them: apply a
 * configuration whole or not at all, stop serving, count. */
#ifndef USHERD_SERVICE_SET_H
#define USHERD_SERVICE_SET_H

#include "adopt.h"
#include "cgroup.h"
#include "conf.h"
#include "log.h"
#include "loop.h"
#include "service-changes.h"
#include "spawn.h"

struct service_set;

/* What an applied configuration came to. */
struct service_summary {
	unsigned generation; /* 1: the first */
	size_t services, listeners;
	size_t opened, kept, closed, absent;
	unsigned max_sessions;
};

/* Borrows loop, log and spawn. Returns 0 or -errno. */
int service_set_new(struct loop *loop, struct log *log, struct spawn *spawn, struct service_set **ret_set);
void service_set_free(struct service_set *set);

/* Gives each session a cgroup, where that is possible: see cgroup.h for `where`. Once, before the
 * first session; not at all: none has one. Returns 0, or -errno with a reason. */
int service_set_use_cgroups(struct service_set *set, const char *where, char reason[static CGROUP_REASON_MAX]);

/* Puts a snapshot in force (borrowed; a reference of its own is taken): opens
 * what is new, keeps the descriptor of every listener whose address stays, lets
 * sessions run on, closes the rest; overrides are forgotten. Returns 0, and what changed
 * when `ret_changes` is not NULL; or -EINVAL with at least one
 * error added (address, reason, what to do), or -ENOMEM: then nothing has
 * changed. An address that does not exist yet is no error: it is tried again. */
int service_set_apply(struct service_set *set, struct conf *conf, struct conf_errors *errors,
		      struct service_summary *ret_summary, struct service_changes *ret_changes);

/* The first time, in a set that was made what another one was (service-state.h): overrides stay, and what is
 * served is no news. */
int service_set_apply_resumed(struct service_set *set, struct conf *conf, struct conf_errors *errors,
			      struct service_summary *ret_summary);

/* Finds out what service_set_apply() would do, and undoes it: new addresses are opened, to learn
 * whether they can be, and closed again; nothing that is served is touched. An address that only a
 * listener of ours is in the way of, which would go, counts as one that can be opened. Returns as
 * service_set_apply() does. */
int service_set_try(struct service_set *set, struct conf *conf, struct conf_errors *errors,
		    struct service_changes *ret_changes);

/* Offers or withdraws one service until the next service_set_apply(), whatever its `disable` says;
 * its sessions go on. Returns 0, and how many of its listeners are open and its sessions run; -ENOENT:
 * no such service; -EBUSY: while draining; -EINVAL with errors added, or -ENOMEM: nothing has changed. */
int service_set_override(struct service_set *set, const char *name, bool disable, struct conf_errors *errors,
			 size_t *ret_listeners, size_t *ret_sessions);

/* "enabled" or "disabled" when that is not what the configuration says; else NULL. */
const char *service_set_override_of(const struct service_set *set, const char *name);

/* Sockets that are open already (borrowed) are used by service_set_apply() where it would open one of that
 * address; NULL: no more of that. */
void service_set_adopt(struct service_set *set, struct adopted *adopted);

unsigned service_set_generation(const struct service_set *set);
/* Services that are offered; and Unix sockets that took the place of what an earlier usherd left. */
size_t service_set_service_count(const struct service_set *set);
size_t service_set_count_replaced(const struct service_set *set);

/* Collects dead children that no session waits for. */
void service_set_collect_orphans(struct service_set *set);

size_t service_set_session_count(const struct service_set *set);

/* Closes every listener but those of services that `serve_while_draining`: these go on until no
 * session of another service is left; then they are closed, too, and their sessions told to end. Calls `drained`
 * once no session is left and the last connection has ended cleanly (at once, when there is none). */
void service_set_drain(struct service_set *set, void (*drained)(void *context), void *context);

/* Ends all sessions: see session_terminate(). A drain no longer waits for clients after that. */
void service_set_terminate(struct service_set *set, bool at_once);

#endif
