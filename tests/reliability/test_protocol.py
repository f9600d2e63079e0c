"""The protocol model, walked until nothing new appears."""

import os

import pytest

from tests.reliability.protocol_model import walk
from tests.reliability.protocol_state import At, Guards, State, Worker

QUIET = State(crashes=0)
ALONE = QUIET._replace(workers=(Worker(), Worker(At.DONE)))
"""One worker, and whoever asks again."""
TWO = "two runs decided of one scope with other bytes"
WORLDS = {
    "a crash": State(),
    "a change of the world": QUIET._replace(changes=1),
    "a planted artifact": QUIET._replace(plants=1),
    "another run's receipt": QUIET._replace(strangers=1, rivals=1),
    "a receipt that somebody replaces": QUIET._replace(vandals=1),
    "an older backup": ALONE._replace(restores=1),
}
LONG = {
    "a change and a crash": State(changes=1),
    "a planted artifact and a crash": State(plants=1),
    "a change and another run's receipt": QUIET._replace(changes=1, strangers=1),
}
LONGEST = {
    "an older backup and a crash": ALONE._replace(restores=1, crashes=1),
    "an older backup and a change": ALONE._replace(restores=1, changes=1),
    "an older backup under two workers": QUIET._replace(restores=1),
}
"""Millions of states each: minutes."""
NIGHTLY = pytest.mark.skipif("SR_LONG_WALKS" not in os.environ, reason="set SR_LONG_WALKS=1, as tox -e nightly does")
SECOND = "a second READY of a run that the index had known as READY"
CASES = [
    *(pytest.param(start, id=name) for name, start in WORLDS.items()),
    *(pytest.param(start, id=name, marks=pytest.mark.slow) for name, start in LONG.items()),
    *(pytest.param(start, id=name, marks=[pytest.mark.slow, NIGHTLY]) for name, start in LONGEST.items()),
]


@pytest.mark.parametrize("start", CASES)
def test_no_interleaving_of_two_workers_breaks_an_invariant(start: State) -> None:
    states, resting, fault = walk(start)
    print(f"{states} states, {resting} at rest, every invariant holds")  # noqa: T201
    assert fault is None
    assert resting > 0


@pytest.mark.parametrize(
    ("without", "start", "noticed"),
    [
        (Guards(fenced=False), QUIET, "a lower fence wrote after a higher"),
        (Guards(ledger_decides=False), QUIET, "READY without a decision on record"),
        (Guards(second_look=False), WORLDS["a change of the world"], "a receipt of what was never proven"),
        (Guards(receipts_after_look=False), QUIET, "a receipt of what was never proven"),
        (Guards(receipts_checked_again=False), WORLDS["a receipt that somebody replaces"], "READY without its receipt"),
        (Guards(mark_between=False), WORLDS["another run's receipt"], TWO),
        (Guards(others_fenced=False), WORLDS["another run's receipt"], "READY without its receipt"),
        (Guards(records_asked=False), WORLDS["another run's receipt"], "READY without its receipt"),
        (Guards(nothing_adopted=False), WORLDS["a planted artifact"], "READY without a decision on record"),
        (Guards(standing_compared=False), WORLDS["a planted artifact"], "status READY without a facts view"),
        (Guards(answers_from_record=False), QUIET, "READY was answered and is not on record"),
        (Guards(only_grows=False), WORLDS["an older backup"], "READY without a decision on record"),
        (Guards(index_compared=False), WORLDS["an older backup"], SECOND),
        (Guards(loss_ends_it=False), WORLDS["an older backup"], SECOND),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_walk_notices_when_a_guard_is_taken_out(without: Guards, start: State, noticed: str) -> None:
    fault = walk(start, without)[2]
    assert fault is not None
    print(fault)  # noqa: T201
    assert fault == noticed
