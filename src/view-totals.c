/* view-totals.c - all services together. */
#include "view.h"

#include "base.h"
#include "linger.h"
#include "service-bans.h"
#include "service-plan.h"

#include <errno.h>

struct totals {
	struct service_counters counters;
	uint64_t refused[GATE_REASONS];
	uint64_t states[VIEW_STATES];
};

static void add(struct totals *totals, const struct service_counters *counters, const uint64_t *refused)
{
	struct service_counters *sum = &totals->counters;

	sum->accepted += counters->accepted;
	sum->started += counters->started;
	sum->warm += counters->warm;
	sum->bytes_in += counters->bytes_in;
	sum->bytes_out += counters->bytes_out;
	for (size_t i = 0; i < SESSION_REASONS; i++)
		sum->ended[i] += counters->ended[i];
	for (size_t i = 0; i < CHILD_STAGES; i++)
		sum->failed[i] += counters->failed[i];
	for (size_t i = GATE_ADMIT + 1; i < GATE_REASONS; i++)
		totals->refused[i] += refused[i];
}

/* Retired services that still have sessions are not in the list any more: until they are free their share is
 * missing. */
static struct totals sum_up(const struct service_set *set)
{
	struct totals totals = { .states = { 0 } };

	add(&totals, &set->gone, set->gone_refused);
	for (size_t i = 0; i < set->service_count; i++)
		add(&totals, &set->services[i]->counters, set->services[i]->gate.refused);
	for (size_t i = 0; i < set->service_count; i++)
		totals.states[view_state_of(set, set->services[i]->settings, set->services[i])]++;
	return totals;
}

static uint64_t sum(const uint64_t *counts, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += counts[i];
	return total;
}

static json_t *states(const struct totals *totals)
{
	json_t *object = json_object();

	json_object_set_new(object, "total", json_integer((json_int_t)sum(totals->states, VIEW_STATES)));
	for (size_t i = 0; i < VIEW_STATES; i++)
		json_object_set_new(object, view_state_name((enum view_state)i),
				    json_integer((json_int_t)totals->states[i]));
	return object;
}

static json_t *reasons(const struct totals *totals)
{
	json_t *object = json_object();

	for (size_t i = GATE_ADMIT + 1; i < GATE_REASONS; i++)
		json_object_set_new(object, gate_reason_name((enum gate_reason)i),
				    json_integer((json_int_t)totals->refused[i]));
	return object;
}

static size_t open_listeners(const struct service_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->listener_count; i++)
		count += set->listeners[i]->socket.fd >= 0;
	return count;
}

int view_totals(const struct service_set *set, json_t *object)
{
	struct totals totals = sum_up(set);
	json_t *sessions = json_pack("{s:I, s:I, s:I}", "active", (json_int_t)session_count(set->sessions),
				     "most", (json_int_t)set->gate.max_sessions, "lingering",
				     (json_int_t)linger_count(set->linger));
	json_t *counts = json_pack(
		"{s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I}", "services", states(&totals),
		"listeners", (json_int_t)open_listeners(set), "sessions", sessions, "accepted",
		(json_int_t)totals.counters.accepted, "started", (json_int_t)totals.counters.started, "ended",
		(json_int_t)sum(totals.counters.ended, SESSION_REASONS), "refused_total",
		(json_int_t)sum(totals.refused, GATE_REASONS), "refused", reasons(&totals), "spawn_failures",
		(json_int_t)sum(totals.counters.failed, CHILD_STAGES), "bytes_in",
		(json_int_t)totals.counters.bytes_in, "bytes_out", (json_int_t)totals.counters.bytes_out,
		"bans", (json_int_t)service_set_ban_count(set));
	int r = counts != NULL ? json_object_update(object, counts) : -1;

	json_decref(counts);
	return r == 0 ? 0 : -ENOMEM;
}

static json_t *problem_of(const struct service_set *set, const struct service *service)
{
	const struct conf_service *settings = service->settings;
	enum view_state state = view_state_of(set, settings, service);
	const char *problem = view_problem(state);
	json_t *cold = NULL;

	if (problem == NULL && !service->disabled)
		cold = view_warm_problem(settings, service);
	if (problem == NULL && !json_is_string(cold)) {
		json_decref(cold);
		return NULL;
	}
	return json_pack("{s:o, s:s, s:o}", "service", view_text(settings->name), "state",
			 problem != NULL ? view_state_name(state) : "cold", "message",
			 problem != NULL ? json_string(problem) : cold);
}

json_t *view_problems(const struct service_set *set, size_t most)
{
	json_t *array = json_array();

	for (size_t i = 0; i < set->service_count && json_array_size(array) < most; i++) {
		json_t *problem = problem_of(set, set->services[i]);

		if (problem != NULL)
			json_array_append_new(array, problem);
	}
	return array;
}
