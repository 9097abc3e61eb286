/* log-format.c - escaping and the two formats.
 *
 * Text: key=value, where a value stands in quotes as soon as one of its bytes
 * is not plain; backslashes mean something in quotes only, so a reader can get
 * the very bytes back. JSON: UTF-8 stays; what is not UTF-8, and what would move
 * a terminal's cursor or turn its text around, is written as \u00XX.
 *
 * This is on the way of every connection: no stdio, one pass over a value to
 * see that nothing needs escaping, and a memcpy(). */
#include "log-format.h"

#include <string.h>

#include "base.h"

/* Kept free behind the fields: a quote, "...", `,"cut":true}` and the newline. */
#define TAIL 32
/* The longest thing that one byte (or character) of a value becomes. */
#define UNIT_MAX 12

enum byte_class { PLAIN, QUOTED, BACKSLASHED, HEXED };

/* Plain everywhere not named. */
static const uint8_t text_class[256] = {
	[0x00 ... 0x1f] = HEXED,  [' '] = QUOTED,       ['"'] = BACKSLASHED,
	['='] = QUOTED,           ['\\'] = BACKSLASHED, [0x7f ... 0xff] = HEXED,
};
static const uint8_t json_class[256] = {
	[0x00 ... 0x1f] = HEXED,
	['"'] = BACKSLASHED,
	['\\'] = BACKSLASHED,
	[0x7f ... 0xff] = HEXED,
};

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

