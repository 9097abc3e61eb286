/* check_import_tcpserver.c - to be written. */
#include "import_help.h"

static Suite *make_suite(void)
{
	return suite_create("import_tcpserver");
}

RUN_SUITE(make_suite)
