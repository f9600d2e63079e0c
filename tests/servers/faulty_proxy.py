"""A loopback HTTP proxy in front of an S3 server that misbehaves on demand.

Faults are queued; each is used up by one matching request, then the proxy is honest again.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

if TYPE_CHECKING:
    from sr_adapters.s3.client import Credentials

_CONDITIONS = frozenset({"if-match", "if-none-match"})
_CHECKSUMS = ("content-md5", "x-amz-checksum-", "x-amz-sdk-checksum-algorithm")
_SIGNED = frozenset({"authorization", "x-amz-date", "x-amz-content-sha256"})
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})


@attrs.frozen
class Answer:
    """What the upstream said, or what is said in its stead."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@attrs.frozen
class Fault:
    """What goes wrong with one request.

    `forward`: whether the server gets the request. Then: `hang` until the proxy ends (the client
    times out), or `drop` the connection with a reset, or give `answer`, or send only
    `truncate` bytes of the true body.
    """

    forward: bool = False
    drop: bool = False
    hang: bool = False
    answer: Answer | None = None
    truncate: int | None = None


def error(status: int, code: str) -> Answer:
    """An S3 error document."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
    return Answer(status, (("Content-Type", "application/xml"),), body)


class FaultyProxy:
    """Its state, shared by the handler's threads.

    `seen`: method of every request, in order; `asked`: method, path and headers (lower-case) of each.
    `keys`: with which a request is signed anew whose headers were changed, for servers that look at that.
    `lock`: refuse what AWS refuses on a bucket with Object Lock, a PUT without Content-MD5 or a checksum.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.url = ""
        self.strip = False
        self.lock = False
        self.keys: Credentials | None = None
        self.seen: list[str] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.after: Callable[[], object] | None = None
        self.ended = threading.Event()
        self._faults: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()

    def fail(self, *faults: Fault, method: str = "PUT", times: int = 1) -> None:
        """Queue faults for the next requests of `method`."""
        with self._lock:
            self._faults += [(method, fault) for _ in range(times) for fault in faults]

    def calm(self) -> None:
        """Forget what is queued."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str) -> Fault | None:
        """The fault for this request, used up."""
        with self._lock:
            self.seen.append(method)
            for at, (wanted, fault) in enumerate(self._faults):
                if wanted == method:
                    del self._faults[at]
                    return fault
        return None

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Forward a request; conditional headers are left out when `strip` is set."""
        lower = {name.lower(): value for name, value in headers.items()}
        self.asked.append((method, path, lower))
        if self.lock and method == "PUT" and not any(name.startswith(_CHECKSUMS) for name in lower):
            return error(400, "InvalidRequest")
        kept = {k: v for k, v in headers.items() if k.lower() not in _HOP}
        if self.strip:
            kept = self.signed(method, path, {k: v for k, v in kept.items() if k.lower() not in _CONDITIONS}, body)
        connection = http.client.HTTPConnection(*self.upstream, timeout=20)
        try:
            connection.request(method, path, body, kept)
            found = connection.getresponse()
            answer = Answer(found.status, tuple(found.getheaders()), found.read())
        finally:
            connection.close()
        after, self.after = self.after, None
        if after is not None and method == "PUT":
            after()
        return answer

    def signed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """A request whose headers were changed, signed anew as whoever made the bucket; as it is without `keys`."""
        if self.keys is None:
            return headers
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials as BotoCredentials

        bare = {name: value for name, value in headers.items() if name.lower() not in _SIGNED}
        request = AWSRequest(method, f"{self.url}{path}", bare, body)
        S3SigV4Auth(BotoCredentials(self.keys.access_key, self.keys.secret), "s3", "us-east-1").add_auth(request)
        return dict(request.headers.items())


class Handler(BaseHTTPRequestHandler):
    """Serves one connection for `proxy`."""

    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the client gave up first

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.take(self.command) or Fault(forward=True)
        answer = None
        if fault.forward:
            answer = self.proxy.ask(self.command, self.path, dict(self.headers.items()), body)
        if fault.hang:
            self.proxy.ended.wait(20)
            self.close_connection = True
        elif fault.drop:
            self._reset()
        else:
            self.say(fault.answer or answer or error(500, "InternalError"), fault.truncate)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve  # noqa: N815 - the base class names them

    def say(self, answer: Answer, truncate: int | None) -> None:
        """Send an answer; only its first `truncate` bytes where that is given."""
        self.send_response(answer.status)
        given = [(k, v) for k, v in answer.headers if k.lower() not in _HOP and k.lower() not in ("date", "server")]
        if not any(k.lower() == "content-length" for k, _ in given):
            given.append(("Content-Length", str(len(answer.body))))
        for name, value in given:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else answer.body[:truncate])
        if truncate is not None:
            self.wfile.flush()
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection cut on purpose is no error here."""


@contextmanager
def serving(proxy: FaultyProxy, handler: type[Handler] = Handler) -> Iterator[None]:
    """Run `proxy` on a loopback port of its own."""
    with _Server(("127.0.0.1", 0), type("Handler", (handler,), {"proxy": proxy})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield
        finally:
            proxy.ended.set()
            server.shutdown()
            thread.join()


@contextmanager
def faulty_proxy(upstream: str, keys: Credentials | None = None) -> Iterator[FaultyProxy]:
    """A running proxy before `upstream`."""
    proxy = FaultyProxy(upstream)
    proxy.keys = keys
    with serving(proxy):
        yield proxy
