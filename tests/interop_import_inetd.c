/* interop_import_inetd.c - the inetd of OpenBSD (as Debian has it), of GNU and of busybox, and behind each of
 * them, on the same ports, usherd with what the import made of the same file: what clients see must be the
 * same. The packages are taken from PEERS_DIR, or downloaded and unpacked; busybox must have inetd in it.
 * This program is some of the services. */
#include "harness.h"

#include "base.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ELSEWHERE  "192.0.2.1" /* internal services do not answer datagrams of 127.0.0.1 */
#define EPOCH_1900 2208988800U /* seconds from there to 1970 */

static char unpacked[] = "/tmp/interop_inetd.XXXXXX";
static bool is_unpacked;

/* ---- the other ones ---- */

enum { DEBIAN, GNU, BUSYBOX, PEERS };
#define IN(peer) (1U << (peer))
#define ALL      (IN(DEBIAN) | IN(GNU) | IN(BUSYBOX))

static struct peer {
	const char *dialect, *package, *program, *arguments;
	char path[512]; /* "": it is not here */
} peers[PEERS] = {
	[DEBIAN] = { "debian", "openbsd-inetd", "usr/sbin/inetd", "-i", "" },
	[GNU] = { "gnu", "inetutils-inetd", "usr/sbin/inetutils-inetd", "-d", "" },
	[BUSYBOX] = { "busybox", "busybox", "bin/busybox", "inetd -f -e", "" },
};

/* Lines of the file, and which of them read it. */
static const struct {
	unsigned peers;
	const char *line;
} config[] = {
	{ ALL, "# comment" },
	{ ALL, "echo stream tcp nowait root internal" },
	{ ALL, "echo dgram udp wait root internal" },
	{ ALL, "discard stream tcp nowait root internal" },
	{ ALL, "daytime stream tcp nowait root internal" },
	{ ALL, "daytime dgram udp wait root internal" },
	{ ALL, "time stream tcp nowait root internal" },
	{ ALL, "chargen stream tcp nowait root internal" },
	{ ALL, "$1 stream tcp nowait root /bin/echo echo a # b" },
	{ ALL, "$2\tstream\ttcp\tnowait\troot\t$DIR/hello.sh hello.sh $x `y` ;" },
	{ ALL, "$3 stream tcp nowait nobody /usr/bin/id id" },
	{ ALL, "$4 stream tcp nowait nobody.daemon /usr/bin/id id -g" },
	{ ALL, "$5 stream tcp nowait nobody:daemon /usr/bin/id id -gn" },
	{ ALL, "$6 stream tcp wait root $DIR/self self accept" },
	{ ALL, "$7 dgram udp wait root $DIR/self self answer" },
	{ ALL, "127.0.0.2:$8 stream tcp nowait root /bin/echo echo at one address" },
	{ ALL, "127.0.0.2,127.0.0.3:$9 stream tcp nowait root /bin/echo echo at two" },
	/* The one of GNU loses its way back from such an address. */
	{ IN(DEBIAN) | IN(BUSYBOX), "127.0.0.4:" },
	{ IN(DEBIAN) | IN(BUSYBOX), "$10 stream tcp nowait root /bin/echo echo as above" },
	{ ALL, "*:$11 stream tcp nowait root /bin/echo echo everywhere" },
	{ IN(DEBIAN) | IN(BUSYBOX), "*:" },
	{ ALL, "$12 stream tcp6 nowait root /bin/echo echo six" },
	{ IN(DEBIAN), "$13 stream tcp4 nowait root /bin/echo echo four" },
	{ IN(GNU), "$13 stream tcp6only nowait root /bin/echo echo only" },
	{ ALL, "::1:$14 stream tcp6 nowait root /bin/echo echo local" },
	{ IN(DEBIAN), "::1,127.0.0.1:$15 stream tcp nowait root /bin/echo echo both" },
	{ ALL, "$16 stream tcp nowait root /bin/echo echo go" },
	{ ALL, "\ton # here" },
	{ ALL, "# between" },
	{ ALL, "#<off># $17 stream tcp nowait root /bin/echo echo off" },
	{ ALL, "$18 stream tcp nowait root" },
	{ ALL, "$19 stream tcp nowait no-such-user /bin/echo echo nobody" },
	{ ALL, "$20 stream tcp nowait root /bin/echo echo first" },
	{ ALL, "$20 stream tcp nowait root /bin/echo echo second" },
	{ ALL, "$21 stream tcp nowait root /bin/sh sh -c umask" },
	{ ALL, "$22 stream tcp nowait root /bin/echo" },
	{ ALL, "$23 stream tcp nowait root /usr/bin/printf printf [%s] 'a b' \"c d\" e\\ f it's x\"y z\"w" },
	{ ALL, "no-such-service stream tcp nowait root /bin/echo echo" },
	{ ALL, "$24 stream tcp nowait.1000 root /bin/sh sh -c exit" },
	{ IN(DEBIAN) | IN(BUSYBOX), "$DIR/socket stream unix nowait root /bin/echo echo by a path" },
	{ ALL, ":::$26 stream tcp6 nowait root /bin/echo echo colons" },
	{ IN(DEBIAN), ":::$27 stream tcp nowait root /bin/echo echo colons" },
	{ ALL, "$28 stream tcp6 wait root $DIR/self self accept" },
	{ ALL, "$25 stream tcp nowait root /bin/echo echo ready" },
};

