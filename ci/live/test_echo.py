"""The echo service on port 7, TCP and UDP; closed ports; and the original's echo on the HTTP port."""
import errno
import hashlib
import random
import socket
import threading
import time

from clients import Http, udp
from lab import STACK, Failure, check, check_equal


def _exchange(data, port=7, seconds=30):
    """Sends everything while reading, closes its half, reads to the end."""
    with socket.create_connection((STACK, port), timeout=seconds) as sock:
        def send():
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # seen as a short answer

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        parts = []
        while True:
            part = sock.recv(262144)
            if not part:
                break
            parts.append(part)
        sender.join(seconds)
        return b"".join(parts)


def case_tcp_sizes(context):
    with context.lab() as lab:
        lab.start()
        generator = random.Random(1)
        for size in (1, 2, 1459, 1460, 1461, 4096, 65535, 65536, 100_000, 1_000_000):
            data = generator.randbytes(size)
            got = _exchange(data)
            check(got == data, f"echo of {size} bytes: {len(got)} came back, "
                               f"{hashlib.sha256(got).hexdigest()[:8]} for {hashlib.sha256(data).hexdigest()[:8]}")


def case_tcp_many_small_writes(context):
    with context.lab() as lab:
        lab.start()
        with socket.create_connection((STACK, 7), timeout=10) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(500):
                sock.sendall(bytes([i & 0xff]))
                check_equal(sock.recv(16), bytes([i & 0xff]), f"echo of byte {i}")


def case_tcp_half_close(context):
    """The answer comes in full although our half was closed before it was read; then the server closes too."""
    with context.lab() as lab:
        server = lab.start()
        data = random.Random(2).randbytes(20_000)
        with socket.create_connection((STACK, 7), timeout=10) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            time.sleep(0.2)
            got = b""
            while part := sock.recv(65536):
                got += part
            check(got == data, f"after the half close {len(got)} of {len(data)} bytes came")
        check(_exchange(b"") == b"", "a connection that says nothing is closed in order")
        done = server.stop()
        check_equal(done.counters.get("tcp_rsts_out"), 0, "resets sent")


def case_tcp_reset_by_client(context):
    """A client that resets costs the others nothing."""
    with context.lab() as lab:
        server = lab.start()
        for _ in range(50):
            sock = socket.create_connection((STACK, 7), timeout=10)
            sock.sendall(b"x" * 1000)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
        check_equal(_exchange(b"still here"), b"still here", "echo after resets")
        done = server.stop()
        check(done.counters.get("tcp_rsts_in", 0) >= 1, f"counters: {done.counters}")


def case_udp_sizes(context):
    with context.lab() as lab:
        lab.start()
        with udp() as sock:
            body = random.Random(3).randbytes(1472)
            for size in [0, 1, 2, 3, *range(100, 1472, 97), 1471, 1472]:
                sock.sendto(body[:size], (STACK, 7))
                data, source = sock.recvfrom(65536)
                check(data == body[:size], f"echo of a datagram of {size} bytes")
                check_equal(source, (STACK, 7), "source of the answer")


def case_udp_closed_port(context):
    # [RFC 1122 4.1.3.1] a datagram for a port that nobody listens on is answered with port unreachable.
    with context.lab() as lab:
        server = lab.start()
        with udp() as sock:
            sock.connect((STACK, 4321))
            sock.send(b"anyone?")
            try:
                data = sock.recv(100)
                raise Failure(f"data from a closed port: {data!r}")
            except TimeoutError:
                raise Failure("no port unreachable within 2 s") from None
            except ConnectionRefusedError:
                pass
        done = server.stop()
        check(done.counters.get("icmp_unreachable_out", 0) >= 1, f"counters: {done.counters}")
        check(done.drops.get("udp_port_unreachable", 0) >= 1, f"drops: {done.drops}")


def case_udp_unreachable_is_limited(context):
    """1,000 datagrams for a closed port are not answered with 1,000 errors."""
    with context.lab() as lab:
        server = lab.start()
        with udp() as sock:
            for _ in range(1000):
                sock.sendto(b"x", (STACK, 4321))
            time.sleep(0.3)
        done = server.stop()
        check(done.counters.get("icmp_unreachable_out", 0) < 250, f"counters: {done.counters}")
        check(done.counters.get("icmp_rate_limited", 0) > 0, f"counters: {done.counters}")


def case_tcp_closed_port(context):
    with context.lab() as lab:
        lab.start()
        for port in (81, 1, 65535):
            begin = time.monotonic()
            sock = socket.socket()
            sock.settimeout(5)
            check_equal(sock.connect_ex((STACK, port)), errno.ECONNREFUSED, f"connect to closed port {port}")
            check(time.monotonic() - begin < 0.5, f"port {port} refused after {time.monotonic() - begin:.2f} s only")
            sock.close()


def case_other_protocol(context):
    """SCTP is not spoken here: protocol unreachable, or at least a counted drop."""
    with context.lab() as lab:
        server = lab.start()
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
        raw.sendto(b"\0" * 16, (STACK, 0))
        time.sleep(0.2)
        done = server.stop()
        check_equal(done.drops.get("ipv4_unknown_protocol"), 1, "drops of an unknown protocol")
        check(done.counters.get("icmp_unreachable_out", 0) >= 1, f"counters: {done.counters}")


def case_original_echo(context):
    """`--original_echo`: what is not HTTP is answered with `Aether Echo: ` + data + `> `; HTTP still works."""
    with context.lab() as lab:
        lab.start("--original_echo")
        with socket.create_connection((STACK, 80), timeout=10) as sock:
            for line in (b"hello aether\n", b"\x00\x01\x02 binary", b"again"):
                sock.sendall(line)
                wanted = b"Aether Echo: " + line + b"> "
                got = b""
                while len(got) < len(wanted):
                    part = sock.recv(4096)
                    check(part, f"closed after {got!r}")
                    got += part
                check_equal(got, wanted, "the original's echo")
        with Http() as connection:
            page = connection.get()
            check(page.status == 200 and b"Project Aether" in page.body, f"status {page.status}")


def case_echo_can_be_elsewhere(context):
    with context.lab() as lab:
        lab.start("--echo_port=7777", "--http_port=8080")
        check_equal(_exchange(b"moved", port=7777), b"moved", "echo on another port")
        with Http(8080) as connection:
            check_equal(connection.get().status, 200, "HTTP on another port")
        sock = socket.socket()
        check_equal(sock.connect_ex((STACK, 7)), errno.ECONNREFUSED, "the old echo port")
