/* check_status.c - the status service as it ships, on a socket pair, with a control socket whose
 * answers are written here. USHERD_SERVICES_DIR names its folder. */
#include "patience.h"
#include "run.h"
#include "services.h"

#include <poll.h>
#include <sys/un.h>

#define SERVING "serving"
#define HOST    "Host: a\r\n"

/* Names that would get out of a quoted label, of a line or of HTML. */
#define HOSTILE_JSON "a\\\"b\\\\c\\nd</script>{}\\u0007\\u202e"

static char folder[] = "/tmp/usherd-check-status.XXXXXX", control_path[64];
static pid_t daemon_pid;

/* ---- a daemon ---- */

static const char *state = SERVING;

static const char *daemon_json(void)
{
	static char text[2000];

	snprintf(text, sizeof(text),
		 "\"daemon\":{\"version\":\"0.9\",\"pid\":7,\"state\":\"%s\",\"started_at\":\"1970-01-02T00:"
		 "00:01Z\","
		 "\"uptime_seconds\":12.5,\"upgrades\":2,\"generation\":3,\"config\":{\"path\":null,\"hash\":"
		 "\"abc\"},"
		 "\"last_reload\":{\"at\":\"1970-01-01T00:01:00Z\",\"ok\":false,\"message\":\"no\","
		 "\"errors\":1},"
		 "\"services\":{\"total\":2,\"serving\":1,\"failing\":1},\"listeners\":2,"
		 "\"sessions\":{\"active\":1,\"most\":4,\"lingering\":0},\"accepted\":9,\"refused_total\":5,"
		 "\"refused\":{\"deny\":5},\"bans\":0,\"loop\":{\"rounds\":5,\"busy_seconds\":0.25,\"lag_"
		 "seconds\":0.1,"
		 "\"longest_seconds\":2},\"log\":{\"level\":\"info\",\"dropped\":6},\"memory\":{\"rss_"
		 "bytes\":4096},"
		 "\"descriptors\":{\"open\":9,\"limit\":1024},\"control\":{\"clients\":1}}",
		 state);
	return text;
}

static const char services_json[] =
	"\"services\":[{\"name\":\"" HOSTILE_JSON
	"\",\"state\":\"serving\",\"exec\":\"/bin/secret\",\"user\":\"root\","
	"\"where\":{\"path\":\"/"
	"secret\",\"line\":1},\"listen\":[],\"active\":1,\"instances\":9,\"accepted\":4,"
	"\"refused_total\":5,\"refused\":{\"deny\":5},\"ended\":{},\"spawn_failures\":{\"exec\":2},\"bytes_"
	"in\":null,"
	"\"bytes_out\":7,\"problem\":null,\"spawn_seconds\":{\"count\":3,\"sum\":0.5,\"buckets\":[[0.00025,1]"
	",[1.0,2]]}},"
	"{\"name\":\"other\",\"state\":\"failing\",\"listen\":[],\"active\":0,\"instances\":9,\"accepted\":1,"
	"\"refused\":{},\"ended\":{\"exit\":1}}]";

static void say_sessions(FILE *out)
{
	fputs("{\"ok\":true,\"sessions\":[", out);
	for (int i = 0; i < 600; i++)
		fprintf(out, "%s{\"id\":%d,\"service\":\"git\",\"peer\":null}", i > 0 ? "," : "", i);
	fputs("]}\n", out);
}

static void daemon_answer(FILE *out, const char *verb)
{
	if (strcmp(verb, "status\n") == 0)
		fprintf(out, "{\"ok\":true,%s,\"problems\":[]}\n", daemon_json());
	else if (strcmp(verb, "services\n") == 0)
		fprintf(out, "{\"ok\":true,%s}\n", services_json);
	else if (strcmp(verb, "metrics\n") == 0)
		fprintf(out, "{\"ok\":true,%s,%s}\n", daemon_json(), services_json);
	else if (strcmp(verb, "sessions\n") == 0)
		say_sessions(out);
	else
		fprintf(out, "{\"ok\":false,\"code\":\"usage\",\"error\":\"not a request\"}\n");
	fflush(out);
}

static void daemon_serve(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
		char line[100];

		if (in == NULL || out == NULL)
			_exit(1);
		while (fgets(line, sizeof(line), in) != NULL)
			daemon_answer(out, line);
		fclose(in);
		fclose(out);
	}
}

