"""What READY's signature states, and what counts as its envelope."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, fault_in, normal, payload_of, statement, statement_bytes
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
PAYLOAD = statement_bytes(LAYOUT, FACTS, "f" * 64, AT)
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
    stated = statement(LAYOUT, FACTS, "f" * 64, AT)
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
    levels = statement(LAYOUT, FACTS, "f" * 64, AT)["predicate"]["verifiedLevels"]
    assert levels
    assert not [level for level in levels if level.startswith("SLSA_")]


def test_the_payload_is_the_statements_canonical_bytes() -> None:
    assert canonical_json(statement(LAYOUT, FACTS, "f" * 64, AT)) == PAYLOAD
    assert json.loads(PAYLOAD) == statement(LAYOUT, FACTS, "f" * 64, AT)


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
    other = normal(Paper().sign(PAYLOAD_TYPE, statement_bytes(LAYOUT, {**FACTS, **change}, "f" * 64, AT)))
    assert named in str(fault_in(other, PAYLOAD))


@pytest.mark.parametrize("payload", [b"no JSON", b"[]", b"{}", b'{"subject":[{"name":[]}]}', b'{"subject":7}'])
def test_a_payload_that_is_no_statement_is_told_as_such(payload: bytes) -> None:
    document = {**json.loads(ENVELOPE), "payload": b64encode(payload).decode()}
    assert "no statement" in str(fault_in(normal(json.dumps(document).encode()), PAYLOAD))
