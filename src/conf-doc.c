/* conf-doc.c - prints conf-keys.def for people, for man(1), as a sample file, and
 * as a dictionary for fuzzers. */
#include "conf-doc.h"

#include "base.h"
#include "conf-key.h"

#include <errno.h>
#include <string.h>

/* ---- usherd keys ---- */

#define WIDTH 80

/* Words of a text in lines of `width`, each after `indent`. */
static void print_wrapped(const char *text, const char *indent, size_t width, FILE *out)
{
	size_t column = 0;

	for (; *text != '\0'; text += strspn(text, " ")) {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > width) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0) {
			fputs(indent, out);
			column = strlen(indent);
		} else {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, length, out);
		column += length;
		text += length;
	}
	fputc('\n', out);
}

static void print_bound(const struct conf_key *key, int64_t bound, FILE *out)
{
	if (key->type == &conf_type_duration || key->type == &conf_type_rlimit_time)
		conf_type_print_milliseconds(bound, out);
	else if (key->type == &conf_type_size || key->type == &conf_type_rlimit_size)
		conf_type_print_size(bound, out);
	else if (key->type == &conf_type_decimal)
		key->type->print(&(unsigned){(unsigned)bound}, out);
	else
		fprintf(out, "%lld", (long long)bound);
}

/* A mode has bounds, but nobody asks; a rate and prefixes tell their own. */
static bool has_bounds(const struct conf_key *key)
{
	return key->max != 0 && key->max != INT64_MAX && key->type != &conf_type_mode &&
	       key->type != &conf_type_rate && key->type != &conf_type_prefixes;
}

static void print_key(const struct conf_key *key, FILE *out)
{
	fprintf(out, "  %s = %s\n", key->name, key->argument);
	print_wrapped(key->description, "      ", WIDTH, out);
	fprintf(out, "      Type: %s", key->type->name);
	if (has_bounds(key)) {
		fputs(", ", out);
		print_bound(key, key->min, out);
		fputs(" to ", out);
		print_bound(key, key->max, out);
	}
	if ((key->flags & CONF_KEY_REQUIRED) != 0)
		fputs(". Required.\n", out);
	else
		fprintf(out, ". Default: %s.\n", key->fallback[0] != '\0' ? key->fallback : "none");
}

/* One key, with what its type takes. The same name may stand in both scopes. */
static bool print_one(enum conf_scope scope, const char *name, FILE *out)
{
	const struct conf_key *key = conf_key_find(scope, name);

	if (key == NULL)
		return false;
	print_key(key, out);
	fputs("      Written as:\n", out);
	print_wrapped(key->type->explanation, "        ", WIDTH, out);
	if (scope == CONF_SCOPE_DAEMON)
		fputs("      In [usherd].\n", out);
	else if ((key->flags & CONF_KEY_OWN) != 0)
		fputs("      In the section of a service.\n", out);
	else
		fputs("      In [defaults] or in the section of a service.\n", out);
	return true;
}

static void print_all(FILE *out)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++) {
		if (keys[i].name == NULL)
			fprintf(out, "%s%s\n", i > 0 ? "\n" : "", keys[i].group);
		else
			print_key(&keys[i], out);
	}
}

int conf_doc_keys(const char *key, FILE *out, FILE *err)
{
	if (key == NULL) {
		print_all(out);
		return 0;
	}

	bool is_service = print_one(CONF_SCOPE_SERVICE, key, out);
	bool is_daemon = print_one(CONF_SCOPE_DAEMON, key, out);

	if (is_service || is_daemon)
		return 0;

	const char *nearest = conf_key_suggest(CONF_SCOPE_SERVICE, key);

	if (nearest == NULL)
		nearest = conf_key_suggest(CONF_SCOPE_DAEMON, key);
	if (nearest != NULL)
		fprintf(err, "unknown key '%.80s'; did you mean '%s'?\n", key, nearest);
	else
		fprintf(err, "unknown key '%.80s'; 'usherd keys' lists them all\n", key);
	return -ENOENT;
}

/* ---- the manual page ---- */

