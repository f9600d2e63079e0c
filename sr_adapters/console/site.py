"""The console as routes of the service: who looks is proved, a view is asked in a thread, a template shows it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

import attrs
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sr_adapters.console import doing, live, pages, plan_page
from sr_adapters.console.counts import Counts
from sr_adapters.console.looking import Looking, Shown, View
from sr_adapters.console.render import asset, rendered
from sr_adapters.console.sessions import LogIn, log_in, logged_in, set_cookie
from sr_adapters.exits import status_for
from sr_adapters.http.actors import Action
from sr_adapters.http.answer import tell_operator
from sr_adapters.http.asking import in_thread
from sr_adapters.http.bodies import read
from sr_adapters.http.outcomes import denial
from sr_adapters.http.pool import Busy
from sr_ports import REASONS, ReasonCode, SrError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sr_adapters.http.service import Service

ASSETS = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SMALL = 1024
_VIEWS: tuple[tuple[str, View], ...] = (
    ("/", pages.runs),
    ("/runs/{run}", pages.run),
    ("/runs/{run}/reemit", doing.reemit_form),
    ("/runs/{run}/report", pages.report),
    ("/quarantine", pages.quarantines),
    ("/quarantine/{run}", pages.quarantine),
    ("/plan", plan_page.plan),
    ("/pack", pages.pack),
    ("/bus", pages.bus),
    ("/health", pages.health),
)
_DEEDS: tuple[tuple[str, View], ...] = (
    ("/runs/{run}/resume", doing.resume),
    ("/runs/{run}/reemit", doing.reemit),
)
_STREAMS: tuple[tuple[str, Callable[[Looking], int]], ...] = (
    ("/live", live.newer_runs),
    ("/runs/{run}/live", live.newer_events),
)


@attrs.frozen
class _Site:
    """The service, and what the console keeps beside it."""

    service: Service
    counts: Counts


def console(service: Service) -> list[BaseRoute]:
    """The routes of the console, for `create_app`. None of them begins with ``/v1``."""
    states = {name: states for name, _, states in pages.CHIPS}
    site = _Site(service, Counts(service.runner, states))
    return [
        *(_route(path, "GET", partial(_page, site, view)) for path, view in _VIEWS),
        *(_route(path, "POST", partial(_deed, site, view)) for path, view in _DEEDS),
        *(_route(path, "GET", partial(_live, site, count)) for path, count in _STREAMS),
        _route("/login", "GET", partial(_log_in_form, service)),
        _route("/login", "POST", partial(_log_in, service)),
        _route("/logout", "POST", partial(_log_out, service)),
        _route("/assets/{name}", "GET", _asset),
    ]


Answering = Callable[["Request"], Awaitable[Response]]


def _route(path: str, method: str, answer: Answering) -> Route:
    async def endpoint(request: Request) -> Response:
        return await answer(request)

    return Route(path, endpoint, methods=[method], name=f"console {method} {path}")


async def _page(site: _Site, view: View, request: Request) -> Response:
    return await _guarded(site, request, lambda looking: in_thread(site.service.readers, lambda: view(looking)))


async def _deed(site: _Site, view: View, request: Request) -> Response:
    """A form that does something: it must be one of this log-in's own. What takes longer goes on without its page."""

    async def done(looking: Looking) -> Shown:
        if looking.log is not None and not looking.log.takes(looking.form.get("form_token", "")):
            what = "this form is not of your log-in"
            raise SrError(ReasonCode.AUTH_DENIED, what, "open the page again, and send the form from there")
        call = asyncio.ensure_future(in_thread(site.service.runs, lambda: view(looking)))
        call.add_done_callback(lambda one: one.cancelled() or one.exception())  # also where nobody waits any more
        ended, _ = await asyncio.wait({call}, timeout=site.service.settings.wait_s)
        return call.result() if ended else Shown(to=f"/runs/{looking.run}")

    return await _guarded(site, request, done, form=True)


async def _guarded(
    site: _Site, request: Request, shown: Callable[[Looking], Awaitable[Shown]], *, form: bool = False
) -> Response:
    """The page, or what was wrong; whoever has not proved who he is is sent to log in."""
    service = site.service
    looking: Looking | None = None
    try:
        looking = await _looking(site, request, form=form)
        found = await shown(looking)
    except SrError as error:
        if error.code is ReasonCode.AUTH_UNPROVEN:
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return _away(f"/login?next={quote(back, safe='')}")
        found = _wrong(error)
    except Busy:
        found = _wrong(SrError(ReasonCode.REPLICA_BUSY, "this replica works on as much as it may"))
    except Exception as error:  # noqa: BLE001 - the outer edge: no traceback reaches a page
        tell_operator(error)
        found = _wrong(SrError(ReasonCode.INTERNAL, f"{type(error).__name__}: nobody foresaw this"))
    if site.counts.stale:
        with contextlib.suppress(Busy):
            service.readers.begin(site.counts.again)
    return await in_thread(service.readers, lambda: _html(service, request, looking, found))


def _wrong(error: SrError) -> Shown:
    meaning = REASONS[error.code].meaning
    values = {"code": error.code.value, "what": error.what, "remedy": error.remedy, "meaning": meaning}
    return Shown("wrong.html", values, status_for(error.code))


