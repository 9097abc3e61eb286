/* e2e_sigkill.c - F18: a daemon that was killed takes nothing with it. The next one
 * listens at once, says what it found, and leaves alone what still serves. */
#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SESSIONS 3

#define CONFIG                                                                                               \
	"[usherd]\npid_file = $DIR/pid\ncontrol = $DIR/control\n"                                            \
	"[hold]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n"                                                \
	"[path]\nlisten = unix:$DIR/socket\nexec = $PROBE say path\n"                                        \
	"[datagram]\nlisten = 127.0.0.1:$2/udp, unix-dgram:$DIR/datagrams\nexec = $PROBE say datagram\n"

static void read_line(int client, const char *expected)
{
	char *line = read_piece(client, PATIENCE_MS, NULL);

	ck_assert_msg(line != NULL && strcmp(line, expected) == 0, "%s instead of %s",
		      line != NULL ? line : "nothing", expected);
	free(line);
}

static void open_sessions(int clients[SESSIONS])
{
	for (int i = 0; i < SESSIONS; i++) {
		clients[i] = tcp_connect(1);
		read_line(clients[i], "ready\n");
	}
}

static void serves_everywhere(void)
{
	int udp = udp_connect("127.0.0.1", test_port(2)), client = tcp_connect(1);

	read_line(client, "ready\n");
	close(client);
	ck_assert_str_eq(read_all(unix_connect(test_path("socket"), SOCK_STREAM), NULL), "path");
	send_text(udp, "?");
	read_line(udp, "datagram");
	close(udp);
}

START_TEST(killed)
{
	struct daemon *daemon = daemon_start(CONFIG);
	int clients[SESSIONS];
	const char *line;
	pid_t before = daemon->pid;

	ck_assert_uint_eq(daemon_count_log(daemon, " found "), 0);
	open_sessions(clients);
	daemon_signal(daemon, SIGKILL);
	ck_assert_int_eq(daemon_wait_exit(daemon), 128 + SIGKILL);
	ck_assert_int_eq(access(test_path("pid"), F_OK), 0);
	ck_assert_int_eq(access(test_path("socket"), F_OK), 0);

	daemon = daemon_start(CONFIG);
	daemon->mark = 0; /* it comes before "ready" */
	line = daemon_wait_log(daemon, " found ");
	ck_assert_int_eq(line_number(line, "pid"), before);
	ck_assert_int_eq(line_number(line, "sockets"), 2);
	ck_assert_str_eq(line_text(line, "control"), "yes");
	/* Others' tests may run on this machine, too. */
	ck_assert_int_ge(line_number(line, "processes"), SESSIONS);
	serves_everywhere();

	/* Who was served is served to the end. */
	for (int i = 0; i < SESSIONS; i++) {
		shutdown(clients[i], SHUT_WR);
		ck_assert_str_eq(read_clean(clients[i], NULL), "bye\n");
	}
	daemon_stop(daemon);
	ck_assert_int_ne(access(test_path("pid"), F_OK), 0);
	ck_assert_int_ne(access(test_path("socket"), F_OK), 0);
}
END_TEST

/* A daemon that ended in order left nothing to tell of. */
START_TEST(ended)
{
	struct daemon *daemon = daemon_start(CONFIG);

	daemon_stop(daemon);
	daemon = daemon_start(CONFIG);
	ck_assert_uint_eq(daemon_count_log(daemon, " found "), 0);
	serves_everywhere();
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("sigkill");
	TCase *tests = harness_case(suite, "sigkill", 60);

	tcase_add_test(tests, killed);
	tcase_add_test(tests, ended);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
