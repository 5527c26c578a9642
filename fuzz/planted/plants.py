"""What ci/planted and ci/mutants share: the table of bugs, the patched copy of the tree, its build, and one fuzz run."""
import csv
import hashlib
import os
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "fuzz" / "planted"
TABLE = FOLDER / "planted.tsv"
SLOTS = 65536
# Targets that are being written; until they exist a bug that only they can find is "target missing".
EXPECTED_TARGETS = {"tcp_passive", "tcp_active", "stack_raw", "stack_api", "two_stacks", "dhcp_client", "dns_resolver",
                    "http_server"}
# sanitizer -> preset.
PRESETS = {"address": "fuzz", "memory": "fuzz-msan"}
PROPERTIES = {f"P{n}" for n in range(1, 17)} | {"ASan", "UBSan", "MSan", "CHECK", "timeout", "oom", "leak"}


# The id in PLANT(ID, ...) and PLANT_WHEN(ID, ...).
USED_ID = re.compile(r"\bPLANT(?:_WHEN)?\((\w+),")


# Processes that stop() ends.
CHILDREN = set()


class Problem(Exception):
    """Something is wrong with the tree, the table or the machine; the text says what."""


def slot_of(name):
    """As planted::SlotOf in plant.h."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return (value ^ value >> 16) % SLOTS


class Bug:
    """A row of planted.tsv."""

    def __init__(self, row):
        self.id = row["id"]
        self.kind = row["class"]
        self.targets = row["targets"].split()
        self.properties = row["properties"].split()
        self.canary = row["canary"] == "yes"
        self.missing = row["missing"] or ""

    @property
    def patch(self):
        return FOLDER / f"{self.id}.patch"

    @property
    def sanitizer(self):
        """Of the build that it is looked for in: `address`, or what the head of its patch says."""
        return header_of(self.patch).get("sanitizer", "address")


def load_table():
    with TABLE.open() as file:
        return [Bug(row) for row in csv.DictReader(file, delimiter="\t")]


def known_targets(root=ROOT):
    return {path.name[: -len("_fuzzer.cc")] for path in root.glob("fuzz/**/*_fuzzer.cc") if "planted" not in path.parts}


def engine_flags_of(target, root=ROOT):
    """-max_len and the like, as ci/fuzz gives them."""
    sys.path.insert(0, str(root / "ci"))
    from fuzzing import targets
    return targets.engine_flags(targets.read_table(root / "fuzz" / "targets.tsv")[target])


def memory_targets(root=ROOT):
    """Those that are built for MemorySanitizer as well."""
    rows = [line.split("#")[0].split() for line in (root / "fuzz/targets.tsv").read_text().splitlines()]
    return {row[0] for row in rows if len(row) == 5 and row[4] == "yes"}


def unit_tests(root=ROOT):
    """The names of the test programs."""
    return {name for path in root.glob("stack/**/CMakeLists.txt") for name in re.findall(r"aether_test\((\w+)", path.read_text())}


def header_of(patch):
    """The `key: value` lines before the first hunk; a line that begins with a space goes on with the last."""
    fields = {}
    key = None
    for line in patch.read_text().splitlines():
        if line.startswith("--- "):
            break
        found = re.match(r"([a-z]+): (.*)", line)
        if found:
            key = found[1]
            fields[key] = found[2]
        elif key is not None and line.startswith(" "):
            fields[key] += " " + line.strip()
    return fields


# --- The patched copy ---

def source_files():
    """What a build needs, as it stands in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "CMakeLists.txt",
                             "CMakePresets.json", "stack", "fuzz", "replay", "bench", "ci"],
                            cwd=ROOT, check=True, capture_output=True).stdout
    names = [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]
    return [name for name in names if not name.endswith(".patch") and "__pycache__" not in name]


def apply_patch(patch, tree):
    done = subprocess.run(["patch", "-p1", "--batch", "--no-backup-if-mismatch", "--reject-file=-", "-i", str(patch)],
                          cwd=tree, capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"{patch.name} does not apply:\n{done.stdout}{done.stderr}")


