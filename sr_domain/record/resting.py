"""What a run rests by that is no fact about it: faults of a worker's, typed."""

from __future__ import annotations

from sr_domain.record.details import RootUnreadable
from sr_domain.record.values import value


@value
class WorkerAtFault(RootUnreadable):
    """A fault of the worker's, by which the run rests where it was. `subjects`: gates that it is about."""

    subjects: tuple[str, ...] = ()
