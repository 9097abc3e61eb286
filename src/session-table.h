/* session-table.h - what the files of the session module share; nobody else
 * includes it. */
#ifndef USHERD_SESSION_TABLE_H
#define USHERD_SESSION_TABLE_H

#include "session.h"

#define SESSION_STRAYS_MOST 4096

/* A session that was told to end, whose strays are looked for. */
struct session_stray {
	const struct session *session; /* may have ended since: then its id is another, or it does not live */
	uint64_t id;
	struct family family; /* as it was */
	int signo;
	unsigned tries; /* left */
};

struct session_table {
	struct session_means means;
	struct cgroup_pool *cgroups; /* or NULL */
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
	size_t beside_count;      /* of them: those that a drain does not wait for */
	size_t stderr_only_count; /* not living, stderr open */
	size_t waiting_count;     /* not living yet: a copy is being forked for them */
	bool all_told, all_at_once; /* all sessions were told to end, and so are those that become live later */
	enum session_reason all_reason;
	bool closed; /* no session begins any more */
	struct session **by_pid;  /* chains; a power of two */
	size_t pid_mask;

	uint64_t holders_rest_ns;  /* no search for the holders of a socket before */
	struct loop_timer orphans; /* collects what nobody waits for */
	struct session_orphans {
		pid_t pids[256];
		size_t count;
	} dead, dead_before; /* of whom a report may be on its way; see session-strays.c */
	uint64_t dead_ns;
	struct loop_timer search;  /* looks for strays */
	uint64_t search_rest_ns;   /* not before: a search may be dear */
	struct session_stray *strays;
	size_t stray_count;
};

/* ---- session-table.c ---- */

/* An entry, or NULL when all are used; and back. */
struct session *session_entry_take(struct session_table *table);
void session_entry_give(struct session *session);

/* One of those that were ever used (`touched`). */
const struct session *session_entry_at(const struct session_table *table, size_t index);

/* Into and out of the list of those that live and the map of pids. */
void session_living_add(struct session *session);
void session_living_remove(struct session *session);

/* Whether a session, or warm.h, looks after this process of ours: who does not belong to anybody is an orphan. */
bool session_is_leader(void *table, pid_t pid);

/* The session has ended: whether its entry stays because others still have its
 * stderr. Otherwise it is the caller's to give back. */
bool session_keep_for_stderr(struct session *session);

/* ---- session.c ---- */

/* Its process is there: watches it (takes its descriptors in any case), and logs the start. The socket of the request is
 * taken when all is well. Returns 0 or -errno. */
int session_go_live(struct session *session, const struct spawn_request *request, struct spawn_child *child);

/* One that never became live is given back. */
void session_forget(struct session *session);

/* ---- session-copy.c ---- */

/* A copy is being forked for it. Takes the socket of the request. */
void session_wait_for_copy(struct session *session, const struct spawn_request *request);

/* ---- session-limits.c ---- */

/* Sets the times at which something is due, at the beginning. Returns 0 or -ENOMEM. */
int session_limits_begin(struct session *session);

/* The same for one that another program began: its times stand. */
int session_limits_resume(struct session *session);

/* One more time, or another (0: no more); moves the timer. */
void session_due_at(struct session *session, enum session_due due, uint64_t at_ns);

/* Our duplicate of the socket goes: what it told is kept, the connection ends cleanly. Idempotent. */
void session_let_go_of_socket(struct session *session);

/* ---- session-end.c ---- */

/* The program has ended: called by the loop, and by whoever finds it so. */
void session_process_ready(struct loop_source *source, uint32_t events);

/* Ends the session if its group is empty. Returns whether it did; then the session is gone. */
bool session_finish_if_empty(struct session *session);

/* ---- session-strays.c ---- */

/* The session is told to end by this signal, or (SIGKILL) has ended after that: so are its strays,
 * soon. Called before its group gets the signal, because strays are best known by their ancestors. */
void session_strays_signal(const struct session *session, int signo);

/* Collects dead children that nobody waits for. */
void session_collect_orphans(struct session_table *table);

/* There are children: dead ones that no session waits for are collected from time to time. Idempotent. */
void session_orphans_watch(struct session_table *table);

int session_strays_begin(struct session_table *table);
void session_strays_end(struct session_table *table);

#endif
