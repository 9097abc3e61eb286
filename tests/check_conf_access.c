/* check_conf_access.c - who may connect, from files: lists and what is wrong in them, shared
 * and renewed. */
#include "conf_access_help.h"

/* ---- in the configuration itself ---- */

START_TEST(no_rules)
{
	load_good("[defaults]\nallow = \n" A B "deny =\n");
	ck_assert_ptr_null(service("a")->limits.access);
	ck_assert_ptr_null(service("b")->limits.access);
}
END_TEST

START_TEST(inline_rules)
{
	load_good(A "allow = 10.0.0.0/8, 192.0.2.7\n  loopback\ndeny = 10.1.0.0/16\n");
	expect_rule("a", "10.2.0.1", true, place("services.ini"), 4);
	expect_rule("a", "192.0.2.7", true, place("services.ini"), 4);
	expect_rule("a", "127.0.0.1", true, place("services.ini"), 4);
	expect_rule("a", "10.1.0.1", false, place("services.ini"), 6);
	ck_assert(!admits("a", "192.0.2.8", NULL));
	ck_assert_uint_eq(service("a")->allow.count, 4);
	ck_assert_uint_eq(service("a")->deny.count, 1);
}
END_TEST

/* Each list is inherited for itself, whole, and an empty one drops what was inherited. */
START_TEST(inherited)
{
	load_good("[defaults]\nallow = 10.0.0.0/8\ndeny = 10.1.0.0/16\n" A B "allow = all\n"
		  "[c]\nlisten = 127.0.0.1:7009\n" CAT "allow =\n"
		  "[d]\nlisten = 127.0.0.1:7010\n" CAT "allow =\ndeny =\n"
		  "[e]\nlisten = 127.0.0.1:7011\n" CAT "deny = \n");
	expect_rule("a", "10.0.0.1", true, place("services.ini"), 2);
	expect_rule("a", "10.1.0.1", false, place("services.ini"), 3);
	ck_assert(!admits("a", "192.0.2.1", NULL));
	expect_rule("b", "192.0.2.1", true, place("services.ini"), 10);
	expect_rule("b", "10.1.0.1", false, place("services.ini"), 3);
	ck_assert(admits("c", "192.0.2.1", NULL));
	ck_assert(!admits("c", "10.1.0.1", NULL));
	ck_assert_ptr_null(service("d")->limits.access);
	ck_assert(admits("e", "10.1.0.1", NULL));
	ck_assert(!admits("e", "192.0.2.1", NULL));
}
END_TEST

START_TEST(many_words)
{
	static char text[200000];
	char *at;

	for (unsigned count = 4096; count <= 4097; count++) {
		at = text + sprintf(text, A "allow =");
		for (unsigned i = 0; i < count; i++)
			at += sprintf(at, "%s 10.0.%u.%u", i > 0 && i % 100 == 0 ? "\n " : "", i / 256, i % 256);
		sprintf(at, "\n");
		if (count == 4096)
			load_good(text);
		else
			load_errors(text, 1);
	}
	expect_error(0, place("services.ini"), 4, "file:PATH");
}
END_TEST

