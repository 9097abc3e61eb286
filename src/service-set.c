/* service-set.c - see service-set.h. Also keeps trying the addresses that did
 * not exist when they were to be opened (an interface that comes up late). */
#include "service-set.h"

#include "base.h"
#include "conf-errors.h"
#include "libc.h"
#include "service-plan.h"
#include "service.h"
#include "session-table.h"

#include <errno.h>
#include <limits.h>
#include <sys/random.h>

#define ABSENT_RETRY_NS (1 * NS_PER_S)
#define FAREWELLS       32 /* refused clients that take their banner_refused */
#define LINGER_LEAST    64 /* connections that end at the same time; the plan makes room for more */

static void tell_absent(struct service_set *set, struct listener *listener, const char *reason)
{
	char address[ENDPOINT_TEXT_MAX];
	struct log_event *event;

	if (listener->absent_told)
		return;
	listener->absent_told = true;
	event = log_begin(set->log, LOG_LEVEL_WARNING, "absent");
	log_text(event, "service", listener->service->settings->name);
	log_text(event, "address", endpoint_print(listener->endpoint, address));
	log_printf(event, "message", "%s; trying again until it is there", reason);
	log_end(event);
}

static void tell_present(struct service_set *set, struct listener *listener)
{
	char address[ENDPOINT_TEXT_MAX];
	struct log_event *event = log_begin(set->log, LOG_LEVEL_NOTICE, "listening");

	log_text(event, "service", listener->service->settings->name);
	log_text(event, "address", endpoint_print(listener->endpoint, address));
	log_end(event);
	listener->absent_told = false;
}

/* Tries each listener without a socket; goes on while there is one. */
static void try_absent(struct service_set *set)
{
	char reason[LISTEN_REASON_MAX];
	bool some = false;

	for (size_t i = 0; i < set->listener_count; i++) {
		struct listener *listener = set->listeners[i];

		if (listener->socket.fd >= 0)
			continue;
		if (plan_open(listener, listener->endpoint, listener->service->settings, reason) < 0) {
			tell_absent(set, listener, reason);
			some = true;
			continue;
		}
		tell_present(set, listener);
		listener_start(listener);
	}
	if (some)
		loop_arm(set->loop, &set->absent, loop_now_ns(set->loop) + ABSENT_RETRY_NS);
}

static void absent_due(struct loop_timer *timer)
{
	struct service_set *set = container_of(timer, struct service_set, absent);

	if (!set->draining)
		try_absent(set);
}

static void close_listener(struct listener *listener)
{
	listener_stop(listener);
	listen_close(&listener->socket, listener->endpoint);
}

static void close_listeners(struct service_set *set)
{
	for (size_t i = 0; i < set->listener_count; i++)
		close_listener(set->listeners[i]);
	set->closed = true;
	loop_admit(set->loop, false);
}

/* Who was served while draining had to be told of the end by somebody: that is over. */
static void dismiss_the_rest(struct service_set *set)
{
	set->awaited = true;
	close_listeners(set);
	for (size_t i = 0; i < set->service_count; i++)
		service_warm_end(set->services[i]);
	session_terminate_all(set->sessions, SESSION_DRAIN, false);
}

void service_set_settle_drain(struct service_set *set)
{
	void (*drained)(void *context) = set->drained;

	if (!set->draining || drained == NULL || session_count_awaited(set->sessions) > 0)
		return;
	if (!set->awaited)
		dismiss_the_rest(set);
	if (session_count(set->sessions) > 0)
		return;
	if (linger_count(set->linger) + linger_count(set->farewells) > 0) {
		if (set->hurried) {
			linger_close_all(set->linger); /* which lead back here */
			linger_close_all(set->farewells);
		}
		return;
	}
	set->drained = NULL; /* once */
	drained(set->drained_context);
}

static void linger_emptied(void *context)
{
	service_set_settle_drain(context);
}

