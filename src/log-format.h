/* log-format.h - one log line into a piece of memory: escaping, the two
 * formats, the time stamps. No sink, no allocation, no stdio.
 *
 * Keys and event names are literals of usherd's own source and are copied as
 * they are; only values are escaped. A line holds no byte outside printable
 * ASCII, except whole UTF-8 characters in JSON, and its only newline ends it. */
#ifndef USHERD_LOG_FORMAT_H
#define USHERD_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "log.h"

#define LOG_LINE_MAX 8192  /* a line with its newline; a longer one ends in cut=yes */
#define LOG_FIELD_MAX 4096 /* bytes of one value, before escaping; a longer one ends in ... */

/* What stands before an event. */
enum log_head {
	LOG_HEAD_TIME,     /* 2026-01-02T03:04:05.678+01:00 */
	LOG_HEAD_PRIORITY, /* <6>, for journald, which has its own time */
	LOG_HEAD_SYSLOG,   /* <30>Jan  2 03:04:05 usherd[17]: */
};

/* The calendar of the last second that was printed: localtime_r() is dear. */
struct log_stamp {
	time_t second;
	char iso[29];    /* the milliseconds are filled in for each line */
	char syslog[15];
	bool filled;
};

struct log_line {
	char *at;    /* the next byte goes here */
	char *limit; /* fields end here at the latest; there is more room for the end of the line */
	enum log_format format;
	bool cut;
};

/* Starts a line at `memory`, which has room for LOG_LINE_MAX bytes. `pid` is
 * used by LOG_HEAD_SYSLOG. JSON has the time and the level in itself. */
void log_line_begin(struct log_line *line, char *memory, enum log_format format, enum log_head head,
		    enum log_level level, const char *event, struct log_stamp *stamp, struct timespec now,
		    pid_t pid);
void log_line_bytes(struct log_line *line, const char *key, const char *bytes, size_t length);
void log_line_number(struct log_line *line, const char *key, uint64_t number);
void log_line_signed(struct log_line *line, const char *key, int64_t number);
void log_line_seconds(struct log_line *line, const char *key, uint64_t ns); /* rounded down */

/* Ends the line and returns the byte behind it. */
char *log_line_end(struct log_line *line);

#endif
