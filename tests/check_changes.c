/* check_changes.c - what a configuration would change, and does; services that are
 * offered and withdrawn by hand; a drain in which some are served to the end. */
#include "service_help.h"

static int listener_of(const char *name)
{
	for (size_t i = 0; i < set->listener_count; i++)
		if (strcmp(set->listeners[i]->service->settings->name, name) == 0)
			return set->listeners[i]->socket.fd;
	return -1;
}

static bool is_open(uint16_t where)
{
	int client = client_of(SOCK_STREAM, where);

	if (client < 0)
		return false;
	close(client);
	return true;
}

/* "a b" of a list's texts; with keys "a(x y) b(z)". A static buffer. */
static const char *words_of(const struct service_change_list *list)
{
	static char text[4096];
	char *at = text;

	*at = '\0';
	for (size_t i = 0; i < list->count; i++) {
		at += sprintf(at, "%s%s", i > 0 ? " " : "", list->items[i].text);
		for (size_t k = 0; k < list->items[i].key_count; k++)
			at += sprintf(at, "%s%s", k > 0 ? " " : "(", list->items[i].keys[k]);
		if (list->items[i].key_count > 0)
			at += sprintf(at, ")");
	}
	return text;
}

#define CAT "exec = /bin/cat\n"

/* ---- what changes ---- */

START_TEST(told_and_tried)
{
	char gone[64], here[64];
	uint16_t third = free_port(SOCK_STREAM);
	int fd;

	ck_assert_int_eq(apply("[kept]\nlisten = 127.0.0.1:%u\n" CAT "[gone]\nlisten = 127.0.0.1:%u\n" CAT,
			       port, other),
			 0);
	ck_assert_str_eq(words_of(&changes.added), "gone kept");
	ck_assert_uint_eq(changes.opened.count, 2);
	ck_assert_uint_eq(changes.kept, 0);
	ck_assert_uint_eq(changes.daemon.key_count, 0);
	fd = listener_of("kept");

	snprintf(gone, sizeof(gone), "127.0.0.1:%u/tcp", other);
	snprintf(here, sizeof(here), "127.0.0.1:%u/tcp", third);
	for (int really = 0; really < 2; really++) {
		int (*put)(const char *format, ...) = really ? apply : try_out;

		ck_assert_int_eq(put("[usherd]\nlog_level = debug\nmax_sessions = 7\n"
				     "[kept]\nlisten = 127.0.0.1:%u\ninstances = 5\ndescription = x\n" CAT
				     "[new]\nlisten = 127.0.0.1:%u\n" CAT,
				     port, third),
				 0);
		ck_assert_str_eq(words_of(&changes.opened), here);
		ck_assert_str_eq(words_of(&changes.closed), gone);
		ck_assert_uint_eq(changes.kept, 1);
		ck_assert_str_eq(words_of(&changes.added), "new");
		ck_assert_str_eq(words_of(&changes.removed), "gone");
		ck_assert_str_eq(words_of(&changes.changed), "kept(description instances)");
		ck_assert_uint_eq(changes.unchanged, 0);
		ck_assert_uint_eq(changes.daemon.key_count, 2);
		ck_assert_int_eq(listener_of("kept"), fd);
		/* Nothing has happened, or all of it. */
		ck_assert_uint_eq(set->generation, 1 + (unsigned)really);
		ck_assert_int_eq(is_open(other), !really);
		ck_assert_int_eq(is_open(third), really);
		ck_assert_uint_eq(set->services[really ? 0 : 1]->settings->limits.instances,
				  really ? 5 : 100);
	}
	wait_for_sessions(0);
}
END_TEST

/* Once more the same is no change at all. */
START_TEST(nothing_changes)
{
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(apply("[a]\nlisten = 127.0.0.1:%u, unix:@x%u\nenv = A=1, B=2\npass_env = C\n"
				       "access_times = Mon-Fri 08:00-17:00\nbanner = hello\\n\n"
				       "rlimit_nofile = 10:20\nallow = loopback, 10.0.0.0/8\n" CAT,
				       port, port),
				 0);
	ck_assert_uint_eq(changes.unchanged, 1);
	ck_assert_uint_eq(changes.kept, 2);
	ck_assert_uint_eq(changes.added.count + changes.removed.count + changes.changed.count +
				  changes.opened.count + changes.closed.count + changes.daemon.key_count,
			  0);
}
END_TEST

