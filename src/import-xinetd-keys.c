/* import-xinetd-keys.c - from the attributes of a service of xinetd to our keys. */
#include "import-xinetd.h"

#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INSTANCES_MAX 1000000
#define BANNER_MAX    1024

/* ---- exec ---- */

/* The program by an absolute path: a bare name would be a bundled service here. */
static const char *make_absolute(struct xinetd_service *at, const char *path)
{
	if (path[0] == '/')
		return path;
	xinetd_switch_off(at, xinetd_where(at, XINETD_SERVER), IMPORT_APPROXIMATED,
			  "the path begins at /; in xinetd it begins where xinetd was started: look, and "
			  "switch the service on");
	return import_printf(at->xinetd->import, "/%s", path);
}

/* With NAMEINARGS the first argument is the name of the program: skips it. Returns the program. */
static const char *take_name(struct xinetd_service *at, const char *server,
			     const struct xinetd_value *arguments)
{
	struct import *import = at->xinetd->import;
	struct import_where where = xinetd_where(at, XINETD_SERVER_ARGS);
	const char *name = arguments->words[0];

	if (!at->section->name_in_args)
		import_tell(import, where, IMPORT_CHANGED,
			    "flags = NAMEINARGS stands behind it, where xinetd starts the program without a "
			    "name; here the "
			    "first argument is the name, as is meant");
	if (strcmp(import_base_name(server), "tcpd") == 0) {
		import_tell(import, where, IMPORT_CHANGED,
			    "tcpd is left out, and the program started itself; give hosts.allow and "
			    "hosts.deny to the import "
			    "(--allow, --deny)");
		return strchr(name, '/') != NULL ? name : import_printf(import, "/usr/sbin/%s", name);
	}
	if (strcmp(import_base_name(name), import_base_name(server)) != 0)
		import_tell(import, where, IMPORT_APPROXIMATED,
			    "the program sees its own name as its first word, not '%.80s'", name);
	return server;
}

static void check_program(struct xinetd_service *at, const char *path)
{
	struct stat about;

	if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
		xinetd_switch_off(at, xinetd_where(at, XINETD_SERVER), IMPORT_EXACT,
				  "it is no file, which xinetd finds out when a client comes; the service is "
				  "switched off");
}

static void set_program(struct xinetd_service *at)
{
	const struct xinetd_value *server = &at->section->values[XINETD_SERVER];
	const struct xinetd_value *arguments = &at->section->values[XINETD_SERVER_ARGS];
	size_t count = arguments->is_set ? arguments->count : 0, first = 0;
	const char *path = make_absolute(at, server->words[0]), **words;

	if (count > 0 && (at->section->flags & XINETD_NAMEINARGS)) {
		path = take_name(at, path, arguments);
		first = 1;
	}
	words = calloc(count + 1, sizeof(*words));
	if (words == NULL) {
		import_lacks_memory(at->xinetd->import);
		return;
	}
	words[0] = path;
	for (size_t i = first; i < count; i++)
		words[1 + i - first] = arguments->words[i];
	count = 1 + count - first;
	import_exec(at->xinetd->import, at->service, server->where, words, count);
	check_program(at, path);
	import_tell(at->xinetd->import, server->where, IMPORT_CHANGED,
		    "standard error goes to the log, not to the client (stderr)");
	free(words);
}

static void set_internal(struct xinetd_service *at)
{
	const char *name = at->is_sensor ? "discard" : import_internal(at->section->name);
	struct import_where where = at->section->where;

	if (name == NULL)
		return;
	import_set(at->service, "exec", name);
	if (strcmp(name, "daytime") == 0)
		import_tell(at->xinetd->import, where, IMPORT_CHANGED,
			    "the date is written as mail has it: Sun, 22 Nov 2026 15:18:36 +0000");
	if (strcmp(name, "chargen") == 0 && at->is_udp)
		import_tell(at->xinetd->import, where, IMPORT_CHANGED,
			    "an answer is as long as the question, and not always 1022 bytes, which forged "
			    "datagrams abuse");
}

