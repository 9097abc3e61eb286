/* import-systemd-exec.c - the command line of a service, and the variables that systemd puts into it. */
#include "import-systemd.h"

#include "base.h"
#include "import-internal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- variables ---- */

static const char *find_variable(const struct unit *unit, const char *name, size_t length)
{
	for (size_t i = unit->variable_count; i-- > 0;)
		if (strlen(unit->variables[i].name) == length && strncmp(unit->variables[i].name, name, length) == 0)
			return unit->variables[i].value;
	return NULL;
}

static size_t name_length(const char *text)
{
	size_t length = 0;

	if (isdigit((unsigned char)text[0]))
		return 0;
	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	return length;
}

/* NAME=VALUE; false: it is none, or there are too many. */
static bool add_variable(struct unit *unit, struct unit_setting *setting, const char *word)
{
	size_t length = name_length(word);
	struct unit_variable *place = NULL;
	const char *name;

	if (length == 0 || word[length] != '=')
		return false;
	name = import_printf(unit->import, "%.*s", (int)length, word);
	for (size_t i = 0; i < unit->variable_count && place == NULL; i++)
		if (strcmp(unit->variables[i].name, name) == 0)
			place = &unit->variables[i];
	if (place == NULL && unit->variable_count == UNIT_WORDS_MAX)
		return false;
	/* What files say is stronger, wherever they are named: systemd.exec(5). */
	if (place != NULL && strcmp(place->setting->key, "EnvironmentFile") == 0 && strcmp(setting->key, "Environment") == 0)
		return true;
	if (place == NULL)
		place = &unit->variables[unit->variable_count++];
	*place = (struct unit_variable){ name, import_keep(unit->import, word + length + 1), setting };
	return true;
}

void unit_take_environment(struct unit *unit, struct unit_setting *setting)
{
	size_t count = 0;
	const char *const *words = unit_split(unit, setting, setting->value, &count);

	for (size_t i = 0; words != NULL && i < count; i++) {
		const char *word = unit_expand(unit, setting, words[i]);

		if (word != NULL && !add_variable(unit, setting, word))
			unit_say(unit, setting, IMPORT_UNSUPPORTED, "'%.80s' is no NAME=VALUE, or one too many", word);
	}
	if (words != NULL)
		unit_say(unit, setting, IMPORT_EXACT, "%s", "");
}

/* The value of a line of such a file, without its quotes; false: it is one that goes on, or is not understood. */
static bool read_value(char *value)
{
	char *out = value, quote = '\0';

	for (; *value != '\0'; value++) {
		if (*value == '\\' && quote != '\'') {
			if (*++value == '\0')
				return false;
			*out++ = *value;
		} else if (quote == '\0' && (*value == '"' || *value == '\'')) {
			quote = *value;
		} else if (quote != '\0' && *value == quote) {
			quote = '\0';
		} else {
			*out++ = *value;
		}
	}
	*out = '\0';
	return quote == '\0';
}

static void read_environment(struct unit *unit, struct unit_setting *setting, const char *path, const char *text,
			     size_t length)
{
	struct import_lines lines = { .import = unit->import, .path = path, .at = text, .left = length };
	char *line;

	while (lines.number < IMPORT_LINES_MAX && (line = import_next_line(&lines)) != NULL) {
		size_t end;
		bool good;

		line += strspn(line, " \t");
		for (end = strlen(line); end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t'); end--)
			line[end - 1] = '\0';
		good = *line == '\0' || *line == '#' || *line == ';';
		if (!good && line[name_length(line)] == '=') {
			end = name_length(line) + 1;
			good = end < UNIT_VALUE_MAX && read_value(line + end + strspn(line + end, " \t")) &&
			       add_variable(unit, setting, line);
		}
		import_tell(unit->import, import_here(&lines), good ? IMPORT_EXACT : IMPORT_UNSUPPORTED, "%s",
			    good ? "" : "this is no NAME=VALUE on one line; write it into env by hand");
	}
	import_count_lines(unit->import, path, lines.number);
}

void unit_take_environment_file(struct unit *unit, struct unit_setting *setting)
{
	const char *path = unit_expand(unit, setting, setting->value), *text = NULL;
	bool may_lack;
	size_t length = 0;
	int r;

	if (path == NULL || path[0] == '\0') {
		unit_say(unit, setting, IMPORT_EXACT, "%s", "");
		return;
	}
	may_lack = path[0] == '-';
	path += may_lack;
	if (!unit->may_read || path[0] != '/' || strpbrk(path, "*?[") != NULL || unit->variable_count == UNIT_WORDS_MAX) {
		unit->lacks_variables = true;
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this file is not read; write its variables into env");
		return;
	}
	r = import_read(unit->import, path, &text, &length);
	if (r == 0) {
		path = import_keep(unit->import, path);
		read_environment(unit, setting, path, text, length);
		unit_say(unit, setting, IMPORT_CHANGED,
			 "its variables stand in env; when the file changes, change them there and reload");
	} else if (r == -ENOENT && may_lack) {
		unit_say(unit, setting, IMPORT_CHANGED,
			 "there is no such file now; should it come, write its variables into env");
	} else {
		unit->lacks_variables = true;
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "the file cannot be read (%s); write its variables into env",
			 strerror(-r));
	}
}

