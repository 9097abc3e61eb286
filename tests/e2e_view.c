/* e2e_view.c - what a service sees, fact by fact, for every way in which one is
 * started: DESIGN section 3 as a test, told by the probe service. */
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What holds for every service, however it is started. */
static void check_common(const char *view)
{
	char niceness[24];

	ck_assert_match(view, "^SigBlk: 0+$");
	ck_assert_match(view, "^SigIgn: 0+$");
	ck_assert_match(view, "^SigPnd: 0+$");
	ck_assert_match(view, "^ShdPnd: 0+$");
	ck_assert_line(view, "signals ignored=0 caught=0");
	ck_assert_line(view, "session own");
	ck_assert_line(view, "group own");
	ck_assert_line(view, "tty none");
	ck_assert_line(view, "cwd /");
	ck_assert_line(view, "root real");
	ck_assert_line(view, "Umask: 0022");
	snprintf(niceness, sizeof(niceness), "nice %d", getpriority(PRIO_PROCESS, 0));
	ck_assert_line(view, niceness); /* as usherd was started */
	ck_assert_line(view, "pdeathsig 0");
	ck_assert_line(view, "fd 2 pipe mode=write nonblock=0 cloexec=0");
	ck_assert_match(view, "^env PATH=/usr/");
	ck_assert_match(view, "^env USHERD_SESSION=1$");
}

/* The variables that come from the user's entry: HOME, USER, LOGNAME, SHELL. */
static void check_user(const char *view)
{
	const struct passwd *user = getuid() == 0 ? getpwnam("nobody") : getpwuid(getuid());
	char line[1024];

	ck_assert_ptr_nonnull(user);
	snprintf(line, sizeof(line), "env HOME=%s", user->pw_dir);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env USER=%s", user->pw_name);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env LOGNAME=%s", user->pw_name);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env SHELL=%s", user->pw_shell);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "Uid: %u %u %u %u", user->pw_uid, user->pw_uid, user->pw_uid,
		 user->pw_uid);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "Gid: %u %u %u %u", user->pw_gid, user->pw_gid, user->pw_gid,
		 user->pw_gid);
	ck_assert_line(view, line);
}

static void check_peer(const char *view, int fd, const char *family, const char *local, const char *remote)
{
	struct sockaddr_in6 own = { 0 }, other = { 0 };
	socklen_t size = sizeof(own);
	char line[256];

	getsockname(fd, (struct sockaddr *)&own, &size);
	size = sizeof(other);
	getpeername(fd, (struct sockaddr *)&other, &size);
	unsigned remote_port = ntohs(own.sin6_port), local_port = ntohs(other.sin6_port);

	snprintf(line, sizeof(line), "env PROTO=%s", family);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env %sLOCALIP=%s", family, local);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env %sLOCALPORT=%u", family, local_port);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env %sREMOTEIP=%s", family, remote);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env %sREMOTEPORT=%u", family, remote_port);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env REMOTE_ADDR=%s", remote);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env REMOTE_HOST=%s", remote);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env REMOTE_PORT=%u", remote_port);
	ck_assert_line(view, line);
}

static const struct {
	const char *address, *family;
} tcp_table[] = { { "127.0.0.1", "inet" }, { "::1", "inet6" } };

START_TEST(view_tcp)
{
	struct daemon *daemon = daemon_start("[view]\nlisten = $1\nexec = $PROBE facts 'two words'\n");
	const char *address = tcp_table[_i].address;
	int fd = tcp_try(address, test_port(1));
	char line[512];

	SKIP_IF(_i == 1 && fd < 0 && tcp_try("::1", 1) == -EADDRNOTAVAIL, "no IPv6 here");
	ck_assert_msg(fd >= 0, "connect %s: %s", address, strerror(-fd));
	char *view = read_all(fd, NULL);

	check_common(view);
	check_user(view);
	check_peer(view, fd, "TCP", address, address);
	for (int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line),
			 "fd %d socket mode=both nonblock=0 cloexec=0 domain=%s type=stream listening=0 "
			 "connected=1 "
			 "reuseport=0 keepalive=1 keepidle=300 nodelay=0",
			 i, tcp_table[_i].family);
		ck_assert_line(view, line);
	}
	ck_assert_line(view, "fds 3");
	ck_assert_line(view, "same-0-1 1");
	snprintf(line, sizeof(line), "argv 0 %s", test_probe());
	ck_assert_line(view, line);
	ck_assert_line(view, "argv 1 facts");
	ck_assert_line(view, "argv 2 two words");
	ck_assert_no_match(view, "^argv 3");
	ck_assert_line(view, "env USHERD_SERVICE=view");
	/* Five of the user and PATH, two of usherd, five UCSPI, three REMOTE: no more. */
	ck_assert_line(view, "envs 15");
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(view_mapped)
{
	/* A client that comes to the IPv4 address through an IPv6 socket of its own. */
	struct daemon *daemon = daemon_start("[view]\nlisten = $1\nexec = $PROBE\n");
	int fd = tcp_try("::ffff:127.0.0.1", test_port(1));

	SKIP_IF(fd < 0, "no IPv4-mapped addresses here");
	char *view = read_all(fd, NULL);

	ck_assert_line(view, "env TCPREMOTEIP=127.0.0.1");
	ck_assert_line(view, "env REMOTE_ADDR=127.0.0.1");
	close(fd);
	daemon_stop(daemon);
}
END_TEST

