"""Names that identify, at the command line: what looks the same is not taken for another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.flows import submit
from tests.cli.conftest import Shell
from tests.worlds import tree

ODD = "k1\u200b"
RUN = run_id_for(ODD)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"run_equivalence_key": "k1 "}, "run_equivalence_key 'k1 ' ends with U+0020 SPACE as character 3"),
        ({"run_equivalence_key": " k1"}, "begins with U+0020 SPACE"),
        ({"run_equivalence_key": "k\u00ad1"}, "U+00AD SOFT HYPHEN as character 2"),
        ({"run_equivalence_key": "k1\ufeff"}, "U+FEFF"),
        ({"run_equivalence_key": "cafe\u0301"}, "U+0301"),
        ({"scenario": {"scenario_id": "base\u200dline"}}, "scenario.scenario_id"),
        ({"scenario": {"scenario_set": ["a", "b\u3164"]}}, "scenario.scenario_set[1]"),
        ({"invoker": "alice\u2028"}, "invoker"),
        ({"request_id": "r\u00a01"}, "request_id"),
    ],
)
def test_a_name_with_another_spelling_is_refused_and_nothing_is_written(
    sr: Shell, changes: dict[str, Any], named: str
) -> None:
    path = sr.folder / sr.request()
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    before = tree(sr.folder)
    for command in ("submit", "plan"):
        answer = sr(command, "request.yaml")
        assert (answer.code, answer.error) == (2, "REQUEST_INVALID")
        assert named in answer.err
        assert "one spelling" in answer.err
    assert tree(sr.folder) == before


def test_names_that_look_like_themselves_are_taken(sr: Shell) -> None:
    assert sr("submit", sr.request("Umsatz M\u00e4rz 2026 / \u65e5\u672c")).code == 0


@pytest.mark.parametrize("command", [("submit", "request.yaml"), ("reemit", RUN, "--kind", "BOTH")])
def test_an_actor_who_could_be_taken_for_another_is_refused(sr: Shell, command: tuple[str, ...]) -> None:
    sr.request()
    answer = sr(*command, "--actor", "alice\u200b")
    assert (answer.code, answer.error) == (2, "USAGE")
    assert "U+200B" in answer.err
    assert not (sr.folder / "runs").exists()


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ("profile: 'p '", "profile 'p ' ends with U+0020"),
        ("auth: {submit: ['alice ']}", "auth.submit 'alice ' ends with"),
        ("auth: {reemit: ['a', \"b\\u200b\"]}", "auth.reemit"),
    ],
)
def test_a_profile_names_itself_and_its_actors_in_one_spelling(sr: Shell, keys: str, named: str) -> None:
    (sr.folder / "profile.yaml").write_text(keys + "\n")
    answer = sr("list")
    assert (answer.code, answer.error) == (2, "PROFILE_INVALID")
    assert named in answer.err


@pytest.fixture
def first_release(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A run that waits under a key that the first release took, its names and all."""
    (sr.folder / "policy.yaml").write_text('policy_id: test\nrevision: "2"\nevidence_wait_seconds: 600\n')
    assert sr.bare("policy", "seal", "policy.yaml").code == 0
    (sr.folder / "root/data/world.bin").rename(sr.folder / "later")
    with monkeypatch.context() as patch:
        patch.setattr(submit, "misspelt", lambda request: None)
        assert sr("submit", sr.request(ODD, invoker="al\u200bice")).code == 3
    return sr


def test_a_run_of_the_first_release_keeps_its_names(first_release: Shell) -> None:
    sr = first_release
    assert sr("submit", sr.request(ODD, invoker="al\u200bice")).code == 3, "answered as a duplicate"
    assert sr("submit", sr.request(ODD, seed=9)).code == 7, "or as a collision"
    for path in (sr.folder / "runs").glob("fraud-platform/*/sr/index/*"):
        path.unlink()
    assert sr("submit", sr.request(ODD)).code == 3, "also where only the record knows the key"
    (sr.folder / "later").rename(sr.folder / "root/data/world.bin")
    assert sr("resume", RUN).code == 0
    for command in ("status", "facts", "show", "explain", "audit", "verify"):
        assert sr(command, RUN).code == 0, command
    assert sr("submit", sr.request(ODD)).code == 0
    for path in (sr.folder / "runs").glob("fraud-platform/*/sr/index/*"):
        path.unlink()
    assert sr("resume", "--rebuild-index").code == 0
    assert sr("status", RUN).code == 0
    assert sr("submit", sr.request("k1\u200c")).code == 2, "another such key is not taken"
