/* conf-doc-vim.c - the table of keys as a syntax file of vim. */
#include "conf-doc.h"

#include "conf-key.h"

#include <string.h>

static const char head[] =
	"\" Vim syntax file: services.ini of usherd, see services.ini(5). Made from src/conf-keys.def; do "
	"not edit.\n"
	"if exists('b:current_syntax')\n"
	"  finish\n"
	"endif\n"
	"let s:cpo_save = &cpo\n"
	"set cpo&vim\n"
	"\n"
	"syntax case match\n"
	"syntax match usherdComment \"^\\s*[;#].*$\" contains=usherdTodo\n"
	"syntax match usherdComment \"\\s;.*$\" contains=usherdTodo\n"
	"syntax keyword usherdTodo contained TODO FIXME XXX\n"
	"syntax match usherdSection \"^\\[[^]]*\\]\"\n"
	"syntax match usherdSpecial \"^\\[\\%(usherd\\|defaults\\|ports\\)\\]\"\n"
	"syntax region usherdString start=/\"/ skip=/\\\\./ end=/\"/ oneline\n"
	"syntax region usherdString start=/'/ end=/'/ oneline\n"
	"syntax match usherdNumber "
	"\"\\<\\d\\+\\%(\\.\\d\\+\\)\\=\\%([kMG]\\|ms\\|s\\|min\\|h\\|d\\)\\=\\>\"\n"
	"syntax match usherdAddress \"\\<\\d\\{1,3}\\%(\\.\\d\\{1,3}\\)\\{3}\\%(/\\d\\+\\)\\=\\>\"\n"
	"syntax match usherdPort \"^\\S\\+\\ze\\s*=\"\n";

static const char tail[] = "\n"
			   "highlight default link usherdComment Comment\n"
			   "highlight default link usherdTodo Todo\n"
			   "highlight default link usherdSection Function\n"
			   "highlight default link usherdSpecial Special\n"
			   "highlight default link usherdString String\n"
			   "highlight default link usherdNumber Number\n"
			   "highlight default link usherdAddress Constant\n"
			   "highlight default link usherdKey Identifier\n"
			   "highlight default link usherdWord Keyword\n"
			   "\n"
			   "let b:current_syntax = 'usherd'\n"
			   "let &cpo = s:cpo_save\n"
			   "unlet s:cpo_save\n";

#define WORDS_MAX 100

/* What a value may be, in words: each only once. "file:PATH" is none. */
static void print_choices(const struct conf_key *keys, size_t count, FILE *out)
{
	const char *told[WORDS_MAX];
	size_t words = 0;

	for (size_t i = 0; i < count; i++) {
		const char *const *choice = keys[i].name != NULL ? keys[i].type->choices : NULL;

		for (; choice != NULL && *choice != NULL && words < WORDS_MAX; choice++) {
			size_t at = 0;

			while (at < words && strcmp(told[at], *choice) != 0)
				at++;
			if (at < words || strchr(*choice, ':') != NULL)
				continue;
			told[words++] = *choice;
			fprintf(out, "syntax match usherdWord \"=\\s*\\zs%s\\ze\\s*$\"\n", *choice);
		}
	}
}

void conf_doc_generate_vim(FILE *out)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	fputs(head, out);
	for (size_t i = 0; i < count; i++)
		if (keys[i].name != NULL)
			fprintf(out, "syntax match usherdKey \"^%s\\ze\\s*=\"\n", keys[i].name);
	print_choices(keys, count, out);
	fputs(tail, out);
}
