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
    "fraud-platform/_store.json",
)


@pytest.mark.parametrize("pattern", KINDS)
def test_x(sr: Shell, pattern: str) -> None:
    try:
        run_id = padded(sr, pattern)
    except StopIteration:
        print(pattern, "none"); return
    for words in (("status", run_id), ("facts", run_id), ("verify", run_id), ("audit", run_id), ("explain", run_id), ("list",), ("submit", sr.request()), ("resume", "--all"), ("reemit", run_id)):
        a = sr(*words)
        print(pattern, words[:2], a.code, (a.err or a.out)[:230].replace("\n", " | "), flush=True)
