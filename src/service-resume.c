/* service-resume.c - the services of the program before this one: see service-state.h.
 *
 * Order: rules, services, listeners, sources, then the sessions, which take their slots and their
 * places at sources and listeners, connections that end, bans; and at last the configuration, by a plan
 * (service-plan.h), which finds each listener that it wants already open. Until the plan is
 * committed no socket is closed and no file removed. */
#include "service-resume.h"

#include "base.h"
#include "conf-state.h"
#include "service-state.h"
#include "session-state.h"
#include "sources-state.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct resuming {
	struct service_set *set;
	struct state *state;
	bool look; /* there are only the records: nothing is done */
	struct conf *rules;
	struct service **services; /* all of them, by id in the end */
	size_t service_count, service_room;
	struct listener **listeners; /* by number */
	size_t listener_count, listener_room;
	char *cgroup_made;
	char hash[sizeof(((struct conf *)NULL)->hash)];
};

/* ---- services ---- */

static int take_set(void *context, struct state_record *record)
{
	struct resuming *resuming = context;
	struct service_set *set = resuming->set;
	const char *made = state_get_text(record, "cgroup_made"), *hash = state_get_text(record, "hash");

	set->last_id = (uint32_t)state_get_number(record, "last_id", UINT32_MAX);
	set->generation = (unsigned)state_get_number(record, "generation", UINT_MAX);
	service_counters_restore(&set->gone, set->gone_refused, record);
	if (hash != NULL)
		snprintf(resuming->hash, sizeof(resuming->hash), "%s", hash);
	if (made != NULL && resuming->cgroup_made == NULL)
		resuming->cgroup_made = strdup(made);
	return 0;
}

static int take_service(void *context, struct state_record *record)
{
	struct resuming *resuming = context;
	struct service_set *set = resuming->set;
	const struct conf_service *settings = conf_rules_get(resuming->rules, record, "rules");
	uint32_t id = (uint32_t)state_get_number(record, "id", UINT32_MAX), last_id = set->last_id;
	struct service *service;

	if (!state_is_good(record))
		return 0;
	if (id == 0 || id > last_id || resuming->service_count == resuming->service_room)
		return state_fail(record, "service %s has a wrong number", settings->name);
	service = malloc(sizeof(*service));
	if (service == NULL)
		return -ENOMEM;
	service_init(service, set);
	set->last_id = last_id;
	service->conf = conf_ref(resuming->rules);
	service->settings = settings;
	service->gate.id = id;
	service->gate.limits = &settings->limits;
	service->gate.instances = settings->limits.instances;
	service->gate.rate_ns = state_get_number(record, "rate_ns", UINT64_MAX);
	service->retired = state_get_flag(record, "retired");
	service->disabled = state_get_flag(record, "disabled");
	service->overridden = state_get_flag(record, "overridden");
	service_counters_restore(&service->counters, service->gate.refused, record);
	resuming->services[resuming->service_count++] = service;
	if (!service->retired)
		set->services[set->service_count++] = service;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct service *x = *(const struct service *const *)a, *y = *(const struct service *const *)b;

	return (x->gate.id > y->gate.id) - (x->gate.id < y->gate.id);
}

static int compare_names(const void *a, const void *b)
{
	const struct service *x = *(const struct service *const *)a, *y = *(const struct service *const *)b;

	return strcmp(x->settings->name, y->settings->name);
}

/* Sorts, and looks for doubles. */
static int order_services(struct resuming *resuming)
{
	struct service_set *set = resuming->set;
	struct service **services = resuming->services;

	qsort(services, resuming->service_count, sizeof(struct service *), compare_ids);
	qsort(set->services, set->service_count, sizeof(struct service *), compare_names);
	for (size_t i = 1; i < resuming->service_count; i++)
		if (compare_ids(&services[i - 1], &services[i]) == 0)
			return state_fail_all(resuming->state, "two services have the same number");
	for (size_t i = 1; i < set->service_count; i++)
		if (compare_names(&set->services[i - 1], &set->services[i]) == 0)
			return state_fail_all(resuming->state, "two services have the same name");
	return 0;
}

/* The service that a record names, or NULL, and the record has failed. */
static struct service *find_service(struct resuming *resuming, struct state_record *record)
{
	struct service wanted = { .gate = {
					  .id = (uint32_t)state_get_number(record, "service", UINT32_MAX) } };
	struct service *key = &wanted, **found;

	if (!state_is_good(record))
		return NULL;
	found = bsearch(&key, resuming->services, resuming->service_count, sizeof(struct service *),
			compare_ids);
	if (found == NULL)
		state_fail(record, "there is no service %u", wanted.gate.id);
	return found == NULL ? NULL : *found;
}

/* ---- listeners ---- */

