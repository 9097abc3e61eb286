/* import-tcprules.c - who may, as tcprules(1) has it in text. A rule is ADDRESS:allow or ADDRESS:deny, and variables
 * behind. The address is one, or the beginning of one with its final dot, or nothing for all others; IPv6 addresses, and
 * networks with a length, are those of ucspi-tcp6. */
#include "import.h"

#include "base.h"
#include "import-networks.h"
#include "import-rules.h"

#include <string.h>

#define RANGE_MAX 256

/* ---- one line, taken apart ---- */

struct parts {
	char *address;
	bool deny;
	const char *env;
};

/* Where ":allow" or ":deny" begins that ends the address, which may have colons itself. */
static char *find_instruction(char *line, size_t *ret_length)
{
	static const char *const words[] = { ":allow", ":deny" };

	for (char *at = strchr(line, ':'); at != NULL; at = strchr(at + 1, ':'))
		for (size_t i = 0; i < ELEMENTS(words); i++) {
			size_t length = strlen(words[i]);

			if (strncmp(at, words[i], length) == 0 && (at[length] == '\0' || at[length] == ',')) {
				*ret_length = length;
				return at;
			}
		}
	return NULL;
}

/* ,NAME="VALUE" and so on; any byte may stand for the quotes. Returns NULL, or what is wrong. */
static const char *take_variables(struct import *import, char *at, struct parts *parts)
{
	unsigned count = 0;

	parts->env = "";
	while (*at == ',') {
		char *name = at + 1, *value = strchr(name, '='), *end;

		if (++count > RULES_VARIABLES_MAX)
			return "there are too many variables";
		if (value == NULL || value[1] == '\0')
			return "a variable has no value; it is written NAME=\"VALUE\"";
		end = strchr(value + 2, value[1]);
		if (end == NULL)
			return "the value of a variable does not end";
		*value = *end = '\0';
		at = end + 1;
		parts->env = rules_add_variable(import, parts->env, name, value + 2);
		if (parts->env == NULL)
			return "a variable is there twice, or has a name or a value that env does not take";
	}
	return *at == '\0' ? NULL : "behind allow and deny only variables may stand";
}

static const char *take_apart(struct import *import, char *line, struct parts *parts)
{
	size_t length;
	char *at = find_instruction(line, &length);

	if (at == NULL)
		return "a rule is ADDRESS:allow or ADDRESS:deny";
	parts->address = line;
	parts->deny = at[1] == 'd';
	*at = '\0';
	return take_variables(import, at + length, parts);
}

/* ---- addresses ---- */

/* "2001:db8:" as the beginning of an IPv6 address, in whole groups. */
static bool parse_groups(const char *text, struct access_rule *ret_rule)
{
	size_t length = strlen(text), groups = 0;
	char whole[64];

	for (const char *at = text; *at != '\0'; at++)
		groups += *at == ':';
	if (length < 2 || length > 40 || text[length - 1] != ':' || text[length - 2] == ':' || groups > 7 ||
	    strstr(text, "::") != NULL)
		return false;
	snprintf(whole, sizeof(whole), "%s:/%zu", text, groups * 16);
	return networks_parse(whole, ret_rule);
}

static bool parse_address(const char *address, struct access_rule *ret_rule)
{
	if (address[0] == '\0') {
		*ret_rule = (struct access_rule){ .kind = ACCESS_ALL };
		return true;
	}
	if (strchr(address, ':') == NULL && strchr(address, '/') == NULL)
		return networks_parse_prefix(address, ret_rule);
	return parse_groups(address, ret_rule) || networks_parse(address, ret_rule);
}

/* Returns false, and has told, when it is none. */
static bool add_address(struct rules *rules, const char *address, const struct parts *parts,
			struct import_where where)
{
	struct access_rule rule;

	if (!parse_address(address, &rule)) {
		import_tell(rules->import, where, IMPORT_CHANGED,
			    "'%.60s' is no address and no beginning of one with its final dot: it never matched, and is "
			    "left out",
			    address);
		return false;
	}
	import_tell(rules->import, where, IMPORT_EXACT, "%s", "");
	if (strchr(address, '/') != NULL || (rule.kind == ACCESS_IPV6 && rule.bits < 128))
		import_tell(rules->import, where, IMPORT_APPROXIMATED,
			    "taken as a network, as ucspi-tcp6 does; the older tcpserver never matches it");
	rules_add(rules, &rule, parts->deny, parts->env, where);
	return true;
}

