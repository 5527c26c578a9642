"""Differences that are known and understood: who is right by which rule, and why we differ.

An entry covers some keys of a result ("ack", "sack", ...) and holds only where its test does, so a new difference at the
same place is not hidden. Several entries may explain one difference together. What comes after it in the same flow is
compared on, compared without some keys, or (END) not at all, because the sides are in different states.
"""
import dataclasses
import typing

from packets import ACK, FIN, RST, SYN

END = "end"
FAR = 1 << 29
ANY = None


@dataclasses.dataclass
class Known:
    name: str
    why: str
    keys: typing.Optional[tuple]        # which keys of a result it explains; ANY for all of them
    test: typing.Callable
    after: typing.Any = ()              # keys that are not compared any more, or END


class Explanation:
    def __init__(self, entries):
        self.name = " + ".join(entry.name for entry in entries)
        afters = [entry.after for entry in entries]
        self.after = END if END in afters else {key for after in afters for key in after}


def explain(difference):
    """The known entries that cover a difference together, or None."""
    left, used = set(difference.keys), []
    for entry in KNOWN:
        covered = left if entry.keys is ANY else left & set(entry.keys)
        if covered and entry.test(difference):
            used.append(entry)
            left -= covered
            if not left:
                return Explanation(used)
    return None


# ---- What the tests ask ----

def _is_tcp(d):
    return "seq" in d.facts and d.facts["known"]


def _has(d, flags):
    return d.facts.get("flags", 0) & flags


def _named(d, text):
    return text in d.step["name"]


def _had_zero_timestamp(d):
    return _earlier(d, lambda step, f: step["name"] == "SYN with timestamps of zero")


def _in_time_wait(d):
    f = d.facts
    return _is_tcp(d) and d.flow.server_port == 80 and f["peer_closed"] and f["said_fin"]


def _bad_half_open_ack(d):
    """Half open, and it does not acknowledge our SYN."""
    f = d.facts
    return _is_tcp(d) and f["half_open"] and _has(d, ACK) and not _has(d, RST) and f["ack"] != 1


def _is_old_stamp(d):
    return _is_tcp(d) and d.facts["timestamps"] and d.step.get("ts") in ("old", "ancient")


def _may_be_old(d):
    """An old timestamp, if only because another one was ahead."""
    return _is_old_stamp(d) or _is_tcp(d) and d.facts["timestamps"] and _earlier(d, lambda step, f: step.get("ts") == "ahead")


def _contradicts_its_fin(d):
    """A FIN that closes the gap before text that was held, or is held before such text."""
    if _is_tcp(d) and d.linux.get("ack", 0) - 1 in _fins(d) and d.ours.get("ack") == d.linux["ack"] - 1:
        return _earlier(d, lambda step, f: f.get("length", 0) > 0 and f["seq"] >= d.linux["ack"] - 1)
    return _is_tcp(d) and _has(d, FIN) and d.linux.get("ack") == d.facts["finish"] < d.ours.get("ack", 0) and \
        _earlier(d, lambda step, f: f.get("length", 0) > 0 and f["seq"] + f["length"] == d.ours["ack"] - (
            1 if f["flags"] & FIN and "fin" in d.ours else 0))


def _ends_at_next(d):
    """A segment that ends exactly at RCV.NXT: nothing of it is new."""
    f = d.facts
    return _is_tcp(d) and f["size"] > 0 and f["finish"] == f["rcv"] and not _has(d, SYN | RST)


def _is_before_syn_ack(d):
    """It acknowledges a number below our first."""
    return _is_tcp(d) and _has(d, ACK) and not _has(d, RST | SYN) and -70000 < d.facts["ack"] < 1


def _is_implausible_ack(d):
    f = d.facts
    return _is_tcp(d) and _has(d, ACK) and not (1 <= f["ack"] <= f["end"])


def _is_outside(d):
    f = d.facts
    return not (0 <= f["seq"] - f["rcv"] < 60000 or 0 <= f["finish"] - 1 - f["rcv"] < 60000 and f["size"])


def _misses_timestamp(d):
    return _is_tcp(d) and d.facts["timestamps"] and (d.step.get("ts") == "none" or "opts" in d.step) and \
        not _has(d, SYN | RST)


def _text_over_a_fin(d):
    """A segment closes the gap before a FIN that was held, and goes beyond it."""
    return _is_tcp(d) and not d.facts["peer_closed"] and d.ours.get("ack", 0) - 1 in _fins(d) and \
        d.ours["ack"] < d.linux.get("ack", 0) and d.ours["ack"] < d.facts["finish"]


