/* check_conf_who.c - what a configuration may name: programs, users and groups;
 * and who may write the files (failure items F14, F42, F49). Run as root these
 * say more than for others. */
#include "conf_help.h"

#include <pwd.h>

/* ---- programs ---- */

START_TEST(programs)
{
	static const struct {
		const char *text, *part;
	} bad[] = {
		{"echo hello\n", "a text that the kernel does not execute; add a first line #!/bin/sh"},
		{"", "is empty"},
		{"#!/nonexistent/sh\n", "the program in its first line, /nonexistent/sh: No such file"},
		{"#!/bin/sh\r\nexit\r\n", "its lines end in CR LF"},
		{"#!\n", "names no program"},
		{"#!/etc/passwd\n", "is not executable"},
		{"#!/etc\n", "is a directory"},
	};

	put("mine", 0755, "#!/bin/sh -e\n");
	put("odd", 0755, "\x7f\x01\x02strange\x03");
	load_good("[a]\nlisten = 127.0.0.1:7001\nexec = mine x\n[b]\nlisten = 127.0.0.1:7002\nexec = ./mine\n"
		  "[c]\nlisten = 127.0.0.1:7003\nexec = cat\n[d]\nlisten = 127.0.0.1:7004\nexec = odd\n");
	ck_assert_str_eq(service("a")->program, place("mine"));
	ck_assert_str_eq(service("a")->exec.items[0], "mine");
	ck_assert_str_eq(service("b")->program, place("mine"));
	ck_assert_str_eq(service("b")->exec.items[0], place("mine"));
	ck_assert(strcmp(service("c")->program, "/usr/bin/cat") == 0 ||
		  strcmp(service("c")->program, "/bin/cat") == 0);

	put("services.ini", 0644, "[a]\nlisten = 127.0.0.1:7001\nexec = mine x\n");
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		put("mine", 0755, bad[i].text);
		load_bad("services.ini", bad[i].part);
		conf_errors_free(&errors);
	}
}
END_TEST

START_TEST(program_of_another_user)
{
	if (geteuid() != 0)
		return;
	put("mine", 0700, "#!/bin/sh\n");
	put("services.ini", 0644, "[a]\nlisten = 127.0.0.1:7001\nexec = mine\n");
	load_bad("services.ini", "cannot be executed by the user nobody (mode 0700, owner 0, group 0)");
	load_good("[a]\nlisten = 127.0.0.1:7001\nexec = mine\nuser = root\n");

	/* A way that is barred is as good as a wrong mode. */
	put("mine", 0755, "#!/bin/sh\n");
	put("services.ini", 0644, "[a]\nlisten = 127.0.0.1:7001\nexec = mine\n");
	ck_assert_int_eq(chmod(directory, 0700), 0);
	load_bad("services.ini", "the user nobody may not enter the directory");
	load_good("[a]\nlisten = 127.0.0.1:7001\nexec = mine\nuser = root\n");
}
END_TEST

START_TEST(program_inside_chroot)
{
	char text[PATH_MAX * 2];

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(mkdir(place("root"), 0755), 0);
	ck_assert_int_eq(mkdir(place("root/bin"), 0755), 0);
	put("root/bin/sh", 0755,
	    "\x7f"
	    "ELF");
	put("root/bin/mine", 0755, "#!/bin/sh\n");
	/* A link inside leads to what lies inside. */
	ck_assert_int_eq(symlink("/bin/mine", place("root/link")), 0);
	snprintf(text, sizeof(text),
		 "[a]\nlisten = 127.0.0.1:7001\nexec = mine\nchroot = %s\n[b]\nlisten = 127.0.0.1:7002\n"
		 "exec = /link\nchroot = %s\n",
		 place("root"), place("root"));
	load_good(text);
	ck_assert_str_eq(service("a")->program, "/bin/mine");
	ck_assert_str_eq(service("b")->program, "/link");
	ck_assert_int_eq(unlink(place("root/bin/sh")), 0);
	ck_assert_int_eq(load_with("services.ini", false, NULL), -EINVAL);
	ck_assert_uint_eq(errors.count, 2);
	ck_assert_ptr_nonnull(strstr(errors.items[0].reason, "inside the root directory"));
}
END_TEST

/* ---- identities ---- */

