/* endpoint.c - reads the places a service listens on.
 *
 * A text is refused with a sentence that tells what to write instead: this is
 * the first key of the file that a newcomer meets. Nothing is resolved here but
 * port names of services(5); a host name is an error, because an address must
 * not depend on who answers a question when the daemon starts.
 *
 * Everything is checked before the sink is called for the first time, so a
 * refused text has given no endpoint. */
#include "endpoint.h"

#include "base.h"
#include "suggest.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>

#define WORD_MAX 256 /* of what is not a Unix path */
#define PORT_MAX 65535
#define SERVICE_ROOM 4096 /* for getservbyname_r(): a name and its aliases */

#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define UNIX_HEADER offsetof(struct sockaddr_un, sun_path)

struct request {
	endpoint_sink *sink;
	void *context;
	char *reason;
	size_t size;
};

static const struct {
	enum endpoint_kind kind;
	const char *prefix;
} unix_kinds[] = {
	{ ENDPOINT_UNIX_STREAM, "unix:" },
	{ ENDPOINT_UNIX_DGRAM, "unix-dgram:" },
	{ ENDPOINT_UNIX_SEQPACKET, "unix-seqpacket:" },
};

static const struct {
	enum endpoint_kind kind;
	const char *name;
} protocols[] = {
	{ ENDPOINT_TCP, "tcp" },
	{ ENDPOINT_UDP, "udp" },
	{ ENDPOINT_MPTCP, "mptcp" },
};

/* Leaves the sentence, without a byte that would not print, and returns -EINVAL. */
static _printf_(2, 3) int refuse(const struct request *request, const char *format, ...)
{
	va_list arguments;

	if (request->size == 0)
		return -EINVAL;
	va_start(arguments, format);
	vsnprintf(request->reason, request->size, format, arguments);
	va_end(arguments);
	for (char *at = request->reason; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	return -EINVAL;
}

/* Digits alone, no leading zero, at most `max`: 0, -ERANGE or -EINVAL. */
static int parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text != '\0'; text++) {
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > max)
			return -ERANGE;
	}
	*ret_number = number;
	return 0;
}

static int parse_port_number(const struct request *request, const char *text, in_port_t *ret_port)
{
	uint64_t port;
	int error = parse_number(text, PORT_MAX, &port);

	if (error == 0 && port > 0) {
		*ret_port = (in_port_t)port;
		return 0;
	}
	if (error == -EINVAL && text[0] == '0' && text[strspn(text, "0123456789")] == '\0')
		return refuse(request, "port '%s' has a leading zero; write the number in plain decimal",
			      text);
	if (error == -EINVAL)
		return refuse(request, "'%s' is not a port number (1 to %d)", text, PORT_MAX);
	return refuse(request, "port %s is out of range; ports are 1 to %d", text, PORT_MAX);
}

static int parse_port_name(const struct request *request, const char *name, enum endpoint_kind kind,
			   in_port_t *ret_port)
{
	const char *protocol = kind == ENDPOINT_UDP ? "udp" : "tcp";
	struct servent entry, *found = NULL;
	char room[SERVICE_ROOM];

	if (getservbyname_r(name, protocol, &entry, room, sizeof(room), &found) == 0 && found != NULL &&
	    found->s_port != 0) {
		*ret_port = ntohs((in_port_t)found->s_port);
		return 0;
	}
	if (isdigit((unsigned char)name[0]) || strchr("+-.", name[0]) != NULL)
		return refuse(request, "'%s' is not a port number (1 to %d)", name, PORT_MAX);
	return refuse(request, "the port name '%s' is not in services(5) for %s; write the number", name,
		      protocol);
}

/* A number, a range or a name. */
static int parse_ports(const struct request *request, char *text, enum endpoint_kind kind,
		       in_port_t *ret_first, in_port_t *ret_last)
{
	in_port_t first = 0, last = 0;
	int error;

	if (*text == '\0')
		return refuse(request,
			      "the port is missing; write a number, a range such as 7000-7009, or a name");
	if (text[strspn(text, "0123456789-")] != '\0') {
		error = parse_port_name(request, text, kind, &first);
		last = first;
	} else {
		char *dash = strchr(text, '-');

		if (dash != NULL && (dash == text || dash[1] == '\0' || strchr(dash + 1, '-') != NULL))
			return refuse(request, "'%s' is not a range of ports; write it as 7000-7009", text);
		if (dash != NULL)
			*dash = '\0';
		error = parse_port_number(request, text, &first);
		last = first;
		if (error == 0 && dash != NULL)
			error = parse_port_number(request, dash + 1, &last);
	}
	if (error != 0)
		return error;
	if (first > last)
		return refuse(request, "the range is reversed; write %d-%d", last, first);
	*ret_first = first;
	*ret_last = last;
	return 0;
}

