/* e2e_identity.c - as whom services run: the default, the keys, what is gone
 * and cannot be had back, and users that do not exist (F40 to F42). */
#include "harness.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT_ONLY SKIP_IF(getuid() != 0, "needs to be started as root")

static void check_ids(const char *view, uid_t uid, gid_t gid)
{
	char line[128];

	snprintf(line, sizeof(line), "Uid: %u %u %u %u", uid, uid, uid, uid);
	ck_assert_line(view, line);
	snprintf(line, sizeof(line), "Gid: %u %u %u %u", gid, gid, gid, gid);
	ck_assert_line(view, line);
}

/* The Groups line must name exactly these, in any order. */
static void check_groups(const char *view, const gid_t *groups, int count)
{
	const char *at = strstr(view, "\nGroups:");
	int seen = 0;

	ck_assert_ptr_nonnull(at);
	at += strlen("\nGroups:");
	for (;;) {
		while (*at == ' ')
			at++;
		if (*at == '\n' || *at == '\0')
			break;
		char *end;
		gid_t gid = (gid_t)strtoul(at, &end, 10);
		bool wanted = false;

		for (int i = 0; i < count; i++)
			wanted |= groups[i] == gid;
		ck_assert_msg(wanted, "group %u is too much in:\n%s", gid, view);
		seen++;
		at = end;
	}
	ck_assert_msg(seen == count, "%d groups, want %d, in:\n%s", seen, count, view);
}

static void foreign_groups(void *context)
{
	gid_t groups[] = { 4, 27, 1234, 4321 };

	(void)context;
	(void)!setgroups(4, groups);
}

static char *view_with(const char *keys)
{
	char config[512];

	snprintf(config, sizeof(config), "[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\n%s\n", keys);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = config, .prepare = foreign_groups });
	char *view = ask(1, NULL);

	daemon_oracle(daemon);
	daemon_stop(daemon);
	return view;
}

START_TEST(default_is_nobody)
{
	ROOT_ONLY;
	const struct passwd *nobody = getpwnam("nobody");
	gid_t groups[64];
	int count = 64;

	ck_assert_ptr_nonnull(nobody);
	getgrouplist("nobody", nobody->pw_gid, groups, &count);
	char *view = view_with("");

	check_ids(view, nobody->pw_uid, nobody->pw_gid);
	check_groups(view, groups, count);
	ck_assert_match(view, "^CapEff: 0+$");
	ck_assert_match(view, "^CapPrm: 0+$");
	ck_assert_match(view, "^CapInh: 0+$");
	ck_assert_match(view, "^CapAmb: 0+$");
}
END_TEST

START_TEST(user_and_its_groups)
{
	ROOT_ONLY;
	const struct passwd *games = getpwnam("games");
	gid_t groups[64];
	int count = 64;

	SKIP_IF(games == NULL, "no user games here");
	uid_t uid = games->pw_uid;
	gid_t gid = games->pw_gid;

	getgrouplist("games", gid, groups, &count);
	char *view = view_with("user = games");

	check_ids(view, uid, gid);
	check_groups(view, groups, count);
	ck_assert_line(view, "env USER=games");
	ck_assert_line(view, "env LOGNAME=games");
}
END_TEST

START_TEST(group_and_groups)
{
	ROOT_ONLY;
	const struct passwd *nobody = getpwnam("nobody");
	const struct group *adm = getgrnam("adm"), *group;
	gid_t groups[2];

	SKIP_IF(nobody == NULL || adm == NULL, "no group adm here");
	groups[0] = adm->gr_gid;
	group = getgrnam("audio");
	SKIP_IF(group == NULL, "no group audio here");
	groups[1] = group->gr_gid;
	group = getgrnam("daemon");
	SKIP_IF(group == NULL, "no group daemon here");
	gid_t main_group = group->gr_gid;
	char *view = view_with("group = daemon\ngroups = adm, audio");

	check_ids(view, nobody->pw_uid, main_group);
	/* initgroups(3) adds the main group; both forms are right. */
	gid_t with_main[] = { groups[0], groups[1], main_group };
	bool has_main = has_match(view, "^Groups: (.* )?1( |$)");

	check_groups(view, with_main, has_main ? 3 : 2);
}
END_TEST

