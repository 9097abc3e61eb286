/* import-instructions.c - who may, as it stands in a directory: that of ipsvd-instruct(5), with a file for each address or
 * beginning of one; or that of s6-tcpserver-access, with a directory for each network, below ip4 and ip6. */
#include "import.h"

#include "base.h"
#include "import-networks.h"
#include "import-rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct walk {
	struct rules rules;
	const char *path; /* of the directory that was given */
	bool has_others;  /* ipsvd: than the file for the rest */
};

/* ---- ipsvd: the lines of a file ---- */

struct file {
	struct access_rule rule;
	const char *env;
	unsigned variables;
	bool is_rest; /* the file for all others */
	bool deny;
};

static void take_variable(struct walk *walk, struct file *file, char *line, struct import_where where)
{
	char *sign = strchr(line, '=');
	const char *env;

	if (sign == NULL) {
		import_tell(walk->rules.import, where, IMPORT_EXACT,
			    "programs have no variables here but those they are given");
		return;
	}
	*sign = '\0';
	env = ++file->variables > RULES_VARIABLES_MAX ?
		      NULL :
		      rules_add_variable(walk->rules.import, file->env, line, sign + 1);
	if (env == NULL) {
		import_tell(walk->rules.import, where, IMPORT_UNSUPPORTED,
			    "the variable is there twice, or has a name or a value that env does not take");
		return;
	}
	file->env = env;
	import_tell(walk->rules.import, where, IMPORT_EXACT, "%s", "");
}

/* Those whom a file of their own lets in have the limit of the command line, which is for all of a section: the
 * smaller one is kept. Returns whether it is the one of this line. */
static bool keep_smaller(struct walk *walk, unsigned long number, struct import_where where)
{
	const char *before = import_get(walk->rules.service, "per_source");
	unsigned long limit = before != NULL ? strtoul(before, NULL, 10) : 0;
	bool others = walk->has_others && limit != number;

	import_tell(walk->rules.import, where, others ? IMPORT_APPROXIMATED : IMPORT_EXACT, "%s",
		    others ? "others have another limit there; here the smaller one is for all (per_source)" : "");
	return !others || limit == 0 || (number != 0 && number < limit);
}

static void take_concurrency(struct walk *walk, const struct file *file, char *line, struct import_where where)
{
	struct import *import = walk->rules.import;
	size_t digits = strspn(line, "0123456789");
	unsigned long number = digits > 0 && digits < 8 ? strtoul(line, NULL, 10) : 1000001;

	if (!file->is_rest) {
		import_tell(import, where, IMPORT_UNSUPPORTED,
			    "sessions of a source are counted for the whole section (per_source), not by address");
		return;
	}
	if (number > 1000000 || (line[digits] != '\0' && line[digits] != ':')) {
		import_tell(import, where, IMPORT_CHANGED, "it is no number of sessions: ipsvd ignores it, too");
		return;
	}
	if (!keep_smaller(walk, number, where))
		return;
	if (number == 0)
		import_set(walk->rules.service, "per_source", "none");
	else
		import_setf(walk->rules.service, "per_source", "%lu", number);
	if (line[digits] == ':' && line[digits + 1] != '\0')
		rules_set_message(import, walk->rules.service, "banner_refused", line + digits + 1, true, where);
}

/* =HOST and =HOST:FILE ask for the addresses of a name. Only 0, which is anybody, can be had. */
static void take_host(struct walk *walk, struct file *file, const char *line, struct import_where where)
{
	if (strcmp(line, "0") == 0) {
		import_tell(walk->rules.import, where, IMPORT_EXACT, "%s", "");
		return;
	}
	file->deny = true;
	import_tell(walk->rules.import, where, IMPORT_UNSUPPORTED,
		    "names are never looked up: nobody whom this file is about is let in; allow the addresses of the name");
}

