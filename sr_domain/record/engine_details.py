"""What the events of the engine say: details, typed, as those of `details`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sr_domain.record.values import Value, value


@value
class RootCorrected(Value):
    """A resubmission named another engine root. `left`: the one that is not taken again; None where there was none."""

    engine_run_root: str
    left: str | None = None


@value
class AttemptName(Value):
    attempt_id: str
    attempt_no: int


@value
class AttemptFinished(Value):
    """The end of an engine attempt (contract: engine attempt). `outcome`: SUCCEEDED or FAILED."""

    run_id: str
    attempt_id: str
    attempt_no: int
    outcome: str
    started_at_utc: str
    ended_at_utc: str
    duration_ms: int
    invocation: Mapping[str, Any]
    invoker: str | None = None
    reason_code: str | None = None
    engine_run_root: str | None = None
    run_receipt_ref: str | None = None
    logs_ref: Mapping[str, str] | None = None


@value
class AttemptDetail(Value):
    """Why an engine attempt failed, in a sentence."""

    attempt_id: str
    detail: str


@value
class AttemptLimit(Value):
    attempt_limit: int
    attempts: int
