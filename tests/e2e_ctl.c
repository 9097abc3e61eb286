/* e2e_ctl.c - usherctl and the real daemon: each verb does what it says, and shells complete its words. */
#include "harness.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ECHO                                                                                                 \
	"[echo]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\ninstances = 7\nallow = 127.0.0.0/8\n"               \
	"[other]\nlisten = 127.0.0.1:$2\nexec = $PROBE say hello\n"

static char *program(void)
{
	static char path[4096];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof(path), "%s/usherctl", build != NULL ? build : ".");
	return path;
}

/* Runs usherctl with the words of `line`; it must end with `status`, and `expected` must match what it
 * printed. */
__attribute__((format(printf, 4, 5))) static void ctl(const struct daemon *daemon, int status,
						      const char *expected, const char *line, ...)
{
	const char *words[32] = { program(), "-s", daemon_control(daemon) };
	char text[1024], *output;
	size_t count = 3;
	va_list arguments;
	int r;

	va_start(arguments, line);
	vsnprintf(text, sizeof(text), line, arguments);
	va_end(arguments);
	for (char *at = strtok(text, " "); at != NULL && count < 31; at = strtok(NULL, " "))
		words[count++] = at;
	r = run_command(words, &output);
	ck_assert_msg(r == status, "usherctl %s: status %d, not %d:\n%s", line, r, status, output);
	ck_assert_match(output, expected);
	free(output);
}

/* Connected and served. */
static int begin_session(void)
{
	int fd = tcp_connect(1);
	char *piece;

	send_text(fd, "x");
	piece = read_piece(fd, PATIENCE_MS, NULL);
	ck_assert_str_eq(piece, "x");
	free(piece);
	return fd;
}

START_TEST(looking)
{
	struct daemon *daemon = daemon_start(ECHO);
	int fd = begin_session();
	char expected[128];

	snprintf(expected, sizeof(expected), "^usherd .* serving  pid %d ", daemon->pid);
	ctl(daemon, 0, expected, "status");
	ctl(daemon, 0, "^no problems$", "status");
	ctl(daemon, 0, "^sessions  1 now", "status");
	ctl(daemon, 0, "^echo +serving +1/7 ", "services");
	ctl(daemon, 0, "^where .*services.ini:[0-9]+$", "services echo");
	ctl(daemon, 0, "^time to start", "services echo");
	ctl(daemon, 0, "^ *1  echo .*running.* 1 B +1 B .*127.0.0.1:", "sessions");
	ctl(daemon, 0, "^there are no sessions$", "sessions other");
	ctl(daemon, 0, "^instances +7 +.*services.ini:[0-9]+$", "show echo");
	ctl(daemon, 0, "^drain_timeout .* default$", "show usherd");
	ctl(daemon, 0, "^127.0.0.1 to echo: served: allow 127.0.0.0/8", "explain 127.0.0.1 echo");
	ctl(daemon, 1, "^10.0.0.1 to echo: refused, deny by allow", "explain 10.0.0.1 echo");
	ctl(daemon, 65, "no service 'ecco'", "services ecco");
	ctl(daemon, 64, "'10.x' is not an address", "explain 10.x echo");
	ctl(daemon, 0, "^usherd .*, pid ", "version");
	ctl(daemon, 0, "^usherd_[a-z_]+\\{service=\"echo\"", "metrics");
	ctl(daemon, 0, "^\\{\"ok\":true,\"services\":\\[\\{\"name\":\"echo\"", "--json services echo");
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(steering)
{
	struct daemon *daemon = daemon_start(ECHO);
	int fd = begin_session();
	char *rest;

	ctl(daemon, 0, "^other is disabled until the next reload: 0 listeners open", "disable other");
	ck_assert_int_lt(tcp_try("127.0.0.1", test_port(2)), 0);
	ctl(daemon, 0, "^other +disabled \\(by hand\\)", "services");
	ctl(daemon, 0, "^other is enabled until the next reload: 1 listener open", "enable other");
	ask_many(2, NULL, "hello", 1, 0);
	ctl(daemon, 0, "^192.0.2.0/24 is banned for 2h00m$", "ban 192.0.2.0/24 2h");
	ctl(daemon, 0, "^192.0.2.0/24 +all +hand +(1h59m|2h00m)$", "bans");
	ctl(daemon, 1, "^192.0.2.9 to other: refused, ban", "explain 192.0.2.9 other");
	ctl(daemon, 0, "^1 ban lifted$", "unban 192.0.2.0/24");
	ctl(daemon, 0, "^nobody is banned$", "bans");
	ctl(daemon, 0, "^debug until the next reload \\(log_level is info\\)$", "loglevel debug");
	ctl(daemon, 0, "^1 session told to end$", "kill echo");
	rest = read_all(fd, NULL);
	free(rest);
	close(fd);
	ctl(daemon, 65, "there is no session", "kill 4711");
	ctl(daemon, 0, "^echo serves no new clients; 0 sessions", "drain echo --wait");
	ctl(daemon, 0, "^usherd ends; 0 sessions", "stop --wait");
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	ctl(daemon, 69, "no usherd answers at ", "status");
}
END_TEST

START_TEST(reload)
{
	struct daemon *daemon = daemon_start(ECHO);

	daemon_configure(ECHO "[new]\nlisten = 127.0.0.1:$3\nexec = /bin/cat\n");
	ctl(daemon, 0, "^a reload would come to this:$", "reload --dry-run");
	ctl(daemon, 0, "^  \\+ 127.0.0.1:[0-9]+/tcp$", "reload --dry-run");
	ck_assert_int_lt(tcp_try("127.0.0.1", test_port(3)), 0);
	ctl(daemon, 0, "^reloaded: generation 2$", "reload");
	close(tcp_connect(3));
	daemon_configure(ECHO "[new]\nlisten = 127.0.0.1:$3\nexce = /bin/cat\n");
	ctl(daemon, 78, "services.ini:[0-9]+: new.exce: unknown key 'exce'; did you mean 'exec'", "reload");
	ctl(daemon, 0, "^reload +FAILED at ", "status");
	close(tcp_connect(3));
	daemon_stop(daemon);
}
END_TEST

START_TEST(tail)
{
	struct daemon *daemon = daemon_start(ECHO);
	char *line, *answer;
	int ends[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execl(program(), "usherctl", "-s", daemon_control(daemon), "tail", "--service=other", NULL);
		_exit(127);
	}
	close(ends[1]);
	WAIT_UNTIL(strstr(answer = daemon_ask(daemon, "status"), "\"clients\":2") != NULL ||
		   (free(answer), false));
	free(answer);
	close(begin_session());
	/* It follows as soon as it has said so to the daemon; until then events pass it by, also
	 * the start of a session whose end is told. */
	do
		ask_many(2, NULL, "hello", 1, 0);
	while ((line = read_piece(ends[0], 50, NULL)) == NULL || strstr(line, " start ") == NULL);
	ck_assert_match(line, "^[-0-9T:.+]+ start service=other session=[0-9]+ pid=");
	ck_assert_no_match(line, "service=echo");
	free(line);
	kill(pid, SIGINT);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(ends[0]);
	daemon_stop(daemon);
}
END_TEST

/* ---- completions ---- */

static const struct {
	const char *line, *words; /* $C: the control socket */
} completions[] = {
	{ "usherctl relo", "reload" },
	{ "usherctl -s $C show e", "echo" },
	{ "usherctl --socket=$C services o", "other" },
	{ "usherctl -s $C explain 2001:db8::1 e", "echo" },
	{ "usherctl reload --d", "--dry-run" },
	{ "usherctl loglevel de", "debug" },
	{ "usherctl completion f", "fish" },
};

/* What `shell` makes of a line with this script; TEXT and BUILD are in its environment. */
static void expect_completion(const char *shell, const char *script, const char *control, size_t row)
{
	const char *path = harness_find(shell), *rest = strstr(completions[row].line, "$C");
	char text[1024], *output;
	const char *const words[] = { path, "-c", script, NULL };

	if (rest == NULL)
		snprintf(text, sizeof(text), "%s", completions[row].line);
	else
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(rest - completions[row].line),
			 completions[row].line, control, rest + 2);
	setenv("TEXT", text, 1);
	ck_assert_int_eq(run_command(words, &output), 0);
	ck_assert_msg(has_line(output, completions[row].words), "%s: \"%s\" gives:\n%s", shell, text, output);
	free(output);
}

