/* conf-type-message.c - what is sent to clients: a text with escapes, or the bytes
 * of a file as it is when the configuration is loaded. Nothing is added to
 * either, no line end, no NUL. */
#include "conf-type.h"

#include "base.h"
#include "conf.h"
#include "digest.h"
#include "read-full.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- texts ---- */

static int hex_digit(char byte)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = byte != '\0' ? strchr(digits, byte | 0x20) : NULL;

	/* Bit 0x20 makes letters small, and of other bytes what they are not. */
	if (found == NULL || (byte < 'A' && (byte < '0' || byte > '9')))
		return -1;
	return (int)(found - digits);
}

/* What one escape means; `text` stands behind the backslash. Returns the rest of the
 * text, or NULL with a reason. */
static const char *take_escape(const char *text, char *ret_byte, char reason[static CONF_REASON_MAX])
{
	/* \; because the reader of the file would take ` ;` for a comment. */
	static const char letters[] = "nrt\\;", bytes[] = "\n\r\t\\;";
	const char *found = *text != '\0' ? strchr(letters, *text) : NULL;

	if (found != NULL) {
		*ret_byte = bytes[found - letters];
		return text + 1;
	}
	if (*text == 'x') {
		int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);

		if (low >= 0) {
			*ret_byte = (char)(unsigned char)(high * 16 + low);
			return text + 3;
		}
		conf_type_refuse(reason, "\\x needs two hexadecimal digits, such as \\x1b");
	} else if (*text == '\0') {
		conf_type_refuse(reason, "the text ends in a backslash; write \\\\ for one");
	} else {
		conf_type_refuse(
			reason,
			"'\\%.40s' means nothing; write \\n, \\r, \\t, \\;, \\xHH, or \\\\ for a backslash",
			text);
	}
	return NULL;
}

static int parse_escaped(const struct conf_input *input, struct conf_message *message,
			 char reason[static CONF_REASON_MAX])
{
	const char *text = input->text;
	char *bytes = arena_alloc(input->arena, strlen(text) + 1);
	size_t length = 0;

	if (bytes == NULL)
		return -ENOMEM;
	while (*text != '\0') {
		if (*text != '\\') {
			bytes[length++] = *text++;
			continue;
		}
		text = take_escape(text + 1, &bytes[length++], reason);
		if (text == NULL)
			return -EINVAL;
	}
	if (length > CONF_MESSAGE_MAX)
		return conf_type_refuse(reason, "the text is too long: %zu bytes, at most %d are sent",
					length, CONF_MESSAGE_MAX);
	*message = (struct conf_message){ .bytes = bytes, .length = length };
	return 0;
}

/* ---- files ---- */

static int read_message(const char *path, char bytes[static CONF_MESSAGE_MAX + 1], size_t *ret_length,
			char reason[static CONF_REASON_MAX])
{
	/* O_NONBLOCK: a FIFO without a writer must not hold us up. */
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return conf_type_refuse(reason, "%.200s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return conf_type_refuse(reason, "%.200s is not a regular file", path);

	/* One byte more tells that there are too many. */
	ssize_t length = read_full(fd, bytes, CONF_MESSAGE_MAX + 1);

	if (length < 0)
		return conf_type_refuse(reason, "%.200s cannot be read: %s", path, strerror((int)-length));
	if (length == 0)
		return conf_type_refuse(reason, "%.200s is empty; write none to send nothing", path);
	/* A file that grows meanwhile says a size that fits. */
	if (length > CONF_MESSAGE_MAX)
		return conf_type_refuse(reason, "%.200s is too long: %jd bytes, at most %d are sent", path,
					(intmax_t)(status.st_size > length ? status.st_size : length),
					CONF_MESSAGE_MAX);
	*ret_length = (size_t)length;
	return 0;
}

static int parse_file(const struct conf_input *input, const char *path, struct conf_message *message,
		      char reason[static CONF_REASON_MAX])
{
	char bytes[CONF_MESSAGE_MAX + 1];
	size_t length = 0;
	int r = conf_type_check_path(path, reason);

	if (r == 0)
		r = read_message(path, bytes, &length, reason);
	if (r < 0)
		return r;
	if (input->digest != NULL)
		digest_add(input->digest, bytes, length);

	/* A file may hold NULs, which arena_strndup() would stop at. */
	char *copy = arena_alloc(input->arena, length);
	const char *path_copy = arena_strdup(input->arena, path);

	if (copy == NULL || path_copy == NULL)
		return -ENOMEM;
	memcpy(copy, bytes, length);
	*message = (struct conf_message){ .bytes = copy, .length = length, .path = path_copy };
	return 0;
}

/* ---- the type ---- */

static int parse_message(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_message message = { 0 };
	int r = 0;

	if (input->text[0] == '\0')
		return conf_type_refuse(reason, "a text is missing; write none to send nothing");
	if (strncmp(input->text, "file:", 5) == 0)
		r = parse_file(input, input->text + 5, &message, reason);
	else if (strcmp(input->text, "none") != 0)
		r = parse_escaped(input, &message, reason);
	if (r == 0)
		*(struct conf_message *)field = message;
	return r;
}

/* Whether a text would be taken for something else than a text. */
static bool is_special(const char *bytes, size_t length)
{
	return (length == 4 && memcmp(bytes, "none", 4) == 0) ||
	       (length >= 5 && memcmp(bytes, "file:", 5) == 0);
}

static void print_byte(unsigned char byte, bool must_escape, FILE *out)
{
	if (byte == '\n')
		fputs("\\n", out);
	else if (byte == '\r')
		fputs("\\r", out);
	else if (byte == '\t')
		fputs("\\t", out);
	else if (byte == '\\' || byte == ';')
		fprintf(out, "\\%c", byte);
	else if (byte < ' ' || byte == 0x7f || must_escape)
		fprintf(out, "\\x%02x", byte);
	else
		fputc(byte, out);
}

static void print_message(const void *field, FILE *out)
{
	const struct conf_message *message = field;

	if (message->bytes == NULL) {
		fputs("none", out);
		return;
	}
	if (message->path != NULL) {
		fprintf(out, "file:%s", message->path);
		return;
	}
	for (size_t i = 0; i < message->length; i++) {
		bool is_outer = i == 0 || i + 1 == message->length;
		bool must_escape = (is_outer && message->bytes[i] == ' ') ||
				   (i == 0 && is_special(message->bytes, message->length));

		print_byte((unsigned char)message->bytes[i], must_escape, out);
	}
}

static const char *const message_choices[] = { "none", "file:PATH", NULL };

const struct conf_type conf_type_message = {
	.name = "message",
	.explanation =
		"a text to the end of the line, in which \\n, \\r, \\t, \\;, \\\\ and \\xHH stand for a "
		"byte; file:PATH; or none",
	.parse = parse_message,
	.print = print_message,
	.choices = message_choices,
};
