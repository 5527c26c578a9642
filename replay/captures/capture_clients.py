"""What the captures of corpora/pcap are made with: clients of a few lines, each called in the namespace of a laboratory."""
import concurrent.futures
import random
import socket
import struct
import threading
import time

HEAD = "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: capture\r\n{more}\r\n"


def request(address, path="/", more=""):
    return HEAD.format(address=address, path=path, more=more).encode()


def read_response(sock, rest=b"", head_only=False):
    """(head, content, what is behind it); the content by its length, its chunks, or to the end."""
    data = bytearray(rest)
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise OSError(f"the end within a head: {bytes(data)!r}")
        data += piece
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        return read_response(sock, body)
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if head_only or head.startswith(b"HTTP/1.1 204"):
        return head, b"", body
    size = int(fields[b"content-length"]) if b"content-length" in fields else None
    while size is None or len(body) < size:
        piece = sock.recv(65536)
        if not piece:
            break
        body += piece
    return head, body[:size], b"" if size is None else body[size:]


def connect(address, port=80, receive_buffer=None):
    sock = socket.socket()
    sock.settimeout(30)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect((address, port))
    return sock


def crowd(count, work):
    """`work(i)` in as many threads."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work, i) for i in range(count)]:
            done.result()


def connection_per_request(address, clients, each):
    def work(_):
        for _ in range(each):
            with connect(address) as sock:
                sock.sendall(request(address, more="Connection: close\r\n"))
                read_response(sock)
    crowd(clients, work)


def keep_alive(address, clients, each):
    def work(_):
        rest = b""
        with connect(address) as sock:
            for _ in range(each):
                sock.sendall(request(address))
                _, _, rest = read_response(sock, rest)
    crowd(clients, work)


def pipelined(address, clients, each):
    def work(_):
        rest = b""
        with connect(address) as sock:
            sock.sendall(request(address) * each)
            for _ in range(each):
                _, _, rest = read_response(sock, rest)
    crowd(clients, work)


def uploads(address):
    body = random.Random(7).randbytes(40_000)
    with connect(address) as sock:
        sock.sendall(f"POST /up HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        read_response(sock)
    with connect(address) as sock:
        sock.sendall(f"PUT /up HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for at in range(0, len(body), 8000):
            piece = body[at:at + 8000]
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.002)
        sock.sendall(b"0\r\n\r\n")
        read_response(sock)
    with connect(address) as sock:
        sock.sendall(f"POST /up HTTP/1.1\r\nHost: {address}\r\nExpect: 100-continue\r\nContent-Length: 20000\r\n\r\n".encode())
        time.sleep(0.02)
        sock.sendall(body[:20000])
        read_response(sock)


def slow_readers(address, path, clients):
    def work(i):
        with connect(address, receive_buffer=4096) as sock:
            sock.sendall(request(address, path, "Connection: close\r\n"))
            while sock.recv(3000 + 100 * i):
                time.sleep(0.004)
    crowd(clients, work)


def odd_endings(address):
    """Half-close, resets, an idle connection, a request in pieces, HEAD, and what is not HTTP."""
    with connect(address) as sock:
        sock.sendall(request(address))
        sock.shutdown(socket.SHUT_WR)
        read_response(sock)
    with connect(address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.sendall(request(address))
        read_response(sock)
    with connect(address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.sendall(b"GET / HT")
        time.sleep(0.01)
    connect(address).close()
    with connect(address) as sock:
        for byte in request(address):
            sock.sendall(bytes([byte]))
            time.sleep(0.0005)
        read_response(sock)
    with connect(address) as sock:
        sock.sendall(f"HEAD / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        read_response(sock, head_only=True)
    with connect(address) as sock:
        sock.sendall(b"\x16\x03\x01 this is no request\r\n\r\n")
        while sock.recv(65536):
            pass


def echoes(address):
    data = random.Random(3).randbytes(30_000)
    with connect(address, 7) as sock:
        thread = threading.Thread(target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR)))
        thread.start()
        while sock.recv(65536):
            pass
        thread.join()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        for size in (0, 1, 100, 1400, 4000):
            sock.sendto(data[:size], (address, 7))
            sock.recv(65536)
        sock.sendto(b"closed", (address, 4444))


def internet_sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def tcp_frame(macs, ends, ports, seq, flags, payload=b"", ack=0, window=64240, options=b""):
    """A frame from ends[0] to ends[1]; macs are (destination, source)."""
    source, destination = (socket.inet_aton(end) for end in ends)
    header = struct.pack("!HHIIBBHHH", *ports, seq, ack, (20 + len(options)) // 4 << 4, flags, window, 0, 0) + options
    pseudo = source + destination + struct.pack("!BBH", 0, 6, len(header) + len(payload))
    check = internet_sum(pseudo + header + payload)
    header = header[:16] + struct.pack("!H", check) + header[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(header) + len(payload), 1, 0x4000, 64, 6, 0) + source + destination
    ip = ip[:10] + struct.pack("!H", internet_sum(ip)) + ip[12:]
    return macs[0] + macs[1] + b"\x08\x00" + ip + header + payload


class Wire:
    """Raw frames into a TAP."""

    def __init__(self, device, stack_mac):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((device, 0))
        self.macs = stack_mac, self.socket.getsockname()[4]

    def tcp(self, ends, ports, seq, flags, **more):
        self.send(tcp_frame(self.macs, ends, ports, seq, flags, **more))

    def send(self, frame):
        self.socket.send(frame)


def scan(wire, host, stack):
    for port in [*range(1, 120), 443, 3306, 8080, 65535]:
        wire.tcp((host, stack), (50000, port), 1000 + port, 0x02)
    for flags in (0, 0x01, 0x29, 0x3f, 0x10, 0x04, 0x06, 0x03):  # null, FIN, Xmas, everything, ACK, RST, nonsense
        for port in (80, 81):
            wire.tcp((host, stack), (50001, port), 5000, flags)
    time.sleep(0.1)


def flood(wire, stack, count):
    dice = random.Random(11)
    for i in range(count):
        source = f"10.0.0.{dice.randrange(3, 255)}"
        wire.tcp((source, stack), (dice.randrange(1024, 65536), 80), dice.randrange(2**32), 0x02,
                 options=b"\x02\x04\x05\xb4")
        if i % 50 == 0:
            time.sleep(0.001)


def malformed(wire, host, stack, count):
    """Frames that are right but for some bytes."""
    dice = random.Random(13)
    good = [tcp_frame(wire.macs, (host, stack), (41000, 80), 77, 0x02, options=b"\x02\x04\x05\xb4\x04\x02\x01\x01"),
            tcp_frame(wire.macs, (host, stack), (41001, 80), 77, 0x18, payload=b"GET / HTTP/1.1\r\n\r\n", ack=5),
            wire.macs[0] + wire.macs[1] + b"\x08\x06" + bytes.fromhex("0001080006040001") + wire.macs[1]
            + socket.inet_aton(host) + bytes(6) + socket.inet_aton(stack)]
    for _ in range(count):
        frame = bytearray(dice.choice(good))
        for _ in range(dice.randrange(1, 5)):
            frame[dice.randrange(12, len(frame))] = dice.randrange(256)
        wire.send(bytes(frame[:dice.randrange(14, len(frame) + 1)]) if dice.random() < 0.3 else bytes(frame))
        time.sleep(0.0002)
