/* import-servers.c - options, address and port of the servers: tcpserver (of ucspi-tcp and ucspi-tcp6), tcpsvd and udpsvd
 * (of ipsvd and busybox), s6-tcpserver and s6-tcpserver-access. */
#include "import-chain.h"

#include "base.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

enum flavour { TCPSERVER, TCPSVD, UDPSVD, S6, FLAVOURS };

struct server {
	struct chain *chain;
	enum flavour flavour;
	bool only_ip6, only_ip4;
	bool no_names, no_users; /* neither of the client is looked up there, either */
	const char *uid;         /* -u, a number */
};

/* ---- what several have ---- */

static void set_banner(struct chain *chain, const char *text)
{
	chain->banner = text[0] != '\0' ? text : NULL;
	chain_tell(chain, IMPORT_CHANGED, "the banner is sent to those who are let in, and to no others");
}

/* n[:message] */
static void set_per_source(struct chain *chain, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *number = colon != NULL ? import_printf(chain->import, "%.*s", (int)(colon - text), text) : text;

	if (strcmp(number, "0") == 0)
		chain_set(chain, "per_source", "none");
	else
		chain_set_count(chain, "per_source", number, 1000000);
	if (colon == NULL || colon[1] == '\0')
		return;
	chain->refused = colon + 1;
	chain->refused_escapes = true;
	chain_tell(chain, IMPORT_CHANGED, "the message goes to all who are refused, for whatever reason");
}

/* The rules of a cdb are read from the text or directory that it was made from, beside it. */
static void set_cdb(struct server *server, const char *path)
{
	size_t length = strlen(path);
	const char *beside = path;

	if (length > 4 && strcmp(path + length - 4, ".cdb") == 0)
		beside = import_printf(server->chain->import, "%.*s", (int)(length - 4), path);
	beside = chain_absolute(server->chain, beside);
	if (server->flavour == TCPSERVER)
		server->chain->rules = beside;
	else
		server->chain->folder = beside;
}

static bool is_id(const char *text)
{
	return text[0] != '\0' && strlen(text) <= 10 && text[strspn(text, "0123456789")] == '\0';
}

static void set_id(struct server *server, const char *key, const char *text)
{
	if (!is_id(text)) {
		chain_fail(server->chain, "'%.40s' is no number of a %s", text, key);
		return;
	}
	if (strcmp(key, "user") == 0)
		chain_set_user(server->chain, text);
	else
		chain_set(server->chain, "group", text);
	server->uid = text;
}

/* -U: the numbers that envuidgid found. */
static void set_env_user(struct server *server)
{
	server->chain->is_unsure |= server->chain->uid_from == NULL;
	if (server->chain->uid_from == NULL)
		chain_tell(server->chain, IMPORT_UNSUPPORTED,
			   "the user is that of the variables UID and GID, which are not known here; write user and group");
	else
		chain_set_user(server->chain, server->chain->uid_from);
}

/* user[:group]; more groups are told. */
static void set_user(struct server *server, const char *text)
{
	struct chain *chain = server->chain;
	const char *name = import_keep(chain->import, text + (text[0] == ':'));
	size_t length = strcspn(name, ":");
	const char *group = name[length] == ':' ? name + length + 1 : "";

	chain_set_user(chain, import_printf(chain->import, "%.*s", (int)length, name));
	length = strcspn(group, ":");
	if (group[0] != '\0' && strpbrk(group, " ,;#'\"\\=") == NULL)
		chain_set(chain, "group", import_printf(chain->import, "%.*s", (int)length, group));
	if (group[0] != '\0' && group[length] == ':')
		chain_tell(chain, IMPORT_UNSUPPORTED, "more groups than one: write them in groups");
}

/* ---- options ---- */

