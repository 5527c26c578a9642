"""The two sides, each in a network namespace of its own with the same address, ports and link address.

    here (AF_PACKET on the TAP, no address)  ---- TAP ----  aether-run                       namespace 1
    here (the TAP's descriptor)              ---- TAP ----  the kernel, peer.py on sockets   namespace 2

The host of the first TAP has no address and no IPv6, so its kernel answers nothing. A TAP without offloads gives the
kernel every segment by itself and takes every segment by itself: nothing is joined or cut on the way.
"""
import errno
import fcntl
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import time

import lab
import packets
from flow import REQUEST, STACK_IP, STACK_MAC, Flow

HERE = pathlib.Path(__file__).resolve().parent
NETWORK = "10.0.0.0/16"
LINUX_TAP = "kernel0"
OURS, LINUX = "aether", "Linux"
CLIENTS = 200       # client addresses 10.0.1.1 ...; ARP flows have others, which nobody knows in advance
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454ca, 2, 0x1000
_PACKET_IGNORE_OUTGOING = 23
_FRAME_BYTES_MAX = 65600

# What the kernel is told, so that both sides have the same task; everything else is as it comes.
SETTINGS = {
    # Offered on both sides: RFC 7323, RFC 2018 and RFC 2883; ECN is accepted when asked for.
    "net.ipv4.tcp_timestamps": 1, "net.ipv4.tcp_window_scaling": 1, "net.ipv4.tcp_sack": 1, "net.ipv4.tcp_dsack": 1,
    "net.ipv4.tcp_ecn": 1, "net.ipv4.tcp_fastopen": 0,
    # Rates are not compared: ours allows ten challenges a second, and no flow asks for more.
    "net.ipv4.tcp_invalid_ratelimit": 0, "net.ipv4.tcp_challenge_ack_limit": 2147483647,
    "net.ipv4.icmp_ratelimit": 0, "net.ipv4.icmp_msgs_per_sec": 1000000, "net.ipv4.icmp_msgs_burst": 100000,
    # Neither side comes near its SYN queue's end; ours would then send cookies as well.
    "net.ipv4.tcp_syncookies": 0, "net.ipv4.tcp_max_syn_backlog": 4096, "net.core.somaxconn": 4096,
    # One flow must not learn from another.
    "net.ipv4.tcp_no_metrics_save": 1,
    # [RFC 1122 3.3.2] 60 seconds, as ours; the kernel's 30 are below it.
    "net.ipv4.ipfrag_time": 60,
    # More neighbours than clients, none of them forgotten in between.
    "net.ipv4.neigh.default.gc_thresh1": 4096, "net.ipv4.neigh.default.gc_thresh2": 4096,
    "net.ipv4.neigh.default.gc_thresh3": 8192,
    # A host, not a router; sources are not checked against routes, which ours has no use for.
    "net.ipv4.ip_forward": 0, "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
    # [RFC 1122 3.3.6] what came in a link broadcast without being addressed to one is dropped.
    "net.ipv4.conf.all.drop_unicast_in_l2_multicast": 1,
    # Silent by itself.
    "net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1,
}
# Not in every kernel, or not in a namespace; without them the host's own value counts.
OPTIONAL = {"net.core.somaxconn", "net.ipv4.icmp_msgs_per_sec", "net.ipv4.icmp_msgs_burst",
            "net.ipv4.tcp_challenge_ack_limit", "net.ipv4.neigh.default.gc_thresh1", "net.ipv4.neigh.default.gc_thresh2",
            "net.ipv4.neigh.default.gc_thresh3"}


class PacketPort:
    """Frames through an AF_PACKET socket on a TAP: to and from the process that has the TAP open."""

    def __init__(self, device):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.setsockopt(263, _PACKET_IGNORE_OUTGOING, 1)
        for option in (33, 32):     # SO_RCVBUFFORCE, SO_SNDBUFFORCE
            self._socket.setsockopt(socket.SOL_SOCKET, option, 16 << 20)
        self._socket.bind((device, 0))
        self._socket.setblocking(False)

    def fileno(self):
        return self._socket.fileno()

    def send(self, frame):
        for _ in range(200):
            try:
                self._socket.send(frame)
                return
            except OSError as error:
                if error.errno not in (errno.ENOBUFS, errno.EAGAIN):
                    raise
                time.sleep(0.001)
        raise lab.Failure("the TAP takes no more frames")

    def receive(self):
        return self._socket.recv(_FRAME_BYTES_MAX)

    def close(self):
        self._socket.close()


class TapPort:
    """Frames through the descriptor of a TAP: to and from the kernel of the namespace it was made in."""

    def __init__(self, device):
        self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        fcntl.ioctl(self._fd, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TAP | _IFF_NO_PI))

    def fileno(self):
        return self._fd

    def send(self, frame):
        try:
            os.write(self._fd, frame)
        except OSError as error:
            # The kernel refuses frames shorter than a link header at the door.
            if error.errno != errno.EINVAL:
                raise

    def receive(self):
        return os.read(self._fd, _FRAME_BYTES_MAX)

    def close(self):
        os.close(self._fd)


