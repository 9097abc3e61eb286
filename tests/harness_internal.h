/* harness_internal.h - what the files of the harness share with each other, and
 * not with the tests. */
#ifndef USHERD_TESTS_HARNESS_INTERNAL_H
#define USHERD_TESTS_HARNESS_INTERNAL_H

#include "harness.h"

#include <regex.h>

/* The parent of a process and its state letter; -1 when there is no such process. */
pid_t harness_parent(pid_t pid, char *ret_state);

/* Calls `visit` (may be NULL) for each child of `parent`, zombies too; how many there are. */
int harness_each_child(pid_t parent, void (*visit)(pid_t pid, void *context), void *context);

/* The first of `places`, relative to the test program, that exists; the
 * environment variable `variable` overrides them. NULL: none does. */
const char *harness_built(const char *variable, const char *const *places, char path[static 4096]);

/* The configuration with a control socket in $DIR, unless it names one; malloc'ed. */
char *harness_add_control(const char *config);

/* regcomp() of an extended expression, line by line, or the test fails. */
void harness_compile(regex_t *regex, const char *expression);

#endif
