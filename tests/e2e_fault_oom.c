/* e2e_fault_oom.c - F05: memory runs out in a real daemon, at each allocation in
 * turn, once and from there on: a start fails with a message, a reload leaves
 * one whole configuration in force, and a client is served or sent away. Never a
 * crash, a hang, a lost descriptor, or half of a configuration. */
#include "harness.h"
#include "oom.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMON                                                                                               \
	"[usherd]\ndrain_timeout = 1s\n[defaults]\nenv = A=1, B=2\n"                                         \
	"[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n"                                          \
	"[filter]\nlisten = 127.0.0.1:$2/udp\nexec = $PROBE say answer\n"
#define OLD COMMON "[old]\nlisten = 127.0.0.1:$3\nexec = $PROBE say old\n"
#define NEW COMMON "[new]\nlisten = 127.0.0.1:$4, unix:$DIR/socket\nexec = $PROBE say new\npass_env = X\n"

#define RUNS_MOST 5000

static struct oom_control *control;
static char preload[4200] = "LD_PRELOAD=", steer[300] = "USHERD_OOM=", clean_path[] = "PATH=/usr/bin:/bin";
static char *environment[] = { clean_path, preload, steer, NULL };

static const char *library(void)
{
	static char path[4096];
	const char *build = getenv("BUILD");
	char self[2048] = "", *slash;

	if (build != NULL) {
		snprintf(path, sizeof(path), "%s/tests/oom.so", build);
	} else {
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
			return "";
		slash = strrchr(self, '/');
		*slash = '\0';
		snprintf(path, sizeof(path), "%s/oom.so", self);
	}
	return path;
}

/* Makes the file through which the library is told what to refuse. */
static void take_control(void)
{
	int fd = open(test_path("oom"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, sizeof(*control)), 0);
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(control, MAP_FAILED);
	close(fd);
	snprintf(preload + strlen("LD_PRELOAD="), sizeof(preload) - 12, "%s", library());
	snprintf(steer + strlen("USHERD_OOM="), sizeof(steer) - 12, "%s", test_path("oom"));
}

static void arm(unsigned fail_at, bool from_there_on)
{
	control->armed = 0;
	control->taken = control->refused = 0;
	control->fail_at = fail_at;
	control->from_there_on = from_there_on;
	control->armed = 1;
}

/* Whether the fault was beyond the last allocation. */
static bool is_past_the_end(unsigned fail_at)
{
	control->armed = 0;
	return control->taken < fail_at;
}

/* All runs are made, and everything that was wrong with them is told together. */
static char complaints[8000];
static size_t complained;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	int length = vsnprintf(complaints + complained, sizeof(complaints) - complained, format, list);
	va_end(list);
	complained += (size_t)length;
	if (complained >= sizeof(complaints))
		complained = sizeof(complaints) - 1;
}

static struct daemon *start_daemon(const char *config, bool no_wait)
{
	return daemon_launch(
		&(struct daemon_spec){ .config = config, .environment = environment, .no_wait = no_wait });
}

/* For the sum of make check-sweep. */
static void tell_runs(const char *name, unsigned made)
{
	fprintf(stderr, "# memory-%s: %u runs, %u of them hit, %u violations\n", name, made, made - 1,
		complained > 0);
}

/* ---- usherd -T ---- */

static int print_configuration(char **ret_output)
{
	const char *words[] = { "env", preload, steer, usherd_path(), "-T", "-c", "$DIR/services.ini", NULL };

	return run_command(words, ret_output);
}

/* What is printed with status 0 is the whole configuration (F05, start with -T). */
START_TEST(oom_print)
{
	char *whole, *output;
	unsigned n, failures = 0;

	take_control();
	daemon_configure(OLD);
	ck_assert_int_eq(print_configuration(&whole), 0);
	for (n = 1; n < RUNS_MOST; n++) {
		arm(n, _i == 1);
		int status = print_configuration(&output);

		if (status >= 126 || output[0] == '\0')
			complain("allocation %u: status %d: \"%.300s\"\n", n, status, output);
		if (status == 0 && strcmp(output, whole) != 0)
			complain("allocation %u: status 0 and:\n%.3000s\n", n, output);
		failures += status != 0;
		free(output);
		if (is_past_the_end(n))
			break;
	}
	tell_runs("print", n);
	ck_assert_uint_lt(n, RUNS_MOST);
	ck_assert_msg(complained == 0, "%s", complaints);
	ck_assert_msg(failures > 20 && failures < n, "%u of %u runs failed", failures, n);
}
END_TEST

/* ---- start ---- */

/* Waits until the daemon is ready or gone. Returns whether it is ready. */
static bool is_ready(struct daemon *daemon)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	siginfo_t info = { 0 };

	for (;;) {
		if (daemon_find_log(daemon, " ready ") != NULL)
			return true;
		if (waitid(P_PID, (id_t)daemon->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid != 0)
			return daemon_find_log(daemon, " ready ") != NULL;
		/* A line that could not be made is not a daemon that does not serve. */
		int fd = tcp_try("127.0.0.1", test_port(1));

		if (fd >= 0) {
			free(read_all(fd, NULL));
			close(fd);
			return true;
		}
		ck_assert_msg(now_ms() < end, "neither ready nor gone; log:\n%s", daemon_log_tail(daemon));
		nap();
	}
}

