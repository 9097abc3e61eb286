/* python.c - see python.h. What os.fork() does, around another fork. The lock of the interpreter is free, or this
 * thread has it: there is no other. The fork server keeps it, as it never runs Python again. */
#include "python.h"

#include <stddef.h>

/* NULL where there is no interpreter. dlsym(3) would say so with an allocation, and leave an error behind. */
#define OF_PYTHON __attribute__((weak, visibility("default")))

OF_PYTHON int Py_IsInitialized(void);
OF_PYTHON int PyGILState_Ensure(void); /* an enum */
OF_PYTHON void PyGILState_Release(int state);
OF_PYTHON void PyOS_BeforeFork(void);
OF_PYTHON void PyOS_AfterFork_Child(void);

static int state, is_held;

void python_before(void)
{
	if (Py_IsInitialized == NULL || PyGILState_Ensure == NULL || PyGILState_Release == NULL ||
	    PyOS_BeforeFork == NULL || PyOS_AfterFork_Child == NULL || !Py_IsInitialized())
		return;
	state = PyGILState_Ensure();
	PyOS_BeforeFork();
	is_held = 1;
}

void python_in_child(void)
{
	if (!is_held)
		return;
	PyOS_AfterFork_Child();
	PyGILState_Release(state);
}
