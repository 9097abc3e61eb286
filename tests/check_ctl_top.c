/* check_ctl_top.c - top without a terminal: replies become rows, rates, an order and a picture; keys become
 * questions and requests. */
#include "ctl-top-internal.h"

#include "base.h"
#include "run.h"

#include <curses.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct top_model model;
static struct top_ui ui;

static void set_up(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	top_model_init(&model, true);
	ui = (struct top_ui){ .interval_ms = 1000 };
}

static void tear_down(void)
{
	top_model_free(&model);
	top_ui_free(&ui);
}

/* ---- help ---- */

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *reply = json_loads(text, 0, &error);

	ck_assert_msg(reply != NULL, "%s: %s", error.text, text);
	return reply;
}

#define SERVICE(name, state, active, accepted, refused)                                                      \
	"{\"name\":\"" name "\",\"state\":\"" state "\",\"listen\":[\"[::1]:7/tcp\"],\"active\":" #active    \
	",\"instances\":9,\"accepted\":" #accepted ",\"refused_total\":" #refused                            \
	",\"bytes_in\":0,\"bytes_out\":4096,\"spawn_failures\":{\"exec\":2,\"user\":1}}"
#define SERVICES(list) "{\"ok\":true,\"services\":[" list "]}"
#define SESSION(id, service, peer, seconds, idle)                                                            \
	"{\"id\":" #id ",\"service\":\"" service "\",\"peer\":\"" peer                                       \
	"\",\"state\":\"running\",\"reason\":null,\"seconds\":" #seconds ",\"idle_seconds\":" #idle          \
	",\"bytes_in\":1,\"bytes_out\":2,\"rtt_seconds\":null}"
#define SESSIONS(list) "{\"ok\":true,\"sessions\":[" list "]}"
#define STATUS(accepted, problems)                                                                           \
	"{\"ok\":true,\"daemon\":{\"version\":\"9.8\",\"pid\":77,\"state\":\"draining\","                    \
	"\"uptime_seconds\":3600,\"generation\":4,\"services\":{\"total\":3,\"serving\":2,\"failing\":1},"   \
	"\"sessions\":{\"active\":5,\"most\":10},\"accepted\":" #accepted                                    \
	",\"refused_total\":0,\"bytes_in\":0,\"bytes_out\":0,\"loop\":{\"lag_seconds\":0.5},"                \
	"\"log\":{\"dropped\":12},\"memory\":{\"rss_bytes\":1048576},"                                       \
	"\"descriptors\":{\"open\":8,\"limit\":64}},\"problems\":[" problems "]}"
#define PROBLEM(service, state, message)                                                                     \
	"{\"service\":\"" service "\",\"state\":\"" state "\",\"message\":\"" message "\"}"

static void take(int (*taker)(struct top_model *, const json_t *, uint64_t), const char *text, uint64_t at_ns)
{
	json_t *reply = parse(text);

	ck_assert_int_eq(taker(&model, reply, at_ns), 0);
	json_decref(reply);
}

/* What is shown now, by name and number: "b a c". */
static void expect_order(enum top_view view, const char *expected)
{
	char text[512] = "";

	ck_assert_int_eq(top_arrange(&model, view), 0);
	for (size_t i = 0; i < model.shown_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
			 model.shown[i]->key);
	ck_assert_str_eq(text, expected);
}

static size_t column_of(enum top_view view, const char *title)
{
	size_t count;
	const struct top_column *columns = top_columns(view, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(columns[i].title, title) == 0)
			return i;
	ck_abort_msg("no column %s", title);
	return 0;
}

static void sort_by(enum top_view view, const char *title, bool reverse)
{
	model.sort[view] = column_of(view, title);
	model.reverse[view] = reverse;
}

static void press(const char *keys)
{
	ck_assert_int_eq(top_arrange(&model, ui.view), 0);
	for (; *keys != '\0'; keys++) {
		top_key(&ui, &model, (wint_t)*keys, false);
		ck_assert_int_eq(top_arrange(&model, ui.view), 0);
	}
}

