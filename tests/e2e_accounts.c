/* e2e_accounts.c - what the log tells of a session and of its client: bytes to the last
 * one, the reason, the status, the way there and back; in both formats; and how much of an
 * address it tells. Also that nobody waits for a log that is stuck, and its count of lines
 * that are missing. The test program is also the service it needs. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the service ---- */

/* `talk IN OUT END`: reads so many bytes, writes so many, and then: exits with 3 ("exit"), at the
 * client's end ("eof"), by a signal ("kill"), or never ("stay"). */
static int do_talk(size_t in, size_t out, const char *end)
{
	static char block[65536];
	ssize_t n = 1;

	for (size_t done = 0; done < in && n > 0; done += (size_t)n)
		n = read(0, block, in - done < sizeof(block) ? in - done : sizeof(block));
	for (size_t done = 0; done < out && n > 0; done += (size_t)n)
		n = write(1, block, out - done < sizeof(block) ? out - done : sizeof(block));
	if (strcmp(end, "eof") == 0)
		while (read(0, block, sizeof(block)) > 0)
			;
	else if (strcmp(end, "kill") == 0)
		raise(SIGUSR1);
	else if (strcmp(end, "stay") == 0)
		pause();
	return strcmp(end, "eof") == 0 ? 0 : 3;
}

/* ---- exchanges ---- */

enum end { WAITS, HALF_CLOSES, CLOSES, RESETS };

static const struct {
	const char *name;
	size_t in, out; /* what the client sends, and takes */
	const char *talk;
	const char *keys;
	enum end end; /* after that */
	const char *told;
	unsigned room; /* by which a count may be wrong: who reset has told less */
} rows[] = {
	{ "nothing", 0, 0, "0 0 eof", "", HALF_CLOSES, "reason=exit status=0 ", 0 },
	{ "nothing, closed", 0, 0, "0 0 eof", "", CLOSES, "reason=exit status=0 ", 0 },
	{ "nothing, service first", 0, 0, "0 0 exit", "", WAITS, "reason=exit status=3 ", 0 },
	{ "one byte", 1, 0, "1 0 eof", "", HALF_CLOSES, "reason=exit status=0 ", 0 },
	{ "one byte back", 0, 1, "0 1 exit", "", WAITS, "reason=exit status=3 ", 0 },
	{ "half-close", 1000, 2000, "1000 2000 eof", "", HALF_CLOSES, "reason=exit status=0 ", 0 },
	{ "client closes first", 1000, 2000, "1000 2000 eof", "", CLOSES, "reason=exit status=0 ", 0 },
	{ "service closes first", 0, 5000, "0 5000 exit", "", WAITS, "reason=exit status=3 ", 0 },
	{ "service closes first, all read", 700, 5000, "700 5000 exit", "", WAITS, "reason=exit status=3 ", 0 },
	{ "input is left", 300, 5000, "10 5000 exit", "", WAITS, "reason=exit status=3 ", 0 },
	{ "by a signal", 10, 20, "10 20 kill", "", WAITS, "reason=signal signal=USR1 ", 0 },
	{ "killed", 10, 20, "10 20 stay", "time_limit = 300ms\n", WAITS, "reason=time_limit signal=TERM ", 0 },
	{ "idle", 10, 20, "10 20 stay", "idle_timeout = 300ms\n", WAITS, "reason=idle_timeout signal=TERM ", 0 },
	{ "hang-up", 10, 20, "10 20 stay", "on_hangup = kill\n", HALF_CLOSES, "reason=hangup signal=TERM ", 0 },
	{ "reset", 10, 20, "10 20 stay", "on_hangup = kill\n", RESETS, "reason=hangup signal=TERM ", 1 },
	{ "megabytes", 3000000, 4000000, "3000000 4000000 eof", "", HALF_CLOSES, "reason=exit status=0 ", 0 },
	{ "megabytes, service first", 3000000, 4000000, "3000000 4000000 exit", "", WAITS,
	  "reason=exit status=3 ", 0 },
};