/* Those that mean the same everywhere. Returns whether it was one. */
static bool take_common(struct server *server, int letter, const char *argument)
{
	struct chain *chain = server->chain;

	switch (letter) {
	case 'q': case 'Q': case 'v':
		return true; /* what is logged is a matter of log_level */
	case 'c':
		chain_set_count(chain, "instances", argument, 1000000);
		return true;
	case 'b':
		chain_set_count(chain, "backlog", argument, 65535);
		return true;
	case 'C':
		set_per_source(chain, argument);
		return true;
	case 'U':
		set_env_user(server);
		return true;
	case '4':
		server->only_ip4 = true;
		return true;
	case '6':
		server->only_ip6 = true;
		return true;
	case '1':
		chain_tell(chain, IMPORT_CHANGED, "the port is not written to standard output; the log has it");
		return true;
	case 'B':
		set_banner(chain, argument);
		return true;
	case 'x':
		set_cdb(server, argument);
		return true;
	case 'i':
		chain->folder = chain_absolute(chain, argument);
		return true;
	case 'D':
		chain_set(chain, "nodelay", "yes");
		return true;
	case 'd':
		chain_set(chain, "nodelay", NULL);
		return true;
	}
	return false;
}

static void take_tcpserver(struct server *server, int letter, const char *argument)
{
	struct chain *chain = server->chain;

	switch (letter) {
	case 'H':
	case 'h':
		server->no_names = letter == 'H';
		break;
	case 'R':
	case 'r':
		server->no_users = letter == 'R';
		break;
	case 'u':
		set_id(server, "user", argument);
		break;
	case 'g':
		set_id(server, "group", argument);
		break;
	case 'X':
		chain->rules_may_miss = true;
		break;
	case 'I':
		chain_set(chain, "interface", argument);
		break;
	case 'o':
		chain_tell(chain, IMPORT_CHANGED, "options of IP (source routes) are left to the kernel, which drops them "
						  "unless accept_source_route says otherwise");
		break;
	default:
		break; /* -P -O: as here; -p -l -t: what they are about is told once, see take_options() */
	}
}

static void take_ipsvd(struct server *server, int letter, const char *argument)
{
	struct chain *chain = server->chain;

	switch (letter) {
	case 'u':
		set_user(server, argument);
		break;
	case 'h':
	case 'p':
		server->no_names = false;
		break;
	case 'E':
		chain_tell(chain, IMPORT_CHANGED, "the variables about the connection are always set");
		break;
	case 't':
		chain_tell(chain, IMPORT_UNSUPPORTED, "instructions do not go away with time (-t); write what shall stay");
		break;
	default:
		break; /* -l: see take_options() */
	}
}

static void take_s6(struct server *server, int letter, const char *argument)
{
	switch (letter) {
	case 'u':
		set_id(server, "user", argument);
		break;
	case 'g':
		set_id(server, "group", argument);
		break;
	case 'G':
		chain_set(server->chain, "groups", argument[0] != '\0' ? argument : "none");
		break;
	case 'h': case 'p':
		server->no_names = false;
		break;
	case 'r':
		server->no_users = false;
		break;
	default:
		break; /* -w -W -R -H -P -l -t: no name or user is asked for */
	}
}

static const struct kind {
	const char *letters;
	void (*take)(struct server *server, int letter, const char *argument);
	const char *instances;
	bool names, users; /* looked up unless told otherwise */
} kinds[FLAVOURS] = {
	[TCPSERVER] = { "dDvqQhHrR1UXx:t:u:g:l:b:B:c:C:pPoO46I:", take_tcpserver, "40", true, true },
	[TCPSVD] = { "c:C:b:u:l:i:x:t:hpvED", take_ipsvd, "30", false, false },
	[UDPSVD] = { "c:C:b:u:l:i:x:t:hpvED", take_ipsvd, NULL, false, false },
	[S6] = { "qQv146c:C:b:G:g:u:UdD", take_s6, "40", false, false },
};

static void take_options(struct server *server, const char *letters)
{
	const struct kind *kind = &kinds[server->flavour];
	const char *argument;
	int letter;

	server->chain->cluster = NULL;
	while ((letter = chain_option(server->chain, letters, &argument)) > 0)
		if (letter != '?' && !take_common(server, letter, argument))
			kind->take(server, letter, argument);
	if (!server->no_names)
		chain_tell(server->chain, IMPORT_CHANGED,
			   "names of clients are never looked up: TCPREMOTEHOST and TCPLOCALHOST are not set");
	if (!server->no_users)
		chain_tell(server->chain, IMPORT_CHANGED,
			   "users of clients are never asked for (ident): TCPREMOTEINFO is not set");
}

/* ---- where it listens ---- */

