#!/usr/bin/env python3
"""Uploads: POST requests with 1 MB of content each, one after the other on one connection; every answer must come.

    upload_client.py ADDRESS MEGABYTES

Prints `bytes N`, `answers N` and `microseconds N`. The status of the answers does not matter: servers that have nothing to
post to read the content and say so.
"""
import os
import re
import socket
import sys
import time

SIZE = 1_000_000


def read_answer(connection, rest):
    """The bytes after the answer."""
    while True:
        head, found, body = rest.partition(b"\r\n\r\n")
        length = re.search(rb"^content-length: (\d+)", head, re.I | re.M)
        if found and length and len(body) >= int(length.group(1)):
            return body[int(length.group(1)):]
        piece = connection.recv(65536)
        if not piece:
            raise SystemExit("the server closed the connection")
        rest += piece


def main():
    address, count = sys.argv[1], int(sys.argv[2])
    request = (f"POST / HTTP/1.1\r\nHost: aether\r\nContent-Length: {SIZE}\r\n\r\n").encode() + os.urandom(SIZE)
    rest = b""
    with socket.create_connection((address, 80), timeout=30) as connection:
        begin = time.monotonic()
        for _ in range(count):
            connection.sendall(request)
            rest = read_answer(connection, rest)
        spent = time.monotonic() - begin
    print(f"bytes {count * SIZE}\nanswers {count}\nmicroseconds {round(spent * 1e6)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
