/* check_ctl_top_screen.c - top on a terminal and in a pipe, with a daemon that says what the test wants. */
#include "ctl_help.h"
#include "patience.h"

#include <poll.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <utmp.h>

#define STATUS                                                                                               \
	"{\"ok\":true,\"daemon\":{\"version\":\"9.8\",\"pid\":7,\"state\":\"serving\",\"uptime_seconds\":"   \
	"60,"                                                                                                \
	"\"generation\":3,\"services\":{\"total\":1,\"serving\":1},\"sessions\":{\"active\":1,\"most\":4},"  \
	"\"accepted\":5},\"problems\":[]}\n"
#define SERVICES                                                                                             \
	"{\"ok\":true,\"services\":[{\"name\":\"gi\\u001b]0;t\",\"state\":\"serving\",\"active\":1,"         \
	"\"instances\":4,\"accepted\":5}]}\n"
#define SESSIONS                                                                                             \
	"{\"ok\":true,\"sessions\":[{\"id\":42,\"service\":\"git\",\"peer\":\"192.0.2.9:1\","                \
	"\"state\":\"running\",\"seconds\":3}]}\n"
#define DENIED "{\"ok\":false,\"code\":\"denied\",\"error\":\"you may look but not touch\"}\n"

static const struct fake_reply replies[] = {
	{ "status", STATUS, 0, false },
	{ "services", SERVICES, 0, false },
	{ "sessions", SESSIONS, 0, false },
	{ "kill 42", DENIED, 0, false },
};

static struct fake fake;

/* ---- a terminal ---- */

struct terminal {
	int fd;
	pid_t pid;
	struct termios before;
	char text[OUTPUT_MAX]; /* all that came */
	size_t length;
};

static struct terminal terminal;

static void start_top(const char *line)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int slave;

	terminal.length = 0;
	ck_assert_int_eq(openpty(&terminal.fd, &slave, NULL, NULL, &size), 0);
	ck_assert_int_eq(tcgetattr(slave, &terminal.before), 0);
	fflush(NULL);
	terminal.pid = fork();
	ck_assert_int_ge(terminal.pid, 0);
	if (terminal.pid == 0) {
		close(terminal.fd);
		if (login_tty(slave) == 0)
			ctl_exec(fake.path, line, "C.UTF-8");
		_exit(127);
	}
	close(slave);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads until `text` came behind `from`. */
static void expect_from(size_t from, const char *text)
{
	long until = now_ms() + PATIENCE_MS;

	for (;;) {
		struct pollfd fd = { .fd = terminal.fd, .events = POLLIN };
		ssize_t n = -1;

		terminal.text[terminal.length] = '\0';
		if (strstr(terminal.text + from, text) != NULL)
			return;
		if (now_ms() < until && poll(&fd, 1, 1000) >= 0)
			n = (fd.revents & POLLIN) ? read(terminal.fd, terminal.text + terminal.length,
							 OUTPUT_MAX - 1 - terminal.length) :
						    0;
		ck_assert_msg(n >= 0 && now_ms() < until && terminal.length + 1 < OUTPUT_MAX,
			      "'%s' did not come, but:\n%s", text, terminal.text + from);
		terminal.length += (size_t)n;
	}
}

/* Presses keys, has the whole screen drawn again (Ctrl-L), and waits for a text on it that has one style, and
 * neither a run of blanks nor of one letter. */
static void press(const char *keys, const char *text)
{
	size_t from = terminal.length;

	ck_assert_int_eq(write(terminal.fd, keys, strlen(keys)), (ssize_t)strlen(keys));
	ck_assert_int_eq(write(terminal.fd, "\f", 1), 1);
	expect_from(from, text);
}

/* It ended with `status`, and the terminal is what it was: its settings, and out of the alternate screen. */
static void expect_end(int status)
{
	struct termios after;

	expect_from(0, "\033[?1049l");
	ck_assert_int_eq(wait_status(terminal.pid), status);
	ck_assert_int_eq(tcgetattr(terminal.fd, &after), 0);
	ck_assert_uint_eq(after.c_lflag, terminal.before.c_lflag);
	ck_assert_uint_eq(after.c_iflag, terminal.before.c_iflag);
	ck_assert_uint_eq(after.c_oflag, terminal.before.c_oflag);
	close(terminal.fd);
}

static void set_up(void)
{
	fake_start(&fake, replies, ELEMENTS(replies));
}

static void tear_down(void)
{
	fake_stop(&fake);
}

/* ---- tests ---- */

