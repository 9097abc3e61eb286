#!/usr/bin/perl
# greet.pl - a service that has a conversation, in Perl. It answers each line; standard input and standard output are
# the client. Try it with no server at all: ./greet.pl
use strict;
use warnings;
use Socket qw(getnameinfo NI_NUMERICHOST);

$| = 1;               # standard output is no terminal: without this nothing leaves by itself
$/ = \1;              # byte by byte, so that a line has a bound
my $line_max = 1000;

# Where the client is. With `warm` %ENV is from before it came: so the socket is asked.
sub client {
	my $peer = getpeername(STDIN) or return 'this machine';
	my ($error, $host) = getnameinfo($peer, NI_NUMERICHOST);
	return $error ? 'this machine' : $host;
}

sub read_line {
	my $line = '';
	while (length $line < $line_max) {
		my $byte = readline STDIN;
		return length $line ? $line : undef unless defined $byte;
		last if $byte eq "\n";
		$line .= $byte;
	}
	$line =~ s/\r$//;
	return $line;
}

while (defined(my $line = read_line())) {
	if ($line =~ /^hello (.*)/s) {
		printf "Hello %.100s, you come from %s.\r\n", $1, client();
	} elsif ($line eq 'quit') {
		print "Bye.\r\n";
		print STDERR "somebody was polite\n"; # this goes to the log, not to the client
		exit 0;
	} else {
		print "Say: hello NAME, or quit\r\n";
	}
}