static void expect_completions(const char *shell, const char *script)
{
	struct daemon *daemon = daemon_start(ECHO);

	for (size_t i = 0; i < sizeof(completions) / sizeof(completions[0]); i++)
		expect_completion(shell, script, daemon_control(daemon), i);
	daemon_stop(daemon);
}

START_TEST(bash)
{
	SKIP_IF(harness_find("bash") == NULL, "bash is not installed");
	expect_completions(
		"bash", "PATH=$BUILD:$PATH; compopt() { :; }; . \"$SOURCE/etc/completions/bash/usherctl\"\n"
			"COMP_LINE=$TEXT COMP_POINT=${#TEXT} COMP_WORDS=(usherctl)\n"
			"_usherctl; printf '%s\\n' \"${COMPREPLY[@]}\"");
}
END_TEST

START_TEST(fish)
{
	SKIP_IF(harness_find("fish") == NULL, "fish is not installed");
	expect_completions("fish",
			   "set PATH $BUILD $PATH; set -x HOME /nonexistent\n"
			   "source $SOURCE/etc/completions/fish/usherctl.fish; complete -C $TEXT | cut -f 1");
}
END_TEST

START_TEST(zsh)
{
	const char *words[] = { NULL, "-f", "-n", "-c", NULL, NULL };
	char command[8192], *output;

	words[0] = harness_find("zsh");
	SKIP_IF(words[0] == NULL, "zsh is not installed");
	snprintf(command, sizeof(command), "%s/etc/completions/zsh/_usherctl", getenv("SOURCE"));
	words[3] = command;
	words[4] = NULL;
	ck_assert_int_eq(run_command(words, &output), 0);
	ck_assert_str_eq(output, "");
	free(output);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("e2e_ctl");
	TCase *verbs = harness_case(suite, "verbs", 120), *shells = harness_case(suite, "shells", 120);

	tcase_add_test(verbs, looking);
	tcase_add_test(verbs, steering);
	tcase_add_test(verbs, reload);
	tcase_add_test(verbs, tail);
	tcase_add_test(shells, bash);
	tcase_add_test(shells, fish);
	tcase_add_test(shells, zsh);
	return suite;
}

int main(void)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	return harness_main(make_suite, NULL);
}
