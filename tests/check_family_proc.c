/* check_family_proc.c - what is read of /proc to find who belongs to a session, and what if
 * it cannot be read. */
#include "strays_help.h"

/* ---- /proc itself ---- */

START_TEST(processes)
{
	struct process_table table = { .count = 0 };
	struct process process, untouched = { .pid = 77 };
	int proc;

	begin(NEW_KERNEL);
	proc = family_proc_open();
	ck_assert_int_ge(proc, 0);
	ck_assert_int_eq(family_proc_read_all(proc, &table), 0);
	for (size_t i = 1; i < table.count; i++)
		ck_assert_int_lt(table.entries[i - 1].pid, table.entries[i].pid);
	ck_assert_ptr_nonnull(family_proc_find(&table, getpid()));
	ck_assert_int_eq(family_proc_find(&table, getpid())->parent, getppid());
	ck_assert_int_eq(family_proc_find(&table, getpid())->group, getpgrp());
	ck_assert_ptr_null(family_proc_find(&table, 0));
	ck_assert_int_eq(family_proc_read(proc, getpid(), &process), 0);
	ck_assert_uint_eq(process.started, family_proc_find(&table, getpid())->started);
	ck_assert_int_eq(process.state, 'R');
	ck_assert_int_eq(family_proc_read(proc, 0, &untouched), -ESRCH);
	ck_assert_int_eq(untouched.pid, 77);
	free(table.entries);
	table = (struct process_table){ .count = 0 };
	ck_assert_ptr_null(family_proc_find(&table, getpid()));
	close(proc);
}
END_TEST

static bool is_that(void *context, pid_t pid)
{
	return *(const pid_t *)context == pid;
}

/* What is read: neither other leaders nor what is below them, nobody twice, nobody from above. */
START_TEST(processes_below)
{
	struct process_table table = { .count = 0 };
	pid_t given, child, leader, gone;
	int proc;

	begin(NEW_KERNEL);
	proc = family_proc_open();
	given = start(have_strays);
	child = start(have_strays);
	leader = start(have_strays);
	gone = start(end_at_once);
	expect_end(gone, 0);

	const pid_t pids[] = { given, gone, given };

	ck_assert_int_eq(family_proc_read_below(proc, pids, 3, is_that, &leader, &table), 0);
	ck_assert_uint_eq(table.count, 8);
	for (size_t i = 1; i < table.count; i++)
		ck_assert_int_lt(table.entries[i - 1].pid, table.entries[i].pid);
	ck_assert_ptr_nonnull(family_proc_find(&table, given));
	ck_assert_ptr_nonnull(family_proc_find(&table, child));
	for (size_t i = 0; i < table.count; i++) {
		ck_assert_int_ne(table.entries[i].pid, leader);
		ck_assert_int_ne(table.entries[i].parent, leader);
		ck_assert_int_eq(table.entries[i].threads, 1);
	}
	table.count = 0;
	ck_assert_int_eq(family_proc_read_below(proc, &leader, 1, is_that, &leader, &table), 0);
	ck_assert_uint_eq(table.count, 12);
	free(table.entries);
	close(proc);
	end_all_children();
}
END_TEST

START_TEST(full_table)
{
	struct process_table table = { .most = 2 };
	int proc, root;

	begin(NEW_KERNEL);
	start(wait_for_end);
	start(wait_for_end);
	proc = family_proc_open();
	ck_assert_int_eq(family_proc_read_all(proc, &table), -E2BIG);
	ck_assert_uint_eq(table.count, 2);
	close(proc);
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(family_proc_read_below(root, NULL, 0, is_that, &root, &table), -ENOSYS);
	ck_assert_uint_eq(table.count, 0);
	close(root);
	free(table.entries);
	end_all_children();
}
END_TEST

/* With and without CONFIG_PROC_CHILDREN. */
START_TEST(children)
{
	int (*const lists[])(pid_t **, size_t *) = { family_proc_children, family_proc_search_children };
	_cleanup_free_ pid_t *pids = NULL;
	size_t count = 77;
	pid_t first, second;

	begin(NEW_KERNEL);
	ck_assert_int_eq(lists[_i](&pids, &count), 0);
	ck_assert_uint_eq(count, 0);
	free(pids);
	first = start(wait_for_end);
	second = start(have_strays);
	ck_assert_int_eq(lists[_i](&pids, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert((pids[0] == first && pids[1] == second) || (pids[0] == second && pids[1] == first));
	end_all_children();
}
END_TEST

/* /proc shows the numbers of another namespace. */
static int look_at_foreign_proc(void)
{
	struct family family = { .group = 2, .pidfd = -1, .session = 1 };

	return family_proc_open() == -ESRCH && search(&family, SIGKILL) == 0 ? 0 : 1;
}

START_TEST(foreign_proc)
{
	int status;

	begin(NEW_KERNEL);
	status = run_apart(look_at_foreign_proc);
	if (status == SKIPPED)
		puts("# skipped: no namespace for processes may be made");
	else
		ck_assert_int_eq(status, 0);
}
END_TEST

/* A /proc in which our threads cannot be seen is like that of a kernel without lists of children. */
static int hide_children(void)
{
	struct family family = { .session = SESSION };
	size_t found;
	pid_t *pids;
	size_t count = 0;

	if (mount("proc", "/proc", "proc", 0, NULL) != 0)
		return SKIPPED;
	family = start_session(have_strays, SESSION);
	if (mount("none", "/proc/1/task", "tmpfs", 0, NULL) != 0)
		return SKIPPED;
	if (family_proc_children(&pids, &count) != 0 || count != 1)
		return 1;
	found = search(&family, SIGTERM);
	kill(-family.group, SIGKILL);
	return found == 2 ? 0 : 2;
}

START_TEST(no_list_of_children)
{
	int status;

	begin(NEW_KERNEL);
	status = run_apart(hide_children);
	if (status == SKIPPED)
		puts("# skipped: no namespace with a /proc of its own may be made");
	else
		ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("family-proc");
	TCase *tests = tcase_create("strays");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, processes);
	tcase_add_test(tests, processes_below);
	tcase_add_test(tests, full_table);
	tcase_add_loop_test(tests, children, 0, 2);
	tcase_add_test(tests, no_list_of_children);
	tcase_add_test(tests, foreign_proc);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
