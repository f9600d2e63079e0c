"""Every crash point of every flow ends in one outcome, in every world.

A flow is cut at each of its port calls; then the leases lapse and a fresh process resumes
and the caller asks again. Adding a flow is one line in `FLOWS`, a world one in `WORLDS`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import BadInput, EngineCall, EngineResult, Fault, ReasonCode, SrError, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.reliability.full_disk import Room, on_disk
from tests.reliability.lab import PLATFORM, Lab, request, write_world
from tests.reliability.worlds import WORLDS, World, world

_ = world
RUN = run_id_for("key")
Make = Callable[..., Lab]


@attrs.frozen
class Flow:
    """Something a process does. `prepare`: what was there before; `act`: what is cut; `ends`: the one outcome.

    `repeats`: each time it is done goes on record and on the bus again, under the same message id.
    `sets_aside`: part of the key of what it takes away: until then the run rests. `heard`: how many READY of it were
    published, where that does not follow from its end. `proves`: what else holds of its end.
    """

    name: str
    prepare: Callable[[Make, Path], Lab]
    act: Callable[[Lab, Any], Any]
    ends: RunState
    key: str = "key"
    repeats: bool = False
    sets_aside: str = ""
    heard: int | None = None
    proves: Callable[[Lab], None] = lambda lab: None


def submit(lab: Lab, runner: Any, **changes: Any) -> Any:
    return runner.submit(request(**changes))


def with_root(lab: Lab, runner: Any) -> Any:
    return submit(lab, runner, engine_run_root=str(lab.root))


def supersede(lab: Lab, runner: Any) -> Any:
    return submit(lab, runner, engine_run_root=str(lab.root), supersedes=run_id_for("old"))


def failing_law(lab: Lab, runner: Any) -> Any:
    """A law fails, which lets the run rest; it is mended, and the run goes on."""
    lab.law.broken = True
    try:
        with_root(lab, runner)
    finally:
        lab.law.broken = False
    return runner.resume(RUN)


def resume(lab: Lab, runner: Any) -> Any:
    return runner.resume(RUN)


def reemit(kind: str) -> Callable[[Lab, Any], Any]:
    return lambda lab, runner: runner.reemit(RUN, kind, reason="drill", actor="operator")


def reuse(make: Make, root: Path, **world: Any) -> Lab:
    write_world(root, **world)
    return make(root)


def contradiction(make: Make, root: Path) -> Lab:
    return reuse(make, root, spoil="gate.up")


def engine(make: Make, root: Path) -> Lab:
    def run(call: EngineCall) -> EngineResult:
        write_world(root)
        pins = {key: call.invocation[key] for key in ("run_id", "manifest_fingerprint", "parameter_hash", "seed")}
        (root / "run_receipt.json").write_text(json.dumps(pins))
        return EngineResult(None, str(root), b"made", b"")

    lab = make(root, attempt_limit=3)
    lab.engine = run
    return lab


def copied(make: Make, root: Path) -> Lab:
    lab = engine(make, root)
    lab.publish_root = lab.copies
    return lab


def names_a_whole_copy(lab: Lab) -> None:
    """Whichever attempt it was: the view names its copy, which has every file of the engine's root and no other."""
    facts = json.loads(lab.store.read(VIEW).data)
    copy = facts["oracle_pack_ref"]["engine_run_root"]
    assert copy.startswith(f"{lab.copies}/{PLATFORM}/{RUN}/attempt-")
    found: dict[str, dict[str, bytes]] = {}
    for uri in (copy, str(lab.root)):
        with lab.roots.open(uri) as opened:
            found[uri] = {one.path: b"".join(map(bytes, opened.chunks(one.path))) for one in opened.list("")}
    assert found[copy] == found[str(lab.root)] != {}
    assert all(one["path"].startswith(f"{copy}/") for one in facts["locators"])


def waiting(make: Make, root: Path) -> Lab:
    lab = reuse(make, root, skip=("world",))
    assert with_root(lab, lab.runner()).state is RunState.WAITING_EVIDENCE
    return lab


def waited_enough(make: Make, root: Path) -> Lab:
    lab = waiting(make, root)
    lab.clock.sleep(lab.wait_s + 1)
    return lab


def completed(make: Make, root: Path) -> Lab:
    lab = waiting(make, root)
    write_world(root)
    return lab


def superseded(make: Make, root: Path) -> Lab:
    lab = reuse(make, root)
    assert submit(lab, lab.runner(), run_equivalence_key="old", engine_run_root=str(root)).state is RunState.READY
    return lab


