/* e2e_session_limits.c - what ends a session: first_byte_timeout, idle_timeout,
 * time_limit, kill_after, on_hangup, and peers that vanish; that each comes in its
 * time, and only when it should.
 *
 * In its time: not earlier, and not later than by a tenth or 100 ms, whichever is more. A
 * machine that is busy gets the room that the test itself had to wait longer than it
 * asked for, four times over, and that of late_ms(). */
#include "harness.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EARLY_MS 12 /* the clock of the kernel's TCP ticks in steps of up to 10 ms */

/* How late this machine is. */
static uint64_t stall_ms;
static struct daemon *running;

static void nap_and_look(void)
{
	uint64_t before = now_ms(), took;

	nap();
	took = now_ms() - before;
	if (took > 5 && took - 5 > stall_ms)
		stall_ms = took - 5;
}

static const char *wait_end(struct daemon *daemon)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	const char *line;

	running = daemon;

	while ((line = daemon_find_log(daemon, " end service=s ")) == NULL) {
		ck_assert_msg(now_ms() < end, "the session does not end; log:\n%s", daemon_log_tail(daemon));
		nap_and_look();
	}
	return line;
}

static double late(void)
{
	return 4 * (double)stall_ms + (double)late_ms(running);
}

static void check_time(const char *what, double took, double wanted)
{
	double room = (wanted / 10 > 100 ? wanted / 10 : 100) + late();

	ck_assert_msg(took >= wanted - EARLY_MS && took <= wanted + room, "%s: %.0f ms, want %.0f to %.0f", what,
		      took, wanted, wanted + room);
}

static double session_ms(const char *line)
{
	return strtod(line_text(line, "seconds"), NULL) * 1000;
}

enum where { TCP, UNIX, PACKET };

static struct daemon *start(enum where where, const char *keys, const char *exec)
{
	static const char *const listen[] = { "127.0.0.1:$1", "unix:$DIR/s", "unix-seqpacket:$DIR/s" };
	char config[2048];

	stall_ms = 0;
	snprintf(config, sizeof(config), "[s]\nlisten = %s\nexec = %s\n%s", listen[where], exec, keys);
	return running = daemon_start(config);
}

static int join(enum where where)
{
	if (where == TCP)
		return tcp_connect(1);
	return unix_connect(test_path("s"), where == UNIX ? SOCK_STREAM : SOCK_SEQPACKET);
}

/* ---- one limit, one act of the client ---- */

enum act { SILENT, ONE_BYTE, HALF_CLOSE, BYTE_AND_HALF_CLOSE, RESET, CLOSE, BYTE_AND_CLOSE };

#define SLEEP    "/bin/sleep 1000"
#define STUBBORN "/bin/sh -c 'trap \"\" TERM; echo ready; exec sleep 1000'"
#define PAIR                                                                                                 \
	"/bin/sh -c '(trap \"\" TERM; while :; do sleep 0.05; done) & trap \"exit 7\" TERM; while :; do sleep " \
	"0.05; done'"

