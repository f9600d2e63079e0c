"""Every status of the OpenAPI document, produced for every operation that names it, in the shape that it names."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from sr_adapters.http.app import OPERATIONS
from sr_adapters.http.openapi import openapi, statuses
from sr_adapters.http.operations import Operation
from sr_domain.encoding.contracts import problem
from sr_domain.record.layout import store_identity_key
from sr_domain.runner import ScenarioRunner
from sr_ports import ReasonCode, Unreachable
from tests.http.kit import Got, Site, Tokens, bearer, request, running
from tests.plugins.worlds import SOUND, sealed

BY_NAME = {one.name: one for one in OPERATIONS}
PROBES = ("healthz", "readyz", "metrics")
BODIES: dict[str, Callable[[str], Any]] = {
    "submit": lambda _: request("another"),
    "resume": lambda _: {},
    "retry": lambda _: {},
    "recover": lambda _: {"accept_loss": True, "reason": "a test"},
    "reemit": lambda run: {"run_id": run, "reemit_kind": "READY_ONLY"},
    "plan": lambda _: request("another"),
    "verify": lambda run: {"run_id": run},
    "audit": lambda run: {"runs": [run]},
}
HEX = "0" * 32


def path_of(operation: Operation, run: str) -> str:
    return operation.path.replace("{run}", run)


def ask(site: Site, operation: Operation, run: str = HEX, **more: Any) -> Got:
    body = BODIES[operation.name](run) if operation.body and "raw" not in more else None
    return site.ask(operation.method, path_of(operation, run) + more.pop("query", ""), body, **more)


def fits(operation: Operation, got: Got, document: dict[str, Any]) -> None:
    """The answer is one that the document names: status, type, shape."""
    said = document["paths"][operation.path][operation.method.lower()]["responses"][str(got.status)]
    if "content" not in said:
        assert got.body == b""
        return
    kind = got.headers["content-type"].partition(";")[0]
    assert kind in said["content"]
    if kind == "application/problem+json":
        assert problem("problem", got.json) is None
        assert (got.json["status"], got.json["title"] != "") == (got.status, True)


@functools.cache
def described() -> dict[str, Any]:
    return openapi(OPERATIONS)


Play = Callable[[Operation], Got]
MADE: dict[int, Callable[[Path], contextlib.AbstractContextManager[Play]]] = {}


def makes(status: int) -> Callable[[Any], Any]:
    def noted(how: Any) -> Any:
        MADE[status] = contextlib.contextmanager(how)
        return how

    return noted


@makes(400)
def malformed(folder: Path) -> Iterator[Play]:
    with running(folder) as site:
        yield lambda one: parsed(site.said(f"{one.method} {one.path} HTTP/1.1\r\nbad header\r\n\r\n".encode()))


@makes(401)
def nobody(folder: Path) -> Iterator[Play]:
    with running(folder, authenticator=Tokens()) as site:
        yield lambda one: ask(site, one)


@makes(403)
def denied(folder: Path) -> Iterator[Play]:
    others = {name: ["alice"] for name in ("submit", "read", "reemit", "recover", "supersede")}
    with running(folder, authenticator=Tokens(), auth=others) as site:
        yield lambda one: ask(site, one, headers=bearer("mallory"))


@makes(404)
def unknown(folder: Path) -> Iterator[Play]:
    with running(folder) as site:
        yield lambda one: ask(site, one)


@makes(408)
def slow(folder: Path) -> Iterator[Play]:
    with running(folder, service={"request_seconds": 0.2}) as site:
        yield lambda one: parsed(site.said(f"{one.method} {one.path} HTTP/1.1\r\nHost: localhost\r\n".encode()))


@makes(413)
def large(folder: Path) -> Iterator[Play]:
    with running(folder, service={"body_bytes": 100}) as site:
        yield lambda one: ask(site, one, raw=b"{" + b" " * 100 + b"}")


@makes(415)
def other_type(folder: Path) -> Iterator[Play]:
    with running(folder) as site:
        yield lambda one: ask(site, one, raw=b"a: 1", headers={"Content-Type": "application/yaml"})


@makes(422)
def misfit(folder: Path) -> Iterator[Play]:
    def play(one: Operation) -> Got:
        if one.body:
            return ask(site, one, raw=json.dumps({"unknown": 1}).encode())
        return ask(site, one, run="no-name") if one.names_run else ask(site, one, query="?unknown=1")

    with running(folder) as site:
        yield play


@makes(429)
def crowded(folder: Path) -> Iterator[Play]:
    with running(folder, service={"connections": 1}) as site, socket.create_connection(site.address):
        yield lambda one: ask(site, one)


@makes(431)
def long_headers(folder: Path) -> Iterator[Play]:
    with running(folder, service={"header_bytes": 500}) as site:
        yield lambda one: ask(site, one, headers={"X-Long": "a" * 600})


class Broken:
    """A runner whose every use case raises."""

    def __init__(self, real: Any, error: Exception) -> None:
        self.real, self.error = real, error

    def until(self, asked: Any) -> Broken:
        return self

    def __getattr__(self, name: str) -> Any:
        if name in ("settings", "ports", "close"):
            return getattr(self.real, name)
        raise self.error

    def __enter__(self) -> Broken:
        return self

    def __exit__(self, *error: object) -> None:
        self.real.close()


def broken(folder: Path, error: Exception) -> Iterator[Play]:
    def spoil(served: Any) -> Any:
        return attrs.evolve(served, runner=Broken(served.runner, error))

    with running(folder, spoil=spoil) as site:
        yield lambda one: ask(site, one)


@makes(500)
def bug(folder: Path) -> Iterator[Play]:
    yield from broken(folder, RuntimeError("postgres://sr:hunter2@db/sr"))


@makes(503)
def away(folder: Path) -> Iterator[Play]:
    yield from broken(folder, Unreachable(ReasonCode.STORE_UNREACHABLE, "the store is away"))


def parsed(sent: bytes) -> Got:
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Got(int(first.split()[1]), headers, body)


ERRORS = {(one.name, status) for one in OPERATIONS if one.action for status in statuses(one) if status in MADE}
OWN = {(one.name, status) for one in OPERATIONS for status in statuses(one)} - ERRORS
"""What is well, and what is an operation's own."""


