"""`Ports` of one's own, from one import path: what a program without profile, plugins and files brings."""

from __future__ import annotations

from sr_adapters import memory
from sr_domain import ScenarioRunner
from sr_plugins import load_policy
from tests.kit import PLATFORM, POLICY, START, request
from tests.worlds import pack, small_world


def written_out(root: memory.MemoryEngineRoot) -> memory.Ports:
    """Every port by name."""
    return memory.Ports(
        store=memory.MemoryObjectStore(),
        authority=memory.MemoryAuthority(),
        bus=memory.MemoryControlBus(),
        roots=memory.MemoryEngineRoots({"memory:world": root}),
        laws=memory.builtin_laws(),
        platform=memory.FixedPlatformRuns(PLATFORM),
        clock=memory.ManualClock(START),
        ids=memory.SequentialIds("mine"),
        pool=memory.SerialPool(),
        heartbeat=memory.NoHeartbeat(),
        telemetry=memory.NullSink(),
        known_timezone=memory.known_timezone,
    )


def test_ports_written_out_and_ports_ready_made_take_one_world_to_the_same_ready() -> None:
    root = memory.MemoryEngineRoot(small_world(), "memory:world")
    views = []
    ready_made = memory.MemoryPorts(
        roots=memory.MemoryEngineRoots({"memory:world": root}), platform=memory.FixedPlatformRuns(PLATFORM)
    )
    for ports in (written_out(root), ready_made):
        assert isinstance(ports, memory.Ports)
        with ScenarioRunner(ports=ports, policy=load_policy(POLICY), pack=pack()) as runner:
            run = runner.submit(request(engine_run_root="memory:world"))
            assert run.state == "READY"
            views.append(runner.facts(run.run_id)["locators"])
    assert views == [views[0]] * 2
