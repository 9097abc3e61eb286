/* listen.c - opens listening sockets and keeps their options.
 *
 * What a socket needs before bind(2) is set by prepare(), what can change while
 * it is open by tune(), which listen_adjust() calls again after a reload. The
 * files of Unix sockets are listen-unix.c's. Never set: SO_REUSEPORT, and
 * SO_REUSEADDR on anything but TCP, as both would let another program take
 * part of our clients. */
#include "listen.h"

#include "base.h"
#include "listen-unix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

#define PRIVILEGED_PORTS 1024

/* After the idle time: a probe every quarter of it, but at most 75 s apart, the kernel's
 * own figure; the peer is given up after this many unanswered ones. */
#define KEEPALIVE_PROBES 5
#define KEEPALIVE_INTERVAL_MAX 75
#define KEEPALIVE_IDLE_MAX 32767 /* of the kernel */

static _printf_(3, 4) int refuse(char reason[static LISTEN_REASON_MAX], int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, LISTEN_REASON_MAX, format, arguments);
	va_end(arguments);
	return -error;
}

static bool is_tcp(const struct endpoint *endpoint)
{
	return endpoint->kind == ENDPOINT_TCP || endpoint->kind == ENDPOINT_MPTCP;
}

static int socket_type(const struct endpoint *endpoint)
{
	if (!endpoint_is_stream(endpoint))
		return SOCK_DGRAM;
	return endpoint->kind == ENDPOINT_UNIX_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;
}

static int socket_protocol(const struct endpoint *endpoint)
{
	return endpoint->kind == ENDPOINT_MPTCP ? IPPROTO_MPTCP : 0;
}

static int refuse_socket(const struct endpoint *endpoint, int error, char reason[static LISTEN_REASON_MAX])
{
	if (error == EMFILE)
		return refuse(reason, error,
			      "too many open files; raise the limit (LimitNOFILE=, `ulimit -n`)");
	if (error == ENFILE)
		return refuse(reason, error, "the machine has too many open files; raise fs.file-max");
	if (endpoint->kind == ENDPOINT_MPTCP && error != ENOMEM && error != ENOBUFS)
		return refuse(reason, error,
			      "this kernel has no MPTCP, or net.mptcp.enabled is 0 (%s); write /tcp",
			      strerror(error));
	if (error == EAFNOSUPPORT && endpoint->kind == ENDPOINT_VSOCK)
		return refuse(reason, error, "this kernel has no vsock");
	if (error == EAFNOSUPPORT && endpoint_is_ip(endpoint))
		return refuse(reason, error, "this kernel has no IPv%c, or usherd may not use it",
			      endpoint->address.sa.sa_family == AF_INET6 ? '6' : '4');
	return refuse(reason, error, "cannot open a socket: %s", strerror(error));
}

/* The command that shows who has the address. */
static void print_who(const struct endpoint *endpoint, char text[static 64])
{
	if (endpoint_is_ip(endpoint))
		snprintf(text, 64, "ss -%cnlp 'sport = :%d'", is_tcp(endpoint) ? 't' : 'u',
			 ntohs(endpoint->address.in.sin_port));
	else
		snprintf(text, 64, "ss %s -lp", endpoint->kind == ENDPOINT_VSOCK ? "--vsock" : "-x");
}

static int refuse_bind(const struct endpoint *endpoint, int error, char reason[static LISTEN_REASON_MAX])
{
	const char *what = endpoint_is_unix(endpoint) ? "name" : "port";
	char who[64];

	if (error == EADDRINUSE) {
		print_who(endpoint, who);
		return refuse(reason, error, "the %s is in use by another program; `%s` shows which", what,
			      who);
	}
	if (error == EACCES &&
	    ((endpoint_is_ip(endpoint) && ntohs(endpoint->address.in.sin_port) < PRIVILEGED_PORTS) ||
	     endpoint->kind == ENDPOINT_VSOCK))
		return refuse(reason, error, "ports below 1024 need root or CAP_NET_BIND_SERVICE");
	if (error == EADDRNOTAVAIL && endpoint_is_ip(endpoint))
		return refuse(reason, error, "no interface has this address");
	if (error == EADDRNOTAVAIL)
		return refuse(reason, error, "this machine does not have this address");
	return refuse(reason, error, "cannot bind: %s", strerror(error));
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int set_interface(int fd, const char *interface, char reason[static LISTEN_REASON_MAX])
{
	if (interface == NULL || *interface == '\0')
		return 0;
	if (strlen(interface) >= IFNAMSIZ)
		return refuse(reason, EINVAL, "'%s' is too long for an interface", interface);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface) + 1) == 0)
		return 0;
	if (errno == ENODEV)
		return refuse(reason, ENODEV, "the interface '%s' does not exist", interface);
	if (errno == EPERM)
		return refuse(reason, EPERM, "binding to the interface '%s' needs root or CAP_NET_RAW",
			      interface);
	return refuse(reason, errno, "cannot bind to the interface '%s': %s", interface, strerror(errno));
}

