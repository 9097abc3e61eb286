/* access.h - who may: rules about addresses, compiled so that the one that
 * decides is found in a few steps however many there are. Pure.
 *
 * The longest prefix wins; of two equally long ones, one of `deny`. Nothing that
 * matches: refused when there is any rule to allow, else allowed. Unix peers:
 * a rule for the uid decides before one for a gid, and that before `all`; vsock:
 * a rule for the CID before `all`; IP: any network, of 0 bits too, before `all`.
 * An IPv4-mapped IPv6 network is the IPv4 network it is. */
#ifndef USHERD_ACCESS_H
#define USHERD_ACCESS_H

#include "peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access_kind { ACCESS_ALL, ACCESS_IPV4, ACCESS_IPV6, ACCESS_UID, ACCESS_GID, ACCESS_CID, ACCESS_FILE };

/* One word of `allow` or `deny`, or a line of a list file. */
struct access_rule {
	uint8_t kind;  /* enum access_kind */
	uint8_t bits;  /* IP: length of the prefix */
	bool deny;
	uint32_t line; /* where it stands */
	const char *path; /* the file it stands in; of ACCESS_FILE: see access_item */
	union {
		uint8_t ip[16]; /* network order; IPv4 in the first 4; host bits are 0 */
		uint32_t id;    /* uid, gid, CID */
	};
};

/* Parses one word: `all`, `loopback` (gives two rules), ADDRESS, ADDRESS/BITS, uid:, gid: (number
 * or name), cid:NUMBER. At most 2 rules are written. Returns how many; -EINVAL with a sentence in
 * `reason`: host names, host bits that are set (and what to write instead), scopes, lengths ...;
 * or -ENOMEM. */
#define ACCESS_REASON_MAX 256
#define ACCESS_RULES_OF_WORD 2
int access_parse(const char *word, struct access_rule ret_rules[static ACCESS_RULES_OF_WORD],
		 char reason[static ACCESS_REASON_MAX]);

/* The rule as one would write it: 10.0.0.0/8, ::1, uid:1000, all. Returns `text`. */
#define ACCESS_TEXT_MAX 64
const char *access_print(const struct access_rule *rule, char text[static ACCESS_TEXT_MAX]);

/* The rule that names this client and no other: an address, a uid or a CID. Returns false for one of no family. */
bool access_rule_of(const struct peer *peer, struct access_rule *ret_rule);

/* Compiled rules. */
struct access;

/* Copies the rules, not their paths. One of ACCESS_FILE matches nobody (what is in the file has to
 * stand beside it), but counts: a list to allow that is empty allows nobody. Under 0.2 s for 100,000.
 * Returns 0 or -ENOMEM. */
int access_compile(const struct access_rule *rules, size_t count, struct access **ret_access);
void access_free(struct access *access);

/* Whether the client may come, and in `ret_rule` (which may be NULL) the rule that says so, NULL
 * when none matches. `groups` are the supplementary groups of a Unix peer. At most some 20 steps
 * for 100,000 rules; O(groups) for gid rules. */
bool access_allows(const struct access *access, const struct peer *peer, const gid_t *groups,
		   size_t group_count, const struct access_rule **ret_rule);

/* Whether there is a rule about a gid: only then are a peer's groups asked for. */
bool access_asks_groups(const struct access *access);

/* What sorts of rules there are: a list that names one family only is worth a warning on a
 * service that listens on more. `allows` and `denies`: any at all. */
struct access_summary {
	bool allows, allows_all, allows_ip, allows_ids, allows_cid; /* ids: uid or gid */
	bool denies, denies_all, denies_ipv4, denies_ipv6, denies_ids;
};
struct access_summary access_summarise(const struct access *access);

#endif
