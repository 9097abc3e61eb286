/* gate.h - admission: may this client be served now? Counters in, a verdict
 * with one reason word out. No system calls, no clock of its own, O(1).
 *
 * Slots are taken and given back by one pair of functions; what is taken always
 * equals the number of live sessions. */
#ifndef USHERD_GATE_H
#define USHERD_GATE_H

#include "peer.h"

#include <stdbool.h>
#include <stdint.h>

enum gate_reason {
	GATE_ADMIT,
	GATE_INSTANCES,    /* the service has as many sessions as it may */
	GATE_MAX_SESSIONS, /* the daemon has */
	GATE_LOOP,         /* a datagram whose source port is one of our own services */
	GATE_REASONS
};

/* What the gate keeps of each service. */
struct gate_service {
	unsigned active, instances;
};

/* One bit a UDP port: 8 KiB, set anew with each configuration. */
#define GATE_PORTS 65536

struct gate {
	unsigned active, max_sessions;
	uint8_t own_ports[GATE_PORTS / 8];
};

/* Whether there is room for one more session of the service, and of any. */
enum gate_reason gate_room(const struct gate *gate, const struct gate_service *service);
bool gate_has_room(const struct gate *gate);

/* Takes or gives back the slot of one session. Giving back what was not taken
 * is a BUG. */
void gate_take(struct gate *gate, struct gate_service *service);
void gate_give(struct gate *gate, struct gate_service *service);

/* The UDP ports that this daemon serves. A datagram from one of them would set
 * two services talking to each other for ever (CVE-1999-0103, CVE-2024-2169). */
void gate_own_ports_clear(struct gate *gate);
void gate_own_port_add(struct gate *gate, uint16_t port);
/* The ports as text, for programs that answer datagrams: "7,19,7007-7009". What
 * does not fit is left out. Returns `text`. */
#define GATE_PORTS_TEXT 512
const char *gate_own_ports_print(const struct gate *gate, char text[static GATE_PORTS_TEXT]);

enum gate_reason gate_datagram(const struct gate *gate, const struct peer *peer);

/* "instances", "max_sessions", "loop": the word that stands in the log. */
const char *gate_reason_name(enum gate_reason reason);

#endif
