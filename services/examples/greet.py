#!/usr/bin/env python3
"""greet.py - a service that has a conversation, in Python. It answers each line; standard input
and standard output are the client. Try it with no server at all: ./greet.py

Bytes, not text: a client may send anything, and decoding would raise an exception. With
`warm = input` the interpreter and the modules are loaded before the client comes.
"""
import os
import socket
import sys

LINE_MAX = 1000  # a client decides how long its lines are: never without a bound


def client():
    """Where the client is. With `warm` os.environ is from before it came: so the socket is asked."""
    try:
        with socket.socket(fileno=os.dup(0)) as peer:
            name = peer.getpeername()
    except OSError:  # no socket: it was started by hand
        name = None
    return name[0] if isinstance(name, tuple) else "this machine"  # no tuple: a Unix socket


def answer(line):
    if line.startswith(b"hello "):
        return b"Hello %.100s, you come from %s." % (line[6:], client().encode())
    if line == b"quit":
        return b"Bye."
    return b"Say: hello NAME, or quit"


def main():
    for line in iter(lambda: sys.stdin.buffer.readline(LINE_MAX), b""):
        line = line.rstrip(b"\r\n")
        sys.stdout.buffer.write(answer(line) + b"\r\n")
        sys.stdout.buffer.flush()  # standard output is no terminal: nothing leaves by itself
        if line == b"quit":
            print("somebody was polite", file=sys.stderr)  # this goes to the log
            return


try:
    main()
except (BrokenPipeError, ConnectionResetError):
    os._exit(0)  # the client has gone; nobody is left to tell