static void press_key(wint_t key)
{
	ck_assert_int_eq(top_arrange(&model, ui.view), 0);
	top_key(&ui, &model, key, true);
}

/* The picture without its marks of style. Its lines are as many and as long as they should be. */
static char *picture(unsigned columns, unsigned rows)
{
	struct top_canvas canvas = { .columns = columns, .rows = rows, .utf8 = model.utf8 };
	char *text = NULL, *to;
	size_t length;

	ck_assert_int_eq(top_arrange(&model, ui.view), 0);
	canvas.out = open_memstream(&text, &length);
	top_draw(&canvas, &ui, &model);
	fclose(canvas.out);
	to = text;
	for (const char *at = text; *at != '\0'; at++)
		if (*at < TOP_MARK(0) || *at >= TOP_MARK(TOP_STYLES))
			*to++ = *at;
	*to = '\0';
	return text;
}

static void expect_size(const char *text, unsigned columns, unsigned rows)
{
	unsigned lines = 0;

	for (const char *at = text; *at != '\0'; lines++) {
		size_t length = strcspn(at, "\n");
		_cleanup_free_ char *line = strndup(at, length);
		wchar_t wide[1024];
		size_t count = mbstowcs(wide, line, ELEMENTS(wide));

		ck_assert_msg(count != (size_t)-1 && count <= columns, "%zu columns: %s", count, line);
		for (size_t i = 0; i < length; i++)
			ck_assert_msg((unsigned char)line[i] >= ' ' && line[i] != 0x7f, "byte %d: %s",
				      line[i], line);
		at += length + 1;
	}
	ck_assert_msg(lines <= rows, "%u lines of %u:\n%s", lines, rows, text);
}

static void expect_shown(const char *expected)
{
	_cleanup_free_ char *text = picture(80, 24);

	expect_size(text, 80, 24);
	ck_assert_msg(strstr(text, expected) != NULL, "no '%s' in\n%s", expected, text);
}

static void fill(void)
{
	take(top_take_status, STATUS(100, PROBLEM("full", "full", "f") "," PROBLEM("bad", "failing", "ends")),
	     SECOND);
	take(top_take_services,
	     SERVICES(SERVICE("zoo", "serving", 1, 10, 5) "," SERVICE("ant", "failing", 3, 10, 0) "," SERVICE(
		     "bee", "disabled", 0, 10, 7)),
	     SECOND);
	take(top_take_sessions,
	     SESSIONS(SESSION(10, "zoo", "192.0.2.1:5", 3, 1) "," SESSION(9, "ant", "[2001:db8::1]:5", 7,
									  null)),
	     SECOND);
}

/* ---- the model ---- */

START_TEST(orders)
{
	fill();
	sort_by(TOP_SERVICES, "SERVICE", false);
	expect_order(TOP_SERVICES, "ant bee zoo");
	sort_by(TOP_SERVICES, "SERVICE", true);
	expect_order(TOP_SERVICES, "zoo bee ant");
	sort_by(TOP_SERVICES, "ACTIVE", false);
	expect_order(TOP_SERVICES, "ant zoo bee");
	sort_by(TOP_SERVICES, "REFUSED", true);
	expect_order(TOP_SERVICES, "ant zoo bee");
	/* Nothing known of any: by name. */
	sort_by(TOP_SERVICES, "CONN/s", false);
	expect_order(TOP_SERVICES, "ant bee zoo");
	sort_by(TOP_SESSIONS, "ID", true);
	expect_order(TOP_SESSIONS, "9 10");
	sort_by(TOP_SESSIONS, "AGE", false);
	expect_order(TOP_SESSIONS, "9 10");
	/* Who has no idle time is last either way. */
	sort_by(TOP_SESSIONS, "IDLE", false);
	expect_order(TOP_SESSIONS, "10 9");
	sort_by(TOP_SESSIONS, "IDLE", true);
	expect_order(TOP_SESSIONS, "10 9");
}
END_TEST

