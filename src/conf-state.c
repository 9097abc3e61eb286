/* conf-state.c - see conf-state.h. The services of such a snapshot are in the order of their
 * numbers; one whose record is missing has no name, and is no one's. */
#include "conf-state.h"

#include "base.h"
#include "conf-internal.h"

#include <errno.h>
#include <string.h>

#define SERVICES_MOST 4000000
#define DURATION_MOST ((uint64_t)INT64_MAX / 2) /* can be added to any time */

/* ---- saving ---- */

int conf_rules_note(struct conf_rules_index *index, const struct conf_service *settings)
{
	/* Most sessions of a service follow each other. */
	if (index->count > 0 && index->items[index->count - 1] == settings)
		return 0;
	if (index->count == index->room) {
		size_t room = index->room * 2 + 64;
		const struct conf_service **items = reallocarray(index->items, room, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		index->items = items;
		index->room = room;
	}
	index->items[index->count++] = settings;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct conf_service *x = *(const struct conf_service *const *)a;
	const struct conf_service *y = *(const struct conf_service *const *)b;

	return (x > y) - (x < y);
}

void conf_rules_sort(struct conf_rules_index *index)
{
	size_t count = 0;

	if (index->count == 0)
		return;
	qsort(index->items, index->count, sizeof(*index->items), compare);
	for (size_t i = 0; i < index->count; i++)
		if (count == 0 || index->items[count - 1] != index->items[i])
			index->items[count++] = index->items[i];
	index->count = count;
}

size_t conf_rules_number(const struct conf_rules_index *index, const struct conf_service *settings)
{
	const struct conf_service **found =
		bsearch(&settings, index->items, index->count, sizeof(*index->items), compare);

	if (found == NULL)
		BUG("settings that were not noted");
	return (size_t)(found - index->items);
}

static void save(const struct conf_service *settings, size_t number, struct state_writer *writer)
{
	state_begin(writer, "rules");
	state_put_number(writer, "number", number);
	state_put_text(writer, "name", settings->name);
	state_put_flag(writer, "wait", settings->wait);
	state_put_text(writer, "interface", settings->socket.interface);
	state_put_flag(writer, "freebind", settings->socket.freebind);
	state_put_number(writer, "instances", settings->limits.instances);
	state_put_number(writer, "first_byte_ns", settings->first_byte_ns);
	state_put_number(writer, "idle_ns", settings->idle_ns);
	state_put_number(writer, "time_limit_ns", settings->time_limit_ns);
	state_put_number(writer, "kill_after_ns", settings->kill_after_ns);
	state_put_number(writer, "linger_ns", settings->linger_ns);
	state_put_flag(writer, "kill_on_hangup", settings->kill_on_hangup);
	state_put_flag(writer, "serve_while_draining", settings->serve_while_draining);
	state_put_flag(writer, "change_identity", settings->identity.change);
	state_put_number(writer, "uid", settings->identity.uid);
	state_put_number(writer, "gid", settings->identity.gid);
	state_end(writer);
}

void conf_rules_save(const struct conf_rules_index *index, struct state_writer *writer)
{
	for (size_t i = 0; i < index->count; i++)
		save(index->items[i], i, writer);
}

void conf_rules_index_free(struct conf_rules_index *index)
{
	free(index->items);
	*index = (struct conf_rules_index){ .items = NULL };
}

int conf_left_save(const struct conf *conf, struct state_writer *writer)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (file == NULL)
		return -ENOMEM;
	conf_print(conf, file);
	if (fclose(file) != 0)
		return -ENOMEM;
	state_begin(writer, "configuration");
	state_put_text(writer, "hash", conf->hash);
	state_put_text(writer, "text", text);
	state_end(writer);
	return 0;
}

/* ---- restoring ---- */

struct left {
	const struct conf_environment *environment;
	struct conf *conf;
	struct conf_errors *errors;
};

static int take_left(void *context, struct state_record *record)
{
	struct left *left = context;
	const char *text = state_get_text(record, "text"), *hash = state_get_text(record, "hash");
	int r;

	if (text == NULL || hash == NULL || left->conf != NULL)
		return state_fail(record, "a configuration without text, or two of them");
	r = conf_load_bytes("what was in force", text, strlen(text), left->environment, &left->conf,
			    left->errors);
	if (r == 0)
		snprintf(left->conf->hash, sizeof(left->conf->hash), "%s", hash);
	return r;
}

int conf_left_load(struct state *state, const struct conf_environment *environment, struct conf **ret_conf,
		   struct conf_errors *errors)
{
	struct left left = { .environment = environment, .errors = errors };
	int r = state_each(state, "configuration", take_left, &left);

