"""One observation: READY only of the bytes that every gate saw, and what is still being written waits."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.file.root import FileEngineRoot
from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
from sr_adapters.runtime.clock import ManualClock
from sr_domain.record.states import RunState
from sr_ports import ReasonCode, Sink
from tests.adapters.s3_fixtures import moto_server
from tests.kit import START, WAIT_S, Lab, request
from tests.servers.s3 import S3Server, fresh_prefix
from tests.worlds import DAILY, EVENTS, FLAG, GATES, WORLD, flag, pack, receipt, small_world

_ = moto_server
Act = Callable[[], object]


class Root(Protocol):
    """A world's files, wherever they are."""

    @property
    def uri(self) -> str: ...

    def put(self, path: str, data: bytes) -> object: ...

    def remove(self, path: str) -> object: ...

    def snapshot(self, uri: str) -> Any: ...


@attrs.frozen
class OnFiles:
    uri: str

    def put(self, path: str, data: bytes) -> object:
        file = Path(self.uri) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_bytes(data)
        return fresh.replace(file)

    def remove(self, path: str) -> object:
        (Path(self.uri) / path).unlink()
        return None

    def snapshot(self, uri: str) -> Any:
        return FileEngineRoot(uri)


@attrs.frozen
class OnS3:
    server: S3Server
    prefix: str = attrs.field(factory=fresh_prefix)

    @property
    def uri(self) -> str:
        return f"s3://{self.server.bucket}/{self.prefix}"

    def put(self, path: str, data: bytes) -> object:
        return self.server.client().put_object(Bucket=self.server.bucket, Key=f"{self.prefix}/{path}", Body=data)

    def remove(self, path: str) -> object:
        return self.server.client().delete_object(Bucket=self.server.bucket, Key=f"{self.prefix}/{path}")

    def snapshot(self, uri: str) -> Any:
        from sr_adapters.s3.root import S3EngineRoot

        return S3EngineRoot(uri, self.server.client())


@attrs.frozen
class Watched:
    """Engine roots where something happens once a path was read. `read`: every path that was."""

    root: Root
    after: str = ""
    act: Act = lambda: None
    read: list[str] = attrs.field(factory=list)

    def open(self, uri: str) -> Any:
        snapshot, watched = self.root.snapshot(uri), self
        stream = snapshot.stream

        def told(path: str, sink: Sink, **how: Any) -> Any:
            made = stream(path, sink, **how)
            if path == watched.after and path not in watched.read:
                watched.act()
            watched.read.append(path)
            return made

        snapshot.stream = told
        return snapshot


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.parity)])
def root(request: pytest.FixtureRequest, lab: Lab) -> Root:
    made: Root = OnFiles(str(lab.root / "engine"))
    if request.param == "s3":
        pytest.importorskip("boto3", reason="needs scenario-runner[s3]")
        made = OnS3(request.getfixturevalue("moto_server"))
    for path, data in small_world().items():
        made.put(path, data)
    return made


def submit(lab: Lab, roots: Watched, **changes: Any) -> Any:
    return lab.runner(roots=roots, **changes).submit(request(engine_run_root=roots.root.uri))


LATE = f"{EVENTS}/part-1.bin"
"""Read when all gates are judged."""

