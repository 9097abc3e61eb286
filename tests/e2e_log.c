/* e2e_log.c - where the log goes, what stands in it, and that it never stops
 * the daemon; standard error of services (F09, F10, F38). */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define HELLO "[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n"

/* Reads the log through a pipe until it has this many lines that match. */
static char *drain(int fd, const char *expression, int timeout_ms)
{
	uint64_t end = now_ms() + (uint64_t)timeout_ms;
	size_t length = 0, room = 1 << 22;
	char *text = calloc(1, room);

	while (now_ms() < end && length < room - 1) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, 50) == 1) {
			ssize_t got = read(fd, text + length, room - 1 - length);

			if (got <= 0)
				break;
			length += (size_t)got;
		} else if (has_match(text, expression)) {
			break;
		}
	}
	return text;
}

static void expect_port(unsigned number)
{
	int fd;

	WAIT_UNTIL((fd = tcp_try("127.0.0.1", test_port(number))) >= 0);
	close(fd);
}

/* So many clients, of which fifty come together; each is served. */
static void ask_crowds(unsigned number, unsigned count)
{
	enum { CROWD = 50 };
	int clients[CROWD];

	for (unsigned i = 0; i < count; i += CROWD) {
		for (unsigned k = 0; k < CROWD; k++)
			clients[k] = tcp_connect(number);
		for (unsigned k = 0; k < CROWD; k++) {
			char *reply = read_clean(clients[k], NULL);

			ck_assert_str_eq(reply, "hello");
			free(reply);
			close(clients[k]);
		}
	}
}

/* ---- sinks that are in trouble ---- */

/* Nobody reads the pipe: all are served; later the loss is told (F10). */
START_TEST(stalled_pipe)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = HELLO, .error_fd = ends[1], .no_wait = true });

	close(ends[1]);
	expect_port(1);
	ask_crowds(1, 2000);
	/* 2,001 sessions are more lines than pipe and buffer hold together. */
	char *text = drain(ends[0], "dropped .*count=[0-9]", PATIENCE_MS);

	ck_assert_match(text, "dropped .*count=[0-9]+");
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		ck_assert_msg(has_match(line, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[^ ]* [a-z-]+( |$)"),
			      "torn line: %s", line);
	ask_many(1, NULL, "hello", 5, 0);
	text = drain(ends[0], " end service=hello ", PATIENCE_MS);
	ck_assert_match(text, " end service=hello ");
	daemon_stop(daemon);
}
END_TEST

/* The reader is gone: EPIPE and SIGPIPE end nothing. */
START_TEST(closed_pipe)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = HELLO, .error_fd = ends[1], .no_wait = true });

	close(ends[1]);
	expect_port(1);
	close(ends[0]);
	ask_many(1, NULL, "hello", 200, 0);
	daemon_stop(daemon);
}
END_TEST

static void limit_file_size(void *context)
{
	struct rlimit limit = { 20000, 20000 };

	(void)context;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* A full device, and a file that may not grow (SIGXFSZ). */
START_TEST(full_sink)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	SKIP_IF(full < 0, "no /dev/full here");
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = HELLO,
						     .error_fd = _i == 0 ? full : 0,
						     .prepare = _i == 0 ? NULL : limit_file_size,
						     .no_wait = true });
	expect_port(1);
	ask_many(1, NULL, "hello", 300, 0);
	ck_assert_uint_lt(daemon_cpu_ms(daemon), 5000);
	daemon_stop(daemon);
}
END_TEST

/* ---- forms ---- */

START_TEST(log_to_file)
{
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = "[usherd]\nlog = file:$DIR/the.log\n" HELLO, .no_wait = true });

	expect_port(1);
	ask_many(1, NULL, "hello", 3, 0);
	WAIT_UNTIL(has_match(test_read(test_path("the.log")), " end service=hello session=4 "));
	struct stat status;

	ck_assert_int_eq(stat(test_path("the.log"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 0022, 0);
	/* Moved away, then opened anew. */
	rename(test_path("the.log"), test_path("old.log"));
	daemon_signal(daemon, SIGUSR1);
	WAIT_UNTIL(access(test_path("the.log"), F_OK) == 0);
	ask_many(1, NULL, "hello", 1, 0);
	WAIT_UNTIL(has_match(test_read(test_path("the.log")), " end service=hello "));
	daemon_stop(daemon);
}
END_TEST

/* Started by a link that somebody put there: not followed (CVE-2008-1684). */
START_TEST(log_file_is_a_link)
{
	test_write("victim", 0644, "precious", false);
	ck_assert_int_eq(symlink(test_path("victim"), test_path("the.log")), 0);
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = "[usherd]\nlog = file:$DIR/the.log\n" HELLO, .no_wait = true });

	ck_assert_int_ne(daemon_wait_exit(daemon), 0);
	ck_assert_str_eq(test_read(test_path("victim")), "precious");
}
END_TEST

