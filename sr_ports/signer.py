"""Ports: signing a statement, and checking such a signature."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Puts a payload into a DSSE envelope (secure-systems-lab/dsse, v1) under one key.

    Laws:

    G1  The envelope holds the very payload and payload type it was given, and a signature
        over their pre-authentication encoding.
    G2  The signature is `keyid`'s: whoever has the public half of that key can check it.
    G3  Signing changes nothing and may be repeated: of two envelopes of one payload, either will do.
    """

    @property
    def keyid(self) -> str:
        """Names the key, the same in every process that has it."""

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        """The envelope's JSON. Raises `Unreachable` when the key's keeper does not answer."""


class SignatureChecker(Protocol):
    """Checks envelopes against one public key.

    Laws:

    G4  `check` returns only when some signature in the envelope is this key's, over its payload
        and payload type. A byte changed in any of the three is found.
    """

    @property
    def keyid(self) -> str:
        """Names the key, as its `Signer` does."""

    def check(self, envelope: bytes) -> None:
        """Raise `Fault(ATTESTATION_INVALID)` unless the envelope is signed by this key."""
