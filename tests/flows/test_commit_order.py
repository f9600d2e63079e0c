"""The order of the commit, as the ports see it (spec: behaviour, "Commit order")."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sr_domain.record.layout import store_identity_key
from sr_domain.record.states import RunState
from sr_ports import Envelope, Fault, ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, crash
from tests.kit import BASE, Lab, request
from tests.worlds import small_world

PLACES = ("run_record", "run_facts_view", "run_status", "ready_signal", "run_plan")


class Recording:
    """A port that remembers its writing calls, and what the record said at each."""

    def __init__(self, port: Any, calls: list[str]) -> None:
        self._port, self._calls = port, calls

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if method not in ("create", "replace", "renew", "publish", "release", "acquire", "admit"):
            return found

        def recorded(*args: Any, **kwargs: Any) -> Any:
            self._calls.append(_told(method, args))
            return found(*args, **kwargs)

        return recorded


def _told(method: str, args: tuple[Any, ...]) -> str:
    """A write by the folder of its key; a record by the kind of its last event, a status by its state."""
    if method not in ("create", "replace"):
        return method
    key, data = args
    if key == store_identity_key():
        return "identity"
    place = next((one for one in PLACES if f"/{one}/" in key), key.split("/")[3])
    if place == "run_record":
        return f"record {json.loads(data.splitlines()[-1])['event_kind']}"
    return f"status {json.loads(data)['state']}" if place == "run_status" else place


def calls_of(lab: Lab) -> list[str]:
    calls: list[str] = []
    ports: dict[str, Any] = {name: Recording(getattr(lab, name), calls) for name in ("store", "authority", "bus")}
    outcome = lab.runner(**ports).submit(request(engine_run_root=lab.world(small_world())))
    assert outcome.state is RunState.READY
    return calls


def test_ready_is_committed_in_the_order_of_the_spec(any_lab: Lab) -> None:
    calls = calls_of(any_lab)
    assert calls[:3] == ["identity", "admit", "acquire"]
    assert calls[calls.index("renew") :] == [
        "renew",
        "record EVIDENCE_COMPLETE",
        "run_facts_view",
        "status READY",
        "record GOV_LAW_PROVENANCE",
        "ready_signal",
        "publish",
        "record READY_PUBLISHED",
        "release",
    ]


def test_receipts_are_written_before_the_decision_and_the_record_before_all(any_lab: Lab) -> None:
    calls = calls_of(any_lab)
    writes = [call for call in calls if call not in ("admit", "acquire", "renew", "publish", "release")]
    assert writes[0] == "identity"
    assert writes[1].startswith("record")
    assert max(at for at, call in enumerate(writes) if call == "instance_receipts") < writes.index(
        "record EVIDENCE_COMPLETE"
    )


def test_the_record_commits_ready_with_its_governance_facts_in_one_write(lab: Lab) -> None:
    calls_of(lab)
    kinds = lab.kinds(lab.runner().submit(request()).run_id)
    at = kinds.index("READY_COMMITTED")
    assert kinds[at : at + 3] == ["READY_COMMITTED", "GOV_BUNDLE_HASH", "GOV_LAW_PROVENANCE"]


class DeadBus:
    """Takes nothing."""

    def publish(self, envelope: Envelope) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "no bus")


def test_a_publish_that_failed_leaves_the_run_ready_and_is_finished_later(any_lab: Lab) -> None:
    root = any_lab.world(small_world())
    first = any_lab.runner(bus=DeadBus()).submit(request(engine_run_root=root))
    assert (first.state, first.published) == (RunState.READY, False)
    signal = any_lab.document("ready_signal", first.run_id)
    assert "READY_PUBLISH_FAILED" in any_lab.kinds(first.run_id)
    again = any_lab.runner(bus=DeadBus()).submit(request())
    assert (again.state, again.published) == (RunState.READY, False)
    done = any_lab.runner().resume(first.run_id)
    assert (done.state, done.published) == (RunState.READY, True)
    (message,) = any_lab.published()
    assert (message.message_id, dict(message.payload)) == (signal["message_id"], signal)


def test_before_the_facts_view_nothing_downstream_can_be_seen(lab: Lab) -> None:
    """Cut before every call: whoever sees a signal or a message also sees the view and a READY status."""
    from sr_ports.conformance.crash import Died

    root = lab.world(small_world())
    counted = CrashPlan()
    names = ("store", "authority", "bus")
    lab.runner(**crash({name: getattr(lab, name) for name in names}, counted)).submit(request(engine_run_root=root))
    for at in range(counted.calls):
        fresh = Lab.memory(lab.root)
        cut = crash({name: getattr(fresh, name) for name in names}, CrashPlan(at))
        with pytest.raises(Died):
            fresh.runner(**cut).submit(request(engine_run_root=root))
        kinds = {key.split("/")[3] for key in fresh.truth() if key != store_identity_key()}
        if "ready_signal" in kinds or fresh.published():
            assert {"run_facts_view", "run_status"} <= kinds
        if "run_facts_view" not in kinds:
            assert not fresh.published()
            assert not any(b'"READY"' in data for key, data in fresh.truth().items() if "/run_status/" in key)


def test_a_facts_view_whose_record_is_gone_is_a_fault_and_nothing_is_written(any_lab: Lab) -> None:
    """Somebody half-deleted the store: nobody may write another history under a view that consumers read."""
    run_id = any_lab.reuse(small_world()).run_id
    any_lab.never_released()
    any_lab.store.delete(f"{BASE}/run_record/{run_id}.jsonl")
    any_lab.store.delete(f"{BASE}/run_status/{run_id}.json")
    before = any_lab.truth()
    for again in (False, True):
        with pytest.raises(Fault) as caught:
            any_lab.reuse(small_world()) if again else any_lab.runner().resume(run_id)
        assert caught.value.code is ReasonCode.TRUTH_MISSING
        assert any_lab.truth() == before


def test_a_record_that_lost_its_decision_adopts_nothing_that_stands(any_lab: Lab) -> None:
    """The status of the READY that was is not one that the record derives: the run rests."""
    run_id = any_lab.reuse(small_world()).run_id
    any_lab.never_released()
    key = f"{BASE}/run_record/{run_id}.jsonl"
    whole = any_lab.store.read(key).data.splitlines(keepends=True)
    cut = next(at for at, line in enumerate(whole) if b'"EVIDENCE_COMPLETE"' in line)
    any_lab.store.delete(key)
    any_lab.store.create(key, b"".join(whole[:cut]))
    before = any_lab.truth()
    with pytest.raises(Fault) as caught:
        any_lab.runner().resume(run_id)
    assert caught.value.code is ReasonCode.TRUTH_ALTERED
    assert any_lab.ledger(run_id).state is RunState.VERIFYING
    assert any_lab.truth() == before | {key: any_lab.truth()[key]}
    assert len(any_lab.published()) == 1


def test_a_record_that_lost_its_decision_decides_again_where_the_view_alone_stands(any_lab: Lab) -> None:
    """The twin: the same evidence gives the same view, which is the record's from its decision on."""
    run_id = any_lab.reuse(small_world()).run_id
    any_lab.never_released()
    view, key = any_lab.document("run_facts_view", run_id), f"{BASE}/run_record/{run_id}.jsonl"
    whole = any_lab.store.read(key).data.splitlines(keepends=True)
    cut = next(at for at, line in enumerate(whole) if b'"EVIDENCE_COMPLETE"' in line)
    for gone in (key, f"{BASE}/run_status/{run_id}.json", f"{BASE}/ready_signal/{run_id}.json"):
        any_lab.store.delete(gone)
    any_lab.store.create(key, b"".join(whole[:cut]))
    any_lab.clock.sleep(5)
    assert any_lab.runner().resume(run_id).state is RunState.READY
    assert any_lab.document("run_facts_view", run_id) == view
    assert all("adopted" not in event.details for event in any_lab.ledger(run_id).events)
    assert len({one.message_id for one in any_lab.published()}) == 1


