"""The command line: exit codes, one sentence per error, nothing left behind, and a clean end."""
import os
import re
import shutil
import signal
import time

from clients import check_ping, get
from lab import STACK, TAP, check, check_equal

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def _sentence(err, *words):
    """One line for a person: it names what is wrong, and is no stack of errors."""
    lines = [line for line in err.strip().splitlines() if line.strip()]
    check(1 <= len(lines) <= 2, f"not one sentence: {err!r}")
    check(len(lines[0]) > 20, f"not a sentence: {err!r}")
    for word in words:
        check(re.search(word, err, re.I), f"{word!r} is not mentioned: {err!r}")
    check("terminate called" not in err and "F0000" not in err, err)


def case_usage(context):
    """Unknown flags and values out of range: exit 2."""
    with context.lab() as lab:
        bad = ["--no_such_flag", "--workers=-1", "--workers=many", "--backoff=never", "--profile=fast", "--http_port=65536",
               "--http_port=-1", "--echo_port=x", "--fault=drop=2", "--fault=nonsense", "--mac=xx", "--duration=-1",
               "--stats=x", "--seed=x", "--gateway=1.2.3", "--http_port=", "--original_echo=perhaps"]
        for flag in bad:
            err = lab.fail(f"--tap={TAP}", f"--address={STACK}/24", flag, code=2)
            check(err.strip(), f"{flag}: nothing is said")
        err = lab.fail(f"--tap={TAP}", f"--address={STACK}/24", "surplus", code=2)
        check(err.strip(), "an argument that is no flag: nothing is said")


def case_address_malformed(context):
    with context.lab() as lab:
        for address in ("10.0.0", "10.0.0.2/33", "10.0.0.256/24", "abc", "10.0.0.2/24/1", "224.0.0.1/24", "0.0.0.0/0"):
            _sentence(lab.fail(f"--tap={TAP}", f"--address={address}", code=1), "address")
        _sentence(lab.fail(f"--tap={TAP}", f"--address={STACK}/24", "--gateway=10.0.1.1", code=1), "gateway")


def case_tap_busy(context):
    with context.lab() as lab:
        first = lab.start()
        _sentence(lab.fail(f"--tap={TAP}", "--address=10.0.0.3/24", code=1), TAP, "busy|use")
        check_ping("the first one, after a second one tried")
        first.stop()


def case_tap_names(context):
    with context.lab() as lab:
        for name in ("a" * 16, "", "a/b", "a b", ".."):
            _sentence(lab.fail(f"--tap={name}", f"--address={STACK}/24", code=2), "tap")
        _sentence(lab.fail("--tap=lo", f"--address={STACK}/24", code=1), "tap")


def case_port_taken(context):
    with context.lab() as lab:
        _sentence(lab.fail(f"--tap={TAP}", f"--address={STACK}/24", "--http_port=7", "--echo_port=7", code=1), "port")


def case_root_missing(context):
    with context.lab() as lab:
        missing = lab.folder("x") / "missing"
        _sentence(lab.fail(f"--tap={TAP}", f"--address={STACK}/24", f"--http_root={missing}", code=1), str(missing))
        file = lab.folder("x") / "file"
        file.write_text("x")
        _sentence(lab.fail(f"--tap={TAP}", f"--address={STACK}/24", f"--http_root={file}", code=1), str(file))


def case_capture_not_writable(context):
    with context.lab() as lab:
        target = lab.folder("x") / "missing" / "a.pcap"
        _sentence(lab.fail(f"--tap={TAP}", f"--address={STACK}/24", f"--capture={target}", code=1), str(target))


def case_no_tun_node(context):
    """Without /dev/net/tun: a sentence, and nothing is left behind."""
    with context.lab(tap=False) as lab:
        script = 'mount -t tmpfs none /dev/net && exec "$@"'
        err = lab.fail(f"--tap={TAP}", f"--address={STACK}/24", code=1,
                       prefix=["unshare", "-m", "sh", "-c", script, "sh"])
        _sentence(err, "/dev/net/tun")
        check_equal(lab.links(), ["lo"], "interfaces afterwards")


def _for_everyone(lab):
    """A copy of the program that another user can run, wherever the build is."""
    copy = lab.folder("bin") / "aether-run"
    shutil.copy(lab.binary, copy)
    os.chmod(copy, 0o755)
    return copy


# /dev/net/tun as most systems have it: readable for everyone, in a mount namespace of its own.
OPEN_NODE = 'mount -t tmpfs -o mode=755 none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"'
OPEN_TUN = ["unshare", "-m", "sh", "-c", OPEN_NODE, "sh", *NOBODY]


