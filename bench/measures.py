"""What stands in results/summary.md: for each measure its floor, target, figure, bound, and what keeps it from its floor.

A figure is a function of what was measured (Data in bench/summary); it throws Absent where there is nothing. Floors and targets
are set, not measured: a change needs a reason.
"""
import collections
import math
import re
import statistics

# better: what is better, "lower" or "higher". `bound` says what stands beside the figure, `limits` what keeps it from its
# floor: sentences, or functions of what was measured.
Measure = collections.namedtuple("Measure", "name unit floor target better figure bound limits")


class Absent(Exception):
    """A figure that there is none of; the text says why."""


# Student's t, 99.5 %, for 2 degrees of freedom and more; the last stands for all that follow.
STUDENT = (9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169)


class Figure(collections.namedtuple("Figure", "value low high")):
    """A median, and the interval in which another run of as many rounds has its own, 99 times of 100."""

    @classmethod
    def of(cls, values):
        """What was seen in this run is in the interval, too. Two rounds say nothing of a third: they are all of it."""
        values = sorted(values)
        middle, low, high = statistics.median(values), values[0], values[-1]
        if len(values) > 2 and low != high:
            # The difference of two medians of normal values: each has a variance of at most pi/2 of a mean's. What takes
            # time varies by factors.
            factors = low > 0
            spread = statistics.stdev(math.log(value) for value in values) if factors else statistics.stdev(values)
            half = STUDENT[min(len(values) - 3, len(STUDENT) - 1)] * spread * math.sqrt(math.pi / len(values))
            low = min(low, middle / math.exp(half) if factors else middle - half)
            high = max(high, middle * math.exp(half) if factors else middle + half)
        return cls(middle, low, high)


# --- Figures and sentences ---

def ns(row):
    return lambda data: data.ns(row)


def ratio(row, other):
    return lambda data: data.ratio(row, other)


def live(row):
    return lambda data: data.live_row(row)


def fixed(row):
    return lambda data: data.fixed_row(row)


def counter(row, name):
    return lambda data: data.counter(row, name)


def worst(*figures):
    """The highest of several."""
    return lambda data: max((figure(data) for figure in figures), key=lambda figure: figure.value)


def least(*figures):
    return lambda data: min((figure(data) for figure in figures), key=lambda figure: figure.value)


def text(form, *figures):
    """A bound, written with the medians of some figures."""
    return lambda data: form.format(*(figure(data).value for figure in figures))


def cost(kind):
    """What a request costs in instructions, for what limits it."""
    row = f"instructions/{kind}/100/batch_32/operation"

    def say(data):
        if row not in data.fixed:
            return "the instructions of a request"
        whole, bare = data.fixed[row], data.fixed.get(f"instructions/bare/{kind}/100/batch_32/operation")
        reflector = data.fixed.get(f"instructions/reflector/{kind}/100/batch_32/operation")
        return (f"instructions: {whole:.0f} a request, of which {whole - bare:.0f} are the web server's; a reflector takes "
                f"{reflector:.0f} (`bench/instructions --profile {kind}/100/batch_32` says where they are)")
    return say


def share_of_rejections():
    reasons = ("ethernet_type", "ipv4_version", "ipv4_header_length", "ipv4_total_length", "ipv4_checksum", "ipv4_martian",
               "tcp_data_offset", "tcp_cut")
    figures = [ratio(f"wire/validate_64/reject_{reason}", "wire/validate_64/accept") for reason in reasons]
    # A wrong checksum over the segment is found by summing it.
    figures.append(ratio("wire/validate_64/reject_tcp_checksum", "wire/validate_64/accept_with_sum"))
    return worst(*figures)


def of_load_only(size):
    return ratio(f"checksum/L1/{size}/bound:load_only", f"checksum/L1/{size}/chosen")


def of_memcpy(size):
    return ratio(f"copy_and_sum/L1/{size}/bound:memcpy", f"copy_and_sum/L1/{size}/chosen")


def gigabits(data):
    one = data.ns("bulk/one_way")
    return Figure(*(1448 * 8 / value for value in (one.value, one.high, one.low)))


