"""The generator: a family and a number make the steps of a flow, always the same ones.

Every step is one stimulus with a name, so that differences can be told by kind. Families: how a TCP connection is opened,
what comes while it is open, while either side closes it, to ports and flows that do not exist; UDP; ICMP; IP headers;
fragments; ARP.
"""
import random

from flow import REQUEST, Flow

WEIGHTS = {"open": 18, "half_open": 18, "established": 44, "close": 22, "server_close": 22, "strangers": 14, "udp": 8,
           "icmp": 8, "ip": 10, "fragments": 10, "arp": 8}
# Of a fragment: what is made larger by 16 bytes still fits into the MTU.
PIECE_BYTES_MAX = 1464
FAR = 1 << 30
HALF = 1 << 31
# The options of an ordinary SYN: MSS 1460, SACK permitted, timestamps (filled in by the flow), scale 7.
_MSS, _SACK, _SCALE = "020405b4", "0402", "030307"


def flow(family, key, slot):
    """The flow `family:key` at a client's place `slot` (address and port)."""
    rng = random.Random(f"{family}:{key}")
    made = globals()["_" + family](rng)
    steps, settings = made if isinstance(made, tuple) else (made, {})
    ip, port = slot
    iss = rng.choice((rng.getrandbits(32), rng.getrandbits(32), 0xffffffff, 0xfffffff0, 0x7fffffff, 0, 0xfffffc00))
    return Flow(family, key, steps, ip, port, iss, **settings)


def families():
    return list(WEIGHTS)


# ---- TCP ----

class Handshake:
    """Which options a SYN offers; the ordinary ones, or some left out."""

    def __init__(self, rng, wild=False):
        self.timestamps = rng.random() < 0.6
        self.sack = rng.random() < 0.7
        self.scale = rng.choice((0, 2, 7)) if rng.random() < 0.7 else None
        self.wild = wild

    def syn(self, rng, **fields):
        options = _MSS + ("01" * rng.randrange(3) if self.wild else "")
        if self.sack:
            options += _SACK
        if self.scale is not None:
            options += f"0303{self.scale:02x}"
        return {"op": "tcp", "name": "SYN", "flags": "S", "seq": ("iss", 0), "syn_opts": options, **fields}

    def settings(self, **more):
        return {"syn_timestamps": self.timestamps, "shift": self.scale or 0, **more}


def _acknowledge():
    return {"op": "tcp", "name": "third segment", "flags": "A"}


def _text(name, flags="A", **fields):
    return {"op": "tcp", "name": name, "flags": flags, **fields}


def _data_stimuli(rng):
    size, gap = rng.randrange(1, 60), rng.randrange(1, 60)
    return [
        _text("data", "PA", len=size),
        _text("data", "A", len=size),
        _text("data", "PA", len=size),
        _text("large data", "PA", len=rng.randrange(500, 1400)),
        _text("data again", len=size, seq=("rcv", -size)),
        _text("data again, in part", len=size + gap, seq=("rcv", -gap)),
        _text("data ahead", len=size, seq=("rcv", gap)),
        _text("data ahead", len=size, seq=("rcv", gap)),
        _text("data further ahead", len=size, seq=("rcv", 100 + gap)),
        _text("data beyond the window", len=size, seq=("rcv", FAR)),
        _text("data before the window", len=size, seq=("rcv", -FAR)),
        _text("data half the numbers away", len=size, seq=("rcv", HALF)),
        _text("data without ACK", "P", len=size),
        _text("data with a bad checksum", len=size, bad_checksum=True),
        _text("data acknowledging the future", len=size, ack=("end", rng.choice((1, 1000, FAR)))),
        _text("data acknowledging the past", len=size, ack=("irs", rng.choice((0, -1, -1000)))),
        _text("data acknowledging long ago", len=size, ack=("irs", -FAR)),
        _text("old keepalive", len=rng.randrange(2), seq=("rcv", -1)),
        _text("urgent data", "PAU", len=size, urg=rng.choice((0, 1, size, size + 5, 0xffff))),
        _text("urgent without data", "AU", urg=rng.choice((0, 1, 100, 0xffff))),
        _text("urgent pointer without URG", "PA", len=size, urg=rng.choice((1, 0xffff))),
    ]


