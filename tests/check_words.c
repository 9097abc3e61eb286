/* check_words.c - commands split as a shell would split them; what only a shell
 * could do is refused. The good rows are also given to /bin/sh, so that the
 * table cannot agree with our own mistake. */
#include "arena.h"
#include "base.h"
#include "run.h"
#include "words.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#define WORDS_MAX 8

static const struct good {
	const char *text;
	const char *words[WORDS_MAX + 1];
} good[] = {
	{ "a", { "a" } },
	{ "a b c", { "a", "b", "c" } },
	{ "  a \t b  ", { "a", "b" } },
	{ "'a b' c", { "a b", "c" } },
	{ "\"a b\" c", { "a b", "c" } },
	{ "a'b'\"c\"d", { "abcd" } },
	{ "''", { "" } },
	{ "a '' \"\" b", { "a", "", "", "b" } },
	{ "a''", { "a" } },
	{ "a\\ b", { "a b" } },
	{ "\\a", { "a" } },
	{ "a\\\\b", { "a\\b" } },
	{ "\\'", { "'" } },
	{ "\\\"", { "\"" } },
	{ "'\\'", { "\\" } },
	{ "'a\"b'", { "a\"b" } },
	{ "\"a'b\"", { "a'b" } },
	{ "\"\\\"\"", { "\"" } },
	{ "\"\\\\\"", { "\\" } },
	{ "\"\\$x\"", { "$x" } },
	{ "\"\\`\"", { "`" } },
	{ "\"\\n\"", { "\\n" } },
	{ "\"\\'\"", { "\\'" } },
	{ "'it'\\''s'", { "it's" } },
	{ "'$HOME `id` | & ; < > ( )'", { "$HOME `id` | & ; < > ( )" } },
	{ "\"| & ; < > ( )\"", { "| & ; < > ( )" } },
	{ "\\| \\& \\; \\< \\> \\( \\)", { "|", "&", ";", "<", ">", "(", ")" } },
	{ "\\$x \\`", { "$x", "`" } },
	{ "a$", { "a$" } },
	{ "a $ b", { "a", "$", "b" } },
	{ "\"a$\"", { "a$" } },
	{ "$/x", { "$/x" } },
	{ "\"$'x'\"", { "$'x'" } },
	{ "a=b c=d", { "a=b", "c=d" } },
	{ "a#b", { "a#b" } },
	{ "a\\\nb", { "ab" } },
	{ "a \\\n b", { "a", "b" } },
	{ "\"a\\\nb\"", { "ab" } },
	{ "'a\\\nb'", { "a\\\nb" } },
	{ "'a\nb'", { "a\nb" } },
	{ "\xc3\xa4 \xff", { "\xc3\xa4", "\xff" } },
	{ "\\\n a", { "a" } },
	{ "/bin/sh -c 'a | b >c; $d'", { "/bin/sh", "-c", "a | b >c; $d" } },
};

/* Here a shell would do more: end a command, glob, expand ~ or take a comment. */
static const struct good literal[] = {
	{ "a\nb", { "a", "b" } },  { "/*", { "/*" } },	       { "~ {a,b} !", { "~", "{a,b}", "!" } },
	{ "a #b", { "a", "#b" } }, { "[a-z]?", { "[a-z]?" } },
};

