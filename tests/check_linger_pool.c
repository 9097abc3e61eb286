/* check_linger_pool.c - connections that linger: how many, for how long, and on which
 * sockets. */
#include "linger_help.h"

/* ---- sockets of which both ends are here ---- */

static void connect_pair(int *ret_ours, int *ret_theirs)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*ret_theirs = client_of(SOCK_STREAM, ntohs(address.sin_port));
	*ret_ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*ret_ours, 0);
	close(listener);
}

/* A connection whose client stays; returns the client. */
static int linger_one(uint64_t silence_ns)
{
	int ours, theirs;

	connect_pair(&ours, &theirs);
	linger_close(pool, ours, silence_ns);
	return theirs;
}

/* Whether our end has been closed: what the client sends to it is answered with a reset. */
static bool is_closed(int theirs)
{
	struct pollfd look = { .fd = theirs };

	for (int i = 0; i < 5; i++) {
		if (send(theirs, "x", 1, MSG_NOSIGNAL) < 0)
			return true;
		if (poll(&look, 1, 2) > 0 && (look.revents & (POLLERR | POLLHUP)) != 0)
			return true;
	}
	return false;
}

START_TEST(full)
{
	size_t most = (size_t)_i;
	int theirs[4];

	use_pool(most);
	for (size_t i = 0; i < ELEMENTS(theirs); i++) {
		theirs[i] = linger_one(LONG_NS);
		ck_assert_uint_eq(linger_count(pool), i + 1 < most ? i + 1 : most);
	}
	for (size_t i = 0; i < ELEMENTS(theirs); i++)
		ck_assert_int_eq(is_closed(theirs[i]), i < ELEMENTS(theirs) - most);
	ck_assert_uint_eq(emptied, 0); /* one took the place of the other */
	linger_close_all(pool);
	ck_assert_uint_eq(emptied, most > 0 ? 1 : 0);
	ck_assert_uint_eq(linger_count(pool), 0);
	linger_close_all(pool);
	ck_assert_uint_eq(emptied, most > 0 ? 1 : 0);
	for (size_t i = 0; i < ELEMENTS(theirs); i++) {
		ck_assert(is_closed(theirs[i]));
		close(theirs[i]);
	}
}
END_TEST

/* One in the middle leaves: the others stay, and the oldest is known still. */
START_TEST(order)
{
	int theirs[3], another;

	use_pool(3);
	for (size_t i = 0; i < ELEMENTS(theirs); i++)
		theirs[i] = linger_one(LONG_NS);
	close(theirs[1]);
	for (int i = 0; i < 1000 && linger_count(pool) == 3; i++)
		run_for(loop, NULL, NS_PER_MS, never, NULL);
	ck_assert_uint_eq(linger_count(pool), 2);
	theirs[1] = linger_one(LONG_NS);
	another = linger_one(LONG_NS);
	ck_assert(is_closed(theirs[0]));
	ck_assert(!is_closed(theirs[1]) && !is_closed(theirs[2]) && !is_closed(another));
	close(theirs[0]);
	close(theirs[1]);
	close(theirs[2]);
	close(another);
	run_until(loop, NULL, is_empty, NULL);
	ck_assert_uint_eq(emptied, 1);
}
END_TEST

START_TEST(reserve)
{
	int theirs[5];

	use_pool(1);
	theirs[0] = linger_one(LONG_NS);
	ck_assert_int_eq(linger_pool_reserve(pool, 0), 0); /* never less */
	ck_assert_int_eq(linger_pool_reserve(pool, 3), 0);
	theirs[1] = linger_one(LONG_NS);
	ck_assert_int_eq(linger_pool_reserve(pool, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(linger_pool_reserve(pool, SIZE_MAX / 64), -ENOMEM);
	ck_assert_int_eq(linger_pool_reserve(pool, 4), 0);
	theirs[2] = linger_one(LONG_NS);
	theirs[3] = linger_one(LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 4);
	theirs[4] = linger_one(LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 4);
	for (size_t i = 0; i < ELEMENTS(theirs); i++) {
		ck_assert_int_eq(is_closed(theirs[i]), i == 0);
		close(theirs[i]);
	}
	run_until(loop, NULL, is_empty, NULL);
}
END_TEST

START_TEST(reserve_touches_nothing)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	ck_assert_int_eq(linger_pool_reserve(pool, 1000000), 0);
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_minflt - before.ru_minflt, 10000); /* the entries are 30,000 pages */
}
END_TEST

