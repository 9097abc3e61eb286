/* ctl-import.h - `usherctl import` and `usherctl export`: what they are told, and where they write. No daemon is
 * asked. */
#ifndef USHERD_CTL_IMPORT_H
#define USHERD_CTL_IMPORT_H

/* argv[0] is the verb. Returns an exit status: 0 all exact, 1 something was changed or is approximated, 2 something is
 * unsupported; else of sysexits(3). */
int ctl_import(int argc, char **argv);
int ctl_export(int argc, char **argv);

#endif
