/* import.c - see import.h: what importers have found so far. */
#include "import-internal.h"

#include "arena.h"
#include "base.h"
#include "conf-read.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct import *import_new(void)
{
	struct import *import = calloc(1, sizeof(*import));

	if (import == NULL)
		return NULL;
	import->arena = arena_new();
	if (import->arena == NULL) {
		free(import);
		return NULL;
	}
	import->last = &import->first;
	import->last_file = &import->files;
	import->defaults = (struct import_service){ .import = import, .name = "defaults" };
	import->nobody = (struct import_service){ .import = import, .name = "", .dropped = true };
	return import;
}

void import_free(struct import *import)
{
	if (import == NULL)
		return;
	arena_free(import->arena);
	free(import);
}

bool import_failed(const struct import *import)
{
	return import->failed || arena_failed(import->arena);
}

void import_lacks_memory(struct import *import)
{
	import->failed = true;
}

struct arena *import_arena(struct import *import)
{
	return import->arena;
}

/* ---- texts ---- */

void *import_take(struct import *import, size_t size)
{
	void *memory = import_failed(import) ? NULL : arena_alloc(import->arena, size);

	import->failed |= memory == NULL;
	return memory;
}

static const char *checked(struct import *import, const char *text)
{
	import->failed |= text == NULL;
	return text != NULL ? text : "";
}

const char *import_keep(struct import *import, const char *text)
{
	return checked(import, arena_strdup(import->arena, text));
}

const char *import_vprintf(struct import *import, const char *format, va_list arguments)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL;
		return checked(import, NULL);
	}
	return import_keep(import, text);
}

const char *import_printf(struct import *import, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(import, format, arguments);
	va_end(arguments);
	return text;
}

FILE *import_open_text(struct import *import, char **ret_text, size_t *ret_length)
{
	FILE *out = open_memstream(ret_text, ret_length);

	import->failed |= out == NULL;
	return out;
}

bool import_close_text(struct import *import, FILE *out, char **text)
{
	if (out != NULL && fclose(out) == 0)
		return true;
	import->failed = true;
	free(*text);
	*text = NULL;
	return false;
}

/* ---- the report ---- */

/* Upper and lower case are the same. */
static size_t bucket_of(const char *text)
{
	size_t hash = 5381;

	for (; *text != '\0'; text++)
		hash = hash * 33 + (size_t)tolower((unsigned char)*text);
	return hash % IMPORT_BUCKETS;
}

static struct import_file *find_file(struct import *import, const char *path)
{
	size_t bucket = bucket_of(path);
	struct import_file *file;

	for (file = import->files_by_path[bucket]; file != NULL; file = file->same_hash)
		if (strcmp(file->path, path) == 0)
			return file;
	file = import_take(import, sizeof(*file));
	if (file == NULL)
		return NULL;
	file->path = import_keep(import, path);
	*import->last_file = file;
	import->last_file = &file->next;
	file->same_hash = import->files_by_path[bucket];
	import->files_by_path[bucket] = file;
	return file;
}

/* Makes room for lines up to this one. Returns false when there is no memory. */
static bool reach(struct import *import, struct import_file *file, unsigned line)
{
	unsigned room = file->room;
	struct import_line *lines;

	if (line <= file->count)
		return true;
	if (line > IMPORT_LINES_MAX)
		return false;
	if (line > room) {
		room = line < 64 ? 64 : line * 2;
		lines = import_take(import, room * sizeof(*lines));
		if (lines == NULL)
			return false;
		if (file->count > 0)
			memcpy(lines, file->lines, file->count * sizeof(*lines));
		file->lines = lines;
		file->room = room;
	}
	file->count = line;
	return true;
}

