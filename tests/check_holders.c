/* check_holders.c - finding a socket in other processes: where it begins, where it was moved
 * to, in a descendant, in a thread; and who may not look. */
#include "holders.h"

#include "core_help.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define MOVED 70
#define FAR   900 /* both beyond what the test itself uses */

static int ours, theirs; /* a pair; `theirs` is what is looked for, as usherd has a duplicate of it */
static int told[2], orders[2];
static pid_t leader;
static size_t descriptors;
static struct holder_hint hint;

static void set_up(void)
{
	int ends[2];

	descriptors = count_descriptors();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ours = ends[0];
	theirs = ends[1];
	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(orders, O_CLOEXEC), 0);
	leader = 0;
	hint = (struct holder_hint){ .pid = 0 };
}

static void tear_down(void)
{
	if (leader > 0) {
		kill(-leader, SIGKILL);
		kill(leader, SIGKILL);
		waitpid(leader, NULL, 0);
	}
	close(ours);
	close(theirs);
	close(told[0]);
	close(told[1]);
	close(orders[0]);
	close(orders[1]);
	ck_assert_uint_eq(count_descriptors(), descriptors);
}

/* ---- children: each tells its number when it is where it should be, then waits for an order ---- */

static void tell_of(pid_t pid)
{
	if (write(told[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
}

static void tell(void)
{
	tell_of(getpid());
}

static void await_order(void)
{
	char order;

	if (read(orders[0], &order, 1) != 1)
		_exit(1);
}

static pid_t await_told(void)
{
	pid_t pid;

	ck_assert_int_eq(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

static void order(void)
{
	ck_assert_int_eq(write(orders[1], "", 1), 1);
}

/* Until the test ends in whatever way: nobody can give orders any more. */
static void sleep_on(void)
{
	struct pollfd look = { .fd = orders[0], .events = 0 };

	while (poll(&look, 1, -1) <= 0)
		;
	_exit(0);
}

static void stay(void)
{
	tell();
	sleep_on();
}

/* Starts the leader of a group of its own, with the socket at `fd` only. */
static void start_leader(void (*life)(void), int fd)
{
	leader = fork();
	ck_assert_int_ge(leader, 0);
	if (leader != 0)
		return;
	setpgid(0, 0);
	if (fd >= 0 && dup2(theirs, fd) != fd)
		_exit(1);
	close(theirs);
	close(ours);
	close(orders[1]);
	life();
	_exit(0);
}

static enum holders look(void)
{
	return holders_of(theirs, leader, leader, &hint);
}

/* ---- where it is ---- */

static const int places[] = { 0, 1, MOVED, FAR };

START_TEST(at_a_place)
{
	start_leader(stay, places[_i]);
	await_told();
	for (int i = 0; i < 2; i++) { /* without the hint, and with it */
		ck_assert_int_eq(look(), HOLDERS_SOME);
		ck_assert_int_eq(hint.pid, leader);
		ck_assert_int_eq(hint.fd, places[_i]);
	}
}
END_TEST

START_TEST(nowhere)
{
	struct holder_hint before = { .pid = 0 };

	start_leader(stay, -1);
	await_told();
	ck_assert_int_eq(look(), HOLDERS_NONE);
	ck_assert_mem_eq(&hint, &before, sizeof(hint));
}
END_TEST

/* The other end of the pair, and other sockets, are not it. */
static void stay_with_others(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || dup2(ends[0], 0) != 0)
		_exit(1);
	stay();
}

START_TEST(other_sockets)
{
	start_leader(stay_with_others, -1);
	await_told();
	ck_assert_int_eq(look(), HOLDERS_NONE);
}
END_TEST

static void move_about(void)
{
	tell();
	await_order();
	dup2(0, MOVED);
	close(0);
	tell();
	await_order();
	close(MOVED);
	stay();
}

START_TEST(moved_and_closed)
{
	start_leader(move_about, 0);
	await_told();
	ck_assert_int_eq(look(), HOLDERS_SOME);
	ck_assert_int_eq(hint.fd, 0);
	order();
	await_told();
	ck_assert_int_eq(look(), HOLDERS_SOME);
	ck_assert_int_eq(hint.fd, MOVED);
	order();
	await_told();
	ck_assert_int_eq(look(), HOLDERS_NONE);
}
END_TEST

/* A hint that is wrong in every way is no more than a hint. */
START_TEST(wrong_hints)
{
	const struct holder_hint hints[] = {
		{ .pid = getpid(), .fd = ours }, { .pid = INT32_MAX, .fd = 0 }, { .pid = -1, .fd = -1 },
		{ .pid = 1, .fd = 0 },           { .pid = 0, .fd = 12345 },     { .pid = getpid(), .fd = -1 },
	};

	hint = hints[_i];
	start_leader(stay, MOVED);
	await_told();
	ck_assert_int_eq(look(), HOLDERS_SOME);
	ck_assert_int_eq(hint.pid, leader);
	ck_assert_int_eq(hint.fd, MOVED);
}
END_TEST

/* ---- who has it ---- */

static void leave_to_child(void)
{
	pid_t child = fork();

	if (child != 0) {
		close(0);
		tell_of(child);
	}
	sleep_on();
}

static void end_and_leave_to_child(void)
{
	if (fork() != 0)
		_exit(0);
	stay();
}

/* A session in which the first process has closed it, and the second has a group of its own. */
static void begin_session(void)
{
	pid_t child;

	if (fork() != 0) {
		close(0);
		stay();
	}
	await_order();
	setsid();
	child = fork();
	if (child != 0) {
		close(0);
		setpgid(child, 0);
		tell_of(child);
	}
	sleep_on();
}

START_TEST(descendants)
{
	void (*const lives[])(void) = { leave_to_child, end_and_leave_to_child };
	pid_t child;

	start_leader(lives[_i], 0);
	child = await_told();
	ck_assert_int_ne(child, leader);
	if (_i == 1) { /* the leader has gone: only its group is known */
		siginfo_t info;

		ck_assert_int_eq(waitid(P_PID, (id_t)leader, &info, WEXITED | WNOWAIT), 0);
		ck_assert_int_eq(holders_of(theirs, 0, leader, &hint), HOLDERS_SOME);
	} else {
		ck_assert_int_eq(look(), HOLDERS_SOME);
	}
	ck_assert_int_eq(hint.pid, child);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	for (int i = 0; i < 1000 && look() == HOLDERS_SOME; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	ck_assert_int_eq(look(), HOLDERS_NONE); /* the dead that nobody waited for have nothing */
}
END_TEST

START_TEST(in_a_session)
{
	pid_t child, session;

	start_leader(begin_session, 0);
	ck_assert_int_eq(await_told(), leader);
	order();
	child = await_told();
	session = getsid(child);
	ck_assert_int_ne(session, leader);
	ck_assert_int_ne(getpgid(child), session);
	ck_assert_int_eq(holders_of(theirs, 0, session, &hint), HOLDERS_SOME);
	ck_assert_int_eq(hint.pid, child);

	hint = (struct holder_hint){ .pid = 0 };
	ck_assert_int_eq(holders_of(theirs, leader, leader, &hint), HOLDERS_NONE); /* it left that group */
}
END_TEST

/* We have it ourselves, and are not one of the holders, though we may be in the group. */
START_TEST(ourselves)
{
	ck_assert_int_eq(holders_of(theirs, 0, getpgrp(), &hint), HOLDERS_NONE);
	ck_assert_int_eq(holders_of(theirs, 0, 0, &hint), HOLDERS_NONE);
}
END_TEST

static void *stay_in_thread(void *nothing)
{
	/* A table of its own, in which alone the socket is. */
	if (unshare(CLONE_FILES) != 0 || dup2(0, MOVED) != MOVED)
		_exit(1);
	close(0);
	stay();
	return nothing;
}

static void leave_to_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay_in_thread, NULL) != 0)
		_exit(1);
	await_order();
	close(0);
	tell();
	await_order();
	pthread_exit(NULL); /* the first thread ends; /proc/PID/fd is empty from now on */
}

START_TEST(threads)
{
	start_leader(leave_to_thread, 0);
	await_told();
	order();
	await_told();
	ck_assert_int_eq(look(), HOLDERS_SOME);
	ck_assert_int_eq(hint.fd, MOVED);
	ck_assert_int_ne(hint.pid, leader);
	order();
	for (int i = 0; i < 20; i++) {
		hint = (struct holder_hint){ .pid = 0 };
		ck_assert_int_eq(look(), HOLDERS_SOME);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}
END_TEST

/* ---- what cannot be known ---- */

START_TEST(no_socket)
{
	int pipe_ends[2];

	ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	ck_assert_int_eq(holders_of(-1, 0, getpgrp(), &hint), HOLDERS_UNKNOWN);
	ck_assert_int_eq(holders_of(pipe_ends[0], 0, getpgrp(), &hint), HOLDERS_UNKNOWN);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
END_TEST

/* Gives up every right of root, for this process. */
static void become_nobody(void)
{
	ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
}

START_TEST(may_not_look)
{
	pid_t pid;
	int status;

	if (getuid() != 0)
		return; /* there is nobody to hide behind */
	start_leader(stay, _i == 0 ? 0 : MOVED);
	await_told();
	pid = fork();
	if (pid == 0) {
		become_nobody();
		_exit(look());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), HOLDERS_UNKNOWN);
}
END_TEST

static void become_nobody_and_end(void)
{
	become_nobody();
	tell();
	_exit(0);
}

/* A daemon without rights sees its own children, and is not misled by one that has ended: to look into that
 * is forbidden, but it has nothing. */
START_TEST(dead_without_rights)
{
	pid_t pid;
	int status;
	siginfo_t info;

	start_leader(getuid() == 0 ? become_nobody_and_end : tell, 0);
	await_told();
	ck_assert_int_eq(waitid(P_PID, (id_t)leader, &info, WEXITED | WNOWAIT), 0);
	pid = fork();
	if (pid == 0) {
		if (getuid() == 0)
			become_nobody();
		_exit(look());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), HOLDERS_NONE);
}
END_TEST

/* As in containers that forbid kcmp(2), or kernels without it. */
static void forbid_kcmp(unsigned error)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ELEMENTS(steps), .filter = steps };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(without_kcmp)
{
	start_leader(move_about, 0);
	await_told();
	forbid_kcmp(_i == 0 ? EPERM : ENOSYS);
	for (int fd = 0; fd <= MOVED; fd += MOVED) {
		for (int i = 0; i < 2; i++) {
			ck_assert_int_eq(look(), HOLDERS_SOME);
			ck_assert_int_eq(hint.pid, leader);
			ck_assert_int_eq(hint.fd, fd);
		}
		order();
		await_told();
	}
	ck_assert_int_eq(look(), HOLDERS_NONE);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("holders");
	TCase *where = tcase_create("where"), *who = tcase_create("who"), *unknown = tcase_create("unknown");

	tcase_add_checked_fixture(where, set_up, tear_down);
	tcase_add_loop_test(where, at_a_place, 0, ELEMENTS(places));
	tcase_add_test(where, nowhere);
	tcase_add_test(where, other_sockets);
	tcase_add_test(where, moved_and_closed);
	tcase_add_loop_test(where, wrong_hints, 0, 6);
	suite_add_tcase(suite, where);

	tcase_add_checked_fixture(who, set_up, tear_down);
	tcase_add_loop_test(who, descendants, 0, 2);
	tcase_add_test(who, in_a_session);
	tcase_add_test(who, ourselves);
	tcase_add_test(who, threads);
	suite_add_tcase(suite, who);

	tcase_add_checked_fixture(unknown, set_up, tear_down);
	tcase_add_test(unknown, no_socket);
	tcase_add_loop_test(unknown, may_not_look, 0, 2);
	tcase_add_test(unknown, dead_without_rights);
	tcase_add_loop_test(unknown, without_kcmp, 0, 2);
	tcase_set_timeout(unknown, 10);
	suite_add_tcase(suite, unknown);
	return suite;
}

RUN_SUITE(make_suite)