START_TEST(filters)
{
	static const struct {
		const char *filter, *expected;
	} rows[] = { { "", "ant bee zoo" },
		     { "EE", "bee" },
		     { "failing", "ant" },
		     { "[::1]", "ant bee zoo" },
		     { "nobody", "" } };

	fill();
	sort_by(TOP_SERVICES, "SERVICE", false);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		snprintf(model.filter, sizeof(model.filter), "%s", rows[i].filter);
		expect_order(TOP_SERVICES, rows[i].expected);
	}
}
END_TEST

START_TEST(rates)
{
	fill();
	ck_assert(isnan(model.rates[0]));
	ck_assert(isnan(model.rows[TOP_SERVICES].items[0].values[TOP_ACCEPTED_RATE]));
	take(top_take_status, STATUS(150, ""), 3 * SECOND);
	ck_assert_double_eq(model.rates[0], 25);
	/* One went, one came, one counts on, one began anew. */
	take(top_take_services,
	     SERVICES(SERVICE("new", "serving", 0, 50, 0) "," SERVICE("zoo", "serving", 0, 30, 6) "," SERVICE(
		     "bee", "serving", 0, 9, 8)),
	     3 * SECOND);
	sort_by(TOP_SERVICES, "CONN/s", false);
	expect_order(TOP_SERVICES, "zoo bee new");
	ck_assert_double_eq(model.shown[0]->values[TOP_ACCEPTED_RATE], 10);
	ck_assert_double_eq(model.shown[0]->values[TOP_REFUSED_RATE], 0.5);
	ck_assert_double_eq(model.shown[0]->values[TOP_FAILED], 3);
	ck_assert(isnan(model.shown[1]->values[TOP_ACCEPTED_RATE]));
	ck_assert_double_eq(model.shown[1]->values[TOP_REFUSED_RATE], 0.5);
	ck_assert(isnan(model.shown[2]->values[TOP_ACCEPTED_RATE]));
	take(top_take_status, STATUS(1, ""), 4 * SECOND);
	ck_assert(isnan(model.rates[0]));
}
END_TEST

START_TEST(worst_problem)
{
	size_t others;
	const json_t *problem;

	ck_assert_ptr_null(top_worst_problem(&model, &others));
	ck_assert_uint_eq(others, 0);
	fill();
	problem = top_worst_problem(&model, &others);
	ck_assert_str_eq(json_string_value(json_object_get(problem, "service")), "bad");
	ck_assert_uint_eq(others, 1);
}
END_TEST

/* Whatever the daemon says, there is no crash, and nothing but text. */
static const char *const odd_replies[] = {
	"{}",
	"{\"ok\":true,\"services\":null,\"sessions\":7,\"daemon\":\"x\",\"problems\":{}}",
	"{\"services\":[1,null,{},{\"name\":3},[]],\"sessions\":[{},{\"id\":\"x\"}],\"daemon\":{},"
	"\"problems\":[1]}",
	"{\"services\":[{\"name\":\"\\u001b[2J\\u009b5m\\n\\u202e\",\"state\":\"\\u0007\","
	"\"listen\":[\"\\u001b]0;x\\u0007\"],\"problem\":\"\\r\",\"exec\":\"\\u001b\","
	"\"refused\":{\"\\u001b[31m\":4},\"spawn_seconds\":{\"count\":5,\"sum\":-1,\"buckets\":[1,[],[\"x\","
	"2]]}}],"
	"\"sessions\":[{\"id\":1,\"service\":\"\\u001b\",\"peer\":\"\\u001bc\",\"state\":\"\\u000e\","
	"\"reason\":"
	"\"\\u000f\"}],"
	"\"daemon\":{\"state\":\"\\u001b\",\"version\":\"\\u0010\",\"uptime_seconds\":-4,\"sessions\":{"
	"\"active\":"
	"-1,\"most\":1e300}},\"problems\":[{\"service\":\"\\u001b\",\"state\":\"\\u0011\",\"message\":"
	"\"\\u0012\"}]}",
};

