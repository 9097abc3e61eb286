/* conf-read.h - the bytes of one INI file in; sections and pairs out, with the
 * lines they stand on. inih splits the lines; the reader in front of it sees to
 * it that nothing is cut, joined or dropped on the way.
 *
 * The dialect: `[section]`; `key = value`; comments from ; or # at the start of
 * a line, or from ` ;` outside quotes; an indented line continues the value
 * above it. Everything else is an error with a line. */
#ifndef USHERD_CONF_READ_H
#define USHERD_CONF_READ_H

#include <stdbool.h>
#include <stddef.h>

#define CONF_READ_LINE_MAX 65536 /* bytes of a line that is not a comment */
#define CONF_READ_NAME_MAX 49    /* bytes of the name of a section or key: inih's room */

/* What is told. Texts live until the call returns. Functions return 0, or
 * -errno to stop. */
struct conf_read_sink {
	int (*section)(void *context, const char *name, unsigned line);

	/* `continued` is the line of the first continuation, 0 when there is none. */
	int (*pair)(void *context, const char *key, const char *value, unsigned line, unsigned continued);

	/* `key` is NULL when the line is none. */
	int (*error)(void *context, unsigned line, const char *key, const char *reason);

	/* Whether an indented `name = ...` is more likely a key than a continuation. */
	bool (*is_key)(void *context, const char *name);
};

/* Reads all of it, errors or not. Keys below a section line that is an error
 * are not told. Returns 0, -ENOMEM, or what a function of the sink returned. */
int conf_read(const char *bytes, size_t length, const struct conf_read_sink *sink, void *context);

/* Whether a value that came from elsewhere (the command line) could stand in a
 * file: returns 0, or -EINVAL with a reason. */
int conf_read_check_value(const char *value, char *reason, size_t size);

#endif
