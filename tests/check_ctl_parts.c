/* check_ctl_parts.c - the parts of usherctl in this process: each wrong command line, replies of every shape as
 * metrics and for people, pictures of top in every size. */
#include "ctl-metrics.h"
#include "ctl-options.h"
#include "ctl-top-internal.h"
#include "ctl-view.h"

#include "base.h"
#include "run.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t text_length;

static void set_up(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	text = NULL;
}

static void tear_down(void)
{
	free(text);
}

/* ---- the command line ---- */

static const struct {
	const char *line; /* words by blanks; "_" is an empty one */
	const char *says; /* NULL: it is right */
} lines[] = {
	{ "status", NULL },
	{ "-j status", NULL },
	{ "status --json", NULL },
	{ "-s /path status", NULL },
	{ "-s/path status", NULL },
	{ "-js /path status", NULL },
	{ "--socket=/path status", NULL },
	{ "kill -- -5", NULL },
	{ "kill -", NULL },
	{ "top --interval=0.5", NULL },
	{ "top --interval 2", NULL },
	{ "status --timeout=1.5min", NULL },
	{ "status --timeout=1h", NULL },
	{ "status --timeout=250ms", NULL },
	{ "tail --level=debug --service=x --address=::1", NULL },
	{ "help status", NULL },
	{ "status --help", NULL },
	{ "--version", NULL },
	{ "--help --version", NULL },
	{ "completion bash", NULL },
	{ "", NULL },
	{ "-j", "a verb is missing" },
	{ "completion", "needs a shell" },
	{ "completion a b", "needs a shell" },
	{ "stauts", "did you mean 'status'?" },
	{ "xyzzyxyzzy", "usherctl --help lists the verbs" },
	{ "status --josn", "did you mean --json?" },
	{ "status --xyzzyxyzzyxyzzy", "usherctl --help shows the options" },
	{ "status --a-name-that-is-very-much-longer-than-any-option-that-there-could-ever-be=5", "usherctl --help shows" },
	{ "status -x", "unknown option -x" },
	{ "status --json=yes", "--json takes no value" },
	{ "status --timeout", "--timeout needs a value" },
	{ "status -s", "needs a value" },
	{ "status --timeout=1 --timeout=2", "given twice" },
	{ "status --timeout=x", "is no time" },
	{ "status --timeout=-1", "is no time" },
	{ "status --timeout=1x", "is no time" },
	{ "status --timeout=1e99", "is no time" },
	{ "status --timeout=9999h", "is no time" },
	{ "status --timeout=", "is no time" },
	{ "top --interval=50ms", "is too short, the least is 100ms" },
	{ "top --interval=x", "is no time" },
	{ "-s _ status", "-s needs the path" },
	{ "tail --service=", "empty value" },
	{ "tail --level=", "empty value" },
	{ "tail --address=", "empty value" },
	{ "status --now", "--now does not go with status" },
	{ "status x", "status takes no arguments" },
	{ "services a b", "services takes fewer arguments" },
	{ "explain", "explain needs more arguments" },
	{ "kill", "kill needs an argument" },
	{ "kill a b c d e f g h", "is one word too many" },
	{ "top --json", "top is for people" },
};

START_TEST(options)
{
	char line[256], empty[] = "", program[] = "usherctl", *arguments[32] = { program }, *at = NULL;
	char reason[CTL_USAGE_MAX] = "";
	struct ctl_options parsed;
	int count = 1, r;

	snprintf(line, sizeof(line), "%s", lines[_i].line);
	for (char *word = strtok_r(line, " ", &at); word != NULL; word = strtok_r(NULL, " ", &at))
		arguments[count++] = strcmp(word, "_") == 0 ? empty : word;
	arguments[count] = NULL;
	r = ctl_options_parse(count, arguments, &parsed, reason);
	ck_assert_msg(r == (lines[_i].says != NULL ? -EINVAL : 0), "%s: %d, %s", lines[_i].line, r, reason);
	if (lines[_i].says != NULL)
		ck_assert_msg(strstr(reason, lines[_i].says) != NULL, "%s: %s", lines[_i].line, reason);
	else
		ck_assert_ptr_nonnull(parsed.path);
}
END_TEST

/* ---- metrics ---- */