def ended(make: Make, root: Path, **world: Any) -> Lab:
    """A run that has reached its end and is settled."""
    lab = reuse(make, root, **world)
    assert with_root(lab, lab.runner()).state in (RunState.READY, RunState.QUARANTINED)
    return lab


class Away:
    """A bus that cannot be reached."""

    def publish(self, envelope: Any) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "no bus")


def unpublished(make: Make, root: Path) -> Lab:
    """READY is committed, and the bus was away."""
    lab = reuse(make, root)
    outcome = with_root(lab, lab.runner({**lab.world_ports(), "bus": Away()}))
    assert (outcome.state, outcome.published) == (RunState.READY, False)
    return lab


def died_at(mark: str, start: Callable[[Make, Path], Lab] = reuse) -> Callable[[Make, Path], Lab]:
    """A run whose process died before the last write of the artifact in the folder `mark`; its lease has lapsed."""

    def prepare(make: Make, root: Path) -> Lab:
        plan = CrashPlan()
        rehearsal = start(make, root)
        with_root(rehearsal, rehearsal.runner(crash(rehearsal.world_ports(), plan)))
        at = max(call.index for call in plan.trace if call.method in ("create", "replace") and mark in call.key)
        lab = start(make, root)
        cut(lab, with_root, CrashPlan(at=at))
        lab.lapse()
        return lab

    return prepare


VIEW = f"fraud-platform/{PLATFORM}/sr/run_facts_view/{RUN}.json"
RECORD = VIEW.replace("run_facts_view", "run_record") + "l"
LOSS = {"reason": "drill", "actor": "operator"}


def view_planted(make: Make, root: Path) -> Lab:
    """Something stands where the facts view of a decided run belongs; its lease was given up."""
    lab = reuse(make, root)
    lab.store.create(VIEW, b"{}")
    with contextlib.suppress(Fault):
        with_root(lab, lab.runner())
    assert lab.ledger(RUN).first("EVIDENCE_COMPLETE") is not None
    assert not lab.ready_messages()
    return lab


def orphaned(make: Make, root: Path) -> Lab:
    """A receipt of other bytes stands, on which no decision rests."""
    elsewhere = Lab(root.with_name(root.name + "-elsewhere"))
    write_world(elsewhere.root)
    for part in elsewhere.root.rglob("part-0.bin"):
        part.write_bytes(b"other events")
    assert with_root(elsewhere, elsewhere.runner()).state is RunState.READY
    (receipt,) = [one.key for one in elsewhere.store.list("fraud-platform/") if "/instance_receipts/" in one.key]
    lab = reuse(make, root)
    lab.store.create(receipt, elsewhere.store.read(receipt).data)
    assert with_root(lab, lab.runner()).reason_code == ReasonCode.INSTANCE_RECEIPT_ORPHAN
    return lab


def failed(make: Make, root: Path) -> Lab:
    """A run that failed for want of an output that has come since."""
    lab = waited_enough(make, root)
    assert with_root(lab, lab.runner()).state is RunState.FAILED
    write_world(root)
    return lab


def retry(lab: Lab, runner: Any) -> Any:
    return runner.retry(RUN)


def record_lost(make: Make, root: Path) -> Lab:
    """A READY run whose record is gone."""
    lab = ended(make, root)
    lab.store.delete(RECORD)
    return lab


def rolled_back(make: Make, root: Path) -> Lab:
    """A run that waited and whose record is an older one; what it waited for has come."""
    lab = waiting(make, root)
    lines = lab.store.read(RECORD).data.splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if b"EVIDENCE_STARTED" in line)
    lab.store.delete(RECORD)
    lab.store.create(RECORD, b"".join(lines[:at]))
    write_world(root)
    return lab


def recover_run(lab: Lab, runner: Any) -> Any:
    return runner.recover_run(RUN, **LOSS)


def recover_view(lab: Lab, runner: Any) -> Any:
    return runner.recover_artifact(RUN, VIEW, **LOSS)


def recover_receipt(lab: Lab, runner: Any) -> Any:
    with contextlib.suppress(BadInput):  # it was set aside already
        return runner.recover_receipt(RUN, "events", **LOSS)


