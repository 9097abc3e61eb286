/* fault_daemon.c - a daemon in this process that serves, and a child that asks it for everything it can do, each time
 * with another of the daemon's calls failing (faulty.h): memory, descriptors, sockets, epoll. What is asked is
 * answered with one whole line or not at all, a client is served or let go; and when nothing fails any more, all is as
 * it was: the daemon is not allowed to end, to lose a descriptor, or to serve no more. */
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
#define SHORT_MS   50
#define REPLY_ROOM (256 * 1024)

static char folder[64], control_path[96];
static uint16_t port, udp_port;
static int verdict[2], go[2]; /* pipes: what the child found; that the daemon serves */

/* ---- the daemon ---- */

static char *const no_variables[] = { NULL };
static unsigned loads;

static int load(void *context, struct conf **ret_conf, struct conf_errors *errors)
{
	const struct conf_environment environment = { .services_directory = folder, .environ = no_variables };
	const struct passwd *self = getpwuid(geteuid());
	char path[128];
	FILE *file;

	(void)context;
	snprintf(path, sizeof(path), "%s/services.ini", folder);
	file = fopen(path, "w");
	if (file == NULL)
		return -errno;
	fprintf(file,
		"[usherd]\nlog = file:%s/log\npid_file = %s/pid\ncontrol = %s\ndrain_timeout = 1s\nlog_level = debug\n"
		"[defaults]\nuser = %s\n"
		"[cat]\nlisten = 127.0.0.1:%u, unix:%s/cat\nexec = /bin/cat\nban_time = 1min\nrate_per_source = 100000/s\n"
		"env = A=1\nallow = 127.0.0.0/8, uid:%u, uid:0\nidle_timeout = 1h\n"
		"[datagram]\nlisten = 127.0.0.1:%u/udp\nexec = /bin/cat\nrate = 100000/s\n"
		"[fails]\nlisten = unix:%s/fails\nexec = /bin/false\n"
		"[off]\nlisten = unix:%s/off\nexec = /bin/cat\ndisable = yes\n"
		"[come%u]\nlisten = unix:%s/come%u\nexec = /bin/cat\n",
		folder, folder, control_path, self->pw_name, port, folder, getuid(), udp_port, folder, folder,
		loads % 2, folder, loads % 2);
	fclose(file);
	loads++;
	return conf_load(path, &environment, ret_conf, errors);
}

static uint16_t free_port(int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static size_t count_open(pid_t pid)
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

__attribute__((format(printf, 1, 2))) static _Noreturn void complain(const char *format, ...)
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

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		complain("nobody listens at %s: %s", path, strerror(errno));
	return fd;
}

static int connect_ip(int type, uint16_t to)
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
static ssize_t read_line(int fd, char *text, size_t room)
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
static bool ask(const char *request)
{
	static char text[REPLY_ROOM];
	int fd = connect_unix(control_path);
	ssize_t length = send(fd, request, strlen(request), MSG_NOSIGNAL);
	json_t *reply;

	length = length < 0 ? 0 : read_line(fd, text, sizeof(text));
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
static bool echo(int fd)
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

static bool use_port(const char *unused)
{
	(void)unused;
	return echo(connect_ip(SOCK_STREAM, port));
}

static bool use_unix(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return echo(connect_unix(path));
}

/* It fails, and a client waits no longer than that. */
static bool use_failing(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)echo(connect_unix(path));
	return true;
}

/* A datagram may get lost; the next one is answered. */
static bool use_datagram(const char *unused)
{
	int fd = connect_ip(SOCK_DGRAM, udp_port);
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char text[16];
	bool answered;

	(void)unused;
	(void)!send(fd, "hello\n", 6, 0);
	answered = poll(&ready, 1, 300) > 0 && recv(fd, text, sizeof(text), 0) == 6;
	close(fd);
	return answered;
}

static bool use_signal(const char *number)
{
	kill(getppid(), atoi(number));
	return ask("version\n");
}

static const struct act {
	bool (*act)(const char *what);
	const char *what;
} acts[] = {
	{ ask, "status\n" },
	{ ask, "services\n" },
	{ ask, "services cat\n" },
	{ ask, "services off\n" },
	{ ask, "services none\n" },
	{ ask, "sessions\n" },
	{ ask, "sessions cat\n" },
	{ ask, "show cat\n" },
	{ ask, "show usherd\n" },
	{ ask, "explain 127.0.0.1 cat\n" },
	{ ask, "explain 10.0.0.1 cat\n" },
	{ ask, "explain uid:0 cat\n" },
	{ ask, "ban 203.0.113.0/24 1h\n" },
	{ ask, "bans\n" },
	{ ask, "metrics\n" },
	{ ask, "version\n" },
	{ ask, "unban 203.0.113.0/24\n" },
	{ ask, "unban all\n" },
	{ ask, "reload --dry-run\n" },
	{ ask, "reload\n" },
	{ ask, "disable come0\n" },
	{ ask, "enable come0\n" },
	{ ask, "renew cat\n" },
	{ ask, "kill 4711\n" },
	{ ask, "kill cat\n" },
	{ ask, "kill 127.0.0.0/8\n" },
	{ ask, "loglevel debug\n" },
	{ ask, "tail --level debug --service cat --address 127.0.0.0/8\n" },
	{ ask, "upgrade\n" },
	{ ask, "nonsense\n" },
	{ use_port, "" },
	{ use_unix, "cat" },
	{ use_failing, "fails" },
	{ use_datagram, "" },
	{ use_signal, "10" },
	{ use_signal, "1" },
};

