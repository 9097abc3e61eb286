/* spawn-env.c - environment variables, named as UCSPI (tcpserver, s6,
 * unixserver), systemd and xinetd name them, all at once, so that a program
 * written for any of them finds what it looks for. Names that do not apply are
 * absent. Writes into room that was taken before: nothing is allocated. */
#include "spawn-env.h"

#include "base.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PID_TEXT_MAX 12

/* Adds NAME=value. What does not fit is a mistake in SPAWN_ENV_TEXT, not in a
 * configuration: every value is bounded. */
static _printf_(2, 3) void add(struct spawn_env *environment, const char *format, ...)
{
	size_t left = sizeof(environment->text) - environment->used;
	char *text = environment->text + environment->used;
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(text, left, format, arguments);
	va_end(arguments);

	if (length < 0 || (size_t)length >= left || environment->count + 1 >= environment->room)
		BUG("no room for an environment variable");
	environment->names[environment->count++] = text;
	environment->used += (size_t)length + 1;
}

/* PROTO=TCP, TCPLOCALIP, TCPREMOTEPORT ... */
static void add_ip(struct spawn_env *environment, const char *protocol, const struct spawn_request *request)
{
	char text[PEER_TEXT_MAX];

	add(environment, "PROTO=%s", protocol);
	add(environment, "%sLOCALIP=%s", protocol, peer_print_address(request->local, text));
	add(environment, "%sLOCALPORT=%u", protocol, request->local->port);
	if (request->kind == SPAWN_WAIT)
		return;
	peer_print_address(request->peer, text);
	add(environment, "%sREMOTEIP=%s", protocol, text);
	add(environment, "%sREMOTEPORT=%u", protocol, request->peer->port);
	add(environment, "REMOTE_ADDR=%s", text);
	add(environment, "REMOTE_HOST=%s", text);
	add(environment, "REMOTE_PORT=%u", request->peer->port);
}

static void add_unix(struct spawn_env *environment, const struct spawn_request *request)
{
	const struct endpoint *endpoint = request->endpoint;

	add(environment, "PROTO=UNIX");
	if (endpoint_has_path(endpoint)) {
		add(environment, "UNIXLOCALPATH=%s", endpoint->address.un.sun_path);
		add(environment, "IPCLOCALPATH=%s", endpoint->address.un.sun_path);
	}
	/* The sender of a datagram is not known. */
	if (request->kind == SPAWN_WAIT || request->peer->family != PEER_UNIX ||
	    request->peer->unix_peer.uid == (uid_t)-1)
		return;
	add(environment, "UNIXREMOTEEUID=%u", request->peer->unix_peer.uid);
	add(environment, "UNIXREMOTEEGID=%u", request->peer->unix_peer.gid);
	add(environment, "UNIXREMOTEPID=%d", request->peer->unix_peer.pid);
	add(environment, "IPCREMOTEEUID=%u", request->peer->unix_peer.uid);
	add(environment, "IPCREMOTEEGID=%u", request->peer->unix_peer.gid);
}

static void add_vsock(struct spawn_env *environment, const struct spawn_request *request)
{
	add(environment, "PROTO=VSOCK");
	if (request->kind == SPAWN_WAIT || request->peer->family != PEER_VSOCK)
		return;
	add(environment, "VSOCKREMOTECID=%u", request->peer->vsock.cid);
	add(environment, "VSOCKREMOTEPORT=%u", request->peer->vsock.port);
}

/* sd_listen_fds(3): one socket, at descriptor 3. Only the child knows its pid,
 * so it gets a place to write it. */
static void add_listen(struct spawn_env *environment)
{
	add(environment, "LISTEN_FDS=1");
	add(environment, "LISTEN_PID=%*s", PID_TEXT_MAX - 1, "");
	environment->pid_text = environment->names[environment->count - 1] + strlen("LISTEN_PID=");
}

/* Whether a variable has the name of one of these. */
static bool is_overridden(const char *variable, const struct spawn_warm *warm)
{
	size_t length = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < warm->variable_count; i++)
		if (strncmp(warm->variables[i], variable, length) == 0)
			return true;
	return false;
}

/* Of a fork server: there is no client to tell about. */
static void build_warm(struct spawn_env *environment, const struct conf_words *fixed,
		       const struct spawn_warm *warm)
{
	environment->count = 0;
	for (size_t i = 0; i < fixed->count; i++)
		if (!is_overridden(fixed->items[i], warm))
			environment->names[environment->count++] = fixed->items[i];
	for (size_t i = 0; i < warm->variable_count; i++)
		environment->names[environment->count++] = warm->variables[i];
	environment->pid_text = warm->pid_text;
	environment->names[environment->count] = NULL;
}

void spawn_env_build(struct spawn_env *environment, const struct spawn_request *request)
{
	const struct conf_words *fixed = &request->service->environment;

	environment->used = 0;
	environment->pid_text = NULL;
	environment->count = fixed->count;
	if (fixed->count + SPAWN_ENV_NAMES >= environment->room)
		BUG("spawn_reserve() was not called for this configuration");
	if (request->kind == SPAWN_WARM) {
		build_warm(environment, fixed, request->warm);
		return;
	}
	memcpy(environment->names, fixed->items, fixed->count * sizeof(char *));

	add(environment, "USHERD_SESSION=%" PRIu64, request->session);
	switch (request->endpoint->kind) {
	case ENDPOINT_TCP:
	case ENDPOINT_MPTCP:
		add_ip(environment, "TCP", request);
		break;
	case ENDPOINT_UDP:
		add_ip(environment, "UDP", request);
		if (environment->udp_ports[0] != '\0')
			add(environment, "USHERD_UDP_PORTS=%s", environment->udp_ports);
		break;
	case ENDPOINT_UNIX_STREAM:
	case ENDPOINT_UNIX_DGRAM:
	case ENDPOINT_UNIX_SEQPACKET:
		add_unix(environment, request);
		break;
	case ENDPOINT_VSOCK:
		add_vsock(environment, request);
		break;
	}
	if (request->kind == SPAWN_WAIT)
		add_listen(environment);
	environment->names[environment->count] = NULL;
}
