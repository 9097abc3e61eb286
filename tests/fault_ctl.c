/* fault_ctl.c - usherctl in this process, before a daemon of our own: each call that it makes fails in turn, with each
 * verb. It ends in time, with a status that is one of its own, and says why when it is not 0. */
#include "ctl_help.h"
#include "faulty.h"

#include "base.h"
#include "clock.h"
#include "ctl-client.h"
#include "ctl-options.h"
#include "ctl-run.h"
#include "ctl-top-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <sysexits.h>

static struct fake fake;
static char said[2][96]; /* files for what goes to standard output and error */
static int kept[2];
static char text[65536];

static void set_up(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	faulty_use_json();
}

/* What was said to 0 or 1. */
static const char *read_said(unsigned which)
{
	FILE *file = fopen(said[which], "r");
	size_t length = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

	if (file != NULL)
		fclose(file);
	text[length] = '\0';
	return text;
}

static void listen_to_ourselves(void)
{
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 2; i++) {
		int fd = open(said[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		kept[i] = fcntl(1 + i, F_DUPFD_CLOEXEC, 3);
		ck_assert(fd >= 0 && kept[i] >= 0);
		dup2(fd, 1 + i);
		close(fd);
	}
}

static void speak_again(void)
{
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 2; i++) {
		dup2(kept[i], 1 + i);
		close(kept[i]);
	}
}

static void begin_fake(const struct fake_reply *replies, size_t count)
{
	fake_start(&fake, replies, count);
	for (unsigned i = 0; i < 2; i++)
		snprintf(said[i], sizeof(said[i]), "%s/said%u", fake.directory, i);
}

/* The rows of a table up to the first that is empty. */
static size_t count_rows(const struct fake_reply *replies, size_t most)
{
	size_t count = 0;

	while (count < most && replies[count].request != NULL)
		count++;
	return count;
}

static void end_fake(void)
{
	for (unsigned i = 0; i < 2; i++)
		unlink(said[i]);
	fake_stop(&fake);
}

/* ---- every verb ---- */

#define SERVICE                                                                                                        \
	"{\"name\":\"git\",\"description\":\"d\",\"state\":\"failing\",\"listen\":[\"[::1]:7/tcp\",\"[::1]:8/tcp\"],"  \
	"\"exec\":\"/bin/x\",\"user\":\"git\",\"wait\":true,\"where\":{\"path\":\"/s.ini\",\"line\":0},"               \
	"\"override\":\"disabled\",\"active\":3,\"instances\":9,\"accepted\":20,\"started\":15,\"refused_total\":5,"   \
	"\"refused\":{\"deny\":5},\"ended\":{\"exit\":12},\"spawn_failures\":{\"exec\":2},\"bytes_in\":2048,"          \
	"\"bytes_out\":5,\"problem\":\"bad\",\"warm\":{\"mode\":\"main\",\"state\":\"ready\",\"ready\":true,"          \
	"\"pid\":7,\"copies\":1,\"sessions\":5,\"replaced\":1,\"problem\":\"slow\"},"                                  \
	"\"spawn_seconds\":{\"count\":10,\"sum\":0.02,\"buckets\":[[0.001,2],[0.002,9],[0.005,9]]},"                   \
	"\"session_seconds\":{\"count\":1,\"sum\":1,\"buckets\":[[0.5,0],[2,1]]}}"
