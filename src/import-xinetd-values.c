/* import-xinetd-values.c - the values of single attributes of xinetd.conf: what xinetd takes, and what it
 * refuses. What depends on nothing but the line is told of it here. */
#include "import-xinetd.h"

#include "base.h"

#include <ctype.h>
#include <math.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

/* Digits alone, up to a bound; false: something else, or more. */
static bool parse_digits(const char *text, uint64_t most, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0')
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return *text == '\0';
}

static bool is_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

bool xinetd_number(const char *text, int *ret_number)
{
	bool is_negative = *text == '-';
	uint64_t number;

	if (!parse_digits(text + (*text == '-' || *text == '+'), INT32_MAX, &number))
		return false;
	*ret_number = is_negative ? -(int)number : (int)number;
	return true;
}

bool xinetd_bytes(const char *text, uint64_t *ret_bytes)
{
	size_t length = strlen(text);
	unsigned shift = 0;
	char digits[24];

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length + 1);
	if (strchr("kK", digits[length - 1]) != NULL)
		shift = 10;
	else if (strchr("mM", digits[length - 1]) != NULL)
		shift = 20;
	if (shift > 0)
		digits[length - 1] = '\0';
	if (!parse_digits(digits, (uint64_t)INT64_MAX >> shift, ret_bytes))
		return false;
	*ret_bytes <<= shift;
	return true;
}

static const char *refuse(struct xinetd *xinetd, const struct xinetd_line *line)
{
	return import_printf(xinetd->import, "'%.80s' is nothing that %s can be", line->words[0], line->name);
}

const char *xinetd_take_count(struct xinetd *xinetd, struct xinetd_section *section,
			      const struct xinetd_line *line)
{
	const char *word = line->words[0];
	int number;

	(void)section;
	if (strcmp(word, "UNLIMITED") == 0)
		return NULL;
	if (is_digits(word) && !xinetd_number(word, &number)) {
		import_tell(
			xinetd->import, line->where, IMPORT_CHANGED,
			"the number is too large, and xinetd keeps its lower 32 bits; here it is no limit");
		return NULL;
	}
	return xinetd_number(word, &number) && number >= 0 ? NULL : refuse(xinetd, line);
}

const char *xinetd_take_nice(struct xinetd *xinetd, struct xinetd_section *section,
			     const struct xinetd_line *line)
{
	int number;

	(void)section;
	return xinetd_number(line->words[0], &number) ? NULL : refuse(xinetd, line);
}

const char *xinetd_take_port(struct xinetd *xinetd, struct xinetd_section *section,
			     const struct xinetd_line *line)
{
	int number;

	(void)section;
	return xinetd_number(line->words[0], &number) && number >= 0 && number <= 65535 ?
		       NULL :
		       refuse(xinetd, line);
}

const char *xinetd_take_cps(struct xinetd *xinetd, struct xinetd_section *section,
			    const struct xinetd_line *line)
{
	int rate, pause;

	(void)section;
	if (!xinetd_number(line->words[0], &rate) || rate < 0)
		return refuse(xinetd, line);
	if (!xinetd_number(line->words[1], &pause) || pause < 0)
		return import_printf(xinetd->import, "'%.80s' is no number of seconds", line->words[1]);
	if (rate > 0)
		import_tell(xinetd->import, line->where, IMPORT_CHANGED,
			    "who comes too fast is refused, and the service stays open: xinetd closes it for "
			    "everybody, for "
			    "%d s; see rate",
			    pause);
	return NULL;
}

const char *xinetd_take_deny_time(struct xinetd *xinetd, struct xinetd_section *section,
				  const struct xinetd_line *line)
{
	const char *word = line->words[0];
	int minutes;

	(void)section;
	if (strcmp(word, "FOREVER") != 0 && strcmp(word, "NEVER") != 0 && !xinetd_number(word, &minutes))
		return refuse(xinetd, line);
	return NULL;
}

const char *xinetd_take_umask(struct xinetd *xinetd, struct xinetd_section *section,
			      const struct xinetd_line *line)
{
	const char *word = line->words[0];
	size_t zeros = strspn(word, "0");
	bool is_octal = word[0] != '\0' && word[strspn(word, "01234567")] == '\0';

	(void)section;
	return is_octal && strlen(word + zeros) <= 3 ? NULL : refuse(xinetd, line);
}

const char *xinetd_take_load(struct xinetd *xinetd, struct xinetd_section *section,
			     const struct xinetd_line *line)
{
	double load = strtod(line->words[0], NULL);

	(void)section;
	if (!isfinite(load) || load == 0)
		return refuse(xinetd, line);
	if (load < 0)
		return "a load below 0 refuses everybody";
	return NULL;
}

