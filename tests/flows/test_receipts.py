"""Receipts only of proven bytes: who leaves one, what stands in the way, and how an orphan is set aside."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import run_id_for
from sr_domain.flows import advance
from sr_domain.flows.rests_on import Resting, resting_on
from sr_domain.record.layout import Layout
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Settings
from sr_ports import BadInput, Fault, LeaseLost, ReasonCode, Unreachable
from tests.flows.test_one_observation import OnFiles, Watched
from tests.kit import BASE, PLATFORM, WAIT_S, Lab, request
from tests.worlds import DAILY, EVENTS, FLAG, PH, gate, law, pack, small_world

RUN = run_id_for("key")
PART = f"{EVENTS}/part-0.bin"
OTHER = {PART: b"other events"}
R = ReasonCode


def recover(lab: Lab, run_id: str = RUN, output: str = "events", **changes: Any) -> Outcome:
    told = {"reason": "left by a crash", "actor": "ann", **changes}
    runner = lab.runner(settings=told.pop("settings", None))
    return runner.recover_receipt(run_id, output, **told)


def receipts(lab: Lab) -> dict[str, bytes]:
    return {key: data for key, data in lab.truth().items() if "/instance_receipts/" in key or "/part_lists/" in key}


def receipt_of(lab: Lab, output: str = "events") -> str:
    (key,) = [key for key in receipts(lab) if f"output_id={output}/" in key]
    return key


def put(lab: Lab, key: str, data: bytes) -> None:
    lab.store.delete(key)
    lab.store.create(key, data)


def crashed(lab: Lab, files: dict[str, bytes] | None = None, key: str = "crashed") -> str:
    """A run that wrote its receipts and died before its decision; its id."""
    root = lab.world(files or small_world(), "crashed")

    def die(*parts: Any) -> None:
        raise Unreachable(R.STORE_UNREACHABLE, "died")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Unreachable):
        patch.setattr(advance, "decide_ready", die)
        lab.runner().submit(request(key, engine_run_root=root))
    lab.lapse()
    return run_id_for(key)


def orphaned(lab: Lab, **changes: Any) -> Outcome:
    """A sound run of a scope in which a crashed run of other bytes left its receipt."""
    crashed(lab, {**small_world(), **OTHER})
    return lab.reuse(small_world(), **changes)


# --- who leaves a receipt ---

MISSING = {f"gates/gate.a/{FLAG}": None}
SPOILT = {"gates/gate.a/z.csv": b"1,3"}


@pytest.mark.parametrize(
    ("changes", "policy", "state"),
    [
        (MISSING, {}, RunState.WAITING_EVIDENCE),
        (MISSING, {"evidence_wait_seconds": 0}, RunState.FAILED),
        (SPOILT, {}, RunState.QUARANTINED),
        ({"_oracle_pack_manifest.json": b"{}"}, {}, RunState.FAILED),
    ],
    ids=["waiting", "failed at the deadline", "conflicting", "failed"],
)
def test_a_run_that_is_not_ready_leaves_no_receipt_and_the_next_of_its_scope_is_ready(
    any_lab: Lab, changes: dict[str, bytes | None], policy: dict[str, Any], state: RunState
) -> None:
    files = {**small_world(), **OTHER, **changes}
    root = any_lab.world({path: data for path, data in files.items() if data is not None}, "bad")
    outcome = any_lab.runner(policy=policy).submit(request("bad", engine_run_root=root))
    assert outcome.state is state
    assert receipts(any_lab) == {}
    assert any_lab.reuse(small_world()).state is RunState.READY
    assert not any_lab.runner().audit(RUN).findings


def test_a_run_whose_evidence_changes_after_the_last_read_leaves_no_receipt(lab: Lab) -> None:
    root = OnFiles(lab.world({**small_world(), **OTHER}))
    late = Watched(root, f"{EVENTS}/part-1.bin", lambda: root.put(PART, b"events 0"))
    outcome = lab.runner(roots=late).submit(request(engine_run_root=root.uri))
    assert outcome.reason_code is R.EVIDENCE_UNSTABLE
    assert receipts(lab) == {}
    ready = lab.runner().resume(RUN)
    assert ready.state is RunState.READY
    assert not lab.runner().audit(RUN).findings


def test_a_run_that_meets_drift_leaves_no_receipt_of_its_other_outputs(lab: Lab) -> None:
    first = lab.runner().submit(request("first", engine_run_root=lab.world(small_world()), output_ids=["events"]))
    assert first.state is RunState.READY
    before = receipts(lab)
    drifted = lab.reuse({**small_world(), **OTHER}, key="second")
    assert (drifted.state, drifted.reason_code) == (RunState.FAILED, R.INSTANCE_RECEIPT_DRIFT)
    assert receipts(lab) == before
    lab.world({f"{DAILY}/part-0.bin": b"daily 0"})
    assert lab.reuse(small_world(), key="third").state is RunState.READY


# --- drift and orphans ---


def test_drift_ends_the_run_and_names_those_that_rest_on_what_stands(any_lab: Lab) -> None:
    rest_on = [any_lab.reuse(small_world(), run_equivalence_key=name).run_id for name in ("one", "two")]
    outcome = any_lab.reuse({**small_world(), **OTHER}, key="third")
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, R.INSTANCE_RECEIPT_DRIFT)
    (kept,) = any_lab.document("quarantine", outcome.run_id)["conflicts"]
    assert kept["changes"]["resting"] == sorted(rest_on)
    assert kept["changes"]["resting_count"] == 2
    assert kept["changes"]["changed"] == ["part-0.bin"]
    assert f"by run {min(rest_on)} and 1 more" in outcome.message
    assert f"by run {min(rest_on)}" in any_lab.runner().explain(outcome.run_id).detail
    assert not any_lab.runner().audit(outcome.run_id).findings


def test_a_receipt_left_by_a_crash_rests_the_next_run_whatever_the_deadline(any_lab: Lab) -> None:
    outcome = orphaned(any_lab)
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, R.INSTANCE_RECEIPT_ORPHAN)
    assert f"sr recover {outcome.run_id} --receipt events --accept-loss --reason R" in outcome.remedy
    assert outcome.message.startswith("events: no decision rests on the receipt")
    before = any_lab.truth()
    any_lab.clock.sleep(WAIT_S * 2)
    for again in (any_lab.runner().submit(request()), any_lab.runner().resume(RUN)):
        assert (again.state, again.reason_code, again.message) == (outcome.state, outcome.reason_code, outcome.message)
    assert any_lab.truth() == before
    due = any_lab.runner().due_runs()
    mine = [one for one in due.claim(limit=9, for_s=60) if one.run_id == RUN]  # leases of files go by real time
    assert [due.work(one).reason_code for one in mine] in ([], [outcome.reason_code])
    assert any_lab.truth() == before
    assert not any_lab.runner().audit(RUN).findings


def test_a_receipt_left_by_a_crash_of_the_same_bytes_is_the_next_runs_too(any_lab: Lab) -> None:
    crashed(any_lab)
    before = receipts(any_lab)
    assert any_lab.reuse(small_world()).state is RunState.READY
    assert receipts(any_lab) == before


def test_a_run_whose_own_receipt_was_left_by_its_crash_rests_when_its_bytes_are_others(any_lab: Lab) -> None:
    run_id = crashed(any_lab)
    any_lab.world(OTHER, "crashed")
    outcome = any_lab.runner().resume(run_id)
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, R.INSTANCE_RECEIPT_ORPHAN)
    assert recover(any_lab, run_id).state is RunState.READY
    assert not any_lab.runner().audit(run_id).findings


def test_a_planted_receipt_ends_no_run(lab: Lab) -> None:
    first = lab.reuse(small_world(), run_equivalence_key="first")
    planted = json.loads(lab.store.read(receipt_of(lab)).data)
    planted["target_digest"]["hex"] = planted["target_ref"]["content_digest"]["hex"] = "0" * 64
    put(lab, receipt_of(lab), json.dumps(planted).encode())
    outcome = lab.reuse(small_world())
    assert outcome.reason_code is R.INSTANCE_RECEIPT_ORPHAN
    assert [one.where for one in lab.runner().audit(first.run_id).findings] == [receipt_of(lab)]
    assert recover(lab).state is RunState.READY
    for run_id in (first.run_id, RUN):
        assert not lab.runner().audit(run_id).findings


@pytest.mark.parametrize("outputs", [["events"], ["events", "daily", "world"]], ids=["one receipt", "several"])
def test_an_orphan_is_met_however_many_receipts_a_run_has(lab: Lab, outputs: list[str]) -> None:
    crashed(lab, {**small_world(), **OTHER})
    before = receipts(lab)
    assert lab.reuse(small_world(), output_ids=outputs).reason_code is R.INSTANCE_RECEIPT_ORPHAN
    assert {key for key in receipts(lab) if "/instance_receipts/" in key} == {
        key for key in before if "/instance_receipts/" in key
    }
    assert recover(lab).state is RunState.READY


def test_a_planted_receipt_names_no_key_that_is_read(lab: Lab) -> None:
    lab.reuse(small_world(), run_equivalence_key="first")
    planted = json.loads(lab.store.read(receipt_of(lab)).data)
    planted["target_digest"]["hex"] = "0" * 64
    planted["bundle_manifest_ref"] = "../etc/passwd"
    put(lab, receipt_of(lab), json.dumps(planted).encode())
    assert lab.reuse(small_world()).reason_code is R.INSTANCE_RECEIPT_ORPHAN


def spoil(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def spoilt(data: bytes) -> bytes:
        node = json.loads(data)
        change(node)
        return json.dumps(node).encode()

    return spoilt


@pytest.mark.parametrize(
    ("spoilt", "is_one"),
    [
        (spoil(lambda node: node.update(artifcats=node.pop("artifacts"))), False),
        (spoil(lambda node: node.pop("target_digest")), False),
        (lambda data: data[:-1], False),
        (lambda data: b"", False),
        (lambda data: b"[" * 100_000, False),
        (lambda data: data[:-1] + b" " * (1 << 20) + b"}", False),
        (lambda data: data[:-1] + b',"notes":"n"}', True),
        (lambda data: data + b"\n", True),
    ],
    ids=["a misspelt key", "no digest", "cut off", "empty", "over-deep", "too large", "twin: a note", "twin: an end"],
)
def test_what_is_no_receipt_ends_no_run_and_is_set_aside(
    lab: Lab, spoilt: Callable[[bytes], bytes], is_one: bool
) -> None:
    first = lab.reuse(small_world(), run_equivalence_key="first").run_id
    key = receipt_of(lab)
    sound, junk = lab.store.read(key).data, spoilt(lab.store.read(key).data)
    put(lab, key, junk)
    outcome = lab.reuse(small_world())
    assert [one.where for one in lab.runner().audit(first).findings] == ([] if is_one else [key])
    if is_one:
        assert outcome.state is RunState.READY
        return
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, R.INSTANCE_RECEIPT_ORPHAN)
    assert lab.store.read(key).data == junk
    assert recover(lab).state is RunState.READY
    assert lab.truth()[f"{BASE}/quarantine/set_aside/{sha256_hex(junk)}.json"] == junk
    assert json.loads(lab.store.read(key).data)["target_digest"] == json.loads(sound)["target_digest"]
    assert not lab.runner().audit(first).findings


def test_a_part_list_that_stands_under_its_name_with_other_bytes_is_named(lab: Lab) -> None:
    lab.reuse(small_world(), run_equivalence_key="first")
    (key,) = [key for key in receipts(lab) if "/part_lists/" in key]
    put(lab, key, b"[]")
    with pytest.raises(Fault) as caught:
        lab.reuse(small_world())
    assert (caught.value.code, key in caught.value.what) == (R.TRUTH_ALTERED, True)


def test_a_record_that_cannot_be_read_and_names_the_receipt_decides_nothing(lab: Lab) -> None:
    first = lab.reuse(small_world(), run_equivalence_key="first").run_id
    key = f"{BASE}/run_record/{first}.jsonl"
    data = lab.store.read(key).data
    put(lab, key, data[:-5])
    with pytest.raises(Fault) as caught:
        lab.reuse({**small_world(), **OTHER})
    assert (caught.value.code, first in caught.value.what) == (R.RECORD_INVALID, True)
    put(lab, key, data)
    assert lab.runner().resume(RUN).reason_code is R.INSTANCE_RECEIPT_DRIFT


def test_views_are_not_believed_where_runs_are_looked_up(lab: Lab) -> None:
    """A facts view of a run that decided nothing states the planted receipt; no record does."""
    outcome = orphaned(lab)
    view = {"instance_receipts": [json.loads(lab.store.read(receipt_of(lab)).data)]}
    lab.store.create(f"{BASE}/run_facts_view/{'c' * 32}.json", json.dumps(view).encode())
    assert lab.runner().submit(request()).reason_code is R.INSTANCE_RECEIPT_ORPHAN
    assert outcome.reason_code is R.INSTANCE_RECEIPT_ORPHAN


# --- two runs of one scope ---


def test_of_two_that_race_the_second_rests_until_the_first_decides_and_then_fails(any_lab: Lab) -> None:
    first = crashed(any_lab)
    second = any_lab.reuse({**small_world(), **OTHER})
    assert second.reason_code is R.INSTANCE_RECEIPT_ORPHAN
    assert any_lab.runner().resume(first).state is RunState.READY
    ended = any_lab.runner().resume(RUN)
    assert (ended.state, ended.reason_code) == (RunState.FAILED, R.INSTANCE_RECEIPT_DRIFT)
    assert first in ended.message


def test_of_two_at_the_same_time_one_is_ready_and_the_other_never(any_lab: Lab) -> None:
    """Several rounds, each of a scope of its own: whoever comes first, no two READY runs differ in their bytes."""
    for seed in range(4):
        scope = {"seed": seed, "output_ids": ["events"]}
        place = EVENTS.replace("seed=7", f"seed={seed}")
        sound = {path: data for path, data in small_world().items() if path != "run_receipt.json"}
        worlds = [{**sound, f"{place}/part-0.bin": data} for data in (b"one", b"two")]
        roots = [any_lab.world(files, f"{seed}-{at}") for at, files in enumerate(worlds)]
        start = threading.Barrier(2)

        def submit(at: int, seed: int = seed, scope: Any = scope, roots: Any = roots, start: Any = start) -> Outcome:
            start.wait(10)
            return any_lab.runner().submit(request(f"{seed}-{at}", engine_run_root=roots[at], **scope))

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(submit, (0, 1)))
        ended = [any_lab.runner().resume(run_id_for(f"{seed}-{at}")) for at in (0, 1)]
        assert sorted(one.state or "" for one in ended) == ["FAILED", "READY"], ended
        for one in ended:
            assert not any_lab.runner().audit(one.run_id).findings


def test_a_receipt_that_another_wrote_between_the_look_and_the_write_is_judged_too(lab: Lab) -> None:
    class Late:
        """Another run's receipt comes just before this run's."""

        def __getattr__(self, name: str) -> Any:
            return getattr(lab.store, name)

        def create(self, key: str, data: bytes) -> Any:
            if "output_id=events" in key:
                stood = json.loads(data)
                stood["target_digest"]["hex"] = "0" * 64
                put(lab, key, json.dumps(stood).encode())
            return lab.store.create(key, data)

    root = lab.world(small_world())
    outcome = lab.runner(store=Late()).submit(request(engine_run_root=root))
    assert outcome.reason_code is R.INSTANCE_RECEIPT_ORPHAN
    assert recover(lab).state is RunState.READY


@pytest.mark.parametrize("same", [False, True], ids=["other bytes", "twin: the same receipt written anew"])
def test_a_run_whose_receipt_was_replaced_before_it_decided_does_not_decide(any_lab: Lab, same: bool) -> None:
    root = any_lab.world(small_world())

    class Replaced:
        """The receipt of `events` is replaced while the lease is renewed."""

        def __getattr__(self, name: str) -> Any:
            return getattr(any_lab.authority, name)

        def renew(self, lease: Any, *, ttl_s: float) -> Any:
            key = receipt_of(any_lab)
            blob = any_lab.store.read(key)
            stood = json.loads(blob.data)
            if not same:
                stood["target_digest"]["hex"] = "0" * 64
            assert any_lab.store.replace(key, json.dumps(stood).encode(), etag=blob.etag)
            return any_lab.authority.renew(lease, ttl_s=ttl_s)

    runner = any_lab.runner(authority=Replaced())
    if same:
        assert runner.submit(request(engine_run_root=root)).state is RunState.READY
        return
    with pytest.raises(Unreachable) as caught:
        runner.submit(request(engine_run_root=root))
    assert caught.value.code is R.INSTANCE_RECEIPT_ORPHAN
    assert "EVIDENCE_COMPLETE" not in any_lab.kinds(RUN)
    any_lab.lapse()
    assert any_lab.runner().resume(RUN).reason_code is R.INSTANCE_RECEIPT_ORPHAN


# --- recover ---


def test_recover_keeps_what_stood_puts_both_on_record_and_decides(any_lab: Lab) -> None:
    orphaned(any_lab)
    key = receipt_of(any_lab)
    stood = any_lab.store.read(key).data
    outcome = recover(any_lab)
    assert outcome.state is RunState.READY
    truth = any_lab.truth()
    assert truth[f"{BASE}/quarantine/set_aside/{sha256_hex(stood)}.json"] == stood
    (fact,) = [one for one in any_lab.ledger(RUN).events if one.event_kind == "GOV_LOSS_ACCEPTED"]
    assert (fact.details["set_aside_digest"], fact.details["digest"]) == (sha256_hex(stood), sha256_hex(truth[key]))
    assert (fact.details["reason"], fact.actor) == ("left by a crash", "ann")
    assert not any_lab.runner().audit(RUN).findings
    assert any_lab.runner().verify(RUN).ok
    # The run that left the receipt is the one that drifts now, and nobody else is harmed.
    ended = any_lab.runner().resume(run_id_for("crashed"))
    assert (ended.state, ended.reason_code) == (RunState.FAILED, R.INSTANCE_RECEIPT_DRIFT)
    assert any_lab.reuse(small_world(), run_equivalence_key="later").state is RunState.READY


def test_recover_is_refused_while_another_run_is_held_and_goes_on_afterwards(any_lab: Lab) -> None:
    orphaned(any_lab)
    before = any_lab.truth()
    lease = any_lab.authority.acquire(run_id_for("crashed"), "somebody", ttl_s=60)
    with pytest.raises(BadInput) as caught:
        recover(any_lab)
    assert (caught.value.code, run_id_for("crashed") in caught.value.what) == (R.LEASE_BUSY, True)
    assert any_lab.truth() == before
    any_lab.authority.release(lease)
    assert recover(any_lab).state is RunState.READY


class Meanwhile:
    """A store in which something happens just before the receipt of `events` is swapped. `dies`: right after it."""

    def __init__(self, lab: Lab, act: Callable[[], object], *, dies: bool = False) -> None:
        self._lab, self._act, self._dies, self._key = lab, act, dies, receipt_of(lab)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab.store, name)

    def replace(self, key: str, data: bytes, *, etag: str) -> Any:
        first, act = key == self._key, self._act
        if first:
            self._key, self._act = "", lambda: None
            act()
        done = self._lab.store.replace(key, data, etag=etag)
        if first and self._dies:
            raise Unreachable(R.STORE_UNREACHABLE, "died")
        return done


def test_recover_puts_back_what_a_run_that_began_meanwhile_may_rest_on(any_lab: Lab) -> None:
    orphaned(any_lab)
    key, other = receipt_of(any_lab), run_id_for("crashed")
    stood = any_lab.store.read(key).data
    held: list[Any] = []
    store = Meanwhile(any_lab, lambda: held.append(any_lab.authority.acquire(other, "somebody", ttl_s=60)))
    with pytest.raises(BadInput) as caught:
        any_lab.runner(store=store).recover_receipt(RUN, "events", reason="r", actor="ann")
    assert caught.value.code is R.LEASE_BUSY
    assert any_lab.store.read(key).data == stood
    assert "EVIDENCE_COMPLETE" not in any_lab.kinds(RUN)
    any_lab.authority.release(held[0])
    assert recover(any_lab).state is RunState.READY, "twin: nobody came"


@pytest.mark.parametrize("dies", [False, True], ids=["", "and dies right after the swap"])
def test_recover_puts_back_what_a_run_that_decided_meanwhile_rests_on(any_lab: Lab, dies: bool) -> None:
    orphaned(any_lab)
    key, other = receipt_of(any_lab), run_id_for("crashed")
    stood = any_lab.store.read(key).data

    def decide() -> None:
        assert any_lab.runner().resume(other).state is RunState.READY

    runner = any_lab.runner(store=Meanwhile(any_lab, decide, dies=dies))
    if dies:
        with pytest.raises(Unreachable):
            runner.recover_receipt(RUN, "events", reason="r", actor="ann")
        any_lab.lapse()
        outcome = any_lab.runner().resume(RUN)
    else:
        outcome = runner.recover_receipt(RUN, "events", reason="r", actor="ann")
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, R.INSTANCE_RECEIPT_DRIFT)
    assert any_lab.store.read(key).data == stood
    assert not any_lab.runner().audit(other).findings
    assert any_lab.runner().verify(other).ok


class Sleeping:
    """A store whose user is about to put its decision on record, and sleeps until something else is over."""

    def __init__(self, lab: Lab, act: Callable[[], object]) -> None:
        self._lab, self._act = lab, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab.store, name)

    def replace(self, key: str, data: bytes, *, etag: str) -> Any:
        if "/run_record/" in key and b'"EVIDENCE_COMPLETE"' in data:
            act, self._act = self._act, lambda: None
            act()
        return self._lab.store.replace(key, data, etag=etag)


@pytest.mark.parametrize("recovers", [True, False], ids=["", "twin: nobody recovers"])
def test_a_run_that_slept_past_its_lease_before_its_decision_is_fenced_out(lab: Lab, recovers: bool) -> None:
    orphaned(lab)
    other = run_id_for("crashed")

    def act() -> None:
        lab.lapse()
        if recovers:
            assert recover(lab).state is RunState.READY

    runner = lab.runner(store=Sleeping(lab, act))
    with pytest.raises(LeaseLost):
        runner.resume(other)
    assert ("EVIDENCE_COMPLETE" in lab.kinds(other)) is not recovers
    lab.lapse()
    ended = lab.runner().resume(other)
    assert ended.reason_code is (R.INSTANCE_RECEIPT_DRIFT if recovers else None)
    assert (ended.state is RunState.READY) is not recovers
    for run_id in (other, RUN):
        assert not lab.runner().audit(run_id).findings


def test_while_a_receipt_is_being_set_aside_no_run_decides_on_either(any_lab: Lab) -> None:
    """Not even a run of the operator's own bytes, that comes while he looks."""
    orphaned(any_lab)
    key = receipt_of(any_lab)
    came: list[Outcome] = []

    class Marked(Meanwhile):
        """The other run of the same bytes comes right after the first swap."""

        def replace(self, key: str, data: bytes, *, etag: str) -> Any:
            first, done = key == self._key, super().replace(key, data, etag=etag)
            if first:
                came.append(any_lab.reuse(small_world(), run_equivalence_key="peer"))
            return done

    store = Marked(any_lab, lambda: None)
    assert any_lab.runner(store=store).recover_receipt(RUN, "events", reason="r", actor="ann").state is RunState.READY
    assert [one.reason_code for one in came] == [R.INSTANCE_RECEIPT_ORPHAN]
    assert "being set aside" in came[0].message
    assert b"being_set_aside" not in any_lab.store.read(key).data
    assert any_lab.runner().resume(came[0].run_id).state is RunState.READY, "twin: once it is over"


