"""An engine root that cannot be read: on the record, so that whoever looks later sees why the run rests.

Such a fault ends nothing: the run stays where it was, and resume goes on once the root can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sr_domain.record.details import RootUnreadable
from sr_domain.record.events import ENGINE_ROOT_UNREADABLE
from sr_domain.record.kinds import Draft
from sr_ports import ReasonCode, SrError, Unreachable

if TYPE_CHECKING:
    from sr_domain.run.held_run import HeldRun

_CODES = frozenset(
    {
        ReasonCode.ENGINE_ROOT_UNREACHABLE,
        ReasonCode.ENGINE_ROOT_DENIED,
        ReasonCode.ENGINE_ROOT_ARCHIVED,
        ReasonCode.ENGINE_ROOT_BUCKET_MISSING,
    }
)


@contextmanager
def on_record(run: HeldRun) -> Iterator[None]:
    """Put a fault of the engine root that ends the block on record, then let it go on.

    The same fault met again adds nothing. The fault itself is what the caller hears, also where
    the record could not be written.
    """
    try:
        yield
    except Unreachable as error:
        found = RootUnreadable(error.code.value, error.what, error.remedy)
        if error.code in _CODES and run.history.root_fault != found:
            _note(run, ENGINE_ROOT_UNREADABLE(found))
        raise


def _note(run: HeldRun, draft: Draft) -> None:
    try:
        run.record(draft)
    except SrError:
        """The store is away as well, or the lease is lost: the fault of the root says enough."""
