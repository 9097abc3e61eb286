/* check_spawn.c - real children: the descriptors and the surroundings that they begin with. */
#include "spawn_help.h"

/* ---- descriptors ---- */

#define LIST "for fd in /proc/self/fd/*; do test -e $fd && printf '%s ' ${fd##*/}; done; true"

/* The shell's own look-up opens none: exactly 0, 1 and 2, however many the
 * parent has, of which none is touched. */
START_TEST(only_three)
{
	static int many[2000];
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t i = 0; i < ELEMENTS(many); i++) {
		many[i] = open("/dev/zero", O_RDONLY); /* not even close-on-exec */
		ck_assert_int_ge(many[i], 0);
	}
	ck_assert_str_eq(output_of(LIST), "0 1 2 ");
	for (size_t i = 0; i < ELEMENTS(many); i++) {
		char byte = 'x';

		ck_assert_int_eq(read(many[i], &byte, 1), 1);
		ck_assert_int_eq(byte, 0);
	}
}
END_TEST

/* The listening socket itself is on 0, 1 and 3. */
START_TEST(wait_gets_the_socket)
{
	char text[256] = "";
	int other = ends[0];

	use_script("test /proc/self/fd/0 -ef /proc/self/fd/3 && test /proc/self/fd/1 -ef /proc/self/fd/3 && "
		   "test $LISTEN_PID = $$ && echo \"$LISTEN_FDS $(" LIST ")\"");

	struct spawn_child child = start(SPAWN_WAIT);

	ck_assert_int_eq(finish(&child), 0);
	ck_assert_int_gt(read(other, text, sizeof(text) - 1), 0);
	ck_assert_msg(strncmp(text, "1 0 1 2 3", 9) == 0, "%s", text);
}
END_TEST

