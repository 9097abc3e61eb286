/* check_import_tcpserver.c - command lines of tcpserver and its relatives, tcprules as text, and directories of rules. */
#include "import_oracle.h"

#include <sys/stat.h>

#define EXACT "exact"
#define CHANGED "changed on purpose"
#define NEAR "approximated"
#define NONE "unsupported"

/* ---- one command, one key ---- */

static const struct {
	const char *line, *key, *value, *class; /* value NULL: not set; key NULL: no section */
} commands[] = {
	/* where it listens */
	{ "tcpserver -HR 0 25 /bin/cat", "listen", "0.0.0.0:25", NEAR },
	{ "tcpserver -HR 0.0.0.0 25 /bin/cat", "listen", "0.0.0.0:25", NEAR },
	{ "tcpserver -HR 127.0.0.2 25 /bin/cat", "listen", "127.0.0.2:25", NEAR },
	{ "tcpserver -HR localhost 25 /bin/cat", "listen", "127.0.0.1:25", NEAR },
	{ "tcpserver -HR -6 0 25 /bin/cat", "listen", "[::]:25", NEAR },
	{ "tcpserver -HR -4 0 25 /bin/cat", "listen", "0.0.0.0:25", NEAR },
	{ "tcpserver -HR ::1 25 /bin/cat", "listen", "[::1]:25", NEAR },
	{ "tcpserver -HR 0 smtp /bin/cat", "listen", "0.0.0.0:25", NEAR },
	{ "tcpserver -HR mail.example 25 /bin/cat", NULL, NULL, NONE },
	{ "tcpserver -HR 0 0 /bin/cat", NULL, NULL, NONE },
	{ "tcpserver -HR 0 65536 /bin/cat", NULL, NULL, NONE },
	{ "tcpserver -HR 0 no-such-port /bin/cat", NULL, NULL, NONE },
	{ "tcpserver -HR 0 25", NULL, NULL, NONE },
	{ "tcpserver -HR 0", NULL, NULL, NONE },
	{ "tcpserver", NULL, NULL, NONE },
	/* how many */
	{ "tcpserver 0 25 /bin/cat", "instances", "40", NEAR },
	{ "tcpserver -c 7 0 25 /bin/cat", "instances", "7", NEAR },
	{ "tcpserver -c7 0 25 /bin/cat", "instances", "7", NEAR },
	{ "tcpserver -c x 0 25 /bin/cat", "instances", "40", NONE },
	{ "tcpserver -c 0 0 25 /bin/cat", "instances", "40", NONE },
	{ "tcpserver 0 25 /bin/cat", "per_source", "none", NEAR },
	{ "tcpserver -C 3 0 25 /bin/cat", "per_source", "3", NEAR },
	{ "tcpserver -b 99 0 25 /bin/cat", "backlog", "99", NEAR },
	{ "tcpserver -b 99999 0 25 /bin/cat", "backlog", NULL, NONE },
	/* as whom */
	{ "tcpserver 0 25 /bin/cat", "user", "root", NEAR },
	{ "tcpserver -u 65534 0 25 /bin/cat", "user", "65534", CHANGED },
	{ "tcpserver -u 65534 -g 7 0 25 /bin/cat", "group", "7", CHANGED },
	{ "tcpserver -u nobody 0 25 /bin/cat", NULL, NULL, NONE },
	{ "tcpserver -U 0 25 /bin/cat", "user", "root", NONE },
	{ "envuidgid nobody tcpserver -U 0 25 /bin/cat", "user", "nobody", CHANGED },
	{ "envuidgid nobody tcpserver 0 25 /bin/cat", "user", "root", NEAR },
	{ "setuidgid nobody tcpserver 0 25 /bin/cat", "user", "nobody", CHANGED },
	{ "tcpserver 0 25 setuidgid nobody /bin/cat", "user", "nobody", CHANGED },
	{ "tcpserver 0 25 setuidgid nobody /bin/cat", "exec", "/bin/cat", CHANGED },
	{ "chpst -u nobody:nogroup tcpserver 0 25 /bin/cat", "group", "nogroup", CHANGED },
	{ "s6-setuidgid nobody tcpserver 0 25 /bin/cat", "groups", "none", CHANGED },
	/* sockets and names */
	{ "tcpserver -D 0 25 /bin/cat", "nodelay", "yes", NEAR },
	{ "tcpserver -D -d 0 25 /bin/cat", "nodelay", NULL, NEAR },
	{ "tcpserver -I lo 0 25 /bin/cat", "interface", "lo", NEAR },
	{ "tcpserver -vqQ1oOhHrRpP -l0 -t5 0 25 /bin/cat", "exec", "/bin/cat", NEAR },
	{ "tcpserver -Z 0 25 /bin/cat", NULL, NULL, NONE },
	{ "tcpserver -B 'hello; you' 0 25 /bin/cat", "banner", "hello\\x3b you", NEAR },
	{ "tcpserver -B none 0 25 /bin/cat", "banner", "\\x6eone", NEAR },
	{ "tcpserver -B '' 0 25 /bin/cat", "banner", NULL, NEAR },
	/* limits and variables */
	{ "softlimit -a 1000000 tcpserver 0 25 /bin/cat", "rlimit_as", "1000000", NEAR },
	{ "softlimit -m 1000000 tcpserver 0 25 /bin/cat", "rlimit_stack", "1000000", NEAR },
	{ "softlimit -o 64 tcpserver 0 25 /bin/cat", "rlimit_nofile", "64", NEAR },
	{ "softlimit -p 9 tcpserver 0 25 /bin/cat", "rlimit_nproc", "9", NEAR },
	{ "softlimit -t 5 tcpserver 0 25 /bin/cat", "rlimit_cpu", "5s", NEAR },
	{ "softlimit -f 5 tcpserver 0 25 /bin/cat", "rlimit_fsize", "5", NEAR },
	{ "softlimit -c 0 tcpserver 0 25 /bin/cat", "rlimit_core", "0", NEAR },
	{ "softlimit -a 5 tcpserver 0 25 /bin/cat", "rlimit_as", NULL, NONE },
	{ "softlimit -a = tcpserver 0 25 /bin/cat", "rlimit_as", NULL, NONE },
	{ "softlimit -r 5 tcpserver 0 25 /bin/cat", "exec", "/bin/cat", NONE },
	{ "env A=b tcpserver 0 25 /bin/cat", "env", "A=b", NEAR },
	{ "env -i A='b c' B=d tcpserver 0 25 /bin/cat", "env", "\"A=b c\" B=d", NEAR },
	{ "A=x,y tcpserver 0 25 /bin/cat", "env", "\"A=x,y\"", NEAR },
	{ "env A=b A=c tcpserver 0 25 /bin/cat", "env", "A=b", NONE },
	{ "env TCPREMOTEHOST=x tcpserver 0 25 /bin/cat", "env", NULL, NONE },
	{ "envdir /no/such/dir tcpserver 0 25 /bin/cat", "env", NULL, NONE },
	{ "nice -n 5 tcpserver 0 25 /bin/cat", "nice", "5", NEAR },
	{ "nice -7 tcpserver 0 25 /bin/cat", "nice", "7", NEAR },
	{ "nice tcpserver 0 25 /bin/cat", "nice", "10", NEAR },
	{ "nice -n 50 tcpserver 0 25 /bin/cat", "nice", "10", NONE },
	{ "chpst -n -3 -o 99 -/ /srv tcpserver 0 25 /bin/cat", "chroot", "/srv", NEAR },
	{ "chpst -n -3 tcpserver 0 25 /bin/cat", "nice", "-3", NEAR },
	{ "pgrphack setlock -n /x tcpserver 0 25 /bin/cat", "exec", "/bin/cat", NEAR },
	/* the shell */
	{ "exec tcpserver 0 25 /bin/cat", "exec", "/bin/cat", NEAR },
	{ "/usr/bin/tcpserver 0 25 /bin/cat", "exec", "/bin/cat", NEAR },
	{ "tcpserver 0 25 /bin/cat # no", "exec", "/bin/cat", NEAR },
	{ "tcpserver 0 25 /bin/echo 'a b' \"c d\" e\\ f", "exec", "/bin/echo 'a b' 'c d' 'e f'", NEAR },
	{ "tcpserver 0 25 /bin/echo a#b", "exec", "/bin/echo 'a#b'", NEAR },
	{ "tcpserver 0 25 /bin/cat 2>&1", "stderr", "log", NEAR },
	{ "tcpserver 0 25 /bin/cat 2>/dev/null", "stderr", "null", NEAR },
	{ "tcpserver 0 25 /bin/cat 2>> /var/log/x", "stderr", "file:/var/log/x", NEAR },
	{ "tcpserver 0 25 /bin/cat >/dev/null", "stderr", NULL, NEAR },
	{ "tcpserver 0 25 /bin/cat &", "exec", "/bin/cat", NEAR },
	{ "tcpserver 0 25 /bin/cat | logger -t x", "exec", "/bin/cat", NEAR },
	{ "tcpserver 0 25 /bin/cat && echo", NULL, NULL, NONE },
	{ "tcpserver 0 25 /bin/cat; echo", NULL, NULL, NONE },
	{ "tcpserver 0 $PORT /bin/cat", NULL, NULL, NONE },
	{ "tcpserver 0 \"$PORT\" /bin/cat", NULL, NULL, NONE },
	{ "tcpserver 0 '25' /bin/echo '$X'", "exec", "/bin/echo '$X'", NEAR },
	{ "tcpserver 0 `cat port` /bin/cat", NULL, NULL, NONE },
	{ "(tcpserver 0 25 /bin/cat)", NULL, NULL, NONE },
	{ "tcpserver 0 25 'cat", NULL, NULL, NONE },
	{ "if true", NULL, NULL, NONE },
	{ "wrap -x tcpserver 0 25 /bin/cat", "exec", "/bin/cat", NONE },
	{ "sleep 5", NULL, NULL, NONE },
	{ "# tcpserver 0 25 /bin/cat", NULL, NULL, EXACT },
	{ "", NULL, NULL, EXACT },
	{ "umask 027", NULL, NULL, EXACT },
	{ "exec 2>&1", NULL, NULL, CHANGED },
	/* ipsvd and busybox */
	{ "tcpsvd 0 25 /bin/cat", "instances", "30", NEAR },
	{ "tcpsvd -u nobody 0 25 /bin/cat", "user", "nobody", CHANGED },
	{ "tcpsvd -u :65534:7 0 25 /bin/cat", "group", "7", CHANGED },
	{ "tcpsvd -C 3 0 25 /bin/cat", "per_source", "3", NEAR },
	{ "tcpsvd -C 3:busy\\r\\n 0 25 /bin/cat", "banner_refused", "busyrn", NEAR },
	{ "tcpsvd -C '3:busy\\r\\n' 0 25 /bin/cat", "banner_refused", "busy\\r\\n", NEAR },
	{ "tcpsvd -C 0 0 25 /bin/cat", "per_source", "none", NEAR },
	{ "tcpsvd -hpvE -l x 0 25 /bin/cat", "exec", "/bin/cat", NEAR },
	{ "busybox tcpsvd -c 4 0 25 /bin/cat", "instances", "4", NEAR },
	{ "udpsvd 0 69 /bin/cat", "listen", "0.0.0.0:69/udp", NEAR },
	{ "udpsvd 0 69 /bin/cat", "wait", "yes", NEAR },
	{ "tcpsvd -x /no/such.cdb 0 25 /bin/cat", "disable", "yes", NONE },
	{ "tcpserver -x /no/such.cdb 0 25 /bin/cat", "disable", "yes", NONE },
	{ "tcpserver -X -x /no/such.cdb 0 25 /bin/cat", "disable", NULL, NEAR },
	/* s6 */
	{ "s6-tcpserver -c 9 0 25 /bin/cat", "instances", "9", NEAR },
	{ "s6-tcpserver -C 2 :: 25 /bin/cat", "listen", "[::]:25", NEAR },
	{ "s6-tcpserver -C 2 :: 25 /bin/cat", "per_source", "2", NEAR },
	{ "s6-tcpserver 0 25 s6-tcpserver-access -B hi -RHl0 /bin/cat", "banner", "hi", NEAR },
	{ "s6-tcpserver 0 25 s6-tcpserver-access -i /no/such /bin/cat", "disable", "yes", NONE },
	/* socat */
	{ "socat TCP-LISTEN:7000,fork EXEC:/bin/cat", "listen", "7000", NEAR },
	{ "socat TCP4-LISTEN:7000,fork EXEC:/bin/cat", "listen", "0.0.0.0:7000", NEAR },
	{ "socat tcp6-l:7000,fork EXEC:/bin/cat", "listen", "[::]:7000", NEAR },
	{ "socat TCP-LISTEN:7000,bind=127.0.0.1,fork EXEC:/bin/cat", "listen", "127.0.0.1:7000", NEAR },
	{ "socat TCP-LISTEN:7000,fork,max-children=5 EXEC:/bin/cat", "instances", "5", NEAR },
	{ "socat TCP-LISTEN:7000,fork,su=nobody EXEC:/bin/cat", "user", "nobody", CHANGED },
	{ "socat TCP-LISTEN:7000,fork EXEC:'/bin/echo a b',stderr", "exec", "/bin/echo a b", NEAR },
	{ "socat TCP-LISTEN:7000,fork EXEC:/bin/cat,stderr", "stderr", "socket", NEAR },
	{ "socat TCP-LISTEN:7000,fork EXEC:/bin/cat,pty", "exec", "/bin/cat", NONE },
	{ "socat TCP-LISTEN:7000,fork,range=10.0.0.0/8 EXEC:/bin/cat", NULL, NULL, NONE },
	{ "socat TCP-LISTEN:7000,fork SYSTEM:ls", NULL, NULL, NONE },
	{ "socat UDP-LISTEN:7000,fork EXEC:/bin/cat", NULL, NULL, NONE },
	{ "socat - TCP:localhost:80", NULL, NULL, NONE },
};

