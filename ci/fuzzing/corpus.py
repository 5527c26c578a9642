"""Merging what was found into the committed corpora: the smallest set with the same coverage, named files kept."""
import re
import shutil

from fuzzing import targets as t

FILES_MAX = 300
BYTES_MAX = 1 << 20
HASH = re.compile(r"[0-9a-f]{40}")


def is_named(path):
    return HASH.fullmatch(path.name) is None


def merge(runner, target):
    """Puts into corpora/fuzz/<target> what covers all that its corpus and the last run cover; a line that says how."""
    committed = t.CORPORA / target.name
    committed.mkdir(parents=True, exist_ok=True)
    work = runner.folder(target.name, "work")
    folders = {n: work / f"merge-{n}" for n in ("into", "from")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    before = [p for p in committed.iterdir() if p.is_file()]
    for file in before:
        shutil.copy(file, folders["into" if is_named(file) else "from"] / file.name)
    found = work / "corpus"
    if found.is_dir():
        for file in found.iterdir():
            if not is_named(file):
                shutil.copy(file, folders["from"] / file.name)
    log = work / "merge.log"
    status, _, _ = runner.run([runner.binary(target.name), "-set_cover_merge=1", f"-max_len={target.max_len}",
                               "-timeout=25", f"-seed={runner.seed}", folders["into"], folders["from"]], log, 1800)
    if status != 0:
        raise t.Trouble(f"{target.name}: the merge ended with {status}: {log}")
    named = [p for p in before if is_named(p)]
    kept = sorted((p for p in folders["into"].iterdir() if not is_named(p)), key=lambda p: (p.stat().st_size, p.name))
    files, size, left_out = len(named), sum(p.stat().st_size for p in named), 0
    chosen = []
    for file in kept:
        if files + 1 > FILES_MAX or size + file.stat().st_size > BYTES_MAX:
            left_out += 1
            continue
        files, size = files + 1, size + file.stat().st_size
        chosen.append(file)
    for file in before:
        if not is_named(file):
            file.unlink()
    for file in chosen:
        shutil.copy(file, committed / file.name)
    more = f", {left_out} left out: the limit is {FILES_MAX} files and {BYTES_MAX} bytes" if left_out else ""
    return f"{target.name}: {len(before)} -> {files} files, {size} bytes{more}"
