/* service-plan.c - from a snapshot to the live set, as a transaction.
 *
 * Services are matched by name, listeners by address: a listener keeps its
 * descriptor whatever else changes around it, even the service it belongs to.
 * New sockets are opened while the old ones are still served. The one exception:
 * when what is in the way of a new address is a listener of ours that goes
 * (0.0.0.0:80 becomes 127.0.0.1:80), that one is closed first, and opened again
 * should the new one fail all the same. */
#include "service-plan.h"

#include "base.h"
#include "conf-errors.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>

#define SESSIONS_MOST   20000 /* what `max_sessions = auto` stands for, at most */
#define LINGER_MOST     4096  /* connections that end at the same time */
#define TIMERS_OWN      64    /* of the daemon itself */
#define DESCRIPTORS_OWN 96    /* log, epoll, reserve, refused clients, a reload in progress ... */

/* ---- order ---- */

/* TCP and MPTCP are one name space, so are the three kinds of Unix sockets with
 * a file: what endpoint_equal() calls equal must compare as equal here. */
static unsigned name_space(const struct endpoint *endpoint)
{
	if (endpoint_is_unix(endpoint) && endpoint_has_path(endpoint))
		return ENDPOINT_UNIX_STREAM;
	return endpoint->kind == ENDPOINT_MPTCP ? ENDPOINT_TCP : endpoint->kind;
}

int plan_compare_endpoints(const struct endpoint *a, const struct endpoint *b)
{
	unsigned x = name_space(a), y = name_space(b);

	if (x != y)
		return x < y ? -1 : 1;
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;

	int r = memcmp(&a->address, &b->address, a->length);

	return r != 0 ? r : strcmp(a->scope, b->scope);
}

static int compare_plan_listeners(const void *a, const void *b)
{
	const struct plan_listener *x = a, *y = b;

	return plan_compare_endpoints(x->endpoint, y->endpoint);
}

static int compare_plan_services(const void *a, const void *b)
{
	const struct plan_service *x = a, *y = b;

	return strcmp(x->settings->name, y->settings->name);
}

struct service *plan_find_service(const struct service_set *set, const char *name)
{
	size_t low = 0, high = set->service_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(set->services[middle]->settings->name, name);

		if (r == 0)
			return set->services[middle];
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

ssize_t plan_find_listener(const struct service_set *set, const struct endpoint *endpoint)
{
	size_t low = 0, high = set->listener_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = plan_compare_endpoints(set->listeners[middle]->endpoint, endpoint);

		if (r == 0)
			return (ssize_t)middle;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* ---- opening ---- */

static void listen_failed(struct plan *plan, const struct conf_service *settings,
			  const struct endpoint *endpoint, const char *reason)
{
	char address[ENDPOINT_TEXT_MAX], subject[128];

	snprintf(subject, sizeof(subject), "%s.listen", settings->name);
	conf_error_add(plan->errors, settings->where.path, settings->listen_line, subject, "%s: %s",
		       endpoint_print(endpoint, address), reason);
}

int plan_open(struct listener *listener, const struct endpoint *endpoint, const struct conf_service *settings,
	      char reason[static LISTEN_REASON_MAX])
{
	struct adopted *adopted = listener->service->set->adopted;
	int fd = adopted != NULL ? adopted_take(adopted, endpoint) : -1, r;

	if (fd >= 0)
		return listen_adopt(fd, endpoint, &settings->socket, settings->wait, &listener->socket,
				    reason);
	r = listen_open(endpoint, &settings->socket, settings->wait, &listener->socket, reason);
	if (r == -EADDRINUSE && adopted != NULL)
		(void)adopted_explain(adopted, endpoint, reason, LISTEN_REASON_MAX);
	return r;
}

/* Whether `old`, which goes, is what the kernel finds in the way of `endpoint`. */
static bool in_the_way(const struct listener *old, const struct endpoint *endpoint)
{
	const struct endpoint *other = old->endpoint;

	if (old->socket.fd < 0 || name_space(other) != name_space(endpoint))
		return false;
	if (endpoint_is_ip(endpoint))
		return other->address.sa.sa_family == endpoint->address.sa.sa_family &&
		       (endpoint->address.sa.sa_family == AF_INET ?
				other->address.in.sin_port == endpoint->address.in.sin_port :
				other->address.in6.sin6_port == endpoint->address.in6.sin6_port);
	if (endpoint->kind == ENDPOINT_VSOCK)
		return other->address.vm.svm_port == endpoint->address.vm.svm_port;
	return endpoint_equal(other, endpoint);
}

/* Services that are offered have no address in common, or the file would not have been read; one
 * that is offered by hand may have. */
static const struct listener *find_own_in_the_way(const struct plan *plan, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < plan->set->listener_count; i++)
		if (plan->claimed[i] && in_the_way(plan->set->listeners[i], endpoint))
			return plan->set->listeners[i];
	return NULL;
}

static void address_in_use(struct plan *plan, const struct plan_listener *item, const char *reason)
{
	const struct listener *own = find_own_in_the_way(plan, item->endpoint);
	char address[ENDPOINT_TEXT_MAX], text[ENDPOINT_TEXT_MAX + 256];

	if (own != NULL) {
		snprintf(text, sizeof(text), "%s is served by the service [%s] already",
			 endpoint_print(own->endpoint, address), own->service->settings->name);
		reason = text;
	}
	listen_failed(plan, item->settings, item->endpoint, reason);
}

static bool goes_and_is_in_the_way(const struct plan *plan, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < plan->set->listener_count; i++)
		if (!plan->claimed[i] && in_the_way(plan->set->listeners[i], endpoint))
			/* A program that has it (wait = yes) keeps the address busy. */
			return plan->set->listeners[i]->holder == NULL;
	return false;
}

