/* interop_import_tcpserver.c - tcpserver with rules that tcprules made, and tcpsvd with a directory of
 * instructions; and usherd with what the import made of the same script on other ports: who is let in, and
 * what is answered must be the same. The packages ucspi-tcp and ipsvd are taken from PEERS_DIR, from the
 * system, or downloaded and unpacked. */
#include "harness.h"

#include "base.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char unpacked[] = "/tmp/interop_tcpserver.XXXXXX";

#define OURS 10 /* our ports begin so far behind */

static const char rules[] = "127.0.0.3:deny\n127.0.1-2.:deny\n127.0.2.9:allow\n127.5.:allow\n127.5.0.4:deny\n"
			    "127.0.0.4:deny\n127.0.0.4:allow\n127.:allow\n:deny\n";

struct view {
	unsigned port;
	const char *source, *text, *expected;
};

#define SCRIPT 3
#define VIEWS  20

static struct peer {
	const char *package, *works; /* a command of the shell that says so, in the folder of its programs */
	const char *prepare;
	const char *script[SCRIPT]; /* @N becomes a port: one for the peer, another for usherd */
	struct view views[VIEWS];
	char folder[512]; /* of its programs; "": it is not here */
} peers[] = {
	{ "ucspi-tcp",
	  "test -x tcprules && ./tcpserver 2>&1 | grep -q usage",
	  "tcprules rules.cdb rules.tmp < rules",
	  { "tcpserver -RHl0 -x $DIR/rules.cdb 127.0.0.1 @1 /bin/echo in &\n",
	    "env A='b c' tcpserver -RHl0 127.0.0.1 @2 $DIR/show.sh \"x  y\" 'z;' &\n",
	    "tcpserver -RHl0 -B 'hi ' 127.0.0.1 @3 /bin/cat &\n" },
	  { { 1, "127.0.0.1", "", "in\n" },
	    { 1, "127.0.0.2", "", "in\n" },
	    { 1, "127.0.0.3", "", "" },
	    { 1, "127.0.0.4", "", "" },
	    { 1, "127.0.1.1", "", "" },
	    { 1, "127.0.2.8", "", "" },
	    { 1, "127.0.2.9", "", "in\n" },
	    { 1, "127.0.3.1", "", "in\n" },
	    { 1, "127.5.0.3", "", "in\n" },
	    { 1, "127.5.0.4", "", "" },
	    { 1, "127.9.9.9", "", "in\n" },
	    { 2, "127.0.0.1", "", "b c:x  y:z;:2\n" },
	    { 3, "127.0.0.1", "echo\n", "hi echo\n" } },
	  "" },
	{ "ipsvd",
	  "test -x tcpsvd",
	  "mkdir who some; cd who; touch 0 127.0.0 127.0.0.3 127.0.1 127.0.1.9 127.5; chmod 600 *; chmod 000 "
	  "127.0.0.3 127.0.1; "
	  "cd ../some; touch 0 127.0.0.2; chmod 000 0; printf '+A=b c\\n' > 127.0.0.2",
	  { "tcpsvd -l here -i $DIR/who 127.0.0.1 @1 /bin/echo in &\n",
	    "tcpsvd -l here -i $DIR/some 127.0.0.1 @2 $DIR/show.sh x &\n",
	    "tcpsvd -l here 127.0.0.1 @3 /bin/cat &\n" },
	  { { 1, "127.0.0.1", "", "in\n" },
	    { 1, "127.0.0.3", "", "" },
	    { 1, "127.0.1.1", "", "" },
	    { 1, "127.0.1.9", "", "in\n" },
	    { 1, "127.5.0.1", "", "in\n" },
	    { 1, "127.9.9.9", "", "in\n" },
	    { 2, "127.0.0.1", "", "" },
	    { 2, "127.0.0.2", "", "b c:x::1\n" },
	    { 2, "127.0.0.3", "", "" },
	    { 3, "127.0.0.1", "echo\n", "echo\n" } },
	  "" },
};