static void send_bytes(int fd, size_t count)
{
	static const char block[65536];

	while (count > 0) {
		ssize_t n = send(fd, block, count < sizeof(block) ? count : sizeof(block), MSG_NOSIGNAL);

		ck_assert_msg(n > 0, "send: %s", strerror(errno));
		count -= (size_t)n;
	}
}

static void take_bytes(int fd, size_t count)
{
	static char block[65536];

	while (count > 0) {
		ssize_t n = recv(fd, block, count < sizeof(block) ? count : sizeof(block), 0);

		ck_assert_msg(n > 0, "%zu bytes are missing: %s", count, n == 0 ? "the end" : strerror(errno));
		count -= (size_t)n;
	}
}

static void check_count(const char *name, const char *line, const char *key, size_t wanted, unsigned room)
{
	size_t told = (size_t)line_number(line, key);

	ck_assert_msg(told <= wanted + room && told + room >= wanted, "%s: %s=%zu, want %zu in %s", name, key, told,
		      wanted, line);
}

START_TEST(bytes)
{
	char config[512];

	test_copy_self();
	snprintf(config, sizeof(config), "[s]\nlisten = 127.0.0.1:$1\nexec = $DIR/self talk %s\n%s", rows[_i].talk,
		 rows[_i].keys);
	struct daemon *daemon = daemon_start(config);
	int client = tcp_connect(1);

	send_bytes(client, rows[_i].in);
	take_bytes(client, rows[_i].out);
	if (rows[_i].end == HALF_CLOSES)
		shutdown(client, SHUT_WR);
	else if (rows[_i].end == CLOSES)
		close(client);
	else if (rows[_i].end == RESETS)
		reset_close(client);
	const char *line = daemon_wait_log(daemon, " end service=s ");

	ck_assert_msg(strstr(line, rows[_i].told) != NULL, "%s: no \"%s\" in %s", rows[_i].name, rows[_i].told, line);
	check_count(rows[_i].name, line, "bytes_in", rows[_i].in, rows[_i].room);
	check_count(rows[_i].name, line, "bytes_out", rows[_i].out, rows[_i].room);
	ck_assert_match(line, " seconds=[0-9]+\\.[0-9]{3} bytes_in=[0-9]+ bytes_out=[0-9]+ "
			      "rtt_ms=[0-9]+\\.[0-9]{3} cpu_ms=[0-9]+ maxrss_kb=[1-9][0-9]*$");
	ck_assert_double_lt(strtod(line_text(line, "rtt_ms"), NULL), 1000);
	if (rows[_i].end == WAITS || rows[_i].end == HALF_CLOSES) {
		free(read_clean(client, NULL));
		close(client);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* What came and went before the program let go of the connection is not forgotten. */
START_TEST(bytes_after_letting_go)
{
	struct daemon *daemon = daemon_start(
		"[s]\nlisten = 127.0.0.1:$1\nexec = /bin/sh -c 'read x; echo $x; exec <&- >&-; exec sleep 1'\n");
	int client = tcp_connect(1);

	send_text(client, "hello\n");
	ck_assert_str_eq(read_clean(client, NULL), "hello\n");
	close(client);
	ck_assert_match(daemon_wait_log(daemon, " end service=s "), " bytes_in=6 bytes_out=6 ");
	daemon_stop(daemon);
}
END_TEST

/* Where nothing is known of a connection, nothing is said. */
static const char *const unknown[] = {
	"[s]\nlisten = 127.0.0.1:$1\nlinger = 0\nexec = $PROBE cat\n",
	"[s]\nlisten = unix:$DIR/s\nexec = $PROBE cat\n",
	"[s]\nlisten = 127.0.0.1:$1/udp\nexec = $PROBE cat\n",
};

START_TEST(nothing_known)
{
	struct daemon *daemon = daemon_start(unknown[_i]);
	int client = _i == 0 ? tcp_connect(1) :
		     _i == 1 ? unix_connect(test_path("s"), SOCK_STREAM) :
			       udp_connect("127.0.0.1", test_port(1));

	send_text(client, "x");
	shutdown(client, SHUT_WR);
	const char *line = daemon_wait_log(daemon, " end service=s ");

	ck_assert_match(line, " reason=exit status=0 seconds=[0-9.]+ cpu_ms=[0-9]+ maxrss_kb=[1-9]");
	ck_assert_no_match(line, "bytes_|rtt_ms");
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* cpu_ms and maxrss_kb are those of the program. */
START_TEST(usage)
{
	struct daemon *daemon = daemon_start(
		"[s]\nlisten = 127.0.0.1:$1\n"
		"exec = /bin/sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done'\n");

	ask_many(1, NULL, "done\n", 1, 0);
	const char *line = daemon_wait_log(daemon, " end service=s ");

	ck_assert_int_ge(line_number(line, "cpu_ms"), 10);
	ck_assert_int_ge(line_number(line, "maxrss_kb"), 500);
	ck_assert_double_ge(strtod(line_text(line, "seconds"), NULL) * 1000 + 5,
			    (double)line_number(line, "cpu_ms"));
	daemon_stop(daemon);
}
END_TEST

START_TEST(json)
{
	test_copy_self();
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = "[usherd]\nlog_format = json\n"
			  "[a]\nlisten = 127.0.0.1:$1\nexec = $DIR/self talk 5 7 exit\n"
			  "[b]\nlisten = 127.0.0.1:$2\nexec = $DIR/self talk 5 7 stay\ntime_limit = 200ms\n",
		.no_wait = true });

	daemon_wait_log(daemon, "\"ready\"");
	for (unsigned i = 1; i <= 2; i++) {
		int client = tcp_connect(i);

		send_text(client, "12345");
		take_bytes(client, 7);
		const char *line = daemon_wait_log(daemon, "\"event\":\"end\"");

		ck_assert_match(line, i == 1 ? "\"reason\":\"exit\",\"status\":3," :
					       "\"reason\":\"time_limit\",\"signal\":\"TERM\",");
		ck_assert_match(line, "\"seconds\":[0-9]+\\.[0-9]{3},\"bytes_in\":5,\"bytes_out\":7,"
				      "\"rtt_ms\":[0-9]+\\.[0-9]{3},\"cpu_ms\":[0-9]+,\"maxrss_kb\":[0-9]+}$");
		close(client);
	}
	daemon_stop(daemon);
}
END_TEST

/* ---- addresses in the log ---- */

#define EVENTS                                                                                               \
	"[ok]\nlisten = 127.0.0.1:$1\nexec = $PROBE say x\n"                                                  \
	"[no]\nlisten = 127.0.0.1:$2\nexec = $PROBE say x\ndeny = all\n"                                      \
	"[gone]\nlisten = 127.0.0.1:$3\nexec = $DIR/gone\n"

static const struct {
	const char *mode, *peer; /* the whole field */
} addresses[] = {
	{ "full", "127\\.7\\.7\\.5:[0-9]+" },
	{ "prefix", "127\\.7\\.7\\.0/24" },
	{ "hash", "#[0-9a-f]{16}" },
	{ "none", "-" },
};

static char *ask_away(const char *local, unsigned number)
{
	int fd = tcp_connect_from(local, 0, "127.0.0.1", test_port(number));
	char *reply = read_all(fd, NULL);

	close(fd);
	return reply;
}

static struct daemon *start_addressed(const char *mode, const char *format)
{
	char config[1024];

	test_write("gone", 0755, "#!/bin/sh\n", false);
	snprintf(config, sizeof(config), "[usherd]\nlog_address = %s\nlog_format = %s\n" EVENTS, mode, format);
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .config = config, .no_wait = true });

	daemon_wait_log(daemon, "ready");
	ck_assert_int_eq(unlink(test_path("gone")), 0);
	return daemon;
}

