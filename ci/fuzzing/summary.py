"""The summary of a run, for people and for programs: build/fuzz/summary.{md,json}, and results/fuzz/ when asked."""
import json
import subprocess
import sys
import time

from fuzzing import coverage
from fuzzing import targets as t


def commit():
    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=t.ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
    name = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return name + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")


def as_data(arguments, seed, outcomes, found, rows, failures):
    return {
        "commit": commit(), "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": " ".join(["ci/fuzz", *sys.argv[1:]]), "seconds": arguments.seconds, "jobs": arguments.jobs,
        "seed": seed,
        "targets": {o.target.name: {
            "kind": o.target.kind, "seconds": round(o.seconds, 1), "cpu_seconds": round(o.cpu_seconds, 2),
            "execs": o.execs, "execs_per_cpu_second": round(o.execs_per_second), "floor": o.target.floor,
            "goal": t.KINDS[o.target.kind][0],
            "is_measured": o.is_measured, "cov": o.cov, "features": o.features, "corpus_files": o.corpus_files,
            "corpus_bytes": o.corpus_bytes, "findings": len(o.findings)} for o in outcomes},
        "findings": [{"target": n, "what": h, "report": p} for n, h, p in found],
        "coverage": {r.file: {"regions": r.regions, "covered": r.covered, "percent": round(coverage.percent(r), 1),
                              "floor": r.floor, "group": r.group} for r in sorted(rows)},
        "failures": failures,
    }


def as_text(data):
    lines = ["# Fuzzing", "",
             f"Commit {data['commit']}, {data['date']}: `{data['command']}` (seed {data['seed']}). "
             f"{len(data['findings'])} findings, {len(data['failures'])} failures.", ""]
    if data["targets"]:
        lines += ["Speed is executions per CPU second (user and system) of one process under ASan and UBSan" +
                  (", after the corpus was read." if any(x["is_measured"] for x in data["targets"].values())
                   else ", start and corpus included: floors were not compared."), "",
                  "| target | kind | s | executions | execs/s | floor | goal | edges | corpus | findings |",
                  "|---|---|---|---|---|---|---|---|---|---|"]
        for name, x in data["targets"].items():
            lines.append(f"| {name} | {x['kind']} | {x['seconds']:.0f} | {x['execs']:,} | {x['execs_per_cpu_second']:,} | "
                         f"{x['floor']:,} | {x['goal']:,}{'' if x['execs_per_cpu_second'] >= x['goal'] else ': missed'} | "
                         f"{x['cov']} | {x['corpus_files']} files, {x['corpus_bytes']:,} B | "
                         f"{x['findings']} |")
        lines.append("")
    if data["findings"]:
        lines += ["Findings:", "", *[f"- {x['target']}: {x['what']} (`{x['report']}`)" for x in data["findings"]], ""]
    if data["failures"]:
        lines += ["Floors and runs that failed:", "", *[f"- {x}" for x in data["failures"]], ""]
    if data["coverage"]:
        lines += ["Coverage by fuzzing alone, in regions (llvm-cov):", "", "```",
                  *coverage.table([coverage.Row(f, x["covered"], x["regions"], x["floor"], x["group"])
                                   for f, x in data["coverage"].items()]), "```", ""]
    return "\n".join(lines)


def write(arguments, seed, outcomes, found, rows, failures):
    data = as_data(arguments, seed, outcomes, found, rows, failures)
    folders = [t.BUILD] + ([t.ROOT / "results/fuzz"] if arguments.record else [])
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").write_text(json.dumps(data, indent=1) + "\n")
        (folder / "summary.md").write_text(as_text(data))