def test_a_run_that_decided_on_what_a_planted_receipt_hides_is_no_second_truth(any_lab: Lab) -> None:
    """Of a scope that is READY with some bytes nobody is READY with others, whatever was planted over its receipt."""
    first = any_lab.reuse(small_world(), run_equivalence_key="first").run_id
    key = receipt_of(any_lab)
    sound = any_lab.store.read(key).data
    put(any_lab, key, b"junk")
    assert any_lab.reuse({**small_world(), **OTHER}).reason_code is R.INSTANCE_RECEIPT_ORPHAN
    with pytest.raises(BadInput) as caught:
        recover(any_lab)
    assert (caught.value.code, any_lab.store.read(key).data) == (R.INSTANCE_RECEIPT_DRIFT, b"junk")
    assert first in caught.value.what
    assert "EVIDENCE_COMPLETE" not in any_lab.kinds(RUN)
    put(any_lab, key, sound)
    assert any_lab.runner().resume(RUN).reason_code is R.INSTANCE_RECEIPT_DRIFT
    assert not any_lab.runner().audit(first).findings
    assert not any_lab.runner().audit(RUN).findings


@pytest.mark.parametrize("goes_on", ["resume", "recover"])
def test_a_mark_that_a_crash_left_is_put_back_by_whoever_goes_on(any_lab: Lab, goes_on: str) -> None:
    orphaned(any_lab)
    key = receipt_of(any_lab)
    stood = any_lab.store.read(key).data
    with pytest.raises(Unreachable):
        store = Gone(any_lab, key)
        any_lab.runner(store=store).recover_receipt(RUN, "events", reason="r", actor="ann")
    mark = any_lab.store.read(key).data
    assert b"being_set_aside" in mark
    any_lab.lapse()
    peer = any_lab.reuse(small_world(), run_equivalence_key="peer")
    assert (peer.reason_code, any_lab.store.read(key).data) == (R.INSTANCE_RECEIPT_ORPHAN, mark)
    if goes_on == "recover":
        assert recover(any_lab).state is RunState.READY
        assert not any_lab.runner().audit(RUN).findings
        return
    assert any_lab.runner().resume(RUN).reason_code is R.INSTANCE_RECEIPT_ORPHAN
    assert any_lab.store.read(key).data == stood
    assert any_lab.runner().resume(run_id_for("crashed")).state is RunState.READY
    assert any_lab.runner().resume(RUN).reason_code is R.INSTANCE_RECEIPT_DRIFT


