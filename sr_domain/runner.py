"""The Scenario Runner: one small object over the flows, for callers and embedders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from sr_domain.run.context import Context

if TYPE_CHECKING:
    from datetime import datetime

    from sr_domain.flows.recover_store import StoreDecision
    from sr_domain.flows.reemit import Reemit
    from sr_domain.plan.pack import InterfacePack
    from sr_domain.plan.policy import Policy
    from sr_domain.plan.request import RunRequest
    from sr_domain.queries.audit import Audit
    from sr_domain.queries.audit_all import StoreAudit
    from sr_domain.queries.explain import Explanation
    from sr_domain.queries.governance import Facts
    from sr_domain.queries.listing import Asked, Listing, Place
    from sr_domain.queries.preview import PlanReport
    from sr_domain.queries.timeline import Timeline
    from sr_domain.queries.verify import Verification
    from sr_domain.record.details import Standing
    from sr_domain.record.ledger import Event
    from sr_domain.run.outcome import Outcome
    from sr_domain.run.ports import Ports, Settings
    from sr_domain.run.trouble import Trouble
    from sr_ports import Envelope, SignatureChecker


class ScenarioRunner:
    """Admits run requests, proves their evidence, publishes READY.

    Needs ports, a policy and an interface pack (or how to read it, when a plan is first made); no plugin, file or
    YAML. Every method may be called twice, at once, from any thread, or again after a crash (spec: mission, law 6),
    and imports its flow when it is first used. A context manager: leaving it closes the ports. A run may be named by
    its id, six characters of it or more, ``key:KEY``, or a ref that an answer or artifact carries.
    """

    def __init__(
        self,
        ports: Ports,
        policy: Policy,
        pack: InterfacePack | Callable[[], InterfacePack],
        settings: Settings | None = None,
    ) -> None:
        from sr_domain.run.ports import Settings

        self._context: Context = Context(ports, settings or Settings(), policy, pack)

    @property
    def ports(self) -> Ports:
        """The ports that it was given."""
        return self._context.ports

    @property
    def pack(self) -> InterfacePack:
        """The interface pack, read at its first use. Raises `BadInput(PACK_INVALID)`."""
        return self._context.pack

    @property
    def policy(self) -> Policy:
        """The policy that it decides by."""
        return self._context.policy

    @property
    def settings(self) -> Settings:
        """What embedder or profile fixed for this process."""
        return self._context.settings

    def until(self, asked: Callable[[], bool]) -> Self:
        """The same runner for calls that may have to end early: they raise `Stopped` soon after `asked()` is true.

        Engine or law are ended, the lease is given up, and nothing is lost: the same call by any worker goes on. That
        holds for what works on a run, and for `verify`. `asked` is called often, and from several threads.
        """
        from sr_domain.run import stopping

        other = copy(self)
        other._context = stopping.until(self._context, asked)
        return other

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def submit(self, request: Mapping[str, Any] | RunRequest, *, actor: str | None = None) -> Outcome:
        """Take a request as far as it goes now. Raises `BadInput`, `Unreachable`, `LeaseLost`; nothing is lost."""
        from sr_domain.flows.submit import submit
        from sr_domain.plan.request import RunRequest

        return submit(self._context, request.document() if isinstance(request, RunRequest) else request, actor=actor)

    def answered(self, request: Mapping[str, Any], *, actor: str | None = None) -> Outcome | None:
        """What `submit` says to a duplicate of a run that is settled; None, and nothing told, for any other request."""
        from sr_domain.flows import submit

        return submit.answered(self._context, request, actor=actor)

    def resume(self, run_id: str, *, actor: str = "resume", force: bool = False) -> Outcome:
        """Finish what waits. `force`: with one more engine attempt. Raises `NotFound`, `Unreachable`, `LeaseLost`."""
        from sr_domain.flows import resume

        return resume.resume(self._context, run_id, actor=actor, force=force)

    def unsettled(self) -> Iterator[str]:
        """Ids of runs with something left to do."""
        from sr_domain.flows import resume

        return resume.unsettled(self._context)

    def lost(self) -> Iterator[str]:
        """Ids of the settled runs whose record is not there any more: resuming one says what each side knows."""
        from sr_domain.flows import resume

        return resume.lost(self._context)

    def due(self, run_id: str) -> bool:
        """Whether an unsettled run should be tried now, or its bus be given more time. Raises `NotFound`."""
        from sr_domain.flows import resume

        return resume.due(self._context, run_id)

    def status(self, run_id: str) -> Outcome:
        """Where a run is. Raises `NotFound`."""
        from sr_domain.queries import lookups

        return lookups.status(self._context, run_id)

    def run_id(self, run: str) -> str:
        """The id of a run by any name of it. Raises `BadInput` where a prefix fits several, `NotFound` for none."""
        from sr_domain.run import names

        return names.id_of(self.ports, run)

    def record(self, run_id: str) -> tuple[Event, ...]:
        """A run's record, every event in order. Raises `NotFound`, `Fault(RECORD_INVALID)`."""
        from sr_domain.run import lookup

        return lookup.record_of(self._context, run_id, admitted=False)[1].events

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

    def reemit(
        self,
        run_id: str,
        kind: str = "BOTH",
        *,
        reason: str | None = None,
        actor: str = "local",
        dry_run: bool = False,
        superseded: bool = False,
    ) -> Reemit | Outcome:
        """Publish READY or the terminal fact again, from truth. Raises `NotFound`, `BadInput`, `Unreachable`.

        An `Outcome` only for an actor who may not; both answers have `run_id`, `reason_code`, `message` and
        `document()`. `superseded`: READY of a run that has a successor too, which is refused otherwise.
        """
        from sr_domain.flows import reemit

        return reemit.reemit(
            self._context, run_id, kind, reason=reason, actor=actor, dry_run=dry_run, superseded=superseded
        )

    def recover_artifact(self, run_id: str, artifact: str, *, reason: str, actor: str = "local") -> Outcome:
        """Set aside what stands in its place, and go on. Raises as `resume`, and `BadInput`, `Fault(TRUTH_LOST)`."""
        from sr_domain.flows import recover

        return recover.recover_artifact(self._context, run_id, artifact, reason=reason, actor=actor)

    def recover_receipt(self, run_id: str, output_id: str, *, reason: str, actor: str = "local") -> Outcome:
        """Set aside an instance receipt that no decision rests on, as `recover_artifact` does an artifact."""
        from sr_domain.flows import recover_receipt

        return recover_receipt.recover_receipt(self._context, run_id, output_id, reason=reason, actor=actor)

    def recover_store(self, what: str, *, reason: str, actor: str = "local") -> StoreDecision:
        """Decide that the store was `moved`, or is a `copy` or `new`. Raises `BadInput`, `Fault`, `Unreachable`."""
        from sr_domain.flows import recover_store

        return recover_store.recover_store(self._context, what, reason=reason, actor=actor)

    def recover_run(self, run_id: str, *, reason: str, actor: str = "local") -> Outcome:
        """Accept that a record lost events: go on where the run was never READY, else end it; as `recover_artifact`."""
        from sr_domain.flows import recover_run

        return recover_run.recover_run(self._context, run_id, reason=reason, actor=actor)

    def retry(
        self, run_id: str, request: Mapping[str, Any] | RunRequest | None = None, *, actor: str | None = None
    ) -> Outcome:
        """Ask again for what a run that ended without READY was asked for, under the next free key, as `submit` does.

        `request`: where record and index do not have it. A run of the series that goes on or is READY is the answer.
        """
        from sr_domain.flows import retry
        from sr_domain.plan.request import RunRequest

        document = request.document() if isinstance(request, RunRequest) else request
        return retry.retry(self._context, run_id, document, actor=actor)

    def explain(self, run_id: str) -> Explanation:
        """Why a run is where it is. Raises `NotFound`."""
        from sr_domain.queries import explain

        return explain.explain_run(self._context, run_id)

    def audit(self, run_id: str) -> Audit:
        """Whether anything in a run's truth was altered. Raises `NotFound` for a run that nobody knows."""
        from sr_domain.queries import audit

        return audit.audit_run(self._context, run_id)

    def audit_all(self) -> StoreAudit:
        """A look at the union of records, artifacts, index and bus, over every platform run of the store."""
        from sr_domain.queries.audit_all import StoreAudit

        return StoreAudit(self._context)

    def repair_status(self, run_id: str) -> bool:
        """Write the status the record derives, and nothing else; whether it had to be written."""
        from sr_domain.queries import audit

        return audit.repair_status(self._context, run_id)

    def recorded_runs(self) -> Iterator[str]:
        """The refs of every run's record in every platform run of the store, the newest platform run first."""
        from sr_domain.run import platform_runs

        return platform_runs.record_refs(self.ports)

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

    def rebuild_index(self, on_trouble: Callable[[Trouble], None] | None = None) -> int:
        """Bind again, from their records, the runs that the authority does not know; how many.

        `on_trouble` is told of each that cannot be bound; without it the first error is raised after the others.
        """
        from sr_domain.flows import index

        return index.rebuild_index(self._context, on_trouble)

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

    def tell_standing(self, before: Standing | None = None) -> Standing:
        """Count what is not settled, by the index; telemetry is told unless it is as it was `before`."""
        from sr_domain.queries import standing

        return standing.tell_standing(self._context, before)

    def tail(
        self, *, from_start: bool = True, follow: bool = False, platform_run: str | None = None
    ) -> Iterator[Envelope]:
        """Control facts of the runs of all platform runs, oldest first. `from_start`: also those that are there.

        `follow`: wait for more, also of platform runs that begin. `platform_run`: only facts about its runs.
        """
        for envelope in self.ports.bus.tail(self.settings.topic, from_start=from_start, follow=follow):
            if platform_run in (None, envelope.attributes.get("platform_run_id")):
                yield envelope

    @property
    def notices(self) -> tuple[str, ...]:
        """How answers came about where that was not the usual way: an authority that was not asked, say."""
        return self._context.all_notices

    def close(self) -> None:
        """Let go of what the ports hold open."""
        self.ports.close()
