/* e2e_activation.c - sockets that a service manager passes (LISTEN_FDS): services
 * listen on them, whatever order they came in; what nobody wants is told and closed. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST 3

static char path_text[] = "PATH=/usr/bin:/bin", names[] = "LISTEN_FDNAMES=a:b";
static char pid_text[64], number_text[64];
static char *environment[] = { path_text, pid_text, number_text, names, NULL };

/* ---- the manager's part, in the child right before exec ---- */

static void open_ip(int domain, int type, unsigned number, bool dual)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((in_port_t)test_port(number)) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons((in_port_t)test_port(number)) };
	int fd = socket(domain, type, 0), off = 0, on = 1;

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (domain == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, dual ? &off : &on, sizeof(off));
	if (domain == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) :
				bind(fd, (struct sockaddr *)&v6, sizeof(v6)))
		abort();
	if (type == SOCK_STREAM && listen(fd, 16) != 0)
		abort();
}

static void open_unix(const char *name)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(own.sun_path, sizeof(own.sun_path), "%s", test_path(name));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0 || chmod(own.sun_path, 0606) != 0 ||
	    listen(fd, 16) != 0)
		abort();
}

static void announce(int count)
{
	snprintf(pid_text, sizeof(pid_text), "LISTEN_PID=%d", getpid());
	snprintf(number_text, sizeof(number_text), "LISTEN_FDS=%d", count);
}

static void pass_three(void *context)
{
	(void)context;
	open_unix("socket");
	open_ip(AF_INET, SOCK_DGRAM, 2, false);
	open_ip(AF_INET, SOCK_STREAM, 1, false);
	announce(3);
}

static void pass_one(void *context)
{
	(void)context;
	open_ip(AF_INET, SOCK_STREAM, 1, false);
	announce(1);
}

static void pass_dual(void *context)
{
	(void)context;
	open_ip(AF_INET6, SOCK_STREAM, 1, true);
	announce(1);
}

/* The names of the variables are right, what they say is not. */
static const struct {
	const char *pid, *number, *told;
} wrong[] = {
	{ "LISTEN_PID=1", "LISTEN_FDS=1", NULL },
	{ "LISTEN_PID=%d", "LISTEN_FDS=-1", "LISTEN_FDS is no number" },
	{ "LISTEN_PID=%d", "LISTEN_FDS=1x", "LISTEN_FDS is no number" },
	{ "LISTEN_PID=%d", "LISTEN_FDS=99999999999999999999", "LISTEN_FDS is no number" },
	{ "LISTEN_PID=%d", "LISTEN_FDS=", "LISTEN_FDS is no number" },
	{ "LISTEN_PID=me", "LISTEN_FDS=1", "LISTEN_PID is no process id" },
	{ "LISTEN_PID=%d", "LISTEN_FDNUMBER=1", NULL },
};

static void pass_wrong(void *context)
{
	int which = *(int *)context;

	open_ip(AF_INET, SOCK_STREAM, 1, false);
	if (strstr(wrong[which].pid, "%d") != NULL)
		announce(1);
	else
		snprintf(pid_text, sizeof(pid_text), "%s", wrong[which].pid);
	snprintf(number_text, sizeof(number_text), "%s", wrong[which].number);
}

static struct daemon *launch(const char *config, void (*prepare)(void *context), void *context)
{
	return daemon_launch(&(struct daemon_spec){
		.config = config, .prepare = prepare, .context = context, .environment = environment });
}

/* ---- tests ---- */