/* What bind(2) looks at, and what never changes. */
static int prepare(int fd, const struct endpoint *endpoint, const struct socket_options *options,
		   char reason[static LISTEN_REASON_MAX])
{
	bool v6 = endpoint->address.sa.sa_family == AF_INET6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int error = 0;

	if (!endpoint_is_ip(endpoint))
		return 0;
	if (is_tcp(endpoint))
		error = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (error == 0 && v6)
		error = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (error == 0 && options->freebind)
		error = set_int(fd, level, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1);
	if (error == 0 && endpoint->kind == ENDPOINT_UDP)
		error = set_int(fd, level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
	if (error != 0)
		return refuse(reason, -error, "cannot set a socket option: %s", strerror(-error));
	return set_interface(fd, options->interface, reason);
}

/* Whole seconds, rounded up so that something stays something. */
static int to_seconds(uint64_t time_ns, int max)
{
	uint64_t seconds = time_ns / NS_PER_S + (time_ns % NS_PER_S != 0);

	return seconds > (uint64_t)max ? max : (int)seconds;
}

static int tune_tcp(int fd, const struct socket_options *options)
{
	int idle = to_seconds(options->keepalive_ns, KEEPALIVE_IDLE_MAX);
	int interval = idle / 4 > KEEPALIVE_INTERVAL_MAX ? KEEPALIVE_INTERVAL_MAX : idle / 4;
	const struct {
		int level, option, value;
		bool wanted;
	} table[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, idle > 0, true },
		{ IPPROTO_TCP, TCP_KEEPIDLE, idle, idle > 0 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, interval > 0 ? interval : 1, idle > 0 },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES, idle > 0 },
		{ IPPROTO_TCP, TCP_NODELAY, options->nodelay, true },
		{ IPPROTO_TCP, TCP_DEFER_ACCEPT, to_seconds(options->defer_accept_ns, INT_MAX), true },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		int error =
			table[i].wanted ? set_int(fd, table[i].level, table[i].option, table[i].value) : 0;

		/* MPTCP learned these options one by one over many kernels */
		if (error != 0 && error != -ENOPROTOOPT && error != -EOPNOTSUPP)
			return error;
	}
	return 0;
}

/* Takes a buffer that was set by hand back to the kernel's default size and,
 * since Linux 5.14, to its automatic tuning. */
static int reset_buffer(int fd, const struct endpoint *endpoint, int option, int lock)
{
	_cleanup_fd_ int fresh = -1;
	socklen_t length = sizeof(int);
	int locks, size;

	if (getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &locks, &length) < 0 || (locks & lock) == 0)
		return 0;
	fresh = socket(endpoint->address.sa.sa_family, socket_type(endpoint) | SOCK_CLOEXEC,
		       socket_protocol(endpoint));
	if (fresh < 0 || getsockopt(fresh, SOL_SOCKET, option, &size, &length) < 0)
		return -errno;
	/* the kernel doubles what it is told */
	if (setsockopt(fd, SOL_SOCKET, option, &(int){ size / 2 }, sizeof(int)) < 0)
		return -errno;
	return set_int(fd, SOL_SOCKET, SO_BUF_LOCK, locks & ~lock);
}

static int tune_buffer(int fd, const struct endpoint *endpoint, uint64_t bytes, bool receive)
{
	int value = bytes > INT_MAX / 2 ? INT_MAX / 2 : (int)bytes;

	if (bytes == 0) /* 1 and 2 are SOCK_SNDBUF_LOCK and SOCK_RCVBUF_LOCK of linux/socket.h */
		return reset_buffer(fd, endpoint, receive ? SO_RCVBUF : SO_SNDBUF, receive ? 2 : 1);
	/* only root may exceed net.core.rmem_max; others get that much */
	if (set_int(fd, SOL_SOCKET, receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, value) == 0)
		return 0;
	return set_int(fd, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, value);
}

/* What can change while the socket is open. */
static int tune(int fd, const struct endpoint *endpoint, const struct socket_options *options,
		char reason[static LISTEN_REASON_MAX])
{
	int error = is_tcp(endpoint) ? tune_tcp(fd, options) : 0;

	if (error == 0)
		error = tune_buffer(fd, endpoint, options->rcvbuf, true);
	if (error == 0)
		error = tune_buffer(fd, endpoint, options->sndbuf, false);
	return error == 0 ? 0 : refuse(reason, -error, "cannot set a socket option: %s", strerror(-error));
}

