/* loop.h - epoll, timers and signals in one loop. Opaque, no globals, no
 * knowledge of what the descriptors are for.
 *
 * Sources and timers are embedded in their owner's struct; the loop never
 * allocates after loop_new() except to grow its heap of timers. A callback may
 * remove or free any source or timer, its own included: events of the same
 * round that belonged to it are dropped. */
#ifndef USHERD_LOOP_H
#define USHERD_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>

struct loop;
struct loop_source;
struct loop_timer;

typedef void loop_ready(struct loop_source *source, uint32_t events);
typedef void loop_expired(struct loop_timer *timer);

/* Which of the two sets a descriptor is in. Listeners have their own, so that
 * accepting can be stopped and resumed for all of them at once, in O(1). */
enum loop_set { LOOP_WORK, LOOP_ADMISSION };

struct loop_source {
	int fd;             /* borrowed: the owner removes the source, then closes */
	loop_ready *ready;
	enum loop_set set;
	bool on;            /* registered now; kept by the loop */
};

struct loop_timer {
	loop_expired *expired;
	uint64_t at_ns;
	size_t place; /* in the heap, from 1; 0: not armed; kept by the loop */
};

/* Returns 0 and a loop, or -errno. */
int loop_new(struct loop **ret_loop);
void loop_free(struct loop *loop);

/* Starts or stops watching. Both are idempotent. `events` as in epoll_ctl(2).
 * loop_add() returns 0 or -errno (-ENOMEM, -ENOSPC); loop_remove() cannot fail. */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
void loop_remove(struct loop *loop, struct loop_source *source);

/* Lets the whole admission set be polled, or not. Idempotent, O(1);
 * when there is no memory for it, it is tried again in each round. */
void loop_admit(struct loop *loop, bool on);

/* Makes room for so many timers, so that arming one takes no memory. Returns 0 or -ENOMEM. */
int loop_reserve(struct loop *loop, size_t timers);

/* Arms (or moves) a timer; O(log n). Returns 0 or -ENOMEM. A timer that is in
 * the past fires in the next round. */
int loop_arm(struct loop *loop, struct loop_timer *timer, uint64_t at_ns);
void loop_disarm(struct loop *loop, struct loop_timer *timer);

/* Blocks every signal but the stop signal of a terminal, and reports each that
 * arrives; call once. Synchronous faults still end the process. */
typedef void loop_signal(void *context, const struct signalfd_siginfo *info);
int loop_watch_signals(struct loop *loop, loop_signal *handler, void *context);

/* The time at which this round began; what callbacks compare with. */
uint64_t loop_now_ns(const struct loop *loop);

/* How busy the loop is. A round is what is done between two waits: so long may an event have waited
 * that came when it began. */
struct loop_statistics {
	uint64_t rounds;
	uint64_t events;     /* delivered to sources, and timers that fired */
	uint64_t busy_ns;    /* all rounds together */
	uint64_t longest_ns; /* of all */
	uint64_t recent_ns;  /* the longest of the last LOOP_RECENT_NS to twice that */
};
#define LOOP_RECENT_NS UINT64_C(10000000000)
struct loop_statistics loop_statistics(const struct loop *loop);

/* Goes on counting where another program of this process stopped. */
void loop_resume_statistics(struct loop *loop, const struct loop_statistics *before);

/* Runs until loop_stop(). `round_end` is called after each round's callbacks
 * (the log is written there). Returns 0, or -errno when epoll itself fails. */
int loop_run(struct loop *loop, void (*round_end)(void *context), void *context);
void loop_stop(struct loop *loop);

#endif