/* Until it works: what was paused goes on by itself. */
static void expect_works(const struct act *act)
{
	uint64_t end_ns = clock_now_ns() + 10 * NS_PER_S;

	while (!act->act(act->what))
		if (clock_now_ns() > end_ns)
			complain("%s does not work any more", act->what);
}

static bool is_endless(enum faulty_call call, int error)
{
	return error == EINTR || call == FAULTY_epoll_wait || call == FAULTY_waitid || call == FAULTY_recv;
}

/* Spread over all of them, and the first ones one by one. */
static unsigned step(unsigned nth, unsigned count)
{
	return nth < 24 || count < 64 ? 1 : count / 40 + 1;
}

static unsigned fail_each(const struct act *act, enum faulty_call call, unsigned count)
{
	unsigned failures = 0;

	for (unsigned nth = 1; nth <= count; nth += step(nth, count))
		for (const int *error = faulty_errors(call); *error != 0; error++)
			for (int ever = 0; ever < (nth > 3 || is_endless(call, *error) ? 1 : 2); ever++) {
				may_wait = ever != 0;
				faulty_begin(&(struct faulty_plan){ call, nth, *error, ever });
				(void)act->act(act->what);
				faulty_end();
				may_wait = false;
				failures += faulty_failures();
			}
	return failures;
}

static unsigned drive_act(const struct act *act)
{
	unsigned counts[FAULTY_CALLS], failures = 0;

	expect_works(act);
	faulty_begin(NULL);
	(void)act->act(act->what);
	faulty_end();
	for (unsigned call = 0; call < FAULTY_CALLS; call++)
		counts[call] = faulty_count(call);
	for (unsigned call = 0; call < FAULTY_CALLS; call++) {
		failures += fail_each(act, call, counts[call]);
		if (counts[call] > 0)
			expect_works(act);
	}
	return failures;
}

/* Nobody has anything open any more, after a moment. */
static void expect_few(size_t most)
{
	uint64_t end_ns = clock_now_ns() + 10 * NS_PER_S;

	while (count_open(getppid()) > most) {
		if (clock_now_ns() > end_ns)
			complain("%zu descriptors were open, %zu are", most, count_open(getppid()));
		poll(NULL, 0, 10);
	}
}

static _Noreturn void drive(int from, int to)
{
	unsigned failures = 0;
	size_t open_before;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(go[1]);
	close(verdict[0]);
	if (read(go[0], &byte, 1) != 1)
		complain("the daemon does not start");
	for (int i = from; i < to; i++)
		expect_works(&acts[i]);
	poll(NULL, 0, 50);
	open_before = count_open(getppid());
	for (int i = from; i < to; i++)
		failures += drive_act(&acts[i]);
	expect_few(open_before + 2); /* what is held ready may have grown by a spawn that waits */
	for (int i = 0; i < (int)ELEMENTS(acts); i++)
		expect_works(&acts[i]);
	if (failures < (unsigned)(to - from) * 20)
		complain("only %u failures", failures);
	(void)!write(verdict[1], "ok", 2);
	kill(getppid(), SIGTERM);
	_exit(0);
}

/* ---- tests ---- */

static void make_place(void)
{
	snprintf(folder, sizeof(folder), "/tmp/usherd-fault-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(control_path, sizeof(control_path), "%s/control", folder);
	port = free_port(SOCK_STREAM);
	udp_port = free_port(SOCK_DGRAM);
	loads = 0;
}

static void remove_place(void)
{
	DIR *files = opendir(folder);
	const struct dirent *entry;

	while ((entry = readdir(files)) != NULL)
		(void)unlinkat(dirfd(files), entry->d_name, 0);
	closedir(files);
	ck_assert_int_eq(rmdir(folder), 0);
}

#define GROUP 4

START_TEST(serving)
{
	const struct daemon_source source = { .load = load, .reloadable = true };
	int from = _i * GROUP, to = from + GROUP < (int)ELEMENTS(acts) ? from + GROUP : (int)ELEMENTS(acts);
	struct conf_errors errors = { .count = 0 };
	struct daemon *daemon = NULL;
	struct conf *conf = NULL;
	char text[1024] = "";
	int status;

	faulty_use_json();
	make_place();
	faulty_share();
	ck_assert_int_eq(pipe2(verdict, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	ck_assert_int_eq(load(NULL, &conf, &errors), 0);
	fflush(NULL);
	if (fork() == 0)
		drive(from, to);
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
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_daemon");
	TCase *live = tcase_create("live");

	tcase_set_timeout(live, 120);
	tcase_add_loop_test(live, serving, 0, (int)(ELEMENTS(acts) + GROUP - 1) / GROUP);
	suite_add_tcase(suite, live);
	return suite;
}

RUN_SUITE(make_suite)
