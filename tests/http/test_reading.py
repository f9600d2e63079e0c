"""What is read over HTTP is what the command line reads: the same documents, from truth, page by page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.cli.app import run as sr
from tests.http.kit import POLICY, Site, request, running


def command(site: Site, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What the command line says with ``--json`` over the same profile."""
    profile, policy = site.folder / "profile.json", site.folder / "policy.json"
    engine = site.served.profile.engine
    told = {"runtime_root": str(site.folder / "runs"), "engine": {"interface_pack": engine.interface_pack}}
    profile.write_text(json.dumps({**told, "observability": {"sinks": []}}))
    policy.write_text(json.dumps(POLICY))
    sr(["policy", "seal", str(policy)])
    capsys.readouterr()
    sr(["--profile", str(profile), "--policy", str(policy), "--json", *words])
    return json.loads(capsys.readouterr().out)


MOVES = ("seconds_left", "remedy", "next")
"""What a moment changes, and what a command spells with its own options."""


def alike(one: Any, other: Any) -> None:
    def still(document: Any) -> Any:
        return {name: value for name, value in document.items() if name not in MOVES}

    assert still(one) == still(other)


def test_the_documents_are_those_of_the_command_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    run = site.ready()
    for path, *words in (
        (f"/v1/runs/{run}", "status", run),
        (f"/v1/runs/{run}/record", "show", run),
        (f"/v1/runs/{run}/facts", "facts", run),
        (f"/v1/runs/{run}/explain", "explain", run),
        ("/v1/quarantine", "quarantine", "list"),
        ("/v1/bus", "bus", "tail"),
        ("/v1/plugins", "plugins"),
        ("/v1/runs?limit=100", "list"),
    ):
        alike(site.get(path).json, command(site, capsys, *words))
    alike(site.post("/v1/verify", {"run_id": run}).json, command(site, capsys, "verify", run))
    alike(site.post("/v1/audit", {"runs": [run]}).json, command(site, capsys, "audit", run))
    alike(site.post("/v1/audit", {"all": True}).json, command(site, capsys, "audit", "--all"))


def test_a_plan_and_a_difference_are_those_of_the_command_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = request(engine_run_root=site.root), request("b", engine_run_root=site.root, seed=8)
    for name, document in (("one", one), ("other", other)):
        (site.folder / f"{name}.json").write_text(json.dumps(document))
    paths = [str(site.folder / f"{name}.json") for name in ("one", "other")]
    alike(site.post("/v1/plan", one).json, command(site, capsys, "plan", paths[0]))
    told = site.post("/v1/plan", {"request": one, "other": other}).json
    alike(told, command(site, capsys, "plan", paths[0], "--diff", paths[1]))


def test_pages_have_every_run_once_newest_first(site: Site) -> None:
    keys = [f"key-{number}" for number in range(7)]
    for key in keys:
        site.ready(key)
    found: list[str] = []
    query = "/v1/runs?limit=3"
    sizes = []
    cursor = ""
    while True:
        page = site.get(query + (f"&cursor={cursor}" if cursor else "")).json
        found += [row["run_equivalence_key"] for row in page["runs"]]
        sizes.append(len(page["runs"]))
        assert (page["total"], page["more"]) == (7, "cursor" in page)
        if "cursor" not in page:
            break
        cursor = page["cursor"]
    assert (found, sizes) == (keys[::-1], [3, 3, 1])


def test_a_run_that_comes_between_two_pages_moves_no_other(site: Site) -> None:
    for number in range(4):
        site.ready(f"key-{number}")
    first = site.get("/v1/runs?limit=2").json
    site.ready("later")
    second = site.get(f"/v1/runs?limit=2&cursor={first['cursor']}").json
    assert [row["run_equivalence_key"] for row in second["runs"]] == ["key-1", "key-0"]


