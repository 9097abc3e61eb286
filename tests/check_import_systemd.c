/* check_import_systemd.c - each key of units: what is written for it, and what is said of its line. */
#include "import_help.h"
#include "import-systemd.h"

#define HEAD_LINES 3 /* before the line in question */

#define EXACT "exact"
#define CHANGED "changed on purpose"
#define NEAR "approximated"
#define NOT "unsupported"

/* A line in one of the two units, beside what makes a service; what is written then, as `key = value` without blanks
 * before the sign, or NULL: that key is absent; and the class of the line. */
static const struct row {
	char unit; /* s: [Socket], v: [Service], u: [Unit] of the socket, i: [Install] of it, w: [Socket] without Accept=yes,
		    * x: [Service] of that, f: [Socket] of a Unix socket */
	const char *line, *key, *value, *class;
} rows[] = {
	{ 's', "", "listen", "7777", EXACT },
	{ 's', "# comment", "wait", NULL, EXACT },
	{ 's', "; comment", "instances", "64", EXACT },
	{ 's', "ListenStream=7778", "listen", "7777, 7778", EXACT },
	{ 's', "ListenStream=127.0.0.1:80", "listen", "7777, 127.0.0.1:80", EXACT },
	{ 's', "ListenStream=[::1]:80", "listen", "7777, [::1]:80", EXACT },
	{ 's', "ListenStream=[::]:80", "listen", "7777, 80", EXACT },
	{ 's', "ListenStream=/run/a b", "listen", "7777, unix:/run/a\\x20b", EXACT },
	{ 's', "ListenStream=@name", "listen", "7777, unix:@name", EXACT },
	{ 's', "ListenStream=vsock::5000", "listen", "7777, vsock:5000", EXACT },
	{ 's', "ListenStream=vsock:3:5000", "listen", "7777, vsock:3:5000", EXACT },
	{ 's', "ListenStream=%t/x", "listen", "7777, unix:/run/x", EXACT },
	{ 's', "ListenStream=%p", "listen", "7777", NOT },
	{ 's', "ListenStream=", "listen", NULL, EXACT },
	{ 's', "ListenStream=0", "listen", "7777", NOT },
	{ 's', "ListenStream=host:80", "listen", "7777", NOT },
	{ 's', "ListenStream=99999", "listen", "7777", NOT },
	{ 's', "ListenSequentialPacket=/run/q", "listen", "7777, unix-seqpacket:/run/q", EXACT },
	{ 's', "ListenSequentialPacket=80", "listen", "7777", NOT },
	{ 's', "ListenDatagram=80", "listen", "7777", NOT },
	{ 's', "ListenFIFO=/run/f", "listen", "7777", NOT },
	{ 's', "ListenNetlink=route 1", "listen", "7777", NOT },
	{ 's', "ListenSpecial=/dev/x", "listen", "7777", NOT },
	{ 's', "ListenMessageQueue=/q", "listen", "7777", NOT },
	{ 's', "ListenUSBFunction=/u", "listen", "7777", NOT },
	{ 's', "BindIPv6Only=ipv6-only", "listen", "[::]:7777", EXACT },
	{ 's', "SocketProtocol=mptcp", "listen", "7777/mptcp", EXACT },
	{ 's', "MaxConnections=5", "instances", "5", EXACT },
	{ 's', "MaxConnections=x", "instances", "64", NOT },
	{ 's', "MaxConnections=0", "disable", "yes", CHANGED },
	{ 's', "MaxConnectionsPerSource=3", "per_source", "3", EXACT },
	{ 's', "MaxConnectionsPerSource=0", "per_source", "none", EXACT },
	{ 's', "Backlog=16", "backlog", "16", EXACT },
	{ 's', "Backlog=4294967295", "backlog", "65535", NEAR },
	{ 's', "BindToDevice=eth0", "interface", "eth0", EXACT },
	{ 's', "BindToDevice=a/b", "interface", NULL, NOT },
	{ 's', "FreeBind=true", "freebind", "yes", EXACT },
	{ 's', "FreeBind=maybe", "freebind", NULL, NOT },
	{ 's', "NoDelay=on", "nodelay", "yes", EXACT },
	{ 's', "KeepAlive=yes", "keepalive", "2h", EXACT },
	{ 's', "KeepAlive=no", "keepalive", "0", EXACT },
	{ 's', "KeepAliveTimeSec=5min", "keepalive", "0", EXACT },
	{ 's', "KeepAliveIntervalSec=5", "keepalive", "0", NEAR },
	{ 's', "KeepAliveProbes=5", "keepalive", "0", NEAR },
	{ 's', "DeferAcceptSec=1min 30s", "defer_accept", "90s", EXACT },
	{ 's', "DeferAcceptSec=2h", "defer_accept", NULL, NOT },
	{ 's', "ReceiveBuffer=64K", "rcvbuf", "65536", EXACT },
	{ 's', "SendBuffer=1M", "sndbuf", "1048576", EXACT },
	{ 's', "SendBuffer=1X", "sndbuf", NULL, NOT },
	{ 's', "TriggerLimitBurst=10", "rate", "10/2s", CHANGED },
	{ 's', "TriggerLimitIntervalSec=10s", "rate", "200/10s", CHANGED },
	{ 's', "TriggerLimitIntervalSec=0", "rate", NULL, CHANGED },
	{ 's', "PollLimitBurst=30", "rate", "30/2s", CHANGED },
	{ 's', "PollLimitIntervalSec=1min", "rate", "150/1min", CHANGED },
	{ 's', "PassCredentials=yes", "wait", NULL, NOT },
	{ 's', "PassCredentials=no", "wait", NULL, EXACT },
	{ 's', "PassPacketInfo=yes", "wait", NULL, NOT },
	{ 's', "Transparent=yes", "wait", NULL, NOT },
	{ 's', "Broadcast=yes", "wait", NULL, NOT },
	{ 's', "ReusePort=yes", "wait", NULL, NOT },
	{ 's', "FlushPending=yes", "wait", NULL, NOT },
	{ 's', "RemoveOnStop=no", "wait", NULL, CHANGED },
	{ 's', "RemoveOnStop=yes", "wait", NULL, EXACT },
	{ 's', "Mark=5", "wait", NULL, NOT },
	{ 's', "IPTTL=5", "wait", NULL, NOT },
	{ 's', "Symlinks=/a", "wait", NULL, NOT },
	{ 's', "FileDescriptorName=x", "wait", NULL, NOT },
	{ 's', "ExecStartPre=/bin/true", "wait", NULL, NOT },
	{ 's', "User=nobody", "user", "root", CHANGED },
	{ 's', "ListenStraem=80", "listen", "7777", NOT },
	{ 's', "X-Ours=1", "wait", NULL, EXACT },
	{ 's', "no equals sign", "wait", NULL, NOT },
	{ 's', "SocketMode=0600", "socket_mode", NULL, EXACT },
	{ 'w', "MaxConnections=5", "instances", NULL, EXACT },
	{ 'w', "Backlog=7", "wait", "yes", EXACT },
	{ 'w', "ListenStream=7778", "listen", "127.0.0.1:7777, 7778", NEAR },
	{ 'w', "ListenDatagram=7778", "listen", "127.0.0.1:7777", NOT },
	{ 'x', "IPAddressDeny=any", "deny", NULL, NOT },
	{ 'x', "StandardInput=null", "stderr", NULL, EXACT },
	{ 'f', "SocketMode=0660", "socket_mode", "0660", EXACT },
	{ 'f', "", "socket_mode", "0666", EXACT },
	{ 'f', "SocketUser=root", "socket_user", "root", EXACT },
	{ 'f', "SocketGroup=no-such-group", "disable", "yes", CHANGED },
	{ 'f', "NoDelay=yes", "nodelay", NULL, EXACT },
	{ 'f', "DirectoryMode=0755", "socket_mode", "0666", CHANGED },
	{ 'v', "User=nobody", "user", "nobody", EXACT },
	{ 'v', "User=no-such-user", "disable", "yes", CHANGED },
	{ 'v', "User=%H", "disable", "yes", NOT },
	{ 'v', "User=%i", "disable", "yes", CHANGED },
	{ 'v', "Group=root", "group", "root", EXACT },
	{ 'v', "SupplementaryGroups=root daemon", "groups", "root, daemon", NEAR },
	{ 'v', "DynamicUser=yes", "user", NULL, NEAR },
	{ 'v', "WorkingDirectory=/tmp", "directory", "/tmp", EXACT },
	{ 'v', "WorkingDirectory=~", "directory", "/root", EXACT },
	{ 'v', "WorkingDirectory=-/tmp", "directory", "/tmp", NEAR },
	{ 'v', "WorkingDirectory=/no/such", "disable", "yes", CHANGED },
	{ 'v', "RootDirectory=/tmp", "chroot", "/tmp", EXACT },
	{ 'v', "UMask=0077", "umask", "077", EXACT },
	{ 'v', "UMask=0007", "umask", "007", EXACT },
	{ 'v', "UMask=0", "umask", "000", EXACT },
	{ 'v', "UMask=9", "umask", NULL, NOT },
	{ 'v', "Nice=5", "nice", "5", EXACT },
	{ 'v', "Nice=50", "nice", NULL, NOT },
	{ 'v', "OOMScoreAdjust=-500", "oom_score_adj", "-500", EXACT },
	{ 'v', "NoNewPrivileges=yes", "no_new_privileges", "yes", EXACT },
	{ 'v', "", "no_new_privileges", "no", EXACT },
	{ 'v', "LimitNOFILE=1024:4096", "rlimit_nofile", "1024:4096", EXACT },
	{ 'v', "LimitNOFILE=infinity", "rlimit_nofile", "unlimited", EXACT },
	{ 'v', "LimitCPU=10min", "rlimit_cpu", "10min", EXACT },
	{ 'v', "LimitCORE=0", "rlimit_core", "0", EXACT },
	{ 'v', "LimitAS=1G", "rlimit_as", "1073741824", EXACT },
	{ 'v', "LimitNPROC=10", "rlimit_nproc", "10", EXACT },
	{ 'v', "LimitSTACK=8M:16M", "rlimit_stack", "8388608:16777216", EXACT },
	{ 'v', "LimitNICE=5", "nice", NULL, NOT },
	{ 'v', "Environment=A=1 \"B=2 3\"", "env", "A=1, 'B=2 3'", EXACT },
	{ 'v', "Environment='C=a\\x20b'", "env", "'C=a b'", EXACT },
	{ 'v', "Environment=D=%%", "env", "D=%", EXACT },
	{ 'v', "Environment=1=2", "env", NULL, NOT },
	{ 'v', "EnvironmentFile=/etc/passwd", "env", NULL, NOT }, /* a text reads no files */
	{ 'v', "PassEnvironment=LANG", "pass_env", "LANG", CHANGED },
	{ 'v', "UnsetEnvironment=LANG", "pass_env", NULL, CHANGED },
	{ 'v', "StandardOutput=journal", "stderr", NULL, NEAR },
	{ 'v', "StandardOutput=socket", "stderr", "socket", EXACT },
	{ 'v', "StandardError=socket", "stderr", "socket", EXACT },
	{ 'v', "StandardError=null", "stderr", "null", EXACT },
	{ 'v', "StandardError=journal", "stderr", NULL, CHANGED },
	{ 'v', "StandardError=append:/tmp/x", "stderr", "file:/tmp/x", EXACT },
	{ 'v', "StandardError=truncate:/tmp/x", "stderr", "file:/tmp/x", NEAR },
	{ 'v', "StandardError=tty", "stderr", NULL, NOT },
	{ 'v', "StandardInput=null", "stderr", NULL, NOT },
	{ 'v', "RuntimeMaxSec=1h", "time_limit", "1h", EXACT },
	{ 'v', "RuntimeMaxSec=infinity", "time_limit", "0", EXACT },
	{ 'v', "TimeoutStopSec=10", "kill_after", "10s", EXACT },
	{ 'v', "TimeoutStopSec=1.5s", "kill_after", "1500ms", EXACT },
	{ 'v', "TimeoutStopSec=infinity", "kill_after", "1d", NEAR },
	{ 'v', "TimeoutSec=5", "kill_after", "5s", CHANGED },
	{ 'v', "", "kill_after", "90s", EXACT },
	{ 'v', "KillMode=control-group", "kill_after", "90s", EXACT },
	{ 'v', "KillMode=mixed", "kill_after", "90s", NEAR },
	{ 'v', "KillMode=process", "kill_after", "90s", NOT },
	{ 'v', "KillSignal=SIGHUP", "kill_after", "90s", NOT },
	{ 'v', "SendSIGKILL=no", "kill_after", "90s", NOT },
	{ 's', "IPAddressAllow=10.0.0.0/8", "allow", NULL, NEAR },
	{ 's', "IPAddressDeny=any", "deny", "all", NEAR },
	{ 's', "IPAddressDeny=10.0.0.0/8 localhost", "deny", "10.0.0.0/8, loopback", NEAR },
	{ 'w', "IPAddressDeny=any", "disable", "yes", CHANGED },
	{ 'v', "IPAddressAllow=10.0.0.0/8", "allow", NULL, NOT },
	{ 'v', "IPAddressDeny=any", "deny", NULL, NOT }, /* not of clients */
	{ 'v', "Type=notify", "wait", NULL, NEAR },
	{ 'v', "Type=forking", "wait", NULL, NOT },
	{ 'v', "Restart=always", "wait", NULL, EXACT },
	{ 'v', "ExecStart=/bin/echo", "exec", "/bin/true", NOT },
	{ 'v', "ExecStartPre=/bin/echo", "exec", "/bin/true", NOT },
	{ 'v', "ExecReload=/bin/echo", "exec", "/bin/true", CHANGED },
	{ 'v', "PrivateTmp=yes", "chroot", NULL, NOT },
	{ 'v', "PrivateTmp=no", "chroot", NULL, EXACT },
	{ 'v', "ProtectSystem=off", "chroot", NULL, EXACT },
	{ 'v', "CapabilityBoundingSet=", "chroot", NULL, NOT },
	{ 'v', "ProtectSystem=full", "chroot", NULL, NOT },
	{ 'v', "CapabilityBoundingSet=CAP_KILL", "chroot", NULL, NOT },
	{ 'v', "SystemCallFilter=@system-service", "chroot", NULL, NOT },
	{ 'v', "MemoryMax=1G", "rlimit_as", NULL, NOT },
	{ 'v', "RuntimeDirectory=x", "directory", NULL, NOT },
	{ 'v', "PAMName=login", "user", "root", NOT },
	{ 'v', "SyslogIdentifier=x", "stderr", NULL, CHANGED },
	{ 'v', "IgnoreSIGPIPE=no", "user", "root", EXACT },
	{ 'v', "IgnoreSIGPIPE=yes", "user", "root", NEAR },
	{ 'u', "Description=Some ; thing", "description", NULL, NOT },
	{ 'u', "Description=A thing", "description", "A thing", EXACT },
	{ 'u', "After=network.target", "wait", NULL, CHANGED },
	{ 'u', "ConditionPathExists=/x", "disable", NULL, NOT },
	{ 'u', "StartLimitBurst=5", "rate", NULL, CHANGED },
	{ 'u', "Documentation=man:x(1)", "description", NULL, EXACT },
	{ 'i', "WantedBy=sockets.target", "wait", NULL, EXACT },
};

