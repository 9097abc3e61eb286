/* python.h - a Python interpreter in the process is told that copies are forks, so that what hangs on that happens:
 * os.register_at_fork(), by which `random` is seeded anew. Does nothing where there is none. */
#ifndef USHERD_PRELOAD_PYTHON_H
#define USHERD_PRELOAD_PYTHON_H

/* In the fork server, once: the hooks of `before` run, and nothing of Python after them. */
void python_before(void);

/* In each copy. */
void python_in_child(void);

#endif
