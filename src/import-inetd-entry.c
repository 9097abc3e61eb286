/* import-inetd-entry.c - the fields of an entry of inetd.conf, and what each of them means: kind of socket,
 * protocol and families, wait with its numbers. */
#include "import-inetd.h"

#include "arena.h"
#include "base.h"

#include <string.h>

#define MAXARGV 20 /* words that inetd passes, but for the one of GNU */

bool inetd_number(const char *text, unsigned *ret_number)
{
	size_t zeros = strspn(text, "0"), digits = strspn(text, "0123456789");
	unsigned long number;

	if (digits == 0 || text[digits] != '\0' || digits - zeros > 7)
		return false;
	number = strtoul(text, NULL, 10);
	if (number > 1000000)
		return false;
	*ret_number = (unsigned)number;
	return true;
}

/* ---- words into fields ---- */

/* Takes `[host:]service` apart; false: it is only a host, for the entries below. */
static bool split_service(struct inetd_reader *reader, struct inetd_entry *entry, const char *first)
{
	struct inetd *inetd = reader->inetd;
	const char *colon = inetd->dialect != IMPORT_FREEBSD ? strrchr(first, ':') : NULL;

	entry->hosts = inetd->hosts;
	entry->service = first;
	if (colon == NULL)
		return true;
	entry->hosts = import_printf(inetd->import, "%.*s", (int)(colon - first), first);
	entry->service = colon[1] != '\0' ? colon + 1 : inetd_next_word(reader);
	if (entry->service != NULL)
		return true;
	if (inetd->dialect == IMPORT_GNU && strcmp(entry->hosts, "*") == 0 && strcmp(inetd->hosts, "*") != 0)
		inetd_tell(
			entry, IMPORT_CHANGED,
			"it is all addresses again, as is meant; inetd of GNU 2.4 loses the entries below");
	else
		inetd_tell(entry, IMPORT_EXACT, "%s", "");
	inetd->hosts = entry->hosts;
	return false;
}

void inetd_keep_words(struct inetd_entry *entry, size_t count)
{
	const char **words = arena_alloc(import_arena(entry->inetd->import), (count + 1) * sizeof(*words));

	if (words == NULL)
		return;
	memcpy(words, entry->inetd->words, count * sizeof(*words));
	entry->words = words;
	entry->word_count = count;
}

/* All that is left, as the command; more than inetd passes is counted. */
static void read_command(struct inetd_reader *reader, struct inetd_entry *entry)
{
	size_t most = reader->inetd->dialect == IMPORT_GNU ? INETD_WORDS_MAX : MAXARGV, count = 0;
	const char *word;

	while ((word = inetd_next_word(reader)) != NULL) {
		if (count < most)
			reader->inetd->words[count++] = word;
		else
			entry->words_left_out++;
	}
	inetd_keep_words(entry, count);
}

static bool read_fields(struct inetd_reader *reader, struct inetd_entry *entry)
{
	const char **const fields[] = { &entry->protocol, &entry->waiting, &entry->user, &entry->program };

	for (size_t i = 0; entry->socket_type != NULL && i < ELEMENTS(fields); i++) {
		*fields[i] = inetd_next_word(reader);
		if (*fields[i] == NULL)
			break;
	}
	if (entry->program == NULL)
		return false;
	read_command(reader, entry);
	return true;
}

/* ---- kind of socket and protocol ---- */

/* NetBSD: stream,MAX:FILTER. */
static bool take_accept(struct inetd_entry *entry)
{
	const char *rest = entry->socket_type + strlen("stream");

	if (entry->inetd->dialect != IMPORT_NETBSD || strncmp(entry->socket_type, "stream", 6) != 0)
		return false;
	if (rest[0] == ',')
		inetd_tell(entry, IMPORT_EXACT,
			   "clients are accepted as they come, however many those are at once");
	entry->has_filter = strchr(rest, ':') != NULL;
	return true;
}

