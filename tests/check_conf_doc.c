/* check_conf_doc.c - what the table of keys says about itself. */
#include "base.h"
#include "conf-doc.h"
#include "conf-internal.h"
#include "run.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static char *generate(const char *form)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(stream);
	if (form != NULL)
		ck_assert_int_eq(conf_doc_generate(form, stream), 0);
	else
		ck_assert_int_eq(conf_doc_keys(NULL, stream, stderr), 0);
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

static void check_each_key(const char *text, const char *before, const char *after)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++) {
		char wanted[100];

		if (keys[i].name == NULL)
			continue;
		snprintf(wanted, sizeof(wanted), "%s%s%s", before, keys[i].name, after);
		ck_assert_msg(strstr(text, wanted) != NULL, "no '%s'", wanted);
	}
}

static void check_width(const char *text, size_t width)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		ck_assert_msg(length <= width, "%.*s", (int)length, text);
		ck_assert_msg(length == 0 || text[length - 1] != ' ', "'%.*s' ends in a blank", (int)length,
			      text);
		text += length + (text[length] != '\0');
	}
}

START_TEST(all_keys)
{
	_cleanup_free_ char *text = generate(NULL);

	check_each_key(text, "\n  ", " = ");
	check_width(text, 80);
}
END_TEST

START_TEST(one_key)
{
	char out[1000] = "", err[200] = "";
	FILE *out_stream = fmemopen(out, sizeof(out), "w"), *err_stream = fmemopen(err, sizeof(err), "w");

	ck_assert_int_eq(conf_doc_keys("instances", out_stream, err_stream), 0);
	ck_assert_int_eq(conf_doc_keys("instnaces", out_stream, err_stream), -ENOENT);
	fclose(out_stream);
	fclose(err_stream);
	ck_assert_ptr_nonnull(strstr(out, "instances = number\n"));
	ck_assert_ptr_nonnull(strstr(out, "1 to 1000000. Default: 100.\n"));
	ck_assert_ptr_nonnull(strstr(out, "In [defaults] or in the section of a service."));
	ck_assert_str_eq(err, "unknown key 'instnaces'; did you mean 'instances'?\n");
}
END_TEST

START_TEST(manual)
{
	_cleanup_free_ char *text = generate("man");

	check_each_key(text, "\n.It Cm ", " No = Ar ");
	check_width(text, 400);
}
END_TEST

/* It loads as it is, and with every default made real it loads to the same. */
START_TEST(sample)
{
	const struct conf_environment environment = {.services_directory = "/nonexistent"};
	_cleanup_free_ char *text = generate("sample");
	char *prints[2] = {NULL, NULL};

	check_width(text, 80);
	for (size_t i = 0; i < 2; i++) {
		struct conf_errors errors = {0};
		struct conf *conf = NULL;
		size_t size = 0;
		FILE *stream = open_memstream(&prints[i], &size);

		ck_assert_ptr_nonnull(stream);
		if (conf_load_bytes("sample.ini", text, strlen(text), &environment, &conf, &errors) != 0)
			ck_abort_msg("%zu: %u: %s", i, errors.items[0].line, errors.items[0].reason);
		conf_print(conf, stream);
		fclose(stream);
		conf_unref(conf);
		/* Then without the semicolons of keys, but for the services of [ports]. */
		for (char *at = text; (at = strstr(at, "\n;")) != NULL; at++)
			if (at[2] >= 'a' && at[2] <= 'z')
				at[1] = ' ', memmove(at + 1, at + 2, strlen(at + 2) + 1);
	}
	ck_assert_ptr_nonnull(strstr(text, "\ninstances = 100\n"));
	ck_assert_str_eq(prints[0], prints[1]);
	free(prints[0]);
	free(prints[1]);
	check_each_key(text, "\n", " =");
}
END_TEST

/* What libFuzzer and AFL read: comments and quoted strings. */
START_TEST(dictionary)
{
	_cleanup_free_ char *text = generate("dictionary");

	check_each_key(text, "\n\"", " = \"\n");
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		ck_assert_msg(line[0] == '#' ||
				      (line[0] == '"' && line[strlen(line) - 1] == '"' && strlen(line) > 2),
			      "%s", line);
}
END_TEST

START_TEST(no_such_form)
{
	ck_assert_int_eq(conf_doc_generate("xml", stdout), -EINVAL);
}
END_TEST

/* What is committed is what the table says now, to the byte; the manual has its part between others. */
static const struct {
	const char *form, *path;
	bool is_part;
} committed[] = {
	{ "sample", "etc/services.ini.keys", false },
	{ "dictionary", "fuzz/services.ini.dict", false },
	{ "vim", "etc/vim/syntax/usherd.vim", false },
	{ "man", "man/services.ini.5", true },
};

START_TEST(as_committed)
{
	static char file[1 << 20];
	const char *source = getenv("SOURCE");
	_cleanup_free_ char *text = generate(committed[_i].form);
	char path[4096];
	size_t length;

	snprintf(path, sizeof(path), "%s/%s", source != NULL ? source : ".", committed[_i].path);

	FILE *stream = fopen(path, "re");

	ck_assert_msg(stream != NULL, "%s", path);
	length = fread(file, 1, sizeof(file) - 1, stream);
	file[length] = '\0';
	ck_assert_int_eq(fclose(stream), 0);
	if (committed[_i].is_part)
		ck_assert_msg(strstr(file, text) != NULL, "%s", path);
	else
		ck_assert_msg(strcmp(file, text) == 0, "%s", path);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_doc");
	TCase *all = tcase_create("forms");

	tcase_add_test(all, all_keys);
	tcase_add_test(all, one_key);
	tcase_add_test(all, manual);
	tcase_add_test(all, sample);
	tcase_add_test(all, dictionary);
	tcase_add_test(all, no_such_form);
	tcase_add_loop_test(all, as_committed, 0, ELEMENTS(committed));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
