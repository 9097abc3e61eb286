#!/bin/sh
# chaos.sh - the short form of bench/chaos: some seconds of random trouble under the eyes of a steady checker.
exec bash "$SOURCE/bench/chaos" "${CHAOS_SECONDS:-10}"
