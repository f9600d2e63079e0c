"""What a hashing law says of itself beside its kind (see `sr_ports.HashingLaw`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from sr_ports import HashingLaw
from sr_ports.compared import Compared

SHA256: Final = "sha256"
CALLS: Final = ("stated", "members", "culprit", "notes")
"""What a law may be asked beside its digest."""
_HEX = frozenset("0123456789abcdef")
_SHORTEST, _LONGEST, _MOST_TEXT = 8, 1024, 256


@attrs.frozen(eq=False, repr=False)
class LawTraits(Compared):
    """`version`: of the law itself. `offers`: what of `CALLS` it has. `fingerprint`: as SR's own laws ship it."""

    version: str | None = None
    algorithm: str = SHA256
    params_schema: Mapping[str, Any] | None = None
    offers: frozenset[str] = frozenset()
    lists_outputs: bool = False
    fingerprint: str | None = None

    @property
    def reads_flag(self) -> bool:
        """Whether the law is given the flag's bytes."""
        return not self.offers.isdisjoint(("stated", "members"))

    @property
    def hex_length(self) -> int | None:
        """How long its digests are; None where its algorithm has no one length, or is not known here."""
        return hex_length(self.algorithm)

    def is_digest(self, value: object) -> bool:
        """Whether this is a digest of the law's algorithm in lower-case hex."""
        if not isinstance(value, str) or not _SHORTEST <= len(value) <= _LONGEST or len(value) % 2:
            return False
        return self.hex_length in (None, len(value)) and _HEX.issuperset(value)


def hex_length(algorithm: str) -> int | None:
    """How many hex characters a digest has; None for an algorithm of no one length, or one that is not known here."""
    if algorithm == SHA256:
        return 64
    try:
        return 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size or None
    except ValueError:
        return None


def _is_name(text: str) -> bool:
    return text == SHA256 or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) is not None


def traits_of(law: HashingLaw) -> LawTraits:
    """What the law says of itself. Raises `TypeError` for what says nothing, and what the law's own code raises."""
    known = getattr(law, "traits", None)
    if isinstance(known, LawTraits):
        return known
    version, schema = getattr(law, "version", None), getattr(law, "params_schema", None)
    algorithm: object = getattr(law, "algorithm", SHA256)
    if version is not None and not (isinstance(version, str) and 0 < len(version) <= _MOST_TEXT):
        raise TypeError(f"its version is text, not {version!r}")
    if not isinstance(algorithm, str) or not _is_name(algorithm):
        raise TypeError(f"its algorithm is a name of letters, digits, - and _, not {algorithm!r}")
    if schema is not None and not isinstance(schema, Mapping):
        raise TypeError(f"its params_schema is a mapping, not {schema!r}")
    return LawTraits(
        version=version,
        algorithm=algorithm.lower(),
        params_schema=schema,
        offers=frozenset(name for name in CALLS if callable(getattr(law, name, None))),
        lists_outputs=getattr(law, "lists_outputs", False) is True,
        fingerprint=getattr(law, "shipped_fingerprint", None),
    )