static void take_line(struct walk *walk, struct file *file, char *line, struct import_where where)
{
	switch (line[0]) {
	case '\0':
	case '#':
		import_tell(walk->rules.import, where, IMPORT_EXACT, "%s", "");
		break;
	case '+':
		take_variable(walk, file, line + 1, where);
		break;
	case 'C':
		take_concurrency(walk, file, line + 1, where);
		break;
	case '=':
		take_host(walk, file, line + 1, where);
		break;
	default:
		import_tell(walk->rules.import, where, IMPORT_CHANGED, "it is no instruction: ipsvd ignores it, too");
	}
}

/* ---- ipsvd: the files ---- */

/* "10" and "10.1" are beginnings of addresses, without the final dot. */
static bool parse_name(const char *name, struct access_rule *ret_rule)
{
	char prefix[24];

	if (strlen(name) > 15 || name[0] == '\0' || name[strspn(name, "0123456789.")] != '\0')
		return false;
	if (networks_parse_prefix(name, ret_rule))
		return true;
	snprintf(prefix, sizeof(prefix), "%s.", name);
	return name[strlen(name) - 1] != '.' && networks_parse_prefix(prefix, ret_rule);
}

static void read_file(struct walk *walk, struct file *file, const char *path)
{
	struct import_lines lines = { .import = walk->rules.import, .path = path };
	int r = import_read(walk->rules.import, path, &lines.at, &lines.left);
	char *line;

	if (r < 0) {
		file->deny = true;
		import_tell(walk->rules.import, (struct import_where){ path, 1 }, IMPORT_UNSUPPORTED,
			    "it cannot be read: %s; nobody whom it is about is let in", strerror(-r));
		return;
	}
	while ((line = import_next_line(&lines)) != NULL)
		take_line(walk, file, line, import_here(&lines));
	import_count_lines(walk->rules.import, path, lines.number);
	if (lines.number == 0)
		import_tell(walk->rules.import, (struct import_where){ path, 1 }, IMPORT_EXACT, "%s", "");
}

static void take_file(struct walk *walk, const char *name, mode_t mode)
{
	struct import *import = walk->rules.import;
	const char *path = import_printf(import, "%s/%s", walk->path, name);
	struct import_where where = { path, 1 };
	struct file file = { .env = "", .is_rest = strcmp(name, "0") == 0 };

	if (file.is_rest) {
		file.rule = (struct access_rule){ .kind = ACCESS_ALL };
	} else if (!parse_name(name, &file.rule)) {
		if ((mode & (S_IRUSR | S_IXUSR)) == 0)
			rules_cannot_refuse(&walk->rules, where, "the name of the client");
		else
			import_tell(import, where, IMPORT_UNSUPPORTED,
				    "names of clients are never looked up: these are treated as all others");
		return;
	}
	if ((mode & S_IXUSR) != 0) {
		file.deny = true;
		import_tell(import, where, IMPORT_UNSUPPORTED,
			    "it is a program to run in place of the other: nobody whom it is about is let in; give them a "
			    "section with an address or port of its own");
	} else if ((mode & S_IRUSR) == 0) {
		file.deny = true;
		import_tell(import, where, IMPORT_EXACT, "whom it is about is refused");
	} else {
		read_file(walk, &file, path);
	}
	rules_add(&walk->rules, &file.rule, file.deny, file.env, where);
}

static void walk_files(struct walk *walk, const char *const *names, int count)
{
	mode_t mode;

	walk->rules.allows_rest = true;
	walk->has_others = count > 1;
	for (int i = 0; i < count; i++) {
		if (rules_is_there(walk->path, names[i], S_IFREG, &mode))
			take_file(walk, names[i], mode);
		else
			import_tell(walk->rules.import,
				    (struct import_where){
					    import_printf(walk->rules.import, "%s/%s", walk->path, names[i]), 1 },
				    IMPORT_CHANGED, "it is no regular file, and no instruction");
	}
}

/* ---- s6: a directory for each network ---- */