static bool find_socket_type(struct inetd_entry *entry)
{
	const char *type = entry->socket_type;

	entry->is_udp = strcmp(type, "dgram") == 0;
	if (entry->is_udp || strcmp(type, "stream") == 0 || take_accept(entry))
		return true;
	if (strcmp(type, "raw") == 0 || strcmp(type, "rdm") == 0 || strcmp(type, "seqpacket") == 0)
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "only sockets of streams and datagrams can be had; it is left out");
	return inetd_leave_out(entry, IMPORT_UNSUPPORTED, "this is no kind of socket" INETD_NOT_SERVED);
}

/* What the name of a protocol stands for; each system has its own mind about IPv6. */
static const struct {
	const char *suffix; /* behind tcp or udp */
	unsigned dialects;
	enum inetd_family family;
} families[] = {
	{ "", INETD_IN(IMPORT_DEBIAN) | INETD_IN(IMPORT_OPENBSD), INETD_BOTH },
	{ "", ~0U, INETD_IP4 },
	{ "4", ~INETD_IN(IMPORT_BUSYBOX), INETD_IP4 },
	{ "6", INETD_IN(IMPORT_GNU) | INETD_IN(IMPORT_BUSYBOX), INETD_BOTH },
	{ "6", ~0U, INETD_IP6 },
	{ "46", INETD_IN(IMPORT_DEBIAN) | INETD_IN(IMPORT_OPENBSD) | INETD_IN(IMPORT_FREEBSD), INETD_BOTH },
	{ "6only", INETD_IN(IMPORT_GNU), INETD_IP6 },
};

static bool find_family(struct inetd_entry *entry, const char *suffix)
{
	for (size_t i = 0; i < ELEMENTS(families); i++)
		if (strcmp(families[i].suffix, suffix) == 0 &&
		    inetd_is_in(entry->inetd, families[i].dialects)) {
			entry->family = families[i].family;
			return true;
		}
	return false;
}

/* What a protocol without a number means, where that is not the same everywhere. */
static void tell_family(struct inetd_entry *entry)
{
	if (entry->inetd->dialect == IMPORT_OPENBSD)
		inetd_tell(entry, IMPORT_CHANGED,
			   "%s is IPv4 and IPv6, as in the inetd that Debian has of OpenBSD; OpenBSD itself "
			   "may serve IPv4 alone: then write 0.0.0.0:PORT in listen",
			   entry->protocol);
	if (!entry->has_values)
		return;
	if (strchr(entry->hosts, ':') != NULL)
		entry->family = INETD_IP6;
	else if (strcmp(entry->hosts, "*") == 0)
		inetd_tell(entry, IMPORT_CHANGED,
			   "it is served over IPv4; inetd wants %s4 or %s6 where no address tells the family",
			   entry->protocol, entry->protocol);
}

/* ,rcvbuf=N,sndbuf=N behind a protocol, which is cut off. */
static bool take_buffers(struct inetd_entry *entry)
{
	static const unsigned knowing =
		INETD_IN(IMPORT_DEBIAN) | INETD_IN(IMPORT_OPENBSD) | INETD_IN(IMPORT_NETBSD);
	struct import *import = entry->inetd->import;
	const char *at = strchr(entry->protocol, ',');

	if (at == NULL)
		return true;
	if (!inetd_is_in(entry->inetd, knowing))
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "inetd of this system takes no buffer sizes" INETD_NOT_SERVED);
	entry->protocol = import_printf(import, "%.*s", (int)(at - entry->protocol), entry->protocol);
	while (*at == ',') {
		size_t length = strcspn(at + 1, ",");
		const char *option = import_printf(import, "%.*s", (int)length, at + 1);

		if (strncmp(option, "rcvbuf=", 7) == 0)
			entry->receive_buffer = option + 7;
		else if (strncmp(option, "sndbuf=", 7) == 0)
			entry->send_buffer = option + 7;
		else
			return inetd_leave_out(
				entry, IMPORT_UNSUPPORTED,
				"behind a protocol stand rcvbuf=SIZE and sndbuf=SIZE" INETD_NOT_SERVED);
		at += 1 + length;
	}
	return true;
}