def gigabits_bound(data):
    return f"{1448 * 8 / data.ns('bulk/bound:two_copies_and_sums').value:.0f} Gbit/s: two copies and sums of the text"


def percent(row):
    return lambda data: Figure(*(value * 100 for value in data.live_row(row)))


def allocations_and_locks(data):
    rows = [row for row in data.fixed if row.endswith(("/allocations", "/locks"))]
    if not rows:
        raise Absent("not measured: bench/limits did not run")
    return Figure.of([max(data.fixed[row] for row in rows)])


def flood_share(data):
    """The worse of both kinds of requests."""
    rows = [row for row in data.rounds if re.fullmatch(r"hostile/syn[^/]*/(keepalive|close)", row)]
    if not rows:
        raise Absent("not measured: there is no bench_hostile")
    return min((data.counter(row, "of_cpu_share") for row in rows), key=lambda figure: figure.value)



def memory_lines(kind):
    """What a million connections cost more, in random lines of memory."""
    def say(data):
        more = data.ns(f"stack/{kind}/1000000/batch_32").value - data.ns(f"stack/{kind}/1/batch_1").value
        line = data.ns("demux/1048576/single/bound:random_line").value
        return f"memory: {more:.0f} ns more a request, which is {more / line:.1f} random lines of {line:.0f} ns (bench_demux)"
    return say


def per_vector(row, bound):
    """Cycles for 64 bytes, of a row that has its size in its name, and of its bound."""
    def say(data):
        size, cycles_per_ns = int(row.split("/")[2]), float(data.context["cycles_per_ns"])
        ours, theirs = (data.ns(name).value * cycles_per_ns * 64 / size for name in (row, bound))
        return f"additions and carries: {ours:.2f} cycles for 64 bytes, {theirs:.2f} without them"
    return say


def with_few(row, many, what):
    """Whether it is memory: the same with little of it."""
    def say(data):
        few, all_of_them = data.ns(row).value, data.ns(many).value
        cause = "memory" if few < 0.7 * all_of_them else "not memory"
        return f"{cause}: {few:.1f} ns with {what}, which stay in the cache, {all_of_them:.1f} ns with all"
    return say


def cookie_parts(data):
    cookie, reflector = data.ns("cookie/make").value, data.ns("cookie/syn_to_syn_ack/bound:reflector").value
    whole = data.ns("cookie/syn_to_syn_ack/batch_32").value
    return (f"the cookie takes {cookie:.0f} ns, two sums and a frame {reflector:.0f} ns; {whole - cookie - reflector:.0f} ns are left for "
            "options, route, neighbour and the reply's queue")


def clients_cpu(mode, other):
    """What the client, whose core may be full, spends at both."""
    return text(f"the client's own CPU: {{:.0f}} ns a request with us, {{:.0f}} ns with {other}",
                *(live(f"live/wrk/{mode}/{who}/cpu_client") for who in ("aether", other)))

TAP = "on a TAP a write runs the client kernel's receive path in our thread"


# --- The table ---

