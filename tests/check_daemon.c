/* check_daemon.c - what the daemon answers to each request, right and wrong, in each state that a service can be in. */
#include "live_help.h"

static uint16_t port6, wait_port;

static void write_own(FILE *file, unsigned number)
{
	if (number == 0) {
		port6 = free_port(SOCK_STREAM);
		wait_port = free_port(SOCK_DGRAM);
	}
	fprintf(file,
		"[cat]\nlisten = 127.0.0.1:%u\nexec = /bin/cat\nban_time = 1min\nrate_per_source = 100/s\n"
		"description = Says what it hears\nallow = 127.0.0.0/8, 10.0.0.0/8, 192.0.2.0/24,\n"
		"  198.51.100.0/24, 203.0.113.0/24, ::1\nbanner_refused = Not you.\n"
		"[six]\nlisten = [::1]:%u\nexec = /bin/cat\ninstances = 1\n"
		"[datagram]\nlisten = 127.0.0.1:%u/udp\nexec = /bin/cat\n"
		"[waiter]\nlisten = 127.0.0.1:%u/udp\nexec = discard\nwait = yes\n"
		"[fails]\nlisten = unix:%s/fails\nexec = /bin/sh -c 'kill -KILL $$'\n"
		"[local]\nlisten = unix:%s/local\nexec = /bin/cat\nallow = uid:%u\n"
		"[absent]\nlisten = 192.0.2.77:7\nexec = /bin/cat\n"
		"[warm]\nlisten = unix:%s/warm\nexec = /bin/cat\nwarm = main\n"
		"[cold]\nlisten = unix:%s/cold\nexec = hello-shell\nwarm = main\n"
		"[off]\nlisten = unix:%s/off\nexec = /bin/cat\ndisable = yes\n%s",
		port, port6, udp_port, wait_port, folder, folder, getuid(), folder, folder, folder, number == 1 ? "[broken]\nlisten = nonsense\n" : "");
}

/* ---- one request, one answer ---- */

