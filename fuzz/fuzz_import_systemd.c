/* fuzz_import_systemd.c - any bytes: they are reported, each line of them, and what is written is a file that our own parser
 * reads as that file: no section or key of it can come from the inside of a value. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import *import = import_new();

	if (import == NULL || size == 0) {
		import_free(import);
		return 0;
	}
	size_t half = size / 2;

	import_systemd_text(import, "fuzz.socket", (const char *)data, half, "fuzz.service", (const char *)data + half,
			    size - half);
	fuzz_check_import(import);
	import_free(import);
	return 0;
}
