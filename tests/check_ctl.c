/* check_ctl.c - usherctl against a daemon of our own: what it asks, what it prints, how it ends. */
#include "ctl_help.h"

#define DAEMON                                                                                               \
	"{\"version\":\"9.8.7\",\"pid\":4711,\"state\":\"serving\",\"started_at\":\"2026-01-02T03:04:05Z\"," \
	"\"uptime_seconds\":192.0,\"upgrades\":1,\"generation\":3,"                                          \
	"\"config\":{\"path\":\"/etc/usherd/services.ini\",\"hash\":\"0123456789abcdef\"},"                  \
	"\"last_reload\":{\"at\":\"2026-01-02T03:05:00Z\",\"ok\":false,\"message\":\"2 "                     \
	"errors\",\"errors\":2},"                                                                            \
	"\"services\":{\"total\":3,\"serving\":2,\"failing\":1},\"listeners\":4,"                            \
	"\"sessions\":{\"active\":5,\"most\":100,\"lingering\":1},\"accepted\":1234567,\"started\":99,"      \
	"\"ended\":94,\"refused_total\":45,\"refused\":{\"deny\":5,\"per_source\":40,\"ban\":0},"            \
	"\"spawn_failures\":2,\"bytes_in\":1258291,\"bytes_out\":1023,\"bans\":2,"                           \
	"\"loop\":{\"lag_seconds\":0.0004,\"longest_seconds\":0.012},"                                       \
	"\"log\":{\"level\":\"info\",\"dropped\":1},\"memory\":{\"rss_bytes\":12582912},"                    \
	"\"descriptors\":{\"open\":34,\"limit\":1024}}"

#define SERVICE                                                                                              \
	"{\"name\":\"git\",\"description\":\"the "                                                           \
	"trees\",\"state\":\"failing\",\"listen\":[\"0.0.0.0:9418/tcp\"],"                                   \
	"\"exec\":\"/usr/bin/git daemon\",\"user\":\"git\",\"wait\":false,"                                  \
	"\"where\":{\"path\":\"/etc/s.ini\",\"line\":12},\"override\":\"enabled\",\"active\":3,"             \
	"\"instances\":100,\"accepted\":20,\"started\":15,\"refused_total\":5,\"refused\":{\"deny\":5},"     \
	"\"ended\":{\"exit\":12},\"spawn_failures\":{\"exec\":2},\"bytes_in\":2048,\"bytes_out\":"           \
	"5368709120,"                                                                                        \
	"\"problem\":\"exec /usr/bin/gti: No such file\","                                                   \
	"\"spawn_seconds\":{\"count\":10,\"sum\":0.02,\"buckets\":[[0.001,2],[0.002,9],[0.005,9]]},"         \
	"\"session_seconds\":{\"count\":0,\"sum\":0,\"buckets\":[]}}"

#define PLAN                                                                                                 \
	"{\"listeners\":{\"opened\":[\"127.0.0.1:7/tcp\"],\"closed\":[\"[::1]:8/"                            \
	"tcp\"],\"kept\":14,\"left_out\":2},"                                                                \
	"\"services\":{\"added\":[\"new\"],\"removed\":[\"old\"],\"changed\":[{\"name\":\"git\","            \
	"\"keys\":[\"rate\",\"allow\"]}],\"unchanged\":9,\"left_out\":0},\"daemon\":{\"changed\":[\"log_"    \
	"level\"]}}"

#define MISTAKE "{\"path\":\"/etc/s.ini\",\"line\":7,\"subject\":\"git.rat\",\"reason\":\"unknown key\"}"

static struct output output;

