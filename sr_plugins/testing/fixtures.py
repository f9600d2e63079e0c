"""Pytest fixtures, all of them named ``sr_...``; each test has its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sr_plugins.testing.memory import POLICY, MemoryWorld
from sr_plugins.testing.world import SmallWorld

if TYPE_CHECKING:
    from sr_domain import InterfacePack, Policy, ScenarioRunner

LEASE_S = 5
"""Seconds of a lease of `sr_profile`: a crash is not waited for longer."""


class Processes(Protocol):
    """Gives a callable that builds a runner anew each time, as a process of its own does."""

    def __call__(self, profile: Any, **options: Any) -> Callable[[], ScenarioRunner]:
        """`profile`, `options`: as `sr_plugins.build_runner` takes them."""


@pytest.fixture
def sr_world(tmp_path: Path) -> SmallWorld:
    """The small world: its pack, its request, and engine roots that end READY, wait, or conflict."""
    return SmallWorld(tmp_path / "sr_world")


@pytest.fixture
def sr_pack(sr_world: SmallWorld) -> InterfacePack:
    """The small world's interface pack."""
    return sr_world.pack


@pytest.fixture
def sr_policy() -> Policy:
    """A policy that waits ten minutes for evidence and tries the engine twice."""
    from sr_plugins import load_policy

    return load_policy(dict(POLICY))


@pytest.fixture
def sr_request(sr_world: SmallWorld) -> dict[str, Any]:
    """A request that ends READY: of the engine root that is ready, on disk."""
    return sr_world.request()


@pytest.fixture
def sr_ready_root(sr_world: SmallWorld) -> str:
    """The path of an engine root whose run ends READY."""
    return sr_world.root("ready", sr_world.ready())


@pytest.fixture
def sr_waiting_root(sr_world: SmallWorld) -> str:
    """The path of an engine root whose flag is missing: its run waits; `sr_impatient_runner`'s is FAILED."""
    return sr_world.root("waiting", sr_world.waiting())


@pytest.fixture
def sr_conflicting_root(sr_world: SmallWorld) -> str:
    """The path of an engine root whose bytes are not the sealed ones: its run is QUARANTINED."""
    return sr_world.root("conflicting", sr_world.conflicting())


@pytest.fixture
def sr_memory(sr_world: SmallWorld) -> MemoryWorld:
    """Truth in memory under a clock moved by hand; `runner()` gives one process after the other."""
    return MemoryWorld(sr_world)


@pytest.fixture
def sr_runner(sr_memory: MemoryWorld) -> ScenarioRunner:
    """A runner in memory. It opens engine roots on disk, too."""
    return sr_memory.runner()


@pytest.fixture
def sr_impatient_runner(sr_memory: MemoryWorld) -> ScenarioRunner:
    """The same, by a policy that waits for no evidence: what is missing is FAILED at once."""
    return sr_memory.runner(policy={"evidence_wait_seconds": 0})


@pytest.fixture
def sr_profile(sr_world: SmallWorld, tmp_path: Path) -> str:
    """The path of a profile: the embedded default in a folder of the test's own, with the small world's pack."""
    place = tmp_path / "sr.yaml"
    profile: Mapping[str, Any] = {
        "profile": "testing",
        "runtime_root": str(tmp_path / "runs"),
        "engine": {"interface_pack": str(sr_world.pack_folder)},
        "lease": {"ttl_seconds": LEASE_S},
        "observability": {"sinks": ["file"]},
    }
    place.write_text(json.dumps(profile, indent=2), "utf-8")  # JSON is YAML
    return str(place)


@pytest.fixture
def sr_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Builds runners of a profile, each as a process of its own has it, and closes them after the test."""
    from sr_plugins import build_runner

    monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
    made: list[ScenarioRunner] = []

    def processes(profile: Any, **options: Any) -> Callable[[], ScenarioRunner]:
        def fresh() -> ScenarioRunner:
            made.append(build_runner(profile, **options))
            return made[-1]

        return fresh

    yield processes
    for runner in made:
        runner.close()