def test_recover_overwrites_nothing_that_somebody_put_there_meanwhile(any_lab: Lab) -> None:
    orphaned(any_lab)
    key = receipt_of(any_lab)
    store = Meanwhile(any_lab, lambda: put(any_lab, key, b"somebody else's"))
    with pytest.raises(Fault) as caught:
        any_lab.runner(store=store).recover_receipt(RUN, "events", reason="r", actor="ann")
    assert (caught.value.code, any_lab.store.read(key).data) == (R.TRUTH_ALTERED, b"somebody else's")
    assert recover(any_lab).state is RunState.READY, "twin: nobody changes it"


def test_what_stood_is_put_back_only_as_it_was_kept(lab: Lab) -> None:
    orphaned(lab)
    key = receipt_of(lab)
    stood = lab.store.read(key).data
    kept = f"{BASE}/quarantine/set_aside/{sha256_hex(stood)}.json"
    with pytest.raises(Unreachable):
        lab.runner(store=Gone(lab, key)).recover_receipt(RUN, "events", reason="r", actor="ann")
    lab.lapse()
    put(lab, kept, b"another")
    mark = lab.store.read(key).data
    with pytest.raises(Fault) as caught:
        lab.runner().resume(RUN)
    assert (caught.value.code, kept in caught.value.what, lab.store.read(key).data) == (R.TRUTH_ALTERED, True, mark)
    put(lab, kept, stood)
    assert lab.runner().resume(RUN).reason_code is R.INSTANCE_RECEIPT_ORPHAN, "twin: as it was kept"
    assert lab.store.read(key).data == stood