def fill_tree(tree, bugs, edit=None):
    """Makes `tree` a copy of the sources with the patches of `bugs`; what did not change keeps its time, so that little is
    built again. `edit(tree)` may change more."""
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="tree-") as temporary:
        fresh = pathlib.Path(temporary)
        names = source_files()
        for name in names:
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, fresh / name)
        apply_patch(FOLDER / "harness.patch", fresh)
        for bug in bugs:
            apply_patch(bug.patch, fresh)
        if edit is not None:
            edit(fresh)
        for name in names:
            content = (fresh / name).read_bytes()
            to = tree / name
            if to.is_file() and to.read_bytes() == content:
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(content)
            shutil.copymode(fresh / name, to)
        wanted = set(names)
        for path in [path for path in tree.rglob("*") if path.is_file()]:
            if str(path.relative_to(tree)) not in wanted:
                path.unlink()


def configure(tree, build, preset="fuzz"):
    command = ["cmake", "--preset", preset, "-B", str(build),
               f"-DCMAKE_CXX_FLAGS=-include {tree}/fuzz/planted/plant.h -std=c++23 -w"]
    if preset in PRESETS.values():
        command.append("-DAETHER_PLANTED=ON")
    if shutil.which("ccache"):
        command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    run_quietly(command, tree)


def run_quietly(command, folder):
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, start_new_session=True)
    CHILDREN.add(child.pid)
    try:
        output, _ = child.communicate()
    finally:
        CHILDREN.discard(child.pid)
    if child.returncode != 0:
        raise Problem(f"{' '.join(command)}:\n" + "\n".join(output.splitlines()[-60:]))


def compile_targets(build, names, jobs):
    if names:
        run_quietly(["ninja", "-C", str(build), f"-j{jobs}", *names], build)


# --- Running ---

# See Progress in wrapper.cc.
PROGRESS = struct.Struct("7Q")


class Progress:
    def __init__(self, path):
        fields = PROGRESS.unpack(path.read_bytes()) if path.exists() else (0,) * 7
        self.executions, cpu_us, self.reached, reached_us, self.triggered, triggered_us, self.passed_over = fields
        self.reached_s = reached_us / 1e6
        self.triggered_s = triggered_us / 1e6


def verdict_of(output):
    """Which property, or what else, the end of a failed run names."""
    found = re.search(r"property (P\d+) does not hold", output)
    if found:
        return found[1]
    if "planted: an execution does not end" in output or "libFuzzer: timeout" in output:
        return "timeout"
    if "libFuzzer: out-of-memory" in output or "allocation-size-too-big" in output:
        return "oom"
    if "detected memory leaks" in output:
        return "leak"
    if "AddressSanitizer" in output and "deadly signal" not in output:
        return "ASan"
    if "MemorySanitizer" in output:
        return "MSan"
    if ": check failed: " in output:
        return "CHECK"
    if "runtime error:" in output:
        return "UBSan"
    if re.search(r"\[  FAILED  \]", output):
        return "P16" if "P16" in output else "test"
    return "crash"


def base_environment(bug_id=None):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AETHER_PLANTED")}
    # A symbolizer costs more than most finds.
    environment["ASAN_OPTIONS"] = "symbolize=0:abort_on_error=0:detect_leaks=1"
    environment["UBSAN_OPTIONS"] = "symbolize=0:print_stacktrace=0"
    environment["MSAN_OPTIONS"] = "symbolize=0:abort_on_error=0:poison_in_dtor=1"
    if bug_id:
        environment["AETHER_PLANTED"] = bug_id
    return environment


class Finished:
    def __init__(self, returncode, output, cpu_s):
        self.returncode = returncode
        self.output = output
        self.cpu_s = cpu_s


