"""The Scenario Runner: one small object over the flows, for callers and embedders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from sr_domain.queries.facade import Queries
from sr_domain.run.callers import ITSELF, Actor, Called, document_of, named, sure
from sr_domain.run.context import Context

if TYPE_CHECKING:
    from sr_domain.flows.due_runs import DueRuns
    from sr_domain.flows.recover_store import StoreDecision
    from sr_domain.flows.reemit import Reemit
    from sr_domain.plan.pack import InterfacePack
    from sr_domain.plan.policy import Policy
    from sr_domain.plan.request import RunRequest
    from sr_domain.record.details import Standing
    from sr_domain.record.ledger import Event
    from sr_domain.run.outcome import Outcome
    from sr_domain.run.ports import Ports, Settings
    from sr_domain.run.trouble import Trouble
    from sr_ports import Envelope


class ScenarioRunner(Called, Queries):
    """Admits run requests, proves their evidence, publishes READY.

    Needs ports, a policy and an interface pack (or how to read it, when a plan is first made); no plugin, file or
    YAML. Every method may be called twice, at once, from any thread, or again after a crash (spec: mission, law 6),
    and imports its flow when it is first used. A context manager: leaving it closes the ports. A run may be named by
    its id, six characters of it or more, ``key:KEY``, or a ref that an answer or artifact carries.
    An `actor` is an `Identity`, or a name that nobody proved: see `sr_domain.run.callers`.
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

    def submit(self, request: Mapping[str, Any] | RunRequest, *, actor: Actor = None) -> Outcome:
        """Take a request as far as it goes now. Raises `BadInput`, `Unreachable`, `LeaseLost`; nothing is lost."""
        from sr_domain.flows.submit import submit

        return submit(self._context, document_of(request), actor=named(actor))

    def answered(self, request: Mapping[str, Any], *, actor: Actor = None) -> Outcome | None:
        """What `submit` says to a duplicate of a run that is settled; None, and nothing told, for any other request."""
        from sr_domain.flows import submit

        return submit.answered(self._context, request, actor=named(actor))

    def resume(self, run_id: str, *, actor: Actor = None, force: bool = False) -> Outcome:
        """Finish what waits. `force`: with one more engine attempt. Raises `NotFound`, `Unreachable`, `LeaseLost`."""
        from sr_domain.flows import resume

        return resume.resume(self._context, run_id, actor=sure(actor, ITSELF), force=force)

    def unsettled(self) -> Iterator[str]:
        """Ids of runs with something left to do."""
        from sr_domain.flows import resume

        return resume.unsettled(self._context)

    def lost(self) -> Iterator[str]:
        """Ids of the settled runs whose record is not there any more: resuming one says what each side knows."""
        from sr_domain.flows import resume

        return resume.lost(self._context)

    def due_runs(self) -> DueRuns:
        """What is due now, shared with whoever else asks: for loops that work for as long as they are let."""
        from sr_domain.flows.due_runs import DueRuns

        return DueRuns(self._context)

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

    def reemit(
        self,
        run_id: str,
        kind: str = "BOTH",
        *,
        reason: str | None = None,
        actor: Actor = "local",
        dry_run: bool = False,
        superseded: bool = False,
    ) -> Reemit | Outcome:
        """Publish READY or the terminal fact again, from truth. Raises `NotFound`, `BadInput`, `Unreachable`.

        An `Outcome` only for an actor who may not; both answers have `run_id`, `reason_code`, `message` and
        `document()`. `superseded`: READY of a run that has a successor too, which is refused otherwise.
        """
        from sr_domain.flows import reemit

        return reemit.reemit(
            self._context, run_id, kind, reason=reason, actor=sure(actor), dry_run=dry_run, superseded=superseded
        )

    def recover_artifact(self, run_id: str, artifact: str, *, reason: str, actor: Actor = "local") -> Outcome:
        """Set aside what stands in its place, and go on. Raises as `resume`, and `BadInput`, `Fault(TRUTH_LOST)`."""
        from sr_domain.flows import recover

        return recover.recover_artifact(self._context, run_id, artifact, reason=reason, actor=sure(actor))

    def recover_receipt(self, run_id: str, output_id: str, *, reason: str, actor: Actor = "local") -> Outcome:
        """Set aside an instance receipt that no decision rests on, as `recover_artifact` does an artifact."""
        from sr_domain.flows import recover_receipt

        return recover_receipt.recover_receipt(self._context, run_id, output_id, reason=reason, actor=sure(actor))

    def recover_store(self, what: str, *, reason: str, actor: Actor = "local") -> StoreDecision:
        """Decide that the store was `moved`, or is a `copy` or `new`. Raises `BadInput`, `Fault`, `Unreachable`."""
        from sr_domain.flows import recover_store

        return recover_store.recover_store(self._context, what, reason=reason, actor=sure(actor))

    def recover_run(self, run_id: str, *, reason: str, actor: Actor = "local") -> Outcome:
        """Accept that a record lost events: go on where the run was never READY, else end it; as `recover_artifact`."""
        from sr_domain.flows import recover_run

        return recover_run.recover_run(self._context, run_id, reason=reason, actor=sure(actor))

    def retry(
        self, run_id: str, request: Mapping[str, Any] | RunRequest | None = None, *, actor: Actor = None
    ) -> Outcome:
        """Ask again for what a run that ended without READY was asked for, under the next free key, as `submit` does.

        `request`: where record and index do not have it. A run of the series that goes on or is READY is the answer.
        """
        from sr_domain.flows import retry

        return retry.retry(self._context, run_id, document_of(request), actor=named(actor))

    def repair_status(self, run_id: str) -> bool:
        """Write the status the record derives, and nothing else; whether it had to be written."""
        from sr_domain.queries import audit

        return audit.repair_status(self._context, run_id)

    def rebuild_index(self, on_trouble: Callable[[Trouble], None] | None = None) -> int:
        """Bind again, from their records, the runs that the authority does not know; how many.

        `on_trouble` is told of each that cannot be bound; without it the first error is raised after the others.
        """
        from sr_domain.flows import index

        return index.rebuild_index(self._context, on_trouble)

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