def test_a_run_that_is_taken_over_while_it_is_fenced_out_counts_as_held(lab: Lab) -> None:
    orphaned(lab)
    key, other = receipt_of(lab), run_id_for("crashed")
    stood = lab.store.read(key).data

    class Taken:
        """Once the other run's lease was taken for a moment, it lapses, and somebody else goes on with the run."""

        def __getattr__(self, name: str) -> Any:
            return getattr(lab.authority, name)

        def acquire(self, resource: str, owner: str, **how: Any) -> Any:
            lease = lab.authority.acquire(resource, owner, **how)
            if resource == other:
                lab.authority.release(lease)
                assert lab.runner().resume(other).reason_code is R.INSTANCE_RECEIPT_ORPHAN
            return lease

    with pytest.raises(BadInput) as caught:
        lab.runner(authority=Taken()).recover_receipt(RUN, "events", reason="r", actor="ann")
    assert (caught.value.code, other in caught.value.what) == (R.LEASE_BUSY, True)
    assert lab.store.read(key).data == stood
    assert recover(lab).state is RunState.READY, "twin: nobody takes it over"


class Gone:
    """A store that is gone once the receipt at `key` was swapped."""

    def __init__(self, lab: Lab, key: str) -> None:
        self._lab, self._key, self._gone = lab, key, False

    def __getattr__(self, name: str) -> Any:
        if self._gone and name in ("create", "replace", "read", "stat"):
            raise Unreachable(R.STORE_UNREACHABLE, "died")
        return getattr(self._lab.store, name)

    def replace(self, key: str, data: bytes, *, etag: str) -> Any:
        if self._gone:
            raise Unreachable(R.STORE_UNREACHABLE, "died")
        self._gone = key == self._key
        return self._lab.store.replace(key, data, etag=etag)


