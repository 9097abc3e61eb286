/* export-systemd-socket.c - the .socket unit of a service. */
#include "export-systemd.h"

#include "access.h"
#include "base.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- addresses ---- */

static bool is_any(const struct endpoint *endpoint, int family)
{
	if (endpoint->address.sa.sa_family != family)
		return false;
	return family == AF_INET ? endpoint->address.in.sin_addr.s_addr == INADDR_ANY :
				   IN6_IS_ADDR_UNSPECIFIED(&endpoint->address.in6.sin6_addr);
}

/* All addresses of the other family, at the same port. */
static bool has_twin(const struct endpoint_list *list, const struct endpoint *endpoint)
{
	int other = endpoint->address.sa.sa_family == AF_INET ? AF_INET6 : AF_INET;

	if (!endpoint_is_ip(endpoint) || !is_any(endpoint, endpoint->address.sa.sa_family))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == endpoint->kind && endpoint_is_ip(&list->items[i]) &&
		    is_any(&list->items[i], other) && list->items[i].address.in.sin_port == endpoint->address.in.sin_port)
			return true;
	return false;
}

/* Whether every [::] has its 0.0.0.0, so that one socket can be both. */
static bool all_twins(const struct endpoint_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (endpoint_is_ip(&list->items[i]) && is_any(&list->items[i], AF_INET6) &&
		    !has_twin(list, &list->items[i]))
			return false;
	return true;
}

static bool print_unix(const struct endpoint *endpoint, char *text, size_t size)
{
	const char *path = endpoint->address.un.sun_path;
	size_t length = endpoint->length - offsetof(struct sockaddr_un, sun_path);

	if (path[0] != '\0') {
		snprintf(text, size, "%s", path);
		return strpbrk(path, " \t") == NULL;
	}
	if (length < 2 || length >= size || memchr(path + 1, '\0', length - 1) != NULL)
		return false;
	snprintf(text, size, "@%.*s", (int)(length - 1), path + 1);
	return strpbrk(text, " \t") == NULL;
}

/* An address as units have it; false: they cannot. */
static bool print_address(const struct endpoint *endpoint, bool dual, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN] = "";
	unsigned port;

	if (endpoint_is_unix(endpoint))
		return print_unix(endpoint, text, size);
	if (endpoint->kind == ENDPOINT_VSOCK) {
		if (endpoint->address.vm.svm_cid == VMADDR_CID_ANY)
			snprintf(text, size, "vsock::%u", endpoint->address.vm.svm_port);
		else
			snprintf(text, size, "vsock:%u:%u", endpoint->address.vm.svm_cid, endpoint->address.vm.svm_port);
		return true;
	}
	port = ntohs(endpoint->address.in.sin_port);
	if (dual) {
		snprintf(text, size, "%u", port);
	} else if (endpoint->address.sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &endpoint->address.in.sin_addr, address, sizeof(address));
		snprintf(text, size, "%s:%u", address, port);
	} else {
		inet_ntop(AF_INET6, &endpoint->address.in6.sin6_addr, address, sizeof(address));
		snprintf(text, size, "[%s]:%u%s%s", address, port, endpoint->scope[0] != '\0' ? "%" : "", endpoint->scope);
	}
	return true;
}

static const char *kind_name(const struct endpoint *endpoint)
{
	if (endpoint->kind == ENDPOINT_UNIX_SEQPACKET)
		return "ListenSequentialPacket";
	return endpoint_is_stream(endpoint) ? "ListenStream" : "ListenDatagram";
}

static void write_listen(struct export *export)
{
	const struct endpoint_list *list = &export->service->listen;
	bool twins = all_twins(list), mptcp = false, tcp = false, v6 = false;

	for (size_t i = 0; i < list->count; i++) {
		const struct endpoint *endpoint = &list->items[i];
		bool dual = twins && has_twin(list, endpoint);
		char text[ENDPOINT_TEXT_MAX];

		mptcp = mptcp || endpoint->kind == ENDPOINT_MPTCP;
		tcp = tcp || endpoint->kind == ENDPOINT_TCP;
		v6 = v6 || (endpoint_is_ip(endpoint) && endpoint->address.sa.sa_family == AF_INET6);
		if (dual && endpoint->address.sa.sa_family == AF_INET)
			continue;
		if (!export->is_single && !endpoint_is_stream(endpoint))
			export_say(export, "listen", IMPORT_UNSUPPORTED,
				   "datagrams beside connections need a unit of their own; write a service for them");
		else if (!print_address(endpoint, dual, text, sizeof(text)) ||
			 !export_text(export, kind_name(endpoint), text))
			export_say(export, "listen", IMPORT_UNSUPPORTED, "a unit cannot name this socket");
	}
	if (v6)
		export_format(export, "BindIPv6Only=%s\n", twins ? "both" : "ipv6-only");
	if (mptcp)
		export_format(export, "SocketProtocol=mptcp\n");
	if (mptcp && tcp)
		export_say(export, "listen", IMPORT_APPROXIMATED, "all sockets of a unit are of one protocol: MPTCP");
}

/* ---- options ---- */