/* Three kinds at once; they outlive reloads, and the manager's file outlives us. */
START_TEST(used_as_they_are)
{
	struct stat status;
	struct daemon *daemon = launch("[stream]\nlisten = 127.0.0.1:$1\nexec = $PROBE facts\n"
				       "[path]\nlisten = unix:$DIR/socket\nexec = $PROBE say path\n"
				       "[datagram]\nlisten = 127.0.0.1:$2/udp\nexec = $PROBE say datagram\n",
				       pass_three, NULL);
	int udp = udp_connect("127.0.0.1", test_port(2)),
	    unix_client = unix_connect(test_path("socket"), SOCK_STREAM);
	char *text = ask(1, NULL);

	ck_assert_uint_eq(daemon_count_log(daemon, " adopted sockets=3"), 1);
	ck_assert_uint_eq(daemon_count_log(daemon, " unused "), 0);
	ck_assert_match(text, "^fd 0 .* nonblock=0 ");
	ck_assert_no_match(text, "^env LISTEN_");
	ck_assert_str_eq(read_all(unix_client, NULL), "path");
	send_text(udp, "?");
	ck_assert_str_eq(read_piece(udp, PATIENCE_MS, NULL), "datagram");
	daemon_reload(daemon, true);
	ck_assert_uint_eq(daemon_count_log(daemon, " reload .* kept=3 "), 1);
	free(ask(1, NULL));
	daemon_oracle(daemon);
	daemon_stop(daemon);
	ck_assert_int_eq(stat(test_path("socket"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0606);
}
END_TEST

/* A program that gets the socket itself gets it blocking, as any other. */
START_TEST(handed_over)
{
	struct daemon *daemon =
		launch("[all]\nlisten = 127.0.0.1:$1\nexec = $PROBE accept\nwait = yes\n", pass_one, NULL);

	ck_assert_match(ask(1, NULL), "^fd 0 .* nonblock=0 ");
	ck_assert_uint_eq(daemon_count_log(daemon, " adopted sockets=1"), 1);
	daemon_stop(daemon);
}
END_TEST

START_TEST(unused_is_told)
{
	struct daemon *daemon =
		launch("[other]\nlisten = 127.0.0.1:$3\nexec = $PROBE say other\n", pass_one, NULL);
	char expected[64];

	snprintf(expected, sizeof(expected), " unused addresses=127.0.0.1:%u ", test_port(1));
	ck_assert_uint_eq(daemon_count_log(daemon, expected), 1);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(1)), -ECONNREFUSED);
	ck_assert_str_eq(ask(3, NULL), "other");
	daemon_stop(daemon);
}
END_TEST

/* Sockets for another process, and numbers that are none: then we open our own. */
START_TEST(not_for_us)
{
	int which = _i;
	struct daemon *daemon =
		launch("[own]\nlisten = 127.0.0.1:$1\nexec = $PROBE facts\n", pass_wrong, &which);

	ck_assert_uint_eq(daemon_count_log(daemon, " adopted "), 0);
	if (wrong[_i].told != NULL)
		ck_assert_uint_eq(daemon_count_log(daemon, wrong[_i].told), 1);
	ck_assert_no_match(ask(1, NULL), "^env LISTEN_");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* One socket for both families: it serves [::], and with it IPv4; two listeners it cannot be. */
START_TEST(both_families)
{
	struct daemon *daemon;

	SKIP_IF(!net_has_ipv6(), "there is no IPv6 here");
	daemon = launch("[both]\nlisten = [::]:$1\nexec = $PROBE facts\n", pass_dual, NULL);
	ck_assert_match(ask(1, NULL), "^env REMOTE_ADDR=127.0.0.1$");
	daemon_stop(daemon);

	daemon = daemon_launch(&(struct daemon_spec){ .config = "[both]\nlisten = $1\nexec = $PROBE facts\n",
						      .prepare = pass_dual,
						      .environment = environment,
						      .no_wait = true });
	ck_assert_int_eq(daemon_wait_exit(daemon), 1);
	ck_assert_match(daemon_read_log(daemon), "serves IPv4 as well; write BindIPv6Only=ipv6-only");
}
END_TEST

static void end_background(void)
{
	char *text = test_read(test_path("pid"));

	kill(atoi(text), SIGTERM);
	free(text);
	WAIT_UNTIL(access(test_path("pid"), F_OK) != 0);
}

/* Going to the background keeps them: LISTEN_PID is who was started. */
START_TEST(background)
{
	const char *words[] = { "-d", NULL };
	struct daemon *starter = daemon_launch(
		&(struct daemon_spec){ .config = "[usherd]\npid_file = $DIR/pid\nlog = file:$DIR/log\n"
						 "[own]\nlisten = 127.0.0.1:$1\nexec = $PROBE say own\n",
				       .arguments = words,
				       .prepare = pass_one,
				       .environment = environment,
				       .no_wait = true });

	ck_assert_int_eq(daemon_wait_exit(starter), 0);
	ck_assert_str_eq(ask(1, NULL), "own");
	ck_assert_match(test_read(test_path("log")), " adopted sockets=1");
	end_background();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("activation");
	TCase *tests = harness_case(suite, "activation", 60);

	tcase_add_test(tests, used_as_they_are);
	tcase_add_test(tests, handed_over);
	tcase_add_test(tests, unused_is_told);
	tcase_add_loop_test(tests, not_for_us, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tests, both_families);
	tcase_add_test(tests, background);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
