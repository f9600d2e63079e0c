"""The catalogue of events: what the first rows say stays said, and nothing beside it spells or takes apart an event."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sr_domain.record import details
from sr_domain.record.events import EVENTS, EVIDENCE_COMPLETE, RUN_FAILED
from sr_domain.record.kinds import OUTCOMES, PHASES, Kept
from sr_domain.record.proofs import Conflict, Decision, Found, GateProof, Judge, OutputProof
from sr_domain.record.spans import ENDS
from sr_domain.record.states import Fact, RunState
from sr_ports import Fault, ReasonCode

REPO = Path(__file__).resolve().parents[2]
CATALOGUE = REPO / "sr_domain" / "record" / "events.py"
RAW = {REPO / "sr_domain" / "record" / f"{name}.py" for name in ("kinds", "values", "details")}
"""The files that turn details from and into their JSON form."""

FROZEN = set((REPO / "sr_domain" / "artifacts").glob("revision_[0-9]*.py"))
"""The rules of a revision. They give the same bytes for ever, so they do not move with the classes of details."""

ROWS = Path(__file__).with_name("event_kinds.txt").read_text("utf-8").splitlines()
"""Name, phase, outcome, severity, governance, once, subject, state after, sentence."""


def row(name: str) -> str:
    kind = EVENTS[name]
    after = "-" if kind.after is None else kind.after.value
    governance, once = "governance" if kind.governance else "-", "once" if kind.kept is Kept.ONCE else "-"
    told = (kind.phase, kind.outcome, kind.severity, governance, once, kind.subject or "-", after, kind.sentence)
    return " | ".join((name, *told))


@pytest.mark.parametrize("line", ROWS, ids=lambda line: line.split(" ")[0])
def test_a_kind_means_what_it_meant_when_the_catalogue_was_made(line: str) -> None:
    assert row(line.split(" ", maxsplit=1)[0]) == line


def test_the_kinds_that_go_on_record_together_are_milestones_of_the_catalogue() -> None:
    together = {kind.name: kind.together for kind in EVENTS.values() if kind.together}
    assert together == {
        "PLAN_COMMITTED": {"GOV_POLICY_REV", "GOV_PLAN_HASH"},
        "READY_COMMITTED": {"GOV_BUNDLE_HASH", "GOV_LAW_PROVENANCE"},
    }
    for names in together.values():
        assert all(EVENTS[name].kept is Kept.ONCE for name in names)


def test_what_tells_events_of_a_kind_apart_is_among_their_details() -> None:
    for kind in EVENTS.values():
        names = {field.name for field in kind.details.__attrs_attrs__}
        assert kind.subject is None or (kind.kept is Kept.ONCE and kind.subject in names), kind.name


def test_the_kinds_that_decide_something_name_the_revision_of_their_rules() -> None:
    assert {name for name, kind in EVENTS.items() if kind.revised} == {
        "RUN_ACCEPTED",
        "PLAN_COMMITTED",
        "EVIDENCE_COMPLETE",
        "READY_COMMITTED",
        "RUN_FAILED",
        "RUN_QUARANTINED",
        "TRUTH_LOST",
    }
    for kind in EVENTS.values():
        assert not kind.revised or "revision" in {field.name for field in kind.details.__attrs_attrs__}, kind.name


def test_only_a_milestone_moves_a_run_save_that_it_may_come_to_wait_again() -> None:
    moving = {kind.after: kind.kept for kind in EVENTS.values() if kind.after is not None}
    assert moving == dict.fromkeys(RunState, Kept.ONCE) | {RunState.WAITING_EVIDENCE: Kept.ALWAYS}


def test_a_state_is_final_where_it_is_a_fact_and_nothing_follows_it() -> None:
    assert {state for state in RunState if state.final} == {"READY", "FAILED", "QUARANTINED"}
    assert {state for state in RunState if state.terminal} == {"FAILED", "QUARANTINED"}
    assert [state for state in RunState if state.fact is Fact.READY] == [RunState.READY]
    for before in RunState:
        follows = [after for after in RunState if after.may_follow(before)]
        assert bool(follows) is not before.final
    assert [state for state in RunState if state.may_follow(None)] == [RunState.OPEN]


# Details and their JSON form

PROOF = OutputProof("o", "a" * 64, 1, 2)
DECIDED = details.Decided(
    Decision((PROOF,), (GateProof("g", "b" * 64),), (Judge("g", "k", "d", "1"),)),
    revision=2,
    bundle_hash="c",
    facts_view_digest="d",
)


def test_a_decision_stands_flat_beside_what_was_made_of_it() -> None:
    assert EVIDENCE_COMPLETE(DECIDED).details == {
        "outputs": [{"output_id": "o", "digest": "a" * 64, "files": 1, "size": 2}],
        "gates": [{"gate_id": "g", "digest": "b" * 64}],
        "judges": [{"gate_id": "g", "kind": "k", "distribution": "d", "version": "1"}],
        "notes": [],
        "revision": 2,
        "bundle_hash": "c",
        "facts_view_digest": "d",
    }
    assert details.Decided.of(DECIDED.document()) == DECIDED


def test_laws_of_the_first_release_are_judges_of_whom_no_more_is_known() -> None:
    node = DECIDED.document()
    del node["judges"]
    laws = {"g": {"kind": "k", "distribution": "d", "version": "1"}}
    first = {**node, "laws": laws}
    assert details.Decided.of(first) == DECIDED
    assert details.Decided.of(first).document() == first
    rest = details.Rest.of({"reason_code": "EVIDENCE_WAITING", "found": {"gates": [], "outputs": [], "laws": laws}})
    assert rest.found is not None
    assert (rest.found.judges, rest.found.laws) == ((Judge("g", "k", "d", "1"),), laws)


def test_what_more_is_known_of_a_judge_is_kept() -> None:
    judge = Judge("g", "k", "d", "1", law_version="3", algorithm="sha512", fingerprint="1:" + "e" * 64)
    assert Judge.of(judge.document()) == judge
    assert Found(judges=(judge,)).laws == {"g": {"kind": "k", "distribution": "d", "version": "1"}}


def test_an_adopted_view_has_no_decision() -> None:
    adopted = details.Decided(adopted=True, bundle_hash="c", facts_view_digest="d")
    assert adopted.document() == {"adopted": True, "bundle_hash": "c", "facts_view_digest": "d"}
    assert details.Decided.of(adopted.document()) == adopted


def test_a_reason_is_written_by_its_name_and_absent_parts_are_left_out() -> None:
    conflict = Conflict("o", ReasonCode.OUTPUT_UNGATED, "why")
    draft = RUN_FAILED(details.Rest(ReasonCode.EVIDENCE_CONFLICT, "why", conflicts=(conflict,)))
    assert draft.details == {
        "reason_code": "EVIDENCE_CONFLICT",
        "detail": "why",
        "conflicts": [{"subject": "o", "code": "OUTPUT_UNGATED", "detail": "why"}],
    }
    assert type(draft.details["reason_code"]) is str


def test_what_always_stands_is_written_as_null() -> None:
    accepted = details.Accepted("k", "p", {"supersedes": None}, "f", "t", None, {})
    assert accepted.document()["engine_run_root"] is None
    assert details.Accepted.of(accepted.document()) == accepted


def test_a_name_of_a_later_release_is_passed_over_and_an_optional_part_may_be_absent_or_null() -> None:
    told = {"reason_code": "X", "of_a_later_release": {"any": 1}, "missing": None}
    assert details.Rest.of(told) == details.Rest("X")


def test_details_that_lack_what_their_kind_has_are_a_fault_of_the_record() -> None:
    with pytest.raises(Fault) as caught:
        details.Planned.of({"plans": {}})
    assert caught.value.code is ReasonCode.RECORD_INVALID
    assert caught.value.what == "a value without plan: ['plans']"


# Nothing else spells an event's name or takes its details apart


def faults(source: str) -> Iterator[str]:
    """Where a file does what only the catalogue may do."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(str(text)) if text in EVENTS:
                yield f"{node.lineno}: spells {text}"
            case ast.Constant(bytes(data)) if any(f'"{name}"'.encode() in data for name in EVENTS):
                yield f"{node.lineno}: spells {data!r}"
            case ast.JoinedStr(values) if any(_tail(part) for part in values):
                yield f"{node.lineno}: puts an event's name together"
            case ast.Subscript(of, ast.Constant(str(text))) if _is_details(of):
                yield f"{node.lineno}: takes {text} out of details"
            case ast.Call(ast.Attribute(of, "get" | "pop" | "setdefault")) if _is_details(of):
                yield f"{node.lineno}: takes details apart"


