"""Instructions that a bench program executes in `aether_counted_region`, counted by callgrind.

The region is around the servers alone: clients' frames are made outside of it. Run-time dispatch is pinned, so that the
count is the same on every x86-64 machine: callgrind's processor has AVX2 and no AVX-512, so that the stack chooses its
AVX2 checksum (anything else is refused), and GLIBC_TUNABLES takes the C library's string functions back to those of
SSE2.
"""
import os
import pathlib
import re
import subprocess
import tempfile

REGION = "aether_counted_region"
CHECKSUM_UNIT = "avx2"
TUNABLES = "glibc.cpu.hwcaps=" + ",".join(
    "-" + name for name in ("AVX512F", "AVX512BW", "AVX512VL", "AVX2", "AVX", "ERMS", "FSRM", "SSSE3", "SSE4_1",
                            "SSE4_2", "BMI1", "BMI2", "LZCNT", "MOVBE", "RTM", "AVX_Fast_Unaligned_Load",
                            "Fast_Unaligned_Copy", "Prefer_No_VZEROUPPER"))


class Wrong(Exception):
    """A result that is none."""


def total_of(path):
    found = re.search(r"^(?:totals|summary): (\d+)", path.read_text(encoding="utf-8", errors="replace"), re.M)
    return int(found.group(1)) if found else 0


def call(binary, case, operations, out, arguments=(), options=()):
    """Runs a case; what the program printed, as numbers by name."""
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={REGION}", *options,
               f"--callgrind-out-file={out}", str(binary), f"--operations={operations}", f"--case={case}", *arguments]
    environment = dict(os.environ, GLIBC_TUNABLES=TUNABLES)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Wrong(f"{case}: exit code {done.returncode}\n{done.stderr.strip()}")
    printed = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    if printed.get("checksum_unit") != CHECKSUM_UNIT:
        raise Wrong(f"{case}: the checksum unit is {printed.get('checksum_unit')}, not {CHECKSUM_UNIT}: figures of this "
                    "machine would compare with none")
    return {name: int(value) for name, value in printed.items() if name != "checksum_unit"}


def run_once(binary, case, operations, keep=None, arguments=()):
    """Instructions in the region, and what the program printed."""
    with tempfile.TemporaryDirectory() as folder:
        out = keep or os.path.join(folder, "callgrind.out")
        printed = call(binary, case, operations, out, arguments)
        total = total_of(pathlib.Path(out))
    if total == 0:
        raise Wrong(f"{case}: callgrind counted nothing")
    return total, printed


def run_chunks(binary, case, operations, arguments=()):
    """Instructions of each chunk, in their order, and what the program printed of all of them."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        printed = call(binary, case, operations, out, arguments, [f"--dump-after={REGION}"])
        parts = [path for path in pathlib.Path(folder).iterdir() if re.fullmatch(r"\d+", path.suffix[1:])]
        chunks = [total_of(path) for path in sorted(parts, key=lambda path: int(path.suffix[1:]))]
    if not chunks or 0 in chunks:
        raise Wrong(f"{case}: callgrind counted nothing")
    return chunks, printed