/* `out` and `err` are pieces that are printed there, in this order, with a bar between. */
static const struct {
	const char *words, *request, *reply;
	int status;
	const char *out, *err;
} rows[] = {
	{ "status", "status",
	  "{\"ok\":true,\"daemon\":" DAEMON
	  ",\"problems\":[{\"service\":\"git\",\"state\":\"failing\",\"message\":\"no\"}]}\n",
	  0,
	  "usherd 9.8.7  serving  pid 4711  up 3m12s  upgraded 1 time\n|problems:\n  git  failing  no\n|"
	  "services  3: 2 serving, 1 failing; 4 listeners\n|sessions  5 now, 100 at most, 1 being closed\n|"
	  "1.23M accepted|refused   45: per_source 40, deny 5\n|2 programs|1.2 MiB in, 1023 B out|"
	  "services.ini, generation 3, 0123456789ab\n|FAILED at 2026-01-02T03:05:00Z: 2 errors\n|"
	  "12 MiB of memory, 34 of 1024|lag 0.4ms, at most 12ms|1 line dropped",
	  "" },
	{ "services", "services", "{\"ok\":true,\"services\":[" SERVICE "]}\n", 0,
	  "SERVICE  STATE              ACTIVE  STARTED  REFUSED  FAILED       IN      OUT  LISTEN\n"
	  "git      failing (by hand)   3/100       15        5       2  2.0 KiB  5.0 GiB  0.0.0.0:9418/tcp\n"
	  "git: exec /usr/bin/gti: No such file\n",
	  "" },
	{ "services git", "services git", "{\"ok\":true,\"services\":[" SERVICE "]}\n", 0,
	  "git  failing (by hand)  the trees\nproblem: exec|where        /etc/s.ini:12\n|refused      deny "
	  "5\n|"
	  "not started  exec 2\n|time to start (mean 2.0ms)\n|<= 1.0ms  2  |<= 2.0ms  7  |> 5.0ms  1  ",
	  "" },
	{ "sessions", "sessions",
	  "{\"ok\":true,\"sessions\":[{\"id\":812,\"service\":\"git\",\"pid\":99,\"peer\":\"192.0.2.7:4\","
	  "\"state\":\"ending\","
	  "\"reason\":\"time_limit\",\"seconds\":90061,\"idle_seconds\":null,\"bytes_in\":0,\"bytes_out\":"
	  "null,"
	  "\"rtt_seconds\":0.0301}]}\n",
	  0,
	  " ID  SERVICE  PID  STATE                  AGE  IDLE   IN  OUT   RTT  PEER\n"
	  "812  git       99  ending (time_limit)  1d01h     -  0 B    -  30ms  192.0.2.7:4\n",
	  "" },
	{ "sessions git", "sessions git", "{\"ok\":true,\"sessions\":[]}\n", 0, "there are no sessions\n",
	  "" },
	{ "show git", "show git",
	  "{\"ok\":true,\"name\":\"git\",\"where\":{\"path\":\"/s.ini\",\"line\":3},\"keys\":["
	  "{\"key\":\"rate\",\"value\":\"50/s\",\"origin\":\"section\",\"where\":{\"path\":\"/"
	  "s.ini\",\"line\":9}},"
	  "{\"key\":\"user\",\"value\":\"git\",\"origin\":\"defaults\",\"where\":{\"path\":\"/"
	  "s.ini\",\"line\":1}},"
	  "{\"key\":\"nice\",\"value\":\"inherit\",\"origin\":\"default\",\"where\":null}]}\n",
	  0,
	  "[git]  /s.ini:3\nKEY   VALUE    FROM\nrate  50/s     /s.ini:9\nuser  git      [defaults] "
	  "/s.ini:1\n"
	  "nice  inherit  default\n",
	  "" },
	{ "explain 192.0.2.7 git", "explain 192.0.2.7 git",
	  "{\"ok\":true,\"service\":\"git\",\"peer\":\"192.0.2.7\",\"verdict\":\"admit\",\"key\":null,"
	  "\"where\":null,"
	  "\"text\":\"all may\",\"steps\":[{\"key\":\"deny\",\"passes\":true,\"text\":\"none\"}]}\n",
	  0, "\xe2\x9c\x93  deny  none\n192.0.2.7 to git: served: all may\n", "" },
	{ "explain uid:7 git", "explain uid:7 git",
	  "{\"ok\":true,\"service\":\"git\",\"peer\":\"uid 7\",\"verdict\":\"deny\",\"key\":\"allow\","
	  "\"where\":{\"path\":\"/s.ini\",\"line\":4},\"text\":\"none "
	  "fits\",\"steps\":[{\"key\":\"deny\",\"passes\":false,"
	  "\"text\":\"none fits\"}]}\n",
	  1, "\xe2\x9c\x97  deny  none fits\nuid 7 to git: refused, deny by allow (/s.ini:4): none fits\n",
	  "" },
	{ "bans", "bans",
	  "{\"ok\":true,\"bans\":[{\"address\":\"192.0.2.0/"
	  "24\",\"service\":null,\"by\":\"hand\",\"seconds_left\":null},"
	  "{\"address\":\"::1\",\"service\":\"git\",\"by\":\"limits\",\"seconds_left\":61}]}\n",
	  0, "192.0.2.0/24  all      hand    until unban\n::1           git      limits        1m01s\n", "" },
	{ "reload --dry-run", "reload --dry-run",
	  "{\"ok\":true,\"dry_run\":true,\"generation\":3,\"plan\":" PLAN ",\"warnings\":[" MISTAKE "]}\n", 0,
	  "a reload would come to this:\nlisteners (14 kept)\n  + 127.0.0.1:7/tcp\n  - [::1]:8/tcp\n  ... "
	  "and 2 more\n"
	  "services (9 unchanged)\n  + new\n  - old\n  ~ git: rate, allow\nusherd\n  ~ log_level\n",
	  "/etc/s.ini:7: warning: git.rat: unknown key\n" },
	{ "reload", "reload",
	  "{\"ok\":false,\"code\":\"config\",\"error\":\"nothing has changed\",\"errors\":[" MISTAKE
	  "],\"left_out\":3}\n",
	  78, "", "/etc/s.ini:7: git.rat: unknown key\n... and 3 more\nusherctl: nothing has changed\n" },
	{ "enable git", "enable git", "{\"ok\":true,\"service\":\"git\",\"listeners\":2,\"active\":1}\n", 0,
	  "git is enabled until the next reload: 2 listeners open, 1 session\n", "" },
	{ "kill --now git", "kill git --now", "{\"ok\":true,\"sessions\":2}\n", 0, "2 sessions killed\n",
	  "" },
	{ "ban 192.0.2.7 2h", "ban 192.0.2.7 2h",
	  "{\"ok\":true,\"address\":\"192.0.2.7\",\"seconds\":7200,\"sessions\":1}\n", 0,
	  "192.0.2.7 is banned for 2h00m; 1 session runs on", "" },
	{ "unban all", "unban all", "{\"ok\":true,\"lifted\":1}\n", 0, "1 ban lifted\n", "" },
	{ "drain", "drain", "{\"ok\":true,\"service\":null,\"active\":0}\n", 0,
	  "usherd serves no new clients; 0 sessions", "" },
	{ "loglevel", "loglevel", "{\"ok\":true,\"level\":\"debug\",\"configured\":\"info\"}\n", 0,
	  "debug until the next reload (log_level is info)\n", "" },
	{ "upgrade", "upgrade", "{\"ok\":true,\"from\":\"1\",\"to\":\"2\",\"pid\":3}\n", 0,
	  "upgraded from 1 to 2, pid 3\n", "" },
	{ "upgrade", "upgrade", "{\"ok\":false,\"code\":\"failed\",\"error\":\"it did not start\"}\n", 1, "",
	  "usherctl: it did not start\n" },
	{ "stop", "stop", "{\"ok\":true,\"sessions\":1}\n", 0, "usherd ends; 1 session to end first\n", "" },
	{ "version", "version", "{\"ok\":true,\"version\":\"9\",\"pid\":3}\n", 0, "usherd 9, pid 3\n", "" },
	{ "metrics", "metrics", "{\"ok\":true,\"daemon\":" DAEMON ",\"services\":[]}\n", 0, "# HELP|9.8.7",
	  "" },
	/* codes */
	{ "bans", "bans", "{\"ok\":false,\"code\":\"usage\",\"error\":\"x\"}\n", 64, "", "usherctl: x\n" },
	{ "bans", "bans", "{\"ok\":false,\"code\":\"denied\",\"error\":\"x\"}\n", 77, "", "usherctl: x\n" },
	{ "bans", "bans", "{\"ok\":false,\"code\":\"unknown\",\"error\":\"x\"}\n", 65, "", "usherctl: x\n" },
	{ "bans", "bans", "{\"ok\":false,\"code\":\"refused\",\"error\":\"x\"}\n", 1, "", "usherctl: x\n" },
	{ "bans", "bans", "{\"ok\":false}\n", 1, "", "gave no reason\n" },
	{ "bans --timeout=1ms", "bans", "{\"ok\":false,\"code\":\"busy\",\"error\":\"x\"}\n", 75, "", "" },
	/* for programs */
	{ "--json bans", "bans", "{\"ok\":true, \"bans\": [ ],\"x\":0.10}\n", 0,
	  "{\"ok\":true, \"bans\": [ ],\"x\":0.10}\n", "" },
	{ "bans -j", "bans", "{\"ok\":false,\"code\":\"denied\",\"x\":\"\xc2\x9b\x7f\"}\n", 77,
	  "{\"ok\":false,\"code\":\"denied\",\"x\":\"\\u009b\\u007f\"}\n", "" },
	/* what no daemon should say */
	{ "bans", "bans", "hello\n", 76, "", "is another program at that socket?" },
	{ "bans", "bans", "[1]\n", 76, "", "no object" },
	{ "bans", "bans", "{\"ok\":true,\"x\":\"\033[2J\"}\n", 76, "", "is not one of usherd's" },
	{ "bans", "bans", NULL, 69, "", "closed the connection" },
	{ "bans", "bans", "{\"ok\":true,\"bans\":[{\"address\":\"\\u001b[2J\\u009b\\u202e\xff\"}]}\n", 76, "",
	  "" },
	{ "bans", "bans",
	  "{\"ok\":true,\"bans\":[{\"address\":\"\\u001b[2J\\u009b\\u202e\xc3\xa9\\n\",\"by\":7}]}\n", 0,
	  "\\x1b[2J<U+009B><U+202E>\xc3\xa9\\x0a  all      -   until unban\n", "" },
	{ "status", "status", "{\"ok\":true,\"daemon\":7,\"problems\":{}}\n", 0, "usherd |no problems", "" },
	{ "services", "services", "{\"ok\":true,\"services\":[1,null,{\"name\":[]}]}\n", 0, "SERVICE", "" },
	{ "services x", "services x",
	  "{\"ok\":true,\"services\":[{\"spawn_seconds\":{\"count\":5,\"buckets\":[[1],7,[\"a\",-1]]}}]}\n",
	  0, "-", "" },
	{ "explain ::1 x", "explain ::1 x", "{\"ok\":true}\n", 1, "refused", "" },
	{ "reload", "reload", "{\"ok\":true,\"plan\":[]}\n", 0, "nothing changes", "" },
};