START_TEST(command_becomes)
{
	struct import *import = import_new();
	const char *line = commands[_i].line, *value;
	struct import_service *service;
	char class[32];

	import_tcpserver_text(import, INPUT, line, strlen(line));
	if (line[0] != '\0')
		ck_assert_msg(strcmp(class_of(import, 1, class), commands[_i].class) == 0, "%s: %s", line, class);
	service = import_next(import, NULL);
	ck_assert_msg((service != NULL) == (commands[_i].key != NULL), "%s", line);
	if (service != NULL) {
		value = import_get(service, commands[_i].key);
		if (commands[_i].value == NULL)
			ck_assert_msg(value == NULL, "%s: %s", line, value);
		else
			ck_assert_msg(value != NULL && strcmp(value, commands[_i].value) == 0, "%s: %s", line,
				      value != NULL ? value : "(not set)");
	}
	import_free(import);
}
END_TEST

START_TEST(script_has_state)
{
	static const char script[] = "#!/bin/sh\nexec 2>/dev/null\numask 027\ncd /srv\n\nexec tcpserver -v \\\n"
				     "  -c 3 \\\n  0 25 ./prog\ntcpserver 0 26 /bin/cat\n";
	struct import *import = import_new();
	struct import_service *first, *second;
	char class[32];

	import_tcpserver_text(import, INPUT, script, strlen(script));
	first = import_next(import, NULL);
	second = import_next(import, first);
	ck_assert_str_eq(import_name(first), "prog");
	ck_assert_str_eq(import_get(first, "exec"), "/srv/prog");
	ck_assert_str_eq(import_get(first, "disable"), "yes");
	ck_assert_str_eq(import_get(first, "directory"), "/srv");
	ck_assert_str_eq(import_get(first, "umask"), "027");
	ck_assert_str_eq(import_get(first, "stderr"), "null");
	ck_assert_str_eq(import_get(first, "instances"), "3");
	ck_assert_str_eq(import_get(second, "listen"), "0.0.0.0:26");
	ck_assert_str_eq(class_of(import, 7, class), EXACT);
	ck_assert_str_eq(class_of(import, 8, class), EXACT);
	import_free(import);
}
END_TEST

