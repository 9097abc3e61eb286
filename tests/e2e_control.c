/* e2e_control.c - the control socket of a real daemon: who may ask, and that nobody who means no good costs
 * the neighbours, the daemon's memory or its time anything. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVICE "[echo]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n"
#define NOBODY  65534
#define GROUP   54321

static int ask_control(const struct daemon *daemon)
{
	return unix_connect(daemon_control(daemon), SOCK_STREAM);
}

/* What the daemon says, to the end or to the first line feed. */
static char *read_reply(int fd)
{
	char *piece = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(piece != NULL, "neither a reply nor an end in time");
	return piece;
}

static void expect_code(int fd, const char *code)
{
	char *reply = read_reply(fd);
	char begin[64];

	snprintf(begin, sizeof(begin), "^\\{\"ok\":false,\"code\":\"%s\"", code);
	ck_assert_match(reply, begin);
	free(reply);
}

static void expect_ok(struct daemon *daemon, const char *request)
{
	char *reply = daemon_ask(daemon, request);

	ck_assert_match(reply, "^\\{\"ok\":true");
	free(reply);
}

/* The daemon has closed, with an end or with a reset because it did not read everything. */
static void expect_closed(int fd)
{
	char *rest = read_all(fd, NULL);

	free(rest);
}

START_TEST(answers)
{
	struct daemon *daemon = daemon_start(SERVICE);
	char *reply = daemon_ask(daemon, "status");
	char expected[64];

	ck_assert_match(reply, "^\\{\"ok\":true,\"daemon\":\\{");
	snprintf(expected, sizeof(expected), "\"pid\":%d[,}]", daemon->pid);
	ck_assert_match(reply, expected);
	free(reply);
	reply = daemon_ask(daemon, "services echo");
	ck_assert_match(reply, "\"name\":\"echo\"");
	free(reply);
	reply = daemon_ask(daemon, "show nothing");
	ck_assert_match(reply, "^\\{\"ok\":false,\"code\":\"unknown\"");
	free(reply);
	ask_many(1, NULL, "hello", 3, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
	ck_assert_int_ne(access(daemon_control(daemon), F_OK), 0);
}
END_TEST

/* Asks as another; exits with the first letter of the code, 'k' for ok, or 'x' for not even connected. */
static int ask_as(const struct daemon *daemon, gid_t gid, gid_t supplementary, const char *request)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		char reply[4096] = "", *code;
		ssize_t got;

		if (setgroups(1, &supplementary) < 0 || setgid(gid) < 0 || setuid(NOBODY) < 0)
			_exit('!');
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon_control(daemon));
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit('x');
		(void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
		got = recv(fd, reply, sizeof(reply) - 1, 0);
		code = got > 0 ? strstr(reply, "\"code\":\"") : NULL;
		_exit(code != NULL ? code[8] : strncmp(reply, "{\"ok\":true", 10) == 0 ? 'k' : '?');
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(rights)
{
	struct daemon *daemon;

	SKIP_IF(getuid() != 0, "only root can be somebody else");
	daemon = daemon_start("[usherd]\ncontrol_group = 54321\n" SERVICE);
	ck_assert_int_eq(ask_as(daemon, NOBODY, 7, "status\n"), 'x');
	ck_assert_int_eq(ask_as(daemon, GROUP, 7, "status\n"), 'k');
	ck_assert_int_eq(ask_as(daemon, NOBODY, GROUP, "status\n"), 'k');
	ck_assert_int_eq(ask_as(daemon, NOBODY, GROUP, "stop\n"), 'd');
	ck_assert_int_eq(ask_as(daemon, NOBODY, GROUP, "loglevel\n"), 'k');
	ck_assert_int_eq(ask_as(daemon, NOBODY, GROUP, "loglevel debug\n"), 'd');
	/* one who gets past the file is known all the same */
	ck_assert_int_eq(chmod(daemon_control(daemon), 0666), 0);
	ck_assert_int_eq(ask_as(daemon, NOBODY, 7, "status\n"), 'd');
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- enemies ---- */

/* 10 MB in a line: told and closed long before all of it was taken. */
static void endless_line(struct daemon *daemon)
{
	enum { PIECE = 1 << 20 };
	char *piece = memset(malloc(PIECE), 'x', PIECE);
	int fd = ask_control(daemon);
	ssize_t sent = PIECE;

	for (int i = 0; i < 10 && sent > 0; i++)
		sent = send(fd, piece, PIECE, MSG_NOSIGNAL);
	ck_assert_msg(sent < PIECE, "all of it was taken");
	free(piece);
	/* the reply came before the reset */
	expect_code(fd, "usage");
	close(fd);
}

static void half_command(struct daemon *daemon)
{
	int fd = ask_control(daemon);

	send_text(fd, "stat");
	expect_closed(fd);
}

static void zeros(struct daemon *daemon)
{
	int fd = ask_control(daemon);

	ck_assert_int_eq(send(fd, "\0\0\0\n", 4, MSG_NOSIGNAL), 4);
	expect_code(fd, "usage");
	ck_assert_int_eq(send(fd, "status\0\n", 8, MSG_NOSIGNAL), 8);
	expect_code(fd, "usage");
	close(fd);
}

static void leaves_at_once(struct daemon *daemon)
{
	for (int i = 0; i < 100; i++) {
		int fd = ask_control(daemon);

		if (i % 2 == 0)
			send_text(fd, "services\nsessions\nstatus\n");
		close(fd);
	}
}

static void never_reads(struct daemon *daemon)
{
	int fd = ask_control(daemon);
	char line[] = "status\n";

	/* until nothing more fits: then the daemon has stopped reading, too */
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 100000 && send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL) > 0; i++)
		;
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	WAIT_UNTIL(send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN);
	close(fd);
}