def _ack_stimuli(rng):
    return [
        _text("ACK"),
        _text("ACK again", ack=("irs", 1)),
        _text("ACK in part", ack=("end", -1)),
        _text("ACK of the future", ack=("end", rng.choice((1, 1000, FAR)))),
        _text("ACK half the numbers away", ack=("end", HALF)),
        _text("ACK of long ago", ack=("irs", -FAR)),
        _text("ACK of a bit before", ack=("irs", -rng.choice((1, 1000)))),
        _text("window of zero", win=0),
        _text("window opens", win=rng.choice((8192, 65535))),
        _text("ACK ahead", seq=("rcv", rng.randrange(1, 1000))),
        _text("ACK beyond the window", seq=("rcv", FAR)),
        _text("ACK before the window", seq=("rcv", -rng.choice((2, 1000, FAR)))),
        _text("ACK with ECE", "AE"),
        _text("ACK with CWR", "AC"),
        _text("no flags", ""),
        _text("no flags, with data", "", len=9),
        _text("data, all flags", "FSRPAU", len=3),
        _text("reserved bits", reserved=rng.choice((2, 4, 8, 14)), len=rng.randrange(3)),
    ]


def _fin_stimuli(rng):
    gap = rng.randrange(1, 60)
    return [
        _text("FIN", "FA"),
        _text("FIN with data", "FPA", len=gap),
        _text("FIN ahead", "FA", seq=("rcv", gap)),
        _text("FIN with data ahead", "FA", seq=("rcv", gap), len=gap),
        _text("FIN again", "FA", seq=("rcv", -1)),
        _text("FIN with old data", "FA", seq=("rcv", -gap), len=gap),
        _text("FIN without ACK", "F"),
        _text("FIN beyond the window", "FA", seq=("rcv", FAR)),
        _text("FIN acknowledging the future", "FA", ack=("end", 1000)),
        _text("FIN with a bad checksum", "FA", bad_checksum=True),
    ]


def _reset_stimuli(rng):
    near = rng.randrange(1, 1000)
    return [
        _text("RST", "R"),
        _text("RST with ACK", "RA"),
        _text("RST with data", "R", len=20),
        _text("RST in the window", "R", seq=("rcv", near)),
        _text("RST with ACK in the window", "RA", seq=("rcv", near)),
        _text("RST before the window", "R", seq=("rcv", -rng.choice((1, near)))),
        _text("RST beyond the window", "R", seq=("rcv", rng.choice((FAR, -FAR, HALF)))),
        _text("RST with a bad checksum", "R", bad_checksum=True),
        _text("RST with FIN", "FR", seq=("rcv", near)),
        _text("RST acknowledging the future", "RA", seq=("rcv", near), ack=("end", 1000)),
    ]


def _syn_stimuli(rng):
    near = rng.randrange(1, 1000)
    return [
        _text("SYN at RCV.NXT", "S"),
        _text("SYN in the window", "S", seq=("rcv", near)),
        _text("SYN again", "S", seq=("iss", 0)),
        _text("SYN beyond the window", "S", seq=("rcv", rng.choice((FAR, -FAR)))),
        _text("SYN with ACK", "SA"),
        _text("SYN with ACK in the window", "SA", seq=("rcv", near)),
        _text("SYN with FIN", "SF"),
        _text("SYN with data", "S", len=10),
        _text("SYN with RST", "SR", seq=("rcv", near)),
    ]


def _option_stimuli(rng):
    bad = rng.choice(("0300", "0301", "08ff", "0801", "fe00", "fe01", "fefe", "01010103", "05ff", "0502"))
    return [
        _text("data with malformed options", opts=bad, len=9),
        _text("ACK with malformed options", opts=bad),
        _text("FIN with malformed options", "FA", opts=bad),
        _text("RST in the window, malformed options", "R", opts=bad, seq=("rcv", 5)),
        _text("data with unknown options", opts=rng.choice(("fe04aabb", "1e08000000000000", "2204aabb")), len=9,
              needs_no_timestamps=True),
        _text("data with options behind the end", opts="00030300", len=9, needs_no_timestamps=True),
        _text("data offset below 5", offset=rng.choice((0, 1, 4)), len=9),
        _text("data offset beyond the segment", offset=15, len=9),
        _text("segment cut within its header", truncate=rng.choice((1, 4, 8, 13, 19))),
        _text("SACK of nothing", opts="0101050a" + "00000001" + "00000009", needs_no_timestamps=True),
    ]


