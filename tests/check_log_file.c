/* check_log_file.c - a file as the log: what is refused, rotation, a change of
 * the options, a disk that fills up. */
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base.h"
#include "check_log.h"
#include "run.h"

static char path[PATH_MAX];

START_TEST(file_refused)
{
	struct log_options options = {.sink = LOG_SINK_FILE, .path = path, .level = LOG_LEVEL_INFO};
	struct log *log = NULL;
	int wanted = -EINVAL;

	make_path(path, "log");
	switch (_i) {
	case 0:
		ck_assert_int_eq(symlink("target", path), 0);
		wanted = -ELOOP;
		break;
	case 1:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		break;
	case 2:
		options.path = "/dev/null";
		break;
	case 3:
		options.path = "/";
		wanted = -EISDIR;
		break;
	case 4:
		options.path = "/nonexistent/log";
		wanted = -ENOENT;
		break;
	case 5:
		options.path = NULL;
		break;
	}
	ck_assert_int_eq(log_open(&options, 0, &log), wanted);
	ck_assert_ptr_null(log);
	remove_folder(path);
}
END_TEST

START_TEST(fifo_with_reader_refused)
{
	struct log_options options = {.sink = LOG_SINK_FILE, .path = path, .level = LOG_LEVEL_INFO};
	struct log *log;

	make_path(path, "log");
	ck_assert_int_eq(mkfifo(path, 0600), 0);

	int reader = open(path, O_RDONLY | O_NONBLOCK);

	ck_assert_int_eq(log_open(&options, 0, &log), -EINVAL);
	close(reader);
	remove_folder(path);
}
END_TEST

START_TEST(file_mode)
{
	struct stat status;

	umask(0);
	make_path(path, "log");

	struct log *log = open_log(LOG_SINK_FILE, path, 0);

	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0640);
	log_close(log);
	remove_folder(path);
}
END_TEST

START_TEST(rotation)
{
	char old[PATH_MAX + 8];

	make_path(path, "log");
	snprintf(old, sizeof(old), "%s.1", path);

	struct log *log = open_log(LOG_SINK_FILE, path, 0);

	log_line(log, 0);
	log_flush(log);
	ck_assert_int_eq(rename(path, old), 0);
	log_line(log, 1);
	ck_assert_int_eq(log_reopen(log), 0);
	log_line(log, 2);
	log_close(log);

	char *first = read_whole(old), *second = read_whole(path);
	struct tally tally = {0};

	tally_text(&tally, first);
	ck_assert_uint_eq(tally.next, 2);
	tally_text(&tally, second);
	ck_assert_uint_eq(tally.next, 3);
	free(first);
	free(second);
	unlink(old);
	remove_folder(path);
}
END_TEST

START_TEST(failed_change_keeps_the_old)
{
	struct log_options options = {.sink = LOG_SINK_FILE, .path = "/nonexistent/log",
				      .level = LOG_LEVEL_DEBUG,
				      .format = LOG_FORMAT_JSON};
	struct tally tally = {0};

	make_path(path, "log");

	struct log *log = open_log(LOG_SINK_FILE, path, 0);

	log_line(log, 0);
	ck_assert_int_eq(log_reconfigure(log, &options), -ENOENT);
	log_line(log, 1);
	log_message(log, LOG_LEVEL_DEBUG, "odd", "not wanted");
	log_close(log);

	char *text = read_whole(path);

	tally_text(&tally, text);
	ck_assert_uint_eq(tally.next, 2);
	free(text);
	remove_folder(path);
}
END_TEST

START_TEST(change_of_everything)
{
	int ends[2];
	struct log_options options = {.sink = LOG_SINK_FILE, .path = path, .level = LOG_LEVEL_DEBUG,
				      .format = LOG_FORMAT_JSON};

	ck_assert_int_eq(pipe(ends), 0);
	use_as_stderr(ends[1]);
	make_path(path, "log");

	struct log *log = open_log(LOG_SINK_STDERR, NULL, 0);

	log_line(log, 0);
	ck_assert_int_eq(log_reconfigure(log, &options), 0);
	log_message(log, LOG_LEVEL_DEBUG, "try", "new");
	ck_assert(!log_flush(log));

	char *text = read_rest(log, ends[0]);
	struct tally tally = {0};

	tally_text(&tally, text);
	ck_assert_uint_eq(tally.next, 1);
	free(text);
	log_close(log);
	text = read_whole(path);
	ck_assert_ptr_nonnull(strstr(text, "\"level\":\"debug\",\"event\":\"try\",\"message\":\"new\"}\n"));
	free(text);
	remove_folder(path);
}
END_TEST

static bool is_note(const char *text)
{
	size_t length = strcspn(text, "\n");
	const char *note = strstr(text, " dropped count=");

	return note != NULL && note < text + length;
}

static bool is_line(const char *text, unsigned number)
{
	const char *event = strchr(text, ' ');
	char wanted[32];

	snprintf(wanted, sizeof(wanted), " line n=%u", number);
	return event != NULL && strcmp(event, wanted) == 0;
}

/* The disk fills up in the middle of a line, and has room again later; twice. */
START_TEST(file_full)
{
	struct rlimit unlimited, limit;
	struct tally tally = {0};
	unsigned number = 0;

	signal(SIGXFSZ, SIG_IGN);
	make_path(path, "log");

	struct log *log = open_log(LOG_SINK_FILE, path, 16384);

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
	for (rlim_t size = 4000; size <= 8001; size += 4001) {
		limit = (struct rlimit){.rlim_cur = size, .rlim_max = unlimited.rlim_max};
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);

		uint64_t before = log_dropped(log);

		log_lines(log, number, number + 500);
		number += 500;
		ck_assert(!log_flush(log));
		ck_assert_uint_gt(log_dropped(log), before);
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
		log_line(log, number++);
		log_flush(log);
	}
	log_close(log);

	char *text = read_whole(path), *at = text;
	unsigned torn = 0;

	for (char *newline; (newline = strchr(at, '\n')) != NULL; at = newline + 1) {
		*newline = '\0';
		/* A torn line stands alone, and the note behind it counts it. */
		if (is_note(newline + 1) && !is_line(at, tally.next))
			torn++;
		else
			tally_line(&tally, at);
	}
	ck_assert_str_eq(at, "");
	ck_assert_uint_gt(torn, 0);
	ck_assert_uint_eq(tally.gaps, 2);
	ck_assert_uint_eq(tally.next, number);
	free(text);
	remove_folder(path);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log-file");
	TCase *tcase = tcase_create("log-file");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, file_refused, 0, 6);
	tcase_add_test(tcase, fifo_with_reader_refused);
	tcase_add_test(tcase, file_mode);
	tcase_add_test(tcase, rotation);
	tcase_add_test(tcase, failed_change_keeps_the_old);
	tcase_add_test(tcase, change_of_everything);
	tcase_add_test(tcase, file_full);
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