@pytest.mark.parametrize("planted", [b"{", b"{}", b"[]", b'{"run_id": 1, "run_id": 2}', None])
def test_what_is_not_this_runs_view_is_never_adopted(any_lab: Lab, planted: bytes | None) -> None:
    """`None`: another run's own sound view, copied to this run's place."""
    run_id = any_lab.reuse(small_world()).run_id
    any_lab.never_released()
    other = any_lab.reuse(small_world(), run_equivalence_key="other").run_id
    key = f"{BASE}/run_record/{run_id}.jsonl"
    whole = any_lab.store.read(key).data.splitlines(keepends=True)
    cut = next(at for at, line in enumerate(whole) if b'"EVIDENCE_COMPLETE"' in line)
    view = any_lab.truth()[f"{BASE}/run_facts_view/{other}.json"] if planted is None else planted
    for place, data in ((key, b"".join(whole[:cut])), (f"{BASE}/run_facts_view/{run_id}.json", view)):
        any_lab.store.delete(place)
        any_lab.store.create(place, data)
    before = any_lab.truth()
    with pytest.raises(Fault) as caught:
        any_lab.runner().resume(run_id)
    assert caught.value.code is ReasonCode.TRUTH_ALTERED
    assert any_lab.truth() == before | {key: any_lab.truth()[key]}
    assert any_lab.ledger(run_id).state is not RunState.READY