/* The line stands in line HEAD_LINES + 1 of the file called INPUT. */
static struct import *import_row(const struct row *row)
{
	static const char *const listens[] = { ['s'] = "7777", ['u'] = "7777", ['i'] = "7777", ['v'] = "7777",
					       ['w'] = "127.0.0.1:7777", ['x'] = "127.0.0.1:7777", ['f'] = "/run/f" };
	bool is_service = row->unit == 'v' || row->unit == 'x';
	const char *accept = row->unit == 'w' || row->unit == 'x' ? "no" : "yes";
	const char *listen = listens[(unsigned char)row->unit];
	char socket[512], service[512];
	struct import *import = import_new();

	ck_assert_ptr_nonnull(import);
	if (row->unit == 'u' || row->unit == 'i')
		snprintf(socket, sizeof(socket), "[Socket]\nListenStream=%s\nAccept=yes\n[%s]\n%s\n", listen,
			 row->unit == 'u' ? "Unit" : "Install", row->line);
	else
		snprintf(socket, sizeof(socket), "[Socket]\nListenStream=%s\nAccept=%s\n%s\n", listen, accept,
			 is_service ? "" : row->line);
	snprintf(service, sizeof(service), "[Service]\nExecStart=/bin/true\nStandardInput=%s\n%s\n",
		 row->unit == 'x' ? "" : "socket", is_service ? row->line : "");
	import_systemd_text(import, is_service ? "t.socket" : INPUT, socket, strlen(socket), is_service ? INPUT : "t@.service",
			    service, strlen(service));
	return import;
}

