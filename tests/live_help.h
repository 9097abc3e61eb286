/* live_help.h - a daemon in the process of the test, and a child that drives it: asks it, is its client, and tells
 * what is wrong. */
#ifndef USHERD_TESTS_LIVE_HELP_H
#define USHERD_TESTS_LIVE_HELP_H

#include "faulty.h"

#include "base.h"
#include "clock.h"
#include "conf.h"
#include "daemon.h"
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define REPLY_MS   10000
#define SHORT_MS   50 /* where it may last */
#define REPLY_ROOM (256 * 1024)

static char folder[64], control_path[96];
static uint16_t port, udp_port;
static char last_reply[REPLY_ROOM];
static int verdict[2], go[2]; /* pipes: what the child found; that the daemon serves */

/* ---- the daemon ---- */

static char *const no_variables[] = { NULL };
static unsigned loads;

/* The sections behind [usherd] and [defaults]; `number` counts how often they were read. */
static void (*write_services)(FILE *file, unsigned number);

static inline int load(void *context, struct conf **ret_conf, struct conf_errors *errors)
{
	static char services[4096]; /* is looked at again when a program is started */
	char path[128];
	const struct conf_environment environment = { .services_directory = services, .environ = no_variables };
	const struct passwd *self = getpwuid(geteuid());
	FILE *file;

	(void)context;
	snprintf(services, sizeof(services), "%s/services", getenv("BUILD"));
	snprintf(path, sizeof(path), "%s/services.ini", folder);
	file = fopen(path, "w");
	if (file == NULL)
		return -errno;
	fprintf(file,
		"[usherd]\nlog = file:%s/log\npid_file = %s/pid\ncontrol = %s\ndrain_timeout = 1s\nlog_level = debug\n"
		"[defaults]\nuser = %s\n",
		folder, folder, control_path, self->pw_name);
	write_services(file, loads++);
	fclose(file);
	return conf_load(path, &environment, ret_conf, errors);
}

static inline uint16_t free_port(int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static inline size_t count_open(pid_t pid)
{
	char path[64];
	size_t count = 0;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	while (fds != NULL && readdir(fds) != NULL)
		count++;
	if (fds != NULL)
		closedir(fds);
	return count;
}

/* ---- the child: says what is wrong, and that is the end ---- */

__attribute__((format(printf, 1, 2))) static inline _Noreturn void complain(const char *format, ...)
{
	char text[1024];
	va_list values;
	int length;

	faulty_end();
	va_start(values, format);
	length = vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	(void)!write(verdict[1], text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
	kill(getppid(), SIGTERM);
	_exit(1);
}

static inline int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		complain("nobody listens at %s: %s", path, strerror(errno));
	return fd;
}

static inline int connect_ip(int type, uint16_t to)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(to),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		complain("nobody listens at port %u: %s", to, strerror(errno));
	return fd;
}

/* What lasts may make somebody wait until it is over: is it right to wait no longer? */
static bool may_wait;

/* Until a line feed or the end. Returns the length, -1 when there is neither in time. */
static inline ssize_t read_line(int fd, char *text, size_t room)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t length = 0;

	while (poll(&ready, 1, may_wait ? SHORT_MS : REPLY_MS) > 0) {
		ssize_t n = recv(fd, text + length, room - 1 - length, 0);

		if (n > 0)
			length += (size_t)n;
		text[length] = '\0';
		if (n <= 0 || text[length - 1] == '\n')
			return (ssize_t)length;
	}
	return may_wait ? 0 : -1;
}

/* Asks one thing; returns whether it was answered. What comes is whole JSON that says whether it is so. */
static inline bool ask(const char *request)
{
	char *text = last_reply;
	int fd = connect_unix(control_path);
	ssize_t length = send(fd, request, strlen(request), MSG_NOSIGNAL);
	json_t *reply;

	length = length < 0 ? 0 : read_line(fd, text, sizeof(last_reply));
	close(fd);
	if (length < 0)
		complain("%s%s: no answer in time", request, faulty_now());
	if (length == 0)
		return false;
	reply = json_loadb(text, (size_t)length, 0, NULL);
	/* One that can be made no longer ends in the middle, before its line feed. */
	if (reply == NULL && text[length - 1] == '\n')
		complain("%s%s: %.300s ... %s", request, faulty_now(), text, text + (length > 300 ? length - 300 : 0));
	if (reply != NULL && !json_is_boolean(json_object_get(reply, "ok")))
		complain("%s%s: it is not said whether it is so: %s", request, faulty_now(), text);
	json_decref(reply);
	return reply != NULL;
}

/* Says something and expects it back, or the end. */
static inline bool echo(int fd)
{
	char text[64] = "";
	ssize_t length;

	(void)!send(fd, "hello\n", 6, MSG_NOSIGNAL);
	length = read_line(fd, text, sizeof(text));
	close(fd);
	if (length < 0)
		complain("%s: a client waits for ever", faulty_now());
	if (length > 0 && strcmp(text, "hello\n") != 0)
		complain("%s: a client got %s", faulty_now(), text);
	return length > 0;
}

static inline void make_place(void)
{
	snprintf(folder, sizeof(folder), "/tmp/usherd-fault-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(control_path, sizeof(control_path), "%s/control", folder);
	port = free_port(SOCK_STREAM);
	udp_port = free_port(SOCK_DGRAM);
	loads = 0;
}

static inline void remove_place(void)
{
	DIR *files = opendir(folder);
	const struct dirent *entry;

	while ((entry = readdir(files)) != NULL)
		(void)unlinkat(dirfd(files), entry->d_name, 0);
	closedir(files);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* Serves while a child drives; it says "ok" in the end. */
static inline void serve_driven(void (*services)(FILE *, unsigned), void (*drive)(void))
{
	const struct daemon_source source = { .load = load, .reloadable = true };
	struct conf_errors errors = { .count = 0 };
	struct daemon *daemon = NULL;
	struct conf *conf = NULL;
	char text[1024] = "";
	int status;

	write_services = services;
	make_place();
	faulty_share();
	ck_assert_int_eq(pipe2(verdict, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	status = load(NULL, &conf, &errors);
	conf_errors_print(&errors, stderr);
	ck_assert_int_eq(status, 0);
	conf_errors_free(&errors);
	fflush(NULL);
	if (fork() == 0) {
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		close(verdict[0]);
		if (read(go[0], &byte, 1) != 1)
			complain("the daemon does not start");
		drive();
		(void)!write(verdict[1], "ok", 2);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	close(go[0]);
	close(verdict[1]);
	status = daemon_start(&source, conf, false, &daemon);
	ck_assert_int_eq(status, 0);
	conf_unref(conf);
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	status = daemon_run(daemon);
	daemon_free(daemon);
	(void)!read(verdict[0], text, sizeof(text) - 1);
	ck_assert_str_eq(text, "ok");
	ck_assert_int_eq(status, 0);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	remove_place();
}

#endif
