/* check_service.c - the live services on a real loop, with loopback sockets and
 * tiny programs: limits, pauses, wait = yes, and configurations that change. */
#include "service_help.h"

/* ---- limits ---- */

/* One of the instances has to end before the next client is served; the rest of the world goes on. */
START_TEST(instances)
{
	int clients[4], elsewhere;

	ck_assert_int_eq(apply("[cat]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\ninstances = 2\n"
			       "[echo]\nlisten = 127.0.0.1:%u\nexec = /bin/sh -c 'echo hello'\n",
			       port, other),
			 0);
	for (size_t i = 0; i < ELEMENTS(clients); i++)
		clients[i] = connect_to(port);
	wait_for_sessions(2);
	run_a_while();
	ck_assert_uint_eq(service_set_session_count(set), 2);
	elsewhere = connect_to(other);
	ck_assert_str_eq(answer(elsewhere), "hello\n");
	close(elsewhere);
	for (size_t i = 0; i < ELEMENTS(clients); i++) {
		ck_assert_int_eq(send(clients[i], "x", 1, 0), 1);
		ck_assert_str_eq(answer(clients[i]), "x");
		close(clients[i]);
	}
	wait_for_sessions(0);
	ck_assert_uint_eq(set->gate.active, 0);
}
END_TEST

START_TEST(max_sessions)
{
	int clients[3];

	ck_assert_int_eq(apply("[usherd]\nmax_sessions = 1\n"
			       "[a]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n"
			       "[b]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n",
			       port, other),
			 0);
	for (size_t i = 0; i < ELEMENTS(clients); i++)
		clients[i] = connect_to(i == 1 ? other : port);
	for (size_t i = 0; i < ELEMENTS(clients); i++) {
		wait_for_sessions(1);
		run_a_while();
		ck_assert_uint_eq(service_set_session_count(set), 1);
		service_set_terminate(set, true);
	}
	wait_for_sessions(0);
	for (size_t i = 0; i < ELEMENTS(clients); i++)
		close(clients[i]);
}
END_TEST

/* A program that cannot be started is tried again after pauses that double, and
 * works at once when it is there. */
START_TEST(failed_exec)
{
	const char *program = path_in(folder, "program"), *aside = path_in(folder, "aside");
	int client;

	write_file(program, 0700, "#!/bin/sh\necho works\n");
	ck_assert_int_eq(apply("[s]\nlisten = 127.0.0.1:%u\nexec = %s\n", port, program), 0);
	ck_assert_int_eq(rename(program, aside), 0);
	for (int i = 0; i < 3; i++)
		close(connect_to(port));
	wait_for_log("stage=exec error=\"No such file or directory\" pause=0.100 ");
	wait_for_log("stage=exec error=\"No such file or directory\" pause=0.200 ");
	wait_for_log("stage=exec error=\"No such file or directory\" pause=0.400 ");
	ck_assert_int_eq(rename(aside, program), 0);
	client = connect_to(port);
	ck_assert_str_eq(answer(client), "works\n");
	close(client);
	ck_assert_uint_eq(count_in(read_file(log_path), "fail "), 3);
}
END_TEST

/* ---- wait = yes ---- */

START_TEST(wait_stream)
{
	int client;

	ck_assert_int_eq(apply("[w]\nlisten = 127.0.0.1:%u\nexec = /bin/sleep 0.3\nwait = yes\n", port), 0);
	client = connect_to(port);
	wait_for_log("start service=w");
	ck_assert_ptr_nonnull(set->listeners[0]->holder);
	ck_assert(!set->listeners[0]->source.on);
	wait_for_log("end service=w");
	wait_for_log("reason=took_nothing seconds=0.050");
	wait_for_log("reason=took_nothing seconds=0.100");
	close(client);
}
END_TEST