/* One key of one service: from `before` to `after`, and what is told. */
static const struct {
	const char *before, *after, *told;
} keys[] = {
	{ "", "description = hello", "s(description)" },
	{ "instances = 5", "", "s(instances)" },
	{ "", "instances = 100", "" }, /* the default */
	{ "env = A=1", "env = A=2", "s(env)" },
	{ "env = A=1", "env = A=1 A2=", "s(env)" },
	{ "allow = 10.0.0.0/8", "allow = 10.0.0.0/9", "s(allow)" },
	{ "allow = 10.0.0.0/8,10.0.0.1", "allow = 10.0.0.0/8 10.0.0.1", "" },
	{ "access_times = 08:00-17:00", "access_times = 08:00-17:01", "s(access_times)" },
	{ "rate = 50/s", "rate = 51/s", "s(rate)" },
	{ "rate = 60/min", "rate = 1/s", "s(rate)" },
	{ "stderr = null", "stderr = log", "s(stderr)" },
	{ "banner = a", "banner = b", "s(banner)" },
	{ "wait = yes", "wait = no", "s(wait instances)" },
	{ "directory = /", "directory = /tmp", "s(directory)" },
	{ "time_limit = 60s", "time_limit = 1min", "" },
	{ "disable = yes", "disable = no", "s(disable)" },
	{ "serve_while_draining = yes", "nice = 3", "s(serve_while_draining nice)" },
	{ "rlimit_core = 0", "rlimit_core = 0:1", "s(rlimit_core)" },
	{ "interface = lo", "interface = any", "s(interface)" },
	{ "keepalive = 1min", "nodelay = yes", "s(keepalive nodelay)" },
};

START_TEST(one_key)
{
	static const char format[] = "[s]\nlisten = 127.0.0.1:%u\n" CAT "%s\n"
				     "[t]\nlisten = 127.0.0.1:%u\n" CAT;

	ck_assert_int_eq(apply(format, port, keys[_i].before, other), 0);
	ck_assert_int_eq(try_out(format, port, keys[_i].after, other), 0);
	ck_assert_str_eq(words_of(&changes.changed), keys[_i].told);
	ck_assert_uint_eq(changes.unchanged, keys[_i].told[0] != '\0' ? 1 : 2);
	ck_assert_int_eq(apply(format, port, keys[_i].after, other), 0);
	ck_assert_str_eq(words_of(&changes.changed), keys[_i].told);
	ck_assert_int_eq(try_out(format, port, keys[_i].before, other), 0);
	ck_assert_str_eq(words_of(&changes.changed), keys[_i].told);
}
END_TEST

/* What a key only points to. */
START_TEST(files_behind_keys)
{
	const char *list = path_in(folder, "list"), *banner = path_in(folder, "banner"),
		   *program = path_in(folder, "program");
	static const char format[] =
		"[s]\nlisten = 127.0.0.1:%u\n" CAT "deny = file:%s\nbanner_refused = file:%s\n"
		"[t]\nlisten = 127.0.0.1:%u\nexec = program\n";

	write_file(list, 0600, "10.0.0.0/8\n");
	write_file(banner, 0600, "go away\n");
	write_file(program, 0700, "#!/bin/sh\n");
	ck_assert_int_eq(apply(format, port, list, banner, other), 0);
	ck_assert_int_eq(try_out(format, port, list, banner, other), 0);
	ck_assert_uint_eq(changes.unchanged, 2);
	write_file(list, 0600, "10.0.0.0/9\n");
	ck_assert_int_eq(try_out(format, port, list, banner, other), 0);
	ck_assert_str_eq(words_of(&changes.changed), "s(deny)");
	write_file(banner, 0600, "GO AWAY\n");
	ck_assert_int_eq(apply(format, port, list, banner, other), 0);
	ck_assert_str_eq(words_of(&changes.changed), "s(deny banner_refused)");
	ck_assert_uint_eq(changes.unchanged, 1);
}
END_TEST

