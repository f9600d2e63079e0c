"""HTTP/1.1 on one connection, within bounds that uvicorn's own protocol leaves to a proxy: how long the headers of a
request may be, how long they may take to arrive, and how many connections are open at once."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sr_adapters.http.answer import Answer, problem
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_plugins.documents.service import ServiceSettings


_LINGERS_S = 1.0
"""A connection that is closed while its caller sends is reset, and the answer with it."""


def bounded(settings: ServiceSettings) -> type[asyncio.Protocol]:
    """The protocol of a service with these bounds."""
    return type("Bounded", (BoundedProtocol,), {"bounds": settings})


class BoundedProtocol(HttpToolsProtocol):
    """Refuses with a problem document, and closes the connection."""

    bounds: ServiceSettings
    _timer: asyncio.TimerHandle | None = None
    _size = 0
    _reading = _refused = _crowded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.bounds.connections:
            self._crowded = True  # it is told once it has asked: who is refused while he sends may miss the answer
        self._within(self.bounds.request_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self._timer is None and not self._reading and self._is_idle():
            self._within(self.bounds.request_s)
        super().data_received(data)

    def _is_idle(self) -> bool:
        """Whether the next bytes begin a request."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def on_message_begin(self) -> None:
        self._size, self._reading = 0, False
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._whole()
        self._reading = True
        if self._crowded:
            self._refuse(ReasonCode.REPLICA_BUSY, "this replica has as many connections as it may")
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._reading = False
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self._refused:
            self._refuse(ReasonCode.HTTP_INVALID, "what was sent is no HTTP/1.1 request")

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self.bounds.header_bytes and not self._refused:
            what = f"address and headers have more than {self.bounds.header_bytes} bytes"
            self._refuse(ReasonCode.HEADERS_TOO_LARGE, what)

    def _within(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._timer = None
        if not self._refused:
            what = f"the headers of a request did not arrive within {self.bounds.request_s:g} s"
            self._refuse(ReasonCode.REQUEST_TOO_SLOW, what)

    def _whole(self) -> None:
        """The headers are there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, code: ReasonCode, what: str) -> None:
        """Answer, and end the connection: once the caller has, or a moment later. What he still sends is not read."""
        self._whole()
        self._refused = True
        if not self.transport.is_closing():
            self.transport.write(_bytes(problem(code, what)))
            self.transport.write_eof()
            self.loop.call_later(_LINGERS_S, self.transport.close)


def _bytes(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"content-type: {answer.media}",
        f"content-length: {len(answer.body)}",
        "connection: close",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
