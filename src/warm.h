/* warm.h - fork servers: the program of a service, started ahead of its clients and stopped (warm-protocol.h), and
 * the copies of it that serve them. A copy is a child of the daemon like any program that was started for a client, and
 * is handed one connection; from then on it is a session's, and nothing here knows of it.
 *
 * Mechanism: starts, orders, hands over, ends, and says what happened. When to start, start anew or give up is for
 * service-warm.c. What comes from the program's side is not trusted: a copy is who the kernel says it is, and must be a
 * child of ours that nobody else here knows; whoever does not keep to the protocol is ended.
 *
 * warm-start.c starts a fork server, warm-reports.c hears what it says, warm-clients.c is how a client gets its copy,
 * warm-spares.c copies that wait, warm-stamp.c the files, warm.c the life and the end, warm-table.c all of them. */
#ifndef USHERD_WARM_H
#define USHERD_WARM_H

#include "conf.h"
#include "loop.h"
#include "spawn.h"
#include "stderr-tap.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct warm;
struct warm_table;

enum warm_state {
	WARM_STARTING, /* it has not come to where it stops */
	WARM_READY,    /* copies are to be had */
	WARM_LEAVING,  /* it finishes what it was asked for, unknown to its owner */
};

/* What happened, told by the callback. With WARM_ENDED it is gone for its owner. */
enum warm_event {
	WARM_BECAME_READY,
	WARM_CANNOT_COPY, /* warm_copy_error() says why; told once of a fork server, though it may pass and come again */
	WARM_ENDED, /* `outcome` says why */
};

/* Why it is gone, or was given up. */
enum warm_end {
	WARM_END_DIED,       /* after it was ready: status or signal */
	WARM_END_EXITED,     /* before it was ready, with the library in it: status or signal */
	WARM_END_NOT_LOADED, /* before the library told that it is there: it ended, or the time was up */
	WARM_END_TOO_LONG,   /* it did not come to where it stops in time */
	WARM_END_WROTE,      /* it wrote to 0 or 1 in a way that the library does not see */
	WARM_END_UNSUITABLE, /* the library says so */
	WARM_END_SILENT,     /* it was ready, and does not answer */
	WARM_END_SPARE,      /* a spare was killed with a client that it had not taken */
	WARM_END_NONSENSE,   /* it does not keep to the protocol */
	WARM_END_VERSION,    /* the library's protocol is another: usherd was replaced, and does not run yet */
	WARM_ENDS
};

struct warm_outcome {
	enum warm_end end;
	enum warm_unsuitable unsuitable; /* of WARM_END_UNSUITABLE */
	bool ended;     /* by itself: */
	bool signalled; /* else it exited */
	int status;     /* exit status, or the signal */
	pid_t pid;
};

typedef void warm_happened(void *context, struct warm *warm, enum warm_event event,
			   const struct warm_outcome *outcome /* of WARM_ENDED, else NULL */);

/* A client whose copy is on its way; embedded in what waits for it. */
struct warm_client {
	struct warm *warm; /* NULL: it waits for nothing */
	uint32_t ticket;
	uint64_t since_ns;
	int stderr_pipe; /* reading end, or -1 */
	struct warm_client *next;
};

/* What all fork servers work with; borrowed. `is_taken` tells pids that are known elsewhere (the leaders of sessions);
 * a pid that it knows is no copy. `answered` tells who waited: a child, as spawn_start() gives it, or NULL: nobody
 * has the connection, or will. A child without a pidfd (-1) has it, but there was no descriptor to watch it by. */
struct warm_means {
	struct loop *loop;
	struct spawn *spawn;
	struct stderr_tap_shared *taps; /* whose callbacks may ask warm_of_tap() */
	bool (*is_taken)(void *context, pid_t pid);
	void *is_taken_context;
	void (*answered)(struct warm_client *client, const struct spawn_child *child);
	warm_happened *happened;
};

/* Returns 0 or -ENOMEM. */
int warm_table_new(const struct warm_means *means, struct warm_table **ret_table);
void warm_table_free(struct warm_table *table); /* when it has no fork server any more */

/* Whether this is the pid of a fork server, or of a spare: nobody else may collect it. */
bool warm_table_knows(const struct warm_table *table, pid_t pid);

/* Takes in what copies have said so far, so that none is collected as an orphan before it is known, and forgets spares that
 * have died; whether any may be about to say something. */
void warm_table_listen(struct warm_table *table);
bool warm_table_is_busy(const struct warm_table *table);

/* Ends all of them; those who wait for a copy get their answers now. Waits a fifth of a second at most. */
void warm_table_end(struct warm_table *table);

/* Starts a program with these settings (borrowed until it ends or is left); `context` is for the callback. Returns 0, or
 * -errno with `ret_failure` as of spawn_start(). */
int warm_start(struct warm_table *table, const struct conf_service *settings, void *context,
	       struct warm **ret_warm, struct spawn_failure *ret_failure);

/* It is not needed any more: it answers those who wait, and goes; its spares go at once. Nothing more is told. Copies that
 * have a client go on. NULL is ignored. */
void warm_leave(struct warm *warm);

/* Other settings for the same program, after a reload: how many copies are to wait may be another. */
void warm_adjust(struct warm *warm, const struct conf_service *settings);

enum warm_state warm_state(const struct warm *warm);

/* Its process, or 0; since when it is ready; how many clients it was handed; spares that wait; the error for which the
 * last copy could not be made, or 0. */
pid_t warm_pid(const struct warm *warm);
uint64_t warm_ready_ns(const struct warm *warm);
uint64_t warm_served(const struct warm *warm);
unsigned warm_waiting(const struct warm *warm);
int warm_copy_error(const struct warm *warm);

/* Hands the connection of `request` to a spare, or has a copy forked for it. Returns -EINPROGRESS: `client` waits, and
 * `answered` will be called; what `request` points to is not needed any more, its socket is still the caller's; or -EAGAIN:
 * there is nobody: start the program as ever. Allocates nothing. */
int warm_hand_over(struct warm *warm, const struct spawn_request *request, struct warm_client *client);

/* Whose stderr this is; and the context of warm_new(). */
struct warm *warm_of_tap(struct stderr_tap *tap);
void *warm_context(const struct warm *warm);

/* A number that is another when the program's file, or a file that its arguments name by an absolute path, is. */
uint64_t warm_stamp(const struct conf_service *settings);

/* Another one when the file of `stderr = file` was moved away or replaced: it was opened when the program was started. */
uint64_t warm_stamp_output(const struct conf_service *settings);

/* "it started threads" ...: what a log line says of an end, with what to do. */
const char *warm_end_text(const struct warm_outcome *outcome);

#endif
