#!/bin/sh
# soak.sh - the short form of bench/soak: what some thousand sessions leave behind.
exec bash "$SOURCE/bench/soak" 3000 300