/* Each line that names a client names it like this, and nothing else tells its address. */
START_TEST(address)
{
	static const char *const events[] = { "start service=ok", "end service=ok", "refuse service=no",
					      "fail service=gone" };
	struct daemon *daemon = start_addressed(addresses[_i].mode, "text");

	for (unsigned i = 1; i <= 3; i++)
		free(ask_away("127.7.7.5", i));
	for (size_t i = 0; i < 4; i++) {
		daemon->mark = 0;
		daemon_wait_log(daemon, " %s .*peer=%s( |$)", events[i], addresses[_i].peer);
	}
	if (_i > 0)
		ck_assert_no_match(daemon_read_log(daemon), "127\\.7\\.7\\.5");
	if (_i > 1)
		ck_assert_no_match(daemon_read_log(daemon), "127\\.7");
	daemon_stop(daemon);
}
END_TEST

START_TEST(address_in_json)
{
	struct daemon *daemon = start_addressed(addresses[_i].mode, "json");

	for (unsigned i = 1; i <= 3; i++)
		free(ask_away("127.7.7.5", i));
	daemon_wait_log(daemon, "\"event\":\"fail\".*\"peer\":\"%s\"", addresses[_i].peer);
	ck_assert_uint_eq(daemon_count_log(daemon, "\"peer\":"), 4);
	if (_i > 0)
		ck_assert_no_match(daemon_read_log(daemon), "127\\.7\\.7\\.5");
	daemon_stop(daemon);
}
END_TEST

