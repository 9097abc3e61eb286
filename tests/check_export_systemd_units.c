/* check_export_systemd_units.c - what units are made of a whole section: its sockets, options, rules, the program and its
 * rights; and what is said where systemd has no word. */
#include "core_help.h"
#include "import_help.h"

#define EXEC "exec = /bin/cat\n"
#define IP   "listen = 127.0.0.1:7001\n" EXEC

/* A section without its head; a line of the units, or NULL; what the report says, or NULL; the worst class. */
static const struct {
	const char *section, *line, *said;
	enum import_class worst;
} rows[] = {
	/* ---- sockets ---- */
	{ "listen = 7001\n" EXEC, "ListenStream=7001", NULL, IMPORT_EXACT },
	{ "listen = 7001\n" EXEC, "BindIPv6Only=both", NULL, IMPORT_EXACT },
	{ "listen = [::]:7001\n" EXEC, "ListenStream=[::]:7001", NULL, IMPORT_EXACT },
	{ "listen = [::]:7001\n" EXEC, "BindIPv6Only=ipv6-only", NULL, IMPORT_EXACT },
	{ "listen = 0.0.0.0:7001, [::]:7002\n" EXEC, "ListenStream=0.0.0.0:7001", NULL, IMPORT_EXACT },
	{ "listen = 7001, [::]:7002\n" EXEC, "ListenStream=[::]:7001", NULL, IMPORT_EXACT },
	{ "listen = [::1]:7001\n" EXEC, "ListenStream=[::1]:7001", NULL, IMPORT_EXACT },
	{ "listen = [fe80::1%lo]:7001\n" EXEC, "ListenStream=[fe80::1]:7001%%lo", NULL, IMPORT_EXACT },
	{ "listen = unix:/run/x.sock\n" EXEC, "ListenStream=/run/x.sock", NULL, IMPORT_EXACT },
	{ "listen = unix:/run/x.sock\nsocket_mode = 0640\n" EXEC, "SocketMode=0640", NULL, IMPORT_EXACT },
	{ "listen = unix:/run/x.sock\n" EXEC, "RemoveOnStop=yes", NULL, IMPORT_EXACT },
	{ "listen = unix:/run/x.sock\nsocket_user = root\n" EXEC, "SocketUser=0", NULL, IMPORT_EXACT },
	{ "listen = unix:/run/x.sock\nsocket_group = root\n" EXEC, "SocketGroup=0", NULL, IMPORT_EXACT },
	{ "listen = 'unix:/run/a b'\n" EXEC, NULL, "a unit cannot name this socket", IMPORT_UNSUPPORTED },
	{ "listen = unix:@name\n" EXEC, "ListenStream=@name", NULL, IMPORT_EXACT },
	{ "listen = 'unix:@a b'\n" EXEC, NULL, "a unit cannot name this socket", IMPORT_UNSUPPORTED },
	{ "listen = 'unix:@a\\x01b'\n" EXEC, NULL, "a unit cannot name this socket", IMPORT_UNSUPPORTED },
	{ "listen = unix-seqpacket:/run/q\n" EXEC, "ListenSequentialPacket=/run/q", NULL, IMPORT_EXACT },
	{ "listen = unix-dgram:/run/d\nwait = yes\n" EXEC, "ListenDatagram=/run/d", NULL, IMPORT_EXACT },
	{ "listen = vsock:5000\n" EXEC, "ListenStream=vsock::5000", NULL, IMPORT_EXACT },
	{ "listen = vsock:3:5000\n" EXEC, "ListenStream=vsock:3:5000", NULL, IMPORT_EXACT },
	{ "listen = 127.0.0.1:7001/udp\nwait = yes\n" EXEC, "ListenDatagram=127.0.0.1:7001", NULL, IMPORT_EXACT },
	{ "listen = 127.0.0.1:7001/udp\n" EXEC, "Accept=no", "it: systemd hands the socket to one program, and not each",
	  IMPORT_APPROXIMATED },
	{ "listen = 127.0.0.1:7001/mptcp\n" EXEC, "SocketProtocol=mptcp", NULL, IMPORT_EXACT },
	{ "listen = 127.0.0.1:7001/mptcp, 127.0.0.1:7002\n" EXEC, "SocketProtocol=mptcp",
	  "it: all sockets of a unit are of one protocol: MPTCP", IMPORT_APPROXIMATED },
	{ "listen = 127.0.0.1:7001, 127.0.0.1:7002/udp\n" EXEC, "ListenStream=127.0.0.1:7001",
	  "it: datagrams beside connections need a unit of their own", IMPORT_UNSUPPORTED },
	{ "listen = 7001\nwait = yes\n" EXEC, "StandardInput=socket", NULL, IMPORT_EXACT },
	{ "listen = 127.0.0.1:7001, 127.0.0.1:7002\nwait = yes\nstderr = socket\n" EXEC, "StandardError=journal",
	  "it: systemd starts one program for all these sockets", IMPORT_APPROXIMATED },
	{ "listen = 0.0.0.0:7001, [::]:7002\nwait = yes\n" EXEC, NULL, "starts one program for all", IMPORT_APPROXIMATED },
	{ "listen = 0.0.0.0:7001, [::1]:7001\nwait = yes\n" EXEC, NULL, "starts one program for all", IMPORT_APPROXIMATED },
	{ "listen = 0.0.0.0:7001, 127.0.0.1:7002\nwait = yes\n" EXEC, NULL, "starts one program for all",
	  IMPORT_APPROXIMATED },
	{ "listen = 0.0.0.0:7001, [::]:7001/mptcp\nwait = yes\n" EXEC, NULL, "starts one program for all",
	  IMPORT_APPROXIMATED },
	{ "listen = 127.0.0.1:7001, unix:/run/x\nwait = yes\n" EXEC, NULL, "starts one program for all",
	  IMPORT_APPROXIMATED },
	{ "listen = 127.0.0.1:7001\nwait = yes\nstderr = socket\n" EXEC, "StandardError=socket", NULL, IMPORT_EXACT },

	/* ---- options ---- */
	{ IP "interface = lo\n", "BindToDevice=lo", NULL, IMPORT_EXACT },
	{ IP "freebind = yes\n", "FreeBind=yes", NULL, IMPORT_EXACT },
	{ IP "defer_accept = 5s\n", "DeferAcceptSec=5s", NULL, IMPORT_EXACT },
	{ IP "rcvbuf = 65536\n", "ReceiveBuffer=65536", NULL, IMPORT_EXACT },
	{ IP "sndbuf = 32768\n", "SendBuffer=32768", NULL, IMPORT_EXACT },
	{ IP "rate = none\n", "TriggerLimitIntervalSec=0", NULL, IMPORT_EXACT },
	{ IP "rate = 7/500ms\n", "TriggerLimitIntervalSec=500ms", "it: a socket unit that is started more often fails",
	  IMPORT_APPROXIMATED },
	{ IP "time_limit = 1500ms\n", "RuntimeMaxSec=1500ms", NULL, IMPORT_EXACT },
	{ IP "kill_after = 0\n", "TimeoutStopSec=1ms", NULL, IMPORT_EXACT },
	{ IP "kill_after = 3s\n", "TimeoutStopSec=3s", NULL, IMPORT_EXACT },

	/* ---- who may ---- */
	{ IP "deny = all\n", "IPAddressDeny=any", "it: packets are filtered, not clients refused", IMPORT_APPROXIMATED },
	{ IP "allow = 10.0.0.0/8, all\n", "Accept=yes", NULL, IMPORT_EXACT },
	{ IP "deny = 2001:db8::/32\n", "IPAddressDeny=2001:db8::/32", NULL, IMPORT_APPROXIMATED },
	{ "listen = unix:/run/x\nallow = uid:0\n" EXEC, "IPAddressDeny=any",
	  "it: systemd judges addresses only; users are kept out by the mode", IMPORT_UNSUPPORTED },

	/* ---- the program ---- */
	{ "listen = 127.0.0.1:7001\nexec = /bin/echo 'a\"b' 'c\\d' 100% '$x' '' a:b\n",
	  "ExecStart=/bin/echo \"a\\\"b\" \"c\\\\d\" \"100%%\" \"$$x\" \"\" a:b", NULL, IMPORT_EXACT },
	{ "listen = 127.0.0.1:7001\nexec = /bin/echo \\;\n", "ExecStart=/bin/echo \\;", NULL, IMPORT_EXACT },
	{ "listen = 127.0.0.1:7001\nexec = /bin/echo 'a\tb'\n", "ExecStart=/bin/echo \"a\\x09b\"", NULL, IMPORT_EXACT },
	{ IP "directory = /tmp\n", "WorkingDirectory=/tmp", NULL, IMPORT_EXACT },
	{ IP "nice = -5\n", "Nice=-5", NULL, IMPORT_EXACT },
	{ IP "oom_score_adj = 100\n", "OOMScoreAdjust=100", NULL, IMPORT_EXACT },
	{ IP "no_new_privileges = no\n", "NoNewPrivileges=no", NULL, IMPORT_EXACT },
	{ IP "rlimit_core = unlimited\n", "LimitCORE=infinity", NULL, IMPORT_EXACT },
	{ IP "rlimit_cpu = 10s:unlimited\n", "LimitCPU=10:infinity", NULL, IMPORT_EXACT },
	{ IP "env = A=100%, B=$x\n", "Environment=\"A=100%%\"", NULL, IMPORT_EXACT },
	{ IP "env = A=100%, B=$x\n", "Environment=\"B=$x\"", NULL, IMPORT_EXACT },
	{ IP "pass_env = LANG\n", "PassEnvironment=LANG", "it: they come from the environment of systemd", IMPORT_APPROXIMATED },
	{ IP "stderr = file:/tmp/x.log\n", "StandardError=append:/tmp/x.log", NULL, IMPORT_EXACT },
	{ IP "stderr = file:/tmp/a%b\n", "StandardError=append:/dev/null", "it: a unit cannot name this file",
	  IMPORT_UNSUPPORTED },
	{ IP "stderr = file:/tmp/a\\b\n", "StandardError=append:/dev/null", "it: a unit cannot name this file",
	  IMPORT_UNSUPPORTED },
	{ IP "description = ends so \\\n", "Description=exported", "it: a unit cannot hold this text", IMPORT_UNSUPPORTED },
	{ IP "description = a text\n", "Description=a text", NULL, IMPORT_EXACT },

	/* ---- what there is no word for ---- */
	{ IP "disable = yes\n", NULL, "it: it is switched off, and no unit is made of it", IMPORT_CHANGED },
	{ IP "per_source = none\n", "MaxConnections=100", NULL, IMPORT_EXACT },
	{ IP "serve_while_draining = yes\n", NULL, "it: a socket unit does not drain", IMPORT_UNSUPPORTED },
	{ IP "source_prefix = 24 64\n", NULL, "it: systemd counts single addresses; limit networks", IMPORT_UNSUPPORTED },
	{ IP "rate_per_source = 5/min\n", NULL, "it: systemd knows no rate of a source", IMPORT_UNSUPPORTED },
	{ IP "max_load = 5\n", NULL, "it: systemd does not look at the load", IMPORT_UNSUPPORTED },
	{ IP "banner_refused = go away\n", NULL, "it: systemd closes connections without a word", IMPORT_UNSUPPORTED },
	{ IP "ban_time = 1min\n", NULL, "it: systemd bans nobody; use the firewall", IMPORT_UNSUPPORTED },
	{ IP "first_byte_timeout = 5s\n", NULL, "it: systemd does not look at the connection", IMPORT_UNSUPPORTED },
	{ IP "on_hangup = kill\n", NULL, "it: systemd does not look at the connection", IMPORT_UNSUPPORTED },
	{ IP "linger = 5s\n", NULL, "it: systemd keeps no duplicate of the connection", IMPORT_UNSUPPORTED },
	{ IP "linger = 2s\n", "Accept=yes", NULL, IMPORT_EXACT },
	{ IP "when_full = refuse\n", NULL, "it: systemd refuses clients for whom there is no room", IMPORT_CHANGED },
};

