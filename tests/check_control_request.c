/* check_control_request.c - lines of control clients: what is understood, and in which words the
 * rest is refused. */
#include "base.h"
#include "control-request.h"
#include "run.h"

#include <errno.h>
#include <string.h>

#define A256                                                                                                 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct good {
	const char *line;
	enum control_verb_name verb;
	const char *first, *second;
	unsigned options;
	const char *service, *address, *level;
} good[] = {
	{ .line = "status", .verb = CONTROL_VERB_STATUS },
	{ .line = "  status  ", .verb = CONTROL_VERB_STATUS },
	{ .line = "'status'", .verb = CONTROL_VERB_STATUS },
	{ .line = "services", .verb = CONTROL_VERB_SERVICES },
	{ .line = "services git", .verb = CONTROL_VERB_SERVICES, .first = "git" },
	{ .line = "services \"a b\"", .verb = CONTROL_VERB_SERVICES, .first = "a b" },
	{ .line = "services \xc3\xa4", .verb = CONTROL_VERB_SERVICES, .first = "\xc3\xa4" },
	{ .line = "services '\xe2\x82\xac \xf0\x9f\x98\x80'",
	  .verb = CONTROL_VERB_SERVICES,
	  .first = "\xe2\x82\xac \xf0\x9f\x98\x80" },
	{ .line = "services -x", .verb = CONTROL_VERB_SERVICES, .first = "-x" },
	{ .line = "services a'|'b", .verb = CONTROL_VERB_SERVICES, .first = "a|b" },
	{ .line = "explain 192.0.2.7 git",
	  .verb = CONTROL_VERB_EXPLAIN,
	  .first = "192.0.2.7",
	  .second = "git" },
	{ .line = "explain uid:0 git", .verb = CONTROL_VERB_EXPLAIN, .first = "uid:0", .second = "git" },
	{ .line = "ban 2001:db8::/32", .verb = CONTROL_VERB_BAN, .first = "2001:db8::/32" },
	{ .line = "ban 192.0.2.7 10m", .verb = CONTROL_VERB_BAN, .first = "192.0.2.7", .second = "10m" },
	{ .line = "renew web", .verb = CONTROL_VERB_RENEW, .first = "web" },
	{ .line = "kill 17 --now", .verb = CONTROL_VERB_KILL, .first = "17", .options = CONTROL_NOW },
	{ .line = "kill --now 17", .verb = CONTROL_VERB_KILL, .first = "17", .options = CONTROL_NOW },
	{ .line = "stop --now", .verb = CONTROL_VERB_STOP, .options = CONTROL_NOW },
	{ .line = "reload --dry-run", .verb = CONTROL_VERB_RELOAD, .options = CONTROL_DRY_RUN },
	{ .line = "tail --service=git --address=192.0.2.0/24 --level=debug",
	  .verb = CONTROL_VERB_TAIL,
	  .options = CONTROL_SERVICE | CONTROL_ADDRESS | CONTROL_LEVEL,
	  .service = "git",
	  .address = "192.0.2.0/24",
	  .level = "debug" },
	{ .line = "tail '--service=a b'",
	  .verb = CONTROL_VERB_TAIL,
	  .options = CONTROL_SERVICE,
	  .service = "a b" },
	{ .line = "tail --service==", .verb = CONTROL_VERB_TAIL, .options = CONTROL_SERVICE, .service = "=" },
	{ .line = "loglevel", .verb = CONTROL_VERB_LOGLEVEL },
	{ .line = "loglevel debug", .verb = CONTROL_VERB_LOGLEVEL, .first = "debug" },
};

static const struct bad {
	const char *line, *advice;
} bad[] = {
	{ "", "empty" },
	{ "   ", "empty" },
	{ "\\", "quotes" },
	{ "''", "unknown request ''" },
	{ "statu", "did you mean 'status'" },
	{ "STATUS", "did you mean 'status'" },
	{ "xyzzy", "usherctl --help" },
	{ A256, "unknown request" },
	{ "status now", "'status' takes no argument" },
	{ "show", "too few arguments; write show SERVICE" },
	{ "show a b", "too many arguments; write show SERVICE" },
	{ "services a b c d e f g", "too many arguments" },
	{ "explain 192.0.2.7", "too few arguments; write explain ADDR SERVICE" },
	{ "services ''", "an argument of 'services' is empty" },
	{ "top", "usherctl does 'top' by itself" },
	{ "status --json", "unknown option '--json' of 'status'" },
	{ "status --", "unknown option '--'" },
	{ "status --=", "unknown option '--='" },
	{ "status --now", "'status' has no option --now" },
	{ "stop --no", "unknown option '--no'" },
	{ "stop --nowx", "unknown option '--nowx'" },
	{ "stop --now=yes", "--now takes no value" },
	{ "stop --now=", "--now takes no value" },
	{ "stop --now --now", "--now is there twice" },
	{ "tail --service", "write --service=VALUE" },
	{ "tail --service=", "write --service=VALUE" },
	{ "tail --service=a --service=b", "--service is there twice" },
	{ "tail --service git", "write --service=VALUE" },
	{ "show 'git", "quotes" },
	{ "show git; reload", "quotes" },
	{ "show $HOME", "quotes" },
	{ "show a\\", "quotes" },
	{ "status\r", "byte 7 of the request is a control character" },
	{ "show\tgit", "byte 5 of the request is a control character" },
	{ "show\ngit", "byte 5 of the request is a control character" },
	{ "\x7f", "byte 1 of the request is a control character" },
	{ "show \xc2\x9b", "byte 6 of the request is a control character" },
	{ "show \xff", "byte 6 of the request is not UTF-8" },
	{ "show \xc3", "byte 6 of the request is not UTF-8" },
	{ "show \xc0\xaf", "byte 6 of the request is not UTF-8" },
	{ "show \xe0\x80\xaf", "byte 6 of the request is not UTF-8" },
	{ "show \xed\xa0\x80", "byte 6 of the request is not UTF-8" },
	{ "show \xf4\x90\x80\x80", "byte 6 of the request is not UTF-8" },
	{ "show \xf8\x88\x80\x80\x80", "byte 6 of the request is not UTF-8" },
	{ "show \x80", "byte 6 of the request is not UTF-8" },
};

