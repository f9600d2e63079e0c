"""Records rule: over an index that was lost, over folders that moved, over whoever cuts or edits them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_domain.encoding.canonical import canonical_json, exact_json
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.ids import run_id_for
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Settings
from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_ports import BadInput, EngineCall, EngineResult, NotFound, ReasonCode
from tests.kit import BASE, LAWS, Lab, request
from tests.worlds import FLAG, small_world

RUN = run_id_for("key")
RECORD = f"{BASE}/run_record/{RUN}.jsonl"
LATE = "gates/gate.b/" + FLAG
CLOSED = Settings(submitters=frozenset({"alice"}))


def put(lab: Lab, key: str, data: bytes) -> None:
    """Other bytes in an artifact's place, as somebody with the store in hand puts them there."""
    lab.store.replace(key, data, etag=lab.store.read(key).etag)


def waiting(lab: Lab, **changes: Any) -> str:
    """A run that misses one flag; its engine root."""
    files = {path: data for path, data in small_world().items() if path != LATE}
    root = lab.world(files)
    outcome = lab.runner(policy={"evidence_wait_seconds": 600}).submit(request(engine_run_root=root, **changes))
    assert outcome.state is RunState.WAITING_EVIDENCE
    return root


@pytest.mark.parametrize("rests", ["READY", "WAITING_EVIDENCE"])
def test_after_the_index_is_lost_no_other_intent_takes_the_key(lab: Lab, rests: str) -> None:
    if rests == "READY":
        lab.reuse(small_world())
    root = lab.world(small_world()) if rests == "READY" else waiting(lab)
    lab.authority = MemoryAuthority(lab.clock.now)
    other = lab.runner().submit(request(engine_run_root=root, seed=9))
    assert (other.state, other.reason_code) == (None, ReasonCode.EQUIVALENCE_COLLISION)
    assert "7 is bound, 9 was asked" in other.message
    lab.world(small_world())
    assert lab.runner().submit(request(engine_run_root=root)).state is RunState.READY
    again = lab.runner().submit(request(engine_run_root=root, seed=9))
    assert again.reason_code is ReasonCode.EQUIVALENCE_COLLISION


def test_a_key_in_use_collides_whatever_the_other_intent_would_supersede(lab: Lab) -> None:
    lab.reuse(small_world())
    other = lab.runner().submit(request(engine_run_root=lab.world(small_world()), supersedes="0" * 32))
    assert other.reason_code is ReasonCode.EQUIVALENCE_COLLISION


