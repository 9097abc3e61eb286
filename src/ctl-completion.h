/* ctl-completion.h - completions for shells, made from the tables of verbs and options. */
#ifndef USHERD_CTL_COMPLETION_H
#define USHERD_CTL_COMPLETION_H

#include "ctl-options.h"

#include <stdio.h>

/* `usherctl completion WHAT`: a script for the shell bash, zsh or fish; or what these ask for: services,
 * sessions, bans, a word a line, and silence when nobody answers. Returns the exit status. */
int ctl_completion(const struct ctl_options *options, FILE *out);

/* ---- for the files of completion ---- */

/* What an argument of a verb may be, or-ed. */
enum ctl_argument {
	CTL_ARGUMENT_SERVICE = 1,
	CTL_ARGUMENT_SESSION = 2,
	CTL_ARGUMENT_BAN = 4,
	CTL_ARGUMENT_LEVEL = 8,
	CTL_ARGUMENT_DAEMON = 16, /* usherd itself */
};

#define CTL_LEVELS "error warning notice info debug"
#define CTL_SHELLS "bash zsh fish"

/* Of the argument `position` (from 0) of a verb, and of an option's value. */
unsigned ctl_argument_kinds(enum control_verb_name verb, size_t position);
unsigned ctl_option_kinds(const struct ctl_option *option);

/* Text in single quotes, for a POSIX shell; `special` bytes get a backslash inside. */
void ctl_put_quoted(FILE *out, const char *text, const char *special);

void ctl_completion_bash(FILE *out);
void ctl_completion_zsh(FILE *out);
void ctl_completion_fish(FILE *out);

#endif
