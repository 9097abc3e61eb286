/* sources-state.c - the table of sources from one program to the next. What says nothing (no
 * session, buckets that are full again, no ban of late) is left out; the seed of the hash is another
 * one there, so entries are made anew. Which was used longest ago is forgotten. */
#include "sources-state.h"

#include "base.h"

struct saving {
	struct state_writer *writer;
	uint64_t now_ns;
};

static bool matters(const struct source *source, uint64_t now_ns)
{
	return source->rate_ns > now_ns || source->strikes_ns > now_ns || source->banned_ns > now_ns ||
	       source->pause_ns > now_ns || source->failures > 0 || source->ban_level > 0;
}

static void save(void *context, struct source *source)
{
	const struct saving *saving = context;
	struct state_writer *writer = saving->writer;

	if (!matters(source, saving->now_ns))
		return;
	state_begin(writer, "source");
	state_put_number(writer, "service", source->service);
	state_put_key(writer, "key", &source->key);
	state_put_number(writer, "rate_ns", source->rate_ns);
	state_put_number(writer, "strikes_ns", source->strikes_ns);
	state_put_number(writer, "banned_ns", source->banned_ns);
	state_put_number(writer, "pause_ns", source->pause_ns);
	state_put_number(writer, "failures", source->failures);
	state_put_number(writer, "ban_level", source->ban_level);
	state_end(writer);
}

void sources_save(struct sources *sources, uint64_t now_ns, struct state_writer *writer)
{
	struct saving saving = { writer, now_ns };
	uint32_t place = 0;

	(void)sources_each(sources, &place, SIZE_MAX, save, &saving);
}

int sources_restore(void *context, struct state_record *record)
{
	struct sources *sources = context;
	struct source known = { .active = 0 }, *source;
	uint32_t service = (uint32_t)state_get_number(record, "service", UINT32_MAX);
	bool has_key = state_get_key(record, "key", &known.key);

	known.rate_ns = state_get_number(record, "rate_ns", UINT64_MAX);
	known.strikes_ns = state_get_number(record, "strikes_ns", UINT64_MAX);
	known.banned_ns = state_get_number(record, "banned_ns", UINT64_MAX);
	known.pause_ns = state_get_number(record, "pause_ns", UINT64_MAX);
	known.failures = (uint32_t)state_get_number(record, "failures", UINT32_MAX);
	known.ban_level = (uint16_t)state_get_number(record, "ban_level", UINT16_MAX);
	if (state_is_good(record) && (!has_key || service == 0))
		return state_fail(record, "a source without a service or an address");
	if (!state_is_good(record) || sources == NULL)
		return 0;
	source = source_get(sources, service, &known.key);
	if (source == NULL)
		return 0; /* no room: it was the limits' guess, and is one again */
	source->rate_ns = known.rate_ns;
	source->strikes_ns = known.strikes_ns;
	source->pause_ns = known.pause_ns;
	source->failures = known.failures;
	source->ban_level = known.ban_level;
	source_ban(sources, source, known.banned_ns);
	return 0;
}
