/* import-inetd-listen.c - where an entry of inetd.conf listens: service, addresses and families become
 * `listen`; and which entries cannot listen both. */
#include "import-inetd.h"

#include "arena.h"
#include "base.h"
#include "conf-type.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define ADDRESSES_MAX 16 /* of an entry */

/* ---- port and path ---- */

/* FreeBSD: :user:group:mode:/path. */
static bool take_owner(struct inetd_entry *entry)
{
	const char **const parts[] = { &entry->socket_user, &entry->socket_group, &entry->socket_mode };
	const char *at = entry->service;

	for (size_t i = 0; i < ELEMENTS(parts) && *at == ':'; i++) {
		size_t length = strcspn(at + 1, ":");

		*parts[i] = import_printf(entry->inetd->import, "%.*s", (int)length, at + 1);
		at += 1 + length;
	}
	entry->path = *at == ':' ? at + 1 : at;
	return entry->socket_mode != NULL && entry->socket_mode[0] != '\0' &&
	       strlen(entry->socket_mode) <= 4 &&
	       entry->socket_mode[strspn(entry->socket_mode, "01234567")] == '\0';
}

static bool find_path(struct inetd_entry *entry)
{
	entry->path = entry->service;
	if (entry->inetd->dialect == IMPORT_FREEBSD && entry->path[0] == ':' && !take_owner(entry))
		return inetd_leave_out(
			entry, IMPORT_UNSUPPORTED,
			"before the path stand :user:group:mode:, or nothing" INETD_NOT_SERVED);
	if (entry->path[0] != '/')
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "the path of the socket begins where inetd was started; it is left "
				       "out: write listen = unix:PATH by hand");
	return true;
}

bool inetd_find_place(struct inetd_entry *entry)
{
	const char *protocol = entry->is_udp ? "udp" : "tcp";

	if (entry->is_unix)
		return find_path(entry);
	entry->port = import_port(entry->service, protocol);
	if (entry->port > 0)
		return true;
	inetd_tell(entry, IMPORT_UNSUPPORTED,
		   "services(5) has no port for %s '%.40s' on this machine; nothing is made of it: write "
		   "the number, and import again",
		   protocol, entry->service);
	return false;
}

/* ---- endpoints ---- */

/* Where endpoints go that are found in a text. */
struct sink {
	struct inetd *inetd;
	struct inetd_place pattern; /* whose they are */
	struct inetd_place **list;
};

static int add_place(void *context, const struct endpoint *endpoint)
{
	struct sink *sink = context;
	struct inetd_place *place = arena_alloc(import_arena(sink->inetd->import), sizeof(*place));

	if (place == NULL)
		return 0;
	*place = sink->pattern;
	place->endpoint = *endpoint;
	place->next = *sink->list;
	*sink->list = place;
	return 0;
}

/* Adds a word of ours to `listen`. */
static void add_endpoint(struct inetd_entry *entry, const char *text)
{
	struct sink sink = { entry->inetd, { .section = entry->section, .entry = entry }, &entry->places };
	char reason[256];

	if (endpoint_parse(text, add_place, &sink, reason, sizeof(reason)) < 0)
		inetd_switch_off(entry, IMPORT_UNSUPPORTED,
				 import_printf(entry->inetd->import, "%s; it is switched off", reason));
	else
		import_append(entry->section, "listen", text);
}

/* ADDRESS:PORT in the families that the entry has; NULL stands for all addresses. */
static void add_address(struct inetd_entry *entry, const char *ip4, const char *ip6)
{
	const char *udp = entry->is_udp ? "/udp" : "";
	struct import *import = entry->inetd->import;

	if (ip4 != NULL)
		add_endpoint(entry, import_printf(import, "%s:%d%s", ip4, entry->port, udp));
	if (ip6 != NULL)
		add_endpoint(entry, import_printf(import, "[%s]:%d%s", ip6, entry->port, udp));
	if (ip4 == NULL && ip6 == NULL)
		add_endpoint(entry, import_printf(import, "%d%s", entry->port, udp));
}

/* Whether it is an address of the family; of IPv6 also with an interface. */
static bool is_address(struct inetd_entry *entry, const char *host, int family)
{
	uint8_t bytes[16];
	const char *plain = import_printf(entry->inetd->import, "%.*s", (int)strcspn(host, "%"), host);

	return inet_pton(family, family == AF_INET ? host : plain, bytes) == 1;
}

/* [::1] without its brackets. */
static const char *strip_brackets(struct inetd_entry *entry, const char *host)
{
	size_t length = strlen(host);

	if (length < 2 || host[0] != '[' || host[length - 1] != ']')
		return host;
	if (inetd_is_in(entry->inetd, INETD_IN(IMPORT_GNU)) ||
	    (strchr(entry->hosts, ',') != NULL && !inetd_is_in(entry->inetd, INETD_IN(IMPORT_BUSYBOX))))
		inetd_tell(entry, IMPORT_CHANGED,
			   "%.60s is served as is meant; inetd of this system does not know brackets around "
			   "an address%s",
			   host, entry->inetd->dialect == IMPORT_GNU ? "" : " of several");
	return import_printf(entry->inetd->import, "%.*s", (int)length - 2, host + 1);
}

