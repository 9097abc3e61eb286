/* conf-compare.h - which keys of two snapshots have another value, what stands in their
 * files included. */
#ifndef USHERD_CONF_COMPARE_H
#define USHERD_CONF_COMPARE_H

#include "conf.h"

/* Room for printed values, kept for the next comparison. */
struct conf_comparer {
	FILE *streams[2];
	char *texts[2];
	size_t sizes[2];
	const char **keys; /* of the last comparison, in the order of the table */
	size_t key_count;
};

/* Returns 0 or -ENOMEM; what was taken is given back by conf_comparer_free() in either case. */
int conf_comparer_init(struct conf_comparer *comparer);
void conf_comparer_free(struct conf_comparer *comparer);

/* Lists the keys that differ. A user that was looked up to other numbers counts as `user`, another file
 * behind the same command as `exec`. Returns 0 or -ENOMEM. */
int conf_compare_services(struct conf_comparer *comparer, const struct conf_service *a,
			  const struct conf_service *b);
int conf_compare_daemons(struct conf_comparer *comparer, const struct conf_daemon *a,
			 const struct conf_daemon *b);

#endif
