/* conf_access_help.h - who a configuration lets in, for the tests. */
#ifndef USHERD_TESTS_CONF_ACCESS_HELP_H
#define USHERD_TESTS_CONF_ACCESS_HELP_H

#include "access.h"
#include "conf-internal.h"
#include "conf_help.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define A "[a]\nlisten = 127.0.0.1:7007\n" CAT
#define B "[b]\nlisten = 127.0.0.1:7008\n" CAT

static inline struct peer ipv4(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct peer peer;

	ck_assert_int_eq(inet_pton(AF_INET, text, &in.sin_addr), 1);
	peer_from_sockaddr((const struct sockaddr *)(const void *)&in, sizeof(in), &peer);
	return peer;
}

static inline bool admits(const char *name, const char *address, const struct access_rule **ret_rule)
{
	struct peer peer = ipv4(address);

	ck_assert_ptr_nonnull(service(name)->limits.access);
	return access_allows(service(name)->limits.access, &peer, NULL, 0, ret_rule);
}

static inline void expect_rule(const char *name, const char *address, bool allowed, const char *path,
			       unsigned line)
{
	const struct access_rule *rule;

	ck_assert_msg(admits(name, address, &rule) == allowed, "%s", address);
	ck_assert_ptr_nonnull(rule);
	ck_assert_str_eq(rule->path, path);
	ck_assert_uint_eq(rule->line, line);
}

static inline void expect_error(size_t index, const char *path, unsigned line, const char *part)
{
	ck_assert_uint_lt(index, errors.count);
	ck_assert_str_eq(errors.items[index].path, path);
	ck_assert_msg(errors.items[index].line == line, "line %u: %s", errors.items[index].line,
		      errors.items[index].reason);
	ck_assert_msg(strstr(errors.items[index].reason, part) != NULL, "%s", errors.items[index].reason);
}

static inline void load_errors(const char *text, size_t count)
{
	put("services.ini", 0644, text);
	ck_assert_int_eq(load_with("services.ini", false, NULL), -EINVAL);
	ck_assert_ptr_null(conf);
	ck_assert_msg(errors.count == count, "%zu errors: %s", errors.count, errors.items[0].reason);
}

#endif
