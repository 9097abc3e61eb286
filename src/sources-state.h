/* sources-state.h - what is known of sources, handed to the next program. */
#ifndef USHERD_SOURCES_STATE_H
#define USHERD_SOURCES_STATE_H

#include "sources.h"
#include "state.h"

void sources_save(struct sources *sources, uint64_t now_ns, struct state_writer *writer);

/* A record "source"; `context` is the table, or NULL: only to look whether it makes sense. */
int sources_restore(void *context, struct state_record *record);

#endif