void import_tell(struct import *import, struct import_where where, enum import_class class, const char *format, ...)
{
	struct import_file *file = find_file(import, where.path);
	struct import_line *line;
	const char *text;
	va_list arguments;

	if (file == NULL || where.line == 0 || !reach(import, file, where.line))
		return;
	line = &file->lines[where.line - 1];
	line->told = true;
	if (line->class < class)
		line->class = class;
	if (line->text != NULL && strlen(line->text) > IMPORT_TEXT_MAX)
		return;
	va_start(arguments, format);
	text = import_vprintf(import, format, arguments);
	va_end(arguments);
	if (text[0] == '\0' || (line->text != NULL && strstr(line->text, text) != NULL))
		return;
	line->text = line->text == NULL ? text : import_printf(import, "%s; %s", line->text, text);
}

void import_count_lines(struct import *import, const char *path, unsigned lines)
{
	struct import_file *file = find_file(import, path);

	if (file != NULL && lines > 0)
		(void)reach(import, file, lines);
}

enum import_class import_class_of(const struct import_line *line)
{
	return line->told ? line->class : IMPORT_UNSUPPORTED;
}

unsigned import_count(const struct import *import, enum import_class class)
{
	unsigned count = 0;

	for (const struct import_file *file = import->files; file != NULL; file = file->next)
		for (unsigned i = 0; i < file->count; i++)
			count += import_class_of(&file->lines[i]) == class;
	return count;
}

enum import_class import_worst(const struct import *import)
{
	enum import_class worst = IMPORT_EXACT;

	for (enum import_class class = IMPORT_CHANGED; class < IMPORT_CLASSES; class++)
		if (import_count(import, class) > 0)
			worst = class;
	return worst;
}

/* ---- sections ---- */

struct import_service *import_defaults(struct import *import)
{
	return &import->defaults;
}

static struct import_used *find_used(const struct import *import, const char *name)
{
	struct import_used *used = import->used[bucket_of(name)];

	while (used != NULL && strcasecmp(used->name, name) != 0)
		used = used->same_hash;
	return used;
}

static const char *use_name(struct import *import, const char *name)
{
	struct import_used *used = import_take(import, sizeof(*used)), **bucket = &import->used[bucket_of(name)];

	if (used == NULL)
		return "";
	used->name = import_keep(import, name);
	used->same_hash = *bucket;
	*bucket = used;
	return used->name;
}

/* One that services.ini allows and that is nobody's: other bytes become dashes, and names of sections that mean
 * something else begin with "service-". */
static const char *make_name(struct import *import, const char *wanted)
{
	char plain[IMPORT_NAME_MAX + 1], first[IMPORT_NAME_MAX + 10], name[IMPORT_NAME_MAX + 24];
	struct import_used *used;
	size_t length = 0;

	for (; *wanted != '\0' && length < IMPORT_NAME_MAX; wanted++) {
		bool allowed = isalnum((unsigned char)*wanted) || strchr("._-", *wanted) != NULL;

		if (length == 0 && (*wanted == '-' || !allowed))
			continue;
		plain[length++] = allowed ? *wanted : '-';
	}
	while (length > 0 && plain[length - 1] == '-')
		length--;
	plain[length] = '\0';
	if (length == 0)
		snprintf(first, sizeof(first), "service");
	else
		snprintf(first, sizeof(first), "%s%s", import_name_is_special(plain) ? "service-" : "", plain);
	used = find_used(import, first);
	if (used == NULL)
		return use_name(import, first);
	do {
		used->last = used->last == 0 ? 2 : used->last + 1;
		snprintf(name, sizeof(name), "%s-%u", first, used->last);
	} while (find_used(import, name) != NULL);
	return use_name(import, name);
}

struct import_service *import_add(struct import *import, const char *name, struct import_where where)
{
	struct import_service *service = import_take(import, sizeof(*service));

	if (service == NULL)
		return &import->nobody;
	service->import = import;
	service->name = make_name(import, name);
	service->where = where;
	*import->last = service;
	import->last = &service->next;
	return service;
}

const char *import_name(const struct import_service *service)
{
	return service->name;
}

void import_drop(struct import_service *service)
{
	service->dropped = true;
}

