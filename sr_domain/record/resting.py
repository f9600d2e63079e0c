"""What a run rests by that is no fact about it: faults of a worker's, typed."""

from __future__ import annotations

from sr_domain.record.values import Value, value


@value
class WorkerAtFault(Value):
    """A fault of the worker's, by which the run rests where it was. `subjects`: gates that it is about."""

    reason_code: str
    detail: str
    remedy: str
    subjects: tuple[str, ...] = ()