#define DAEMON                                                                                                         \
	"{\"version\":\"9\",\"pid\":4,\"state\":\"serving\",\"started_at\":\"2026-01-02T03:04:05Z\","                  \
	"\"uptime_seconds\":1.0,\"upgrades\":2,\"generation\":3,\"config\":{\"path\":null,\"hash\":\"01\"},"           \
	"\"last_reload\":{\"at\":\"2026-01-02T03:05:00Z\",\"ok\":true,\"message\":\"\",\"errors\":0},"                 \
	"\"services\":{\"total\":3,\"serving\":2},\"listeners\":4,\"sessions\":{\"active\":5,\"most\":9,"              \
	"\"lingering\":0},\"accepted\":7,\"started\":9,\"ended\":4,\"refused_total\":1,\"refused\":{\"deny\":1},"      \
	"\"spawn_failures\":0,\"bytes_in\":1,\"bytes_out\":2,\"bans\":0,\"loop\":{\"lag_seconds\":0.1,"                \
	"\"longest_seconds\":0.2},\"log\":{\"level\":\"info\",\"dropped\":0},\"memory\":{\"rss_bytes\":1},"            \
	"\"descriptors\":{\"open\":3,\"limit\":4}}"
#define SESSION                                                                                                        \
	"{\"id\":812,\"service\":\"git\",\"pid\":9,\"peer\":\"192.0.2.7:4\",\"state\":\"running\",\"reason\":null,"    \
	"\"seconds\":1,\"idle_seconds\":1,\"bytes_in\":0,\"bytes_out\":1,\"rtt_seconds\":0.1}"

static const struct verb {
	const char *words, *reply;
	int status;
} verbs[] = {
	{ "status", "{\"ok\":true,\"daemon\":" DAEMON ",\"problems\":[{\"service\":\"git\",\"state\":\"full\"}]}\n", 0 },
	{ "services", "{\"ok\":true,\"services\":[" SERVICE "," SERVICE "]}\n", 0 },
	{ "services git", "{\"ok\":true,\"services\":[" SERVICE "]}\n", 0 },
	{ "sessions", "{\"ok\":true,\"sessions\":[" SESSION "," SESSION "]}\n", 0 },
	{ "show git",
	  "{\"ok\":true,\"name\":\"git\",\"where\":{\"path\":\"/s.ini\",\"line\":3},\"keys\":[{\"key\":\"a\",\"value\":"
	  "\"b\\nc\",\"origin\":\"section\",\"where\":{\"path\":\"/s.ini\",\"line\":9}}]}\n",
	  0 },
	{ "explain ::1 git",
	  "{\"ok\":true,\"service\":\"git\",\"peer\":\"::1\",\"verdict\":\"admit\",\"steps\":[{\"key\":\"deny\","
	  "\"passes\":true,\"text\":\"none\"}]}\n",
	  0 },
	{ "bans", "{\"ok\":true,\"bans\":[{\"address\":\"::1\",\"service\":\"g\",\"by\":\"limits\",\"seconds_left\":1}]}\n",
	  0 },
	{ "reload --dry-run",
	  "{\"ok\":true,\"dry_run\":true,\"generation\":3,\"plan\":{\"listeners\":{\"opened\":[\"a\"],\"closed\":[\"b\"],"
	  "\"kept\":1,\"left_out\":1},\"services\":{\"added\":[\"n\"],\"removed\":[\"o\"],\"changed\":[{\"name\":\"g\","
	  "\"keys\":[\"r\"]}],\"unchanged\":1,\"left_out\":1},\"daemon\":{\"changed\":[\"l\"]}},\"warnings\":[{\"path\":"
	  "\"/s\",\"line\":1,\"subject\":\"g\",\"reason\":\"w\"}]}\n",
	  0 },
	{ "metrics", "{\"ok\":true,\"daemon\":" DAEMON ",\"services\":[" SERVICE "]}\n", 0 },
	{ "renew git", "{\"ok\":true,\"service\":\"git\"}\n", 0 },
	{ "version", "{\"ok\":true,\"version\":\"9\",\"pid\":3}\n", 0 },
	{ "--json bans", "{\"ok\":true,\"bans\":[]}\n", 0 },
	{ "reload",
	  "{\"ok\":false,\"code\":\"config\",\"error\":\"no\",\"errors\":[{\"path\":\"/s\",\"line\":7,\"subject\":\"g\","
	  "\"reason\":\"x\"}],\"left_out\":3}\n",
	  78 },
};

