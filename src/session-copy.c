/* session-copy.c - sessions that wait for their process: a copy of a warm program is being forked for them (warm.h).
 *
 * It takes a tenth of a millisecond, and the daemon serves others meanwhile. The session has its number and its place
 * already, and becomes one like any other when its copy reports. When there will be none, its program is started for
 * it; and when the machine lacks something for that, it is tried again: the client is there and waits. */
#include "session-table.h"

#include "base.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define AGAIN_NS (100 * NS_PER_MS)

void session_wait_for_copy(struct session *session, const struct spawn_request *request)
{
	session->waiting = true;
	session->endpoint = request->endpoint;
	session->cgroup_fd = request->cgroup;
	session->socket.fd = request->socket;
	session->table->waiting_count++;
}

static void stop_waiting(struct session *session)
{
	session->waiting = false;
	session->table->waiting_count--;
}

static struct spawn_request request_of(const struct session *session)
{
	return (struct spawn_request){
		.kind = SPAWN_CONNECTION,
		.service = session->settings,
		.endpoint = session->endpoint,
		.session = session->id,
		.socket = session->socket.fd,
		.cgroup = session->cgroup_fd,
		.peer = &session->peer,
		.local = &session->local,
	};
}

/* There will be no process: its owner is told, and it is gone. */
static void give_up(struct session *session, const struct spawn_failure *failure)
{
	struct session_table *table = session->table;

	stop_waiting(session);
	table->means.failed(table->context, session, failure);
	loop_disarm(table->means.loop, &session->timer);
	cleanup_fd(&session->socket.fd);
	session->socket.fd = -1;
	session_forget(session);
}

static void become_live(struct session *session, struct spawn_child *child)
{
	struct session_table *table = session->table;
	struct spawn_request request = request_of(session);
	struct spawn_failure failure = { .step = "watch", .stage = CHILD_STAGE_EXEC };
	int r;

	session->socket.fd = -1; /* the request's again */
	r = session_go_live(session, &request, child);
	if (r < 0) {
		failure.error = -r;
		session->socket.fd = request.socket;
		give_up(session, &failure);
		return;
	}
	stop_waiting(session);
	table->means.started(table->context, session);
	/* All sessions were told to end while it was none. */
	if (table->all_told)
		session_terminate(session, table->all_reason, table->all_at_once);
}

static void start_its_own(struct session *session)
{
	struct spawn_request request = request_of(session);
	struct spawn_failure failure;
	struct spawn_child child;

	session->warm = false;
	if (spawn_start(session->table->means.spawn, &request, &child, &failure) == 0) {
		become_live(session, &child);
		return;
	}
	if (failure.before_child &&
	    loop_arm(session->table->means.loop, &session->timer,
		     loop_now_ns(session->table->means.loop) + AGAIN_NS) == 0)
		return;
	give_up(session, &failure);
}

static void try_again(struct loop_timer *timer)
{
	start_its_own(container_of(timer, struct session, timer));
}

/* The copy has the client, and may have read what that said, so that nobody else could go on for it. When there was no
 * descriptor to watch it by, the one of the connection makes room: such a session does without `linger`. */
static bool make_room(struct session *session, struct spawn_child *copy)
{
	struct spawn_failure failure = { .step = "pidfd_open", .stage = CHILD_STAGE_EXEC };
	siginfo_t info;

	if (copy->pidfd >= 0)
		return true;
	close(fd_take(&session->socket.fd));
	copy->pidfd = (int)syscall(SYS_pidfd_open, copy->pid, 0);
	/* A child that has not been collected: then its number is still its own. */
	if (copy->pidfd >= 0 && waitid(P_PIDFD, (id_t)copy->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		return true;
	failure.error = errno;
	if (copy->pidfd < 0)
		kill(copy->pid, SIGKILL);
	cleanup_fd(&copy->pidfd);
	cleanup_fd(&copy->stderr_pipe);
	give_up(session, &failure);
	return false;
}

void session_copy_came(struct warm_client *client, const struct spawn_child *child)
{
	struct session *session = container_of(client, struct session, copy);
	struct session_table *table = session->table;

	if (table->closed) {
		/* Nobody would look after it. */
		if (child != NULL && child->pidfd >= 0)
			syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
		else if (child != NULL)
			kill(child->pid, SIGKILL);
		stop_waiting(session);
		close(fd_take(&session->socket.fd));
		session_forget(session);
		return;
	}
	session->timer.expired = try_again;
	if (child == NULL) {
		start_its_own(session);
		return;
	}

	struct spawn_child copy = *child;

	if (!make_room(session, &copy))
		return;
	if (session->cgroup_fd >= 0)
		(void)cgroup_move(session->cgroup_fd, copy.pid);
	become_live(session, &copy);
}

void session_table_close(struct session_table *table)
{
	table->closed = true;
}
