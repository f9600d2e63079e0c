"""Engine attempts: counted, backed off, closed by whoever takes over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.memory.invoker import ScriptedInvoker
from sr_adapters.runtime.clock import ManualClock
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import BadInput, EngineCall, EngineResult, LeaseLost, Leftover, ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.kit import Lab, request
from tests.worlds import engine, receipt, small_world, write_files

FAIL = EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None, stderr=b"no\n", detail="ended with 3", exit_code=3)


def after(failures: int, then: Callable[[EngineCall], EngineResult], seen: list[int]) -> Callable[..., EngineResult]:
    """An engine that fails so many times first."""

    def behaviour(call: EngineCall) -> EngineResult:
        seen.append(call.attempt_no)
        return FAIL if len(seen) <= failures else then(call)

    return behaviour


def test_a_failed_attempt_is_made_again_after_the_backoff(lab: Lab) -> None:
    seen: list[int] = []
    began = lab.clock.now()
    outcome = lab.runner(engine=after(1, engine(lab.root / "e", small_world()), seen)).submit(request())
    assert (outcome.state, seen) == (RunState.READY, [1, 2])
    assert (lab.clock.now() - began).total_seconds() == 2.0
    first, second = lab.ledger(outcome.run_id).all("ENGINE_ATTEMPT_FINISHED")
    assert (first.details["reason_code"], second.details["outcome"]) == ("ENGINE_EXIT_NONZERO", "SUCCEEDED")
    assert lab.truth()[first.details["logs_ref"]["stderr_ref"]] == b"no\n"


def test_the_limit_ends_the_run_with_the_last_reason(lab: Lab) -> None:
    seen: list[int] = []
    outcome = lab.runner(engine=after(9, lambda call: FAIL, seen)).submit(request())
    assert (outcome.state, outcome.reason_code, seen) == (RunState.FAILED, ReasonCode.ENGINE_EXIT_NONZERO, [1, 2])
    assert "ATTEMPT_LIMIT_EXCEEDED" in lab.kinds(outcome.run_id)
    assert "ended with 3" in outcome.message


def dying() -> dict[str, Any]:
    """Ports whose holder dies as it starts the engine."""
    return crash({"invoker": ScriptedInvoker(lambda call: FAIL)}, CrashPlan(0, Mode.BEFORE))


def die(lab: Lab, times: int, **asked: Any) -> None:
    """So many holders in turn die as they start the engine."""
    for _ in range(times):
        with pytest.raises(Died):
            lab.runner(**dying()).submit(request(**asked))
        lab.lapse()


def test_an_attempt_left_open_by_a_crash_is_abandoned_and_does_not_count(lab: Lab) -> None:
    die(lab, 4)
    seen: list[int] = []
    outcome = lab.runner(engine=after(1, engine(lab.root / "e", small_world()), seen)).submit(request())
    assert (outcome.state, seen) == (RunState.READY, [5, 6]), "the limit is two: one failed, one succeeded"
    assert lab.kinds(outcome.run_id).count("ENGINE_ATTEMPT_ABANDONED") == 4


def test_attempts_that_end_use_up_the_limit_whatever_was_abandoned_between(lab: Lab) -> None:
    seen: list[int] = []
    die(lab, 1)
    outcome = lab.runner(engine=after(9, lambda call: FAIL, seen)).submit(request())
    assert (outcome.state, outcome.reason_code, seen) == (RunState.FAILED, ReasonCode.ENGINE_EXIT_NONZERO, [2, 3])
    (limit,) = lab.ledger(outcome.run_id).all("ATTEMPT_LIMIT_EXCEEDED")
    assert limit.details == {"attempt_limit": 2, "attempts": 2}


def test_too_many_abandoned_attempts_let_the_run_rest_until_somebody_forces_it(lab: Lab) -> None:
    die(lab, 5)
    seen: list[int] = []
    runner = lab.runner(engine=after(0, engine(lab.root / "e", small_world()), seen))
    run_id = run_id_for("key")
    for go_on in (runner.submit, lambda asked: runner.resume(run_id)):
        with pytest.raises(Unreachable) as caught:
            go_on(request())
        assert caught.value.code is ReasonCode.ENGINE_ABANDONED_REPEATEDLY
    status = runner.status(run_id)
    assert (status.state, status.reason_code) == (RunState.EXECUTING, ReasonCode.ENGINE_ABANDONED_REPEATEDLY)
    assert runner.explain(run_id).reason_code == "ENGINE_ABANDONED_REPEATEDLY"
    assert (seen, lab.kinds(run_id).count("ENGINE_HELD_BACK")) == ([], 1)
    assert runner.resume(run_id, force=True).state is RunState.READY
    assert seen == [6]


def test_too_many_abandoned_attempts_may_be_retried_under_another_key_and_fewer_may_not(lab: Lab) -> None:
    die(lab, 4)
    seen: list[int] = []
    runner = lab.runner(engine=after(0, engine(lab.root / "e", small_world("key.2")), seen))
    run_id = run_id_for("key")
    with pytest.raises(BadInput) as caught:
        runner.retry(run_id)
    assert caught.value.code is ReasonCode.RETRY_NOT_ENDED
    die(lab, 1)
    with pytest.raises(Unreachable):
        runner.resume(run_id)
    done = runner.retry(run_id)
    assert (done.run_id, done.state, done.is_new, seen) == (run_id_for("key.2"), RunState.READY, True, [1])
    assert runner.retry(run_id).run_id == done.run_id
    assert runner.status(run_id).state is RunState.EXECUTING, "it rests as it was"


def test_what_was_forced_has_as_many_attempts_again(lab: Lab) -> None:
    tight, run_id = {"abandoned_limit": 2}, run_id_for("key")
    for _ in range(2):
        with pytest.raises(Died):
            lab.runner(policy=tight, **dying()).submit(request())
        lab.lapse()
    with pytest.raises(Unreachable):
        lab.runner(engine=lambda call: FAIL).resume(run_id)
    with pytest.raises(Died):
        lab.runner(**dying()).resume(run_id, force=True)
    lab.lapse()
    assert lab.runner(engine=engine(lab.root / "e", small_world())).resume(run_id).state is RunState.READY


def test_an_attempt_that_the_invoker_gave_up_is_abandoned_and_not_failed(lab: Lab) -> None:
    cancelled = EngineResult(ReasonCode.ENGINE_CANCELLED, None, detail="ended by hand")
    results = [cancelled, cancelled, cancelled]
    then = engine(lab.root / "e", small_world())
    outcome = lab.runner(engine=lambda call: results.pop() if results else then(call)).submit(request())
    assert outcome.state is RunState.READY
    kinds = lab.kinds(outcome.run_id)
    assert (kinds.count("ENGINE_ATTEMPT_ABANDONED"), kinds.count("ENGINE_ATTEMPT_FINISHED")) == (3, 1)


@attrs.define
class Leftovers(ScriptedInvoker):
    """An invoker that still sees something of each attempt that was abandoned."""

    found: Leftover = attrs.field(default=Leftover(), kw_only=True)
    asked: list[tuple[str, int]] = attrs.field(factory=list, kw_only=True)

    def end_abandoned(self, run_id: str, attempt_no: int) -> Leftover:
        self.asked.append((run_id, attempt_no))
        return self.found


def own_root(lab: Lab) -> dict[str, Any]:
    return {"engine_run_root": str(lab.root / "own"), "requested_strategy": "FORCE_INVOKE"}


def test_in_the_requests_own_root_no_attempt_begins_beside_an_abandoned_one(lab: Lab) -> None:
    die(lab, 1, **own_root(lab))
    then, run_id = engine(lab.root / "own", small_world()), run_id_for("key")
    stuck = Leftovers(then, found=Leftover(1, 2))
    with pytest.raises(Unreachable) as caught:
        lab.runner(invoker=stuck).resume(run_id)
    assert (caught.value.code, stuck.asked) == (ReasonCode.ENGINE_STILL_RUNNING, [(run_id, 1)])
    (told,) = lab.ledger(run_id).all("ENGINE_MISBEHAVED")
    assert "1 of its processes" in told.details["detail"]
    assert lab.runner(invoker=Leftovers(then)).resume(run_id).state is RunState.READY
    assert lab.kinds(run_id).count("ENGINE_ATTEMPT_LAUNCH_REQUESTED") == 2


def test_a_root_that_still_changes_is_another_engines_yet(lab: Lab) -> None:
    die(lab, 1, **own_root(lab))
    files, run_id, began = small_world(), run_id_for("key"), lab.clock.now()
    write_files(lab.root / "own", {"data/loose.bin": b"half"})

    class Writing(ManualClock):
        def sleep(self, seconds: float) -> None:
            write_files(lab.root / "own", {"data/more.bin": str(self.now()).encode()})
            super().sleep(seconds)

    with pytest.raises(Unreachable) as caught:
        lab.runner(engine=engine(lab.root / "own", files), clock=Writing(began)).resume(run_id)
    assert caught.value.code is ReasonCode.ENGINE_STILL_RUNNING
    assert "still changes (data" in caught.value.what
    assert lab.runner(engine=engine(lab.root / "own", files)).resume(run_id).state is RunState.READY
    assert (lab.clock.now() - began).total_seconds() == 2, "settle_seconds, in which the backoff passed, too"


def test_a_folder_of_each_attempts_own_is_waited_for_by_nobody(lab: Lab) -> None:
    die(lab, 1)
    began = lab.clock.now()
    left = Leftovers(engine(lab.root / "e", small_world()), found=Leftover(1, 1))
    assert lab.runner(invoker=left).submit(request()).state is RunState.READY
    assert (lab.clock.now() - began).total_seconds() == 2, "the plan's backoff, and nothing else"


def test_what_an_engine_left_behind_is_on_record(lab: Lab) -> None:
    done = engine(lab.root / "e", small_world())
    outcome = lab.runner(engine=lambda call: attrs.evolve(done(call), remarks=("it left one behind",))).submit(
        request()
    )
    (told,) = lab.ledger(outcome.run_id).all("ENGINE_MISBEHAVED")
    assert (outcome.state, told.details["detail"]) == (RunState.READY, "it left one behind")


def test_a_holder_that_lost_its_lease_during_the_engine_writes_nothing_more(lab: Lab) -> None:
    then = engine(lab.root / "e", small_world())
    truths = []

    def slow(call: EngineCall) -> EngineResult:
        lab.lapse()
        taken = lab.runner(engine=then).submit(request())
        assert taken.state is RunState.READY
        truths.append(lab.truth())
        return then(call)

    with pytest.raises(LeaseLost):
        lab.runner(engine=slow).submit(request())
    assert truths == [lab.truth()]
    assert len(lab.published()) == 1


def test_an_engine_that_is_done_is_not_run_again_after_a_crash(lab: Lab) -> None:
    seen: list[int] = []
    behaviour = after(0, engine(lab.root / "e", small_world()), seen)
    plan = CrashPlan()
    with contextlib.suppress(Died):
        ports = crash({"store": lab.store, "roots": _Roots(plan)}, plan)
        lab.runner(engine=behaviour, **ports).submit(request())
    lab.lapse()
    outcome = lab.runner(engine=behaviour).submit(request())
    assert (outcome.state, seen) == (RunState.READY, [1])


class _Roots:
    """Dies when evidence is opened: the second opening, after the receipt's."""

    def __init__(self, plan: CrashPlan) -> None:
        self._plan, self._opened = plan, 0

    def open(self, uri: str) -> object:
        from sr_adapters.file.root import FileEngineRoot

        self._opened += 1
        if self._opened > 1:
            raise self._plan.die()
        return FileEngineRoot(uri)


