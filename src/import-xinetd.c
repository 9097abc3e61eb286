/* import-xinetd.c - xinetd.conf and what it includes. */
#include "import.h"

#include "base.h"

#include <errno.h>

void import_xinetd_text(struct import *import, const char *path, const char *text, size_t length)
{
	(void)import, (void)path, (void)text, (void)length;
}

int import_xinetd(struct import *import, const char *path)
{
	const char *text;
	size_t length;
	int r = import_read(import, path, &text, &length);

	if (r == 0)
		import_xinetd_text(import, path, text, length);
	return r;
}