FLOWS = (
    Flow("IP1 invoke", engine, submit, RunState.READY),
    Flow("IP1 invoke, its root copied", copied, submit, RunState.READY, proves=names_a_whole_copy),
    Flow("IP3 reuse", reuse, with_root, RunState.READY),
    Flow("IP5 missing", waited_enough, with_root, RunState.FAILED),
    Flow("IP5 contradiction", contradiction, with_root, RunState.QUARANTINED),
    Flow("a law that fails and is mended", reuse, failing_law, RunState.READY),
    Flow("IP6 supersede", superseded, supersede, RunState.READY),
    Flow("resume of a waiting run", completed, resume, RunState.READY),
    Flow("resume of a run decided and left", died_at("run_facts_view"), resume, RunState.READY),
    Flow("resume of a run without its status", died_at("run_status"), resume, RunState.READY),
    Flow("resume of a READY nobody heard of", unpublished, resume, RunState.READY),
    Flow("resume of an unwritten quarantine", died_at("quarantine", contradiction), resume, RunState.QUARANTINED),
    Flow("re-emit READY", ended, reemit("READY_ONLY"), RunState.READY, repeats=True),
    Flow(
        "re-emit a terminal fact",
        lambda make, root: ended(make, root, spoil="gate.up"),
        reemit("BOTH"),
        RunState.QUARANTINED,
        repeats=True,
    ),
    Flow("recover from a planted view", view_planted, recover_view, RunState.READY, sets_aside="run_facts_view"),
    Flow("retry of a failure", failed, retry, RunState.READY, key="key.2"),
    Flow("recover from a lost record", record_lost, recover_run, RunState.FAILED, sets_aside="run_status", heard=1),
    Flow("recover from an older record", rolled_back, recover_run, RunState.READY, sets_aside="run_status"),
    Flow("recover from an orphan", orphaned, recover_receipt, RunState.READY, sets_aside="instance_receipts"),
)
LONG = "recover from an orphan"
SAMPLE = {
    "memory": tuple(flow.name for flow in FLOWS if flow.name != LONG),
    "files": ("re-emit a terminal fact",),
    "servers": ("re-emit a terminal fact",),
}
"""The flows that are cut when slow tests are left out."""
STRIDE = int(os.environ.get("SR_CRASH_STRIDE", "7"))
"""Of pairs of crashes, how many calls apart the second ones are."""


def cases() -> Iterator[Any]:
    """Every flow in every world."""
    for name in WORLDS:
        for flow in FLOWS:
            marks = [pytest.mark.parity] if name == "servers" else []
            if flow.name not in SAMPLE[name]:
                marks.append(pytest.mark.slow)
            yield pytest.param(name, flow, marks=marks, id=f"{name}-{flow.name}")


def cut(lab: Lab, act: Callable[[Lab, Any], Any], plan: CrashPlan) -> None:
    """One process, cut off at one call."""
    with contextlib.suppress(Died, SrError):
        act(lab, lab.runner(crash(lab.world_ports(), plan)))


def settle(lab: Lab, flow: Flow) -> None:
    """The leases lapse; somebody resumes all that is unsettled; the caller asks again.

    A run that is to end by its deadline is given more time: a fault of the moment puts it off.
    """
    lab.lapse()
    if flow.ends is RunState.FAILED:
        lab.clock.sleep(lab.wait_s + 1)
    runner = lab.runner()
    if flow.sets_aside:
        flow.act(lab, runner)
    for run_id in list(runner.unsettled()):
        runner.resume(run_id)
    sound(runner)  # resuming alone leaves nothing owed, if nobody ever asks again
    flow.act(lab, lab.runner())


def sound(runner: Any) -> None:
    """Every record here is whole, and so is all that it says was written."""
    for run_id in runner.recorded_runs():
        audit = runner.audit(run_id)
        assert not audit.findings, audit


def nobody_is_accused(lab: Lab, flow: Flow) -> None:
    """What a crash left is unfinished: no run is at fault, by no side. Of what was planted that may be said."""
    if not flow.sets_aside:
        found = [one for _, done in lab.runner().audit_all().audits() for one in done.findings]  # type: ignore[union-attr]
        assert not found, found


def check(lab: Lab, flow: Flow) -> None:
    """The laws, over everything that is left."""
    runner, run_id = lab.runner(), run_id_for(flow.key)
    assert not list(runner.unsettled())
    sound(runner)
    ledger = lab.ledger(run_id)
    assert ledger.state is flow.ends
    heard = [one for one in lab.bus.tail("fp.bus.control.v1") if one.attributes["run_id"] == run_id]
    flow.proves(lab)
    ready = {one.message_id for one in heard if one.attributes["kind"].startswith("READY")}
    assert len(ready) == ((flow.ends is RunState.READY) if flow.heard is None else flow.heard)
    if flow.repeats:
        repeats = [one for one in heard if one.attributes["kind"].endswith("_REEMIT")]
        recorded_repeats = ledger.all("REEMIT_PUBLISHED")
        assert 1 <= len(recorded_repeats) <= len(repeats)
        assert len({one.message_id for one in repeats}) == 1


