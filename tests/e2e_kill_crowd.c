/* e2e_kill_crowd.c - that an end reaches nobody else: a crowd that forks all the time, and
 * numbers that are used anew. */
#include "kill_help.h"

/* ---- a crowd that forks all the time, under strace ---- */

struct history {
	bool begun, collected;
};

static struct history *history_of(long pid)
{
	static struct history *histories;

	if (histories == NULL)
		histories = calloc(1 << 22, sizeof(*histories));
	return &histories[pid > 0 && pid < 1 << 22 ? pid : 0]; /* [0]: nobody's, never begun */
}

/* Follows what the daemon did: each target of a kill(2), be it a process or a group, must be a
 * child that was not waited for; what a signal goes through must be a pidfd. Returns how many signals there
 * were before the first bad line, which is left in `line`; "" when there is none. */
static unsigned judge_trace(const char *path, char line[static 4096])
{
	FILE *file = fopen(path, "re");
	unsigned signals = 0;
	bool good = true;

	ck_assert_ptr_nonnull(file);
	while (good && fgets(line, 4096, file) != NULL) {
		const char *result = strrchr(line, '='), *at;
		long target;

		if (strncmp(line, "clone", 5) == 0 && result != NULL && atol(result + 1) > 0) {
			*history_of(atol(result + 1)) = (struct history){ .begun = true };
		} else if (strncmp(line, "waitid(", 7) == 0 && strstr(line, "WNOWAIT") == NULL &&
			   (at = strstr(line, "si_pid=")) != NULL) {
			if (atol(at + 7) > 0)
				history_of(atol(at + 7))->collected = true;
		} else if (strncmp(line, "wait4(", 6) == 0 && result != NULL && atol(result + 1) > 0) {
			history_of(atol(result + 1))->collected = true;
		} else if (sscanf(line, "kill(%ld", &target) == 1 && strstr(line, ", 0)") == NULL) {
			struct history *history = history_of(labs(target));

			good = history->begun && !history->collected;
			signals += good;
		} else if (strncmp(line, "pidfd_send_signal(", 18) == 0) {
			good = strstr(line, "EBADF") == NULL && strstr(line, "EINVAL") == NULL;
			signals += good;
		} else {
			good = strncmp(line, "tgkill(", 7) != 0 && strncmp(line, "tkill(", 6) != 0;
		}
	}
	fclose(file);
	if (good)
		line[0] = '\0';
	return signals;
}

/* That the judge sees what is bad. */
#define BORN "clone(child_stack=0x7f, flags=CLONE_VM|SIGCHLD, parent_tid=[9]) = 41\n"
static const struct {
	const char *trace, *bad; /* how the bad line begins; "": none */
	unsigned signals;
} judgements[] = {
	{ BORN "kill(-41, SIGTERM) = 0\nkill(41, SIGCONT) = 0\n", "", 2 },
	{ BORN "waitid(P_PIDFD, 9, {si_pid=41, si_status=0}, WNOHANG|WEXITED, NULL) = 0\nkill(-41, SIGKILL) = 0\n",
	  "kill(-41, SIGKILL)", 0 },
	{ BORN "waitid(P_ALL, 0, {si_pid=41}, WNOHANG|WEXITED|WNOWAIT, NULL) = 0\nkill(-41, SIGKILL) = 0\n", "",
	  1 },
	{ BORN "wait4(-1, NULL, 0, NULL) = 41\nkill(41, SIGTERM) = 0\n", "kill(41, SIGTERM)", 0 },
	{ BORN "wait4(-1, NULL, 0, NULL) = 41\nkill(41, 0) = 0\n", "", 0 },
	{ BORN "wait4(-1, NULL, 0, NULL) = 41\n" BORN "kill(41, SIGTERM) = 0\n", "", 1 }, /* born again */
	{ BORN "kill(42, SIGTERM) = 0\n", "kill(42, SIGTERM)", 0 },
	{ BORN "kill(-1, SIGTERM) = 0\n", "kill(-1, SIGTERM)", 0 },
	{ BORN "pidfd_send_signal(9, SIGTERM, NULL, 0) = 0\n", "", 1 },
	{ BORN "pidfd_send_signal(9, SIGTERM, NULL, 0) = -1 EBADF (Bad file descriptor)\n", "pidfd_send_signal(9", 0 },
	{ "tgkill(1, 1, SIGTERM) = 0\n", "tgkill(", 0 },
};

