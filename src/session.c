/* session.c - sessions begin, and are told to end; see session.h.
 *
 * The program is watched through its pidfd and signalled only through family.h,
 * which never uses a number that may belong to somebody else by now. */
#include "session-table.h"

#include "base.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define KILLED_WAIT_NS NS_PER_S /* SIGKILL is repeated: a process may have come into the group since */

static const char *const reason_names[] = {
	[SESSION_EXIT] = "exit",
	[SESSION_SIGNAL] = "signal",
	[SESSION_TIME_LIMIT] = "time_limit",
	[SESSION_FIRST_BYTE] = "first_byte_timeout",
	[SESSION_IDLE] = "idle_timeout",
	[SESSION_HANGUP] = "hangup",
	[SESSION_DRAIN] = "drain",
	[SESSION_KILL] = "kill",
};
_Static_assert(ELEMENTS(reason_names) == SESSION_REASONS, "each reason has a name");
_Static_assert(REPLIES_BUFFER <= STDERR_TAP_BUFFER, "they share a buffer");

const char *session_reason_name(enum session_reason reason)
{
	return reason_names[reason];
}

/* ---- the end, from outside ---- */

void session_terminate(struct session *session, enum session_reason reason, bool at_once)
{
	uint64_t now_ns = loop_now_ns(session->table->means.loop);
	int signo = at_once ? SIGKILL : SIGTERM;

	if (!session->live || (!at_once && session->ending))
		return;
	if (!session->ending)
		session->reason = reason;
	session->ending = true;
	session_strays_signal(session, signo);
	family_signal(&session->family, signo);
	if (!at_once)
		family_signal(&session->family, SIGCONT); /* a stopped one could not end */
	session_due_at(session, SESSION_DUE_KILL,
		       now_ns + (at_once ? KILLED_WAIT_NS : session->settings->kill_after_ns));
}

void session_terminate_all(struct session_table *table, enum session_reason reason, bool at_once)
{
	table->all_told = true;
	table->all_reason = reason;
	table->all_at_once = at_once;
	for (struct session *session = table->living; session != NULL; session = session->next)
		session_terminate(session, reason, at_once);
}

/* ---- beginning ---- */

static void log_start(const struct session *session, const struct spawn_request *request)
{
	struct log_event *event = log_begin(session->table->means.log, LOG_LEVEL_INFO, "start");
	char text[PEER_TEXT_MAX], address[ENDPOINT_TEXT_MAX];
	bool known = request->local->family != PEER_NONE;

	log_text(event, "service", session->settings->name);
	log_number(event, "session", session->id);
	log_number(event, "pid", (uint64_t)session->pid);
	log_peer(event, "peer", &session->peer);
	log_text(event, "local",
		 known ? peer_print(request->local, text) : endpoint_print(request->endpoint, address));
	log_printf(event, "active", "%u/%u", session->active, session->limit);
	if (session->settings->warm != WARM_NONE)
		log_text(event, "warm", session->warm ? "yes" : "no");
	log_end(event);
}

/* Ends a process that could not be watched: nobody would look after it. */
static void drop(struct session *session)
{
	siginfo_t info;

	family_signal(&session->family, SIGKILL);
	while (waitid(P_PIDFD, (id_t)session->process.fd, &info, WEXITED) != 0 && errno == EINTR)
		continue;
	stderr_tap_close(&session->tap);
	loop_disarm(session->table->means.loop, &session->timer);
	loop_remove(session->table->means.loop, &session->process);
	close(fd_take(&session->process.fd));
}

/* Watches what the spawn gave; takes its descriptors in any case. */
static int watch(struct session *session, struct spawn_child *child)
{
	struct session_table *table = session->table;
	int r, limits;

	session->pid = session->family.group = child->pid;
	session->family.pidfd = child->pidfd;
	session->family.session = session->id;
	session->process = (struct loop_source){
		.fd = child->pidfd,
		.ready = session_process_ready,
		.set = LOOP_WORK,
	};
	r = loop_add(table->means.loop, &session->process, EPOLLIN);
	if (child->stderr_pipe >= 0) {
		int tap = stderr_tap_open(&session->tap, &table->taps, child->stderr_pipe);

		if (tap < 0)
			close(child->stderr_pipe);
		r = r < 0 ? r : tap;
	}
	if (child->replies >= 0) {
		int replies = replies_open(&session->replies, child->replies);

		r = r < 0 ? r : replies;
	}
	limits = session_limits_begin(session);
	r = r < 0 ? r : limits;
	if (r < 0)
		drop(session);
	return r;
}

