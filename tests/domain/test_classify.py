"""Classification: total, blind to order, and in the spec's order of gravity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_domain.evidence.verdict import _FAILURE_ORDER as FAILURE_CODES
from sr_domain.evidence.verdict import Complete, Conflicted, Evidence, Failed, Waiting, classify
from sr_domain.record.proofs import Conflict, Failure
from sr_ports import ReasonCode

IDS = st.sampled_from(["a", "b", "c"])
EVIDENCE = st.builds(
    Evidence,
    missing=st.lists(IDS, max_size=3).map(tuple),
    conflicts=st.lists(
        st.builds(
            Conflict, IDS, st.sampled_from([ReasonCode.GATE_DIGEST_MISMATCH, ReasonCode.PATH_ESCAPES]), st.just("d")
        ),
        max_size=3,
    ).map(tuple),
    failures=st.lists(st.builds(Failure, IDS, st.sampled_from(FAILURE_CODES), st.just("d")), max_size=3).map(tuple),
)


def flipped(evidence: Evidence) -> Evidence:
    return Evidence(
        missing=evidence.missing[::-1], conflicts=evidence.conflicts[::-1], failures=evidence.failures[::-1]
    )


@given(EVIDENCE, st.booleans())
def test_total_order_free_and_in_the_order_of_the_spec(evidence: Evidence, late: bool) -> None:
    verdict = classify(evidence, late=late)
    assert verdict == classify(flipped(evidence), late=late)
    match verdict:
        case Conflicted(conflicts):
            assert sorted(map(repr, conflicts)) == sorted(map(repr, evidence.conflicts))
        case Failed(code):
            assert not evidence.conflicts
            over = code is ReasonCode.EVIDENCE_MISSING_DEADLINE
            assert (over and not evidence.failures and late) or code in FAILURE_CODES
        case Waiting(missing):
            assert not evidence.conflicts
            assert not evidence.failures
            assert not late
            assert set(missing) == set(evidence.missing)
        case Complete():
            assert not (evidence.conflicts or evidence.failures or evidence.missing)


@pytest.mark.parametrize("code", list(ReasonCode))
def test_a_failure_of_any_code_is_judged_and_one_without_a_rank_comes_after_those_that_have_one(
    code: ReasonCode,
) -> None:
    ranked, other = Failure("z", ReasonCode.INSTANCE_SCOPE_MISSING, "d"), Failure("a", code, "d")
    verdict = classify(Evidence(failures=(other, ranked)), late=True)
    assert isinstance(verdict, Failed)
    assert verdict.code is (code if code in FAILURE_CODES else ranked.code)


def test_a_conflict_outlives_every_deadline() -> None:
    conflict = Conflict("g", ReasonCode.GATE_DIGEST_MISMATCH, "d")
    evidence = Evidence(conflicts=(conflict,), missing=("a",))
    assert isinstance(classify(evidence, late=True), Conflicted)
