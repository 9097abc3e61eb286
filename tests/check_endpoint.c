/* check_endpoint.c - what `listen` accepts, what it refuses and with which
 * advice, and that the canonical text reads back as the same endpoint. */
#include "base.h"
#include "endpoint.h"
#include "run.h"

#include <errno.h>
#include <string.h>

#define TEXT_ROOM 4096

static const struct good {
	const char *text, *printed; /* endpoints, separated by blanks */
} good[] = {
	/* ports alone: both families */
	{ "80", "0.0.0.0:80 [::]:80" },
	{ "1", "0.0.0.0:1 [::]:1" },
	{ "65535", "0.0.0.0:65535 [::]:65535" },
	{ "80/tcp", "0.0.0.0:80 [::]:80" },
	{ "53/udp", "0.0.0.0:53/udp [::]:53/udp" },
	{ "80/mptcp", "0.0.0.0:80/mptcp [::]:80/mptcp" },
	{ "*:80", "0.0.0.0:80 [::]:80" },
	{ "*:80/udp", "0.0.0.0:80/udp [::]:80/udp" },
	{ "localhost:80", "127.0.0.1:80 [::1]:80" },
	{ "localhost:80/mptcp", "127.0.0.1:80/mptcp [::1]:80/mptcp" },
	/* addresses */
	{ "0.0.0.0:80", "0.0.0.0:80" },
	{ "127.0.0.1:7007", "127.0.0.1:7007" },
	{ "255.255.255.255:67/udp", "255.255.255.255:67/udp" },
	{ "224.0.0.251:5353/udp", "224.0.0.251:5353/udp" },
	{ "192.0.2.1:80/mptcp", "192.0.2.1:80/mptcp" },
	{ "[::]:80", "[::]:80" },
	{ "[::1]:80", "[::1]:80" },
	{ "[::1]:80/udp", "[::1]:80/udp" },
	{ "[0:0:0:0:0:0:0:1]:80", "[::1]:80" },
	{ "[2001:DB8::A]:443", "[2001:db8::a]:443" },
	{ "[2001:db8:1:2:3:4:5:6]:443", "[2001:db8:1:2:3:4:5:6]:443" },
	{ "[64:ff9b::192.0.2.1]:80", "[64:ff9b::c000:201]:80" },
	{ "[fe80::1%eth0]:80", "[fe80::1%eth0]:80" },
	{ "[fe80::1%eth0.100]:80/udp", "[fe80::1%eth0.100]:80/udp" },
	{ "[ff02::fb%lo]:5353/udp", "[ff02::fb%lo]:5353/udp" },
	{ "[ff05::2]:547/udp", "[ff05::2]:547/udp" },
	{ "[fe80::1%abcdefghijklmno]:80", "[fe80::1%abcdefghijklmno]:80" },
	/* ranges */
	{ "7000-7001", "0.0.0.0:7000 [::]:7000 0.0.0.0:7001 [::]:7001" },
	{ "7000-7000", "0.0.0.0:7000 [::]:7000" },
	{ "127.0.0.1:7-9", "127.0.0.1:7 127.0.0.1:8 127.0.0.1:9" },
	{ "[::1]:65534-65535/udp", "[::1]:65534/udp [::1]:65535/udp" },
	{ "localhost:5-6/udp", "127.0.0.1:5/udp [::1]:5/udp 127.0.0.1:6/udp [::1]:6/udp" },
	/* Unix */
	{ "unix:/run/x.sock", "unix:/run/x.sock" },
	{ "unix-dgram:/run/x", "unix-dgram:/run/x" },
	{ "unix-seqpacket:/run/x", "unix-seqpacket:/run/x" },
	{ "unix:/x", "unix:/x" },
	{ "unix:/run/a:b/tcp", "unix:/run/a:b/tcp" },
	{ "unix:/run/...", "unix:/run/..." },
	{ "unix:/run/@x", "unix:/run/@x" },
	{ "unix:/run/a b", "unix:/run/a\\x20b" },
	{ "unix:/run/a\\x20b", "unix:/run/a\\x20b" },
	{ "unix:/run/a\\x5cb", "unix:/run/a\\x5cb" },
	{ "unix:/run/a\\x2Cb", "unix:/run/a\\x2cb" },
	{ "unix:/run/\\x61", "unix:/run/a" },
	{ "unix:/run/\xc3\xbc", "unix:/run/\\xc3\\xbc" },
	{ "unix:/run/a\nb", "unix:/run/a\\x0ab" },
	{ "unix:@usherd", "unix:@usherd" },
	{ "unix-dgram:@a/b", "unix-dgram:@a/b" },
	{ "unix-seqpacket:@@", "unix-seqpacket:@@" },
	{ "unix:@a\\x20b", "unix:@a\\x20b" },
	/* vsock */
	{ "vsock:1", "vsock:1" },
	{ "vsock:4294967294", "vsock:4294967294" },
	{ "vsock:2:5000", "vsock:2:5000" },
	{ "vsock:0:1", "vsock:0:1" },
	{ "vsock:4294967294:1", "vsock:4294967294:1" },
};

