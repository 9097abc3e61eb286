/* interop_curl.c - curl against HTTP scripts, in shell and in Python, that know
 * nothing but standard input and output. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void run(const char *script)
{
	const char *words[] = { "sh", "-ec", script, NULL };
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}

/* Answers with the method, the path, the client's address and the length of the body. */
static const char shell_script[] =
	"#!/bin/sh\n"
	"cr=$(printf '\\r')\n"
	"read -r method path version || exit 0\n"
	"length=0\n"
	"while read -r line && [ \"$line\" != \"$cr\" ]; do\n"
	"	case $line in\n"
	"	[Cc]ontent-[Ll]ength:*) length=${line#*: }; length=${length%\"$cr\"} ;;\n"
	"	esac\n"
	"done\n"
	"got=$(head -c \"$length\" | wc -c | tr -d ' ')\n"
	"body=\"$method $path $REMOTE_ADDR $got\"\n"
	"printf 'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s' "
	"${#body} \"$body\"\n";

START_TEST(shell)
{
	test_write("http", 0755, shell_script, false);
	struct daemon *daemon = daemon_start("[http]\nlisten = $1\nexec = $DIR/http\n");

	run("test \"$(curl -sS --noproxy '*' http://127.0.0.1:$1/a/b)\" = 'GET /a/b 127.0.0.1 0'");
	run("head -c 300000 /dev/zero >$DIR/body; test \"$(curl -sS --noproxy '*' -H Expect: "
	    "--data-binary @$DIR/body http://127.0.0.1:$1/up)\" = 'POST /up 127.0.0.1 300000'");
	run("for i in 1 2 3 4 5 6 7 8 9 10; do curl -sS --noproxy '*' http://127.0.0.1:$1/ >/dev/null; done");
	daemon_oracle(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=http .*status=0"), 12);
	daemon_stop(daemon);
}
END_TEST

START_TEST(shell_over_ipv6)
{
	test_write("http", 0755, shell_script, false);
	struct daemon *daemon = daemon_start("[http]\nlisten = $1\nexec = $DIR/http\n");
	int fd = tcp_try("::1", test_port(1));

	SKIP_IF(fd < 0, "no IPv6 here");
	close(fd);
	run("test \"$(curl -sS --noproxy '*' 'http://[::1]:$1/six')\" = 'GET /six ::1 0'");
	daemon_stop(daemon);
}
END_TEST

/* Python's own server classes, on the socket that is standard input: requests
 * one after the other over one connection. */
START_TEST(python)
{
	SKIP_IF(harness_find("python3") == NULL, "python3 is not installed");
	test_write("web.py", 0755,
		   "import http.server, os, socket\n"
		   "class Handler(http.server.BaseHTTPRequestHandler):\n"
		   "    protocol_version = 'HTTP/1.1'\n"
		   "    def do_GET(self):\n"
		   "        body = (self.path + ' ' + self.client_address[0]).encode()\n"
		   "        self.send_response(200)\n"
		   "        self.send_header('Content-Length', str(len(body)))\n"
		   "        self.end_headers()\n"
		   "        self.wfile.write(body)\n"
		   "client = socket.socket(fileno=0)\n"
		   "Handler(client, client.getpeername(), None)\n",
		   false);
	struct daemon *daemon = daemon_start("[http]\nlisten = 127.0.0.1:$1\n"
					     "exec = /usr/bin/python3 $DIR/web.py\n");

	run("test \"$(curl -sS --noproxy '*' http://127.0.0.1:$1/a http://127.0.0.1:$1/b)\" = "
	    "'/a 127.0.0.1/b 127.0.0.1'");
	/* Both requests went over one connection: one session. */
	daemon_wait_log(daemon, " end service=http ");
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=http "), 1);
	/* What Python logs on its standard error stands in our log. */
	ck_assert_uint_eq(daemon_count_log(daemon, " stderr service=http .*GET /[ab]"), 2);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("curl");
	TCase *curl = harness_case(suite, "curl", 120);

	tcase_add_test(curl, shell);
	tcase_add_test(curl, shell_over_ipv6);
	tcase_add_test(curl, python);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, harness_find("curl") == NULL ? "curl is not installed" : NULL);
}
