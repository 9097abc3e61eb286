/* import_inetd_help.h - a row says what becomes of a text of inetd.conf in one of its dialects: what is told
 * of a line, and a key of a section. Whatever is written must be loaded by our own loader without an error.
 */
#ifndef USHERD_TESTS_IMPORT_INETD_HELP_H
#define USHERD_TESTS_IMPORT_INETD_HELP_H

#include "import_xinetd_help.h" /* rows, sections, the loader */

#define DEB  IMPORT_DEBIAN
#define OPEN IMPORT_OPENBSD
#define FREE IMPORT_FREEBSD
#define NET  IMPORT_NETBSD
#define GNU  IMPORT_GNU
#define BUSY IMPORT_BUSYBOX

/* A service of which only the fields in front differ, and one of which only the command does. */
#define FRONT(fields)   fields " root /bin/cat cat\n"
#define COMMAND(words)  "7001 stream tcp nowait root " words "\n"
#define WAITING(field)  FRONT("7001 stream tcp " field)
#define PROTOCOL(field) FRONT("7001 stream " field " nowait")
#define SERVICE(field)  FRONT(field " stream tcp nowait")
#define USER(field)     "7001 stream tcp nowait " field " /bin/cat cat\n"

struct inetd_row {
	enum import_dialect dialect;
	struct row row;
};

static inline void check_inetd_row(const struct inetd_row *row)
{
	import = import_new();
	ck_assert_ptr_nonnull(import);
	import_inetd_text(import, INPUT, row->row.text, strlen(row->row.text), row->dialect);
	ck_assert(!import_failed(import));
	check_nothing_lost();
	if (row->row.line > 0)
		check_told(&row->row);
	if (row->row.section != NULL)
		check_key(&row->row);
	check_loads();
	import_free(import);
}

#endif