/* Each refused text, and the part of the sentence that helps. */
static const struct bad {
	const char *text, *advice;
} bad[] = {
	{ "", "write a port" },
	/* numbers */
	{ "0", "ports are 1 to 65535" },
	{ "65536", "65536 is out of range; ports are 1 to 65535" },
	{ "70000/udp", "out of range" },
	{ "4294967297", "out of range" },
	{ "18446744073709551617", "out of range" },
	{ "99999999999999999999999999999999", "out of range" },
	{ "-1", "not a range" },
	{ "+1", "'+1' is not a port number" },
	{ "1e3", "not a port number" },
	{ "0x50", "not a port number" },
	{ "010", "leading zero" },
	{ "00", "leading zero" },
	{ "0080/udp", "leading zero" },
	{ "10k", "not a port number" },
	{ "80.", "not a port number" },
	{ "8 0", "not a port number" },
	{ " 80", "services(5)" },
	{ "80 ", "not a port number" },
	{ "80x", "not a port number" },
	{ "8,0", "not a port number" },
	{ "NaN", "services(5) for tcp; write the number" },
	{ "no-such-port-name", "services(5) for tcp" },
	{ "no-such-port-name/udp", "services(5) for udp" },
	{ "127.0.0.1:no-such-port", "write the number" },
	{ "\x01", "services(5)" },
	/* ranges */
	{ "7009-7000", "reversed; write 7000-7009" },
	{ "7000-", "write it as 7000-7009" },
	{ "-7000", "write it as 7000-7009" },
	{ "-", "write it as 7000-7009" },
	{ "1-2-3", "write it as 7000-7009" },
	{ "1--3", "write it as 7000-7009" },
	{ "0-5", "port 0 is out of range" },
	{ "65530-65536", "65536 is out of range" },
	{ "7000-07001", "leading zero" },
	{ "*:9-3", "write 3-9" },
	/* protocols */
	{ "80/", "unknown protocol '/'" },
	{ "80/TCP", "did you mean '/tcp'?" },
	{ "80/tpc", "did you mean '/tcp'?" },
	{ "80/upd", "did you mean '/udp'?" },
	{ "80/mtcp", "mptcp" },
	{ "80/quic", "it is /tcp, /udp or /mptcp" },
	{ "80/tcp6", "write [::]:PORT/tcp" },
	{ "80/udp4", "write 0.0.0.0:PORT/udp" },
	{ "80/tcp/udp", "'80/tcp' is not a port number" },
	{ "tcp:80", "write 80/tcp" },
	{ "UDP:53", "write 53/udp" },
	{ "tcp://127.0.0.1:80", "no URL" },
	{ "http://example.org/", "no URL" },
	/* IPv4 */
	{ "127.0.0.1", "write 127.0.0.1:PORT" },
	{ "127.0.0.1:", "the port is missing" },
	{ "127.0.0.1:0", "out of range" },
	{ ":80", "write 80 or *:80" },
	{ ":", "the address before ':' is missing" },
	{ "*", "write *:PORT" },
	{ "*:", "the port is missing" },
	{ "localhost", "write localhost:PORT" },
	{ "localhost:", "the port is missing" },
	{ "Localhost:80", "resolves no names" },
	{ "127.1:80", "not an IPv4 address" },
	{ "127.0.0.01:80", "no leading zeros" },
	{ "010.0.0.1:80", "no leading zeros" },
	{ "127.0.0.256:80", "not an IPv4 address" },
	{ "127.0.0.0.1:80", "not an IPv4 address" },
	{ "2130706433:80", "not an IPv4 address" },
	{ "0x7f.0.0.1:80", "resolves no names" },
	{ "127.0.0.1/8:80", "unknown protocol" },
	{ "224.0.0.1:80", "multicast" },
	{ "255.255.255.255:80", "broadcast" },
	{ "example.org:80", "usherd resolves no names; write the address" },
	{ "http:80", "write the address" },
	/* IPv6 */
	{ "::1", "write [::1]:PORT" },
	{ "::1:80", "write [::1]:80" },
	{ ":::80", "write [::]:80" },
	{ "2001:db8::5:80/udp", "write [2001:db8::5]:80" },
	{ "1:2:3:4:5:6:7:8", "write [1:2:3:4:5:6:7:8]:PORT" },
	{ "fe80::1%eth0:80", "write [fe80::1%eth0]:80" },
	{ "fe80::1%eth0", "write [fe80::1%eth0]:PORT" },
	{ "a:b:c", "too many colons" },
	{ "127.0.0.1:80:90", "too many colons" },
	{ "[::1", "closing bracket" },
	{ "[::1:80", "closing bracket" },
	{ "[::1]", "write [::1]:PORT" },
	{ "[::1]80", "write [::1]:PORT" },
	{ "[::1]:", "the port is missing" },
	{ "[]:80", "not an IPv6 address" },
	{ "[:::]:80", "not an IPv6 address" },
	{ "[::g]:80", "not an IPv6 address" },
	{ "[*]:80", "not an IPv6 address" },
	{ "[127.0.0.1]:80", "write 127.0.0.1:80" },
	{ "[localhost]:80", "not an IPv6 address" },
	{ "[::ffff:1.2.3.4]:80", "write 1.2.3.4:80" },
	{ "[::FFFF:102:304]:80/udp", "write 1.2.3.4:80" },
	{ "[fe80::1]:80", "[fe80::1%eth0]:80" },
	{ "[ff02::1]:80/udp", "name the interface" },
	{ "[ff05::2]:80", "multicast" },
	{ "[::1%lo]:80", "write [::1]:80" },
	{ "[fe80::1%]:80", "not the name of an interface" },
	{ "[fe80::1%abcdefghijklmnop]:80", "not the name of an interface" },
	{ "[fe80::1%a b]:80", "not the name of an interface" },
	{ "[fe80::1%a%b]:80", "not the name of an interface" },
	/* Unix */
	{ "unix:", "the path is missing" },
	{ "unix-dgram:", "the path is missing" },
	{ "unix:run/x", "relative path" },
	{ "unix:./x", "relative path" },
	{ "unix:x", "'x' is a relative path" },
	{ "unix:/", "is a directory" },
	{ "unix:/run/", "is a directory" },
	{ "unix:/run/.", "is a directory" },
	{ "unix:/run/..", "is a directory" },
	{ "unix:@", "the name behind '@' is missing" },
	{ "unix:/a\\b", "written \\x5c" },
	{ "unix:/a\\x4", "written \\x5c" },
	{ "unix:/a\\x4g", "written \\x5c" },
	{ "unix:/a\\", "written \\x5c" },
	{ "unix:/a\\x00b", "NUL" },
	{ "unix:@\\x00", "NUL" },
	{ "/run/x", "write unix:/path" },
	{ "./x", "write unix:/path" },
	{ "@x", "write unix:@x" },
	{ "UNIX:/run/x", "it is unix:, unix-dgram: or unix-seqpacket:" },
	{ "unix-stream:/run/x", "it is unix:, unix-dgram: or unix-seqpacket:" },
	{ "unix-stream:@x", "it is unix:, unix-dgram: or unix-seqpacket:" },
	{ "local:@x", "it is unix:, unix-dgram: or unix-seqpacket:" },
	/* vsock */
	{ "vsock:", "not a port of vsock" },
	{ "vsock:0", "1 to 4294967294" },
	{ "vsock:4294967295", "1 to 4294967294" },
	{ "vsock:05", "not a port of vsock" },
	{ "vsock:5/tcp", "not a port of vsock" },
	{ "vsock:1-5", "not a port of vsock" },
	{ "vsock:1:", "not a port of vsock" },
	{ "vsock::5", "not a context id" },
	{ "vsock:*:5", "vsock:PORT for any" },
	{ "vsock:4294967295:5", "not a context id" },
	{ "vsock:1:2:3", "not a port of vsock" },
};

