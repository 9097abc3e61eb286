/* check_access_many.c - rules of access by the thousand: compiled, they say what one after
 * the other would. */
#include "access_help.h"

/* ---- many ---- */

/* Numbers that are the same each time. */
static uint32_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/* A network among few, so that they nest, touch and repeat. */
static struct access_rule draw_rule(uint64_t *state, bool is_ipv4)
{
	unsigned size = is_ipv4 ? 4 : 16;
	struct access_rule rule = {.kind = is_ipv4 ? ACCESS_IPV4 : ACCESS_IPV6,
				   .bits = (uint8_t)(draw(state) % (size * 8 + 1)),
				   .deny = draw(state) % 2};

	for (unsigned i = 0; i < size; i++) {
		static const uint8_t bytes[] = {0, 0, 255, 1, 128};

		rule.ip[i] = bytes[draw(state) % ELEMENTS(bytes)];
	}
	for (unsigned bit = rule.bits; bit < size * 8; bit++)
		rule.ip[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	return rule;
}

static bool is_inside(const struct access_rule *rule, const struct peer *peer)
{
	for (unsigned bit = 0; bit < rule->bits; bit++)
		if (((rule->ip[bit / 8] ^ peer->ip[bit / 8]) & (0x80u >> bit % 8)) != 0)
			return false;
	return true;
}

/* As it is written in the manual, one rule after the other. */
static const struct access_rule *find_plainly(const struct access_rule *rules, size_t count,
					      const struct peer *peer)
{
	const struct access_rule *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (is_inside(&rules[i], peer) &&
		    (found == NULL || rules[i].bits > found->bits ||
		     (rules[i].bits == found->bits && rules[i].deny && !found->deny)))
			found = &rules[i];
	return found;
}

START_TEST(as_one_by_one)
{
	uint64_t state = (uint64_t)_i;
	bool is_ipv4 = _i % 2;
	struct access_rule rules[60];
	size_t count = 1 + draw(&state) % ELEMENTS(rules);
	struct access *access;

	for (size_t i = 0; i < count; i++) {
		rules[i] = draw_rule(&state, is_ipv4);
		rules[i].line = (uint32_t)i + 1;
	}
	ck_assert_int_eq(access_compile(rules, count, &access), 0);
	for (unsigned i = 0; i < 2000; i++) {
		struct access_rule place = draw_rule(&state, is_ipv4);
		struct peer peer = {.family = is_ipv4 ? PEER_IPV4 : PEER_IPV6};
		const struct access_rule *expected, *decides;

		memcpy(peer.ip, place.ip, 16);
		/* The first address behind a network is where mistakes are. */
		if (draw(&state) % 2)
			peer.ip[is_ipv4 ? 3 : 15] ^= (uint8_t)draw(&state);
		expected = find_plainly(rules, count, &peer);
		access_allows(access, &peer, NULL, 0, &decides);
		ck_assert_msg((expected != NULL ? expected->line : 0) ==
				      (decides != NULL ? decides->line : 0),
			      "seed %d: rule %u, not %u", _i, decides != NULL ? decides->line : 0,
			      expected != NULL ? expected->line : 0);
	}
	access_free(access);
}
END_TEST

/* 0 to 128 bits of one address, each in the one before. */
START_TEST(deepest_nest)
{
	struct access_rule rules[129];
	struct access *access;
	struct peer peer = {.family = PEER_IPV6};

	for (unsigned bits = 0; bits <= 128; bits++) {
		rules[128 - bits] = (struct access_rule){
			.kind = ACCESS_IPV6, .bits = (uint8_t)bits, .deny = bits % 2, .line = bits + 1};
		for (unsigned bit = 0; bit < bits; bit++)
			rules[128 - bits].ip[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	}
	ck_assert_int_eq(access_compile(rules, ELEMENTS(rules), &access), 0);
	for (unsigned bits = 0; bits <= 128; bits++) {
		const struct access_rule *decides;

		memset(peer.ip, 0, 16);
		for (unsigned bit = 0; bit < bits; bit++)
			peer.ip[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
		ck_assert(access_allows(access, &peer, NULL, 0, &decides) == (bits % 2 == 0));
		ck_assert_uint_eq(decides->line, bits + 1);
	}
	access_free(access);
}
END_TEST

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#define MANY 100000
#define LOOK_UPS 1000000

/* What it takes is told; held against it is only what no machine takes. */
START_TEST(many_rules)
{
	struct access_rule *rules = calloc(MANY, sizeof(*rules));
	uint64_t state = 7;
	struct access *access;
	struct peer peer = {.family = PEER_IPV4};
	unsigned allowed = 0;

	ck_assert_ptr_nonnull(rules);
	for (size_t i = 0; i < MANY; i++) {
		uint32_t ip = draw(&state) << 1 | draw(&state) % 2;

		rules[i] = (struct access_rule){.kind = ACCESS_IPV4, .bits = 24, .deny = i % 3 == 0};
		rules[i].ip[0] = (uint8_t)(ip >> 24);
		rules[i].ip[1] = (uint8_t)(ip >> 16);
		rules[i].ip[2] = (uint8_t)(ip >> 8);
	}

	double start = seconds();

	ck_assert_int_eq(access_compile(rules, MANY, &access), 0);

	double compiled = seconds();

	for (unsigned i = 0; i < LOOK_UPS; i++) {
		uint32_t ip = htonl(draw(&state) << 1);

		memcpy(peer.ip, &ip, 4);
		allowed += access_allows(access, &peer, NULL, 0, NULL);
	}

	double found = seconds();

	printf("# %d rules: compiled in %.0f ms, %.0f ns a look-up (%u allowed)\n", MANY,
	       (compiled - start) * 1e3, (found - compiled) * 1e9 / LOOK_UPS, allowed);
	ck_assert_double_lt(compiled - start, 5);
	ck_assert_double_lt(found - compiled, 10);
	ck_assert_uint_gt(allowed, 0);
	ck_assert_uint_lt(allowed, LOOK_UPS);
	access_free(access);
	free(rules);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("access-many");
	TCase *all = tcase_create("rules");

	tcase_add_loop_test(all, as_one_by_one, 0, 40);
	tcase_add_test(all, deepest_nest);
	tcase_add_test(all, many_rules);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
