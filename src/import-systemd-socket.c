/* import-systemd-socket.c - the keys of [Socket]: where is listened, and how. */
#include "import-systemd.h"

#include "base.h"
#include "endpoint.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* ---- where ---- */

enum listen_kind { LISTEN_STREAM, LISTEN_DATAGRAM, LISTEN_SEQPACKET };

static int note_endpoint(void *context, const struct endpoint *endpoint)
{
	struct unit *unit = context;

	unit->has_stream = unit->has_stream || endpoint_is_stream(endpoint);
	unit->has_datagram = unit->has_datagram || !endpoint_is_stream(endpoint);
	unit->has_ip = unit->has_ip || endpoint_is_ip(endpoint);
	unit->has_file = unit->has_file || endpoint_has_path(endpoint);
	unit->has_tcp = unit->has_tcp || endpoint->kind == ENDPOINT_TCP || endpoint->kind == ENDPOINT_MPTCP;
	return 0;
}

/* A path or an abstract name, escaped as our lists ask for. */
static const char *print_unix(struct unit *unit, const char *name, enum listen_kind kind)
{
	static const enum endpoint_kind kinds[] = {
		[LISTEN_STREAM] = ENDPOINT_UNIX_STREAM,
		[LISTEN_DATAGRAM] = ENDPOINT_UNIX_DGRAM,
		[LISTEN_SEQPACKET] = ENDPOINT_UNIX_SEQPACKET,
	};
	struct endpoint endpoint = { .kind = kinds[kind] };
	char text[ENDPOINT_TEXT_MAX];
	size_t length = strlen(name);

	if (length < 2 || length >= sizeof(endpoint.address.un.sun_path))
		return NULL;
	endpoint.address.un.sun_family = AF_UNIX;
	memcpy(endpoint.address.un.sun_path, name, length);
	endpoint.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
	if (name[0] == '@')
		endpoint.address.un.sun_path[0] = '\0';
	return import_printf(unit->import, "%s", endpoint_print(&endpoint, text));
}

/* vsock:[CID]:PORT */
static const char *print_vsock(struct unit *unit, const char *value)
{
	const char *cid = strchr(value, ':') + 1, *port = strchr(cid, ':');

	if (port == NULL)
		return NULL;
	if (port == cid || strncmp(cid, "4294967295:", 11) == 0)
		return import_printf(unit->import, "vsock:%s", port + 1);
	return import_printf(unit->import, "vsock:%s", cid);
}

/* A port, or an address with a port. */
static const char *print_ip(struct unit *unit, const char *value, enum listen_kind kind)
{
	const char *suffix = kind == LISTEN_DATAGRAM ? "/udp" :
			     unit->protocol != NULL && strcmp(unit->protocol, "mptcp") == 0 ? "/mptcp" : "";
	bool is_port = value[strspn(value, "0123456789")] == '\0';

	if (strpbrk(value, "/, \t\"'") != NULL || (!is_port && value[0] != '[' && strchr(value, ':') == NULL))
		return NULL;
	if (is_port)
		return import_printf(unit->import, "%s%s%s", unit->v6 == UNIT_V6_ONLY ? "[::]:" : "", value, suffix);
	/* All addresses of IPv6 are all of both families, unless that is said. */
	if (strncmp(value, "[::]:", 5) == 0 && unit->v6 != UNIT_V6_ONLY)
		return import_printf(unit->import, "%s%s", value + 5, suffix);
	return import_printf(unit->import, "%s%s", value, suffix);
}

static const char *print_place(struct unit *unit, struct unit_setting *setting, const char *value,
			       enum listen_kind kind)
{
	if (value[0] == '/' || value[0] == '@')
		return print_unix(unit, value, kind);
	if (strncmp(value, "vsock:", 6) == 0 || strncmp(value, "vsock-stream:", 13) == 0)
		return kind == LISTEN_STREAM ? print_vsock(unit, value) : NULL;
	if (unit->protocol != NULL && strcmp(unit->protocol, "udplite") == 0) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "there is no UDP-Lite here");
		return NULL;
	}
	if (unit->protocol != NULL && strcmp(unit->protocol, "sctp") == 0) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "there is no SCTP here");
		return NULL;
	}
	return kind == LISTEN_SEQPACKET ? NULL : print_ip(unit, value, kind);
}