def _timestamp_stimuli(rng):
    size = rng.randrange(1, 40)
    return [
        _text("data with an old timestamp", len=size, ts="old"),
        _text("data with an ancient timestamp", len=size, ts="ancient"),
        _text("data with a timestamp ahead", len=size, ts="ahead"),
        _text("data without its timestamp", len=size, ts="none"),
        _text("ACK with an old timestamp", ts="old"),
        _text("ACK without its timestamp", ts="none"),
        _text("FIN with an old timestamp", "FA", ts="old"),
        _text("FIN without its timestamp", "FA", ts="none"),
        _text("RST with an old timestamp", "R", ts="old"),
        _text("RST without its timestamp", "R", ts="none"),
        _text("RST in the window, old timestamp", "R", ts="old", seq=("rcv", 7)),
        _text("SYN with an old timestamp", "S", ts="old"),
        _text("old data with an old timestamp", len=size, ts="old", seq=("rcv", -size)),
        _text("data ahead with a newer timestamp", len=size, ts="ahead", seq=("rcv", 50)),
    ]


def _anything(rng):
    """A segment of which every field is drawn."""
    flags = "".join(letter for letter in "FSRPAUEC" if rng.random() < (0.7 if letter == "A" else 0.2))
    step = _text(f"any segment {flags or '-'}", flags)
    place = rng.choice(("at", "ahead", "behind", "beyond"))
    step["seq"] = ("rcv", {"at": 0, "ahead": rng.randrange(1, 500), "behind": -rng.randrange(1, 50),
                           "beyond": rng.choice((FAR, -FAR))}[place])
    of = rng.choice(("all", "all", "future", "past"))
    step["ack"] = ("end", {"all": 0, "future": rng.randrange(1, 2000), "past": -rng.randrange(1, 50)}[of])
    step["len"] = rng.choice((0, 0, 1, 30))
    step["name"] += f", {place}" + (f", ACK of {of}" if "A" in flags else "")
    return step


_ALL = (_data_stimuli, _data_stimuli, _ack_stimuli, _fin_stimuli, _reset_stimuli, _syn_stimuli, _option_stimuli)


def _draw(rng, sources, handshake):
    """One stimulus of one of the sources that makes sense after this handshake."""
    while True:
        step = rng.choice(rng.choice(sources)(rng))
        if not (handshake.timestamps and step.get("needs_no_timestamps")):
            return step


def _with_sources(rng, handshake, weights):
    sources = [source for source, count in weights for _ in range(count)]
    if handshake.timestamps:
        sources += [_timestamp_stimuli] * 3
    return sources


def _finish(steps, handshake):
    """The options of SYNs need the timestamps of the moment."""
    for step in steps:
        if "syn_opts" in step and not handshake.timestamps:
            step["opts"] = step.pop("syn_opts")
    return steps


def _open(rng):
    """SYNs of every kind, and what follows them."""
    handshake = Handshake(rng, wild=True)
    variants = [
        {"name": "SYN with data", "len": rng.randrange(1, 40)},
        {"name": "SYN with FIN", "flags": "SF"},
        {"name": "SYN with URG", "flags": "SU", "urg": 3},
        {"name": "SYN with PSH", "flags": "SP"},
        {"name": "SYN asking for ECN", "flags": "SEC"},
        {"name": "SYN with ECE alone", "flags": "SE"},
        {"name": "SYN with CWR alone", "flags": "SC"},
        {"name": "SYN with reserved bits", "reserved": rng.choice((2, 4, 8))},
        {"name": "SYN asking for accurate ECN", "flags": "SEC", "reserved": 1},
        {"name": "SYN with a window of zero", "win": 0},
        {"name": "SYN with an ACK number", "ack": ("irs", 5)},
        {"name": "SYN with a bad checksum", "bad_checksum": True},
        {"name": "SYN with RST", "flags": "SR"},
        {"name": "SYN with malformed options", "opts": rng.choice(("0300", "0303", "02ff", "fe00", "0204", "08010101"))},
        {"name": "SYN with an odd MSS", "opts": f"0204{rng.choice((0, 1, 7, 47, 64, 500, 9000, 65535)):04x}"},
        {"name": "SYN with an odd scale", "opts": _MSS + f"01{'03'}03{rng.choice((14, 15, 64, 255)):02x}"},
        {"name": "SYN with an option of a wrong length",
         "opts": rng.choice(("0203ff01", "02050500ff", "0402" + "0304ff07", "0809" + "00" * 7, "0403ff01"))},
        {"name": "SYN with an option twice", "opts": rng.choice(("0204010002040200", _SCALE + "030301", "04020402"))},
        {"name": "SYN with options behind the end", "opts": "00" + _SACK + "01"},
        {"name": "SYN with unknown options", "opts": _MSS + rng.choice(("fe04aabb", "1e0c" + "00" * 10, "2202"))},
        {"name": "SYN with a fast-open cookie", "opts": _MSS + "220aaabbccddeeff0011"},
        {"name": "SYN with data offset below 5", "offset": rng.choice((0, 4))},
        {"name": "SYN with data offset too large", "offset": 15},
        {"name": "SYN of no options", "opts": ""},
        {"name": "SYN with timestamps of zero", "opts": _MSS + "0101080a0000000000000000"},
    ]
    first = handshake.syn(rng, **rng.choice(variants))
    if "opts" in first:
        first.pop("syn_opts")
        handshake.timestamps, handshake.scale = "080a" in first["opts"], None
        first["ts"] = "none"
    steps = [first]
    if rng.random() < 0.4:
        steps.append(handshake.syn(rng, name="a proper SYN after it", flags="S"))
    steps.append(_acknowledge())
    for _ in range(3):
        steps.append(_draw(rng, (_data_stimuli, _data_stimuli, _fin_stimuli), handshake))
    return _finish(steps, handshake), handshake.settings()


