/* check_preload_input.c - programs that are stopped at their first touch of descriptor 0 or 1: each function that
 * is one, and interpreters as the system has them. */
#include "preload_help.h"

static char program[4096];

static void locate(void)
{
	snprintf(program, sizeof(program), "%s/tests/warmed_touch", build_folder());
}

static struct server start_input(const char *path, const char *first, const char *second)
{
	struct server server = start_server(WARM_INPUT,
					    (char *[]){ (char *)(uintptr_t)path, (char *)(uintptr_t)first,
							(char *)(uintptr_t)second, NULL },
					    NULL, NULL);

	expect_ready(&server);
	return server;
}

static const char *const names[] = {
	"read", "readv", "recv", "recvfrom", "recvmsg", "write", "writev", "send", "sendto", "sendmsg", "sendfile", "poll",
	"select", "epoll", "epoll_new", "eventfd", "getpeername", "getsockname", "getsockopt", "setsockopt", "shutdown", "ioctl",
	"setfl", "dupfd", "dup", "dup2", "close", "alarm", "fread", "fgets", "getchar", "getc_unlocked",
	"getline", "scanf", "fgetwc", "fdopen", "printf", "fprintf", "puts", "fputs", "putchar", "putc_unlocked",
	"fwrite", "dprintf", "no_fstat", "no_isatty", "no_lseek", "no_getfd", "no_getfl", "no_winsize", "no_stderr",
	"no_flush", "no_poll", "no_alarm", "no_epoll",
};

START_TEST(a_touch_stops_and_a_look_does_not)
{
	struct server server = start_input(program, names[_i], NULL);
	pid_t pid;
	int client = start_copy(&server, 0, &pid);
	char byte;

	/* It wrote nothing before it was stopped. */
	ck_assert_int_lt(recv(server.standard, &byte, 1, MSG_DONTWAIT), 0);
	dprintf(client, "12 words of it\n");
	shutdown(client, SHUT_WR);

	const char *told = read_all(client), *verdict = strstr(told, "stopped ");

	ck_assert_msg(verdict != NULL, "%s: %s", names[_i], told);
	ck_assert_msg(verdict[8] == (strncmp(names[_i], "no_", 3) == 0 ? '0' : '1'), "%s: %s", names[_i], told);
	ck_assert_int_eq(collect(pid), 0);
	end_server(&server);
}
END_TEST

/* ---- programs as they are ---- */

static const struct {
	const char *name, *path, *script; /* without a script: the program alone */
	const char *option;
} programs[] = {
	{ "cat", "/bin/cat", NULL, NULL },
	{ "sh", "/bin/sh", "while read -r line; do echo \"$line\"; done", "-c" },
	{ "dash", "/bin/dash", "while read -r line; do echo \"$line\"; done", "-c" },
	{ "bash", "/bin/bash", "while read -r line; do echo \"$line\"; done", "-c" },
	{ "perl", "/usr/bin/perl", "$| = 1; print while <STDIN>", "-e" },
	{ "perl-env", "/usr/bin/perl", "$ENV{A} = 1; $| = 1; print while <STDIN>; exit system('true')", "-e" },
	{ "python", "/usr/bin/python3", "import sys\nfor line in sys.stdin: print(line, end='', flush=True)", "-c" },
};

START_TEST(programs_serve_each_client_anew)
{
	struct server server;
	char line[64];
	pid_t pid;

	if (access(programs[_i].path, X_OK) != 0) {
		fprintf(stderr, "# SKIP %s is not installed\n", programs[_i].path);
		return;
	}
	server = start_input(programs[_i].path, programs[_i].option, programs[_i].script);
	for (unsigned round = 0; round < 4; round++) {
		bool is_spare = round % 2 == 1;
		int client;

		if (is_spare) {
			pid = expect_copy(&server, 1);
			client = hand_over(&server, 1, 0);
		} else {
			client = start_copy(&server, 0, &pid);
		}
		snprintf(line, sizeof(line), "%s %u", programs[_i].name, round);
		dprintf(client, "%s\n", line);
		shutdown(client, SHUT_WR);
		ck_assert_line(read_all(client), "%s", line);
		ck_assert_int_eq(collect(pid), 0);
	}
	end_server(&server);
}
END_TEST

static void write_script(char *path, const char *text)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, 0755);
	close(fd);
}

/* The kernel runs env, and env python: the same process, another program. */
START_TEST(a_script_that_begins_with_env_is_warm)
{
	char path[] = "/tmp/usherd-preload-XXXXXX";
	struct server server;
	const char *told;
	pid_t pid;

	if (access("/usr/bin/python3", X_OK) != 0) {
		fprintf(stderr, "# SKIP python3 is not installed\n");
		return;
	}
	write_script(path, "#!/usr/bin/env -S PATH=/usr/bin python3\nimport os, sys\n"
			   "sys.stdin.readline()\nprint('pid', os.getpid(), os.getsid(0))\n"
			   "print(open('/proc/self/environ').read().replace('\\0', '\\n'))\n");
	server = start_input(path, NULL, NULL);
	unlink(path);

	int client = start_copy(&server, 0, &pid);

	dprintf(client, "go\n");
	told = read_all(client);
	ck_assert_line(told, "pid %d %d", (int)pid, (int)pid);
	ck_assert_line(told, "USHERD_SESSION=812");
	ck_assert_int_eq(collect(pid), 0);
	end_server(&server);
}
END_TEST

