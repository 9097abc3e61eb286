/* check_child.c - the child's half of a spawn on a kernel that is played here: which calls it makes, in which order and
 * with what, and what it does when any of them fails. No process is started. */
#include "raw-call.h"

#undef raw_call_padded
#define raw_call_padded(number, a, b, c, d, e, ...) \
	played_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
static long played_call(long number, long a, long b, long c, long d, long e);

#include "../src/child.c"

#include "base.h"
#include "run.h"

#include <setjmp.h>
#include <string.h>

#ifdef SYS_dup2
#define CALL_PUT SYS_dup2
#else
#define CALL_PUT SYS_dup3
#endif
#define CALLS_MOST 64
#define NO_CALL    (-1L)
#define GROUPS     3

struct played {
	long number, arguments[5];
};

static struct played calls[CALLS_MOST];
static size_t call_count;
static jmp_buf at_exit;
static long exit_status;

/* What the kernel answers. */
static long bad_call;     /* the number that fails, */
static unsigned bad_turn; /* when it is called for the so many'th time, from 1, */
static long bad_result;   /* like this */
static struct rlimit has, raised, set; /* `set` is the last one */
static uid_t uids[3];
static gid_t gids[3], kernel_groups[GROUPS];
static long kernel_group_count;
static unsigned file_mode;

static struct child_plan plan;
static volatile struct child_failure failure;
static gid_t wanted_groups[GROUPS], seen_groups[GROUPS];
static struct child_limit limits[1];
static int niceness;
static char pid_text[12], datagram[16];

static void answer_ids(const uint32_t *ids, const long *to)
{
	for (size_t i = 0; i < 3; i++)
		memcpy((void *)to[i], &ids[i], sizeof(ids[i]));
}

static long answer(const struct played *call)
{
	const long *arguments = call->arguments;

	if (call->number == SYS_prlimit64 && arguments[3] != 0)
		memcpy((void *)arguments[3], &has, sizeof(has));
	if (call->number == SYS_prlimit64 && arguments[2] != 0) {
		raised = set;
		memcpy(&set, (void *)arguments[2], sizeof(set));
	}
	if (call->number == RAW_GETRESUID)
		answer_ids(uids, arguments);
	if (call->number == RAW_GETRESGID)
		answer_ids(gids, arguments);
	if (call->number == RAW_GETGROUPS) {
		memcpy((void *)arguments[1], kernel_groups, sizeof(kernel_groups));
		return kernel_group_count;
	}
	if (call->number == RAW_SETUID)
		return -EPERM;
	if (call->number == SYS_statx)
		((struct statx *)arguments[4])->stx_mode = (uint16_t)file_mode;
	if (call->number == SYS_recvfrom || call->number == SYS_write)
		return 5;
	if (call->number == SYS_openat)
		return 8;
	if (call->number == SYS_memfd_create)
		return 9;
	if (call->number == SYS_getpid)
		return 40705;
	return 0;
}

static long played_call(long number, long a, long b, long c, long d, long e)
{
	unsigned turn = 1;

	ck_assert_uint_lt(call_count, CALLS_MOST);
	for (size_t i = 0; i < call_count; i++)
		turn += calls[i].number == number;
	calls[call_count] = (struct played){ number, { a, b, c, d, e } };
	if (number == SYS_exit_group) {
		exit_status = a;
		longjmp(at_exit, 1);
	}
	call_count++;
	return number == bad_call && turn == bad_turn ? bad_result : answer(&calls[call_count - 1]);
}

/* A program that asks for everything. */
static void set_up(void)
{
	static char *const words[] = { NULL };

	call_count = 0;
	exit_status = -1;
	bad_call = NO_CALL;
	failure.stage = CHILD_STAGE_NONE;
	failure.error = 0;
	has = (struct rlimit){ 100, 200 };
	set = (struct rlimit){ 0 };
	for (size_t i = 0; i < 3; i++) {
		uids[i] = 1001;
		gids[i] = 1002;
	}
	wanted_groups[0] = kernel_groups[1] = 5;
	wanted_groups[1] = kernel_groups[2] = 6;
	wanted_groups[2] = kernel_groups[0] = 7;
	kernel_group_count = GROUPS;
	file_mode = S_IFREG;
	limits[0] = (struct child_limit){ 7, { 150, 300 } };
	niceness = 4;
	memset(pid_text, 'x', sizeof(pid_text));
	plan = (struct child_plan){
		.program = "/program",
		.argv = words,
		.envp = words,
		.pid_text = pid_text,
		.table_size = 64,
		.input = 10,
		.output = 11,
		.error = 12,
		.datagram = -1,
		.datagram_buffer = datagram,
		.datagram_room = sizeof(datagram),
		.third = 13,
		.limits = limits,
		.limit_count = 1,
		.nice = &niceness,
		.chroot = "/root",
		.directory = "/home",
		.umask = 027,
		.change_identity = true,
		.uid = 1001,
		.gid = 1002,
		.groups = wanted_groups,
		.group_count = GROUPS,
		.groups_seen = seen_groups,
		.no_new_privileges = true,
		.failure = &failure,
	};
}