static void check_pieces(const char *text, const char *pieces, const char *where)
{
	char copy[4096], *rest = copy, *piece;
	const char *at = text;

	if (pieces[0] == '\0')
		return;
	snprintf(copy, sizeof(copy), "%s", pieces);
	while ((piece = strsep(&rest, "|")) != NULL) {
		const char *found = strstr(at, piece);

		ck_assert_msg(found != NULL, "%s: no \"%s\" in \"%s\"", where, piece, text);
		at = found + strlen(piece);
	}
}

START_TEST(verb)
{
	const struct fake_reply reply = { rows[_i].request, rows[_i].reply, 0, false };
	struct fake fake;

	fake_start(&fake, &reply, 1);
	ctl_run_line(fake.path, rows[_i].words, "C.UTF-8", &output);
	fake_stop(&fake);
	check_pieces(output.out, rows[_i].out, rows[_i].words);
	check_pieces(output.err, rows[_i].err, rows[_i].words);
	ck_assert_msg(output.status == rows[_i].status, "%s: status %d, not %d; %s", rows[_i].words,
		      output.status, rows[_i].status, output.err);
	/* Nothing that a terminal acts upon, ever. */
	for (const char *at = output.out; *at != '\0'; at++)
		ck_assert((unsigned char)*at >= ' ' || *at == '\n');
	for (const char *at = output.err; *at != '\0'; at++)
		ck_assert((unsigned char)*at >= ' ' || *at == '\n');
}
END_TEST

