/* check_log_syslog.c - syslog as the log: the form of a message, a receiver that
 * does not read, that is absent, that is restarted. */
#include "log.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base.h"
#include "check_log.h"
#include "run.h"

static char path[PATH_MAX];

static int listen_syslog(int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

/* Receives a message; the log is flushed until there is one. */
static void receive(struct log *log, int fd, char *message, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	for (int waited = 0; log_flush(log), poll(&ready, 1, 10) == 0; waited += 10)
		ck_assert_int_lt(waited, PATIENCE_MS);

	ssize_t got = recv(fd, message, size - 1, 0);

	ck_assert_int_gt(got, 0);
	message[got] = '\0';
}

START_TEST(syslog_message)
{
	char message[512], host[64];
	unsigned day, hour, minute, second;
	int pid, end = 0;

	make_path(path, "log");

	int fd = listen_syslog(SOCK_DGRAM);
	struct log *log = open_log(LOG_SINK_SYSLOG, path, 0);

	log_message(log, LOG_LEVEL_WARNING, "try", "a\nb");
	receive(log, fd, message, sizeof(message));
	ck_assert_msg(sscanf(message, "<28>%3s %2u %2u:%2u:%2u usherd[%d]: %n", host, &day, &hour,
			     &minute, &second,
			     &pid, &end) == 6, "%s", message);
	ck_assert_int_eq(pid, getpid());
	ck_assert_str_eq(message + end, "try message=\"a\\x0ab\"");

	/* A daemon that went to the background has another pid. */
	pid_t child = fork();

	if (child == 0) {
		log_message(log, LOG_LEVEL_WARNING, "try", "c");
		_exit(log_flush(log));
	}

	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	receive(log, fd, message, sizeof(message));
	ck_assert_int_eq(sscanf(strchr(message, '['), "[%d]", &pid), 1);
	ck_assert_int_eq(pid, child);
	log_close(log);
	close(fd);
	remove_folder(path);
}
END_TEST

START_TEST(syslog_stalled)
{
	struct tally tally = {0};
	char message[512];

	make_path(path, "log");

	int fd = listen_syslog(SOCK_DGRAM);
	struct log *log = open_log(LOG_SINK_SYSLOG, path, 16384);

	log_lines(log, 0, LINES);
	ck_assert(log_flush(log));
	while (tally.next < LINES) {
		receive(log, fd, message, sizeof(message));
		tally_line(&tally, message);
	}
	ck_assert(!log_flush(log));
	ck_assert_uint_gt(tally.missing, 0);
	ck_assert_uint_eq(tally.missing, log_dropped(log));
	log_close(log);
	close(fd);
	remove_folder(path);
}
END_TEST

/* Nobody there at the start; then a receiver; it goes; another comes. Nothing is lost. */
START_TEST(syslog_restart)
{
	struct tally tally = {0};
	char message[512];
	unsigned number = 0;

	make_path(path, "log");

	struct log *log = open_log(LOG_SINK_SYSLOG, path, 0);

	for (int round = 0; round < 3; round++) {
		log_line(log, number++);
		log_line(log, number++);
		ck_assert(log_flush(log));

		int fd = listen_syslog(SOCK_DGRAM);

		while (tally.next < number) {
			receive(log, fd, message, sizeof(message));
			tally_line(&tally, message);
		}
		log_line(log, number++);
		ck_assert(!log_flush(log));
		receive(log, fd, message, sizeof(message));
		tally_line(&tally, message);
		close(fd);
		unlink(path);
	}
	ck_assert_uint_eq(log_dropped(log), 0);
	log_close(log);
	remove_folder(path);
}
END_TEST

START_TEST(syslog_stream)
{
	struct tally tally = {0};

	make_path(path, "log");

	int listener = listen_syslog(SOCK_STREAM);
	struct log *log = open_log(LOG_SINK_SYSLOG, path, 16384);
	int fd = accept(listener, NULL, NULL);

	ck_assert_int_ge(fd, 0);
	log_lines(log, 0, LINES);
	ck_assert(log_flush(log));
	ck_assert_uint_gt(log_dropped(log), 0);

	/* The receiver ends with lines unread; what it took is lost with it, the rest is not. */
	close(fd);
	for (int waited = 0; log_flush(log); waited++) {
		struct pollfd ready = {.fd = listener, .events = POLLIN};

		ck_assert_int_lt(waited, PATIENCE_MS / 10);
		if (poll(&ready, 1, 10) > 0)
			break;
	}
	fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(fd, 0);

	char *text = read_rest(log, fd);
	unsigned first;

	/* Begins with a whole line. */
	ck_assert_int_eq(text[0], '<');
	ck_assert_int_eq(sscanf(strstr(text, "n="), "n=%u", &first), 1);
	tally.next = first;
	tally_text(&tally, text);
	ck_assert_uint_le(tally.missing, log_dropped(log));
	ck_assert_uint_eq(tally.next, LINES);
	free(text);
	log_close(log);
	close(fd);
	close(listener);
	remove_folder(path);
}
END_TEST

START_TEST(syslog_path_too_long)
{
	char name[200];
	struct log_options options = {.sink = LOG_SINK_SYSLOG, .path = name, .level = LOG_LEVEL_INFO};
	struct log *log;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(log_open(&options, 0, &log), -ENAMETOOLONG);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log-syslog");
	TCase *tcase = tcase_create("log-syslog");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, syslog_message);
	tcase_add_test(tcase, syslog_stalled);
	tcase_add_test(tcase, syslog_restart);
	tcase_add_test(tcase, syslog_stream);
	tcase_add_test(tcase, syslog_path_too_long);
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