/* Opens what is new. Goes on after a failure, so that all are reported. */
static void open_new(struct plan *plan)
{
	char reason[LISTEN_REASON_MAX];

	for (size_t i = 0; i < plan->listener_count; i++) {
		struct plan_listener *item = &plan->listeners[i];
		const struct conf_service *settings = item->settings;

		if (item->kept)
			continue;

		int r = plan_open(item->listener, item->endpoint, settings, reason);

		if (r == -EADDRINUSE && goes_and_is_in_the_way(plan, item->endpoint))
			item->deferred = true;
		else if (r == -EADDRINUSE)
			address_in_use(plan, item, reason);
		else if (r < 0 && !listen_is_absent(r))
			listen_failed(plan, settings, item->endpoint, reason);
	}
}

/* Second try for those that only a listener of ours was in the way of. */
static void open_deferred(struct plan *plan)
{
	struct service_set *set = plan->set;
	char reason[LISTEN_REASON_MAX];

	for (size_t i = 0; i < plan->listener_count; i++) {
		struct plan_listener *item = &plan->listeners[i];

		if (!item->deferred)
			continue;
		for (size_t old = 0; old < set->listener_count; old++) {
			if (plan->claimed[old] || !in_the_way(set->listeners[old], item->endpoint))
				continue;
			loop_remove(set->loop, &set->listeners[old]->source);
			listen_close(&set->listeners[old]->socket, set->listeners[old]->endpoint);
			plan->closed[old] = true;
		}
		if (plan_open(item->listener, item->endpoint, item->settings, reason) < 0)
			listen_failed(plan, item->settings, item->endpoint, reason);
	}
}

/* ---- making the plan ---- */

static int take_room(struct plan *plan)
{
	size_t listeners = 0;

	for (size_t i = 0; i < plan->conf->service_count; i++)
		listeners += plan->conf->services[i].listen.count;
	plan->services = calloc(plan->conf->service_count + 1, sizeof(*plan->services));
	plan->new_services = calloc(plan->conf->service_count + 1, sizeof(*plan->new_services));
	plan->listeners = calloc(listeners + 1, sizeof(*plan->listeners));
	plan->new_listeners = calloc(listeners + 1, sizeof(*plan->new_listeners));
	plan->claimed = calloc(plan->set->listener_count + 1, sizeof(*plan->claimed));
	plan->closed = calloc(plan->set->listener_count + 1, sizeof(*plan->closed));
	return plan->services == NULL || plan->new_services == NULL || plan->listeners == NULL ||
			       plan->new_listeners == NULL || plan->claimed == NULL || plan->closed == NULL ?
		       -ENOMEM :
		       0;
}

static bool is_disabled(const struct plan *plan, const struct plan_service *item)
{
	const struct service *service = item->service;

	if (plan->purpose == PLAN_OVERRIDE)
		return service->disabled != (service == plan->overridden);
	/* One that was offered by hand may lack what it needs by now. */
	if (plan->purpose == PLAN_RESUME && service->overridden && item->settings->lacks == NULL)
		return service->disabled;
	return item->settings->disable;
}