static const struct {
	const char *listen, *path;
	int type;
	bool has_path;
} unix_table[] = {
	{ "unix:$DIR/socket", "$DIR/socket", SOCK_STREAM, true },
	{ "unix-seqpacket:$DIR/socket", "$DIR/socket", SOCK_SEQPACKET, true },
	{ "unix:@usherd-view-$1", "@usherd-view-$1", SOCK_STREAM, false },
};

START_TEST(view_unix)
{
	char config[512], line[512];

	snprintf(config, sizeof(config), "[view]\nlisten = %s\nexec = $PROBE\n", unix_table[_i].listen);
	struct daemon *daemon = daemon_start(config);
	int fd = unix_connect(test_expand(unix_table[_i].path), unix_table[_i].type);
	char *view = read_all(fd, NULL);

	check_common(view);
	check_user(view);
	ck_assert_line(view, "env PROTO=UNIX");
	snprintf(line, sizeof(line), "env UNIXREMOTEEUID=%u", getuid());
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env UNIXREMOTEEGID=%u", getgid());
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env UNIXREMOTEPID=%d", getpid());
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "env IPCREMOTEEUID=%u", getuid());
	ck_assert_line(view, line);
	ck_assert_no_match(view, "^env (TCP|UDP|REMOTE_|LISTEN_)");
	ck_assert_match(view, "^fd 0 socket mode=both nonblock=0 cloexec=0 domain=unix");
	ck_assert_line(view, "fds 3");
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
	if (unix_table[_i].has_path)
		ck_assert_msg(access(test_path("socket"), F_OK) < 0, "the socket file is left behind");
}
END_TEST

START_TEST(view_filter)
{
	struct daemon *daemon = daemon_start("[view]\nlisten = $1/udp\nexec = $PROBE\n");
	int fd = udp_connect("127.0.0.1", test_port(1));

	send_text(fd, "who");
	char *view = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(view != NULL, "no reply; log:\n%s", daemon_log_tail(daemon));
	check_common(view);
	check_user(view);
	check_peer(view, fd, "UDP", "127.0.0.1", "127.0.0.1");
	ck_assert_no_match(view, "^env TCP");
	ck_assert_match(view, "^fd 0 .* nonblock=0 cloexec=0");
	ck_assert_match(view, "^fd 1 socket .* nonblock=0 cloexec=0");
	ck_assert_line(view, "fds 3");
	/* One more than of TCP: the ports that a reply would loop with. */
	ck_assert_line(view, "envs 16");
	ck_assert_match(view, "^env USHERD_UDP_PORTS=[0-9]+$");
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(view_wait_stream)
{
	struct daemon *daemon =
		daemon_start("[view]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE accept\n");
	int fd = tcp_connect(1);
	char *view = read_all(fd, NULL);

	check_common(view);
	check_user(view);
	for (int i = 0; i < 4; i += i == 1 ? 2 : 1) {
		char expression[256];

		snprintf(expression, sizeof(expression),
			 "^fd %d socket mode=both nonblock=0 cloexec=0 domain=inet type=stream listening=1 ",
			 i);
		ck_assert_match(view, expression);
	}
	ck_assert_line(view, "fds 4");
	ck_assert_line(view, "env PROTO=TCP");
	ck_assert_line(view, "env LISTEN_FDS=1");
	ck_assert_line(view, "env LISTEN_PID=self");
	ck_assert_no_match(view, "^env (TCPREMOTE|REMOTE_)");
	close(fd);
	/* The next client starts the program anew. */
	view = ask(1, NULL);
	ck_assert_line(view, "env USHERD_SESSION=2");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(view_wait_datagram)
{
	struct daemon *daemon =
		daemon_start("[view]\nlisten = 127.0.0.1:$1/udp\nwait = yes\nexec = $PROBE receive\n");
	int fd = udp_connect("127.0.0.1", test_port(1));

	send_text(fd, "who");
	char *view = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(view != NULL, "no reply; log:\n%s", daemon_log_tail(daemon));
	check_common(view);
	check_user(view);
	ck_assert_match(
		view,
		"^fd 0 socket mode=both nonblock=0 cloexec=0 domain=inet type=dgram listening=0 connected=0");
	ck_assert_line(view, "fds 4");
	ck_assert_line(view, "env PROTO=UDP");
	ck_assert_line(view, "env LISTEN_FDS=1");
	ck_assert_line(view, "env LISTEN_PID=self");
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Keys that change the view: each line of the section, and what must be seen. */
static const struct {
	const char *key, *expected;
} key_table[] = {
	{ "umask = 077", "^Umask: 0077$" },
	{ "directory = /usr", "^cwd /usr$" },
	{ "nice = 7", "^nice 7$" },
	{ "oom_score_adj = 300", "^oom_score_adj 300$" },
	{ "no_new_privileges = yes", "^NoNewPrivs: 1$" },
	{ "rlimit_nofile = 123", "^rlimit nofile 123 123$" },
	{ "rlimit_nofile = 99:123", "^rlimit nofile 99 123$" },
	{ "rlimit_fsize = 1M", "^rlimit fsize 1048576 1048576$" },
	{ "rlimit_cpu = 1min", "^rlimit cpu 60 60$" },
	{ "rlimit_core = 0", "^rlimit core 0 0$" },
	{ "env = A=1 B=2", "^env B=2$" },
	{ "env = PATH=/x", "^env PATH=/x$" },
	{ "pass_env = MARK", "^env MARK=kept$" },
	{ "stderr = null", "^fd 2 device mode=both nonblock=0 cloexec=0$" },
	{ "stderr = socket", "^fd 2 socket mode=both nonblock=0 cloexec=0 " },
	{ "nodelay = yes", "^fd 0 socket .* nodelay=1$" },
	{ "keepalive = 10s", "^fd 0 socket .* keepalive=1 keepidle=10 " },
	{ "keepalive = 0", "^fd 0 socket .* keepalive=0 " },
};

START_TEST(view_key)
{
	static char path[] = "PATH=/usr/bin:/bin", mark[] = "MARK=kept", other[] = "OTHER=lost";
	char *environment[] = { path, mark, other, NULL };
	char config[512];

	snprintf(config, sizeof(config), "[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\n%s\n",
		 key_table[_i].key);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = config, .environment = environment });
	char *view = ask(1, NULL);

	ck_assert_msg(has_match(view, key_table[_i].expected), "\"%s\": nothing matches %s in:\n%s\n%s",
		      key_table[_i].key, key_table[_i].expected, view, daemon_read_log(daemon));
	ck_assert_no_match(view, "OTHER");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static void other_start(void *context)
{
	(void)context;
	(void)!nice(5);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)!write(fd, "321", 3);
	close(fd);
}

/* What is not configured is as it was when usherd was started (F06). */
START_TEST(as_started)
{
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = "[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\n", .prepare = other_start });
	char *view = ask(1, NULL);

	ck_assert_line(view, "oom_score_adj 321");
	char niceness[24];
	int own = getpriority(PRIO_PROCESS, 0);

	snprintf(niceness, sizeof(niceness), "nice %d", own + 5 > 19 ? 19 : own + 5);
	ck_assert_line(view, niceness);
	daemon_stop(daemon);
}
END_TEST

