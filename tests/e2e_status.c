/* e2e_status.c - the status service of a real daemon: what it says is what is so, promtool takes
 * its metrics, and in a browser a session is seen to come and to go. */
#include "harness.h"

#include "ctl-metrics.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS "[status]\nlisten = 127.0.0.1:$1\nexec = status -s $DIR/control\nserve_while_draining = yes\n"
#define HELD   "[held]\nlisten = 127.0.0.1:$2\nexec = /bin/cat\ninstances = 5\n"

/* Started by root it serves as nobody, who may ask what his group may. */
static struct daemon *start(const char *services)
{
	char config[2000];

	snprintf(config, sizeof(config), "%s%s%s", geteuid() == 0 ? "[usherd]\ncontrol_group = 65534\n" : "",
		 STATUS, services);
	return daemon_start(config);
}

static char *get(const char *path)
{
	char request[200];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
	return ask(1, request);
}

static void expect(const char *path, const char *expression)
{
	char *text = get(path);

	ck_assert_match(text, expression);
	free(text);
}

/* ---- what it says ---- */

START_TEST(pages)
{
	struct daemon *daemon = start(HELD);
	int held = tcp_connect(2);

	send_text(held, "x");
	free(read_piece(held, PATIENCE_MS, NULL));
	expect("/", "<title>usherd</title>");
	expect("/healthz", "^ok$");
	expect("/readyz", "^ready$");
	expect("/status.json", "\"name\":\"held\".*\"active\":1,.*\"sessions\":\\[.*\"service\":\"held\"");
	expect("/metrics", "^usherd_sessions_active\\{service=\"held\"\\} 1$");
	expect("/metrics", "^usherd_accepted_total\\{service=\"held\"\\} 1$");
	expect("/metrics", "^usherd_spawn_seconds_bucket\\{service=\"held\",le=\"\\+Inf\"\\} 1$");
	expect("/metrics", "^usherd_start_time_seconds [1-9][0-9]{9}$");

	/* The session that is open keeps it draining. */
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, "drain");
	expect("/readyz", "^HTTP/1\\.1 503 .*");
	expect("/healthz", "^ok$");
	expect("/metrics", "^usherd_draining 1$");
	close(held);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* ---- promtool ---- */

/* Of Debian's package prometheus; `bootstrap` puts it beside the build. */
static const char *find_promtool(void)
{
	static char path[4096];
	const char *found = harness_find("promtool"), *const folders[] = { getenv("BUILD"),
									   getenv("SOURCE") };
	static const char *const places[] = { "tools/promtool", "build/tools/promtool" };

	for (size_t i = 0; found == NULL && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i] != NULL ? folders[i] : ".", places[i]);
		if (access(path, X_OK) == 0)
			found = path;
	}
	return found;
}

#define PROMTOOL_MISSING "promtool is not here: of Debian's package prometheus, or by ./bootstrap check"

/* Neither errors nor the complaints about style that it has. */
static void check_metrics(const char *path)
{
	char command[8192];
	const char *words[] = { "sh", "-c", command, NULL };
	char *output;
	int status;

	snprintf(command, sizeof(command), "%s check metrics < %s", find_promtool(), path);
	status = run_command(words, &output);
	ck_assert_msg(status == 0 && *output == '\0', "promtool: %d: %s", status, output);
	free(output);
}

START_TEST(promtool)
{
	SKIP_IF(find_promtool() == NULL, PROMTOOL_MISSING);

	struct daemon *daemon = start(HELD "[broken]\nlisten = 127.0.0.1:$3\nexec = $PROBE exit 1\n"
					   "[denied]\nlisten = 127.0.0.1:$4\nexec = /bin/cat\n"
					   "deny = 127.0.0.0/8\n");
	char *text;

	free(ask(2, "x"));
	free(ask(3, NULL));
	free(ask(4, NULL));
	text = get("/metrics");
	ck_assert_ptr_nonnull(strstr(text, "\r\n\r\n"));
	ck_assert_match(text, "^usherd_refused_total\\{service=\"denied\",reason=\"deny\"\\} 1$");
	test_write("metrics", 0644, strstr(text, "\r\n\r\n") + 4, false);
	check_metrics(test_path("metrics"));
	free(text);
	daemon_stop(daemon);
}
END_TEST

