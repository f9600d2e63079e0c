"""How a service ends: nobody is kept waiting, no run is lost, and a deploy costs no engine attempt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.http.kit import request
from tests.plugins.worlds import SOUND, offered
from tests.worlds import MF

ENGINE = """
import json, os, pathlib, sys, time
call = json.loads(os.environ["SR_ENGINE_INVOCATION_JSON"])
root = pathlib.Path(os.environ["SR_ENGINE_RUN_ROOT"])
with open({log!r}, "a") as log: log.write("begun\\n")
while not pathlib.Path({go!r}).exists(): time.sleep(0.02)
for name, text in {files!r}.items():
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
pins = {{name: call[name] for name in ("run_id", "manifest_fingerprint", "parameter_hash", "seed")}}
(root / "run_receipt.json").write_text(json.dumps(pins))
"""


@attrs.define
class Served:
    """`sr serve` as a process of its own, over an engine that waits for the file `go`."""

    folder: Path
    processes: list[subprocess.Popen[str]] = attrs.field(factory=list)
    port: int = 0

    def start(self, **service: Any) -> None:
        profile = {
            **offered(self.folder, "sha256_bundle_digest"),
            "observability": {"sinks": []},
            "invoker": {"adapter": "subprocess", "command": [sys.executable, str(self.folder / "engine.py")]},
            "service": service,
        }
        (self.folder / "profile.json").write_text(json.dumps(profile))
        args = [sys.executable, "-m", "sr_adapters.cli", "--profile", "profile.json", "serve", "--port", "0"]
        self.processes.append(subprocess.Popen(args, cwd=self.folder, stderr=subprocess.PIPE, text=True))
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("serving http://127.0.0.1:"), line
        self.port = int(line.split(":")[2].split()[0])

    @property
    def process(self) -> subprocess.Popen[str]:
        """The one that was started last."""
        return self.processes[-1]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {} if data is None else {"Content-Type": "application/json"})
            with connection.getresponse() as response:
                return response.status, json.loads(response.read())
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what it said last."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def attempts(self) -> int:
        log = self.folder / "engine.log"
        return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    bundle = f"data/A/validation/manifest_fingerprint={MF}"
    files = {
        f"data/orders/manifest_fingerprint={MF}/part-0.parquet": "1,2",
        f"{bundle}/report.json": "{}",
        f"{bundle}/_passed.flag": SOUND.decode(),
    }
    script = ENGINE.format(log=str(tmp_path / "engine.log"), go=str(tmp_path / "go"), files=files)
    (tmp_path / "engine.py").write_text(script)
    made = Served(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


def begun(served: Served, attempts: int) -> None:
    until = time.monotonic() + 30
    while served.attempts() < attempts and time.monotonic() < until:
        time.sleep(0.02)
    assert served.attempts() == attempts


def test_it_serves_the_embedded_default_with_no_other_step(tmp_path: Path) -> None:
    args = [sys.executable, "-m", "sr_adapters.cli", "serve", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name not in ("SR_PROFILE", "PLATFORM_RUN_ID")}
    process = subprocess.Popen(args, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=environment)  # fmt: skip
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert first.startswith("serving http://127.0.0.1:")
    assert (process.returncode, out, err) == (0, "", "stopped\n")


def test_a_run_in_flight_may_finish(served: Served) -> None:
    served.start(grace_seconds=30)
    status, told = served.ask("POST", "/v1/runs?async=true", request())
    begun(served, 1)
    assert (status, told["exit_code"]) == (202, 3)
    served.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    (served.folder / "go").touch()
    assert served.process.wait(60) == 0
    served.start()
    assert served.ask("GET", f"/v1/runs/{told['run_id']}")[1]["state"] == "READY"
    assert served.attempts() == 1


def test_a_run_that_does_not_finish_is_put_down_and_costs_no_attempt(served: Served) -> None:
    served.start(grace_seconds=0.2, stop_seconds=30)
    _, told = served.ask("POST", "/v1/runs?async=true", request())
    begun(served, 1)
    began = time.monotonic()
    code, said = served.stop()
    assert (code, said) == (0, "stopped\n")
    assert time.monotonic() - began < 20
    (served.folder / "go").touch()
    served.start()
    status, done = served.ask("POST", f"/v1/runs/{told['run_id']}/resume", {})
    assert (status, done["state"]) == (200, "READY")
    steps = served.ask("GET", f"/v1/runs/{told['run_id']}/record")[1]["events"]
    ended = [one["event_kind"] for one in steps if one["event_kind"].startswith("ENGINE_ATTEMPT")]
    assert ended.count("ENGINE_ATTEMPT_ABANDONED") == 1, "it does not count against the limit of attempts"
    assert ended.count("ENGINE_ATTEMPT_FINISHED") == 1


def test_whoever_waits_for_a_run_is_answered_when_the_service_ends(served: Served) -> None:
    from concurrent.futures import ThreadPoolExecutor

    served.start(grace_seconds=30, wait_seconds=60)
    with ThreadPoolExecutor() as callers:
        waiting = callers.submit(served.ask, "POST", "/v1/runs", request())
        begun(served, 1)
        served.process.send_signal(signal.SIGTERM)
        status, told = waiting.result(timeout=20)
        assert (status, told["state"]) == (202, "EXECUTING"), "it was told where the run is, long before it ended"
    (served.folder / "go").touch()
    assert served.process.wait(60) == 0


def test_a_second_service_beside_it_is_refused_in_one_line(served: Served) -> None:
    served.start()
    args = [sys.executable, "-m", "sr_adapters.cli", "--profile", "profile.json", "serve", "--port", "0"]
    second = subprocess.run(args, cwd=served.folder, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode != 0
    assert second.stderr.startswith("error[SERVICE_BUSY]: ")
    assert len(second.stderr.splitlines()) == 1
    assert served.ask("GET", "/healthz")[0] == 200


def test_what_waits_is_gone_on_with_by_itself_once_its_evidence_is_there(served: Served) -> None:
    world = served.folder / "runs" / "root"
    bundle = world / f"data/A/validation/manifest_fingerprint={MF}"
    part = world / f"data/orders/manifest_fingerprint={MF}/part-0.parquet"
    for path in (bundle / "report.json", part):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    served.start()
    sent = request(engine_run_root=str(world), requested_strategy="FORCE_REUSE")
    status, told = served.ask("POST", "/v1/runs", sent)
    assert (status, told["state"]) == (202, "WAITING_EVIDENCE")
    (bundle / "_passed.flag").write_bytes(SOUND)
    until = time.monotonic() + 40
    while (state := served.ask("GET", f"/v1/runs/{told['run_id']}")[1]["state"]) != "READY":
        assert time.monotonic() < until, f"nobody went on with it: {state}"
        time.sleep(0.1)
