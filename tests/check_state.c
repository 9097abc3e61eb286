/* check_state.c - records through a sealed memory file; and all that can be wrong with one. */
#include "base.h"
#include "service-state.h"
#include "state.h"

#include "run.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *name_of(size_t index)
{
	static const char *const names[] = { "one", "two", "three" };

	return names[index];
}

static int write_all(int *ret_fd, int *ret_pipe)
{
	struct peer peer = { .family = PEER_IPV4, .port = 40112, .ip = { 192, 0, 2, 255 } };
	struct peer_key key = { .family = PEER_IPV6, .bytes = { 0x20, 0x01, [15] = 0xfe } };
	const uint64_t counts[] = { 7, 0, UINT64_MAX };
	struct state_writer *writer;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(state_writer_new("1.2.3", &writer), 0);
	state_begin(writer, "thing");
	state_put_number(writer, "number", 812);
	state_put_number(writer, "for_ever", UINT64_MAX);
	state_put_signed(writer, "signed", -5);
	state_put_flag(writer, "flag", true);
	state_put_text(writer, "text", "a \"b\"\\\n\xff\xc3\x7f");
	state_put_text(writer, "nothing", NULL);
	state_put_bytes(writer, "bytes", "\0\1\xfe", 3);
	state_put_peer(writer, "peer", &peer);
	state_put_key(writer, "key", &key);
	state_put_fd(writer, "fd", ends[0]);
	state_put_fd(writer, "none", -1);
	state_put_numbers(writer, "numbers", counts, 3);
	state_put_counts(writer, "counts", counts, 3, name_of);
	state_end(writer);
	ck_assert_int_eq(state_finish(writer, ret_fd), 0);
	state_writer_free(writer);
	close(ends[1]);
	*ret_pipe = ends[0];
	return 0;
}

static int look(void *context, struct state_record *record)
{
	unsigned *seen = context;
	uint64_t numbers[4], counts[3];
	unsigned char bytes[4];
	struct peer_key key;
	struct peer peer;

	(*seen)++;
	ck_assert_uint_eq(state_get_number(record, "number", 1000), 812);
	ck_assert_uint_eq(state_get_number(record, "for_ever", UINT64_MAX), UINT64_MAX);
	ck_assert_int_eq(state_get_signed(record, "signed"), -5);
	ck_assert(state_get_flag(record, "flag") && !state_get_flag(record, "missing"));
	ck_assert_str_eq(state_get_text(record, "text"), "a \"b\"\\\n\xff\xc3\x7f");
	ck_assert_ptr_null(state_get_text(record, "nothing"));
	ck_assert_uint_eq(state_get_bytes(record, "bytes", bytes, sizeof(bytes)), 3);
	ck_assert_mem_eq(bytes, "\0\1\xfe", 3);
	state_get_peer(record, "peer", &peer);
	ck_assert(peer.family == PEER_IPV4 && peer.port == 40112 && peer.ip[3] == 255);
	ck_assert(state_get_key(record, "key", &key) && key.bytes[15] == 0xfe);
	ck_assert_int_gt(state_get_fd(record, "fd"), 2);
	ck_assert_int_eq(state_get_fd(record, "none"), -1);
	state_get_numbers(record, "numbers", numbers, 4);
	ck_assert(numbers[0] == 7 && numbers[2] == UINT64_MAX && numbers[3] == 0);
	state_get_counts(record, "counts", counts, 3, name_of);
	ck_assert(counts[0] == 7 && counts[1] == 0 && counts[2] == UINT64_MAX);
	ck_assert(state_is_good(record));
	return 0;
}

START_TEST(there_and_back)
{
	char reason[STATE_REASON_MAX];
	unsigned seen = 0;
	struct state *state;
	int fd, end;
	size_t count;

	write_all(&fd, &end);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_lt(write(fd, "x", 1), 0);
	ck_assert_int_lt(ftruncate(fd, 3), 0);
	ck_assert_int_eq(state_open(fd, STATE_TAKE, &state, reason), 0);
	ck_assert_str_eq(state_version(state), "1.2.3");
	ck_assert_int_eq(state_each(state, "thing", look, &seen), 0);
	ck_assert_uint_eq(seen, 1);
	ck_assert_int_eq(state_fds(state, &count)[0], end);
	ck_assert_uint_eq(count, 1);
	state_close_unclaimed(state);
	ck_assert_int_eq(fcntl(end, F_GETFD), FD_CLOEXEC);
	state_free(state);
	close(fd), close(end);
}
END_TEST

