/* e2e_admission.c - who may connect: rules, lists in files, users, hours, load,
 * and the banners. Real clients from many addresses of the test's own network. */
#include "harness.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELLO "[hello]\nlisten = $1\nexec = $PROBE say hello\n"
#define OTHER "[other]\nlisten = 127.0.0.1:$9\nexec = $PROBE say other\n"

static void expect_reply(struct daemon *daemon, const char *from, const char *expected)
{
	char *reply = ask_from(from, 1);

	ck_assert_msg(strcmp(reply, expected) == 0, "%s got \"%s\", want \"%s\"; log:\n%s", from, reply,
		      expected, daemon_log_tail(daemon));
	free(reply);
}

/* Waits until `count` refusals were told, some of them as left out. */
static void wait_refusals(struct daemon *daemon, const char *reason, unsigned count)
{
	unsigned told = 0;

	while (told < count) {
		const char *line =
			daemon_wait_log(daemon, " refuse service=hello peer=.* reason=%s( |$)", reason);

		told += 1 + (strstr(line, " left_out=") != NULL ? (unsigned)line_number(line, "left_out") : 0);
	}
	ck_assert_uint_eq(told, count);
}

/* ---- rules ---- */

#define OWN6    "2001:db8:1:1::1"
#define OTHER6  "2001:db8:1:2::1"
#define PUBLIC4 "192.0.2.7"

static const struct {
	const char *keys;
	const char *served[6], *refused[6];
} rules[] = {
	{ "deny = 127.0.0.2\n", { "127.0.0.1", "127.0.0.3", "::1", PUBLIC4 }, { "127.0.0.2" } },
	{ "allow = 127.0.0.2\n", { "127.0.0.2" }, { "127.0.0.1", "127.0.0.3", "::1", PUBLIC4, OWN6 } },
	{ "deny = all\n", { NULL }, { "127.0.0.1", "::1", PUBLIC4, OWN6 } },
	/* the longest prefix, whichever list it is in */
	{ "allow = 127.0.0.0/8, 127.0.0.5\ndeny = 127.0.0.0/24\n",
	  { "127.1.0.1", "127.0.0.5", "127.0.1.0" },
	  { "127.0.0.1", "127.0.0.4", "::1", PUBLIC4 } },
	{ "deny = 192.0.2.0/24\nallow = 192.0.2.4/30\n",
	  { PUBLIC4, "192.0.2.4" },
	  { "192.0.2.3", "192.0.2.8", "127.0.0.1", "::1" } },
	/* a tie denies */
	{ "allow = 127.0.0.2, 127.0.0.0/24\ndeny = 127.0.0.2\n",
	  { "127.0.0.1", "127.0.0.3" },
	  { "127.0.0.2", "127.0.1.1", "::1" } },
	{ "deny = 0.0.0.0/0\nallow = 0.0.0.0/0, ::/0\n", { "::1", OWN6 }, { "127.0.0.1", PUBLIC4 } },
	{ "allow = all\ndeny = all\n", { NULL }, { "127.0.0.1", "::1" } },
	/* `all` is less than any network */
	{ "deny = all\nallow = loopback\n", { "127.0.0.1", "127.9.9.9", "::1" }, { PUBLIC4, OWN6 } },
	{ "allow = all\ndeny = 0.0.0.0/0\n", { "::1", OWN6 }, { "127.0.0.1", PUBLIC4 } },
	/* IPv6 */
	{ "allow = 2001:db8:1::/48\ndeny = 2001:db8:1:2::/64\n",
	  { OWN6 },
	  { OTHER6, "::1", "127.0.0.1" } },
	{ "deny = ::/0\n", { "127.0.0.1", PUBLIC4 }, { "::1", OWN6 } },
	/* an IPv4-mapped rule is an IPv4 rule */
	{ "deny = ::ffff:127.0.0.2\n", { "127.0.0.1", "::1" }, { "127.0.0.2" } },
	/* users are no addresses */
	{ "deny = uid:0, 127.0.0.4\n", { "127.0.0.1", "::1" }, { "127.0.0.4" } },
};

