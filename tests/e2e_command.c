/* e2e_command.c - the command line: one service without a file, usage, checks
 * of a configuration, and exit codes (F53, F56 to F58). */
#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- one service, no file ---- */

static const struct {
	const char *arguments[12];
	const char *reply;
} one_liners[] = {
	{ { "-l", "127.0.0.1:$1", "--", "$PROBE", "say", "one" }, "one" },
	{ { "-l", "127.0.0.1:$1", "-o", "instances=3", "-o", "log_level=debug", "--", "$PROBE", "say", "-o" },
	  "-o" },
	{ { "-l", "$1", "-f", "--", "/bin/sh", "-c", "printf '%s|' \"$@\"", "sh", "a b", "" }, "a b||" },
	{ { "-l", "127.0.0.1:$2", "-l", "127.0.0.1:$1", "--", "$PROBE", "say", "two" }, "two" },
};

START_TEST(one_liner)
{
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .arguments = one_liners[_i].arguments });

	ask_many(1, NULL, one_liners[_i].reply, 3, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A reload has nothing to read again; it must not end the service. */
START_TEST(one_liner_reload)
{
	const char *arguments[] = { "-l", "127.0.0.1:$1", "--", "$PROBE", "say", "one", NULL };
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .arguments = arguments });

	daemon_signal(daemon, SIGHUP);
	ask_many(1, NULL, "one", 5, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- exit codes ---- */

static const struct {
	const char *words[10];
	int status;
	const char *told;
} calls[] = {
	{ { "--no-such-option" }, 64, "usage|Usage|--help" },
	{ { "-Z" }, 64, "usage|Usage|--help" },
	{ { "-c" }, 64, "-c|argument" },
	{ { "-l", "7007" }, 64, "command|COMMAND|program|usage|Usage" },
	{ { "-l", "7007", "--" }, 64, "command|COMMAND|program|usage|Usage" },
	{ { "-o", "instances=1", "--", "/bin/cat" }, 64, "-l|usage|Usage" },
	{ { "-l", "7007", "-c", "$DIR/good.ini", "--", "/bin/cat" }, 64, "-c|-l" },
	{ { "-c", "$DIR/good.ini", "extra" }, 64, "extra|argument" },
	{ { "-l", "99999", "--", "/bin/cat" }, 78, "99999|65535" },
	{ { "-l", "127.0.0.1:$1", "-o", "instnaces=3", "--", "/bin/cat" }, 78, "instances" },
	{ { "-l", "127.0.0.1:$1", "-o", "instances", "--", "/bin/cat" }, 78, "key=value" },
	{ { "-l", "127.0.0.1:$1", "--", "/no/such/program" }, 78, "/no/such/program" },
	{ { "-t", "-l", "127.0.0.1:$1", "--", "/bin/cat" }, 0, "" },
	{ { "-t", "-c", "$DIR/good.ini" }, 0, "" },
	{ { "-t", "-c", "$DIR/missing.ini" }, 78, "missing.ini" },
	{ { "-c", "$DIR/missing.ini" }, 78, "missing.ini" },
	{ { "-t", "-c", "$DIR" }, 78, "directory|regular" },
	{ { "-t", "-c", "$DIR/bad.ini" }, 78, "bad.ini:4: x.instances: " },
	{ { "-c", "$DIR/bad.ini" }, 78, "bad.ini:4: x.instances: " },
	{ { "-T", "-c", "$DIR/bad.ini" }, 78, "bad.ini:4: x.instances: " },
	{ { "-T", "-c", "$DIR/good.ini" }, 0, "^\\[good\\]" },
	{ { "keys" }, 0, "instances" },
	{ { "keys", "instances" }, 0, "instances" },
	{ { "keys", "instnaces" }, 64, "instances" },
	{ { "--help" }, 0, "-c" },
	{ { "-h" }, 0, "-c" },
	{ { "--version" }, 0, "usherd [0-9]" },
	{ { "-V" }, 0, "usherd [0-9]" },
};

START_TEST(exit_code)
{
	char *output;

	test_write("good.ini", 0644, "[good]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\n", true);
	test_write("bad.ini", 0644, "[x]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\ninstances = 1e3\n", true);
	int status = run_usherd(calls[_i].words, &output);
	char call[512] = "usherd";

	for (size_t i = 0; calls[_i].words[i] != NULL; i++)
		snprintf(call + strlen(call), sizeof(call) - strlen(call), " %s", calls[_i].words[i]);
	ck_assert_msg(status == calls[_i].status, "%s: exit %d, want %d; output:\n%s", call, status,
		      calls[_i].status, output);
	ck_assert_msg(calls[_i].told[0] == '\0' || has_match(output, calls[_i].told),
		      "%s: nothing matches \"%s\" in:\n%s", call, calls[_i].told, output);
}
END_TEST

/* ---- what -t says ---- */

/* All errors of all files in one run, each with its place; nothing is bound. */
START_TEST(all_errors_at_once)
{
	const char *words[] = { "-t", "-c", "$DIR/services.ini", NULL };
	char *output;

	mkdir(test_path("services.d"), 0755);
	test_write("services.d/more.ini", 0644, "[more]\nlisten = 0\nexec = /bin/cat\n", false);
	daemon_configure("[a]\nlisten = 127.0.0.1:$1\nexec = /no/such\ninstances = 4294967297\n"
			 "[b]\nlistne = $2\nexec = /bin/cat\nwait = maybe\n"
			 "[a]\nexec = /bin/cat\n");
	ck_assert_int_eq(run_usherd(words, &output), 78);
	ck_assert_match(output, "services\\.ini:3: a\\.exec: ");
	ck_assert_match(output, "services\\.ini:4: a\\.instances: ");
	ck_assert_match(output, "services\\.ini:6: b\\.listne: .*listen");
	ck_assert_match(output, "services\\.ini:8: b\\.wait: ");
	ck_assert_match(output, "services\\.ini:9: .*line 1|services\\.ini:9: .*:1");
	ck_assert_match(output, "more\\.ini:2: more\\.listen: ");
}
END_TEST

/* The comments name places in files, which differ. */
static char *without_comments(const char *text)
{
	char *result = NULL, *copy = strdup(text), *rest = copy, *line;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != ';')
			fprintf(out, "%s\n", line);
	fclose(out);
	free(copy);
	return result;
}