/* One program can accept or receive, not both. */
static bool is_mixed(struct unit *unit, struct unit_setting *setting, enum listen_kind kind)
{
	if (unit->accept && kind == LISTEN_DATAGRAM) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED,
			 "datagrams need a section of their own beside one that accepts connections; write one with "
			 "wait = yes");
		return true;
	}
	if (!unit->accept && (kind == LISTEN_DATAGRAM ? unit->has_stream : unit->has_datagram)) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED,
			 "with wait = yes all sockets of a section are of one type; write a second section for this one");
		return true;
	}
	return false;
}

void unit_take_listen(struct unit *unit, struct unit_setting *setting)
{
	enum listen_kind kind = strcmp(setting->key, "ListenDatagram") == 0	      ? LISTEN_DATAGRAM :
				strcmp(setting->key, "ListenSequentialPacket") == 0 ? LISTEN_SEQPACKET :
										      LISTEN_STREAM;
	const char *value, *text;
	char reason[256];

	if (setting->value[0] == '\0') {
		unit_say(unit, setting, IMPORT_EXACT, "%s", "");
		return;
	}
	value = unit_expand(unit, setting, setting->value);
	if (value == NULL || is_mixed(unit, setting, kind))
		return;
	if (unit->listen_count++ >= UNIT_WORDS_MAX) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "there are too many addresses for one section");
		return;
	}
	text = print_place(unit, setting, value, kind);
	if (text == NULL) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no address that listen takes");
		return;
	}
	if (endpoint_parse(text, note_endpoint, unit, reason, sizeof(reason)) < 0) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "%s", reason);
		return;
	}
	import_append(unit->service, "listen", text);
	unit_say(unit, setting, IMPORT_EXACT, "%s", "");
	if (!unit->accept && value[0] != '/' && value[0] != '@' && strchr(text, ':') == NULL)
		unit_say(unit, setting, IMPORT_APPROXIMATED,
			 "IPv4 and IPv6 have a socket each here, and each gets a program of its own");
}

/* ---- what decides over others ---- */

static void take_v6(struct unit *unit, const struct unit_setting *setting)
{
	unit->v6 = strcmp(setting->value, "ipv6-only") == 0 ? UNIT_V6_ONLY :
		   strcmp(setting->value, "both") == 0	    ? UNIT_V6_BOTH :
							      UNIT_V6_DEFAULT;
}

void unit_find_facts(struct unit *unit)
{
	bool streams = false;

	for (const struct unit_setting *at = unit->first; at != NULL; at = at->next) {
		bool yes = false;

		if (at->replaced)
			continue;
		if (at->section == UNIT_SOCKET &&
		    (strcmp(at->key, "ListenStream") == 0 || strcmp(at->key, "ListenSequentialPacket") == 0))
			streams = true;
		if (strcmp(at->key, "Accept") == 0 && unit_parse_bool(at->value, &yes))
			unit->accept = yes;
		if (strcmp(at->key, "DynamicUser") == 0 && unit_parse_bool(at->value, &yes))
			unit->dynamic_user = yes;
		if (strcmp(at->key, "BindIPv6Only") == 0)
			take_v6(unit, at);
		if (strcmp(at->key, "SocketProtocol") == 0)
			unit->protocol = at->value;
	}
	unit->accept = unit->accept && streams;
}

/* ---- how ---- */

static const char not_here[] = "it means nothing for the sockets of this unit";

void unit_take_limits(struct unit *unit, struct unit_setting *setting)
{
	bool total = strcmp(setting->key, "MaxConnections") == 0;
	uint64_t number;

	if (!unit->accept)
		unit_say(unit, setting, IMPORT_EXACT, "without Accept=yes it means nothing, there and here");
	else if (!unit_parse_number(setting->value, UINT32_MAX, &number))
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no number; write %s by hand",
			 total ? "instances" : "per_source");
	else if (total && number == 0)
		unit_switch_off(unit, setting, "no client is let in there");
	else if (!total && number == 0)
		unit_put(unit, setting, "per_source", "none");
	else
		unit_putf(unit, setting, total ? "instances" : "per_source", "%ju", (uintmax_t)number);
	unit_say(unit, setting, IMPORT_EXACT, "%s", "");
}

