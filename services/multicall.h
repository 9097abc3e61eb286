/* multicall.h - usherd and its bundled services as one program (configure --enable-static).
 *
 * Included ahead of everything in each file that has a main(), which the build gives one
 * of these names instead. */
#ifndef USHERD_SERVICES_MULTICALL_H
#define USHERD_SERVICES_MULTICALL_H

int multicall_chargen(int argc, char **argv);
int multicall_daytime(int argc, char **argv);
int multicall_discard(int argc, char **argv);
int multicall_echo(int argc, char **argv);
int multicall_qotd(int argc, char **argv);
int multicall_relay(int argc, char **argv);
int multicall_status(int argc, char **argv);
int multicall_time(int argc, char **argv);
int multicall_usherd(int argc, char **argv);

#endif