static char *make_config(int peer)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(out);
	for (size_t i = 0; i < ELEMENTS(config); i++)
		if (config[i].peers & IN(peer))
			fprintf(out, "%s\n", config[i].line);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* ---- this program as a service ---- */

/* Takes one client of the socket that it has. */
static int serve_accept(void)
{
	static const char text[] = "accepted\n";
	int fd = accept(0, NULL, NULL);

	return fd >= 0 && write(fd, text, strlen(text)) > 0 && shutdown(fd, SHUT_WR) == 0 ? 0 : 1;
}

/* Answers datagrams until none comes for a while. */
static int serve_answer(void)
{
	struct pollfd wait = { .fd = 0, .events = POLLIN };

	while (poll(&wait, 1, 100) == 1) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		char bytes[512] = "got ";
		ssize_t n = recvfrom(0, bytes + 4, sizeof(bytes) - 4, 0, (struct sockaddr *)&from, &size);

		if (n < 0 || sendto(0, bytes, (size_t)n + 4, 0, (struct sockaddr *)&from, size) < 0)
			return 1;
	}
	return 0;
}

/* ---- what a client sees ---- */

enum kind {
	STREAM, /* and the end of its input */
	DATAGRAM,
	PATH,
	DATE, /* each has its own way to write it */
	SECONDS,
	BEGIN /* of something without end */
};

static const struct view {
	enum kind kind;
	const char *address;
	int port;                    /* -N: of services(5); else a number of $N */
	const char *text, *expected; /* NULL: both are the same, whatever it is */
} views[] = {
	{ STREAM, "127.0.0.1", -7, "one\ntwo\n", "one\ntwo\n" },
	{ STREAM, "::1", -7, "one\n", NULL },
	{ DATAGRAM, ELSEWHERE, -7, "ping", "ping" },
	{ STREAM, "127.0.0.1", -9, "one\n", "" },
	{ DATE, "127.0.0.1", -13, NULL, NULL },
	{ DATAGRAM, ELSEWHERE, -7, "pong", "pong" },
	{ SECONDS, "127.0.0.1", -37, NULL, NULL },
	{ BEGIN, "127.0.0.1", -19, NULL, NULL },
	{ STREAM, "127.0.0.1", 1, NULL, "a # b\n" },
	{ STREAM, "::1", 1, NULL, NULL },
	{ STREAM, "127.0.0.1", 2, "Ann\n", "hello Ann: $x `y` ;\n" },
	{ STREAM, "127.0.0.1", 3, NULL, "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n" },
	{ STREAM, "127.0.0.1", 4, NULL, "1\n" },
	{ STREAM, "127.0.0.1", 5, NULL, "daemon\n" },
	{ STREAM, "127.0.0.1", 6, NULL, "accepted\n" },
	{ STREAM, "127.0.0.1", 6, NULL, "accepted\n" },
	{ DATAGRAM, "127.0.0.1", 7, "one", "got one" },
	{ DATAGRAM, "127.0.0.1", 7, "two", "got two" },
	{ STREAM, "127.0.0.1", 8, NULL, "(refused)" },
	{ STREAM, "127.0.0.2", 8, NULL, "at one address\n" },
	{ STREAM, "127.0.0.1", 9, NULL, "(refused)" },
	{ STREAM, "127.0.0.2", 9, NULL, "at two\n" },
	{ STREAM, "127.0.0.3", 9, NULL, "at two\n" },
	{ STREAM, "127.0.0.1", 10, NULL, "(refused)" },
	{ STREAM, "127.0.0.4", 10, NULL, NULL },
	{ STREAM, "127.0.0.1", 11, NULL, "everywhere\n" },
	{ STREAM, "127.0.0.1", 12, NULL, NULL },
	{ STREAM, "::1", 12, NULL, "six\n" },
	{ STREAM, "127.0.0.1", 13, NULL, NULL },
	{ STREAM, "::1", 13, NULL, NULL },
	{ STREAM, "127.0.0.1", 14, NULL, "(refused)" },
	{ STREAM, "::1", 14, NULL, "local\n" },
	{ STREAM, "127.0.0.1", 15, NULL, NULL },
	{ STREAM, "::1", 15, NULL, NULL },
	{ STREAM, "127.0.0.1", 16, NULL, NULL },
	{ STREAM, "127.0.0.1", 17, NULL, "(refused)" },
	{ STREAM, "127.0.0.1", 18, NULL, "(refused)" },
	{ STREAM, "127.0.0.1", 20, NULL, "second\n" },
	{ STREAM, "127.0.0.1", 21, NULL, "0022\n" },
	{ STREAM, "127.0.0.1", 22, NULL, "\n" },
	{ STREAM, "127.0.0.1", 23, NULL, NULL },
	{ STREAM, "127.0.0.1", 24, NULL, "" },
	{ PATH, "", 0, NULL, NULL },
	{ STREAM, "127.0.0.1", 26, NULL, NULL },
	{ STREAM, "::1", 26, NULL, "colons\n" },
	{ STREAM, "127.0.0.1", 27, NULL, NULL },
	{ STREAM, "::1", 27, NULL, NULL },
	{ STREAM, "::1", 28, NULL, "accepted\n" },
	{ STREAM, "127.0.0.1", 28, NULL, NULL },
	{ STREAM, "127.0.0.1", 25, NULL, "ready\n" },
};

