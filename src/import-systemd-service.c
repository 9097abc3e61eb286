/* import-systemd-service.c - the keys of [Service]: as whom, with which limits, with which descriptors. */
#include "import-systemd.h"

#include "base.h"

#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

void unit_switch_off(struct unit *unit, struct unit_setting *setting, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(unit->import, format, arguments);
	va_end(arguments);
	import_set(unit->service, "disable", "yes");
	unit_say(unit, setting, IMPORT_CHANGED, "%s, so the service is switched off (disable = yes) until there is",
		 text);
}

static void say_exact(struct unit *unit, struct unit_setting *setting)
{
	unit_say(unit, setting, IMPORT_EXACT, "%s", "");
}

/* ---- as whom ---- */

void unit_take_user(struct unit *unit, struct unit_setting *setting)
{
	bool is_user = strcmp(setting->key, "User") == 0;
	const char *name = unit_expand(unit, setting, setting->value);
	uint64_t number;

	/* That was said; and it must not be root's instead. */
	if (name == NULL || (name[0] == '\0' && setting->value[0] != '\0')) {
		unit_switch_off(unit, setting, "which %s that is cannot be known", is_user ? "user" : "group");
		return;
	}
	say_exact(unit, setting);
	if (name[0] == '\0')
		return;
	if (unit->dynamic_user && !(is_user ? import_has_user(name) : import_has_group(name))) {
		unit_say(unit, setting, IMPORT_APPROXIMATED,
			 "DynamicUser= made it up; nobody stands in its place until you make one and name it");
		return;
	}
	if (!unit_parse_number(name, UINT32_MAX - 1, &number) &&
	    !(is_user ? import_has_user(name) : import_has_group(name)))
		unit_switch_off(unit, setting, "there is no %s %s here", is_user ? "user" : "group", name);
	unit_put(unit, setting, is_user ? "user" : "group", name);
}

void unit_take_groups(struct unit *unit, struct unit_setting *setting)
{
	const char *value = unit_expand(unit, setting, setting->value);
	size_t count = 0;
	const char *const *words = value != NULL ? unit_split(unit, setting, value, &count) : NULL;

	if (words == NULL)
		return;
	say_exact(unit, setting);
	for (size_t i = 0; i < count && unit->group_count < UNIT_WORDS_MAX; i++, unit->group_count++) {
		if (!import_has_group(words[i]))
			unit_switch_off(unit, setting, "there is no group %s here", words[i]);
		unit_add_word(unit, setting, "groups", words[i]);
	}
	if (count > 0)
		unit_say(unit, setting, IMPORT_APPROXIMATED,
			 "groups stands in place of the groups that the user has, there it adds to them");
}

/* The home of the user as whom the service runs. */
static const char *home(struct unit *unit, struct unit_setting *setting)
{
	const char *user = "root";
	const struct passwd *entry;

	for (const struct unit_setting *at = unit->first; at != NULL; at = at->next)
		if (at->section == UNIT_SERVICE && !at->replaced && strcmp(at->key, "User") == 0 && at->value[0] != '\0')
			user = at->value;
	entry = getpwnam(user);
	if (entry == NULL) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "the home of %s is not known here; write directory by hand", user);
		return NULL;
	}
	return import_keep(unit->import, entry->pw_dir);
}

void unit_take_path(struct unit *unit, struct unit_setting *setting)
{
	bool is_root = strcmp(setting->key, "RootDirectory") == 0;
	const char *path = unit_expand(unit, setting, setting->value);
	struct stat about;

	if (path == NULL)
		return;
	say_exact(unit, setting);
	if (path[0] == '-' && !is_root) {
		path++;
		unit_say(unit, setting, IMPORT_APPROXIMATED, "the directory has to be there, here");
	}
	if (strcmp(path, "~") == 0 && !is_root)
		path = home(unit, setting);
	if (path == NULL || path[0] == '\0')
		return;
	if (!unit_put(unit, setting, is_root ? "chroot" : "directory", path))
		return;
	if (is_root && strcmp(path, "/") == 0)
		import_set(unit->service, "chroot", NULL);
	if ((is_root || import_get(unit->service, "chroot") == NULL) && (stat(path, &about) < 0 || !S_ISDIR(about.st_mode)))
		unit_switch_off(unit, setting, "there is no directory %s here", path);
}

void unit_take_number(struct unit *unit, struct unit_setting *setting)
{
	const char *value = setting->value;

	say_exact(unit, setting);
	if (value[0] != '\0')
		unit_put(unit, setting, setting->key[0] == 'N' ? "nice" : "oom_score_adj", value + (value[0] == '+'));
}

/* ---- limits ---- */