def run_child(command, environment, folder, cpu_limit_s, wall_limit_s):
    """Runs one process; cpu_s is its own user and system time."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        CHILDREN.add(child.pid)
        try:
            resource.prlimit(child.pid, resource.RLIMIT_CPU, (cpu_limit_s, cpu_limit_s + 2))
        except ProcessLookupError:
            pass
        deadline = time.monotonic() + wall_limit_s
        pause = 0.01
        try:
            while True:
                pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                if pid != 0:
                    break
                if time.monotonic() > deadline:
                    os.killpg(child.pid, signal.SIGKILL)
                    pid, status, usage = os.wait4(child.pid, 0)
                    break
                time.sleep(pause)
                pause = min(pause * 1.3, 0.2)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            os.wait4(child.pid, 0)
            raise
        finally:
            CHILDREN.discard(child.pid)
            child.returncode = 0  # it is waited for
        out.seek(0, os.SEEK_END)
        out.seek(max(0, out.tell() - 200_000))
        output = out.read().decode(errors="replace")
    return Finished(os.waitstatus_to_exitcode(status), output, usage.ru_utime + usage.ru_stime)


def dictionary_of(target):
    path = ROOT / "fuzz" / "dictionaries" / f"{target}.dict"
    return [f"-dict={path}"] if path.exists() else []


def corpus_of(target):
    folder = ROOT / "corpora" / "fuzz" / target
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def digest(paths):
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def report_corpus(binary, files, work):
    """For each file the slots that it reaches and those that it triggers, with no bug active."""
    seen = {}
    environment = base_environment() | {"AETHER_PLANTED_REPORT": "1"}
    for start in range(0, len(files), 200):
        some = files[start:start + 200]
        with tempfile.TemporaryFile() as out:
            done = subprocess.run([str(binary), *map(str, some)], env=environment, cwd=work, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=out)
            out.seek(0)
            text = out.read().decode(errors="replace")
        if done.returncode != 0:
            raise Problem(f"{binary.name} fails on its own corpus with no bug active:\n{text[-3000:]}")
        name = None
        for line in text.splitlines():
            if line.startswith("Running: "):
                name = line[len("Running: "):]
            elif line.startswith("planted: report") and name is not None:
                pairs = [item.split(":") for item in line.split()[2:]]
                seen[name] = ({int(slot) for slot, _ in pairs}, {int(slot) for slot, mark in pairs if mark == "T"})
                name = None
    missing = [str(path) for path in files if str(path) not in seen]
    if missing:
        raise Problem(f"{binary.name}: no report about {missing[0]}")
    return seen


def fuzz_once(binary, target, bug_id, seed, seconds, corpus, work, ablation=False, broken=False, stall_s=3):
    """One run of libFuzzer of at most `seconds` of processor time; (Finished, Progress, artifact or None)."""
    work.mkdir(parents=True, exist_ok=True)
    for old in work.glob("found-*"):
        old.unlink()
    state = work / "state"
    state.unlink(missing_ok=True)
    (work / "new").mkdir(exist_ok=True)
    environment = base_environment(bug_id) | {
        "AETHER_PLANTED_STATE": str(state),
        "AETHER_PLANTED_SECONDS": str(max(1, round(seconds))),
        "AETHER_PLANTED_STALL": str(stall_s),
    }
    if ablation:
        environment["AETHER_PLANTED_ABLATION"] = "1"
    if broken:
        environment["AETHER_PLANTED_BROKEN"] = "1"
    command = [str(binary), f"-seed={seed}", "-timeout=300", "-rss_limit_mb=2560", f"-artifact_prefix={work}/found-",
               "-reload=0", "-print_final_stats=0", "-verbosity=0", *engine_flags_of(target), *dictionary_of(target), str(work / "new"), str(corpus)]
    done = run_child(command, environment, work, round(seconds) + 30, seconds * 20 + 60)
    found = sorted(work.glob("found-*"))
    return done, Progress(state), (found[0] if found else None)


def replay(binary, artifact, bug_id, work, stall_s=3, ablation=False):
    """(failed, verdict) of one input on the build with this bug, or none, active."""
    environment = base_environment(bug_id) | {"AETHER_PLANTED_STALL": str(stall_s)}
    if ablation:
        environment["AETHER_PLANTED_ABLATION"] = "1"
    done = run_child([str(binary), "-timeout=300", "-rss_limit_mb=2560", str(artifact)], environment, work, 60, 600)
    return done.returncode != 0, verdict_of(done.output) if done.returncode != 0 else None


def stop(*_):
    """A signal handler: what was started here ends with us."""
    for pid in list(CHILDREN):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    os._exit(130)
