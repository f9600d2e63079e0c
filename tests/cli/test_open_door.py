"""A profile that asks for proof of identity is refused while nothing can give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sr_plugins import build_runner
from sr_plugins.consumer import verify_facts
from sr_ports import BadInput, ReasonCode
from tests.cli.conftest import Shell
from tests.worlds import tree

RUN = "0" * 32
COMMANDS = [
    ("submit", "request.yaml", "--actor", "alice"), ("plan", "request.yaml"), ("status", RUN), ("list",), ("show", RUN),
    ("facts", RUN), ("explain", RUN), ("resume", "--all"), ("reemit", RUN, "--kind", "BOTH", "--actor", "alice"),
    ("quarantine", "list"), ("quarantine", "show", RUN), ("verify", RUN), ("audit", "--all"), ("doctor",),
    ("bus", "tail"), ("plugins",), ("contracts", "check"),
]  # fmt: skip


def door(sr: Shell, auth: str) -> None:
    text = (sr.folder / "profile.yaml").read_text()
    (sr.folder / "profile.yaml").write_text(f"{text}auth: {auth}\n")


@pytest.mark.parametrize("mode", ["token", "jwt", "${SR_AUTH_MODE:-token}"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_believes_an_actor_nobody_can_prove(sr: Shell, command: tuple[str, ...], mode: str) -> None:
    sr.request()
    door(sr, f"{{mode: '{mode}', submit: [alice], reemit: [alice], tokens_file: t.yaml}}")
    before = tree(sr.folder)
    answer = sr(*command)
    assert (answer.code, answer.error) == (2, "PROFILE_INVALID"), answer
    assert "auth.mode" in answer.err
    assert "set auth.mode to disabled" in answer.err
    assert tree(sr.folder) == before


@pytest.mark.parametrize(
    ("auth", "named"),
    [
        ("{mode: tokn}", "auth.mode must be disabled, token or jwt, not 'tokn'"),
        ("{mode: Token}", "auth.mode must be"),
        ("{mode: true}", "auth.mode must be"),
        ("{mode: [token]}", "auth.mode must be"),
        ("{mode: null}", "auth.mode must be"),
        ("{mode: disabled, tokens_file: t.yaml}", "unknown key auth.tokens_file"),
        ("{Mode: token}", "unknown key auth.Mode; did you mean mode?"),
        ("{submit: [alice], sumbit: [bob]}", "unknown key auth.sumbit; did you mean submit?"),
        ("token", "auth must be a mapping"),
    ],
)
def test_a_slip_under_auth_is_no_open_door_either(sr: Shell, auth: str, named: str) -> None:
    door(sr, auth)
    answer = sr("submit", sr.request(), "--actor", "alice")
    assert (answer.code, answer.error) == (2, "PROFILE_INVALID")
    assert named in answer.err
    assert not (sr.folder / "runs").exists()


def test_a_list_without_proof_still_says_who_may(sr: Shell) -> None:
    door(sr, "{mode: disabled, submit: [alice]}")
    assert sr("submit", sr.request(), "--actor", "bob").code == 6
    assert sr("submit", sr.request(), "--actor", "alice").code == 0


def test_python_callers_meet_the_same_door(tmp_path: Path) -> None:
    profile = {"runtime_root": str(tmp_path / "runs"), "auth": {"mode": "jwt", "submit": ["alice"]}}
    for door_step in (lambda: build_runner(profile), lambda: verify_facts(RUN, profile=profile)):
        with pytest.raises(BadInput) as refused:
            door_step()
        assert refused.value.code is ReasonCode.PROFILE_INVALID
    assert not (tmp_path / "runs").exists()
