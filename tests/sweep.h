/* sweep.h - the fault sweep: each system call of a scenario fails, with each error that it could have, once
 * and from there on. After each run the daemon is there, or has refused to start with a word; services are
 * served, by processes that are what they should be; no descriptor, child or session is left; and the log
 * speaks of what was missed, in few lines. `make check-sweep`.
 *
 * sweep.c has the faults and the figures, sweep_inject.c lets calls fail, sweep_live.c makes runs with a
 * daemon that goes on, of which sweep_scenarios.c says what is done, and sweep_whole.c runs that begin or end
 * a daemon. */
#ifndef USHERD_TESTS_SWEEP_H
#define USHERD_TESTS_SWEEP_H

#include "harness.h"
#include "sweep_inject.h"

/* The configuration of all scenarios: services of each kind, and `other`, the innocent. */
extern const char sweep_config[];

struct sweep_scenario {
	const char *name;
	bool tells_itself;    /* the client sees what is wrong, and the log need not tell */
	unsigned turns;       /* of one call that are tried, from the first on */
	unsigned lines;       /* of the log, at most */
	unsigned patience_ms; /* of its clients, while a fault is on */

	/* Does it, while a call may fail: bounded in time, asserting nothing. NULL when all went as without a
	 * fault, else what was missed, of which the log must speak. */
	const char *(*run)(struct daemon *daemon);

	/* Back to where the next run begins, the fault being lifted: NULL, or what is wrong. May be NULL:
	 * then it is done once more, and must go well. */
	const char *(*settle)(struct daemon *daemon);
};

extern const struct sweep_scenario sweep_scenarios[];
extern const size_t sweep_scenario_count;

/* How long clients wait for what may never come: short while a fault is on, for a paused listener serves
 * later; 0: as long as all tests wait. */
extern unsigned sweep_patience_ms;

/* What a service says to a client that sends `text` (NULL: nothing) and ends its output: malloc'ed. NULL: it
 * was refused, or nothing ended in time. */
char *sweep_ask(unsigned number, const char *text);
bool sweep_control(const char *request); /* with its line feed; whether a reply came */
bool sweep_is_alive(const struct daemon *daemon);

/* ---- the faults: sweep.c ---- */

/* Calls `run` for each fault of the calls that were counted since sweep_arm(), at most `turns` of each. */
typedef void sweep_run(const struct sweep_fault *fault, void *context);
void sweep_each(unsigned turns, sweep_run *run, void *context);

/* Something was wrong with this one; a run was made, and its call came. */
void sweep_complain(const struct sweep_fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void sweep_count(bool hit);

/* Prints the figures; fails the test when something was wrong, or fewer than `least` runs had their fault. */
void sweep_report(const char *name, unsigned least);
bool sweep_is_one(void);                    /* SWEEP_FAULT is set */
bool sweep_is_wanted(const char *scenario); /* SWEEP_ONLY is another */

void sweep_add_live(TCase *live);
void sweep_add_whole(TCase *whole);

#endif
