"""The `Signer` and `SignatureChecker` ports over securesystemslib's DSSE envelopes."""

from __future__ import annotations

import json

import attrs
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import FormatError, VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from sr_adapters.attest.keys import private_key, public_key
from sr_adapters.attest.settings import PublicKey, SigningKey
from sr_ports import Fault, ReasonCode, Wiring


@attrs.frozen
class KeyFileSigner:
    """Signs with an Ed25519 key held in memory: one payload, one envelope, byte for byte."""

    key: CryptoSigner

    @property
    def keyid(self) -> str:
        return str(self.key.public_key.keyid)

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        envelope = Envelope(payload, payload_type, {})
        envelope.sign(self.key)
        return json.dumps(envelope.to_dict(), sort_keys=True, separators=(",", ":")).encode()


@attrs.frozen
class KeyFileChecker:
    """Checks against one public key. Envelopes name keys as securesystemslib does."""

    key: SSlibKey

    @property
    def keyid(self) -> str:
        return str(self.key.keyid)

    def check(self, envelope: bytes) -> None:
        try:
            opened = Envelope.from_dict(json.loads(envelope))
        except (ValueError, KeyError, TypeError, AttributeError, FormatError, RecursionError) as error:
            raise _invalid("it is no DSSE envelope") from error
        if self.keyid not in opened.signatures:
            others = ", ".join(sorted(opened.signatures)) or "nobody"
            raise _invalid(f"it is not signed by this key, {self.keyid}, but by {others}")
        try:
            opened.verify([self.key], 1)
        except VerificationError as error:
            raise _invalid(f"the signature of {self.keyid} is not over this payload") from error


def _invalid(what: str) -> Fault:
    return Fault(ReasonCode.ATTESTATION_INVALID, what)


def build_signer(wiring: Wiring[SigningKey]) -> KeyFileSigner:
    """A signer with the key of ``attest.signing_key``. Raises `BadInput(PROFILE_INVALID)`."""
    return KeyFileSigner(private_key(wiring.settings.signing_key))


def build_checker(wiring: Wiring[PublicKey]) -> KeyFileChecker:
    """A checker with the key of the setting ``public_key``. Raises `BadInput(USAGE)`."""
    return KeyFileChecker(public_key(wiring.settings.public_key))