static bool find_protocol(struct inetd_entry *entry)
{
	const char *protocol;
	bool is_udp;

	if (!take_buffers(entry))
		return false;
	protocol = entry->protocol;
	if (strncmp(protocol, "rpc/", 4) == 0)
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "a service of rpcbind(8) cannot be had, and is left out");
	if (strncmp(protocol, "faith/", 6) == 0 || strncmp(protocol, "tcp/", 4) == 0)
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "Linux has no such protocol; it is left out");
	entry->is_unix = strcmp(protocol, "unix") == 0 && entry->inetd->dialect != IMPORT_GNU;
	if (entry->is_unix)
		return true;
	is_udp = strncmp(protocol, "udp", 3) == 0;
	if ((!is_udp && strncmp(protocol, "tcp", 3) != 0) || !find_family(entry, protocol + 3))
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "inetd of this system has no such protocol" INETD_NOT_SERVED);
	if (is_udp != entry->is_udp)
		return inetd_leave_out(
			entry, IMPORT_UNSUPPORTED,
			"the kind of socket and the protocol do not go together; it is left out");
	if (protocol[3] == '\0')
		tell_family(entry);
	return true;
}

/* ---- wait ---- */

static void take_count(struct inetd_entry *entry, const char *text, size_t length,
		       struct inetd_count *ret_count)
{
	const char *digits = import_printf(entry->inetd->import, "%.*s", (int)length, text);

	if (!inetd_number(digits, &ret_count->number))
		inetd_tell(entry, IMPORT_APPROXIMATED,
			   "'%.40s' is no number up to 1000000: there is no such limit", digits);
	else
		ret_count->is_set = ret_count->number > 0;
}

/* FreeBSD: /N[/M[/K]]. */
static void take_slashes(struct inetd_entry *entry, const char *at)
{
	struct inetd_count *const counts[] = { &entry->instances, &entry->per_source_minute,
					       &entry->per_source };

	for (size_t i = 0; *at == '/' && i < ELEMENTS(counts); i++) {
		size_t length = strcspn(at + 1, "/");

		take_count(entry, at + 1, length, counts[i]);
		at += 1 + length;
	}
	if (*at == '/')
		inetd_tell(entry, IMPORT_EXACT, "inetd does not look at what is behind the third number");
	if (entry->inetd->dialect != IMPORT_FREEBSD)
		inetd_tell(entry, IMPORT_CHANGED,
			   "a / is FreeBSD's way to limit how many run at once, and is taken so; inetd of "
			   "this system does not know it");
}

static bool find_wait(struct inetd_entry *entry)
{
	static const unsigned strict = INETD_IN(IMPORT_FREEBSD) | INETD_IN(IMPORT_BUSYBOX);
	const char *text = entry->waiting, *end = text + strcspn(text, "./:");
	size_t length = (size_t)(end - text);
	bool is_word;

	entry->waits = length == 4 && strncmp(text, "wait", 4) == 0;
	is_word = entry->waits || (length == 6 && strncmp(text, "nowait", 6) == 0);
	if (!is_word && inetd_is_in(entry->inetd, strict))
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED,
				       "this is neither wait nor nowait" INETD_NOT_SERVED);
	if (!is_word)
		inetd_tell(entry, IMPORT_EXACT, "inetd takes '%.40s' as nowait", text);
	if (*end == '/') {
		take_slashes(entry, end);
	} else if (*end != '\0') {
		take_count(entry, end + 1, strlen(end + 1), &entry->per_minute);
		if (entry->inetd->dialect == IMPORT_FREEBSD)
			inetd_tell(entry, IMPORT_CHANGED,
				   "a number behind a dot is how many may start in a minute, and is taken "
				   "so; inetd of this system does not know it");
	}
	return true;
}

