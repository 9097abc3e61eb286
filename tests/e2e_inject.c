/* e2e_inject.c - system calls that fail in the daemon and in its children: the
 * trouble is named, the service never runs with less than was asked for, and
 * all is well when it is over (F02, F03, F04, F08, F40). */
#include "harness.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELLO     "[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n"
#define NO_STRACE "strace cannot attach here"

/* Steps of the child: what fails, how, and the name of the step in the log. */
static const struct {
	const char *inject, *stage, *keys;
	bool root;
} steps[] = {
	{ "setgroups:error=EPERM", "setgroups", "", true },
	{ "setgroups:error=EAGAIN", "setgroups", "", true },
	{ "setgroups:error=ENOMEM", "setgroups", "", true },
	{ "setresgid:error=EPERM", "setgid", "", true },
	{ "setresgid:error=EAGAIN", "setgid", "", true },
	{ "setresuid:error=EPERM", "setuid", "", true },
	{ "setresuid:error=EAGAIN", "setuid", "", true },
	/* The kernel says yes and does nothing: the check afterwards must see it. */
	{ "setresuid:retval=0", "verify_user", "", true },
	{ "setresgid:retval=0", "verify_user", "", true },
	{ "setgroups:retval=0", "verify_user", "", true },
	{ "chdir:error=EACCES", "directory", "directory = /usr\n", false },
	{ "chdir:error=EIO", "directory", "", false },
	{ "setsid:error=EPERM", "setsid", "", false },
	{ "dup2:error=EMFILE", "stderr|descriptors", "", false },
	{ "dup2:error=EMFILE:when=2", "stderr|descriptors", "", false },
	{ "dup2:error=EMFILE:when=3", "stderr|descriptors", "", false },
	{ "setpriority:error=EACCES", "nice", "nice = 5\n", false },
	{ "prctl:error=EINVAL", "no_new_privileges", "no_new_privileges = yes\n", false },
	{ "prlimit64,setrlimit:error=EINVAL", "rlimit", "rlimit_nofile = 64\n", false },
	{ "chroot:error=EPERM", "chroot", "chroot = $DIR\n", true },
	{ "execve:error=E2BIG", "exec", "", false },
	{ "execve:error=EAGAIN", "exec", "", false },
	{ "execve:error=EIO", "exec", "", false },
	{ "execve:error=ENOMEM", "exec", "", false },
	{ "execve:error=ETXTBSY", "exec", "", false },
	{ "execve:error=EACCES", "exec", "", false },
};

/* As many groups as nobody has, but others: a setgroups() that does nothing (as
 * some sandboxes fake it) is seen by who looks at them, not by who counts them. */
static void foreign_groups(void *context)
{
	gid_t groups[] = { 4 };

	(void)context;
	(void)!setgroups(1, groups);
}

