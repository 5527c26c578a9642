"""The demo: what ci/demo shows once everything is installed and built."""
import argparse
import datetime
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import lab  # noqa: E402
from clients import Http  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
ORIGINAL = "3,109"
ORIGINAL_NOTE = "published on a 2009 Celeron, not re-measured"


def say(text=""):
    print(text, flush=True)


def stop(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def microseconds(text):
    """wrk's way to write a time, 1.23ms, in microseconds."""
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}[unit]


def readable(us):
    return f"{us:.0f} us" if us < 1000 else f"{us / 1000:.2f} ms" if us < 1e6 else f"{us / 1e6:.2f} s"


def hand_made(place):
    """Ping, page, a hundred connections: each with one line."""
    out = place.run(["ping", "-c", 20, "-i", 0.02, "-W", 2, lab.STACK]).stdout
    loss = re.search(r"(\d+)% packet loss", out).group(1)
    times = re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)", out)
    say(f"  ping        20 of 20 answered, {float(times.group(2)) * 1000:.0f} us on average"
        if loss == "0" else f"  ping        {loss} % lost")
    page = place.run(["curl", "-sS", "--max-time", 5, f"http://{lab.STACK}/"]).stdout
    title = re.search(r"<title>([^<]*)</title>", page)
    say(f"  page        {len(page)} bytes, title \"{title.group(1) if title else '?'}\"")
    begin = time.perf_counter()
    connections = [Http() for _ in range(100)]
    statuses = []
    for connection in connections:
        connection.send(f"GET / HTTP/1.1\r\nHost: {lab.STACK}\r\n\r\n".encode())
    for connection in connections:
        statuses.append(connection.response().status)
        connection.socket.close()
    good = statuses.count(200)
    say(f"  concurrent  {good} of 100 connections served at once, in {(time.perf_counter() - begin) * 1000:.0f} ms")
    if loss != "0" or not title or "Project Aether" not in title.group(1) or good != 100:
        raise lab.Failure("the stack did not answer as it should (see above)")


def load(binary, workers, seconds, keep_alive):
    """One run of wrk against a fresh aether-run, so that the counters are of this load alone."""
    with lab.Lab(binary, multi_queue=workers > 1) as place:
        server = place.start(f"--workers={workers}")
        options = [] if keep_alive else ["-H", "Connection: close"]
        out = place.run(["wrk", "-t1", "-c100", f"-d{seconds}s", "--latency", *options, f"http://{lab.STACK}/"],
                        seconds=seconds + 30).stdout
        done = server.stop()
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1))
    latency = {p: microseconds(re.search(rf"^\s*{p}%\s+(\S+)", out, re.M).group(1)) for p in (50, 99)}
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", out)))
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors += int(other.group(1)) if other else 0
    frames = done.counters["frames_in"] + done.counters["frames_out"]
    calls = done.counters.get("system_calls", 0)
    row = {"calls": calls / max(1, requests), "name": "keep-alive" if keep_alive else "connection per request", "rate": rate, "p50": latency[50],
           "p99": latency[99], "errors": errors, "frames": frames / max(1, requests), "requests": requests}
    say(f"  {row['name']:24} {rate:10,.0f} req/s   {errors} errors in {requests:,} requests")
    return row


def table(rows):
    head = ["load", "req/s", "p50", "p99", "errors", "frames per transaction", "system calls"]
    body = [[r["name"], f"{r['rate']:,.0f}", readable(r["p50"]), readable(r["p99"]), f"{r['errors']:,}",
             f"{r['frames']:.2f}", f"{r['calls']:.2f}"] for r in rows]
    body.append([f"the original, connection per request ({ORIGINAL_NOTE})", ORIGINAL, "-", "-", "-", "-", "-"])
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w)
                                 for i, (c, w) in enumerate(zip(cells, widths, strict=True))) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, body)])


def machine():
    model = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def commit():
    found = subprocess.run(["git", "-C", str(TOP), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return f"commit {found.stdout.strip()}" if found.returncode == 0 else "outside of a repository"


def write(rows, options):
    text = "\n".join([
        "# What ci/demo showed", "",
        f"`ci/demo --seconds {options.seconds} --workers {options.workers}` on {machine()},",
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, {commit()}. Client: "
        "`wrk -t1 -c100`, on the same machine, over a TAP.", "",
        table(rows), "",
        "Frames (both directions) and system calls are per transaction, by the stack's own counters, connection",
        "set-up and the end of the run included. One short run on one machine: an impression, not a measurement.", ""])
    target = TOP / "results/demo.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main():
    parser = argparse.ArgumentParser(prog="ci/demo", description=__doc__)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=positive, default=5, metavar="N", help="of each of the two loads (5)")
    parser.add_argument("--workers", type=positive, default=1, metavar="N", help="of aether-run (1)")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    binary = pathlib.Path(options.bin).resolve() / "aether-run"
    if not os.path.exists("/dev/net/tun"):
        say("ci/demo: /dev/net/tun is missing; load the driver (modprobe tun)")
        return 1
    try:
        with lab.Lab(binary, multi_queue=options.workers > 1) as place:
            say(f"\nNetwork namespace {place.name}: {lab.HOST} on the kernel's side of {lab.TAP}, {lab.STACK} is ours.")
            server = place.start(f"--workers={options.workers}")
            say(f"  $ {server.out().strip()}")
            hand_made(place)
            server.stop()
        say(f"\nwrk, one thread, 100 connections, {options.seconds} s each:")
        rows = [load(binary, options.workers, options.seconds, keep_alive) for keep_alive in (False, True)]
    except KeyboardInterrupt as interrupt:
        say(f"\nci/demo: stopped by {interrupt}; namespace and TAP are removed")
        return 130
    except (lab.Failure, OSError) as error:
        say(f"\nci/demo: {error}")
        return 1
    write(rows, options)
    say("\n" + table(rows) + "\n\nWritten to results/demo.md; namespace and TAP are removed.")
    return 1 if any(row["errors"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