struct collected {
	struct endpoint items[8];
	size_t count;
	int answer; /* of the sink */
};

static int collect(void *context, const struct endpoint *endpoint)
{
	struct collected *collected = context;

	if (collected->count < ELEMENTS(collected->items))
		collected->items[collected->count] = *endpoint;
	collected->count++;
	return collected->answer;
}

START_TEST(test_good)
{
	struct collected first = { .count = 0 };
	char text[ENDPOINT_TEXT_MAX], printed[TEXT_ROOM] = "", reason[256] = "untouched";
	const struct good *row = &good[_i];

	ck_assert_msg(endpoint_parse(row->text, collect, &first, reason, sizeof(reason)) == 0, "%s: %s",
		      row->text, reason);
	ck_assert_str_eq(reason, "untouched");
	ck_assert_uint_le(first.count, ELEMENTS(first.items));
	for (size_t i = 0; i < first.count; i++) {
		struct collected again = { .count = 0 };

		endpoint_print(&first.items[i], text);
		if (i > 0)
			strcat(printed, " ");
		strcat(printed, text);
		ck_assert_msg(endpoint_parse(text, collect, &again, reason, sizeof(reason)) == 0, "%s: %s",
			      text, reason);
		ck_assert_uint_eq(again.count, 1);
		ck_assert_mem_eq(&again.items[0], &first.items[i], sizeof(struct endpoint));
		ck_assert(endpoint_equal(&again.items[0], &first.items[i]));
		ck_assert_uint_eq(endpoint_hash(&again.items[0]), endpoint_hash(&first.items[i]));
	}
	ck_assert_str_eq(printed, row->printed);
}
END_TEST

