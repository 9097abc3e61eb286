/* environment.h - the variables of a warm program: what was there for the library is taken out, and what the daemon tells of
 * a session is put in, with no allocation and as few changed pages as can be. getenv() and its relatives are not used:
 * they may be the program's own. */
#ifndef USHERD_PRELOAD_ENVIRONMENT_H
#define USHERD_PRELOAD_ENVIRONMENT_H

#include "../warm-protocol.h"

#define ENVIRONMENT_VARIABLES 64 /* of a job, at most */

/* What is received. */
struct environment_job {
	struct warm_job job;
	char text[WARM_JOB_TEXT];
};

/* The value behind PREFIX ("NAME="), where it stands, or NULL. */
char *environment_find(const char *prefix);

/* Takes out USHERD_WARM, this library from LD_PRELOAD, and LD_BIND_NOW if it is the daemon's. */
void environment_clean(void);

/* When the process begins: an array with room for a job takes the place of the kernel's. Returns 0, or -1: no memory. */
int environment_begin(void);

/* In the fork server: cleans it, and makes sure that there is room for a job. `session` is where the kernel put
 * USHERD_SESSION's value, or NULL. Returns where a job is to be received, or NULL: no memory. */
struct environment_job *environment_prepare(char *session);

/* Puts in the variables of the job that was received, in place of those of the one before. Returns 0, or -1: they make no
 * sense. */
int environment_complete(struct environment_job *received);

#endif