def case_no_permission(context):
    """As nobody: no permission for the device node, none to make a TAP, none for somebody else's."""
    context.need("setpriv")
    with context.lab(tap=False) as lab:
        binary = _for_everyone(lab)
        capture = lab.folder("open") / "a.pcap"
        os.chmod(lab.folder("open"), 0o777)
        flags = [f"--tap={TAP}", f"--address={STACK}/24", f"--capture={capture}"]
        closed = 'mount -t tmpfs -o mode=755 none /dev/net && mknod -m 600 /dev/net/tun c 10 200 && exec "$@"'
        err = lab.fail(*flags, binary=binary, prefix=["unshare", "-m", "sh", "-c", closed, "sh", *NOBODY])
        _sentence(err, "permi|root")
        _sentence(lab.fail(*flags, binary=binary, prefix=OPEN_TUN), "permi|root", TAP)
        check_equal(lab.links(), ["lo"], "interfaces afterwards")
        lab.make_tap(user="root")
        lab.configure_host()
        _sentence(lab.fail(*flags, binary=binary, prefix=OPEN_TUN), "permi|root", TAP)
        check(not capture.exists(), "a capture file is left behind")


def case_unprivileged(context):
    """A TAP that belongs to a user: that user runs the whole stack without being root."""
    context.need("setpriv")
    with context.lab(tap=False) as lab:
        lab.make_tap(user="nobody")
        lab.configure_host()
        lab.start(binary=_for_everyone(lab), prefix=OPEN_TUN)
        check_ping("ping to an unprivileged aether-run")
        check_equal(get().status, 200, "GET / from an unprivileged aether-run")


def case_root_without_permission(context):
    context.need("setpriv")
    with context.lab(tap=False) as lab:
        lab.make_tap(user="nobody")
        lab.configure_host()
        secret = lab.folder("secret")
        os.chmod(secret, 0o700)
        err = lab.fail(f"--tap={TAP}", f"--address={STACK}/24", f"--http_root={secret}",
                       binary=_for_everyone(lab), prefix=OPEN_TUN)
        _sentence(err, str(secret), "permi")


def case_signals(context):
    """SIGINT and SIGTERM end it cleanly, with counters and drops by reason."""
    for number in (signal.SIGINT, signal.SIGTERM):
        for workers in (1, 2):
            with context.lab(tap=False) as lab:
                server = lab.start(f"--workers={workers}")
                lab.configure_host()
                check_ping()
                check_equal(get().status, 200, "GET /")
                begin = time.monotonic()
                done = server.stop(number)
                check(time.monotonic() - begin < 2 * lab.slow, "took long to stop")
                check("counters:" in done.out and "drops:" in done.out, done.out)
                check_equal(done.counters.get("icmp_echo_replies_out"), 1, "icmp_echo_replies_out")
                check_equal(done.counters.get("tcp_accepted"), 1, "tcp_accepted")
                check_equal(done.counters["frames_in"], done.counters["delivered"] + sum(done.drops.values()),
                            "frames in, and delivered plus dropped")
                check_equal(lab.links(), ["lo"], "interfaces afterwards")


def case_first_line(context):
    with context.lab() as lab:
        server = lab.start("--mac=02:00:00:00:00:42")
        line = server.out().splitlines()[0]
        for word in (f"{STACK}/24", TAP, "02:00:00:00:00:42", "http 80", "echo 7", "workers", "profile full",
                     "backoff adaptive"):
            check(word in line, f"{word!r} is not in the first line: {line!r}")


def case_duration(context):
    with context.lab() as lab:
        begin = time.monotonic()
        server = lab.start("--duration=1")
        check_ping()
        done = server.wait(10)
        took = time.monotonic() - begin
        check_equal(done.code, 0, "exit code")
        check(0.9 <= took <= 2 + 2 * (lab.slow - 1), f"--duration=1 took {took:.2f} s")
        check("counters:" in done.out, done.out)


def case_stats(context):
    with context.lab() as lab:
        server = lab.start("--stats=1", "--duration=3")
        check_ping()
        before = len(server.out().splitlines())
        time.sleep(1.5)
        check(len(server.out().splitlines()) > before or len(server.out().splitlines()) > 1, f"no statistics: {server.out()}")
        server.wait(10)


def case_help(context):
    with context.lab(tap=False) as lab:
        shown = lab.run([context.binary, "--help"])
        for name in ("tap", "address", "gateway", "mac", "workers", "profile", "http_port", "http_root", "echo_port",
                     "original_echo", "backoff", "capture", "fault", "duration", "stats", "seed"):
            check(f"--{name}" in shown.stdout, f"--help does not mention --{name}: {shown.stdout[:500]}")


def case_link_address(context):
    """Without --mac it has a local unicast address, the same one at every start."""
    with context.lab(tap=False) as lab:
        macs = set()
        for _ in range(2):
            server = lab.start()
            lab.configure_host()
            macs.add(re.search(r"\(([0-9a-f:]{17})\)", server.out()).group(1))
            check_ping()
            server.stop()
        check_equal(len(macs), 1, "link addresses of two runs")
        for mac in macs:
            first = int(mac[:2], 16)
            check(first & 1 == 0 and first & 2, f"MAC {mac} is not a local unicast one")


def case_standard_output_closed(context):
    """Nobody reads its output: it runs on."""
    with context.lab() as lab:
        server = lab.start(prefix=["sh", "-c", '"$@" | head -n 1; sleep 60', "sh"], ready=False)
        time.sleep(0.5 * lab.slow)
        check_ping("ping after its reader ended")
        server.kill()