static const struct verb *verb;
static char words[256];

static int work_verb(void)
{
	char *arguments[16] = { words, NULL }, reason[CTL_USAGE_MAX];
	struct ctl_options options;
	int count = 1;

	snprintf(words, sizeof(words), "usherctl --timeout=300ms %s", verb->words);
	(void)strtok(words, " ");
	while (count < 15 && (arguments[count] = strtok(NULL, " ")) != NULL)
		count++;
	optind = 0;
	if (ctl_options_parse(count, arguments, &options, reason) < 0)
		return ctl_fail(-EINVAL, reason);
	options.path = fake.path;
	options.utf8 = true;
	options.color = true;
	options.columns = 60;
	return ctl_run(&options);
}

static bool is_own_status(int status)
{
	static const int statuses[] = { 0,      1,           EX_USAGE,    EX_DATAERR, EX_UNAVAILABLE, EX_OSERR,
					EX_IOERR, EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM,  EX_CONFIG };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (status == statuses[i])
			return true;
	return false;
}

static void finish_verb(int result, const struct faulty_plan *plan)
{
	speak_again();
	ck_assert_msg(is_own_status(result), "%s, %s: status %d", verb->words, faulty_now(), result);
	ck_assert_msg(plan != NULL || result == verb->status, "%s: status %d, %s", verb->words, result, read_said(1));
	if (result != 0)
		ck_assert_msg(strstr(read_said(1), "usherctl: ") != NULL || verb->status == result,
			      "%s, %s: status %d without a word", verb->words, faulty_now(), result);
	if (plan == NULL && result == 0)
		ck_assert_msg(read_said(0)[0] != '\0', "%s says nothing", verb->words);
	/* Nothing that a terminal would take for anything but colours. */
	for (const char *at = read_said(0); *at != '\0'; at++)
		ck_assert((unsigned char)*at >= ' ' || *at == '\n' || *at == '\033' || *at == '\t');
}

START_TEST(each_verb)
{
	const struct faulty_work work = { "verb", listen_to_ourselves, work_verb, finish_verb, 12 };
	const struct fake_reply reply = { NULL, verbs[_i].reply, 0, false };

	verb = &verbs[_i];
	begin_fake(&reply, 1);
	ck_assert_uint_gt(faulty_sweep(&work), 20);
	end_fake();
}
END_TEST

/* ---- one call, one error, one status and sentence ---- */

static const struct {
	enum faulty_call call;
	int error, status;
	const char *says;
} refusals[] = {
	{ FAULTY_socket, EMFILE, EX_OSERR, "socket: Too many" },
	{ FAULTY_connect, EACCES, EX_NOPERM, "control_group" },
	{ FAULTY_connect, EPERM, EX_NOPERM, "no right to ask" },
	{ FAULTY_connect, ENOENT, EX_UNAVAILABLE, "" },
	{ FAULTY_connect, ECONNREFUSED, EX_UNAVAILABLE, "" },
	{ FAULTY_connect, EAGAIN, EX_TEMPFAIL, "" },
	{ FAULTY_connect, ENOTDIR, EX_UNAVAILABLE, "" },
	{ FAULTY_send, EPIPE, 0, "" }, /* what it had to say before is read */
	{ FAULTY_send, EIO, EX_OSERR, "control socket: Input/output error" },
	{ FAULTY_recv, ECONNRESET, EX_UNAVAILABLE, "closed" },
	{ FAULTY_recv, EIO, EX_OSERR, "control socket: Input/output error" },
	{ FAULTY_realloc, ENOMEM, EX_OSERR, "no memory for the answer" },
	{ FAULTY_malloc, ENOMEM, EX_OSERR, "Cannot allocate" },
};

