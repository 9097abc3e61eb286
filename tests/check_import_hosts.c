/* check_import_hosts.c - to be written. */
#include "import_help.h"

static Suite *make_suite(void)
{
	return suite_create("import_hosts");
}

RUN_SUITE(make_suite)
