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
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BLOCK_SESSIONS   1024
#define STDERR_ONLY_MOST 1024
_Static_assert(REPLIES_BUFFER <= STDERR_TAP_BUFFER, "they share a buffer");

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
	size_t touched;       /* entries that were ever used; the rest of the blocks is fresh */
	struct session *free; /* linked by next */
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
	session->process.fd = session->replies.source.fd = session->replies.socket = -1;
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
	loop_remove(table->loop, &session->process);
	close(fd_take(&session->process.fd));
	replies_close(&session->replies);
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
			return;                   /* still ready: the next round tries again */
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

static void log_start(const struct session *session, const struct session_origin *origin,
		      const struct spawn_request *request)
{
	struct log_event *event = log_begin(session->table->log, LOG_LEVEL_INFO, "start");
	char text[PEER_TEXT_MAX], address[ENDPOINT_TEXT_MAX];
	bool known = request->local->family != PEER_NONE;

	log_text(event, "service", session->settings->name);
	log_number(event, "session", session->id);
	log_number(event, "pid", (uint64_t)session->pid);
	log_text(event, "peer", peer_print(&session->peer, text));
	log_text(event, "local",
		 known ? peer_print(request->local, text) : endpoint_print(request->endpoint, address));
	log_printf(event, "active", "%u/%u", origin->active, origin->limit);
	log_end(event);
}

/* Ends a process that could not be watched: nobody would look after it. */
static void drop(struct session *session)
{
	siginfo_t info;

	kill(-session->pid, SIGKILL);
	while (waitid(P_PIDFD, (id_t)session->process.fd, &info, WEXITED) != 0 && errno == EINTR)
		continue;
	stderr_tap_close(&session->tap);
	loop_remove(session->table->loop, &session->process);
	close(fd_take(&session->process.fd));
}

/* Watches what the spawn gave; takes its descriptors in any case. */
static int watch(struct session *session, struct spawn_child *child)
{
	struct session_table *table = session->table;
	int r;

	session->pid = child->pid;
	session->process =
		(struct loop_source){ .fd = child->pidfd, .ready = process_ready, .set = LOOP_WORK };
	session->kill_timer.expired = kill_due;
	r = loop_add(table->loop, &session->process, EPOLLIN);
	if (child->stderr_pipe >= 0) {
		int tap = stderr_tap_open(&session->tap, &table->taps, child->stderr_pipe);

		r = r < 0 ? r : tap;
	}
	if (child->replies >= 0) {
		int replies = replies_open(&session->replies, child->replies);

		r = r < 0 ? r : replies;
	}
	if (r < 0)
		drop(session);
	return r;
}

/* Spawns and watches. On failure nothing is left but what replies_close() and entry_give() take. */
static int start(struct session *session, const struct session_origin *origin,
		 const struct spawn_request *request, struct spawn_failure *ret_failure)
{
	struct session_table *table = session->table;
	struct spawn_child child;
	int r;

	if (request->kind == SPAWN_FILTER) {
		r = replies_prepare(&session->replies, table->loop, request->socket, origin->route,
				    &session->settings->identity, table->taps.buffer);
		if (r < 0) {
			*ret_failure =
				(struct spawn_failure){ .step = "dup", .error = -r, .before_child = true };
			return r;
		}
	}
	r = spawn_start(table->spawn, request, &child, ret_failure);
	if (r < 0)
		return r;
	r = watch(session, &child);
	if (r < 0)
		*ret_failure =
			(struct spawn_failure){ .step = "watch", .stage = CHILD_STAGE_EXEC, .error = -r };
	return r;
}

int session_begin(struct session_table *table, const struct session_origin *origin,
		  struct spawn_request *request, struct session **ret_session,
		  struct spawn_failure *ret_failure)
{
	struct session *session = entry_take(table);
	int r;

	if (session == NULL) {
		*ret_failure =
			(struct spawn_failure){ .step = "session", .error = ENOBUFS, .before_child = true };
		return -ENOBUFS;
	}
	session->id = request->session = ++table->last_id;
	session->conf = conf_ref(origin->conf);
	session->settings = request->service;
	session->service = origin->service;
	session->listener = origin->listener;
	session->peer = *request->peer;
	session->started_ns = loop_now_ns(table->loop);

	r = start(session, origin, request, ret_failure);
	if (r < 0) {
		replies_close(&session->replies);
		entry_give(session);
		return r;
	}
	living_add(session);
	log_start(session, origin, request);
	*ret_session = session;
	return 0;
}

int session_table_new(struct loop *loop, struct log *log, struct spawn *spawn, session_ended *ended,
		      void *context, struct session_table **ret_table)
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
		replies_close(&session->replies);
		conf_unref(session->conf);
	}
	for (size_t i = 0; i < table->block_count; i++)
		free(table->blocks[i]);
	free(table->blocks);
	free(table->taps.buffer);
	free(table);
}