static void free_pool(void *context)
{
	linger_pool_free(pool);
	pool = NULL;
	*(bool *)context = true;
}

static bool is_true(void *context)
{
	return *(bool *)context;
}

START_TEST(freed_when_emptied)
{
	bool freed = false;
	int theirs;

	linger_pool_free(pool);
	ck_assert_int_eq(linger_pool_new(loop, 2, free_pool, &freed, &pool), 0);
	theirs = linger_one(_i == 0 ? LONG_NS : SHORT_NS);
	if (_i == 0)
		close(theirs);
	run_until(loop, NULL, is_true, &freed);
	if (_i == 1)
		close(theirs);
}
END_TEST

START_TEST(freed_while_full)
{
	int theirs[] = { linger_one(LONG_NS), linger_one(LONG_NS) };

	linger_pool_free(pool);
	pool = NULL;
	ck_assert_uint_eq(emptied, 0);
	ck_assert(is_closed(theirs[0]) && is_closed(theirs[1]));
	close(theirs[0]);
	close(theirs[1]);
	linger_pool_free(NULL);
}
END_TEST

START_TEST(nobody_told)
{
	linger_pool_free(pool);
	ck_assert_int_eq(linger_pool_new(loop, 2, NULL, NULL, &pool), 0);
	close(linger_one(LONG_NS));
	run_until(loop, NULL, is_empty, NULL);
	close(linger_one(LONG_NS));
	linger_close_all(pool);
}
END_TEST

/* A socket that the loop will not watch (it does so already): closed at once, and no more said of it
 * than there is to say. */
START_TEST(not_watched)
{
	bool displaces = _i == 1;
	struct loop_source source = { .set = LOOP_WORK };
	int ours, theirs, other = -1;

	use_pool(1);
	if (displaces)
		other = linger_one(LONG_NS);
	connect_pair(&ours, &theirs);
	source.fd = ours;
	ck_assert_int_eq(loop_add(loop, &source, 0), 0);
	linger_close(pool, ours, LONG_NS);
	source.on = false; /* went with its descriptor */
	ck_assert_uint_eq(linger_count(pool), 0);
	ck_assert_uint_eq(emptied, displaces ? 1 : 0);
	ck_assert(is_closed(theirs));
	close(theirs);
	cleanup_fd(&other);
}
END_TEST

/* ---- other sockets, and what a service may have done to its own ---- */

START_TEST(unix_sockets)
{
	int type = _i == 0 ? SOCK_STREAM : SOCK_SEQPACKET, ends[2];
	char bytes[16];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], "request", 7), 7);
	ck_assert_int_eq(write(ends[0], "reply", 5), 5);
	linger_close(pool, ends[0], LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 1);
	ck_assert_int_eq(write(ends[1], "more", 4), 4);
	run_for(loop, NULL, 20 * NS_PER_MS, never, NULL);
	ck_assert_int_eq(read(ends[1], bytes, sizeof(bytes)), 5);
	ck_assert_int_eq(read(ends[1], bytes, sizeof(bytes)), 0); /* and no ECONNRESET */
	close(ends[1]);
	run_until(loop, NULL, is_empty, NULL);
}
END_TEST

START_TEST(no_connection)
{
	int others[] = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), open("/dev/null", O_RDONLY | O_CLOEXEC) };

	linger_close(pool, others[0], LONG_NS);
	linger_close(pool, others[1], LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 0);
}
END_TEST

START_TEST(after_a_reset)
{
	struct pollfd look = { .events = POLLIN };
	int ours, theirs;

	connect_pair(&ours, &theirs);
	ck_assert_int_eq(write(ours, "reply", 5), 5);
	look.fd = theirs;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	close(theirs); /* unread */
	look.fd = ours;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	linger_close(pool, ours, LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 0);
}
END_TEST