static void put_flag(struct unit *unit, struct unit_setting *setting, const char *key)
{
	bool yes;

	if (unit_parse_bool(setting->value, &yes))
		unit_put(unit, setting, key, yes ? "yes" : "no");
	else
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is neither yes nor no");
}

static void put_buffer(struct unit *unit, struct unit_setting *setting, const char *key)
{
	uint64_t size;

	if (unit_parse_size(setting->value, &size))
		unit_putf(unit, setting, key, "%ju", (uintmax_t)size);
	else
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no size");
}

static void put_backlog(struct unit *unit, struct unit_setting *setting)
{
	uint64_t number;

	if (!unit_parse_number(setting->value, UINT32_MAX, &number)) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no number");
	} else if (number > 65535) {
		unit_put(unit, setting, "backlog", "65535");
		unit_say(unit, setting, IMPORT_APPROXIMATED, "65535 is the most; the kernel cuts off at net.core.somaxconn");
	} else {
		unit_putf(unit, setting, "backlog", "%ju", (uintmax_t)number);
	}
}

static void put_duration(struct unit *unit, struct unit_setting *setting, const char *key)
{
	uint64_t us;

	if (unit_parse_time(setting->value, 1000000, &us) && us != UINT64_MAX)
		unit_put(unit, setting, key, unit_print_time(unit, us));
	else
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no time that %s takes", key);
}

void unit_take_option(struct unit *unit, struct unit_setting *setting)
{
	static const struct {
		const char *name, *key;
		enum { BACKLOG, DEVICE, FLAG, DURATION, BUFFER } kind;
		enum { ALL, IP, TCP } of;
	} options[] = {
		{ "Backlog", "backlog", BACKLOG, ALL },	     { "BindToDevice", "interface", DEVICE, IP },
		{ "FreeBind", "freebind", FLAG, IP },	     { "NoDelay", "nodelay", FLAG, TCP },
		{ "ReceiveBuffer", "rcvbuf", BUFFER, ALL },  { "SendBuffer", "sndbuf", BUFFER, ALL },
		{ "DeferAcceptSec", "defer_accept", DURATION, TCP }, { "NoNewPrivileges", "no_new_privileges", FLAG, ALL },
	};
	size_t i = 0;

	while (strcmp(options[i].name, setting->key) != 0)
		if (++i == ELEMENTS(options))
			return;
	unit_say(unit, setting, IMPORT_EXACT, "%s", "");
	if ((options[i].of == IP && !unit->has_ip) || (options[i].of == TCP && !unit->has_tcp)) {
		unit_say(unit, setting, IMPORT_EXACT, "%s", not_here);
		return;
	}
	switch (options[i].kind) {
	case BACKLOG:
		put_backlog(unit, setting);
		break;
	case DEVICE:
		if (setting->value[0] != '\0')
			unit_put(unit, setting, "interface", setting->value);
		break;
	case FLAG:
		put_flag(unit, setting, options[i].key);
		break;
	case DURATION:
		put_duration(unit, setting, options[i].key);
		break;
	case BUFFER:
		put_buffer(unit, setting, options[i].key);
		break;
	}
}

void unit_take_owner(struct unit *unit, struct unit_setting *setting)
{
	bool is_user = strcmp(setting->key, "SocketUser") == 0;
	const char *name = unit_expand(unit, setting, setting->value);
	uint64_t number;

	if (name == NULL)
		return;
	unit_say(unit, setting, IMPORT_EXACT, "%s", unit->has_file ? "" : not_here);
	if (!unit->has_file || name[0] == '\0')
		return;
	if (!unit_parse_number(name, UINT32_MAX - 1, &number) &&
	    !(is_user ? import_has_user(name) : import_has_group(name)))
		unit_switch_off(unit, setting, "there is no %s %s here", is_user ? "user" : "group", name);
	unit_put(unit, setting, is_user ? "socket_user" : "socket_group", name);
}

