/* view-service.c - one service as JSON: what it is, how it is, what it did. */
#include "view.h"

#include "base.h"
#include "child.h"
#include "service-plan.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name, *problem;
} states[] = {
	[VIEW_SERVING] = { "serving", NULL },
	[VIEW_FULL] = { "full", "instances are used up: further clients wait or are refused" },
	[VIEW_DISABLED] = { "disabled", NULL },
	[VIEW_DRAINING] = { "draining", NULL },
	[VIEW_ABSENT] = { "absent", "an address that it listens on does not exist (yet); it is tried again" },
	[VIEW_FAILING] = { "failing", "its programs end at once, and badly: see `fail` in the log" },
	[VIEW_PAUSED] = { "paused", "its program cannot be started: see `fail` in the log; clients wait" },
};
_Static_assert(ELEMENTS(states) == VIEW_STATES, "each state has a name");

const char *view_state_name(enum view_state state)
{
	return states[state].name;
}

const char *view_problem(enum view_state state)
{
	return states[state].problem;
}

/* While there is one at all it is tried again from time to time. */
static bool has_absent_listener(const struct service_set *set, const struct conf_service *settings)
{
	if (set->absent.place == 0)
		return false;
	for (size_t i = 0; i < settings->listen.count; i++) {
		ssize_t place = plan_find_listener(set, &settings->listen.items[i]);

		if (place < 0 || set->listeners[place]->socket.fd < 0)
			return true;
	}
	return false;
}

enum view_state view_state_of(const struct service_set *set, const struct conf_service *settings,
			      const struct service *service)
{
	if (service == NULL || service->retired || service->disabled)
		return service != NULL && service->gate.active > 0 ? VIEW_DRAINING : VIEW_DISABLED;
	if (set->draining)
		return VIEW_DRAINING;
	if (service->cannot_start)
		return VIEW_PAUSED;
	if (service->failures.known)
		return VIEW_FAILING;
	if (has_absent_listener(set, settings))
		return VIEW_ABSENT;
	/* With wait = yes each socket has its one program: that is how it serves. */
	return !settings->wait && service->gate.active >= service->gate.instances ? VIEW_FULL : VIEW_SERVING;
}

/* ---- counters ---- */

static void set_if(json_t *object, const char *name, uint64_t count)
{
	if (count > 0)
		json_object_set_new(object, name, json_integer((json_int_t)count));
}

static json_t *refused(const struct gate_service *gate, uint64_t *ret_total)
{
	json_t *object = json_object();

	*ret_total = 0;
	for (size_t i = GATE_ADMIT + 1; i < GATE_REASONS; i++) {
		set_if(object, gate_reason_name((enum gate_reason)i), gate->refused[i]);
		*ret_total += gate->refused[i];
	}
	return object;
}

static json_t *ended(const struct service_counters *counters)
{
	json_t *object = json_object();

	for (size_t i = 0; i < SESSION_REASONS; i++)
		set_if(object, session_reason_name((enum session_reason)i), counters->ended[i]);
	return object;
}

static json_t *failed(const struct service_counters *counters)
{
	json_t *object = json_object();

	set_if(object, "resources", counters->failed[CHILD_STAGE_NONE]);
	for (size_t i = CHILD_STAGE_NONE + 1; i < CHILD_STAGES; i++)
		set_if(object, child_stage_name((enum child_stage)i), counters->failed[i]);
	return object;
}

/* As Prometheus has it: each bucket holds those before it, too. */
static json_t *distribution(const struct histogram *histogram, const struct histogram_scale *scale)
{
	json_t *buckets = json_array();
	uint64_t count = 0;

	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		count += histogram->counts[i];
		json_array_append_new(buckets,
				      json_pack("[f, I]", (double)scale->bounds_ns[i] / (double)NS_PER_S,
						(json_int_t)count));
	}
	return json_pack("{s:I, s:o, s:o}", "count", (json_int_t)histogram_count(histogram), "sum",
			 view_seconds(histogram->sum_ns), "buckets", buckets);
}

/* ---- the whole ---- */

static json_t *addresses(const struct endpoint_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct endpoint *endpoint = &list->items[i];
		char text[ENDPOINT_TEXT_MAX];

		endpoint_print(endpoint, text);
		json_array_append_new(array, endpoint->kind == ENDPOINT_TCP ? json_sprintf("%s/tcp", text) :
									      view_text(text));
	}
	return array;
}

static json_t *command(const struct conf_words *words)
{
	char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < words->count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? " " : "",
					 words->items[i]);
	return view_text(text);
}

static void add_counters(json_t *object, const struct service *service, bool detailed)
{
	static const struct service never = { .set = NULL };
	const struct service_counters *counters = service != NULL ? &service->counters : &never.counters;
	const struct gate_service *gate = service != NULL ? &service->gate : &never.gate;
	uint64_t refusals;
	json_t *reasons = refused(gate, &refusals);

	json_object_set_new(object, "active", json_integer(gate->active));
	json_object_set_new(object, "accepted", json_integer((json_int_t)counters->accepted));
	json_object_set_new(object, "started", json_integer((json_int_t)counters->started));
	json_object_set_new(object, "refused_total", json_integer((json_int_t)refusals));
	json_object_set_new(object, "refused", reasons);
	json_object_set_new(object, "ended", ended(counters));
	json_object_set_new(object, "spawn_failures", failed(counters));
	json_object_set_new(object, "bytes_in", json_integer((json_int_t)counters->bytes_in));
	json_object_set_new(object, "bytes_out", json_integer((json_int_t)counters->bytes_out));
	if (!detailed)
		return;
	json_object_set_new(object, "spawn_seconds", distribution(&counters->spawn, &histogram_spawn));
	json_object_set_new(object, "session_seconds", distribution(&counters->lasted, &histogram_session));
}

json_t *view_service(const struct service_set *set, const struct conf_service *settings, bool detailed)
{
	const struct service *service = plan_find_service(set, settings->name);
	enum view_state state = view_state_of(set, settings, service);
	unsigned instances = service != NULL ? service->gate.instances : settings->limits.instances;
	json_t *object =
		json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:I}", "name",
			  view_text(settings->name), "description", view_text(settings->description), "state",
			  view_state_name(state), "listen", addresses(&settings->listen), "exec",
			  command(&settings->exec), "user", view_text(settings->identity.name), "wait",
			  settings->wait, "where", view_where(&settings->where), "override",
			  view_text(service_set_override_of(set, settings->name)), "problem",
			  view_text(view_problem(state)), "instances", (json_int_t)instances);

	if (object == NULL)
		return NULL;
	json_object_set_new(object, "warm", view_warm(settings, service));
	add_counters(object, service, detailed);
	return object;
}