/* A service in a chroot sees only that: the program is found inside it. */
START_TEST(view_chroot)
{
	SKIP_IF(getuid() != 0, "only root can chroot");
	/* A statically linked program needs nothing in there: busybox, where installed. */
	const char *busybox = harness_find("busybox");

	SKIP_IF(busybox == NULL, "busybox is not installed");
	mkdir(test_path("root"), 0755);
	mkdir(test_path("root/bin"), 0755);
	const char *copy[] = { "cp", busybox, "$DIR/root/bin/busybox", NULL };

	ck_assert_int_eq(run_command(copy, NULL), 0);
	test_write("root/secret", 0644, "inside", false);
	struct daemon *daemon = daemon_start("[jail]\nlisten = 127.0.0.1:$1\nchroot = $DIR/root\n"
					     "exec = /bin/busybox cat /secret\n");
	char *reply = ask(1, NULL);

	ck_assert_msg(strcmp(reply, "inside") == 0, "\"%s\"; log:\n%s", reply, daemon_log_tail(daemon));
	daemon_stop(daemon);
}
END_TEST

/* Standard error into a file, appended to, for several sessions. */
START_TEST(stderr_file)
{
	struct daemon *daemon = daemon_start("[noise]\nlisten = 127.0.0.1:$1\nstderr = file:$DIR/noise\n"
					     "exec = $PROBE stderr 5 word\n");

	ask_many(1, NULL, "done\n", 3, 0);
	char *text = test_read(test_path("noise"));

	ck_assert_str_eq(text, "word\nword\nword\n");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(stderr_socket)
{
	struct daemon *daemon = daemon_start("[noise]\nlisten = 127.0.0.1:$1\nstderr = socket\n"
					     "exec = $PROBE stderr 5 word\n");

	ask_many(1, NULL, "word\ndone\n", 3, 0);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("view");
	TCase *way = harness_case(suite, "way", 60);

	tcase_add_loop_test(way, view_tcp, 0, 2);
	tcase_add_test(way, view_mapped);
	tcase_add_loop_test(way, view_unix, 0, 3);
	tcase_add_test(way, view_filter);
	tcase_add_test(way, view_wait_stream);
	tcase_add_test(way, view_wait_datagram);

	TCase *key = harness_case(suite, "key", 60);

	tcase_add_loop_test(key, view_key, 0, (int)(sizeof(key_table) / sizeof(key_table[0])));
	tcase_add_test(key, as_started);
	tcase_add_test(key, view_chroot);
	tcase_add_test(key, stderr_file);
	tcase_add_test(key, stderr_socket);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