START_TEST(own_user)
{
	const struct passwd *self = getpwuid(geteuid());
	char text[300];

	if (self == NULL)
		return;
	snprintf(text, sizeof(text),
		 "[a]\nlisten = 127.0.0.1:7001\n" CAT "user = %s\n[b]\nlisten = 127.0.0.1:7002\n" CAT
		 "user = %u\n",
		 self->pw_name, self->pw_uid);
	if (geteuid() == 0) {
		/* Root by its number could be a slip. */
		put("services.ini", 0644, text);
		load_bad("services.ini", "user = root");
		snprintf(text, sizeof(text),
			 "[a]\nlisten = 127.0.0.1:7001\n" CAT "user = %s\n[b]\nlisten = 127.0.0.1:7002\n" CAT
			 "user = root\n",
			 self->pw_name);
	}
	load_good(text);
	ck_assert_uint_eq(service("a")->identity.uid, geteuid());
	ck_assert_uint_eq(service("b")->identity.uid, geteuid());
	ck_assert_str_eq(service("a")->identity.home, self->pw_dir);
	ck_assert_str_eq(service("b")->identity.name, self->pw_name);
	ck_assert(service("a")->identity.change == (geteuid() == 0));
}
END_TEST

START_TEST(users_when_root)
{
	if (geteuid() != 0)
		return;
	load_good("[a]\nlisten = 127.0.0.1:7001\n" CAT "[b]\nlisten = 127.0.0.1:7002\n" CAT
		  "user = 54321\ngroup = 54322\n[c]\nlisten = 127.0.0.1:7003\n" CAT
		  "user = daemon\ngroups = tty 7\n"
		  "[d]\nlisten = 127.0.0.1:7004\n" CAT "user = daemon\ngroup = tty\ngroups = none\n"
		  "[e]\nlisten = 127.0.0.1:7005\n" CAT "user = daemon\n");

	const struct conf_identity *b = &service("b")->identity, *c = &service("c")->identity,
				   *e = &service("e")->identity;

	ck_assert_str_eq(service("a")->user, "nobody");
	ck_assert_str_eq(service("a")->identity.name, "nobody");
	ck_assert_uint_eq(b->uid, 54321);
	ck_assert_uint_eq(b->gid, 54322);
	ck_assert_uint_eq(b->group_count, 0);
	ck_assert_str_eq(b->name, "54321");
	ck_assert_str_eq(b->home, "/");
	ck_assert_str_eq(b->shell, "/bin/sh");
	ck_assert_uint_eq(c->group_count, 2);
	ck_assert_uint_eq(c->groups[0], 5);
	ck_assert_uint_eq(c->groups[1], 7);
	ck_assert_uint_eq(service("d")->identity.gid, 5);
	ck_assert_uint_eq(service("d")->identity.group_count, 0);
	ck_assert_uint_ge(e->group_count, 1);
	ck_assert_uint_eq(e->groups[0], e->gid);
}
END_TEST

START_TEST(users_when_not_root)
{
	static const struct {
		const char *key, *part;
	} bad[] = {
		{"user = root", "only root can start services as another user"},
		{"group = root", "only root can start services with another group"},
		{"groups = none", "only root can change the groups"},
		{"chroot = /", "only root can change the root directory"},
		{"rlimit_nofile = 1073741816", "only root can raise this limit"},
		{"nice = -20", "only root can ask for more than the priority"},
	};

	if (geteuid() == 0) {
		ck_assert_int_eq(chown(directory, 65533, 65534), 0);
		ck_assert_int_eq(setgid(65534), 0);
		ck_assert_int_eq(setuid(65533), 0);
	}
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		char text[200];

		snprintf(text, sizeof(text), "[a]\nlisten = 127.0.0.1:7001\n" CAT "%s\n", bad[i].key);
		put("services.ini", 0644, text);
		load_bad("services.ini", bad[i].part);
		ck_assert_uint_eq(errors.items[0].line, 4);
	}
	load_good("[a]\nlisten = 127.0.0.1:7001\n" CAT);
	ck_assert(!service("a")->identity.change);
	ck_assert_uint_eq(service("a")->identity.uid, geteuid());
	ck_assert_uint_eq(service("a")->identity.gid, getegid());
}
END_TEST

/* ---- F49 ---- */