def _half_open(rng):
    """What may come between a SYN and its acknowledgement."""
    handshake = Handshake(rng)
    near = rng.randrange(1, 500)
    steps = [handshake.syn(rng)]
    for _ in range(rng.randrange(1, 4)):
        stimuli = [
            handshake.syn(rng, name="SYN again"),
            handshake.syn(rng, name="SYN in the window", seq=("iss", near)),
            handshake.syn(rng, name="SYN before the window", seq=("iss", -near)),
            handshake.syn(rng, name="SYN beyond the window", seq=("iss", rng.choice((FAR, -FAR)))),
            _text("SYN with ACK", "SA", seq=("iss", rng.choice((0, 1)))),
            _text("SYN with ACK of the future", "SA", seq=("iss", rng.choice((0, 1))), ack=("end", 5)),
            _text("ACK of the future", ack=("end", rng.choice((1, 1000, FAR)))),
            _text("ACK of the past", ack=("irs", rng.choice((0, -1, -1000)))),
            _text("ACK ahead", seq=("rcv", near)),
            _text("ACK before the window", seq=("rcv", -near)),
            _text("ACK beyond the window", seq=("rcv", rng.choice((FAR, -FAR)))),
            _text("ACK of the past, beyond the window", seq=("rcv", FAR), ack=("irs", 0)),
            _text("data without ACK", "P", len=near),
            _text("data acknowledging the future", len=near, ack=("end", 5)),
            _text("data ahead", len=near, seq=("rcv", near)),
            _text("FIN", "FA"),
            _text("FIN without ACK", "F"),
            _text("FIN ahead", "FA", seq=("rcv", near)),
            _text("FIN acknowledging the future", "FA", ack=("end", 5)),
            _text("data with FIN", "FPA", len=near),
            _text("data", "PA", len=near),
            _text("no flags", ""),
            *_reset_stimuli(rng), *_option_stimuli(rng),
        ]
        if handshake.timestamps:
            stimuli += [_text("ACK with an old timestamp", ts="old"), _text("ACK without its timestamp", ts="none"),
                        _text("data without its timestamp", ts="none", len=near)]
        stimuli = [step for step in stimuli if not (handshake.timestamps and step.get("needs_no_timestamps"))]
        steps.append(rng.choice(stimuli))
    steps.append(_acknowledge())
    for _ in range(2):
        steps.append(_draw(rng, (_data_stimuli, _fin_stimuli), handshake))
    return _finish(steps, handshake), handshake.settings()


def _established(rng):
    handshake = Handshake(rng)
    ecn = rng.random() < 0.2
    steps = [handshake.syn(rng, flags="SEC" if ecn else "S"), _acknowledge()]
    sources = _with_sources(rng, handshake, [(_data_stimuli, 8), (_ack_stimuli, 5), (_fin_stimuli, 1), (_reset_stimuli, 2),
                                             (_syn_stimuli, 2), (_option_stimuli, 2)])
    for _ in range(rng.randrange(5, 10)):
        step = _anything(rng) if rng.random() < 0.15 else _draw(rng, sources, handshake)
        if ecn and rng.random() < 0.3:
            step = {**step, "ip": {**step.get("ip", {}), "tos": rng.choice((1, 2, 3))}}
        steps.append(step)
    return _finish(steps, handshake), handshake.settings()


