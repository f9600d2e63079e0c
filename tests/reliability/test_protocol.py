"""The protocol model, walked to a depth at which nothing new appears."""

from tests.reliability.protocol_model import walk

DEPTH = 60


def test_no_interleaving_of_two_workers_and_a_crash_breaks_an_invariant() -> None:
    states, resting, fault = walk(depth=DEPTH)
    print(f"{states} states to depth {DEPTH}, {resting} at rest, every invariant holds")  # noqa: T201
    assert fault is None
    assert resting > 0
    assert walk(depth=DEPTH + 5)[0] == states  # the walk is complete: no deeper state exists


def test_the_walk_notices_when_the_ledger_does_not_decide() -> None:
    assert walk(depth=DEPTH, ledger_decides=False)[2] == "a facts view beside a failure"


def test_the_walk_notices_when_fences_are_not_checked() -> None:
    assert walk(depth=DEPTH, fenced=False)[2] == "a lower fence wrote after a higher"
