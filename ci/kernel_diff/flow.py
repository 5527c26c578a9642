"""A flow: one client's steps against both sides, and what each side said to every step, normalised.

Steps are plain dictionaries made by scenarios.py. Numbers in them are relative to live values of each side: sequence
numbers to what the side has acknowledged ("rcv") or to our SYN ("iss"), acknowledgements to what we have received of it
in order ("end") or to its SYN ("irs"), so that both sides get the same stimulus whatever initial numbers they drew.
What a side says is reduced the same way: relative numbers, the stream's bytes instead of its segments, what a timer
repeats left out.
"""
import packets
from packets import ACK, FIN, RST, SYN

STACK_MAC = bytes.fromhex("020000000002")
STACK_IP = packets.ip_bytes("10.0.0.2")
OTHER_MAC = bytes.fromhex("020000990099")
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
# Later than this after a side has seen the stimulus, a segment that says nothing new is a timer's.
PROMPT_SECONDS = 0.06
_GUESSED_ISS = 0x01020304


def stream(start, length):
    """Byte k of what the client sends is f(k): a byte at the wrong place shows."""
    return bytes((k * 7 + (k >> 8) * 13 + 5) & 0xff for k in range(start, start + length))


def _is_after(one, other):
    """Of numbers modulo 2^32."""
    return 0 < (one - other & 0xffffffff) < 1 << 31


class Side:
    """What is known of one side of one flow."""

    def __init__(self):
        self.irs = None         # its SYN
        self.syn_at = 0         # where our SYN stands that it has answered, relative to our first
        self.rcv = 0            # the next number of ours that it expects, relative to our SYN
        self.end = 1            # how much of its numbers came in order, relative to irs
        self.sent_max = 1       # the end of what it ever sent, relative to irs
        self.pieces = {}        # stream offset -> bytes, ahead of a gap
        self.fin_at = None
        self.stream = bytearray()
        self.said_fin = False
        self.edge = None        # right edge of the last window that it was given, relative to irs
        self.ts_recent = 0
        self.opened = False     # an acknowledgement of its SYN was sent
        self.acknowledged = (1, 8192)
        self.client_fin = None  # where our FIN stands, relative to our SYN
        self.last_sent = {"seq": 0, "ack": 0}


