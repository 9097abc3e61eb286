/* interop_import_xinetd.c - xinetd itself, and usherd with what the import made of the same file on other
 * ports: who is served, who is refused, and what is answered must be the same. The package xinetd is taken
 * from PEERS_DIR, from the system, or downloaded and unpacked. */
#include "harness.h"

#include "base.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char xinetd[512]; /* its path */
static char unpacked[] = "/tmp/interop_xinetd.XXXXXX";

#define HEAD(name, port)                                                                                     \
	"service " name "\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"    \
	"\tuser = root\n\tport = " port "\n"

/* @NN becomes a port: one for xinetd, another for usherd. */
static const char config
	[] = "defaults\n{\n\tlog_type = FILE $DIR/services.log\n\tcps = 1000 1\n\tpassenv = PATH\n}\n"
	     "service echo\n{\n\ttype = INTERNAL UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait "
	     "= no\n"
	     "\tport = @01\n}\n"
	     "service echo\n{\n\ttype = INTERNAL UNLISTED\n\tid = echo-udp\n\tsocket_type = "
	     "dgram\n\tprotocol = udp\n"
	     "\twait = yes\n\tport = @01\n\tno_access = 127.0.0.9\n}\n" HEAD(
		     "script",
		     "@02") "\tserver = $DIR/hello.sh\n\tserver_args = # is data; 'so' \"is\" $$ "
			    "<this>\n}\n" HEAD(
				    "redirect",
				    "@03") "\tredirect = 127.0.0.1 @02\n}\n" HEAD("lists",
										  "@04") "\tserver"
											 " = "
											 "/bin/"
											 "echo\n\t"
											 "server_"
											 "args = "
											 "in\n\ton"
											 "ly_from "
											 "= "
											 "127.0.0."
											 "0 "
											 "127.0.1."
											 "5 ::1\n"
											 "\tno_"
											 "access "
											 "= "
											 "127.0.0."
											 "3 "
											 "127.0.1."
											 "0\n}"
											 "\n" HEAD("factors", "@05") "\tserver = /bin/echo\n\tserver_args = in\n\tonly_from = 127.0.0.{2,3}\n"
														     "\tonly_from -= 127.0.0.3\n\tonly_from += 127.5.0.0/30\n}\n" HEAD("one", "@06") "\tserver = /bin/cat\n\tinstances = 1\n}\n" HEAD("banners", "@07") "\tserver = /bin/echo\n\tserver_args = in\n\tbanner_success = $DIR/good\n"
																																	"\tbanner_fail = $DIR/bad\n\tno_access = 127.0.0.3\n}\n" HEAD("both", "@08") "\tserver = /bin/echo\n\tserver_args = in\n\tbanner = $DIR/good\n}\n" HEAD("off", "@09") "\tserver = /bin/echo\n\tdisable = yes\n}\n" HEAD("thrown",
																																																												"@10") "\tserver = /bin/echo\n\tnice=5\n}\n" HEAD("failed",
																																																																		  "@11") "\tserver = /bin/echo\n\tumask = 9\n}\n" HEAD("again",
																																																																								       "@12") "\tserver = /bin/echo\n\tserver_args = in\n\tumask = 9\n\tdisable = no\n}\n" HEAD("umask",
																																																																																				"@13") "\tserver = /bin/sh\n\tserver_args = -c umask\n\tumask = 27\n}\n" HEAD("nice", "@14") "\tserver = /usr/bin/nice\n\tnice = 5\n\tnice = 7\n}\n"
																																																																																															     "service number\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"
																																																																																															     "\tuser = 54321\n\tport = @15\n\tserver = /usr/bin/id\n}\n" HEAD("environment",
																																																																																																							      "@16") "\tserver = $DIR/show.sh\n\tenv = A=b,c\n\tenv += A=d B='e\n\tpassenv -= PATH\n}\n" HEAD("nobody",
																																																																																																																			      "@17") "\tserver = /bin/echo\n\tserver_args = in\n\tonly_from =\n}\n" HEAD("family", "@18") "\tserver = /bin/echo\n\tserver_args = in\n\tflags = IPv4\n}\n" HEAD("limits", "@19") "\tserver = /bin/sh\n\tserver_args = -c ulimit${IFS}-s\n\trlimit_stack = 512K\n}\n" HEAD("everybody",
																																																																																																																																																					 "@20") "\tserver = /bin/echo\n\tserver_args = in\n\tonly_from = ::/0\n"
																																																																																																																																																						"\taccess_times = 0:00-23:59\n}\n";