START_TEST(each_key)
{
	const struct row *row = &rows[_i];
	unsigned line = HEAD_LINES + 1 + (row->unit == 'u' || row->unit == 'i');
	struct import *import = import_row(row);
	struct import_service *service = import_next(import, NULL);
	const char *value = service != NULL ? import_get(service, row->key) : NULL;
	char class[32];

	ck_assert_msg(value == NULL ? row->value == NULL : row->value != NULL && strcmp(value, row->value) == 0,
		      "%s: %s = %s, not %s", row->line, row->key, value != NULL ? value : "-",
		      row->value != NULL ? row->value : "-");
	ck_assert_msg(strcmp(class_of(import, line, class), row->class) == 0, "%s: %s, not %s", row->line, class, row->class);
	import_free(import);
}
END_TEST

/* ---- commands ---- */

static const struct {
	const char *lines, *exec; /* exec NULL: no service */
} commands[] = {
	{ "ExecStart=/bin/echo a  b", "/bin/echo a b" },
	{ "ExecStart=-/bin/echo a", "/bin/echo a" },
	{ "ExecStart=@/bin/echo echo a", "/bin/echo a" },
	{ "ExecStart=/bin/echo 'a b' \"c\\td\"", "/bin/echo 'a b' 'c\td'" },
	{ "ExecStart=/bin/echo 'a b' \"c\\nd\"", NULL }, /* a line feed cannot be written */
	{ "ExecStart=/bin/echo 'a b' \"c\\x22d\"", "/bin/echo 'a b' 'c\"d'" },
	{ "ExecStart=/bin/echo %% %p", "/bin/echo % t" },
	{ "ExecStart=/bin/echo %i", NULL },
	{ "ExecStart=/bin/echo %H", NULL },
	{ "Environment=\"A=1 2\"\nExecStart=/bin/echo $A ${A} x$A", "/bin/echo 1 2 '1 2' 'x$A'" },
	{ "ExecStart=/bin/echo $B x", "/bin/echo x" },
	{ "ExecStart=/bin/echo $$B", "/bin/echo '$B'" },
	{ "ExecStart=:/bin/echo $B", "/bin/echo '$B'" },
	{ "ExecStart=/bin/echo a ; /bin/echo b", "/bin/echo a" },
	{ "ExecStart=/bin/echo a\nExecStart=\nExecStart=/bin/true", "/bin/true" },
	{ "ExecStart=/bin/echo \\\n# between\n   a \\\n b", "/bin/echo a b" },
	{ "ExecStart=echo a", "/usr/bin/echo a" },
	{ "ExecStart=/bin/echo 'a", NULL },
	{ "ExecStart=/bin/echo \\q", NULL },
	{ "ExecStart=/bin/echo 'a ;b'", "/bin/echo 'a '\\;'b'" },
	{ "ExecStart=", NULL },
	{ "Type=simple", NULL },
};

