"""What stands and is not the record's is never adopted, signed, published or answered from.

Spec: behaviour, "Commit order".

Each attack has its innocent twin: the very bytes that the record derives, written by a holder that died or slept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import BadInput, EngineCall, EngineResult, Envelope, Fault, NotFound, ReasonCode, SrError, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.kit import BASE, PLATFORM, TTL_S, Lab, request
from tests.signing import Paper
from tests.worlds import FLAG, engine, flag, small_world

RUN = run_id_for("key")
KEYS = {
    "plan": f"{BASE}/run_plan/{RUN}.json",
    "status": f"{BASE}/run_status/{RUN}.json",
    "facts view": f"{BASE}/run_facts_view/{RUN}.json",
    "signal": f"{BASE}/ready_signal/{RUN}.json",
    "attestation": f"{BASE}/attestation/{RUN}.dsse.json",
    "quarantine": f"{BASE}/quarantine/{RUN}.json",
}
LATE = f"gates/gate.b/{FLAG}"


def conflicted() -> dict[str, bytes]:
    return {**small_world(), LATE: flag("0" * 64)}


def world_of(kind: str) -> dict[str, bytes]:
    """The world of a run that comes to write this artifact."""
    return conflicted() if kind == "quarantine" else small_world()


def put(lab: Lab, key: str, data: bytes) -> None:
    """Behind everybody's back."""
    lab.store.delete(key)
    lab.store.create(key, data)


def clean(lab: Lab, kind: str) -> dict[str, bytes]:
    """The truth of the same run where nobody plants anything."""
    other = Lab.memory(lab.root)
    other.runner(signer=Paper()).submit(request(engine_run_root=other.world(world_of(kind))))
    return other.truth()


def forged(lab: Lab, kind: str) -> bytes:
    """A sound artifact of its kind, of this run, that says something else than the record."""
    if kind == "attestation":
        return Paper("mallory").sign("application/vnd.in-toto+json", b'{"subject":[]}')
    document = json.loads(clean(lab, kind)[KEYS[kind]])
    changes: dict[str, dict[str, Any]] = {
        "plan": {"attempt_limit": 9},
        "status": {"state": "READY", "updated_at_utc": "2026-01-31T13:41:00Z"},
        "facts view": {"bundle_hash": "0" * 64},
        "signal": {"message_id": "0" * 64},
        "quarantine": {"reason": "EVIDENCE_MISSING_DEADLINE"},
    }
    return exact_json({**document, **changes[kind]})


def submitted(lab: Lab, kind: str, **ports: Any) -> Any:
    runner = lab.runner(signer=Paper(), **ports)
    return runner.submit(request(engine_run_root=lab.world(world_of(kind))))


def recovered(lab: Lab, key: str, **changes: Any) -> Any:
    return lab.runner(signer=Paper()).recover_artifact(RUN, key, **{"reason": "planted", "actor": "oncall", **changes})


def is_whole(lab: Lab, kind: str) -> None:
    """The run came to where it would have come, with nothing else told to anybody."""
    assert lab.ledger(RUN).state is (RunState.QUARANTINED if kind == "quarantine" else RunState.READY)
    assert lab.runner().audit(RUN).findings == ()
    truth = lab.truth()
    for name in ("plan", "facts view"):
        assert truth.get(KEYS[name]) == clean(lab, kind).get(KEYS[name])
    if kind != "quarantine":
        (fact,) = {one.message_id: one for one in lab.published()}.values()
        assert dict(fact.payload) == json.loads(truth[KEYS["signal"]])
        assert lab.runner().verify(RUN, signed_by=Paper()).ok