/* os.register_at_fork() is how `random` is seeded again. */
START_TEST(python_is_told_that_it_was_forked)
{
	static const char script[] =
		"import os, random, sys, subprocess, threading\n"
		"os.register_at_fork(before=lambda: told.append('before'), after_in_child=lambda: told.append('child'))\n"
		"told = []\n"
		"random.random()\n"
		"sys.stdin.readline()\n"
		"thread = threading.Thread(target=lambda: told.append('thread'))\n"
		"thread.start()\n"
		"thread.join()\n"
		"told.append(subprocess.run(['/bin/echo', 'sub'], capture_output=True, text=True).stdout.strip())\n"
		"print(*told)\n"
		"print('random', random.random())\n";
	struct server server;
	char drawn[2][64];

	if (access("/usr/bin/python3", X_OK) != 0) {
		fprintf(stderr, "# SKIP python3 is not installed\n");
		return;
	}
	server = start_input("/usr/bin/python3", "-c", script);
	for (unsigned i = 0; i < 2; i++) {
		pid_t pid;
		int client = start_copy(&server, 0, &pid);

		dprintf(client, "go\n");

		const char *told = read_all(client);

		ck_assert_line(told, "before child thread sub");
		ck_assert_int_eq(collect(pid), 0);
		ck_assert_int_eq(sscanf(strstr(told, "random"), "%63[^\n]", drawn[i]), 1);
	}
	ck_assert_str_ne(drawn[0], drawn[1]);
	end_server(&server);
}
END_TEST

/* Each copy has its own epoll instance and its own pipe to be woken by. */
START_TEST(an_event_loop_is_not_shared)
{
	static const char script[] =
		"import asyncio, sys\n"
		"async def serve():\n"
		"    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)\n"
		"    await asyncio.sleep(0.001)\n"
		"    print('got', line, end='')\n"
		"asyncio.run(serve())\n";
	struct server server;
	int clients[4];
	pid_t pids[4];

	if (access("/usr/bin/python3", X_OK) != 0) {
		fprintf(stderr, "# SKIP python3 is not installed\n");
		return;
	}
	server = start_input("/usr/bin/python3", "-c", script);
	for (unsigned i = 0; i < 4; i++)
		clients[i] = start_copy(&server, 0, &pids[i]);
	for (unsigned i = 0; i < 4; i++) {
		dprintf(clients[i], "%u\n", i);
		ck_assert_line(read_all(clients[i]), "got %u", i);
		ck_assert_int_eq(collect(pids[i]), 0);
	}
	end_server(&server);
}
END_TEST

START_TEST(what_a_copy_executes_is_not_loaded_into)
{
	struct server server = start_input("/bin/sh", "-c", "read -r line; exec env");
	pid_t pid;
	int client = start_copy(&server, 0, &pid);

	dprintf(client, "go\n");

	const char *told = read_all(client);

	ck_assert_ptr_null(strstr(told, "USHERD_WARM=2"));
	ck_assert_ptr_null(strstr(told, "usherd-warm"));
	ck_assert_ptr_null(strstr(told, "LD_BIND_NOW=u"));
	ck_assert_int_eq(collect(pid), 0);
	end_server(&server);
}
END_TEST

/* A helper of before the stop, which writes to 1 itself: it goes past the fork server, to the daemon. */
START_TEST(a_child_of_before_is_not_stopped)
{
	struct server server = start_input("/bin/sh", "-c", "/bin/echo early; read -r line; echo \"$line\"");
	char text[16] = "";
	pid_t pid;
	int client;

	ck_assert_int_eq(recv(server.standard, text, sizeof(text), MSG_DONTWAIT), 6);
	ck_assert_str_eq(text, "early\n");
	client = start_copy(&server, 0, &pid);
	dprintf(client, "late\n");
	ck_assert_str_eq(read_all(client), "late\n");
	ck_assert_int_eq(collect(pid), 0);
	end_server(&server);
}
END_TEST

static Suite *preload_input_suite(void)
{
	Suite *suite = suite_create("preload_input");
	TCase *input = tcase_create("input");

	tcase_add_checked_fixture(input, locate, NULL);
	tcase_add_loop_test(input, a_touch_stops_and_a_look_does_not, 0, sizeof(names) / sizeof(*names));
	tcase_add_loop_test(input, programs_serve_each_client_anew, 0, sizeof(programs) / sizeof(*programs));
	tcase_add_test(input, a_script_that_begins_with_env_is_warm);
	tcase_add_test(input, python_is_told_that_it_was_forked);
	tcase_add_test(input, an_event_loop_is_not_shared);
	tcase_add_test(input, what_a_copy_executes_is_not_loaded_into);
	tcase_add_test(input, a_child_of_before_is_not_stopped);
	suite_add_tcase(suite, input);
	return suite;
}

RUN_SUITE(preload_input_suite)
