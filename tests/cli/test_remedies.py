"""What SR says to do next leads on: no remedy names the command that tells it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from sr_adapters.cli.app import COMMANDS, Commands
from sr_adapters.cli.errors import names, remedy_here
from sr_ports import REASONS, ReasonCode
from tests.cli.conftest import Shell

REPO = Path(__file__).resolve().parents[2]


def commands() -> Iterator[str]:
    """Every command by its words."""
    group = Commands()
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        yield name
        if isinstance(command, click.Group):
            yield from (f"{name} {part}" for part in command.commands)


ALL = tuple(commands())


@cache
def raised() -> frozenset[tuple[str, str]]:
    """Each code with every text that is written where it is raised, the remedy among them."""
    return frozenset(_raised())


def _raised() -> Iterator[tuple[str, str]]:
    for folder in ("sr_ports", "sr_domain", "sr_plugins", "sr_adapters"):
        for path in (REPO / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call | ast.Tuple):
                    yield from _coded(node)


def _coded(node: ast.Call | ast.Tuple) -> Iterator[tuple[str, str]]:
    parts = [*node.args, *(one.value for one in node.keywords)] if isinstance(node, ast.Call) else node.elts
    codes = [
        part.attr for part in parts
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "ReasonCode"
    ]  # fmt: skip
    for code in codes:
        for part in parts:
            for text in ast.walk(part):
                if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value:
                    yield code, text.value


def test_the_search_for_remedies_finds_some() -> None:
    found = raised()
    assert ("FACTS_VIEW_MISSING", "see sr status") in found
    assert len(found) > 100


@pytest.mark.parametrize("code", list(ReasonCode), ids=lambda code: code.value)
def test_no_command_sends_back_to_itself(code: ReasonCode) -> None:
    texts = {REASONS[code].remedy, *(text for name, text in raised() if name == code)}
    for command in ALL:
        for text in texts:
            here = remedy_here(code, text, command)
            assert here, (command, text)
            assert not names(here, command), (command, here)


@pytest.mark.parametrize("code", list(ReasonCode), ids=lambda code: code.value)
def test_the_other_remedy_names_no_command_and_no_remedy_names_one_that_is_not_there(code: ReasonCode) -> None:
    reason = REASONS[code]
    assert not re.search(r"\bsr [a-z]", reason.otherwise)
    for name in re.findall(r"\bsr ([a-z]+)", reason.remedy):
        assert name in COMMANDS
        assert reason.otherwise, "what does that command itself say?"


def test_the_check_itself_can_fail() -> None:
    assert names("check it with sr doctor, then retry", "doctor")
    assert names("sr quarantine show 0123 has it", "quarantine show")
    assert not names("sr quarantine list shows which are", "quarantine show")
    assert not names("see sr submit --help", "submit")
    assert not names("see sr status", "")


@pytest.mark.parametrize(
    ("args", "error", "helps"),
    [
        (("submit", "/dev/null"), "REQUEST_INVALID", "it needs run_equivalence_key"),
        (("submit", "list.yaml"), "REQUEST_INVALID", "it needs run_equivalence_key"),
        (("plan", "/dev/null"), "REQUEST_INVALID", "it needs run_equivalence_key"),
        (("--policy", "nope", "plan", "request.yaml"), "POLICY_INVALID", "check the path"),
        (("--policy", "/dev/null", "plan", "request.yaml"), "POLICY_INVALID", "it needs policy_id"),
        (("policy", "seal", "nope"), "POLICY_INVALID", "check the path"),
        (("contracts", "check", "nope"), "PACK_INVALID", "check the path"),
        (("--profile", ".", "list"), "PROFILE_NOT_FOUND", "or a path"),
        (("--profile", "list.yaml", "list"), "PROFILE_INVALID", "sections"),
        (("verify", "0" * 33), "FACTS_VIEW_MISSING", "run_facts_view"),
        (("verify", "0" * 32), "FACTS_VIEW_MISSING", "sr status"),
        (("quarantine", "show", "0" * 32), "RUN_NOT_FOUND", "sr list"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_is_missing_is_named(sr: Shell, args: tuple[str, ...], error: str, helps: str) -> None:
    sr.request()
    (sr.folder / "list.yaml").write_text("- a\n")
    answer = sr.bare(*args)
    assert answer.error == error, answer
    assert helps in answer.err
    assert "correct the named" not in answer.err, "nothing is named that could be corrected"
    assert not (sr.folder / "runs").exists()


def test_a_dead_network_is_no_circle(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from sr_adapters.file.store import FileObjectStore
    from sr_ports import Unreachable

    def away(*args: object, **kwargs: object) -> None:
        raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the store is away")

    for method in ("create", "read", "stat", "list", "delete", "replace"):
        monkeypatch.setattr(FileObjectStore, method, away)
    assert "sr doctor" in sr("submit", sr.request()).err
    doctor = sr("--json", "doctor")
    assert doctor.code == 9
    assert not any("sr doctor" in one["remedy"] for one in doctor.json["checks"])


def test_demo_spoils_one_run_and_not_the_profile(sr: Shell) -> None:
    import json

    spoiled = sr.bare("--json", "demo", "--root", "my demo", "--size", "20k", "--fail", "3A")
    assert (spoiled.code, spoiled.json["state"]) == (5, "QUARANTINED")
    kept = json.loads((sr.folder / "my demo/profile.yaml").read_text())
    assert kept == spoiled.json["profile"]
    assert "--fail" not in kept["invoker"]["command"]
    document = json.loads((sr.folder / sr.request("fresh")).read_text())
    del document["engine_run_root"]
    document["output_ids"] = ["outlet_register_1A"]
    (sr.folder / "fresh.yaml").write_text(json.dumps(document))
    assert sr.bare("--profile", "my demo/profile.yaml", "submit", "fresh.yaml").code == 0