/* All that comes until the end, however it comes, or `most` bytes. */
static char *receive(int fd, size_t most)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char bytes[4096];
	size_t length = 0;
	ssize_t n;

	while (length < most && poll(&wait, 1, PATIENCE_MS) == 1 &&
	       (n = recv(fd, bytes + length, most - length, 0)) > 0)
		length += (size_t)n;
	bytes[length] = '\0';
	return strndup(bytes, length);
}

static char *see_stream(const struct view *view, unsigned port, size_t most)
{
	int fd = tcp_try(view->address, port);
	char *text;

	if (fd < 0)
		return strdup("(refused)");
	if (view->text != NULL)
		(void)!send(fd, view->text, strlen(view->text), MSG_NOSIGNAL);
	if (view->kind != BEGIN)
		shutdown(fd, SHUT_WR);
	text = receive(fd, most);
	close(fd);
	return text;
}

/* Datagrams may be lost while a program ends: so it is sent again. */
static char *see_datagram(const struct view *view, unsigned port)
{
	int fd = udp_connect(view->address, port);
	char *text = NULL;
	size_t length;

	for (unsigned i = 0; text == NULL && i < 40; i++) {
		if (send(fd, view->text, strlen(view->text), MSG_NOSIGNAL) < 0) {
			text = strdup("(refused)");
			break;
		}
		text = read_piece(fd, PATIENCE_MS / 40, &length);
	}
	close(fd);
	return text != NULL ? text : strdup("(nothing)");
}

/* Four bytes of RFC 868 that are now. */
static char *see_seconds(unsigned port)
{
	int fd = tcp_try("127.0.0.1", port);
	uint32_t seconds = 0;
	ssize_t n = fd >= 0 ? recv(fd, &seconds, sizeof(seconds), MSG_WAITALL) : -1;
	int64_t apart = (int64_t)ntohl(seconds) - EPOCH_1900 - (int64_t)time(NULL);

	if (fd >= 0)
		close(fd);
	return strdup(n == 4 && apart > -100 && apart < 100 ? "now" : "another time");
}

static char *see_path(void)
{
	if (access(test_path("socket"), F_OK) != 0)
		return strdup("(refused)");
	int fd = unix_connect(test_path("socket"), SOCK_STREAM);
	char *text = receive(fd, 1000);

	close(fd);
	return text;
}

