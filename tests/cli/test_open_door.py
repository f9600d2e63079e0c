"""A slip in the profile's section auth opens no door, and a list without proof still says who may."""

from __future__ import annotations

from pathlib import Path

import pytest

from sr_plugins import build_runner
from sr_ports import BadInput, Identity, ReasonCode
from tests.cli.conftest import Shell
from tests.worlds import tree

RUN = "0" * 32
WRITING = [
    ("submit", "request.yaml"), ("retry", RUN, "request.yaml"), ("reemit", RUN, "--kind", "BOTH"),
    ("recover", RUN, "--accept-loss", "--reason", "r"),
]  # fmt: skip


def door(sr: Shell, auth: str) -> None:
    text = (sr.folder / "profile.yaml").read_text()
    (sr.folder / "profile.yaml").write_text(f"{text}auth: {auth}\n")


@pytest.mark.parametrize("mode", ["token", "${SR_AUTH_MODE:-token}"])
@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_no_command_believes_an_actor_nobody_proved(sr: Shell, command: tuple[str, ...], mode: str) -> None:
    sr.request(invoker="alice")
    door(sr, f"{{mode: '{mode}', submit: [alice], reemit: [alice], recover: [alice], tokens_file: t.yaml}}")
    before = tree(sr.folder)
    answer = sr(*command, "--actor", "alice")
    assert (answer.code, answer.error) == (6, "AUTH_UNPROVEN"), answer
    assert tree(sr.folder) == before


@pytest.mark.parametrize(
    ("auth", "code", "named"),
    [
        (
            "{mode: tokn}",
            "ADAPTER_UNKNOWN",
            "no plugin provides the authenticator adapter 'tokn'; there are: jwt, token",
        ),
        ("{mode: Token}", "PROFILE_INVALID", "auth.mode must be"),
        ("{mode: Disabled}", "PROFILE_INVALID", "auth.mode must be"),
        ("{mode: ''}", "PROFILE_INVALID", "auth.mode must be"),
        ("{mode: true}", "PROFILE_INVALID", "auth.mode must be"),
        ("{mode: [token]}", "PROFILE_INVALID", "auth.mode must be"),
        ("{mode: null}", "PROFILE_INVALID", "auth.mode must be"),
        ("{mode: token}", "PROFILE_INVALID", "auth.tokens_file is required"),
        ("{mode: token, tokens_file: ''}", "PROFILE_INVALID", "auth.tokens_file must be"),
        ("{mode: token, tokens_file: t, issuer: x}", "PROFILE_INVALID", "unknown key auth.issuer"),
        ("{mode: token, tokens_file: t, sumbit: [bob]}", "PROFILE_INVALID", "auth.sumbit; did you mean submit?"),
        ("{mode: jwt, issuer: i, audience: a, jwks: k, algorithms: [none]}", "PROFILE_INVALID", "auth.algorithms"),
        ("{mode: jwt, issuer: i, audience: a, jwks: k, algorithms: [HS256]}", "PROFILE_INVALID", "auth.algorithms"),
        ("{mode: jwt, issuer: i, jwks: k}", "PROFILE_INVALID", "auth.audience is required"),
        ("{mode: disabled, tokens_file: t.yaml}", "PROFILE_INVALID", "unknown key auth.tokens_file"),
        ("{Mode: token}", "PROFILE_INVALID", "unknown key auth.Mode; did you mean mode?"),
        ("{submit: [alice], sumbit: [bob]}", "PROFILE_INVALID", "unknown key auth.sumbit; did you mean submit?"),
        ("token", "PROFILE_INVALID", "auth must be a mapping"),
    ],
)
def test_a_slip_under_auth_is_no_open_door_either(sr: Shell, auth: str, code: str, named: str) -> None:
    door(sr, auth)
    answer = sr("submit", sr.request(), "--actor", "alice")
    assert (answer.code, answer.error) == (2, code)
    assert named in answer.err
    assert not (sr.folder / "runs").exists()
    checked = sr("profile", "check", "profile.yaml")
    assert (checked.code, named in checked.out + checked.err) == (5, True)


def test_a_list_without_proof_still_says_who_may(sr: Shell) -> None:
    door(sr, "{mode: disabled, submit: [alice]}")
    assert sr("submit", sr.request(), "--actor", "bob").code == 6
    assert sr("submit", sr.request(), "--actor", "alice").code == 0


def test_python_callers_meet_the_same_door(tmp_path: Path) -> None:
    profile = {
        "runtime_root": str(tmp_path / "runs"),
        "auth": {"mode": "token", "tokens_file": str(tmp_path / "t"), "submit": ["alice"]},
    }
    with build_runner(profile) as runner:
        for call in (
            lambda: runner.submit({"run_equivalence_key": "k"}, actor="alice"),
            lambda: runner.reemit(RUN, actor="alice"),
            lambda: runner.recover_run(RUN, reason="r", actor="alice"),
            lambda: runner.resume(RUN, actor="alice"),
            lambda: runner.identify({}),
        ):
            with pytest.raises(BadInput) as refused:
                call()
            assert refused.value.code in (ReasonCode.AUTH_UNPROVEN, ReasonCode.REQUEST_INVALID)
        assert not runner.allows("read", Identity("alice", "claimed"))
        assert runner.allows("submit", Identity("alice", "token"))
    assert not list(tmp_path.glob("runs/**/*"))
