/* access-parse.c - rules as text: one word of `allow` or `deny`, or a line of a
 * list. Strict, since a rule that is read otherwise than it was meant lets
 * somebody in: no short forms, no octal, no names of hosts, and no bits that the
 * length of the prefix would drop. */
#include "access.h"

#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>

#define LOOKUP_ROOM_MAX ((size_t)4 * 1024 * 1024)
#define MAPPED_BITS     96 /* of ::ffff:0:0, the IPv4 addresses as IPv6 */

static _printf_(2, 3) int refuse(char reason[static ACCESS_REASON_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, ACCESS_REASON_MAX, format, arguments);
	/* A list may come from anybody: no byte of it may act on a terminal. */
	for (char *at = reason; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	va_end(arguments);
	return -EINVAL;
}

/* Decimal and nothing else: no sign, no blank, no leading zero. */
static bool take_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t length = strlen(text);

	if (length == 0 || length > 10 || text[strspn(text, "0123456789")] != '\0' ||
	    (text[0] == '0' && length > 1))
		return false;
	for (const char *digit = text; *digit != '\0'; digit++)
		number = number * 10 + (uint64_t)(*digit - '0');
	if (number > max)
		return false;
	*ret_number = number;
	return true;
}

/* ---- users, groups, CIDs ---- */

/* Returns 0, -ENOENT, or what else went wrong. */
static int find_name(bool is_user, const char *name, uint32_t *ret_id)
{
	for (size_t room = 4096; room <= LOOKUP_ROOM_MAX; room *= 4) {
		_cleanup_free_ char *buffer = malloc(room);
		struct passwd user, *found_user = NULL;
		struct group group, *found_group = NULL;

		if (buffer == NULL)
			return -ENOMEM;

		int r = is_user ? getpwnam_r(name, &user, buffer, room, &found_user) :
				  getgrnam_r(name, &group, buffer, room, &found_group);

		if (found_user != NULL || found_group != NULL) {
			*ret_id = found_user != NULL ? found_user->pw_uid : found_group->gr_gid;
			return 0;
		}
		/* The C library says "not there" in several ways. */
		if (r == 0 || r == ENOENT || r == ESRCH)
			return -ENOENT;
		if (r != ERANGE)
			return -r;
	}
	return -ERANGE;
}

static int parse_id(const char *text, enum access_kind kind, struct access_rule *rule,
		    char reason[static ACCESS_REASON_MAX])
{
	const char *what = kind == ACCESS_UID ? "user" : "group";
	uint64_t number;
	uint32_t id = 0;

	/* The last one stands for "nobody" in system calls. */
	if (take_number(text, UINT32_MAX - 1, &number)) {
		*rule = (struct access_rule){ .kind = (uint8_t)kind, .id = (uint32_t)number };
		return 1;
	}
	if (text[0] == '\0' || text[strspn(text, "0123456789+-")] == '\0')
		return refuse(reason, "'%.60s' is neither the name nor the number of a %s", text, what);

	int r = find_name(kind == ACCESS_UID, text, &id);

	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT)
		return refuse(reason, "there is no %s '%.60s' here", what, text);
	if (r < 0)
		return refuse(reason, "the %s '%.60s' cannot be looked up: %.60s", what, text, strerror(-r));
	*rule = (struct access_rule){ .kind = (uint8_t)kind, .id = id };
	return 1;
}

static int parse_cid(const char *text, struct access_rule *rule, char reason[static ACCESS_REASON_MAX])
{
	uint64_t number;

	if (!take_number(text, UINT32_MAX - 1, &number))
		return refuse(reason, "'%.60s' is not a CID: a number from 0 to 4294967294", text);
	*rule = (struct access_rule){ .kind = ACCESS_CID, .id = (uint32_t)number };
	return 1;
}

/* ---- addresses ---- */

static void put_ip(const struct access_rule *rule, char text[static INET6_ADDRSTRLEN])
{
	inet_ntop(rule->kind == ACCESS_IPV4 ? AF_INET : AF_INET6, rule->ip, text, INET6_ADDRSTRLEN);
}