static void set_redirect(struct xinetd_service *at)
{
	const char *const *words = at->section->values[XINETD_REDIRECT].words;
	struct import *import = at->xinetd->import;
	const char *command[] = { "relay", words[0],
				  import_printf(import, "%d", import_port(words[1], "tcp")) };
	const char *host = words[0];

	if (strlen(host) > 255 || import_has_control(host) || host[0] == '-') {
		import_tell(import, xinetd_where(at, XINETD_REDIRECT), IMPORT_UNSUPPORTED,
			    "this is no host; the service is left out");
		import_drop(at->service);
		return;
	}
	import_exec(import, at->service, xinetd_where(at, XINETD_REDIRECT), command, ELEMENTS(command));
	if (at->section->values[XINETD_SERVER].is_set)
		import_tell(import, xinetd_where(at, XINETD_SERVER), IMPORT_EXACT,
			    "with redirect no server is started");
}

void xinetd_set_exec(struct xinetd_service *at)
{
	if (at->is_internal)
		set_internal(at);
	else if (at->is_redirect)
		set_redirect(at);
	else
		set_program(at);
	/* Ours answer a datagram at a time, each of which is judged, and accept nothing themselves. */
	if (at->is_internal)
		at->waits = false;
	if (at->waits)
		import_set(at->service, "wait", "yes");
}

/* ---- as whom ---- */

static bool is_root(const char *user)
{
	return strcmp(user, "root") == 0 || user[strspn(user, "0")] == '\0';
}

static void set_user(struct xinetd_service *at)
{
	const struct xinetd_value *user = xinetd_value(at, XINETD_USER),
				  *group = xinetd_value(at, XINETD_GROUP);
	const struct xinetd_value *groups = xinetd_value(at, XINETD_GROUPS);
	bool is_ours = at->is_internal || at->is_redirect;
	struct import *import = at->xinetd->import;

	if (is_ours && (user == NULL || is_root(user->words[0]))) {
		import_tell(import, xinetd_where(at, XINETD_USER), IMPORT_CHANGED,
			    "it runs as nobody, which is enough for it");
		return;
	}
	if (user == NULL)
		return; /* it is off, which was told */
	import_set(at->service, "user", user->words[0]);
	if (group != NULL)
		import_set(at->service, "group", group->words[0]);
	else if (user->words[0][strspn(user->words[0], "0123456789")] == '\0')
		import_set(at->service, "group", user->words[0]);
	if (groups == NULL || strcmp(groups->words[0], "no") == 0)
		import_set(at->service, "groups", "none");
	if (is_root(user->words[0]))
		import_set(at->service, "no_new_privileges", "no");
	else
		import_tell(import, user->where, IMPORT_CHANGED,
			    "it cannot gain rights by programs such as sudo(8) unless it says "
			    "no_new_privileges = no");
}

static void set_rlimit(struct xinetd_service *at, enum xinetd_attribute attribute, const char *key,
		       uint64_t least, uint64_t most, const char *unit)
{
	const struct xinetd_value *value = xinetd_value(at, attribute);
	uint64_t number;

	if (value == NULL)
		return;
	if (strcmp(value->words[0], "UNLIMITED") == 0) {
		import_set(at->service, key, "unlimited");
		return;
	}
	if (!xinetd_bytes(value->words[0], &number))
		return;
	if (number == 0) {
		import_tell(at->xinetd->import, value->where, IMPORT_EXACT,
			    "0 sets no limit, in xinetd and here");
		return;
	}
	if (number < least || number > most)
		import_tell(at->xinetd->import, value->where, IMPORT_APPROXIMATED,
			    "%s goes from %llu to %llu", key, (unsigned long long)least,
			    (unsigned long long)most);
	number = number < least ? least : number > most ? most : number;
	import_setf(at->service, key, "%llu%s", (unsigned long long)number, unit);
}