def _fins(d):
    """The numbers of all FINs so far."""
    return {f["finish"] - 1 & 0xffffffff for f in d.flow.facts[:d.number + 1] if f.get("flags", 0) & (FIN | SYN) == FIN}


def _without_fins(d, blocks):
    """Blocks without the numbers of FINs at their edges."""
    fins = _fins(d)
    shrunk = set()
    for start, end in blocks:
        while end != start and end - 1 & 0xffffffff in fins:
            end = end - 1 & 0xffffffff
        while start != end and start in fins:
            start = start + 1 & 0xffffffff
        if start != end:
            shrunk.add((start, end))
    return shrunk


def _only_fin_numbers(d):
    return "sack" in d.linux and _without_fins(d, d.linux["sack"]) == _without_fins(d, d.ours.get("sack", ()))


def _blocks_ahead(d, result):
    """What is held ahead of the acknowledgement, without D-SACK and FINs."""
    return {block for block in _without_fins(d, result.get("sack", ())) if result.get("ack", 0) < block[1] < FAR}


def _outer(blocks):
    """Without blocks that lie within others: those of D-SACK."""
    return {block for block in blocks
            if not any(other != block and other[0] <= block[0] and block[1] <= other[1] for other in blocks)}


def _is_old_reset(d):
    return _has(d, RST) and _is_tcp(d) and (d.facts["half_open"] or _in_time_wait(d)) and _may_be_old(d)


def _fin_taken(d):
    return any(f["finish"] == d.linux.get("ack") for f in d.flow.facts[:d.number + 1] if f.get("flags", 0) & FIN)


def _port_zero(d):
    return (d.step.get("port") == 0 or d.step.get("from_port") == 0) and not d.ours


def _earlier(d, test):
    """Whether a step before it was such a one."""
    return any(test(step, facts) for step, facts in zip(d.flow.steps[:d.number], d.flow.facts))


def _arp_sender(d):
    return d.step["op"] == "arp" and not d.ours and (
        d.step.get("sender_mac") in ("zero", "group", "broadcast", "stack") or
        d.step.get("sender") in ("outside", "loop", "group", "broadcast"))


def _ip_option(d):
    return bool(d.step.get("ip", {}).get("options"))


# ---- The table ----

