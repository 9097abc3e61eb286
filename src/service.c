/* service.c - the state of the live services: when a listener is polled.
 *
 * A listener is polled while nothing is known that forbids to serve its clients.
 * When it turns ready and its service has no room, or pauses, it is parked: taken out
 * of the loop and put on its service's list. Each change that may make room ends
 * in service_settle(), which puts parked listeners back. So the work is with
 * those listeners that have clients waiting, not with all there are, and there
 * is one place that decides.
 *
 * A pause never closes a socket: its port could be stolen, and clients that wait
 * in its queue would be lost. */
#include "service.h"

#include "base.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define RETRY_NS (100 * NS_PER_MS)

static bool armed(const struct loop_timer *timer)
{
	return timer->place != 0;
}

static bool service_may_serve(const struct service *service)
{
	/* With wait = yes the limit is one program a socket: see listener_free(). Who is to
	 * be refused when it is full must be accepted first. */
	return !service->retired && !armed(&service->pause) && !armed(&service->refill) &&
	       (service->settings->wait || service->settings->limits.refuse_when_full ||
		service->gate.active < service->gate.instances);
}

/* What is in the way of this listener alone. */
static bool listener_free(const struct listener *listener)
{
	return listener->socket.fd >= 0 && listener->holder == NULL && !armed(&listener->pause);
}

bool listener_may_serve(const struct listener *listener)
{
	return listener_free(listener) && service_may_serve(listener->service);
}

/* ---- polling ---- */

static void unpark(struct listener *listener)
{
	struct listener **place = &listener->service->parked;

	if (!listener->parked)
		return;
	while (*place != listener)
		place = &(*place)->parked_next;
	*place = listener->parked_next;
	listener->parked = false;
}

void listener_park(struct listener *listener)
{
	loop_remove(listener->service->set->loop, &listener->source);
	if (listener->parked)
		return;
	listener->parked = true;
	listener->parked_next = listener->service->parked;
	listener->service->parked = listener;
}

void listener_settle(struct listener *listener)
{
	struct loop *loop = listener->service->set->loop;

	if (!listener_free(listener)) {
		/* Its own trouble ends with its own call to settle. */
		loop_remove(loop, &listener->source);
		unpark(listener);
	} else if (!service_may_serve(listener->service)) {
		if (!listener->source.on)
			listener_park(listener);
	} else {
		unpark(listener);
		if (loop_add(loop, &listener->source, EPOLLIN) < 0)
			listener_pause(listener, RETRY_NS);
		else if (listener->client >= 0)
			listener_ready(&listener->source, 0); /* no event will tell of that one */
	}
}

void service_settle(struct service *service)
{
	struct service_set *set = service->set;

	loop_admit(set->loop, !set->closed && gate_has_room(&set->gate));
	if (!service_may_serve(service))
		return;

	struct listener *parked = service->parked;

	service->parked = NULL;
	while (parked != NULL) {
		struct listener *listener = parked;

		parked = listener->parked_next;
		listener->parked = false;
		listener_settle(listener);
	}
}

void listener_start(struct listener *listener)
{
	listener->source.fd = listener->socket.fd;
	/* When the house is full the admission set rests as a whole; those that refuse go on. */
	listener->source.set =
		listener->service->settings->limits.refuse_when_full ? LOOP_WORK : LOOP_ADMISSION;
	listener_settle(listener);
}

void listener_rest(struct listener *listener)
{
	struct loop *loop = listener->service->set->loop;

	loop_remove(loop, &listener->source);
	loop_disarm(loop, &listener->pause);
	unpark(listener);
}

void listener_stop(struct listener *listener)
{
	listener_rest(listener);
	if (listener->client >= 0)
		close(fd_take(&listener->client));
	if (listener->holder != NULL)
		listener->holder->listener = NULL;
	listener_let_go(listener);
}

/* ---- pauses ---- */

static void listener_pause_over(struct loop_timer *timer)
{
	listener_settle(container_of(timer, struct listener, pause));
}

static void service_pause_over(struct loop_timer *timer)
{
	service_settle(container_of(timer, struct service, pause));
}

static void service_refilled(struct loop_timer *timer)
{
	service_settle(container_of(timer, struct service, refill));
}

void listener_pause(struct listener *listener, uint64_t pause_ns)
{
	struct loop *loop = listener->service->set->loop;

	/* Without memory for a timer it goes on being polled: no worse than before. */
	if (loop_arm(loop, &listener->pause, loop_now_ns(loop) + pause_ns) == 0)
		listener_settle(listener);
}

void service_pause(struct service *service, uint64_t pause_ns)
{
	struct loop *loop = service->set->loop;

	/* Without memory for a timer it goes on being served: no worse than before. */
	(void)loop_arm(loop, &service->pause, loop_now_ns(loop) + pause_ns);
}

/* ---- objects ---- */

void service_init(struct service *service, struct service_set *set)
{
	*service = (struct service){
		.set = set,
		.pause = { .expired = service_pause_over },
		.refill = { .expired = service_refilled },
		.refusals_told = { .expired = service_tell_left_out },
		.gate = { .id = ++set->last_id },
	};
	service_warm_init(service);
}

/* What it counted is not lost to the daemon's own sums. */
static void keep_counters(struct service *service)
{
	struct service_counters *gone = &service->set->gone, *counters = &service->counters;

	gone->accepted += counters->accepted;
	gone->started += counters->started;
	gone->warm += counters->warm;
	gone->bytes_in += counters->bytes_in;
	gone->bytes_out += counters->bytes_out;
	for (size_t i = 0; i < SESSION_REASONS; i++)
		gone->ended[i] += counters->ended[i];
	for (size_t i = 0; i < CHILD_STAGES; i++)
		gone->failed[i] += counters->failed[i];
	for (size_t i = 0; i < GATE_REASONS; i++)
		service->set->gone_refused[i] += service->gate.refused[i];
}

void service_free(struct service *service)
{
	if (service == NULL)
		return;
	loop_disarm(service->set->loop, &service->pause);
	loop_disarm(service->set->loop, &service->refill);
	loop_disarm(service->set->loop, &service->refusals_told);
	service_warm_end(service);
	service_tell_left_out(&service->refusals_told);
	keep_counters(service);
	conf_unref(service->conf);
	free(service);
}

void listener_init(struct listener *listener, struct service *service)
{
	*listener = (struct listener){
		.service = service,
		.source = { .fd = -1, .ready = listener_ready, .set = LOOP_ADMISSION },
		.socket = { .fd = -1 },
		.arrivals = -1,
		.client = -1,
		.pause = { .expired = listener_pause_over },
	};
}

/* ---- the end of a session ---- */

static void count_end(struct service *service, const struct session_outcome *outcome)
{
	struct service_counters *counters = &service->counters;

	counters->ended[outcome->reason]++;
	counters->bytes_in += outcome->facts.bytes_in;
	counters->bytes_out += outcome->facts.bytes_out;
	histogram_add(&counters->lasted, &histogram_session, outcome->lasted_ns);
}

void service_session_ended(void *context, const struct session *session,
			   const struct session_outcome *outcome)
{
	struct service_set *set = context;
	struct service *service = session->service;

	count_end(service, outcome);
	gate_give(&set->gate, &service->gate, session->ticket);
	service_judge(service, session, outcome);
	if (session->listener != NULL)
		listener_take_back(session->listener, outcome);
	service_settle(service);
	if (service->retired && service->gate.active == 0)
		service_free(service);
	service_set_settle_drain(set);
}
