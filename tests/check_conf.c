/* check_conf.c - loading: which files are read, how they are merged, what a
 * service is in the end, and that -T prints a file that loads to the same. */
#include "conf-internal.h"
#include "conf_help.h"

#include <fcntl.h>

/* ---- one file ---- */

START_TEST(defaults_of_the_table)
{
	load_good("[a]\nlisten = 127.0.0.1:7007\n" CAT);

	const struct conf_service *a = service("a");

	ck_assert_uint_eq(conf->service_count, 1);
	ck_assert_uint_eq(a->where.line, 1);
	ck_assert_str_eq(a->where.path, place("services.ini"));
	ck_assert_uint_eq(a->listen.count, 1);
	ck_assert_str_eq(a->program, "/bin/cat");
	ck_assert_uint_eq(a->exec.count, 1);
	ck_assert_ptr_null(a->exec.items[1]);
	ck_assert(!a->wait && !a->disable && a->no_new_privileges);
	ck_assert_str_eq(a->description, "");
	ck_assert_str_eq(a->directory, "/");
	ck_assert_ptr_null(a->chroot);
	ck_assert_uint_eq(a->umask, 022);
	ck_assert(!a->nice.set && !a->oom_score_adj.set && !a->rlimit[CONF_RLIMIT_AS].set);
	ck_assert(a->rlimit[CONF_RLIMIT_NOFILE].set);
	ck_assert_uint_eq(a->rlimit[CONF_RLIMIT_NOFILE].soft, 1024);
	ck_assert_int_eq((int)a->stderr_target.kind, CONF_STDERR_LOG);
	ck_assert_uint_eq(a->socket.backlog, 4096);
	ck_assert_ptr_null(a->socket.interface);
	ck_assert_uint_eq(a->socket.keepalive_ns, 300 * NS_PER_S);
	ck_assert_uint_eq(a->socket.socket_mode, 0600);
	ck_assert_uint_eq(a->socket.socket_uid, (uid_t)-1);
	ck_assert_uint_eq(a->socket.socket_gid, (gid_t)-1);
	ck_assert_uint_eq(a->limits.instances, 100);
	ck_assert_uint_eq(a->kill_after_ns, 5 * NS_PER_S);
	ck_assert_int_eq(conf->daemon.log_level, 3);
	ck_assert_uint_eq(conf->daemon.max_sessions, 0);
	ck_assert_uint_eq(conf->daemon.drain_timeout_ns, 30 * NS_PER_S);
	ck_assert_ptr_null(conf->daemon.pid_file);
}
END_TEST

START_TEST(own_before_defaults)
{
	/* [defaults] holds wherever it stands. */
	load_good("[a]\nlisten = 127.0.0.1:7007\n" CAT "umask = 077\n"
		  "[b]\nlisten = 127.0.0.1:7008\n" CAT
		  "[defaults]\numask = 027\ninstances = 7\nrlimit_core = 0\n");
	ck_assert_uint_eq(service("a")->umask, 077);
	ck_assert_uint_eq(service("b")->umask, 027);
	ck_assert_uint_eq(service("a")->limits.instances, 7);
	ck_assert(service("b")->rlimit[CONF_RLIMIT_CORE].set);
	ck_assert_str_eq(conf->services[0].name, "a");
	ck_assert_str_eq(conf->services[1].name, "b");
}
END_TEST

START_TEST(ports)
{
	load_good(
		"[ports] ; one line each\n7007 = /bin/cat -u\n127.0.0.1:7008 = /bin/cat\n[::1]:7009 = /bin/cat\n"
		"7013/udp = /bin/cat \"a b\"\n  c\n");
	ck_assert_uint_eq(conf->service_count, 4);
	ck_assert_uint_eq(service("7007")->listen.count, 2);
	ck_assert_uint_eq(service("7007")->where.line, 2);
	ck_assert_str_eq(service("7007")->exec.items[1], "-u");
	ck_assert_uint_eq(service("127.0.0.1:7008")->listen.count, 1);
	ck_assert_uint_eq(service("[::1]:7009")->listen.count, 1);
	ck_assert_int_eq((int)service("7013/udp")->listen.items[0].kind, ENDPOINT_UDP);
	ck_assert_uint_eq(service("7013/udp")->exec.count, 3);
	ck_assert_str_eq(service("7013/udp")->exec.items[2], "c");
}
END_TEST

