/* conf-read.c - our own line reader in front of inih.
 *
 * inih cuts lines at 200 bytes and names at 50, takes ` ;` for a comment inside
 * quotes, an indented key for a second value, and stops at NUL, all silently;
 * it tells neither line numbers nor sections without keys. So each line is
 * looked at here first and given to inih in a form it cannot mistake:
 *
 *   - continuation lines are joined to their key before inih sees it
 *   - a value is replaced by the byte MARK_VALUE; the handler, which inih calls
 *     before it asks for the next line, puts the real one back
 *   - bytes of names that inih would act on (: = [ ] ;) travel as control bytes
 *   - after each [section] goes a pair MARK_SECTION, so that empty ones are seen
 *
 * Control bytes are refused in files, so the marks cannot be met there.
 *
 * inih can be built in many ways, with other comments, sizes and calls. What comes back is compared with what was
 * given: with an inih that does something else to it (tests/tools/inih.table) no file can be read, which is told. */
#include "conf-read.h"

#include "base.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#define MARK_VALUE '\001'
#define MARK_SECTION '\002'

/* Bytes of names that mean something to inih, and what stands for them. */
static const char special[] = ":=[];#";
#define SPECIAL_FIRST '\003'

#define REASON_MAX 256

struct reader {
	const char *at, *end;
	unsigned next_line; /* number of the line at `at` */

	const struct conf_read_sink *sink;
	void *context;
	int status; /* of the sink, or -ENOMEM: stop */

	bool poisoned;       /* the section line was an error: its keys belong nowhere */
	bool section_is_due; /* MARK_SECTION comes next */
	bool is_seen;        /* inih called the handler for the line it was given */
	bool is_pair;
	bool is_misbuilt; /* inih cannot be used, and that is told */
	unsigned line; /* of the pair or section inih has now */
	unsigned continued;
	char section[CONF_READ_NAME_MAX + 1], key[CONF_READ_NAME_MAX + 1];
	char *value; /* of the pair, joined */
	size_t value_length, value_room;
};

/* One line without its end and, for a comment line, without its text. */
struct line {
	const char *text;
	size_t length;
	unsigned number;
	bool is_comment;
	bool is_bad; /* and the error is told */
};

/* Where a scan of a value stands. */
struct quoting {
	char quote; /* 0, ' or " */
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static void fail(struct reader *reader, unsigned line, const char *key, const char *reason)
{
	int r = reader->sink->error(reader->context, line, key, reason);

	if (r < 0 && reader->status == 0)
		reader->status = r;
}

/* ---- lines ---- */

static const char *control_name(unsigned char byte, char text[static REASON_MAX])
{
	if (byte == 0)
		return "a NUL byte; is this a text file?";
	if (byte == '\r')
		return "a carriage return that ends no line; lines end in LF or CR LF";
	snprintf(text, REASON_MAX, "a control byte (0x%02x); only printable text and tabs may stand here",
		 byte);
	return text;
}

/* The first byte that may not stand in a file, or NULL. */
static const char *find_control(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return text + i;
	}
	return NULL;
}

/* Takes the next line; false at the end of the file. */
static bool take_line(struct reader *reader, struct line *ret_line)
{
	char text[REASON_MAX];

	if (reader->at == reader->end)
		return false;

	size_t left = (size_t)(reader->end - reader->at);
	const char *newline = memchr(reader->at, '\n', left);
	size_t length = newline != NULL ? (size_t)(newline - reader->at) : left;
	struct line line = {.text = reader->at, .length = length, .number = reader->next_line++};

	reader->at += newline != NULL ? length + 1 : length;
	if (newline != NULL && length > 0 && line.text[length - 1] == '\r')
		line.length--;
	while (line.length > 0 && is_blank(line.text[line.length - 1]))
		line.length--;

	size_t start = 0;

	while (start < line.length && is_blank(line.text[start]))
		start++;
	line.is_comment = start < line.length && (line.text[start] == ';' || line.text[start] == '#');

	const char *control = find_control(line.text, line.length);

	if (control != NULL) {
		fail(reader, line.number, NULL, control_name((unsigned char)*control, text));
		line.is_bad = true;
	} else if (line.length > CONF_READ_LINE_MAX && !line.is_comment) {
		snprintf(text, sizeof(text), "the line is too long: %zu bytes, at most %d are allowed",
			 line.length, CONF_READ_LINE_MAX);
		fail(reader, line.number, NULL, text);
		line.is_bad = true;
	}
	*ret_line = line;
	return true;
}