/* What somebody meant who wrote what is no address: most of it works elsewhere. */
static int explain_address(const char *text, char reason[static ACCESS_REASON_MAX])
{
	size_t digits = strspn(text, "0123456789.");

	if (text[0] == '\0')
		return refuse(reason, "an address is missing");
	if (strchr(text, '%') != NULL)
		return refuse(reason, "'%.60s': a rule has no interface behind %%; write the address alone",
			      text);
	if (text[0] == '[')
		return refuse(reason, "'%.60s': an address in a rule has no brackets and no port", text);
	if (strncmp(text, "file:", 5) == 0)
		return refuse(reason, "'%.60s': a list cannot be named here", text);
	if (text[digits] == ':' && strchr(text, '.') != NULL && strchr(text, ':') == strrchr(text, ':'))
		return refuse(reason, "'%.60s': an address in a rule has no port", text);
	if (text[digits] == '\0')
		return refuse(reason,
			      "'%.60s' is not an IPv4 address: four numbers from 0 to 255 without leading "
			      "zeros, as in 192.0.2.7; a network is written 192.0.2.0/24",
			      text);
	if (strchr(text, ':') != NULL && text[strspn(text, "0123456789abcdefABCDEF:.")] == '\0')
		return refuse(reason, "'%.60s' is not an IPv6 address, as in 2001:db8::7", text);
	return refuse(reason,
		      "'%.60s' is not an address, and names are not resolved; write addresses (192.0.2.7, "
		      "2001:db8::/32), all, loopback, uid:, gid: or cid:",
		      text);
}

/* The length of a prefix that was written as a mask. Returns -1 when it is none. */
static int bits_of_mask(const char *text)
{
	struct in_addr mask;
	int bits = 0;

	if (inet_pton(AF_INET, text, &mask) != 1)
		return -1;

	uint32_t rest = ntohl(mask.s_addr);

	for (; (rest & UINT32_C(1) << 31) != 0; rest <<= 1)
		bits++;
	return rest == 0 ? bits : -1;
}

static int parse_bits(const char *word, const char *text, unsigned max, unsigned *ret_bits,
		      char reason[static ACCESS_REASON_MAX])
{
	const char *family = max == 32 ? "IPv4" : "IPv6";
	uint64_t bits;

	if (max == 32 && bits_of_mask(text) >= 0)
		return refuse(reason, "'%.60s': write the mask as its number of bits, /%d", word,
			      bits_of_mask(text));
	if (!take_number(text, UINT32_MAX, &bits))
		return refuse(reason,
			      "'%.60s': behind the / stands a number of bits, 0 to %u, without sign or "
			      "leading zero",
			      word, max);
	if (bits > max)
		return refuse(reason, "'%.60s': an %s address has %u bits", word, family, max);
	*ret_bits = (unsigned)bits;
	return 0;
}

/* Clears what stands behind the prefix. Returns whether anything did. */
static bool clear_host_bits(struct access_rule *rule)
{
	size_t size = rule->kind == ACCESS_IPV4 ? 4 : 16;
	bool any = false;

	for (size_t i = 0; i < size; i++) {
		unsigned kept = rule->bits >= (i + 1) * 8 ? 8 : rule->bits > i * 8 ? rule->bits - i * 8 : 0;
		uint8_t mask = (uint8_t)(0xff00u >> kept);

		any = any || (rule->ip[i] & (uint8_t)~mask) != 0;
		rule->ip[i] &= mask;
	}
	return any;
}

static bool is_mapped(const struct access_rule *rule)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return rule->kind == ACCESS_IPV6 && memcmp(rule->ip, prefix, sizeof(prefix)) == 0;
}

/* ::ffff:10.0.0.0/104 is 10.0.0.0/8: peers are looked at as IPv4 however they came. */
static int unmap(const char *word, struct access_rule *rule, char reason[static ACCESS_REASON_MAX])
{
	if (rule->bits < MAPPED_BITS)
		return refuse(
			reason,
			"'%.60s' holds IPv4 addresses and others; write an IPv4 and an IPv6 network, as "
			"in 0.0.0.0/0 and ::/0",
			word);
	memmove(rule->ip, rule->ip + 12, 4);
	memset(rule->ip + 4, 0, 12);
	rule->kind = ACCESS_IPV4;
	rule->bits = (uint8_t)(rule->bits - MAPPED_BITS);
	return 0;
}

