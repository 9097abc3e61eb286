/* e2e_fault_calls.c - each system call that the daemon itself makes, and that
 * can fail, fails once: while it starts, reloads, and serves a connection and a
 * datagram (F02 to F05). The calls are learnt from a trace of a run without a
 * fault, so that a new one in the source is found by itself.
 *
 * What must hold: it goes on (or does not start, and says so), the service next
 * door is served at once, this one afterwards, and nothing is lost. */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define OLD                                                                                                    \
	"[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n"                                            \
	"[other]\nlisten = 127.0.0.1:$2\nexec = $PROBE say other\n"                                            \
	"[filter]\nlisten = 127.0.0.1:$3/udp\nexec = $PROBE say answer\n"
#define NEW OLD "[new]\nlisten = 127.0.0.1:$4, 127.0.0.1:$5/udp, unix:$DIR/socket\nexec = $PROBE say new\n"

/* With what a call fails when the machine is short of something. What takes
 * nothing and cannot fail is left out below: EPOLL_CTL_DEL, FUTEX_WAKE. */
static const struct {
	const char *name, *error;
} faults[] = {
	{"accept4", "EMFILE"},	    {"bind", "ENOMEM"},	       {"clone", "EAGAIN"},	 {"clone3", "EAGAIN"},
	{"epoll_create1", "EMFILE"}, {"epoll_ctl", "ENOMEM"},   {"epoll_wait", "EINTR"}, {"fchown", "EPERM"},
	{"fcntl", "EMFILE"},	    {"fstat", "EIO"},	       {"futex", "EINTR"},	 {"getdents64", "EIO"},
	{"getsockname", "ENOBUFS"},  {"listen", "EADDRINUSE"},  {"lstat", "EIO"},	 {"newfstatat", "EIO"},
	{"openat", "EMFILE"},	    {"pipe2", "EMFILE"},       {"pread64", "EIO"},	 {"prlimit64", "EPERM"},
	{"read", "EIO"},	    {"recvfrom", "ENOMEM"},    {"recvmsg", "ENOMEM"},	 {"rename", "ENOSPC"},
	{"setsockopt", "ENOMEM"},   {"signalfd4", "EMFILE"},   {"socket", "EMFILE"},	 {"socketpair", "ENFILE"},
	{"statx", "EIO"},	    {"waitid", "EINTR"},       {"write", "ENOSPC"},	 {"chmod", "EPERM"},
	{"unlink", "EPERM"},	    {"connect", "EAGAIN"},     {"mmap", "ENOMEM"},	 {"sendto", "EAGAIN"},
	{"getrandom", "EAGAIN"},    {"close_range", "ENOMEM"}, {"mprotect", "ENOMEM"},	 {"getpeername", "ENOTCONN"},
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))
#define CALLS_MOST 250

struct call {
	const char *name, *error;
	unsigned turn; /* the how many-th of its name */
	char text[120];
};

static struct call calls[CALLS_MOST];
static size_t call_count;
static char complaints[12000];
static size_t complained;

__attribute__((format(printf, 2, 3))) static void complain(const struct call *call, const char *format, ...)
{
	size_t room = sizeof(complaints) - complained;
	va_list list;

	complained += (size_t)snprintf(complaints + complained, room, "%s, %s %u, %s: ", call->error, call->name,
				       call->turn, call->text);
	if (complained < sizeof(complaints)) {
		va_start(list, format);
		complained += (size_t)vsnprintf(complaints + complained, sizeof(complaints) - complained, format,
						list);
		va_end(list);
	}
	if (complained >= sizeof(complaints))
		complained = sizeof(complaints) - 1;
}

/* ---- what is called ---- */

static void add_call(size_t fault, unsigned turn, const char *text)
{
	ck_assert_uint_lt(call_count, CALLS_MOST);
	struct call *call = &calls[call_count++];

	*call = (struct call){.name = faults[fault].name, .error = faults[fault].error, .turn = turn};
	snprintf(call->text, sizeof(call->text), "%s", text);
}

