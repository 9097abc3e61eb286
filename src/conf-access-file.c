/* conf-access-file.c - lists of `allow` and `deny` that stand in files: a network
 * a line. Each file is read once in a load, and every line that is wrong is told
 * with its number. */
#include "conf-internal.h"

#include "access.h"
#include "base.h"
#include "conf-file.h"

#include <errno.h>
#include <string.h>

#define BYTES_MAX       ((size_t)64 * 1024 * 1024)
#define LINES_MAX       1000000
#define LINE_MAX_LENGTH 1000

static int add_rules(struct conf_access_file *file, const struct access_rule *rules, size_t count,
		     unsigned line)
{
	if (file->room - file->count < count) {
		size_t room = file->room * 2 + 64;
		struct access_rule *moved = reallocarray(file->rules, room, sizeof(*moved));

		if (moved == NULL)
			return -ENOMEM;
		file->rules = moved;
		file->room = room;
	}
	for (size_t i = 0; i < count; i++) {
		file->rules[file->count] = rules[i];
		file->rules[file->count].path = file->path;
		file->rules[file->count].line = line;
		file->count++;
	}
	return 0;
}

/* Whether nothing is left of a line but a comment. */
static bool is_rest(const char *text)
{
	text += strspn(text, " \t");
	return *text == '\0' || *text == '#' || *text == ';';
}

/* One line, without its end. */
static int take_line(struct conf_loader *loader, struct conf_access_file *file, char *text, unsigned line)
{
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	char reason[ACCESS_REASON_MAX];

	text += strspn(text, " \t");
	if (is_rest(text))
		return 0;

	char *end = text + strcspn(text, " \t#;");

	if (!is_rest(end)) {
		conf_error_add(loader->errors, file->path, line, NULL,
			       "a line of a list holds one network, and then at most a comment (# or ;)");
		return 0;
	}
	*end = '\0';

	int r = access_parse(text, rules, reason);

	if (r == -EINVAL) {
		conf_error_add(loader->errors, file->path, line, NULL, "%s", reason);
		return 0;
	}
	return r < 0 ? r : add_rules(file, rules, (size_t)r, line);
}

/* Returns 0, or -ENOMEM; stops at what makes the rest no list. */
static int take_lines(struct conf_loader *loader, struct conf_access_file *file, char *bytes, size_t length)
{
	static const char bom[] = "\xef\xbb\xbf";
	char *text = bytes, *behind = bytes + length;
	unsigned line = 1;
	int r = 0;

	if (length >= 3 && memcmp(text, bom, 3) == 0)
		text += 3;
	for (; text < behind && r == 0; line++) {
		char *end = memchr(text, '\n', (size_t)(behind - text));
		char *next = end != NULL ? end + 1 : behind;
		const char *stop = NULL;

		if (end == NULL)
			end = behind;
		if (line > LINES_MAX)
			stop = "the list is too long; at most 1000000 lines are read";
		else if (memchr(text, '\0', (size_t)(end - text)) != NULL)
			stop = "this is no text: a NUL byte stands here";
		else if (end - text > LINE_MAX_LENGTH)
			stop = "the line is too long; at most 1000 bytes are read";
		if (stop != NULL) {
			conf_error_add(loader->errors, file->path, line, NULL, "%s", stop);
			return 0;
		}
		/* The byte behind the file is a NUL of conf_file_read(). */
		*end = '\0';
		if (end > text && end[-1] == '\r')
			end[-1] = '\0';
		r = take_line(loader, file, text, line);
		text = next;
	}
	return r;
}

static int read_list(struct conf_loader *loader, struct conf_access_file *file,
		     char reason[static CONF_REASON_MAX])
{
	char why[CONF_FILE_REASON_MAX];
	struct conf_file bytes;
	int r = conf_file_read_up_to(file->path, BYTES_MAX, loader->environment->check_ownership, &bytes,
				     why);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		file->is_broken = true;
		return conf_type_refuse(reason, "the list %.200s: %.250s", file->path, why);
	}

	struct digest digest;
	size_t errors_before = loader->errors->count + loader->errors->left_out;

	digest_add(&loader->digest, bytes.bytes, bytes.length);
	digest_begin(&digest);
	digest_add(&digest, bytes.bytes, bytes.length);
	digest_end(&digest, file->hash);
	r = take_lines(loader, file, bytes.bytes, bytes.length);
	file->is_broken = loader->errors->count + loader->errors->left_out > errors_before;
	free(bytes.bytes);
	return r;
}

int conf_access_file_get(struct conf_loader *loader, const char *path,
			 const struct conf_access_file **ret_file, char reason[static CONF_REASON_MAX])
{
	struct conf_access_file *file;

	HASH_FIND_STR(loader->access_files, path, file);
	if (file == NULL) {
		file = arena_alloc(loader->scratch, sizeof(*file));
		if (file == NULL)
			return -ENOMEM;
		file->path = path;
		HASH_ADD_KEYPTR(hh, loader->access_files, path, strlen(path), file);
		if (file->hh.tbl == NULL)
			return -ENOMEM;

		int r = read_list(loader, file, reason);

		if (r < 0)
			return r;
	}
	*ret_file = file;
	return 0;
}

void conf_access_files_free(struct conf_access_file *files)
{
	for (struct conf_access_file *file = files; file != NULL; file = file->hh.next)
		free(file->rules);
	HASH_CLEAR(hh, files);
}