/* -T writes what loads to the same, with lists by their whole paths. */
START_TEST(print_and_load)
{
	put("list", 0644, "192.0.2.0/24\n");
	put("a b;c", 0644, "198.51.100.0/24\n");
	load_good("[defaults]\ndeny = 10.0.0.0/8\n" A
		  "allow = loopback, all, uid:root, gid:0, cid:3, ::ffff:10.0.0.0/104, file:list, 2001:DB8::/32, "
		  "fe80::1, 192.0.2.1, 192.0.2.2, 192.0.2.3 'file:./a b;c' 192.0.2.4, 192.0.2.5, ::1, ::/0\n" B
		  "allow =\ndeny =\n"
		  "[c]\nlisten = 127.0.0.1:7009\n" CAT "allow = all\ndeny =\nwait = yes\n");

	_cleanup_free_ char *once = print_conf();
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "file:%s,", place("list"));
	ck_assert_msg(strstr(once, path) != NULL, "%s", once);
	ck_assert_ptr_nonnull(strstr(once, "127.0.0.0/8, ::1, all, uid:0, gid:0, cid:3, 10.0.0.0/8"));
	expect_rule("a", "198.51.100.7", true, place("a b;c"), 1);
	put("again.ini", 0644, once);
	ck_assert_int_eq(load_with("again.ini", false, NULL), 0);
	expect_rule("a", "198.51.100.7", true, place("a b;c"), 1);
	ck_assert_ptr_null(service("b")->limits.access);

	_cleanup_free_ char *twice = print_conf();

	/* The comments name the file. */
	ck_assert_uint_gt(strlen(once), 500);
	for (char *left = once, *right = twice; *left != '\0' || *right != '\0';) {
		size_t length = strcspn(left, "\n"), other = strcspn(right, "\n");

		if (*left != ';')
			ck_assert_msg(length == other && strncmp(left, right, length) == 0, "%.*s\n%.*s",
				      (int)length, left, (int)other, right);
		left += length + (left[length] != '\0');
		right += other + (right[other] != '\0');
	}
}
END_TEST

/* ---- lists ---- */

START_TEST(list)
{
	put("list", 0644,
	    "\xef\xbb\xbf# a comment\n; another\n\n  \t\n10.0.0.0/8\n\t192.0.2.7 ; why\r\n192.0.2.8#\n"
	    "\r\n192.0.2.9\t# x\n;\nloopback\n2001:db8::/32\n198.51.100.1");
	load_good(A "allow = file:list, 203.0.113.0/24\ndeny = 10.1.0.0/16\n");
	expect_rule("a", "10.0.0.1", true, place("list"), 5);
	expect_rule("a", "192.0.2.7", true, place("list"), 6);
	expect_rule("a", "192.0.2.9", true, place("list"), 9);
	expect_rule("a", "127.0.0.1", true, place("list"), 11);
	expect_rule("a", "198.51.100.1", true, place("list"), 13);
	expect_rule("a", "203.0.113.5", true, place("services.ini"), 4);
	expect_rule("a", "10.1.0.1", false, place("services.ini"), 5);
	ck_assert(!admits("a", "192.0.2.10", NULL));
}
END_TEST

/* What allows nobody must not allow everybody. */
START_TEST(empty_list)
{
	put("list", 0644, "# nobody\n");
	put("none", 0644, "");
	load_good(A "allow = file:list\n" B "deny = file:none\n");
	ck_assert(!admits("a", "10.0.0.1", NULL));
	ck_assert(!admits("a", "127.0.0.1", NULL));
	ck_assert(admits("b", "10.0.0.1", NULL));
	ck_assert_uint_eq(conf->warnings.count, 1);
	ck_assert_uint_eq(conf->warnings.items[0].line, 4);
	ck_assert_str_eq(conf->warnings.items[0].subject, "a.allow");
}
END_TEST

static const struct {
	const char *line, *part;
} bad_lines[] = {
	{ "example.org", "names are not resolved" },
	{ "10.0.0.1/8", "write 10.0.0.0/8" },
	{ "10.0.0.0/33", "32 bits" },
	{ "10.0.0.0/8 10.1.0.0/16", "one network" },
	{ "10.0.0.0/8, 10.1.0.0/16", "one network" },
	{ "10.0.0.0/8,", "number of bits" },
	{ "file:other", "a list cannot be named here" },
	{ "\"10.0.0.0/8\"", "names are not resolved" },
	{ "10.0.0.0/8\r\r", "number of bits" },
	{ "allow = 10.0.0.0/8", "one network" },
	{ "\xef\xbb\xbf"
	  "10.0.0.0/8",
	  "names are not resolved" },
};

