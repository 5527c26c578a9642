"""A DHCP server that says what a test tells it to: short leases, refusals, silence. Runs as a thread of the test."""
import socket
import struct
import threading
import time

from lab import TAP

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = range(1, 8)
COOKIE = b"\x63\x82\x53\x63"


class Message:
    """What a client sent, and when."""

    def __init__(self, data, source):
        self.source, self.when = source, time.monotonic()
        self.xid = struct.unpack("!I", data[4:8])[0]
        self.flags = struct.unpack("!H", data[10:12])[0]
        self.ciaddr = socket.inet_ntoa(data[12:16])
        self.chaddr = data[28:34]
        self.raw = data
        self.options = {}
        at = 240
        while at + 1 < len(data) and data[at] != 255:
            if data[at] == 0:
                at += 1
                continue
            size = data[at + 1]
            self.options[data[at]] = data[at + 2:at + 2 + size]
            at += 2 + size
        self.kind = self.options.get(53, b"\0")[0]

    def address(self, option):
        value = self.options.get(option)
        return socket.inet_ntoa(value) if value and len(value) == 4 else None


class DhcpServer:
    """Answers with `address` and `lease_seconds`. `on_request(message)` may return "ack", "nak" or "silence"."""

    def __init__(self, host="10.0.0.1", address="10.0.0.50", lease_seconds=4, on_request=None, t1=None, t2=None):
        self.host, self.address, self.lease_seconds = host, address, lease_seconds
        self.on_request = on_request or (lambda message: "ack")
        self.t1, self.t2 = t1, t2
        self.messages, self.acknowledged = [], []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, TAP.encode())
        self._socket.bind(("", 67))
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def of(self, kind):
        return [m for m in list(self.messages) if m.kind == kind]

    def _loop(self):
        while not self._stop.is_set():
            try:
                data, source = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if len(data) < 240 or data[236:240] != COOKIE or data[0] != 1:
                continue
            message = Message(data, source)
            self.messages.append(message)
            if message.kind == DISCOVER:
                self._answer(message, OFFER)
            elif message.kind == REQUEST:
                verdict = self.on_request(message)
                if verdict == "ack":
                    self.acknowledged.append(time.monotonic())
                    self._answer(message, ACK)
                elif verdict == "nak":
                    self._answer(message, NAK)

    def _answer(self, message, kind):
        nak = kind == NAK
        options = bytes([53, 1, kind, 54, 4]) + socket.inet_aton(self.host)
        if not nak:
            options += bytes([51, 4]) + struct.pack("!I", self.lease_seconds)
            options += bytes([1, 4, 255, 255, 255, 0, 3, 4]) + socket.inet_aton(self.host)
            for code, value in ((58, self.t1), (59, self.t2)):
                if value is not None:
                    options += bytes([code, 4]) + struct.pack("!I", value)
        yours = bytes(4) if nak else socket.inet_aton(self.address)
        packet = struct.pack("!BBBBIHH", 2, 1, 6, 0, message.xid, 0, message.flags)
        packet += (socket.inet_aton(message.ciaddr) if not nak else bytes(4)) + yours + bytes(8) + message.raw[28:44]
        packet += bytes(192) + COOKIE + options + b"\xff"
        to = message.ciaddr if message.ciaddr != "0.0.0.0" and not nak else "255.255.255.255"
        self._socket.sendto(packet.ljust(300, b"\0"), (to, 68))
