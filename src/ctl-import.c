/* ctl-import.c - see ctl-import.h. */
#include "ctl-import.h"

#include "base.h"
#include "import.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

enum format {
	FORMAT_INETD,
	FORMAT_XINETD,
	FORMAT_SYSTEMD,
	FORMAT_TCPSERVER,
	FORMAT_RLINETD,
	FORMAT_IPSVD,
	FORMAT_HOSTS,
	FORMATS
};

static const struct {
	const char *word, *arguments, *purpose;
	int most; /* files; 0: any number */
} formats[FORMATS] = {
	[FORMAT_INETD] = { "inetd", "FILE...", "inetd.conf; --from says whose", 0 },
	[FORMAT_XINETD] = { "xinetd", "FILE...", "xinetd.conf and what it includes, or a file of xinetd.d", 0 },
	[FORMAT_SYSTEMD] = { "systemd", "UNIT...", ".socket units with their services", 0 },
	[FORMAT_TCPSERVER] = { "tcpserver", "FILE...", "command lines of tcpserver, with the text of their rules", 0 },
	[FORMAT_RLINETD] = { "rlinetd", "FILE...", "rlinetd.conf, with the directories that it names", 0 },
	[FORMAT_IPSVD] = { "ipsvd", "DIRECTORY", "a directory of instructions of ipsvd, as rules of a service", 1 },
	[FORMAT_HOSTS] = { "hosts", "ALLOW [DENY]", "hosts.allow and hosts.deny alone, as rules", 2 },
};

static const char *const dialects[IMPORT_DIALECTS] = {
	[IMPORT_DEBIAN] = "debian", [IMPORT_OPENBSD] = "openbsd", [IMPORT_FREEBSD] = "freebsd",
	[IMPORT_NETBSD] = "netbsd", [IMPORT_GNU] = "gnu",         [IMPORT_BUSYBOX] = "busybox",
};

struct request {
	enum format format;
	enum import_dialect dialect;
	const char *output, *report, *allow, *deny;
	bool brief;
	char **files;
	int file_count;
};

/* ---- the command line ---- */

static void help(void)
{
	printf("usage: usherctl import FORMAT [OPTION...] FILE...\n\n"
	       "Writes what other super-servers were told as services.ini, and says of each of their lines\n"
	       "what became of it. No daemon is needed, and nothing is changed.\n\n");
	for (enum format format = 0; format < FORMATS; format++)
		printf("  %-10s %-13s %s\n", formats[format].word, formats[format].arguments, formats[format].purpose);
	printf("\n"
	       "  --from=DIALECT   of inetd.conf: debian (the default), openbsd, freebsd, netbsd, gnu, busybox\n"
	       "  --allow=FILE     hosts.allow that the services were under (tcpd, libwrap)\n"
	       "  --deny=FILE      hosts.deny\n"
	       "  -o, --output=FILE  the services; standard output without it. A file that is there is kept\n"
	       "  --report=FILE    the report; standard error without it\n"
	       "  --brief          without the lines that are exactly the same here\n\n"
	       "exit status: 0 every line is exact, 1 some were changed on purpose or are approximated,\n"
	       "2 some are unsupported, 64 usage, 66 a file cannot be read, 73 a file cannot be written\n\n"
	       "for example: usherctl import xinetd -o services.ini /etc/xinetd.conf\n");
}

_printf_(1, 2) static int usage(const char *format, ...)
{
	va_list arguments;

	fputs("usherctl: import: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("; see usherctl import --help\n", stderr);
	return EX_USAGE;
}

static bool find_word(const char *const *words, size_t count, const char *word, size_t *ret_place)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0) {
			*ret_place = i;
			return true;
		}
	return false;
}

static bool find_format(const char *word, enum format *ret_format)
{
	for (enum format format = 0; format < FORMATS; format++)
		if (strcmp(formats[format].word, word) == 0) {
			*ret_format = format;
			return true;
		}
	return false;
}