def _unacknowledging(rng, step):
    """The same without an acknowledgement of the side's FIN, at times."""
    if step["flags"] and "A" in step["flags"] and "ack" not in step and rng.random() < 0.5:
        return {**step, "ack": ("end", -1), "name": step["name"] + ", our FIN not acknowledged"}
    return step


def _close(rng):
    """The client closes first: LAST-ACK, and afterwards nothing is there."""
    handshake = Handshake(rng)
    steps = [handshake.syn(rng), _acknowledge()]
    if rng.random() < 0.5:
        steps.append(_draw(rng, (_data_stimuli,), handshake))
    if rng.random() < 0.3:
        steps.append(_text("window of zero", win=0))
        steps.append(_text("data, window of zero", "PA", win=0, len=20))
    steps.append(rng.choice(_fin_stimuli(rng)[:5]))
    sources = _with_sources(rng, handshake, [(_data_stimuli, 3), (_ack_stimuli, 3), (_fin_stimuli, 3), (_reset_stimuli, 2),
                                             (_syn_stimuli, 2), (_option_stimuli, 1)])
    for _ in range(rng.randrange(3, 7)):
        step = _anything(rng) if rng.random() < 0.15 else _draw(rng, sources, handshake)
        steps.append(_unacknowledging(rng, step))
    return _finish(steps, handshake), handshake.settings()


def _server_close(rng):
    """The server closes first: FIN-WAIT-1, FIN-WAIT-2, CLOSING, TIME-WAIT."""
    handshake = Handshake(rng)
    steps = [handshake.syn(rng), _acknowledge(),
             {"op": "tcp", "name": "request", "flags": "PA", "len": len(REQUEST)}]
    if rng.random() < 0.5:
        steps.append(_text("ACK"))
    if rng.random() < 0.6:
        steps.append(_unacknowledging(rng, rng.choice(_fin_stimuli(rng)[:3])))
    sources = _with_sources(rng, handshake, [(_data_stimuli, 2), (_ack_stimuli, 3), (_fin_stimuli, 4), (_reset_stimuli, 2),
                                             (_syn_stimuli, 3), (_option_stimuli, 1)])
    for _ in range(rng.randrange(3, 6)):
        step = _anything(rng) if rng.random() < 0.15 else _draw(rng, sources, handshake)
        steps.append(_unacknowledging(rng, step))
    return _finish(steps, handshake), handshake.settings(server_port=80)


def _strangers(rng):
    """Segments of no connection: to a closed port, to a listening one, from oneself, to port 0."""
    steps = []
    for _ in range(6):
        flags = "".join(letter for letter in "FSRPAUEC" if rng.random() < 0.4)
        kind = rng.choice(("closed", "closed", "listening", "from itself", "port 0", "from port 0"))
        if kind == "listening" and "S" in flags and "A" not in flags:
            flags += "A"
        step = _text(f"{flags or '-'} to {kind}", flags, seq=("iss", rng.randrange(1000)), len=rng.choice((0, 0, 1, 40)),
                     ack=("irs", rng.randrange(1 << 32)), port=7 if kind == "listening" else 9)
        if kind == "from itself":
            step.update(source="10.0.0.2", from_port=7, port=7)
        elif kind == "port 0":
            step["port"] = 0
        elif kind == "from port 0":
            step.update(from_port=0, port=rng.choice((7, 9)))
        if rng.random() < 0.15:
            step.update(rng.choice(({"offset": 4}, {"offset": 15}, {"truncate": rng.randrange(20)}, {"bad_checksum": True},
                                    {"opts": "0300"})))
            step["name"] += ", broken"
        steps.append(step)
    return steps, {"syn_timestamps": False}


# ---- The rest ----

