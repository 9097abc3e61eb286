/* session-end.c - the end of a session: its program is collected, its process
 * group is found empty, the connection is let go of, and what it came to is
 * logged.
 *
 * Most programs leave nobody behind: then all this happens at once. While others
 * of the group are there the session goes on, with its limits and its slot. */
#include "session-table.h"

#include "base.h"
#include "libc.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* ---- accounts ---- */

static uint64_t cpu_ms(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
	       (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
}

void session_log_status(struct log_event *event, const struct session_outcome *outcome)
{
	if (!outcome->signalled)
		log_signed(event, "status", outcome->status);
	else if (libc_signal_name(outcome->status) != NULL)
		log_text(event, "signal", libc_signal_name(outcome->status));
	else
		log_signed(event, "signal", outcome->status);
}

static void log_outcome(const struct session *session)
{
	const struct session_outcome *outcome = &session->outcome;
	const struct connection_facts *facts = &outcome->facts;
	struct log_event *event = log_begin(session->table->means.log, LOG_LEVEL_INFO, "end");

	log_text(event, "service", session->settings->name);
	log_number(event, "session", session->id);
	log_number(event, "pid", (uint64_t)session->pid);
	log_peer(event, "peer", &session->peer);
	log_text(event, "reason", session_reason_name(outcome->reason));
	session_log_status(event, outcome);
	log_seconds(event, "seconds", outcome->lasted_ns);
	if (facts->known) {
		log_number(event, "bytes_in", facts->bytes_in);
		log_number(event, "bytes_out", facts->bytes_out);
		log_seconds(event, "rtt_ms", (uint64_t)facts->rtt_us * NS_PER_MS);
	}
	log_number(event, "cpu_ms", cpu_ms(&session->usage));
	log_number(event, "maxrss_kb", (uint64_t)session->usage.ru_maxrss);
	log_end(event);
}

/* ---- the end ---- */

static void finish(struct session *session)
{
	struct session_table *table = session->table;
	struct session_outcome *outcome = &session->outcome;

	session_let_go_of_socket(session);
	loop_disarm(table->means.loop, &session->timer);
	close(fd_take(&session->process.fd));
	replies_close(&session->replies);
	stderr_tap_drain(&session->tap);

	outcome->facts = session->facts;
	outcome->lasted_ns = loop_now_ns(table->means.loop) - session->started_ns;
	outcome->reason = session->ending     ? session->reason :
			  outcome->signalled ? SESSION_SIGNAL :
					       SESSION_EXIT;
	log_outcome(session);
	session_living_remove(session);
	if (session->ending) {
		session_strays_signal(session, SIGKILL);
		if (session->family.cgroup.pool != NULL)
			(void)cgroup_kill(&session->family.cgroup);
	}
	cgroup_give(&session->family.cgroup);
	table->ended(table->context, session, outcome);

	if (session_keep_for_stderr(session))
		return;
	stderr_tap_close(&session->tap);
	session_entry_give(session);
}

/* With wait = yes the end of the program is what was waited for: many of them fork for each
 * client, and end so that the socket is looked at again. */
static bool is_over(const struct session *session)
{
	if (!session->collected)
		return false;
	return (session->settings->wait && !session->ending) || !family_is_alive(&session->family);
}

bool session_finish_if_empty(struct session *session)
{
	if (!is_over(session))
		return false;
	finish(session);
	return true;
}

void session_process_ready(struct loop_source *source, uint32_t events)
{
	struct session *session = container_of(source, struct session, process);
	struct loop *loop = session->table->means.loop;
	siginfo_t info = { .si_pid = 0 };

	(void)events;
	if (libc_wait_pidfd(source->fd, &info, WEXITED | WNOHANG, &session->usage) != 0) {
		if (errno != ECHILD)
			return; /* still ready: the next round tries again */
		memset(&session->usage, 0, sizeof(session->usage)); /* gone without us */
	} else if (info.si_pid == 0) {
		return;
	}
	loop_remove(loop, source);
	session->collected = session->family.leader_gone = true;
	session->collected_ns = loop_now_ns(loop);
	session->outcome.signalled = info.si_code != CLD_EXITED;
	session->outcome.status = info.si_status;
	if (session_finish_if_empty(session))
		return;
	/* Whoever is left may have let go of the socket long ago. */
	if (session->socket.fd >= 0)
		session_due_at(session, SESSION_DUE_HOLDERS, session->collected_ns + 1);
	session_due_at(session, SESSION_DUE_GROUP, session->collected_ns + 1);
}
