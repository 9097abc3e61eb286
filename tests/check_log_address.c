/* check_log_address.c - how much of a client's address the log tells, for each
 * kind of client; and that a hash tells clients apart, not connections. */
#include "log-address.h"

#include "run.h"

#include <arpa/inet.h>
#include <string.h>

static const uint64_t key[2] = { 1, 2 }, other_key[2] = { 1, 3 };

static struct peer ip(const char *text, uint16_t port)
{
	bool wide = strchr(text, ':') != NULL;
	struct peer peer = { .family = wide ? PEER_IPV6 : PEER_IPV4, .port = port };

	ck_assert_int_eq(inet_pton(wide ? AF_INET6 : AF_INET, text, peer.ip), 1);
	return peer;
}

static const char *print(enum log_address how, struct peer peer)
{
	static char texts[4][PEER_TEXT_MAX];
	static unsigned turn;
	char *text = texts[turn++ % 4];

	memset(text, 'x', PEER_TEXT_MAX);
	ck_assert_ptr_eq(log_address_print(how, key, &peer, text), text);
	ck_assert_ptr_nonnull(memchr(text, '\0', PEER_TEXT_MAX));
	return text;
}

static const struct {
	const char *address, *full, *prefix;
} addresses[] = {
	{ "192.0.2.7", "192.0.2.7:40112", "192.0.2.0/24" },
	{ "0.0.0.0", "0.0.0.0:40112", "0.0.0.0/24" },
	{ "255.255.255.255", "255.255.255.255:40112", "255.255.255.0/24" },
	{ "127.0.0.1", "127.0.0.1:40112", "127.0.0.0/24" },
	{ "2001:db8:7:8:9:a:b:c", "[2001:db8:7:8:9:a:b:c]:40112", "2001:db8:7::/48" },
	{ "2001:db8::1", "[2001:db8::1]:40112", "2001:db8::/48" },
	{ "::1", "[::1]:40112", "::/48" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:40112",
	  "ffff:ffff:ffff::/48" },
};
#define ADDRESSES ((int)(sizeof(addresses) / sizeof(addresses[0])))

START_TEST(of_ip)
{
	struct peer peer = ip(addresses[_i].address, 40112);

	ck_assert_str_eq(print(LOG_ADDRESS_FULL, peer), addresses[_i].full);
	ck_assert_str_eq(print(LOG_ADDRESS_PREFIX, peer), addresses[_i].prefix);
	ck_assert_str_eq(print(LOG_ADDRESS_NONE, peer), "-");
}
END_TEST

/* The interface of a link-local address tells nothing in a prefix, and nothing more in a hash. */
START_TEST(scope)
{
	struct peer peer = ip("fe80::1", 80), second = peer;

	peer.scope = 2;
	second.scope = 3;
	ck_assert_str_eq(print(LOG_ADDRESS_FULL, peer), "[fe80::1%2]:80");
	ck_assert_str_eq(print(LOG_ADDRESS_PREFIX, peer), "fe80::/48");
	ck_assert_str_eq(print(LOG_ADDRESS_NONE, peer), "-");
	ck_assert_str_eq(print(LOG_ADDRESS_PREFIX, second), "fe80::/48");
}
END_TEST

START_TEST(of_others)
{
	struct peer nobody = { .family = PEER_NONE };
	struct peer local = { .family = PEER_UNIX, .unix_peer = { .uid = 1000, .gid = 100, .pid = 17 } };
	struct peer guest = { .family = PEER_VSOCK, .vsock = { .cid = 3, .port = 1024 } };

	ck_assert_str_eq(print(LOG_ADDRESS_FULL, nobody), "-");
	ck_assert_str_eq(print(LOG_ADDRESS_PREFIX, nobody), "-");
	ck_assert_str_eq(print(LOG_ADDRESS_NONE, nobody), "-");
	ck_assert_str_eq(print(LOG_ADDRESS_FULL, local), "unix:uid=1000,gid=100,pid=17");
	ck_assert_str_eq(print(LOG_ADDRESS_PREFIX, local), "unix");
	ck_assert_str_eq(print(LOG_ADDRESS_NONE, local), "-");
	ck_assert_str_eq(print(LOG_ADDRESS_FULL, guest), "vsock:3:1024");
	ck_assert_str_eq(print(LOG_ADDRESS_PREFIX, guest), "vsock");
	ck_assert_str_eq(print(LOG_ADDRESS_NONE, guest), "-");
}
END_TEST

/* # and 16 digits; the same for one address whatever its port, another for another
 * address of the same network, another with another key. */
START_TEST(hash)
{
	char text[PEER_TEXT_MAX], again[PEER_TEXT_MAX], foreign[PEER_TEXT_MAX];
	struct peer peer = ip(addresses[_i].address, 40112), moved = peer, neighbour = peer;

	log_address_print(LOG_ADDRESS_HASH, key, &peer, text);
	ck_assert_uint_eq(strlen(text), 17);
	ck_assert_int_eq(text[0], '#');
	ck_assert_uint_eq(strspn(text + 1, "0123456789abcdef"), 16);
	moved.port = 1;
	log_address_print(LOG_ADDRESS_HASH, key, &moved, again);
	ck_assert_str_eq(again, text);
	neighbour.ip[peer.family == PEER_IPV4 ? 3 : 15] ^= 1;
	log_address_print(LOG_ADDRESS_HASH, key, &neighbour, again);
	ck_assert_str_ne(again, text);
	log_address_print(LOG_ADDRESS_HASH, other_key, &peer, foreign);
	ck_assert_str_ne(foreign, text);
}
END_TEST

/* 1.2.3.4 and 102:304:: have the same first bytes, and are not the same. */
START_TEST(hash_of_families)
{
	char narrow[PEER_TEXT_MAX], wide[PEER_TEXT_MAX];
	struct peer four = ip("1.2.3.4", 1), six = ip("102:304::", 1);

	log_address_print(LOG_ADDRESS_HASH, key, &four, narrow);
	log_address_print(LOG_ADDRESS_HASH, key, &six, wide);
	ck_assert_str_ne(narrow, wide);
}
END_TEST

/* Of a Unix client who it is counts, not which process; nothing of either shows. */
START_TEST(hash_of_unix)
{
	struct peer first = { .family = PEER_UNIX, .unix_peer = { .uid = 1000, .gid = 100, .pid = 17 } };
	struct peer second = first, other = first;
	char text[PEER_TEXT_MAX], again[PEER_TEXT_MAX];

	second.unix_peer.pid = 18;
	other.unix_peer.uid = 1001;
	log_address_print(LOG_ADDRESS_HASH, key, &first, text);
	log_address_print(LOG_ADDRESS_HASH, key, &second, again);
	ck_assert_str_eq(again, text);
	log_address_print(LOG_ADDRESS_HASH, key, &other, again);
	ck_assert_str_ne(again, text);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log_address");
	TCase *tests = tcase_create("log_address");

	tcase_add_loop_test(tests, of_ip, 0, ADDRESSES);
	tcase_add_test(tests, scope);
	tcase_add_test(tests, of_others);
	tcase_add_loop_test(tests, hash, 0, ADDRESSES);
	tcase_add_test(tests, hash_of_families);
	tcase_add_test(tests, hash_of_unix);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
