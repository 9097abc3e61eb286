/* check_log.h - what the test programs of the log share: a folder of their own,
 * and numbered lines. tally_text() holds what arrived against what was logged,
 * gap by gap. libcheck gives each test a process of its own, so a test may do to
 * its standard error what it likes. */
#ifndef USHERD_TESTS_CHECK_LOG_H
#define USHERD_TESTS_CHECK_LOG_H

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "patience.h"

#define LINES 20000 /* several times what buffers and pipes hold */

/* A path inside a new folder; remove_folder() removes both. */
static inline char *make_path(char path[static PATH_MAX], const char *name)
{
	const char *base = getenv("TMPDIR");
	char folder[PATH_MAX / 2];

	snprintf(folder, sizeof(folder), "%s/usherd-log.XXXXXX", base != NULL ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return path;
}

static inline void remove_folder(char *path)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

static inline char *read_whole(const char *path)
{
	FILE *file = fopen(path, "re");

	ck_assert_ptr_nonnull(file);

	size_t room = 4 << 20;
	char *text = malloc(room);

	ck_assert_ptr_nonnull(text);

	size_t length = fread(text, 1, room - 1, file);

	ck_assert(feof(file));
	ck_assert_msg(memchr(text, '\0', length) == NULL, "a NUL in the log");
	text[length] = '\0';
	fclose(file);
	return text;
}

static inline struct log *open_log(enum log_sink sink, const char *where, size_t size)
{
	struct log_options options = {.sink = sink, .path = where, .level = LOG_LEVEL_INFO};
	struct log *log;

	ck_assert_int_eq(log_open(&options, size, &log), 0);
	return log;
}

static inline void use_as_stderr(int fd)
{
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	if (fd != STDERR_FILENO)
		close(fd);
}

static inline void log_line(struct log *log, unsigned number)
{
	struct log_event *event = log_begin(log, LOG_LEVEL_INFO, "line");

	log_number(event, "n", number);
	log_end(event);
}

static inline void log_lines(struct log *log, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		log_line(log, i);
		if (i % 7 == 0)
			log_flush(log);
	}
}

struct tally {
	unsigned next;   /* the number that must come next */
	unsigned gaps;
	uint64_t missing;
};

/* One line without its newline. */
static inline void tally_line(struct tally *tally, const char *line)
{
	const char *at = strstr(line, "line n=");
	unsigned number;
	char rest;

	if (at != NULL) {
		ck_assert_msg(sscanf(at, "line n=%u%c", &number, &rest) == 1, "%s", line);
		ck_assert_uint_eq(number, tally->next);
		tally->next++;
		return;
	}
	at = strstr(line, "dropped count=");
	ck_assert_msg(at != NULL, "an odd line: %s", line);
	ck_assert_msg(sscanf(at, "dropped count=%u%c", &number, &rest) == 1, "%s", line);
	tally->gaps++;
	tally->missing += number;
	/* Exactly these are missing, exactly here. */
	tally->next += number;
}

static inline void tally_text(struct tally *tally, char *text)
{
	for (char *newline; (newline = strchr(text, '\n')) != NULL; text = newline + 1) {
		*newline = '\0';
		tally_line(tally, text);
	}
	ck_assert_str_eq(text, "");
}

/* Reads all of a stream while the log goes on flushing, until nothing is left on either side. */
static inline char *read_rest(struct log *log, int fd)
{
	size_t length = 0, room = 4 << 20;
	char *text = malloc(room);

	for (;;) {
		bool left = log_flush(log);
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		if (poll(&ready, 1, left ? PATIENCE_MS : 0) == 0) {
			ck_assert_msg(!left, "lines are left and none come");
			break;
		}

		ssize_t got = read(fd, text + length, room - 1 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
	}
	text[length] = '\0';
	return text;
}

#endif
