"""One question to a service, and its answer: HTTP within bounds of time and size.

A redirect is never followed: the token goes to the host that was named and to no other. A question is asked again
only where that changes nothing (see `Question.again`), or where nothing was done with it.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, RemoteDisconnected
from typing import Any, Never
from urllib.parse import quote, urlencode, urlsplit

import attrs

from sr_adapters.client.place import Place, Way
from sr_ports import BadInput, ReasonCode, SrError, Unreachable

MAX_BYTES = 64 << 20
"""Bytes of an answer that are read: the longest record is some 24 MB, and ``show`` tells it twice."""
MAX_VALUES = 4_000_000
ANSWER_S = 120.0
"""Seconds for an answer to come, whole. A submission is answered after `service.wait_seconds` (30) at the latest."""
LONG_S = 660.0
"""The same of what may read every byte of a run, or every run: a service gives that `service.answer_seconds` (600)."""
TRIES = 4
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_CHUNK = 1 << 16
_SPARE_S = 5.0
"""Seconds more that the socket itself has: whoever ends the connection in time comes first, and says why."""
_IN_HEADERS = "!\"#$&'()*+,/:;<=>?@[\\]^`{|}"
"""What a header carries as it is, beside letters and digits: a service reads all else as in a URL."""
_JSON = ("application/json", "application/problem+json")
_AWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


@attrs.frozen
class Question:
    """What is asked. `path`: its parts, each quoted as one. `again`: whether asking twice is as asking once.

    `long`: whether the answer may take as long as a proof of every byte does. `actor`: who asks,
    where the service proves nobody; a service that does ignores it.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str] = attrs.field(factory=dict)
    body: Any = None
    actor: str | None = None
    again: bool = True
    long: bool = False

    def target(self, before: str) -> str:
        """The path and query as the request line has them."""
        path = "/".join(quote(part, safe="") for part in self.path)
        return f"{before}/{path}{f'?{urlencode(self.query)}' if self.query else ''}"


@attrs.frozen
class Reply:
    """What came back: a JSON object, and the HTTP status with it."""

    status: int
    document: dict[str, Any]


class _Broken(Exception):
    """The connection failed, by the error that caused this. `sent`: whether the question may have arrived."""

    def __init__(self, sent: bool) -> None:
        super().__init__(sent)
        self.sent = sent

    @property
    def may_pass(self) -> bool:
        """Whether the next try may find another end: a service that begins, or another replica of it."""
        return isinstance(self.__cause__, ConnectionError)


@attrs.frozen
class _Came:
    """What came back. `document`: None where it is no JSON. `after_s`: what ``Retry-After`` says, in seconds."""

    status: int
    kind: str
    document: Any
    after_s: float | None

    @property
    def may_pass(self) -> bool:
        """Whether it was turned away for a moment: by a proxy, for want of room, or by a replica that ends."""
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return True
        if not isinstance(self.document, dict):
            return self.status in _AWAY
        return self.document.get("reason_code") == ReasonCode.INTERRUPTED


