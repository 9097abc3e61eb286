/* state.c - the reader of state.h. The file is cut into lines at once, and a line is parsed when
 * its turn comes: so memory is needed for one record at a time. */
#include "state.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAGIC       "usherd-state "
#define VERSION_MAX 64
#define LINES_MOST  4000000
#define FD_MOST     ((uint64_t)1 << 30)
#define SEALS       (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct line {
	const char *start;
	size_t length;
};

struct state {
	enum state_use use;
	void *mapped; /* by state_open() */
	size_t size;
	char version[VERSION_MAX];
	struct line *lines;
	size_t line_count, line_room;
	int *fds;      /* rising */
	bool *claimed; /* of each */
	size_t fd_count;
	char reason[STATE_REASON_MAX];
};

struct state_record {
	struct state *state;
	json_t *object;
	size_t number; /* of its line, from 1 */
	bool bad;
	char **texts; /* that were asked for */
	size_t text_count;
};

static _printf_(3, 4) int refuse(struct state *state, int r, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(state->reason, sizeof(state->reason), format, values);
	va_end(values);
	return r;
}

const char *state_reason(const struct state *state)
{
	return state->reason;
}

const char *state_version(const struct state *state)
{
	return state->version;
}

/* ---- lines ---- */

static int add_line(struct state *state, const char *start, size_t length)
{
	if (state->line_count == state->line_room) {
		size_t room = state->line_room * 2 + 256;
		struct line *lines = reallocarray(state->lines, room, sizeof(*lines));

		if (lines == NULL || room > LINES_MOST) {
			state->lines = lines != NULL ? lines : state->lines;
			return -ENOMEM;
		}
		state->lines = lines;
		state->line_room = room;
	}
	state->lines[state->line_count++] = (struct line){ start, length };
	return 0;
}

/* Whether the line is a record of that kind, by its beginning alone. */
static bool is_kind(const struct line *line, const char *kind)
{
	static const char head[] = "{\"record\":\"";
	size_t length = strlen(kind), before = sizeof(head) - 1;

	return line->length > before + length && memcmp(line->start, head, before) == 0 &&
	       memcmp(line->start + before, kind, length) == 0 && line->start[before + length] == '"';
}

static int read_head(struct state *state, const char *bytes, size_t length)
{
	const char *end = memchr(bytes, '\n', length);
	size_t before = sizeof(MAGIC) - 1;
	char text[VERSION_MAX + 32] = "";
	unsigned format = 0;
	int used = 0;

	if (end == NULL || (size_t)(end - bytes) >= sizeof(text) || (size_t)(end - bytes) < before ||
	    memcmp(bytes, MAGIC, before) != 0)
		return refuse(state, -EBADMSG, "this is no state of a usherd");
	memcpy(text, bytes + before, (size_t)(end - bytes) - before);
	if (sscanf(text, "%9u %63[!-~]%n", &format, state->version, &used) != 2 || text[used] != '\0' ||
	    format == 0)
		return refuse(state, -EBADMSG, "its first line is damaged");
	if (format > STATE_FORMAT)
		return refuse(state, -EPROTONOSUPPORT,
			      "it has format %u, and this usherd reads up to %d: the program would be older "
			      "than the "
			      "one that runs",
			      format, STATE_FORMAT);
	return 0;
}

static int cut_lines(struct state *state, const char *bytes, size_t length)
{
	const char *at = memchr(bytes, '\n', length), *end = bytes + length;

	for (at++; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (newline == NULL)
			return refuse(state, -EBADMSG, "it was cut off");

		int r = add_line(state, at, (size_t)(newline - at));

		if (r < 0)
			return refuse(state, r, "it has too many lines");
		at = newline + 1;
	}
	return 0;
}

static int take_end(void *context, struct state_record *record)
{
	struct state *state = context;

	if (record->number != state->line_count ||
	    state_get_number(record, "count", UINT64_MAX) != state->line_count - 1)
		return state_fail(record, "it was cut off, or lines are missing");
	return 0;
}

/* ---- descriptors ---- */