/* A start ends with a message, or serves everything (F05, start). */
START_TEST(oom_start)
{
	unsigned n, failures = 0;

	take_control();
	for (n = 1; n < RUNS_MOST; n++) {
		arm(n, _i == 1);
		struct daemon *daemon = start_daemon(OLD, true);
		bool ready = is_ready(daemon), last = is_past_the_end(n);
		int status = 0;

		if (ready) {
			ask_many(1, NULL, "hello", 1, 0);
			ask_many(3, NULL, "old", 1, 0);
			daemon_signal(daemon, SIGTERM);
		}
		status = daemon_wait_exit(daemon);
		if (status >= 126 || (status == 0) != ready || daemon_read_log(daemon)[0] == '\0')
			complain("allocation %u: status %d: \"%.300s\"\n", n, status,
				 daemon_read_log(daemon));
		failures += !ready;
		close(daemon->watch);
		free(daemon->log);
		free(daemon);
		if (last)
			break;
	}
	tell_runs("start", n);
	ck_assert_uint_lt(n, RUNS_MOST);
	ck_assert_msg(complained == 0, "%s", complaints);
	ck_assert_msg(failures > 20 && failures < n, "%u of %u starts failed", failures, n);
}
END_TEST

/* ---- reload ---- */

static bool is_open(unsigned number, const char *expected)
{
	int fd = tcp_try("127.0.0.1", test_port(number));

	if (fd == -ECONNREFUSED)
		return false;
	ck_assert_int_ge(fd, 0);
	char *reply = read_all(fd, NULL);

	ck_assert_str_eq(reply, expected);
	free(reply);
	close(fd);
	return true;
}

/* One reload with a fault: what it says it did is what it did. */
static bool reload_with_fault(struct daemon *daemon, unsigned n, bool from_there_on, const int fds[static 2],
			      bool *is_new)
{
	const char *line;
	uint64_t end = now_ms() + PATIENCE_MS;

	daemon_configure(*is_new ? OLD : NEW);
	daemon->mark = daemon->log_size;
	arm(n, from_there_on);
	daemon_signal(daemon, SIGHUP);
	while ((line = daemon_find_log(daemon, " reload generation=| reload-failed ")) == NULL) {
		ck_assert_msg(now_ms() < end, "allocation %u: no word about the reload; log:\n%s", n,
			      daemon_log_tail(daemon));
		nap();
	}
	bool done = strstr(line, " reload ") != NULL, last = is_past_the_end(n);

	*is_new = done ? !*is_new : *is_new;
	ck_assert_msg(is_open(3, "old") == !*is_new && is_open(4, "new") == *is_new,
		      "allocation %u: not the configuration that was logged; log:\n%s", n,
		      daemon_log_tail(daemon));
	ask_many(1, NULL, "hello", 1, 0);
	daemon->fds = fds[*is_new];
	daemon_oracle(daemon);
	return last;
}

/* The old configuration or the new one, never a mixture (F05, reload). */
START_TEST(oom_reload)
{
	int fds[2];
	bool is_new = false;
	unsigned n;

	take_control();
	struct daemon *daemon = start_daemon(OLD, false);

	fds[0] = daemon->fds;
	/* Once in each direction without a fault: what is kept for good is taken now. */
	daemon_configure(NEW);
	daemon_reload(daemon, true);
	WAIT_UNTIL(daemon_children(daemon) == 0);
	fds[1] = daemon_count_fds(daemon);
	daemon_configure(OLD);
	daemon_reload(daemon, true);
	for (n = 1; n < RUNS_MOST; n++) {
		/* From NEW to OLD is less: always try the way that has more to do. */
		if (is_new) {
			control->armed = 0;
			daemon_configure(OLD);
			daemon_reload(daemon, true);
			is_new = false;
		}
		if (reload_with_fault(daemon, n, _i == 1, fds, &is_new))
			break;
	}
	tell_runs("reload", n);
	ck_assert_uint_lt(n, RUNS_MOST);
	ck_assert_uint_gt(n, 50);
	ck_assert_uint_gt(daemon_count_log(daemon, " reload-failed "), n / 2);
	control->armed = 0;
	daemon_stop(daemon);
}
END_TEST

/* ---- clients ---- */

/* Nothing is allocated between accept and exec, nor at the end of a session: no
 * memory at all is no trouble (F05, connection). */
START_TEST(oom_client)
{
	take_control();
	struct daemon *daemon = start_daemon(OLD, false);

	arm(1, true);
	ask_many(1, NULL, "hello", 50, 0);

	int fds[40];

	for (int i = 0; i < 40; i++)
		fds[i] = tcp_connect(1);
	for (int i = 0; i < 40; i++) {
		char *reply = read_all(fds[i], NULL);

		ck_assert_str_eq(reply, "hello");
		free(reply);
		close(fds[i]);
	}
	for (int i = 0; i < 50; i++) {
		int fd = udp_connect("127.0.0.1", test_port(2));

		send_text(fd, "x");
		char *reply = read_piece(fd, PATIENCE_MS, NULL);

		ck_assert_msg(reply != NULL && strcmp(reply, "answer") == 0, "datagram %d; log:\n%s", i,
			      daemon_log_tail(daemon));
		free(reply);
		close(fd);
	}
	daemon_oracle(daemon);
	ck_assert_msg(control->taken == 0, "%u allocations for 140 sessions", control->taken);
	control->armed = 0;
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_oom");
	TCase *all = harness_case(suite, "oom", 120);

	tcase_add_loop_test(all, oom_print, 0, 2);
	tcase_add_loop_test(all, oom_start, 0, 2);
	tcase_add_loop_test(all, oom_reload, 0, 2);
	tcase_add_test(all, oom_client);
	return suite;
}

int main(void)
{
	const char *sanitizers = getenv("SANITIZERS");
	bool sanitized = sanitizers != NULL && sanitizers[0] != '\0' && strcmp(sanitizers, "none") != 0;

	return harness_main(make_suite, sanitized                    ? "a sanitizer has a malloc of its own" :
					access(library(), R_OK) != 0 ? "tests/oom.so is not there" :
								       NULL);
}
