"""kill -9, for real: processes on files and SQLite, killed at random moments under load."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sr_domain.ids import run_id_for
from sr_plugins import build_runner
from tests.reliability.lab import request, write_world

KEYS = 6
KILLS = int(os.environ.get("SR_KILLS", "60"))

WORKER = """
import json, sys
from sr_plugins import build_runner
from sr_ports import SrError
profile, requests = json.loads(sys.argv[1]), json.loads(sys.argv[2])
policy = {"policy_id": "kill", "revision": "1", "evidence_wait_seconds": 600}
while True:
    for one in requests:
        try:
            build_runner(profile, policy=policy).submit(one)
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


def test_killed_processes_leave_one_outcome_each(tmp_path: Path) -> None:
    rng = random.Random(7)
    root = tmp_path / "root"
    write_world(root)
    profile: dict[str, object] = {
        "runtime_root": str(tmp_path / "runs"),
        "engine": {"interface_pack": str(pack(tmp_path / "pack"))},
        "lease": {"ttl_seconds": 1},
        "observability": {"sinks": []},
    }
    environment = {**os.environ, "PLATFORM_RUN_ID": "platform_kill"}
    os.environ["PLATFORM_RUN_ID"] = "platform_kill"
    kills = round_number = 0
    try:
        while kills < KILLS:
            round_number += 1
            keys = [f"key-{round_number}-{at}" for at in range(KEYS)]
            requests = [request(key, engine_run_root=str(root)) for key in keys]
            crew = [
                subprocess.Popen(
                    [sys.executable, "-c", WORKER, json.dumps(profile), json.dumps(requests)], env=environment
                )
                for _ in range(3)
            ]
            _wait_for_progress(tmp_path, f"-{round_number}-", keys)
            time.sleep(rng.random() * 0.3)
            for worker in crew:
                time.sleep(rng.random() * 0.05)
                worker.send_signal(signal.SIGKILL)
                worker.wait()
                kills += 1
        _settle(profile)
        _check(profile, round_number)
    finally:
        del os.environ["PLATFORM_RUN_ID"]
    print(f"{kills} processes killed")  # noqa: T201


def _wait_for_progress(folder: Path, mark: str, keys: list[str]) -> None:
    """Until a run of this round is on record: workers take as long to start as the machine is loaded."""
    wanted = [f"{run_id_for(key)}.jsonl" for key in keys]
    deadline = time.monotonic() + 60
    while not any((folder / "runs/fraud-platform/platform_kill/sr/run_record" / name).exists() for name in wanted):
        assert time.monotonic() < deadline, f"no worker got anywhere in round {mark}"
        time.sleep(0.02)


def _settle(profile: dict[str, object]) -> None:
    runner = build_runner(profile)
    deadline = time.monotonic() + 60
    while (left := list(runner.unsettled())) and time.monotonic() < deadline:
        for run_id in left:
            runner.resume(run_id)
        time.sleep(0.2)  # leases of the dead lapse by the authority's clock
    assert not list(runner.unsettled())
    runner.close()


def _check(profile: dict[str, object], rounds: int) -> None:
    runner = build_runner(profile)
    runs = list(runner.recorded_runs())
    assert 0 < len(runs) <= rounds * KEYS
    for run_id in runs:
        audit = runner.audit(run_id)
        assert audit.state == "READY"
        assert not audit.findings, audit
    published = [one for one in runner.desk.ports.bus.tail("fp.bus.control.v1") if one.attributes["kind"] == "READY"]
    assert sorted({one.attributes["run_id"] for one in published}) == sorted(runs)
    assert len({one.message_id for one in published}) == len(runs)
    runner.close()
