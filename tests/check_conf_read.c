/* check_conf_read.c - the reader in front of inih: each trap of inih, closed;
 * and that any value comes through byte for byte. */
#include "base.h"
#include "conf-read.h"
#include "run.h"

#include <errno.h>
#include <string.h>

/* What was told, as one text: [s@1] k=v@2 !3:k:reason */
struct told {
	FILE *stream;
	char *text;
	size_t size;
};

static int tell_section(void *context, const char *name, unsigned line)
{
	struct told *told = context;

	fprintf(told->stream, "[%s@%u]", name, line);
	return 0;
}

static int tell_pair(void *context, const char *key, const char *value, unsigned line, unsigned continued)
{
	struct told *told = context;

	fprintf(told->stream, "%s=%s@%u", key, value, line);
	if (continued != 0)
		fprintf(told->stream, "+%u", continued);
	fputc('|', told->stream);
	return 0;
}

static int tell_error(void *context, unsigned line, const char *key, const char *reason)
{
	struct told *told = context;

	fprintf(told->stream, "!%u:%s:%.24s|", line, key != NULL ? key : "", reason);
	return 0;
}

static bool is_key(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "user") == 0;
}

static const struct conf_read_sink sink = {
	.section = tell_section,
	.pair = tell_pair,
	.error = tell_error,
	.is_key = is_key,
};

static char *read_all(const char *bytes, size_t length)
{
	struct told told = {0};

	told.stream = open_memstream(&told.text, &told.size);
	ck_assert_ptr_nonnull(told.stream);
	ck_assert_int_eq(conf_read(bytes, length, &sink, &told), 0);
	fclose(told.stream);
	return told.text;
}

