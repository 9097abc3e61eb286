/* interop_import_tcpserver.c - tcpserver itself with rules that tcprules made, and usherd with what the import made of the
 * same script on other ports: who is let in, and what is answered must be the same. The package ucspi-tcp is taken from
 * PEERS_DIR, from the system, or downloaded and unpacked. */
#include "harness.h"

#include "base.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[512]; /* of tcpserver and tcprules */
static char unpacked[] = "/tmp/interop_tcpserver.XXXXXX";

#define OURS 10 /* our ports begin so far behind */

static const char rules[] = "127.0.0.3:deny\n127.0.1-2.:deny\n127.0.2.9:allow\n127.5.:allow\n127.5.0.4:deny\n"
			    "127.0.0.4:deny\n127.0.0.4:allow\n127.:allow\n:deny\n";

/* @N becomes a port: one for tcpserver, another for usherd. */
static const char *const script[] = {
	"tcpserver -RHl0 -x $DIR/rules.cdb 127.0.0.1 @1 /bin/echo in &\n",
	"env A='b c' tcpserver -RHl0 127.0.0.1 @2 $DIR/show.sh \"x  y\" 'z;' &\n",
	"tcpserver -RHl0 -B 'hi ' 127.0.0.1 @3 /bin/cat &\n",
};

static void write_script(const char *name, unsigned offset)
{
	char text[1024] = "#!/bin/sh\n", *to = text + strlen(text);

	for (size_t i = 0; i < ELEMENTS(script); i++)
		for (const char *from = script[i]; *from != '\0'; from++) {
			ck_assert_int_lt(to - text, (long)sizeof(text) - 8);
			if (*from == '@')
				to += sprintf(to, "$%u", (unsigned)(*++from - '0') + offset);
			else
				*to++ = *from;
		}
	*to = '\0';
	test_write(name, 0755, text, true);
}

static void run(const char *command, int expected)
{
	const char *words[] = { "sh", "-c", command, NULL };
	char *output;
	int status = run_command(words, &output);

	ck_assert_msg(status == expected, "%s: %d: %s", command, status, output);
	free(output);
}

static pid_t start_theirs(void)
{
	char command[1024];
	pid_t pid;

	snprintf(command, sizeof(command), "cd $DIR && %s/tcprules rules.cdb rules.tmp <rules", folder);
	run(command, 0);
	snprintf(command, sizeof(command), "PATH=%s:$PATH; . %s; wait", folder, test_path("theirs"));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setpgid(0, 0);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (unsigned number = 1; number <= ELEMENTS(script); number++)
		WAIT_UNTIL(({
			int fd = tcp_try("127.0.0.1", test_port(number));

			if (fd >= 0)
				close(fd);
			fd >= 0;
		}));
	return pid;
}

static struct daemon *start_ours(void)
{
	const char *path = usherd_path();
	char command[1024];

	snprintf(command, sizeof(command),
		 "%.*s/usherctl import tcpserver --report=$DIR/report -o $DIR/made.ini $DIR/ours",
		 (int)(strrchr(path, '/') - path), path);
	run(command, 1);
	_cleanup_free_ char *report = test_read(test_path("report")), *made = test_read(test_path("made.ini"));

	ck_assert_no_match(report, ": unsupported");
	return daemon_start(made);
}

/* All that comes until the end, however it comes; malloc'ed. */
static char *see(const char *source, unsigned number, const char *text)
{
	int fd = tcp_from(source, number);
	char bytes[1024];
	size_t length = 0;
	ssize_t n;

	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (length < sizeof(bytes) - 1 && (n = recv(fd, bytes + length, sizeof(bytes) - 1 - length, 0)) > 0)
		length += (size_t)n;
	close(fd);
	bytes[length] = '\0';
	return strdup(bytes);
}

static const struct {
	unsigned port;
	const char *source, *text, *expected;
} views[] = {
	{ 1, "127.0.0.1", "", "in\n" }, { 1, "127.0.0.2", "", "in\n" }, { 1, "127.0.0.3", "", "" },
	{ 1, "127.0.0.4", "", "" },     { 1, "127.0.1.1", "", "" },     { 1, "127.0.2.8", "", "" },
	{ 1, "127.0.2.9", "", "in\n" }, { 1, "127.0.3.1", "", "in\n" }, { 1, "127.5.0.3", "", "in\n" },
	{ 1, "127.5.0.4", "", "" },     { 1, "127.9.9.9", "", "in\n" }, { 2, "127.0.0.1", "", "b c:x  y:z;:2\n" },
	{ 3, "127.0.0.1", "echo\n", "hi echo\n" },
};

START_TEST(side_by_side)
{
	SKIP_IF(!test_is_alone(), "sources need a network of their own");
	test_write("rules", 0644, rules, false);
	test_write("show.sh", 0755, "#!/bin/sh\necho \"$A:$1:$2:$#\"\n", false);
	write_script("theirs", 0);
	write_script("ours", OURS);
	pid_t theirs = start_theirs();
	struct daemon *daemon = start_ours();

	for (size_t i = 0; i < ELEMENTS(views); i++) {
		_cleanup_free_ char *first = see(views[i].source, views[i].port, views[i].text);
		_cleanup_free_ char *second = see(views[i].source, views[i].port + OURS, views[i].text);

		ck_assert_msg(strcmp(first, views[i].expected) == 0, "tcpserver: %u from %s: '%s'", views[i].port,
			      views[i].source, first);
		ck_assert_msg(strcmp(second, views[i].expected) == 0, "usherd: %u from %s: '%s'", views[i].port,
			      views[i].source, second);
	}
	daemon_stop(daemon);
	ck_assert_int_eq(kill(-theirs, SIGTERM), 0);
	ck_assert_int_eq(waitpid(theirs, NULL, 0), theirs);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_tcpserver");
	TCase *tests = harness_case(suite, "import_tcpserver", 60);

	tcase_add_test(tests, side_by_side);
	return suite;
}

/* ---- the package ---- */

static bool works(const char *root)
{
	char command[1100];

	snprintf(folder, sizeof(folder), "%s/usr/bin", root);
	snprintf(command, sizeof(command), "test -x %s/tcprules && %s/tcpserver 2>&1 | grep -q usage", folder, folder);
	return system(command) == 0;
}

static bool find_tcpserver(void)
{
	const char *peers = getenv("PEERS_DIR");
	char command[1024];

	if ((peers != NULL && works(peers)) || works(""))
		return true;
	if (mkdtemp(unpacked) == NULL)
		return false;
	snprintf(command, sizeof(command),
		 "(cd %s && chmod 0755 . && timeout 30 apt-get -q download ucspi-tcp && dpkg -x ucspi-tcp_*.deb .) "
		 ">/dev/null 2>&1",
		 unpacked);
	return system(command) == 0 && works(unpacked);
}

int main(void)
{
	bool here = find_tcpserver();
	int status = harness_main(make_suite, here ? NULL : "there is no tcpserver here, and its package cannot be had");
	char command[1024];

	if (strstr(unpacked, "XXXXXX") == NULL) {
		snprintf(command, sizeof(command), "rm -rf %s", unpacked);
		(void)!system(command);
	}
	return status;
}