/* ---- tcprules ---- */

static const struct {
	const char *text, *allow, *deny, *class; /* the class of line 1 */
} rules[] = {
	{ ":allow", NULL, NULL, EXACT },
	{ ":deny", NULL, "all", EXACT },
	{ "10.:allow\n:deny", "10.0.0.0/8", NULL, EXACT },
	{ "10.1.:allow\n:deny", "10.1.0.0/16", NULL, EXACT },
	{ "10.1.2.:allow\n:deny", "10.1.2.0/24", NULL, EXACT },
	{ "10.1.2.3:allow\n:deny", "10.1.2.3", NULL, EXACT },
	{ "10.1.2.3:deny", NULL, "10.1.2.3", EXACT },
	{ "10.:deny\n10.1.:allow", "10.1.0.0/16, all", "10.0.0.0/8", EXACT },
	{ "10.1.2.3-4:deny", NULL, "10.1.2.3, 10.1.2.4", EXACT },
	{ "10.1.2.4-7:deny", NULL, "10.1.2.4/30", EXACT },
	{ "10.2-3.:deny", NULL, "10.2.0.0/15", EXACT },
	{ "10.0-999.:deny", NULL, "10.0.0.0/8", EXACT },
	{ "10.3-2.:deny", NULL, NULL, CHANGED },
	{ "10.x-2.:deny", NULL, NULL, NONE },
	{ "10.1:deny", NULL, NULL, CHANGED },
	{ "10.1.2.3.:deny", NULL, NULL, CHANGED },
	{ "010.:deny", NULL, NULL, CHANGED },
	{ "256.:deny", NULL, NULL, CHANGED },
	{ "10.:deny\n10.:allow", NULL, "10.0.0.0/8", EXACT },
	{ "10.:allow\n10.:deny", NULL, NULL, EXACT },
	{ "=.example:allow\n:deny", NULL, "all", NONE },
	{ "joe@10.1.2.3:deny", NULL, "10.1.2.3", NEAR },
	{ "joe@10.1.2.3:allow\n:deny", NULL, "all", NONE },
	{ "::1:deny", NULL, "::1", EXACT },
	{ "2001:db8::/32:deny", NULL, "2001:db8::/32", NEAR },
	{ "[2001:db8::1]:deny", NULL, "2001:db8::1", EXACT },
	{ "2001:db8::deny", NULL, "2001:db8::/32", NEAR },
	{ "10.0.0.0/8:deny", NULL, "10.0.0.0/8", NEAR },
	{ "# 10.:deny", NULL, NULL, EXACT },
	{ "10.:deny  ", NULL, "10.0.0.0/8", EXACT },
	{ "10.:denied", NULL, NULL, NONE },
	{ "10.:deny,A", NULL, NULL, NONE },
	{ "10.:deny,A=\"b", NULL, NULL, NONE },
	{ "10.:deny,A=\"b\"c", NULL, NULL, NONE },
	{ "10.:deny,A=\"b\"", NULL, "10.0.0.0/8", EXACT },
};

