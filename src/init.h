/* init.h - what the first process of a container (or of a machine) has to do beside
 * its own work: collect the dead that nobody waits for, and leave nobody behind. */
#ifndef USHERD_INIT_H
#define USHERD_INIT_H

#include "loop.h"

#include <stdbool.h>

struct init;

/* Whether this process is the first of its pid namespace. */
bool init_is_us(void);

/* Calls `orphans` soon after children of ours have ended, whoever started them. Borrows the loop, in which
 * signals are watched already. Returns 0 or -errno. */
int init_new(struct loop *loop, void (*orphans)(void *context), void *context, struct init **ret_init);
void init_free(struct init *init);

/* At the very end: tells every other process to end, waits for that (but no longer than
 * `grace_ns`), and kills the rest. Blocks. Returns whether there was anybody. Never called
 * unless init_is_us(). */
bool init_end_others(uint64_t grace_ns);

#endif
