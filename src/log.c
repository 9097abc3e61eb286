/* log.c - events become lines, lines gather in one buffer, the sink takes them
 * when it can.
 *
 * The buffer is one piece of memory, taken at the start. Lines are written into
 * it in place and leave it from the front; behind its nominal size there is room for one
 * whole line, so that a line is finished first and measured then. When there is
 * no room a *gap* begins: lines are counted and not even formatted, until half
 * the buffer is free again; then a note tells the count at the very place where
 * the lines are missing. A note that is lost itself leaves the gap open.
 *
 * Never waits, never allocates after log_open() but for a change of the sink. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#include "base.h"
#include "clock.h"
#include "libc.h"
#include "log-address.h"
#include "log-format.h"
#include "log-sink.h"
#include "peer.h"

#define BUFFER_SIZE (256 * 1024)
#define BUFFER_LEAST 4096 /* half of it has room for a note */

struct log_event {
	struct log_line line;     /* in the buffer */
	struct log_line observed; /* for the observer */
	struct log_line *lines[2]; /* those of the two that are written */
	size_t count;
	bool open;   /* between log_begin() and log_end() */
	bool wanted; /* `line` is one of them */
	enum log_level level;
	char service[256]; /* what the observer is told beside; "": none */
	struct peer peer;
};

struct log {
	struct log_event event;
	enum log_level level;
	enum log_format format;
	enum log_address address;
	uint64_t address_key[2]; /* drawn at the start */
	struct sink sink;
	struct log_stamp stamp;

	char *buffer;
	size_t size;       /* of what may wait; LOG_LINE_MAX more are there */
	size_t head, tail; /* what waits */
	bool stalled;      /* the sink took less than all: not asked again before the next flush */
	bool begun;        /* the sink has a part of the line at head */
	bool torn;         /* the sink's last line has no newline, and never gets it */

	uint64_t dropped;  /* lines, since the start */
	uint64_t told;     /* of these, in notes that were written */
	uint64_t noted;    /* dropped, as the waiting note says it */
	size_t note_end;   /* bytes from head to the end of the waiting note; 0: none waits */
	bool gap;

	log_observer *observer; /* or NULL */
	void *observer_context;
	enum log_level observer_level;
	char *observed; /* room for its line; NULL: there never was one */
};

static size_t waiting(const struct log *log)
{
	return log->tail - log->head;
}

/* The first `length` waiting bytes are gone, one way or the other. */
static void consume(struct log *log, size_t length)
{
	log->begun = log->buffer[log->head + length - 1] != '\n';
	log->head += length;
	if (log->note_end > 0)
		log->note_end = log->note_end > length ? log->note_end - length : 0;
	if (log->head == log->tail)
		log->head = log->tail = 0;
}

static void consume_written(struct log *log, size_t length)
{
	if (log->note_end > 0 && length >= log->note_end)
		log->told = log->noted;
	log->torn = false;
	consume(log, length);
}

/* The line at head cannot be written, or not its rest. */
static void drop_line(struct log *log)
{
	const char *start = log->buffer + log->head;
	const char *newline = memchr(start, '\n', waiting(log));
	size_t length = (size_t)(newline - start) + 1;

	/* A newline alone mends a torn line, or ends one that was written but for this. */
	if (log->begun || length == 1)
		log->torn = true;
	if (length == 1 && log->note_end == 1)
		log->told = log->noted;
	if (length > 1) {
		log->dropped += length == log->note_end ? 0 : 1;
		log->gap = true;
	}
	consume(log, length);
}

static void drop_waiting(struct log *log)
{
	while (waiting(log) > 0)
		drop_line(log);
}

/* Writes until the buffer is empty or the sink takes no more. Returns whether
 * the sink works at all. */
static bool drain(struct log *log)
{
	while (waiting(log) > 0) {
		ssize_t taken = sink_write(&log->sink, log->buffer + log->head, waiting(log));

		if (taken > 0) {
			consume_written(log, (size_t)taken);
		} else if (taken == -EAGAIN) {
			log->stalled = true;
			return true;
		} else if (taken == -EMSGSIZE) {
			drop_line(log);
		} else if (taken == -ECONNRESET && log->sink.kind == LOG_SINK_SYSLOG) {
			if (log->begun)
				drop_line(log);
			log->torn = false;
		} else if (taken != -EINTR) {
			drop_waiting(log);
			return false;
		}
	}
	return true;
}

/* Makes room for a whole line behind tail. */
static void compact(struct log *log)
{
	if (log->tail <= log->size)
		return;
	memmove(log->buffer, log->buffer + log->head, waiting(log));
	log->tail -= log->head;
	log->head = 0;
}

static void begin_line(struct log *log, struct log_line *line, enum log_level level, const char *event)
{
	enum log_head head = log->sink.kind == LOG_SINK_SYSLOG ? LOG_HEAD_SYSLOG
			     : log->sink.journal               ? LOG_HEAD_PRIORITY
							       : LOG_HEAD_TIME;
	pid_t pid = head == LOG_HEAD_SYSLOG ? getpid() : 0;

	compact(log);
	/* Finish the torn line, or this one would be glued to it. */
	if (log->torn && waiting(log) == 0 && log->sink.way != SINK_WAY_RECORD) {
		log->buffer[log->tail++] = '\n';
		log->torn = false;
	}
	log_line_begin(line, log->buffer + log->tail, log->format, head, level, event, &log->stamp,
		       clock_wall(), pid);
}

