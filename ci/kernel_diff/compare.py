"""Runs flows on both sides, finds the first difference of each, repeats it, makes it smaller, and reports each kind once."""
import collections
import random
import time

import known
import packets
import scenarios
import sides
from sides import LINUX, OURS

BATCH = 120
FINDINGS_MAX = 60
# A difference counts when it comes again this often, each time with other client addresses and more time per step.
REPEATS = 2
PATIENT_SECONDS = 0.25


class Difference:
    """The first step of a flow at which the sides disagree without a known reason."""

    def __init__(self, flow, number):
        self.flow, self.number = flow, number
        self.step = flow.steps[number]
        self.ours, self.linux = flow.results[number][OURS], flow.results[number][LINUX]
        self.keys = sorted(key for key in {*self.ours, *self.linux} if self.ours.get(key) != self.linux.get(key))

    def kind(self):
        """What makes two differences the same finding."""
        return (self.flow.family, self.step["name"], tuple(self.keys), tuple(key in self.ours for key in self.keys),
                tuple(key in self.linux for key in self.keys))

    def text(self):
        lines = []
        for name, result in ((OURS, self.ours), (LINUX, self.linux)):
            said = ", ".join(f"{key} {value}" for key, value in sorted(result.items())) or "silence"
            lines.append(f"    {name:6} {said}")
        return "\n".join(lines)


def examine(flow, counts=None):
    """The first unexplained difference of a flow that has run, or None."""
    for number in range(len(flow.results)):
        result = flow.results[number]
        if result[OURS] == result[LINUX]:
            if counts is not None:
                counts.agreed += 1
            continue
        difference = Difference(flow, number)
        entry = known.explain(difference)
        if entry is None:
            return difference
        if counts is not None:
            counts.known[entry.name] += 1
        if not entry.harmless:
            # From here on the sides are in different states.
            return None
    return None


class Summary:
    def __init__(self):
        self.flows = self.stimuli = self.agreed = self.unstable = 0
        self.known = collections.Counter()
        self.findings = []
        self.kinds = set()


def _slots(count, batch):
    """Client addresses and ports: no two runs of the program's life share both."""
    return [(slot, 1024 + (batch * 7) % 60000) for slot in range(count)]


class Searcher:
    def __init__(self, lab, summary, verbose):
        self.lab, self.summary, self.verbose, self.batch = lab, summary, verbose, 0

    def run(self, wanted, pause):
        """Runs [(family, key, steps or None)] in parallel and returns the flows."""
        self.batch += 1
        flows = []
        for at, (family, key, steps) in enumerate(wanted):
            slot = (at * 7 + self.batch * 31) % sides.CLIENTS
            flow = scenarios.flow(family, key, (sides.client_ip(slot, family), 1024 + (self.batch * 7) % 60000))
            if steps is not None:
                flow.steps = [flow.steps[number] for number in steps]
            flows.append(flow)
        self.summary.stimuli += sides.run(flows, self.lab, pause=pause)
        self.lab.check_alive()
        return flows

    def repeats(self, found):
        """Whether a difference comes again."""
        wanted = [(found.flow.family, found.flow.key, None)] * 3
        again = [examine(flow) for flow in self.run(wanted, PATIENT_SECONDS)]
        return sum(1 for other in again if other and other.kind() == found.kind()) >= REPEATS

    def shrink(self, found):
        """As few of the steps before it as still show it; candidates run side by side."""
        kept = list(range(found.number + 1))
        shown = found
        while len(kept) > 1:
            candidates = [kept[:at] + kept[at + 1:] for at in range(len(kept) - 1)]
            flows = self.run([(found.flow.family, found.flow.key, steps) for steps in candidates], PATIENT_SECONDS)
            for steps, flow in zip(candidates, flows):
                other = examine(flow)
                if other and other.kind() == found.kind():
                    kept, shown = steps, other
                    break
            else:
                break
        return kept, shown

    def look_at(self, found):
        if found.kind() in self.summary.kinds or len(self.summary.findings) >= FINDINGS_MAX:
            return
        if not self.repeats(found):
            self.summary.unstable += 1
            if self.verbose:
                print(f"did not repeat: {found.flow.name} step {found.number}, {found.step['name']}\n{found.text()}",
                      flush=True)
            return
        self.summary.kinds.add(found.kind())
        kept, shown = self.shrink(found)
        names = " / ".join(shown.flow.steps[number]["name"] for number in range(len(kept)))
        text = (f"DIFFERENCE {found.flow.family}: {names}\n{shown.text()}\n"
                f"    ci/differential --scenario {found.flow.name} --steps {','.join(map(str, kept))}")
        self.summary.findings.append(text)
        if self.verbose:
            print(text, flush=True)


def _wanted(seed, number, family):
    if family:
        return [(family, f"{seed}.{number}.{at}", None) for at in range(BATCH if family not in _QUIET else 20)]
    rng = random.Random(f"{seed}.{number}")
    wanted = [(name, f"{seed}.{number}.{at}", None) for name, count in scenarios.WEIGHTS.items() for at in range(count)]
    rng.shuffle(wanted)
    return wanted


# Families whose steps ask for ICMP errors, of which our side sends a bounded number per second.
_QUIET = ("udp", "icmp", "ip", "fragments")


def search(folder, seconds, seed, family=None, broken=None, verbose=False):
    summary = Summary()
    end = time.monotonic() + seconds
    with sides.Sides(folder) as lab:
        lab.spoil = SABOTAGE.get(broken)
        searcher = Searcher(lab, summary, verbose)
        number = 0
        while time.monotonic() < end:
            flows = searcher.run(_wanted(seed, number, family), 0.1)
            summary.flows += len(flows)
            number += 1
            for flow in flows:
                found = examine(flow, summary)
                if found and time.monotonic() < end + 30:
                    searcher.look_at(found)
    return summary


def show_one(folder, family, key, steps, broken):
    """Every step of one scenario, and what both said."""
    with sides.Sides(folder) as lab:
        lab.spoil = SABOTAGE.get(broken)
        flow = Searcher(lab, Summary(), True).run([(family, key, steps)], PATIENT_SECONDS)[0]
    for number in range(len(flow.steps)):
        fields = {name: value for name, value in flow.steps[number].items() if name not in ("op", "name")}
        print(f"{number}: {flow.steps[number]['name']}   {fields}")
        difference = Difference(flow, number)
        if difference.keys:
            entry = known.explain(difference)
            print(difference.text())
            print(f"    DIFFERENT in {', '.join(difference.keys)}: {'known: ' + entry.name if entry else 'UNEXPLAINED'}")
        else:
            print(difference.text().splitlines()[0].replace(OURS, "both  "))
    return 1 if examine(flow) else 0


def _drop_resets(name, reply):
    return name == OURS and reply.protocol == packets.TCP and reply.flags & packets.RST


def _drop_some_acknowledgements(name, reply):
    return (name == OURS and reply.protocol == packets.TCP and reply.flags == packets.ACK and not reply.data and
            reply.to_port % 2 == 0)


def _change_echo(name, reply):
    if name == OURS and reply.protocol == packets.ICMP and reply.type == 0:
        reply.data = reply.data + b"!"
    return False


# What --break may do to the replies of our side; True drops one.
SABOTAGE = {"no-resets": _drop_resets, "no-acknowledgements": _drop_some_acknowledgements, "longer-echo": _change_echo}
