/* check_import_instructions.c - directories that say who may: those of ipsvd, with a file for each address,
 * and those of s6, with a directory for each network. What is made of them is asked with the access module of
 * the daemon. */
#include "core_help.h"
#include "import_oracle.h"

#define ENTRIES   6
#define ADDRESSES 6

static const struct row {
	const char *files[ENTRIES][3]; /* name ("a/" makes a directory), mode, text */
	const char *class;             /* the worst */
	const char *asked[ADDRESSES];  /* '+' or '-' in front: whether it is let in */
	const char *key, *value;       /* of the section; key NULL: none is looked at */
} rows[] = {
	/* ipsvd */
	{ { { "192.0.2.1", "000", "" } },
	  "exact",
	  { "-192.0.2.1", "+192.0.2.2", "+2001:db8::1" },
	  "disable",
	  NULL },
	{ { { "192.0.2", "000", "" }, { "192.0.2.9", "600", "" } },
	  "exact",
	  { "-192.0.2.1", "+192.0.2.9", "+192.0.3.1" },
	  NULL,
	  NULL },
	{ { { "0", "000", "" }, { "10", "600", "" }, { "10.1", "000", "" } },
	  "exact",
	  { "-192.0.2.1", "+10.0.0.1", "-10.1.0.1", "-2001:db8::1" },
	  NULL,
	  NULL },
	{ { { "0", "600", "C3\n" } }, "exact", { "+192.0.2.1" }, "per_source", "3" },
	{ { { "0", "600", "C0\n" } }, "exact", { "+192.0.2.1" }, "per_source", "none" },
	{ { { "0", "600", "C3:busy\\n\n" } }, "exact", { "+192.0.2.1" }, "banner_refused", "busy\\n" },
	{ { { "0", "600", "Cx\n" } }, "changed", { "+192.0.2.1" }, "per_source", NULL },
	{ { { "10", "600", "C3\n" } }, "unsupported", { "+10.0.0.1" }, "per_source", NULL },
	{ { { "0", "600", "+A=b c\n" } }, "exact", { "+192.0.2.1" }, "env", "\"A=b c\"" },
	{ { { "10", "600", "+A=b\n" } }, "unsupported", { "+10.0.0.1" }, "env", NULL },
	{ { { "0", "600", "# word\n\nx\n" } }, "changed", { "+192.0.2.1" }, NULL, NULL },
	{ { { "10", "600", "=0\n" } }, "exact", { "+10.0.0.1" }, NULL, NULL },
	{ { { "10", "600", "=host.example\n" } }, "unsupported", { "-10.0.0.1", "+11.0.0.1" }, NULL, NULL },
	{ { { "10", "700", "#!/bin/sh\n" } }, "unsupported", { "-10.0.0.1", "+11.0.0.1" }, NULL, NULL },
	{ { { "host.example", "000", "" } }, "unsupported", { NULL }, "disable", "yes" },
	{ { { "host.example", "600", "" } }, "unsupported", { "+192.0.2.1" }, "disable", NULL },
	{ { { "300", "000", "" } }, "unsupported", { NULL }, "disable", "yes" },
	/* s6 */
	{ { { "ip4/", "", "" }, { "ip4/10.0.0.0_8/", "", "" }, { "ip4/10.0.0.0_8/allow", "600", "" } },
	  "exact",
	  { "+10.1.2.3", "-11.0.0.1", "-2001:db8::1" },
	  NULL,
	  NULL },
	{ { { "ip4/", "", "" },
	    { "ip4/0.0.0.0_0/", "", "" },
	    { "ip4/0.0.0.0_0/allow", "600", "" },
	    { "ip4/10.0.0.0_8/", "", "" },
	    { "ip4/10.0.0.0_8/deny", "600", "" } },
	  "exact",
	  { "-10.1.2.3", "+11.0.0.1" },
	  NULL,
	  NULL },
	{ { { "ip6/", "", "" }, { "ip6/2001:db8::_32/", "", "" }, { "ip6/2001:db8::_32/allow", "600", "" } },
	  "exact",
	  { "+2001:db8::1", "-2001:db9::1", "-10.0.0.1" },
	  NULL,
	  NULL },
	{ { { "ip4/", "", "" },
	    { "ip4/10.0.0.0_8/", "", "" },
	    { "ip4/10.0.0.0_8/allow", "600", "" },
	    { "ip4/10.0.0.0_8/exec", "600", "x" } },
	  "unsupported",
	  { "-10.1.2.3" },
	  NULL,
	  NULL },
	{ { { "ip4/", "", "" }, { "ip4/nonsense/", "", "" }, { "ip4/nonsense/deny", "600", "" } },
	  "unsupported",
	  { NULL },
	  "disable",
	  "yes" },
};

static void fill(const char *folder, const struct row *row)
{
	for (size_t i = 0; i < ENTRIES && row->files[i][0] != NULL; i++) {
		const char *path = path_in(folder, row->files[i][0]);

		if (path[strlen(path) - 1] == '/')
			ck_assert_int_eq(mkdir(path, 0755), 0);
		else
			write_file(path, (mode_t)strtoul(row->files[i][1], NULL, 8), row->files[i][2]);
	}
}

static void empty(const char *folder, const struct row *row)
{
	for (size_t i = ENTRIES; i > 0; i--)
		if (row->files[i - 1][0] != NULL)
			ck_assert_int_eq(remove(path_in(folder, row->files[i - 1][0])), 0);
	remove_folder(folder);
}

START_TEST(directory_becomes)
{
	static const char *const classes[IMPORT_CLASSES] = { "exact", "changed", "approximated",
							     "unsupported" };
	const struct row *row = &rows[_i];
	const char *folder = make_folder(), *value;
	struct import *import = import_new();
	struct import_service *service = import_add(import, "it", (struct import_where){ "x", 1 });

	fill(folder, row);
	import_set(service, "listen", "7");
	import_set(service, "exec", "echo");
	ck_assert_int_eq(import_instructions(import, service, folder), 0);
	_cleanup_free_ char *report = reported(import), *out = written(import);

	ck_assert_msg(strcmp(classes[import_worst(import)], row->class) == 0, "%s:\n%s", row->files[0][0],
		      report);
	if (row->asked[0] != NULL) {
		struct access *access = oracle_new(service);

		for (size_t i = 0; i < ADDRESSES && row->asked[i] != NULL; i++)
			ck_assert_msg(oracle_allows(access, row->asked[i] + 1) == (row->asked[i][0] == '+'),
				      "%s: %s\n%s", row->files[0][0], row->asked[i], out);
		access_free(access);
	}
	value = row->key != NULL ? import_get(service, row->key) : NULL;
	if (row->key != NULL)
		ck_assert_msg(row->value == NULL ? value == NULL :
						   value != NULL && strcmp(value, row->value) == 0,
			      "%s: %s = %s", row->files[0][0], row->key, value != NULL ? value : "(not set)");
	import_free(import);
	empty(folder, row);
}
END_TEST

START_TEST(no_directory)
{
	struct import *import = import_new();
	struct import_service *service = import_add(import, "it", (struct import_where){ "x", 1 });

	ck_assert_int_eq(import_instructions(import, service, "/nonexistent/rules"), -ENOENT);
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_instructions");
	TCase *tests = tcase_create("instructions");

	tcase_add_loop_test(tests, directory_becomes, 0, ELEMENTS(rows));
	tcase_add_test(tests, no_directory);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