/* Text in mdoc: backslashes doubled; a dot never begins a line here. */
static void print_mdoc(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

/* A sentence a line, as mdoc wants it. */
static void print_mdoc_sentences(const char *text, FILE *out)
{
	const char *end;

	for (; (end = strstr(text, ". ")) != NULL; text = end + 2) {
		for (const char *byte = text; byte <= end; byte++)
			print_mdoc((char[]){*byte, '\0'}, out);
		fputc('\n', out);
	}
	print_mdoc(text, out);
	fputc('\n', out);
}

static void print_mdoc_key(const struct conf_key *key, FILE *out)
{
	fprintf(out, ".It Cm %s No = Ar ", key->name);
	print_mdoc(key->argument, out);
	fputc('\n', out);
	print_mdoc_sentences(key->description, out);
	fputs("Written as ", out);
	print_mdoc(key->type->explanation, out);
	if (has_bounds(key)) {
		fputs("; from ", out);
		print_bound(key, key->min, out);
		fputs(" to ", out);
		print_bound(key, key->max, out);
	}
	fputs(".\n", out);
	if ((key->flags & CONF_KEY_REQUIRED) != 0) {
		fputs("Every service needs it.\n", out);
	} else if (key->fallback[0] != '\0') {
		fputs("The default is\n.Ql ", out);
		print_mdoc(key->fallback, out);
		fputs(" .\n", out);
	} else {
		fputs("There is none by default.\n", out);
	}
}

static void generate_man(FILE *out)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	fputs(".\\\" Made from src/conf-keys.def; do not edit.\n", out);
	for (size_t i = 0; i < count; i++) {
		if (keys[i].name != NULL) {
			print_mdoc_key(&keys[i], out);
			continue;
		}
		if (i > 0)
			fputs(".El\n", out);
		fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", keys[i].group);
	}
	fputs(".El\n", out);
}

/* ---- the sample ---- */

static void print_commented(const struct conf_key *key, FILE *out)
{
	fprintf(out, ";%s =%s%s\n", key->name, key->fallback[0] != '\0' ? " " : "", key->fallback);
}

/* Every key with its default behind a semicolon, so that the file loads as it is. */
static void print_sample_key(const struct conf_key *key, FILE *out)
{
	fputc('\n', out);
	print_wrapped(key->description, "; ", WIDTH, out);
	print_commented(key, out);
}

static void print_sample_scope(enum conf_scope scope, FILE *out)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);
	const char *group = NULL;

	for (size_t i = 0; i < count; i++) {
		if (keys[i].name == NULL) {
			group = keys[i].group;
			continue;
		}
		if (keys[i].scope != scope || (keys[i].flags & CONF_KEY_OWN) != 0)
			continue;
		if (group != NULL)
			fprintf(out, "\n; ---- %s ----\n", group);
		group = NULL;
		print_sample_key(&keys[i], out);
	}
}

static void print_sample_service(FILE *out)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	fputs("\n; A service: its name in brackets, where it listens, and the program.\n"
	      "; The keys of [defaults] may stand here, too, and then hold for this one only.\n"
	      "[example]\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = &keys[i];

		if (key->name == NULL || (key->flags & CONF_KEY_OWN) == 0)
			continue;
		fputc('\n', out);
		print_wrapped(key->description, "; ", WIDTH, out);
		if (strcmp(key->name, "listen") == 0)
			fputs("listen = 127.0.0.1:7007\n", out);
		else if (strcmp(key->name, "exec") == 0)
			fputs("exec = /bin/cat\n", out);
		else
			print_commented(key, out);
	}
}

static void generate_sample(FILE *out)
{
	fputs("; services.ini - every key of usherd, with its default.\n"
	      "; Made from the table of keys; see services.ini(5).\n"
	      "\n"
	      "; The daemon itself.\n"
	      "[usherd]\n",
	      out);
	print_sample_scope(CONF_SCOPE_DAEMON, out);
	fputs("\n; What holds for every service that does not say otherwise.\n"
	      "[defaults]\n",
	      out);
	print_sample_scope(CONF_SCOPE_SERVICE, out);
	fputs("\n; Services of one line: PORT[/PROTOCOL] = COMMAND\n"
	      "[ports]\n"
	      ";7007 = echo\n"
	      ";7013/udp = daytime\n",
	      out);
	print_sample_service(out);
}

/* ---- the dictionary ---- */

static void print_entry(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputs("\"\n", out);
}

static void generate_dictionary(FILE *out)
{
	static const char *const entries[] = {
		"[usherd]", "[defaults]", "[ports]", "[a]", "\\x0a",
		"\\x0a ",   "\\x0d\\x0a", " ;",      " = ", "\\xef\\xbb\\xbf",
	};
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	fputs("# Made from src/conf-keys.def; do not edit.\n", out);
	for (size_t i = 0; i < ELEMENTS(entries); i++)
		fprintf(out, "\"%s\"\n", entries[i]);
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = &keys[i];
		char line[80];

		if (key->name == NULL)
			continue;
		snprintf(line, sizeof(line), "%s = ", key->name);
		print_entry(line, out);
		if (key->fallback[0] != '\0')
			print_entry(key->fallback, out);
		for (size_t j = 0; key->type->choices != NULL && key->type->choices[j] != NULL; j++)
			print_entry(key->type->choices[j], out);
	}
}

int conf_doc_generate(const char *form, FILE *out)
{
	if (strcmp(form, "man") == 0)
		generate_man(out);
	else if (strcmp(form, "sample") == 0)
		generate_sample(out);
	else if (strcmp(form, "dictionary") == 0)
		generate_dictionary(out);
	else if (strcmp(form, "vim") == 0)
		conf_doc_generate_vim(out);
	else
		return -EINVAL;
	return 0;
}