/* Names that no configuration has, as a broken daemon may send them. */
START_TEST(promtool_hostile)
{
	static const char reply[] =
		"{\"daemon\":{\"version\":\"\\\"\\n# TYPE x gauge\\nx "
		"1\",\"config\":{\"hash\":\"\\\\\"},\"generation\":1,"
		"\"refused\":{},\"services\":{\"\\\"}\":1,\"\\u00fc\":2}},"
		"\"services\":[{\"name\":\"a\\\"b\\\\c\\nd{},=\\u0001\\u007f\\u202e\",\"state\":\"\\\\\","
		"\"active\":-1,\"accepted\":1e300,"
		"\"refused\":{\"\\\\\":1,\"\\\"\":2,\"\":3,\"\\n\":4},\"spawn_seconds\":{\"count\":2,\"sum\":"
		"1.5e-9,\"buckets\":[[1e-9,1],"
		"[1e9,2]]},\"session_seconds\":{\"count\":\"x\"},\"ended\":[1],\"spawn_failures\":null},"
		"{\"name\":\"\"},{\"name\":null},7]}";
	json_t *json = json_loads(reply, 0, NULL);
	FILE *file;

	SKIP_IF(find_promtool() == NULL, PROMTOOL_MISSING);
	ck_assert_ptr_nonnull(json);
	file = fopen(test_path("metrics"), "we");
	ctl_metrics_print(json, file);
	ck_assert_int_eq(fclose(file), 0);
	check_metrics(test_path("metrics"));
	json_decref(json);
}
END_TEST

/* The rules that are shipped are rules, and ask for metrics that there are. */
START_TEST(promtool_rules)
{
	SKIP_IF(find_promtool() == NULL, PROMTOOL_MISSING);
	char path[4096], command[8192];
	const char *source = getenv("SOURCE");
	const char *check[] = { find_promtool(), "check", "rules", path, NULL };
	const char *names[] = { "sh", "-c", command, NULL };
	FILE *file = fopen(test_path("metrics"), "we");
	char *output;

	snprintf(path, sizeof(path), "%s/etc/prometheus/usherd.rules.yml", source != NULL ? source : ".");
	ck_assert_msg(run_command(check, &output) == 0, "%s", output);
	free(output);
	ctl_metrics_print(NULL, file);
	ck_assert_int_eq(fclose(file), 0);
	snprintf(command, sizeof(command),
		 "grep -oE '(usherd|process)_[a-z_]+' %s | sed -E 's/_(bucket|sum|count)//' | sort -u | "
		 "while read -r name; do grep -q \"^# TYPE $name \" %s || echo \"$name\"; done",
		 path, test_path("metrics"));
	ck_assert_int_eq(run_command(names, &output), 0);
	ck_assert_msg(*output == '\0', "no such metrics: %s", output);
	free(output);
}
END_TEST

/* ---- a browser ---- */

START_TEST(browser)
{
	char url[64], port[16], driver_port[16], script[4096], *output;
	const char *source = getenv("SOURCE");
	const char *words[] = { "python3", script,      url,        "127.0.0.1", port,
				"held",    driver_port, test_dir(), NULL };
	struct daemon *daemon;
	int status;

	SKIP_IF(harness_find("python3") == NULL, "python3 is not installed");
	SKIP_IF(harness_find("chromium") == NULL || harness_find("chromedriver") == NULL,
		"chromium and chromedriver are not installed (Debian: chromium chromium-driver)");
	daemon = start(HELD);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", test_port(1));
	snprintf(port, sizeof(port), "%u", test_port(2));
	snprintf(driver_port, sizeof(driver_port), "%u", test_port(5));
	snprintf(script, sizeof(script), "%s/tests/status_browser.py", source != NULL ? source : ".");
	status = run_command(words, &output);
	SKIP_IF(status == 77, "chromium does not start here");
	ck_assert_msg(status == 0, "%d: %s", status, output);
	free(output);
	/* The status service shows itself, too: its sessions end with the browser. */
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make(void)
{
	Suite *suite = suite_create("e2e_status");
	TCase *tcase = harness_case(suite, "status", 60), *slow = harness_case(suite, "browser", 240);

	tcase_add_test(tcase, pages);
	tcase_add_test(tcase, promtool);
	tcase_add_test(tcase, promtool_hostile);
	tcase_add_test(tcase, promtool_rules);
	tcase_add_test(slow, browser);
	return suite;
}

int main(void)
{
	return harness_main(make, NULL);
}