START_TEST(test_bad)
{
	struct collected collected = { .count = 0 };
	const struct bad *row = &bad[_i];
	char reason[256] = "";

	ck_assert_msg(endpoint_parse(row->text, collect, &collected, reason, sizeof(reason)) == -EINVAL,
		      "'%s' is accepted", row->text);
	ck_assert_uint_eq(collected.count, 0);
	ck_assert_msg(strstr(reason, row->advice) != NULL, "'%s': '%s' lacks '%s'", row->text, reason,
		      row->advice);
	for (const char *at = reason; *at != '\0'; at++)
		ck_assert_msg((unsigned char)*at >= ' ', "'%s': a control byte in the reason", row->text);
}
END_TEST

START_TEST(test_small_reason)
{
	struct collected collected = { .count = 0 };
	char reason[9] = "12345678";

	ck_assert_int_eq(endpoint_parse("70000", collect, &collected, reason, 5), -EINVAL);
	ck_assert_str_eq(reason, "port");
	ck_assert_mem_eq(reason + 5, "678", 4);
	ck_assert_int_eq(endpoint_parse("70000", collect, &collected, reason, 0), -EINVAL);
	ck_assert_str_eq(reason, "port");
}
END_TEST

START_TEST(test_port_name)
{
	struct collected collected = { .count = 0 };
	char reason[256], text[ENDPOINT_TEXT_MAX];

	if (access("/etc/services", R_OK) != 0) {
		puts("# skipped: no /etc/services, so no port has a name");
		return;
	}
	ck_assert_int_eq(endpoint_parse("127.0.0.1:domain/udp", collect, &collected, reason, sizeof(reason)),
			 0);
	ck_assert_int_eq(endpoint_parse("[::1]:http-alt", collect, &collected, reason, sizeof(reason)), 0);
	ck_assert_int_eq(endpoint_parse("127.0.0.1:http/mptcp", collect, &collected, reason, sizeof(reason)),
			 0);
	ck_assert_str_eq(endpoint_print(&collected.items[0], text), "127.0.0.1:53/udp");
	ck_assert_str_eq(endpoint_print(&collected.items[1], text), "[::1]:8080");
	ck_assert_str_eq(endpoint_print(&collected.items[2], text), "127.0.0.1:80/mptcp");
	/* a name of one protocol is not one of the other */
	ck_assert_int_eq(endpoint_parse("127.0.0.1:tftp", collect, &collected, reason, sizeof(reason)),
			 -EINVAL);
}
END_TEST