static int parse_protocol(const struct request *request, const char *name, enum endpoint_kind *ret_kind)
{
	const char *names[ELEMENTS(protocols)], *nearest;

	for (size_t i = 0; i < ELEMENTS(protocols); i++) {
		names[i] = protocols[i].name;
		if (strcmp(name, names[i]) == 0) {
			*ret_kind = protocols[i].kind;
			return 0;
		}
	}
	nearest = suggest_nearest(name, names, ELEMENTS(names));
	if (nearest != NULL && strlen(name) == 4 && (name[3] == '4' || name[3] == '6'))
		return refuse(request,
			      "unknown protocol '/%s'; the address gives the family: write %s:PORT/%s", name,
			      name[3] == '4' ? "0.0.0.0" : "[::]", nearest);
	if (nearest != NULL)
		return refuse(request,
			      "unknown protocol '/%s'; did you mean '/%s'? (there are tcp, udp, mptcp)", name,
			      nearest);
	return refuse(request, "unknown protocol '/%s'; it is /tcp, /udp or /mptcp", name);
}

static void set_in(struct endpoint *endpoint, in_addr_t address)
{
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->length = sizeof(endpoint->address.in);
	endpoint->address.in.sin_family = AF_INET;
	endpoint->address.in.sin_addr.s_addr = htonl(address);
}

static void set_in6(struct endpoint *endpoint, const struct in6_addr *address)
{
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->length = sizeof(endpoint->address.in6);
	endpoint->address.in6.sin6_family = AF_INET6;
	endpoint->address.in6.sin6_addr = *address;
}

static int parse_scope(const struct request *request, const char *scope, struct endpoint *endpoint)
{
	size_t length = strlen(scope);

	if (length == 0 || length >= sizeof(endpoint->scope) || strpbrk(scope, "/:,%\\\"'") != NULL)
		return refuse(request, "'%s' is not the name of an interface", scope);
	for (size_t i = 0; i < length; i++)
		if (!isgraph((unsigned char)scope[i]))
			return refuse(request, "'%s' is not the name of an interface", scope);
	memcpy(endpoint->scope, scope, length);
	return 0;
}

/* What stands between [ and ]; `ports` only serves the advice. */
static int parse_in6(const struct request *request, char *text, const char *ports,
		     struct endpoint *ret_endpoint)
{
	char *percent = strchr(text, '%');
	char v4[INET_ADDRSTRLEN];
	struct in6_addr address;
	bool local;

	if (percent != NULL)
		*percent = '\0';
	if (inet_pton(AF_INET, text, &address) == 1)
		return refuse(request, "brackets are for IPv6; write %s:%s", text, ports);
	if (inet_pton(AF_INET6, text, &address) != 1)
		return refuse(request, "'[%s]' is not an IPv6 address", text);
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		inet_ntop(AF_INET, &address.s6_addr[12], v4, sizeof(v4));
		return refuse(request, "[%s] is an IPv4 address in IPv6 form; write %s:%s", text, v4, ports);
	}
	local = IN6_IS_ADDR_LINKLOCAL(&address) || IN6_IS_ADDR_MC_LINKLOCAL(&address);
	if (local && percent == NULL)
		return refuse(request, "[%s] is the same on every link; name the interface: [%s%%eth0]:%s",
			      text, text, ports);
	if (!local && percent != NULL)
		return refuse(request, "only a link-local address takes an interface; write [%s]:%s", text,
			      ports);
	set_in6(ret_endpoint, &address);
	return percent != NULL ? parse_scope(request, percent + 1, ret_endpoint) : 0;
}

/* An address and port without brackets that has more than one colon. */
static int refuse_colons(const struct request *request, char *word)
{
	char *percent = strchr(word, '%');
	char *last = strrchr(word, ':');
	struct in6_addr address;
	bool whole, front;

	if (percent != NULL && percent < last)
		return refuse(request, "an IPv6 address needs brackets: write [%.*s]:%s", (int)(last - word),
			      word, last + 1);
	if (percent != NULL)
		return refuse(request, "an IPv6 address needs brackets and a port: write [%s]:PORT", word);
	whole = inet_pton(AF_INET6, word, &address) == 1;
	*last = '\0';
	front = inet_pton(AF_INET6, word, &address) == 1;
	if (front && last[1] != '\0')
		return refuse(request, "an IPv6 address needs brackets: write [%s]:%s", word, last + 1);
	*last = ':';
	if (whole)
		return refuse(request, "an IPv6 address needs brackets and a port: write [%s]:PORT", word);
	return refuse(request, "'%s' has too many colons; write ADDRESS:PORT or [IPV6]:PORT", word);
}