const char *xinetd_take_limit(struct xinetd *xinetd, struct xinetd_section *section,
			      const struct xinetd_line *line)
{
	uint64_t number;

	(void)section;
	if (strcmp(line->name, "rlimit_rss") == 0)
		import_tell(xinetd->import, line->where, IMPORT_EXACT, "Linux does nothing with this limit");
	return strcmp(line->words[0], "UNLIMITED") == 0 || xinetd_bytes(line->words[0], &number) ?
		       NULL :
		       refuse(xinetd, line);
}

/* ---- yes and no ---- */

static bool is_yes_or_no(const char *word)
{
	return strcmp(word, "yes") == 0 || strcmp(word, "no") == 0;
}

const char *xinetd_take_yes_no(struct xinetd *xinetd, struct xinetd_section *section,
			       const struct xinetd_line *line)
{
	(void)section;
	return is_yes_or_no(line->words[0]) ? NULL : refuse(xinetd, line);
}

const char *xinetd_take_groups(struct xinetd *xinetd, struct xinetd_section *section,
			       const struct xinetd_line *line)
{
	return xinetd_take_yes_no(xinetd, section, line);
}

const char *xinetd_take_disable(struct xinetd *xinetd, struct xinetd_section *section,
				const struct xinetd_line *line)
{
	if (!is_yes_or_no(line->words[0]))
		return refuse(xinetd, line);
	/* `no` even takes back that something before it was refused. */
	section->is_off = line->words[0][0] == 'y';
	return NULL;
}

const char *xinetd_take_mdns(struct xinetd *xinetd, struct xinetd_section *section,
			     const struct xinetd_line *line)
{
	if (strcmp(line->words[0], "yes") == 0)
		import_tell(
			xinetd->import, line->where, IMPORT_UNSUPPORTED,
			"services are not announced over mDNS here; a file in /etc/avahi/services does that");
	return xinetd_take_yes_no(xinetd, section, line);
}

const char *xinetd_take_v6only(struct xinetd *xinetd, struct xinetd_section *section,
			       const struct xinetd_line *line)
{
	if (strcmp(line->words[0], "no") == 0)
		import_tell(xinetd->import, line->where, IMPORT_CHANGED,
			    "IPv4 and IPv6 are served, as it says; xinetd serves IPv6 alone wherever v6only "
			    "is given at all");
	return xinetd_take_yes_no(xinetd, section, line);
}

/* ---- names ---- */

const char *xinetd_take_any(struct xinetd *xinetd, struct xinetd_section *section,
			    const struct xinetd_line *line)
{
	(void)section;
	if (strcmp(line->name, "leaky_bucket") == 0)
		import_tell(xinetd->import, line->where, IMPORT_UNSUPPORTED,
			    "no rule is made of it; write rate = COUNT/TIME burst COUNT in the service");
	return NULL;
}

const char *xinetd_take_banner(struct xinetd *xinetd, struct xinetd_section *section,
			       const struct xinetd_line *line)
{
	(void)section;
	if (line->words[0][0] != '/')
		import_tell(xinetd->import, line->where, IMPORT_APPROXIMATED,
			    "the path begins at /; in xinetd it begins where xinetd was started");
	return NULL;
}

const char *xinetd_take_socket_type(struct xinetd *xinetd, struct xinetd_section *section,
				    const struct xinetd_line *line)
{
	static const char *const types[] = { "stream", "dgram", "raw", "seqpacket" };

	(void)section;
	for (size_t i = 0; i < ELEMENTS(types); i++)
		if (strcmp(types[i], line->words[0]) == 0)
			return NULL;
	return refuse(xinetd, line);
}

const char *xinetd_take_protocol(struct xinetd *xinetd, struct xinetd_section *section,
				 const struct xinetd_line *line)
{
	(void)section;
	if (strcmp(line->words[0], "tcp") == 0 || strcmp(line->words[0], "udp") == 0)
		return NULL;
	return getprotobyname(line->words[0]) != NULL ? NULL : refuse(xinetd, line);
}

const char *xinetd_take_user(struct xinetd *xinetd, struct xinetd_section *section,
			     const struct xinetd_line *line)
{
	const char *word = line->words[0];
	uint64_t number;

	(void)section;
	if (is_digits(word)) {
		if (!parse_digits(word, UINT32_MAX - 1, &number))
			return refuse(xinetd, line);
		import_tell(xinetd->import, line->where, IMPORT_EXACT,
			    "xinetd gives a user that is a number the group of the same number, and so does "
			    "the import");
		return NULL;
	}
	return import_has_user(word) ? NULL :
				       import_printf(xinetd->import, "there is no user '%.80s' here", word);
}

const char *xinetd_take_group(struct xinetd *xinetd, struct xinetd_section *section,
			      const struct xinetd_line *line)
{
	const char *word = line->words[0];
	uint64_t number;

	(void)section;
	if (is_digits(word))
		return parse_digits(word, UINT32_MAX - 1, &number) ? NULL : refuse(xinetd, line);
	return import_has_group(word) ? NULL :
					import_printf(xinetd->import, "there is no group '%.80s' here", word);
}

