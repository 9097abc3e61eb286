/* conf-file.h - the bytes of a configuration file, all of them or an error. */
#ifndef USHERD_CONF_FILE_H
#define USHERD_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONF_FILE_MAX ((size_t)16 * 1024 * 1024)
#define CONF_FILE_REASON_MAX 512

struct conf_file {
	char *bytes; /* malloc'ed, NUL added */
	size_t length;
	dev_t device; /* what tells the same file under another name */
	ino_t inode;
};

/* Reads a regular file of at most CONF_FILE_MAX bytes. With `check_ownership`
 * the file and every directory above it must be safe as conf_security_check()
 * says. Returns 0 and bytes that the caller frees, or -errno with a reason. */
int conf_file_read(const char *path, bool check_ownership, struct conf_file *ret_file,
		   char reason[static CONF_FILE_REASON_MAX]);

/* The same of a file of at most `max` bytes. */
int conf_file_read_up_to(const char *path, size_t max, bool check_ownership, struct conf_file *ret_file,
			 char reason[static CONF_FILE_REASON_MAX]);

/* Names of the regular configuration files (*.ini) in a directory, in byte order,
 * without hidden files; malloc'ed, as are the names. Returns 0 or -errno. */
int conf_file_list(const char *directory, char ***ret_names, size_t *ret_count);
void conf_file_list_free(char **names, size_t count);

#endif
