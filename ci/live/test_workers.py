"""The engine: one and several workers give the same responses, over one queue and over many."""
import random
import socket
import threading

from clients import Http, Pinger, get, udp
from dhcp_server import DhcpServer
from lab import STACK, TAP, check, check_equal, wait_until

BACKOFFS = ("adaptive", "spin", "poll")


def _answers(root):
    """The bytes that a fixed set of requests is answered with, from many ports, so that every worker has some."""
    got = []
    for path in ("/", "/a.txt", "/none", "/b.bin"):
        for method in ("GET", "HEAD", "DELETE"):
            for _ in range(4):
                with Http() as connection:
                    got.append(connection.get(path, method=method).raw)
    with Http() as connection:
        for path in ("/", "/a.txt") * 10:
            got.append(connection.get(path).raw)
    body = random.Random(6).randbytes(30_000)
    for _ in range(8):
        with socket.create_connection((STACK, 7), timeout=20) as sock:
            sock.sendall(body)
            sock.shutdown(socket.SHUT_WR)
            parts = []
            while part := sock.recv(65536):
                parts.append(part)
            got.append(b"".join(parts))
    for _ in range(16):
        with udp() as sock:
            sock.sendto(body[:999], (STACK, 7))
            got.append(sock.recv(2000))
    pinger = Pinger()
    for size in range(0, 1472, 100):
        got.append(pinger.ping(body[:size])[0])
    return got


def _serve(context, workers, backoff="adaptive", **tap):
    with context.lab(**tap) as lab:
        root = lab.folder("www")
        (root / "index.html").write_text("<title>Project Aether</title>")
        (root / "a.txt").write_text("a text")
        (root / "b.bin").write_bytes(random.Random(7).randbytes(200_000))
        server = lab.start(f"--workers={workers}", f"--backoff={backoff}", f"--http_root={root}")
        line = server.wait_for(r"^aether-run: .*workers (\d+)")
        check_equal(line.group(1), str(workers), "workers in the first line")
        if workers > 1:
            how = "steered" if tap.get("multi_queue") else "dispatched"
            check(f"workers {workers} ({how})" in server.out(), f"not {how}: {server.out()}")
        return _answers(root), server.stop()


def case_same_responses(context):
    """1 and 2 workers: the same bytes for the same requests."""
    one, _ = _serve(context, 1)
    two, done = _serve(context, 2, multi_queue=True)
    check_equal(len(one), len(two), "number of answers")
    for index, (a, b) in enumerate(zip(one, two, strict=True)):
        check(a == b, f"answer {index} differs between 1 and 2 workers: {a[:80]!r} and {b[:80]!r}")
    check(done.counters.get("tcp_accepted", 0) >= 57, f"counters of 2 workers are summed: {done.counters}")


def case_single_queue_tap(context):
    """2 workers on a TAP with one queue: the dispatcher's work, with the same answers."""
    one, _ = _serve(context, 1)
    two, _ = _serve(context, 2, multi_queue=False)
    check(one == two, "the dispatcher's answers differ")


def case_own_tap(context):
    """2 workers, and aether-run makes the TAP itself; it is gone afterwards."""
    with context.lab(tap=False) as lab:
        server = lab.start("--workers=2")
        lab.configure_host()
        check_equal([get().status for _ in range(20)], [200] * 20, "GET /")
        server.stop()
        check(TAP not in lab.links(), f"{TAP} is left behind")


def case_backoffs(context):
    for backoff in BACKOFFS:
        got, done = _serve(context, 1, backoff)
        check(all(a is not None for a in got), f"answers with --backoff={backoff}")
        check_equal(done.code, 0, "exit code")
    got, _ = _serve(context, 2, "poll", multi_queue=True)
    check(all(a is not None for a in got), "answers with two workers that poll")


def case_auto(context):
    """--workers=auto starts, says how many, and works with any TAP."""
    with context.lab() as lab:
        server = lab.start("--workers=auto")
        count = int(server.wait_for(r"workers (\d+)").group(1))
        check(count >= 1, f"workers {count}")
        check_equal(get().status, 200, "GET /")
        server.stop()


def case_concurrent_load(context):
    """Two workers under 64 clients at once, with files, echo, pings and resets mixed; for the thread sanitizer too."""
    with context.lab(multi_queue=True) as lab:
        root = lab.folder("www")
        (root / "index.html").write_text("<title>Project Aether</title>")
        (root / "b.bin").write_bytes(b"b" * 50_000)
        server = lab.start("--workers=2", f"--http_root={root}", "--stats=1")
        wrong = []

        def client(number):
            try:
                for turn in range(6):
                    kind = (number + turn) % 4
                    if kind == 0 and len(get("/b.bin").body) != 50_000:
                        wrong.append("file")
                    elif kind == 1:
                        with udp(5) as sock:
                            sock.sendto(b"u", (STACK, 7))
                            if sock.recv(10) != b"u":
                                wrong.append("udp")
                    elif kind == 2:
                        with Http() as connection:
                            for _ in range(5):
                                if connection.get().status != 200:
                                    wrong.append("keep-alive")
                    else:
                        sock = socket.create_connection((STACK, 7), timeout=20)
                        sock.sendall(b"x")
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                        sock.close()
            except Exception as error:  # counted, not raised in a thread
                wrong.append(repr(error))

        threads = [threading.Thread(target=client, args=(n,)) for n in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not wrong, f"{len(wrong)} failures: {wrong[:3]}")
        check(Pinger().ping(b"x")[0] == b"x", "no reply to a ping afterwards")
        server.stop()


def case_dhcp_with_two(context):
    """DHCP, which no flow hash covers, works with two workers: both have the address."""
    with context.lab(multi_queue=True) as lab, DhcpServer(lease_seconds=20, t1=1, t2=10) as dhcp:
        server = lab.start("--workers=2", address="dhcp", ready=False)
        server.wait_for(r"^aether-run: address 10\.0\.0\.50/24")
        for _ in range(20):
            with Http(address="10.0.0.50") as connection:
                check_equal(connection.get().status, 200, "GET /")
        wait_until(lambda: len(dhcp.acknowledged) >= 3, 6, "no renewals")
        for _ in range(10):
            with Http(address="10.0.0.50") as connection:
                check_equal(connection.get().status, 200, "GET / after renewals")
        server.stop()
