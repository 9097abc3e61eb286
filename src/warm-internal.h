/* warm-internal.h - what the files of the warm module share; nobody else includes it. */
#ifndef USHERD_WARM_INTERNAL_H
#define USHERD_WARM_INTERNAL_H

#include "warm.h"

#include <sys/uio.h>

#define WARM_BUCKETS 1024 /* a power of two */

/* A process that is not a session's: a fork server, or a spare. */
struct warm_process {
	pid_t pid; /* 0: none */
	struct warm_process *same_hash;
};

enum warm_channel_state {
	WARM_CHANNEL_IDLE,
	WARM_CHANNEL_ORDERED, /* its spare is on its way */
	WARM_CHANNEL_WAITING, /* its spare waits for a client */
	WARM_CHANNEL_GIVEN,   /* its spare was sent a job, and has not said so */
};

/* A way to one spare, and after it to others. */
struct warm_channel {
	int fd; /* our end; -1: it was never opened */
	uint32_t ticket;
	enum warm_channel_state state;
	struct warm_process copy;
	int pidfd; /* of the spare that waits or was given a job, or -1 */
};

struct warm {
	struct warm_table *table;
	void *context; /* NULL: nobody is to be told any more */
	struct warm *previous, *next;
	const struct conf_service *settings;
	enum warm_state state;
	bool loaded;     /* the library told that it is there */
	bool collected;  /* the process has ended, and its number is free */
	bool closed;     /* nobody has the far end of its socket */
	bool over;       /* nothing is to be had from it: to be freed */

	struct warm_process process;
	struct loop_source exit;     /* its pidfd */
	struct loop_source socket;   /* the private socket */
	struct loop_source standard; /* the far end of its 0 and 1, until it is ready */
	struct stderr_tap tap;
	struct loop_timer deadline; /* to be loaded, to be ready, to answer, to be gone */
	uint64_t asked_ns;          /* the oldest thing that it has not answered */
	uint64_t left_ns;
	uint64_t ready_ns, served;
	int copy_error;    /* the last copy could not be made */
	bool cannot_told;  /* that this happened */
	uint32_t last_ticket;

	struct warm_client *first, **last; /* in the order in which they came */
	unsigned client_count;

	struct warm_channel channels[WARM_CHANNELS];
	unsigned ready[WARM_CHANNELS]; /* channels whose spares wait, the last one first */
	unsigned waiting, ordered;
	struct loop_timer refill; /* orders the spares that are missing */
	uint64_t served_before;   /* when it was armed */
};

struct warm_table {
	struct warm_means means;
	struct warm *all;
	struct warm_process *by_pid[WARM_BUCKETS];
};

/* ---- warm-table.c ---- */

void warm_process_add(struct warm_table *table, struct warm_process *process, pid_t pid);
void warm_process_remove(struct warm_table *table, struct warm_process *process); /* idempotent */

/* A pidfd of what is said to be a copy: it must be a child of ours that nobody knows. Returns 0, -EPROTO, or another
 * -errno. */
int warm_child_open(struct warm_table *table, pid_t pid, int *ret_pidfd);

/* ---- warm-spares.c ---- */

void warm_spares_init(struct warm *warm);

/* Orders as many as are wanted and neither wait nor are on their way: now, or when it is quieter. */
void warm_spares_order(struct warm *warm);
void warm_spares_refill(struct warm *warm);

/* What was reported of them. Returns 0, or -EPROTO when it makes no sense. */
int warm_spare_came(struct warm *warm, const struct warm_report *report, pid_t pid);
int warm_spare_failed(struct warm *warm, const struct warm_report *report);

/* The next one that lives, or NULL; then it is forgotten (its client has it; pidfd may be taken before) or dismissed
 * (it ends by itself, and is collected as an orphan). */
struct warm_channel *warm_spare_take(struct warm *warm);
void warm_spare_forget(struct warm *warm, struct warm_channel *channel);
void warm_spare_dismiss(struct warm *warm, struct warm_channel *channel);

/* The channel of a spare that was given this job, or NULL. */
struct warm_channel *warm_spare_given(struct warm *warm, uint32_t ticket);

/* Forgets those that have died; after all reports have been read. Returns false when one died with a job: the client's
 * socket may lie in a channel that others have open, too. */
bool warm_spares_look(struct warm *warm);

/* Lets go of the channels, and of all that wait; with `all` also of those that were given a job and have not said so. */
void warm_spares_drop(struct warm *warm, bool all);

/* ---- warm-clients.c ---- */

/* Sends two parts as one message, with descriptors (at most WARM_BATCH), without waiting. Returns 0 or -errno. */
int warm_deliver(int socket, const struct iovec parts[static 2], const int *fds, size_t count);

/* What was reported of a copy for a client. Returns 0, or -EPROTO when it makes no sense. */
int warm_client_started(struct warm *warm, const struct warm_report *report, pid_t pid);
int warm_client_failed(struct warm *warm, const struct warm_report *report);

/* Nobody of those who wait will have a copy. */
void warm_clients_refuse(struct warm *warm);

/* ---- warm-reports.c ---- */

void warm_reports_init(struct warm *warm);

/* Takes in reports, a bounded number. */
void warm_listen(struct warm *warm);

/* ---- warm.c ---- */

void warm_life_init(struct warm *warm);

/* Something was asked of it, or it has answered. */
void warm_asked(struct warm *warm);
void warm_answered(struct warm *warm);

/* Its socket is closed while it is ready: it has ended, which its pidfd tells, or it is of no use. */
void warm_closed(struct warm *warm);

/* It is gone for its owner, who is told; for a reason that it did not give itself. */
void warm_finish(struct warm *warm, struct warm_outcome outcome);
void warm_give_up(struct warm *warm, enum warm_end why);

/* Takes all down; who is in line is refused. */
void warm_end(struct warm *warm);

/* Frees it if it is over; for whoever called what may end it. */
void warm_settle(struct warm *warm);

/* Out of the loop, and closed. */
void warm_let_go(struct loop *loop, struct loop_source *source);

#endif