/* Texts with their length, since some hold a NUL. */
#define TEXT(text) text, sizeof(text) - 1

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	const char *told;
} files[] = {
	{"nothing", TEXT(""), ""},
	{"a pair", TEXT("[a]\nk = v\n"), "[a@1]k=v@2|"},
	{"no newline at the end", TEXT("[a]\nk = v"), "[a@1]k=v@2|"},
	{"no blanks", TEXT("[a]\nk=v\n"), "[a@1]k=v@2|"},
	{"blanks at the end", TEXT("[a] \t\nk \t= \tv \t\n"), "[a@1]k=v@2|"},
	{"an empty value", TEXT("[a]\nk =\n"), "[a@1]k=@2|"},
	{"a section without keys", TEXT("[a]\n[b]\n"), "[a@1][b@2]"},
	{"a section at the end", TEXT("[a]"), "[a@1]"},
	{"the same section twice", TEXT("[a]\n[a]\n"), "[a@1][a@2]"},
	{"the same key twice", TEXT("[a]\nk=1\nk=2\n"), "[a@1]k=1@2|k=2@3|"},
	{"before any section", TEXT("k=1\n"), "k=1@1|"},
	{"CR LF", TEXT("[a]\r\nk = v\r\n\r\n"), "[a@1]k=v@2|"},
	{"CR LF, continued", TEXT("[a]\r\nk = v\r\n  w\r\n"), "[a@1]k=v w@2+3|"},
	{"lone CR", TEXT("[a]\rk = v\r"), "!1::a carriage return that e|"},
	{"CR CR LF", TEXT("[a]\nk = v\r\r\n"), "[a@1]!2::a carriage return that e|"},
	{"CR at the very end", TEXT("[a]\nk = v\r"), "[a@1]!2::a carriage return that e|"},
	{"CR in a comment", TEXT("; a\rb\n[a]\n"), "!1::a carriage return that e|[a@2]"},
	{"NUL in a value", TEXT("[a]\nk = v\0w\nl = 1\n"), "[a@1]!2::a NUL byte; is this a te|l=1@3|"},
	{"NUL in a comment", TEXT("; \0\n[a]\n"), "!1::a NUL byte; is this a te|[a@2]"},
	{"NUL in a section", TEXT("[a\0]\n"), "!1::a NUL byte; is this a te|"},
	{"NUL in a continuation", TEXT("[a]\nk = v\n  w\0x\nl=1\n"),
	 "[a@1]!3::a NUL byte; is this a te|l=1@4|"},
	{"a control byte", TEXT("[a]\nk = \033[1m\n"), "[a@1]!2::a control byte (0x1b); o|"},
	{"our own marks", TEXT("[a]\nk = \001\n\002=\n"),
	 "[a@1]!2::a control byte (0x01); o|!3::a control byte (0x02); o|"},
	{"delete", TEXT("[a]\nk = \177\n"), "[a@1]!2::a control byte (0x7f); o|"},
	{"vertical tab", TEXT("[a]\nk = a\vb\n"), "[a@1]!2::a control byte (0x0b); o|"},
	{"a tab in a value", TEXT("[a]\nk = a\tb\n"), "[a@1]k=a\tb@2|"},
	{"bytes above 127", TEXT("[a]\nk = \xc3\xa4\xff\xa0\n"), "[a@1]k=\xc3\xa4\xff\xa0@2|"},
	{"a byte order mark", TEXT("\xef\xbb\xbf[a]\nk=v\n"), "[a@1]k=v@2|"},
	{"a byte order mark later", TEXT("[a]\n\xef\xbb\xbfk=v\n"), "[a@1]\xef\xbb\xbfk=v@2|"},
	{"half a byte order mark", TEXT("\xef\xbb"), "!1::neither '[section]' nor |"},
	{"comments", TEXT("; x\n# y\n  ; z\n[a] ; s\nk = v ; c\nl = v\t; c\n"), "[a@4]k=v@5|l=v@6|"},
	{"no comment", TEXT("[a]\nk = v;w\nl = #x\nm =;\nn = a # b\n"),
	 "[a@1]k=v;w@2|l=#x@3|m=;@4|n=a # b@5|"},
	{"a comment at once", TEXT("[a]\nk = ;x\nl =  ; x\n"), "[a@1]k=@2|l=@3|"},
	{"an escaped semicolon", TEXT("[a]\nk = a \\; b\n"), "[a@1]k=a \\; b@2|"},
	{"a semicolon in quotes", TEXT("[a]\nk = 'a;b' \"c;d\"\n"), "[a@1]k='a;b' \"c;d\"@2|"},
	{"a comment in quotes", TEXT("[a]\nk = 'a ;b'\nl = 1\n"),
	 "[a@1]!2:k:' ;' inside quotes would|l=1@3|"},
	{"a comment in double quotes", TEXT("[a]\nk = \"a\\\" ;b\"\n"),
	 "[a@1]!2:k:' ;' inside quotes would|"},
	{"an escaped quote", TEXT("[a]\nk = \\' ; c\nl = \"\\\"\" ; c\nm = '\\' ; c\n"),
	 "[a@1]k=\\'@2|l=\"\\\"\"@3|m='\\'@4|"},
	{"a comment after quotes", TEXT("[a]\nk = 'a' \"b\" ; 'c\n"), "[a@1]k='a' \"b\"@2|"},
	{"an open bracket", TEXT("[a]\n[b\nk = v\n[c]\nl = w\n"),
	 "[a@1]!2::the section line has no |[c@4]l=w@5|"},
	{"text after a section", TEXT("[a]\n[b] x\nk = v\n"), "[a@1]!2::text after the closing '|"},
	{"no name", TEXT("[]\nk = v\n"), "!1::the section has no name|"},
	{"errors below a bad section", TEXT("[a\nk\nl = 'x ;'\n"),
	 "!1::the section line has no |!2::neither '[section]' nor |!3:l:' ;' inside quotes would|"},
	{"no sign", TEXT("[a]\nk\n"), "[a@1]!2::neither '[section]' nor |"},
	{"a colon is no sign", TEXT("[a]\nk: v\n"), "[a@1]!2::neither '[section]' nor |"},
	{"no key", TEXT("[a]\n = v\n=v\n"),
	 "[a@1]!2::an indented line continu|!3::there is no key before t|"},
	{"a sign in the value", TEXT("[a]\nk = a=b:c\n"), "[a@1]k=a=b:c@2|"},
	{"addresses as keys",
	 TEXT("[ports]\n127.0.0.1:80 = x\n[::1]:80 = y\n[fe80::1%eth0]:80/udp = z\n*:80=w\n"),
	 "[ports@1]127.0.0.1:80=x@2|[::1]:80=y@3|[fe80::1%eth0]:80/udp=z@4|*:80=w@5|"},
	{"addresses as sections", TEXT("[[::1]:80]\nk = v\n[127.0.0.1:80]\n[7013/udp]\n"),
	 "[[::1]:80@1]k=v@2|[127.0.0.1:80@3][7013/udp@4]"},
	{"special bytes in names", TEXT("[a;b=c:d#e]\nk[;]#: = v\n"), "[a;b=c:d#e@1]k[;]#:=v@2|"},
	{"continued", TEXT("[a]\nk = a\n b\n\tc ; d\nl = 1\n"), "[a@1]k=a b c@2+3|l=1@5|"},
	{"continued from nothing", TEXT("[a]\nk =\n  b\n"), "[a@1]k=b@2+3|"},
	{"continued around comments", TEXT("[a]\nk = a\n; x\n  # y\n  b\n"), "[a@1]k=a b@2+5|"},
	{"an empty line ends it", TEXT("[a]\nk = a\n\n  b\n"), "[a@1]k=a@2|!4::an indented line continu|"},
	{"a blank line ends it", TEXT("[a]\nk = a\n  \t\n  b\n"), "[a@1]k=a@2|!4::an indented line continu|"},
	{"an indented key", TEXT("[a]\nk = a\n  user = root\nl = 1\n"),
	 "[a@1]!3:k:an indented line continu|l=1@4|"},
	{"an indented word with a sign", TEXT("[a]\nk = a\n  A=1\n"), "[a@1]k=a A=1@2+3|"},
	{"an indented section", TEXT("[a]\nk = a\n  [b]\n"), "[a@1]!3:k:a section line must not |"},
	{"an indented address", TEXT("[a]\nk = a\n  [::1]:80\n"), "[a@1]k=a [::1]:80@2+3|"},
	{"indented below a section", TEXT("[a]\n  k = v\n"), "[a@1]!2::an indented line continu|"},
	{"quotes go on", TEXT("[a]\nk = 'a\n  b' ; c\n"), "[a@1]k='a b'@2+3|"},
	{"a comment line in quotes", TEXT("[a]\nk = 'a\n  ; c\n  b'\n"),
	 "[a@1]!3:k:a comment inside quotes;|"},
};

