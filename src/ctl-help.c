/* ctl-help.c - the verbs are those of control-verbs.def; here stands what a person wants to know besides:
 * what the arguments are, an example, and which exit statuses are the verb's own. */
#include "ctl-help.h"

#include "base.h"
#include "ctl-options.h"

#include <string.h>

#define COLUMNS 80

/* More than the purpose; an example; and what an exit status means here, where that is not what it means
 * everywhere. */
struct detail {
	const char *text;
	const char *example;
	const char *done, *failed, *unknown, *unavailable, *late, *config;
};

#define NO_SERVICE .unknown = "there is no such service"

static const struct detail details[CONTROL_VERBS] = {
	[CONTROL_VERB_STATUS] = { .example = "usherctl status" },
	[CONTROL_VERB_SERVICES] = { .text = "With a name: counters by reason, and how long starts and "
					    "sessions took.",
				    .example = "usherctl services git",
				    NO_SERVICE },
	[CONTROL_VERB_SESSIONS] = { .example = "usherctl sessions git", NO_SERVICE },
	[CONTROL_VERB_SHOW] = { .text = "A key comes from the service's section, from [defaults], or is the "
					"default.",
				.example = "usherctl show git",
				NO_SERVICE },
	[CONTROL_VERB_EXPLAIN] = { .text = "ADDR is an IPv4 or IPv6 address, or uid:N for a client of a Unix "
					   "socket. Each decision is shown in "
					   "its order; the last one decides. Nothing is counted or changed "
					   "by asking.",
				   .example = "usherctl explain 192.0.2.7 git",
				   .done = "the client would be served",
				   .failed = "it would be refused, or would have to wait",
				   NO_SERVICE },
	[CONTROL_VERB_RELOAD] = { .text = "As SIGHUP does, and the mistakes are told here, as FILE:LINE: "
					  "KEY: REASON on standard error. "
					  "Sessions run on; listeners whose address stays keep their socket.",
				  .example = "usherctl reload --dry-run",
				  .config = "the configuration has a mistake; nothing has changed" },
	[CONTROL_VERB_ENABLE] = { .example = "usherctl enable git", NO_SERVICE },
	[CONTROL_VERB_DISABLE] = { .example = "usherctl disable git", NO_SERVICE },
	[CONTROL_VERB_RENEW] = { .text = "Until it is ready clients have it started for them. Changes of the "
					 "program itself, its script or settings are noticed without this.",
				 .example = "usherctl renew web",
				 NO_SERVICE },
	[CONTROL_VERB_KILL] = { .text = "SESSION is a number of `usherctl sessions`, ADDR an address or a "
					"network. Programs get TERM, and "
					"KILL after the service's kill_after.",
				.example = "usherctl kill 192.0.2.0/24",
				.unknown = "there is no such session, service or client" },
	[CONTROL_VERB_BAN] = { .text = "Sessions of it run on. DURATION is as in services.ini: 30s, 10min, "
				       "2h, 1d. Without it: until unban.",
			       .example = "usherctl ban 192.0.2.0/24 2h" },
	[CONTROL_VERB_UNBAN] = { .text = "Those by hand that are equal or inside, and those by the limits "
					 "inside.",
				 .example = "usherctl unban 192.0.2.7",
				 .unknown = "there is no such ban" },
	[CONTROL_VERB_BANS] = { .example = "usherctl bans" },
	[CONTROL_VERB_DRAIN] = { .example = "usherctl drain git --wait --timeout=10min",
				 .late = "--timeout is over, and there are sessions still",
				 NO_SERVICE },
	[CONTROL_VERB_LOGLEVEL] = { .text = "LEVEL is error, warning, notice, info or debug. To change it "
					    "asks for all rights.",
				    .example = "usherctl loglevel debug" },
	[CONTROL_VERB_TAIL] = { .text = "A line for each event, as in the log, until interrupted or usherd "
					"ends. With --json: an object a "
					"line.",
				.example = "usherctl tail --service=git --address=192.0.2.0/24",
				.done = "interrupted, or the reader of the output has gone",
				.unavailable = "no usherd answers, or it has ended",
				NO_SERVICE },
	[CONTROL_VERB_TOP] = { .text = "The keys are shown at the bottom of the screen; q ends it.",
			       .example = "usherctl top --interval=1" },
	[CONTROL_VERB_METRICS] = { .text = "In the text format of Prometheus. The bundled service `status` "
					   "has the same on /metrics.",
				   .example = "usherctl metrics > /var/lib/node_exporter/usherd.prom" },
	[CONTROL_VERB_UPGRADE] = { .text = "The same process goes on as the new program, with every listener "
					   "and session.",
				   .example = "usherctl upgrade",
				   .failed = "the new program did not start; the old one serves on" },
	[CONTROL_VERB_STOP] = { .text = "Sessions have until drain_timeout to end.",
				.example = "usherctl stop --wait",
				.late = "--timeout is over, and usherd has not ended" },
	[CONTROL_VERB_IMPORT] = { .text = "FORMAT is inetd, xinetd, systemd, tcpserver, ipsvd or hosts; usherctl import "
					  "--help says more.",
				  .example = "usherctl import xinetd -o services.ini /etc/xinetd.conf" },
	[CONTROL_VERB_EXPORT] = { .example = "usherctl export systemd -o units /etc/usherd/services.ini" },
	[CONTROL_VERB_VERSION] = { .example = "usherctl version" },
};