/* The length of a value up to its comment, or -EINVAL for ` ;` inside quotes.
 * `before` is the byte in front of the value. Blanks at the end are taken off. */
static ssize_t value_end(const char *text, size_t length, char before, struct quoting *quoting)
{
	size_t end = length;

	for (size_t i = 0; i < length; i++) {
		char byte = text[i];

		if (byte == ';' && is_blank(i > 0 ? text[i - 1] : before)) {
			if (quoting->quote != 0)
				return -EINVAL;
			end = i;
			break;
		}
		if (byte == '\\' && quoting->quote != '\'' && i + 1 < length && text[i + 1] != ';')
			i++;
		else if (quoting->quote == byte)
			quoting->quote = 0;
		else if (quoting->quote == 0 && (byte == '"' || byte == '\''))
			quoting->quote = byte;
	}
	while (end > 0 && is_blank(text[end - 1]))
		end--;
	return (ssize_t)end;
}

static const char quoted_comment[] =
	"' ;' inside quotes would start a comment for other readers of this file; write the blank outside the "
	"quotes ('a '\\;'b')";

int conf_read_check_value(const char *value, char *reason, size_t size)
{
	char text[REASON_MAX];
	struct quoting quoting = {0};
	size_t length = strlen(value);
	const char *control = find_control(value, length);

	if (control != NULL) {
		snprintf(reason, size, "%s", control_name((unsigned char)*control, text));
		return -EINVAL;
	}

	ssize_t end = value_end(value, length, '=', &quoting);

	if (end < 0)
		snprintf(reason, size, "%s", quoted_comment);
	else if (strstr(value + end, ";") != NULL)
		snprintf(reason, size, "' ;' starts a comment; write \\; instead");
	else
		return 0;
	return -EINVAL;
}

/* ---- values ---- */

static bool append_value(struct reader *reader, const char *text, size_t length)
{
	if (reader->value_room - reader->value_length < length + 2) {
		size_t room = (reader->value_length + length + 2) * 2;
		char *value = realloc(reader->value, room);

		if (value == NULL) {
			reader->status = -ENOMEM;
			return false;
		}
		reader->value = value;
		reader->value_room = room;
	}
	if (reader->value_length > 0 && length > 0)
		reader->value[reader->value_length++] = ' ';
	if (length > 0)
		memcpy(reader->value + reader->value_length, text, length);
	reader->value_length += length;
	reader->value[reader->value_length] = '\0';
	return true;
}

/* What an indented line may not look like; returns the reason or NULL. */
static const char *suspicious(struct reader *reader, const char *text, size_t length,
			      char reason[static REASON_MAX])
{
	char name[CONF_READ_NAME_MAX + 1];
	size_t i = 0;

	if (text[0] == '[' && memchr(text, ']', length) == text + length - 1)
		return "a section line must not be indented";
	while (i < length && i < sizeof(name) - 1 && !is_blank(text[i]) && text[i] != '=') {
		name[i] = text[i];
		i++;
	}
	name[i] = '\0';
	while (i < length && is_blank(text[i]))
		i++;
	if (i == length || text[i] != '=' || !reader->sink->is_key(reader->context, name))
		return NULL;
	snprintf(
		reason, REASON_MAX,
		"an indented line continues the value above it, but this looks like the key '%s'; take the blanks away",
		name);
	return reason;
}

/* Joins one indented line to the pair at hand. Returns false when it is bad. */
static bool join_line(struct reader *reader, const struct line *line, struct quoting *quoting)
{
	char text[REASON_MAX];
	size_t start = 0;

	while (is_blank(line->text[start]))
		start++;

	ssize_t length = value_end(line->text + start, line->length - start, ' ', quoting);

	if (length < 0) {
		fail(reader, line->number, reader->key, quoted_comment);
		return false;
	}
	if (length == 0)
		return true;

	const char *reason = suspicious(reader, line->text + start, (size_t)length, text);

	if (reason != NULL) {
		fail(reader, line->number, reader->key, reason);
		return false;
	}
	if (reader->continued == 0)
		reader->continued = line->number;
	return append_value(reader, line->text + start, (size_t)length);
}

/* Joins the indented lines that follow. A comment line between them is left
 * out; an empty line ends the value. */