@pytest.mark.parametrize("junk", ["forged", "junk"])
@pytest.mark.parametrize("kind", KEYS)
def test_what_was_planted_before_stops_the_run_where_it_is_written_and_is_set_aside(
    any_lab: Lab, kind: str, junk: str
) -> None:
    key, planted = KEYS[kind], forged(any_lab, kind) if junk == "forged" else b"{"
    put(any_lab, key, planted)
    for _ in range(2):
        with pytest.raises(Fault) as caught:
            submitted(any_lab, kind)
        assert caught.value.code is ReasonCode.TRUTH_ALTERED
        assert key in caught.value.what
        assert f"sr recover {RUN} --artifact {key} --accept-loss" in caught.value.remedy
        assert any_lab.store.read(key).data == planted
        assert any_lab.published() == []
    refused = any_lab.ledger(RUN).all("ARTIFACT_REFUSED")
    assert [(one.details["artifact_ref"], one.details["stands"]) for one in refused] == [(key, sha256_hex(planted))]
    status = any_lab.runner().status(RUN)
    assert status.reason_code is ReasonCode.TRUTH_ALTERED
    assert key in status.message
    told = any_lab.runner().explain(RUN)
    assert (told.reason_code, told.next.command) == ("TRUTH_ALTERED", "recover")
    assert key in [one.where for one in any_lab.runner().audit(RUN).findings]

    done = recovered(any_lab, key)
    assert done.state is (RunState.QUARANTINED if kind == "quarantine" else RunState.READY)
    (given_up,) = any_lab.ledger(RUN).all("GOV_LOSS_ACCEPTED")
    assert given_up.actor == "oncall"
    kept = any_lab.store.read(given_up.details["set_aside_ref"])
    assert kept.data == planted
    assert given_up.details["set_aside_ref"] == f"{BASE}/quarantine/set_aside/{sha256_hex(planted)}"
    assert (given_up.details["artifact_ref"], given_up.details["reason"]) == (key, "planted")
    if kind not in ("status", "attestation"):
        assert given_up.details["digest"] == sha256_hex(any_lab.store.read(key).data)
    is_whole(any_lab, kind)


@pytest.mark.parametrize("kind", [kind for kind in KEYS if kind != "status"])
def test_the_very_bytes_that_the_record_derives_are_taken(any_lab: Lab, kind: str) -> None:
    """The twin: a holder that slept, or died, wrote them."""
    put(any_lab, KEYS[kind], clean(any_lab, kind)[KEYS[kind]])
    submitted(any_lab, kind)
    is_whole(any_lab, kind)


class Planting:
    """A store in whose way somebody writes `data` at `key` just before the write of number `at`."""

    def __init__(self, store: Any, key: str, data: bytes, at: int) -> None:
        self._store, self._key, self._data, self._left = store, key, data, at

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in ("create", "replace"):
            return found

        def written(*args: Any, **kwargs: Any) -> Any:
            if self._left == 0:
                self._store.delete(self._key)
                self._store.create(self._key, self._data)
            self._left -= 1
            return found(*args, **kwargs)

        return written

    @property
    def done(self) -> bool:
        return self._left < 0


@pytest.mark.parametrize("kind", KEYS)
def test_whenever_it_is_planted_nothing_is_told_from_it_and_the_run_comes_to_its_end(lab: Lab, kind: str) -> None:
    key, planted = KEYS[kind], forged(lab, kind)
    for at in range(60):
        fresh = Lab.memory(lab.root)
        store, met = Planting(fresh.store, key, planted, at), False
        try:
            submitted(fresh, kind, store=store)
        except Fault as fault:
            met = True
            assert fault.code is ReasonCode.TRUTH_ALTERED, at
            assert key in fault.what
        if not store.done:
            assert at > 6
            return
        hashes = {one.payload["bundle_hash"] for one in fresh.published()}
        assert hashes <= {json.loads(clean(lab, "facts view")[KEYS["facts view"]])["bundle_hash"]}
        lab.world(world_of(kind))
        if met or fresh.store.read(key).data == planted:
            assert key in [one.where for one in fresh.runner().audit(RUN).findings], at
            fresh.lapse()
            recovered(fresh, key)
        is_whole(fresh, kind)
    raise AssertionError("the run never came to its end")


@pytest.mark.parametrize("at", ["OPEN", "VERIFYING", "READY"])
def test_a_status_that_lags_or_comes_just_before_the_record_is_written_forward(any_lab: Lab, at: str) -> None:
    """The twin of a planted status: any that the record derived, and READY once it is decided."""
    root = any_lab.world(small_world())
    written: list[bytes] = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            return getattr(any_lab.store, name)

        def create(self, key: str, data: bytes) -> Any:
            return self.replace(key, data, etag=None)

        def replace(self, key: str, data: bytes, *, etag: str | None) -> Any:
            if key == KEYS["status"]:
                written.append(data)
            if b'"READY_COMMITTED"' in data:
                raise Unreachable(ReasonCode.STORE_UNREACHABLE, "away")
            return any_lab.store.create(key, data) if etag is None else any_lab.store.replace(key, data, etag=etag)

    with pytest.raises(Unreachable):
        any_lab.runner(store=Watching()).submit(request(engine_run_root=root))
    accepted = any_lab.ledger(RUN).events[0]
    statuses = {json.loads(one)["state"]: one for one in written}
    first = {"run_id": RUN, "state": "OPEN", "updated_at_utc": accepted.ts_utc, "record_ref": accepted_ref()}
    statuses["OPEN"] = exact_json(first)
    put(any_lab, KEYS["status"], statuses[at])
    any_lab.clock.sleep(5)
    assert any_lab.runner().resume(RUN).state is RunState.READY
    assert any_lab.runner().audit(RUN).findings == ()