/* A number of a range; it ends at `end`. */
static bool take_number(const char *at, const char *end, unsigned *ret_number)
{
	unsigned number = 0;

	if (at == end || end - at > 5)
		return false;
	for (; at < end; at++) {
		if (*at < '0' || *at > '9')
			return false;
		number = number * 10 + (unsigned)(*at - '0');
	}
	*ret_number = number;
	return true;
}

/* 1.2.3.37-53 and 10.2-3. are as many addresses. */
static void add_range(struct rules *rules, const char *address, const struct parts *parts,
		      struct import_where where)
{
	const char *dash = strchr(address, '-'), *left = dash, *right;
	unsigned first, last;
	char each[64];

	if (dash == NULL)
		return;
	right = dash + 1 + strcspn(dash + 1, ".");
	while (left > address && left[-1] != '.')
		left--;
	if (strlen(address) >= sizeof(each) || !take_number(left, dash, &first) ||
	    !take_number(dash + 1, right, &last)) {
		import_tell(rules->import, where, IMPORT_UNSUPPORTED,
			    "'%.60s' is no range of addresses such as 192.0.2.37-53; write networks", address);
		rules->must_decide |= parts->deny;
		return;
	}
	if (last > RANGE_MAX - 1)
		last = RANGE_MAX - 1;
	if (first > last)
		import_tell(rules->import, where, IMPORT_CHANGED, "the range is empty: it never matched, and is left out");
	for (; first <= last; first++) {
		snprintf(each, sizeof(each), "%.*s%u%s", (int)(left - address), address, first, right);
		if (!add_address(rules, each, parts, where))
			return; /* nor are the others */
	}
}

/* user@address: what identd says of the user is never asked for here. */
static void add_user(struct rules *rules, const char *address, const struct parts *parts, struct import_where where)
{
	if (!parts->deny) {
		import_tell(rules->import, where, IMPORT_UNSUPPORTED,
			    "users are never asked for (ident): these are treated as all others from there");
		return;
	}
	import_tell(rules->import, where, IMPORT_APPROXIMATED,
		    "users are never asked for (ident): everybody from there is refused");
	(void)add_address(rules, strrchr(address, '@') + 1, parts, where);
}

static void add_line(struct rules *rules, char *line, struct import_where where)
{
	struct parts parts = { .env = "" };
	const char *wrong;

	if (line[0] == '\0' || line[0] == '#') {
		import_tell(rules->import, where, IMPORT_EXACT, "%s", "");
		return;
	}
	wrong = take_apart(rules->import, line, &parts);
	if (wrong != NULL) {
		rules->must_decide = true;
		import_tell(rules->import, where, IMPORT_UNSUPPORTED,
			    "%s; the section is switched off until this is mended",
			    wrong);
		return;
	}
	if (strchr(parts.address, '@') != NULL)
		add_user(rules, parts.address, &parts, where);
	else if (strchr(parts.address, '=') != NULL && parts.deny)
		rules_cannot_refuse(rules, where, "the name of the client");
	else if (strchr(parts.address, '=') != NULL)
		import_tell(rules->import, where, IMPORT_UNSUPPORTED,
			    "names of clients are never looked up: these are treated as all others; allow their addresses");
	else if (strchr(parts.address, '-') != NULL)
		add_range(rules, parts.address, &parts, where);
	else
		(void)add_address(rules, parts.address, &parts, where);
}

/* ---- the file ---- */

void import_tcprules_text(struct import *import, struct import_service *service, const char *path, const char *text,
			  size_t length)
{
	struct import_lines lines = { .import = import, .path = path, .at = text, .left = length };
	struct rules rules = { .import = import, .service = service, .allows_rest = true };
	char *line;

	while ((line = import_next_line(&lines)) != NULL) {
		size_t end = strlen(line);

		while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t'))
			end--;
		line[end] = '\0';
		add_line(&rules, line, import_here(&lines));
	}
	import_count_lines(import, path, lines.number);
	rules_apply(&rules, (struct import_where){ .path = path, .line = 1 });
}

int import_tcprules(struct import *import, struct import_service *service, const char *path)
{
	const char *text;
	size_t length;
	int r = import_read(import, path, &text, &length);

	if (r == 0)
		import_tcprules_text(import, service, path, text, length);
	return r;
}
