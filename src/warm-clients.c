/* warm-clients.c - a client gets its copy: a spare that waits, or one that the fork server forks now.
 *
 * The daemon does not wait: the client is in line until its copy reports itself, which is the first thing that it does
 * with a job, so that the kernel says who it is. A copy closes the private socket before it goes on with the program.
 * So when the far end of that socket is closed everywhere, and all reports have been read, no copy has a client of
 * those who are still in line, whatever happened to the fork server: each of them is started as ever. */
#include "warm-internal.h"

#include "base.h"
#include "cgroup.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define CLIENTS_MOST 64 /* in line */

/* ---- messages ---- */

int warm_deliver(int socket, const struct iovec parts[static 2], const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(WARM_BATCH * sizeof(int))];
	struct cmsghdr *rights = (struct cmsghdr *)(void *)control;
	struct msghdr header = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = 2 };

	if (count > 0) {
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		memset(control, 0, header.msg_controllen);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
	}
	return sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_job(struct warm *warm, int socket, uint32_t ticket, const struct spawn_request *request,
		    int stderr_fd)
{
	struct spawn_variables variables = spawn_describe(warm->table->means.spawn, request);
	bool is_socket = request->service->stderr_target.kind == CONF_STDERR_SOCKET;
	struct warm_job job = {
		.message = WARM_MESSAGE_JOB,
		.ticket = ticket,
		.flags = stderr_fd >= 0 ? WARM_JOB_STDERR : is_socket ? WARM_JOB_STDERR_SOCKET : 0,
		.length = (uint32_t)variables.length,
		.variables = variables.count,
	};
	const struct iovec parts[2] = {
		{ &job, sizeof(job) },
		{ (void *)(uintptr_t)variables.text, variables.length },
	};
	const int fds[2] = { request->socket, stderr_fd };

	return warm_deliver(socket, parts, fds, stderr_fd >= 0 ? 2 : 1);
}

/* ---- in line ---- */

static void stand_in_line(struct warm *warm, struct warm_client *client)
{
	client->warm = warm;
	client->since_ns = loop_now_ns(warm->table->means.loop);
	client->next = NULL;
	*warm->last = client;
	warm->last = &client->next;
	warm->client_count++;
}

/* Copies report nearly in the order in which they were asked for, so the search is short. */
static struct warm_client *leave_line(struct warm *warm, uint32_t ticket)
{
	for (struct warm_client **place = &warm->first; *place != NULL; place = &(*place)->next) {
		struct warm_client *client = *place;

		if (client->ticket != ticket)
			continue;
		*place = client->next;
		if (client->next == NULL)
			warm->last = place;
		warm->client_count--;
		client->warm = NULL;
		return client;
	}
	return NULL;
}

/* The answer; a client that has no child has no use for the pipe. */
static void answer(struct warm *warm, struct warm_client *client, const struct spawn_child *child)
{
	if (child == NULL)
		cleanup_fd(&client->stderr_pipe);
	client->stderr_pipe = -1;
	warm->table->means.answered(client, child);
}

void warm_clients_refuse(struct warm *warm)
{
	while (warm->first != NULL)
		answer(warm, leave_line(warm, warm->first->ticket), NULL);
}

/* The process behind a report: a spare is watched already. */
static int open_copy(struct warm *warm, uint32_t ticket, pid_t pid, int *ret_pidfd)
{
	struct warm_channel *channel = warm_spare_given(warm, ticket);

	if (channel == NULL)
		return warm_child_open(warm->table, pid, ret_pidfd);
	if (channel->copy.pid != pid)
		return -EPROTO;
	*ret_pidfd = fd_take(&channel->pidfd);
	warm_spare_forget(warm, channel);
	return 0;
}

int warm_client_started(struct warm *warm, const struct warm_report *report, pid_t pid)
{
	struct warm_client *client = leave_line(warm, report->ticket);
	struct spawn_child child = { .pid = pid, .replies = -1 };
	int r;

	if (client == NULL)
		return -EPROTO;
	r = open_copy(warm, report->ticket, pid, &child.pidfd);
	if (r == -EPROTO) { /* what does not belong to us never had a client */
		answer(warm, client, NULL);
		return r;
	}
	if (r < 0)
		child.pidfd = -1;
	child.stderr_pipe = client->stderr_pipe;
	warm->served++;
	answer(warm, client, &child);
	warm_spares_refill(warm);
	return 0;
}

int warm_client_failed(struct warm *warm, const struct warm_report *report)
{
	struct warm_client *client = leave_line(warm, report->ticket);

	if (client == NULL)
		return -EPROTO;
	answer(warm, client, NULL);
	return 0;
}

/* ---- handing over ---- */

/* To a spare: a process that is there. Returns 0 or -errno. */
static int hand_to_spare(struct warm *warm, const struct spawn_request *request, int stderr_fd,
			 struct warm_client *client)
{
	struct warm_channel *channel = warm_spare_take(warm);
	int r;

	if (channel == NULL)
		return -EAGAIN;
	r = request->cgroup < 0 ? 0 : cgroup_move(request->cgroup, channel->copy.pid);
	if (r == 0)
		r = send_job(warm, channel->fd, channel->ticket, request, stderr_fd);
	if (r < 0) {
		warm_spare_dismiss(warm, channel);
		return r;
	}
	client->ticket = channel->ticket;
	channel->state = WARM_CHANNEL_GIVEN;
	return 0;
}

static int hand_to_server(struct warm *warm, const struct spawn_request *request, int stderr_fd,
			  struct warm_client *client)
{
	client->ticket = ++warm->last_ticket;
	return send_job(warm, warm->socket.fd, client->ticket, request, stderr_fd);
}

int warm_hand_over(struct warm *warm, const struct spawn_request *request, struct warm_client *client)
{
	struct spawn_pipe pipe;
	int r;

	if (warm->state != WARM_READY || warm->client_count >= CLIENTS_MOST ||
	    spawn_open_stderr(request->service, &pipe) < 0)
		return -EAGAIN;
	r = hand_to_spare(warm, request, pipe.write_end, client);
	if (r < 0)
		r = hand_to_server(warm, request, pipe.write_end, client);
	cleanup_fd(&pipe.write_end);
	if (r < 0) {
		cleanup_fd(&pipe.read_end);
		return -EAGAIN;
	}
	client->stderr_pipe = pipe.read_end;
	stand_in_line(warm, client);
	warm_asked(warm);
	return -EINPROGRESS;
}
