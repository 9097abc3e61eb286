/* ctl-run.h - does what the command line says, and turns what became of it into an exit status. */
#ifndef USHERD_CTL_RUN_H
#define USHERD_CTL_RUN_H

#include "ctl-options.h"

#include <jansson.h>

/* Returns the exit status: those of sysexits(3), see usherctl(8). */
int ctl_run(const struct ctl_options *options);

/* ---- for the files of usherctl ---- */

/* The exit status of a failure to ask (-errno), and of a reply. */
int ctl_status_of_error(int error);
int ctl_status_of_reply(const struct ctl_options *options, const json_t *reply);

/* Says on standard error why, and returns the status of `error`. */
int ctl_fail(int error, const char *reason);

/* The reply as it came. What a terminal might act upon is written as \u00XX, which means the same. */
void ctl_print_json(const char *text, size_t length);

/* Events until SIGINT, SIGTERM, the end of the reader, or of usherd. */
int ctl_tail(const struct ctl_options *options);

/* Until what drain or stop began is over. `pid_fd` is the daemon's, opened before that, or -1. */
int ctl_open_daemon(const struct ctl_options *options);
int ctl_wait_for_end(const struct ctl_options *options, int pid_fd);

#endif