START_TEST(filter)
{
	char text[64];
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(write(pair[0], "first\n", 6), 6);
	ck_assert_int_eq(write(pair[0], "second\n", 7), 7);
	use_script("read a; read b && exit 1; echo got $a; echo more");

	struct spawn_request request = request_of(SPAWN_FILTER);
	struct spawn_child child;
	struct spawn_failure failure;

	request.socket = pair[1];
	/* What a service may have is no limit for what has to be done before. */
	service.rlimit[CONF_RLIMIT_FSIZE] = (struct conf_rlimit){ true, 0, 0 };
	service.rlimit[CONF_RLIMIT_NOFILE] = (struct conf_rlimit){ true, 20, 20 };
	ck_assert_int_eq(spawn_start(spawn, &request, &child, &failure), 0);
	ck_assert_int_eq(recv(child.replies, text, sizeof(text), 0), 10);
	ck_assert_mem_eq(text, "got first\n", 10);
	ck_assert_int_eq(recv(child.replies, text, sizeof(text), 0), 5);
	ck_assert_int_eq(recv(child.replies, text, sizeof(text), 0), 0);
	ck_assert_int_eq(finish(&child), 0);
	ck_assert_int_eq(recv(pair[1], text, sizeof(text), MSG_DONTWAIT), 7); /* untouched */
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(stderr_to_the_log)
{
	char text[64] = "";

	service.stderr_target.kind = CONF_STDERR_LOG;
	use_script("echo said >&2; echo opened >/dev/stderr");

	struct spawn_child child = start(SPAWN_CONNECTION);

	ck_assert_int_ne(fcntl(child.stderr_pipe, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(waitid(P_PIDFD, (id_t)child.pidfd, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(read(child.stderr_pipe, text, sizeof(text)), 12);
	ck_assert_str_eq(text, "said\nopened\n");
	ck_assert_int_eq(read(child.stderr_pipe, text, sizeof(text)), 0);
	ck_assert_int_eq(finish(&child), 0);
}
END_TEST

START_TEST(stderr_to_a_file)
{
	service.stderr_target.kind = CONF_STDERR_FILE;
	service.stderr_target.path = file_with("err", 0600, "old\n");
	ck_assert_str_eq(output_of("echo new >&2; " LIST), "0 1 2 ");
	ck_assert_str_eq(read_file(service.stderr_target.path), "old\nnew\n");
}
END_TEST

START_TEST(stderr_to_the_socket)
{
	service.stderr_target.kind = CONF_STDERR_SOCKET;
	ck_assert_str_eq(output_of("echo said >&2"), "said\n");
}
END_TEST

/* ---- no descriptors left ---- */

START_TEST(no_descriptors_left)
{
	struct rlimit limit = { 256, 256 };
	static int many[256];
	size_t count = 0;
	enum spawn_kind kind = _i == 0 ? SPAWN_CONNECTION : SPAWN_FILTER;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(write(pair[0], "x", 1), 1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((many[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	ck_assert_int_eq(errno, EMFILE);

	struct spawn_request request = request_of(kind);
	struct spawn_child child;
	struct spawn_failure failure;

	if (kind == SPAWN_FILTER)
		request.socket = pair[1];
	service.stderr_target.kind = CONF_STDERR_LOG;
	use_script("exit 3");
	ck_assert_int_eq(spawn_start(spawn, &request, &child, &failure), 0);
	ck_assert_int_eq(finish(&child), 3);
	while (count > 0)
		close(many[--count]);
}
END_TEST

/* ---- surroundings ---- */

START_TEST(signals_and_group)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	ck_assert_str_eq(output_of("sed -n 's/^SigBlk:\t//p; s/^SigIgn:\t//p' /proc/self/status; "
				   "cut -d' ' -f5,6 /proc/$$/stat | "
				   "{ read a b; test $a = $$ && test $b = $$ && echo leads; }"),
			 "0000000000000000\n0000000000000000\nleads\n");
}
END_TEST

START_TEST(limits_and_umask)
{
	service.rlimit[CONF_RLIMIT_CORE] = (struct conf_rlimit){ true, 0, 0 };
	service.rlimit[CONF_RLIMIT_NOFILE] = (struct conf_rlimit){ true, 50, 60 };
	service.umask = 0077;
	service.nice = (struct conf_optional_int){ true, 7 };
	service.directory = folder;
	service.no_new_privileges = true;

	char expected[256];

	snprintf(expected, sizeof(expected), "0 50 60 0077 7 %s 1\n", folder);
	ck_assert_str_eq(output_of("echo $(ulimit -c) $(ulimit -n) $(ulimit -Hn) $(umask) $(nice) $(pwd) "
				   "$(sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)"),
			 expected);
}
END_TEST

START_TEST(identity)
{
	static const gid_t groups[] = { 54322, 54323 };

	if (geteuid() != 0)
		return;
	service.identity = (struct conf_identity){
		.change = true, .uid = 54321, .gid = 54322, .groups = groups, .group_count = ELEMENTS(groups)
	};
	ck_assert_str_eq(output_of("id -u; id -g; id -G; sed -n 's/^[UG]id:\t//p' /proc/self/status"),
			 "54321\n54322\n54322 54323\n"
			 "54321\t54321\t54321\t54321\n54322\t54322\t54322\t54322\n");
}
END_TEST

/* Another program of the service's user stops whatever that user has: the child
 * on its way to exec must get there all the same, and the daemon with it. */
START_TEST(stopped_on_the_way)
{
	pid_t stopper;

	if (geteuid() != 0)
		return;
	service.identity = (struct conf_identity){ .change = true, .uid = 54329, .gid = 54329 };
	use_program("/bin/true", NULL, NULL);
	stopper = fork();
	if (stopper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setresuid(54329, 54329, 54329) != 0)
			_exit(1);
		for (;;)
			kill(-1, SIGSTOP);
	}
	for (int i = 0; i < 20; i++) {
		struct spawn_request request = request_of(SPAWN_CONNECTION);
		struct spawn_child child;
		struct spawn_failure failure;

		if (spawn_start(spawn, &request, &child, &failure) != 0) {
			ck_assert_int_eq(failure.error, ETIMEDOUT);
			continue;
		}
		kill(child.pid, SIGKILL);
		finish(&child);
	}
	kill(stopper, SIGKILL);
	ck_assert_int_eq(waitpid(stopper, NULL, 0), stopper);
}
END_TEST

static const struct {
	const char *listen;
	struct peer peer;
	enum spawn_kind kind;
	const char *has[10], *has_not[6]; /* NAME= or NAME=value */
} environments[] = {
	{ "127.0.0.1:7",
	  { .family = PEER_IPV4, .port = 1234, .ip = { 127, 0, 0, 2 } },
	  SPAWN_CONNECTION,
	  { "PROTO=TCP", "TCPLOCALIP=127.0.0.1", "TCPLOCALPORT=7", "TCPREMOTEIP=127.0.0.2",
	    "TCPREMOTEPORT=1234", "REMOTE_ADDR=127.0.0.2", "REMOTE_PORT=1234", "USHERD_SESSION=17", "FIXED=yes" },
	  { "LISTEN_FDS=", "LISTEN_PID=", "UNIX", "UDP" } },
	{ "[::1]:7/udp",
	  { .family = PEER_IPV6, .port = 99, .ip = { [15] = 1 } },
	  SPAWN_CONNECTION,
	  { "PROTO=UDP", "UDPREMOTEIP=::1", "UDPREMOTEPORT=99", "REMOTE_ADDR=::1" },
	  { "TCP", "LISTEN_FDS=" } },
	{ "127.0.0.1:7/udp",
	  { .family = PEER_IPV4, .port = 99, .ip = { 127, 0, 0, 1 } },
	  SPAWN_WAIT,
	  { "PROTO=UDP", "LISTEN_FDS=1", "LISTEN_PID=", "UDPLOCALPORT=7" },
	  { "UDPREMOTE", "REMOTE_", "TCP" } },
	{ "unix:/run/x.sock",
	  { .family = PEER_UNIX, .unix_peer = { 1, 2, 3 } },
	  SPAWN_CONNECTION,
	  { "PROTO=UNIX", "UNIXLOCALPATH=/run/x.sock", "IPCLOCALPATH=/run/x.sock", "UNIXREMOTEEUID=1",
	    "UNIXREMOTEEGID=2", "UNIXREMOTEPID=3", "IPCREMOTEEUID=1", "IPCREMOTEEGID=2" },
	  { "TCP", "REMOTE_ADDR" } },
	{ "unix:@abstract",
	  { .family = PEER_NONE },
	  SPAWN_CONNECTION,
	  { "PROTO=UNIX" },
	  { "UNIXLOCALPATH", "UNIXREMOTE", "IPCREMOTE" } },
	{ "vsock:5",
	  { .family = PEER_VSOCK, .vsock = { 3, 1024 } },
	  SPAWN_CONNECTION,
	  { "PROTO=VSOCK", "VSOCKREMOTECID=3", "VSOCKREMOTEPORT=1024" },
	  { "TCP", "REMOTE_ADDR" } },
};

/* `name` at the beginning of a line of `text`. */
static bool has_line(const char *text, const char *name)
{
	for (; text != NULL && *text != '\0'; text = strchr(text, '\n'), text += text != NULL)
		if (strncmp(text, name, strlen(name)) == 0)
			return true;
	return false;
}

START_TEST(environment)
{
	char fixed_word[] = "FIXED=yes";
	char *fixed[] = { fixed_word, NULL };
	static char text[8192];
	int other = ends[0];

	use_endpoint(environments[_i].listen);
	peer = environments[_i].peer;
	service.environment = (struct conf_words){ fixed, 1 };
	use_program("/usr/bin/env", NULL, NULL);

	struct spawn_child child = start(environments[_i].kind);

	ck_assert_int_eq(finish(&child), 0);
	ck_assert_int_gt(read(other, text, sizeof(text) - 1), 0);
	for (size_t i = 0; i < 10 && environments[_i].has[i] != NULL; i++)
		ck_assert_msg(has_line(text, environments[_i].has[i]), "no %s in:\n%s", environments[_i].has[i],
			      text);
	for (size_t i = 0; i < 6 && environments[_i].has_not[i] != NULL; i++)
		ck_assert_msg(!has_line(text, environments[_i].has_not[i]), "%s in:\n%s",
			      environments[_i].has_not[i], text);
	ck_assert(!has_line(text, "PATH=") && !has_line(text, "HOME="));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("spawn");
	TCase *tests = tcase_create("spawn");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, only_three);
	tcase_add_test(tests, wait_gets_the_socket);
	tcase_add_test(tests, filter);
	tcase_add_test(tests, stderr_to_the_log);
	tcase_add_test(tests, stderr_to_a_file);
	tcase_add_test(tests, stderr_to_the_socket);
	tcase_add_loop_test(tests, no_descriptors_left, 0, 2);
	tcase_add_test(tests, signals_and_group);
	tcase_add_test(tests, limits_and_umask);
	tcase_add_test(tests, identity);
	tcase_add_test(tests, stopped_on_the_way);
	tcase_add_loop_test(tests, environment, 0, ELEMENTS(environments));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
