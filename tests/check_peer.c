/* check_peer.c - addresses: canonical form, text, prefix keys. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base.h"
#include "run.h"

/* Reads what the tables say: "unix", "vsock:CID", or an address for inet_pton(). */
static struct peer make_peer(const char *address, uint16_t port, uint32_t scope)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
	struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_port = port};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct peer peer;

	memset(&peer, 0xaa, sizeof(peer));
	if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
		peer_from_sockaddr((const struct sockaddr *)&in, sizeof(in), &peer);
	} else if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1) {
		peer_from_sockaddr((const struct sockaddr *)&in6, sizeof(in6), &peer);
	} else if (strncmp(address, "vsock:", 6) == 0) {
		vm.svm_cid = (unsigned)strtoul(address + 6, NULL, 10);
		peer_from_sockaddr((const struct sockaddr *)&vm, sizeof(vm), &peer);
	} else {
		ck_assert_str_eq(address, "unix");
		peer_from_sockaddr((const struct sockaddr *)&un, sizeof(sa_family_t), &peer);
	}
	return peer;
}

static const struct {
	const char *address;
	uint16_t port;
	uint32_t scope;
	enum peer_family family;
	const char *text, *address_text;
} texts[] = {
	{"192.0.2.7", 40112, 0, PEER_IPV4, "192.0.2.7:40112", "192.0.2.7"},
	{"0.0.0.0", 0, 0, PEER_IPV4, "0.0.0.0:0", "0.0.0.0"},
	{"255.255.255.255", 65535, 0, PEER_IPV4, "255.255.255.255:65535", "255.255.255.255"},
	{"127.0.0.1", 1, 0, PEER_IPV4, "127.0.0.1:1", "127.0.0.1"},
	{"10.9.100.1", 99, 0, PEER_IPV4, "10.9.100.1:99", "10.9.100.1"},
	{"::ffff:192.0.2.7", 40112, 0, PEER_IPV4, "192.0.2.7:40112", "192.0.2.7"},
	{"::ffff:0.0.0.0", 7, 0, PEER_IPV4, "0.0.0.0:7", "0.0.0.0"},
	{"::ffff:255.255.255.255", 7, 0, PEER_IPV4, "255.255.255.255:7", "255.255.255.255"},
	{"::ffff:127.0.0.1", 7, 9, PEER_IPV4, "127.0.0.1:7", "127.0.0.1"},
	{"::ffff:fe80:1", 7, 3, PEER_IPV4, "254.128.0.1:7", "254.128.0.1"},
	/* These only look like IPv4. */
	{"::192.0.2.7", 7, 0, PEER_IPV6, "[::192.0.2.7]:7", "::192.0.2.7"},
	{"64:ff9b::192.0.2.7", 7, 0, PEER_IPV6, "[64:ff9b::c000:207]:7", "64:ff9b::c000:207"},
	{"::ffff:0:192.0.2.7", 7, 0, PEER_IPV6, "[::ffff:0:c000:207]:7", "::ffff:0:c000:207"},
	{"2002:c000:207::1", 7, 0, PEER_IPV6, "[2002:c000:207::1]:7", "2002:c000:207::1"},
	{"::fffe:192.0.2.7", 7, 0, PEER_IPV6, "[::fffe:c000:207]:7", "::fffe:c000:207"},
	{"1::ffff:192.0.2.7", 7, 0, PEER_IPV6, "[1::ffff:c000:207]:7", "1::ffff:c000:207"},
	{"::", 0, 0, PEER_IPV6, "[::]:0", "::"},
	{"::1", 443, 0, PEER_IPV6, "[::1]:443", "::1"},
	{"2001:db8::1", 443, 0, PEER_IPV6, "[2001:db8::1]:443", "2001:db8::1"},
	{"2001:db8::1", 443, 5, PEER_IPV6, "[2001:db8::1]:443", "2001:db8::1"},
	{"2001:db8:1:2:3:4:5:6", 65535, 0, PEER_IPV6, "[2001:db8:1:2:3:4:5:6]:65535", "2001:db8:1:2:3:4:5:6"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 0, PEER_IPV6,
	 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"fe80::1", 80, 2, PEER_IPV6, "[fe80::1%2]:80", "fe80::1%2"},
	{"fe80::1", 80, 0, PEER_IPV6, "[fe80::1]:80", "fe80::1"},
	{"febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, UINT32_MAX, PEER_IPV6,
	 "[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
	 "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295"},
	{"fec0::1", 80, 2, PEER_IPV6, "[fec0::1]:80", "fec0::1"},
	{"ff02::1", 80, 2, PEER_IPV6, "[ff02::1%2]:80", "ff02::1%2"},
	{"ff05::1", 80, 2, PEER_IPV6, "[ff05::1]:80", "ff05::1"},
	{"fd00::1", 80, 2, PEER_IPV6, "[fd00::1]:80", "fd00::1"},
	{"vsock:3", 1024, 0, PEER_VSOCK, "vsock:3:1024", "vsock:3"},
	{"vsock:4294967295", 65535, 0, PEER_VSOCK, "vsock:4294967295:65535", "vsock:4294967295"},
	{"unix", 0, 0, PEER_UNIX, "unix", ""},
};

