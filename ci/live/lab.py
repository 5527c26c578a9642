"""A laboratory for live tests: a network namespace with a TAP in it, aether-run on the TAP, and clients beside it.

The calling process itself enters the namespace, so every socket and every process that it makes afterwards is inside;
nothing can reach an outside address. Leaving the `with` block ends what was started and removes the namespace, after an
exception, SIGINT and SIGTERM as well; what a killed run left is swept up by the next.
"""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

PREFIX = "aether-live-"
STACK = "10.0.0.2"
HOST = "10.0.0.1"
BROADCAST = "10.0.0.255"
TAP = "aether0"

_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_SANITIZER_REPORT = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|check failed:)")


class Failure(Exception):
    """What was expected did not happen; the text says what."""


class Skip(Exception):
    """The case cannot be run here; the text says why."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def check_equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {_short(got)}, expected {_short(wanted)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:120]}... ({len(text)} characters)"


def wait_until(condition, seconds, message):
    """Polls until `condition()` is truthy and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(message() if callable(message) else message)
        time.sleep(0.005)


def _enter(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns({path})")
    finally:
        os.close(fd)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ip(*args):
    done = subprocess.run(["ip", *args], capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


def sweep():
    """Removes namespaces of runs whose process no longer exists."""
    for file in pathlib.Path("/run/netns").glob(PREFIX + "*"):
        found = re.fullmatch(PREFIX + r"(\d+)-\d+", file.name)
        if found and not pathlib.Path(f"/proc/{found.group(1)}").exists():
            subprocess.run(["ip", "netns", "del", file.name], capture_output=True, timeout=20)


def sanitizer_of(binary):
    """'address', 'thread' or None, by what is linked in."""
    data = pathlib.Path(binary).read_bytes()
    for mark, name in ((b"__asan_init", "address"), (b"__tsan_init", "thread")):
        if mark in data:
            return name
    return None


class Finished:
    """How an aether-run ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        # Drops stand apart, because a reason may have the name of something else; the rest is one list of names.
        self.counters, self.drops = {}, {}
        section = None
        for line in out.splitlines():
            if re.fullmatch(r"\w+:", line.strip()):
                section = self.drops if line.strip() == "drops:" else self.counters
            elif section is not None:
                words = line.split()
                if len(words) >= 2 and words[1].isdigit():
                    section[words[0]] = int(words[1])


class Server:
    """A running aether-run."""

    def __init__(self, lab, args, prefix=(), binary=None):
        self._lab = lab
        self._dir = pathlib.Path(tempfile.mkdtemp(dir=lab.scratch))
        command = [*prefix, str(binary or lab.binary), *args]
        with open(self._dir / "out", "wb") as out, open(self._dir / "err", "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            preexec_fn=_die_with_parent, env=lab.environment,
                                            process_group=0)
        self.pid = self.process.pid
        self.finished = None

    def out(self):
        return (self._dir / "out").read_text(errors="replace")

    def err(self):
        return (self._dir / "err").read_text(errors="replace")

    def wait_for(self, pattern, seconds=15):
        """Waits for a line of its output that matches; returns the match."""

        def look():
            found = re.search(pattern, self.out(), re.M)
            if not found and self.process.poll() is not None:
                found = re.search(pattern, self.out(), re.M)
                if not found:
                    raise Failure(f"aether-run ended with {self.process.returncode}: {self.out()}{self.err()}")
            return found

        return wait_until(look, seconds, lambda: f"no line like {pattern!r} within {seconds} s; it printed: "
                                                 f"{self.out()!r} {self.err()!r}")

    def alive(self):
        return self.process.poll() is None

    def wait(self, seconds):
        """Waits for its own end (--duration, or an error) and returns how it ended."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"aether-run did not end within {seconds} s") from None
        self.finished = Finished(code, self.out(), self.err())
        report = _SANITIZER_REPORT.search(self.finished.err)
        if report:
            raise Failure(f"{report.group(1)} reported:\n{self.finished.err[-6000:]}")
        return self.finished

    def stop(self, how=signal.SIGINT, seconds=20):
        """Ends it with a signal and expects exit code 0."""
        if self.finished is None:
            if self.process.poll() is None:
                self.process.send_signal(how)
            self.wait(seconds)
        check_equal(self.finished.code, 0, f"exit code after {signal.Signals(how).name} ({self.finished.err[-500:]})")
        return self.finished

    def kill(self):
        # A prefix may have made it a grandchild; the group has both.
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Lab:
    _count = 0

    def __init__(self, binary, tap=True, multi_queue=False, host=HOST + "/24"):
        self.binary = pathlib.Path(binary)
        self.sanitizer = sanitizer_of(binary)
        # Bounds of time are for plain builds; a sanitizer makes everything several times slower.
        self.slow = 5 if self.sanitizer else 1
        self.environment = dict(
            os.environ, LC_ALL="C",
            ASAN_OPTIONS="exitcode=99:detect_stack_use_after_return=1",
            UBSAN_OPTIONS="print_stacktrace=1",
            TSAN_OPTIONS="exitcode=99:halt_on_error=1")
        self._tap, self._multi_queue, self._host = tap, multi_queue, host
        self._processes, self._home, self.name = [], None, None

    def __enter__(self):
        Lab._count += 1
        sweep()
        self.name = f"{PREFIX}{os.getpid()}-{Lab._count}"
        self.scratch = tempfile.mkdtemp(prefix=self.name + "-")
        os.chmod(self.scratch, 0o755)
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _ip("netns", "add", self.name)
            _enter(f"/run/netns/{self.name}")
            _ip("link", "set", "lo", "up")
            # Neighbour discovery and the like of the client's kernel would only be noise in counters and captures.
            for scope in ("all", "default"):
                path = pathlib.Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
                if path.exists():
                    path.write_text("1")
            if self._tap:
                self.make_tap()
                self.configure_host()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, error, _):
        # A report of a sanitizer, or an end that nobody asked for, explains whatever else went wrong.
        texts = []
        for server in self._processes:
            if isinstance(server, Server) and server.finished is None and isinstance(error, Exception):
                code = server.process.poll()
                if _SANITIZER_REPORT.search(server.err()) or code is not None:
                    texts.append(f"aether-run (exit code {code}): {server.err()[-6000:]}")
        self.close()
        if texts:
            raise Failure(f"{error}\n" + "\n".join(texts)) from error

    def make_tap(self, user=None, multi_queue=None):
        queues = self._multi_queue if multi_queue is None else multi_queue
        _ip("tuntap", "add", "dev", TAP, "mode", "tap", *(["user", user] if user else []),
            *(["multi_queue"] if queues else []))

    def configure_host(self):
        _ip("addr", "add", self._host, "broadcast", "+", "dev", TAP)
        _ip("link", "set", TAP, "up")

    def links(self):
        """Names of the interfaces in the namespace."""
        return re.findall(r"^\d+: ([^:@]+)", _ip("-o", "link"), re.M)

    def ip(self, *args):
        return _ip(*args)

    def start(self, *args, address=STACK + "/24", ready=True, seconds=None, **how):
        """Starts aether-run; with `ready`, waits for the line that says where it listens."""
        flags = [f"--tap={TAP}"]
        if address is not None:
            flags.append(f"--address={address}")
        server = Server(self, [*flags, *args], **how)
        self._processes.append(server)
        if ready:
            server.wait_for(r"^aether-run: .*\bhttp\b", seconds or 15)
        return server

    def fail(self, *args, code=1, seconds=20, **how):
        """Runs aether-run with flags that it must refuse; returns its one sentence."""
        server = Server(self, list(args), **how)
        self._processes.append(server)
        done = server.wait(seconds)
        check_equal(done.code, code, f"exit code of {' '.join(map(str, args))!r} ({done.out}{done.err})")
        return done.err

    def run(self, command, seconds=20, ok=(0,), text=True, stdin=None):
        """Runs a command in the namespace and returns its CompletedProcess."""
        try:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=text, timeout=seconds,
                                  input=stdin, preexec_fn=_die_with_parent)
        except subprocess.TimeoutExpired:
            raise Failure(f"{command[0]} did not end within {seconds} s: {command}") from None
        if ok is not None and done.returncode not in ok:
            raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stdout} {done.stderr}")
        return done

    def spawn(self, command, **options):
        """Starts a process that ends with the lab at the latest."""
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   preexec_fn=_die_with_parent, **options)
        self._processes.append(process)
        return process

    def folder(self, name):
        path = pathlib.Path(self.scratch) / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def close(self):
        for process in reversed(self._processes):
            if isinstance(process, Server):
                process.kill()
            else:
                if process.poll() is None:
                    process.kill()
                process.wait()
        self._processes.clear()
        if self._home is not None:
            _libc.setns(self._home, _CLONE_NEWNET)
            os.close(self._home)
            self._home = None
        if self.name and os.path.exists(f"/run/netns/{self.name}"):
            subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=20)
        shutil.rmtree(self.scratch, ignore_errors=True)
