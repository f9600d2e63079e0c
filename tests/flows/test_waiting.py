"""IP5: missing evidence waits until the anchored deadline; resubmission and resume go on from there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sr_adapters.runtime.clock import ManualClock
from sr_adapters.runtime.heartbeat import NoHeartbeat
from sr_domain.encoding.times import parse_instant
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import EngineCall, EngineResult, NotFound, ReasonCode, Unreachable
from tests.kit import WAIT_S, Lab, request
from tests.worlds import FLAG, WORLD, engine, small_world, write_files

LATE = [f"gates/gate.c/{FLAG}", "gates/gate.c/index.json", WORLD]


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("go_on", ["submit", "resume"])
def test_a_waiting_run_becomes_ready_once_the_evidence_is_there(any_lab: Lab, late: str, go_on: str) -> None:
    files = small_world()
    # the index law reads the world's bytes: it is left out there, so that the world alone is late
    files["gates/gate.c/index.json"], files[f"gates/gate.c/{FLAG}"] = _without_world(files)
    held = files.pop(late)
    waiting = any_lab.reuse(files)
    assert (waiting.state, waiting.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_WAITING)
    assert waiting.missing == (("world",) if late == WORLD else ("gate.c",))
    assert any_lab.published() == []
    any_lab.world({late: held})
    runner = any_lab.runner()
    outcome = runner.submit(request()) if go_on == "submit" else runner.resume(waiting.run_id)
    assert (outcome.state, outcome.published) == (RunState.READY, True)
    assert any_lab.document("run_status", outcome.run_id)["state"] == "READY"


def _without_world(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    import json

    from tests.worlds import DAILY, flag, sha

    return json.dumps([f"{DAILY}/part-0.bin"]).encode(), flag(sha(files[f"{DAILY}/part-0.bin"]))


def test_the_deadline_is_anchored_once_whatever_is_resubmitted(lab: Lab) -> None:
    files = small_world()
    files.pop("gates/gate.a/" + FLAG)
    waiting = lab.reuse(files)
    plan = lab.document("run_plan", waiting.run_id)
    lab.clock.sleep(WAIT_S - 1)
    patient = lab.runner(policy={"evidence_wait_seconds": 10 * WAIT_S})
    assert patient.submit(request()).state is RunState.WAITING_EVIDENCE
    lab.clock.sleep(1)
    outcome = patient.submit(request())
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.EVIDENCE_MISSING_DEADLINE)
    assert outcome.missing == ("gate.a",)
    assert lab.document("run_plan", waiting.run_id) == plan


def skewed(lab: Lab, **by: float) -> Any:
    """A runner whose worker's clock is wrong by so much."""
    return lab.runner(clock=ManualClock(lab.clock.now() + timedelta(**by)))


@pytest.mark.parametrize("days", [2, -2])
def test_a_workers_clock_ends_nothing_and_puts_nothing_off(lab: Lab, days: int) -> None:
    files = small_world()
    files.pop("gates/gate.a/" + FLAG)
    asked = request(engine_run_root=lab.world(files))
    lab.clock.sleep(1)
    waiting = skewed(lab, days=days).submit(asked)
    began = lab.authority.now()
    assert waiting.state is RunState.WAITING_EVIDENCE
    plan = lab.document("run_plan", waiting.run_id)
    assert parse_instant(plan["evidence_deadline_utc"]) == began + timedelta(seconds=WAIT_S)
    lab.clock.sleep(WAIT_S - 1)
    for again in (skewed(lab, days=days), lab.runner()):
        assert again.submit(asked).state is again.resume(waiting.run_id).state is RunState.WAITING_EVIDENCE
    lab.clock.sleep(1)
    assert skewed(lab, days=days).submit(asked).reason_code is ReasonCode.EVIDENCE_MISSING_DEADLINE


def test_the_authority_is_asked_for_its_time_only_where_something_hangs_on_it(lab: Lab) -> None:
    asked: list[str] = []

    class Authority:
        def __getattr__(self, name: str) -> Any:
            return getattr(lab.authority, name)

        def now(self) -> datetime:
            asked.append("now")
            told: datetime = lab.authority.now()
            return told

    runner = lab.runner(authority=Authority())
    assert runner.submit(request(engine_run_root=lab.world(small_world()))).state is RunState.READY
    assert asked.count("now") == 1, "at admission"
    files = small_world("other")
    files.pop("gates/gate.a/" + FLAG)
    runner.submit(request("other", engine_run_root=lab.world(files, "half")))
    assert asked.count("now") == 3


