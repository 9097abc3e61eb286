/* conf-command.c - usherd -l ENDPOINT [-o key=value]... -- COMMAND...: the same
 * keys and the same checks as in a file, without a file. */
#include "conf-internal.h"

#include "base.h"
#include "conf-read.h"

#include <errno.h>
#include <string.h>

static const char here[] = "command line";

static struct conf_section *new_section(struct conf_loader *loader, const char *name)
{
	struct conf_section *section = arena_alloc(loader->scratch, sizeof(*section));

	if (section == NULL)
		return NULL;
	section->name = arena_strdup(loader->arena, name);
	section->where.path = here;
	section->is_command = true;
	return section->name != NULL ? section : NULL;
}

/* The service is called as its program: what a log should say. */
static void name_service(char *const *command, char name[static CONF_READ_NAME_MAX + 1])
{
	const char *slash = command[0] != NULL ? strrchr(command[0], '/') : NULL;
	const char *from = slash != NULL ? slash + 1 : command[0] != NULL ? command[0] : "";
	size_t length = 0;

	for (; *from != '\0' && length < CONF_READ_NAME_MAX; from++)
		if (conf_is_service_name((char[]){'a', *from, '\0'}) && strchr("/[]@*%:", *from) == NULL)
			name[length++] = *from;
	name[length] = '\0';
	if (!conf_is_service_name(name) || conf_meant_section(name) != NULL)
		snprintf(name, CONF_READ_NAME_MAX + 1, "service");
}

/* Adds `key = words`, put in one text. */
static int add_words(struct conf_loader *loader, struct conf_section *section, const char *key,
		     const char *const *words, size_t count, const char *separator)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (stream == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			fputs(separator, stream);
		conf_type_print_word(words[i], stream);
	}
	if (fclose(stream) != 0)
		return -ENOMEM;
	return count > 0 ? conf_setting_add(loader, section, conf_key_find(CONF_SCOPE_SERVICE, key), text, 0)
			 : 0;
}

/* Cuts blanks at both ends, as a file would. */
static const char *trim(struct arena *arena, const char *text, size_t length)
{
	while (length > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		length--;
	}
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	return arena_strndup(arena, text, length);
}

static int add_option(struct conf_loader *loader, struct conf_section *service, const char *option)
{
	char reason[CONF_REASON_MAX];
	const char *sign = strchr(option, '=');

	if (sign == NULL) {
		conf_error_add(loader->errors, here, 0, option, "an option is written key=value");
		return 0;
	}

	const char *name = trim(loader->scratch, option, (size_t)(sign - option));
	const char *value = trim(loader->scratch, sign + 1, strlen(sign + 1));

	if (name == NULL || value == NULL)
		return -ENOMEM;

	bool is_daemon = conf_key_find(CONF_SCOPE_DAEMON, name) != NULL;
	const struct conf_key *key = conf_key_find(is_daemon ? CONF_SCOPE_DAEMON : CONF_SCOPE_SERVICE, name);
	struct conf_section *section = is_daemon ? loader->daemon : service;

	if (key == NULL) {
		const char *nearest = conf_key_suggest(CONF_SCOPE_SERVICE, name);

		if (nearest == NULL)
			nearest = conf_key_suggest(CONF_SCOPE_DAEMON, name);
		conf_error_at(loader, section, name, 0, "unknown key '%s'%s%s%s", name,
			      nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
			      nearest != NULL ? "'?" : "; 'usherd keys' lists them all");
	} else if (strcmp(name, "include") == 0) {
		conf_error_at(loader, section, name, 0, "files cannot be included here; use usherd -c");
	} else if (conf_section_find(section, name) != NULL) {
		conf_error_at(loader, section, name, 0, "this key is given twice");
	} else if (conf_read_check_value(value, reason, sizeof(reason)) < 0) {
		conf_error_at(loader, section, name, 0, "%s", reason);
	} else {
		return conf_setting_add(loader, section, key, value, 0);
	}
	return 0;
}

/* Words, each with the NUL at its end. */
static void add_to_digest(struct digest *digest, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		digest_add(digest, words[i], strlen(words[i]) + 1);
}

static int gather(struct conf_loader *loader, const char *const *listens, size_t listen_count,
		  const char *const *options, size_t option_count, char *const *command)
{
	char name[CONF_READ_NAME_MAX + 1];
	size_t words = 0;

	while (command[words] != NULL)
		words++;
	name_service(command, name);
	add_to_digest(&loader->digest, listens, listen_count);
	add_to_digest(&loader->digest, options, option_count);
	add_to_digest(&loader->digest, (const char *const *)command, words);

	struct conf_section *service = new_section(loader, name);

	loader->daemon = new_section(loader, "usherd");
	if (service == NULL || loader->daemon == NULL)
		return -ENOMEM;
	loader->services = service;
	loader->service_count = 1;

	int r = add_words(loader, service, "listen", listens, listen_count, ", ");

	if (r == 0)
		r = add_words(loader, service, "exec", (const char *const *)command, words, " ");
	for (size_t i = 0; i < option_count && r == 0; i++)
		r = add_option(loader, service, options[i]);
	return r;
}

int conf_from_command_line(const char *const *listens, size_t listen_count, const char *const *options,
			   size_t option_count, char *const *command,
			   const struct conf_environment *environment, struct conf **ret_conf,
			   struct conf_errors *errors)
{
	_cleanup_(conf_loader_clean) struct conf_loader loader = {.environment = environment,
								  .errors = errors};
	int r = conf_loader_init(&loader);

	if (r == 0)
		r = conf_source_add(&loader, here);
	if (r == 0)
		r = gather(&loader, listens, listen_count, options, option_count, command);
	return conf_loader_end(&loader, r, ret_conf);
}
