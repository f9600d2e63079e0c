"""An object of the store that somebody padded is refused before it is read, by the code of its bound, and only what
rests on it suffers (spec: behaviour, "Bounds")."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Shell, sr

_ = sr
HUGE = 1 << 36
"""Bytes of a hole, which takes no room on disk: read whole, it would end the process."""


def one(pattern: str) -> Path:
    return next(Path("runs").rglob(pattern))


def padded(sr: Shell, pattern: str) -> str:
    """A READY run with one object of its truth padded, and the run's id."""
    assert sr("submit", sr.request()).code == 0
    run_id = one("run_record/*.jsonl").stem
    os.truncate(one(pattern), HUGE)
    return run_id


KINDS = (
    "run_record/*.jsonl",
    "run_status/*.json",
    "run_facts_view/*.json",
    "run_plan/*.json",
    "ready_signal/*.json",
    "part_lists/*.json",
    "instance_receipts/**/instance_receipt.json",
)


@pytest.mark.parametrize("pattern", KINDS)
def test_a_padded_object_is_refused_by_its_bound_and_nothing_is_believed(sr: Shell, pattern: str) -> None:
    run_id = padded(sr, pattern)
    for command in ("verify", "audit"):
        answer = sr(command, run_id)
        assert (answer.code, answer.error) == (5, "OBJECT_TOO_LARGE"), command
    others: list[tuple[str, ...]] = [("status", run_id), ("explain", run_id), ("list",), ("resume", "--all")]
    for words in (*others, ("submit", sr.request())):
        answer = sr(*words)
        if answer.code:
            assert answer.code == 5, words
            assert "OBJECT_TOO_LARGE" in answer.out + answer.err, words


def test_a_padded_record_hides_no_other_run(sr: Shell) -> None:
    run_id = padded(sr, "run_record/*.jsonl")
    other = sr("submit", sr.request(run_equivalence_key="other"))
    assert other.code == 0
    answer = sr("audit", "--all")
    assert answer.code == 5
    assert "OBJECT_TOO_LARGE" in answer.out + answer.err
    assert run_id in answer.out + answer.err
    assert "1 runs audited" not in answer.out


def test_a_store_identity_that_was_padded_stops_what_writes(sr: Shell) -> None:
    padded(sr, "fraud-platform/_store.json")
    answer = sr("submit", sr.request(run_equivalence_key="other"))
    assert (answer.code, answer.error) == (5, "OBJECT_TOO_LARGE")


def test_a_record_of_too_many_values_is_refused_before_they_are_made(sr: Shell) -> None:
    assert sr("submit", sr.request()).code == 0
    record = one("run_record/*.jsonl")
    whole = record.read_bytes()
    record.write_bytes(whole + b'{"event_id":[' + b"[]," * 1_100_000 + b"0]}\n")
    answer = sr("status", record.stem)
    assert (answer.code, answer.error) == (5, "OBJECT_TOO_LARGE")
    record.write_bytes(whole)
    assert sr("status", record.stem).code == 0
