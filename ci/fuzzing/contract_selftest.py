"""Whether ci/check_fuzz_contract can fail: a folder that is fine, then copies of it with one rule broken in each."""
import pathlib
import shutil
import tempfile
import zipfile

from fuzzing import contract, image
from fuzzing import targets as t

# The target of the folder; what is broken in it by a definition.
SOURCE = """
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#ifdef FOREIGN
extern "C" const char* zlibVersion();
#endif
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
#ifdef FOREIGN
  if (zlibVersion() == nullptr) return 1;
#endif
#ifdef NEEDS_DEV
  if (std::FILE* f = std::fopen("/dev/null", "r")) std::fclose(f); else std::abort();
#endif
#ifdef NEEDS_ENVIRONMENT
  if (std::getenv("HOME") == nullptr) std::abort();
#endif
#ifdef NEEDS_FOLDER
  if (std::FILE* f = std::fopen("toy_fuzzer.dict", "r")) std::fclose(f); else std::abort();
#endif
#ifdef NEEDS_TREE
  if (std::FILE* f = std::fopen(NEEDS_TREE, "r")) std::fclose(f); else std::abort();
#endif
#ifdef WRITES
  if (std::FILE* f = std::fopen(WRITES, "w")) std::fclose(f); else std::abort();
#endif
#ifdef DISLIKES_SEED
  if (size == 4 && data[0] == 's') std::abort();
#endif
#ifdef OVERFLOWS
  volatile uint32_t big = 0xffffffffu;
  big = big + 1;
#endif
  return size > 3 && data[0] == 'x' ? 1 : 0;
}
"""


def compile_toy(folder, sanitizer, *flags, extra=()):
    """The toy target, as build.sh would make one."""
    env = image.environment(sanitizer, folder)
    source = folder / "toy.cc"
    source.write_text(SOURCE)
    out = folder / "toy_fuzzer"
    command = ["clang++", *env["CXXFLAGS"].split(), *flags, source, "-o", out, *env["LIB_FUZZING_ENGINE"].split(), *extra]
    image.run(command, folder / "toy.log", env=env)
    return out


def fill(folder, program):
    """A folder as build.sh leaves it, with one target."""
    folder.mkdir()
    shutil.copy2(program, folder / "toy_fuzzer")
    with zipfile.ZipFile(folder / "toy_fuzzer_seed_corpus.zip", "w") as archive:
        archive.writestr("one", b"seed")
        archive.writestr("two", b"other")
    (folder / "toy_fuzzer.dict").write_text('word="ab\\x00"\n')
    (folder / "toy_fuzzer.options").write_text("[libfuzzer]\nmax_len = 64\ntimeout = 25\n")
    return folder


def cut(path):
    path.write_bytes(path.read_bytes()[:-30])


def empty_zip(path):
    with zipfile.ZipFile(path, "w"):
        pass


def broken_folders(base, fine):
    """(what is broken, the check that has to see it, sanitizer, folder)"""
    def folder(name, program=fine):
        return fill(base / name.replace(" ", "_").replace("/", ""), program)

    def edited(name, check, edit):
        made = folder(name)
        edit(made)
        return name, check, "address", made

    yield edited("a name with a dot", "names", lambda f: (f / "toy_fuzzer").rename(f / "toy.fuzzer"))
    yield edited("a target that is missing", "names", lambda f: (f / "toy_fuzzer").unlink())
    yield edited("a file that belongs to nothing", "names", lambda f: (f / "notes.txt").write_text("x"))
    yield edited("a program that is no target", "entry", lambda f: shutil.copy2("/bin/true", f / "toy_fuzzer"))
    yield edited("a zip cut short", "corpora", lambda f: cut(f / "toy_fuzzer_seed_corpus.zip"))
    yield edited("a zip with nothing in it", "corpora", lambda f: empty_zip(f / "toy_fuzzer_seed_corpus.zip"))
    yield edited("no seed corpus", "corpora", lambda f: (f / "toy_fuzzer_seed_corpus.zip").unlink())
    yield edited("a dictionary without quotes", "dictionaries", lambda f: (f / "toy_fuzzer.dict").write_text("word=ab\n"))
    yield edited("a dictionary with nothing in it", "dictionaries", lambda f: (f / "toy_fuzzer.dict").write_text("#\n"))
    yield edited("options without a section", "options", lambda f: (f / "toy_fuzzer.options").write_text("max_len = 64\n"))
    yield edited("an option that is none", "options",
                 lambda f: (f / "toy_fuzzer.options").write_text("[libfuzzer]\nmaximal_length = 64\n"))
    yield edited("an option without a number", "options",
                 lambda f: (f / "toy_fuzzer.options").write_text("[libfuzzer]\nmax_len = long\n"))
    # What the program itself does.
    work = base / "work"
    work.mkdir()
    tree = t.ROOT / "fuzz/targets.tsv"
    for name, check, sanitizer, flags, extra in (
            ("a foreign library", "libraries", "address", ["-DFOREIGN"], [library_z(work)]),
            ("a path for libraries", "libraries", "address", ["-Wl,-rpath,/opt/lib"], []),
            ("a C++ library beside it", "libraries", "address", ["-stdlib=libstdc++", "-Wl,--no-as-needed"], []),
            ("a file of /dev", "starts", "address", ["-DNEEDS_DEV"], []),
            ("a variable of the environment", "starts", "address", ["-DNEEDS_ENVIRONMENT"], []),
            ("the folder it is called from", "starts", "address", ["-DNEEDS_FOLDER"], []),
            ("a file of the tree", "starts", "address", [f'-DNEEDS_TREE="{tree}"'], []),
            ("a seed that fails", "corpora", "address", ["-DDISLIKES_SEED"], []),
            ("no sanitizer", "sanitizer", "address", ["-fno-sanitize=address"], []),
            ("a second sanitizer", "sanitizer", "undefined", ["-fsanitize=address"], []),
            ("fatal unsigned overflow", "starts", "undefined",
             ["-DOVERFLOWS", "-fno-sanitize-recover=unsigned-integer-overflow"], [])):
        yield name, check, sanitizer, folder(name, compile_toy(work, sanitizer, *flags, extra=extra))
    place = base / "one_that_writes_into_OUT"
    program = compile_toy(work, "address", f'-DWRITES="{place}/written"')
    yield "one that writes into OUT", "starts", "address", fill(place, program)