static inline char *put(char *at, const char *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

static inline char *put_string(char *at, const char *string)
{
	return put(at, string, strlen(string));
}

static char *put_number(char *at, uint64_t number)
{
	char digits[20];
	char *first = digits + sizeof(digits);

	do {
		*--first = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return put(at, first, (size_t)(digits + sizeof(digits) - first));
}

/* Exactly `width` digits, leading zeros (or blanks) kept. */
static char *put_padded(char *at, unsigned number, unsigned width, char pad)
{
	for (unsigned i = width; i > 0; i--) {
		at[i - 1] = number == 0 && i < width ? pad : (char)('0' + number % 10);
		number /= 10;
	}
	return at + width;
}

static void fill_stamp(struct log_stamp *stamp, time_t second)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm = {.tm_mday = 1};

	if (localtime_r(&second, &tm) == NULL)
		tm = (struct tm){.tm_mday = 1};

	long offset = tm.tm_gmtoff / 60;
	unsigned away = (unsigned)(offset < 0 ? -offset : offset);
	const unsigned parts[] = {(unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday, (unsigned)tm.tm_hour,
				  (unsigned)tm.tm_min, (unsigned)tm.tm_sec};
	char *at = put_padded(stamp->iso, (unsigned)(tm.tm_year + 1900) % 10000, 4, '0');

	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		*at++ = "--T::"[i];
		at = put_padded(at, parts[i], 2, '0');
	}
	at = put(at, ".000", 4);
	*at++ = offset < 0 ? '-' : '+';
	at = put_padded(at, away / 60 % 100, 2, '0');
	*at++ = ':';
	put_padded(at, away % 60, 2, '0');

	at = put(stamp->syslog, months[tm.tm_mon], 3);
	for (size_t i = 1; i < ELEMENTS(parts); i++) {
		*at++ = "   ::"[i];
		at = put_padded(at, parts[i], 2, i == 1 ? ' ' : '0');
	}
	stamp->second = second;
	stamp->filled = true;
}

static char *put_head(char *at, enum log_head head, enum log_level level, const struct log_stamp *stamp,
		      pid_t pid)
{
	enum { FACILITY_DAEMON = 3 << 3 };
	unsigned priority = (unsigned)level + 3; /* syslog's numbers: error is 3, debug 7 */

	switch (head) {
	case LOG_HEAD_TIME:
		break;
	case LOG_HEAD_PRIORITY:
		*at++ = '<';
		*at++ = (char)('0' + priority);
		*at++ = '>';
		break;
	case LOG_HEAD_SYSLOG:
		*at++ = '<';
		at = put_number(at, FACILITY_DAEMON + priority);
		*at++ = '>';
		at = put(at, stamp->syslog, sizeof(stamp->syslog));
		at = put(at, " usherd[", 8);
		at = put_number(at, (uint64_t)pid);
		at = put(at, "]: ", 3);
		break;
	}
	return at;
}

void log_line_begin(struct log_line *line, char *memory, enum log_format format, enum log_head head,
		    enum log_level level, const char *event, struct log_stamp *stamp, struct timespec now,
		    pid_t pid)
{
	char *at = memory;

	if (!stamp->filled || now.tv_sec != stamp->second)
		fill_stamp(stamp, now.tv_sec);
	put_padded(stamp->iso + 20, (unsigned)(now.tv_nsec / 1000000), 3, '0');

	at = put_head(at, head, level, stamp, pid);
	if (format == LOG_FORMAT_JSON) {
		at = put(at, "{\"time\":\"", 9);
		at = put(at, stamp->iso, sizeof(stamp->iso));
		at = put(at, "\",\"level\":\"", 11);
		at = put_string(at, level_names[level]);
		at = put(at, "\",\"event\":\"", 11);
		at = put_string(at, event);
		*at++ = '"';
	} else {
		if (head == LOG_HEAD_TIME) {
			at = put(at, stamp->iso, sizeof(stamp->iso));
			*at++ = ' ';
		}
		at = put_string(at, event);
	}
	*line = (struct log_line){.at = at, .limit = memory + LOG_LINE_MAX - TAIL, .format = format};
}

/* Writes the key of a field, when the field has room for that and `more` bytes. */
static bool put_key(struct log_line *line, const char *key, size_t more)
{
	size_t length = strlen(key);

	/* Behind a cut nothing more: what is there is always the beginning of the line. */
	if (line->cut || length + 4 + more > (size_t)(line->limit - line->at)) {
		line->cut = true;
		return false;
	}
	if (line->format == LOG_FORMAT_JSON) {
		line->at = put(line->at, ",\"", 2);
		line->at = put(line->at, key, length);
		line->at = put(line->at, "\":", 2);
	} else {
		*line->at++ = ' ';
		line->at = put(line->at, key, length);
		*line->at++ = '=';
	}
	return true;
}

static char *put_hex(char *at, const char *prefix, uint8_t byte)
{
	at = put_string(at, prefix);
	*at++ = "0123456789abcdef"[byte >> 4];
	*at++ = "0123456789abcdef"[byte & 15];
	return at;
}

/* The length of the UTF-8 character that begins at bytes[0] (RFC 3629: shortest
 * form, no surrogates, at most U+10FFFF), or 0; and its number. */
static size_t utf8_length(const uint8_t *bytes, size_t length, uint32_t *ret_rune)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t wanted = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;

	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || wanted > length)
		return 0;

	uint32_t rune = bytes[0] & (0x7fu >> wanted);

	for (size_t i = 1; i < wanted; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		rune = rune << 6 | (bytes[i] & 0x3fu);
	}
	if (rune < least[wanted] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		return 0;
	*ret_rune = rune;
	return wanted;
}

/* Characters that a terminal or an editor obeys rather than shows: C1 controls,
 * line separators, and those that turn the direction of the text. */
static bool is_unsafe(uint32_t rune)
{
	return rune < 0xa0 || (rune >= 0x200e && rune <= 0x200f) || (rune >= 0x2028 && rune <= 0x202e) ||
	       (rune >= 0x2066 && rune <= 0x2069);
}

