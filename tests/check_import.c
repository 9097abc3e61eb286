/* check_import.c - what every importer stands on: names of sections, keys and what they can hold, words, the report,
 * lines. What is written is read again by our own parser. */
#include "import_help.h"

#include "arena.h"
#include "conf-read.h"
#include "import-internal.h"
#include "words.h"

static const struct import_where here = { INPUT, 1 };

/* ---- names ---- */

static const struct {
	const char *wanted, *name;
} names[] = {
	{ "echo", "echo" },
	{ "a.b_c-d", "a.b_c-d" },
	{ "a b/c", "a-b-c" },
	{ "-a", "a" },
	{ "//a", "a" },
	{ ".a", ".a" },
	{ "a--", "a" },
	{ "a]\n[b", "a---b" },
	{ "", "service" },
	{ "///", "service" },
	{ "\xc3\xa4", "service" },
	{ "a\xc3\xa4", "a" },
	{ "usherd", "service-usherd" },
	{ "USHERD", "service-USHERD" },
	{ "defaults", "service-defaults" },
	{ "default", "service-default" },
	{ "port", "service-port" },
	{ "ports", "service-ports" },
	{ "usherd1", "service-usherd1" },
	{ "0123456789012345678901234567890123456789", "012345678901234567890123456789012345" },
};

START_TEST(name_becomes)
{
	struct import *import = import_new();

	ck_assert_str_eq(import_name(import_add(import, names[_i].wanted, here)), names[_i].name);
	import_free(import);
}
END_TEST

START_TEST(names_are_told_apart)
{
	static const char *const wanted[] = { "a", "a", "A", "a-2", "a" };
	static const char *const expected[] = { "a", "a-2", "A-3", "a-2-2", "a-4" };
	struct import *import = import_new();

	for (size_t i = 0; i < ELEMENTS(wanted); i++)
		ck_assert_str_eq(import_name(import_add(import, wanted[i], here)), expected[i]);
	import_free(import);
}
END_TEST

/* Names that share a place of the table of names are told apart as well; each number is tried once. */
START_TEST(many_names)
{
	struct import *import = import_new();
	struct import_service *service = NULL;
	char expected[32];

	for (unsigned i = 0; i < 20000; i++)
		service = import_add(import, i % 2 == 0 ? "x" : "y", here);
	ck_assert_str_eq(import_name(service), "y-10000");
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(expected, sizeof(expected), "n%u", i);
		ck_assert_str_eq(import_name(import_add(import, expected, here)), expected);
	}
	import_free(import);
}
END_TEST

START_TEST(dropped_sections)
{
	struct import *import = import_new();
	struct import_service *first = import_add(import, "a", here), *second = import_add(import, "b", here);
	struct import_service *third = import_add(import, "c", here);

	import_drop(second);
	ck_assert_ptr_eq(import_next(import, NULL), first);
	ck_assert_ptr_eq(import_next(import, first), third);
	ck_assert_ptr_null(import_next(import, third));
	import_drop(first);
	ck_assert_ptr_eq(import_next(import, NULL), third);
	_cleanup_free_ char *text = written(import);

	ck_assert(has_line(text, "[c]") && strstr(text, "[a]") == NULL && strstr(text, "[b]") == NULL);
	ck_assert_str_eq(import_name(import_add(import, "b", here)), "b-2");
	import_free(import);
}
END_TEST

/* ---- keys ---- */

START_TEST(sections_as_written)
{
	static const char expected[] = "; test\n\n[defaults]\nwhen_full = refuse\n\n; why\n; and ?how\n; from input:7\n[a]\n"
				       "listen  = 7, 8\n; off\ndisable = yes\n\n; from ?:2\n[b]\n";
	struct import *import = import_new();
	struct import_service *service;

	import_set(import_defaults(import), "when_full", "refuse");
	service = import_add(import, "a", (struct import_where){ INPUT, 7 });
	import_append(service, "listen", "7");
	import_append(service, "listen", "8");
	import_append(service, "listen", "7");
	import_set(service, "wait", "yes");
	import_set(service, "wait", NULL);
	import_set(service, "nothing", NULL);
	import_setf(service, "disable", "%s", "no");
	import_set(service, "disable", "yes");
	import_comment(service, "disable", "off");
	import_comment(service, NULL, "why");
	import_comment(service, NULL, "and %show", "\t");
	import_add(import, "b", (struct import_where){ "\n", 2 });
	_cleanup_free_ char *text = written(import);

	ck_assert_str_eq(text, expected);
	ck_assert_str_eq(import_get(service, "listen"), "7, 8");
	ck_assert_ptr_null(import_get(service, "wait"));
	import_free(import);
}
END_TEST