START_TEST(odd_reply)
{
	static const unsigned sizes[][2] = { { 80, 24 },  { 40, 10 }, { 39, 9 },
					     { 200, 60 }, { 1, 1 },   { 61, 17 } };

	for (unsigned i = 0; i < 2; i++) {
		json_t *reply = parse(odd_replies[_i]);

		take(top_take_status, odd_replies[_i], SECOND + i);
		take(top_take_services, odd_replies[_i], SECOND + i);
		take(top_take_sessions, odd_replies[_i], SECOND + i);
		top_take_detail(&model, reply);
		json_decref(reply);
	}
	for (size_t i = 0; i < ELEMENTS(sizes) * 4; i++) {
		const unsigned *size = sizes[i / 4];
		_cleanup_free_ char *text = NULL;

		ui.mode = i % 4 < 2 ? TOP_MODE_LIST : i % 4 == 2 ? TOP_MODE_DETAIL : TOP_MODE_HELP;
		ui.view = i % 4 == 1 ? TOP_SESSIONS : TOP_SERVICES;
		text = picture(size[0], size[1]);
		expect_size(text, size[0] < 30 ? 30 : size[0], size[1]);
	}
}
END_TEST

/* ---- the picture ---- */

START_TEST(head)
{
	static const char *const expected[] = { "usherd 9.8  draining  up 1h00m  pid 77  generation 4",
						" 5/10  conn 5.00/s",
						"lag 500ms  memory 1.0 MiB  fds 8/64  log lost 12",
						"services 3  2 serving  1 failing",
						"bad failing: ends  (+1 more)",
						" Services 3   Sessions 5 " };

	fill();
	take(top_take_status, STATUS(105, PROBLEM("full", "full", "f") "," PROBLEM("bad", "failing", "ends")),
	     2 * SECOND);
	for (size_t i = 0; i < ELEMENTS(expected); i++)
		expect_shown(expected[i]);
	snprintf(ui.trouble, sizeof(ui.trouble), "no usherd answers");
	expect_shown("no answer");
	expect_shown("no usherd answers");
}
END_TEST

START_TEST(smallest)
{
	_cleanup_free_ char *small = NULL, *least = NULL;

	fill();
	small = picture(39, 10);
	ck_assert_ptr_nonnull(strstr(small, "39x10 is too small"));
	least = picture(40, 10);
	expect_size(least, 40, 10);
	ck_assert_ptr_nonnull(strstr(least, "ant"));
	ck_assert_ptr_nonnull(strstr(least, "3/9"));
}
END_TEST

START_TEST(detail)
{
	json_t *reply =
		parse("{\"ok\":true,\"services\":[{\"name\":\"git\",\"state\":\"serving\",\"active\":2,"
		      "\"instances\":8,"
		      "\"refused\":{\"deny\":2,\"rate\":9},\"listen\":[\"1\",\"2\"],\"session_seconds\":"
		      "{\"count\":10,\"sum\":5,\"buckets\":[[0.1,0],[0.5,7],[1,9]]}}]}");

	ui.mode = TOP_MODE_DETAIL;
	expect_shown("asking");
	top_take_detail(&model, reply);
	json_decref(reply);
	expect_shown("listen      1, 2");
	expect_shown("refused     rate 9, deny 2");
	expect_shown("2 of 8");
	expect_shown("length of sessions  mean 500ms");
	expect_shown("<= 500ms       7 ");
	expect_shown("> 1.0s       1 ");
	expect_shown("time to start");
}
END_TEST

/* ---- keys ---- */

START_TEST(keys_ask_first)
{
	fill();
	press("S");
	press_key(KEY_DOWN);
	press("k");
	expect_shown("kill session 10 (zoo, 192.0.2.1:5)? y/n");
	press("n");
	ck_assert(!ui.ready);
	press("k");
	press("y");
	ck_assert(ui.ready);
	ck_assert_str_eq(ui.words[0], "kill");
	ck_assert_str_eq(ui.words[1], "10");
	/* Until that is done there is no other. */
	press("kd");
	ck_assert_int_eq(ui.asking, TOP_ASKING_NOTHING);
	ck_assert_str_eq(ui.words[0], "kill");
	ui.ready = false;
	press("sd");
	expect_shown("disable ant until the next reload? y/n");
	press("y");
	ck_assert(ui.ready);
	ck_assert_str_eq(ui.words[0], "disable");
}
END_TEST

