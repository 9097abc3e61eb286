/* status-page.h - the files of services/status-page/, which the build puts into the program. */
#ifndef USHERD_SERVICES_STATUS_PAGE_H
#define USHERD_SERVICES_STATUS_PAGE_H

#include <stddef.h>

struct status_page {
	const char *path; /* in a request */
	const char *type;
	const unsigned char *bytes;
	size_t length;
};

extern const struct status_page status_pages[];
extern const size_t status_page_count;

#endif
