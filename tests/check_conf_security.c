/* check_conf_security.c - whom a file could be from: owners and modes of all that is on the way to it. */
#include "conf-security.h"

#include "base.h"
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static char folder[] = "/tmp/check_conf_security.XXXXXX";
static char reason[CONF_FILE_REASON_MAX];

static void in_folder(const char *command)
{
	char line[PATH_MAX + 2048];

	snprintf(line, sizeof(line), "cd '%s' && { %s; }", folder, command);
	ck_assert_msg(system(line) == 0, "%s", command);
}

static void set_up(void)
{
	strcpy(folder, "/tmp/check_conf_security.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	in_folder("umask 022; mkdir a a/b; echo x > a/b/file; chmod 755 .");
	reason[0] = '\0';
}

static void tear_down(void)
{
	char command[256];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static const struct {
	const char *command, *path; /* in the folder */
	int result;
	const char *reason;
} ways[] = {
	{ ":", "a/b/file", 0, "" },
	{ ":", "a/./b//file", 0, "" },
	{ ":", "a/b/../b/../../a/b/file", 0, "" },
	{ ":", "a/b/", 0, "" },
	{ "chmod 664 a/b/file", "a/b/file", -EPERM, "a/b/file (mode 0664, owner " },
	{ "chmod 646 a/b/file", "a/b/file", -EPERM, "can be written by others; chmod go-w it" },
	{ "chmod 600 a/b/file", "a/b/file", 0, "" },
	{ "chmod 6755 a/b/file", "a/b/file", 0, "" },
	{ "chmod 777 a", "a/b/file", -EPERM, "/a (mode 0777, owner " },
	{ "chmod 775 a/b", "a/b/file", -EPERM, "/a/b (mode 0775, owner " },
	{ "chmod 1777 a", "a/b/file", 0, "" },
	{ "chmod 1666 a/b/file", "a/b/file", -EPERM, "can be written by others" },
	{ "chmod 777 a", "a/../a/b/file", -EPERM, "/a (mode 0777" },
	{ "ln -s b a/link", "a/link/file", 0, "" },
	{ "ln -s ../a/b a/link", "a/link/file", 0, "" },
	{ "ln -s file a/b/link", "a/b/link", 0, "" },
	{ "ln -s \"$PWD/a/b\" link", "link/file", 0, "" },
	{ "ln -s /nowhere/else link", "link/file", -ENOENT, "cannot open the file: /nowhere: No such file" },
	{ "mkdir c; chmod 777 c; echo > c/file; ln -s ../c/file a/link", "a/link", -EPERM, "/c (mode 0777" },
	{ "mkdir c; chmod 777 c; ln -s \"$PWD/a/b/file\" c/link", "c/link", -EPERM, "/c (mode 0777" },
	{ "ln -s link link", "link", -ELOOP, "cannot open the file: Too many levels" },
	{ ":", "a/nothing", -ENOENT, "/a/nothing: No such file" },
	{ ":", "a/b/file/more", -ENOTDIR, "/a/b/file/more: Not a directory" },
};

START_TEST(way)
{
	char path[PATH_MAX];

	in_folder(ways[_i].command);
	snprintf(path, sizeof(path), "%s/%s", folder, ways[_i].path);
	for (int turn = 0; turn < 2; turn++) {
		int r = conf_security_check(turn == 0 ? path : ways[_i].path, reason);

		ck_assert_msg(r == ways[_i].result, "%s, %s: %d %s", ways[_i].command, ways[_i].path, r, reason);
		ck_assert_msg(strstr(reason, ways[_i].reason) != NULL, "%s: %s", ways[_i].path, reason);
		ck_assert(r != 0 || reason[0] == '\0');
		ck_assert_int_eq(chdir(folder), 0); /* the same from here, by its relative path */
	}
}
END_TEST

/* So many links in a row, and one more. */
START_TEST(links)
{
	char path[PATH_MAX];

	in_folder("ln -s a/b/file l1; i=1; while [ $i -lt 41 ]; do ln -s l$i l$((i + 1)); i=$((i + 1)); done");
	snprintf(path, sizeof(path), "%s/l40", folder);
	ck_assert_int_eq(conf_security_check(path, reason), 0);
	snprintf(path, sizeof(path), "%s/l41", folder);
	ck_assert_int_eq(conf_security_check(path, reason), -ELOOP);
}
END_TEST

START_TEST(other_owner)
{
	char path[PATH_MAX];

	if (geteuid() != 0)
		return; /* nobody else can give files away */
	snprintf(path, sizeof(path), "%s/a/b/file", folder);
	in_folder("chown 1 a/b/file");
	ck_assert_int_eq(conf_security_check(path, reason), -EPERM);
	ck_assert_ptr_nonnull(strstr(reason, "owner 1, group 0) belongs to another user; chown it to root"));
	in_folder("chown 0 a/b/file; ln -s file a/b/link; chown -h 1 a/b/link");
	ck_assert_int_eq(conf_security_check(path, reason), 0);
	snprintf(path, sizeof(path), "%s/a/b/link", folder);
	ck_assert_int_eq(conf_security_check(path, reason), -EPERM);
	in_folder("chown 1 a; chmod 1755 a");
	ck_assert_int_eq(conf_security_check(path, reason), -EPERM);
	ck_assert_ptr_nonnull(strstr(reason, "/a (mode 1755, owner 1"));
	/* What is root's or one's own is right. */
	ck_assert_int_eq(seteuid(1), 0);
	in_folder("true");
	snprintf(path, sizeof(path), "%s/a", folder);
	ck_assert_int_eq(conf_security_check(path, reason), 0);
	ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* Names and paths up to what there can be, and beyond. */
START_TEST(long_names)
{
	static char path[2 * PATH_MAX];
	size_t length = strlen(folder);

	memcpy(path, folder, length);
	path[length] = '/';
	memset(path + length + 1, 'n', NAME_MAX);
	ck_assert_int_eq(conf_security_check(path, reason), -ENOENT);
	path[length + 1 + NAME_MAX] = 'n';
	ck_assert_int_eq(conf_security_check(path, reason), -ENAMETOOLONG);
	ck_assert_str_eq(reason, "the path is too long");
	memset(path, '/', PATH_MAX);
	path[PATH_MAX] = '\0';
	ck_assert_int_eq(conf_security_check(path, reason), -ENAMETOOLONG);
	path[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(conf_security_check(path, reason), 0);
	/* What a link adds counts. */
	ck_assert_int_eq(chdir(folder), 0);
	in_folder("ln -s a/b/../../a/b/../../a/b/../../a/b/../../a/b/../../a/b/../../a/b/../../a/b link");
	length = (size_t)sprintf(path, "%s/link", folder);
	memset(path + length, '/', PATH_MAX - 1 - length);
	ck_assert_int_eq(conf_security_check(path, reason), -ENAMETOOLONG);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf-security");
	TCase *tests = tcase_create("ways");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, way, 0, ELEMENTS(ways));
	tcase_add_test(tests, links);
	tcase_add_test(tests, other_owner);
	tcase_add_test(tests, long_names);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