START_TEST(variables)
{
	load_good("[a]\nlisten = 127.0.0.1:7007\n" CAT
		  "pass_env = TZ, A, NOT_SET\nenv = A=inside, PATH=/x, B='a b'\n"
		  "[b]\nlisten = 127.0.0.1:7008\n" CAT);

	const struct conf_service *a = service("a");

	ck_assert_str_eq(variable(a, "TZ"), "UTC");
	ck_assert_str_eq(variable(a, "A"), "inside");
	ck_assert_str_eq(variable(a, "PATH"), "/x");
	ck_assert_str_eq(variable(a, "B"), "a b");
	ck_assert_ptr_null(variable(a, "NOT_SET"));
	ck_assert_str_eq(variable(a, "USHERD_SERVICE"), "a");
	ck_assert_str_eq(variable(a, "USER"), a->identity.name);
	ck_assert_str_eq(variable(a, "LOGNAME"), a->identity.name);
	ck_assert_str_eq(variable(a, "HOME"), a->identity.home);
	ck_assert_str_eq(variable(a, "SHELL"), a->identity.shell);
	ck_assert_uint_eq(a->environment.count, 9);
	ck_assert_ptr_null(a->environment.items[9]);
	ck_assert_ptr_null(variable(service("b"), "TZ"));
	ck_assert_uint_eq(service("b")->environment.count, 6);
	ck_assert_str_eq(variable(service("b"), "PATH"),
			 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}
END_TEST

START_TEST(wait_has_one_instance)
{
	load_good("[defaults]\ninstances = 50\n[a]\nlisten = 127.0.0.1:7007/udp\n" CAT "wait = yes\n");
	ck_assert_uint_eq(service("a")->limits.instances, 1);
}
END_TEST

START_TEST(defaults_that_do_not_apply)
{
	load_good("[defaults]\nnodelay = yes\nsocket_mode = 0666\nfreebind = yes\n"
		  "[a]\nlisten = unix:/tmp/a\n" CAT "[b]\nlisten = 127.0.0.1:7008\n" CAT);
	ck_assert_uint_eq(service("a")->socket.socket_mode, 0666);
	ck_assert(service("b")->socket.nodelay);
}
END_TEST

START_TEST(disabled_may_lack_its_program)
{
	load_good("[a]\nlisten = 127.0.0.1:7007\nexec = /nonexistent\ndisable = yes\nuser = nosuchuser\n"
		  "[b]\nlisten = 127.0.0.1:7007\n" CAT);
	ck_assert(service("a")->disable);
	ck_assert_ptr_null(service("a")->program);
}
END_TEST

START_TEST(references)
{
	load_good("[a]\nlisten = 127.0.0.1:7007\n" CAT);
	ck_assert_ptr_eq(conf_ref(conf), conf);
	conf_unref(conf);
	ck_assert_str_eq(service("a")->name, "a");
	conf_unref(NULL);
}
END_TEST

/* ---- several files ---- */

START_TEST(parts_in_order)
{
	ck_assert_int_eq(mkdir(place("services.d"), 0755), 0);
	put("services.d/b.ini", 0644, "[b]\nlisten = 127.0.0.1:7002\n" CAT "[ports]\n7102 = /bin/cat\n");
	put("services.d/a.ini", 0644, "[a]\nlisten = 127.0.0.1:7001\n" CAT "[ports]\n7101 = /bin/cat\n");
	put("services.d/Z.ini", 0644, "[z]\nlisten = 127.0.0.1:7003\n" CAT);
	put("services.d/.hidden.ini", 0644, "nonsense\n");
	put("services.d/a.ini~", 0644, "nonsense\n");
	put("services.d/a.ini.bak", 0644, "nonsense\n");
	put("services.d/#a.ini#", 0644, "nonsense\n");
	put("services.d/README", 0644, "nonsense\n");
	load_good("[defaults]\numask = 077\n[main]\nlisten = 127.0.0.1:7000\n" CAT);

	static const char *const names[] = {"main", "z", "a", "7101", "b", "7102"};

	ck_assert_uint_eq(conf->service_count, ELEMENTS(names));
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		ck_assert_str_eq(conf->services[i].name, names[i]);
		ck_assert_uint_eq(conf->services[i].umask, 077);
	}
	ck_assert_str_eq(service("a")->where.path, place("services.d/a.ini"));
}
END_TEST