/* Each line is one JSON object, whatever the bytes; python checks it. */
START_TEST(json)
{
	const char *python = harness_find("python3");
	const char *words[] = {
		python, "-c",
		"import json,sys\n"
		"events=[json.loads(line) for line in open(sys.argv[1], encoding='utf-8')]\n"
		"names=[e['event'] for e in events]\n"
		"assert 'ready' in names and 'start' in names and 'end' in names, names\n"
		"assert any(e['event']=='stderr' and 'x' not in e for e in events), names\n"
		"end=[e for e in events if e['event']=='end'][0]\n"
		"assert end['service']=='dirt' and end['session']==1 and end['status']==0, end\n"
		"assert isinstance(end['seconds'], float), end\n",
		"$DIR/log.1", NULL
	};
	char *output;

	SKIP_IF(python == NULL, "python3 is not installed");
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = "[usherd]\nlog_format = json\n[dirt]\nlisten = 127.0.0.1:$1\nexec = $PROBE dirt\n",
		.no_wait = true });

	daemon_wait_log(daemon, "\"event\": ?\"ready\"");
	ask_many(1, NULL, "done\n", 2, 0);
	daemon_wait_log(daemon, "\"event\": ?\"end\"");
	daemon_wait_log(daemon, "\"event\": ?\"end\"");
	daemon_stop(daemon);
	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", output, daemon_read_log(daemon));
}
END_TEST

START_TEST(level)
{
	struct daemon *daemon = daemon_launch(
		&(struct daemon_spec){ .config = "[usherd]\nlog_level = warning\n" HELLO, .no_wait = true });

	expect_port(1);
	ask_many(1, NULL, "hello", 5, 0);
	daemon_stop(daemon);
	ck_assert_str_eq(daemon_read_log(daemon), "");
}
END_TEST

/* A /dev of our own, so that no test is the syslog of the machine. */
static bool make_dev(void)
{
	static const struct {
		const char *name;
		unsigned minor;
	} devices[] = { { "dev/null", 3 }, { "dev/zero", 5 }, { "dev/full", 7 }, { "dev/urandom", 9 } };

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(test_path("dev"), 0755) < 0 ||
	    mount("tmpfs", test_path("dev"), "tmpfs", 0, "mode=0755") < 0)
		return false;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (mknod(test_path(devices[i].name), S_IFCHR | 0666, makedev(1, devices[i].minor)) < 0)
			return false;
	return mount(test_path("dev"), "/dev", NULL, MS_MOVE, NULL) == 0;
}

/* The receiver of syslog stands still: not one client notices (F10). */
START_TEST(stalled_syslog)
{
	SKIP_IF(getuid() != 0, "needs to be started as root");
	SKIP_IF(!make_dev(), "no /dev of our own can be made");
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(receiver, (struct sockaddr *)&address, sizeof(address)), 0);
	struct daemon *daemon = daemon_launch(
		&(struct daemon_spec){ .config = "[usherd]\nlog = syslog\n" HELLO, .no_wait = true });

	expect_port(1);
	ask_crowds(1, 2000);
	char *text = read_piece(receiver, PATIENCE_MS, NULL);

	ck_assert_match(text, "^<[0-9]+>.*usherd.*ready");
	/* When it reads again it is told what it missed. */
	uint64_t end = now_ms() + PATIENCE_MS;

	while (!has_match(text, "dropped .*count=[0-9]")) {
		ck_assert_msg(now_ms() < end, "nothing about dropped lines");
		free(text);
		text = read_piece(receiver, 2000, NULL);
		ck_assert_msg(text != NULL, "nothing about dropped lines");
	}
	daemon_stop(daemon);
}
END_TEST

/* ---- standard error of services ---- */

