/* e2e_fault_reload.c - reloads while clients come.
 *
 * F23: a service is removed and added, again and again, while
 * clients connect to it and to its neighbour: no event for what is gone, nobody
 * lost next door, no descriptor left. 500 times; USHERD_RELOADS asks for others.
 * Most worth in a build with sanitizers.
 *
 * F54: every file of tests/bad-configs, by SIGHUP and over the control socket: not one changes
 * anything, and each is told in the log and in the reply. */
#include "json_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAY                                                                                                   \
	"[stay]\nlisten = 127.0.0.1:$1\nexec = $PROBE say stay\n"                                              \
	"[filter]\nlisten = 127.0.0.1:$4/udp\nexec = $PROBE say filtered\n"
#define GO                                                                                                     \
	"[go]\nlisten = 127.0.0.1:$2, 127.0.0.1:$3/udp, unix:$DIR/go\nexec = $PROBE say go\n"

static unsigned reloads(void)
{
	const char *wanted = getenv("USHERD_RELOADS");

	return wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : 500;
}

/* What the clients, processes of their own, tell the test. */
struct tally {
	volatile unsigned served, refused, cut, wrong;
};

/* One connection after the other, until killed. */
static void connect_forever(unsigned number, const char *expected, bool gently, struct tally *tally)
{
	for (;;) {
		for (int i = 0; gently && i < 10; i++)
			nap();
		char text[64] = "";
		int fd = tcp_try("127.0.0.1", test_port(number));
		struct pollfd wait = {.fd = fd, .events = POLLIN};

		if (fd < 0) {
			tally->refused++;
			nap();
			continue;
		}
		ssize_t got = poll(&wait, 1, PATIENCE_MS) == 1 ? read(fd, text, sizeof(text) - 1) : -1;

		if (got <= 0)
			tally->cut++;
		else if (strcmp(text, expected) != 0)
			tally->wrong++;
		else
			tally->served++;
		close(fd);
	}
}

static struct tally *make_tallies(size_t count)
{
	return mmap(NULL, count * sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void stop_client(pid_t client)
{
	kill(client, SIGKILL);
	ck_assert_int_eq(waitpid(client, NULL, 0), client);
}

static void send_forever(unsigned number)
{
	int fd = udp_connect("127.0.0.1", test_port(number));
	char text[64];

	for (;; nap()) {
		(void)!send(fd, "x", 1, MSG_NOSIGNAL);
		while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
	}
}

static pid_t start_client(unsigned number, const char *expected, bool gently, struct tally *tally)
{
	pid_t client = fork();

	ck_assert_int_ge(client, 0);
	if (client != 0)
		return client;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (tally != NULL)
		connect_forever(number, expected, gently, tally);
	send_forever(number);
	_exit(0);
}

START_TEST(remove_and_add)
{
	struct daemon *daemon = daemon_start(STAY GO);
	struct tally *tallies = make_tallies(2);
	pid_t clients[] = {
		start_client(1, "stay", false, &tallies[0]), start_client(2, "go", false, &tallies[1]),
		start_client(4, NULL, false, NULL),
	};
	unsigned count = reloads();
	long memory = 0;

	for (unsigned i = 0; i < count; i++) {
		daemon_configure(i % 2 == 0 ? STAY : STAY GO);
		daemon_reload(daemon, true);
		if (i == count / 2)
			memory = daemon_status(daemon, "VmRSS:");
	}
	if (count % 2 != 0) {
		daemon_configure(STAY GO);
		daemon_reload(daemon, true);
	}
	WAIT_UNTIL(tallies[0].served > 0 && tallies[1].served > 0);
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		stop_client(clients[i]);
	ck_assert_msg(tallies[0].refused + tallies[0].cut + tallies[0].wrong == 0,
		      "of the service that stays: %u served, %u refused, %u cut, %u wrong", tallies[0].served,
		      tallies[0].refused, tallies[0].cut, tallies[0].wrong);
	ck_assert_msg(tallies[1].wrong == 0, "the service that goes: %u wrong replies", tallies[1].wrong);
	/* A sanitizer keeps what was freed. */
	const char *sanitizers = getenv("SANITIZERS");
	bool plain = sanitizers == NULL || sanitizers[0] == '\0' || strcmp(sanitizers, "none") == 0;

	ck_assert_msg(!plain || daemon_status(daemon, "VmRSS:") < memory + 4096, "memory grew from %ld to %ld kB", memory,
		      daemon_status(daemon, "VmRSS:"));
	ask_many(1, NULL, "stay", 5, 0);
	ask_many(2, NULL, "go", 5, 0);
	daemon_oracle(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, "BUG|ERROR: |runtime error"), 0);
	daemon_stop(daemon);
}
END_TEST

/* ---- files that must be refused ---- */

static char bad_configs[PATH_MAX];

static int is_ini(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".ini") == 0;
}