enum limit_kind { LIMIT_SIZE, LIMIT_COUNT, LIMIT_SECONDS };

static const char *print_limit(struct unit *unit, const char *text, enum limit_kind kind)
{
	uint64_t value;
	bool good = kind == LIMIT_SECONDS ? unit_parse_time(text, 1000000, &value) : unit_parse_size(text, &value);

	if (!good)
		return NULL;
	if (value == UINT64_MAX)
		return "unlimited";
	if (kind == LIMIT_SECONDS)
		return unit_print_time(unit, (value + 999999) / 1000000 * 1000000);
	return import_printf(unit->import, "%ju", (uintmax_t)value);
}

void unit_take_limit(struct unit *unit, struct unit_setting *setting)
{
	static const struct {
		const char *name, *key;
		enum limit_kind kind;
	} limits[] = {
		{ "LimitAS", "rlimit_as", LIMIT_SIZE },		{ "LimitCORE", "rlimit_core", LIMIT_SIZE },
		{ "LimitCPU", "rlimit_cpu", LIMIT_SECONDS },	{ "LimitDATA", "rlimit_data", LIMIT_SIZE },
		{ "LimitFSIZE", "rlimit_fsize", LIMIT_SIZE },	{ "LimitMEMLOCK", "rlimit_memlock", LIMIT_SIZE },
		{ "LimitNOFILE", "rlimit_nofile", LIMIT_COUNT }, { "LimitNPROC", "rlimit_nproc", LIMIT_COUNT },
		{ "LimitSTACK", "rlimit_stack", LIMIT_SIZE },
	};
	const char *soft, *hard, *colon = strchr(setting->value, ':');
	size_t i = 0;

	while (strcmp(limits[i].name, setting->key) != 0)
		if (++i == ELEMENTS(limits))
			return;
	say_exact(unit, setting);
	if (setting->value[0] == '\0')
		return;
	if (colon == NULL) {
		soft = print_limit(unit, setting->value, limits[i].kind);
		hard = soft;
	} else {
		soft = print_limit(unit,
				   import_printf(unit->import, "%.*s", (int)(colon - setting->value), setting->value),
				   limits[i].kind);
		hard = print_limit(unit, colon + 1, limits[i].kind);
	}
	if (soft == NULL || hard == NULL)
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no limit; write %s by hand", limits[i].key);
	else if (strcmp(soft, hard) == 0)
		unit_put(unit, setting, limits[i].key, soft);
	else
		unit_putf(unit, setting, limits[i].key, "%s:%s", soft, hard);
}

/* ---- how long, and the end ---- */

void unit_take_time(struct unit *unit, struct unit_setting *setting)
{
	bool is_runtime = strcmp(setting->key, "RuntimeMaxSec") == 0;
	uint64_t us;

	say_exact(unit, setting);
	if (!unit_parse_time(setting->value, 1000000, &us)) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "this is no time; write %s by hand",
			 is_runtime ? "time_limit" : "kill_after");
		return;
	}
	if (strcmp(setting->key, "TimeoutSec") == 0)
		unit_say(unit, setting, IMPORT_CHANGED, "it is the time to end; a start is not timed here");
	if (is_runtime) {
		unit_put(unit, setting, "time_limit", us == UINT64_MAX ? "0" : unit_print_time(unit, us));
	} else if (us == UINT64_MAX || us == 0 || us > UINT64_C(86400000000)) {
		unit_put(unit, setting, "kill_after", "1d");
		unit_say(unit, setting, IMPORT_APPROXIMATED, "a day is the most");
	} else {
		unit_put(unit, setting, "kill_after", unit_print_time(unit, us));
	}
}

void unit_take_kill(struct unit *unit, struct unit_setting *setting)
{
	const char *value = setting->value;

	say_exact(unit, setting);
	if (strcmp(setting->key, "KillSignal") == 0) {
		if (value[0] != '\0' && strcmp(value, "SIGTERM") != 0 && strcmp(value, "TERM") != 0 && strcmp(value, "15") != 0)
			unit_say(unit, setting, IMPORT_UNSUPPORTED, "a session is told to end by SIGTERM, always");
	} else if (strcmp(value, "mixed") == 0) {
		unit_say(unit, setting, IMPORT_APPROXIMATED, "all processes of the session get SIGTERM, not the first one alone");
	} else if (strcmp(value, "process") == 0) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED,
			 "a session ends with all its processes; one that must outlive it has to leave its process group, and "
			 "cgroup = none stand in [usherd]");
	} else if (strcmp(value, "none") == 0) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "a session that has to end is killed after kill_after");
	}
}

