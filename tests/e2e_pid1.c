/* e2e_pid1.c - usherd as the first process of a container: it collects the dead,
 * drains when told to end, and leaves nobody behind. */
#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts a program whose parent ends at once: an orphan of the container. */
#define SERVICES                                                                                             \
	"[usherd]\ncontrol = none\n"                                                                         \
	"[hold]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n"

static const char *const wrapper[] = { "/usr/bin/unshare", "--pid",   "--fork", "--mount-proc",
				       "--kill-child",     "--mount", NULL };

/* Whether such a namespace can be made here. */
static bool can_isolate(void)
{
	const char *const words[] = { "/usr/bin/unshare", "--pid",     "--fork", "--mount-proc",
				      "--mount",          "/bin/true", NULL };

	return run_command(words, NULL) == 0;
}

static pid_t only_child(pid_t parent)
{
	char path[64];
	pid_t child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	char *text = test_read(path);

	if (text != NULL)
		child = atoi(text);
	free(text);
	return child;
}

static struct daemon *start(const char *config, pid_t *ret_init)
{
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .config = config, .wrapper = wrapper });

	*ret_init = only_child(daemon->pid);
	ck_assert_int_gt(*ret_init, 1);
	return daemon;
}

/* Puts a process into the container (as `docker exec` does) that leaves `script` running as an
 * orphan there. */
static void leave_orphan(pid_t init, const char *script)
{
	char target[32], command[512];
	const char *const words[] = { "/usr/bin/nsenter", target, "--pid", "--mount",
				      "/bin/sh",          "-c",   command, NULL };

	snprintf(target, sizeof(target), "--target=%d", init);
	snprintf(command, sizeof(command), "(%s) </dev/null >/dev/null 2>&1 & exit 0", script);
	ck_assert_int_eq(run_command(words, NULL), 0);
}

static bool has_children(pid_t pid)
{
	return only_child(pid) != 0;
}

/* What others leave is collected, without a session that would give a reason to look. */
START_TEST(orphans)
{
	pid_t init;
	struct daemon *daemon;

	SKIP_IF(!can_isolate(), "no pid namespace can be made here");
	daemon = start(SERVICES, &init);
	for (int i = 0; i < 3; i++) {
		leave_orphan(init, "sleep 0.05");
		WAIT_UNTIL(!has_children(init));
	}
	kill(init, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* TERM lets sessions end, and then the container ends, with everybody in it; whoever does
 * not want to end is killed, soon. */
START_TEST(drains)
{
	static const struct {
		int number;
		const char *orphan;
	} ways[] = {
		{ SIGTERM, "sleep 1000" },
		{ SIGINT, "trap '' TERM; while :; do sleep 1000; done" },
	};
	pid_t init;
	struct daemon *daemon;
	int client;

	SKIP_IF(!can_isolate(), "no pid namespace can be made here");
	daemon = start(SERVICES, &init);
	client = tcp_connect(1);
	ck_assert_str_eq(read_piece(client, PATIENCE_MS, NULL), "ready\n");
	leave_orphan(init, ways[_i].orphan);
	WAIT_UNTIL(has_children(init));
	kill(init, ways[_i].number);
	daemon_wait_log(daemon, " drain sessions=1");
	shutdown(client, SHUT_WR);
	ck_assert_str_eq(read_clean(client, NULL), "bye\n");
	daemon_wait_log(daemon, " others ");
	daemon_wait_log(daemon, " stop sessions=0");
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* QUIT does not wait for sessions. */
START_TEST(at_once)
{
	pid_t init;
	struct daemon *daemon;
	int client;

	SKIP_IF(!can_isolate(), "no pid namespace can be made here");
	daemon = start(SERVICES, &init);
	client = tcp_connect(1);
	ck_assert_str_eq(read_piece(client, PATIENCE_MS, NULL), "ready\n");
	kill(init, SIGQUIT);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	ck_assert_uint_eq(daemon_count_log(daemon, " others "), 0);
}
END_TEST

/* The first process cannot go to the background: the container would end. */
START_TEST(no_background)
{
	const char *words[] = { "-d", NULL };
	struct daemon *daemon;

	SKIP_IF(!can_isolate(), "no pid namespace can be made here");
	daemon = daemon_launch(&(struct daemon_spec){
		.config = SERVICES, .wrapper = wrapper, .arguments = words, .no_wait = true });
	ck_assert_int_eq(daemon_wait_exit(daemon), 64);
	ck_assert_match(daemon_read_log(daemon), "leave -d out");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pid1");
	TCase *tests = harness_case(suite, "pid1", 90);

	tcase_add_test(tests, orphans);
	tcase_add_loop_test(tests, drains, 0, 2);
	tcase_add_test(tests, at_once);
	tcase_add_test(tests, no_background);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
