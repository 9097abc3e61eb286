/* interop_warm.c - programs that know nothing of it, run cold and warm: the same input gives the same replies, sessions
 * are copies, and what must be secret differs between them. git, rsync and sshd have tests of their own. */
#include "warm_help.h"

/* Starts it, cold (the same without its line `warm = ...`) or warm. The service is [it]. */
static struct daemon *start(const char *section, const char *mode, int warm)
{
	char config[2048];
	struct daemon *daemon;

	snprintf(config, sizeof(config), "[it]\nlisten = 127.0.0.1:$1\n%s%s%s\n", section, warm ? "warm = " : "",
		 warm ? mode : "");
	daemon = daemon_start(config);
	if (warm)
		warm_wait_spare(daemon, "it");
	return daemon;
}

static char *run(const char *script)
{
	const char *words[] = { "sh", "-ec", script, NULL };
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	return output;
}

/* What it replied cold is what it replies warm, to the byte. */
static void same(const char *section, const char *mode, const char *input)
{
	struct daemon *daemon = start(section, mode, 0);
	char *cold = ask(1, input);

	warm_check_served(daemon, "it", false);
	daemon_stop(daemon);
	ck_assert_str_ne(cold, "");
	daemon = start(section, mode, 1);
	ask_many(1, input, cold, 20, 0);
	warm_check_served(daemon, "it", true);
	daemon_stop(daemon);
	free(cold);
}

/* ---- scripts ---- */

static const char web[] =
	"#!/usr/bin/python3\n"
	"import email, hashlib, json, os, socket, sys\n"
	"from http.server import BaseHTTPRequestHandler\n"
	"class Handler(BaseHTTPRequestHandler):\n"
	"    protocol_version = 'HTTP/1.1'\n"
	"    def setup(self):\n"
	"        self.connection, self.rfile, self.wfile = self.request, sys.stdin.buffer, sys.stdout.buffer\n"
	"    def finish(self):\n"
	"        self.wfile.flush()\n"
	"    def date_time_string(self, timestamp=None):\n"
	"        return 'never'\n"
	"    def log_message(self, form, *words):\n"
	"        pass\n"
	"    def do_GET(self):\n"
	"        self.answer(b'')\n"
	"    def do_POST(self):\n"
	"        self.answer(self.rfile.read(int(self.headers['Content-Length'])))\n"
	"    def answer(self, body):\n"
	"        text = json.dumps({'path': self.path, 'size': len(body), 'sum': hashlib.sha256(body).hexdigest(),\n"
	"                           'peer': self.client_address[0]}).encode() + b'\\n'\n"
	"        self.send_response(200)\n"
	"        self.send_header('Content-Length', str(len(text)))\n"
	"        self.end_headers()\n"
	"        self.wfile.write(text)\n"
	"        self.wfile.flush()\n"
	"client = socket.socket(fileno=os.dup(0))\n"
	"Handler(client, client.getpeername(), None)\n";

/* curl, with its connection kept and bodies of a megabyte. */
START_TEST(python_http)
{
	struct daemon *daemon;
	char *output;

	SKIP_IF(access("/usr/bin/python3", X_OK) != 0 || harness_find("curl") == NULL, "python3 or curl is missing");
	test_write("web.py", 0755, web, false);
	daemon = start("exec = $DIR/web.py\n", "input", _i);
	free(run("head -c 1000000 /dev/urandom >$DIR/body; sum=$(sha256sum <$DIR/body); sum=${sum%% *}; "
		 "for i in 1 2 3 4 5; do "
		 "curl -sS --noproxy '*' --data-binary @$DIR/body http://127.0.0.1:$1/up | grep -q \"1000000.*$sum.*127.0.0.1\"; "
		 "done"));
	output = run("curl -sSv --noproxy '*' http://127.0.0.1:$1/a http://127.0.0.1:$1/b http://127.0.0.1:$1/c 2>&1");
	ck_assert_match(output, "Re-using existing connection");
	ck_assert_match(output, "\"path\": \"/c\"");
	free(output);
	warm_check_served(daemon, "it", _i);
	ck_assert_uint_eq(warm_count(daemon, "start", "it", ""), 6);
	daemon_stop(daemon);
}
END_TEST