#define OURS 30 /* our ports begin so far behind */

static char *make_config(unsigned offset)
{
	char *text = malloc(sizeof(config) + 1), *to = text;

	ck_assert_ptr_nonnull(text);
	for (const char *from = config; *from != '\0'; from++) {
		if (*from != '@') {
			*to++ = *from;
			continue;
		}
		to += sprintf(to, "$%02u", (unsigned)((from[1] - '0') * 10 + from[2] - '0') + offset);
		from += 2;
	}
	*to = '\0';
	return text;
}

static void write_files(void)
{
	_cleanup_free_ char *theirs = make_config(0), *ours = make_config(OURS);

	test_write("xinetd.conf", 0644, theirs, true);
	test_write("import.conf", 0644, ours, true);
	test_write("hello.sh", 0755, "#!/bin/sh\nread -r name\necho \"hello $name: $*\"\n", false);
	test_write("show.sh", 0755, "#!/bin/sh\necho \"$A $B ${PATH_TO_NOTHING:-none}\"\n", false);
	test_write("good", 0644, "welcome\n", false);
	test_write("bad", 0644, "go away\n", false);
}

/* ---- daemons ---- */

static pid_t start_xinetd(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execl(xinetd, xinetd, "-dontfork", "-stayalive", "-filelog", test_path("xinetd.log"),
		      "-pidfile", test_path("xinetd.pid"), "-f", test_path("xinetd.conf"), (char *)NULL);
		_exit(127);
	}
	WAIT_UNTIL(({
		int fd = tcp_try("127.0.0.1", test_port(20));

		if (fd >= 0)
			close(fd);
		fd >= 0;
	}));
	return pid;
}

static struct daemon *start_ours(void)
{
	const char *words[] = {
		"sh", "-c", "exec \"$0\" import xinetd --report=$DIR/report $DIR/import.conf >$DIR/made.ini",
		NULL, NULL
	};
	char *output;
	const char *path = usherd_path();
	char script[1024];

	snprintf(script, sizeof(script),
		 "%.*s/usherctl import xinetd --report=$DIR/report $DIR/import.conf >$DIR/made.ini",
		 (int)(strrchr(path, '/') - path), path);
	words[2] = script;
	int status = run_command(words, &output);

	ck_assert_msg(status == 1, "%d: %s", status, output);
	free(output);
	_cleanup_free_ char *report = test_read(test_path("report")),
			    *made = test_read(test_path("made.ini"));

	ck_assert_no_match(report, "nothing was made of this line");
	ck_assert_no_match(report, ": (unsupported|approximated)");
	struct daemon *daemon = daemon_start(made);

	WAIT_UNTIL(tcp_try("127.0.0.1", test_port(20 + OURS)) >= 0);
	return daemon;
}

/* ---- what a client sees ---- */

/* All that comes until the end, however it comes; "(refused)" when nobody listens. Malloc'ed. */
static char *see(const char *source, unsigned number, const char *text, bool half_close)
{
	bool ip6 = strchr(source, ':') != NULL;
	int fd = ip6 ? tcp_try("::1", test_port(number)) : tcp_try("127.0.0.1", test_port(number));
	char bytes[4096];
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return strdup("(refused)");
	if (!ip6 && strcmp(source, "127.0.0.1") != 0) {
		close(fd);
		fd = tcp_from(source, number);
	}
	if (text != NULL)
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	if (half_close)
		shutdown(fd, SHUT_WR);
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	while (length < sizeof(bytes) - 1 && poll(&wait, 1, PATIENCE_MS) == 1 &&
	       (n = recv(fd, bytes + length, sizeof(bytes) - 1 - length, 0)) > 0)
		length += (size_t)n;
	close(fd);
	bytes[length] = '\0';
	return strdup(bytes);
}

