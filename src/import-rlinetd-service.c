/* import-rlinetd-service.c - a service of rlinetd: where it listens, and what it starts. */
#include "import-rlinetd.h"

#include "arena.h"
#include "base.h"

#include <arpa/inet.h>
#include <string.h>

static void tell(struct rlinetd_service *service, enum import_class class, const char *text)
{
	import_tell(service->import, service->where, class, "%s", text);
}

static void switch_off(struct rlinetd_service *service, struct import_where where, enum import_class class,
		       const char *text)
{
	service->is_off = true;
	import_tell(service->import, where, class, "%s", text);
}

/* ---- where ---- */

static void listen_on(struct rlinetd_service *service, const char *address, int port)
{
	const char *suffix = service->is_udp ? "/udp" : "";
	unsigned char bytes[16];

	if (address == NULL && service->family != NULL && strcmp(service->family, "ipv6") == 0)
		address = "::";
	else if (address == NULL && service->family != NULL)
		address = "0.0.0.0";
	if (address == NULL)
		import_append(service->section, "listen",
			      import_printf(service->import, "%d%s", port, suffix));
	else if (inet_pton(AF_INET, address, bytes) == 1)
		import_append(service->section, "listen",
			      import_printf(service->import, "%s:%d%s", address, port, suffix));
	else if (inet_pton(AF_INET6, address, bytes) == 1)
		import_append(service->section, "listen",
			      import_printf(service->import, "[%s]:%d%s", address, port, suffix));
	else
		import_tell(service->import,
			    service->interfaces != NULL ? service->interfaces->where : service->where,
			    IMPORT_UNSUPPORTED, "'%.60s' is no address; it is left out", address);
}

static void listen_on_port(struct rlinetd_service *service, const char *name, struct import_where where)
{
	int port = import_port(name, service->is_udp ? "udp" : "tcp");

	if (port < 0) {
		import_tell(service->import, where, IMPORT_UNSUPPORTED,
			    "'%.60s' is no port here, in /etc/services; write its number into listen", name);
		return;
	}
	if (service->interfaces == NULL)
		listen_on(service, NULL, port);
	for (size_t i = 0; service->interfaces != NULL && i < service->interfaces->count; i++)
		listen_on(service, service->interfaces->arguments[i], port);
}

/* Returns false when there is no port at all. */
static bool set_listen(struct rlinetd_service *service)
{
	if (service->ports == NULL)
		listen_on_port(service, service->name, service->where);
	for (size_t i = 0; service->ports != NULL && i < service->ports->count; i++)
		listen_on_port(service, service->ports->arguments[i], service->ports->where);
	return import_get(service->section, "listen") != NULL;
}

/* ---- what ---- */

/* A fixed text, or one of the two that inetd knows. */
static void set_saying(struct rlinetd_service *service)
{
	const char *words[2] = { "/usr/bin/printf", NULL };
	char text[2048];
	size_t length = 0;

	if (strcmp(service->says, "%M") == 0 || strncmp(service->says, "%I", 2) == 0) {
		words[0] = service->says[1] == 'M' ? "time" : "daytime";
		import_set_words(service->section, "exec", words, 1);
		import_tell(service->import, service->where_exec,
			    service->says[1] == 'M' ? IMPORT_EXACT : IMPORT_CHANGED, "%s",
			    service->says[1] == 'M' ?
				    "" :
				    "the date is written as mail has it: Sun, 22 Nov 2026 15:18:36 +0000");
		return;
	}
	for (const char *at = service->says; *at != '\0' && length < sizeof(text) - 5; at++) {
		const char *escape = *at == '\n' ? "\\n" :
				     *at == '\r' ? "\\r" :
				     *at == '\t' ? "\\t" :
				     *at == '\\' ? "\\\\" :
						   NULL;

		if (escape != NULL)
			length += (size_t)snprintf(text + length, 3, "%s", escape);
		else
			text[length++] = *at;
	}
	text[length] = '\0';
	words[1] = text;
	if (strchr(service->says, '%') != NULL || import_has_control(text) ||
	    !import_set_words(service->section, "exec", words, 2)) {
		words[0] = "discard";
		import_set_words(service->section, "exec", words, 1);
		switch_off(service, service->where_exec, IMPORT_UNSUPPORTED,
			   "a text with what is put in for %, or with control characters, cannot be said; "
			   "the service is "
			   "switched off: write a script (REMOTE_ADDR, REMOTE_PORT)");
		return;
	}
	import_tell(service->import, service->where_exec, IMPORT_CHANGED, "%s",
		    "a program says it, one for each client");
}

