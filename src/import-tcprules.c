/* import-tcprules.c - who may, as tcprules(1) has it in text, and as ipsvd has it in a directory. */
#include "import.h"

#include "base.h"

#include <errno.h>

void import_tcprules_text(struct import *import, struct import_service *service, const char *path, const char *text,
			  size_t length)
{
	(void)import, (void)service, (void)path, (void)text, (void)length;
}

int import_tcprules(struct import *import, struct import_service *service, const char *path)
{
	const char *text;
	size_t length;
	int r = import_read(import, path, &text, &length);

	if (r == 0)
		import_tcprules_text(import, service, path, text, length);
	return r;
}

int import_instructions(struct import *import, struct import_service *service, const char *path)
{
	(void)import, (void)service, (void)path;
	return -ENOSYS;
}