def accepted_ref() -> str:
    return f"{BASE}/run_record/{RUN}.jsonl"


def waiting(lab: Lab) -> None:
    root = lab.world(small_world())
    Path(root, LATE).unlink()
    assert lab.runner().submit(request(engine_run_root=root)).state is RunState.WAITING_EVIDENCE


@pytest.mark.parametrize("kind", ["status", "facts view", "signal", "attestation", "quarantine"])
def test_what_is_planted_beside_a_run_that_waits_answers_nobody(any_lab: Lab, kind: str) -> None:
    key, planted = KEYS[kind], forged(any_lab, kind)
    waiting(any_lab)
    put(any_lab, key, planted)
    runner = any_lab.runner()
    asked = runner.submit(request())
    assert (asked.state, asked.published) == (RunState.WAITING_EVIDENCE, False)
    assert runner.status(RUN).reason_code is ReasonCode.TRUTH_ALTERED
    assert runner.explain(RUN).reason_code == "TRUTH_ALTERED"
    assert [(one.code, one.where) for one in runner.audit(RUN).findings] == [(ReasonCode.TRUTH_ALTERED, key)]
    assert [row["state"] for row in runner.runs()] == ["WAITING_EVIDENCE"]
    assert runner.ready_runs() == ([], False)
    for ask in (runner.facts, runner.quarantine):
        with pytest.raises(SrError):
            ask(RUN)
    if kind == "facts view":
        assert not runner.verify(RUN).ok
    assert [row for row in runner.quarantined() if "trouble" not in row] == []
    assert any_lab.truth()[key] == planted
    assert any_lab.published() == []
    any_lab.world({LATE: small_world()[LATE]})
    recovered(any_lab, key)
    assert any_lab.ledger(RUN).state is RunState.READY
    assert any_lab.runner().audit(RUN).findings == ()


def test_a_run_that_waits_with_what_is_its_own_beside_it_has_nothing_to_tell(any_lab: Lab) -> None:
    waiting(any_lab)
    runner = any_lab.runner()
    assert runner.status(RUN).reason_code is ReasonCode.EVIDENCE_WAITING
    assert runner.explain(RUN).reason_code == "EVIDENCE_WAITING"
    assert runner.audit(RUN).findings == ()


def test_a_planted_status_answers_no_request_in_flight(lab: Lab) -> None:
    seen: list[Any] = []
    make = engine(lab.root / "engine", small_world())

    def behaviour(call: EngineCall) -> EngineResult:
        sound = lab.store.read(KEYS["status"]).data
        put(lab, KEYS["status"], forged(lab, "status"))
        seen.append(lab.runner().submit(request()))
        put(lab, KEYS["status"], sound)
        return make(call)

    assert lab.runner(engine=behaviour).submit(request()).state is RunState.READY
    assert [(one.state, one.in_flight) for one in seen] == [(RunState.EXECUTING, True)]


@pytest.mark.parametrize("planted", [b"{", b'{"state":"FAILED"}', None], ids=["junk", "another state", "none"])
def test_a_duplicate_is_answered_by_the_record_whatever_its_status_says(any_lab: Lab, planted: bytes | None) -> None:
    first = any_lab.reuse(small_world())
    any_lab.store.delete(KEYS["status"])
    if planted is not None:
        any_lab.store.create(KEYS["status"], planted)
    again = any_lab.runner().submit(request())
    assert (again.state, again.published, again.is_new) == (RunState.READY, True, False)
    assert again.refs == first.refs