/* What must be there before the program is: the step that fails costs nobody anything. */
static int prepare(struct session *session, const struct session_origin *origin,
		   struct spawn_request *request, struct spawn_failure *ret_failure)
{
	struct session_table *table = session->table;
	const char *step = "dup";
	int r = 0;

	if (request->kind == SPAWN_FILTER)
		r = replies_prepare(&session->replies, table->means.loop, request->socket, origin->route,
				    &session->settings->identity, table->taps.buffer);
	request->cgroup = -1;
	if (r == 0 && table->cgroups != NULL) {
		step = "cgroup";
		r = cgroup_take(table->cgroups, &session->family.cgroup, &request->cgroup);
	}
	if (r < 0)
		*ret_failure = (struct spawn_failure){ .step = step, .error = -r, .before_child = true };
	return r;
}

int session_go_live(struct session *session, const struct spawn_request *request, struct spawn_child *child)
{
	struct session_table *table = session->table;
	int r;

	/* Its limits need the socket; it is the caller's until all is well. */
	if (request->kind == SPAWN_CONNECTION && session->settings->linger_ns > 0)
		session->socket.fd = request->socket;
	r = watch(session, child);
	if (r < 0) {
		loop_remove(table->means.loop, &session->socket);
		session->socket.fd = -1;
		return r;
	}
	session_living_add(session);
	session_orphans_watch(table);
	if (request->kind == SPAWN_CONNECTION && session->socket.fd < 0 && request->socket >= 0)
		close(request->socket);
	log_start(session, request);
	return 0;
}

void session_forget(struct session *session)
{
	replies_close(&session->replies);
	cgroup_give(&session->family.cgroup);
	session_entry_give(session);
}

/* A copy of a warm program, or its own process. On failure nothing is left but what session_forget() takes. */
static int launch(struct session_start *start, struct spawn_failure *ret_failure)
{
	struct session *session = start->session;
	int r = prepare(session, &start->origin, &start->request, ret_failure);

	if (r < 0)
		return r;
	session->warm = start->origin.warm != NULL &&
			warm_hand_over(start->origin.warm, &start->request, &session->copy) == -EINPROGRESS;
	if (session->warm)
		session_wait_for_copy(session, &start->request);
	else
		r = spawn_launch(session->table->means.spawn, &start->request, &start->launch, ret_failure);
	return r;
}

int session_launch(struct session_table *table, struct session_start *start, struct spawn_failure *ret_failure)
{
	const struct session_origin *origin = &start->origin;
	struct session *session = session_entry_take(table);
	int r;

	if (session == NULL) {
		*ret_failure =
			(struct spawn_failure){ .step = "session", .error = ENOBUFS, .before_child = true };
		return -ENOBUFS;
	}
	start->session = session;
	start->launch = NULL;
	start->child = (struct spawn_child){ .pidfd = -1 };
	session->id = start->request.session = ++table->last_id;
	session->conf = conf_ref(origin->conf);
	session->settings = start->request.service;
	session->service = origin->service;
	session->listener = origin->listener;
	session->ticket = origin->ticket;
	session->active = origin->active;
	session->limit = origin->limit;
	session->peer = *start->request.peer;
	session->local = *start->request.local;
	session->started_ns = loop_now_ns(table->means.loop);

	r = launch(start, ret_failure);
	if (r < 0)
		session_forget(session);
	return r;
}

int session_await(struct session_start *start, struct spawn_failure *ret_failure)
{
	struct session *session = start->session;
	int r = 0;

	if (session->waiting)
		return 0;
	if (start->launch != NULL)
		r = spawn_await(session->table->means.spawn, start->launch, &start->child, ret_failure);
	if (r == 0) {
		r = session_go_live(session, &start->request, &start->child);
		if (r < 0)
			*ret_failure = (struct spawn_failure){
				.step = "watch", .stage = CHILD_STAGE_EXEC, .error = -r
			};
	}
	if (r < 0)
		session_forget(session);
	return r;
}

int session_begin(struct session_table *table, const struct session_origin *origin,
		  struct spawn_request *request, struct session **ret_session,
		  struct spawn_failure *ret_failure)
{
	struct session_start start = { .origin = *origin, .request = *request };
	int r = session_launch(table, &start, ret_failure);

	if (r == 0)
		r = session_await(&start, ret_failure);
	request->session = start.request.session;
	if (r == 0)
		*ret_session = start.session;
	return r;
}