static void write_script(const struct peer *peer, const char *name, unsigned offset)
{
	char text[1024] = "#!/bin/sh\n", *to = text + strlen(text);

	for (size_t i = 0; i < SCRIPT; i++)
		for (const char *from = peer->script[i]; *from != '\0'; from++) {
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

static pid_t start_theirs(const struct peer *peer)
{
	char command[1024];
	pid_t pid;

	snprintf(command, sizeof(command), "PATH=%s:$PATH; cd $DIR && %s", peer->folder, peer->prepare);
	run(command, 0);
	snprintf(command, sizeof(command), "PATH=%s:$PATH; . %s; wait", peer->folder, test_path("theirs"));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setpgid(0, 0);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (unsigned number = 1; number <= SCRIPT; number++)
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
	_cleanup_free_ char *report = test_read(test_path("report")),
			    *made = test_read(test_path("made.ini"));

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
	while (length < sizeof(bytes) - 1 &&
	       (n = recv(fd, bytes + length, sizeof(bytes) - 1 - length, 0)) > 0)
		length += (size_t)n;
	close(fd);
	bytes[length] = '\0';
	return strdup(bytes);
}

START_TEST(side_by_side)
{
	const struct peer *peer = &peers[_i];

	SKIP_IF(peer->folder[0] == '\0', "the other one is not here, and its package cannot be had");
	SKIP_IF(!test_is_alone(), "sources need a network of their own");
	SKIP_IF(getuid() != 0, "services are root's in both");
	test_write("rules", 0644, rules, false);
	test_write("show.sh", 0755, "#!/bin/sh\necho \"$A:$1:$2:$#\"\n", false);
	write_script(peer, "theirs", 0);
	write_script(peer, "ours", OURS);
	pid_t theirs = start_theirs(peer);
	struct daemon *daemon = start_ours();

	for (size_t i = 0; i < VIEWS && peer->views[i].source != NULL; i++) {
		_cleanup_free_ char *first =
			see(peer->views[i].source, peer->views[i].port, peer->views[i].text);
		_cleanup_free_ char *second =
			see(peer->views[i].source, peer->views[i].port + OURS, peer->views[i].text);

		ck_assert_msg(strcmp(first, peer->views[i].expected) == 0, "the other one: %u from %s: '%s'",
			      peer->views[i].port, peer->views[i].source, first);
		ck_assert_msg(strcmp(second, peer->views[i].expected) == 0, "usherd: %u from %s: '%s'",
			      peer->views[i].port, peer->views[i].source, second);
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

	tcase_add_loop_test(tests, side_by_side, 0, ELEMENTS(peers));
	return suite;
}

/* ---- the packages ---- */

static bool works(struct peer *peer, const char *root)
{
	char command[1100];

	snprintf(peer->folder, sizeof(peer->folder), "%s/usr/bin", root);
	snprintf(command, sizeof(command), "cd %s 2>/dev/null && %s", peer->folder, peer->works);
	if (system(command) == 0)
		return true;
	peer->folder[0] = '\0';
	return false;
}

static void find_peer(struct peer *peer)
{
	const char *known = getenv("PEERS_DIR");
	char command[1024];

	if ((known != NULL && works(peer, known)) || works(peer, ""))
		return;
	if (strstr(unpacked, "XXXXXX") != NULL && mkdtemp(unpacked) == NULL)
		return;
	snprintf(command, sizeof(command),
		 "(cd %1$s && chmod 0755 . && timeout 30 apt-get -q download %2$s && dpkg -x %2$s_*.deb .) "
		 ">/dev/null 2>&1",
		 unpacked, peer->package);
	if (system(command) == 0)
		(void)works(peer, unpacked);
}

int main(void)
{
	char command[1024];
	int status;

	for (size_t i = 0; i < ELEMENTS(peers); i++)
		find_peer(&peers[i]);
	status = harness_main(make_suite, NULL);
	if (strstr(unpacked, "XXXXXX") == NULL) {
		snprintf(command, sizeof(command), "rm -rf %s", unpacked);
		(void)!system(command);
	}
	return status;
}
