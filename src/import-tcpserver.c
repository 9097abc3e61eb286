/* import-tcpserver.c - scripts and lists of commands that run tcpserver or what is like it: a section for each command
 * that serves. The commands are those of import-shell.c, their words those of import-chain.c and import-servers.c. */
#include "import.h"

#include "arena.h"
#include "base.h"
#include "import-chain.h"
#include "import-rules.h"
#include "import-shell.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* What the lines of a script so far have changed for those below. */
struct script {
	struct import *import;
	const char *directory;
	const char *umask, *error_target;
	bool moved; /* cd was there */
	unsigned sections;
};

#define SECTIONS_MAX 500 /* of one script */

/* ---- rules beside ---- */

static void cannot_read(const struct chain *chain, struct import_service *service, const char *path, int error)
{
	if (chain->rules_may_miss && error == -ENOENT) {
		import_tell(chain->import, chain->where, IMPORT_APPROXIMATED,
			    "the text of the rules, %.200s, is not here: everybody is let in (-X)", path);
		return;
	}
	import_tell(chain->import, chain->where, IMPORT_UNSUPPORTED,
		    "the rules, %.200s, cannot be read: %s; the section is switched off until allow and deny are written",
		    path, strerror(-error));
	rules_switch_off(chain->import, service, "its rules could not be read: see the report, then switch it on");
}

static void read_rules(const struct chain *chain, struct import_service *service)
{
	int r = 0;

	if (chain->rules != NULL)
		r = import_tcprules(chain->import, service, chain->rules);
	if (r < 0)
		cannot_read(chain, service, chain->rules, r);
	r = chain->folder != NULL ? import_instructions(chain->import, service, chain->folder) : 0;
	if (r < 0)
		cannot_read(chain, service, chain->folder, r);
}

/* ---- a section ---- */

static void set_user(struct chain *chain)
{
	if (chain_get(chain, "user") != NULL)
		return;
	chain_set(chain, "user", "root");
	chain_tell(chain, IMPORT_APPROXIMATED,
		   "no user is named: it ran as who started it, taken to be root; name one that may do less");
}

static void make_section(struct chain *chain)
{
	const char *program = chain_base(chain->words[0]);
	struct import_service *service = import_add(chain->import, chain->name != NULL ? chain->name : program,
						    chain->where);
	size_t count = 0;

	set_user(chain);
	chain_tell(chain, IMPORT_CHANGED, "programs get the variables of env and those about the connection, no others");
	import_set(service, "listen", chain_get(chain, "listen"));
	if (strchr(chain->words[0], '/') != NULL)
		chain->words[0] = arena_strdup(import_arena(chain->import), chain_absolute(chain, chain->words[0]));
	while (chain->words[count] != NULL)
		count++;
	import_exec(chain->import, service, chain->where, (const char *const *)chain->words, count);
	for (unsigned i = 0; i < chain->setting_count; i++)
		if (strcmp(chain->settings[i].key, "listen") != 0 && chain->settings[i].value != NULL)
			import_set(service, chain->settings[i].key, chain->settings[i].value);
	if (chain->banner != NULL)
		rules_set_message(chain->import, service, "banner", chain->banner, false, chain->where);
	if (chain->refused != NULL)
		rules_set_message(chain->import, service, "banner_refused", chain->refused, chain->refused_escapes,
				  chain->where);
	(void)rules_set_env(service, chain->env);
	read_rules(chain, service);
	if (chain->is_unsure)
		rules_switch_off(chain->import, service, "as whom it runs is not known: see the report, then switch it on");
}

/* Behind programs that are not known there may be a server still. */
static bool find_server(struct chain *chain)
{
	for (char **word = chain->words; *word != NULL; word++)
		if (chain_is_server(*word)) {
			chain_tell(chain, IMPORT_UNSUPPORTED, "what %.60s does before the server begins is left out",
				   chain_base(chain->words[0]));
			chain->words = word;
			chain->is_unsure = true;
			return true;
		}
	return false;
}