static void take_queue(struct listener *listener, struct state_record *record)
{
	state_get_peer(record, "client_peer", &listener->client_peer);
	state_get_peer(record, "client_local", &listener->client_local);
	listener->client_since_ns = state_get_number(record, "client_since_ns", INT64_MAX);
	state_get_peer(record, "head_peer", &listener->head.peer);
	state_get_peer(record, "head_local", &listener->head.local);
	listener->head.size = state_get_number(record, "head_size", UINT32_MAX);
	listener->head.stamp_ns = state_get_number(record, "head_stamp_ns", UINT64_MAX);
	listener->backlog = (unsigned)state_get_number(record, "backlog", UINT_MAX);
	listener->look_closely = state_get_flag(record, "look_closely");
	listener->absent_told = state_get_flag(record, "absent_told");
}

static int take_listener(void *context, struct state_record *record)
{
	struct resuming *resuming = context;
	struct service *service = find_service(resuming, record);
	const struct endpoint *endpoint = conf_rules_endpoint(resuming->rules, record, "address");
	struct listener *listener;

	if (!state_is_good(record) || service == NULL || endpoint == NULL)
		return 0;
	if (service->retired || resuming->listener_count == resuming->listener_room ||
	    state_get_number(record, "number", SIZE_MAX) != resuming->listener_count ||
	    (resuming->listener_count > 0 &&
	     plan_compare_endpoints(resuming->listeners[resuming->listener_count - 1]->endpoint, endpoint) >=
		     0))
		return state_fail(record, "a listener that is not in its place");
	listener = malloc(sizeof(*listener));
	if (listener == NULL)
		return -ENOMEM;
	listener_init(listener, service);
	resuming->listeners[resuming->listener_count++] = listener;
	listener->endpoint = endpoint;
	listener->socket = (struct listen_socket){
		.fd = state_get_fd(record, "socket"),
		.device = state_get_number(record, "device", UINT64_MAX),
		.inode = state_get_number(record, "inode", UINT64_MAX),
	};
	listener->client = state_get_fd(record, "client");
	listener->arrivals = state_get_fd(record, "arrivals");
	take_queue(listener, record);
	return 0;
}

/* ---- sessions ---- */

/* The slot that it had, whatever the limits are now. */
static void take_slot(struct resuming *resuming, struct session *session, const struct peer_key *source_key)
{
	struct gate *gate = &resuming->set->gate;
	struct service *service = session->service;
	struct source *source =
		source_key == NULL ? NULL : source_get(gate->sources, service->gate.id, source_key);

	gate->active++;
	service->gate.active++;
	if (source != NULL)
		session->ticket.source = source_hold(gate->sources, source);
}

static int take_session(void *context, struct state_record *record)
{
	struct resuming *resuming = context;
	struct service_set *set = resuming->set;
	bool live = state_get_flag(record, "live");
	struct service *service = live ? find_service(resuming, record) : NULL;
	size_t number = state_get_number(record, "listener", SIZE_MAX);
	struct peer_key key;
	bool has_source = state_get_key(record, "source", &key);
	struct session *session = NULL;

	if (state_is_good(record) && number > resuming->listener_count)
		return state_fail(record, "a session that holds no listener");
	if (number > 0 && state_is_good(record) && resuming->listeners[number - 1]->holder != NULL)
		return state_fail(record, "a listener that two sessions hold");
	if (!state_is_good(record))
		return 0;

	int r = session_restore(set->sessions, resuming->rules, record, &session);

	if (r < 0 || session == NULL || !live)
		return r;
	session->service = service;
	take_slot(resuming, session, has_source ? &key : NULL);
	if (number > 0) {
		session->listener = resuming->listeners[number - 1];
		session->listener->holder = session;
	}
	return 0;
}

/* ---- the rest ---- */

static int take_linger(void *context, struct state_record *record)
{
	struct resuming *resuming = context;

	return linger_restore(resuming->set->linger, record);
}

static int take_farewell(void *context, struct state_record *record)
{
	struct resuming *resuming = context;

	return linger_restore(resuming->set->farewells, record);
}

static int take_ban(void *context, struct state_record *record)
{
	struct resuming *resuming = context;
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	const char *text = state_get_text(record, "address");
	uint64_t until_ns = state_get_number(record, "until_ns", UINT64_MAX);
	char reason[ACCESS_REASON_MAX];

	if (!state_is_good(record))
		return 0;
	if (text == NULL || access_parse(text, rules, reason) != 1)
		return state_fail(record, "a ban of nobody");
	return resuming->look ? 0 : bans_add(resuming->set->bans, &rules[0], until_ns);
}

static int take_sources(struct resuming *resuming)
{
	return state_each(resuming->state, "source", sources_restore, resuming->set->gate.sources);
}