/* Without a daemon. */
static const struct {
	const char *words;
	int status;
	const char *out, *err;
} alone[] = {
	{ "", 0, "usage: usherctl|\n  status |\n  version ", "" },
	{ "--help", 0, "usage: usherctl|--socket=PATH", "" },
	{ "help explain", 0,
	  "usage: usherctl explain ADDR SERVICE|Example:|Exit status:|65  there is no such service", "" },
	{ "stop --help", 0, "usage: usherctl stop [--now] [--wait]", "" },
	{ "--version", 0, "usherctl ", "" },
	{ "status", 69, "", "no usherd answers at |; is it running? -s names another socket" },
	{ "version", 69, "usherctl ", "no usherd answers" },
	{ "-s /nowhere/at/all status", 69, "", "no usherd answers at /nowhere/at/all" },
	{ "-s", 64, "", "--socket needs a value" },
	{ "statsu", 64, "", "unknown verb 'statsu'; did you mean 'status'?" },
	{ "qwertyuiop", 64, "", "usherctl --help lists the verbs" },
	{ "reload --dryrun", 64, "", "did you mean --dry-run?" },
	{ "status --now", 64, "", "--now does not go with status" },
	{ "show", 64, "", "show needs an argument: usherctl show SERVICE" },
	{ "status x", 64, "", "status takes no arguments" },
	{ "explain a b c", 64, "", "'c' is one word too many" },
	{ "--timeout=soon status", 64, "", "--timeout=soon is no time" },
	{ "--json=yes status", 64, "", "--json takes no value" },
	{ "tail --level=info --level=debug", 64, "", "given twice" },
	{ "--json", 64, "", "a verb is missing" },
	{ "top --json", 64, "", "top is for people" },
	{ "-x status", 64, "", "unknown option -x" },
	{ "completion", 64, "", "completion needs a shell" },
	{ "completion tcsh", 64, "", "bash zsh fish" },
	{ "completion services", 69, "", "" },
	{ "show a\x01z", 69, "", "" },
};

