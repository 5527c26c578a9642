"""What an engine may expect of a folder of targets: each check gets the folder and returns what is wrong, line by line.

The folder is what build.sh left in OUT, somewhere else and read-only. Programs run in namespaces of their own: from /,
without environment, with an empty /dev, and with the tree of the project out of sight.
"""
import configparser
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import zipfile

from fuzzing import targets as t

SECONDS_MAX = 120
LIBRARIES = re.compile(r"(?:libc|libm|libdl|libpthread|librt|libresolv|libgcc_s)\.so\.\d+|ld-linux-x86-64\.so\.\d+")
NAME = re.compile(r"[A-Za-z0-9_-]+")
# What is in a binary of each sanitizer, and in no other.
MARKS = {"address": "__asan_init", "memory": "__msan_init", "undefined": "__ubsan_handle_", "coverage": "__llvm_profile_"}
# What a target that fails would leave in the folder it was called from, which is / here.
NO_ARTIFACT = "-artifact_prefix=/dev/"
OPTIONS = {"max_len", "timeout", "rss_limit_mb", "len_control", "only_ascii", "close_fd_mask", "use_value_profile", "entropic"}

# Mounts: nothing on /dev; the project hidden; the folder read-only. Then the program, with nothing inherited.
INSIDE = """
set -e
mount -t tmpfs -o ro,size=4k none /dev
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
if [ -n "$2" ]; then mount -t tmpfs -o ro,size=4k none "$2"; fi
shift 2
cd /
exec env -i "$@"
"""


def execute(folder, command, environment=(), hidden=t.ROOT):
    """Runs a command the way an engine might; its status and output."""
    arguments = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        arguments += ["--map-root-user", "--user"]
    arguments += ["sh", "-c", INSIDE, "sh", str(folder), str(hidden or ""), *environment, *[str(c) for c in command]]
    try:
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return 124, f"longer than {SECONDS_MAX} s"
    return done.returncode, done.stdout.decode(errors="replace")


def is_program(path):
    return path.is_file() and os.access(path, os.X_OK) and path.read_bytes()[:4] == b"\x7fELF"


def programs(folder):
    return sorted(p for p in folder.iterdir() if is_program(p))


def last_lines(text, count=4):
    return " | ".join(line for line in text.strip().splitlines()[-count:])


def check_names(folder, _sanitizer, wanted):
    wrong = [f"{p.name}: a target's name has letters, digits, _ and - only" for p in programs(folder)
             if not NAME.fullmatch(p.name)]
    there = {p.name for p in programs(folder)}
    wrong += [f"{n}: not in OUT" for n in sorted(wanted - there)]
    wrong += [f"{n}: in OUT, and no target of fuzz/targets.tsv" for n in sorted(there - wanted) if NAME.fullmatch(n)]
    known = re.compile(r"(.+?)(?:_seed_corpus\.zip|\.dict|\.options)")
    for path in sorted(folder.iterdir()):
        found = known.fullmatch(path.name)
        if not is_program(path) and not (found and found.group(1) in there):
            wrong.append(f"{path.name}: belongs to no target")
    return wrong


def check_entry(folder, _sanitizer, _wanted):
    return [f"{p.name}: no LLVMFuzzerTestOneInput inside" for p in programs(folder)
            if b"LLVMFuzzerTestOneInput" not in p.read_bytes()]


def check_libraries(folder, _sanitizer, _wanted):
    wrong = []
    for path in programs(folder):
        said = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", said)
        wrong += [f"{path.name}: needs {n}" for n in needed if not LIBRARIES.fullmatch(n)]
        wrong += [f"{path.name}: looks for libraries in {p}" for p in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.+)\]", said)]
    return wrong


def check_sanitizer(folder, sanitizer, _wanted):
    wrong = []
    for path in programs(folder):
        symbols = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        # The runtimes of address and memory have the handlers of undefined in them; what counts is the code.
        calls = {s for s, mark in MARKS.items() if mark in symbols}
        if sanitizer in ("address", "memory"):
            calls.discard("undefined")
        if sanitizer not in calls:
            wrong.append(f"{path.name}: built without {sanitizer}")
        wrong += [f"{path.name}: built with {s} as well as {sanitizer}" for s in sorted(calls - {sanitizer})]
    return wrong


def check_starts(folder, sanitizer, _wanted):
    wrong = []
    for path in programs(folder):
        environment = ["LLVM_PROFILE_FILE=/tmp/none-%p.profraw"] if sanitizer == "coverage" else []
        status, said = execute(folder, [path, "-runs=4", NO_ARTIFACT], environment)
        if status != 0:
            wrong.append(f"{path.name}: -runs=4 from / without environment and /dev ends with {status}: {last_lines(said)}")
    return wrong


def check_corpora(folder, sanitizer, wanted):
    wrong = []
    for name in sorted(wanted & {p.name for p in programs(folder)}):
        archive = folder / f"{name}_seed_corpus.zip"
        if not archive.exists():
            wrong.append(f"{archive.name}: not in OUT")
            continue
        # Not in the tree, which is out of sight; what unpacks may be written to.
        with tempfile.TemporaryDirectory(prefix="aether-seeds-") as seeds:
            try:
                with zipfile.ZipFile(archive) as opened:
                    bad = opened.testzip()
                    if bad:
                        raise zipfile.BadZipFile(bad)
                    opened.extractall(seeds)
            except (zipfile.BadZipFile, EOFError, OSError) as trouble:
                wrong.append(f"{archive.name}: cannot be unpacked: {trouble}")
                continue
            # An empty input is always tried; as a file it is not counted.
            count = sum(1 for p in pathlib.Path(seeds).rglob("*") if p.is_file() and p.stat().st_size > 0)
            profile = pathlib.Path(seeds) / "profile.raw.profraw"
            environment = [f"LLVM_PROFILE_FILE={profile}"] if sanitizer == "coverage" else []
            status, said = execute(folder, [folder / name, "-runs=0", NO_ARTIFACT, seeds], environment)
            read = re.search(r"seed corpus: files: (\d+)", said)
            if status != 0:
                wrong.append(f"{archive.name}: does not replay, {status}: {last_lines(said)}")
            elif count == 0 or not read or int(read.group(1)) != count:
                wrong.append(f"{archive.name}: {count} files, and the target read {read.group(1) if read else 'none'}")
            elif sanitizer == "coverage" and (not profile.exists() or profile.stat().st_size == 0):
                wrong.append(f"{name}: writes no profile")
    return wrong


