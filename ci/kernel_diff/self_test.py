"""The self-test of ci/differential: the frames, the generator, the normaliser, the known differences, and, where it may
run both sides, that an answer which is missing or wrong on one side is reported."""
import compare
import flow as flows
import known
import packets
import scenarios
import sides
from packets import ACK, FIN, PSH, RST, SYN
from sides import LINUX, OURS

SLOT = ("10.0.1.9", 4321)
_failures = []


def expect(condition, text):
    if not condition:
        _failures.append(text)


def check_packets():
    expect(packets.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220d, "the checksum of RFC 1071's example")
    source, target = packets.ip_bytes("10.0.0.2"), packets.ip_bytes("10.0.1.9")
    segment = packets.tcp(source, target, (7, 9), 1 << 32, 5, SYN | ACK, 100, b"abc", bytes.fromhex("020405b40402"))
    for bad, faults in ((segment, []), (segment[:-1] + b"!", ["TCP checksum"])):
        reply = packets.Reply(packets.ethernet(b"a" * 6, b"b" * 6, 0x800, packets.ipv4(source, target, 6, bad)), 0)
        expect(reply.faults == faults, f"faults of a segment: {reply.faults}")
    reply = packets.Reply(packets.ethernet(b"a" * 6, b"b" * 6, 0x800, packets.ipv4(source, target, 6, segment)), 0)
    expect((reply.seq, reply.ack, reply.flags, reply.data) == (0, 5, SYN | ACK, b"abc"), "a segment read back")
    expect(reply.options == {2: b"\x05\xb4", 4: b""}, f"its options: {reply.options}")
    header = packets.ipv4(source, target, 17, b"x" * 8, bad_checksum=True)
    expect("IP checksum" in packets.Reply(packets.ethernet(b"a" * 6, b"b" * 6, 0x800, header), 0).faults, "a bad IP header")
    whole = packets.udp(source, target, (7, 9), b"y" * 40)
    reassembly, done = packets.Reassembly(), None
    for offset, more in ((0, 0x2000), (24, 0)):
        part = packets.ipv4(source, target, 17, whole[offset:offset + 24], fragment=more | offset // 8)
        done = reassembly.add(packets.Reply(packets.ethernet(b"a" * 6, b"b" * 6, 0x800, part), 0))
    expect(done and done.data == b"y" * 40, "two fragments put together")


def check_generator():
    for family in scenarios.families():
        names = set()
        for number in range(150):
            one, two = (scenarios.flow(family, f"t.{number}", SLOT) for _ in range(2))
            expect(one.steps == two.steps and one.iss == two.iss, f"{family}: not the same twice")
            for made in (one, two):
                made.begin([OURS])
            for at, step in enumerate(one.steps):
                frames = one.frame(at, OURS)
                expect(frames == two.frame(at, OURS), f"{family}: other frames for {step['name']}")
                expect(all(14 <= len(frame) <= 1514 for frame in frames), f"{family}: size of {step['name']}")
                names.add(step["name"])
        expect(len(names) >= 20, f"{family}: only {len(names)} stimuli")
    expect(scenarios.flow("udp", "1", SLOT).steps != scenarios.flow("udp", "2", SLOT).steps, "keys make no difference")


def _flow(*steps, timestamps=False):
    made = flows.Flow("established", "t", list(steps), *SLOT, iss=0xfffffff0, syn_timestamps=timestamps)
    made.begin([OURS, LINUX])
    return made


def _say(flow, irs, seq, ack, flags, data=b"", options=b"", window=1000, at=0.0):
    """A segment of a side, numbers relative."""
    segment = packets.tcp(flows.STACK_IP, flow.ip, (7, flow.port), irs + seq, flow.iss + ack, flags, window, data, options)
    return packets.Reply(packets.ethernet(flow.mac, flows.STACK_MAC, 0x800,
                                          packets.ipv4(flows.STACK_IP, flow.ip, 6, segment)), at)


_SYN = {"op": "tcp", "name": "SYN", "flags": "S", "seq": ("iss", 0)}
_DATA = {"op": "tcp", "name": "data", "flags": "PA", "len": 6}
_MSS = bytes.fromhex("020405b4")


def _results(*said, steps=(_SYN, _DATA)):
    """What becomes of `said`: for each step, replies as (seq, ack, flags, data...) of both sides, which chose other ISNs."""
    flow = _flow(*steps)
    results = []
    for number, of_sides in enumerate(said):
        results.append([])
        for name, irs, replies in zip((OURS, LINUX), (77, 0xfffffffe), of_sides):
            flow.frame(number, name)
            made = [_say(flow, irs, *reply) if not isinstance(reply, dict) else _say(flow, irs, **reply)
                    for reply in replies]
            said = flow.reduce(number, name, made, 0.0)
            said.pop("again", None)
            results[-1].append(said)
    return flow, results


def _same_and_not():
    """(what both said to data, whether it counts as alike)."""
    echo = flows.stream(0, 6)
    whole = [(1, 7, PSH | ACK, echo)]
    return [
        ("two segments for one", whole, [(1, 7, ACK, echo[:2]), (3, 7, ACK, echo[2:])], True),
        ("out of order", whole, [(3, 7, ACK, echo[2:]), (1, 7, ACK, echo[:2])], True),
        ("sent twice", whole, whole + whole, True),
        ("an ACK of its own", whole, [(1, 7, ACK), (1, 7, ACK, echo)], True),
        ("an ACK and no echo", whole, [(1, 7, ACK)], False),
        ("silence", whole, [], False),
        ("an ACK without an answer", [(1, 7, ACK)], [], False),
        ("another byte", whole, [(1, 7, ACK, echo[:5] + b"!")], False),
        ("another ACK", whole, [(1, 6, ACK, echo)], False),
        ("a FIN", whole, [(1, 7, FIN | ACK, echo)], False),
        ("a reset", whole, [(1, 7, RST | ACK)], False),
        ("a reset at another number", [(1, 0, RST)], [(2, 0, RST)], False),
        ("a window of zero", whole, [dict(seq=1, ack=7, flags=ACK, data=echo, window=0)], False),
        ("a SACK block", whole,
         [dict(seq=1, ack=7, flags=ACK, data=echo, options=bytes.fromhex("0101050a0000000100000002"))], False),
        ("a late repetition", whole, whole + [dict(seq=1, ack=7, flags=ACK, data=echo, at=0.9)], True),
    ]


def check_normaliser():
    hello = [(0, 1, SYN | ACK, b"", _MSS)]
    for what, ours, linux, alike in _same_and_not():
        flow, results = _results((hello, hello), (ours, linux))
        expect(results[0][0] == results[0][1] and "syn" in results[0][0], f"SYN-ACKs of other ISNs: {results[0]}")
        expect((results[1][0] == results[1][1]) == alike, f"{what}: {results[1]}")
        expect(not alike or flow.sides[OURS].rcv == 7, f"{what}: what it acknowledged is not followed")
    _, results = _results((hello, [(0, 1, SYN | ACK, b"", b"")]))
    expect(results[0][0] != results[0][1], "SYN-ACKs of other options")
    # The next step follows live numbers.
    flow, _ = _results((hello, hello), ([(1, 7, ACK, flows.stream(0, 6))],) * 2, steps=(_SYN, _DATA, _DATA))
    sent = packets.Reply(flow.frame(2, OURS)[0], 0)
    expect((sent.seq, sent.ack) == ((flow.iss + 7) & 0xffffffff, 77 + 7), f"live numbers: {sent.seq} {sent.ack}")
    expect(sent.data == flows.stream(6, 6), "the stream goes on at its offset")


def check_repetitions():
    """An acknowledgement that went with what a timer sent again is one; nothing else is."""
    for quiet, other, alike in (({"again": 7}, {"ack": 7}, True), ({"again": 6}, {"ack": 7}, False),
                                ({}, {"ack": 7}, False), ({"again": 7}, {"ack": 7, "fin": 9}, False),
                                ({"again": 7, "rst": []}, {"ack": 7}, False)):
        flow = _flow(_SYN)
        flow.frame(0, OURS)
        for one, two in ((quiet, other), (other, quiet)):
            flow.results = [{OURS: one, LINUX: two}]
            expect((compare.examine(flow) is None) == alike, f"{one} and {two}")


def check_known():
    expect(len({entry.name for entry in known.KNOWN}) == len(known.KNOWN), "names of known differences are not unique")
    for entry in known.KNOWN:
        expect("[RFC " in entry.why or "consequence" in entry.why, f"{entry.name}: no rule")
    hello = [(0, 1, SYN | ACK, b"", _MSS)]
    for what, ours, linux, alike in _same_and_not():
        if alike:
            continue
        flow, results = _results((hello, hello), (ours, linux))
        flow.results = [{OURS: pair[0], LINUX: pair[1]} for pair in results]
        found = compare.examine(flow)
        expect(found is not None and found.number == 1, f"{what} passes for a known difference")
        flow.results[1][OURS] = flow.results[1][LINUX]
        expect(compare.examine(flow) is None, f"{what}: a difference where there is none")


def check_live(folder):
    """Each sabotage of our side is found; without any there is nothing."""
    for broken in (None, *sorted(compare.SABOTAGE)):
        family = {"longer-echo": "icmp"}.get(broken, "established")
        summary = compare.search(folder, 2, 7, family, broken, findings_max=2)
        expect(summary.stimuli > 100, f"{broken}: only {summary.stimuli} stimuli")
        expect(bool(summary.findings) == (broken is not None),
               f"{len(summary.findings)} findings with {broken}: {' '.join(summary.findings[:3])}")


def run(folder, live):
    for check in (check_packets, check_generator, check_normaliser, check_repetitions, check_known):
        check()
    if live and not _failures:
        check_live(folder)
    for failure in _failures:
        print(f"ci/differential: self-test FAILED: {failure}")
    if not _failures:
        print(f"ci/differential: self-test passed{'' if live else ', without running both sides'}")
    return 1 if _failures else 0
