/* check_services.c - the bundled services as they ship: the built programs are
 * started on pipes, socket pairs and sockets, in each way a super-server may
 * start them. USHERD_SERVICES_DIR names the folder they are in. Datagrams
 * and the relay have files of their own. */
#include "run.h"
#include "services.h"

#include <netinet/in.h>

/* Starts it on one end of a stream socket pair; the other end is returned. */
static struct program start_on_pair(const char *name, int type, int *ret_fd)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);

	struct program program = program_start((const char *[]){ name, NULL }, NULL, pair[0], pair[0]);

	close(pair[0]);
	*ret_fd = pair[1];
	return program;
}

static size_t read_all(int fd, char *buffer, size_t room)
{
	size_t length = 0;

	while (length < room) {
		ssize_t got = read(fd, buffer + length, room - length);

		ck_assert_msg(got >= 0, "read: %s", strerror(errno));
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return length;
}

/* --- streams --- */

START_TEST(test_echo_pipe)
{
	static char sent[50000], got[50001];
	int in[2], out[2];

	fill(sent, sizeof(sent));
	ck_assert_int_eq(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);

	struct program program = program_start(arguments("echo"), NULL, in[0], out[1]);

	close(in[0]);
	close(out[1]);
	ck_assert_int_eq(write(in[1], sent, sizeof(sent)), sizeof(sent));
	close(in[1]);
	ck_assert_uint_eq(read_all(out[0], got, sizeof(got)), sizeof(sent));
	ck_assert_mem_eq(got, sent, sizeof(sent));
	ck_assert_int_eq(program_end(&program), 0);
	close(out[0]);
}
END_TEST

START_TEST(test_echo_half_close)
{
	static char got[100];
	int fd;
	struct program program = start_on_pair("echo", SOCK_STREAM, &fd);

	ck_assert_int_eq(write(fd, "one", 3), 3);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 3);
	ck_assert_int_eq(write(fd, "two", 3), 3);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_uint_eq(read_all(fd, got, sizeof(got)), 3);
	ck_assert_mem_eq(got, "two", 3);
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

START_TEST(test_echo_keeps_records)
{
	char got[100];
	int fd;
	struct program program = start_on_pair("echo", SOCK_SEQPACKET, &fd);

	ck_assert_int_eq(write(fd, "one", 3), 3);
	ck_assert_int_eq(write(fd, "three", 5), 5);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 3);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 5);
	shutdown(fd, SHUT_WR);
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

