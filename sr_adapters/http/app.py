"""The ASGI application: routes from operations, one way through which every request goes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sr_adapters.http import runs
from sr_adapters.http.answer import Answer, problem, problem_of, unforeseen
from sr_adapters.http.operations import Asked, Operation, Reading, Working
from sr_adapters.http.outcomes import ACCEPTED, told
from sr_adapters.http.pool import Busy
from sr_adapters.http.service import Service
from sr_ports import NotFound, ReasonCode

T = TypeVar("T")
OPERATIONS: tuple[Operation, ...] = (*runs.OPERATIONS,)
_LOOK_S, _SLOWER, _SLOWEST_S = 0.01, 1.5, 0.5
"""How soon, and how much later each time, the record is looked at for an admission."""


def create_app(service: Service, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application. `routes`: more of them, such as the console's; they come after the service's own."""
    made = [_route(service, one) for one in OPERATIONS]
    return Starlette(routes=[*made, *routes], exception_handlers={HTTPException: _refused, Exception: _failed})


def _route(service: Service, operation: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await _answered(service, operation, request)
        except Busy:
            answer = _busy()
        except Exception as error:  # noqa: BLE001 - the outer edge: no traceback reaches a caller
            _tell(error)
            answer = problem_of(error)
        return rendered(answer)

    return Route(operation.path, endpoint, methods=[operation.method], name=operation.name)


def rendered(answer: Answer) -> Response:
    """The answer, as the framework sends it."""
    return Response(answer.body, answer.status, dict(answer.headers), answer.media)


def _busy() -> Answer:
    what = "this replica works on as many runs as it may, and others wait"
    return problem(ReasonCode.LEASE_BUSY, what, "ask again later", status=429)


def _tell(error: Exception) -> None:
    bug = unforeseen(error)
    if bug is not None:
        print(f"error[INTERNAL]: {bug}", file=sys.stderr)  # noqa: T201 - the operator's


async def _answered(service: Service, operation: Operation, request: Request) -> Answer:
    actor = service.actors.of(request.headers)
    if not service.actors.may(actor, operation.action):
        return problem(ReasonCode.AUTH_DENIED, f"actor {actor.name!r} may not {operation.action.value}")
    run = request.path_params.get("run", "")
    asked = Asked(service, actor, run, dict(request.query_params), request.headers)
    if operation.body:
        asked = attrs.evolve(asked, body=_parsed(await request.body()))
    if isinstance(operation, Reading):
        return await _in(service.readers.begin(lambda: operation.answer(asked)))
    assert isinstance(operation, Working)  # noqa: S101
    return await _worked(service, operation, asked)


def _parsed(data: bytes) -> Any:
    from sr_domain.encoding.strict_json import strict_loads

    return strict_loads(data, what="the body")


async def _in(call: Future[T]) -> T:
    return await asyncio.wrap_future(call)


async def _worked(service: Service, operation: Working, asked: Asked) -> Answer:
    """The answer to what takes a run on: its outcome, or where it is when time is up."""
    call = service.runs.begin(lambda: operation.told(asked, operation.work(asked)))
    waits = 0.0 if asked.flag("async") else service.settings.wait_s
    ended = asyncio.wrap_future(call)
    deadline, pause = time.monotonic() + waits, _LOOK_S
    if waits:
        await asyncio.wait({ended}, timeout=waits)
    while not ended.done():
        there = await _in(service.readers.begin(lambda: _there(operation, asked)))
        if there is not None and time.monotonic() >= deadline:
            return there
        await asyncio.wait({ended}, timeout=pause)
        pause = min(pause * _SLOWER, _SLOWEST_S)
    return ended.result()


def _there(operation: Working, asked: Asked) -> Answer | None:
    """Where the run is, once its admission is on the record; None before."""
    try:
        return told(asked.runner.status(operation.run_id(asked)), status=ACCEPTED)
    except NotFound:
        return None


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = ReasonCode.RUN_NOT_FOUND if error.status_code == 404 else ReasonCode.USAGE  # noqa: PLR2004
    what = f"{request.method} {request.url.path}: {error.detail}"
    headers = dict(error.headers or {})
    return rendered(problem(code, what, "see /openapi.json", status=error.status_code, headers=headers))


async def _failed(request: Request, error: Exception) -> Response:
    _tell(error)
    return rendered(problem_of(error))
