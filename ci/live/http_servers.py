"""HTTP servers for aether-fetch to talk to: Python's own, and one that says what a test tells it to say."""
import socket
import struct
import sys
import threading

from lab import HOST, wait_until


def files(lab, folder, port=80):
    """Python's http.server on a folder, as a process."""
    process = lab.spawn([sys.executable, "-m", "http.server", port, "--bind", HOST, "--directory", folder],
                        stdout=-3, stderr=-3)

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    wait_until(listens, 10, "http.server did not start")
    return process


class Script:
    """Accepts connections, reads a request head on each, and hands both to `answer(connection, request)`.

    The connection is closed after that, unless `answer` did so or kept it.
    """

    def __init__(self, answer, port=80, backlog=128):
        self._answer = answer
        self.requests = []
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, port))
        self._socket.listen(backlog)
        self._kept = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that waits in accept keeps the socket open unless it is woken.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._kept:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        request = b""
        try:
            connection.settimeout(60)
            while b"\r\n\r\n" not in request:
                data = connection.recv(65536)
                if not data:
                    break
                request += data
            self.requests.append(request.decode("latin-1"))
            if self._answer(connection, self.requests[-1]) == "keep":
                self._kept.append(connection)
                return
            # The client has read all before the reset that unread bytes would cause.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()


def reset(connection):
    """Closes with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def target(request):
    return request.split(" ")[1]


def chunked(body, sizes):
    """`body` in chunks of these sizes, over and over, with an extension and a trailer."""
    out, at, turn = b"", 0, 0
    while at < len(body):
        piece = body[at:at + sizes[turn % len(sizes)]]
        out += b"%x%s\r\n%s\r\n" % (len(piece), b";name=value" if turn % 3 == 0 else b"", piece)
        at, turn = at + len(piece), turn + 1
    return out + b"0\r\nX-Trailer: yes\r\n\r\n"
