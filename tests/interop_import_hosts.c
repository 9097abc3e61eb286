/* interop_import_hosts.c - tcpdmatch(8) of the TCP wrappers, asked about the same rules and addresses as
 * check_import_hosts.c asks the import: the decisions of the table are those of libwrap. The package tcpd is taken from
 * PEERS_DIR, from the system, or downloaded and unpacked. */
#include "harness.h"

#include "base.h"
#include "import_hosts_rows.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char tcpdmatch[512]; /* its path */
static char unpacked[] = "/tmp/interop_tcpd.XXXXXX";

static bool is_granted(const char *address)
{
	char script[1024], *output;
	const char *words[] = { "sh", "-c", script, NULL };
	bool granted;

	snprintf(script, sizeof(script), "cd $DIR && exec timeout 10 %s -d sshd %s", tcpdmatch, address);
	ck_assert_msg(run_command(words, &output) == 0, "%s: %s", address, output);
	granted = strstr(output, "granted") != NULL;
	ck_assert_msg(granted || strstr(output, "denied") != NULL, "%s: %s", address, output);
	free(output);
	return granted;
}

START_TEST(same_decisions)
{
	test_write("hosts.allow", 0644, hosts_rows[_i].allow, false);
	test_write("hosts.deny", 0644, hosts_rows[_i].deny, false);
	for (unsigned i = 0; i < HOSTS_ADDRESSES; i++)
		ck_assert_msg(is_granted(hosts_addresses[i]) == (hosts_rows[_i].decision[i] == 'y'), "%s in\n%s\n%s",
			      hosts_addresses[i], hosts_rows[_i].allow, hosts_rows[_i].deny);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_hosts");
	TCase *tests = harness_case(suite, "import_hosts", 60);

	tcase_add_loop_test(tests, same_decisions, 0, ELEMENTS(hosts_rows));
	return suite;
}

/* ---- the package ---- */

static bool works(const char *folder)
{
	char command[1024];

	snprintf(tcpdmatch, sizeof(tcpdmatch), "%s/usr/sbin/tcpdmatch", folder);
	snprintf(command, sizeof(command), "cd / && %s -d sshd 192.0.2.1 2>/dev/null | grep -q '^access:'", tcpdmatch);
	return access(tcpdmatch, X_OK) == 0 && system(command) == 0;
}

static bool find_tcpdmatch(void)
{
	const char *peers = getenv("PEERS_DIR");
	char command[1024];

	if ((peers != NULL && works(peers)) || works(""))
		return true;
	if (mkdtemp(unpacked) == NULL)
		return false;
	snprintf(command, sizeof(command),
		 "(cd %s && chmod 0755 . && timeout 30 apt-get -q download tcpd && dpkg -x tcpd_*.deb .) >/dev/null 2>&1",
		 unpacked);
	return system(command) == 0 && works(unpacked);
}

int main(void)
{
	bool here = find_tcpdmatch();
	int status = harness_main(make_suite, here ? NULL : "there is no tcpdmatch here, and its package cannot be had");
	char command[1024];

	if (strstr(unpacked, "XXXXXX") == NULL) {
		snprintf(command, sizeof(command), "rm -rf %s", unpacked);
		(void)!system(command);
	}
	return status;
}