class Flow:
    def __init__(self, family, key, steps, ip, port, iss, server_port=7, syn_timestamps=True, shift=0):
        self.family, self.key, self.steps = family, key, steps
        self.ip, self.port, self.iss, self.server_port = packets.ip_bytes(ip), port, iss, server_port
        self.mac = b"\x02\x01" + self.ip
        self.syn_timestamps, self.shift = syn_timestamps, shift
        self.ts_base = (iss * 2654435761) & 0xffffffff
        self.sides = {}
        self.results = []       # of each step: {side: result}
        self.facts = []         # of each step: what was sent, as the kernel's side saw it; for known.py
        self.frames = {}        # of the current step, for what quotes them

    def begin(self, names):
        self.sides = {name: Side() for name in names}
        self.results, self.facts = [], []

    @property
    def name(self):
        return f"{self.family}:{self.key}"

    # ---- Stimuli ----

    def frame(self, number, name):
        """The frames of a step for one side."""
        step = self.steps[number]
        side = self.sides[name]
        if len(self.facts) == number:
            self.facts.append({})
        made = getattr(self, "_make_" + step["op"])(step, side, number)
        frames = made if isinstance(made, list) else [made]
        self.frames[name] = frames
        return frames

    def _packet(self, step, protocol, payload):
        """The IP header and the frame around what a step sends."""
        source = packets.ip_bytes(step["source"]) if "source" in step else self.ip
        target = packets.ip_bytes(step["target"]) if "target" in step else STACK_IP
        fields = {key: value for key, value in step.get("ip", {}).items()}
        if "options" in fields:
            fields["options"] = bytes.fromhex(fields["options"])
        packet = packets.ipv4(source, target, step.get("protocol", protocol), payload, **fields)
        packet = packet[:step["cut"]] if "cut" in step else packet + b"\xee" * min(step.get("pad", 0), 1500 - len(packet))
        return self._link(step, packets.TYPE_IPV4, packet)

    def _link(self, step, kind, payload):
        return packets.ethernet(bytes.fromhex(step["to_mac"]) if "to_mac" in step else STACK_MAC,
                                bytes.fromhex(step["from_mac"]) if "from_mac" in step else self.mac,
                                step.get("ether_type", kind), payload)

    def _make_tcp(self, step, side, number):
        base, offset = step.get("seq", ("rcv", 0))
        relative = (side.rcv if base == "rcv" else 0) + offset
        flags = packets.flag_bits(step["flags"])
        ack = 0
        if flags & ACK or "ack" in step:
            base, offset = step.get("ack", ("end", 0))
            if side.irs is None:
                ack = _GUESSED_ISS + offset
            else:
                ack = side.irs + (side.end if base == "end" else 0) + offset
        window, length = step.get("win", 8192), step.get("len", 0)
        options = bytes.fromhex(step.get("opts", step.get("syn_opts", "")))
        stamp = step.get("ts", "ok")
        if self.syn_timestamps and stamp != "none" and "opts" not in step:
            options += self._timestamp(stamp, side, number)
        at = relative - side.syn_at - 1 + (1 if flags & SYN else 0)
        payload = self._payload(at, length) if length else b""
        if flags & SYN == 0 and flags & ACK and side.irs is not None and base == "end" and offset == 0:
            shift = self.shift if side.irs is not None else 0
            side.edge = max(side.edge or 0, side.end + (window << shift))
        self._note(number, side, step, relative, flags, ack, length)
        segment = packets.tcp(
            packets.ip_bytes(step["source"]) if "source" in step else self.ip, STACK_IP,
            (step.get("from_port", self.port), step.get("port", self.server_port)), self.iss + relative, ack, flags,
            window, payload, options, step.get("urg", 0), step.get("reserved", 0), step.get("offset"),
            step.get("bad_checksum", False))
        if "truncate" in step:
            segment = segment[:step["truncate"]]
        step_sent = {"seq": (self.iss + relative) & 0xffffffff, "ack": ack & 0xffffffff}
        side.last_sent = step_sent
        return self._packet(step, packets.TCP, segment)

    def _note(self, number, side, step, relative, flags, ack, length):
        """The facts of a step; those of the side that comes last stand, until a difference they are the same."""
        size = length + (flags & SYN > 0) + (flags & FIN > 0)
        known = side.irs is not None
        relative_ack = (ack - side.irs + (1 << 31) & 0xffffffff) - (1 << 31) if known and flags & ACK else None
        self.facts[number] = {
            "seq": relative, "finish": relative + size, "size": size, "length": length, "rcv": side.rcv, "flags": flags,
            "ack": relative_ack, "end": side.end, "known": known, "half_open": known and not side.opened,
            "peer_closed": side.client_fin is not None and side.rcv > side.client_fin, "said_fin": side.said_fin,
            "fin_ahead": side.client_fin is not None and side.rcv <= side.client_fin,
            "acknowledged": side.acknowledged[0], "timestamps": self.syn_timestamps, "client_fin": side.client_fin,
            # Whether it acknowledges more or shows another window than what came before.
            "news": relative_ack is not None and (relative_ack, step.get("win", 8192)) != side.acknowledged}
        is_whole = not {"bad_checksum", "offset", "truncate"} & {*step} and step.get("ts", "ok") in ("ok", "ahead")
        if known and flags & ACK and not flags & (SYN | RST) and is_whole and relative_ack and \
                1 <= relative_ack <= side.end and 0 <= relative - side.rcv < 30000:
            side.opened = True
            side.acknowledged = (max(relative_ack, side.acknowledged[0]), step.get("win", 8192))
        if flags & FIN and not flags & SYN and (side.client_fin is None or relative + length < side.client_fin):
            side.client_fin = relative + length

    def _timestamp(self, stamp, side, number):
        value = self.ts_base + 100 + number * 20
        value += {"ok": 0, "old": -5000, "ancient": -(1 << 31) + 5000, "ahead": 3000}[stamp]
        return b"\x01\x01\x08\x0a" + (value & 0xffffffff).to_bytes(4, "big") + side.ts_recent.to_bytes(4, "big")

    def _payload(self, start, length):
        if self.server_port != 80:
            return stream(start, length)
        # Before the request there is nothing that counts, and behind it nothing that is read.
        text = b"x" * min(length, max(0, -start))
        text += REQUEST[max(start, 0):max(start + length, 0)]
        return text + b"x" * (length - len(text))

    def _make_udp(self, step, side, _):
        payload = bytes.fromhex(step["data"]) if "data" in step else stream(0, step.get("len", 0))
        datagram = packets.udp(packets.ip_bytes(step["source"]) if "source" in step else self.ip,
                               packets.ip_bytes(step["target"]) if "target" in step else STACK_IP,
                               (step.get("from_port", self.port), step.get("port", 7)), payload, step.get("length"),
                               step.get("how", "right"))
        if "truncate" in step:
            datagram = datagram[:step["truncate"]]
        return self._packet(step, packets.UDP, datagram)

    def _make_icmp(self, step, side, _):
        message = packets.icmp(step["type"], step["code"], step.get("rest", self.port << 16 | 1),
                               stream(0, step.get("len", 0)), step.get("bad_checksum", False))
        if "truncate" in step:
            message = message[:step["truncate"]]
        return self._packet(step, packets.ICMP, message)

    def _make_raw(self, step, side, _):
        return self._packet(step, step["protocol"], stream(0, step.get("len", 0)))

    def _make_fragments(self, step, side, _):
        """Pieces [offset, length, more, shift of the contents] of one datagram of ours."""
        size = step["size"]
        if step["kind"] == "udp":
            whole = packets.udp(self.ip, STACK_IP, (self.port, step.get("port", 7)), stream(0, size - 8))
        else:
            whole = packets.icmp(8, 0, self.port << 16 | 1, stream(0, size - 8))
        protocol = packets.UDP if step["kind"] == "udp" else packets.ICMP
        frames = []
        for offset, length, more, changed in step["pieces"]:
            content = whole[offset:offset + length]
            if changed:
                content = bytes(byte ^ 0xff for byte in content)
            content += b"\xdd" * (length - len(content))
            header = {"fragment": (0x2000 if more else 0) | offset // 8, "ident": step["ident"]}
            frames.append(self._packet({"ip": {**header, **step.get("ip", {})}}, protocol, content))
        return frames

    def _make_arp(self, step, side, _):
        named = {"own": self.ip, "stack": STACK_IP, "zero": b"\0" * 4, "other": packets.ip_bytes("10.0.2.9"),
                 "outside": packets.ip_bytes("192.0.2.1"), "loop": packets.ip_bytes("127.0.0.1"),
                 "broadcast": packets.ip_bytes("10.0.255.255"), "group": packets.ip_bytes("224.0.0.1")}
        macs = {"own": self.mac, "stack": STACK_MAC, "zero": b"\0" * 6, "other": b"\x02\x02" + self.ip,
                "broadcast": packets.BROADCAST_MAC, "group": bytes.fromhex("01005e000001")}
        body = packets.arp(step["operation"], macs[step.get("sender_mac", "own")], named[step.get("sender", "own")],
                           macs[step.get("target_mac", "zero")], named[step.get("target_ip", "stack")],
                           step.get("hardware", 1), step.get("protocol", packets.TYPE_IPV4),
                           step.get("sizes", (6, 4)))
        body = body[:step["cut"]] if "cut" in step else body + b"\0" * 18
        return self._link({"to_mac": "ff" * 6, **step}, packets.TYPE_ARP, body)

    # ---- Replies ----

    def reduce(self, number, name, replies, seen_at):
        """What a side said to a step."""
        side = self.sides[name]
        result = {}
        for reply in replies:
            for fault in reply.faults:
                result["fault"] = fault
            if reply.kind == packets.TYPE_ARP:
                self._reduce_arp(reply, result)
            elif reply.protocol == packets.TCP:
                if reply.to_port == self.port:
                    self._reduce_tcp(number, side, reply, reply.at - seen_at < PROMPT_SECONDS, result)
            elif reply.protocol == packets.UDP:
                if reply.to_port == self.port:
                    result.setdefault("udp", []).append((reply.from_port, packets.digest(reply.data)))
            elif reply.protocol == packets.ICMP:
                self._reduce_icmp(name, reply, result)
        for key, value in result.items():
            if isinstance(value, set):
                result[key] = sorted(value)
        return result

    def _reduce_arp(self, reply, result):
        result.setdefault("arp", []).append((reply.operation, reply.sender_mac == STACK_MAC,
                                             packets.ip_text(reply.sender_ip), self._mac_name(reply.target_mac),
                                             reply.target_ip == self.ip, self._mac_name(reply.to_mac)))

    def _mac_name(self, mac):
        return {self.mac: "own", b"\x02\x02" + self.ip: "other", packets.BROADCAST_MAC: "broadcast",
                b"\0" * 6: "zero"}.get(mac, "strange")

    def _reduce_icmp(self, name, reply, result):
        if reply.type in (0, 14, 16, 18):
            entry = (reply.type, reply.code, f"{reply.rest:08x}", packets.digest(reply.data), reply.tos,
                     reply.ip_options.hex())
            if self.family == "arp":
                entry += (self._mac_name(reply.to_mac),)
            result.setdefault("icmp", []).append(entry)
            return
        # What runs out after a minute would come to another flow.
        if reply.type == 11 and reply.code == 1:
            return
        quoted = "ours" if any(frame[14:14 + len(reply.data)] == reply.data for frame in self.frames[name]) else "strange"
        result.setdefault("icmp", []).append((reply.type, reply.code, f"{reply.rest:08x}", len(reply.data), quoted))

    def _reduce_tcp(self, number, side, reply, prompt, result):
        relative_ack = (reply.ack - self.iss) & 0xffffffff if reply.flags & ACK else None
        if reply.flags & RST:
            self._reduce_reset(side, reply, relative_ack, result)
            return
        # Until the handshake is over the SYN-ACK's is echoed: Linux takes no echo of what came between.
        if 8 in reply.options and len(reply.options[8]) == 8 and (side.opened or reply.flags & SYN):
            side.ts_recent = int.from_bytes(reply.options[8][:4], "big")
        if reply.flags & SYN:
            self._reduce_syn(side, reply, relative_ack, prompt, result)
            return
        if side.irs is None:
            result.setdefault("odd", set()).add("segment without SYN-ACK")
            return
        start = (reply.seq - side.irs) & 0xffffffff
        finish = start + len(reply.data) + (1 if reply.flags & FIN else 0)
        if start > 1 << 31:
            start -= 1 << 32
            finish -= 1 << 32
        is_new = self._is_new(side, start, reply, finish)
        if is_new and side.edge is not None and start >= side.edge and len(reply.data) <= 1 and not reply.flags & FIN:
            # A window probe: a timer's, with a byte beyond the window or none.
            return
        if finish > start and not is_new:
            # A timer's; what is due as an acknowledgement goes with it.
            result["again"] = max(result.get("again", 0), relative_ack or 0)
            return
        if not is_new and not prompt and start != side.sent_max:
            return
        if is_new:
            self._take(side, start, reply, result)
        if relative_ack is not None:
            if _is_after(relative_ack, side.rcv):
                side.rcv = relative_ack
            if "ack" not in result or _is_after(relative_ack, result["ack"]):
                result["ack"] = relative_ack
        if 5 in reply.options:
            blocks = reply.options[5]
            for at in range(0, len(blocks) // 8 * 8, 8):
                edges = [(int.from_bytes(blocks[at + n:at + n + 4], "big") - self.iss) & 0xffffffff for n in (0, 4)]
                result.setdefault("sack", set()).add(tuple(edges))
        if 8 in reply.options:
            result["tsecr"] = self._stamp_name(int.from_bytes(reply.options[8][4:], "big"))
        # CWR follows from timers: what a retransmission timeout reduces.
        for name in ("ECE", "URG"):
            if reply.flags & getattr(packets, name):
                result.setdefault("flags", set()).add(name)
        if reply.window == 0:
            result["window"] = 0

    @staticmethod
    def _is_new(side, start, reply, finish):
        """Whether it holds a number that has not been seen."""
        if reply.flags & FIN and side.fin_at is None:
            return True
        finish -= 1 if reply.flags & FIN else 0
        start = max(start, side.end)
        return finish > start and not any(at <= start and finish <= at + len(piece) for at, piece in side.pieces.items())

    def _stamp_name(self, value):
        offset = (value - self.ts_base) & 0xffffffff
        for name, shift in (("", 0), ("old ", -5000), ("ancient ", -(1 << 31) + 5000), ("ahead ", 3000)):
            number, rest = divmod((offset - 100 - shift) & 0xffffffff, 20)
            if rest == 0 and number < 100:
                return f"{name}step {number}"
        return f"strange {value:#x}"

    def _take(self, side, start, reply, result):
        """New bytes of the stream, and the FIN behind them."""
        side.sent_max = max(side.sent_max, start + len(reply.data) + (1 if reply.flags & FIN else 0))
        if reply.data:
            side.pieces[start] = max(side.pieces.get(start, b""), reply.data, key=len)
        if reply.flags & FIN:
            side.fin_at = start + len(reply.data)
        moved = True
        while moved:
            moved = False
            for at in list(side.pieces):
                piece = side.pieces[at]
                if at <= side.end:
                    side.stream += piece[side.end - at:]
                    side.end = max(side.end, at + len(piece))
                    del side.pieces[at]
                    moved = True
        if side.fin_at == side.end and not side.said_fin:
            side.said_fin = True
            side.end += 1
            result["fin"] = side.fin_at
        if reply.data:
            result["data"] = (len(side.stream), packets.digest(bytes(side.stream)))

    def _reduce_syn(self, side, reply, relative_ack, prompt, result):
        options = sorted(str(kind) for kind in reply.options)
        stamp = self._stamp_name(int.from_bytes(reply.options[8][4:], "big")) if 8 in reply.options else ""
        said = ("SYN" + ("-ACK" if reply.flags & ACK else ""), relative_ack, " ".join(options), stamp,
                "ECE" if reply.flags & packets.ECE else "")
        if side.irs == reply.seq and not prompt:
            return
        if side.irs is not None and side.irs != reply.seq:
            # A second connection with the same ports: everything is counted anew.
            old = side
            old.__init__()
            said += ("anew",)
        if relative_ack is not None and (side.irs is None or _is_after(relative_ack, side.rcv)):
            side.rcv = relative_ack
            side.syn_at = relative_ack - 1
        side.irs = reply.seq
        result.setdefault("syn", set()).add(said)

    def _reduce_reset(self, side, reply, relative_ack, result):
        if reply.seq == 0:
            place = "zero"
        elif reply.seq == side.last_sent["ack"]:
            place = "SEG.ACK"
        elif side.irs is not None:
            place = f"irs+{(reply.seq - side.irs) & 0xffffffff}"
        else:
            place = "strange"
        if relative_ack is None:
            ack = "none"
        else:
            ack = f"seg+{(reply.ack - side.last_sent['seq']) & 0xffffffff}"
        result.setdefault("rst", set()).add((place, ack))