START_TEST(refused)
{
	const struct fake_reply reply = { NULL, "{\"ok\":true,\"bans\":[]}\n", 0, false };
	const struct faulty_plan plan = { refusals[_i].call, 1, refusals[_i].error, true };
	static const struct verb bans = { "bans", NULL, 0 };
	int status;

	verb = &bans;
	begin_fake(&reply, 1);
	listen_to_ourselves();
	faulty_begin(&plan);
	status = work_verb();
	faulty_end();
	speak_again();
	if (refusals[_i].status != 0) {
		ck_assert_msg(status == refusals[_i].status, "%d: %s", status, read_said(1));
		ck_assert_msg(strstr(read_said(1), refusals[_i].says) != NULL, "%s", read_said(1));
	} else {
		ck_assert_msg(status == EX_UNAVAILABLE || status == EX_TEMPFAIL, "%d: %s", status, read_said(1));
	}
	end_fake();
}
END_TEST

/* ---- what is sent, what is received ---- */

static const struct {
	const char *words[3];
	const char *line; /* NULL: refused, with this sentence: */
	const char *says;
} requests[] = {
	{ { "explain", "a b", "c" }, "explain 'a b' c", NULL },
	{ { "explain", "it's", "c" }, "explain 'it'\\''s' c", NULL },
	{ { "explain", "\"", "$" }, "explain '\"' '$'", NULL },
	{ { "explain", "", "c" }, "explain '' c", NULL },
	{ { "explain", "\n", "c" }, NULL, "control character" },
	{ { "explain", "\x7f", "c" }, NULL, "control character" },
	{ { NULL }, NULL, "nothing to ask" },
};

START_TEST(request)
{
	const struct fake_reply reply = { requests[_i].line, "{\"ok\":true}\n", 0, false };
	const char *const *given = requests[_i].words;
	char reason[CTL_REASON_MAX] = "";
	size_t count = given[0] == NULL ? 0 : 3;
	json_t *answer = NULL;
	int r;

	begin_fake(&reply, 1);
	r = ctl_ask(fake.path, given, count, 2000, &answer, reason);
	if (requests[_i].line != NULL) {
		ck_assert_msg(r == 0, "%s", reason);
		ck_assert_int_eq(ctl_is_ok(answer), 1);
		json_decref(answer);
	} else {
		ck_assert_int_lt(r, 0);
		ck_assert_msg(strstr(reason, requests[_i].says) != NULL, "%s", reason);
		ck_assert_ptr_null(answer);
	}
	end_fake();
}
END_TEST

START_TEST(too_long)
{
	const struct fake_reply reply = { NULL, "{\"ok\":true}\n", 0, false };
	char reason[CTL_REASON_MAX] = "", *word = malloc(100001), path[300];
	const char *given[1] = { word };
	struct ctl_client *client = NULL;
	json_t *answer = NULL;

	memset(word, _i == 0 ? 'a' : '\'', 100000);
	word[100000] = '\0';
	begin_fake(&reply, 1);
	ck_assert_int_eq(ctl_ask(fake.path, given, 1, 2000, &answer, reason), -E2BIG);
	ck_assert_msg(strstr(reason, "too long") != NULL, "%s", reason);
	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(ctl_connect(path, 100, &client, reason), -ENAMETOOLONG);
	ck_assert_msg(strstr(reason, "too long for a socket") != NULL, "%s", reason);
	end_fake();
	free(word);
}
END_TEST

/* Many replies through one connection: what was read is moved aside. */
START_TEST(many_replies)
{
	const struct fake_reply reply = { NULL, "{\"ok\":true,\"n\":[1,2,3]}\n", 7000, false };
	static const char *const given[] = { "bans" };
	char reason[CTL_REASON_MAX] = "";
	struct ctl_client *client;

	begin_fake(&reply, 1);
	ck_assert_int_eq(ctl_connect(fake.path, 1000, &client, reason), 0);
	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(ctl_send(client, given, 1, reason), 0);
	for (unsigned i = 0; i < 50; i++) {
		json_t *answer;

		ck_assert_msg(ctl_receive(client, 2000, &answer, reason) == 0, "%s", reason);
		ck_assert_uint_eq(json_array_size(json_object_get(answer, "n")), 3);
		json_decref(answer);
	}
	ctl_close(client);
	end_fake();
}
END_TEST

