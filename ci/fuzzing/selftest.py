"""Whether ci/fuzz can fail: faults planted in toy targets, floors that nothing reaches, tables with mistakes."""
import pathlib
import shutil
import subprocess
import tempfile

from fuzzing import coverage, findings, running
from fuzzing import targets as t

# A fault of each kind, behind one comparison that libFuzzer solves.
SOURCE = """
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || data[0] != 'B' || data[1] != '!') return 0;
#if FAULT == 1
  std::fprintf(stderr, "toy.cc:10: property P9 does not hold: a == b\\n");
  std::abort();
#elif FAULT == 2
  volatile size_t at = size;
  const auto copy = std::make_unique<uint8_t[]>(size);
  return copy[at] == 77;
#elif FAULT == 3
  volatile int most = 0x7fffffff;
  return most + 1 == 5;
#elif FAULT == 4
  static void* volatile lost;
  for (int i = 0; i < 10; ++i) lost = std::malloc(64);
  lost = nullptr;
#elif FAULT == 6
  volatile uint8_t written[2];
  written[0] = data[0];
  if (written[1] == 7) std::puts("7");
#elif FAULT == 5
  for (volatile bool turns = true; turns;) {
  }
#endif
  return 0;
}
"""
FAULTS = {1: "property P9 does not hold", 2: "heap-buffer-overflow", 3: "runtime error: signed integer overflow",
          4: "LeakSanitizer", 5: "timeout"}


class Failures:
    def __init__(self):
        self.count = 0

    def expect(self, holds, what):
        print(f"{'ok  ' if holds else 'FAIL'}  {what}", flush=True)
        self.count += not holds


def toy(build, name, fault):
    """A target with a fault in it, as our build would make it."""
    source = build / f"{name}.cc"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(SOURCE)
    (build / "bin").mkdir(exist_ok=True)
    subprocess.run(["clang++-19", "-O1", "-g1", f"-DFAULT={fault}", "-fsanitize=fuzzer,address,undefined",
                    "-fno-sanitize-recover=all", source, "-o", build / f"bin/{name}_fuzzer"], check=True)


def check_findings(build, failures):
    """Each fault is found and reported; without one nothing is."""
    runner = running.Runner(build, seed=1)
    running.INPUT_SECONDS_MAX = 3
    for fault, what in FAULTS.items():
        name = f"toy{fault}"
        toy(build, name, fault)
        target = t.Target(name, "parser", 1, 64, False)
        outcome = runner.fuzz(target, 20, False)
        head = ""
        if outcome.findings:
            head, path = findings.report(runner, outcome, outcome.findings[0])
            text = path.read_text()
            failures.expect("repeats: yes" in text and f"{name}_fuzzer" in text, f"{name}: the report says how to repeat it")
        failures.expect(what in head, f"{name}: {head[:90] or 'not found'}")
    toy(build, "toy0", 0)
    target = t.Target("toy0", "parser", 10 ** 9, 64, False)
    # Little is enough here, and a machine with other work gives no more.
    running.FLOOR_CPU_SECONDS_MIN = 0.3
    outcome = runner.fuzz(target, 5, True)
    failures.expect(not outcome.findings and not outcome.trouble, "toy0: nothing is found where nothing is")
    failures.expect(outcome.is_slow, f"toy0: {outcome.execs_per_second:,.0f}/s is below a floor of 1,000,000,000")
    outcome.target = target._replace(floor=1000)
    failures.expect(not outcome.is_slow, "toy0: and above one of 1,000")
    running.FLOOR_CPU_SECONDS_MIN = 60
    outcome = runner.fuzz(target, 1, True)
    failures.expect("too few" in outcome.trouble, "toy0: a second says nothing of speed")
    (build / "bin/toy0_fuzzer").write_text("#!/bin/sh\nexit 3\n")
    failures.expect("without an artifact" in runner.fuzz(target, 1, False).trouble, "a target that does not start")


def check_memory(build, failures):
    """A replay under MemorySanitizer sees what was read without having been written."""
    build.mkdir(exist_ok=True)
    (build / "toy6.cc").write_text(SOURCE)
    (build / "input").write_bytes(b"B!")
    for fault, seen in ((6, True), (0, False)):
        subprocess.run(["clang++-19", "-std=c++23", "-O1", "-g1", f"-DFAULT={fault}", f"-I{t.ROOT}", "-fsanitize=memory",
                        "-D_GLIBCXX_EXTERN_TEMPLATE=0", build / "toy6.cc", t.ROOT / "fuzz/replay_main.cc",
                        t.ROOT / "fuzz/target.cc", "-o", build / "toy6_replay"], check=True)
        done = subprocess.run([build / "toy6_replay", build / "input"], capture_output=True, check=False)
        found = done.returncode != 0 and b"use-of-uninitialized-value" in done.stderr
        failures.expect(found == seen, f"msan: a byte that nobody wrote {'is' if seen else 'is not'} there")


