"""kill -9, for real: processes on files and SQLite, and on S3 and Postgres, killed at random moments under load."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.layout import Layout
from sr_plugins import build_runner
from tests.reliability.lab import request, write_world

KILLS = {world: int(os.environ.get("SR_KILLS", usual)) for world, usual in (("files", 450), ("servers", 60))}
"""How many processes die in each world; `SR_KILLS` sets it for both."""
SAMPLE = 12
"""How many die when slow tests are left out."""
CREW, KEYS, PLATFORM = 3, 8, "platform_20260131T134200Z"
POLICY = {"policy_id": "kill", "revision": "1", "evidence_wait_seconds": 600}

# Imports once, then forks: a death costs milliseconds, not an interpreter's start.
NURSERY = """
import json, os, random, signal, sys
from sr_plugins import build_runner
from sr_ports import SrError
profile, policy = json.loads(sys.argv[1])
build_runner(profile, policy=policy)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    requests = json.loads(line)
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    runner = build_runner(profile, policy=policy)
    random.Random(os.getpid()).shuffle(requests)
    while True:
        for one in requests:
            try:
                runner.submit(one)
            except SrError as error:
                print(error, file=sys.stderr)
"""


def pack(folder: Path) -> Path:
    """The lab's pack, as files."""
    gate = {
        "scope": "fingerprint",
        "verification_method": {"kind": "sha256_bundle_digest", "exclude_filenames": ["_passed.flag"]},
        "upstream_gate_dependencies": [],
    }
    gates = [
        {
            "gate_id": f"gate.{name}",
            "passed_flag_path_template": f"{name}/_passed.flag",
            "bundle_root_template": f"{name}/",
            **gate,
        }
        for name in ("up", "end")
    ]
    gates[1]["authorizes_outputs"] = ["events", "world"]
    gates[1]["upstream_gate_dependencies"] = ["gate.up"]
    outputs = [
        {
            "output_id": "events",
            "scope": "scope_seed_manifest_fingerprint",
            "partitions": ["seed", "manifest_fingerprint"],
            "path_template": "data/events/seed={seed}/manifest_fingerprint={manifest_fingerprint}/",
        },
        {"output_id": "world", "scope": "scope_global", "partitions": [], "path_template": "data/world.bin"},
    ]
    folder.mkdir()
    (folder / "engine_gates.map.yaml").write_text(json.dumps({"version": "1", "gates": gates}))
    (folder / "engine_outputs.catalogue.yaml").write_text(json.dumps({"version": "1", "outputs": outputs}))
    return folder


@contextmanager
def files(folder: Path) -> Iterator[dict[str, Any]]:
    """The profile of the embedded default."""
    yield {"runtime_root": str(folder / "runs")}


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, Any]]:
    """A profile on S3 and Postgres, on servers of its own."""
    pytest.importorskip("psycopg", reason="needs scenario-runner[postgres]")
    pytest.importorskip("boto3", reason="needs scenario-runner[s3]")
    from tests.servers import postgres, s3

    with ExitStack() as opened:
        dsn = os.environ.get("SR_TEST_PG_DSN") or opened.enter_context(postgres.started()).dsn
        schema = opened.enter_context(postgres.fresh_schema(dsn))
        server = opened.enter_context(s3.best())
        keys = server.endpoint.credentials
        if keys is not None:
            patch = opened.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
            patch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
        place = {"bucket": server.bucket, "prefix": s3.fresh_prefix(), "endpoint_url": server.url}
        yield {
            "runtime_root": str(folder / "runs"),
            "object_store": {"adapter": "minio", "region": "us-east-1", **place},
            "authority": {"adapter": "postgres", "dsn": dsn, "schema": schema},
        }


WORLDS = {"files": files, "servers": servers}


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Name and profile of the test's world; the lease is short, so that the dead are soon forgotten."""
    monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)
    with WORLDS[request.param](tmp_path) as substrate:
        engine = {"interface_pack": str(pack(tmp_path / "pack"))}
        profile = {**substrate, "engine": engine, "lease": {"ttl_seconds": 2}, "observability": {"sinks": []}}
        yield request.param, profile


class Nursery:
    """Forks workers, each of which submits its requests again and again until it is killed."""

    def __init__(self, profile: Mapping[str, Any]) -> None:
        command = [sys.executable, "-c", NURSERY, json.dumps([profile, POLICY])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def worker(self, requests: Sequence[Mapping[str, Any]]) -> int:
        """The process id of a new worker."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(requests) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())


@pytest.mark.parametrize(
    ("world", "wanted"),
    [
        ("files", SAMPLE),
        pytest.param("servers", SAMPLE, marks=pytest.mark.parity),
        pytest.param("files", KILLS["files"], marks=pytest.mark.slow),
        pytest.param("servers", KILLS["servers"], marks=[pytest.mark.parity, pytest.mark.slow]),
    ],
    indirect=["world"],
)
def test_killed_processes_leave_one_outcome_each(world: Any, wanted: int, tmp_path: Path) -> None:
    name, profile = world
    rng, root, kills, keys = random.Random(7), tmp_path / "root", 0, list[str]()
    write_world(root)
    with build_runner(profile, policy=POLICY) as runner, Nursery(profile) as nursery:
        while kills < wanted:
            keys = [f"key-{kills}-{at}" for at in range(KEYS)]
            requests = [request(key, engine_run_root=str(root)) for key in keys]
            crew = [nursery.worker(requests) for _ in range(CREW)]
            _wait_for_progress(runner, keys)
            time.sleep(rng.random() * 0.15)
            for worker in crew:
                time.sleep(rng.random() * 0.05)
                os.kill(worker, signal.SIGKILL)
                kills += 1
        runs = _settle(runner)
        _check(runner, runs)
    print(f"{name}: {kills} processes killed, {len(runs)} runs, one outcome each")  # noqa: T201


def _wait_for_progress(runner: Any, keys: Sequence[str]) -> None:
    """Until a run of this round is on record: workers take as long to start as the machine is loaded."""
    records = [Layout(PLATFORM).record(run_id_for(key)) for key in keys]
    _wait(lambda: any(runner.ports.store.stat(record) is not None for record in records), "no worker got anywhere")


def _settle(runner: Any) -> list[str]:
    """Resume all that is left; leases of the dead lapse by the authority's own clock."""

    def settled() -> bool:
        left = list(runner.unsettled())
        for run_id in left:
            runner.resume(run_id)
        return not left

    _wait(settled, "some run cannot be finished")
    return [runner.run_id(ref) for ref in runner.recorded_runs()]


def _wait(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def _check(runner: Any, runs: Sequence[str]) -> None:
    """Every run READY, its record sound, and heard of under exactly one message id."""
    assert runs
    for run_id in runs:
        audit = runner.audit(run_id)
        assert audit.state == "READY"
        assert not audit.findings, audit
    published = [one for one in runner.ports.bus.tail("fp.bus.control.v1") if one.attributes["kind"] == "READY"]
    assert sorted({one.attributes["run_id"] for one in published}) == sorted(runs)
    assert len({one.message_id for one in published}) == len(runs)
