"""The edge of the application: what holds for every request and every answer, whatever serves it."""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from sr_adapters.http.answer import Answer, problem
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sr_adapters.http.service import Service

SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""On every answer that says nothing else of the same name."""
_LARGE = 1 << 16
_ESCAPED = re.compile(rb"(?:%(?!2[fF]|25)[0-9a-fA-F]{2})+")
_FOREIGN = ("cross-site", "same-site")


def rendered(answer: Answer) -> Response:
    """The answer, as the framework sends it."""
    media = None if not answer.body else answer.media
    return Response(answer.body, answer.status, dict(answer.headers), media)


class Edge:
    """`app` behind checks that need no operation."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = self._guarded(send)
        refusal = self._refusal(scope)
        if refusal is not None:
            await rendered(refusal)(scope, receive, guarded)
            return
        raw = scope.get("raw_path") or b""
        if b"%" in raw:
            scope["path"] = _path(raw)
        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Answer | None:
        """Why a request is not for this service, whoever sent it; None for any other."""
        host = origin = site = ""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
            elif name == b"origin":
                origin = value.decode("latin-1")
            elif name == b"sec-fetch-site":
                site = value.decode("latin-1")
        if not self._service.actors.proves and not is_loopback(_name(host)):
            # A page whose host's name was made to mean this machine would otherwise be taken for a local caller.
            return problem(
                ReasonCode.HOST_UNKNOWN, f"this service answers for this machine alone, not for {host[:100]!r}"
            )
        if scope["method"] not in ("GET", "HEAD") and (
            site in _FOREIGN or (origin and origin.partition("://")[2] != host)
        ):
            return problem(ReasonCode.HOST_UNKNOWN, f"a page of {origin[:100] or 'another site'} may not ask for this")
        return None

    def _guarded(self, send: Send) -> Send:
        """`send` with headers that every answer has, and a limit of time for who reads slowly."""
        limit = self._service.settings.request_s

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _secured(message)
            elif message.get("more_body") or len(message.get("body", b"")) > _LARGE:
                async with asyncio.timeout(limit):
                    await send(message)
                return
            await send(message)

        return guarded


def _secured(message: Message) -> None:
    headers: list[Any] = message["headers"]
    there = {name for name, _ in headers}
    headers.extend(pair for pair in SECURITY if pair[0] not in there)


def _path(raw: bytes) -> str:
    """The path to route by: a slash that was escaped is no end of a part, and stays escaped, as ``%`` does."""
    return _ESCAPED.sub(lambda found: unquote_to_bytes(found[0]), raw).decode("utf-8", "replace")


def _name(host: str) -> str:
    """The name in a header Host, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine, as it says itself."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