START_TEST(prints)
{
	struct peer peer = make_peer(texts[_i].address, texts[_i].port, texts[_i].scope);
	char text[PEER_TEXT_MAX + 1];

	ck_assert_int_eq(peer.family, texts[_i].family);
	memset(text, '#', sizeof(text));
	ck_assert_ptr_eq(peer_print(&peer, text), text);
	ck_assert_str_eq(text, texts[_i].text);
	ck_assert_int_eq(text[PEER_TEXT_MAX], '#');

	memset(text, '#', sizeof(text));
	ck_assert_ptr_eq(peer_print_address(&peer, text), text);
	ck_assert_str_eq(text, texts[_i].address_text);
	if (peer.family == PEER_IPV4 || peer.family == PEER_IPV6)
		ck_assert_uint_eq(peer.port, texts[_i].port);
}
END_TEST

/* 256 values of each byte of an IPv4 address, against the C library's printer. */
START_TEST(every_ipv4_byte)
{
	for (unsigned place = 0; place < 4; place++) {
		for (unsigned value = 0; value < 256; value++) {
			struct sockaddr_in in = {.sin_family = AF_INET};
			struct peer peer;
			char text[PEER_TEXT_MAX], wanted[INET_ADDRSTRLEN];

			in.sin_addr.s_addr = htonl(UINT32_C(0x01020304));
			((uint8_t *)&in.sin_addr)[place] = (uint8_t)value;
			peer_from_sockaddr((const struct sockaddr *)&in, sizeof(in), &peer);
			inet_ntop(AF_INET, &in.sin_addr, wanted, sizeof(wanted));
			ck_assert_str_eq(peer_print_address(&peer, text), wanted);
		}
	}
}
END_TEST

static const struct {
	const char *name;
	sa_family_t family;
	socklen_t length;
	enum peer_family wanted;
} lengths[] = {
	{"nothing", AF_INET, 0, PEER_NONE},
	{"half a family", AF_INET, 1, PEER_NONE},
	{"family only", AF_INET, sizeof(sa_family_t), PEER_NONE},
	{"IPv4 short by one", AF_INET, sizeof(struct sockaddr_in) - 1, PEER_NONE},
	{"IPv4", AF_INET, sizeof(struct sockaddr_in), PEER_IPV4},
	{"IPv4 and more", AF_INET, sizeof(struct sockaddr_storage), PEER_IPV4},
	{"IPv6 as IPv4", AF_INET6, sizeof(struct sockaddr_in), PEER_NONE},
	{"IPv6 short by one", AF_INET6, sizeof(struct sockaddr_in6) - 1, PEER_NONE},
	{"IPv6", AF_INET6, sizeof(struct sockaddr_in6), PEER_IPV6},
	{"vsock short by one", AF_VSOCK, sizeof(struct sockaddr_vm) - 1, PEER_NONE},
	{"vsock", AF_VSOCK, sizeof(struct sockaddr_vm), PEER_VSOCK},
	{"unnamed unix", AF_UNIX, sizeof(sa_family_t), PEER_UNIX},
	{"named unix", AF_UNIX, sizeof(struct sockaddr_un), PEER_UNIX},
	{"unspecified", AF_UNSPEC, sizeof(struct sockaddr_storage), PEER_NONE},
	{"netlink", AF_NETLINK, sizeof(struct sockaddr_storage), PEER_NONE},
	{"made up", 4711, sizeof(struct sockaddr_storage), PEER_NONE},
};

