/* e2e_capability.c - F52: what a daemon of root does not need is given up once it serves;
 * and everything works afterwards. */
#include "harness.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A set of /proc/PID/status. */
static unsigned long long set_of(const char *status, const char *field)
{
	const char *at = strstr(status, field);

	ck_assert_msg(at != NULL, "no %s in:\n%s", field, status);
	return strtoull(at + strlen(field), NULL, 16);
}

static char *status_of(const struct daemon *daemon)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", daemon->pid);
	return test_read(path);
}

static const unsigned given_up[] = { CAP_SYS_ADMIN, CAP_SYS_MODULE, CAP_SYS_TIME,  CAP_SYS_BOOT,
				     CAP_SYS_RAWIO, CAP_MKNOD,      CAP_SETFCAP,   CAP_SETPCAP,
				     CAP_NET_RAW,   CAP_SYSLOG,     CAP_MAC_ADMIN, CAP_AUDIT_CONTROL };

static bool has_any(unsigned long long set)
{
	for (size_t i = 0; i < sizeof(given_up) / sizeof(given_up[0]); i++)
		if ((set & (1ULL << given_up[i])) != 0)
			return true;
	return false;
}

static bool is_root(void)
{
	return getuid() == 0;
}

static char *own_status(void)
{
	return test_read("/proc/self/status");
}

START_TEST(given_up_for_good)
{
	char *status, *own = own_status();
	struct daemon *daemon;

	SKIP_IF(!is_root(), "needs to be started as root");
	daemon = daemon_start(
		"[nobody]\nlisten = 127.0.0.1:$1\nexec = /bin/cat /proc/self/status\nuser = nobody\n"
		"[root]\nlisten = 127.0.0.1:$2\nexec = /bin/cat /proc/self/status\nuser = root\n"
		"no_new_privileges = no\n");
	status = status_of(daemon);
	ck_assert(!has_any(set_of(status, "CapEff:")));
	ck_assert(!has_any(set_of(status, "CapPrm:")));
	ck_assert_uint_ne(set_of(status, "CapEff:") & (1ULL << CAP_SETUID), 0);
	ck_assert_uint_eq(set_of(status, "CapBnd:"), set_of(own, "CapBnd:"));
	/* A program of root has all that root can have here; nobody's has nothing. */
	ck_assert_uint_eq(set_of(ask(2, NULL), "CapEff:"), set_of(own, "CapBnd:"));
	ck_assert_uint_eq(set_of(ask(1, NULL), "CapPrm:"), 0);

	/* With no_new_privileges it gets no more than we have: that is told when it comes too late. */
	daemon_configure("[root]\nlisten = 127.0.0.1:$2\nexec = /bin/cat /proc/self/status\nuser = root\n");
	daemon_reload(daemon, true);
	ck_assert_uint_eq(daemon_count_log(daemon, " capability .*root: has only"), 1);
	ck_assert_uint_eq(set_of(ask(2, NULL), "CapEff:"), set_of(status, "CapEff:"));
	daemon_stop(daemon);
}
END_TEST

