/* check_conf_bad.c - every file of tests/bad-configs is refused with exactly
 * the errors that its first lines announce:
 *
 *     ; expect LINE SUBJECT | a part of the message
 *
 * in the order in which they are reported; SUBJECT is - where there is none.
 * `; needs root` marks what is another error, or none, for others. */
#include "base.h"
#include "conf.h"
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define EXPECTED_MAX 8
#define ENOUGH 200 /* files that must be there */

struct expected {
	unsigned line;
	char subject[80], part[160];
};

struct announcement {
	struct expected items[EXPECTED_MAX];
	size_t count;
	bool needs_root;
};

static char directory[PATH_MAX];
static struct dirent **names;
static int name_count;

static int is_ini(const struct dirent *entry)
{
	return strstr(entry->d_name, ".ini") != NULL;
}

static void find_files(void)
{
	const char *source = getenv("srcdir");

	snprintf(directory, sizeof(directory), "%s/tests/bad-configs", source != NULL ? source : ".");
	name_count = scandir(directory, &names, is_ini, alphasort);
}

static void read_expected(const char *line, struct expected *expected)
{
	char *rest;

	expected->line = (unsigned)strtoul(line, &rest, 10);

	const char *bar = strstr(rest, " | ");

	ck_assert_msg(bar != NULL && bar > rest + 1, "not an announcement: %s", line);
	snprintf(expected->subject, sizeof(expected->subject), "%.*s", (int)(bar - rest - 1), rest + 1);
	snprintf(expected->part, sizeof(expected->part), "%s", bar + 3);
	expected->part[strcspn(expected->part, "\n")] = '\0';
}

static void read_announcement(const char *path, struct announcement *announcement)
{
	static const char start[] = "; expect ";
	char line[512];
	_cleanup_file_ FILE *file = fopen(path, "re");

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "; needs root", 12) == 0)
			announcement->needs_root = true;
		if (strncmp(line, start, sizeof(start) - 1) != 0)
			continue;
		ck_assert_uint_lt(announcement->count, EXPECTED_MAX);
		read_expected(line + sizeof(start) - 1, &announcement->items[announcement->count++]);
	}
	ck_assert_msg(announcement->count > 0, "%s announces nothing", path);
}

static void compare(const char *name, const struct conf_error *error, const struct expected *expected)
{
	const char *subject = error->subject != NULL ? error->subject : "-";

	ck_assert_msg(error->line == expected->line, "%s: line %u (%s: %s), expected %u (%s)", name,
		      error->line, subject, error->reason, expected->line, expected->part);
	ck_assert_msg(strcmp(subject, expected->subject) == 0, "%s:%u: '%s' (%s), expected '%s'", name,
		      error->line, subject, error->reason, expected->subject);
	ck_assert_msg(strstr(error->reason, expected->part) != NULL, "%s:%u: '%s', expected '%s'", name,
		      error->line, error->reason, expected->part);
	ck_assert_msg(strlen(error->reason) > 10, "%s:%u: '%s' explains little", name, error->line,
		      error->reason);
}

START_TEST(bad_config)
{
	const struct conf_environment environment = {.services_directory = "/nonexistent"};
	struct announcement announcement = {.count = 0};
	struct conf_errors errors = {0};
	struct conf *conf = NULL;
	const char *name = names[_i]->d_name;
	char path[PATH_MAX + NAME_MAX + 2];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	read_announcement(path, &announcement);
	if (announcement.needs_root && geteuid() != 0)
		return;

	int r = conf_load(path, &environment, &conf, &errors);

	ck_assert_msg(r == -EINVAL, "%s: %d", name, r);
	ck_assert_ptr_null(conf);
	for (size_t i = 0; i < errors.count && i < announcement.count; i++) {
		ck_assert_str_eq(errors.items[i].path, path);
		compare(name, &errors.items[i], &announcement.items[i]);
	}
	ck_assert_msg(errors.count == announcement.count, "%s: %zu errors, expected %zu; one is %u: %s", name,
		      errors.count, announcement.count, errors.items[errors.count - 1].line,
		      errors.items[errors.count - 1].reason);
	conf_errors_free(&errors);
}
END_TEST

START_TEST(there_are_enough)
{
	ck_assert_int_ge(name_count, ENOUGH);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_bad");
	TCase *all = tcase_create("files");

	find_files();
	tcase_add_test(all, there_are_enough);
	if (name_count > 0)
		tcase_add_loop_test(all, bad_config, 0, name_count);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