START_TEST(rules_decide)
{
	char config[512];

	SKIP_IF(!test_is_alone() || !net_has_ipv6(), "needs IPv6 in a network of its own");
	net_add("192.0.2.1", 24);
	net_add(OWN6, 128);
	net_add(OTHER6, 128);
	snprintf(config, sizeof(config), HELLO "%s", rules[_i].keys);
	struct daemon *daemon = daemon_start(config);
	unsigned refused = 0;

	for (int i = 0; rules[_i].served[i] != NULL; i++)
		expect_reply(daemon, rules[_i].served[i], "hello");
	for (; rules[_i].refused[refused] != NULL; refused++)
		expect_reply(daemon, rules[_i].refused[refused], "");
	daemon_wait_log(daemon, " refuse service=hello peer=\\[?%s\\]?:[0-9]+ reason=deny$",
			rules[_i].refused[0]);
	ck_assert_uint_eq(daemon_count_log(daemon, " refuse .*reason=(.[^e]|d[^e])"), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* [defaults] holds for all; a service that wants none of it says so. */
START_TEST(rules_of_defaults)
{
	struct daemon *daemon = daemon_start("[defaults]\ndeny = 127.0.0.0/8\n" HELLO
					     "[free]\nlisten = 127.0.0.1:$2\nexec = $PROBE say free\ndeny =\n"
					     "[own]\nlisten = 127.0.0.1:$3\nexec = $PROBE say own\n"
					     "deny = 127.0.0.2\n");

	expect_reply(daemon, "127.0.0.1", "");
	ck_assert_str_eq(ask_from("127.0.0.1", 2), "free");
	ck_assert_str_eq(ask_from("127.0.0.1", 3), "own");
	ck_assert_str_eq(ask_from("127.0.0.2", 3), "");
	daemon_stop(daemon);
}
END_TEST

/* ---- lists in files ---- */

static void write_list(const char *last)
{
	FILE *file = fopen(test_path("list"), "we");

	fprintf(file, "# networks\n\n");
	for (unsigned i = 0; i < 10000; i++)
		fprintf(file, "10.%u.%u.0/24%s\n", i / 256, i % 256, i % 100 == 0 ? "   # each hundredth" : "");
	fprintf(file, "%s\n", last);
	fclose(file);
	chmod(test_path("list"), 0644);
}

START_TEST(list_file)
{
	bool alone = test_is_alone();

	write_list("127.0.0.2");
	if (alone)
		net_add("10.39.15.1", 24); /* the last of the 10,000 */
	struct daemon *daemon = daemon_start(HELLO "deny = file:$DIR/list, 127.0.0.4\n");

	expect_reply(daemon, "127.0.0.2", "");
	expect_reply(daemon, "127.0.0.4", "");
	expect_reply(daemon, "127.0.0.3", "hello");
	if (alone)
		expect_reply(daemon, "10.39.15.200", "");
	/* A list is read when the configuration is. */
	write_list("127.0.0.3");
	expect_reply(daemon, "127.0.0.3", "hello");
	daemon_reload(daemon, true);
	expect_reply(daemon, "127.0.0.3", "");
	expect_reply(daemon, "127.0.0.4", "");
	expect_reply(daemon, "127.0.0.2", "hello");
	/* One bad line, and all stays as it was; the line is told. */
	write_list("127.0.0.300");
	daemon_reload(daemon, false);
	ck_assert_match(daemon_read_log(daemon), "/list:10003");
	expect_reply(daemon, "127.0.0.3", "");
	expect_reply(daemon, "127.0.0.2", "hello");
	unlink(test_path("list"));
	daemon_reload(daemon, false);
	expect_reply(daemon, "127.0.0.3", "");
	write_list("127.0.0.9");
	daemon_reload(daemon, true);
	expect_reply(daemon, "127.0.0.3", "hello");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A list of those who may: others may not, nor anybody when it is empty. */
START_TEST(list_file_of_allow)
{
	test_write("list", 0644, "127.0.0.2 # one\n127.0.1.0/24\n", false);
	struct daemon *daemon = daemon_start(HELLO "allow = file:list\ndeny = 127.0.1.7\n");

	expect_reply(daemon, "127.0.0.2", "hello");
	expect_reply(daemon, "127.0.1.1", "hello");
	expect_reply(daemon, "127.0.1.7", "");
	expect_reply(daemon, "127.0.0.1", "");
	test_write("list", 0644, "# nobody\n", false);
	daemon_reload(daemon, true);
	expect_reply(daemon, "127.0.0.2", "");
	daemon_stop(daemon);
}
END_TEST

/* ---- users ---- */

/* What a client of this user and these groups gets from the socket; 0 when it is `expected`. */
static int ask_as(uid_t uid, gid_t gid, gid_t extra, const char *expected)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		if (setgroups(extra != 0, &extra) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(99);
		char *reply = read_all(unix_connect(test_path("socket"), SOCK_STREAM), NULL);

		_exit(strcmp(reply, expected) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static const struct {
	const char *keys;
	struct {
		uid_t uid;
		gid_t gid, extra;
		bool served;
	} clients[6]; /* uid 0: end */
} users[] = {
	{ "allow = uid:1501\n", { { 1501, 1501, 0, true }, { 1502, 1501, 1501, false } } },
	{ "deny = uid:1501\n", { { 1501, 1501, 0, false }, { 1502, 1501, 0, true } } },
	{ "allow = uid:nobody\n", { { 65534, 65534, 0, true }, { 1502, 65534, 0, false } } },
	/* a group: the primary one, or one of the others */
	{ "allow = gid:1600\n",
	  { { 1501, 1600, 0, true }, { 1501, 1501, 1600, true }, { 1600, 1501, 1601, false } } },
	{ "allow = all\ndeny = gid:1600\n",
	  { { 1501, 1600, 0, false }, { 1501, 1501, 1600, false }, { 1501, 1501, 1601, true } } },
	/* a uid decides before a gid, and that before `all` */
	{ "allow = gid:1600\ndeny = uid:1501\n",
	  { { 1501, 1600, 0, false }, { 1502, 1600, 0, true }, { 1502, 1502, 0, false } } },
	{ "allow = uid:1501\ndeny = gid:1600, all\n",
	  { { 1501, 1600, 1600, true }, { 1502, 1600, 0, false }, { 1502, 1502, 0, false } } },
	/* several groups, one of each list: a tie, which denies */
	{ "allow = gid:1600\ndeny = gid:1601\n",
	  { { 1501, 1600, 1601, false }, { 1501, 1600, 1600, true }, { 1501, 1601, 1600, false } } },
	/* networks are about others */
	{ "deny = 0.0.0.0/0, ::/0\n", { { 1501, 1501, 0, true } } },
	{ "allow = loopback\n", { { 1501, 1501, 0, false } } },
};

START_TEST(users_decide)
{
	char config[512];
	unsigned refused = 0;

	SKIP_IF(getuid() != 0, "needs to be started as root");
	snprintf(config, sizeof(config),
		 "[hello]\nlisten = unix:$DIR/socket\nsocket_mode = 0666\nexec = $PROBE say hello\n%s",
		 users[_i].keys);
	struct daemon *daemon = daemon_start(config);

	for (int i = 0; users[_i].clients[i].uid != 0; i++) {
		bool served = users[_i].clients[i].served;
		int r = ask_as(users[_i].clients[i].uid, users[_i].clients[i].gid, users[_i].clients[i].extra,
			       served ? "hello" : "");

		ck_assert_msg(r == 0, "%s: client %d: status %d; log:\n%s", users[_i].keys, i, r,
			      daemon_log_tail(daemon));
		refused += !served;
	}
	if (refused > 0)
		daemon_wait_log(daemon, " refuse service=hello peer=[^ ]*[0-9]+[^ ]* reason=deny$");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Rules about users hold for datagrams, too; or the file says that they cannot. */
static const char *const user_rules[] = { "deny = uid:1501\n", "allow = all\ndeny = gid:1600\n",
					  "deny = uid:1501\nwait = yes\n" };

START_TEST(users_of_datagrams)
{
	const char *words[] = { "-t", "-c", "$DIR/services.ini", NULL };
	char config[512];

	SKIP_IF(getuid() != 0, "needs to be started as root");
	snprintf(config, sizeof(config),
		 "[hello]\nlisten = unix-dgram:$DIR/socket\nsocket_mode = 0666\nexec = /bin/cat\n%s",
		 user_rules[_i]);
	daemon_configure(config);
	if (run_usherd(words, NULL) == 78)
		return;
	struct daemon *daemon = daemon_start(config);

	ck_assert_int_eq(setegid(1600), 0);
	ck_assert_int_eq(seteuid(1501), 0);
	int fd = unix_connect(test_path("socket"), SOCK_DGRAM);

	send_text(fd, "from 1501");
	ck_assert_int_eq(seteuid(0), 0);
	daemon_wait_log(daemon, " (refuse|start) service=hello ");
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=hello "), 0);
	daemon_stop(daemon);
}
END_TEST

/* ---- hours ---- */

/* "hh:mm-hh:mm" of hours from now (in UTC and so much east of it). */
static void put_hours(char text[static 16], int from, int until, int east_minutes)
{
	time_t start = time(NULL) + (from * 60 + east_minutes) * 60;
	time_t end = time(NULL) + (until * 60 + east_minutes) * 60;
	struct tm a, b;

	gmtime_r(&start, &a);
	gmtime_r(&end, &b);
	snprintf(text, 16, "%02d:%02d-%02d:%02d", a.tm_hour, a.tm_min, b.tm_hour, b.tm_min);
}

static const char *day_of(int hours_from_now, int days_after)
{
	static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
	time_t at = time(NULL) + hours_from_now * 3600;
	struct tm parts;

	gmtime_r(&at, &parts);
	return days[(parts.tm_wday + days_after) % 7];
}

static void expect_hours(const char *times, bool open)
{
	char config[512];

	snprintf(config, sizeof(config), HELLO "access_times = %s\n", times);
	struct daemon *daemon = daemon_start(config);

	expect_reply(daemon, "127.0.0.1", open ? "hello" : "");
	if (!open)
		daemon_wait_log(daemon, " refuse service=hello peer=127\\.0\\.0\\.1:[0-9]+ reason=access_times$");
	daemon_stop(daemon);
}

START_TEST(hours)
{
	char here[16], later[16], around[16], kolkata[16], text[256];
	const char *begins = day_of(-2, 0), *after = day_of(-2, 1), *before = day_of(-2, 6);

	put_hours(here, -2, 2, 0);
	put_hours(later, 2, 4, 0);
	put_hours(around, 2, -2, 0); /* all but now: twenty hours, which go over midnight */
	put_hours(kolkata, -2, 2, 330);
	snprintf(text, sizeof(text), "%s UTC", here);
	expect_hours(text, true);
	snprintf(text, sizeof(text), "%s UTC", later);
	expect_hours(text, false);
	snprintf(text, sizeof(text), "%s UTC", around);
	expect_hours(text, false);
	snprintf(text, sizeof(text), "%s UTC, %s UTC", later, here);
	expect_hours(text, true);
	/* The day is that on which a window begins. */
	snprintf(text, sizeof(text), "%s %s UTC", begins, here);
	expect_hours(text, true);
	snprintf(text, sizeof(text), "%s-%s %s UTC", after, before, here);
	expect_hours(text, false);
	expect_hours("always", true);
	expect_hours("00:00-24:00 UTC", true);
	SKIP_IF(access("/usr/share/zoneinfo/Asia/Kolkata", R_OK) < 0, "no time zones here");
	snprintf(text, sizeof(text), "%s Asia/Kolkata", kolkata);
	expect_hours(text, true);
	snprintf(text, sizeof(text), "%s UTC", kolkata);
	expect_hours(text, false);
}
END_TEST

/* A window of twenty-three hours goes over midnight at any time of the day but one. */
START_TEST(hours_over_midnight)
{
	char wide[16], text[64];

	put_hours(wide, -22, 1, 0);
	snprintf(text, sizeof(text), "%s UTC", wide);
	expect_hours(text, true);
	put_hours(wide, -1, 22, 0);
	snprintf(text, sizeof(text), "%s UTC", wide);
	expect_hours(text, true);
}
END_TEST

/* Connections to a program that accepts itself are closed at the door, one by one. */
START_TEST(hours_of_wait)
{
	char later[16], config[512];

	put_hours(later, 2, 4, 0);
	snprintf(config, sizeof(config),
		 "[hello]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE accept\naccess_times = %s UTC\n",
		 later);
	struct daemon *daemon = daemon_start(config);

	for (int i = 0; i < 10; i++)
		expect_reply(daemon, "127.0.0.1", "");
	ck_assert_uint_eq(daemon_count_log(daemon, " start service="), 0);
	ck_assert_uint_ge(daemon_count_log(daemon, " refuse service=hello .*reason=access_times"), 1);
	ck_assert_uint_lt(daemon_cpu_ms(daemon), 1000);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- load ---- */

static unsigned load_hundredths(void)
{
	struct sysinfo info;

	ck_assert_int_eq(sysinfo(&info), 0);
	return (unsigned)((info.loads[0] * 100) >> SI_LOAD_SHIFT);
}

START_TEST(load)
{
	struct daemon *daemon = daemon_start(HELLO "max_load = 1000000\n" OTHER);

	expect_reply(daemon, "127.0.0.1", "hello");
	/* A service that would wait for that to pass may not make the others wait. */
	daemon_configure(HELLO "max_load = 0.01\n" OTHER);
	daemon_reload(daemon, true);
	unsigned before = load_hundredths();
	char *reply = ask_from("127.0.0.1", 1);
	unsigned after = load_hundredths();

	ask_many(9, NULL, "other", 5, 0);
	/* The daemon may know the figure of a second ago. */
	SKIP_IF(before < 2 || after < 2, "this machine has nothing to do");
	ck_assert_str_eq(reply, "");
	daemon_wait_log(daemon, " refuse service=hello .*reason=max_load$");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- banners ---- */

START_TEST(banner)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say program\n"
					     "banner = Welcome;\\tall\\r\\n\n");

	for (int i = 0; i < 20; i++)
		expect_reply(daemon, "127.0.0.1", "Welcome;\tall\r\nprogram");
	/* From a file, as it is, and as it was when the configuration was read. */
	test_write("banner", 0644, "first\nsecond", false);
	daemon_configure("[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say program\n"
			 "banner = file:$DIR/banner\n");
	daemon_reload(daemon, true);
	test_write("banner", 0644, "third", false);
	expect_reply(daemon, "127.0.0.1", "first\nsecondprogram");
	daemon_reload(daemon, true);
	expect_reply(daemon, "127.0.0.1", "thirdprogram");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The refused client gets the words and an end of file, whatever it has sent. */
static const size_t unread[] = { 0, 1, 1000, 60000 };

START_TEST(banner_refused)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say program\n"
					     "deny = 127.0.0.2\nbanner = Welcome\\n\n"
					     "banner_refused = Not you\\r\\n\n");
	static char data[60000];

	memset(data, 'x', sizeof(data));
	for (int i = 0; i < 20; i++) {
		daemon_signal(daemon, SIGSTOP); /* so that the data is there when it is refused */
		int fd = tcp_from("127.0.0.2", 1);

		if (unread[_i] > 0)
			ck_assert_int_eq(send(fd, data, unread[_i], MSG_NOSIGNAL), (ssize_t)unread[_i]);
		daemon_signal(daemon, SIGCONT);
		char *reply = read_clean(fd, NULL);

		ck_assert_str_eq(reply, "Not you\r\n");
		/* What it sends later does no harm either. */
		(void)!send(fd, data, 1000, MSG_NOSIGNAL);
		close(fd);
		free(reply);
	}
	expect_reply(daemon, "127.0.0.1", "Welcome\nprogram");
	ck_assert_uint_eq(daemon_count_log(daemon, " start service="), 1);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(banner_refused_on_unix)
{
	struct daemon *daemon = daemon_start("[hello]\nlisten = unix:$DIR/socket\nexec = $PROBE say program\n"
					     "deny = all\nbanner_refused = Not you\n");
	int fd = unix_connect(test_path("socket"), SOCK_STREAM);
	char *reply = read_clean(fd, NULL);

	ck_assert_str_eq(reply, "Not you");
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- reload ---- */

#define HOLD "[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n"

static int hold_from(const char *from)
{
	int fd = tcp_from(from, 1);
	char *ready = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(ready != NULL && strcmp(ready, "ready\n") == 0, "%s got \"%s\"", from, ready);
	free(ready);
	return fd;
}

static void finish(int fd)
{
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(read_clean(fd, NULL), "bye\n");
	close(fd);
}

/* Other rules are for clients that come: who is served stays. */
START_TEST(reload_is_for_new_clients)
{
	struct daemon *daemon = daemon_start(HOLD);
	int first = hold_from("127.0.0.2"), second = hold_from("127.0.0.3");

	daemon_configure(HOLD "deny = 127.0.0.2\n");
	daemon_reload(daemon, true);
	expect_reply(daemon, "127.0.0.2", "");
	wait_refusals(daemon, "deny", 1);
	int third = hold_from("127.0.0.3");

	daemon_configure(HOLD "access_times = 00:00-00:01 UTC\ninstances = 1\ndeny = all\n");
	daemon_reload(daemon, true);
	/* More are served than the rules would let in now; the next one waits for its turn. */
	int waiting = tcp_from("127.0.0.1", 1);

	finish(first);
	finish(third);
	ck_assert_ptr_null(read_piece(waiting, 0, NULL));
	daemon_configure(HOLD "allow = 127.0.0.1\ninstances = 1\n");
	daemon_reload(daemon, true);
	finish(second);
	char *ready = read_piece(waiting, PATIENCE_MS, NULL);

	ck_assert_str_eq(ready, "ready\n");
	finish(waiting);
	daemon_configure(HOLD);
	daemon_reload(daemon, true);
	finish(hold_from("127.0.0.2"));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("admission");
	TCase *who = harness_case(suite, "who", 60);

	tcase_add_loop_test(who, rules_decide, 0, (int)(sizeof(rules) / sizeof(rules[0])));
	tcase_add_test(who, rules_of_defaults);
	tcase_add_test(who, list_file);
	tcase_add_test(who, list_file_of_allow);
	tcase_add_loop_test(who, users_decide, 0, (int)(sizeof(users) / sizeof(users[0])));
	tcase_add_loop_test(who, users_of_datagrams, 0, (int)(sizeof(user_rules) / sizeof(user_rules[0])));

	TCase *when = harness_case(suite, "when", 60);

	tcase_add_test(when, hours);
	tcase_add_test(when, hours_over_midnight);
	tcase_add_test(when, hours_of_wait);
	tcase_add_test(when, load);

	TCase *words = harness_case(suite, "words", 60);

	tcase_add_test(words, banner);
	tcase_add_loop_test(words, banner_refused, 0, (int)(sizeof(unread) / sizeof(unread[0])));
	tcase_add_test(words, banner_refused_on_unix);
	tcase_add_test(words, reload_is_for_new_clients);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