const char *xinetd_take_redirect(struct xinetd *xinetd, struct xinetd_section *section,
				 const struct xinetd_line *line)
{
	(void)section;
	if (import_port(line->words[1], "tcp") < 0)
		return import_printf(xinetd->import, "'%.80s' is no port", line->words[1]);
	import_tell(xinetd->import, line->where, IMPORT_CHANGED,
		    "each direction ends by itself (xinetd ends both with the first), a name is looked up "
		    "for each client "
		    "and not once, and who cannot be reached is an exit status, not 0");
	return NULL;
}

/* ---- hours ---- */

/* Digits up to `end`; returns what is behind that, or NULL. */
static const char *take_part(const char *text, unsigned most, char end, unsigned *ret_number)
{
	unsigned number = 0;

	for (; isdigit((unsigned char)*text); text++) {
		number = number * 10 + (unsigned)(*text - '0');
		if (number > most)
			return NULL;
	}
	*ret_number = number;
	return *text == end ? text + 1 : NULL;
}

bool xinetd_hours(const char *text, unsigned *ret_from, unsigned *ret_until)
{
	unsigned hour, minute, end_hour, end_minute;

	text = take_part(text, 23, ':', &hour);
	text = text != NULL ? take_part(text, 59, '-', &minute) : NULL;
	text = text != NULL ? take_part(text, 23, ':', &end_hour) : NULL;
	if (text == NULL || take_part(text, 59, '\0', &end_minute) == NULL)
		return false;
	*ret_from = hour * 60 + minute;
	*ret_until = end_hour * 60 + end_minute;
	return *ret_from < *ret_until;
}

const char *xinetd_take_times(struct xinetd *xinetd, struct xinetd_section *section,
			      const struct xinetd_line *line)
{
	unsigned from, until;

	(void)section;
	if (line->count == 0)
		return "access_times has no value";
	for (size_t i = 0; i < line->count; i++)
		if (!xinetd_hours(line->words[i], &from, &until))
			return import_printf(xinetd->import,
					     "'%.80s' is no time of hh:mm-hh:mm up to 23:59 that ends after "
					     "it begins (24:00 "
					     "is none, whatever xinetd.conf(5) says)",
					     line->words[i]);
	return NULL;
}

/* ---- the log ---- */

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static const char *take_syslog(struct xinetd *xinetd, const struct xinetd_line *line)
{
	static const char *const facilities[] = { "daemon", "auth",   "authpriv", "user",   "mail",
						  "lpr",    "news",   "uucp",     "ftp",    "local0",
						  "local1", "local2", "local3",   "local4", "local5",
						  "local6", "local7" };
	static const char *const levels[] = { "emerg",   "alert",  "crit", "err",
					      "warning", "notice", "info", "debug" };

	if (line->count < 2 || line->count > 3)
		return "SYSLOG takes a facility, and perhaps a level";
	if (!is_one_of(line->words[1], facilities, ELEMENTS(facilities)))
		return import_printf(xinetd->import, "'%.80s' is no facility of syslog", line->words[1]);
	if (line->count == 3 && !is_one_of(line->words[2], levels, ELEMENTS(levels)))
		return import_printf(xinetd->import, "'%.80s' is no level of syslog", line->words[2]);
	import_tell(xinetd->import, line->where, IMPORT_CHANGED,
		    "all services have one log: write log = syslog in [usherd]; the facility there is "
		    "daemon, and the levels "
		    "are those of the events");
	return NULL;
}

static const char *take_file_log(struct xinetd *xinetd, const struct xinetd_line *line)
{
	uint64_t soft = 0, hard = 0;

	if (line->count < 2 || line->count > 4)
		return "FILE takes a path, and perhaps two sizes";
	if (line->count > 2 && !xinetd_bytes(line->words[2], &soft))
		return import_printf(xinetd->import, "'%.80s' is no size", line->words[2]);
	if (line->count > 3 && (!xinetd_bytes(line->words[3], &hard) || hard < soft))
		return import_printf(xinetd->import, "'%.80s' is no size of at least the first",
				     line->words[3]);
	import_tell(xinetd->import, line->where, IMPORT_CHANGED,
		    "all services have one log: write log = file:%s in [usherd]%s", line->words[1],
		    line->count > 2 ?
			    "; it has no largest size, after which nothing would be written: rotate it" :
			    "");
	return NULL;
}

const char *xinetd_take_log_type(struct xinetd *xinetd, struct xinetd_section *section,
				 const struct xinetd_line *line)
{
	(void)section;
	if (line->count == 0)
		return "log_type has no value";
	if (strcmp(line->words[0], "FILE") == 0)
		return take_file_log(xinetd, line);
	return strcmp(line->words[0], "SYSLOG") == 0 ? take_syslog(xinetd, line) : refuse(xinetd, line);
}