START_TEST(child_step_fails)
{
	char config[1024];

	SKIP_IF(steps[_i].root && getuid() != 0, "needs to be started as root");
	bool jail = strstr(steps[_i].keys, "chroot") != NULL;

	snprintf(config, sizeof(config), "[hello]\nlisten = 127.0.0.1:$1\nexec = %s say hello\n%s",
		 jail ? "/probe" : "$PROBE", steps[_i].keys);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = config, .prepare = foreign_groups });
	pid_t tracer = inject_start(daemon, steps[_i].inject);

	SKIP_IF(tracer == 0, NO_STRACE);
	for (int i = 0; i < 2; i++) {
		char *reply = ask(1, NULL);

		ck_assert_msg(reply[0] == '\0', "%s: the service ran and said \"%s\"", steps[_i].inject,
			      reply);
		const char *line =
			daemon_wait_log(daemon, " fail service=hello .*stage=(%s) ", steps[_i].stage);

		ck_assert_str_ne(line_text(line, "error"), "");
	}
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=hello "), 0);
	inject_stop(daemon, tracer);
	if (!jail) /* without its libraries it cannot run in there */
		ask_many(1, NULL, "hello", 5, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Numbers that accept(2) says are to be treated like "try again" (F02). */
static const char *const transient[] = {
	"ECONNABORTED", "EPROTO",       "ENETDOWN",   "ENOPROTOOPT", "EHOSTDOWN",
	"ENONET",       "EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH", "ETIMEDOUT",
};

START_TEST(accept_fails_for_this_client)
{
	char inject[128];
	struct daemon *daemon = daemon_start(HELLO);

	snprintf(inject, sizeof(inject), "accept4,accept:error=%s:when=1..3", transient[_i]);
	pid_t tracer = inject_start(daemon, inject);

	SKIP_IF(tracer == 0, NO_STRACE);
	ask_many(1, NULL, "hello", 5, 2000);
	inject_stop(daemon, tracer);
	ck_assert_uint_eq(daemon_count_log(daemon, " (accept|pause|error) "), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static const char *const shortage[] = { "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM" };

/* Said once, a pause that grows, the waiting client served afterwards (F01). */
START_TEST(accept_has_no_resources)
{
	char inject[128];
	struct daemon *daemon = daemon_start(HELLO);

	snprintf(inject, sizeof(inject), "accept4,accept:error=%s", shortage[_i]);
	pid_t tracer = inject_start(daemon, inject);

	SKIP_IF(tracer == 0, NO_STRACE);
	int waiting = tcp_connect(1);
	uint64_t before = daemon_cpu_ms(daemon), start = now_ms();

	daemon_wait_log(daemon, " accept service=hello .*error=");
	char *none = read_piece(waiting, 2000, NULL);

	ck_assert_ptr_null(none);
	ck_assert_uint_eq(daemon_count_log(daemon, " accept service=hello "), 1);
	uint64_t used = daemon_cpu_ms(daemon) - before, took = now_ms() - start;

	ck_assert_msg(used * 20 <= took + 500, "%llu ms of processor in %llu ms", (unsigned long long)used,
		      (unsigned long long)took);
	inject_stop(daemon, tracer);
	start = now_ms();
	char *reply = read_all(waiting, NULL);

	ck_assert_str_eq(reply, "hello");
	ck_assert_msg(now_ms() - start < 1500 + late_ms(daemon), "served after %llu ms",
		      (unsigned long long)(now_ms() - start));
	ask_many(1, NULL, "hello", 20, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static const char *const no_process[] = { "EAGAIN", "ENOMEM" };

/* No process can be made: nobody is lost, not even those that were accepted
 * already; they are served when it is over (F03). */
START_TEST(no_processes)
{
	char inject[128];
	struct daemon *daemon = daemon_start("[few]\nlisten = 127.0.0.1:$1\ninstances = 3\n"
					     "exec = $PROBE say hello\n");

	snprintf(inject, sizeof(inject), "clone,?clone3,?vfork,?fork:error=%s", no_process[_i]);
	pid_t tracer = inject_start(daemon, inject);
	int clients[10];

	SKIP_IF(tracer == 0, NO_STRACE);
	for (int i = 0; i < 10; i++)
		clients[i] = tcp_connect(1);
	daemon_wait_log(daemon, " fail service=few .*stage=clone ");
	uint64_t before = daemon_cpu_ms(daemon), start = now_ms();

	free(read_piece(clients[9], 1500, NULL));
	uint64_t used = daemon_cpu_ms(daemon) - before, took = now_ms() - start;

	ck_assert_msg(used * 20 <= took + 500, "%llu ms of processor in %llu ms", (unsigned long long)used,
		      (unsigned long long)took);
	inject_stop(daemon, tracer);
	int served = 0;

	for (int i = 0; i < 10; i++) {
		char *reply = read_all(clients[i], NULL);

		ck_assert_msg(strcmp(reply, "hello") == 0, "client %d: \"%s\"", i, reply);
		served += reply[0] != '\0';
		close(clients[i]);
	}
	ck_assert_msg(served == 10, "only %d were served; log:\n%s", served, daemon_log_tail(daemon));
	/* More than `instances` failures: no place may be lost. */
	ask_many(1, NULL, "hello", 20, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Pipes and socket pairs that cannot be made. */
static const struct {
	const char *inject;
	bool datagram;
} channels[] = { { "pipe2:error=EMFILE", false },
		 { "socketpair:error=ENFILE", true },
		 { "memfd_create:error=EMFILE", true } };

START_TEST(no_channels)
{
	struct daemon *daemon = daemon_start(HELLO "[f]\nlisten = 127.0.0.1:$2/udp\nexec = /bin/cat\n");
	pid_t tracer = inject_start(daemon, channels[_i].inject);
	int fd = -1;

	SKIP_IF(tracer == 0, NO_STRACE);
	if (channels[_i].datagram) {
		fd = udp_connect("127.0.0.1", test_port(2));
		send_text(fd, "first");
		daemon_wait_log(daemon, " fail service=f ");
	} else {
		fd = tcp_connect(1);
		daemon_wait_log(daemon, " fail service=hello ");
	}
	inject_stop(daemon, tracer);
	ask_many(1, NULL, "hello", 5, 0);
	if (!channels[_i].datagram) {
		/* The one that was accepted was kept. */
		ck_assert_str_eq(read_all(fd, NULL), "hello");
		close(fd);
	} else {
		send_text(fd, "second");
		char *reply = read_piece(fd, PATIENCE_MS, NULL);

		/* The first may have been kept, or lost: both are what UDP is. */
		ck_assert_msg(reply != NULL && (strcmp(reply, "second") == 0 || strcmp(reply, "first") == 0),
			      "got \"%s\"", reply);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A reload for which there is no memory or no descriptor changes nothing (F05). */
static const char *const reload_faults[] = { "socket:error=EMFILE", "bind:error=ENOMEM",
					     "listen:error=ENOBUFS", "openat:error=EMFILE",
					     "read:error=EIO" };

START_TEST(reload_has_no_resources)
{
	struct daemon *daemon = daemon_start(HELLO);

	daemon_configure(HELLO "[new]\nlisten = 127.0.0.1:$3, 127.0.0.1:$4\nexec = $PROBE\n");
	pid_t tracer = inject_start(daemon, reload_faults[_i]);

	SKIP_IF(tracer == 0, NO_STRACE);
	daemon_reload(daemon, false);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(3)), -ECONNREFUSED);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(4)), -ECONNREFUSED);
	inject_stop(daemon, tracer);
	ask_many(1, NULL, "hello", 5, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("inject");
	TCase *child = harness_case(suite, "child", 60);

	tcase_add_loop_test(child, child_step_fails, 0, (int)(sizeof(steps) / sizeof(steps[0])));

	TCase *daemon = harness_case(suite, "daemon", 60);

	tcase_add_loop_test(daemon, accept_fails_for_this_client, 0,
			    (int)(sizeof(transient) / sizeof(transient[0])));
	tcase_add_loop_test(daemon, accept_has_no_resources, 0, 4);
	tcase_add_loop_test(daemon, no_processes, 0, 2);
	tcase_add_loop_test(daemon, no_channels, 0, 3);
	tcase_add_loop_test(daemon, reload_has_no_resources, 0, 4);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, harness_find("strace") == NULL ? "strace is not installed" : NULL);
}