static void tell_no_family(struct inetd_entry *entry, const char *host)
{
	inetd_tell(entry, IMPORT_EXACT,
		   "%.60s is no address of protocol %s; inetd does not listen there, either", host,
		   entry->protocol);
}

static void add_host(struct inetd_entry *entry, const char *host)
{
	bool ip4 = (entry->family & INETD_IP4) != 0, ip6 = (entry->family & INETD_IP6) != 0;
	/* One socket for both, where that is so, takes IPv4 at ::, too. */
	bool is_dual = ip4 && ip6 && inetd_is_in(entry->inetd, INETD_IN(IMPORT_GNU) | INETD_IN(IMPORT_BUSYBOX));

	host = strip_brackets(entry, host);
	if (strcmp(host, "*") == 0 || (strcmp(host, "::") == 0 && is_dual)) {
		add_address(entry, ip4 && !ip6 ? "0.0.0.0" : NULL, ip6 && !ip4 ? "::" : NULL);
	} else if (strcmp(host, "localhost") == 0) {
		add_address(entry, ip4 ? "127.0.0.1" : NULL, ip6 ? "::1" : NULL);
	} else if (is_address(entry, host, AF_INET)) {
		if (ip4)
			add_address(entry, host, NULL);
		else
			tell_no_family(entry, host);
	} else if (is_address(entry, host, AF_INET6)) {
		if (ip6)
			add_address(entry, NULL, host);
		else
			tell_no_family(entry, host);
	} else {
		inetd_switch_off(entry, IMPORT_UNSUPPORTED,
				 import_printf(entry->inetd->import,
					       "'%.60s' is a name, and none is looked up: write its address "
					       "in listen, then switch the service on",
					       host));
	}
}

static void add_hosts(struct inetd_entry *entry)
{
	const char *at = entry->hosts;

	for (unsigned count = 0; at != NULL; count++) {
		size_t length = strcspn(at, ",");

		if (count == ADDRESSES_MAX) {
			inetd_tell(entry, IMPORT_UNSUPPORTED,
				   "it has more than %d addresses: write the others in listen",
				   ADDRESSES_MAX);
			return;
		}
		add_host(entry, import_printf(entry->inetd->import, "%.*s", (int)length, at));
		at = at[length] == ',' ? at + length + 1 : NULL;
	}
}

/* ---- Unix sockets ---- */

/* Bytes that mean something in a list are escaped. */
static const char *escape_path(struct import *import, const char *path)
{
	char *text = arena_alloc(import_arena(import), 4 * strlen(path) + 1), *to = text;

	if (text == NULL)
		return path;
	for (; *path != '\0'; path++) {
		if (isalnum((unsigned char)*path) || strchr("/._-+", *path) != NULL)
			*to++ = *path;
		else
			to += sprintf(to, "\\x%02x", (unsigned char)*path);
	}
	*to = '\0';
	return text;
}

/* Owner and mode that FreeBSD has in front of the path. */
static void set_owner(struct inetd_entry *entry)
{
	bool has_user = import_has_user(entry->socket_user),
	     has_group = import_has_group(entry->socket_group);

	import_setf(entry->section, "socket_mode", "%04lo", strtoul(entry->socket_mode, NULL, 8));
	if (has_user)
		import_set_words(entry->section, "socket_user", &entry->socket_user, 1);
	if (has_group)
		import_set_words(entry->section, "socket_group", &entry->socket_group, 1);
	if (!has_user || !has_group)
		inetd_switch_off(entry, IMPORT_CHANGED,
				 import_printf(entry->inetd->import,
					       "there is no user or group '%.40s' here to own the socket: "
					       "the service is switched off; write socket_user and "
					       "socket_group",
					       has_user ? entry->socket_group : entry->socket_user));
}

static void set_socket(struct inetd_entry *entry)
{
	struct import *import = entry->inetd->import;

	add_endpoint(entry, import_printf(import, "unix%s:%s", entry->is_udp ? "-dgram" : "",
					  escape_path(import, entry->path)));
	if (import_get(entry->section, "listen") == NULL)
		return;
	if (entry->socket_mode != NULL)
		set_owner(entry);
	else if (inetd_is_in(entry->inetd, INETD_IN(IMPORT_DEBIAN) | INETD_IN(IMPORT_OPENBSD)))
		import_set(entry->section, "socket_mode", "0666");
	else if (entry->inetd->dialect == IMPORT_FREEBSD)
		import_set(entry->section, "socket_mode", "0200");
	else
		inetd_tell(entry, IMPORT_CHANGED,
			   "root alone may connect (socket_mode); in inetd that depends on the umask that "
			   "it was started with");
}

