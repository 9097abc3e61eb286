/* check_import_inetd.c - to be written. */
#include "import_help.h"

static Suite *make_suite(void)
{
	return suite_create("import_inetd");
}

RUN_SUITE(make_suite)
