"""Every crash point of every flow ends in one outcome.

A flow is cut at each of its port calls in every mode; then the leases lapse and a fresh
process resumes and the caller submits again. Adding a flow is one line in `FLOWS`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.ids import run_id_for
from sr_domain.states import RunState
from sr_ports import EngineCall, EngineResult, SrError
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.reliability.lab import Lab, request, write_world


@attrs.frozen
class Flow:
    """Something a process does. `prepare`: what was there before; `act`: what is cut; `ends`: the one outcome."""

    name: str
    prepare: Callable[[Path], Lab]
    act: Callable[[Lab, Any], Any]
    ends: RunState
    key: str = "key"


def submit(lab: Lab, runner: Any, **changes: Any) -> Any:
    return runner.submit(request(**changes))


def reuse(root: Path, **world: Any) -> Lab:
    write_world(root, **world)
    return Lab(root)


def engine(root: Path) -> Lab:
    def run(call: EngineCall) -> EngineResult:
        write_world(root)
        pins = {key: call.invocation[key] for key in ("run_id", "manifest_fingerprint", "parameter_hash", "seed")}
        (root / "run_receipt.json").write_text(json.dumps(pins))
        return EngineResult(None, str(root), b"made", b"")

    lab = Lab(root, attempt_limit=3)
    lab.engine = run
    return lab


def waiting(root: Path) -> Lab:
    lab = reuse(root, skip=("world",))
    outcome = lab.runner().submit(request(engine_run_root=str(root)))
    assert outcome.state is RunState.WAITING_EVIDENCE
    return lab


def waited_enough(root: Path) -> Lab:
    lab = waiting(root)
    lab.clock.sleep(lab.wait_s + 1)
    return lab


def completed(root: Path) -> Lab:
    lab = waiting(root)
    write_world(root)
    return lab


def superseded(root: Path) -> Lab:
    lab = reuse(root)
    assert lab.runner().submit(request("old", engine_run_root=str(root))).state is RunState.READY
    return lab


def with_root(lab: Lab, runner: Any) -> Any:
    return submit(lab, runner, engine_run_root=str(lab.root))


def supersede(lab: Lab, runner: Any) -> Any:
    return submit(lab, runner, engine_run_root=str(lab.root), supersedes=run_id_for("old"))


FLOWS = (
    Flow("IP1 invoke", engine, submit, RunState.READY),
    Flow("IP3 reuse", reuse, with_root, RunState.READY),
    Flow("IP5 missing", waited_enough, with_root, RunState.FAILED),
    Flow("IP5 contradiction", lambda root: reuse(root, spoil="gate.up"), with_root, RunState.QUARANTINED),
    Flow("resume of a waiting run", completed, with_root, RunState.READY),
    Flow("IP6 supersede", superseded, supersede, RunState.READY),
)
tried: dict[str, int] = {}


def settle(lab: Lab, flow: Flow) -> None:
    """The leases lapse; somebody resumes all that is unsettled; the caller asks again."""
    lab.lapse()
    runner = lab.runner()
    for run_id in list(runner.unsettled()):
        runner.resume(run_id)
    outcome = flow.act(lab, lab.runner())
    assert outcome.state is flow.ends, outcome


def check(lab: Lab, flow: Flow) -> None:
    """The laws, over everything that is left."""
    runner = lab.runner()
    assert not list(runner.unsettled())
    for run_id in runner.recorded_runs():
        audit = runner.audit(run_id)
        assert not audit.findings, audit
    ledger = lab.ledger(run_id_for(flow.key))
    assert ledger.state is flow.ends
    messages = {one.message_id for one in lab.ready_messages() if one.attributes["run_id"] == ledger.run_id}
    assert len(messages) == (1 if flow.ends is RunState.READY else 0)


def cut(lab: Lab, flow: Flow, plan: CrashPlan) -> None:
    """One process, cut off at one call."""
    with contextlib.suppress(Died, SrError):
        flow.act(lab, lab.runner(crash(lab.world_ports(), plan)))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_crash_point_ends_in_one_outcome(flow: Flow, tmp_path: Path) -> None:
    counting = CrashPlan()
    lab = flow.prepare(tmp_path / "count")
    flow.act(lab, lab.runner(crash(lab.world_ports(), counting)))
    points = 0
    for at in range(counting.calls):
        for mode in Mode:
            lab = flow.prepare(tmp_path / f"{at}-{mode.name}")
            plan = CrashPlan(at=at, mode=mode)
            cut(lab, flow, plan)
            try:
                settle(lab, flow)
                check(lab, flow)
            except Exception as error:
                error.add_note(f"{flow.name}: call {at} ({counting.trace[at]}), {mode.name}")
                raise
            points += 1
    print(f"{flow.name}: {points} crash points over {counting.calls} port calls, all resumed to one outcome")  # noqa: T201


@pytest.mark.parametrize("flow", FLOWS[1:5], ids=lambda flow: flow.name)
def test_two_crashes_in_a_row(flow: Flow, tmp_path: Path) -> None:
    counting = CrashPlan()
    lab = flow.prepare(tmp_path / "count")
    flow.act(lab, lab.runner(crash(lab.world_ports(), counting)))
    points = 0
    for first in range(counting.calls):
        for second in range(0, counting.calls, 3):
            lab = flow.prepare(tmp_path / f"{first}-{second}")
            cut(lab, flow, CrashPlan(at=first, mode=Mode.AFTER))
            lab.lapse()
            cut(lab, flow, CrashPlan(at=second, mode=Mode.AFTER))
            settle(lab, flow)
            check(lab, flow)
            points += 1
    print(f"{flow.name}: {points} pairs of crashes")  # noqa: T201
