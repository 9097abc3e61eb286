/* service-commit.c - puts a plan in force. Nothing here can fail: all memory is
 * taken and all sockets are open. Order: old listeners leave the loop, services
 * and listeners get their new settings, and then each is polled again. */
#include "service-plan.h"

#include "base.h"

#include <errno.h>
#include <string.h>

/* The address of a listener, as sessions see it, unless it is a wildcard. */
static void learn_local(struct listener *listener)
{
	const struct endpoint *endpoint = listener->endpoint;
	const struct in6_addr *v6 = &endpoint->address.in6.sin6_addr;
	bool wildcard = endpoint->address.sa.sa_family == AF_INET6 ?
				IN6_IS_ADDR_UNSPECIFIED(v6) || IN6_IS_ADDR_LINKLOCAL(v6) :
				endpoint->address.in.sin_addr.s_addr == htonl(INADDR_ANY);

	if (!endpoint_is_ip(endpoint)) {
		listener->local.family = PEER_NONE;
		return;
	}
	peer_from_sockaddr(&endpoint->address.sa, endpoint->length, &listener->local);
	/* A datagram brings its own address; its port is ours in any case. */
	if (wildcard && endpoint_is_stream(endpoint))
		listener->local.family = PEER_NONE;
}

/* Whether a service goes on as it is. */
static bool is_left_alone(const struct plan *plan, const struct service *service)
{
	return plan->purpose == PLAN_OVERRIDE && service != plan->overridden;
}

static void commit_service(struct plan *plan, struct plan_service *item)
{
	struct service *service = item->service;
	const struct conf_service *settings_before = service->settings;
	struct conf *before = service->conf;

	service->conf = conf_ref(plan->conf);
	service->settings = item->settings;
	service->disabled = item->disabled;
	service->overridden = item->disabled != item->settings->disable;
	gate_limit(&service->gate, &item->settings->limits,
		   item->settings->wait ? (unsigned)item->settings->listen.count :
					  item->settings->limits.instances,
		   loop_now_ns(plan->set->loop));
	/* What was wrong may be mended now: begin with a clean sheet. */
	loop_disarm(plan->set->loop, &service->pause);
	loop_disarm(plan->set->loop, &service->refill);
	throttle_succeed(&service->throttle);
	service->failures = (struct service_failures){ .in_a_row = 0 };
	service_warm_adjust(service, settings_before);
	conf_unref(before);
}

static void adjust(struct plan *plan, struct listener *listener)
{
	const struct conf_service *settings = listener->service->settings;
	char reason[LISTEN_REASON_MAX], address[ENDPOINT_TEXT_MAX];

	if (listener->socket.fd < 0 || listener->holder != NULL)
		return;
	if (listen_adjust(&listener->socket, listener->endpoint, &settings->socket, settings->wait, reason) <
	    0)
		log_message(plan->set->log, LOG_LEVEL_WARNING, "listen", "%s: %s: %s", settings->name,
			    endpoint_print(listener->endpoint, address), reason);
}

static void commit_listener(struct plan *plan, struct plan_listener *item)
{
	struct listener *listener = item->listener;

	listener->service = item->service;
	listener->endpoint = item->endpoint;
	throttle_succeed(&listener->throttle);
	listener->untouched = 0;
	learn_local(listener);
	/* Under wait = yes programs accept for themselves. */
	if (item->settings->wait && listener->client >= 0)
		close(fd_take(&listener->client));
	if (item->kept)
		adjust(plan, listener);
	listener_start(listener);
}

/* Takes every old listener out of the loop, and those that go out of the world. */
static void retire_listeners(struct plan *plan, struct service_summary *summary)
{
	struct service_set *set = plan->set;

	for (size_t i = 0; i < set->listener_count; i++) {
		struct listener *listener = set->listeners[i];

		if (plan->claimed[i]) {
			if (plan->purpose != PLAN_OVERRIDE)
				listener_rest(listener);
			continue;
		}
		listener_stop(listener);
		listen_close(&listener->socket, listener->endpoint);
		free(listener);
		summary->closed++;
	}
}

static void retire_services(struct service_set *set, const struct plan *plan)
{
	for (size_t i = 0; i < set->service_count; i++)
		set->services[i]->retired = true;
	for (size_t i = 0; i < plan->service_count; i++)
		plan->services[i].service->retired = false;
	for (size_t i = 0; i < set->service_count; i++) {
		if (!set->services[i]->retired)
			continue;
		service_warm_end(set->services[i]);
		if (set->services[i]->gate.active == 0)
			service_free(set->services[i]);
	}
}

static void swap_arrays(struct plan *plan)
{
	struct service_set *set = plan->set;

	free(set->services);
	free(set->listeners);
	set->services = plan->new_services;
	set->listeners = plan->new_listeners;
	plan->new_services = NULL;
	plan->new_listeners = NULL;
	set->service_count = plan->service_count;
	set->listener_count = plan->listener_count;
	for (size_t i = 0; i < plan->service_count; i++)
		set->services[i] = plan->services[i].service;
	for (size_t i = 0; i < plan->listener_count; i++)
		set->listeners[i] = plan->listeners[i].listener;
}

static void commit_listeners(struct plan *plan, struct service_summary *summary)
{
	gate_own_ports_clear(&plan->set->gate);
	for (size_t i = 0; i < plan->listener_count; i++) {
		struct plan_listener *item = &plan->listeners[i];

		if (!is_left_alone(plan, item->service))
			commit_listener(plan, item);
		if (item->endpoint->kind == ENDPOINT_UDP)
			gate_own_port_add(&plan->set->gate, item->listener->local.port);
		if (item->kept)
			summary->kept++;
		else if (item->listener->socket.fd >= 0)
			summary->opened++;
		if (item->listener->socket.fd < 0)
			summary->absent++;
	}
}

static size_t count_offered(const struct plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->service_count; i++)
		count += !plan->services[i].disabled;
	return count;
}

void plan_commit(struct plan *plan, struct service_summary *ret_summary)
{
	struct service_set *set = plan->set;
	struct service_summary summary = { .services = count_offered(plan),
					   .listeners = plan->listener_count };
	struct conf *before = set->conf;
	char ports[GATE_PORTS_TEXT];

	retire_listeners(plan, &summary);
	retire_services(set, plan);
	swap_arrays(plan);
	for (size_t i = 0; i < plan->service_count; i++)
		if (!is_left_alone(plan, plan->services[i].service))
			commit_service(plan, &plan->services[i]);
	set->gate.max_sessions = plan->max_sessions;
	commit_listeners(plan, &summary);
	spawn_set_udp_ports(set->spawn, gate_own_ports_print(&set->gate, ports));
	set->conf = conf_ref(plan->conf);
	conf_unref(before);
	if (plan->purpose == PLAN_APPLY)
		set->generation++;
	summary.generation = set->generation;
	summary.max_sessions = plan->max_sessions;
	loop_admit(set->loop, !set->closed && gate_has_room(&set->gate));
	*ret_summary = summary;

	/* All of it belongs to the set now. */
	plan->service_count = plan->listener_count = 0;
	free(plan->closed);
	plan->closed = NULL;
}
