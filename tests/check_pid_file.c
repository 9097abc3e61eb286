/* check_pid_file.c - the pid file against links, FIFOs, a second holder, and
 * files that are left, removed or replaced. */
#include "pid-file.h"

#include "core_help.h"

static const char *folder, *path;
static char reason[PID_FILE_REASON_MAX];

static void set_up(void)
{
	folder = make_folder();
	path = path_in(folder, "pid");
	reason[0] = '\0';
}

static void tear_down(void)
{
	remove_folder(folder);
}

static void check_is_ours(void)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "%d\n", getpid());
	ck_assert_str_eq(read_file(path), expected);
}

START_TEST(fresh)
{
	size_t before = count_descriptors();
	struct pid_file *file;
	struct stat status;

	ck_assert_int_eq(pid_file_take(path, &file, reason), 0);
	check_is_ours();
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0133, 0);
	pid_file_drop(file);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_uint_eq(count_descriptors(), before);
	pid_file_drop(NULL);
}
END_TEST

START_TEST(stale)
{
	struct pid_file *file;

	write_file(path, 0644, "1234567890123 and more that was left by a crash\n");
	ck_assert_int_eq(pid_file_take(path, &file, reason), 0);
	check_is_ours();
	pid_file_drop(file);
}
END_TEST

START_TEST(second_holder)
{
	size_t before;
	struct pid_file *file, *other = NULL;
	char pid[16];

	ck_assert_int_eq(pid_file_take(path, &file, reason), 0);
	before = count_descriptors();
	ck_assert_int_eq(pid_file_take(path, &other, reason), -EBUSY);
	ck_assert_ptr_null(other);
	snprintf(pid, sizeof(pid), "pid %d", getpid());
	ck_assert_msg(strstr(reason, pid) != NULL && strstr(reason, path) != NULL, "%s", reason);
	check_is_ours();
	ck_assert_uint_eq(count_descriptors(), before);
	pid_file_drop(file);
	ck_assert_int_eq(pid_file_take(path, &file, reason), 0);
	pid_file_drop(file);
}
END_TEST

/* What is in the way, and what it must be afterwards: untouched. */
static void refuse(int error, const char *word)
{
	size_t before = count_descriptors();
	struct pid_file *file = NULL;

	ck_assert_int_eq(pid_file_take(path, &file, reason), -error);
	ck_assert_ptr_null(file);
	ck_assert_msg(strstr(reason, word) != NULL && strstr(reason, path) != NULL, "%s", reason);
	ck_assert_uint_eq(count_descriptors(), before);
}

START_TEST(symbolic_link)
{
	const char *target = path_in(folder, "target");

	write_file(target, 0600, "precious");
	ck_assert_int_eq(symlink(target, path), 0);
	refuse(ELOOP, "link");
	ck_assert_str_eq(read_file(target), "precious");
}
END_TEST

START_TEST(dangling_link)
{
	const char *target = path_in(folder, "target");

	ck_assert_int_eq(symlink(target, path), 0);
	refuse(ELOOP, "link");
	ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

START_TEST(hard_link)
{
	const char *target = path_in(folder, "target");

	write_file(target, 0600, "precious");
	ck_assert_int_eq(link(target, path), 0);
	refuse(EINVAL, "regular file");
	ck_assert_str_eq(read_file(target), "precious");
}
END_TEST

START_TEST(fifo)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refuse(EINVAL, "regular file");
}
END_TEST

START_TEST(directory)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refuse(EISDIR, "directory");
	rmdir(path);
}
END_TEST

START_TEST(missing_directory)
{
	path = path_in(folder, "missing/pid");
	refuse(ENOENT, "its directory is missing");
}
END_TEST

/* Somebody replaced it: theirs stays. */
START_TEST(replaced)
{
	struct pid_file *file;

	ck_assert_int_eq(pid_file_take(path, &file, reason), 0);
	ck_assert_int_eq(rename(path, path_in(folder, "aside")), 0);
	write_file(path, 0644, "another\n");
	pid_file_drop(file);
	ck_assert_str_eq(read_file(path), "another\n");
}
END_TEST

START_TEST(removed)
{
	struct pid_file *file;

	ck_assert_int_eq(pid_file_take(path, &file, reason), 0);
	ck_assert_int_eq(unlink(path), 0);
	pid_file_drop(file);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pid_file");
	TCase *tests = tcase_create("pid_file");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, fresh);
	tcase_add_test(tests, stale);
	tcase_add_test(tests, second_holder);
	tcase_add_test(tests, symbolic_link);
	tcase_add_test(tests, dangling_link);
	tcase_add_test(tests, hard_link);
	tcase_add_test(tests, fifo);
	tcase_add_test(tests, directory);
	tcase_add_test(tests, missing_directory);
	tcase_add_test(tests, replaced);
	tcase_add_test(tests, removed);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