static const struct row {
	const char *request, *says;
} rows[] = {
	{ "status", "\"state\":\"serving\"" },
	{ "status", "\"absent\":1" },
	{ "status now", "\"code\":\"usage\"" },
	{ "", "\"ok\":false" },
	{ "statsu", "did you mean" },
	{ "services", "\"name\":\"waiter\"" },
	{ "services absent", "\"state\":\"absent\"" },
	{ "services off", "\"state\":\"disabled\"" },
	{ "services cat", "\"state\":\"serving\"" },
	{ "services cold", "\"warm\":{" },
	{ "services cta", "\"code\":\"unknown\"" },
	{ "sessions", "\"sessions\":[" },
	{ "sessions none", "\"code\":\"unknown\"" },
	{ "show cat", "\"key\":\"allow\",\"value\":\"127.0.0.0/8" },
	{ "show usherd", "\"key\":\"drain_timeout\"" },
	{ "show none", "\"code\":\"unknown\"" },
	{ "explain 127.0.0.1 cat", "\"verdict\":\"admit\"" },
	{ "explain 203.0.113.9 cat", "\"verdict\":\"admit\"" },
	{ "explain 172.16.0.1 cat", "\"verdict\":\"deny\"" },
	{ "explain ::1 cat", "\"peer\":\"::1\"" },
	{ "explain ::1 six", "\"peer\":\"::1\",\"verdict\":\"admit\"" },
	{ "explain uid:0 local", "\"peer\":\"uid:0\"" },
	{ "explain uid:12345 local", "\"verdict\":\"deny\"" },
	{ "explain cid:3 cat", "cid:3 could connect to" },
	{ "explain uid:0 cat", "has no socket that uid:0 could connect to" },
	{ "explain 10.0.0.1 local", "has no socket that 10.0.0.1 could connect to" },
	{ "explain 10.0.0.0/8 cat", "is not one client" },
	{ "explain 2001:db8::/32 cat", "is not one client" },
	{ "explain any cat", "\"code\":\"usage\"" },
	{ "explain all cat", "\"code\":\"usage\"" },
	{ "explain gid:7 local", "is not one client" },
	{ "explain 10.x cat", "is not an address" },
	{ "explain 127.0.0.1 none", "\"code\":\"unknown\"" },
	{ "explain 127.0.0.1 off", "off is disabled: nobody is served" },
	{ "explain 127.0.0.1 datagram", "\"verdict\":\"admit\"" },
	{ "explain 192.0.2.1 absent", "\"verdict\":\"admit\"" },
	{ "tail --level=silly", "is not a level" },
	{ "tail --service=none", "\"code\":\"unknown\"" },
	{ "tail --address=10.x", "is not an address" },
	{ "tail --address=local", "\"ok\":false" },
	{ "tail --level=error", "\"following\":true" },
	{ "tail --service=cat --address=127.0.0.1", "\"following\":true" },
	{ "loglevel silly", "\"ok\":false" },
	{ "loglevel", "\"level\":\"debug\"" },
	{ "loglevel info", "\"level\":\"info\"" },
	{ "loglevel debug", "\"level\":\"debug\"" },
	{ "ban uid:5", "is neither an address nor a network" },
	{ "ban 10.x", "\"code\":\"usage\"" },
	{ "ban all", "\"ok\":false" },
	{ "ban 127.0.0.1", "\"ok\":false" },
	{ "ban 0.0.0.0/0", "\"ok\":" },
	{ "unban 0.0.0.0/0", "\"ok\":true" },
	{ "ban ::1", "\"ok\":" },
	{ "ban ::1/64 1h", "\"ok\":" },
	{ "unban all", "\"ok\":true" },
	{ "ban 203.0.113.9 1h", "\"ok\":true" },
	{ "ban 2001:db8::/32", "\"ok\":true" },
	{ "ban 203.0.113.10 silly", "\"code\":\"usage\"" },
	{ "bans", "203.0.113.9" },
	{ "explain 203.0.113.9 cat", "\"key\":\"ban\"" },
	{ "unban 198.51.100.1", "\"ok\":false" },
	{ "unban uid:1", "is neither an address nor a network" },
	{ "unban 10.x", "\"code\":\"usage\"" },
	{ "unban 203.0.113.9", "\"ok\":true" },
	{ "unban all", "\"ok\":true" },
	{ "kill 999999", "there is no session of '999999'" },
	{ "kill 99999999999999999999999", "there is no session" },
	{ "kill cat", "there is no session of 'cat'" },
	{ "kill 10.0.0.0/8", "there is no session" },
	{ "kill uid:0", "there is no session" },
	{ "kill gid:0", "is not the number of a session" },
	{ "kill all", "is not the number of a session" },
	{ "kill nobody-knows", "is not the number of a session" },
	{ "kill ''", "is empty" },
	{ "renew cat", "\"ok\":false" },
	{ "renew none", "\"code\":\"unknown\"" },
	{ "renew off", "\"ok\":false" },
	{ "renew warm", "\"ok\":true" },
	{ "enable none", "\"code\":\"unknown\"" },
	{ "disable none", "\"code\":\"unknown\"" },
	{ "disable cat", "\"ok\":true" },
	{ "services cat", "\"override\":\"disabled\"" },
	{ "explain 127.0.0.1 cat", "cat is disabled" },
	{ "enable cat", "\"ok\":true" },
	{ "enable off", "\"ok\":true" },
	{ "drain off", "\"ok\":true" },
	{ "drain none", "\"code\":\"unknown\"" },
	{ "metrics", "\"services\":[" },
	{ "version", "\"version\":" },
	{ "upgrade", "\"ok\":false" },
	{ "reload --dry-run", "\"code\":\"config\"" },
	{ "reload --dry-run", "\"dry_run\":true" },
	{ "reload", "\"ok\":true" },
};

/* All that is wrong, in one run. */
static void drive_rows(void)
{
	char request[256], wrong[900] = "";
	size_t length = 0;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		snprintf(request, sizeof(request), "%s\n", rows[i].request);
		if (!ask(request))
			complain("%s: no answer", request);
		if (strstr(last_reply, rows[i].says) == NULL && length < sizeof(wrong) - 1)
			length += (size_t)snprintf(wrong + length, sizeof(wrong) - length, "%s: no %s in %.90s\n",
						   rows[i].request, rows[i].says, last_reply);
	}
	if (wrong[0] != '\0')
		complain("%s", wrong);
}