START_TEST(test_discard)
{
	static char sent[1 << 20], got[1];
	int fd;
	struct program program = start_on_pair("discard", SOCK_STREAM, &fd);

	ck_assert_int_eq(write(fd, sent, sizeof(sent)), sizeof(sent));
	shutdown(fd, SHUT_WR);
	ck_assert_uint_eq(read_all(fd, got, sizeof(got)), 0);
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

static const struct {
	const char *tz, *zone;
} zones[] = { { "TZ=UTC0", "+0000" }, { "TZ=AAA-5:30", "+0530" }, { "TZ=BBB3:15", "-0315" } };

START_TEST(test_daytime)
{
	char text[100];
	int out[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char *env[] = { zones[_i].tz, "LC_ALL=de_DE.UTF-8", NULL };

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);

	struct program program = program_start(arguments("daytime"), env, null, out[1]);

	close(out[1]);
	assert_daytime(text, read_all(out[0], text, sizeof(text)), zones[_i].zone);
	ck_assert_int_eq(program_end(&program), 0);
	close(out[0]);
	close(null);
}
END_TEST

START_TEST(test_time)
{
	char bytes[5];
	int fd;
	struct program program = start_on_pair("time", SOCK_STREAM, &fd);

	assert_time(bytes, read_all(fd, bytes, sizeof(bytes)));
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

START_TEST(test_chargen)
{
	static const char first[] =
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n";
	static char text[500000];
	int fd;
	struct program program = start_on_pair("chargen", SOCK_STREAM, &fd);

	ck_assert_uint_eq(read_all(fd, text, sizeof(text)), sizeof(text));
	ck_assert_mem_eq(text, first, sizeof(first) - 1);
	assert_pattern(text, sizeof(text));
	/* The client goes: an end like any other, not a signal. */
	close(fd);
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_str_eq(program.errors, "");
}
END_TEST

/* --- qotd --- */

static ssize_t ask_qotd(const char *quotes, bool datagram, size_t request, char reply[static ROOM])
{
	static const char zeros[2000];
	char path[] = "/tmp/usherd-check-XXXXXX";
	int file = mkostemp(path, O_CLOEXEC), fd[2];
	ssize_t length;

	ck_assert_int_eq(write(file, quotes, strlen(quotes)), (ssize_t)strlen(quotes));
	close(file);

	const char *argv[] = { "qotd", quotes[0] == '\0' ? NULL : path, NULL };

	if (datagram) {
		length = ask_filter(argv, client_env, zeros, request, false, reply);
	} else {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);

		struct program program = program_start(argv, NULL, fd[0], fd[0]);

		close(fd[0]);
		length = (ssize_t)read_all(fd[1], reply, ROOM);
		ck_assert_int_eq(program_end(&program), 0);
		close(fd[1]);
	}
	unlink(path);
	return length;
}

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X600 X100 X100 X100 X100 X100 X100

static const struct {
	const char *name, *quotes;
	bool datagram;
	size_t request;
	const char *right; /* NULL: `length` of them, ended by CR LF */
	size_t length;
} quotes[] = {
	{ "lines get CR LF", "one\ntwo\n", false, 0, "one\r\ntwo\r\n", 0 },
	{ "CR LF stays", "one\r\ntwo\r\n%\r\n", false, 0, "one\r\ntwo\r\n", 0 },
	{ "empty ones are skipped", "%\n%\n\n%\none\n%\n\n\n", false, 0, "one\r\n", 0 },
	{ "a percent sign is text", "50%\n%%\n", false, 0, "50%\r\n%%\r\n", 0 },
	{ "no last newline", "%\none", false, 0, "one\r\n", 0 },
	{ "too long is passed over", X600 "\n%\none\n", false, 0, "one\r\n", 0 },
	{ "all too long: cut", X600, false, 0, NULL, 511 },
	{ "UTF-8 is cut whole", "a" "äääääääääääääääääääääääääääääääääääää", true, 0, NULL, 63 },
	{ "datagram: short ones only", X100 "\n%\none\n", true, 0, "one\r\n", 0 },
	{ "datagram: cut", X100, true, 10, NULL, 64 },
	{ "datagram: as long as asked", X100, true, 102, X100 "\r\n", 0 },
};

START_TEST(test_qotd)
{
	static char reply[ROOM];
	ssize_t length = ask_qotd(quotes[_i].quotes, quotes[_i].datagram, quotes[_i].request, reply);
	const char *right = quotes[_i].right;

	ck_assert_msg(length >= 2, "%s: %zd bytes", quotes[_i].name, length);
	reply[length] = '\0';
	if (right != NULL)
		ck_assert_msg(strcmp(reply, right) == 0, "%s: %s", quotes[_i].name, reply);
	else
		ck_assert_msg(length == (ssize_t)quotes[_i].length, "%s: %zd bytes", quotes[_i].name, length);
	ck_assert_str_eq(reply + length - 2, "\r\n");
}
END_TEST

/* 60 picks of 2 to 8 quotes are all the same once in 2^59 runs. */
START_TEST(test_qotd_varies)
{
	static char first[ROOM], reply[ROOM];
	const char *file = _i == 0 ? "" : "one\n%\ntwo\n";
	ssize_t first_length = ask_qotd(file, false, 0, first);
	bool varies = false;

	for (int i = 0; i < 60 && !varies; i++) {
		ssize_t length = ask_qotd(file, false, 0, reply);

		ck_assert_msg(length > 2 && length <= 64, "%zd bytes", length);
		varies = length != first_length || memcmp(reply, first, (size_t)length) != 0;
	}
	ck_assert(varies);
}
END_TEST

/* --- used wrongly --- */

START_TEST(test_listener_is_refused)
{
	static const char *const names[] = { "echo", "discard", "daytime", "time", "chargen", "qotd" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (const void *)&in, sizeof(in)) | listen(fd, 1), 0);
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct program program = program_start(arguments(names[i]), NULL, fd, fd);

		ck_assert_int_eq(program_end(&program), 64);
		ck_assert_msg(strstr(program.errors, "wait = no") != NULL, "%s: %s", names[i],
			      program.errors);
	}
	close(fd);
}
END_TEST