START_TEST(lengths_of_addresses)
{
	struct sockaddr_storage storage = {.ss_family = lengths[_i].family};
	/* Of the exact size, so that AddressSanitizer sees a read behind it. */
	char *exact = malloc(lengths[_i].length + 1);
	struct peer peer;
	char text[PEER_TEXT_MAX];

	memcpy(exact, &storage, lengths[_i].length);
	char *shrunk = lengths[_i].length > 0 ? realloc(exact, lengths[_i].length) : exact;

	ck_assert_ptr_nonnull(shrunk);
	peer_from_sockaddr((const struct sockaddr *)(const void *)shrunk, lengths[_i].length, &peer);
	free(shrunk);
	ck_assert_msg(peer.family == lengths[_i].wanted, "%s", lengths[_i].name);
	if (peer.family == PEER_NONE) {
		ck_assert_str_eq(peer_print(&peer, text), "-");
		ck_assert_str_eq(peer_print_address(&peer, text), "");
	}
}
END_TEST

START_TEST(no_address)
{
	struct peer peer;

	peer_from_sockaddr(NULL, 0, &peer);
	ck_assert_int_eq(peer.family, PEER_NONE);
}
END_TEST

static const struct {
	const char *name;
	const char *left, *right;
	unsigned bits4, bits6;
	bool same;
} keys[] = {
	{"v4 /0 is everybody", "1.2.3.4", "250.1.1.1", 0, 64, true},
	{"v4 /1 same half", "1.2.3.4", "127.1.1.1", 1, 64, true},
	{"v4 /1 other half", "1.2.3.4", "128.2.3.4", 1, 64, false},
	{"v4 /8 same", "10.2.3.4", "10.255.0.0", 8, 64, true},
	{"v4 /8 other", "10.2.3.4", "11.2.3.4", 8, 64, false},
	{"v4 /9 same", "10.127.3.4", "10.0.3.4", 9, 64, true},
	{"v4 /9 other", "10.127.3.4", "10.128.3.4", 9, 64, false},
	{"v4 /24 same", "192.0.2.1", "192.0.2.255", 24, 64, true},
	{"v4 /24 other", "192.0.2.1", "192.0.3.1", 24, 64, false},
	{"v4 /31 same", "192.0.2.2", "192.0.2.3", 31, 64, true},
	{"v4 /31 other", "192.0.2.1", "192.0.2.2", 31, 64, false},
	{"v4 /32 same", "192.0.2.1", "192.0.2.1", 32, 64, true},
	{"v4 /32 other", "192.0.2.1", "192.0.2.0", 32, 64, false},
	{"v4 beyond 32 is 32", "192.0.2.1", "192.0.2.1", 200, 64, true},
	{"v4 beyond 32 other", "192.0.2.1", "192.0.2.0", 200, 64, false},
	{"mapped is v4", "::ffff:192.0.2.1", "192.0.2.1", 32, 128, true},
	{"mapped in a /24", "::ffff:192.0.2.1", "192.0.2.9", 24, 128, true},
	{"mapped in another /24", "::ffff:192.0.3.1", "192.0.2.9", 24, 128, false},
	{"compatible is not v4", "::192.0.2.1", "192.0.2.1", 32, 128, false},
	{"nat64 is not v4", "64:ff9b::192.0.2.1", "192.0.2.1", 32, 128, false},
	{"v4 /0 is not v6 /0", "0.0.0.0", "::", 0, 0, false},
	{"v6 /0 is everybody", "::1", "ffff::", 32, 0, true},
	{"v6 /1 same half", "::1", "7fff::", 32, 1, true},
	{"v6 /1 other half", "::1", "8000::", 32, 1, false},
	{"v6 /8 same", "2001::", "20ff::", 32, 8, true},
	{"v6 /8 other", "2001::", "2101::", 32, 8, false},
	{"v6 /24 same", "2001:dff::", "2001:d00::1", 32, 24, true},
	{"v6 /24 other", "2001:dff::", "2001:e00::", 32, 24, false},
	{"v6 /32 same", "2001:db8::", "2001:db8:ffff::", 32, 32, true},
	{"v6 /32 other", "2001:db8::", "2001:db9::", 32, 32, false},
	{"v6 /64 same", "2001:db8:1:2::1", "2001:db8:1:2:ffff::", 32, 64, true},
	{"v6 /64 other", "2001:db8:1:2::1", "2001:db8:1:3::1", 32, 64, false},
	{"v6 /65 other", "2001:db8:1:2::1", "2001:db8:1:2:8000::1", 32, 65, false},
	{"v6 /127 same", "2001:db8::2", "2001:db8::3", 32, 127, true},
	{"v6 /128 same", "2001:db8::2", "2001:db8::2", 32, 128, true},
	{"v6 /128 other", "2001:db8::2", "2001:db8::3", 32, 128, false},
	{"v6 beyond 128", "2001:db8::2", "2001:db8::3", 32, 4000, false},
	{"nat64 /96", "64:ff9b::1.2.3.4", "64:ff9b::5.6.7.8", 32, 96, true},
	{"vsock same", "vsock:3", "vsock:3", 0, 0, true},
	{"vsock other", "vsock:3", "vsock:4", 0, 0, false},
	{"vsock is not unix", "vsock:3", "unix", 0, 0, false},
	{"unix is one", "unix", "unix", 0, 0, true},
};

