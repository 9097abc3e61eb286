/* e2e_upgrade.c - the program is replaced in the running process: pid, sockets, sessions, limits and
 * counters stay, no client notices; and what cannot serve never comes to serve. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define A    "[a]\nlisten = 127.0.0.1:$1\nexec = $PROBE say a\n"
#define HOLD "[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE hold\n"
#define CAT  "[cat]\nlisten = 127.0.0.1:$2\nexec = /bin/cat\n"

/* ---- a usherd of its own, which can be replaced ---- */

/* Puts another file in the place of $DIR/usherd: the old one runs on. */
static void install_script(const char *text)
{
	ck_assert(unlink(test_path("usherd")) == 0 || errno == ENOENT);
	test_write("usherd", 0755, text, true);
}

static void install_copy(const char *from)
{
	const char *const words[] = { "/bin/cp", "--remove-destination", from, "$DIR/usherd", NULL };

	ck_assert_int_eq(run_command(words, NULL), 0);
}

static struct daemon *start(const char *config)
{
	/* The program itself comes first, and is replaced by its copy. */
	static const char *const wrapper[] = { "/bin/sh", "-c", "shift; exec $DIR/usherd \"$@\"", "sh",
					       NULL };
	const struct daemon_spec spec = { .config = config, .wrapper = wrapper };

	install_copy(usherd_path());
	return daemon_launch(&spec);
}

static void upgrade(struct daemon *daemon)
{
	daemon_signal(daemon, SIGUSR2);
	daemon_wait_log(daemon, " (upgraded from=|upgrade-failed)");
	ck_assert_msg(daemon_count_log(daemon, " upgrade-failed ") == 0, "%s", daemon_log_tail(daemon));
}

static int hold(void)
{
	int fd = tcp_connect(3);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(text != NULL && strcmp(text, "ready\n") == 0, "got \"%s\"", text);
	free(text);
	return fd;
}

static void release(int fd)
{
	shutdown(fd, SHUT_WR);
	char *rest = read_clean(fd, NULL);

	ck_assert_str_eq(rest, "bye\n");
	free(rest);
	close(fd);
}

/* The number behind "key": in a reply. */
static long reply_number(const char *request, const char *key)
{
	char *reply = control_ask(daemon_control(NULL), request), quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);

	const char *at = strstr(reply, quoted);

	ck_assert_msg(at != NULL, "no %s in %s", key, reply);

	long number = strtol(at + strlen(quoted), NULL, 10);

	free(reply);
	return number;
}

/* ---- what stays ---- */