START_TEST(without_daemon)
{
	ctl_run_line("/tmp/no-such-usherd/control", alone[_i].words, "C.UTF-8", &output);
	check_pieces(output.out, alone[_i].out, alone[_i].words);
	check_pieces(output.err, alone[_i].err, alone[_i].words);
	ck_assert_msg(output.status == alone[_i].status, "%s: status %d; %s", alone[_i].words, output.status,
		      output.err);
}
END_TEST

START_TEST(busy_is_asked_again)
{
	static const struct fake_reply replies[] = {
		{ "bans", "{\"ok\":false,\"code\":\"busy\",\"error\":\"full\"}\n", 0, false },
		{ "bans", "{\"ok\":false,\"code\":\"busy\",\"error\":\"full\"}\n", 0, false },
		{ "bans", "{\"ok\":true,\"bans\":[]}\n", 0, false },
	};
	struct fake fake;

	fake_start(&fake, replies, ELEMENTS(replies));
	ctl_run_line(fake.path, "bans", "C", &output);
	fake_stop(&fake);
	ck_assert_int_eq(output.status, 0);
	ck_assert_str_eq(output.out, "nobody is banned\n");
}
END_TEST

START_TEST(long_reply)
{
	static const struct fake_reply reply = { "bans", "{\"ok\":true,\"bans\":[]}\n", (size_t)20 << 20,
						 false };
	struct fake fake;

	fake_start(&fake, &reply, 1);
	ctl_run_line(fake.path, "bans", "C", &output);
	fake_stop(&fake);
	ck_assert_int_eq(output.status, 0);
	ck_assert_str_eq(output.out, "nobody is banned\n");
}
END_TEST

START_TEST(silence)
{
	static const struct fake_reply half = { NULL, "{\"ok\"", 0, true };
	struct fake fake;

	fake_start(&fake, &half, 1);
	ctl_run_line(fake.path, "--timeout=50ms bans", "C", &output);
	fake_stop(&fake);
	ck_assert_int_eq(output.status, 75);
	ck_assert_ptr_nonnull(strstr(output.err, "did not answer in time"));
}
END_TEST

START_TEST(ascii)
{
	static const struct fake_reply reply = {
		NULL,
		"{\"ok\":true,\"service\":\"g\xc3\xa9\",\"peer\":\"::1\",\"verdict\":\"deny\",\"steps\":["
		"{\"key\":\"a\",\"passes\":true,\"text\":\"b\"},{\"key\":\"c\",\"passes\":false,\"text\":"
		"\"d\"}]}\n",
		0, false
	};
	struct fake fake;

	fake_start(&fake, &reply, 1);
	ctl_run_line(fake.path, "explain ::1 g", "C", &output);
	fake_stop(&fake);
	ck_assert_str_eq(output.out, "ok  a  b\nNO  c  d\n::1 to g<U+00E9>: refused, deny\n");
}
END_TEST

static const struct fake_reply wide = {
	NULL,
	"{\"ok\":true,\"services\":[{\"name\":\"git\",\"state\":\"failing\",\"listen\":["
	"\"0.0.0.0:9418/tcp\",\"[::]:9418/tcp\",\"unix:/run/a/very/long/path/that/fits/no/"
	"terminal.sock\"]}]}\n",
	0, false
};

START_TEST(terminal)
{
	struct fake fake;
	char *line, *rest = output.out;

	fake_start(&fake, &wide, 1);
	ctl_run_on_terminal(fake.path, "services", 80, &output);
	fake_stop(&fake);
	ck_assert_int_eq(output.status, 0);
	ck_assert_ptr_nonnull(strstr(output.out, "\033[1;31mfailing\033[0m"));
	ck_assert_ptr_nonnull(strstr(output.out, "\xe2\x80\xa6"));
	ck_assert_ptr_null(strstr(output.out, "terminal.sock"));
	/* Without the colours no line is longer than the terminal is wide. */
	while ((line = strsep(&rest, "\n")) != NULL) {
		size_t width = 0;

		for (const char *at = line; *at != '\0'; at++) {
			if (*at == '\033')
				at += strcspn(at, "m");
			else
				width += ((unsigned char)*at & 0xc0) != 0x80 && *at != '\r';
		}
		ck_assert_uint_le(width, 80);
	}
}
END_TEST