static int compare_fds(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int take_fds(void *context, struct state_record *record)
{
	struct state *state = context;
	const json_t *numbers = json_object_get(record->object, "numbers"), *item;
	size_t index, count = json_array_size(numbers);

	if (!json_is_array(numbers) || state->fds != NULL)
		return state_fail(record, "its list of descriptors is damaged");
	state->fds = calloc(count + 1, sizeof(*state->fds));
	state->claimed = calloc(count + 1, sizeof(*state->claimed));
	if (state->fds == NULL || state->claimed == NULL)
		return -ENOMEM;
	json_array_foreach(numbers, index, item)
	{
		json_int_t number = json_integer_value(item);

		if (!json_is_integer(item) || number <= STDERR_FILENO || (uint64_t)number > FD_MOST)
			return state_fail(record, "its list of descriptors is damaged");
		state->fds[state->fd_count++] = (int)number;
	}
	qsort(state->fds, state->fd_count, sizeof(*state->fds), compare_fds);
	for (size_t i = 1; i < state->fd_count; i++)
		if (state->fds[i] == state->fds[i - 1])
			return state_fail(record, "descriptor %d appears twice", state->fds[i]);
	return 0;
}

const int *state_fds(const struct state *state, size_t *ret_count)
{
	*ret_count = state->fd_count;
	return state->fds;
}

void state_close_unclaimed(struct state *state)
{
	for (size_t i = 0; state->use == STATE_TAKE && i < state->fd_count; i++)
		if (!state->claimed[i])
			close(state->fds[i]);
}

int state_get_fd(struct state_record *record, const char *key)
{
	struct state *state = record->state;
	int fd = (int)state_get_number(record, key, FD_MOST), *found;

	if (json_object_get(record->object, key) == NULL || record->bad)
		return -1;
	found = state->fds == NULL ? NULL :
				     bsearch(&fd, state->fds, state->fd_count, sizeof(fd), compare_fds);
	if (found == NULL || state->claimed[found - state->fds]) {
		state_fail(record, "descriptor %d of %s is not there, or is had by another", fd, key);
		return -1;
	}
	if (state->use == STATE_TAKE && fcntl(fd, F_GETFD) < 0) {
		state_fail(record, "descriptor %d of %s is not open", fd, key);
		return -1;
	}
	state->claimed[found - state->fds] = true;
	return fd;
}

/* ---- records ---- */

static void clean_record(struct state_record *record)
{
	json_decref(record->object);
	for (size_t i = 0; i < record->text_count; i++)
		free(record->texts[i]);
	free(record->texts);
}

static int take_line(struct state *state, size_t index, state_take *take, void *context)
{
	const struct line *line = &state->lines[index];
	struct state_record record = { .state = state, .number = index + 1 };
	int r;

	record.object = json_loadb(line->start, line->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!json_is_object(record.object))
		r = state_fail(&record, "it is damaged");
	else
		r = take(context, &record);
	if (r == 0 && record.bad)
		r = -EBADMSG;
	if (r < 0 && !record.bad)
		refuse(state, r, "record %zu: %s", record.number, strerror(-r));
	clean_record(&record);
	return r;
}

int state_each(struct state *state, const char *kind, state_take *take, void *context)
{
	int r = 0;

	for (size_t i = 0; i < state->line_count && r == 0; i++)
		if (is_kind(&state->lines[i], kind))
			r = take_line(state, i, take, context);
	return r;
}

size_t state_count(const struct state *state, const char *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < state->line_count; i++)
		count += is_kind(&state->lines[i], kind);
	return count;
}

int state_fail(struct state_record *record, const char *format, ...)
{
	char text[STATE_REASON_MAX - 32];
	va_list values;

	if (record->bad)
		return -EBADMSG;
	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	record->bad = true;
	return refuse(record->state, -EBADMSG, "record %zu: %s", record->number, text);
}

int state_fail_all(struct state *state, const char *sentence)
{
	return refuse(state, -EBADMSG, "%s", sentence);
}

bool state_is_good(const struct state_record *record)
{
	return !record->bad;
}

/* ---- fields ---- */

static uint64_t number_of(struct state_record *record, const char *key, const json_t *value, uint64_t most)
{
	json_int_t number = json_integer_value(value);
	uint64_t unsigned_number = number == INT64_MAX ? UINT64_MAX : (uint64_t)number;

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || number < 0 || unsigned_number > most) {
		state_fail(record, "%s is no number from 0 to %" PRIu64, key, most);
		return 0;
	}
	return unsigned_number;
}

uint64_t state_get_number(struct state_record *record, const char *key, uint64_t most)
{
	return number_of(record, key, json_object_get(record->object, key), most);
}

int64_t state_get_signed(struct state_record *record, const char *key)
{
	const json_t *value = json_object_get(record->object, key);

	if (value != NULL && !json_is_integer(value))
		state_fail(record, "%s is no number", key);
	return json_integer_value(value);
}

bool state_get_flag(struct state_record *record, const char *key)
{
	const json_t *value = json_object_get(record->object, key);

	if (value != NULL && !json_is_boolean(value))
		state_fail(record, "%s is neither true nor false", key);
	return json_is_true(value);
}

/* Bytes from characters below 256; returns how many, or -1. */
static ssize_t decode(const json_t *value, char *bytes, size_t size)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value), count = 0;

	if (text == NULL)
		return -1;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte >= 0xc4 || count == size)
			return -1;
		if (byte >= 0x80)
			byte = (unsigned char)((byte & 3) << 6 | ((unsigned char)text[++i] & 0x3f));
		bytes[count++] = (char)byte;
	}
	return (ssize_t)count;
}

size_t state_get_bytes(struct state_record *record, const char *key, void *bytes, size_t size)
{
	const json_t *value = json_object_get(record->object, key);
	ssize_t length = value == NULL ? 0 : decode(value, bytes, size);

	if (length < 0)
		state_fail(record, "%s is not made of at most %zu bytes", key, size);
	return length < 0 ? 0 : (size_t)length;
}