/* SO_LINGER on the shared socket: close(2) must not wait for the client with the whole daemon. */
START_TEST(option_to_wait)
{
	struct linger option = { .l_onoff = 1, .l_linger = 30 };
	int ours, theirs, room = 4096;
	uint64_t from_ns;

	connect_pair(&ours, &theirs);
	setsockopt(theirs, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_LINGER, &option, sizeof(option)), 0);
	fcntl(ours, F_SETFL, O_NONBLOCK);
	for (char bytes[4096] = { 0 }; write(ours, bytes, sizeof(bytes)) > 0;)
		;
	from_ns = clock_now_ns();
	linger_close(pool, ours, _i == 0 ? 0 : 1);
	run_until(loop, NULL, is_empty, NULL);
	ck_assert_uint_lt(clock_now_ns() - from_ns, 5 * NS_PER_S);
	close(theirs);
}
END_TEST

START_TEST(option_to_reset)
{
	struct linger option = { .l_onoff = 1, .l_linger = 0 };
	int ours, theirs;
	char byte;

	connect_pair(&ours, &theirs);
	ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_LINGER, &option, sizeof(option)), 0);
	linger_close(pool, ours, LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 0);
	ck_assert_int_eq(read(theirs, &byte, 1), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	close(theirs);
}
END_TEST

/* Times of sent data wait in the error queue, which nobody reads: the loop must not turn for ever. */
START_TEST(error_queue)
{
	int wanted = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, ours, theirs;
	struct pollfd look = { .events = POLLIN };

	connect_pair(&ours, &theirs);
	ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof(wanted)), 0);
	ck_assert_int_eq(write(ours, "reply", 5), 5);
	look.fd = ours;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	ck_assert_int_ne(look.revents & POLLERR, 0);
	rounds = 0;
	linger_close(pool, ours, 2 * SHORT_NS);
	run_until(loop, NULL, is_empty, NULL);
	ck_assert_uint_ge(rounds, 10);
	ck_assert_uint_lt(rounds, 1000);
	close(theirs);
}
END_TEST

/* Input below the service's SO_RCVLOWAT, or urgent, makes no event; it must not reset in the end. */
START_TEST(unreported_input)
{
	int most = 1 << 16, ours, theirs;
	struct pollfd look = { .events = POLLIN };

	connect_pair(&ours, &theirs);
	if (_i == 0)
		setsockopt(ours, SOL_SOCKET, SO_RCVLOWAT, &most, sizeof(most));
	linger_close(pool, ours, SHORT_NS);
	ck_assert_int_eq(send(theirs, "x", 1, _i == 0 ? 0 : MSG_OOB), 1);
	run_until(loop, NULL, is_empty, NULL);
	look.fd = theirs;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	ck_assert_int_eq(look.revents, POLLIN); /* the end, and no error */
	close(theirs);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("linger-pool");
	TCase *pools = tcase_create("pool");
	TCase *sockets = tcase_create("sockets");

	tcase_add_checked_fixture(pools, set_up, tear_down);
	tcase_add_loop_test(pools, full, 0, 4);
	tcase_add_test(pools, order);
	tcase_add_test(pools, reserve);
	tcase_add_test(pools, reserve_touches_nothing);
	tcase_add_loop_test(pools, freed_when_emptied, 0, 2);
	tcase_add_test(pools, freed_while_full);
	tcase_add_test(pools, nobody_told);
	tcase_add_loop_test(pools, not_watched, 0, 2);
	tcase_set_timeout(pools, 30);
	suite_add_tcase(suite, pools);

	tcase_add_checked_fixture(sockets, set_up, tear_down);
	tcase_add_loop_test(sockets, unix_sockets, 0, 2);
	tcase_add_test(sockets, no_connection);
	tcase_add_test(sockets, after_a_reset);
	tcase_add_loop_test(sockets, option_to_wait, 0, 2);
	tcase_add_test(sockets, option_to_reset);
	tcase_add_test(sockets, error_queue);
	tcase_add_loop_test(sockets, unreported_input, 0, 2);
	tcase_set_timeout(sockets, 30);
	suite_add_tcase(suite, sockets);
	return suite;
}

RUN_SUITE(make_suite)
