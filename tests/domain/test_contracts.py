"""Contracts: exactly the wire's fields, each single fault refused, in words that name the place."""

from __future__ import annotations

import datetime
import json
import pickle
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import hatch_build
from sr_adapters.answers import CONTRACTS
from sr_domain import _contracts
from sr_domain.encoding.contracts import SHOWN, ContractViolation, Problem, problem, validate
from sr_ports import ReasonCode
from tests.domain.contract_samples import ROOT, documents, faults, sample, schemas

HEX32, HEX64 = "0" * 32, "f" * 64
PINS = "manifest_fingerprint parameter_hash seed"
# The wire's own table (spec: wire): required, optional, whether anything else may stand beside them.
WIRE: dict[str, tuple[str, str, bool]] = {
    "run_request": (
        f"run_equivalence_key {PINS} scenario window",
        "request_id requested_strategy output_ids engine_run_root notes invoker supersedes",
        False,
    ),
    "run_plan": (
        (
            "run_id plan_hash policy_rev strategy intended_outputs required_gates evidence_deadline_utc attempt_limit"
            " created_at_utc"
        ),
        "",
        False,
    ),
    "run_record_event": (
        "event_id event_kind run_id seq fence prev_hash ts_utc actor policy_rev details",
        "",
        False,
    ),
    "run_record_event_r2": (
        "event_id event_kind run_id seq fence prev_hash ts_utc actor policy_rev details",
        "",
        False,
    ),
    "run_superseded": ("run_id superseded_by facts_view_ref bundle_hash", "reason emitted_at_utc", False),
    "run_status": ("run_id state updated_at_utc record_ref", "reason_code facts_view_ref", False),
    "run_facts_view": (
        (
            "run_id platform_run_id scenario_run_id pins locators gate_receipts policy_rev bundle_hash plan_ref"
            " record_ref status_ref"
        ),
        (
            "output_roles intended_outputs instance_receipts run_config_digest service_release_id"
            " environment provenance oracle_pack_ref evidence_notes"
        ),
        False,
    ),
    "output_locator": (
        "output_id path",
        f"{PINS} scenario_id run_id schema_ref dictionary_ref produced_at_utc content_digest",
        False,
    ),
    "gate_receipt": ("gate_id status scope", "produced_at_utc receipt_kind digest artifacts notes", False),
    "instance_receipt": (
        "output_id status scope target_ref target_digest",
        "bundle_manifest_ref receipt_kind artifacts notes",
        False,
    ),
    "ready_signal": (
        (
            "run_id platform_run_id scenario_run_id facts_view_ref bundle_hash message_id run_config_digest"
            " manifest_fingerprint parameter_hash scenario_id"
        ),
        "plan_hash service_release_id environment provenance emitted_at_utc oracle_pack_ref",
        False,
    ),
    "terminal_signal": (
        "run_id status_state status_ref record_ref reemit_key",
        "reason_code emitted_at_utc",
        False,
    ),
    "reemit_request": ("run_id reemit_kind", "reason requested_by dry_run requested_at_utc", False),
    "engine_invocation": (f"{PINS} run_id scenario_binding", "request_id invoker notes engine_run_root", False),
    "engine_attempt": (
        "run_id attempt_id attempt_no outcome started_at_utc ended_at_utc invocation",
        "invoker reason_code engine_run_root run_receipt_ref duration_ms logs_ref",
        False,
    ),
    "run_receipt": (f"run_id {PINS}", "", True),
    "oracle_pack_manifest": (
        "version oracle_pack_id world_key engine_release catalogue_digest gate_map_digest created_at_utc",
        "",
        True,
    ),
    "oracle_pack_ref": (
        "",
        (
            "oracle_pack_id manifest_ref engine_run_root scenario_id stream_view_root stream_view_output_refs"
            " oracle_root engine_release"
        ),
        False,
    ),
    "oracle_pack_ref_r2": (
        "engine_run_root",
        ("oracle_pack_id manifest_ref scenario_id stream_view_root stream_view_output_refs oracle_root engine_release"),
        False,
    ),
    "quarantine_record": ("run_id reason record_ref status_ref ts_utc", "missing conflicts", False),
    "bus_envelope": ("topic message_id published_at_utc attributes partition_key payload", "", False),
    "bus_envelope_r2": ("topic message_id published_at_utc attributes partition_key payload", "", False),
    "store_identity": ("store_id minted_at_utc", "", False),
    "store_note": (
        "store_id decided_as reason actor decided_at_utc location successor_store_id",
        "minted_at_utc former_locations actor_proof",
        False,
    ),
    "attestation": ("payloadType payload signatures", "", False),
    "policy": (
        "policy_id revision content_digest",
        (
            "reuse_policy evidence_wait_seconds attempt_limit retry_backoff_seconds traffic_output_ids ungated_outputs"
            " settle_seconds abandoned_limit member_digests allowed_laws"
        ),
        False,
    ),
}
WIRE |= {f"{name}_r2": WIRE[name] for name in ("run_facts_view", "ready_signal")}
NAMES = sorted(WIRE)
"""As they are compiled: `_rN` behind the name of a contract that revision N changed, or that refers to such a one."""
SERVICE = (
    "audit_request", "health", "plan_diff_request", "problem", "recover_request", "resume_request", "retry_request",
    "verify_request",
)  # fmt: skip
"""What only the service reads and answers; the rest of it is what the command line answers."""
ANSWERS = sorted({*CONTRACTS.values(), *SERVICE} - set(NAMES))


