/* fuzz_access.c - a line is a word of allow or (with a '-' first) of deny. What is refused has a
 * reason; what is accepted prints as a word that reads back as the same rule; and all
 * of them together, compiled, decide as a search through all of them does. */
#include "access.h"
#include "base.h"

#include <errno.h>
#include <string.h>

#define RULES_MOST 64
#define PEERS      16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reason(const char *reason)
{
	if (*reason == '\0')
		BUG("a refusal without a reason");
	for (; *reason != '\0'; reason++)
		if ((unsigned char)*reason < ' ' || *reason == 0x7f)
			BUG("a control byte in a reason");
}

static void check_rule(const struct access_rule *rule)
{
	struct access_rule again[ACCESS_RULES_OF_WORD];
	char text[ACCESS_TEXT_MAX], reason[ACCESS_REASON_MAX];

	if (access_parse(access_print(rule, text), again, reason) != 1)
		BUG("a printed rule is refused");
	if (again[0].kind != rule->kind || again[0].bits != rule->bits ||
	    memcmp(again[0].ip, rule->ip, sizeof(rule->ip)) != 0)
		BUG("a printed rule reads back as another");
}

/* The slow way: the longest prefix that matches, deny when two are equally long. */
static bool matches(const struct access_rule *rule, const struct peer *peer, unsigned *ret_length)
{
	unsigned bytes = rule->bits / 8, rest = rule->bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));

	*ret_length = rule->kind == ACCESS_ALL ? 0 : 1 + rule->bits;
	if (rule->kind == ACCESS_ALL)
		return true;
	if ((rule->kind == ACCESS_IPV4) != (peer->family == PEER_IPV4) ||
	    (rule->kind == ACCESS_IPV6) != (peer->family == PEER_IPV6))
		return false;
	return memcmp(rule->ip, peer->ip, bytes) == 0 &&
	       (rest == 0 || (peer->ip[bytes] & mask) == (rule->ip[bytes] & mask));
}

static bool decide(const struct access_rule *rules, size_t count, const struct peer *peer)
{
	bool any_allow = false, found = false, allowed = false;
	unsigned best = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned length;

		any_allow |= !rules[i].deny;
		if (!matches(&rules[i], peer, &length) || (found && length < best))
			continue;
		allowed = !rules[i].deny && (!found || length > best || allowed);
		best = length;
		found = true;
	}
	return found ? allowed : !any_allow;
}

/* Peers at the edges of the rules: that is where a mistake would show. */
static void check_decisions(const struct access_rule *rules, size_t count)
{
	struct access *access;

	if (count == 0 || access_compile(rules, count, &access) != 0)
		return;
	for (size_t i = 0; i < PEERS; i++) {
		const struct access_rule *rule = &rules[i % count];
		struct peer peer = { .family = rule->kind == ACCESS_IPV4 ? PEER_IPV4 : PEER_IPV6 };
		size_t last = (rule->kind == ACCESS_IPV4 ? 4 : 16) - 1;

		if (rule->kind == ACCESS_IPV4 || rule->kind == ACCESS_IPV6)
			memcpy(peer.ip, rule->ip, sizeof(peer.ip));
		peer.ip[last - i % 3 % (last + 1)] ^= (uint8_t)(i * 37);
		if (access_allows(access, &peer, NULL, 0, NULL) != decide(rules, count, &peer))
			BUG("compiled rules decide otherwise");
	}
	access_free(access);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	struct access_rule rules[RULES_MOST + ACCESS_RULES_OF_WORD];
	size_t count = 0;
	char *rest = text;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *word; count < RULES_MOST && (word = strsep(&rest, "\n")) != NULL;) {
		bool deny = *word == '-';
		char reason[ACCESS_REASON_MAX] = "";
		int made;

		/* Names of users are looked up outside of this program. */
		if (strncmp(word + deny, "uid:", 4) == 0 || strncmp(word + deny, "gid:", 4) == 0)
			continue;
		made = access_parse(word + deny, &rules[count], reason);
		if (made == -EINVAL)
			check_reason(reason);
		else if (made < 1 || made > ACCESS_RULES_OF_WORD)
			BUG("an unknown answer");
		for (int i = 0; i < made; i++) {
			rules[count].deny = deny;
			rules[count].line = (uint32_t)count;
			check_rule(&rules[count++]);
		}
	}
	check_decisions(rules, count);
	return 0;
}
