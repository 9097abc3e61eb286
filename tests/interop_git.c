/* interop_git.c - git daemon --inetd behind usherd, cold and warm: clone, fetch, push. */
#include "warm_help.h"

#define SERVICE                                                                                              \
	"[git]\nlisten = 127.0.0.1:$1\n"                                                                     \
	"exec = git daemon --inetd --export-all --enable=receive-pack --base-path=$DIR/srv $DIR/srv\n"

static struct daemon *start(int warm)
{
	char config[1024];
	struct daemon *daemon;

	snprintf(config, sizeof(config), "%s%s", SERVICE, warm_line(warm));
	daemon = daemon_start(config);
	if (warm)
		warm_wait_spare(daemon, "git");
	return daemon;
}

static void run(const char *script)
{
	const char *words[] = { "sh", "-ec", script, NULL };
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}

static void make_repository(void)
{
	setenv("HOME", test_dir(), 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	run("cd $DIR; git init -q work; cd work; git config user.name T; git config user.email "
	    "t@example.org; "
	    "head -c 300000 /dev/urandom >big; echo one >file; git add .; git commit -qm first; "
	    "mkdir $DIR/srv; git clone -q --bare . $DIR/srv/r.git");
	/* git serves only what belongs to the user it runs as. */
	if (getuid() == 0)
		run("chown -R nobody $DIR/srv");
}

START_TEST(clone_push_fetch)
{
	make_repository();
	struct daemon *daemon = start(_i);

	run("cd $DIR; git clone -q git://127.0.0.1:$1/r.git a; git clone -q git://127.0.0.1:$1/r.git b; "
	    "cmp a/big work/big; cd a; git config user.name T; git config user.email t@example.org; "
	    "echo two >>file; git commit -qam second; git push -q origin HEAD; "
	    "cd ../b; git pull -q; cmp file ../a/file");
	ck_assert_uint_ge(daemon_count_log(daemon, " start service=git "), 4);
	warm_check_served(daemon, "git", _i);
	daemon_stop(daemon);
}
END_TEST

/* Several at once, and a repository that is not there. */
START_TEST(clones_together)
{
	make_repository();
	struct daemon *daemon = start(_i);

	run("cd $DIR; for i in 1 2 3 4 5 6; do git clone -q git://127.0.0.1:$1/r.git clone$i 2>&1 & done; "
	    "wait; "
	    "for i in 1 2 3 4 5 6; do cmp clone$i/big work/big; done; "
	    "if git clone -q git://127.0.0.1:$1/none.git d 2>/dev/null; then exit 1; fi");
	warm_check_served(daemon, "git", _i);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("git");
	TCase *git = harness_case(suite, "git", 120);

	WARM_LOOP(git, clone_push_fetch);
	WARM_LOOP(git, clones_together);
	return suite;
}

int main(void)
{
	bool here = harness_find("git") != NULL && harness_find("git-daemon") != NULL;

	return harness_main(make_suite, here ? NULL : "git with git daemon is not installed");
}