static const struct {
	const char *reply, *has, *has_not; /* of what is printed; NULL: not looked at */
} shapes[] = {
	{ "{}", "# HELP usherd_build_info", "usherd_build_info{" },
	{ "{\"daemon\":7,\"services\":7}", "# HELP usherd_build_info", "\nusherd_last_reload_success " },
	{ "{\"daemon\":{\"version\":7}}", "usherd_build_info{version=\"\"} 1", NULL },
	{ "{\"daemon\":{\"version\":\"a\\\"\\\\\\n\\u0001\\u007fb\"}}", "version=\"a\\\"\\\\\\n\xef\xbf\xbd\xef\xbf\xbd" "b\"", NULL },
	{ "{\"daemon\":{\"generation\":true}}", NULL, "usherd_config_info{" },
	{ "{\"daemon\":{\"generation\":4,\"config\":{\"hash\":\"ab\"}}}", "usherd_config_info{hash=\"ab\",generation=\"4\"} 1",
	  NULL },
	{ "{\"daemon\":{\"state\":7}}", NULL, "usherd_draining 0" },
	{ "{\"daemon\":{\"state\":\"draining\"}}", "usherd_draining 1", NULL },
	{ "{\"daemon\":{\"state\":\"serving\"}}", "usherd_draining 0", NULL },
	{ "{\"daemon\":{\"started_at\":\"yesterday\"}}", NULL, "usherd_start_time_seconds 1" },
	{ "{\"daemon\":{\"started_at\":5}}", NULL, "usherd_start_time_seconds 5" },
	{ "{\"daemon\":{\"started_at\":\"1970-01-01T00:01:00Z\"}}", "usherd_start_time_seconds 60", NULL },
	{ "{\"daemon\":{\"last_reload\":{\"ok\":false,\"at\":\"1970-01-01T00:00:07Z\"}}}", "usherd_last_reload_success 0", NULL },
	{ "{\"daemon\":{\"accepted\":\"a lot\"}}", NULL, "a lot" },
	{ "{\"daemon\":{\"uptime_seconds\":0.1}}", " 0.1\n", NULL },
	{ "{\"daemon\":{\"uptime_seconds\":0.30000000000000004}}", " 0.30000000000000004\n", NULL },
	{ "{\"daemon\":{\"uptime_seconds\":true}}", " 1\n", NULL },
	{ "{\"services\":[{\"name\":\"a\",\"refused\":{\"deny\":5,\"ban\":\"x\",\"rate\":null}}]}", "\"deny\"} 5", "\"ban\"}" },
	{ "{\"daemon\":{\"services\":{\"total\":5,\"serving\":3}}}", "\"serving\"} 3", "\"total\"} 5" },
	{ "{\"services\":[{\"name\":\"a\",\"refused\":[1,2]}]}", NULL, "} 1\n" },
	{ "{\"services\":[1,{},{\"name\":\"a\"},{\"state\":\"b\"}]}", NULL, "usherd_service_state{" },
	{ "{\"services\":[{\"name\":\"a\",\"state\":\"full\"}]}", "usherd_service_state{service=\"a\",state=\"full\"} 1", NULL },
	{ "{\"services\":[{\"name\":\"a\",\"spawn_seconds\":{\"count\":1.5,\"sum\":1,\"buckets\":[]}}]}", NULL, "_bucket{" },
	{ "{\"services\":[{\"name\":\"a\",\"spawn_seconds\":{\"count\":1,\"sum\":\"x\",\"buckets\":[]}}]}", NULL, "_bucket{" },
	{ "{\"services\":[{\"name\":\"a\",\"spawn_seconds\":{\"count\":1,\"sum\":1,\"buckets\":{}}}]}", NULL, "_bucket{" },
	{ "{\"services\":[{\"name\":\"a\",\"spawn_seconds\":{\"count\":3,\"sum\":1.5,\"buckets\":[[0.5,2]]}}]}", "le=\"0.5\"} 2",
	  NULL },
	{ "{\"services\":[{\"name\":\"a\",\"spawn_seconds\":{\"count\":3,\"sum\":true,\"buckets\":[]}}]}", NULL, "_bucket{" },
};

START_TEST(metrics)
{
	json_t *reply = json_loads(shapes[_i].reply, 0, NULL);
	FILE *out = open_memstream(&text, &text_length);

	ck_assert_ptr_nonnull(reply);
	ctl_metrics_print(reply, out);
	fclose(out);
	json_decref(reply);
	if (shapes[_i].has != NULL)
		ck_assert_msg(strstr(text, shapes[_i].has) != NULL, "no %s in ...%.900s", shapes[_i].has, text);
	if (shapes[_i].has_not != NULL)
		ck_assert_msg(strstr(text, shapes[_i].has_not) == NULL, "%s is in it", shapes[_i].has_not);
}
END_TEST

