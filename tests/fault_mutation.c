/* fault_mutation.c - F59, F60: valid configurations with random bytes changed,
 * added, doubled and taken away. Loading never crashes, and what loads has
 * changed no other section: everything that was not touched prints as before.
 * The seed is fixed; USHERD_MUTATIONS asks for more of them. */
#include "base.h"
#include "conf-internal.h"
#include "run.h"

#include <errno.h>
#include <string.h>

#define MUTATIONS 400
#define TEXT_MAX 8192
#define SECTIONS_MAX 16

static const struct conf_environment environment = {.services_directory = "/nonexistent"};

/* Each section of a sample is one service, whose name begins with its letter. */
static const char *const samples[] = {
	"[alpha]\nlisten = 127.0.0.1:7001\nexec = /bin/cat\n"
	"[bravo]\nlisten = 127.0.0.1:7002, 127.0.0.1:7012/udp\nexec = /bin/sh -c 'echo \"a;b\"'\ninstances = 3\n"
	"[charlie]\nlisten = unix:/run/charlie\nexec = /bin/cat\nsocket_mode = 0660\n",

	"[alpha]\nlisten = 7001\nexec = /bin/cat a\n b\n c\ndescription = words; and more\n"
	"; a comment\n\n"
	"[bravo]\nlisten = [::1]:7002-7005\nexec = /bin/cat\nkeepalive = 10s\nnodelay = yes\n"
	"rlimit_nofile = 99:123\nenv = A=1, B=2\n"
	"# another\n"
	"[charlie]\nlisten = 127.0.0.1:7009/udp\nwait = yes\nexec = /bin/cat\nkill_after = 250ms\n",

	"[alpha]\r\nlisten = 127.0.0.1:7001\r\nexec = /bin/cat\r\n"
	"[bravo]\r\nlisten = unix:@name\r\nexec = /bin/cat\r\numask = 077\r\nstderr = null\r\n"
	"[charlie]\r\nlisten = 127.0.0.1:7003\r\nexec = /bin/cat\r\nnice = 7\r\noom_score_adj = 300\r\n"
	"no_new_privileges = no\r\n",
};

/* ---- random numbers, the same everywhere ---- */

static uint64_t state;

static unsigned below(unsigned bound)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % bound;
}

static char random_byte(void)
{
	/* As often as not one that means something. */
	static const char special[] = "[]=;:#\n\r\t \"'\\,/-0\0x\xff\xef\xbb\xbf";

	return below(2) == 0 ? special[below(sizeof(special))] : (char)below(256);
}

/* ---- what is printed ---- */

/* The lines of a printed service, from its [name] on; malloc'ed. NULL: there is none. */
static char *printed_section(const struct conf *conf, const char *name)
{
	char heading[64], *text = NULL, *found;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_print(conf, out);
	fclose(out);
	snprintf(heading, sizeof(heading), "\n[%s]\n", name);
	found = strstr(text, heading);
	if (found != NULL) {
		/* Up to the comment that says where the next one stands. */
		char *end = strstr(found + 1, "\n; ");

		if (end != NULL)
			*end = '\0';
		found = strdup(found + 1);
	}
	free(text);
	return found;
}

static int load(const char *bytes, size_t length, struct conf **ret_conf)
{
	struct conf_errors errors = {0};
	int r = conf_load_bytes("mutated.ini", bytes, length, &environment, ret_conf, &errors);

	ck_assert_msg((r == 0) == (errors.count == 0), "%d with %zu errors", r, errors.count);
	ck_assert_msg(r == 0 || r == -EINVAL, "%d", r);
	ck_assert((r == 0) == (*ret_conf != NULL));
	conf_errors_free(&errors);
	return r;
}

/* ---- mutations ---- */

struct span {
	size_t start, end; /* of a section in the text */
};

static size_t find_sections(const char *text, struct span spans[static SECTIONS_MAX])
{
	size_t count = 0;

	for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (*at != '[')
			continue;
		if (count > 0)
			spans[count - 1].end = (size_t)(at - text);
		spans[count++].start = (size_t)(at - text);
	}
	spans[count - 1].end = strlen(text);
	return count;
}