START_TEST(a_pipe)
{
	static const char *const expected[] = { "usherd 9.8  serving  up 1m00s  pid 7  generation 3\n",
						" 1/4 ", "gi\\x1b]0;t", "no problems\n" };
	static struct output output;

	ctl_run_line(fake.path, _i == 0 ? "top -d 0.1" : "top --once --interval=0.1", "C", &output);
	ck_assert_msg(output.status == 0, "%d: %s", output.status, output.err);
	for (size_t i = 0; i < ELEMENTS(expected); i++)
		ck_assert_msg(strstr(output.out, expected[i]) != NULL, "no '%s' in\n%s", expected[i],
			      output.out);
	for (const char *at = output.out; *at != '\0'; at++)
		ck_assert_msg((*at >= ' ' && *at < 0x7f) || *at == '\n', "byte %d", *at);
}
END_TEST

START_TEST(a_pipe_and_nobody)
{
	static struct output output;

	ctl_run_line("/tmp/there-is-no-such-socket", "top --once", "C", &output);
	ck_assert_int_eq(output.status, EX_UNAVAILABLE);
	ck_assert_str_eq(output.out, "");
	ck_assert_ptr_nonnull(strstr(output.err, "usherctl: no usherd answers"));
}
END_TEST

START_TEST(keys)
{
	start_top("top -d 0.1");
	expect_from(0, "no problems");
	expect_from(0, "gi\\x1b]0;t");
	press("S", "192.0.2.9:1");
	press("k", "kill session 42 (git, 192.0.2.9:1)?");
	press("y", "");
	/* What the daemon refuses is told. */
	expect_from(0, "may look but not touch");
	press("?", "any key goes back");
	press(" ", "192.0.2.9:1");
	press("\033OA", "192.0.2.9:1");
	ck_assert_ptr_null(strstr(terminal.text, "\033]0;"));
	ck_assert_int_eq(write(terminal.fd, "q", 1), 1);
	expect_end(0);
}
END_TEST

START_TEST(resized)
{
	struct winsize size = { .ws_row = 8, .ws_col = 30 };

	start_top("top -d 0.1");
	expect_from(0, "no problems");
	ck_assert_int_eq(ioctl(terminal.fd, TIOCSWINSZ, &size), 0);
	expect_from(0, "top needs 40x10");
	size.ws_row = 10;
	size.ws_col = 40;
	ck_assert_int_eq(ioctl(terminal.fd, TIOCSWINSZ, &size), 0);
	press("", "usherd 9.8");
	ck_assert_int_eq(write(terminal.fd, "q", 1), 1);
	expect_end(0);
}
END_TEST

START_TEST(signalled)
{
	static const struct {
		int signal, status;
	} rows[] = { { SIGTERM, 128 + SIGTERM }, { SIGINT, 0 }, { SIGHUP, 128 + SIGHUP } };

	start_top("top -d 0.1");
	expect_from(0, "no problems");
	kill(terminal.pid, rows[_i].signal);
	expect_end(rows[_i].status);
}
END_TEST

/* Away, and there again. */
START_TEST(away)
{
	const struct fake old = fake;
	size_t from;

	start_top("top -d 0.1");
	expect_from(0, "no problems");
	/* As one that is stopped: its socket stays and refuses. */
	kill(fake.pid, SIGKILL);
	waitpid(fake.pid, NULL, 0);
	expect_from(0, "no answer");
	press("", "no usherd answers");
	press("?", "any key goes back");
	press(" ", "no usherd answers");
	from = terminal.length;
	ck_assert_int_eq(unlink(fake.path), 0);
	fake_start(&fake, replies, ELEMENTS(replies));
	ck_assert_int_eq(symlink(fake.path, old.path), 0);
	expect_from(from, "serving");
	press("", "no problems");
	ck_assert_int_eq(write(terminal.fd, "q", 1), 1);
	expect_end(0);
	unlink(old.path);
	rmdir(old.directory);
}
END_TEST

/* It takes the request and says nothing: keys work all the same. */
START_TEST(slow)
{
	static const struct fake_reply silence[] = { { NULL, "", 0, true } };

	fake_stop(&fake);
	fake_start(&fake, silence, ELEMENTS(silence));
	start_top("top");
	expect_from(0, "asking");
	press("?", "any key goes back");
	press(" ", "asking");
	ck_assert_int_eq(write(terminal.fd, "q", 1), 1);
	expect_end(0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ctl-top-screen");
	TCase *test = tcase_create("terminal");

	tcase_set_timeout(test, 120);
	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_add_loop_test(test, a_pipe, 0, 2);
	tcase_add_test(test, a_pipe_and_nobody);
	tcase_add_test(test, keys);
	tcase_add_test(test, resized);
	tcase_add_loop_test(test, signalled, 0, 3);
	tcase_add_test(test, away);
	tcase_add_test(test, slow);
	suite_add_tcase(suite, test);
	return suite;
}

RUN_SUITE(make_suite)
