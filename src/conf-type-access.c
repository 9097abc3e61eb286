/* conf-type-access.c - `allow` and `deny` as they are written: networks, users,
 * and the names of lists. What is in the lists is conf-access.c's to read. */
#include "conf-type.h"

#include "access.h"
#include "base.h"
#include "conf.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define WORDS_MAX 4096

static const char file_word[] = "file:";
#define FILE_WORD (sizeof(file_word) - 1)

/* One word. Returns how many rules it is, or -errno. */
static int take_word(const char *word, struct access_rule rules[static ACCESS_RULES_OF_WORD],
		     char reason[static CONF_REASON_MAX])
{
	char why[ACCESS_REASON_MAX];

	if (strncmp(word, file_word, FILE_WORD) == 0) {
		if (word[FILE_WORD] == '\0' || strlen(word + FILE_WORD) >= PATH_MAX)
			return conf_type_refuse(reason, "behind file: stands the path of a list");
		rules[0] = (struct access_rule){ .kind = ACCESS_FILE, .path = word + FILE_WORD };
		return 1;
	}
	if (strcmp(word, "none") == 0)
		return conf_type_refuse(reason, "'none' is no network; all in deny refuses everybody, and no "
						"word at all is an empty list");

	int r = access_parse(word, rules, why);

	return r == -EINVAL ? conf_type_refuse(reason, "%s", why) : r;
}

static int parse_access(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_words words;
	size_t count = 0;
	int r = conf_type_split(input, &words, reason);

	if (r < 0)
		return r;
	if (words.count > WORDS_MAX)
		return conf_type_refuse(
			reason,
			"the list has %zu words, at most %d are allowed; put them in a file, one "
			"a line, and write file:PATH",
			words.count, WORDS_MAX);

	struct access_rule *rules =
		arena_alloc(input->arena, (words.count + 1) * ACCESS_RULES_OF_WORD * sizeof(*rules));

	if (rules == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < words.count; i++) {
		r = take_word(words.items[i], rules + count, reason);
		if (r < 0)
			return r;
		count += (size_t)r;
	}
	*(struct conf_access_list *)field = (struct conf_access_list){ .rules = rules, .count = count };
	return 0;
}

static void print_access(const void *field, FILE *out)
{
	const struct conf_access_list *list = field;
	size_t column = 0;

	for (size_t i = 0; i < list->count; i++) {
		char text[PATH_MAX + sizeof(file_word)];

		if (list->rules[i].kind == ACCESS_FILE)
			snprintf(text, sizeof(text), "%s%s", file_word, list->rules[i].path);
		else
			access_print(&list->rules[i], text);
		conf_type_print_item(text, ",", &column, out);
	}
}

const struct conf_type conf_type_access = {
	.name = "list of networks",
	.explanation =
		"addresses, networks (192.0.2.0/24, 2001:db8::/32), all, loopback, uid:, gid:, cid: or "
		"file:path, apart by commas or blanks; an empty value drops the list of [defaults]",
	.continues = true,
	.parse = parse_access,
	.print = print_access,
};
