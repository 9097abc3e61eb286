/* check_access.c - who may: words that are rules and words that are none, which
 * rule decides for which peer, and what it costs. */
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
static struct peer peer_of(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(40000)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(40000)};
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

static void add_word(struct rules *rules, const char *word, bool deny)
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
static void add_words(struct rules *rules, const char *words, bool deny)
{
	char copy[512], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " "))
		if (word[0] != '\0')
			add_word(rules, word, deny);
}

static struct access *compile(const char *allow, const char *deny)
{
	struct rules rules = {.count = 0};
	struct access *access = NULL;

	add_words(&rules, allow, false);
	add_words(&rules, deny, true);
	ck_assert_int_eq(access_compile(rules.items, rules.count, &access), 0);
	return access;
}

/* ---- one rule, one peer ---- */

static const struct {
	const char *rule, *peer;
	bool matches;
} pairs[] = {
	/* single addresses */
	{"192.0.2.7", "192.0.2.7", true},
	{"192.0.2.7", "192.0.2.6", false},
	{"192.0.2.7", "192.0.2.8", false},
	{"192.0.2.7/32", "192.0.2.7", true},
	{"192.0.2.7/32", "192.0.2.8", false},
	{"192.0.2.7", "::192.0.2.7", false},
	{"192.0.2.7", "::ffff:192.0.2.7", true},
	{"192.0.2.7", "::ffff:192.0.2.8", false},
	{"192.0.2.7", "64:ff9b::192.0.2.7", false},
	{"192.0.2.7", "2002:c000:207::", false},
	{"0.0.0.0", "0.0.0.0", true},
	{"0.0.0.0", "0.0.0.1", false},
	{"0.0.0.0", "::", false},
	{"255.255.255.255", "255.255.255.255", true},
	{"255.255.255.255", "255.255.255.254", false},
	{"255.255.255.255", "0.0.0.0", false},
	{"127.0.0.1", "127.0.0.1", true},
	{"127.0.0.1", "::1", false},
	{"127.0.0.1", "::ffff:127.0.0.1", true},
	{"127.0.0.1", "::127.0.0.1", false},
	{"127.0.0.1", "127.0.0.2", false},

	/* every sort of length */
	{"0.0.0.0/0", "0.0.0.0", true},
	{"0.0.0.0/0", "255.255.255.255", true},
	{"0.0.0.0/0", "10.0.0.1", true},
	{"0.0.0.0/0", "::ffff:10.0.0.1", true},
	{"0.0.0.0/0", "::", false},
	{"0.0.0.0/0", "::1", false},
	{"0.0.0.0/0", "2001:db8::1", false},
	{"0.0.0.0/0", "::10.0.0.1", false},
	{"0.0.0.0/0", "64:ff9b::a00:1", false},
	{"0.0.0.0/1", "127.255.255.255", true},
	{"0.0.0.0/1", "128.0.0.0", false},
	{"128.0.0.0/1", "127.255.255.255", false},
	{"128.0.0.0/1", "128.0.0.0", true},
	{"128.0.0.0/1", "255.255.255.255", true},
	{"10.0.0.0/7", "9.255.255.255", false},
	{"10.0.0.0/7", "10.0.0.0", true},
	{"10.0.0.0/7", "11.255.255.255", true},
	{"10.0.0.0/7", "12.0.0.0", false},
	{"10.0.0.0/8", "9.255.255.255", false},
	{"10.0.0.0/8", "10.0.0.0", true},
	{"10.0.0.0/8", "10.255.255.255", true},
	{"10.0.0.0/8", "11.0.0.0", false},
	{"10.0.0.0/8", "::ffff:10.0.0.0", true},
	{"10.0.0.0/8", "::ffff:10.255.255.255", true},
	{"10.0.0.0/8", "::ffff:11.0.0.0", false},
	{"10.0.0.0/8", "::ffff:9.255.255.255", false},
	{"10.0.0.0/8", "a00::", false},
	{"10.0.0.0/8", "::10.0.0.1", false},
	{"10.0.0.0/9", "10.127.255.255", true},
	{"10.0.0.0/9", "10.128.0.0", false},
	{"172.16.0.0/12", "172.15.255.255", false},
	{"172.16.0.0/12", "172.16.0.0", true},
	{"172.16.0.0/12", "172.31.255.255", true},
	{"172.16.0.0/12", "172.32.0.0", false},
	{"192.168.0.0/16", "192.167.255.255", false},
	{"192.168.0.0/16", "192.168.0.0", true},
	{"192.168.0.0/16", "192.168.255.255", true},
	{"192.168.0.0/16", "192.169.0.0", false},
	{"192.0.2.0/23", "192.0.3.255", true},
	{"192.0.2.0/23", "192.0.1.255", false},
	{"192.0.2.0/23", "192.0.4.0", false},
	{"192.0.2.0/24", "192.0.2.0", true},
	{"192.0.2.0/24", "192.0.2.255", true},
	{"192.0.2.0/24", "192.0.3.0", false},
	{"192.0.2.0/24", "192.0.1.255", false},
	{"192.0.2.128/25", "192.0.2.127", false},
	{"192.0.2.128/25", "192.0.2.128", true},
	{"192.0.2.128/25", "192.0.2.255", true},
	{"192.0.2.128/25", "192.0.3.0", false},
	{"192.0.2.6/31", "192.0.2.5", false},
	{"192.0.2.6/31", "192.0.2.6", true},
	{"192.0.2.6/31", "192.0.2.7", true},
	{"192.0.2.6/31", "192.0.2.8", false},
	{"255.255.255.254/31", "255.255.255.253", false},
	{"255.255.255.254/31", "255.255.255.255", true},
	{"224.0.0.0/4", "223.255.255.255", false},
	{"224.0.0.0/4", "239.255.255.255", true},
	{"224.0.0.0/4", "240.0.0.0", false},

	/* mapped rules are the IPv4 rules they are */
	{"::ffff:192.0.2.7", "192.0.2.7", true},
	{"::ffff:192.0.2.7", "::ffff:192.0.2.7", true},
	{"::ffff:192.0.2.7", "192.0.2.8", false},
	{"::ffff:192.0.2.7", "::192.0.2.7", false},
	{"::ffff:192.0.2.7/128", "192.0.2.7", true},
	{"::ffff:c000:207", "192.0.2.7", true},
	{"::FFFF:C000:0207", "192.0.2.7", true},
	{"0:0:0:0:0:ffff:c000:207", "192.0.2.7", true},
	{"::ffff:10.0.0.0/104", "10.0.0.0", true},
	{"::ffff:10.0.0.0/104", "10.255.255.255", true},
	{"::ffff:10.0.0.0/104", "11.0.0.0", false},
	{"::ffff:10.0.0.0/104", "9.255.255.255", false},
	{"::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true},
	{"::ffff:10.0.0.0/104", "::10.1.2.3", false},
	{"::ffff:a00:0/104", "10.9.8.7", true},
	{"::ffff:192.0.2.0/120", "192.0.2.255", true},
	{"::ffff:192.0.2.0/120", "192.0.3.0", false},
	{"::ffff:192.0.2.6/127", "192.0.2.7", true},
	{"::ffff:192.0.2.6/127", "192.0.2.8", false},
	{"::ffff:0:0/96", "0.0.0.0", true},
	{"::ffff:0:0/96", "10.0.0.1", true},
	{"::ffff:0:0/96", "255.255.255.255", true},
	{"::ffff:0:0/96", "::ffff:10.0.0.1", true},
	{"::ffff:0:0/96", "::10.0.0.1", false},
	{"::ffff:0:0/96", "::1", false},
	{"::ffff:0:0/97", "127.255.255.255", true},
	{"::ffff:0:0/97", "128.0.0.0", false},

	/* an IPv6 network around all mapped addresses is none of IPv4 */
	{"::/0", "::", true},
	{"::/0", "::1", true},
	{"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"::/0", "10.0.0.1", false},
	{"::/0", "::ffff:10.0.0.1", false},
	{"::/0", "0.0.0.0", false},
	{"::/8", "::ffff:10.0.0.1", false},
	{"::/8", "::10.0.0.1", true},
	{"::/64", "::ffff:10.0.0.1", false},
	{"::/80", "::ffff:10.0.0.1", false},
	{"::/80", "::fffe:0:1", true},
	{"::/95", "::10.0.0.1", true},

	/* the other embeddings are addresses of their own */
	{"::10.0.0.1", "::10.0.0.1", true},
	{"::10.0.0.1", "10.0.0.1", false},
	{"::10.0.0.1", "::ffff:10.0.0.1", false},
	{"::10.0.0.0/104", "::10.1.2.3", true},
	{"::10.0.0.0/104", "10.1.2.3", false},
	{"::10.0.0.0/104", "::ffff:10.1.2.3", false},
	{"::/96", "::10.1.2.3", true},
	{"::/96", "10.1.2.3", false},
	{"::/96", "::1", true},
	{"::/96", "::1:0:0", false},
	{"64:ff9b::/96", "64:ff9b::192.0.2.7", true},
	{"64:ff9b::/96", "64:ff9b::c000:207", true},
	{"64:ff9b::/96", "192.0.2.7", false},
	{"64:ff9b::/96", "::ffff:192.0.2.7", false},
	{"64:ff9b::/96", "64:ff9b:1::c000:207", false},
	{"64:ff9b::192.0.2.0/120", "64:ff9b::192.0.2.255", true},
	{"64:ff9b::192.0.2.0/120", "64:ff9b::192.0.3.0", false},
	{"64:ff9b:1::/48", "64:ff9b:1:ffff::1", true},
	{"64:ff9b:1::/48", "64:ff9b::1", false},
	{"2002::/16", "2002:a00:1::1", true},
	{"2002::/16", "10.0.0.1", false},
	{"::ffff:0:0:0/96", "::ffff:0:10.0.0.1", true},
	{"::ffff:0:0:0/96", "10.0.0.1", false},

	/* IPv6 */
	{"::1", "::1", true},
	{"::1", "::2", false},
	{"::1", "::", false},
	{"::1", "127.0.0.1", false},
	{"::1/128", "::1", true},
	{"0:0:0:0:0:0:0:1", "::1", true},
	{"0000:0000::0001", "::1", true},
	{"::", "::", true},
	{"::", "::1", false},
	{"::", "0.0.0.0", false},
	{"::/127", "::1", true},
	{"::/127", "::2", false},
	{"::/1", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"::/1", "8000::", false},
	{"8000::/1", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
	{"8000::/1", "8000::", true},
	{"8000::/1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"2001:db8::7", "2001:db8::7", true},
	{"2001:DB8::7", "2001:db8::7", true},
	{"2001:db8::7", "2001:db8::8", false},
	{"2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", false},
	{"2001:db8::/32", "2001:db8::", true},
	{"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"2001:db8::/32", "2001:db9::", false},
	{"2001:db8::/32", "32.1.13.184", false},
	{"2001:db8:8000::/33", "2001:db8:7fff:ffff::", false},
	{"2001:db8:8000::/33", "2001:db8:8000::", true},
	{"2001:db8:0:1::/64", "2001:db8:0:0:ffff:ffff:ffff:ffff", false},
	{"2001:db8:0:1::/64", "2001:db8:0:1::", true},
	{"2001:db8:0:1::/64", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
	{"2001:db8:0:1::/64", "2001:db8:0:2::", false},
	{"2001:db8:0:0:8000::/65", "2001:db8::7fff:ffff:ffff:ffff", false},
	{"2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:0", true},
	{"2001:db8:0:0:8000::/65", "2001:db8:0:0:ffff:ffff:ffff:ffff", true},
	{"2001:db8:0:0:8000::/65", "2001:db8:0:1::", false},
	{"ffff:ffff:ffff:ffff:8000::/65", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"ffff:ffff:ffff:ffff:8000::/65", "ffff:ffff:ffff:ffff:7fff:ffff:ffff:ffff", false},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", false},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", false},
	{"2001:db8::4/126", "2001:db8::3", false},
	{"2001:db8::4/126", "2001:db8::4", true},
	{"2001:db8::4/126", "2001:db8::7", true},
	{"2001:db8::4/126", "2001:db8::8", false},
	{"fe80::/10", "fe80::1", true},
	{"fe80::/10", "fe80::1%2", true},
	{"fe80::/10", "febf:ffff::1%2", true},
	{"fe80::/10", "fec0::1", false},
	{"fe80::1", "fe80::1%2", true},
	{"fe80::1", "fe80::2%2", false},
	{"fc00::/7", "fbff:ffff::", false},
	{"fc00::/7", "fdff:ffff::", true},
	{"fc00::/7", "fe00::", false},
	{"ff00::/8", "ff02::1%2", true},

	/* words */
	{"all", "10.0.0.1", true},
	{"all", "::ffff:10.0.0.1", true},
	{"all", "::1", true},
	{"all", "0/0", true},
	{"all", "4294967295/4294967295", true},
	{"all", "cid:3", true},
	{"all", "none", true},
	{"loopback", "127.0.0.1", true},
	{"loopback", "127.255.255.255", true},
	{"loopback", "126.255.255.255", false},
	{"loopback", "128.0.0.0", false},
	{"loopback", "::ffff:127.0.0.1", true},
	{"loopback", "::1", true},
	{"loopback", "::2", false},
	{"loopback", "::", false},
	{"loopback", "::127.0.0.1", false},
	{"loopback", "0/0", false},
	{"loopback", "cid:1", false},
	{"loopback", "none", false},
	{"uid:1000", "1000/5", true},
	{"uid:1000", "1001/5", false},
	{"uid:1000", "5/1000", false},
	{"uid:1000", "cid:1000", false},
	{"uid:1000", "0.0.3.232", false},
	{"uid:0", "0/5", true},
	{"uid:0", "0.0.0.0", false},
	{"uid:0", "none", false},
	{"uid:4294967294", "4294967294/5", true},
	{"uid:4294967294", "4294967295/5", false},
	{"uid:root", "0/5", true},
	{"uid:root", "5/0", false},
	{"gid:1000", "5/1000", true},
	{"gid:1000", "1000/5", false},
	{"gid:root", "5/0", true},
	{"gid:4294967294", "5/4294967295", false},
	{"cid:3", "cid:3", true},
	{"cid:3", "cid:4", false},
	{"cid:3", "3/3", false},
	{"cid:0", "cid:0", true},
	{"cid:4294967294", "cid:4294967294", true},
	{"0.0.0.0/0", "0/0", false},
	{"::/0", "cid:3", false},
	{"0.0.0.0/0", "none", false},
};
static_assert(ELEMENTS(pairs) >= 200, "all that has gone wrong elsewhere");

START_TEST(one_rule)
{
	struct access *allowing = compile(pairs[_i].rule, ""), *denying = compile("", pairs[_i].rule);
	struct peer peer = peer_of(pairs[_i].peer);
	const struct access_rule *rule = (const struct access_rule *)(const void *)"untouched";
	bool matches = pairs[_i].matches;

	ck_assert_msg(access_allows(allowing, &peer, NULL, 0, &rule) == matches, "allow %s, %s",
		      pairs[_i].rule, pairs[_i].peer);
	ck_assert_msg((rule != NULL) == matches, "%s", pairs[_i].rule);
	ck_assert(rule == NULL || !rule->deny);
	ck_assert_msg(access_allows(denying, &peer, NULL, 0, &rule) == !matches, "deny %s, %s",
		      pairs[_i].rule, pairs[_i].peer);
	ck_assert_msg((rule != NULL) == matches, "%s", pairs[_i].rule);
	ck_assert(rule == NULL || rule->deny);
	ck_assert(access_allows(allowing, &peer, NULL, 0, NULL) == matches);
	access_free(allowing);
	access_free(denying);
}
END_TEST

/* ---- several rules ---- */

/* `line` counts the rules of allow, then those of deny, from 1 (loopback is two); 0: none. */
static const struct {
	const char *allow, *deny, *peer;
	bool allowed;
	unsigned line;
} lists[] = {
	{"", "", "10.0.0.1", true, 0},
	{"", "", "0/0", true, 0},
	{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", false, 2},
	{"10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", true, 1},
	{"10.0.0.0/8", "10.1.0.0/16", "11.0.0.1", false, 0},
	{"10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", true, 1},
	{"10.1.0.0/16", "10.0.0.0/8", "10.0.255.255", false, 2},
	{"10.1.0.0/16", "10.0.0.0/8", "10.2.0.0", false, 2},
	{"10.1.0.0/16", "10.0.0.0/8", "11.0.0.0", false, 0},
	{"10.0.0.0/8", "10.0.0.0/8", "10.0.0.1", false, 2},
	{"10.0.0.0/8 10.0.0.0/8", "", "10.0.0.1", true, 1},
	{"", "10.0.0.0/8 10.0.0.0/8", "10.0.0.1", false, 1},
	{"::ffff:10.0.0.0/104", "10.0.0.0/8", "10.0.0.1", false, 2},
	{"10.0.0.0/8", "::ffff:10.1.0.0/112", "::ffff:10.1.0.1", false, 2},
	{"all", "10.0.0.0/8", "10.0.0.1", false, 2},
	{"all", "10.0.0.0/8", "11.0.0.1", true, 1},
	{"10.0.0.0/8", "all", "10.0.0.1", true, 1},
	{"10.0.0.0/8", "all", "11.0.0.1", false, 2},
	{"all", "all", "10.0.0.1", false, 2},
	{"all", "all", "0/0", false, 2},
	{"all all", "", "none", true, 1},
	{"0.0.0.0/0", "all", "10.0.0.1", true, 1},
	{"0.0.0.0/0", "all", "::1", false, 2},
	{"all", "0.0.0.0/0", "10.0.0.1", false, 2},
	{"all", "0.0.0.0/0", "::1", true, 1},
	{"", "0.0.0.0/0", "::1", true, 0},
	{"0.0.0.0/0", "0.0.0.0/0", "1.2.3.4", false, 2},
	{"10.0.0.0/8", "", "::1", false, 0},
	{"::1", "", "127.0.0.1", false, 0},
	/* neighbours */
	{"10.0.0.0/9", "10.128.0.0/9", "10.127.255.255", true, 1},
	{"10.0.0.0/9", "10.128.0.0/9", "10.128.0.0", false, 2},
	{"10.0.0.0/24 10.0.2.0/24", "10.0.1.0/24", "10.0.0.255", true, 1},
	{"10.0.0.0/24 10.0.2.0/24", "10.0.1.0/24", "10.0.1.0", false, 3},
	{"10.0.0.0/24 10.0.2.0/24", "10.0.1.0/24", "10.0.2.0", true, 2},
	{"10.0.0.0/24 10.0.2.0/24", "10.0.1.0/24", "10.0.3.0", false, 0},
	/* four in each other, with their first and last addresses */
	{"10.0.0.0/8 10.0.0.0/24", "10.0.0.0/16 10.0.0.0", "10.0.0.0", false, 4},
	{"10.0.0.0/8 10.0.0.0/24", "10.0.0.0/16 10.0.0.0", "10.0.0.1", true, 2},
	{"10.0.0.0/8 10.0.0.0/24", "10.0.0.0/16 10.0.0.0", "10.0.1.0", false, 3},
	{"10.0.0.0/8 10.0.0.0/24", "10.0.0.0/16 10.0.0.0", "10.1.0.0", true, 1},
	{"255.0.0.0/8 255.255.255.0/24", "255.255.0.0/16 255.255.255.255", "255.255.255.255", false, 4},
	{"255.0.0.0/8 255.255.255.0/24", "255.255.0.0/16 255.255.255.255", "255.255.255.254", true, 2},
	{"255.0.0.0/8 255.255.255.0/24", "255.255.0.0/16 255.255.255.255", "255.255.254.255", false, 3},
	{"255.0.0.0/8 255.255.255.0/24", "255.255.0.0/16 255.255.255.255", "255.254.255.255", true, 1},
	{"255.0.0.0/8 255.255.255.0/24", "255.255.0.0/16 255.255.255.255", "254.255.255.255", false, 0},
	{"::/0 2001:db8:0:1::/64", "2001:db8::/32 2001:db8:0:1::7", "2001:db8:0:1::7", false, 4},
	{"::/0 2001:db8:0:1::/64", "2001:db8::/32 2001:db8:0:1::7", "2001:db8:0:1::8", true, 2},
	{"::/0 2001:db8:0:1::/64", "2001:db8::/32 2001:db8:0:1::7", "2001:db8:0:2::", false, 3},
	{"::/0 2001:db8:0:1::/64", "2001:db8::/32 2001:db8:0:1::7", "2001:db9::", true, 1},
	{"::/0 2001:db8:0:1::/64", "2001:db8::/32 2001:db8:0:1::7", "10.0.0.1", false, 0},
	{"ffff:ffff:ffff:ffff::/64", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, 2},
	{"ffff:ffff:ffff:ffff::/64", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", true, 1},
	/* users, groups, CIDs */
	{"uid:5", "gid:6", "5/6", true, 1},
	{"gid:6", "uid:5", "5/6", false, 2},
	{"gid:6", "uid:5", "7/6", true, 1},
	{"uid:5", "uid:5", "5/6", false, 2},
	{"gid:6", "gid:6", "5/6", false, 2},
	{"all", "uid:5", "5/6", false, 2},
	{"all", "uid:5", "6/6", true, 1},
	{"uid:5", "all", "5/6", true, 1},
	{"uid:5", "all", "6/6", false, 2},
	{"gid:6", "all", "5/6", true, 1},
	{"gid:6", "all", "5/7", false, 2},
	{"uid:5 uid:3 uid:4", "uid:1 uid:2", "3/0", true, 2},
	{"uid:5 uid:3 uid:4", "uid:1 uid:2", "2/0", false, 5},
	{"uid:5 uid:3 uid:4", "uid:1 uid:2", "6/0", false, 0},
	{"cid:3", "all", "cid:3", true, 1},
	{"cid:3", "all", "cid:4", false, 2},
	{"all", "cid:3", "cid:3", false, 2},
	{"cid:3", "cid:3", "cid:3", false, 2},
	{"loopback", "uid:5", "5/6", false, 3},
	{"loopback", "uid:5", "6/6", false, 0},
	{"", "uid:5", "6/6", true, 0},
	{"", "uid:5", "10.0.0.1", true, 0},
};

START_TEST(several_rules)
{
	struct access *access = compile(lists[_i].allow, lists[_i].deny);
	struct peer peer = peer_of(lists[_i].peer);
	const struct access_rule *rule;
	bool allowed = access_allows(access, &peer, NULL, 0, &rule);

	ck_assert_msg(allowed == lists[_i].allowed, "allow = %s, deny = %s: %s", lists[_i].allow,
		      lists[_i].deny, lists[_i].peer);
	ck_assert_msg((rule != NULL ? rule->line : 0) == lists[_i].line, "allow = %s, deny = %s: %s: %u",
		      lists[_i].allow, lists[_i].deny, lists[_i].peer, rule != NULL ? rule->line : 0);
	access_free(access);
}
END_TEST

static const struct {
	const char *allow, *deny;
	gid_t groups[4];
	size_t count;
	bool allowed;
	unsigned line;
} group_lists[] = {
	{"gid:10", "", {10}, 1, true, 1},
	{"gid:10", "", {9, 11, 12}, 3, false, 0},
	{"gid:10", "", {9, 11, 12, 10}, 4, true, 1},
	{"gid:10", "", {10}, 0, false, 0},
	{"gid:10", "gid:11", {10, 11}, 2, false, 2},
	{"gid:10", "gid:11", {11, 10}, 2, false, 2},
	{"gid:6", "gid:11", {11}, 1, false, 2},
	{"gid:11", "gid:6", {11}, 1, false, 2},
	{"gid:10 gid:11", "gid:12", {11, 10}, 2, true, 2},
	{"gid:10 all", "gid:12", {11}, 1, true, 2},
	{"gid:10 uid:5", "gid:12", {12}, 1, true, 2},
};

/* The peer is of user 5, group 6. */
START_TEST(groups)
{
	struct access *access = compile(group_lists[_i].allow, group_lists[_i].deny);
	struct peer peer = peer_of("5/6");
	const struct access_rule *rule;

	ck_assert(access_asks_groups(access));
	ck_assert(access_allows(access, &peer, group_lists[_i].groups, group_lists[_i].count, &rule) ==
		  group_lists[_i].allowed);
	ck_assert_uint_eq(rule != NULL ? rule->line : 0, group_lists[_i].line);
	access_free(access);
}
END_TEST

START_TEST(groups_not_asked)
{
	struct access *access = compile("all uid:5 10.0.0.0/8", "cid:4 loopback");

	ck_assert(!access_asks_groups(access));
	access_free(access);
}
END_TEST

/* ---- summaries ---- */

static const struct {
	const char *allow, *deny;
	struct access_summary summary;
} summaries[] = {
	{"", "", {.allows = false}},
	{"all", "", {.allows = true, .allows_all = true}},
	{"10.0.0.0/8", "", {.allows = true, .allows_ip = true}},
	{"::1", "", {.allows = true, .allows_ip = true}},
	{"uid:0", "", {.allows = true, .allows_ids = true}},
	{"gid:0", "", {.allows = true, .allows_ids = true}},
	{"cid:0", "", {.allows = true, .allows_cid = true}},
	{"", "all", {.denies = true, .denies_all = true}},
	{"", "10.0.0.0/8", {.denies = true, .denies_ipv4 = true}},
	{"", "::ffff:0:0/96", {.denies = true, .denies_ipv4 = true}},
	{"", "::/0", {.denies = true, .denies_ipv6 = true}},
	{"", "loopback", {.denies = true, .denies_ipv4 = true, .denies_ipv6 = true}},
	{"", "uid:0", {.denies = true}},
	{"uid:0 ::1", "cid:1", {.allows = true, .allows_ip = true, .allows_ids = true, .denies = true}},
};

START_TEST(summary)
{
	struct access *access = compile(summaries[_i].allow, summaries[_i].deny);
	struct access_summary is = access_summarise(access), expected = summaries[_i].summary;

	ck_assert(is.allows == expected.allows && is.allows_all == expected.allows_all &&
		  is.allows_ip == expected.allows_ip && is.allows_ids == expected.allows_ids &&
		  is.allows_cid == expected.allows_cid);
	ck_assert(is.denies == expected.denies && is.denies_all == expected.denies_all &&
		  is.denies_ipv4 == expected.denies_ipv4 && is.denies_ipv6 == expected.denies_ipv6);
	access_free(access);
}
END_TEST

/* A list that is named and holds nothing allows nobody; to deny it denies nobody. */
START_TEST(empty_list)
{
	struct access_rule rule = {.kind = ACCESS_FILE, .path = "/x"};
	struct peer peers[] = {peer_of("10.0.0.1"), peer_of("::1"), peer_of("0/0"), peer_of("cid:3"),
			       peer_of("none"), peer_of("4294967295/4294967295")};
	const struct access_rule *decides;
	struct access *access;

	for (int deny = 0; deny < 2; deny++) {
		rule.deny = deny;
		ck_assert_int_eq(access_compile(&rule, 1, &access), 0);
		for (size_t i = 0; i < ELEMENTS(peers); i++) {
			ck_assert(access_allows(access, &peers[i], NULL, 0, &decides) == rule.deny);
			ck_assert_ptr_null(decides);
		}
		access_free(access);
	}
	access_free(NULL);
}
END_TEST

/* ---- words ---- */

static const struct {
	const char *word, *text;
} words[] = {
	{"all", "all"},
	{"10.0.0.0/8", "10.0.0.0/8"},
	{"192.0.2.7", "192.0.2.7"},
	{"192.0.2.7/32", "192.0.2.7"},
	{"0.0.0.0/0", "0.0.0.0/0"},
	{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
	{"::ffff:0:0/96", "0.0.0.0/0"},
	{"::ffff:1.2.3.4", "1.2.3.4"},
	{"2001:DB8:0::0/32", "2001:db8::/32"},
	{"::1/128", "::1"},
	{"::/0", "::/0"},
	{"::1.2.3.4", "::1.2.3.4"},
	{"uid:0", "uid:0"},
	{"uid:root", "uid:0"},
	{"uid:4294967294", "uid:4294967294"},
	{"gid:root", "gid:0"},
	{"gid:1000", "gid:1000"},
	{"cid:4294967294", "cid:4294967294"},
};

START_TEST(word)
{
	char reason[ACCESS_REASON_MAX], text[ACCESS_TEXT_MAX];
	struct access_rule rules[ACCESS_RULES_OF_WORD], again[ACCESS_RULES_OF_WORD];

	ck_assert_int_eq(access_parse(words[_i].word, rules, reason), 1);
	ck_assert_str_eq(access_print(&rules[0], text), words[_i].text);
	ck_assert_int_eq(access_parse(text, again, reason), 1);
	ck_assert_mem_eq(&rules[0], &again[0], sizeof(rules[0]));
	ck_assert_uint_eq(rules[0].line, 0);
	ck_assert_ptr_null(rules[0].path);
}
END_TEST

START_TEST(loopback)
{
	char reason[ACCESS_REASON_MAX], text[ACCESS_TEXT_MAX];
	struct access_rule rules[ACCESS_RULES_OF_WORD];

	ck_assert_int_eq(access_parse("loopback", rules, reason), 2);
	ck_assert_str_eq(access_print(&rules[0], text), "127.0.0.0/8");
	ck_assert_str_eq(access_print(&rules[1], text), "::1");
	ck_assert_str_eq(access_print(&(struct access_rule){.kind = ACCESS_FILE, .path = "/etc/x"}, text),
			 "file:/etc/x");
}
END_TEST

static const struct {
	const char *word, *part;
} bad_words[] = {
	{"", "an address is missing"},
	{"/8", "an address is missing"},
	{"example.org", "names are not resolved"},
	{"localhost", "names are not resolved"},
	{".evil.example", "names are not resolved"},
	{"host", "names are not resolved"},
	{"a.b.c.d", "names are not resolved"},
	{"10.0.0.0.example", "names are not resolved"},
	{"All", "names are not resolved"},
	{"ALL", "names are not resolved"},
	{"*", "names are not resolved"},
	{"loopback/8", "names are not resolved"},
	{"all/0", "names are not resolved"},
	{"local host", "names are not resolved"},
	{"-10.0.0.1", "names are not resolved"},
	{" 10.0.0.1", "names are not resolved"},
	{"10.0.0.1 ", "names are not resolved"},
	{"10.0.0.1\t", "names are not resolved"},
	{"0x0a.0.0.1", "names are not resolved"},
	{"10.*", "names are not resolved"},
	{"10.0.0.1-10.0.0.9", "names are not resolved"},
	{"10.0.0.1.", "is not an IPv4 address"},
	{"10.", "is not an IPv4 address"},
	{"10", "is not an IPv4 address"},
	{"10.0", "is not an IPv4 address"},
	{"10.0.0", "is not an IPv4 address"},
	{"10.0.0.0.0", "is not an IPv4 address"},
	{"10/8", "is not an IPv4 address"},
	{"10.0.0/24", "is not an IPv4 address"},
	{".1.2.3", "is not an IPv4 address"},
	{"1..2.3", "is not an IPv4 address"},
	{"256.0.0.1", "is not an IPv4 address"},
	{"10.0.0.999", "is not an IPv4 address"},
	{"167772161", "is not an IPv4 address"},
	{"010.0.0.1", "without leading zeros"},
	{"10.00.0.1", "without leading zeros"},
	{"10.0.0.01", "without leading zeros"},
	{"10.0.0.010/32", "without leading zeros"},
	{"10.0.0.1:80", "has no port"},
	{"[::1]", "no brackets and no port"},
	{"[::1]:80", "no brackets and no port"},
	{"fe80::1%eth0", "no interface"},
	{"fe80::1%2", "no interface"},
	{"fe80::%eth0/10", "no interface"},
	{"10.0.0.1%eth0", "no interface"},
	{"fe80::1%", "no interface"},
	{":", "is not an IPv6 address"},
	{":::", "is not an IPv6 address"},
	{"1::2::3", "is not an IPv6 address"},
	{"1:2:3:4:5:6:7", "is not an IPv6 address"},
	{"1:2:3:4:5:6:7:8:9", "is not an IPv6 address"},
	{"12345::", "is not an IPv6 address"},
	{"::1.", "is not an IPv6 address"},
	{"::ffff:10.0.0.256", "is not an IPv6 address"},
	{"::ffff:010.0.0.1", "is not an IPv6 address"},
	{"::ffff:10.0.0", "is not an IPv6 address"},
	{"2001:db8:", "is not an IPv6 address"},
	{"2001:dg8::", "names are not resolved"},
	{"10.0.0.0/", "number of bits, 0 to 32"},
	{"10.0.0.0/33", "an IPv4 address has 32 bits"},
	{"10.0.0.0/128", "an IPv4 address has 32 bits"},
	{"10.0.0.0/4294967304", "number of bits"},
	{"10.0.0.0/18446744073709551624", "number of bits"},
	{"10.0.0.0/+8", "without sign"},
	{"10.0.0.0/-8", "without sign"},
	{"10.0.0.0/08", "leading zero"},
	{"10.0.0.0/00", "leading zero"},
	{"10.0.0.0/8 ", "number of bits"},
	{"10.0.0.0/ 8", "number of bits"},
	{"10.0.0.0/8/8", "number of bits"},
	{"10.0.0.0/8x", "number of bits"},
	{"10.0.0.0/0x8", "number of bits"},
	{"10.0.0.0/8.0", "number of bits"},
	{"10.0.0.0/255.0.0.0", "bits, /8"},
	{"10.0.0.0/255.255.255.255", "bits, /32"},
	{"10.0.0.0/0.0.0.0", "bits, /0"},
	{"10.0.0.0/255.0.255.0", "number of bits"},
	{"::/129", "an IPv6 address has 128 bits"},
	{"::/256", "an IPv6 address has 128 bits"},
	{"::/+1", "without sign"},
	{"::/01", "leading zero"},
	{"::/", "number of bits, 0 to 128"},
	{"::/255.0.0.0", "number of bits"},
	{"10.0.0.1/8", "write 10.0.0.0/8 for the network, or 10.0.0.1 for"},
	{"192.0.2.7/31", "write 192.0.2.6/31"},
	{"192.0.2.7/0", "write 0.0.0.0/0"},
	{"255.255.255.255/1", "write 128.0.0.0/1"},
	{"2001:db8::1/64", "write 2001:db8::/64 for the network, or 2001:db8::1 for"},
	{"2001:db8::1/0", "write ::/0"},
	{"::1/127", "write ::/127"},
	{"8000::1/1", "write 8000::/1"},
	{"::ffff:10.0.0.1/104", "write 10.0.0.0/8 for the network, or 10.0.0.1 for"},
	{"::ffff:0:0/95", "holds IPv4 addresses and others"},
	{"::ffff:0:0/0", "holds IPv4 addresses and others"},
	{"::ffff:10.0.0.0/8", "holds IPv4 addresses and others"},
	{"::ffff:10.0.0.0/24", "holds IPv4 addresses and others"},
	{"uid:", "neither the name nor the number of a user"},
	{"uid:-1", "neither the name nor the number"},
	{"uid:+1", "neither the name nor the number"},
	{"uid:01", "neither the name nor the number"},
	{"uid:4294967295", "neither the name nor the number"},
	{"uid:4294967296", "neither the name nor the number"},
	{"uid:18446744073709551616", "neither the name nor the number"},
	{"uid:no such user", "there is no user"},
	{"gid:", "neither the name nor the number of a group"},
	{"gid:4294967295", "neither the name nor the number of a group"},
	{"gid:nosuchgroup", "there is no group"},
	{"cid:", "is not a CID"},
	{"cid:4294967295", "is not a CID"},
	{"cid:host", "is not a CID"},
	{"cid:-1", "is not a CID"},
	{"cid:03", "is not a CID"},
	{"file:/etc/x", "a list cannot be named here"},
};

START_TEST(bad_word)
{
	char reason[ACCESS_REASON_MAX] = "";
	struct access_rule rules[ACCESS_RULES_OF_WORD], before[ACCESS_RULES_OF_WORD];

	memset(rules, 0x5a, sizeof(rules));
	memcpy(before, rules, sizeof(rules));
	ck_assert_msg(access_parse(bad_words[_i].word, rules, reason) == -EINVAL, "%s", bad_words[_i].word);
	ck_assert_msg(strstr(reason, bad_words[_i].part) != NULL, "'%s': %s", bad_words[_i].word, reason);
	ck_assert_mem_eq(rules, before, sizeof(rules));
}
END_TEST

/* However long a word is. */
START_TEST(long_words)
{
	char reason[ACCESS_REASON_MAX], text[5000];
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	static const char *const starts[] = {"", "uid:", "gid:", "cid:", "1.", "::", "10.0.0.0/", "::%", "["};

	for (size_t i = 0; i < ELEMENTS(starts); i++) {
		memset(text, '1', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		memcpy(text, starts[i], strlen(starts[i]));
		ck_assert_int_eq(access_parse(text, rules, reason), -EINVAL);
		ck_assert_uint_lt(strlen(reason), ACCESS_REASON_MAX);
	}
}
END_TEST

/* ---- many ---- */

/* Numbers that are the same each time. */
static uint32_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/* A network among few, so that they nest, touch and repeat. */
static struct access_rule draw_rule(uint64_t *state, bool is_ipv4)
{
	unsigned size = is_ipv4 ? 4 : 16;
	struct access_rule rule = {.kind = is_ipv4 ? ACCESS_IPV4 : ACCESS_IPV6,
				   .bits = (uint8_t)(draw(state) % (size * 8 + 1)),
				   .deny = draw(state) % 2};

	for (unsigned i = 0; i < size; i++) {
		static const uint8_t bytes[] = {0, 0, 255, 1, 128};

		rule.ip[i] = bytes[draw(state) % ELEMENTS(bytes)];
	}
	for (unsigned bit = rule.bits; bit < size * 8; bit++)
		rule.ip[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	return rule;
}

static bool is_inside(const struct access_rule *rule, const struct peer *peer)
{
	for (unsigned bit = 0; bit < rule->bits; bit++)
		if (((rule->ip[bit / 8] ^ peer->ip[bit / 8]) & (0x80u >> bit % 8)) != 0)
			return false;
	return true;
}

/* As it is written in the manual, one rule after the other. */
static const struct access_rule *find_plainly(const struct access_rule *rules, size_t count,
					      const struct peer *peer)
{
	const struct access_rule *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (is_inside(&rules[i], peer) &&
		    (found == NULL || rules[i].bits > found->bits ||
		     (rules[i].bits == found->bits && rules[i].deny && !found->deny)))
			found = &rules[i];
	return found;
}

START_TEST(as_one_by_one)
{
	uint64_t state = (uint64_t)_i;
	bool is_ipv4 = _i % 2;
	struct access_rule rules[60];
	size_t count = 1 + draw(&state) % ELEMENTS(rules);
	struct access *access;

	for (size_t i = 0; i < count; i++) {
		rules[i] = draw_rule(&state, is_ipv4);
		rules[i].line = (uint32_t)i + 1;
	}
	ck_assert_int_eq(access_compile(rules, count, &access), 0);
	for (unsigned i = 0; i < 2000; i++) {
		struct access_rule place = draw_rule(&state, is_ipv4);
		struct peer peer = {.family = is_ipv4 ? PEER_IPV4 : PEER_IPV6};
		const struct access_rule *expected, *decides;

		memcpy(peer.ip, place.ip, 16);
		/* The first address behind a network is where mistakes are. */
		if (draw(&state) % 2)
			peer.ip[is_ipv4 ? 3 : 15] ^= (uint8_t)draw(&state);
		expected = find_plainly(rules, count, &peer);
		access_allows(access, &peer, NULL, 0, &decides);
		ck_assert_msg((expected != NULL ? expected->line : 0) ==
				      (decides != NULL ? decides->line : 0),
			      "seed %d: rule %u, not %u", _i, decides != NULL ? decides->line : 0,
			      expected != NULL ? expected->line : 0);
	}
	access_free(access);
}
END_TEST

/* 0 to 128 bits of one address, each in the one before. */
START_TEST(deepest_nest)
{
	struct access_rule rules[129];
	struct access *access;
	struct peer peer = {.family = PEER_IPV6};

	for (unsigned bits = 0; bits <= 128; bits++) {
		rules[128 - bits] = (struct access_rule){
			.kind = ACCESS_IPV6, .bits = (uint8_t)bits, .deny = bits % 2, .line = bits + 1};
		for (unsigned bit = 0; bit < bits; bit++)
			rules[128 - bits].ip[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	}
	ck_assert_int_eq(access_compile(rules, ELEMENTS(rules), &access), 0);
	for (unsigned bits = 0; bits <= 128; bits++) {
		const struct access_rule *decides;

		memset(peer.ip, 0, 16);
		for (unsigned bit = 0; bit < bits; bit++)
			peer.ip[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
		ck_assert(access_allows(access, &peer, NULL, 0, &decides) == (bits % 2 == 0));
		ck_assert_uint_eq(decides->line, bits + 1);
	}
	access_free(access);
}
END_TEST

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#define MANY 100000
#define LOOK_UPS 1000000

/* What it takes is told; held against it is only what no machine takes. */
START_TEST(many_rules)
{
	struct access_rule *rules = calloc(MANY, sizeof(*rules));
	uint64_t state = 7;
	struct access *access;
	struct peer peer = {.family = PEER_IPV4};
	unsigned allowed = 0;

	ck_assert_ptr_nonnull(rules);
	for (size_t i = 0; i < MANY; i++) {
		uint32_t ip = draw(&state) << 1 | draw(&state) % 2;

		rules[i] = (struct access_rule){.kind = ACCESS_IPV4, .bits = 24, .deny = i % 3 == 0};
		rules[i].ip[0] = (uint8_t)(ip >> 24);
		rules[i].ip[1] = (uint8_t)(ip >> 16);
		rules[i].ip[2] = (uint8_t)(ip >> 8);
	}

	double start = seconds();

	ck_assert_int_eq(access_compile(rules, MANY, &access), 0);

	double compiled = seconds();

	for (unsigned i = 0; i < LOOK_UPS; i++) {
		uint32_t ip = htonl(draw(&state) << 1);

		memcpy(peer.ip, &ip, 4);
		allowed += access_allows(access, &peer, NULL, 0, NULL);
	}

	double found = seconds();

	printf("# %d rules: compiled in %.0f ms, %.0f ns a look-up (%u allowed)\n", MANY,
	       (compiled - start) * 1e3, (found - compiled) * 1e9 / LOOK_UPS, allowed);
	ck_assert_double_lt(compiled - start, 5);
	ck_assert_double_lt(found - compiled, 10);
	ck_assert_uint_gt(allowed, 0);
	ck_assert_uint_lt(allowed, LOOK_UPS);
	access_free(access);
	free(rules);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("access");
	TCase *all = tcase_create("rules");

	tcase_add_loop_test(all, one_rule, 0, ELEMENTS(pairs));
	tcase_add_loop_test(all, several_rules, 0, ELEMENTS(lists));
	tcase_add_loop_test(all, groups, 0, ELEMENTS(group_lists));
	tcase_add_test(all, groups_not_asked);
	tcase_add_loop_test(all, summary, 0, ELEMENTS(summaries));
	tcase_add_test(all, empty_list);
	tcase_add_loop_test(all, word, 0, ELEMENTS(words));
	tcase_add_test(all, loopback);
	tcase_add_loop_test(all, bad_word, 0, ELEMENTS(bad_words));
	tcase_add_test(all, long_words);
	tcase_add_loop_test(all, as_one_by_one, 0, 40);
	tcase_add_test(all, deepest_nest);
	tcase_add_test(all, many_rules);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