CHANGES: dict[str, tuple[Callable[[Root], object], str]] = {
    "a gate's file": (lambda root: root.put("gates/gate.a/z.csv", b"9,9"), "gates/gate.a/z.csv"),
    "an output that a gate hashed": (lambda root: root.put(WORLD, b"THE WORLD"), WORLD),
    "an output that was read": (lambda root: root.put(f"{DAILY}/part-0.bin", b"other"), f"{DAILY}/part-0.bin"),
    "a flag": (lambda root: root.put(f"gates/gate.a/{FLAG}", flag("0" * 64)), f"gates/gate.a/{FLAG}"),
    "an index": (lambda root: root.put("gates/gate.c/index.json", b"[]"), "gates/gate.c/index.json"),
    "a file that is gone": (lambda root: root.remove("gates/gate.b/index.json"), "gates/gate.b/index.json"),
    "a file more in an output": (lambda root: root.put(f"{EVENTS}/part-9.bin", b"9"), f"{EVENTS}/part-9.bin"),
    "a file more in a bundle": (lambda root: root.put("gates/gate.a/zz", b"9"), "gates/gate.a/zz"),
    "the run receipt": (lambda root: root.put("run_receipt.json", receipt(seed=8)["run_receipt.json"]),
                        "run_receipt.json"),
    "a manifest that comes": (lambda root: root.put("_oracle_pack_manifest.json", b"{}"), "_oracle_pack_manifest.json"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_after_it_was_read_is_never_ready_and_waits(lab: Lab, root: Root, change: str) -> None:
    act, path = CHANGES[change]
    outcome = submit(lab, Watched(root, LATE, lambda: act(root)))
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_UNSTABLE)
    assert path in outcome.message
    assert lab.published() == []
    told = lab.runner(roots=Watched(root)).explain(outcome.run_id)
    assert (told.reason_code, told.changed) == (ReasonCode.EVIDENCE_UNSTABLE, (path,))
    if path not in small_world():
        root.remove(path)
    for name, data in small_world().items():
        root.put(name, data)
    assert submit(lab, Watched(root)).state is RunState.READY


def test_a_world_at_rest_or_with_changes_beside_it_is_ready(lab: Lab, root: Root) -> None:
    roots = Watched(root, LATE, lambda: root.put("data/loose.bin", b"what no output names"))
    assert submit(lab, roots).state is RunState.READY
    assert roots.read.count(LATE) == 1


def test_a_world_that_still_changes_at_the_deadline_fails_and_is_never_quarantined(lab: Lab, root: Root) -> None:
    roots = Watched(root, LATE, lambda: root.put("gates/gate.a/z.csv", b"9,9"))
    outcome = submit(lab, roots, policy={"evidence_wait_seconds": 0})
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.EVIDENCE_UNSTABLE)
    assert not [key for key in lab.truth() if "/quarantine/" in key or "/instance_receipts/" in key]


@pytest.mark.parametrize("go_on", ["submit", "resume"])
def test_a_world_that_never_stands_still_adds_nothing_to_the_record_look_by_look(
    lab: Lab, root: Root, go_on: str
) -> None:
    number = itertools.count()

    def change() -> None:  # another file each time
        root.put(f"gates/gate.a/{next(number)}", b"9")

    run = submit(lab, Watched(root, LATE, change)).run_id
    told, before = lab.kinds(run), lab.truth()
    for _ in range(3):
        moving = lab.runner(roots=Watched(root, LATE, change))
        outcome = moving.resume(run) if go_on == "resume" else moving.submit(request(engine_run_root=root.uri))
        assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_UNSTABLE)
    assert lab.truth() == before
    for at in range(next(number)):
        root.remove(f"gates/gate.a/{at}")
    outcome = submit(lab, Watched(root))
    assert outcome.state is RunState.READY
    assert lab.kinds(run)[: len(told) + 2] == [*told, "LEASE_TAKEN", "EVIDENCE_COMPLETE"]
    fences = [one.fence for one in lab.ledger(run).events]
    assert fences[len(told)] == fences[-1] > fences[len(told) - 1]


def test_a_world_that_moved_until_the_deadline_fails_under_the_last_holders_fence(lab: Lab, root: Root) -> None:
    roots = Watched(root, LATE, lambda: root.put("gates/gate.a/z.csv", b"9,9"))
    run = submit(lab, roots).run_id
    told = lab.kinds(run)
    root.put("gates/gate.a/z.csv", b"1,2")
    lab.clock.sleep(WAIT_S)
    roots = Watched(root, LATE, lambda: root.put("gates/gate.a/z.csv", b"9,9"))
    assert submit(lab, roots).reason_code is ReasonCode.EVIDENCE_UNSTABLE
    assert lab.kinds(run) == [*told, "LEASE_TAKEN", "RUN_FAILED"]


