/* atfork.h - the handlers that the program and its libraries have given to pthread_atfork(): a copy is a fork. */
#ifndef USHERD_PRELOAD_ATFORK_H
#define USHERD_PRELOAD_ATFORK_H

/* Forgets those of libraries that are gone. Returns 0, or -1: there were more than there is room for. */
int atfork_settle(void);

void atfork_before(void);          /* the last one first */
void atfork_in_parent(void);
void atfork_in_child(void);

#endif
