"""Signed READY: when the envelope is written, what it says, and that nothing else changes."""

from __future__ import annotations

import contextlib
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.ids import run_id_for
from sr_domain.plan.pack import OutputSpec
from sr_domain.queries.verify import Verification
from sr_domain.record.states import RunState
from sr_ports import Fault, ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, crash, every_crash
from tests.flows.test_commit_order import Recording
from tests.forger import details, rechained
from tests.kit import BASE, Lab, request
from tests.signing import Paper
from tests.worlds import EVENTS, GATES, OUTPUTS, WORLD, pack, sha, small_world

RUN = run_id_for("key")
KEY = f"{BASE}/attestation/{RUN}.dsse.json"
VIEW = f"{BASE}/run_facts_view/{RUN}.json"
RECORD = f"{BASE}/run_record/{RUN}.jsonl"
PLAN = f"{BASE}/run_plan/{RUN}.json"
SIGNAL = f"{BASE}/ready_signal/{RUN}.json"
PORTS = ("store", "authority", "bus")


def signed(lab: Lab, signer: Any = None, *, world: dict[str, bytes] | None = None) -> None:
    """A READY run, signed."""
    root = lab.world(small_world() if world is None else world)
    outcome = lab.runner(signer=signer or Paper()).submit(request(engine_run_root=root))
    assert (outcome.state, outcome.published) == (RunState.READY, True)


def stated(lab: Lab) -> dict[str, Any]:
    """What the stored envelope states."""
    made: dict[str, Any] = json.loads(b64decode(json.loads(lab.store.read(KEY).data)["payload"]))
    return made


def subjects(lab: Lab) -> dict[str, str]:
    """What the stored envelope is about: name and digest of each."""
    named = [(one["name"], one["digest"]["sha256"]) for one in stated(lab)["subject"]]
    assert len(dict(named)) == len(named)
    return dict(named)


def put(lab: Lab, key: str, data: bytes | None) -> None:
    """Behind the store's back."""
    lab.store.delete(key)
    if data is not None:
        lab.store.create(key, data)


def verified(lab: Lab, signed_by: Any = None, *, fast: bool = True) -> Verification:
    return lab.runner().verify(RUN, fast=fast, signed_by=signed_by or Paper())


def codes(lab: Lab, signed_by: Any = None) -> list[str]:
    return [one.code.value for one in verified(lab, signed_by).findings]


def test_the_statement_is_about_the_stored_view_and_every_locator(any_lab: Lab) -> None:
    signed(any_lab)
    view = any_lab.store.read(VIEW).data
    locators = {one["output_id"]: one["content_digest"]["hex"] for one in json.loads(view)["locators"]}
    assert set(locators) == {"world", "events", "daily"}
    decided = any_lab.ledger(RUN).first("EVIDENCE_COMPLETE")
    assert decided is not None
    (line,) = (one for one in any_lab.store.read(RECORD).data.splitlines() if b'"EVIDENCE_COMPLETE"' in one)
    assert subjects(any_lab) == {
        VIEW: sha(view),
        PLAN: sha(any_lab.store.read(PLAN).data),
        f"{RECORD}#EVIDENCE_COMPLETE": sha(line),
        **locators,
    }
    assert stated(any_lab)["predicate"]["timeVerified"] == decided.ts_utc
    assert stated(any_lab)["predicate"]["verifier"]["version"] == {"scenario-runner-rules": str(decided.revision)}


def test_an_output_over_several_days_is_named_by_where_each_day_is(lab: Lab) -> None:
    sales = OutputSpec("sales", "data/sales/utc_day={utc_day}/*.bin", optional=False)
    gate = attrs.evolve(GATES[0], authorizes_outputs=(*GATES[0].authorizes_outputs, "sales"))
    files = small_world() | {
        f"data/sales/utc_day=2026-01-0{day}/{n}.bin": b"%d" % day for day in (1, 2) for n in (0, 1)
    }
    window = {"window_start_utc": "2026-01-01T00:00:00Z", "window_end_utc": "2026-01-03T00:00:00Z", "window_tz": "UTC"}
    asked = request(engine_run_root=lab.world(files), window=window, output_ids=["world", "sales"])
    runner = lab.runner(packed=pack((*OUTPUTS, sales), (gate, *GATES[1:])), signer=Paper())
    assert runner.submit(asked).state is RunState.READY
    locators = json.loads(lab.store.read(VIEW).data)["locators"]
    named = {name: digest for name, digest in subjects(lab).items() if name.startswith("sales")}
    assert named == {
        f"sales@data/sales/utc_day=2026-01-0{day}/*.bin": locators[at]["content_digest"]["hex"]
        for at, day in enumerate((1, 2), [one["output_id"] for one in locators].index("sales"))
    }
    assert runner.verify(RUN, signed_by=Paper()).ok