static const struct {
	const char *list, *item, *becomes;
} items[] = {
	{ "", "a", "a" },         { "a", "a", "a" },           { "a", "b", "a, b" },      { "ab", "a", "ab, a" },
	{ "ba", "a", "ba, a" },   { "b, a", "a", "b, a" },     { "a, b", "a", "a, b" },   { "[::1]:7", "7", "[::1]:7, 7" },
	{ "ab, a", "a", "ab, a" },
};

START_TEST(item_is_appended)
{
	struct import *import = import_new();
	struct import_service *service = import_add(import, "a", here);

	import_set(service, "listen", items[_i].list);
	import_append(service, "listen", items[_i].item);
	ck_assert_str_eq(import_get(service, "listen"), items[_i].becomes);
	import_free(import);
}
END_TEST

/* ---- values ---- */

static const struct {
	const char *value, *reason; /* NULL: it can be held */
} values[] = {
	{ "a", NULL },
	{ "", NULL },
	{ "a\tb", NULL },
	{ "a;b", NULL },
	{ "'a'\\;'b'", NULL },
	{ "\xc3\xa4\xff", NULL },
	{ "a\nb", "0x0a" },
	{ "a\n[b]", "0x0a" },
	{ "a\rb", "carriage return" },
	{ "a\x1b[0m", "0x1b" },
	{ "a\x7f", "0x7f" },
	{ "a ; b", "comment" },
	{ "; b", "comment" },
	{ "'a ; b'", "' ;' inside quotes" },
};

START_TEST(value_is_held_or_told)
{
	struct import *import = import_new();
	struct import_service *service = import_add(import, "a", here);
	bool held = values[_i].reason == NULL;
	char class[32];

	import_tell(import, here, IMPORT_EXACT, "%s", "");
	import_set(service, "description", "before");
	if (_i % 2 == 0)
		import_set(service, "description", values[_i].value);
	else
		import_setf(service, "description", "%s", values[_i].value);
	_cleanup_free_ char *report = reported(import);

	ck_assert_str_eq(class_of(import, 1, class), held ? "exact" : "unsupported");
	if (held) {
		ck_assert_str_eq(import_get(service, "description"), values[_i].value);
		ck_assert_ptr_null(import_get(service, "disable"));
	} else {
		ck_assert_ptr_null(import_get(service, "description"));
		ck_assert_str_eq(import_get(service, "disable"), "yes");
		ck_assert_msg(strstr(report, values[_i].reason) != NULL && strstr(report, "description") != NULL, "%s", report);
	}
	import_free(import);
}
END_TEST

START_TEST(defaults_that_cannot_be_held)
{
	struct import *import = import_new();
	struct import_service *defaults = import_defaults(import);
	char class[32];

	import_tell(import, (struct import_where){ INPUT, 3 }, IMPORT_EXACT, "%s", "");
	import_set(defaults, "allow", "10.0.0.0/8");
	import_set(defaults, "env", "\n");
	ck_assert_ptr_null(import_get(defaults, "allow"));
	ck_assert_str_eq(import_get(defaults, "deny"), "all");
	ck_assert_ptr_null(import_get(defaults, "disable"));
	ck_assert_str_eq(class_of(import, 1, class), "unsupported");
	import_free(import);
}
END_TEST