/* One character of a JSON value that has the high bit set. Returns its length in the source. */
static size_t put_json_high(char **at, const uint8_t *bytes, size_t length)
{
	uint32_t rune;
	size_t taken = utf8_length(bytes, length, &rune);

	if (taken == 0) {
		*at = put_hex(*at, "\\u00", bytes[0]);
		return 1;
	}
	if (is_unsafe(rune)) {
		*at = put_hex(*at, "\\u", (uint8_t)(rune >> 8));
		*at = put_hex(*at, "", (uint8_t)rune);
	} else {
		for (size_t i = 0; i < taken; i++)
			*(*at)++ = (char)bytes[i];
	}
	return taken;
}

/* Returns how many bytes had room. */
static size_t put_escaped(struct log_line *line, const uint8_t *bytes, size_t length)
{
	bool json = line->format == LOG_FORMAT_JSON;
	const uint8_t *classes = json ? json_class : text_class;
	char *at = line->at;
	size_t i = 0;

	while (i < length && line->limit - at >= UNIT_MAX) {
		uint8_t byte = bytes[i];

		switch ((enum byte_class)classes[byte]) {
		case BACKSLASHED:
			*at++ = '\\';
			*at++ = (char)byte;
			i++;
			break;
		case PLAIN:
		case QUOTED:
			*at++ = (char)byte;
			i++;
			break;
		case HEXED:
			if (json && byte >= 0x80) {
				i += put_json_high(&at, bytes + i, length - i);
			} else {
				at = put_hex(at, json ? "\\u00" : "\\x", byte);
				i++;
			}
			break;
		}
	}
	line->at = at;
	return i;
}

static bool is_plain(const uint8_t *classes, const uint8_t *bytes, size_t length)
{
	unsigned worst = PLAIN;

	for (size_t i = 0; i < length; i++)
		worst |= classes[bytes[i]];
	return worst == PLAIN;
}

/* A cut goes between two characters, where the value is UTF-8 at all. */
static size_t cut_length(const uint8_t *bytes)
{
	size_t length = LOG_FIELD_MAX;

	while (length > LOG_FIELD_MAX - 3 && (bytes[length] & 0xc0) == 0x80)
		length--;
	return length;
}

void log_line_bytes(struct log_line *line, const char *key, const char *value, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)value;
	bool json = line->format == LOG_FORMAT_JSON;
	bool longer = length > LOG_FIELD_MAX;

	if (longer)
		length = cut_length(bytes);
	if (!put_key(line, key, 2 + UNIT_MAX))
		return;
	if (!longer && is_plain(json ? json_class : text_class, bytes, length) &&
	    length + 2 <= (size_t)(line->limit - line->at)) {
		bool quotes = json || length == 0;

		if (quotes)
			*line->at++ = '"';
		if (length > 0)
			line->at = put(line->at, value, length);
		if (quotes)
			*line->at++ = '"';
		return;
	}

	*line->at++ = '"';
	if (put_escaped(line, bytes, length) < length)
		line->cut = true;
	if (longer || line->cut)
		line->at = put(line->at, "...", 3);
	*line->at++ = '"';
}

void log_line_number(struct log_line *line, const char *key, uint64_t number)
{
	if (put_key(line, key, 20))
		line->at = put_number(line->at, number);
}

void log_line_signed(struct log_line *line, const char *key, int64_t number)
{
	if (!put_key(line, key, 21))
		return;
	if (number < 0)
		*line->at++ = '-';
	line->at = put_number(line->at, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void log_line_seconds(struct log_line *line, const char *key, uint64_t ns)
{
	if (!put_key(line, key, 24))
		return;
	line->at = put_number(line->at, ns / NS_PER_S);
	*line->at++ = '.';
	line->at = put_padded(line->at, (unsigned)(ns % NS_PER_S / NS_PER_MS), 3, '0');
}

char *log_line_end(struct log_line *line)
{
	bool json = line->format == LOG_FORMAT_JSON;

	if (line->cut)
		line->at = json ? put(line->at, ",\"cut\":true", 11) : put(line->at, " cut=yes", 8);
	if (json)
		*line->at++ = '}';
	*line->at++ = '\n';
	return line->at;
}
