/* check_connection.c - what is known of a connection, at each station of its life;
 * and input that is thrown away, of each kind of socket. */
#include "connection.h"

#include "core_help.h"

#include <linux/filter.h>
#include <poll.h>
#include <sys/ioctl.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int ours, theirs; /* the two ends */
static size_t descriptors;

enum kind { KIND_TCP, KIND_MPTCP, KIND_UNIX_STREAM, KIND_UNIX_PACKETS, KIND_COUNT };

static const char *const kind_names[] = { "TCP", "MPTCP", "Unix stream", "Unix seqpacket" };

/* False: this kernel has no such sockets. */
static bool connect_pair(enum kind kind)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int ends[2], listener;

	if (kind == KIND_UNIX_STREAM || kind == KIND_UNIX_PACKETS) {
		ck_assert_int_eq(socketpair(AF_UNIX,
					    (kind == KIND_UNIX_STREAM ? SOCK_STREAM : SOCK_SEQPACKET) |
						    SOCK_CLOEXEC, 0, ends), 0);
		ours = ends[0];
		theirs = ends[1];
		return true;
	}
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, kind == KIND_MPTCP ? IPPROTO_MPTCP : 0);
	if (listener < 0 && kind == KIND_MPTCP)
		return false;
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, kind == KIND_MPTCP ? IPPROTO_MPTCP : 0);
	ck_assert_int_eq(connect(theirs, (struct sockaddr *)&address, sizeof(address)), 0);
	ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(ours, 0);
	close(listener);
	return true;
}

static void set_up(void)
{
	descriptors = count_descriptors();
	ours = theirs = -1;
}

static void hang_up(int *fd)
{
	cleanup_fd(fd);
	*fd = -1;
}

static void tear_down(void)
{
	hang_up(&ours);
	hang_up(&theirs);
	ck_assert_uint_eq(count_descriptors(), descriptors);
}

static void put(int fd, size_t count)
{
	static char bytes[65536];

	ck_assert_int_eq(send(fd, bytes, count, MSG_NOSIGNAL), (ssize_t)count);
}

static size_t waiting(int fd)
{
	int count = 0;

	ck_assert_int_eq(ioctl(fd, FIONREAD, &count), 0);
	return (size_t)count;
}

static short events_now(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN | POLLRDHUP };

	return poll(&look, 1, 0) > 0 ? look.revents : 0;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* Waits until it is so: the kernel moves segments in its own time. */