static void take_chain(struct script *script, const struct shell_command *command)
{
	struct chain chain = { .import = script->import, .where = command->where, .directory = script->directory,
			       .words = command->words, .env = "" };

	if (script->umask != NULL)
		chain_set(&chain, "umask", script->umask);
	if (script->moved)
		chain_set(&chain, "directory", script->directory);
	while (chain_take_prefix(&chain) || chain_take_server(&chain) || (!chain.serves && !chain.failed && find_server(&chain)))
		;
	if (chain.failed)
		return;
	if (!chain.serves) {
		chain_tell(&chain, IMPORT_UNSUPPORTED, "it starts no server that is known here, and is not run");
		return;
	}
	if (*chain.words == NULL) {
		chain_fail(&chain, "there is no program to serve");
		return;
	}
	if (command->error_target != NULL || script->error_target != NULL)
		chain_set(&chain, "stderr", command->error_target != NULL ? command->error_target : script->error_target);
	if (command->pipes)
		chain_tell(&chain, IMPORT_CHANGED, "its log is not piped to a program: it is in that of usherd");
	if (++script->sections > SECTIONS_MAX)
		chain_fail(&chain, "more than %d servers are in one file; cut it in two", SECTIONS_MAX);
	else
		make_section(&chain);
}

/* ---- other lines ---- */

/* umask, cd and exec with redirections alone. Returns whether it was one of these. */
static bool take_state(struct script *script, const struct shell_command *command)
{
	const char *word = command->count > 0 ? command->words[0] : "";
	const char *value = command->count > 1 ? command->words[1] : NULL;
	bool bare = command->count == 0 || (command->count == 1 && strcmp(word, "exec") == 0);

	if (bare && command->redirects) {
		if (command->error_target != NULL)
			script->error_target = command->error_target;
		import_tell(script->import, command->where, IMPORT_CHANGED,
			    "what programs write to descriptor 2 goes where stderr says; what the daemon tells is in its log");
		return true;
	}
	if (strcmp(word, "umask") == 0 && value != NULL && strlen(value) <= 4 &&
	    value[strspn(value, "01234567")] == '\0') {
		script->umask = import_printf(script->import, "%03lo", strtoul(value, NULL, 8) & 0777);
	} else if (strcmp(word, "cd") == 0 && value != NULL && value[0] == '/') {
		script->directory = value;
		script->moved = true;
	} else if (strcmp(word, "set") != 0 && strcmp(word, ":") != 0) {
		return false;
	}
	import_tell(script->import, command->where, IMPORT_EXACT, "%s", "");
	return true;
}

/* Where the script is, which is where it runs. */
static const char *folder_of(struct import *import, const char *path)
{
	const char *slash = strrchr(path, '/');
	int length = slash != NULL ? (int)(slash - path) : 0;
	char here[PATH_MAX];

	if (path[0] == '/')
		return length > 0 ? import_printf(import, "%.*s", length, path) : "/";
	if (getcwd(here, sizeof(here)) == NULL)
		return "/";
	return import_printf(import, "%s%s%.*s", here, length > 0 ? "/" : "", length, path);
}

void import_tcpserver_text(struct import *import, const char *path, const char *text, size_t length)
{
	struct import_lines lines = { .import = import, .path = path, .at = text, .left = length };
	struct script script = { .import = import, .directory = folder_of(import, path) };
	struct shell_command command;

	while (shell_next(&lines, &command))
		if (!take_state(&script, &command))
			take_chain(&script, &command);
	import_count_lines(import, path, lines.number);
}

int import_tcpserver(struct import *import, const char *path)
{
	const char *text;
	size_t length;
	int r = import_read(import, path, &text, &length);

	if (r == 0)
		import_tcpserver_text(import, path, text, length);
	return r;
}