/* Takes the daemon's own calls from $DIR/trace, from the line with `begin` on. */
static void learn_calls(pid_t pid, const char *begin)
{
	unsigned turns[FAULTS] = {0};
	bool begun = begin == NULL;
	char *trace = test_read(test_path("trace"));

	call_count = 0;
	for (char *line = strtok(trace, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char *text;

		if (strtol(line, &text, 10) != pid)
			continue;
		text += strspn(text, " ");
		begun = begun || strstr(text, begin) == text;
		for (size_t i = 0; i < FAULTS; i++) {
			size_t length = strlen(faults[i].name);

			if (strncmp(text, faults[i].name, length) != 0 || text[length] != '(')
				continue;
			/* A sanitizer maps memory for itself, and does not survive without. */
			if (HARNESS_SANITIZED && strstr("mmap mprotect", faults[i].name) != NULL)
				continue;
			turns[i]++;
			if (begun && strstr(text, "EPOLL_CTL_DEL") == NULL &&
			    strstr(text, "FUTEX_WAKE") == NULL)
				add_call(i, turns[i], text);
		}
	}
	free(trace);
	ck_assert_uint_gt(call_count, 10);
}

/* ---- after a fault ---- */

/* What a service says, or NULL when it says nothing in time. */
static char *try_ask(unsigned number, int timeout_ms)
{
	int fd = tcp_try("127.0.0.1", test_port(number));
	size_t length = 0;
	char *text = NULL;

	if (fd < 0)
		return NULL;
	for (uint64_t end = now_ms() + (uint64_t)timeout_ms;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();

		if (text == NULL)
			text = calloc(1, 4096);
		if (now >= end || poll(&wait, 1, (int)(end - now)) != 1) {
			free(text);
			text = NULL;
			break;
		}
		ssize_t got = read(fd, text + length, 4095 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
	}
	close(fd);
	return text;
}

static bool serves(unsigned number, const char *expected)
{
	char *reply = try_ask(number, PATIENCE_MS);
	bool good = reply != NULL && strcmp(reply, expected) == 0;

	free(reply);
	return good;
}

static bool is_alive(const struct daemon *daemon)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)daemon->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/* Whether the calls came in another order than when they were learned, and one was hit that never fails. */
static bool hit_what_cannot_fail(void)
{
	char *trace = test_read(test_path("trace"));
	bool so = has_match(trace, "EPOLL_CTL_DEL[^\n]* = -1 [^\n]*INJECTED");

	free(trace);
	return so;
}

/* All as before: services, children, descriptors. False when it has to be started anew. */
static bool check_after(struct daemon *daemon, const struct call *call)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	if (!is_alive(daemon) && hit_what_cannot_fail()) {
		daemon_wait_exit(daemon);
		return false;
	}
	if (!is_alive(daemon)) {
		complain(call, "the daemon is gone, status %d; log:\n%.400s\n", daemon_wait_exit(daemon),
			 strlen(daemon_read_log(daemon)) > 400
				 ? daemon_read_log(daemon) + strlen(daemon_read_log(daemon)) - 400
				 : daemon_read_log(daemon));
		return false;
	}
	if (!serves(2, "other"))
		complain(call, "the other service is not served\n");
	if (!serves(1, "hello"))
		complain(call, "the service is not served afterwards\n");
	/* Seen at rest once is enough: a datagram that was kept may still be served. */
	for (; is_alive(daemon) && now_ms() < end; nap())
		if (daemon_children(daemon) == 0 && daemon_count_fds(daemon) == daemon->fds)
			return true;
	complain(call, "%d children, %d descriptors instead of %d\n", daemon_children(daemon),
		 daemon_count_fds(daemon), daemon->fds);
	kill(daemon->pid, SIGKILL);
	daemon_wait_exit(daemon);
	return false;
}

/* ---- scenarios: each returns when what it began is over ----
 *
 * The programs of services are traced and hit as well, in their own n-th call:
 * what they say counts only after the fault has been lifted. */

static void connection(struct daemon *daemon, const struct call *call)
{
	char *reply = try_ask(1, PATIENCE_MS);

	/* A client is served or sent away; one whose program was hit is sent away. */
	if (call != NULL && is_alive(daemon) && (reply == NULL || (reply[0] != '\0' && strcmp(reply, "hello") != 0)))
		complain(call, "the client got \"%s\"\n", reply != NULL ? reply : "nothing, and no end");
	free(reply);
	for (uint64_t end = now_ms() + PATIENCE_MS; is_alive(daemon) && daemon_children(daemon) > 0 && now_ms() < end;)
		nap();
}