/* A line with the hour and the year of now. */
static char *see_date(const struct view *view, unsigned port)
{
	_cleanup_free_ char *text = see_stream(view, port, 1000);
	bool good = has_match(text, "^[A-Z][a-z][a-z],? .* [0-2][0-9]:[0-5][0-9]:[0-6][0-9] ") &&
		    strstr(text, " 20") != NULL && strstr(text, "\r\n") != NULL;

	return good ? strdup("a date") : strdup(text);
}

static char *see(const struct view *view)
{
	unsigned port = view->port < 0 ? (unsigned)-view->port : test_port((unsigned)view->port);

	switch (view->kind) {
	case STREAM:
		return see_stream(view, port, 4000);
	case BEGIN:
		return see_stream(view, port, 740);
	case DATAGRAM:
		return see_datagram(view, port);
	case DATE:
		return see_date(view, port);
	case SECONDS:
		return see_seconds(port);
	case PATH:
		break;
	}
	return see_path();
}

/* ---- one after the other ---- */

static void wait_for(bool listens)
{
	WAIT_UNTIL(({
		int fd = tcp_try("127.0.0.1", test_port(25));

		if (fd >= 0)
			close(fd);
		(fd >= 0) == listens;
	}));
}

/* Until programs that have the socket of their service are gone, too. */
static void wait_until_free(unsigned port)
{
	WAIT_UNTIL(({
		struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		int r = bind(fd, (struct sockaddr *)&address, sizeof(address));

		close(fd);
		r == 0;
	}));
}