START_TEST(test_sink_stops)
{
	struct collected collected = { .answer = -ENOMEM };
	char reason[256] = "untouched";

	ck_assert_int_eq(endpoint_parse("7000-7009", collect, &collected, reason, sizeof(reason)), -ENOMEM);
	ck_assert_uint_eq(collected.count, 1);
	ck_assert_str_eq(reason, "untouched");
}
END_TEST

START_TEST(test_whole_range)
{
	struct collected collected = { .count = 0 };
	char reason[256];

	ck_assert_int_eq(endpoint_parse("1-65535", collect, &collected, reason, sizeof(reason)), 0);
	ck_assert_uint_eq(collected.count, 2 * 65535);
}
END_TEST

/* The longest path, and one byte more; raw and each byte escaped. */
START_TEST(test_path_length)
{
	static const char *const kinds[] = { "unix:/", "unix-dgram:/", "unix-seqpacket:/", "unix:@" };
	struct collected collected = { .count = 0 };
	char text[TEXT_ROOM], printed[ENDPOINT_TEXT_MAX], reason[256];

	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		size_t prefix = strlen(kinds[i]);

		for (int escaped = 0; escaped < 2; escaped++) {
			collected.count = 0;
			strcpy(text, kinds[i]);
			for (size_t byte = 0; byte < 106; byte++)
				strcat(text, escaped ? "\\xff" : "x");
			ck_assert_int_eq(endpoint_parse(text, collect, &collected, reason, sizeof(reason)),
					 0);
			ck_assert_str_eq(endpoint_print(&collected.items[0], printed), text);
			ck_assert_uint_eq(strlen(printed), prefix + (escaped ? 4 : 1) * 106);
			strcat(text, escaped ? "\\xff" : "x");
			ck_assert_int_eq(endpoint_parse(text, collect, &collected, reason, sizeof(reason)),
					 -EINVAL);
			ck_assert_ptr_nonnull(strstr(reason, "at most 107 bytes"));
		}
	}
	memset(text, '1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(endpoint_parse(text, collect, &collected, reason, sizeof(reason)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason, "too long"));
}
END_TEST

