/* e2e_reload.c - SIGHUP: all or nothing, listeners keep their sockets, sessions
 * live on, nobody in the queue is lost (F23, F54, F55). */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define A    "[a]\nlisten = 127.0.0.1:$1\nexec = $PROBE say a\n"
#define B    "[b]\nlisten = 127.0.0.1:$2\nexec = $PROBE say b\n"
#define HOLD "[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE hold\n"

static int hold(void)
{
	int fd = tcp_connect(3);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(text != NULL && strcmp(text, "ready\n") == 0, "got \"%s\"", text);
	return fd;
}

static void release(int fd)
{
	shutdown(fd, SHUT_WR);
	char *rest = read_all(fd, NULL);

	ck_assert_str_eq(rest, "bye\n");
	close(fd);
}

START_TEST(same_again)
{
	struct daemon *daemon = daemon_start(A B HOLD);
	unsigned long inode = listener_inode(test_port(1));
	int session = hold();

	ck_assert_uint_ne(inode, 0);
	for (int i = 0; i < 5; i++) {
		daemon_reload(daemon, true);
		ck_assert_uint_eq(listener_inode(test_port(1)), inode);
	}
	ask_many(1, NULL, "a", 5, 0);
	release(session);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A socket that a reload opens has the settings of the new file, not those that
 * its service had before. */
START_TEST(new_socket_new_settings)
{
	struct stat status;
	struct daemon *daemon = daemon_start("[u]\nlisten = unix:$DIR/one\nsocket_mode = 0666\n"
					     "exec = $PROBE say a\n");

	ck_assert_int_eq(stat(test_path("one"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0666);
	daemon_configure("[u]\nlisten = unix:$DIR/two\nsocket_mode = 0600\nexec = $PROBE say a\n");
	daemon_reload(daemon, true);
	ck_assert_int_eq(stat(test_path("two"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	daemon_stop(daemon);
}
END_TEST

/* A Unix socket whose file was removed is made again; one whose place was taken
 * is told, and nothing changes. */
START_TEST(socket_file_gone)
{
	struct daemon *daemon = daemon_start("[u]\nlisten = unix:$DIR/one\nexec = $PROBE say a\n");
	struct stat status;

	ck_assert_int_eq(unlink(test_path("one")), 0);
	daemon_reload(daemon, true);
	ck_assert_int_eq(stat(test_path("one"), &status), 0);
	ck_assert(S_ISSOCK(status.st_mode));
	ck_assert_int_eq(unlink(test_path("one")), 0);
	test_write("one", 0644, "mine", false);
	daemon_reload(daemon, false);
	ck_assert_str_eq(test_read(test_path("one")), "mine");
	daemon_stop(daemon);
	ck_assert_str_eq(test_read(test_path("one")), "mine");
}
END_TEST

/* Reading the file anew leaves every signal blocked, those of the C library too. */
START_TEST(signals_after_a_reload)
{
	struct daemon *daemon = daemon_start(A);

	daemon_reload(daemon, true);
	daemon_signal(daemon, 32);
	daemon_signal(daemon, 33);
	daemon_reload(daemon, true);
	ask_many(1, NULL, "a", 1, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(counts_are_told)
{
	struct daemon *daemon = daemon_start(A B);

	daemon_configure(A HOLD "[c]\nlisten = 127.0.0.1:$4, 127.0.0.1:$5\nexec = $PROBE say c\n");
	daemon_signal(daemon, SIGHUP);
	const char *line = daemon_wait_log(daemon, " reload generation=");

	ck_assert_int_eq(line_number(line, "generation"), 2);
	ck_assert_int_eq(line_number(line, "opened"), 3);
	ck_assert_int_eq(line_number(line, "kept"), 1);
	ck_assert_int_eq(line_number(line, "closed"), 1);
	ck_assert_int_eq(line_number(line, "services"), 3);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(2)), -ECONNREFUSED);
	ask_many(1, NULL, "a", 1, 0);
	ask_many(4, NULL, "c", 1, 0);
	ask_many(5, NULL, "c", 1, 0);
	daemon_stop(daemon);
}
END_TEST

/* A running session of a service that is taken out lives on. */
START_TEST(service_removed)
{
	struct daemon *daemon = daemon_start(A HOLD);
	int session = hold();

	daemon_configure(A);
	daemon_reload(daemon, true);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(3)), -ECONNREFUSED);
	release(session);
	daemon_wait_log(daemon, " end service=hold .*reason=exit status=0");
	ask_many(1, NULL, "a", 1, 0);
	daemon_stop(daemon);
}
END_TEST

START_TEST(program_changed)
{
	struct daemon *daemon = daemon_start(A HOLD);
	unsigned long inode = listener_inode(test_port(1));

	daemon_configure("[a]\nlisten = 127.0.0.1:$1\nexec = $PROBE say other\n" HOLD);
	daemon_reload(daemon, true);
	ask_many(1, NULL, "other", 3, 0);
	ck_assert_uint_eq(listener_inode(test_port(1)), inode);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(service_renamed)
{
	struct daemon *daemon = daemon_start(A);
	unsigned long inode = listener_inode(test_port(1));

	daemon_configure("[other]\nlisten = 127.0.0.1:$1\nexec = $PROBE say other\n");
	daemon_reload(daemon, true);
	ck_assert_uint_eq(listener_inode(test_port(1)), inode);
	ask_many(1, NULL, "other", 3, 0);
	daemon_wait_log(daemon, " start service=other ");
	daemon_stop(daemon);
}
END_TEST

/* Two services swap their ports: nothing is opened, nothing closed. */
START_TEST(ports_swapped)
{
	struct daemon *daemon = daemon_start(A B);
	unsigned long first = listener_inode(test_port(1)), second = listener_inode(test_port(2));

	daemon_configure("[a]\nlisten = 127.0.0.1:$2\nexec = $PROBE say a\n"
			 "[b]\nlisten = 127.0.0.1:$1\nexec = $PROBE say b\n");
	daemon_reload(daemon, true);
	ask_many(1, NULL, "b", 3, 0);
	ask_many(2, NULL, "a", 3, 0);
	ck_assert_uint_eq(listener_inode(test_port(1)), first);
	ck_assert_uint_eq(listener_inode(test_port(2)), second);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(port_moved)
{
	struct daemon *daemon = daemon_start(A);

	daemon_configure("[a]\nlisten = 127.0.0.1:$4\nexec = $PROBE say a\n");
	daemon_reload(daemon, true);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(1)), -ECONNREFUSED);
	ask_many(4, NULL, "a", 3, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The wildcard gives way to one address of the same port, and back: the new
 * socket cannot be bound while the old one is there. */
START_TEST(address_narrowed)
{
	struct daemon *daemon = daemon_start("[a]\nlisten = 0.0.0.0:$1\nexec = $PROBE say a\n");

	daemon_configure(A);
	daemon_reload(daemon, true);
	ask_many(1, NULL, "a", 3, 0);
	ck_assert_int_eq(tcp_try("127.0.0.2", test_port(1)), -ECONNREFUSED);
	daemon_configure("[a]\nlisten = 0.0.0.0:$1\nexec = $PROBE say a\n");
	daemon_reload(daemon, true);
	ask_many(1, NULL, "a", 3, 0);
	int fd = tcp_try("127.0.0.2", test_port(1));

	ck_assert_int_ge(fd, 0);
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(unix_socket_kept)
{
	struct daemon *daemon = daemon_start("[u]\nlisten = unix:$DIR/socket\nexec = $PROBE say u\n");
	struct stat before, after;

	ck_assert_int_eq(stat(test_path("socket"), &before), 0);
	daemon_reload(daemon, true);
	ck_assert_int_eq(stat(test_path("socket"), &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	int fd = unix_connect(test_path("socket"), SOCK_STREAM);
	char *reply = read_all(fd, NULL);

	ck_assert_str_eq(reply, "u");
	daemon_configure(A);
	daemon_reload(daemon, true);
	ck_assert_int_lt(access(test_path("socket"), F_OK), 0);
	daemon_stop(daemon);
}
END_TEST

START_TEST(instances_lowered)
{
	struct daemon *daemon = daemon_start(A HOLD);
	int first = hold(), second = hold();

	daemon_configure(A "[hold]\nlisten = 127.0.0.1:$3\ninstances = 1\nexec = $PROBE hold\n");
	daemon_reload(daemon, true);
	int third = tcp_connect(3);

	ask_many(1, NULL, "a", 10, 0);
	release(first);
	ck_assert_ptr_null(read_piece(third, 200, NULL)); /* a bound: one session is still there */
	release(second);
	char *text = read_piece(third, PATIENCE_MS, NULL);

	ck_assert_ptr_nonnull(text);
	release(third);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- files that must be refused ---- */

static void broken_missing(const char *path)
{
	unlink(path);
}

static void broken_empty(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, "", false);
}

static void broken_comments(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, "; nothing\n# at all\n\n", false);
}

static void broken_directory(const char *path)
{
	unlink(path);
	mkdir(path, 0755);
}

static void broken_loop(const char *path)
{
	unlink(path);
	(void)!symlink("services.ini", path);
}

static void broken_fifo(const char *path)
{
	unlink(path);
	mkfifo(path, 0644);
}

static void broken_binary(const char *path)
{
	FILE *file = fopen(path, "we");

	for (int i = 0; i < 10000; i++)
		fputc(i * 7 % 256, file);
	fclose(file);
}

static void broken_typo(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, A B HOLD "[d]\nlisten = 127.0.0.1:$4\nexce = $PROBE\n", true);
}

static void broken_program(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, B HOLD "[a]\nlisten = 127.0.0.1:$1\nexec = /no/such/program\n",
		   true);
}

static void broken_user(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, B HOLD "[a]\nlisten=127.0.0.1:$1\nexec=$PROBE\nuser=no-such-user\n",
		   true);
}

static void broken_twice(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, A HOLD "[x]\nlisten = 127.0.0.1:$1\nexec = $PROBE say x\n", true);
}

static void broken_bracket(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, HOLD B "[a\nlisten = 127.0.0.1:$1\nexec = $PROBE say x\n", true);
}

static void broken_return(const char *path)
{
	(void)path;
	test_write("services.ini", 0644, "[a]\rlisten = 127.0.0.1:$1\rexec = $PROBE say x\r", true);
}

/* A port that another process holds: the whole reload is refused. */
static void broken_port(const char *path)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)test_port(8)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)path;
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	test_write("services.ini", 0644,
		   B HOLD "[n]\nlisten = 127.0.0.1:$7, 127.0.0.1:$8\nexec = $PROBE say n\n", true);
}

