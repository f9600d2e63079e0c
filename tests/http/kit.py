"""A service on loopback, in this process, on a port that the system gives; and a client that says what is meant."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import attrs

from sr_adapters.http.app import create_app
from sr_adapters.http.server import Server, listening, serve
from sr_adapters.http.service import Service
from sr_domain.runner import ScenarioRunner
from sr_plugins.wiring.service import Served, wire_service
from sr_ports import Authenticator, Identity
from tests.plugins.worlds import SOUND, offered, sealed
from tests.worlds import MF, PH

POLICY: Mapping[str, Any] = {"policy_id": "http", "revision": "1", "evidence_wait_seconds": 600, "settle_seconds": 0}
LAW = "sha256_bundle_digest"
JSON = "application/json"
NONE: Mapping[str, str] = {}


def request(key: str = "key", **changes: Any) -> dict[str, Any]:
    """A run request; a change to None leaves the field out."""
    document = {
        "run_equivalence_key": key,
        "manifest_fingerprint": MF,
        "parameter_hash": PH,
        "seed": 7,
        "scenario": {"scenario_id": "baseline"},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00Z",
            "window_end_utc": "2026-01-02T00:00:00Z",
            "window_tz": "Europe/London",
        },
        "output_ids": ["orders"],
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


@attrs.frozen
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The document."""
        assert self.headers["content-type"] in (JSON, "application/problem+json"), self.headers
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The reason code of the problem that it is."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        document = self.json
        assert document["status"] == self.status
        return str(document["reason_code"])


@attrs.frozen
class Site:
    """A running service. `root`: an engine root whose evidence is whole."""

    folder: Path
    served: Served
    service: Service
    address: tuple[str, int]
    root: str

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = NONE,
        raw: bytes | None = None,
    ) -> Got:
        """Ask once, on a connection of its own. `raw`: a body that is sent as it is."""
        connection = HTTPConnection(*self.address, timeout=30)
        data = raw if body is None else json.dumps(body).encode()
        told = {} if data is None else {"Content-Type": JSON}
        try:
            connection.request(method, path, data, {**told, **headers})
            with connection.getresponse() as response:
                names = {name.lower(): value for name, value in response.getheaders()}
                return Got(response.status, names, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Got:
        """GET."""
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: Any = None, **headers: str) -> Got:
        """POST of a document."""
        return self.ask("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def ready(self, key: str = "key") -> str:
        """The id of a run that was taken to READY."""
        got = self.post("/v1/runs", request(key, engine_run_root=self.root))
        assert got.json["state"] == "READY", got.body
        return str(got.json["run_id"])

    def said(self, sent: bytes, *, end: bool = False) -> bytes:
        """All that comes back for bytes on a connection, to its end. `end`: nothing more is sent."""
        with socket.create_connection(self.address, timeout=30) as link:
            link.sendall(sent)
            if end:
                link.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: link.recv(65536), b""))


class Tokens:
    """An authenticator of names: the bearer's token is his name, and so a test needs no key."""

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        told = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
        scheme, _, name = told.partition(" ")
        return Identity(name, "token") if scheme == "Bearer" and name else None


def bearer(name: str) -> dict[str, str]:
    """The headers of who has proven to be `name`."""
    return {"Authorization": f"Bearer {name}"}


def proving(served: Served, authenticator: Authenticator | None) -> Served:
    """The same service, whose callers this authenticator proves; where they prove nothing, as it was."""
    if authenticator is None:
        return served
    bare = served.runner
    auth = served.profile.auth
    lists = {name: None if (told := getattr(auth, name)) is None else frozenset(told) for name in RIGHTS}
    allowed: dict[str, Any] = {
        "submitters": lists["submit"] or frozenset(),
        "reemitters": lists["submit"] or frozenset() if lists["reemit"] is None else lists["reemit"],
        "superseders": lists["submit"] or frozenset() if lists["supersede"] is None else lists["supersede"],
        "recoverers": lists["recover"] or frozenset(),
        "readers": lists["read"],
    }
    ports = attrs.evolve(bare.ports, authenticator=authenticator)
    settings = attrs.evolve(bare.settings, proven=True, **allowed)
    return attrs.evolve(served, runner=ScenarioRunner(ports, bare.policy, bare.pack, settings))


RIGHTS = ("submit", "reemit", "supersede", "recover", "read")


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    authenticator: Authenticator | None = None,
    policy: Mapping[str, Any] | None = None,
    plugins: Sequence[Any] = (),
    spoil: Callable[[Served], Served] = lambda served: served,
    background: Any = None,
    flag: bytes | None = SOUND,
    **sections: Any,
) -> Iterator[Site]:
    """A service for the block. `sections`: of its profile. `spoil`: changes what was wired. `flag`: of the evidence."""
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    root = sealed(folder / "runs", flag)
    bounds = {"grace_seconds": 1, "stop_seconds": 20, **sections.pop("service", {})}
    profile = {**offered(folder, LAW), "observability": {"sinks": []}, "service": bounds, **sections}
    served = spoil(proving(wire_service(profile, policy={**POLICY, **(policy or {})}, plugins=plugins), authenticator))
    told: list[Server] = []
    begun = threading.Event()
    with served.runner, listening("127.0.0.1", 0, proven=authenticator is not None) as place:
        service = Service(served.runner, served.profile, background)

        def tell(server: Server) -> None:
            told.append(server)
            begun.set()

        def main() -> None:
            serve(create_app(service), service, [place], tell)

        thread = threading.Thread(target=main, name="served")
        thread.start()
        assert begun.wait(30)
        try:
            yield Site(folder, served, service, place.getsockname()[:2], root)
        finally:
            told[0].should_exit = True
            thread.join(60)
            assert not thread.is_alive()