def library_z(work):
    """A shared library that no runner has."""
    source = work / "foreign.c"
    source.write_text('const char* zlibVersion(void) { return "0"; }\n')
    out = work / "libforeign.so"
    image.run(["cc", "-shared", "-fPIC", "-Wl,-soname,libforeign.so.1", source, "-o", out], work / "foreign.log")
    return out


def check_fine(base, failures):
    """What is fine is not refused, whatever sanitizer; unsigned overflow ends nothing."""
    programs = {}
    for sanitizer in image.SANITIZER_FLAGS:
        work = base / f"fine-{sanitizer}"
        work.mkdir()
        flags = ["-DOVERFLOWS"] if sanitizer == "undefined" else []
        programs[sanitizer] = compile_toy(work, sanitizer, *flags)
        found = contract.check_all(fill(base / f"folder-{sanitizer}", programs[sanitizer]), sanitizer, {"toy_fuzzer"})
        wrong = [line for lines in found.values() for line in lines]
        print(f"{'ok  ' if not wrong else 'FAIL'}  fine, {sanitizer}: nothing is refused", flush=True)
        failures.extend(f"fine, {sanitizer}: {line}" for line in wrong)
    return programs["address"]


def check_flags(base, failures):
    """A build that adds a flag of its own is seen."""
    work = base / "flags"
    (work / "aether").mkdir(parents=True)
    for command, is_fine in (("clang++ -O1 -fsanitize=address -c a.cc", True),
                             ("clang++ -O1 -fsanitize=address -fsanitize=undefined -c a.cc", False),
                             ("clang++ -O2 -fsanitize=address -c a.cc", False),
                             ("clang++ -O1 -march=native -fsanitize=address -c a.cc", False)):
        (work / "aether/compile_commands.json").write_text(f'[{{"file": "a.cc", "command": "{command}"}}]')
        refused = bool(contract.check_flags(work, "-O1 -fsanitize=address"))
        if refused == is_fine:
            failures.append(f"flags: {command}")
        print(f"{'FAIL' if refused == is_fine else 'ok  '}  flags: {command}")


def check_files(base, failures):
    """Each of the files is missed, and missed when what it is for is not in it."""
    for path, before, after in ((".clusterfuzzlite/Dockerfile", "COPY . $SRC/aether", "COPY . $SRC/other"),
                                (".clusterfuzzlite/project.yaml", "c++", "go"),
                                (".clusterfuzzlite/build.sh", "LIB_FUZZING_ENGINE", "ENGINE"),
                                ("ci/oss-fuzz/project.yaml", "main_repo", "repo"),
                                ("ci/oss-fuzz/build.sh", ".clusterfuzzlite/build.sh", "build.sh"),
                                (".github/workflows/cflite_pr.yml", "mode: code-change", "mode: batch"),
                                (".github/workflows/cflite_batch.yml", "run_fuzzers@v1", "run@v1"),
                                (".github/workflows/cflite_prune.yml", "- cron:", "- crom:"),
                                (".github/workflows/cflite_coverage.yml", "  ", "\t")):
        root = base / "files"
        shutil.rmtree(root, ignore_errors=True)
        for folder in (".clusterfuzzlite", "ci/oss-fuzz", ".github/workflows"):
            shutil.copytree(t.ROOT / folder, root / folder)
        if contract.check_files(root):
            failures.append("files: what is there is refused")
        text = (root / path).read_text()
        (root / path).write_text(text.replace(before, after))
        seen = before in text and any(line.startswith(path) for line in contract.check_files(root))
        if not seen:
            failures.append(f"files: {path} without '{before}' is not refused")
        print(f"{'ok  ' if seen else 'FAIL'}  files: {path} without '{before}'")


def run():
    failures = []
    with tempfile.TemporaryDirectory(prefix="aether-contract-") as name:
        base = pathlib.Path(name)
        fine = check_fine(base, failures)
        for what, check, sanitizer, folder in broken_folders(base, fine):
            folder.chmod(0o555)
            found = contract.check_all(folder, sanitizer, {"toy_fuzzer"})
            folder.chmod(0o755)
            if not found[check]:
                failures.append(f"{what}: '{check}' says nothing")
            print(f"{'ok  ' if found[check] else 'FAIL'}  {what}: {found[check][0][:110] if found[check] else 'accepted'}",
                  flush=True)
        check_flags(base, failures)
        check_files(base, failures)
    for line in failures:
        print(f"check_fuzz_contract: self-test: {line}")
    print(f"ci/check_fuzz_contract: self-test {'passed' if not failures else 'FAILED'}")
    return 1 if failures else 0