static void set_listen(struct server *server, const char *host, const char *port)
{
	struct chain *chain = server->chain;
	bool udp = server->flavour == UDPSVD;
	int number = import_port(port, udp ? "udp" : "tcp");
	unsigned char address[16];

	if (number < 1) {
		chain_fail(chain, strcmp(port, "0") == 0 ?
					  "a port that the kernel chooses (0) cannot be had; write listen and exec by hand" :
					  "'%.60s' is no port that is known here; write listen and exec by hand", port);
		return;
	}
	if (port[0] < '0' || port[0] > '9')
		chain->name = port;
	if (strcmp(host, "0") == 0 || host[0] == '\0')
		host = server->only_ip6 ? "::" : "0.0.0.0";
	else if (strcmp(host, "localhost") == 0)
		host = server->only_ip6 ? "::1" : "127.0.0.1";
	if (inet_pton(AF_INET, host, address) == 1)
		chain_setf(chain, "listen", "%s:%d%s", host, number, udp ? "/udp" : "");
	else if (inet_pton(AF_INET6, host, address) == 1)
		chain_setf(chain, "listen", "[%s]:%d%s", host, number, udp ? "/udp" : "");
	else
		chain_fail(chain, "'%.60s' is no address, and names are never looked up; write the address", host);
}

static void take_server(struct chain *chain, enum flavour flavour)
{
	struct server server = { .chain = chain, .flavour = flavour, .no_names = !kinds[flavour].names,
				 .no_users = !kinds[flavour].users };
	const char *host, *port;

	chain_set(chain, "listen", NULL);
	if (flavour == UDPSVD)
		chain_set(chain, "wait", "yes");
	else
		chain_set(chain, "per_source", "none");
	if (kinds[flavour].instances != NULL)
		chain_set(chain, "instances", kinds[flavour].instances);
	chain->serves = true;
	take_options(&server, kinds[flavour].letters);
	if (chain->failed)
		return;
	host = chain_take(chain);
	port = host != NULL ? chain_take(chain) : NULL;
	if (port == NULL)
		chain_fail(chain, "behind the options stand an address, a port, and a program");
	else
		set_listen(&server, host, port);
}

/* It runs between the server and the program. */
static void take_s6_access(struct chain *chain)
{
	struct server server = { .chain = chain, .flavour = S6, .no_names = true, .no_users = true };
	const char *argument;
	int letter;

	chain->cluster = NULL;
	while ((letter = chain_option(chain, "v:WwDdHhRrPpl:B:t:i:x:", &argument)) > 0)
		if (letter != '?' && letter != 'v' && !take_common(&server, letter, argument))
			take_s6(&server, letter, argument);
	if (!server.no_names || !server.no_users)
		chain_tell(chain, IMPORT_CHANGED, "names and users of clients are never looked up: TCPREMOTEHOST and "
						  "TCPREMOTEINFO are not set");
}

/* ---- which one it is ---- */

static const struct {
	const char *name;
	enum flavour flavour;
	int family; /* 4, 6, or 0 */
} servers[] = {
	{ "tcpserver", TCPSERVER, 0 }, { "tcpsvd", TCPSVD, 0 },        { "udpsvd", UDPSVD, 0 },
	{ "s6-tcpserver", S6, 0 },     { "s6-tcpserver4", S6, 4 },     { "s6-tcpserver6", S6, 6 },
};

bool chain_is_server(const char *word)
{
	word = chain_base(word);
	for (size_t i = 0; i < ELEMENTS(servers); i++)
		if (strcmp(word, servers[i].name) == 0)
			return true;
	return strcmp(word, "socat") == 0;
}

bool chain_take_server(struct chain *chain)
{
	const char *word = *chain->words;

	if (word == NULL || chain->failed)
		return false;
	word = chain_base(word);
	if (chain->serves && strcmp(word, "s6-tcpserver-access") == 0) {
		chain->words++;
		take_s6_access(chain);
		return !chain->failed;
	}
	if (chain->serves || !chain_is_server(word))
		return false;
	chain->words++;
	if (strcmp(word, "socat") == 0) {
		chain->serves = true;
		chain_take_socat(chain);
		return !chain->failed;
	}
	for (size_t i = 0; i < ELEMENTS(servers); i++)
		if (strcmp(word, servers[i].name) == 0)
			take_server(chain, servers[i].flavour);
	return !chain->failed;
}