/* ---- all of it ---- */

static bool find_meaning(struct inetd_entry *entry)
{
	if (strncmp(entry->service, "tcpmux/", 7) == 0 ||
	    (strcmp(entry->service, "tcpmux") == 0 && strcmp(entry->program, "internal") == 0))
		return inetd_leave_out(
			entry, IMPORT_UNSUPPORTED,
			"there is no tcpmux here (RFC 7805 made it history), and it is left out; give the "
			"services behind it ports of their own");
	if (!find_socket_type(entry) || !find_protocol(entry) || !find_wait(entry))
		return false;
	if (entry->words_left_out == 0)
		return true;
	if (entry->inetd->dialect == IMPORT_FREEBSD)
		return inetd_leave_out(entry, IMPORT_UNSUPPORTED, "it has more than 20 arguments" INETD_NOT_SERVED);
	if (entry->inetd->dialect == IMPORT_GNU)
		return inetd_leave_out(
			entry, IMPORT_UNSUPPORTED,
			"it has too many arguments: write a script, and serve that; it is left out");
	inetd_tell(entry, IMPORT_EXACT, "inetd passes 20 words and no more, and so here: %zu are left out",
		   entry->words_left_out);
	return true;
}

/* What has been said of the first line holds of those that go on with it. */
static void tell_rest(const struct inetd_entry *entry, const struct inetd_reader *reader)
{
	struct import_where where = entry->where;

	for (where.line++; where.line <= reader->lines.number; where.line++)
		if (entry->worst == IMPORT_EXACT)
			import_tell(entry->inetd->import, where, IMPORT_EXACT, "%s", "");
		else
			import_tell(entry->inetd->import, where, entry->worst,
				    "see line %u, which it belongs to", entry->where.line);
}

static const char *read_rest(struct inetd_reader *reader, struct inetd_entry *entry)
{
	const char *type = inetd_next_word(reader);

	if (type != NULL && reader->inetd->dialect == IMPORT_NETBSD &&
	    (strcmp(type, "on") == 0 || strcmp(type, "off") == 0 || strncmp(type, "on#", 3) == 0 ||
	     strncmp(type, "off#", 4) == 0)) {
		entry->has_values = true;
		entry->is_off = type[1] == 'f';
		if (strchr(type, '#') != NULL)
			reader->at += strlen(reader->at);
		return inetd_read_values(reader, entry);
	}
	entry->socket_type = type;
	return read_fields(reader, entry) ? NULL : "a field is missing" INETD_NOT_SERVED;
}

/* What is known of an entry lives on, for those that come to the same place. */
static struct inetd_entry *keep(const struct inetd_entry *entry)
{
	struct inetd_entry *kept = arena_alloc(import_arena(entry->inetd->import), sizeof(*kept));

	if (kept != NULL)
		*kept = *entry;
	return kept;
}

void inetd_read_entry(struct inetd_reader *reader, const char *first, bool is_off)
{
	struct inetd *inetd = reader->inetd;
	struct inetd_entry draft = { .inetd = inetd, .where = import_here(&reader->lines) }, *entry = &draft;
	const char *wrong;

	draft.is_off = is_off;
	draft.is_guarded = inetd->is_guarded;
	if (!split_service(reader, entry, first)) {
		tell_rest(entry, reader);
		return;
	}
	wrong = read_rest(reader, entry);
	if (wrong != NULL)
		inetd_tell(entry, is_off ? IMPORT_EXACT : IMPORT_UNSUPPORTED, "%s", is_off ? "" : wrong);
	else if (find_meaning(entry) && (entry = keep(&draft)) != NULL)
		inetd_make_service(entry);
	if (entry != NULL)
		tell_rest(entry, reader);
}