def truth(lab: Lab, flow: Flow) -> dict[str, bytes]:
    """Every stored object that never changes, by key."""
    moving = ("/run_record/", "/run_status/", *filter(None, [flow.sets_aside]))
    kept = {}
    for one in lab.store.list("fraud-platform/"):
        if not any(part in one.key for part in moving):
            blob = lab.store.read(one.key)
            kept[one.key] = blob.data
    return kept


def points(world: World, flow: Flow, folder: Path) -> list[Any]:
    """The calls of the flow in this world."""
    plan = CrashPlan()
    lab = flow.prepare(world.lab, folder / "count")
    flow.act(lab, lab.runner(crash(lab.world_ports(), plan)))
    return plan.trace


@pytest.mark.parametrize(("world", "flow"), list(cases()), indirect=["world"], scope="module")
def test_every_crash_point_ends_in_one_outcome(world: World, flow: Flow, tmp_path: Path) -> None:
    calls = points(world, flow, tmp_path)
    for call in calls:
        for mode in world.modes:
            lab = flow.prepare(world.lab, tmp_path / f"{call.index}-{mode.name}")
            before = truth(lab, flow)
            try:
                cut(lab, flow.act, CrashPlan(at=call.index, mode=mode))
                nobody_is_accused(lab, flow)
                settle(lab, flow)
                check(lab, flow)
                assert truth(lab, flow).items() >= before.items()
            except Exception as error:
                error.add_note(f"{flow.name} on {world.name}: {call}, {mode.name}")
                raise
    done = len(calls) * len(world.modes)
    print(f"{flow.name} on {world.name}: {done} crash points over {len(calls)} port calls, one outcome")  # noqa: T201


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_disk_that_is_full_from_any_write_on_ends_nothing(flow: Flow, tmp_path: Path) -> None:
    """The worker's disk fills up in the middle of a flow; there is room again, and the flow ends as ever."""
    room = Room()
    rehearsal = flow.prepare(Lab, tmp_path / "count")
    flow.act(rehearsal, rehearsal.runner(on_disk(rehearsal.world_ports(), room.full)))
    for writes in range(room.done):
        lab = flow.prepare(Lab, tmp_path / str(writes))
        before = truth(lab, flow)
        try:
            with contextlib.suppress(SrError):
                flow.act(lab, lab.runner(on_disk(lab.world_ports(), Room(writes).full)))
            nobody_is_accused(lab, flow)
            settle(lab, flow)
            check(lab, flow)
            assert truth(lab, flow).items() >= before.items()
        except Exception as error:
            error.add_note(f"{flow.name}: full after {writes} writes")
            raise
    print(f"{flow.name}: a full disk after each of {room.done} writes, one outcome")  # noqa: T201


LEFT = [flow for flow in FLOWS if flow.name.startswith("resume of")]


@pytest.mark.parametrize("flow", LEFT, ids=lambda flow: flow.name)
def test_what_was_left_is_found_and_finished_after_the_index_was_lost(flow: Flow, tmp_path: Path) -> None:
    """Nobody has to know a run's id, or ask for it again, to have it finished."""
    lab = flow.prepare(Lab, tmp_path)
    lab.authority = MemoryAuthority(lab.clock.now)
    runner = lab.runner()
    assert runner.rebuild_index() == 1
    assert list(runner.unsettled()) == [RUN]
    assert lab.runner().resume(RUN).state is flow.ends
    sound(runner)
    assert not list(runner.unsettled())


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS[1:7], ids=lambda flow: flow.name)
def test_two_crashes_in_a_row(flow: Flow, tmp_path: Path) -> None:
    memory = World("memory", Lab)
    calls, pairs = len(points(memory, flow, tmp_path)), 0
    for first in range(calls):
        for second in range(first % STRIDE, calls, STRIDE):
            lab = flow.prepare(memory.lab, tmp_path / f"{first}-{second}")
            cut(lab, flow.act, CrashPlan(at=first, mode=Mode.AFTER))
            lab.lapse()
            cut(lab, flow.act, CrashPlan(at=second, mode=Mode.AFTER))
            settle(lab, flow)
            check(lab, flow)
            pairs += 1
    print(f"{flow.name}: {pairs} pairs of crashes")  # noqa: T201
