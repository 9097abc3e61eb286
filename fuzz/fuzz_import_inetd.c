/* fuzz_import_inetd.c - any bytes: they are reported, each line of them, and what is written is a file that our own parser
 * reads as that file: no section or key of it can come from the inside of a value. */
#include "fuzz_import.h"

/* A line that nothing was said of would be lost. */
static void check_nothing_lost(const struct import *import)
{
	_cleanup_free_ char *report = NULL;
	size_t length;
	FILE *out = import_failed(import) ? NULL : open_memstream(&report, &length);

	if (out == NULL)
		return;
	import_report(import, true, out);
	fclose(out);
	if (strstr(report, ": nothing was made of this line\n") != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import *import = import_new();

	if (import == NULL || size == 0) {
		import_free(import);
		return 0;
	}
	import_inetd_text(import, "fuzz", (const char *)data + 1, size - 1, (enum import_dialect)(data[0] % IMPORT_DIALECTS));
	fuzz_check_import(import);
	check_nothing_lost(import);
	import_free(import);
	return 0;
}