def _is_details(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "details"


def _tail(part: ast.expr) -> bool:
    """Whether a piece of an f-string is the end of an event's name."""
    text = part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ""
    return text.startswith("_") and text.isupper() and any(name.endswith(text) for name in EVENTS)


def test_no_other_file_spells_an_event_or_takes_its_details_apart() -> None:
    found = {}
    for room in ("sr_domain", "sr_plugins", "sr_adapters"):
        for path in (REPO / room).rglob("*.py"):
            if path != CATALOGUE and path not in RAW | FROZEN and "_contracts" not in path.parts:
                wrong = list(faults(path.read_text("utf-8")))
                found.update({str(path.relative_to(REPO)): wrong} if wrong else {})
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        'run.record(Draft("RUN_FAILED"))',
        """found = b'"SUPERSEDED_BY"' in data""",
        'kind = f"{what}_PUBLISH_FAILED"',
        'root = event.details["engine_run_root"]',
        'root = one.event.details.get("engine_run_root", "")',
    ],
)
def test_the_check_finds(line: str) -> None:
    assert list(faults(line))


@pytest.mark.parametrize(
    "line",
    [
        '"""Until RUN_FAILED is on record."""',
        "root = entry.details.engine_run_root",
        "run.record(RUN_FAILED(why))",
        'kind = f"{what}_REEMIT"',
    ],
)
def test_the_check_leaves_alone(line: str) -> None:
    assert not list(faults(line))


# Taxonomy


def test_phases_outcomes_and_severities_are_those_that_operators_know() -> None:
    assert PHASES == ("INGRESS", "AUTHORITY", "PLAN", "ENGINE", "EVIDENCE", "COMMIT", "REEMIT")
    assert OUTCOMES == ("OK", "WAITING", "FAIL", "CONFLICT", "SKIP", "RETRY")
    for kind in EVENTS.values():
        assert kind.phase in PHASES, kind.name
        assert kind.outcome in OUTCOMES, kind.name
        assert kind.severity in ("DEBUG", "INFO", "WARN", "ERROR"), kind.name


def test_what_ends_was_begun_by_an_event_that_is_on_record() -> None:
    for kind, ends in ENDS.items():
        for began in ends.values():
            assert EVENTS[began].kept is not Kept.NOT, kind


def test_governance_facts_are_these() -> None:
    assert {name for name, kind in EVENTS.items() if kind.governance} == {
        "GOV_POLICY_REV", "GOV_PLAN_HASH", "GOV_BUNDLE_HASH", "GOV_REEMIT_KEY", "GOV_LAW_PROVENANCE", "GOV_SUPERSEDED",
        "GOV_LOSS_ACCEPTED",
    }  # fmt: skip