static const struct pair {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{ "127.0.0.1:80", "127.0.0.1:80/tcp", true },
	{ "127.0.0.1:80", "127.0.0.1:80/mptcp", true },
	{ "127.0.0.1:80", "127.0.0.1:80/udp", false },
	{ "127.0.0.1:80", "127.0.0.1:81", false },
	{ "127.0.0.1:80", "127.0.0.2:80", false },
	{ "0.0.0.0:80", "[::]:80", false },
	{ "[::1]:80", "[0::1]:80", true },
	{ "[fe80::1%a]:80", "[fe80::1%b]:80", false },
	{ "[fe80::1%a]:80", "[fe80::1%a]:80/mptcp", true },
	{ "unix:/x", "unix-dgram:/x", true },
	{ "unix-seqpacket:/x", "unix-dgram:/x", true },
	{ "unix:/x", "unix:/y", false },
	{ "unix:/x", "unix:/xx", false },
	{ "unix:@x", "unix:/x", false },
	{ "unix:@x", "unix:@x", true },
	{ "unix:@x", "unix-dgram:@x", false }, /* the kernel keeps these apart */
	{ "vsock:5", "vsock:5", true },
	{ "vsock:5", "vsock:2:5", false },
	{ "vsock:5", "vsock:6", false },
};

START_TEST(test_equal)
{
	struct collected collected = { .count = 0 };
	const struct pair *row = &pairs[_i];
	char reason[256];
	bool equal;

	ck_assert_int_eq(endpoint_parse(row->a, collect, &collected, reason, sizeof(reason)), 0);
	ck_assert_int_eq(endpoint_parse(row->b, collect, &collected, reason, sizeof(reason)), 0);
	ck_assert_uint_eq(collected.count, 2);
	equal = endpoint_equal(&collected.items[0], &collected.items[1]);
	ck_assert_msg(equal == row->equal, "%s and %s", row->a, row->b);
	ck_assert(endpoint_equal(&collected.items[1], &collected.items[0]) == equal);
	ck_assert((endpoint_hash(&collected.items[0]) == endpoint_hash(&collected.items[1])) == equal);
}
END_TEST

static const struct trait {
	const char *text;
	bool stream, ip, unix_socket, path;
} traits[] = {
	{ "127.0.0.1:1", true, true, false, false },	  { "127.0.0.1:1/mptcp", true, true, false, false },
	{ "127.0.0.1:1/udp", false, true, false, false }, { "unix:/x", true, false, true, true },
	{ "unix-dgram:/x", false, false, true, true },	  { "unix-seqpacket:/x", true, false, true, true },
	{ "unix:@x", true, false, true, false },	  { "vsock:1", true, false, false, false },
};

START_TEST(test_traits)
{
	struct collected collected = { .count = 0 };
	const struct trait *row = &traits[_i];
	char reason[256];

	ck_assert_int_eq(endpoint_parse(row->text, collect, &collected, reason, sizeof(reason)), 0);
	ck_assert(endpoint_is_stream(&collected.items[0]) == row->stream);
	ck_assert(endpoint_is_ip(&collected.items[0]) == row->ip);
	ck_assert(endpoint_is_unix(&collected.items[0]) == row->unix_socket);
	ck_assert(endpoint_has_path(&collected.items[0]) == row->path);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *parse = tcase_create("parse");
	TCase *compare = tcase_create("compare");

	tcase_add_loop_test(parse, test_good, 0, ELEMENTS(good));
	tcase_add_loop_test(parse, test_bad, 0, ELEMENTS(bad));
	tcase_add_test(parse, test_small_reason);
	tcase_add_test(parse, test_port_name);
	tcase_add_test(parse, test_sink_stops);
	tcase_add_test(parse, test_whole_range);
	tcase_add_test(parse, test_path_length);
	tcase_add_loop_test(compare, test_equal, 0, ELEMENTS(pairs));
	tcase_add_loop_test(compare, test_traits, 0, ELEMENTS(traits));
	suite_add_tcase(suite, parse);
	suite_add_tcase(suite, compare);
	return suite;
}

RUN_SUITE(make_suite)
