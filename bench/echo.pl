#!/usr/bin/perl
# echo.pl - RFC 862 on standard input and output, as a Perl service is written. The bench serves this same
# file with every server; what it uses is what a small service in Perl would.
use strict;
use warnings;
use Getopt::Long;
use IO::Socket;
use POSIX qw(strftime);

my $size = 65536;
GetOptions("size=i" => \$size) or exit 64;
while (my $length = sysread(STDIN, my $data, $size)) {
	for (my $written = 0; $written < $length;) {
		$written += syswrite(STDOUT, $data, $length - $written, $written) // exit 1;
	}
}