/* Words of `text` in lines of COLUMNS, the second and later ones `indent` from the left; the first one has
 * begun at `column`. */
static void print_wrapped(const char *text, int indent, int column, FILE *out)
{
	bool begun = false; /* the line has a word */

	while (*text != '\0') {
		int length = (int)strcspn(text, " ");

		if (begun && column + 1 + length > COLUMNS) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			begun = false;
		}
		fprintf(out, "%s%.*s", begun ? " " : "", length, text);
		column += length + begun;
		begun = true;
		text += length;
		text += *text == ' ';
	}
	fputc('\n', out);
}

static void print_option(const struct ctl_option *option, FILE *out)
{
	char name[40];
	int used = snprintf(name, sizeof(name), "--%s%s%s", option->name, option->argument != NULL ? "=" : "",
			    option->argument != NULL ? option->argument : "");

	if (option->letter != '\0')
		fprintf(out, "  -%c, ", option->letter);
	else
		fputs("      ", out);
	fprintf(out, "%-16s ", name);
	print_wrapped(option->purpose, 23, 7 + (used > 16 ? used : 16), out);
}

static void print_options(enum control_verb_name verb, bool general, FILE *out)
{
	for (size_t i = 0; i < ctl_option_count; i++) {
		const struct ctl_option *option = &ctl_option_table[i];

		if ((option->verbs == CTL_EVERY_VERB) == general && ctl_option_belongs(option, verb))
			print_option(option, out);
	}
}

void ctl_help_all(FILE *out)
{
	fputs("usage: usherctl [-s PATH] [--json] VERB [ARGUMENT...]\n"
	      "\n"
	      "Ask a running usherd, and steer it. The verbs:\n"
	      "\n",
	      out);
	for (size_t i = 0; i < CONTROL_VERBS; i++) {
		const struct control_verb *verb = &control_verbs[i];
		char synopsis[64];

		snprintf(synopsis, sizeof(synopsis), "%s %s", verb->word, verb->arguments);
		fprintf(out, "  %-25s ", synopsis);
		print_wrapped(verb->purpose, 28, 28, out);
	}
	fprintf(out, "  %-25s %s\n", "completion SHELL", "Print the completions for bash, zsh or fish.");
	fputs("\nOptions:\n", out);
	print_options(CONTROL_VERBS, true, out);
	fputs("\n"
	      "usherctl VERB --help explains one. Root and the user of usherd may ask everything,\n"
	      "members of control_group what changes nothing. Exit status: 0 done, 1 refused or\n"
	      "failed, 64 usage, 65 no such name, 69 nobody answers, 75 not in time, 77 no right\n"
	      "to, 78 configuration. Manual: usherctl(8)\n",
	      out);
}

static void print_synopsis(const struct control_verb *verb, enum control_verb_name name, FILE *out)
{
	fprintf(out, "usage: usherctl %s", verb->word);
	for (size_t i = 0; i < ctl_option_count; i++) {
		const struct ctl_option *option = &ctl_option_table[i];

		if (option->verbs != CTL_EVERY_VERB && ctl_option_belongs(option, name))
			fprintf(out, " [--%s%s%s]", option->name, option->argument != NULL ? "=" : "",
				option->argument != NULL ? option->argument : "");
	}
	fprintf(out, "%s%s\n\n", verb->arguments[0] != '\0' ? " " : "", verb->arguments);
}

static void print_status(const char *status, const char *here, const char *everywhere, FILE *out)
{
	if (here != NULL || everywhere != NULL)
		fprintf(out, "  %-2s  %s\n", status, here != NULL ? here : everywhere);
}

static void print_statuses(const struct detail *detail, FILE *out)
{
	fputs("\nExit status:\n", out);
	print_status("0", detail->done, "done", out);
	print_status("1", detail->failed, "refused or failed, as standard error says", out);
	print_status("64", NULL, "a mistake on the command line", out);
	print_status("65", detail->unknown, NULL, out);
	print_status("69", detail->unavailable, "no usherd answers", out);
	print_status("75", detail->late, "no answer in time", out);
	print_status("77", NULL, "no right to ask that", out);
	print_status("78", detail->config, NULL, out);
}

void ctl_help_verb(enum control_verb_name name, FILE *out)
{
	const struct control_verb *verb = &control_verbs[name];
	const struct detail *detail = &details[name];

	print_synopsis(verb, name, out);
	print_wrapped(verb->purpose, 0, 0, out);
	if (detail->text != NULL)
		print_wrapped(detail->text, 0, 0, out);
	fprintf(out, "\nExample:\n  %s\n\nOptions:\n", detail->example);
	print_options(name, false, out);
	print_options(name, true, out);
	fprintf(out, "\nWho may: root and the user of usherd%s.\n",
		verb->rights == CONTROL_ALL ? "" : ", and members of control_group");
	print_statuses(detail, out);
}
