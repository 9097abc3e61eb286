/* session-table.c - the memory of sessions, the list of those that live, and the
 * map from pids to them.
 *
 * Memory comes in blocks that are taken when a configuration is applied; free
 * entries form a stack, so that few sessions touch few pages. A session whose
 * processes ended while another process still has its stderr leaves the list of
 * the living (its slot is free, its `end` is logged) and keeps its entry until
 * that pipe is closed. */
#include "session-table.h"

#include "base.h"

#include <errno.h>
#include <string.h>

#define BLOCK_SESSIONS   1024
#define STDERR_ONLY_MOST 1024

struct session *session_entry_take(struct session_table *table)
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
	session->process.fd = session->socket.fd = session->cgroup_fd = -1;
	session->replies.source.fd = session->replies.socket = -1;
	return session;
}

void session_entry_give(struct session *session)
{
	struct session_table *table = session->table;

	conf_unref(session->conf);
	session->conf = NULL;
	session->next = table->free;
	table->free = session;
}

const struct session *session_entry_at(const struct session_table *table, size_t index)
{
	return &table->blocks[index / BLOCK_SESSIONS][index % BLOCK_SESSIONS];
}

static struct session **chain_of(struct session_table *table, pid_t pid)
{
	return &table->by_pid[(size_t)pid & table->pid_mask];
}

void session_living_add(struct session *session)
{
	struct session_table *table = session->table;
	struct session **chain = chain_of(table, session->pid);

	session->live = true;
	session->previous = NULL;
	session->next = table->living;
	if (table->living != NULL)
		table->living->previous = session;
	table->living = session;
	table->count++;
	table->beside_count += session->settings->serve_while_draining;
	session->same_hash = *chain;
	*chain = session;
}

void session_living_remove(struct session *session)
{
	struct session_table *table = session->table;
	struct session **place = chain_of(table, session->pid);

	while (*place != session)
		place = &(*place)->same_hash;
	*place = session->same_hash;
	session->live = false;
	if (session->previous != NULL)
		session->previous->next = session->next;
	else
		table->living = session->next;
	if (session->next != NULL)
		session->next->previous = session->previous;
	session->previous = session->next = NULL;
	table->count--;
	table->beside_count -= session->settings->serve_while_draining;
}

bool session_is_leader(void *context, pid_t pid)
{
	struct session_table *table = context;
	const struct session *session = *chain_of(table, pid);

	/* One that is collected already may share its number with an orphan. */
	while (session != NULL && (session->pid != pid || session->collected))
		session = session->same_hash;
	return session != NULL || (table->means.warm != NULL && warm_table_knows(table->means.warm, pid));
}

/* As many chains as entries, in a power of two. */
static int reserve_chains(struct session_table *table, size_t entries)
{
	size_t chains = 64;

	while (chains < entries)
		chains *= 2;
	if (table->by_pid != NULL && chains <= table->pid_mask + 1)
		return 0;

	struct session **by_pid = calloc(chains, sizeof(*by_pid));

	if (by_pid == NULL)
		return -ENOMEM;
	free(table->by_pid);
	table->by_pid = by_pid;
	table->pid_mask = chains - 1;
	for (struct session *session = table->living; session != NULL; session = session->next) {
		session->same_hash = *chain_of(table, session->pid);
		*chain_of(table, session->pid) = session;
	}
	return 0;
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
	return reserve_chains(table, count);
}

size_t session_count(const struct session_table *table)
{
	return table->count + table->waiting_count;
}

size_t session_count_waiting(const struct session_table *table)
{
	return table->waiting_count;
}

size_t session_count_awaited(const struct session_table *table)
{
	return table->count + table->waiting_count - table->beside_count;
}

bool session_each(const struct session_table *table, size_t *place, size_t most,
		  bool (*look)(void *context, struct session *session), void *context)
{
	for (; most > 0 && *place < table->touched; most--) {
		size_t i = (*place)++;
		struct session *session = &table->blocks[i / BLOCK_SESSIONS][i % BLOCK_SESSIONS];

		if (session->live && !look(context, session))
			return *place < table->touched;
	}
	return *place < table->touched;
}

void session_table_use_cgroups(struct session_table *table, struct cgroup_pool *pool)
{
	table->cgroups = pool;
}

/* ---- stderr ---- */

static void stderr_line(struct stderr_tap *tap, const char *bytes, size_t length)
{
	const struct session *session = container_of(tap, struct session, tap);
	struct log_event *event = log_begin(session->table->means.log, LOG_LEVEL_NOTICE, "stderr");

	log_text(event, "service", session->settings->name);
	log_number(event, "pid", (uint64_t)session->pid);
	log_bytes(event, "text", bytes, length);
	log_end(event);
}

static void stderr_left_out(struct stderr_tap *tap, uint64_t lines)
{
	const struct session *session = container_of(tap, struct session, tap);
	struct log_event *event = log_begin(session->table->means.log, LOG_LEVEL_WARNING, "stderr-left-out");

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
	session_entry_give(session);
}

bool session_keep_for_stderr(struct session *session)
{
	struct session_table *table = session->table;

	if (!stderr_tap_is_open(&session->tap) || table->stderr_only_count >= STDERR_ONLY_MOST)
		return false;
	session->service = NULL;
	session->listener = NULL;
	table->stderr_only_count++;
	return true;
}

/* ---- the table ---- */

int session_table_new(const struct session_means *means, session_ended *ended, void *context,
		      struct session_table **ret_table)
{
	struct session_table *table = calloc(1, sizeof(*table));
	char *buffer = malloc(STDERR_TAP_BUFFER);

	if (table == NULL || buffer == NULL) {
		free(table);
		free(buffer);
		return -ENOMEM;
	}
	table->means = *means;
	table->ended = ended;
	table->context = context;
	table->taps = (struct stderr_tap_shared){
		.loop = means->loop,
		.buffer = buffer,
		.line = stderr_line,
		.left_out = stderr_left_out,
		.closed = stderr_closed,
	};
	int r = session_strays_begin(table);

	if (r == 0)
		r = reserve_chains(table, 0);
	if (r < 0) {
		session_table_free(table);
		return r;
	}
	*ret_table = table;
	return 0;
}

void session_table_free(struct session_table *table)
{
	if (table == NULL)
		return;
	session_strays_end(table);
	for (size_t i = 0; i < table->touched; i++) {
		struct session *session = &table->blocks[i / BLOCK_SESSIONS][i % BLOCK_SESSIONS];

		loop_disarm(table->means.loop, &session->timer);
		stderr_tap_close(&session->tap);
		loop_remove(table->means.loop, &session->process);
		cleanup_fd(&session->process.fd);
		loop_remove(table->means.loop, &session->socket);
		cleanup_fd(&session->socket.fd);
		replies_close(&session->replies);
		cgroup_give(&session->family.cgroup);
		conf_unref(session->conf);
	}
	for (size_t i = 0; i < table->block_count; i++)
		free(table->blocks[i]);
	free(table->blocks);
	free(table->by_pid);
	free(table->taps.buffer);
	free(table);
}