/* The effective configuration is a configuration: it gives itself. */
START_TEST(printed_configuration_is_stable)
{
	const char *first[] = { "-T", "-c", "$DIR/services.ini", NULL };
	const char *second[] = { "-T", "-c", "$DIR/printed.ini", NULL };
	char *output, *again;

	daemon_configure(
		"[usherd]\ndrain_timeout = 90s\n[defaults]\ninstances = 7\n"
		"[ports]\n$5 = cat\n$6/udp = /bin/cat -u\n"
		"[a]\nlisten = $1, [::1]:$2, unix:$DIR/s, unix:@x\nexec = /bin/sh -c 'echo \"a  b\"'\n"
		"env = X=1 'Y=a b' \"Z=\\\"\"\numask = 077\n");
	ck_assert_msg(run_usherd(first, &output) == 0, "%s", output);
	ck_assert_match(output, "^instances *= *7$");
	test_write("printed.ini", 0644, output, false);
	ck_assert_msg(run_usherd(second, &again) == 0, "%s\n--- from:\n%s", again, output);
	ck_assert_str_eq(without_comments(output), without_comments(again));
}
END_TEST

/* [ports]: a line is a service. */
START_TEST(one_line_services)
{
	struct daemon *daemon = daemon_start("[ports]\n$1 = $PROBE say stream\n$1/udp = $PROBE say datagram\n"
					     "127.0.0.1:$2 = cat\n");
	int fd = udp_connect("127.0.0.1", test_port(1));

	ask_many(1, NULL, "stream", 2, 0);
	ask_many(2, "echoed", "echoed", 2, 0);
	send_text(fd, "x");
	char *reply = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_str_eq(reply, "datagram");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* `disable = yes` is read and checked, and not served. */
START_TEST(disabled_service)
{
	struct daemon *daemon =
		daemon_start("[a]\nlisten = 127.0.0.1:$1\nexec = $PROBE say a\n"
			     "[b]\nlisten = 127.0.0.1:$2\nexec = $PROBE say b\ndisable = yes\n");

	ask_many(1, NULL, "a", 1, 0);
	ck_assert_int_lt(tcp_try("127.0.0.1", test_port(2)), 0);
	daemon_stop(daemon);
}
END_TEST

/* Strict numbers: what is not a plain number in range is an error (F57). */
static const char *const wrong_numbers[] = {
	"",
	"0",
	"-1",
	"+1",
	"1e3",
	"0x10",
	"4294967297",
	"18446744073709551617",
	"9223372036854775808",
	"5x",
	"NaN",
	"1e400",
	"1.5",
	"5 5",
	"١",
};

START_TEST(strict_number)
{
	const char *words[] = { "-t", "-c", "$DIR/services.ini", NULL };
	char config[256], *output;

	snprintf(config, sizeof(config), "[x]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\ninstances = %s\n",
		 wrong_numbers[_i]);
	daemon_configure(config);
	int status = run_usherd(words, &output);

	ck_assert_msg(status == 78, "instances = %s: exit %d: %s", wrong_numbers[_i], status, output);
	ck_assert_match(output, "services.ini:4: x.instances: ");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("command");
	TCase *one = harness_case(suite, "one", 60);

	tcase_add_loop_test(one, one_liner, 0, (int)(sizeof(one_liners) / sizeof(one_liners[0])));
	tcase_add_test(one, one_liner_reload);
	tcase_add_test(one, one_line_services);
	tcase_add_test(one, disabled_service);

	TCase *check = harness_case(suite, "check", 60);

	tcase_add_loop_test(check, exit_code, 0, (int)(sizeof(calls) / sizeof(calls[0])));
	tcase_add_test(check, all_errors_at_once);
	tcase_add_test(check, printed_configuration_is_stable);
	tcase_add_loop_test(check, strict_number, 0, (int)(sizeof(wrong_numbers) / sizeof(wrong_numbers[0])));
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