def test_recover_is_busy_while_the_run_itself_is_held(lab: Lab) -> None:
    orphaned(lab)
    lab.authority.acquire(RUN, "somebody", ttl_s=60)
    assert recover(lab).reason_code is R.LEASE_BUSY


def test_recover_is_refused_where_a_decision_rests_on_the_receipt_by_now(any_lab: Lab) -> None:
    orphaned(any_lab)
    assert any_lab.runner().resume(run_id_for("crashed")).state is RunState.READY
    before = any_lab.truth()
    with pytest.raises(BadInput) as caught:
        recover(any_lab)
    assert (caught.value.code, run_id_for("crashed") in caught.value.what) == (R.INSTANCE_RECEIPT_DRIFT, True)
    assert any_lab.truth() == before


@pytest.mark.parametrize("output", ["daily", "nothing"])
def test_recover_is_for_the_output_whose_receipt_is_in_the_way(lab: Lab, output: str) -> None:
    orphaned(lab)
    before = lab.truth()
    with pytest.raises(BadInput) as caught:
        recover(lab, output=output)
    assert caught.value.code is R.USAGE
    assert lab.truth() == before


def test_recover_of_a_run_that_rests_for_no_orphan_is_refused(lab: Lab) -> None:
    lab.reuse(small_world())
    with pytest.raises(BadInput):
        recover(lab)


