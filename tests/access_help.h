/* access_help.h - peers and rules of access from text, for the tests. */
#ifndef USHERD_TESTS_ACCESS_HELP_H
#define USHERD_TESTS_ACCESS_HELP_H

#include "access.h"
#include "base.h"
#include "run.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

/* A peer as text: an address as the kernel gives it (so that mapped ones are made what they are
 * where all are), "uid/gid", or "cid:N". */
static inline struct peer peer_of(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(40000) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(40000) };
	struct peer peer;
	char address[INET6_ADDRSTRLEN + 8];
	unsigned uid, gid;

	memset(&peer, 0, sizeof(peer));
	if (strncmp(text, "cid:", 4) == 0) {
		peer.family = PEER_VSOCK;
		peer.vsock.cid = (uint32_t)strtoul(text + 4, NULL, 10);
	} else if (strcmp(text, "none") == 0) {
		peer.family = PEER_NONE;
	} else if (sscanf(text, "%u/%u", &uid, &gid) == 2) {
		peer.family = PEER_UNIX;
		peer.unix_peer.uid = uid;
		peer.unix_peer.gid = gid;
	} else if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
		peer_from_sockaddr((const struct sockaddr *)(const void *)&in, sizeof(in), &peer);
	} else {
		snprintf(address, sizeof(address), "%s", text);
		address[strcspn(address, "%")] = '\0';
		ck_assert_msg(inet_pton(AF_INET6, address, &in6.sin6_addr) == 1, "%s", text);
		in6.sin6_scope_id = strchr(text, '%') != NULL ? 2 : 0;
		peer_from_sockaddr((const struct sockaddr *)(const void *)&in6, sizeof(in6), &peer);
	}
	return peer;
}

#define RULES_MAX 32

struct rules {
	struct access_rule items[RULES_MAX];
	size_t count;
};

static inline void add_word(struct rules *rules, const char *word, bool deny)
{
	char reason[ACCESS_REASON_MAX] = "";
	struct access_rule parsed[ACCESS_RULES_OF_WORD];
	int count = access_parse(word, parsed, reason);

	ck_assert_msg(count > 0, "%s: %s", word, reason);
	for (int i = 0; i < count; i++) {
		ck_assert_uint_lt(rules->count, RULES_MAX);
		parsed[i].deny = deny;
		parsed[i].line = (uint32_t)rules->count + 1;
		rules->items[rules->count++] = parsed[i];
	}
}

/* Blanks apart. */
static inline void add_words(struct rules *rules, const char *words, bool deny)
{
	char copy[512], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " "))
		if (word[0] != '\0')
			add_word(rules, word, deny);
}

static inline struct access *compile(const char *allow, const char *deny)
{
	struct rules rules = { .count = 0 };
	struct access *access = NULL;

	add_words(&rules, allow, false);
	add_words(&rules, deny, true);
	ck_assert_int_eq(access_compile(rules.items, rules.count, &access), 0);
	return access;
}

#endif