static void run_child(void)
{
	if (setjmp(at_exit) == 0)
		child_run(&plan);
	ck_assert_int_ne(exit_status, -1);
}

static const struct played *find_call(long number, unsigned turn)
{
	for (size_t i = 0; i < call_count; i++)
		if (calls[i].number == number && --turn == 0)
			return &calls[i];
	return NULL;
}

static bool was_called(long number, unsigned turn, long a, long b, long c)
{
	const struct played *call = find_call(number, turn);

	return call != NULL && call->arguments[0] == a && call->arguments[1] == b && call->arguments[2] == c;
}

/* ---- what it does ---- */

/* The whole, in order: rights are given up after what needs them, 0 and 1 come last. */
START_TEST(order)
{
	static const long expected[] = {
		SYS_close_range, SYS_setsid,     SYS_setpriority, SYS_prlimit64, SYS_prlimit64,    CALL_PUT,
		SYS_chroot,      SYS_chdir,      RAW_SETGROUPS,   RAW_SETRESGID, RAW_SETRESUID,    RAW_GETRESUID,
		RAW_GETRESGID,   RAW_GETGROUPS,  RAW_SETUID,      SYS_umask,     SYS_chdir,        SYS_prctl,
		CALL_PUT,        CALL_PUT,       CALL_PUT,        SYS_prlimit64, SYS_prlimit64,    SYS_rt_sigaction,
		SYS_rt_sigaction, SYS_getpid,    SYS_rt_sigprocmask, SYS_execve,
	};

	run_child();
	ck_assert_uint_eq(call_count, ELEMENTS(expected));
	for (size_t i = 0; i < call_count; i++)
		ck_assert_msg(calls[i].number == expected[i], "call %zu is %ld", i, calls[i].number);
	ck_assert(was_called(SYS_close_range, 1, 64, ~0U, CLOSE_RANGE_UNSHARE));
	ck_assert(was_called(SYS_setpriority, 1, PRIO_PROCESS, 0, 4));
	ck_assert(was_called(CALL_PUT, 1, 12, 2, 0));
	ck_assert(was_called(RAW_SETGROUPS, 1, GROUPS, (long)wanted_groups, 0));
	ck_assert(was_called(RAW_SETRESGID, 1, 1002, 1002, 1002));
	ck_assert(was_called(RAW_SETRESUID, 1, 1001, 1001, 1001));
	ck_assert(was_called(RAW_SETUID, 1, 0, 0, 0));
	ck_assert(was_called(SYS_umask, 1, 027, 0, 0));
	ck_assert_str_eq((const char *)find_call(SYS_chroot, 1)->arguments[0], "/root");
	ck_assert_str_eq((const char *)find_call(SYS_chdir, 1)->arguments[0], "/");
	ck_assert_str_eq((const char *)find_call(SYS_chdir, 2)->arguments[0], "/home");
	ck_assert(was_called(SYS_prctl, 1, PR_SET_NO_NEW_PRIVS, 1, 0));
	ck_assert(was_called(CALL_PUT, 2, 10, 0, 0));
	ck_assert(was_called(CALL_PUT, 3, 11, 1, 0));
	ck_assert(was_called(CALL_PUT, 4, 13, 3, 0));
	ck_assert_int_eq(find_call(SYS_rt_sigaction, 1)->arguments[0], 32);
	ck_assert_int_eq(find_call(SYS_rt_sigaction, 2)->arguments[0], 33);
	ck_assert_int_eq(find_call(SYS_rt_sigprocmask, 1)->arguments[0], SIG_SETMASK);
	ck_assert_str_eq(pid_text, "40705");
	/* An exec that comes back without an error, as none does: nothing is told, but nobody goes on, either. */
	ck_assert_int_eq(exit_status, EXIT_SETUP);
	ck_assert_int_eq(failure.stage, CHILD_STAGE_NONE);
}
END_TEST