def test_recover_needs_the_right_and_a_reason(lab: Lab) -> None:
    orphaned(lab)
    denied = recover(lab, settings=Settings(recoverers=frozenset({"bob"})))
    assert (denied.reason_code, denied.action) == (R.AUTH_DENIED, "recover")
    with pytest.raises(BadInput):
        recover(lab, reason=" ")
    assert lab.runner().submit(request()).reason_code is R.INSTANCE_RECEIPT_ORPHAN


def test_recover_proves_anew_and_sets_nothing_aside_where_evidence_is_missing_by_now(lab: Lab) -> None:
    orphaned(lab)
    stood = lab.store.read(receipt_of(lab)).data
    (lab.root / f"engine/gates/gate.a/{FLAG}").unlink()
    assert recover(lab).reason_code is R.EVIDENCE_WAITING
    assert lab.store.read(receipt_of(lab)).data == stood
    assert not [key for key in lab.truth() if "/set_aside/" in key]


def test_recover_sets_nothing_aside_where_the_bytes_were_restored(lab: Lab) -> None:
    orphaned(lab)
    lab.world(OTHER)
    assert recover(lab).state is RunState.READY
    assert not [key for key in lab.truth() if "/set_aside/" in key]


def test_orphans_of_two_outputs_are_set_aside_one_by_one(lab: Lab) -> None:
    changed = {PART: b"other events", f"{EVENTS}/part-1.bin": b"more"}
    crashed(lab, {**small_world(), **changed})
    for key in [key for key in receipts(lab) if "output_id=daily" in key]:
        planted = json.loads(lab.store.read(key).data)
        planted["target_digest"]["hex"] = "0" * 64
        put(lab, key, json.dumps(planted).encode())
    both = lab.reuse(small_world())
    assert "1 more" in both.message
    one = recover(lab, output="daily")
    assert (one.reason_code, one.message.split(":")[0]) == (R.INSTANCE_RECEIPT_ORPHAN, "events")
    assert recover(lab).state is RunState.READY


