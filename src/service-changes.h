/* service-changes.h - what a configuration changes, or would: listeners, services and
 * keys by their names. Each list is bounded; what is beyond is counted only. */
#ifndef USHERD_SERVICE_CHANGES_H
#define USHERD_SERVICE_CHANGES_H

#include <stddef.h>

#define SERVICE_CHANGES_MOST 1000

/* A listener ("127.0.0.1:7007/tcp"), or a service by its name, with the keys that changed. */
struct service_change {
	char *text;
	const char **keys; /* names in the table of keys */
	size_t key_count;
};

struct service_change_list {
	struct service_change *items;
	size_t count;
	size_t left_out; /* beyond SERVICE_CHANGES_MOST */
};

/* Listeners in the order of their addresses, services in that of their names. */
struct service_changes {
	/* Listeners. One whose address does not exist yet counts as opened; one that cannot go on under its
	 * new settings as closed and opened. */
	struct service_change_list opened, closed;
	size_t kept;
	/* Services, whether they are offered or not: that is their key `disable`. One that was enabled or
	 * disabled by hand, and is so no more, has changed in that. */
	struct service_change_list added, removed, changed;
	size_t unchanged;
	struct service_change daemon; /* the keys of [usherd]; no text */
};

/* Frees what it owns; all is empty afterwards. */
void service_changes_free(struct service_changes *changes);

#endif
