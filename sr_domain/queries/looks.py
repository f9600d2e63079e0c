"""What a runner answers by looking alone: plans that nobody has made yet, quarantine, differences, whole pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sr_domain.queries.dossier import Dossier
    from sr_domain.queries.preview import PlanReport
    from sr_domain.queries.rows import RunRow
    from sr_domain.record.details import Standing
    from sr_domain.run.context import Context


class Looks:
    """A part of `ScenarioRunner`. Each query is imported when it is first used."""

    _context: Context

    def dossier(self, run_id: str) -> Dossier:
        """Everything that a page about the run shows, of one reading of its record. Raises `NotFound`, `Fault`."""
        from sr_domain.queries import dossier

        return dossier.dossier(self._context, run_id)

    def rows(self, listed: Iterable[Mapping[str, Any]]) -> list[RunRow]:
        """Rows of a listing as a table shows them, each with what its record says."""
        from sr_domain.queries import rows

        return rows.run_rows(self._context, listed)

    def standing(self) -> Standing:
        """What is not settled, counted by the index. Raises `Unreachable`."""
        from sr_domain.queries import standing

        return standing.standing(self._context)

    def quarantined(self) -> list[Mapping[str, Any]]:
        """Every quarantine record of every platform run of the store, by run id."""
        from sr_domain.queries import lookups

        return lookups.quarantined(self._context)

    def quarantine(self, run_id: str) -> dict[str, Any]:
        """One quarantine record. Raises `NotFound`."""
        from sr_domain.queries import lookups

        return lookups.quarantine(self._context, run_id)

    def plan(self, request: Mapping[str, Any]) -> PlanReport:
        """Compile and explain; writes nothing."""
        from sr_domain.queries import preview

        return preview.plan(self._context, request)

    def plan_diff(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
        """How two requests differ in intent, closure and hash; writes nothing."""
        from sr_domain.queries import preview

        return preview.plan_diff(self._context, one, other)

    def diff(self, run_id: str, other: str) -> dict[str, Any]:
        """How two runs differ, from their records and part lists. Raises `NotFound`."""
        from sr_domain.queries import run_diff

        return run_diff.run_diff(self._context, run_id, other)