class Sides(lab.Lab):
    """Both sides, running. `ports` are where their frames go in and out."""

    def __init__(self, folder):
        super().__init__(pathlib.Path(folder) / "aether-run", tap=False)
        self.ports, self._far, self._server = {}, None, None
        # The sabotage of --break: what may be done to a reply before it counts.
        self.spoil = None

    def __enter__(self):
        super().__enter__()
        try:
            self.make_tap()
            self.ip("link", "set", lab.TAP, "txqueuelen", "10000", "up")
            self.ports[OURS] = PacketPort(lab.TAP)
            self._server = self.start("--mac=02:00:00:00:00:02", "--workers=1", address="10.0.0.2/16")
            self._make_linux()
        except BaseException:
            self.close()
            raise
        return self

    def _make_linux(self):
        lab.Lab._count += 1
        self._far = f"{lab.PREFIX}{os.getpid()}-{lab.Lab._count}"
        self.ip("netns", "add", self._far)
        for name, value in SETTINGS.items():
            self.run(["ip", "netns", "exec", self._far, "sysctl", "-q", "-w", f"{name}={value}"],
                     ok=None if name in OPTIONAL else (0,))
        near = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            lab._enter(f"/run/netns/{self._far}")
            self.ports[LINUX] = TapPort(LINUX_TAP)
        finally:
            lab._enter(f"/proc/self/fd/{near}")
            os.close(near)
        neighbors = "".join(f"neigh replace {ip} dev {LINUX_TAP} lladdr {(bytes([2, 1]) + packets.ip_bytes(ip)).hex(':')} "
                            "nud permanent\n" for ip in map(client_ip, range(CLIENTS + 1)))
        self.ip("-n", self._far, "link", "set", "lo", "up")
        self.ip("-n", self._far, "link", "set", LINUX_TAP, "address", STACK_MAC.hex(":"), "txqueuelen", "10000", "up")
        self.ip("-n", self._far, "addr", "add", "10.0.0.2/16", "broadcast", "+", "dev", LINUX_TAP)
        # Acknowledgements without delay: how long it is, is not compared, and a step need not wait for it.
        self.ip("-n", self._far, "route", "replace", NETWORK, "dev", LINUX_TAP, "src", "10.0.0.2", "quickack", "1")
        self.run(["ip", "-n", self._far, "-batch", "-"], stdin=neighbors)
        files = [pathlib.Path(self.scratch) / name for name in ("page", "refusal")]
        for file, content in zip(files, self._fetch()):
            file.write_bytes(content)
        self._peer = self.spawn(["ip", "netns", "exec", self._far, sys.executable, HERE / "peer.py", "10.0.0.2", "7", "80",
                                 *files])
        # 10.0.0.2:7, the last one that it opens.
        lab.wait_until(lambda: "0200000A:0007" in self.run(["ip", "netns", "exec", self._far, "cat", "/proc/net/udp"]).stdout,
                       10, "the kernel's echo server does not listen")

    def _fetch(self):
        """The responses that aether-run gives, to a request and to a part of one, for the other side to give the same."""
        begin = [{"op": "tcp", "flags": "S", "seq": ("iss", 0), "opts": "020405b4"}, {"op": "tcp", "flags": "A"}]
        asked = [*begin, {"op": "tcp", "flags": "PA", "len": len(REQUEST)}, {"op": "tcp", "flags": "A"}]
        cut = [*begin, {"op": "tcp", "flags": "FPA", "len": 10}, {"op": "tcp", "flags": "A"}]
        flows = [Flow("fetch", "0", steps, client_ip(at), 999, 1000, 80, False) for at, steps in enumerate((asked, cut))]
        run(flows, self, [OURS], 0.3)
        pages = [bytes(flow.sides[OURS].stream) for flow in flows]
        for page, status in zip(pages, (b"200", b"400")):
            lab.check(page.startswith(b"HTTP/1.1 " + status), f"aether-run served {page[:60]!r}")
        return pages

    def check_alive(self):
        if not self._server.alive():
            self._server.wait(1)
            raise lab.Failure(f"aether-run ended: {self._server.err()[-2000:]}")
        if self._peer.poll() is not None:
            raise lab.Failure("the kernel's echo server ended")

    def close(self):
        for port in self.ports.values():
            port.close()
        self.ports.clear()
        super().close()
        if self._far and os.path.exists(f"/run/netns/{self._far}"):
            subprocess.run(["ip", "netns", "del", self._far], capture_output=True, timeout=20)


def client_ip(slot, family="", batch=0):
    """Clients of ARP flows are strangers in every batch: what was learned about one stays."""
    return f"10.0.{3 + batch % 250 if family == 'arp' else 1}.{slot + 1}"


# A client whose echoed datagrams tell how far a side has come with what was sent before them.
FENCE_IP = packets.ip_bytes(client_ip(CLIENTS))
FENCE_SECONDS_MAX = 3


