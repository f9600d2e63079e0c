"""The ASGI application: routes from operations, and one way through which every request goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sr_adapters.http import auditing, health, reading, runs, streams
from sr_adapters.http.actors import Action
from sr_adapters.http.answer import Answer, encoded, problem, problem_of, tell_operator
from sr_adapters.http.asking import answered, in_thread, proven
from sr_adapters.http.edge import Edge, rendered
from sr_adapters.http.openapi import openapi
from sr_adapters.http.operations import Asked, Operation, Reading
from sr_adapters.http.pool import Busy
from sr_adapters.http.service import Service
from sr_ports import ReasonCode


def _described(asked: Asked) -> Answer:
    return Answer(200, asked.service.described)


DESCRIBED = Reading(
    "openapi", "GET", "/openapi.json", "This document.", Action.READ, "", asks=False, answer=_described
)  # fmt: skip
PLAIN: tuple[Operation, ...] = (*runs.OPERATIONS, *reading.OPERATIONS, *auditing.OPERATIONS, DESCRIBED)
PROBES: tuple[Operation, ...] = (health.LIVE, health.READY, health.METRICS)
OPERATIONS: tuple[Operation, ...] = (*PLAIN, streams.OPERATION, *PROBES)


def create_app(service: Service, routes: Sequence[BaseRoute] = ()) -> Edge:
    """The application. `routes`: more of them, such as the console's; they come after the service's own."""
    service.described = encoded(openapi(OPERATIONS))
    made = [_route(service, [one for one in OPERATIONS if one.path == path]) for path in _paths()]
    app = Starlette(routes=[*made, *routes], exception_handlers={HTTPException: _refused, Exception: _failed})
    app.router.redirect_slashes = False
    return Edge(app, service)


def _paths() -> list[str]:
    return list(dict.fromkeys(one.path for one in OPERATIONS))


How = Callable[[Service, Operation, Request], Awaitable[Answer | Response]]


def _route(service: Service, operations: Sequence[Operation]) -> Route:
    """The route of a path, for each method that it takes."""
    by_method = {one.method: (one, _hows().get(one.name, _plain)) for one in operations}

    async def endpoint(request: Request) -> Response:
        operation, how = by_method["GET" if request.method == "HEAD" else request.method]
        try:
            found = await how(service, operation, request)
        except Busy:
            found = _busy(service)
        except Exception as error:  # noqa: BLE001 - the outer edge: no traceback reaches a caller
            tell_operator(error)
            found = problem_of(error)
        return found if isinstance(found, Response) else rendered(found)

    return Route(operations[0].path, endpoint, methods=list(by_method))


def _hows() -> dict[str, How]:
    """The operations that are answered in a way of their own."""
    return {"events": _events, "healthz": _live, "readyz": _ready, "metrics": _metrics}


async def _plain(service: Service, operation: Operation, request: Request) -> Answer:
    return await answered(service, operation, request)


async def _live(service: Service, operation: Operation, request: Request) -> Answer:
    return health.live()


async def _ready(service: Service, operation: Operation, request: Request) -> Answer:
    if service.draining.is_set():
        return health.stopping()
    kept = service.ready.fresh()
    return await in_thread(service.readers, service.ready.asked) if kept is None else kept


async def _metrics(service: Service, operation: Operation, request: Request) -> Answer:
    counted = await in_thread(service.readers, service.metrics)
    if counted is None:
        what = "no sink of this service counts: /metrics has nothing to tell"
        return problem(ReasonCode.PATH_UNKNOWN, what, "name prometheus in observability.sinks of the profile")
    return Answer(200, counted, "text/plain; version=0.0.4; charset=utf-8")


async def _events(service: Service, operation: Operation, request: Request) -> Answer | Response:
    """The stream; 204 where nothing is left to tell, so that a browser comes back no more."""
    actor = await proven(service, operation, request)
    if isinstance(actor, Answer):
        return actor
    if service.streams >= service.settings.streams:
        raise Busy
    run, last = unquote(request.path_params["run"]), request.headers.get("last-event-id", "")
    service.streams += 1
    try:
        first = await in_thread(service.readers, lambda: streams.look(service, run))
        if first.done and last and not first.behind(last):
            return Answer(204, b"")
    except BaseException:
        service.streams -= 1
        raise

    async def told() -> AsyncIterator[bytes]:
        try:
            async for part in streams.stream(service, run, first, last):
                yield part
        finally:
            service.streams -= 1

    return StreamingResponse(told(), media_type=streams.MEDIA)


def _busy(service: Service) -> Answer:
    if service.draining.is_set():
        what = "this replica is being stopped"
        return problem(ReasonCode.INTERRUPTED, what, "ask again: another replica, or this one once it is back, answers")
    what = "this replica works on as much as it may, and as much waits as may"
    return problem(ReasonCode.REPLICA_BUSY, what)


async def _refused(request: Request, error: Exception) -> Response:
    """What the framework refuses: a path or a method that is not there."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    codes = {404: ReasonCode.PATH_UNKNOWN, 405: ReasonCode.METHOD_NOT_ALLOWED}
    code = codes.get(status, ReasonCode.HTTP_INVALID)
    what = f"{request.method} {request.url.path[:200]}: {getattr(error, 'detail', '')}"
    allowed = dict(getattr(error, "headers", None) or {})
    return rendered(problem(code, what, status=status, headers=allowed))


async def _failed(request: Request, error: Exception) -> Response:
    tell_operator(error)
    return rendered(problem_of(error))
