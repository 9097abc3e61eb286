/* check_listen_unix.c - Unix sockets in a directory of their own: mode and owner
 * from the first moment, take-over of what is dead, respect for all else. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "listen_help.h"

#define NOBODY 65534

static char directory[64]; /* of one test; each runs in a process of its own */

static void set_up(void)
{
	strcpy(directory, "/tmp/usherd-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0755), 0);
}

/* Calls for each name in the directory; returns how many there are. */
static unsigned each_name(void (*call)(const char *path))
{
	DIR *stream = opendir(directory);
	char path[PATH_MAX];
	unsigned count = 0;

	ck_assert_ptr_nonnull(stream);
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (call != NULL)
			call(path);
	}
	closedir(stream);
	return count;
}

static void remove_name(const char *path)
{
	if (unlink(path) < 0)
		rmdir(path);
}

static void tear_down(void)
{
	each_name(remove_name);
	rmdir(directory);
}

static void path_in(char path[static PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", directory, name);
}

/* The endpoint DIRECTORY/NAME of a kind ("unix:", ...). */
static struct endpoint endpoint_in(const char *kind, const char *name)
{
	char text[PATH_MAX + 32], path[PATH_MAX];

	path_in(path, name);
	snprintf(text, sizeof(text), "%s%s", kind, path);
	return endpoint_of(text);
}

static struct stat status_of(const struct endpoint *endpoint)
{
	struct stat status;

	ck_assert_int_eq(lstat(endpoint->address.un.sun_path, &status), 0);
	return status;
}

static int type_of(const struct endpoint *endpoint)
{
	if (endpoint->kind == ENDPOINT_UNIX_DGRAM)
		return SOCK_DGRAM;
	return endpoint->kind == ENDPOINT_UNIX_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;
}

/* A client of another program; non-blocking, connected. */
static int connect_to(const struct endpoint *endpoint)
{
	int fd = socket(AF_UNIX, type_of(endpoint) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &endpoint->address.sa, endpoint->length), 0);
	return fd;
}

/* A socket as any program binds it; it does not listen with a backlog of -1. */
static int bind_plainly(const struct endpoint *endpoint, int backlog)
{
	int fd = socket(AF_UNIX, type_of(endpoint) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, &endpoint->address.sa, endpoint->length), 0);
	if (endpoint_is_stream(endpoint) && backlog >= 0)
		ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

static const char *const kinds[] = { "unix:", "unix-dgram:", "unix-seqpacket:" };

/* What the file is when its owner changes; the library calls this in place of libc's. */
static struct {
	unsigned calls;
	mode_t mode;
	bool at_path; /* it is already where clients look */
} chowned;

int fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags)
{
	struct stat status;
	char path[PATH_MAX];

	path_in(path, "s");
	if (fstat(fd, &status) == 0)
		chowned.mode = status.st_mode & 07777;
	chowned.at_path = access(path, F_OK) == 0;
	chowned.calls++;
	return (int)syscall(SYS_fchownat, fd, name, uid, gid, flags);
}

static const struct mode {
	const char *kind;
	mode_t mode, umask;
} modes[] = {
	{ "unix:", 0600, 022 },		{ "unix:", 0666, 077 },
	{ "unix:", 0660, 0777 },	{ "unix:", 0000, 0 },
	{ "unix:", 0777, 0 },		{ "unix-dgram:", 0600, 0 },
	{ "unix-dgram:", 0622, 077 },	{ "unix-dgram:", 0660, 0 },
	{ "unix-seqpacket:", 0600, 0 }, { "unix-seqpacket:", 0666, 0777 },
};

START_TEST(test_mode)
{
	const struct mode *row = &modes[_i];
	struct endpoint endpoint = endpoint_in(row->kind, "s");
	struct socket_options options = default_options();
	struct listen_socket opened;
	struct stat status;

	options.socket_mode = row->mode;
	umask(row->umask);
	opened = open_socket(&endpoint, &options);
	ck_assert_uint_eq(umask(022), row->umask);
	status = status_of(&endpoint);
	ck_assert(S_ISSOCK(status.st_mode));
	ck_assert_uint_eq(status.st_mode & 07777, row->mode);
	ck_assert_uint_eq(status.st_uid, geteuid());
	ck_assert_uint_eq(status.st_ino, opened.inode);
	ck_assert_uint_eq(status.st_dev, opened.device);
	ck_assert_uint_eq(each_name(NULL), 1);
	listen_close(&opened, &endpoint);
	ck_assert_uint_eq(each_name(NULL), 0);
}
END_TEST

