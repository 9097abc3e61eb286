/* export-systemd-keys.c - texts of units, and what is said of the keys that systemd has no word for. */
#include "export-systemd.h"

#include "arena.h"
#include "base.h"
#include "conf-key.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* ---- texts ---- */

const char *export_escape(struct import *report, const char *name)
{
	size_t used = 0, room = strlen(name) * 4 + 1;
	char *text = arena_alloc(import_arena(report), room);

	if (text == NULL)
		return import_keep(report, "");
	for (size_t i = 0; name[i] != '\0'; i++) {
		unsigned char byte = (unsigned char)name[i];

		if (byte == '/')
			text[used++] = '-';
		else if (isalnum(byte) || byte == ':' || byte == '_' || (byte == '.' && i > 0))
			text[used++] = (char)byte;
		else
			used += (size_t)snprintf(text + used, room - used, "\\x%02x", byte);
	}
	return text;
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

void export_format(struct export *export, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(export->out, format, arguments);
	va_end(arguments);
}

bool export_text(struct export *export, const char *key, const char *text)
{
	/* A backslash at the end would join the next line. */
	if (has_control(text) || (text[0] != '\0' && text[strlen(text) - 1] == '\\'))
		return false;
	fprintf(export->out, "%s=", key);
	for (; *text != '\0'; text++) {
		if (*text == '%')
			fputc('%', export->out);
		fputc(*text, export->out);
	}
	fputc('\n', export->out);
	return true;
}

void export_word(struct export *export, const char *word, bool is_command)
{
	bool plain = *word != '\0';

	for (const char *byte = word; *byte != '\0'; byte++)
		plain = plain && (isalnum((unsigned char)*byte) || strchr("_./:=@+,-", *byte) != NULL);
	if (plain) {
		fputs(word, export->out);
		return;
	}
	fputc('"', export->out);
	for (; *word != '\0'; word++) {
		unsigned char byte = (unsigned char)*word;

		if (byte < ' ' || byte == 0x7f)
			fprintf(export->out, "\\x%02x", byte);
		else if (byte == '"' || byte == '\\')
			fprintf(export->out, "\\%c", byte);
		else if (byte == '%' || (byte == '$' && is_command))
			fprintf(export->out, "%c%c", byte, byte);
		else
			fputc(byte, export->out);
	}
	fputc('"', export->out);
}

void export_time(struct export *export, const char *key, uint64_t ns)
{
	uint64_t ms = ns / 1000000;

	if (ms % 1000 == 0)
		export_format(export, "%s=%jus\n", key, (uintmax_t)(ms / 1000));
	else
		export_format(export, "%s=%jums\n", key, (uintmax_t)ms);
}

/* ---- what is said ---- */

void export_say(struct export *export, const char *key, enum import_class class, const char *format, ...)
{
	struct conf_where where = conf_origin_of(export->service, key);
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	if (where.path == NULL)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	import_tell(export->report, (struct import_where){ where.path, where.line }, class, "%s%s%s",
		    text != NULL && text[0] != '\0' ? export->service->name : "",
		    text != NULL && text[0] != '\0' ? ": " : "", text != NULL ? text : "");
}

/* The keys of a service that units have no word for, and what to do instead. */
static const struct {
	const char *key;
	enum import_class class;
	const char *text;
} rest[] = {
	{ "serve_while_draining", IMPORT_UNSUPPORTED, "a socket unit does not drain: it is stopped, or it serves" },
	{ "per_source", IMPORT_UNSUPPORTED, "systemd counts connections by single addresses, and spares none" },
	{ "source_prefix", IMPORT_UNSUPPORTED, "systemd counts single addresses; limit networks in the firewall" },
	{ "rate_per_source", IMPORT_UNSUPPORTED, "systemd knows no rate of a source; limit it in the firewall" },
	{ "access_times", IMPORT_UNSUPPORTED, "systemd knows no hours; start and stop the socket by timers" },
	{ "max_load", IMPORT_UNSUPPORTED, "systemd does not look at the load" },
	{ "banner", IMPORT_UNSUPPORTED, "systemd sends nothing itself; let the program do it" },
	{ "banner_refused", IMPORT_UNSUPPORTED, "systemd closes connections without a word" },
	{ "ban_time", IMPORT_UNSUPPORTED, "systemd bans nobody; use the firewall" },
	{ "first_byte_timeout", IMPORT_UNSUPPORTED, "systemd does not look at the connection; the program has to" },
	{ "idle_timeout", IMPORT_UNSUPPORTED, "systemd does not look at the connection; the program has to" },
	{ "on_hangup", IMPORT_UNSUPPORTED, "systemd does not look at the connection; the program has to" },
	{ "linger", IMPORT_UNSUPPORTED, "systemd keeps no duplicate of the connection; the program has to end it in order" },
	{ "when_full", IMPORT_CHANGED, "systemd refuses clients for whom there is no room, always" },
	{ "warm", IMPORT_UNSUPPORTED, "systemd starts the program for each client" },
	{ "warm_spares", IMPORT_UNSUPPORTED, "systemd starts the program for each client" },
	{ "warm_sessions", IMPORT_UNSUPPORTED, "systemd starts the program for each client" },
	{ "warm_time", IMPORT_UNSUPPORTED, "systemd starts the program for each client" },
};

/* The value as it would be written; malloc'ed, or NULL. */
static char *print_value(const struct conf_key *key, const struct conf_service *service)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return NULL;
	key->type->print((const char *)service + key->offset, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool is_default(const struct conf_key *key, const struct conf_service *service)
{
	_cleanup_free_ char *text = print_value(key, service);

	return text != NULL && strcmp(text, key->fallback) == 0;
}

/* The keys that the units hold are exact unless something was said of them. */
void export_say_rest(struct export *export)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count; i++) {
		enum import_class class = IMPORT_EXACT;
		const char *text = "";

		if (keys[i].name == NULL || keys[i].scope != CONF_SCOPE_SERVICE)
			continue;
		for (size_t j = 0; j < ELEMENTS(rest); j++)
			if (strcmp(rest[j].key, keys[i].name) == 0 && !is_default(&keys[i], export->service)) {
				class = rest[j].class;
				text = rest[j].text;
			}
		if (class == IMPORT_UNSUPPORTED && strcmp(keys[i].name, "per_source") == 0 &&
		    export->service->per_source.kind != CONF_COUNT_AUTO)
			continue;
		if (export->is_single || conf_key_applies(&keys[i], &export->service->listen))
			export_say(export, keys[i].name, class, "%s", text);
	}
}
