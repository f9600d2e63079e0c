"""A record that lost events: what others know beside it stops the run, and `sr recover` never makes it READY twice.

Spec: behaviour, "Truth behind the index". Each loss has its innocent twin: what a crash leaves.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.layout import store_identity_key
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Settings
from sr_ports import BadInput, Fault, NotFound, ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.kit import BASE, Lab, request
from tests.signing import Paper
from tests.worlds import FLAG, small_world

RUN, SECOND = run_id_for("key"), run_id_for("key.2")
RECORD, VIEW = f"{BASE}/run_record/{RUN}.jsonl", f"{BASE}/run_facts_view/{RUN}.json"
STATUS, SIGNAL = f"{BASE}/run_status/{RUN}.json", f"{BASE}/ready_signal/{RUN}.json"
LATE = f"gates/gate.b/{FLAG}"


def ready(lab: Lab) -> Lab:
    assert lab.reuse(small_world()).state is RunState.READY
    return lab


def waits(lab: Lab) -> Lab:
    files = small_world()
    del files[LATE]
    assert lab.reuse(files).state is RunState.WAITING_EVIDENCE
    return lab


def drop(lab: Lab, *keys: str) -> None:
    for key in keys:
        lab.store.delete(key)


def cut(lab: Lab, before: str) -> None:
    """The record as it was before it had the first event of this kind."""
    data = lab.store.read(RECORD).data
    at = lab.ledger(RUN).first(before).seq  # type: ignore[union-attr]
    put(lab, RECORD, b"".join(data.splitlines(keepends=True)[:at]))


def put(lab: Lab, key: str, data: bytes) -> None:
    lab.store.delete(key)
    lab.store.create(key, data)


def recover(lab: Lab, run: str = RUN, **changes: Any) -> Outcome:
    told = {"reason": "the bucket was restored", "actor": "oncall", **changes}
    return lab.runner().recover_run(run, **told)


def readies(lab: Lab, run_id: str = RUN) -> set[str]:
    heard = (one for one in lab.published() if one.attributes["run_id"] == run_id)
    return {one.message_id for one in heard if one.attributes["kind"].startswith("READY")}


def is_lost(lab: Lab) -> None:
    """The run ended, for good: nothing says READY of it, and a new run supersedes it."""
    heard = readies(lab)
    assert lab.ledger(RUN).state is RunState.FAILED
    for answer in (lab.reuse(small_world()), lab.runner().resume(RUN), lab.runner().status(RUN), recover(lab)):
        assert (answer.state, answer.reason_code) == (RunState.FAILED, ReasonCode.TRUTH_LOST)
    status = lab.document("run_status", RUN)
    assert (status["state"], status["reason_code"]) == ("FAILED", "TRUTH_LOST")
    audit = lab.runner().audit(RUN)
    assert audit.findings == ()
    stands = [key for key in (VIEW, SIGNAL) if lab.store.read(key) is not None]
    assert [one.where for one in audit.lost] == [key for key in (*plans(lab), VIEW, SIGNAL) if lab.store.read(key)]
    assert all(one.what.startswith("LOST") for one in audit.lost)
    if stands:
        with pytest.raises(Fault) as caught:
            lab.runner().facts(RUN)
        assert caught.value.code is ReasonCode.TRUTH_LOST
        assert f"sr retry {RUN}" in caught.value.remedy
    assert readies(lab) == heard
    done = lab.runner().retry(RUN)
    assert (done.run_id, done.state) == (SECOND, RunState.READY)
    assert lab.runner().retry(RUN).run_id == SECOND
    assert lab.runner().status(RUN).superseded_by == (SECOND,)
    assert readies(lab) == heard
    assert [one.attributes["run_id"] for one in lab.published() if one.attributes["kind"] == "RUN_SUPERSEDED"] == [RUN]
    assert not any(lab.runner().audit(one).findings for one in lab.runner().recorded_runs())


def plans(lab: Lab) -> list[str]:
    """The plan's key, where the record that is left has no plan."""
    return [] if lab.ledger(RUN).first("PLAN_COMMITTED") else [f"{BASE}/run_plan/{RUN}.json"]


def test_a_ready_run_whose_record_is_gone_ends_and_is_superseded_by_its_retry(any_lab: Lab) -> None:
    ready(any_lab)
    intent = any_lab.ledger(RUN).first("RUN_ACCEPTED").details["intent"]  # type: ignore[union-attr]
    drop(any_lab, RECORD)
    done = recover(any_lab)
    assert (done.state, done.reason_code) == (RunState.FAILED, ReasonCode.TRUTH_LOST)
    first, *others = any_lab.ledger(RUN).events
    assert (first.event_kind, first.details["intent"], first.actor) == ("TRUTH_LOST", intent, "oncall")
    assert {one.event_kind for one in others} == {"GOV_LOSS_ACCEPTED"}
    knows = "; ".join(first.details["knows"])
    for side in ("the index has known the run as READY and settled", "the control bus has its READY", VIEW, SIGNAL):
        assert side in knows
    is_lost(any_lab)