/* Lists of changes are bounded; the rest is counted. */
START_TEST(many)
{
	static char text[65536];
	char *at = text;

	for (int i = 0; i < SERVICE_CHANGES_MOST + 7; i++)
		at += sprintf(at, "[s%d]\nlisten = unix:@%u-%d\n" CAT, i, port, i);
	ck_assert_int_eq(apply("%s", text), 0);
	ck_assert_uint_eq(changes.added.count, SERVICE_CHANGES_MOST);
	ck_assert_uint_eq(changes.added.left_out, 7);
	ck_assert_uint_eq(changes.opened.left_out, 7);
	ck_assert_int_eq(try_out("[s]\nlisten = 127.0.0.1:%u\n" CAT, port), 0);
	ck_assert_uint_eq(changes.removed.count + changes.removed.left_out, SERVICE_CHANGES_MOST + 7);
	ck_assert_uint_eq(changes.closed.count + changes.closed.left_out, SERVICE_CHANGES_MOST + 7);
}
END_TEST

/* ---- trying ---- */

/* An address that is taken is found, and what was opened beside it is closed again. */
START_TEST(try_fails)
{
	struct sockaddr_in address = loopback(other);
	int stranger = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t third = free_port(SOCK_STREAM);
	size_t before;

	ck_assert_int_eq(bind(stranger, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(stranger, 1), 0);
	ck_assert_int_eq(apply("[s]\nlisten = 0.0.0.0:%u\n" CAT, port), 0);
	before = count_descriptors();
	ck_assert_int_eq(try_out("[s]\nlisten = 0.0.0.0:%u\n" CAT
				 "[t]\nlisten = 127.0.0.1:%u, 127.0.0.1:%u\n" CAT,
				 port, third, other),
			 -EINVAL);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.items[0].subject, "t.listen");
	ck_assert_uint_eq(changes.added.count, 0);
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert(is_open(port));
	ck_assert(!is_open(third));
	wait_for_sessions(0);
	close(stranger);
}
END_TEST

/* What only our own listener is in the way of can be opened, though not while it is tried. */
START_TEST(try_own_in_the_way)
{
	int fd;

	ck_assert_int_eq(apply("[s]\nlisten = 0.0.0.0:%u\n" CAT, port), 0);
	fd = listener_of("s");
	ck_assert_int_eq(try_out("[s]\nlisten = 127.0.0.1:%u\n" CAT, port), 0);
	ck_assert_uint_eq(changes.opened.count, 1);
	ck_assert_uint_eq(changes.closed.count, 1);
	ck_assert_int_eq(listener_of("s"), fd);
	ck_assert(is_open(port));
	wait_for_sessions(0);
}
END_TEST

/* ---- by hand ---- */

static int override(const char *name, bool disable, size_t *ret_listeners, size_t *ret_sessions)
{
	conf_errors_free(&errors);
	errors = (struct conf_errors){ .count = 0 };
	return service_set_override(set, name, disable, &errors, ret_listeners, ret_sessions);
}

START_TEST(disabled_and_enabled)
{
	size_t listeners = 9, sessions = 9;
	int client, elsewhere, fd, again;

	ck_assert_int_eq(apply("[s]\nlisten = 127.0.0.1:%u\n" CAT "instances = 2\n"
			       "[t]\nlisten = 127.0.0.1:%u\n" CAT,
			       port, other),
			 0);
	fd = listener_of("t");
	client = connect_to(port);
	elsewhere = connect_to(other);
	wait_for_sessions(2);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(override("s", true, &listeners, &sessions), 0);
		ck_assert_uint_eq(listeners, 0);
		ck_assert_uint_eq(sessions, 1);
		ck_assert_str_eq(service_set_override_of(set, "s"), "disabled");
		ck_assert_ptr_null(service_set_override_of(set, "t"));
		ck_assert(!is_open(port));
	}
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_str_eq(answer(client), "x");
	ck_assert_int_eq(override("s", false, &listeners, &sessions), 0);
	ck_assert_uint_eq(listeners, 1);
	ck_assert_uint_eq(sessions, 1);
	ck_assert_ptr_null(service_set_override_of(set, "s"));
	ck_assert_uint_eq(set->generation, 1);
	ck_assert_int_eq(listener_of("t"), fd);

	/* The session from before has its place among the instances. */
	again = connect_to(port);
	wait_for_sessions(3);
	ck_assert_uint_eq(set->services[0]->gate.active, 2);
	close(connect_to(port));
	run_a_while();
	ck_assert_uint_eq(service_set_session_count(set), 3);
	close(client);
	close(again);
	close(elsewhere);
	wait_for_sessions(0);
}
END_TEST

