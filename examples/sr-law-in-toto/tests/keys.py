"""Keys and signers of the tests, and statements as securesystemslib signs them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from sr_law_in_toto.statement import PAYLOAD_TYPE

PREDICATE = "https://slsa.dev/verification_summary/v1"
KINDS = ("ed25519", "ecdsa", "rsa")


@cache
def signer(kind: str = "ed25519", number: int = 0) -> CryptoSigner:
    """The same one each time; another for another number."""
    del number
    made: CryptoSigner = getattr(CryptoSigner, f"generate_{kind}")()
    return made


def pem(one: CryptoSigner) -> str:
    """The public key, as a gate map has it."""
    key = one._private_key.public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def statement(files: Mapping[str, bytes], **changes: Any) -> dict[str, Any]:
    subjects = [{"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}} for name, data in files.items()]
    made: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": {"verifier": {"id": "https://example.com/verifier"}},
    }
    return {**made, **changes}


def signed(payload: bytes, signers: Iterable[CryptoSigner], payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The envelope that securesystemslib makes, as JSON."""
    envelope = Envelope(payload, payload_type, {})
    for one in signers:
        envelope.sign(one)
    return json.dumps(envelope.to_dict()).encode()


def flag_of(files: Mapping[str, bytes], *signers: CryptoSigner, **changes: Any) -> bytes:
    """The signed statement about these files."""
    return signed(json.dumps(statement(files, **changes)).encode(), signers or [signer()])
