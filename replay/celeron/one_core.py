"""One core for client, kernel and stack: a namespace of its own, pinned, and with a share of the core's time that a
control group gives (cgroup v2's cpu.max, or v1's quota). Everything is gone at the end."""
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "bench/live"))
from arena import LINKS, Arena, Missing, Server, counters, cpu_of  # noqa: E402
from counting import Wrong, counts_of, slope, valgrind  # noqa: E402

# Short, so that a throttled server is not silent for longer than a client's patience; the least that v1 takes is 1 ms.
PERIOD_US = 20_000
QUOTA_US_MIN = 1_000
# Turns of setting the quota until the calibration kernel is as fast as it should be.
CALIBRATION_TURNS = 4


class CpuGroup:
    """A control group with a quota of CPU time."""

    def __init__(self):
        name = f"aether-celeron-{os.getpid()}"
        self.is_v2 = False
        for root in (pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/unified")):
            controllers = root / "cgroup.controllers"
            if controllers.is_file() and "cpu" in controllers.read_text(encoding="ascii").split():
                self.is_v2, self.path = True, root / name
                break
        else:
            roots = [path for path in map(pathlib.Path, ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"))
                     if (path / "cpu.cfs_quota_us").is_file() or (path / "cgroup.procs").is_file()]
            if not roots:
                raise Wrong("there is no control group for CPU time (cgroup v2's cpu controller, or v1's)")
            self.path = roots[0] / name

    def __enter__(self):
        try:
            if self.is_v2:
                (self.path.parent / "cgroup.subtree_control").write_text("+cpu", encoding="ascii")
            self.path.mkdir()
            self.set(1.0)
        except OSError as error:
            self.__exit__()
            raise Wrong(f"the control group for CPU time cannot be made: {error}") from error
        return self

    def __exit__(self, *unused):
        for _ in range(50):
            try:
                self.path.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.1)

    def set(self, share):
        """So much of one core; 1 and more is no limit."""
        quota = max(QUOTA_US_MIN, round(share * PERIOD_US))
        if self.is_v2:
            (self.path / "cpu.max").write_text(f"{'max' if share >= 1 else quota} {PERIOD_US}", encoding="ascii")
        else:
            (self.path / "cpu.cfs_period_us").write_text(str(PERIOD_US), encoding="ascii")
            (self.path / "cpu.cfs_quota_us").write_text(str(-1 if share >= 1 else quota), encoding="ascii")

    def wrap(self, command):
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.path / "cgroup.procs"), *map(str, command)]


class OneCore(Arena):
    """The arena of the live benches, with all that is pinned in the group."""

    def __init__(self, group, core):
        super().__init__(core, core)
        self.group = group
        self.core = core

    def command(self, core, command, space=None):
        plain = super().command(core, command, space)
        return plain if core is None else self.group.wrap(plain)


def calibrate(group, core, tools, share, full_rate, seconds):
    """Sets the quota so that the calibration kernel runs at `share` of its full rate; the share that it got."""
    quota, achieved = share, 0
    for _ in range(CALIBRATION_TURNS):
        group.set(quota)
        command = group.wrap(["taskset", "-c", str(core), tools / "celeron_probe", "--calibration", str(seconds)])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Wrong(f"the calibration kernel did not run: {done.stderr.strip()}")
        achieved = json.loads(done.stdout)["rounds_per_second"] / full_rate
        if abs(achieved / share - 1) < 0.03:
            break
        # Never far: where others use the core, no quota makes it faster.
        quota = min(max(quota * share / achieved, share * 0.7), min(share * 1.4, 0.95))
    return achieved


def start(arena, tools, profile):
    command = [tools / "aether-run", "--tap=aether0", f"--address={LINKS['tap'][1]}/24", "--workers=1", f"--profile={profile}"]
    server = Server("aether", "tap", command)
    return server, server.start(arena, arena.core)


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime, usage.ru_stime


def python_client(arena, server, seconds):
    found = counters(arena.run(arena.core, [sys.executable, HERE / "client.py", server.address, "--seconds", seconds]))
    return {"requests": found["requests"], "errors": found["errors"], "seconds": found["milliseconds"] / 1000,
            "client_user_ns": found["user_ns"], "client_system_ns": found["system_ns"]}


def wrk_client(arena, server, seconds):
    before = children()
    output = arena.run(arena.core, ["wrk", "-t1", "-c100", f"-d{seconds}s", "-H", "Connection: close", f"http://{server.address}/"])
    user, system = (after - first for after, first in zip(children(), before, strict=True))
    requests, taken = re.search(r"(\d+) requests in ([\d.]+)s", output).groups()
    wrong = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    return {"requests": int(requests), "errors": sum(map(int, wrong.groups())) if wrong else 0, "seconds": float(taken),
            "client_user_ns": user * 1e9, "client_system_ns": system * 1e9}


CLIENTS = {"python": python_client, "wrk": wrk_client}


def live_round(arena, tools, profile, client, seconds):
    """Rate, and CPU time of both sides for a request."""
    server, child = start(arena, tools, profile)
    try:
        before = cpu_of(child.pid)
        found = CLIENTS[client](arena, server, seconds)
        user, system = (after - first for after, first in zip(cpu_of(child.pid), before, strict=True))
    finally:
        arena.end(child)
    requests = found["requests"]
    if requests == 0:
        raise Missing(f"{client} got no answer of {profile}")
    cost = {"server_user_ns": user * 1e9, "server_system_ns": system * 1e9,
            "client_user_ns": found["client_user_ns"], "client_system_ns": found["client_system_ns"]}
    return {"rate": requests / found["seconds"], "errors": found["errors"], "cpu_rate": requests / (sum(cost.values()) / 1e9),
            **{name: value / requests for name, value in cost.items()}}


def count_client(arena, tools, geometry, requests, scratch):
    """The Python client's own code for a request, by callgrind: the slope between two numbers of requests. Its server runs
    outside of callgrind."""
    found = []
    for number in requests:
        out = scratch / "callgrind.client"
        server, child = start(arena, tools, "full")
        try:
            command = valgrind(geometry, out) + [os.path.realpath(sys.executable), HERE / "client.py", server.address,
                                                 "--requests", number]
            printed = counters(arena.run(None, command, 300))
        finally:
            arena.end(child)
        if printed.get("requests") != number:
            raise Wrong(f"under callgrind the client got {printed.get('requests')} of {number} answers")
        found.append(counts_of(tools / "celeron_model", out))
    return slope(*found, requests[1] - requests[0])["total"]
