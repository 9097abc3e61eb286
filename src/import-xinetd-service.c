/* import-xinetd-service.c - from the sections of xinetd.conf to services: which of them xinetd serves, where
 * they listen, and which cannot be had here. What xinetd does not serve is imported switched off, as far as a
 * service can be made of it. */
#include "import-xinetd.h"

#include "arena.h"
#include "base.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

const struct xinetd_value *xinetd_value(const struct xinetd_service *at, enum xinetd_attribute attribute)
{
	const struct xinetd_value *own = &at->section->values[attribute];
	const struct xinetd_value *common = &at->xinetd->defaults.values[attribute];

	return own->is_set ? own : common->is_set ? common : NULL;
}

static const char *first_word(const struct xinetd_section *section, enum xinetd_attribute attribute)
{
	return section->values[attribute].is_set ? section->values[attribute].words[0] : NULL;
}

static bool is_word(const struct xinetd_section *section, enum xinetd_attribute attribute, const char *word)
{
	const char *is = first_word(section, attribute);

	return is != NULL && strcmp(is, word) == 0;
}

struct import_where xinetd_where(const struct xinetd_service *at, enum xinetd_attribute attribute)
{
	const struct xinetd_value *value = &at->section->values[attribute];

	return value->words != NULL && value->where.path != NULL ? value->where : at->section->where;
}

void xinetd_switch_off(struct xinetd_service *at, struct import_where where, enum import_class class,
		       const char *why)
{
	import_tell(at->xinetd->import, where, class, "%s", why);
	import_set(at->service, "disable", "yes");
	at->is_off = true;
}

/* ---- which are on ---- */

static bool is_named(struct xinetd *xinetd, const struct xinetd_words *list, const char *id)
{
	for (size_t i = 0; i < list->count && xinetd_may_work(xinetd, 1); i++)
		if (strcmp(list->items[i], id) == 0)
			return true;
	return false;
}

static const char *id_of(const struct xinetd_section *section)
{
	const char *id = first_word(section, XINETD_ID);

	return id != NULL ? id : section->name;
}

/* Why a section is off before anybody looks at what is in it; NULL: it is on. "" has been told at its line.
 */
static const char *why_off(struct xinetd *xinetd, const struct xinetd_section *section)
{
	const char *id = id_of(section);

	if (section->is_stopped)
		return "";
	if (xinetd->defaults.values[XINETD_ENABLED].is_set) {
		if (!is_named(xinetd, &xinetd->defaults.enabled, id))
			return "it is not named in enabled, and so it is off";
		if (section->is_off)
			import_tell(xinetd->import, section->where, IMPORT_EXACT,
				    "it is named in enabled, so that xinetd serves it in spite of the "
				    "mistake in it");
	} else if (section->is_off) {
		return "";
	}
	if (xinetd->defaults.values[XINETD_DISABLED].is_set &&
	    is_named(xinetd, &xinetd->defaults.disabled, id))
		return "it is named in disabled, and so it is off";
	return NULL;
}

/* ---- what cannot be a service ---- */

/* Says that nothing is made of the section. */
static bool leave_out(const struct xinetd_service *at, enum import_class class, const char *why)
{
	import_tell(at->xinetd->import, at->section->where, class, "%s", why);
	return false;
}

#define NOT_SERVED "; xinetd does not serve it, and nothing is made of it"

