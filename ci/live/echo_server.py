#!/usr/bin/env python3
"""An echo server on the kernel's TCP, the counterpart of ours: echo_server.py ADDRESS PORT."""
import socket
import sys
import threading


def serve(connection):
    with connection:
        while piece := connection.recv(65536):
            connection.sendall(piece)


def main():
    with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
