"""aether-link: two kernels, or a kernel and aether-run, in namespaces of their own with a bad cable between them."""
import hashlib
import os
import pathlib
import re
import signal
import time

from bad_link import BRIDGE, FAR_TAP, STACK, STACK_TAP, TAP, BadLink
from clients import Pinger
from lab import Lab, Server, check, check_equal, wait_until

ADDRESS = f"http://{STACK}/"


def _round_trips(count, payload=b"x" * 64, seconds=2.0):
    """Seconds of `count` pings through the link, None for each that was lost; the first, which asks for the neighbour,
    does not count."""
    pinger = Pinger()
    try:
        for _ in range(20):
            if pinger.ping(payload, seconds=2.0)[0] is not None:
                break
        took = [pinger.ping(payload, seconds=seconds) for _ in range(count)]
        return [seconds if reply is not None else None for reply, seconds in took]
    finally:
        pinger.close()


def _way(done, way):
    """The counters of one direction."""
    return {name[len(way) + 1:]: value for name, value in done.counters.items() if name.startswith(way + "_")}


def _delay(context, fault, expected, **flags):
    with BadLink(context.bin, fault, **flags) as lab:
        lab.kernel()
        trips = _round_trips(10)
        check(None not in trips, f"a ping was lost: {trips}")
        shown = [round(trip * 1000, 2) for trip in trips]
        check(min(trips) >= expected, f"round trips of {shown} ms with {expected * 1000} ms of delay")
        # What is added by wake-ups: under a millisecond, unless the machine stalls.
        check(min(trips) <= expected + 0.002 * lab.slow, f"round trips of {shown} ms with {expected * 1000} ms of delay")
        lab.link.stop()


def case_delay(context):
    _delay(context, "delay=20ms", 0.04)


def case_delay_of_one_direction(context):
    _delay(context, "in.delay=30ms", 0.03)
    _delay(context, "out.delay=15ms", 0.015)


def case_no_fault(context):
    """Without faults it is a cable."""
    with BadLink(context.bin) as lab:
        lab.kernel()
        trips = _round_trips(50)
        check(None not in trips, f"a ping was lost: {trips}")
        check(sorted(trips)[25] < 0.005 * lab.slow, f"round trips of {trips}")
        done = lab.link.stop()
        for way in ("a_to_b", "b_to_a"):
            counters = _way(done, way)
            check(counters["frames"] >= 50, f"{way}: {counters}")
            check_equal(counters["frames_out"] + counters["held_at_end"], counters["frames"], f"{way}: frames out")
            check_equal(counters["bytes_out"], counters["bytes"], f"{way}: bytes out")


def case_loss_is_counted(context):
    with BadLink(context.bin, "drop=0.2,seed=5") as lab:
        lab.kernel()
        for namespace, device, other in ((lab.name, TAP, STACK), (lab.far, BRIDGE, "10.0.0.1")):
            where = lab.far if namespace == lab.name else lab.name
            mac = lab.ip("-n", where, "-o", "link", "show", "dev", BRIDGE if where == lab.far else TAP)
            lab.ip("-n", namespace, "neigh", "replace", other, "dev", device, "lladdr",
                   re.search(r"link/ether (\S+)", mac).group(1))
        trips = _round_trips(150, seconds=0.05)
        lost = trips.count(None)
        check(25 <= lost <= 85, f"{lost} of 150 pings lost, 36 % expected")
        done = lab.link.stop()
        dropped = 0
        for way in ("a_to_b", "b_to_a"):
            counters = _way(done, way)
            dropped += counters["dropped"]
            check_equal(counters["frames_out"] + counters["dropped"] + counters["held_at_end"], counters["frames"],
                        f"{way}: frames out, dropped and on the way")
        check(dropped >= lost, f"{lost} pings were lost, but only {dropped} frames")