def test_the_deadline_is_never_earlier_than_the_wait_after_the_last_engine_attempt(lab: Lab) -> None:
    files = small_world()
    held = files.pop("gates/gate.a/" + FLAG)
    then = engine(lab.root / "e", files)

    def slow(call: EngineCall) -> EngineResult:
        lab.clock.sleep(10 * WAIT_S)
        return then(call)

    long = Settings(lease_ttl_s=100 * WAIT_S)
    runner = lab.runner(engine=slow, settings=long, heartbeat=NoHeartbeat(elapsed=lambda: 0.0))
    waiting = runner.submit(request())
    assert waiting.state is RunState.WAITING_EVIDENCE
    assert runner.explain(waiting.run_id).seconds_left == WAIT_S
    lab.clock.sleep(WAIT_S - 1)
    assert lab.runner().resume(waiting.run_id).state is RunState.WAITING_EVIDENCE
    write_files(lab.root / "e", {"gates/gate.a/" + FLAG: held})
    assert lab.runner().resume(waiting.run_id).state is RunState.READY


def test_a_run_that_rested_by_a_workers_fault_has_the_whole_wait_again_and_no_more(lab: Lab) -> None:
    files = small_world()
    files.pop("gates/gate.a/" + FLAG)
    asked = request(engine_run_root=lab.world(files))

    class Away:
        def open(self, uri: str) -> Any:
            if uri.startswith("/"):
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "away")

    waiting = lab.runner().submit(asked)
    lab.clock.sleep(WAIT_S + 1)
    with pytest.raises(Unreachable):
        lab.runner(roots=Away()).submit(asked)
    assert lab.runner().submit(asked).state is RunState.WAITING_EVIDENCE
    lab.clock.sleep(WAIT_S)
    assert lab.runner().submit(asked).reason_code is ReasonCode.EVIDENCE_MISSING_DEADLINE
    assert "ENGINE_ROOT_UNREADABLE" in lab.kinds(waiting.run_id)


def test_evidence_after_the_deadline_changes_a_failed_run_no_more(lab: Lab) -> None:
    files = small_world()
    held = files.pop("gates/gate.a/" + FLAG)
    failed = lab.runner(policy={"evidence_wait_seconds": 0}).submit(request(engine_run_root=lab.world(files)))
    before = lab.truth()
    lab.world({"gates/gate.a/" + FLAG: held})
    again = lab.runner().submit(request())
    assert (again.state, again.run_id) == (RunState.FAILED, failed.run_id)
    assert lab.truth() == before


def test_evidence_in_time_is_taken_although_nobody_looked_before_the_deadline(lab: Lab) -> None:
    files = small_world()
    held = files.pop("gates/gate.a/" + FLAG)
    lab.reuse(files)
    lab.world({"gates/gate.a/" + FLAG: held})
    lab.clock.sleep(10 * WAIT_S)
    assert lab.runner().submit(request()).state is RunState.READY


def test_waiting_twice_for_the_same_is_told_once(lab: Lab) -> None:
    files = small_world()
    files.pop("gates/gate.a/" + FLAG)
    outcome = lab.reuse(files)
    for _ in range(3):
        lab.runner().submit(request())
    assert lab.kinds(outcome.run_id).count("EVIDENCE_WAITING") == 1


def test_an_optional_output_that_is_missing_is_noted_and_blocks_nothing(lab: Lab) -> None:
    outcome = lab.reuse(small_world(), output_ids=["world", "extra"])
    assert outcome.state is RunState.READY
    facts = lab.document("run_facts_view", outcome.run_id)
    assert "OPTIONAL_MISSING:extra" in facts["evidence_notes"]
    assert [one["output_id"] for one in facts["locators"]] == ["world"]


def test_unsettled_runs_are_those_with_something_left_to_do(lab: Lab) -> None:
    files = small_world()
    done = lab.reuse(files)
    files.pop("gates/gate.a/" + FLAG)
    root = lab.world(files, "half")
    waiting = lab.runner().submit(request("other", engine_run_root=root))
    assert list(lab.runner().unsettled()) == [waiting.run_id] != [done.run_id]


def test_a_run_nobody_asked_for_is_not_found(lab: Lab) -> None:
    with pytest.raises(NotFound) as caught:
        lab.runner().resume("0" * 32)
    assert caught.value.code is ReasonCode.RUN_NOT_FOUND
    assert lab.truth() == {}