def test_the_status_of_the_history_that_was_lost_is_kept(lab: Lab) -> None:
    stood = ready(lab).store.read(STATUS).data
    drop(lab, RECORD)
    recover(lab)
    kept = lab.store.read(f"{BASE}/quarantine/set_aside/{sha256_hex(stood)}")
    assert kept.data == stood
    (given_up,) = [one for one in lab.ledger(RUN).all("GOV_LOSS_ACCEPTED") if one.details["artifact_ref"] == STATUS]
    assert given_up.details["digest"] == sha256_hex(lab.store.read(STATUS).data)


@pytest.mark.parametrize("before", ["PLAN_COMMITTED", "EVIDENCE_STARTED", "EVIDENCE_COMPLETE"])
def test_a_ready_run_that_was_rolled_back_behind_its_decision_ends(lab: Lab, before: str) -> None:
    cut(ready(lab), before)
    assert recover(lab).reason_code is ReasonCode.TRUTH_LOST
    assert lab.ledger(RUN).first("RUN_ACCEPTED") is not None
    is_lost(lab)


@pytest.mark.parametrize("before", ["READY_COMMITTED", "READY_PUBLISHED"])
def test_one_that_still_has_its_decision_is_the_same_ready(lab: Lab, before: str) -> None:
    heard, view = readies(ready(lab)), lab.store.read(VIEW).data
    cut(lab, before)
    done = recover(lab)
    assert (done.state, done.published) == (RunState.READY, True)
    assert "GOV_LOSS_ACCEPTED" in lab.kinds(RUN)
    assert (readies(lab), lab.store.read(VIEW).data) == (heard, view)
    assert lab.runner().audit(RUN).findings == ()


def test_an_emptied_store_under_an_index_that_knows_the_run_as_ready(lab: Lab) -> None:
    drop(ready(lab), *(one for one in lab.truth() if one != store_identity_key()))
    assert recover(lab).reason_code is ReasonCode.TRUTH_LOST
    is_lost(lab)


def test_which_store_this_is_is_decided_before_anything_of_a_run(lab: Lab) -> None:
    drop(ready(lab), *lab.truth())
    with pytest.raises(Fault) as caught:
        recover(lab)
    assert (caught.value.code, lab.truth()) == (ReasonCode.TRUTH_ROLLED_BACK, {})
    assert "recover --store" in str(caught.value.remedy)


def test_where_the_index_is_lost_too_what_stands_tells_and_the_retry_needs_the_request(lab: Lab) -> None:
    drop(ready(lab), RECORD)
    lab.authority = MemoryAuthority(lab.clock.now)
    assert recover(lab).reason_code is ReasonCode.TRUTH_LOST
    with pytest.raises(BadInput) as caught:
        lab.runner().retry(RUN)
    assert caught.value.code is ReasonCode.REQUEST_INVALID
    with pytest.raises(BadInput):
        lab.runner().retry(RUN, request("other"))
    done = lab.runner().retry(RUN, request(engine_run_root=lab.world(small_world())))
    assert (done.run_id, done.state) == (SECOND, RunState.READY)
    assert lab.runner().status(RUN).superseded_by == (SECOND,)


@pytest.mark.parametrize("data", [b"", b"junk\n", b"{}\n", b"\xff", None])
def test_a_record_that_is_none_is_kept_and_the_run_ends(lab: Lab, data: bytes | None) -> None:
    """`None`: the record of another run, whole, in its place."""
    ready(lab)
    if data is None:
        assert lab.runner().submit(request("other", engine_run_root=lab.world(small_world()))).state is RunState.READY
        data = lab.store.read(RECORD.replace(RUN, run_id_for("other"))).data
    put(lab, RECORD, data)
    assert recover(lab).reason_code is ReasonCode.TRUTH_LOST
    if data:
        assert lab.store.read(f"{BASE}/quarantine/set_aside/{sha256_hex(data)}").data == data


def test_what_a_crash_left_without_a_record_is_not_lost(lab: Lab) -> None:
    """A worker died between the key and the record."""
    plan = CrashPlan()
    ports = {"store": lab.store, "authority": lab.authority, "bus": lab.bus}
    rehearsed = Lab.memory(lab.root)
    inner = {"store": rehearsed.store, "authority": rehearsed.authority, "bus": rehearsed.bus}
    rehearsed.runner(**crash(inner, plan)).submit(request(engine_run_root=lab.world(small_world())))
    (at, *_) = [call.index for call in plan.trace if call.method == "acquire"]
    with pytest.raises(Died):
        cut_off = lab.runner(**crash(ports, CrashPlan(at=at, mode=Mode.AFTER)))
        cut_off.submit(request(engine_run_root=lab.world(small_world())))
    lab.lapse()
    done = recover(lab)
    assert done.state is RunState.READY
    assert "GOV_LOSS_ACCEPTED" not in lab.kinds(RUN)


