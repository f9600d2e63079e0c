"""The laws of `sr_ports.signer`, as tests.

Subclass `SignerLaws` and give it the fixtures `signer`, `checker` (of the same key) and
`stranger` (a checker of another key).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.errors import Fault
from sr_ports.reasons import ReasonCode
from sr_ports.signer import SignatureChecker, Signer

TYPE = "application/vnd.in-toto+json"
JUNK = [
    b"", b"{", b"[]", b"7", b"{}", b"\xff\xfe", b'{"payload":1}',
    b'{"payload":"","payloadType":"t","signatures":[1]}',
    b'{"payload":"","payloadType":"t","signatures":null}',
    b'{"payload":"%","payloadType":"t","signatures":[]}',
    b'{"payload":"","payloadType":7,"signatures":[{"keyid":"a","sig":""}]}',
]  # fmt: skip
PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'


def refused(checker: SignatureChecker, envelope: bytes) -> Fault:
    """The fault a checker raises for an envelope."""
    with pytest.raises(Fault) as caught:
        checker.check(envelope)
    assert caught.value.code is ReasonCode.ATTESTATION_INVALID
    return caught.value


def respelt(envelope: bytes, **changes: Any) -> bytes:
    """The envelope with other fields."""
    return json.dumps({**json.loads(envelope), **changes}).encode()


class SignerLaws(Laws):
    """Laws G1 to G4. Needs `signer`, `checker` and `stranger`."""

    states = (Signer, SignatureChecker)

    @pytest.mark.parametrize("payload", [PAYLOAD, b"{}", b"", bytes(range(256)), b"x" * 300_000])
    def test_g1_the_envelope_holds_the_very_payload(self, signer: Signer, payload: bytes) -> None:
        envelope = json.loads(signer.sign(TYPE, payload))
        assert envelope["payloadType"] == TYPE
        assert b64decode(envelope["payload"], validate=True) == payload

    def test_g2_the_signature_is_the_keys(self, signer: Signer, checker: SignatureChecker) -> None:
        envelope = signer.sign(TYPE, PAYLOAD)
        checker.check(envelope)
        assert checker.keyid == signer.keyid
        assert [one["keyid"] for one in json.loads(envelope)["signatures"]] == [signer.keyid]

    def test_g3_signing_again_does_as_well(self, signer: Signer, checker: SignatureChecker) -> None:
        one, other = signer.sign(TYPE, PAYLOAD), signer.sign(TYPE, PAYLOAD)
        checker.check(one)
        checker.check(other)
        assert json.loads(one)["payload"] == json.loads(other)["payload"]

    def test_g4_another_key_accepts_nothing(self, signer: Signer, stranger: SignatureChecker) -> None:
        assert signer.keyid in refused(stranger, signer.sign(TYPE, PAYLOAD)).what

    def test_g4_another_key_under_this_ones_name_accepts_nothing(
        self, signer: Signer, stranger: SignatureChecker
    ) -> None:
        envelope = json.loads(signer.sign(TYPE, PAYLOAD))
        envelope["signatures"][0]["keyid"] = stranger.keyid
        refused(stranger, json.dumps(envelope).encode())

    def test_g4_any_byte_of_the_payload_counts(self, signer: Signer, checker: SignatureChecker) -> None:
        envelope = signer.sign(TYPE, PAYLOAD)
        for at in range(len(PAYLOAD)):
            other = PAYLOAD[:at] + bytes([PAYLOAD[at] ^ 1]) + PAYLOAD[at + 1 :]
            refused(checker, respelt(envelope, payload=b64encode(other).decode()))
        refused(checker, respelt(envelope, payload=""))

    def test_g4_the_payload_type_counts(self, signer: Signer, checker: SignatureChecker) -> None:
        refused(checker, respelt(signer.sign(TYPE, PAYLOAD), payloadType=TYPE + "x"))

    def test_g4_any_byte_of_the_signature_counts(self, signer: Signer, checker: SignatureChecker) -> None:
        envelope = signer.sign(TYPE, PAYLOAD)
        (signature,) = json.loads(envelope)["signatures"]
        sig = b64decode(signature["sig"])
        for at in range(len(sig)):
            other = b64encode(sig[:at] + bytes([sig[at] ^ 1]) + sig[at + 1 :]).decode()
            refused(checker, respelt(envelope, signatures=[{**signature, "sig": other}]))
        refused(checker, respelt(envelope, signatures=[{**signature, "sig": ""}]))
        refused(checker, respelt(envelope, signatures=[]))

    @pytest.mark.parametrize("junk", JUNK)
    def test_g4_what_is_no_envelope_is_refused(self, checker: SignatureChecker, junk: bytes) -> None:
        refused(checker, junk)
