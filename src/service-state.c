/* service-state.c - what is saved of the services. An upgrade is a reload between two programs: the
 * next one first becomes what this one is, by the rules that stand in the state, and then
 * puts its configuration in force (service-resume.c). So what a reload forgets is not saved: pauses,
 * failures in a row. */
#include "service-state.h"

#include "base.h"
#include "conf-state.h"
#include "service-plan.h"
#include "service-resume.h"
#include "session-state.h"
#include "sources-state.h"

#include <errno.h>

/* ---- counters ---- */

static const char *refusal_name(size_t reason)
{
	return gate_reason_name((enum gate_reason)reason);
}

static const char *end_name(size_t reason)
{
	return session_reason_name((enum session_reason)reason);
}

static const char *stage_name(size_t stage)
{
	return stage == CHILD_STAGE_NONE ? "before" : child_stage_name((enum child_stage)stage);
}

static void save_counters(const struct service_counters *counters, const uint64_t refused[GATE_REASONS],
			  struct state_writer *writer)
{
	state_put_number(writer, "accepted", counters->accepted);
	state_put_number(writer, "started", counters->started);
	state_put_number(writer, "warm", counters->warm);
	state_put_number(writer, "warm_ready", counters->warm_ready);
	state_put_counts(writer, "ended", counters->ended, SESSION_REASONS, end_name);
	state_put_counts(writer, "failed", counters->failed, CHILD_STAGES, stage_name);
	state_put_counts(writer, "refused", refused, GATE_REASONS, refusal_name);
	state_put_number(writer, "bytes_in", counters->bytes_in);
	state_put_number(writer, "bytes_out", counters->bytes_out);
	state_put_numbers(writer, "spawn_counts", counters->spawn.counts, ELEMENTS(counters->spawn.counts));
	state_put_number(writer, "spawn_ns", counters->spawn.sum_ns);
	state_put_numbers(writer, "lasted_counts", counters->lasted.counts,
			  ELEMENTS(counters->lasted.counts));
	state_put_number(writer, "lasted_ns", counters->lasted.sum_ns);
}

void service_counters_restore(struct service_counters *counters, uint64_t refused[GATE_REASONS],
			      struct state_record *record)
{
	counters->accepted = state_get_number(record, "accepted", UINT64_MAX);
	counters->started = state_get_number(record, "started", UINT64_MAX);
	counters->warm = state_get_number(record, "warm", UINT64_MAX);
	counters->warm_ready = state_get_number(record, "warm_ready", UINT64_MAX);
	state_get_counts(record, "ended", counters->ended, SESSION_REASONS, end_name);
	state_get_counts(record, "failed", counters->failed, CHILD_STAGES, stage_name);
	state_get_counts(record, "refused", refused, GATE_REASONS, refusal_name);
	counters->bytes_in = state_get_number(record, "bytes_in", UINT64_MAX);
	counters->bytes_out = state_get_number(record, "bytes_out", UINT64_MAX);
	state_get_numbers(record, "spawn_counts", counters->spawn.counts, ELEMENTS(counters->spawn.counts));
	counters->spawn.sum_ns = state_get_number(record, "spawn_ns", UINT64_MAX);
	state_get_numbers(record, "lasted_counts", counters->lasted.counts,
			  ELEMENTS(counters->lasted.counts));
	counters->lasted.sum_ns = state_get_number(record, "lasted_ns", UINT64_MAX);
}

/* ---- services: those of the set, and the retired ones that have sessions ---- */

struct saving {
	struct service_set *set;
	struct state_writer *writer;
	struct conf_rules_index rules;
	const struct service **retired; /* sorted; without doubles */
	size_t retired_count, retired_room;
	int error;
};

static bool note_retired(void *context, struct session *session)
{
	struct saving *saving = context;
	const struct service *service = session->service;

	if (!service->retired)
		return true;
	if (saving->retired_count == saving->retired_room) {
		size_t room = saving->retired_room * 2 + 16;
		const struct service **retired = reallocarray(saving->retired, room, sizeof(*retired));

		if (retired == NULL) {
			saving->error = -ENOMEM;
			return false;
		}
		saving->retired = retired;
		saving->retired_room = room;
	}
	saving->retired[saving->retired_count++] = service;
	return true;
}

static int compare_services(const void *a, const void *b)
{
	const struct service *x = *(const struct service *const *)a, *y = *(const struct service *const *)b;

	return (x->gate.id > y->gate.id) - (x->gate.id < y->gate.id);
}

static int note_all(struct saving *saving)
{
	struct service_set *set = saving->set;
	size_t place = 0, count = 0;
	int r = session_table_note_rules(set->sessions, &saving->rules);

	(void)session_each(set->sessions, &place, SIZE_MAX, note_retired, saving);
	for (size_t i = 0; i < set->service_count && r == 0; i++)
		r = conf_rules_note(&saving->rules, set->services[i]->settings);
	if (saving->retired_count > 0)
		qsort(saving->retired, saving->retired_count, sizeof(*saving->retired), compare_services);
	for (size_t i = 0; i < saving->retired_count && r == 0; i++)
		if (count == 0 || saving->retired[count - 1] != saving->retired[i]) {
			r = conf_rules_note(&saving->rules, saving->retired[i]->settings);
			saving->retired[count++] = saving->retired[i];
		}
	saving->retired_count = count;
	conf_rules_sort(&saving->rules);
	return r < 0 ? r : saving->error;
}

