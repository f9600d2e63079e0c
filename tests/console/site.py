"""The console on loopback, in this process, over a lab; and a client that keeps cookies as a browser does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from urllib.parse import urlencode

import attrs

from sr_adapters.console.site import console
from sr_adapters.http.app import create_app
from sr_adapters.http.server import Server, listening, serve
from sr_adapters.http.service import Service
from sr_domain.run.ports import Settings
from sr_domain.runner import ScenarioRunner
from sr_plugins.documents.profile import Profile
from sr_ports import Identity
from tests.console.pages import Page

NONE: Mapping[str, str] = {}


@attrs.frozen
class Got:
    """An answer. `page`: read as a browser would."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    body: bytes

    @property
    def html(self) -> str:
        """The page's text."""
        assert self.headers["content-type"].startswith("text/html"), self.headers
        return self.body.decode()

    @property
    def page(self) -> Page:
        """The page, its elements checked to be closed in order."""
        found = Page(self.html)
        assert found.open == []
        return found


@attrs.define
class Browser:
    """Asks a console. `cookie`: what it was told to keep."""

    address: tuple[str, int]
    cookie: str = ""

    def ask(self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Got:
        connection = HTTPConnection(*self.address, timeout=30)
        body = None if form is None else urlencode(form).encode()
        told = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        told |= {"Cookie": self.cookie} if self.cookie else {}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, told)
            with connection.getresponse() as response:
                found = {name.lower(): value for name, value in response.getheaders()}
                cookies = tuple(value for name, value in response.getheaders() if name.lower() == "set-cookie")
                for one in cookies:
                    self.cookie = one.partition(";")[0]
                return Got(response.status, found, cookies, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, form: Mapping[str, str] = NONE, **headers: str) -> Got:
        return self.ask("POST", path, form=form, **headers)


class Tokens:
    """An authenticator of names: the bearer's token is his name."""

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        told = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
        scheme, _, name = told.partition(" ")
        return Identity(name, "token") if scheme == "Bearer" and name.startswith("known-") else None


ALLOWED = Settings(
    readers=frozenset({"known-ops", "known-eye"}),
    submitters=frozenset({"known-ops"}),
    superseders=frozenset({"known-ops"}),
    reemitters=frozenset({"known-ops"}),
    proven=True,
)
"""`known-ops` may do all, `known-eye` look."""


@contextlib.contextmanager
def served(runner: ScenarioRunner) -> Iterator[Browser]:
    """A browser of a console for the block."""
    told: list[Server] = []
    begun = threading.Event()
    with listening("127.0.0.1", 0, proven=runner.ports.authenticator is not None) as place:
        service = Service(runner, Profile())

        def tell(server: Server) -> None:
            told.append(server)
            begun.set()

        app = create_app(service, console(service))
        thread = threading.Thread(target=serve, args=(app, service, [place], tell), name="served")
        thread.start()
        assert begun.wait(30)
        try:
            yield Browser(place.getsockname()[:2])
        finally:
            told[0].should_exit = True
            thread.join(60)
            assert not thread.is_alive()