static void check_text(const char *line, const char *what, const char *found, const char *expected)
{
	if (expected == NULL)
		ck_assert_msg(found == NULL, "<%s>: %s is <%s>", line, what, found);
	else
		ck_assert_msg(found != NULL && strcmp(found, expected) == 0, "<%s>: %s is <%s>", line, what,
			      found);
}

START_TEST(test_good)
{
	const struct good *row = &good[_i];
	char reason[CONTROL_REASON_MAX] = "untouched";
	struct control_request request;

	memset(&request, 0xa5, sizeof(request));
	ck_assert_msg(control_request_parse(row->line, strlen(row->line), &request, reason) == 0, "<%s>: %s",
		      row->line, reason);
	ck_assert_int_eq(request.verb, row->verb);
	ck_assert_uint_eq(request.argument_count, (size_t)(row->first != NULL) + (row->second != NULL));
	check_text(row->line, "the first argument", request.arguments[0], row->first);
	check_text(row->line, "the second argument", request.arguments[1], row->second);
	ck_assert_uint_eq(request.options, row->options);
	check_text(row->line, "--service", request.service, row->service);
	check_text(row->line, "--address", request.address, row->address);
	check_text(row->line, "--level", request.level, row->level);
	ck_assert_str_eq(reason, "untouched");
}
END_TEST

static void check_refused(const char *line, size_t length, const char *advice)
{
	char reason[CONTROL_REASON_MAX] = "";
	struct control_request request;

	ck_assert_msg(control_request_parse(line, length, &request, reason) == -EINVAL, "<%s> is accepted",
		      line);
	ck_assert_msg(strstr(reason, advice) != NULL, "<%s>: '%s' lacks '%s'", line, reason, advice);
}

START_TEST(test_bad)
{
	check_refused(bad[_i].line, strlen(bad[_i].line), bad[_i].advice);
}
END_TEST

START_TEST(test_zero)
{
	check_refused("\0", 1, "byte 1 of the request is a control character");
	check_refused("sta\0tus", 7, "byte 4 of the request is a control character");
	check_refused("status\0", 7, "byte 7 of the request is a control character");
}
END_TEST

/* The longest line there is, and one that is longer. */
START_TEST(test_length)
{
	char line[CONTROL_LINE_MAX + 1], reason[CONTROL_REASON_MAX];
	struct control_request request;

	memset(line, 'x', sizeof(line));
	memcpy(line, "services ", 9);
	ck_assert_int_eq(control_request_parse(line, CONTROL_LINE_MAX - 1, &request, reason), 0);
	ck_assert_uint_eq(strlen(request.arguments[0]), CONTROL_LINE_MAX - 1 - 9);
	ck_assert_int_eq(control_request_parse(line, CONTROL_LINE_MAX, &request, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "too long"));

	/* one-letter words, of which each takes its NUL */
	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = i % 2 == 0 ? 'x' : ' ';
	memcpy(line, "services ", 9);
	ck_assert_int_eq(control_request_parse(line, CONTROL_LINE_MAX - 1, &request, reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "too many arguments"));
}
END_TEST

/* Each row of the table has what the others say of it. */
START_TEST(test_table)
{
	const struct control_verb *verb = &control_verbs[_i];

	ck_assert_ptr_nonnull(verb->word);
	ck_assert_uint_gt(strlen(verb->purpose), 10);
	ck_assert(verb->rights == CONTROL_READ || verb->rights == CONTROL_ALL ||
		  verb->rights == CONTROL_CLIENT);
	ck_assert((verb->most == 0) == (*verb->arguments == '\0'));
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(verb->word, control_verbs[i].word);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("control_request");
	TCase *parse = tcase_create("parse");

	tcase_add_loop_test(parse, test_good, 0, ELEMENTS(good));
	tcase_add_loop_test(parse, test_bad, 0, ELEMENTS(bad));
	tcase_add_test(parse, test_zero);
	tcase_add_test(parse, test_length);
	tcase_add_loop_test(parse, test_table, 0, CONTROL_VERBS);
	suite_add_tcase(suite, parse);
	return suite;
}

RUN_SUITE(make_suite)