class Collector:
    """What the sides say, by flow; answers their ARP questions for clients."""

    def __init__(self, flows, sides, names):
        self._flows = {flow.ip: flow for flow in flows}
        self._macs = {flow.mac: flow for flow in flows}
        self._sides, self._names = sides, names
        self._whole = {name: packets.Reassembly() for name in names}
        self.said = {name: {} for name in names}
        self._fences, self._fenced = 0, {}
        self._poller = select.poll()
        self._by_fd = {}
        for name in names:
            port = sides.ports[name]
            self._by_fd[port.fileno()] = name
            self._poller.register(port.fileno(), select.POLLIN)

    def collect(self, at_least, quiet, at_most):
        """Reads for `at_least` seconds, and then until nothing came for `quiet` ones or `at_most` are over."""
        begin = last = time.monotonic()
        while True:
            now = time.monotonic()
            wait = max(begin + at_least - now, last + quiet - now)
            if wait <= 0 or now > begin + at_most:
                return
            for fd, _ in self._poller.poll(max(1, wait * 1000)):
                name = self._by_fd[fd]
                for _ in range(64):
                    try:
                        frame = self._sides.ports[name].receive()
                    except BlockingIOError:
                        break
                    if self._take(name, packets.Reply(frame, time.monotonic())):
                        last = time.monotonic()

    def fence(self):
        """Waits until both sides, their applications included, have seen what was sent so far: an application may read
        its datagrams before its connections, but not twice."""
        self._fence()
        return self._fence()

    def _fence(self):
        self._fences += 1
        for name in self._names:
            datagram = packets.udp(FENCE_IP, STACK_IP, (5000, 7), self._fences.to_bytes(4, "big"))
            self._sides.ports[name].send(packets.ethernet(
                STACK_MAC, b"\x02\x01" + FENCE_IP, packets.TYPE_IPV4,
                packets.ipv4(FENCE_IP, STACK_IP, packets.UDP, datagram)))
        end = time.monotonic() + FENCE_SECONDS_MAX
        while any(self._fenced.get(name) != self._fences for name in self._names):
            self.collect(0.002, 0, 0.01)
            lab.check(time.monotonic() < end, f"no echo of datagram {self._fences}: {self._fenced}")
        return time.monotonic()

    def _take(self, name, reply):
        """True if it belongs to a flow."""
        if reply.kind == packets.TYPE_ARP:
            if reply.operation == 1:
                self._answer(name, reply)
                return False
            flow = self._flows.get(reply.target_ip) or self._macs.get(reply.to_mac)
        elif reply.kind == packets.TYPE_IPV4:
            reply = self._whole[name].add(reply)
            if reply is None:
                return True
            if reply.destination == FENCE_IP:
                if reply.protocol == packets.UDP:
                    self._fenced[name] = int.from_bytes(reply.data, "big")
                return False
            if self._sides.spoil and self._sides.spoil(name, reply):
                return True
            flow = self._flows.get(reply.destination)
        else:
            return False
        if flow is None:
            return False
        self.said[name].setdefault(flow, []).append(reply)
        return True

    def _answer(self, name, question):
        if question.target_ip[:2] != STACK_IP[:2] or question.target_ip[2] == 0:
            return
        mac = b"\x02\x01" + question.target_ip
        self._sides.ports[name].send(packets.ethernet(question.sender_mac, mac, packets.TYPE_ARP, packets.arp(
            2, mac, question.target_ip, question.sender_mac, question.sender_ip) + b"\0" * 18))

    def take(self):
        said, self.said = self.said, {name: {} for name in self._names}
        return said


def run(flows, sides, names=(OURS, LINUX), pause=0.1):
    """Runs all flows in parallel, one step of each at a time; what was said stands in their `results`. Returns the
    number of stimuli."""
    count = 0
    collector = Collector(flows, sides, names)
    # What is left of an earlier run.
    collector.collect(0.002, 0, 0.01)
    collector.take()
    for flow in flows:
        flow.begin(names)
    for number in range(max(len(flow.steps) for flow in flows)):
        active = [flow for flow in flows if number < len(flow.steps)]
        for flow in active:
            # Both sides hear it at once, so that their timers run side by side.
            for name in names:
                for frame in flow.frame(number, name):
                    sides.ports[name].send(frame)
            count += 1
        seen_at = collector.fence()
        collector.collect(pause, 0.05, pause + 1.0)
        said = collector.take()
        for flow in active:
            flow.results.append({name: flow.reduce(number, name, said[name].get(flow, ()), seen_at)
                                 for name in names})
    _tidy(flows, sides, names)
    return count


def _tidy(flows, sides, names):
    """A reset at the number that each side expects: nothing is left behind."""
    for flow in flows:
        for name in names:
            side = flow.sides[name]
            if side.irs is None and flow.steps[0]["op"] != "tcp":
                continue
            for relative in {side.rcv, 1}:
                segment = packets.tcp(flow.ip, STACK_IP, (flow.port, flow.server_port), flow.iss + relative,
                                      (side.irs or 0) + side.end, packets.RST | packets.ACK, 0)
                sides.ports[name].send(packets.ethernet(
                    STACK_MAC, flow.mac, packets.TYPE_IPV4, packets.ipv4(flow.ip, STACK_IP, packets.TCP, segment)))
