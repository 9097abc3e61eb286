/* fault_daemon.c - a daemon in this process that serves, and a child that asks it for everything it can do, each time
 * with another of the daemon's calls failing (faulty.h): memory, descriptors, sockets, epoll. What is asked is
 * answered with one whole line or not at all, a client is served or let go; and when nothing fails any more, all is as
 * it was: the daemon is not allowed to end, to lose a descriptor, or to serve no more. */
#include "live_help.h"

static void write_own(FILE *file, unsigned number)
{
	fprintf(file,
		"[cat]\nlisten = 127.0.0.1:%u, unix:%s/cat\nexec = /bin/cat\nban_time = 1min\nrate_per_source = 100000/s\n"
		"env = A=1\nallow = 127.0.0.0/8, uid:%u, uid:0\nidle_timeout = 1h\n"
		"[datagram]\nlisten = 127.0.0.1:%u/udp\nexec = /bin/cat\nrate = 100000/s\n"
		"[fails]\nlisten = unix:%s/fails\nexec = /bin/false\n"
		"[warm]\nlisten = unix:%s/warm\nexec = /bin/cat\nwarm = main\n"
		"[off]\nlisten = unix:%s/off\nexec = /bin/cat\ndisable = yes\n"
		"[come%u]\nlisten = unix:%s/come%u\nexec = /bin/cat\n",
		port, folder, getuid(), udp_port, folder, folder, folder, number % 2, folder, number % 2);
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
	{ ask, "tail --level=debug --service=cat --address=127.0.0.0/8\n" },
	{ ask, "upgrade\n" },
	{ ask, "nonsense\n" },
	{ use_port, "" },
	{ use_unix, "cat" },
	{ use_failing, "fails" },
	{ use_unix, "warm" },
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

static int from, to;

static void drive(void)
{
	unsigned failures = 0;
	size_t open_before;

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
}

#define GROUP 4

START_TEST(serving)
{
	from = _i * GROUP;
	to = from + GROUP < (int)ELEMENTS(acts) ? from + GROUP : (int)ELEMENTS(acts);
	faulty_use_json();
	serve_driven(write_own, drive);
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