START_TEST(judge)
{
	char line[4096];

	test_write("trace", 0600, judgements[_i].trace, false);
	ck_assert_uint_eq(judge_trace(test_path("trace"), line), judgements[_i].signals);
	ck_assert_msg(judgements[_i].bad[0] == '\0' ? line[0] == '\0' :
						      strncmp(line, judgements[_i].bad, strlen(judgements[_i].bad)) == 0,
		      "found \"%s\", not \"%s\"", line, judgements[_i].bad);
}
END_TEST

static pid_t trace_start(const struct daemon *daemon)
{
	const char *strace = harness_find("strace");
	char pid[32];

	if (strace == NULL)
		return 0;
	snprintf(pid, sizeof(pid), "%d", daemon->pid);
	pid_t tracer = fork();

	if (tracer == 0) {
		int out = open(test_path("strace"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		dup2(out, 2);
		execl(strace, "strace", "-qq", "-o", test_path("trace"), "-e",
		      "trace=kill,tkill,tgkill,pidfd_send_signal,waitid,wait4,clone,clone3,vfork,fork", "-e",
		      "signal=none", "-p", pid, (char *)NULL);
		_exit(127);
	}
	uint64_t end = now_ms() + 5000;

	while (daemon_status(daemon, "TracerPid:") != tracer && waitpid(tracer, NULL, WNOHANG) == 0 &&
	       now_ms() < end)
		nap();
	return daemon_status(daemon, "TracerPid:") == tracer ? tracer : 0;
}

START_TEST(storm)
{
	/* A fork of a sanitized process is dear. */
	enum { CROWD = HARNESS_SANITIZED ? 20 : 100 };
	int marks = open_marks(), clients[CROWD];
	char bad[4096];
	struct daemon *daemon =
		start("cgroup = none\n", "instances = 200\nper_source = 200\ntime_limit = 2s\n", "storm");
	pid_t tracer = _i == 0 ? 0 : trace_start(daemon);

	SKIP_IF(_i != 0 && tracer == 0, "strace cannot attach here");
	for (int i = 0; i < CROWD; i++)
		clients[i] = tcp_connect(1);
	wait_ready(marks, CROWD);
	for (int i = 0; i < CROWD; i++)
		daemon_wait_log(daemon, " end service=s .*reason=time_limit ");
	ck_assert(nobody_left(marks, 5000));
	for (int i = 0; i < CROWD; i++)
		close(clients[i]);
	daemon_oracle(daemon);
	if (tracer != 0) {
		inject_stop(daemon, tracer);
		unsigned signals = judge_trace(test_path("trace"), bad);

		ck_assert_msg(bad[0] == '\0', "not a child, or not any more: %s", bad);
		ck_assert_uint_ge(signals, CROWD);
	}
	daemon_stop(daemon);
}
END_TEST

/* ---- numbers that are used anew ---- */

#define PID_MAX 400

static int pid_max_here(void)
{
	int fd = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, "400", 3) == 3;

	close(fd);
	return good ? 0 : -1;
}

/* Leaders of groups that must never get a signal: many, short-lived, always others. One
 * that gets a signal it can catch ends with status 1. */
static void got_signal(int number)
{
	(void)number;
	_exit(1);
}

static pid_t sentinel_start(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (int number = 1; number < 32; number++)
		if (number != SIGKILL && number != SIGSTOP && number != SIGCHLD)
			signal(number, got_signal);
	setpgid(0, 0);
	poll(NULL, 0, 30 + getpid() % 100);
	_exit(0);
}

static bool is_closed(int pipe)
{
	struct pollfd look = { .fd = pipe, .events = POLLIN };

	return poll(&look, 1, 0) == 1;
}

/* Keeps 60 of them until the pipe is closed. Writes the numbers they had; its status tells whether one was
 * signalled. */
static int sentinels(int stop)
{
	FILE *out = fopen(test_path("sentinels"), "we");
	unsigned living = 0;

	while (!is_closed(stop) || living > 0) {
		int status = 0;
		pid_t pid;

		while (!is_closed(stop) && living < 60 && (pid = sentinel_start()) > 0) {
			fprintf(out, "%d\n", pid);
			living++;
		}
		pid = waitpid(-1, &status, 0);
		if (pid <= 0)
			continue;
		living--;
		if (status != 0) {
			fprintf(stderr, "sentinel %d: status %#x\n", pid, (unsigned)status);
			return 1;
		}
	}
	fclose(out);
	return 0;
}

#define CHURN                                                                                                \
	"[usherd]\ncgroup = none\n[defaults]\nper_source = 1000\ninstances = 20\nkill_after = 20ms\n"         \
	"[short]\nlisten = 127.0.0.1:$1\nexec = $PROBE say x\n"                                               \
	"[slow]\nlisten = 127.0.0.1:$2\nexec = $PROBE hold\ntime_limit = 40ms\n"                              \
	"[stubborn]\nlisten = 127.0.0.1:$3\nexec = $PROBE stubborn\ntime_limit = 40ms\n"                      \
	"[fork]\nlisten = 127.0.0.1:$4\nexec = $PROBE fork\ntime_limit = 40ms\n"                              \
	"[stray]\nlisten = 127.0.0.1:$5\nexec = $DIR/self stubborn-orphan -\ntime_limit = 40ms\n"

/* Numbers that were both a session's and a sentinel's, at different times. */
static unsigned count_shared(struct daemon *daemon)
{
	static bool session[PID_MAX + 1], sentinel[PID_MAX + 1];
	unsigned count = 0;
	const char *line;
	FILE *in = fopen(test_path("sentinels"), "re");
	int pid;

	daemon->mark = 0;
	while ((line = daemon_find_log(daemon, " start service=")) != NULL)
		session[line_number(line, "pid") % (PID_MAX + 1)] = true;
	while (in != NULL && fscanf(in, "%d", &pid) == 1)
		sentinel[pid % (PID_MAX + 1)] = true;
	for (int i = 0; i <= PID_MAX; i++)
		count += session[i] && sentinel[i];
	return count;
}

/* The life in there. */
static int churn(void)
{
	enum { LEAST_MS = 8000, MOST_MS = 60000, LEAST_SERVED = 2000 };
	int clients[4] = { -1, -1, -1, -1 }, stop[2];
	struct daemon *daemon = daemon_start(CHURN);
	uint64_t begun = now_ms();
	unsigned served = 0;
	int status = -1;

	ck_assert_int_eq(pipe2(stop, O_CLOEXEC), 0);
	pid_t keeper = fork();

	if (keeper == 0) {
		close(stop[1]);
		_exit(sentinels(stop[0]));
	}
	while (now_ms() - begun < (served < LEAST_SERVED ? MOST_MS : LEAST_MS)) {
		for (unsigned i = 0; i < 4; i++) {
			if (clients[i] >= 0)
				close(clients[i]);
			clients[i] = tcp_connect(2 + i);
		}
		for (int i = 0; i < 20; i++) {
			free(ask(1, NULL));
			served++;
		}
	}
	close(stop[1]);
	while (waitpid(keeper, &status, 0) < 0 && errno == EINTR)
		continue;
	ck_assert_msg(status == 0, "a process that is none of its business got a signal; log:\n%s",
		      daemon_log_tail(daemon));
	ck_assert_msg(served >= LEAST_SERVED, "%u sessions", served);
	ck_assert_uint_ge(daemon_count_log(daemon, " end .*reason=time_limit "), 100);
	ck_assert_msg(count_shared(daemon) > 50, "hardly any number was used twice: %u", count_shared(daemon));
	daemon_stop(daemon);
	return 0;
}

/* The first process of a namespace of processes; 77: it cannot be small. */
static int live_apart(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0 || pid_max_here() < 0)
		return 77;
	return churn();
}