START_TEST(dialect)
{
	char *told = read_all(files[_i].bytes, files[_i].length);

	ck_assert_msg(strcmp(told, files[_i].told) == 0, "%s:\n %s\nexpected\n %s", files[_i].name, told,
		      files[_i].told);
	free(told);
}
END_TEST

/* ---- lengths ---- */

static char *repeat(char byte, size_t count)
{
	char *text = malloc(count + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, byte, count);
	text[count] = '\0';
	return text;
}

/* Around every buffer size that inih, stdio and we have. */
static const size_t lengths[] = {1,   2,   48,  49,   50,   98,   99,   100,   140,  149, 150,
				 190, 195, 196, 197,  198,  199,  200,  201,   202,  255, 256,
				 398, 399, 400, 1023, 1024, 4095, 4096, 65500, 65531};

START_TEST(long_value)
{
	size_t length = lengths[_i];
	_cleanup_free_ char *value = repeat('v', length);
	_cleanup_free_ char *file = NULL, *expected = NULL;

	ck_assert_int_ge(asprintf(&file, "[a]\nk = %s\nl = 1\n", value), 0);
	ck_assert_int_ge(asprintf(&expected, "[a@1]k=%s@2|l=1@3|", value), 0);

	_cleanup_free_ char *told = read_all(file, strlen(file));

	ck_assert_str_eq(told, expected);
}
END_TEST

/* The tail of a long comment must not become a line of its own, wherever it is cut. */
START_TEST(long_comment)
{
	size_t length = lengths[_i];
	_cleanup_free_ char *filler = repeat('x', length);
	_cleanup_free_ char *file = NULL;

	ck_assert_int_ge(asprintf(&file, "[a]\n;%suser = root\n#%s\n  ;%suser = root\nk = v ;%suser=root\n",
				  filler, filler, filler, filler),
			 0);

	_cleanup_free_ char *told = read_all(file, strlen(file));

	if (length < 65520)
		ck_assert_str_eq(told, "[a@1]k=v@5|");
	else
		ck_assert_str_eq(told, "[a@1]!5::the line is too long: 65|");
}
END_TEST