START_TEST(nothing_asked_for)
{
	plan.nice = NULL;
	plan.limit_count = 0;
	plan.chroot = NULL;
	plan.change_identity = false;
	plan.no_new_privileges = false;
	plan.pid_text = NULL;
	plan.third = -1;
	plan.error = -1;
	run_child();
	ck_assert(was_called(CALL_PUT, 1, 11, 2, 0)); /* stderr is the output */
	ck_assert(was_called(CALL_PUT, 3, 11, 1, 0));
	ck_assert_ptr_null(find_call(CALL_PUT, 4));
	for (size_t i = 0; i < call_count; i++)
		ck_assert(calls[i].number != SYS_setpriority && calls[i].number != SYS_prlimit64 &&
			  calls[i].number != SYS_chroot && calls[i].number != RAW_SETGROUPS &&
			  calls[i].number != RAW_SETRESUID && calls[i].number != RAW_GETRESUID &&
			  calls[i].number != SYS_prctl && calls[i].number != SYS_getpid);
	ck_assert_uint_eq(call_count, 11);
}
END_TEST

/* It stands at 3 already: it is only left open. */
START_TEST(third_in_place)
{
	plan.third = 3;
	run_child();
	ck_assert(was_called(SYS_fcntl, 1, 3, F_SETFD, 0));
	ck_assert_ptr_null(find_call(CALL_PUT, 4));
}
END_TEST

START_TEST(datagram_is_input)
{
	plan.datagram = 14;
	run_child();
	ck_assert(was_called(SYS_recvfrom, 1, 14, (long)datagram, sizeof(datagram)));
	ck_assert(was_called(SYS_write, 1, 9, (long)datagram, 5));
	ck_assert(was_called(SYS_lseek, 1, 9, 0, SEEK_SET));
	ck_assert(was_called(CALL_PUT, 2, 9, 0, 0));
	ck_assert(was_called(CALL_PUT, 3, 11, 1, 0));
}
END_TEST

START_TEST(stderr_into_a_file)
{
	plan.error_path = "/file";
	file_mode = _i != 0 ? S_IFCHR : S_IFREG;
	run_child();
	ck_assert_str_eq((const char *)find_call(SYS_openat, 1)->arguments[1], "/file");
	ck_assert(was_called(SYS_fcntl, 1, 8, F_SETFL, O_APPEND));
	ck_assert(was_called(CALL_PUT, 1, 8, 2, 0));
	ck_assert_int_eq(failure.stage, CHILD_STAGE_NONE);
}
END_TEST

/* ---- limits ---- */

/* What there is and what is asked for; what is set by the first step (0: nothing), and by the second. */
static const struct {
	struct rlimit has, wanted;
	long raise_error;
	rlim_t raised;
	struct rlimit set;
} limit_rows[] = {
	{ { 100, 200 }, { 150, 300 }, 0, 300, { 150, 200 } },
	{ { 100, 200 }, { 150, 200 }, 0, 0, { 150, 200 } },
	{ { 100, 200 }, { 50, 60 }, 0, 0, { 50, 60 } },
	{ { 100, 200 }, { 250, 300 }, -EPERM, 300, { 200, 200 } },
};

START_TEST(limits_set)
{
	has = limit_rows[_i].has;
	limits[0].value = limit_rows[_i].wanted;
	if (limit_rows[_i].raise_error != 0) {
		bad_call = SYS_prlimit64;
		bad_turn = 2;
		bad_result = limit_rows[_i].raise_error;
	}
	run_child();
	ck_assert_int_eq(failure.stage, CHILD_STAGE_NONE);
	ck_assert_uint_eq(raised.rlim_max, limit_rows[_i].raise_error == 0 ? limit_rows[_i].raised : 0);
	ck_assert_uint_eq(raised.rlim_cur, limit_rows[_i].raise_error == 0 && limit_rows[_i].raised != 0 ? 100 : 0);
	ck_assert_uint_eq(set.rlim_cur, limit_rows[_i].set.rlim_cur);
	ck_assert_uint_eq(set.rlim_max, limit_rows[_i].set.rlim_max);
	ck_assert_ptr_null(find_call(SYS_prlimit64, limit_rows[_i].raised != 0 ? 5 : 4));
	for (unsigned i = 1; find_call(SYS_prlimit64, i) != NULL; i++)
		ck_assert_int_eq(find_call(SYS_prlimit64, i)->arguments[1], 7);
}
END_TEST

