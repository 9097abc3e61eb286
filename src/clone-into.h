/* clone-into.h - clone3(2) with a function and a stack, which the C library does not offer: the
 * only call that lets a child begin its life in another cgroup (CLONE_INTO_CGROUP).
 * Written for the processors named in clone-into.c; elsewhere it says -ENOSYS, and
 * cgroups are not used. */
#ifndef USHERD_CLONE_INTO_H
#define USHERD_CLONE_INTO_H

#include <linux/sched.h>
#include <sys/types.h>

/* As clone(2) with `flags` of `arguments`, whose stack is filled in by the caller. `run` never
 * returns. Returns the pid or -errno. */
pid_t clone_into(const struct clone_args *arguments, int (*run)(void *argument), void *argument);

#endif
