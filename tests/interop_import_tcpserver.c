/* interop_import_tcpserver.c - to be written. */
#include "harness.h"

static Suite *make_suite(void)
{
	return suite_create("interop_import_tcpserver");
}

int main(void)
{
	return harness_main(make_suite, "not written yet");
}
