/* check_ctl_top_keys.c - every key of top, in every place where it can be pressed. */
#include "ctl-top-internal.h"

#include "base.h"
#include "run.h"

#include <curses.h>
#include <locale.h>
#include <string.h>

#define ROWS 7

static struct top_model model;
static struct top_ui ui;

/* Keys that have no character are written as one that is none of the others. */
static const struct {
	char character;
	wint_t key;
} keys[] = {
	{ '^', KEY_UP },   { 'v', KEY_DOWN }, { '(', KEY_PPAGE },     { ')', KEY_NPAGE },
	{ '[', KEY_HOME }, { ']', KEY_END },  { '{', KEY_BACKSPACE }, { '}', KEY_ENTER },
	{ '!', KEY_F(5) },
};

static void press(const char *script)
{
	for (; *script != '\0'; script++) {
		wint_t key = (unsigned char)*script;
		bool is_key = false;

		for (size_t i = 0; i < ELEMENTS(keys); i++)
			if (*script == keys[i].character) {
				key = keys[i].key;
				is_key = true;
			}
		ck_assert_int_eq(top_arrange(&model, ui.view), 0);
		top_key(&ui, &model, key, is_key);
	}
	ck_assert_int_eq(top_arrange(&model, ui.view), 0);
}

/* Seven services, of which "busy" has sessions, and as many sessions. */
static void set_up(void)
{
	json_t *services = json_array(), *sessions = json_array(), *reply;
	static const char *const names[ROWS] = { "busy", "c1", "c2", "c3", "c4", "c5", "c6" };

	setlocale(LC_CTYPE, "C.UTF-8");
	for (int i = 0; i < ROWS; i++) {
		json_array_append_new(services, json_pack("{s:s, s:s, s:i, s:i}", "name", names[i], "state",
							  i == 0 ? "serving" : "disabled", "active", i == 0 ? 3 : 0,
							  "instances", 9));
		json_array_append_new(sessions, json_pack("{s:i, s:s, s:s, s:s}", "id", 100 + i, "service", names[i],
							  "state", "running", "peer", "[::1]:5"));
	}
	top_model_init(&model, true);
	ui = (struct top_ui){ .interval_ms = 1000, .page = 4 };
	reply = json_pack("{s:b, s:o}", "ok", 1, "services", services);
	ck_assert_int_eq(top_take_services(&model, reply, 1), 0);
	json_decref(reply);
	reply = json_pack("{s:b, s:o}", "ok", 1, "sessions", sessions);
	ck_assert_int_eq(top_take_sessions(&model, reply, 1), 0);
	json_decref(reply);
	for (int view = 0; view < TOP_VIEWS; view++)
		model.sort[view] = 0;
}

static void tear_down(void)
{
	top_model_free(&model);
	top_ui_free(&ui);
}