def micro(add):
    sizes = (4096, 16384)
    add("checksum, 4-16 KiB in L1, against a load-only loop", "of the bound", 0.80, 0.95, "higher",
        least(*map(of_load_only, sizes)),
        text("load-only loop: {:.1f} and {:.1f} ns", *(ns(f"checksum/L1/{size}/bound:load_only") for size in sizes)),
        per_vector("checksum/L1/4096/chosen", "checksum/L1/4096/bound:load_only"))
    add("checksum, 1460 B", "ns", 15, 9, "lower", ns("checksum/L1/1460/chosen"),
        text("load-only loop: {:.1f} ns", ns("checksum/L1/1460/bound:load_only")),
        per_vector("checksum/L1/1460/chosen", "checksum/L1/1460/bound:load_only"))
    add("copy + checksum against memcpy, 4-16 KiB in L1", "of the bound", 0.85, 0.97, "higher",
        least(*map(of_memcpy, sizes)),
        text("memcpy: {:.1f} and {:.1f} ns", *(ns(f"copy_and_sum/L1/{size}/bound:memcpy") for size in sizes)),
        per_vector("copy_and_sum/L1/4096/chosen", "copy_and_sum/L1/4096/bound:memcpy"))
    add("Ethernet + IPv4 + TCP validated, 64 B frame, without payload sum", "ns", 8, 3.5, "lower",
        ns("wire/validate_64/accept"), text("touch one line: {:.2f} ns", ns("wire/validate_64/bound:touch_line")),
        "the checks of three headers")
    add("rejecting a malformed frame against accepting (worst of nine reasons)", "x", 1.5, 1.0, "lower",
        share_of_rejections(), text("accepting: {:.2f} ns", ns("wire/validate_64/accept")))
    add("SYN to SYN-ACK with a cookie, no state kept (batch 32)", "ns", 90, 35, "lower",
        ns("cookie/syn_to_syn_ack/batch_32"),
        text("reflector: {:.1f} ns, SipHash-2-4: {:.1f} ns", ns("cookie/syn_to_syn_ack/bound:reflector"),
             ns("cookie/make/bound:siphash24")), cookie_parts)
    add("flow lookup, 1 million flows, batch of 32, against a prefetched random line", "x", 2.5, 1.5, "lower",
        ratio("demux/1048576/batch_32", "demux/1048576/batch_32/bound:prefetched_line"),
        text("prefetched random line: {:.1f} ns", ns("demux/1048576/batch_32/bound:prefetched_line")),
        with_few("demux/1000/batch_32", "demux/1048576/batch_32", "1,000 flows"))
    for what, floor, target in (("rearm", 5, 1.5), ("insert", 25, 10), ("cancel", 15, 5), ("expire", 15, 3)):
        add(f"timer: {what} (64k timers)", "ns", floor, target, "lower", ns(f"timer/65536/{what}"),
            text("random store: {:.2f} ns", ns("timer/65536/bound:random_store")),
            with_few(f"timer/1000/{what}", f"timer/65536/{what}", "1,000 timers"))


def in_memory(add):
    kinds = (("keepalive", "HTTP keep-alive request", 200, 100), ("close", "HTTP connection per request", 700, 300))
    for kind, name, floor, target in kinds:
        row = f"stack/{kind}/100/batch_32"
        add(f"{name}, in memory, whole stack, software checksums (100 connections, batch 32)", "ns", floor, target, "lower",
            ns(row), text("reflector: {:.1f} ns", ns(row + "/bound:reflector")), cost(kind))
    for kind, *_ in kinds:
        row = f"stack/{kind}/100/batch_32"
        add(f"the same against the in-memory reflector: {kind}", "x", 5, 2, "lower", ratio(row, row + "/bound:reflector"),
            text("reflector: {:.1f} ns", ns(row + "/bound:reflector")), cost(kind))
    for kind, connections, floor, target in (("keepalive", 100, 4, 7), ("keepalive", 10000, 100, 600), ("close", 100, 13, 30)):
        lwip, ours = (f"peers/{kind}/{connections}/{who}" for who in ("lwip", "aether"))
        add(f"lwIP against us in the same harness: {kind}, {connections} connections", "x", floor, target, "higher",
            ratio(lwip, ours), text("lwIP: {:.0f} ns, we: {:.0f} ns", ns(lwip), ns(ours)), cost(kind))
    for kind, *_ in kinds:
        add(f"instructions per packet, common path: {kind}", "instructions", 400, 200, "lower",
            fixed(f"instructions/{kind}/100/batch_32/packet"),
            text("reflector: {:.0f}", fixed(f"instructions/reflector/{kind}/100/batch_32/packet")), cost(kind))
    add("allocations and locks per packet after warm-up", "", 0, 0, "lower", allocations_and_locks)
    for kind, *_ in kinds:
        row = f"stack/{kind}/1000000/batch_32"
        add(f"cost per request at 1 million connections against 1, batch 32 (1: batch 1): {kind}", "x", 2.5, 1.5, "lower",
            ratio(row, f"stack/{kind}/1/batch_1"), text("reflector: {:.1f} ns at a million", ns(row + "/bound:reflector")),
            memory_lines(kind))
    row = "stack/64_active/beside_1000000_idle"
    add("1 million idle connections beside 64 active", "x", 1.10, 1.02, "lower", ratio(row, row + "/bound:alone"),
        text("alone: {:.1f} ns", ns(row + "/bound:alone")))
    for row, name, floor, target in (("idle/with_http", "idle connection, web server included", 384, 256),
                                     ("time_wait", "TIME-WAIT record", 64, 32), ("half_open", "half-open connection", 0, 0)):
        add(f"bytes per {name}", "bytes", floor, target, "lower", counter(f"memory/{row}", "bytes_each"),
            text("by parts: {:.0f}", counter(f"memory/{row}", "bytes_by_parts")))
    add("bulk, both ends ours, MTU 1500, software checksums, in memory", "Gbit/s", 40, 80, "higher", gigabits, gigabits_bound,
        text("{:.0f} instructions a segment, at both ends together", fixed("instructions/bulk/one_way/operation")))
    add("goodput of real flows under a 10x SYN flood, of their CPU share", "of the share", 0.90, 0.97, "higher", flood_share)