def case_one_way_only(context):
    """in.: from --a to --b. Nothing arrives at the far end, and what it sends comes through."""
    with BadLink(context.bin, "in.drop=1") as lab:
        lab.kernel()
        check(lab.run(["ip", "netns", "exec", lab.far, "ping", "-c", "2", "-i", "0.2", "-W", "1", "10.0.0.1"],
                      ok=None).returncode != 0, "a ping was answered")
        done = lab.link.stop()
        there, back = _way(done, "a_to_b"), _way(done, "b_to_a")
        check(there["dropped"] > 0, f"a to b: {there}")
        check_equal(there["frames_out"], 0, "frames out of b")
        check(back["frames_out"] > 0, f"b to a: {back}")
        check_equal(back["dropped"], 0, "frames lost on the way back")


def case_faults_are_counted(context):
    with BadLink(context.bin, "dup=0.5,reorder=0.3,corrupt=0.1,seed=3") as lab:
        lab.kernel()
        pinger = Pinger()
        pinger.ping(b"x")
        # Nobody reads the answers: some of them are corrupt.
        for _ in range(60):
            pinger.send(b"x" * 64)
            time.sleep(0.002)
        pinger.close()
        done = lab.link.stop()
        for way in ("a_to_b", "b_to_a"):
            counters = _way(done, way)
            for fault in ("duplicated", "reordered", "corrupted"):
                check(counters[fault] > 0, f"{way}: nothing {fault}: {counters}")
            check_equal(counters["frames_out"] + counters["held_at_end"], counters["frames"] + counters["duplicated"],
                        f"{way}: frames out")


def case_queue_overflow(context):
    """A slow link with a short queue loses what is too much, and says so; the rest comes in the time that the rate takes."""
    with BadLink(context.bin, "rate=1M", flags=("--queue_frames=8",)) as lab:
        lab.kernel()
        pinger = Pinger()
        pinger.ping(b"x")
        begin = time.perf_counter()
        for _ in range(40):
            pinger.send(b"x" * 1200)
        check(pinger.receive(1.0) is None, "the last of 40 pings came through a queue of 8")
        pinger.close()
        done = lab.link.stop()
        check(time.perf_counter() - begin >= 0.05, "too fast")
        there, back = _way(done, "a_to_b"), _way(done, "b_to_a")
        check(28 <= there["overflowed"] <= 33, f"a to b: {there}")
        check_equal(back["overflowed"], 0, "overflow on the way back")


def _fetch(lab, body):
    """Fetches /body with curl; its SHA-256 must be right."""
    path = pathlib.Path(lab.scratch) / "fetched"
    lab.run(["curl", "-sS", "-f", "-o", path, ADDRESS + "body"], seconds=100)
    check_equal(hashlib.sha256(path.read_bytes()).hexdigest(), hashlib.sha256(body).hexdigest(), "SHA-256")


FAULT = "delay=2ms,drop=0.01,reorder=0.01,dup=0.01,corrupt=0.005,seed=8"


def case_kernel_to_kernel(context):
    body = os.urandom(3_000_000)
    with BadLink(context.bin, FAULT) as lab:
        lab.kernel()
        (lab.folder("www") / "body").write_bytes(body)
        lab.serve_far(lab.folder("www"))
        _fetch(lab, body)
        check(_way(lab.link.stop(), "b_to_a")["dropped"] > 0, "nothing was lost")


def case_kernel_to_stack(context):
    """The same link, and the same bridge behind it, with aether-run at the end."""
    body = os.urandom(3_000_000)
    with BadLink(context.bin, FAULT) as lab:
        (lab.folder("www") / "body").write_bytes(body)
        server = lab.stack("--profile=full", f"--http_root={lab.folder('www')}")
        _fetch(lab, body)
        check(server.stop().counters["tcp_retransmissions"] > 0, "nothing was sent again")
        check(_way(lab.link.stop(), "b_to_a")["dropped"] > 0, "nothing was lost")


def case_sleeps(context):
    """Idle, and with frames that wait for their time, it does not spin."""
    with BadLink(context.bin, "delay=20ms") as lab:
        lab.kernel()
        _round_trips(1)
        before, begin = _cpu_seconds(lab.link.pid), time.monotonic()
        _round_trips(40)
        share = (_cpu_seconds(lab.link.pid) - before) / (time.monotonic() - begin)
        check(share <= 0.05 * lab.slow, f"{share * 100:.0f} % of a CPU for 25 pings a second")
        lab.link.stop()


