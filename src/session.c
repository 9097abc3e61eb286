/* session.c - from spawn to end, see session.h.
 *
 * Memory comes in blocks that are taken when a configuration is applied; free
 * entries form a stack, so that few sessions touch few pages. A session whose
 * process ended while another process still has its stderr leaves the list of
 * the living (its slot is free, its `end` is logged) and keeps its entry until
 * that pipe is closed.
 *
 * The process is watched through its pidfd and signalled only before it is
 * collected: until then neither its pid nor its group's can be used anew. */
#include "session.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BLOCK_SESSIONS 1024
#define STDERR_ONLY_MOST 1024
#define REPLIES_A_ROUND 64

struct session_table {
	struct loop *loop;
	struct log *log;
	struct spawn *spawn;
	session_ended *ended;
	void *context;
	uint64_t last_id;
	struct stderr_tap_shared taps;

	struct session **blocks;
	size_t block_count;
	size_t touched;           /* entries that were ever used; the rest of the blocks is fresh */
	struct session *free;     /* linked by next */
	struct session *living;
	size_t count;             /* living */
	size_t stderr_only_count; /* not living, stderr open */
};

/* ---- the table ---- */

static struct session *entry_take(struct session_table *table)
{
	struct session *session = table->free;

	if (session != NULL) {
		table->free = session->next;
	} else {
		if (table->touched >= table->block_count * BLOCK_SESSIONS)
			return NULL;
		session = &table->blocks[table->touched / BLOCK_SESSIONS][table->touched % BLOCK_SESSIONS];
		table->touched++;
	}
	memset(session, 0, sizeof(*session));
	session->table = table;
	session->process.fd = session->replies.fd = session->datagram = -1;
	return session;
}

static void entry_give(struct session *session)
{
	struct session_table *table = session->table;

	conf_unref(session->conf);
	session->conf = NULL;
	session->next = table->free;
	table->free = session;
}

static void living_add(struct session *session)
{
	struct session_table *table = session->table;

	session->live = true;
	session->previous = NULL;
	session->next = table->living;
	if (table->living != NULL)
		table->living->previous = session;
	table->living = session;
	table->count++;
}

static void living_remove(struct session *session)
{
	struct session_table *table = session->table;

	session->live = false;
	if (session->previous != NULL)
		session->previous->next = session->next;
	else
		table->living = session->next;
	if (session->next != NULL)
		session->next->previous = session->previous;
	session->previous = session->next = NULL;
	table->count--;
}

int session_table_reserve(struct session_table *table, size_t count)
{
	size_t needed = (count + STDERR_ONLY_MOST + BLOCK_SESSIONS - 1) / BLOCK_SESSIONS;

	if (needed <= table->block_count)
		return 0;

	struct session **blocks = reallocarray(table->blocks, needed, sizeof(*blocks));

	if (blocks == NULL)
		return -ENOMEM;
	table->blocks = blocks;
	while (table->block_count < needed) {
		blocks[table->block_count] = calloc(BLOCK_SESSIONS, sizeof(struct session));
		if (blocks[table->block_count] == NULL)
			return -ENOMEM;
		table->block_count++;
	}
	return 0;
}

size_t session_count(const struct session_table *table)
{
	return table->count;
}

/* ---- stderr ---- */

static void stderr_line(struct stderr_tap *tap, const char *bytes, size_t length)
{
	const struct session *session = container_of(tap, struct session, tap);
	struct log_event *event = log_begin(session->table->log, LOG_LEVEL_NOTICE, "stderr");

	log_text(event, "service", session->settings->name);
	log_number(event, "pid", (uint64_t)session->pid);
	log_bytes(event, "text", bytes, length);
	log_end(event);
}

static void stderr_left_out(struct stderr_tap *tap, uint64_t lines)
{
	const struct session *session = container_of(tap, struct session, tap);
	struct log_event *event = log_begin(session->table->log, LOG_LEVEL_WARNING, "stderr-left-out");

	log_text(event, "service", session->settings->name);
	log_number(event, "pid", (uint64_t)session->pid);
	log_number(event, "lines", lines);
	log_text(event, "message", "the service writes more lines a second to stderr than are logged");
	log_end(event);
}

static void stderr_closed(struct stderr_tap *tap)
{
	struct session *session = container_of(tap, struct session, tap);

	if (session->live)
		return;
	session->table->stderr_only_count--;
	entry_give(session);
}

/* ---- replies of a datagram filter ---- */

/* Sends a reply with the rights of the service where a file is named: the client
 * chose that path, and root would be let in anywhere. */
static int send_reply(const struct session *session, const void *bytes, size_t size)
{
	const struct conf_identity *identity = &session->settings->identity;
	bool named = session->route.peer.sa.sa_family == AF_UNIX && identity->change;

	if (named) {
		setfsgid(identity->gid);
		setfsuid(identity->uid);
	}

	int r = datagram_reply(session->datagram, &session->route, bytes, size);

	if (named) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	return r;
}

