/* e2e_linger_wait.c - how long a client is waited for at the end of a connection; groups
 * that outlive their programs, and programs that let go of their client and run on. */
#include "e2e_linger_help.h"

/* ---- how long clients are waited for ---- */

enum act { NEVER_READS, NEVER_CLOSES, TALKS_ON };

static const struct {
	enum act act;
	const char *listen, *keys;
	uint64_t most_ms; /* after the end of the session */
} waits[] = {
	{ NEVER_READS, "127.0.0.1:$1", "reply 100000\nlinger = 400ms\n", 800 },
	{ NEVER_CLOSES, "127.0.0.1:$1", "reply 100000\nlinger = 400ms\n", 800 },
	{ TALKS_ON, "127.0.0.1:$1", "reply 100000\nlinger = 400ms\n", 800 },
	{ NEVER_CLOSES, "127.0.0.1:$1", "reply 10\nlinger = 1500ms\n", 2200 },
	{ NEVER_READS, "unix:$DIR/s", "reply 100000\nlinger = 400ms\n", 800 },
	{ NEVER_CLOSES, "unix:$DIR/s", "reply 100000\nlinger = 400ms\n", 800 },
};

START_TEST(client_is_not_waited_for_ever)
{
	struct daemon *daemon = start(waits[_i].keys, waits[_i].listen);
	int client = waits[_i].listen[0] == 'u' ? unix_connect(test_path("s"), SOCK_STREAM) : tcp_connect(1);
	uint64_t least = strstr(waits[_i].keys, "1500ms") != NULL ? 1500 : 400, ended, took, latest = 0;
	bool lingered = false;

	uint64_t begun = now_ms();

	send_text(client, "a request");
	daemon_wait_log(daemon, " end service=s ");
	ended = now_ms();
	if (waits[_i].act != NEVER_READS)
		free(read_all(client, NULL));
	do {
		uint64_t before = now_ms();

		lingered = lingered || daemon_count_fds(daemon) > daemon->fds;
		if (waits[_i].act == TALKS_ON)
			(void)!send(client, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		nap();
		if (now_ms() - before > latest)
			latest = now_ms() - before;
		took = now_ms() - ended;
	} while (daemon_count_fds(daemon) > daemon->fds && took < (uint64_t)PATIENCE_MS);
	ck_assert(lingered);
	ck_assert_msg(now_ms() - begun + 30 >= least && took <= waits[_i].most_ms + 4 * latest + late_ms(daemon), "freed after %llu ms",
		      (unsigned long long)took);
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Takes little by little, with pauses shorter than `linger`. */
static size_t take_slowly(int client, unsigned pause_ms)
{
	char piece[8192];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(client, piece, sizeof(piece), 0)) > 0) {
		total += (size_t)n;
		poll(NULL, 0, (int)pause_ms);
	}
	ck_assert_msg(n == 0, "after %zu bytes: %s", total, strerror(errno));
	return total;
}

static int connect_small(unsigned number)
{
	int client = tcp_connect(number);

	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int));
	return client;
}

