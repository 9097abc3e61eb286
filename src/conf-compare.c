/* conf-compare.c - compares values key by key over the table.
 *
 * Most values are the same bytes. Others point somewhere, and are compared as they are
 * printed; and then some have more behind them than that. */
#include "conf-compare.h"

#include "base.h"
#include "conf-internal.h"

#include <errno.h>
#include <string.h>

int conf_comparer_init(struct conf_comparer *comparer)
{
	size_t count;

	conf_keys(&count);
	*comparer = (struct conf_comparer){ .keys = calloc(count, sizeof(*comparer->keys)) };
	for (int i = 0; i < 2; i++)
		comparer->streams[i] = open_memstream(&comparer->texts[i], &comparer->sizes[i]);
	return comparer->keys == NULL || comparer->streams[0] == NULL || comparer->streams[1] == NULL ?
		       -ENOMEM :
		       0;
}

void conf_comparer_free(struct conf_comparer *comparer)
{
	for (int i = 0; i < 2; i++) {
		if (comparer->streams[i] != NULL)
			fclose(comparer->streams[i]);
		free(comparer->texts[i]);
	}
	free(comparer->keys);
	*comparer = (struct conf_comparer){ .key_count = 0 };
}

/* Returns 1: they are printed alike; 0: they are not; or -ENOMEM. */
static int prints_alike(struct conf_comparer *comparer, const struct conf_type *type, const void *a,
			const void *b)
{
	const void *fields[2] = { a, b };

	for (int i = 0; i < 2; i++) {
		rewind(comparer->streams[i]);
		type->print(fields[i], comparer->streams[i]);
		if (fflush(comparer->streams[i]) != 0)
			return -ENOMEM;
	}
	return comparer->sizes[0] == comparer->sizes[1] &&
	       memcmp(comparer->texts[0], comparer->texts[1], comparer->sizes[0]) == 0;
}

static int is_same(struct conf_comparer *comparer, const struct conf_key *key, const void *a, const void *b)
{
	if (memcmp(a, b, key->size) == 0)
		return 1;
	return prints_alike(comparer, key->type, a, b);
}

/* Whether a key that has the same value in its own field is another all the same, or the reverse. */
struct beyond {
	bool (*is_meaningless)(const struct conf_key *key, const void *a, const void *b);
	bool (*is_changed)(const struct conf_key *key, const void *a, const void *b);
};

static int compare(struct conf_comparer *comparer, enum conf_scope scope, const struct beyond *beyond,
		   const void *a, const void *b)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	comparer->key_count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = &keys[i];

		if (key->name == NULL || key->scope != scope)
			continue;
		if (beyond != NULL && beyond->is_meaningless(key, a, b))
			continue;

		int r = is_same(comparer, key, (const char *)a + key->offset, (const char *)b + key->offset);

		if (r < 0)
			return r;
		if (r == 0 || (beyond != NULL && beyond->is_changed(key, a, b)))
			comparer->keys[comparer->key_count++] = key->name;
	}
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_identity(const struct conf_identity *a, const struct conf_identity *b)
{
	return a->change == b->change && a->uid == b->uid && a->gid == b->gid &&
	       a->group_count == b->group_count &&
	       (a->group_count == 0 ||
		memcmp(a->groups, b->groups, a->group_count * sizeof(*a->groups)) == 0) &&
	       same_text(a->name, b->name) && same_text(a->home, b->home) && same_text(a->shell, b->shell);
}

/* Whether the three keys that make an identity are as they were, and it is not. */
static bool user_became_another(const struct conf_service *a, const struct conf_service *b)
{
	if (!same_text(a->user, b->user) || !same_text(a->group, b->group) ||
	    a->groups.count != b->groups.count)
		return false;
	for (size_t i = 0; i < a->groups.count; i++)
		if (strcmp(a->groups.items[i], b->groups.items[i]) != 0)
			return false;
	return !same_identity(&a->identity, &b->identity);
}

static bool same_message(const struct conf_message *a, const struct conf_message *b)
{
	return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

/* What wait = yes leaves without meaning has values of its own then. */
static bool is_meaningless(const struct conf_key *key, const void *a, const void *b)
{
	const struct conf_service *before = a, *after = b;

	return (before->wait || after->wait) && !conf_agree_waits(key->name);
}

static bool is_changed(const struct conf_key *key, const void *a, const void *b)
{
	const struct conf_service *before = a, *after = b;

	if (strcmp(key->name, "banner") == 0)
		return !same_message(&before->banner, &after->banner);
	if (strcmp(key->name, "banner_refused") == 0)
		return !same_message(&before->banner_refused, &after->banner_refused);
	/* Of what cannot be offered the rest is not known. */
	if (before->lacks != NULL || after->lacks != NULL)
		return false;
	if (strcmp(key->name, "allow") == 0)
		return !same_text(before->allow.content, after->allow.content);
	if (strcmp(key->name, "deny") == 0)
		return !same_text(before->deny.content, after->deny.content);
	if (strcmp(key->name, "user") == 0)
		return user_became_another(before, after);
	if (strcmp(key->name, "exec") == 0)
		return !same_text(before->program, after->program);
	if (strcmp(key->name, "warm") == 0)
		return !same_text(before->warm_library, after->warm_library) ||
		       !same_text(before->warm_not, after->warm_not);
	return false;
}

int conf_compare_services(struct conf_comparer *comparer, const struct conf_service *a,
			  const struct conf_service *b)
{
	static const struct beyond beyond = { .is_meaningless = is_meaningless, .is_changed = is_changed };

	return compare(comparer, CONF_SCOPE_SERVICE, &beyond, a, b);
}

int conf_compare_daemons(struct conf_comparer *comparer, const struct conf_daemon *a,
			 const struct conf_daemon *b)
{
	return compare(comparer, CONF_SCOPE_DAEMON, NULL, a, b);
}
