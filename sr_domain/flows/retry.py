"""Retry: the same request under the next free key, after a run that ended without READY (spec: surface, `sr retry`).

The new run is admitted as any other. Keys are counted on the first key of the series: after `daily` come `daily.2`,
`daily.3` and so on, whichever run of the series is named. Where one of them goes on or is READY, that is the answer:
so a retry may be asked for twice, at once, or again after a crash.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.ids import run_id_for
from sr_domain.flows.index import check_known
from sr_domain.flows.submit import bound_request, submit
from sr_domain.plan.request import RunRequest, check_actor, differences, parse_request
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_domain.record.states import RunState
from sr_domain.run.answers import asked_for
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import bound
from sr_domain.run.context import Context
from sr_domain.run.lookup import Place, home
from sr_domain.run.outcome import Outcome
from sr_ports import BadInput, Identity, NotFound, ReasonCode

LONGEST_KEY = 512
"""Characters that a key may have (contract: run request)."""
_COUNTED = re.compile(r"(.+)\.([2-9]|[1-9][0-9]+)")


@attrs.frozen
class _Run:
    """A run of the series. `request`: None where neither record nor index have it. `state`: None before a record.

    `given_up`: it rests until an operator says how to go on, because one worker after the other died with its engine.
    """

    run_id: str
    request: RunRequest | None
    state: RunState | None
    lost: bool
    given_up: bool

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it by itself, and it is not READY."""
        return self.state is not None and (self.state.terminal or self.given_up)

    def asks(self, wanted: RunRequest) -> bool:
        """Whether it was asked for the same; what is superseded tells the runs of a series apart, and no more."""
        return self.request is not None and _beside(self.request) == _beside(wanted)


def retry(context: Context, run: str, document: Any = None, *, actor: Identity | None = None) -> Outcome:
    """Ask again for what `run` (its id or a ref) was asked for, under the next free key.

    `document`: the request, needed only where neither record nor index have it; where they do, it must ask for the
    same, and gives the rest: engine root, strategy, notes. A run that ended `TRUTH_LOST` is superseded by the new one.
    Raises `NotFound`, `BadInput(RETRY_NOT_ENDED)` for a run that goes on or is READY, `BadInput(REQUEST_INVALID)`,
    `Fault(TRUTH_ROLLED_BACK)` where the index knows more than its record, and whatever `submit` raises.
    """
    check_actor(None if actor is None else actor.actor)
    place = home(context, run)
    ended = _at(context.at(place.layout.platform_run_id), place.layout, place.run_id)
    if not ended.ended:
        _check_whole(context, place)
        raise _not_ended(ended)
    wanted = _wanted(context, ended, document)
    return submit(context, _next(context, place, ended, wanted), actor=actor)


def _check_whole(context: Context, place: Place) -> None:
    """Return where the index knows no more than the record: what a record that lost events says is no way on.

    The index is asked first: a worker that releases the run meanwhile has written its record before. Raises `Fault`.
    """
    binding = bound(context.ports.authority, place.run_id, context.known_store)
    if binding is not None:
        check_known(context, binding, read_record(context.ports, place.layout, place.run_id)[0])


def _not_ended(run: _Run) -> BadInput:
    if run.state is RunState.READY:
        remedy = f"a READY run that turned out wrong is superseded: submit a request with supersedes: {run.run_id}"
        return BadInput(ReasonCode.RETRY_NOT_ENDED, f"run {run.run_id} is READY", remedy)
    state = "not admitted" if run.state is None else run.state.value
    remedy = f"sr resume {run.run_id} goes on with it"
    return BadInput(ReasonCode.RETRY_NOT_ENDED, f"run {run.run_id} is {state}", remedy)


