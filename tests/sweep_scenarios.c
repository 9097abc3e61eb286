/* sweep_scenarios.c - see sweep.h: what is done while calls fail. */
#include "sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT_FACTS 1
#define PORT_OTHER 2
#define PORT_UDP   3
#define PORT_WAIT  4
#define PORT_NEW   5
#define PORT_CAT   6

unsigned sweep_patience_ms;

static uint64_t patience_end(void)
{
	return now_ms() + (sweep_patience_ms != 0 ? sweep_patience_ms : (unsigned)PATIENCE_MS);
}

const char sweep_config[] =
	"[usherd]\ndrain_timeout = 500ms\n"
	"[facts]\nlisten = 127.0.0.1:$1\nexec = $PROBE\nkill_after = 100ms\n"
	"[other]\nlisten = 127.0.0.1:$2\nexec = $PROBE say other\n"
	"[filter]\nlisten = 127.0.0.1:$3/udp\nexec = $PROBE say answer\n"
	"[waiting]\nlisten = 127.0.0.1:$4\nwait = yes\nexec = $PROBE accept\n"
	"[cat]\nlisten = 127.0.0.1:$6\nexec = $PROBE cat\n"
	"[local]\nlisten = unix:$DIR/local\nexec = $PROBE say local\nsocket_mode = 0666\n";

static const char added[] =
	"[new]\nlisten = 127.0.0.1:$5, 127.0.0.1:$7/udp, unix:$DIR/new\nexec = $PROBE say new\n";

/* ---- clients that bear with everything ---- */

bool sweep_is_alive(const struct daemon *daemon)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)daemon->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/* Everything until the end, in time; closes. */
static char *take_reply(int fd, uint64_t end)
{
	char *text = calloc(1, 16384);
	size_t length = 0;

	for (uint64_t now; (now = now_ms()) < end;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, (int)(end - now)) != 1)
			break;
		ssize_t got = length < 16383 ? read(fd, text + length, 16383 - length) : 0;

		if (got <= 0) {
			close(fd);
			return text;
		}
		length += (size_t)got;
	}
	close(fd);
	free(text);
	return NULL;
}

/* Waits for something of the other side, or its end; a reset is an end, too. */
static void take_something(int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char bytes[100];

	if (poll(&wait, 1, timeout_ms) == 1)
		(void)!recv(fd, bytes, sizeof(bytes), 0);
}

char *sweep_ask(unsigned number, const char *text)
{
	int fd = tcp_try("127.0.0.1", test_port(number));

	if (fd < 0)
		return NULL;
	if (text != NULL)
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	return take_reply(fd, patience_end());
}

/* Whether a service says this. */
static bool says(unsigned number, const char *text, const char *expected)
{
	char *reply = sweep_ask(number, text);
	bool good = reply != NULL && strcmp(reply, expected) == 0;

	free(reply);
	return good;
}

/* ---- connections ---- */

static const char *connect_once(struct daemon *daemon)
{
	(void)daemon;
	return says(PORT_OTHER, NULL, "other") ? NULL : "the client was not served";
}

/* All at once; each is served, or told nothing. */
static const char *connect_many(struct daemon *daemon)
{
	int fds[50];
	unsigned served = 0;
	uint64_t end = patience_end();

	(void)daemon;
	for (size_t i = 0; i < 50; i++)
		fds[i] = tcp_try("127.0.0.1", test_port(PORT_OTHER));
	for (size_t i = 0; i < 50; i++) {
		char *reply = fds[i] >= 0 ? take_reply(fds[i], end) : NULL;

		served += reply != NULL && strcmp(reply, "other") == 0;
		free(reply);
	}
	return served == 50 ? NULL : "not all clients were served";
}

static const char *converse(struct daemon *daemon)
{
	(void)daemon;
	return says(PORT_CAT, "hello, you\n", "hello, you\n") ? NULL : "the conversation failed";
}

static const char *local(struct daemon *daemon)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *reply;
	bool good;

	(void)daemon;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", test_path("local"));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return "the socket takes no client";
	}
	shutdown(fd, SHUT_WR);
	reply = take_reply(fd, patience_end());
	good = reply != NULL && strcmp(reply, "local") == 0;
	free(reply);
	return good ? NULL : "the client was not served";
}

/* The client breaks off while the program runs. */
static const char *reset(struct daemon *daemon)
{
	int fd = tcp_try("127.0.0.1", test_port(PORT_CAT));
	char byte = 'x';

	if (fd < 0)
		return "the client was not let in";
	(void)!send(fd, &byte, 1, MSG_NOSIGNAL);
	take_something(fd, 100); /* it runs now, or never does */
	reset_close(fd);
	for (uint64_t end = now_ms() + 100; daemon_children(daemon) > 0 && now_ms() < end;)
		nap();
	return NULL;
}

/* ---- datagrams, and a program that has the socket ---- */

/* Datagrams may be lost, so they are sent again, as clients do. */
static const char *datagram(struct daemon *daemon)
{
	int fd = udp_connect("127.0.0.1", test_port(PORT_UDP));
	char *reply = NULL;

	for (uint64_t end = patience_end(); now_ms() < end && reply == NULL && sweep_is_alive(daemon);) {
		(void)!send(fd, "x", 1, MSG_NOSIGNAL);
		reply = read_piece(fd, 70, NULL);
	}
	close(fd);
	bool good = reply != NULL && strcmp(reply, "answer") == 0;

	free(reply);
	return good ? NULL : "no answer came";
}

static const char *waiting(struct daemon *daemon)
{
	char *reply = sweep_ask(PORT_WAIT, "x");
	bool good = reply != NULL && reply[0] != '\0';

	(void)daemon;
	free(reply);
	return good ? NULL : "the program did not take the client";
}

