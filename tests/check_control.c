/* check_control.c - the control socket among friends: who may ask, how it is answered, how it
 * opens, moves and closes. */
#include "control_help.h"

#include <sys/resource.h>

START_TEST(test_answers)
{
	int fd = connect_control();

	say(fd, "status\n");
	expect(fd, SERVING);
	say(fd, "show git\n");
	expect(fd, "{\"ok\":false,\"code\":\"unknown\",\"error\":\"no service 'git'\"}");
	say(fd, "reload\n");
	expect(fd, "{\"ok\":false,\"code\":\"config\",\"error\":\"bad ? byte\",\"left_out\":3}");
	say(fd, "xyzzy\n");
	expect_code(fd, "usage");
	say(fd, "top\n");
	expect_code(fd, "usage");
	say(fd, "version\n"); /* there was no memory */
	expect_code(fd, "failed");
	ck_assert_uint_eq(handler.asked, 4);
	ck_assert_uint_eq(control_client_count(control), 1);
	close(fd);
	wait_count(0);
}
END_TEST

/* Several requests in one piece are answered one after the other; and one in many pieces. */
START_TEST(test_pieces)
{
	int fd = connect_control();

	say(fd, "status\nshow a\nstatus\nstat");
	expect(fd, SERVING);
	expect_code(fd, "unknown");
	expect(fd, SERVING);
	for (const char *at = "us\n"; *at != '\0'; at++) {
		say_bytes(fd, at, 1);
		run_rounds(2);
	}
	expect(fd, SERVING);
	close(fd);
}
END_TEST

/* One request a round, whoever asks. */
START_TEST(test_turns)
{
	int first = connect_control(), second = connect_control();

	wait_count(2);
	say(first, "status\nstatus\nstatus\nstatus\n");
	say(second, "show a\n");
	wait_asked(2);
	ck_assert_uint_lt(handler.asked, 4);
	expect_code(second, "unknown");
	close(first);
	close(second);
}
END_TEST

/* Who says no more is still told, also that his line was none. */
START_TEST(test_half_closed)
{
	int fd = connect_control();

	say(fd, "status\nshow x\n");
	shutdown(fd, SHUT_WR);
	expect(fd, SERVING);
	expect_code(fd, "unknown");
	expect_closed(fd);
	fd = connect_control();
	say(fd, "stat");
	shutdown(fd, SHUT_WR);
	expect_code(fd, "usage");
	expect_closed(fd);
	wait_count(0);
}
END_TEST

static json_t *list_of(const char *reply)
{
	json_error_t error;
	json_t *object = json_loads(reply, 0, &error);

	ck_assert_msg(object != NULL, "%s at %d", error.text, error.position);
	ck_assert(json_is_true(json_object_get(object, "ok")));
	ck_assert_int_eq(json_integer_value(json_object_get(object, "count")), 7);
	return object;
}

static const struct long_row {
	size_t items, item_size, each;
} long_rows[] = {
	{ 0, 0, 0 },      { 1, 10, 1 },        { 2, 10, 1 },     { 300, 100, 7 },
	{ 5000, 100, 0 }, { 5000, 100, 4096 }, { 3, 100000, 0 }, { 20, CONTROL_PIECE, 0 },
};

START_TEST(test_long)
{
	const struct long_row *row = &long_rows[_i];
	int fd = connect_control();
	char *reply;
	json_t *object, *list;

	handler.items = row->items;
	handler.item_size = row->item_size;
	say(fd, "services\nstatus\n");
	reply = read_reply_by(fd, row->each);
	ck_assert_ptr_nonnull(reply);
	object = list_of(reply);
	list = json_object_get(object, "services");
	ck_assert(json_is_array(list));
	ck_assert_uint_eq(json_array_size(list), row->items);
	for (size_t i = 0; i < row->items; i++)
		ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(list, i), "n")), (int)i);
	json_decref(object);
	free(reply);
	expect(fd, SERVING);
	close(fd);
}
END_TEST

/* Who does not read is not worked for: more is made only when what was made has been taken. */
START_TEST(test_long_unread)
{
	int fd = connect_control();
	char *reply;

	handler.items = 50000;
	handler.item_size = 100;
	say(fd, "services\n");
	wait_asked(1);
	run_rounds(200);
	ck_assert_uint_lt(handler.more_calls, 100); /* of about 330 */
	reply = read_reply(fd);
	ck_assert_ptr_nonnull(reply);
	json_decref(list_of(reply));
	free(reply);
	ck_assert_uint_gt(handler.more_calls, 300);
	close(fd);
}
END_TEST

