#!/usr/bin/env python3
"""A client of many threads: each opens a connection, asks for `/`, reads until the server closes, and begins again.

    threads_client.py ADDRESS THREADS SECONDS

Prints `requests N`, `errors N` and `milliseconds N`. Its interpreter takes most of a connection's time: what it measures
is a whole machine, not a server.
"""
import socket
import sys
import threading
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: aether\r\nConnection: close\r\n\r\n"


class Counts:
    def __init__(self):
        self.requests = 0
        self.errors = 0


def ask(address):
    with socket.create_connection((address, 80), timeout=10) as connection:
        connection.sendall(REQUEST)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    return answer.startswith(b"HTTP/1.1 200 ")


def work(address, end, counts):
    while time.monotonic() < end:
        try:
            good = ask(address)
        except OSError:
            good = False
        if good:
            counts.requests += 1
        else:
            counts.errors += 1


def main():
    address, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    counts = [Counts() for _ in range(threads)]
    begin = time.monotonic()
    workers = [threading.Thread(target=work, args=(address, begin + seconds, mine)) for mine in counts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"requests {sum(mine.requests for mine in counts)}")
    print(f"errors {sum(mine.errors for mine in counts)}")
    print(f"milliseconds {round((time.monotonic() - begin) * 1000)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
