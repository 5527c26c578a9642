"""--record: what a run was given, repeated by aether-replay to the last bit; also after a run that was killed."""
import re

from clients import Http, get
from dhcp_server import DhcpServer
from lab import STACK, check, check_equal


def _replay(context, lab, recording, *flags, ok=(0,)):
    return lab.run([context.bin / "aether-replay", recording, *flags], seconds=60, ok=ok).stdout


def _trace(text):
    return re.search(r"trace ([0-9a-f]{16})", text).group(1)


def _traffic(address=STACK):
    for _ in range(5):
        get()
    with Http() as connection:
        for path in ("/", "/big", "/none", "/big"):
            connection.get(path)
    with Http() as connection:
        connection.send(b"nonsense\r\n\r\n")
        check_equal(connection.response().status, 400, "the answer to nonsense")


def case_files_and_faults(context):
    with context.lab() as lab:
        root, recording = lab.folder("www"), lab.folder("r") / "run.rec"
        (root / "index.html").write_text("<title>x</title>")
        (root / "big").write_bytes(b"b" * 200_000)
        server = lab.start(f"--record={recording}", f"--http_root={root}", "--fault=drop=0.02,dup=0.02,reorder=0.02,seed=4")
        _traffic()
        done = server.stop()
        # The files are not asked again: what they held is in the recording.
        (root / "big").unlink()
        first = _replay(context, lab, recording, f"--out={lab.folder('r') / 'out.pcap'}")
        check("to the last bit" in first, first)
        check_equal(_trace(first), _trace(done.out), "trace of the replay")
        check_equal(_trace(_replay(context, lab, recording)), _trace(first), "trace of the second replay")
        counted = done.counters["http_requests"]
        check(f"frames_out                   {done.counters['frames_out']}\n" in first, f"{counted} requests: {first}")


def case_dhcp(context):
    with context.lab() as lab, DhcpServer(lease_seconds=4, t1=1, t2=3):
        recording = lab.folder("r") / "run.rec"
        server = lab.start(f"--record={recording}", address="dhcp", ready=False)
        server.wait_for(r"^aether-run: address 10\.0\.0\.50/24")
        get_from = Http(address="10.0.0.50")
        get_from.get()
        get_from.socket.close()
        done = server.stop()
        replayed = _replay(context, lab, recording)
        check("to the last bit" in replayed, replayed)
        check_equal(_trace(replayed), _trace(done.out), "trace of the replay")


def case_killed(context):
    """A recording that broke off repeats up to where it ends."""
    with context.lab() as lab:
        recording = lab.folder("r") / "run.rec"
        server = lab.start(f"--record={recording}")
        for _ in range(300):
            get()
        server.kill()
        replayed = _replay(context, lab, recording)
        frames = int(re.search(r"The same (\d+) frames went out as in the recording; of", replayed).group(1))
        check(frames > 500, f"only {frames} frames are certain: {replayed}")
        check("breaks off after" in replayed, replayed)


def case_refusals(context):
    with context.lab() as lab:
        flags = ["--tap=aether0", f"--address={STACK}/24"]
        check("--workers" in lab.fail(*flags, "--record=x", "--workers=2"), "two workers are recorded")
        check("--record" in lab.fail(*flags, "--record=/nowhere/at/all"), "no word about the flag")
        # What cannot be written at all is said at the start.
        check("No space" in lab.fail(*flags, "--record=/dev/full"), "a full disk is not noticed")