def test_unstable_comes_before_a_contradiction(lab: Lab, root: Root) -> None:
    root.put("gates/gate.b/index.json", b"{}")
    assert submit(lab, Watched(root, LATE, lambda: root.put(WORLD, b"w"))).reason_code is ReasonCode.EVIDENCE_UNSTABLE
    assert submit(lab, Watched(root)).state is RunState.QUARANTINED


def test_nothing_is_read_after_the_second_look_and_nothing_written_before(lab: Lab, root: Root) -> None:
    happened: list[str] = []

    class Told(Watched):
        def open(self, uri: str) -> Any:
            snapshot = super().open(uri)
            stream, changes = snapshot.stream, snapshot.changes

            def read(*args: Any, **how: Any) -> Any:
                happened.append("read")
                return stream(*args, **how)

            def look() -> Any:
                happened.append("look")
                return changes()

            snapshot.stream, snapshot.changes = read, look
            return snapshot

    class Store:
        def __getattr__(self, name: str) -> Any:
            def call(key: str, *args: Any, **how: Any) -> Any:
                if name in ("create", "replace") and ("part_lists" in key or "receipts" in key):
                    happened.append("proof")
                return getattr(lab.store, name)(key, *args, **how)

            return call if name in ("create", "replace") else getattr(lab.store, name)

    assert submit(lab, Told(root), store=Store()).state is RunState.READY
    assert happened.count("look") == 1
    assert "proof" in happened
    at = happened.index("look")
    assert "proof" not in happened[:at]
    assert "read" not in happened[at:]


# Files alone


def swapped_for_a_link(engine: Path) -> None:
    (engine / "gates/gate.a").rename(engine / "elsewhere")
    (engine / "gates/gate.a").symlink_to(engine / "elsewhere")


def times_restored(engine: Path) -> None:
    file = engine / WORLD
    before = file.stat()
    file.write_bytes(b"THE WORLD"[: before.st_size])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def another_root(engine: Path) -> None:
    shutil.copytree(engine, engine.with_name("copy"))
    engine.rename(engine.with_name("old"))
    engine.with_name("copy").rename(engine)


@pytest.mark.parametrize("act", [swapped_for_a_link, times_restored, another_root])
def test_what_hides_a_change_is_seen(lab: Lab, act: Callable[[Path], object]) -> None:
    root = OnFiles(lab.world(small_world()))
    outcome = submit(lab, Watched(root, LATE, lambda: act(Path(root.uri))))
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_UNSTABLE)


# Settling


class Busy(ManualClock):
    """A clock during whose sleep something happens. `slept`: for how long in all."""

    def __init__(self, start: datetime, act: Act = lambda: None) -> None:
        super().__init__(start)
        self.act, self.slept = act, 0.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.slept += seconds
        self.act()


SPOILT = {"gates/gate.a/z.csv": b"1,3", f"{DAILY}/part-0.bin": b"dail"}


@pytest.mark.parametrize(("policy", "waits"), [({}, 2.0), ({"settle_seconds": 7.5}, 7.5), ({"settle_seconds": 0}, 0.0)])
def test_a_mismatch_costs_one_wait_of_all_gates_together_and_no_byte_is_read_again(
    lab: Lab, policy: dict[str, Any], waits: float
) -> None:
    sound, spoilt = OnFiles(lab.world(small_world())), OnFiles(lab.world({**small_world(), **SPOILT}, "spoilt"))
    lab.clock = Busy(START)
    assert submit(lab, Watched(sound), policy=policy).state is RunState.READY
    assert lab.clock.slept == 0
    roots = Watched(spoilt)
    runner = lab.runner(roots=roots, policy=policy)
    outcome = runner.submit(request("spoilt", engine_run_root=spoilt.uri))
    assert (outcome.state, lab.clock.slept) == (RunState.QUARANTINED, waits)
    assert len(lab.document("quarantine", outcome.run_id)["conflicts"]) == 2
    assert max(map(roots.read.count, roots.read)) == 1  # what a gate read is not read again for its output


