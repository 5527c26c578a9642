"""ICMP echo and the manners of IPv4: every payload size, broadcast, other people's addresses."""
import time

from clients import Pinger
from lab import BROADCAST, STACK, TAP, check, check_equal


def case_every_size(context):
    """Payloads of 0 to 1472 bytes, which is all that fits into a frame, come back unchanged."""
    with context.lab() as lab:
        server = lab.start()
        pinger = Pinger()
        body = bytes((i * 7 + 3) & 0xff for i in range(1472))
        for size in range(1473):
            payload = body[:size]
            reply, _ = pinger.ping(payload)
            check(reply is not None, f"no reply to a ping of {size} bytes")
            check(reply == payload, f"the reply to a ping of {size} bytes has another payload")
        done = server.stop()
        check(done.counters.get("icmp_echo_replies_out", 0) >= 1473, f"counters: {done.counters}")


def case_by_hand(context):
    """The ping of the quick start."""
    context.need("ping")
    with context.lab() as lab:
        lab.start()
        out = lab.run(["ping", "-c", 20, "-i", 0.01, "-W", 2, STACK]).stdout
        check(" 0% packet loss" in out, out)


def case_burst(context):
    """Many requests at once are all answered: the stack works in batches and loses none."""
    with context.lab() as lab:
        server = lab.start()
        out = lab.run(["ping", "-f", "-c", 2000, "-l", 100, "-W", 2, STACK]).stdout
        check(" 0% packet loss" in out, out)
        server.stop()


def case_broadcast_is_not_answered(context):
    # [RFC 1122 3.2.2.6] may be discarded, and is, as a defence against amplification.
    with context.lab() as lab:
        lab.start()
        for target in (BROADCAST, "255.255.255.255"):
            pinger = Pinger(target, broadcast=True)
            check_equal(pinger.ping(b"x", seconds=0.4)[0], None, f"reply to a ping to {target}")
        reply, _ = Pinger().ping(b"x")
        check_equal(reply, b"x", "reply to a unicast ping after it")


def case_other_addresses(context):
    """What is sent to our link address but not to our IP address stays without an answer, and is counted."""
    with context.lab() as lab:
        server = lab.start()
        check(Pinger().ping(b"x")[0] == b"x", "no reply")
        mac = lab.ip("neigh", "show", "dev", TAP, STACK).split("lladdr ")[1].split()[0]
        lab.ip("neigh", "replace", "10.0.0.77", "lladdr", mac, "dev", TAP)
        check_equal(Pinger("10.0.0.77").ping(b"x", seconds=0.4)[0], None, "reply for somebody else's address")
        done = server.stop()
        check(done.drops.get("ipv4_not_for_us", 0) >= 1, f"drops: {done.drops}")


def case_fragments_are_dropped_and_counted_with_the_classic_profile(context):
    with context.lab() as lab:
        server = lab.start("--profile=classic")
        lab.run(["ping", "-c", 1, "-W", 1, "-s", 3000, STACK], ok=(1,))
        check(Pinger().ping(b"still here")[0] == b"still here", "no reply after fragments")
        done = server.stop()
        check(done.drops.get("ipv4_fragment", 0) >= 2, f"drops: {done.drops}")


def case_fragments_are_put_together(context):
    """Large pings come and go in fragments: up to the largest datagram that there is."""
    with context.lab() as lab:
        server = lab.start()
        for size in (1473, 3000, 20000, 65507):
            lab.run(["ping", "-c", 1, "-W", 2, "-s", size, STACK])
        done = server.stop()
        check_equal(done.drops.get("ipv4_fragment", 0), 0, "fragments dropped")


def case_address_resolution(context):
    """A neighbour that forgets us asks again and is answered; a changed one is learned anew."""
    with context.lab() as lab:
        server = lab.start()
        pinger = Pinger()
        for _ in range(5):
            lab.ip("neigh", "flush", "dev", TAP)
            check(pinger.ping(b"x")[0] == b"x", "no reply after the neighbour cache was flushed")
        lab.ip("link", "set", TAP, "down")
        lab.ip("link", "set", TAP, "address", "02:00:00:00:00:99", "up")
        reply, _ = pinger.ping(b"x")
        for _ in range(20):
            if reply:
                break
            time.sleep(0.2)
            reply, _ = pinger.ping(b"x", seconds=0.5)
        check(reply == b"x", "no reply after the neighbour got another link address")
        done = server.stop()
        check(done.counters.get("arp_replies_out", 0) >= 5, f"counters: {done.counters}")
