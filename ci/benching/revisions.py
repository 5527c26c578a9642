"""Two revisions side by side, for `ci/bench BASE_REV`: both are built in one and the same folder one after the other, so that
nothing of a path gets into what differs, and aether-perf runs what came out in turn.

The folder is a git worktree of its own, build/compare/source, and is removed afterwards. Head is the working tree: the
last commit, and the changes to known files on top of it.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
WORK = TOP / "build" / "compare"
SOURCE = WORK / "source"
BUILD = WORK / "build"
# What a row is timed with is the same on both sides, also where the base is older than fixed counts of iterations.
HARNESS = ["bench/common/suite.h", "bench/common/suite.cc"]
NEEDED_BY_HEAD = ["aether-perf", "bench_probe", "bench_stack", "aether-replay", "aether-sim"]
# Of pairs. Where most rows are of the same machine code the others get more of them in this time.
MINUTES = {"quick": 0, "standard": 14}


class Trouble(Exception):
    """A sentence that says what is wrong."""


def git(*arguments, folder=TOP):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def resolve(revision):
    try:
        return git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    except Trouble as problem:
        raise Trouble(f"{revision} is no revision of this tree (a clone of depth 1 has no other)") from problem


def programs_of(sets):
    """The bench programs that the rows of these sets are of."""
    wanted = set(sets.split(","))
    if "standard" in wanted:
        wanted.add("quick")
    names = set()
    for line in (TOP / "results" / "paired.tsv").read_text(encoding="ascii").splitlines():
        fields = line.split("\t")
        if len(fields) > 5 and fields[5] in wanted:
            names.add(fields[1])
    return sorted(names)


def remove():
    subprocess.run(["git", "worktree", "remove", "--force", SOURCE], cwd=TOP, capture_output=True, check=False)
    shutil.rmtree(SOURCE, ignore_errors=True)
    subprocess.run(["git", "worktree", "prune"], cwd=TOP, capture_output=True, check=False)


class Revisions:
    """`step(label, command, log)` runs a command and says whether it ended well."""

    def __init__(self, step, arguments):
        self.step = step
        self.arguments = arguments
        self.sets = arguments.set + (",live" if arguments.live else "")
        self.programs = programs_of(self.sets)
        self.base, self.head = resolve(arguments.base), resolve("HEAD")
        self.out = TOP / "results" / "bench"

    def check_out(self, commit):
        git("checkout", "--quiet", "--force", "--detach", commit, folder=SOURCE)

    def make_source(self):
        remove()
        SOURCE.parent.mkdir(parents=True, exist_ok=True)
        git("worktree", "add", "--quiet", "--detach", str(SOURCE), self.base)

    def take_harness(self):
        """Head's main program of the benches, where the base has none that takes a number of iterations."""
        if "--iterations=" in (SOURCE / HARNESS[1]).read_text(encoding="utf-8"):
            return
        print(f"the benches of {self.base[:12]} are older than --iterations: they get {' and '.join(HARNESS)} of the head")
        for path in HARNESS:
            shutil.copy(TOP / path, SOURCE / path)

    def take_changes(self):
        changes = git("diff", "--binary", "HEAD")
        if not changes.strip():
            return
        print("changes that are not committed are part of the head")
        done = subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=SOURCE, input=changes, capture_output=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"git apply: {done.stderr.decode(errors='replace').strip()}")

    def build(self, side, targets):
        configure = ["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_COMPILER=g++"]
        if shutil.which("ccache"):
            configure.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        jobs = str(self.arguments.jobs or os.cpu_count() or 1)
        if not self.step(f"{side}: configure", configure, f"{side}_configure"):
            raise Trouble(f"the {side} cannot be configured")
        if not self.step(f"{side}: build", ["cmake", "--build", BUILD, "-j", jobs, "--target", *targets], f"{side}_build"):
            raise Trouble(f"the {side} cannot be built")
        folder = WORK / side
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for target in targets:
            shutil.copy2(BUILD / "bin" / target, folder / target)
        if self.arguments.live:
            self.write_live_program(folder)

    @staticmethod
    def write_live_program(folder):
        """Differs when aether-run does: it is what the identity of the builds is told by."""
        digest = hashlib.sha256((folder / "aether-run").read_bytes()).hexdigest()
        program = folder / "bench_live"
        program.write_text(f"#!/bin/sh\n# aether-run {digest}\nexec '{TOP}/bench/live/one_row' --bin=\"$(dirname \"$0\")\" \"$@\"\n",
                           encoding="utf-8")
        program.chmod(0o755)

    def build_both(self):
        compiled = [name for name in self.programs if name != "bench_live"]
        if self.arguments.live:
            compiled += ["aether-run", "bench_checksum"]
        try:
            self.make_source()
            self.take_harness()
            self.build("base", sorted(set(compiled)))
            self.check_out(self.head)
            self.take_changes()
            self.build("head", sorted(set(compiled) | set(NEEDED_BY_HEAD)))
        finally:
            remove()

    def perf(self, command, *flags):
        return [WORK / "head" / "aether-perf", command, f"--set={self.sets}", f"--out={self.out}", *self.filters(), *flags]

    def filters(self):
        return [f"--rows={self.arguments.rows}"] if self.arguments.rows else []

    def compare(self):
        # Relative, since it stands in what is written down.
        base, head = ((WORK / side).relative_to(TOP) for side in ("base", "head"))
        command = self.perf("compare", base, head, "--callgrind", f"--seed={self.arguments.seed}",
                            f"--pairs={self.arguments.pairs}", f"--minutes={MINUTES[self.arguments.set]}")
        if self.arguments.resume:
            command.append("--resume")
        # In the open, so that progress is seen; a stop reaches it and it writes down what it has.
        child = subprocess.Popen([str(part) for part in command], cwd=TOP, stdin=subprocess.DEVNULL)
        try:
            return child.wait()
        except BaseException:
            # It writes down what it has, and ends.
            child.terminate()
            child.wait()
            raise

    def run(self):
        """The gate's exit code."""
        self.out.mkdir(parents=True, exist_ok=True)
        if not (self.arguments.resume and (WORK / "head" / "aether-perf").is_file()):
            self.build_both()
        measured, selftest = self.out / "limits.tsv", self.out / "selftest.json"
        head = WORK / "head"
        # The gate judges what they find; what found nothing must not be taken for a pass, nor an earlier run's file.
        for path, label, command, log in [
                (selftest, "self-test of the gate",
                 self.perf("selftest", "--quick", "--quiet", f"--probe={head / 'bench_probe'}", f"--selftest={selftest}"), "selftest"),
                (measured, "rows without noise", [TOP / "bench/limits", "--bin", head, "--tsv", measured], "limits")]:
            path.unlink(missing_ok=True)
            if not self.step(label, command, log) and not path.is_file():
                raise Trouble(f"{label}: nothing was measured")
        code = self.compare()
        if code != 0:
            return code
        flags = [f"--comparison={self.out / 'compare.json'}", f"--selftest={selftest}", f"--measured={measured}"]
        if self.arguments.record:
            self.say("record", *flags)
        self.say("report", *flags)
        return self.say("gate", f"--tree={TOP}", *flags)

    def say(self, command, *flags):
        return subprocess.run([str(part) for part in self.perf(command, *flags)], cwd=TOP, check=False).returncode
