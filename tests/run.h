/* run.h - what every libcheck program here ends with: one suite, TAP on
 * standard output, exit status 0 only when nothing failed. */
#ifndef USHERD_TESTS_RUN_H
#define USHERD_TESTS_RUN_H

#include <check.h>
#include <stdlib.h>

static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);

	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The main() of a test program: RUN_SUITE(make_suite) */
#define RUN_SUITE(make)                                                                                        \
	int main(void)                                                                                         \
	{                                                                                                      \
		return run_suite(make());                                                                      \
	}

#endif