START_TEST(pipe_is_not_cut)
{
	struct fake fake;

	fake_start(&fake, &wide, 1);
	ctl_run_line(fake.path, "services", "C.UTF-8", &output);
	fake_stop(&fake);
	ck_assert_ptr_nonnull(strstr(output.out, "terminal.sock\n"));
	ck_assert_ptr_null(strchr(output.out, '\033'));
}
END_TEST

START_TEST(tail_lines)
{
	static const struct fake_reply reply = {
		"tail --service=git --address=192.0.2.0/24 --level=debug",
		"{\"ok\":true,\"following\":true}\n"
		"{\"time\":\"T\",\"level\":\"info\",\"event\":\"start\",\"pid\":7,\"seconds\":0.031,"
		"\"message\":\"a \\\"b\\\"\\u001b\"}\n"
		"{\"event\":\"dropped\",\"count\":3}\n"
		"{\"event\":\"empty\",\"x\":\"\",\"y\":null,\"z\":\"a\\u0000b\"}\n"
		"nonsense\n",
		0, false
	};
	struct fake fake;

	fake_start(&fake, &reply, 1);
	ctl_run_line(fake.path, "tail --level=debug --address=192.0.2.0/24 --service=git", "C.UTF-8",
		     &output);
	fake_stop(&fake);
	ck_assert_str_eq(output.out, "T start pid=7 seconds=0.031 message=\"a \\\"b\\\"\\x1b\"\n"
				     "dropped count=3\nempty x=\"\" y=null z=\"a\\x00b\"\n");
	ck_assert_int_eq(output.status, 76);
}
END_TEST

START_TEST(wait_for_service)
{
	static const struct fake_reply replies[] = {
		{ "version", "{\"ok\":true,\"pid\":0}\n", 0, false },
		{ "drain git", "{\"ok\":true,\"service\":\"git\",\"active\":1}\n", 0, false },
		{ "services git", "{\"ok\":true,\"services\":[{\"active\":1}]}\n", 0, false },
		{ "services git", "{\"ok\":true,\"services\":[{\"active\":0}]}\n", 0, false },
	};
	struct fake fake;

	fake_start(&fake, replies, ELEMENTS(replies));
	ctl_run_line(fake.path, "drain --wait git", "C", &output);
	ck_assert_int_eq(output.status, 0);
	ctl_run_line(fake.path, "drain --wait git --timeout=100ms", "C", &output);
	ck_assert_int_eq(output.status, 0);
	fake_stop(&fake);
}
END_TEST

START_TEST(wait_has_an_end)
{
	static const struct fake_reply replies[] = {
		{ "version", "{\"ok\":true,\"pid\":0}\n", 0, false },
		{ "stop", "{\"ok\":true,\"sessions\":1}\n", 0, false },
	};
	struct fake fake;

	fake_start(&fake, replies, ELEMENTS(replies));
	ctl_run_line(fake.path, "stop --wait --timeout=100ms", "C", &output);
	fake_stop(&fake);
	ck_assert_int_eq(output.status, 75);
	ck_assert_ptr_nonnull(strstr(output.err, "usherd had not ended"));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ctl");
	TCase *tables = tcase_create("verbs"), *others = tcase_create("others");

	tcase_set_timeout(tables, FAKE_SECONDS);
	tcase_set_timeout(others, FAKE_SECONDS);
	tcase_add_loop_test(tables, verb, 0, ELEMENTS(rows));
	tcase_add_loop_test(tables, without_daemon, 0, ELEMENTS(alone));
	tcase_add_test(others, busy_is_asked_again);
	tcase_add_test(others, long_reply);
	tcase_add_test(others, silence);
	tcase_add_test(others, ascii);
	tcase_add_test(others, terminal);
	tcase_add_test(others, pipe_is_not_cut);
	tcase_add_test(others, tail_lines);
	tcase_add_test(others, wait_for_service);
	tcase_add_test(others, wait_has_an_end);
	suite_add_tcase(suite, tables);
	suite_add_tcase(suite, others);
	return suite;
}

RUN_SUITE(make_suite)