/* The peer of the next session of `ok`. */
static void next_peer(struct daemon *daemon, const char *local, char text[static 64])
{
	free(ask_away(local, 1));
	snprintf(text, 64, "%.60s", line_text(daemon_wait_log(daemon, " end service=ok "), "peer"));
}

/* The same client has the same number, until the daemon ends and across reloads; others have others. */
START_TEST(hash_tells_clients_apart)
{
	char first[64], again[64], other[64], later[64];
	struct daemon *daemon = start_addressed("hash", "text");

	next_peer(daemon, "127.7.7.5", first);
	next_peer(daemon, "127.7.7.6", other);
	next_peer(daemon, "127.7.7.5", again);
	ck_assert_str_eq(first, again);
	ck_assert_str_ne(first, other);
	test_write("gone", 0755, "#!/bin/sh\n", false);
	daemon_reload(daemon, true);
	next_peer(daemon, "127.7.7.5", again);
	ck_assert_str_eq(first, again);
	daemon_stop(daemon);
	daemon = start_addressed("hash", "text");
	next_peer(daemon, "127.7.7.5", later);
	ck_assert_str_ne(first, later);
	daemon_stop(daemon);
}
END_TEST

START_TEST(reload_changes_address)
{
	char text[64];
	struct daemon *daemon = start_addressed("full", "text");

	next_peer(daemon, "127.7.7.5", text);
	ck_assert_match(text, "^127\\.7\\.7\\.5:");
	test_write("gone", 0755, "#!/bin/sh\n", false);
	daemon_configure("[usherd]\nlog_address = none\n" EVENTS);
	daemon_reload(daemon, true);
	next_peer(daemon, "127.7.7.5", text);
	ck_assert_str_eq(text, "-");
	daemon_stop(daemon);
}
END_TEST