#define await(what)                                                                                          \
	do {                                                                                                   \
		uint64_t give_up_ns = clock_now_ns() + PATIENCE_NS;                                            \
		while (!(what)) {                                                                              \
			ck_assert_msg(clock_now_ns() < give_up_ns, "waited in vain for " #what);               \
			nap();                                                                                 \
		}                                                                                              \
	} while (0)

/* The client hears no segment any more, as if its cable had been cut. */
static void make_deaf(int fd)
{
	struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { .len = 1, .filter = nothing };

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
}

/* ---- facts ---- */

static void check_counts(uint64_t in, uint64_t out, uint64_t unacknowledged)
{
	struct connection_facts facts = connection_facts(ours);

	ck_assert(facts.known);
	ck_assert_uint_eq(facts.bytes_in, in);
	ck_assert_uint_eq(facts.bytes_out, out);
	ck_assert_uint_eq(facts.unacknowledged, unacknowledged);
	ck_assert_uint_eq(connection_unsent(ours), unacknowledged);
}

START_TEST(beginning)
{
	struct connection_facts facts;

	connect_pair(KIND_TCP);
	check_counts(0, 0, 0);
	facts = connection_facts(ours);
	ck_assert(!facts.ended_in && !facts.closed);
	ck_assert_uint_gt(facts.rtt_us, 0);
	ck_assert_uint_lt(facts.rtt_us, 1000000);
}
END_TEST

START_TEST(both_ways)
{
	connect_pair(KIND_TCP);
	put(theirs, 1000);
	put(ours, 3000);
	await(connection_facts(ours).bytes_in == 1000 && connection_unsent(ours) == 0);
	check_counts(1000, 3000, 0);
	ck_assert_uint_eq(waiting(ours), 1000); /* nobody took it */
}
END_TEST

/* In which order the two sides end: each state of the connection. */
START_TEST(ends)
{
	bool client_first = _i == 0;

	connect_pair(KIND_TCP);
	put(theirs, 10);
	put(ours, 20);
	await(connection_facts(ours).bytes_in == 10 && connection_unsent(ours) == 0);

	ck_assert_int_eq(shutdown(client_first ? theirs : ours, SHUT_WR), 0);
	if (client_first)
		await(connection_facts(ours).ended_in);
	else
		await((events_now(theirs) & POLLRDHUP) != 0);
	check_counts(10, 20, 0);
	ck_assert_int_eq(connection_facts(ours).ended_in, client_first);
	ck_assert(!connection_facts(ours).closed);

	ck_assert_int_eq(shutdown(client_first ? ours : theirs, SHUT_WR), 0);
	await(connection_facts(ours).closed);
	check_counts(10, 20, 0);
	ck_assert(connection_facts(ours).ended_in);
}
END_TEST

/* Segments that never arrive, and our end behind them, which is no byte. */
START_TEST(under_way)
{
	size_t count = (size_t[]){ 1, 5000 }[_i];

	connect_pair(KIND_TCP);
	put(ours, 7);
	await(connection_unsent(ours) == 0);
	make_deaf(theirs);
	put(ours, count);
	check_counts(0, 7 + count, count);
	ck_assert_int_eq(shutdown(ours, SHUT_WR), 0); /* FIN_WAIT1 */
	check_counts(0, 7 + count, count);
}
END_TEST

START_TEST(under_way_after_the_client_ended)
{
	connect_pair(KIND_TCP);
	put(theirs, 3);
	ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
	await(connection_facts(ours).ended_in);
	make_deaf(theirs);
	put(ours, 100);
	check_counts(3, 100, 100);
	ck_assert_int_eq(shutdown(ours, SHUT_WR), 0); /* LAST_ACK */
	check_counts(3, 100, 100);
	ck_assert(connection_facts(ours).ended_in);
}
END_TEST

/* The client's end crosses ours, which never arrives. */
START_TEST(closing)
{
	connect_pair(KIND_TCP);
	make_deaf(theirs);
	ck_assert_int_eq(shutdown(ours, SHUT_WR), 0);
	check_counts(0, 0, 0);
	ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
	await(connection_facts(ours).ended_in);
	check_counts(0, 0, 0);
}
END_TEST

START_TEST(reset)
{
	struct connection_facts facts;

	connect_pair(KIND_TCP);
	put(theirs, 10);
	put(ours, 20);
	await(connection_facts(ours).bytes_in == 10 && connection_unsent(ours) == 0);
	hang_up(&theirs); /* with our 20 bytes unread */
	await(connection_facts(ours).closed);
	facts = connection_facts(ours);
	ck_assert(!facts.ended_in);
	check_counts(10, 20, 0);
	ck_assert_int_eq(connection_discard(ours), -ECONNRESET);
	ck_assert_int_eq(connection_discard(ours), 0); /* the error is told once; nothing comes any more */
}
END_TEST

START_TEST(quiet)
{
	connect_pair(KIND_TCP);
	await(connection_facts(ours).quiet_ns >= 60 * NS_PER_MS); /* since the beginning */
	for (int way = 0; way < 2; way++) {
		uint64_t from_ns = clock_now_ns();

		put(way == 0 ? ours : theirs, 1);
		await(connection_facts(ours).quiet_ns < 60 * NS_PER_MS);
		await(connection_facts(ours).quiet_ns >= 60 * NS_PER_MS);
		ck_assert_uint_ge(clock_now_ns() - from_ns, 50 * NS_PER_MS); /* the kernel's ticks are coarse */
	}
}
END_TEST

/* A client that has gone away is sent the same again and again: 0.4 s, 0.8 s, 1.6 s after the first time.
 * (A probe for a lost tail, 0.2 s after, cannot be told from new data.) */
START_TEST(sent_again_is_quiet)
{
	uint64_t longest_ns = 0, from_ns;

	connect_pair(KIND_TCP);
	make_deaf(theirs);
	put(ours, 100);
	from_ns = clock_now_ns();
	while (clock_now_ns() < from_ns + 1900 * NS_PER_MS) {
		uint64_t quiet_ns = connection_facts(ours).quiet_ns;

		nap();
		if (clock_now_ns() < from_ns + 500 * NS_PER_MS)
			continue;
		ck_assert_msg(quiet_ns + 150 * NS_PER_MS > longest_ns, "quiet %ju ms after %ju ms",
			      (uintmax_t)(quiet_ns / NS_PER_MS), (uintmax_t)(longest_ns / NS_PER_MS));
		longest_ns = quiet_ns > longest_ns ? quiet_ns : longest_ns;
	}
	ck_assert_uint_ge(longest_ns, 1700 * NS_PER_MS);
	check_counts(0, 100, 100);
}
END_TEST

START_TEST(mptcp)
{
	if (!connect_pair(KIND_MPTCP))
		return;
	put(theirs, 1000);
	put(ours, 3000);
	await(connection_facts(ours).bytes_in == 1000 && connection_facts(ours).bytes_out == 3000);
	await(connection_unsent(ours) == 0);
	ck_assert(!connection_facts(ours).ended_in);
	ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
	await(connection_facts(ours).ended_in);
	ck_assert_uint_eq(connection_facts(ours).bytes_in, 1000);
}
END_TEST

START_TEST(no_tcp)
{
	static const int discarded[] = { -EBADF, 1, -ENOTSOCK };
	struct connection_facts facts;
	int others[] = {
		-1,
		socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		open("/dev/null", O_RDWR | O_CLOEXEC),
	};

	connect_pair(KIND_UNIX_STREAM);
	facts = connection_facts(ours);
	ck_assert(!facts.known && !facts.ended_in && !facts.closed);
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		facts = connection_facts(others[i]);
		ck_assert(!facts.known);
		ck_assert_uint_eq(facts.bytes_in + facts.bytes_out + facts.quiet_ns + facts.rtt_us, 0);
		ck_assert_uint_eq(connection_unsent(others[i]), 0);
		ck_assert_int_eq(connection_discard(others[i]), discarded[i]);
		cleanup_fd(&others[i]);
	}
}
END_TEST

