"""A settled run whose record an older backup replaced: what `sr recover` makes of it, in a simulation's world."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from sr_domain.record.states import RunState
from sr_ports import ReasonCode
from tests.reliability.lab import Lab
from tests.reliability.planted import BASE, RUN

RECORD = f"{BASE}/run_record/{RUN}.jsonl"
ROLLED_BACK = 0.3
"""How many schedules end so."""


def readies(lab: Lab) -> set[str]:
    """The ids of every READY of the run that the bus has."""
    heard = (one for one in lab.bus.tail("fp.bus.control.v1") if one.attributes["run_id"] == RUN)
    return {one.message_id for one in heard if one.attributes["kind"].startswith("READY")}


def rolled_back(lab: Lab, rng: random.Random, runner: Callable[[], Any]) -> str | None:
    """Replace the record by any earlier one, or by none, and accept the loss; what is wrong with what came of it.

    However much was lost, the run is never READY by another id, and whoever audits it then finds nothing.
    """
    lines = lab.store.read(RECORD).data.splitlines(keepends=True)
    before, heard, keep = lab.ledger(RUN).state, readies(lab), rng.randrange(len(lines))
    lab.store.delete(RECORD)
    if keep:
        lab.store.create(RECORD, b"".join(lines[:keep]))
    left = lab.ledger(RUN)
    done = runner().recover_run(RUN, reason="drill", actor="operator")
    if readies(lab) != heard:
        return "READY by another id after a loss"
    if done.state is RunState.READY and left.first("EVIDENCE_COMPLETE") is None:
        return "READY again without its decision"
    kept = left.state is before or left.first("EVIDENCE_COMPLETE") is not None
    if not kept and done.reason_code is not ReasonCode.TRUTH_LOST:
        return f"its end was lost, and it is {done.state}"
    findings = runner().audit(RUN).findings
    return f"audit after a loss: {findings[:1]}" if findings else None