def test_it_is_written_once_between_the_view_and_the_status(lab: Lab) -> None:
    calls: list[str] = []
    ports: dict[str, Any] = {name: Recording(getattr(lab, name), calls) for name in PORTS}
    lab.runner(signer=Paper(), **ports).submit(request(engine_run_root=lab.world(small_world())))
    assert calls.count("attestation") == 1
    at = calls.index("attestation")
    assert calls[at - 1 : at + 2] == ["run_facts_view", "attestation", "status READY"]


def test_without_a_key_nothing_changes(tmp_path: Path) -> None:
    bare, keyed = Lab.memory(tmp_path), Lab.memory(tmp_path)
    bare.reuse(small_world())
    signed(keyed)
    extra = keyed.truth()
    assert extra.pop(KEY)
    plain, record = bare.truth(), next(key for key in extra if "run_record" in key)
    assert KEY.encode() in extra.pop(record)
    assert KEY.encode() not in plain.pop(record)
    assert extra == plain
    assert keyed.published() == bare.published()


def test_a_duplicate_signs_nothing_again(any_lab: Lab) -> None:
    signed(any_lab)
    before = any_lab.truth()
    assert any_lab.runner(signer=Paper("other")).submit(request()).state is RunState.READY
    assert any_lab.truth() == before


def test_cut_anywhere_it_ends_signed_and_nothing_says_ready_before(lab: Lab) -> None:
    root, counted = lab.world(small_world()), CrashPlan()
    lab.runner(signer=Paper(), **crash({name: getattr(lab, name) for name in PORTS}, counted)).submit(
        request(engine_run_root=root)
    )
    whole = stated(lab)
    for plan in every_crash(counted.calls):
        fresh = Lab.memory(lab.root)
        cut = crash({name: getattr(fresh, name) for name in PORTS}, plan)
        with contextlib.suppress(Died, Unreachable):
            fresh.runner(signer=Paper(), **cut).submit(request(engine_run_root=root))
        truth = fresh.truth()
        if "READY_COMMITTED" in fresh.kinds(RUN) or fresh.published():
            assert KEY in truth
        fresh.lapse()
        done = fresh.runner(signer=Paper()).submit(request(engine_run_root=root))
        assert (done.state, done.published) == (RunState.READY, True)
        assert codes(fresh) == []
        assert [one["name"] for one in stated(fresh)["subject"]] == [one["name"] for one in whole["subject"]]
        if KEY in truth:
            assert fresh.truth()[KEY] == truth[KEY]


def cut_at(lab: Lab, key: str, signer: Any) -> None:
    """A process that dies just before it writes `key`."""

    @attrs.frozen
    class Cut:
        inner: Any

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def create(self, at: str, data: bytes) -> Any:
            if at == key:
                raise Died
            return self.inner.create(at, data)

    with pytest.raises(Died):
        lab.runner(store=Cut(lab.store), signer=signer).submit(request(engine_run_root=lab.world(small_world())))
    lab.lapse()


def test_after_a_crash_between_view_and_envelope_resume_writes_it(lab: Lab) -> None:
    cut_at(lab, KEY, Paper())
    assert VIEW in lab.truth()
    assert KEY not in lab.truth()
    assert lab.runner(signer=Paper()).resume(RUN).state is RunState.READY
    assert codes(lab) == []


def test_after_the_key_was_changed_the_envelope_that_stands_stands(lab: Lab) -> None:
    cut_at(lab, f"{BASE}/ready_signal/{RUN}.json", Paper("first"))
    before = lab.truth()[KEY]
    assert lab.runner(signer=Paper("second")).resume(RUN).state is RunState.READY
    assert lab.truth()[KEY] == before
    assert codes(lab, Paper("first")) == []
    assert codes(lab, Paper("second")) == ["ATTESTATION_INVALID"]


def test_a_worker_without_the_key_finishes_the_run_unsigned(lab: Lab) -> None:
    cut_at(lab, KEY, Paper())
    assert lab.runner().resume(RUN).state is RunState.READY
    assert KEY not in lab.truth()
    assert lab.runner().verify(RUN, fast=True).ok
    assert codes(lab) == ["ATTESTATION_MISSING"]


