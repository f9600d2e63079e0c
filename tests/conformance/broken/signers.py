"""Signers and checkers of signatures that break a law each."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import ClassVar

import attrs
import pytest

from sr_ports import Fault, ReasonCode
from sr_ports.conformance.signers import SignerLaws
from tests.conformance.broken.making import suites


@attrs.define
class SoundKey:
    """A key that signs by HMAC, and checks."""

    key: bytes = b"key"

    @property
    def keyid(self) -> str:
        return hashlib.sha256(self.key).hexdigest()

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        signature = {"keyid": self.keyid, "sig": b64encode(self.over(payload_type, payload)).decode()}
        signed = {"payload": b64encode(payload).decode(), "payloadType": payload_type, "signatures": [signature]}
        return json.dumps(signed).encode()

    def check(self, envelope: bytes) -> None:
        try:
            document = json.loads(envelope)
            payload = b64decode(document["payload"], validate=True)
            over = self.over(document["payloadType"], payload)
            good = any(hmac.compare_digest(b64decode(one["sig"]), over) for one in document["signatures"])
            known = ", ".join(str(one.get("keyid")) for one in document["signatures"])
        except (ValueError, TypeError, LookupError, AttributeError) as broken:
            raise Fault(ReasonCode.ATTESTATION_INVALID, "this is no envelope") from broken
        if not good:
            raise Fault(ReasonCode.ATTESTATION_INVALID, f"not signed by {self.keyid}, but by {known}")

    def over(self, payload_type: str, payload: bytes) -> bytes:
        text = b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type.encode(), len(payload), payload)
        return hmac.digest(self.key, text, "sha256")


class SignsNothing(SoundKey):
    def sign(self, payload_type: str, payload: bytes) -> bytes:
        signed = {"payload": b64encode(payload).decode(), "payloadType": payload_type, "signatures": []}
        return json.dumps(signed).encode()


class SignsNothingAndChecksNothing(SoundKey):
    def over(self, payload_type: str, payload: bytes) -> bytes:
        return b"signed"


class SignsThePayloadAlone(SoundKey):
    def over(self, payload_type: str, payload: bytes) -> bytes:
        return hmac.digest(self.key, payload, "sha256")


class SignsTheStart(SoundKey):
    def over(self, payload_type: str, payload: bytes) -> bytes:
        return super().over(payload_type, payload[:16])


class SignsWithoutItsName(SoundKey):
    def sign(self, payload_type: str, payload: bytes) -> bytes:
        return super().sign(payload_type, payload).replace(self.keyid.encode(), b"key-1")


class SignsAnotherPayload(SoundKey):
    def sign(self, payload_type: str, payload: bytes) -> bytes:
        return super().sign(payload_type, payload.strip() or b"{}")


class ChecksNothing(SoundKey):
    def check(self, envelope: bytes) -> None:
        """Whatever it is, it is fine."""


class SignerSuite(SignerLaws):
    __test__ = False
    kind: ClassVar[Callable[..., SoundKey]]

    @pytest.fixture
    def signer(self) -> SoundKey:
        return type(self).kind()

    @pytest.fixture
    def checker(self) -> SoundKey:
        return type(self).kind()

    @pytest.fixture
    def stranger(self) -> SoundKey:
        return type(self).kind(b"another")


class TestSoundSigner(SignerSuite):
    __test__ = True
    kind = SoundKey


globals().update(suites(SignerSuite, [
    (SignsNothing, "G2"), (SignsNothingAndChecksNothing, "G4"), (SignsThePayloadAlone, "G4"), (SignsTheStart, "G4"),
    (SignsWithoutItsName, "G2"), (SignsAnotherPayload, "G1"), (ChecksNothing, "G4"),
]))  # fmt: skip
