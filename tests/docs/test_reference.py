"""The reference is as the code is, and complete where the code cannot say it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sr_adapters.reference import words
from sr_adapters.reference.__main__ import behind
from sr_adapters.reference.pages import pages
from sr_adapters.subprocess.template import placeholder_values
from sr_domain.plan.compile import PINS
from sr_domain.plan.templates import DAY

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
    assert set(words.PINS) == {*PINS, DAY}


def test_every_variable_of_profiles_and_engines_is_told() -> None:
    named = set()
    for path in (REPO / "config").glob("*.yaml"):
        named |= set(re.findall(r"\$\{([A-Z_0-9]+)", path.read_text()))
    named |= {
        "SR_PROFILE",
        "PLATFORM_RUN_ID",
        "SR_ENGINE_S3_ENDPOINT",
        "SR_ENGINE_INVOCATION_JSON",
        "SR_ENGINE_RUN_ROOT",
    }
    assert named == {name for name, (who, _) in words.VARIABLES.items() if who != "tests"}


def test_every_page_is_on_the_list_of_pages() -> None:
    made = pages()
    assert all(f"]({name})" in made["index.md"] for name in made if name != "index.md")