static const struct {
	const char *name;
	enum where where;
	const char *keys, *exec;
	enum act act;
	const char *reason, *status;
	unsigned ms;
} rows[] = {
	{ "silent", TCP, "first_byte_timeout = 400ms\n", SLEEP, SILENT, "first_byte_timeout", "signal=TERM", 400 },
	{ "silent, but the service spoke", TCP, "first_byte_timeout = 400ms\n", "$PROBE hold", SILENT,
	  "first_byte_timeout", "signal=TERM", 400 },
	{ "one byte came", TCP, "first_byte_timeout = 300ms\ntime_limit = 700ms\n", SLEEP, ONE_BYTE, "time_limit",
	  "signal=TERM", 700 },
	{ "none can come", TCP, "first_byte_timeout = 300ms\ntime_limit = 700ms\n", SLEEP, HALF_CLOSE,
	  "time_limit", "signal=TERM", 700 },
	{ "idle from the start", TCP, "idle_timeout = 400ms\n", SLEEP, SILENT, "idle_timeout", "signal=TERM", 400 },
	{ "idle, and half closed", TCP, "idle_timeout = 400ms\n", SLEEP, HALF_CLOSE, "idle_timeout",
	  "signal=TERM", 400 },
	{ "a second and a half", TCP, "idle_timeout = 1500ms\n", SLEEP, SILENT, "idle_timeout", "signal=TERM",
	  1500 },
	{ "time", TCP, "time_limit = 400ms\n", SLEEP, SILENT, "time_limit", "signal=TERM", 400 },
	{ "two seconds", TCP, "time_limit = 2s\n", SLEEP, SILENT, "time_limit", "signal=TERM", 2000 },
	{ "time without a duplicate", TCP, "time_limit = 400ms\nlinger = 0\n", SLEEP, SILENT, "time_limit",
	  "signal=TERM", 400 },
	{ "all: time", TCP, "time_limit = 300ms\nidle_timeout = 500ms\nfirst_byte_timeout = 700ms\n", SLEEP, SILENT,
	  "time_limit", "signal=TERM", 300 },
	{ "all: idle", TCP, "time_limit = 700ms\nidle_timeout = 300ms\nfirst_byte_timeout = 500ms\n", SLEEP, SILENT,
	  "idle_timeout", "signal=TERM", 300 },
	{ "all: first byte", TCP, "time_limit = 500ms\nidle_timeout = 700ms\nfirst_byte_timeout = 300ms\n", SLEEP,
	  SILENT, "first_byte_timeout", "signal=TERM", 300 },
	{ "all: the first byte came", TCP,
	  "time_limit = 800ms\nidle_timeout = 600ms\nfirst_byte_timeout = 300ms\n", SLEEP, ONE_BYTE,
	  "idle_timeout", "signal=TERM", 600 },
	{ "killed", TCP, "time_limit = 300ms\nkill_after = 300ms\n", STUBBORN, SILENT, "time_limit",
	  "signal=KILL", 600 },
	{ "killed, and idle", TCP, "idle_timeout = 300ms\nkill_after = 400ms\n", STUBBORN, SILENT, "idle_timeout",
	  "signal=KILL", 700 },
	{ "killed at once", TCP, "time_limit = 300ms\nkill_after = 0\n", STUBBORN, SILENT, "time_limit",
	  "signal=KILL", 300 },
	{ "one of the group is killed", TCP, "time_limit = 300ms\nkill_after = 400ms\n", PAIR, SILENT,
	  "time_limit", "status=7", 700 },
	{ "another limit while it is killed", TCP, "time_limit = 500ms\nidle_timeout = 300ms\nkill_after = 400ms\n",
	  STUBBORN, SILENT, "idle_timeout", "signal=KILL", 700 },
	{ "reset", TCP, "on_hangup = kill\n", SLEEP, RESET, "hangup", "signal=TERM", 0 },
	{ "reset, stubborn", TCP, "on_hangup = kill\nkill_after = 300ms\n", STUBBORN, RESET, "hangup",
	  "signal=KILL", 300 },
	{ "close", TCP, "on_hangup = kill\n", SLEEP, CLOSE, "hangup", "signal=TERM", 1000 },
	{ "close with a byte unread", TCP, "on_hangup = kill\n", SLEEP, BYTE_AND_CLOSE, "hangup", "signal=TERM",
	  1000 },
	{ "half a close", TCP, "on_hangup = kill\n", SLEEP, HALF_CLOSE, "hangup", "signal=TERM", 1000 },
	{ "half a close with a byte unread", TCP, "on_hangup = kill\n", SLEEP, BYTE_AND_HALF_CLOSE, "hangup",
	  "signal=TERM", 1000 },
	{ "reset is ignored", TCP, "on_hangup = ignore\n", "/bin/sleep 0.6", RESET, "exit", "status=0", 600 },
	{ "close is ignored", TCP, "on_hangup = ignore\n", "/bin/sleep 1.6", CLOSE, "exit", "status=0", 1600 },
	{ "nothing is said: ignored", TCP, "", "/bin/sleep 1.6", CLOSE, "exit", "status=0", 1600 },
	{ "Unix: time", UNIX, "time_limit = 400ms\n", SLEEP, SILENT, "time_limit", "signal=TERM", 400 },
	{ "Unix: close", UNIX, "on_hangup = kill\n", SLEEP, CLOSE, "hangup", "signal=TERM", 0 },
	{ "Unix: half a close", UNIX, "on_hangup = kill\n", SLEEP, HALF_CLOSE, "hangup", "signal=TERM", 1000 },
	{ "Unix: ignored", UNIX, "", "/bin/sleep 0.6", CLOSE, "exit", "status=0", 600 },
	{ "packets: time", PACKET, "time_limit = 400ms\n", SLEEP, SILENT, "time_limit", "signal=TERM", 400 },
	{ "packets: close", PACKET, "on_hangup = kill\n", SLEEP, CLOSE, "hangup", "signal=TERM", 0 },
};