static int refuse_host(const struct request *request, const char *host, const char *ports)
{
	if (*host == '\0')
		return refuse(request, "the address before ':' is missing; write %s or *:%s", ports, ports);
	for (size_t i = 0; i < ELEMENTS(protocols); i++)
		if (strcasecmp(host, protocols[i].name) == 0)
			return refuse(request, "the protocol stands behind the port: write %s/%s", ports,
				      protocols[i].name);
	if (strncmp(host, "unix", 4) == 0 || *ports == '@')
		return refuse(request,
			      "unknown kind '%s:'; it is unix:, unix-dgram: or unix-seqpacket:", host);
	if (host[strspn(host, "0123456789.")] == '\0')
		return refuse(request,
			      "'%s' is not an IPv4 address: four numbers of 0 to 255, no leading zeros",
			      host);
	return refuse(request, "'%s' is a name; usherd resolves no names; write the address", host);
}

/* Splits ADDRESS:PORTS and gives one template for each family. */
static int parse_host(const struct request *request, char *word, struct endpoint templates[2],
		      size_t *ret_count, char **ret_ports)
{
	char *colon = strchr(word, ':');
	struct in_addr address;
	char *host = word;

	*ret_count = 1;
	if (*word == '[') {
		char *bracket = strchr(word, ']');

		if (bracket == NULL)
			return refuse(request, "the closing bracket is missing; write [IPV6]:PORT");
		if (bracket[1] != ':')
			return refuse(request, "the port is missing; write %.*s:PORT",
				      (int)(bracket + 1 - word), word);
		*bracket = '\0';
		*ret_ports = bracket + 2;
		return parse_in6(request, word + 1, *ret_ports, &templates[0]);
	}
	if (colon != NULL && strchr(colon + 1, ':') != NULL)
		return refuse_colons(request, word);
	if (colon == NULL && (inet_pton(AF_INET, word, &address) == 1 || strcmp(word, "localhost") == 0 ||
			      strcmp(word, "*") == 0))
		return refuse(request, "the port is missing; write %s:PORT", word);
	*ret_ports = colon != NULL ? colon + 1 : word;
	if (colon != NULL)
		*colon = '\0';
	if (colon != NULL && inet_pton(AF_INET, host, &address) == 1) {
		set_in(&templates[0], ntohl(address.s_addr));
		return 0;
	}
	if (colon == NULL || strcmp(host, "*") == 0) {
		set_in(&templates[0], INADDR_ANY);
		set_in6(&templates[1], &in6addr_any);
	} else if (strcmp(host, "localhost") == 0) {
		set_in(&templates[0], INADDR_LOOPBACK);
		set_in6(&templates[1], &in6addr_loopback);
	} else {
		return refuse_host(request, host, colon + 1);
	}
	*ret_count = 2;
	return 0;
}

/* No one can connect to these, so that the error is certain. */
static bool is_multicast(const struct endpoint *endpoint)
{
	if (endpoint->address.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&endpoint->address.in6.sin6_addr);
	return IN_MULTICAST(ntohl(endpoint->address.in.sin_addr.s_addr)) ||
	       endpoint->address.in.sin_addr.s_addr == htonl(INADDR_BROADCAST);
}

static int parse_ip(const struct request *request, char *word)
{
	enum endpoint_kind kind = ENDPOINT_TCP;
	char *slash = strrchr(word, '/'), *ports = word + strlen(word);
	struct endpoint templates[2] = { { .kind = ENDPOINT_TCP } };
	in_port_t first = 0, last = 0;
	size_t count = 0;
	int error;

	if (slash != NULL) {
		*slash = '\0';
		error = parse_protocol(request, slash + 1, &kind);
		if (error != 0)
			return error;
	}
	error = parse_host(request, word, templates, &count, &ports);
	if (error == 0)
		error = parse_ports(request, ports, kind, &first, &last);
	if (error == 0 && kind != ENDPOINT_UDP && is_multicast(&templates[0]))
		error = refuse(request,
			       "no connection can be made to a multicast or broadcast address; write /udp");
	if (error != 0)
		return error;
	for (unsigned port = first; port <= last; port++) {
		for (size_t i = 0; i < count; i++) {
			/* sin_port and sin6_port are the same bytes */
			templates[i].kind = kind;
			templates[i].address.in.sin_port = htons((in_port_t)port);
			error = request->sink(request->context, &templates[i]);
			if (error != 0)
				return error;
		}
	}
	return 0;
}

static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "one port");