def test_a_sound_run_goes_on_as_resume_does(lab: Lab) -> None:
    waits(lab)
    before = lab.kinds(RUN)
    assert recover(lab).state is RunState.WAITING_EVIDENCE
    assert lab.kinds(RUN) == before
    lab.world(small_world())
    assert recover(lab).state is RunState.READY
    assert recover(lab).state is RunState.READY
    assert "GOV_LOSS_ACCEPTED" not in lab.kinds(RUN)
    with pytest.raises(NotFound):
        recover(lab, "0" * 32)


def test_what_was_planted_beside_a_sound_record_is_not_taken_for_its_loss(lab: Lab) -> None:
    waits(lab)
    put(lab, VIEW, b"{}")
    with pytest.raises(Fault) as caught:
        recover(lab)
    assert caught.value.code is ReasonCode.TRUTH_ALTERED
    assert f"--artifact {VIEW}" in caught.value.remedy
    assert lab.ledger(RUN).state is not RunState.FAILED


def test_another_ready_on_the_bus_than_the_records(lab: Lab) -> None:
    ready(lab)
    other = Lab.memory(lab.root)
    files = small_world()
    files[f"data/events/seed=7/manifest_fingerprint={'a' * 64}/part-0.bin"] = b"other events"
    other.reuse(files)
    lab.world(small_world())
    for one in other.published():
        lab.bus.publish(one)
    lab.store.delete("fraud-platform/_store.json")
    lab.store.create("fraud-platform/_store.json", other.store.read("fraud-platform/_store.json").data)
    with pytest.raises(Fault) as caught:
        recover(lab)
    assert caught.value.code is ReasonCode.TRUTH_LOST


class Denied:
    """A bus that this role may not read."""

    def __init__(self, bus: Any, code: ReasonCode) -> None:
        self._bus, self._code = bus, code

    def tail(self, *args: Any, **kwargs: Any) -> Any:
        raise Unreachable(self._code, "no")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)


def test_a_bus_that_is_away_is_waited_for_and_nothing_is_written(lab: Lab) -> None:
    drop(ready(lab), RECORD)
    runner = lab.runner(bus=Denied(lab.bus, ReasonCode.BUS_UNREACHABLE))
    with pytest.raises(Unreachable):
        runner.recover_run(RUN, reason="r", actor="oncall")
    assert lab.store.read(RECORD) is None
    told = lab.runner(bus=Denied(lab.bus, ReasonCode.BUS_DENIED)).recover_run(RUN, reason="r", actor="oncall")
    assert told.reason_code is ReasonCode.TRUTH_LOST
    assert "was not asked" in told.message


def test_only_who_may_recover_does_and_only_with_a_reason(lab: Lab) -> None:
    drop(ready(lab), RECORD)
    rights = Settings(submitters=frozenset({"ann"}), recoverers=frozenset({"oncall"}))
    told = lab.runner(settings=rights).recover_run(RUN, reason="r", actor="ann")
    assert (told.reason_code, told.action) == (ReasonCode.AUTH_DENIED, "recover")
    assert lab.ledger(RUN).state is None
    with pytest.raises(BadInput):
        recover(lab, reason=" ")
    lab.authority.acquire(RUN, "another", ttl_s=60)
    assert recover(lab).reason_code is ReasonCode.LEASE_BUSY
    lab.lapse()
    assert lab.runner(settings=rights).recover_run(RUN, reason="r", actor="oncall").state is RunState.FAILED


def test_the_key_stays_bound_when_the_index_is_rebuilt(lab: Lab) -> None:
    drop(ready(lab), RECORD)
    recover(lab)
    lab.authority = MemoryAuthority(lab.clock.now)
    assert lab.runner().rebuild_index() == 1
    assert lab.reuse(small_world()).reason_code is ReasonCode.TRUTH_LOST
    assert json.loads(lab.store.read(STATUS).data)["state"] == "FAILED"


def test_plan_and_attestation_that_are_gone_are_written_again_from_the_record(lab: Lab) -> None:
    runner = lab.runner(signer=Paper())
    assert runner.submit(request(engine_run_root=lab.world(small_world()))).state is RunState.READY
    keys = (f"{BASE}/run_plan/{RUN}.json", f"{BASE}/attestation/{RUN}.dsse.json", VIEW, SIGNAL)
    stood = {key: lab.store.read(key).data for key in keys}
    drop(lab, *keys)
    assert lab.runner().resume(RUN).state is RunState.READY
    (left,) = lab.runner().audit(RUN).findings
    assert (left.code, left.where) == (ReasonCode.ATTESTATION_MISSING, keys[1])  # only its signer can give it again
    assert lab.runner(signer=Paper()).resume(RUN).state is RunState.READY
    assert {key: lab.store.read(key).data for key in keys} == stood
    assert lab.runner().audit(RUN).findings == ()
