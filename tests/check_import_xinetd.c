/* check_import_xinetd.c - to be written. */
#include "import_help.h"

static Suite *make_suite(void)
{
	return suite_create("import_xinetd");
}

RUN_SUITE(make_suite)
