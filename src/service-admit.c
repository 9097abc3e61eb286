/* service-admit.c - a client comes: from a ready listener to a session.
 *
 *     listener_ready -> accept4 | datagram_peek -> gate_check -> launch -> session_launch -> spawn_launch
 *                                                        |        \--> await  -> session_await  -> spawn_await
 *                                                        \-> service_refuse
 *
 * A crowd of clients that a listener has ready is launched one after the other, and awaited together, before anything
 * else is done: their children come to exec beside each other, and what became of each is known when
 * listener_ready() returns. A service whose program has not started yet, or failed to of late, begins one by one.
 *
 * Errors of accept(2) are of three kinds: those of one connection, which are
 * passed over (accept(2) says so for TCP); want of resources, for which this
 * listener pauses briefly while others go on; and everything else, which is
 * treated like want of resources, so that nothing can spin or end the daemon. */
#include "service.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>

#define BUDGET           16             /* clients of one listener a round: others have their turn */
#define PASSED_OVER_MOST 64             /* such errors in a row are trouble of another kind */
#define KEPT_RETRY_NS    (100 * NS_PER_MS)
#define TROUBLE_NS       (5 * NS_PER_S) /* at most one log line in */

/* ---- troubles ---- */

/* Errors that a connection brought with it; the next one may be fine. */
static bool passes_with_connection(int error)
{
	static const int errors[] = { EINTR,     ECONNABORTED, EPROTO,       ENETDOWN,   ENOPROTOOPT,
				      EHOSTDOWN, ENONET,       EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH,
				      EPERM,     ETIMEDOUT,    ECONNRESET };

	for (size_t i = 0; i < ELEMENTS(errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

static void accept_failed(struct listener *listener, int error)
{
	struct service_set *set = listener->service->set;
	uint64_t left_out, pause_ns = throttle_fail(&listener->throttle, &throttle_accept);

	if (log_limit_pass(&set->accept_trouble, loop_now_ns(set->loop), TROUBLE_NS, &left_out)) {
		char address[ENDPOINT_TEXT_MAX];
		struct log_event *event = log_begin(set->log, LOG_LEVEL_ERROR, "accept");

		log_text(event, "service", listener->service->settings->name);
		log_text(event, "address", endpoint_print(listener->endpoint, address));
		log_errno(event, "error", error);
		log_text(event, "message",
			 error == EMFILE ?
				 "out of descriptors; clients wait; raise LimitNOFILE or lower max_sessions" :
			 error == ENFILE ?
				 "the system is out of descriptors; clients wait; raise fs.file-max" :
				 "clients wait; trying again");
		if (left_out > 0)
			log_number(event, "left_out", left_out);
		log_end(event);
	}
	listener_pause(listener, pause_ns);
}

/* The machine lacks something for a start: no descriptor, no memory, no process.
 * The client waits, and is served soon after it is there again. */
static void machine_failed(struct service *service, const struct spawn_failure *failure)
{
	struct service_set *set = service->set;
	bool processes = failure->error == EAGAIN;
	uint64_t left_out, pause_ns;

	pause_ns = throttle_fail(&service->throttle, processes ? &throttle_spawn : &throttle_accept);
	if (log_limit_pass(&set->start_trouble, loop_now_ns(set->loop), TROUBLE_NS, &left_out)) {
		struct log_event *event = log_begin(set->log, LOG_LEVEL_ERROR, "fail");

		log_text(event, "service", service->settings->name);
		log_text(event, "stage", failure->step);
		log_errno(event, "error", failure->error);
		log_printf(event, "message", "%s: %s; clients wait; trying again", failure->step,
			   strerror(failure->error));
		if (left_out > 0)
			log_number(event, "left_out", left_out);
		log_end(event);
	}
	service_pause(service, pause_ns);
}

/* What the step was about. */
static const char *object_of(const struct conf_service *settings, const struct spawn_failure *failure)
{
	if (failure->stage >= CHILD_STAGE_GROUPS && failure->stage <= CHILD_STAGE_UID)
		return settings->user;
	return failure->stage == CHILD_STAGE_EXEC      ? settings->program :
	       failure->stage == CHILD_STAGE_DIRECTORY ? settings->directory :
	       failure->stage == CHILD_STAGE_CHROOT    ? settings->chroot :
	       failure->stage == CHILD_STAGE_STDERR    ? settings->stderr_target.path :
							 NULL;
}

static const char *remedy_of(const struct spawn_failure *failure)
{
	if (failure->stage >= CHILD_STAGE_GROUPS && failure->stage <= CHILD_STAGE_VERIFY)
		return "usherd lacks the right to become that user";
	if (failure->stage == CHILD_STAGE_EXEC && failure->error == ENOENT)
		return "look whether it, and the interpreter in its first line, are there";
	if (failure->stage == CHILD_STAGE_EXEC || failure->stage == CHILD_STAGE_DIRECTORY)
		return "look whether the service's user may go there";
	return "see DIAGNOSTICS in usherd(8)";
}

/* The program could not be started: say why, and leave the service alone for a
 * while, which grows with each failure. */
static void start_failed(struct service *service, const struct peer *peer, const struct spawn_failure *failure)
{
	const char *object = object_of(service->settings, failure);
	bool paused = service->pause.place != 0; /* for another one of the same crowd */
	uint64_t pause_ns = paused ? service->throttle.pause_ns :
				     throttle_fail(&service->throttle, &throttle_spawn);
	struct log_event *event = log_begin(service->set->log, LOG_LEVEL_ERROR, "fail");

	service->cannot_start = true;
	log_text(event, "service", service->settings->name);
	log_peer(event, "peer", peer);
	log_text(event, "stage", failure->step);
	log_errno(event, "error", failure->error);
	log_seconds(event, "pause", pause_ns);
	log_printf(event, "message", "%s%s%s: %s; %s", failure->step, object != NULL ? " " : "",
		   object != NULL ? object : "", strerror(failure->error), remedy_of(failure));
	log_end(event);
	if (!paused)
		service_pause(service, pause_ns);
}

static void start_succeeded(struct service *service, const struct session *session, uint64_t since_ns)
{
	struct service_counters *counters = &service->counters;

	counters->started++;
	counters->warm += session->warm;
	histogram_add(&counters->spawn, &histogram_spawn, clock_now_ns() - since_ns);
	throttle_succeed(&service->throttle);
	if (service->cannot_start)
		service_tell_recovered(service);
	service->cannot_start = false;
}

/* ---- what is known of a client ---- */

/* The load average of the last minute, asked at most once a second. */
static unsigned current_load(struct service_set *set)
{
	uint64_t now_ns = loop_now_ns(set->loop);
	struct sysinfo info;

	if (set->load_ns != 0 && now_ns - set->load_ns < NS_PER_S)
		return set->load;
	if (sysinfo(&info) == 0)
		set->load = (unsigned)((info.loads[0] * 1000) >> SI_LOAD_SHIFT);
	set->load_ns = now_ns;
	return set->load;
}

struct gate_client service_client(struct service *service, const struct peer *peer, int fd)
{
	const struct gate_limits *limits = &service->settings->limits;
	struct service_set *set = service->set;
	struct gate_client client = {
		.peer = peer,
		.proven = fd >= 0,
		.now_ns = loop_now_ns(set->loop),
	};
	socklen_t size = NGROUPS_MAX * sizeof(*set->groups);

	if (limits->access_times.count > 0)
		client.wall_s = clock_wall().tv_sec;
	if (limits->max_load > 0)
		client.load = current_load(set);
	if (peer->family == PEER_UNIX && limits->access != NULL && access_asks_groups(limits->access) &&
	    fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, set->groups, &size) == 0) {
		client.groups = set->groups;
		client.group_count = size / sizeof(*set->groups);
	}
	return client;
}

/* ---- sessions ---- */

static void begin_failed(const struct service_beginning *beginning, const struct spawn_failure *failure)
{
	struct service *service = beginning->listener->service;

	service->counters.failed[failure->before_child ? CHILD_STAGE_NONE : failure->stage]++;
	gate_undo(&service->set->gate, &service->gate, &beginning->client, beginning->start.origin.ticket);
	if (failure->before_child)
		machine_failed(service, failure);
	else
		start_failed(service, &beginning->peer, failure);
}

/* `beginning` stays where it is until it is awaited. */
static int launch(struct listener *listener, const struct admission *admission,
		  struct service_beginning *beginning, struct spawn_failure *ret_failure)
{
	struct service *service = listener->service;
	struct service_set *set = service->set;
	int r;

	beginning->listener = listener;
	beginning->peer = *admission->client->peer;
	beginning->local = *admission->local;
	beginning->client = *admission->client;
	beginning->client.peer = &beginning->peer;
	beginning->since_ns = admission->since_ns;
	beginning->start.request = (struct spawn_request){
		.kind = admission->kind,
		.service = service->settings,
		.endpoint = listener->endpoint,
		.socket = admission->socket,
		.peer = &beginning->peer,
		.local = &beginning->local,
	};
	beginning->start.origin = (struct session_origin){
		.conf = service->conf,
		.service = service,
		.listener = admission->kind == SPAWN_WAIT ? listener : NULL,
		.route = admission->route,
		.ticket = gate_take(&set->gate, &service->gate, &beginning->client),
		.warm = admission->kind == SPAWN_CONNECTION ? service_warm_server(service) : NULL,
	};
	beginning->start.origin.active = service->gate.active;
	beginning->start.origin.limit = service->gate.instances;
	r = session_launch(set->sessions, &beginning->start, ret_failure);
	if (r < 0)
		begin_failed(beginning, ret_failure);
	return r;
}

static int await(struct service_beginning *beginning, struct spawn_failure *ret_failure)
{
	struct session_start *start = &beginning->start;
	int r = session_await(start, ret_failure);

	if (r < 0)
		begin_failed(beginning, ret_failure);
	else if (!start->session->waiting)
		start_succeeded(beginning->listener->service, start->session, beginning->since_ns);
	return r;
}

int service_begin(struct listener *listener, const struct admission *admission, struct session **ret_session,
		  struct spawn_failure *ret_failure)
{
	struct service_beginning beginning;
	int r = launch(listener, admission, &beginning, ret_failure);

	if (r == 0)
		r = await(&beginning, ret_failure);
	if (r == 0)
		*ret_session = beginning.start.session;
	return r;
}

/* Awaits all that were launched. Returns whether each of them began. */
static bool await_crowd(struct service_set *set)
{
	bool good = true;

	for (unsigned i = 0; i < set->crowd_count; i++) {
		struct service_beginning *beginning = &set->crowd[i];
		struct spawn_failure failure;

		if (await(beginning, &failure) < 0) {
			close(beginning->start.request.socket);
			good = false;
		}
	}
	set->crowd_count = 0;
	return good;
}

/* Whether the last one launched may be left on its way, while another one is looked for. */
static bool may_crowd(const struct service_set *set, const struct service *service)
{
	return set->crowd_count < SPAWN_OVERLAP && service->counters.started > 0 && !service->cannot_start &&
	       service->throttle.pause_ns == 0 && set->crowd[set->crowd_count - 1].start.launch != NULL;
}

void service_session_started(void *context, struct session *session)
{
	(void)context;
	start_succeeded(session->service, session, session->started_ns);
}

void service_session_failed(void *context, struct session *session, const struct spawn_failure *failure)
{
	struct service_set *set = context;
	struct service *service = session->service;

	service->counters.failed[failure->before_child ? CHILD_STAGE_NONE : failure->stage]++;
	gate_give(&set->gate, &service->gate, session->ticket);
	if (failure->before_child)
		machine_failed(service, failure);
	else
		start_failed(service, &session->peer, failure);
	service_settle(service);
	if (service->retired && service->gate.active == 0)
		service_free(service);
	service_set_settle_drain(set);
}

/* ---- connections ---- */

/* Who is there. A client that has gone already may have no address any more:
 * what accept(2) gave is used, so that it is known all the same. */
static void learn_addresses(const struct listener *listener, int fd, const struct sockaddr *address,
			    socklen_t length, struct peer *ret_peer, struct peer *ret_local)
{
	struct sockaddr_storage own;
	socklen_t own_length = sizeof(own);

	*ret_local = listener->local;
	if (endpoint_is_unix(listener->endpoint)) {
		if (peer_from_credentials(fd, ret_peer) < 0)
			ret_peer->family = PEER_NONE;
		return;
	}
	peer_from_sockaddr(address, length, ret_peer);
	if (listener->local.family == PEER_NONE && getsockname(fd, (struct sockaddr *)&own, &own_length) == 0)
		peer_from_sockaddr((const struct sockaddr *)&own, own_length, ret_local);
}

/* Begins a session for a client that was let in (takes `fd`). When the machine
 * lacks something for it the client is kept and tried again after the pause:
 * it is not its fault. */
static bool serve_client(struct listener *listener, int fd, const struct gate_client *client,
			 const struct peer *local, uint64_t since_ns)
{
	struct admission admission = { since_ns, SPAWN_CONNECTION, fd, client, local, NULL };
	struct service_set *set = listener->service->set;
	struct spawn_failure failure;

	if (launch(listener, &admission, &set->crowd[set->crowd_count], &failure) == 0) {
		set->crowd_count++;
		return may_crowd(set, listener->service) || await_crowd(set);
	}
	if (failure.before_child && listener->service->pause.place != 0) {
		listener->client_peer = *client->peer;
		listener->client_local = *local;
		listener->client_since_ns = since_ns;
		listener->client = fd;
		listener_park(listener); /* the end of the pause finds it there */
		return false;
	}
	close(fd);
	return false;
}

/* The one that is kept, as if it came now; but it was let in and greeted before. */
static bool serve_kept_client(struct listener *listener)
{
	struct peer peer = listener->client_peer, local = listener->client_local;
	int fd = fd_take(&listener->client);
	struct gate_client client = service_client(listener->service, &peer, fd);

	return serve_client(listener, fd, &client, &local, listener->client_since_ns);
}

/* Serves one connection. Returns whether to look for another. */
static bool admit_connection(struct listener *listener)
{
	struct service *service = listener->service;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	struct peer peer = { .family = PEER_NONE }, local = { .family = PEER_NONE };
	int fd;

	if (listener->client >= 0)
		return serve_kept_client(listener);
	fd = accept4(listener->socket.fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EAGAIN)
			return false;
		if (passes_with_connection(errno) && ++listener->passed_over < PASSED_OVER_MOST)
			return true;
		accept_failed(listener, errno);
		return false;
	}
	uint64_t since_ns = clock_now_ns();

	service->counters.accepted++;
	throttle_succeed(&listener->throttle);
	listener->passed_over = 0;
	learn_addresses(listener, fd, (const struct sockaddr *)&address, length, &peer, &local);

	struct gate_client client = service_client(service, &peer, fd);
	enum gate_reason reason = gate_check(&service->set->gate, &service->gate, &client);

	if (reason != GATE_ADMIT) {
		service_refuse(listener, fd, &peer, reason);
		return true;
	}
	service_greet(fd, &service->settings->banner);
	return serve_client(listener, fd, &client, &local, since_ns);
}

/* ---- datagram filters ---- */

static bool admit_datagram(struct listener *listener)
{
	struct service_set *set = listener->service->set;
	struct datagram_head head;
	struct datagram_route route;
	struct spawn_failure failure;
	struct session *session;
	int r = datagram_peek(listener->socket.fd, endpoint_is_ip(listener->endpoint), &head, &route);

	if (r < 0) /* nothing there, or an error of the past (ICMP) that is cleared by now */
		return r != -EAGAIN;
	listener->service->counters.accepted++;

	uint64_t since_ns = clock_now_ns();
	struct gate_client client = service_client(listener->service, &head.peer, -1);

	client.answered = true;

	enum gate_reason reason = gate_check(&set->gate, &listener->service->gate, &client);

	if (reason != GATE_ADMIT) {
		service_refuse(listener, -1, &head.peer, reason);
		datagram_discard(listener->socket.fd);
		return true;
	}
	head.local.port = listener->local.port;

	struct admission admission = { since_ns, SPAWN_FILTER, listener->socket.fd, &client, &head.local, &route };

	if (service_begin(listener, &admission, &session, &failure) == 0)
		return true;
	/* What is wrong with the program will be wrong for this datagram for
	 * ever; what is wrong with the machine passes, so it waits. */
	if (!failure.before_child && failure.stage < CHILD_STAGE_DATAGRAM)
		datagram_discard(listener->socket.fd);
	return false;
}

/* ---- a listener is ready ---- */

/* There is no room for the next client: it waits, until there is. One that is kept tries
 * again by itself, since no event will tell of it. */
static void wait_for_room(struct listener *listener, enum gate_reason reason, uint64_t at_ns)
{
	struct service *service = listener->service;
	struct loop *loop = service->set->loop;

	service_tell_waiting(service, reason);
	if (reason == GATE_MAX_SESSIONS)
		service_settle(service); /* stops all accepting */
	if (listener->client >= 0)
		listener_pause(listener, KEPT_RETRY_NS);
	else if (reason == GATE_RATE && loop_arm(loop, &service->refill, at_ns) == 0)
		listener_park(listener);
	else if (reason == GATE_INSTANCES)
		listener_park(listener);
}

/* Whether the next client may be looked at, as far as can be said before it is: with
 * when_full = queue those for whom there is no room stay where they are. */
static bool room_for_next(struct listener *listener)
{
	struct service *service = listener->service;
	struct service_set *set = service->set;
	uint64_t at_ns = 0;
	enum gate_reason reason;

	if (!listener_may_serve(listener)) {
		if (!service->settings->wait && service->gate.active >= service->gate.instances)
			service_tell_waiting(service, GATE_INSTANCES);
		listener_park(listener);
		listener_settle(listener);
		return false;
	}
	/* Who was let in and is kept is not refused any more, but needs a place like everybody. */
	if (service->settings->limits.refuse_when_full && listener->client < 0)
		return true;
	reason = gate_room(&set->gate, &service->gate, loop_now_ns(set->loop), &at_ns);
	if (reason != GATE_ADMIT)
		wait_for_room(listener, reason, at_ns);
	return reason == GATE_ADMIT;
}

static void serve_waiting(struct listener *listener)
{
	bool more = true;

	for (int i = 0; i < BUDGET && more; i++) {
		if (!room_for_next(listener))
			return;
		if (listener->service->settings->wait) {
			listener_hand_over(listener);
			more = false;
		} else if (endpoint_is_stream(listener->endpoint)) {
			more = admit_connection(listener);
		} else {
			more = admit_datagram(listener);
		}
	}
}

void listener_ready(struct loop_source *source, uint32_t events)
{
	struct listener *listener = container_of(source, struct listener, source);
	struct service_set *set = listener->service->set;

	(void)events;
	serve_waiting(listener);
	(void)await_crowd(set);
}