/* Those that need a user of another name: only root may ask for one. */
static const struct {
	const char *section, *line, *said;
	enum import_class worst;
} users[] = {
	{ IP "user = daemon\n", "User=daemon", NULL, IMPORT_EXACT },
	{ IP "user = daemon\ngroup = root\n", "Group=root", NULL, IMPORT_EXACT },
	{ IP "user = daemon\ngroups = auto\n", "User=daemon", NULL, IMPORT_EXACT },
	{ IP "user = daemon\ngroups = none\n", "User=daemon", "it: with systemd the program keeps the groups of its user",
	  IMPORT_APPROXIMATED },
	{ IP "user = daemon\ngroups = root, bin\n", "SupplementaryGroups=root bin",
	  "it: with systemd they are added to the groups of the user", IMPORT_APPROXIMATED },
	{ IP "chroot = /\n", "RootDirectory=/", NULL, IMPORT_EXACT },
};

/* Looks at what the text becomes. */
static void check_units(const char *text, const char *line, const char *words, enum import_class worst)
{
	const char *folder = make_folder(), *path = path_in(folder, "services.ini");
	struct import *report = import_new();
	char *units = NULL;
	size_t length;
	FILE *out = open_memstream(&units, &length);

	write_file(path, 0644, text);
	ck_assert_int_eq(export_systemd(report, path, NULL, out), 0);
	fclose(out);
	_cleanup_free_ char *said = reported(report);

	if (line != NULL)
		ck_assert_msg(has_line(units, line), "%s: no %s in\n%s\n%s", text, line, units, said);
	if (words != NULL)
		ck_assert_msg(strstr(said, words) != NULL, "%s: '%s' is not said:\n%s", text, words, said);
	ck_assert_msg(import_worst(report) == worst, "%s: %d\n%s", text, (int)import_worst(report), said);
	ck_assert_ptr_null(strstr(said, "nothing was made of this line"));
	free(units);
	import_free(report);
	remove_folder(folder);
}

