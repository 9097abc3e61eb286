/* interop_examples.c - the examples of services/examples, one conversation in each language, as the manual shows them:
 * built with the language's own tools where they are, and served. */
#include "warm_help.h"

#include <sys/stat.h>

static const struct example {
	const char *file;
	const char *tool;         /* is needed */
	const char *build[8];     /* empty: it runs as it is */
	const char *program;
	bool interpreted;         /* `warm = input` suits it */
} examples[] = {
	{ "greet.sh", "sh", { NULL }, "$DIR/greet.sh", true },
	{ "greet.py", "python3", { NULL }, "$DIR/greet.py", true },
	{ "greet.pl", "perl", { NULL }, "$DIR/greet.pl", true },
	{ "greet.c", "cc", { "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", "$DIR/greet", "$DIR/greet.c" },
	  "$DIR/greet", false },
	{ "greet.go", "go", { "go", "build", "-o", "$DIR/greet", "$DIR/greet.go" }, "$DIR/greet", false },
	{ "greet.rs", "rustc", { "rustc", "-O", "-o", "$DIR/greet", "$DIR/greet.rs" }, "$DIR/greet", false },
};

/* A copy where the service's user comes to. */
static void copy_example(const char *file)
{
	char source[4096];
	const char *folder = getenv("SOURCE");

	snprintf(source, sizeof(source), "%s/services/examples/%s", folder != NULL ? folder : ".", file);
	ck_assert_int_eq(run_command((const char *const[]){ "install", "-m", "755", source, test_path(file), NULL }, NULL),
			 0);
}

static void build(const struct example *example)
{
	const char *words[9] = { NULL };
	char *output;
	int status;

	copy_example(example->file);
	for (size_t i = 0; i < 8; i++)
		words[i] = example->build[i];
	if (words[0] == NULL)
		return;
	status = run_command(words, &output);
	ck_assert_msg(status == 0, "%s: %s", example->file, output);
	free(output);
}

static struct daemon *serve(const struct example *example, const char *more)
{
	char config[512];

	snprintf(config, sizeof(config), "[greet]\nlisten = 127.0.0.1:$1\nexec = %s\n%s", example->program, more);
	return daemon_start(config);
}

static void expect(int fd, const char *line)
{
	char reply[256];
	size_t length = strlen(line);

	ck_assert_uint_lt(length, sizeof(reply));
	ck_assert_int_eq(recv(fd, reply, length, MSG_WAITALL), (ssize_t)length);
	ck_assert_mem_eq(reply, line, length);
}

/* Each answer before the next line is said, and a clean end. */
static void converse(struct daemon *daemon)
{
	int fd = tcp_connect(1);
	char *rest;

	send_text(fd, "hello Bob\r\n");
	expect(fd, "Hello Bob, you come from 127.0.0.1.\r\n");
	send_text(fd, "what?\n");
	expect(fd, "Say: hello NAME, or quit\r\n");
	send_text(fd, "quit\n");
	rest = read_clean(fd, NULL);
	ck_assert_str_eq(rest, "Bye.\r\n");
	free(rest);
	close(fd);
	daemon_wait_log(daemon, " stderr service=greet pid=[0-9]+ text=\"somebody was polite\"");
	daemon_wait_log(daemon, " end service=greet .*reason=exit status=0 ");
}

/* A line that does not end, and a client that is gone in the middle of one: neither is a failure. */
static void misbehave(struct daemon *daemon)
{
	static char line[20000];
	int fd = tcp_connect(1);
	char *reply;

	memset(line, 'x', sizeof(line) - 1);
	send_text(fd, line);
	shutdown(fd, SHUT_WR);
	reply = read_clean(fd, NULL);
	free(reply);
	close(fd);
	daemon_wait_log(daemon, " end service=greet .*reason=exit status=0 ");
	fd = tcp_connect(1);
	send_text(fd, "hello A");
	reset_close(fd);
	daemon_wait_log(daemon, " end service=greet .*reason=(exit|hangup|signal signal=PIPE)");
}

START_TEST(example_serves)
{
	const struct example *example = &examples[_i];
	struct daemon *daemon;

	SKIP_IF(harness_find(example->tool) == NULL, "its tool is not installed");
	build(example);
	daemon = serve(example, "");
	converse(daemon);
	misbehave(daemon);
	converse(daemon);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A copy knows its own client, though it was loaded before that came. A shell does not: its variables are those of its
 * start, so it says what it says by hand. */
START_TEST(example_is_warm)
{
	const struct example *example = &examples[_i];
	struct daemon *daemon;
	int fd;

	SKIP_IF(!example->interpreted || harness_find(example->tool) == NULL, "it is compiled, or its tool is missing");
	copy_example(example->file);
	daemon = serve(example, "warm = input\n");
	warm_wait_spare(daemon, "greet");
	if (strcmp(example->tool, "sh") != 0) {
		converse(daemon);
	} else {
		fd = tcp_connect(1);
		send_text(fd, "hello Bob\n");
		expect(fd, "Hello Bob, you come from this machine.\r\n");
		close(fd);
	}
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=greet .*warm=yes"), 1);
	daemon_stop(daemon);
}
END_TEST

static Suite *make(void)
{
	Suite *suite = suite_create("examples");
	TCase *tests = harness_case(suite, "examples", 120);
	int count = (int)(sizeof(examples) / sizeof(examples[0]));

	tcase_add_loop_test(tests, example_serves, 0, count);
	tcase_add_loop_test(tests, example_is_warm, 0, count);
	return suite;
}

int main(void)
{
	return harness_main(make, NULL);
}