START_TEST(everything_stays)
{
	struct daemon *daemon = start(A HOLD);
	unsigned long inode = listener_inode(test_port(1));
	int session = hold();

	ask_many(1, NULL, "a", 3, 0);
	WAIT_UNTIL(reply_number("services a", "accepted") == 3);
	upgrade(daemon);
	ck_assert_uint_eq(listener_inode(test_port(1)), inode);
	ask_many(1, NULL, "a", 3, 0);
	ck_assert_int_eq(reply_number("services a", "accepted"), 6);
	ck_assert_int_eq(reply_number("status", "upgrades"), 1);
	ck_assert_int_eq(reply_number("services hold", "active"), 1);
	release(session);
	daemon_wait_log(daemon,
			" end service=hold session=1 .* reason=exit status=0 .* bytes_in=0 bytes_out=10 ");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(asked_by_usherctl)
{
	struct daemon *daemon = start(A);
	char *reply = control_ask(daemon_control(daemon), "upgrade");

	ck_assert_match(reply, "\"ok\": ?true.*\"from\".*\"to\".*\"pid\"");
	free(reply);
	ck_assert_int_eq(reply_number("version", "pid"), daemon->pid);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static void wait_for_fds(struct daemon *daemon, int fds)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	char path[64];

	while (daemon_count_fds(daemon) != fds && now_ms() < end)
		nap();
	if (daemon_count_fds(daemon) == fds)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd", daemon->pid);

	const char *const words[] = { "/bin/ls", "-l", path, NULL };
	char *list;

	run_command(words, &list);
	ck_abort_msg("%d descriptors were open, these are now:\n%s", fds, list);
}

/* A descriptor that is left behind each time would be seen. */
START_TEST(ten_times)
{
	struct daemon *daemon = start(A HOLD CAT);
	int session = hold(), cat = tcp_connect(2), fds;

	send_text(cat, "0");
	free(read_piece(cat, PATIENCE_MS, NULL));
	/* A program may answer before the daemon has let go of its ends. */
	daemon_wait_log(daemon, " start service=cat ");
	fds = daemon_count_fds(daemon);
	for (int i = 0; i < 10; i++) {
		upgrade(daemon);
		wait_for_fds(daemon, fds);
		send_text(cat, "x");

		char *text = read_piece(cat, PATIENCE_MS, NULL);

		ck_assert_str_eq(text, "x");
		free(text);
	}
	close(cat);
	release(session);
	daemon_wait_log(daemon, " end service=cat .* bytes_in=11 bytes_out=11 ");
	ck_assert_int_eq(reply_number("status", "upgrades"), 10);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(limits_are_kept)
{
	struct daemon *daemon =
		start("[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE hold\ntime_limit = 1s\n"
		      "[two]\nlisten = 127.0.0.1:$4\nexec = $PROBE hold\ninstances = 1\nwhen_full = refuse\n"
		      "[idle]\nlisten = 127.0.0.1:$5\nexec = $PROBE hold\nidle_timeout = 800ms\n");
	int limited = hold(), full = tcp_connect(4), idle = tcp_connect(5), refused;

	free(read_piece(full, PATIENCE_MS, NULL));
	free(read_piece(idle, PATIENCE_MS, NULL));
	/* Rules of the next file are not for those who began before. */
	daemon_configure(
		"[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE hold\n"
		"[two]\nlisten = 127.0.0.1:$4\nexec = $PROBE hold\ninstances = 1\nwhen_full = refuse\n");
	upgrade(daemon);
	refused = tcp_connect(4);
	free(read_clean(refused, NULL));
	daemon_wait_log(daemon, " refuse service=two .*reason=instances");
	release(full);
	daemon_wait_log(daemon, " end service=two .*reason=exit");
	WAIT_UNTIL(daemon_count_log(daemon, " end service=hold .*reason=time_limit") == 1);
	WAIT_UNTIL(daemon_count_log(daemon, " end service=idle .*reason=idle_timeout") == 1);
	close(limited), close(idle), close(refused);
	daemon_stop(daemon);
}
END_TEST

/* Nobody has opened the fifo for writing: the service waits for that. */
static void let_go(const char *fifo)
{
	int fd = open(test_path(fifo), O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void make_fifo(const char *name)
{
	ck_assert_int_eq(mkfifo(test_path(name), 0666), 0);
	ck_assert_int_eq(chmod(test_path(name), 0666), 0);
}

START_TEST(output_goes_on)
{
	struct daemon *daemon =
		start("[err]\nlisten = 127.0.0.1:$1\n"
		      "exec = /bin/sh -c 'printf one; printf half >&2; read x; echo line >&2'\n"
		      "[filter]\nlisten = 127.0.0.1:$2/udp\n"
		      "exec = /bin/sh -c 'read x <$DIR/fifo; exec cat'\n");
	int client = tcp_connect(1), udp = udp_connect("127.0.0.1", test_port(2));

	make_fifo("fifo");
	free(read_piece(client, PATIENCE_MS, NULL));
	send_text(udp, "ping");
	daemon_wait_log(daemon, " start service=filter ");
	upgrade(daemon);
	send_text(client, "\n");
	daemon_wait_log(daemon, " stderr service=err .*text=halfline");
	let_go("fifo");

	char *reply = read_piece(udp, PATIENCE_MS, NULL);

	ck_assert_str_eq(reply, "ping");
	free(reply);
	daemon_wait_log(daemon, " end service=filter .*reason=exit");
	close(client), close(udp);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(holder_of_a_socket)
{
	struct daemon *daemon = start("[wait]\nlisten = 127.0.0.1:$1\nwait = yes\n"
				      "exec = /bin/sh -c 'read x <$DIR/fifo; exec $PROBE accept'\n");
	int first = tcp_connect(1), second;

	make_fifo("fifo");
	daemon_wait_log(daemon, " start service=wait session=1 ");
	upgrade(daemon);
	second = tcp_connect(1);
	let_go("fifo");

	char *view = read_all(first, NULL);

	/* Nothing but its own descriptors. */
	ck_assert_line(view, "fds 4");
	free(view);
	daemon_wait_log(daemon, " end service=wait session=1 .*reason=exit");
	daemon_wait_log(daemon, " start service=wait session=2 ");
	upgrade(daemon);
	let_go("fifo");
	free(read_all(second, NULL));
	daemon_wait_log(daemon, " end service=wait session=2 .*reason=exit");
	close(first), close(second);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Who waits in the kernel's queue is served by the next program. */
/* The trial raises its limit of descriptors, as each start does; so must who takes over, or it cannot serve. */
START_TEST(limit_of_descriptors)
{
	struct daemon *daemon = start("[usherd]\nmax_sessions = 200\n" A);
	struct rlimit limit;

	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = 100;
	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, &limit, NULL), 0);
	upgrade(daemon);
	ask_many(1, NULL, "a", 1, 0);
	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, NULL, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
	daemon_stop(daemon);
}
END_TEST

START_TEST(queue_is_kept)
{
	struct daemon *daemon = start("[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE hold\ninstances = 1\n");
	int first = hold(), second = tcp_connect(3);

	upgrade(daemon);
	ck_assert_ptr_null(read_piece(second, 0, NULL));
	release(first);

	char *text = read_piece(second, PATIENCE_MS, NULL);

	ck_assert_str_eq(text, "ready\n");
	free(text);
	release(second);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A client that does not take its reply for a while, after its service has ended. */
START_TEST(reply_of_an_ended_service)
{
	struct daemon *daemon = start("[much]\nlisten = 127.0.0.1:$1\nlinger = 20s\n"
				      "exec = /bin/sh -c 'head -c 300000 /dev/zero'\nsndbuf = 1M\n");
	int client = tcp_connect(1);
	size_t length;

	send_text(client, "something that nobody reads");
	daemon_wait_log(daemon, " end service=much .*bytes_out=300000 ");
	upgrade(daemon);
	send_text(client, "more of it");
	shutdown(client, SHUT_WR);
	free(read_clean(client, &length));
	ck_assert_uint_eq(length, 300000);
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static void ask_unix(const char *path, int type)
{
	int fd = unix_connect(path, type);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_str_eq(text, "a");
	free(text);
	close(fd);
}

START_TEST(unix_sockets)
{
	struct daemon *daemon = start("[u]\nlisten = unix:$DIR/stream, unix-seqpacket:$DIR/packets\n"
				      "exec = $PROBE say a\n");
	struct stat before, after;

	ck_assert_int_eq(stat(test_path("stream"), &before), 0);
	upgrade(daemon);
	ck_assert_int_eq(stat(test_path("stream"), &after), 0);
	ck_assert(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	ask_unix(test_path("stream"), SOCK_STREAM);
	ask_unix(test_path("packets"), SOCK_SEQPACKET);
	daemon_oracle(daemon);
	daemon_stop(daemon);
	/* They are still known to be ours. */
	ck_assert_int_lt(stat(test_path("stream"), &after), 0);
}
END_TEST

START_TEST(bans_and_switches)
{
	struct daemon *daemon =
		start(A HOLD "[off]\nlisten = 127.0.0.1:$4\nexec = $PROBE say off\ndisable = yes\n");
	const char *control = daemon_control(daemon);

	free(control_ask(control, "ban 192.0.2.0/24"));
	free(control_ask(control, "ban 198.51.100.7 1h"));
	free(control_ask(control, "enable off"));
	free(control_ask(control, "disable a"));
	upgrade(daemon);

	char *bans = control_ask(control, "bans");

	ck_assert_match(bans, "192\\.0\\.2\\.0/24");
	ck_assert_match(bans, "198\\.51\\.100\\.7.*seconds_left\": ?3[56]");
	free(bans);
	ask_many(4, NULL, "off", 1, 0);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(1)), -ECONNREFUSED);
	daemon_stop(daemon);
}
END_TEST

START_TEST(new_configuration)
{
	struct daemon *daemon = start(A HOLD CAT);
	int session = hold(), cat = tcp_connect(2);

	send_text(cat, "x");
	free(read_piece(cat, PATIENCE_MS, NULL));
	/* One goes, one stays, one comes; the session of the one that goes lives on. */
	daemon_configure(A "[b]\nlisten = 127.0.0.1:$5\nexec = $PROBE say b\n" CAT);
	upgrade(daemon);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(3)), -ECONNREFUSED);
	ask_many(5, NULL, "b", 1, 0);
	ask_many(1, NULL, "a", 1, 0);
	upgrade(daemon); /* a service that is no longer there, once more */
	release(session);
	daemon_wait_log(daemon, " end service=hold ");
	close(cat);
	daemon_wait_log(daemon, " end service=cat ");
	daemon_stop(daemon);
}
END_TEST

/* Without what differs from one connection to the next. */
static char *view_of(unsigned number)
{
	char *view = ask(number, NULL), *plain = calloc(1, strlen(view) + 2);

	for (char *line = strtok(view, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (strstr(line, "REMOTEPORT") == NULL && strstr(line, "REMOTE_PORT") == NULL &&
		    strstr(line, "USHERD_SESSION") == NULL)
			strcat(strcat(plain, line), "\n");
	free(view);
	return plain;
}

/* No descriptor, no signal, no limit and no variable comes from being another program. */
START_TEST(services_see_no_difference)
{
	struct daemon *daemon = start("[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\n");
	char *before = view_of(1), *after;

	upgrade(daemon);
	after = view_of(1);
	ck_assert_line(after, "fds 3");
	ck_assert_str_eq(before, after);
	free(after);
	upgrade(daemon);
	after = view_of(1);
	ck_assert_str_eq(before, after);
	daemon_stop(daemon);
}
END_TEST

START_TEST(drain_after_it)
{
	struct daemon *daemon = start("[usherd]\ndrain_timeout = 50ms\n" HOLD);
	int session = hold();

	upgrade(daemon);
	daemon_stop(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=hold .*reason=drain"), 1);
	close(session);
}
END_TEST

/* ---- what fails ---- */

static void expect_failure(struct daemon *daemon, const char *why)
{
	int session = hold();

	daemon_signal(daemon, SIGUSR2);

	const char *line = daemon_wait_log(daemon, " upgrade-failed ");

	ck_assert_match(line, why);
	ck_assert_uint_eq(daemon_count_log(daemon, " upgraded "), 0);
	ask_many(1, NULL, "a", 1, 0);
	release(session);
	daemon_oracle(daemon);
}

static const struct {
	const char *program, *why;
	mode_t mode;
} bad_programs[] = {
	{ NULL, "No such file", 0 },
	{ "#!/bin/sh\n", "Permission denied", 0644 },
	{ "no program at all", "Exec format error", 0755 },
	{ "#!/bin/sh\nexit 3\n", "status 3", 0755 },
	{ "#!/bin/sh\nexit 0\n", "status 0 and without a word", 0755 },
	{ "#!/bin/sh\nkill -KILL $$\n", "signal 9", 0755 },
	{ "#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' g\n", "ggg", 0755 },
	{ "#!/bin/sh\necho usherd-upgrade yes 9.9\necho but no\n", "but no", 0755 },
	{ "#!/bin/sh\necho usherd: library lost >&2\nexit 127\n", "library lost", 0755 },
};

START_TEST(bad_program)
{
	struct daemon *daemon = start(A HOLD);

	if (bad_programs[_i].program == NULL)
		ck_assert_int_eq(unlink(test_path("usherd")), 0);
	else
		install_script(bad_programs[_i].program);
	if (bad_programs[_i].mode != 0)
		ck_assert_int_eq(chmod(test_path("usherd"), bad_programs[_i].mode), 0);
	expect_failure(daemon, bad_programs[_i].why);
	daemon_stop(daemon);
}
END_TEST

/* One that hangs holds up nobody: neither clients, nor the end. */
START_TEST(program_that_hangs)
{
	struct daemon *daemon = start(A HOLD);

	install_script("#!/bin/sh\ntouch $DIR/tried\nexec sleep 1000\n");
	daemon_signal(daemon, SIGUSR2);
	WAIT_UNTIL(access(test_path("tried"), F_OK) == 0);
	ask_many(1, NULL, "a", 2, 0);

	char *reply = control_ask(daemon_control(daemon), "upgrade");

	ck_assert_match(reply, "\"ok\": ?false.*under way already");
	free(reply);
	daemon_stop(daemon);
}
END_TEST

START_TEST(bad_configuration)
{
	struct daemon *daemon = start(A HOLD);

	daemon_configure(A HOLD "instnaces = 3\n");
	expect_failure(daemon, "services.ini:[0-9]+: .*instnaces");

	char *reply = control_ask(daemon_control(daemon), "upgrade");

	ck_assert_match(reply, "\"ok\": ?false.*\"code\": ?\"failed\".*instnaces");
	free(reply);
	daemon_configure(A HOLD);
	daemon_signal(daemon, SIGUSR2);
	daemon_wait_log(daemon, " upgraded ");
	daemon_stop(daemon);
}
END_TEST

/* A port that is taken is only found out when it is too late: then the program before comes back. */
START_TEST(way_back)
{
	struct daemon *daemon = start(A HOLD);
	int session = hold(), taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)test_port(9)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	ck_assert_int_eq(bind(taken, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(taken, 1), 0);
	daemon_configure(A HOLD "[b]\nlisten = 127.0.0.1:$9\nexec = $PROBE say b\n");

	char *reply = control_ask(daemon_control(daemon), "upgrade");

	ck_assert_match(reply, "\"ok\": ?false.*in use");
	free(reply);
	daemon_wait_log(daemon, " upgrade-failed .*in use by another program.*the program before goes on");
	ask_many(1, NULL, "a", 2, 0);
	release(session);
	daemon_wait_log(daemon, " end service=hold session=1 .* bytes_out=10 ");
	close(taken);
	daemon_oracle(daemon);
	daemon_signal(daemon, SIGUSR2);
	daemon_wait_log(daemon, " upgraded from=");
	ask_many(9, NULL, "b", 1, 0);
	daemon_stop(daemon);
}
END_TEST

/* What can be done without is done without, when there is no other way. */
START_TEST(way_back_to_little)
{
	struct daemon *daemon;
	int session, taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)test_port(9)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	ck_assert_int_eq(mkdir(test_path("run"), 0755), 0);
	daemon = start("[usherd]\npid_file = $DIR/run/pid\n" A HOLD);
	session = hold();
	ck_assert_int_eq(bind(taken, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(taken, 1), 0);
	ck_assert_int_eq(unlink(test_path("run/pid")), 0);
	ck_assert_int_eq(rmdir(test_path("run")), 0);
	daemon_configure(A HOLD "[b]\nlisten = 127.0.0.1:$9\nexec = $PROBE say b\n");
	daemon_signal(daemon, SIGUSR2);
	daemon_wait_log(daemon, " upgrade-failed .*in use by another program.*the program before goes on");
	ask_many(1, NULL, "a", 2, 0);
	release(session);
	close(taken);
	daemon_stop(daemon);
}
END_TEST

/* ---- the trial by hand ---- */

static void put_state(void *context)
{
	int fd = memfd_create("state", MFD_ALLOW_SEALING);
	const char *text = context;

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0 ||
	    dup2(fd, 3) != 3)
		_exit(99);
}

static const struct {
	const char *state, *why;
	int status;
} states[] = {
	{ "usherd-state 99 9.9.9\n{\"record\":\"end\",\"count\":0}\n",
	  "format 99, and this usherd reads up to", 71 },
	{ "usherd-state 1 9.9.9\n{\"record\":\"future\",\"x\":1}\n", "cut off", 71 },
	{ "something else\n", "no state of a usherd", 71 },
	{ "usherd-state 1 9.9.9\n{\"record\":\"program\",\"path\":\"/x\",\"directory\":\"/\"}\n"
	  "{\"record\":\"session\",\"id\":-1}\n{\"record\":\"end\",\"count\":2}\n",
	  "record 2: id is no number", 65 },
	{ "usherd-state 1 9.9.9\n{\"record\":\"program\",\"path\":\"/x\",\"directory\":\"/\"}\n"
	  "{\"record\":\"of the future\",\"id\":-1}\n{\"record\":\"end\",\"count\":2}\n",
	  "usherd-upgrade yes", 0 },
};

START_TEST(states_of_others)
{
	char *const environment[] = { (char *)(uintptr_t) "PATH=/usr/bin:/bin",
				      (char *)(uintptr_t) "USHERD_UPGRADE_TRIAL=3", NULL };
	const struct daemon_spec spec = {
		.config = A,
		.prepare = put_state,
		.context = (void *)(uintptr_t)states[_i].state,
		.environment = environment,
		.no_wait = true,
	};
	struct daemon *daemon = daemon_launch(&spec);

	ck_assert_int_eq(daemon_wait_exit(daemon), states[_i].status);
	if (states[_i].status != 0)
		ck_assert_match(daemon_read_log(daemon), states[_i].why);
}
END_TEST

/* ---- at the same time ---- */

START_TEST(signals_meanwhile)
{
	struct daemon *daemon = start(A HOLD);
	int session = hold();

	daemon_signal(daemon, SIGUSR2);
	daemon_signal(daemon, SIGHUP);
	daemon_signal(daemon, SIGUSR2);
	daemon_wait_log(daemon, " upgraded ");
	WAIT_UNTIL(daemon_count_log(daemon, " reload ") == 1);
	daemon_signal(daemon, SIGUSR2);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain ");
	release(session);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* Connects again and again until the end of input; says how often, and whether all was well. */
static void load(int go_on, int report)
{
	unsigned count = 0;
	struct pollfd input = { .fd = go_on, .events = POLLIN };

	while (poll(&input, 1, 0) == 0) {
		int fd = tcp_try("127.0.0.1", test_port(2));
		char text[32], back[32] = "";
		int length = snprintf(text, sizeof(text), "%u\n", count);

		if (fd < 0 || write(fd, text, (size_t)length) != length || shutdown(fd, SHUT_WR) != 0 ||
		    recv(fd, back, (size_t)length, MSG_WAITALL) != length ||
		    memcmp(text, back, (size_t)length) != 0 || read(fd, back, 1) != 0) {
			count = 0;
			break;
		}
		close(fd);
		count++;
	}
	(void)!write(report, &count, sizeof(count));
	_exit(0);
}

START_TEST(under_load)
{
	struct daemon *daemon = start(CAT HOLD);
	int session = hold(), input[2], report[2];
	unsigned count = 0;
	pid_t pid;

	ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(report, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(input[1]);
		load(input[0], report[1]);
	}
	for (int i = 0; i < 20; i++)
		upgrade(daemon);
	close(input[1]);
	ck_assert_int_eq(read(report[0], &count, sizeof(count)), sizeof(count));
	ck_assert_uint_gt(count, 0);
	waitpid(pid, NULL, 0);
	release(session);
	WAIT_UNTIL(reply_number("services cat", "active") == 0);
	ck_assert_int_eq(reply_number("services cat", "accepted"), (long)count);
	ck_assert_int_eq(reply_number("status", "upgrades"), 20);
	/* Nor is a line of the log lost. */
	WAIT_UNTIL(daemon_count_log(daemon, " end service=cat .*reason=exit status=0") == count);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("upgrade");
	TCase *stays = harness_case(suite, "stays", 60);
	TCase *fails = harness_case(suite, "fails", 60);

	tcase_add_test(stays, everything_stays);
	tcase_add_test(stays, asked_by_usherctl);
	tcase_add_test(stays, ten_times);
	tcase_add_test(stays, limits_are_kept);
	tcase_add_test(stays, output_goes_on);
	tcase_add_test(stays, holder_of_a_socket);
	tcase_add_test(stays, limit_of_descriptors);
	tcase_add_test(stays, queue_is_kept);
	tcase_add_test(stays, reply_of_an_ended_service);
	tcase_add_test(stays, unix_sockets);
	tcase_add_test(stays, bans_and_switches);
	tcase_add_test(stays, new_configuration);
	tcase_add_test(stays, services_see_no_difference);
	tcase_add_test(stays, drain_after_it);
	tcase_add_test(stays, signals_meanwhile);
	tcase_add_test(stays, under_load);
	tcase_add_loop_test(fails, bad_program, 0, (int)(sizeof(bad_programs) / sizeof(bad_programs[0])));
	tcase_add_test(fails, program_that_hangs);
	tcase_add_test(fails, bad_configuration);
	tcase_add_test(fails, way_back);
	tcase_add_test(fails, way_back_to_little);
	tcase_add_loop_test(fails, states_of_others, 0, (int)(sizeof(states) / sizeof(states[0])));
	return suite;
}

int main(void)
{
	return harness_main(suite, NULL);
}
