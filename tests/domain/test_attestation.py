"""What READY's signature states, and what counts as its envelope."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, Ready, Stated, fault_in, normal, payload_of
from sr_domain.artifacts.revisions import RULES
from sr_domain.encoding.canonical import canonical_json
from sr_domain.record.layout import Layout
from sr_ports import Fault, ReasonCode
from sr_ports.conformance.signers import SignerLaws
from tests.signing import Paper

RUN, AT = "0" * 32, "2026-01-31T13:42:00Z"
LAYOUT = Layout("platform_20260131T134200Z")
FACTS: dict[str, Any] = {
    "run_id": RUN,
    "policy_rev": {"policy_id": "lab é/1", "revision": "2", "content_digest": "c" * 64},
    "locators": [
        {"output_id": "events", "content_digest": {"algo": "sha256", "hex": "e" * 64}},
        {"output_id": "world", "content_digest": {"algo": "sha256", "hex": "d" * 64}},
    ],
}


def payload(facts: dict[str, Any] = FACTS, revision: int = 1) -> bytes:
    """What is signed of a run with this view, by the rules of a revision."""
    return RULES[revision].statement(Ready(LAYOUT, facts, "f" * 64, "9" * 64, "8" * 64, AT))


PAYLOAD = payload()
ENVELOPE = normal(Paper().sign(PAYLOAD_TYPE, PAYLOAD))


class TestPaper(SignerLaws):
    @pytest.fixture
    def signer(self) -> Paper:
        return Paper()

    @pytest.fixture
    def checker(self) -> Paper:
        return Paper()

    @pytest.fixture
    def stranger(self) -> Paper:
        return Paper("another")


def test_the_statement_names_the_view_and_every_output_by_digest() -> None:
    stated = json.loads(PAYLOAD)
    assert stated["_type"] == "https://in-toto.io/Statement/v1"
    assert stated["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert stated["subject"] == [
        {"name": LAYOUT.facts(RUN), "digest": {"sha256": "f" * 64}},
        {"name": "events", "digest": {"sha256": "e" * 64}},
        {"name": "world", "digest": {"sha256": "d" * 64}},
    ]
    assert stated["predicate"] == {
        "verifier": {"id": "pkg:pypi/scenario-runner"},
        "timeVerified": AT,
        "resourceUri": f"scenario-runner:{LAYOUT.facts(RUN)}",
        "policy": {"uri": "scenario-runner:policy/lab%20%C3%A9%2F1/2", "digest": {"sha256": "c" * 64}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SCENARIO_RUNNER_READY"],
    }


def test_no_slsa_level_is_claimed() -> None:
    levels = json.loads(PAYLOAD)["predicate"]["verifiedLevels"]
    assert levels
    assert not [level for level in levels if level.startswith("SLSA_")]


def test_the_payload_is_the_statements_canonical_bytes() -> None:
    assert canonical_json(json.loads(PAYLOAD)) == PAYLOAD


def test_revision_2_names_plan_decision_and_revision_too() -> None:
    view = {
        **FACTS,
        "oracle_pack_ref": {"engine_run_root": "/data/"},
        "locators": [
            {"output_id": "events", "path": "/data/e/1/", "content_digest": {"hex": "e" * 64}},
            {"output_id": "events", "path": "/data/e/2/", "content_digest": {"hex": "a" * 64}},
            {"output_id": "world", "path": "/data/w.bin", "content_digest": {"hex": "d" * 64}},
        ],
    }
    made = json.loads(payload(view, revision=2))
    assert [(one["name"], one["digest"]["sha256"][0]) for one in made["subject"]] == [
        (LAYOUT.facts(RUN), "f"),
        (LAYOUT.plan(RUN), "9"),
        (f"{LAYOUT.record(RUN)}#EVIDENCE_COMPLETE", "8"),
        ("events@e/1/", "e"),
        ("events@e/2/", "a"),
        ("world", "d"),
    ]
    assert made["predicate"]["verifier"] == {
        "id": "pkg:pypi/scenario-runner",
        "version": {"scenario-runner-rules": "2"},
    }
    for one in (PAYLOAD, payload(view, revision=2)):
        stated = Stated.in_envelope(normal(Paper().sign(PAYLOAD_TYPE, one)))
        assert stated.revision == (1 if one == PAYLOAD else 2)
        facts = FACTS if one == PAYLOAD else view
        assert RULES[stated.revision].statement(stated.ready(LAYOUT, facts, "f" * 64)) == one


@pytest.mark.parametrize("change", [{"subject": 7}, {"subject": [{"name": "a"}]}, {"predicate": []}])
def test_what_is_no_statement_of_ours_states_nothing(change: dict[str, Any]) -> None:
    other = canonical_json({**json.loads(PAYLOAD), **change})
    with pytest.raises(Fault) as caught:
        Stated.in_envelope(normal(Paper().sign(PAYLOAD_TYPE, other)))
    assert caught.value.code is ReasonCode.ATTESTATION_INVALID


def test_a_subject_named_twice_states_nothing() -> None:
    node = json.loads(PAYLOAD)
    other = canonical_json(
        {**node, "subject": [*node["subject"], {**node["subject"][0], "digest": {"sha256": "0" * 64}}]}
    )
    with pytest.raises(Fault, match="twice"):
        Stated.in_envelope(normal(Paper().sign(PAYLOAD_TYPE, other)))


def test_a_stored_envelope_gives_its_payload() -> None:
    assert payload_of(ENVELOPE) == PAYLOAD
    assert fault_in(ENVELOPE, PAYLOAD) is None


def test_every_byte_of_an_envelope_but_its_signature_is_bound() -> None:
    text = ENVELOPE.decode()
    free = {at for at in range(len(text)) if text.index('"keyid"') <= at}
    for at in sorted(set(range(len(ENVELOPE))) - free):
        for other in (b"", b" ", b"A", b"=", bytes([ENVELOPE[at] ^ 1])):
            changed = ENVELOPE[:at] + other + ENVELOPE[at + 1 :]
            assert changed == ENVELOPE or fault_in(changed, PAYLOAD) is not None, changed


@pytest.mark.parametrize(
    "spelt",
    [
        json.dumps(json.loads(ENVELOPE)).encode(),
        ENVELOPE + b"\n",
        ENVELOPE.replace(b'{"payload":', b'{"payload":"AAAA","payload":', 1),
        ENVELOPE.replace(b"=", b"%3D"),
        ENVELOPE.replace(b"=", b""),
        b"",
        b"[" * 100_000,
        b"\xff",
        b"null",
    ],
)
def test_an_envelope_spelt_otherwise_is_invalid(spelt: bytes) -> None:
    with pytest.raises(Fault) as caught:
        payload_of(spelt)
    assert caught.value.code is ReasonCode.ATTESTATION_INVALID


def test_unused_bits_of_base64_are_not_to_hide_anything_in() -> None:
    document = json.loads(ENVELOPE)
    sig = document["signatures"][0]["sig"]
    assert sig.endswith("=")
    last = sig[-2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    document["signatures"][0]["sig"] = sig[:-2] + alphabet[alphabet.index(last) + 1] + "="
    with pytest.raises(Fault):
        payload_of(normal(json.dumps(document).encode()))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"locators": FACTS["locators"][:1]}, "world"),
        ({"locators": [{"output_id": "events", "content_digest": {"hex": "0" * 64}}]}, "events"),
        ({"run_id": "1" * 32}, LAYOUT.facts(RUN)),
        ({"policy_rev": {**FACTS["policy_rev"], "revision": "3"}}, "the record"),
    ],
)
def test_what_is_stated_otherwise_is_named(change: dict[str, Any], named: str) -> None:
    other = normal(Paper().sign(PAYLOAD_TYPE, payload({**FACTS, **change})))
    assert named in str(fault_in(other, PAYLOAD))


@pytest.mark.parametrize("held", [b"no JSON", b"[]", b"{}", b'{"subject":[{"name":[]}]}', b'{"subject":7}'])
def test_a_payload_that_is_no_statement_is_told_as_such(held: bytes) -> None:
    document = {**json.loads(ENVELOPE), "payload": b64encode(held).decode()}
    assert "no statement" in str(fault_in(normal(json.dumps(document).encode()), PAYLOAD))
