/* gate.c - admission decisions. Pure: everything it knows is passed in, so that
 * each branch can be tested without a socket. */
#include "gate.h"

#include "base.h"

#include <string.h>

static const char *const reason_names[] = {
	[GATE_ADMIT] = "admit",
	[GATE_INSTANCES] = "instances",
	[GATE_MAX_SESSIONS] = "max_sessions",
	[GATE_LOOP] = "loop",
};
_Static_assert(ELEMENTS(reason_names) == GATE_REASONS, "each reason has a name");

const char *gate_reason_name(enum gate_reason reason)
{
	return reason_names[reason];
}

bool gate_has_room(const struct gate *gate)
{
	return gate->active < gate->max_sessions;
}

enum gate_reason gate_room(const struct gate *gate, const struct gate_service *service)
{
	if (service->active >= service->instances)
		return GATE_INSTANCES;
	if (!gate_has_room(gate))
		return GATE_MAX_SESSIONS;
	return GATE_ADMIT;
}

void gate_take(struct gate *gate, struct gate_service *service)
{
	gate->active++;
	service->active++;
}

void gate_give(struct gate *gate, struct gate_service *service)
{
	if (gate->active == 0 || service->active == 0)
		BUG("a session slot was given back twice");
	gate->active--;
	service->active--;
}

void gate_own_ports_clear(struct gate *gate)
{
	memset(gate->own_ports, 0, sizeof(gate->own_ports));
}

void gate_own_port_add(struct gate *gate, uint16_t port)
{
	gate->own_ports[port / 8] |= (uint8_t)(1u << (port % 8));
}

static bool is_own(const struct gate *gate, unsigned port)
{
	return port < GATE_PORTS && (gate->own_ports[port / 8] & (1u << (port % 8))) != 0;
}

const char *gate_own_ports_print(const struct gate *gate, char text[static GATE_PORTS_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned port = 0; port < GATE_PORTS; port++) {
		unsigned last = port;
		char item[16];

		if (!is_own(gate, port))
			continue;
		while (is_own(gate, last + 1))
			last++;

		int length = last == port ?
				     snprintf(item, sizeof(item), "%s%u", used > 0 ? "," : "", port) :
				     snprintf(item, sizeof(item), "%s%u-%u", used > 0 ? "," : "", port, last);

		if (used + (size_t)length >= GATE_PORTS_TEXT)
			break;
		memcpy(text + used, item, (size_t)length + 1);
		used += (size_t)length;
		port = last;
	}
	return text;
}

enum gate_reason gate_datagram(const struct gate *gate, const struct peer *peer)
{
	if (peer->family != PEER_IPV4 && peer->family != PEER_IPV6)
		return GATE_ADMIT;
	return is_own(gate, peer->port) ? GATE_LOOP : GATE_ADMIT;
}