/* ---- replies for people ---- */

static const struct {
	const char *line, *reply, *has;
} views[] = {
	{ "renew git", "{\"ok\":true}", "the program of git is started anew" },
	{ "renew git", "{\"ok\":true,\"service\":\"x\"}", "the program of x is started anew" },
	{ "ban ::1", "{\"ok\":true,\"address\":\"::1\",\"seconds\":null,\"sessions\":0}", "::1 is banned" },
	{ "ban ::1", "{\"ok\":true,\"address\":\"::1\",\"seconds\":5,\"sessions\":2}", "2 sessions run on" },
	{ "ban ::1", "{\"ok\":true,\"sessions\":1}", "1 session runs on" },
	{ "loglevel", "{\"ok\":true,\"level\":\"info\",\"configured\":\"info\"}", "info" },
	{ "loglevel debug", "{\"ok\":true}", "" },
	{ "stop --now", "{\"ok\":true,\"sessions\":3}", "3 sessions killed" },
	{ "stop", "{\"ok\":true,\"sessions\":3}", "3 sessions to end first" },
	{ "kill x", "{\"ok\":true,\"sessions\":1}", "1 session" },
	{ "unban all", "{\"ok\":true,\"lifted\":3}", "3 bans lifted" },
	{ "bans", "{\"ok\":true,\"bans\":[]}", "nobody is banned" },
	{ "services", "{\"ok\":true,\"services\":[]}", "" },
	{ "services x",
	  "{\"ok\":true,\"services\":[{\"name\":\"x\",\"state\":\"absent\",\"where\":{\"path\":\"/s\",\"line\":0},\"refused\":{\"a\":1,"
	  "\"b\":2,\"c\":0},\"warm\":{\"mode\":\"input\",\"ready\":false,\"state\":\"off\",\"problem\":\"no library\"}}]}",
	  "b 2, a 1" },
	{ "services x", "{\"ok\":true,\"services\":[{\"name\":\"x\",\"where\":{\"path\":null,\"line\":5}}]}", "x" },
	{ "status", "{\"ok\":true,\"daemon\":{\"last_reload\":null,\"upgrades\":0,\"log\":{\"dropped\":2}},\"problems\":[]}",
	  "no problems" },
	{ "status", "{\"ok\":true,\"daemon\":{},\"problems\":[{\"state\":\"x\"},{\"service\":\"a\",\"message\":\"m\"}]}", "problems:" },
	{ "show usherd", "{\"ok\":true,\"name\":\"usherd\",\"keys\":[{\"key\":\"a\",\"value\":null,\"origin\":\"x\"}]}", "KEY" },
	{ "reload", "{\"ok\":true,\"dry_run\":false,\"generation\":9,\"plan\":{\"daemon\":{\"changed\":[\"log\"]}}}", "log" },
	{ "upgrade", "{\"ok\":true}", "upgraded" },
	{ "version", "{\"ok\":true}", "usherd" },
	{ "disable x", "{\"ok\":true,\"listeners\":1,\"active\":0}", "x is disabled" },
	{ "drain x", "{\"ok\":true,\"service\":\"x\",\"active\":2}", "2 sessions" },
	{ "explain ::1 x", "{\"ok\":true,\"verdict\":\"deny\",\"key\":\"allow\",\"where\":{\"path\":\"/s\"},\"steps\":[]}", "refused" },
};

START_TEST(for_people)
{
	char line[128], program[] = "usherctl", *arguments[8] = { program }, *at = NULL, reason[CTL_USAGE_MAX];
	json_t *reply = json_loads(views[_i].reply, 0, NULL);
	FILE *out = open_memstream(&text, &text_length);
	struct ctl_options parsed;
	int count = 1;

	ck_assert_ptr_nonnull(reply);
	snprintf(line, sizeof(line), "%s", views[_i].line);
	for (char *word = strtok_r(line, " ", &at); word != NULL; word = strtok_r(NULL, " ", &at))
		arguments[count++] = word;
	ck_assert_int_eq(ctl_options_parse(count, arguments, &parsed, reason), 0);
	ctl_view(&parsed, reply, out, out);
	fclose(out);
	json_decref(reply);
	ck_assert_msg(strstr(text, views[_i].has) != NULL, "%s: %s", views[_i].line, text);
}
END_TEST