START_TEST(nobody_claims)
{
	char reason[STATE_REASON_MAX];
	struct state *state;
	int fd, end;

	write_all(&fd, &end);
	ck_assert_int_eq(state_open(fd, STATE_TAKE, &state, reason), 0);
	state_close_unclaimed(state);
	ck_assert_int_eq(fcntl(end, F_GETFD), -1);
	state_free(state);
	close(fd);
}
END_TEST

START_TEST(no_memory_file)
{
	char reason[STATE_REASON_MAX];
	struct state *state = NULL;
	int plain = memfd_create("plain", MFD_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_lt(state_open(plain, STATE_LOOK, &state, reason), 0);
	ck_assert_int_lt(state_open(null, STATE_LOOK, &state, reason), 0);
	ck_assert_ptr_null(state);
	close(plain), close(null);
}
END_TEST

/* ---- what is wrong with one ---- */

#define HEAD "usherd-state 1 1.0\n"

static const struct {
	const char *text, *reason;
} damaged[] = {
	{ "", "no state" },
	{ "usherd-state 1 1.0", "no state" },
	{ "usherd-state x 1.0\n", "damaged" },
	{ "usherd-state 0 1.0\n", "damaged" },
	{ "usherd-state 1 \n", "damaged" },
	{ "usherd-state 2 1.0\n{\"record\":\"end\",\"count\":0}\n", "format 2" },
	{ "usherd-state 999999999 1.0\n", "format 999999999" },
	{ HEAD, "cut off" },
	{ HEAD "{\"record\":\"end\",\"count\":0}", "cut off" },
	{ HEAD "{\"record\":\"end\",\"count\":1}\n", "cut off" },
	{ HEAD "{\"record\":\"end\",\"count\":-1}\n", "no number" },
	{ HEAD "{\"record\":\"end\",\"count\":0}\n{\"record\":\"end\",\"count\":0}\n", "cut off" },
	{ HEAD "{\"record\":\"end\",\"count\":0}\n{\"record\":\"thing\"}\n", "missing" },
	{ HEAD "{\"record\":\"descriptors\",\"numbers\":[2]}\n{\"record\":\"end\",\"count\":1}\n",
	  "damaged" },
	{ HEAD "{\"record\":\"descriptors\",\"numbers\":[5,4,5]}\n{\"record\":\"end\",\"count\":1}\n",
	  "twice" },
	{ HEAD "{\"record\":\"descriptors\",\"numbers\":4}\n{\"record\":\"end\",\"count\":1}\n", "damaged" },
	{ HEAD "{\"record\":\"descriptors\"\n{\"record\":\"end\",\"count\":1}\n", "damaged" },
};

START_TEST(damaged_state)
{
	char reason[STATE_REASON_MAX];
	struct state *state = NULL;

	ck_assert_int_lt(state_parse(damaged[_i].text, strlen(damaged[_i].text), STATE_LOOK, &state, reason),
			 0);
	ck_assert_msg(strstr(reason, damaged[_i].reason) != NULL, "\"%s\" says not \"%s\"", reason,
		      damaged[_i].reason);
	ck_assert_ptr_null(state);
}
END_TEST

/* One record of something that is known, beside those it needs. */
#define RULES    "{\"record\":\"rules\",\"number\":0,\"name\":\"a\"}\n"
#define SERVICES "{\"record\":\"services\",\"last_id\":9}\n"
#define SERVICE  "{\"record\":\"service\",\"id\":1,\"rules\":0}\n"
#define FDS      "{\"record\":\"descriptors\",\"numbers\":[10,11]}\n"
#define SESSION  "{\"record\":\"session\",\"id\":1,\"pid\":17,\"live\":true,\"service\":1"

static const struct {
	const char *records, *reason; /* NULL: nothing is wrong */
} contents[] = {
	{ "", NULL },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10}\n", NULL },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"future\":[1,{}]}\n", NULL },
	{ RULES SERVICES SERVICE FDS SESSION "}\n", "no pidfd" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":12}\n", "descriptor 12" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":\"10\"}\n", "no number" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"socket\":10}\n", "had by another" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"listener\":1}\n", "holds no listener" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"rules\":1}\n", "no rules 1" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"peer\":[9,1,1,\"\"]}\n", "peer" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"due_ns\":{\"idle\":true}}\n", "due_ns" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"stderr_partial\":\"\\u0100\"}\n", "partial" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"replies\":11}\n", "without a socket" },
	{ RULES SERVICES SERVICE FDS SESSION ",\"pidfd\":10,\"pid\":18}\n", "damaged" },
	{ "{\"record\":\"session\",\"id\":0}\n", "no rules" },
	{ RULES "{\"record\":\"session\",\"id\":1,\"pid\":1}\n", "without" },
	{ RULES "{\"record\":\"session\",\"id\":1,\"pid\":17}\n", "nothing any more" },
	{ RULES SERVICES "{\"record\":\"service\",\"id\":0,\"rules\":0}\n", "wrong number" },
	{ RULES SERVICES "{\"record\":\"service\",\"id\":10,\"rules\":0}\n", "wrong number" },
	{ RULES SERVICES SERVICE SERVICE, "same number" },
	{ RULES RULES, "appear twice" },
	{ "{\"record\":\"rules\",\"number\":5,\"name\":\"a\"}\n", "without a name or a number" },
	{ RULES SERVICES SERVICE "{\"record\":\"listener\",\"service\":1,\"address\":\"127.0.0.1:80\"}\n",
	  NULL },
	{ RULES SERVICES SERVICE "{\"record\":\"listener\",\"service\":1,\"address\":\"80\"}\n",
	  "no address" },
	{ RULES SERVICES SERVICE "{\"record\":\"listener\",\"service\":2,\"address\":\"127.0.0.1:80\"}\n",
	  "no service 2" },
	{ RULES SERVICES SERVICE
	  "{\"record\":\"listener\",\"service\":1,\"address\":\"127.0.0.1:80\",\"number\":1}\n",
	  "not in its place" },
	{ "{\"record\":\"source\",\"service\":1,\"key\":[1,\"\"]}\n", "no source" },
	{ "{\"record\":\"source\",\"service\":4294967296}\n", "no number" },
	{ "{\"record\":\"ban\",\"address\":\"nobody\"}\n", "a ban of nobody" },
	{ "{\"record\":\"ban\",\"address\":\"192.0.2.0/24\",\"until_ns\":9223372036854775807}\n", NULL },
	{ "{\"record\":\"linger\"}\n", "without a socket" },
	{ "{\"record\":\"linger\",\"record\":\"linger\"}\n", "damaged" },
	{ "{\"record\":\"sessions\",\"last_id\":1.5}\n", "no number" },
};

START_TEST(content)
{
	char text[4096], reason[STATE_REASON_MAX] = "";
	struct state *state;
	unsigned lines = 0;
	int length, r;

	for (const char *at = contents[_i].records; *at != '\0'; at++)
		lines += *at == '\n';
	length = snprintf(text, sizeof(text), HEAD "%s{\"record\":\"end\",\"count\":%u}\n",
			  contents[_i].records, lines);
	ck_assert_msg(state_parse(text, (size_t)length, STATE_LOOK, &state, reason) == 0, "%s", reason);
	r = service_set_look(state, reason);
	if (contents[_i].reason == NULL)
		ck_assert_msg(r == 0, "%s", reason);
	else
		ck_assert_msg(r < 0 && strstr(reason, contents[_i].reason) != NULL, "%d, \"%s\"", r, reason);
	state_free(state);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("state");
	TCase *all = tcase_create("all");

	tcase_add_test(all, there_and_back);
	tcase_add_test(all, nobody_claims);
	tcase_add_test(all, no_memory_file);
	tcase_add_loop_test(all, damaged_state, 0, (int)ELEMENTS(damaged));
	tcase_add_loop_test(all, content, 0, (int)ELEMENTS(contents));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