START_TEST(test_owner)
{
	struct endpoint endpoint = endpoint_in(kinds[_i], "s");
	struct socket_options options = default_options();
	struct listen_socket opened;
	struct stat status;

	if (geteuid() != 0) {
		puts("# skipped: only root can give a socket away");
		return;
	}
	options.socket_uid = 4321;
	options.socket_gid = 1234;
	options.socket_mode = 0660;
	opened = open_socket(&endpoint, &options);
	ck_assert_uint_eq(chowned.calls, 1);
	ck_assert_uint_eq(chowned.mode, 0); /* open to nobody until it has its owner */
	ck_assert(!chowned.at_path);
	status = status_of(&endpoint);
	ck_assert_uint_eq(status.st_uid, 4321);
	ck_assert_uint_eq(status.st_gid, 1234);
	ck_assert_uint_eq(status.st_mode & 07777, 0660);
	listen_close(&opened, &endpoint);
}
END_TEST

/* The path is never seen but complete: it comes by one rename, after the mode
 * was set on another name. */
START_TEST(test_order)
{
	static const unsigned expected[] = { IN_CREATE, IN_ATTRIB, IN_MOVED_FROM, IN_MOVED_TO };
	struct endpoint endpoint = endpoint_in(kinds[_i], "s");
	struct socket_options options = default_options();
	_cleanup_fd_ int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct listen_socket opened;
	ssize_t length, offset = 0;
	unsigned count = 0;

	ck_assert_int_ge(inotify_add_watch(watch, directory, IN_CREATE | IN_ATTRIB | IN_MOVE | IN_DELETE), 0);
	opened = open_socket(&endpoint, &options);
	length = read(watch, events, sizeof(events));
	ck_assert_int_gt(length, 0);
	while (offset < length) {
		const struct inotify_event *event = (const void *)(events + offset);

		ck_assert_uint_lt(count, ELEMENTS(expected));
		ck_assert_uint_eq(event->mask, expected[count]);
		if (event->mask == IN_MOVED_TO)
			ck_assert_str_eq(event->name, "s");
		else
			ck_assert_msg(strncmp(event->name, ".s.usherd-", 10) == 0, "%s", event->name);
		count++;
		offset += (ssize_t)(sizeof(*event) + event->len);
	}
	ck_assert_uint_eq(count, ELEMENTS(expected));
	listen_close(&opened, &endpoint);
}
END_TEST

