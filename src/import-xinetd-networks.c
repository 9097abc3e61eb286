/* import-xinetd-networks.c - only_from and no_access. xinetd refuses a client that both lists match; here the
 * longest prefix decides, and deny when two are equally long. So of only_from is left out what lies inside an
 * item of no_access: then each client that both match is denied by the longer of its rules. */
#include "import-xinetd.h"

#include "arena.h"
#include "base.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORKS_MAX 4000 /* of a list: what fits into a line of services.ini */

/* ---- lists ---- */

static bool add(struct xinetd *xinetd, struct xinetd_networks *list, const struct xinetd_network *network)
{
	if (list->count == NETWORKS_MAX || !xinetd_may_work(xinetd, 1)) {
		list->is_too_long = true;
		return true;
	}
	if (list->count == list->room) {
		size_t room = list->room * 2 + 8;
		struct xinetd_network *items =
			arena_alloc(import_arena(xinetd->import), room * sizeof(*items));

		if (items == NULL)
			return false;
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = *network;
	return true;
}

static bool is_same(const struct xinetd_network *one, const struct xinetd_network *other)
{
	if (one->family != other->family || one->bits != other->bits)
		return false;
	if (one->family == AF_UNSPEC)
		return strcmp(one->name, other->name) == 0;
	return memcmp(one->address, other->address, sizeof(one->address)) == 0;
}

/* Takes every item away that is the same. */
static void take_away(struct xinetd *xinetd, struct xinetd_networks *list,
		      const struct xinetd_network *network)
{
	size_t kept = 0;

	if (!xinetd_may_work(xinetd, list->count)) {
		list->is_too_long = true;
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		if (!is_same(&list->items[i], network))
			list->items[kept++] = list->items[i];
	list->count = kept;
}

bool xinetd_networks_copy(struct xinetd *xinetd, struct xinetd_networks *to,
			  const struct xinetd_networks *from)
{
	to->exists = from->exists;
	to->is_too_long = from->is_too_long;
	for (size_t i = 0; i < from->count; i++)
		if (!add(xinetd, to, &from->items[i]))
			return false;
	return !to->is_too_long || from->is_too_long;
}

/* ---- words ---- */

/* What a line does with its networks, and what is to be told of it. */
struct change {
	struct xinetd *xinetd;
	struct xinetd_networks *list;
	bool removes;
	unsigned ignored, names, hosts, long_masks;
	const char *first_ignored, *first_name;
};

static bool apply(struct change *change, const struct xinetd_network *network)
{
	if (change->removes)
		take_away(change->xinetd, change->list, network);
	else
		return add(change->xinetd, change->list, network);
	return true;
}

static void set_ip4(struct xinetd_network *network, uint32_t address, unsigned bits)
{
	uint32_t bytes = htonl(address);

	*network = (struct xinetd_network){ .family = AF_INET, .bits = bits };
	memcpy(network->address, &bytes, sizeof(bytes));
}

/* 10.0.0.0 is the network 10.0.0.0/8: bytes of zero at the end are left open. */
static unsigned natural_bits(uint32_t address)
{
	unsigned bits = 32;

	while (bits > 0 && (address & 0xff) == 0) {
		bits -= 8;
		address >>= 8;
	}
	return bits;
}

static bool read_ip6(const char *text, uint8_t address[static 16])
{
	char plain[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%");

	if (length >= sizeof(plain))
		return false;
	memcpy(plain, text, length);
	plain[length] = '\0';
	return inet_pton(AF_INET6, plain, address) == 1;
}

static bool is_open_word(const char *word)
{
	return strpbrk(word, "/{") == NULL;
}

/* An address without a mask. As in xinetd, 10 is 0.0.0.10, and 010.1 is 8.0.0.1. */
static bool read_address(const char *word, struct xinetd_network *network)
{
	struct in_addr address;

	*network = (struct xinetd_network){ .family = AF_INET6, .bits = 128 };
	if (!is_open_word(word) || strpbrk(word, " \t\v\f\r") != NULL)
		return false;
	if (strchr(word, ':') != NULL)
		return read_ip6(word, network->address);
	if (word[0] == '\0' || inet_aton(word, &address) == 0)
		return false;
	set_ip4(network, ntohl(address.s_addr), natural_bits(ntohl(address.s_addr)));
	return true;
}

static void clear_host_bits(struct xinetd_network *network)
{
	for (unsigned byte = 0; byte < sizeof(network->address); byte++) {
		unsigned first = byte * 8;

		if (first >= network->bits)
			network->address[byte] = 0;
		else if (network->bits - first < 8)
			network->address[byte] &= (uint8_t)(0xff00 >> (network->bits - first));
	}
}

/* ADDRESS/BITS; what stands behind the digits is passed over, and 255.255.255.0 is as long as 255. */
static bool read_masked(struct change *change, const char *word, struct xinetd_network *network)
{
	const char *slash = strchr(word, '/');
	char address[46];
	unsigned bits = 0;
	struct in_addr ip4;

	if (slash == NULL || strchr(word, '{') != NULL || slash - word >= (int)sizeof(address) ||
	    !isdigit((unsigned char)slash[1]))
		return false;
	memcpy(address, word, (size_t)(slash - word));
	address[slash - word] = '\0';
	for (const char *digit = slash + 1; isdigit((unsigned char)*digit) && bits <= 1000; digit++)
		bits = bits * 10 + (unsigned)(*digit - '0');
	*network = (struct xinetd_network){ .family = AF_INET6, .bits = bits < 128 ? bits : 128 };
	if (strchr(address, ':') != NULL) {
		if (!read_ip6(address, network->address))
			return false;
		change->hosts += bits >= 128;
	} else {
		if (address[0] == '\0' || inet_aton(address, &ip4) == 0)
			return false;
		change->long_masks += bits > 32;
		set_ip4(network, ntohl(ip4.s_addr), bits < 32 ? bits : 32);
	}
	clear_host_bits(network);
	return true;
}

/* A number up to 255. Returns what is behind it, or NULL. */
static const char *take_byte(const char *text, uint32_t *ret_byte)
{
	uint32_t byte = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9)
		return NULL;
	for (size_t i = 0; i < digits; i++)
		byte = byte * 10 + (uint32_t)(text[i] - '0');
	*ret_byte = byte;
	return byte <= 255 ? text + digits : NULL;
}

/* 10.1.{2,3}: each number in the braces makes one. Returns false when it is not written so. */
static bool read_factors(struct change *change, const char *word)
{
	uint32_t front = 0, byte;
	unsigned bits = 8;
	struct xinetd_network network;

	while (*word != '{') {
		word = bits < 32 ? take_byte(word, &byte) : NULL;
		if (word == NULL || *word++ != '.')
			return false;
		front |= byte << (32 - bits);
		bits += 8;
	}
	do {
		word = take_byte(word + 1, &byte);
		if (word == NULL || (*word != ',' && *word != '}'))
			return false;
		set_ip4(&network, front | byte << (32 - bits), bits);
		if (!apply(change, &network))
			return false;
	} while (*word == ',');
	return word[1] == '\0';
}

/* Returns NULL, or why xinetd refuses it. */
static const char *take_word(struct change *change, const char *word)
{
	struct import *import = change->xinetd->import;
	struct xinetd_network network;

	if (strchr(word, ',') != NULL && strchr(word, '{') == NULL)
		return import_printf(import, "'%.80s' has a comma in it; addresses stand apart by blanks",
				     word);
	if (strchr(word, '{') != NULL)
		return read_factors(change, word) ?
			       NULL :
			       import_printf(import,
					     "'%.80s' is no address with numbers in braces at its end", word);
	if (!read_address(word, &network) && !read_masked(change, word, &network)) {
		if (strchr(word, '/') != NULL) {
			if (change->ignored++ == 0)
				change->first_ignored = word;
			return NULL;
		}
		network = (struct xinetd_network){ .family = AF_UNSPEC, .name = word };
		if (strcmp(word, "localhost") != 0 && change->names++ == 0)
			change->first_name = word;
	}
	return apply(change, &network) ? NULL : "there is no memory";
}

static void tell_change(const struct change *change, const struct xinetd_line *line)
{
	struct import *import = change->xinetd->import;

	if (change->ignored > 0)
		import_tell(import, line->where, IMPORT_EXACT,
			    "xinetd passes '%.80s' over as no address (%u such), and so does the import",
			    change->first_ignored, change->ignored);
	if (change->long_masks > 0)
		import_tell(import, line->where, IMPORT_EXACT,
			    "xinetd takes a mask with dots, or above 32, for 32 bits: it is one address, and "
			    "so it is here");
	if (change->removes)
		return;
	if (change->names > 0)
		import_tell(import, line->where, IMPORT_UNSUPPORTED,
			    "'%.80s' is the name of a host or a network (%u such): lists here have numbers "
			    "only; write its "
			    "addresses%s",
			    change->first_name, change->names,
			    strcmp(line->name, "no_access") == 0 ?
				    ". The service is switched off, because it would let in who is meant to "
				    "be refused" :
				    "; it is left out, so that nobody comes in by it");
	if (change->hosts > 0)
		import_tell(import, line->where, IMPORT_CHANGED,
			    "an address of IPv6 with /128 is that address; xinetd takes it for a name that "
			    "nobody has");
}

const char *xinetd_take_networks(struct xinetd *xinetd, struct xinetd_section *section,
				 const struct xinetd_line *line)
{
	struct xinetd_networks *list =
		strcmp(line->name, "only_from") == 0 ? &section->only_from : &section->no_access;
	struct change change = { .xinetd = xinetd, .list = list, .removes = line->operator== XINETD_REMOVE };
	const char *wrong = NULL;

	list->exists = true;
	if (line->operator== XINETD_SET && !section->is_defaults)
		list->count = 0;
	for (size_t i = 0; i < line->count && wrong == NULL; i++) {
		const char *word = line->words[i];

		wrong = take_word(&change, word);
		if (wrong == NULL && strcmp(word, "localhost") == 0 && !change.removes)
			import_tell(xinetd->import, line->where, IMPORT_APPROXIMATED,
				    "localhost is 127.0.0.1 and ::1 here; in xinetd who has that name");
	}
	tell_change(&change, line);
	return wrong;
}

/* ---- rules ---- */

static bool contains(const struct xinetd_network *outer, const struct xinetd_network *inner)
{
	struct xinetd_network network = *inner;

	if (outer->family != inner->family || outer->bits > inner->bits)
		return false;
	network.bits = outer->bits;
	clear_host_bits(&network);
	return memcmp(network.address, outer->address, sizeof(network.address)) == 0;
}

static bool has(struct xinetd *xinetd, const struct xinetd_networks *list,
		const struct xinetd_network *network)
{
	if (!xinetd_may_work(xinetd, list->count))
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (contains(&list->items[i], network))
			return true;
	return false;
}

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* What an IPv6 network says of clients that come over IPv4: their addresses are ::ffff:a.b.c.d to xinetd. */
static bool read_mapped(const struct xinetd_network *network, struct xinetd_network *ret_ip4)
{
	struct xinetd_network all = { .family = AF_INET6, .bits = 96 };

	memcpy(all.address, mapped, sizeof(mapped));
	*ret_ip4 = (struct xinetd_network){ .family = AF_INET };
	if (network->family != AF_INET6)
		return false;
	if (contains(network, &all))
		return true;
	if (!contains(&all, network))
		return false;
	memcpy(ret_ip4->address, network->address + 12, 4);
	ret_ip4->bits = network->bits - 96;
	return true;
}

/* The networks that a list means, names left out. Returns whether there were names that are not known. */
static bool make_plain(struct xinetd *xinetd, const struct xinetd_networks *list, bool ip4_only,
		       struct xinetd_networks *plain)
{
	bool has_names = false;
	struct xinetd_network more;

	for (size_t i = 0; i < list->count; i++) {
		const struct xinetd_network *network = &list->items[i];

		if (network->family == AF_UNSPEC) {
			if (strcmp(network->name, "localhost") != 0) {
				has_names = true;
				continue;
			}
			set_ip4(&more, INADDR_LOOPBACK, 32);
			add(xinetd, plain, &more);
			more = (struct xinetd_network){ .family = AF_INET6, .bits = 128 };
			more.address[15] = 1;
			add(xinetd, plain, &more);
			continue;
		}
		if (!ip4_only && read_mapped(network, &more) && !has(xinetd, plain, &more))
			add(xinetd, plain, &more);
		if (!(network->family == AF_INET6 && network->bits >= 96 &&
		      memcmp(network->address, mapped, 12) == 0))
			add(xinetd, plain, network);
	}
	return has_names;
}

static bool is_in(const struct xinetd_networks *list, size_t count, const struct xinetd_network *network)
{
	for (size_t i = 0; i < count; i++)
		if (is_same(&list->items[i], network))
			return true;
	return false;
}

/* A value of networks; malloc'ed, or NULL without memory. */
static char *print_list(struct xinetd *xinetd, const struct xinetd_networks *list)
{
	char text[INET6_ADDRSTRLEN], *value = NULL;
	size_t length;
	FILE *out = import_open_text(xinetd->import, &value, &length);
	const char *comma = "";

	for (size_t i = 0; out != NULL && i < list->count; i++) {
		const struct xinetd_network *network = &list->items[i];

		if (!xinetd_may_work(xinetd, i) || is_in(list, i, network))
			continue;
		fprintf(out, "%s%s", comma, inet_ntop(network->family, network->address, text, sizeof(text)));
		if (network->bits != (network->family == AF_INET ? 32 : 128))
			fprintf(out, "/%u", network->bits);
		comma = ", ";
	}
	(void)import_close_text(xinetd->import, out, &value);
	return value;
}

static const char *set_list(struct xinetd *xinetd, struct import_service *service, const char *key,
			    const struct xinetd_networks *list)
{
	_cleanup_free_ char *value = list->count > 0 ? print_list(xinetd, list) : NULL;

	if (list->count == 0)
		return NULL;
	if (value == NULL || strlen(value) > XINETD_VALUE_MAX)
		return "the lists of addresses are too long for a line; write them to a file and name it, as "
		       "in deny = "
		       "file:PATH";
	import_set(service, key, value);
	return NULL;
}

const char *xinetd_set_rules(struct xinetd *xinetd, const struct xinetd_section *section,
			     struct import_service *service, bool ip4_only)
{
	struct xinetd_networks only = { .exists = false }, no = { .exists = false },
			       allow = { .exists = false };
	bool unknown;
	const char *wrong;

	make_plain(xinetd, &section->only_from, ip4_only, &only);
	unknown = make_plain(xinetd, &section->no_access, ip4_only, &no);
	for (size_t i = 0; i < only.count; i++)
		if (!has(xinetd, &no, &only.items[i]))
			add(xinetd, &allow, &only.items[i]);
	if (section->only_from.is_too_long || section->no_access.is_too_long || only.is_too_long ||
	    no.is_too_long || !xinetd_may_work(xinetd, 1))
		return "the lists of addresses are too long; write them to a file and name it, as in deny = "
		       "file:PATH";
	if (section->only_from.exists && allow.count == 0) {
		import_set(service, "deny", "all");
		return NULL;
	}
	wrong = set_list(xinetd, service, "allow", &allow);
	if (wrong == NULL)
		wrong = set_list(xinetd, service, "deny", &no);
	if (wrong == NULL && !xinetd_may_work(xinetd, 1))
		wrong = "the lists of addresses are too long; write them to files and name these, as in deny "
			"= file:PATH";
	if (wrong == NULL && unknown && !section->only_from.exists)
		wrong = "no_access has names, and lists here have numbers only: who they are would be let in";
	else if (wrong == NULL && unknown)
		wrong = "no_access has names, and lists here have numbers only";
	return wrong;
}