static void datagram(struct daemon *daemon, const struct call *call)
{
	int fd = udp_connect("127.0.0.1", test_port(3));
	char *reply = NULL;

	daemon->mark = daemon->log_size;
	send_text(fd, "x");
	for (uint64_t end = now_ms() + PATIENCE_MS; is_alive(daemon) && reply == NULL;) {
		if (call != NULL && daemon_find_log(daemon, " (fail|end) service=filter ") != NULL)
			break;
		if (now_ms() > end && call != NULL) {
			complain(call, "the datagram was neither answered nor given up\n");
			break;
		}
		reply = read_piece(fd, 20, NULL);
	}
	free(reply);
	close(fd);
	for (uint64_t end = now_ms() + PATIENCE_MS; is_alive(daemon) && daemon_children(daemon) > 0 && now_ms() < end;)
		nap();
}

static enum { TOLD_NOTHING, TOLD_OLD, TOLD_NEW } told;

static void reload(struct daemon *daemon, const struct call *call)
{
	const char *line = NULL;

	daemon->mark = daemon->log_size;
	daemon_configure(NEW);
	daemon_signal(daemon, SIGHUP);
	for (uint64_t end = now_ms() + PATIENCE_MS; is_alive(daemon) && line == NULL && now_ms() < end; nap())
		line = daemon_find_log(daemon, " reload generation=| reload-failed ");
	/* The line itself may be what was lost: ENOSPC is told later. */
	if (call != NULL && is_alive(daemon) && line == NULL && strcmp(call->name, "write") != 0)
		complain(call, "no word about the reload\n");
	told = line == NULL ? TOLD_NOTHING : strstr(line, " reload ") != NULL ? TOLD_NEW : TOLD_OLD;
}

/* What was told is what is so. */
static void verify_reload(struct daemon *daemon, const struct call *call)
{
	bool served = is_alive(daemon) && serves(4, "new");

	if (told != TOLD_NOTHING && is_alive(daemon) && served != (told == TOLD_NEW))
		complain(call, "the reload is said to have %s, and the new service is %sserved\n",
			 told == TOLD_NEW ? "worked" : "failed", served ? "" : "not ");
}

/* Back to where the next run begins. */
static void undo_reload(struct daemon *daemon)
{
	if (!is_alive(daemon))
		return;
	daemon->mark = daemon->log_size;
	daemon_configure(OLD);
	daemon_reload(daemon, true);
}

static const struct {
	const char *name;
	void (*run)(struct daemon *daemon, const struct call *call);
	void (*verify)(struct daemon *daemon, const struct call *call); /* without the fault */
	void (*undo)(struct daemon *daemon);
} scenarios[] = {
	{"connection", connection, NULL, NULL},
	{"datagram", datagram, NULL, NULL},
	{"reload", reload, verify_reload, undo_reload},
};

START_TEST(calls_fail)
{
	char inject[128];
	struct daemon *daemon = daemon_start(OLD);
	pid_t tracer = inject_start(daemon, "getpgid:error=EPERM"); /* called by nobody */

	SKIP_IF(tracer == 0, "strace cannot attach here");
	scenarios[_i].run(daemon, NULL);
	inject_stop(daemon, tracer);
	learn_calls(daemon->pid, NULL);
	if (scenarios[_i].undo != NULL)
		scenarios[_i].undo(daemon);
	for (size_t i = 0; i < call_count; i++) {
		snprintf(inject, sizeof(inject), "%s:error=%s:when=%u", calls[i].name, calls[i].error,
			 calls[i].turn);
		tracer = inject_start(daemon, inject);
		ck_assert_int_gt(tracer, 0);
		scenarios[_i].run(daemon, &calls[i]);
		if (is_alive(daemon)) {
			inject_stop(daemon, tracer);
		} else {
			kill(tracer, SIGTERM); /* it writes the rest of the trace */
			waitpid(tracer, NULL, 0);
		}
		if (scenarios[_i].verify != NULL)
			scenarios[_i].verify(daemon, &calls[i]);
		if (scenarios[_i].undo != NULL)
			scenarios[_i].undo(daemon);
		if (!check_after(daemon, &calls[i]))
			daemon = daemon_start(OLD);
	}
	ck_assert_msg(complained == 0, "%s, %zu calls:\n%s", scenarios[_i].name, call_count, complaints);
	daemon_stop(daemon);
}
END_TEST

