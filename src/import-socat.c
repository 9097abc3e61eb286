/* import-socat.c - socat TCP-LISTEN:PORT,fork,... EXEC:PROGRAM: the form in which it is a super-server. */
#include "import-chain.h"

#include "arena.h"
#include "base.h"
#include "words.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

struct listener {
	struct chain *chain;
	int family; /* 4, 6, or 0 for both */
	bool forks;
	const char *bind;
};

/* Cuts one part off at the first of these bytes; the rest, or NULL. */
static char *cut(char *text, const char *bytes)
{
	text += strcspn(text, bytes);
	if (*text == '\0')
		return NULL;
	*text = '\0';
	return text + 1;
}

static const char *const same[] = { "reuseaddr", "so-reuseaddr", "reuseport", "keepalive", "so-keepalive", "crlf" };

static void take_listen_option(struct listener *listener, char *option)
{
	struct chain *chain = listener->chain;
	char *value = cut(option, "=");

	for (size_t i = 0; i + 1 < ELEMENTS(same); i++)
		if (strcasecmp(option, same[i]) == 0)
			return;
	if (strcasecmp(option, "fork") == 0)
		listener->forks = true;
	else if (strcasecmp(option, "nodelay") == 0 || strcasecmp(option, "tcp-nodelay") == 0)
		chain_set(chain, "nodelay", "yes");
	else if (strcasecmp(option, "bind") == 0 && value != NULL)
		listener->bind = value;
	else if (strcasecmp(option, "backlog") == 0 && value != NULL)
		chain_set_count(chain, "backlog", value, 65535);
	else if (strcasecmp(option, "max-children") == 0 && value != NULL)
		chain_set_count(chain, "instances", value, 1000000);
	else if ((strcasecmp(option, "su") == 0 || strcasecmp(option, "su-d") == 0) && value != NULL)
		chain_set_user(chain, value);
	else if (strcasecmp(option, "pf") == 0 && value != NULL)
		listener->family = strcasecmp(value, "ip6") == 0 ? 6 : 4;
	else if (strcasecmp(option, "range") == 0 || strncasecmp(option, "tcpwrap", 7) == 0)
		chain_fail(chain, "%.40s of socat is not taken over: write allow and the section by hand", option);
	else
		chain_tell(chain, IMPORT_UNSUPPORTED, "the option %.60s of socat cannot be had", option);
}

static void set_listen(struct listener *listener, const char *port)
{
	int number = import_port(port, "tcp");
	const char *bind = listener->bind;
	unsigned char address[16];
	size_t length = bind != NULL ? strlen(bind) : 0;

	if (bind != NULL && bind[0] == '[' && bind[length - 1] == ']')
		bind = import_printf(listener->chain->import, "%.*s", (int)length - 2, bind + 1);
	if (number < 1)
		chain_fail(listener->chain, "'%.60s' is no port that is known here", port);
	else if (bind == NULL && listener->family == 0)
		chain_setf(listener->chain, "listen", "%d", number);
	else if (bind == NULL)
		chain_setf(listener->chain, "listen", "%s:%d", listener->family == 6 ? "[::]" : "0.0.0.0", number);
	else if (inet_pton(AF_INET, bind, address) == 1)
		chain_setf(listener->chain, "listen", "%s:%d", bind, number);
	else if (inet_pton(AF_INET6, bind, address) == 1)
		chain_setf(listener->chain, "listen", "[%s]:%d", bind, number);
	else
		chain_fail(listener->chain, "'%.60s' is no address, and names are never looked up", bind);
}

static void take_listen(struct chain *chain, const char *word)
{
	static const struct {
		const char *name;
		int family;
	} kinds[] = { { "TCP-LISTEN:", 0 },  { "TCP-L:", 0 },  { "TCP4-LISTEN:", 4 },
		      { "TCP4-L:", 4 },      { "TCP6-LISTEN:", 6 }, { "TCP6-L:", 6 } };
	struct listener listener = { .chain = chain };
	char *text = NULL, *rest;

	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		if (strncasecmp(word, kinds[i].name, strlen(kinds[i].name)) == 0) {
			text = arena_strdup(import_arena(chain->import), word + strlen(kinds[i].name));
			listener.family = kinds[i].family;
		}
	if (text == NULL) {
		chain_fail(chain, "only socat TCP-LISTEN:PORT,fork EXEC:PROGRAM can be had; write the section by hand");
		return;
	}
	rest = cut(text, ",");
	while (rest != NULL && !chain->failed) {
		char *option = rest;

		rest = cut(rest, ",");
		take_listen_option(&listener, option);
	}
	if (!listener.forks)
		chain_tell(chain, IMPORT_APPROXIMATED, "without fork socat serves one client and ends; here all are served");
	if (!chain->failed)
		set_listen(&listener, text);
}

static void take_exec_option(struct chain *chain, char *option)
{
	char *value = cut(option, "=");

	if (strcasecmp(option, "nofork") == 0)
		return;
	if (strcasecmp(option, "stderr") == 0)
		chain_set(chain, "stderr", "socket");
	else if ((strcasecmp(option, "su") == 0 || strcasecmp(option, "su-d") == 0) && value != NULL)
		chain_set_user(chain, value);
	else
		chain_tell(chain, IMPORT_UNSUPPORTED, "the option %.60s of socat cannot be had", option);
}

static void take_program(struct chain *chain, const char *word)
{
	char reason[200], *text = NULL, *rest, **words;
	size_t count;

	if (strncasecmp(word, "EXEC:", 5) == 0)
		text = arena_strdup(import_arena(chain->import), word + 5);
	if (text == NULL) {
		chain_fail(chain, "only EXEC:PROGRAM of socat can be had, as the second address; write exec by hand");
		return;
	}
	rest = cut(text, ",");
	while (rest != NULL) {
		char *option = rest;

		rest = cut(rest, ",");
		take_exec_option(chain, option);
	}
	if (words_split(text, import_arena(chain->import), &words, &count, reason, sizeof(reason)) < 0)
		chain_fail(chain, "the program of EXEC: cannot be read: %s", reason);
	else
		chain->words = words;
}

void chain_take_socat(struct chain *chain)
{
	const char *argument, *listen, *program;

	while (chain_option(chain, "dDhvxuUst:T:b:l:L:W:46gn", &argument) > 0)
		;
	if (chain->failed)
		return;
	listen = chain_take(chain);
	program = listen != NULL ? chain_take(chain) : NULL;
	if (program == NULL || *chain->words != NULL) {
		chain_fail(chain, "socat takes two addresses: TCP-LISTEN:PORT,fork and EXEC:PROGRAM");
		return;
	}
	chain_set(chain, "per_source", "none");
	chain_set(chain, "instances", "1000");
	chain_tell(chain, IMPORT_CHANGED, "without max-children socat serves any number of clients; here instances is it");
	take_listen(chain, listen);
	if (!chain->failed)
		take_program(chain, program);
}