/* Undoes the \xHH of endpoint_print(); no other backslash has a meaning. */
static int decode_path(const struct request *request, const char *text, char path[UNIX_PATH_MAX + 1],
		       size_t *ret_length)
{
	size_t length = 0;

	for (; *text != '\0'; text++) {
		char byte = *text;

		if (byte == '\\') {
			char digits[3] = { 0 };

			if (text[1] != 'x' || !isxdigit((unsigned char)text[2]) ||
			    !isxdigit((unsigned char)text[3]))
				return refuse(request, "a backslash in a path is written \\x5c");
			memcpy(digits, text + 2, 2);
			byte = (char)strtoul(digits, NULL, 16);
			text += 3;
			if (byte == '\0')
				return refuse(request, "a path cannot contain a NUL byte");
		}
		if (length == UNIX_PATH_MAX)
			return refuse(request, "the path is too long; a Unix socket has at most %zu bytes",
				      UNIX_PATH_MAX);
		path[length++] = byte;
	}
	path[length] = '\0';
	*ret_length = length;
	return 0;
}

static int parse_unix(const struct request *request, enum endpoint_kind kind, const char *text)
{
	struct endpoint endpoint = { .kind = kind, .address.un.sun_family = AF_UNIX };
	char path[UNIX_PATH_MAX + 1];
	size_t length = 0;
	const char *name;
	int error = decode_path(request, text, path, &length);

	if (error != 0)
		return error;
	if (length == 0)
		return refuse(request, "the path is missing; write unix:/path or unix:@name");
	if (path[0] == '@') {
		if (length == 1)
			return refuse(request, "the name behind '@' is missing");
		path[0] = '\0';
		endpoint.length = (socklen_t)(UNIX_HEADER + length);
	} else if (path[0] != '/') {
		return refuse(request, "'%s' is a relative path; write it from the root: unix:/path", path);
	} else {
		name = strrchr(path, '/') + 1;
		if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return refuse(request, "'%s' is a directory; write the path of a socket in it", path);
		endpoint.length = (socklen_t)(UNIX_HEADER + length + 1);
	}
	memcpy(endpoint.address.un.sun_path, path, length);
	return request->sink(request->context, &endpoint);
}

static int parse_vsock(const struct request *request, char *text)
{
	struct endpoint endpoint = { .kind = ENDPOINT_VSOCK, .length = sizeof(endpoint.address.vm) };
	char *colon = strchr(text, ':'), *port_text = colon != NULL ? colon + 1 : text;
	uint64_t cid = VMADDR_CID_ANY, port;

	if (colon != NULL) {
		*colon = '\0';
		if (parse_number(text, VMADDR_CID_ANY - 1U, &cid) != 0)
			return refuse(request,
				      "'%s' is not a context id of vsock (a number; vsock:PORT for any)",
				      text);
	}
	if (parse_number(port_text, VMADDR_PORT_ANY - 1U, &port) != 0 || port == 0)
		return refuse(request, "'%s' is not a port of vsock (1 to %u)", port_text,
			      VMADDR_PORT_ANY - 1U);
	endpoint.address.vm.svm_family = AF_VSOCK;
	endpoint.address.vm.svm_cid = (unsigned)cid;
	endpoint.address.vm.svm_port = (unsigned)port;
	return request->sink(request->context, &endpoint);
}

int endpoint_parse(const char *text, endpoint_sink *sink, void *context, char *reason, size_t size)
{
	struct request request = { .sink = sink, .context = context, .reason = reason, .size = size };
	char word[WORD_MAX];

	for (size_t i = 0; i < ELEMENTS(unix_kinds); i++) {
		size_t length = strlen(unix_kinds[i].prefix);

		if (strncmp(text, unix_kinds[i].prefix, length) == 0)
			return parse_unix(&request, unix_kinds[i].kind, text + length);
	}
	if (*text == '\0')
		return refuse(&request, "nothing to listen on; write a port, such as 7007");
	if (strlen(text) >= sizeof(word))
		return refuse(&request, "too long for an address and a port");
	if (*text == '/' || *text == '.')
		return refuse(&request, "a path needs its kind before it: write unix:/path");
	if (*text == '@')
		return refuse(&request, "an abstract name needs its kind before it: write unix:%s", text);
	if (strstr(text, "://") != NULL)
		return refuse(&request, "an endpoint is no URL; write ADDRESS:PORT or unix:/path");
	if (strstr(text, ":/") != NULL && *text != '[')
		return refuse(&request, "unknown kind of path; it is unix:, unix-dgram: or unix-seqpacket:");
	memcpy(word, text, strlen(text) + 1);
	if (strncmp(word, "vsock:", 6) == 0)
		return parse_vsock(&request, word + 6);
	return parse_ip(&request, word);
}
