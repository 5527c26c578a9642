"""The complete TCP over a bad network: every frame may be lost, overtaken, doubled or corrupt, in both directions, and every
byte must arrive as it was sent. Smaller amounts under a sanitizer."""
import hashlib
import os
import pathlib
import resource
import selectors
import socket
import threading
import time

from lab import HOST, STACK, TAP, Failure, check, check_equal, wait_until

FAULT = "drop=0.05,reorder=0.05,dup=0.02,corrupt=0.01"
CONNECTIONS = 1000


def _start(lab, *flags, seed):
    # The machine's default may be another one, and its sysctl may refuse; a route takes it.
    lab.ip("route", "replace", "10.0.0.0/24", "dev", TAP, "src", HOST, "congctl", "cubic")
    return lab.start("--profile=full", f"--fault={FAULT},seed={seed}", *flags)


def _check_faults(done):
    """The network was as bad as it was meant to be, and TCP noticed."""
    check(done.counters["tcp_retransmissions"] > 0, "nothing was sent again")
    check(sum(n for name, n in done.drops.items() if "checksum" in name) > 0, f"nothing was corrupt: {done.drops}")


def case_fetch_100_mb(context):
    size = 10_000_000 if context.sanitizer else 100_000_000
    with context.lab() as lab:
        root = lab.folder("www")
        digest = hashlib.sha256()
        with open(root / "body", "wb") as file:
            for begin in range(0, size, 1_000_000):
                piece = os.urandom(min(1_000_000, size - begin))
                digest.update(piece)
                file.write(piece)
        server = _start(lab, f"--http_root={root}", seed=1)
        fetched = pathlib.Path(lab.scratch) / "fetched"
        lab.run(["curl", "-sS", "-f", "-o", fetched, f"http://{STACK}/body"], seconds=case_fetch_100_mb.seconds)
        check_equal(fetched.stat().st_size, size, "size")
        with open(fetched, "rb") as file:
            check_equal(hashlib.file_digest(file, "sha256").hexdigest(), digest.hexdigest(), "SHA-256")
        _check_faults(server.stop())


case_fetch_100_mb.seconds = 180


def case_upload_to_echo(context):
    """What is sent is read at the same time, so that data goes both ways on one connection; then both halves close."""
    data = os.urandom(1_000_000 if context.sanitizer else 8_000_000)
    with context.lab() as lab:
        server = _start(lab, seed=2)
        failed = []
        with socket.create_connection((STACK, 7), timeout=60) as connection:

            def send():
                try:
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)
                except OSError as error:
                    failed.append(error)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            parts = []
            while part := connection.recv(262144):
                parts.append(part)
            sender.join(10)
        check(not failed, f"sending failed: {failed}")
        got = b"".join(parts)
        check_equal(len(got), len(data), "bytes that came back")
        check(got == data, "other bytes came back than were sent")
        _check_faults(server.stop())


case_upload_to_echo.seconds = 120


class _Fetch:
    """One connection of many: asks for /body and reads until the server closes."""

    def __init__(self, selector, begin):
        self.begin, self.received, self.asked = begin, bytearray(), False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((STACK, 80))
        selector.register(self.socket, selectors.EVENT_WRITE, self)

    def on_ready(self, selector):
        """True when it is over."""
        if not self.asked:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            check_equal(error, 0, "error of a connect")
            self.socket.send(f"GET /body HTTP/1.1\r\nHost: {STACK}\r\nConnection: close\r\n\r\n".encode())
            self.asked = True
            selector.modify(self.socket, selectors.EVENT_READ, self)
            return False
        data = self.socket.recv(65536)
        self.received += data
        if data:
            return False
        selector.unregister(self.socket)
        self.socket.close()
        return True


def _fetch_all(count, body, seconds):
    """All at once, each checked; returns how long each took."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    selector, took = selectors.DefaultSelector(), []
    begin = time.monotonic()
    for _ in range(count):
        _Fetch(selector, begin)
    while len(took) < count:
        ready = selector.select(1)
        for key, _ in ready:
            if key.data.on_ready(selector):
                head, _, got = bytes(key.data.received).partition(b"\r\n\r\n")
                check(head.startswith(b"HTTP/1.1 200 "), f"a response that begins with {head[:60]!r}")
                check(got == body, f"{len(got)} bytes of a body of {len(body)}, or other ones")
                took.append(time.monotonic() - begin)
        if time.monotonic() - begin > seconds:
            raise Failure(f"{len(took)} of {count} connections finished in {seconds} s")
    selector.close()
    return took


def case_thousand_connections(context):
    """1,000 at once, all finish: every body is whole, and both ends agree that the connections are over."""
    count, body = (200 if context.sanitizer else CONNECTIONS), os.urandom(20_000)
    with context.lab() as lab:
        (lab.folder("www") / "body").write_bytes(body)
        server = _start(lab, f"--http_root={lab.folder('www')}", seed=3)
        _fetch_all(count, body, seconds=100 if not context.sanitizer else 200)

        def open_sockets():
            # What the client's kernel still has to tell or to hear: anything but TIME-WAIT.
            return lab.run(["ss", "-tanH", "exclude", "time-wait"]).stdout.splitlines()

        wait_until(lambda: not open_sockets(), 60, lambda: f"connections that do not end: {open_sockets()[:5]}")
        done = server.stop()
        check(done.counters["tcp_accepted"] >= count, f"{done.counters['tcp_accepted']} connections accepted")
        check_equal(done.counters["tcp_timeouts"], 0, "connections that timed out")
        _check_faults(done)


case_thousand_connections.seconds = 170
