"""sr recover: what stands where truth should is set aside, by whoever may, and the run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import SR, Shell

RUN = run_id_for("key")
ACCEPT = ("--accept-loss", "--reason", "planted by a script")


def place(sr: Shell, kind: str) -> Path:
    """Where an artifact of the run stands, or is to stand."""
    (base,) = (sr.folder / "runs/fraud-platform").glob("platform_*/sr")
    return base / kind / f"{RUN}.json"


def key(sr: Shell, kind: str) -> str:
    return str(place(sr, kind).relative_to(sr.folder / "runs"))


@pytest.fixture
def planted(sr: Shell, policy: Callable[..., None]) -> Shell:
    """A run that waits, and a facts view beside it that nobody decided; then what it waited for comes."""
    policy(evidence_wait_seconds=600)
    late = sr.folder / "root/end/_passed.flag"
    flag = late.read_bytes()
    late.unlink()
    assert sr("submit", sr.request()).code == 3
    path = place(sr, "run_facts_view")
    path.parent.mkdir()
    path.write_bytes(b'{"bundle_hash":"0"}')
    late.write_bytes(flag)
    return sr


def test_the_run_rests_and_the_line_says_what_to_type(planted: Shell) -> None:
    for command in (("submit", "request.yaml"), ("resume", RUN)):
        answer = planted(*command)
        assert (answer.code, answer.error) == (5, "TRUTH_ALTERED")
        assert f"{SR} recover {RUN} --artifact {key(planted, 'run_facts_view')} --accept-loss --reason R" in answer.err
    status = planted("--json", "status", RUN)
    assert (status.code, status.json["reason_code"], status.json["state"]) == (5, "TRUTH_ALTERED", "VERIFYING")
    explained = planted("--json", "explain", RUN).json
    assert explained["reason_code"] == "TRUTH_ALTERED"
    assert f"recover {RUN} --artifact" in explained["next"]
    assert planted("audit", RUN).code == 5


def test_it_is_set_aside_and_the_run_goes_on_to_ready(planted: Shell) -> None:
    assert planted("resume", RUN).code == 5
    stood = place(planted, "run_facts_view").read_bytes()
    told = planted("--json", "recover", RUN, "--artifact", key(planted, "run_facts_view"), *ACCEPT, "--actor", "ann")
    assert (told.code, told.json["state"], told.json["published"]) == (0, "READY", True)
    kept = place(planted, "quarantine/set_aside").with_name(sha256_hex(stood))
    assert kept.read_bytes() == stood
    assert json.loads(place(planted, "run_facts_view").read_bytes())["run_id"] == RUN
    shown = planted("show", RUN).out
    assert "GOV_LOSS_ACCEPTED" in shown
    assert "ann" in shown
    for command in ("audit", "verify"):
        assert planted(command, RUN).code == 0
    again = planted("recover", RUN, "--artifact", key(planted, "run_facts_view"), *ACCEPT)
    assert again.code == 0
    assert planted("show", RUN).out == shown


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--artifact", "k"),
        ("--artifact", "k", "--accept-loss"),
        ("--artifact", "k", "--reason", "r"),
        ("--artifact", "k", "--receipt", "events", *ACCEPT),
        ("--artifact", "fraud-platform/_store.json", *ACCEPT),
        ("--artifact", "k", "--accept-loss", "--reason", " "),
    ],
)
def test_what_is_not_said_in_full_changes_nothing(planted: Shell, args: tuple[str, ...]) -> None:
    answer = planted("recover", RUN, *args)
    assert (answer.code, answer.error) == (2, "USAGE")
    assert place(planted, "run_facts_view").read_bytes() == b'{"bundle_hash":"0"}'


def test_only_who_may_recover_does(planted: Shell) -> None:
    profile = planted.folder / "profile.yaml"
    profile.write_text(profile.read_text() + "\nauth: {submit: [local], recover: [oncall]}\n")
    args = ("recover", RUN, "--artifact", key(planted, "run_facts_view"), *ACCEPT)
    denied = planted(*args)
    assert (denied.code, denied.error) == (6, "AUTH_DENIED")
    assert "auth.recover: oncall" in denied.err
    assert place(planted, "run_facts_view").read_bytes() == b'{"bundle_hash":"0"}'
    assert planted(*args, "--actor", "oncall").code == 0


def test_an_unknown_run_has_nothing_to_set_aside(sr: Shell) -> None:
    assert sr("recover", "0" * 32, "--artifact", "k", *ACCEPT).code == 8
