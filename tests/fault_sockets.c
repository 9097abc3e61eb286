/* fault_sockets.c - sockets that cannot be opened, named or adjusted: what is told for each error of each call, and
 * that nothing is left: no descriptor, no file. */
#include "faulty.h"

#include "core_help.h"
#include "listen.h"
#include "listen-unix.h"
#include "adopt.h"
#include "control.h"
#include "notify.h"

#include <sys/un.h>

#define ANY_PORT 9 /* stands for 0, which no endpoint may have */

static struct endpoint endpoint;
static struct socket_options options;
static struct listen_socket opened;
static char reason[LISTEN_REASON_MAX];
static const char *folder;
static char text[256];

static int store_endpoint(void *context, const struct endpoint *parsed)
{
	*(struct endpoint *)context = *parsed;
	return 0;
}

static void use_endpoint(const char *what)
{
	char why[256];

	ck_assert_msg(endpoint_parse(what, store_endpoint, &endpoint, why, sizeof(why)) == 0, "%s", why);
	if (endpoint_is_ip(&endpoint) && ntohs(endpoint.address.in.sin_port) == ANY_PORT)
		endpoint.address.in.sin_port = 0;
	options = (struct socket_options){
		.backlog = 16,
		.keepalive_ns = 300 * NS_PER_S,
		.socket_uid = (uid_t)-1,
		.socket_gid = (gid_t)-1,
		.socket_mode = 0600,
	};
}

static void use_path(const char *kind, const char *name)
{
	snprintf(text, sizeof(text), "%s:%s/%s", kind, folder, name);
	use_endpoint(text);
}

static unsigned count_files(void)
{
	DIR *files = opendir(folder);
	unsigned count = 0;

	while (readdir(files) != NULL)
		count++;
	closedir(files);
	return count - 2;
}

/* Also what was left because it could not be removed. */
static void begin_anew(void)
{
	DIR *files = opendir(folder);
	const struct dirent *entry;

	while ((entry = readdir(files)) != NULL)
		(void)unlinkat(dirfd(files), entry->d_name, 0);
	closedir(files);
}

/* ---- one call, one error, one sentence ---- */

