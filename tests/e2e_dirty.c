/* e2e_dirty.c - a daemon that was started from a mess gives its services
 * exactly the same view as one from a clean start, byte for byte, and behaves
 * the same (F12, F39, F41, F43 to F47). */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONFIG                                                                                               \
	"[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\n"                                                     \
	"[hello]\nlisten = 127.0.0.1:$2\nexec = $PROBE say hello\n"                                          \
	"[filter]\nlisten = 127.0.0.1:$3/udp\nexec = $PROBE\n"                                               \
	"[waiter]\nlisten = 127.0.0.1:$4\nwait = yes\nexec = $PROBE accept\n"

/* For a daemon whose standard error is closed. */
#define QUIET "[usherd]\nlog = file:$DIR/quiet.log\n"

static int master = -1; /* of the pseudo terminal */

/* libc keeps 32 and 33 to itself; the kernel does not. */
static void set_action(int number, void *handler)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = { .handler = handler };

	syscall(SYS_rt_sigaction, number, &action, NULL, 8);
}

static void ignore_signals(void *context)
{
	(void)context;
	for (int number = 1; number <= 64; number++)
		set_action(number, (void *)1);
}

static void ignore_child(void *context)
{
	(void)context;
	set_action(SIGCHLD, (void *)1);
}

static void block_signals(void *context)
{
	unsigned long all = ~0UL;

	(void)context;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	raise(SIGUSR1);
	raise(SIGPIPE);
	raise(SIGCHLD);
	alarm(1);
}

static void close_standard(void *context)
{
	(void)context;
	close(0);
	close(1);
	close(2);
}

static void close_input(void *context)
{
	(void)context;
	close(0);
}

static void open_many(void *context)
{
	int ends[2];

	(void)context;
	for (int i = 0; i < 30; i++) {
		(void)!pipe(ends);
		(void)!socket(AF_INET, SOCK_STREAM, 0);
		(void)!open("/dev/null", O_RDWR);
	}
	for (int i = 0; i < 10; i++)
		dup2(0, 200 + i * 3);
}

