"""Runs flows on both sides, finds the first difference of each, repeats it, makes it smaller, and reports each kind once."""
import collections
import random
import time

import known
import lab
import packets
import scenarios
import sides
from sides import LINUX, OURS

BATCH = 120
FINDINGS_MAX = 60
# At once: one for each client address.
FLOWS_MAX = sides.CLIENTS - 20
# A difference counts when it comes again this often, each time with other client addresses and more time per step.
REPEATS = 2
PATIENT_SECONDS = 0.25


class Difference:
    """The first step of a flow at which the sides disagree without a known reason."""

    def __init__(self, flow, number, ignored=()):
        self.flow, self.number, self.ignored = flow, number, ignored
        self.step, self.facts = flow.steps[number], flow.facts[number]
        said = [flow.results[number][name] for name in (OURS, LINUX)]
        self.ours, self.linux = ({key: value for key, value in result.items() if key != "again"} for result in said)
        self.keys = sorted(key for key in {*self.ours, *self.linux}
                           if key not in ignored and self.ours.get(key) != self.linux.get(key))
        if _went_with_a_repetition(*said) or _went_with_a_repetition(*reversed(said)):
            self.keys = []

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


def _went_with_a_repetition(quiet, other):
    """An acknowledgement that one side sent by itself may have left the other with what a timer sent again."""
    return set(quiet) == {"again"} and quiet["again"] == other.get("ack") and \
        set(other) <= {"ack", "tsecr", "sack", "flags", "again"}


def examine(flow, counts=None):
    """The first unexplained difference of a flow that has run, or None."""
    ignored = set()
    for number in range(len(flow.results)):
        difference = Difference(flow, number, ignored)
        entry = None
        if not difference.keys:
            if counts is not None:
                counts.agreed += 1
        else:
            entry = known.explain(difference)
            if entry is None:
                return difference
            if counts is not None:
                counts.known[entry.name] += 1
        # Also what shows no difference yet may leave the sides in different states.
        for after in (known.aftermath(difference), entry.after if entry else ()):
            if after == known.END:
                return None
            ignored.update(after)
    return None


class Summary:
    def __init__(self):
        self.flows = self.stimuli = self.agreed = self.unstable = 0
        self.known = collections.Counter()
        self.findings = []
        self.kinds = set()