static void daemon_begin(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, control_path, strlen(control_path) + 1);
	ck_assert_int_eq(bind(fd, (const void *)&un, sizeof(un)) | listen(fd, 16), 0);
	daemon_pid = fork();
	ck_assert_int_ge(daemon_pid, 0);
	if (daemon_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		daemon_serve(fd);
	}
	close(fd);
}

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(control_path, sizeof(control_path), "%s/control", folder);
	signal(SIGPIPE, SIG_IGN);
}

static void tear_down(void)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	unlink(control_path);
	rmdir(folder);
}

/* ---- a client ---- */

static struct program program;

static int start(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	program = program_start((const char *[]){ "status", "-s", control_path, "-t", "1", NULL }, NULL,
				pair[0], pair[0]);
	close(pair[0]);
	return pair[1];
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Everything up to the end. */
static char *hear(int fd)
{
	size_t length = 0, room = 1 << 20;
	char *text = malloc(room);

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t got;

		ck_assert_msg(poll(&ready, 1, PATIENCE_MS) == 1, "neither a byte nor the end in time");
		got = read(fd, text + length, room - length - 1);
		ck_assert_msg(got >= 0, "read: %s", strerror(errno));
		length += (size_t)got;
		text[length] = '\0';
		if (got == 0)
			return text;
	}
}

static void end(int fd)
{
	int ended;

	close(fd);
	ended = program_end(&program);
	ck_assert_msg(ended == 0 && program.errors[0] == '\0', "%d: %s", ended, program.errors);
}

/* One request, and the whole answer. */
static char *ask(const char *method, const char *path)
{
	int fd = start();
	char line[200], *text;

	snprintf(line, sizeof(line), "%s %s HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", method, path);
	say(fd, line);
	text = hear(fd);
	end(fd);
	return text;
}

static void expect(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in:\n%.3000s", part, text);
}

static const char *body_of(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n");

	ck_assert_ptr_nonnull(body);
	return body + 4;
}

static size_t length_of(const char *text)
{
	const char *header = strstr(text, "\r\nContent-Length: ");

	ck_assert_ptr_nonnull(header);
	return strtoul(header + strlen("\r\nContent-Length: "), NULL, 10);
}

/* ---- tests ---- */

static const struct {
	const char *path, *status, *type, *part;
} pages[] = {
	{ "/", "200 OK", "text/html; charset=utf-8", "<noscript>" },
	{ "/?a=b", "200 OK", "text/html; charset=utf-8", "src=\"script.js\"" },
	{ "http://a/style.css", "200 OK", "text/css; charset=utf-8", "prefers-color-scheme: dark" },
	{ "/script.js", "200 OK", "text/javascript; charset=utf-8", "textContent" },
	{ "/icon.svg", "200 OK", "image/svg+xml", "<svg" },
	{ "/status.json", "200 OK", "application/json", "\"sessions_total\":600" },
	{ "/metrics", "200 OK", "text/plain; version=0.0.4; charset=utf-8", "\nusherd_sessions 1\n" },
	{ "/healthz", "200 OK", "text/plain; charset=utf-8", "ok\n" },
	{ "/readyz", "200 OK", "text/plain; charset=utf-8", "ready\n" },
	{ "/nothing", "404 Not Found", "text/plain; charset=utf-8", "/status.json" },
	{ "/../", "404 Not Found", "text/plain; charset=utf-8", "" },
};

START_TEST(test_page)
{
	char line[100], *text, *head;

	daemon_begin();
	text = ask("GET", pages[_i].path);
	snprintf(line, sizeof(line), "HTTP/1.1 %s\r\nDate: ", pages[_i].status);
	ck_assert_msg(strncmp(text, line, strlen(line)) == 0, "%.200s", text);
	snprintf(line, sizeof(line), "\r\nContent-Type: %s\r\n", pages[_i].type);
	expect(text, line);
	expect(text, "\r\nX-Content-Type-Options: nosniff\r\n");
	expect(text, "\r\nCache-Control: no-store\r\n");
	expect(text,
	       "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; ");
	expect(text, "\r\nConnection: close\r\n\r\n");
	expect(body_of(text), pages[_i].part);
	ck_assert_uint_eq(length_of(text), strlen(body_of(text)));
	ck_assert_ptr_null(strstr(text, "\r\nServer:"));

	head = ask("HEAD", pages[_i].path);
	ck_assert_uint_eq(length_of(head), length_of(text));
	ck_assert_str_eq(body_of(head), "");
	free(text);
	free(head);
}
END_TEST