START_TEST(test_held)
{
	struct control_client *client;
	int fd = connect_control();

	say(fd, "bans\nstatus\n");
	wait_asked(1);
	run_rounds(10);
	ck_assert_uint_eq(handler.asked, 1); /* the other one waits */
	client = control_client_find(control, handler.held);
	ck_assert_ptr_nonnull(client);
	ck_assert_int_eq(control_client_rights(client), CONTROL_ALL);
	control_answer(client, json_pack("{s:s}", "later", "yes"));
	expect(fd, "{\"ok\":true,\"later\":\"yes\"}");
	expect(fd, SERVING);

	/* one who goes away meanwhile */
	say(fd, "bans\n");
	wait_asked(3);
	close(fd);
	wait_count(0);
	ck_assert_ptr_null(control_client_find(control, handler.held));
}
END_TEST

/* ---- rights ---- */

static const struct rights_row {
	const char *name;
	uid_t uid;
	gid_t gid, supplementary;
	const char *request, *code; /* NULL: it is answered */
} rights_rows[] = {
	{ "root", 0, 0, -1, "status\n", NULL },
	{ "root changes", 0, 0, -1, "reload\n", "config" },
	{ "another", NOBODY, NOBODY, -1, NULL, "denied" },
	{ "another with groups", NOBODY, NOBODY, 7, NULL, "denied" },
	{ "first group looks", NOBODY, GROUP, -1, "status\n", NULL },
	{ "first group changes", NOBODY, GROUP, -1, "reload\n", "denied" },
	{ "supplementary group looks", NOBODY, NOBODY, GROUP, "status\n", NULL },
	{ "supplementary group changes", NOBODY, NOBODY, GROUP, "stop --now\n", "denied" },
};

START_TEST(test_rights)
{
	const struct rights_row *row = &rights_rows[_i];
	int fd;

	if (geteuid() != 0)
		return;
	options.group = GROUP;
	open_control();
	ck_assert_int_eq(chmod(path, 0666), 0);
	fd = connect_as(row->uid, row->gid, row->supplementary);
	ck_assert_int_ge(fd, 0);
	if (row->request != NULL)
		say(fd, row->request);
	if (row->code == NULL)
		expect(fd, SERVING);
	else
		expect_code(fd, row->code);
	ck_assert_uint_eq(handler.asked, row->request != NULL && (row->code == NULL || row->uid == 0));
	if (row->request == NULL)
		expect_closed(fd);
	else
		close(fd);
}
END_TEST

/* More groups than fit the usual room. */
START_TEST(test_many_groups)
{
	gid_t groups[300];
	int fd;

	if (geteuid() != 0)
		return;
	options.group = GROUP;
	open_control();
	for (size_t i = 0; i < ELEMENTS(groups); i++)
		groups[i] = GROUP - (gid_t)i;
	ck_assert_int_eq(setgroups(ELEMENTS(groups), groups), 0);
	ck_assert_int_eq(seteuid(NOBODY), 0);
	fd = connect_control();
	ck_assert_int_eq(seteuid(0), 0);
	say(fd, "status\n");
	expect(fd, SERVING);
	close(fd);
}
END_TEST

/* The file keeps others out already; and follows the group. */
START_TEST(test_file)
{
	char reason[LISTEN_REASON_MAX] = "";
	struct stat status;
	mode_t mask = umask(077);

	open_control();
	umask(mask);
	ck_assert_int_eq(lstat(path, &status), 0);
	ck_assert(S_ISSOCK(status.st_mode));
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(connect_as(NOBODY, GROUP, (gid_t)-1), -EACCES);
	ck_assert_msg(control_regroup(control, GROUP, reason) == 0, "%s", reason);
	ck_assert_int_eq(lstat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0660);
	ck_assert_uint_eq(status.st_gid, GROUP);
	ck_assert_int_eq(connect_as(NOBODY, NOBODY, (gid_t)-1), -EACCES);

	int fd = connect_as(NOBODY, GROUP, (gid_t)-1);

	say(fd, "status\n");
	expect(fd, SERVING);
	ck_assert_int_eq(control_regroup(control, (gid_t)-1, reason), 0);
	ck_assert_int_eq(connect_as(NOBODY, GROUP, (gid_t)-1), -EACCES);
	close(fd);
}
END_TEST

/* ---- opening and closing ---- */

static int try_open(const char *where, bool *stale, char reason[static LISTEN_REASON_MAX])
{
	struct control_options other = options;

	other.path = where;
	return control_open(&other, NULL, loop, test_asked, &handler, &control, stale, reason);
}

START_TEST(test_stale)
{
	char reason[LISTEN_REASON_MAX] = "";
	struct control *first;
	bool stale = false;
	int fd;

	open_control();
	first = control;
	ck_assert_int_eq(try_open(path, &stale, reason), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(reason, "another program has this socket"));
	ck_assert_ptr_eq(control, first);
	control_leave_file(control); /* as one that was killed */
	control_close(control);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(try_open(path, &stale, reason), 0);
	ck_assert(stale);
	fd = connect_control();
	say(fd, "status\n");
	expect(fd, SERVING);
	close(fd);
}
END_TEST