def test_a_duplicate_costs_one_read_of_the_store(any_lab: Lab) -> None:
    any_lab.reuse(small_world())
    reads: list[str] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            found = getattr(any_lab.store, name)
            if name not in ("read", "stat", "list", "create", "replace"):
                return found

            def counted(*args: Any, **more: Any) -> Any:
                reads.append(args[0])
                return found(*args, **more)

            return counted

    assert any_lab.runner(store=Counting()).submit(request()).state is RunState.READY
    assert reads == [accepted_ref()]


def test_a_duplicate_of_a_record_whose_end_was_edited_is_a_fault(any_lab: Lab) -> None:
    any_lab.reuse(small_world())
    data = any_lab.store.read(accepted_ref()).data
    put(any_lab, accepted_ref(), data.replace(b'"READY_PUBLISHED"', b'"READY_COMMITTED"'))
    with pytest.raises(Fault):
        any_lab.runner().submit(request())


# What is set aside, and what is not


def test_what_is_the_records_own_is_left_as_it_is(any_lab: Lab) -> None:
    any_lab.runner(signer=Paper()).submit(request(engine_run_root=any_lab.world(small_world())))
    before = any_lab.truth()
    for kind in ("plan", "status", "facts view", "signal", "attestation"):
        assert recovered(any_lab, KEYS[kind]).state is RunState.READY
    assert any_lab.truth() == before


@pytest.mark.parametrize("kind", ["plan", "status", "facts view", "signal", "attestation"])
def test_what_was_altered_beside_a_settled_run_is_replaced_by_what_its_record_derives(any_lab: Lab, kind: str) -> None:
    submitted(any_lab, kind)
    sound = any_lab.truth()[KEYS[kind]]
    put(any_lab, KEYS[kind], b"junk")
    assert recovered(any_lab, KEYS[kind]).state is RunState.READY
    assert any_lab.truth()[KEYS[kind]] == sound
    is_whole(any_lab, kind)


@pytest.mark.parametrize("where", ["run_record", "object_versions", "elsewhere", "another run"])
def test_no_other_key_is_set_aside(lab: Lab, where: str) -> None:
    waiting(lab)
    keys = {
        "run_record": accepted_ref(),
        "elsewhere": "fraud-platform/_store.json",
        "another run": KEYS["status"].replace(RUN, "0" * 32),
    }
    before = lab.truth()
    with pytest.raises(BadInput) as caught:
        recovered(lab, keys.get(where, f"{BASE}/{where}/{RUN}.json"))
    assert caught.value.code is ReasonCode.USAGE
    assert lab.truth() == before


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_loss_is_accepted_for_a_reason(lab: Lab, reason: str) -> None:
    waiting(lab)
    with pytest.raises(BadInput):
        recovered(lab, KEYS["status"], reason=reason)


def test_where_nothing_stands_nothing_is_set_aside(lab: Lab) -> None:
    waiting(lab)
    with pytest.raises(BadInput) as caught:
        recovered(lab, KEYS["signal"])
    assert "nothing stands" in caught.value.what


def test_a_run_that_nobody_knows_has_no_artifacts(lab: Lab) -> None:
    with pytest.raises(NotFound):
        recovered(lab, KEYS["signal"])


def test_who_lacks_the_right_is_told_so_and_it_is_on_record(lab: Lab) -> None:
    waiting(lab)
    put(lab, KEYS["facts view"], b"{}")
    rights = Settings(submitters=frozenset({"local"}), recoverers=frozenset({"oncall"}))
    for actor, allowed in (("local", False), ("oncall", True)):
        done = lab.runner(settings=rights).recover_artifact(RUN, KEYS["facts view"], reason="junk", actor=actor)
        assert (done.reason_code is ReasonCode.AUTH_DENIED) is not allowed
        assert (KEYS["facts view"] in lab.truth()) is not allowed
    (denied,) = lab.ledger(RUN).all("AUTH_DENIED")
    assert denied.details["action"] == "recover"


def test_where_only_submitters_are_named_nobody_recovers(lab: Lab) -> None:
    waiting(lab)
    runner = lab.runner(settings=Settings(submitters=frozenset({"local"})))
    done = runner.recover_artifact(RUN, KEYS["status"], reason="r", actor="local")
    assert done.reason_code is ReasonCode.AUTH_DENIED


