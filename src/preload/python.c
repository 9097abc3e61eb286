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
OF_PYTHON void PyErr_Fetch(void **type, void **value, void **traceback);
OF_PYTHON void PyErr_Restore(void *type, void *value, void *traceback);
OF_PYTHON void *PyImport_ImportModule(const char *name);
OF_PYTHON void *PyObject_CallMethod(void *object, const char *name, const char *format, ...);
OF_PYTHON void Py_DecRef(void *object); /* NULL is ignored */

static int state, is_held;

static int is_complete(void)
{
	return Py_IsInitialized != NULL && PyGILState_Ensure != NULL && PyGILState_Release != NULL &&
	       PyOS_BeforeFork != NULL && PyOS_AfterFork_Child != NULL && PyErr_Fetch != NULL &&
	       PyErr_Restore != NULL && PyImport_ImportModule != NULL && PyObject_CallMethod != NULL &&
	       Py_DecRef != NULL;
}

/* gc.freeze(), which is made for this: the collector of a copy, which runs at its end at the latest, would write to each
 * object that there is, and so copy all pages of them. */
static void freeze(void)
{
	void *type, *value, *traceback, *module, *result = NULL;

	PyErr_Fetch(&type, &value, &traceback);
	module = PyImport_ImportModule("gc");
	if (module != NULL)
		result = PyObject_CallMethod(module, "freeze", NULL);
	Py_DecRef(result);
	Py_DecRef(module);
	PyErr_Restore(type, value, traceback); /* an old Python has no such thing */
}

void python_before(void)
{
	if (!is_complete() || !Py_IsInitialized())
		return;
	state = PyGILState_Ensure();
	freeze();
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
