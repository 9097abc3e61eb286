/* options.h - the command line: what usherd was asked to do. */
#ifndef USHERD_OPTIONS_H
#define USHERD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum options_action {
	OPTIONS_SERVE,
	OPTIONS_TEST,     /* -t */
	OPTIONS_PRINT,    /* -T */
	OPTIONS_KEYS,     /* keys [KEY] */
	OPTIONS_GENERATE, /* keys --generate=FORM, for the build */
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

/* All pointers go into argv; the two lists are the caller's to free. */
struct options {
	enum options_action action;
	const char *conf_path;    /* -c, or the default: */
	bool conf_given;
	const char *services_directory; /* or NULL */
	bool background;          /* -d */
	const char **listens;     /* -l: the one-liner */
	size_t listen_count;
	const char **settings;    /* -o key=value */
	size_t setting_count;
	char **command;           /* after --; NULL-terminated */
	const char *argument;     /* KEY or FORM */
};

/* Returns 0; -EINVAL after saying on stderr what is wrong and what to type; or -ENOMEM. */
int options_parse(int argc, char **argv, struct options *ret_options);
void options_free(struct options *options);
void options_print_help(void);

/* What somebody does next who has no configuration yet; on stderr. */
void options_print_first(void);

#endif
