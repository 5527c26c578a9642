#!/usr/bin/env python3
"""aether-perf as its users call it: exit codes, one clear sentence for each thing that can be wrong, nothing lost when it is
killed half-way.

    bench/report/check_cli.py build/release/bin     (aether-perf, bench_probe and bench_stack are there)

Exit codes: 0 all as it has to be, 1 not, 2 usage.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HEADER = "row\tprogram\tunit\tminimum_effect\tdirection\tset\tbound\tcase\tsource\n"
ROWS = ["probe/additions", "probe/checksum", "probe/chase"]
wrong = []


class Lab:
    def __init__(self, binaries, folder):
        self.perf = binaries / "aether-perf"
        self.folder = folder
        self.rules = folder / "paired.tsv"
        self.rules.write_text(HEADER + "".join(f"{row}\tbench_probe\tns/operation\t2%\tlower\tquick\t-\t-\ta.cc\n" for row in ROWS))
        (folder / "accepted.tsv").write_text("row\tcommit\tloss_max\treason\n")
        self.history = folder / "history.jsonl"
        for percent in (0, 20):
            (folder / f"plus_{percent}").mkdir()
            (folder / f"plus_{percent}" / "bench_probe").symlink_to(binaries / "bench_probe")
        self.base, self.head = folder / "plus_0", folder / "plus_20"

    def command(self, *arguments):
        return [str(part) for part in (
            self.perf, *arguments, f"--rules={self.rules}", f"--out={self.folder / 'out'}", "--time_identical", "--sample_ms=2",
            f"--comparison={self.folder / 'out' / 'compare.json'}", f"--accepted={self.folder / 'accepted.tsv'}",
            f"--history={self.history}", f"--page={self.folder / 'page' / 'index.html'}", "--limits=", "--summaries=",
            "--unresolved_percent=100")]

    def run(self, *arguments):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def expect(self, what, code, sentence, *arguments):
        got, text = self.run(*arguments)
        if got != code or sentence not in text:
            wrong.append(f"{what}: exit code {got}, not {code}, or no {sentence!r} in\n{text[-600:]}")
        return text

    def samples(self):
        path = self.folder / "out" / "samples.jsonl"
        return path.read_text().splitlines() if path.exists() else []

    def stop_half_way(self, how, *arguments):
        """Once some blocks are measured; its exit code."""
        child = subprocess.Popen(self.command("compare", self.base, self.head, *arguments), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        before = len(self.samples()) if "--resume" in arguments else 0
        end = time.monotonic() + 60
        while sum('"block"' in line for line in self.samples()) < before + 4 and time.monotonic() < end:
            time.sleep(0.01)
        child.send_signal(how)
        return child.wait()


def expect(condition, what):
    if not condition:
        wrong.append(what)


def check_input(lab):
    lab.expect("no command", 1, "usage")
    lab.expect("one folder", 1, "two folders", "compare", lab.base)
    lab.expect("a missing binary", 1, "build the target bench_probe first", "compare", lab.folder / "none", lab.head)
    lab.expect("an unknown set", 1, "there is no set", "compare", lab.base, lab.head, "--set=some")
    lab.expect("no row is left", 1, "no row is left", "compare", lab.base, lab.head, "--rows=nothing_like_it")
    lab.expect("too few pairs", 1, "--pairs is 10 at least", "compare", lab.base, lab.head, "--pairs=9")
    lab.expect("gate without a comparison", 1, "compare.json", "gate")
    good = lab.rules.read_text()
    lab.rules.write_text(good.replace("probe/chase", "probe/nobody_knows"))
    lab.expect("a row that no program has", 1, "probe/nobody_knows", "compare", lab.base, lab.head, "--pairs=10")
    lab.rules.write_text(good)


def check_stop_and_resume(lab):
    expect(lab.stop_half_way(signal.SIGTERM, "--pairs=12") == 130, "SIGTERM does not end it with 130")
    comparison = json.loads((lab.folder / "out" / "compare.json").read_text())
    expect(not comparison["is_complete"] and any(row["base"] for row in comparison["rows"]), "what was measured is not written down")
    lab.expect("the gate of a stopped run", 1, "was stopped", "gate")
    first = lab.samples()
    expect(lab.stop_half_way(signal.SIGKILL, "--pairs=12", "--resume") == -signal.SIGKILL, "SIGKILL does not kill it")
    expect(lab.samples()[:len(first)] == first, "a resumed run changed what was measured before")
    lab.expect("a resumed run", 0, "REGRESSED", "compare", lab.base, lab.head, "--pairs=12", "--resume")
    expect(lab.samples()[:len(first)] == first, "a resumed run changed what was measured before")
    blocks = [(line["row"], line["block"]) for line in map(json.loads, lab.samples()[1:]) if "block" in line]
    expect(len(blocks) == len(set(blocks)) == 6 * len(ROWS), f"{len(blocks)} blocks, {len(set(blocks))} of them different")


def check_minutes(lab):
    """More pairs where there is time for them; a run that goes on keeps to the plan."""
    planned = []
    for flags in ([], ["--resume"]):
        lab.stop_half_way(signal.SIGTERM, "--minutes=2", *flags)
        planned.append(json.loads((lab.folder / "out" / "compare.json").read_text())["pairs_planned"])
    expect(planned[0] > 50, f"with two minutes there are {planned[0]} pairs planned")
    expect(planned[0] == planned[1], f"{planned[0]} pairs were planned, and {planned[1]} by the run that went on")
    (lab.folder / "out" / "samples.jsonl").unlink()


def check_gate(lab):
    # A slow machine may leave one of the three open, but not all.
    lab.expect("the gate at 20 % more work", 2, "REGRESSED", "gate")
    good = lab.rules.read_text()
    lab.rules.write_text(good + good.splitlines()[1].replace("probe/additions", "probe/more") + "\n")
    lab.expect("a missing row", 1, "probe/more: was to be compared and is missing", "gate")
    lab.rules.write_text(good.replace("probe/chase\tbench_probe", "probe/else\tbench_probe"))
    lab.expect("an unknown row", 1, "probe/chase: is not a known row", "gate")
    lab.rules.write_text(good.replace("2%", "a lot"))
    lab.expect("unreadable rules", 1, "paired.tsv:2", "gate")
    lab.rules.write_text(good)
    (lab.folder / "accepted.tsv").write_text("row\tcommit\tloss_max\treason\nprobe/none\t0123456789ab\t5%\tbecause it is so\n")
    lab.expect("an accepted row that is none", 1, "accepted.tsv:2", "gate")
    (lab.folder / "accepted.tsv").write_text("row\tcommit\tloss_max\treason\n")
    failed = lab.folder / "selftest.json"
    failed.write_text("{}")
    lab.expect("an unreadable self-test", 1, "selftest.json", "gate", f"--selftest={failed}")


def check_history(lab):
    lab.expect("no history", 1, "history.jsonl", "history")
    for _ in range(2):
        lab.expect("record", 0, "recorded", "record")
    whole = lab.history.read_bytes()
    lab.expect("history", 0, "2 runs", "history")
    lab.expect("report", 0, "index.html", "report")
    for name in ("github", "bencher", "openmetrics", "otava"):
        lab.expect(f"export {name}", 0, "probe/chase", "export", name)
    lab.expect("export of nothing known", 1, "there is no format", "export", "xml")
    lab.history.write_bytes(whole + whole[:50])
    for command in ("history", "report"):
        lab.expect(f"{command} with an unreadable line", 1, "history.jsonl:3", command)
    expect(lab.history.read_bytes() == whole + whole[:50], "reading changed the history")
    lab.expect("record behind an unreadable line", 0, "recorded", "record")
    expect(lab.history.read_bytes().startswith(whole + whole[:50] + b"\n{"), "recording lost something of the history")
    # Two at a time: both get in.
    lab.history.write_bytes(whole)
    children = [subprocess.Popen(lab.command("record"), stdout=subprocess.DEVNULL) for _ in range(8)]
    expect(all(child.wait() == 0 for child in children), "not all of eight could record")
    lab.expect("history after eight at a time", 0, "10 runs", "history")


def check_counting(lab, binaries):
    """Instructions of a row of bench_stack, their profiles, and the picture of them; where callgrind is."""
    if shutil.which("valgrind") is None or " avx2" not in pathlib.Path("/proc/cpuinfo").read_text(errors="replace"):
        print("check_cli: counting is SKIPPED: no valgrind or no AVX2")
        return
    row = "stack/keepalive/1/batch_1"
    lab.rules.write_text(f"{HEADER}{row}\tbench_stack\tns/operation\t2%\tlower\tquick\t{row}/bound:reflector\t"
                         "keepalive/1/batch_1\ta.cc\n")
    lab.expect("counting", 0, "IDENTICAL (the same instructions)", "compare", binaries, binaries, "--pairs=10", "--callgrind")
    lab.history.unlink()
    lab.expect("the page of it", 0, "index.html", "report")
    page = (lab.folder / "page" / "index.html").read_text(encoding="utf-8")
    expect("HttpServer" in page and "<svg class=\"icicle\"" in page, "the page has no picture of the instructions")


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory(prefix="aether-perf-") as folder:
        binaries = pathlib.Path(sys.argv[1]).resolve()
        lab = Lab(binaries, pathlib.Path(folder))
        os.chdir(folder)
        for check in (check_input, check_minutes, check_stop_and_resume, check_gate, check_history):
            check(lab)
        check_counting(lab, binaries)
    for sentence in wrong:
        print(f"FAILED {sentence}")
    print(f"check_cli: {len(wrong)} failures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
