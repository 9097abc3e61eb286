/* warm-internal.h - what the files of the warm module share; nobody else includes it. */
#ifndef USHERD_WARM_INTERNAL_H
#define USHERD_WARM_INTERNAL_H

#include "warm.h"

#define WARM_BUCKETS 1024 /* a power of two */

/* A process that is not a session's: a fork server, or a copy that waits. */
struct warm_process {
	pid_t pid; /* 0: none */
	struct warm_process *same_hash;
};

enum warm_channel_state {
	WARM_CHANNEL_IDLE,
	WARM_CHANNEL_ORDERED, /* its copy is on its way */
	WARM_CHANNEL_WAITING, /* its copy waits for a client */
};

/* A way to one copy, and after it to others. */
struct warm_channel {
	int fd; /* our end; -1: it was never opened */
	uint32_t ticket;
	enum warm_channel_state state;
	struct warm_process copy;
	int pidfd; /* of the copy that waits, or -1 */
};

struct warm {
	struct warm_table *table;
	void *context;
	struct warm *previous, *next;
	const struct conf_service *settings;
	enum warm_state state;
	bool loaded;    /* the library told that it is there */
	bool collected; /* the process has ended, and its number is free */
	bool late;      /* copies do not come in time: nobody waits for one */

	struct warm_process process;
	struct loop_source exit;     /* its pidfd */
	struct loop_source socket;   /* the private socket */
	struct loop_source standard; /* the far end of its 0 and 1, until it is ready */
	struct stderr_tap tap;
	struct loop_timer deadline; /* to be loaded, to be ready, to answer an order */
	uint64_t ready_ns, served;

	struct warm_channel channels[WARM_CHANNELS];
	unsigned ready[WARM_CHANNELS]; /* channels whose copies wait, the last one first */
	unsigned waiting, ordered;
	uint32_t last_ticket;
	unsigned wanted;         /* copies that are to wait */
	unsigned least;          /* that waited since the last trim */
	struct loop_timer trim;  /* wants fewer again */
	struct loop_timer again; /* orders again, after one that failed */
};

struct warm_table {
	struct warm_means means;
	struct warm *all;
	struct warm_process *by_pid[WARM_BUCKETS];
};

/* ---- warm-table.c ---- */

void warm_process_add(struct warm_table *table, struct warm_process *process, pid_t pid);
void warm_process_remove(struct warm_table *table, struct warm_process *process); /* idempotent */

/* ---- warm-copies.c ---- */

void warm_copies_init(struct warm *warm);

/* Orders as many copies as are wanted and neither wait nor are on their way. */
void warm_copies_order(struct warm *warm);

/* What was reported of them. Returns 0, or -EPROTO when it makes no sense. */
int warm_copy_came(struct warm *warm, const struct warm_report *report, pid_t pid);
int warm_copy_failed(struct warm *warm, const struct warm_report *report);

/* Lets go of all that wait, and of the channels. */
void warm_copies_drop(struct warm *warm);

/* ---- warm.c ---- */

/* Takes in reports, a bounded number. */
void warm_listen(struct warm *warm);

/* Ends it, and tells. */
void warm_give_up(struct warm *warm, enum warm_end end);

#endif
