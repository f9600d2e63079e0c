"""The laws of the mission, one test each: what enforces them, shown from outside."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.ledger import Ledger, check_ledger
from sr_domain.record.states import RunState
from sr_ports import EngineCall, EngineResult, LeaseLost, ObsEvent, ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, crash
from tests.kit import BASE, PLATFORM, Lab, request
from tests.worlds import FLAG, engine, small_world, tree

RUN = run_id_for("key")


@pytest.mark.parametrize("gone", sorted(path for path in small_world() if "gates/" in path))
def test_law_1_no_pass_no_read(lab: Lab, gone: str) -> None:
    files = small_world()
    del files[gone]
    outcome = lab.reuse(files)
    if gone == "gates/gate.b/report.json":  # the member law covers what its index states, never the bytes
        assert outcome.state is RunState.READY
        return
    assert outcome.state in (RunState.WAITING_EVIDENCE, RunState.QUARANTINED)
    assert not lab.store.read(f"{BASE}/run_facts_view/{RUN}.json")
    assert lab.published() == []


def test_law_2_fail_closed_when_anything_cannot_be_read(lab: Lab) -> None:
    """Every read of evidence answered with an error: never READY, always resumable."""
    from sr_adapters.file.root import FileEngineRoots
    from sr_ports.conformance.crash import Mode

    root, counted = lab.world(small_world()), CrashPlan()
    lab.runner(**crash({"roots": FileEngineRoots()}, counted)).submit(request(engine_run_root=root))
    assert counted.calls > 10
    for at in range(counted.calls):
        fresh = Lab.memory(lab.root)
        broken = crash({"roots": FileEngineRoots()}, CrashPlan(at, Mode.LOST_UNDONE))
        with pytest.raises(Unreachable):
            fresh.runner(**broken).submit(request(engine_run_root=root))
        assert fresh.published() == []
        assert fresh.runner().submit(request(engine_run_root=root)).state is RunState.READY


def test_law_3_one_key_one_run(lab: Lab) -> None:
    first = lab.reuse(small_world())
    before = lab.truth()
    assert lab.runner().submit(request(seed=8)).reason_code is ReasonCode.EQUIVALENCE_COLLISION
    assert lab.runner().submit(request()).run_id == first.run_id == RUN
    assert lab.truth() == before


def test_law_4_an_older_holder_is_refused_by_the_store_not_by_hope(lab: Lab) -> None:
    """The older holder believes in its lease for ever; the record's fence stops it all the same."""
    from contextlib import nullcontext

    @attrs.frozen
    class Believing:
        lost: bool = False

        def check(self) -> None:
            """Believe."""

        def keep(self, lease: Any, renew: Any) -> Any:
            return nullcontext(self)

    make = engine(lab.root / "e", small_world())
    after: list[dict[str, bytes]] = []

    def slow(call: EngineCall) -> EngineResult:
        lab.lapse()
        lab.runner(engine=make).submit(request())
        after.append(lab.truth())
        return make(call)

    with pytest.raises(LeaseLost) as caught:
        lab.runner(engine=slow, heartbeat=Believing()).submit(request())
    assert caught.value.code is ReasonCode.FENCED
    # what it wrote is the log of its own attempt: no truth, for no event of the record names it
    assert [key for key in lab.truth() if lab.truth()[key] != after[0].get(key)] == [
        f"{BASE}/engine_attempt_logs/run_id={RUN}/attempt_no=1/stdout.log"
    ]


@attrs.frozen
class Watching:
    """A store that keeps every version of every key."""

    store: Any
    versions: dict[str, list[bytes]] = attrs.field(factory=dict)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if name not in ("create", "replace"):
            return found

        def write(key: str, data: bytes, **etag: Any) -> Any:
            stored = found(key, data, **etag)
            if stored is not None:
                self.versions.setdefault(key, []).append(data)
            return stored

        return write


def test_law_5_append_only_and_immutable(lab: Lab) -> None:
    watched = Watching(lab.store)
    files = small_world()
    held = files.pop(f"gates/gate.a/{FLAG}")
    root = lab.world(files)
    for _ in range(2):
        lab.runner(store=watched).submit(request(engine_run_root=root))
        lab.world({f"gates/gate.a/{FLAG}": held})
    states = []
    for key, versions in watched.versions.items():
        if "/run_record/" in key:
            assert all(new.startswith(old) for old, new in pairwise(versions))
        elif "/run_status/" in key:
            states = [re.findall(rb'"state":"(\w+)"', data)[0].decode() for data in versions]
        else:
            assert len(versions) == 1, key
    assert states[-1] == "READY"
    assert states.count("READY") == 1
    assert isinstance(check_ledger(RUN, lab.truth()[f"{BASE}/run_record/{RUN}.jsonl"]), Ledger)


