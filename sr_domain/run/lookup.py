"""Finding a run: its home, its record, and the runs of a platform run. Writes nothing, mints nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.run.append_aside import read_record
from sr_domain.run.context import Context
from sr_domain.run.ports import Ports
from sr_ports import BadInput, Fault, NotFound, ReasonCode, Unreachable


def home(context: Context, run_id: str) -> Layout:
    """Where a run's truth is: as the authority knows, else in the current platform run.

    While the authority is away a run of the current platform run is still found, by its record.
    Raises `NotFound` when no run was ever submitted here, `Unreachable` when that cannot be told.
    """
    return located(context.ports, run_id, context.notice)


def located(ports: Ports, run_id: str, notice: Callable[[str], None]) -> Layout:
    """As `home`, for a caller without a context."""
    current = ports.platform.current()
    here = None if current is None else Layout(current)
    try:
        binding = ports.authority.find(run_id)
    except NotFound:  # the authority belongs to a platform run, and there is none
        binding = None
    except Unreachable as error:
        if here is None or ports.store.stat(here.record(run_id)) is None:
            raise
        notice(f"the authority was not asked ({error.what}): answered from the store")
        return here
    if binding is not None:
        return Layout(binding.platform_run_id)
    if here is None:
        raise NotFound(ReasonCode.RUN_NOT_FOUND, f"there is no run {run_id[:64]!r}: nothing was ever submitted here")
    return here


def check_run_id(run_id: str) -> str:
    """The id, if it has the form of one: 32 lower-case hex characters. Raises `BadInput(USAGE)`."""
    if len(run_id) != 32 or set(run_id) - set("0123456789abcdef"):  # noqa: PLR2004
        raise BadInput(ReasonCode.USAGE, f"{run_id[:64]!r} is not a run id", "give 32 lower-case hex characters")
    return run_id


def record_of(context: Context, run_id: str, *, admitted: bool = True) -> tuple[Layout, Ledger]:
    """A run's record. Raises `NotFound(RUN_NOT_FOUND)`, also for one that only tells of actors who were refused.

    `admitted`: False takes such a record too.
    """
    layout = home(context, check_run_id(run_id))
    ledger, _ = read_record(context.ports, layout, run_id)
    if not ledger.events or (admitted and ledger.state is None):
        raise _no_record(context, layout, run_id)
    return layout, ledger


def _no_record(context: Context, layout: Layout, run_id: str) -> NotFound:
    """That there is no such run, or that only its record is not here: another store's, or lost."""
    try:
        known = context.ports.authority.find(run_id) is not None
    except (NotFound, Unreachable):
        known = False
    if not known:
        return NotFound(ReasonCode.RUN_NOT_FOUND, f"there is no run {run_id!r}")
    what = f"the authority knows run {run_id}, and its record {layout.record(run_id)} is not in this store"
    remedy = (
        "sr resume writes one where a crash left none; else check object_store in the profile, or restore the record"
    )
    return NotFound(ReasonCode.RUN_NOT_FOUND, what, remedy)


def parse_truth(data: bytes, key: str) -> dict[str, Any]:
    """A stored JSON artifact. Raises `Fault(TRUTH_ALTERED)` when it is none."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not JSON any more") from error
    if not isinstance(document, dict):
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not a JSON object any more")
    return document


def recorded_runs(ports: Ports, layout: Layout) -> Iterator[str]:
    """Ids of every run that has a record in this platform run, ascending."""
    prefix = f"{layout.base}/run_record/"
    for stored in ports.store.list(prefix):
        name = stored.key.removeprefix(prefix)
        if name.endswith(".jsonl") and "/" not in name:
            yield name.removesuffix(".jsonl")