/* ---- where the socket is ---- */

START_TEST(default_path)
{
	char directory[64] = "/tmp/check-ctl-XXXXXX", own[128];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_str_eq(ctl_default_path("/given"), "/given");
	setenv("USHERD_CONTROL", "/variable", 1);
	ck_assert_str_eq(ctl_default_path(NULL), "/variable");
	unsetenv("USHERD_CONTROL");
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	ck_assert_ptr_nonnull(strstr(ctl_default_path(NULL), "usherd"));
	if (geteuid() != 0)
		return;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0777), 0);
	setenv("XDG_RUNTIME_DIR", directory, 1);
	ck_assert_ptr_null(strstr(ctl_default_path(NULL), directory)); /* root's is the machine's */
	ck_assert_int_eq(seteuid(65534), 0);
	snprintf(own, sizeof(own), "%s/", directory);
	ck_assert_int_eq(strncmp(ctl_default_path(NULL), own, strlen(own)), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", ctl_default_path(NULL));
	(void)mkdir(directory, 0777);
	(void)bind(fd, (const struct sockaddr *)&address, sizeof(address));
	ck_assert_int_eq(strncmp(ctl_default_path(NULL), own, strlen(own)), 0);
	ck_assert_int_eq(seteuid(0), 0);
	close(fd);
	unlink(address.sun_path);
	setenv("XDG_RUNTIME_DIR", "", 1);
	ck_assert_ptr_nonnull(ctl_default_path(NULL));
	rmdir(directory);
}
END_TEST

/* ---- top asks ---- */

#define STATUS_REPLY "{\"ok\":true,\"daemon\":" DAEMON ",\"problems\":[]}\n"

static const struct {
	const char *words[2]; /* of a request of the user */
	enum top_view view;
	const char *detail;
	struct fake_reply replies[4];
	const char *message, *trouble; /* parts of what is told */
	bool stays;		       /* in the page of a service */
} polls[] = {
	{ { NULL }, TOP_SERVICES, NULL,
	  { { "status", STATUS_REPLY, 0, false }, { "services", "{\"ok\":true,\"services\":[" SERVICE "]}\n", 0, false } },
	  "", "", false },
	{ { NULL }, TOP_SESSIONS, NULL,
	  { { "status", STATUS_REPLY, 0, false }, { "sessions", "{\"ok\":true,\"sessions\":[" SESSION "]}\n", 0, false } },
	  "", "", false },
	{ { NULL }, TOP_SERVICES, "git",
	  { { "status", STATUS_REPLY, 0, false },
	    { "services git", "{\"ok\":true,\"services\":[" SERVICE "]}\n", 0, false } },
	  "", "", true },
	{ { NULL }, TOP_SERVICES, "git",
	  { { "status", STATUS_REPLY, 0, false },
	    { "services git", "{\"ok\":false,\"code\":\"unknown\",\"error\":\"no such\"}\n", 0, false } },
	  "no such", "", false },
	{ { NULL }, TOP_SERVICES, "git",
	  { { "status", STATUS_REPLY, 0, false }, { "services git", "{\"ok\":false,\"code\":\"unknown\"}\n", 0, false } },
	  "gone", "", false },
	{ { "kill", "git" }, TOP_SERVICES, NULL,
	  { { "kill git", "{\"ok\":true,\"sessions\":2}\n", 0, false }, { "status", STATUS_REPLY, 0, false },
	    { "services", "{\"ok\":true,\"services\":[]}\n", 0, false } },
	  "2 sessions told to end", "", false },
	{ { "kill", "git" }, TOP_SERVICES, NULL,
	  { { "kill git", "{\"ok\":true,\"sessions\":1}\n", 0, false }, { "status", STATUS_REPLY, 0, false },
	    { "services", "{\"ok\":true,\"services\":[]}\n", 0, false } },
	  "1 session told to end", "", false },
	{ { "disable", "git" }, TOP_SERVICES, NULL,
	  { { "disable git", "{\"ok\":true}\n", 0, false }, { "status", STATUS_REPLY, 0, false },
	    { "services", "{\"ok\":true,\"services\":[]}\n", 0, false } },
	  "git: disabled until the next reload", "", false },
	{ { "disable", "git" }, TOP_SERVICES, NULL,
	  { { "disable git", "{\"ok\":false,\"error\":\"may not\"}\n", 0, false }, { "status", STATUS_REPLY, 0, false },
	    { "services", "{\"ok\":true,\"services\":[]}\n", 0, false } },
	  "may not", "", false },
	{ { "disable", "git" }, TOP_SERVICES, NULL,
	  { { "disable git", "{\"ok\":false}\n", 0, false }, { "status", STATUS_REPLY, 0, false },
	    { "services", "{\"ok\":true,\"services\":[]}\n", 0, false } },
	  "usherd refused", "", false },
	{ { "disable", "git" }, TOP_SERVICES, NULL, { { "disable git", NULL, 0, false } }, "ended", "ended", false },
	{ { "disable", "git" }, TOP_SERVICES, NULL,
	  { { "disable git", "{\"ok\":false,\"code\":\"busy\",\"error\":\"later\"}\n", 0, false } }, "later", "later",
	  false },
	{ { NULL }, TOP_SERVICES, NULL, { { "status", "{\"ok\":false,\"error\":\"not now\"}\n", 0, false } }, "",
	  "not now", false },
	{ { NULL }, TOP_SERVICES, NULL, { { "status", "{\"ok\":false}\n", 0, false } }, "", "refused to say how it is",
	  false },
	{ { NULL }, TOP_SERVICES, NULL, { { "status", "nonsense\n", 0, false } }, "", "another program", false },
};