START_TEST(ownership)
{
	char part[PATH_MAX + 40];

	if (geteuid() != 0)
		return;
	put("services.ini", 0600, "[a]\nlisten = 127.0.0.1:7001\n" CAT);
	ck_assert_int_eq(load_with("services.ini", true, NULL), 0);

	static const struct {
		mode_t mode;
		uid_t uid;
		const char *name, *part;
	} bad[] = {
		{0666, 0, "services.ini", "(mode 0666, owner 0, group 0) can be written by others"},
		{0664, 0, "services.ini", "(mode 0664, owner 0, group 0) can be written by others"},
		{0600, 65534, "services.ini", "(mode 0600, owner 65534, group 0) belongs to another user"},
		{0777, 0, "", "(mode 0777, owner 0, group 0) can be written by others"},
		{0775, 0, "", "(mode 0775, owner 0, group 0) can be written by others"},
		{0755, 65534, "", "(mode 0755, owner 65534, group 0) belongs to another user"},
	};

	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		const char *path = bad[i].name[0] != '\0' ? place(bad[i].name) : directory;

		ck_assert_int_eq(chown(path, bad[i].uid, 0), 0);
		ck_assert_int_eq(chmod(path, bad[i].mode), 0);
		snprintf(part, sizeof(part), "%s %s", path, bad[i].part);
		ck_assert_int_eq(load_with("services.ini", true, NULL), -EINVAL);
		ck_assert_msg(strstr(errors.items[0].reason, part) != NULL, "%s", errors.items[0].reason);
		ck_assert_int_eq(load_with("services.ini", false, NULL), 0);
		ck_assert_int_eq(chown(path, 0, 0), 0);
		ck_assert_int_eq(chmod(path, bad[i].name[0] != '\0' ? 0600 : 0700), 0);
	}
}
END_TEST

START_TEST(ownership_through_links)
{
	if (geteuid() != 0)
		return;
	put("real.ini", 0600, "[a]\nlisten = 127.0.0.1:7001\n" CAT);
	ck_assert_int_eq(mkdir(place("open"), 0755), 0);
	ck_assert_int_eq(symlink("../real.ini", place("open/services.ini")), 0);
	ck_assert_int_eq(load_with("open/services.ini", true, NULL), 0);

	/* The link itself can be exchanged by whoever may write where it lies. */
	ck_assert_int_eq(chmod(place("open"), 0777), 0);
	ck_assert_int_eq(load_with("open/services.ini", true, NULL), -EINVAL);
	ck_assert_int_eq(chmod(place("open"), 01777), 0);
	ck_assert_int_eq(load_with("open/services.ini", true, NULL), 0);
	ck_assert_int_eq(lchown(place("open/services.ini"), 65534, 0), 0);
	ck_assert_int_eq(load_with("open/services.ini", true, NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(errors.items[0].reason, "belongs to another user"));
	ck_assert_int_eq(lchown(place("open/services.ini"), 0, 0), 0);
	ck_assert_int_eq(chmod(place("real.ini"), 0606), 0);
	ck_assert_int_eq(load_with("open/services.ini", true, NULL), -EINVAL);
}
END_TEST

/* What is sent to every client is a file that nobody else may choose. */
START_TEST(ownership_of_messages)
{
	char part[PATH_MAX + 40], text[PATH_MAX + 100];

	if (geteuid() != 0)
		return;
	put("motd", 0666, "hello\n");
	snprintf(text, sizeof(text), "[a]\nlisten = 127.0.0.1:7001\n" CAT "banner_refused = file:%s\n",
		 place("motd"));
	put("services.ini", 0600, text);
	ck_assert_int_eq(load_with("services.ini", true, NULL), -EINVAL);
	snprintf(part, sizeof(part), "%s (mode 0666, owner 0, group 0) can be written by others",
		 place("motd"));
	ck_assert_msg(strstr(errors.items[0].reason, part) != NULL, "%s", errors.items[0].reason);
	ck_assert_uint_eq(errors.items[0].line, 4);
	ck_assert_int_eq(load_with("services.ini", false, NULL), 0);
	ck_assert_int_eq(chmod(place("motd"), 0644), 0);
	ck_assert_int_eq(load_with("services.ini", true, NULL), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_who");
	TCase *all = tcase_create("who");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, programs);
	tcase_add_test(all, program_of_another_user);
	tcase_add_test(all, program_inside_chroot);
	tcase_add_test(all, own_user);
	tcase_add_test(all, users_when_root);
	tcase_add_test(all, users_when_not_root);
	tcase_add_test(all, ownership);
	tcase_add_test(all, ownership_through_links);
	tcase_add_test(all, ownership_of_messages);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