START_TEST(section_becomes)
{
	char text[600];

	snprintf(text, sizeof(text), "[it]\n%s", rows[_i].section);
	check_units(text, rows[_i].line, rows[_i].said, rows[_i].worst);
}
END_TEST

START_TEST(user_becomes)
{
	char text[600];

	if (geteuid() != 0)
		return;
	snprintf(text, sizeof(text), "[it]\n%s", users[_i].section);
	check_units(text, users[_i].line, users[_i].said, users[_i].worst);
}
END_TEST

/* Names of sections as systemd-escape has them, and lines that are of no service. */
START_TEST(names_and_other_lines)
{
	check_units("[a-b]\n" IP, "# a\\x2db.socket", NULL, IMPORT_EXACT);
	check_units("[a_b.c]\n" IP, "# a_b.c@.service", NULL, IMPORT_EXACT);
	check_units("[usherd]\nmax_sessions = 5\n[it]\n" IP, "# it.socket",
		    "services.ini:2: changed on purpose: it is of usherd itself; systemd has settings of its own",
		    IMPORT_CHANGED);
}
END_TEST

/* What needs files: a directory with a blank, rules of a file, a program that is sought. */
START_TEST(files)
{
	const char *folder = make_folder(), *path = path_in(folder, "services.ini");
	struct import *report = import_new();
	char *units = NULL, text[500];
	size_t length;
	FILE *out = open_memstream(&units, &length);

	ck_assert_int_eq(mkdir(path_in(folder, "a b"), 0755), 0);
	write_file(path_in(folder, "rules"), 0644, "10.0.0.0/8\n");
	snprintf(text, sizeof(text),
		 "[it]\nlisten = 127.0.0.1:7001\nexec = sh -c true\ndirectory = %s/a b\ndeny = file:%s/rules\n", folder,
		 folder);
	write_file(path, 0644, text);
	ck_assert_int_eq(export_systemd(report, path, NULL, out), 0);
	fclose(out);
	_cleanup_free_ char *said = reported(report);

	ck_assert_ptr_nonnull(strstr(units, "\nExecStart=@/"));
	ck_assert_ptr_nonnull(strstr(units, "/sh sh -c true\n"));
	ck_assert_ptr_nonnull(strstr(said, "services.ini:4: unsupported: it: a unit cannot name this directory"));
	ck_assert_ptr_nonnull(strstr(said, "services.ini:5: unsupported: it: a unit takes no rules from a file; write them"));
	ck_assert_int_eq(rmdir(path_in(folder, "a b")), 0);
	free(units);
	import_free(report);
	remove_folder(folder);
}
END_TEST

