"""Canonical JSON (RFC 8785) and SHA-256: the one way anything is hashed here."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import rfc8785

_SAFE = 2**53 - 1
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


def canonical_json(document: Any) -> bytes:
    """RFC 8785 bytes of a JSON-like document.

    Integers beyond 2^53 - 1 (a uint64 seed may be one) have no RFC 8785 number form; they
    are written as decimal strings, as RFC 7493 section 2.2 advises.
    """
    try:
        return rfc8785.dumps(document)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_exact(document))


def _exact(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _exact(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_exact(value) for value in node]
    if isinstance(node, int) and not isinstance(node, bool) and abs(node) > _SAFE:
        return str(node)
    return node


def exact_json(document: Any) -> bytes:
    """The bytes artifacts are stored as: compact, sorted keys, integers exact.

    For documents without fractions, with keys of the basic plane, these are the RFC 8785 bytes.
    """
    return _ENCODE(document).encode()


def sha256_hex(data: bytes) -> str:
    """SHA-256 over exact bytes, 64 lower-case hex characters."""
    return hashlib.sha256(data).hexdigest()


def digest_of(document: Any) -> str:
    """SHA-256 over the document's canonical JSON, 64 lower-case hex characters."""
    return sha256_hex(canonical_json(document))