/* ---- the configuration ---- */

static enum { TOLD_NOTHING, TOLD_OLD, TOLD_NEW } told;
static bool is_absent; /* some of it is tried again */

static void configure(const char *more)
{
	char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "%s%s", sweep_config, more), 0);
	daemon_configure(text);
	free(text);
}

static const char *reload(struct daemon *daemon, const char *more)
{
	const char *line = NULL;

	daemon_read_log(daemon);
	daemon->mark = daemon->log_size;
	configure(more);
	kill(daemon->pid, SIGHUP);
	for (uint64_t end = patience_end(); sweep_is_alive(daemon) && line == NULL && now_ms() < end; nap())
		line = daemon_find_log(daemon, " reload generation=| reload-failed ");
	is_absent = line != NULL && strstr(line, " absent=") != NULL;
	told = line == NULL ? TOLD_NOTHING : strstr(line, " reload ") != NULL ? TOLD_NEW : TOLD_OLD;
	return line == NULL ? "no word about the reload" : NULL;
}

static const char *reload_good(struct daemon *daemon)
{
	const char *wrong = reload(daemon, added);

	return wrong != NULL ? wrong : told == TOLD_OLD ? "the reload failed" : NULL;
}

static const char *reload_bad(struct daemon *daemon)
{
	const char *wrong =
		reload(daemon, "[new]\nlisten = 127.0.0.1:$5\nexec = $PROBE say new\ninstances = many\n");

	return wrong != NULL ? wrong : told == TOLD_NEW ? "a configuration with a mistake was taken" : NULL;
}

/* What was told is what is so; then the old configuration again. */
static const char *settle_reload(struct daemon *daemon)
{
	const char *wrong = NULL;
	bool served;
	int fd;

	if (!sweep_is_alive(daemon))
		return NULL;
	fd = tcp_try("127.0.0.1", test_port(PORT_NEW));
	if (fd >= 0)
		close(fd);
	served = fd >= 0 && says(PORT_NEW, NULL, "new");
	if (told == TOLD_NEW && !served && !is_absent)
		wrong = "the reload is said to have worked, and the new service is not served";
	if (told == TOLD_OLD && fd >= 0)
		wrong = "the reload is said to have failed, and the new service listens";
	reload(daemon, "");
	return wrong != NULL ? wrong : told != TOLD_NEW ? "the next reload does not work" : NULL;
}

/* ---- the control socket ---- */

bool sweep_control(const char *request)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *reply = NULL;
	bool good;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", test_path("control"));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return false;
	}
	(void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	reply = take_reply(fd, patience_end());
	good = reply != NULL && strchr(reply, '\n') != NULL;
	free(reply);
	return good;
}

static const char *control_looks(struct daemon *daemon)
{
	static const char *const requests[] = { "status\n", "services\n", "sessions\n",
						"explain 127.0.0.1 other\n" };

	(void)daemon;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!sweep_control(requests[i]))
			return "a question was not answered";
	return NULL;
}

static const char *control_changes(struct daemon *daemon)
{
	static const char *const requests[] = { "disable cat\n",     "enable cat\n",     "ban 192.0.2.1 1h\n",
						"unban 192.0.2.1\n", "loglevel debug\n", "loglevel info\n" };
	const char *wrong = NULL;

	(void)daemon;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!sweep_control(requests[i]))
			wrong = "a request was not answered";
	return wrong;
}

static const char *settle_changes(struct daemon *daemon)
{
	if (!sweep_is_alive(daemon))
		return NULL;
	if (!sweep_control("enable cat\n") || !sweep_control("unban all\n") ||
	    !sweep_control("loglevel info\n"))
		return "the control socket does not answer any more";
	return NULL;
}

/* A session is ended by hand. */
static const char *control_kill(struct daemon *daemon)
{
	int fd = tcp_try("127.0.0.1", test_port(PORT_CAT));
	const char *wrong = NULL;
	char *reply;

	(void)daemon;
	if (fd < 0)
		return "the client was not let in";
	(void)!send(fd, "x", 1, MSG_NOSIGNAL);
	take_something(fd, 200);
	if (!sweep_control("kill cat\n"))
		wrong = "the request was not answered";
	reply = take_reply(fd, patience_end());
	if (reply == NULL)
		wrong = "the session goes on";
	free(reply);
	return wrong;
}

/* A service that was slowed down lets its clients wait: the next run begins when it does so no more. */
static const char *settle_kill(struct daemon *daemon)
{
	const char *wrong = settle_changes(daemon);

	return wrong != NULL || !sweep_is_alive(daemon) ? wrong : converse(daemon);
}

const struct sweep_scenario sweep_scenarios[] = {
	{ "connect", false, 40, 30, 150, connect_once, NULL },
	{ "connect-many", false, 3, 250, 1500, connect_many, NULL },
	{ "converse", false, 40, 30, 150, converse, NULL },
	{ "reset", false, 20, 30, 150, reset, NULL },
	{ "unix", false, 20, 30, 150, local, NULL },
	{ "datagram", false, 20, 30, 150, datagram, NULL },
	{ "wait", false, 20, 30, 150, waiting, NULL },
	{ "reload-good", false, 60, 30, 150, reload_good, settle_reload },
	{ "reload-bad", false, 60, 30, 150, reload_bad, settle_reload },
	{ "control-looks", true, 30, 30, 150, control_looks, settle_changes },
	{ "control-changes", true, 30, 30, 150, control_changes, settle_changes },
	{ "control-kill", true, 30, 30, 150, control_kill, settle_kill },
};

const size_t sweep_scenario_count = sizeof(sweep_scenarios) / sizeof(sweep_scenarios[0]);
