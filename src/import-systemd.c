/* import-systemd.c - .socket units with their .service units. */
#include "import.h"

#include "base.h"

#include <errno.h>

void import_systemd_text(struct import *import, const char *socket_path, const char *socket_text,
			 size_t socket_length, const char *service_path, const char *service_text,
			 size_t service_length)
{
	(void)import, (void)socket_path, (void)socket_text, (void)socket_length;
	(void)service_path, (void)service_text, (void)service_length;
}

int import_systemd(struct import *import, const char *path)
{
	(void)import, (void)path;
	return -ENOSYS;
}
