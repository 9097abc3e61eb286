/* import-rlinetd-keys.c - the statements of a service of rlinetd, one by one. */
#include "import-rlinetd.h"

#include "base.h"

#include <stdlib.h>
#include <string.h>

typedef void take(struct rlinetd_service *service, const struct rlinetd_statement *statement);

static void say(struct rlinetd_service *service, const struct rlinetd_statement *statement,
		enum import_class class, const char *text)
{
	import_tell(service->import, statement->where, class, "%s", text);
}

/* A number as it is to be written; else it is told, and false. */
static bool has_number(struct rlinetd_service *service, const struct rlinetd_statement *statement, long least,
		       long most)
{
	char *end;
	long number = strtol(rlinetd_argument(statement, 0), &end, 10);

	if (*end == '\0' && end != rlinetd_argument(statement, 0) && number >= least && number <= most)
		return true;
	import_tell(service->import, statement->where, IMPORT_UNSUPPORTED,
		    "a number from %ld to %ld is wanted here; it is left out", least, most);
	return false;
}

static bool is_yes(const struct rlinetd_statement *statement)
{
	return strcmp(rlinetd_argument(statement, 0), "yes") == 0;
}

static void take_enabled(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->is_off = !is_yes(statement);
}

static void take_port(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->ports = statement;
}

static void take_interface(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->interfaces = strcmp(rlinetd_argument(statement, 0), "any") != 0 ? statement : NULL;
}

static void take_family(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->family = rlinetd_argument(statement, 0);
}

static void take_protocol(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->is_udp = strcmp(rlinetd_argument(statement, 0), "udp") == 0;
}

static void take_exec(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->exec = rlinetd_argument(statement, 0);
	service->where_exec = statement->where;
}

static void say_wrapped(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	if (import_expects_hosts(service->import))
		say(service, statement, IMPORT_CHANGED, "the rules of the TCP wrappers have become allow and deny");
	else
		say(service, statement, IMPORT_APPROXIMATED,
		    "without hosts.allow and hosts.deny everybody is let in: give them to the import (--allow, --deny)");
}

/* The wrapper tcpd is left out; any other program takes the place of the first word of exec. */
static void take_server(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	const char *server = rlinetd_argument(statement, 0);

	if (strcmp(import_base_name(server), "tcpd") == 0)
		say_wrapped(service, statement);
	else
		service->server = server;
}

static void take_tcpd(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	say_wrapped(service, statement);
	if (statement->has_block)
		say(service, statement, IMPORT_UNSUPPORTED,
		    "what is done for a client that is refused cannot be had; banner_refused says something to it");
}

static void take_word(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	const char *value = rlinetd_argument(statement, 0);

	if (value[0] == '\0' || import_has_control(value)) {
		say(service, statement, IMPORT_UNSUPPORTED,
		    "it says nothing that a file can hold; it is left out");
		return;
	}
	import_set_words(service->section, statement->name, &value, 1);
}

static void take_user(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	bool is_group = strcmp(statement->name, "group") == 0;
	const char *name = rlinetd_argument(statement, 0);
	bool is_number = name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';

	take_word(service, statement);
	if (!is_number && !(is_group ? import_has_group(name) : import_has_user(name))) {
		service->is_off = true;
		say(service, statement, IMPORT_CHANGED,
		    "there is no such name here, so the service is switched off (disable = yes) until there "
		    "is");
	}
}

static void take_count(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	if (has_number(service, statement, 1, strcmp(statement->name, "backlog") == 0 ? 65535 : 1000000))
		import_set(service->section, statement->name, rlinetd_argument(statement, 0));
}

static void take_nice(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	if (has_number(service, statement, -20, 19))
		import_set(service->section, "nice", rlinetd_argument(statement, 0));
}

static void take_wait(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	import_set(service->section, "wait", is_yes(statement) ? "yes" : NULL);
}

static void take_initgroups(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	import_set(service->section, "groups", is_yes(statement) ? NULL : "none");
}

static void take_chroot(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	if (strchr(rlinetd_argument(statement, 0), '%') == NULL) {
		take_word(service, statement);
		return;
	}
	service->is_off = true;
	say(service, statement, IMPORT_UNSUPPORTED,
	    "a root directory that depends on the client cannot be had; the service is switched off");
}

static void take_banner(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	const char *file = import_printf(service->import, "file:%s", rlinetd_argument(statement, 0));

	if (import_has_control(file) || !import_set_words(service->section, "banner", &file, 1))
		say(service, statement, IMPORT_UNSUPPORTED,
		    "the name of the file cannot be written; it is left out");
	else
		say(service, statement, IMPORT_CHANGED,
		    "the file is read when the configuration is, not for each client");
}

