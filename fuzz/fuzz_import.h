/* fuzz_import.h - what holds of every import. */
#ifndef USHERD_FUZZ_IMPORT_H
#define USHERD_FUZZ_IMPORT_H

#include "base.h"
#include "conf-read.h"
#include "import.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_counts {
	unsigned sections, pairs;
};

static int fuzz_section(void *context, const char *name, unsigned line)
{
	(void)name, (void)line;
	((struct fuzz_counts *)context)->sections++;
	return 0;
}

static int fuzz_pair(void *context, const char *key, const char *value, unsigned line, unsigned continued)
{
	(void)key, (void)value, (void)line;
	if (continued != 0)
		abort();
	((struct fuzz_counts *)context)->pairs++;
	return 0;
}

static int fuzz_error(void *context, unsigned line, const char *key, const char *reason)
{
	(void)context;
	fprintf(stderr, "line %u: %s: %s\n", line, key != NULL ? key : "-", reason);
	abort();
}

static bool fuzz_is_key(void *context, const char *name)
{
	(void)context, (void)name;
	return false;
}

/* What was written is read as so many sections as there are, without an error; and there is a report of its last line. */
static void fuzz_check_import(struct import *import)
{
	static const struct conf_read_sink sink = { fuzz_section, fuzz_pair, fuzz_error, fuzz_is_key };
	struct fuzz_counts counts = { 0, 0 };
	_cleanup_free_ char *text = NULL, *report = NULL;
	size_t length, report_length;
	unsigned services = 0;
	FILE *out;

	if (import_failed(import))
		return;
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		services++;
	out = open_memstream(&text, &length);
	if (out == NULL)
		return;
	import_write(import, "fuzz", out);
	fclose(out);
	out = open_memstream(&report, &report_length);
	if (out == NULL)
		return;
	import_report(import, false, out);
	fclose(out);
	if (conf_read(text, length, &sink, &counts) < 0)
		return; /* no memory */
	if (counts.sections != services && counts.sections != services + 1)
		abort();
	if (strstr(report, "lines: ") == NULL || report[report_length - 1] != '\n')
		abort();
}

#endif