static const struct {
	const char *name, *argv[4], *env[6];
	int exit_code;
	const char *says;
} misuses[] = {
	{ "argument", { "echo", "hi" }, { NULL }, 64, "takes no arguments" },
	{ "argument", { "time", "-v" }, { NULL }, 64, "takes no arguments" },
	{ "no sender", { "echo" }, { "PROTO=UDP" }, 64, "UDPREMOTEIP" },
	{ "bad sender",
	  { "echo" },
	  { "PROTO=UDP", "UDPREMOTEIP=somewhere", "UDPREMOTEPORT=4000", "UDPLOCALIP=::1", "UDPLOCALPORT=7" },
	  64,
	  "UDPREMOTEIP" },
	{ "bad port",
	  { "echo" },
	  { "PROTO=UDP", "UDPREMOTEIP=::1", "UDPREMOTEPORT=65536", "UDPLOCALIP=::1", "UDPLOCALPORT=7" },
	  64,
	  "UDPREMOTEIP" },
	{ "too many files", { "qotd", "/dev/null", "/dev/null" }, { NULL }, 64, "usage: qotd [FILE]" },
	{ "empty file", { "qotd", "/dev/null" }, { NULL }, 66, "no quote" },
	{ "no file", { "qotd", "/nonexistent" }, { NULL }, 66, "/nonexistent: No such file" },
	{ "endless file", { "qotd", "/dev/zero" }, { NULL }, 66, "longer than" },
	{ "a folder", { "qotd", "/" }, { NULL }, 66, "Is a directory" },
};

START_TEST(test_misuse)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct program program = program_start(misuses[_i].argv, misuses[_i].env, null, null);

	ck_assert_msg(program_end(&program) == misuses[_i].exit_code, "%s: exit code", misuses[_i].name);
	ck_assert_msg(strstr(program.errors, misuses[_i].says) != NULL, "%s: %s", misuses[_i].name,
		      program.errors);
	close(null);
}
END_TEST

/* --- the scripts of the sample configuration --- */

static const struct {
	const char *program, *request, *says, *never;
} scripts[] = {
	{ "hello-shell", "Ann\r\n", "Hello, Ann from 192.0.2.7.\r\n", NULL },
	{ "hello-shell", "Ann", "Hello, Ann from", NULL },
	{ "hello-shell", "$(id) `id` %s\\n\033[1m\n", "Hello, $(id) `id` %s\\n[1m from", "\033" },
	{ "hello-shell", "", "What is your name?\r\n", "Hello" },
	{ "hello-python", "GET /<b> HTTP/1.1\r\nA: b\r\n\r\n", "192.0.2.7, you asked for /&lt;b&gt;.", "<b>" },
	{ "hello-python", "HEAD / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "Hello" },
	{ "hello-python", "POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ", NULL },
	{ "hello-python", "\377\376 nonsense\r\n", "HTTP/1.1 400 ", NULL },
	{ "hello-python", "", "HTTP/1.1 400 ", NULL },
};

START_TEST(test_script)
{
	const char *env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "REMOTE_ADDR=192.0.2.7", NULL };
	size_t length = strlen(scripts[_i].request);
	char reply[2000];
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);

	struct program program = program_start(arguments(scripts[_i].program), env, fd[0], fd[0]);

	close(fd[0]);
	ck_assert_int_eq(write(fd[1], scripts[_i].request, length), (ssize_t)length);
	shutdown(fd[1], SHUT_WR);
	reply[read_all(fd[1], reply, sizeof(reply) - 1)] = '\0';
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_str_eq(program.errors, "");
	ck_assert_msg(strstr(reply, scripts[_i].says) != NULL, "%s", reply);
	if (scripts[_i].never != NULL)
		ck_assert_msg(strstr(reply, scripts[_i].never) == NULL, "%s", reply);
	close(fd[1]);
}
END_TEST

static TCase *make_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("services");
	TCase *stream = make_case(suite, "stream"), *misuse = make_case(suite, "misuse");

	tcase_add_test(stream, test_echo_pipe);
	tcase_add_test(stream, test_echo_half_close);
	tcase_add_test(stream, test_echo_keeps_records);
	tcase_add_test(stream, test_discard);
	tcase_add_loop_test(stream, test_daytime, 0, ELEMENTS(zones));
	tcase_add_test(stream, test_time);
	tcase_add_test(stream, test_chargen);
	tcase_add_loop_test(stream, test_qotd, 0, ELEMENTS(quotes));
	tcase_add_loop_test(stream, test_qotd_varies, 0, 2);
	tcase_add_loop_test(stream, test_script, 0, ELEMENTS(scripts));
	tcase_add_test(misuse, test_listener_is_refused);
	tcase_add_loop_test(misuse, test_misuse, 0, ELEMENTS(misuses));
	return suite;
}

RUN_SUITE(make_suite)