START_TEST(comment_without_end)
{
	_cleanup_free_ char *file = repeat(';', 1 << 20);
	_cleanup_free_ char *told = read_all(file, 1 << 20);

	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(line_limit)
{
	_cleanup_free_ char *value = repeat('v', CONF_READ_LINE_MAX - 2);
	_cleanup_free_ char *file = NULL;

	ck_assert_int_ge(asprintf(&file, "[a]\nk=%s\nk=v%s\nl=1\n  %sxx\n", value, value, value), 0);

	_cleanup_free_ char *told = read_all(file, strlen(file));

	ck_assert(strncmp(told, "[a@1]k=vvv", 10) == 0);
	ck_assert_ptr_nonnull(strstr(told, "vvv@2|!3::the line is too long: 65|"));
	/* The continuation is too long as well: its key is not told. */
	ck_assert_ptr_nonnull(strstr(told, "!5::the line is too long: 65|"));
	ck_assert_ptr_null(strstr(told, "l=1"));
}
END_TEST

/* A value of several lines may be longer than a line. */
START_TEST(value_of_many_lines)
{
	_cleanup_free_ char *line = repeat('v', CONF_READ_LINE_MAX / 2);
	_cleanup_free_ char *file = NULL;

	ck_assert_int_ge(asprintf(&file, "[a]\nk=%s\n  %s\n  %s\nl=1\n", line, line, line), 0);

	_cleanup_free_ char *told = read_all(file, strlen(file));

	ck_assert_ptr_nonnull(strstr(told, "vvv@2+3|l=1@5|"));
	ck_assert_uint_eq(strlen(told), strlen("[a@1]k=") + 3 * strlen(line) + strlen("  @2+3|l=1@5|"));
}
END_TEST

START_TEST(name_limits)
{
	_cleanup_free_ char *name = repeat('n', CONF_READ_NAME_MAX);
	_cleanup_free_ char *file = NULL, *expected = NULL;

	ck_assert_int_ge(
		asprintf(&file, "[%s]\n%s = v\n[x%s]\nk = v\n[a]\nx%s = v\n", name, name, name, name), 0);
	ck_assert_int_ge(
		asprintf(&expected,
			 "[%s@1]%s=v@2|!3::the name of the section |[a@5]!6::the name of the key is t|", name,
			 name),
		0);

	_cleanup_free_ char *told = read_all(file, strlen(file));

	ck_assert_str_eq(told, expected);
}
END_TEST

/* ---- any value ---- */

struct any {
	const char *expected;
	unsigned seen;
};

static int any_section(void *context, const char *name, unsigned line)
{
	(void)context;
	(void)name;
	(void)line;
	return 0;
}

static int any_pair(void *context, const char *key, const char *value, unsigned line, unsigned continued)
{
	struct any *any = context;

	(void)continued;
	if (strcmp(key, "k") == 0) {
		ck_assert_str_eq(value, any->expected);
		ck_assert_uint_eq(line, 2);
	} else {
		ck_assert_str_eq(key, "after");
		ck_assert_str_eq(value, "1");
	}
	any->seen++;
	return 0;
}

static int any_error(void *context, unsigned line, const char *key, const char *reason)
{
	(void)context;
	ck_abort_msg("%u:%s: %s", line, key != NULL ? key : "", reason);
	return 0;
}

/* Bytes that mean something to somebody, and some that do not. */
static size_t random_value(unsigned *seed, char *value, size_t room)
{
	static const char bytes[] = ";;;##[[]]==::\"''\\  \t\tabcdefgh%$&!/\xc3\xa4\xff\xa0\x85";
	size_t length = (size_t)rand_r(seed) % room;

	for (size_t i = 0; i < length; i++)
		value[i] = bytes[(size_t)rand_r(seed) % (sizeof(bytes) - 1)];
	value[length] = '\0';
	return length;
}

/* The same value, spread over lines where it has single blanks. */
static char *spread(unsigned *seed, const char *value)
{
	char *text = malloc(strlen(value) * 4 + 1), *to = text;

	ck_assert_ptr_nonnull(text);
	for (; *value != '\0'; value++) {
		bool is_joint = *value == ' ' && value[1] != ' ' && value[1] != '\t' && value[1] != ';' &&
				value[1] != '#' && value[1] != '[' && value[1] != '\0' && to != text &&
				to[-1] != ' ' && to[-1] != '\t' && strchr("abcdefgh", to[-1]) != NULL;

		if (is_joint && rand_r(seed) % 2 == 0)
			to = stpcpy(to, "\n  ");
		else
			*to++ = *value;
	}
	*to = '\0';
	return text;
}

START_TEST(any_value)
{
	static const struct conf_read_sink any_sink = {
		.section = any_section, .pair = any_pair, .error = any_error, .is_key = is_key};
	unsigned seed = (unsigned)_i + 1;
	unsigned told = 0;

	for (unsigned round = 0; round < 400; round++) {
		char value[700], reason[256];
		struct any any = {.expected = value};
		_cleanup_free_ char *file = NULL;
		size_t length = random_value(&seed, value, sizeof(value));

		/* Blanks at the ends belong to the line; what could not stand in a file is the other tests'. */
		if (length > 0 &&
		    (strchr(" \t", value[0]) != NULL || strchr(" \t", value[length - 1]) != NULL))
			continue;
		if (conf_read_check_value(value, reason, sizeof(reason)) < 0) {
			char *semicolon = value;

			while ((semicolon = strchr(semicolon, ';')) != NULL)
				*semicolon = ',';
		}

		_cleanup_free_ char *text = spread(&seed, value);

		ck_assert_int_ge(
			asprintf(&file, "[a]\nk =%s%s\nafter = 1\n", rand_r(&seed) % 2 == 0 ? " " : "", text),
			0);
		if (strstr(file, "= ;") != NULL)
			continue;
		ck_assert_int_eq(conf_read(file, strlen(file), &any_sink, &any), 0);
		ck_assert_uint_eq(any.seen, 2);
		told++;
	}
	ck_assert_uint_gt(told, 200);
}
END_TEST

/* ---- what stops it ---- */

static int stop_pair(void *context, const char *key, const char *value, unsigned line, unsigned continued)
{
	(void)key;
	(void)value;
	(void)line;
	(void)continued;
	(*(unsigned *)context)++;
	return -ENOMEM;
}

START_TEST(sink_stops)
{
	static const struct conf_read_sink stop_sink = {
		.section = any_section, .pair = stop_pair, .error = any_error, .is_key = is_key};
	static const char file[] = "[a]\nk = 1\nl = 2\nm = 3\n";
	unsigned count = 0;

	ck_assert_int_eq(conf_read(file, sizeof(file) - 1, &stop_sink, &count), -ENOMEM);
	ck_assert_uint_eq(count, 1);
}
END_TEST

static const struct {
	const char *value;
	int result;
} values[] = {
	{"", 0},           {"a", 0},          {"a;b", 0},        {"a \\; b", 0},     {"';'", 0},
	{"a ;b", -EINVAL}, {"' ;'", -EINVAL}, {"a\nb", -EINVAL}, {"a\x1b", -EINVAL}, {"\xff", 0},
	{"a\tb", 0},       {"\t;", -EINVAL},  {"'a", 0},
};

START_TEST(check_value)
{
	char reason[256] = "";

	ck_assert_int_eq(conf_read_check_value(values[_i].value, reason, sizeof(reason)), values[_i].result);
	ck_assert_int_eq(reason[0] != '\0', values[_i].result != 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_read");
	TCase *all = tcase_create("reader");

	tcase_add_loop_test(all, dialect, 0, ELEMENTS(files));
	tcase_add_loop_test(all, long_value, 0, ELEMENTS(lengths));
	tcase_add_loop_test(all, long_comment, 0, ELEMENTS(lengths));
	tcase_add_test(all, comment_without_end);
	tcase_add_test(all, line_limit);
	tcase_add_test(all, value_of_many_lines);
	tcase_add_test(all, name_limits);
	tcase_add_loop_test(all, any_value, 0, 16);
	tcase_add_test(all, sink_stops);
	tcase_add_loop_test(all, check_value, 0, ELEMENTS(values));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
