"""Exit codes: one table over states, and one over kinds of trouble (spec: surface, "Exit codes")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sr_ports import Kind, ReasonCode, SrError

if TYPE_CHECKING:
    from sr_domain.record.states import RunState
    from sr_domain.run.outcome import Outcome

DONE, BUG, USAGE, WAITING, FAILED, FAULT, DENIED, COLLISION, MISSING, UNREACHABLE = range(10)
INTERRUPTED = 130
"""By the keyboard; `signals.exit_code` tells another signal."""

_BY_KIND = {
    Kind.USAGE: USAGE,
    Kind.DENIED: DENIED,
    Kind.CONFLICT: WAITING,
    Kind.MISSING: MISSING,
    Kind.UNREACHABLE: UNREACHABLE,
    Kind.FAULT: FAULT,
}
_BY_CODE = {
    ReasonCode.INTERNAL: BUG,
    ReasonCode.EQUIVALENCE_COLLISION: COLLISION,
    ReasonCode.LEASE_LOST: UNREACHABLE,
    ReasonCode.FENCED: UNREACHABLE,
    ReasonCode.CONTRACT_VIOLATION: BUG,
    ReasonCode.REEMIT_READY_ONLY_MISMATCH: USAGE,
    ReasonCode.REEMIT_TERMINAL_ONLY_MISMATCH: USAGE,
    ReasonCode.REEMIT_RATE_LIMIT: UNREACHABLE,
    ReasonCode.INTERRUPTED: INTERRUPTED,
}


_WHATEVER_STATE = (
    ReasonCode.AUTH_DENIED,
    ReasonCode.LEASE_BUSY,
    ReasonCode.INSTANCE_RECEIPT_ORPHAN,
    ReasonCode.ENGINE_ABANDONED_REPEATEDLY,
    ReasonCode.ENGINE_STILL_RUNNING,
    ReasonCode.ENGINE_UNAVAILABLE,
    ReasonCode.TRUTH_ALTERED,
    ReasonCode.TRUTH_ROLLED_BACK,
)
"""What says more than the state of the run that it is about."""
_WORKERS_FAULTS = (
    ReasonCode.UNKNOWN_HASHING_LAW,
    ReasonCode.LAW_FAILED,
    ReasonCode.LAW_TIMEOUT,
    ReasonCode.LAW_VERSION_CHANGED,
)
"""By these a run rests where it was; of one that an earlier release ended by them the state says all."""


def exit_for(code: ReasonCode) -> int:
    """The exit code of a reason code where no run state says more."""
    from sr_ports import REASONS

    return _BY_CODE.get(code, _BY_KIND[REASONS[code].kind])


def exit_for_error(error: SrError) -> int:
    """The exit code of an error."""
    return exit_for(error.code)


def exit_for_outcome(outcome: Outcome) -> int:
    """The exit code of an answer: its refusal, else its state."""
    code = outcome.reason_code
    if code in _WORKERS_FAULTS and not (outcome.state is None or outcome.state.final):
        return UNREACHABLE
    if code is not None and (outcome.state is None or code in _WHATEVER_STATE):
        return exit_for(code)
    return WAITING if outcome.state is None else exit_for_state(outcome.state)


def exit_for_state(state: RunState) -> int:
    """The exit code of a run in this state. A new state does not pass the type checker until it has one here."""
    from sr_domain.record.states import RunState

    match state:
        case RunState.READY:
            return DONE
        case RunState.FAILED:
            return FAILED
        case RunState.QUARANTINED:
            return FAULT
        case RunState.OPEN | RunState.PLANNED | RunState.EXECUTING | RunState.VERIFYING | RunState.WAITING_EVIDENCE:
            return WAITING


def worst(codes: Iterable[int]) -> int:
    """The one exit code for many runs: a bug before all else, then the highest; `DONE` for none."""
    return max(codes, key=lambda code: (code == BUG, code), default=DONE)