def _at(context: Context, layout: Layout, run_id: str) -> _Run:
    """A run as its record says; what it was asked for else as the index says."""
    record = Record(read_record(context.ports, layout, run_id)[0])
    request = asked_for(record, context.ports.known_timezone)
    if request is None:
        binding = bound(context.ports.authority, run_id, context.known_store)
        request = None if binding is None else bound_request(context, binding)
    elif record.accepted is not None:
        request = _with_root(request, record.accepted.details.engine_run_root, overridden=record.overridden)
    given_up = record.root_fault is not None and record.root_fault.reason_code == ReasonCode.ENGINE_ABANDONED_REPEATEDLY
    return _Run(run_id, request, record.ledger.state, record.lost is not None, given_up)


def _with_root(request: RunRequest, resolved: str | None, *, overridden: bool) -> RunRequest:
    """The request, its engine root as it was found: a relative path would be another from another folder."""
    root = request.engine_run_root
    if root is None or overridden or "://" in root or root.startswith("/"):
        return request
    return attrs.evolve(request, engine_run_root=resolved)


def _wanted(context: Context, ended: _Run, document: Any) -> RunRequest:
    """What is asked for again. Raises `BadInput(REQUEST_INVALID)`."""
    given = None if document is None else parse_request(document, context.ports.known_timezone)
    if ended.request is None:
        if given is None or given.run_id != ended.run_id:
            what = f"neither record nor index say what run {ended.run_id} was asked for"
            raise BadInput(ReasonCode.REQUEST_INVALID, what, "give the request that it was submitted with")
        return given
    if given is None:
        return ended.request
    fields = differences(_beside(ended.request), _beside(given))
    if fields:
        what = f"request: it asks for something else than run {ended.run_id} was asked for: {', '.join(fields)}"
        raise BadInput(ReasonCode.REQUEST_INVALID, what, "submit it under a key of its own")
    return attrs.evolve(
        given, run_equivalence_key=ended.request.run_equivalence_key, supersedes=ended.request.supersedes
    )


def _beside(request: RunRequest) -> Mapping[str, Any]:
    return {**request.intent(), "supersedes": None}


def _next(context: Context, place: Place, ended: _Run, wanted: RunRequest) -> Mapping[str, Any]:
    """The request to submit: of the run of the series that goes on or is READY, else under the next free key."""
    first, lost = _first_key(context, place, wanted), ended.run_id if ended.lost else wanted.supersedes
    for number in itertools.count(2):
        key = f"{first}.{number}"
        if len(key) > LONGEST_KEY:
            what = f"the next free key has {len(key)} characters, and a key may have {LONGEST_KEY}"
            raise BadInput(ReasonCode.REQUEST_INVALID, what, "submit the request under a shorter key")
        found = _here(context, run_id_for(key))
        if found is None:
            return attrs.evolve(wanted, run_equivalence_key=key, supersedes=lost).document()
        if found.request is None or not found.asks(wanted):
            continue  # somebody's own key
        if not found.ended:
            return found.request.document()
        lost = found.run_id if found.lost else lost
    raise AssertionError("keys end at their limit")


def _first_key(context: Context, place: Place, wanted: RunRequest) -> str:
    """The key that the series begins with: a number at the end counts only behind a key that asked for the same."""
    key, own = wanted.run_equivalence_key, context.at(place.layout.platform_run_id)
    while (counted := _COUNTED.fullmatch(key)) is not None:
        earlier = run_id_for(counted[1])
        before = [_at(own, place.layout, earlier), _here(context, earlier)]
        if not any(one is not None and one.asks(wanted) for one in before):
            return key
        key = counted[1]
    return key


def _here(context: Context, run_id: str) -> _Run | None:
    """A run where the new one would be admitted; None where its key is free."""
    ports = context.ports
    current = ports.platform.current()
    try:
        binding = bound(ports.authority, run_id, context.known_store)
    except NotFound:  # the authority belongs to a platform run, and there is none yet
        return None
    home_here = current if binding is None else binding.platform_run_id
    found = None if home_here is None else _at(context.at(home_here), Layout(home_here), run_id)
    return found if found is not None and (binding is not None or found.state is not None) else None
