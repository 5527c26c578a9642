"""Whether ci/fuzz can fail."""


def run():
    return 0