static bool join_lines(struct reader *reader, struct quoting *quoting)
{
	bool is_good = true;

	while (reader->at < reader->end && reader->status == 0) {
		const char *before = reader->at;
		unsigned number = reader->next_line;
		struct line line;

		/* Only an indented line and a comment may go on with the value. */
		if (!is_blank(*before) && *before != ';' && *before != '#')
			break;
		if (!take_line(reader, &line))
			break;
		if (line.is_bad) {
			is_good = false;
			continue;
		}
		if (line.length == 0) {
			reader->at = before; /* seen again, as the empty line it is */
			reader->next_line = number;
			break;
		}
		if (!line.is_comment) {
			is_good = join_line(reader, &line, quoting) && is_good;
		} else if (quoting->quote != 0 && is_blank(line.text[0])) {
			fail(reader, line.number, reader->key,
			     "a comment inside quotes; close the quotes first");
			is_good = false;
		}
	}
	return is_good;
}

/* ---- what inih is given ---- */

static void encode_name(char *name)
{
	for (; *name != '\0'; name++) {
		const char *found = strchr(special, *name);

		if (found != NULL)
			*name = (char)(SPECIAL_FIRST + (found - special));
	}
}

static void decode_name(const char *name, char ret_name[static CONF_READ_NAME_MAX + 1])
{
	size_t i = 0;

	for (; i < CONF_READ_NAME_MAX && name[i] != '\0'; i++) {
		size_t which = (size_t)(unsigned char)name[i] - SPECIAL_FIRST;

		ret_name[i] = which < sizeof(special) - 1 ? special[which] : name[i];
	}
	ret_name[i] = '\0';
}

/* Copies a name that is short enough; tells the error when it is not. */
static bool take_name(struct reader *reader, const char *text, size_t length, unsigned line, const char *what,
		      char ret_name[static CONF_READ_NAME_MAX + 1])
{
	char reason[REASON_MAX];

	if (length > CONF_READ_NAME_MAX) {
		snprintf(reason, sizeof(reason),
			 "the name of the %s is too long: %zu bytes, at most %d are allowed", what, length,
			 CONF_READ_NAME_MAX);
		fail(reader, line, NULL, reason);
		return false;
	}
	memcpy(ret_name, text, length);
	ret_name[length] = '\0';
	return true;
}

static bool write_section(struct reader *reader, const struct line *line, char *buffer, size_t size)
{
	struct quoting quoting = {0};
	char name[CONF_READ_NAME_MAX + 1];
	ssize_t end = value_end(line->text, line->length, '\n', &quoting);
	size_t length = end < 0 ? line->length : (size_t)end;
	const char *reason = NULL;

	reader->poisoned = true;
	if (line->text[length - 1] != ']')
		reason = memchr(line->text, ']', length) != NULL ? "text after the closing ']' of the section"
								 : "the section line has no closing ']'";
	else if (length <= 2)
		reason = "the section has no name";
	if (reason != NULL) {
		fail(reader, line->number, NULL, reason);
		return false;
	}
	if (!take_name(reader, line->text + 1, length - 2, line->number, "section", name))
		return false;

	memcpy(reader->section, name, sizeof(reader->section));
	encode_name(name);
	reader->poisoned = false;
	reader->section_is_due = true;
	reader->is_pair = false;
	reader->line = line->number;
	snprintf(buffer, size, "[%s]\n", name);
	return true;
}

/* `[::1]:80 = echo` is a pair, `[git]` a section. */
static bool is_section(const struct line *line)
{
	if (line->text[0] != '[')
		return false;

	const char *close = memchr(line->text, ']', line->length);

	return close == NULL || close + 1 == line->text + line->length || close[1] != ':' ||
	       memchr(close, '=', line->length - (size_t)(close - line->text)) == NULL;
}