static void set_process(struct xinetd_service *at)
{
	const struct xinetd_value *umask = xinetd_value(at, XINETD_UMASK),
				  *nice = xinetd_value(at, XINETD_NICE);
	int number;

	if (umask != NULL)
		import_setf(at->service, "umask", "%04lo", strtoul(umask->words[0], NULL, 8));
	if (nice != NULL && xinetd_number(nice->words[0], &number)) {
		if (number < -20 || number > 19)
			import_tell(at->xinetd->import, nice->where, IMPORT_EXACT,
				    "the kernel knows -20 to 19");
		import_setf(at->service, "nice", "%d", number < -20 ? -20 : number > 19 ? 19 : number);
	}
	set_rlimit(at, XINETD_RLIMIT_AS, "rlimit_as", 65536, INT64_MAX, "");
	set_rlimit(at, XINETD_RLIMIT_CPU, "rlimit_cpu", 1, 315360000, "s");
	set_rlimit(at, XINETD_RLIMIT_DATA, "rlimit_data", 65536, INT64_MAX, "");
	set_rlimit(at, XINETD_RLIMIT_FILES, "rlimit_nofile", 8, 1073741816, "");
	set_rlimit(at, XINETD_RLIMIT_STACK, "rlimit_stack", 65536, INT64_MAX, "");
}

/* ---- the environment ---- */

/* Whether usherd sets a variable of this name itself, or no variable can have it. */
static bool is_taken(const char *name, size_t length)
{
	static const char *const own[] = { "PROTO", "REMOTE_ADDR", "REMOTE_PORT", "REMOTE_HOST" };
	static const char *const begins[] = { "USHERD_",   "LISTEN_",   "TCPLOCAL",   "TCPREMOTE", "UDPLOCAL",
					      "UDPREMOTE", "UNIXLOCAL", "UNIXREMOTE", "IPC" };
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	if (length == 0 || (name[0] >= '0' && name[0] <= '9') || strspn(name, allowed) < length)
		return true;
	for (size_t i = 0; i < ELEMENTS(own); i++)
		if (strlen(own[i]) == length && memcmp(own[i], name, length) == 0)
			return true;
	for (size_t i = 0; i < ELEMENTS(begins); i++)
		if (length >= strlen(begins[i]) && memcmp(begins[i], name, strlen(begins[i])) == 0)
			return true;
	return false;
}

/* A word of a list: in quotes, but for the quotes and semicolons in it. */
static void put_word(const char *word, FILE *out)
{
	bool quoted = false;

	for (; *word != '\0'; word++) {
		bool wants = *word != '\'' && *word != ';';

		if (wants != quoted)
			fputc('\'', out);
		quoted = wants;
		if (!wants)
			fputc('\\', out);
		fputc(*word, out);
	}
	if (quoted)
		fputc('\'', out);
}

/* Whether a variable of the same name comes later, which then holds. */
static bool comes_again(struct xinetd *xinetd, const struct xinetd_words *list, size_t place, size_t length)
{
	for (size_t i = place + 1; i < list->count && xinetd_may_work(xinetd, 1); i++)
		if (strncmp(list->items[i], list->items[place], length) == 0 &&
		    (list->items[i][length] == '=' || list->items[i][length] == '\0'))
			return true;
	return false;
}

static void set_variables(struct xinetd_service *at, const struct xinetd_words *list, const char *key,
			  enum xinetd_attribute attribute)
{
	char *value = NULL;
	size_t size, taken = 0;
	FILE *out = import_open_text(at->xinetd->import, &value, &size);
	const char *comma = "";

	for (size_t i = 0; out != NULL && i < list->count; i++) {
		const char *word = list->items[i];
		size_t length = strcspn(word, "=");

		if (is_taken(word, length)) {
			taken++;
			continue;
		}
		if (comes_again(at->xinetd, list, i, length))
			continue;
		fputs(comma, out);
		comma = ", ";
		if (strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789=./:-") ==
		    strlen(word))
			fputs(word, out);
		else
			put_word(word, out);
	}
	if (import_close_text(at->xinetd->import, out, &value) && size > 0)
		import_set(at->service, key, value);
	free(value);
	if (taken > 0)
		import_tell(at->xinetd->import, xinetd_where(at, attribute), IMPORT_UNSUPPORTED,
			    "%zu of the variables are set by usherd itself for each session, or are no names "
			    "(letters, digits "
			    "and _); give them another name",
			    taken);
}

/* ---- clients ---- */