START_TEST(root_must_be_said)
{
	ROOT_ONLY;
	char *view = view_with("user = root");

	check_ids(view, 0, 0);
	ck_assert_line(view, "env HOME=/root");
	ck_assert_no_match(view, "^Groups:.*1234");
}
END_TEST

START_TEST(root_is_gone_for_good)
{
	ROOT_ONLY;
	struct daemon *daemon = daemon_start("[try]\nlisten = 127.0.0.1:$1\nexec = $PROBE regain\n");

	ask_many(1, NULL, "regained 0\n", 3, 0);
	daemon_stop(daemon);
}
END_TEST

/* Each way to start a service goes through the same door (F48). */
static const char *const ways[] = {
	"listen = 127.0.0.1:$1\nexec = $PROBE",
	"listen = 127.0.0.1:$1\nwait = yes\nexec = $PROBE accept",
	"listen = 127.0.0.1:$1/udp\nexec = $PROBE",
	"listen = 127.0.0.1:$1/udp\nwait = yes\nexec = $PROBE receive",
};

START_TEST(one_door)
{
	ROOT_ONLY;
	const struct passwd *user = getpwnam("daemon");

	SKIP_IF(user == NULL, "no user daemon here");
	uid_t uid = user->pw_uid;
	gid_t gid = user->pw_gid;
	char config[512], *view;

	snprintf(config, sizeof(config), "[view]\n%s\nuser = daemon\n", ways[_i]);
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = config, .prepare = foreign_groups });

	if (strstr(ways[_i], "/udp") != NULL) {
		int fd = udp_connect("127.0.0.1", test_port(1));

		send_text(fd, "x");
		view = read_piece(fd, PATIENCE_MS, NULL);
		ck_assert_ptr_nonnull(view);
	} else {
		view = ask(1, NULL);
	}
	check_ids(view, uid, gid);
	ck_assert_no_match(view, "^Groups:.*1234");
	ck_assert_match(view, "^CapEff: 0+$");
	daemon_stop(daemon);
}
END_TEST

static const char *const wrong_users[] = {
	"0day",      "0x0", "-1", "4294967295", "4294967296", "no-such-user", "18446744073709551616",
	"root:root", "0 0",
};

START_TEST(user_must_exist)
{
	const char *words[] = { "-t", "-c", "$DIR/services.ini", NULL };
	char config[512], *output;

	snprintf(config, sizeof(config), "[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\nuser = %s\n",
		 wrong_users[_i]);
	daemon_configure(config);
	int status = run_usherd(words, &output);

	ck_assert_msg(status == 78, "user = %s: exit %d, %s", wrong_users[_i], status, output);
	ck_assert_match(output, "services.ini:4: view.user: ");
}
END_TEST

START_TEST(unprivileged_may_only_be_itself)
{
	SKIP_IF(getuid() == 0, "needs to be started as another user than root");
	const char *words[] = { "-t", "-c", "$DIR/services.ini", NULL };
	char *output;

	daemon_configure("[view]\nlisten = 127.0.0.1:$1\nexec = $PROBE\nuser = root\n");
	ck_assert_int_eq(run_usherd(words, &output), 78);
	ck_assert_match(output, "services.ini:4: view.user: ");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("identity");
	TCase *identity = harness_case(suite, "identity", 60);

	tcase_add_test(identity, default_is_nobody);
	tcase_add_test(identity, user_and_its_groups);
	tcase_add_test(identity, group_and_groups);
	tcase_add_test(identity, root_must_be_said);
	tcase_add_test(identity, root_is_gone_for_good);
	tcase_add_loop_test(identity, one_door, 0, (int)(sizeof(ways) / sizeof(ways[0])));
	tcase_add_loop_test(identity, user_must_exist, 0,
			    (int)(sizeof(wrong_users) / sizeof(wrong_users[0])));
	tcase_add_test(identity, unprivileged_may_only_be_itself);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