static void broken_huge(const char *path)
{
	FILE *file = fopen(path, "we");

	fputs("[a]\nlisten = 1\nexec = echo\n", file);
	fclose(file);
	ck_assert_int_eq(truncate(path, 20 << 20), 0);
}

static void broken_rights(const char *path)
{
	ck_assert_int_eq(chmod(path, 0), 0);
}

static void broken_for_root(const char *path)
{
	ck_assert_int_eq(chmod(path, 0666), 0);
}

static const struct {
	const char *name;
	void (*make)(const char *path);
	const char *told; /* in the log and in the reply */
	enum { ANYBODY, ROOT, NO_ROOT } who;
} broken[] = {
	{ "missing", broken_missing, "cannot open the file: .*No such file", ANYBODY },
	{ "empty", broken_empty, "no service is configured", ANYBODY },
	{ "only comments", broken_comments, "no service is configured", ANYBODY },
	{ "directory", broken_directory, "this is a directory, not a file", ANYBODY },
	{ "loop of links", broken_loop, "Too many levels of symbolic links", ANYBODY },
	{ "FIFO", broken_fifo, "this is a FIFO, not a file", ANYBODY },
	{ "binary", broken_binary, "NUL", ANYBODY },
	{ "huge", broken_huge, "the file is too large", ANYBODY },
	{ "unreadable", broken_rights, "cannot open the file: .*Permission denied", NO_ROOT },
	{ "writable for all", broken_for_root, "mode|written|write", ROOT },
	{ "unknown key", broken_typo, "unknown key 'exce'", ANYBODY },
	{ "no such program", broken_program, "/no/such/program", ANYBODY },
	{ "no such user", broken_user, "no-such-user", ANYBODY },
	{ "address twice", broken_twice, "is taken already by the service", ANYBODY },
	{ "no bracket", broken_bracket, "\\]", ANYBODY },
	{ "lone CR", broken_return, "CR|carriage|return", ANYBODY },
	{ "port in use", broken_port, "in use", ANYBODY },
};

