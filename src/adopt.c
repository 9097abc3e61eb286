/* adopt.c - see adopt.h. Each descriptor becomes the endpoint that would have
 * opened it, and endpoints are looked up in a hash table, since an upgrade may
 * pass ten thousand of them.
 *
 * An interface of a scoped address is compared by its number: the kernel knows
 * no name that was written. */
#include "adopt.h"

#include "base.h"
#include "libc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define UNIX_HEADER offsetof(struct sockaddr_un, sun_path)

struct passed {
	struct endpoint endpoint; /* scope empty, sin6_scope_id filled in */
	int fd;                   /* -1: taken */
	bool dual;                /* IPv6 that takes IPv4 clients as well */
	struct passed *next;      /* of the same bucket */
};

struct adopted {
	struct passed *items;
	size_t count, odd, taken;
	struct passed **buckets;
	size_t bucket_count; /* a power of two */
};

/* ---- what a descriptor is ---- */

static int get_int(int fd, int level, int option)
{
	socklen_t length = sizeof(int);
	int value;

	return getsockopt(fd, level, option, &value, &length) == 0 ? value : -1;
}

static int ip_kind(int type, int protocol, enum endpoint_kind *ret_kind)
{
	if (type == SOCK_STREAM && protocol == IPPROTO_TCP)
		*ret_kind = ENDPOINT_TCP;
	else if (type == SOCK_STREAM && protocol == IPPROTO_MPTCP)
		*ret_kind = ENDPOINT_MPTCP;
	else if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
		*ret_kind = ENDPOINT_UDP;
	else
		return -EPROTONOSUPPORT;
	return 0;
}

static int unix_kind(int type, enum endpoint_kind *ret_kind)
{
	switch (type) {
	case SOCK_STREAM:
		*ret_kind = ENDPOINT_UNIX_STREAM;
		return 0;
	case SOCK_DGRAM:
		*ret_kind = ENDPOINT_UNIX_DGRAM;
		return 0;
	case SOCK_SEQPACKET:
		*ret_kind = ENDPOINT_UNIX_SEQPACKET;
		return 0;
	default:
		return -EPROTONOSUPPORT;
	}
}

static int ip_endpoint(const struct sockaddr *address, struct endpoint *endpoint)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		endpoint->address.in.sin_family = AF_INET;
		endpoint->address.in.sin_port = in->sin_port;
		endpoint->address.in.sin_addr = in->sin_addr;
		endpoint->length = sizeof(*in);
		return in->sin_port != 0 ? 0 : -EADDRNOTAVAIL;
	}

	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

	endpoint->address.in6.sin6_family = AF_INET6;
	endpoint->address.in6.sin6_port = in6->sin6_port;
	endpoint->address.in6.sin6_addr = in6->sin6_addr;
	endpoint->address.in6.sin6_scope_id = in6->sin6_scope_id;
	endpoint->length = sizeof(*in6);
	return in6->sin6_port != 0 ? 0 : -EADDRNOTAVAIL;
}

/* Only names that a configuration can have: absolute paths, and abstract ones. */
static int unix_endpoint(const struct sockaddr_un *un, socklen_t length, struct endpoint *endpoint)
{
	size_t size = length > UNIX_HEADER ? length - UNIX_HEADER : 0;

	if (size < 2 || size > sizeof(un->sun_path))
		return -EADDRNOTAVAIL;
	if (un->sun_path[0] != '\0') {
		size = strnlen(un->sun_path, size) + 1;
		if (un->sun_path[0] != '/' || size > sizeof(un->sun_path))
			return -EADDRNOTAVAIL;
		memcpy(endpoint->address.un.sun_path, un->sun_path, size - 1);
	} else {
		memcpy(endpoint->address.un.sun_path, un->sun_path, size);
	}
	endpoint->address.un.sun_family = AF_UNIX;
	endpoint->length = (socklen_t)(UNIX_HEADER + size);
	return 0;
}