/* As under the unit, which has no CAP_CHOWN: /dev/stderr is the service's all the same. */
START_TEST(as_under_the_unit)
{
	static const unsigned unit[] = { CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_NET_BIND_SERVICE };
	unsigned long long left = 0;
	struct daemon *daemon;

	SKIP_IF(!is_root(), "needs to be started as root");
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
		left |= 1ULL << unit[i];
	for (unsigned capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if ((left & (1ULL << capability)) == 0)
			ck_assert_int_eq(prctl(PR_CAPBSET_DROP, capability), 0);
	daemon = daemon_start("[says]\nlisten = 127.0.0.1:$1\nuser = nobody\n"
			      "exec = /bin/sh -c 'echo opened > /dev/stderr && echo served'\n");
	ck_assert_uint_eq(set_of(status_of(daemon), "CapPrm:") & ~left, 0);
	ck_assert_str_eq(ask(1, NULL), "served\n");
	daemon_wait_log(daemon, " stderr .*opened");
	ck_assert_uint_eq(set_of(status_of(daemon), "CapPrm:") & ~left, 0);
	daemon_stop(daemon);
}
END_TEST

/* Then they are only put aside, as they are needed for such a program. */
START_TEST(put_aside)
{
	char *status, *own = own_status();
	struct daemon *daemon;

	SKIP_IF(!is_root(), "needs to be started as root");
	daemon =
		daemon_start("[root]\nlisten = 127.0.0.1:$2\nexec = /bin/cat /proc/self/status\nuser = root\n"
			     "no_new_privileges = yes\n");
	status = status_of(daemon);
	ck_assert(!has_any(set_of(status, "CapEff:")));
	ck_assert_uint_eq(set_of(status, "CapPrm:"), set_of(own, "CapPrm:"));
	ck_assert_uint_eq(set_of(ask(2, NULL), "CapEff:"), set_of(own, "CapBnd:"));
	daemon_reload(daemon, true);
	ck_assert_uint_eq(daemon_count_log(daemon, " capability "), 0);
	daemon_stop(daemon);
}
END_TEST

/* A hard limit that services are to exceed. */
static void limit_core(void *context)
{
	(void)context;
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

/* Everything that takes a right is done again by a reload, long after the rights were given up. */
START_TEST(reload_as_root)
{
	struct stat status;
	struct daemon *daemon;
	char config[2048];
	int client, before;
	/* Not in every container. */
	bool raises = (set_of(own_status(), "CapEff:") & (1ULL << CAP_SYS_RESOURCE)) != 0;

	SKIP_IF(!is_root(), "needs to be started as root");
	SKIP_IF(!test_is_alone(), "ports below 1024 may be somebody else's");
	daemon = daemon_launch(&(struct daemon_spec){
		.prepare = limit_core,
		.config =
			"[usherd]\ncontrol = none\n[first]\nlisten = 127.0.0.1:$1\nexec = $PROBE facts\n" });
	before = daemon->fds;
	ck_assert_int_eq(mkdir(test_path("theirs"), 0700), 0);
	ck_assert_int_eq(chown(test_path("theirs"), 12345, 12345), 0);
	snprintf(config, sizeof(config),
		 "[usherd]\ncontrol = none\n"
		 "[low]\nlisten = 127.0.0.1:7\nexec = $PROBE facts\nuser = nobody\nnice = -5\n%s"
		 "[path]\nlisten = unix:$DIR/theirs/socket\nexec = $PROBE say path\n"
		 "socket_user = 12345\nsocket_group = 54321\nsocket_mode = 0620\n"
		 "[big]\nlisten = 127.0.0.1:$3\nexec = $PROBE say big\nrcvbuf = 64M\ninterface = lo\n"
		 "[hold]\nlisten = 127.0.0.1:$4\nexec = $PROBE stubborn\nuser = nobody\n"
		 "time_limit = 200ms\nkill_after = 100ms\n",
		 raises ? "oom_score_adj = -900\nrlimit_core = 1000000\n" : "");
	daemon_configure(config);
	daemon_reload(daemon, true);
	client = tcp_try("127.0.0.1", 7);
	ck_assert_int_ge(client, 0);

	char *facts = read_all(client, NULL);

	ck_assert_msg(facts[0] != '\0', "nothing; log:\n%s", daemon_read_log(daemon));
	ck_assert_match(facts, "^nice -5$");
	if (raises) {
		ck_assert_match(facts, "^rlimit core 1000000 1000000$");
		ck_assert_match(facts, "^oom_score_adj -900$");
	}
	ck_assert_int_eq(stat(test_path("theirs/socket"), &status), 0);
	ck_assert_uint_eq(status.st_uid, 12345);
	ck_assert_uint_eq(status.st_gid, 54321);
	ck_assert_uint_eq(status.st_mode & 0777, 0620);
	ck_assert_str_eq(read_all(unix_connect(test_path("theirs/socket"), SOCK_STREAM), NULL), "path");
	ck_assert_str_eq(ask(3, NULL), "big");

	/* A process of another user that does not want to end. */
	client = tcp_connect(4);
	daemon_wait_log(daemon, " end service=hold .* reason=time_limit ");
	close(client);
	daemon_configure("[usherd]\ncontrol = none\n[first]\nlisten = 127.0.0.1:$1\nexec = $PROBE facts\n");
	daemon_reload(daemon, true);
	ck_assert_int_eq(daemon->fds, before);
	ck_assert_int_ne(access(test_path("theirs/socket"), F_OK), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("capability");
	TCase *tests = harness_case(suite, "capability", 60);

	tcase_add_test(tests, given_up_for_good);
	tcase_add_test(tests, as_under_the_unit);
	tcase_add_test(tests, put_aside);
	tcase_add_test(tests, reload_as_root);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
