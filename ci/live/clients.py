"""Small clients for the live tests: ICMP echo and HTTP, close enough to the bytes to check every one of them."""
import os
import select
import socket
import struct
import time

from lab import HOST, STACK, TAP, Failure, check


def internet_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Pinger:
    """ICMP echo over a raw socket; checks the reply byte by byte."""

    def __init__(self, target=STACK, broadcast=False):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, TAP.encode())
        if broadcast:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.target, self.id, self.sequence = target, os.getpid() & 0xffff, 0

    def close(self):
        self.socket.close()

    def send(self, payload):
        self.sequence = (self.sequence + 1) & 0xffff
        head = struct.pack("!BBHHH", 8, 0, 0, self.id, self.sequence)
        packet = head[:2] + struct.pack("!H", internet_sum(head + payload)) + head[4:] + payload
        self.socket.sendto(packet, (self.target, 0))

    def receive(self, seconds):
        """The payload of the next reply to the last request, or None."""
        end = time.perf_counter() + seconds
        while True:
            left = end - time.perf_counter()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            packet = self.socket.recv(65536)
            icmp = packet[(packet[0] & 15) * 4:]
            kind, code, _, ident, sequence = struct.unpack("!BBHHH", icmp[:8])
            if kind == 0 and ident == self.id and sequence == self.sequence:
                if code != 0 or internet_sum(icmp) != 0:
                    raise Failure(f"echo reply with code {code} or a bad checksum")
                return icmp[8:]

    def ping(self, payload=b"", seconds=2.0):
        """Sends one request and returns (payload of the reply or None, seconds that it took)."""
        begin = time.perf_counter()
        self.send(payload)
        reply = self.receive(seconds)
        return reply, time.perf_counter() - begin


class Response:
    def __init__(self, status, version, headers, body, raw):
        self.status, self.version, self.headers, self.body, self.raw = status, version, headers, body, raw


class Http:
    """One HTTP connection."""

    def __init__(self, port=80, seconds=20, address=STACK):
        self.socket = socket.create_connection((address, port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _fill(self):
        data = self.socket.recv(262144)
        self.buffer += data
        return bool(data)

    def response(self, head=False):
        """Reads one response; `head` when it answers a HEAD request and has no body."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                raise Failure(f"the connection ended within a response: {self.buffer[:200]!r}")
        block, rest = self.buffer.split(b"\r\n\r\n", 1)
        lines = block.decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            raise Failure(f"no status line: {lines[0]!r}")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        parts, length = [rest], 0
        if not head and "content-length" in headers:
            length = int(headers["content-length"])
            have = len(rest)
            while have < length:
                data = self.socket.recv(262144)
                if not data:
                    raise Failure(f"the body ended after {have} of {length} bytes")
                parts.append(data)
                have += len(data)
        elif not head:
            raise Failure(f"a response without a length: {lines}")
        everything = b"".join(parts)
        self.buffer = everything[length:]
        return Response(int(words[1]), words[0], headers, everything[:length], block + b"\r\n\r\n" + everything[:length])

    def get(self, path="/", extra="", method="GET", version="HTTP/1.1"):
        self.send(f"{method} {path} {version}\r\nHost: {STACK}\r\n{extra}\r\n".encode())
        return self.response(head=method == "HEAD")

    def at_end(self, seconds=5):
        """True when the server closes without another byte."""
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False


def get(path="/", extra="", method="GET", version="HTTP/1.1", port=80):
    with Http(port) as connection:
        return connection.get(path, extra, method, version)


def udp(seconds=2.0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.settimeout(seconds)
    return sock


def check_ping(what="ping"):
    pinger = Pinger()
    try:
        reply, _ = pinger.ping(b"aether")
        check(reply == b"aether", f"{what}: no correct reply")
    finally:
        pinger.close()
