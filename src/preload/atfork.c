/* atfork.c - see atfork.h. The C library keeps its list to itself, so it is kept here, too, as it is made. */
#include "atfork.h"

#include "start.h"

#include <dlfcn.h>
#include <stddef.h>

#define HANDLERS_MOST 48

typedef void handler(void);
typedef int registration(handler *prepare, handler *parent, handler *child, void *library);

static struct {
	handler *prepare, *parent, *child;
} handlers[HANDLERS_MOST];
static unsigned count; /* of those that were to be kept */

/* What pthread_atfork() calls. */
__attribute__((visibility("default"))) int __register_atfork(handler *prepare, handler *parent, handler *child,
							     void *library);

int __register_atfork(handler *prepare, handler *parent, handler *child, void *library)
{
	static registration *next;

	if (next == NULL)
		next = (registration *)start_next("__register_atfork");
	if (count < HANDLERS_MOST) {
		handlers[count].prepare = prepare;
		handlers[count].parent = parent;
		handlers[count].child = child;
	}
	count++;
	return next(prepare, parent, child, library);
}

static int is_there(handler *function)
{
	Dl_info info;

	return function == NULL || dladdr((void *)function, &info) != 0;
}

int atfork_settle(void)
{
	unsigned kept = 0;

	if (count > HANDLERS_MOST)
		return -1;
	for (unsigned i = 0; i < count; i++)
		if (is_there(handlers[i].prepare) && is_there(handlers[i].parent) && is_there(handlers[i].child))
			handlers[kept++] = handlers[i];
	count = kept;
	return 0;
}

void atfork_before(void)
{
	for (unsigned i = count; i-- > 0;)
		if (handlers[i].prepare != NULL)
			handlers[i].prepare();
}

void atfork_in_parent(void)
{
	for (unsigned i = 0; i < count; i++)
		if (handlers[i].parent != NULL)
			handlers[i].parent();
}

void atfork_in_child(void)
{
	for (unsigned i = 0; i < count; i++)
		if (handlers[i].child != NULL)
			handlers[i].child();
}