/* Puts the bytes in the place of the configuration. Returns whether everybody would refuse them. */
static bool put(const char *name)
{
	static char bytes[1 << 21];
	char path[PATH_MAX + NAME_MAX + 2];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", bad_configs, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, bytes, sizeof(bytes) - 1);
	ck_assert_msg(length >= 0 && length < (ssize_t)sizeof(bytes) - 1, "%s", name);
	close(fd);
	bytes[length] = '\0';
	fd = open(test_path("services.ini"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_int_eq(write(fd, bytes, (size_t)length), length);
	close(fd);
	return getuid() == 0 || strstr(bytes, "; needs root") == NULL;
}

/* The reply to `reload`: how many errors it tells, each with its place and reason. */
static json_int_t ask_for_reload(const struct daemon *daemon, const char *name)
{
	char *text = daemon_ask(daemon, "reload");
	json_t *reply = json_loads(text, 0, NULL), *errors = json_object_get(reply, "errors");
	size_t count = json_array_size(errors);

	ck_assert_msg(json_is_false(json_object_get(reply, "ok")), "%s: %s", name, text);
	ck_assert_str_eq(json_string_value(json_object_get(reply, "code")), "config");
	ck_assert_msg(count > 0, "%s: %s", name, text);
	for (size_t i = 0; i < count; i++) {
		const json_t *error = json_array_get(errors, i);

		ck_assert(strstr(json_string_value(json_object_get(error, "path")), "services.ini") != NULL);
		ck_assert(json_is_integer(json_object_get(error, "line")));
		ck_assert_uint_gt(json_string_length(json_object_get(error, "reason")), 10);
	}

	json_int_t told = (json_int_t)count + json_integer_value(json_object_get(reply, "left_out"));

	json_decref(reply);
	free(text);
	return told;
}

static json_int_t generation(const struct daemon *daemon)
{
	return ask_number(daemon, "status", "daemon/generation");
}

/* Each file by both ways, which must count the same errors. */
START_TEST(bad_files)
{
	struct daemon *daemon = daemon_start(STAY "[hold]\nlisten = 127.0.0.1:$5\nexec = $PROBE hold\n");
	struct tally *tally = make_tallies(1);
	pid_t client = start_client(1, "stay", true, tally);
	unsigned long inode = listener_inode(test_port(1));
	int session = tcp_connect(5), count;
	struct dirent **names;

	ck_assert_str_eq(read_piece(session, PATIENCE_MS, NULL), "ready\n");
	count = scandir(bad_configs, &names, is_ini, alphasort);
	ck_assert_msg(count >= 300, "%d files in %s", count, bad_configs);
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;

		if (!put(name))
			continue;
		daemon_signal(daemon, SIGHUP);
		const char *line = daemon_wait_log(daemon, " reload(-failed)? ");

		ck_assert_msg(strstr(line, " reload-failed ") != NULL, "%s: %s", name, line);
		long errors = line_number(line, "errors");

		ck_assert_msg(ask_for_reload(daemon, name) == errors, "%s: %ld errors by SIGHUP", name, errors);
		daemon_wait_log(daemon, " reload-failed ");
		/* The table of sockets takes the kernel longer than all the rest. */
		ck_assert_msg(i % 10 != 0 || listener_inode(test_port(1)) == inode,
			      "%s, or one of those before it: another socket", name);
	}
	ck_assert_uint_eq(listener_inode(test_port(1)), inode);
	ck_assert_int_eq(generation(daemon), 1);
	WAIT_UNTIL(tally->served > 0);
	stop_client(client);
	ck_assert_uint_eq(tally->refused + tally->cut + tally->wrong, 0);
	shutdown(session, SHUT_WR);
	ck_assert_str_eq(read_all(session, NULL), "bye\n");
	close(session);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_reload");
	TCase *all = harness_case(suite, "reload", (int)(60 + reloads() / 5));

	tcase_add_test(all, remove_and_add);
	tcase_add_test(all, bad_files);
	return suite;
}

int main(void)
{
	char path[PATH_MAX];
	const char *source = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/bad-configs", source != NULL ? source : ".");
	if (realpath(path, bad_configs) == NULL)
		bad_configs[0] = '\0';
	return harness_main(make_suite, NULL);
}