/* Binds and listens where no file is involved. */
static int bind_address(int fd, const struct endpoint *endpoint, const struct socket_options *options,
			char reason[static LISTEN_REASON_MAX])
{
	struct endpoint resolved = *endpoint;

	if (endpoint->scope[0] != '\0') {
		resolved.address.in6.sin6_scope_id = if_nametoindex(endpoint->scope);
		if (resolved.address.in6.sin6_scope_id == 0)
			return refuse(reason, ENODEV, "the interface '%s' does not exist", endpoint->scope);
	}
	if (bind(fd, &resolved.address.sa, resolved.length) < 0)
		return refuse_bind(endpoint, errno, reason);
	/* two may bind with SO_REUSEADDR, but only one of them may listen */
	if (endpoint_is_stream(endpoint) && listen(fd, (int)options->backlog) < 0)
		return refuse_bind(endpoint, errno, reason);
	return 0;
}

int listen_open(const struct endpoint *endpoint, const struct socket_options *options, bool blocking,
		struct listen_socket *ret_socket, char reason[static LISTEN_REASON_MAX])
{
	int type = socket_type(endpoint) | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK);
	_cleanup_fd_ int fd = socket(endpoint->address.sa.sa_family, type, socket_protocol(endpoint));
	struct listen_socket opened = { .fd = -1 };
	int error;

	if (fd < 0)
		return refuse_socket(endpoint, errno, reason);
	error = prepare(fd, endpoint, options, reason);
	if (error == 0)
		error = tune(fd, endpoint, options, reason);
	if (error == 0 && endpoint_has_path(endpoint))
		error = listen_unix_bind(fd, endpoint, options, &opened, reason);
	else if (error == 0)
		error = bind_address(fd, endpoint, options, reason);
	if (error != 0)
		return error;
	opened.fd = fd_take(&fd);
	*ret_socket = opened;
	return 0;
}

bool listen_is_absent(int error)
{
	return error == -EADDRNOTAVAIL || error == -ENODEV;
}

int listen_adjust(const struct listen_socket *socket, const struct endpoint *endpoint,
		  const struct socket_options *options, bool blocking, char reason[static LISTEN_REASON_MAX])
{
	int flags = fcntl(socket->fd, F_GETFL);
	int error = flags < 0 ? -errno : 0;

	if (error == 0 && ((flags & O_NONBLOCK) == 0) != blocking &&
	    fcntl(socket->fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0)
		error = -errno;
	if (error == 0 && endpoint_is_stream(endpoint) && listen(socket->fd, (int)options->backlog) < 0)
		error = -errno;
	if (error != 0)
		return refuse(reason, -error, "cannot change the socket: %s", strerror(-error));
	error = tune(socket->fd, endpoint, options, reason);
	if (error == 0 && endpoint_has_path(endpoint))
		error = listen_unix_adjust(socket, endpoint, options, reason);
	return error;
}

/* What prepare() does that can be done to a bound socket. */
static int prepare_adopted(int fd, const struct endpoint *endpoint, const struct socket_options *options,
			   char reason[static LISTEN_REASON_MAX])
{
	bool v6 = endpoint->address.sa.sa_family == AF_INET6;
	int error;

	if (!endpoint_is_ip(endpoint))
		return 0;
	if (endpoint->kind == ENDPOINT_UDP) {
		error = set_int(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
		if (error != 0)
			return refuse(reason, -error, "cannot set a socket option: %s", strerror(-error));
	}

	char interface[IFNAMSIZ] = "";
	socklen_t length = sizeof(interface);

	/* What is so already needs no rights. */
	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, &length) == 0 &&
	    options->interface != NULL && strcmp(interface, options->interface) == 0)
		return 0;
	return set_interface(fd, options->interface, reason);
}

int listen_adopt(int fd, const struct endpoint *endpoint, const struct socket_options *options, bool blocking,
		 struct listen_socket *ret_socket, char reason[static LISTEN_REASON_MAX])
{
	_cleanup_fd_ int owned = fd;
	/* Without an inode no file is ours. */
	struct listen_socket adopted = { .fd = fd };
	int error = prepare_adopted(fd, endpoint, options, reason);

	if (error == 0)
		error = listen_adjust(&adopted, endpoint, options, blocking, reason);
	if (error != 0)
		return error;
	adopted.fd = fd_take(&owned);
	*ret_socket = adopted;
	return 0;
}

static const char *interface_name(const struct socket_options *options)
{
	return options->interface != NULL ? options->interface : "";
}

bool listen_can_adjust(const struct socket_options *before, const struct socket_options *after)
{
	return before->freebind == after->freebind &&
	       strcmp(interface_name(before), interface_name(after)) == 0;
}

bool listen_is_in_place(const struct listen_socket *socket, const struct endpoint *endpoint)
{
	struct stat status;

	if (socket->fd < 0 || !endpoint_has_path(endpoint) || socket->inode == 0)
		return true;
	return lstat(endpoint->address.un.sun_path, &status) == 0 && status.st_dev == socket->device &&
	       status.st_ino == socket->inode;
}

void listen_close(struct listen_socket *socket, const struct endpoint *endpoint)
{
	if (socket->fd < 0)
		return;
	if (endpoint_has_path(endpoint))
		listen_unix_remove(socket, endpoint);
	close(socket->fd);
	*socket = (struct listen_socket){ .fd = -1 };
}
