/* check_access_words.c - words that are rules of access and words that are none. */
#include "access_help.h"

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
	{"a\x7f\x1f\nb", "'a???b' is not an address, and names are not resolved"},
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

/* ---- clients ---- */

static const struct {
	const char *peer, *text;
} clients[] = {
	{ "192.0.2.7", "192.0.2.7" }, { "2001:db8::7", "2001:db8::7" }, { "1000/5", "uid:1000" },
	{ "cid:3", "cid:3" },         { "none", NULL },
};

/* The rule that names one client holds for it alone. */
START_TEST(rule_of_client)
{
	struct peer peer = peer_of(clients[_i].peer), other = peer;
	struct access_rule rule = { .id = 5 };
	struct access *access;
	char text[ACCESS_TEXT_MAX];

	ck_assert_int_eq(access_rule_of(&peer, &rule), clients[_i].text != NULL);
	if (clients[_i].text == NULL) {
		ck_assert_uint_eq(rule.id, 5);
		return;
	}
	ck_assert_str_eq(access_print(&rule, text), clients[_i].text);
	rule.deny = true;
	ck_assert_int_eq(access_compile(&rule, 1, &access), 0);
	ck_assert(!access_allows(access, &peer, NULL, 0, NULL));
	other.ip[peer.family == PEER_IPV4 ? 3 : 15] ^= 1;
	if (peer.family == PEER_UNIX)
		other.unix_peer.uid++;
	if (peer.family == PEER_VSOCK)
		other.vsock.cid++;
	ck_assert(access_allows(access, &other, NULL, 0, NULL));
	access_free(access);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("access-words");
	TCase *all = tcase_create("rules");

	tcase_add_loop_test(all, word, 0, ELEMENTS(words));
	tcase_add_test(all, loopback);
	tcase_add_loop_test(all, bad_word, 0, ELEMENTS(bad_words));
	tcase_add_test(all, long_words);
	tcase_add_loop_test(all, rule_of_client, 0, ELEMENTS(clients));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
