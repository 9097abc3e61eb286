/* check_log_sink.c - standard error as the log: a pipe, a terminal, a socket, a
 * file, the journal; readers that stop, that are slow, that go away. */
#include "log.h"

#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base.h"
#include "check_log.h"
#include "run.h"

static char path[PATH_MAX];

/* A stalled reader: everything is logged before the first byte is read. */
static void check_stall(struct log *log, int reader)
{
	struct tally tally = { 0 };

	log_lines(log, 0, LINES);
	ck_assert(log_flush(log));
	ck_assert_uint_gt(log_dropped(log), 0);

	char *text = read_rest(log, reader);

	tally_text(&tally, text);
	free(text);
	ck_assert_uint_eq(tally.next, LINES);
	ck_assert_uint_eq(tally.missing, log_dropped(log));

	/* And all is as before. */
	log_line(log, LINES);
	ck_assert(!log_flush(log));
	text = read_rest(log, reader);
	tally_text(&tally, text);
	free(text);
	ck_assert_uint_eq(tally.next, LINES + 1);
	ck_assert_uint_eq(tally.missing, log_dropped(log));
	log_close(log);
}

/* A reader that takes a little now and then, never enough. */
static void check_slow_reader(struct log *log, int reader)
{
	struct tally tally = { 0 };
	size_t length = 0, room = 8 << 20;
	char *text = malloc(room);

	for (unsigned i = 0; i < LINES; i++) {
		log_line(log, i);
		if (i % 7 == 0)
			log_flush(log);
		if (i % 300 == 299) {
			ssize_t got = read(reader, text + length, 5000);

			ck_assert_int_gt(got, 0);
			length += (size_t)got;
		}
	}
	text[length] = '\0';

	char *rest = read_rest(log, reader);

	ck_assert_uint_lt(length + strlen(rest), room);
	strcpy(text + length, rest);
	free(rest);
	tally_text(&tally, text);
	free(text);
	ck_assert_uint_gt(tally.gaps, 2);
	ck_assert_uint_eq(tally.next, LINES);
	ck_assert_uint_eq(tally.missing, log_dropped(log));
	log_close(log);
}

enum stderr_kind { PIPE_REOPENED, PIPE_POLLED, SOCKET_STREAM, TERMINAL, TERMINAL_POLLED, STDERR_KINDS };

/* Puts one end on fd 2, opens the log on it, returns the other. */
static int open_on_stderr(enum stderr_kind kind, struct log **ret_log)
{
	struct rlimit limit, none;
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	if (kind == SOCKET_STREAM) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	} else if (kind == TERMINAL || kind == TERMINAL_POLLED) {
		struct termios raw = { .c_cflag = CS8 | CREAD };

		ck_assert_int_eq(openpty(&ends[0], &ends[1], NULL, &raw, NULL), 0);
	} else {
		ck_assert_int_eq(pipe(ends), 0);
	}
	use_as_stderr(ends[1]);

	/* Without a free descriptor nothing can be opened a second time. */
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	if (kind == PIPE_POLLED || kind == TERMINAL_POLLED)
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	*ret_log = open_log(LOG_SINK_STDERR, NULL, 16384);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);

	/* The flag is everybody's who shares the pipe or the terminal. */
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	return ends[0];
}

START_TEST(stderr_stalled)
{
	struct log *log;
	int reader = open_on_stderr((enum stderr_kind)_i, &log);

	check_stall(log, reader);
}
END_TEST

START_TEST(stderr_slow)
{
	struct log *log;
	int reader = open_on_stderr((enum stderr_kind)_i, &log);

	check_slow_reader(log, reader);
}
END_TEST

START_TEST(stderr_reader_gone)
{
	struct log *log;
	int reader = open_on_stderr((enum stderr_kind)_i, &log);

	log_line(log, 0);
	ck_assert(!log_flush(log));
	close(reader);
	log_line(log, 1);
	ck_assert(!log_flush(log));
	log_line(log, 2);
	ck_assert(!log_flush(log));
	ck_assert_uint_eq(log_dropped(log), 2);
	log_close(log);
}
END_TEST

/* Each line is one record, and none is glued to another. */
START_TEST(stderr_records)
{
	int ends[2];
	struct tally tally = { 0 };
	char record[512];

	ck_assert_int_eq(socketpair(AF_UNIX, _i, 0, ends), 0);
	use_as_stderr(ends[1]);

	struct log *log = open_log(LOG_SINK_STDERR, NULL, 16384);

	log_lines(log, 0, LINES);
	while (log_flush(log) || tally.next < LINES) {
		ssize_t got = recv(ends[0], record, sizeof(record) - 1, 0);

		ck_assert_int_gt(got, 0);
		record[got] = '\0';
		tally_line(&tally, record);
	}
	ck_assert_uint_gt(tally.missing, 0);
	ck_assert_uint_eq(tally.missing, log_dropped(log));
	log_close(log);
}
END_TEST

START_TEST(stderr_full_device)
{
	int full = open("/dev/full", O_WRONLY);

	ck_assert_int_ge(full, 0);
	use_as_stderr(full);

	struct log *log = open_log(LOG_SINK_STDERR, NULL, 16384);

	log_lines(log, 0, LINES);
	ck_assert(!log_flush(log));
	ck_assert_uint_eq(log_dropped(log), LINES);

	/* Room again: the count is told, once. */
	make_path(path, "log");
	use_as_stderr(open(path, O_WRONLY | O_CREAT, 0600));
	log_line(log, LINES);
	log_line(log, LINES + 1);
	log_close(log);

	char *text = read_whole(path);
	struct tally tally = { 0 };

	tally_text(&tally, text + (text[0] == '\n'));
	ck_assert_uint_eq(tally.missing, LINES);
	ck_assert_uint_eq(tally.gaps, 1);
	ck_assert_uint_eq(tally.next, LINES + 2);
	free(text);
	remove_folder(path);
}
END_TEST

