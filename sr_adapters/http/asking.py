"""From a request to its answer: who asks, what he may, what he sent, then the one use case, in a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import unquote

import attrs
from starlette.requests import Request

from sr_adapters.http.actors import Action
from sr_adapters.http.answer import Answer, problem, tell_operator
from sr_adapters.http.bodies import check_type, parsed, read
from sr_adapters.http.operations import Asked, Operation, Reading, Working, unfit
from sr_adapters.http.outcomes import ACCEPTED, denial, told
from sr_adapters.http.pool import Busy, Pool
from sr_adapters.http.service import Service
from sr_ports import Identity, NotFound, ReasonCode, SrError

T = TypeVar("T")
_LOOK_S, _SLOWER, _SLOWEST_S = 0.01, 1.5, 0.5
"""How soon, and how much later each time, the record is looked at for an admission."""
_GONE_S = 1.0
"""How often it is looked at whether somebody still waits for a long answer."""


async def in_thread(pool: Pool, work: Callable[[], T]) -> T:
    """What `work` gives, done in a thread of the pool. Raises what it raises, and `Busy`."""
    return await asyncio.wrap_future(pool.begin(work))


async def answered(service: Service, operation: Operation, request: Request) -> Answer:
    """The answer. Raises `SrError` for what is refused, `Busy` where there is no room."""
    actor = await proven(service, operation, request)
    if isinstance(actor, Answer):
        return actor
    data = b""
    if operation.body:
        data = await read(request, service.settings)
        if data or operation.body_needed:
            check_type(request)
    asked = _asked(service, operation, request, actor)
    if isinstance(operation, Working):
        return await _worked(service, operation, asked, data)
    if not isinstance(operation, Reading):
        raise TypeError(operation.name)
    if operation.long:
        return await _long(service, operation, request, asked, data)
    return await in_thread(service.readers, lambda: operation.answer(_with(operation, asked, data)))


async def proven(service: Service, operation: Operation, request: Request) -> Identity | Answer:
    """Who asks, once it is known that he may; before anything that he sent is looked at. Else the refusal."""
    actors, action = service.actors, operation.action or Action.READ
    if actors.proves:  # whoever knows the keys may have to be asked
        actor = await in_thread(service.readers, lambda: actors.of(request.headers.items()))
    else:
        actor = actors.of(request.headers.items())
    if actors.may(actor, action):
        return actor
    refusal = problem(ReasonCode.AUTH_DENIED, denial(actor.actor, action.word))
    if operation.name != "submit":
        return refusal
    return await _denied(service, operation, request, actor, refusal)


async def _denied(service: Service, operation: Operation, request: Request, actor: Identity, refusal: Answer) -> Answer:
    """The answer to who may not submit: on the record of the run that he asked for, where his request names one."""
    try:
        data = await read(request, service.settings)
        asked = _asked(service, operation, request, actor)
        return await in_thread(service.readers, lambda: _recorded(operation, asked, data) or refusal)
    except SrError:
        return refusal


def _recorded(operation: Operation, asked: Asked, data: bytes) -> Answer | None:
    """What the flow itself says to an actor who may not; None for a request that it cannot read."""
    told_by_flow = _with(operation, asked, data)
    outcome = asked.runner.submit(told_by_flow.body, actor=asked.actor)
    return told(outcome) if outcome.reason_code is ReasonCode.AUTH_DENIED else None


def _asked(service: Service, operation: Operation, request: Request, actor: Identity) -> Asked:
    """The request as its operation sees it, its body aside. Raises `BadInput(PARAMETER_INVALID)`."""
    pairs = request.query_params.multi_items()
    query = dict(pairs)
    known = {one.name: one for one in operation.parameters}
    for name, word in query.items():
        if name not in known:
            raise unfit(repr(name[:64]), "is none that this path takes")
        known[name].check(word)
    if len(pairs) > len(query):
        raise unfit("list", "names one parameter twice")
    run = unquote(request.path_params.get("run", ""))
    return Asked(service, actor, run, query, request.headers, service.runner, service.stopping.is_set)


def _with(operation: Operation, asked: Asked, data: bytes) -> Asked:
    return attrs.evolve(asked, body=parsed(operation, data)) if operation.body else asked


async def _long(service: Service, operation: Reading, request: Request, asked: Asked, data: bytes) -> Answer:
    """The answer to what may read for minutes: given up when time is up, or nobody waits for it any more."""
    gone = threading.Event()

    def stopped() -> bool:
        return gone.is_set() or service.stopping.is_set()

    own = attrs.evolve(asked, runner=service.runner.until(stopped), stopped=stopped)
    call = service.runs.begin(lambda: operation.answer(_with(operation, own, data)))
    ended, until = asyncio.wrap_future(call), time.monotonic() + service.settings.answer_s
    try:
        while not ended.done():
            await asyncio.wait({ended}, timeout=_GONE_S)
            if time.monotonic() > until or await request.is_disconnected():
                gone.set()
    finally:
        gone.set()
    return ended.result()


async def _worked(service: Service, operation: Working, asked: Asked, data: bytes) -> Answer:
    """The answer to what takes a run on: at once where none has to be, else its outcome, or where it is in time."""
    found = await in_thread(service.readers, lambda: _at_once(operation, asked, data))
    if isinstance(found, Answer):
        return found
    if service.draining.is_set():
        raise Busy
    call = service.runs.begin(lambda: operation.told(found, operation.work(found)))
    return await _followed(service, operation, found, call)


def _at_once(operation: Working, asked: Asked, data: bytes) -> Answer | Asked:
    own = _with(operation, asked, data)
    outcome = operation.at_once(own)
    return own if outcome is None else operation.told(own, outcome)


async def _followed(service: Service, operation: Working, asked: Asked, call: Future[Answer]) -> Answer:
    """The answer of a call that is worked on. Raises `Busy` where it had no turn in time."""
    waits = 0.0 if asked.flag("async") else service.settings.wait_s
    ended, began, pause = asyncio.wrap_future(call), time.monotonic(), _LOOK_S
    ended.add_done_callback(_noticed)
    draining = asyncio.ensure_future(service.drain_begun.wait())
    try:
        both: list[asyncio.Future[Any]] = [ended, draining]
        await asyncio.wait(both, timeout=waits, return_when=asyncio.FIRST_COMPLETED)
        while not ended.done():
            there = await in_thread(service.readers, lambda: _there(operation, asked))
            if there is not None:
                ended.add_done_callback(_left)
                return there
            if time.monotonic() - began > service.settings.wait_s and call.cancel():
                raise Busy
            await asyncio.wait({ended}, timeout=pause)
            pause = min(pause * _SLOWER, _SLOWEST_S)
    finally:
        draining.cancel()
    return ended.result()


def _noticed(call: asyncio.Future[Answer]) -> None:
    """Whatever it raised is an answer, or is told elsewhere."""
    if not call.cancelled():
        call.exception()


def _left(call: asyncio.Future[Answer]) -> None:
    """A run goes on after its answer: what it ends by is on its record, and a bug is the operator's to know."""
    error = None if call.cancelled() else call.exception()
    if error is not None:
        tell_operator(error)


def _there(operation: Working, asked: Asked) -> Answer | None:
    """Where the run is, once its admission is on the record; None before, and where only the outcome tells which."""
    run = operation.run_id(asked)
    try:
        return None if run is None else told(asked.runner.status(run), status=ACCEPTED)
    except NotFound:
        return None