static void write_ip_options(struct export *export)
{
	const struct socket_options *socket = &export->service->socket;
	bool is_ip = false, is_tcp = false;

	for (size_t i = 0; i < export->service->listen.count; i++) {
		const struct endpoint *endpoint = &export->service->listen.items[i];

		is_ip = is_ip || endpoint_is_ip(endpoint);
		is_tcp = is_tcp || (endpoint_is_ip(endpoint) && endpoint_is_stream(endpoint));
	}
	if (is_ip && socket->interface != NULL && socket->interface[0] != '\0' &&
	    !export_text(export, "BindToDevice", socket->interface))
		export_say(export, "interface", IMPORT_UNSUPPORTED, "a unit cannot name this interface");
	if (is_ip && socket->freebind)
		export_format(export, "FreeBind=yes\n");
	if (is_tcp && socket->keepalive_ns > 0) {
		export_format(export, "KeepAlive=yes\n");
		export_time(export, "KeepAliveTimeSec", socket->keepalive_ns);
	}
	if (is_tcp && socket->nodelay)
		export_format(export, "NoDelay=yes\n");
	if (is_tcp && socket->defer_accept_ns > 0)
		export_time(export, "DeferAcceptSec", socket->defer_accept_ns);
}

static void write_file_options(struct export *export)
{
	const struct socket_options *socket = &export->service->socket;
	bool has_file = false;

	for (size_t i = 0; i < export->service->listen.count; i++)
		has_file = has_file || endpoint_has_path(&export->service->listen.items[i]);
	if (!has_file)
		return;
	if (socket->socket_uid != (uid_t)-1)
		export_format(export, "SocketUser=%ju\n", (uintmax_t)socket->socket_uid);
	if (socket->socket_gid != (gid_t)-1)
		export_format(export, "SocketGroup=%ju\n", (uintmax_t)socket->socket_gid);
	export_format(export, "SocketMode=%04o\nRemoveOnStop=yes\n", (unsigned)socket->socket_mode);
}

/* How many, and how fast. */
static void write_limits(struct export *export)
{
	const struct gate_limits *limits = &export->service->limits;

	if (!export->is_single) {
		export_format(export, "MaxConnections=%u\n", limits->instances);
		if (limits->per_source > 0)
			export_format(export, "MaxConnectionsPerSource=%u\n", limits->per_source);
	}
	if (limits->rate.count == 0) {
		export_format(export, "TriggerLimitIntervalSec=0\n");
		return;
	}
	export_time(export, "TriggerLimitIntervalSec", limits->rate.per_ns);
	export_format(export, "TriggerLimitBurst=%u\n", limits->rate.count);
	export_say(export, "rate", IMPORT_APPROXIMATED,
		   "a socket unit that is started more often fails, and stays so until somebody starts it again");
}

/* ---- who may ---- */

static void write_rules(struct export *export, const char *key, const char *name, const struct conf_access_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct access_rule *rule = &list->rules[i];
		char text[ACCESS_TEXT_MAX];

		if (rule->kind == ACCESS_ALL)
			export_format(export, "%s=any\n", name);
		else if (rule->kind == ACCESS_IPV4 || rule->kind == ACCESS_IPV6)
			export_format(export, "%s=%s\n", name, access_print(rule, text));
		else if (rule->kind == ACCESS_FILE)
			export_say(export, key, IMPORT_UNSUPPORTED,
				   "a unit takes no rules from a file; write them into %s=", name);
		else
			export_say(export, key, IMPORT_UNSUPPORTED,
				   "systemd judges addresses only; users are kept out by the mode of a socket's file");
	}
	if (list->count > 0)
		export_say(export, key, IMPORT_APPROXIMATED,
			   "packets are filtered, not clients refused, and what is allowed wins over what is denied");
}

static bool allows_all(const struct conf_access_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->rules[i].kind == ACCESS_ALL)
			return true;
	return false;
}

static void write_access(struct export *export)
{
	const struct conf_service *service = export->service;

	/* There who is neither allowed nor denied comes in, and who is allowed is never denied. */
	if (!allows_all(&service->allow))
		write_rules(export, "allow", "IPAddressAllow", &service->allow);
	if (service->allow.count > 0 && !allows_all(&service->allow))
		export_format(export, "IPAddressDeny=any\n");
	write_rules(export, "deny", "IPAddressDeny", &service->deny);
}

void export_socket_unit(struct export *export)
{
	const struct conf_service *service = export->service;
	const struct socket_options *socket = &service->socket;

	export_format(export, "[Unit]\n");
	if (!export_text(export, "Description", service->description[0] != '\0' ? service->description : service->name))
		export_say(export, "description", IMPORT_UNSUPPORTED, "a unit cannot hold this text");
	export_format(export, "\n[Socket]\n");
	write_listen(export);
	export_format(export, "Accept=%s\n", export->is_single ? "no" : "yes");
	write_limits(export);
	write_access(export); /* that of [Service] is not for clients: systemd.resource-control(5) */
	export_format(export, "Backlog=%u\n", socket->backlog);
	if (socket->rcvbuf > 0)
		export_format(export, "ReceiveBuffer=%ju\n", (uintmax_t)socket->rcvbuf);
	if (socket->sndbuf > 0)
		export_format(export, "SendBuffer=%ju\n", (uintmax_t)socket->sndbuf);
	write_ip_options(export);
	write_file_options(export);
	export_format(export, "\n[Install]\nWantedBy=sockets.target\n");
}