static void do_act(enum act act, int *client)
{
	switch (act) {
	case SILENT:
		return;
	case ONE_BYTE:
	case BYTE_AND_HALF_CLOSE:
	case BYTE_AND_CLOSE:
		send_text(*client, "x");
		break;
	case HALF_CLOSE:
	case RESET:
	case CLOSE:
		break;
	}
	if (act == HALF_CLOSE || act == BYTE_AND_HALF_CLOSE)
		shutdown(*client, SHUT_WR);
	if (act == RESET)
		reset_close(*client);
	if (act == CLOSE || act == BYTE_AND_CLOSE)
		close(*client);
	if (act == RESET || act == CLOSE || act == BYTE_AND_CLOSE)
		*client = -1;
}

START_TEST(limit)
{
	struct daemon *daemon = start(rows[_i].where, rows[_i].keys, rows[_i].exec);
	uint64_t begun = now_ms();
	int client = join(rows[_i].where);

	daemon_wait_log(daemon, " start service=s ");
	if (strcmp(rows[_i].exec, STUBBORN) == 0) /* from then on it is */
		free(read_piece(client, PATIENCE_MS, NULL));
	do_act(rows[_i].act, &client);
	const char *line = wait_end(daemon);
	uint64_t seen = now_ms() - begun;
	char expected[64];

	snprintf(expected, sizeof(expected), " reason=%s %s ", rows[_i].reason, rows[_i].status);
	ck_assert_msg(strstr(line, expected) != NULL, "%s: no \"%s\" in %s", rows[_i].name, expected, line);
	check_time(rows[_i].name, session_ms(line), rows[_i].ms);
	stall_ms += 20; /* the way of the first and the last byte, and of the log */
	check_time(rows[_i].name, (double)seen, rows[_i].ms);
	if (client >= 0) { /* it is told in a clean way that it is over */
		free(read_all(client, NULL));
		close(client);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- data move the end ---- */

#define TALK "/bin/sh -c 'i=0; while [ $i -lt 10 ]; do echo $i; sleep 0.1; i=$((i+1)); done; exec sleep 1000'"

/* The service goes on writing; when it is silent the time begins. */
START_TEST(idle_counts_output)
{
	struct daemon *daemon = start(TCP, "idle_timeout = 900ms\n", TALK);
	int client = tcp_connect(1);
	uint64_t last = 0;
	size_t got, total = 0;

	while (total < 20) {
		free(read_piece(client, PATIENCE_MS, &got));
		ck_assert_msg(got > 0, "ended after %zu bytes; log:\n%s", total, daemon_log_tail(daemon));
		total += got;
		last = now_ms();
	}
	ck_assert_str_eq(line_text(wait_end(daemon), "reason"), "idle_timeout");
	stall_ms += 20;
	check_time("after the last line", (double)(now_ms() - last), 900);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The client goes on sending what nobody reads. */
START_TEST(idle_counts_input)
{
	struct daemon *daemon = start(TCP, "idle_timeout = 1s\n", SLEEP);
	int client = tcp_connect(1);
	uint64_t last = now_ms();

	daemon_wait_log(daemon, " start service=s ");
	for (int i = 0; i < 12; i++) {
		while (now_ms() < last + 100)
			nap_and_look();
		SKIP_IF(now_ms() > last + 900, "this machine is too busy");
		ck_assert_uint_eq(daemon_count_log(daemon, " end service=s "), 0);
		last = now_ms();
		send_text(client, "x");
	}
	const char *line = wait_end(daemon);

	stall_ms += 20;
	check_time("after the last byte", (double)(now_ms() - last), 1000);
	ck_assert_str_eq(line_text(line, "reason"), "idle_timeout");
	ck_assert_int_eq(line_number(line, "bytes_in"), 12);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A client that takes nothing any more is idle, however much waits for it. */
START_TEST(idle_when_stuck)
{
	struct daemon *daemon = start(TCP, "idle_timeout = 500ms\n", "/bin/sh -c 'exec cat /dev/zero'");
	int client = tcp_connect(1);
	const char *line = wait_end(daemon);

	ck_assert_str_eq(line_text(line, "reason"), "idle_timeout");
	ck_assert_msg(session_ms(line) >= 500 - EARLY_MS && session_ms(line) < 5000 + late(),
		      "%s", line);
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* time_limit does not care how busy a session is. */
START_TEST(time_limit_in_traffic)
{
	struct daemon *daemon = start(TCP, "time_limit = 600ms\nidle_timeout = 300ms\n", "/bin/cat");
	int client = tcp_connect(1);
	struct pollfd wait = { .fd = client, .events = POLLIN };
	bool open = true;

	daemon_wait_log(daemon, " start service=s ");
	while (open) {
		if (send(client, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		nap_and_look();
		if (poll(&wait, 1, 0) == 1)
			open = recv(client, (char[64]){ 0 }, 64, MSG_DONTWAIT) > 0;
	}
	const char *line = wait_end(daemon);

	ck_assert_str_eq(line_text(line, "reason"), "time_limit");
	check_time("in traffic", session_ms(line), 600);
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- a client that hangs up, or only seems to ---- */

#define LINES(pause) \
	"/bin/sh -c 'i=0; while [ $i -lt 25 ]; do sleep " pause "; echo line $i; i=$((i+1)); done'"

/* It has said all it had to say, and takes the reply: nobody went. */
START_TEST(half_close_takes_reply)
{
	struct daemon *daemon = start(TCP, "on_hangup = kill\n", LINES("0.1"));
	int client = tcp_connect(1);

	send_text(client, "GET\n");
	shutdown(client, SHUT_WR);
	char *reply = read_all(client, NULL);

	ck_assert_line(reply, "line 24");
	ck_assert_str_eq(line_text(wait_end(daemon), "reason"), "exit");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* It is there as long as it takes something; then it has gone. */
START_TEST(half_close_then_silence)
{
	struct daemon *daemon = start(TCP, "on_hangup = kill\n", TALK);
	int client = tcp_connect(1);
	uint64_t last = 0;

	shutdown(client, SHUT_WR);
	for (size_t got, total = 0; total < 20; total += got) {
		free(read_piece(client, PATIENCE_MS, &got));
		ck_assert_msg(got > 0, "killed after %zu bytes", total);
		last = now_ms();
	}
	ck_assert_str_eq(line_text(wait_end(daemon), "reason"), "hangup");
	stall_ms += 20;
	check_time("after the last line", (double)(now_ms() - last), 1000);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- not only connections ---- */

START_TEST(time_limit_of_filter)
{
	struct daemon *daemon = daemon_start("[s]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/sleep 1000\n"
					     "time_limit = 400ms\n");
	int client = udp_connect("127.0.0.1", test_port(1));

	send_text(client, "x");
	const char *line = wait_end(daemon);

	ck_assert_match(line, "reason=time_limit signal=TERM ");
	check_time("filter", session_ms(line), 400);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(time_limit_of_wait)
{
	struct daemon *daemon = daemon_start("[s]\nlisten = 127.0.0.1:$1\nexec = /bin/sleep 1000\nwait = yes\n"
					     "time_limit = 400ms\n");
	int client = tcp_connect(1);
	const char *line = wait_end(daemon);

	ck_assert_match(line, "reason=time_limit signal=TERM ");
	check_time("wait", session_ms(line), 400);
	close(client);
	daemon_stop(daemon);
}
END_TEST

/* ---- many at once ---- */

START_TEST(crowd)
{
	enum { CROWD = 60 };
	struct daemon *daemon = start(TCP, "idle_timeout = 1s\nkill_after = 1h\n", SLEEP);
	int clients[CROWD];

	for (int i = 0; i < CROWD; i++)
		clients[i] = tcp_connect(1);
	for (int i = 0; i < CROWD; i++) {
		const char *line = wait_end(daemon);

		ck_assert_str_eq(line_text(line, "reason"), "idle_timeout");
		check_time("one of many", session_ms(line), 1000);
	}
	for (int i = 0; i < CROWD; i++)
		close(clients[i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Sessions keep the limits they began with; new ones have the new limits. */
START_TEST(reload_changes_limits)
{
	struct daemon *daemon = start(TCP, "time_limit = 1200ms\n", SLEEP);
	int old = tcp_connect(1);

	daemon_wait_log(daemon, " start service=s session=1 ");
	daemon_configure("[s]\nlisten = 127.0.0.1:$1\nexec = /bin/sleep 1000\ntime_limit = 300ms\n");
	daemon_reload(daemon, true);
	int new = tcp_connect(1);

	const char *line = wait_end(daemon);

	ck_assert_int_eq(line_number(line, "session"), 2);
	check_time("new", session_ms(line), 300);
	line = wait_end(daemon);
	ck_assert_int_eq(line_number(line, "session"), 1);
	check_time("old", session_ms(line), 1200);
	close(old);
	close(new);
	daemon_stop(daemon);
}
END_TEST

/* ---- peers that vanish ---- */

/* There: connects, says so, and stays until it is killed. */
static int connect_and_stay(void *context)
{
	int fd = tcp_try("192.0.2.1", *(unsigned *)context);

	if (fd < 0)
		return 1;
	send_text(fd, "x");
	for (;;)
		pause();
}

static const struct {
	const char *exec, *keys, *reason;
	unsigned ms;
} vanished[] = {
	{ SLEEP, "idle_timeout = 1500ms\n", "idle_timeout", 1500 },
	/* What is sent again and again is no sign of life. */
	{ "/bin/sh -c 'sleep 0.5; echo x; exec sleep 1000'", "idle_timeout = 1500ms\n", "idle_timeout", 2000 },
	{ SLEEP, "time_limit = 1500ms\n", "time_limit", 1500 },
	/* Asked after a second of silence, then five times, a second apart. */
	{ SLEEP, "keepalive = 1s\non_hangup = kill\n", "hangup", 6000 },
	{ "/bin/sh -c 'exec cat >/dev/null'", "keepalive = 1s\n", "exit", 6000 }, /* its own read fails */
};

/* No packet comes back, no end, no reset: the place is free in the time that was set. */
START_TEST(peer_vanishes)
{
	const char *down[] = { "ip", "link", "set", "u0", "down", NULL };
	char config[512];

	stall_ms = 0;
	snprintf(config, sizeof(config), "[s]\nlisten = 0.0.0.0:$1\nexec = %s\n%s", vanished[_i].exec,
		 vanished[_i].keys);
	struct daemon *daemon = daemon_start(config);
	unsigned port = test_port(1);
	pid_t there = neighbour_start(connect_and_stay, &port);

	SKIP_IF(there == 0, "no networks can be made here");
	daemon_wait_log(daemon, " start service=s ");
	ck_assert_int_eq(run_command(down, NULL), 0);
	const char *line = wait_end(daemon);

	ck_assert_str_eq(line_text(line, "reason"), vanished[_i].reason);
	ck_assert_msg(session_ms(line) >= vanished[_i].ms - EARLY_MS &&
			      session_ms(line) <= vanished[_i].ms + 2500 + late(),
		      "%s", line);
	kill(there, SIGKILL);
	neighbour_wait(there);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("session_limits");
	TCase *one = harness_case(suite, "one", 60);

	tcase_add_loop_test(one, limit, 0, (int)(sizeof(rows) / sizeof(rows[0])));

	TCase *data = harness_case(suite, "data", 60);

	tcase_add_test(data, idle_counts_output);
	tcase_add_test(data, idle_counts_input);
	tcase_add_test(data, idle_when_stuck);
	tcase_add_test(data, time_limit_in_traffic);
	tcase_add_test(data, half_close_takes_reply);
	tcase_add_test(data, half_close_then_silence);

	TCase *others = harness_case(suite, "others", 60);

	tcase_add_test(others, time_limit_of_filter);
	tcase_add_test(others, time_limit_of_wait);
	tcase_add_test(others, crowd);
	tcase_add_test(others, reload_changes_limits);
	tcase_add_loop_test(others, peer_vanishes, 0, (int)(sizeof(vanished) / sizeof(vanished[0])));
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
