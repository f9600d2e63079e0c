"""Submissions: the status speaks of the request, the body of the run (spec: surface, "HTTP")."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.contracts import problem
from sr_domain.encoding.ids import run_id_for
from sr_domain.runner import ScenarioRunner
from tests.http.kit import Site, Tokens, bearer, request, running


def test_a_new_run_is_201_and_the_same_again_200(site: Site) -> None:
    first = site.post("/v1/runs", request(engine_run_root=site.root))
    assert (first.status, first.json["state"], first.json["is_new"]) == (201, "READY", True)
    assert first.headers["location"] == f"/v1/runs/{first.json['run_id']}"
    again = site.post("/v1/runs", request(engine_run_root=site.root))
    assert (again.status, again.json["state"], again.json["is_new"]) == (200, "READY", False)
    assert problem("outcome", again.json) is None


def test_a_run_that_was_admitted_and_failed_is_201_all_the_same(site: Site) -> None:
    got = site.post("/v1/runs", request(engine_run_root=site.root, output_ids=["nobody_knows"]))
    assert (got.status, got.json["state"], got.json["exit_code"]) == (201, "FAILED", 4)


def test_a_run_that_waits_is_202_and_says_where(tmp_path: Path) -> None:
    with running(tmp_path, flag=None) as site:
        got = site.post("/v1/runs", request(engine_run_root=site.root))
        assert (got.status, got.json["state"]) == (202, "WAITING_EVIDENCE")
        looked = site.get(got.headers["location"])
        assert (looked.status, looked.json["state"]) == (200, "WAITING_EVIDENCE")


def test_a_collision_is_409_and_names_what_differs(site: Site) -> None:
    site.ready()
    got = site.post("/v1/runs", request(engine_run_root=site.root, seed=8))
    assert (got.status, got.code, got.json["exit_code"]) == (409, "EQUIVALENCE_COLLISION", 7)
    assert got.json["answer"]["differences"]["seed"] == {"old": 7, "new": 8}
    assert problem("outcome", got.json["answer"]) is None
    assert problem("problem", got.json) is None


def test_a_request_that_breaks_its_contract_admits_nothing(site: Site) -> None:
    got = site.post("/v1/runs", request(seed="seven"))
    assert (got.status, got.code) == (422, "REQUEST_INVALID")
    assert site.get("/v1/runs").json["runs"] == []


def test_a_root_elsewhere_is_refused_and_nobody_learns_what_stands_there(site: Site) -> None:
    (site.folder / "elsewhere").mkdir()
    (site.folder / "file").write_text("")
    told = set()
    for name in ("elsewhere", "file", "nothing", "file/below"):
        place = str(site.folder / name)
        got = site.post("/v1/runs", request(engine_run_root=place))
        assert (got.status, got.code) == (422, "ENGINE_ROOT_UNFIT")
        told.add(got.json["detail"].replace(place, "PLACE"))
    assert len(told) == 1, "one answer, whatever is there"
    assert site.post("/v1/runs", request(engine_run_root=site.root)).status == 201, "below the runtime root it may lie"


class Held:
    """Runs that stay where they are until they are let go."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        from sr_domain.flows import advance

        self.entered, self.free = threading.Semaphore(0), threading.Event()
        real = advance.prove_and_decide

        def held(run: Any, *more: Any) -> Any:
            self.entered.release()
            while not self.free.is_set():
                run.held.check()
                time.sleep(0.005)
            return real(run, *more)

        patch.setattr(advance, "prove_and_decide", held)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


def test_async_is_answered_once_the_run_is_on_the_record(site: Site, held: Held) -> None:
    got = site.post("/v1/runs?async=true", request(engine_run_root=site.root))
    assert (got.status, got.json["in_flight"]) == (202, False)
    kinds = [one.event_kind for one in site.served.runner.record(got.json["run_id"])]
    assert kinds[0] == "RUN_ACCEPTED"
    assert got.json["state"] not in ("READY", "FAILED"), "it was answered before the run ended"
    held.free.set()
    assert eventually(site, got.headers["location"]) == "READY"


