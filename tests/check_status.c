/* check_status.c - the status service as it ships. */
#include "run.h"

static Suite *make_suite(void)
{
	return suite_create("status");
}

RUN_SUITE(make_suite)