def held(name: str, document: Any) -> Problem | None:
    """What breaks the contract as it stood at the revision in its name."""
    match = re.fullmatch(r"(\w+)_r([0-9]+)", name)
    return problem(name, document, 1) if match is None else problem(match[1], document, int(match[2]))


def event(**details: Any) -> dict[str, Any]:
    whole: dict[str, Any] = sample(schemas()["run_record_event"], most=True)
    return {**whole, "details": details}


def test_every_artifact_of_the_wire_and_every_answer_has_a_contract_and_no_other_is_there() -> None:
    assert sorted(schemas()) == sorted([*NAMES, *ANSWERS])


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_are_the_wires(name: str) -> None:
    required, optional, more = WIRE[name]
    schema = schemas()[name]
    assert sorted(schema["required"]) == sorted(required.split())
    assert sorted(schema["properties"]) == sorted(f"{required} {optional}".split())
    assert schema["additionalProperties"] is more


@pytest.mark.parametrize("most", [False, True], ids=["least", "most"])
@pytest.mark.parametrize("name", [*NAMES, *ANSWERS])
def test_the_least_and_the_most_fit(name: str, most: bool) -> None:
    assert held(name, sample(schemas()[name], most=most)) is None


@pytest.mark.parametrize("name", [*NAMES, *ANSWERS])
def test_every_single_fault_is_refused_and_named(name: str) -> None:
    wrongs = list(faults(schemas()[name]))
    assert len(wrongs) >= len(schemas()[name]["properties"])
    for wrong in wrongs:
        found = held(name, wrong.document)
        assert found is not None, f"{name}: {wrong.fault} is accepted"
        assert found.path == wrong.path, f"{name}: {wrong.fault} is blamed on {found.path!r}: {found.what}"
        assert wrong.says in found.what, f"{name}: {wrong.fault} is told as {found.what!r}"


@pytest.mark.parametrize("name", [name for name in NAMES if WIRE[name][2]])
def test_what_is_the_engines_own_may_hold_anything_else(name: str) -> None:
    document = {**sample(schemas()[name], most=True), "engine_build": {"any": ["thing", None, 1.5]}}
    assert held(name, document) is None


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_choice_of_optional_fields_fits_and_survives_json(name: str, data: st.DataObject) -> None:
    document = data.draw(documents(schemas()[name]))
    assert held(name, document) is None
    assert held(name, json.loads(json.dumps(document))) is None


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=10,
    )
)
def test_no_value_whatever_upsets_a_contract(value: Any) -> None:
    for name in ("run_request", "run_receipt", "output_locator"):
        found = problem(name, value)
        assert found is not None
        assert "\n" not in str(ContractViolation(found))


@pytest.mark.parametrize(
    ("changes", "path", "sentence"),
    [
        (
            {"manifest_fingerprint": "F" * 64},
            "manifest_fingerprint",
            f"manifest_fingerprint must be 64 lower-case hex characters, not '{'F' * 56}...",
        ),
        ({"seed": 1.0}, "seed", "seed must be an integer from 0 to 2^64 - 1, not 1.0"),
        ({"seed": "1"}, "seed", "seed must be an integer from 0 to 2^64 - 1, not '1'"),
        (
            {"requested_strategy": "MAYBE"},
            "requested_strategy",
            "requested_strategy must be one of AUTO, FORCE_INVOKE, FORCE_REUSE, not 'MAYBE'",
        ),
        ({"colour": 1}, "", "run request has unknown fields: colour"),
        ({"notes": "\ud800"}, "notes", "notes must be a JSON value, not '\\ud800'"),
        (
            {"output_ids": []},
            "output_ids",
            (
                "output_ids must be a list of at least one output id;"
                " leave it out to ask for the policy's outputs, not a list of 0"
            ),
        ),
        (
            {"scenario": {"scenario_id": "a", "scenario_set": ["b"]}},
            "scenario",
            "scenario must be exactly one of scenario_id and scenario_set, not an object of 2",
        ),
        ({"scenario": {"scenario_set": []}}, "scenario.scenario_set", "must have at least 1 entries, not 0"),
        ({"window": {}}, "window", "window lacks window_end_utc, window_start_utc, window_tz"),
        (
            {"run_equivalence_key": "a\tb"},
            "run_equivalence_key",
            "must be one line of 1 to 512 characters, not 'a\\tb'",
        ),
    ],
)
def test_the_sentence_says_what_was_expected(changes: dict[str, Any], path: str, sentence: str) -> None:
    found = problem("run_request", {**sample(schemas()["run_request"], most=False), **changes})
    assert found is not None
    assert found.path == path
    assert found.what.endswith(sentence)


