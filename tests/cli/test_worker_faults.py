"""Faults of a worker at the command line: nothing is bound by them, and what they let rest goes on."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import yaml

from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_domain.encoding.ids import run_id_for
from sr_ports import EngineResult, ReasonCode
from tests.cli.conftest import Shell

RUN = run_id_for("key")


def wire(sr: Shell, **sections: Any) -> None:
    """Another profile."""
    profile = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, **sections}
    (sr.folder / "profile.yaml").write_text(yaml.safe_dump(profile))


@pytest.mark.parametrize(
    ("sections", "changes", "code"),
    [
        ({}, {"engine_run_root": "ftp://host/x"}, "REQUEST_INVALID"),
        ({"engine": {"interface_pack": "pack", "allowed_roots": ["elsewhere"]}}, {}, "ENGINE_ROOT_UNFIT"),
        ({"invoker": {"command": []}}, {"requested_strategy": "FORCE_INVOKE"}, "STRATEGY_UNAVAILABLE"),
        ({"invoker": {"command": ["./no-engine"]}}, {"engine_run_root": "nothing-yet"}, "STRATEGY_UNAVAILABLE"),
    ],
)
def test_a_refusal_writes_nothing_and_the_next_request_has_the_key(
    sr: Shell, sections: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    wire(sr, **sections)
    refused = sr("submit", sr.request(**changes))
    assert (refused.code, refused.error) == (2, code)
    assert not (sr.folder / "runs").exists()
    wire(sr)
    assert sr("submit", sr.request(seed=7, request_id="now")).code == 0


def test_an_allowed_root_is_taken(sr: Shell) -> None:
    wire(sr, engine={"interface_pack": "pack", "allowed_roots": ["elsewhere", "."]})
    assert sr("submit", sr.request()).code == 0


def test_the_answer_says_what_became_of_another_root(sr: Shell) -> None:
    assert sr("submit", sr.request()).code == 0
    late = sr("submit", sr.request(engine_run_root="other"))
    assert (late.code, "the engine root was not taken: the run is READY" in late.out) == (0, True)
    assert "not taken" in sr("--json", "submit", sr.request(engine_run_root="other")).json["message"]
    assert "not taken" not in sr("submit", sr.request()).out


def test_too_many_abandoned_attempts_rest_until_they_are_forced(
    sr: Shell, monkeypatch: pytest.MonkeyPatch, policy: Any
) -> None:
    policy(evidence_wait_seconds=600, abandoned_limit=2, settle_seconds=0)
    wire(sr, invoker={"command": [sys.executable, "-c", ""]})
    given_up = EngineResult(ReasonCode.ENGINE_CANCELLED, None)
    with monkeypatch.context() as cancelling:
        cancelling.setattr(SubprocessInvoker, "invoke", lambda *args, **how: given_up)
        rests = sr("submit", sr.request(engine_run_root="made", requested_strategy="FORCE_INVOKE"))
        assert (rests.code, rests.error) == (9, "ENGINE_ABANDONED_REPEATEDLY")
    run_id = run_id_for("key")
    assert sr("resume", run_id).code == sr("status", run_id).code == 9
    assert sr("explain", run_id).out.count("ENGINE_ABANDONED_REPEATEDLY")
    assert sr("resume", "--all", "--force").code == 2
    forced = sr("resume", run_id, "--force")
    assert (forced.code, forced.error) == (4, "ENGINE_ROOT_MISSING"), "the engine ran, and made nothing"


@pytest.mark.parametrize(
    ("victim", "code", "state", "attempts"),
    [("$PPID", 9, "EXECUTING", ["ABANDONED", "ABANDONED"]), ("$$", 4, "FAILED", ["FINISHED"])],
    ids=["its supervisor", "itself"],
)
def test_an_engine_whose_supervisor_is_killed_neither_ended_nor_failed(
    sr: Shell, policy: Any, victim: str, code: int, state: str, attempts: list[str]
) -> None:
    policy(evidence_wait_seconds=600, attempt_limit=1, abandoned_limit=2, settle_seconds=0)
    wire(sr, invoker={"command": ["sh", "-c", f"kill -9 {victim}; sleep 60"]})
    answer = sr("submit", sr.request(requested_strategy="FORCE_INVOKE", engine_run_root="made"))
    assert (answer.code, sr("--json", "status", RUN).json["state"]) == (code, state)
    assert answer.error == ("ENGINE_ABANDONED_REPEATEDLY" if code == 9 else "ENGINE_EXIT_NONZERO")
    (record,) = sr.folder.rglob("run_record/*.jsonl")
    kinds = [json.loads(line)["event_kind"] for line in record.read_text().splitlines()]
    ended = [kind for kind in kinds if kind in ("ENGINE_ATTEMPT_ABANDONED", "ENGINE_ATTEMPT_FINISHED")]
    assert ended == [f"ENGINE_ATTEMPT_{one}" for one in attempts]
    assert sr("audit", RUN).code == 0