/* ---- each failure ends it ---- */

static const struct {
	const char *name;
	long call;
	unsigned turn;
	long result;
	enum child_stage stage;
	int error;
} failures[] = {
	{ "table", SYS_close_range, 1, -EMFILE, CHILD_STAGE_TABLE, EMFILE },
	{ "session", SYS_setsid, 1, -EPERM, CHILD_STAGE_SESSION, EPERM },
	{ "nice", SYS_setpriority, 1, -EACCES, CHILD_STAGE_NICE, EACCES },
	{ "a limit asked for", SYS_prlimit64, 1, -EINVAL, CHILD_STAGE_RLIMIT_RAISE, EINVAL },
	{ "a limit raised", SYS_prlimit64, 2, -EINVAL, CHILD_STAGE_RLIMIT_RAISE, EINVAL },
	{ "a limit asked for again", SYS_prlimit64, 3, -EPERM, CHILD_STAGE_RLIMIT, EPERM },
	{ "a limit set", SYS_prlimit64, 4, -EPERM, CHILD_STAGE_RLIMIT, EPERM },
	{ "file of stderr", SYS_openat, 1, -ELOOP, CHILD_STAGE_STDERR, ELOOP },
	{ "kind of that file", SYS_statx, 1, -EIO, CHILD_STAGE_STDERR, EIO },
	{ "flags of that file", SYS_fcntl, 1, -EINVAL, CHILD_STAGE_STDERR, EINVAL },
	{ "stderr", CALL_PUT, 1, -EBUSY, CHILD_STAGE_STDERR, EBUSY },
	{ "chroot", SYS_chroot, 1, -ENOENT, CHILD_STAGE_CHROOT, ENOENT },
	{ "directory in it", SYS_chdir, 1, -EACCES, CHILD_STAGE_CHROOT, EACCES },
	{ "groups", RAW_SETGROUPS, 1, -EPERM, CHILD_STAGE_GROUPS, EPERM },
	{ "group", RAW_SETRESGID, 1, -EPERM, CHILD_STAGE_GID, EPERM },
	{ "user", RAW_SETRESUID, 1, -EAGAIN, CHILD_STAGE_UID, EAGAIN },
	{ "look at the user", RAW_GETRESUID, 1, -EFAULT, CHILD_STAGE_VERIFY, EFAULT },
	{ "look at the group", RAW_GETRESGID, 1, -EFAULT, CHILD_STAGE_VERIFY, EFAULT },
	{ "look at the groups", RAW_GETGROUPS, 1, -EINVAL, CHILD_STAGE_VERIFY, EPERM },
	{ "root had back", RAW_SETUID, 1, 0, CHILD_STAGE_VERIFY, EPERM },
	{ "directory", SYS_chdir, 2, -ENOENT, CHILD_STAGE_DIRECTORY, ENOENT },
	{ "no new privileges", SYS_prctl, 1, -EINVAL, CHILD_STAGE_NO_NEW_PRIVILEGES, EINVAL },
	{ "a datagram taken", SYS_recvfrom, 1, -EAGAIN, CHILD_STAGE_DATAGRAM, EAGAIN },
	{ "a file for it", SYS_memfd_create, 1, -EMFILE, CHILD_STAGE_DATAGRAM, EMFILE },
	{ "it is written", SYS_write, 1, -ENOSPC, CHILD_STAGE_DATAGRAM, ENOSPC },
	{ "a part of it is written", SYS_write, 1, 4, CHILD_STAGE_DATAGRAM, EIO },
	{ "its beginning", SYS_lseek, 1, -EINVAL, CHILD_STAGE_DATAGRAM, EINVAL },
	{ "input", CALL_PUT, 2, -EBUSY, CHILD_STAGE_DATAGRAM, EBUSY },
	{ "output", CALL_PUT, 3, -EBUSY, CHILD_STAGE_DESCRIPTORS, EBUSY },
	{ "third", CALL_PUT, 4, -EBUSY, CHILD_STAGE_DESCRIPTORS, EBUSY },
	{ "a signal", SYS_rt_sigaction, 1, -EINVAL, CHILD_STAGE_SIGNALS, EINVAL },
	{ "the other signal", SYS_rt_sigaction, 2, -EINVAL, CHILD_STAGE_SIGNALS, EINVAL },
	{ "mask of signals", SYS_rt_sigprocmask, 1, -EINVAL, CHILD_STAGE_SIGNALS, EINVAL },
	{ "exec", SYS_execve, 1, -ENOEXEC, CHILD_STAGE_EXEC, ENOEXEC },
};