static const struct refusal {
	const char *endpoint; /* without a colon: a Unix socket's name in the folder; "lo " and others before it are options */
	enum faulty_call call;
	unsigned nth;
	int error, result; /* 0: the same */
	const char *says;
} refusals[] = {
	{ "127.0.0.1:7", FAULTY_socket, 1, EMFILE, 0, "too many open files; raise the limit" },
	{ "127.0.0.1:7", FAULTY_socket, 1, ENFILE, 0, "raise fs.file-max" },
	{ "127.0.0.1:7/mptcp", FAULTY_socket, 1, EPROTONOSUPPORT, 0, "has no MPTCP" },
	{ "127.0.0.1:7/mptcp", FAULTY_socket, 1, ENOMEM, 0, "cannot open a socket: Cannot allocate" },
	{ "127.0.0.1:7/mptcp", FAULTY_socket, 1, ENOBUFS, 0, "cannot open a socket: No buffer" },
	{ "vsock:7", FAULTY_socket, 1, EAFNOSUPPORT, 0, "no vsock" },
	{ "vsock:7", FAULTY_socket, 1, EACCES, 0, "cannot open a socket: Permission" },
	{ "127.0.0.1:7", FAULTY_socket, 1, EAFNOSUPPORT, 0, "has no IPv4, or" },
	{ "[::1]:7", FAULTY_socket, 1, EAFNOSUPPORT, 0, "has no IPv6, or" },
	{ "a", FAULTY_socket, 1, EAFNOSUPPORT, 0, "cannot open a socket" },
	{ "127.0.0.1:7", FAULTY_bind, 1, EACCES, 0, "below 1024 need root" },
	{ "127.0.0.1:7777", FAULTY_bind, 1, EACCES, 0, "cannot bind: Permission" },
	{ "127.0.0.1:7777", FAULTY_bind, 1, EADDRNOTAVAIL, 0, "no interface has this address" },
	{ "unix:@abstract", FAULTY_bind, 1, EADDRNOTAVAIL, 0, "machine does not have" },
	{ "unix:@abstract", FAULTY_bind, 1, EACCES, 0, "cannot bind: Permission" },
	{ "unix:@abstract", FAULTY_bind, 1, EADDRINUSE, 0, "name is in use by another program; `ss -x -lp`" },
	{ "127.0.0.1:7/udp", FAULTY_bind, 1, EADDRINUSE, 0, "port is in use by another program; `ss -unlp" },
	{ "127.0.0.1:7", FAULTY_listen, 1, EADDRINUSE, 0, "in use by another program; `ss -tnlp" },
	{ "127.0.0.1:7777", FAULTY_setsockopt, 1, ENOMEM, 0, "cannot set a socket option" },
	{ "[::1]:7777", FAULTY_setsockopt, 2, ENOMEM, 0, "cannot set a socket option" },
	{ "free [::1]:7777", FAULTY_setsockopt, 3, ENOMEM, 0, "cannot set a socket option" },
	{ "free 127.0.0.1:7777", FAULTY_setsockopt, 2, ENOMEM, 0, "cannot set a socket option" },
	{ "127.0.0.1:7777/udp", FAULTY_setsockopt, 1, ENOMEM, 0, "cannot set a socket option" },
	{ "127.0.0.1:7777", FAULTY_setsockopt, 4, ENOMEM, 0, "cannot set a socket option" },
	{ "lo 127.0.0.1:9", FAULTY_setsockopt, 2, ENODEV, 0, "'lo' does not exist" },
	{ "lo 127.0.0.1:9", FAULTY_setsockopt, 2, EPERM, 0, "'lo' needs root or CAP_NET_RAW" },
	{ "lo 127.0.0.1:9", FAULTY_setsockopt, 2, EIO, 0, "cannot bind to the interface 'lo': Input" },
	{ "an-interface-of-16 127.0.0.1:9", FAULTY_setsockopt, 99, EIO, EINVAL, "too long for an interface" },
	{ "a", FAULTY_open, 1, ENOENT, 0, "does not exist; create it first" },
	{ "a", FAULTY_open, 1, EACCES, 0, ": Permission denied" },
	{ "a", FAULTY_fstatat, 1, EACCES, 0, "cannot look at the path" },
	{ "a", FAULTY_fchmod, 1, EPERM, 0, "cannot set the mode of a socket" },
	{ "a", FAULTY_bind, 1, ENOSPC, 0, "cannot create a socket in" },
	{ "a", FAULTY_openat, 1, ENOENT, 0, "the new socket file" },
	{ "a", FAULTY_fstat, 1, EIO, 0, "the new socket file" },
	{ "a", FAULTY_chmod, 1, EPERM, 0, "cannot set the mode of the socket" },
	{ "a", FAULTY_listen, 1, ENOBUFS, 0, "cannot listen" },
	{ "a", FAULTY_syscall, 1, EACCES, 0, "cannot put the socket in place: Permission" },
	{ "stale", FAULTY_socket, 2, EMFILE, 0, "cannot open a socket" },
	{ "stale", FAULTY_connect, 1, EACCES, 0, "cannot tell whether anybody answers" },
	{ "stale", FAULTY_connect, 1, EPROTOTYPE, EADDRINUSE, "another program has this socket" },
	{ "stale", FAULTY_syscall, 1, EACCES, 0, "cannot put the socket in place: Permission" },
};