def test_a_receipt_may_spell_hex_in_upper_case(lab: Lab) -> None:
    spelt = receipt(run_id=run_id_for("key").upper(), manifest_fingerprint="A" * 64, parameter_hash="B" * 64)
    outcome = lab.runner(engine=engine(lab.root / "e", {**small_world(), **spelt})).submit(request())
    assert outcome.state is RunState.READY


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (None, ReasonCode.ENGINE_ROOT_MISSING),
        ({"run_receipt.json": b"{}"}, ReasonCode.ENGINE_RECEIPT_INVALID),
        ({"run_receipt.json": b"{"}, ReasonCode.ENGINE_RECEIPT_INVALID),
        ({"run_receipt.json": b" " * (2 << 20)}, ReasonCode.ENGINE_RECEIPT_INVALID),
        ({}, ReasonCode.ENGINE_RECEIPT_MISSING),
        (receipt(seed=8), ReasonCode.ENGINE_RECEIPT_MISMATCH),
        (receipt(run_id="0" * 32), ReasonCode.ENGINE_RECEIPT_MISMATCH),
        (receipt(seed=7.0), ReasonCode.ENGINE_RECEIPT_INVALID),
    ],
)
def test_the_receipt_decides_whether_an_attempt_succeeded(
    lab: Lab, files: dict[str, bytes] | None, code: ReasonCode
) -> None:
    def behaviour(call: EngineCall) -> EngineResult:
        root = lab.root / "e"
        if files is not None:
            write_files(root, files)
        return EngineResult(None, str(root))

    outcome = lab.runner(engine=behaviour).submit(request())
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, code)
    assert lab.kinds(outcome.run_id).count("ENGINE_ATTEMPT_FINISHED") == 1, "the next would end so, too"
    assert Path(lab.root / "e").exists() is (files is not None)
