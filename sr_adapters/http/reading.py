"""What is read of runs, and what is asked of the whole store: from truth, each time anew."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from sr_adapters.answers import spelled
from sr_adapters.exits import DONE, FAILED
from sr_adapters.http.actors import Action
from sr_adapters.http.answer import Answer, document, kept
from sr_adapters.http.cursors import CURSOR, cursor_of, place_of
from sr_adapters.http.operations import Asked, Operation, Parameter, Reading, unfit
from sr_adapters.http.outcomes import OK, told
from sr_domain.encoding.times import parse_instant
from sr_domain.queries.listing import Asked as Wanted
from sr_domain.record.states import RunState

_PAGE, _LONGEST_PAGE = 100, 1000
_STATES = [one.value for one in RunState]
_ANY = f"({'|'.join(_STATES)})"
_LIMIT = Parameter("limit", "how many, at most", {"type": "integer", "minimum": 1, "maximum": _LONGEST_PAGE})
_LISTED = (
    Parameter("state", f"of {', '.join(_STATES)}, with commas", {"type": "string", "pattern": f"^{_ANY}(,{_ANY})*$"}),
    Parameter("key", "a pattern over keys, as a shell's", {"type": "string", "minLength": 1, "maxLength": 512}),
    Parameter("since", "told of from then on: 2026-01-31T12:00:00Z", {"type": "string", "format": "date-time"}),
    _LIMIT,
    Parameter("cursor", "the cursor of the page before", {"type": "string", "pattern": f"^{CURSOR}$"}),
)  # fmt: skip


def _status(asked: Asked) -> Answer:
    return told(asked.runner.status(asked.run), status=OK)


def _timeline(asked: Asked) -> Answer:
    return document(OK, attrs.asdict(asked.runner.timeline(asked.run)))


def _plan_of(asked: Asked) -> Answer:
    return kept(asked.headers, asked.runner.planned(asked.run))


def _facts(asked: Asked) -> Answer:
    """The view; a run that another has corrected is named by a link, as RFC 8288 and RFC 5829 say."""
    runner = asked.runner
    answer = kept(asked.headers, runner.facts(asked.run))
    chain = runner.status(asked.run).superseded_by
    if not chain:
        return answer
    links = f'</v1/runs/{chain[0]}/facts>; rel="successor-version", </v1/runs/{chain[-1]}/facts>; rel="latest-version"'
    return attrs.evolve(answer, headers={**answer.headers, "link": links})


def _explain(asked: Asked) -> Answer:
    done = asked.runner.explain(asked.run)
    return document(OK, {**done.document(), "next": spelled(done.next)})


def _list(asked: Asked) -> Answer:
    wanted, limit, cursor = _wanted(asked.query), asked.number("limit", _PAGE), asked.query.get("cursor")
    found = asked.runner.listing(wanted, limit=limit, after=None if cursor is None else place_of(cursor))
    counted = {} if found.total is None else {"total": found.total}
    further = {"cursor": cursor_of(found.last)} if found.more and found.last is not None else {}
    return document(OK, {"runs": found.rows, "more": found.more, **counted, **further})


def _wanted(query: Mapping[str, str]) -> Wanted:
    """Which runs are asked for. Raises `BadInput(PARAMETER_INVALID)`."""
    states, key = query.get("state"), query.get("key")
    try:
        since = None if "since" not in query else parse_instant(query["since"])
    except ValueError as error:
        raise unfit("since", "must be an instant as 2026-01-31T12:00:00Z") from error
    return Wanted(None if states is None else tuple(states.split(",")), since, key)


def _plan(asked: Asked) -> Answer:
    if isinstance(asked.body, dict) and "other" in asked.body:
        return document(OK, asked.runner.plan_diff(asked.body["request"], asked.body["other"]))
    report = asked.runner.plan(asked.body)
    return document(OK, {**report.document(), "exit_code": FAILED if report.plan is None else DONE})


def _verify(asked: Asked) -> Answer:
    body = asked.body
    done = asked.runner.verify(
        body["run_id"],
        engine_run_root=body.get("engine_run_root"),
        fast=body.get("fast", False),
        allow_superseded=body.get("allow_superseded", False),
    )
    return document(OK, done.document())


def _quarantined(asked: Asked) -> Answer:
    return document(OK, {"quarantine": asked.runner.quarantined()})


def _quarantine(asked: Asked) -> Answer:
    return kept(asked.headers, asked.runner.quarantine(asked.run))


def _bus(asked: Asked) -> Answer:
    """Control facts, the oldest first; with `after` those behind one that was told before."""
    from itertools import dropwhile, islice

    after, platform_run = asked.query.get("after"), asked.query.get("platform_run")
    facts = asked.runner.tail(platform_run=platform_run)
    if after is not None:
        facts = islice(dropwhile(lambda one: one.message_id != after, facts), 1, None)
    page = islice(facts, asked.number("limit", _PAGE))
    return document(OK, {"envelopes": [attrs.asdict(one) for one in page]})


def _plugins(asked: Asked) -> Answer:
    return document(OK, asked.service.plugins())


OPERATIONS: tuple[Operation, ...] = (
    Reading("list", "GET", "/v1/runs", "The runs known here, the newest first.", Action.READ, "list", _LISTED,
            answer=_list),
    Reading("status", "GET", "/v1/runs/{run}", "Where a run is.", Action.READ, "outcome", answer=_status),
    Reading("stored_plan", "GET", "/v1/runs/{run}/plan", "The plan that a run has for life.", Action.READ, "run_plan",
            kept=True, answer=_plan_of),
    Reading("record", "GET", "/v1/runs/{run}/record", "A run's record as a timeline.", Action.READ, "timeline",
            answer=_timeline),
    Reading("facts", "GET", "/v1/runs/{run}/facts", "A run's facts view: what consumers may read.", Action.READ,
            "run_facts_view", kept=True, answer=_facts),
    Reading("explain", "GET", "/v1/runs/{run}/explain", "Why a run is where it is, and what to do next.", Action.READ,
            "explain", answer=_explain),
    Reading("plan", "POST", "/v1/plan", "Compile and explain the plan of a request, or how two differ; writes nothing.",
            Action.READ, "plan", body="run_request", other_body="plan_diff_request", other_contract="plan_diff",
            answer=_plan),
    Reading("verify", "POST", "/v1/verify", "Prove a run's facts view again, from the bytes.", Action.READ, "verify",
            body="verify_request", errors=(404,), long=True, answer=_verify),
    Reading("bus", "GET", "/v1/bus", "Control facts of all platform runs, the oldest first.", Action.READ, "bus_tail",
            (_LIMIT, Parameter("platform_run", "facts about its runs alone", {"type": "string", "maxLength": 512}),
             Parameter("after", "a message_id to begin behind", {"type": "string", "pattern": "^[0-9a-f]{64}$"})),
            answer=_bus),
    Reading("quarantine_list", "GET", "/v1/quarantine", "Runs whose evidence contradicts itself.", Action.READ,
            "quarantine_list", answer=_quarantined),
    Reading("quarantine", "GET", "/v1/quarantine/{run}", "One run's quarantine record.", Action.READ,
            "quarantine_record", kept=True, answer=_quarantine),
    Reading("plugins", "GET", "/v1/plugins", "Adapters and laws by port, where the service is.", Action.READ, "plugins",
            asks=False, answer=_plugins),
)  # fmt: skip
