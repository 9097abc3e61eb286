/* check_import_verb.c - usherctl import as it is called: exit statuses, files that it writes, and those it does not. No
 * daemon runs. */
#include "base.h"
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD "'stream tcp\\n'"
#define OK "'# nothing\\n\\n'"

/* Each is a script of sh in a folder of its own, where U is usherctl import; the status is that of the last command. */
static const struct {
	const char *script;
	int status;
} rows[] = {
	{ "printf " OK " >a; $U inetd a", 0 },
	{ "printf '7777 stream tcp nowait root /bin/cat cat\\n' >a; $U inetd a", 1 },
	{ "printf " BAD " >a; $U inetd a", 2 },
	{ "$U", 64 },
	{ "$U nonsense a", 64 },
	{ "$U inetd", 64 },
	{ "$U inetd --from=nonsense a", 64 },
	{ "$U inetd --nonsense a", 64 },
	{ "$U inetd a -o", 64 },
	{ "$U hosts a b c", 64 },
	{ "$U ipsvd a b", 64 },
	{ "$U inetd missing", 66 },
	{ "mkdir a; $U inetd a", 66 },
	{ "mkdir a; $U hosts a", 66 },
	{ "$U inetd /dev/null", 66 },
	{ "truncate -s 17M a; $U inetd a", 66 },
	{ "printf " OK " >a; $U inetd a missing >out; test $? = 66 && ! test -s out", 0 },
	{ "printf " OK " >a; $U inetd a --allow=missing", 66 },
	{ "printf " OK " >a; $U inetd -o no/out a", 73 },
	{ "printf " OK " >a; $U inetd --report=no/out a", 73 },
	{ "printf " OK " >a; echo kept >out; $U inetd -o out a; test $? = 73 && test \"$(cat out)\" = kept", 0 },
	{ "printf " OK " >a; $U inetd -o out a 2>err && grep -q '^; services.ini' out && grep -q '^a:2: exact$' err", 0 },
	{ "printf " OK " >a; $U inetd --report=rep a 2>err && grep -q '^lines: 2 exact' rep && ! test -s err", 0 },
	{ "printf " OK " >a; $U inetd --brief a 2>err && test \"$(wc -l <err)\" = 1", 0 },
	{ "printf " OK " >a; printf " BAD " >b; $U inetd a b 2>err; grep -q '^a:1: ' err && grep -q '^b:1: unsup' err", 0 },
	{ "mkfifo a; printf " OK " >a & $U inetd a", 0 },
	{ "printf 'ALL : ALL\\n' >a; $U hosts /dev/fd/3 a 3<a 2>err; test $? -le 2 && grep -q '^a:1: ' err", 0 },
	{ "$U --help | grep -q 'exit status'", 0 },
	/* every format gets to its importer, and says what it read */
	{ "printf '[Socket]\\nListenStream=7\\n' >a.socket; $U systemd a.socket 2>err; test $? -le 2 && grep -q 'a.socket' err", 0 },
	{ "mkdir d; echo x >d/192.0.2.1; $U ipsvd d 2>err; test $? -le 2 && grep -q '192.0.2.1' err", 0 },
	{ "printf 'exec tcpserver 0 7 cat\\n' >a; $U tcpserver a 2>err; test $? -le 2 && grep -q '^a:1: ' err", 0 },
	{ "printf 'service \"a\" { port \"7\"; exec \"/bin/cat\"; }\\n' >a; $U rlinetd a 2>err; test $? -le 2 && grep -q '^a:1: ' err",
	  0 },
	{ "printf 'service a\\n{\\n}\\n' >a; $U xinetd a 2>err; test $? -le 2 && grep -q '^a:[123]: ' err", 0 },
	{ "printf " OK " >a; printf 'ALL : ALL\\n' >d; $U inetd a --deny=d 2>err; test $? -le 2 && grep -q '^d:1: ' err", 0 },
	{ "printf " OK " >a; $U inetd a --deny=missing", 66 },
	/* what cannot be written is told */
	{ "printf " OK " >a; $U inetd a >/dev/full 2>err; test $? = 74 && grep -q 'output: No space' err", 0 },
	{ "printf " OK " >a; $U inetd --report=/dev/full a", 74 },
	/* and back */
	{ "$E", 64 },
	{ "$E systemd", 64 },
	{ "$E nonsense a", 64 },
	{ "$E systemd a b", 64 },
	{ "$E systemd -x a 2>err; test $? = 64 && grep -q 'unknown option' err", 0 },
	{ "$E systemd -o", 64 },
	{ "$E systemd -h | grep -q '^usage: usherctl export'", 0 },
	{ "$E systemd missing 2>err; test $? = 66 && grep -q 'missing: No such file' err", 0 },
	{ "printf '[a]\\nlisten = 7777\\nexec = /bin/cat\\n' >a; $E systemd a >out; test $? -le 2 && grep -q '^ListenStream=' out", 0 },
	{ "printf '[a]\\nlisten = 7777\\nexec = /bin/cat\\n' >a; mkdir d; $E systemd -o d a; test $? -le 2 && test -s d/a.socket", 0 },
	{ "printf '[a]\\nlisten = 7777\\nexec = /bin/cat\\n' >a; $E systemd -o missing a 2>err; test $? = 73 && grep -q 'make it first' err",
	  0 },
	{ "printf '[a]\\nlisten = 7777\\nexec = /bin/cat\\n' >a; echo >d; $E systemd -o d a", 73 },
};

START_TEST(ends_with)
{
	char folder[] = "/tmp/import_verb.XXXXXX", command[2048];
	const char *build = getenv("BUILD");
	int status;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(command, sizeof(command),
		 "build=$(realpath '%s'); cd %s || exit 99; U=\"timeout 60 $build/usherctl import\"; E=\"${U%% import} export\"; exec >>log 2>&1\n%s\n",
		 build != NULL ? build : ".", folder, rows[_i].script);
	status = system(command);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == rows[_i].status, "%s: %d", rows[_i].script, status);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_verb");
	TCase *tests = tcase_create("rows");

	tcase_set_timeout(tests, 90);
	tcase_add_loop_test(tests, ends_with, 0, ELEMENTS(rows));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