START_TEST(polling)
{
	struct top_ui ui = { .interval_ms = 60000, .view = polls[_i].view };
	struct top_model model;
	struct top_poll poll = { .timeout_ms = 5000, .interrupt_fd = -1 };
	uint64_t end_ns = clock_now_ns() + 5 * NS_PER_S;

	top_model_init(&model, true);
	begin_fake(polls[_i].replies, count_rows(polls[_i].replies, ELEMENTS(polls[_i].replies)));
	poll.path = fake.path;
	if (polls[_i].detail != NULL) {
		ui.mode = TOP_MODE_DETAIL;
		ui.detail = strdup(polls[_i].detail);
	}
	if (polls[_i].words[0] != NULL) {
		ui.words[0] = strdup(polls[_i].words[0]);
		ui.words[1] = strdup(polls[_i].words[1]);
		ui.ready = true;
	}
	while (poll.rounds == 0 && poll.error == 0 && clock_now_ns() < end_ns)
		top_poll_run(&poll, &ui, &model, end_ns);
	ck_assert_msg(strstr(ui.message, polls[_i].message) != NULL, "%s", ui.message);
	ck_assert_msg(strstr(ui.trouble, polls[_i].trouble) != NULL, "%s", ui.trouble);
	ck_assert_int_eq(poll.error == 0, polls[_i].trouble[0] == '\0');
	ck_assert(!ui.ready && ui.words[0] == NULL);
	ck_assert_int_eq(ui.mode == TOP_MODE_DETAIL, polls[_i].stays);
	ck_assert_int_eq(model.detail != NULL, polls[_i].stays);
	top_poll_now(&poll);
	top_poll_end(&poll);
	top_ui_free(&ui);
	top_model_free(&model);
	end_fake();
}
END_TEST

