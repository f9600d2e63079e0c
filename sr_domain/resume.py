"""Resume: any process may finish what another left (spec: behaviour, "resume")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sr_domain.layout import Layout
from sr_domain.ops import read_record
from sr_domain.outcome import Outcome
from sr_domain.request import RunRequest, parse_request
from sr_domain.submit import Desk, bound_request, work
from sr_ports import NotFound, ReasonCode

_PAGE = 200


def resume(desk: Desk, run_id: str, *, actor: str = "resume") -> Outcome:
    """Move one run on from truth alone. Raises `NotFound(RUN_NOT_FOUND)`."""
    layout, request = locate(desk, run_id)
    return work(desk, layout, request, actor)


def locate(desk: Desk, run_id: str) -> tuple[Layout, RunRequest]:
    """Where a run's truth is and what it was asked for: by the index, else by its record."""
    binding = desk.ports.authority.find(run_id)
    if binding is not None:
        return Layout(binding.platform_run_id), bound_request(desk, binding)
    current = desk.ports.platform.current()
    if current is not None:
        ledger, _ = read_record(desk.ports, Layout(current), run_id)
        accepted = ledger.first("RUN_ACCEPTED")
        if accepted is not None:
            return Layout(current), parse_request(accepted.details["request"], desk.ports.known_timezone)
    raise NotFound(ReasonCode.RUN_NOT_FOUND, f"there is no run {run_id[:64]!r}")


def unsettled(desk: Desk) -> Iterator[str]:
    """Ids of the runs that have something left to do, ascending, a page at a time."""
    after: str | None = None
    while True:
        page: Sequence[str] = [
            row.run_id for row in desk.ports.authority.runs(unsettled_only=True, limit=_PAGE, after=after)
        ]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]