def test_while_another_works_on_the_run_nothing_is_set_aside(lab: Lab) -> None:
    waiting(lab)
    put(lab, KEYS["facts view"], b"{}")
    assert lab.authority.acquire(RUN, "somebody", ttl_s=TTL_S) is not None
    assert recovered(lab, KEYS["facts view"]).reason_code is ReasonCode.LEASE_BUSY
    assert lab.truth()[KEYS["facts view"]] == b"{}"


def cut(lab: Lab, kind: str) -> None:
    """The record ends before this kind of event, as a restored backup has it."""
    lines = lab.store.read(accepted_ref()).data.splitlines(keepends=True)
    put(lab, accepted_ref(), b"".join(lines[: lab.kinds(RUN).index(kind)]))


def lost(lab: Lab, key: str, **ports: Any) -> Fault:
    before = lab.truth()
    with pytest.raises(Fault) as caught:
        lab.runner(**ports).recover_artifact(RUN, key, reason="r", actor="oncall")
    assert caught.value.code is ReasonCode.TRUTH_LOST
    assert lab.truth()[key] == before[key]
    assert not [one for one in lab.truth() if "/set_aside/" in one]
    return caught.value


def test_what_the_index_knows_as_ready_is_not_set_aside(any_lab: Lab) -> None:
    any_lab.reuse(small_world())
    cut(any_lab, "EVIDENCE_COMPLETE")
    for kind in ("status", "facts view", "signal"):
        assert "index" in lost(any_lab, KEYS[kind]).what


def test_what_the_bus_has_as_ready_is_not_set_aside(any_lab: Lab) -> None:
    planted = forged(any_lab, "facts view")
    waiting(any_lab)
    put(any_lab, KEYS["facts view"], planted)
    attributes = {"kind": "READY", "run_id": RUN, "platform_run_id": PLATFORM}
    fact = Envelope("fp.bus.control.v1", "1" * 64, "2026-01-31T13:42:00Z", attributes, RUN, {"bundle_hash": "0" * 64})
    any_lab.bus.publish(fact)
    assert "control bus" in lost(any_lab, KEYS["facts view"]).what


@pytest.mark.parametrize("other", [{"run_id": "0" * 32}, {"platform_run_id": "another"}, {"store_id": "f" * 32}])
def test_what_the_bus_says_of_others_stops_nobody(lab: Lab, other: dict[str, str]) -> None:
    waiting(lab)
    put(lab, KEYS["facts view"], b"junk")
    attributes = {"kind": "READY", "run_id": RUN, "platform_run_id": PLATFORM, **other}
    lab.bus.publish(Envelope("fp.bus.control.v1", "1" * 64, "2026-01-31T13:42:00Z", attributes, RUN, {}))
    assert recovered(lab, KEYS["facts view"]).state is RunState.WAITING_EVIDENCE
    assert KEYS["facts view"] not in lab.truth()


def stated(view: bytes) -> bytes:
    return exact_json({"subject": [{"name": KEYS["facts view"], "digest": {"sha256": sha256_hex(view)}}]})


def signed_world(lab: Lab, keyid: str) -> None:
    """A view beside a run that waits, and an envelope that names it, spelt as envelopes are stored."""
    view = forged(lab, "facts view")
    waiting(lab)
    put(lab, KEYS["facts view"], view)
    envelope = json.loads(Paper(keyid).sign("application/vnd.in-toto+json", stated(view)))
    put(lab, KEYS["attestation"], exact_json(envelope))


@pytest.mark.parametrize("kind", ["facts view", "attestation", "status"])
def test_what_this_workers_own_key_signed_is_not_set_aside(lab: Lab, kind: str) -> None:
    signed_world(lab, "paper")
    put(lab, KEYS["status"], b"junk")
    assert "sound signature" in lost(lab, KEYS[kind], signer=Paper()).what


def test_what_another_key_signed_is_set_aside_once_its_signature_was(lab: Lab) -> None:
    signed_world(lab, "mallory")
    for signer in ({}, {"signer": Paper()}):
        assert "cannot be checked" in lost(lab, KEYS["facts view"], **signer).what
    for kind in ("attestation", "facts view"):
        assert recovered(lab, KEYS[kind]).state is RunState.WAITING_EVIDENCE
        assert KEYS[kind] not in lab.truth()


