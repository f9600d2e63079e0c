"""IP1: running the engine, and everything that can go wrong with it, always on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.ids import attempt_id_for, run_id_for
from sr_domain.record.states import RunState
from sr_ports import BadInput, EngineCall, EngineResult, ReasonCode, Unreachable
from tests.reliability.lab import Lab, request, write_world

RUN = run_id_for("key")


def lab_with(tmp_path: Path, *behaviours: Callable[[EngineCall], EngineResult], limit: int = 2) -> Lab:
    """A lab whose engine behaves so, one behaviour an attempt, the last for all further ones."""
    calls: list[EngineCall] = []

    def engine(call: EngineCall) -> EngineResult:
        calls.append(call)
        return behaviours[min(len(calls), len(behaviours)) - 1](call)

    lab = Lab(tmp_path, attempt_limit=limit)
    lab.engine = engine
    return lab


def good(root: Path, **receipt: Any) -> Callable[[EngineCall], EngineResult]:
    def behave(call: EngineCall) -> EngineResult:
        write_world(root)
        pins = {key: call.invocation[key] for key in ("run_id", "manifest_fingerprint", "parameter_hash", "seed")}
        (root / "run_receipt.json").write_text(json.dumps({**pins, **receipt}))
        return EngineResult(None, str(root), b"out", b"err")

    return behave


def bad(reason: ReasonCode, root: str | None = None) -> Callable[[EngineCall], EngineResult]:
    return lambda call: EngineResult(reason, root, b"", b"it broke\nreally", f"because {reason}")


def kinds(lab: Lab) -> list[str]:
    return [event.event_kind for event in lab.ledger(RUN).events]


def test_an_attempt_is_launched_finished_and_leads_to_ready(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, good(tmp_path))
    assert lab.runner().submit(request()).state is RunState.READY
    finished = lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED")[0].details
    assert finished["attempt_id"] == attempt_id_for(RUN, 1)
    assert finished["outcome"] == "SUCCEEDED"
    logs = finished["logs_ref"]
    assert lab.store.read(logs["stdout_ref"]).data == b"out"
    assert lab.store.read(logs["stderr_ref"]).data == b"err"


def test_a_failed_attempt_is_retried_after_the_backoff(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, bad(ReasonCode.ENGINE_EXIT_NONZERO), good(tmp_path))
    assert lab.runner().submit(request()).state is RunState.READY
    outcomes = [event.details["outcome"] for event in lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED")]
    assert outcomes == ["FAILED", "SUCCEEDED"]


def test_the_limit_is_recorded_and_nothing_more_is_launched(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, bad(ReasonCode.ENGINE_EXIT_NONZERO))
    outcome = lab.runner().submit(request())
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.ENGINE_EXIT_NONZERO)
    assert kinds(lab).count("ENGINE_ATTEMPT_LAUNCH_REQUESTED") == 2
    assert "ATTEMPT_LIMIT_EXCEEDED" in kinds(lab)
    told = lab.runner().explain(RUN)
    assert told.attempts[-1]["last_lines"] == ["it broke", "really"]


def test_a_time_limit_keeps_its_reason(tmp_path: Path) -> None:
    outcome = lab_with(tmp_path, bad(ReasonCode.ENGINE_TIMEOUT), limit=1).runner().submit(request())
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.ENGINE_TIMEOUT)


WORKERS = ("ENGINE_COMMAND_MISSING", "ENGINE_COMMAND_UNUSABLE", "ENGINE_COMMAND_TEMPLATE_UNRESOLVED")


@pytest.mark.parametrize("reason", [ReasonCode(way) for way in WORKERS])
def test_a_command_that_this_worker_cannot_start_ends_no_run(tmp_path: Path, reason: ReasonCode) -> None:
    lab = lab_with(tmp_path, bad(reason), good(tmp_path), limit=1)
    with pytest.raises(Unreachable) as caught:
        lab.runner().submit(request())
    assert (caught.value.code, reason in caught.value.what) == (ReasonCode.ENGINE_UNAVAILABLE, True)
    status = lab.runner().status(RUN)
    assert (status.state, status.reason_code) == (RunState.EXECUTING, ReasonCode.ENGINE_UNAVAILABLE)
    assert [one.details["reason_code"] for one in lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED")] == [reason]
    assert lab.runner().resume(RUN).state is RunState.READY


def test_it_does_not_count_and_an_engine_that_fails_does(tmp_path: Path) -> None:
    away, fails = bad(ReasonCode.ENGINE_COMMAND_MISSING), bad(ReasonCode.ENGINE_EXIT_NONZERO)
    lab = lab_with(tmp_path, away, away, fails, away, fails, limit=2)
    for step in ("submit", "resume", "resume"):
        with pytest.raises(Unreachable):
            lab.runner().submit(request()) if step == "submit" else lab.runner().resume(RUN)
    ended = lab.runner().resume(RUN)
    assert (ended.state, ended.reason_code) == (RunState.FAILED, ReasonCode.ENGINE_EXIT_NONZERO)


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        (None, ReasonCode.ENGINE_RECEIPT_MISSING),
        ("{", ReasonCode.ENGINE_RECEIPT_INVALID),
        ('{"run_id": "x"}', ReasonCode.ENGINE_RECEIPT_INVALID),
        ("[1,1]", ReasonCode.ENGINE_RECEIPT_INVALID),
    ],
)
def test_a_receipt_must_be_there_and_fit(tmp_path: Path, receipt: str | None, reason: ReasonCode) -> None:
    def behave(call: EngineCall) -> EngineResult:
        write_world(tmp_path)
        if receipt is not None:
            (tmp_path / "run_receipt.json").write_text(receipt)
        return EngineResult(None, str(tmp_path))

    outcome = lab_with(tmp_path, behave, limit=1).runner().submit(request())
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, reason)


@pytest.mark.parametrize("pin", [{"seed": 8}, {"run_id": "0" * 32}, {"parameter_hash": "c" * 64}])
def test_a_receipt_of_another_world_is_a_mismatch(tmp_path: Path, pin: dict[str, Any]) -> None:
    outcome = lab_with(tmp_path, good(tmp_path, **pin), limit=1).runner().submit(request())
    assert outcome.reason_code is ReasonCode.ENGINE_RECEIPT_MISMATCH
    assert next(iter(pin)) in outcome.message


def test_no_root_is_no_success(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, lambda call: EngineResult(None, str(tmp_path / "nowhere")), limit=1)
    assert lab.runner().submit(request()).reason_code is ReasonCode.ENGINE_ROOT_MISSING


def test_force_invoke_runs_the_engine_although_evidence_is_there(tmp_path: Path) -> None:
    write_world(tmp_path)
    lab = lab_with(tmp_path, good(tmp_path))
    asked = request(requested_strategy="FORCE_INVOKE", engine_run_root=str(tmp_path))
    assert lab.runner().submit(asked).state is RunState.READY
    assert "ENGINE_ATTEMPT_FINISHED" in kinds(lab)


def test_auto_reuses_what_is_there_and_invokes_what_is_not(tmp_path: Path) -> None:
    lab = lab_with(tmp_path / "made", good(tmp_path / "made"))
    assert lab.runner().submit(request(engine_run_root=str(tmp_path / "made"))).state is RunState.READY
    assert "ENGINE_ATTEMPT_FINISHED" in kinds(lab)
    write_world(tmp_path / "there")
    lab = lab_with(tmp_path / "there", bad(ReasonCode.ENGINE_EXIT_NONZERO))
    assert lab.runner().submit(request(engine_run_root=str(tmp_path / "there"))).state is RunState.READY
    assert "ENGINE_ATTEMPT_FINISHED" not in kinds(lab)


@pytest.mark.parametrize("strategy", ["AUTO", "FORCE_INVOKE", "FORCE_REUSE"])
def test_a_strategy_with_nothing_to_work_on_is_unavailable(tmp_path: Path, strategy: str) -> None:
    with pytest.raises(BadInput) as caught:
        Lab(tmp_path).runner().submit(request(requested_strategy=strategy))
    assert caught.value.code is ReasonCode.STRATEGY_UNAVAILABLE
