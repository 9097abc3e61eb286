/* interop_rsync.c - rsync --daemon behind usherd, cold and warm: down, up, and a list. */
#include "warm_help.h"

START_TEST(there_and_back)
{
	const char *words[] = {
		"sh", "-ec",
		"cd $DIR; mkdir -p data/sub in; head -c 3000000 /dev/urandom >data/big; echo x >data/sub/x; "
		"chmod 0777 in",
		NULL
	};
	const char *down[] = {
		"rsync", "-r", "--checksum", "rsync://127.0.0.1:$1/data/", "$DIR/copy/", NULL
	};
	const char *up[] = { "rsync", "-r", "$DIR/data/", "rsync://127.0.0.1:$1/in/", NULL };
	const char *list[] = { "rsync", "rsync://127.0.0.1:$1/", NULL };
	const char *same[] = { "sh", "-ec", "cd $DIR; diff -r data copy; diff -r data in", NULL };
	char config[512], *output;

	ck_assert_int_eq(run_command(words, NULL), 0);
	test_write("rsyncd.conf", 0644,
		   "use chroot = no\nlog file = /dev/null\n[data]\npath = $DIR/data\n"
		   "[in]\npath = $DIR/in\nread only = no\n",
		   true);
	snprintf(config, sizeof(config), "[rsync]\nlisten = 127.0.0.1:$1\n"
		 "exec = rsync --daemon --config=$DIR/rsyncd.conf\n%s", warm_line(_i));
	struct daemon *daemon = daemon_start(config);

	if (_i)
		warm_wait_spare(daemon, "rsync");

	ck_assert_msg(run_command(list, &output) == 0 && strstr(output, "data") != NULL, "%s\n%s", output,
		      daemon_log_tail(daemon));
	ck_assert_msg(run_command(down, &output) == 0, "%s\n%s", output, daemon_log_tail(daemon));
	ck_assert_msg(run_command(up, &output) == 0, "%s\n%s", output, daemon_log_tail(daemon));
	ck_assert_msg(run_command(same, &output) == 0, "%s", output);
	warm_check_served(daemon, "rsync", _i);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=rsync "), 3);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("rsync");

	WARM_LOOP(harness_case(suite, "rsync", 120), there_and_back);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, harness_find("rsync") == NULL ? "rsync is not installed" : NULL);
}