def test_a_signature_in_this_keys_name_that_it_never_gave_stops_nobody(lab: Lab) -> None:
    signed_world(lab, "mallory")
    envelope = json.loads(lab.truth()[KEYS["attestation"]])
    envelope["signatures"][0]["keyid"] = "paper"
    put(lab, KEYS["attestation"], exact_json(envelope))
    assert recovered(lab, KEYS["facts view"]).state is RunState.WAITING_EVIDENCE


def test_a_reason_keeps_no_secret(lab: Lab) -> None:
    waiting(lab)
    put(lab, KEYS["facts view"], b"junk")
    recovered(lab, KEYS["facts view"], reason="restored with password=hunter2")
    (given_up,) = lab.ledger(RUN).all("GOV_LOSS_ACCEPTED")
    assert "hunter2" not in given_up.details["reason"]


# Re-emit


@pytest.mark.parametrize("planted", ["forged", "junk", "adds a space"])
def test_ready_is_told_again_from_the_records_signal_alone(any_lab: Lab, planted: str) -> None:
    first = any_lab.reuse(small_world())
    sound = any_lab.truth()[KEYS["signal"]]
    stands = {"forged": forged(any_lab, "signal"), "junk": b"{", "adds a space": sound + b" "}[planted]
    put(any_lab, KEYS["signal"], stands)
    done = any_lab.runner().reemit(first.run_id, "READY_ONLY")
    assert (done.reason_code, getattr(done, "published", ())) == (ReasonCode.TRUTH_ALTERED, ())
    assert len(any_lab.published()) == 1
    assert any_lab.kinds(RUN)[-1] == "REEMIT_FAILED"
    recovered(any_lab, KEYS["signal"])
    assert getattr(any_lab.runner().reemit(RUN, "READY_ONLY"), "published", ()) == ("READY",)
    assert len({one.message_id for one in any_lab.published()}) == 1


@pytest.mark.parametrize("planted", ["another reason", "junk", "lags"])
def test_a_terminal_fact_is_told_again_from_the_records_status_alone(any_lab: Lab, planted: str) -> None:
    assert any_lab.reuse(conflicted()).state is RunState.QUARANTINED
    accepted, status = any_lab.ledger(RUN).events[0], any_lab.document("run_status", RUN)
    lagging = {"run_id": RUN, "state": "OPEN", "updated_at_utc": accepted.ts_utc, "record_ref": accepted_ref()}
    stands = {"another reason": {**status, "reason_code": "X"}, "junk": {}, "lags": lagging}[planted]
    put(any_lab, KEYS["status"], exact_json(stands))
    done = any_lab.runner().reemit(RUN, "TERMINAL_ONLY")
    code = ReasonCode.TRUTH_MISSING if planted == "lags" else ReasonCode.TRUTH_ALTERED
    assert (done.reason_code, getattr(done, "published", ())) == (code, ())
    assert any_lab.published() == []
    any_lab.runner().repair_status(RUN)
    assert getattr(any_lab.runner().reemit(RUN, "TERMINAL_ONLY"), "published", ()) == ("TERMINAL",)


def every_cut(calls: int) -> Iterator[CrashPlan]:
    for at in range(calls):
        for mode in (Mode.BEFORE, Mode.AFTER):
            yield CrashPlan(at, mode)


def test_a_recovery_that_was_cut_off_is_done_again(lab: Lab) -> None:
    """At every call: afterwards doing it again ends in the same, and nothing that stood is lost."""
    planted, names = forged(lab, "facts view"), ("store", "authority", "bus")

    def stopped() -> Lab:
        made = Lab.memory(lab.root)
        put(made, KEYS["facts view"], planted)
        with pytest.raises(Fault):
            submitted(made, "facts view")
        return made

    def recover(one: Lab, plan: CrashPlan) -> None:
        ports = crash({name: getattr(one, name) for name in names}, plan)
        one.runner(signer=Paper(), **ports).recover_artifact(RUN, KEYS["facts view"], reason="r", actor="oncall")

    counted = CrashPlan()
    recover(stopped(), counted)
    for plan in every_cut(counted.calls):
        fresh = stopped()
        with pytest.raises((Died, SrError)):
            recover(fresh, plan)
        fresh.lapse()
        recovered(fresh, KEYS["facts view"])
        is_whole(fresh, "facts view")
        assert fresh.truth()[f"{BASE}/quarantine/set_aside/{sha256_hex(planted)}"] == planted