/* The page has nothing in it that its own policy forbids, and nothing from outside. */
START_TEST(test_page_is_strict)
{
	static const char *const forbidden[] = { " style=",     " onclick=", " onload=", "<style",
						 "javascript:", "http:",     "https:" };
	char *text = ask("GET", "/"), *script = ask("GET", "/script.js");

	for (size_t i = 0; i < ELEMENTS(forbidden); i++)
		ck_assert_msg(strstr(body_of(text), forbidden[i]) == NULL, "%s", forbidden[i]);
	ck_assert_ptr_null(strstr(script, "innerHTML"));
	ck_assert_ptr_null(strstr(script, "insertAdjacentHTML"));
	ck_assert_ptr_null(strstr(script, "eval("));
	free(text);
	free(script);
}
END_TEST

START_TEST(test_status_json)
{
	char *text;

	daemon_begin();
	text = ask("GET", "/status.json");
	expect(text, "\"services_total\":2");
	expect(text, "{\"id\":499,");
	ck_assert_ptr_null(strstr(text, "{\"id\":500,"));
	ck_assert_ptr_null(strstr(text, "secret"));
	free(text);
}
END_TEST

#define NAME "a\\\"b\\\\c\\nd</script>{}\xef\xbf\xbd\xe2\x80\xae"

START_TEST(test_metrics)
{
	static const char *const lines[] = {
		"# HELP usherd_refused_total ",
		"# TYPE usherd_refused_total counter",
		"usherd_refused_total{service=\"" NAME "\",reason=\"deny\"} 5",
		"usherd_sessions_active{service=\"" NAME "\"} 1",
		"usherd_service_state{service=\"other\",state=\"failing\"} 1",
		"usherd_services{state=\"failing\"} 1",
		"usherd_ended_total{service=\"other\",reason=\"exit\"} 1",
		"usherd_spawn_failures_total{service=\"" NAME "\",stage=\"exec\"} 2",
		"# TYPE usherd_spawn_seconds histogram",
		"usherd_spawn_seconds_bucket{service=\"" NAME "\",le=\"0.00025\"} 1",
		"usherd_spawn_seconds_bucket{service=\"" NAME "\",le=\"1\"} 2",
		"usherd_spawn_seconds_bucket{service=\"" NAME "\",le=\"+Inf\"} 3",
		"usherd_spawn_seconds_sum{service=\"" NAME "\"} 0.5",
		"usherd_spawn_seconds_count{service=\"" NAME "\"} 3",
		"usherd_sent_bytes_total{service=\"" NAME "\"} 7",
		"usherd_config_info{hash=\"abc\",generation=\"3\"} 1",
		"usherd_start_time_seconds 86401",
		"usherd_last_reload_success 0",
		"usherd_last_reload_timestamp_seconds 60",
		"usherd_draining 0",
		"usherd_loop_busy_seconds_total 0.25",
		"process_max_fds 1024",
	};
	char *text;

	daemon_begin();
	text = ask("GET", "/metrics");
	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		char line[300];

		snprintf(line, sizeof(line), "\n%s%s", lines[i], i > 0 ? "\n" : "");
		expect(text, line);
	}
	/* What is not known has no sample; the sum of the states is no state. */
	ck_assert_ptr_null(strstr(text, "usherd_received_bytes_total{"));
	ck_assert_ptr_null(strstr(text, "state=\"total\""));
	free(text);
}
END_TEST

START_TEST(test_daemon_away)
{
	static const char *const paths[] = { "/status.json", "/metrics", "/healthz", "/readyz" };

	for (size_t i = 0; i < ELEMENTS(paths); i++) {
		char *text = ask("GET", paths[i]);

		expect(text, "HTTP/1.1 503 Service Unavailable\r\n");
		expect(body_of(text), "no usherd answers");
		free(text);
	}
}
END_TEST

START_TEST(test_draining)
{
	char *text;
	int fd;

	state = "draining";
	daemon_begin();
	text = ask("GET", "/readyz");
	expect(text, "HTTP/1.1 503 ");
	expect(body_of(text), "draining");
	free(text);
	text = ask("GET", "/healthz");
	expect(text, "HTTP/1.1 200 ");
	free(text);
	/* A page that stays open is let go. */
	fd = start();
	say(fd, "GET /status.json HTTP/1.1\r\n" HOST "\r\n");
	text = hear(fd);
	expect(text, "\r\nConnection: close\r\n");
	end(fd);
	free(text);
}
END_TEST