START_TEST(enabled_against_the_file)
{
	static const char format[] = "[s]\nlisten = 127.0.0.1:%u\n" CAT "disable = yes\n"
				     "[t]\nlisten = 127.0.0.1:%u\n" CAT;
	size_t listeners = 9, sessions = 9;
	int client;

	ck_assert_int_eq(apply(format, port, other), 0);
	ck_assert_uint_eq(summary.services, 1);
	ck_assert_int_eq(override("s", false, &listeners, &sessions), 0);
	ck_assert_uint_eq(listeners, 1);
	ck_assert_str_eq(service_set_override_of(set, "s"), "enabled");
	client = connect_to(port);
	wait_for_sessions(1);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_str_eq(answer(client), "x");
	/* Another override leaves it, the next reload does not. */
	ck_assert_int_eq(override("t", true, &listeners, &sessions), 0);
	ck_assert_str_eq(service_set_override_of(set, "s"), "enabled");
	ck_assert_int_eq(try_out(format, port, other), 0);
	ck_assert_str_eq(words_of(&changes.changed), "s(disable) t(disable)");
	ck_assert_str_eq(service_set_override_of(set, "s"), "enabled");
	ck_assert_int_eq(apply(format, port, other), 0);
	ck_assert_str_eq(words_of(&changes.changed), "s(disable) t(disable)");
	ck_assert_ptr_null(service_set_override_of(set, "s"));
	ck_assert_ptr_null(service_set_override_of(set, "t"));
	ck_assert(!is_open(port));
	ck_assert(is_open(other));
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_str_eq(answer(client), "x");
	close(client);
	wait_for_sessions(0);
}
END_TEST

