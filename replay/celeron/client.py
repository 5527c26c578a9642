#!/usr/bin/env python3
"""The original workload's client: threads that open a connection, ask, read until the server closes, and begin again.

    client.py ADDRESS --seconds S [--threads 100]
    client.py ADDRESS --requests N [--threads 100]

Prints requests, errors, milliseconds, and CPU time of its own code and of the kernel for it, in nanoseconds.
"""
import argparse
import itertools
import resource
import socket
import sys
import threading
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: aether\r\nConnection: close\r\n\r\n"


def ask(address):
    with socket.create_connection((address, 80), timeout=10) as connection:
        connection.sendall(REQUEST)
        pieces = []
        while piece := connection.recv(4096):
            pieces.append(piece)
    return b"".join(pieces).startswith(b"HTTP/1.1 200 ")


def work(address, more, results):
    good = bad = 0
    while more():
        try:
            answered = ask(address)
        except OSError:
            answered = False
        good += answered
        bad += not answered
    results.append((good, bad))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--threads", type=int, default=100)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--seconds", type=float)
    wanted.add_argument("--requests", type=int)
    options = parser.parse_args()
    begin = time.monotonic()
    if options.requests:
        numbers = itertools.count()

        def more():
            return next(numbers) < options.requests
    else:
        end = begin + options.seconds

        def more():
            return time.monotonic() < end
    results = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    threads = [threading.Thread(target=work, args=(options.address, more, results)) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(f"requests {sum(good for good, _ in results)}")
    print(f"errors {sum(bad for _, bad in results)}")
    print(f"milliseconds {round((time.monotonic() - begin) * 1000)}")
    print(f"user_ns {round((after.ru_utime - before.ru_utime) * 1e9)}")
    print(f"system_ns {round((after.ru_stime - before.ru_stime) * 1e9)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