START_TEST(counts_as_one)
{
	/* Ports differ: a source is an address. */
	struct peer left = make_peer(keys[_i].left, 1000, 0);
	struct peer right = make_peer(keys[_i].right, 2000, 0);
	struct peer_key left_key, right_key;

	memset(&left_key, 0x55, sizeof(left_key));
	memset(&right_key, 0xaa, sizeof(right_key));
	peer_key(&left, keys[_i].bits4, keys[_i].bits6, &left_key);
	peer_key(&right, keys[_i].bits4, keys[_i].bits6, &right_key);

	bool same = memcmp(&left_key, &right_key, sizeof(left_key)) == 0;

	ck_assert_msg(same == keys[_i].same, "%s", keys[_i].name);
}
END_TEST

/* Every prefix length: that many ones, then zeros. */
START_TEST(every_prefix)
{
	struct peer four = make_peer("255.255.255.255", 1, 0);
	struct peer six = make_peer("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 0);

	for (unsigned bits = 0; bits <= 128; bits++) {
		struct peer_key four_key, six_key;

		peer_key(&four, bits, bits, &four_key);
		peer_key(&six, bits, bits, &six_key);
		for (unsigned i = 0; i < 128; i++) {
			unsigned mask = 0x80u >> i % 8;

			ck_assert_int_eq((six_key.bytes[i / 8] & mask) != 0, i < bits);
			ck_assert_int_eq((four_key.bytes[i / 8] & mask) != 0, i < bits && i < 32);
		}
	}
}
END_TEST

START_TEST(credentials)
{
	int pair[2];
	struct peer peer;
	char text[PEER_TEXT_MAX], wanted[PEER_TEXT_MAX];
	struct peer_key one, other;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(peer_from_credentials(pair[0], &peer), 0);
	snprintf(wanted, sizeof(wanted), "unix:uid=%u,gid=%u,pid=%d", getuid(), getgid(), (int)getpid());
	ck_assert_str_eq(peer_print(&peer, text), wanted);
	ck_assert_str_eq(peer_print_address(&peer, text), "");
	close(pair[0]);
	close(pair[1]);

	/* One user is one source, whichever process. */
	peer_key(&peer, 32, 64, &one);
	peer.unix_peer.pid++;
	peer.unix_peer.gid++;
	peer_key(&peer, 32, 64, &other);
	ck_assert_mem_eq(&one, &other, sizeof(one));
	peer.unix_peer.uid++;
	peer_key(&peer, 32, 64, &other);
	ck_assert_mem_ne(&one, &other, sizeof(one));

	peer.unix_peer.uid = (uid_t)-2;
	peer.unix_peer.gid = (gid_t)-2;
	peer.unix_peer.pid = INT32_MAX;
	ck_assert_str_eq(peer_print(&peer, text), "unix:uid=4294967294,gid=4294967294,pid=2147483647");
}
END_TEST

START_TEST(no_credentials)
{
	struct peer peer, before;
	int inet = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int lonely = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&peer, 0x5a, sizeof(peer));
	before = peer;
	ck_assert_int_eq(peer_from_credentials(-1, &peer), -EBADF);
	ck_assert_int_eq(peer_from_credentials(inet, &peer), -EAFNOSUPPORT);
	ck_assert_int_eq(peer_from_credentials(lonely, &peer), -ENOTCONN);
	ck_assert_mem_eq(&peer, &before, sizeof(peer));
	close(inet);
	close(lonely);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("peer");
	TCase *tcase = tcase_create("peer");

	tcase_add_loop_test(tcase, prints, 0, (int)ELEMENTS(texts));
	tcase_add_test(tcase, every_ipv4_byte);
	tcase_add_loop_test(tcase, lengths_of_addresses, 0, (int)ELEMENTS(lengths));
	tcase_add_test(tcase, no_address);
	tcase_add_loop_test(tcase, counts_as_one, 0, (int)ELEMENTS(keys));
	tcase_add_test(tcase, every_prefix);
	tcase_add_test(tcase, credentials);
	tcase_add_test(tcase, no_credentials);
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