@pytest.mark.parametrize("kind", ["GATE_DIGEST_MISMATCH", "MEMBER_DIGEST_MISMATCH"])
def test_a_digest_over_files_that_still_come_in_is_not_believed(lab: Lab, kind: str) -> None:
    path = "gates/gate.a/z.csv" if kind == "GATE_DIGEST_MISMATCH" else "gates/gate.b/report.json"
    root = OnFiles(lab.world({**small_world(), path: b"half"}))
    policy = {"member_digests": "ENFORCE"}
    lab.clock = Busy(START, lambda: root.put(path, small_world()[path]))
    outcome = submit(lab, Watched(root), policy=policy)
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_UNSTABLE)
    lab.clock = Busy(lab.clock.now())
    assert submit(lab, Watched(root), policy=policy).state is RunState.READY


@pytest.mark.parametrize(
    ("after", "ends"), [(0, 1), (3, 7), (100, 102), (10_000, WAIT_S)], ids=["at once", "soon", "late", "never"]
)
def test_a_long_wait_ends_with_the_first_change_or_at_the_deadline(
    lab: Lab, root: Root, after: int, ends: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "gates/gate.a/z.csv"
    root.put(path, b"half")

    class Mended(Busy):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.slept > after and not mended:
                mended.append(path)
                root.put(path, small_world()[path])

    mended: list[str] = []
    lab.clock = Mended(START)
    monkeypatch.setattr(lab.authority, "now", lab.clock.now)  # the deadline goes by the authority's clock
    outcome = submit(lab, Watched(root), policy={"settle_seconds": 3600})
    assert ends <= lab.clock.slept <= ends + 5, "a step at most after the deadline"
    if mended:
        assert lab.clock.slept == ends
        assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_UNSTABLE)
        assert submit(lab, Watched(root)).state is RunState.READY
    else:
        assert outcome.state is RunState.QUARANTINED


def test_settle_seconds_are_sealed_in_the_plan(lab: Lab) -> None:
    waiting = lab.reuse({path: data for path, data in small_world().items() if path != WORLD})
    plan = lab.ledger(waiting.run_id).first("PLAN_COMMITTED")
    assert plan is not None
    assert plan.details["plan"]["settle_seconds"] == 2


# Copied into place

CLOSURE = {path: data for path, data in small_world().items() if path != "data/loose.bin"}
SMALL = [path for path in CLOSURE if path.endswith((FLAG, "index.json", "run_receipt.json"))]


