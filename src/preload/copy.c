/* copy.c - see copy.h. All of it is on the way of a client or of the next fork: each call into the kernel counts. */
#include "copy.h"

#include "kernel.h"
#include "start.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#define EXIT_PROTOCOL 76 /* EX_PROTOCOL of sysexits */
#define CLOSE_MOST    (3 + WARM_CHANNELS + WARM_BATCH + 2)

int copy_raise(int fd, int base)
{
	int raised;

	if (fd >= base)
		return fd;
	raised = (int)kernel_control(fd, F_DUPFD_CLOEXEC, base);
	kernel_close(fd);
	return raised;
}

void copy_report(const struct copy_means *means, const struct warm_report *report)
{
	while (kernel_send(means->socket, report, sizeof(*report)) < 0)
		if (errno != EINTR)
			kernel_exit(0);
}

void copy_begin(const struct copy_means *means, const struct warm_report *report)
{
	/* Who has reported is not killed with the fork server; whose report nobody takes ends. */
	syscall(SYS_setsid);
	copy_report(means, report);
}

int copy_is_sound(const struct environment_job *received, long length, unsigned fd_count)
{
	const struct warm_job *job = &received->job;

	if ((size_t)length < sizeof(*job) || job->message != WARM_MESSAGE_JOB ||
	    (size_t)length - sizeof(*job) != job->length)
		return 0;
	if ((job->flags & WARM_JOB_LEAVE) != 0)
		return 1;
	return fd_count == ((job->flags & WARM_JOB_STDERR) != 0 ? 2 : 1);
}

/* One message of the channel. Returns how many descriptors came with it. */
static unsigned receive(int channel, struct environment_job *received, int fds[static 2])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec part = { received, sizeof(*received) };
	struct msghdr header;
	const struct cmsghdr *rights;
	long length;
	unsigned count = 0;

	do {
		header = (struct msghdr){
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		length = kernel_receive(channel, &header);
	} while (length < 0 && errno == EINTR);
	if (length <= 0)
		kernel_exit(0); /* nobody needs it any more */
	rights = CMSG_FIRSTHDR(&header);
	if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
		count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
	}
	if (!copy_is_sound(received, length, count))
		kernel_exit(EXIT_PROTOCOL);
	return count;
}

/* Its own job; what was meant for a spare before it is dropped. */
static void await_job(const struct copy_means *means, int channel, uint32_t ticket, int fds[static 2])
{
	for (;;) {
		const struct warm_job *job = &means->received->job;
		unsigned count = receive(channel, means->received, fds);

		if (job->ticket == ticket && (job->flags & WARM_JOB_LEAVE) != 0)
			kernel_exit(0);
		if (job->ticket == ticket)
			return;
		while (count > 0)
			kernel_close(fds[--count]);
	}
}

/* Nothing private is left, and nothing that came. */
static void close_from(int base)
{
	if (syscall(SYS_close_range, (long)base, -1L, 0L) == 0)
		return;
	for (int fd = base; fd < base + CLOSE_MOST; fd++)
		kernel_close(fd);
}

void copy_take(const struct copy_means *means, const int fds[static 2])
{
	uint32_t flags = means->received->job.flags;
	int client = copy_raise(fds[0], means->base);
	int stderr_fd = (flags & WARM_JOB_STDERR) != 0 ? copy_raise(fds[1], means->base) :
			(flags & WARM_JOB_STDERR_SOCKET) != 0 ? client : -1;

	if (kernel_duplicate(client, 0) < 0 || kernel_duplicate(client, 1) < 0 ||
	    (stderr_fd >= 0 && kernel_duplicate(stderr_fd, 2) < 0))
		kernel_exit(EXIT_PROTOCOL);
	close_from(means->base);
	if (start.dumpable == 1)
		kernel_set_dumpable();
}

void copy_wait(const struct copy_means *means, int channel, uint32_t ticket)
{
	int fds[2] = { -1, -1 };

	await_job(means, channel, ticket, fds);
	copy_report(means, &(struct warm_report){ .kind = WARM_REPORT_STARTED, .ticket = ticket });
	if (environment_complete(means->received) < 0)
		kernel_exit(EXIT_PROTOCOL);
	copy_take(means, fds);
}
