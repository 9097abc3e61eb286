/* python.c - see python.h. What os.fork() does, around another fork. The lock of the interpreter is free, or this
 * thread has it: there is no other. The fork server keeps it, as it never runs Python again. */
#include "python.h"

#include <dlfcn.h>
#include <stddef.h>

static struct {
	int (*is_initialized)(void);
	int (*ensure)(void); /* an enum */
	void (*release)(int);
	void (*before)(void);
	void (*in_child)(void);
} python;
static int state, is_held;

static int find(void)
{
	*(void **)&python.is_initialized = dlsym(RTLD_DEFAULT, "Py_IsInitialized");
	*(void **)&python.ensure = dlsym(RTLD_DEFAULT, "PyGILState_Ensure");
	*(void **)&python.release = dlsym(RTLD_DEFAULT, "PyGILState_Release");
	*(void **)&python.before = dlsym(RTLD_DEFAULT, "PyOS_BeforeFork");
	*(void **)&python.in_child = dlsym(RTLD_DEFAULT, "PyOS_AfterFork_Child");
	return python.is_initialized != NULL && python.ensure != NULL && python.release != NULL &&
	       python.before != NULL && python.in_child != NULL;
}

void python_before(void)
{
	if (!find() || !python.is_initialized())
		return;
	state = python.ensure();
	python.before();
	is_held = 1;
}

void python_in_child(void)
{
	if (!is_held)
		return;
	python.in_child();
	python.release(state);
}