KNOWN = [
    Known("a segment that ends at RCV.NXT brings its timestamp",
          "[RFC 7323 5.3 R2, R3] [RFC 9293 3.10.7.4] it lies outside of the window, so it is answered and dropped, and "
          "TS.Recent stays. Linux compares with RCV.WUP and takes it as acceptable.",
          ("tsecr",), _ends_at_next, ("tsecr",)),
    Known("a segment that ends at RCV.NXT brings its acknowledgement and window",
          "[RFC 9293 3.10.7.4] first: an unacceptable segment is dropped after its answer. Linux goes on with it, as above.",
          ("data", "fin", "ack", "rst", "tsecr", "sack"),
          lambda d: _ends_at_next(d) and d.facts["news"] and (not d.linux or "data" in d.linux or "fin" in d.linux), END),
    Known("an implausible ACK brings its timestamp",
          "[RFC 7323 5.3 R3] TS.Recent is set from what is in the window; we wait until its acknowledgement has passed as "
          "well [RFC 5961 5.2], so that a guess at numbers cannot poison it. Linux does not wait.",
          ("tsecr",), lambda d: _is_implausible_ack(d), ("tsecr",)),
    Known("an old ACK brings no timestamp",
          "[RFC 7323 5.3 R3] TS.Recent is set from what is in the window and not later than the last ACK sent. Linux leaves "
          "it when the acknowledgement is below SND.UNA.",
          ("tsecr",), lambda d: _is_tcp(d) and _has(d, ACK) and d.facts["ack"] < d.facts["end"] and
          d.facts["ack"] <= d.facts["acknowledged"], ("tsecr",)),
    Known("timestamps in TIME-WAIT",
          "[RFC 7323 5.3 R3] Linux goes on setting TS.Recent. We keep that of the last segment before: nothing new is to "
          "come, and [RFC 6191 2] a new SYN is later than either.",
          ("tsecr",), _in_time_wait, ("tsecr",)),
    Known("a timestamp of 0 in the SYN",
          "[RFC 7323 5.3 R1] 0 is a value like any other, and what is half the numbers later is older. Linux takes 0 for none "
          "(peers that stamp a SYN with 0 and go on with a clock).",
          ANY, _had_zero_timestamp, END),
    Known("an old ACK with an old timestamp",
          "[RFC 7323 5.3 R1] what fails the test is answered with an ACK. Linux drops a bare ACK silently whose number is old "
          "as well: they are common after reordering.",
          ("ack", "tsecr", "sack"), lambda d: _is_tcp(d) and _may_be_old(d) and d.facts["size"] == 0 and
          d.facts["seq"] < d.facts["rcv"] and not d.linux and "data" not in d.ours),
    Known("whether a timestamp is old, after the sides have kept different ones",
          "a consequence of the differences above: a timestamp that was ahead counts on one side only.",
          ANY, lambda d: "tsecr" in d.ignored and _may_be_old(d), END),
    Known("no D-SACK for what has an old timestamp",
          "[RFC 2883 4] a duplicate is reported. We answer an old timestamp before looking at numbers; Linux reports it.",
          ("sack",), lambda d: _is_tcp(d) and _may_be_old(d) and d.facts["length"] > 0 and "sack" in d.linux and
          (d.facts["seq"] < d.facts["rcv"] or d.facts["seq"] - d.facts["rcv"] == 1 << 31)),
    Known("no D-SACK beside a challenge",
          "[RFC 2883 4] data that ends at RCV.NXT came before and is reported. Linux goes on to its acknowledgement, which is "
          "implausible, and challenges that.",
          ("sack",), lambda d: _ends_at_next(d) and _is_implausible_ack(d) and _blocks_ahead(d, d.ours) ==
          _blocks_ahead(d, d.linux)),
    Known("a bad acknowledgement, half open and outside of the window or old",
          "[RFC 9293 3.10.7.4] first number and timestamp are checked and answered with an ACK (a repeated SYN with our "
          "SYN-ACK), and only fifth the acknowledgement with a reset. Linux checks it first [RFC 9293 3.5.2 group 2].",
          ("rst", "ack", "tsecr", "syn"), lambda d: _bad_half_open_ack(d) and (_is_outside(d) or _may_be_old(d)) and
          set(d.linux) == {"rst"} and "rst" not in d.ours),
    Known("a SYN-ACK to a half-open connection",
          "[RFC 9293 3.5] a SYN-ACK that acknowledges our SYN completes the handshake, as in a simultaneous open. Linux, "
          "whose request knows that it came from LISTEN, only answers.",
          ("tsecr", "syn", "ack"), lambda d: _is_tcp(d) and d.facts["half_open"] and _has(d, SYN) and _has(d, ACK) and
          d.facts["ack"] == 1, END),
    Known("text and FIN behind a FIN",
          "[RFC 9293 3.10.7.4] seventh: after a FIN there is no text, so neither a FIN behind it. Linux takes what comes "
          "behind or answers it with a reset [RFC 2525 2.17].",
          ANY, lambda d: _is_tcp(d) and d.facts["peer_closed"] and d.facts["finish"] > d.facts["rcv"] >= d.facts["seq"] and
          not d.ours and (d.linux.get("ack") == d.facts["finish"] or "rst" in d.linux), END),
    Known("text over a FIN that is held",
          "[RFC 9293 3.10.7.4] seventh: after a FIN there is no text; where the FIN waits for a gap to close, what stands behind "
          "it is cut off. Linux lets such text take the FIN's place.",
          ANY, _text_over_a_fin, END),
    Known("a FIN before text that is held",
          "[RFC 9293 3.10.7.4] which of them counts when a peer contradicts itself is not said. We take the text, Linux the "
          "FIN.",
          ANY, _contradicts_its_fin, END),
    Known("data with an ancient ACK in order",
          "[RFC 5961 5.2] it is dropped and challenged. Linux's header prediction takes the data first.",
          ANY, lambda d: _is_implausible_ack(d) and d.facts["ack"] < 1 and d.facts["seq"] == d.facts["rcv"] and
          d.facts["length"] > 0 and d.linux.get("ack") == d.facts["finish"], END),
    Known("the initial window after a repeated SYN",
          "[RFC 5681 3.1] [RFC 6928 2] when SYN or SYN-ACK was lost it is one segment. A repeated SYN says so to us; Linux "
          "goes by its own timer.",
          ("data", "fin"), lambda d: _is_tcp(d) and 0 < d.ours.get("data", (0,))[0] < d.linux.get("data", (0,))[0] and
          sum(step.get("flags", "").startswith("S") for step in d.flow.steps[:d.number]) > 1, END),
    Known("a reset at the end of what was held",
          "[RFC 5961 3.2] only one at RCV.NXT is obeyed, another one in the window is challenged. Linux also obeys one at the "
          "right edge of what it has reported by SACK.",
          ANY, lambda d: _is_tcp(d) and _has(d, RST) and not d.linux and
          any(f.get("finish") == d.facts["seq"] for f in d.flow.facts[:d.number]), END),
    Known("a tiny MSS",
          "[RFC 5681 3.1] the initial window is counted in segments. We raise an MSS below 88 to that, Linux one below 48.",
          ("data", "fin"),
          lambda d: _is_tcp(d) and _earlier(d, lambda step, f: step["name"] == "SYN with an odd MSS" or step.get("opts") == "0204"), END),
    Known("what the congestion window holds back",
          "[RFC 5681 3.1] after a retransmission timeout the window is one segment, and [RFC 6298 5] lets each side have its own "
          "timer: with data unacknowledged for a while, more of it leaves sooner on one side than on the other.",
          ("data", "fin"), lambda d: _is_tcp(d) and d.facts["acknowledged"] < d.facts["end"] and
          (d.ours.get("data"), d.ours.get("fin")) != (d.linux.get("data"), d.linux.get("fin")), END),
    Known("an ACK ahead in TIME-WAIT",
          "[RFC 9293 3.10.7.4] in the window it is acceptable and needs no answer. To Linux the window is shut by then.",
          ("ack", "tsecr", "sack"), lambda d: _in_time_wait(d) and not d.ours and d.facts["size"] == 0 and
          d.facts["seq"] > d.facts["rcv"] and not _has(d, RST)),
    Known("a reset with an old timestamp",
          "[RFC 7323 5.2] resets are not subject to PAWS. Linux makes no such exception while a connection is half open or in "
          "TIME-WAIT.",
          ANY, lambda d: _is_old_reset(d) and not d.linux, END),
    Known("D-SACK of several pieces that were held",
          "[RFC 2883 4] one block tells of one contiguous part that came twice. Where it covers several pieces that we hold "
          "one by one we tell of the first; Linux has joined them.",
          ("sack",), lambda d: _is_tcp(d) and d.facts["length"] > 0 and d.facts["seq"] > d.facts["rcv"] and
          _outer(d.ours.get("sack", ())) == _outer(d.linux.get("sack", ()))),
    Known("D-SACK of what was held",
          "[RFC 2883 4] when text in order reaches over text that was held, Linux reports the part that came twice. We "
          "report only duplicates of what comes behind.",
          ("sack",), lambda d: _is_tcp(d) and d.facts["length"] > 0 and d.facts["seq"] <= d.facts["rcv"] and
          _blocks_ahead(d, d.ours) == _blocks_ahead(d, d.linux) and len(d.ours.get("sack", ())) < len(d.linux.get("sack", ()))),
    Known("a reset with data",
          "[RFC 9293 3.5.3 SHLD-2] [RFC 5961 3.2] a reset counts where it stands; before the window it is dropped. Linux "
          "looks where its data ends.",
          ("ack", "sack", "tsecr", "flags"), lambda d: _is_tcp(d) and _has(d, RST) and not d.ours and
          d.facts["seq"] < d.facts["rcv"] <= d.facts["finish"] and d.facts["size"] > 0),
    Known("an acknowledgement below our first number",
          "[RFC 5961 5.2] [RFC 9293 3.10.7.4 MAY-12] what is older than SND.UNA - MAX.SND.WND is challenged. Linux is "
          "stricter: what was never acknowledged since the handshake does not count as old, whatever the window.",
          ANY, lambda d: _is_before_syn_ack(d) and set(d.linux) <= {"ack", "tsecr", "sack", "flags"}, END),
    Known("no ACK and outside of the window, or old",
          "[RFC 9293 3.10.7.4] first the number is checked, which we answer, and only fifth the ACK bit. Linux drops what "
          "has none of ACK, RST and SYN at once.",
          ("ack", "tsecr", "sack", "flags"),
          lambda d: _is_tcp(d) and not _has(d, ACK | RST | SYN) and (_is_outside(d) or _may_be_old(d)) and not d.linux and
          "data" not in d.ours),
    Known("a segment without its timestamp",
          "[RFC 7323 3.2] once negotiated, a segment without the option SHOULD be dropped, a reset excepted. Linux takes it.",
          ANY, lambda d: _misses_timestamp(d) and not d.ours, END),
    Known("SACK counts a FIN",
          "[RFC 2018 3] blocks tell of data. Linux counts the FIN's number among them; we hold the FIN and do not tell.",
          ("sack",), _only_fin_numbers),
    Known("nothing is reported behind a FIN",
          "[RFC 2883 4] a duplicate is reported in the next ACK. Linux forgets its blocks when it takes a FIN.",
          ("sack",), lambda d: _fin_taken(d) and "sack" not in d.linux, ("sack",)),
    Known("a congestion mark on a bare FIN or behind one",
          "[RFC 3168 6.1.3] the receiver of a marked packet echoes it. Linux looks at marks on data alone; like us, it takes "
          "none on a bare ACK [RFC 3168 6.1.4].",
          ("flags",), lambda d: _is_tcp(d) and d.step.get("ip", {}).get("tos", 0) & 3 == 3 and (
              _has(d, FIN) and d.facts["length"] == 0 or d.facts["peer_closed"]), ("flags",)),
    Known("no D-SACK after our application closed",
          "[RFC 2883 4] a report is best effort: the HTTP server lets go of the connection as soon as the client has closed, "
          "and with it of what was to be reported. Linux reports before.",
          ("sack",), lambda d: d.flow.server_port == 80 and _fin_taken(d) and "sack" not in d.ours),
    Known("no D-SACK for a SYN",
          "[RFC 2883 4] data that came before is reported, also with a SYN. Linux challenges without it.",
          ("sack",), lambda d: _is_tcp(d) and _has(d, SYN) and _blocks_ahead(d, d.ours) == _blocks_ahead(d, d.linux) and
          d.ours.get("sack")),
    Known("malformed options",
          "[RFC 9293 3.1 MUST-7] they must do no harm. We drop the segment; Linux reads the options as far as it can and "
          "takes the rest of the segment.",
          ANY, lambda d: _named(d, "malformed options") or d.step.get("offset") == 15, END),
    Known("port 0",
          "[RFC 6335 6] it is reserved: we drop silently. To Linux it is a closed port.",
          ANY, _port_zero),
    Known("echo of another code",
          "[RFC 792] the code of an echo is 0: we drop others. Linux answers with the same code.",
          ("icmp",), lambda d: d.step["op"] == "icmp" and d.step.get("code") and not d.ours),
    Known("options of an echo request in its reply",
          "[RFC 1122 3.2.2.6] record route and timestamp SHOULD be filled in and sent back. We skip options on input and "
          "send none; [RFC 7126 4] routers drop most packets with them.",
          ("icmp",), lambda d: d.step["op"] == "icmp" and _ip_option(d) and
          [entry[:5] for entry in d.ours.get("icmp", ())] == [entry[:5] for entry in d.linux.get("icmp", ())]),
    Known("parameter problem",
          "[RFC 1122 3.2.2.5] a host SHOULD send it for bad options. We drop what cannot be walked silently, and skip the rest "
          "without a look inside.",
          ANY, lambda d: _ip_option(d) and [entry[0] for entry in d.linux.get("icmp", ())] == [12]),
    Known("options in a quote",
          "[RFC 1122 3.2.2] the header is quoted as it came. Linux quotes it with what it has written into its options.",
          ("icmp",), lambda d: _ip_option(d) and [entry[:4] for entry in d.ours.get("icmp", ())] ==
          [entry[:4] for entry in d.linux.get("icmp", ())]),
    Known("ICMP timestamp",
          "[RFC 1122 3.2.2.8] MAY be answered. Linux does.",
          ("icmp",), lambda d: d.step.get("type") == 13 and not d.ours),
    Known("ECN's bits of an echo",
          "[RFC 3168 5] only a transport that can do ECN sets them. Linux sends the whole octet back [RFC 1349 5.1].",
          ("icmp",), lambda d: d.step["op"] == "icmp" and d.step.get("ip", {}).get("tos", 0) & 3 and
          [entry[4] & 0xfc for entry in d.ours.get("icmp", ())] == [entry[4] & 0xfc for entry in d.linux.get("icmp", ())]),
    Known("what an error quotes of a padded datagram",
          "[RFC 1122 3.2.2] header and at least 8 bytes. We quote the IP packet, Linux the UDP datagram, which was shorter.",
          ("icmp",), lambda d: d.step["op"] == "udp" and "length" in d.step and _shorter_quote(d)),
    Known("a protocol that Linux has",
          "[RFC 1122 3.2.2.1] protocol unreachable, which we send. Linux speaks IGMP.",
          ("icmp",), lambda d: d.step["op"] == "raw" and d.step["protocol"] == 2 and not d.linux),
    Known("ARP from a sender who cannot be a neighbour",
          "[RFC 826] does not look at the sender. We answer nobody whose link address is null, a group's or ours, nor "
          "whose address is not of our network: nothing could be sent there. Linux answers.",
          ("arp",), _arp_sender, END),
    Known("ARP of IEEE 802 networks",
          "[RFC 826] the link type of Ethernet is 1; we drop others. Linux also takes 6.",
          ("arp",), lambda d: d.step.get("hardware") == 6 and not d.ours, END),
    Known("ARP changes a neighbour's link address",
          "[RFC 826] merges what a packet says into the table. We ask before a neighbour gets another link address "
          "(cache poisoning), and the true one answers; Linux believes unasked packets.",
          ("icmp",), lambda d: d.flow.family == "arp" and d.step["op"] == "icmp" and _same_but_last(d) and
          _earlier(d, lambda step, f: step.get("sender_mac", "own") != "own"), END),
    Known("a fragment beyond 65,535 bytes",
          "[RFC 791 3.2] we drop the fragment, and the datagram may still become complete. Linux drops both.",
          ANY, lambda d: _named(d, "beyond 65535") and not d.linux),
    Known("a fragment inside another",
          "[RFC 791 3.2] [RFC 5722 4] we take an exact repetition for one and any other overlap for an attack. Linux also "
          "takes what lies wholly within other fragments for a repetition, and does not compare the bytes.",
          ANY, lambda d: (_named(d, "inside another") or _named(d, "overlap") or _named(d, "two ends")) and not d.ours),
    Known("an empty fragment",
          "[RFC 791 3.2] we drop the fragment, and the datagram may still become complete. Linux drops both.",
          ANY, lambda d: _named(d, "empty piece") and not d.linux),
    Known("a SYN in the window of a half-open connection",
          "[RFC 9293 3.10.7.4] fourth: one that came from LISTEN goes back to it, silently. Linux sends a reset.",
          ("rst",), lambda d: _is_tcp(d) and d.facts["half_open"] and _has(d, SYN) and not d.ours, END),
    Known("out of order after a challenged reset, half open",
          "[RFC 9293 3.10.7.4 SHLD-31] text ahead of a gap is kept. Linux has no connection yet and forgets it.",
          ("sack",), lambda d: _is_tcp(d) and "sack" not in d.linux and
          _earlier(d, lambda step, f: f.get("half_open") and f["flags"] & RST), END),
    Known("two FINs ahead",
          "[RFC 9293 3.10.7.4] the same: we keep the place of the last one, Linux of each.",
          ("ack", "fin", "sack", "tsecr"), lambda d: _is_tcp(d) and not d.facts["peer_closed"] and
          len(_fins(d)) > 1, END),
]