/* All in all it takes far longer than `linger`, and all of it comes. */
START_TEST(slow_client_gets_all)
{
	struct daemon *daemon = start("reply 150000\nlinger = 400ms\nsndbuf = 200k\n", "127.0.0.1:$1");
	int client = connect_small(1);
	uint64_t ended;

	send_text(client, "a request");
	daemon_wait_log(daemon, " end service=s .*reason=exit .*bytes_out=150000 ");
	ended = now_ms();
	ck_assert_uint_eq(take_slowly(client, 60), 150000);
	ck_assert_uint_gt(now_ms() - ended, 600);
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- the end of the daemon ---- */

START_TEST(drain_waits_for_the_reply)
{
	struct daemon *daemon = start("reply 150000\nlinger = 1s\nsndbuf = 200k\n", "127.0.0.1:$1");
	int client = connect_small(1);

	send_text(client, "a request");
	daemon_wait_log(daemon, " end service=s ");
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain ");
	ck_assert_uint_eq(take_slowly(client, 30), 150000);
	close(client);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

static const struct {
	const char *config;
	uint64_t least_ms, most_ms;
} drains[] = {
	{ "[s]\nlisten = 127.0.0.1:$1\nexec = $DIR/self reply 10\nlinger = 600ms\n", 300, 1500 },
	{ "[usherd]\ndrain_timeout = 600ms\n[s]\nlisten = 127.0.0.1:$1\nexec = $DIR/self reply 10\nlinger = 1h\n",
	  550, 1500 },
};

START_TEST(drain_does_not_wait_for_ever)
{
	test_copy_self();
	struct daemon *daemon = daemon_start(drains[_i].config);
	int client = tcp_connect(1);

	daemon_wait_log(daemon, " end service=s ");
	uint64_t begun = now_ms();

	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	uint64_t took = now_ms() - begun;

	ck_assert_msg(took >= drains[_i].least_ms && took <= drains[_i].most_ms + late_ms(NULL), "%llu ms",
		      (unsigned long long)took);
	close(client);
}
END_TEST

/* Sessions with lingering clients end, places are free: they do not count. */
START_TEST(lingering_takes_no_place)
{
	struct daemon *daemon = start("reply 10\nlinger = 1h\ninstances = 1\n", "127.0.0.1:$1");
	int clients[20];

	for (int i = 0; i < 20; i++) {
		clients[i] = tcp_connect(1);
		free(read_all(clients[i], NULL));
	}
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=s .*active=1/1"), 20);
	for (int i = 0; i < 20; i++)
		close(clients[i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- a group outlives its program ---- */

START_TEST(late_reply_is_whole)
{
	struct daemon *daemon = start("late 300000\ninstances = 1\n", "127.0.0.1:$1");
	int first = tcp_connect(1), second;
	size_t length;

	daemon_wait_log(daemon, " start service=s session=1 .*active=1/1");
	second = tcp_connect(1); /* waits for the place */
	send_text(first, "a request");
	free(read_clean(first, &length));
	ck_assert_uint_eq(length, 300000);
	close(first);
	free(read_clean(second, &length));
	ck_assert_uint_eq(length, 300000);
	close(second);
	/* In this order, so the place was taken until the last process had ended. */
	const char *line = daemon_wait_log(daemon, " (start service=s session=2|end service=s session=1) ");

	ck_assert_match(line, " end service=s session=1 .*reason=exit status=0 .*bytes_out=300000 ");
	ck_assert_double_ge(strtod(line_text(line, "seconds"), NULL), 0.39);
	daemon_wait_log(daemon, " start service=s session=2 .*active=1/1");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- a program that lets go of its client and runs on ---- */

/* The inode of the daemon's side of this connection, or 0. */
static unsigned long accepted_inode(int client)
{
	struct sockaddr_in own;
	socklen_t length = sizeof(own);
	FILE *table = fopen("/proc/self/net/tcp", "re");
	unsigned long inode = 0, found = 0;
	unsigned local, remote;
	char line[512];

	getsockname(client, (struct sockaddr *)&own, &length);
	while (table != NULL && fgets(line, sizeof(line), table) != NULL)
		if (sscanf(line, "%*d: %*8x:%x %*8x:%x %*x %*s %*s %*s %*s %*s %lu", &local, &remote,
			   &inode) == 3 &&
		    local == test_port(1) && remote == ntohs(own.sin_port))
			found = inode;
	if (table != NULL)
		fclose(table);
	return found;
}

static bool daemon_has(const struct daemon *daemon, unsigned long inode)
{
	char path[64], wanted[64], link[64];

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", daemon->pid, fd);
		ssize_t n = readlink(path, link, sizeof(link) - 1);

		if (n > 0 && (size_t)n == strlen(wanted) && memcmp(link, wanted, (size_t)n) == 0)
			return true;
	}
	return false;
}

static const struct {
	unsigned closes_ms; /* after the start */
	const char *keys;
	uint64_t within_ms;
} let_go[] = {
	{ 0, "letgo 0\n", 500 },
	{ 0, "letgo 0\nuser = root\n", 500 },
	{ 700, "letgo 700\n", 2000 },
	{ 1700, "letgo 1700\n", 2000 },
	{ 3500, "letgo 3500\n", 2000 },
	{ 200, "letgo 200\nlinger = 0\n", 60 },
	{ 1000, "keep 1000\n", 2000 }, /* a child of it has the connection until then */
};

START_TEST(end_of_file_in_time)
{
	SKIP_IF(strstr(let_go[_i].keys, "root") != NULL && getuid() != 0, "needs to be started as root");
	struct daemon *daemon = start(let_go[_i].keys, "127.0.0.1:$1");
	bool duplicate = strstr(let_go[_i].keys, "linger = 0") == NULL;
	uint64_t before = now_ms(); /* what the program waits for begins after this */
	int client = tcp_connect(1);

	daemon_wait_log(daemon, " start service=s ");
	uint64_t begun = now_ms(), took;
	unsigned long inode = accepted_inode(client);
	char *text;

	ck_assert_uint_ne(inode, 0);
	ck_assert_int_eq(daemon_has(daemon, inode), duplicate);
	text = read_clean(client, NULL);
	took = now_ms() - begun;
	ck_assert_str_eq(text, "bye\n");
	ck_assert_msg(now_ms() - before >= let_go[_i].closes_ms &&
			      took <= let_go[_i].closes_ms + let_go[_i].within_ms + late_ms(daemon),
		      "end of file after %llu ms, the service closed after %u", (unsigned long long)took,
		      let_go[_i].closes_ms);
	/* The session goes on. */
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=s "), 0);
	ck_assert_int_eq(daemon_children(daemon), 1);
	ck_assert(!daemon_has(daemon, inode) || duplicate); /* or it lingers */
	close(client);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain sessions=1");
	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	if (duplicate)
		ck_assert_uint_eq(daemon_count_log(daemon, " end service=s .*bytes_out=4 "), 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("linger-wait");

	TCase *wait = harness_case(suite, "wait", 60);

	tcase_add_loop_test(wait, client_is_not_waited_for_ever, 0, (int)(sizeof(waits) / sizeof(waits[0])));
	tcase_add_test(wait, slow_client_gets_all);
	tcase_add_test(wait, drain_waits_for_the_reply);
	tcase_add_loop_test(wait, drain_does_not_wait_for_ever, 0, (int)(sizeof(drains) / sizeof(drains[0])));
	tcase_add_test(wait, lingering_takes_no_place);

	TCase *group = harness_case(suite, "group", 60);

	tcase_add_test(group, late_reply_is_whole);
	tcase_add_loop_test(group, end_of_file_in_time, 0, (int)(sizeof(let_go) / sizeof(let_go[0])));
	return suite;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return behave(argv[1], (size_t)strtoull(argv[2], NULL, 10));
	return harness_main(make_suite, NULL);
}
