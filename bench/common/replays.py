"""Rows of the limits from replays of corpora/pcap: frames and retransmissions of each capture that clients made, and
instructions per connection of three of them, counted by callgrind in the frames alone (aether-replay --rounds=1).
"""
import lzma
import os
import pathlib
import subprocess
import tempfile

from callgrind import REGION, TUNABLES, Wrong, total_of

# Connection per request, keep-alive, and files to slow readers: the three kinds of work.
COUNTED = ("close-aether", "keepalive-aether", "slow-readers-aether")
ROWS = {"frames_in": "frames", "frames_out": "frames", "tcp_retransmissions": "segments"}


def captures(corpus):
    return sorted(path for path in corpus.glob("*.pcap.xz"))


def unpack(path, folder):
    capture = pathlib.Path(folder) / path.name.removesuffix(".xz")
    capture.write_bytes(lzma.decompress(path.read_bytes()))
    return capture


def summary_of(binary, capture, folder, prefix=(), rounds=0, environment=None):
    out = pathlib.Path(folder) / "summary"
    command = [*prefix, str(binary), str(capture), f"--summary={out}", f"--report={folder}/report", f"--rounds={rounds}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise Wrong(f"{capture.name}: exit code {done.returncode} {done.stderr.strip()[-300:]}")
    return dict(line.split(" ", 1) for line in out.read_text(encoding="ascii").splitlines())


def measure_frames(binary, corpus, flags):
    """{row: (unit, value, tolerance, direction)} of the captures without flags of their own."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in captures(corpus):
            name = path.name.removesuffix(".pcap.xz")
            if name in flags:
                continue
            printed = summary_of(binary, unpack(path, folder), folder)
            for counter, unit in ROWS.items():
                rows[f"replay/{name}/{counter}"] = (unit, printed.get(counter, "0"), "exact", "lower")
    return rows


def measure_instructions(binary, corpus):
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        prefix = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={REGION}",
                  f"--callgrind-out-file={out}"]
        for name in COUNTED:
            capture = unpack(corpus / f"{name}.pcap.xz", folder)
            printed = summary_of(binary, capture, folder, prefix, 1, dict(os.environ, GLIBC_TUNABLES=TUNABLES))
            total, connections = total_of(out), int(printed["flows_connections"])
            if total == 0:
                raise Wrong(f"{name}: callgrind counted nothing")
            rows[f"instructions/replay/{name}/connection"] = ("instructions/connection", f"{total / connections:.1f}", "1%",
                                                              "lower")
    return rows
