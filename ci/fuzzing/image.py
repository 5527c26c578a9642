"""What stands for the builder image of OSS-Fuzz where there is no docker: its variables, compilers, C++ library, engine.

The image has a clang of its own with libc++ as a static library and libFuzzer; here they are Debian's clang 19 and
libc++ 19. Debian's libFuzzer is made with libstdc++ and brings its own (ci/cmake/fuzz_engine), so that the program
itself has libc++ and nothing else (memory: see MEMORY_LIBRARY).
"""
import os
import pathlib
import shutil
import subprocess

from fuzzing import targets as t

BASE = t.ROOT / "build/contract"

_UNDEFINED = ("array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size,return,"
              "returns-nonnull-attribute,shift,signed-integer-overflow{},unreachable,vla-bound,vptr")
# As the image has them: unsigned overflow is seen, and does not end the process.
SANITIZER_FLAGS = {
    "address": "-fsanitize=address -fsanitize-address-use-after-scope",
    "undefined": f"-fsanitize={_UNDEFINED.format(',unsigned-integer-overflow')} "
                 f"-fno-sanitize-recover={_UNDEFINED.format('')}",
    "memory": "-fsanitize=memory -fsanitize-memory-track-origins",
    "coverage": "",
}
COVERAGE_FLAGS = {"coverage": "-fprofile-instr-generate -fcoverage-mapping -pthread -Wl,--no-as-needed -Wl,-ldl -Wl,-lm "
                              "-Wno-unused-command-line-argument"}
# In the image, the libc++ of memory builds has instrumentation. Debian's has not, and numbers and strings are written
# inside of it; libstdc++ can do without its library for that, so it stands for the other one in these builds.
# Statically linked it stands before the sanitizer's runtime, and both have operator new: either is malloc, which the
# sanitizer watches. The engine has constants of its own libstdc++ that cannot be hidden.
MEMORY_LIBRARY = "-stdlib=libstdc++ -static-libstdc++ -D_GLIBCXX_EXTERN_TEMPLATE=0 -Wl,--allow-multiple-definition"


def run(command, log, **options):
    pathlib.Path(log).parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        status = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False,
                                **options).returncode
    if status != 0:
        tail = "\n".join(pathlib.Path(log).read_text(errors="replace").splitlines()[-30:])
        raise t.Trouble(f"{' '.join(str(c) for c in command[:4])}... ended with {status}:\n{tail}")


def output(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout.strip()


def compilers():
    """Folder with `clang` and `clang++` that link libc++ statically."""
    folder = BASE / "image"
    folder.mkdir(parents=True, exist_ok=True)
    library = pathlib.Path(output("clang++-19", "-print-file-name=libc++.a")).resolve()
    if not library.exists():
        raise t.Trouble("libc++ is not installed; ci/setup installs libc++-19-dev and libc++abi-19-dev")
    (folder / "libc++.a").write_text(f"INPUT({library} {library.with_name('libc++abi.a')})\n")
    launcher = "ccache " if shutil.which("ccache") else ""
    for name in ("clang", "clang++"):
        library = f' {MEMORY_LIBRARY}' if name == "clang++" else ""
        (folder / name).write_text(
            "#!/bin/sh\n# Made by ci/check_fuzz_contract.\n"
            f'case " $* " in *-fsanitize=memory*) set -- "$@"{library} ;; esac\n'
            f'exec {launcher}{name}-19 -L{folder} -Wno-unused-command-line-argument "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def engine():
    """libFuzzer as a library that brings what it needs."""
    folder = BASE / "image"
    out = folder / "libFuzzingEngine.a"
    if out.exists():
        return out
    run([t.ROOT / "ci/cmake/fuzz_engine", "clang++-19", out], folder / "engine.log")
    return out


def environment(sanitizer, folder):
    """The variables that the image gives to build.sh; nothing of ours but the path."""
    base = "-O1 -fno-omit-frame-pointer -gline-tables-only -Wno-error=implicit-function-declaration " \
           "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
    flags = " ".join([base, SANITIZER_FLAGS[sanitizer], COVERAGE_FLAGS.get(sanitizer, "-fsanitize=fuzzer-no-link")])
    env = {"CC": "clang", "CXX": "clang++", "CFLAGS": flags, "CXXFLAGS": f"{flags} -stdlib=libc++",
           "LIB_FUZZING_ENGINE": str(engine()), "SANITIZER": sanitizer, "FUZZING_ENGINE": "libfuzzer",
           "FUZZING_LANGUAGE": "c++", "ARCHITECTURE": "x86_64", "OUT": str(folder / "out"), "SRC": str(folder / "src"),
           "WORK": str(folder / "work"), "PATH": f"{compilers()}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/")}
    for name in ("CCACHE_DIR",):
        if name in os.environ:
            env[name] = os.environ[name]
    return env


def libpcap():
    """A folder with the source of libpcap, as Debian has it (the image clones it)."""
    folder = BASE / "libpcap"
    if (folder / "source/CMakeLists.txt").exists():
        return folder / "source"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache/archives/partial").mkdir(parents=True)
    codename = ""
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            codename = line.split("=")[1].strip('"')
    (folder / "sources.list").write_text(f"deb-src http://deb.debian.org/debian {codename} main\n")
    log = folder / "fetch.log"
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={folder}/sources.list", "-o", "Dir::Etc::sourceparts=-",
           "-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    run([*apt, "update"], log, cwd=folder)
    run([*apt, "source", "--download-only", "libpcap"], log, cwd=folder)
    archive = next(folder.glob("libpcap_*.orig.tar.*[xg]z"))
    (folder / "unpacked").mkdir()
    run(["tar", "-xf", archive, "-C", folder / "unpacked", "--strip-components=1"], log)
    shutil.rmtree(folder / "lists")
    (folder / "unpacked").rename(folder / "source")
    return folder / "source"


def sources(folder):
    """SRC as the Dockerfile makes it: the tree as it is, without what git ignores, and libpcap."""
    src = folder / "src"
    tree = src / "aether"
    tree.mkdir(parents=True, exist_ok=True)
    wanted = {f for f in t.git("ls-files", "-co", "--exclude-standard", "-z") if f and (t.ROOT / f).is_file()}
    for path in [p for p in tree.rglob("*") if p.is_file()]:
        if str(path.relative_to(tree)) not in wanted:
            path.unlink()
    for file in wanted:
        to = tree / file
        if not to.exists() or to.read_bytes() != (t.ROOT / file).read_bytes():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(t.ROOT / file, to)
    if not (src / "libpcap").exists():
        shutil.copytree(libpcap(), src / "libpcap")
    return src


def build(sanitizer):
    """Runs the real build.sh as the image would; the folder with what it left in OUT."""
    folder = BASE / sanitizer
    sources(folder)
    shutil.rmtree(folder / "out", ignore_errors=True)
    for name in ("out", "work"):
        (folder / name).mkdir(exist_ok=True)
    shutil.copy(folder / "src/aether/.clusterfuzzlite/build.sh", folder / "src/build.sh")
    log = folder / "build.log"
    log.unlink(missing_ok=True)
    run(["bash", "-eux", folder / "src/build.sh"], log, cwd=folder / "src/aether", env=environment(sanitizer, folder))
    return folder
