"""`sr_plugins.testing`: its worlds end as they say, and a whole wiring keeps what runs promise."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.memory import MemoryPorts
from sr_domain import InterfacePack, Policy, RunState, ScenarioRunner, Settings
from sr_plugins.testing import *  # noqa: F403 - its fixtures: pytest looks for them here
from sr_plugins.testing.fixtures import Processes
from sr_plugins.testing.law_folder import LawFolder
from sr_plugins.testing.memory import MemoryWorld
from sr_plugins.testing.world import SmallWorld
from sr_ports import EngineCall, EngineResult, ReasonCode
from sr_ports.conformance.runs import RequestFor, RunLaws, Runners


class TestInMemory(RunLaws):
    @pytest.fixture
    def runners(self, sr_memory: MemoryWorld) -> Runners:
        return sr_memory.runner

    @pytest.fixture
    def request_for(self, sr_memory: MemoryWorld) -> RequestFor:
        return sr_memory.request

    @pytest.fixture
    def lapse(self, sr_memory: MemoryWorld) -> Callable[[], None]:
        return sr_memory.lapse


class TestEmbeddedProfile(RunLaws):
    @pytest.fixture
    def runners(self, sr_processes: Processes, sr_profile: str) -> Runners:
        return sr_processes(sr_profile)

    @pytest.fixture
    def request_for(self, sr_world: SmallWorld) -> RequestFor:
        return sr_world.request


class TestPortsOfOnesOwn(RunLaws):
    """Ports ready made, of this process's own clock and threads; leases are short."""

    @pytest.fixture
    def runners(self, sr_memory: MemoryWorld, sr_pack: InterfacePack, sr_policy: Policy) -> Runners:
        ports = MemoryPorts(roots=sr_memory.roots)
        settings = Settings(lease_ttl_s=3.0)
        return lambda: ScenarioRunner(ports, sr_policy, sr_pack, settings)

    @pytest.fixture
    def request_for(self, sr_memory: MemoryWorld) -> RequestFor:
        return sr_memory.request


class TestWithAnEngine(RunLaws):
    """Each run has its evidence made by an engine."""

    @pytest.fixture
    def runners(self, sr_memory: MemoryWorld, sr_world: SmallWorld) -> Runners:
        return lambda: sr_memory.runner(engine=sr_world.engine(), policy={"abandoned_limit": 9})

    @pytest.fixture
    def request_for(self, sr_world: SmallWorld) -> RequestFor:
        return lambda key: sr_world.request(key, engine_run_root=None)

    @pytest.fixture
    def lapse(self, sr_memory: MemoryWorld) -> Callable[[], None]:
        return sr_memory.lapse


def test_each_root_ends_as_it_says(
    sr_runner: ScenarioRunner,
    sr_impatient_runner: ScenarioRunner,
    sr_world: SmallWorld,
    sr_ready_root: str,
    sr_waiting_root: str,
    sr_conflicting_root: str,
) -> None:
    for runner, root, state in (
        (sr_runner, sr_ready_root, RunState.READY),
        (sr_runner, sr_waiting_root, RunState.WAITING_EVIDENCE),
        (sr_impatient_runner, sr_waiting_root, RunState.FAILED),
        (sr_runner, sr_conflicting_root, RunState.QUARANTINED),
    ):
        key = f"{state.value}-of-{root.rpartition('/')[2]}"
        assert runner.submit(sr_world.request(key, engine_run_root=root)).state is state


def test_a_run_that_waits_goes_on_and_one_that_waits_too_long_fails(sr_memory: MemoryWorld) -> None:
    world, runner = sr_memory.world, sr_memory.runner()
    late, never = (sr_memory.request(key, engine_run_root=f"memory:{key}") for key in ("late", "never"))
    for key in ("late", "never"):
        sr_memory.root(key, world.waiting())
    asked = [runner.submit(request) for request in (late, never)]
    assert [one.state for one in asked] == [RunState.WAITING_EVIDENCE] * 2
    sr_memory.root("late", world.ready())
    sr_memory.clock.sleep(10)
    assert sr_memory.runner().resume(asked[0].run_id).state is RunState.READY
    sr_memory.pass_deadline()
    assert sr_memory.runner().resume(asked[1].run_id).reason_code is ReasonCode.EVIDENCE_MISSING_DEADLINE
    assert [fact.attributes["run_id"] for fact in sr_memory.published("READY")] == [asked[0].run_id]
    assert {event.event_kind for event in sr_memory.heard} >= {"READY_PUBLISHED"}


def test_an_engine_that_fails_fails_the_run(sr_memory: MemoryWorld, sr_world: SmallWorld) -> None:
    def engine(_call: EngineCall) -> EngineResult:
        raise OSError("no room")

    outcome = sr_memory.runner(engine=engine).submit(sr_world.request(engine_run_root=None))
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.ENGINE_EXIT_NONZERO)
    made = sr_memory.runner(engine=sr_world.engine()).submit(sr_world.request("again", engine_run_root=None))
    assert made.state is RunState.READY


def test_a_run_of_the_profile_is_ready_and_verified(sr_processes: Processes, sr_profile: str, sr_request: Any) -> None:
    runner = sr_processes(sr_profile)()
    assert runner.submit(sr_request).state is RunState.READY
    assert runner.verify(runner.run_id("key:orders-1")).ok


def test_a_law_judges_the_folder_that_was_written_for_it(tmp_path: Path) -> None:
    files = {"orders/part-0.csv": b"1,2\n", "notes.txt": b"beside it\n"}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    method = {"kind": "sha256sums_file"}
    folder = LawFolder.write(tmp_path, {**files, "SHA256SUMS": sums.encode()}, "SHA256SUMS", method)
    assert folder.sr("submit", "request.json").returncode == 0
    assert [one["state"] for one in folder.json("list", "--ready")["runs"]] == ["READY"]
    assert folder.sh("sr verify key:orders-1").returncode == 0
    (folder.data / "notes.txt").write_bytes(b"another\n")
    assert folder.sr("verify", "key:orders-1").returncode == 5
    folder.judge_by({**method, "no_such": 1})
    assert folder.sr("check", "data", "--request", "request.json").returncode == 2
