"""Exit codes, and the one line that every error is: over all commands that can fail without a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.cli import exits
from sr_adapters.cli.app import run
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_ports import REASONS, Kind, ReasonCode
from tests.cli.conftest import Shell
from tests.kit import request
from tests.worlds import tree

PROFILE = "observability: {sinks: []}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a quiet profile and a request of the shipped pack."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SR_PROFILE", "quiet.yaml")
    for name in ("PLATFORM_RUN_ID", "WHO"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "quiet.yaml").write_text(PROFILE, "utf-8")
    (tmp_path / "request.json").write_text(json.dumps(request(output_ids=["outlet_register_1A"])), "utf-8")
    return tmp_path


@pytest.mark.parametrize("code", list(ReasonCode), ids=lambda code: code.value)
def test_every_code_has_the_exit_of_its_kind_or_a_stated_one(code: ReasonCode) -> None:
    by_kind = {Kind.USAGE: 2, Kind.DENIED: 6, Kind.CONFLICT: 3, Kind.MISSING: 8, Kind.UNREACHABLE: 9, Kind.FAULT: 5}
    stated = {
        "INTERNAL": 1, "CONTRACT_VIOLATION": 1, "EQUIVALENCE_COLLISION": 7, "LEASE_LOST": 9, "FENCED": 9,
        "REEMIT_READY_ONLY_MISMATCH": 2, "REEMIT_TERMINAL_ONLY_MISMATCH": 2, "REEMIT_RATE_LIMIT": 9, "INTERRUPTED": 130,
    }  # fmt: skip
    assert exits.exit_for(code) == stated.get(code.value, by_kind[REASONS[code].kind])


@pytest.mark.parametrize(
    ("state", "code"),
    [("READY", 0), ("FAILED", 4), ("QUARANTINED", 5), ("WAITING_EVIDENCE", 3), ("OPEN", 3), ("EXECUTING", 3)],
)
def test_a_state_has_its_exit(state: str, code: int) -> None:
    assert exits.exit_for_outcome(Outcome("0" * 32, RunState(state))) == code


@pytest.mark.parametrize(
    ("state", "code", "in_flight", "final"),
    [
        ("FAILED", "ENGINE_TIMEOUT", False, True),
        ("QUARANTINED", "EVIDENCE_CONFLICT", False, True),
        ("WAITING_EVIDENCE", "EVIDENCE_WAITING", False, False),
        ("FAILED", "LEASE_BUSY", True, False),
        ("FAILED", "AUTH_DENIED", False, False),
    ],
)
def test_only_what_ended_the_run_asks_for_another_one(state: str, code: str, in_flight: bool, final: bool) -> None:
    outcome = Outcome("0" * 32, RunState(state), reason_code=ReasonCode(code), in_flight=in_flight)
    assert outcome.remedy == REASONS[ReasonCode(code)].remedy + f", then sr retry {'0' * 32}" * final


FAILS: list[tuple[list[str], int, str]] = [
    (["submit", "gone.yaml"], 2, "REQUEST_NOT_FOUND"),
    (["submit", "."], 2, "REQUEST_NOT_FOUND"),
    (["submit", "bad.json"], 2, "DOCUMENT_INVALID"),
    (["submit", "request.json", "--strategy", "MAYBE"], 2, "USAGE"),
    (["submit", "request.json", "--wait", "-1"], 2, "USAGE"),
    (["submit"], 2, "USAGE"),
    (["plan", "gone.yaml"], 2, "REQUEST_NOT_FOUND"),
    (["plan", "request.json", "--diff", "gone.yaml"], 2, "REQUEST_NOT_FOUND"),
    (["status", "nonsense"], 2, "USAGE"),
    (["status", "0" * 32], 8, "RUN_NOT_FOUND"),
    (["show", "0" * 32], 8, "RUN_NOT_FOUND"),
    (["facts", "0" * 32], 8, "RUN_NOT_FOUND"),
    (["resume", "0" * 32], 8, "RUN_NOT_FOUND"),
    (["resume"], 2, "USAGE"),
    (["resume", "--all", "0" * 32], 2, "USAGE"),
    (["list", "--limit", "0"], 2, "USAGE"),
    (["list", "--state", "HAPPY"], 2, "USAGE"),
    (["nonsense"], 2, "USAGE"),
    (["--nonsense"], 2, "USAGE"),
    (["contracts", "check", "gone"], 2, "PACK_INVALID"),
    (["policy", "seal", "gone.yaml"], 2, "POLICY_INVALID"),
    (["--policy", "gone.yaml", "plan", "request.json"], 2, "POLICY_INVALID"),
    (["--profile", "gone", "list"], 2, "PROFILE_NOT_FOUND"),
    (["--profile", "unset.yaml", "list"], 2, "ENV_UNSET"),
    (["--profile", "unknown.yaml", "list"], 2, "PROFILE_INVALID"),
    (["--profile", "adapter.yaml", "list"], 2, "ADAPTER_UNKNOWN"),
    (["demo", "--fail", "9Z"], 2, "USAGE"),
]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("args", "code", "reason"), FAILS, ids=[" ".join(one[0]) for one in FAILS])
def test_an_error_is_one_line_and_with_json_one_document(
    here: Path, capfd: pytest.CaptureFixture[str], args: list[str], code: int, reason: str, as_json: bool
) -> None:
    (here / "bad.json").write_text('{"a": 1, "a": 2}', "utf-8")
    (here / "unset.yaml").write_text("runtime_root: ${WHO}\n", "utf-8")
    (here / "unknown.yaml").write_text("runtime_rot: x\n", "utf-8")
    (here / "adapter.yaml").write_text("object_store: {adapter: tape}\nobservability: {sinks: []}\n", "utf-8")
    before = tree(here)
    assert run([*(["--json"] if as_json else []), *args]) == code
    out, err = capfd.readouterr()
    assert err.startswith(f"error[{reason}]: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "; " in err
    assert "Traceback" not in err
    assert tree(here) == before, "nothing is written"
    if not as_json:
        assert out == ""
        return
    document: dict[str, Any] = json.loads(out)
    assert document["error"]["reason_code"] == reason
    assert document["exit_code"] == code


def test_checks_and_seals(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "policy.yaml").write_text('policy_id: p\nrevision: "1"\n', "utf-8")
    assert run(["contracts", "check", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["errors"] == 0
    assert run(["policy", "seal", "policy.yaml", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["content_digest"] in (here / "policy.yaml").read_text("utf-8")
    assert run(["plugins", "--json"]) == 0
    kinds = {(one["port"], one["name"]) for one in json.loads(capfd.readouterr().out)["plugins"]}
    assert {("object_store", "file"), ("authority", "sqlite"), ("law", "sha256_bundle_digest")} <= kinds


def test_plan_and_reading_leave_no_trace(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = tree(here)
    for args in (["plan", "request.json"], ["plan", "request.json", "--diff", "request.json"], ["list"]):
        for flags in ([], ["--json"]):
            run([*flags, *args])
    assert tree(here) == before
    assert "Traceback" not in capfd.readouterr().err


def test_a_command_line_hides_no_value_that_only_an_earlier_one_filled_in(
    sr: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: a value that the environment gave is quoted. The twin: a later command without it says its word."""
    (sr.folder / "held.yaml").write_text("runtime_root: ${HELD}\nengine: {interface_pack: pack}\nodd: 1\n")
    monkeypatch.setenv("HELD", "facts view")
    assert sr.bare("--profile", "held.yaml", "list").error == "PROFILE_INVALID"
    assert f": the facts view {'0' * 32} is not there; " in sr("verify", "0" * 32).err


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("statsu", "x"), "status"), (("qurantine",), "quarantine"), (("pack", "chek"), "check"), (("xyz",), "")],
)
def test_a_misspelt_command_is_told_the_nearest(sr: Shell, words: tuple[str, ...], meant: str) -> None:
    answer = sr.bare(*words)
    assert (answer.code, answer.error) == (2, "USAGE")
    assert ("did you mean" in answer.err.lower()) is bool(meant)
    assert meant in answer.err