def test_a_relative_root_is_anchored_in_full(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = Path(waiting_relative(lab, monkeypatch))
    accepted = lab.ledger(RUN).first("RUN_ACCEPTED")
    assert accepted is not None
    assert accepted.details["engine_run_root"] == str(root)
    lab.world(small_world())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert lab.runner().resume(RUN).state is RunState.READY
    assert lab.runner().verify(RUN).ok


def waiting_relative(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> str:
    root = lab.world({path: data for path, data in small_world().items() if path != LATE})
    monkeypatch.chdir(Path(root).parent)
    runner = lab.runner(policy={"evidence_wait_seconds": 600})
    assert runner.submit(request(engine_run_root=os.path.basename(root))).state is RunState.WAITING_EVIDENCE  # noqa: PTH119
    return root


def test_every_line_of_a_record_is_rfc_8785(lab: Lab) -> None:
    lab.runner(policy={"retry_backoff_seconds": 1.5}).submit(request(engine_run_root=lab.world(small_world())))
    for line in lab.store.read(RECORD).data.splitlines():
        assert canonical_json(json.loads(line)) == line


def test_a_failed_attempt_is_on_record_as_its_contract_says_and_why_beside_it(lab: Lab) -> None:
    def fails(call: EngineCall) -> EngineResult:
        return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None, detail="exit 3: no such world")

    outcome = lab.runner(engine=fails, policy={"attempt_limit": 1}).submit(request())
    (ended,) = lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED")
    assert problem("engine_attempt", ended.details) is None
    assert "exit 3: no such world" in outcome.message
    assert lab.runner().explain(RUN).attempts[0]["detail"] == "exit 3: no such world"


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_cut_tail_is_found_by_what_stands_beside_the_record(lab: Lab, cut: int) -> None:
    lab.reuse(small_world())
    lines = lab.store.read(RECORD).data.splitlines(keepends=True)
    put(lab, RECORD, b"".join(lines[:-cut]))
    first = lab.runner().audit(RUN).findings[0]
    alone = cut > 1 and lines[-cut] != lines[-1]  # cut within what goes on record together
    code = ReasonCode.RECORD_INVALID if alone else ReasonCode.TRUTH_ROLLED_BACK
    assert (first.code, first.where) == (code, RECORD)
    assert "its tail is cut" in first.what


def test_a_forgotten_successor_is_found_by_the_successors_own_audit(lab: Lab) -> None:
    lab.reuse(small_world())
    new = lab.reuse(small_world(), run_equivalence_key="new", supersedes=RUN)
    lines = lab.store.read(RECORD).data.splitlines(keepends=True)
    assert b'"SUPERSEDED_BY"' in lines[-2]
    assert b'"GOV_SUPERSEDED"' in lines[-1]
    assert lab.runner().audit(new.run_id).findings == ()
    for cut in (b"".join(lines[:-2]), b"{}\n"):
        put(lab, RECORD, cut)
        (finding,) = lab.runner().audit(new.run_id).findings
        assert (finding.code, finding.where) == (ReasonCode.RECORD_INVALID, RECORD)


def test_a_settled_run_takes_no_further_event(lab: Lab) -> None:
    lab.reuse(small_world())
    before = lab.truth()
    assert lab.runner().resume(RUN).state is RunState.READY
    assert lab.truth() == before


def test_a_run_that_rests_says_what_did_pass(lab: Lab) -> None:
    waiting(lab)
    told = lab.runner().explain(RUN)
    verdicts = {one.id: one.verdict for one in (*told.gates, *told.outputs)}
    assert verdicts["gate.a"] == verdicts["gate.c"] == "PASS"
    assert verdicts["gate.b"] == "MISSING"
    assert verdicts["world"] == verdicts["daily"] == "PROVEN"
    assert all(one.digest and one.provided_by for one in told.gates if one.verdict == "PASS")
    lab.world({LATE: b"sha256_hex = " + b"0" * 64 + b"\n"})
    assert lab.runner().resume(RUN).state is RunState.QUARANTINED
    told = lab.runner().explain(RUN)
    assert {one.id: one.verdict for one in told.gates} == {"gate.a": "PASS", "gate.b": "CONFLICT", "gate.c": "PASS"}


def test_whoever_was_only_denied_has_no_run(lab: Lab) -> None:
    denied = lab.runner(settings=CLOSED).submit(request(), actor="mallory")
    assert denied.reason_code is ReasonCode.AUTH_DENIED
    for ask in (lab.runner().status, lab.runner().explain, lab.runner().facts):
        with pytest.raises(NotFound):
            ask(RUN)
    assert [one.event_kind for one in lab.runner().record(RUN)] == ["AUTH_DENIED"]


@pytest.mark.parametrize("kind", ["run_plan", "run_status", "ready_signal"])
def test_verify_finds_what_no_longer_follows_from_the_record(lab: Lab, kind: str) -> None:
    lab.reuse(small_world())
    key = f"{BASE}/{kind}/{RUN}.json"
    document = json.loads(lab.store.read(key).data)
    put(lab, key, exact_json({**document, "run_id": "0" * 32}))
    (finding,) = lab.runner().verify(RUN).findings
    assert (finding.code, finding.where) == (ReasonCode.TRUTH_ALTERED, key)


@pytest.mark.parametrize(
    ("gate", "lead", "to"),
    [
        ("gate.a", "z.csv", "../../data/loose.bin"),
        ("gate.b", "index.json", None),
    ],
)
def test_nothing_leads_out_of_a_bundle(lab: Lab, gate: str, lead: str, to: str | None) -> None:
    files = small_world()
    if to is None:
        claim = json.loads(files["gates/gate.b/index.json"])["files"][0]["sha256_hex"]
        files["gates/gate.b/index.json"] = json.dumps([{"path": "../x", "sha256_hex": claim}]).encode()
    root = Path(lab.world(files))
    if to is not None:
        (root / "data/loose.bin").write_bytes((root / f"gates/{gate}/{lead}").read_bytes())
        (root / f"gates/{gate}/{lead}").unlink()
        (root / f"gates/{gate}/{lead}").symlink_to(to)
    outcome = lab.runner().submit(request(engine_run_root=str(root)))
    assert outcome.state is RunState.QUARANTINED
    assert f"{gate}: PATH_ESCAPES" in outcome.message


def test_allowlists_hold_also_where_nobody_proves_who_he_is(tmp_path: Path) -> None:
    profile = {"runtime_root": str(tmp_path / "runs"), "auth": {"submit": ["alice"], "reemit": ["oncall"]}}
    with build_runner(profile) as runner:
        denied = runner.submit(request(output_ids=None), actor="mallory")
        assert denied.reason_code is ReasonCode.AUTH_DENIED
        asked = request(output_ids=None, engine_run_root=str(tmp_path))
        assert runner.submit(asked, actor="alice").reason_code is not ReasonCode.AUTH_DENIED
        refused = runner.reemit(RUN, actor="alice")
        assert isinstance(refused, Outcome)
        assert refused.reason_code is ReasonCode.AUTH_DENIED


WRITES: dict[str, Callable[[ScenarioRunner, str], object]] = {
    "submit": lambda runner, actor: runner.submit(request(), actor=actor),
    "resume": lambda runner, actor: runner.resume(RUN, actor=actor),
    "reemit": lambda runner, actor: runner.reemit(RUN, actor=actor),
    "recover a run": lambda runner, actor: runner.recover_run(RUN, reason="r", actor=actor),
    "recover an artifact": lambda runner, actor: runner.recover_artifact(RUN, "key", reason="r", actor=actor),
    "recover a store": lambda runner, actor: runner.recover_store("new", reason="r", actor=actor),
}


@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize(
    "actor",
    ["eve\nadmin", "eve\u200b", "password=hunter2hunter2", "e" * 513],
    ids=["two lines", "unseen", "a secret", "too long"],
)
def test_a_name_that_fits_no_record_is_not_put_on_one_by_a_denial(lab: Lab, what: str, actor: str) -> None:
    lab.reuse(small_world())
    before = lab.truth()
    with pytest.raises(BadInput) as caught:
        WRITES[what](lab.runner(settings=CLOSED), actor)
    assert (caught.value.code, lab.truth()) == (ReasonCode.USAGE, before)


@pytest.mark.parametrize("what", ["submit", "reemit", "recover a run", "recover an artifact"])
def test_the_longest_name_is_denied_on_a_record_that_stays_sound(lab: Lab, what: str) -> None:
    lab.reuse(small_world())
    WRITES[what](lab.runner(settings=CLOSED), "e" * 512)
    assert lab.kinds(RUN).count("AUTH_DENIED") == 1
    assert lab.runner().audit(RUN).findings == ()


def test_a_shared_authority_tells_a_machine_that_never_submitted_what_is_left_to_do(lab: Lab) -> None:
    waiting(lab)

    class Nothing:
        def current(self) -> None:
            return None

    assert list(lab.runner(platform=Nothing()).unsettled()) == [RUN]


def test_a_law_that_exits_has_failed_and_proves_nothing(lab: Lab) -> None:
    class Exits:
        kind = "sha256_bundle_digest"

        def digest(self, bundle: object) -> str:
            raise SystemExit(3)

    laws = {**LAWS, Exits.kind: ProvidedLaw(Exits(), "acme", "1")}
    outcome = lab.runner(laws=laws).submit(request(engine_run_root=lab.world(small_world())))
    assert (outcome.state, outcome.reason_code) == (RunState.VERIFYING, ReasonCode.LAW_FAILED)
