/* log-address.h - how much of a client's address the log tells. */
#ifndef USHERD_LOG_ADDRESS_H
#define USHERD_LOG_ADDRESS_H

#include "log.h"
#include "peer.h"

/* Returns `text`: LOG_ADDRESS_FULL as peer_print(); LOG_ADDRESS_PREFIX its network, 192.0.2.0/24 or
 * 2001:db8:7::/48, without the port; LOG_ADDRESS_HASH a number that stays the same for one address (the port does
 * not count) as long as the key does: "#0123456789abcdef"; LOG_ADDRESS_NONE "-". */
const char *log_address_print(enum log_address how, const uint64_t key[static 2], const struct peer *peer,
			      char text[static PEER_TEXT_MAX]);

#endif