/* ---- all of it ---- */

static int take_room(struct resuming *resuming)
{
	struct service_set *set = resuming->set;
	struct state *state = resuming->state;
	size_t sessions = state_count(state, "session"), lingers = state_count(state, "linger");
	int r;

	resuming->service_room = state_count(state, "service");
	resuming->listener_room = state_count(state, "listener");
	resuming->rules = conf_rules_new(state_count(state, "rules"));
	resuming->services = calloc(resuming->service_room + 1, sizeof(struct service *));
	resuming->listeners = calloc(resuming->listener_room + 1, sizeof(struct listener *));
	set->services = calloc(resuming->service_room + 1, sizeof(struct service *));
	if (resuming->rules == NULL || resuming->services == NULL || resuming->listeners == NULL ||
	    set->services == NULL)
		return -ENOMEM;
	if (resuming->look)
		return 0;
	if ((r = loop_reserve(set->loop, 3 * sessions + lingers)) < 0 ||
	    (r = linger_pool_reserve(set->linger, lingers)) < 0 ||
	    (r = sources_reserve(set->gate.sources, 2 * sessions)) < 0)
		return r;
	return session_table_reserve(set->sessions, sessions);
}

static int take_services(struct resuming *resuming)
{
	struct state *state = resuming->state;
	int r;

	if ((r = state_each(state, "rules", conf_rules_restore, resuming->rules)) < 0 ||
	    (r = state_each(state, "services", take_set, resuming)) < 0 ||
	    (r = state_each(state, "service", take_service, resuming)) < 0 ||
	    (r = order_services(resuming)) < 0)
		return r;
	return state_each(state, "listener", take_listener, resuming);
}

static int take_all(struct resuming *resuming)
{
	struct state *state = resuming->state;
	int r;

	if ((r = take_room(resuming)) < 0 || (r = take_services(resuming)) < 0 ||
	    (r = take_sources(resuming)) < 0 ||
	    (r = state_each(state, "sessions", session_table_restore, resuming->set->sessions)) < 0 ||
	    (r = state_each(state, "session", take_session, resuming)) < 0 ||
	    (r = state_each(state, "linger", take_linger, resuming)) < 0 ||
	    (r = state_each(state, "farewell", take_farewell, resuming)) < 0)
		return r;
	return state_each(state, "ban", take_ban, resuming);
}

static void explain(const struct resuming *resuming, int r, char reason[static STATE_REASON_MAX])
{
	const char *why = state_reason(resuming->state);

	snprintf(reason, STATE_REASON_MAX, "%s", why[0] != '\0' ? why : strerror(-r));
}

static void clean(struct resuming *resuming)
{
	conf_unref(resuming->rules);
	free(resuming->services);
	free(resuming->listeners);
	free(resuming->cgroup_made);
}

int service_set_resume(struct service_set *set, struct state *state, struct conf *conf,
		       struct conf_errors *errors, struct service_summary *ret_summary,
		       char reason[static STATE_REASON_MAX])
{
	struct resuming resuming = { .set = set, .state = state };
	int r = take_all(&resuming);

	if (r < 0) {
		explain(&resuming, r, reason);
		clean(&resuming);
		return r;
	}
	set->listeners = resuming.listeners;
	set->listener_count = resuming.listener_count;
	resuming.listeners = NULL;
	if (set->cgroups != NULL && resuming.cgroup_made != NULL &&
	    strcmp(resuming.cgroup_made, conf->daemon.cgroup) == 0)
		cgroup_pool_own(set->cgroups, resuming.cgroup_made);
	if (strcmp(resuming.hash, conf->hash) != 0)
		set->generation++;
	service_bans_over(&set->bans_over);
	r = service_set_apply_resumed(set, conf, errors, ret_summary);
	if (r < 0)
		snprintf(reason, STATE_REASON_MAX, "%s", strerror(-r));
	clean(&resuming);
	return r;
}

/* Gives back what only looking has made. */
static void drop_look(struct resuming *resuming)
{
	for (size_t i = 0; i < resuming->listener_count; i++)
		free(resuming->listeners[i]);
	for (size_t i = 0; i < resuming->service_count; i++) {
		conf_unref(resuming->services[i]->conf);
		free(resuming->services[i]);
	}
	free(resuming->set->services);
	clean(resuming);
}

int service_set_look(struct state *state, char reason[static STATE_REASON_MAX])
{
	struct service_set *set = calloc(1, sizeof(*set));
	struct resuming resuming = { .set = set, .state = state, .look = true };
	int r = set == NULL ? -ENOMEM : take_all(&resuming);

	if (r < 0)
		explain(&resuming, r, reason);
	if (set != NULL)
		drop_look(&resuming);
	free(set);
	return r;
}