def _cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def case_bad_flags(context):
    link = context.bin / "aether-link"
    with Lab(context.binary, tap=False) as lab:
        for flags in ([], ["--a=t0"], ["--b=t0"], ["--a=t0", "--b=t0"], ["--a=t 0", "--b=t1"], ["--a=t0", "--b=t1", "more"],
                      ["--a=t0", "--b=t1", "--fault=drop=2"], ["--a=t0", "--b=t1", "--fault=loss=0.1"],
                      ["--a=t0", "--b=t1", "--fault=drop=0.1,drop=0.1"], ["--a=t0", "--b=t1", "--queue_frames=0"],
                      ["--a=t0", "--b=t1", "--queue_bytes=1"], ["--a=t0", "--b=t1", "--duration=-1"],
                      ["--a=t0", "--b=t1", "--tap=t2"], ["--a=t0", "--b"]):
            error = lab.fail(*flags, code=2, binary=link)
            check(error.startswith("aether-link: ") and error.count("\n") == 1, f"{flags}: {error!r}")
        check_equal(lab.links(), ["lo"], "links after refused flags")
        done = lab.run([link, "--help"])
        for word in ("--a", "--b", "--fault", "--queue_frames", "in. before a key"):
            check(word in done.stdout, f"--help says nothing of {word}")


def case_what_the_world_refuses(context):
    link = context.bin / "aether-link"
    with Lab(context.binary) as lab:
        error = lab.fail("--a=lo", "--b=t1", code=1, binary=link)
        check("lo" in error and error.count("\n") == 1, f"not a TAP: {error!r}")
        server = lab.start()
        error = lab.fail(f"--a={TAP}", "--b=t1", code=1, binary=link)
        check("busy" in error and error.count("\n") == 1, f"a TAP in use: {error!r}")
        server.stop()
        check_equal(sorted(lab.links()), sorted(["lo", TAP]), "links left over")


def case_ends_cleanly(context):
    """After a signal or its time: exit code 0, counters, and nothing is left of the TAPs that it made."""
    with Lab(context.binary, tap=False) as lab:
        for how in (signal.SIGINT, signal.SIGTERM, None):
            link = Server(lab, ["--a=t0", "--b=t1", "--fault=delay=1ms", *(["--duration=0.3"] if how is None else [])],
                          binary=context.bin / "aether-link")
            link.wait_for(r"^aether-link: t0 and t1, fault delay=1ms")
            check_equal(sorted(lab.links()), ["lo", "t0", "t1"], "links while it runs")
            if how is None:
                check_equal(link.wait(10).code, 0, "exit code after --duration")
            else:
                link.stop(how)
            for name in ("a_to_b_frames", "b_to_a_frames", "a_to_b_dropped", "b_to_a_overflowed"):
                check(name in link.finished.counters, f"no {name} in {link.finished.out}")
            check_equal(link.finished.err, "", "error output")
            check_equal(lab.links(), ["lo"], "links after its end")


def case_leaves_nothing_in_other_namespaces(context):
    with BadLink(context.bin) as lab:
        lab.kernel()
        _round_trips(1)
        lab.link.stop()
        check_equal(lab.links(), ["lo"], "links at the near end")
        far = re.findall(r"^\d+: ([^:@]+)", lab.ip("-n", lab.far, "-o", "link"), re.M)
        check(FAR_TAP not in far and STACK_TAP not in far, f"links at the far end: {far}")


def case_a_deleted_tap(context):
    """Whoever deletes a TAP, here with its namespace's link, learns that the link is gone."""
    with BadLink(context.bin, "delay=1ms") as lab:
        lab.kernel()
        lab.ip("link", "del", TAP)
        wait_until(lambda: not lab.link.alive(), 10, "aether-link goes on without its TAP")
        done = lab.link.wait(5)
        check_equal(done.code, 1, "exit code")
        check(TAP in done.err and "deleted" in done.err and done.err.count("\n") == 1, f"it said {done.err!r}")