/* A line of services.ini has 65,536 bytes. */
START_TEST(long_values)
{
	static char text[IMPORT_VALUE_MAX + 2];
	struct import *import = import_new();
	struct import_service *service = import_add(import, "a", here);
	const char *words[] = { text };

	memset(text, 'a', IMPORT_VALUE_MAX);
	import_set(service, "description", text);
	ck_assert_uint_eq(strlen(import_get(service, "description")), IMPORT_VALUE_MAX);
	ck_assert(import_set_words(service, "exec", words, 1));
	import_append(service, "listen", text);
	import_append(service, "listen", "b"); /* no room */
	ck_assert_ptr_null(import_get(service, "listen"));
	import_append(service, "listen", "c");
	ck_assert_ptr_null(import_get(service, "listen"));
	ck_assert_str_eq(import_get(service, "disable"), "yes");
	text[IMPORT_VALUE_MAX] = 'a';
	import_set(service, "description", text);
	ck_assert_ptr_null(import_get(service, "description"));
	ck_assert(!import_set_words(service, "exec", words, 1));
	ck_assert_uint_eq(strlen(import_get(service, "exec")), IMPORT_VALUE_MAX);
	ck_assert_uint_eq(import_count(import, IMPORT_UNSUPPORTED), 1);
	import_set(service, "listen", "7"); /* the whole of it anew */
	ck_assert_str_eq(import_get(service, "listen"), "7");
	import_free(import);
}
END_TEST

/* ---- words ---- */

static const struct {
	const char *words[4], *value;
} commands[] = {
	{ { "/bin/cat" }, "/bin/cat" },
	{ { "/bin/echo", "a b", "" }, "/bin/echo 'a b' ''" },
	{ { "it's" }, "\"it's\"" },
	{ { "'\"\\$`" }, "\"'\\\"\\\\\\$\\`\"" },
	{ { "\"\\$`" }, "'\"\\$`'" },
	{ { "a ;b" }, "'a '\\;'b'" },
	{ { "a\t;b" }, "'a\t'\\;'b'" },
	{ { "'a ;b" }, "\"'a \"\\;\"b\"" },
	{ { ";", "#", "*" }, "';' '#' '*'" },
	{ { "a;", ";b" }, "'a;' ';b'" },
	{ { " ;", " ; ; " }, "' '\\;'' ' '\\;' '\\;' '" },
	{ { "--x=%h,/a:b@c+d" }, "--x=%h,/a:b@c+d" },
	{ { "$HOME", "~", "&" }, "'$HOME' '~' '&'" },
	{ { "a\\", "\\" }, "'a\\' '\\'" },
	{ { "\xff\xc3" }, "'\xff\xc3'" },
	{ { "a\nb" }, NULL },
	{ { "a", "\r" }, NULL },
	{ { "\x01" }, NULL },
};

static int found_section(void *context, const char *name, unsigned line)
{
	(void)context, (void)line;
	ck_assert_str_eq(name, "a");
	return 0;
}

static int found_pair(void *context, const char *key, const char *value, unsigned line, unsigned continued)
{
	(void)line, (void)continued;
	ck_assert_str_eq(key, "exec");
	ck_assert_ptr_null(*(char **)context);
	*(char **)context = strdup(value);
	return 0;
}

static int found_error(void *context, unsigned line, const char *key, const char *reason)
{
	(void)context;
	ck_abort_msg("line %u: %s: %s", line, key != NULL ? key : "-", reason);
	return 0;
}

static bool no_key(void *context, const char *name)
{
	(void)context, (void)name;
	return false;
}