static void check_list(const struct import_service *service, const char *key, const char *expected, const char *text)
{
	const char *list = import_get(service, key);

	ck_assert_msg(expected == NULL ? list == NULL : list != NULL && strcmp(list, expected) == 0, "%s: %s = %s", text,
		      key, list != NULL ? list : "(not set)");
}

START_TEST(rules_become)
{
	struct import *import = import_new();
	struct import_service *service = import_add(import, "x", (struct import_where){ "other", 1 });
	char class[32];

	import_tcprules_text(import, service, INPUT, rules[_i].text, strlen(rules[_i].text));
	ck_assert_msg(strcmp(class_of(import, 1, class), rules[_i].class) == 0, "%s: %s", rules[_i].text, class);
	check_list(service, "allow", rules[_i].allow, rules[_i].text);
	check_list(service, "deny", rules[_i].deny, rules[_i].text);
	import_free(import);
}
END_TEST

static const struct {
	const char *text, *env, *disable, *class;
} variables[] = {
	{ ":allow,A=\"b\"", "A=b", NULL, EXACT },
	{ ":allow,A=/b c/,B=xdx", "\"A=b c\" B=d", NULL, EXACT },
	{ "10.:allow,A=\"b\"\n:deny", "A=b", NULL, EXACT },
	{ "10.:allow,A=\"b\"", NULL, NULL, NONE },
	{ "10.:allow,A=\"b\"\n:allow,A=\"c\"", "A=c", NULL, NONE },
	{ "10.:allow,A=\"b\"\n:allow,A=\"b\"", "A=b", NULL, EXACT },
	{ ":allow,TCPREMOTEIP=\"b\"", NULL, "yes", NONE },
	{ ":allow,A=\"b\",A=\"c\"", NULL, "yes", NONE },
	{ "=.evil:deny", NULL, "yes", NONE },
	{ "=:allow", NULL, NULL, NONE },
};

