"""What others may send: each field of a row is taken, and each break of it refused."""

from __future__ import annotations

import copy

import pytest

from sr_domain.encoding.contracts import problem
from tests.readers.contract import breaks, refusals, schema_of
from tests.readers.incoming import INCOMING

NAMES = sorted(INCOMING)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_document_is_taken_and_so_is_the_least(name: str) -> None:
    whole = INCOMING[name]
    least = {field: whole[field] for field in schema_of(name)["required"]}
    assert set(whole) == set(schema_of(name)["properties"]), "the sample has every field of its row"
    for document in (whole, least):
        assert refusals(name, document) == []
        assert problem(name, document) is None


@pytest.mark.parametrize("name", NAMES)
def test_whatever_its_writers_contract_refuses_is_refused(name: str) -> None:
    for how, wrong in breaks(name, INCOMING[name]):
        assert refusals(name, wrong) != [], how
        assert problem(name, wrong) is not None, f"{name}: {how} is taken"


@pytest.mark.parametrize("name", ["run_receipt", "oracle_pack_manifest"])
def test_the_engine_may_say_more(name: str) -> None:
    more = copy.deepcopy(INCOMING[name]) | {"engine_build": {"any": ["thing"]}}
    assert refusals(name, more) == []
    assert problem(name, more) is None


def test_a_scenario_is_one_of_two_forms() -> None:
    for scenario, taken in (
        ({"scenario_id": "baseline"}, True),
        ({"scenario_set": ["baseline"]}, True),
        ({}, False),
        ({"scenario_id": "a", "scenario_set": ["b"]}, False),
        ({"scenario_set": []}, False),
    ):
        request = {**INCOMING["run_request"], "scenario": scenario}
        assert (refusals("run_request", request) == []) is taken
        assert (problem("run_request", request) is None) is taken
