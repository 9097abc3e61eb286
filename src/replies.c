/* replies.c - from a filter's output to the client, without looking inside. An
 * empty message is an empty datagram; the end of the output looks the same to
 * recv(2), so our end asks for credentials (SO_PASSCRED), which come with every
 * message and not with the end. Room for nothing else is given: descriptors that
 * a filter attaches are dropped by the kernel. */
#include "replies.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>

#define A_ROUND    64
#define AT_THE_END 4096 /* more than fits into a socket's buffer */

/* Sends a reply with the rights of the service where a file is named: the client
 * chose that path, and root would be let in anywhere. */
static void send_reply(const struct replies *replies, size_t size)
{
	bool named = replies->route.peer.sa.sa_family == AF_UNIX && replies->identity->change;

	if (named) {
		setfsgid(replies->identity->gid);
		setfsuid(replies->identity->uid);
	}
	/* What cannot be sent is lost, as datagrams may be. */
	(void)datagram_reply(replies->socket, &replies->route, replies->buffer, size);
	if (named) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
}

/* Passes on up to `most` replies. Returns whether there may be more, now or later. */
static bool pass_on(struct replies *replies, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		union {
			struct cmsghdr align;
			char room[CMSG_SPACE(sizeof(struct ucred))];
		} control;
		struct iovec piece = { replies->buffer, REPLIES_BUFFER };
		struct msghdr message = {
			.msg_iov = &piece,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t size = recvmsg(replies->source.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (size < 0)
			return errno == EAGAIN || errno == EINTR;
		if (size == 0 && message.msg_controllen == 0)
			return false;
		send_reply(replies, (size_t)size);
	}
	return true;
}

static void close_output(struct replies *replies)
{
	if (replies->source.fd < 0)
		return;
	loop_remove(replies->loop, &replies->source);
	cleanup_fd(&replies->source.fd);
	replies->source.fd = -1;
}

static void output_ready(struct loop_source *source, uint32_t events)
{
	struct replies *replies = container_of(source, struct replies, source);

	(void)events;
	if (!pass_on(replies, A_ROUND))
		close_output(replies);
}

int replies_prepare(struct replies *replies, struct loop *loop, int socket,
		    const struct datagram_route *route, const struct conf_identity *identity, char *buffer)
{
	*replies = (struct replies){
		.loop = loop,
		.source = { .fd = -1, .ready = output_ready, .set = LOOP_WORK },
		.socket = fcntl(socket, F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
		.buffer = buffer,
		.route = *route,
		.identity = identity,
	};
	return replies->socket < 0 ? -errno : 0;
}

int replies_open(struct replies *replies, int output)
{
	int on = 1;

	replies->source.fd = output;
	if (setsockopt(output, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
		return -errno;
	return loop_add(replies->loop, &replies->source, EPOLLIN);
}

int replies_resume(struct replies *replies, struct loop *loop, int socket, int output,
		   const struct datagram_route *route, const struct conf_identity *identity, char *buffer)
{
	*replies = (struct replies){
		.loop = loop,
		.source = { .fd = -1, .ready = output_ready, .set = LOOP_WORK },
		.socket = socket,
		.buffer = buffer,
		.route = *route,
		.identity = identity,
	};
	return output >= 0 ? replies_open(replies, output) : 0;
}

void replies_close(struct replies *replies)
{
	if (replies->source.fd >= 0)
		pass_on(replies, AT_THE_END);
	close_output(replies);
	if (replies->socket >= 0)
		close(fd_take(&replies->socket));
}