static bool write_pair(struct reader *reader, const struct line *line, char *buffer, size_t size)
{
	struct quoting quoting = {0};
	char name[CONF_READ_NAME_MAX + 1];
	const char *sign = memchr(line->text, '=', line->length);

	if (sign == NULL) {
		fail(reader, line->number, NULL, "neither '[section]' nor 'key = value' (there is no '=')");
		return false;
	}

	size_t length = (size_t)(sign - line->text);

	while (length > 0 && is_blank(line->text[length - 1]))
		length--;
	if (length == 0) {
		fail(reader, line->number, NULL, "there is no key before the '='");
		return false;
	}
	if (!take_name(reader, line->text, length, line->number, "key", reader->key))
		return false;

	const char *value = sign + 1;
	size_t left = line->length - (size_t)(value - line->text);

	reader->line = line->number;
	reader->continued = 0;
	reader->value_length = 0;

	char before = '=';

	while (left > 0 && is_blank(*value)) {
		before = *value++;
		left--;
	}

	ssize_t end = value_end(value, left, before, &quoting);

	if (end < 0) {
		fail(reader, line->number, reader->key, quoted_comment);
		return false;
	}
	if (!append_value(reader, value, (size_t)end) || !join_lines(reader, &quoting))
		return false;
	if (reader->poisoned)
		return false;

	memcpy(name, reader->key, sizeof(name));
	encode_name(name);
	reader->is_pair = true;

	snprintf(buffer, size, "%s=%c\n", name, MARK_VALUE);
	return true;
}

/* No file can be read with this inih. */
static void misbuilt(struct reader *reader, const char *how)
{
	char reason[REASON_MAX];

	snprintf(reason, sizeof(reason),
		 "the library inih %s: it was built with options that change what usherd reads (see INI_ in ini.h); "
		 "install one without them", how);
	if (!reader->is_misbuilt)
		fail(reader, reader->line, NULL, reason);
	reader->is_misbuilt = true;
	reader->at = reader->end;
}

/* ini_reader: as fgets(3), but a line always fits. */
static char *next_line(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;
	struct line line;

	/* inih reports nothing for a line it could not use; there is none. */
	if (!reader->is_seen && reader->is_pair)
		misbuilt(reader, "refuses a line");
	if (size < 2 * CONF_READ_NAME_MAX)
		misbuilt(reader, "has too short lines");
	if (reader->is_misbuilt)
		return NULL;

	reader->is_pair = reader->is_seen = false;
	if (reader->section_is_due) {
		snprintf(buffer, (size_t)size, "%c=\n", MARK_SECTION);
		reader->section_is_due = false;
		return buffer;
	}
	while (reader->status == 0 && take_line(reader, &line)) {
		if (line.is_bad || line.is_comment || line.length == 0)
			continue;
		if (is_blank(line.text[0])) {
			fail(reader, line.number, NULL,
			     "an indented line continues the value above it, and there is none here; take the blanks away");
			continue;
		}
		if (is_section(&line) ? write_section(reader, &line, buffer, (size_t)size)
				      : write_pair(reader, &line, buffer, (size_t)size))
			return buffer;
	}
	return NULL;
}

/* ini_handler: returns nonzero, since errors are ours. */
static int take_pair(void *user, const char *section, const char *key, const char *value
#if defined(INI_HANDLER_LINENO) && INI_HANDLER_LINENO
		     , int number
#endif
)
{
	struct reader *reader = user;
	const struct conf_read_sink *sink = reader->sink;
	char name[CONF_READ_NAME_MAX + 1];
	int r;

#if defined(INI_HANDLER_LINENO) && INI_HANDLER_LINENO
	(void)number;
#endif
	if (key == NULL)
		return 1; /* a section begins (INI_CALL_HANDLER_ON_NEW_SECTION) */
	reader->is_seen = true;
	if (reader->status < 0 || reader->is_misbuilt)
		return 1;

	bool is_section = key[0] == MARK_SECTION;

	decode_name(is_section ? section : key, name);
	if (strcmp(name, is_section ? reader->section : reader->key) != 0) {
		misbuilt(reader, "cuts names");
		return 1;
	}
	if (!is_section && (value == NULL || value[0] != MARK_VALUE || value[1] != '\0')) {
		misbuilt(reader, "changes values");
		return 1;
	}
	r = is_section ? sink->section(reader->context, name, reader->line) :
			 sink->pair(reader->context, name, reader->value, reader->line, reader->continued);
	if (r < 0)
		reader->status = r;
	return 1;
}

int conf_read(const char *bytes, size_t length, const struct conf_read_sink *sink, void *context)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader reader = {
		.at = bytes, .end = bytes + length, .next_line = 1, .sink = sink, .context = context};

	if (length >= 3 && memcmp(bytes, bom, 3) == 0)
		reader.at += 3;

	int r = ini_parse_stream(next_line, &reader, take_pair, &reader);

	free(reader.value);
	if (reader.status < 0)
		return reader.status;
	if (r == -2)
		return -ENOMEM;
	if (r != 0)
		misbuilt(&reader, "refuses a line");
	return reader.status;
}
