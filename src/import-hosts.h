/* import-hosts.h - what the files of import-hosts.c share: lists of clients, and options. */
#ifndef USHERD_IMPORT_HOSTS_H
#define USHERD_IMPORT_HOSTS_H

#include "import-networks.h"

#include <stdbool.h>

/* Whom a list of clients is about. A client whose name would have to be looked up is in neither of the sets, unless it is
 * behind EXCEPT. */
struct hosts_clients {
	struct networks sure;  /* these in any case */
	struct networks maybe; /* these, and it cannot be said of all of them */
	bool by_name;          /* others, too, of which only names or users are known */
};

/* What costs much is counted for all lists: files that they name, and patterns with wildcards. */
struct hosts_bounds {
	unsigned files, wildcards;
};

/* Reads a list, which is cut up for it. What cannot be had is told at `where`; `denies` says what for. */
struct hosts_clients hosts_read_clients(struct import *import, struct networks_pool *pool, char *list, bool denies,
					struct import_where where, struct hosts_bounds *bounds);

/* One pattern for the name of a program, as libwrap matches strings: ALL, .suffix, prefix., * and ?. */
bool hosts_match_name(const char *pattern, const char *name);

/* The next word of a list, apart by blanks and commas, or NULL. */
char *hosts_next_word(char **list);

#define HOSTS_SETTINGS_MAX 8

/* What stands behind the clients. */
struct hosts_options {
	bool denies; /* in the end */
	struct {
		const char *key, *value;
	} settings[HOSTS_SETTINGS_MAX]; /* for all clients of the rule */
	unsigned setting_count;
};

/* Reads options, which are cut up for it. What cannot be had is told at `where`. */
void hosts_read_options(struct import *import, char *text, struct import_where where, struct hosts_options *options);

#endif
