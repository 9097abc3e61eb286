/* import-shell.h - the commands of a script, as far as their words can be known without running a shell. */
#ifndef USHERD_IMPORT_SHELL_H
#define USHERD_IMPORT_SHELL_H

#include "import.h"

#include <stdbool.h>

struct shell_command {
	struct import_where where; /* its first line */
	char **words;              /* a NULL behind */
	size_t count;
	const char *error_target;  /* where descriptor 2 goes, as `stderr` has it, or NULL */
	bool redirects;            /* anything was redirected */
	bool pipes;                /* another program reads what it writes */
};

/* The next command, in memory of the import. Blank lines, comments, and lines that are continued are told as exact; lines
 * that only a shell understands are told as unsupported, and skipped. Returns false at the end. */
bool shell_next(struct import_lines *lines, struct shell_command *ret_command);

#endif