static void save_service(const struct saving *saving, const struct service *service)
{
	struct state_writer *writer = saving->writer;

	state_begin(writer, "service");
	state_put_number(writer, "id", service->gate.id);
	state_put_number(writer, "rules", conf_rules_number(&saving->rules, service->settings));
	state_put_flag(writer, "retired", service->retired);
	state_put_flag(writer, "disabled", service->disabled);
	state_put_flag(writer, "overridden", service->overridden);
	state_put_number(writer, "rate_ns", service->gate.rate_ns);
	save_counters(&service->counters, service->gate.refused, writer);
	state_end(writer);
}

static void save_set(const struct saving *saving)
{
	const struct service_set *set = saving->set;
	struct state_writer *writer = saving->writer;

	state_begin(writer, "services");
	state_put_number(writer, "last_id", set->last_id);
	state_put_number(writer, "generation", set->generation);
	state_put_text(writer, "hash", set->conf->hash);
	if (set->cgroups != NULL)
		state_put_text(writer, "cgroup_made", cgroup_pool_made(set->cgroups));
	save_counters(&set->gone, set->gone_refused, writer);
	state_end(writer);
}

/* ---- listeners ---- */

static void save_listener(const struct listener *listener, size_t number, struct state_writer *writer)
{
	char address[ENDPOINT_TEXT_MAX];

	state_begin(writer, "listener");
	state_put_number(writer, "number", number);
	state_put_number(writer, "service", listener->service->gate.id);
	state_put_text(writer, "address", endpoint_print(listener->endpoint, address));
	state_put_fd(writer, "socket", listener->socket.fd);
	state_put_number(writer, "device", listener->socket.device);
	state_put_number(writer, "inode", listener->socket.inode);
	state_put_flag(writer, "absent_told", listener->absent_told);
	if (listener->client >= 0) {
		state_put_fd(writer, "client", listener->client);
		state_put_peer(writer, "client_peer", &listener->client_peer);
		state_put_peer(writer, "client_local", &listener->client_local);
		state_put_number(writer, "client_since_ns", listener->client_since_ns);
	}
	if (listener->holder != NULL) {
		state_put_peer(writer, "head_peer", &listener->head.peer);
		state_put_peer(writer, "head_local", &listener->head.local);
		state_put_number(writer, "head_size", listener->head.size);
		state_put_number(writer, "head_stamp_ns", listener->head.stamp_ns);
		state_put_number(writer, "backlog", listener->backlog);
		state_put_fd(writer, "arrivals", listener->arrivals);
	}
	state_put_flag(writer, "look_closely", listener->look_closely);
	state_end(writer);
}

/* ---- sessions, bans ---- */

static void save_session(void *context, const struct session *session, struct state_writer *writer)
{
	const struct saving *saving = context;
	const struct service_set *set = saving->set;

	state_put_number(writer, "service", session->service->gate.id);
	if (session->ticket.source != 0)
		state_put_key(writer, "source", &source_of(set->gate.sources, session->ticket.source)->key);
	if (session->listener != NULL)
		state_put_number(writer, "listener",
				 1 + (uint64_t)plan_find_listener(set, session->listener->endpoint));
}

static void save_bans(const struct bans *bans, struct state_writer *writer)
{
	char text[ACCESS_TEXT_MAX];

	for (size_t i = 0; i < bans_count(bans); i++) {
		const struct ban *ban = bans_at(bans, i);

		state_begin(writer, "ban");
		state_put_text(writer, "address", access_print(&ban->rule, text));
		state_put_number(writer, "until_ns", ban->until_ns);
		state_end(writer);
	}
}

static void save_all(struct saving *saving)
{
	struct service_set *set = saving->set;
	struct state_writer *writer = saving->writer;

	conf_rules_save(&saving->rules, writer);
	save_set(saving);
	for (size_t i = 0; i < set->service_count; i++)
		save_service(saving, set->services[i]);
	for (size_t i = 0; i < saving->retired_count; i++)
		save_service(saving, saving->retired[i]);
	for (size_t i = 0; i < set->listener_count; i++)
		save_listener(set->listeners[i], i, writer);
	sources_save(set->gate.sources, loop_now_ns(set->loop), writer);
	session_table_save(set->sessions, &saving->rules, save_session, saving, writer);
	linger_save(set->linger, "linger", writer);
	linger_save(set->farewells, "farewell", writer);
	save_bans(set->bans, writer);
}

int service_set_save(struct service_set *set, struct state_writer *writer)
{
	struct saving saving = { .set = set, .writer = writer };
	int r;

	/* The next program starts its own; who waits for a copy has an answer before. */
	service_warm_end_all(set);
	if (session_count_waiting(set->sessions) > 0)
		return -EBUSY;
	session_table_settle_strays(set->sessions);
	r = note_all(&saving);
	if (r == 0)
		save_all(&saving);
	conf_rules_index_free(&saving.rules);
	free(saving.retired);
	return r;
}
