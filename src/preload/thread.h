/* thread.h - what the C library and the kernel remember of the one thread there is, and a fork that is not the library's
 * must put right. */
#ifndef USHERD_PRELOAD_THREAD_H
#define USHERD_PRELOAD_THREAD_H

/* Whether there is one thread only. */
int thread_is_alone(void);

/* Finds where the C library keeps the thread's number. Returns 0 or -1. */
int thread_prepare(void);

/* A copy of this process as a child of its parent. Returns its pid, 0 in it, or -1 with errno. */
int thread_clone(void);

/* Whether the kernel knows clone3(2), and lets it be called. */
int thread_can_clone(void);

#endif