static void set_program(struct rlinetd_service *service)
{
	const char *words[RLINETD_WORDS_MAX];
	char *text, *save = NULL;
	size_t count = 0;

	if (strlen(service->exec) >= RLINETD_COMMAND_MAX || import_has_control(service->exec)) {
		switch_off(service, service->where_exec, IMPORT_UNSUPPORTED,
			   "the command is too long, or has control characters; the service is switched off: "
			   "write a script");
		service->exec = "discard";
	}
	text = arena_strdup(import_arena(service->import), service->exec);
	for (char *word = text != NULL ? strtok_r(text, " ", &save) : NULL;
	     word != NULL && count < RLINETD_WORDS_MAX; word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	if (count == RLINETD_WORDS_MAX)
		switch_off(service, service->where_exec, IMPORT_UNSUPPORTED,
			   "the command has too many words; the service is switched off: write a script");
	if (count > 0 && service->server != NULL) {
		if (strcmp(import_base_name(service->server), import_base_name(words[0])) != 0)
			import_tell(service->import, service->where_exec, IMPORT_APPROXIMATED,
				    "the program sees its own name as its first word, not '%.40s'", words[0]);
		words[0] = service->server;
	}
	if (strchr(service->exec, '%') != NULL)
		switch_off(service, service->where_exec, IMPORT_UNSUPPORTED,
			   "nothing is put in for % in a command; the service is switched off: write a "
			   "script that takes it from "
			   "the environment (REMOTE_ADDR, REMOTE_PORT)");
	import_exec(service->import, service->section, service->where_exec, words, count);
	import_tell(service->import, service->where_exec, IMPORT_CHANGED, "%s",
		    "a clean environment instead of the one of rlinetd (env, pass_env), and standard error "
		    "to the log, not to the "
		    "client (stderr)");
}

/* Returns false when it starts nothing. */
static bool set_exec(struct rlinetd_service *service)
{
	if (service->exec != NULL)
		set_program(service);
	else if (service->internal != NULL)
		import_set_words(service->section, "exec", &service->internal, 1);
	else if (service->says != NULL)
		set_saying(service);
	else
		return false;
	if (service->exec != NULL && service->says != NULL)
		tell(service, IMPORT_UNSUPPORTED, "echo in front of a program is left out; see banner");
	return import_get(service->section, "exec") != NULL;
}

void rlinetd_make_service(struct rlinetd_service *service)
{
	static const char *const defaults[][2] = {
		{ "instances", "40" }, { "per_source", "none" }, { "groups", "none" }, { "user", "root" }
	};

	service->section = import_add(service->import, service->name, service->where);
	for (size_t i = 0; i < ELEMENTS(defaults); i++)
		import_set(service->section, defaults[i][0], defaults[i][1]);
	rlinetd_take_statements(service);
	if (service->exec == NULL)
		import_set(service->section, "user", NULL);
	if (!set_listen(service) || !set_exec(service)) {
		import_drop(service->section);
		tell(service, IMPORT_UNSUPPORTED,
		     "it has no port, or nothing to start; nothing is made of it");
		return;
	}
	if (import_get(service->section, "user") == NULL || service->exec == NULL)
		import_set(service->section, "groups", NULL);
	if (import_get(service->section, "wait") != NULL) { /* one program has the socket */
		import_set(service->section, "instances", NULL);
		import_set(service->section, "per_source", NULL);
	}
	if (service->is_off)
		import_set(service->section, "disable", "yes");
	tell(service, IMPORT_EXACT, "");
}