START_TEST(each_command)
{
	static const char socket[] = "[Socket]\nListenStream=7\nAccept=yes\n";
	struct import *import = import_new();
	struct import_service *service;
	const char *exec;
	char text[512];

	snprintf(text, sizeof(text), "[Service]\nStandardInput=socket\n%s\n", commands[_i].lines);
	import_systemd_text(import, "t.socket", socket, strlen(socket), "t@.service", text, strlen(text));
	service = import_next(import, NULL);
	exec = service != NULL ? import_get(service, "exec") : NULL;
	ck_assert_msg(exec == NULL ? commands[_i].exec == NULL :
				     commands[_i].exec != NULL && strcmp(exec, commands[_i].exec) == 0,
		      "%s: %s", commands[_i].lines, exec != NULL ? exec : "-");
	ck_assert_int_eq(import_worst(import) == IMPORT_UNSUPPORTED,
			 commands[_i].exec == NULL || strstr(commands[_i].lines, "$B x") != NULL ||
				 strstr(commands[_i].lines, " ; ") != NULL);
	import_free(import);
}
END_TEST

/* ---- grammar ---- */

START_TEST(lines_that_go_on_are_told)
{
	static const char socket[] = "[Socket]\nListenStream=7\nAccept=yes\n[X-Mine]\na=b\n[Bogus]\nc=d\n",
			  service[] = "[Service]\nPrivateTmp=\\\n# c\n yes\nUser=daemon\nUser=root\nExecStart=/bin/true\n";
	struct import *import = import_new();
	char class[32];

	import_systemd_text(import, "t.socket", socket, strlen(socket), INPUT, service, strlen(service));
	ck_assert_str_eq(class_of(import, 2, class), NOT);
	ck_assert_str_eq(class_of(import, 3, class), NOT); /* what stands between goes with them */
	ck_assert_str_eq(class_of(import, 4, class), NOT);
	ck_assert_str_eq(class_of(import, 5, class), EXACT); /* replaced */
	ck_assert_str_eq(import_get(import_next(import, NULL), "user"), "root");
	ck_assert_uint_eq(import_count(import, IMPORT_UNSUPPORTED), 6);
	import_free(import);
}
END_TEST

START_TEST(keys_are_sorted)
{
	size_t count;
	const struct unit_key *keys = unit_keys(&count);

	for (size_t i = 0; i < count; i++) {
		const struct unit_key *found = unit_find_key(keys[i].name, keys[i].sections);

		ck_assert_msg(found != NULL && strcmp(found->name, keys[i].name) == 0, "%s is not found", keys[i].name);
		ck_assert_ptr_nonnull(keys[i].text);
	}
	ck_assert_ptr_null(unit_find_key("Nonsense", UNIT_SERVICE));
	ck_assert_ptr_null(unit_find_key("User", UNIT_SOCKET));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_systemd");
	TCase *tests = tcase_create("units");

	tcase_add_loop_test(tests, each_key, 0, ELEMENTS(rows));
	tcase_add_loop_test(tests, each_command, 0, ELEMENTS(commands));
	tcase_add_test(tests, lines_that_go_on_are_told);
	tcase_add_test(tests, keys_are_sorted);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
