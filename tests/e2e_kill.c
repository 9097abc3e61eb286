/* e2e_kill.c - that an end reaches every process of a session and nobody else: trees of
 * processes, and those that left their group. */
#include "kill_help.h"

/* ---- one tree ---- */

static const struct {
	const char *tree, *status;
	unsigned ready;
} trees[] = {
	{ "group", "signal=TERM", 1 },          { "stubborn-group", "signal=TERM", 1 },
	{ "setpgid", "signal=TERM", 1 },        { "setsid", "signal=TERM", 1 },
	{ "stubborn-setsid", "signal=TERM", 1 }, { "orphan", "signal=TERM", 1 },
	{ "stubborn-orphan", "signal=TERM", 1 }, { "hopper", "signal=TERM", 1 },
};

START_TEST(time_limit_ends_tree)
{
	int marks = open_marks();
	struct daemon *daemon = start("cgroup = none\n", "time_limit = 500ms\n", trees[_i].tree);
	int client = tcp_connect(1);

	wait_ready(marks, trees[_i].ready);
	const char *line = daemon_wait_log(daemon, " end service=s ");

	ck_assert_match(line, "reason=time_limit ");
	ck_assert_msg(strstr(line, trees[_i].status) != NULL, "%s: %s", trees[_i].tree, line);
	ck_assert_msg(nobody_left(marks, 5000), "%s: a process is left; log:\n%s", trees[_i].tree,
		      daemon_log_tail(daemon));
	free(read_all(client, NULL));
	close(client);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The end of the daemon is the end of all of them, too. */
START_TEST(drain_ends_tree)
{
	int marks = open_marks();
	struct daemon *daemon = start("cgroup = none\ndrain_timeout = 100ms\n", "", trees[_i].tree);
	int client = tcp_connect(1);

	wait_ready(marks, trees[_i].ready);
	daemon_stop(daemon);
	ck_assert_msg(nobody_left(marks, 5000), "%s: a process is left; log:\n%s", trees[_i].tree,
		      daemon_log_tail(daemon));
	close(client);
}
END_TEST

/* ---- with a cgroup for each session ---- */

/* Those that tests left which failed: their processes are gone by now, and so are they. */
static void remove_stale(const char *place)
{
	static const char *const depths[] = { "/sessions/session-*", "/sessions", "" };
	char pattern[256];

	for (size_t depth = 0; depth < 3; depth++) {
		glob_t found;

		snprintf(pattern, sizeof(pattern), "%s/usherd-test-*%s", place, depths[depth]);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++) {
			int pid = atoi(strstr(found.gl_pathv[i], "usherd-test-") + 12);

			if (kill(pid, 0) < 0 && errno == ESRCH)
				rmdir(found.gl_pathv[i]);
		}
		globfree(&found);
	}
}

/* Where cgroup2 is mounted and we may make one: a fresh one for this test. */
static bool make_cgroup(char path[static 200])
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char file[256];

	for (size_t i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s/cgroup.procs", places[i]);
		snprintf(path, 200, "%s/usherd-test-%d", places[i], getpid());
		if (access(file, F_OK) != 0)
			continue;
		remove_stale(places[i]);
		if (mkdir(path, 0755) == 0)
			return true;
	}
	return false;
}

static const char *const escapes[] = { "group", "setsid", "stubborn-orphan", "hopper", "erased" };

/* A cgroup that was killed is no place to begin in: the next session has another. */
START_TEST(cgroup_after_a_kill)
{
	char path[200], keys[256];

	SKIP_IF(!make_cgroup(path), "no cgroup (version 2) can be made here");
	int marks = open_marks();

	snprintf(keys, sizeof(keys), "cgroup = %s/sessions\n", path);
	struct daemon *daemon = start(keys, "time_limit = 300ms\n", "stay");

	for (unsigned i = 0; i < 4; i++) {
		int client = tcp_connect(1);

		wait_ready(marks, 1);
		const char *line = daemon_wait_log(daemon, " end service=s ");

		ck_assert_match(line, "reason=time_limit signal=TERM ");
		close(client);
	}
	daemon_stop(daemon);
	snprintf(keys, sizeof(keys), "%s/sessions", path);
	rmdir(keys);
	ck_assert_msg(rmdir(path) == 0, "%s: %s", path, strerror(errno));
}
END_TEST

START_TEST(cgroup_ends_all)
{
	char path[200], keys[256], inside[256];

	SKIP_IF(!make_cgroup(path), "no cgroup (version 2) can be made here");
	int marks = open_marks();

	snprintf(keys, sizeof(keys), "cgroup = %s/sessions\n", path);
	struct daemon *daemon = start(keys, "time_limit = 500ms\n", escapes[_i]);
	int client = tcp_connect(1);

	wait_ready(marks, 1);
	snprintf(inside, sizeof(inside), "%s/sessions/session-1/cgroup.procs", path);
	ck_assert_str_ne(test_read(inside), "");
	ck_assert_match(daemon_wait_log(daemon, " end service=s "), "reason=time_limit ");
	ck_assert_msg(nobody_left(marks, 5000), "%s: a process is left; log:\n%s", escapes[_i],
		      daemon_log_tail(daemon));
	close(client);
	/* The directory may stay open, for the next session. */
	WAIT_UNTIL(daemon_children(daemon) == 0 && daemon_count_fds(daemon) <= daemon->fds + 1);
	daemon_stop(daemon);
	/* All is given back. */
	snprintf(inside, sizeof(inside), "%s/sessions/session-1", path);
	ck_assert_int_lt(access(inside, F_OK), 0);
	snprintf(inside, sizeof(inside), "%s/sessions", path);
	rmdir(inside);
	ck_assert_msg(rmdir(path) == 0, "%s: %s", path, strerror(errno));
}
END_TEST

/* ---- who is left alone ---- */

/* A session that ends by itself leaves the daemons alone that it started. */
START_TEST(own_end_spares_orphans)
{
	int marks = open_marks();
	struct daemon *daemon;
	pid_t orphan;
	char *reply;

	test_copy_self();
	daemon = daemon_start("[usherd]\ncgroup = none\n[s]\nlisten = 127.0.0.1:$1\n"
			      "exec = /bin/sh -c 'exec 9>$DIR/marks; setsid sleep 1000 <&- >&- 2>&- & echo $!'\n");
	reply = ask(1, NULL);
	orphan = (pid_t)atoi(reply);
	ck_assert_int_gt(orphan, 1);
	daemon_wait_log(daemon, " end service=s .*reason=exit status=0 ");
	ck_assert(!nobody_left(marks, 1000));
	ck_assert_int_eq(kill(orphan, SIGKILL), 0);
	ck_assert(nobody_left(marks, PATIENCE_MS));
	daemon_oracle(daemon); /* it was collected: nobody else is there to do it */
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("kill");
	TCase *tree = harness_case(suite, "tree", 60);

	tcase_add_loop_test(tree, time_limit_ends_tree, 0, (int)(sizeof(trees) / sizeof(trees[0])));
	tcase_add_loop_test(tree, drain_ends_tree, 0, (int)(sizeof(trees) / sizeof(trees[0])));
	tcase_add_test(tree, cgroup_after_a_kill);
	tcase_add_loop_test(tree, cgroup_ends_all, 0, (int)(sizeof(escapes) / sizeof(escapes[0])));
	tcase_add_test(tree, own_end_spares_orphans);
	return suite;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return behave(argv[1], argv[2]);
	return harness_main(make_suite, NULL);
}