static void vsock_endpoint(const struct sockaddr_vm *vm, struct endpoint *endpoint)
{
	endpoint->kind = ENDPOINT_VSOCK;
	endpoint->address.vm.svm_family = AF_VSOCK;
	endpoint->address.vm.svm_cid = vm->svm_cid;
	endpoint->address.vm.svm_port = vm->svm_port;
	endpoint->length = sizeof(*vm);
}

/* Whether it waits for clients: a stream that listens; a datagram socket without
 * a peer, as one with a peer hears nobody else. */
static bool waits_for_clients(int fd, int type)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (type == SOCK_DGRAM)
		return getpeername(fd, (struct sockaddr *)&peer, &length) < 0;
	return get_int(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

static int recognise(int fd, struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = { .kind = ENDPOINT_TCP };
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_vm vm;
		struct sockaddr_storage storage;
	} own = { .storage = { 0 } };
	socklen_t length = sizeof(own);
	int type = get_int(fd, SOL_SOCKET, SO_TYPE), r;

	if (type < 0 || getsockname(fd, &own.sa, &length) < 0 || !waits_for_clients(fd, type))
		return -ENOTSOCK;
	switch (own.sa.sa_family) {
	case AF_INET:
	case AF_INET6:
		r = ip_kind(type, get_int(fd, SOL_SOCKET, SO_PROTOCOL), &endpoint.kind);
		if (r == 0)
			r = ip_endpoint(&own.sa, &endpoint);
		break;
	case AF_UNIX:
		r = unix_kind(type, &endpoint.kind);
		if (r == 0)
			r = unix_endpoint(&own.un, length, &endpoint);
		break;
	case AF_VSOCK:
		r = type == SOCK_STREAM ? 0 : -EPROTONOSUPPORT;
		vsock_endpoint(&own.vm, &endpoint);
		break;
	default:
		r = -EAFNOSUPPORT;
		break;
	}
	if (r == 0)
		*ret_endpoint = endpoint;
	return r;
}

static bool is_dual(int fd, const struct endpoint *endpoint)
{
	return endpoint->address.sa.sa_family == AF_INET6 && get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
}

/* ---- the table ---- */

static struct passed **bucket_of(const struct adopted *adopted, const struct endpoint *endpoint)
{
	return &adopted->buckets[endpoint_hash(endpoint) & (adopted->bucket_count - 1)];
}

/* In the order they were passed: the first of two is found first. */
static void link_item(struct adopted *adopted, struct passed *item)
{
	struct passed **place = bucket_of(adopted, &item->endpoint);

	while (*place != NULL)
		place = &(*place)->next;
	item->next = NULL;
	*place = item;
}

static void unlink_item(struct adopted *adopted, struct passed *item)
{
	struct passed **place = bucket_of(adopted, &item->endpoint);

	while (*place != item)
		place = &(*place)->next;
	*place = item->next;
}

static void add(struct adopted *adopted, int fd, const struct endpoint *endpoint)
{
	struct passed *item = &adopted->items[adopted->count++];

	*item = (struct passed){ .endpoint = *endpoint, .fd = fd, .dual = is_dual(fd, endpoint) };
	link_item(adopted, item);
}

int adopted_new(int first, size_t count, struct adopted **ret_adopted)
{
	struct adopted *adopted = calloc(1, sizeof(*adopted));
	size_t buckets = 16;

	while (buckets < count)
		buckets *= 2;
	if (adopted != NULL) {
		adopted->items = calloc(count + 1, sizeof(*adopted->items));
		adopted->buckets = calloc(buckets, sizeof(*adopted->buckets));
		adopted->bucket_count = buckets;
	}
	if (adopted == NULL || adopted->items == NULL || adopted->buckets == NULL) {
		if (count > 0)
			libc_close_range((unsigned)first, (unsigned)first + (unsigned)count - 1);
		adopted_free(adopted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		int fd = first + (int)i;
		struct endpoint endpoint;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && recognise(fd, &endpoint) == 0) {
			add(adopted, fd, &endpoint);
			continue;
		}
		close(fd);
		adopted->odd++;
	}
	*ret_adopted = adopted;
	return 0;
}