START_TEST(unix_unsent)
{
	char bytes[8];

	connect_pair(_i == 0 ? KIND_UNIX_STREAM : KIND_UNIX_PACKETS);
	ck_assert_uint_eq(connection_unsent(ours), 0);
	put(ours, sizeof(bytes));
	ck_assert_uint_gt(connection_unsent(ours), 0);
	ck_assert_int_eq(read(theirs, bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert_uint_eq(connection_unsent(ours), 0);
}
END_TEST

/* ---- discarding ---- */

/* Until it says something else than that more may come and nothing waits. */
static int discard_all(void)
{
	int r;

	for (int i = 0; (r = connection_discard(ours)) == 1 && i < 1000; i++)
		if (waiting(ours) == 0)
			break;
	return r;
}

START_TEST(discard)
{
	if (!connect_pair((enum kind)_i))
		return;
	ck_assert_msg(connection_discard(ours) == 1, "%s: not waiting for more", kind_names[_i]);
	put(theirs, 10);
	put(theirs, 30000);
	await(waiting(ours) >= 30000);
	ck_assert_msg(discard_all() == 1, "%s", kind_names[_i]);
	ck_assert_uint_eq(waiting(ours), 0);
	put(ours, 5); /* it hurts nothing */
	put(theirs, 10);
	ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
	await((events_now(ours) & POLLRDHUP) != 0);
	ck_assert_msg(discard_all() == 0, "%s: no end", kind_names[_i]);
	ck_assert_msg(connection_discard(ours) == 0, "%s: the end is lost", kind_names[_i]);
}
END_TEST

START_TEST(discard_after_hang_up)
{
	if (!connect_pair((enum kind)_i))
		return;
	put(theirs, 10);
	hang_up(&theirs);
	await((events_now(ours) & POLLRDHUP) != 0);
	ck_assert_int_eq(discard_all(), 0);
}
END_TEST

START_TEST(discard_after_reset)
{
	connect_pair(_i == 0 ? KIND_UNIX_STREAM : KIND_UNIX_PACKETS);
	put(ours, 10);
	hang_up(&theirs); /* unread */
	ck_assert_int_eq(connection_discard(ours), -ECONNRESET);
}
END_TEST

/* One call takes a bounded amount, whatever waits. */
START_TEST(discard_is_bounded)
{
	connect_pair(KIND_UNIX_PACKETS);
	for (int i = 0; i < 100; i++)
		put(theirs, 1);
	ck_assert_int_eq(connection_discard(ours), 1);
	ck_assert_uint_ge(waiting(ours), 1);
	ck_assert_uint_lt(waiting(ours), 100);
	ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
	ck_assert_int_eq(connection_discard(ours), 1); /* not the end yet */
	ck_assert_int_eq(discard_all(), 0);
}
END_TEST

START_TEST(discard_a_flood)
{
	uint64_t taken;
	pid_t pid;

	connect_pair(_i == 0 ? KIND_TCP : KIND_UNIX_STREAM);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		static char bytes[65536];

		close(ours);
		while (send(theirs, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
			;
		_exit(0);
	}
	hang_up(&theirs);
	for (int i = 0; i < 200; i++) {
		await((events_now(ours) & POLLIN) != 0);
		ck_assert_int_eq(connection_discard(ours), 1);
	}
	taken = connection_facts(ours).bytes_in;
	ck_assert(_i != 0 || taken > 0);
	hang_up(&ours);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(empty_packets)
{
	connect_pair(KIND_UNIX_PACKETS);
	put(theirs, 0);
	ck_assert_int_eq(connection_discard(ours), 1); /* not an end */
	put(theirs, 0);
	put(theirs, 1);
	put(theirs, 0);
	hang_up(&theirs);
	ck_assert_int_eq(connection_discard(ours), 0);
	ck_assert_uint_eq(waiting(ours), 0);
}
END_TEST

/* Descriptors that a client sends do not get in here. */
START_TEST(sent_descriptors)
{
	size_t before;
	char byte = 0;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int pipe_ends[2];

	connect_pair(_i == 0 ? KIND_UNIX_STREAM : KIND_UNIX_PACKETS);
	ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	memcpy(CMSG_DATA(&control.header), &pipe_ends[1], sizeof(int));
	ck_assert_int_eq(sendmsg(theirs, &message, 0), 1);
	close(pipe_ends[1]);
	ck_assert_int_eq(events_now(pipe_ends[0]) & POLLHUP, 0); /* it is on its way */
	before = count_descriptors();
	ck_assert_int_eq(connection_discard(ours), 1);
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert_int_ne(events_now(pipe_ends[0]) & POLLHUP, 0); /* and gone */
	close(pipe_ends[0]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("connection");
	TCase *facts = tcase_create("facts"), *discarding = tcase_create("discarding");

	tcase_add_checked_fixture(facts, set_up, tear_down);
	tcase_add_test(facts, beginning);
	tcase_add_test(facts, both_ways);
	tcase_add_loop_test(facts, ends, 0, 2);
	tcase_add_loop_test(facts, under_way, 0, 2);
	tcase_add_test(facts, under_way_after_the_client_ended);
	tcase_add_test(facts, closing);
	tcase_add_test(facts, reset);
	tcase_add_test(facts, quiet);
	tcase_add_test(facts, sent_again_is_quiet);
	tcase_add_test(facts, mptcp);
	tcase_add_test(facts, no_tcp);
	tcase_add_loop_test(facts, unix_unsent, 0, 2);
	tcase_set_timeout(facts, 30);
	suite_add_tcase(suite, facts);

	tcase_add_checked_fixture(discarding, set_up, tear_down);
	tcase_add_loop_test(discarding, discard, 0, KIND_COUNT);
	tcase_add_loop_test(discarding, discard_after_hang_up, 0, KIND_COUNT);
	tcase_add_loop_test(discarding, discard_after_reset, 0, 2);
	tcase_add_test(discarding, discard_is_bounded);
	tcase_add_loop_test(discarding, discard_a_flood, 0, 2);
	tcase_add_test(discarding, empty_packets);
	tcase_add_loop_test(discarding, sent_descriptors, 0, 2);
	tcase_set_timeout(discarding, 30);
	suite_add_tcase(suite, discarding);
	return suite;
}

RUN_SUITE(make_suite)