/* Everything but what a configuration brings. */
static int take_means(struct service_set *set)
{
	uint64_t seed[4];
	int r;

	set->groups = malloc(NGROUPS_MAX * sizeof(*set->groups));
	if (set->groups == NULL)
		return -ENOMEM;
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	if ((r = sources_new(0, seed, &set->gate.sources)) < 0 ||
	    (r = bans_new(&set->bans)) < 0 ||
	    (r = linger_pool_new(set->loop, LINGER_LEAST, linger_emptied, set, &set->linger)) < 0 ||
	    (r = linger_pool_new(set->loop, FAREWELLS, linger_emptied, set, &set->farewells)) < 0)
		return r;

	set->gate.bans = set->bans;
	r = service_warm_new(set);
	if (r < 0)
		return r;

	struct session_means means = {
		.loop = set->loop,
		.log = set->log,
		.spawn = set->spawn,
		.linger = set->linger,
		.warm = set->warm,
		.started = service_session_started,
		.failed = service_session_failed,
	};

	return session_table_new(&means, service_session_ended, set, &set->sessions);
}

int service_set_new(struct loop *loop, struct log *log, struct spawn *spawn, struct service_set **ret_set)
{
	struct service_set *set = calloc(1, sizeof(*set));
	int r;

	if (set == NULL)
		return -ENOMEM;
	set->loop = loop;
	set->log = log;
	set->spawn = spawn;
	set->absent.expired = absent_due;
	set->bans_over.expired = service_bans_over;
	r = take_means(set);
	if (r < 0) {
		service_set_free(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

int service_set_use_cgroups(struct service_set *set, const char *where, char reason[static CGROUP_REASON_MAX])
{
	int r = cgroup_pool_new(where, &set->cgroups, reason);

	if (r == 0)
		session_table_use_cgroups(set->sessions, set->cgroups);
	return r;
}

/* The plan is put in force when all was well so far (`r`), and dropped when not. */
static void finish_plan(struct plan *plan, int r, struct service_summary *ret_summary)
{
	struct service_set *set = plan->set;

	if (r == 0) {
		plan_commit(plan, ret_summary);
		if (ret_summary->absent > 0)
			try_absent(set);
	}
	plan_free(plan);
	if (set->missing) {
		set->missing = false;
		loop_arm(set->loop, &set->absent, loop_now_ns(set->loop) + ABSENT_RETRY_NS);
	}
}

int service_set_apply(struct service_set *set, struct conf *conf, struct conf_errors *errors,
		      struct service_summary *ret_summary, struct service_changes *ret_changes)
{
	struct plan plan = { .purpose = PLAN_APPLY, .set = set, .conf = conf, .errors = errors };
	struct service_changes changes = { 0 };
	int r = plan_make(&plan);

	if (r == 0 && ret_changes != NULL)
		r = plan_tell_changes(&plan, &changes);
	finish_plan(&plan, r, ret_summary);
	if (r == 0 && ret_changes != NULL)
		*ret_changes = changes;
	/* The snapshot before goes with its last session; what it had is given
	 * back to the system, since a reload may be the peak of a long life. */
	libc_give_back();
	return r;
}

int service_set_apply_resumed(struct service_set *set, struct conf *conf, struct conf_errors *errors,
			      struct service_summary *ret_summary)
{
	struct plan plan = { .purpose = PLAN_RESUME, .set = set, .conf = conf, .errors = errors };
	int r = plan_make(&plan);

	finish_plan(&plan, r, ret_summary);
	return r;
}

int service_set_try(struct service_set *set, struct conf *conf, struct conf_errors *errors,
		    struct service_changes *ret_changes)
{
	struct plan plan = { .purpose = PLAN_TRY, .set = set, .conf = conf, .errors = errors };
	int r = plan_make(&plan);

	if (r == 0)
		r = plan_tell_changes(&plan, ret_changes);
	plan_free(&plan);
	libc_give_back();
	return r;
}

/* Why a service that is disabled cannot be offered, if so. */
static int check_completeness(const struct conf_service *settings, struct conf_errors *errors)
{
	const struct conf_error *lacks = settings->lacks;

	if (lacks == NULL)
		return 0;
	conf_error_add(errors, lacks->path, lacks->line, lacks->subject, "%s", lacks->reason);
	return -EINVAL;
}

static int override(struct service *service, struct conf_errors *errors)
{
	struct service_set *set = service->set;
	struct plan plan = {
		.purpose = PLAN_OVERRIDE,
		.overridden = service,
		.set = set,
		.conf = set->conf,
		.errors = errors,
	};
	struct service_summary summary;
	int r = plan_make(&plan);

	finish_plan(&plan, r, &summary);
	return r;
}

static size_t count_open(const struct service *service)
{
	const struct service_set *set = service->set;
	size_t count = 0;

	for (size_t i = 0; i < set->listener_count; i++)
		count += set->listeners[i]->service == service && set->listeners[i]->socket.fd >= 0;
	return count;
}

int service_set_override(struct service_set *set, const char *name, bool disable, struct conf_errors *errors,
			 size_t *ret_listeners, size_t *ret_sessions)
{
	struct service *service = plan_find_service(set, name);
	int r = 0;

	if (service == NULL)
		return -ENOENT;
	if (set->draining)
		return -EBUSY;
	if (!disable)
		r = check_completeness(service->settings, errors);
	if (r == 0 && service->disabled != disable)
		r = override(service, errors);
	if (r < 0)
		return r;
	*ret_listeners = count_open(service);
	*ret_sessions = service->gate.active;
	return 0;
}

const char *service_set_override_of(const struct service_set *set, const char *name)
{
	const struct service *service = plan_find_service(set, name);

	if (service == NULL || !service->overridden)
		return NULL;
	return service->disabled ? "disabled" : "enabled";
}

void service_set_adopt(struct service_set *set, struct adopted *adopted)
{
	set->adopted = adopted;
}

unsigned service_set_generation(const struct service_set *set)
{
	return set->generation;
}

size_t service_set_service_count(const struct service_set *set)
{
	return set->service_count;
}

size_t service_set_count_replaced(const struct service_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->listener_count; i++)
		count += set->listeners[i]->socket.replaced;
	return count;
}

void service_set_collect_orphans(struct service_set *set)
{
	session_collect_orphans(set->sessions);
}

size_t service_set_session_count(const struct service_set *set)
{
	return session_count(set->sessions);
}

void service_set_drain(struct service_set *set, void (*drained)(void *context), void *context)
{
	set->draining = true;
	set->drained = drained;
	set->drained_context = context;
	loop_disarm(set->loop, &set->absent);
	for (size_t i = 0; i < set->listener_count; i++)
		if (!set->listeners[i]->service->settings->serve_while_draining)
			close_listener(set->listeners[i]);
	for (size_t i = 0; i < set->service_count; i++)
		if (!set->services[i]->settings->serve_while_draining)
			service_warm_end(set->services[i]);
	service_set_settle_drain(set);
}

static bool terminate_awaited(void *context, struct session *session)
{
	(void)context;
	if (!session->settings->serve_while_draining)
		session_terminate(session, SESSION_DRAIN, false);
	return true;
}

void service_set_terminate(struct service_set *set, bool at_once)
{
	size_t place = 0;

	if (at_once && set->draining)
		close_listeners(set);
	/* Those that go on while draining are told when the others are gone. */
	if (set->draining && !at_once && !set->awaited)
		session_each(set->sessions, &place, SIZE_MAX, terminate_awaited, NULL);
	else
		session_terminate_all(set->sessions, SESSION_DRAIN, at_once);
	set->hurried = set->draining;
	service_set_settle_drain(set);
}

void service_set_free(struct service_set *set)
{
	if (set == NULL)
		return;
	set->drained = NULL;
	loop_disarm(set->loop, &set->bans_over);
	loop_disarm(set->loop, &set->absent);
	close_listeners(set);
	if (set->sessions != NULL) {
		session_table_close(set->sessions);
		service_warm_end_all(set);
	}
	session_table_free(set->sessions);
	service_warm_free(set);
	linger_pool_free(set->linger);
	linger_pool_free(set->farewells);
	cgroup_pool_free(set->cgroups);
	sources_free(set->gate.sources);
	bans_free(set->bans);
	free(set->groups);
	for (size_t i = 0; i < set->listener_count; i++)
		free(set->listeners[i]);
	for (size_t i = 0; i < set->service_count; i++)
		service_free(set->services[i]);
	free(set->listeners);
	free(set->services);
	conf_unref(set->conf);
	free(set);
}