const char *state_get_text(struct state_record *record, const char *key)
{
	const json_t *value = json_object_get(record->object, key);
	size_t size = json_string_length(value);
	char **texts, *text;

	if (value == NULL)
		return NULL;
	text = size > STATE_TEXT_MAX ? NULL : calloc(1, size + 1);
	texts = text == NULL ? NULL : reallocarray(record->texts, record->text_count + 1, sizeof(*texts));
	if (texts != NULL) {
		ssize_t length = decode(value, text, size);

		record->texts = texts;
		texts[record->text_count++] = text;
		if (length >= 0 && strlen(text) == (size_t)length)
			return text;
	} else {
		free(text);
	}
	state_fail(record, "%s is no text", key);
	return NULL;
}

void state_get_peer(struct state_record *record, const char *key, struct peer *ret_peer)
{
	const json_t *value = json_object_get(record->object, key);
	struct peer peer = { .family = PEER_NONE };

	*ret_peer = peer;
	if (value == NULL)
		return;
	peer.family = (enum peer_family)number_of(record, key, json_array_get(value, 0), PEER_VSOCK);
	peer.port = (uint16_t)number_of(record, key, json_array_get(value, 1), UINT16_MAX);
	peer.scope = (uint32_t)number_of(record, key, json_array_get(value, 2), UINT32_MAX);
	if (!json_is_array(value) ||
	    decode(json_array_get(value, 3), (char *)peer.ip, sizeof(peer.ip)) != sizeof(peer.ip))
		state_fail(record, "%s is no address", key);
	else if (!record->bad)
		*ret_peer = peer;
}

bool state_get_key(struct state_record *record, const char *key, struct peer_key *ret_key)
{
	const json_t *value = json_object_get(record->object, key);
	struct peer_key peer = { .family = PEER_NONE };

	*ret_key = peer;
	if (value == NULL)
		return false;
	peer.family = (uint8_t)number_of(record, key, json_array_get(value, 0), PEER_VSOCK);
	if (!json_is_array(value) ||
	    decode(json_array_get(value, 1), (char *)peer.bytes, sizeof(peer.bytes)) != sizeof(peer.bytes))
		state_fail(record, "%s is no source", key);
	if (!record->bad)
		*ret_key = peer;
	return !record->bad;
}

void state_get_numbers(struct state_record *record, const char *key, uint64_t *numbers, size_t count)
{
	const json_t *value = json_object_get(record->object, key);

	if (value != NULL && !json_is_array(value))
		state_fail(record, "%s is no list", key);
	for (size_t i = 0; i < count; i++)
		numbers[i] = number_of(record, key, json_array_get(value, i), UINT64_MAX);
}

void state_get_counts(struct state_record *record, const char *key, uint64_t *counts, size_t count,
		      state_name *name)
{
	const json_t *value = json_object_get(record->object, key);

	if (value != NULL && !json_is_object(value))
		state_fail(record, "%s are no counts", key);
	for (size_t i = 0; i < count; i++)
		counts[i] = number_of(record, key, json_object_get(value, name(i)), UINT64_MAX);
}

/* ---- the whole ---- */

static int read_all(struct state *state, const char *bytes, size_t length)
{
	int r = read_head(state, bytes, length);

	if (r == 0)
		r = cut_lines(state, bytes, length);
	if (r == 0 && state_count(state, "end") != 1)
		r = refuse(state, -EBADMSG, "it was cut off");
	if (r == 0)
		r = state_each(state, "end", take_end, state);
	if (r == 0)
		r = state_each(state, "descriptors", take_fds, state);
	return r;
}

int state_parse(const char *bytes, size_t length, enum state_use use, struct state **ret_state,
		char reason[static STATE_REASON_MAX])
{
	struct state *state = calloc(1, sizeof(*state));
	int r;

	if (state == NULL) {
		snprintf(reason, STATE_REASON_MAX, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	state->use = use;
	r = read_all(state, bytes, length);
	if (r < 0) {
		memcpy(reason, state->reason, STATE_REASON_MAX);
		state_free(state);
		return r;
	}
	*ret_state = state;
	return 0;
}

int state_open(int fd, enum state_use use, struct state **ret_state, char reason[static STATE_REASON_MAX])
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS), r;
	void *bytes;

	/* Only memory files can be sealed so; and what is sealed does not change while it is read. */
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		snprintf(reason, STATE_REASON_MAX, "descriptor %d is no sealed memory file", fd);
		return -EBADF;
	}
	if (status.st_size == 0) {
		snprintf(reason, STATE_REASON_MAX, "this is no state of a usherd");
		return -EBADMSG;
	}
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		r = -errno;
		snprintf(reason, STATE_REASON_MAX, "it cannot be read: %s", strerror(-r));
		return r;
	}
	r = state_parse(bytes, (size_t)status.st_size, use, ret_state, reason);
	if (r < 0) {
		munmap(bytes, (size_t)status.st_size);
		return r;
	}
	(*ret_state)->mapped = bytes;
	(*ret_state)->size = (size_t)status.st_size;
	return 0;
}

void state_free(struct state *state)
{
	if (state == NULL)
		return;
	if (state->mapped != NULL)
		munmap(state->mapped, state->size);
	free(state->lines);
	free(state->fds);
	free(state->claimed);
	free(state);
}