def _same_but_last(d):
    return [entry[:-1] for entry in d.ours.get("icmp", ())] == [entry[:-1] for entry in d.linux.get("icmp", ())]


def _shorter_quote(d):
    ours, linux = d.ours.get("icmp", ()), d.linux.get("icmp", ())
    return len(ours) == len(linux) == 1 and ours[0][:3] == linux[0][:3] and linux[0][3] < ours[0][3]


def aftermath(d):
    """What a step may have changed on one side alone although both said the same."""
    if not _is_tcp(d):
        return ()
    if _misses_timestamp(d) or _named(d, "malformed options"):
        return END
    # A SYN-ACK may have completed the handshake; see above.
    if d.facts["half_open"] and _has(d, SYN) and _has(d, ACK) and d.facts["ack"] == 1:
        return END
    # [RFC 9293 3.10.7.4] a reset below RCV.NXT is dropped. After a FIN Linux also obeys one at the FIN's number.
    if _has(d, RST) and d.facts["peer_closed"] and d.facts["seq"] == d.facts["rcv"] - 1:
        return END
    if _ends_at_next(d):
        # The kernel took its acknowledgement and window.
        return END if d.facts["news"] else ("tsecr",)
    # See "a reset with an old timestamp".
    if _is_old_reset(d):
        return END
    if _is_before_syn_ack(d) and d.facts["size"]:
        return END
    if _has(d, ACK) and d.facts["ack"] < d.facts["acknowledged"]:
        return ("tsecr",)
    if _is_implausible_ack(d) and d.facts["seq"] <= d.facts["rcv"]:
        return ("tsecr",)
    return ()
