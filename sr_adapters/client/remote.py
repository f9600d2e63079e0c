"""A run authority that is a service: the use cases of the command line, asked over HTTP.

Each method says and raises what `ScenarioRunner`'s own does; what the service refuses comes back as the same error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from sr_adapters.client import values
from sr_adapters.client.place import Place
from sr_adapters.client.transport import ANSWER_S, Question, Reply, Transport
from sr_domain.encoding.contracts import problem
from sr_domain.run import names
from sr_domain.run.trouble import Trouble
from sr_ports import REASONS, BadInput, Fault, Kind, NotFound, ReasonCode, SrError, Unreachable

if TYPE_CHECKING:
    from sr_domain.flows.reemit import Reemit
    from sr_domain.queries.audit import Audit
    from sr_domain.queries.audit_all import Audited
    from sr_domain.queries.explain import Explanation
    from sr_domain.queries.finding import Finding
    from sr_domain.queries.listing import Asked, Listing
    from sr_domain.queries.timeline import Timeline
    from sr_domain.queries.verifier import Verification
    from sr_domain.record.details import Standing
    from sr_domain.run.outcome import Outcome
    from sr_ports import Envelope

_T = TypeVar("_T")
_RAISED: Mapping[Kind, Callable[[ReasonCode, str, str | None], SrError]] = {
    Kind.USAGE: BadInput,
    Kind.MISSING: NotFound,
    Kind.UNREACHABLE: Unreachable,
    Kind.FAULT: Fault,
}
"""What the runner raises of a kind of trouble; of any other, the family itself."""
_PAGE = 1000
_LONGEST_ANSWER_S = 86_400.0
_REFUSED = 400
_FIRST_LOOK_S, _SLOWER, _LONGEST_LOOK_S = 0.2, 1.5, 5.0
"""How soon a run that the service works on is looked at, and how much later each time."""


class RemoteRunner:
    """The service behind `transport`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    def at(cls, url: str, env: Mapping[str, str]) -> RemoteRunner:
        """The service at `url`, of which nothing is asked yet.

        `env`: the process's, with `SR_TOKEN` and `SR_SERVER_TIMEOUT`. Raises `BadInput(USAGE)` for what is no address,
        no token or no time.
        """
        return cls(Transport(Place.of(url), env.get("SR_TOKEN"), answer_s=_answer_s(env.get("SR_SERVER_TIMEOUT"))))

    def submit(self, request: Mapping[str, Any], *, actor: str | None = None) -> Outcome:
        """Submit, and follow for as long as the service works on it, as a runner of this process would.

        The key makes it safe to ask again: the same request finds the same run.
        """
        question = Question("POST", ("v1", "runs"), body=dict(request), actor=actor)
        first = self._outcome(question)
        last = self._to_its_rest(first, lambda: self._outcome(question))
        # Time was up before the service told how it ended: whoever bound the key an answer ago is who asks here.
        return last if last is first else attrs.evolve(last, is_new=True)

    def resume(self, run_id: str, *, force: bool = False) -> Outcome:
        """Finish what waits."""
        first = self._resumed(run_id, force=force)
        return self._to_its_rest(first, lambda: self._resumed(first.run_id))

    def _resumed(self, run_id: str, *, force: bool = False) -> Outcome:
        return self._outcome(self._about(run_id, "resume", body={"force": True} if force else {}), run_id)

    def retry(self, run_id: str, request: Mapping[str, Any] | None = None, *, actor: str | None = None) -> Outcome:
        """Ask again under the next free key. Not asked twice: a series has one more run each time."""
        body = {} if request is None else {"request": dict(request)}
        question = self._about(run_id, "retry", body=body, actor=actor, again=False)
        first = self._outcome(question, run_id)
        return self._to_its_rest(first, lambda: self._resumed(first.run_id))

    def _to_its_rest(self, outcome: Outcome, look: Callable[[], Outcome]) -> Outcome:
        """The outcome once the service works on the run no more. One that another worker holds is left to that."""
        pause_s, told = _FIRST_LOOK_S, outcome.in_flight
        while not told and _goes_on(outcome):
            time.sleep(pause_s)
            pause_s = min(pause_s * _SLOWER, _LONGEST_LOOK_S)
            outcome = look()
        return outcome

    def recover_run(self, run_id: str, *, reason: str, actor: str = "local") -> Outcome:
        """Accept that a record lost events."""
        return self._recovered(run_id, {}, reason, actor)

    def recover_artifact(self, run_id: str, artifact: str, *, reason: str, actor: str = "local") -> Outcome:
        """Set aside what stands in an artifact's place."""
        return self._recovered(run_id, {"artifact": artifact}, reason, actor)

    def recover_receipt(self, run_id: str, output_id: str, *, reason: str, actor: str = "local") -> Outcome:
        """Set aside an instance receipt that no decision rests on."""
        return self._recovered(run_id, {"receipt": output_id}, reason, actor)

    def _recovered(self, run_id: str, what: Mapping[str, str], reason: str, actor: str) -> Outcome:
        body = {**what, "accept_loss": True, "reason": reason}
        first = self._outcome(self._about(run_id, "recover", body=body, actor=actor, again=False), run_id)
        return self._to_its_rest(first, lambda: self._resumed(first.run_id))

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
        """Publish READY or the terminal fact again."""
        body = {"run_id": self.run_id(run_id), "reemit_kind": kind, "requested_by": actor, "dry_run": dry_run}
        if reason is not None:
            body["reason"] = reason
        query = {"superseded": "true"} if superseded else {}
        question = self._about(run_id, "reemit", query=query, body=body, actor=actor, again=False)
        document, said = self._told(question, "reemit", run_id)
        return self._value(values.reemit, document, said)

    def status(self, run_id: str) -> Outcome:
        """Where a run is."""
        return self._outcome(self._about(run_id), run_id)

    def run_id(self, run: str) -> str:
        """The id of a run by any name of it: the service is asked for a prefix alone."""
        return names.id_in(run) or self.status(run).run_id

    def timeline(self, run_id: str) -> Timeline:
        """A run's record as a story."""
        return self._value(values.timeline, self._told(self._about(run_id, "record"), "timeline", run_id)[0])

    def facts(self, run_id: str) -> Mapping[str, Any]:
        """A run's facts view."""
        return self._told(self._about(run_id, "facts"), "run_facts_view", run_id)[0]

    def explain(self, run_id: str) -> Explanation:
        """Why a run is where it is."""
        return self._value(values.explanation, self._told(self._about(run_id, "explain"), "explain", run_id)[0])

    def plan(self, request: Mapping[str, Any]) -> Told:
        """What a request would do."""
        return Told(self._told(Question("POST", ("v1", "plan"), body=dict(request)), "plan")[0])

    def plan_diff(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
        """How two requests differ."""
        body = {"request": dict(one), "other": dict(other)}
        return self._told(Question("POST", ("v1", "plan"), body=body), "plan_diff")[0]

    def listing(self, asked: Asked, *, limit: int = 100) -> Listing:
        """The runs that are asked for, the newest first."""
        question = Question("GET", ("v1", "runs"), {**_query(asked), "limit": str(limit)})
        return self._value(values.listing, self._told(question, "list")[0])

    def ready_runs(self, asked: Asked | None = None, *, limit: int = 100) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """No service reads its whole store for this: asked for where the store is."""
        raise BadInput(ReasonCode.LOCAL_COMMAND, "sr list --ready asks no service: it reads the object store alone")

    def quarantined(self) -> Sequence[Mapping[str, Any]]:
        """Every quarantine record."""
        document = self._told(Question("GET", ("v1", "quarantine")), "quarantine_list")[0]
        return list(document["quarantine"])

    def quarantine(self, run_id: str) -> Mapping[str, Any]:
        """One quarantine record."""
        name = names.id_in(run_id) or run_id
        return self._told(Question("GET", ("v1", "quarantine", name)), "quarantine_record", run_id)[0]

    def verify(
        self, run: str, *, engine_run_root: str | None = None, fast: bool = False, allow_superseded: bool = False
    ) -> Verification:
        """Re-prove a run's facts view, where the service is."""
        body = {"run_id": self.run_id(run), "fast": fast, "allow_superseded": allow_superseded}
        if engine_run_root is not None:
            body["engine_run_root"] = engine_run_root
        document, _ = self._told(Question("POST", ("v1", "verify"), body=body), "verify", run)
        return self._value(values.verification, document)

    def audit(self, run_id: str) -> Audit:
        """Whether anything in a run's truth was altered. Raises what stood in the way of it."""
        document = self._audited({"runs": [self.run_id(run_id)]}, run_id)
        done = self._value(values.audit, document["runs"][0])
        if isinstance(done, Trouble):
            raise done.error
        return done

    def audit_all(self) -> RemoteAudit:
        """A look at all that the service's store has."""
        return RemoteAudit(self)

    def repair_status(self, run_id: str) -> bool:
        """Write the status that the record derives; whether it had to be written."""
        return bool(self._audited({"runs": [self.run_id(run_id)], "repair_status": True}, run_id)["repaired"])

    def _audited(self, body: Mapping[str, Any], run: str = "") -> Mapping[str, Any]:
        return self._told(Question("POST", ("v1", "audit"), body=dict(body)), "audit", run)[0]

    def unsettled(self) -> Iterator[str]:
        """Ids of runs with something left to do, as the service lists them."""
        query: dict[str, str] = {"limit": str(_PAGE)}
        while True:
            document = self._told(Question("GET", ("v1", "runs"), query), "list")[0]
            yield from (row["run_id"] for row in document["runs"] if not row.get("settled"))
            if not document.get("cursor"):
                return
            query = {"limit": str(_PAGE), "cursor": document["cursor"]}

    def lost(self) -> Iterator[str]:
        """None: a service looks after records that are gone itself."""
        return iter(())

    def due(self, run_id: str) -> bool:
        """Always: a service gives its bus the time that it needs by itself."""
        return True

    def tell_standing(self, before: Standing | None = None) -> Standing | None:
        """Nothing: a service counts what is not settled itself."""
        return before

    def tail(
        self, *, from_start: bool = True, follow: bool = False, platform_run: str | None = None
    ) -> Iterator[Envelope]:
        """Control facts of all platform runs, oldest first."""
        raise NotImplementedError

    def _outcome(self, question: Question, run: str = "") -> Outcome:
        document, said = self._told(question, "outcome", run)
        return self._value(values.outcome, document, said)

    def _about(self, run: str, *more: str, **asked: Any) -> Question:
        """A question about a run: by its id where the name has it, else by the prefix that was given."""
        name = names.id_in(run) or run
        return Question("POST" if "body" in asked else "GET", ("v1", "runs", name, *more), **asked)

    def _told(self, question: Question, contract: str, run: str = "") -> tuple[dict[str, Any], str]:
        """The document that answers, and what an error beside it says. Raises what the service refused by.

        `run`: as it was named, for the error that there is none.
        """
        reply = self._transport.ask(question)
        document, said = reply.document, ""
        if reply.status >= _REFUSED:
            error = self._error(reply)
            if not isinstance(reply.document.get("answer"), dict):
                missing = error.code is ReasonCode.RUN_NOT_FOUND and run.startswith(names.KEY)
                raise names.no_run(run) if missing else error
            document, said = reply.document["answer"], error.what
        wrong = problem(contract, document)
        if wrong is not None:
            raise self._unfit(f"its answer is none of this release: {wrong.what}")
        return document, said

    def _error(self, reply: Reply) -> SrError:
        """The error that a problem document tells (RFC 9457)."""
        code, what = str(reply.document.get("reason_code", "")), str(reply.document.get("detail", ""))
        if code not in ReasonCode.__members__:
            told = f" {code}" if code else ""
            return self._unfit(f"it refuses with {reply.status}{told}, which this release does not know: {what}")
        reason, remedy = ReasonCode(code), reply.document.get("remedy")
        raised = _RAISED.get(REASONS[reason].kind, SrError)
        return raised(reason, what, None if remedy is None else str(remedy))

    def _value(self, made: Callable[..., _T], *given: Any) -> _T:
        try:
            return made(*given)
        except (ValueError, KeyError, TypeError, ExceptionGroup) as error:
            raise self._unfit(f"its answer is none of this release: {type(error).__name__}: {error}") from error

    def _unfit(self, what: str) -> Unreachable:
        return Unreachable(ReasonCode.SERVICE_ANSWER_INVALID, f"{self._transport.place}: {what}")

    def plugins(self) -> Mapping[str, Any]:
        """Adapters and laws by port, where the service is."""
        return self._told(Question("GET", ("v1", "plugins")), "plugins")[0]


@attrs.frozen
class Told:
    """An answer that is shown as its document says it."""

    told: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """As it came."""
        return dict(self.told)


@attrs.define
class RemoteAudit:
    """A look at all that a service's store has. `repaired`: runs whose status was written again."""

    remote: RemoteRunner
    store: Sequence[Finding] = ()
    not_asked: Sequence[str] = ()
    repaired: Sequence[str] = ()

    def audits(self, before: Callable[[str], object] | None = None) -> Iterable[Audited]:
        """Every run that anybody knows. `before`: that statuses are to be written again; the service does that."""
        body = {"all": True, **({} if before is None else {"repair_status": True})}
        document = self.remote._audited(body)
        self.store, self.not_asked = values.findings(document.get("store", ())), document.get("not_asked", ())
        self.repaired = document["repaired"]
        return [(row["run_id"], self.remote._value(values.audit, row)) for row in document["runs"]]


def _answer_s(told: str | None) -> float:
    """Seconds for a whole answer. Raises `BadInput(USAGE)`."""
    if not told:
        return ANSWER_S
    with suppress(ValueError):
        if 0 < float(told) <= _LONGEST_ANSWER_S:
            return float(told)
    what = "SR_SERVER_TIMEOUT is no number of seconds"
    raise BadInput(ReasonCode.USAGE, what, f"give one up to {_LONGEST_ANSWER_S:.0f}, or unset it")


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
