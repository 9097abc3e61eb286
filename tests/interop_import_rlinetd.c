/* interop_import_rlinetd.c - rlinetd, and behind it, on the same ports, usherd with what the import made of
 * the same file: what clients see must be the same. The package is taken from PEERS_DIR, or downloaded and
 * unpacked. Its own services are not asked: rlinetd 0.9.3 ends when loopback or echo has served a client. */
#include "harness.h"

#include "base.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char unpacked[] = "/tmp/interop_rlinetd.XXXXXX";
static char place[512]; /* what is unpacked; "": nothing */

static const char config[] =
	"directory \"$DIR/more\" \"\" \"(~|\\.bak)$\";\n"
	"defaults { instances 5; user \"nobody\"; }\n"
	"service \"cat\" { port $1; exec \"/bin/cat\"; }\n"
	"service \"ids\" { port $4; exec \"/usr/bin/id -u\"; }\n"
	"service \"group\" { port $5; exec \"/usr/bin/id -gn\"; group \"daemon\"; }\n"
	"service \"words\" { port $6; exec \"/bin/echo a b   c\"; user \"root\"; }\n"
	"service \"limited\" { port $7; exec \"/bin/sh $DIR/limits\"; rlimit nofile 77; nice 3; }\n"
	"service \"address\" { port $8; interface 127.0.0.2; exec \"/bin/echo one address\"; }\n"
	"service \"many\" { port $9, $10; exec \"/bin/echo two ports\"; }\n"
	"service \"off\" { enabled no; port $11; exec \"/bin/echo off\"; }\n"
	"service \"groups\" { port $12; exec \"/usr/bin/id -G\"; user \"daemon\"; }\n"
	"service \"ready\" { port $20; exec \"/bin/echo ready\"; }\n";

static const struct {
	const char *address;
	unsigned port;
	const char *text, *expected;
} views[] = {
	{ "127.0.0.1", 1, "one\ntwo\n", "one\ntwo\n" },
	{ "127.0.0.1", 4, "", "65534\n" },
	{ "127.0.0.1", 5, "", "daemon\n" },
	{ "127.0.0.1", 6, "", "a b c\n" },
	{ "127.0.0.1", 7, "", "77 3\n" },
	{ "127.0.0.1", 8, "", "(refused)" },
	{ "127.0.0.2", 8, "", "one address\n" },
	{ "127.0.0.1", 9, "", "two ports\n" },
	{ "127.0.0.1", 10, "", "two ports\n" },
	{ "127.0.0.1", 11, "", "(refused)" },
	{ "127.0.0.1", 12, "", "1\n" },
	{ "127.0.0.1", 13, "", "from a directory\n" },
	{ "127.0.0.1", 14, "", "(refused)" },
	{ "127.0.0.1", 20, "", "ready\n" },
};

static char *see(const char *address, unsigned port, const char *text)
{
	int fd = tcp_try(address, test_port(port));
	char bytes[1000];
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return strdup("(refused)");
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (length < sizeof(bytes) - 1 &&
	       (n = recv(fd, bytes + length, sizeof(bytes) - 1 - length, 0)) > 0)
		length += (size_t)n;
	close(fd);
	bytes[length] = '\0';
	return strdup(bytes);
}

static bool listens(void)
{
	int fd = tcp_try("127.0.0.1", test_port(20));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void expect_views(const char *who)
{
	for (size_t i = 0; i < ELEMENTS(views); i++) {
		_cleanup_free_ char *seen = see(views[i].address, views[i].port, views[i].text);

		ck_assert_msg(strcmp(seen, views[i].expected) == 0, "%s, %s:%u: '%s' instead of '%s'", who,
			      views[i].address, views[i].port, seen, views[i].expected);
	}
}

static void run(const char *script)
{
	const char *words[] = { "sh", "-ec", script, NULL };
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}

static pid_t start_peer(void)
{
	char parser[1024], program[1024];
	pid_t pid;

	snprintf(program, sizeof(program), "%s/usr/sbin/rlinetd", place);
	snprintf(parser, sizeof(parser), "%s/usr/lib/x86_64-linux-gnu/rlinetd/libparse.so", place);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)!freopen(test_path("rlinetd.log"), "w", stdout);
		dup2(1, 2);
		execl(program, "rlinetd", "-d", "-f", test_path("rlinetd.conf"), "-p", parser, (char *)NULL);
		_exit(127);
	}
	WAIT_UNTIL(listens());
	return pid;
}

START_TEST(same_replies)
{
	const char *path = usherd_path();
	char script[1200];
	pid_t pid;

	SKIP_IF(place[0] == '\0', "rlinetd is not here");
	SKIP_IF(getuid() != 0, "rlinetd changes users, which needs root");
	test_write("rlinetd.conf", 0644, config, true);
	test_write("limits", 0755, "echo $(ulimit -n) $(nice)\n", false);
	run("mkdir $DIR/more; echo 'service \"more\" { port $13; exec \"/bin/echo from a directory\"; }' > "
	    "$DIR/more/one; "
	    "echo 'service \"none\" { port $14; exec \"/bin/echo no\"; }' > $DIR/more/two.bak");
	pid = start_peer();
	expect_views("rlinetd");
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	WAIT_UNTIL(!listens());
	snprintf(script, sizeof(script),
		 "%1$.*2$s/usherctl import rlinetd --report=$DIR/report $DIR/rlinetd.conf > $DIR/made.ini || "
		 "test $? = 1; "
		 "if grep -q unsupported: $DIR/report; then cat $DIR/report; exit 1; fi",
		 path, (int)(strrchr(path, '/') - path));
	run(script);
	_cleanup_free_ char *made = test_read(test_path("made.ini"));
	struct daemon *daemon = daemon_start(made);

	expect_views("usherd");
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_rlinetd");

	tcase_add_test(harness_case(suite, "rlinetd", 120), same_replies);
	return suite;
}

/* Looks for the package, unpacked or to be downloaded; nothing of it is installed. */
static void find_peer(void)
{
	const char *peers = getenv("PEERS_DIR");
	char script[600], program[600];

	if (mkdtemp(unpacked) == NULL)
		return;
	snprintf(script, sizeof(script),
		 "cd %s && chmod 755 . && (cp %s/rlinetd_*.deb . || timeout 60 apt-get -qq download rlinetd) "
		 "> /dev/null 2>&1 && "
		 "dpkg -x rlinetd_*.deb . 2> /dev/null",
		 unpacked, peers != NULL ? peers : "/nonexistent");
	snprintf(program, sizeof(program), "%s/usr/sbin/rlinetd", unpacked);
	if (system(script) == 0 && access(program, X_OK) == 0)
		snprintf(place, sizeof(place), "%s", unpacked);
}

int main(void)
{
	char script[600];
	int status;

	find_peer();
	status = harness_main(make_suite, NULL);
	snprintf(script, sizeof(script), "rm -rf %s", unpacked);
	return system(script) == 0 ? status : EXIT_FAILURE;
}