START_TEST(numbers_are_used_anew)
{
	SKIP_IF(getuid() != 0, "needs to be started as root");
	char before[32], *all = test_read("/proc/sys/kernel/pid_max");
	int status = -1;

	snprintf(before, sizeof(before), "%.20s", all);
	test_copy_self();
	SKIP_IF(unshare(CLONE_NEWPID | CLONE_NEWNS) < 0, "no namespace of processes can be made");
	pid_t first = fork();

	if (first == 0)
		_exit(live_apart());
	ck_assert_int_eq(waitpid(first, &status, 0), first);
	/* Kernels that have only one pid_max have it changed for all: put it back. */
	if (strcmp(test_read("/proc/sys/kernel/pid_max"), before) != 0) {
		int fd = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);

		(void)!write(fd, before, strlen(before));
		close(fd);
	}
	SKIP_IF(WIFEXITED(status) && WEXITSTATUS(status) == 77,
		"the kernel has no pid_max for a namespace (Linux 6.14)");
	ck_assert_msg(status == 0, "status %#x", (unsigned)status);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("kill-crowd");

	TCase *crowd = harness_case(suite, "crowd", 120);

	tcase_add_loop_test(crowd, judge, 0, (int)(sizeof(judgements) / sizeof(judgements[0])));
	tcase_add_loop_test(crowd, storm, 0, 2);
	tcase_add_test(crowd, numbers_are_used_anew);
	return suite;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return behave(argv[1], argv[2]);
	return harness_main(make_suite, NULL);
}
