"""An idle stack uses no CPU, and still answers the first frame after a silence at once."""
import os
import subprocess
import sys
import time

from clients import Pinger
from lab import check

SILENCE_SECONDS = 10
CPU_MAX = 0.01
ADDED_SECONDS_MAX = 0.001
TRIES = 3


def _cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Sleeper:
    """Another process that sleeps until something comes. On a host that takes memory back which was not used for seconds it
    takes milliseconds to wake anybody: each page that is touched comes back one by one."""

    def __enter__(self):
        code = "import os\nwhile os.read(0, 1): os.write(1, b'x')"
        self._process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def wake(self):
        begin = time.perf_counter()
        self._process.stdin.write(b"x")
        check(self._process.stdout.read(1) == b"x", "the sleeper did not wake")
        return time.perf_counter() - begin


def _silence(context, *flags, **tap):
    with context.lab(**tap) as lab:
        server = lab.start(*flags)
        pinger = Pinger()
        warm = sorted(pinger.ping(b"x" * 56)[1] for _ in range(200))[100]
        time.sleep(0.5)
        shown, woken = [], []
        # A machine may stall for a moment, and once is enough to show what the stack can do. What it takes to wake a process
        # that is not ours, after a silence of its own, is the machine's; a ping wakes two, the client and the stack.
        with _Sleeper() as sleeper:
            for attempt in range(TRIES):
                if attempt > 0:
                    sleeper.wake()
                    time.sleep(SILENCE_SECONDS)
                    woken.append(sleeper.wake())
                before, begin = _cpu_seconds(server.pid), time.monotonic()
                time.sleep(SILENCE_SECONDS)
                cpu = (_cpu_seconds(server.pid) - before) / (time.monotonic() - begin)
                check(cpu < CPU_MAX, f"idle, it used {cpu * 100:.2f} % of a CPU")
                reply, took = pinger.ping(b"x" * 56)
                check(reply is not None, "no reply after the silence")
                shown.append(took - warm - (2 * woken[-1] if woken else 0))
                if shown[-1] < ADDED_SECONDS_MAX:
                    break
        check(min(shown) < ADDED_SECONDS_MAX, f"after {SILENCE_SECONDS} s of silence the first ping took "
                                             f"{[f'{s * 1e6:.0f}' for s in shown]} us more than {warm * 1e6:.0f} us, from the second "
                                             f"on less twice what it took to wake another process: {[f'{s * 1e6:.0f}' for s in woken]} us")
        server.stop()
        print(f"      idle CPU {cpu * 100:.2f} %, first ping {min(shown) * 1e6:+.0f} us on {warm * 1e6:.0f} us")


def case_one_worker(context):
    _silence(context)


def case_two_workers(context):
    _silence(context, "--workers=2", multi_queue=True)