static int parse_network(const char *word, struct access_rule *ret_rule,
			 char reason[static ACCESS_REASON_MAX])
{
	const char *slash = strchr(word, '/');
	size_t length = slash != NULL ? (size_t)(slash - word) : strlen(word);
	char address[ACCESS_REASON_MAX], network[INET6_ADDRSTRLEN], text[ACCESS_TEXT_MAX];
	struct access_rule rule = { .kind = ACCESS_IPV4 };
	unsigned bits;
	int r;

	snprintf(address, sizeof(address), "%.*s", (int)(length < 200 ? length : 200), word);
	if (inet_pton(AF_INET, address, rule.ip) != 1) {
		rule.kind = ACCESS_IPV6;
		if (inet_pton(AF_INET6, address, rule.ip) != 1)
			return explain_address(address, reason);
	}
	bits = rule.kind == ACCESS_IPV4 ? 32 : 128;
	r = slash != NULL ? parse_bits(word, slash + 1, bits, &bits, reason) : 0;
	if (r < 0)
		return r;
	rule.bits = (uint8_t)bits;
	if (is_mapped(&rule)) {
		r = unmap(word, &rule, reason);
		if (r < 0)
			return r;
	}

	put_ip(&rule, network);
	if (clear_host_bits(&rule))
		return refuse(reason,
			      "'%.60s' has bits set behind the first %u; write %s for the network, or %s for "
			      "the address alone",
			      word, bits, access_print(&rule, text), network);
	*ret_rule = rule;
	return 1;
}

/* ---- words ---- */

int access_parse(const char *word, struct access_rule ret_rules[static ACCESS_RULES_OF_WORD],
		 char reason[static ACCESS_REASON_MAX])
{
	if (strcmp(word, "all") == 0) {
		ret_rules[0] = (struct access_rule){ .kind = ACCESS_ALL };
		return 1;
	}
	if (strcmp(word, "loopback") == 0) {
		ret_rules[0] = (struct access_rule){ .kind = ACCESS_IPV4, .bits = 8, .ip = { 127 } };
		ret_rules[1] = (struct access_rule){ .kind = ACCESS_IPV6, .bits = 128, .ip = { [15] = 1 } };
		return 2;
	}
	if (strncmp(word, "uid:", 4) == 0)
		return parse_id(word + 4, ACCESS_UID, ret_rules, reason);
	if (strncmp(word, "gid:", 4) == 0)
		return parse_id(word + 4, ACCESS_GID, ret_rules, reason);
	if (strncmp(word, "cid:", 4) == 0)
		return parse_cid(word + 4, ret_rules, reason);
	return parse_network(word, ret_rules, reason);
}

bool access_rule_of(const struct peer *peer, struct access_rule *ret_rule)
{
	bool is_ipv4 = peer->family == PEER_IPV4;

	if (peer->family == PEER_NONE)
		return false;
	if (peer->family == PEER_UNIX) {
		*ret_rule = (struct access_rule){ .kind = ACCESS_UID, .id = peer->unix_peer.uid };
		return true;
	}
	if (peer->family == PEER_VSOCK) {
		*ret_rule = (struct access_rule){ .kind = ACCESS_CID, .id = peer->vsock.cid };
		return true;
	}
	*ret_rule = (struct access_rule){ .kind = is_ipv4 ? ACCESS_IPV4 : ACCESS_IPV6, .bits = is_ipv4 ? 32 : 128 };
	memcpy(ret_rule->ip, peer->ip, sizeof(ret_rule->ip));
	return true;
}

const char *access_print(const struct access_rule *rule, char text[static ACCESS_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN];

	if (rule->kind == ACCESS_ALL) {
		snprintf(text, ACCESS_TEXT_MAX, "all");
	} else if (rule->kind == ACCESS_FILE) {
		snprintf(text, ACCESS_TEXT_MAX, "file:%.50s", rule->path);
	} else if (rule->kind == ACCESS_IPV4 || rule->kind == ACCESS_IPV6) {
		put_ip(rule, address);
		if (rule->bits == (rule->kind == ACCESS_IPV4 ? 32 : 128))
			snprintf(text, ACCESS_TEXT_MAX, "%s", address);
		else
			snprintf(text, ACCESS_TEXT_MAX, "%s/%u", address, rule->bits);
	} else {
		snprintf(text, ACCESS_TEXT_MAX, "%s:%u",
			 rule->kind == ACCESS_UID ? "uid" : rule->kind == ACCESS_GID ? "gid" : "cid", rule->id);
	}
	return text;
}