def eventually(site: Site, path: str) -> str:
    """The state that a run ends in."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        state = str(site.get(path).json["state"])
        if state in ("READY", "FAILED", "QUARANTINED"):
            return state
        time.sleep(0.02)
    raise AssertionError(f"{path} does not end")


def test_what_takes_longer_than_the_wait_is_202_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    with running(tmp_path, service={"wait_seconds": 0.2}) as site:
        got = site.post("/v1/runs", request(engine_run_root=site.root))
        assert got.status == 202
        again = site.post("/v1/runs", request(engine_run_root=site.root))
        assert (again.status, again.json["in_flight"], again.json["reason_code"]) == (202, True, "LEASE_BUSY")
        held.free.set()
        assert eventually(site, got.headers["location"]) == "READY"


def test_more_than_may_wait_is_429_and_admits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    with running(tmp_path, service={"runs": 1, "backlog": 1, "wait_seconds": 0.5}) as site:
        first = site.post("/v1/runs?async=true", request("one", engine_run_root=site.root))
        assert first.status == 202
        with ThreadPoolExecutor() as others:
            second = others.submit(site.post, "/v1/runs?async=true", request("two", engine_run_root=site.root))
            until = time.monotonic() + 10
            while site.service.runs.load < 2 and time.monotonic() < until:
                time.sleep(0.005)
            third = site.post("/v1/runs", request("three", engine_run_root=site.root))
            assert (third.status, third.code, third.headers["retry-after"]) == (429, "REPLICA_BUSY", "1")
            assert second.result().status == 429, "who waited for his turn and had none is told so, too"
        keys = [row["run_equivalence_key"] for row in site.get("/v1/runs").json["runs"]]
        assert keys == ["one"]
        held.free.set()
        assert eventually(site, first.headers["location"]) == "READY"
        assert site.post("/v1/runs", request("two", engine_run_root=site.root)).status == 201, "and then there is room"


def test_a_duplicate_waits_for_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, service={"runs": 1, "backlog": 1}) as site:
        site.ready()
        held = Held(monkeypatch)
        going = site.post("/v1/runs?async=true", request("long", engine_run_root=site.root))
        assert held.entered.acquire(timeout=10)
        assert site.post("/v1/runs", request(engine_run_root=site.root)).status == 200
        held.free.set()
        assert eventually(site, going.headers["location"]) == "READY"


def test_many_at_once_make_one_run(site: Site) -> None:
    with ThreadPoolExecutor(16) as callers:
        got = list(callers.map(lambda _: site.post("/v1/runs", request(engine_run_root=site.root)), range(32)))
    assert {one.status for one in got} <= {200, 201, 202}
    assert sum(one.json["is_new"] for one in got) == 1
    assert {one.json["run_id"] for one in got} == {run_id_for("key")}
    assert eventually(site, f"/v1/runs/{run_id_for('key')}") == "READY"
    assert site.get("/v1/runs").json["total"] == 1


def test_who_asks_is_on_the_record_and_no_header_makes_him_another(tmp_path: Path) -> None:
    auth = {"submit": ["alice"]}
    with running(tmp_path, authenticator=Tokens(), auth=auth) as site:
        sent = request(engine_run_root=site.root, invoker="alice")
        got = site.ask("POST", "/v1/runs", sent, {**bearer("alice"), "X-SR-Actor": "mallory"})
        assert got.status == 201
        assert site.served.runner.record(got.json["run_id"])[0].actor == "alice"
        claims = {**bearer("mallory"), "X-SR-Actor": "alice"}
        sneaky = site.ask("POST", "/v1/runs", request("other", invoker="alice"), claims)
        assert (sneaky.status, sneaky.code) == (403, "AUTH_DENIED")


def test_with_auth_disabled_who_asks_says_so_himself(site: Site) -> None:
    got = site.post("/v1/runs", request(engine_run_root=site.root), X_SR_Actor="j%C3%BCrgen")
    assert site.served.runner.record(got.json["run_id"])[0].actor == "jürgen"
    bad = site.post("/v1/runs", request("other"), X_SR_Actor="a%0Ab")
    assert (bad.status, bad.code) == (401, "AUTH_UNPROVEN")


def test_a_denied_actor_is_on_record_and_binds_no_key(tmp_path: Path) -> None:
    with running(tmp_path, authenticator=Tokens(), auth={"submit": ["alice"]}) as site:
        got = site.ask("POST", "/v1/runs", request(engine_run_root=site.root), bearer("mallory"))
        assert (got.status, got.code) == (403, "AUTH_DENIED")
        assert got.json["answer"]["actor"] == "mallory"
        assert "alice" not in got.body.decode(), "who may is nobody's business who may not"
        runner: ScenarioRunner = site.served.runner
        key = f"fraud-platform/{runner.ports.platform.current()}/sr/run_record/{run_id_for('key')}.jsonl"
        blob = runner.ports.store.read(key)
        assert blob is not None
        assert b'"AUTH_DENIED"' in blob.data
        allowed = site.ask("POST", "/v1/runs", request(engine_run_root=site.root), bearer("alice"))
        assert allowed.status == 201, "the key stayed free"


def test_authorisation_comes_before_validation(tmp_path: Path) -> None:
    with running(tmp_path, authenticator=Tokens(), auth={"submit": ["alice"]}) as site:
        for body in (b"{", b"[]", b'{"seed": 1}'):
            assert site.ask("POST", "/v1/runs", raw=body).status == 401
            assert site.ask("POST", "/v1/runs", raw=body, headers=bearer("mallory")).status == 403
            assert site.ask("POST", "/v1/runs", raw=body, headers=bearer("alice")).status in (400, 422)
        assert list(site.served.runner.ports.store.list("fraud-platform/")) == [], "nothing was written for any of them"
