/* import-networks.h - what is decided about each address there is, for importers whose originals decide in another order
 * than ours. Rules are put in as the original would ask them; what comes out are the two lists of services.ini, whose
 * longest prefix wins, with as few words as there can be.
 *
 * Whatever is put in, memory and time are bounded: beyond the bound nothing is changed any more, and
 * networks_failed() says so. */
#ifndef USHERD_IMPORT_NETWORKS_H
#define USHERD_IMPORT_NETWORKS_H

#include "access.h"
#include "import.h"

#include <stdbool.h>
#include <stdint.h>

/* What an address has. As a set: NETWORKS_NONE is not in it, NETWORKS_IN is. */
enum networks_value { NETWORKS_NONE, NETWORKS_ALLOW, NETWORKS_DENY, NETWORKS_VALUES };
#define NETWORKS_IN NETWORKS_ALLOW

/* What the values of two become: [of the first][of the second]. */
typedef const uint8_t networks_table[NETWORKS_VALUES][NETWORKS_VALUES];

/* The memory of any number of maps. NULL: there is none. */
struct networks_pool;
struct networks_pool *networks_pool_new(struct import *import);
void networks_pool_free(struct networks_pool *pool);
bool networks_failed(const struct networks_pool *pool);

/* A map of all addresses; copies by assignment are the same map. */
struct networks_node;
struct networks {
	struct networks_pool *pool;
	struct networks_node *ip4, *ip6;
};

/* All addresses have this value. */
struct networks networks_new(struct networks_pool *pool, enum networks_value value);

/* Gives a network (ACCESS_IPV4, ACCESS_IPV6, or ACCESS_ALL for all) this value, whatever it had; or only where it had
 * none. */
void networks_put(struct networks *networks, const struct access_rule *rule, enum networks_value value);
void networks_put_first(struct networks *networks, const struct access_rule *rule, enum networks_value value);

/* Changes `to` by the table; `from` stays as it is and may be of another pool. */
void networks_combine(struct networks *to, const struct networks *from, networks_table table);

/* Whether any, or every, address has this value. */
bool networks_has(const struct networks *networks, enum networks_value value);
bool networks_is_all(const struct networks *networks, enum networks_value value);

/* Sets `allow` and `deny` of a section to what is decided here; what is undecided is allowed. An address that may not
 * by the lists that the section (or [defaults], for it) has already may not in the end. Returns 0; -E2BIG: the lists
 * would be too long; -EINVAL: what is there already is about others than addresses too. Then nothing was set. */
int networks_write(struct import *import, struct import_service *service, const struct networks *networks);

/* The same, and where it cannot be: says why at `where`, and switches the section off, so that nobody is let in who
 * should not be. */
void networks_apply(struct import *import, struct import_service *service, const struct networks *networks,
		    struct import_where where);

/* An address or a network as others write it: 10.0.0.0/8, 10.0.0.0/255.0.0.0, ::1, [2001:db8::]/32. Bits behind the
 * prefix are cleared. Returns false when it is none. */
bool networks_parse(const char *text, struct access_rule *ret_rule);

/* The beginning of an IPv4 address, "10." or "192.0.2." as a network; with a fourth number as an address. */
bool networks_parse_prefix(const char *text, struct access_rule *ret_rule);

#endif