void inetd_set_listen(struct inetd_entry *entry)
{
	if (entry->is_unix)
		set_socket(entry);
	else
		add_hosts(entry);
	if (import_get(entry->section, "listen") != NULL)
		return;
	if (import_get(entry->section, "disable") == NULL)
		inetd_switch_off(entry, IMPORT_EXACT, "it listens nowhere, and is imported switched off");
	/* A section needs one. */
	import_setf(entry->section, "listen", "%d%s", entry->is_unix ? 9 : entry->port,
		    entry->is_udp ? "/udp" : "");
}

/* ---- who is there already ---- */

static bool is_wildcard(const struct endpoint *endpoint)
{
	return endpoint->address.sa.sa_family == AF_INET6 ?
		       IN6_IS_ADDR_UNSPECIFIED(&endpoint->address.in6.sin6_addr) :
		       endpoint->address.in.sin_addr.s_addr == INADDR_ANY;
}

/* Whether both cannot be listened on. */
static bool meet(const struct endpoint *one, const struct endpoint *other)
{
	if (!endpoint_is_ip(one) || !endpoint_is_ip(other))
		return endpoint_equal(one, other);
	return one->address.in.sin_port == other->address.in.sin_port &&
	       one->address.sa.sa_family == other->address.sa.sa_family &&
	       (one->kind == ENDPOINT_UDP) == (other->kind == ENDPOINT_UDP) &&
	       (endpoint_equal(one, other) || is_wildcard(one) || is_wildcard(other));
}

static const struct inetd_place *find_rival(const struct inetd_entry *entry)
{
	for (const struct inetd_place *own = entry->places; own != NULL; own = own->next)
		for (const struct inetd_place *other = entry->inetd->places; other != NULL;
		     other = other->next)
			if (meet(&own->endpoint, &other->endpoint) &&
			    import_get(other->section, "disable") == NULL)
				return other;
	return NULL;
}

/* Whether inetd takes both entries for the same service. */
static bool is_same(const struct inetd_entry *one, const struct inetd_entry *other)
{
	return other != NULL && strcmp(one->service, other->service) == 0 &&
	       strcmp(one->protocol, other->protocol) == 0 && strcmp(one->hosts, other->hosts) == 0;
}

static void give_way(struct inetd_entry *entry, const struct inetd_place *rival)
{
	const struct import_where *where = rival->entry != NULL ? &rival->entry->where : NULL;
	const char *text = import_printf(
		entry->inetd->import, "[%s]%s%s listens there already", import_name(rival->section),
		where != NULL ? " of " : "",
		where != NULL ? import_printf(entry->inetd->import, "%s:%u", where->path, where->line) : "");

	if (inetd_is_in(entry->inetd, INETD_LINUX))
		inetd_switch_off(entry, IMPORT_EXACT,
				 import_printf(entry->inetd->import,
					       "%s; inetd cannot listen twice, either, and this one is "
					       "switched off",
					       text));
	else
		inetd_switch_off(entry, IMPORT_UNSUPPORTED,
				 import_printf(entry->inetd->import,
					       "%s, and Linux cannot listen on one address and on all at "
					       "once: this one is switched off",
					       text));
}

void inetd_check_place(struct inetd_entry *entry)
{
	struct inetd *inetd = entry->inetd;
	const struct inetd_place *rival;

	/* Without memory a rival is not switched off, and would be found again. */
	while (!import_failed(inetd->import) && (rival = find_rival(entry)) != NULL) {
		if (!is_same(entry, rival->entry)) {
			give_way(entry, rival);
			return;
		}
		import_set(rival->section, "disable", "yes");
		import_tell(inetd->import, rival->entry->where, IMPORT_EXACT,
			    "line %u of %s is about the same service and takes its place, as in inetd; this "
			    "one is switched off",
			    entry->where.line, entry->where.path);
	}
	while (entry->places != NULL) {
		struct inetd_place *place = entry->places;

		if (++inetd->place_count > INETD_PLACES_MAX) {
			inetd_switch_off(entry, IMPORT_UNSUPPORTED,
					 "there are too many addresses to be compared, and it is switched "
					 "off: import parts of the file one by one");
			return;
		}
		entry->places = place->next;
		place->next = inetd->places;
		inetd->places = place;
	}
}

void inetd_remember_places(struct inetd *inetd)
{
	struct import_service *at = NULL;
	char reason[CONF_REASON_MAX];

	while ((at = import_next(inetd->import, at)) != NULL) {
		struct sink sink = { inetd, { .section = at }, &inetd->places };
		const char *listen = import_get(at, "listen");
		struct conf_input input = { .text = listen, .arena = import_arena(inetd->import) };
		struct conf_words words = { .count = 0 };

		if (listen == NULL || import_get(at, "disable") != NULL)
			continue;
		if (conf_type_split(&input, &words, reason) == -ENOMEM)
			import_lacks_memory(inetd->import);
		for (size_t i = 0; i < words.count && inetd->place_count < INETD_PLACES_MAX; i++) {
			(void)endpoint_parse(words.items[i], add_place, &sink, reason, sizeof(reason));
			inetd->place_count++;
		}
	}
}
