/* import-hosts.c - hosts.allow and hosts.deny of the TCP wrappers. */
#include "import.h"

#include "base.h"

#include <errno.h>

void import_hosts_text(struct import *import, const char *allow_path, const char *allow, size_t allow_length,
		       const char *deny_path, const char *deny, size_t deny_length)
{
	(void)import, (void)allow_path, (void)allow, (void)allow_length, (void)deny_path, (void)deny, (void)deny_length;
}

int import_hosts(struct import *import, const char *allow, const char *deny)
{
	const char *allow_text = "", *deny_text = "";
	size_t allow_length = 0, deny_length = 0;
	int r = allow != NULL ? import_read(import, allow, &allow_text, &allow_length) : 0;

	if (r == 0 && deny != NULL)
		r = import_read(import, deny, &deny_text, &deny_length);
	if (r == 0)
		import_hosts_text(import, allow, allow_text, allow_length, deny, deny_text, deny_length);
	return r;
}