START_TEST(bad_line)
{
	char text[200];

	snprintf(text, sizeof(text), "10.0.0.0/8\n%s\n192.0.2.0/24\n", bad_lines[_i].line);
	put("list", 0644, text);
	load_errors(A "deny = file:list\n", 1);
	expect_error(0, place("list"), 2, bad_lines[_i].part);
	ck_assert_ptr_null(errors.items[0].subject);
}
END_TEST

static void put_bytes(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(place(name), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(bytes_that_are_no_list)
{
	static const char nul[] = "10.0.0.0/8\n192.0.2.0\0/24\n192.0.2.9\nx\n";
	char text[1100];

	put_bytes("list", nul, sizeof(nul) - 1);
	load_errors(A "deny = file:list\n", 1);
	expect_error(0, place("list"), 2, "NUL");

	/* 1000 bytes are read, 1001 are not. */
	memset(text, ' ', sizeof(text));
	memcpy(text, "10.0.0.1", 8);
	text[1000] = '\n';
	put_bytes("list", text, 1001);
	load_good(A "deny = file:list\n");
	text[1000] = ' ';
	text[1001] = '\n';
	put_bytes("list", text, 1002);
	load_errors(A "deny = file:list\n", 1);
	expect_error(0, place("list"), 1, "too long");
}
END_TEST

START_TEST(files_that_are_no_list)
{
	load_errors(A "allow = file:missing\n", 1);
	expect_error(0, place("services.ini"), 4, "No such file");
	ck_assert_str_eq(errors.items[0].subject, "a.allow");
	ck_assert_ptr_nonnull(strstr(errors.items[0].reason, place("missing")));

	ck_assert_int_eq(mkdir(place("directory"), 0755), 0);
	load_errors(A "allow = file:directory\n", 1);
	expect_error(0, place("services.ini"), 4, "a directory");

	/* Nobody will ever write to it. */
	ck_assert_int_eq(mkfifo(place("fifo"), 0644), 0);
	load_errors(A "deny = file:fifo\n", 1);
	expect_error(0, place("services.ini"), 4, "a FIFO");

	load_errors(A "deny = file:/dev/zero\n", 1);
	expect_error(0, place("services.ini"), 4, "a device");

	put("file", 0644, "");
	load_errors(A "deny = file:file/list\n", 1);
	expect_error(0, place("services.ini"), 4, "Not a directory");
}
END_TEST

START_TEST(unreadable_list)
{
	bool is_root = geteuid() == 0;

	put("list", 0000, "10.0.0.0/8\n");
	put("services.ini", 0644, A "allow = file:list\n");
	if (is_root)
		ck_assert_int_eq(seteuid(65534), 0);

	int r = load_with("services.ini", false, NULL);

	if (is_root)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_uint_eq(errors.count, 1);
	expect_error(0, place("services.ini"), 4, "Permission denied");
}
END_TEST

/* Who may write the list may decide who connects. */
START_TEST(list_of_others)
{
	put("list", 0666, "10.0.0.0/8\n");
	put("services.ini", 0644, A "allow = file:list\n");
	ck_assert_int_eq(chmod(place("list"), 0666), 0);
	ck_assert_int_eq(load_with("services.ini", true, NULL), -EINVAL);
	ck_assert_uint_eq(errors.count, 1);
	expect_error(0, place("services.ini"), 4, "can be written by others");
	ck_assert_int_eq(chmod(place("list"), 0644), 0);
	ck_assert_int_eq(load_with("services.ini", true, NULL), 0);
}
END_TEST

START_TEST(wrong_in_two_lists)
{
	put("z", 0644, "x\n\ny\n");
	put("y", 0644, "10.0.0.0/8\nx\n");
	load_errors(A "allow = file:z, file:y\n" B "deny = file:missing, file:z\nallow = nonsense\n", 5);
	expect_error(0, place("services.ini"), 8, "missing");
	expect_error(1, place("services.ini"), 9, "not resolved");
	expect_error(2, place("y"), 2, "not resolved");
	expect_error(3, place("z"), 1, "not resolved");
	expect_error(4, place("z"), 3, "not resolved");
}
END_TEST

/* The list of a service that is not offered may be missing, as may its program: then it is known why
 * it cannot be offered. */
START_TEST(disabled)
{
	load_good("[defaults]\ndeny =\n" A "allow = file:missing\ndisable = yes\n" B);
	ck_assert_ptr_null(service("a")->limits.access);
	ck_assert_str_eq(service("a")->allow.rules[0].path, place("missing"));
	ck_assert_ptr_nonnull(service("a")->lacks);
	ck_assert_str_eq(service("a")->lacks->subject, "a.allow");
	ck_assert_uint_eq(service("a")->lacks->line, 6);
	ck_assert_ptr_nonnull(strstr(service("a")->lacks->reason, "No such file"));
	ck_assert_ptr_null(service("b")->lacks);
}
END_TEST

/* What is wrong in a list is told once; but all that name it lack it, and those that share what was
 * compiled of it. */
START_TEST(disabled_with_one_bad_list)
{
	put("list", 0644, "10.0.0.0/8\nrubbish\n");
	load_good(A "deny = file:list\ndisable = yes\n"
		    "[c]\nlisten = 127.0.0.1:4096\nexec = /bin/true\ndeny = file:list\ndisable = yes\n"
		    "[d]\nlisten = 127.0.0.1:4097\nexec = /bin/true\ndeny = file:list, 192.0.2.1\ndisable = yes\n" B);
	ck_assert_str_eq(service("a")->lacks->path, place("list"));
	ck_assert_uint_eq(service("a")->lacks->line, 2);
	for (const char *name = "c"; name != NULL; name = name[0] == 'c' ? "d" : NULL) {
		ck_assert_ptr_nonnull(service(name)->lacks);
		ck_assert_ptr_nonnull(strstr(service(name)->lacks->reason, "could not be read whole"));
		ck_assert_ptr_null(service(name)->limits.access);
	}
}
END_TEST

/* A path begins where the file is that names it. */
START_TEST(relative_paths)
{
	ck_assert_int_eq(mkdir(place("services.d"), 0755), 0);
	put("list", 0644, "10.0.0.0/8\n");
	put("services.d/list", 0644, "192.0.2.0/24\n");
	put("services.d/b.ini", 0644, B "deny = file:./list\n");
	load_good(A "deny = file:list\n");
	expect_rule("a", "10.0.0.1", false, place("list"), 1);
	expect_rule("b", "192.0.2.1", false, place("services.d/list"), 1);
	ck_assert(admits("b", "10.0.0.1", NULL));

	/* Of a file that was named by a relative path itself. */
	ck_assert_int_eq(chdir(directory), 0);
	conf_unref(conf);
	conf = NULL;

	struct conf_environment environment = { .services_directory = directory };

	ck_assert_int_eq(conf_load("services.ini", &environment, &conf, &errors), 0);
	expect_rule("a", "10.0.0.1", false, place("list"), 1);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(command_line)
{
	struct conf_environment environment = { .services_directory = directory };
	const char *const listens[] = { "127.0.0.1:7001" };
	const char *const options[] = { "allow=10.0.0.0/8, file:list", "deny = 10.1.0.0/16" };
	char *const command[] = { (char[]){ "/bin/cat" }, NULL };

	put("list", 0644, "192.0.2.0/24\n");
	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_int_eq(
		conf_from_command_line(listens, 1, options, 2, command, &environment, &conf, &errors), 0);
	expect_rule("cat", "10.0.0.1", true, "command line", 0);
	expect_rule("cat", "10.1.0.1", false, "command line", 0);
	expect_rule("cat", "192.0.2.1", true, place("list"), 1);
	ck_assert_str_eq(conf_origin_of(&conf->services[0], "deny").path, "command line");
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* ---- shared and renewed ---- */

START_TEST(shared)
{
	put("list", 0644, "10.0.0.0/8\n");
	load_good("[defaults]\ndeny = 192.0.2.0/24\n" A B "[c]\nlisten = 127.0.0.1:7009\n" CAT
		  "deny = file:list\n"
		  "[d]\nlisten = 127.0.0.1:7010\n" CAT "deny = file:list\n"
		  "[e]\nlisten = 127.0.0.1:7011\n" CAT "allow = file:list\ndeny =\n"
		  "[f]\nlisten = 127.0.0.1:7012\n" CAT "deny = file:list, 192.0.2.0/24\n"
		  "[g]\nlisten = 127.0.0.1:7013\n" CAT "deny = file:list, 192.0.2.0/24\n");
	ck_assert_ptr_eq(service("a")->limits.access, service("b")->limits.access);
	ck_assert_ptr_eq(service("c")->limits.access, service("d")->limits.access);
	ck_assert_ptr_ne(service("a")->limits.access, service("c")->limits.access);
	/* The same list to allow and to deny. */
	ck_assert_ptr_ne(service("c")->limits.access, service("e")->limits.access);
	ck_assert(!admits("d", "10.0.0.1", NULL));
	ck_assert(admits("e", "10.0.0.1", NULL));
	ck_assert(!admits("e", "11.0.0.1", NULL));
	/* Where lines stand they are each service's own. */
	expect_rule("f", "192.0.2.1", false, place("services.ini"), 25);
	expect_rule("g", "192.0.2.1", false, place("services.ini"), 29);
	ck_assert_ptr_eq(service("c")->limits.access, service("d")->limits.access);
}
END_TEST

START_TEST(reloaded)
{
	struct conf *old;

	put("list", 0644, "10.0.0.0/8\n");
	load_good(A "deny = file:list\n");
	ck_assert(!admits("a", "10.0.0.1", NULL));
	old = conf_ref(conf);

	put("list", 0644, "192.0.2.0/24\n");
	load_good(A "deny = file:list\n");
	ck_assert(admits("a", "10.0.0.1", NULL));
	ck_assert(!admits("a", "192.0.2.1", NULL));

	/* The old rules hold as long as somebody has them. */
	struct peer peer = ipv4("10.0.0.1");
	const struct access_rule *rule;

	ck_assert(!access_allows(old->services[0].limits.access, &peer, NULL, 0, &rule));
	ck_assert_str_eq(rule->path, place("list"));
	conf_unref(old);
}
END_TEST

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void put_long_list(const char *name, unsigned count, unsigned wrong)
{
	FILE *file = fopen(place(name), "we");

	ck_assert_ptr_nonnull(file);
	for (unsigned i = 1; i <= count; i++)
		if (i == wrong)
			fprintf(file, "10.0.%u\n", i);
		else if (i % 2)
			fprintf(file, "%u.%u.%u.0/24\n", 1 + i / 65536, i / 256 % 256, i % 256);
		else
			fprintf(file, "2001:db8:%x:%x::/64\n", i / 256, i % 256);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(long_list)
{
	put_long_list("list", 100000, 70000);
	load_errors(A "deny = file:list\n" B "deny = file:list\n", 1);
	expect_error(0, place("list"), 70000, "10.0.70000");

	put_long_list("list", 100000, 0);

	double start = seconds();

	load_good(A "deny = file:list\n");

	double loaded = seconds() - start;

	printf("# a list of 100000 networks: loaded in %.0f ms\n", loaded * 1e3);
	ck_assert_double_lt(loaded, 5);
	expect_rule("a", "1.1.1.1", false, place("list"), 257);
	expect_rule("a", "2.134.159.7", false, place("list"), 99999);
}
END_TEST

static double load_ten_thousand(const char *defaults, const char *each)
{
	FILE *file = fopen(place("services.ini"), "we");
	double start;

	ck_assert_ptr_nonnull(file);
	fputs(defaults, file);
	for (unsigned i = 0; i < 10000; i++)
		fprintf(file, "[s%u]\nlisten = %u\nexec = cat\n%s", i, 20000 + i, each);
	ck_assert_int_eq(fclose(file), 0);
	start = seconds();
	ck_assert_int_eq(load_with("services.ini", false, NULL), 0);
	ck_assert_uint_eq(conf->service_count, 10000);
	return seconds() - start;
}

/* One list for ten thousand services takes as long as one for one. */
START_TEST(ten_thousand_share)
{
	put_long_list("list", 100000, 0);

	double without = load_ten_thousand("", "");
	double in_defaults = load_ten_thousand("[defaults]\ndeny = file:list\n", "");

	ck_assert_ptr_nonnull(conf->services[0].limits.access);
	ck_assert_ptr_eq(conf->services[0].limits.access, conf->services[9999].limits.access);
	ck_assert_ptr_eq(conf->services[0].default_origins, conf->services[9999].default_origins);

	double in_each = load_ten_thousand("", "deny = file:list\n");

	ck_assert_ptr_eq(conf->services[0].limits.access, conf->services[9999].limits.access);
	printf("# 10000 services: %.0f ms; with 100000 networks in [defaults] %.0f ms, named by each %.0f ms\n",
	       without * 1e3, in_defaults * 1e3, in_each * 1e3);
	ck_assert_double_lt(in_defaults, without + 5);
	ck_assert_double_lt(in_each, without + 5);
}
END_TEST

START_TEST(too_many_lines)
{
	_cleanup_free_ char *text = malloc(1000010);

	ck_assert_ptr_nonnull(text);
	memset(text, '\n', 1000010);
	put_bytes("list", text, 1000000);
	load_good(A "deny = file:list\n");
	put_bytes("list", text, 1000001);
	load_errors(A "deny = file:list\n", 1);
	expect_error(0, place("list"), 1000001, "too long");
}
END_TEST

/* Larger than any file of configuration may be. */
START_TEST(large_list)
{
	FILE *file = fopen(place("list"), "we");

	ck_assert_ptr_nonnull(file);
	for (unsigned i = 0; i < 400000; i++)
		fprintf(file, "%u.%u.%u.0/24 %37s\n", 1 + i / 65536, i / 256 % 256, i % 256, "# why");
	ck_assert_int_eq(fclose(file), 0);
	load_good(A "deny = file:list\n");
	expect_rule("a", "7.26.127.1", false, place("list"), 400000);

	ck_assert_int_eq(truncate(place("list"), 64 * 1024 * 1024 + 1), 0);
	load_errors(A "deny = file:list\n", 1);
	expect_error(0, place("services.ini"), 4, "at most 64 MiB");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_access");
	TCase *all = tcase_create("access");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, no_rules);
	tcase_add_test(all, inline_rules);
	tcase_add_test(all, inherited);
	tcase_add_test(all, many_words);
	tcase_add_test(all, print_and_load);
	tcase_add_test(all, list);
	tcase_add_test(all, empty_list);
	tcase_add_loop_test(all, bad_line, 0, ELEMENTS(bad_lines));
	tcase_add_test(all, bytes_that_are_no_list);
	tcase_add_test(all, files_that_are_no_list);
	tcase_add_test(all, unreadable_list);
	tcase_add_test(all, list_of_others);
	tcase_add_test(all, wrong_in_two_lists);
	tcase_add_test(all, disabled);
	tcase_add_test(all, disabled_with_one_bad_list);
	tcase_add_test(all, relative_paths);
	tcase_add_test(all, command_line);
	tcase_add_test(all, shared);
	tcase_add_test(all, reloaded);
	tcase_add_test(all, long_list);
	tcase_add_test(all, ten_thousand_share);
	tcase_add_test(all, too_many_lines);
	tcase_add_test(all, large_list);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
