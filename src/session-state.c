/* session-state.c - what a session is, in a record and back. Its descriptors stay open, its program
 * stays our child, and times of CLOCK_MONOTONIC mean the same in the next program. What is left out is
 * found again: where the socket was seen last, how many lines of stderr came this second. */
#include "session-state.h"

#include "base.h"
#include "session-table.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>

static const char *const due_names[] = {
	[SESSION_DUE_TIME_LIMIT] = "time_limit",
	[SESSION_DUE_FIRST_BYTE] = "first_byte",
	[SESSION_DUE_IDLE] = "idle",
	[SESSION_DUE_HANGUP] = "hangup",
	[SESSION_DUE_KILL] = "kill",
	[SESSION_DUE_HOLDERS] = "holders",
	[SESSION_DUE_GROUP] = "group",
};
_Static_assert(ELEMENTS(due_names) == SESSION_DUES, "each time has a name");

static const char *due_name(size_t due)
{
	return due_names[due];
}

bool session_is_live(const struct session *session)
{
	return session->live;
}

/* Living, or somebody still has its stderr. */
static bool is_there(const struct session *session)
{
	return session->live || stderr_tap_is_open(&session->tap);
}

int session_table_note_rules(const struct session_table *table, struct conf_rules_index *index)
{
	for (size_t i = 0; i < table->touched; i++) {
		const struct session *session = session_entry_at(table, i);
		int r = is_there(session) ? conf_rules_note(index, session->settings) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- saving ---- */

static void save_process(const struct session *session, struct state_writer *writer)
{
	const struct rusage *usage = &session->usage;
	const uint64_t times[] = { (uint64_t)usage->ru_utime.tv_sec, (uint64_t)usage->ru_utime.tv_usec,
				   (uint64_t)usage->ru_stime.tv_sec, (uint64_t)usage->ru_stime.tv_usec,
				   (uint64_t)usage->ru_maxrss };

	state_put_fd(writer, "pidfd", session->process.fd);
	state_put_number(writer, "cgroup", session->family.cgroup.number);
	state_put_flag(writer, "collected", session->collected);
	if (!session->collected)
		return;
	state_put_number(writer, "collected_ns", session->collected_ns);
	state_put_flag(writer, "signalled", session->outcome.signalled);
	state_put_signed(writer, "status", session->outcome.status);
	state_put_numbers(writer, "usage", times, ELEMENTS(times));
}

static void save_connection(const struct session *session, struct state_writer *writer)
{
	const struct connection_facts *facts = &session->facts;
	const uint64_t numbers[] = { facts->bytes_in, facts->bytes_out, facts->rtt_us };

	state_put_fd(writer, "socket", session->socket.fd);
	state_put_number(writer, "look_every_ns", session->look_every_ns);
	state_put_flag(writer, "facts_known", facts->known);
	state_put_numbers(writer, "facts", numbers, ELEMENTS(numbers));
}

static void save_output(const struct session *session, struct state_writer *writer)
{
	const struct stderr_tap *tap = &session->tap;
	const struct replies *replies = &session->replies;
	const struct datagram_route *route = &replies->route;

	if (stderr_tap_is_open(tap)) {
		state_put_fd(writer, "stderr", tap->source.fd);
		state_put_number(writer, "stderr_left_out", tap->left_out);
		if (tap->partial != NULL)
			state_put_bytes(writer, "stderr_partial", tap->partial, tap->partial_length);
	}
	if (replies->socket < 0)
		return;
	state_put_fd(writer, "replies", replies->source.fd);
	state_put_fd(writer, "replies_socket", replies->socket);
	state_put_bytes(writer, "route_peer", &route->peer, route->peer_length);
	state_put_number(writer, "route_family", (uint64_t)route->local_family);
	state_put_bytes(writer, "route_local", &route->local, sizeof(route->local));
}

static void save(const struct session *session, const struct conf_rules_index *index,
		 struct state_writer *writer)
{
	state_put_number(writer, "id", session->id);
	state_put_number(writer, "rules", conf_rules_number(index, session->settings));
	state_put_number(writer, "pid", (uint64_t)session->pid);
	state_put_flag(writer, "live", session->live);
	state_put_flag(writer, "warm", session->warm);
	save_output(session, writer);
	if (!session->live)
		return;
	state_put_number(writer, "started_ns", session->started_ns);
	state_put_peer(writer, "peer", &session->peer);
	state_put_peer(writer, "local", &session->local);
	save_process(session, writer);
	save_connection(session, writer);
	if (session->ending)
		state_put_text(writer, "ending", session_reason_name(session->reason));
	state_put_counts(writer, "due_ns", session->due_ns, SESSION_DUES, due_name);
}

void session_table_save(const struct session_table *table, const struct conf_rules_index *index,
			session_save_more *more, void *context, struct state_writer *writer)
{
	state_begin(writer, "sessions");
	state_put_number(writer, "last_id", table->last_id);
	state_end(writer);
	for (size_t i = 0; i < table->touched; i++) {
		const struct session *session = session_entry_at(table, i);

		if (!is_there(session))
			continue;
		state_begin(writer, "session");
		save(session, index, writer);
		if (session->live)
			more(context, session, writer);
		state_end(writer);
	}
}

/* ---- reading a record ---- */

/* What a record says, before anything is done with it. */
struct found {
	struct session session; /* values only */
	unsigned cgroup;
	int stderr_fd, replies_fd, replies_socket;
	uint64_t left_out;
	char partial[STDERR_TAP_LINE];
	size_t partial_length;
	struct datagram_route route;
};

static void read_process(struct state_record *record, struct found *found)
{
	struct session *session = &found->session;
	uint64_t times[5];

	session->process.fd = state_get_fd(record, "pidfd");
	found->cgroup = (unsigned)state_get_number(record, "cgroup", INT_MAX);
	session->collected = state_get_flag(record, "collected");
	session->collected_ns = state_get_number(record, "collected_ns", INT64_MAX);
	session->outcome.signalled = state_get_flag(record, "signalled");
	session->outcome.status = (int)(int32_t)state_get_signed(record, "status");
	state_get_numbers(record, "usage", times, ELEMENTS(times));
	session->usage.ru_utime =
		(struct timeval){ (time_t)(uint32_t)times[0], (suseconds_t)(times[1] % 1000000) };
	session->usage.ru_stime =
		(struct timeval){ (time_t)(uint32_t)times[2], (suseconds_t)(times[3] % 1000000) };
	session->usage.ru_maxrss = (long)(times[4] & INT64_MAX);
}

static void read_connection(struct state_record *record, struct found *found)
{
	struct session *session = &found->session;
	uint64_t facts[3];

	session->socket.fd = state_get_fd(record, "socket");
	session->look_every_ns = state_get_number(record, "look_every_ns", NS_PER_S * 60);
	state_get_numbers(record, "facts", facts, ELEMENTS(facts));
	session->facts.bytes_in = facts[0];
	session->facts.bytes_out = facts[1];
	session->facts.rtt_us = (uint32_t)facts[2];
	session->facts.known = state_get_flag(record, "facts_known");
}

static void read_clock(struct state_record *record, struct session *session)
{
	const char *reason = state_get_text(record, "ending");

	state_get_counts(record, "due_ns", session->due_ns, SESSION_DUES, due_name);
	if (reason == NULL)
		return;
	session->ending = true;
	session->reason = SESSION_DRAIN; /* a word that this program does not know */
	for (unsigned i = 0; i < SESSION_REASONS; i++)
		if (strcmp(reason, session_reason_name((enum session_reason)i)) == 0)
			session->reason = (enum session_reason)i;
}

static void read_output(struct state_record *record, struct found *found)
{
	struct datagram_route *route = &found->route;
	uint64_t family;

	found->stderr_fd = state_get_fd(record, "stderr");
	found->left_out = state_get_number(record, "stderr_left_out", UINT64_MAX);
	found->partial_length =
		state_get_bytes(record, "stderr_partial", found->partial, sizeof(found->partial));
	found->replies_fd = state_get_fd(record, "replies");
	found->replies_socket = state_get_fd(record, "replies_socket");
	route->peer_length =
		(socklen_t)state_get_bytes(record, "route_peer", &route->peer, sizeof(route->peer));
	(void)state_get_bytes(record, "route_local", &route->local, sizeof(route->local));
	family = state_get_number(record, "route_family", INT_MAX);
	route->local_family = family == AF_INET || family == AF_INET6 ? (int)family : 0;
	if (found->replies_fd >= 0 && found->replies_socket < 0)
		state_fail(record, "replies without a socket");
}

static void read_record(struct state_record *record, struct conf *rules, struct found *found)
{
	struct session *session = &found->session;

	session->id = state_get_number(record, "id", INT64_MAX);
	session->settings = conf_rules_get(rules, record, "rules");
	session->pid = (pid_t)state_get_number(record, "pid", INT_MAX);
	session->live = state_get_flag(record, "live");
	session->warm = state_get_flag(record, "warm");
	session->started_ns = state_get_number(record, "started_ns", INT64_MAX);
	state_get_peer(record, "peer", &session->peer);
	state_get_peer(record, "local", &session->local);
	read_process(record, found);
	read_connection(record, found);
	read_clock(record, session);
	read_output(record, found);
	if (!state_is_good(record))
		return;
	/* Who is 0 or 1 would be signalled as a group of many. */
	if (session->id == 0 || session->pid <= 1)
		state_fail(record, "a session without a number or a process");
	else if (session->live && session->process.fd < 0)
		state_fail(record, "session %llu has no pidfd", (unsigned long long)session->id);
	else if (!session->live && found->stderr_fd < 0)
		state_fail(record, "session %llu is nothing any more", (unsigned long long)session->id);
}

/* ---- restoring ---- */

static int resume_output(struct session *session, const struct found *found)
{
	struct session_table *table = session->table;
	struct stderr_tap *tap = &session->tap;
	int r = 0;

	if (found->stderr_fd >= 0)
		r = stderr_tap_open(tap, &table->taps, found->stderr_fd);
	if (r == 0 && found->stderr_fd >= 0) {
		tap->left_out = found->left_out;
		tap->partial = found->partial_length == 0 ? NULL : malloc(STDERR_TAP_LINE);
		if (tap->partial != NULL) {
			memcpy(tap->partial, found->partial, found->partial_length);
			tap->partial_length = found->partial_length;
		}
	}
	if (r == 0 && found->replies_socket >= 0)
		r = replies_resume(&session->replies, table->means.loop, found->replies_socket,
				   found->replies_fd, &found->route, &session->settings->identity,
				   table->taps.buffer);
	return r;
}

static int resume_process(struct session *session, unsigned cgroup)
{
	struct session_table *table = session->table;

	session->process.ready = session_process_ready;
	session->process.set = LOOP_WORK;
	session->family = (struct family){
		.group = session->pid,
		.pidfd = session->process.fd,
		.leader_gone = session->collected,
		.session = session->id,
	};
	if (cgroup != 0 && table->cgroups != NULL)
		cgroup_resume(table->cgroups, cgroup, &session->family.cgroup);
	return session->collected ? 0 : loop_add(table->means.loop, &session->process, EPOLLIN);
}

static int resume(struct session_table *table, struct conf *rules, const struct found *found,
		  struct session **ret_session)
{
	struct session *session = session_entry_take(table);
	int r;

	if (session == NULL)
		return -ENOBUFS;
	*session = found->session;
	session->table = table;
	session->conf = conf_ref(rules);
	session->replies.source.fd = session->replies.socket = -1;
	session->cgroup_fd = -1;
	session->live = false;
	r = resume_output(session, found);
	if (r < 0)
		return r;
	if (!found->session.live) {
		table->stderr_only_count++;
		*ret_session = session;
		return 0;
	}
	r = resume_process(session, found->cgroup);
	if (r == 0)
		r = session_limits_resume(session);
	session_living_add(session);
	session_orphans_watch(table);
	*ret_session = session;
	return r;
}

int session_restore(struct session_table *table, struct conf *rules, struct state_record *record,
		    struct session **ret_session)
{
	struct found found = { .session = { .id = 0 } };

	read_record(record, rules, &found);
	if (!state_is_good(record) || table == NULL)
		return 0;
	if (found.session.id > table->last_id)
		table->last_id = found.session.id;
	return resume(table, rules, &found, ret_session);
}

int session_table_restore(void *context, struct state_record *record)
{
	struct session_table *table = context;
	uint64_t last_id = state_get_number(record, "last_id", INT64_MAX);

	if (state_is_good(record) && table != NULL && last_id > table->last_id)
		table->last_id = last_id;
	return 0;
}