/* Ends a gap, when there is room again. */
static void settle_gap(struct log *log)
{
	struct log_line line;

	/* One note at a time, so that a lost one is known to be the only one. */
	if (!log->gap || log->note_end > 0 || waiting(log) > log->size / 2)
		return;
	log->gap = false;
	if (log->dropped == log->told)
		return;
	log->noted = log->dropped;
	begin_line(log, &line, LOG_LEVEL_WARNING, "dropped");
	log_line_number(&line, "count", log->dropped - log->told);
	log->tail = (size_t)(log_line_end(&line) - log->buffer);
	log->note_end = waiting(log);
}

bool log_flush(struct log *log)
{
	log->stalled = false;
	if (drain(log)) {
		settle_gap(log);
		if (!log->stalled)
			drain(log);
	}
	return waiting(log) > 0;
}

/* The same line for the observer, in a memory of its own. */
static void begin_observed(struct log *log, enum log_level level, const char *event)
{
	struct log_event *begun = &log->event;

	begun->service[0] = '\0';
	begun->peer.family = PEER_NONE;
	log_line_begin(&begun->observed, log->observed, LOG_FORMAT_JSON, LOG_HEAD_TIME, level, event,
		       &log->stamp, clock_wall(), 0);
	begun->lines[begun->count++] = &begun->observed;
}

struct log_event *log_begin(struct log *log, enum log_level level, const char *event)
{
	struct log_event *begun = &log->event;

	if (begun->open)
		BUG("a log event was begun within another");
	begun->open = true;
	begun->wanted = false;
	begun->count = 0;
	begun->level = level;
	if (log->observer != NULL && level <= log->observer_level)
		begin_observed(log, level, event);
	if (level > log->level)
		return begun;
	settle_gap(log);
	if (log->gap) {
		log->dropped++;
		return begun;
	}
	begin_line(log, &begun->line, level, event);
	begun->wanted = true;
	begun->lines[begun->count++] = &begun->line;
	return begun;
}

static bool is_observed(const struct log_event *event)
{
	return event->count > 0 && event->lines[0] == &event->observed;
}

static void tell_observer(struct log *log)
{
	struct log_event *event = &log->event;
	size_t length = (size_t)(log_line_end(&event->observed) - log->observed);

	log->observer(log->observer_context, event->level, log->observed, length - 1,
		      event->service[0] != '\0' ? event->service : NULL,
		      event->peer.family != PEER_NONE ? &event->peer : NULL);
}

static void keep_line(struct log *log)
{
	size_t tail = (size_t)(log_line_end(&log->event.line) - log->buffer);

	if (tail - log->head > log->size) {
		log->dropped++;
		log->gap = true;
		return;
	}
	log->tail = tail;
	if (waiting(log) > log->size / 2 && !log->stalled)
		drain(log);
}

void log_end(struct log_event *event)
{
	struct log *log = container_of(event, struct log, event);

	event->open = false;
	if (is_observed(event))
		tell_observer(log);
	if (event->wanted)
		keep_line(log);
	event->wanted = false;
	event->count = 0;
}

void log_bytes(struct log_event *event, const char *key, const char *bytes, size_t length)
{
	if (bytes == NULL)
		return;
	for (size_t i = 0; i < event->count; i++)
		log_line_bytes(event->lines[i], key, bytes, length);
	if (is_observed(event) && strcmp(key, "service") == 0)
		snprintf(event->service, sizeof(event->service), "%.*s", (int)length, bytes);
}

void log_text(struct log_event *event, const char *key, const char *text)
{
	/* One byte more than is shown tells that it was cut; the rest is not even counted. */
	if (event->count > 0 && text != NULL)
		log_bytes(event, key, text, strnlen(text, LOG_FIELD_MAX + 1));
}

static _printf_(3, 0) void print_field(struct log_event *event, const char *key, const char *format,
				       va_list values)
{
	char text[LOG_FIELD_MAX + 2];

	if (vsnprintf(text, sizeof(text), format, values) >= 0)
		log_text(event, key, text);
}

void log_printf(struct log_event *event, const char *key, const char *format, ...)
{
	va_list values;

	if (event->count == 0)
		return;
	va_start(values, format);
	print_field(event, key, format, values);
	va_end(values);
}

void log_number(struct log_event *event, const char *key, uint64_t number)
{
	for (size_t i = 0; i < event->count; i++)
		log_line_number(event->lines[i], key, number);
}

void log_signed(struct log_event *event, const char *key, int64_t number)
{
	for (size_t i = 0; i < event->count; i++)
		log_line_signed(event->lines[i], key, number);
}

void log_seconds(struct log_event *event, const char *key, uint64_t ns)
{
	for (size_t i = 0; i < event->count; i++)
		log_line_seconds(event->lines[i], key, ns);
}

