/* import_hosts_rows.h - rules of hosts.allow and hosts.deny that are about addresses alone, and what libwrap decides
 * for the program sshd; asked of the import, and of tcpdmatch(8). */
#ifndef USHERD_TESTS_IMPORT_HOSTS_ROWS_H
#define USHERD_TESTS_IMPORT_HOSTS_ROWS_H

#include <stdbool.h>

#define HOSTS_ADDRESSES 6

static const char *const hosts_addresses[HOSTS_ADDRESSES] = { "10.1.2.3",    "10.2.0.1",  "192.0.2.77",
							      "192.0.20.1", "172.16.0.1", "110.1.2.3" };

/* The letters of `decision` are for hosts_addresses: y, n. */
static const struct {
	const char *allow, *deny, *decision;
} hosts_rows[] = {
	{ "", "", "yyyyyy" },
	{ "", "ALL : ALL\n", "nnnnnn" },
	{ "", "sshd : ALL\n", "nnnnnn" },
	{ "", "SSHD : ALL\n", "nnnnnn" },
	{ "", "other : ALL\n", "yyyyyy" },
	{ "ALL : ALL\n", "ALL : ALL\n", "yyyyyy" },
	{ "sshd : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "sshd : 10.1.\n", "ALL : ALL\n", "ynnnnn" },
	{ "sshd : 192.0.2.\n", "ALL : ALL\n", "nnynnn" },
	{ "sshd : 10.1.2.3\n", "ALL : ALL\n", "ynnnnn" },
	{ "sshd : 10.1\n", "ALL : ALL\n", "nnnnnn" },
	{ "sshd : 10.1.2.3, 172.16.0.1\n", "ALL : ALL\n", "ynnnyn" },
	{ "sshd : 10.1.2.3 172.16.0.1\n", "ALL : ALL\n", "ynnnyn" },
	{ "sshd : 10.0.0.0/255.0.0.0\n", "ALL : ALL\n", "yynnnn" },
	{ "sshd : 10.0.0.0/8\n", "ALL : ALL\n", "yynnnn" },
	{ "sshd : 10.1.2.3/255.0.0.0\n", "ALL : ALL\n", "nnnnnn" },
	{ "sshd : 192.0.0.0/255.255.224.0\n", "ALL : ALL\n", "nnyynn" },
	{ "sshd : ALL EXCEPT 10.\n", "ALL : ALL\n", "nnyyyy" },
	{ "sshd : 10. EXCEPT 10.1.\n", "ALL : ALL\n", "nynnnn" },
	{ "sshd : ALL EXCEPT 10. EXCEPT 10.1.\n", "ALL : ALL\n", "ynyyyy" },
	{ "ALL EXCEPT sshd : 10.\n", "ALL : ALL\n", "nnnnnn" },
	{ "ALL EXCEPT other : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "ALL EXCEPT sshd EXCEPT sshd : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "other, sshd : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "other sshd : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "", "sshd : 10. EXCEPT 10.1.\n", "ynyyyy" },
	{ "", "sshd : ALL EXCEPT 192.0.2.77\n", "nnynnn" },
	{ "sshd : 10. : deny\nsshd : ALL\n", "", "nnyyyy" },
	{ "sshd : 10.1. : allow\nsshd : 10. : deny\n", "", "ynyyyy" },
	{ "sshd : 10. : deny\nsshd : 10.1. : allow\n", "", "nnyyyy" },
	{ "", "sshd : 10. : allow\nALL : ALL\n", "yynnnn" },
	{ "sshd : 10. : DENY\n", "", "nnyyyy" },
	{ "sshd : \\\n 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "sshd \\\n: 10.1\\\n.2.3\n", "ALL : ALL\n", "ynnnnn" },
	{ "# sshd : ALL\n", "ALL : ALL\n", "nnnnnn" },
	{ "\n  \nsshd : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "sshd : 10.\n", "# a \\\nALL : ALL\n", "yyyyyy" },
	{ "sshd\n", "ALL : ALL\n", "nnnnnn" },
	{ "sshd : 10.*\n", "ALL : ALL\n", "yynnnn" },
	{ "sshd : *.1.2.3\n", "ALL : ALL\n", "ynnnny" },
	{ "sshd : 10.?.?.?\n", "ALL : ALL\n", "yynnnn" },
	{ "sshd : [2001:db8::]/32\n", "ALL : ALL\n", "nnnnnn" },
	{ "ss* : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "s?hd : 10.\n", "ALL : ALL\n", "yynnnn" },
	{ "ss. : 10.\n", "ALL : ALL\n", "nnnnnn" },
	{ "sshd : 10.", "ALL : ALL\n", "nnnnnn" },
	{ "sshd : 10. : nice 5 : umask 022\n", "ALL : ALL\n", "yynnnn" },
};

#endif
