"""The reference is as the code is, and complete where the code cannot say it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from sr_adapters.reference import words
from sr_adapters.reference.__main__ import behind
from sr_adapters.reference.pages import pages
from sr_adapters.reference.variables import of_profiles
from sr_adapters.subprocess.template import placeholder_values
from sr_domain.plan.compile import PINS
from sr_domain.plan.templates import DAY_TOKENS
from sr_plugins.documents.environment import EARLIER
from sr_ports import ReasonCode

REPO = Path(__file__).resolve().parents[2]
CONTRACTS = {
    "run_request": words.REQUEST,
    "engine_invocation": words.INVOCATION,
    "run_receipt": words.RECEIPT,
    "policy": words.POLICY,
}


def test_every_page_is_in_step() -> None:
    assert behind() == [], "python -m sr_adapters.reference --write"


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_field_has_a_meaning_and_no_meaning_is_of_none(name: str) -> None:
    contract = yaml.safe_load((REPO / f"contracts/{name}.schema.yaml").read_text())["properties"]
    assert set(contract) <= set(CONTRACTS[name])
    assert {one.partition(".")[0] for one in CONTRACTS[name]} <= set(contract)


def test_every_placeholder_and_pin_is_told() -> None:
    binding = {"scenario_set": ["a", "b"]}
    invocation = {
        **dict.fromkeys(("manifest_fingerprint", "parameter_hash", "seed", "run_id", "request_id"), "1"),
        "scenario_binding": binding,
    }
    assert set(words.PLACEHOLDERS) == set(placeholder_values(invocation, "{}", 1, "/root"))
    assert set(words.PINS) == {*PINS, *DAY_TOKENS}


OURS = re.compile(r"(?:SR|PLATFORM|MINIO)_[A-Z0-9_]+|TRACEPARENT")


def spelt_in(folders: Iterable[str]) -> set[str]:
    """Every text of the code, or name put together from a pin, that is a variable's and no reason code."""
    found = set()
    for folder in folders:
        for path in (REPO / folder).rglob("*.py"):
            if path.parent.name == "reference":
                continue
            texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            found |= {text for text in texts if isinstance(text, str) and OURS.fullmatch(text)}
    return found - {code.value for code in ReasonCode}


def test_every_variable_of_the_code_is_told_and_none_else() -> None:
    told = {name for name, (who, _) in words.VARIABLES.items() if who != "tests"}
    aliased = {*EARLIER, *EARLIER.values()}
    assert told == spelt_in(("sr_ports", "sr_domain", "sr_plugins", "sr_adapters")) - aliased
    in_tests = {name for name, (who, _) in words.VARIABLES.items() if who == "tests"}
    assert in_tests <= spelt_in(("tests",))


def test_every_variable_of_shipped_profiles_is_told_with_what_it_fills() -> None:
    named = set()
    for path in (REPO / "config").glob("*.yaml"):
        named |= set(re.findall(r"\$\{([A-Z_0-9]+)", path.read_text()))
    assert named == set(of_profiles())
    page = (REPO / "docs/reference/environment.md").read_text()
    for name in named:
        assert f"| `{name}` | `" in page


def test_every_page_is_on_the_list_of_pages() -> None:
    made = pages()
    for name in made:
        folder, _, file = name.rpartition("/")
        if folder and file != "index.md":
            assert f"]({file})" in made[f"{folder}/index.md"]
        elif name != "index.md":
            assert f"]({name})" in made["index.md"]