def refused(text, folder):
    path = folder / "targets.tsv"
    path.write_text(text)
    try:
        t.read_table(path)
    except t.Trouble:
        return True
    return False


def check_table(folder, failures):
    failures.expect(not refused("a\tparser\t100000\t64\tyes\n", folder), "table: a good line")
    for what, text in (("a field is missing", "a\tparser\t100000\t64\n"), ("an unknown kind", "a\tlexer\t1\t64\tyes\n"),
                       ("a floor in words", "a\tparser\tfast\t64\tyes\n"),
                       ("a name twice", "a\tparser\t1\t64\tyes\n" * 2)):
        failures.expect(refused(text, folder), f"table: {what}")
    root = folder / "root"
    (root / "fuzz").mkdir(parents=True)
    (root / "fuzz/targets.tsv").write_text("")
    (root / "fuzz/CMakeLists.txt").write_text("aether_fuzzer(new DEPS x)\n")
    (root / "fuzz/new_fuzzer.cc").write_text("")
    failures.expect(any("not in fuzz/targets.tsv" in w for w in t.check_table({}, root)), "table: a target that is not in it")
    table = {"new": t.Target("new", "parser", 100000, 64, True), "gone": t.Target("gone", "parser", 100000, 64, True)}
    wrong = t.check_table(table, root)
    failures.expect(any("gone: in" in w for w in wrong), "table: a line without a target")
    failures.expect(any("no corpus" in w for w in wrong), "table: a target without a corpus")
    table = {"new": t.Target("new", "parser", 5, 64, True)}
    failures.expect(any("below its kind's" in w for w in t.check_table(table, root)), "table: a lower floor without a reason")


def check_coverage(failures):
    rows = [coverage.Row("stack/wire/x.h", 94, 100, 95, "parsers"), coverage.Row("stack/tcp/a.cc", 80, 100, 90, "all:tcp"),
            coverage.Row("stack/tcp/b.cc", 99, 100, 90, "all:tcp")]
    wrong = coverage.missed(rows)
    failures.expect(len(wrong) == 2, "coverage: a file and a group below their floors")
    rows = [coverage.Row("stack/wire/x.h", 95, 100, 95, "parsers"), coverage.Row("stack/tcp/a.cc", 82, 100, 90, "all:tcp"),
            coverage.Row("stack/tcp/b.cc", 98, 100, 90, "all:tcp")]
    failures.expect(not coverage.missed(rows), "coverage: all of a group is what counts, and a floor that is met")
    failures.expect("stack/wire/dns.cc: in no target" in coverage.unlinked(rows), "coverage: a file that no target has")


def check_changes(failures):
    """Which targets a change touches, in the real build."""
    names = ["arp", "dhcp", "spsc_ring"]
    t.build("fuzz", names, 2)
    for files, wanted in ((["stack/wire/dhcp.cc"], ["dhcp"]), (["stack/wire/arp.h"], ["arp"]), (["README.md"], []),
                          (["stack/base/spsc_ring.h"], ["spsc_ring"]), (["corpora/fuzz/arp/x"], ["arp"]),
                          (["fuzz/dictionaries/dhcp.dict"], ["dhcp"]), (["fuzz/target.cc"], names),
                          (["fuzz/CMakeLists.txt"], names)):
        found = t.touched(names, files)
        failures.expect(found == wanted, f"changed: {files[0]} touches {' '.join(found) or 'none'}")


def run():
    failures = Failures()
    with tempfile.TemporaryDirectory(prefix="aether-fuzz-", dir=t.ROOT / "build") as name:
        folder = pathlib.Path(name)
        check_table(folder, failures)
        check_coverage(failures)
        check_changes(failures)
        check_findings(folder / "toys", failures)
        check_memory(folder / "toys", failures)
        shutil.rmtree(folder / "toys", ignore_errors=True)
    print(f"ci/fuzz: self-test {'passed' if failures.count == 0 else f'FAILED: {failures.count}'}")
    return 1 if failures.count else 0