/* It is told that nobody answers, and after the time it is given up. */
START_TEST(worried)
{
	struct top_ui ui = { .interval_ms = 60000 };
	struct top_model model;
	struct top_poll poll = { .timeout_ms = _i == 0 ? 2500 : 0, .interrupt_fd = -1 };
	uint64_t end_ns = clock_now_ns() + 4 * NS_PER_S;

	top_model_init(&model, true);
	begin_fake(&(struct fake_reply){ "status", " ", 0, true }, 1);
	poll.path = fake.path;
	while (poll.error == 0 && clock_now_ns() < end_ns)
		top_poll_run(&poll, &ui, &model, end_ns);
	ck_assert_msg(strstr(ui.trouble, "usherd has not answered for") != NULL, "%s", ui.trouble);
	ck_assert_int_eq(poll.error, _i == 0 ? -ETIMEDOUT : 0);
	top_poll_end(&poll);
	top_ui_free(&ui);
	top_model_free(&model);
	end_fake();
}
END_TEST

static struct top_model swept;
static struct top_ui swept_ui;

static int work_model(void)
{
	static const char *const replies[] = { STATUS_REPLY, "{\"ok\":true,\"services\":[" SERVICE "," SERVICE "]}",
					       "{\"ok\":true,\"sessions\":[" SESSION "," SESSION "]}" };
	int (*const takers[])(struct top_model *, const json_t *, uint64_t) = { top_take_status, top_take_services,
										top_take_sessions };
	int r = 0;

	for (unsigned round = 1; round < 3; round++)
		for (size_t i = 0; i < ELEMENTS(takers); i++) {
			json_t *reply = json_loads(replies[i], 0, NULL);

			if (reply == NULL || takers[i](&swept, reply, round * NS_PER_S) < 0)
				r = -ENOMEM;
			json_decref(reply);
			if (top_arrange(&swept, TOP_SERVICES) < 0 || top_arrange(&swept, TOP_SESSIONS) < 0)
				r = -ENOMEM;
		}
	for (const char *key = "kn\nSkydyesy"; *key != '\0'; key++) {
		if (top_arrange(&swept, swept_ui.view) < 0)
			r = -ENOMEM;
		top_key(&swept_ui, &swept, (wint_t)*key, false);
	}
	return r;
}

static void prepare_model(void)
{
	top_model_init(&swept, true);
	swept_ui = (struct top_ui){ .interval_ms = 1000 };
}

static void finish_model(int result, const struct faulty_plan *plan)
{
	ck_assert_msg(result == 0 || plan != NULL, "%d", result);
	/* What is shown is of what is there. */
	for (size_t i = 0; result == 0 && i < swept.shown_count; i++)
		ck_assert_ptr_nonnull(swept.shown[i]->key);
	top_ui_free(&swept_ui);
	top_model_free(&swept);
}

START_TEST(modelling)
{
	const struct faulty_work work = { "model", prepare_model, work_model, finish_model, 200 };

	ck_assert_uint_gt(faulty_sweep(&work), 100);
}
END_TEST

/* ---- until it is over ---- */

#define PID_REPLY(pid) "{\"ok\":true,\"version\":\"9\",\"pid\":" #pid "}\n"
#define ACTIVE(count) "{\"ok\":true,\"services\":[{\"name\":\"git\",\"active\":" #count "}]}\n"

