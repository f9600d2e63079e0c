"""One key, one run: the same key with another intent is refused for ever and changes nothing."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_domain.record.states import RunState
from sr_ports import Fault, ReasonCode
from tests.kit import Lab, request
from tests.worlds import FLAG, small_world

WINDOW = {"window_start_utc": "2026-01-01T00:00:00Z", "window_end_utc": "2026-01-02T00:00:00Z", "window_tz": "UTC"}
OTHERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"seed": 8}, {"seed"}),
    ({"manifest_fingerprint": "c" * 64}, {"manifest_fingerprint"}),
    ({"parameter_hash": "c" * 64}, {"parameter_hash"}),
    ({"scenario": {"scenario_id": "other"}}, {"scenario_id"}),
    ({"scenario": {"scenario_set": ["baseline"]}}, {"scenario_id"}),
    ({"window": WINDOW}, {"window_tz"}),
    ({"window": {**WINDOW, "window_end_utc": "2026-01-03T00:00:00Z"}}, {"window_end_utc", "window_tz"}),
    ({"output_ids": ["world"]}, {"output_ids"}),
    ({"output_ids": None}, {"output_ids"}),
    ({"seed": 8, "parameter_hash": "c" * 64}, {"seed", "parameter_hash"}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "fields"), OTHERS)
def test_another_intent_is_refused_with_its_differences(lab: Lab, changes: dict[str, Any], fields: set[str]) -> None:
    first = lab.reuse(small_world())
    before = lab.truth()
    outcome = lab.runner().submit(request(**changes))
    assert (outcome.reason_code, outcome.run_id) == (ReasonCode.EQUIVALENCE_COLLISION, first.run_id)
    assert outcome.differences is not None
    assert set(outcome.differences) == fields
    assert all(pair["old"] != pair["new"] for pair in outcome.differences.values())
    assert "new run_equivalence_key" in outcome.remedy
    assert (lab.truth(), len(lab.published())) == (before, 1)


@pytest.mark.parametrize("end", ["READY", "FAILED", "QUARANTINED", "WAITING_EVIDENCE"])
def test_it_is_refused_whatever_became_of_the_run(any_lab: Lab, end: str) -> None:
    files = small_world()
    if end == "QUARANTINED":
        files["gates/gate.a/z.csv"] = b"changed"
    elif end == "WAITING_EVIDENCE":
        del files[f"gates/gate.a/{FLAG}"]
    first = any_lab.reuse(files, **({"output_ids": ["nowhere"]} if end == "FAILED" else {}))
    assert first.state is RunState(end)
    before = any_lab.truth()
    for _ in range(2):
        outcome = any_lab.runner().submit(request(seed=8))
        assert outcome.reason_code is ReasonCode.EQUIVALENCE_COLLISION
    assert any_lab.truth() == before


def test_a_record_remembers_its_intent_when_the_authority_forgot_everything(lab: Lab) -> None:
    first = lab.reuse(small_world())
    before = lab.truth()
    lab.authority = MemoryAuthority(lab.clock.now)
    outcome = lab.runner().submit(request(seed=8))
    assert (outcome.reason_code, outcome.run_id) == (ReasonCode.EQUIVALENCE_COLLISION, first.run_id)
    assert lab.truth() == before


def test_a_fingerprint_that_is_not_its_intents_own_is_a_fault_and_no_collision(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.reuse(small_world())
    before, find = lab.truth(), MemoryAuthority.find

    def spoilt(self: MemoryAuthority, run_id: str, **at: Any) -> Any:
        found = find(self, run_id, **at)
        spoilt = tuple(attrs.evolve(one, intent_fingerprint="0" * 64) for one in found.bindings)
        return attrs.evolve(found, bindings=spoilt)

    monkeypatch.setattr(MemoryAuthority, "find", spoilt)
    with pytest.raises(Fault) as caught:
        lab.runner().submit(request())
    assert caught.value.code is ReasonCode.TRUTH_ALTERED
    assert "another fingerprint" in caught.value.what
    assert lab.truth() == before