/* Lines of each file that is included are told, too. */
START_TEST(included_files)
{
	const char *folder = make_folder(), *path = path_in(folder, "services.ini"), *other = path_in(folder, "more.ini");
	struct import *report = import_new();
	char *units = NULL, text[300], line[200];
	size_t length;
	FILE *out = open_memstream(&units, &length);

	snprintf(text, sizeof(text), "[usherd]\ninclude = %s\n[first]\n" IP, other);
	write_file(path, 0644, text);
	write_file(other, 0644, "[second]\nlisten = 127.0.0.1:7002\n" EXEC "[third]\nlisten = 127.0.0.1:7003\nbanner = x\n" EXEC);
	ck_assert_int_eq(export_systemd(report, path, NULL, out), 0);
	fclose(out);
	_cleanup_free_ char *said = reported(report);

	ck_assert_msg(has_line(units, "ListenStream=127.0.0.1:7003"), "%s\n%s", units, said);
	snprintf(line, sizeof(line), "%s:6: unsupported: third: systemd sends nothing itself; let the program do it", other);
	ck_assert_msg(has_line(said, line), "%s: %s", line, said);
	free(units);
	import_free(report);
	remove_folder(folder);
}
END_TEST

/* Where units cannot be written. */
START_TEST(no_place)
{
	const char *folder = make_folder(), *path = path_in(folder, "services.ini");
	struct import *report = import_new();
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	setvbuf(full, NULL, _IONBF, 0);
	write_file(path, 0644, "[it]\n" IP);
	ck_assert_int_eq(export_systemd(report, path, path_in(folder, "none"), NULL), -ENOENT);
	ck_assert_int_eq(export_systemd(report, path, path, NULL), -ENOTDIR);
	ck_assert_int_eq(export_systemd(report, path, NULL, full), -EIO);
	ck_assert_int_eq(symlink("/nonexistent", path_in(folder, "it.socket")), 0);
	ck_assert_int_eq(export_systemd(report, path, folder, NULL), 0);
	_cleanup_free_ char *said = reported(report);

	ck_assert_ptr_nonnull(strstr(said, "it: it.socket is there already, and is not replaced"));
	fclose(full);
	import_free(report);
	remove_folder(folder);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("export_systemd_units");
	TCase *tests = tcase_create("units");

	tcase_add_loop_test(tests, section_becomes, 0, ELEMENTS(rows));
	tcase_add_loop_test(tests, user_becomes, 0, ELEMENTS(users));
	tcase_add_test(tests, names_and_other_lines);
	tcase_add_test(tests, files);
	tcase_add_test(tests, included_files);
	tcase_add_test(tests, no_place);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
