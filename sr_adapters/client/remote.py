"""A run authority that is a service: the use cases of the command line, asked over HTTP.

Each method says and raises what `ScenarioRunner`'s own does; what the service refuses comes back as the same error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.client import values
from sr_adapters.client.place import Place
from sr_adapters.client.reports import BusReader, RemoteAudit, audited
from sr_adapters.client.service import Service, about
from sr_adapters.client.transport import Question, Transport
from sr_domain.record.states import RunState
from sr_domain.run import names
from sr_domain.run.trouble import Trouble
from sr_ports import BadInput, NotFound, ReasonCode

if TYPE_CHECKING:
    from sr_domain.flows.reemit import Reemit
    from sr_domain.queries.audit import Audit
    from sr_domain.queries.explain import Explanation
    from sr_domain.queries.listing import Asked, Listing
    from sr_domain.queries.timeline import Timeline
    from sr_domain.queries.verifier import Verification
    from sr_domain.record.details import Standing
    from sr_domain.run.callers import Actor
    from sr_domain.run.outcome import Outcome
    from sr_ports import Envelope

_PAGE = 1000
_LONGEST_ANSWER_S = 86_400.0
FOLLOW_S = 2.0
"""Seconds between two looks at the bus of a service that is followed."""
_FIRST_LOOK_S, _SLOWER, _LONGEST_LOOK_S = 0.2, 1.5, 5.0
"""How soon a run that the service works on is looked at, and how much later each time."""


class RemoteRunner:
    """A service, as the command line asks it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @classmethod
    def at(cls, url: str, env: Mapping[str, str]) -> RemoteRunner:
        """The service at `url`, of which nothing is asked yet.

        `env`: the process's, with `SR_TOKEN` and `SR_SERVER_TIMEOUT`. Raises `BadInput(USAGE)` for what is no address,
        no token or no time.
        """
        transport = Transport(Place.of(url), env.get("SR_TOKEN"), answer_s=_answer_s(env.get("SR_SERVER_TIMEOUT")))
        return cls(Service(transport))

    def submit(self, request: Mapping[str, Any], *, actor: Actor = None) -> Outcome:
        """Submit, and follow for as long as the service works on it, as a runner of this process would.

        The key makes it safe to ask again: the same request finds the same run.
        """
        question = Question("POST", ("v1", "runs"), body=dict(request), actor=_claim(actor))
        first = self._outcome(question)
        last = self._to_its_rest(first, lambda: self._outcome(question))
        # Time was up before the service told how it ended: whoever bound the key an answer ago is who asks here.
        return last if last is first else attrs.evolve(last, is_new=True)

    def resume(self, run_id: str, *, actor: Actor = None, force: bool = False) -> Outcome:
        """Finish what waits."""
        first = self._resumed(run_id, _claim(actor), force=force)
        return self._to_its_rest(first, lambda: self._resumed(first.run_id, _claim(actor)))

    def _resumed(self, run_id: str, actor: str | None, *, force: bool = False) -> Outcome:
        return self._outcome(about(run_id, "resume", body={"force": True} if force else {}, actor=actor), run_id)

    def retry(self, run_id: str, request: Mapping[str, Any] | None = None, *, actor: Actor = None) -> Outcome:
        """Ask again under the next free key. Not asked twice: a series has one more run each time."""
        body = {} if request is None else {"request": dict(request)}
        question = about(run_id, "retry", body=body, actor=_claim(actor), again=False)
        first = self._outcome(question, run_id)
        return self._to_its_rest(first, lambda: self._resumed(first.run_id, _claim(actor)))

    def _to_its_rest(self, outcome: Outcome, look: Callable[[], Outcome]) -> Outcome:
        """The outcome once the service works on the run no more. One that another worker holds is left to that."""
        pause_s, told = _FIRST_LOOK_S, outcome.in_flight
        while not told and _goes_on(outcome):
            time.sleep(pause_s)
            pause_s = min(pause_s * _SLOWER, _LONGEST_LOOK_S)
            outcome = look()
        return outcome

    def recover_run(self, run_id: str, *, reason: str, actor: Actor = None) -> Outcome:
        """Accept that a record lost events."""
        return self._recovered(run_id, {}, reason, actor)

    def recover_artifact(self, run_id: str, artifact: str, *, reason: str, actor: Actor = None) -> Outcome:
        """Set aside what stands in an artifact's place."""
        return self._recovered(run_id, {"artifact": artifact}, reason, actor)

    def recover_receipt(self, run_id: str, output_id: str, *, reason: str, actor: Actor = None) -> Outcome:
        """Set aside an instance receipt that no decision rests on."""
        return self._recovered(run_id, {"receipt": output_id}, reason, actor)

    def _recovered(self, run_id: str, what: Mapping[str, str], reason: str, actor: Actor) -> Outcome:
        body = {**what, "accept_loss": True, "reason": reason}
        first = self._outcome(about(run_id, "recover", body=body, actor=_claim(actor), again=False), run_id)
        return self._to_its_rest(first, lambda: self._resumed(first.run_id, _claim(actor)))

    def reemit(
        self,
        run_id: str,
        kind: str = "BOTH",
        *,
        reason: str | None = None,
        actor: Actor = None,
        dry_run: bool = False,
        superseded: bool = False,
    ) -> Reemit | Outcome:
        """Publish READY or the terminal fact again."""
        body = {"run_id": self.run_id(run_id), "reemit_kind": kind, "dry_run": dry_run}
        if reason is not None:
            body["reason"] = reason
        query = {"superseded": "true"} if superseded else {}
        question = about(run_id, "reemit", query=query, body=body, actor=_claim(actor), again=False)
        document, said = self._service.told(question, "reemit", run_id)
        return self._service.value(values.reemit, document, said)

    def status(self, run_id: str) -> Outcome:
        """Where a run is."""
        return self._outcome(about(run_id), run_id)

    def run_id(self, run: str) -> str:
        """The id of a run by any name of it: the service is asked for a prefix alone."""
        return names.id_in(run) or self.status(run).run_id

    def timeline(self, run_id: str) -> Timeline:
        """A run's record as a story."""
        return self._service.value(values.timeline, self._service.told(about(run_id, "record"), "timeline", run_id)[0])

    def facts(self, run_id: str) -> Mapping[str, Any]:
        """A run's facts view."""
        return self._service.told(about(run_id, "facts"), "run_facts_view", run_id)[0]

    def explain(self, run_id: str) -> Explanation:
        """Why a run is where it is."""
        document, _ = self._service.told(about(run_id, "explain"), "explain", run_id)
        return self._service.value(values.explanation, document)

    def plan(self, request: Mapping[str, Any]) -> Told:
        """What a request would do."""
        return Told(self._service.told(Question("POST", ("v1", "plan"), body=dict(request)), "plan")[0])

    def plan_diff(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
        """How two requests differ."""
        body = {"request": dict(one), "other": dict(other)}
        return self._service.told(Question("POST", ("v1", "plan"), body=body), "plan_diff")[0]

    def listing(self, asked: Asked, *, limit: int = 100) -> Listing:
        """The runs that are asked for, the newest first; page after page, where one does not have them all."""
        found = self._page(_query(asked), limit)
        rows, more = list(found["runs"]), found.get("more", False)
        while more and len(rows) < limit and "cursor" in found:
            found = self._page({**_query(asked), "cursor": found["cursor"]}, limit - len(rows))
            rows, more = rows + found["runs"], found.get("more", False)
        return values.listing({**found, "runs": rows, "more": more})

    def _page(self, query: Mapping[str, str], limit: int) -> Mapping[str, Any]:
        asked = {**query, "limit": str(min(limit, _PAGE))}
        return self._service.told(Question("GET", ("v1", "runs"), asked), "list")[0]

    def ready_runs(self, asked: Asked | None = None, *, limit: int = 100) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """Not asked of a service: `sr list --ready` reads the object store alone. Raises `BadInput(LOCAL_COMMAND)`."""
        raise BadInput(ReasonCode.LOCAL_COMMAND, "a service lists the runs that its authority knows")

    def quarantined(self) -> Sequence[Mapping[str, Any]]:
        """Every quarantine record."""
        document = self._service.told(Question("GET", ("v1", "quarantine")), "quarantine_list")[0]
        return list(document["quarantine"])

    def quarantine(self, run_id: str) -> Mapping[str, Any]:
        """One quarantine record."""
        name = names.id_in(run_id) or run_id
        return self._service.told(Question("GET", ("v1", "quarantine", name)), "quarantine_record", run_id)[0]

    def verify(
        self, run: str, *, engine_run_root: str | None = None, fast: bool = False, allow_superseded: bool = False
    ) -> Verification:
        """Re-prove a run's facts view, where the service is."""
        body = {"run_id": run, "fast": fast, "allow_superseded": allow_superseded}
        if engine_run_root is not None:
            body["engine_run_root"] = engine_run_root
        try:
            document, _ = self._service.told(Question("POST", ("v1", "verify"), body=body, long=True), "verify")
        except NotFound:  # as a consumer says it, who knows views alone
            raise names.no_view(run) from None
        return self._service.value(values.verification, document)

    def audit(self, run_id: str) -> Audit:
        """Whether anything in a run's truth was altered. Raises what stood in the way of it."""
        document = audited(self._service, {"runs": [run_id]}, run_id)
        done = self._service.value(values.audit, document["runs"][0])
        if isinstance(done, Trouble):
            raise done.error
        return done

    def audit_all(self) -> RemoteAudit:
        """A look at all that the service's store has."""
        return RemoteAudit(self._service)

    def repair_status(self, run_id: str) -> bool:
        """Write the status that the record derives; whether it had to be written."""
        return bool(audited(self._service, {"runs": [run_id], "repair_status": True}, run_id)["repaired"])

    def unsettled(self) -> Iterator[str]:
        """Ids of runs that have not come to their end. What the bus was not told yet, a service tells it by itself."""
        query = {"state": ",".join(one.value for one in RunState if not one.final)}
        while True:
            found = self._page(query, _PAGE)
            yield from [row["run_id"] for row in found["runs"]]
            if "cursor" not in found:
                return
            query = {**query, "cursor": found["cursor"]}

    def lost(self) -> Iterator[str]:
        """None: a service looks after records that are gone itself."""
        return iter(())

    def tell_standing(self, before: Standing | None = None) -> Standing | None:
        """Nothing: a service counts what is not settled itself."""
        return before

    def tail(
        self, *, from_start: bool = True, follow: bool = False, platform_run: str | None = None
    ) -> Iterator[Envelope]:
        """Control facts of all platform runs, oldest first. `follow`: looks for more every `FOLLOW_S`."""
        read = BusReader(self._service, {} if platform_run is None else {"platform_run": platform_run})
        facts = read.news()
        if not from_start:
            for _ in facts:
                pass
            facts = read.news()
        while True:
            yield from facts
            if not follow:
                return
            time.sleep(FOLLOW_S)
            facts = read.news()

    def _outcome(self, question: Question, run: str = "") -> Outcome:
        document, said = self._service.told(question, "outcome", run)
        return self._service.value(values.outcome, document, said)

    def plugins(self) -> Mapping[str, Any]:
        """Adapters and laws by port, where the service is."""
        return self._service.told(Question("GET", ("v1", "plugins")), "plugins")[0]


@attrs.frozen
class Told:
    """An answer that is shown as its document says it."""

    told: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """As it came."""
        return dict(self.told)


def _answer_s(told: str | None) -> float | None:
    """Seconds for a whole answer; None where nobody says. Raises `BadInput(USAGE)`."""
    if not told:
        return None
    with suppress(ValueError):
        if 0 < float(told) <= _LONGEST_ANSWER_S:
            return float(told)
    what = "SR_SERVER_TIMEOUT is no number of seconds"
    raise BadInput(ReasonCode.USAGE, what, f"give one up to {_LONGEST_ANSWER_S:.0f}, or unset it")


def _claim(actor: Actor) -> str | None:
    """Who is claimed to ask. Whom a token proves, the service finds out by itself."""
    return actor if isinstance(actor, str) else None


def _goes_on(outcome: Outcome) -> bool:
    """Whether somebody works on the run now, as far as its state tells: one that waits or ended rests."""
    if outcome.in_flight:
        return True
    resting = outcome.state is None or outcome.state.final or outcome.state.value == "WAITING_EVIDENCE"
    return not resting and outcome.reason_code is None


def _query(asked: Asked) -> dict[str, str]:
    """What is asked for, as the query of a URL."""
    states = {} if asked.states is None else {"state": ",".join(asked.states)}
    since = {} if asked.since is None else {"since": _instant(asked.since)}
    return {**states, **since, **({} if asked.key is None else {"key": asked.key})}


def _instant(at: datetime) -> str:
    from sr_domain.encoding.times import format_instant

    return format_instant(at)
