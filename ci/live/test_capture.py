"""A capture of everything the stack says, read by tshark and tcpdump: no malformed packet, no bad checksum."""
import socket
import time

from clients import Http, Pinger, get, udp
from dhcp_server import DhcpServer
from lab import BROADCAST, STACK, TAP, check, check_equal, wait_until

# Each validates, where it does not by default, and each then shows what it found wrong.
VALIDATE = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
WRONG = ('_ws.malformed || _ws.short || _ws.expert.group == "Malformed" || _ws.expert.group == "Checksum" || '
         'ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || udp.checksum.status == "Bad" || '
         'icmp.checksum.status == "Bad"')
# What must be there for the absence of findings to mean anything.
KINDS = {
    "ARP request of ours": "arp.opcode == 1 && arp.src.proto_ipv4 == 10.0.0.50",
    "ARP reply of ours": "arp.opcode == 2 && arp.src.proto_ipv4 == 10.0.0.50",
    "DHCP discover": "dhcp.option.dhcp == 1", "DHCP request": "dhcp.option.dhcp == 3",
    "echo reply": "icmp.type == 0", "port unreachable": "icmp.type == 3 && icmp.code == 3",
    "UDP echo": "udp.srcport == 7", "SYN-ACK": "tcp.flags.syn == 1 && tcp.flags.ack == 1",
    "FIN of ours": "tcp.flags.fin == 1 && ip.src == 10.0.0.50",
    "reset of ours": "tcp.flags.reset == 1 && ip.src == 10.0.0.50", "HTTP response": "http.response.code == 200",
    "HTTP 404": "http.response.code == 404", "full segment": "tcp.len == 1448 && ip.src == 10.0.0.50",
}


def _tshark(lab, capture, expression):
    out = lab.run(["tshark", "-n", "-r", capture, *VALIDATE, "-Y", expression], seconds=60)
    return [line for line in out.stdout.splitlines() if line.strip()]


def _traffic(lab, address):
    pinger = Pinger(address)
    for size in (0, 1, 56, 1471, 1472):
        check(pinger.ping(bytes(size))[0] == bytes(size), f"ping of {size} bytes")
    Pinger(BROADCAST, broadcast=True).ping(b"x", seconds=0.1)
    with udp() as sock:
        for size in (0, 1, 2, 1472):
            sock.sendto(b"u" * size, (address, 7))
            check_equal(len(sock.recv(2000)), size, "UDP echo")
        sock.sendto(b"x", (address, 999))
    with socket.create_connection((address, 7), timeout=10) as sock:
        sock.sendall(b"e" * 50_000)
        sock.shutdown(socket.SHUT_WR)
        total = 0
        while part := sock.recv(65536):
            total += len(part)
        check_equal(total, 50_000, "TCP echo")
    for method, path in (("GET", "/"), ("HEAD", "/"), ("GET", "/none"), ("DELETE", "/"), ("GET", "/big")):
        with Http(address=address) as connection:
            connection.get(path, method=method)
    with Http(address=address) as connection:
        connection.send(b"junk\r\n\r\n")
        connection.response()
    sock = socket.socket()
    sock.connect_ex((address, 81))
    sock.close()
    with socket.create_connection((address, 7), timeout=10) as sock:
        sock.sendall(b"x")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def case_no_finding(context):
    context.need("tshark")
    context.need("tcpdump")
    with context.lab() as lab, DhcpServer(lease_seconds=20, t1=1, t2=10) as dhcp:
        capture = lab.folder("capture") / "all.pcap"
        root = lab.folder("www")
        (root / "index.html").write_text("<title>Project Aether</title>")
        (root / "big").write_bytes(b"b" * 100_000)
        server = lab.start(f"--capture={capture}", f"--http_root={root}", address="dhcp", ready=False)
        server.wait_for(r"^aether-run: address 10\.0\.0\.50/24")
        time.sleep(0.1)
        _traffic(lab, "10.0.0.50")
        wait_until(lambda: len(dhcp.acknowledged) >= 2, 6, "no renewal")
        time.sleep(0.1)
        done = server.stop()

        wrong = _tshark(lab, capture, WRONG)
        check(not wrong, f"tshark finds {len(wrong)} wrong packets, the first: {wrong[:3]}")
        for name, expression in KINDS.items():
            check(_tshark(lab, capture, expression), f"the capture has no {name}")
        verbose = lab.run(["tcpdump", "-n", "-vv", "-r", capture], seconds=30).stdout
        for word in ("bad cksum", "incorrect", "bad udp cksum", "truncated", "malformed"):
            lines = [line for line in verbose.splitlines() if word in line]
            check(not lines, f"tcpdump says '{word}': {lines[:2]}")
        frames = len(_tshark(lab, capture, "frame"))
        total = done.counters.get("frames_in", 0) + done.counters.get("frames_out", 0)
        check(abs(frames - total) <= 2, f"{frames} frames in the capture, {total} counted")


def case_the_pass_can_fail(context):
    """The same filter over a capture with one broken checksum and one cut header does find them."""
    context.need("tshark")
    with context.lab() as lab:
        capture = lab.folder("capture") / "good.pcap"
        server = lab.start(f"--capture={capture}")
        check(Pinger().ping(b"payload of a ping")[0] is not None, "no reply")
        check_equal(get().status, 200, "GET /")
        server.stop()
        check_equal(_tshark(lab, capture, WRONG), [], "findings in the good capture")
        data = bytearray(capture.read_bytes())
        at = data.rfind(b"payload of a ping")
        data[at] ^= 0xff
        broken = capture.with_name("broken.pcap")
        broken.write_bytes(data)
        check_equal(len(_tshark(lab, broken, WRONG)), 1, "findings after one payload byte was changed")


def case_outside_view(context):
    """tcpdump on the interface sees what the stack sends exactly as its own capture says."""
    context.need("tcpdump")
    with context.lab() as lab:
        outside, inside = lab.folder("c") / "outside.pcap", lab.folder("c") / "inside.pcap"
        # Its ring has room for 2 MiB of slots as large as the snapshot: with the default of 256 KiB eight packets,
        # and whatever comes while it is not scheduled is lost.
        with open(lab.folder("c") / "log", "wb") as log:
            sniffer = lab.spawn(["tcpdump", "-i", TAP, "-n", "-U", "--immediate-mode", "-Z", "root", "-s", 2048, "-c", 40, "-w", outside, "icmp"], stderr=log)
        end = time.monotonic() + 5
        while b"listening on" not in (lab.folder("c") / "log").read_bytes() and time.monotonic() < end:
            time.sleep(0.02)
        server = lab.start(f"--capture={inside}")
        pinger = Pinger()
        for i in range(20):
            check(pinger.ping(bytes([i]) * i)[0] == bytes([i]) * i, "no reply")
        wait_until(lambda: sniffer.poll() is not None, 5, "tcpdump saw fewer than 20 requests and 20 replies")
        server.stop()
        shown = [lab.run(["tcpdump", "-n", "-t", "-xx", "-r", file, "icmp[0] == 0"]).stdout for file in (outside, inside)]
        check_equal([text.count("echo reply") for text in shown], [20, 20], "echo replies in the two captures")
        check(shown[0] == shown[1], f"{STACK}: the two captures differ")