def test_orphans_of_several_days_are_set_aside_together(lab: Lab) -> None:
    """One receipt a day, one output id: two of three days are in the way."""
    packed = pack(gates=(gate("gate.a", law("sha256_bundle_digest"), "daily"),))
    window = {**request()["window"], "window_end_utc": "2026-01-04T00:00:00Z"}
    asked: dict[str, Any] = {"output_ids": ["daily"], "window": window}
    folder = f"data/daily/parameter_hash={PH}"
    files = {**small_world(), **{f"{folder}/utc_day=2026-01-0{day}/part-0.bin": b"%d" % day for day in (2, 3)}}
    root = lab.world(files)
    first = lab.runner(packed=packed).submit(request("first", engine_run_root=root, **asked))
    assert first.state is RunState.READY
    for key in [one for one in receipts(lab) if "utc_day=2026-01-02" in one or "utc_day=2026-01-03" in one]:
        planted = json.loads(lab.store.read(key).data)
        planted["target_digest"]["hex"] = "0" * 64
        put(lab, key, json.dumps(planted).encode())
    outcome = lab.runner(packed=packed).submit(request(engine_run_root=root, **asked))
    assert (outcome.reason_code, "1 more, of daily" in outcome.message) == (R.INSTANCE_RECEIPT_ORPHAN, True)
    assert lab.runner(packed=packed).recover_receipt(RUN, "daily", reason="planted", actor="ann").state == "READY"
    assert len([key for key in lab.truth() if "/set_aside/" in key]) == 2
    assert not lab.runner().audit(RUN).findings