void unit_take_type(struct unit *unit, struct unit_setting *setting)
{
	static const struct {
		const char *name;
		enum import_class class;
		const char *text;
	} types[] = {
		{ "simple", IMPORT_EXACT, "" },
		{ "exec", IMPORT_EXACT, "" },
		{ "idle", IMPORT_EXACT, "the program is not delayed" },
		{ "oneshot", IMPORT_APPROXIMATED, "one program is run; the session ends with it" },
		{ "forking", IMPORT_UNSUPPORTED,
		  "a program that goes into the background ends its session with wait = yes; give it the option that keeps "
		  "it in the foreground" },
		{ "notify", IMPORT_APPROXIMATED, "nobody waits for the word that it is ready: NOTIFY_SOCKET is not set" },
		{ "notify-reload", IMPORT_APPROXIMATED, "nobody waits for the word that it is ready: NOTIFY_SOCKET is not set" },
		{ "dbus", IMPORT_UNSUPPORTED, "nobody waits for a name on the bus" },
	};

	for (size_t i = 0; i < ELEMENTS(types); i++)
		if (strcmp(types[i].name, setting->value) == 0) {
			unit_say(unit, setting, types[i].class, "%s", types[i].text);
			return;
		}
	unit_say(unit, setting, IMPORT_UNSUPPORTED, "there is no such type");
}

/* ---- descriptors ---- */

void unit_take_stream(struct unit *unit, struct unit_setting *setting)
{
	if (strcmp(setting->key, "StandardInput") == 0)
		unit->input = setting;
	else if (strcmp(setting->key, "StandardOutput") == 0)
		unit->output = setting;
	else
		unit->error = setting;
	say_exact(unit, setting);
}

