"""What to do about what verify and audit find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_adapters.cli.errors import running
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_domain.queries.finding import Finding

_WRITTEN_AGAIN = ("/run_plan/", "/ready_signal/", "/quarantine/", "/attestation/", "/run_facts_view/")
"""Where what follows from a record lies, and is written again by resume where it is gone."""
_OF_THE_RECORD = (ReasonCode.RECORD_INVALID, ReasonCode.TRUTH_ROLLED_BACK, ReasonCode.TRUTH_MISSING)


def step(one: Finding, run_id: str) -> str | None:
    """The next step, as it is typed; None for the code's own remedy."""
    if one.remedy is not None:
        return one.remedy
    if "/run_status/" in one.where and one.code is not ReasonCode.TRUTH_LOST:  # it may be written again at any time
        return f"{'--repair-status' if running() == 'audit' else 'sr audit --repair-status'} writes it again"
    if one.of_the_engine is not None:
        return one.of_the_engine
    if one.code is ReasonCode.RUN_UNFINISHED:
        return f"finish what was left: sr resume {run_id}"
    if one.code is ReasonCode.TRUTH_LOST:
        return f"read nothing of it; sr retry {run_id} asks again"
    if "/run_record/" in one.where and one.code in _OF_THE_RECORD:
        from sr_domain.run.rolled_back import recover_step

        return recover_step(run_id).words
    if "/part_lists/" in one.where and one.code is ReasonCode.TRUTH_MISSING:
        return "restore it from backup; a new run of the same bytes, in the same platform run, writes it again"
    own = any(part in one.where for part in _WRITTEN_AGAIN)
    if own and one.code in (ReasonCode.TRUTH_MISSING, ReasonCode.ATTESTATION_MISSING):
        return f"sr resume {run_id} writes it again"
    if own and one.code is ReasonCode.TRUTH_ALTERED:
        from sr_domain.run.altered import set_aside_step

        return set_aside_step(run_id, one.where).words
    return None