static const struct {
	const char *event, *has;
	bool color;
} events[] = {
	{ "{\"time\":\"t\",\"level\":\"error\",\"event\":\"fail\",\"service\":\"a b\",\"n\":5}", "service=\"a b\"", false },
	{ "{\"time\":\"t\",\"level\":\"warning\",\"event\":\"x\",\"m\":\"q\\\"\\\\\"}", "m=\"q\\\"\\\\\"", true },
	{ "{\"time\":\"t\",\"level\":\"info\",\"event\":\"x\",\"empty\":\"\",\"e\":\"a=b\",\"u\":\"\xc3\xa9\"}", "e=\"a=b\"", true },
	{ "{\"time\":\"t\",\"level\":\"error\",\"event\":\"x\",\"yes\":true,\"real\":0.5,\"list\":[1],\"nothing\":null}", "yes=true", true },
	{ "{}", "", false },
};

START_TEST(for_followers)
{
	const struct ctl_options plain = { .color = events[_i].color, .utf8 = true };
	json_t *event = json_loads(events[_i].event, 0, NULL);
	FILE *out = open_memstream(&text, &text_length);

	ck_assert_ptr_nonnull(event);
	ctl_view_event(&plain, event, out);
	fclose(out);
	json_decref(event);
	ck_assert_msg(strstr(text, events[_i].has) != NULL, "%s", text);
	ck_assert_ptr_nonnull(strchr(text, '\n'));
}
END_TEST

/* ---- pictures of top ---- */

static struct top_model model;
static struct top_ui ui;

static void draw(unsigned columns, unsigned rows, bool plain)
{
	struct top_canvas canvas = { .columns = columns, .rows = rows, .utf8 = model.utf8 };
	char *to;

	free(text);
	text = NULL;
	ck_assert_int_eq(top_arrange(&model, ui.view), 0);
	canvas.out = open_memstream(&text, &text_length);
	if (plain)
		top_draw_plain(&canvas, &ui, &model);
	else
		top_draw(&canvas, &ui, &model);
	fclose(canvas.out);
	to = text;
	for (const char *at = text; *at != '\0'; at++)
		if (*at < TOP_MARK(0) || *at >= TOP_MARK(TOP_STYLES))
			*to++ = *at;
	*to = '\0';
}

static void expect_fits(unsigned columns, unsigned rows, bool plain)
{
	unsigned lines_count = 0;

	for (const char *at = text; *at != '\0'; lines_count++) {
		size_t length = strcspn(at, "\n");
		_cleanup_free_ char *line = strndup(at, length);
		wchar_t wide[2048];
		size_t count = mbstowcs(wide, line, ELEMENTS(wide));

		ck_assert_msg(count != (size_t)-1 && count <= columns, "%zu of %u columns: %s", count, columns, line);
		for (size_t i = 0; i < length; i++)
			ck_assert_msg((unsigned char)line[i] >= ' ' && line[i] != 0x7f, "byte %d", line[i]);
		at += length + (at[length] == '\n');
	}
	ck_assert_msg(plain || lines_count <= rows, "%u lines of %u:\n%s", lines_count, rows, text);
}

static const char *const states[] = {
	"{\"ok\":true}",
	"{\"ok\":true,\"daemon\":{\"version\":\"9\",\"state\":\"serving\",\"last_reload\":{\"ok\":false},\"bans\":3,"
	"\"sessions\":{\"active\":95,\"most\":100},\"descriptors\":{\"open\":95,\"limit\":100},\"loop\":{\"lag_seconds\":2},"
	"\"log\":{\"dropped\":5}},\"problems\":[{\"service\":\"a\",\"state\":\"failing\",\"message\":\"a message that is quite a bit "
	"longer than what a narrow terminal has room for, so that it is cut\"},{\"state\":\"full\"}]}",
	("{\"ok\":true,\"daemon\":{\"state\":\"draining\",\"sessions\":{\"active\":75,\"most\":100},\"accepted\":1000000,"
	"\"refused_total\":77,\"descriptors\":{\"open\":1,\"limit\":100}},\"problems\":[{\"state\":\"x\"}]}"),
	"{\"ok\":true,\"daemon\":{\"sessions\":{\"active\":1,\"most\":100000}},\"problems\":[]}",
};

static const char *const service_lists[] = {
	"{\"services\":[]}",
	"{\"services\":[7,{\"name\":\"full\",\"state\":\"full\",\"active\":9,\"instances\":9,\"accepted\":5,\"refused_total\":2,"
	"\"bytes_in\":5,\"bytes_out\":1e15,\"spawn_failures\":{\"exec\":1}},{\"name\":\"a-name-that-is-long-enough-to-be-cut-anywhere\","
	"\"state\":\"failing\",\"listen\":[\"[::1]:7/tcp\",\"[::1]:8/tcp\"],\"active\":0,\"instances\":9},{\"name\":\"\\u001b[2J\","
	"\"state\":\"draining\"}]}",
};

