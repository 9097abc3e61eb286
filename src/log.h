/* log.h - events, their two formats, and where they go. Never blocks, never
 * trusts a byte that came from outside, never ends the daemon.
 *
 *     struct log_event *event = log_begin(log, LOG_LEVEL_INFO, "start");
 *     log_text(event, "service", name);
 *     log_number(event, "session", id);
 *     log_end(event);
 *
 * writes `start service=git session=812` or {"event":"start",...}. Lines are
 * gathered and written together by log_flush(), once a loop round. */
#ifndef USHERD_LOG_H
#define USHERD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_sink { LOG_SINK_STDERR, LOG_SINK_SYSLOG, LOG_SINK_FILE };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };
enum log_address { LOG_ADDRESS_FULL, LOG_ADDRESS_PREFIX, LOG_ADDRESS_HASH, LOG_ADDRESS_NONE };

struct log_options {
	enum log_sink sink;
	const char *path; /* LOG_SINK_FILE; for LOG_SINK_SYSLOG the socket, NULL: /dev/log */
	enum log_format format;
	enum log_level level; /* events above it are left out */
	enum log_address address; /* how much of a client's address is told: see log-address.h */
};

struct log;
struct log_event;
struct peer;

/* Opens the sink. All memory is taken here: a buffer of `buffer_size` bytes
 * (0: 256 KiB) that holds what the sink did not take yet; lines that find no
 * room are counted and told ("dropped count=N") when there is room again.
 * Under journald (JOURNAL_STREAM matches fd 2) lines of LOG_SINK_STDERR carry <N> priorities.
 * A FILE is opened O_APPEND|O_CREAT|O_NOFOLLOW, mode 0640; a FIFO or a device is refused.
 * Returns 0 or -errno. */
int log_open(const struct log_options *options, size_t buffer_size, struct log **ret_log);
void log_close(struct log *log); /* flushes what can be flushed at once */

/* Another level until the next log_reconfigure(), and the one in force. */
void log_set_level(struct log *log, enum log_level level);
enum log_level log_level(const struct log *log);

/* Every event up to `level` is also told to `observer` as a line of JSON, whatever the log itself shows;
 * `service` and `peer` are what the event says of them, or NULL. NULL: nobody any more. It must not log.
 * Returns 0 or -ENOMEM. */
typedef void log_observer(void *context, enum log_level level, const char *line, size_t length,
			  const char *service, const struct peer *peer);
int log_observe(struct log *log, enum log_level level, log_observer *observer, void *context);

/* Moves to other options (reload) or opens the same file anew (rotation); on
 * failure the old sink stays. Returns 0 or -errno. */
int log_reconfigure(struct log *log, const struct log_options *options);
int log_reopen(struct log *log);

/* An event is one line. log_begin() never returns NULL: an event that is not
 * wanted, or has no room, swallows its fields. Only one event is open at a time.
 * Text is escaped (\xHH, \", \\; quoted where it has blanks, = or quotes) and cut at
 * 4 KiB a field. A NULL text leaves the field out. */
struct log_event *log_begin(struct log *log, enum log_level level, const char *event);
void log_text(struct log_event *event, const char *key, const char *text);
void log_bytes(struct log_event *event, const char *key, const char *bytes, size_t length);
void log_printf(struct log_event *event, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_number(struct log_event *event, const char *key, uint64_t number);
void log_signed(struct log_event *event, const char *key, int64_t number);
void log_seconds(struct log_event *event, const char *key, uint64_t ns); /* 0.031: milliseconds kept */
void log_errno(struct log_event *event, const char *key, int error);     /* "No such file or directory" */
void log_peer(struct log_event *event, const char *key, const struct peer *peer);
void log_end(struct log_event *event);

/* The usual short form: an event with one field, message="...". */
void log_message(struct log *log, enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Writes what has gathered, as much as the sink takes without blocking.
 * Returns true when something is left: call again later (the daemon does so
 * from a timer). */
bool log_flush(struct log *log);

/* Lines left out since the start because the sink did not keep up. */
uint64_t log_dropped(const struct log *log);

/* What one program leaves to the next, and that goes on with: what the sink did not take yet (borrowed), and what is
 * still to be told. */
struct log_left {
	const char *waiting; /* whole lines, but that the first may have been begun */
	size_t length;
	uint64_t dropped; /* as log_dropped() */
	uint64_t untold;  /* of these, in no line `dropped`, neither written nor waiting */
	bool begun;       /* the sink has the beginning of the first line */
	bool torn;        /* the sink's last line never gets its end */
};

struct log_left log_left(const struct log *log);

/* Lines that there is no room for are counted as dropped. */
void log_resume(struct log *log, const struct log_left *left);

/* At most one line in `interval_ns` for the same trouble: returns true when the
 * caller may log now, and how many were left out since it last did. */
struct log_limit {
	uint64_t last_ns;
	uint64_t left_out;
	bool used;
};
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint64_t interval_ns, uint64_t *ret_left_out);

#endif