static const struct row {
	const char *script;
	const char *what;     /* is said or asked; NULL: neither */
	const char *words[2]; /* that are to be asked for, or to be made */
	const char *selected; /* key of a row; NULL: not looked at */
	enum top_mode mode;
	enum top_asking asking;
	bool ready;
} rows[] = {
	/* moving */
	{ "v", NULL, { NULL }, "c1", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "jj", NULL, { NULL }, "c2", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "jj^", NULL, { NULL }, "c1", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "^", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ ")", NULL, { NULL }, "c3", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "))))(", NULL, { NULL }, "c3", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "]", NULL, { NULL }, "c6", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "]v", NULL, { NULL }, "c6", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "][", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "!x\033", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	/* views */
	{ "\tv", NULL, { NULL }, "105", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "S]", NULL, { NULL }, "100", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "S\ts", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "r", NULL, { NULL }, "c6", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "r>", NULL, { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "<>", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "?", NULL, { NULL }, NULL, TOP_MODE_HELP, TOP_ASKING_NOTHING, false },
	{ "h)", NULL, { NULL }, NULL, TOP_MODE_HELP, TOP_ASKING_NOTHING, false },
	{ "hx", NULL, { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "h!", NULL, { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "\n", NULL, { NULL }, NULL, TOP_MODE_DETAIL, TOP_ASKING_NOTHING, false },
	{ "\r\n", NULL, { NULL }, NULL, TOP_MODE_DETAIL, TOP_ASKING_NOTHING, false },
	{ "}\033", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "S}", NULL, { NULL }, NULL, TOP_MODE_DETAIL, TOP_ASKING_NOTHING, false },
	/* how often */
	{ "+", "every 2", { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "-", "every 500", { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "----------", "every 100", { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "++++++++++", "every 1m", { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	/* questions */
	{ "d", "disable busy until", { "disable", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_SURE, false },
	{ "vd", "disable c1 until", { "disable", "c1" }, NULL, TOP_MODE_LIST, TOP_ASKING_SURE, false },
	{ "ve", "enable c1 until", { "enable", "c1" }, NULL, TOP_MODE_LIST, TOP_ASKING_SURE, false },
	{ "\nd", "disable busy until", { "disable", "busy" }, NULL, TOP_MODE_DETAIL, TOP_ASKING_SURE, false },
	{ "Sve", "enable c5 until", { "enable", "c5" }, NULL, TOP_MODE_LIST, TOP_ASKING_SURE, false },
	{ "dy", "disable busy ...", { "disable", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, true },
	{ "dY", "disable busy ...", { "disable", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, true },
	{ "dn", "nothing done", { "disable", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "d!", "nothing done", { "disable", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "dyd", "one thing at a time", { "disable", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, true },
	{ "dyk", "one thing at a time", { "disable", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, true },
	{ "k", "kill all sessions of busy (3)?", { "kill", "busy" }, NULL, TOP_MODE_LIST, TOP_ASKING_SURE, false },
	{ "vk", "c1 has no sessions", { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "Svk", "kill session 105 (c5, [::1]:5)?", { "kill", "105" }, NULL, TOP_MODE_LIST, TOP_ASKING_SURE, false },
	{ "\nk", NULL, { NULL }, NULL, TOP_MODE_DETAIL, TOP_ASKING_NOTHING, false },
	/* the filter */
	{ "/c2", NULL, { NULL }, "c2", TOP_MODE_LIST, TOP_ASKING_FILTER, false },
	{ "/c2}", NULL, { NULL }, "c2", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "/c2\n", NULL, { NULL }, "c2", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "/c2\r", NULL, { NULL }, "c2", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "/c2\033", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "/c2\n\033", NULL, { NULL }, "busy", TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "/c2{3", NULL, { NULL }, "c3", TOP_MODE_LIST, TOP_ASKING_FILTER, false },
	{ "/c2\0103", NULL, { NULL }, "c3", TOP_MODE_LIST, TOP_ASKING_FILTER, false },
	{ "/c2\1773", NULL, { NULL }, "c3", TOP_MODE_LIST, TOP_ASKING_FILTER, false },
	{ "/{{c2^!\001", NULL, { NULL }, "c2", TOP_MODE_LIST, TOP_ASKING_FILTER, false },
	{ "/zzz", NULL, { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_FILTER, false },
	{ "/zzz\nv^d", NULL, { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
	{ "/zzz\nk\n", NULL, { NULL }, NULL, TOP_MODE_LIST, TOP_ASKING_NOTHING, false },
};

START_TEST(script)
{
	const struct row *row = &rows[_i];
	const struct top_row *selected;
	const char *said;

	press(row->script);
	said = ui.asking == TOP_ASKING_SURE ? ui.question : ui.message;
	ck_assert_int_eq(ui.mode, row->mode);
	ck_assert_int_eq(ui.asking, row->asking);
	ck_assert_int_eq(ui.ready, row->ready);
	if (row->what != NULL)
		ck_assert_msg(strstr(said, row->what) != NULL, "%s: %s", row->script, said);
	else
		ck_assert_msg(said[0] == '\0', "%s: %s", row->script, said);
	for (size_t i = 0; i < 2; i++)
		if (row->words[i] != NULL)
			ck_assert_str_eq(ui.words[i], row->words[i]);
		else
			ck_assert_ptr_null(ui.words[i]);
	selected = top_selected(&ui, &model);
	if (row->selected != NULL) {
		ck_assert_ptr_nonnull(selected);
		ck_assert_str_eq(selected->key, row->selected);
	}
	ck_assert(!ui.quit);
}
END_TEST

START_TEST(quit)
{
	static const char *const scripts[] = { "q", "Q", "hq", "hQ", "\nq" };

	press(scripts[_i]);
	ck_assert(ui.quit);
}
END_TEST

/* A filter is no longer than there is room for, and its characters are taken away whole. */
START_TEST(long_filter)
{
	press("/");
	for (unsigned i = 0; i < 300; i++)
		top_key(&ui, &model, 0xe9, false);
	ck_assert_uint_eq(strlen(model.filter), sizeof(model.filter) / 2 * 2 - 2);
	press("{");
	ck_assert_uint_eq(strlen(model.filter), sizeof(model.filter) / 2 * 2 - 4);
}
END_TEST

/* Pages of text move as far as there is text. */
START_TEST(scrolling)
{
	press("h");
	ui.scroll_most = 5;
	press("vv^");
	ck_assert_uint_eq(ui.scroll, 1);
	press("]");
	ck_assert_uint_eq(ui.scroll, 5);
	press("(");
	ck_assert_uint_eq(ui.scroll, 2);
	press("[");
	ck_assert_uint_eq(ui.scroll, 0);
	ui.page = 1;
	press(")");
	ck_assert_uint_eq(ui.scroll, 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ctl-top-keys");
	TCase *all = tcase_create("keys");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, script, 0, ELEMENTS(rows));
	tcase_add_loop_test(all, quit, 0, 5);
	tcase_add_test(all, long_filter);
	tcase_add_test(all, scrolling);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
