/* notify.c - sd_notify(3) in its documented form: one datagram of NAME=VALUE
 * lines to a Unix socket. Written out here because the library that has it would
 * be a dependency larger than this protocol. Sends never block; a manager that
 * does not listen is its own problem. */
#include "notify.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define STATUS_EVERY_NS NS_PER_S

struct notify {
	struct loop *loop;
	int fd;
	struct sockaddr_un address;
	socklen_t length;
	uint64_t interval_ns; /* 0: no watchdog */
	struct loop_timer watchdog;
	char told[NOTIFY_STATUS_MAX], wanted[NOTIFY_STATUS_MAX]; /* STATUS= */
	uint64_t next_status_ns;
	struct loop_timer status;
};

static const char *find(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static _printf_(2, 3) void tell(struct notify *notify, const char *format, ...)
{
	char text[NOTIFY_STATUS_MAX + 16];
	va_list arguments;

	if (notify == NULL)
		return;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(text))
		(void)sendto(notify->fd, text, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&notify->address, notify->length);
}

static void watchdog_due(struct loop_timer *timer)
{
	struct notify *notify = container_of(timer, struct notify, watchdog);

	tell(notify, "WATCHDOG=1");
	loop_arm(notify->loop, timer, loop_now_ns(notify->loop) + notify->interval_ns);
}

/* An absolute path, or @name for an abstract one. */
static int take_address(struct notify *notify, const char *path)
{
	size_t length = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || length < 2 || length >= sizeof(notify->address.sun_path))
		return -EAFNOSUPPORT;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, path, length);
	if (path[0] == '@')
		notify->address.sun_path[0] = '\0';
	notify->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

static void take_watchdog(struct notify *notify, const char *usec, const char *pid)
{
	char *end;

	if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
		return;

	unsigned long long value = strtoull(usec, &end, 10);

	if (*end != '\0' || value < 2000 || value > UINT64_C(1) << 40)
		return;
	notify->interval_ns = value * 1000 / 2;
	notify->watchdog.expired = watchdog_due;
	loop_arm(notify->loop, &notify->watchdog, loop_now_ns(notify->loop));
}

static void tell_status(struct notify *notify)
{
	memcpy(notify->told, notify->wanted, sizeof(notify->told));
	notify->next_status_ns = loop_now_ns(notify->loop) + STATUS_EVERY_NS;
	tell(notify, "STATUS=%s", notify->told);
}

static void status_due(struct loop_timer *timer)
{
	struct notify *notify = container_of(timer, struct notify, status);

	if (strcmp(notify->wanted, notify->told) != 0)
		tell_status(notify);
}

void notify_status(struct notify *notify, const char *text)
{
	if (notify == NULL || strcmp(text, notify->wanted) == 0)
		return;
	snprintf(notify->wanted, sizeof(notify->wanted), "%s", text);
	if (loop_now_ns(notify->loop) >= notify->next_status_ns)
		tell_status(notify);
	else if (notify->status.place == 0)
		(void)loop_arm(notify->loop, &notify->status, notify->next_status_ns);
}

int notify_new(char *const *environment, struct loop *loop, struct notify **ret_notify)
{
	const char *path = find(environment, "NOTIFY_SOCKET");
	struct notify *notify = NULL;
	int r = 0;

	if (path == NULL) {
		*ret_notify = NULL;
		return 0;
	}
	notify = calloc(1, sizeof(*notify));
	if (notify == NULL)
		return -ENOMEM;
	notify->loop = loop;
	notify->status.expired = status_due;
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify->fd < 0)
		r = -errno;
	if (r == 0)
		r = take_address(notify, path);
	if (r < 0) {
		notify_free(notify);
		return r;
	}
	take_watchdog(notify, find(environment, "WATCHDOG_USEC"), find(environment, "WATCHDOG_PID"));
	*ret_notify = notify;
	return 0;
}

void notify_free(struct notify *notify)
{
	if (notify == NULL)
		return;
	loop_disarm(notify->loop, &notify->watchdog);
	loop_disarm(notify->loop, &notify->status);
	cleanup_fd(&notify->fd);
	free(notify);
}

void notify_ready(struct notify *notify)
{
	tell(notify, "READY=1\nMAINPID=%d", getpid());
}

void notify_reloading(struct notify *notify)
{
	tell(notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_ns() / 1000);
}

void notify_stopping(struct notify *notify)
{
	tell(notify, "STOPPING=1");
}