@pytest.mark.parametrize(
    "value", ["9" * 10_000, 10**5000, ["x"] * 10_000, {"k" * 9_000: 1}], ids=["text", "int", "list", "object"]
)
def test_an_error_shows_little_of_the_value(value: Any) -> None:
    for document in ({"run_id": value}, {"k" * 9_000: value}):
        found = problem("reemit_request", {**sample(schemas()["reemit_request"], most=False), **document})
        assert found is not None
        assert len(found.what) < SHOWN + 80


def test_an_error_shows_little_of_a_long_key() -> None:
    roles = {**sample(schemas()["run_facts_view"], most=False), "output_roles": {"k" * 9_000: "unheard"}}
    found = problem("run_facts_view", roles)
    assert found is not None
    assert found.path.startswith("output_roles.k")
    assert len(found.what) < 3 * SHOWN


@pytest.mark.parametrize(
    ("details", "path"),
    [
        ({"at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)}, "details.at"),
        ({"at": [b"bytes"]}, "details.at[0]"),
        ({"at": {"in": ("a", "tuple")}}, "details.at.in"),
        ({"at": {1, 2}}, "details.at"),
        ({"at": float("nan")}, "details.at"),
        ({"at": float("-inf")}, "details.at"),
        ({"at": {5: "a key"}}, "details.at"),
        ({"at": {"\udc80": "a key"}}, "details.at"),
        ({"at": "\udc80"}, "details.at"),
    ],
)
def test_what_is_no_json_is_refused_wherever_it_hides(details: dict[str, Any], path: str) -> None:
    found = problem("run_record_event", event(**details))
    assert found is not None
    assert found.path == path


def test_free_details_may_hold_any_json() -> None:
    assert problem("run_record_event", event(a=None, b=[1, 2.5, {"c": "\u00e4\U0001f600"}], d=True)) is None


@pytest.mark.parametrize(("levels", "fits"), [(63, True), (64, False), (5_000, False)])
def test_free_details_nest_no_deeper_than_readers_take(levels: int, fits: bool) -> None:
    nested: Any = {}
    for _ in range(levels - 1):
        nested = {"d": nested}
    assert (problem("run_record_event", {**event(), "details": nested}) is None) is fits


def test_a_document_within_itself_is_refused() -> None:
    looped: dict[str, Any] = {}
    looped["again"] = looped
    found = problem("run_record_event", {**event(), "details": looped})
    assert found is not None
    assert "deeper" in found.what


def test_validate_raises_what_problem_returns() -> None:
    validate("run_receipt", sample(schemas()["run_receipt"], most=True))
    with pytest.raises(ContractViolation) as caught:
        validate("run_receipt", {})
    assert caught.value.problem == problem("run_receipt", {})
    assert caught.value.code is ReasonCode.CONTRACT_VIOLATION
    assert str(caught.value).startswith("error[CONTRACT_VIOLATION]: run_receipt: run receipt lacks manifest_finger")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problem == caught.value.problem


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("2026-01-31T13:42:00Z", True),
        ("2026-01-31T13:42:00+00:00", True),
        ("2026-01-31T13:42:00+01:00", False),
        ("2026-01-31 13:42:00Z", False),
        ("2026-13-31T13:42:00Z", False),
        ("2026-01-31T24:00:00Z", False),
        ("2026-01-31T13:42:00", False),
        ("2026-01-31", False),
        ("\u0662\u0660\u0662\u0666-01-31T13:42:00Z", False),
    ],
)
def test_times_of_artifacts_are_rfc_3339_in_utc(text: str, fits: bool) -> None:
    status = {**sample(schemas()["run_status"], most=False), "updated_at_utc": text}
    assert (problem("run_status", status) is None) is fits


def test_the_compiled_contracts_are_fresh() -> None:
    fresh = hatch_build.digest(hatch_build.sources(ROOT))
    assert fresh == _contracts.SOURCES, "contracts/ has changed since it was compiled; run: python hatch_build.py"


def test_the_digest_of_the_sources_sees_names_and_bytes_and_no_line_ends() -> None:
    files = {"a": b"x\ny", "b": b"z"}
    same = hatch_build.digest({"b": b"z", "a": b"x\r\ny"})
    others = [{"a": b"x\ny"}, {"a": b"x\ny", "c": b"z"}, {"a": b"x\ny", "b": b"Z"}, {"a": b"z", "b": b"x\ny"}]
    assert hatch_build.digest(files) == same
    assert all(hatch_build.digest(other) != same for other in others)


@pytest.mark.parametrize("name", ["output_locator", "run_request"])
def test_compiling_is_deterministic(name: str) -> None:
    once = hatch_build.compiled(schemas()[name])
    assert once == hatch_build.compiled(yaml.safe_load(yaml.safe_dump(schemas()[name], sort_keys=False)))


def test_checking_a_document_loads_one_contract_and_no_schema_library() -> None:
    code = (
        "import sys; from sr_domain.encoding.contracts import problem; problem('run_status', {});"
        "print(sorted(m for m in sys.modules if m.startswith(('fastjsonschema', 'yaml', 'sr_domain._contracts.'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sr_domain._contracts.run_status']"