START_TEST(test_pipelining)
{
	int fd = start();
	char *text;
	const char *second;

	daemon_begin();
	say(fd, "HEAD /script.js HTTP/1.1\r\n" HOST "\r\nGET /healthz HTTP/1.1\r\n" HOST "\r\nGET /rea");
	say(fd, "dyz HTTP/1.0\r\n\r\n");
	text = hear(fd);
	expect(text, "\r\nConnection: keep-alive\r\n");
	second = body_of(text);
	ck_assert_msg(strncmp(second, "HTTP/1.1 200 OK\r\n", 17) == 0, "%.100s", second);
	expect(second, "\r\n\r\nok\nHTTP/1.1 200 OK\r\n");
	expect(second, "\r\n\r\nready\n");
	end(fd);
	free(text);
}
END_TEST

static const struct {
	const char *request, *begin;
} refusals[] = {
	{ "GARBAGE\r\n", "HTTP/1.1 400 Bad Request\r\n" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "HTTP/1.1 405 Method Not Allowed\r\n" },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 44\r\n\r\nGET /healthz HTTP/1.1\r\n" HOST "\r\n",
	  "HTTP/1.1 413 Content Too Large\r\n" },
	{ "GET / HTTP/3.0\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n" },
};

/* Nothing behind it is taken for another request. */
START_TEST(test_refusal)
{
	int fd = start();
	char *text;

	say(fd, refusals[_i].request);
	text = hear(fd);
	ck_assert_msg(strncmp(text, refusals[_i].begin, strlen(refusals[_i].begin)) == 0, "%.200s", text);
	expect(text, "\r\nConnection: close\r\n");
	ck_assert_ptr_null(strstr(text + 1, "HTTP/1.1 2"));
	ck_assert_int_eq(strstr(text, "\r\nAllow: GET, HEAD\r\n") != NULL, strstr(text, " 405 ") != NULL);
	end(fd);
	free(text);
}
END_TEST

/* More than is ever read ahead. */
START_TEST(test_long_request)
{
	static char line[20000] = "GET /";
	int fd = start();
	char *text;

	memset(line + 5, 'a', sizeof(line) - 6);
	say(fd, line);
	text = hear(fd);
	expect(text, "HTTP/1.1 414 URI Too Long\r\n");
	end(fd);
	free(text);
}
END_TEST

/* A byte now and then does not move the deadline, which is one second here. */
START_TEST(test_slow_request)
{
	int fd = start(), bytes = 0;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char *text;

	while (poll(&ready, 1, 50) == 0) {
		ck_assert_int_lt(bytes, PATIENCE_MS / 50);
		say(fd, bytes++ == 0 ? "GET /" : "a");
	}
	ck_assert_int_gt(bytes, 1);
	text = hear(fd);
	expect(text, "HTTP/1.1 408 Request Timeout\r\n");
	end(fd);
	free(text);
}
END_TEST

START_TEST(test_silent_client)
{
	int fd = start();
	char *text = hear(fd);

	ck_assert_str_eq(text, "");
	end(fd);
	free(text);
}
END_TEST

START_TEST(test_client_that_ends)
{
	int fd = start();
	char *text;

	say(fd, "GET / HTT");
	shutdown(fd, SHUT_WR);
	text = hear(fd);
	expect(text, "HTTP/1.1 400 ");
	end(fd);
	free(text);
}
END_TEST

START_TEST(test_usage)
{
	static const char *const wrong[][4] = { { "status", "x" },
						{ "status", "-t", "0" },
						{ "status", "-q" } };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	program = program_start(wrong[_i], NULL, null, null);
	ck_assert_int_eq(program_end(&program), 64);
	expect(program.errors, "usage: status [-s CONTROL-SOCKET] [-t SECONDS]");
	close(null);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("status");
	TCase *tcase = tcase_create("status");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_page, 0, ELEMENTS(pages));
	tcase_add_test(tcase, test_page_is_strict);
	tcase_add_test(tcase, test_status_json);
	tcase_add_test(tcase, test_metrics);
	tcase_add_test(tcase, test_daemon_away);
	tcase_add_test(tcase, test_draining);
	tcase_add_test(tcase, test_pipelining);
	tcase_add_loop_test(tcase, test_refusal, 0, ELEMENTS(refusals));
	tcase_add_test(tcase, test_long_request);
	tcase_add_test(tcase, test_slow_request);
	tcase_add_test(tcase, test_silent_client);
	tcase_add_test(tcase, test_client_that_ends);
	tcase_add_loop_test(tcase, test_usage, 0, 3);
	return suite;
}

RUN_SUITE(make_suite)
