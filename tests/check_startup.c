/* check_startup.c - whatever a process was started with is put right: each test
 * dirties its own (forked) process and cleans it up. The pipe to the test's
 * runner goes with everything else, so what is wrong is told by exit status. */
#include "startup.h"

#include "core_help.h"

#include <sys/resource.h>

/* Dispositions back at their defaults, nothing blocked; what was pending is gone. */
START_TEST(signals)
{
	static const int ignored[] = { SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGTSTP, 64 };
	sigset_t all, now;
	struct sigaction action;

	for (size_t i = 0; i < ELEMENTS(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise(SIGUSR2);
	raise(SIGQUIT);
	if (startup_clean(0) != 0)
		_exit(1);
	for (size_t i = 0; i < ELEMENTS(ignored); i++)
		if (sigaction(ignored[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
			_exit(ignored[i]);
	if (sigprocmask(SIG_SETMASK, NULL, &now) != 0)
		_exit(2);
	for (int signo = 1; signo <= 64; signo++)
		if (sigismember(&now, signo) == 1)
			_exit(100 + signo);
	_exit(0);
}
END_TEST

/* 0 to 2 are open, umask and the limit of descriptors are as they should be. */
START_TEST(surroundings)
{
	struct rlimit limit = { 100, 200 };
	int standard[3];

	for (int fd = 0; fd < 3; fd++)
		standard[fd] = fcntl(fd, F_DUPFD, 50);
	umask(0777);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (startup_clean(0) != 0)
		_exit(1);
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) != 0)
			_exit(2 + fd);
	if (umask(0) != 022)
		_exit(5);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur != limit.rlim_max)
		_exit(6);
	/* Nothing that was inherited gets any further. */
	for (size_t i = 0; i < ELEMENTS(standard); i++)
		if (fcntl(standard[i], F_GETFD) == 0)
			_exit(7);
	_exit(0);
}
END_TEST

/* The starter's exit status: success once ready was told, else the child's. */
START_TEST(background)
{
	int status, expected = _i == 0 ? 0 : 71;
	pid_t starter = fork();

	if (starter == 0) {
		int report;

		if (startup_background(&report) < 0)
			_exit(1);
		if (getsid(0) != getpid())
			_exit(2);
		if (_i == 0)
			startup_background_ready(report);
		_exit(_i == 0 ? 3 : 71);
	}
	ck_assert_int_eq(waitpid(starter, &status, 0), starter);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), expected);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("startup");
	TCase *tests = tcase_create("startup");

	tcase_add_exit_test(tests, signals, 0);
	tcase_add_exit_test(tests, surroundings, 0);
	tcase_add_loop_test(tests, background, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
