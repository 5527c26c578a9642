#!/usr/bin/env python3
"""The statistics of aether-perf against SciPy's, on random input: medians and their intervals, sign tests, Holm's
correction, the energy distance of the change points.

    bench/report/check_scipy.py build/release/bin/aether-perf

Exit codes: 0 they agree, 1 they do not, 77 there is no SciPy (Debian: python3-scipy for /usr/bin/python3).
"""
import json
import random
import subprocess
import sys

try:
    import numpy
    from scipy import stats
except ImportError:
    print("check_scipy: SKIPPED, this Python has no SciPy (package python3-scipy)")
    sys.exit(77)

CASES = 200


def random_case(random_source):
    count = random_source.randint(6, 60)
    values = [random_source.gauss(0, 1) if random_source.random() < 0.9 else random_source.gauss(0, 30) for _ in range(count)]
    return {"values": values, "alpha": random_source.choice([0.05, 0.01, 0.002, 0.0005]), "threshold": random_source.gauss(0, 0.3),
            "p": [random_source.random() ** 3 for _ in range(random_source.randint(1, 20))],
            "split": random_source.randint(2, count - 2)}


def interval(values, alpha):
    """Between the order statistics that the binomial distribution allows to cut; None when it allows none."""
    ordered = sorted(values)
    count = len(ordered)
    cut = int(stats.binom.ppf(alpha / 2, count, 0.5))
    # The largest k with P(X <= k) <= alpha / 2.
    while cut >= 0 and 2 * stats.binom.cdf(cut, count, 0.5) > alpha:
        cut -= 1
    return None if cut < 0 else [ordered[cut], ordered[count - 1 - cut]]


def holm(p):
    order = numpy.argsort(p, kind="stable")
    adjusted = numpy.maximum.accumulate(numpy.minimum(1, numpy.array(p)[order] * numpy.arange(len(p), 0, -1)))
    result = numpy.empty(len(p))
    result[order] = adjusted
    return result.tolist()


def energy(values, split):
    """SciPy's distance is of distributions, so that each value is also compared with itself; ours is not."""
    left, right = values[:split], values[split:]
    n, m = len(left), len(right)

    def spread(part):
        size = len(part)
        # The mean over all pairs, each with itself as well: twice the Gini mean difference's half.
        return numpy.abs(numpy.subtract.outer(part, part)).sum() / size ** 2

    both = stats.energy_distance(left, right) ** 2
    unbiased = both - spread(left) / (n - 1) - spread(right) / (m - 1)
    return n * m / (n + m) * unbiased


def close(ours, theirs):
    return numpy.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def check(case, ours):
    wrong = []
    if not close(ours["median"], numpy.median(case["values"])):
        wrong.append("median")
    expected = interval(case["values"], case["alpha"])
    if ours["is_reached"] != (expected is not None) or (expected and not close([ours["low"], ours["high"]], expected)):
        wrong.append(f"interval {ours} instead of {expected}")
    above = sum(value > case["threshold"] for value in case["values"])
    count = len(case["values"])
    one_sided = stats.binomtest(count - above, count, 0.5, alternative="less").pvalue
    if not close(ours["sign_p"], one_sided):
        wrong.append(f"sign test {ours['sign_p']} instead of {one_sided}")
    if not close(ours["adjusted_p"], holm(case["p"])):
        wrong.append("Holm")
    if not close(ours["energy"], energy(case["values"], case["split"])):
        wrong.append(f"energy {ours['energy']} instead of {energy(case['values'], case['split'])}")
    return wrong


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 1
    random_source = random.Random(20260101)
    cases = [random_case(random_source) for _ in range(CASES)]
    done = subprocess.run([sys.argv[1], "statistics"], input=json.dumps(cases), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"check_scipy: exit code {done.returncode}: {done.stderr}")
        return 1
    answers = json.loads(done.stdout)
    wrong = [f"case {number}: {what}" for number, (case, ours) in enumerate(zip(cases, answers, strict=True))
             for what in check(case, ours)]
    print("\n".join(wrong[:20]))
    print(f"check_scipy: {len(cases)} cases, {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