/* A datagram that nobody takes is thrown away in the end, and does not bar the way. */
START_TEST(wait_datagram)
{
	uint16_t udp = free_port(SOCK_DGRAM);
	int client;

	ck_assert_int_eq(apply("[w]\nlisten = 127.0.0.1:%u/udp\nexec = /bin/true\nwait = yes\n", udp), 0);
	client = client_of(SOCK_DGRAM, udp);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	wait_for_log("reason=took_nothing seconds=0.400");
	wait_for_sessions(0);
	ck_assert(!run_for(loop, log_, 600 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(count_in(read_file(log_path), "took_nothing"), 4);
	ck_assert(set->listeners[0]->source.on);
	close(client);
}
END_TEST

/* ---- another configuration ---- */

static int listener_fd(const char *name)
{
	for (size_t i = 0; i < set->listener_count; i++)
		if (strcmp(set->listeners[i]->service->settings->name, name) == 0)
			return set->listeners[i]->socket.fd;
	return -1;
}

START_TEST(reload_keeps)
{
	int fd, client, waiting;

	ck_assert_int_eq(apply("[old]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\ninstances = 1\n", port), 0);
	ck_assert_uint_eq(summary.opened, 1);
	fd = listener_fd("old");
	client = connect_to(port);
	wait_for_sessions(1);
	waiting = connect_to(port);
	run_a_while();
	ck_assert_int_eq(apply("[new]\nlisten = 127.0.0.1:%u\nexec = /bin/sh -c 'echo new'\n", port), 0);
	ck_assert_uint_eq(summary.generation, 2);
	ck_assert_uint_eq(summary.kept, 1);
	ck_assert_uint_eq(summary.opened, 0);
	ck_assert_int_eq(listener_fd("new"), fd);
	ck_assert_str_eq(answer(waiting), "new\n"); /* the one that waited is not lost */
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_str_eq(answer(client), "x"); /* nor the session of a service that is gone */
	close(client);
	close(waiting);
	wait_for_sessions(0);
}
END_TEST

START_TEST(reload_removes)
{
	int client;

	ck_assert_int_eq(apply("[a]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n"
			       "[b]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n",
			       port, other),
			 0);
	client = connect_to(port);
	wait_for_sessions(1);
	ck_assert_int_eq(apply("[b]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n", other), 0);
	ck_assert_uint_eq(summary.closed, 1);
	ck_assert_int_eq(client_of(SOCK_STREAM, port), -1);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_str_eq(answer(client), "x");
	close(client);
	wait_for_sessions(0);
}
END_TEST

/* 0.0.0.0 makes way for 127.0.0.1 with the same port, and the other way round. */
START_TEST(reload_to_specific)
{
	static const char *const addresses[] = { "0.0.0.0", "127.0.0.1", "0.0.0.0" };

	for (size_t i = 0; i < ELEMENTS(addresses); i++) {
		int client;

		ck_assert_int_eq(apply("[s]\nlisten = %s:%u\nexec = /bin/sh -c 'echo here'\n", addresses[i],
				       port),
				 0);
		ck_assert_uint_eq(summary.opened, 1);
		client = connect_to(port);
		ck_assert_str_eq(answer(client), "here\n");
		close(client);
	}
}
END_TEST

/* One address is taken: all stays as it was, what had to make way included. */
START_TEST(reload_fails)
{
	struct sockaddr_in address = loopback(other);
	int stranger = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	size_t before;

	ck_assert_int_eq(bind(stranger, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(stranger, 1), 0);
	ck_assert_int_eq(apply("[s]\nlisten = 0.0.0.0:%u\nexec = /bin/sh -c 'echo here'\n", port), 0);
	before = count_descriptors();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(apply("[s]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n"
				       "[t]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n",
				       port, other),
				 -EINVAL);
		ck_assert_uint_eq(errors.count, 1);
		ck_assert_str_eq(errors.items[0].subject, "t.listen");
		client = connect_to(port);
		ck_assert_str_eq(answer(client), "here\n");
		close(client);
	}
	wait_for_sessions(0);
	run_a_while();
	ck_assert_uint_eq(count_descriptors(), before);
	close(stranger);
}
END_TEST

/* A filter that runs has the address of its listener: whatever becomes of the
 * reload, somebody listens on the port in the end. */
START_TEST(reload_beside_a_filter)
{
	uint16_t udp = free_port(SOCK_DGRAM);
	int client;

	ck_assert_int_eq(apply("[f]\nlisten = 0.0.0.0:%u/udp\nexec = /bin/sh -c 'sleep 0.5; cat'\n", udp), 0);
	client = client_of(SOCK_DGRAM, udp);
	ck_assert_int_eq(send(client, "one", 3, 0), 3);
	wait_for_sessions(1);
	apply("[f]\nlisten = 127.0.0.1:%u/udp\nexec = /bin/cat\n", udp);
	wait_for_sessions(0);
	/* An address is tried again once a second. */
	ck_assert(!run_for(loop, log_, 1500 * NS_PER_MS, never, NULL));
	while (recv(client, (char[8]){ 0 }, 8, MSG_DONTWAIT) >= 0 || errno == ECONNREFUSED)
		continue;
	ck_assert_int_eq(send(client, "two", 3, 0), 3);
	ck_assert_str_eq(answer(client), "two");
	close(client);
}
END_TEST

/* ---- the end ---- */

/* Static, since the end of the test's own sessions is told there, too. */
static unsigned drained;

static void on_drained(void *context)
{
	++*(unsigned *)context;
}

static bool is_one(void *context)
{
	return *(unsigned *)context == 1;
}

START_TEST(drain)
{
	int client;

	ck_assert_int_eq(apply("[a]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n", port), 0);
	client = connect_to(port);
	wait_for_sessions(1);
	service_set_drain(set, on_drained, &drained);
	ck_assert_int_eq(client_of(SOCK_STREAM, port), -1);
	run_a_while();
	ck_assert_uint_eq(drained, 0);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_str_eq(answer(client), "x");
	close(client);
	run_until(loop, log_, is_one, &drained);
}
END_TEST

START_TEST(drain_idle)
{
	ck_assert_int_eq(apply("[a]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\n", port), 0);
	service_set_drain(set, on_drained, &drained);
	ck_assert_uint_eq(drained, 1);
}
END_TEST

/* A client that does not end its side is waited for, but not when the time of the drain is up. */
START_TEST(drain_lingers)
{
	int client;

	ck_assert_int_eq(apply("[a]\nlisten = 127.0.0.1:%u\nexec = /bin/sh -c 'echo bye'\nlinger = 1h\n",
			       port),
			 0);
	client = connect_to(port);
	ck_assert_str_eq(answer(client), "bye\n");
	wait_for_log("end service=a");
	ck_assert_uint_eq(linger_count(set->linger), 1);
	service_set_drain(set, on_drained, &drained);
	run_a_while();
	ck_assert_uint_eq(drained, 0);
	if (_i == 0)
		close(client);
	else
		service_set_terminate(set, false);
	run_until(loop, log_, is_one, &drained);
	ck_assert_uint_eq(linger_count(set->linger), 0);
	if (_i != 0)
		close(client);
}
END_TEST

/* ---- programs that fail at once ---- */

static unsigned starts(void)
{
	log_flush(log_);
	return count_in(read_file(log_path), "start service=s ");
}

/* Connects from this address of 127/8 and waits for the end of the connection. */
static bool is_served_from(uint8_t last, char text[static 16])
{
	struct sockaddr_in own = loopback(0), address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned before = starts();
	ssize_t n;

	own.sin_addr.s_addr = htonl(0x7f000000U + last);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	run_until(loop, log_, answered, &fd);
	n = recv(fd, text, 15, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	wait_for_sessions(0);
	return starts() > before;
}

/* One source sees failures only: it is refused for a while, others are not. */
START_TEST(failures_of_one_source)
{
	char text[16];

	ck_assert_int_eq(apply("[s]\nlisten = 127.0.0.1:%u\nexec = /bin/false\n", port), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_msg(is_served_from(5, text), "client %d", i);
	for (int i = 0; i < 5; i++)
		ck_assert(!is_served_from(5, text));
	ck_assert(is_served_from(6, text));
	wait_for_log("failing service=s status=1 in_a_row=10 pause=0.100 message=");
	wait_for_log("refuse service=s peer=127.0.0.5:");
	wait_for_log("reason=throttle");
	/* It may come again when the pause is over. */
	run_a_while();
	run_a_while();
	run_a_while();
	ck_assert(is_served_from(5, text));
	ck_assert_uint_eq(count_in(read_file(log_path), "failing "), 1);
	ck_assert_uint_eq(count_in(read_file(log_path), "recovered "), 0);
}
END_TEST

/* Three sources see failures only: nobody is refused, all wait; the first success ends it. */
START_TEST(failures_of_many_sources)
{
	const char *program = path_in(folder, "program"), *other_program = path_in(folder, "other");
	char text[16];

	write_file(program, 0755, "#!/bin/sh\nexit 1\n");
	write_file(other_program, 0755, "#!/bin/sh\necho works\n");
	ck_assert_int_eq(apply("[s]\nlisten = 127.0.0.1:%u\nexec = %s\n", port, program), 0);
	for (int i = 0; i < 15; i++)
		ck_assert_msg(is_served_from((uint8_t)(5 + i % 3), text), "client %d was refused", i);
	wait_for_log("failing service=s status=1 in_a_row=10 pause=0.100 message=");
	ck_assert_int_eq(rename(other_program, program), 0);
	ck_assert(is_served_from(5, text));
	ck_assert_str_eq(text, "works\n");
	wait_for_log("recovered service=s");
	ck_assert(is_served_from(6, text));
	ck_assert_uint_eq(count_in(read_file(log_path), "recovered "), 1);
	ck_assert_uint_eq(count_in(read_file(log_path), "refuse "), 0);
}
END_TEST

/* Nine are not ten; and a program that answers has not failed. */
static const struct {
	const char *command;
	unsigned count;
} healthy[] = {
	{ "/bin/false", 9 },
	{ "/bin/sh -c 'echo no; exit 1'", 30 },
	{ "/bin/true", 30 },
};

START_TEST(no_failure)
{
	char text[16];

	ck_assert_int_eq(apply("[s]\nlisten = 127.0.0.1:%u\nexec = %s\n", port, healthy[_i].command), 0);
	for (unsigned i = 0; i < healthy[_i].count; i++)
		ck_assert(is_served_from(5, text));
	ck_assert_uint_eq(count_in(read_file(log_path), "failing "), 0);
	ck_assert_uint_eq(count_in(read_file(log_path), "refuse "), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("service");
	TCase *tests = tcase_create("service");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, instances);
	tcase_add_test(tests, max_sessions);
	tcase_add_test(tests, failed_exec);
	tcase_add_test(tests, wait_stream);
	tcase_add_test(tests, wait_datagram);
	tcase_add_test(tests, reload_keeps);
	tcase_add_test(tests, reload_removes);
	tcase_add_test(tests, reload_to_specific);
	tcase_add_test(tests, reload_fails);
	tcase_add_test(tests, reload_beside_a_filter);
	tcase_add_test(tests, drain);
	tcase_add_test(tests, drain_idle);
	tcase_add_loop_test(tests, drain_lingers, 0, 2);
	tcase_add_test(tests, failures_of_one_source);
	tcase_add_test(tests, failures_of_many_sources);
	tcase_add_loop_test(tests, no_failure, 0, ELEMENTS(healthy));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