/* F55: what cannot be a configuration is refused in plain words, and the one in force serves on. */
START_TEST(bad_file_changes_nothing)
{
	SKIP_IF(broken[_i].who == ROOT && getuid() != 0, "needs to be started as root");
	SKIP_IF(broken[_i].who == NO_ROOT && getuid() == 0, "needs to be started as another user than root");
	struct daemon *daemon = daemon_start(A B HOLD);
	unsigned long inode = listener_inode(test_port(1));
	int session = hold();

	broken[_i].make(test_path("services.ini"));
	daemon_signal(daemon, SIGHUP);
	const char *line = daemon_wait_log(daemon, " (reload|reload-failed) ");

	ck_assert_msg(strstr(line, " reload-failed ") != NULL, "%s: %s", broken[_i].name, line);
	ck_assert_int_ge(line_number(line, "errors"), 1);
	ck_assert_match(daemon_read_log(daemon), broken[_i].told);
	char *reply = daemon_ask(daemon, "reload");

	ck_assert_match(reply, "\"ok\": ?false.*\"code\": ?\"config\"|\"code\": ?\"config\".*\"ok\": ?false");
	ck_assert_match(reply, broken[_i].told);
	ck_assert_uint_eq(listener_inode(test_port(1)), inode);
	ask_many(1, NULL, "a", 3, 0);
	ask_many(2, NULL, "b", 3, 0);
	release(session);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(4)), -ECONNREFUSED);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(7)), -ECONNREFUSED);
	daemon_oracle(daemon);
	/* And a good file is taken again. */
	rmdir(test_path("services.ini"));
	unlink(test_path("services.ini"));
	daemon_configure(A B HOLD);
	daemon_reload(daemon, true);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The lines that tell what was wrong name file and line. */