def steps(paths: list[str], halved: list[str]) -> list[tuple[str, bytes]]:
    """Each file as it comes in, those of `halved` in two pieces."""
    made = []
    for path in paths:
        data = CLOSURE[path]
        made += [(path, data[: len(data) // 2])] if path in halved else []
        made.append((path, data))
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=st.permutations(sorted(CLOSURE)), rests=st.lists(st.booleans(), min_size=60, max_size=60))
def test_a_root_copied_in_any_order_ends_ready_where_an_index_names_what_is_to_come(
    tmp_path: Path, paths: list[str], rests: list[bool]
) -> None:
    """However long the copy rests between two files; flags, indexes and receipt may be seen in half."""
    lab, files = Lab.memory(tmp_path), dict[str, bytes]()
    roots = MemoryEngineRoots({"memory:root": MemoryEngineRoot(files, "memory:root")})
    named = (
        attrs.evolve(GATES[1], upstream_gate_dependencies=()),
        attrs.evolve(GATES[2], upstream_gate_dependencies=(), authorizes_outputs=("daily", "world")),
    )
    runner = lab.runner(roots=roots, packed=pack(gates=named))
    asked = request(engine_run_root="memory:root", output_ids=["world", "daily"])
    states = []
    for (path, data), rest in zip(steps(paths, SMALL), rests, strict=False):
        states.append(runner.submit(asked).state)
        files[path] = data
        lab.clock.sleep(5.0 if rest else 0.0)
    states.append(runner.submit(asked).state)
    assert states[-1] is RunState.READY
    assert set(states) <= {RunState.WAITING_EVIDENCE, RunState.READY}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=st.permutations(sorted(CLOSURE)))
def test_a_root_copied_in_any_order_is_never_quarantined_while_the_copy_does_not_stand_still(
    tmp_path: Path, paths: list[str]
) -> None:
    """Every file is seen in half, and each second something more has come."""
    lab, files = Lab.memory(tmp_path), dict[str, bytes]()
    coming = iter(steps([path for path in paths if path != f"{EVENTS}/part-1.bin"], paths))
    files[f"{EVENTS}/part-1.bin"] = CLOSURE[f"{EVENTS}/part-1.bin"]

    def copy() -> None:
        step = next(coming, None)
        if step is not None:
            files[step[0]] = step[1]

    lab.clock = Busy(START, copy)
    roots = MemoryEngineRoots({"memory:root": MemoryEngineRoot(files, "memory:root")})
    runner, state = lab.runner(roots=roots), None
    for _ in range(3 * len(paths)):
        state = runner.submit(request(engine_run_root="memory:root")).state
        assert state is not RunState.QUARANTINED
        copy()
    assert state is RunState.READY


# An empty pass is no pass


def test_where_every_output_is_absent_the_run_waits_and_fails(lab: Lab) -> None:
    root = lab.world(small_world())
    asked = request(engine_run_root=root, output_ids=["extra"])
    outcome = lab.runner().submit(asked)
    assert (outcome.state, outcome.missing) == (RunState.WAITING_EVIDENCE, ("extra",))
    before = lab.truth()
    assert lab.runner().submit(asked).state is RunState.WAITING_EVIDENCE
    assert lab.truth() == before
    there = lab.world({**small_world(), "data/extra.bin": b"x"}, "twin")
    twin = lab.runner().submit(request("twin", engine_run_root=there, output_ids=["extra"]))
    assert twin.state is RunState.READY
    lab.clock.sleep(WAIT_S + 1)
    late = lab.runner().submit(asked)
    assert (late.state, late.reason_code) == (RunState.FAILED, ReasonCode.EVIDENCE_MISSING_DEADLINE)


@pytest.mark.parametrize("cut", [b"", b"{", b'{"run_id": "'])
def test_a_receipt_or_manifest_that_ends_too_early_is_awaited(lab: Lab, cut: bytes) -> None:
    for name in ("run_receipt.json", "_oracle_pack_manifest.json"):
        root = lab.world({**small_world(), name: cut}, name)
        outcome = lab.runner().submit(request(name, engine_run_root=root))
        assert (outcome.state, outcome.missing) == (RunState.WAITING_EVIDENCE, (name,))
        before = lab.truth()
        assert lab.runner().submit(request(name, engine_run_root=root)).missing == (name,)
        assert lab.truth() == before
        if name == "run_receipt.json":
            lab.world(receipt(), name)
        else:
            Path(root, name).unlink()
        assert lab.runner().submit(request(name, engine_run_root=root)).state is RunState.READY


@pytest.mark.parametrize("place", ["link", "fifo", "folder"])
def test_a_run_receipt_that_is_no_plain_file_is_a_conflict(lab: Lab, place: str) -> None:
    root = Path(lab.world(small_world()))
    file = root / "run_receipt.json"
    assert lab.runner().submit(request("twin", engine_run_root=str(root))).state is RunState.READY
    file.rename(root / "kept.json")
    if place == "link":
        file.symlink_to("kept.json")
    elif place == "fifo":
        os.mkfifo(file)
    else:
        file.mkdir()
    outcome = lab.runner().submit(request(engine_run_root=str(root)))
    assert outcome.state is RunState.QUARANTINED
    (kept,) = lab.document("quarantine", outcome.run_id)["conflicts"]
    assert (kept["subject"], kept["code"]) == (
        "run_receipt.json", "PATH_ESCAPES" if place == "link" else "NOT_A_FILE",
    )  # fmt: skip