START_TEST(test_serves)
{
	struct endpoint endpoint = endpoint_in(kinds[_i], "s");
	struct socket_options options = default_options();
	struct listen_socket opened = open_socket(&endpoint, &options);
	_cleanup_fd_ int client = connect_to(&endpoint), served = -1;
	char byte = 0;

	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	await_input(opened.fd);
	if (endpoint_is_stream(&endpoint)) {
		served = accept4(opened.fd, NULL, NULL, SOCK_CLOEXEC);
		ck_assert_int_ge(served, 0);
	}
	ck_assert_int_eq(recv(endpoint_is_stream(&endpoint) ? served : opened.fd, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'x');
	listen_close(&opened, &endpoint);
}
END_TEST

enum there {
	THERE_STALE,
	THERE_LIVE,
	THERE_BOUND, /* about to listen */
	THERE_FULL,  /* its backlog */
	THERE_FILE,
	THERE_DIRECTORY,
	THERE_LINK,
	THERE_DANGLING,
	THERE_FIFO,
};

/* What listen_open() makes of what is at the path (F50). */
static const struct takeover {
	const char *ours, *theirs; /* kinds */
	enum there there;
	int error;
	const char *advice;
} takeovers[] = {
	{ "unix:", "unix:", THERE_STALE, 0, "" },
	{ "unix:", "unix-dgram:", THERE_STALE, 0, "" },
	{ "unix:", "unix-seqpacket:", THERE_STALE, 0, "" },
	{ "unix-dgram:", "unix-dgram:", THERE_STALE, 0, "" },
	{ "unix-dgram:", "unix:", THERE_STALE, 0, "" },
	{ "unix-seqpacket:", "unix-seqpacket:", THERE_STALE, 0, "" },
	{ "unix-seqpacket:", "unix:", THERE_STALE, 0, "" },
	{ "unix:", "unix:", THERE_LIVE, -EADDRINUSE, "another program has this socket" },
	{ "unix:", "unix-dgram:", THERE_LIVE, -EADDRINUSE, "another program has this socket" },
	{ "unix:", "unix-seqpacket:", THERE_LIVE, -EADDRINUSE, "another program has this socket" },
	{ "unix-dgram:", "unix-dgram:", THERE_LIVE, -EADDRINUSE, "another program has this socket" },
	{ "unix-dgram:", "unix:", THERE_LIVE, -EADDRINUSE, "another program has this socket" },
	{ "unix-seqpacket:", "unix-seqpacket:", THERE_LIVE, -EADDRINUSE, "ss -xlp" },
	{ "unix-seqpacket:", "unix-dgram:", THERE_LIVE, -EADDRINUSE, "choose another path" },
	{ "unix:", "unix:", THERE_BOUND, -EADDRINUSE, "another program has this socket" },
	{ "unix:", "unix:", THERE_FULL, -EADDRINUSE, "another program has this socket" },
	{ "unix-seqpacket:", "unix-seqpacket:", THERE_FULL, -EADDRINUSE, "another program has this socket" },
	{ "unix:", "unix:", THERE_FILE, -EEXIST, "a regular file and is left alone" },
	{ "unix-dgram:", "unix:", THERE_FILE, -EEXIST, "a regular file and is left alone" },
	{ "unix:", "unix:", THERE_DIRECTORY, -EEXIST, "a directory and is left alone" },
	{ "unix:", "unix:", THERE_LINK, -EEXIST, "a symbolic link and is left alone" },
	{ "unix:", "unix:", THERE_DANGLING, -EEXIST, "a symbolic link and is left alone" },
	{ "unix:", "unix:", THERE_FIFO, -EEXIST, "not a socket and is left alone" },
};

/* Puts something at the path. Returns a descriptor of it that has to stay open,
 * or -1; a second one (a client that fills the backlog) in `ret_other`. */
static int put_there(const struct takeover *row, int *ret_other)
{
	struct endpoint theirs = endpoint_in(row->theirs, "s"), elsewhere = endpoint_in(row->theirs, "other");
	const char *path = theirs.address.un.sun_path;
	int fd;

	switch (row->there) {
	case THERE_STALE:
		close(bind_plainly(&theirs, 1));
		return -1;
	case THERE_LIVE:
		return bind_plainly(&theirs, 1);
	case THERE_BOUND:
		return bind_plainly(&theirs, -1);
	case THERE_FULL:
		fd = bind_plainly(&theirs, 0);
		*ret_other = connect_to(&theirs);
		return fd;
	case THERE_FILE:
		fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);
		ck_assert_int_eq(write(fd, "data", 4), 4);
		return fd;
	case THERE_DIRECTORY:
		ck_assert_int_eq(mkdir(path, 0755), 0);
		return -1;
	case THERE_LINK:
		close(bind_plainly(&elsewhere, 1));
		ck_assert_int_eq(symlink(elsewhere.address.un.sun_path, path), 0);
		return -1;
	case THERE_DANGLING:
		ck_assert_int_eq(symlink("nowhere", path), 0);
		return -1;
	case THERE_FIFO:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		return -1;
	}
	ck_abort();
}

