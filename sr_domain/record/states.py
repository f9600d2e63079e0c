"""Run states and how they follow from the record (spec: behaviour, "States")."""

from __future__ import annotations

import enum


class RunState(enum.StrEnum):
    """READY, FAILED and QUARANTINED are final."""

    OPEN = "OPEN"
    PLANNED = "PLANNED"
    EXECUTING = "EXECUTING"
    VERIFYING = "VERIFYING"
    WAITING_EVIDENCE = "WAITING_EVIDENCE"
    READY = "READY"
    FAILED = "FAILED"
    QUARANTINED = "QUARANTINED"

    @property
    def final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({RunState.READY, RunState.FAILED, RunState.QUARANTINED})

STATE_AFTER: dict[str, RunState] = {
    "RUN_ACCEPTED": RunState.OPEN,
    "PLAN_COMMITTED": RunState.PLANNED,
    "ENGINE_ATTEMPT_LAUNCH_REQUESTED": RunState.EXECUTING,
    "EVIDENCE_STARTED": RunState.VERIFYING,
    "EVIDENCE_WAITING": RunState.WAITING_EVIDENCE,
    "EVIDENCE_COMPLETE": RunState.VERIFYING,
    "READY_COMMITTED": RunState.READY,
    "RUN_FAILED": RunState.FAILED,
    "RUN_QUARANTINED": RunState.QUARANTINED,
}
"""The state a run is in once this event kind is its latest of these."""

_AFTER: dict[RunState, frozenset[RunState]] = {
    RunState.OPEN: frozenset({RunState.PLANNED, RunState.FAILED}),
    RunState.PLANNED: frozenset({RunState.EXECUTING, RunState.VERIFYING, RunState.FAILED}),
    RunState.EXECUTING: frozenset({RunState.EXECUTING, RunState.VERIFYING, RunState.FAILED}),
    RunState.VERIFYING: frozenset({RunState.VERIFYING, RunState.WAITING_EVIDENCE, *_FINAL}),
    RunState.WAITING_EVIDENCE: frozenset(
        {RunState.VERIFYING, RunState.WAITING_EVIDENCE, RunState.FAILED, RunState.QUARANTINED}
    ),
    RunState.READY: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.QUARANTINED: frozenset(),
}


def may_follow(before: RunState | None, after: RunState) -> bool:
    """Whether a record in state `before` (None: nothing accepted yet) may move to `after`."""
    return after is RunState.OPEN if before is None else after in _AFTER[before]
