#!/usr/bin/env python3
"""Sends a file to an echo server and reads at the same time: prints the seconds and the SHA-256 of what came back.

    echo_client.py ADDRESS PORT FILE
"""
import hashlib
import socket
import sys
import threading
import time


def main():
    address, port, name = sys.argv[1:]
    with open(name, "rb") as file:
        data = file.read()
    begin = time.perf_counter()
    connection = socket.create_connection((address, int(port)), timeout=60)

    def send():
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    digest = hashlib.sha256()
    while piece := connection.recv(262144):
        digest.update(piece)
    took = time.perf_counter() - begin
    sender.join(10)
    print(f"{took:.6f} {digest.hexdigest()}")


if __name__ == "__main__":
    main()
