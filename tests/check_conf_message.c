/* check_conf_message.c - messages to clients who are refused: their size, their files, and
 * any bytes. */
#include "conf_help.h"
#include "conf_type_help.h"

/* ---- messages: their size, and files ---- */

START_TEST(message_size)
{
	struct bench bench;
	char text[CONF_MESSAGE_MAX * 4 + 8] = "";

	open_bench(&bench);
	/* What counts is what is sent. */
	for (int i = 0; i < CONF_MESSAGE_MAX; i++)
		strcat(text, "\\x00");
	ck_assert_int_eq(parse(&bench, &conf_type_message, 0, 0, text), 0);

	const struct conf_message *message = (const void *)&bench.field;

	ck_assert_uint_eq(message->length, CONF_MESSAGE_MAX);
	for (int i = 0; i < CONF_MESSAGE_MAX; i++)
		ck_assert_int_eq(message->bytes[i], 0);
	strcat(text, "a");
	ck_assert_int_eq(parse(&bench, &conf_type_message, 0, 0, text), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "1025 bytes, at most 1024") != NULL, "%s", bench.reason);
	close_bench(&bench);
}
END_TEST

static void put_bytes(const char *name, size_t size)
{
	FILE *file = fopen(place(name), "we");

	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < size; i++)
		fputc((int)(i & 0xff), file);
	ck_assert_int_eq(fclose(file), 0);
}

static int parse_file(struct bench *bench, const char *name)
{
	char text[PATH_MAX + 8];

	snprintf(text, sizeof(text), "file:%s", place(name));
	return parse(bench, &conf_type_message, 0, 0, text);
}

START_TEST(message_file)
{
	struct bench bench;
	const struct conf_message *message = (const void *)&bench.field;

	open_bench(&bench);
	put_bytes("good", CONF_MESSAGE_MAX);
	ck_assert_msg(parse_file(&bench, "good") == 0, "%s", bench.reason);
	ck_assert_uint_eq(message->length, CONF_MESSAGE_MAX);
	ck_assert_str_eq(message->path, place("good"));
	for (int i = 0; i < CONF_MESSAGE_MAX; i++)
		ck_assert_int_eq((unsigned char)message->bytes[i], i & 0xff);

	/* -T names the file, not what is in it. */
	_cleanup_free_ char *text = print_field(&bench, &conf_type_message);

	ck_assert_int_eq(strncmp(text, "file:/", 6), 0);
	ck_assert_str_eq(text + 5, place("good"));
	close_bench(&bench);
}
END_TEST

START_TEST(message_bad_file)
{
	struct bench bench;

	open_bench(&bench);
	put_bytes("large", CONF_MESSAGE_MAX + 1);
	ck_assert_int_eq(parse_file(&bench, "large"), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "1025 bytes, at most 1024") != NULL, "%s", bench.reason);
	put_bytes("larger", 70000);
	ck_assert_int_eq(parse_file(&bench, "larger"), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "70000 bytes") != NULL, "%s", bench.reason);
	put_bytes("empty", 0);
	ck_assert_int_eq(parse_file(&bench, "empty"), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "is empty") != NULL, "%s", bench.reason);
	ck_assert_int_eq(mkfifo(place("fifo"), 0600), 0);
	ck_assert_int_eq(parse_file(&bench, "fifo"), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "not a regular file") != NULL, "%s", bench.reason);
	close_bench(&bench);
}
END_TEST

/* A file whose size is said to be 0 has bytes all the same. */
START_TEST(message_file_of_no_size)
{
	struct bench bench;

	open_bench(&bench);
	ck_assert_msg(parse(&bench, &conf_type_message, 0, 0, "file:/proc/self/comm") == 0, "%s",
		      bench.reason);
	ck_assert_uint_gt(((const struct conf_message *)(const void *)&bench.field)->length, 1);
	ck_assert_int_eq(parse(&bench, &conf_type_message, 0, 0, "file:/proc/self/smaps"), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "at most 1024") != NULL, "%s", bench.reason);
	/* Nothing is mapped where this begins. */
	ck_assert_int_eq(parse(&bench, &conf_type_message, 0, 0, "file:/proc/self/mem"), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "cannot be read") != NULL, "%s", bench.reason);
	close_bench(&bench);
}
END_TEST

/* Any bytes come back, and nothing of the text starts a comment. */
START_TEST(any_message)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < 2000; round++) {
		static const char likely[] = " ;\\\"'#\t\nnx";
		struct bench bench;
		char bytes[16];
		size_t length = 1 + (size_t)rand_r(&seed) % sizeof(bytes);
		struct conf_message *message = (void *)&bench.field;

		open_bench(&bench);
		for (size_t i = 0; i < length; i++)
			bytes[i] = rand_r(&seed) % 2 ? (char)rand_r(&seed) :
						       likely[(size_t)rand_r(&seed) % (sizeof(likely) - 1)];
		*message = (struct conf_message){ .bytes = bytes, .length = length };

		_cleanup_free_ char *text = print_field(&bench, &conf_type_message);

		ck_assert_ptr_null(strstr(text, " ;"));
		ck_assert(text[0] != ' ' && text[strlen(text) - 1] != ' ');
		*message = (struct conf_message){ 0 };
		ck_assert_msg(parse(&bench, &conf_type_message, 0, 0, text) == 0, "%s: %s", text,
			      bench.reason);
		ck_assert_uint_eq(message->length, length);
		ck_assert_int_eq(memcmp(message->bytes, bytes, length), 0);
		close_bench(&bench);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_message");
	TCase *types = tcase_create("types");
	TCase *loads = tcase_create("loads");

	tcase_add_test(types, message_size);
	tcase_add_test(types, message_file_of_no_size);
	tcase_add_test(types, any_message);
	suite_add_tcase(suite, types);
	tcase_add_checked_fixture(loads, set_up, tear_down);
	tcase_add_test(loads, message_file);
	tcase_add_test(loads, message_bad_file);
	suite_add_tcase(suite, loads);
	return suite;
}

RUN_SUITE(make_suite)
