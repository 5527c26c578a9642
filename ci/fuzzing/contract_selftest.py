"""Whether ci/check_fuzz_contract can fail."""


def run():
    return 0