START_TEST(answers)
{
	serve_driven(write_own, drive_rows);
}
END_TEST

/* ---- states that services come into ---- */

static void expect_soon(const char *request, const char *says)
{
	uint64_t end_ns = clock_now_ns() + 10 * NS_PER_S;

	while (!ask(request) || strstr(last_reply, says) == NULL) {
		if (clock_now_ns() > end_ns)
			complain("%s: never %s, but %.900s", request, says, last_reply);
		poll(NULL, 0, 10);
	}
}

static void use(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = connect_unix(path);
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	(void)read_line(fd, path, sizeof(path));
	close(fd);
}

static void drive_failing(void)
{
	for (unsigned i = 0; i < 14; i++)
		use("fails", "hello\n");
	expect_soon("services fails\n", "\"name\":\"fails\"");
	expect_soon("status\n", "\"failing\":1");
}

static int connect_six(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port6), .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		complain("nobody listens at [::1]:%u: %s", port6, strerror(errno));
	return fd;
}

/* The one place is taken, a second client waits, and is served when the first has gone: killed by hand. */
static void drive_full(void)
{
	char text[16];
	int first = connect_six(), second;

	expect_soon("services six\n", "\"state\":\"full\"");
	second = connect_six();
	(void)!send(second, "hello\n", 6, MSG_NOSIGNAL);
	expect_soon("sessions six\n", "\"peer\":\"[::1]:");
	expect_soon("kill ::/0\n", "\"sessions\":1");
	if (read_line(second, text, sizeof(text)) != 6)
		complain("the second client is not served");
	expect_soon("kill --now six\n", "\"sessions\":1");
	close(first);
	close(second);
	expect_soon("services six\n", "\"active\":0");
}

/* Draining: those who are here may go on, and nobody new is served. */
static void drive_draining(void)
{
	int client = connect_ip(SOCK_STREAM, port);
	char text[16];

	(void)!send(client, "hello\n", 6, MSG_NOSIGNAL);
	if (read_line(client, text, sizeof(text)) != 6)
		complain("a client is not served");
	expect_soon("kill 10.0.0.0/8\n", "there is no session");
	expect_soon("sessions cat\n", "\"service\":\"cat\"");
	expect_soon("drain cat\n", "\"active\":1");
	expect_soon("services cat\n", "\"state\":\"draining\"");
	expect_soon("status\n", "\"draining\":1");
	(void)!send(client, "again\n", 6, MSG_NOSIGNAL);
	if (read_line(client, text, sizeof(text)) != 6)
		complain("a client is not served to its end");
	close(client);
	expect_soon("services cat\n", "\"state\":\"disabled\"");
	expect_soon("enable cat\n", "\"ok\":true");
	client = connect_ip(SOCK_STREAM, port);
	expect_soon("drain\n", "\"ok\":true");
	expect_soon("status\n", "\"state\":\"draining\"");
	expect_soon("reload\n", "\"ok\":false");
	expect_soon("disable six\n", "\"ok\":false");
	expect_soon("upgrade\n", "usherd is about to end");
	close(client);
}

/* A program that takes the whole socket, and one that is copied. */
static void drive_others(void)
{
	int fd = connect_ip(SOCK_DGRAM, wait_port);

	(void)!send(fd, "hello\n", 6, 0);
	expect_soon("services waiter\n", "\"started\":1");
	expect_soon("sessions\n", "\"sessions\":[");
	close(fd);
	expect_soon("services warm\n", "\"ready\"");
	for (unsigned i = 0; i < 5; i++)
		use("warm", "hello\n");
	expect_soon("services warm\n", "\"started\":5");
	expect_soon("show warm\n", "\"key\":\"warm\",\"value\":\"main\"");
	use("cold", "hello\n");
	expect_soon("renew warm\n", "\"ok\":true");
}

static void (*const drives[])(void) = { drive_failing, drive_full, drive_draining, drive_others };

START_TEST(states)
{
	serve_driven(write_own, drives[_i]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("daemon");
	TCase *all = tcase_create("daemon");

	tcase_set_timeout(all, 60);
	tcase_add_test(all, answers);
	tcase_add_loop_test(all, states, 0, (int)ELEMENTS(drives));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