void unit_take_pass_environment(struct unit *unit, struct unit_setting *setting)
{
	size_t count = 0;
	const char *const *words = unit_split(unit, setting, setting->value, &count);

	if (words == NULL)
		return;
	unit_say(unit, setting, IMPORT_EXACT, "%s", "");
	for (size_t i = 0; i < count && unit->pass_count < UNIT_WORDS_MAX; i++, unit->pass_count++) {
		unit->lacks_variables = true;
		unit_add_word(unit, setting, "pass_env", words[i]);
	}
	if (count > 0)
		unit_say(unit, setting, IMPORT_CHANGED, "they come from the environment usherd was started with");
}

/* ---- what stands for $NAME and ${NAME} ---- */

struct line {
	struct unit *unit;
	struct unit_setting *setting;
	const char **words;
	size_t count;
	bool is_literal; /* a colon before the program */
};

static bool add_word(struct line *line, const char *word)
{
	if (line->count == UNIT_WORDS_MAX)
		return false;
	line->words[line->count++] = word;
	return true;
}

static const char *look_up(struct line *line, const char *name, size_t length)
{
	const char *value = find_variable(line->unit, name, length);

	if (value == NULL)
		unit_say(line->unit, line->setting, IMPORT_UNSUPPORTED,
			 "nothing that was read says what $%.*s is; it is left out, as systemd leaves out what is not set",
			 (int)(length < 80 ? length : 80), name);
	return value != NULL ? value : "";
}

/* A word that is $NAME alone becomes the words of its value. */
static bool add_value_words(struct line *line, const char *name)
{
	size_t count = 0;
	const char *const *words = unit_split(line->unit, line->setting, look_up(line, name, strlen(name)), &count);

	for (size_t i = 0; words != NULL && i < count; i++)
		if (!add_word(line, words[i]))
			return false;
	return words != NULL;
}

/* ${NAME} anywhere, and $$. NULL: too long, or no memory. */
static const char *expand_inside(struct line *line, const char *text)
{
	size_t room = 2 * UNIT_VALUE_MAX, used = 0;
	char *out = import_take(line->unit->import, room);

	if (out == NULL)
		return NULL;
	while (*text != '\0') {
		const char *put = text, *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;
		size_t length = 1, step = 1;

		if (text[0] == '$' && text[1] == '$') {
			step = 2;
		} else if (end != NULL) {
			put = look_up(line, text + 2, (size_t)(end - text) - 2);
			length = strlen(put);
			step = (size_t)(end - text) + 1;
		}
		if (length >= room - used)
			return NULL;
		memcpy(out + used, put, length);
		used += length;
		text += step;
	}
	out[used] = '\0';
	return out;
}

static bool add_expanded(struct line *line, const char *word)
{
	const char *text = unit_expand(line->unit, line->setting, word);

	if (text == NULL)
		return false;
	if (line->is_literal || strchr(text, '$') == NULL)
		return add_word(line, text);
	if (text[0] == '$' && text[1] != '\0' && text[1 + name_length(text + 1)] == '\0')
		return add_value_words(line, text + 1);
	text = expand_inside(line, text);
	return text != NULL && add_word(line, text);
}

/* ---- the command ---- */

void unit_take_exec(struct unit *unit, struct unit_setting *setting)
{
	unit_say(unit, setting, IMPORT_EXACT, "%s", "");
	if (setting->value[0] == '\0')
		return;
	if (unit->exec != NULL) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED,
			 "one command is run for a session; put several into a script");
		return;
	}
	unit->exec = setting;
}