START_TEST(main_sections_in_parts)
{
	ck_assert_int_eq(mkdir(place("services.d"), 0755), 0);
	put("services.ini", 0644, "[a]\nlisten = 127.0.0.1:7001\n" CAT);
	put("services.d/a.ini", 0644, "[defaults]\nuser = root\n");
	load_bad("services.ini", "this section belongs in the main file, ");
	ck_assert_str_eq(errors.items[0].subject, "[defaults]");
	put("services.d/a.ini", 0644, "[usherd]\nlog = syslog\n");
	load_bad("services.ini", "this section belongs in the main file, ");
}
END_TEST

START_TEST(twice_in_two_files)
{
	char where[PATH_MAX];

	ck_assert_int_eq(mkdir(place("services.d"), 0755), 0);
	put("services.ini", 0644, "\n[a]\nlisten = 127.0.0.1:7001\n" CAT);
	put("services.d/a.ini", 0644, "[a]\nlisten = 127.0.0.1:7002\n" CAT);
	snprintf(where, sizeof(where), "already at %s:2", place("services.ini"));
	load_bad("services.ini", where);
	ck_assert_str_eq(errors.items[0].path, place("services.d/a.ini"));
	ck_assert_uint_eq(errors.items[0].line, 1);
}
END_TEST

START_TEST(includes)
{
	char text[PATH_MAX + 100];

	ck_assert_int_eq(mkdir(place("more"), 0755), 0);
	put("more/x.ini", 0644, "[x]\nlisten = 127.0.0.1:7001\n" CAT);
	put("more/y.conf", 0644, "nonsense\n");
	put("one.conf", 0644, "[one]\nlisten = 127.0.0.1:7002\n" CAT);
	snprintf(text, sizeof(text), "[usherd]\ninclude = more,\n  %s\n", place("one.conf"));
	load_good(text);
	ck_assert_uint_eq(conf->service_count, 2);
	ck_assert_str_eq(conf->services[0].name, "x");

	put("services.ini", 0644, "[usherd]\ninclude = one.conf, more/../one.conf\n");
	load_bad("services.ini", "this file is read already, as ");
	put("services.ini", 0644, "[usherd]\ninclude = services.ini\n");
	load_bad("services.ini", "this file is read already, as ");
}
END_TEST

START_TEST(errors_in_order_of_files)
{
	ck_assert_int_eq(mkdir(place("services.d"), 0755), 0);
	put("services.ini", 0644,
	    "[usherd]\ninclude = inc.ini\n[a]\nlisten = 127.0.0.1:7001\nexec = /nonexistent\nx = 1\n");
	put("services.d/b.ini", 0644, "[b]\nlisten = 127.0.0.1:7001\nexec = /nonexistent\nx = 1\n");
	put("services.d/a.ini", 0644, "[c]\nx = 1\nlisten = 127.0.0.1:7003\n" CAT);
	put("inc.ini", 0644, "[d]\nlisten = 127.0.0.1:7001\n" CAT);
	ck_assert_int_eq(load_with("services.ini", false, NULL), -EINVAL);

	static const struct {
		const char *file;
		unsigned line;
	} expected[] = {{"services.ini", 5},     {"services.ini", 6},     {"services.d/a.ini", 2},
			{"services.d/b.ini", 2}, {"services.d/b.ini", 3}, {"services.d/b.ini", 4},
			{"inc.ini", 2}};

	ck_assert_uint_eq(errors.count, ELEMENTS(expected));
	for (size_t i = 0; i < errors.count; i++) {
		ck_assert_str_eq(errors.items[i].path, place(expected[i].file));
		ck_assert_uint_eq(errors.items[i].line, expected[i].line);
	}
}
END_TEST