/* What one program could not say of what it dropped, the next one says (an upgrade under a full disk). */
START_TEST(next_program_tells)
{
	int full = open("/dev/full", O_WRONLY);
	struct tally tally = { 0 };
	struct log_left left;
	char *text;

	use_as_stderr(full);
	struct log *before = open_log(LOG_SINK_STDERR, NULL, 16384);

	log_lines(before, 0, LINES);
	ck_assert(!log_flush(before));
	left = log_left(before);
	ck_assert_uint_eq(left.dropped, LINES);
	ck_assert_uint_eq(left.untold, LINES);

	make_path(path, "log");
	use_as_stderr(open(path, O_WRONLY | O_CREAT, 0600));
	struct log *after = open_log(LOG_SINK_STDERR, NULL, 16384);

	log_resume(after, &left);
	ck_assert_uint_eq(log_dropped(after), LINES);
	log_line(after, LINES);
	ck_assert(!log_flush(after));
	ck_assert_uint_eq(log_left(after).untold, 0);
	text = read_whole(path);
	tally_text(&tally, text + (text[0] == '\n'));
	ck_assert_uint_eq(tally.missing, LINES);
	ck_assert_uint_eq(tally.next, LINES + 1);
	log_close(after);
	log_close(before);
	free(text);
	remove_folder(path);
}
END_TEST

/* What waits goes on behind what was written of it; what there is no room for is counted. */
START_TEST(next_program_goes_on)
{
	static const char waiting[] = "end of a line\nnext\n";
	struct log_left left = { .waiting = waiting, .length = strlen(waiting), .dropped = 3, .begun = true };
	char *text;

	make_path(path, "log");
	use_as_stderr(open(path, O_WRONLY | O_CREAT, 0600));
	struct log *log = open_log(LOG_SINK_STDERR, NULL, 16384);

	log_resume(log, &left);
	ck_assert(!log_flush(log));
	ck_assert_uint_eq(log_dropped(log), 3);
	text = read_whole(path);
	ck_assert_str_eq(text, waiting);
	free(text);
	left.length--; /* no whole line in the end */
	log_resume(log, &left);
	ck_assert_uint_eq(log_dropped(log), 4);
	ck_assert(log_left(log).torn);
	log_close(log);
	remove_folder(path);
}
END_TEST

START_TEST(stderr_closed)
{
	struct log *log;

	close(STDERR_FILENO);
	log = open_log(LOG_SINK_STDERR, NULL, 0);
	log_line(log, 0);
	ck_assert(!log_flush(log));
	ck_assert_uint_eq(log_dropped(log), 1);
	log_close(log);
	/* It was not ours to close, and whatever has the number now is not either. */
	ck_assert_int_eq(open("/dev/null", O_WRONLY), STDERR_FILENO);
}
END_TEST

/* Others write to the same file: the offset is shared. */
START_TEST(stderr_file)
{
	make_path(path, "log");
	use_as_stderr(open(path, O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(write(STDERR_FILENO, "before\n", 7), 7);

	struct log *log = open_log(LOG_SINK_STDERR, NULL, 0);

	log_line(log, 0);
	log_flush(log);
	ck_assert_int_eq(write(STDERR_FILENO, "between\n", 8), 8);
	log_line(log, 1);
	log_close(log);
	ck_assert_int_eq(write(STDERR_FILENO, "behind\n", 7), 7);

	char *text = read_whole(path);
	static const char *const wanted[] = {
		"before\n", " line n=0\n", "between\n", " line n=1\n", "behind\n",
	};
	const char *at = text;

	for (size_t i = 0; i < ELEMENTS(wanted); i++) {
		at = strstr(at, wanted[i]);
		ck_assert_ptr_nonnull(at);
		at += strlen(wanted[i]);
	}
	ck_assert_int_eq(*at, '\0');
	free(text);
	remove_folder(path);
}
END_TEST

START_TEST(journal)
{
	int ends[2];
	struct stat status;
	char name[64], text[256];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(fstat(ends[1], &status), 0);
	use_as_stderr(ends[1]);
	snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino + (_i ? 1 : 0));
	setenv("JOURNAL_STREAM", name, 1);

	struct log *log = open_log(LOG_SINK_STDERR, NULL, 0);

	log_message(log, LOG_LEVEL_ERROR, "try", "one");
	log_message(log, LOG_LEVEL_INFO, "try", "two");
	log_close(log);

	ssize_t got = read(ends[0], text, sizeof(text) - 1);

	ck_assert_int_gt(got, 0);
	text[got] = '\0';
	if (_i == 0)
		ck_assert_str_eq(text, "<3>try message=one\n<6>try message=two\n");
	else
		ck_assert_int_ne(text[0], '<'); /* inherited from somebody who had the journal */
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log-sink");
	TCase *tcase = tcase_create("log-sink");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, stderr_stalled, 0, STDERR_KINDS);
	tcase_add_loop_test(tcase, stderr_slow, 0, STDERR_KINDS);
	tcase_add_loop_test(tcase, stderr_reader_gone, 0, STDERR_KINDS);
	tcase_add_loop_test(tcase, stderr_records, SOCK_DGRAM, SOCK_DGRAM + 1);
	tcase_add_loop_test(tcase, stderr_records, SOCK_SEQPACKET, SOCK_SEQPACKET + 1);
	tcase_add_test(tcase, stderr_full_device);
	tcase_add_test(tcase, next_program_tells);
	tcase_add_test(tcase, next_program_goes_on);
	tcase_add_test(tcase, stderr_closed);
	tcase_add_test(tcase, stderr_file);
	tcase_add_loop_test(tcase, journal, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