static const struct view {
	unsigned port;
	const char *source, *text, *expected;
} views[] = {
	{ 1, "127.0.0.1", "one\ntwo\n", "one\ntwo\n" },
	{ 1, "::1", "one\n", "one\n" },
	{ 2, "127.0.0.1", "Ann\n", "hello Ann: # is data; 'so' \"is\" $$ <this>\n" },
	{ 3, "127.0.0.1", "Ben\n", "hello Ben: # is data; 'so' \"is\" $$ <this>\n" },
	{ 4, "127.0.0.1", NULL, "in\n" },
	{ 4, "127.0.0.3", NULL, "" },
	{ 4, "127.0.1.5", NULL, "" },
	{ 4, "127.0.1.6", NULL, "" },
	{ 4, "127.9.9.9", NULL, "in\n" },
	{ 4, "::1", NULL, "in\n" },
	{ 5, "127.0.0.1", NULL, "" },
	{ 5, "127.0.0.2", NULL, "in\n" },
	{ 5, "127.0.0.3", NULL, "" },
	{ 5, "127.5.0.3", NULL, "in\n" },
	{ 5, "127.5.0.4", NULL, "" },
	{ 5, "::1", NULL, "" },
	{ 7, "127.0.0.1", NULL, "welcome\nin\n" },
	{ 7, "127.0.0.3", NULL, "go away\n" },
	{ 8, "127.0.0.1", NULL, "welcome\nin\n" },
	{ 9, "127.0.0.1", NULL, "(refused)" },
	{ 10, "127.0.0.1", NULL, "(refused)" },
	{ 11, "127.0.0.1", NULL, "(refused)" },
	{ 12, "127.0.0.1", NULL, "in\n" },
	{ 13, "127.0.0.1", NULL, "0027\n" },
	{ 14, "127.0.0.1", NULL, "5\n" },
	{ 15, "127.0.0.1", NULL, "uid=54321 gid=54321 groups=54321\n" },
	{ 16, "127.0.0.1", NULL, "d 'e none\n" },
	{ 17, "127.0.0.1", NULL, "" },
	{ 18, "127.0.0.1", NULL, "in\n" },
	{ 18, "::1", NULL, "(refused)" },
	{ 19, "127.0.0.1", NULL, "512\n" },
	{ 20, "127.0.0.1", NULL, "in\n" },
	{ 20, "::1", NULL, "in\n" },
};

static void compare(void)
{
	for (size_t i = 0; i < ELEMENTS(views); i++) {
		const struct view *view = &views[i];

		if (strchr(view->source, ':') != NULL && !net_has_ipv6())
			continue;
		/* At the end of one direction xinetd ends both. */
		bool half_close = view->port != 3;
		_cleanup_free_ char *theirs = see(view->source, view->port, view->text, half_close);
		_cleanup_free_ char *ours = see(view->source, view->port + OURS, view->text, half_close);

		ck_assert_msg(strcmp(theirs, view->expected) == 0, "xinetd: %u from %s: '%s'", view->port,
			      view->source, theirs);
		ck_assert_msg(strcmp(ours, view->expected) == 0, "usherd: %u from %s: '%s'", view->port,
			      view->source, ours);
	}
}

/* One session may run; a second client is refused at once, and served when the first has gone. */
static void compare_instances(unsigned number)
{
	int first = tcp_connect(number);
	size_t length;

	send_text(first, "x");
	_cleanup_free_ char *answer = read_piece(first, PATIENCE_MS, &length);

	ck_assert_msg(answer != NULL, "no answer from %u", number);
	ck_assert_str_eq(answer, "x");
	_cleanup_free_ char *second = see("127.0.0.1", number, "y", true);

	ck_assert_msg(second[0] == '\0', "%u: '%s'", number, second);
	close(first);
	WAIT_UNTIL(({
		_cleanup_free_ char *third = see("127.0.0.1", number, "z", true);

		strcmp(third, "z") == 0;
	}));
}

/* Who is refused gets no answer. xinetd may throw away what waits behind a refused datagram: so it is sent
 * again. */
