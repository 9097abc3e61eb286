/* ctl-options.h - what usherctl was told on its command line. */
#ifndef USHERD_CTL_OPTIONS_H
#define USHERD_CTL_OPTIONS_H

#include "control-request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctl_action {
	CTL_ASK,        /* verb */
	CTL_HELP,       /* of `verb`, or of all when it is CONTROL_VERBS */
	CTL_VERSION,    /* usherctl's own */
	CTL_COMPLETION, /* for the shell arguments[0] */
};

struct ctl_options {
	enum ctl_action action;
	const char *path; /* of the control socket, never NULL */
	bool json;        /* --json: the reply as it came */
	bool wait;        /* --wait: until it is done */
	bool timeout_given;
	unsigned timeout_ms;  /* --timeout: for an answer, and all in all for --wait; 0: for ever */
	unsigned interval_ms; /* --interval: of top */
	bool once;            /* --once: of top, one picture as plain text */

	enum control_verb_name verb; /* CONTROL_VERBS: none */
	const char *arguments[CONTROL_ARGUMENTS_MAX];
	size_t argument_count;
	unsigned options; /* for the daemon: enum control_option, or-ed */
	const char *service, *address, *level;

	/* How to write: found out by main, not told. */
	bool color;       /* standard output is a terminal, and NO_COLOR is not set */
	bool utf8;        /* the locale's characters */
	unsigned columns; /* of the terminal; 0: there is none, and nothing is cut */
};

#define CTL_USAGE_MAX 512

/* Parses. Strings are borrowed from `argv`. Returns 0; or -EINVAL and a sentence that says what is wrong and
 * what to write. */
int ctl_options_parse(int argc, char **argv, struct ctl_options *ret_options,
		      char reason[static CTL_USAGE_MAX]);

/* The request for the daemon: words that are borrowed from `options` and from `memory`. Returns their number.
 */
#define CTL_WORDS_MAX  (1 + CONTROL_ARGUMENTS_MAX + 5)
#define CTL_MEMORY_MAX (3 * (CONTROL_LINE_MAX + 16))
size_t ctl_options_request(const struct ctl_options *options, const char *words[static CTL_WORDS_MAX],
			   char memory[static CTL_MEMORY_MAX]);

/* ---- the table of options, for help and completions ---- */

struct ctl_parse;

struct ctl_option {
	const char *name;     /* without its dashes */
	char letter;          /* or '\0' */
	const char *argument; /* as in a synopsis; NULL: none */
	unsigned control; /* enum control_option: for the verbs that take it, as control-verbs.def says; 0: */
	uint32_t verbs;   /* for these, a bit each */
	const char *purpose;
	int (*take)(struct ctl_parse *parse, const char *value);
};

#define CTL_EVERY_VERB UINT32_MAX /* and before the verb */

/* In the order of help. */
extern const struct ctl_option ctl_option_table[];
extern const size_t ctl_option_count;

bool ctl_option_belongs(const struct ctl_option *option, enum control_verb_name verb);

#endif