/* Passes on up to `most` replies. Returns whether there may be more. */
static bool pass_replies(struct session *session, unsigned most)
{
	char *buffer = session->table->taps.buffer;

	for (unsigned i = 0; i < most; i++) {
		ssize_t size = recv(session->replies.fd, buffer, STDERR_TAP_BUFFER, MSG_DONTWAIT);

		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (size <= 0) /* nobody has the other end any more; an empty message looks the same */
			return false;

		int r = send_reply(session, buffer, (size_t)size);

		if (r < 0)
			log_message(session->table->log, LOG_LEVEL_DEBUG, "reply-lost", "%s: %s",
				    session->settings->name, strerror(-r));
	}
	return true;
}

static void replies_close(struct session *session)
{
	if (session->replies.fd < 0)
		return;
	loop_remove(session->table->loop, &session->replies);
	cleanup_fd(&session->replies.fd);
	cleanup_fd(&session->datagram);
	session->replies.fd = session->datagram = -1;
}

static void replies_ready(struct loop_source *source, uint32_t events)
{
	struct session *session = container_of(source, struct session, replies);

	(void)events;
	if (!pass_replies(session, REPLIES_A_ROUND))
		replies_close(session);
}

/* ---- end ---- */

static void log_outcome(const struct session *session, const struct session_outcome *outcome,
			const struct rusage *usage)
{
	struct log_event *event = log_begin(session->table->log, LOG_LEVEL_INFO, "end");
	char peer[PEER_TEXT_MAX];
	uint64_t cpu_ms = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
			  (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;

	log_text(event, "service", session->settings->name);
	log_number(event, "session", session->id);
	log_number(event, "pid", (uint64_t)session->pid);
	log_text(event, "peer", peer_print(&session->peer, peer));
	log_text(event, "reason", outcome->signalled ? "signal" : "exit");
	if (!outcome->signalled)
		log_signed(event, "status", outcome->status);
	else if (sigabbrev_np(outcome->status) != NULL)
		log_text(event, "signal", sigabbrev_np(outcome->status));
	else
		log_signed(event, "signal", outcome->status);
	log_seconds(event, "seconds", outcome->lasted_ns);
	log_number(event, "cpu_ms", cpu_ms);
	log_number(event, "maxrss_kb", (uint64_t)usage->ru_maxrss);
	log_end(event);
}

static void end(struct session *session, const struct session_outcome *outcome, const struct rusage *usage)
{
	struct session_table *table = session->table;

	loop_disarm(table->loop, &session->kill_timer);
	loop_forget(table->loop, &session->process);
	cleanup_fd(&session->process.fd);
	session->process.fd = -1;
	if (session->replies.fd >= 0)
		pass_replies(session, REPLIES_A_ROUND);
	replies_close(session);
	stderr_tap_drain(&session->tap);
	log_outcome(session, outcome, usage);
	living_remove(session);
	table->ended(table->context, session, outcome);

	if (stderr_tap_is_open(&session->tap) && table->stderr_only_count < STDERR_ONLY_MOST) {
		session->service = NULL;
		session->listener = NULL;
		table->stderr_only_count++;
		return;
	}
	stderr_tap_close(&session->tap);
	entry_give(session);
}

static void process_ready(struct loop_source *source, uint32_t events)
{
	struct session *session = container_of(source, struct session, process);
	struct rusage usage;
	siginfo_t info = { .si_pid = 0 };

	(void)events;
	/* The system call also gives rusage, which waitid(3) of the C library leaves out. */
	if (syscall(SYS_waitid, P_PIDFD, source->fd, &info, WEXITED | WNOHANG, &usage) != 0) {
		if (errno != ECHILD)
			return; /* still ready: the next round tries again */
		memset(&usage, 0, sizeof(usage)); /* gone without us; nothing more will be known */
	} else if (info.si_pid == 0) {
		return;
	}

	struct session_outcome outcome = {
		.signalled = info.si_code != CLD_EXITED,
		.status = info.si_status,
		.lasted_ns = loop_now_ns(session->table->loop) - session->started_ns,
	};

	end(session, &outcome, &usage);
}

static void kill_due(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, kill_timer);

	session_terminate(session, true);
}

void session_terminate(struct session *session, bool at_once)
{
	struct session_table *table = session->table;

	if (!session->live || (!at_once && session->kill_timer.place != 0))
		return;
	kill(-session->pid, at_once ? SIGKILL : SIGTERM);
	if (at_once)
		return;
	kill(-session->pid, SIGCONT); /* a stopped one could not end */
	if (loop_arm(table->loop, &session->kill_timer,
		     loop_now_ns(table->loop) + session->settings->kill_after_ns) != 0)
		kill(-session->pid, SIGKILL);
}

