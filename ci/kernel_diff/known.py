"""Differences that are known and understood."""

KNOWN = []


def explain(difference):
    for entry in KNOWN:
        if entry.matches(difference):
            return entry
    return None