START_TEST(each_failure)
{
	plan.datagram = 14;
	plan.error_path = "/file";
	bad_call = failures[_i].call;
	bad_turn = failures[_i].turn;
	bad_result = failures[_i].result;
	run_child();
	ck_assert_msg(failure.stage == failures[_i].stage, "%s: %s", failures[_i].name, child_stage_name(failure.stage));
	ck_assert_msg(failure.error == failures[_i].error, "%s: %d", failures[_i].name, failure.error);
	ck_assert_int_eq(exit_status, failures[_i].stage == CHILD_STAGE_EXEC ? 126 : 125);
	ck_assert_int_eq(find_call(SYS_execve, 1) != NULL, failures[_i].stage == CHILD_STAGE_EXEC);
}
END_TEST

START_TEST(input_fails)
{
	bad_call = CALL_PUT;
	bad_turn = 2;
	bad_result = -EBUSY;
	run_child();
	ck_assert_int_eq(failure.stage, CHILD_STAGE_DESCRIPTORS);
	ck_assert_int_eq(failure.error, EBUSY);
	ck_assert_ptr_null(find_call(CALL_PUT, 3));
}
END_TEST

START_TEST(stderr_is_no_file)
{
	plan.error_path = "/file";
	file_mode = S_IFIFO;
	run_child();
	ck_assert_int_eq(failure.stage, CHILD_STAGE_STDERR);
	ck_assert_int_eq(failure.error, EINVAL);
}
END_TEST

/* ---- who it became ---- */

enum wrong { RUID, EUID, SUID, RGID, EGID, SGID, ONE_GROUP, FEWER_GROUPS, MORE_GROUPS };

static void make_wrong(enum wrong wrong)
{
	if (wrong <= SUID)
		uids[wrong - RUID] = 0;
	else if (wrong <= SGID)
		gids[wrong - RGID] = 0;
	else if (wrong == ONE_GROUP)
		kernel_groups[1] = 0;
	else
		kernel_group_count += wrong == FEWER_GROUPS ? -1 : 1;
}

START_TEST(somebody_else)
{
	make_wrong((enum wrong)_i);
	run_child();
	ck_assert_int_eq(failure.stage, CHILD_STAGE_VERIFY);
	ck_assert_int_eq(failure.error, EPERM);
	ck_assert_int_eq(exit_status, 125);
}
END_TEST

/* Root stays root, and need not be unable to become it. */
START_TEST(root)
{
	plan.uid = uids[0] = uids[1] = uids[2] = 0;
	bad_call = RAW_SETUID;
	bad_turn = 1;
	bad_result = 0;
	run_child();
	ck_assert_int_eq(failure.stage, CHILD_STAGE_NONE);
	ck_assert_ptr_null(find_call(RAW_SETUID, 1));
}
END_TEST

START_TEST(names)
{
	for (int stage = 0; stage < CHILD_STAGES; stage++)
		ck_assert_ptr_nonnull(child_stage_name((enum child_stage)stage));
	ck_assert_str_eq(child_stage_name(CHILD_STAGE_VERIFY), "verify_user");
	ck_assert_str_eq(child_stage_name(CHILD_STAGES), "unknown");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("child");
	TCase *tests = tcase_create("child");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, order);
	tcase_add_test(tests, nothing_asked_for);
	tcase_add_test(tests, third_in_place);
	tcase_add_test(tests, datagram_is_input);
	tcase_add_loop_test(tests, stderr_into_a_file, 0, 2);
	tcase_add_loop_test(tests, limits_set, 0, ELEMENTS(limit_rows));
	tcase_add_loop_test(tests, each_failure, 0, ELEMENTS(failures));
	tcase_add_test(tests, input_fails);
	tcase_add_test(tests, stderr_is_no_file);
	tcase_add_loop_test(tests, somebody_else, RUID, MORE_GROUPS + 1);
	tcase_add_test(tests, root);
	tcase_add_test(tests, names);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