def test_a_run_whose_place_another_has_leaves_no_receipt(lab: Lab) -> None:
    old = lab.runner().submit(request("old", engine_run_root=lab.world(small_world()), output_ids=["world"])).run_id
    late: dict[str, Any] = {"supersedes": old, "output_ids": ["world", "events"]}
    soon: dict[str, Any] = {"supersedes": old, "output_ids": ["world"]}
    waiting = {path: data for path, data in {**small_world(), **OTHER}.items() if not path.endswith(FLAG)}
    root = lab.world(waiting, "late")
    assert lab.runner().submit(request("late", engine_run_root=root, **late)).state is RunState.WAITING_EVIDENCE
    assert lab.runner().submit(request("soon", engine_run_root=lab.world(small_world()), **soon)).state == "READY"
    lab.world({**small_world(), **OTHER}, "late")
    ended = lab.runner().resume(run_id_for("late"))
    assert (ended.state, ended.reason_code) == (RunState.FAILED, R.SUPERSEDES_TAKEN)
    assert receipts(lab) == {}


def test_the_look_up_is_told_and_stops_with_the_lease(lab: Lab) -> None:
    """A look through many records says how far it came, and ends where the lease is lost."""
    first = lab.reuse(small_world(), run_equivalence_key="first").run_id
    told: list[str] = []
    standing = {receipt_of(lab): lab.store.read(receipt_of(lab)).data}
    ports = attrs.evolve(lab.runner().ports, clock=Ticking(lab.clock))
    found = resting_on(ports, Layout(PLATFORM), standing, tell=told.append)
    assert found == {receipt_of(lab): Resting((first,), 1)}
    assert told == ["looked through 1 records for runs that rest on a receipt"]

    def lost() -> None:
        raise LeaseLost(RUN, 1)

    with pytest.raises(LeaseLost):
        resting_on(ports, Layout(PLATFORM), standing, tell=told.append, check=lost)


class Ticking:
    """A clock that is two seconds on at each look."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def now(self) -> Any:
        self.sleep(2)
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


def test_a_recover_that_dies_anywhere_is_done_again(tmp_path: Path) -> None:
    """Cut at each write of the store: what stood is kept, and recover, or resume, ends READY."""
    for number in range(1, 30):
        lab = Lab.memory(tmp_path / str(number))
        orphaned(lab)
        stood = lab.store.read(receipt_of(lab)).data
        dying = Dying(lab.store, number)
        try:
            lab.runner(store=dying).recover_receipt(RUN, "events", reason="r", actor="ann")
        except Unreachable:
            lab.lapse()
            outcome = lab.runner().resume(RUN)
            outcome = recover(lab) if outcome.reason_code is R.INSTANCE_RECEIPT_ORPHAN else outcome
            assert outcome.state is RunState.READY, (number, outcome)
            assert lab.truth()[f"{BASE}/quarantine/set_aside/{sha256_hex(stood)}.json"] == stood
            assert not lab.runner().audit(RUN).findings
        else:
            assert number > 5
            return
    raise AssertionError("it never came through")


class Dying:
    """A store that is gone from its n-th write on."""

    def __init__(self, store: Any, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in ("create", "replace"):
            return found

        def write(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left <= 0:
                raise Unreachable(R.STORE_UNREACHABLE, "died")
            return found(*args, **kwargs)

        return write