/* Stream or datagram. Returns false when it is neither. */
static bool find_kind(struct xinetd_service *at)
{
	const struct xinetd_section *section = at->section;
	const char *type = first_word(section, XINETD_SOCKET_TYPE),
		   *protocol = first_word(section, XINETD_PROTOCOL);

	if (section->types & XINETD_RPC)
		return leave_out(at, IMPORT_UNSUPPORTED,
				 "a service of rpcbind(8) cannot be had, and is left out");
	if (section->types & (XINETD_TCPMUX | XINETD_TCPMUXPLUS))
		return leave_out(at, IMPORT_UNSUPPORTED,
				 "a service of tcpmux cannot be had, and is left out");
	if (type == NULL && protocol == NULL)
		return leave_out(at, IMPORT_EXACT, "it has neither a socket_type nor a protocol" NOT_SERVED);
	if (type != NULL && strcmp(type, "stream") != 0 && strcmp(type, "dgram") != 0)
		return leave_out(at, IMPORT_UNSUPPORTED,
				 "only sockets of streams and datagrams can be had; it is left out");
	if (type == NULL)
		type = strcmp(protocol, "udp") == 0 ? "dgram" : "stream";
	at->is_udp = strcmp(type, "dgram") == 0;
	if (protocol != NULL && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
		return leave_out(at, IMPORT_UNSUPPORTED, "only TCP and UDP can be had; it is left out");
	if (protocol != NULL && (strcmp(protocol, "udp") == 0) != at->is_udp)
		return leave_out(at, IMPORT_EXACT, "its socket_type has another protocol" NOT_SERVED);
	return true;
}

/* An internal service that there is, or a program. */
static bool find_program(struct xinetd_service *at)
{
	static const char *const internal[] = { "echo", "discard", "time", "daytime", "chargen" };
	const struct xinetd_section *section = at->section;

	at->is_sensor = (section->flags & XINETD_SENSOR) != 0;
	at->is_internal = at->is_sensor || (section->types & XINETD_INTERNAL) != 0;
	at->is_redirect = !at->is_internal && section->values[XINETD_REDIRECT].is_set;
	if (at->is_sensor || at->is_redirect)
		return true;
	if (!at->is_internal)
		return section->values[XINETD_SERVER].is_set ||
		       leave_out(at, IMPORT_EXACT, "it has neither server nor redirect" NOT_SERVED);
	if (strcmp(section->name, "tcpmux") == 0)
		return leave_out(at, IMPORT_UNSUPPORTED,
				 "there is no tcpmux here (RFC 7805 made it history), and it is left out; "
				 "give the services "
				 "behind it ports of their own");
	for (size_t i = 0; i < ELEMENTS(internal); i++)
		if (strcmp(internal[i], section->name) == 0)
			return true;
	if (strcmp(section->name, "servers") == 0 || strcmp(section->name, "services") == 0 ||
	    strcmp(section->name, "xadmin") == 0)
		return leave_out(at, IMPORT_CHANGED,
				 "it is left out: xinetd 2.3.15 has it no more, and usherctl status and "
				 "usherctl list show "
				 "what it showed");
	return leave_out(at, IMPORT_EXACT, "xinetd has no internal service of this name" NOT_SERVED);
}

/* The port, and whether xinetd agrees with it. */
static bool find_port(struct xinetd_service *at, const char **ret_wrong)
{
	const struct xinetd_section *section = at->section;
	const char *given = first_word(section, XINETD_PORT);
	int port = 0, listed = -1;

	*ret_wrong = NULL;
	if (given != NULL)
		xinetd_number(given, &port);
	if (!(section->types & XINETD_UNLISTED)) {
		/* What begins with a digit is no name. */
		if (section->name[0] < '0' || section->name[0] > '9')
			listed = import_port(section->name, at->is_udp ? "udp" : "tcp");
		if (listed < 0)
			*ret_wrong = "services(5) does not know it, and it is not UNLISTED";
		else if (given != NULL && port != listed)
			*ret_wrong = "its port is not the one of services(5), and it is not UNLISTED";
	}
	at->port = given != NULL ? port : listed;
	if (at->port > 0)
		return true;
	if (given != NULL)
		return leave_out(at, IMPORT_UNSUPPORTED, "port 0 cannot be listened on; it is left out");
	return leave_out(at, IMPORT_EXACT,
			 section->types & XINETD_UNLISTED ?
				 "it is UNLISTED and has no port" NOT_SERVED :
				 "services(5) has no port for it, and it has none itself" NOT_SERVED);
}

/* Why xinetd does not serve what can be a service, or NULL. */
static const char *find_mistake(const struct xinetd_service *at)
{
	const struct xinetd_section *section = at->section;
	bool has_name = (section->flags & XINETD_NAMEINARGS) != 0;

	if (!section->values[XINETD_WAIT].is_set)
		return "it has no wait";
	if (!at->is_internal && !section->values[XINETD_USER].is_set)
		return "it has no user";
	if ((section->types & XINETD_UNLISTED) && !at->is_internal &&
	    !section->values[XINETD_PROTOCOL].is_set)
		return NULL; /* filled in from socket_type */
	if (has_name && at->is_internal)
		return "NAMEINARGS does not go with an internal service";
	if (has_name && at->is_redirect)
		return "NAMEINARGS does not go with redirect";
	if (has_name && !section->values[XINETD_SERVER_ARGS].is_set)
		return "NAMEINARGS needs server_args";
	if (at->is_redirect && at->is_udp)
		return "redirect is for streams";
	if (at->is_redirect && at->waits)
		return "redirect does not go with wait = yes";
	if (!at->is_redirect && (section->log_success & XINETD_LOG_TRAFFIC))
		return "log_on_success has TRAFFIC, which goes with redirect only";
	if (at->is_udp && !at->waits)
		return "datagrams need wait = yes";
	if (section->values[XINETD_CPS].is_set && section->values[XINETD_LEAKY_BUCKET].is_set)
		return "cps and leaky_bucket do not go together";
	return NULL;
}

/* ---- where it listens ---- */

static bool is_address(const char *text, int family)
{
	uint8_t bytes[16];

	return inet_pton(family, text, bytes) == 1;
}

/* Fills in where; the key `listen` is set. */
static void set_listen(struct xinetd_service *at, struct xinetd_place *place)
{
	const struct xinetd_value *bind = xinetd_value(at, XINETD_BIND),
				  *v6only = xinetd_value(at, XINETD_V6ONLY);
	const char *address = bind != NULL ? bind->words[0] : NULL, *udp = at->is_udp ? "/udp" : "";
	bool ip4 = (at->section->flags & (XINETD_IPV4 | XINETD_IPV6)) == XINETD_IPV4;
	bool ip6 = v6only != NULL && strcmp(v6only->words[0], "yes") == 0;

	*place = (struct xinetd_place){ .port = at->port, .is_udp = at->is_udp };
	if (address != NULL && is_address(address, AF_INET)) {
		place->ip4 = strcmp(address, "0.0.0.0") == 0 ? "*" : address;
		import_setf(at->service, "listen", "%s:%d%s", address, at->port, udp);
	} else if (address != NULL && is_address(address, AF_INET6) && strcmp(address, "::") != 0) {
		place->ip6 = address;
		import_setf(at->service, "listen", "[%s]:%d%s", address, at->port, udp);
	} else if (address != NULL && strcmp(address, "localhost") == 0) {
		place->ip4 = "127.0.0.1";
		place->ip6 = "::1";
		import_setf(at->service, "listen", "localhost:%d%s", at->port, udp);
		import_tell(at->xinetd->import, bind->where, IMPORT_APPROXIMATED,
			    "localhost is 127.0.0.1 and ::1 here; xinetd takes one of them");
	} else {
		place->ip4 = ip6 ? NULL : "*";
		place->ip6 = ip4 ? NULL : "*";
		import_setf(at->service, "listen", "%s%d%s",
			    ip4 ? "0.0.0.0:" :
			    ip6 ? "[::]:" :
				  "",
			    at->port, udp);
		if (address != NULL && strcmp(address, "::") != 0) {
			import_tell(at->xinetd->import, bind->where, IMPORT_UNSUPPORTED,
				    "'%.80s' is a name, and none is looked up: write the address in listen",
				    address);
			xinetd_switch_off(
				at, at->section->where, IMPORT_UNSUPPORTED,
				"it is switched off, because without the address of its bind it would be "
				"offered on all");
		}
	}
}

static bool meet(const char *one, const char *other)
{
	return one != NULL && other != NULL && (strcmp(one, other) == 0 || one[0] == '*' || other[0] == '*');
}

/* The service of another file, imported before, that listens in just this place; or NULL. */
static const char *find_twin(const struct xinetd_service *at)
{
	const char *listen = import_get(at->service, "listen");
	struct import_service *other = NULL;

	while (listen != NULL && (other = import_next(at->xinetd->import, other)) != NULL) {
		const char *place = import_get(other, "listen");

		if (other != at->service && place != NULL && strcmp(place, listen) == 0 &&
		    import_get(other, "disable") == NULL)
			return import_name(other);
	}
	return NULL;
}

/* Two services cannot listen in the same place. xinetd serves the first that comes. */
static void check_place(struct xinetd_service *at, const struct xinetd_place *place)
{
	struct xinetd *xinetd = at->xinetd;
	struct xinetd_place *mine = arena_alloc(import_arena(xinetd->import), sizeof(*mine));
	const char *twin;

	for (const struct xinetd_place *other = xinetd->places; other != NULL; other = other->next)
		if (other->port == place->port && other->is_udp == place->is_udp &&
		    (meet(other->ip4, place->ip4) || meet(other->ip6, place->ip6))) {
			xinetd_switch_off(
				at, at->section->where, IMPORT_EXACT,
				import_printf(
					xinetd->import,
					"%s of %s:%u listens there already; xinetd cannot serve both, and "
					"this one is switched off",
					other->name, other->where.path, other->where.line));
			return;
		}
	twin = find_twin(at);
	if (twin != NULL)
		xinetd_switch_off(at, at->section->where, IMPORT_EXACT,
				  import_printf(xinetd->import,
						"[%s] listens there already, and this one is switched off",
						twin));
	if (mine == NULL || twin != NULL)
		return;
	*mine = *place;
	mine->name = import_name(at->service);
	mine->where = at->section->where;
	mine->next = xinetd->places;
	xinetd->places = mine;
}

/* ---- a service ---- */

static void set_common(struct import *import)
{
	struct import_service *defaults = import_defaults(import);

	if (import_get(defaults, "when_full") != NULL)
		return;
	import_comment(defaults, NULL,
		       "As in xinetd: whom limits leave no room for is refused, and there is no limit but "
		       "those that a\n"
		       "service names. What usherd does without these lines is kinder to all clients but the "
		       "greedy one.");
	import_set(defaults, "when_full", "refuse");
	import_set(defaults, "instances", "1000000");
	import_set(defaults, "per_source", "none");
}

/* What is another way for each of them. */
static void tell_common(const struct xinetd_service *at)
{
	struct import *import = at->xinetd->import;
	struct import_where where = at->section->where;

	if (!at->is_internal && !at->is_redirect && at->section->values[XINETD_PASSENV].words == NULL)
		import_tell(import, where, IMPORT_CHANGED,
			    "a clean environment instead of the whole one of xinetd (env, pass_env)");
	if (!(at->section->flags & XINETD_NOLIBWRAP))
		import_tell(
			import, where, IMPORT_CHANGED,
			"hosts.allow and hosts.deny count only if they are imported, too (--allow, --deny)");
	if (xinetd_value(at, XINETD_CPS) == NULL && !at->waits)
		import_tell(
			import, where, IMPORT_CHANGED,
			"no limit of 50 clients a second, at which xinetd closes a service for 10 s (rate)");
}

static void make_service(struct xinetd *xinetd, const struct xinetd_section *section)
{
	const char *off = why_off(xinetd, section), *wrong_port, *mistake;
	struct xinetd_service service = { .xinetd = xinetd, .section = section }, *at = &service;
	struct xinetd_place place;

	at->waits = is_word(section, XINETD_WAIT, "yes");
	if (off != NULL && off[0] != '\0')
		import_tell(xinetd->import, section->where, IMPORT_EXACT, "%s", off);
	if (!find_kind(at) || !find_program(at) || !find_port(at, &wrong_port))
		return;
	at->service = import_add(xinetd->import, id_of(section), section->where);
	if (off != NULL) {
		import_set(at->service, "disable", "yes");
		at->is_off = true;
	}
	mistake = wrong_port != NULL ? wrong_port : find_mistake(at);
	if (mistake != NULL)
		xinetd_switch_off(
			at, section->where, IMPORT_EXACT,
			import_printf(xinetd->import,
				      "%s; xinetd does not serve it, and it is imported switched off",
				      mistake));
	set_common(xinetd->import);
	tell_common(at);
	set_listen(at, &place);
	xinetd_set_exec(at);
	xinetd_set_keys(at);
	if (import_get(at->service, "disable") == NULL)
		check_place(at, &place);
}

void xinetd_finish(struct xinetd *xinetd)
{
	for (const struct xinetd_section *section = xinetd->first; section != NULL; section = section->next)
		make_service(xinetd, section);
}
