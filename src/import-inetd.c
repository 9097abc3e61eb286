/* import-inetd.c - inetd.conf in the dialects of the systems that have one. */
#include "import.h"

#include "base.h"

#include <errno.h>

void import_inetd_text(struct import *import, const char *path, const char *text, size_t length,
		       enum import_dialect dialect)
{
	(void)import, (void)path, (void)text, (void)length, (void)dialect;
}

int import_inetd(struct import *import, const char *path, enum import_dialect dialect)
{
	const char *text;
	size_t length;
	int r = import_read(import, path, &text, &length);

	if (r == 0)
		import_inetd_text(import, path, text, length, dialect);
	return r;
}
