/* check_digest.c - SHA-256 in pieces, reading to the end, and the hash of a configuration:
 * the bytes of all files in the order of reading. */
#include "digest.h"

#include "core_help.h"
#include "read-full.h"

static const char *digest_of(const char *const *parts)
{
	static char text[DIGEST_TEXT_MAX];
	struct digest digest;

	digest_begin(&digest);
	for (; *parts != NULL; parts++)
		digest_add(&digest, *parts, strlen(*parts));
	digest_end(&digest, text);
	return text;
}

#define DIGEST(...) digest_of((const char *const[]){ __VA_ARGS__, NULL })

/* FIPS 180-2, and what sha256sum(1) says. */
START_TEST(known)
{
	ck_assert_str_eq(DIGEST(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	ck_assert_str_eq(DIGEST("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert_str_eq(DIGEST("a", "b", "", "c"),
			 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(read_in_pieces)
{
	char bytes[16];
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], "abcdefgh", 8), 8);
	ck_assert_int_eq(read_full(ends[0], bytes, 5), 5);
	ck_assert_int_eq(memcmp(bytes, "abcde", 5), 0);
	close(ends[1]);
	ck_assert_int_eq(read_full(ends[0], bytes, sizeof(bytes)), 3);
	ck_assert_int_eq(read_full(ends[0], bytes, sizeof(bytes)), 0);
	close(ends[0]);
	ck_assert_int_eq(read_full(ends[0], bytes, sizeof(bytes)), -EBADF);
	ck_assert_int_eq(read_full(ends[0], bytes, 0), 0);
}
END_TEST

/* ---- of a configuration ---- */

static const char *folder;

static void set_up(void)
{
	folder = make_folder();
}

static void tear_down(void)
{
	const char *path = path_in(folder, "services.d");

	if (access(path, F_OK) == 0)
		remove_folder(path);
	remove_folder(folder);
}

/* Of the snapshot; a static buffer. */
static const char *hash_of(const char *text)
{
	static char hash[DIGEST_TEXT_MAX];
	struct conf *conf = conf_of(folder, text);

	memcpy(hash, conf->hash, sizeof(hash));
	conf_unref(conf);
	return hash;
}

#define SERVICE "[a]\nlisten = unix:@a\nexec = /bin/cat\n"

/* One plain file: what sha256sum(1) says of it. Comments count as well. */
START_TEST(one_file)
{
	ck_assert_str_eq(hash_of(SERVICE), DIGEST(SERVICE));
	ck_assert_str_eq(hash_of(SERVICE "; \xff no more\n"), DIGEST(SERVICE, "; \xff no more\n"));
}
END_TEST

/* In this order: the main file, those of services.d, those that are included, messages, lists. */
START_TEST(all_files)
{
	char main_file[1024];
	const char *list = path_in(folder, "list"), *banner = path_in(folder, "banner"),
		   *more = path_in(folder, "more.ini");

	ck_assert_int_eq(mkdir(path_in(folder, "services.d"), 0755), 0);
	write_file(path_in(folder, "services.d/b.ini"), 0600, "[b]\nlisten = unix:@b\nexec = /bin/cat\n");
	write_file(more, 0600, "[c]\nlisten = unix:@c\nexec = /bin/cat\n");
	write_file(list, 0600, "uid:7\n");
	write_file(banner, 0600, "hello");
	snprintf(main_file, sizeof(main_file),
		 "[usherd]\ninclude = more.ini\n" SERVICE "deny = file:%s\nbanner = file:%s\n", list, banner);
	ck_assert_str_eq(hash_of(main_file),
			 DIGEST(main_file, "[b]\nlisten = unix:@b\nexec = /bin/cat\n",
				"[c]\nlisten = unix:@c\nexec = /bin/cat\n", "hello", "uid:7\n"));
	write_file(list, 0600, "uid:8\n");
	ck_assert_str_eq(hash_of(main_file),
			 DIGEST(main_file, "[b]\nlisten = unix:@b\nexec = /bin/cat\n",
				"[c]\nlisten = unix:@c\nexec = /bin/cat\n", "hello", "uid:8\n"));
}
END_TEST

START_TEST(command_line)
{
	static char *const nothing[] = { NULL };
	const struct conf_environment environment = { .services_directory = folder, .environ = nothing };
	const char *listens[] = { "unix:@a" }, *options[] = { "instances=3" };
	char cat[] = "/bin/cat", *command[] = { cat, NULL };
	struct conf_errors errors = { .count = 0 };
	struct conf *confs[2];

	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(conf_from_command_line(listens, 1, options, i, command, &environment,
							&confs[i], &errors),
				 0);
	ck_assert_str_ne(confs[0]->hash, confs[1]->hash);
	ck_assert_uint_eq(strlen(confs[0]->hash), 64);
	for (size_t i = 0; i < 2; i++)
		conf_unref(confs[i]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("digest");
	TCase *alone = tcase_create("alone"), *conf = tcase_create("configuration");

	tcase_add_test(alone, known);
	tcase_add_test(alone, read_in_pieces);
	suite_add_tcase(suite, alone);
	tcase_add_checked_fixture(conf, set_up, tear_down);
	tcase_add_test(conf, one_file);
	tcase_add_test(conf, all_files);
	tcase_add_test(conf, command_line);
	suite_add_tcase(suite, conf);
	return suite;
}

RUN_SUITE(make_suite)