def on_a_tap(add):
    modes = ("keep-alive", "close")
    for mode, floor, target in zip(modes, (0.92, 0.85), (0.98, 0.96), strict=True):
        add(f"live over TAP against the stateless TAP reflector: {mode}", "x", floor, target, "higher",
            live(f"live/wrk/{mode}/aether_to_reflector"),
            text("reflector: {:.0f}/s, we: {:.0f}/s", *(live(f"live/wrk/{mode}/{who}/rate") for who in ("reflector", "aether"))),
            clients_cpu(mode, "reflector"))
    for mode, floor, target in zip(modes, (2, 9), (2.0, 7.2), strict=True):
        add(f"live frames per transaction: {mode}", "frames", floor, target, "lower", live(f"live/wrk/{mode}/aether/frames"),
            "minimum: " + ("2" if mode == "keep-alive" else "7"), "the opening of 100 connections is in it")
    for mode, floor, target in zip(modes, (2.3, 10), (2.05, 7.5), strict=True):
        frames = live(f"live/wrk/{mode}/aether/frames")
        add(f"live system calls per transaction: {mode}", "calls", floor, target, "lower",
            live(f"live/wrk/{mode}/aether/system_calls"), text("frames: {:.2f}, one call each", frames),
            "reads that find nothing")
    for mode, floor, target in zip(modes, (400, 1500), (150, 500), strict=True):
        row = f"live/wrk/{mode}/aether-poll/cpu_server"
        add(f"user-mode CPU per live request, waiting in poll: {mode}", "ns", floor, target, "lower", live(f"{row}_user"),
            text("kernel's share beside it: {:.0f} ns", live(f"{row}_system")),
            cost("keepalive" if mode == "keep-alive" else mode))
    for mode, floor, target in zip(modes, (1.0, 1.3), (1.5, 3), strict=True):
        add(f"live against nginx on the kernel, same client: {mode}", "x", floor, target, "higher",
            live(f"live/wrk/{mode}/aether_to_nginx"), text("nginx: {:.0f}/s", live(f"live/wrk/{mode}/nginx/rate")),
            clients_cpu(mode, "nginx"))
    add("idle CPU with no traffic", "%", 1, 0.1, "lower", percent("live/silence/aether/cpu"), "clock ticks of 10 ms")
    add("first reply after a long silence, added to the reflector's", "us", 100, 5, "lower", live("live/silence/added"),
        text("reflector in poll: {:.0f} us", live("live/silence/reflector/first_ping")), "one ping each round")


def measures():
    rows = []

    def add(name, unit, floor, target, better, figure, bound="", limits=""):
        rows.append(Measure(name, unit, floor, target, better, figure, bound, limits))

    for part in (micro, in_memory, on_a_tap):
        part(add)
    return rows
