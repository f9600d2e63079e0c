"""An engine, or an engine root, that cannot be had now: on the record, so that whoever looks later sees why.

Such a fault ends nothing: the run rests where it was, and resume goes on once it is mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sr_domain.record.details import RootUnreadable
from sr_domain.record.events import ENGINE_HELD_BACK, ENGINE_ROOT_UNREADABLE
from sr_domain.record.kinds import Draft, EventKind
from sr_ports import ReasonCode, SrError, Unreachable

if TYPE_CHECKING:
    from sr_domain.run.held_run import HeldRun

_KINDS: Mapping[ReasonCode, EventKind[RootUnreadable]] = {
    ReasonCode.ENGINE_ROOT_UNREACHABLE: ENGINE_ROOT_UNREADABLE,
    ReasonCode.ENGINE_ROOT_DENIED: ENGINE_ROOT_UNREADABLE,
    ReasonCode.ENGINE_ROOT_ARCHIVED: ENGINE_ROOT_UNREADABLE,
    ReasonCode.ENGINE_ROOT_BUCKET_MISSING: ENGINE_ROOT_UNREADABLE,
    ReasonCode.ENGINE_ABANDONED_REPEATEDLY: ENGINE_HELD_BACK,
    ReasonCode.ENGINE_STILL_RUNNING: ENGINE_HELD_BACK,
    ReasonCode.ENGINE_UNAVAILABLE: ENGINE_HELD_BACK,
}
"""Under which kind a fault goes on record; others, such as a store that is away, cannot."""


@contextmanager
def on_record(run: HeldRun) -> Iterator[None]:
    """Put a fault of the engine or its root that ends the block on record, then let it go on.

    The same fault met again adds nothing. The fault itself is what the caller hears, also where
    the record could not be written.
    """
    try:
        yield
    except Unreachable as error:
        from sr_ports.masking import redact

        found = RootUnreadable(error.code.value, redact(error.what), error.remedy)
        kind = _KINDS.get(error.code)
        if kind is not None and run.history.root_fault != found:
            _note(run, kind(found))
        raise


def _note(run: HeldRun, draft: Draft) -> None:
    try:
        run.record(draft)
    except SrError:
        """The store is away as well, or the lease is lost: the fault of the root says enough."""
