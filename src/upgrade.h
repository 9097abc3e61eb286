/* upgrade.h - one program of a process replaces another (execve(2)): same pid, same children, and
 * those descriptors that a sealed memory file names (state.h). Knows how that is done, and nothing of
 * what is in that file but its own record.
 *
 * The new program is tried first, by a child that reads the state and the configuration and says
 * that it could go on. If it fails all the same after it took over, before it serves, it goes back: it
 * executes the program before it, with the same state and the reason. */
#ifndef USHERD_UPGRADE_H
#define USHERD_UPGRADE_H

#include "state.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct upgrade;

enum upgrade_way {
	UPGRADE_NONE,  /* an ordinary start */
	UPGRADE_TRIAL, /* we are the child: look, say, end */
	UPGRADE_TAKE,  /* we replaced another: everything is in the state */
};

#define UPGRADE_REASON_MAX 512

/* The first thing in main(): remembers what a next program is to be started with (its path, arguments,
 * environment, directory), finds out what this is, and opens the state. The variables are removed from the
 * environment, and 0, 1 and 2 are open. UPGRADE_TAKE: descriptors are CLOEXEC, signals stay blocked, what is
 * written to stderr is kept for upgrade_back(); goes back at once if the state cannot be read. Returns 0,
 * -ENOMEM, or -EBADMSG with a reason: there is nothing to go back to. */
int upgrade_begin(char **argv, struct upgrade **ret_upgrade, char reason[static UPGRADE_REASON_MAX]);
void upgrade_free(struct upgrade *upgrade);

enum upgrade_way upgrade_way(const struct upgrade *upgrade);
struct state *upgrade_state(const struct upgrade *upgrade); /* NULL: UPGRADE_NONE */

/* UPGRADE_TAKE by the program that was to be replaced: why the other one went back; else NULL. */
const char *upgrade_failure(const struct upgrade *upgrade);

/* UPGRADE_TRIAL: the last word, to standard output. */
void upgrade_say_yes(void);

/* UPGRADE_TAKE: it serves. From now on it is as after an ordinary start. */
void upgrade_done(struct upgrade *upgrade);

/* UPGRADE_TAKE, but it cannot serve: the program before it takes over. Returns only when there is
 * none, or nothing is to be taken (any more). */
void upgrade_back(struct upgrade *upgrade);

/* ---- to the next program ---- */

const char *upgrade_program(const struct upgrade *upgrade);

/* Its record in the state. */
void upgrade_save(const struct upgrade *upgrade, struct state_writer *writer);

/* Starts the trial with a finished state. What it writes comes out of `report` (non-blocking). Returns 0 or
 * -errno. */
struct upgrade_trial {
	pid_t pid;
	int pidfd, report;
};
int upgrade_try(const struct upgrade *upgrade, int state_fd, struct upgrade_trial *ret_trial);

/* Whether that is the report of one who could go on, and its version. */
bool upgrade_said_yes(const char *report, const char **ret_version);

/* Executes it. `fds` are those in the state. Returns only when that fails: -errno, and nothing has changed.
 */
int upgrade_exec(const struct upgrade *upgrade, int state_fd, const int *fds, size_t fd_count);

#endif
