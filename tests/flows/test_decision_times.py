"""Times of artifacts are the decision's own: whoever derives them, and when, writes the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import ReasonCode, Unreachable
from tests.kit import Lab, request
from tests.releases import by
from tests.worlds import FLAG, small_world

RUN = run_id_for("key")
DERIVED = ("run_facts_view", "run_status", "ready_signal")


@attrs.frozen
class Gone:
    """A store that is out of reach from the first write on whose key and bytes hold both texts."""

    store: Any
    key: str
    text: bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def create(self, key: str, data: bytes) -> Any:
        self._refuse(key, data)
        return self.store.create(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> Any:
        self._refuse(key, data)
        return self.store.replace(key, data, etag=etag)

    def _refuse(self, key: str, data: bytes) -> None:
        if self.key in key and self.text in data:
            raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the store is away")


def stamp(lab: Lab, kind: str) -> str:
    event = lab.ledger(RUN).first(kind)
    assert event is not None
    return event.ts_utc


def artifacts(lab: Lab) -> dict[str, bytes]:
    return {key: data for key, data in lab.truth().items() if any(f"/{kind}/" in key for kind in DERIVED)}


CUTS = {
    "before the view": ("run_facts_view", b""),
    "before the status": ("run_status", b'"READY"'),
    "before READY is on record": ("run_record", b"READY_COMMITTED"),
    "before the signal": ("ready_signal", b""),
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_run_that_is_finished_later_has_the_very_bytes_of_one_that_was_not_cut(lab: Lab, cut: str) -> None:
    root = lab.world(small_world())
    with pytest.raises(Unreachable):
        lab.runner(store=Gone(lab.store, *CUTS[cut])).submit(request(engine_run_root=root))
    decided = stamp(lab, "EVIDENCE_COMPLETE")
    lab.lapse()
    lab.clock.sleep(86_400)
    assert lab.runner().resume(RUN).state is RunState.READY
    assert (stamp(lab, "READY_COMMITTED") > decided) is (cut != "before the signal")
    assert lab.document("ready_signal", RUN)["emitted_at_utc"] == decided
    assert lab.document("run_status", RUN)["updated_at_utc"] == decided
    whole = Lab.memory(lab.root)
    assert whole.runner().submit(request(engine_run_root=root)).state is RunState.READY
    assert artifacts(whole) == artifacts(lab)
    assert not lab.runner().audit(RUN).findings


def test_a_run_of_the_first_release_gives_the_time_that_ready_came_on_record(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    by(monkeypatch, 1)
    root = lab.world(small_world())
    with pytest.raises(Unreachable):
        lab.runner(store=Gone(lab.store, "run_record", b"READY_COMMITTED")).submit(request(engine_run_root=root))
    by(monkeypatch, 2)
    lab.lapse()
    assert lab.runner().resume(RUN).state is RunState.READY
    assert lab.document("ready_signal", RUN)["emitted_at_utc"] == stamp(lab, "READY_COMMITTED")
    assert stamp(lab, "READY_COMMITTED") > stamp(lab, "EVIDENCE_COMPLETE")
    assert {len(event.event_id) for event in lab.ledger(RUN).events} == {32}
    assert not lab.runner().audit(RUN).findings


def test_what_was_admitted_by_the_first_release_and_decided_today_has_ids_of_both(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    by(monkeypatch, 1)
    files = small_world()
    late = files.pop(f"gates/gate.b/{FLAG}")
    assert lab.reuse(files).state is RunState.WAITING_EVIDENCE
    by(monkeypatch, 2)
    lab.world({f"gates/gate.b/{FLAG}": late})
    assert lab.runner().resume(RUN).state is RunState.READY
    widths = {event.event_kind: len(event.event_id) for event in lab.ledger(RUN).events}
    assert (widths["RUN_ACCEPTED"], widths["EVIDENCE_COMPLETE"], widths["READY_PUBLISHED"]) == (32, 64, 64)
    assert lab.document("run_status", RUN)["updated_at_utc"] == stamp(lab, "EVIDENCE_COMPLETE")
    assert not lab.runner().audit(RUN).findings
    assert lab.runner().verify(RUN).ok


def test_a_denial_before_the_admission_has_a_whole_id_and_is_sound(lab: Lab) -> None:
    guarded = lab.runner(settings=Settings(submitters=frozenset({"ann"})))
    wanted = request(engine_run_root=lab.world(small_world()))
    assert guarded.submit(wanted, actor="eve").reason_code is ReasonCode.AUTH_DENIED
    assert guarded.submit(wanted, actor="ann").state is RunState.READY
    assert {len(event.event_id) for event in lab.ledger(RUN).events} == {64}
    assert not lab.runner().audit(RUN).findings


def test_a_reemit_gives_the_time_of_the_reemit_and_the_stored_signal_stays(lab: Lab) -> None:
    lab.reuse(small_world())
    stored = lab.document("ready_signal", RUN)
    lab.clock.sleep(3600)
    assert lab.runner().reemit(RUN).reason_code is None
    again = lab.published()[-1].payload
    assert again["emitted_at_utc"] > stored["emitted_at_utc"] == stamp(lab, "EVIDENCE_COMPLETE")
    assert lab.document("ready_signal", RUN) == stored


def test_the_decision_names_the_judge_of_every_gate_and_consumers_read_of_them_as_before(lab: Lab) -> None:
    lab.reuse(small_world())
    event = lab.ledger(RUN).first("EVIDENCE_COMPLETE")
    assert event is not None
    judges = event.details["judges"]
    assert "laws" not in event.details
    assert [one["gate_id"] for one in judges] == ["gate.a", "gate.b", "gate.c"]
    assert {one["distribution"] for one in judges} == {"scenario-runner"}
    notes = [f"GATE_LAW:{one['gate_id']}:{one['kind']}:scenario-runner==1.2.3" for one in judges]
    assert set(notes) <= set(lab.document("run_facts_view", RUN)["evidence_notes"])
    told = lab.ledger(RUN).first("GOV_LAW_PROVENANCE")
    assert told is not None
    assert {gate: law["kind"] for gate, law in told.details["laws"].items()} == {
        one["gate_id"]: one["kind"] for one in judges
    }


def test_a_record_that_names_laws_is_read_as_naming_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for revision in (1, 2):
        by(monkeypatch, revision)
        lab = Lab.memory(tmp_path / str(revision))
        lab.reuse(small_world())
        by(monkeypatch, 2)
        told = json.loads(json.dumps(lab.runner().explain(RUN).document()))
        found.append([(gate["id"], gate["verdict"], gate["provided_by"]) for gate in told["gates"]])
    assert found[0] == found[1]
