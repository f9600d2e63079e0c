"""IP2, IP3, IP5: duplicates, reuse, evidence that is missing, late, contradictory or changing."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
from sr_domain.encoding.ids import ready_message_id, run_id_for
from sr_domain.evidence.admitted import Admitted
from sr_domain.record.layout import store_identity_key
from sr_domain.record.states import RunState
from sr_domain.run import collect_evidence
from sr_domain.runner import ScenarioRunner
from sr_ports import ReasonCode, Sink, Unreachable
from sr_ports.wanted import FIRST_RELEASE, TODAY
from tests.reliability.lab import PLATFORM, Lab, request, write_world
from tests.reliability.memory_world import roots, world

RUN = run_id_for("key")
BASE = f"fraud-platform/{PLATFORM}/sr"


def reuse(lab: Lab, key: str = "key", **changes: Any) -> Any:
    return lab.runner().submit(request(key, engine_run_root=str(lab.root), **changes))


def read(lab: Lab, key: str) -> Any:
    return json.loads(lab.store.read(f"{BASE}/{key}").data)


def test_ready_leaves_every_artifact_and_one_message(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = Lab(tmp_path)
    assert reuse(lab).state is RunState.READY
    facts, signal = read(lab, f"run_facts_view/{RUN}.json"), read(lab, f"ready_signal/{RUN}.json")
    (message,) = lab.ready_messages()
    assert message.payload == signal
    assert signal["message_id"] == message.message_id == ready_message_id(PLATFORM, RUN, facts["bundle_hash"])
    assert message.partition_key == RUN
    assert read(lab, f"run_status/{RUN}.json")["state"] == "READY"
    assert facts["pins"]["seed"] == 7
    by_id = {one["output_id"]: one for one in facts["locators"]}
    parts = sorted((tmp_path / "data/events").rglob("part-*"))
    entries = [
        {"path": part.name, "sha256": hashlib.sha256(part.read_bytes()).hexdigest(), "size": part.stat().st_size}
        for part in parts
    ]
    canonical = json.dumps(entries, sort_keys=True, separators=(",", ":")).encode()
    assert by_id["events"]["content_digest"]["hex"] == hashlib.sha256(canonical).hexdigest()
    assert (
        by_id["world"]["content_digest"]["hex"]
        == hashlib.sha256((tmp_path / "data/world.bin").read_bytes()).hexdigest()
    )
    (receipt,) = facts["instance_receipts"]
    assert lab.store.read(receipt["bundle_manifest_ref"]).data == canonical
    judge = lab.law.laws()["sha256_bundle_digest"]
    assert f"GATE_LAW:gate.end:sha256_bundle_digest:{judge.distribution}=={judge.version}" in facts["evidence_notes"]


def test_a_duplicate_has_no_second_effect(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = Lab(tmp_path)
    reuse(lab)
    before = {one.key: one.etag for one in lab.store.list("")}
    again = reuse(lab, notes="other", request_id="other", requested_strategy="FORCE_REUSE")
    assert (again.state, again.is_new, again.published) == (RunState.READY, False, True)
    assert {one.key: one.etag for one in lab.store.list("")} == before
    assert len(lab.ready_messages()) == 1


def test_while_another_holds_it_nothing_is_written(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = Lab(tmp_path)
    lease = lab.authority.acquire(RUN, "other", ttl_s=60)
    busy = reuse(lab)
    assert (busy.reason_code, busy.in_flight) == (ReasonCode.LEASE_BUSY, True)
    assert [one.key for one in lab.store.list("")] == [store_identity_key()]  # the key was bound, the run is not begun
    lab.authority.release(lease)
    assert reuse(lab).state is RunState.READY


def test_the_oracle_root_overrides_the_request_and_is_logged(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = Lab(tmp_path)
    runner = lab.runner()
    settings_ = attrs.evolve(runner.settings, oracle_engine_run_root=str(tmp_path))
    runner = ScenarioRunner(runner.ports, runner._context.policy, runner._context.pack, settings_)
    assert runner.submit(request(engine_run_root="/elsewhere")).state is RunState.READY
    (event,) = lab.ledger(RUN).all("ENGINE_ROOT_OVERRIDDEN")
    assert event.details["requested"] == "/elsewhere"


def test_waiting_becomes_ready_or_fails_at_the_anchored_deadline(tmp_path: Path) -> None:
    for late in (False, True):
        lab = Lab(tmp_path / str(late))
        write_world(lab.root, skip=("world", "gate.up"))
        waiting = reuse(lab)
        assert (waiting.state, waiting.missing) == (RunState.WAITING_EVIDENCE, ("gate.up", "world"))
        lab.clock.sleep(599)
        assert reuse(lab).state is RunState.WAITING_EVIDENCE  # asking again does not move the deadline
        if late:
            lab.clock.sleep(1)
            assert reuse(lab).reason_code is ReasonCode.EVIDENCE_MISSING_DEADLINE
        else:
            write_world(lab.root)
            assert reuse(lab).state is RunState.READY


def test_what_was_planned_stays_planned(tmp_path: Path) -> None:
    write_world(tmp_path, skip=("world",))
    lab = Lab(tmp_path)
    reuse(lab)
    runner = lab.runner()
    changed = attrs.evolve(runner._context.pack, gates={}, outputs={}, digest="1" * 64)
    policy = attrs.evolve(runner._context.policy, rev=attrs.evolve(runner._context.policy.rev, revision="2"))
    write_world(tmp_path)
    later = ScenarioRunner(runner.ports, policy, changed, runner.settings)
    assert later.resume(RUN).state is RunState.READY
    assert later.facts(RUN)["policy_rev"]["revision"] == "1"


def test_drift_keeps_both_sides(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = Lab(tmp_path)
    reuse(lab, "first")
    part = next((tmp_path / "data/events").rglob("part-0.bin"))
    part.write_bytes(b"other bytes")
    part.with_name("part-9.bin").write_bytes(b"new")
    drifted = reuse(lab, "second")
    assert (drifted.state, drifted.reason_code) == (RunState.FAILED, ReasonCode.INSTANCE_RECEIPT_DRIFT)
    (conflict,) = read(lab, f"quarantine/{drifted.run_id}.json")["conflicts"]
    assert conflict["changes"]["changed"] == ["part-0.bin"]
    assert conflict["changes"]["added"] == ["part-9.bin"]
    assert conflict["changes"]["stood"]["target_digest"] != conflict["changes"]["refused"]["target_digest"]
    assert not lab.runner().audit(drifted.run_id).findings


def test_a_file_that_changes_under_our_eyes_is_waited_for(tmp_path: Path) -> None:
    lab, files = Lab(tmp_path), world()

    class Shifting(MemoryEngineRoot):
        def stream(self, path: str, sink: Sink, **how: Any) -> Any:
            if path == "data/world.bin":
                files[path] = b"changed"
            return super().stream(path, sink, **how)

    shifting = MemoryEngineRoots({"memory": Shifting(files, "memory")})
    outcome = lab.runner({**lab.world_ports(), "roots": shifting}).submit(request(engine_run_root="memory"))
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_UNSTABLE)
    assert outcome.message == "still being written: data/world.bin"


def oracle(root: Path, **changes: Any) -> None:
    manifest = {
        "version": "1",
        "oracle_pack_id": "d" * 64,
        "world_key": {
            "manifest_fingerprint": "a" * 64,
            "parameter_hash": "b" * 64,
            "scenario_id": "baseline",
            "seed": 7,
        },
        "engine_release": "e1",
        "catalogue_digest": "e" * 64,
        "gate_map_digest": "f" * 64,
        "created_at_utc": "2026-01-01T00:00:00Z",
    }
    (root / "_oracle_pack_manifest.json").write_text(json.dumps({**manifest, **changes}))


@pytest.mark.parametrize(
    ("place", "code"),
    {"file": None, "link": ReasonCode.PATH_ESCAPES, "fifo": ReasonCode.NOT_A_FILE,
     "folder": ReasonCode.NOT_A_FILE}.items(),
)  # fmt: skip
def test_an_oracle_manifest_that_is_no_plain_file_is_a_conflict(
    tmp_path: Path, place: str, code: ReasonCode | None
) -> None:
    lab = Lab(tmp_path)
    write_world(lab.root)
    oracle(lab.root)
    manifest = lab.root / "_oracle_pack_manifest.json"
    if code is not None:
        manifest.rename(lab.root / "kept.json")
    if place == "link":
        manifest.symlink_to("kept.json")
    elif place == "fifo":
        os.mkfifo(manifest)
    elif place == "folder":
        manifest.mkdir()
    outcome = reuse(lab)
    assert outcome.state is (RunState.READY if code is None else RunState.QUARANTINED)
    if code is not None:
        (conflict,) = read(lab, f"quarantine/{RUN}.json")["conflicts"]
        assert conflict["code"] == code


def test_a_run_of_an_earlier_admission_waits_for_the_manifest_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect_evidence, "admitted", lambda _: Admitted(now=TODAY, then=FIRST_RELEASE))
    lab = Lab(tmp_path)
    write_world(lab.root)
    oracle(lab.root)
    manifest = lab.root / "_oracle_pack_manifest.json"
    manifest.rename(lab.root / "kept.json")
    manifest.symlink_to("kept.json")
    outcome = reuse(lab)
    assert (outcome.state, tuple(outcome.missing)) == (RunState.WAITING_EVIDENCE, (manifest.name,))
    manifest.unlink()
    (lab.root / "kept.json").rename(manifest)
    assert reuse(lab).state is RunState.READY


def test_the_oracle_pack_is_carried_or_refused(tmp_path: Path) -> None:
    world_key = {"manifest_fingerprint": "a" * 64, "parameter_hash": "b" * 64, "scenario_id": "other", "seed": 7}
    cases: tuple[tuple[dict[str, Any], ReasonCode | None], ...] = (
        ({}, None),
        (
            {
                "oracle_pack_id": "D" * 64,
                "world_key": {**world_key, "manifest_fingerprint": "A" * 64, "scenario_id": "baseline"},
            },
            None,
        ),
        ({"world_key": world_key}, ReasonCode.ORACLE_PACK_MISMATCH),
        ({"oracle_pack_id": "x"}, ReasonCode.ORACLE_PACK_INVALID),
    )
    for at, (changes, code) in enumerate(cases):
        lab = Lab(tmp_path / str(at))
        write_world(lab.root)
        oracle(lab.root, **changes)
        outcome = reuse(lab)
        assert outcome.reason_code is code
        if code is None:
            assert read(lab, f"run_facts_view/{RUN}.json")["oracle_pack_ref"]["oracle_pack_id"] == "d" * 64
            assert read(lab, f"ready_signal/{RUN}.json")["oracle_pack_ref"]["engine_release"] == "e1"


def test_a_dead_bus_blocks_no_truth_and_resume_publishes_the_same_message(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = Lab(tmp_path)
    live = lab.bus
    outcome = lab.runner({**lab.world_ports(), "bus": Away()}).submit(request(engine_run_root=str(tmp_path)))
    assert (outcome.state, outcome.published) == (RunState.READY, False)
    assert [event.event_kind for event in lab.ledger(RUN).events][-1] == "READY_PUBLISH_FAILED"
    lab.bus = live
    assert list(lab.runner().unsettled()) == [RUN]
    assert lab.runner().resume(RUN).published
    assert lab.ready_messages()[0].message_id == read(lab, f"ready_signal/{RUN}.json")["message_id"]


def test_a_bus_that_stays_away_is_asked_less_and_less_often(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = Lab(tmp_path)
    lab.bus = Away()
    runner = lab.runner()
    assert runner.submit(request(engine_run_root=str(tmp_path))).state is RunState.READY
    tries, started = [], lab.clock.seconds()
    due = runner.due_runs()
    for _ in range(3600):
        lab.clock.sleep(1)
        for claim in due.claim(limit=10, for_s=60):
            tries.append(lab.clock.seconds() - started)
            due.work(claim)
    pauses = [round(later - one) for one, later in itertools.pairwise([0, *tries])]
    assert pauses[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(pauses[9:]) == {300}
    assert len(lab.ledger(RUN).all("READY_PUBLISH_FAILED")) == 1 + len(tries)


class Away:
    """A bus that cannot be reached."""

    def publish(self, envelope: Any) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "no bus")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["submit", "resume", "other", "lapse", "wait", "complete"]), max_size=12))
def test_any_sequence_of_duplicate_submissions_gives_one_outcome(tmp_path: Path, steps: list[str]) -> None:
    lab, files = Lab(tmp_path), world(skip=("world",))
    ports = {**lab.world_ports(), "roots": roots(files)}
    final = None
    for step in [*steps, "submit", "complete", "submit"]:
        match step:
            case "submit":
                outcome = lab.runner(ports).submit(request(engine_run_root="memory"))
                assert final in (None, outcome.state)
                final = outcome.state if outcome.state is not None and outcome.state.final else None
            case "resume":
                for run_id in list(lab.runner(ports).unsettled()):
                    lab.runner(ports).resume(run_id)
            case "other":
                if lab.authority.find(RUN).bindings:
                    other = lab.runner(ports).submit(request(engine_run_root="memory", seed=8))
                    assert other.reason_code is ReasonCode.EQUIVALENCE_COLLISION
            case "lapse":
                lab.lapse()
            case "wait":
                lab.clock.sleep(100)
            case "complete":
                files.update(world())
    assert len({one.message_id for one in lab.ready_messages()}) == (final is RunState.READY)
    assert not lab.runner(ports).audit(RUN).findings