START_TEST(test_takeover)
{
	const struct takeover *row = &takeovers[_i];
	struct endpoint ours = endpoint_in(row->ours, "s"), theirs = endpoint_in(row->theirs, "s");
	struct socket_options options = default_options();
	struct listen_socket opened = { .fd = -1 };
	char reason[LISTEN_REASON_MAX] = "";
	_cleanup_fd_ int other = -1, held = put_there(row, &other), client = -1;
	struct stat before = status_of(&ours), after;
	unsigned names = each_name(NULL), descriptors = count_descriptors();
	int error = listen_open(&ours, &options, false, &opened, reason);

	ck_assert_int_ge(held, row->there == THERE_LIVE ? 0 : -1);
	after = status_of(&ours);
	ck_assert_msg(error == row->error, "%d: %s", error, reason);
	ck_assert_msg(strstr(reason, row->advice) != NULL, "%s", reason);
	ck_assert_uint_eq(each_name(NULL), names); /* no temporary name is left */
	if (error == 0) {
		ck_assert(S_ISSOCK(after.st_mode));
		ck_assert_uint_eq(after.st_ino, opened.inode);
		client = connect_to(&ours);
		listen_close(&opened, &ours);
		ck_assert_uint_eq(each_name(NULL), names - 1);
		return;
	}
	ck_assert_uint_eq(count_descriptors(), descriptors);
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	ck_assert_uint_eq(after.st_mode, before.st_mode);
	ck_assert_int_eq(after.st_size, before.st_size);
	ck_assert_int_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	ck_assert_int_eq(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
	if (row->there != THERE_LIVE)
		return;
	if (endpoint_is_stream(&theirs)) { /* it was not disturbed */
		ck_assert_int_lt(accept(held, NULL, NULL), 0);
		ck_assert_int_eq(errno, EAGAIN);
	}
	client = connect_to(&theirs); /* and it still answers */
}
END_TEST

/* Goes on as somebody without rights, if it is root that runs the tests, and back. */
static void become_nobody(void)
{
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
}

static void become_self(void)
{
	ck_assert_int_eq(seteuid(getuid()), 0);
}

START_TEST(test_other_owner)
{
	struct endpoint endpoint = endpoint_in("unix:", "s");
	struct socket_options options = default_options();
	char reason[LISTEN_REASON_MAX] = "";
	struct listen_socket opened;
	struct stat before;

	if (geteuid() != 0) {
		puts("# skipped: only root can make a socket of another user");
		return;
	}
	close(bind_plainly(&endpoint, 1));
	ck_assert_int_eq(chmod(endpoint.address.un.sun_path, 0666), 0);
	ck_assert_int_eq(chmod(directory, 0777), 0);
	before = status_of(&endpoint);
	become_nobody();
	ck_assert_int_eq(listen_open(&endpoint, &options, false, &opened, reason), -EPERM);
	ck_assert_msg(strstr(reason, "belongs to user 0") != NULL, "%s", reason);
	become_self();
	ck_assert_int_eq(chmod(endpoint.address.un.sun_path, 0600), 0);
	become_nobody();
	ck_assert_int_eq(listen_open(&endpoint, &options, false, &opened, reason), -EACCES);
	ck_assert_msg(strstr(reason, "cannot tell whether anybody answers") != NULL, "%s", reason);
	become_self();
	ck_assert_uint_eq(status_of(&endpoint).st_ino, before.st_ino);
	ck_assert_uint_eq(each_name(NULL), 1);
}
END_TEST

/* A failure after the file was created: it goes, and the stale one stays. */
START_TEST(test_no_trace)
{
	struct endpoint endpoint = endpoint_in("unix:", "s");
	struct socket_options options = default_options();
	char reason[LISTEN_REASON_MAX] = "";
	struct listen_socket opened;
	struct stat before;

	ck_assert_int_eq(chmod(directory, 0777), 0);
	become_nobody();
	close(bind_plainly(&endpoint, 1));
	before = status_of(&endpoint);
	options.socket_uid = 0;
	ck_assert_int_eq(listen_open(&endpoint, &options, false, &opened, reason), -EPERM);
	ck_assert_msg(strstr(reason, "needs root or CAP_CHOWN") != NULL, "%s", reason);
	ck_assert_uint_eq(status_of(&endpoint).st_ino, before.st_ino);
	ck_assert_uint_eq(each_name(NULL), 1);
	become_self();
}
END_TEST

START_TEST(test_directories)
{
	struct endpoint missing = endpoint_in("unix:", "missing/s"), file = endpoint_in("unix:", "file/s");
	struct endpoint closed = endpoint_in("unix:", "s");
	struct socket_options options = default_options();
	char reason[LISTEN_REASON_MAX] = "", path[PATH_MAX];
	struct listen_socket opened;

	ck_assert_int_eq(listen_open(&missing, &options, false, &opened, reason), -ENOENT);
	ck_assert_msg(strstr(reason, "/missing does not exist; create it") != NULL, "%s", reason);
	path_in(path, "file");
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(listen_open(&file, &options, false, &opened, reason), -ENOTDIR);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(chmod(directory, 0555), 0);
	become_nobody();
	ck_assert_int_eq(listen_open(&closed, &options, false, &opened, reason), -EACCES);
	ck_assert_msg(strstr(reason, "cannot create a socket in ") != NULL, "%s", reason);
	become_self();
	ck_assert_int_eq(chmod(directory, 0755), 0);
	ck_assert_uint_eq(each_name(NULL), 0);
}
END_TEST

/* A path of full length leaves no room for a temporary name in an address. */
START_TEST(test_long_path)
{
	struct socket_options options = default_options();
	char name[128] = "";
	size_t room = 107 - strlen(directory) - 1;

	for (size_t length = room - 30; length <= room; length++) {
		struct listen_socket opened;
		struct endpoint endpoint;

		memset(name, 'n', length);
		name[length] = '\0';
		endpoint = endpoint_in("unix:", name);
		close(bind_plainly(&endpoint, 1)); /* and a stale one to replace */
		opened = open_socket(&endpoint, &options);
		close(connect_to(&endpoint));
		ck_assert_uint_eq(each_name(NULL), 1);
		listen_close(&opened, &endpoint);
		ck_assert_uint_eq(each_name(NULL), 0);
	}
}
END_TEST

/* Whatever has our temporary name keeps it. */
START_TEST(test_temporary_taken)
{
	struct endpoint endpoint = endpoint_in("unix:", "s");
	struct socket_options options = default_options();
	char name[64], path[PATH_MAX];
	struct listen_socket opened;

	snprintf(name, sizeof(name), ".s.usherd-%d-0", getpid());
	path_in(path, name);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	opened = open_socket(&endpoint, &options);
	ck_assert_uint_eq(each_name(NULL), 2);
	listen_close(&opened, &endpoint);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* Another file at our path is not ours to remove, nor to change. */
START_TEST(test_replaced)
{
	struct endpoint endpoint = endpoint_in(kinds[_i], "s");
	struct socket_options options = default_options();
	struct listen_socket opened = open_socket(&endpoint, &options);
	char reason[LISTEN_REASON_MAX] = "";
	_cleanup_fd_ int other = -1;

	ck_assert_int_eq(unlink(endpoint.address.un.sun_path), 0);
	other = bind_plainly(&endpoint, 1);
	ck_assert_int_eq(chmod(endpoint.address.un.sun_path, 0611), 0);
	options.socket_mode = 0666;
	ck_assert_int_eq(listen_adjust(&opened, &endpoint, &options, false, reason), 0);
	ck_assert_uint_eq(status_of(&endpoint).st_mode & 07777, 0611);
	listen_close(&opened, &endpoint);
	ck_assert_uint_eq(each_name(NULL), 1);
}
END_TEST

/* A socket that was handed to us (no file known) leaves its file alone. */
START_TEST(test_adopted)
{
	struct endpoint endpoint = endpoint_in("unix:", "s");
	struct listen_socket adopted = { .fd = bind_plainly(&endpoint, 1) };

	listen_close(&adopted, &endpoint);
	ck_assert_uint_eq(each_name(NULL), 1);
}
END_TEST

START_TEST(test_adjust)
{
	struct endpoint endpoint = endpoint_in(kinds[_i], "s");
	struct socket_options options = default_options();
	struct listen_socket opened = open_socket(&endpoint, &options);
	char reason[LISTEN_REASON_MAX] = "";
	bool root = geteuid() == 0;
	struct stat status;

	options.socket_mode = 0660;
	options.rcvbuf = 16384;
	if (root) {
		options.socket_uid = 4321;
		options.socket_gid = 1234;
	}
	ck_assert_msg(listen_adjust(&opened, &endpoint, &options, true, reason) == 0, "%s", reason);
	if (root) /* what one of the two keeps out is never let in */
		ck_assert_uint_eq(chowned.mode, 0600 & 0660);
	status = status_of(&endpoint);
	ck_assert_uint_eq(status.st_ino, opened.inode);
	ck_assert_uint_eq(status.st_mode & 07777, 0660);
	ck_assert_uint_eq(status.st_uid, root ? 4321 : geteuid());
	ck_assert_uint_eq(status.st_gid, root ? 1234 : getegid());
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_RCVBUF), 2 * 16384);
	ck_assert_int_eq(fcntl(opened.fd, F_GETFL) & O_NONBLOCK, 0);
	listen_close(&opened, &endpoint);
	ck_assert_uint_eq(each_name(NULL), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("listen_unix");
	TCase *unix_case = tcase_create("unix");

	tcase_add_checked_fixture(unix_case, set_up, tear_down);
	tcase_add_loop_test(unix_case, test_mode, 0, ELEMENTS(modes));
	tcase_add_loop_test(unix_case, test_owner, 0, ELEMENTS(kinds));
	tcase_add_loop_test(unix_case, test_order, 0, ELEMENTS(kinds));
	tcase_add_loop_test(unix_case, test_serves, 0, ELEMENTS(kinds));
	tcase_add_loop_test(unix_case, test_takeover, 0, ELEMENTS(takeovers));
	tcase_add_test(unix_case, test_other_owner);
	tcase_add_test(unix_case, test_no_trace);
	tcase_add_test(unix_case, test_directories);
	tcase_add_test(unix_case, test_long_path);
	tcase_add_test(unix_case, test_temporary_taken);
	tcase_add_loop_test(unix_case, test_replaced, 0, ELEMENTS(kinds));
	tcase_add_test(unix_case, test_adopted);
	tcase_add_loop_test(unix_case, test_adjust, 0, ELEMENTS(kinds));
	suite_add_tcase(suite, unix_case);
	return suite;
}

RUN_SUITE(make_suite)