/* In a file system of its own, because inetd writes its number to /run. */
static pid_t start_peer(const struct peer *peer)
{
	char script[1024];
	pid_t pid;

	snprintf(script, sizeof(script),
		 "mount -t tmpfs none /run && cd / && umask 022 && exec %s %s %s >%s 2>&1", peer->path,
		 peer->arguments, test_path("inetd.conf"), test_path("inetd.log"));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execlp("unshare", "unshare", "-m", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	wait_for(true);
	return pid;
}

static struct daemon *start_ours(const struct peer *peer)
{
	const char *path = usherd_path();
	char script[1024], *output;
	const char *words[] = { "sh", "-c", script, NULL };

	snprintf(script, sizeof(script),
		 "%.*s/usherctl import inetd --from=%s --report=$DIR/report $DIR/inetd.conf >$DIR/made.ini",
		 (int)(strrchr(path, '/') - path), path, peer->dialect);
	int status = run_command(words, &output);

	/* A service whose name is nowhere cannot be had. */
	ck_assert_msg(status == 2, "%d: %s", status, output);
	free(output);
	_cleanup_free_ char *report = test_read(test_path("report")),
			    *made = test_read(test_path("made.ini"));

	ck_assert_no_match(report, "nothing was made of this line");
	struct daemon *daemon = daemon_start(made);

	wait_for(true);
	return daemon;
}

/* Whether the kernel has this family; else nobody listens there. */
static bool is_there(const struct view *view)
{
	return strchr(view->address, ':') == NULL || net_has_ipv6();
}

static void see_all(char **ret_seen)
{
	for (size_t i = 0; i < ELEMENTS(views); i++)
		ret_seen[i] = is_there(&views[i]) ? see(&views[i]) : strdup("(no family)");
}

static void compare(const struct peer *peer, char **theirs, char **ours)
{
	for (size_t i = 0; i < ELEMENTS(views); i++) {
		const struct view *view = &views[i];

		ck_assert_msg(strcmp(theirs[i], ours[i]) == 0, "%s:%d is '%s' to %s, and '%s' to usherd",
			      view->address, view->port, theirs[i], peer->package, ours[i]);
		ck_assert_msg(view->expected == NULL || !is_there(view) ||
				      strcmp(ours[i], view->expected) == 0,
			      "%s:%d is '%s' to both", view->address, view->port, ours[i]);
		free(theirs[i]);
		free(ours[i]);
	}
}

START_TEST(same_replies)
{
	const struct peer *peer = &peers[_i];
	char *theirs[ELEMENTS(views)], *ours[ELEMENTS(views)];
	char reason[100];

	snprintf(reason, sizeof(reason), "%s with inetd is not here", peer->package);
	SKIP_IF(peer->path[0] == '\0', reason);
	SKIP_IF(getuid() != 0, "inetd changes users, which needs root");
	SKIP_IF(!test_is_alone(), "the ports of internal services need a network of their own");
	SKIP_IF(access("/etc/services", R_OK) != 0, "inetd has no names of services here");
	_cleanup_free_ char *text = make_config(_i);

	net_add(ELSEWHERE, 24);
	test_copy_self();
	test_write("inetd.conf", 0644, text, true);
	test_write("hello.sh", 0755, "#!/bin/sh\nread -r name\necho \"hello $name: $*\"\n", false);
	pid_t pid = start_peer(peer);

	see_all(theirs);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	wait_for(false);
	wait_until_free(test_port(7));
	unlink(test_path("socket"));
	struct daemon *daemon = start_ours(peer);

	see_all(ours);
	daemon_stop(daemon);
	compare(peer, theirs, ours);
}
END_TEST

/* The files that the packages come with, as they are and with all of their services switched on: no line is
 * lost, and what is made of them is loaded. */
START_TEST(own_files)
{
	const struct peer *peer = &peers[_i];
	const char *path = usherd_path();
	char script[2048], *output;
	const char *words[] = { "sh", "-ec", script, NULL };

	SKIP_IF(!is_unpacked || _i == BUSYBOX, "only of packages that are unpacked, and have such a file");
	snprintf(script, sizeof(script),
		 "sed -n '/cat <<EOF/,/^EOF/p' %1$s/%2$s/preinst | sed '1d;$d' >$DIR/own.conf\n"
		 "test $(wc -l <$DIR/own.conf) -ge 30\n"
		 "sed -E 's/^#([a-z]+[[:blank:]]+(stream|dgram))/\\1/' $DIR/own.conf >$DIR/on.conf\n"
		 "for name in own on; do\n"
		 "%3$.*4$s/usherctl import inetd --from=%5$s --report=$DIR/$name $DIR/$name.conf "
		 ">$DIR/$name.ini ||\n"
		 "\ttest $? = 1\n"
		 "! grep -E 'nothing was made|: unsupported' $DIR/$name\n"
		 "test $(grep -c '^[^ ]*:[0-9]*: ' $DIR/$name) = $(wc -l <$DIR/$name.conf)\n"
		 "printf '[more]\\nlisten = unix:@more-$1\\nexec = discard\\n' >>$DIR/$name.ini\n"
		 "%3$.*4$s/usherd -t -c $DIR/$name.ini\n"
		 "done\n"
		 "test $(grep -c '^\\[' $DIR/on.ini) -ge 6\n",
		 unpacked, peer->package, path, (int)(strrchr(path, '/') - path), peer->dialect);
	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_inetd");
	TCase *tests = harness_case(suite, "import_inetd", 120);

	tcase_add_loop_test(tests, same_replies, 0, PEERS);
	tcase_add_loop_test(tests, own_files, 0, PEERS);
	return suite;
}

/* ---- the packages ---- */

static void find_peers(const char *folder)
{
	char command[1024];

	for (int i = 0; i < PEERS; i++) {
		struct peer *peer = &peers[i];

		if (peer->path[0] != '\0')
			continue;
		snprintf(peer->path, sizeof(peer->path), "%s/%s", folder, peer->program);
		snprintf(command, sizeof(command), "%s --list 2>/dev/null | grep -qx inetd", peer->path);
		if (access(peer->path, X_OK) != 0 || (i == BUSYBOX && system(command) != 0))
			peer->path[0] = '\0';
	}
}

static void unpack_peers(void)
{
	char command[1024];

	if (mkdtemp(unpacked) == NULL)
		return;
	snprintf(command, sizeof(command),
		 "(cd %s && chmod 0755 . && for package in openbsd-inetd inetutils-inetd; do timeout 30 "
		 "apt-get -q download "
		 "$package && dpkg -x ${package}_*.deb . && dpkg -e ${package}_*.deb $package || exit 1; "
		 "done) >/dev/null 2>&1",
		 unpacked);
	is_unpacked = system(command) == 0;
	if (is_unpacked)
		find_peers(unpacked);
}

int main(int argc, char **argv)
{
	char command[100];

	if (argc == 2 && strcmp(argv[1], "accept") == 0)
		return serve_accept();
	if (argc == 2 && strcmp(argv[1], "answer") == 0)
		return serve_answer();
	if (getenv("PEERS_DIR") != NULL)
		find_peers(getenv("PEERS_DIR"));
	if (peers[DEBIAN].path[0] == '\0' || peers[GNU].path[0] == '\0')
		unpack_peers();
	find_peers("");
	int status = harness_main(make_suite, NULL);

	snprintf(command, sizeof(command), "rm -rf %s", unpacked);
	if (strchr(unpacked, 'X') == NULL || is_unpacked)
		(void)!system(command);
	return status;
}