static const struct {
	const char *words;
	struct fake_reply replies[6];
	int status;
	const char *says;
} waits[] = {
	{ "drain git --wait",
	  { { "drain git", "{\"ok\":true,\"service\":\"git\",\"active\":1}\n", 0, false },
	    { "version", PID_REPLY(0), 0, false },
	    { "services git", ACTIVE(1), 0, false },
	    { "services git", ACTIVE(0), 0, false } },
	  0, "" },
	{ "drain git --wait",
	  { { "drain git", "{\"ok\":true,\"service\":\"git\",\"active\":1}\n", 0, false },
	    { "version", PID_REPLY(0), 0, false },
	    { "services git", ACTIVE(1), 0, false } },
	  EX_TEMPFAIL, "sessions were still running" },
	{ "drain git --wait",
	  { { "drain git", "{\"ok\":true,\"service\":\"git\",\"active\":1}\n", 0, false },
	    { "version", NULL, 0, false },
	    { "services git", "{\"ok\":false,\"code\":\"unknown\",\"error\":\"x\"}\n", 0, false } },
	  0, "" },
	{ "drain git --wait",
	  { { "drain git", "{\"ok\":true,\"service\":\"git\",\"active\":1}\n", 0, false },
	    { "version", PID_REPLY(0), 0, false },
	    { "services git", "{\"ok\":false,\"code\":\"denied\",\"error\":\"x\"}\n", 0, false } },
	  EX_TEMPFAIL, "sessions were still running" },
	{ "drain git --wait",
	  { { "drain git", "{\"ok\":true,\"service\":\"git\",\"active\":1}\n", 0, false },
	    { "version", PID_REPLY(0), 0, false },
	    { "services git", "nonsense\n", 0, false } },
	  EX_PROTOCOL, "another program" },
	{ "stop --wait",
	  { { "stop", "{\"ok\":true,\"sessions\":1}\n", 0, false },
	    { "version", PID_REPLY(999999), 0, false },
	    { "version", PID_REPLY(999998), 0, false },
	    { "version", PID_REPLY(999997), 0, false } },
	  0, "" },
	{ "stop --wait",
	  { { "stop", "{\"ok\":true,\"sessions\":1}\n", 0, false }, { "version", PID_REPLY(1), 0, false } },
	  EX_TEMPFAIL, "usherd had not ended" },
	{ "stop --wait", { { "stop", "{\"ok\":true,\"sessions\":1}\n", 0, false }, { "version", NULL, 0, false } }, 0, "" },
	{ "stop --wait",
	  { { "stop", "{\"ok\":true,\"sessions\":1}\n", 0, false }, { "version", "nonsense\n", 0, false } },
	  EX_PROTOCOL, "another program" },
	{ "stop --wait", { { "stop", "{\"ok\":false,\"code\":\"denied\",\"error\":\"not you\"}\n", 0, false } }, EX_NOPERM,
	  "not you" },
};

START_TEST(waiting)
{
	static struct verb waited;
	int status;

	waited = (struct verb){ waits[_i].words, NULL, waits[_i].status };
	verb = &waited;
	begin_fake(waits[_i].replies, count_rows(waits[_i].replies, ELEMENTS(waits[_i].replies)));
	listen_to_ourselves();
	status = work_verb();
	speak_again();
	ck_assert_msg(status == waits[_i].status, "%d: %s", status, read_said(1));
	ck_assert_msg(strstr(read_said(1), waits[_i].says) != NULL, "%s", read_said(1));
	end_fake();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_ctl");
	TCase *sweeps = tcase_create("sweeps"), *rows = tcase_create("rows");

	tcase_add_checked_fixture(sweeps, set_up, NULL);
	tcase_set_timeout(sweeps, 60);
	tcase_add_loop_test(sweeps, each_verb, 0, ELEMENTS(verbs));
	tcase_add_test(sweeps, modelling);
	suite_add_tcase(suite, sweeps);
	tcase_add_checked_fixture(rows, set_up, NULL);
	tcase_set_timeout(rows, 30);
	tcase_add_loop_test(rows, refused, 0, ELEMENTS(refusals));
	tcase_add_loop_test(rows, request, 0, ELEMENTS(requests));
	tcase_add_loop_test(rows, too_long, 0, 2);
	tcase_add_test(rows, many_replies);
	tcase_add_test(rows, default_path);
	tcase_add_loop_test(rows, polling, 0, ELEMENTS(polls));
	tcase_add_loop_test(rows, worried, 0, 2);
	tcase_add_loop_test(rows, waiting, 0, ELEMENTS(waits));
	suite_add_tcase(suite, rows);
	return suite;
}

RUN_SUITE(make_suite)