def test_lists_are_narrowed_by_state_key_and_time(site: Site) -> None:
    site.ready("orders-1")
    site.post("/v1/runs", request("broken", engine_run_root=site.root, output_ids=["unknown"]))

    def keys(query: str) -> list[str]:
        return sorted(row["run_equivalence_key"] for row in site.get(f"/v1/runs?{query}").json["runs"])

    assert keys("state=READY") == keys("key=orders-*") == ["orders-1"]
    assert keys("state=READY,FAILED") == keys("since=2020-01-01T00:00:00Z") == ["broken", "orders-1"]
    assert keys("since=2100-01-01T00:00:00Z") == keys("state=QUARANTINED") == []


def test_a_run_is_named_as_on_the_command_line(site: Site) -> None:
    run = site.ready("a/b %2F c")
    for name in (run, run[:8], "key:a%2Fb%20%252F%20c"):
        assert site.get(f"/v1/runs/{name}").json["run_id"] == run
        assert site.get(f"/v1/runs/{name}/facts").status == 200


def test_who_reads_a_corrected_run_is_told_of_its_successor(site: Site) -> None:
    first = site.ready()
    later = site.post("/v1/runs", request("later", engine_run_root=site.root, supersedes=first)).json["run_id"]
    got = site.get(f"/v1/runs/{first}/facts")
    assert f'</v1/runs/{later}/facts>; rel="successor-version"' in got.headers["link"]
    assert "link" not in site.get(f"/v1/runs/{later}/facts").headers
    told = site.post("/v1/verify", {"run_id": first}).json["findings"]
    assert [one["code"] for one in told] == ["SUPERSEDED"]


def test_the_bus_is_read_on_from_a_message(site: Site) -> None:
    for key in ("one", "two", "three"):
        site.ready(key)
    whole = site.get("/v1/bus").json["envelopes"]
    rest = site.get(f"/v1/bus?after={whole[0]['message_id']}&limit=1").json["envelopes"]
    assert (len(whole), rest) == (3, whole[1:2])


def test_what_another_replica_changes_is_seen_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as one:
        run = one.ready()
        assert one.get(f"/v1/runs/{run}").json["published"]
        record = one.folder / "runs" / one.get(f"/v1/runs/{run}").json["record_ref"]
        record.chmod(0o644)
        record.write_bytes(record.read_bytes().replace(b"RUN_ACCEPTED", b"RUN_ACCEPTEE", 1))
        assert one.get(f"/v1/runs/{run}").status == 500


def test_readiness_is_asked_for_at_most_so_often(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    store = site.served.runner.ports.store
    real = store.stat

    def noted(_: object, key: str) -> object:
        asked.append(key)
        return real(key)

    monkeypatch.setattr(type(store), "stat", noted)
    first = site.get("/readyz").json
    assert [site.get("/readyz").json for _ in range(3)] == [first] * 3
    assert len(asked) == 1
    assert [one["name"] for one in first["checks"]] == ["object_store", "authority", "background"]


def test_a_server_that_is_away_makes_a_replica_unready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from sr_ports import ReasonCode, Unreachable

    def away(*_: Any) -> None:
        raise Unreachable(ReasonCode.STORE_UNREACHABLE, "gone: s3://user:hunter2@host")

    monkeypatch.setattr(type(site.served.runner.ports.store), "stat", away)
    got = site.get("/readyz")
    assert (got.status, got.json["ok"], got.json["checks"][0]["reason_code"]) == (503, False, "STORE_UNREACHABLE")
    assert "hunter2" not in got.body.decode()
    assert site.get("/healthz").status == 200, "it lives all the same"


def test_metrics_are_what_the_sink_of_this_service_counted(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra [otel]: pip install 'scenario-runner[otel]'")
    with running(tmp_path, observability={"sinks": ["prometheus"]}) as site:
        site.ready()
        got = site.get("/metrics")
        assert (got.status, got.headers["content-type"].partition(";")[0]) == (200, "text/plain")
        assert b"# TYPE sr_" in got.body