static void take_all(size_t state, size_t list)
{
	static const char sessions[] =
		"{\"sessions\":[{\"id\":5,\"service\":\"full\",\"state\":\"ending\",\"reason\":\"idle\",\"peer\":\"[::1]:5\",\"seconds\":"
		"100000,\"idle_seconds\":null,\"rtt_seconds\":0.5,\"bytes_in\":1,\"bytes_out\":2},{\"id\":6,\"state\":\"running\"},9]}";
	static const char *const detail =
		"{\"services\":[{\"name\":\"full\",\"description\":\"d\",\"state\":\"full\",\"listen\":[\"a\",\"b\"],\"problem\":\"bad\",\"refused\":"
		"{\"deny\":3},\"ended\":{\"exit\":4},\"spawn_failures\":{\"exec\":1},\"warm\":{\"mode\":\"main\",\"state\":\"ready\",\"pid\":5},"
		"\"spawn_seconds\":{\"count\":9,\"sum\":1,\"buckets\":[[0.1,1],[0.5,8]]},\"session_seconds\":{\"count\":0,\"sum\":0,"
		"\"buckets\":[]}}]}";

	for (uint64_t round = 1; round <= 2; round++) {
		json_t *replies[3] = { json_loads(states[state], 0, NULL), json_loads(service_lists[list], 0, NULL),
				       json_loads(sessions, 0, NULL) };

		ck_assert_int_eq(top_take_status(&model, replies[0], round * NS_PER_S), 0);
		ck_assert_int_eq(top_take_services(&model, replies[1], round * NS_PER_S), 0);
		ck_assert_int_eq(top_take_sessions(&model, replies[2], round * NS_PER_S), 0);
		for (size_t i = 0; i < 3; i++)
			json_decref(replies[i]);
	}
	if (ui.mode == TOP_MODE_DETAIL) {
		json_t *reply = json_loads(detail, 0, NULL);

		ck_assert_ptr_nonnull(reply);
		top_take_detail(&model, reply);
		json_decref(reply);
	}
}

/* Every state of the daemon, every page, every size, with and without an answer, in both alphabets. */
START_TEST(pictures)
{
	static const unsigned sizes[][2] = { { 10, 3 }, { 40, 10 }, { 41, 11 }, { 60, 12 }, { 80, 24 }, { 200, 60 } };
	static const char *const troubles[] = { "", "usherd has not answered for 5 s" };
	static const char *const filters[] = { "", "nothing has this name" };

	for (unsigned mix = 0; mix < 2 * 2 * 3 * 2 * 2 * ELEMENTS(sizes) * 2; mix++) {
		unsigned left = mix;
		const unsigned *size = sizes[left % ELEMENTS(sizes)];
		bool plain;

		left /= ELEMENTS(sizes);
		top_model_init(&model, left % 2);
		ui = (struct top_ui){ .interval_ms = 1000, .view = (enum top_view)(left / 2 % 2) };
		ui.mode = (enum top_mode)(left / 4 % 3);
		plain = left / 12 % 2;
		snprintf(ui.trouble, sizeof(ui.trouble), "%s", troubles[left / 24 % 2]);
		snprintf(model.filter, sizeof(model.filter), "%s", filters[left / 48 % 2]);
		ui.asking = (enum top_asking)(left % 3);
		snprintf(ui.question, sizeof(ui.question), "sure?");
		ui.scroll = left % 5;
		if (_i > 0)
			take_all((size_t)(_i - 1) % ELEMENTS(states), (size_t)(_i - 1) / ELEMENTS(states));
		model.reverse[ui.view] = left % 2;
		ui.index[ui.view] = 99;
		draw(size[0], size[1], plain);
		expect_fits(size[0], size[1], plain);
		top_ui_free(&ui);
		top_model_free(&model);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ctl-parts");
	TCase *all = tcase_create("parts");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 30);
	tcase_add_loop_test(all, options, 0, ELEMENTS(lines));
	tcase_add_loop_test(all, metrics, 0, ELEMENTS(shapes));
	tcase_add_loop_test(all, for_people, 0, ELEMENTS(views));
	tcase_add_loop_test(all, for_followers, 0, ELEMENTS(events));
	tcase_add_loop_test(all, pictures, 0, 1 + (int)(ELEMENTS(states) * ELEMENTS(service_lists)));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