@pytest.mark.parametrize("status", sorted(MADE))
def test_the_error_is_produced_as_it_is_described_by_every_operation(tmp_path: Path, status: int) -> None:
    with MADE[status](tmp_path) as play:
        for operation in (one for one in OPERATIONS if (one.name, status) in ERRORS):
            got = play(operation)
            assert got.status == status, (operation.name, got.body)
            fits(operation, got, described())
            assert got.headers["x-content-type-options"] == "nosniff"
            assert b"hunter2" not in got.body
            assert (got.headers.get("www-authenticate") == "Bearer") == (status == 401)
            if status in (429, 503):
                assert int(got.headers["retry-after"]) >= 0


class Played:
    """What was answered so far, each answer found to be as it is described."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int]] = set()

    def __call__(self, name: str, got: Got) -> Got:
        operation = BY_NAME[name]
        fits(operation, got, described())
        self.seen.add((name, got.status))
        if got.status < 300 and operation.contract and got.headers.get("content-type") == "application/json":
            assert problem(operation.contract, got.json) is None
        return got

    def about(self, site: Site, name: str, run: str = HEX, body: Any = None, **headers: str) -> int:
        """Ask an operation; the status."""
        operation = BY_NAME[name]
        sent = BODIES[name](run) if body is None and operation.body else body
        return self(name, site.ask(operation.method, path_of(operation, run), sent, headers)).status


def test_every_other_status_is_produced_as_it_is_described(tmp_path: Path) -> None:
    played = Played()
    with running(tmp_path / "ready", spoil=counting) as site:
        all_is_well(site, played)
    with running(tmp_path / "own") as site:
        an_operations_own(site, played)
    with running(tmp_path / "waits", flag=None, policy={"evidence_wait_seconds": 1}) as site:
        what_waits(site, played)
    with running(tmp_path / "quarantined", flag=b"sha256_hex = " + b"0" * 64) as site:
        assert (
            played("submit", site.post("/v1/runs", request(engine_run_root=site.root))).json["state"] == "QUARANTINED"
        )
        run = site.get("/v1/runs").json["runs"][0]["run_id"]
        assert played.about(site, "quarantine", run) == 200
        tag = site.get(f"/v1/quarantine/{run}").headers["etag"]
        assert played.about(site, "quarantine", run, **{"If-None-Match": tag}) == 304
    assert OWN - played.seen == set()


def counting(served: Any) -> Any:
    """With telemetry that counts."""

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return (lambda: b"sr_runs 1\n") if name == "exposition" else getattr(served.runner.ports.telemetry, name)

    real = served.runner
    ports = attrs.evolve(real.ports, telemetry=Counting())
    return attrs.evolve(served, runner=ScenarioRunner(ports, real.policy, real.pack, real.settings))


def all_is_well(site: Site, played: Played) -> None:
    run = site.ready()
    for name in ("list", "status", "stored_plan", "record", "facts", "explain", "plan", "verify", "audit", "bus",
                 "quarantine_list", "plugins", "openapi", "healthz", "readyz", "metrics", "events", "reemit",
                 "resume"):  # fmt: skip
        assert played.about(site, name, run) == 200, name
    for name in ("stored_plan", "facts"):
        first = ask(site, BY_NAME[name], run)
        assert played.about(site, name, run, **{"If-None-Match": first.headers["etag"]}) == 304
        other = ask(site, BY_NAME[name], run, headers={"If-None-Match": '"another"'})
        assert (other.status, other.body) == (200, first.body)
    last = site.served.runner.record(run)[-1].event_id
    assert played.about(site, "events", run, **{"Last-Event-ID": last}) == 204


def an_operations_own(site: Site, played: Played) -> None:
    assert played.about(site, "metrics") == 404
    sent, bad = request(engine_run_root=site.root), request("bad", engine_run_root=site.root, output_ids=["unknown"])
    assert [played.about(site, "submit", body=one) for one in (sent, sent, request(seed=9))] == [201, 200, 409]
    run = site.post("/v1/runs", sent).json["run_id"]
    assert played.about(site, "reemit", run, {"run_id": run, "reemit_kind": "TERMINAL_ONLY"}) == 409
    assert played.about(site, "retry", run) == 409
    failed = site.post("/v1/runs", bad).json["run_id"]
    assert played.about(site, "retry", failed) == 201
    view = site.folder / "runs" / site.get(f"/v1/runs/{run}").json["facts_view_ref"]
    sound = view.read_bytes()
    view.chmod(0o644)
    view.write_bytes(b"{}")
    accept = {"accept_loss": True, "reason": "a test", "artifact": view.relative_to(site.folder / "runs").as_posix()}
    with somebody_else_holds(site, run):
        assert played.about(site, "recover", run, accept) == 202
    assert (played.about(site, "recover", run, accept), view.read_bytes() == sound) == (200, True)
    site.service.drain()
    assert played.about(site, "readyz") == 503


@contextlib.contextmanager
def somebody_else_holds(site: Site, run: str) -> Iterator[None]:
    ports = site.served.runner.ports
    blob = ports.store.read(store_identity_key())
    assert blob is not None
    authority, store_id = ports.at(str(ports.platform.current())).authority, json.loads(blob.data)["store_id"]
    lease = authority.acquire(run, "f" * 32, ttl_s=60, store_id=store_id)
    assert lease is not None
    yield
    authority.release(lease)


def what_waits(site: Site, played: Played) -> None:
    sent = request(engine_run_root=site.root)
    assert played.about(site, "submit", body=sent) == 202
    run = site.post("/v1/runs", sent).json["run_id"]
    assert played.about(site, "resume", run) == 202
    while site.post(f"/v1/runs/{run}/resume", {}).json["state"] != "FAILED":
        pass
    assert played.about(site, "retry", run) == 202
    sealed(site.folder / "runs", SOUND)
    assert played.about(site, "retry", run) == 200, "the run of the series that went on is the answer"


def test_the_document_is_valid_and_names_what_the_service_does() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    document = json.loads(json.dumps(described()))
    OpenAPIV31SpecValidator(document).validate()
    names = {name for path in document["paths"].values() for name in (one["operationId"] for one in path.values())}
    assert names == set(BY_NAME)
    assert yaml.safe_load(json.dumps(document)) == document