def test_a_view_that_stands_without_its_decision_is_not_signed(lab: Lab) -> None:
    """Of other evidence than the run then proves: nobody puts his name to it."""
    signed(lab)
    lab.never_released()
    record = f"{BASE}/run_record/{RUN}.jsonl"
    lines = lab.store.read(record).data.splitlines(keepends=True)
    put(lab, record, b"".join(lines[: lab.kinds(RUN).index("EVIDENCE_COMPLETE")]))
    put(lab, VIEW, exact_json({**json.loads(lab.truth()[VIEW]), "bundle_hash": "0" * 64}))
    for key in (KEY, f"{BASE}/run_status/{RUN}.json", f"{BASE}/ready_signal/{RUN}.json"):
        put(lab, key, None)
    with pytest.raises(Fault) as caught:
        lab.runner(signer=Paper()).resume(RUN)
    assert caught.value.code is ReasonCode.TRUTH_ALTERED
    assert KEY not in lab.truth()


@pytest.mark.parametrize("planted", [b"", b"{}", b"junk", None], ids=["empty", "no envelope", "no JSON", "of another"])
def test_what_stands_there_and_states_something_else_stops_the_commit(lab: Lab, planted: bytes | None) -> None:
    other = Paper().sign("application/vnd.in-toto+json", b'{"subject":[]}')
    put(lab, KEY, other if planted is None else planted)
    with pytest.raises(Fault) as caught:
        lab.runner(signer=Paper()).submit(request(engine_run_root=lab.world(small_world())))
    assert caught.value.code is ReasonCode.TRUTH_ALTERED
    assert KEY in caught.value.what
    assert lab.published() == []
    assert lab.document("run_status", RUN)["state"] != "READY"


@attrs.frozen
class Liar:
    """A signer that breaks its first law."""

    given: bytes
    keyid: str = "liar"

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        return self.given


@pytest.mark.parametrize("given", [b"", b"{}", Paper().sign("application/vnd.in-toto+json", b"{}")])
def test_a_signer_that_signs_something_else_stops_the_commit(lab: Lab, given: bytes) -> None:
    with pytest.raises(Fault) as caught:
        lab.runner(signer=Liar(given)).submit(request(engine_run_root=lab.world(small_world())))
    assert caught.value.code is ReasonCode.ATTESTATION_INVALID
    assert KEY not in lab.truth()
    lab.lapse()
    assert lab.runner(signer=Paper()).resume(RUN).state is RunState.READY
    assert codes(lab) == []


class Away(Paper):
    """A signer whose key's keeper does not answer."""

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the keeper of the key does not answer")


def test_a_keeper_that_does_not_answer_leaves_the_run_to_be_resumed(lab: Lab) -> None:
    with pytest.raises(Unreachable):
        lab.runner(signer=Away()).submit(request(engine_run_root=lab.world(small_world())))
    assert lab.published() == []
    lab.lapse()
    assert lab.runner(signer=Paper()).resume(RUN).state is RunState.READY
    assert codes(lab) == []


def test_verify_wants_the_signature_of_that_key(lab: Lab) -> None:
    signed(lab)
    assert verified(lab, fast=False).ok
    (finding,) = verified(lab, Paper("other")).findings
    assert (finding.code, finding.where) == (ReasonCode.ATTESTATION_INVALID, KEY)
    put(lab, KEY, None)
    (finding,) = verified(lab).findings
    assert (finding.code, finding.where) == (ReasonCode.ATTESTATION_MISSING, KEY)
    assert lab.runner().verify(RUN, fast=True).ok