static void raise_limit(void *context)
{
	struct rlimit limit;

	(void)context;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void take_terminal(void *context)
{
	setsid();
	int slave = open(context, O_RDWR);

	dup2(slave, 0);
	dup2(slave, 1);
}

static void bad_umask(void *context)
{
	(void)context;
	umask(0777);
}

static void bad_directory(void *context)
{
	char template[] = "/tmp/usherd-gone-XXXXXX";

	(void)context;
	if (mkdtemp(template) != NULL && chdir(template) == 0)
		rmdir(template);
}

static void bad_groups(void *context)
{
	gid_t groups[] = { 4, 27, 1234 };

	(void)context;
	(void)!setgroups(3, groups);
}

static void everything(void *context)
{
	take_terminal(context);
	open_many(NULL);
	raise_limit(NULL);
	bad_umask(NULL);
	bad_directory(NULL);
	bad_groups(NULL);
	ignore_signals(NULL);
	block_signals(NULL);
}

static char big[100 * 1024] = "BIG=";
static char path[] = "PATH=/tmp/evil:/usr/bin:/bin", secret[] = "SECRET=1", ifs[] = "IFS=/",
	    bash_env[] = "BASH_ENV=/tmp/evil", gconv[] = "GCONV_PATH=/tmp", listen_pid[] = "LISTEN_PID=1",
	    listen_fds[] = "LISTEN_FDS=9", stale[] = "TCPREMOTEIP=9.9.9.9", host[] = "REMOTE_HOST=-froot",
	    user[] = "USER=-f root", home[] = "HOME=/root", shell[] = "SHELL=/tmp/evil", nothing[] = "=",
	    bare[] = "NOEQUALS", pid[] = "USHERD_SESSION=77", odd[] = "X=\x1b[31m\n\xff";
static char *hostile[] = { path, secret, ifs,   bash_env, gconv, listen_pid, listen_fds, stale, host,
			   user, home,   shell, nothing,  bare,  pid,        odd,        big,   NULL };
static char *empty[] = { NULL };

static const struct {
	const char *name;
	void (*prepare)(void *context);
	char *const *environment;
	bool silent; /* standard error is closed: the log cannot tell */
} dirt[] = {
	{ "signals ignored", ignore_signals, NULL, false },
	{ "SIGCHLD ignored", ignore_child, NULL, false },
	{ "signals blocked", block_signals, NULL, false },
	{ "0 to 2 closed", close_standard, NULL, true },
	{ "0 closed", close_input, NULL, false },
	{ "100 descriptors", open_many, NULL, false },
	{ "many descriptors allowed", raise_limit, NULL, false },
	{ "hostile environment", NULL, hostile, false },
	{ "empty environment", NULL, empty, false },
	{ "controlling terminal", take_terminal, NULL, false },
	{ "umask 0777", bad_umask, NULL, false },
	{ "directory deleted", bad_directory, NULL, false },
	{ "groups of the starter", bad_groups, NULL, false },
	{ "everything", everything, hostile, false },
};

/* The views of all ways to start a service, with nothing in them that differs
 * from run to run: the client's port is always the same. */
static char *views(void)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);
	int fd = tcp_connect_from("127.0.0.1", test_port(50), "127.0.0.1", test_port(1));

	fputs(read_all(fd, NULL), out);
	reset_close(fd); /* leaves no TIME_WAIT: the next run uses the port again */
	fd = tcp_connect_from("127.0.0.1", test_port(51), "127.0.0.1", test_port(4));
	fputs(read_all(fd, NULL), out);
	reset_close(fd);

	struct sockaddr_in own = { .sin_family = AF_INET,
				   .sin_port = htons((uint16_t)test_port(52)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in to = own;

	to.sin_port = htons((uint16_t)test_port(3));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	send_text(fd, "x");
	char *view = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_ptr_nonnull(view);
	fputs(view, out);
	close(fd);
	fclose(out);
	return result;
}

static void low_limit(void *context)
{
	struct rlimit limit;

	(void)context;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 1024 < limit.rlim_max ? 1024 : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

START_TEST(dirty_start)
{
	char *slave = NULL;
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = CONFIG, .prepare = low_limit });
	char *clean = views();

	daemon_stop(daemon);
	memset(big + 4, 'x', sizeof(big) - 5);
	if (dirt[_i].prepare == take_terminal || dirt[_i].prepare == everything) {
		master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		SKIP_IF(master < 0 || grantpt(master) < 0 || unlockpt(master) < 0,
			"no pseudo terminals here");
		slave = strdup(ptsname(master));
	}
	daemon = daemon_launch(&(struct daemon_spec){ .config = dirt[_i].silent ? QUIET CONFIG : CONFIG,
						      .prepare = dirt[_i].prepare,
						      .context = slave,
						      .environment = dirt[_i].environment,
						      .no_wait = dirt[_i].silent });
	if (dirt[_i].silent) {
		WAIT_UNTIL(has_match(test_read(test_path("quiet.log")), " ready "));
		daemon->fds = daemon_count_fds(daemon);
	}
	char *dirty = views();

	ck_assert_msg(strcmp(clean, dirty) == 0, "%s: the view differs.\n--- clean:\n%s\n--- dirty:\n%s",
		      dirt[_i].name, clean, dirty);
	/* And children are noticed, slots come back, SIGTERM works. */
	ask_many(2, NULL, "hello", 100, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A limit of a million descriptors costs nothing at the start (F07). */
START_TEST(start_is_quick)
{
	uint64_t start = now_ms();
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = CONFIG, .prepare = raise_limit });

	ck_assert_uint_lt(daemon_cpu_ms(daemon), 500);
	ck_assert_uint_lt(now_ms() - start, 5000 + late_ms(daemon));
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("dirty");
	TCase *start = harness_case(suite, "start", 60);

	tcase_add_loop_test(start, dirty_start, 0, (int)(sizeof(dirt) / sizeof(dirt[0])));
	tcase_add_test(start, start_is_quick);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