def test_law_6_every_entry_point_may_be_called_twice(lab: Lab) -> None:
    lab.reuse(small_world())
    before, runner = lab.truth(), lab.runner()
    for _ in range(2):
        assert runner.submit(request()).state is RunState.READY
        assert runner.resume(RUN).state is RunState.READY
        assert runner.status(RUN).state is RunState.READY
        assert runner.facts(RUN)["run_id"] == RUN
    after = lab.truth()
    kinds = [kind for kind in lab.kinds(RUN) if kind != "LEASE_TAKEN"]
    assert len(kinds) == len(set(kinds))
    assert {key for key in after if after[key] != before.get(key)} <= {f"{BASE}/run_record/{RUN}.jsonl"}
    assert len(lab.published()) == 1


def test_law_7_artifacts_carry_refs_and_digests_never_payloads(lab: Lab) -> None:
    files = small_world()
    lab.reuse(files)
    payloads = [data for path, data in files.items() if path.startswith("data/")]
    for key, stored in lab.truth().items():
        assert not [data for data in payloads if data in stored], key


def test_law_8_the_engines_root_is_never_written_to(lab: Lab) -> None:
    files = small_world()
    root = lab.root / "engine"
    lab.world(files)
    stamps = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    lab.runner().submit(request(engine_run_root=str(root)))
    assert tree(root) == files
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == stamps


def test_law_9_no_hidden_now(tmp_path: Path) -> None:
    """Another time, another machine's ids, another order of files: the same hashes and ids."""
    seen = []
    for seconds in (0, 987_654):
        lab = Lab.memory(tmp_path)
        lab.clock.sleep(seconds)
        lab.ids.new_id()
        files = small_world()
        lab.reuse(dict(reversed(files.items())) if seconds else files)
        facts = lab.document("run_facts_view", RUN)
        plan = lab.document("run_plan", RUN)
        receipts = {key: data for key, data in lab.truth().items() if "/instance_receipts/" in key}
        seen.append((facts, plan["plan_hash"], receipts, lab.published()[0].message_id))
    assert seen[0] == seen[1]


def test_law_10_telemetry_and_bus_never_block_truth(lab: Lab) -> None:
    from sr_plugins.wiring.sinks import FanOut

    class Broken:
        def emit(self, event: ObsEvent) -> None:
            raise RuntimeError("no")

        def publish(self, envelope: Any) -> None:
            raise Unreachable(ReasonCode.BUS_UNREACHABLE, "no")

        def close(self) -> None:
            raise RuntimeError("no")

    root = lab.world(small_world())
    outcome = lab.runner(telemetry=FanOut((Broken(),)), bus=Broken()).submit(request(engine_run_root=root))
    assert (outcome.state, outcome.published) == (RunState.READY, False)
    again = lab.runner().resume(RUN)
    assert again.published
    assert lab.published()[0].message_id == lab.document("ready_signal", RUN)["message_id"]


def test_law_11_every_artifact_names_its_provenance(lab: Lab) -> None:
    lab.reuse(small_world())
    facts, plan, ready = (lab.document(kind, RUN) for kind in ("run_facts_view", "run_plan", "ready_signal"))
    rev = plan["policy_rev"]
    assert facts["policy_rev"] == rev
    assert ready["run_config_digest"] == rev["content_digest"]
    assert facts["pins"] == {
        **{pin: request()[pin] for pin in ("manifest_fingerprint", "parameter_hash", "seed")},
        "scenario_id": "baseline",
        "run_id": RUN,
        "scenario_run_id": RUN,
        "platform_run_id": PLATFORM,
    }
    laws = [note for note in facts["evidence_notes"] if note.startswith("GATE_LAW:")]
    assert "GATE_LAW:gate.a:sha256_bundle_digest:scenario-runner==1.2.3" in laws
    assert len(laws) == 3
    assert all(event.policy_rev == rev for event in lab.ledger(RUN).events)