START_TEST(selection_stays_with_its_row)
{
	fill();
	sort_by(TOP_SESSIONS, "ID", true);
	press("S");
	press_key(KEY_DOWN);
	ck_assert_str_eq(top_selected(&ui, &model)->key, "10");
	sort_by(TOP_SESSIONS, "ID", false);
	ck_assert_int_eq(top_arrange(&model, TOP_SESSIONS), 0);
	ck_assert_str_eq(top_selected(&ui, &model)->key, "10");
	/* When it has ended, k does not kill its neighbour. */
	take(top_take_sessions, SESSIONS(SESSION(9, "ant", "x", 7, null)), 2 * SECOND);
	press("k");
	ck_assert_int_eq(ui.asking, TOP_ASKING_NOTHING);
	press_key(KEY_DOWN);
	press("k");
	ck_assert_int_eq(ui.asking, TOP_ASKING_SURE);
}
END_TEST

START_TEST(keys_change_the_view)
{
	fill();
	press("\t");
	ck_assert_int_eq(ui.view, TOP_SESSIONS);
	press("\t/ZO\177");
	expect_shown("filter: Z");
	press("oo\r");
	expect_shown("(1 of 3)");
	press("\033");
	ck_assert_str_eq(model.filter, "");
	press(">r");
	ck_assert_uint_eq(model.sort[TOP_SERVICES], column_of(TOP_SERVICES, "REF/s"));
	ck_assert(model.reverse[TOP_SERVICES]);
	press("<<<<<");
	ck_assert_uint_eq(model.sort[TOP_SERVICES], column_of(TOP_SERVICES, "LISTEN"));
	press("+");
	ck_assert_uint_eq(ui.interval_ms, 2000);
	press("--------");
	ck_assert_uint_eq(ui.interval_ms, 100);
	press("?");
	expect_shown("usherctl top");
	press("x");
	ck_assert_int_eq(ui.mode, TOP_MODE_LIST);
	press("\r");
	ck_assert_int_eq(ui.mode, TOP_MODE_DETAIL);
	press("q");
	ck_assert(ui.quit);
}
END_TEST

START_TEST(scrolls)
{
	json_t *list = json_array(), *reply = json_object();

	for (int i = 0; i < 10000; i++)
		json_array_append_new(list, json_pack("{s:o,s:s,s:i,s:i}", "name", json_sprintf("s%05d", i),
						      "state", "serving", "active", 1, "instances", 2));
	json_object_set_new(reply, "services", list);
	for (uint64_t i = 1; i <= 2; i++)
		ck_assert_int_eq(top_take_services(&model, reply, i * SECOND), 0);
	json_decref(reply);
	expect_shown("s00000");
	press_key(KEY_NPAGE);
	press_key(KEY_NPAGE);
	expect_shown("s00030");
	press_key(KEY_END);
	expect_shown("s09999");
	press_key(KEY_UP);
	ck_assert_str_eq(top_selected(&ui, &model)->key, "s09998");
	press_key(KEY_HOME);
	expect_shown("s00000");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ctl-top");
	TCase *test = tcase_create("top");

	tcase_set_timeout(test, 60);
	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_add_test(test, orders);
	tcase_add_test(test, filters);
	tcase_add_test(test, rates);
	tcase_add_test(test, worst_problem);
	tcase_add_loop_test(test, odd_reply, 0, ELEMENTS(odd_replies));
	tcase_add_test(test, head);
	tcase_add_test(test, smallest);
	tcase_add_test(test, detail);
	tcase_add_test(test, keys_ask_first);
	tcase_add_test(test, selection_stays_with_its_row);
	tcase_add_test(test, keys_change_the_view);
	tcase_add_test(test, scrolls);
	suite_add_tcase(suite, test);
	return suite;
}

RUN_SUITE(make_suite)