static int plan_services(struct plan *plan)
{
	for (size_t i = 0; i < plan->conf->service_count; i++) {
		const struct conf_service *settings = &plan->conf->services[i];
		struct plan_service *item = &plan->services[plan->service_count];

		item->settings = settings;
		item->service = plan_find_service(plan->set, settings->name);
		item->kept = item->service != NULL;
		if (!item->kept) {
			item->service = malloc(sizeof(*item->service));
			if (item->service == NULL)
				return -ENOMEM;
			service_init(item->service, plan->set);
			item->service->settings = settings;
		}
		item->disabled = is_disabled(plan, item);
		plan->service_count++;
	}
	return 0;
}

/* Whether a listener of the same address can go on under the new settings. */
static bool can_serve(const struct plan *plan, const struct plan_listener *item,
		      const struct listener *listener)
{
	/* All that are served stay as they are. */
	if (plan->purpose == PLAN_OVERRIDE)
		return listener->service == item->service;
	/* A socket whose file was taken away or replaced can be reached by nobody. */
	return listener->endpoint->kind == item->endpoint->kind &&
	       listen_is_in_place(&listener->socket, listener->endpoint) &&
	       listen_can_adjust(&listener->service->settings->socket, &item->settings->socket);
}

/* Keeps the listener of this address if it can. */
static bool claim(struct plan *plan, struct plan_listener *item)
{
	ssize_t place = plan_find_listener(plan->set, item->endpoint);

	if (place < 0)
		return false;

	struct listener *listener = plan->set->listeners[place];

	if (!can_serve(plan, item, listener))
		return false;
	plan->claimed[place] = true;
	item->listener = listener;
	return true;
}

static int plan_listeners(struct plan *plan)
{
	for (size_t i = 0; i < plan->service_count; i++) {
		struct plan_service *owner = &plan->services[i];

		if (owner->disabled)
			continue;
		for (size_t k = 0; k < owner->settings->listen.count; k++) {
			struct plan_listener *item = &plan->listeners[plan->listener_count];

			item->service = owner->service;
			item->settings = owner->settings;
			item->endpoint = &owner->settings->listen.items[k];
			item->kept = claim(plan, item);
			if (!item->kept) {
				item->listener = malloc(sizeof(*item->listener));
				if (item->listener == NULL)
					return -ENOMEM;
				listener_init(item->listener, owner->service);
			}
			owner->listener_count++;
			plan->listener_count++;
		}
	}
	return 0;
}

/* Programs that are started ahead of clients: each has its sockets, its pidfd and its stderr, and two descriptors for
 * each copy that waits. */
static size_t warm_descriptors(const struct plan *plan)
{
	size_t needed = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct conf_service *settings = plan->services[i].settings;

		if (settings->warm != WARM_NONE)
			needed += 6 + 2 * (settings->warm_spares + 1);
	}
	return needed;
}

/* What a session of the dearest service costs: its pidfd, its stderr and the client's socket; a filter has replies and the
 * socket they go to. A session that a reload leaves with older settings may cost more; what then is lacking makes
 * clients wait. */
static size_t session_descriptors(const struct plan *plan)
{
	size_t most = 1;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct conf_service *settings = plan->services[i].settings;
		size_t each = 1 + (settings->stderr_target.kind == CONF_STDERR_LOG) + (settings->linger_ns > 0);

		most = each > most ? each : most;
	}
	for (size_t i = 0; i < plan->listener_count; i++)
		if (!endpoint_is_stream(plan->listeners[i].endpoint))
			most = 4;
	return most;
}

