#!/usr/bin/python3
"""echo.py - RFC 862 on standard input and output, as a Python service is written.

The bench serves this same file with every server. What it imports is what a small service in
Python would: loading that, and starting the interpreter, is the cost of a client without `warm`.
"""
import argparse
import json
import os
import socket
import sys


def serve(client):
    """Echo until the client ends."""
    while True:
        data = client.recv(65536)
        if not data:
            return
        client.sendall(data)


def main():
    parser = argparse.ArgumentParser(description="echo what comes in")
    parser.add_argument("--options", help="a JSON object", default=os.environ.get("ECHO_OPTIONS", "{}"))
    options = json.loads(parser.parse_args().options)
    with socket.socket(fileno=0) as client:
        if "timeout" in options:
            client.settimeout(options["timeout"])
        serve(client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
