"""The targets: the table of them, their build, and which of them a change touches."""
import collections
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "fuzz/targets.tsv"
CORPORA = ROOT / "corpora/fuzz"
DICTIONARIES = ROOT / "fuzz/dictionaries"
BUILD = ROOT / "build/fuzz"

# kind -> (floor in execs/s, share of a run's time)
KINDS = {"parser": (100000, 1), "component": (20000, 1), "stack": (20000, 3), "two": (5000, 3)}

# Executions a second of a --steady run: what a slow machine does.
STEADY_RATE = {"parser": 80000, "component": 20000, "stack": 5000, "two": 2500}

Target = collections.namedtuple("Target", "name kind floor max_len msan")


def engine_flags(target):
    """What libFuzzer is told of a target's inputs. Its weights by how rare a feature is cost more than an execution
    where each has a thousand features, as those of whole stacks have."""
    return [f"-max_len={target.max_len}", *(["-entropic=0"] if target.kind in ("stack", "two") else [])]


class Trouble(Exception):
    """The world is wrong; the text says what to do."""


def read_table(path=TABLE):
    """The targets by name, in the order of the table."""
    targets = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].rstrip()
        if not line:
            continue
        fields = line.split("\t")
        where = f"{path}:{number}"
        if len(fields) != 5:
            raise Trouble(f"{where}: {len(fields)} fields instead of name, kind, floor, max_len, msan")
        name, kind, floor, max_len, msan = fields
        if kind not in KINDS:
            raise Trouble(f"{where}: '{kind}' is none of {', '.join(KINDS)}")
        if not floor.isdigit() or not max_len.isdigit() or int(max_len) == 0 or msan not in ("yes", "no"):
            raise Trouble(f"{where}: floor and max_len are numbers, msan is yes or no")
        if name in targets:
            raise Trouble(f"{where}: {name} is there twice")
        targets[name] = Target(name, kind, int(floor), int(max_len), msan == "yes")
    return targets


def check_table(targets, root=ROOT):
    """What does not fit between the table, the sources, the build and the corpora; a line for each."""
    sources = {p.name[:-len("_fuzzer.cc")] for p in (root / "fuzz").glob("*_fuzzer.cc")}
    # Targets whose source stands in another folder are known by the build only.
    built = set(re.findall(r"^\s*aether_fuzzer\((\w+)", "\n".join(
        p.read_text() for p in (root / "fuzz").rglob("CMakeLists.txt")), re.M))
    wrong = [f"{n}: a target that is not in fuzz/targets.tsv" for n in sorted((sources | built) - set(targets))]
    wrong += [f"{n}: in fuzz/targets.tsv, but no target" for n in sorted(set(targets) - (sources | built))]
    wrong += [f"{n}: no CMakeLists.txt in fuzz/ builds it" for n in sorted(sources - built)]
    for name in sorted(set(targets) & built):
        folder = root / "corpora/fuzz" / name
        files = [p for p in folder.glob("*") if p.is_file()]
        if not files:
            wrong.append(f"{name}: no corpus in corpora/fuzz/{name}")
        size = sum(p.stat().st_size for p in files)
        if len(files) > 300 or size > 1 << 20:
            wrong.append(f"{name}: its corpus has {len(files)} files and {size} bytes; 300 and 1 MB are the most")
    for target in targets.values():
        if target.floor < KINDS[target.kind][0] and not has_reason(root / "fuzz/targets.tsv", target.name):
            wrong.append(f"{target.name}: a floor below its kind's, and no remark that says why")
    return wrong


def has_reason(path, name):
    return re.search(rf"^{name}\t[^#\n]*#\s*\S+", path.read_text(), re.M) is not None


def environment():
    """Of a build: objects are shared with other builds when ccache is there."""
    env = dict(os.environ)
    if any((pathlib.Path(p) / "ccache").exists() for p in env.get("PATH", "").split(":")):
        env.setdefault("CMAKE_CXX_COMPILER_LAUNCHER", "ccache")
    return env


def build(preset, names, jobs, kind="fuzzer"):
    """Builds `<name>_<kind>` of the names with the preset; the output stays in a log unless it fails."""
    log = ROOT / f"build/logs/ci_fuzz_{preset}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    goals = [f"{n}_{kind}" for n in names]
    with open(log, "w", encoding="utf-8") as out:
        for command in (["cmake", "--preset", preset],
                        ["cmake", "--build", f"build/{preset}", "-j", str(jobs), "--target", *goals]):
            status = subprocess.run(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, check=False).returncode
            if status != 0:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
                raise Trouble(f"building preset {preset} failed:\n{tail}")
    # An optional tool, which shows an input in words.
    subprocess.run(["cmake", "--build", f"build/{preset}", "-j", str(jobs), "--target", "fuzz-decode"], cwd=ROOT,
                   env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.split("\0")


def changed_files(ref):
    """What differs from `ref` in the tree as it is, with what git does not know yet."""
    files = set(git("diff", "--name-only", "-z", ref, "--"))
    files |= set(git("ls-files", "--others", "--exclude-standard", "-z"))
    return sorted(files - {""})


# A change to these may change any target.
OF_ALL = re.compile(r"CMakePresets\.json|(.*/)?CMakeLists\.txt|ci/cmake/.*|ci/packages|ci/fuzz|ci/fuzzing/.*|fuzz/targets\.tsv")
OF_ONE = re.compile(r"(?:corpora/fuzz/(\w+)/.*|fuzz/dictionaries/(\w+)\.dict)")


def object_sources(preset_build):
    """object -> the files of the tree that it was compiled from, headers too; from what ninja has recorded."""
    done = subprocess.run(["ninja", "-C", str(preset_build), "-t", "deps"], capture_output=True, text=True, check=True)
    sources, current = {}, None
    for line in done.stdout.splitlines():
        if line and not line[0].isspace():
            current = sources.setdefault(line.split(":")[0], set())
        elif line.strip() and current is not None:
            path = os.path.normpath(os.path.join(preset_build, line.strip()))
            if path.startswith(str(ROOT) + os.sep):
                current.add(os.path.relpath(path, ROOT))
    return sources


def linked_objects(preset_build, name):
    """The objects of our build that are in a target, by its link map: of a library only what it needs."""
    text = (preset_build / f"bin/{name}_fuzzer.map").read_text(errors="replace")
    found = set(re.findall(r"^LOAD (\S+\.o)$", text, re.M))
    objects = {o for o in found if not os.path.isabs(o)}
    for archive, member in set(re.findall(r"(\S+/lib(\w+)\.a)\(", text)):
        if os.path.isabs(archive):
            continue
        for inside in set(re.findall(re.escape(archive) + r"\(([^)]+)\)", text)):
            objects.add(f"{os.path.dirname(archive)}/CMakeFiles/{member}.dir/{inside}")
    return objects


def touched(names, files, preset_build=BUILD):
    """The targets that a change of these files touches; they have been built."""
    if any(OF_ALL.fullmatch(f) for f in files):
        return list(names)
    sources = object_sources(preset_build)
    data = {n for f in files for m in [OF_ONE.fullmatch(f)] if m for n in m.groups() if n}
    out = []
    for name in names:
        linked = set()
        for item in linked_objects(preset_build, name):
            if item not in sources:
                raise Trouble(f"{name}: the build says nothing of {item}")
            linked |= sources[item]
        if name in data or linked & set(files):
            out.append(name)
    return out