class Transport:
    """Asks one service. `token`: what proves who asks; in no error.

    `answer_s`: seconds for a whole answer, of whatever kind; None for `ANSWER_S`, or `LONG_S` for a long one.

    Raises `BadInput(USAGE)` for what is no token.
    """

    def __init__(
        self,
        place: Place,
        token: str | None = None,
        *,
        answer_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise BadInput(ReasonCode.USAGE, "SR_TOKEN has a character that no token has", "set it to the token alone")
        self.place, self._token, self._answer_s, self._sleep = place, token, answer_s, sleep

    def ask(self, question: Question) -> Reply:
        """The reply. Raises `Unreachable` for none, and for one that no service of Scenario Runner gives."""
        pause_s, body = _FIRST_PAUSE_S, None if question.body is None else _encoded(question.body)
        for left in range(TRIES - 1, -1, -1):
            try:
                came = self._once(question, body)
            except _Broken as broken:
                if not left or not broken.may_pass or (broken.sent and not question.again):
                    raise self._failed(broken.__cause__, lost=broken.sent and not question.again) from broken.__cause__
                wait_s = pause_s
            else:
                wait_s = pause_s if came.after_s is None else came.after_s
                if not left or not came.may_pass or not question.again or wait_s > _LONGEST_PAUSE_S:
                    return self._reply(came)
            self._sleep(wait_s)
            pause_s *= 2
        raise AssertionError("the last try ends it")

    def _once(self, question: Question, body: bytes | None) -> _Came:
        way = self.place.way()
        connection = way.connection
        try:
            try:
                connection.connect()
            except (OSError, HTTPException) as error:
                raise _Broken(sent=False) from error
            answer_s = self._answer_s or (LONG_S if question.long else ANSWER_S)
            with _within(connection, answer_s) as over:
                try:
                    came = self._exchange(connection, question, body, way)
                    if not over():  # headers that were cut off look like an answer
                        return came
                except (OSError, HTTPException) as error:
                    if not over():
                        raise _Broken(sent=True) from error
                except Unreachable:
                    if not over():
                        raise
            raise self._away(f"no whole answer came within {answer_s:g} s")
        finally:
            connection.close()

    def _exchange(self, connection: HTTPConnection, question: Question, body: bytes | None, way: Way) -> _Came:
        headers = {"Accept": ", ".join(_JSON), "User-Agent": "scenario-runner", "Connection": "close", **way.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if question.actor is not None:
            headers["X-SR-Actor"] = quote(question.actor, safe=_IN_HEADERS)
        connection.request(question.method, question.target(way.before or self.place.path), body, headers)
        with connection.getresponse() as response:
            status, kind = response.status, response.headers.get_content_type()
            if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
                raise self._sent_on(response)
            document = self._document(_read(response), kind) if kind in _JSON else None
            return _Came(status, kind, document, _after_s(response))

    def _reply(self, came: _Came) -> Reply:
        """What came, as an answer of a service. Raises for what is none."""
        if isinstance(came.document, dict):
            return Reply(came.status, came.document)
        what = f"it answers {_named(came.status)} with {came.kind}"
        if came.status == HTTPStatus.UNAUTHORIZED:
            raise SrError(ReasonCode.AUTH_UNPROVEN, f"{self.place}: {what}")
        if came.status == HTTPStatus.FORBIDDEN:
            raise SrError(ReasonCode.AUTH_DENIED, f"{self.place}: {what}")
        raise self._away(what) if came.may_pass else self._other(what)

    def _document(self, data: bytes, kind: str) -> Any:
        from sr_domain.encoding.strict_json import strict_loads

        try:
            return strict_loads(data, what="its answer", max_bytes=MAX_BYTES, max_values=MAX_VALUES)
        except BadInput as error:
            raise self._other(f"it answers with what is no {kind}: {error.what}") from error

    def _sent_on(self, response: HTTPResponse) -> SrError:
        """A redirect: it is told where to, without what may be secret in it."""
        with suppress(ValueError):
            to = urlsplit(response.headers.get("Location", ""))
            if to.hostname and to.scheme:
                there = f"{to.scheme}://{to.hostname}{f':{to.port}' if to.port else ''}"
                what = f"it sends on to {there}, which was not followed: the token is for {self.place.authority} alone"
                return self._other(what, "name that address with --server, if the service is there")
        return self._other(f"it answers {_named(response.status)}")

    def _failed(self, error: BaseException | None, *, lost: bool) -> SrError:
        """What a failed connection is to whoever asked. `lost`: whether what was asked for may have been done."""
        told = self._failure(error)
        if not lost:
            return told
        return Unreachable(
            told.code, f"{told.what}; whether it was done is not known", "look with sr show, then ask again"
        )

    def _failure(self, error: BaseException | None) -> SrError:
        if isinstance(error, ssl.SSLCertVerificationError):
            what = f"{self.place}: its certificate is not trusted: {error.verify_message.rstrip('.')}"
            return Unreachable(ReasonCode.SERVICE_UNTRUSTED, what)
        if isinstance(error, ssl.SSLError):
            return self._away(f"it does not speak TLS as it should: {error.reason or error}")
        if isinstance(error, socket.gaierror):
            return self._away(f"its name is not known: {error.strerror}")
        if isinstance(error, TimeoutError):
            return self._away("it does not answer")
        if isinstance(error, RemoteDisconnected):
            return self._away("it ended the connection without an answer")
        if isinstance(error, HTTPException):
            return self._other(f"its answer is cut short, or no HTTP ({type(error).__name__})")
        return self._away(str(getattr(error, "strerror", None) or error))

    def _away(self, why: str) -> SrError:
        return Unreachable(ReasonCode.SERVICE_UNREACHABLE, f"{self.place}: {why}")

    def _other(self, why: str, remedy: str | None = None) -> SrError:
        return Unreachable(ReasonCode.SERVICE_ANSWER_INVALID, f"{self.place}: {why}", remedy)


@contextmanager
def _within(connection: HTTPConnection, seconds: float) -> Iterator[Callable[[], bool]]:
    """For the block, the connection ends after so long, however slowly it is still fed. Gives: whether it did.

    A time-out of the socket bounds one read alone, and a byte a minute would keep it waiting for ever.
    """
    sock, over = connection.sock, threading.Event()
    sock.settimeout(seconds + _SPARE_S)

    def end() -> None:
        over.set()
        with suppress(OSError):  # the socket's own, not TLS's: that one would take its state from under the reader
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()


def _read(response: HTTPResponse) -> bytes:
    """The body. Raises `HTTPException` for one that ends before its length, `BadInput` for one that is too long."""
    read = bytearray()
    while chunk := response.read(_CHUNK):
        read += chunk
        if len(read) > MAX_BYTES:
            raise _too_long()
    if response.length:  # a read in pieces does not tell by itself that one was promised that did not come
        raise HTTPException("cut short")
    return bytes(read)


def _too_long() -> Never:
    raise Unreachable(ReasonCode.SERVICE_ANSWER_INVALID, f"the service's answer is longer than {MAX_BYTES >> 20} MB")


def _encoded(body: Any) -> bytes:
    """A document to be sent. Raises `BadInput(REQUEST_INVALID)` for one that has no JSON."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(ReasonCode.REQUEST_INVALID, f"the request has a value that is no JSON: {error}") from error


def _after_s(response: HTTPResponse) -> float | None:
    """``Retry-After`` in seconds; None where there is none, or it is a date."""
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() else None


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
