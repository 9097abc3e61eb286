/* check_import.c - to be written. */
#include "import_help.h"

static Suite *make_suite(void)
{
	return suite_create("import");
}

RUN_SUITE(make_suite)