/* What stands before the program; returns what follows. */
static const char *take_prefixes(struct line *line, const char *program, bool *ret_renamed)
{
	for (; *program != '\0' && strchr("-@+!:|", *program) != NULL; program++) {
		if (*program == '-')
			unit_say(line->unit, line->setting, IMPORT_EXACT,
				 "an exit status other than 0 is logged, and harms nothing");
		else if (*program == '@')
			*ret_renamed = true;
		else if (*program == ':')
			line->is_literal = true;
		else if (*program == '+') {
			import_set(line->unit->service, "user", "root");
			import_set(line->unit->service, "group", NULL);
			unit_say(line->unit, line->setting, IMPORT_APPROXIMATED,
				 "the program runs as root because of the plus sign");
		} else {
			unit_say(line->unit, line->setting, IMPORT_UNSUPPORTED,
				 "the prefix %c has no word here; look as whom the program has to start", *program);
		}
	}
	return program;
}

/* A name without a slash is sought where systemd seeks it, not among our own services. */
static const char *find_program(struct line *line, const char *program)
{
	static const char *const places[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin" };

	if (program[0] == '/')
		return program;
	if (strchr(program, '/') == NULL)
		for (size_t i = 0; i < ELEMENTS(places); i++) {
			const char *path = import_printf(line->unit->import, "%s/%s", places[i], program);

			if (access(path, X_OK) == 0)
				return path;
		}
	return import_printf(line->unit->import, "/usr/bin/%s", program);
}

/* Several commands in one line. */
static size_t first_command(struct line *line, const char *const *words, size_t count)
{
	if (strstr(line->setting->value, "\\;") != NULL)
		return count;
	for (size_t i = 1; i < count; i++)
		if (strcmp(words[i], ";") == 0) {
			unit_say(line->unit, line->setting, IMPORT_UNSUPPORTED,
				 "one command is run for a session; put several into a script");
			return i;
		}
	return count;
}

static void put_command(struct line *line, bool renamed)
{
	const char *program = line->words[0], *base;

	if (renamed && line->count > 1) {
		base = strrchr(program, '/');
		base = base != NULL ? base + 1 : program;
		if (strcmp(line->words[1], base) != 0 && strcmp(line->words[1], program) != 0)
			unit_say(line->unit, line->setting, IMPORT_APPROXIMATED,
				 "the program is called by its path, and not '%.80s'", line->words[1]);
		memmove(line->words + 1, line->words + 2, (line->count - 2) * sizeof(line->words[0]));
		line->count--;
	}
	if (!unit_put_words(line->unit, line->setting, "exec", line->words, line->count))
		return;
	if (import_get(line->unit->service, "chroot") == NULL && access(program, X_OK) != 0)
		unit_switch_off(line->unit, line->setting, "there is no program %.200s here", program);
}

static void put_environment(struct unit *unit)
{
	for (size_t i = 0; i < unit->variable_count; i++) {
		const struct unit_variable *variable = &unit->variables[i];

		unit_add_word(unit, variable->setting, "env",
			      import_printf(unit->import, "%s=%s", variable->name, variable->value));
	}
}

void unit_finish_exec(struct unit *unit)
{
	struct line line = { .unit = unit, .setting = unit->exec };
	const char *const *words, *program;
	bool renamed = false;
	size_t count = 0;

	put_environment(unit);
	if (unit->exec == NULL)
		return;
	words = unit_split(unit, unit->exec, unit->exec->value, &count);
	line.words = import_take(unit->import, (UNIT_WORDS_MAX + 1) * sizeof(*line.words));
	if (words == NULL || line.words == NULL || count == 0)
		return;
	count = first_command(&line, words, count);
	program = unit_expand(unit, unit->exec, take_prefixes(&line, words[0], &renamed));
	if (program == NULL || program[0] == '\0') {
		unit_say(unit, unit->exec, IMPORT_UNSUPPORTED, "there is no program; write exec by hand");
		return;
	}
	add_word(&line, find_program(&line, program));
	for (size_t i = 1; i < count; i++)
		if (!add_expanded(&line, words[i])) {
			unit_say(unit, unit->exec, IMPORT_UNSUPPORTED, "no command can be made of this; write exec by hand");
			return;
		}
	put_command(&line, renamed);
}