START_TEST(errors_as_text)
{
	char *text = NULL, expected[PATH_MAX + 200];
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	put("services.ini", 0644, "[a]\nlisten = 127.0.0.1:7001\n" CAT "instnaces = 3\n[\n");
	ck_assert_int_eq(load_with("services.ini", false, NULL), -EINVAL);
	conf_errors_print(&errors, stream);
	fclose(stream);
	snprintf(expected, sizeof(expected),
		 "%s:4: a.instnaces: unknown key 'instnaces'; did you mean 'instances'?\n"
		 "%s:5: the section line has no closing ']'\n",
		 place("services.ini"), place("services.ini"));
	ck_assert_str_eq(text, expected);
	free(text);
}
END_TEST

START_TEST(too_many_errors)
{
	FILE *file = fopen(place("services.ini"), "we");

	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < CONF_ERRORS_MAX + 10; i++)
		fputs("x\n", file);
	fclose(file);
	ck_assert_int_eq(load_with("services.ini", false, NULL), -EINVAL);
	ck_assert_uint_eq(errors.count, CONF_ERRORS_MAX);
	ck_assert_uint_eq(errors.left_out, 10);
}
END_TEST

/* ---- files that are none ---- */

START_TEST(no_files)
{
	static const char nul[] = "[a]\nlisten = 127.0.0.1:7001\nexec = /bin/cat\nuser = root\0x\n";
	char nothing[] = "";

	load_bad("missing", "No such file or directory");
	ck_assert_uint_eq(errors.items[0].line, 0);
	ck_assert_int_eq(mkdir(place("directory"), 0755), 0);
	load_bad("directory", "a directory, not a file");
	ck_assert_int_eq(mkfifo(place("fifo"), 0644), 0);
	load_bad("fifo", "a FIFO, not a file");
	ck_assert_int_eq(symlink("loop", place("loop")), 0);
	load_bad("loop", "Too many levels of symbolic links");
	ck_assert_int_eq(symlink("/dev/zero", place("zero")), 0);
	load_bad("zero", "a device, not a file");
	put("empty", 0644, nothing);
	load_bad("empty", "no service is configured");
	put("large", 0644, nothing);
	ck_assert_int_eq(truncate(place("large"), 17 << 20), 0);
	load_bad("large", "too large; at most 16 MiB");
	ck_assert_int_eq(truncate(place("large"), 1 << 20), 0);
	load_bad("large", "NUL");

	int fd = open(place("nul"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ck_assert_int_eq((int)write(fd, nul, sizeof(nul) - 1), (int)sizeof(nul) - 1);
	close(fd);
	load_bad("nul", "NUL");
	put("cr", 0644, "[a]\rlisten = 7\rexec = /bin/cat\r");
	load_bad("cr", "carriage return");

	put("good", 0644, "[a]\nlisten = 127.0.0.1:7001\n" CAT);
	put("services.d", 0644, "");
	load_bad("good", "cannot read the directory: Not a directory");
}
END_TEST

START_TEST(read_error)
{
	/* A regular file whose read fails: the memory of a process at address 0. */
	struct conf_environment environment = {.services_directory = directory};

	ck_assert_int_eq(conf_load("/proc/self/mem", &environment, &conf, &errors), -EINVAL);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_ptr_nonnull(strstr(errors.items[0].reason, "cannot read the file: "));
}
END_TEST

/* ---- -T ---- */

static char *print_all(void)
{
	char *text = print_conf(), *to, *from;

	/* Where something was written is another place each time. */
	to = from = text;
	while (*from != '\0') {
		size_t length = strcspn(from, "\n") + 1;

		if (*from != ';') {
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	*to = '\0';
	return text;
}

START_TEST(print_and_load)
{
	put("mine", 0755, "#!/bin/sh\n");
	load_good(
		"[usherd]\nlog = file:/var/log/x y\nlog_format = json\nlog_level = debug\npid_file = /run/x\n"
		"max_sessions = 7\ndrain_timeout = 90s\n"
		"[defaults]\nenv = A='x;y'\\;z, B=\"c,d\"\ninstances = 7\nkeepalive = no\n"
		"[ports]\n7001 = cat 'a b' \\; \"it's\"\n[::1]:7002 = mine\n7003/udp = ./mine\n"
		"[a]\nlisten = unix:/tmp/a, unix:@b\n" CAT
		"socket_mode = 0666\nsocket_user = root\ndescription = some text, 'x\n"
		"[b]\nlisten = 127.0.0.1:7005-7007, vsock:5\n" CAT
		"wait = yes\nnice = 5\noom_score_adj = 500\nrlimit_core = 0\n"
		"rlimit_cpu = 10s:1min\nrlimit_as = 1G:unlimited\nstderr = file:/tmp/x y\numask = 0027\npass_env = TZ\n"
		"defer_accept = 250ms\nrcvbuf = 64k\ninterface = lo\nfreebind = on\nkill_after = 0\n"
		"[c]\nlisten = 127.0.0.1:7008\nexec = /nonexistent\ndisable = yes\n");

	_cleanup_free_ char *once = print_all();

	ck_assert_ptr_nonnull(strstr(once, "= 10s:1min\n"));
	ck_assert_ptr_nonnull(strstr(once, "[[::1]:7002]\n"));
	load_good(once);

	_cleanup_free_ char *twice = print_all();

	ck_assert_str_eq(once, twice);
}
END_TEST

/* Values longer than a line may be are printed in several. */
START_TEST(print_long_lists)
{
	load_good("[a]\nlisten = 127.0.0.1:10000-19999, [::1]:10000-10100\n"
		  "exec = /bin/cat aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa user = root "
		  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb [b]\n"
		  "env = A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, user=x\n");

	_cleanup_free_ char *once = print_all();

	load_good(once);
	ck_assert_uint_eq(service("a")->listen.count, 10101);
	ck_assert_uint_eq(service("a")->exec.count, 7);
	ck_assert_str_eq(variable(service("a"), "user"), "x");

	_cleanup_free_ char *twice = print_all();

	ck_assert_str_eq(once, twice);
}
END_TEST

/* ---- the command line ---- */

static int load_command(const char *const *listens, const char *const *options, char *const *command)
{
	struct conf_environment environment = {.services_directory = directory};
	size_t listen_count = 0, option_count = 0;

	while (listens[listen_count] != NULL)
		listen_count++;
	while (options[option_count] != NULL)
		option_count++;
	conf_unref(conf);
	conf = NULL;
	conf_errors_free(&errors);
	return conf_from_command_line(listens, listen_count, options, option_count, command, &environment,
				      &conf, &errors);
}

START_TEST(command_line)
{
	const char *const listens[] = {"127.0.0.1:7001", "7002/udp", NULL};
	const char *const options[] = {"instances=3", "log_level = debug", "env=A='x y'", NULL};
	char *const command[] = {(char[]){"/bin/cat"}, (char[]){"a b"},  (char[]){";"},
				 (char[]){""},         (char[]){"it's"}, NULL};

	ck_assert_int_eq(load_command(listens, options, command), 0);
	ck_assert_uint_eq(conf->service_count, 1);
	ck_assert_str_eq(conf->services[0].name, "cat");
	ck_assert_str_eq(conf->services[0].where.path, "command line");
	ck_assert_uint_eq(conf->services[0].where.line, 0);
	ck_assert_uint_eq(conf->services[0].listen.count, 3);
	ck_assert_uint_eq(conf->services[0].limits.instances, 3);
	ck_assert_uint_eq(conf->services[0].exec.count, 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(conf->services[0].exec.items[i], command[i]);
	ck_assert_str_eq(variable(&conf->services[0], "A"), "x y");
	ck_assert_int_eq(conf->daemon.log_level, 4);

	_cleanup_free_ char *once = print_all();

	load_good(once);

	_cleanup_free_ char *twice = print_all();

	ck_assert_str_eq(once, twice);
}
END_TEST

START_TEST(command_line_errors)
{
	const char *const listens[] = {"70000", NULL};
	const char *const options[] = {"instnaces=3", "wait",       "umask=9",        "nice=1", "nice=2",
				       "include=/x",  "env=A=' ;'", "directory=a\nb", NULL};
	const char *const subjects[] = {"instnaces", "wait",   "nice",  "include", "env",
					"directory", "listen", "umask", "exec"};
	char *const command[] = {(char[]){"/nonexistent"}, NULL};

	ck_assert_int_eq(load_command(listens, options, command), -EINVAL);
	ck_assert_uint_eq(errors.count, ELEMENTS(subjects));
	for (size_t i = 0; i < errors.count; i++) {
		ck_assert_str_eq(errors.items[i].path, "command line");
		ck_assert_uint_eq(errors.items[i].line, 0);
		ck_assert_str_eq(errors.items[i].subject, subjects[i]);
	}
}
END_TEST

START_TEST(command_line_without)
{
	const char *const none[] = {NULL};
	char *const command[] = {NULL};

	ck_assert_int_eq(load_command(none, none, command), -EINVAL);
	ck_assert_uint_eq(errors.count, 2);
}
END_TEST

/* ---- size ---- */

START_TEST(ten_thousand)
{
	FILE *file = fopen(place("services.ini"), "we");

	ck_assert_ptr_nonnull(file);
	for (unsigned i = 0; i < 10000; i++)
		fprintf(file, "[s%u]\nlisten = %u\nexec = cat\ninstances = 5\n", i, 20000 + i);
	fclose(file);
	ck_assert_int_eq(load_with("services.ini", false, NULL), 0);
	ck_assert_uint_eq(conf->service_count, 10000);
	ck_assert_str_eq(conf->services[9999].name, "s9999");
	ck_assert_uint_eq(conf->services[9999].listen.count, 2);
	ck_assert_ptr_eq(conf->services[0].program, conf->services[9999].program);
	ck_assert_ptr_eq(conf->services[0].identity.name, conf->services[9999].identity.name);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf");
	TCase *all = tcase_create("load");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, defaults_of_the_table);
	tcase_add_test(all, own_before_defaults);
	tcase_add_test(all, ports);
	tcase_add_test(all, variables);
	tcase_add_test(all, wait_has_one_instance);
	tcase_add_test(all, defaults_that_do_not_apply);
	tcase_add_test(all, disabled_may_lack_its_program);
	tcase_add_test(all, references);
	tcase_add_test(all, parts_in_order);
	tcase_add_test(all, main_sections_in_parts);
	tcase_add_test(all, twice_in_two_files);
	tcase_add_test(all, includes);
	tcase_add_test(all, errors_in_order_of_files);
	tcase_add_test(all, errors_as_text);
	tcase_add_test(all, too_many_errors);
	tcase_add_test(all, no_files);
	tcase_add_test(all, read_error);
	tcase_add_test(all, print_and_load);
	tcase_add_test(all, print_long_lists);
	tcase_add_test(all, command_line);
	tcase_add_test(all, command_line_errors);
	tcase_add_test(all, command_line_without);
	tcase_add_test(all, ten_thousand);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
