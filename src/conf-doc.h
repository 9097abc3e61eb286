/* conf-doc.h - what the table of keys says about itself, in the forms the
 * project publishes: help, manual page, sample file, fuzzing dictionary, syntax for editors. */
#ifndef USHERD_CONF_DOC_H
#define USHERD_CONF_DOC_H

#include <stdio.h>

/* `usherd keys [KEY]`: every key, or one (-ENOENT with a suggestion printed to
 * `err` when there is none of that name). */
int conf_doc_keys(const char *key, FILE *out, FILE *err);

/* Generated files: "man" (mdoc fragment), "sample" (commented services.ini),
 * "dictionary" (for fuzzers), "vim" (syntax). -EINVAL for another form. */
int conf_doc_generate(const char *form, FILE *out);
void conf_doc_generate_vim(FILE *out); /* conf-doc-vim.c */

#endif