START_TEST(variables_become)
{
	struct import *import = import_new();
	struct import_service *service = import_add(import, "x", (struct import_where){ "other", 1 });
	char class[32];

	import_tcprules_text(import, service, INPUT, variables[_i].text, strlen(variables[_i].text));
	ck_assert_msg(strcmp(class_of(import, 1, class), variables[_i].class) == 0, "%s: %s", variables[_i].text, class);
	check_list(service, "env", variables[_i].env, variables[_i].text);
	check_list(service, "disable", variables[_i].disable, variables[_i].text);
	import_free(import);
}
END_TEST

/* What tcpserver does: the address, then ever shorter beginnings, then nothing; the first line of a key counts. */
static bool original_allows(char keys[][20], const bool *deny, unsigned count, const char *address)
{
	char key[20];
	size_t length = strlen(address);

	snprintf(key, sizeof(key), "%s", address);
	for (;;) {
		for (unsigned i = 0; i < count; i++)
			if (strcmp(keys[i], key) == 0)
				return !deny[i];
		if (length == 0)
			return true;
		do
			length--;
		while (length > 0 && key[length - 1] != '.');
		key[length] = '\0';
	}
}

START_TEST(rules_are_those_of_the_original)
{
	uint64_t state = (uint64_t)_i + 1;
	char keys[24][20], text[24 * 32] = "", address[20];
	bool deny[24];
	unsigned count = 1 + oracle_random(&state, 24);
	struct import *import = import_new();
	struct import_service *service = import_add(import, "x", (struct import_where){ "other", 1 });
	struct access *access;

	for (unsigned i = 0; i < count; i++) {
		unsigned numbers = oracle_random(&state, 5), at = 0;

		keys[i][0] = '\0';
		for (unsigned n = 0; n < numbers; n++)
			at += (unsigned)snprintf(keys[i] + at, sizeof(keys[i]) - at, "%u%s", oracle_random(&state, 3),
						 n < 3 ? "." : "");
		deny[i] = oracle_random(&state, 2) == 1;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s:%s\n", keys[i], deny[i] ? "deny" : "allow");
	}
	import_tcprules_text(import, service, INPUT, text, strlen(text));
	access = oracle_new(service);
	for (unsigned i = 0; i < 1000; i++) {
		bool expected;

		snprintf(address, sizeof(address), "%u.%u.%u.%u", oracle_random(&state, 4), oracle_random(&state, 4),
			 oracle_random(&state, 4), oracle_random(&state, 4));
		expected = original_allows(keys, deny, count, address);
		ck_assert_msg(oracle_allows(access, address) == expected, "%s in\n%s", address, text);
	}
	access_free(access);
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_tcpserver");
	TCase *tests = tcase_create("lines");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, command_becomes, 0, ELEMENTS(commands));
	tcase_add_loop_test(tests, rules_become, 0, ELEMENTS(rules));
	tcase_add_loop_test(tests, variables_become, 0, ELEMENTS(variables));
	tcase_add_loop_test(tests, rules_are_those_of_the_original, 0, 30);
	tcase_add_test(tests, script_has_state);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
