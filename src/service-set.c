/* service-set.c - see service-set.h. Also keeps trying the addresses that did
 * not exist when they were to be opened (an interface that comes up late). */
#include "service-set.h"

#include "base.h"
#include "service-plan.h"
#include "service.h"

#include <errno.h>
#include <malloc.h>

#define ABSENT_RETRY_NS (1 * NS_PER_S)

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
	r = session_table_new(loop, log, spawn, service_session_ended, set, &set->sessions);
	if (r < 0) {
		free(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

int service_set_apply(struct service_set *set, struct conf *conf, struct conf_errors *errors,
		      struct service_summary *ret_summary)
{
	struct plan plan;
	int r = plan_make(&plan, set, conf, errors);

	if (r == 0) {
		plan_commit(&plan, ret_summary);
		if (ret_summary->absent > 0)
			try_absent(set);
	}
	plan_free(&plan);
	if (set->missing) {
		set->missing = false;
		loop_arm(set->loop, &set->absent, loop_now_ns(set->loop) + ABSENT_RETRY_NS);
	}
	/* The snapshot before goes with its last session; what it had is given
	 * back to the system, since a reload may be the peak of a long life. */
	malloc_trim(0);
	return r;
}

size_t service_set_session_count(const struct service_set *set)
{
	return session_count(set->sessions);
}

static void close_listeners(struct service_set *set)
{
	for (size_t i = 0; i < set->listener_count; i++) {
		listener_stop(set->listeners[i]);
		listen_close(&set->listeners[i]->socket, set->listeners[i]->endpoint);
	}
}

void service_set_drain(struct service_set *set, void (*drained)(void *context), void *context)
{
	set->draining = true;
	set->drained = drained;
	set->drained_context = context;
	loop_admit(set->loop, false);
	loop_disarm(set->loop, &set->absent);
	close_listeners(set);
	if (session_count(set->sessions) == 0)
		drained(context);
}

void service_set_terminate(struct service_set *set, bool at_once)
{
	session_terminate_all(set->sessions, at_once);
}

void service_set_free(struct service_set *set)
{
	if (set == NULL)
		return;
	set->drained = NULL;
	loop_disarm(set->loop, &set->absent);
	close_listeners(set);
	session_table_free(set->sessions);
	for (size_t i = 0; i < set->listener_count; i++)
		free(set->listeners[i]);
	for (size_t i = 0; i < set->service_count; i++)
		service_free(set->services[i]);
	free(set->listeners);
	free(set->services);
	conf_unref(set->conf);
	free(set);
}