/* Changes a few bytes of text[from..to): the rest stays as it is. Returns the new length. */
static size_t mutate(char *text, size_t length, size_t from, size_t to)
{
	for (unsigned times = 1 + below(3); times > 0 && to > from; times--) {
		size_t at = from + below((unsigned)(to - from)), piece = 1 + below(4);

		if (piece > to - at)
			piece = to - at;
		switch (below(5)) {
		case 0: /* another byte */
			text[at] = random_byte();
			break;
		case 1: /* one bit */
			text[at] = (char)(text[at] ^ 1 << below(8));
			break;
		case 2: /* one more */
			memmove(text + at + 1, text + at, length - at);
			text[at] = random_byte();
			length++, to++;
			break;
		case 3: /* some less */
			memmove(text + at, text + at + piece, length - at - piece);
			length -= piece, to -= piece;
			break;
		case 4: /* twice */
			memmove(text + at + piece, text + at, length - at);
			length += piece, to += piece;
			break;
		}
	}
	return length;
}

/* Whether another section begins within the bytes: then it is no longer one. */
static unsigned count_headings(const char *text, size_t from, size_t to)
{
	unsigned count = 0;

	for (size_t i = from; i < to; i++)
		count += text[i] == '[';
	return count;
}

static unsigned mutations(void)
{
	const char *wanted = getenv("USHERD_MUTATIONS");

	return wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : MUTATIONS;
}

static void name_of(const char *text, const struct span *span, char name[static 40])
{
	snprintf(name, 40, "%.*s", (int)strcspn(text + span->start + 1, "]"), text + span->start + 1);
}

/* One mutation in one section: the others are as before, or the whole is refused. */
START_TEST(one_section)
{
	const char *sample = samples[_i];
	struct span spans[SECTIONS_MAX];
	size_t count = find_sections(sample, spans), length = strlen(sample);
	struct conf *whole = NULL, *conf;
	unsigned loaded = 0, changed = 0;

	state = 0x9E3779B97F4A7C15u + (unsigned)_i;
	ck_assert_int_eq(load(sample, length, &whole), 0);
	for (unsigned n = 0; n < mutations(); n++) {
		char text[TEXT_MAX];
		unsigned hit = below((unsigned)count);

		memcpy(text, sample, length);
		size_t now = mutate(text, length, spans[hit].start, spans[hit].end);

		conf = NULL;
		if (load(text, now, &conf) < 0)
			continue;
		loaded++;
		for (size_t i = 0; i < count; i++) {
			char name[40];

			name_of(sample, &spans[i], name);
			char *before = printed_section(whole, name), *after = printed_section(conf, name);
			bool same = after != NULL && strcmp(before, after) == 0;

			if (i == hit)
				changed += !same;
			else
				ck_assert_msg(same, "mutation %u of section %u changed [%s] to:\n%s\nby:\n%.*s", n, hit,
					      name, after != NULL ? after : "nothing", (int)now, text);
			free(before);
			free(after);
		}
		/* No service comes from nowhere. */
		ck_assert_msg(conf->service_count <=
				      count - 1 + count_headings(text, spans[hit].start,
								 now - (length - spans[hit].end)),
			      "mutation %u: %zu services in:\n%.*s", n, conf->service_count, (int)now, text);
		conf_unref(conf);
	}
	conf_unref(whole);
	/* Most are refused; some must have loaded, and some of those meant something else. */
	ck_assert_msg(loaded > mutations() / 100 && loaded < mutations(), "%u of %u loaded", loaded, mutations());
	ck_assert_uint_gt(changed, 0);
}
END_TEST

/* Mutations anywhere, and files that end early: an answer, whatever it is. */
START_TEST(anywhere)
{
	const char *sample = samples[_i];
	size_t length = strlen(sample);
	struct conf *conf;

	state = 0xD1B54A32D192ED03u + (unsigned)_i;
	for (unsigned n = 0; n < mutations() * 2; n++) {
		char text[TEXT_MAX];

		memcpy(text, sample, length);
		size_t now = mutate(text, length, 0, length);

		now = mutate(text, now, 0, now);
		conf = NULL;
		load(text, now, &conf);
		conf_unref(conf);
	}
	for (size_t cut = 0; cut <= length; cut++) {
		conf = NULL;
		load(sample, cut, &conf);
		conf_unref(conf);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_mutation");
	TCase *all = tcase_create("mutation");

	tcase_set_timeout(all, 120);
	tcase_add_loop_test(all, one_section, 0, (int)ELEMENTS(samples));
	tcase_add_loop_test(all, anywhere, 0, (int)ELEMENTS(samples));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