static void set_rules(struct xinetd_service *at)
{
	const struct xinetd_section *section = at->section;
	bool has_lists = section->only_from.exists || section->no_access.exists;
	bool intercepts = (section->flags & XINETD_INTERCEPT) && at->waits;
	struct import *import = at->xinetd->import;
	const char *wrong;

	if (at->waits && !at->is_udp && has_lists) {
		if (intercepts)
			xinetd_switch_off(at, xinetd_where(at, XINETD_FLAGS), IMPORT_UNSUPPORTED,
					  "INTERCEPT: a program that accepts by itself asks nobody here; use "
					  "wait = no, or a "
					  "firewall. The service is switched off");
		else
			import_tell(import, section->where, IMPORT_EXACT,
				    "with wait = yes the program accepts by itself, and only_from and "
				    "no_access do nothing, in "
				    "xinetd and here");
		return;
	}
	if (intercepts && at->is_udp)
		import_tell(import, xinetd_where(at, XINETD_FLAGS), IMPORT_APPROXIMATED,
			    "INTERCEPT: here the first datagram is judged, and those that come while the "
			    "program runs are its "
			    "own affair");
	if (at->is_sensor) {
		import_set(at->service, "deny", "all");
		return;
	}
	wrong = xinetd_set_rules(at->xinetd, section, at->service,
				 (section->flags & (XINETD_IPV4 | XINETD_IPV6)) == XINETD_IPV4);
	if (wrong != NULL)
		xinetd_switch_off(at, section->where, IMPORT_UNSUPPORTED, wrong);
}

static void set_hours(struct xinetd_service *at)
{
	const struct xinetd_value *times = &at->section->values[XINETD_ACCESS_TIMES];
	char *value = NULL;
	size_t size;
	FILE *out;
	unsigned from, until;

	if (!times->is_set)
		return;
	out = import_open_text(at->xinetd->import, &value, &size);
	for (size_t i = 0; out != NULL && i < times->count; i++) {
		if (!xinetd_hours(times->words[i], &from, &until))
			continue;
		until++; /* the last minute belongs to it */
		fprintf(out, "%s%02u:%02u-%02u:%02u", i > 0 ? ", " : "", from / 60, from % 60, until / 60,
			until % 60);
	}
	if (import_close_text(at->xinetd->import, out, &value))
		import_set(at->service, "access_times", value);
	free(value);
}

static void set_load(struct xinetd_service *at)
{
	const struct xinetd_value *load = xinetd_value(at, XINETD_MAX_LOAD);
	double given = load != NULL ? strtod(load->words[0], NULL) : 0;
	long long thousandths;

	if (load == NULL)
		return;
	thousandths = given > 1e6 ? 1000000000 : given < 0.01 ? 10 : (long long)(given * 1000 + 0.5);
	if ((double)thousandths / 1000 - given > 1e-9 || given - (double)thousandths / 1000 > 1e-9)
		import_tell(at->xinetd->import, load->where, IMPORT_APPROXIMATED,
			    "it goes from 0.01 to 1000000, with three digits behind the point");
	import_setf(at->service, "max_load", "%lld.%03lld", thousandths / 1000, thousandths % 1000);
}

static void set_count(struct xinetd_service *at, enum xinetd_attribute attribute, const char *key)
{
	const struct xinetd_value *value = xinetd_value(at, attribute);
	int number;

	if (value == NULL || !xinetd_number(value->words[0], &number) || number > INSTANCES_MAX)
		return; /* no limit, as [defaults] says */
	if (at->waits) {
		import_tell(at->xinetd->import, value->where, IMPORT_EXACT,
			    "with wait = yes there is one at a time, in xinetd and here");
		return;
	}
	if (number > 0)
		import_setf(at->service, key, "%d", number);
	else
		xinetd_switch_off(at, value->where, IMPORT_CHANGED,
				  "0 refuses everybody; the service is switched off instead (disable = yes)");
}

static void set_rate(struct xinetd_service *at)
{
	const struct xinetd_value *cps = xinetd_value(at, XINETD_CPS);
	int number;

	if (cps != NULL && xinetd_number(cps->words[0], &number) && number > 0 && number <= INSTANCES_MAX)
		import_setf(at->service, "rate", "%d/s", number);
}

/* ---- banners ---- */

