"""A finding as a person reads it: what does not hold, where, the scenario, and how to see it again."""
import re
import subprocess

from fuzzing import running
from fuzzing import targets as t

MINIMIZE_SECONDS = 10
DECODE_SECONDS = 60

HEADLINES = (
    re.compile(r"^.*: property \S+ does not hold: .*$", re.M),
    re.compile(r"^.*: runtime error: .*$", re.M),
    re.compile(r"^.*ERROR: (?:Address|Memory|Leak)Sanitizer.*$", re.M),
    re.compile(r"^.*WARNING: MemorySanitizer.*$", re.M),
    re.compile(r"^.*(?:CHECK|check) failed.*$", re.M),
    re.compile(r"^.*ERROR: libFuzzer: .*$", re.M),
)
FRAME = re.compile(r"^\s+#\d+ 0x[0-9a-f]+ (?:in )?(.*)$", re.M)


def readable(text):
    """Paths of the tree from its top."""
    return text.replace(f"{t.ROOT}/", "").replace("build/fuzz/../../", "")


def headline(log):
    for pattern in HEADLINES:
        found = pattern.search(log)
        if found:
            return re.sub(r"^==\d+==\s*", "", readable(found.group(0).strip()))
    return "the process ended, and said nothing that is known here"


def stack(log):
    """The first stack, without what belongs to the engine and the C library."""
    first = re.search(r"(?:^\s+#\d+ .*\n?)+", log, re.M)
    if not first:
        return []
    frames = []
    for frame in FRAME.findall(first.group(0)):
        if re.search(r"fuzzer::|FuzzerMain|FuzzerLoop|FuzzerDriver|__libc_start|\b_start\b|\babort\b|\braise\b|"
                     r"pthread_kill|__sanitizer_print_stack|compiler-rt|aether::fuzz::Fail|^\(/", frame):
            continue
        frames.append(re.sub(r"\(/[^)]*\)|\(BuildId[^)]*\)", "", readable(frame)).rstrip())
    return frames


def hexdump(data):
    lines = []
    for at in range(0, len(data), 16):
        row = data[at:at + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        lines.append(f"{at:06x}  {row.hex(' '):<47}  {text}")
    return "\n".join(lines) or "(no bytes)"


def decoder():
    for folder in ("build/fuzz/bin", "build/release/bin", "build/asan/bin"):
        if (t.ROOT / folder / "fuzz-decode").exists():
            return t.ROOT / folder / "fuzz-decode"
    return None


def scenario(name, artifact, pcap):
    """The input in words, and whether a capture of it was written."""
    tool = decoder()
    if tool:
        try:
            done = subprocess.run([tool, name, artifact, "--pcap", pcap], capture_output=True, timeout=DECODE_SECONDS,
                                  stdin=subprocess.DEVNULL, check=False)
            text = done.stdout.decode(errors="replace").rstrip()
            if done.returncode == 0 and text:
                return text, pcap.exists()
        except subprocess.TimeoutExpired:
            pass
    return hexdump(artifact.read_bytes()), False


def run_input(runner, target, file, log):
    """Runs one input; its status and what was said."""
    status, _, _ = runner.run([runner.binary(target.name), f"-timeout={running.INPUT_SECONDS_MAX}",
                              f"-rss_limit_mb={running.RSS_MB_MAX}", file], log, 120,
                             is_for_report=True)
    return status, log.read_text(errors="replace")


def minimized(runner, target, artifact, work):
    """A smaller input that fails as well, or None."""
    out = artifact.with_name("minimized-" + artifact.name)
    runner.run([runner.binary(target.name), "-minimize_crash=1", f"-max_total_time={MINIMIZE_SECONDS}",
                f"-exact_artifact_path={out}", artifact], work / "minimize.log", 60 + MINIMIZE_SECONDS)
    if not out.exists() or out.stat().st_size >= artifact.stat().st_size:
        out.unlink(missing_ok=True)
        return None
    status, _ = run_input(runner, target, out, work / "minimized.log")
    if status == 0:
        out.unlink()
        return None
    return out


def report(runner, outcome, artifact):
    """Writes ARTIFACT.md beside the artifact; the headline and the report's path."""
    target = outcome.target
    work = runner.folder(target.name, "work")
    status, again = run_input(runner, target, artifact, work / "again.log")
    log = (work / "run.log").read_text(errors="replace") if (work / "run.log").exists() else ""
    repeats = status != 0
    said = again if repeats else log
    head = headline(said)
    small = None
    if repeats and not artifact.name.startswith(("timeout-", "oom-")):
        small = minimized(runner, target, artifact, work)
    shown = small or artifact
    pcap = artifact.with_suffix(".pcap")
    words, has_pcap = scenario(target.name, shown, pcap)
    relative = lambda p: p.relative_to(t.ROOT)  # noqa: E731
    lines = [f"# {target.name}: {head}", "",
             f"input: `{relative(artifact)}`, {artifact.stat().st_size} bytes"]
    if small:
        lines.append(f"smaller: `{relative(small)}`, {small.stat().st_size} bytes")
    lines += [f"repeats: {'yes' if repeats else 'NO: it needs what ran before it in the same process'}",
              "", "Once more:", "", f"    ninja -C {relative(runner.build)} {target.name}_fuzzer",
              f"    {relative(runner.binary(target.name))} {relative(shown)}", "",
              "The run that found it:", "", f"    {outcome.command.replace(str(t.ROOT) + '/', '')}", "", "Stack:", ""]
    lines += [f"    {frame}" for frame in stack(said)] or ["    (none was printed)"]
    lines += ["", f"Scenario of {relative(shown)}:", ""]
    lines += [f"    {line}" for line in words.splitlines()]
    if has_pcap:
        lines += ["", f"Capture: `{relative(pcap)}` (tshark -r {relative(pcap)})"]
    lines += ["", f"When it is repaired: `cp {relative(shown)} corpora/fuzz/{target.name}/found-<what it is>`, and a line in "
              "corpora/README.md.", ""]
    path = artifact.with_name(artifact.name + ".md")
    path.write_text("\n".join(lines))
    return head, path