START_TEST(test_bad_paths)
{
	char longest[200], reason[LISTEN_REASON_MAX] = "";
	bool stale;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_lt(try_open(longest, &stale, reason), 0);
	ck_assert_msg(strstr(reason, "107") != NULL, "%s", reason);
	ck_assert_int_lt(try_open("control", &stale, reason), 0);
	ck_assert_ptr_nonnull(strstr(reason, "not absolute"));
	ck_assert_int_eq(try_open("/no/such/directory/control", &stale, reason), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason, "/no/such/directory"));
	write_file(path, 0600, "kept");
	ck_assert_int_eq(try_open(path, &stale, reason), -EEXIST);
	ck_assert_str_eq(read_file(path), "kept");
	unlink(path);
	control = NULL;
}
END_TEST

/* A request that leads to the end of the control socket is answered. */
START_TEST(test_close_while_asked)
{
	int fd = connect_control(), other = connect_control();

	wait_count(2);
	handler.close = true;
	say(fd, "status\n");
	expect(fd, SERVING);
	ck_assert_ptr_null(control);
	expect_closed(fd);
	expect_closed(other);
}
END_TEST

/* The listening socket goes to another, and its file with it. */
START_TEST(test_handed_over)
{
	struct listen_socket socket = *control_socket(control);
	char reason[LISTEN_REASON_MAX];
	bool stale = true;
	int fd;

	socket.fd = fcntl(socket.fd, F_DUPFD_CLOEXEC, 3);
	control_leave_file(control);
	fd = connect_control(); /* waits in the queue */
	control_close(control);
	say(fd, "status\n");
	ck_assert_int_eq(
		control_open(&options, &socket, loop, test_asked, &handler, &control, &stale, reason), 0);
	ck_assert_int_eq(socket.fd, -1);
	ck_assert(!stale);
	expect(fd, SERVING);
	close(fd);
}
END_TEST

START_TEST(test_adopted_client)
{
	struct control_client *client;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	client = control_adopt_client(control, ends[1], CONTROL_READ);
	ck_assert_ptr_nonnull(client);
	ck_assert_int_eq(control_client_fd(client), ends[1]);
	ck_assert_int_eq(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
	ck_assert_uint_eq(control_client_count(control), 1);
	say(ends[0], "reload\n");
	run_rounds(5);
	control_answer(client, json_pack("{s:i}", "pid", 1));
	expect(ends[0], "{\"ok\":true,\"pid\":1}");
	expect_code(ends[0], "denied");
	close(ends[0]);
	wait_count(0);
}
END_TEST

/* No descriptor is left for a while: it is told once, and who asked is served when it is over. */
static unsigned deaf_told;
static int deaf_error;

static void note_deaf(void *context, int error)
{
	ck_assert_ptr_eq(context, &handler);
	deaf_told++;
	deaf_error = error;
}

static bool is_told(void *context)
{
	(void)context;
	return deaf_told > 0;
}

START_TEST(test_deaf)
{
	struct rlimit before, low;
	int first, second, free_fd;

	deaf_told = 0;
	options.deaf = note_deaf;
	open_control();
	first = connect_control();
	second = connect_control();
	say(first, "status\n");
	say(second, "status\n");
	free_fd = dup(first);
	close(free_fd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ .rlim_cur = (rlim_t)free_fd, .rlim_max = before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	run_until(loop, NULL, is_told, NULL);
	run_for(loop, NULL, 250 * NS_PER_MS, never, NULL); /* the next tries fail, too */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect(first, SERVING);
	expect(second, SERVING);
	ck_assert_uint_eq(deaf_told, 1);
	ck_assert_int_eq(deaf_error, EMFILE);
	close(first);
	close(second);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *talk = tcase_create("talk"), *access_case = tcase_create("access");

	tcase_add_checked_fixture(talk, set_up, tear_down);
	tcase_add_test(talk, test_answers);
	tcase_add_test(talk, test_pieces);
	tcase_add_test(talk, test_turns);
	tcase_add_test(talk, test_half_closed);
	tcase_add_loop_test(talk, test_long, 0, ELEMENTS(long_rows));
	tcase_add_test(talk, test_long_unread);
	tcase_add_test(talk, test_held);
	tcase_add_test(talk, test_close_while_asked);
	tcase_add_test(talk, test_handed_over);
	tcase_add_test(talk, test_adopted_client);
	tcase_set_timeout(talk, 60);
	suite_add_tcase(suite, talk);

	tcase_add_checked_fixture(access_case, set_up_folder, tear_down);
	tcase_add_loop_test(access_case, test_rights, 0, ELEMENTS(rights_rows));
	tcase_add_test(access_case, test_many_groups);
	tcase_add_test(access_case, test_file);
	tcase_add_test(access_case, test_stale);
	tcase_add_test(access_case, test_bad_paths);
	tcase_add_test(access_case, test_deaf);
	tcase_set_timeout(access_case, 60);
	suite_add_tcase(suite, access_case);
	return suite;
}

RUN_SUITE(make_suite)
