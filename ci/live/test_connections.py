"""Connections: a hundred at once, fifty thousand in a row, and wrk."""
import re
import socket
import threading

from clients import Http, get
from lab import STACK, check, check_equal

# The kernel's default range; fewer ports than connections, so that they must be used again.
PORT_RANGE = "32768 60999"


def _use_default_ports():
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as file:
        file.write(PORT_RANGE)


def case_hundred_at_once(context):
    """100 connections open at the same time, each asks three times, in another order than they were opened."""
    with context.lab() as lab:
        server = lab.start()
        whole = get().raw
        connections = [Http() for _ in range(100)]
        for turn in range(3):
            for connection in connections[turn::2] + connections[:turn] + connections[turn + 1::2]:
                connection.send(f"GET / HTTP/1.1\r\nHost: {STACK}\r\n\r\n".encode())
            for connection in reversed(connections[turn::2] + connections[:turn] + connections[turn + 1::2]):
                check_equal(connection.response().raw, whole, "one of a hundred responses")
        for connection in connections:
            connection.socket.close()
        done = server.stop()
        check_equal(done.counters.get("tcp_accepted"), 101, "connections accepted")


def case_hundred_threads(context):
    """As the original was measured: a hundred clients, each with one connection per request."""
    with context.lab() as lab:
        lab.start()
        wrong = []

        def client():
            for _ in range(10):
                try:
                    if get(extra="Connection: close\r\n").status != 200:
                        wrong.append("status")
                except Exception as error:  # counted, not raised in a thread
                    wrong.append(str(error))

        threads = [threading.Thread(target=client) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not wrong, f"{len(wrong)} of 1000 requests failed: {wrong[:3]}")


def case_fifty_thousand_in_a_row(context):
    """50,000 connections one after the other, each with one request, without a single failure."""
    loop = context.bin / "connect_loop"
    check(loop.is_file(), f"{loop} is not built")
    with context.lab() as lab:
        _use_default_ports()
        server = lab.start()
        count = 50_000
        out = lab.run([loop, STACK, 80, count], seconds=240, ok=None)
        check_equal(out.stdout.split()[:4], ["connections", str(count), "failures", "0"], f"connect_loop ({out.stderr})")
        done = server.stop()
        check_equal(done.counters.get("tcp_accepted"), count, "connections accepted")
        check_equal(done.counters.get("tcp_timeouts"), 0, "connections that timed out while closing")


case_fifty_thousand_in_a_row.seconds = 120


def _wrk(lab, seconds, *options):
    out = lab.run(["wrk", "-t1", "-c100", f"-d{seconds}s", *options, f"http://{STACK}/"], seconds=seconds + 30).stdout
    check("Socket errors" not in out and "Non-2xx" not in out, out)
    found = re.search(r"(\d+) requests in", out)
    check(found and int(found.group(1)) > 100, out)
    return int(found.group(1))


def case_wrk(context):
    """wrk with a hundred connections, keep-alive on and off: no socket error, nothing but 2xx."""
    context.need("wrk")
    with context.lab() as lab:
        _use_default_ports()
        server = lab.start()
        requests = _wrk(lab, 2) + _wrk(lab, 3, "-H", "Connection: close")
        done = server.stop()
        check(done.counters.get("tcp_data_bytes_out", 0) > requests * 100, f"counters: {done.counters}")


def case_client_closes_first(context):
    """A client that closes without reading the whole answer, and one that closes at once, leave nothing behind."""
    with context.lab() as lab:
        server = lab.start()
        for i in range(200):
            with Http() as connection:
                if i % 2:
                    connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        check_equal(get().status, 200, "GET / afterwards")
        done = server.stop()
        check(done.counters.get("tcp_accepted", 0) >= 200, f"counters: {done.counters}")


def case_syn_flood_leaves_room(context):
    """20,000 SYNs from addresses that never answer keep no state: a real client is served at once."""
    import random
    import struct

    from clients import internet_sum
    with context.lab() as lab:
        server = lab.start()
        check_equal(get().status, 200, "GET / before")
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        generator = random.Random(5)
        to = socket.inet_aton(STACK)
        for _ in range(20_000):
            source = bytes([10, 0, 0, generator.randrange(10, 250)])
            ports = struct.pack("!HH", generator.randrange(1024, 65536), 80)
            tcp = ports + struct.pack("!IIBBHHH", generator.randrange(1 << 32), 0, 0x50, 2, 65535, 0, 0)
            pseudo = source + to + struct.pack("!BBH", 0, 6, len(tcp))
            tcp = tcp[:16] + struct.pack("!H", internet_sum(pseudo + tcp)) + tcp[18:]
            raw.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source, to) + tcp, (STACK, 0))
        check_equal(get().status, 200, "GET / during the flood")
        done = server.stop()
        check(done.counters.get("tcp_accepted", 0) == 2, f"counters: {done.counters}")
