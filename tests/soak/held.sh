#!/bin/sh
# held.sh - the short form of bench/held: a thousand sessions that stay for some seconds.
exec bash "$SOURCE/bench/held" 1000 8
