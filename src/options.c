/* options.c - getopt_long(3) and the rules between the options. */
#include "options.h"

#include "base.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#define CONF_DEFAULT SYSCONFDIR "/usherd/services.ini"

enum { OPTION_SERVICES_DIR = 256, OPTION_GENERATE };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "daemon", no_argument, NULL, 'd' },
	{ "test", no_argument, NULL, 't' },
	{ "print", no_argument, NULL, 'T' },
	{ "listen", required_argument, NULL, 'l' },
	{ "option", required_argument, NULL, 'o' },
	{ "services-dir", required_argument, NULL, OPTION_SERVICES_DIR },
	{ "generate", required_argument, NULL, OPTION_GENERATE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

void options_print_help(void)
{
	fputs("usage: usherd [-c FILE] [-d]           serve; in the foreground unless -d\n"
	      "       usherd -t|-T [-c FILE]          check the file, or print what it comes to\n"
	      "       usherd -l ENDPOINT [-o KEY=VALUE]... -- COMMAND [ARG]...\n"
	      "                                       serve one program without a file\n"
	      "       usherd keys [KEY]               what the keys of services.ini mean\n"
	      "\n"
	      "  -c, --config FILE      configuration (" CONF_DEFAULT ")\n"
	      "  -d, --daemon           go to the background; write the pid file, log to syslog\n"
	      "  -f, --foreground       stay in the foreground (the default)\n"
	      "  -t, --test             report every error of the configuration; exit 78 if there is one\n"
	      "  -T, --print            print the effective configuration\n"
	      "  -l, --listen ENDPOINT  7007, 127.0.0.1:7007, [::1]:69/udp, unix:/run/x.sock ...\n"
	      "  -o, --option KEY=VALUE a key of services.ini for -l\n"
	      "      --services-dir DIR where bundled services are (" PKGLIBEXECDIR ")\n"
	      "  -h, --help             this text\n"
	      "  -V, --version          the version\n"
	      "\n"
	      "Signals: HUP reload, TERM or INT drain and stop (again: at once), USR1 reopen the log,\n"
	      "USR2 go over to the program that is installed now.\n"
	      "Manual: usherd(8), services.ini(5)\n",
	      stdout);
}

static int usage(const char *what, const char *subject)
{
	fprintf(stderr, "usherd: %s%s%s; usherd --help shows how it is used\n", what,
		subject != NULL ? ": " : "", subject != NULL ? subject : "");
	return -EINVAL;
}

/* Rules that concern more than one option. */
static int check(const struct options *options, bool conf_given, int rest, char **words)
{
	bool one_liner = options->listen_count > 0;

	if (options->action == OPTIONS_GENERATE && options->argument == NULL)
		return usage("--generate belongs to `usherd keys`", NULL);
	if (one_liner && conf_given)
		return usage("-l serves one program without a file: it does not go with -c", NULL);
	if (!one_liner && options->setting_count > 0)
		return usage("-o belongs to -l; in a file write the key in its section",
			     options->settings[0]);
	if (one_liner && rest == 0 && options->action <= OPTIONS_PRINT)
		return usage("-l needs a command after --, as in: usherd -l 7007 -- cat", NULL);
	if (!one_liner && rest > 0 && options->action <= OPTIONS_PRINT)
		return usage("unexpected argument (a command needs -l ENDPOINT)", words[0]);
	if (options->background && (options->action == OPTIONS_TEST || options->action == OPTIONS_PRINT))
		return usage("-d does not go with -t or -T", NULL);
	return 0;
}

static int parse_keys(int argc, char **argv, struct options *options)
{
	if (argc > optind + 2)
		return usage("keys takes one key at most", argv[optind + 2]);
	if (options->action == OPTIONS_GENERATE || options->action == OPTIONS_HELP)
		return 0;
	if (options->action != OPTIONS_SERVE || options->background || options->listen_count > 0)
		return usage("keys stands alone, as in: usherd keys listen", NULL);
	options->action = OPTIONS_KEYS;
	options->argument = argv[optind + 1];
	return 0;
}

/* One option. Returns 0 or -EINVAL. */
static int take(int option, struct options *options, bool *conf_given)
{
	switch (option) {
	case 'c':
		options->conf_path = optarg;
		*conf_given = true;
		return 0;
	case 'd':
		options->background = true;
		return 0;
	case 'f':
		options->background = false;
		return 0;
	case 't':
		options->action = OPTIONS_TEST;
		return 0;
	case 'T':
		options->action = OPTIONS_PRINT;
		return 0;
	case 'l':
		options->listens[options->listen_count++] = optarg;
		return 0;
	case 'o':
		options->settings[options->setting_count++] = optarg;
		return 0;
	case OPTION_SERVICES_DIR:
		options->services_directory = optarg;
		return 0;
	case OPTION_GENERATE:
		options->action = OPTIONS_GENERATE;
		options->argument = optarg;
		return 0;
	case 'h':
		options->action = OPTIONS_HELP;
		return 0;
	case 'V':
		options->action = OPTIONS_VERSION;
		return 0;
	default: /* getopt has said what is wrong */
		return usage("wrong option", NULL);
	}
}

void options_print_first(void)
{
	fputs("usherd: there is no " CONF_DEFAULT " yet, so there is nothing to serve\n"
	      "\n"
	      "  try it without a file:   usherd -l localhost:7007 -- /bin/date\n"
	      "                           and elsewhere: nc localhost 7007\n"
	      "  write a file, services.ini, of three lines:\n"
	      "                           [clock]\n"
	      "                           listen = localhost:7007\n"
	      "                           exec   = /bin/date\n"
	      "                           and serve it: usherd -c services.ini\n"
	      "  take over inetd, xinetd: usherctl import --help\n"
	      "  read on:                 man services.ini; man usherd; usherd keys\n",
	      stderr);
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = {
		.conf_path = CONF_DEFAULT,
		.listens = calloc((size_t)argc + 1, sizeof(char *)),
		.settings = calloc((size_t)argc + 1, sizeof(char *)),
	};
	bool conf_given = false, keys;
	int option, r = 0;

	if (options.listens == NULL || options.settings == NULL) {
		options_free(&options);
		return -ENOMEM;
	}
	optind = 1;
	/* `usherd keys` may have its option after the word. */
	keys = argc > 1 && strcmp(argv[1], "keys") == 0;
	if (keys)
		optind = 2;
	while (r == 0 && (option = getopt_long(argc, argv, "+c:fdtTl:o:hV", long_options, NULL)) != -1)
		r = take(option, &options, &conf_given);
	if (r == 0 && keys) {
		optind--;
		r = parse_keys(argc, argv, &options);
	} else if (r == 0) {
		options.command = argv + optind;
		r = options.action == OPTIONS_GENERATE ?
			    usage("--generate belongs to `usherd keys`", NULL) :
			    check(&options, conf_given, argc - optind, argv + optind);
	}
	if (r < 0) {
		options_free(&options);
		return r;
	}
	options.conf_given = conf_given;
	*ret_options = options;
	return 0;
}

void options_free(struct options *options)
{
	free(options->listens);
	free(options->settings);
	options->listens = options->settings = NULL;
}
