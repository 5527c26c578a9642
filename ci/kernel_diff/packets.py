"""Frames of the differential against Linux: built with every field open to be wrong, and read back.

Whoever builds says only what is out of the ordinary; checksums and lengths are right unless given.
"""
import socket
import struct
import zlib

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128
LETTERS = "FSRPAUEC"
ICMP, TCP, UDP = 1, 6, 17
TYPE_IPV4, TYPE_ARP = 0x0800, 0x0806
BROADCAST_MAC = b"\xff" * 6


def flag_bits(letters):
    return sum(1 << LETTERS.index(letter) for letter in letters)


def flag_letters(bits):
    return "".join(letter for at, letter in enumerate(LETTERS) if bits >> at & 1)


def ip_bytes(text):
    return socket.inet_aton(text)


def ip_text(data):
    return socket.inet_ntoa(data)


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(destination, source, kind, payload):
    return destination + source + struct.pack("!H", kind) + payload


def ipv4(source, destination, protocol, payload, options=b"", ttl=64, tos=0, ident=0, fragment=0, version=4, ihl=None,
         total=None, bad_checksum=False):
    """`fragment` is the whole 16-bit field of flags and offset; `options` a multiple of four bytes."""
    ihl = 5 + len(options) // 4 if ihl is None else ihl
    total = 20 + len(options) + len(payload) if total is None else total
    header = bytearray(struct.pack("!BBHHHBBH4s4s", version << 4 | ihl, tos, total, ident, fragment, ttl, protocol, 0,
                                   source, destination) + options)
    # Over what the header says is a header, as a receiver does it.
    value = checksum(bytes(header + payload)[:ihl * 4])
    struct.pack_into("!H", header, 10, value ^ (0x5555 if bad_checksum else 0))
    return bytes(header) + payload


def _pseudo(source, destination, protocol, length):
    return source + destination + struct.pack("!BBH", 0, protocol, length)


def tcp(source, destination, ports, seq, ack, flags, window, payload=b"", options=b"", urgent=0, reserved=0, offset=None,
        bad_checksum=False):
    options += b"\0" * (-len(options) % 4)
    offset = 5 + len(options) // 4 if offset is None else offset
    segment = bytearray(struct.pack("!HHIIBBHHH", *ports, seq & 0xffffffff, ack & 0xffffffff, offset << 4 | reserved,
                                    flags, window, 0, urgent) + options + payload)
    value = checksum(_pseudo(source, destination, TCP, len(segment)) + segment)
    struct.pack_into("!H", segment, 16, value ^ (0x5555 if bad_checksum else 0))
    return bytes(segment)


def udp(source, destination, ports, payload, length=None, how="right"):
    """`how` the checksum is made: right, none (zero) or bad."""
    length = 8 + len(payload) if length is None else length
    datagram = bytearray(struct.pack("!HHHH", *ports, length, 0) + payload)
    if how != "none":
        covered = datagram[:length] if 8 <= length <= len(datagram) else datagram
        value = checksum(_pseudo(source, destination, UDP, length) + bytes(covered)) or 0xffff
        struct.pack_into("!H", datagram, 6, value ^ (0x5555 if how == "bad" else 0))
    return bytes(datagram)


def icmp(kind, code, rest, payload=b"", bad_checksum=False):
    message = bytearray(struct.pack("!BBHI", kind, code, 0, rest) + payload)
    struct.pack_into("!H", message, 2, checksum(bytes(message)) ^ (0x5555 if bad_checksum else 0))
    return bytes(message)


def arp(operation, sender_mac, sender_ip, target_mac, target_ip, hardware=1, protocol=TYPE_IPV4, sizes=(6, 4)):
    return struct.pack("!HHBBH6s4s6s4s", hardware, protocol, *sizes, operation, sender_mac, sender_ip, target_mac,
                       target_ip)


class Reply:
    """A frame that a side sent, taken apart; what is wrong with it stands in `faults`."""

    def __init__(self, frame, at):
        self.frame, self.at, self.faults = frame, at, []
        self.to_mac, self.from_mac = frame[:6], frame[6:12]
        self.kind = int.from_bytes(frame[12:14], "big")
        body = frame[14:]
        if self.kind == TYPE_ARP and len(body) >= 28:
            (_, _, _, _, self.operation, self.sender_mac, self.sender_ip, self.target_mac,
             self.target_ip) = struct.unpack("!HHBBH6s4s6s4s", body[:28])
        elif self.kind == TYPE_IPV4 and len(body) >= 20:
            self._ipv4(body)
        else:
            self.kind = 0

    def _ipv4(self, body):
        header = (body[0] & 15) * 4
        total, self.ident, self.fragment = struct.unpack("!HHH", body[2:8])
        self.tos, self.ttl, self.protocol = body[1], body[8], body[9]
        self.source, self.destination = body[12:16], body[16:20]
        self.ip_options = body[20:header]
        if checksum(body[:header]):
            self.faults.append("IP checksum")
        self.payload = body[header:total]
        # Of a reply in fragments only the whole can be checked; see Reassembly.
        if self.fragment & 0x3fff == 0:
            self.read_transport()

    def read_transport(self):
        reader = {TCP: self._tcp, UDP: self._udp, ICMP: self._icmp}.get(self.protocol)
        if reader:
            reader(self.payload)

    def _check(self, data):
        return checksum(_pseudo(self.source, self.destination, self.protocol, len(data)) + data)

    def _tcp(self, data):
        (self.from_port, self.to_port, self.seq, self.ack, offset, self.flags, self.window, _,
         self.urgent) = struct.unpack("!HHIIBBHHH", data[:20])
        self.options = tcp_options(data[20:(offset >> 4) * 4])
        self.data = data[(offset >> 4) * 4:]
        if self._check(data):
            self.faults.append("TCP checksum")

    def _udp(self, data):
        self.from_port, self.to_port, length, value = struct.unpack("!HHHH", data[:8])
        self.data = data[8:]
        if value and self._check(data):
            self.faults.append("UDP checksum")
        if length != len(data):
            self.faults.append("UDP length")

    def _icmp(self, data):
        self.type, self.code, _, self.rest = struct.unpack("!BBHI", data[:8])
        self.data = data[8:]
        if checksum(data):
            self.faults.append("ICMP checksum")


def tcp_options(data):
    """{kind: body} of well-formed options, the first of each kind; SACK blocks as they stand."""
    found, at = {}, 0
    while at < len(data) and data[at] != 0:
        if data[at] == 1:
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            found["malformed"] = data[at:]
            break
        found.setdefault(data[at], data[at + 2:at + length])
        at += length
    return found


class Reassembly:
    """Puts the fragments that a side sends together; they come in order."""

    def __init__(self):
        self._parts = {}

    def add(self, reply):
        """The reply itself, a whole one when its last part came, or None."""
        if reply.kind != TYPE_IPV4 or reply.fragment & 0x3fff == 0:
            return reply
        key = (reply.destination, reply.ident, reply.protocol)
        offset = (reply.fragment & 0x1fff) * 8
        if offset == 0:
            self._parts[key] = b""
        held = self._parts.get(key)
        if held is None or len(held) != offset:
            self._parts.pop(key, None)
            return None
        self._parts[key] = held + reply.payload
        if reply.fragment & 0x2000:
            return None
        reply.payload = self._parts.pop(key)
        reply.read_transport()
        return reply


def digest(data):
    """What tells two payloads apart, short."""
    return f"{len(data)}:{zlib.crc32(data):08x}" if data else "0"