void adopted_name(struct adopted *adopted, int fd, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < adopted->count; i++) {
		struct passed *item = &adopted->items[i];

		if (item->fd != fd)
			continue;
		unlink_item(adopted, item);
		item->endpoint = *endpoint;
		link_item(adopted, item);
		return;
	}
}

void adopted_free(struct adopted *adopted)
{
	if (adopted == NULL)
		return;
	for (size_t i = 0; i < adopted->count; i++)
		cleanup_fd(&adopted->items[i].fd);
	free(adopted->items);
	free(adopted->buckets);
	free(adopted);
}

/* An endpoint as recognise() would have made it; false: its interface is not there. */
static bool resolve(const struct endpoint *endpoint, struct endpoint *ret_resolved)
{
	struct endpoint resolved = *endpoint;

	if (endpoint->scope[0] != '\0') {
		resolved.address.in6.sin6_scope_id = if_nametoindex(endpoint->scope);
		memset(resolved.scope, 0, sizeof(resolved.scope));
		if (resolved.address.in6.sin6_scope_id == 0)
			return false;
	}
	*ret_resolved = resolved;
	return true;
}

int adopted_take(struct adopted *adopted, const struct endpoint *endpoint)
{
	struct endpoint wanted;

	if (!resolve(endpoint, &wanted))
		return -1;
	for (struct passed *item = *bucket_of(adopted, &wanted); item != NULL; item = item->next) {
		if (item->fd < 0 || item->endpoint.kind != wanted.kind ||
		    !endpoint_equal(&item->endpoint, &wanted))
			continue;
		adopted->taken++;
		return fd_take(&item->fd);
	}
	return -1;
}

size_t adopted_count_taken(const struct adopted *adopted)
{
	return adopted->taken;
}

/* ---- what is told of them ---- */

static const char *print(const struct passed *item, char text[static ENDPOINT_TEXT_MAX])
{
	struct endpoint named = item->endpoint;

	if (named.address.sa.sa_family == AF_INET6 && named.address.in6.sin6_scope_id != 0)
		(void)if_indextoname(named.address.in6.sin6_scope_id, named.scope);
	return endpoint_print(&named, text);
}

/* The wildcard of IPv6 on the same port, when it takes IPv4 as well. */
static const struct passed *find_dual(const struct adopted *adopted, const struct endpoint *endpoint)
{
	struct endpoint both = { .kind = endpoint->kind,
				 .length = sizeof(both.address.in6),
				 .address.in6 = { .sin6_family = AF_INET6,
						  .sin6_port = endpoint->address.in.sin_port } };

	if (endpoint->address.sa.sa_family != AF_INET)
		return NULL;
	for (const struct passed *item = *bucket_of(adopted, &both); item != NULL; item = item->next)
		if (item->dual && endpoint_equal(&item->endpoint, &both))
			return item;
	return NULL;
}

bool adopted_explain(const struct adopted *adopted, const struct endpoint *endpoint, char *reason,
		     size_t size)
{
	const struct passed *dual = find_dual(adopted, endpoint);
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint wanted;

	if (dual != NULL) {
		snprintf(reason, size,
			 "the passed socket %s serves IPv4 as well; write BindIPv6Only=ipv6-only into the "
			 "socket unit and pass both, or listen on [::] only",
			 print(dual, text));
		return true;
	}
	if (!resolve(endpoint, &wanted))
		return false;
	for (const struct passed *item = *bucket_of(adopted, &wanted); item != NULL; item = item->next) {
		if (!endpoint_equal(&item->endpoint, &wanted))
			continue;
		snprintf(reason, size, "it was passed as %s; make the two agree", print(item, text));
		return true;
	}
	return false;
}

size_t adopted_left(const struct adopted *adopted, char (*texts)[ENDPOINT_TEXT_MAX], size_t most,
		    size_t *ret_told)
{
	size_t left = adopted->odd, told = 0;

	for (size_t i = 0; i < adopted->count; i++) {
		if (adopted->items[i].fd < 0)
			continue;
		left++;
		if (told < most)
			print(&adopted->items[i], texts[told++]);
	}
	*ret_told = told;
	return left;
}