#define GET "GET /x HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n"

START_TEST(replies_of_python)
{
	SKIP_IF(access("/usr/bin/python3", X_OK) != 0, "python3 is missing");
	test_write("web.py", 0755, web, false);
	same("exec = $DIR/web.py\n", "input", GET);
	same("exec = $DIR/web.py\n", "main", GET);
	same("exec = /usr/bin/env -S /usr/bin/python3 -I $DIR/web.py\n", "input", GET);
}
END_TEST

/* Tainted, with modules in C and in Perl. */
START_TEST(replies_of_perl)
{
	SKIP_IF(access("/usr/bin/perl", X_OK) != 0, "perl is missing");
	test_write("it.pl", 0755,
		   "#!/usr/bin/perl -T\nuse strict; use warnings; use IO::Handle; use Socket; use POSIX; use JSON::PP;\n"
		   "STDOUT->autoflush(1);\n"
		   "my ($port, $host) = sockaddr_in(getpeername(STDIN));\n"
		   "while (my $line = <STDIN>) {\n"
		   "	chomp $line;\n"
		   "	print JSON::PP->new->canonical->encode({ line => $line, n => POSIX::strtol('77', 8) + 0,\n"
		   "		peer => inet_ntoa($host) }), \"\\n\";\n"
		   "}\n",
		   false);
	same("exec = $DIR/it.pl\n", "input", "a\nb\n");
	same("exec = $DIR/it.pl\n", "main", "a\nb\n");
}
END_TEST

/* Children, before the client and after; subshells, substitutions, a job in the background. bash exports an array of
 * its own making. */
#define SHELL_SCRIPT                                                                                                 \
	"early=$(/bin/echo early)\nread -r a\nread -r b\necho \"$early $(echo \"$a\" | tr a-z A-Z)\"\n(echo \"sub $b\")\n" \
	"sleep 0 & wait $!\necho \"status $?\"\ncat\nexit 0\n"

START_TEST(replies_of_shells)
{
	static const char *const shells[] = { "/bin/sh", "/bin/dash", "/bin/bash" };

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		char script[512];

		if (access(shells[i], X_OK) != 0)
			continue;
		snprintf(script, sizeof(script), "#!%s\n%s", shells[i], SHELL_SCRIPT);
		test_write("it.sh", 0755, script, false);
		same("exec = $DIR/it.sh\n", "main", "one\ntwo\nrest\n");
		same("exec = $DIR/it.sh\n", "input", "one\ntwo\nrest\n");
	}
}
END_TEST

/* stdio programs of the system, stopped at their input. */
START_TEST(replies_of_filters)
{
	same("exec = /usr/bin/sort\n", "input", "b\na\n");
	same("exec = /usr/bin/tr a-z A-Z\n", "input", "b\na\n");
	same("exec = /bin/sed -e s/a/b/\n", "input", "b\na\n");
	same("exec = /usr/bin/wc\n", "input", "b\na\n");
	same("exec = /usr/bin/md5sum\n", "input", "b\na\n");
	same("exec = /bin/cat\n", "input", "b\na\n");
	same("exec = /usr/bin/head -n 1\n", "input", "b\na\n");
	same("exec = /usr/bin/od -c\n", "main", "b\na\n");
}
END_TEST

/* ---- randomness ---- */