static const struct enemy {
	const char *name;
	void (*act)(struct daemon *daemon);
} enemies[] = {
	{ "endless line", endless_line },     { "half command", half_command }, { "zeros", zeros },
	{ "leaves at once", leaves_at_once }, { "never reads", never_reads },
};

/* A neighbour is served all the while, and afterwards everything is as it was. */
START_TEST(enemy)
{
	struct daemon *daemon = daemon_start(SERVICE);
	pid_t neighbour;
	int status;

	expect_ok(daemon, "status");
	neighbour = fork();
	if (neighbour == 0) {
		enemies[_i].act(daemon);
		_exit(0);
	}
	do {
		ask_many(1, NULL, "hello", 1, 0);
	} while (waitpid(neighbour, &status, WNOHANG) == 0);
	ck_assert_msg(status == 0, "%s: status %x", enemies[_i].name, (unsigned)status);
	expect_ok(daemon, "status");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* As many as the queue takes and more, which say nothing and stay: the neighbour is served at once, and who
 * asks in earnest is answered when those before him have had their time. */
START_TEST(idle_clients)
{
	enum { CLIENTS = 1000 };
	struct daemon *daemon = daemon_start(SERVICE);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	unsigned connected = 0;
	int *fds = calloc(CLIENTS, sizeof(int));
	long memory;

	ask_many(1, NULL, "hello", 20, 0);
	expect_ok(daemon, "status");
	memory = daemon_status(daemon, "VmRSS:");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon_control(daemon));
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ck_assert_int_ge(fds[i], 0);
		if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) == 0)
			connected++;
		else
			ck_assert_int_eq(errno, EAGAIN); /* the queue is full */
	}
	ck_assert_uint_gt(connected, 8);
	ask_many(1, NULL, "hello", 20, 0);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	free(fds);
	expect_ok(daemon, "status");
	ask_many(1, NULL, "hello", 20, 0);
	daemon_oracle(daemon);
	if (!HARNESS_SANITIZED)
		ck_assert_int_le(daemon_status(daemon, "VmRSS:"), memory + 256);
	daemon_stop(daemon);
}
END_TEST

/* A daemon that was killed leaves its socket; the next one takes it over and says so. */
START_TEST(killed)
{
	struct daemon *daemon = daemon_start(SERVICE);

	kill(daemon->pid, SIGKILL);
	daemon_wait_exit(daemon);
	ck_assert_int_eq(access(daemon_control(daemon), F_OK), 0);
	daemon = daemon_start(SERVICE);
	expect_ok(daemon, "status");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Where `control = auto` puts it for who is not root. */
static const struct {
	const char *variable, *other, *file;
} places[] = {
	{ "RUNTIME_DIRECTORY=$DIR/run", "XDG_RUNTIME_DIR=/nonexistent", "run/control" },
	{ "RUNTIME_DIRECTORY=run", "XDG_RUNTIME_DIR=$DIR/run", "run/usherd.control" },
	{ "RUNTIME_DIRECTORY=$DIR/run:/tmp", "XDG_RUNTIME_DIR=$DIR/run", "run/usherd.control" },
};

static void become_nobody(void *context)
{
	(void)context;
	if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
		_exit(1);
}

START_TEST(automatic_place)
{
	char clean[] = "PATH=/usr/bin:/bin";
	char *environment[] = { test_expand(places[_i].variable), test_expand(places[_i].other), clean, NULL };

	SKIP_IF(getuid() != 0, "only root can become somebody else");
	ck_assert_int_eq(mkdir(test_path("run"), 0755), 0);
	ck_assert_int_eq(chown(test_path("run"), NOBODY, NOBODY), 0);
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .config = "[usherd]\ncontrol = auto\n" SERVICE,
								     .prepare = become_nobody,
								     .environment = environment });
	char *reply = control_ask(test_path(places[_i].file), "status");

	ck_assert_ptr_nonnull(strstr(reply, "\"ok\":true"));
	free(reply);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("e2e_control");
	TCase *control = harness_case(suite, "control", 120);

	tcase_add_test(control, answers);
	tcase_add_test(control, rights);
	tcase_add_loop_test(control, enemy, 0, sizeof(enemies) / sizeof(enemies[0]));
	tcase_add_test(control, idle_clients);
	tcase_add_test(control, killed);
	tcase_add_loop_test(control, automatic_place, 0, sizeof(places) / sizeof(places[0]));
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