async def _looking(site: _Site, request: Request, *, form: bool) -> Looking:
    """Who looks at what. Raises `SrError(AUTH_UNPROVEN)`, `SrError(AUTH_DENIED)`."""
    service, actors = site.service, site.service.actors
    log = logged_in(request.headers.get("cookie", "")) if actors.proves else None
    if actors.proves and log is None:
        raise SrError(ReasonCode.AUTH_UNPROVEN, "nobody has logged in")
    headers = request.headers.items() if log is None else log.headers
    actor = await in_thread(service.readers, lambda: actors.of(headers))
    if not actors.may(actor, Action.READ):
        raise SrError(ReasonCode.AUTH_DENIED, denial(actor.actor, Action.READ.word))
    words = await _form(service, request) if form else {}
    run = unquote(request.path_params.get("run", ""))
    return Looking(service, actor, request.url.path, run, dict(request.query_params), words, log, site.counts)


async def _form(service: Service, request: Request) -> dict[str, str]:
    data = await read(request, service.settings)
    return dict(parse_qsl(data.decode("utf-8", "replace"), max_num_fields=32))


async def _live(site: _Site, count: Callable[[Looking], int], request: Request) -> Response:
    service = site.service
    try:
        looking = await _looking(site, request, form=False)
        await in_thread(service.readers, lambda: count(looking))
    except SrError as error:
        return Response(status_code=204 if error.code is ReasonCode.AUTH_UNPROVEN else status_for(error.code))
    if service.streams >= service.settings.streams:
        return Response(status_code=429)
    service.streams += 1

    async def told() -> Any:
        try:
            async for part in live.stream(looking, count):
                yield part
        finally:
            service.streams -= 1

    return StreamingResponse(told(), media_type="text/event-stream", headers={"content-security-policy": POLICY})


async def _log_in_form(service: Service, request: Request) -> Response:
    if not service.actors.proves:
        return _away("/")
    shown = Shown("login.html", {"next": _own(request.query_params.get("next", "/")), "refused": False})
    return await in_thread(service.readers, lambda: _html(service, request, None, shown))


async def _log_in(service: Service, request: Request) -> Response:
    if not service.actors.proves:
        return _away("/")
    form = await _form(service, request)
    log, to = log_in(form.get("token", "")), _own(form.get("next", "/"))
    found = await in_thread(service.readers, lambda: _proved(service, log))
    if isinstance(found, LogIn):
        return _away(to, cookie=set_cookie(found, secure=request.url.scheme == "https"))
    why = "" if found.code is ReasonCode.AUTH_UNPROVEN else found.what
    shown = Shown("login.html", {"next": to, "refused": True, "why": why}, status_for(found.code))
    return await in_thread(service.readers, lambda: _html(service, request, None, shown))


def _proved(service: Service, log: LogIn | None) -> LogIn | SrError:
    """The log-in, bounded by the end of its token; why it proves nobody."""
    if log is None:
        return SrError(ReasonCode.AUTH_UNPROVEN, "no token was given, or one that no cookie holds")
    try:
        return log.until(service.actors.of(log.headers).expires_at)
    except SrError as error:
        return error


async def _log_out(service: Service, request: Request) -> Response:
    return _away("/login", cookie=set_cookie(None, secure=request.url.scheme == "https"))


def _own(path: str) -> str:
    """A path of this console; its first page for whatever else a link may have had in it."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain else "/"


def _away(to: str, cookie: str | None = None) -> Response:
    headers = {"location": to, "cache-control": "no-store"}
    if cookie is not None:
        headers["set-cookie"] = cookie
    return Response(status_code=303, headers=headers)


def _html(service: Service, request: Request, looking: Looking | None, shown: Shown) -> Response:
    """The page, compressed where the browser takes it so."""
    if shown.to is not None:
        return _away(shown.to)
    values = {
        "proves": service.actors.proves,
        "actor": None if looking is None else looking.actor.actor,
        "form_token": "" if looking is None else looking.form_token,
        "asset": _address,
        "here": request.url.path,
        "now": service.runner.ports.clock.now(),
        **shown.values,
    }
    body = rendered(shown.template, **values).encode()
    # A browser that may name no referrer sends a form's origin as null, which is taken for another site's.
    headers = {
        "content-security-policy": POLICY,
        "referrer-policy": "same-origin",
        "vary": "accept-encoding, cookie",
    }
    if shown.template == "report.html":
        headers["content-disposition"] = f'attachment; filename="report-{shown.values["page"].run_id[:8]}.html"'
    if len(body) > _SMALL and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["content-encoding"] = gzip.compress(body, 5), "gzip"
    return Response(body, shown.status, headers, "text/html")


@cache
def _address(name: str) -> str:
    """Where an asset is; another one has another address."""
    return f"/assets/{name}?{hashlib.sha256(asset(name).encode()).hexdigest()[:12]}"


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response(status_code=404)
    body, headers = asset(name).encode(), {"cache-control": "public, max-age=31536000, immutable"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["content-encoding"] = gzip.compress(body, 6), "gzip"
        headers["vary"] = "accept-encoding"
    return Response(body, 200, headers, ASSETS[name])


__all__ = ["ASSETS", "POLICY", "LogIn", "console"]
