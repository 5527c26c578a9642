"""One run of one target: libFuzzer on a copy of its corpus, its figures, and what it costs in CPU time."""
import dataclasses
import math
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from fuzzing import targets as t

# An input that takes longer is a finding. The machine may stall for seconds, so it is not less.
INPUT_SECONDS_MAX = 25
RSS_MB_MAX = 2560
# Shorter runs say nothing of speed.
FLOOR_CPU_SECONDS_MIN = 2.0


@dataclasses.dataclass
class Outcome:
    """What a run came to."""
    target: t.Target
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    execs: int = 0
    execs_per_second: float = 0.0  # of CPU time, after the corpus was read
    is_measured: bool = False
    cov: int = 0
    features: int = 0
    corpus_files: int = 0
    corpus_bytes: int = 0
    status: int = 0
    command: str = ""
    findings: list = dataclasses.field(default_factory=list)
    trouble: str = ""

    @property
    def is_short(self):
        return self.trouble.startswith("only ")

    @property
    def is_slow(self):
        return self.is_measured and self.execs_per_second < self.target.floor


class Runner:
    """Runs targets; stops what runs when it is told to."""

    def __init__(self, build, seed):
        self.build = build
        self.seed = seed
        self.running = set()
        self.lock = threading.Lock()
        self.is_stopped = False

    def stop(self):
        with self.lock:
            self.is_stopped = True
            for process in self.running:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def binary(self, name):
        return self.build / f"bin/{name}_fuzzer"

    def folder(self, name, kind):
        return self.build / kind / name

    def environment(self, is_for_report=False):
        env = {k: v for k, v in os.environ.items() if not re.match(r"(?:A|L|M|UB)SAN_", k)}
        symbolizer = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
        path = f":external_symbolizer_path={symbolizer}" if symbolizer else ""
        # Freed memory waits for some thousand executions: a stale pointer is used within one, or not at all. Short
        # stacks of allocations; a report is made by a run of its own, with long ones.
        context = "" if is_for_report else ":quarantine_size_mb=16:malloc_context_size=2"
        # The sanitizer watches the process's memory, not a thread of libFuzzer's: see the suppression in fuzz/target.cc.
        limit = f":hard_rss_limit_mb={RSS_MB_MAX}"
        if is_for_report:
            # Who allocated what: see fuzz/stateful/arena.h.
            env["AETHER_FUZZ_MALLOC"] = "1"
        env["ASAN_OPTIONS"] = "detect_leaks=1" + limit + context + path
        env["UBSAN_OPTIONS"] = "print_stacktrace=1" + path
        env["MSAN_OPTIONS"] = "poison_in_dtor=1" + path
        return env

    def run(self, command, log, seconds_max, ask_after=None, is_for_report=False):
        """Runs a command in a group of its own; its status, seconds, and CPU seconds of it alone.

        `ask_after` seconds it is asked to end (libFuzzer takes whole seconds only, and one more).
        """
        begin = time.monotonic()
        with open(log, "wb") as out:
            with self.lock:
                if self.is_stopped:
                    return 130, 0.0, 0.0
                process = subprocess.Popen([str(c) for c in command], cwd=t.ROOT, env=self.environment(is_for_report),
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                           start_new_session=True)
                self.running.add(process)
            timers = [threading.Timer(seconds_max, lambda: os.killpg(process.pid, signal.SIGKILL))]
            if ask_after is not None:
                timers.append(threading.Timer(ask_after, lambda: os.kill(process.pid, signal.SIGUSR1)))
            for timer in timers:
                timer.start()
            try:
                # It stays a zombie until nobody can send it a signal any more.
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                for timer in timers:
                    timer.cancel()
                    timer.join()
                _, status, usage = os.wait4(process.pid, 0)
            finally:
                with self.lock:
                    self.running.discard(process)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, time.monotonic() - begin, usage.ru_utime + usage.ru_stime

    def command(self, target, corpus, extra):
        command = [self.binary(target.name), corpus, f"-seed={self.seed}", f"-timeout={INPUT_SECONDS_MAX}",
                   "-rss_limit_mb=0", *t.engine_flags(target), "-print_final_stats=1", "-reload=0",
                   f"-artifact_prefix={self.folder(target.name, 'findings')}/", *extra]
        dictionary = t.DICTIONARIES / f"{target.name}.dict"
        if dictionary.exists():
            command.insert(2, f"-dict={dictionary}")
        return command

    def prepare(self, target, is_again=False):
        """A work folder with a fresh copy of the corpus, or that of the last run, and one for findings."""
        work = self.folder(target.name, "work")
        if is_again:
            return work
        shutil.rmtree(work, ignore_errors=True)
        corpus = work / "corpus"
        corpus.mkdir(parents=True)
        committed = t.CORPORA / target.name
        if committed.is_dir():
            for file in committed.iterdir():
                if file.is_file():
                    shutil.copy(file, corpus / file.name)
        self.folder(target.name, "findings").mkdir(parents=True, exist_ok=True)
        return work

    def steady_limit(self, target, work, seconds):
        """So many executions. The engine gets the corpus as a list in order: a folder has another order elsewhere."""
        files = sorted((work / "corpus").iterdir())
        listed = work / "seeds"
        listed.write_text(",".join(str(p) for p in files))
        out = work / "steady"
        out.mkdir()
        runs = len(files) + max(1, int(seconds * t.STEADY_RATE[target.kind]))
        return out, [f"-seed_inputs=@{listed}", f"-runs={runs}"]

    def fuzz(self, target, seconds, is_measured, is_again=False, is_steady=False):
        """`seconds` of fuzzing, or with 0 the corpus alone."""
        work = self.prepare(target, is_again)
        findings = self.folder(target.name, "findings")
        before = set(findings.iterdir())
        outcome = Outcome(target)
        start_execs, start_cpu = 0, 0.0
        if is_measured:
            # What starting and reading the corpus costs is no part of the speed.
            status, _, start_cpu = self.run(self.command(target, work / "corpus", ["-runs=0"]), work / "start.log", 600)
            start_execs = figures((work / "start.log").read_text(errors="replace")).get("execs", 0)
            outcome.status = status
        if outcome.status == 0:
            folder, limit = work / "corpus", [f"-max_total_time={math.ceil(seconds)}"] if seconds else ["-runs=0"]
            if is_steady and seconds:
                folder, limit = self.steady_limit(target, work, seconds)
            command = self.command(target, folder, limit)
            if is_steady and seconds:
                # What libFuzzer mutates depends on where memory is.
                command = ["setarch", "-R", *command]
            outcome.command = " ".join(str(c) for c in command)
            outcome.status, outcome.seconds, outcome.cpu_seconds = self.run(command, work / "run.log",
                                                                            seconds + 600,
                                                                            None if is_steady else seconds or None)
            read = figures((work / "run.log").read_text(errors="replace"))
            outcome.execs = read.get("execs", 0)
            outcome.cov, outcome.features = read.get("cov", 0), read.get("ft", 0)
        cpu = outcome.cpu_seconds - start_cpu
        if cpu > 0:
            outcome.execs_per_second = (outcome.execs - start_execs) / cpu
        outcome.is_measured = is_measured and outcome.status == 0
        if outcome.is_measured and cpu < FLOOR_CPU_SECONDS_MIN:
            outcome.trouble = f"only {cpu:.1f} CPU seconds: too few to measure speed"
        corpus = list((work / "corpus").iterdir())
        outcome.corpus_files, outcome.corpus_bytes = len(corpus), sum(p.stat().st_size for p in corpus)
        new = sorted(p for p in set(findings.iterdir()) - before if p.suffix != ".md" and p.suffix != ".pcap")
        outcome.findings = [p for p in new if not p.name.startswith("slow-unit-")]
        if outcome.status != 0 and not outcome.findings and not self.is_stopped:
            outcome.trouble = outcome.trouble or f"exit code {outcome.status} without an artifact"
        return outcome


def figures(log):
    """What libFuzzer says of a run."""
    out = {}
    found = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log)
    if found:
        out["execs"] = int(found[-1])
    for line in re.findall(r"^#\d+\s.*\bcov: .*$", log, re.M):
        for key in ("cov", "ft"):
            value = re.search(rf"\b{key}: (\d+)", line)
            if value:
                out[key] = int(value.group(1))
    return out


def shares(chosen, seconds, jobs):
    """Seconds for each target by the weight of its kind, so that all of it takes `seconds` with `jobs` at a time."""
    weights = {x.name: t.KINDS[x.kind][1] for x in chosen}
    return {n: min(seconds, max(0.5, seconds * jobs * w / sum(weights.values()))) for n, w in weights.items()}
