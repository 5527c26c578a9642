"""--fault: drops, duplicates, reordering, delay and corruption, seeded; the stack lives on and counts."""
from clients import Pinger, get
from lab import STACK, Failure, check, check_equal

# After so long a ping counts as lost; an answer takes microseconds, but machines stall.
LOST_SECONDS = 0.1


def _pings(count, seconds=LOST_SECONDS):
    pinger = Pinger()
    return sum(pinger.ping(b"abcdefgh" * 8, seconds=seconds)[0] is not None for _ in range(count))


def case_drop(context):
    with context.lab() as lab:
        lab.ip("neigh", "replace", STACK, "lladdr", "02:00:00:00:00:01", "dev", "aether0")
        server = lab.start("--fault=in.drop=0.3,seed=1", "--mac=02:00:00:00:00:01")
        answered = _pings(80)
        check(36 <= answered <= 74, f"{answered} of 80 pings answered with 30 % loss one way")
        server.stop()


def case_duplicate(context):
    """Every frame twice, both ways: TCP and HTTP do not mind."""
    with context.lab() as lab:
        server = lab.start("--fault=dup=1,seed=2")
        check_equal([get().status for _ in range(20)], [200] * 20, "GET / with everything twice")
        server.stop()


def case_delay(context):
    with context.lab() as lab:
        server = lab.start("--fault=delay=20ms,seed=3")
        pinger = Pinger()
        pinger.ping(b"x")
        reply, took = pinger.ping(b"x")
        check(reply == b"x", "no reply")
        check(0.039 <= took <= 0.2, f"two delays of 20 ms took {took * 1000:.1f} ms")
        check_equal(get().status, 200, "GET / with delay")
        server.stop()


def case_corrupt(context):
    """Flipped bits are noticed by checksums and counted; nothing corrupt is ever answered with."""
    with context.lab() as lab:
        lab.ip("neigh", "replace", STACK, "lladdr", "02:00:00:00:00:01", "dev", "aether0")
        server = lab.start("--fault=in.corrupt=0.5,seed=4", "--mac=02:00:00:00:00:01")
        pinger, payload = Pinger(), bytes(range(256)) * 4
        answered = 0
        for _ in range(60):
            reply, _ = pinger.ping(payload, seconds=LOST_SECONDS)
            if reply is not None:
                answered += 1
                check(reply == payload, "a corrupted request was answered")
        check(14 <= answered <= 46, f"{answered} of 60 pings answered with half of the requests corrupt")
        done = server.stop()
        check(sum(n for name, n in done.drops.items() if "checksum" in name) >= 10, f"drops: {done.drops}")


def case_all_at_once(context):
    """Everything at once for a while: no crash, every frame accounted for as delivered or dropped."""
    with context.lab() as lab:
        server = lab.start("--fault=drop=0.05,dup=0.1,reorder=0.1,delay=1ms,corrupt=0.05,seed=5")
        _pings(30)
        served = 0
        for _ in range(12):
            try:
                served += _try_get()
            except (OSError, Failure):
                pass
        check(server.alive(), "aether-run ended")
        done = server.stop()
        check(served > 0, "not one of 12 requests got through")
        check_equal(done.counters["frames_in"], done.counters["delivered"] + sum(done.drops.values()),
                    "frames in, and delivered plus dropped")


def _try_get():
    from clients import Http
    with Http(seconds=1) as connection:
        return connection.get().status == 200


def case_same_seed(context):
    """The same seed drops the same frames."""
    shown = []
    for _ in range(2):
        with context.lab() as lab:
            lab.ip("neigh", "replace", STACK, "lladdr", "02:00:00:00:00:01", "dev", "aether0")
            server = lab.start("--fault=in.drop=0.5,seed=6", "--mac=02:00:00:00:00:01", "--seed=7")
            pinger = Pinger()
            shown.append([pinger.ping(b"x", seconds=LOST_SECONDS)[0] is not None for _ in range(30)])
            server.stop()
    check_equal(shown[0], shown[1], "which of 30 pings were answered")