START_TEST(address_of_unix_and_ipv6)
{
	SKIP_IF(!net_has_ipv6(), "no IPv6 here");
	struct daemon *daemon =
		daemon_start("[usherd]\nlog_address = prefix\n"
			     "[six]\nlisten = [::1]:$1\nexec = $PROBE say x\n"
			     "[local]\nlisten = unix:$DIR/s\nexec = $PROBE say x\n");
	int six = tcp_connect_from("::1", 0, "::1", test_port(1)), local = unix_connect(test_path("s"), SOCK_STREAM);

	free(read_all(six, NULL));
	free(read_all(local, NULL));
	daemon_wait_log(daemon, " end service=(six .* peer=::/48|local .* peer=unix) ");
	daemon_wait_log(daemon, " end service=(six .* peer=::/48|local .* peer=unix) ");
	daemon_stop(daemon);
}
END_TEST

/* ---- a log that is stuck ---- */

/* Everything that comes through a pipe until it is silent for a while. */
static char *drain(int fd)
{
	size_t length = 0, room = 1 << 23;
	char *text = calloc(1, room);
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	while (length < room - 1 && poll(&wait, 1, 1500) == 1) {
		ssize_t n = read(fd, text + length, room - 1 - length);

		if (n <= 0)
			break;
		length += (size_t)n;
	}
	return text;
}

/* Nobody reads: 2,000 clients, several at a time, are served and refused as if all were well. Of
 * the lines that are missing afterwards each one was counted. */
START_TEST(stuck_log)
{
	enum { WORKERS = 4, EACH = 500 };
	int ends[2], status;
	pid_t workers[WORKERS];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = "[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n"
			  "[no]\nlisten = 127.0.0.1:$2\nexec = $PROBE say hello\ndeny = all\n",
		.error_fd = ends[1],
		.no_wait = true });

	close(ends[1]);
	WAIT_UNTIL((status = tcp_try("127.0.0.1", test_port(2))) >= 0);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == 0) {
			ask_many(1, NULL, "hello", EACH, 5000);
			_exit(0);
		}
	}
	for (int i = 0; i < WORKERS; i++)
		ck_assert_int_eq(neighbour_wait(workers[i]), 0);
	ck_assert_uint_lt(daemon_cpu_ms(daemon), 10000);

	char *text = drain(ends[0]), *save;
	unsigned long lines = 0, missing = 0, starts = 0;

	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		if (strstr(line, " dropped ") != NULL)
			missing += (unsigned long)line_number(line, "count");
		else if (strstr(line, " start ") != NULL || strstr(line, " end ") != NULL)
			lines++;
		else
			starts += strstr(line, " refuse ") != NULL;
	}
	ck_assert_uint_gt(missing, 0);
	ck_assert_msg(lines + missing == 2 * WORKERS * EACH, "%lu lines came, %lu are said to miss, %d were said",
		      lines, missing, 2 * WORKERS * EACH);
	ck_assert_uint_ge(starts, 1);
	ask_many(1, NULL, "hello", 5, 0);
	text = drain(ends[0]);
	ck_assert_match(text, " end service=hello ");
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("accounts");
	TCase *counts = harness_case(suite, "bytes", 60);

	tcase_add_loop_test(counts, bytes, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(counts, bytes_after_letting_go);
	tcase_add_loop_test(counts, nothing_known, 0, (int)(sizeof(unknown) / sizeof(unknown[0])));
	tcase_add_test(counts, usage);
	tcase_add_test(counts, json);

	TCase *names = harness_case(suite, "addresses", 60);
	int modes = (int)(sizeof(addresses) / sizeof(addresses[0]));

	tcase_add_loop_test(names, address, 0, modes);
	tcase_add_loop_test(names, address_in_json, 0, modes);
	tcase_add_test(names, hash_tells_clients_apart);
	tcase_add_test(names, reload_changes_address);
	tcase_add_test(names, address_of_unix_and_ipv6);

	TCase *stuck = harness_case(suite, "stuck", 120);

	tcase_add_test(stuck, stuck_log);
	return suite;
}

int main(int argc, char **argv)
{
	if (argc == 5)
		return do_talk((size_t)strtoull(argv[2], NULL, 10), (size_t)strtoull(argv[3], NULL, 10), argv[4]);
	return harness_main(make_suite, NULL);
}
