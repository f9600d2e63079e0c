"""What trouble and states are to a caller: the exit code of a command, the status of an HTTP answer.

One table over kinds of trouble and one over states (spec: surface, "Exit codes" and "HTTP"; house, "Errors").
"""

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
    Kind.USAGE: (USAGE, 422),
    Kind.DENIED: (DENIED, 403),
    Kind.CONFLICT: (WAITING, 409),
    Kind.MISSING: (MISSING, 404),
    Kind.UNREACHABLE: (UNREACHABLE, 503),
    Kind.FAULT: (FAULT, 500),
}
"""By kind of trouble: exit code, HTTP status."""
_BY_CODE = {
    ReasonCode.INTERNAL: (BUG, 500),
    ReasonCode.EQUIVALENCE_COLLISION: (COLLISION, 409),
    ReasonCode.LEASE_LOST: (UNREACHABLE, 503),
    ReasonCode.FENCED: (UNREACHABLE, 503),
    ReasonCode.CONTRACT_VIOLATION: (BUG, 500),
    ReasonCode.REEMIT_READY_ONLY_MISMATCH: (USAGE, 409),
    ReasonCode.REEMIT_TERMINAL_ONLY_MISMATCH: (USAGE, 409),
    ReasonCode.REEMIT_SUPERSEDED: (USAGE, 409),
    ReasonCode.REEMIT_RATE_LIMIT: (UNREACHABLE, 429),
    ReasonCode.INTERRUPTED: (INTERRUPTED, 503),
    ReasonCode.DOCUMENT_INVALID: (USAGE, 400),
    ReasonCode.DOCUMENT_TOO_LARGE: (USAGE, 413),
    ReasonCode.HTTP_INVALID: (USAGE, 400),
    ReasonCode.HEADERS_TOO_LARGE: (USAGE, 431),
    ReasonCode.REQUEST_TOO_SLOW: (UNREACHABLE, 408),
    ReasonCode.METHOD_NOT_ALLOWED: (USAGE, 405),
    ReasonCode.MEDIA_TYPE_UNSUPPORTED: (USAGE, 415),
    ReasonCode.REPLICA_BUSY: (UNREACHABLE, 429),
    ReasonCode.AUTH_UNPROVEN: (DENIED, 401),
    ReasonCode.AUTH_UNREACHABLE: (UNREACHABLE, 503),
    ReasonCode.SUPERSEDES_NOT_FOUND: (MISSING, 422),
    ReasonCode.SUPERSEDES_TAKEN: (USAGE, 409),
    ReasonCode.RETRY_NOT_ENDED: (USAGE, 409),
}
"""The same, of the codes that say more than their kind."""


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


def _told(code: ReasonCode) -> tuple[int, int]:
    from sr_ports import REASONS

    return _BY_CODE.get(code) or _BY_KIND[REASONS[code].kind]


def exit_for(code: ReasonCode) -> int:
    """The exit code of a reason code where no run state says more."""
    return _told(code)[0]


def status_for(code: ReasonCode) -> int:
    """The HTTP status of a reason code where the request ends by it."""
    return _told(code)[1]


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


def refused(outcome: Outcome) -> bool:
    """Whether an answer refuses what was asked: then its reason, not the run's state, is the answer."""
    return outcome.state is None or outcome.reason_code is ReasonCode.AUTH_DENIED


def worst(codes: Iterable[int]) -> int:
    """The one exit code for many runs: a bug before all else, then the highest; `DONE` for none."""
    return max(codes, key=lambda code: (code == BUG, code), default=DONE)