/* The file, when it can be sent; what cannot was told. NULL: none. */
static const char *find_banner(struct xinetd_service *at, enum xinetd_attribute attribute)
{
	const struct xinetd_value *value = &at->section->values[attribute];
	struct import *import = at->xinetd->import;
	const char *path = value->words != NULL ? value->words[0] : NULL;
	struct stat about;

	if (path == NULL)
		return NULL;
	if (at->waits || at->is_udp) {
		import_tell(import, value->where, IMPORT_EXACT,
			    "nothing is sent with wait = yes or over UDP, in xinetd and here");
		return NULL;
	}
	path = path[0] == '/' ? path : import_printf(import, "/%s", path);
	if (strlen(path) > 4095 || import_has_control(path) || strpbrk(path, ";\\ \t'\"") != NULL) {
		import_tell(import, value->where, IMPORT_UNSUPPORTED,
			    "the file needs a simpler name; it is not sent");
		return NULL;
	}
	if (stat(path, &about) < 0 || !S_ISREG(about.st_mode) || about.st_size > BANNER_MAX) {
		import_tell(import, value->where, IMPORT_UNSUPPORTED,
			    "%.200s is not here, no file, or longer than the %d bytes that are sent at most; "
			    "write banner or "
			    "banner_refused by hand",
			    path, BANNER_MAX);
		return NULL;
	}
	return path;
}

static void set_banners(struct xinetd_service *at)
{
	const char *always = find_banner(at, XINETD_BANNER), *good = find_banner(at, XINETD_BANNER_SUCCESS);
	const char *bad = find_banner(at, XINETD_BANNER_FAIL);

	if (always != NULL && (good != NULL || bad != NULL))
		import_tell(at->xinetd->import, xinetd_where(at, XINETD_BANNER), IMPORT_APPROXIMATED,
			    "one text is sent, and not two: banner is left out where banner_success or "
			    "banner_fail says more; "
			    "put them into one file");
	good = good != NULL ? good : always;
	bad = bad != NULL ? bad : always;
	if (good != NULL)
		import_setf(at->service, "banner", "file:%s", good);
	if (bad != NULL)
		import_setf(at->service, "banner_refused", "file:%s", bad);
}

/* ---- all of them ---- */

static void tell_flags(struct xinetd_service *at)
{
	const struct xinetd_section *section = at->section;
	struct import_where where = xinetd_where(at, XINETD_FLAGS);
	struct import *import = at->xinetd->import;

	if (section->flags & XINETD_LABELED)
		xinetd_switch_off(at, where, IMPORT_UNSUPPORTED, "");
	if ((section->flags & XINETD_IDONLY) && (section->log_success & XINETD_LOG_USERID))
		import_tell(import, where, IMPORT_UNSUPPORTED,
			    "IDONLY: nobody is asked who the user of a connection is (ident, RFC 1413), and "
			    "nobody is refused for "
			    "it; use allow, or let the program ask who it is");
	else if (section->flags & XINETD_IDONLY)
		import_tell(import, where, IMPORT_EXACT,
			    "IDONLY: without USERID in log_on_success it does nothing");
	if ((section->flags & XINETD_INTERCEPT) && !at->waits)
		import_tell(import, where, IMPORT_EXACT,
			    "INTERCEPT: xinetd clears it, except for programs with wait = yes; each client "
			    "is judged");
	if (section->values[XINETD_DENY_TIME].is_set)
		import_tell(import, xinetd_where(at, XINETD_DENY_TIME),
			    at->is_sensor ? IMPORT_UNSUPPORTED : IMPORT_EXACT,
			    at->is_sensor ? "a touched service closes no others here; see usherctl ban" :
					    "without SENSOR it does nothing");
	if (section->flags & XINETD_NOLIBWRAP)
		import_wrapped(at->service, NULL);
	else if (section->values[XINETD_LIBWRAP].is_set)
		import_wrapped(at->service, section->values[XINETD_LIBWRAP].words[0]);
	if (!at->is_udp && (section->flags & XINETD_NODELAY))
		import_set(at->service, "nodelay", "yes");
}

void xinetd_set_keys(struct xinetd_service *at)
{
	set_user(at);
	set_process(at);
	if (!at->is_internal && !at->is_redirect) {
		set_variables(at, &at->section->env, "env", XINETD_ENV);
		set_variables(at, &at->section->passenv, "pass_env", XINETD_PASSENV);
	}
	tell_flags(at);
	set_rules(at);
	set_hours(at);
	set_load(at);
	set_banners(at);
	set_count(at, XINETD_INSTANCES, "instances");
	set_count(at, XINETD_PER_SOURCE, "per_source");
	set_rate(at);
}
