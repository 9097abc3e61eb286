/* log-address.c - see log-address.h. */
#include "log-address.h"

#include "siphash.h"

#include <inttypes.h>
#include <stdio.h>

#define BITS_IPV4 24
#define BITS_IPV6 48

static void print_network(const struct peer *peer, char text[static PEER_TEXT_MAX])
{
	struct peer network = { .family = peer->family };
	char address[PEER_TEXT_MAX];
	struct peer_key key;

	switch (peer->family) {
	case PEER_NONE:
		snprintf(text, PEER_TEXT_MAX, "-");
		return;
	case PEER_UNIX:
		snprintf(text, PEER_TEXT_MAX, "unix");
		return;
	case PEER_VSOCK:
		snprintf(text, PEER_TEXT_MAX, "vsock");
		return;
	case PEER_IPV4:
	case PEER_IPV6:
		break;
	}
	peer_key(peer, BITS_IPV4, BITS_IPV6, &key);
	for (size_t i = 0; i < sizeof(network.ip); i++)
		network.ip[i] = key.bytes[i];
	snprintf(text, PEER_TEXT_MAX, "%.60s/%d", peer_print_address(&network, address),
		 peer->family == PEER_IPV4 ? BITS_IPV4 : BITS_IPV6);
}

static void print_hash(const uint64_t key[static 2], const struct peer *peer, char text[static PEER_TEXT_MAX])
{
	struct peer_key source;
	unsigned char bytes[1 + sizeof(source.bytes)];

	peer_key(peer, 32, 128, &source);
	bytes[0] = source.family;
	for (size_t i = 0; i < sizeof(source.bytes); i++)
		bytes[i + 1] = source.bytes[i];
	snprintf(text, PEER_TEXT_MAX, "#%016" PRIx64, siphash(key, bytes, sizeof(bytes)));
}

const char *log_address_print(enum log_address how, const uint64_t key[static 2], const struct peer *peer,
			      char text[static PEER_TEXT_MAX])
{
	switch (how) {
	case LOG_ADDRESS_FULL:
		return peer_print(peer, text);
	case LOG_ADDRESS_PREFIX:
		print_network(peer, text);
		break;
	case LOG_ADDRESS_HASH:
		print_hash(key, peer, text);
		break;
	case LOG_ADDRESS_NONE:
		snprintf(text, PEER_TEXT_MAX, "-");
		break;
	}
	return text;
}
