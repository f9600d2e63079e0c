"""What is only read of runs, of one and of all: the use cases of a runner that write nothing, bar one that is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from sr_domain.queries.audit import Audit
    from sr_domain.queries.audit_all import StoreAudit
    from sr_domain.queries.dossier import Dossier
    from sr_domain.queries.explain import Explanation
    from sr_domain.queries.governance import Facts
    from sr_domain.queries.listing import Asked, Listing, Place
    from sr_domain.queries.preview import PlanReport
    from sr_domain.queries.rows import RunRow
    from sr_domain.queries.timeline import Timeline
    from sr_domain.queries.verify import Verification
    from sr_domain.record.details import Standing
    from sr_domain.run.context import Context
    from sr_domain.run.trouble import Trouble
    from sr_ports import SignatureChecker


class Queries:
    """The read side of `sr_domain.runner.ScenarioRunner`. Each method imports its query when it is first used."""

    _context: Context

    def timeline(self, run_id: str) -> Timeline:
        """A run's record as a story in time. Raises `NotFound`, `Fault(RECORD_INVALID)`."""
        from sr_domain.queries import timeline
        from sr_domain.run import lookup

        return timeline.timeline(lookup.record_of(self._context, run_id, admitted=False)[1])

    def facts(self, run_id: str) -> dict[str, Any]:
        """A run's facts view. Raises `NotFound`."""
        from sr_domain.queries import lookups

        return lookups.facts(self._context, run_id)

    def planned(self, run_id: str) -> dict[str, Any]:
        """The plan that a run has for life. Raises `NotFound`."""
        from sr_domain.queries import lookups

        return lookups.planned(self._context, run_id)

    def runs(self, *, state: str | None = None, limit: int = 100, after: str | None = None) -> list[Mapping[str, Any]]:
        """The runs that the authority knows, by ascending id; with no platform run, of all that the store has."""
        from sr_domain.queries import lookups

        return lookups.runs(self._context, state=state, limit=limit, after=after)

    def listing(self, asked: Asked, *, limit: int = 100, after: Place | None = None) -> Listing:
        """The runs that the authority knows and `asked` takes, the newest first; only those behind the place `after`.

        Raises `Unreachable`.
        """
        from sr_domain.queries import listing

        return listing.listing(self._context, asked, limit, after)

    def explain(self, run_id: str) -> Explanation:
        """Why a run is where it is. Raises `NotFound`."""
        from sr_domain.queries import explain

        return explain.explain_run(self._context, run_id)

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

    def audit(self, run_id: str) -> Audit:
        """Whether anything in a run's truth was altered. Raises `NotFound` for a run that nobody knows."""
        from sr_domain.queries import audit

        return audit.audit_run(self._context, run_id)

    def audit_all(self) -> StoreAudit:
        """A look at the union of records, artifacts, index and bus, over every platform run of the store."""
        from sr_domain.queries.audit_all import StoreAudit

        return StoreAudit(self._context)

    def recorded_runs(self) -> Iterator[str]:
        """The refs of every run's record in every platform run of the store, the newest platform run first."""
        from sr_domain.run import platform_runs

        return platform_runs.record_refs(self._context.ports)

    def ready_runs(self, asked: Asked | None = None, *, limit: int = 100) -> tuple[list[Mapping[str, Any]], bool]:
        """READY runs of every platform run, from the object store alone, and whether there may be more than `limit`."""
        from sr_domain.queries import listing

        return listing.ready_runs(self._context, asked or listing.Asked(), limit)

    def verify(
        self,
        run_id: str,
        *,
        engine_run_root: str | None = None,
        fast: bool = False,
        signed_by: SignatureChecker | None = None,
        allow_superseded: bool = False,
    ) -> Verification:
        """Re-prove a run's facts view, as a consumer would; `signed_by`: whose attestation it must have.
        A run that was superseded is at fault unless `allow_superseded`. Raises `NotFound`."""
        from sr_domain.queries import verify_run

        root, allowed = engine_run_root, allow_superseded
        return verify_run.verify_run(
            self._context, run_id, engine_run_root=root, fast=fast, signed_by=signed_by, allow_superseded=allowed
        )

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

    def governance_facts(self, since: datetime | None = None) -> Iterator[tuple[str, Facts | Trouble]]:
        """By ref of a record, its governance facts from `since` on with what proves them; or what was wrong with it."""
        from sr_domain.queries import governance

        return governance.governance_facts(self._context, since)