/* Each line of each of many replies is different from that line in all others. */
static void differs(const char *section, const char *mode, unsigned lines)
{
	enum { CLIENTS = 20 };
	struct daemon *daemon = start(section, mode, 1);
	char *replies[CLIENTS];

	for (unsigned i = 0; i < CLIENTS; i++)
		replies[i] = ask(1, "x\n");
	warm_check_served(daemon, "it", true);
	daemon_stop(daemon);
	for (unsigned line = 0; line < lines; line++) {
		char *words[CLIENTS];

		for (unsigned i = 0; i < CLIENTS; i++) {
			char *end = strchr(replies[i], '\n'), *at = replies[i];

			for (unsigned skip = 0; skip < line && end != NULL; skip++, end = strchr(at, '\n'))
				at = end + 1;
			ck_assert_msg(end != NULL && end - at > 8, "no line %u in:\n%s", line, replies[i]);
			words[i] = strndup(at, (size_t)(end - at));
			for (unsigned j = 0; j < i; j++)
				ck_assert_msg(strcmp(words[i], words[j]) != 0, "two copies drew %s", words[i]);
		}
		for (unsigned i = 0; i < CLIENTS; i++)
			free(words[i]);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		free(replies[i]);
}

START_TEST(random_of_python)
{
	SKIP_IF(access("/usr/bin/python3", X_OK) != 0, "python3 is missing");
	/* ssl brings a generator of OpenSSL's, which has drawn before the program is stopped. */
	test_write("draw.py", 0755,
		   "#!/usr/bin/python3\nimport os, random, secrets, ssl, sys, tempfile, uuid\n"
		   "random.random(); ssl.RAND_bytes(8); uuid.uuid4(); next(tempfile._get_candidate_names())\n"
		   "sys.stdin.readline()\n"
		   "print(os.urandom(16).hex(), secrets.token_hex(), uuid.uuid4(), random.random(),\n"
		   "      ssl.RAND_bytes(16).hex(), 'file ' + next(tempfile._get_candidate_names()), random.getrandbits(128),\n"
		   "      sep='\\n')\n",
		   false);
	differs("exec = $DIR/draw.py\n", "input", 7);
	differs("exec = $DIR/draw.py\n", "main", 7);
}
END_TEST

START_TEST(random_of_perl)
{
	SKIP_IF(access("/usr/bin/perl", X_OK) != 0, "perl is missing");
	/* rand() is seeded at its first use. */
	test_write("draw.pl", 0755,
		   "#!/usr/bin/perl\nuse File::Temp; my $x = <STDIN>; printf \"%.15f\\n\", rand;\n"
		   "open my $f, '<', '/dev/urandom'; read $f, my $b, 16; print unpack('H*', $b), \"\\n\";\n",
		   false);
	differs("exec = $DIR/draw.pl\n", "input", 2);
	differs("exec = $DIR/draw.pl\n", "main", 2);
}
END_TEST

START_TEST(random_of_openssl)
{
	SKIP_IF(access("/usr/bin/openssl", X_OK) != 0, "openssl is missing");
	/* It draws before it writes, and never reads: `input` would stop it too late. */
	differs("exec = /usr/bin/openssl rand -hex 16\n", "main", 1);
}
END_TEST

/* ---- servers ---- */

START_TEST(svnserve)
{
	struct daemon *daemon;

	SKIP_IF(harness_find("svnserve") == NULL || harness_find("svn") == NULL, "subversion is not installed");
	setenv("HOME", test_dir(), 1);
	free(run("cd $DIR; mkdir srv; svnadmin create srv/r; printf '[general]\\nanon-access = write\\n' "
		 ">srv/r/conf/svnserve.conf; chmod -R a+rwX srv"));
	daemon = start("exec = svnserve -i -r $DIR/srv\n", "main", _i);
	free(run("cd $DIR; svn co -q svn://127.0.0.1:$1/r a; head -c 1000000 /dev/urandom >a/big; svn add -q a/big; "
		 "svn ci -q -m one a; for i in 1 2 3 4; do svn co -q svn://127.0.0.1:$1/r b$i & pids=\"$pids $!\"; done; "
		 "for p in $pids; do wait $p; done; for i in 1 2 3 4; do cmp a/big b$i/big; done"));
	warm_check_served(daemon, "it", _i);
	ck_assert_uint_ge(warm_count(daemon, "start", "it", ""), 6);
	daemon_stop(daemon);
}
END_TEST

START_TEST(vsftpd)
{
	struct daemon *daemon;

	SKIP_IF(harness_find("vsftpd") == NULL || harness_find("curl") == NULL, "vsftpd or curl is missing");
	SKIP_IF(getuid() != 0, "vsftpd wants to be root");
	test_write("vsftpd.conf", 0644,
		   "listen=NO\nanonymous_enable=YES\nanon_root=$DIR/pub\nno_anon_password=YES\nftp_username=daemon\n"
		   "nopriv_user=nobody\nsecure_chroot_dir=$DIR/empty\nseccomp_sandbox=NO\n",
		   true);
	free(run("cd $DIR; mkdir pub empty; chmod 755 . pub empty; head -c 1000000 /dev/urandom >pub/big; chmod 644 pub/big"));
	daemon = start("user = root\nexec = vsftpd $DIR/vsftpd.conf\n", "main", _i);
	free(run("cd $DIR; curl() { command curl -sS --noproxy '*' \"$@\"; }; curl ftp://127.0.0.1:$1/ | grep -q big; "
		 "for i in 1 2 3 4 5 6; do curl -o got$i ftp://127.0.0.1:$1/big & pids=\"$pids $!\"; done; "
		 "for p in $pids; do wait $p; done; for i in 1 2 3 4 5 6; do cmp got$i pub/big; done; "
		 "curl -v ftp://127.0.0.1:$1/big 2>&1 >got | grep -q 'Entering'; cmp got pub/big"));
	warm_check_served(daemon, "it", _i);
	daemon_stop(daemon);
}
END_TEST

/* Several connections each way at once. */
START_TEST(rsync_crowd)
{
	struct daemon *daemon;

	SKIP_IF(harness_find("rsync") == NULL, "rsync is not installed");
	test_write("rsyncd.conf", 0644,
		   "use chroot = no\nlog file = /dev/null\n[data]\npath = $DIR/data\n"
		   "[in]\npath = $DIR/in\nread only = no\n",
		   true);
	free(run("cd $DIR; mkdir data in; head -c 1000000 /dev/urandom >data/big; chmod 0777 in"));
	daemon = start("exec = rsync --daemon --config=$DIR/rsyncd.conf\n", "main", _i);
	free(run("cd $DIR; for i in 1 2 3 4 5 6 7 8; do "
		 "rsync -q rsync://127.0.0.1:$1/data/big down$i & pids=\"$pids $!\"; "
		 "rsync -q data/big rsync://127.0.0.1:$1/in/up$i & pids=\"$pids $!\"; done; "
		 "for p in $pids; do wait $p; done; for i in 1 2 3 4 5 6 7 8; do cmp down$i data/big; cmp in/up$i data/big; done"));
	warm_check_served(daemon, "it", _i);
	ck_assert_uint_eq(warm_count(daemon, "start", "it", ""), 16);
	daemon_stop(daemon);
}
END_TEST

/* ---- files that are open when the program is stopped ---- */

/* A shell reads its script piece by piece while it runs it, all copies from where the first touch was. */
START_TEST(scripts_longer_than_a_buffer)
{
	static const char *const shells[] = { "/bin/sh", "/bin/bash" };
	char *script, *expected;
	size_t length, size;
	FILE *file = open_memstream(&script, &length), *out = open_memstream(&expected, &size);
	struct daemon *daemon;

	SKIP_IF(access(shells[_i], X_OK) != 0, "the shell is missing");
	fprintf(file, "#!%s\nread -r name\n", shells[_i]);
	for (int i = 0; i < 1500; i++) {
		fprintf(file, "echo line-number-%d\n", i);
		fprintf(out, "line-number-%d\n", i);
	}
	fclose(file);
	fclose(out);
	test_write("it.sh", 0755, script, false);
	daemon = daemon_start("[it]\nlisten = 127.0.0.1:$1\nexec = $DIR/it.sh\nwarm = input\n");
	warm_ready(daemon, "it");
	ask_many(1, "x\n", expected, 12, 0);
	ck_assert_uint_ge(warm_count(daemon, "start", "it", ".*warm=yes"), 6);
	daemon_stop(daemon);
	free(script);
	free(expected);
}
END_TEST

/* Perl's DATA is the open script, too. */
START_TEST(data_of_perl)
{
	struct daemon *daemon;
	char *script;
	size_t length;
	FILE *file = open_memstream(&script, &length);

	SKIP_IF(access("/usr/bin/perl", X_OK) != 0, "perl is missing");
	fputs("#!/usr/bin/perl\nuse strict;\nmy $line = <STDIN>;\nmy $count = 0;\n"
	      "while (<DATA>) { $count++ }\nprint \"$count\\n\";\n__DATA__\n",
	      file);
	for (int i = 0; i < 5000; i++)
		fprintf(file, "word%d\n", i);
	fclose(file);
	test_write("it.pl", 0755, script, false);
	daemon = daemon_start("[it]\nlisten = 127.0.0.1:$1\nexec = $DIR/it.pl\nwarm = input\n");
	warm_ready(daemon, "it");
	ask_many(1, "x\n", "5000\n", 12, 0);
	ck_assert_uint_ge(warm_count(daemon, "start", "it", ".*warm=yes"), 6);
	daemon_stop(daemon);
	free(script);
}
END_TEST

/* ---- threads ---- */

/* Stopped before its first thread: each copy makes its own, and its event loop. */
START_TEST(node)
{
	SKIP_IF(access("/usr/bin/node", X_OK) != 0, "node is missing");
	test_write("it.js", 0755, "process.stdin.on('data', (d) => process.stdout.write('got ' + d));\n", false);
	same("exec = /usr/bin/node $DIR/it.js\n", "input", "x\n");
	same("exec = /usr/bin/node $DIR/it.js\n", "main", "x\n");
}
END_TEST

/* Threads that run already cannot be copied: that is told, and it is served by exec. */
START_TEST(threads)
{
	struct daemon *daemon;

	SKIP_IF(access("/usr/bin/python3", X_OK) != 0, "python3 is missing");
	test_write("it.py", 0755,
		   "#!/usr/bin/python3\nimport sys, threading\n"
		   "threading.Thread(target = lambda: None, daemon = True).start()\n"
		   "print('got ' + sys.stdin.readline(), end='')\n",
		   false);
	daemon = daemon_start("[it]\nlisten = 127.0.0.1:$1\nexec = $DIR/it.py\nwarm = input\n");
	daemon_wait_log(daemon, " warm service=it .*threads");
	ask_many(1, "x\n", "got x\n", 3, 0);
	ck_assert_uint_eq(warm_count(daemon, "start", "it", ".*warm=yes"), 0);
	daemon_stop(daemon);
}
END_TEST

static Suite *make(void)
{
	Suite *suite = suite_create("interop_warm");
	TCase *tests = harness_case(suite, "interop_warm", 120);

	WARM_LOOP(tests, python_http);
	tcase_add_test(tests, replies_of_python);
	tcase_add_test(tests, replies_of_perl);
	tcase_add_test(tests, replies_of_shells);
	tcase_add_test(tests, replies_of_filters);
	tcase_add_test(tests, random_of_python);
	tcase_add_test(tests, random_of_perl);
	tcase_add_test(tests, random_of_openssl);
	WARM_LOOP(tests, svnserve);
	WARM_LOOP(tests, vsftpd);
	WARM_LOOP(tests, rsync_crowd);
	tcase_add_test(tests, node);
	tcase_add_loop_test(tests, scripts_longer_than_a_buffer, 0, 2);
	tcase_add_test(tests, data_of_perl);
	tcase_add_test(tests, threads);
	return suite;
}

int main(void)
{
	return harness_main(make, NULL);
}