static void make_stale(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", folder);
	unlink(address.sun_path);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

START_TEST(is_refused)
{
	const struct refusal *row = &refusals[_i];
	const struct faulty_plan plan = { row->call, row->nth, row->error, false };
	bool stale = strcmp(row->endpoint, "stale") == 0;
	const char *blank = strchr(row->endpoint, ' '), *where = blank != NULL ? blank + 1 : row->endpoint;
	char option[32] = "";
	int result, expected = row->result != 0 ? row->result : row->error;
	size_t descriptors;
	unsigned files;

	folder = make_folder();
	if (stale)
		make_stale();
	if (strchr(where, ':') != NULL)
		use_endpoint(where);
	else
		use_path("unix", where);
	snprintf(option, sizeof(option), "%.*s", (int)(where - row->endpoint), row->endpoint);
	option[strcspn(option, " ")] = '\0';
	options.freebind = strcmp(option, "free") == 0;
	options.interface = options.freebind ? NULL : option;
	opened = (struct listen_socket){ .fd = 77 };
	files = count_files();
	descriptors = count_descriptors();
	faulty_begin(&plan);
	result = listen_open(&endpoint, &options, false, &opened, reason);
	faulty_end();
	ck_assert_msg(result == -expected, "%s: %s", strerror(-result), reason);
	ck_assert_msg(strstr(reason, row->says) != NULL, "%s", reason);
	ck_assert_int_eq(opened.fd, 77);
	ck_assert_uint_eq(count_descriptors(), descriptors);
	ck_assert_uint_eq(count_files(), files);
	ck_assert_int_eq(listen_is_absent(result), expected == EADDRNOTAVAIL || expected == ENODEV);
	remove_folder(folder);
}
END_TEST

/* ---- every call, every error ---- */

static const char *const kinds[] = {
	"127.0.0.1:9", "[::1]:9", "127.0.0.1:9/mptcp", "[::1]:9/udp",         "127.0.0.1:9/udp",
	"unix:@fault", "unix",    "unix-dgram",        "unix-seqpacket",      "stale",
	"owned",       "[fe80::1%lo]:9",
};
static const char *kind;

static void prepare_open(void)
{
	opened = (struct listen_socket){ .fd = -1 };
	reason[0] = '\0';
	if (strcmp(kind, "stale") == 0) {
		make_stale();
		use_path("unix", kind);
	} else if (strchr(kind, ':') != NULL) {
		use_endpoint(kind);
	} else {
		use_path(strcmp(kind, "owned") == 0 ? "unix" : kind, "a");
	}
	if (strcmp(kind, "owned") == 0) { /* another group: owner and mode change in two steps */
		options.socket_gid = getuid() == 0 ? 54321 : (gid_t)-1;
		options.socket_mode = 0660;
	}
	options.interface = strcmp(kind, "127.0.0.1:9") == 0 ? "lo" : NULL;
	options.freebind = kind[0] == '[';
	options.rcvbuf = 65536;
	if (kind[0] == '[' && kind[1] == 'f')
		options.freebind = false;
}

static int work_open(void)
{
	return listen_open(&endpoint, &options, false, &opened, reason);
}

static void finish_open(int result, const struct faulty_plan *plan)
{
	ck_assert_msg((result == 0) == (opened.fd >= 0), "%s, %s: %d", kind, faulty_now(), result);
	/* What is there to fall back on is used; a path that keeps changing is told as such. */
	ck_assert_msg(result <= 0, "%s, %s: %d", kind, faulty_now(), result);
	if (result < 0)
		ck_assert_msg(reason[0] != '\0', "%s, %s: no reason", kind, faulty_now());
	if (plan == NULL && kind[1] != 'f')
		ck_assert_msg(result == 0, "%s: %s", kind, reason);
	if (plan != NULL && result < 0 && result != -plan->error)
		ck_assert_msg(result == -EBUSY || result == -EADDRINUSE || result == -EADDRNOTAVAIL || result == -EINVAL ||
				      plan->call == FAULTY_if_nametoindex,
			      "%s, %s: %s", kind, faulty_now(), reason);
	listen_close(&opened, &endpoint);
	unlink(path_in(folder, "stale"));
	ck_assert_msg(count_files() == 0 || plan->call == FAULTY_unlinkat, "%s, %s: a file was left", kind,
		      faulty_now());
	begin_anew();
}

START_TEST(opening)
{
	const struct faulty_work work = { kinds[_i], prepare_open, work_open, finish_open, 0 };

	kind = kinds[_i];
	folder = make_folder();
	ck_assert_uint_gt(faulty_sweep(&work), 20);
	remove_folder(folder);
}
END_TEST

static void prepare_adjust(void)
{
	prepare_open();
	ck_assert_int_eq(work_open(), 0);
	reason[0] = '\0';
	options.rcvbuf = 0; /* back to the kernel's */
	options.sndbuf = 4096;
	options.socket_mode = 0666;
}

static int work_adjust(void)
{
	return listen_adjust(&opened, &endpoint, &options, true, reason);
}

static void finish_adjust(int result, const struct faulty_plan *plan)
{
	ck_assert_msg(faulty_is_told(result, plan), "%s, %s: %d", kind, faulty_now(), result);
	ck_assert_msg(result == 0 || reason[0] != '\0', "%s, %s", kind, faulty_now());
	ck_assert_int_ge(fcntl(opened.fd, F_GETFD), 0);
	listen_close(&opened, &endpoint);
}

START_TEST(adjusting)
{
	static const char *const these[] = { "127.0.0.1:9", "[::1]:9/udp", "unix", "owned" };
	const struct faulty_work work = { "adjust", prepare_adjust, work_adjust, finish_adjust, 0 };

	kind = these[_i];
	folder = make_folder();
	ck_assert_uint_gt(faulty_sweep(&work), 10);
	remove_folder(folder);
}
END_TEST

static int passed;

static void prepare_adopt(void)
{
	prepare_open();
	ck_assert_int_eq(work_open(), 0);
	passed = opened.fd;
	opened.fd = -1;
	options.interface = "lo";
}

static int work_adopt(void)
{
	return listen_adopt(passed, &endpoint, &options, false, &opened, reason);
}

static void finish_adopt(int result, const struct faulty_plan *plan)
{
	ck_assert_msg(faulty_is_told(result, plan), "%s, %s: %d", kind, faulty_now(), result);
	ck_assert_int_eq(opened.fd, result == 0 ? passed : -1);
	ck_assert_int_eq(fcntl(passed, F_GETFD) >= 0, result == 0);
	cleanup_fd(&opened.fd); /* no file of an adopted one is ours */
	if (endpoint_has_path(&endpoint))
		unlink(endpoint.address.un.sun_path);
}

START_TEST(adopting)
{
	static const char *const these[] = { "127.0.0.1:9", "[::1]:9/udp", "127.0.0.1:9/udp", "unix" };
	const struct faulty_work work = { "adopt", prepare_adopt, work_adopt, finish_adopt, 0 };

	kind = these[_i];
	folder = make_folder();
	ck_assert_uint_gt(faulty_sweep(&work), 5);
	remove_folder(folder);
}
END_TEST

/* ---- what a service manager passed ---- */

#define FIRST 100

static struct adopted *adopted;

static void prepare_passed(void)
{
	static const char *const passed_ones[] = { "127.0.0.1:9", "[::1]:9", "127.0.0.1:9/udp", "unix:@fault",
						   "unix-dgram:@fault-d", "unix-seqpacket:@fault-s", "unix" };

	adopted = NULL;
	for (size_t i = 0; i < ELEMENTS(passed_ones); i++) {
		kind = passed_ones[i];
		prepare_open();
		ck_assert_int_eq(work_open(), 0);
		ck_assert_int_ge(dup2(opened.fd, FIRST + (int)i), 0); /* one behind the other */
		close(opened.fd);
	}
}

static int work_passed(void)
{
	return adopted_new(FIRST, 7, &adopted);
}

static void finish_passed(int result, const struct faulty_plan *plan)
{
	char texts[8][ENDPOINT_TEXT_MAX];
	size_t left, told;

	ck_assert_msg(result == 0 || (result == -ENOMEM && plan != NULL), "%s: %d", faulty_now(), result);
	if (result == 0) {
		left = adopted_left(adopted, texts, ELEMENTS(texts), &told);
		ck_assert_msg(left == 7, "%s: %zu are left", faulty_now(), left);
		use_endpoint("unix:@fault");
		passed = adopted_take(adopted, &endpoint);
		/* What cannot be found out about a socket makes it one that nobody asked for. */
		if (plan == NULL)
			ck_assert_int_eq(passed, FIRST + 3);
		cleanup_fd(&passed);
		adopted_free(adopted);
	} else {
		for (int i = 0; i < 7; i++)
			(void)close(FIRST + i);
	}
	unlink(path_in(folder, "a"));
}

START_TEST(passed_sockets)
{
	const struct faulty_work work = { "passed", prepare_passed, work_passed, finish_passed, 0 };

	folder = make_folder();
	ck_assert_uint_gt(faulty_sweep(&work), 20);
	remove_folder(folder);
}
END_TEST

/* ---- the control socket, and the service manager's ---- */

static struct loop *loop;
static struct control *control;

static void nobody_asks(void *context, struct control_client *client, const struct control_request *request)
{
	(void)context;
	(void)client;
	(void)request;
}

static int work_control(void)
{
	const struct control_options where = { .path = path_in(folder, "control"), .group = (gid_t)-1 };
	bool stale;

	reason[0] = '\0';
	return control_open(&where, NULL, loop, nobody_asks, NULL, &control, &stale, reason);
}

static void finish_control(int result, const struct faulty_plan *plan)
{
	ck_assert_msg(result == 0 || plan != NULL, "%s", reason);
	ck_assert_msg(result == 0 || reason[0] != '\0', "%s: no reason", faulty_now());
	ck_assert_int_eq(result == 0, control != NULL);
	control_close(control);
	control = NULL;
	ck_assert_msg(count_files() == 0 || plan->call == FAULTY_unlinkat, "%s: a file was left", faulty_now());
	begin_anew();
}

START_TEST(controlling)
{
	const struct faulty_work work = { "control", NULL, work_control, finish_control, 0 };

	folder = make_folder();
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_uint_gt(faulty_sweep(&work), 20);
	loop_free(loop);
	remove_folder(folder);
}
END_TEST

static struct notify *notify;

static int work_notify(void)
{
	static char socket_variable[] = "NOTIFY_SOCKET=@usherd-fault", usec[] = "WATCHDOG_USEC=3000000";
	char *const variables[] = { socket_variable, usec, NULL };
	int r = notify_new(variables, loop, &notify);

	notify_ready(notify);
	notify_status(notify, "one");
	notify_status(notify, "two");
	return r;
}

static void finish_notify(int result, const struct faulty_plan *plan)
{
	ck_assert_msg(faulty_is_told(result, plan), "%s: %d", faulty_now(), result);
	ck_assert_int_eq(result == 0, notify != NULL);
	notify_free(notify);
	notify = NULL;
}

START_TEST(manager)
{
	const struct faulty_work work = { "notify", NULL, work_notify, finish_notify, 0 };

	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_uint_gt(faulty_sweep(&work), 5);
	loop_free(loop);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_sockets");
	TCase *rows = tcase_create("rows"), *sweep = tcase_create("sweep");

	tcase_add_loop_test(rows, is_refused, 0, ELEMENTS(refusals));
	suite_add_tcase(suite, rows);
	tcase_set_timeout(sweep, 60);
	tcase_add_loop_test(sweep, opening, 0, ELEMENTS(kinds));
	tcase_add_loop_test(sweep, adjusting, 0, 4);
	tcase_add_loop_test(sweep, adopting, 0, 4);
	tcase_add_test(sweep, passed_sockets);
	tcase_add_test(sweep, controlling);
	tcase_add_test(sweep, manager);
	suite_add_tcase(suite, sweep);
	return suite;
}

RUN_SUITE(make_suite)