static const struct bad {
	const char *text, *advice;
} bad[] = {
	{ "", "empty" },
	{ " \t ", "empty" },
	{ "\\\n", "empty" },
	{ "'", "closing ' is missing" },
	{ "a 'b", "closing ' is missing" },
	{ "\"", "closing \" is missing" },
	{ "a \"b\\\"", "closing \" is missing" },
	{ "\"a\\", "closing \" is missing" },
	{ "\\", "a backslash ends the command" },
	{ "a b\\", "a backslash ends the command" },
	{ "a | b", "'|'" },
	{ "a|b", "'|'" },
	{ "a & b", "'&'" },
	{ "a && b", "'&'" },
	{ "a; b", "';'" },
	{ "a < b", "'<'" },
	{ "a > b", "'>'" },
	{ "a 2>&1", "'>'" },
	{ "(a)", "'('" },
	{ "a )", "')'" },
	{ "`a`", "'`'" },
	{ "a \"`b`\"", "'`'" },
	{ "a $HOME", "'$HOME'" },
	{ "a \"$HOME\"", "'$HOME'" },
	{ "a ${HOME}", "'${'" },
	{ "a \"${HOME}\"", "'${'" },
	{ "a $(b)", "'$('" },
	{ "a $1", "'$1'" },
	{ "a $$", "'$$'" },
	{ "a $?", "'$?'" },
	{ "a \"$@\"", "'$@'" },
	{ "a $'b'", "'$''" },
	{ "a $aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "no shell runs this command" },
};

static struct arena *arena;

static void set_up(void)
{
	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
}

static void tear_down(void)
{
	arena_free(arena);
}

static void check_row(const struct good *row)
{
	char reason[256] = "untouched", **words = NULL;
	size_t count = 0, expected = 0;

	while (row->words[expected] != NULL)
		expected++;
	ck_assert_msg(words_split(row->text, arena, &words, &count, reason, sizeof(reason)) == 0, "<%s>: %s",
		      row->text, reason);
	ck_assert_msg(count == expected, "<%s>: %zu words", row->text, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(strcmp(words[i], row->words[i]) == 0, "<%s>: <%s>", row->text, words[i]);
	ck_assert_ptr_null(words[count]);
	ck_assert_str_eq(reason, "untouched");
}

START_TEST(test_good)
{
	check_row(&good[_i]);
}
END_TEST

START_TEST(test_literal)
{
	check_row(&literal[_i]);
}
END_TEST

/* What `printf '[%s]' WORDS` of a real shell prints. */
static void ask_shell(const char *text, char *answer, size_t size)
{
	int ends[2], status;
	size_t length = 0;
	char *script;
	ssize_t got;
	pid_t pid;

	ck_assert_int_gt(asprintf(&script, "printf '[%%s]' %s", text), 0);
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(127);
	}
	close(ends[1]);
	while (length + 1 < size && (got = read(ends[0], answer + length, size - length - 1)) > 0)
		length += (size_t)got;
	answer[length] = '\0';
	close(ends[0]);
	free(script);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "<%s>: the shell failed", text);
}

START_TEST(test_as_the_shell)
{
	char expected[1024] = "", answer[1024];
	const struct good *row = &good[_i];

	for (size_t i = 0; row->words[i] != NULL; i++) {
		strcat(expected, "[");
		strcat(expected, row->words[i]);
		strcat(expected, "]");
	}
	ask_shell(row->text, answer, sizeof(answer));
	ck_assert_msg(strcmp(answer, expected) == 0, "<%s>: the shell says %s, the table %s", row->text,
		      answer, expected);
}
END_TEST

START_TEST(test_bad)
{
	const struct bad *row = &bad[_i];
	char reason[256] = "", **words = NULL;
	size_t count = 77;

	ck_assert_msg(words_split(row->text, arena, &words, &count, reason, sizeof(reason)) == -EINVAL,
		      "<%s> is accepted", row->text);
	ck_assert_ptr_null(words);
	ck_assert_uint_eq(count, 77);
	ck_assert_msg(strstr(reason, row->advice) != NULL, "<%s>: '%s' lacks '%s'", row->text, reason,
		      row->advice);
}
END_TEST

START_TEST(test_advice)
{
	char reason[256], **words;
	size_t count;

	ck_assert_int_eq(words_split("a | b", arena, &words, &count, reason, sizeof(reason)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "no shell runs this command"));
	ck_assert_ptr_nonnull(strstr(reason, "exec = /bin/sh -c '...'"));
}
END_TEST

/* As many words as fit a line of the file, and one word that fills it. */
START_TEST(test_long)
{
	enum { LENGTH = 65535 };
	char reason[256], **words, *text = malloc(LENGTH + 1);
	size_t count;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < LENGTH; i++)
		text[i] = i % 2 == 0 ? 'a' : ' ';
	text[LENGTH] = '\0';
	ck_assert_int_eq(words_split(text, arena, &words, &count, reason, sizeof(reason)), 0);
	ck_assert_uint_eq(count, (LENGTH + 1) / 2);
	ck_assert_str_eq(words[count - 1], "a");
	ck_assert_ptr_null(words[count]);
	memset(text, 'a', LENGTH);
	ck_assert_int_eq(words_split(text, arena, &words, &count, reason, sizeof(reason)), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(words[0], text);
	free(text);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("words");
	TCase *split = tcase_create("split");

	tcase_add_checked_fixture(split, set_up, tear_down);
	tcase_add_loop_test(split, test_good, 0, ELEMENTS(good));
	tcase_add_loop_test(split, test_literal, 0, ELEMENTS(literal));
	tcase_add_loop_test(split, test_as_the_shell, 0, ELEMENTS(good));
	tcase_add_loop_test(split, test_bad, 0, ELEMENTS(bad));
	tcase_add_test(split, test_advice);
	tcase_add_test(split, test_long);
	suite_add_tcase(suite, split);
	return suite;
}

RUN_SUITE(make_suite)