START_TEST(cannot_be_enabled)
{
	struct sockaddr_in address = loopback(other);
	int stranger = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t listeners = 9, sessions = 9, before;

	ck_assert_int_eq(bind(stranger, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(stranger, 1), 0);
	ck_assert_int_eq(apply("[lacks]\nlisten = 127.0.0.1:1\nexec = /no/such/program\ndisable = yes\n"
			       "[taken]\nlisten = unix:@%u, 127.0.0.1:%u\n" CAT "disable = yes\n"
			       "[wider]\nlisten = 0.0.0.0:%u\n" CAT "disable = yes\n"
			       "[same]\nlisten = 127.0.0.1:%u\n" CAT "disable = yes\n"
			       "[here]\nlisten = 127.0.0.1:%u\n" CAT,
			       port, other, port, port, port),
			 0);
	before = count_descriptors();
	ck_assert_int_eq(override("nobody", false, &listeners, &sessions), -ENOENT);
	ck_assert_int_eq(override("lacks", false, &listeners, &sessions), -EINVAL);
	ck_assert_str_eq(errors.items[0].subject, "lacks.exec");
	ck_assert_uint_eq(errors.items[0].line, 5);
	ck_assert_int_eq(override("taken", false, &listeners, &sessions), -EINVAL);
	ck_assert_str_eq(errors.items[0].subject, "taken.listen");
	ck_assert_int_eq(override("wider", false, &listeners, &sessions), -EINVAL);
	ck_assert_ptr_nonnull(strstr(errors.items[0].reason, "is served by the service [here] already"));
	ck_assert_int_eq(override("same", false, &listeners, &sessions), -EINVAL);
	ck_assert_ptr_nonnull(strstr(errors.items[0].reason, "is served by the service [here] already"));
	ck_assert_uint_eq(listeners, 9);
	ck_assert_uint_eq(set->listener_count, 1);
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert(is_open(port));
	close(stranger);
	/* What was in the way has gone. */
	ck_assert_int_eq(override("taken", false, &listeners, &sessions), 0);
	ck_assert_uint_eq(listeners, 2);
	ck_assert_int_eq(override("here", true, &listeners, &sessions), 0);
	ck_assert_int_eq(override("wider", false, &listeners, &sessions), 0);
	ck_assert(is_open(port));
	wait_for_sessions(0);
}
END_TEST

/* ---- many services ---- */

#define SERVICES 10000

static double ms_since(uint64_t begin_ns)
{
	return (double)(clock_now_ns() - begin_ns) / 1e6;
}

/* Costs are told; the bounds are for what is wrong by an order. */
START_TEST(ten_thousand)
{
	static char text[2 * 1024 * 1024];
	struct rlimit descriptors;
	struct conf *confs[2];
	size_t listeners, sessions;
	double trial, change;
	char *at = text;
	uint64_t begin_ns;

	getrlimit(RLIMIT_NOFILE, &descriptors);
	descriptors.rlim_cur = SERVICES + 2000;
	if (setrlimit(RLIMIT_NOFILE, &descriptors) != 0) {
		printf("# too few descriptors for %d services\n", SERVICES);
		return;
	}
	at += sprintf(at, "[defaults]\nuser = %s\n", getpwuid(geteuid())->pw_name);
	for (int i = 0; i < SERVICES; i++)
		at += sprintf(at, "[s%d]\nlisten = unix:@%u-%d\n" CAT "env = A=%d\ndescription = number %d\n",
			      i, port, i, i, i);
	for (size_t i = 0; i < 2; i++)
		confs[i] = conf_of(folder, text);
	ck_assert_int_eq(service_set_apply(set, confs[0], &errors, &summary, NULL), 0);
	begin_ns = clock_now_ns();
	ck_assert_int_eq(service_set_try(set, confs[1], &errors, &changes), 0);
	trial = ms_since(begin_ns);
	ck_assert_uint_eq(changes.unchanged, SERVICES);
	ck_assert_uint_eq(changes.kept, SERVICES);
	begin_ns = clock_now_ns();
	ck_assert_int_eq(override("s5000", true, &listeners, &sessions), 0);
	change = ms_since(begin_ns);
	ck_assert_uint_eq(set->listener_count, SERVICES - 1);
	printf("# %d services: a dry run takes %.0f ms, an override %.0f ms\n", SERVICES, trial, change);
	ck_assert(trial < 1500 && change < 500);
	for (size_t i = 0; i < 2; i++)
		conf_unref(confs[i]);
}
END_TEST

/* ---- served while draining ---- */

static bool drained_;

static void drained(void *context)
{
	(void)context;
	drained_ = true;
}

static bool is_drained(void *context)
{
	(void)context;
	return drained_;
}

static void drain(void)
{
	drained_ = false;
	service_set_drain(set, drained, NULL);
}

static void apply_for_drain(void)
{
	ck_assert_int_eq(apply("[cat]\nlisten = 127.0.0.1:%u\n" CAT "[health]\nlisten = 127.0.0.1:%u\n" CAT
			       "serve_while_draining = yes\n",
			       port, other),
			 0);
}

static int session_with(uint16_t where)
{
	int client = connect_to(where);

	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_str_eq(answer(client), "x");
	return client;
}

/* Until the last session of the others has ended; those that are left are told, and hold nothing up. */
START_TEST(served_while_draining)
{
	int client, early, late;

	apply_for_drain();
	client = session_with(port);
	early = session_with(other);
	drain();
	ck_assert(!is_open(port));
	late = session_with(other);
	ck_assert_int_eq(override("cat", false, NULL, NULL), -EBUSY);
	run_a_while();
	ck_assert(!drained_);
	ck_assert_uint_eq(service_set_session_count(set), 3);
	ck_assert_int_eq(send(client, "y", 1, 0), 1);
	ck_assert_str_eq(answer(client), "y");
	close(client);
	run_until(loop, log_, is_drained, NULL);
	ck_assert(!is_open(other));
	ck_assert_uint_eq(count_in(read_file(log_path), "reason=drain"), 2);
	close(early);
	close(late);
}
END_TEST

/* No other session: then nobody has to be told anything. */
START_TEST(drained_at_once)
{
	int early;

	apply_for_drain();
	early = session_with(other);
	drain();
	ck_assert(!is_open(other));
	run_until(loop, log_, is_drained, NULL);
	ck_assert_uint_eq(count_in(read_file(log_path), "reason=drain"), 1);
	close(early);
}
END_TEST

/* Told to end, the others end; who asks about health is answered until then. */
START_TEST(drain_is_cut_short)
{
	int client, early;

	apply_for_drain();
	client = session_with(port);
	early = session_with(other);
	drain();
	service_set_terminate(set, false);
	run_until(loop, log_, is_drained, NULL);
	ck_assert_uint_eq(count_in(read_file(log_path), "service=cat session=1 pid"), 2);
	ck_assert_uint_eq(count_in(read_file(log_path), "reason=drain"), 2);
	close(client);
	close(early);
}
END_TEST

START_TEST(drain_ends_now)
{
	int client, early;

	apply_for_drain();
	client = session_with(port);
	early = session_with(other);
	drain();
	service_set_terminate(set, true);
	ck_assert(!is_open(other));
	run_until(loop, log_, is_drained, NULL);
	ck_assert_uint_eq(count_in(read_file(log_path), "signal=KILL"), 2);
	close(client);
	close(early);
}
END_TEST

/* The house is full of those that end: the one who asks about health waits for a place like everybody. */
START_TEST(drain_of_a_full_house)
{
	int clients[2], asking;

	ck_assert_int_eq(apply("[usherd]\nmax_sessions = 2\n[cat]\nlisten = 127.0.0.1:%u\n" CAT
			       "[health]\nlisten = 127.0.0.1:%u\n" CAT "serve_while_draining = yes\n",
			       port, other),
			 0);
	for (size_t i = 0; i < ELEMENTS(clients); i++)
		clients[i] = session_with(port);
	drain();
	asking = connect_to(other);
	ck_assert_int_eq(send(asking, "z", 1, 0), 1);
	run_a_while();
	close(clients[0]);
	ck_assert_str_eq(answer(asking), "z");
	ck_assert(!drained_);
	close(clients[1]);
	run_until(loop, log_, is_drained, NULL);
	close(asking);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("changes");
	TCase *told = tcase_create("told"), *by_hand = tcase_create("by_hand"), *end = tcase_create("drain");

	tcase_add_checked_fixture(told, set_up, tear_down);
	tcase_set_timeout(told, 60);
	tcase_add_test(told, told_and_tried);
	tcase_add_test(told, nothing_changes);
	tcase_add_loop_test(told, one_key, 0, ELEMENTS(keys));
	tcase_add_test(told, files_behind_keys);
	tcase_add_test(told, many);
	tcase_add_test(told, try_fails);
	tcase_add_test(told, try_own_in_the_way);
	suite_add_tcase(suite, told);
	tcase_add_checked_fixture(by_hand, set_up, tear_down);
	tcase_set_timeout(by_hand, 60);
	tcase_add_test(by_hand, disabled_and_enabled);
	tcase_add_test(by_hand, enabled_against_the_file);
	tcase_add_test(by_hand, cannot_be_enabled);
	tcase_add_test(by_hand, ten_thousand);
	suite_add_tcase(suite, by_hand);
	tcase_add_checked_fixture(end, set_up, tear_down);
	tcase_set_timeout(end, 60);
	tcase_add_test(end, served_while_draining);
	tcase_add_test(end, drained_at_once);
	tcase_add_test(end, drain_is_cut_short);
	tcase_add_test(end, drain_ends_now);
	tcase_add_test(end, drain_of_a_full_house);
	suite_add_tcase(suite, end);
	return suite;
}

RUN_SUITE(make_suite)