/* 10.0.0.0_8 is a network. */
static bool parse_network(const char *name, struct access_rule *ret_rule)
{
	char text[80];
	char *sign;

	if (strlen(name) >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%s", name);
	sign = strrchr(text, '_');
	if (sign == NULL)
		return false;
	*sign = '/';
	return networks_parse(text, ret_rule);
}

/* Whether a rule of s6 lets in, refuses, or says nothing (then the next shorter network is asked). */
static void take_rule(struct walk *walk, const char *folder, const char *name)
{
	struct import *import = walk->rules.import;
	const char *path = import_printf(import, "%s/%s", folder, name);
	struct import_where where = { path, 1 };
	bool allow = rules_is_there(path, "allow", S_IFREG, NULL), deny = !allow && rules_is_there(path, "deny", S_IFREG, NULL);
	struct access_rule rule;
	const char *env = "";

	if (!parse_network(name, &rule)) {
		import_tell(import, where, IMPORT_UNSUPPORTED, "it is no network such as 192.0.2.0_24");
		walk->rules.must_decide |= deny;
		return;
	}
	import_tell(import, where, IMPORT_EXACT, "%s", allow || deny ? "" : "it says nothing: neither allow nor deny is in it");
	if (!allow && !deny)
		return;
	if (allow && rules_is_there(path, "env", S_IFDIR, NULL))
		env = rules_read_env(import, "", import_printf(import, "%s/env", path));
	if (allow && rules_is_there(path, "exec", S_IFREG, NULL)) {
		deny = true;
		import_tell(import, where, IMPORT_UNSUPPORTED,
			    "another program is run for these (exec): they are not let in; give them a section with an "
			    "address or port of its own");
	}
	rules_add(&walk->rules, &rule, deny, env, where);
}

/* uid, gid and reversedns: rules about others than addresses. */
static void take_others(struct walk *walk, const char *kind, const char *path, const char *const *names, int count)
{
	bool by_name = strcmp(kind, "reversedns") == 0;

	for (int i = 0; i < count; i++) {
		const char *rule = import_printf(walk->rules.import, "%s/%s", path, names[i]);
		struct import_where where = { rule, 1 };

		if (by_name && rules_is_there(rule, "deny", S_IFREG, NULL) && !rules_is_there(rule, "allow", S_IFREG, NULL))
			rules_cannot_refuse(&walk->rules, where, "the name of the client");
		else
			import_tell(walk->rules.import, where, IMPORT_UNSUPPORTED,
				    by_name ? "names of clients are never looked up: these are treated as all others" :
					      "for a service on a Unix socket write allow = uid:NUMBER or gid:NUMBER");
	}
}

static void walk_networks(struct walk *walk)
{
	static const char *const kinds[] = { "ip4", "ip6", "reversedns", "uid", "gid" };
	struct import *import = walk->rules.import;
	const char **names;

	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		const char *path = import_printf(import, "%s/%s", walk->path, kinds[i]);
		int count;

		if (!rules_is_there(walk->path, kinds[i], S_IFDIR, NULL))
			continue;
		count = rules_list_names(import, path, &names);
		if (count < 0)
			import_tell(import, (struct import_where){ path, 1 }, IMPORT_UNSUPPORTED,
				    "it cannot be read: %s; nobody is let in by it", strerror(-count));
		if (i >= 2)
			take_others(walk, kinds[i], path, names, count);
		for (int j = 0; i < 2 && j < count; j++)
			take_rule(walk, path, names[j]);
		walk->rules.must_decide |= count < 0;
	}
}

int import_instructions(struct import *import, struct import_service *service, const char *path)
{
	struct walk walk = { .rules = { .import = import, .service = service }, .path = path };
	const char **names;
	int count = rules_list_names(import, path, &names);

	if (count < 0)
		return count;
	if (rules_is_there(path, "ip4", S_IFDIR, NULL) || rules_is_there(path, "ip6", S_IFDIR, NULL) ||
	    rules_is_there(path, "uid", S_IFDIR, NULL) || rules_is_there(path, "gid", S_IFDIR, NULL))
		walk_networks(&walk);
	else
		walk_files(&walk, names, count);
	rules_apply(&walk.rules, (struct import_where){ path, 1 });
	return 0;
}
