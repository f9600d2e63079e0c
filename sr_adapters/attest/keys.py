"""Keys from PEM files, with errors that say what is wrong with the file."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner, SSlibKey

from sr_ports import BadInput, ReasonCode

_LIMIT = 1 << 16
_MAKE = "make one: openssl genpkey -algorithm ed25519 -out FILE"
_HALF = "give the public half: openssl pkey -in KEY -pubout -out FILE"


def private_key(path: str) -> CryptoSigner:
    """The Ed25519 key in a PEM file without passphrase. Raises `BadInput(PROFILE_INVALID)`."""
    code, what = ReasonCode.PROFILE_INVALID, f"attest.signing_key {path!r}"
    data = _read(path, code, what, _MAKE)
    try:
        key = load_pem_private_key(data, None)
    except TypeError as error:
        remedy = "give a key without passphrase: openssl pkey -in KEY -out FILE"
        raise BadInput(code, f"{what} is encrypted with a passphrase", remedy) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput(code, f"{what} is no private key in PEM form", _MAKE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(code, f"{what} is no Ed25519 key", _MAKE)
    return CryptoSigner(key)


def public_key(path: str) -> SSlibKey:
    """The public key in a PEM file, of any kind the library verifies with. Raises `BadInput(USAGE)`."""
    code, what = ReasonCode.USAGE, f"the key {path!r}"
    data = _read(path, code, what, _HALF)
    if b"PRIVATE KEY-----" in data:
        raise BadInput(code, f"{what} is a private key", _HALF)
    try:
        return SSlibKey.from_crypto(load_pem_public_key(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput(code, f"{what} is no public key in PEM form that can be used here", _HALF) from error


def _read(path: str, code: ReasonCode, what: str, remedy: str) -> bytes:
    """The file's bytes; a key has few of them."""
    if not path:
        raise BadInput(code, f"{what} must be a path", remedy)
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(
            code, f"{what} cannot be read: {reason}", f"check the path and its rights, or {remedy}"
        ) from error
    if len(data) > _LIMIT:
        raise BadInput(code, f"{what} is larger than a key can be", remedy)
    return data
