"""Revisions: a run is held against the rules of its day, whatever this release decides by."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

import hatch_build
from sr_domain.artifacts.revisions import RULES
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.contracts import module_of, problem
from sr_domain.record import revisions
from sr_domain.record.kinds import Draft
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger, read_ledger
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_ports import Fault, ReasonCode, Unreachable
from tests import revision_3
from tests.flows.test_what_is_evidence import TREE, link
from tests.kit import BASE, START, WAIT_S, Lab, request
from tests.releases import by
from tests.worlds import FLAG, pack, receipt, small_world

R = ReasonCode
EARLIER = (1, 2)
"""Every revision there has been."""
LATE = f"gates/gate.b/{FLAG}"


@pytest.fixture
def earlier(monkeypatch: pytest.MonkeyPatch, revision: int) -> Callable[[], None]:
    """This is a release of `revision`; called: of revision 3, from then on."""
    by(monkeypatch, revision)
    return partial(by, monkeypatch, 3)


@attrs.frozen
class Cut:
    """A store that is out of reach for one kind of artifact."""

    store: Any
    kind: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def create(self, key: str, data: bytes) -> Any:
        if f"/{self.kind}/" in key:
            raise Unreachable(R.STORE_UNREACHABLE, "the server is away")
        return self.store.create(key, data)


def digest(lab: Lab, kind: str, run_id: str) -> str:
    return sha256_hex(lab.store.read(f"{BASE}/{kind}/{run_id}.json").data)


def details(lab: Lab, run_id: str, kind: str) -> dict[str, Any]:
    event = lab.ledger(run_id).first(kind)
    assert event is not None
    return dict(event.details)


def sound(lab: Lab, run_id: str) -> None:
    runner = lab.runner()
    assert not runner.audit(run_id).findings
    assert runner.verify(run_id).ok


# --- what the record says ---


def test_every_revision_has_its_rules_and_today_is_the_last() -> None:
    assert list(RULES) == list(EARLIER) == list(range(1, revisions.REVISION + 1))
    assert all(rules.revision == number for number, rules in RULES.items())


def test_a_decision_names_its_revision_and_the_digest_of_what_follows(lab: Lab) -> None:
    run_id = lab.reuse(small_world()).run_id
    for kind in ("RUN_ACCEPTED", "PLAN_COMMITTED", "EVIDENCE_COMPLETE", "READY_COMMITTED"):
        assert details(lab, run_id, kind)["revision"] == revisions.REVISION
    assert details(lab, run_id, "PLAN_COMMITTED")["run_plan_digest"] == digest(lab, "run_plan", run_id)
    assert details(lab, run_id, "EVIDENCE_COMPLETE")["facts_view_digest"] == digest(lab, "run_facts_view", run_id)
    assert details(lab, run_id, "READY_COMMITTED")["ready_signal_digest"] == digest(lab, "ready_signal", run_id)


def test_a_quarantine_names_the_digest_of_its_record_and_a_plain_failure_none(lab: Lab) -> None:
    run_id = lab.reuse({**small_world(), f"gates/gate.a/{FLAG}": b"junk"}).run_id
    told = details(lab, run_id, "RUN_QUARANTINED")
    assert (told["revision"], told["quarantine_digest"]) == (revisions.REVISION, digest(lab, "quarantine", run_id))
    run_id = lab.runner().submit(request("other", output_ids=["nothing"])).run_id
    told = details(lab, run_id, "RUN_FAILED")
    assert (told["revision"], "quarantine_digest" in told) == (revisions.REVISION, False)


def test_a_failure_by_drift_names_the_digest_of_its_record_too(lab: Lab) -> None:
    assert lab.reuse(small_world()).state is RunState.READY
    outcome = lab.reuse({**small_world(), **drifted()}, key="again")
    assert outcome.reason_code is R.INSTANCE_RECEIPT_DRIFT, outcome
    told = details(lab, outcome.run_id, "RUN_FAILED")
    assert told["quarantine_digest"] == digest(lab, "quarantine", outcome.run_id)
    assert not lab.runner().audit(outcome.run_id).findings


def drifted() -> dict[str, bytes]:
    """Another part of the output that is instance-scoped."""
    (part,) = [name for name in small_world() if name.endswith("part-0.bin")][:1]
    return {part: b"other bytes"}


def record(*drafts: Draft) -> bytes:
    made = Ledger("0" * 32).append(
        [Draft("RUN_ACCEPTED", {"revision": 2}), *drafts], fence=1, actor="a", policy_rev=None, now=START
    )
    return made.data


@pytest.mark.parametrize(
    ("later", "code"),
    [
        ({}, R.TRUTH_ALTERED),
        ({"revision": 1}, R.TRUTH_ALTERED),
        ({"revision": 0}, R.RECORD_INVALID),
        ({"revision": "2"}, R.RECORD_INVALID),
        ({"revision": True}, R.RECORD_INVALID),
    ],
)
def test_a_revision_never_falls_within_a_record(later: dict[str, Any], code: ReasonCode) -> None:
    found = check_ledger("0" * 32, record(Draft("PLAN_COMMITTED", later)))
    assert isinstance(found, RecordFault)
    assert (found.line, found.code) == (2, code)
    assert "revision" in found.what


@pytest.mark.parametrize(
    "draft",
    [
        Draft("PLAN_COMMITTED", {"revision": 2}),
        Draft("RUN_FAILED", {"revision": 2}),
        Draft("GOV_POLICY_REV", {"revision": "1"}),  # a policy's own
    ],
    ids=lambda draft: draft.event_kind,
)
def test_a_revision_that_stands_is_sound(draft: Draft) -> None:
    assert read_ledger("0" * 32, record(draft)).revision == 2


# --- a release with another revision ---


def test_a_new_run_is_of_the_new_revision(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    by(monkeypatch, 3)
    outcome = lab.reuse(small_world())
    view = lab.document("run_facts_view", outcome.run_id)
    assert view["total_size"] > 0
    assert problem("run_facts_view", view, 3) is None
    assert problem("run_facts_view", view, 2) is not None
    sound(lab, outcome.run_id)


@pytest.mark.parametrize("revision", EARLIER)
def test_a_ready_run_of_an_earlier_revision_stays_sound(lab: Lab, earlier: Callable[[], None]) -> None:
    outcome = lab.reuse(small_world())
    before = lab.truth()
    earlier()
    sound(lab, outcome.run_id)
    again = lab.runner().submit(request(engine_run_root=str(lab.root / "engine")))
    assert (again.state, again.is_new) == (RunState.READY, False)
    done = lab.runner().reemit(outcome.run_id, "READY_ONLY", actor="a")
    assert getattr(done, "published", ()) == ("READY",)
    assert len({one.message_id for one in lab.published()}) == 1
    assert "total_size" not in lab.document("run_facts_view", outcome.run_id)
    unchanged(lab, before)


def unchanged(lab: Lab, before: dict[str, bytes]) -> None:
    now = lab.truth()
    for key, data in before.items():
        assert now[key].startswith(data) if "/run_record/" in key else now[key] == data or "/run_status/" in key, key


@pytest.mark.parametrize("revision", EARLIER)
@pytest.mark.parametrize("kind", ["run_facts_view", "ready_signal", "run_plan"])
def test_a_run_that_was_left_before_an_artifact_is_gone_on_with_by_its_own_rules(
    lab: Lab, earlier: Callable[[], None], kind: str
) -> None:
    whole = lab.reuse(small_world(), key="whole")
    root = lab.world(small_world())
    with pytest.raises(Unreachable):
        lab.runner(store=Cut(lab.store, kind)).submit(request(engine_run_root=root))
    (run_id,) = {key.split("/")[-1][:32] for key in lab.truth() if "/run_record/" in key} - {whole.run_id}
    lab.lapse()
    earlier()
    outcome = lab.runner().resume(run_id)
    assert (outcome.state, outcome.published) == (RunState.READY, True)
    sound(lab, run_id)
    decided = kind != "run_plan"  # what was not decided is decided as today's revision
    assert ("total_size" in lab.document("run_facts_view", run_id)) is not decided
    assert details(lab, run_id, "READY_COMMITTED")["revision"] == (lab.ledger(run_id).revision if decided else 3)


@pytest.mark.parametrize("revision", EARLIER)
def test_a_quarantine_record_that_was_left_is_written_by_its_own_rules(lab: Lab, earlier: Callable[[], None]) -> None:
    root = lab.world({**small_world(), f"gates/gate.a/{FLAG}": b"junk"})
    with pytest.raises(Unreachable):
        lab.runner(store=Cut(lab.store, "quarantine")).submit(request(engine_run_root=root))
    (run_id,) = {key.split("/")[-1][:32] for key in lab.truth() if "/run_record/" in key}
    lab.lapse()
    earlier()
    assert lab.runner().resume(run_id).state is RunState.QUARANTINED
    assert not lab.runner().audit(run_id).findings


@pytest.mark.parametrize("revision", EARLIER)
def test_a_waiting_run_is_decided_as_todays_revision(lab: Lab, earlier: Callable[[], None], revision: int) -> None:
    files = small_world()
    late = {LATE: files.pop(LATE)}
    outcome = lab.reuse(files)
    assert outcome.state is RunState.WAITING_EVIDENCE
    earlier()
    lab.world(late)
    assert lab.runner().resume(outcome.run_id).state is RunState.READY
    named = [details(lab, outcome.run_id, kind)["revision"] for kind in ("RUN_ACCEPTED", "PLAN_COMMITTED")]
    assert named == [revision, revision]
    assert details(lab, outcome.run_id, "EVIDENCE_COMPLETE")["revision"] == 3
    assert "total_size" in lab.document("run_facts_view", outcome.run_id)
    sound(lab, outcome.run_id)


def test_what_refers_to_a_changed_contract_changes_with_it() -> None:
    documents = revision_3.sources()
    locator = documents["output_locator.schema.yaml"]
    documents["revision_3/output_locator.schema.yaml"] = {**locator, "maxProperties": 99}
    made = hatch_build.schemas(documents)
    changed = {name.removesuffix("_r3") for name in made if name.endswith("_r3")}
    assert changed == {"output_locator", "run_facts_view", "instance_receipt"}
    assert hatch_build.revised(made)["output_locator"] == (3,)
    assert made["run_facts_view"] == hatch_build.schemas(revision_3.sources())["run_facts_view"]


def test_a_contract_is_chosen_by_the_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    revision_3.released(monkeypatch)
    assert [module_of("run_facts_view", one) for one in (1, 2, 3, 4, None)] == [
        *["run_facts_view"] * 2,
        *["run_facts_view_r3"] * 3,
    ]
    assert module_of("run_plan", 3) == "run_plan"


# --- a run that a newer release wrote ---


@pytest.mark.parametrize("state", ["READY", "WAITING_EVIDENCE"])
def test_a_run_of_a_newer_release_ends_in_one_line_and_nothing_is_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    files = small_world()
    if state != "READY":
        del files[LATE]
    with monkeypatch.context() as then:
        by(then, 3)
        outcome = lab.reuse(files)
    assert outcome.state == state
    before, lines = lab.truth(), []
    runner = lab.runner()
    doings: list[Callable[[], object]] = [
        lambda: runner.status(outcome.run_id),
        lambda: runner.explain(outcome.run_id),
        lambda: runner.audit(outcome.run_id),
        lambda: runner.resume(outcome.run_id) if state != "READY" else runner.record(outcome.run_id),
        lambda: runner.reemit(outcome.run_id, "BOTH", actor="a"),
        lambda: runner.verify(outcome.run_id) if state == "READY" else runner.record(outcome.run_id),
    ]
    for do in doings:
        with pytest.raises(Fault) as caught:
            do()
        lines.append(str(caught.value))
    assert all(line.startswith("error[REVISION_UNKNOWN]: ") and "\n" not in line for line in lines)
    assert all("revision 3" in line and "install that release" in line for line in lines)
    assert lab.truth() == before


# --- what stands is held against its digest ---


@pytest.mark.parametrize("kind", ["run_plan", "run_facts_view", "ready_signal"])
@pytest.mark.parametrize("altered", [True, False], ids=["altered", "as it was"])
def test_what_stands_is_held_against_the_digest_on_record(lab: Lab, kind: str, altered: bool) -> None:
    run_id = lab.reuse(small_world()).run_id
    key = f"{BASE}/{kind}/{run_id}.json"
    if altered:
        document = {**json.loads(lab.store.read(key).data), "run_id": "f" * 32}
        lab.store.replace(key, json.dumps(document).encode(), etag=lab.store.stat(key).etag)
    findings = lab.runner().audit(run_id).findings
    assert [(one.code, one.where) for one in findings] == ([(R.TRUTH_ALTERED, key)] if altered else [])


def test_a_ready_signal_that_is_not_on_record_is_not_told_again(lab: Lab) -> None:
    run_id = lab.reuse(small_world()).run_id
    key = f"{BASE}/ready_signal/{run_id}.json"
    document = {**json.loads(lab.store.read(key).data), "environment": "other"}
    lab.store.replace(key, json.dumps(document).encode(), etag=lab.store.stat(key).etag)
    done = lab.runner().reemit(run_id, "READY_ONLY", actor="a")
    assert getattr(done, "reason_code", None) is R.TRUTH_ALTERED
    assert len(lab.published()) == 1


# --- what a later rule objects to ---


def tree(lab: Lab) -> Outcome:
    """A run over an output below ``**`` that only a link of that tree leads to, and over a flag that is late."""
    root = lab.world({**small_world(), "data/tree/a/x.bin": b"1", "data/other/x.bin": b"2"})
    link("data/tree/linked", "../other")(Path(root))
    (Path(root) / f"gates/gate.a/{FLAG}").rename(Path(root) / "flag")
    return lab.runner(packed=pack((TREE,))).submit(request(engine_run_root=root, output_ids=["tree"]))


def test_a_link_that_the_rules_of_its_admission_entered_is_missing_to_an_undecided_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        by(then, 1)
        outcome = tree(lab)
    assert outcome.missing == ("gate.a",)
    (lab.root / "engine/flag").rename(lab.root / f"engine/gates/gate.a/{FLAG}")
    runner = lab.runner(packed=pack((TREE,)))
    waits = runner.resume(outcome.run_id)
    assert (waits.state, waits.missing) == (RunState.WAITING_EVIDENCE, ("tree",))
    before = lab.truth()
    assert runner.submit(request(engine_run_root=str(lab.root / "engine"), output_ids=["tree"])).missing == ("tree",)
    assert lab.truth() == before
    lab.clock.sleep(WAIT_S + 1)
    ended = runner.resume(outcome.run_id)
    assert (ended.state, ended.reason_code) == (RunState.FAILED, R.EVIDENCE_MISSING_DEADLINE)


def test_the_files_themselves_in_the_links_place_let_it_go_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as then:
        by(then, 1)
        outcome = tree(lab)
    (lab.root / "engine/flag").rename(lab.root / f"engine/gates/gate.a/{FLAG}")
    (lab.root / "engine/data/tree/linked").unlink()
    lab.world({"data/tree/linked/x.bin": b"2"})
    runner = lab.runner(packed=pack((TREE,)))
    assert runner.resume(outcome.run_id).state is RunState.READY
    assert details(lab, outcome.run_id, "EVIDENCE_COMPLETE")["revision"] == revisions.REVISION


def test_a_receipt_of_another_world_is_missing_to_a_run_that_revision_1_admitted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = lab.world(small_world())
    (Path(root) / LATE).rename(Path(root) / "flag")
    with monkeypatch.context() as then:
        by(then, 1)
        outcome = lab.runner().submit(request(engine_run_root=root))
    assert outcome.missing == ("gate.b",)
    (Path(root) / "flag").rename(Path(root) / LATE)
    lab.world(receipt(seed=8))
    waits = lab.runner().resume(outcome.run_id)
    assert (waits.state, waits.missing) == (RunState.WAITING_EVIDENCE, ("run_receipt.json",))
    before = lab.truth()
    assert lab.runner().submit(request(engine_run_root=root)).missing == ("run_receipt.json",)
    assert lab.truth() == before
    lab.world(receipt())
    assert lab.runner().resume(outcome.run_id).state is RunState.READY


def test_to_a_run_of_today_the_link_only_stands_beside(lab: Lab) -> None:
    outcome = tree(lab)
    (lab.root / "engine/flag").rename(lab.root / f"engine/gates/gate.a/{FLAG}")
    assert lab.runner(packed=pack((TREE,))).resume(outcome.run_id).state is RunState.READY
