/* check_export_systemd.c - to be written. */
#include "import_help.h"

static Suite *make_suite(void)
{
	return suite_create("export_systemd");
}

RUN_SUITE(make_suite)