class Searcher:
    def __init__(self, both, summary, verbose, findings_max=FINDINGS_MAX):
        self.both, self.summary, self.verbose, self.batch = both, summary, verbose, 0
        self.findings_max = findings_max

    def run(self, wanted, pause):
        """Runs [(family, key, steps or None)] in parallel and returns the flows."""
        self.batch += 1
        flows = []
        for at, (family, key, steps) in enumerate(wanted):
            slot = (at * 7 + self.batch * 31) % sides.CLIENTS
            flow = scenarios.flow(family, key, (sides.client_ip(slot, family, self.batch), 1024 + (self.batch * 7) % 60000))
            if steps is not None:
                flow.steps = [flow.steps[number] for number in steps]
            flows.append(flow)
        try:
            self.summary.stimuli += sides.run(flows, self.both, pause=pause)
            self.both.check_alive()
        except lab.Failure as failure:
            raise lab.Failure(f"{failure}\nwhile these ran: {' '.join(flow.name for flow in flows)}") from failure
        return flows

    def look_at(self, found):
        """Repeats differences, makes those that came again smaller, and reports them; all side by side."""
        fresh = {}
        for difference in found:
            if difference.kind() not in self.summary.kinds:
                fresh.setdefault(difference.kind(), difference)
        fresh = list(fresh.values())[:self.findings_max - len(self.summary.findings)]
        sure = []
        for begin in range(0, len(fresh), FLOWS_MAX // 3):
            sure += self._repeat(fresh[begin:begin + FLOWS_MAX // 3])
        for shown, kept in self._shrink(sure):
            names = " / ".join(step["name"] for step in shown.flow.steps[:len(kept)])
            text = (f"DIFFERENCE {shown.flow.family}: {names}\n{shown.text()}\n"
                    f"    ci/differential --scenario {shown.flow.name} --steps {','.join(map(str, kept))}")
            self.summary.findings.append(text)
            self.summary.kinds.add(shown.kind())
            if self.verbose:
                print(text, flush=True)

    def _repeat(self, found):
        """Those that come again."""
        wanted = [(difference.flow.family, difference.flow.key, None) for difference in found for _ in range(3)]
        if not wanted:
            return []
        flows = self.run(wanted, PATIENT_SECONDS)
        sure = []
        for at, difference in enumerate(found):
            again = [examine(flow) for flow in flows[at * 3:at * 3 + 3]]
            if sum(1 for other in again if other and other.kind() == difference.kind()) >= REPEATS:
                sure.append(difference)
                continue
            self.summary.unstable += 1
            if self.verbose:
                print(f"did not repeat: {difference.flow.name} step {difference.number}, {difference.step['name']}\n"
                      f"{difference.text()}", flush=True)
        return sure

    def _shrink(self, found):
        """[(difference, as few steps as still show it)]: one step less in every round, the candidates of all together."""
        best = [(difference, list(range(difference.number + 1))) for difference in found]
        open_ones = list(range(len(best)))
        while open_ones:
            wanted, owner = [], []
            for at in open_ones:
                kept = best[at][1]
                for without in range(len(kept) - 1):
                    wanted.append((best[at][0].flow.family, best[at][0].flow.key, kept[:without] + kept[without + 1:]))
                    owner.append(at)
            shorter = set()
            for begin in range(0, len(wanted), FLOWS_MAX):
                flows = self.run(wanted[begin:begin + FLOWS_MAX], PATIENT_SECONDS)
                for at, want, flow in zip(owner[begin:], wanted[begin:], flows):
                    other = examine(flow)
                    if at not in shorter and other and other.kind() == best[at][0].kind():
                        best[at] = (other, want[2])
                        shorter.add(at)
            open_ones = sorted(shorter)
        return best


def _wanted(seed, number, family):
    if family:
        return [(family, f"{seed}.{number}.{at}", None) for at in range(BATCH if family not in _QUIET else 20)]
    rng = random.Random(f"{seed}.{number}")
    wanted = [(name, f"{seed}.{number}.{at}", None) for name, count in scenarios.WEIGHTS.items() for at in range(count)]
    rng.shuffle(wanted)
    return wanted


# Families whose steps ask for ICMP errors, of which our side sends a bounded number per second.
_QUIET = ("udp", "icmp", "ip", "fragments")


def search(folder, seconds, seed, family=None, broken=None, verbose=False, findings_max=FINDINGS_MAX):
    """Runs batches of scenarios until the time is over and returns what was found."""
    summary = Summary()
    with sides.Sides(folder) as both:
        both.spoil = SABOTAGE.get(broken)
        end = time.monotonic() + seconds
        searcher = Searcher(both, summary, verbose, findings_max)
        number = 0
        while time.monotonic() < end and len(summary.findings) < findings_max:
            flows = searcher.run(_wanted(seed, number, family), 0.1)
            summary.flows += len(flows)
            number += 1
            searcher.look_at([found for flow in flows if (found := examine(flow, summary))])
    return summary


def show_one(folder, family, key, steps, broken):
    """Every step of one scenario, and what both said."""
    with sides.Sides(folder) as both:
        both.spoil = SABOTAGE.get(broken)
        flow = Searcher(both, Summary(), True).run([(family, key, steps)], PATIENT_SECONDS)[0]
    ignored, apart = set(), False
    for number in range(len(flow.steps)):
        fields = {name: value for name, value in flow.steps[number].items() if name not in ("op", "name")}
        print(f"{number}: {flow.steps[number]['name']}   {fields}")
        difference = Difference(flow, number, ignored)
        entry = known.explain(difference) if difference.keys else None
        if not difference.keys:
            print(difference.text().splitlines()[0].replace(OURS, "both  "))
        else:
            why = "not compared any more" if apart else f"known: {entry.name}" if entry else "UNEXPLAINED"
            print(f"{difference.text()}\n    DIFFERENT in {', '.join(difference.keys)}: {why}")
        for after in (known.aftermath(difference), entry.after if entry else ()):
            apart = apart or after == known.END
            ignored.update(() if after == known.END else after)
    return 1 if examine(flow) else 0


def _drop_resets(name, reply):
    return name == OURS and reply.protocol == packets.TCP and reply.flags & packets.RST


def _drop_bare_acknowledgements(name, reply):
    return name == OURS and reply.protocol == packets.TCP and reply.flags == packets.ACK and not reply.data


def _change_echo(name, reply):
    if name == OURS and reply.protocol == packets.ICMP and reply.type == 0:
        reply.data = reply.data + b"!"
    return False


# What --break may do to the replies of our side; True drops one.
SABOTAGE = {"no-resets": _drop_resets, "no-acknowledgements": _drop_bare_acknowledgements, "longer-echo": _change_echo}
