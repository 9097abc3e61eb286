/* interop_tftp.c - tftpd-hpa behind usherd: a datagram service that is handed
 * the socket itself (wait = yes), answers from sockets of its own and lingers. */
#include "harness.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE                                                                                              \
	"[tftp]\nlisten = 127.0.0.1:$1/udp\nwait = yes\nuser = root\n"                                       \
	"exec = /usr/sbin/in.tftpd --timeout 1 --create --permissive --secure $DIR/tftp\n"

static void run(const char *script)
{
	const char *words[] = { "sh", "-ec", script, NULL };
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}

START_TEST(get_and_put)
{
	SKIP_IF(getuid() != 0, "in.tftpd has to be started as root");
	/* The client asks the resolver, which denies IPv4 where only 127.0.0.1 is configured. */
	struct addrinfo hints = { .ai_family = AF_INET, .ai_flags = AI_ADDRCONFIG }, *found = NULL;

	SKIP_IF(getaddrinfo("127.0.0.1", NULL, &hints, &found) != 0, "nothing but loopback here");
	freeaddrinfo(found);
	run("mkdir $DIR/tftp; head -c 200000 /dev/urandom >$DIR/tftp/get; chmod 0644 $DIR/tftp/get; "
	    "chmod 0777 $DIR/tftp; head -c 150000 /dev/urandom >$DIR/put");
	struct daemon *daemon = daemon_start(SERVICE);

	run("cd $DIR; tftp -4 -m binary 127.0.0.1 $1 -c get get got; cmp got tftp/get");
	run("cd $DIR; tftp -4 -m binary 127.0.0.1 $1 -c put put stored; cmp put tftp/stored");
	/* It lingers for a second and ends; then the next client starts it anew. */
	daemon_wait_log(daemon, " end service=tftp .*reason=exit status=0");
	run("cd $DIR; rm got; tftp -4 -m binary 127.0.0.1 $1 -c get get got; cmp got tftp/get");
	ck_assert_uint_ge(daemon_count_log(daemon, " start service=tftp "), 2);
	ck_assert_uint_eq(daemon_count_log(daemon, " pause service=tftp "), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("tftp");

	tcase_add_test(harness_case(suite, "tftp", 120), get_and_put);
	return suite;
}

int main(void)
{
	bool here = harness_find("in.tftpd") != NULL && harness_find("tftp") != NULL;

	return harness_main(make_suite, here ? NULL : "tftpd-hpa and tftp-hpa are not installed");
}