/* ---- start ---- */

static struct daemon *start_traced(const char *inject)
{
	/* -D: the tracer is not the parent, so that the pid is the daemon's own. */
	const char *const wrapper[] = {harness_find("strace"), "-D", "-f", "-qq", "-o", "$DIR/trace", "-e",
				       inject,		       "-e", "signal=none", NULL};

	return daemon_launch(&(struct daemon_spec){.config = OLD, .wrapper = wrapper, .no_wait = true});
}

/* Waits until it serves or is gone, and takes the tracer off it. */
static bool is_serving(struct daemon *daemon)
{
	/* The word may be lost with the log; then it is patience that tells. */
	for (uint64_t end = now_ms() + PATIENCE_MS / 10; is_alive(daemon) && now_ms() < end; nap())
		if (daemon_find_log(daemon, " ready ") != NULL)
			break;
	if (!is_alive(daemon))
		return false;
	long tracer = daemon_status(daemon, "TracerPid:");

	/* With -D it lets nobody but KILL end it, and lets go of the daemon then. */
	if (tracer > 0)
		kill((pid_t)tracer, SIGKILL);
	while (is_alive(daemon) && daemon_status(daemon, "TracerPid:") > 0)
		nap();
	return is_alive(daemon);
}

START_TEST(calls_fail_at_start)
{
	char inject[128];
	struct daemon *daemon = start_traced("inject=getpgid:error=EPERM");

	SKIP_IF(!is_serving(daemon), "strace cannot trace here");
	daemon_signal(daemon, SIGTERM);
	daemon_wait_exit(daemon);
	learn_calls(daemon->pid, "rt_sigaction(");
	for (size_t i = 0; i < call_count; i++) {
		snprintf(inject, sizeof(inject), "inject=%s:error=%s:when=%u", calls[i].name, calls[i].error,
			 calls[i].turn);
		daemon = start_traced(inject);

		bool serving = is_serving(daemon);

		if (serving && (!serves(1, "hello") || !serves(2, "other")))
			complain(&calls[i], "it started, but does not serve\n");
		if (is_alive(daemon))
			kill(daemon->pid, SIGTERM);
		int status = daemon_wait_exit(daemon);
		const char *said = daemon_read_log(daemon);

		if (status > 125 || (status == 0) != serving || (status != 0 && said[0] == '\0'))
			complain(&calls[i], "status %d, %sserving, said \"%.300s\"\n", status,
				 serving ? "" : "not ", said);
	}
	ck_assert_msg(complained == 0, "%zu calls:\n%s", call_count, complaints);
}
END_TEST

/* Somebody lowers the limit of a running daemon to less than it has open (F01):
 * nothing that was sure at the start is sure now. */
static const char *const kinds[] = {
	"exec = $PROBE say hello\n", "exec = $PROBE say hello\nstderr = null\n",
	"wait = yes\nexec = $PROBE accept\n", "wait = yes\nexec = $PROBE accept\nstderr = null\n",
};

START_TEST(limit_taken_away)
{
	struct rlimit before, low;
	char config[512], *reply;

	snprintf(config, sizeof(config), "[it]\nlisten = 127.0.0.1:$1\n%s", kinds[_i]);
	struct daemon *daemon = daemon_start(config);

	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, NULL, &before), 0);
	low = (struct rlimit){.rlim_cur = 4, .rlim_max = before.rlim_max};
	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, &low, NULL), 0);
	int client = tcp_connect(1);

	/* It cannot be served now, and the daemon says so. */
	daemon_wait_log(daemon, " (accept|fail) service=it ");
	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, &before, NULL), 0);
	reply = read_all(client, NULL);
	free(reply);
	close(client);
	reply = ask(1, NULL);
	ck_assert_msg(reply[0] != '\0', "not served afterwards; log:\n%s", daemon_log_tail(daemon));
	free(reply);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_calls");
	TCase *all = harness_case(suite, "calls", 120);

	tcase_add_loop_test(all, calls_fail, 0, (int)(sizeof(scenarios) / sizeof(scenarios[0])));
	tcase_add_test(all, calls_fail_at_start);
	tcase_add_loop_test(all, limit_taken_away, 0, 4);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, harness_find("strace") == NULL ? "strace is not installed" : NULL);
}
