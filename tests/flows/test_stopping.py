"""A call that is to end early ends at whatever moment it is asked to, holds nothing, and loses nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_domain.run.outcome import Outcome
from sr_domain.runner import ScenarioRunner
from sr_ports import EngineCall, EngineResult, ReasonCode, Stopped
from tests.kit import Lab, request
from tests.worlds import engine, small_world


def asked_at(moment: int) -> Callable[[], bool]:
    """True from the look with this number on."""
    looks = itertools.count()
    return lambda: next(looks) >= moment


def moments(call: Callable[[Callable[[], bool]], object]) -> int:
    """How often a call looks whether it is to end."""
    looks = itertools.count()
    call(lambda: next(looks) < 0)
    return next(looks)


@pytest.mark.parametrize("made_by", ["an engine", "somebody else"])
def test_whenever_submit_is_asked_to_end_another_worker_takes_the_run_at_once(tmp_path: Path, made_by: str) -> None:
    files = small_world()

    def submitted(lab: Lab, asked: Callable[[], bool] = lambda: False) -> Outcome:
        root = lab.world(files) if made_by == "somebody else" else None
        made = engine(lab.root / "engine", files) if root is None else None
        return lab.runner(engine=made).until(asked).submit(request(engine_run_root=root))

    count = moments(lambda asked: submitted(Lab.memory(tmp_path / "first"), asked))
    assert count > 10
    stopped = 0
    for moment in range(count):
        lab = Lab.memory(tmp_path / str(moment))
        try:
            submitted(lab, asked_at(moment))
        except Stopped as end:
            stopped += 1
            assert end.code is ReasonCode.INTERRUPTED
        outcome = submitted(lab)
        assert (outcome.state, outcome.in_flight, bool(outcome.published)) == ("READY", False, True), moment
        assert lab.runner().audit(outcome.run_id).findings == ()
        assert len({one.message_id for one in lab.published()}) == 1
    assert stopped > 10


def test_a_call_that_is_asked_to_end_from_the_start_writes_nothing_under_its_lease(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    asked = request(engine_run_root=lab.world(small_world()))
    with pytest.raises(Stopped):
        lab.runner().until(lambda: True).submit(asked)
    assert not [key for key in lab.truth() if "/run_record/" in key]
    assert lab.runner().submit(asked).state == "READY"


def test_an_engine_of_a_call_that_is_to_end_is_abandoned_and_does_not_count(tmp_path: Path) -> None:
    lab, ended = Lab.memory(tmp_path), []

    def slow(call: EngineCall) -> EngineResult:
        ended.append(call.attempt_no)
        return EngineResult(ReasonCode.ENGINE_CANCELLED, None, detail="cancelled while it ran")

    runner = lab.runner(engine=slow, policy={"attempt_limit": 1})
    with pytest.raises(Stopped):
        runner.until(lambda: bool(ended)).submit(request())
    done = lab.runner(engine=engine(tmp_path / "engine", small_world()), policy={"attempt_limit": 1})
    assert done.resume(runner.run_id("key:key")).state == "READY"
    assert "ENGINE_ATTEMPT_ABANDONED" in lab.kinds(runner.run_id("key:key"))


def test_verify_is_asked_to_end_too_and_reads_no_further(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    run = lab.reuse(small_world()).run_id
    count = moments(lambda asked: lab.runner().until(asked).verify(run))
    assert count > 0
    for moment in range(count):
        with pytest.raises(Stopped):
            lab.runner().until(asked_at(moment)).verify(run)
    assert lab.runner().until(lambda: False).verify(run).ok


def test_the_runner_itself_goes_on_and_its_class_stays(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)

    class Mine(ScenarioRunner):
        more = "mine"

    base = lab.runner()
    mine = Mine(base.ports, base.policy, base.pack, base.settings)
    ending = mine.until(lambda: True)
    assert (type(ending), ending.more, ending.policy is mine.policy) == (Mine, "mine", True)
    asked = request(engine_run_root=lab.world(small_world()))
    with pytest.raises(Stopped):
        ending.submit(asked)
    assert mine.submit(asked).state == "READY"
    assert ending.status(mine.run_id("key:key")).state == "READY"  # what is short is answered all the same
