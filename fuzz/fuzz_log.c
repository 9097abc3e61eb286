/* fuzz_log.c - the log, in two ways chosen by the first byte.
 *
 * A line: fields of any bytes in both formats. It must be one line, short
 * enough, printable; text must give the very bytes back, JSON must be JSON.
 *
 * A sink: the four functions of log-sink.h are replaced by a sink that does
 * what the input says: takes a part, takes nothing, fails. Whatever it does,
 * each line must arrive whole or be counted, and the notes must tell how many are
 * missing (where no line can be torn) and where (where nothing fails). */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "log-format.h"
#include "log-sink.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact)                                                                                             \
	do {                                                                                                   \
		if (!(fact))                                                                                   \
			BUG(#fact);                                                                            \
	} while (0)

struct input {
	const uint8_t *at, *end;
};

static uint8_t take_byte(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

/* ---- a line ---- */

static const char *check_json_string(const char *p)
{
	MUST(*p++ == '"');
	while (*p != '"') {
		MUST((uint8_t)*p >= 0x20 && *p != 0x7f);
		if (*p != '\\') {
			p++;
		} else if (p[1] == 'u') {
			for (int i = 2; i < 6; i++)
				MUST(isxdigit((uint8_t)p[i]));
			p += 6;
		} else {
			MUST(p[1] == '"' || p[1] == '\\');
			p += 2;
		}
	}
	return p + 1;
}

static void check_json(const char *p)
{
	MUST(*p == '{');
	do {
		p = check_json_string(p + 1);
		MUST(*p++ == ':');
		if (*p == '"') {
			p = check_json_string(p);
		} else if (strncmp(p, "true", 4) == 0) {
			p += 4;
		} else {
			size_t length = strspn(p, "-.0123456789");

			MUST(length > 0);
			p += length;
		}
	} while (*p == ',');
	MUST(strcmp(p, "}\n") == 0);
}

/* Reads a value as the manual says, and compares it with what went in. Returns its end. */
static const char *check_text_value(const char *p, const uint8_t *bytes, size_t length)
{
	bool quoted = *p == '"';

	p += quoted;
	for (size_t i = 0; i < length; i++) {
		unsigned value = (uint8_t)*p;

		MUST(value > (quoted ? 0x1f : 0x20) && value < 0x7f);
		MUST(quoted || (value != '"' && value != '\\' && value != '='));
		MUST(!quoted || value != '"');
		if (value == '\\' && p[1] == 'x') {
			MUST(sscanf(p + 2, "%2x", &value) == 1);
			p += 4;
		} else if (value == '\\') {
			value = (uint8_t)p[1];
			p += 2;
		} else {
			p++;
		}
		MUST(value == bytes[i]);
	}
	MUST(quoted || length > 0);
	MUST(!quoted || *p == '"');
	return p + quoted;
}

static void fuzz_line(struct input *input)
{
	char memory[LOG_LINE_MAX + 1];
	struct log_stamp stamp = {0};
	struct log_line line;
	uint8_t kind = take_byte(input);
	enum log_format format = kind & 1 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	struct timespec now = {.tv_sec = (time_t)take_byte(input) << (kind >> 2 & 31), .tv_nsec = 7};
	struct {
		const uint8_t *bytes;
		size_t length;
	} fields[64];
	size_t count = 0;

	log_line_begin(&line, memory, format, LOG_HEAD_PRIORITY, LOG_LEVEL_INFO, "try", &stamp, now, 17);
	while (input->at < input->end && count < ELEMENTS(fields)) {
		size_t length = take_byte(input) << 5;
		size_t left;

		length += take_byte(input);
		left = (size_t)(input->end - input->at);
		if (length > left)
			length = left;
		fields[count].bytes = input->at;
		fields[count++].length = length;
		log_line_number(&line, "n", length);
		log_line_bytes(&line, "v", (const char *)input->at, length);
		input->at += length;
	}

	char *end = log_line_end(&line);

	MUST(end - memory <= LOG_LINE_MAX);
	MUST(memchr(memory, '\n', LOG_LINE_MAX) == end - 1);
	*end = '\0';
	MUST(strlen(memory) == (size_t)(end - memory));
	if (format == LOG_FORMAT_JSON) {
		check_json(memory + 3);
		return;
	}
	for (const char *p = memory; p < end - 1; p++)
		MUST(*p >= 0x20 && *p < 0x7f);

	const char *p = memory + strlen("<6>try");

	for (size_t i = 0; !line.cut && i < count && fields[i].length <= LOG_FIELD_MAX; i++) {
		char number[32];
		int length = snprintf(number, sizeof(number), " n=%zu v=", fields[i].length);

		MUST(strncmp(p, number, (size_t)length) == 0);
		p = check_text_value(p + length, fields[i].bytes, fields[i].length);
	}
}

/* ---- a sink ---- */

enum { RECORDS = 1, FAILURES = 2 }; /* bits of the kind of a run */

struct fake {
	struct input *input; /* NULL: takes everything */
	unsigned kind;
	size_t length;
	char text[1 << 20];
};

/* log-sink.h has no place for a context. */
static struct fake *current;

int sink_open(const struct log_options *options, struct sink *ret_sink)
{
	*ret_sink = (struct sink){.kind = options->sink, .fd = -1};
	ret_sink->way = current->kind & RECORDS ? SINK_WAY_RECORD : SINK_WAY_WRITE;
	ret_sink->journal = true;
	return 0;
}

void sink_close(struct sink *sink)
{
	*sink = SINK_NONE;
}

bool sink_is_same(const struct sink *a, const struct sink *b)
{
	return a->kind == b->kind;
}

static ssize_t fail(uint8_t how)
{
	static const int errors[] = {ENOSPC, EIO, EPIPE, EFBIG};

	if (current->kind & RECORDS && how & 1)
		return -EMSGSIZE;
	return -errors[how / 2 % ELEMENTS(errors)];
}

ssize_t sink_write(struct sink *sink, const char *bytes, size_t length)
{
	size_t room = sizeof(current->text) - 1 - current->length;

	(void)sink;
	MUST(length > 0);
	if (current->input != NULL) {
		uint8_t what = take_byte(current->input);

		if (what < 64)
			return what & 1 && current->input->at < current->input->end ? -EINTR : -EAGAIN;
		if (what >= 192 && current->kind & FAILURES)
			return fail(what & 63);
		if (length > (size_t)(what - 63) * 5)
			length = (size_t)(what - 63) * 5;
		if (current->kind & RECORDS) {
			const char *newline = memrchr(bytes, '\n', length);

			if (newline == NULL)
				return -EAGAIN;
			length = (size_t)(newline - bytes) + 1;
		}
	}
	MUST(length <= room);
	memcpy(current->text + current->length, bytes, length);
	current->length += length;
	return (ssize_t)length;
}

static void log_numbered(struct log *log, unsigned number, size_t padding)
{
	static const char pad[256] = {0};
	struct log_event *event = log_begin(log, LOG_LEVEL_INFO, "line");

	log_number(event, "n", number);
	log_bytes(event, "pad", pad, padding);
	log_text(event, "end", ".");
	log_end(event);
}

static void check_arrivals(const struct fake *fake, unsigned number, uint64_t dropped)
{
	bool exact = !(fake->kind & FAILURES);
	/* One record that is refused among others is told behind those. */
	bool counted = exact || fake->kind & RECORDS;
	unsigned next = 0, whole = 0, n;
	uint64_t told = 0;

	for (const char *at = fake->text, *newline; (newline = strchr(at, '\n')) != NULL; at = newline + 1) {
		bool ended = newline - at > 6 && memcmp(newline - 6, " end=.", 6) == 0;

		if (sscanf(at, "<6>line n=%u", &n) == 1 && ended) {
			MUST(n >= next && (!exact || n == next));
			next = n + 1;
			whole++;
		} else if (sscanf(at, "<4>dropped count=%u", &n) == 1) {
			told += n;
			next += exact ? n : 0;
		} else {
			MUST(!counted);
		}
	}
	MUST(whole + dropped == number);
	MUST(!counted || told == dropped);
}

static void fuzz_sink(struct input *input, unsigned kind)
{
	struct log_options options = {.sink = LOG_SINK_STDERR, .level = LOG_LEVEL_INFO};
	struct log *log;
	unsigned number = 0;

	current = calloc(1, sizeof(*current));
	MUST(current != NULL);
	current->kind = kind;
	current->input = input;
	MUST(log_open(&options, 4096, &log) == 0);
	while (input->at < input->end && number < 1000) {
		uint8_t what = take_byte(input);

		for (unsigned i = 0; i < what % 32u; i++)
			log_numbered(log, number++, what);
		if (what & 128)
			log_flush(log);
		if (what == 64)
			MUST(log_reopen(log) == 0);
	}

	/* Trouble is over: all that waits is written, and what was missing is told. */
	current->input = NULL;
	log_flush(log);
	log_numbered(log, number++, 0);
	MUST(!log_flush(log));
	check_arrivals(current, number, log_dropped(log));
	log_close(log);
	free(current);
	current = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {.at = data, .end = data + size};
	uint8_t way = take_byte(&input);

	if (way & 1)
		fuzz_sink(&input, way >> 1 & 3);
	else
		fuzz_line(&input);
	return 0;
}