START_TEST(errors_are_told)
{
	struct daemon *daemon = daemon_start(A);

	daemon_configure(A "[x]\nlisten = 127.0.0.1:$4\nexec = $PROBE\ninstnaces = 4\nuser = no-such-user\n");
	daemon_signal(daemon, SIGHUP);
	const char *line = daemon_wait_log(daemon, " config-error .*services.ini:7: x.instnaces: ");

	ck_assert_msg(strstr(line, "instances") != NULL, "no suggestion: %s", line);
	daemon_wait_log(daemon, " reload-failed errors=2");
	ck_assert_uint_eq(daemon_count_log(daemon, " config-error .*services.ini:8: x.user: "), 1);
	daemon_stop(daemon);
}
END_TEST

/* Clients all the time, 30 reloads that change other things: none is lost. */
START_TEST(nobody_is_lost)
{
	struct daemon *daemon = daemon_start(A B);
	pid_t client = fork();

	if (client == 0) {
		unsigned served = 0;

		while (access(test_path("enough"), F_OK) < 0) {
			ask_many(1, NULL, "a", 10, 0); /* a failure ends this process with 1 */
			served += 10;
		}
		_exit(served > 0 ? 0 : 2);
	}
	for (int i = 0; i < 30; i++) {
		daemon_configure(i % 2 == 0 ? A : A B HOLD);
		daemon_reload(daemon, true);
	}
	int status = -1;

	test_write("enough", 0644, "", false);
	ck_assert_int_eq(waitpid(client, &status, 0), client);
	ck_assert_msg(status == 0, "a client failed: %#x; log:\n%s", (unsigned)status,
		      daemon_log_tail(daemon));
	daemon_configure(A B);
	daemon_reload(daemon, true);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Several SIGHUP while one is worked on are one or more reloads, never a mess. */
START_TEST(many_signals)
{
	struct daemon *daemon = daemon_start(A B);

	for (int i = 0; i < 200; i++)
		daemon_signal(daemon, SIGHUP);
	daemon_wait_log(daemon, " reload generation=");
	ask_many(1, NULL, "a", 20, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Services come and go while sessions start and end (F23). */
START_TEST(come_and_go)
{
	struct daemon *daemon = daemon_start(A B);
	long memory = 0;

	for (int i = 0; i < 100; i++) {
		int fd = tcp_connect(2);

		daemon_configure(A);
		daemon_reload(daemon, true);
		free(read_all(fd, NULL));
		close(fd);
		daemon_configure(A B);
		daemon_reload(daemon, true);
		ask_many(2, NULL, "b", 1, 0);
		if (i == 20)
			memory = daemon_status(daemon, "VmRSS:");
	}
	if (!HARNESS_SANITIZED)
		ck_assert_int_lt(daemon_status(daemon, "VmRSS:"), memory + 1024);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* services.d beside the main file is read again too. */
START_TEST(services_d)
{
	mkdir(test_path("services.d"), 0755);
	test_write("services.d/b.ini", 0644, B, true);
	struct daemon *daemon = daemon_start(A);

	ask_many(2, NULL, "b", 1, 0);
	test_write("services.d/c.ini", 0644, "[c]\nlisten = 127.0.0.1:$4\nexec = $PROBE say c\n", true);
	unlink(test_path("services.d/b.ini"));
	daemon_reload(daemon, true);
	ask_many(4, NULL, "c", 1, 0);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(2)), -ECONNREFUSED);
	daemon_stop(daemon);
}
END_TEST

/* The last service is switched off, and on again; nothing but the control socket is left meanwhile. */
START_TEST(all_switched_off)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n");

	daemon_configure("[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\ndisable = yes\n");
	daemon_reload(daemon, true);
	ck_assert_ptr_nonnull(strstr(daemon_read_log(daemon), "every one of them says disable = yes"));
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(1)), -ECONNREFUSED);
	free(daemon_ask(daemon, "status"));
	daemon_configure("[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n");
	daemon_reload(daemon, true);
	ask_many(1, NULL, "hello", 1, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("reload");
	TCase *good = harness_case(suite, "good", 60);

	tcase_add_test(good, same_again);
	tcase_add_test(good, counts_are_told);
	tcase_add_test(good, new_socket_new_settings);
	tcase_add_test(good, socket_file_gone);
	tcase_add_test(good, signals_after_a_reload);
	tcase_add_test(good, service_removed);
	tcase_add_test(good, program_changed);
	tcase_add_test(good, service_renamed);
	tcase_add_test(good, ports_swapped);
	tcase_add_test(good, port_moved);
	tcase_add_test(good, address_narrowed);
	tcase_add_test(good, unix_socket_kept);
	tcase_add_test(good, instances_lowered);
	tcase_add_test(good, services_d);

	TCase *bad = harness_case(suite, "bad", 60);

	tcase_add_loop_test(bad, bad_file_changes_nothing, 0, (int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_test(bad, errors_are_told);

	TCase *load = harness_case(suite, "load", 120);

	tcase_add_test(load, nobody_is_lost);
	tcase_add_test(load, many_signals);
	tcase_add_test(load, come_and_go);
	tcase_add_test(load, all_switched_off);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