def _udp(rng):
    steps = []
    for _ in range(7):
        size = rng.choice((0, 1, 2, 17, 40, 508, 1000, 1472))
        step = {"op": "udp", "name": "datagram", "len": size}
        step.update(rng.choice((
            {}, {}, {"port": 9, "name": "to a closed port"}, {"port": 9, "name": "to a closed port"},
            {"how": "none", "name": "without a checksum"}, {"how": "bad", "name": "bad checksum"},
            {"how": "none", "port": 9, "name": "without a checksum, to a closed port"},
            {"how": "bad", "port": 9, "name": "bad checksum, to a closed port"},
            {"length": rng.choice((0, 1, 7)), "name": "length below 8"},
            {"length": rng.choice((0, 7)), "port": 9, "name": "length below 8, to a closed port"},
            {"length": 8 + size + rng.randrange(1, 99), "name": "length too large"},
            {"length": 8 + size + 1, "port": 9, "name": "length too large, to a closed port"},
            {"length": 8 + size // 2, "name": "length below the packet's"},
            {"length": 8 + size // 2, "port": 9, "name": "length below the packet's, to a closed port"},
            {"truncate": rng.randrange(8), "name": "cut within its header"},
            {"port": 0, "name": "to port 0"}, {"from_port": 0, "name": "from port 0"},
            {"from_port": 7, "name": "from an answering port"},
            {"from_port": 0, "port": 9, "name": "from port 0, to a closed port"},
            {"pad": 5, "name": "with link padding"},
            {"to_mac": "ff" * 6, "name": "in a link broadcast"},
            {"to_mac": "ff" * 6, "port": 9, "name": "in a link broadcast, to a closed port"},
            {"to_mac": "02000000ee00", "name": "to another link address"},
            {"target": "10.0.255.255", "to_mac": "ff" * 6, "name": "to the broadcast address"},
            {"target": "10.0.255.255", "to_mac": "ff" * 6, "port": 9, "name": "to the broadcast address, closed port"},
            {"target": "255.255.255.255", "to_mac": "ff" * 6, "name": "to everybody"},
            {"target": "255.255.255.255", "to_mac": "ff" * 6, "port": 9, "name": "to everybody, closed port"},
            {"target": "10.0.2.7", "name": "to another address"},
            {"target": "224.0.0.1", "to_mac": "01005e000001", "name": "to all hosts"},
            {"target": "224.0.0.1", "to_mac": "01005e000001", "port": 9, "name": "to all hosts, closed port"},
            {"ip": {"tos": 0x2c}, "name": "with a type of service"},
        )))
        steps.append(step)
    return steps


def _icmp(rng):
    steps = []
    for _ in range(7):
        step = {"op": "icmp", "name": "echo", "type": 8, "code": 0, "len": rng.choice((0, 1, 8, 56, 57, 1000, 1472)),
                "rest": rng.getrandbits(32)}
        kind = rng.randrange(256)
        step.update(rng.choice((
            {}, {}, {"code": rng.randrange(1, 256), "name": "echo of another code"},
            {"bad_checksum": True, "name": "echo with a bad checksum"},
            {"truncate": rng.randrange(1, 8), "name": "cut within its header"},
            {"truncate": 0, "name": "nothing"},
            {"type": 0, "name": "echo reply"},
            {"type": 13, "name": "timestamp", "len": rng.choice((0, 4, 11, 12))},
            {"type": 17, "name": "address mask", "len": 4}, {"type": 15, "name": "information"},
            {"type": 10, "name": "router solicitation", "len": 0}, {"type": 5, "code": 1, "name": "redirect", "len": 28},
            {"type": 4, "name": "source quench", "len": 28}, {"type": 3, "code": 3, "name": "unreachable", "len": 28},
            {"type": 3, "code": 3, "name": "unreachable, short", "len": 3},
            {"type": 11, "name": "time exceeded", "len": 28}, {"type": 12, "name": "parameter problem", "len": 28},
            {"type": kind if kind not in (8, 13) else 99, "name": "some type", "len": 20},
            {"to_mac": "ff" * 6, "name": "echo in a link broadcast"},
            {"target": "10.0.255.255", "to_mac": "ff" * 6, "name": "echo to the broadcast address"},
            {"target": "10.0.2.7", "name": "echo to another address"},
            {"target": "224.0.0.1", "to_mac": "01005e000001", "name": "echo to all hosts"},
            {"ip": {"tos": rng.choice((0x10, 0xb8, 1))}, "name": "echo with a type of service"},
            {"pad": 7, "name": "echo with link padding"},
        )))
        steps.append(step)
    return steps


_IP_OPTIONS = {
    "no operation": "01010101", "end": "00000000", "security": "820b0000000000000000" + "0000",
    "router alert": "94040000", "stream": "88040000", "unknown": "de04aabb", "unknown, copied": "5e04aabb",
    "record route": "07070400000000" + "00", "record route, full": "07070800000000" + "00",
    "record route, bad pointer": "07070300000000" + "00", "timestamp": "440c0500" + "00" * 8,
    "timestamp, full": "44080900" + "00" * 4, "timestamp, bad pointer": "44080400" + "00" * 4,
    "timestamp, prespecified": "440c0503" + "0a000002" + "00000000",
    "loose route, at its end": "8307080a000001" + "00", "loose route": "8307040a000001" + "00",
    "strict route, at its end": "8907080a000001" + "00", "strict route": "8907040a000001" + "00",
    "length 0": "de000000", "length 1": "de010000", "length beyond the header": "de09aabb", "cut": "010101de",
    "route twice": "8303048903040000",
}


def _ip(rng):
    steps = []
    for _ in range(7):
        step = rng.choice(({"op": "icmp", "name": "echo", "type": 8, "code": 0, "len": 24},
                           {"op": "udp", "name": "datagram", "len": 24},
                           {"op": "udp", "name": "closed port", "len": 24, "port": 9}))
        option = rng.choice(list(_IP_OPTIONS))
        name, change = rng.choice((
            ("", {}), (f"option {option}", {"ip": {"options": _IP_OPTIONS[option]}}),
            (f"option {option}", {"ip": {"options": _IP_OPTIONS[option]}}),
            (f"option {option}", {"ip": {"options": _IP_OPTIONS[option]}}),
            ("bad header checksum", {"ip": {"bad_checksum": True}}),
            ("header length below 5", {"ip": {"ihl": rng.randrange(5)}}),
            ("header length beyond the packet", {"cut": 40, "ip": {"ihl": 15, "total": 40}}),
            ("another version", {"ip": {"version": rng.choice((0, 5, 6, 15))}}),
            ("total length too large", {"ip": {"total": 900}}),
            ("total length below the header", {"ip": {"total": rng.randrange(20)}}),
            ("total length short", {"ip": {"total": 36}}),
            ("TTL of 0", {"ip": {"ttl": 0}}), ("TTL of 1", {"ip": {"ttl": 1}}),
            ("don't fragment", {"ip": {"fragment": 0x4000}}), ("reserved flag", {"ip": {"fragment": 0x8000}}),
            ("cut within the header", {"cut": rng.choice((1, 10, 19))}),
            ("cut", {"cut": 24}),
            ("unknown protocol", {"op": "raw", "protocol": rng.choice((2, 4, 41, 47, 50, 58, 132, 255, 0)), "len": 30}),
            ("unknown protocol", {"op": "raw", "protocol": rng.choice((99, 200, 253, 254)), "len": rng.choice((0, 30, 700))}),
            ("unknown protocol in a link broadcast", {"op": "raw", "protocol": 99, "len": 30, "to_mac": "ff" * 6}),
            ("from 0.0.0.0", {"source": "0.0.0.0"}), ("from everybody", {"source": "255.255.255.255"}),
            ("from the broadcast address", {"source": "10.0.255.255"}), ("from a group", {"source": "224.0.0.9"}),
            ("from loopback", {"source": "127.0.0.1"}), ("from ourselves", {"source": "10.0.0.2"}),
            ("from class E", {"source": "240.0.0.1"}), ("from nowhere near", {"source": "198.51.100.7"}),
            ("to loopback", {"target": "127.0.0.1"}), ("to 0.0.0.0", {"target": "0.0.0.0"}),
            ("another link type", {"ether_type": rng.choice((0x86dd, 0x8100, 0x1234, 0x0100))}),
        ))
        steps.append({**step, **change, "name": f"{step['name'] if change.get('op') != 'raw' else 'packet'}, {name}"})
    return steps


def _fragments(rng):
    steps = []
    for number in range(6):
        kind = rng.choice(("udp", "icmp"))
        size = rng.choice((64, 200, 800, 3000))
        cuts = sorted(rng.sample(range(8, size, 8), min(rng.randrange(1, 5), size // 8 - 1)))
        edges = [0, *cuts, size]
        pieces = [[begin, end - begin, end < size, False] for begin, end in zip(edges, edges[1:])]
        for piece in [p for p in pieces if p[1] > PIECE_BYTES_MAX]:
            pieces.remove(piece)
            begin, end = piece[0], piece[0] + piece[1]
            pieces += [[at, min(PIECE_BYTES_MAX, end - at), min(at + PIECE_BYTES_MAX, end) < size, False]
                       for at in range(begin, end, PIECE_BYTES_MAX)]
        name = rng.choice(("in order", "in reverse", "in any order", "a hole", "a piece twice", "overlap", "overlap, other bytes",
                           "no last piece", "length not of eights", "data behind the end", "two ends", "beyond 65535",
                           "empty piece", "a piece inside another"))
        picked = rng.choice(pieces)
        if name == "in reverse":
            pieces.reverse()
        elif name == "in any order":
            rng.shuffle(pieces)
        elif name == "a hole":
            pieces.remove(picked)
        elif name == "a piece twice":
            pieces.insert(rng.randrange(len(pieces) + 1), list(picked))
        elif name.startswith("overlap"):
            grown = list(picked)
            grown[0], grown[1] = max(0, grown[0] - 8), grown[1] + (8 if grown[0] else 0)
            grown[3] = name.endswith("bytes")
            pieces[pieces.index(picked)] = grown
            rng.shuffle(pieces)
        elif name == "no last piece":
            pieces = [p for p in pieces if p[2]]
        elif name == "length not of eights":
            pieces[0][1] -= rng.randrange(1, 8)
        elif name == "data behind the end":
            pieces.insert(rng.randrange(len(pieces) + 1), [size + 8 - size % 8, 16, rng.random() < 0.5, False])
        elif name == "two ends":
            pieces.insert(rng.randrange(len(pieces)), [max(0, picked[0]), 8, False, False])
        elif name == "beyond 65535":
            pieces.insert(rng.randrange(len(pieces) + 1), [65528, rng.choice((7, 8, 80)), rng.random() < 0.5, False])
        elif name == "empty piece":
            pieces.insert(rng.randrange(len(pieces) + 1), [picked[0], 0, True, False])
        elif name == "a piece inside another" and picked[1] > 24:
            pieces.insert(rng.randrange(len(pieces) + 1), [picked[0] + 8, 8, True, False])
        step = {"op": "fragments", "name": f"{kind}, {name}", "kind": kind, "size": size, "pieces": pieces,
                "ident": rng.randrange(1 << 16)}
        if kind == "udp" and rng.random() < 0.1:
            step["port"], step["name"] = 9, step["name"] + ", closed port"
        steps.append(step)
    return steps


def _arp(rng):
    steps = []
    for _ in range(7):
        step = {"op": "arp", "name": "request", "operation": 1}
        step.update(rng.choice((
            {}, {"to_mac": "020000000002", "name": "request to us alone"},
            {"operation": 2, "target_mac": "stack", "name": "unasked reply"},
            {"operation": 2, "target_mac": "stack", "sender_mac": "other", "name": "unasked reply, other link address"},
            {"operation": rng.choice((0, 3, 4, 8, 9, 25, 65535)), "name": "another operation"},
            {"target_ip": "other", "name": "request for another"}, {"sender": "zero", "name": "probe"},
            {"sender": "stack", "name": "claims our address"},
            {"sender": "stack", "target_ip": "own", "name": "claims our address, to another"},
            {"target_ip": "own", "name": "announcement"},
            {"target_ip": "own", "sender_mac": "other", "name": "announcement of another link address"},
            {"sender_mac": "other", "name": "request from another link address"},
            {"sender_mac": "zero", "name": "request from link address 0"},
            {"sender_mac": "group", "name": "request from a group's link address"},
            {"sender_mac": "broadcast", "name": "request from the broadcast link address"},
            {"sender_mac": "stack", "name": "request from our link address"},
            {"sender": "outside", "name": "request from outside"}, {"sender": "loop", "name": "request from loopback"},
            {"sender": "broadcast", "name": "request from the broadcast address"},
            {"sender": "group", "name": "request from a group"},
            {"target_ip": "broadcast", "name": "request for the broadcast address"},
            {"target_ip": "zero", "name": "request for 0.0.0.0"}, {"target_ip": "group", "name": "request for a group"},
            {"target_ip": "loop", "name": "request for loopback"},
            {"hardware": rng.choice((0, 6, 7, 15, 0x0100)), "name": "another link type"},
            {"protocol": rng.choice((0x86dd, 0x0806, 0)), "name": "another protocol"},
            {"sizes": rng.choice(((6, 16), (8, 4), (0, 4), (6, 0), (255, 255))), "name": "odd sizes"},
            {"cut": rng.choice((0, 7, 8, 20, 27)), "name": "cut"}, {"cut": 28, "name": "without padding"},
            {"to_mac": "02000000ee00", "name": "to another link address"},
            {"target_mac": "broadcast", "name": "request with a target link address"},
        )))
        steps.append(step)
        if rng.random() < 0.4:
            steps.append({"op": "icmp", "name": f"echo after: {step['name']}", "type": 8, "code": 0, "len": 8,
                          "rest": rng.getrandbits(32)})
    return steps