void session_terminate_all(struct session_table *table, bool at_once)
{
	for (struct session *session = table->living; session != NULL; session = session->next)
		session_terminate(session, at_once);
}

/* ---- beginning ---- */

static void log_start(const struct session *session, const struct session_origin *origin, const struct peer *local)
{
	struct log_event *event = log_begin(session->table->log, LOG_LEVEL_INFO, "start");
	char text[PEER_TEXT_MAX];

	log_text(event, "service", session->settings->name);
	log_number(event, "session", session->id);
	log_number(event, "pid", (uint64_t)session->pid);
	log_text(event, "peer", peer_print(&session->peer, text));
	log_text(event, "local", peer_print(local, text));
	log_printf(event, "active", "%u/%u", origin->active, origin->limit);
	log_end(event);
}

/* Watches what the spawn gave. On failure the process is ended: it would be
 * one that nobody looks after. Takes the child's descriptors in any case. */
static int watch(struct session *session, struct spawn_child *child, const struct spawn_request *request,
		 const struct session_origin *origin)
{
	struct session_table *table = session->table;
	int r;

	session->pid = child->pid;
	session->process = (struct loop_source){ .fd = child->pidfd, .ready = process_ready, .set = LOOP_WORK };
	session->kill_timer.expired = kill_due;
	session->replies = (struct loop_source){ .fd = child->replies, .ready = replies_ready, .set = LOOP_WORK };
	r = loop_add(table->loop, &session->process, EPOLLIN);
	if (r == 0 && child->stderr_pipe >= 0)
		r = stderr_tap_open(&session->tap, &table->taps, fd_take(&child->stderr_pipe));
	if (r == 0 && child->replies >= 0) {
		session->route = *origin->route;
		session->datagram = fcntl(request->socket, F_DUPFD_CLOEXEC, 3);
		r = session->datagram < 0 ? -errno : loop_add(table->loop, &session->replies, EPOLLIN);
	}
	if (r == 0)
		return 0;

	siginfo_t info;

	kill(-session->pid, SIGKILL);
	while (waitid(P_PIDFD, (id_t)session->process.fd, &info, WEXITED) != 0 && errno == EINTR)
		continue;
	cleanup_fd(&child->stderr_pipe);
	stderr_tap_close(&session->tap);
	loop_remove(table->loop, &session->process);
	cleanup_fd(&session->process.fd);
	replies_close(session);
	return r;
}

int session_begin(struct session_table *table, const struct session_origin *origin, struct spawn_request *request,
		  struct session **ret_session, struct spawn_failure *ret_failure)
{
	struct session *session = entry_take(table);
	struct spawn_child child;
	int r;

	if (session == NULL) {
		*ret_failure = (struct spawn_failure){ .step = "session", .error = ENOBUFS, .before_child = true };
		return -ENOBUFS;
	}
	session->id = request->session = ++table->last_id;
	session->conf = conf_ref(origin->conf);
	session->settings = request->service;
	session->service = origin->service;
	session->listener = origin->listener;
	session->peer = *request->peer;
	session->started_ns = loop_now_ns(table->loop);

	r = spawn_start(table->spawn, request, &child, ret_failure);
	if (r == 0) {
		r = watch(session, &child, request, origin);
		if (r < 0)
			*ret_failure = (struct spawn_failure){ .step = "watch", .error = -r };
	}
	if (r < 0) {
		entry_give(session);
		return r;
	}
	living_add(session);
	log_start(session, origin, request->local);
	*ret_session = session;
	return 0;
}

int session_table_new(struct loop *loop, struct log *log, struct spawn *spawn, session_ended *ended, void *context,
		      struct session_table **ret_table)
{
	struct session_table *table = calloc(1, sizeof(*table));
	char *buffer = malloc(STDERR_TAP_BUFFER);

	if (table == NULL || buffer == NULL) {
		free(table);
		free(buffer);
		return -ENOMEM;
	}
	table->loop = loop;
	table->log = log;
	table->spawn = spawn;
	table->ended = ended;
	table->context = context;
	table->taps = (struct stderr_tap_shared){
		.loop = loop,
		.buffer = buffer,
		.line = stderr_line,
		.left_out = stderr_left_out,
		.closed = stderr_closed,
	};
	*ret_table = table;
	return 0;
}

void session_table_free(struct session_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->touched; i++) {
		struct session *session = &table->blocks[i / BLOCK_SESSIONS][i % BLOCK_SESSIONS];

		stderr_tap_close(&session->tap);
		loop_remove(table->loop, &session->process);
		cleanup_fd(&session->process.fd);
		replies_close(session);
		conf_unref(session->conf);
	}
	for (size_t i = 0; i < table->block_count; i++)
		free(table->blocks[i]);
	free(table->blocks);
	free(table->taps.buffer);
	free(table);
}