def test_any_byte_of_the_envelope_counts(lab: Lab) -> None:
    signed(lab)
    whole = lab.store.read(KEY).data
    for at in range(len(whole)):
        put(lab, KEY, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert codes(lab) == ["ATTESTATION_INVALID"], at
    put(lab, KEY, whole)
    assert codes(lab) == []


def test_truth_rewritten_as_a_whole_is_found_by_the_signature_alone(lab: Lab, tmp_path: Path) -> None:
    """Somebody who can write the store makes view, record and bytes anew, all in keeping with each other."""
    signed(lab)
    files = {**small_world(), f"{EVENTS}/part-0.bin": b"forged"}
    forged = Lab.memory(tmp_path / "forged")
    forged.reuse(files)
    forged.store.create(KEY, lab.store.read(KEY).data)
    assert forged.runner().verify(RUN).ok
    (finding,) = verified(forged, fast=False).findings
    assert finding.code is ReasonCode.ATTESTATION_INVALID
    assert VIEW in finding.what


def rewrite(lab: Lab, *changes: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """The record with changed events, its chain sound."""
    data = lab.store.read(RECORD).data
    for change in changes:
        data = rechained(data, change)
    put(lab, RECORD, data)


def faults(lab: Lab) -> set[tuple[str, str]]:
    """What a consumer with the key is told, and of what."""
    return {(one.code.value, one.where) for one in verified(lab, fast=False).findings}


def test_a_record_that_was_only_chained_anew_is_the_one_that_was_signed(lab: Lab) -> None:
    """The twin of those below: the forger's own tools alone change nothing."""
    signed(lab)
    before = lab.store.read(RECORD).data
    rewrite(lab, lambda event: event)
    assert lab.store.read(RECORD).data == before
    assert faults(lab) == set()
    done = verified(lab, fast=False)
    assert (done.proven_outputs, done.proven_gates, done.unbound) == (3, 3, ())


def test_a_record_rewritten_before_its_decision_is_found_by_the_signature_alone(lab: Lab, tmp_path: Path) -> None:
    """The record sends whoever believes it to copies, with its chain recomputed."""
    signed(lab)
    copies = Lab.memory(tmp_path / "copies").world(small_world())
    rewrite(lab, details("EVIDENCE_STARTED", engine_run_root=str(copies)))
    assert lab.runner().verify(RUN).ok
    done = verified(lab, fast=False)
    assert faults(lab) == {("TRUTH_ALTERED", RECORD)}
    assert done.engine_run_root == json.loads(lab.store.read(VIEW).data)["oracle_pack_ref"]["engine_run_root"]
    assert (done.proven_outputs, done.proven_gates) == (3, 0)
    assert set(done.not_judged) == {"gate.a", "gate.b", "gate.c"}


def test_bad_bytes_are_not_hidden_by_a_record_that_sends_to_good_copies(lab: Lab, tmp_path: Path) -> None:
    """A record made out to be of the first release, whose root and paths stand in the record and not in the view."""
    signed(lab)
    root = Path(json.loads(lab.store.read(VIEW).data)["oracle_pack_ref"]["engine_run_root"])
    copies = Lab.memory(tmp_path / "copies").world(small_world())

    def older(event: dict[str, Any]) -> dict[str, Any]:
        event["details"].pop("revision", None)
        return {**event, "event_id": event["event_id"][:32]}

    rewrite(lab, older, details("EVIDENCE_STARTED", engine_run_root=str(copies)))
    (root / WORLD).write_bytes(b"bad")
    assert verified(lab, fast=False).engine_run_root == str(root)
    told = {one.where: one for one in verified(lab, fast=False).findings}
    assert "says less than was signed: revision 1" in told[RECORD].what
    assert told["world"].what.startswith("ROTTED")


def test_a_record_that_lacks_its_decision_says_less_than_was_signed(lab: Lab) -> None:
    signed(lab)
    data = lab.store.read(RECORD).data.splitlines(keepends=True)
    put(lab, RECORD, b"".join(data[: lab.kinds(RUN).index("EVIDENCE_COMPLETE")]))
    assert ("TRUTH_ALTERED", RECORD) in faults(lab)
    assert verified(lab, fast=False).proven_outputs == 3


def test_a_plan_rewritten_with_its_record_is_found_by_the_signature_alone(lab: Lab) -> None:
    """The gates that are judged again are those that were judged: none is weakened behind the signature."""
    signed(lab)
    plan = lab.document("run_plan", RUN)
    data = exact_json({**plan, "attempt_limit": plan["attempt_limit"] + 1})
    put(lab, PLAN, data)
    rewrite(lab, details("PLAN_COMMITTED", run_plan_digest=sha(data)))
    assert lab.runner().verify(RUN).ok
    assert faults(lab) == {("TRUTH_ALTERED", RECORD), ("TRUTH_ALTERED", PLAN)}


def test_a_swapped_ready_signal_is_found_by_the_signature_alone(lab: Lab) -> None:
    """Where the record's own word for the signal stands is behind what was signed."""
    signed(lab)
    data = exact_json({**lab.document("ready_signal", RUN), "facts_view_ref": "elsewhere"})
    put(lab, SIGNAL, data)
    rewrite(lab, details("READY_COMMITTED", ready_signal_digest=sha(data)))
    assert lab.runner().verify(RUN).ok
    assert faults(lab) == {("TRUTH_ALTERED", SIGNAL)}


def test_the_envelope_of_another_run_is_not_this_one_s(lab: Lab, tmp_path: Path) -> None:
    signed(lab)
    other = Lab.memory(tmp_path / "other")
    root = other.world(small_world("another"))
    outcome = other.runner(signer=Paper()).submit(request("another", engine_run_root=root))
    put(lab, KEY, other.store.read(f"{BASE}/attestation/{outcome.run_id}.dsse.json").data)
    assert faults(lab) == {("ATTESTATION_INVALID", KEY)}


def test_without_its_record_view_and_outputs_are_held_against_the_signature(lab: Lab) -> None:
    """What cannot be held is named, and nothing else; the twin has bad bytes."""
    signed(lab)
    put(lab, RECORD, None)
    assert faults(lab) == {("TRUTH_MISSING", RECORD)}
    done = verified(lab, fast=False)
    assert (done.proven_outputs, done.not_judged) == (3, ("gate.a", "gate.b", "gate.c"))
    Path(str(done.engine_run_root), WORLD).write_bytes(b"bad")
    assert faults(lab) == {("TRUTH_MISSING", RECORD), ("TRUTH_ALTERED", "world")}


def test_without_its_record_another_view_plan_or_signal_is_still_a_fault(lab: Lab) -> None:
    signed(lab)
    put(lab, RECORD, None)
    for key, named in ((VIEW, KEY), (PLAN, PLAN), (SIGNAL, SIGNAL)):
        whole = lab.store.read(key).data
        put(lab, key, whole.replace(b"2026", b"2025", 1) if key != VIEW else whole.replace(b"lab", b"lob", 1))
        assert {where for _, where in faults(lab)} >= {RECORD, named}, key
        put(lab, key, whole)
    assert faults(lab) == {("TRUTH_MISSING", RECORD)}


def test_object_versions_that_no_record_binds_are_not_believed(lab: Lab) -> None:
    signed(lab)
    put(lab, RECORD, None)
    put(lab, f"{BASE}/object_versions/{RUN}.json", b"junk")
    assert faults(lab) == {("TRUTH_MISSING", RECORD)}


def test_every_finding_says_whether_the_signature_binds_what_it_rests_on(lab: Lab) -> None:
    signed(lab)
    clean = verified(lab, fast=False).document()
    assert clean["rests_on"] == [
        {"name": name, "bound": True} for name in ("facts_view", "outputs", "root", "plan", "record")
    ]
    root = Path(clean["engine_run_root"])
    (root / WORLD).write_bytes(b"bad")
    put(lab, f"{BASE}/run_status/{RUN}.json", b"{}")
    told = {one["where"]: one["bound"] for one in verified(lab, fast=False).document()["findings"]}
    assert told["world"]
    assert not told[f"{BASE}/run_status/{RUN}.json"]
    plain = lab.runner().verify(RUN).document()
    assert "rests_on" not in plain
    assert all("bound" not in one for one in plain["findings"])
    given = lab.runner().verify(RUN, engine_run_root=str(root), signed_by=Paper(), fast=True)
    assert "root" not in [one.name for one in given.rests_on]
    nobody = verified(lab, Paper("other")).document()
    assert {one["bound"] for one in (*nobody["findings"], *nobody["rests_on"])} == {False}


def test_audit_names_an_envelope_that_is_not_of_its_run(lab: Lab) -> None:
    signed(lab)
    assert lab.runner().audit(RUN).findings == ()
    whole = lab.store.read(KEY).data
    for other in (b"", whole + b" ", Paper().sign("application/vnd.in-toto+json", b"{}")):
        put(lab, KEY, other)
        (finding,) = lab.runner().audit(RUN).findings
        assert (finding.code, finding.where) == (ReasonCode.TRUTH_ALTERED, KEY)
    put(lab, KEY, None)
    (finding,) = lab.runner().audit(RUN).findings
    assert (finding.code, finding.where) == (ReasonCode.ATTESTATION_MISSING, KEY)


def test_audit_names_an_envelope_of_a_run_that_decided_nothing(lab: Lab) -> None:
    files = small_world()
    del files[f"{EVENTS}/part-0.bin"], files[f"{EVENTS}/part-1.bin"]
    assert lab.reuse(files).state is RunState.WAITING_EVIDENCE
    put(lab, KEY, b"{}")
    (finding,) = lab.runner().audit(RUN).findings
    assert (finding.code, finding.where) == (ReasonCode.TRUTH_ALTERED, KEY)