/* How many sessions the descriptors allow beside the listeners. */
static int plan_sessions(struct plan *plan)
{
	const struct conf_daemon *daemon = &plan->conf->daemon;
	size_t each = session_descriptors(plan);
	size_t warm = warm_descriptors(plan);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return -errno;
	size_t most = limit.rlim_cur > 1u << 30 ? 1u << 30 : (size_t)limit.rlim_cur;
	size_t needed = plan->listener_count + warm + DESCRIPTORS_OWN +
			each * (daemon->max_sessions > 0 ? daemon->max_sessions : 1);

	if (needed > most) {
		conf_error_add(
			plan->errors, "usherd", 0, daemon->max_sessions > 0 ? "usherd.max_sessions" : NULL,
			"%zu listeners and %u sessions need %zu descriptors, the limit is %zu; raise it "
			"(LimitNOFILE= of the unit, or ulimit -n) or lower max_sessions",
			plan->listener_count, daemon->max_sessions > 0 ? daemon->max_sessions : 1, needed,
			most);
		return -EINVAL;
	}

	/* Connections that are ending get what an explicit number of sessions leaves, or a share. */
	size_t left = most - plan->listener_count - warm - DESCRIPTORS_OWN;
	size_t linger = daemon->max_sessions > 0 ? most - needed : left / 8;
	int r;

	linger = linger < LINGER_MOST ? linger : LINGER_MOST;
	plan->max_sessions = daemon->max_sessions;
	if (daemon->max_sessions == 0) {
		size_t sessions = (left - linger) / each;

		plan->max_sessions = sessions == 0             ? 1 :
				     sessions < SESSIONS_MOST ? (unsigned)sessions :
								SESSIONS_MOST;
	}
	if (plan->purpose == PLAN_TRY)
		return 0;
	/* Of a session: its own, and two of its stderr; of a service: its pauses and what it has to tell; of a
	 * warm program about as many as descriptors. */
	size_t timers = 3 * (size_t)plan->max_sessions + linger + 3 * plan->service_count + warm +
			plan->listener_count + TIMERS_OWN;

	if ((r = loop_reserve(plan->set->loop, timers)) < 0 ||
	    (r = linger_pool_reserve(plan->set->linger, linger)) < 0 ||
	    (r = sources_reserve(plan->set->gate.sources, 2 * (size_t)plan->max_sessions)) < 0)
		return r;
	return session_table_reserve(plan->set->sessions, plan->max_sessions);
}

static int reserve_spawn(struct plan *plan)
{
	size_t names = 0, groups = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct conf_service *settings = plan->services[i].settings;

		if (settings->environment.count > names)
			names = settings->environment.count;
		if (settings->identity.group_count > groups)
			groups = settings->identity.group_count;
	}
	return spawn_reserve(plan->set->spawn, names, groups);
}

int plan_make(struct plan *plan)
{
	int r;

	if ((r = take_room(plan)) < 0 || (r = plan_services(plan)) < 0)
		return r;
	qsort(plan->services, plan->service_count, sizeof(*plan->services), compare_plan_services);
	r = plan_listeners(plan);
	if (r < 0)
		return r;
	qsort(plan->listeners, plan->listener_count, sizeof(*plan->listeners), compare_plan_listeners);
	if ((r = plan_sessions(plan)) < 0 || (plan->purpose != PLAN_TRY && (r = reserve_spawn(plan)) < 0))
		return r;
	open_new(plan);
	if (plan->errors->count == 0 && plan->purpose != PLAN_TRY)
		open_deferred(plan);
	return plan->errors->count == 0 ? 0 : -EINVAL;
}

/* ---- the end of a plan ---- */

/* A listener that had to make way comes back when the plan is dropped. */
static void reopen_closed(struct plan *plan)
{
	char reason[LISTEN_REASON_MAX], address[ENDPOINT_TEXT_MAX];

	for (size_t i = 0; plan->closed != NULL && i < plan->set->listener_count; i++) {
		struct listener *listener = plan->set->listeners[i];
		const struct conf_service *settings = listener->service->settings;

		if (!plan->closed[i])
			continue;
		if (plan_open(listener, listener->endpoint, settings, reason) == 0) {
			listener_start(listener);
			continue;
		}
		log_message(plan->set->log, LOG_LEVEL_ERROR, "listen",
			    "%s: %s: could not be opened again: %s; trying until it can", settings->name,
			    endpoint_print(listener->endpoint, address), reason);
		plan->set->missing = true;
	}
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->listener_count; i++) {
		struct plan_listener *item = &plan->listeners[i];

		if (item->kept)
			continue;
		listen_close(&item->listener->socket, item->endpoint);
		free(item->listener);
	}
	for (size_t i = 0; i < plan->service_count; i++)
		if (!plan->services[i].kept)
			free(plan->services[i].service);
	reopen_closed(plan);
	free(plan->services);
	free(plan->listeners);
	free(plan->claimed);
	free(plan->closed);
	free(plan->new_services);
	free(plan->new_listeners);
	*plan = (struct plan){ .set = NULL };
}