static bool is_limit(const char *value)
{
	return strcmp(value, "unlimited") == 0 ||
	       (value[0] != '\0' && strlen(value) <= 12 && value[strspn(value, "0123456789")] == '\0');
}

/* One number for both limits, or a block with soft and hard. */
static void take_rlimit(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	static const char *const ours[] = { "cpu",   "fsize",  "data",    "stack", "core",
					    "nproc", "nofile", "memlock", "as" };
	const char *name = rlinetd_argument(statement, 0), *soft = rlinetd_argument(statement, 1),
		   *hard = soft;
	size_t place = 0;
	bool is_time;

	for (const struct rlinetd_statement *in = statement->block; in != NULL; in = in->next) {
		if (strcmp(in->name, "soft") == 0)
			soft = rlinetd_argument(in, 0);
		if (strcmp(in->name, "hard") == 0)
			hard = rlinetd_argument(in, 0);
	}
	while (place < ELEMENTS(ours) && strcmp(ours[place], name) != 0)
		place++;
	if (place == ELEMENTS(ours)) {
		say(service, statement, IMPORT_UNSUPPORTED, "there is no key for this limit; it is left out");
		return;
	}
	if (!is_limit(soft) || !is_limit(hard)) {
		say(service, statement, IMPORT_UNSUPPORTED, "a number or unlimited is wanted here; it is left out");
		return;
	}
	is_time = strcmp(name, "cpu") == 0;
	import_setf(service->section, import_printf(service->import, "rlimit_%s", name), "%s%s:%s%s", soft,
		    is_time && soft[0] != 'u' ? "s" : "", hard, is_time && hard[0] != 'u' ? "s" : "");
}

static void take_rpc(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->is_rpc = service->is_off = true;
	say(service, statement, IMPORT_UNSUPPORTED,
	    "services are not told to the port mapper; the service is switched off: start its daemon by "
	    "itself");
}

static void take_log(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	say(service, statement, IMPORT_CHANGED,
	    "start and end of each session are in the log of usherd, with the client, the time and what it "
	    "cost");
}

static void take_capability(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->is_off = true;
	say(service, statement, IMPORT_UNSUPPORTED,
	    "a program is given no capabilities; it is switched off: give them to its file, with "
	    "no_new_privileges = no");
}

static void take_filter(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	say(service, statement, IMPORT_UNSUPPORTED,
	    "no socket filter is loaded; see allow and deny, or a firewall");
}

static void take_internal(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->internal = strcmp(statement->name, "loopback") == 0 ? "echo" : statement->name;
	service->where_exec = statement->where;
	if (statement->count > 0) {
		service->is_off = true;
		say(service, statement, IMPORT_UNSUPPORTED,
		    "chargen with a file cannot be had; the service is switched off: write a script that "
		    "loops");
	}
}

static void take_echo(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	service->says = rlinetd_argument(statement, 0);
	service->where_exec = statement->where;
}

static void take_close(struct rlinetd_service *service, const struct rlinetd_statement *statement)
{
	(void)statement;
	service->ends = true;
}

static const struct {
	const char *name;
	take *take;
} rows[] = {
	{ "backlog", take_count },     { "banner", take_banner },       { "capability", take_capability },
	{ "chargen", take_internal },  { "chroot", take_chroot },       { "close", take_close },
	{ "discard", take_internal },  { "echo", take_echo },           { "enabled", take_enabled },
	{ "exec", take_exec },         { "exit", take_close },          { "family", take_family },
	{ "filter", take_filter },     { "group", take_user },          { "initgroups", take_initgroups },
	{ "instances", take_count },   { "interface", take_interface }, { "log", take_log },
	{ "loopback", take_internal }, { "nice", take_nice },           { "port", take_port },
	{ "protocol", take_protocol }, { "rlimit", take_rlimit },       { "rpc", take_rpc },
	{ "server", take_server },     { "tcpd", take_tcpd },           { "user", take_user },
	{ "wait", take_wait },
};

void rlinetd_take_statements(struct rlinetd_service *service)
{
	for (size_t i = 0; i < service->count; i++) {
		const struct rlinetd_statement *statement = service->statements[i];
		size_t row = 0;

		while (row < ELEMENTS(rows) && strcmp(rows[row].name, statement->name) != 0)
			row++;
		if (row < ELEMENTS(rows))
			rows[row].take(service, statement);
		else
			say(service, statement, IMPORT_UNSUPPORTED,
			    "rlinetd has no such statement, and reads no further; it is left out");
	}
}
