/* stop-main.c - where a program of `warm = main` is stopped: its constructors have run, and main() is next. */
#include "server.h"
#include "start.h"

#include <unistd.h>

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *main_of_program, int argc, char **argv, void (*init)(void), void (*fini)(void),
			   void (*rtld_fini)(void), void *stack_end);

__attribute__((visibility("default"))) start_function __libc_start_main;

static main_function *program;

static int stop_and_go_on(int argc, char **argv, char **environment)
{
	(void)environment; /* as it was; environ is what it is */
	if (start_is_meant())
		server_enter();
	return program(argc, argv, environ);
}

int __libc_start_main(main_function *main_of_program, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end)
{
	start_function *next = (start_function *)start_next("__libc_start_main");

	program = main_of_program;
	return next(stop_and_go_on, argc, argv, init, fini, rtld_fini, stack_end);
}
