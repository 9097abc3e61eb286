/* check_spawn_failures.c - real children: each stage that can fail is told, and nothing is
 * left. */
#include "spawn_help.h"

/* ---- failures ---- */

enum trouble {
	NO_DIRECTORY,
	FILE_AS_DIRECTORY,
	NO_CHROOT,
	NO_PROGRAM,
	NO_FORMAT,
	NOT_EXECUTABLE,
	PROGRAM_IS_DIRECTORY,
	NO_INTERPRETER,
	STDERR_DIRECTORY_MISSING,
	STDERR_IS_LINK,
	STDERR_IS_FIFO,
	NO_DATAGRAM,
	NOT_ROOT_GROUPS,
};

static const struct {
	enum trouble trouble;
	enum child_stage stage;
	int error;
} troubles[] = {
	{ NO_DIRECTORY, CHILD_STAGE_DIRECTORY, ENOENT },
	{ FILE_AS_DIRECTORY, CHILD_STAGE_DIRECTORY, ENOTDIR },
	{ NO_CHROOT, CHILD_STAGE_CHROOT, ENOENT },
	{ NO_PROGRAM, CHILD_STAGE_EXEC, ENOENT },
	{ NO_FORMAT, CHILD_STAGE_EXEC, ENOEXEC },
	{ NOT_EXECUTABLE, CHILD_STAGE_EXEC, EACCES },
	{ PROGRAM_IS_DIRECTORY, CHILD_STAGE_EXEC, EACCES },
	{ NO_INTERPRETER, CHILD_STAGE_EXEC, ENOENT },
	{ STDERR_DIRECTORY_MISSING, CHILD_STAGE_STDERR, ENOENT },
	{ STDERR_IS_LINK, CHILD_STAGE_STDERR, ELOOP },
	{ STDERR_IS_FIFO, CHILD_STAGE_STDERR, ENXIO },
	{ NO_DATAGRAM, CHILD_STAGE_DATAGRAM, EAGAIN },
	{ NOT_ROOT_GROUPS, CHILD_STAGE_GROUPS, EPERM },
};

static void make_trouble(enum trouble trouble)
{
	const char *missing = path_in(folder, "missing/thing"), *thing = path_in(folder, "thing");
	struct conf_stderr_target file = { CONF_STDERR_FILE, thing };

	switch (trouble) {
	case NO_DIRECTORY:
		service.directory = missing;
		break;
	case FILE_AS_DIRECTORY:
		service.directory = file_with("thing", 0600, "");
		break;
	case NO_CHROOT:
		service.chroot = missing;
		break;
	case NO_PROGRAM:
		service.program = missing;
		break;
	case NO_FORMAT:
		service.program = file_with("thing", 0700, "neither script nor program\n");
		break;
	case NOT_EXECUTABLE:
		service.program = file_with("thing", 0600, "#!/bin/sh\n");
		break;
	case PROGRAM_IS_DIRECTORY:
		service.program = folder;
		break;
	case NO_INTERPRETER:
		service.program = file_with("thing", 0700, "#!/nonexistent/interpreter\n");
		break;
	case STDERR_DIRECTORY_MISSING:
		file.path = missing;
		service.stderr_target = file;
		break;
	case STDERR_IS_LINK:
		ck_assert_int_eq(symlink("/dev/null", thing), 0);
		service.stderr_target = file;
		break;
	case STDERR_IS_FIFO:
		ck_assert_int_eq(mkfifo(thing, 0600), 0);
		service.stderr_target = file;
		break;
	case NO_DATAGRAM:
		break;
	case NOT_ROOT_GROUPS:
		if (geteuid() == 0)
			ck_assert_int_eq(setresuid(0, 65534, 0), 0);
		service.identity = (struct conf_identity){ .change = true, .uid = 65534, .gid = 65534 };
		service.stderr_target.kind = CONF_STDERR_NULL; /* a pipe could not be given away */
		break;
	}
}

/* The stage and the error are told; no descriptor, no zombie is left. */
START_TEST(failing_stage)
{
	enum trouble trouble = troubles[_i].trouble;
	struct spawn_request request = request_of(trouble == NO_DATAGRAM ? SPAWN_FILTER : SPAWN_CONNECTION);
	struct spawn_child child = { .pid = 12345 };
	struct spawn_failure failure;

	if (trouble == NO_CHROOT && geteuid() != 0)
		return; /* chroot(2) says EPERM first */
	use_program("/bin/true", NULL, NULL);
	service.stderr_target.kind = CONF_STDERR_LOG;
	make_trouble(trouble);

	size_t before = count_descriptors();

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(spawn_start(spawn, &request, &child, &failure), -troubles[_i].error);
		ck_assert_int_eq(failure.stage, troubles[_i].stage);
		ck_assert_int_eq(failure.error, troubles[_i].error);
		ck_assert_str_eq(failure.step, child_stage_name(troubles[_i].stage));
		ck_assert(!failure.before_child);
	}
	ck_assert_int_eq(child.pid, 12345);
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	if (trouble == NOT_ROOT_GROUPS)
		(void)!seteuid(0);
}
END_TEST

START_TEST(stage_names)
{
	for (int stage = 0; stage < CHILD_STAGES; stage++)
		ck_assert_ptr_nonnull(child_stage_name((enum child_stage)stage));
	ck_assert_str_eq(child_stage_name(CHILD_STAGES), "unknown");
	ck_assert_str_eq(child_stage_name(CHILD_STAGE_EXEC), "exec");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("spawn-failures");
	TCase *tests = tcase_create("spawn");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, failing_stage, 0, ELEMENTS(troubles));
	tcase_add_test(tests, stage_names);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
