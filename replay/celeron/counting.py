"""What callgrind counts of the Celeron measurement: programs under simulated caches, and captures cut to so many
connections."""
import json
import lzma
import os
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/common"))
from callgrind import REGION, TUNABLES  # noqa: E402

EVENTS = ("instructions", "branch_misses", "l1_misses", "ll_misses")
CELERON = {"I1": (32768, 8, 64), "D1": (32768, 8, 64), "LL": (1048576, 4, 64)}
FIRST_PORT, LAST_PORT = 1024, 65535


class Wrong(Exception):
    """Something is not there, or a result is none; the text says what to do."""


def doubled(geometry):
    """The control: both levels twice as large."""
    return {name: (2 * size, ways, line) for name, (size, ways, line) in geometry.items()}


def here(folder=pathlib.Path("/sys/devices/system/cpu/cpu0/cache")):
    """This machine's caches, as callgrind takes them: a power of two of sets. The last level is L2, as the Celeron's."""
    found = {}
    for index in sorted(folder.glob("index*")):
        def read(name, index=index):
            return (index / name).read_text(encoding="ascii").strip()
        key = {("1", "Data"): "D1", ("1", "Instruction"): "I1", ("2", "Unified"): "LL"}.get((read("level"), read("type")))
        if key is None:
            continue
        ways, line = int(read("ways_of_associativity")), int(read("coherency_line_size"))
        sets = int(read("size").removesuffix("K")) * 1024 // (ways * line)
        found[key] = ((1 << (sets.bit_length() - 1)) * ways * line, ways, line)
    if set(found) != set(CELERON):
        raise Wrong("the sizes of this machine's caches are not in /sys/devices/system/cpu/cpu0/cache")
    return found


def environment():
    return dict(os.environ, GLIBC_TUNABLES=TUNABLES)


def valgrind(geometry, out, options=()):
    caches = [f"--{name}={size},{ways},{line}" for name, (size, ways, line) in geometry.items()]
    return ["valgrind", "--tool=callgrind", "--cache-sim=yes", "--branch-sim=yes", *caches, *options,
            f"--callgrind-out-file={out}"]


def run(command, seconds=300):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=seconds,
                              env=environment())
    except FileNotFoundError as error:
        raise Wrong(f"{error.filename} is not installed: run ci/setup") from error
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"{command[0]} did not end in {seconds} s") from error
    if done.returncode != 0:
        raise Wrong(f"{' '.join(str(word) for word in command[:3])} ...: exit code {done.returncode} {done.stderr.strip()[-300:]}")
    return done.stdout


def counts_of(model, out):
    """{"stack": {...}, "application": {...}, "total": {...}} of a file that callgrind wrote."""
    flat = json.loads(run([model, "counts", out]))
    return {part: {event: flat[f"{part}.{event}"] for event in EVENTS} for part in ("stack", "application", "total")}


def slope(low, high, operations):
    """Of one operation; caches may make a difference of nothing a little less than that."""
    return {part: {event: max(0.0, (high[part][event] - low[part][event]) / operations) for event in EVENTS} for part in low}


def cut(packed, connections, path):
    """The first so many connections of a capture, by their SYNs, and all else that is in it."""
    data = lzma.decompress(packed.read_bytes())
    magic, *_, link = struct.unpack("<IHHiIII", data[:24])
    if magic not in (0xA1B2C3D4, 0xA1B23C4D) or link != 1:
        raise Wrong(f"{packed.name} is not the Ethernet capture that it was")
    kept, chosen, at = [data[:24]], set(), 24
    while at < len(data):
        size = struct.unpack("<I", data[at + 8:at + 12])[0]
        frame = data[at + 16:at + 16 + size]
        keep = True
        if frame[12:14] == b"\x08\x00" and frame[23] == 6:
            tcp = 14 + 4 * (frame[14] & 15)
            ports = struct.unpack(">HH", frame[tcp:tcp + 4])
            client = ports[0] if ports[1] == 80 else ports[1]
            if frame[tcp + 13] & 0x12 == 0x02 and len(chosen) < connections:
                chosen.add(client)
            keep = client in chosen
        if keep:
            kept.append(data[at:at + 16 + size])
        at += 16 + size
    if len(chosen) != connections:
        raise Wrong(f"{packed.name} has {len(chosen)} connections, not {connections}")
    path.write_bytes(b"".join(kept))
    return path


def count_replay(tools, captures, profile, geometry, scratch):
    """A connection's counts: the slope between the two captures, (connections, path) each."""
    found = []
    for _, capture in captures:
        out = scratch / "callgrind.replay"
        run([*valgrind(geometry, out, ["--collect-atstart=no", f"--toggle-collect={REGION}"]), tools / "aether-replay", capture,
             f"--profile={profile}", "--rounds=1", f"--report={scratch}/report"])
        found.append(counts_of(tools / "celeron_model", out))
    return slope(*found, captures[1][0] - captures[0][0])


def count_kernels(tools, geometry, scratch):
    """{kernel: counts of one operation, and whether its accesses to memory are a chain}"""
    out = scratch / "callgrind.kernels"
    printed = run([*valgrind(geometry, out, ["--collect-atstart=no", f"--toggle-collect={REGION}", f"--dump-after={REGION}"]),
                   tools / "celeron_kernels", "--count"])
    names = [line.split("\t") for line in printed.splitlines()]
    # callgrind numbers its parts as they end; what comes after the last one counts nothing.
    parts = sorted((path for path in scratch.glob("callgrind.kernels.*") if path.suffix[1:].isdigit()),
                   key=lambda path: int(path.suffix[1:]))
    if len(parts) < len(names):
        raise Wrong(f"callgrind wrote {len(parts)} parts for {len(names)} kernels")
    kernels = {}
    for (name, operations, chain), part in zip(names, parts, strict=False):
        total = counts_of(tools / "celeron_model", part)["total"]
        kernels[name] = {event: total[event] / int(operations) for event in EVENTS} | {"chain": int(chain)}
    return kernels


def count_calibration(tools, geometry, scratch):
    """Of one round, as a slope between 20 and 40 rounds."""
    found = []
    for rounds in (20, 40):
        out = scratch / "callgrind.calibration"
        run([*valgrind(geometry, out, ["--collect-atstart=no", "--toggle-collect=celeron_calibration"]),
             tools / "celeron_probe", "--rounds", str(rounds)])
        found.append(counts_of(tools / "celeron_model", out))
    return slope(*found, 20)["total"]


def time_kernels(tools, runs):
    lines = [line.split("\t") for line in run([tools / "celeron_kernels", "--time", f"--runs={runs}"]).splitlines()]
    return {line[0]: float(line[2]) for line in lines}


def time_replay(tools, captures, rounds, scratch):
    """Nanoseconds of a connection: the slope between the two captures, of the best round of each."""
    taken = []
    for _, capture in captures:
        report = scratch / "timed.json"
        run([tools / "aether-replay", capture, "--json", f"--rounds={rounds}", f"--report={report}"])
        taken.append(json.loads(report.read_text(encoding="utf-8"))["replay"]["speed_ns"])
    return (taken[1] - taken[0]) / (captures[1][0] - captures[0][0])
