/* fuzz_import_rlinetd.c - any bytes: they are reported, each line of them, and what is written is a file that our own parser
 * reads as that file: no section or key of it can come from the inside of a value. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import *import = import_new();

	if (import == NULL || size == 0) {
		import_free(import);
		return 0;
	}
	import_rlinetd_text(import, "fuzz", (const char *)data, size);
	fuzz_check_import(import);
	import_free(import);
	return 0;
}
