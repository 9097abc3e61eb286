/* spawn-fds.h - descriptors that spawning holds ready: three with low numbers
 * for each child under way, which takes them over (slots), and a few to give up
 * when there are no others (the reserve). */
#ifndef USHERD_SPAWN_FDS_H
#define USHERD_SPAWN_FDS_H

#include "spawn.h"

#include <stdbool.h>

/* How many children may be on their way to exec at once: those of a crowd, and one of spawn_start(). */
#define SPAWN_LAUNCHES (SPAWN_OVERLAP + 1)

/* Of the first; the same of the others come SPAWN_SLOTS later each. */
enum spawn_slot { SPAWN_SLOT_INPUT, SPAWN_SLOT_OUTPUT, SPAWN_SLOT_ERROR, SPAWN_SLOTS };

#define SPAWN_RESERVE 6

struct spawn_fds {
	int null; /* /dev/null, which is what an unused slot has */
	int slots[SPAWN_LAUNCHES * SPAWN_SLOTS]; /* -1: lost, and to be opened again */
	unsigned table_size;                     /* above the highest slot */
	int reserve[SPAWN_RESERVE];
};

/* Returns 0 or -errno; spawn_fds_close() is due in any case. */
int spawn_fds_open(struct spawn_fds *fds);
void spawn_fds_close(struct spawn_fds *fds);

/* Opens slots again that were lost. Returns 0 or -errno (-EMFILE). */
int spawn_slots_mend(struct spawn_fds *fds);

/* Puts a duplicate of `fd` into a slot. Returns 0 or -errno: the limit on
 * descriptors may have been lowered below the slot's number meanwhile (EBADF);
 * told as -EMFILE. */
int spawn_slot_fill(struct spawn_fds *fds, unsigned slot, int fd);

/* Lets go of what the slots have: a slot that stayed filled would keep a client's
 * connection open. One that cannot be cleared is closed, and so lost. */
void spawn_slot_clear(struct spawn_fds *fds, unsigned slot);

/* Fills up the reserve as far as there are descriptors; gives it up, and tells
 * whether there was anything to give. */
void spawn_reserve_fill(struct spawn_fds *fds);
bool spawn_reserve_release(struct spawn_fds *fds);

#endif