START_TEST(lines_are_tagged)
{
	struct daemon *daemon = daemon_start("[noise]\nlisten = 127.0.0.1:$1\n"
					     "exec = $PROBE stderr 10 'he said \"no\"'\n");

	ask_many(1, NULL, "done\n", 1, 0);
	const char *line = daemon_wait_log(daemon, " stderr service=noise ");
	char text[256];

	snprintf(text, sizeof(text), "%s", line_text(line, "text"));
	ck_assert_str_eq(text, "he said \"no\"");
	long pid = line_number(line, "pid");

	daemon->mark = 0;
	ck_assert_int_eq(line_number(daemon_wait_log(daemon, " start service=noise "), "pid"), pid);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* No byte of a service reaches the log as it is (F38). */
START_TEST(bytes_are_escaped)
{
	struct daemon *daemon = daemon_start("[dirt]\nlisten = 127.0.0.1:$1\nexec = $PROBE dirt\n");

	ask_many(1, NULL, "done\n", 1, 0);
	daemon_wait_log(daemon, " end service=dirt ");
	for (const char *c = daemon_read_log(daemon); *c != '\0'; c++)
		ck_assert_msg(*c == '\n' || (*c >= ' ' && *c <= '~'), "byte %#x is in the log",
			      (unsigned char)*c);
	ck_assert_uint_eq(daemon_count_log(daemon, " stderr service=dirt .*\\\\x1b"), 1);
	/* NUL is a byte like any other: what follows it is there too. */
	ck_assert_uint_eq(daemon_count_log(daemon, " stderr service=dirt .*ABCDEF.*\\\\xff"), 1);
	daemon_stop(daemon);
}
END_TEST

/* A last line without its end, and a line without any end, are not lost. */
START_TEST(unfinished_lines)
{
	struct daemon *daemon =
		daemon_start("[a]\nlisten = 127.0.0.1:$1\n"
			     "exec = /bin/sh -c 'printf half >&2'\n"
			     "[b]\nlisten = 127.0.0.1:$2\n"
			     "exec = /bin/sh -c 'head -c 100000 /dev/zero | tr \"\\\\0\" y >&2'\n");

	free(ask(1, NULL));
	daemon_wait_log(daemon, " stderr service=a .*text=\"?half\"?$");
	free(ask(2, NULL));
	daemon_wait_log(daemon, " stderr service=b .*text=\"?yyyy");
	daemon_wait_log(daemon, " end service=b ");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* 50 MB of noise: others are answered at once, memory stays small. */
START_TEST(flood)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = HELLO "[flood]\nlisten = 127.0.0.1:$2\nexec = $PROBE stderr 50000000\n",
		.error_fd = null,
		.no_wait = true });

	expect_port(1);
	WAIT_UNTIL(daemon_children(daemon) == 0);
	long memory = daemon_status(daemon, "VmRSS:");
	int noisy[3];

	for (int i = 0; i < 3; i++)
		noisy[i] = tcp_connect(2);
	unsigned rounds = 0;
	struct pollfd wait = { .fd = noisy[0], .events = POLLIN };

	while (poll(&wait, 1, 0) == 0) {
		ask_many(1, NULL, "hello", 1, 1000);
		rounds++;
	}
	ck_assert_uint_gt(rounds, 0);
	if (!HARNESS_SANITIZED)
		ck_assert_int_lt(daemon_status(daemon, "VmHWM:"), memory + 4096);
	for (int i = 0; i < 3; i++) {
		char *reply = read_all(noisy[i], NULL);

		ck_assert_str_eq(reply, "done\n");
	}
	daemon_stop(daemon);
}
END_TEST

/* A service that is stopped in the middle of its noise holds up nothing, and a
 * child that keeps the pipe open does not keep the session's place. */
START_TEST(pipe_kept_open)
{
	struct daemon *daemon = daemon_start(HELLO "[k]\nlisten = 127.0.0.1:$2\n"
						   "exec = /bin/sh -c 'sleep 1000 <&- >&- & echo started'\n");

	ask_many(2, NULL, "started\n", 3, 0);
	ask_many(1, NULL, "hello", 10, 0);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain ");
	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *trouble = harness_case(suite, "trouble", 120);

	tcase_add_test(trouble, stalled_pipe);
	tcase_add_test(trouble, closed_pipe);
	tcase_add_loop_test(trouble, full_sink, 0, 2);
	tcase_add_test(trouble, stalled_syslog);

	TCase *form = harness_case(suite, "form", 60);

	tcase_add_test(form, log_to_file);
	tcase_add_test(form, log_file_is_a_link);
	tcase_add_test(form, json);
	tcase_add_test(form, level);

	TCase *noise = harness_case(suite, "stderr", 120);

	tcase_add_test(noise, lines_are_tagged);
	tcase_add_test(noise, bytes_are_escaped);
	tcase_add_test(noise, unfinished_lines);
	tcase_add_test(noise, flood);
	tcase_add_test(noise, pipe_kept_open);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
