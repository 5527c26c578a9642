"""What fuzzing alone reaches: source-based coverage of the corpora and of what a run added, by file, with floors."""
import collections
import fnmatch
import json
import os
import shutil
import subprocess

from fuzzing import targets as t

FLOORS = t.ROOT / "fuzz/coverage.tsv"
BUILD = t.ROOT / "build/fuzz-coverage"

Row = collections.namedtuple("Row", "file covered regions floor group")
Rule = collections.namedtuple("Rule", "pattern floor group")


def read_rules(path=FLOORS):
    """The first line whose pattern fits a file is its rule; `file` holds for each, `all` for all of them together."""
    rules = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fields = line.split("#")[0].split()
        if not fields:
            continue
        if len(fields) != 3 or not (fields[1] == "-" or fields[1].isdigit()):
            raise t.Trouble(f"{path}:{number}: a line is PATTERN FLOOR GROUP")
        rules.append(Rule(fields[0], None if fields[1] == "-" else int(fields[1]), fields[2]))
    return rules


def rule_of(rules, file):
    return next((r for r in rules if fnmatch.fnmatchcase(file, r.pattern)), None)


def tool(name):
    found = shutil.which(f"{name}-19") or shutil.which(name)
    if not found:
        raise t.Trouble(f"{name} is not installed; ci/setup installs llvm-19")
    return found


def profile(runner, target):
    """Runs a target's corpus, and what the last run found; the raw profile."""
    raw = BUILD / f"profiles/{target.name}.profraw"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.unlink(missing_ok=True)
    inputs = [t.CORPORA / target.name]
    found = runner.folder(target.name, "work") / "corpus"
    if found.is_dir():
        inputs.append(found)
    with open(raw.with_suffix(".log"), "wb") as log:
        status = subprocess.run([BUILD / f"bin/{target.name}_replay", *inputs], cwd=t.ROOT, stdin=subprocess.DEVNULL,
                                env={**os.environ, "LLVM_PROFILE_FILE": str(raw)}, stdout=log, stderr=log,
                                timeout=1800, check=False).returncode
    if status != 0 or not raw.exists():
        raise t.Trouble(f"{target.name}_replay of the coverage build ended with {status}: {raw.with_suffix('.log')}")
    return raw


def report(runner, chosen, jobs):
    """The rows of all files that the targets are made of, and the text of what is not covered."""
    t.build("fuzz-coverage", [x.name for x in chosen], jobs, kind="replay")
    raws = [profile(runner, x) for x in chosen]
    merged = BUILD / "profiles/all.profdata"
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", "-o", merged, *raws], check=True, capture_output=True)
    binaries = [BUILD / f"bin/{x.name}_replay" for x in chosen]
    arguments = [binaries[0], *[a for b in binaries[1:] for a in ("-object", b)], f"-instr-profile={merged}"]
    done = subprocess.run([tool("llvm-cov"), "export", "-summary-only", *arguments], check=True, capture_output=True)
    rules = read_rules()
    rows = []
    for file in json.loads(done.stdout)["data"][0]["files"]:
        name = os.path.relpath(file["filename"], t.ROOT)
        rule = rule_of(rules, name)
        regions = file["summary"]["regions"]
        if not name.startswith("stack/") or rule is None or regions["count"] == 0:
            continue
        rows.append(Row(name, regions["covered"], regions["count"], rule.floor, rule.group))
    shown = subprocess.run([tool("llvm-cov"), "show", "-show-line-counts", "-show-regions", "-use-color=0", *arguments,
                            *[t.ROOT / r.file for r in rows]], check=True, capture_output=True).stdout
    (BUILD / "uncovered.txt").write_bytes(shown)
    return rows


def percent(row):
    return 100.0 * row.covered / row.regions


def missed(rows):
    """The floors that do not hold: of files, and of groups as a whole."""
    out = []
    groups = collections.defaultdict(lambda: [0, 0])
    rules = {r.group: r.floor for r in read_rules() if r.group.startswith("all:")}
    for row in rows:
        if row.group.startswith("all:"):
            groups[row.group][0] += row.covered
            groups[row.group][1] += row.regions
        elif row.floor is not None and percent(row) < row.floor:
            out.append(f"{row.file}: {percent(row):.1f} % of regions, the floor is {row.floor} %")
    for group, (covered, regions) in sorted(groups.items()):
        if 100.0 * covered / regions < rules[group]:
            out.append(f"{group[4:]}: {100.0 * covered / regions:.1f} % of regions, the floor is {rules[group]} %")
    return out


def unlinked(rows, root=t.ROOT, rules=None):
    """The sources with a floor that are in no target: they would be at 0 %, and are not among the rows."""
    rules = rules if rules is not None else read_rules()
    there = {row.file for row in rows}
    out = []
    for path in sorted((root / "stack").rglob("*.cc")):
        name = str(path.relative_to(root))
        rule = rule_of(rules, name)
        if name not in there and not name.endswith("_test.cc") and rule is not None and rule.floor is not None:
            out.append(f"{name}: in no target")
    return out


def table(rows):
    """Lines for people: every file, and each group as a whole."""
    lines = [f"{'file':<44} {'regions':>8} {'covered':>8} {'':>7}  floor"]
    for row in sorted(rows):
        floor = "" if row.floor is None else f"{row.floor} %" + (" together" if row.group.startswith("all:") else "")
        lines.append(f"{row.file:<44} {row.regions:>8} {row.covered:>8} {percent(row):>6.1f}%  {floor}")
    groups = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        groups[row.group.removeprefix("all:")][0] += row.covered
        groups[row.group.removeprefix("all:")][1] += row.regions
    for group, (covered, regions) in sorted(groups.items()):
        lines.append(f"{'all of ' + group:<44} {regions:>8} {covered:>8} {100.0 * covered / regions:>6.1f}%")
    return lines
