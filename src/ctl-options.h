/* ctl-options.h - what usherctl was told on its command line. */
#ifndef USHERD_CTL_OPTIONS_H
#define USHERD_CTL_OPTIONS_H

#include "control-request.h"

#include <stdbool.h>
#include <stddef.h>

/* Verbs that ask the daemon nothing of their own. */
enum ctl_action {
	CTL_ASK,        /* verb */
	CTL_HELP,       /* of `verb`, or of all when it is CONTROL_VERBS */
	CTL_COMPLETION, /* arguments[0]: of which shell */
};

struct ctl_options {
	enum ctl_action action;
	const char *path;    /* of the control socket, never NULL */
	bool json;           /* --json: the reply as it came */
	bool wait;           /* --wait: until it is done */
	unsigned timeout_ms; /* --timeout: for an answer, and for --wait; 0: for ever */
	bool timeout_given;
	unsigned interval_ms; /* --interval: of top */

	enum control_verb_name verb; /* CONTROL_VERBS: none */
	const char *arguments[CONTROL_ARGUMENTS_MAX];
	size_t argument_count;
	unsigned options; /* for the daemon: enum control_option, or-ed */
	const char *service, *address, *level;

	/* How to write: found out, not told. */
	bool color;       /* standard output is a terminal, and NO_COLOR is not set */
	bool utf8;        /* the locale's characters */
	unsigned columns; /* of the terminal; 0: there is none, nothing is cut */
};

#define CTL_USAGE_MAX 512

/* Parses. Strings are borrowed from `argv`. Returns 0; or -EINVAL and a sentence that says what is wrong and
 * what to write. */
int ctl_options_parse(int argc, char **argv, struct ctl_options *ret_options,
		      char reason[static CTL_USAGE_MAX]);

#endif
