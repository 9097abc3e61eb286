/* e2e_unix.c - Unix sockets: mode and owner, what is replaced and what is never
 * touched (F50), and the file that is left, or not. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define U "[u]\nlisten = unix:$DIR/socket\nexec = $PROBE say u\n"
#define A "[a]\nlisten = 127.0.0.1:$1\nexec = $PROBE say a\n"

static void expect_reply(const char *path, int type, const char *expected)
{
	int fd = unix_connect(path, type);
	char *reply = read_all(fd, NULL);

	ck_assert_str_eq(reply, expected);
	free(reply);
	close(fd);
}

static int bound_socket(int type, bool listening)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", test_path("socket"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (listening)
		ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

static const char *refused(void)
{
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .config = A U, .no_wait = true });

	ck_assert_int_eq(daemon_wait_exit(daemon), 1);
	const char *log = daemon_read_log(daemon);

	ck_assert_match(log, "/socket");
	ck_assert_match(log, "service=u|u\\.listen: ");
	return log;
}

/* Never wider than what is asked for; the file goes when the daemon does. */
START_TEST(mode)
{
	static const struct {
		const char *keys;
		mode_t expected;
	} modes[] = { { "", 0 },
		      { "socket_mode = 0600\n", 0600 },
		      { "socket_mode = 0666\n", 0666 },
		      { "socket_mode = 0660\n", 0660 } };
	struct stat status;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char config[512];

		snprintf(config, sizeof(config), U "%s", modes[i].keys);
		struct daemon *daemon = daemon_start(config);

		ck_assert_int_eq(stat(test_path("socket"), &status), 0);
		ck_assert(S_ISSOCK(status.st_mode));
		if (modes[i].expected != 0)
			ck_assert_uint_eq(status.st_mode & 0777, modes[i].expected);
		else
			ck_assert_uint_eq(status.st_mode & 0002, 0);
		expect_reply(test_path("socket"), SOCK_STREAM, "u");
		daemon_stop(daemon);
		ck_assert_int_lt(access(test_path("socket"), F_OK), 0);
	}
}
END_TEST

START_TEST(owner)
{
	SKIP_IF(getuid() != 0, "needs to be started as root");
	struct daemon *daemon = daemon_start(U "socket_user = nobody\nsocket_group = daemon\n");
	struct stat status;

	ck_assert_int_eq(stat(test_path("socket"), &status), 0);
	ck_assert_uint_eq(status.st_uid, 65534);
	ck_assert_uint_eq(status.st_gid, 1);
	daemon_stop(daemon);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
	close(bound_socket(_i == 0 ? SOCK_STREAM : SOCK_DGRAM, _i == 0));
	struct daemon *daemon = daemon_start(U);

	expect_reply(test_path("socket"), SOCK_STREAM, "u");
	daemon_stop(daemon);
}
END_TEST

START_TEST(own_stale_socket)
{
	struct daemon *daemon = daemon_start(U);

	daemon_signal(daemon, SIGKILL);
	daemon_wait_exit(daemon);
	ck_assert_int_eq(access(test_path("socket"), F_OK), 0);
	daemon = daemon_start(U);
	expect_reply(test_path("socket"), SOCK_STREAM, "u");
	daemon_stop(daemon);
}
END_TEST

/* Somebody answers there: listening, a full backlog, another type. */
static const struct {
	int type;
	bool full;
} live[] = {
	{ SOCK_STREAM, false }, { SOCK_STREAM, true }, { SOCK_SEQPACKET, false }, { SOCK_DGRAM, false }
};

START_TEST(live_socket_is_left_alone)
{
	struct stat before, after;
	int fd = bound_socket(live[_i].type, live[_i].type != SOCK_DGRAM);

	for (int i = 0; live[_i].full && i < 20; i++) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", test_path("socket"));
		if (connect(client, (struct sockaddr *)&address, sizeof(address)) < 0)
			break;
	}
	stat(test_path("socket"), &before);
	ck_assert_match(refused(), "in use|answers|listen");
	ck_assert_int_eq(stat(test_path("socket"), &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	close(fd);
}
END_TEST

static void make_file(void)
{
	test_write("socket", 0644, "precious", false);
}

static void make_directory(void)
{
	mkdir(test_path("socket"), 0755);
}

static void make_link(void)
{
	test_write("victim", 0644, "precious", false);
	ck_assert_int_eq(symlink(test_path("victim"), test_path("socket")), 0);
}

static void make_fifo(void)
{
	ck_assert_int_eq(mkfifo(test_path("socket"), 0644), 0);
}

static void (*const obstacles[])(void) = { make_file, make_directory, make_link, make_fifo };

START_TEST(obstacle_is_left_alone)
{
	struct stat before, after;

	obstacles[_i]();
	lstat(test_path("socket"), &before);
	refused();
	ck_assert_int_eq(lstat(test_path("socket"), &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_uint_eq(before.st_mode, after.st_mode);
	if (_i == 0)
		ck_assert_str_eq(test_read(test_path("socket")), "precious");
}
END_TEST

/* What took our place while we ran is not ours to remove. */
START_TEST(foreign_file_survives_our_end)
{
	struct daemon *daemon = daemon_start(U);

	unlink(test_path("socket"));
	make_file();
	daemon_stop(daemon);
	ck_assert_str_eq(test_read(test_path("socket")), "precious");
}
END_TEST

START_TEST(second_daemon_is_refused)
{
	struct daemon *daemon = daemon_start("[usherd]\ncontrol = none\n" U);
	char *config = test_expand(U);

	refused();
	expect_reply(test_path("socket"), SOCK_STREAM, "u");
	free(config);
	daemon_stop(daemon);
}
END_TEST

START_TEST(datagrams)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };

	struct daemon *daemon = daemon_start("[u]\nlisten = unix-dgram:$DIR/socket\nsocket_mode = 0666\n"
					     "exec = $PROBE input\n");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(own.sun_path, sizeof(own.sun_path), "%s", test_path("client"));
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", test_path("socket"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	/* The reply is sent with the rights of the service, nobody's. */
	ck_assert_int_eq(chmod(own.sun_path, 0666), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	send_text(fd, "four");
	char *reply = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(reply != NULL && strcmp(reply, "input bytes=4 reads=1 end=eof text=four") == 0,
		      "got \"%s\"; log:\n%s", reply, daemon_log_tail(daemon));
	close(fd);
	/* A sender without a name cannot be answered, which hurts nobody. */
	fd = unix_connect(test_path("socket"), SOCK_DGRAM);
	send_text(fd, "five!");
	daemon_wait_log(daemon, " end service=u session=2 ");
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("unix");
	TCase *unix_case = harness_case(suite, "unix", 60);

	tcase_add_test(unix_case, mode);
	tcase_add_test(unix_case, owner);
	tcase_add_loop_test(unix_case, stale_socket_is_replaced, 0, 2);
	tcase_add_test(unix_case, own_stale_socket);
	tcase_add_loop_test(unix_case, live_socket_is_left_alone, 0, 4);
	tcase_add_loop_test(unix_case, obstacle_is_left_alone, 0, 4);
	tcase_add_test(unix_case, foreign_file_survives_our_end);
	tcase_add_test(unix_case, second_daemon_is_refused);
	tcase_add_test(unix_case, datagrams);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
