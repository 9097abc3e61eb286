/* check_access.c - who may: which rules a peer meets, and which of several decides. */
#include "access_help.h"

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
	{"uid:5 uid:5", "", "5/6", true, 1},
	{"uid:5 uid:5", "uid:5 uid:5", "5/6", false, 3},
	{"all", "all all", "5/6", false, 2},
	{"uid:4 uid:4 uid:5", "uid:4 uid:6", "5/6", true, 3},
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
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