struct import_service *import_next(struct import *import, struct import_service *service)
{
	service = service == NULL ? import->first : service->next;
	while (service != NULL && service->dropped)
		service = service->next;
	return service;
}

/* ---- keys ---- */

static struct import_key *find_key(const struct import_service *service, const char *name)
{
	for (struct import_key *key = service->keys; key != NULL; key = key->next)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

/* The key, made at the end if need be; NULL: no memory. */
static struct import_key *reach_key(struct import_service *service, const char *name)
{
	struct import_key *key = find_key(service, name), **last = &service->keys;

	if (key != NULL)
		return key;
	key = import_take(service->import, sizeof(*key));
	if (key == NULL)
		return NULL;
	key->name = import_keep(service->import, name);
	while (*last != NULL)
		last = &(*last)->next;
	*last = key;
	return key;
}

/* Nothing of the value is taken. A section that would be less strict without it lets in nobody. */
static void refuse(struct import_service *service, const char *key, const char *reason)
{
	struct import *import = service->import;
	bool common = service == &import->defaults;
	struct import_where where = service->where;

	if (where.path == NULL)
		where = (struct import_where){ import->files != NULL ? import->files->path : "defaults", 1 };
	import_tell(import, where, IMPORT_UNSUPPORTED, "no value of %s can be made of this: %s; %s until it is written by hand",
		    key, reason, common ? "nobody is let in" : "the section is switched off");
	import_set(service, key, NULL);
	if (common)
		import_set(service, "allow", NULL);
	import_set(service, common ? "deny" : "disable", common ? "all" : "yes");
}

bool import_can_hold(const char *value, char reason[static IMPORT_REASON_MAX])
{
	if (strlen(value) > IMPORT_VALUE_MAX)
		snprintf(reason, IMPORT_REASON_MAX, "it is too long: at most %d bytes go into a line", IMPORT_VALUE_MAX);
	else if (value[0] == ';') /* there is a blank in front of it */
		snprintf(reason, IMPORT_REASON_MAX, "it would be a comment");
	else
		return conf_read_check_value(value, reason, IMPORT_REASON_MAX) == 0;
	return false;
}

void import_set(struct import_service *service, const char *key, const char *value)
{
	struct import_key *place = value == NULL ? find_key(service, key) : reach_key(service, key);
	char reason[IMPORT_REASON_MAX];

	if (place == NULL)
		return;
	place->refused = value != NULL && !import_can_hold(value, reason);
	place->value = value == NULL || place->refused ? NULL : import_keep(service->import, value);
	if (place->refused) {
		refuse(service, key, reason);
		place->refused = true;
	}
}

void import_setf(struct import_service *service, const char *key, const char *format, ...)
{
	const char *value;
	va_list arguments;

	va_start(arguments, format);
	value = import_vprintf(service->import, format, arguments);
	va_end(arguments);
	import_set(service, key, value);
}

const char *import_get(const struct import_service *service, const char *key)
{
	const struct import_key *place = find_key(service, key);

	return place != NULL ? place->value : NULL;
}

static bool has_item(const char *list, const char *item)
{
	size_t length = strlen(item);

	for (const char *at = strstr(list, item); at != NULL; at = strstr(at + 1, item))
		if ((at == list || at[-1] == ' ') && (at[length] == '\0' || at[length] == ','))
			return true;
	return false;
}

/* Lists take a backslash away, as commands do: two of them are one. */
static const char *double_backslashes(struct import *import, const char *item)
{
	char *text, *out;

	if (strchr(item, '\\') == NULL)
		return item;
	text = out = import_take(import, 2 * strlen(item) + 1);
	if (text == NULL)
		return "";
	for (; *item != '\0'; item++) {
		if (*item == '\\')
			*out++ = '\\';
		*out++ = *item;
	}
	return text;
}

void import_append(struct import_service *service, const char *key, const char *item)
{
	const struct import_key *place = find_key(service, key);
	const char *before = place != NULL ? place->value : NULL;

	item = double_backslashes(service->import, item);
	if (item[0] == '\0' || (place != NULL && place->refused))
		return; /* which was told: half a list is none */
	if (before == NULL || before[0] == '\0')
		import_set(service, key, item);
	else if (!has_item(before, item))
		import_setf(service, key, "%s, %s", before, item);
}

void import_comment(struct import_service *service, const char *key, const char *format, ...)
{
	struct import_key *place = key != NULL ? reach_key(service, key) : NULL;
	const char **comment = key == NULL ? &service->comment : place != NULL ? &place->comment : NULL;
	const char *text;
	va_list arguments;

	if (comment == NULL)
		return;
	va_start(arguments, format);
	text = import_vprintf(service->import, format, arguments);
	va_end(arguments);
	*comment = *comment == NULL ? text : import_printf(service->import, "%s\n%s", *comment, text);
}

/* ---- words ---- */

static bool is_plain(const char *word)
{
	for (const char *byte = word; *byte != '\0'; byte++)
		if (!isalnum((unsigned char)*byte) && strchr("_./:=@%+,-", *byte) == NULL)
			return false;
	return word[0] != '\0';
}

/* Whether this byte of a word would begin a comment, for those who do not look at quotes. */
static bool is_comment(const char *word, const char *byte)
{
	return *byte == ';' && byte > word && (byte[-1] == ' ' || byte[-1] == '\t');
}

const char *import_quote(struct import *import, const char *word)
{
	char quote = strchr(word, '\'') == NULL ? '\'' : '"', *quoted, *at;

	if (strpbrk(word, "\n\r") != NULL)
		return NULL;
	if (is_plain(word))
		return import_keep(import, word);
	at = quoted = import_take(import, 4 * strlen(word) + 3);
	if (quoted == NULL)
		return NULL;
	*at++ = quote;
	for (const char *byte = word; *byte != '\0'; byte++) {
		bool alone = is_comment(word, byte);

		if (alone)
			*at++ = quote;
		if (alone || (quote == '"' && strchr("\\\"$`", *byte) != NULL))
			*at++ = '\\';
		*at++ = *byte;
		if (alone)
			*at++ = quote;
	}
	*at = quote;
	return quoted;
}

/* The words apart by blanks, or NULL: one of them or all of them are more than a value can hold. */
static char *join_words(struct import *import, const char *const *words, size_t count)
{
	char reason[IMPORT_REASON_MAX], *line = import_take(import, IMPORT_VALUE_MAX + 1);
	size_t length = 0;

	for (size_t i = 0; line != NULL && i < count; i++) {
		const char *word = strlen(words[i]) <= IMPORT_VALUE_MAX ? import_quote(import, words[i]) : NULL;

		if (word == NULL || length + (i > 0) + strlen(word) > IMPORT_VALUE_MAX)
			return NULL;
		length += (size_t)snprintf(line + length, IMPORT_VALUE_MAX + 1 - length, "%s%s", i > 0 ? " " : "", word);
	}
	return line != NULL && import_can_hold(line, reason) ? line : NULL;
}

bool import_set_words(struct import_service *service, const char *key, const char *const *words, size_t count)
{
	const char *line = join_words(service->import, words, count);

	if (line != NULL)
		import_set(service, key, line);
	return line != NULL;
}

/* ---- the TCP wrappers ---- */

void import_wrapped(struct import_service *service, const char *name)
{
	service->is_unwrapped = name == NULL;
	service->wrapped = name == NULL ? NULL : import_keep(service->import, name);
}

bool import_is_wrapped(const struct import_service *service, const char **ret_name)
{
	*ret_name = service->wrapped;
	return !service->is_unwrapped;
}

void import_expect_hosts(struct import *import)
{
	import->expects_hosts = true;
}

bool import_expects_hosts(const struct import *import)
{
	return import->expects_hosts;
}
