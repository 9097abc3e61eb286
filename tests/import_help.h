/* import_help.h - imports a text, and looks at what was written and what was reported. What was written is always read
 * again by our own parser, too. */
#ifndef USHERD_TESTS_IMPORT_HELP_H
#define USHERD_TESTS_IMPORT_HELP_H

#include "base.h"
#include "import.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

#define INPUT "input" /* what texts are called */

/* The services as written; malloc'ed. */
static inline char *written(const struct import *import)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(out);
	import_write(import, "test", out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* The report, each line; malloc'ed. */
static inline char *reported(const struct import *import)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(out);
	import_report(import, false, out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* Whether `text` has `line` as one of its lines. */
static inline bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
		if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
			return true;
	return false;
}

/* The class of a line of INPUT, as the report has it: "exact", "changed on purpose", ...; into `class`. */
static inline const char *class_of(const struct import *import, unsigned line, char class[static 32])
{
	_cleanup_free_ char *report = reported(import);
	char begin[32];
	const char *at;

	snprintf(begin, sizeof(begin), "%s:%u: ", INPUT, line);
	for (at = report; strncmp(at, begin, strlen(begin)) != 0; at++) {
		at = strchr(at, '\n');
		ck_assert_msg(at != NULL && at[1] != '\0', "no line %u in the report:\n%s", line, report);
	}
	at += strlen(begin);
	snprintf(class, 32, "%.*s", (int)strcspn(at, ":\n"), at);
	return class;
}

#endif
