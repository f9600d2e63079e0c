"""The Scenario Runner: one small object over the flows, for callers and embedders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sr_domain import audit as auditing
from sr_domain import explain as explaining
from sr_domain import reemit as reemitting
from sr_domain import resume as resuming
from sr_domain import submit as submitting
from sr_domain import verify as verifying
from sr_domain import views
from sr_domain.layout import Layout
from sr_domain.ledger import Event
from sr_domain.outcome import Outcome
from sr_domain.pack import InterfacePack
from sr_domain.policy import Policy
from sr_domain.ports import Ports, Settings
from sr_domain.request import RunRequest
from sr_domain.submit import Desk
from sr_domain.timeline import Timeline, timeline
from sr_ports import SignatureChecker


class ScenarioRunner:
    """Admits run requests, proves their evidence, publishes READY.

    Needs ports, a policy and an interface pack; no plugin, file or YAML. Every method may
    be called twice, at once, or again after a crash (spec: mission, law 6). A context manager.
    """

    def __init__(self, ports: Ports, policy: Policy, pack: InterfacePack, settings: Settings | None = None) -> None:
        self.desk = Desk(ports, settings or Settings(), policy, pack)

    def __enter__(self) -> ScenarioRunner:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def submit(self, request: Mapping[str, Any] | RunRequest, *, actor: str | None = None) -> Outcome:
        """Admit a request and take its run as far as it goes now.

        Raises `BadInput`, `Unreachable`, `LeaseLost`: nothing is lost, submit again.
        """
        document = request.document() if isinstance(request, RunRequest) else request
        return submitting.submit(self.desk, document, actor=actor)

    def resume(self, run_id: str, *, actor: str = "resume") -> Outcome:
        """Finish what waits or was left. Raises `NotFound`, `Unreachable`, `LeaseLost`."""
        return resuming.resume(self.desk, views.check_run_id(run_id), actor=actor)

    def unsettled(self) -> Iterator[str]:
        """Ids of runs with something left to do."""
        return resuming.unsettled(self.desk)

    def due(self, run_id: str) -> bool:
        """Whether an unsettled run should be tried now, or its bus be given more time. Raises `NotFound`."""
        return resuming.due(self.desk, views.check_run_id(run_id))

    def status(self, run_id: str) -> Outcome:
        """Where a run is. Raises `NotFound`."""
        return views.status(self.desk, run_id)

    def record(self, run_id: str) -> tuple[Event, ...]:
        """A run's record, every event in order. Raises `NotFound`, `Fault(RECORD_INVALID)`."""
        return views.record_of(self.desk, run_id)[1].events

    def timeline(self, run_id: str) -> Timeline:
        """A run's record as a story in time. Raises `NotFound`, `Fault(RECORD_INVALID)`."""
        return timeline(views.record_of(self.desk, run_id)[1])

    def facts(self, run_id: str) -> dict[str, Any]:
        """A run's facts view. Raises `NotFound`."""
        return views.facts(self.desk, run_id)

    def runs(self, *, state: str | None = None, limit: int = 100, after: str | None = None) -> list[Mapping[str, Any]]:
        """The runs known here, by ascending id."""
        return views.runs(self.desk, state=state, limit=limit, after=after)

    def reemit(
        self, run_id: str, kind: str = "BOTH", *, reason: str | None = None, actor: str = "local", dry_run: bool = False
    ) -> reemitting.Reemit | Outcome:
        """Publish READY or the terminal fact again, from truth. Raises `NotFound`, `BadInput`."""
        return reemitting.reemit(self.desk, run_id, kind, reason=reason, actor=actor, dry_run=dry_run)

    def explain(self, run_id: str) -> explaining.Explanation:
        """Why a run is where it is. Raises `NotFound`."""
        layout, ledger = views.record_of(self.desk, run_id)
        return explaining.explain(self.desk.ports, layout, ledger)

    def audit(self, run_id: str) -> auditing.Audit:
        """Whether anything in a run's truth was altered. Raises `NotFound` when nothing was ever submitted here."""
        layout = views.home(self.desk, views.check_run_id(run_id))
        return auditing.audit(self.desk.ports, layout, run_id)

    def repair_status(self, run_id: str) -> bool:
        """Write the status the record derives, and nothing else; whether it had to be written."""
        layout = views.home(self.desk, views.check_run_id(run_id))
        return auditing.repair_status(self.desk.ports, layout, run_id)

    def recorded_runs(self) -> Iterator[str]:
        """Ids of every run with a record in the current platform run."""
        current = self.desk.ports.platform.current()
        return iter(()) if current is None else auditing.recorded_runs(self.desk.ports, Layout(current))

    def verify(
        self,
        run_id: str,
        *,
        engine_run_root: str | None = None,
        fast: bool = False,
        signed_by: SignatureChecker | None = None,
    ) -> verifying.Verification:
        """Re-prove a run's facts view, as a consumer would; `signed_by`: whose attestation it must have.

        Raises `NotFound`.
        """
        ports = self.desk.ports
        layout, _ = views.record_of(self.desk, run_id)
        facts = self.facts(run_id)
        blob = ports.store.read(layout.facts(run_id))
        data = b"" if blob is None else blob.data
        verifier = verifying.Verifier(
            ports.store, ports.roots, ports.laws, ports.pool, ports.clock, signed_by=signed_by
        )
        return verifying.verify(verifier, data, facts, engine_run_root=engine_run_root, fast=fast)

    def quarantined(self) -> list[Mapping[str, Any]]:
        """Every quarantine record of the current platform run, by run id."""
        return views.quarantined(self.desk)

    def quarantine(self, run_id: str) -> dict[str, Any]:
        """One quarantine record. Raises `NotFound`."""
        return views.quarantine(self.desk, run_id)

    def rebuild_index(self) -> int:
        """Bind again, from their records, the runs that the authority does not know; how many."""
        return resuming.rebuild_index(self.desk)

    def plan(self, request: Mapping[str, Any]) -> views.PlanReport:
        """Compile and explain; writes nothing."""
        return views.plan(self.desk, request)

    def plan_diff(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
        """How two requests differ in intent, closure and hash; writes nothing."""
        return views.plan_diff(self.desk, one, other)

    def close(self) -> None:
        """Let go of what the ports hold open."""
        self.desk.ports.authority.close()
        self.desk.ports.bus.close()
        self.desk.ports.telemetry.close()
