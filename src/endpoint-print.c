/* endpoint-print.c - prints endpoints in their canonical form, and compares them.
 * The spelling of the kinds is that of endpoint.c; a test reads back what is
 * printed here. */
#include "endpoint.h"

#include "base.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define UNIX_HEADER offsetof(struct sockaddr_un, sun_path)

static_assert(ENDPOINT_TEXT_MAX > sizeof("unix-seqpacket:") + 4 * UNIX_PATH_MAX, "each byte may be escaped");

/* Appends a path or name; what a list or a terminal would take apart is escaped. */
static void print_path(char *text, const struct endpoint *endpoint)
{
	const struct sockaddr_un *un = &endpoint->address.un;
	bool abstract = !endpoint_has_path(endpoint);
	size_t length = endpoint->length - UNIX_HEADER;

	if (abstract)
		*text++ = '@';
	else
		length = strnlen(un->sun_path, length);
	for (size_t i = abstract ? 1 : 0; i < length; i++) {
		unsigned char byte = (unsigned char)un->sun_path[i];

		if (byte > ' ' && byte < 0x7f && strchr("\\,\"';#", byte) == NULL)
			*text++ = (char)byte;
		else
			text += sprintf(text, "\\x%02x", byte);
	}
	*text = '\0';
}

static void print_vsock(char *text, const struct sockaddr_vm *vm)
{
	if (vm->svm_cid == VMADDR_CID_ANY)
		snprintf(text, ENDPOINT_TEXT_MAX, "vsock:%u", vm->svm_port);
	else
		snprintf(text, ENDPOINT_TEXT_MAX, "vsock:%u:%u", vm->svm_cid, vm->svm_port);
}

static void print_ip(char *text, const struct endpoint *endpoint, const char *suffix)
{
	const char *percent = endpoint->scope[0] != '\0' ? "%" : "";
	char host[INET6_ADDRSTRLEN];

	if (endpoint->address.sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &endpoint->address.in.sin_addr, host, sizeof(host));
		snprintf(text, ENDPOINT_TEXT_MAX, "%s:%d%s", host, ntohs(endpoint->address.in.sin_port),
			 suffix);
	} else {
		inet_ntop(AF_INET6, &endpoint->address.in6.sin6_addr, host, sizeof(host));
		snprintf(text, ENDPOINT_TEXT_MAX, "[%s%s%s]:%d%s", host, percent, endpoint->scope,
			 ntohs(endpoint->address.in6.sin6_port), suffix);
	}
}

const char *endpoint_print(const struct endpoint *endpoint, char text[static ENDPOINT_TEXT_MAX])
{
	switch (endpoint->kind) {
	case ENDPOINT_TCP:
		print_ip(text, endpoint, "");
		break;
	case ENDPOINT_MPTCP:
		print_ip(text, endpoint, "/mptcp");
		break;
	case ENDPOINT_UDP:
		print_ip(text, endpoint, "/udp");
		break;
	case ENDPOINT_UNIX_STREAM:
		print_path(stpcpy(text, "unix:"), endpoint);
		break;
	case ENDPOINT_UNIX_DGRAM:
		print_path(stpcpy(text, "unix-dgram:"), endpoint);
		break;
	case ENDPOINT_UNIX_SEQPACKET:
		print_path(stpcpy(text, "unix-seqpacket:"), endpoint);
		break;
	case ENDPOINT_VSOCK:
		print_vsock(text, &endpoint->address.vm);
		break;
	}
	return text;
}

bool endpoint_is_stream(const struct endpoint *endpoint)
{
	return endpoint->kind != ENDPOINT_UDP && endpoint->kind != ENDPOINT_UNIX_DGRAM;
}

bool endpoint_is_ip(const struct endpoint *endpoint)
{
	return endpoint->kind == ENDPOINT_TCP || endpoint->kind == ENDPOINT_MPTCP ||
	       endpoint->kind == ENDPOINT_UDP;
}

bool endpoint_is_unix(const struct endpoint *endpoint)
{
	return endpoint->kind == ENDPOINT_UNIX_STREAM || endpoint->kind == ENDPOINT_UNIX_DGRAM ||
	       endpoint->kind == ENDPOINT_UNIX_SEQPACKET;
}

bool endpoint_has_path(const struct endpoint *endpoint)
{
	return endpoint_is_unix(endpoint) && endpoint->length > UNIX_HEADER &&
	       endpoint->address.un.sun_path[0] != '\0';
}

/* The name space of the address: equal bytes in two of them do not collide.
 * Paths are of the file system, whatever the type; the kernel keeps abstract
 * names by type. */
static enum endpoint_kind name_space(const struct endpoint *endpoint)
{
	if (endpoint->kind == ENDPOINT_MPTCP)
		return ENDPOINT_TCP;
	return endpoint_has_path(endpoint) ? ENDPOINT_UNIX_STREAM : endpoint->kind;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	/* a path and an abstract name differ in their first byte */
	return name_space(a) == name_space(b) && a->length == b->length &&
	       memcmp(&a->address, &b->address, a->length) == 0 && strcmp(a->scope, b->scope) == 0;
}

static unsigned hash_bytes(unsigned hash, const void *bytes, size_t length)
{
	for (const unsigned char *byte = bytes; length > 0; byte++, length--)
		hash = (hash ^ *byte) * 16777619U;
	return hash;
}

unsigned endpoint_hash(const struct endpoint *endpoint)
{
	unsigned hash = (2166136261U ^ (unsigned)name_space(endpoint)) * 16777619U;

	hash = hash_bytes(hash, &endpoint->address, endpoint->length);
	return hash_bytes(hash, endpoint->scope, strlen(endpoint->scope));
}