START_TEST(words_come_back)
{
	static const struct conf_read_sink sink = { found_section, found_pair, found_error, no_key };
	struct import *import = import_new();
	struct import_service *service = import_add(import, "a", here);
	char reason[200], **words = NULL, *value = NULL;
	size_t count = 0, found;
	bool set;

	while (count < 4 && commands[_i].words[count] != NULL)
		count++;
	set = import_set_words(service, "exec", commands[_i].words, count);
	ck_assert_int_eq(set, commands[_i].value != NULL);
	if (!set) {
		ck_assert_ptr_null(import_get(service, "exec"));
		ck_assert_ptr_null(import_get(service, "disable"));
		import_free(import);
		return;
	}
	ck_assert_str_eq(import_get(service, "exec"), commands[_i].value);
	_cleanup_free_ char *text = written(import);

	ck_assert_int_eq(conf_read(text, strlen(text), &sink, &value), 0);
	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(words_split(value, import_arena(import), &words, &found, reason, sizeof(reason)), 0);
	ck_assert_uint_eq(found, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(words[i], commands[_i].words[i]);
	free(value);
	import_free(import);
}
END_TEST

/* ---- the report ---- */

START_TEST(report_as_printed)
{
	static const char expected[] = "input:1: exact\ninput:2: unsupported: nothing was made of this line\n"
				       "input:3: approximated: one; two\ninput:4: exact: said\n"
				       "b\\x0ac:1: changed on purpose: a\\x1bb\xc3\xa4\\x7f\n"
				       "lines: 2 exact, 1 changed on purpose, 1 approximated, 1 unsupported\n";
	static const char brief[] = "input:2: unsupported: nothing was made of this line\n"
				    "input:3: approximated: one; two\ninput:4: exact: said\n"
				    "b\\x0ac:1: changed on purpose: a\\x1bb\xc3\xa4\\x7f\n"
				    "lines: 2 exact, 1 changed on purpose, 1 approximated, 1 unsupported\n";
	struct import *import = import_new();
	char *text = NULL;
	size_t length;
	FILE *out;

	import_tell(import, (struct import_where){ INPUT, 1 }, IMPORT_EXACT, "%s", "");
	import_tell(import, (struct import_where){ INPUT, 3 }, IMPORT_APPROXIMATED, "%s", "one");
	import_tell(import, (struct import_where){ "b\nc", 1 }, IMPORT_CHANGED, "%s", "a\x1b" "b\xc3\xa4\x7f");
	import_tell(import, (struct import_where){ INPUT, 3 }, IMPORT_CHANGED, "two");
	import_tell(import, (struct import_where){ INPUT, 3 }, IMPORT_EXACT, "two");
	import_tell(import, (struct import_where){ INPUT, 0 }, IMPORT_UNSUPPORTED, "no line");
	import_tell(import, (struct import_where){ INPUT, 4 }, IMPORT_EXACT, "said");
	import_count_lines(import, INPUT, 4);
	import_count_lines(import, "empty", 0);
	_cleanup_free_ char *report = reported(import);

	ck_assert_str_eq(report, expected);
	out = open_memstream(&text, &length);
	import_report(import, true, out);
	fclose(out);
	ck_assert_str_eq(text, brief);
	free(text);
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	import_free(import);
}
END_TEST

START_TEST(worst_class)
{
	struct import *import = import_new();

	ck_assert_int_eq(import_worst(import), IMPORT_EXACT);
	for (enum import_class class = IMPORT_EXACT; class < IMPORT_CLASSES; class++) {
		import_tell(import, (struct import_where){ INPUT, class + 1 }, class, "%s", "");
		ck_assert_int_eq(import_worst(import), class);
		ck_assert_uint_eq(import_count(import, class), 1);
	}
	import_free(import);
}
END_TEST

/* The text of a line is bounded; its class rises all the same. */
START_TEST(text_is_bounded)
{
	struct import *import = import_new();
	char class[32];

	for (unsigned i = 0; i < 10000; i++)
		import_tell(import, here, IMPORT_EXACT, "sentence %u", i);
	import_tell(import, here, IMPORT_UNSUPPORTED, "the end");
	_cleanup_free_ char *report = reported(import);

	ck_assert_uint_gt(strlen(report), IMPORT_TEXT_MAX);
	ck_assert_uint_lt(strlen(report), IMPORT_TEXT_MAX + 300);
	ck_assert_str_eq(class_of(import, 1, class), "unsupported");
	import_free(import);
}
END_TEST

START_TEST(lines_are_bounded)
{
	struct import *import = import_new();

	import_tell(import, (struct import_where){ INPUT, IMPORT_LINES_MAX }, IMPORT_EXACT, "last");
	import_tell(import, (struct import_where){ INPUT, IMPORT_LINES_MAX + 1 }, IMPORT_CHANGED, "behind");
	import_tell(import, (struct import_where){ INPUT, UINT32_MAX }, IMPORT_CHANGED, "far behind");
	ck_assert_uint_eq(import_count(import, IMPORT_UNSUPPORTED), IMPORT_LINES_MAX - 1);
	ck_assert_uint_eq(import_count(import, IMPORT_EXACT), 1);
	ck_assert_uint_eq(import_count(import, IMPORT_CHANGED), 0);
	ck_assert(!import_failed(import));
	import_free(import);
}
END_TEST

/* ---- lines and words of inputs ---- */

START_TEST(lines_as_read)
{
	static const char text[] = "a\r\n\nb\0c\r\r\nlast";
	static const char *const expected[] = { "a", "", "b?c\r", "last" };
	struct import *import = import_new();
	struct import_lines lines = { .import = import, .path = INPUT, .at = text, .left = sizeof(text) - 1 };
	char class[32];

	for (unsigned i = 0; i < ELEMENTS(expected); i++) {
		ck_assert_str_eq(import_next_line(&lines), expected[i]);
		ck_assert_uint_eq(import_here(&lines).line, i + 1);
		ck_assert_str_eq(import_here(&lines).path, INPUT);
	}
	ck_assert_ptr_null(import_next_line(&lines));
	ck_assert_uint_eq(lines.number, 4);
	ck_assert_str_eq(class_of(import, 3, class), "unsupported");
	import_free(import);
}
END_TEST

START_TEST(words_of_a_line)
{
	char line[] = " \ta b\t\tc\v'd e'  ";
	static const char *const expected[] = { "a", "b", "c", "'d", "e'", NULL };
	struct import *import = import_new();
	size_t count;
	char **words = import_split(import, line, &count);

	ck_assert_uint_eq(count, 5);
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(words[i], expected[i]);
	ck_assert_ptr_null(words[count]);
	words = import_split(import, line + strlen(line), &count);
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(words[0]);
	import_free(import);
}
END_TEST

/* ---- what importers share ---- */

START_TEST(ports_and_names)
{
	ck_assert_int_eq(import_port("25", "tcp"), 25);
	ck_assert_int_eq(import_port("65535", "udp"), 65535);
	ck_assert_int_eq(import_port("0", "tcp"), -1);
	ck_assert_int_eq(import_port("65536", "tcp"), -1);
	ck_assert_int_eq(import_port("99999999999999999999", "tcp"), -1);
	ck_assert_int_eq(import_port("25x", "tcp"), -1);
	ck_assert_int_eq(import_port("-1", "tcp"), -1);
	ck_assert_int_eq(import_port("no-such-service", "tcp"), -1);
	ck_assert_str_eq(import_internal("sink"), "discard");
	ck_assert_str_eq(import_internal("ttytst"), "chargen");
	ck_assert_str_eq(import_internal("timserver"), "time");
	ck_assert_str_eq(import_internal("echo"), "echo");
	ck_assert_ptr_null(import_internal("telnet"));
	ck_assert_str_eq(import_base_name("/a/b"), "b");
	ck_assert_str_eq(import_base_name("b"), "b");
	ck_assert_str_eq(import_base_name("b/"), "");
	ck_assert(import_has_user("root") && !import_has_user("no-such-user-here"));
	ck_assert(import_has_group("root") && !import_has_group("no-such-group-here"));
}
END_TEST

START_TEST(programs)
{
	static const char *const there[] = { "/bin/cat", "-u" }, *const missing[] = { "/no/such/program" };
	static const char *const wrong[] = { "/bin/cat", "a\nb" };
	struct import *import = import_new();
	struct import_service *service = import_add(import, "a", here);

	import_exec(import, service, here, there, 2);
	ck_assert_str_eq(import_get(service, "exec"), "/bin/cat -u");
	ck_assert_ptr_null(import_get(service, "disable"));
	ck_assert_int_eq(import_worst(import), IMPORT_EXACT);
	import_exec(import, service, here, missing, 1);
	ck_assert_str_eq(import_get(service, "exec"), "/no/such/program");
	ck_assert_str_eq(import_get(service, "disable"), "yes");
	ck_assert_int_eq(import_worst(import), IMPORT_CHANGED);
	import_exec(import, service, here, wrong, 2);
	ck_assert_ptr_null(import_next(import, NULL));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	service = import_add(import, "b", here);
	import_exec(import, service, here, NULL, 0);
	ck_assert_ptr_null(import_next(import, NULL));
	import_free(import);
}
END_TEST

/* What the daemon would refuse is switched off, and told. */
static const struct {
	const char *key, *value;
	bool stays; /* the value */
	enum import_class class;
} refused[] = {
	{ "umask", "077", true, IMPORT_EXACT },
	{ "umask", "7", false, IMPORT_UNSUPPORTED },
	{ "rlimit_cpu", "5s", true, IMPORT_EXACT },
	{ "rlimit_cpu", "5", false, IMPORT_UNSUPPORTED },
	{ "rlimit_as", "1", false, IMPORT_UNSUPPORTED },
	{ "instances", "0", false, IMPORT_UNSUPPORTED },
	{ "rate", "x", false, IMPORT_UNSUPPORTED },
	{ "listen", "70000", false, IMPORT_UNSUPPORTED },
	{ "chroot", "/tmp", true, IMPORT_EXACT },
	{ "chroot", "/no/such/directory", true, IMPORT_CHANGED },
	{ "exec", "echo", true, IMPORT_EXACT },
	{ "exec", "ls -l", true, IMPORT_EXACT },
	{ "exec", "no-such-program-here -x", true, IMPORT_CHANGED },
	{ "description", "anything", true, IMPORT_EXACT },
};

START_TEST(refused_is_told)
{
	struct import *import = import_new();
	struct import_service *service = import_add(import, "it", (struct import_where){ INPUT, 1 });
	const char *value;

	import_set(service, "listen", "7");
	import_set(service, "exec", "/bin/cat");
	import_set(service, refused[_i].key, refused[_i].value);
	import_check(import);
	value = import_get(service, refused[_i].key);
	ck_assert_msg((value != NULL) == refused[_i].stays, "%s = %s", refused[_i].key, refused[_i].value);
	ck_assert_int_eq(import_worst(import), refused[_i].class);
	ck_assert_int_eq(import_get(service, "disable") != NULL, refused[_i].class != IMPORT_EXACT);
	import_free(import);
}
END_TEST

/* The second one at an address; one that is off has none. */
START_TEST(addresses_are_one_s)
{
	static const char *const listens[] = { "7, 8", "9", "10, 8", "9" };
	struct import *import = import_new();
	struct import_service *services[ELEMENTS(listens)];

	for (size_t i = 0; i < ELEMENTS(listens); i++) {
		services[i] = import_add(import, "it", (struct import_where){ INPUT, (unsigned)i + 1 });
		import_set(services[i], "listen", listens[i]);
		import_set(services[i], "exec", "/bin/cat");
	}
	import_set(services[1], "disable", "yes");
	import_check(import);
	ck_assert_ptr_null(import_get(services[0], "disable"));
	ck_assert_ptr_nonnull(import_get(services[2], "disable"));
	ck_assert_ptr_null(import_get(services[3], "disable"));
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import");
	TCase *tests = tcase_create("core");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, name_becomes, 0, ELEMENTS(names));
	tcase_add_test(tests, names_are_told_apart);
	tcase_add_test(tests, many_names);
	tcase_add_test(tests, dropped_sections);
	tcase_add_test(tests, sections_as_written);
	tcase_add_loop_test(tests, item_is_appended, 0, ELEMENTS(items));
	tcase_add_loop_test(tests, value_is_held_or_told, 0, ELEMENTS(values));
	tcase_add_test(tests, defaults_that_cannot_be_held);
	tcase_add_test(tests, long_values);
	tcase_add_loop_test(tests, words_come_back, 0, ELEMENTS(commands));
	tcase_add_test(tests, report_as_printed);
	tcase_add_test(tests, worst_class);
	tcase_add_test(tests, text_is_bounded);
	tcase_add_test(tests, lines_are_bounded);
	tcase_add_test(tests, lines_as_read);
	tcase_add_test(tests, words_of_a_line);
	tcase_add_test(tests, ports_and_names);
	tcase_add_test(tests, programs);
	tcase_add_loop_test(tests, refused_is_told, 0, ELEMENTS(refused));
	tcase_add_test(tests, addresses_are_one_s);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