def check_dictionaries(folder, _sanitizer, _wanted):
    wrong = []
    for path in sorted(folder.glob("*.dict")):
        target = folder / path.stem
        if not is_program(target):
            continue
        status, said = execute(folder, [target, f"-dict={path}", "-runs=0", NO_ARTIFACT])
        entries = re.search(r"Dictionary: (\d+) entries", said)
        if status != 0 or not entries or int(entries.group(1)) == 0:
            wrong.append(f"{path.name}: does not parse: {last_lines(said)}")
    return wrong


def check_options(folder, _sanitizer, _wanted):
    wrong = []
    for path in sorted(folder.glob("*.options")):
        parser = configparser.ConfigParser()
        try:
            parser.read_string(path.read_text())
            items = dict(parser.items("libfuzzer"))
        except (configparser.Error, UnicodeDecodeError) as trouble:
            wrong.append(f"{path.name}: does not parse: {str(trouble).splitlines()[0]}")
            continue
        wrong += [f"{path.name}: '{k} = {v}' is no option of libFuzzer with a number" for k, v in items.items()
                  if k not in OPTIONS or not v.isdigit()]
        target = folder / path.stem
        if not is_program(target):
            continue
        status, said = execute(folder, [target, "-runs=4", NO_ARTIFACT, *[f"-{k}={v}" for k, v in items.items()]])
        if status != 0 or "unrecognized flag" in said:
            wrong.append(f"{path.name}: the target does not take it: {last_lines(said)}")
    return wrong


CHECKS = {"names": check_names, "entry": check_entry, "libraries": check_libraries, "sanitizer": check_sanitizer,
          "starts": check_starts, "corpora": check_corpora, "dictionaries": check_dictionaries, "options": check_options}


def moved(out):
    """OUT at another place, where nobody may write."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aether-out-"))
    for path in out.iterdir():
        shutil.copy2(path, folder / path.name)
    folder.chmod(0o555)
    return folder


def check_all(folder, sanitizer, wanted):
    """name of a check -> what it found wrong."""
    return {name: check(folder, sanitizer, wanted) for name, check in CHECKS.items()}


def check_flags(work, given):
    """That the build added no sanitizer, and no optimisation, to the flags that it was given."""
    pattern = re.compile(r"-fsanitize\S*|-fno-sanitize\S*|-fprofile\S*|-O\S*|-m(?:arch|cpu|tune)\S*")
    allowed = set(pattern.findall(given))
    # Models are not to be explored; coverage of them is taken away, nothing is added.
    allowed.add("-fno-sanitize=fuzzer-no-link")
    wrong = set()
    for entry in json.loads((work / "aether/compile_commands.json").read_text()):
        wrong |= {f"{pathlib.Path(entry['file']).name}: compiled with {f}"
                  for f in set(pattern.findall(entry["command"])) - allowed}
    return sorted(wrong)


def check_files(root):
    """The files of ClusterFuzzLite and OSS-Fuzz, as far as text can tell."""
    wrong = []

    def has(path, *patterns):
        file = root / path
        if not file.is_file():
            wrong.append(f"{path}: not there")
            return
        text = file.read_text()
        if "\t" in text and file.suffix in (".yml", ".yaml"):
            wrong.append(f"{path}: a tab, which YAML does not have")
        wrong.extend(f"{path}: nothing like {p}" for p in patterns if not re.search(p, text, re.M))

    has(".clusterfuzzlite/project.yaml", r"^language: c\+\+$")
    image = r"^FROM gcr\.io/oss-fuzz-base/base-builder"
    has(".clusterfuzzlite/Dockerfile", image, r"^COPY \. \$SRC/aether$", r"^COPY \S*build\.sh \$SRC", r"\$SRC/libpcap")
    has(".clusterfuzzlite/build.sh", r"^#!/bin/bash -eu", r"LIB_FUZZING_ENGINE", r"\$OUT")
    has("ci/oss-fuzz/project.yaml", r"^language: c\+\+$", r"^main_repo: ", r"^primary_contact: ", r"^sanitizers:$", r"- memory")
    has("ci/oss-fuzz/Dockerfile", image, r"git clone .*\$SRC/aether", r"^COPY build\.sh \$SRC", r"\$SRC/libpcap")
    has("ci/oss-fuzz/build.sh", r"^#!/bin/bash -eu", r"\.clusterfuzzlite/build\.sh")
    actions = (r"uses: google/clusterfuzzlite/actions/build_fuzzers@v1", r"uses: google/clusterfuzzlite/actions/run_fuzzers@v1",
               r"language: c\+\+", r"github-token: \$\{\{ secrets\.GITHUB_TOKEN \}\}", r"fuzz-seconds: \d+")
    for name, mode, more in (("pr", "code-change", r"^  pull_request:"), ("batch", "batch", r"- cron: "),
                             ("prune", "prune", r"- cron: "), ("coverage", "coverage", r"sanitizer: coverage")):
        has(f".github/workflows/cflite_{name}.yml", *actions, rf"mode: {mode}$", more)
    return wrong