void log_errno(struct log_event *event, const char *key, int error)
{
	const char *text = libc_error_text(error < 0 ? -error : error);

	if (text != NULL)
		log_text(event, key, text);
	else
		log_printf(event, key, "error %d", error);
}

void log_peer(struct log_event *event, const char *key, const struct peer *peer)
{
	const struct log *log = container_of(event, struct log, event);
	char text[PEER_TEXT_MAX];

	if (event->count == 0)
		return;
	log_text(event, key, log_address_print(log->address, log->address_key, peer, text));
	event->peer = *peer;
}

void log_message(struct log *log, enum log_level level, const char *event, const char *format, ...)
{
	struct log_event *begun = log_begin(log, level, event);
	va_list values;

	if (begun->count > 0) {
		va_start(values, format);
		print_field(begun, "message", format, values);
		va_end(values);
	}
	log_end(begun);
}

int log_open(const struct log_options *options, size_t buffer_size, struct log **ret_log)
{
	_cleanup_free_ struct log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return -ENOMEM;
	log->size = buffer_size == 0             ? BUFFER_SIZE
		    : buffer_size < BUFFER_LEAST ? BUFFER_LEAST
						 : buffer_size;
	log->level = options->level;
	log->format = options->format;
	log->address = options->address;
	if (getrandom(log->address_key, sizeof(log->address_key), 0) != sizeof(log->address_key))
		return -errno;

	/* Not calloc(): pages that were never written to cost nothing. */
	_cleanup_free_ char *buffer = malloc(log->size + LOG_LINE_MAX + 1);

	if (buffer == NULL)
		return -ENOMEM;

	int r = sink_open(options, &log->sink);

	if (r < 0)
		return r;
	log->buffer = buffer;
	buffer = NULL;
	*ret_log = log;
	log = NULL;
	return 0;
}

void log_close(struct log *log)
{
	if (log == NULL)
		return;
	log_flush(log);
	sink_close(&log->sink);
	free(log->observed);
	free(log->buffer);
	free(log);
}

int log_reconfigure(struct log *log, const struct log_options *options)
{
	struct sink sink;
	int r = sink_open(options, &sink);

	if (r < 0)
		return r;
	log_flush(log);
	/* Lines that wait have the old form; the rest of a begun one belongs to the old sink. */
	if (sink.kind != log->sink.kind || options->format != log->format)
		drop_waiting(log);
	else if (log->begun && !sink_is_same(&sink, &log->sink))
		drop_line(log);
	if (!sink_is_same(&sink, &log->sink))
		log->torn = false;
	sink_close(&log->sink);
	log->sink = sink;
	log->level = options->level;
	log->format = options->format;
	log->address = options->address;
	return 0;
}

int log_reopen(struct log *log)
{
	struct log_options options = {
		.sink = log->sink.kind,
		.path = log->sink.path,
		.format = log->format,
		.level = log->level,
		.address = log->address,
	};

	return log_reconfigure(log, &options);
}

void log_set_level(struct log *log, enum log_level level)
{
	log->level = level;
}

enum log_level log_level(const struct log *log)
{
	return log->level;
}

int log_observe(struct log *log, enum log_level level, log_observer *observer, void *context)
{
	if (observer != NULL && log->observed == NULL) {
		log->observed = malloc(LOG_LINE_MAX + 1);
		if (log->observed == NULL)
			return -ENOMEM;
	}
	log->observer = observer;
	log->observer_context = context;
	log->observer_level = level;
	return 0;
}

uint64_t log_dropped(const struct log *log)
{
	return log->dropped;
}

struct log_left log_left(const struct log *log)
{
	return (struct log_left){
		.waiting = log->buffer + log->head,
		.length = waiting(log),
		.dropped = log->dropped,
		.untold = log->dropped - (log->note_end > 0 ? log->noted : log->told),
		.begun = log->begun,
		.torn = log->torn,
	};
}

static uint64_t count_lines(const char *bytes, size_t length)
{
	uint64_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += bytes[i] == '\n';
	return count;
}

void log_resume(struct log *log, const struct log_left *left)
{
	bool fits = left->length <= log->size && (left->length == 0 || left->waiting[left->length - 1] == '\n');
	uint64_t lost = fits ? 0 : count_lines(left->waiting, left->length);

	log->dropped = left->dropped + lost;
	log->told = left->dropped - (left->untold < left->dropped ? left->untold : left->dropped);
	log->gap = log->dropped > log->told;
	log->begun = left->begun && fits;
	log->torn = left->torn || (left->begun && !fits);
	if (!fits)
		return;
	memcpy(log->buffer, left->waiting, left->length);
	log->tail = left->length;
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint64_t interval_ns, uint64_t *ret_left_out)
{
	if (limit->used && now_ns >= limit->last_ns && now_ns - limit->last_ns < interval_ns) {
		limit->left_out++;
		return false;
	}
	*ret_left_out = limit->left_out;
	*limit = (struct log_limit){.last_ns = now_ns, .used = true};
	return true;
}
