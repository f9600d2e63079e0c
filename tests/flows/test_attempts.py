"""Engine attempts: counted, backed off, closed by whoever takes over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_adapters.memory.invoker import ScriptedInvoker
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import EngineCall, EngineResult, LeaseLost, ReasonCode
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


def test_an_attempt_left_open_by_a_crash_is_abandoned_and_counts(lab: Lab) -> None:
    seen: list[int] = []
    then = engine(lab.root / "e", small_world())
    for _ in range(2):
        dying = ScriptedInvoker(after(0, then, seen))
        with pytest.raises(Died):
            lab.runner(**crash({"invoker": dying}, CrashPlan(0, Mode.BEFORE))).submit(request())
        lab.lapse()
    outcome = lab.runner(engine=after(0, then, seen)).submit(request())
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.ATTEMPT_LIMIT_EXCEEDED)
    assert seen == [], "the policy's two attempts were launched, though neither began"
    kinds = lab.kinds(outcome.run_id)
    assert kinds.count("ENGINE_ATTEMPT_LAUNCH_REQUESTED") == kinds.count("ENGINE_ATTEMPT_ABANDONED") == 2


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
    assert Path(lab.root / "e").exists() is (files is not None)