static bool says(const struct unit_setting *setting, const char *value)
{
	return setting != NULL && strcmp(setting->value, value) == 0;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_log(const char *value)
{
	return value[0] == '\0' || begins(value, "journal") || begins(value, "syslog") || begins(value, "kmsg");
}

static void finish_error(struct unit *unit, bool output_is_socket)
{
	struct unit_setting *error = unit->error;
	const char *value = error != NULL ? error->value : "inherit";
	const char *path = begins(value, "file:") || begins(value, "append:") || begins(value, "truncate:") ?
				   strchr(value, ':') + 1 : NULL;

	if (strcmp(value, "socket") == 0 || (strcmp(value, "inherit") == 0 && output_is_socket))
		import_set(unit->service, "stderr", "socket");
	else if (strcmp(value, "null") == 0 || (strcmp(value, "inherit") == 0 && says(unit->output, "null")))
		import_set(unit->service, "stderr", "null");
	else if (path != NULL) {
		path = unit_expand(unit, error, path);
		if (path != NULL && unit_putf(unit, error, "stderr", "file:%s", path) && value[0] != 'a')
			unit_say(unit, error, IMPORT_APPROXIMATED, "it is written to the end of the file");
	} else if (is_log(value)) {
		if (value[0] != '\0')
			unit_say(unit, error, IMPORT_CHANGED, "it goes to the log of usherd, line by line");
	} else if (strcmp(value, "inherit") != 0)
		unit_say(unit, error, IMPORT_UNSUPPORTED, "stderr is log, socket, null or file:PATH");
}

static void finish_streams(struct unit *unit)
{
	struct unit_setting *input = unit->input, *output = unit->output, *place = input != NULL ? input : unit->exec;
	bool from_socket = says(input, "socket");
	bool to_socket = says(output, "socket") || (says(output, "inherit") && from_socket);

	if (unit->accept && !from_socket && place != NULL)
		unit_say(unit, place, IMPORT_UNSUPPORTED,
			 "without StandardInput=socket the program looks for its client on descriptor 3 (LISTEN_FDS); here a "
			 "client is standard input and output: use an option of the program for inetd, if it has one");
	else if (input != NULL && !from_socket && input->value[0] != '\0' && !says(input, "null"))
		unit_say(unit, input, IMPORT_UNSUPPORTED, "standard input is the socket here");
	if (from_socket && output == NULL)
		unit_say(unit, input, IMPORT_APPROXIMATED,
			 "standard output is the client, too; there it is the journal unless StandardOutput= says socket or "
			 "inherit");
	else if (output != NULL && !to_socket && output->value[0] != '\0')
		unit_say(unit, output, IMPORT_APPROXIMATED,
			 "standard output is the socket here, as standard input is; what goes to the log is standard error");
	finish_error(unit, to_socket);
}

/* ---- who may ---- */

static bool add_access(struct unit *unit, struct unit_setting *setting, const char *key, const char *word)
{
	static const struct {
		const char *name, *first, *second;
	} names[] = {
		{ "any", "all", NULL },
		{ "localhost", "loopback", NULL },
		{ "link-local", "169.254.0.0/16", "fe80::/64" },
		{ "multicast", "224.0.0.0/4", "ff00::/8" },
	};

	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (strcmp(names[i].name, word) == 0)
			return unit_add_word(unit, setting, key, names[i].first) &&
			       (names[i].second == NULL || unit_add_word(unit, setting, key, names[i].second));
	return unit_add_word(unit, setting, key, word);
}

void unit_take_access(struct unit *unit, struct unit_setting *setting)
{
	const char *key = strcmp(setting->key, "IPAddressAllow") == 0 ? "allow" : "deny";
	size_t count = 0;
	const char *const *words = unit_split(unit, setting, setting->value, &count);

	if (words == NULL)
		return;
	say_exact(unit, setting);
	if (count == 0)
		return;
	if (!unit->accept && unit->has_stream) {
		unit_switch_off(unit, setting,
				"with wait = yes the program accepts for itself, and usherd sees no client; filter in the "
				"firewall");
		return;
	}
	for (size_t i = 0; i < count && unit->access_count < UNIT_WORDS_MAX; i++, unit->access_count++)
		add_access(unit, setting, key, words[i]);
	unit_say(unit, setting, IMPORT_APPROXIMATED,
		 "clients are judged when they connect; other connections of the program are not filtered, and of all "
		 "rules the one with the longest prefix decides");
}

/* What is left to the program of root is what usherd has; one of another user has none. */
void unit_take_capabilities(struct unit *unit, struct unit_setting *setting)
{
	unit_say(unit, setting, IMPORT_UNSUPPORTED, "%s",
		 setting->value[0] == '\0' ?
			 "no right at all is left there, not even to root: give the service a user, who has none here" :
			 "rights are not taken away one by one; give the service a user, who has none of them");
}

/* There who is denied and not allowed is kept out, and who is neither comes in. */
static void finish_access(struct unit *unit)
{
	const char *allow = import_get(unit->service, "allow"), *deny = import_get(unit->service, "deny");

	if (deny != NULL && (strcmp(deny, "all") == 0 || begins(deny, "all, ") || strstr(deny, ", all") != NULL)) {
		if (allow != NULL)
			import_set(unit->service, "deny", NULL);
	} else if (allow != NULL && deny != NULL) {
		import_setf(unit->service, "allow", "%s, all", allow);
	} else if (allow != NULL) {
		import_set(unit->service, "allow", NULL);
	}
}

/* ---- the rest ---- */

void unit_take_text(struct unit *unit, struct unit_setting *setting)
{
	const char *value = unit_expand(unit, setting, setting->value);

	if (value == NULL)
		return;
	say_exact(unit, setting);
	if (value[0] == '\0')
		return;
	if (import_get(unit->service, "description") != NULL)
		unit_say(unit, setting, IMPORT_CHANGED, "one description is kept, that of the socket");
	else
		unit_put(unit, setting, "description", value);
}

void unit_take_documentation(struct unit *unit, struct unit_setting *setting)
{
	say_exact(unit, setting);
	if (strlen(setting->value) > 500 || unit->document_count++ >= 20)
		unit_say(unit, setting, IMPORT_CHANGED, "it is left out");
	else if (setting->value[0] != '\0')
		import_comment(unit->service, NULL, "%s", setting->value);
}

static void take_default(struct unit *unit, struct unit_setting *setting, bool usual)
{
	bool yes;

	if (setting->value[0] == '\0')
		say_exact(unit, setting);
	else if (!unit_parse_bool(setting->value, &yes))
		unit_say(unit, setting, setting->row->class, "%s", setting->row->text);
	else if (yes == usual)
		unit_say(unit, setting, IMPORT_EXACT, "so it is here, too");
	else
		unit_say(unit, setting, setting->row->class, "%s", setting->row->text);
}

void unit_take_no(struct unit *unit, struct unit_setting *setting)
{
	take_default(unit, setting, false);
}

void unit_take_yes(struct unit *unit, struct unit_setting *setting)
{
	take_default(unit, setting, true);
}

void unit_finish_service(struct unit *unit)
{
	struct import_service *service = unit->service;
	struct unit_setting *rights = NULL;

	for (struct unit_setting *at = unit->first; at != NULL; at = at->next)
		if (!at->replaced && at->section == UNIT_SERVICE && strcmp(at->key, "NoNewPrivileges") == 0)
			rights = at;
	if (rights == NULL)
		import_set(service, "no_new_privileges", "no");
	if (import_get(service, "user") == NULL && !unit->dynamic_user)
		import_set(service, "user", "root");
	if (import_get(service, "kill_after") == NULL)
		import_set(service, "kill_after", "90s");
	finish_streams(unit);
	finish_access(unit);
}
