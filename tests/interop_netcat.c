/* interop_netcat.c - netcat and socat as clients: 50 MB there and back with
 * half-close, and a checksum that only comes after the end of input. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICES                                                                                             \
	"[cat]\nlisten = 127.0.0.1:$1, unix:@usherd-nc-$1\nexec = cat\n"                                     \
	"[sum]\nlisten = 127.0.0.1:$2\nexec = sha256sum\n"                                                   \
	"[filter]\nlisten = 127.0.0.1:$3/udp\nexec = tr a-z A-Z\n"

static void run(const char *script)
{
	const char *words[] = { "sh", "-ec", script, NULL };
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s\n%s", script, output);
	free(output);
}

/* The option that makes this netcat end its output at the end of its input. */
static const char *netcat(void)
{
	const char *words[] = { "nc", "-h", NULL };
	char *help;

	if (harness_find("nc") == NULL)
		return NULL;
	run_command(words, &help);
	return strstr(help, "-N") != NULL ? "nc -N" : strstr(help, "-q") != NULL ? "nc -q 20" : NULL;
}

START_TEST(netcat_echo)
{
	const char *command = netcat();
	char script[512];

	SKIP_IF(command == NULL, "no netcat that can half-close is installed");
	struct daemon *daemon = daemon_start(SERVICES);

	run("head -c 52428800 /dev/urandom >$DIR/file");
	snprintf(script, sizeof(script), "%s 127.0.0.1 $1 <$DIR/file >$DIR/back; cmp $DIR/file $DIR/back",
		 command);
	run(script);
	snprintf(script, sizeof(script),
		 "test \"$(%s 127.0.0.1 $2 <$DIR/file)\" = \"$(sha256sum <$DIR/file)\"", command);
	run(script);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(socat_echo)
{
	SKIP_IF(harness_find("socat") == NULL, "socat is not installed");
	struct daemon *daemon = daemon_start(SERVICES);

	run("head -c 52428800 /dev/urandom >$DIR/file");
	run("socat -t 30 STDIO TCP4:127.0.0.1:$1 <$DIR/file | cmp - $DIR/file");
	run("test \"$(socat -t 30 STDIO TCP4:127.0.0.1:$2 <$DIR/file)\" = \"$(sha256sum <$DIR/file)\"");
	run("socat -t 30 STDIO ABSTRACT-CONNECT:usherd-nc-$1 <$DIR/file | cmp - $DIR/file");
	run("test \"$(echo loud | socat -t 2 STDIO UDP4:127.0.0.1:$3)\" = LOUD");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("netcat");
	TCase *clients = harness_case(suite, "netcat", 180);

	tcase_add_test(clients, netcat_echo);
	tcase_add_test(clients, socat_echo);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
