"""What Scenario Runner writes is what other systems read: each row of the wire's table, held by contracts of theirs.

The contracts are written by hand from the wire and from the interface pack, and closed where readers refuse unknown
fields. They are no copy of `contracts/`: when one of them has to change, other people's systems have to change first.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.readers.contract import NAMES, breaks, jsonschema, refusals, schema_of
from tests.readers.incoming import INCOMING
from tests.readers.written import ORACLE, Written

OUTGOING = [name for name in NAMES if name not in INCOMING]


def test_every_row_of_the_wire_has_a_readers_contract() -> None:
    assert len(NAMES) == 19
    for name in NAMES:
        jsonschema.Draft7Validator.check_schema(schema_of(name))
        assert "contracts/" in schema_of(name)["description"]


@pytest.mark.parametrize("name", OUTGOING)
def test_whatever_was_written_is_read(written: Written, name: str) -> None:
    for where, document in written.of(name):
        assert refusals(name, document) == [], where


@pytest.mark.parametrize("name", OUTGOING)
def test_a_row_that_is_broken_anywhere_is_refused(written: Written, name: str) -> None:
    document = max((one for _, one in written.of(name)), key=lambda one: len(json.dumps(one)))
    assert refusals(name, document) == []
    broken = list(breaks(name, document))
    assert len(broken) > 2 * len(schema_of(name)["required"])
    for how, wrong in broken:
        assert refusals(name, wrong) != [], f"{name}: {how} is read all the same"


def test_the_runs_were_of_every_kind(written: Written) -> None:
    states = {document["state"] for _, document in written.of("run_status")}
    kinds = {document["attributes"]["kind"] for _, document in written.of("bus_envelope")}
    assert states >= {"READY", "FAILED", "QUARANTINED", "WAITING_EVIDENCE"}
    assert kinds == {"READY", "READY_REEMIT", "TERMINAL_REEMIT", "RUN_SUPERSEDED"}
    assert {document["outcome"] for _, document in written.of("engine_attempt")} == {"SUCCEEDED", "FAILED"}
    assert {document["status_state"] for _, document in written.of("terminal_signal")} == {"FAILED", "QUARANTINED"}


def test_the_engines_own_manifest_is_passed_on(written: Written) -> None:
    ids = {document.get("oracle_pack_id") for _, document in written.of("oracle_pack_ref")}
    assert ORACLE["oracle_pack_id"] in ids


def test_a_message_is_of_the_run_that_it_names(written: Written) -> None:
    for where, envelope in written.of("bus_envelope"):
        payload, attributes = envelope["payload"], envelope["attributes"]
        assert envelope["partition_key"] == payload["run_id"] == attributes["run_id"], where
        told = payload.get("message_id", payload.get("reemit_key"))
        assert told in (None, envelope["message_id"]), where


def test_every_platform_run_id_has_the_one_form(written: Written) -> None:
    found = {document["platform_run_id"] for _, document in written.of("ready_signal")}
    assert found
    assert all(re.fullmatch(r"platform_\d{8}T\d{6}Z", one) for one in found)
