/* import_oracle.h - asks the lists that an import has written who may, with the access module of the daemon. */
#ifndef USHERD_TESTS_IMPORT_ORACLE_H
#define USHERD_TESTS_IMPORT_ORACLE_H

#include "access.h"
#include "import_help.h"

#include <arpa/inet.h>

static inline void oracle_take(const char *list, bool deny, struct access_rule *rules, size_t room, size_t *count)
{
	_cleanup_free_ char *copy = strdup(list != NULL ? list : "");
	char reason[ACCESS_REASON_MAX], *save = NULL;

	for (char *word = strtok_r(copy, ", ", &save); word != NULL; word = strtok_r(NULL, ", ", &save)) {
		struct access_rule found[ACCESS_RULES_OF_WORD];
		int n = access_parse(word, found, reason);

		ck_assert_msg(n > 0, "%s: %s", word, reason);
		for (int i = 0; i < n; i++) {
			ck_assert_uint_lt(*count, room);
			rules[*count] = found[i];
			rules[(*count)++].deny = deny;
		}
	}
}

/* What the daemon would make of `allow` and `deny` of a section. */
static inline struct access *oracle_new(const struct import_service *service)
{
	static struct access_rule rules[20000];
	struct access *access = NULL;
	size_t count = 0;

	oracle_take(import_get(service, "allow"), false, rules, ELEMENTS(rules), &count);
	oracle_take(import_get(service, "deny"), true, rules, ELEMENTS(rules), &count);
	ck_assert_int_eq(access_compile(rules, count, &access), 0);
	return access;
}

static inline bool oracle_allows(const struct access *access, const char *address)
{
	struct peer peer = { .family = PEER_IPV4 };

	if (inet_pton(AF_INET, address, peer.ip) != 1) {
		peer.family = PEER_IPV6;
		ck_assert_msg(inet_pton(AF_INET6, address, peer.ip) == 1, "%s", address);
	}
	return access_allows(access, &peer, NULL, 0, NULL);
}

/* The same numbers in each run. */
static inline unsigned oracle_random(uint64_t *state, unsigned below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*state >> 33) % below;
}

#endif