/* Returns -1 to go on, else an exit status. */
static int parse(int argc, char **argv, struct request *request)
{
	enum { FROM = 1000, ALLOW, DENY, REPORT, BRIEF };
	static const struct option options[] = {
		{ "from", required_argument, NULL, FROM },     { "allow", required_argument, NULL, ALLOW },
		{ "deny", required_argument, NULL, DENY },     { "output", required_argument, NULL, 'o' },
		{ "report", required_argument, NULL, REPORT }, { "brief", no_argument, NULL, BRIEF },
		{ "help", no_argument, NULL, 'h' },            { NULL, 0, NULL, 0 },
	};
	size_t place;
	int letter;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (letter) {
		case FROM:
			if (!find_word(dialects, IMPORT_DIALECTS, optarg, &place))
				return usage("'%.40s' is no dialect of inetd.conf", optarg);
			request->dialect = (enum import_dialect)place;
			break;
		case ALLOW:
			request->allow = optarg;
			break;
		case DENY:
			request->deny = optarg;
			break;
		case 'o':
			request->output = optarg;
			break;
		case REPORT:
			request->report = optarg;
			break;
		case BRIEF:
			request->brief = true;
			break;
		case 'h':
			help();
			return EXIT_SUCCESS;
		default:
			return usage(letter == ':' ? "%s needs a value" : "unknown option %s", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return usage("what from? inetd, xinetd, systemd, tcpserver, rlinetd, ipsvd or hosts");
	if (!find_format(argv[optind], &request->format))
		return usage("'%.40s' is no format: inetd, xinetd, systemd, tcpserver, rlinetd, ipsvd, hosts", argv[optind]);
	request->files = argv + optind + 1;
	request->file_count = argc - optind - 1;
	if (request->file_count == 0)
		return usage("which file? import %s %s", formats[request->format].word,
			     formats[request->format].arguments);
	if (formats[request->format].most > 0 && request->file_count > formats[request->format].most)
		return usage("too many files: import %s %s", formats[request->format].word,
			     formats[request->format].arguments);
	return -1;
}

/* ---- doing it ---- */

static int read_one(struct import *import, const struct request *request, const char *path)
{
	switch (request->format) {
	case FORMAT_INETD:
		return import_inetd(import, path, request->dialect);
	case FORMAT_XINETD:
		return import_xinetd(import, path);
	case FORMAT_SYSTEMD:
		return import_systemd(import, path);
	case FORMAT_TCPSERVER:
		return import_tcpserver(import, path);
	case FORMAT_RLINETD:
		return import_rlinetd(import, path);
	case FORMAT_IPSVD:
		return import_instructions(import, import_defaults(import), path);
	case FORMAT_HOSTS:
	case FORMATS:
		break;
	}
	return 0;
}

static int cannot_read(const char *path, int error)
{
	fprintf(stderr, "usherctl: import: %s: %s; nothing was written\n", path, strerror(-error));
	return error == -ENOMEM ? EX_OSERR : EX_NOINPUT;
}

/* The others leave the limit of descriptors as it was; here services have one of their own unless told otherwise. */
static void finish(struct import *import, const struct request *request)
{
	if (import_next(import, NULL) != NULL && import_get(import_defaults(import), "rlimit_nofile") == NULL)
		import_set(import_defaults(import), "rlimit_nofile",
			   request->format == FORMAT_SYSTEMD ? "1024:524288" : "inherit");
	import_check(import);
}

static int read_all(struct import *import, const struct request *request)
{
	const char *allow = request->allow, *deny = request->deny;
	int r;

	if (request->format == FORMAT_HOSTS) {
		allow = request->files[0];
		deny = request->file_count > 1 ? request->files[1] : deny;
	}
	if (allow != NULL || deny != NULL)
		import_expect_hosts(import);
	for (int i = 0; request->format != FORMAT_HOSTS && i < request->file_count; i++) {
		r = read_one(import, request, request->files[i]);
		if (r < 0)
			return cannot_read(request->files[i], r);
	}
	r = allow != NULL || deny != NULL ? import_hosts(import, allow, deny) : 0;
	if (r == 0)
		finish(import, request);
	return r < 0 ? cannot_read(allow != NULL ? allow : deny, r) : EXIT_SUCCESS;
}

/* A file of its own, or what is there already. NULL: cannot be, which was said. */
static FILE *open_output(const char *path, const char *mode, FILE *other)
{
	FILE *file = path == NULL ? other : fopen(path, mode);

	if (file == NULL)
		fprintf(stderr, "usherctl: import: %s: %s%s\n", path, strerror(errno),
			errno == EEXIST ? "; it is not replaced" : "");
	return file;
}

static int close_output(FILE *file, FILE *other, const char *path)
{
	bool failed = fflush(file) != 0 || ferror(file) != 0;

	if (file != other && fclose(file) != 0)
		failed = true;
	if (failed)
		fprintf(stderr, "usherctl: import: %s: %s\n", path != NULL ? path : "output", strerror(errno));
	return failed ? EX_IOERR : EXIT_SUCCESS;
}

static int write_all(const struct import *import, const struct request *request)
{
	FILE *out = open_output(request->output, "wxe", stdout), *report;
	int status;

	if (out == NULL)
		return EX_CANTCREAT;
	import_write(import, "services.ini, made by usherctl import: look through the report, then usherd -t -c FILE",
		     out);
	status = close_output(out, stdout, request->output);
	report = open_output(request->report, "we", stderr);
	if (report == NULL)
		return EX_CANTCREAT;
	import_report(import, request->brief, report);
	return close_output(report, stderr, request->report) != 0 ? EX_IOERR : status;
}

static int status_of(const struct import *import)
{
	static const int statuses[IMPORT_CLASSES] = {
		[IMPORT_CHANGED] = 1, [IMPORT_APPROXIMATED] = 1, [IMPORT_UNSUPPORTED] = 2
	};

	return statuses[import_worst(import)];
}

int ctl_import(int argc, char **argv)
{
	struct request request = { .dialect = IMPORT_DEBIAN };
	int status = parse(argc, argv, &request);
	struct import *import;

	if (status >= 0)
		return status;
	import = import_new();
	status = import != NULL ? read_all(import, &request) : EX_OSERR;
	if (status == EXIT_SUCCESS && import_failed(import))
		status = EX_OSERR;
	if (status == EX_OSERR)
		fprintf(stderr, "usherctl: import: %s\n", strerror(ENOMEM));
	if (status == EXIT_SUCCESS)
		status = write_all(import, &request);
	if (status == EXIT_SUCCESS)
		status = status_of(import);
	import_free(import);
	return status;
}

/* ---- export ---- */

static int export_usage(const char *problem)
{
	fprintf(stderr,
		"usherctl: export: %s; usherctl export systemd [-o FOLDER] FILE (a services.ini)\n", problem);
	return EX_USAGE;
}

int ctl_export(int argc, char **argv)
{
	const char *folder = NULL;
	struct import *report;
	bool named = false;
	struct stat about;
	int letter, r;

	/* The format stands first, as with import. */
	if (argc > 1 && strcmp(argv[1], "systemd") == 0) {
		named = true;
		argv++;
		argc--;
	}
	opterr = 0;
	while ((letter = getopt(argc, argv, ":o:h")) != -1) {
		if (letter == 'h') {
			puts("usage: usherctl export systemd [-o FOLDER] FILE\n\n"
			     "Writes the services of a services.ini as .socket and .service units: into FOLDER, where\n"
			     "files that are there are kept, or to standard output. The report on standard error says\n"
			     "what systemd has no word for. Exit status as of usherctl import.");
			return EXIT_SUCCESS;
		}
		if (letter != 'o')
			return export_usage("unknown option");
		folder = optarg;
	}
	if (!named || argc - optind != 1)
		return export_usage("what to, and which file?");
	if (folder != NULL && (stat(folder, &about) < 0 || !S_ISDIR(about.st_mode))) {
		fprintf(stderr, "usherctl: export: %s: there is no such directory; make it first\n", folder);
		return EX_CANTCREAT;
	}
	report = import_new();
	r = report != NULL ? export_systemd(report, argv[optind], folder, stdout) : -ENOMEM;
	if (r < 0)
		fprintf(stderr, "usherctl: export: %s: %s\n", argv[optind], strerror(-r));
	else
		import_report(report, true, stderr);
	r = r == -ENOENT || r == -EACCES ? EX_NOINPUT : r < 0 ? EX_OSERR : status_of(report);
	import_free(report);
	return r;
}