static void compare_datagrams(unsigned number)
{
	int good = udp_from("127.0.0.1", number), bad = udp_from("127.0.0.9", number);
	_cleanup_free_ char *answer = NULL;
	size_t length;
	char byte;

	send_text(bad, "bad");
	for (unsigned i = 0; answer == NULL && i < 20; i++) {
		send_text(good, "good");
		answer = read_piece(good, PATIENCE_MS / 20, &length);
	}
	ck_assert_msg(answer != NULL, "no answer from %u", number);
	ck_assert_str_eq(answer, "good");
	ck_assert_int_lt(recv(bad, &byte, 1, MSG_DONTWAIT), 0);
	close(good);
	close(bad);
}

START_TEST(side_by_side)
{
	SKIP_IF(getuid() != 0, "xinetd changes users, which needs root");
	SKIP_IF(!test_is_alone(), "sources need a network of their own");
	write_files();
	pid_t theirs = start_xinetd();
	struct daemon *daemon = start_ours();

	compare();
	compare_instances(6);
	compare_instances(6 + OURS);
	compare_datagrams(1);
	compare_datagrams(1 + OURS);
	daemon_stop(daemon);
	ck_assert_int_eq(kill(theirs, SIGTERM), 0);
	ck_assert_int_eq(waitpid(theirs, NULL, 0), theirs);
}
END_TEST

/* The files of the package: none of their lines is lost, and what is made of them is loaded. */
START_TEST(own_files)
{
	char script[2048];
	const char *words[] = { "sh", "-ec", script, NULL }, *path = usherd_path();
	char *output;

	SKIP_IF(unpacked[0] == '\0', "only where the package is unpacked");
	snprintf(script, sizeof(script),
		 "sed 's,/etc/xinetd.d,%1$s/etc/xinetd.d,' %1$s/etc/xinetd.conf >$DIR/own.conf\n"
		 "%2$.*3$s/usherctl import xinetd --report=$DIR/own $DIR/own.conf >$DIR/own.ini || test $? = "
		 "1\n"
		 "! grep -E 'nothing was made|: unsupported' $DIR/own\n"
		 "test $(grep -c '^\\[' $DIR/own.ini) -ge 16\n"
		 "printf '[more]\\nlisten = unix:@more-$1\\nexec = discard\\n' >>$DIR/own.ini\n"
		 "%2$.*3$s/usherd -t -c $DIR/own.ini\n",
		 unpacked, path, (int)(strrchr(path, '/') - path));
	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_xinetd");
	TCase *tests = harness_case(suite, "import_xinetd", 120);

	tcase_add_test(tests, side_by_side);
	tcase_add_test(tests, own_files);
	return suite;
}

/* ---- the package ---- */

static bool works(const char *folder)
{
	char command[1024];

	snprintf(xinetd, sizeof(xinetd), "%s/usr/sbin/xinetd", folder);
	snprintf(command, sizeof(command), "%s -version 2>&1 | grep -q '^2[.]3[.]'", xinetd);
	return access(xinetd, X_OK) == 0 && system(command) == 0;
}

static bool find_xinetd(void)
{
	const char *peers = getenv("PEERS_DIR");
	char command[1024];

	if (peers != NULL && works(peers)) {
		snprintf(unpacked, sizeof(unpacked), "%s", strlen(peers) < sizeof(unpacked) ? peers : "");
		return true;
	}
	if (mkdtemp(unpacked) == NULL)
		return false;
	snprintf(command, sizeof(command),
		 "(cd %s && chmod 0755 . && timeout 30 apt-get -q download xinetd && dpkg -x xinetd_*.deb .) "
		 ">/dev/null 2>&1",
		 unpacked);
	if (system(command) == 0 && works(unpacked))
		return true;
	snprintf(command, sizeof(command), "rm -rf %s", unpacked);
	(void)!system(command);
	unpacked[0] = '\0';
	return works("");
}

int main(void)
{
	bool here = find_xinetd();
	int status = harness_main(make_suite,
				  here ? NULL : "there is no xinetd here, and its package cannot be had");
	char command[1024];

	if (strncmp(unpacked, "/tmp/interop_xinetd.", 20) == 0) {
		snprintf(command, sizeof(command), "rm -rf %s", unpacked);
		(void)!system(command);
	}
	return status;
}