	if (r < 0) {
		conf_unref(left.conf);
		return r;
	}
	if (left.conf == NULL)
		return -ENOENT;
	*ret_conf = left.conf;
	return 0;
}

struct conf *conf_rules_new(size_t count)
{
	struct arena *arena = count > SERVICES_MOST ? NULL : arena_new();
	struct conf_snapshot *snapshot = arena == NULL ? NULL : arena_alloc(arena, sizeof(*snapshot));

	if (snapshot != NULL)
		snapshot->conf.services = arena_alloc(arena, (count + 1) * sizeof(struct conf_service));
	if (snapshot == NULL || snapshot->conf.services == NULL) {
		arena_free(arena);
		return NULL;
	}
	snapshot->conf.service_count = count;
	snapshot->arena = arena;
	snapshot->references = 1;
	return &snapshot->conf;
}

static struct arena *arena_of(struct conf *conf)
{
	return container_of(conf, struct conf_snapshot, conf)->arena;
}

static const char *copy(struct conf *conf, const char *text)
{
	return text == NULL ? NULL : arena_strdup(arena_of(conf), text);
}

static uint64_t duration(struct state_record *record, const char *key)
{
	uint64_t ns = state_get_number(record, key, UINT64_MAX);

	return ns < DURATION_MOST ? ns : DURATION_MOST;
}

int conf_rules_restore(void *context, struct state_record *record)
{
	struct conf *conf = context;
	size_t number = state_get_number(record, "number", SERVICES_MOST);
	const char *name = state_get_text(record, "name");
	struct conf_service *settings;

	if (state_is_good(record) && (number >= conf->service_count || name == NULL || name[0] == '\0'))
		return state_fail(record, "rules without a name or a number");
	if (!state_is_good(record))
		return 0;
	settings = &conf->services[number];
	if (settings->name != NULL)
		return state_fail(record, "rules %zu appear twice", number);
	settings->name = copy(conf, name);
	settings->where.path = settings->program = settings->directory = settings->description = "";
	settings->user = settings->group = "";
	settings->identity.name = settings->identity.home = settings->identity.shell = "";
	settings->wait = state_get_flag(record, "wait");
	settings->socket.interface = copy(conf, state_get_text(record, "interface"));
	settings->socket.freebind = state_get_flag(record, "freebind");
	settings->limits.instances = (unsigned)state_get_number(record, "instances", UINT32_MAX);
	settings->first_byte_ns = duration(record, "first_byte_ns");
	settings->idle_ns = duration(record, "idle_ns");
	settings->time_limit_ns = duration(record, "time_limit_ns");
	settings->kill_after_ns = duration(record, "kill_after_ns");
	settings->linger_ns = duration(record, "linger_ns");
	settings->kill_on_hangup = state_get_flag(record, "kill_on_hangup");
	settings->serve_while_draining = state_get_flag(record, "serve_while_draining");
	settings->identity.change = state_get_flag(record, "change_identity");
	settings->identity.uid = (uid_t)state_get_number(record, "uid", UINT32_MAX);
	settings->identity.gid = (gid_t)state_get_number(record, "gid", UINT32_MAX);
	return settings->name == NULL ? -ENOMEM : 0;
}

const struct conf_service *conf_rules_get(struct conf *conf, struct state_record *record, const char *key)
{
	size_t number = state_get_number(record, key, SERVICES_MOST);

	if (!state_is_good(record))
		return NULL;
	if (number < conf->service_count && conf->services[number].name != NULL)
		return &conf->services[number];
	state_fail(record, "there are no rules %zu", number);
	return NULL;
}

struct one_endpoint {
	struct endpoint endpoint;
	unsigned count;
};

static int take_endpoint(void *context, const struct endpoint *endpoint)
{
	struct one_endpoint *one = context;

	one->endpoint = *endpoint;
	one->count++;
	return 0;
}

const struct endpoint *conf_rules_endpoint(struct conf *conf, struct state_record *record, const char *key)
{
	const char *text = state_get_text(record, key);
	struct one_endpoint one = { .count = 0 };
	struct endpoint *endpoint;
	char reason[256];

	if (!state_is_good(record))
		return NULL;
	if (text == NULL || endpoint_parse(text, take_endpoint, &one, reason, sizeof(reason)) != 0 ||
	    one.count != 1) {
		state_fail(record, "%s is no address to listen on", key);
		return NULL;
	}
	endpoint = arena_alloc(arena_of(conf), sizeof(*endpoint));
	if (endpoint == NULL)
		state_fail(record, "%s", strerror(ENOMEM));
	else
		*endpoint = one.endpoint;
	return endpoint;
}