void unit_take_mode(struct unit *unit, struct unit_setting *setting)
{
	bool is_socket = strcmp(setting->key, "SocketMode") == 0;
	const char *value = setting->value;
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	unit_say(unit, setting, IMPORT_EXACT, "%s", is_socket && !unit->has_file ? not_here : "");
	if (value[0] == '\0' || (is_socket && !unit->has_file))
		return;
	if (value[strspn(value, "01234567")] != '\0' || mode > 0777) {
		unit_put(unit, setting, is_socket ? "socket_mode" : "umask", value); /* which says why not */
		return;
	}
	unit_putf(unit, setting, is_socket ? "socket_mode" : "umask", is_socket ? "%04lo" : "%03lo", mode);
}

/* ---- limits of speed, and keepalive ---- */

void unit_take_trigger(struct unit *unit, struct unit_setting *setting)
{
	bool is_poll = setting->key[0] == 'P', is_time = strstr(setting->key, "Interval") != NULL, good;
	uint64_t *place = is_poll ? (is_time ? &unit->poll_us : &unit->poll_burst) :
				    (is_time ? &unit->trigger_us : &unit->trigger_burst);

	good = is_time ? unit_parse_time(setting->value, 1000000, place) :
			 unit_parse_number(setting->value, UINT32_MAX, place);
	if (!good) {
		*place = UINT64_MAX;
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no %s; write rate by hand", is_time ? "time" : "number");
		return;
	}
	*(is_poll ? &unit->poll : &unit->trigger) = setting;
	unit_say(unit, setting, IMPORT_CHANGED,
		 is_poll ? "it is rate here, a bucket that fills evenly: clients beyond it wait" :
			   "it is rate here: clients beyond it wait, and the socket does not fail for good");
}

static void finish_rate(struct unit *unit)
{
	struct unit_setting *setting = unit->poll != NULL ? unit->poll : unit->trigger;
	uint64_t us = unit->poll != NULL ? unit->poll_us : unit->trigger_us;
	uint64_t burst = unit->poll != NULL ? unit->poll_burst : unit->trigger_burst;

	if (setting == NULL)
		return;
	if (us == UINT64_MAX)
		us = 2000000;
	if (burst == UINT64_MAX)
		burst = (unit->poll != NULL ? 15 : 20) * (unit->accept ? 10 : 1);
	if (us > 0 && burst > 0)
		unit_putf(unit, setting, "rate", "%ju/%s", (uintmax_t)burst, unit_print_time(unit, us));
}

/* A time of 0 leaves it to the kernel, there, as one does that the kernel refuses; here 0 would switch it off. */
static bool take_keepalive_time(struct unit *unit, struct unit_setting *setting)
{
	uint64_t us;

	if (!unit_parse_time(setting->value, 1000000, &us))
		return false;
	if (us == UINT64_MAX)
		unit_say(unit, setting, IMPORT_APPROXIMATED, "no kernel waits so long; it is the two hours of Linux instead");
	else if (us > 0)
		unit->keepalive_us = us;
	return true;
}

void unit_take_keepalive(struct unit *unit, struct unit_setting *setting)
{
	bool good = strcmp(setting->key, "KeepAlive") == 0 ? unit_parse_bool(setting->value, &unit->keepalive) :
							     take_keepalive_time(unit, setting);

	if (!good)
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "systemd does not understand this, and ignores it");
	unit_say(unit, setting, IMPORT_EXACT, "%s", unit->has_tcp ? "" : not_here);
	unit->keepalive_line = setting;
}

void unit_finish_socket(struct unit *unit)
{
	struct import_service *service = unit->service;

	import_set(service, "wait", unit->accept ? NULL : "yes");
	finish_rate(unit);
	if (unit->has_tcp && !unit->keepalive)
		import_set(service, "keepalive", "0");
	else if (unit->has_tcp)
		unit_put(unit, unit->keepalive_line, "keepalive", unit_print_time(unit, unit->keepalive_us));
	if (unit->has_file && import_get(service, "socket_mode") == NULL)
		import_set(service, "socket_mode", "0666");
	if (!unit->accept)
		return;
	if (import_get(service, "instances") == NULL)
		import_set(service, "instances", "64");
	if (import_get(service, "per_source") == NULL)
		import_set(service, "per_source", "none");
	import_set(service, "when_full", "refuse");
}
