/* check_options.c - command lines and what they mean, a row each. */
#include "options.h"

#include "base.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define WORDS 12

static const struct {
	const char *words[WORDS]; /* after "usherd" */
	enum options_action action;
	bool background;
	const char *conf_path;                /* NULL: the default */
	const char *listens[3], *settings[3]; /* in order */
	const char *command;                  /* the first word of it, or NULL */
	const char *argument;
} good[] = {
	{ { NULL }, .action = OPTIONS_SERVE },
	{ { "-f" }, .action = OPTIONS_SERVE },
	{ { "-d" }, .action = OPTIONS_SERVE, .background = true },
	{ { "-d", "-f" }, .action = OPTIONS_SERVE },
	{ { "-f", "--daemon" }, .action = OPTIONS_SERVE, .background = true },
	{ { "-c", "x.ini" }, .action = OPTIONS_SERVE, .conf_path = "x.ini" },
	{ { "--config=x.ini" }, .action = OPTIONS_SERVE, .conf_path = "x.ini" },
	{ { "-c", "x.ini", "-c", "y.ini" }, .action = OPTIONS_SERVE, .conf_path = "y.ini" },
	{ { "-t" }, .action = OPTIONS_TEST },
	{ { "-t", "-c", "x.ini" }, .action = OPTIONS_TEST, .conf_path = "x.ini" },
	{ { "-T" }, .action = OPTIONS_PRINT },
	{ { "--print", "--config", "x.ini" }, .action = OPTIONS_PRINT, .conf_path = "x.ini" },
	{ { "-h" }, .action = OPTIONS_HELP },
	{ { "--help" }, .action = OPTIONS_HELP },
	{ { "-V" }, .action = OPTIONS_VERSION },
	{ { "-l", "7007", "--", "cat" }, .action = OPTIONS_SERVE, .listens = { "7007" }, .command = "cat" },
	{ { "-l", "7007", "cat", "-n" }, .action = OPTIONS_SERVE, .listens = { "7007" }, .command = "cat" },
	{ { "-l", "7007", "--", "-x" }, .action = OPTIONS_SERVE, .listens = { "7007" }, .command = "-x" },
	{ { "-l", "1", "-l", "2", "-o", "a=1", "-o", "b=2", "--", "cat", "-t" },
	  .action = OPTIONS_SERVE,
	  .listens = { "1", "2" },
	  .settings = { "a=1", "b=2" },
	  .command = "cat" },
	{ { "-d", "-l", "1", "--", "cat" },
	  .action = OPTIONS_SERVE,
	  .background = true,
	  .listens = { "1" },
	  .command = "cat" },
	{ { "-T", "-l", "1", "--", "cat" }, .action = OPTIONS_PRINT, .listens = { "1" }, .command = "cat" },
	{ { "keys" }, .action = OPTIONS_KEYS },
	{ { "keys", "wait" }, .action = OPTIONS_KEYS, .argument = "wait" },
	{ { "keys", "--generate=man" }, .action = OPTIONS_GENERATE, .argument = "man" },
	{ { "keys", "--generate", "man" }, .action = OPTIONS_GENERATE, .argument = "man" },
};

static const char *const bad[][WORDS] = {
	{ "-x" },
	{ "--nosuch" },
	{ "-c" },
	{ "-l" },
	{ "word" },
	{ "--", "word" },
	{ "-c", "x.ini", "word" },
	{ "-t", "word" },
	{ "-T", "word" },
	{ "-l", "7007" },
	{ "-l", "7007", "--" },
	{ "-t", "-l", "7007" },
	{ "-l", "7007", "-c", "x.ini", "--", "cat" },
	{ "-c", "x.ini", "-l", "7007", "--", "cat" },
	{ "-o", "a=1" },
	{ "-o", "a=1", "-c", "x.ini" },
	{ "-d", "-t" },
	{ "-T", "-d" },
	{ "--generate=man" },
	{ "keys", "a", "b" },
	{ "keys", "--nosuch" },
};

static int parse(const char *const *words, struct options *ret_options)
{
	static char copies[WORDS][32];
	static char *argv[WORDS + 2];
	static char name[] = "usherd";
	int argc = 0;

	argv[argc++] = name;
	for (; words[argc - 1] != NULL; argc++) {
		snprintf(copies[argc - 1], sizeof(copies[0]), "%s", words[argc - 1]);
		argv[argc] = copies[argc - 1];
	}
	argv[argc] = NULL;
	return options_parse(argc, argv, ret_options);
}

static void check_list(const char *const *expected, const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(items[i], expected[i]);
	ck_assert_ptr_null(expected[count]);
}

START_TEST(accepted)
{
	struct options options;

	ck_assert_int_eq(parse(good[_i].words, &options), 0);
	ck_assert_int_eq(options.action, good[_i].action);
	ck_assert_int_eq(options.background, good[_i].background);
	ck_assert_str_eq(options.conf_path,
			 good[_i].conf_path != NULL ? good[_i].conf_path : SYSCONFDIR "/usherd/services.ini");
	check_list(good[_i].listens, options.listens, options.listen_count);
	check_list(good[_i].settings, options.settings, options.setting_count);
	ck_assert_pstr_eq(options.command != NULL ? options.command[0] : NULL, good[_i].command);
	ck_assert_pstr_eq(options.argument, good[_i].argument);
	ck_assert_ptr_null(options.services_directory);
	options_free(&options);
}
END_TEST

/* Refused with a sentence on stderr; nothing is handed out. */
START_TEST(refused)
{
	FILE *said = tmpfile();
	char text[512] = "";
	struct options options;
	int before = dup(STDERR_FILENO), r;

	memset(&options, 0xa5, sizeof(options));
	dup2(fileno(said), STDERR_FILENO);
	r = parse(bad[_i], &options);
	dup2(before, STDERR_FILENO);
	close(before);
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_uint_eq(((unsigned char *)&options)[0], 0xa5);
	ck_assert_int_gt(pread(fileno(said), text, sizeof(text) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(text, "usherd"));
	ck_assert_ptr_nonnull(strstr(text, "--help"));
	fclose(said);
}
END_TEST

START_TEST(services_directory)
{
	const char *const words[] = { "--services-dir", "/srv", NULL };
	struct options options;

	ck_assert_int_eq(parse(words, &options), 0);
	ck_assert_str_eq(options.services_directory, "/srv");
	options_free(&options);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");

	tcase_add_loop_test(tests, accepted, 0, ELEMENTS(good));
	tcase_add_loop_test(tests, refused, 0, ELEMENTS(bad));
	tcase_add_test(tests, services_directory);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
