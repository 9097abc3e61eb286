/* import-tcpserver.c - command lines of tcpserver (and of tcpsvd and s6-tcpserver, which have the same in other words). */
#include "import.h"

#include "base.h"

void import_tcpserver_text(struct import *import, const char *path, const char *text, size_t length)
{
	(void)import, (void)path, (void)text, (void)length;
}

int import_tcpserver(struct import *import, const char *path)
{
	const char *text;
	size_t length;
	int r = import_read(import, path, &text, &length);

	if (r == 0)
		import_tcpserver_text(import, path, text, length);
	return r;
}
